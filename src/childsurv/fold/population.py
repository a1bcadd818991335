"""The fold of follow-up through a life table: daily sums of expected events, plain, and weighted by 1 / S_P or S_P.

Within a piece of follow-up the population hazard is constant, so a person's weight on day k is an exponential
in k. Expanded about the middle c of a block of days it is a polynomial to machine precision,

    w exp(lambda (k - c)) = w + w lambda (k - c) + w lambda^2 (k - c)^2 / 2 + ...,

and the sum over people of polynomials is the polynomial of the summed coefficients. So each piece adds its few
coefficients where it starts and takes them away where it stops; running sums over days then give, for every day
and group at once, what a loop over people and days would. A child's hazard is so small that three or four terms do.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from childsurv.lifetable.paths import MarkedCells, cell_index, pieces
from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

BLOCK_DAYS = 1024
"""Days about whose middle weights are expanded: nearly three years, so that few pieces are cut and few terms
are needed."""

LARGEST_EXPONENT = 6.0
"""Largest hazard x distance of the expansion; beyond it terms outgrow their sum and digits are lost."""

SMALLEST_TERM = 1e-14
"""Terms of the expansion below this, relative to the weight, are left out: beyond double precision."""

MANY_ROWS = 200_000
"""Number of people from which threads save time."""

ROWS_OF_A_THREAD = 65_536
"""People folded together by a thread: enough that threads seldom wait for each other."""

MOST_THREADS = 4
"""More would wait for Python's lock."""

ROWS_AT_A_TIME = 16_384
"""People folded together: few enough that the arrays of their pieces stay in the processor's cache."""

POWERS_OF_ALL = 3
"""Powers that are added up for all pieces, needed or not."""

BOUNDARIES_AT_A_TIME = 2**18
"""Boundaries between pieces that are added up at once; a step of a batch must fit in."""

CELLS_AT_A_TIME = 1_000_000
"""Group-days folded together; bounds the memory of the coefficients whatever the number of groups."""


@dataclass(frozen=True)
class PopulationSums:
    """Daily sums by group, arrays of shape ``(n_groups, n_days + 1)`` whose column k is the day ``(k - 1, k]``.

    Weighted sums are of ``w = exp(Lambda_P)``, and ``None`` unless they were asked for.
    """

    expected_events: FloatArray | None
    """Sum over people at risk of the day's population hazard; ``None`` unless asked for."""
    weighted_entered: FloatArray | None
    """Weights of those who enter after day k."""
    weighted_left: FloatArray | None
    """Weights of those who leave on day k."""
    weighted_events: FloatArray | None
    """Weights of those who die on day k."""
    weighted_events_squared: FloatArray | None
    """Squared weights of those who die on day k."""
    weighted_expected_events: FloatArray | None
    """Growth over the day of the summed weight of those at risk: the integral of ``sum(w * lambda_P)`` over it."""
    extended_days: float
    """Person-days that used a cell filled by `LifeTable.extend`."""
    marked_days: dict[int, float]
    """Person-days by flat index of the cell, for cells that were extended or have a hazard of zero."""


@dataclass
class _Coefficients:
    """Jumps of polynomial coefficients of some groups, times ``p!``, by the day from which they hold."""

    n_columns: int
    block_days: int
    by_power: list[FloatArray] = field(default_factory=list)

    def add(
        self,
        key: IntArray,
        begins: FloatArray,
        begin_rate: FloatArray,
        ends: FloatArray,
        end_rate: FloatArray,
    ) -> None:
        """Add ``begins * begin_rate**(p - 1) - ends * end_rate**(p - 1)`` at ``key`` for each power p.

        ``begins`` and ``ends`` are used up.
        """
        power = 1
        difference = np.empty(key.size)
        largest = None
        while key.size:
            if len(self.by_power) < power:
                self.by_power.append(np.zeros(self.n_columns))
            np.subtract(begins, ends, out=difference[: key.size])
            self.by_power[power - 1] += np.bincount(key, difference[: key.size], minlength=self.n_columns)
            power += 1
            # Nearly all need the first powers. Copying pays only if it leaves many out; negligible terms do no
            # harm.
            if power > POWERS_OF_ALL:
                if largest is None:
                    # Rates all have one sign, that of the growth of weights.
                    largest = np.maximum(np.abs(begin_rate), np.abs(end_rate))
                large = np.flatnonzero(largest >= smallest_rate_of_power(power, self.block_days / 2))
                if large.size < 0.75 * key.size:
                    key, largest = key[large], largest[large]
                    begins, begin_rate = begins[large], begin_rate[large]
                    ends, end_rate = ends[large], end_rate[large]
            begins *= begin_rate
            ends *= end_rate


class _Boundaries:
    """What begins and ends at each boundary between pieces, collected until there is enough to add up at once.

    A piece's coefficient of the first power is its weight at the middle of the block times its rate.
    """

    def __init__(self, coefficients: _Coefficients | None, rate_jumps: FloatArray | None) -> None:
        self.coefficients, self.rate_jumps = coefficients, rate_jumps
        self.key = np.empty(BOUNDARIES_AT_A_TIME, dtype=np.int64)
        names = ("begin", "begin_rate", "end", "end_rate", "share")
        self.values = {name: np.empty(BOUNDARIES_AT_A_TIME) for name in names}
        self.filled = 0
        self.shares = False

    def take(
        self,
        key: IntArray,
        begin: FloatArray | float,
        begin_rate: FloatArray | float,
        end: FloatArray,
        end_rate: FloatArray,
        share: FloatArray | None,
    ) -> None:
        """Take the boundaries of one step of a batch."""
        if self.filled + key.size > BOUNDARIES_AT_A_TIME:
            self.flush()
        here = slice(self.filled, self.filled + key.size)
        self.key[here] = key
        for name, value in (
            ("begin", begin),
            ("begin_rate", begin_rate),
            ("end", end),
            ("end_rate", end_rate),
        ):
            self.values[name][here] = value
        if share is not None:
            self.values["share"][here] = share
            self.shares = True
        self.filled = here.stop

    def flush(self) -> None:
        """Add up what was taken."""
        here = slice(0, self.filled)
        key = self.key[here]
        begin, begin_rate, end, end_rate = (
            self.values[name][here] for name in ("begin", "begin_rate", "end", "end_rate")
        )
        if self.rate_jumps is not None:
            # Where weights count from the block's beginning, so do rates.
            jump = begin_rate - end_rate * (end != 0)
            if self.shares:
                jump *= self.values["share"][here]
            self.rate_jumps += np.bincount(key, jump, minlength=self.rate_jumps.size)
        if self.coefficients is not None:
            self.coefficients.add(key, begin, begin_rate, end, end_rate)
        self.filled = 0


def smallest_rate_of_power(power: int, distance: float) -> float:
    """Return the hazard below which ``(rate * distance)**power / power!`` is negligible."""
    return float((SMALLEST_TERM * math.factorial(power)) ** (1 / power) / distance)


def block_length(table: LifeTable) -> int:
    """Return the days of a block, a power of 2: `BLOCK_DAYS`, or fewer for a table with extreme hazards."""
    largest = float(np.max(table.rates, initial=0.0, where=~np.isnan(table.rates)))
    days = BLOCK_DAYS
    while days > 2 and largest * days / 2 > LARGEST_EXPONENT:
        days //= 2
    return days


def fold_population(
    table: LifeTable,
    stratum: IntArray,
    *,
    birth: npt.NDArray[np.int64 | np.float64],
    diagnosis: IntArray,
    entry: IntArray | None,
    time: IntArray,
    event: npt.NDArray[np.int8],
    group: IntArray,
    n_groups: int,
    plain: bool,
    weighted: bool,
    case_weights: FloatArray | None = None,
    declining: bool = False,
) -> PopulationSums:
    """Fold all follow-up ``(entry, time]`` through a life table into daily sums by group.

    Parameters
    ----------
    table, stratum
        The life table and each person's stratum.
    birth, diagnosis
        Days since 1970-01-01.
    entry, time, event
        Whole days since diagnosis, and 1 for a death. Weights cumulate from diagnosis even before entry.
    group, n_groups
        Codes from 0.
    plain, weighted
        Which sums to make.
    case_weights
        What each person counts, one unless given.
    declining
        Weight all by ``S_P(t) = exp(-Lambda_P)`` instead of its reciprocal: sums are then of the people whom the
        population would have left alive.
    """
    cell = cell_index(table, stratum, birth, diagnosis, time)
    n_days = int(time.max()) + 1
    block_days = block_length(table)
    n_columns = _columns(n_days, block_days)
    shape = (n_groups, n_days)
    expected = np.zeros(shape) if plain else None
    names = ("entered", "left", "events", "squared", "growth")
    sums = {name: np.zeros(shape) for name in names} if weighted else {}
    marked = MarkedCells(table)
    people = _People(
        table, cell, birth, diagnosis, entry, time, event, group, case_weights,
        plain=plain, weighted=weighted, sign=-1.0 if declining else 1.0, n_days=n_days, n_columns=n_columns,
        block_days=block_days, marked=marked,
    )  # fmt: skip
    # People sorted by group let a band of groups be finished before the next begins, and a batch touch few groups.
    narrow = group.astype(np.int16) if n_groups < 2**15 else group
    order = np.argsort(narrow, kind="stable")
    first_of_group = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=n_groups))])
    band_groups = max(1, CELLS_AT_A_TIME // n_days)
    rows_at_a_time = ROWS_AT_A_TIME if group.size < MANY_ROWS else ROWS_OF_A_THREAD
    for low in range(0, n_groups, band_groups):
        high = min(low + band_groups, n_groups)
        own = order[first_of_group[low] : first_of_group[high]]
        batches = [own[begin : begin + rows_at_a_time] for begin in range(0, own.size, rows_at_a_time)]
        coefficients = _Coefficients((high - low) * n_columns, block_days)
        rate_jumps = np.zeros((high - low) * n_columns)
        for part in _in_order(people.fold, batches, threads=group.size >= MANY_ROWS):
            columns = slice((part.first_group - low) * n_columns, (part.last_group + 1 - low) * n_columns)
            if plain:
                rate_jumps[columns] += part.rate_jumps
            for power, jumps in enumerate(part.coefficients.by_power):
                if len(coefficients.by_power) <= power:
                    coefficients.by_power.append(np.zeros(coefficients.n_columns))
                coefficients.by_power[power][columns] += jumps
            for name, values in part.sums.items():
                sums[name][part.first_group : part.last_group + 1] += values
        if expected is not None:
            expected[low:high, 1:] = _running_sums(rate_jumps, high - low, n_days, block_days)[:, :-1]
        if weighted:
            sums["growth"][low:high, 1:] = _growth(coefficients, high - low, n_days)[:, :-1]
    extended_days, marked_days = marked.totals()
    return PopulationSums(
        expected_events=expected,
        weighted_entered=sums.get("entered"),
        weighted_left=sums.get("left"),
        weighted_events=sums.get("events"),
        weighted_events_squared=sums.get("squared"),
        weighted_expected_events=sums.get("growth"),
        extended_days=extended_days,
        marked_days=marked_days,
    )


Job = TypeVar("Job")
Done = TypeVar("Done")


def _in_order(work: Callable[[Job], Done], jobs: Sequence[Job], *, threads: bool) -> Iterator[Done]:
    """Yield the results of jobs in their order, done by a few threads where that pays.

    NumPy lets go of Python's lock in most of a batch, so that two threads take about two thirds of the time; a result
    does not depend on how many there are.
    """
    workers = min(MOST_THREADS, len(jobs), os.cpu_count() or 1)
    if not threads or workers < 2:
        yield from map(work, jobs)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque(pool.submit(work, job) for job in jobs[: 2 * workers])
        for job in jobs[2 * workers :]:
            yield waiting.popleft().result()
            waiting.append(pool.submit(work, job))
        while waiting:
            yield waiting.popleft().result()


@dataclass(frozen=True)
class _Part:
    """Sums of one batch of people, for the groups from the first to the last that it touches."""

    first_group: int
    last_group: int
    rate_jumps: FloatArray
    coefficients: _Coefficients
    sums: dict[str, FloatArray]


@dataclass(frozen=True)
class _People:
    """All who are folded, and how; arrays of shape ``(n_rows,)``."""

    table: LifeTable
    cell: IntArray
    birth: npt.NDArray[np.int64 | np.float64]
    diagnosis: IntArray
    entry: IntArray | None
    time: IntArray
    event: npt.NDArray[np.int8]
    group: IntArray
    case_weights: FloatArray | None
    plain: bool
    weighted: bool
    sign: float
    n_days: int
    n_columns: int
    block_days: int
    marked: MarkedCells

    def fold(self, rows: IntArray) -> _Part:
        """Fold some people, sorted by group."""
        first_group, last_group = int(self.group[rows[0]]), int(self.group[rows[-1]])
        size = last_group - first_group + 1
        # Those followed longest come first: then those still followed are in front.
        time = self.time.take(rows)
        longest_first = np.argsort(-(time.astype(np.int16) if self.n_days < 2**15 else time), kind="stable")
        batch = self.of(rows.take(longest_first))
        here = batch.group - first_group
        coefficients = _Coefficients(size * self.n_columns, self.block_days)
        rate_jumps = np.zeros(size * self.n_columns if self.plain else 0)
        boundaries = _Boundaries(coefficients if self.weighted else None, rate_jumps if self.plain else None)
        entry_weight, end_weight = batch.add_pieces(here * self.n_columns, boundaries)
        sums: dict[str, FloatArray] = {}
        if self.weighted:
            first_day = here * self.n_days
            left_key = first_day + batch.time
            dead = np.flatnonzero(batch.event)
            entered_key = first_day if batch.entry is None else first_day + batch.entry
            sums = {
                name: np.bincount(key, weight, minlength=size * self.n_days)
                .reshape(size, self.n_days)
                .astype(np.float64, copy=False)
                for name, key, weight in (
                    ("entered", entered_key, entry_weight),
                    ("left", left_key, end_weight),
                    ("events", left_key[dead], end_weight[dead]),
                    ("squared", left_key[dead], end_weight[dead] ** 2),
                )
            }
        return _Part(first_group, last_group, rate_jumps, coefficients, sums)

    def of(self, rows: IntArray) -> _People:
        """Return some of the people."""
        return replace(
            self,
            cell=self.cell.take(rows),
            birth=self.birth.take(rows),
            diagnosis=self.diagnosis.take(rows),
            entry=None if self.entry is None else self.entry.take(rows),
            time=self.time.take(rows),
            event=self.event.take(rows),
            group=self.group.take(rows),
            case_weights=None if self.case_weights is None else self.case_weights.take(rows),
        )

    def add_pieces(self, offset: IntArray, boundaries: _Boundaries) -> tuple[FloatArray, FloatArray]:
        """Add the pieces of these people, longest followed first; return weights at entry and at the end."""
        entry, case_weights, sign, block_days = self.entry, self.case_weights, self.sign, self.block_days
        end_hazard = np.zeros(self.time.size)
        entry_hazard = np.zeros(self.time.size)
        value_before = rate_before = np.zeros(self.time.size)
        shift = block_days.bit_length() - 1
        for piece in pieces(
            self.table,
            self.cell,
            birth=self.birth,
            diagnosis=self.diagnosis,
            time=self.time,
            whole_days=True,
            block_days=block_days,
        ):
            start, stop, rate, kept = piece.start, piece.stop, piece.rate, piece.kept
            size = start.size
            end_hazard[kept:size] = piece.cumulative[kept:] + rate[kept:] * (stop[kept:] - start[kept:])
            if self.marked.any:
                since = start if entry is None else np.maximum(start, entry[:size])
                self.marked.add(piece.cell, stop - since)
            first_day = start.astype(np.int64)
            # Blocks have a power of 2 of days; to divide would be slow.
            block = first_day >> shift
            begin_of_block = block << shift
            at_middle = piece.cumulative + rate * (begin_of_block + block_days // 2 - start)
            if sign < 0:
                at_middle, rate = -at_middle, -rate
            value = np.exp(at_middle) * rate
            if case_weights is not None:
                value *= case_weights[:size]
            # Sums begin afresh with a block, so nothing of the block before is taken away.
            value_before = value_before * (first_day != begin_of_block)
            if entry is not None:
                entries = entry[:size]
                here = np.flatnonzero((entries >= start) & (entries < stop))
                entry_hazard[here] = piece.cumulative[here] + piece.rate[here] * (entries[here] - start[here])
                followed = entries < stop
                value, rate = value * followed, rate * followed
                first_day = np.where(followed, np.maximum(first_day, entries), first_day)
            column = offset[:size] + block
            share = None if case_weights is None else case_weights[:size]
            boundaries.take(column + first_day, value, rate, value_before, rate_before, share)
            if kept < size:
                # Those who end here and stay in the arrays are closed by the next step; the others now.
                stops = column[kept:] + stop[kept:].astype(np.int64)
                share = None if share is None else share[kept:]
                boundaries.take(stops, 0.0, 0.0, value[kept:], rate[kept:], share)
            value_before, rate_before = value[:kept], rate[:kept]
        boundaries.flush()
        entry_weight, end_weight = np.exp(sign * entry_hazard), np.exp(sign * end_hazard)
        if case_weights is not None:
            entry_weight, end_weight = case_weights * entry_weight, case_weights * end_weight
        return entry_weight, end_weight


def _columns(n_days: int, block_days: int) -> int:
    """Return the number of columns for a number of days: each block has one more, where pieces stop at its end."""
    return -(-n_days // block_days) * (block_days + 1)


def _running_sums(jumps: FloatArray, n_groups: int, n_days: int, block_days: int) -> FloatArray:
    """Return running sums along days; they begin afresh with every block, so that rounding does not build up."""
    sums = np.cumsum(jumps.reshape(n_groups, -1, block_days + 1), axis=2)[:, :, :block_days]
    return sums.reshape(n_groups, -1)[:, :n_days]


def _growth(coefficients: _Coefficients, n_groups: int, n_days: int) -> FloatArray:
    """Return, in column k - 1, how much the summed weight of those at risk grows over day k."""
    # Day k, in column k - 1, runs from k - 1 to k, and a block's middle is at block_days // 2.
    block_days = coefficients.block_days
    end = (np.arange(n_days) % block_days + 1 - block_days // 2).astype(np.float64)
    growth = np.zeros((n_groups, n_days))
    to_end, to_begin = np.ones(n_days), np.ones(n_days)
    for power, jumps in enumerate(coefficients.by_power, start=1):
        to_end *= end / power
        to_begin *= (end - 1) / power
        growth += _running_sums(jumps, n_groups, n_days, block_days) * (to_end - to_begin)
    return growth
