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
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from childsurv.lifetable.marked_cells import MarkedCells
from childsurv.lifetable.paths import cell_index, pieces
from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

BLOCK_DAYS = 1024
"""Days about whose middle weights are expanded: nearly three years, so that few pieces are cut and few terms
are needed."""

LARGEST_EXPONENT = 6.0
"""Largest hazard x distance of the expansion; beyond it terms outgrow their sum and digits are lost."""

SMALLEST_TERM = 1e-15
"""Terms of the expansion below this, relative to the weight, are left out: beyond double precision."""

ROWS_AT_A_TIME = 16_384
"""People folded together: few enough that the arrays of their pieces stay in the processor's cache."""

CELLS_AT_A_TIME = 1_000_000
"""Group-days folded together; bounds the memory of the coefficients whatever the number of groups."""


@dataclass(frozen=True)
class PopulationSums:
    """Daily sums by group, arrays of shape ``(n_groups, n_days + 1)`` whose column k is the day ``(k - 1, k]``.

    Attributes
    ----------
    expected_events
        Sum over people at risk of the day's population hazard; ``None`` unless asked for.
    weighted_entered, weighted_left, weighted_events, weighted_events_squared
        Sums of weights ``w = exp(Lambda_P)`` of those who enter after, or leave or die on, day k; of ``w**2`` for
        the last.
    weighted_expected_events
        Growth over the day of the summed weight of those at risk, which is the integral of
        ``sum(w * lambda_P)`` over it; ``None`` with the others unless weighted sums were asked for.
    extended_days
        Person-days that used a cell filled by `LifeTable.extend`.
    marked_days
        Person-days by flat index of the cell, for cells that were extended or have a hazard of zero.
    """

    expected_events: FloatArray | None
    weighted_entered: FloatArray | None
    weighted_left: FloatArray | None
    weighted_events: FloatArray | None
    weighted_events_squared: FloatArray | None
    weighted_expected_events: FloatArray | None
    extended_days: float
    marked_days: dict[int, float]


@dataclass
class _Coefficients:
    """Jumps of the polynomial coefficients of one band of groups, by the day from which they hold."""

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
        """Add ``(begins * begin_rate**(p - 1) - ends * end_rate**(p - 1)) / p!`` at ``key`` for each power p."""
        power = 1
        # Rates all have one sign, that of the growth of weights.
        largest = np.maximum(np.abs(begin_rate), np.abs(end_rate))
        while key.size:
            if len(self.by_power) < power:
                self.by_power.append(np.zeros(self.n_columns))
            self.by_power[power - 1] += np.bincount(key, weights=begins - ends, minlength=self.n_columns)
            power += 1
            large = np.flatnonzero(largest >= smallest_rate_of_power(power, self.block_days / 2))
            # Copying pays only if it leaves many out; negligible terms do no harm.
            if large.size < 0.75 * key.size:
                key, largest = key[large], largest[large]
                begins, begin_rate = begins[large], begin_rate[large]
                ends, end_rate = ends[large], end_rate[large]
            begins = begins * (begin_rate / power)
            ends = ends * (end_rate / power)


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
    purpose: str,
) -> PopulationSums:
    """Fold everybody's follow-up ``(entry, time]`` through a life table into daily sums by group.

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
        Weight everybody by ``S_P(t) = exp(-Lambda_P)`` instead of its reciprocal: sums are then of the people whom the
        population would have left alive.
    purpose
        To begin error messages with.
    """
    cell = cell_index(table, stratum, birth, diagnosis, time, purpose=purpose)
    n_days = int(time.max()) + 1
    block_days = block_length(table)
    n_columns = _columns(n_days, block_days)
    shape = (n_groups, n_days)
    expected = np.zeros(shape) if plain else None
    names = ("entered", "left", "events", "squared", "growth")
    sums = {name: np.zeros(shape) for name in names} if weighted else {}
    marked = MarkedCells(table)
    sign = -1.0 if declining else 1.0

    # People sorted by group let a band of groups be finished before the next begins.
    narrow = group.astype(np.int16) if n_groups < 2**15 else group
    order = np.argsort(narrow, kind="stable")
    first_of_group = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=n_groups))])
    band_groups = max(1, CELLS_AT_A_TIME // n_days)
    for low in range(0, n_groups, band_groups):
        high = min(low + band_groups, n_groups)
        people = order[first_of_group[low] : first_of_group[high]]
        n_cells = (high - low) * n_days
        coefficients = _Coefficients((high - low) * n_columns, block_days)
        rate_jumps = np.zeros((high - low) * n_columns)
        band = {name: np.zeros(n_cells) for name in names[:4]} if weighted else {}
        for begin in range(0, people.size, ROWS_AT_A_TIME):
            batch = people[begin : begin + ROWS_AT_A_TIME]
            offset = (group[batch] - low) * n_columns
            own = None if case_weights is None else case_weights[batch]
            entry_weight, end_weight = _fold_batch(
                table, cell[batch], birth[batch], diagnosis[batch],
                None if entry is None else entry[batch], time[batch], offset,
                coefficients if weighted else None, rate_jumps if plain else None, block_days,
                own, sign, marked,
            )  # fmt: skip
            if weighted:
                first_day = (group[batch] - low) * n_days
                left_key = first_day + time[batch]
                dead = np.flatnonzero(event[batch])
                entered_key = first_day if entry is None else first_day + entry[batch]
                band["entered"] += np.bincount(entered_key, weights=entry_weight, minlength=n_cells)
                band["left"] += np.bincount(left_key, weights=end_weight, minlength=n_cells)
                band["events"] += np.bincount(left_key[dead], weights=end_weight[dead], minlength=n_cells)
                band["squared"] += np.bincount(
                    left_key[dead], weights=end_weight[dead] ** 2, minlength=n_cells
                )
        if expected is not None:
            expected[low:high, 1:] = _running_sums(rate_jumps, high - low, n_days, block_days)[:, :-1]
        for name, values in band.items():
            sums[name][low:high] = values.reshape(-1, n_days)
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


def _fold_batch(
    table: LifeTable,
    cell: IntArray,
    birth: npt.NDArray[np.int64 | np.float64],
    diagnosis: IntArray,
    entry: IntArray | None,
    time: IntArray,
    offset: IntArray,
    coefficients: _Coefficients | None,
    rate_jumps: FloatArray | None,
    block_days: int,
    case_weights: FloatArray | None,
    sign: float,
    marked: MarkedCells,
) -> tuple[FloatArray, FloatArray]:
    """Add the pieces of one batch of people; return weights at entry and at the end."""
    end_hazard = np.zeros(time.size)
    entry_hazard = np.zeros(time.size)
    # What begins and ends at each boundary between pieces. A piece's coefficient of the first power is its weight at
    # the middle of the block times its rate.
    keys: list[IntArray] = []
    begins: list[FloatArray] = []
    begin_rates: list[FloatArray] = []
    ends: list[FloatArray] = []
    end_rates: list[FloatArray] = []
    shares: list[FloatArray] = []
    value_before = rate_before = np.zeros(time.size)
    for piece in pieces(
        table, cell, birth=birth, diagnosis=diagnosis, time=time, whole_days=True, block_days=block_days
    ):
        rows, start, stop, rate, at_start = piece.rows, piece.start, piece.stop, piece.rate, piece.cumulative
        last = piece.last
        end_hazard[rows[last]] = at_start[last] + rate[last] * (stop[last] - start[last])
        if marked.any:
            since = start if entry is None else np.maximum(start, entry[rows])
            marked.add(piece.cell, stop - since)
        first_day = start.astype(np.int64)
        block = first_day // block_days
        begin_of_block = block * block_days
        at_middle = at_start + rate * (begin_of_block + block_days // 2 - start)
        if sign < 0:
            at_middle, rate = -at_middle, -rate
        value = np.exp(at_middle) * rate
        if case_weights is not None:
            value *= case_weights[rows]
        # Sums begin afresh with a block, so nothing of the block before is taken away.
        value_before = value_before * (first_day != begin_of_block)
        if entry is not None:
            entries = entry[rows]
            here = np.flatnonzero((entries >= start) & (entries < stop))
            entry_hazard[rows[here]] = at_start[here] + rate[here] * (entries[here] - start[here])
            followed = entries < stop
            value, rate = value * followed, rate * followed
            first_day = np.where(followed, np.maximum(first_day, entries), first_day)
        column = offset[rows]
        column += block
        keys += [column + first_day, column[last] + stop[last].astype(np.int64)]
        if case_weights is not None:
            shares += [case_weights[rows], case_weights[rows[last]]]
        none = np.zeros(last.size)
        begins += [value, none]
        begin_rates += [rate, none]
        ends += [value_before, value[last]]
        end_rates += [rate_before, rate[last]]
        value_before, rate_before = value[piece.going], rate[piece.going]
    key = np.concatenate(keys)
    begin_rate, end_rate = np.concatenate(begin_rates), np.concatenate(end_rates)
    begin, end = np.concatenate(begins), np.concatenate(ends)
    if rate_jumps is not None:
        # Where weights count from the block's beginning, so do rates.
        jump = begin_rate - end_rate * (end != 0)
        if shares:
            jump *= np.concatenate(shares)
        rate_jumps += np.bincount(key, jump, minlength=rate_jumps.size)
    if coefficients is not None:
        coefficients.add(key, begin, begin_rate, end, end_rate)
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
    for power, jumps in enumerate(coefficients.by_power, start=1):
        growth += _running_sums(jumps, n_groups, n_days, block_days) * (end**power - (end - 1) ** power)
    return growth
