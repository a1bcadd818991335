"""Paths of children through the cells of a life table: the pieces of follow-up on which a hazard is constant.

A piece ends where the table's look-up rule enters the next age or calendar cell (a birthday and 1 January, unless
another rule was asked for), or when follow-up stops: about two pieces a year. `walk` takes all children one piece
further at each step, so its cost grows with children times years and it loops over steps, never over children.

Children keep their places in the arrays, and a step looks at all up to the last one still followed. The walk is fast
for children in descending order of follow-up, and right for any order: a child whose follow-up has ended has a piece
without length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import DataError, LifeTableError, asked, rows_where
from childsurv.lifetable.cells import dates_of_cells
from childsurv.lifetable.clock import Clock
from childsurv.maths.calendar import DAYS_PER_YEAR

if TYPE_CHECKING:
    from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ROWS_AT_A_TIME = 32_768
"""Children walked together: few enough that the arrays of a step stay in the processor's cache."""


FEWEST_TO_TABULATE = 100_000
"""Children from which on it pays to look up all days between them first."""


@dataclass(frozen=True)
class Piece:
    """One step of the walk: a stretch of time in one cell for each of the first ``n`` children, in arrays of ``(n,)``.

    A stretch has no length for a child whose follow-up ended before.
    """

    start: FloatArray
    """Days since diagnosis; the piece is ``(start, stop]``."""
    stop: FloatArray
    rate: FloatArray
    """Hazard per day within it; 0 where it has no length."""
    cumulative: FloatArray
    """Cumulative hazard from diagnosis to ``start``."""
    cell: IntArray
    """Flat index of the cell in ``table.rates``."""
    end: FloatArray
    """End of follow-up, in days since diagnosis."""
    kept: int
    """How many of the children the next step looks at; the follow-up of all after them has ended."""
    first: bool
    """Whether this is the first step."""

    @property
    def last(self) -> IntArray:
        """Positions of the children whose follow-up ends with this piece."""
        ended = self.stop >= self.end
        return np.flatnonzero(ended if self.first else ended & (self.start < self.end))

    @property
    def reached(self) -> FloatArray:
        """Cumulative hazard from diagnosis to ``stop``."""
        return self.cumulative + self.rate * (self.stop - self.start)


def cell_index(
    table: LifeTable,
    stratum: IntArray,
    birth: npt.NDArray[np.int64 | np.float64],
    day: IntArray,
    time: npt.NDArray[np.number],
) -> IntArray:
    """Return the flat index of the cell of each child on a day, after checking follow-up of ``time`` days from it.

    Raises
    ------
    DataError
        A child is born after the day.
    LifeTableError
        Follow-up begins before or goes beyond the table, enters a cell without a value, or a child is
        younger than the first age.
    """
    if (birth > day).any():
        raise DataError(
            f"{asked()}: the birth date is after the date looked up in {rows_where(birth > day)}."
        )
    clock = Clock(table, birth, day)
    position = clock.calendar_day(day)
    early = position < table.year_starts[0]
    late = clock.runs_beyond(time, table.year_end)
    first, last = table.covered_dates
    if early.any():
        raise LifeTableError(
            f"{asked()}: the life table begins on {first}, after the start of follow-up of "
            f"{rows_where(early)}. "
            "Give a table with earlier years, or life_table.extend('last') to carry its first year back "
            "knowingly."
        )
    if late.any():
        raise LifeTableError(
            f"{asked()}: the life table ends on {last}, before the end of follow-up of {rows_where(late)}. "
            "Give a table with later years, life_table.extend('last') to carry its last year on knowingly, "
            "or end follow-up earlier with Cohort.window(followed=(None, date))."
        )
    age = clock.age_cell(day)
    if (age < 0).any():
        raise LifeTableError(
            f"{asked()}: {rows_where(age < 0)} are younger than the first age of the life table. Add its "
            "first ages."
        )
    year = _calendar_cells(table, position)
    n_ages, n_years = table.rates.shape[1:]
    cell = np.asarray((stratum * n_ages + age) * n_years + year, dtype=np.int64)
    _require_no_gaps(table, clock, stratum, birth, day, time, cell)
    return cell


def _calendar_cells(table: LifeTable, position: npt.NDArray[np.int64 | np.float64]) -> IntArray:
    """Return the calendar cells of positions within the table."""
    if position.dtype.kind == "f" or position.size < FEWEST_TO_TABULATE:
        return np.searchsorted(table.year_starts, position, side="right") - 1
    # A gather from a table of days is several times faster than a search.
    first = int(position.min())
    days = np.arange(first, int(position.max()) + 1)
    of_day = np.searchsorted(table.year_starts, days, side="right") - 1
    return of_day.take((position - first).astype(np.int64, copy=False))


def _require_no_gaps(
    table: LifeTable,
    clock: Clock,
    stratum: IntArray,
    birth: npt.NDArray[np.int64 | np.float64],
    day: IntArray,
    time: npt.NDArray[np.number],
    cell: IntArray,
) -> None:
    """Raise when a path enters a cell without a value."""
    gaps = table.gap_counts
    if gaps is None:
        return
    n_ages, n_years = table.rates.shape[1:]
    age, year = (cell // n_years) % n_ages, cell % n_years
    # The path lies in the rectangle of cells between its two ends; only those with a gap there are walked.
    end = day + np.ceil(time).astype(np.int64)
    last_age = clock.age_cell(end) + 1
    last_day = clock.calendar_day(np.maximum(end - 1, day))
    last_year = np.searchsorted(table.year_starts, last_day, side="right")
    inside = gaps[stratum, last_age, last_year] - gaps[stratum, age, last_year]
    suspects = np.flatnonzero(inside > gaps[stratum, last_age, year] - gaps[stratum, age, year])
    if suspects.size == 0:
        return
    enters = np.zeros(day.size, dtype=bool)
    followed = pieces(
        table,
        cell[suspects],
        birth=birth[suspects],
        diagnosis=day[suspects],
        time=time[suspects],
        whole_days=False,
    )
    for piece in followed:
        enters[suspects[np.flatnonzero(np.isnan(piece.rate))]] = True
    if not enters.any():
        return
    labels = table.strata.astype(str).agg(", ".join, axis=1).to_numpy()
    counts = np.bincount(stratum[enters], minlength=labels.size)
    listed = [f"{labels[code]} ({counts[code]:,} rows)" for code in np.flatnonzero(counts)]
    raise LifeTableError(
        f"{asked()}: the life table has no value for a cell that follow-up enters in {rows_where(enters)}; "
        "by "
        f"{', '.join(table.strata.columns)}: {'; '.join(listed[:20])}{'; ...' if len(listed) > 20 else ''}. "
        "Its source has a gap there, fewer years or ages than other strata, or a probability of 1 for the "
        "open age group. Give a "
        "fuller table, life_table.extend('last') to carry years (not ages) on knowingly, or exclude these "
        "rows."
    )


def walk(
    table: LifeTable,
    stratum: IntArray,
    *,
    birth: npt.NDArray[np.int64 | np.float64],
    diagnosis: IntArray,
    time: npt.NDArray[np.number],
    whole_days: bool,
    block_days: int | None = None,
) -> Iterator[Piece]:
    """Yield the pieces of all follow-up ``(0, time]``, one step of all children at a time.

    Parameters
    ----------
    table, stratum
        The life table and each child's stratum in it.
    birth, diagnosis
        Days since 1970-01-01; births may lie within a day where ages count from a fixed number of days.
    time
        End of follow-up in days since diagnosis.
    whole_days
        Let a cut that falls inside a day take effect from the next whole day, as one look-up at the start of
        each day does. Cuts on dates are whole days anyway.
    block_days
        Also cut at multiples of this many days.
    """
    cell = cell_index(table, stratum, birth, diagnosis, time)
    yield from pieces(
        table, cell, birth=birth, diagnosis=diagnosis, time=time, whole_days=whole_days, block_days=block_days
    )


def pieces(
    table: LifeTable,
    cell: IntArray,
    *,
    birth: npt.NDArray[np.int64 | np.float64],
    diagnosis: IntArray,
    time: npt.NDArray[np.number],
    whole_days: bool,
    block_days: int | None = None,
) -> Iterator[Piece]:
    """Yield the pieces of paths that begin in known cells and were checked to stay inside the table."""
    hazards = table.rates.ravel()
    clock = Clock(table, birth, diagnosis, whole_days=whole_days)
    at = (_OnDates if clock.only_dates else _AnyRule)(table, clock, cell)
    start = np.zeros(diagnosis.size)
    end = np.asarray(time, dtype=np.float64)
    cumulative = np.zeros(diagnosis.size)
    next_block = None if block_days is None else np.full(diagnosis.size, float(block_days))
    first = True
    while True:
        stop = np.minimum(at.next_age, at.next_year)
        np.minimum(stop, end, out=stop)
        if next_block is not None:
            np.minimum(stop, next_block, out=stop)
        # A child whose follow-up has ended may be in a cell without a value, which it never enters.
        rate = np.where(start < end, hazards.take(at.cell), 0.0)
        going = stop < end
        kept = going.size - int(going[::-1].argmax()) if going.any() else 0
        yield Piece(start, stop, rate, cumulative, at.cell, end, kept, first)
        first = False
        if kept == 0:
            return
        cumulative = cumulative[:kept] + rate[:kept] * (stop[:kept] - start[:kept])
        start, end = stop[:kept], end[:kept]
        at.move(start)
        if next_block is not None:
            next_block = next_block[:kept]
            next_block[next_block <= start] += block_days


def pieces_in_batches(
    table: LifeTable,
    stratum: IntArray,
    *,
    birth: npt.NDArray[np.int64 | np.float64],
    diagnosis: IntArray,
    time: npt.NDArray[np.number],
) -> Iterator[tuple[slice, Piece]]:
    """Yield the pieces of all follow-up ``(0, time]``, some rows at a time, each piece with the rows of its batch.

    Everything is checked before the work is cut up, so that a message counts all rows and not those of one batch.
    """
    cell = cell_index(table, stratum, birth, diagnosis, time)
    for first in range(0, diagnosis.size, ROWS_AT_A_TIME):
        batch = slice(first, first + ROWS_AT_A_TIME)
        for piece in pieces(
            table,
            cell[batch],
            birth=birth[batch],
            diagnosis=diagnosis[batch],
            time=time[batch],
            whole_days=False,
        ):
            yield batch, piece


class _AnyRule:
    """Cells of children and when they enter the next ones, by any rule of look-up."""

    def __init__(self, table: LifeTable, clock: Clock, cell: IntArray) -> None:
        n_ages, self.n_years = table.rates.shape[1:]
        self.clock, self.cell, self.year_ends = clock, cell, _ends_of_years(table)
        # Places in the table beside the flat index, because to divide is slow.
        self.age, self.year = cell // self.n_years % n_ages, cell % self.n_years
        rows = np.arange(cell.size)
        self.next_age = clock.age_cut(self.age + 1, rows)
        self.next_year = clock.calendar_cut(self.year_ends[self.year], rows)

    def move(self, now: FloatArray) -> None:
        """Put the first children, each at its own time, into the cells that they are in then."""
        kept = now.size
        self.cell = self.cell[:kept].copy()
        self.next_age, self.next_year = self.next_age[:kept], self.next_year[:kept]
        older = np.flatnonzero(self.next_age <= now)
        self.cell[older] += self.n_years
        self.age[older] += 1
        self.next_age[older] = self.clock.age_cut(self.age[older] + 1, older)
        later = np.flatnonzero(self.next_year <= now)
        self.cell[later] += 1
        self.year[later] += 1
        self.next_year[later] = self.clock.calendar_cut(self.year_ends[self.year[later]], later)


class _OnDates:
    """The same where cells change on birthdays and dates only: all children move at once, and none is picked."""

    def __init__(self, table: LifeTable, clock: Clock, cell: IntArray) -> None:
        n_ages, self.n_years = table.rates.shape[1:]
        self.cell, self.clock, self.year_ends = cell, clock, _ends_of_years(table)
        self.age, self.year = cell // self.n_years % n_ages, cell % self.n_years
        self.next_age, self.next_year = self._cuts()

    def _cuts(self) -> tuple[FloatArray, FloatArray]:
        size = self.age.size
        return self.clock.next_birthday_cut(self.age), self.year_ends.take(self.year) - self.clock.diagnosis[
            :size
        ]

    def move(self, now: FloatArray) -> None:
        """Put the first children, each at its own time, into the cells that they are in then."""
        kept = now.size
        older, later = self.next_age[:kept] <= now, self.next_year[:kept] <= now
        self.age, self.year = self.age[:kept], self.year[:kept]
        self.age += older
        self.year += later
        self.cell = self.cell[:kept] + older * self.n_years + later
        self.next_age, self.next_year = self._cuts()


def _ends_of_years(table: LifeTable) -> FloatArray:
    """Return the ends of calendar cells; follow-up that a table covers never leaves the last, so that it has none."""
    ends = np.append(table.year_starts[1:], table.year_end).astype(np.float64)
    ends[-1] = np.inf
    return ends


def cumulative_hazard(
    table: LifeTable,
    stratum: IntArray,
    *,
    birth: npt.NDArray[np.int64 | np.float64],
    diagnosis: IntArray,
    time: npt.NDArray[np.number],
) -> FloatArray:
    """Return each child's population hazard cumulated from diagnosis to ``time``, exact over cells."""
    total = np.zeros(diagnosis.size)
    for batch, piece in pieces_in_batches(table, stratum, birth=birth, diagnosis=diagnosis, time=time):
        total[batch][piece.kept : piece.start.size] = piece.reached[piece.kept :]
    return total


class MarkedCells:
    """Collects person-days in extended cells and in those with a hazard of zero."""

    def __init__(self, table: LifeTable) -> None:
        self.extended = table.extended.ravel()
        self.marked = self.extended | (table.rates.ravel() == 0)
        self.any = bool(self.marked.any())
        self.taken: list[tuple[IntArray, FloatArray]] = []

    def add(self, cell: IntArray, days: FloatArray) -> None:
        """Take the pieces of some people, as cells and lengths."""
        here = np.flatnonzero(self.marked[cell] & (days > 0))
        if here.size:
            self.taken.append((cell[here], days[here]))

    def totals(self) -> tuple[float, dict[int, float]]:
        """Return the person-days in extended cells, and in each marked cell."""
        if not self.taken:
            return 0.0, {}
        cells, place = np.unique(np.concatenate([cells for cells, _ in self.taken]), return_inverse=True)
        days = np.bincount(place, np.concatenate([days for _, days in self.taken]))
        return float(days[self.extended[cells]].sum()), dict(zip(cells.tolist(), days.tolist(), strict=True))


def marked_cells_table(table: LifeTable, marked_days: Mapping[int, float]) -> pd.DataFrame:
    """Return the marked cells that were used, one row each.

    Columns are the table's strata and ``sex``, ``age`` (start of the cell, in the unit of the table), ``from_date``
    (missing where the cell is open), ``extended``, ``hazard_zero`` and ``person_years``.
    """
    cells = np.array(sorted(marked_days), dtype=np.int64)
    days = np.array([marked_days[int(cell)] for cell in cells], dtype=np.float64)
    return labels_of_cells(table, cells).assign(person_years=days / DAYS_PER_YEAR)


def labels_of_cells(table: LifeTable, cells: IntArray) -> pd.DataFrame:
    """Return the labels of `marked_cells_table`, without person-years, of cells by their flat index."""
    n_ages, n_years = table.rates.shape[1:]
    stratum, age, year = cells // (n_ages * n_years), cells // n_years % n_ages, cells % n_years
    used: pd.DataFrame = table.strata.iloc[stratum].reset_index(drop=True)
    used["age"] = table.age_starts[age]
    used["from_date"] = dates_of_cells(table.year_starts[year])
    used["extended"] = table.extended.ravel()[cells]
    used["hazard_zero"] = table.rates.ravel()[cells] == 0
    return used
