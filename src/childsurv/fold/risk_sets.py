"""Who is at risk at each event time: the counts that all tests between groups are made of.

Within a stratum only event times matter. A row is at risk at the event times numbered from ``enter`` to ``leave - 1``;
an event of its own happens at number ``leave - 1``. Numbers at risk by group are laid out for a stretch of event times
at a time, so that memory does not grow with times x groups x strata.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import FollowUp

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CELLS_AT_A_TIME = 4_000_000
"""Largest block of event times x groups."""


@dataclass(frozen=True)
class RiskSets:
    """Rows of one stratum and its event times.

    Attributes
    ----------
    times : ndarray of shape (n_times,)
        Event times, ascending.
    at_risk, events : ndarray of shape (n_times,)
        Of all groups together.
    group, event : ndarray of shape (n_rows,)
        Group of each row, and whether it ended with an event.
    leave : ndarray of shape (n_rows,)
        Number of event times at or before the end of follow-up.
    enter : ndarray or None
        Number of event times at or before the start of follow-up; ``None`` when all are at risk from the start.
    n_groups : int
    """

    times: FloatArray
    at_risk: FloatArray
    events: FloatArray
    group: IntArray
    event: npt.NDArray[np.bool_]
    leave: IntArray
    enter: IntArray | None
    n_groups: int

    def events_by_group(self, weight: FloatArray) -> FloatArray:
        """Return each group's events, each counted with the weight of its time."""
        dead = np.flatnonzero(self.event)
        own = weight[self.leave[dead] - 1]
        return np.bincount(self.group[dead], own, minlength=self.n_groups).astype(np.float64, copy=False)

    def at_risk_by_group(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield stretches of event times and the numbers at risk in them, of shape (n_times there, n_groups)."""
        n_times, n_groups = self.times.size, self.n_groups
        if (n_times + 1) * n_groups <= CELLS_AT_A_TIME:
            left = np.bincount(self.leave * n_groups + self.group, minlength=(n_times + 1) * n_groups)
            counts = -left.reshape(n_times + 1, n_groups)
            if self.enter is None:
                counts[0] += np.bincount(self.group, minlength=n_groups)
            else:
                entered = np.bincount(self.enter * n_groups + self.group, minlength=left.size)
                counts += entered.reshape(counts.shape)
            yield slice(0, n_times), np.cumsum(counts[:-1], axis=0, dtype=np.float64)
            return
        moves = [(self.leave, -1.0)]
        if self.enter is not None:
            moves.append((self.enter, 1.0))
        sorted_moves = []
        for number, sign in moves:
            order = np.argsort(number, kind="stable")
            sorted_moves.append((number[order], self.group[order], sign))
        current = np.zeros(n_groups)
        if self.enter is None:
            current += np.bincount(self.group, minlength=n_groups)
        length = max(1, CELLS_AT_A_TIME // n_groups)
        for first in range(0, n_times, length):
            stretch = slice(first, min(first + length, n_times))
            size = stretch.stop - first
            change = np.zeros((size, n_groups))
            for number, group, sign in sorted_moves:
                low, high = np.searchsorted(number, [first, stretch.stop])
                key = (number[low:high] - first) * n_groups + group[low:high]
                change += sign * np.bincount(key, minlength=size * n_groups).reshape(size, n_groups)
            change[0] += current
            block: FloatArray = np.cumsum(change, axis=0)
            current = block[-1].copy()
            yield stretch, block


def risk_sets(observed: FollowUp, stratum: IntArray, n_strata: int) -> Iterator[RiskSets]:
    """Yield the risk sets of every stratum that has events."""
    if observed.codes is not None:
        ends = observed.codes.ends
        time, entry = observed.codes.time, observed.codes.entry
    else:
        ends = np.arange(int(observed.time.max()) + 1, dtype=np.float64)
        time = observed.time.astype(np.int64, copy=False)
        entry = None if observed.entry is None else observed.entry.astype(np.int64, copy=False)
    if observed.entry is None:
        entry = None
    event = observed.event.astype(bool)
    if n_strata == 1:
        rows_of: list[IntArray | slice] = [slice(None)]
    else:
        order = np.argsort(stratum, kind="stable")
        bounds = np.searchsorted(stratum[order], np.arange(n_strata + 1))
        rows_of = [order[bounds[k] : bounds[k + 1]] for k in range(n_strata)]
    for rows in rows_of:
        own_event = event[rows]
        if not own_event.any():
            continue
        own_time = time[rows]
        counts = np.bincount(own_time[own_event], minlength=ends.size)
        number: IntArray = np.cumsum(counts > 0, dtype=np.int64)
        leave = number[own_time]
        enter = None
        if entry is not None:
            # An entry at 0 is there from the start, before events at 0.
            began = ends[entry[rows]] == 0
            enter = np.where(began, 0, number[entry[rows]])
        n_times = int(number[-1])
        left = np.bincount(leave, minlength=n_times + 1)
        entered = (
            np.bincount(enter, minlength=n_times + 1)
            if enter is not None
            else np.concatenate([[leave.size], np.zeros(n_times, dtype=np.int64)])
        )
        eventful = np.flatnonzero(counts)
        yield RiskSets(
            times=ends[eventful],
            at_risk=np.cumsum(entered - left)[:-1].astype(np.float64),
            events=counts[eventful].astype(np.float64),
            group=np.asarray(observed.group[rows]),
            event=own_event,
            leave=leave,
            enter=enter,
            n_groups=observed.n_groups,
        )
