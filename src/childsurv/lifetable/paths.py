"""Paths of people through the cells of a life table: the pieces of follow-up on which a hazard is constant.

A piece ends where the table's look-up rule enters the next age or calendar cell (a birthday and 1 January, unless
another rule was asked for), or when follow-up stops: about two pieces a year. `walk` takes everybody one piece
further at each step, so its cost grows with people times years and it loops over steps, never over people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from childsurv.errors import DataError, LifeTableError, rows_where
from childsurv.lifetable.clock import Clock
from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ROWS_AT_A_TIME = 32_768
"""People walked together: few enough that the arrays of a step stay in the processor's cache."""


@dataclass(frozen=True)
class Piece:
    """One step of the walk: for each person still going, a stretch of time in one cell.

    Attributes
    ----------
    rows
        Positions of the people, shape ``(n,)``.
    start, stop
        Days since diagnosis; the piece is ``(start, stop]``.
    rate
        Hazard per day within it.
    cumulative
        Cumulative hazard from diagnosis to ``start``.
    cell
        Flat index of the cell in ``table.rates``.
    last, going
        Which of the people here (positions in the arrays above) end their follow-up with this piece, and which go on
        to the next, in the same order.
    """

    rows: IntArray
    start: FloatArray
    stop: FloatArray
    rate: FloatArray
    cumulative: FloatArray
    cell: IntArray
    last: IntArray
    going: IntArray


def cell_index(
    table: LifeTable,
    stratum: IntArray,
    birth: npt.NDArray[np.int64 | np.float64],
    day: IntArray,
    time: npt.NDArray[np.number],
    *,
    purpose: str,
) -> IntArray:
    """Return the flat index of the cell of each person on a day, checking follow-up of ``time`` days from it.

    Raises
    ------
    DataError
        Somebody is born after the day.
    LifeTableError
        Follow-up begins before or goes beyond the table, enters a cell without a value, or somebody is
        younger than the first age.
    """
    if (birth > day).any():
        raise DataError(
            f"{purpose}: the birth date is after the date looked up in {rows_where(birth > day)}."
        )
    clock = Clock(table, birth, day)
    position = clock.calendar_day(day)
    early = position < table.year_starts[0]
    late = clock.runs_beyond(time, table.year_end)
    first, last = table.covered_dates
    if early.any():
        raise LifeTableError(
            f"{purpose}: the life table begins on {first}, after the start of follow-up of "
            f"{rows_where(early)}. "
            "Give a table with earlier years, or life_table.extend('last') to carry its first year back "
            "knowingly."
        )
    if late.any():
        raise LifeTableError(
            f"{purpose}: the life table ends on {last}, before the end of follow-up of {rows_where(late)}. "
            "Give a table with later years, life_table.extend('last') to carry its last year on knowingly, "
            "or end follow-up earlier with Cohort.window(followed=(None, date))."
        )
    age = clock.age_cell(day)
    if (age < 0).any():
        raise LifeTableError(
            f"{purpose}: {rows_where(age < 0)} are younger than the first age of the life table. Add its "
            "first ages."
        )
    year = np.searchsorted(table.year_starts, position, side="right") - 1
    n_ages, n_years = table.rates.shape[1:]
    cell = np.asarray((stratum * n_ages + age) * n_years + year, dtype=np.int64)
    _require_no_gaps(table, clock, stratum, birth, day, time, cell, purpose=purpose)
    return cell


def _require_no_gaps(
    table: LifeTable,
    clock: Clock,
    stratum: IntArray,
    birth: npt.NDArray[np.int64 | np.float64],
    day: IntArray,
    time: npt.NDArray[np.number],
    cell: IntArray,
    *,
    purpose: str,
) -> None:
    """Raise when somebody's path enters a cell without a value."""
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
        enters[suspects[piece.rows[np.isnan(piece.rate)]]] = True
    if not enters.any():
        return
    labels = table.strata.astype(str).agg(", ".join, axis=1).to_numpy()
    counts = np.bincount(stratum[enters], minlength=labels.size)
    listed = [f"{labels[code]} ({counts[code]:,} rows)" for code in np.flatnonzero(counts)]
    raise LifeTableError(
        f"{purpose}: the life table has no value for a cell that follow-up enters in {rows_where(enters)}; "
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
    purpose: str,
) -> Iterator[Piece]:
    """Yield the pieces of everybody's follow-up ``(0, time]``, one step of all people at a time.

    Parameters
    ----------
    table, stratum
        The life table and each person's stratum in it.
    birth, diagnosis
        Days since 1970-01-01; births may lie within a day where ages count from a fixed number of days.
    time
        End of follow-up in days since diagnosis.
    whole_days
        Let a cut that falls inside a day take effect from the next whole day, as one look-up at the start of
        each day does. Cuts on dates are whole days anyway.
    block_days
        Also cut at multiples of this many days.
    purpose
        To begin error messages with.
    """
    cell = cell_index(table, stratum, birth, diagnosis, time, purpose=purpose)
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
    n_ages, n_years = table.rates.shape[1:]
    hazards = table.rates.ravel()
    year_ends = np.append(table.year_starts[1:], table.year_end).astype(np.float64)
    # A table that covers the follow-up is never left at its last year, so the last cell has no end.
    year_ends[-1] = np.inf
    clock = Clock(table, birth, diagnosis, whole_days=whole_days)

    rows = np.arange(diagnosis.size)
    start = np.zeros(rows.size)
    end = np.asarray(time, dtype=np.float64)
    cell = cell.copy()
    cumulative = np.zeros(rows.size)
    next_age = clock.age_cut((cell // n_years) % n_ages + 1, rows)
    next_year = clock.calendar_cut(year_ends[cell % n_years], rows)
    next_block = None if block_days is None else np.full(rows.size, float(block_days))
    while True:
        stop = np.minimum(next_age, next_year)
        np.minimum(stop, end, out=stop)
        if next_block is not None:
            np.minimum(stop, next_block, out=stop)
        rate = hazards[cell]
        going = stop < end
        keep = np.flatnonzero(going)
        yield Piece(rows, start, stop, rate, cumulative, cell, np.flatnonzero(~going), keep)
        if keep.size == 0:
            return
        cumulative = (cumulative + rate * (stop - start))[keep]
        start = stop[keep]
        rows, cell = rows[keep], cell[keep]
        end, next_age, next_year = end[keep], next_age[keep], next_year[keep]
        older = np.flatnonzero(next_age <= start)
        cells = cell[older] + n_years
        cell[older] = cells
        next_age[older] = clock.age_cut((cells // n_years) % n_ages + 1, rows[older])
        later = np.flatnonzero(next_year <= start)
        cells = cell[later] + 1
        cell[later] = cells
        next_year[later] = clock.calendar_cut(year_ends[cells % n_years], rows[later])
        if next_block is not None:
            next_block = next_block[keep]
            next_block[next_block <= start] += block_days


def cumulative_hazard(
    table: LifeTable,
    stratum: IntArray,
    *,
    birth: npt.NDArray[np.int64 | np.float64],
    diagnosis: IntArray,
    time: npt.NDArray[np.number],
    purpose: str,
) -> FloatArray:
    """Return each person's population hazard cumulated from diagnosis to ``time``, exact over cells."""
    total = np.zeros(diagnosis.size)
    # Everything is checked before the work is cut up, so that a message counts all rows and not those of one
    # batch.
    cell_index(table, stratum, birth, diagnosis, time, purpose=purpose)
    for first in range(0, diagnosis.size, ROWS_AT_A_TIME):
        batch = slice(first, first + ROWS_AT_A_TIME)
        here = total[batch]
        for piece in walk(
            table,
            stratum[batch],
            birth=birth[batch],
            diagnosis=diagnosis[batch],
            time=time[batch],
            whole_days=False,
            purpose=purpose,
        ):
            last = piece.last
            length = piece.stop[last] - piece.start[last]
            here[piece.rows[last]] = piece.cumulative[last] + piece.rate[last] * length
    return total
