"""Sums of patients by interval of follow-up, as registries' life tables make them.

Exact estimators add up days (`population.py`). Here every patient gives one number to each interval: the survival
that the population would have in it, a weight at its middle, a length of time. That is how the programs of the Stata
family and popEpi count, each under its `Convention`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt

from childsurv.lifetable.paths import MarkedCells, cell_index, pieces
from childsurv.lifetable.people import Demographics
from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

VALUES_AT_A_TIME = 4_000_000
"""Patients x intervals that are held together."""

ON_A_BREAK = 1e-6
"""By how much an exit on a break is put into the later interval, where a convention wants it there."""


@dataclass(frozen=True)
class IntervalSums:
    """Sums by group and interval, arrays of shape ``(n_groups, n_intervals)``."""

    heads: FloatArray
    """Patients at risk at the start of the interval."""
    dead: FloatArray
    """Of all in the interval, those who die in it."""
    lost: FloatArray
    """Of all in the interval, those who are lost in it."""
    at_risk: FloatArray
    """As ``heads``, with case weights; so are the sums that follow."""
    events: FloatArray
    events_squared: FloatArray
    withdrawn: FloatArray
    time: FloatArray
    expected_events: FloatArray
    """The population's deaths in that time."""
    present: FloatArray
    """Patients who enter the interval."""
    expected_survival: FloatArray
    """Their summed expected survival through all of it."""
    weighted_at_risk: FloatArray
    """With the weights of Pohar Perme; so are the sums that follow."""
    weighted_events: FloatArray
    weighted_events_squared: FloatArray
    weighted_withdrawn: FloatArray
    weighted_time: FloatArray
    weighted_expected: FloatArray
    """The population's deaths in that time."""
    weighted_hazard: FloatArray
    """Hazards of the whole interval, half for those who leave."""
    weighted_effective: FloatArray
    """Weights of those in the interval, half for those who leave."""


@dataclass(frozen=True)
class Convention:
    """How one patient counts in an interval."""

    half_for_leavers: bool = False
    """Those who die or are lost count half of the interval, or of what follows entry, instead of the exact time."""
    later_on_breaks: bool = False
    """An exit exactly on a break belongs to the later interval."""
    hazard_sign: float = 1.0
    """The weight is ``exp(hazard to the start + hazard_sign * half the hazard of the rest of the interval)``: 1, or -1
    for popEpi's slip."""
    weight_from_entry: bool = False
    """The rest of the interval begins at a late entry, not at the interval's start."""


class Hazards(Protocol):
    """Population hazards of some patients by interval."""

    def rate(self, interval: int, start: FloatArray, stop: FloatArray, rows: slice) -> FloatArray:
        """Return the hazard per unit of time of some of the patients in an interval."""
        ...


class PathHazards:
    """Mean hazards over the whole interval along each patient's exact ages and dates.

    Beyond the end of follow-up, within its interval, the hazard of the last cell goes on, so that no table needs to
    reach beyond what was followed.
    """

    def __init__(
        self,
        table: LifeTable,
        people: Demographics,
        time: FloatArray,
        breaks: FloatArray,
        *,
        marked: MarkedCells,
    ) -> None:
        cell = cell_index(table, people.stratum, people.birth, people.diagnosis, time)
        self.lengths = np.diff(breaks)
        cumulative = np.zeros((time.size, breaks.size))
        flat = cumulative.reshape(-1)
        for piece in pieces(
            table, cell, birth=people.birth, diagnosis=people.diagnosis, time=time, whole_days=False
        ):
            if marked.any:
                marked.add(piece.cell, piece.stop - piece.start)
            low = np.searchsorted(breaks, piece.start, side="right")
            high = np.searchsorted(breaks, piece.stop, side="right")
            # The last piece also answers for the end of the interval in which follow-up stops.
            last = piece.last
            high[last] = np.minimum(high[last] + 1, breaks.size)
            count = high - low
            row = np.repeat(np.arange(count.size), count)
            column = low[row] + np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
            flat[row * breaks.size + column] = piece.cumulative[row] + piece.rate[row] * (
                breaks[column] - piece.start[row]
            )
        self.cumulative = cumulative

    def rate(self, interval: int, start: FloatArray, stop: FloatArray, rows: slice) -> FloatArray:
        """Return the mean hazard of the whole interval."""
        own = self.cumulative[rows]
        return np.asarray((own[:, interval + 1] - own[:, interval]) / self.lengths[interval])


def fold_stretches(
    hazards: Hazards,
    *,
    breaks: FloatArray,
    time: FloatArray,
    entry: FloatArray | None,
    event: npt.NDArray[np.int8],
    group: IntArray,
    n_groups: int,
    case_weights: FloatArray | None,
    convention: Convention,
) -> IntervalSums:
    """Add up patients by interval.

    Parameters
    ----------
    hazards
        Of the patients, in the same order and unit of time.
    breaks
        0 and the ends of intervals, ascending, of shape ``(n_intervals + 1,)``.
    time, entry, event, group, case_weights
        Of the patients, ``time`` in descending order, so that those still followed come first.
    n_groups
        Codes of groups are below it.
    convention
        How one patient counts.
    """
    names = [entry_.name for entry_ in fields(IntervalSums)]
    n_intervals = breaks.size - 1
    sums = {name: np.zeros((n_groups, n_intervals)) for name in names}
    if convention.later_on_breaks:
        time = np.where(np.isin(time, breaks), time + ON_A_BREAK, time)
    cumulative = np.zeros(time.size)
    for interval in range(n_intervals):
        begin, end = float(breaks[interval]), float(breaks[interval + 1])
        size = int(np.searchsorted(-time, -begin, side="left"))
        if size == 0:
            break
        rows = slice(0, size)
        inside = np.ones(size, dtype=bool) if entry is None else entry[rows] < end
        at_start = inside if entry is None else entry[rows] <= begin
        begins = (
            np.full(size, begin) if entry is None else np.where(inside, np.maximum(entry[rows], begin), begin)
        )
        stop = np.minimum(time[rows], end)
        rate = hazards.rate(interval, begins, stop, rows)
        whole = rate * (end - begin)
        leaves = time[rows] <= end
        dead = leaves & (event[rows] == 1)
        lost = leaves & ~dead
        rest = end - begins
        own_time = np.where(leaves, 0.5, 1.0) * rest if convention.half_for_leavers else stop - begins
        if convention.weight_from_entry:
            middle = rate * (begins - begin) + convention.hazard_sign * rate * rest / 2
        else:
            middle = convention.hazard_sign * whole / 2
        share = 1.0 if case_weights is None else case_weights[rows]
        weight = share * np.exp(cumulative[rows] + middle)
        half = np.where(leaves, 0.5, 1.0)
        codes = group[rows]

        def add(name: str, values: FloatArray, where: npt.NDArray[np.bool_], at: int = interval) -> None:
            own = np.flatnonzero(where)
            sums[name][:, at] = np.bincount(codes[own], values[own], minlength=n_groups)  # noqa: B023

        ones = np.ones(size)
        shares = ones * share
        add("heads", ones, at_start)
        add("dead", ones, inside & dead)
        add("lost", ones, inside & lost)
        add("at_risk", shares, at_start)
        add("events", shares, inside & dead)
        add("events_squared", shares**2, inside & dead)
        add("withdrawn", shares, inside & lost)
        add("time", shares * own_time, inside)
        add("expected_events", shares * rate * own_time, inside)
        add("present", shares, inside)
        add("expected_survival", shares * np.exp(-whole), inside)
        add("weighted_at_risk", weight, at_start)
        add("weighted_events", weight, inside & dead)
        add("weighted_events_squared", weight**2, inside & dead)
        add("weighted_withdrawn", weight, inside & lost)
        add("weighted_time", weight * own_time, inside)
        add("weighted_expected", weight * rate * own_time, inside)
        add("weighted_hazard", weight * whole * half, inside)
        add("weighted_effective", weight * half, inside)
        cumulative[rows] += whole
    return IntervalSums(**sums)


def added(parts: list[IntervalSums]) -> IntervalSums:
    """Return the sums over disjoint sets of patients."""
    total = [sum(getattr(part, entry.name) for part in parts) for entry in fields(IntervalSums)]
    return IntervalSums(*(np.asarray(values) for values in total))
