"""Counts of groups at the event times of strata: what every test between groups is made of.

A test reads a `Tally` by groups and strata, whether it was made here or added up elsewhere. Within a stratum only
event times matter. Who leaves at or after the k-th event time is at risk at it; numbers at risk by group are laid out
for a stretch of event times at a time, so that memory does not grow with times x groups x strata.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data, FollowUp, columns_list, frame_of, group_codes
from childsurv.errors import DataError, ModelError, OptionError, asked, require_columns
from childsurv.fold.causes import Causes, fold_causes
from childsurv.fold.rows import fold_observed
from childsurv.fold.tally import Tally

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CELLS_AT_A_TIME = 4_000_000
"""Largest block of event times x groups."""


@dataclass(frozen=True)
class EventTimes:
    """The event times of one stratum, and the rows that leave and enter between them."""

    times: FloatArray
    """Event times, ascending, of shape ``(n_times,)``."""
    at_risk: FloatArray
    """At risk at each, of all groups together."""
    events: FloatArray
    """Events at each, of all groups together."""
    n_groups: int
    group: IntArray
    """Group of each cell of the tally, of shape ``(n_cells,)``."""
    leave: IntArray
    """Number of event times at or before the end of the cell."""
    enter: IntArray
    """The same for entries; 0 for those at the start."""
    left: FloatArray
    entered: FloatArray
    died: FloatArray
    """Counts of each cell."""
    causes: FloatArray
    """Events of each cause, of shape ``(n_causes, n_cells)``; without rows where no cause was asked for."""

    def events_by_group(self, weight: FloatArray) -> FloatArray:
        """Return each group's events, each counted with the weight of its time."""
        own = np.flatnonzero(self.died)
        weighed = self.died[own] * weight[self.leave[own] - 1]
        return np.bincount(self.group[own], weighed, minlength=self.n_groups).astype(np.float64, copy=False)

    def laid_out(self, counts: FloatArray) -> FloatArray:
        """Return events of each cell by event time and group, of shape ``(n_times, n_groups)``."""
        own = np.flatnonzero(counts)
        key = (self.leave[own] - 1) * self.n_groups + self.group[own]
        table = np.bincount(key, counts[own], minlength=self.times.size * self.n_groups)
        return table.reshape(self.times.size, self.n_groups).astype(np.float64, copy=False)

    def at_risk_by_group(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield stretches of event times and the numbers at risk in them, of shape (n_times there, n_groups)."""
        n_times, n_groups = self.times.size, self.n_groups
        moves = []
        for number, counts, sign in ((self.leave, self.left, -1.0), (self.enter, self.entered, 1.0)):
            moved = np.flatnonzero(counts)
            moves.append((number[moved], self.group[moved], sign * counts[moved]))
        length = max(1, CELLS_AT_A_TIME // n_groups)
        if n_times > length:
            orders = [np.argsort(number, kind="stable") for number, _, _ in moves]
            moves = [
                (number[order], group[order], counts[order])
                for (number, group, counts), order in zip(moves, orders, strict=True)
            ]
        current = np.zeros(n_groups)
        for first in range(0, n_times, length):
            stop = min(first + length, n_times)
            change = np.zeros((stop - first) * n_groups)
            for number, group, counts in moves:
                low, high = (0, number.size)
                if n_times > length:
                    low, high = np.searchsorted(number, [first, stop])
                here = slice(low, high)
                key = (number[here] - first) * n_groups + group[here]
                # Who leaves after the last event time is at risk at all of them.
                change += np.bincount(key, counts[here], minlength=change.size)[: change.size]
            block = change.reshape(-1, n_groups)
            block[0] += current
            np.cumsum(block, axis=0, out=block)
            current = block[-1].copy()
            yield slice(first, stop), block


@dataclass(frozen=True)
class Comparison:
    """Groups to be compared within strata, and their counts."""

    folded: Tally
    """Counts by combination of stratum and group."""
    stratum: IntArray
    """Stratum of each group of the tally."""
    group: IntArray
    """Group of each group of the tally."""
    n_strata: int
    groups: pd.DataFrame
    """Labels of the groups."""
    strata: list[str]
    """Names of the columns of the strata."""
    times: FloatArray | None = None
    """The times whose places the tally counts, where rows had to be sorted: places need no second search."""

    @classmethod
    def of_rows(cls, observed: FollowUp, data: Data, strata: By, causes: Causes | None = None) -> Comparison:
        """Count rows by stratum and group; ``data`` has the columns of the strata."""
        stratum, n_strata, names = strata_of(data, observed, strata)
        cell = stratum * observed.n_groups + observed.group
        present = np.flatnonzero(np.bincount(cell, minlength=n_strata * observed.n_groups))
        code = observed.group
        if present.size < cell.max() + 1 or n_strata > 1:
            place = np.zeros(n_strata * observed.n_groups, dtype=np.int64)
            place[present] = np.arange(present.size)
            code = place[cell]
        regrouped = replace(observed, group=code, groups=pd.DataFrame({"cell": present}))
        times = None
        if observed.codes is not None and causes is None:
            # Place 0 is time 0: rows that enter there are at risk from the start.
            shift = int(observed.codes.ends[0] != 0)
            times = np.concatenate([np.zeros(shift), observed.codes.ends])
            entry = observed.codes.entry
            regrouped = replace(
                regrouped,
                time=observed.codes.time + shift,
                entry=None if observed.entry is None or entry is None else entry + shift,
                codes=None,
            )
        folded = (
            fold_observed(regrouped) if causes is None else fold_causes(replace(causes, observed=regrouped))
        )
        n_groups = observed.n_groups
        return cls(folded, present // n_groups, present % n_groups, n_strata, observed.groups, names, times)

    @classmethod
    def of_tally(cls, folded: Tally, by: By, strata: By) -> Comparison:
        """Take counts that were added up elsewhere; group columns that are neither are added up over."""
        names, within = columns_list(by), columns_list(strata, argument="strata")
        if not folded.whole_weights:
            raise OptionError(f"{asked()}: tests count children; tally without weights, or with frequencies.")
        require_columns(folded.groups.columns, [*names, *within])
        folded = folded.by(list(dict.fromkeys([*names, *within])))
        group, groups = group_codes(folded.groups, names, warn_empty=False)
        stratum, labels = group_codes(folded.groups, within, warn_empty=False)
        return cls(folded, stratum, group, max(len(labels), 1), groups, within)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.groups)

    @property
    def patients(self) -> IntArray:
        """Rows of each group."""
        left = self.folded.heads.totals("left")
        return np.bincount(self.group, left, minlength=self.n_groups).astype(np.int64)

    def pair(self, first: int, second: int) -> Comparison:
        """Return the comparison of two groups alone."""
        chosen = np.flatnonzero((self.group == first) | (self.group == second))
        cells = np.flatnonzero(np.isin(self.folded.group, chosen))
        place = np.zeros(self.group.size, dtype=np.int64)
        place[chosen] = np.arange(chosen.size)
        folded = replace(
            self.folded,
            groups=self.folded.groups.iloc[chosen].reset_index(drop=True),
            group=place[self.folded.group[cells]],
            end=self.folded.end[cells],
            sums={name: values[cells] for name, values in self.folded.sums.items()},
        )
        return replace(
            self,
            folded=folded,
            stratum=self.stratum[chosen],
            group=(self.group[chosen] == second).astype(np.int64),
            groups=self.groups.iloc[[first, second]].reset_index(drop=True),
        )

    def event_times(self) -> Iterator[EventTimes]:
        """Yield the event times of every stratum that has events."""
        folded = self.folded
        of_cell = self.stratum[folded.group]
        rows_of: list[IntArray | slice] = [slice(None)]
        if self.n_strata > 1:
            order = np.argsort(of_cell, kind="stable")
            bounds = np.searchsorted(of_cell[order], np.arange(self.n_strata + 1))
            rows_of = [order[bounds[k] : bounds[k + 1]] for k in range(self.n_strata)]
        by_cause = folded.events_by_cause if folded.causes else np.zeros((0, folded.end.size))
        for rows in rows_of:
            died = np.asarray(folded.sums["events"][rows])
            if not died.any():
                continue
            end = folded.end[rows]
            times, leave = _event_times(end, died)
            if self.times is not None:
                times = self.times[times.astype(np.int64)]
            left, entered = (np.asarray(folded.sums[name][rows]) for name in ("left", "entered"))
            # An entry at 0 is there from the start, before events at 0.
            enter = np.where(end == 0, 0, leave)
            gone = np.bincount(leave, left, minlength=times.size + 1)
            came = np.bincount(enter, entered, minlength=times.size + 1)
            events = np.bincount(leave, died, minlength=times.size + 1)[1:]
            yield EventTimes(
                times=times,
                at_risk=np.cumsum(came - gone)[:-1],
                events=events.astype(np.float64, copy=False),
                n_groups=self.n_groups,
                group=self.group[folded.group[rows]],
                leave=leave,
                enter=enter,
                left=left.astype(np.float64),
                entered=entered.astype(np.float64),
                died=died.astype(np.float64),
                causes=by_cause[:, rows].astype(np.float64),
            )


def _event_times(end: npt.NDArray[np.number], died: npt.NDArray[np.number]) -> tuple[FloatArray, IntArray]:
    """Return the distinct ends of cells with events, and how many of them are at or before the end of each cell."""
    eventful = end[np.flatnonzero(died)]
    if end.dtype.kind == "i":
        # Days are looked up in a table.
        has_event = np.zeros(int(end.max()) + 1, dtype=bool)
        has_event[eventful] = True
        return np.flatnonzero(has_event).astype(np.float64), np.cumsum(has_event, dtype=np.int64)[end]
    times = np.unique(eventful).astype(np.float64)
    return times, np.searchsorted(times, end, side="right")


def require_two_groups(n_groups: int, names: Sequence[str]) -> None:
    """Raise a `DataError` where there is nothing to compare."""
    if n_groups < 2:
        raise DataError(f"{asked()}: {', '.join(names)} has only one group; there is nothing to compare.")


def compared(
    data: Data | Tally,
    by: By,
    strata: By,
    observed: FollowUp | None,
    causes: Causes | None = None,
) -> Comparison:
    """Return the groups that a test compares, after checking that there are two and an event."""
    names = columns_list(by)
    if isinstance(data, Tally):
        comparison = Comparison.of_tally(data, names, strata)
        require_two_groups(comparison.n_groups, names)
    else:
        assert observed is not None
        require_two_groups(observed.n_groups, names)
        comparison = Comparison.of_rows(observed, data, strata, causes)
    if not comparison.folded.sums["events"].any():
        raise ModelError(f"{asked()}: there are no events. Check that the event column has 1 for a death.")
    return comparison


def strata_of(data: Data, observed: FollowUp, strata: By) -> tuple[IntArray, int, list[str]]:
    """Return the stratum of each row of the follow-up, how many there are, and the names of their columns."""
    names = columns_list(strata, argument="strata")
    frame = frame_of(data)
    require_columns(frame.columns, names)
    stratum, labels = group_codes(frame, names, warn_empty=False)
    return stratum[observed.rows], max(len(labels), 1), names
