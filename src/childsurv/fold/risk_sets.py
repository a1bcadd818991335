"""Risk sets of a Cox model as index ranges, which turn every sum over a risk set into array arithmetic.

The distinct event times of every stratum are *cells*, numbered stratum by stratum and ascending in time. A
row is at risk in one unbroken range of cells, ``first <= cell < exit``: ``first`` is the first event time
after its entry, and ``exit`` is one past its last event time. A sum over the rows at risk is therefore a running
sum over cells of what leaves, less what has not yet entered, and a sum over the cells of a row is a
difference of two running sums. Strata and delayed entry need nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from childsurv.cohort.follow_up import LARGEST_COUNTED_DAY, FloatArray, FollowUp, IntArray, TimeArray

LARGEST_TABLE = 1_000_000
"""Combinations of stratum and time, beyond four a row, up to which event times are found in a table."""


@dataclass(frozen=True, eq=False, repr=False)
class RiskSets:
    """Cells (event times by stratum), the range of cells of every row, and the terms of tied events."""

    rows: IntArray
    """Row numbers (from 0) of those at risk at one event time or more, ordered by stratum; the others play no part in
    the likelihood. Shape ``(n_at_risk,)``, as are ``first``, ``exit`` and ``weights``."""
    first: IntArray
    """First cell in which the row is at risk."""
    exit: IntArray
    """One past the last cell in which the row is at risk."""
    weights: FloatArray
    """Case weights (1 when none are given)."""
    delayed: bool
    """Whether a row enters after an event time of its stratum."""
    stratum_start: IntArray
    """Where each stratum with events begins in ``rows``; shape ``(n_strata,)``."""
    stratum_of_row: IntArray
    """Number of the stratum of each of ``rows``, counting only strata with events."""
    stratum_code: IntArray
    """The caller's code of each of those strata."""
    cell_start: IntArray
    """First cell of each stratum and, last, the number of cells; shape ``(n_strata + 1,)``."""
    time: FloatArray
    """Event time of each cell."""
    exit_and_event: IntArray
    """``exit``, plus ``n_cells + 1`` for rows with an event."""
    dead: IntArray
    """Places in ``rows`` of the events, ordered by cell; shape ``(n_events,)``."""
    dead_cell: IntArray
    """Cell of each of those events."""
    deaths: IntArray
    """Events in each cell."""
    deaths_weight: FloatArray
    """Sum of the weights of the events in each cell."""
    term_cell: IntArray
    """Cell of each term. There is one term an event (Efron) or a cell (Breslow)."""
    term_fraction: FloatArray
    """Fraction of the tied events' risk that the denominator of each term holds."""
    term_weight: FloatArray
    """Weight of each term."""
    term_start: IntArray
    """First term of each cell."""

    @property
    def n_cells(self) -> int:
        """Number of distinct event times, counted stratum by stratum."""
        return self.time.size

    @property
    def n_strata(self) -> int:
        """Number of strata with events."""
        return self.stratum_start.size

    @property
    def split_ties(self) -> bool:
        """Whether any cell has more than one term (tied events under Efron's method)."""
        return self.term_cell.size > self.n_cells

    @property
    def cell_stratum(self) -> IntArray:
        """Number of the stratum of each cell."""
        return np.repeat(np.arange(self.n_strata), np.diff(self.cell_start))

    def at_risk(self, values: FloatArray) -> FloatArray:
        """Sum values over the rows at risk in each cell: shape ``(n_rows,)`` gives ``(n_cells,)``."""
        return self._running_risk(weighted_count(self.exit, values, self.n_cells + 1), values)

    def at_risk_and_tied(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sum values over the rows at risk in each cell, and over those with an event there."""
        # Rows leave at their last cell, and those with an event have it there: one count serves both sums.
        leaving = weighted_count(self.exit_and_event, values, 2 * self.n_cells + 2)
        without, tied = leaving[: self.n_cells + 1], leaving[self.n_cells + 1 :]
        return self._running_risk(without + tied, values), tied[1:]

    def _running_risk(self, leaving_by_exit: FloatArray, values: FloatArray) -> FloatArray:
        leaving = leaving_by_exit[:0:-1]
        if not self.delayed and self.n_strata == 1:
            return np.cumsum(leaving)[::-1]
        after, after_error = compensated_sum(leaving)
        after, after_error = after[::-1], after_error[::-1]
        if not self.delayed:
            # Rows of later strata are still in the sum: take off what it holds where the stratum ends.
            ends = np.minimum(self.cell_start[1:], self.n_cells - 1)
            last = self.cell_start[1:] < self.n_cells
            sizes = np.diff(self.cell_start)
            left = np.repeat(np.where(last, after[ends], 0.0), sizes)
            left_error = np.repeat(np.where(last, after_error[ends], 0.0), sizes)
            return np.asarray((after - left) + (after_error - left_error))
        to_come, to_come_error = compensated_sum(weighted_count(self.first, values, self.n_cells + 1)[:0:-1])
        return (after - to_come[::-1]) + (after_error - to_come_error[::-1])

    def over_terms(self, values: FloatArray) -> FloatArray:
        """Sum values over the terms of each cell: shape ``(n_terms,)`` gives ``(n_cells,)``."""
        return np.add.reduceat(values, self.term_start) if self.split_ties else values

    def over_cells(self, values: FloatArray) -> FloatArray:
        """Sum values over the cells in which each row is at risk: ``(n_cells,)`` gives ``(n_rows,)``."""
        if self.n_strata == 1 and not self.delayed:
            return np.cumsum(values)[self.exit - 1]
        total, error = compensated_sum(np.concatenate([[0.0], values]))
        return (total[self.exit] - total[self.first]) + (error[self.exit] - error[self.first])

    def from_stratum_start(self, values: FloatArray) -> FloatArray:
        """Sum up over the cells of each stratum, along the last axis."""
        before = self.cell_start[:-1]
        sizes = np.diff(self.cell_start)
        total, error = compensated_sum(np.concatenate([np.zeros((*values.shape[:-1], 1)), values], axis=-1))
        return (total[..., 1:] - np.repeat(total[..., before], sizes, axis=-1)) + (
            error[..., 1:] - np.repeat(error[..., before], sizes, axis=-1)
        )

    def stratum_maximum(self, values: FloatArray) -> FloatArray:
        """Largest value in each stratum: shape ``(n_rows,)`` gives ``(n_strata,)``."""
        return np.maximum.reduceat(values, self.stratum_start)

    def stratum_mean(self, values: FloatArray) -> FloatArray:
        """Weighted mean in each stratum, along the last axis."""
        weight = np.add.reduceat(self.weights, self.stratum_start)
        return np.add.reduceat(values * self.weights, self.stratum_start, axis=-1) / weight

    def by_row(self, of_stratum: FloatArray) -> FloatArray:
        """Give every row the value of its stratum, along the last axis; one stratum is left to broadcast."""
        return of_stratum if self.n_strata == 1 else of_stratum[..., self.stratum_of_row]


def weighted_count(code: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Sum values by code: shapes ``(n,)`` give ``(size,)``."""
    return np.asarray(np.bincount(code, values, size), dtype=np.float64)


def compensated_sum(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cumulative sum along the last axis, and what rounding took from it.

    The two parts together carry twice the digits of one (Knuth's two-sum at every step), so that a difference
    of two places (the sum over a stratum, or over the rows not yet entered) loses nothing by cancellation.
    """
    total = np.cumsum(values, axis=-1)
    previous = np.zeros_like(total)
    previous[..., 1:] = total[..., :-1]
    added = total - previous
    error = (previous - (total - added)) + (values - added)
    return total, np.cumsum(error, axis=-1)


def build_risk_sets(follow: FollowUp, *, ties: str) -> RiskSets:
    """Find cells, ranges of cells and tied terms; there must be an event of positive weight.

    Parameters
    ----------
    follow
        Follow-up, whose groups are the strata. A death at t precedes an entry at t.
    ties
        "efron" or "breslow".
    """
    time, stratum, event = follow.time, follow.group, follow.event == 1
    n_rows = time.size
    weight = np.ones(n_rows) if follow.weights is None else follow.weights
    # A row of weight 0 must count for nothing, in the number of tied deaths too.
    counts = event & (weight > 0)
    many_strata = bool(stratum.any())
    times, end, start = _time_codes(time, follow.entry)
    span = times.size if times is not None else int(end.max(initial=0)) + 1
    base_key = stratum * span
    key = base_key + end
    size = span * (int(stratum.max()) + 1)
    tabled = size <= 4 * n_rows + LARGEST_TABLE
    if tabled:
        has_death = np.zeros(size, dtype=bool)
        has_death[key[counts]] = True
        cell_key = np.flatnonzero(has_death)
        up_to = np.cumsum(has_death)
        exits = up_to[key]
    else:
        cell_key = np.unique(key[counts])
        exits = np.searchsorted(cell_key, key, side="right")
    n_cells = cell_key.size
    cell_code, cell_end = np.divmod(cell_key, span)
    cell_time = cell_end.astype(np.float64) if times is None else times[cell_end]
    base = np.searchsorted(cell_code, np.arange(int(stratum.max()) + 1))[stratum]
    first = base
    if start is not None:
        # An entry at the time of a death follows it: only later cells count.
        entered = base_key + start
        first = up_to[entered] if tabled else np.searchsorted(cell_key, entered, side="right")
    rows = np.flatnonzero(first < exits)
    if many_strata:
        rows = rows[np.argsort(stratum[rows], kind="stable")]
    row_code = stratum[rows]
    stratum_start = np.flatnonzero(np.concatenate([[True], row_code[1:] != row_code[:-1]]))
    stratum_code = row_code[stratum_start]
    stratum_of_row = np.cumsum(np.concatenate([[0], (row_code[1:] != row_code[:-1]).astype(np.int64)]))
    cell_start = np.concatenate([np.searchsorted(cell_code, stratum_code), [n_cells]])

    dead = np.flatnonzero(counts[rows])
    dead = dead[np.argsort(exits[rows][dead], kind="stable")]
    dead_cell = exits[rows][dead] - 1
    deaths = np.bincount(dead_cell, minlength=n_cells)
    deaths_weight = weighted_count(dead_cell, weight[rows][dead], n_cells)
    if ties == "efron":
        term_start = np.cumsum(deaths) - deaths
        term_cell = np.repeat(np.arange(n_cells), deaths)
        place = np.arange(term_cell.size) - term_start[term_cell]
        term_fraction = 1.0 - place / deaths[term_cell]
        term_weight = (deaths_weight / deaths)[term_cell]
    else:
        term_start = term_cell = np.arange(n_cells)
        term_fraction, term_weight = np.ones(n_cells), deaths_weight
    return RiskSets(
        rows=rows,
        first=first[rows],
        exit=exits[rows],
        weights=weight[rows].astype(np.float64),
        delayed=bool((first[rows] > base[rows]).any()),
        stratum_start=stratum_start,
        stratum_of_row=stratum_of_row,
        stratum_code=stratum_code,
        cell_start=cell_start,
        time=cell_time,
        exit_and_event=exits[rows] + (n_cells + 1) * counts[rows],
        dead=dead,
        dead_cell=dead_cell,
        deaths=deaths,
        deaths_weight=deaths_weight,
        term_cell=term_cell,
        term_fraction=term_fraction,
        term_weight=term_weight,
        term_start=term_start,
    )


def _time_codes(
    time: TimeArray, entry: TimeArray | None
) -> tuple[FloatArray | None, IntArray, IntArray | None]:
    """Code distinct times in order; return their values (``None`` if codes are times), ends and entries."""
    if time.dtype.kind == "i" and int(time.max()) <= LARGEST_COUNTED_DAY:
        return None, time.astype(np.int64), None if entry is None else entry.astype(np.int64)
    pooled = time if entry is None else np.concatenate([time, entry])
    times, codes = np.unique(pooled, return_inverse=True)
    codes = codes.astype(np.int64)
    return times.astype(np.float64), codes[: time.size], None if entry is None else codes[time.size :]
