"""Bootstrap of Kaplan-Meier curves from tallies: thousands of resamples of the children, without their rows.

A resample of n children with replacement is a multinomial draw of how often each kind of child occurs. For survival
up to a time, the kinds are few: a death at one of the event times, or a loss between two of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data, FollowUp, IntArray, follow_up, require_rows, warn_no_events
from childsurv.cohort.table_notes import noted
from childsurv.errors import OptionError, asked, asking, renamed, require_choice, require_level, warn
from childsurv.fold.rows import fold_observed
from childsurv.fold.tally import Tally
from childsurv.maths.asked import asked_times
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.frozen import Frozen
from childsurv.maths.probability import normal_quantile
from childsurv.maths.running import ratio

FloatArray = npt.NDArray[np.float64]

QUANTITIES = ("survival", "rmst", "cumulative hazard")
LIMITS = ("percentile", "bias-corrected", "basic", "normal")

BLOCK_VALUES = 100_000
"""Children drawn, or cells counted, at a time: what fits into a processor's own memory."""

BINOMIAL_COST = 7
"""A binomial count takes as long as drawing about this many children one by one."""


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap(Frozen):
    """Estimates of many groups, and the estimates of each resample of their children.

    Attributes
    ----------
    groups : DataFrame
        One row a group: its labels, ``patients`` and ``total_events``.
    quantity : str
        "survival", "rmst" or "cumulative hazard".
    times : ndarray of shape (n_times,)
        The times asked for, in the unit of follow-up.
    estimate : ndarray of shape (n_groups, n_times)
        Of the children as they are; NaN where a group is not followed to the time.
    replications : ndarray of shape (n_groups, n_times, n_replications)
        The same of each resample; NaN in those without a child followed to the time. Groups are resampled apart, so
        any function of several groups may be taken replication by replication.
    ci : str
        Kind of the limits.
    level : float
        Confidence level of the limits.
    conventions : Mapping
        Every convention that the numbers depend on.

    Notes
    -----
    The arrays are read-only; `table` builds a fresh DataFrame each time.
    """

    groups: pd.DataFrame
    quantity: str
    times: FloatArray
    estimate: FloatArray
    replications: FloatArray
    ci: str
    level: float
    conventions: Mapping[str, Any]

    def __post_init__(self) -> None:
        for array in (self.times, self.estimate, self.replications):
            array.setflags(write=False)
        object.__setattr__(self, "conventions", MappingProxyType(dict(self.conventions)))

    def __repr__(self) -> str:
        return (
            f"<Bootstrap: {self.quantity}, {len(self.groups)} groups, {self.times.size} times, "
            f"{self.replications.shape[2]:,} replications, {self.level:.0%} {self.ci} limits>"
        )

    @property
    def limits(self) -> str:
        """The kind of the limits under its old name, until 1.0."""
        warn("Bootstrap: `.limits` is now called `.ci`; the old name goes at 1.0.", DeprecationWarning)
        return self.ci

    @property
    def group_columns(self) -> list[str]:
        """Names of the columns with the labels of groups."""
        return [name for name in self.groups.columns if name not in ("patients", "total_events")]

    @property
    def table(self) -> pd.DataFrame:
        """A fresh DataFrame with one row for each group and time.

        Group columns, then ``time, estimate, std_error, lower, upper, replications``. ``std_error`` is the standard
        deviation over the resamples in which the quantity is known, and ``replications`` their number. All are
        missing for a group that is not followed to the time.
        """
        return self._frame(np.arange(len(self.groups)), "estimate", self.estimate, self.replications)

    def difference(self, *, reference: Any) -> pd.DataFrame:
        """Return each group's quantity minus that of a reference group, with limits from differences of resamples.

        Parameters
        ----------
        reference
            Label of the reference group; a tuple where there are several group columns.

        Returns
        -------
        DataFrame
            Group columns, ``time, difference, std_error, lower, upper, replications``.

        Raises
        ------
        OptionError
            There is no such group.

        Examples
        --------
        >>> import childsurv as cs
        >>> draws = cs.bootstrap(cs.demo.cohort(patients=500, seed=1), by="sex", years=5, rng=1)
        >>> draws.difference(reference="female")["sex"].tolist()
        ['male']
        """
        if not self.group_columns:
            raise OptionError("difference() needs several groups; estimate with by=.")
        label = reference if isinstance(reference, tuple) else (reference,)
        matches = np.ones(len(self.groups), dtype=bool)
        if len(label) != len(self.group_columns):
            matches[:] = False
        for name, value in zip(self.group_columns, label, strict=False):
            matches &= (self.groups[name] == value).to_numpy(dtype=bool)
        if matches.sum() != 1:
            raise OptionError(
                f"difference(): there is no group {reference!r} of {', '.join(self.group_columns)}; "
                "give a label, or a tuple with one label a column."
            )
        place = int(np.flatnonzero(matches)[0])
        others = np.flatnonzero(~matches)
        return self._frame(
            others,
            "difference",
            self.estimate[others] - self.estimate[place],
            self.replications[others] - self.replications[place],
        )

    def _frame(self, chosen: IntArray, name: str, estimate: FloatArray, draws: FloatArray) -> pd.DataFrame:
        n_times = self.times.size
        rows = np.repeat(chosen, n_times)
        columns: dict[str, Any] = {label: self.groups[label].array.take(rows) for label in self.group_columns}
        flat = draws.reshape(rows.size, -1)
        own = estimate.ravel()
        known = np.isfinite(flat).sum(axis=1)
        std_error = _standard_deviation(flat, known)
        lower, upper = _limits(own, flat, known, std_error, kind=self.ci, level=self.level)
        # A few resamples of a group that is not followed to the time may be known: those in which all die.
        unknown = np.isnan(own)
        columns["time"] = np.tile(self.times, chosen.size)
        columns[name] = own
        for label, values in (("std_error", std_error), ("lower", lower), ("upper", upper)):
            columns[label] = np.where(unknown, np.nan, values)
        columns["replications"] = np.where(unknown, 0, known)
        return noted(pd.DataFrame(columns), self.conventions)


@asking("bootstrap")
@renamed(limits="ci")
def bootstrap(
    data: Data,
    *,
    by: By = None,
    times: Sequence[float] | float | None = None,
    years: Sequence[float] | float | None = None,
    quantity: str = "survival",
    replications: int = 2000,
    rng: Any = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    level: float = 0.95,
    ci: str = "percentile",
    zero_survival: str = "keep",
    time_unit: str = "days",
) -> Bootstrap:
    """Resample the children of each group with replacement, and estimate survival anew from each resample.

    Of n children, kind k (dead at the j-th time, or lost between two) occurs ``N_k`` times in a resample, with
    ``(N_1, N_2, ...) ~ multinomial(n, n_k / n)``; survival is ``product of (1 - d*_j / Y*_j)`` of those numbers. That
    has the distribution of resampling rows. The size of each group is kept.

    Parameters
    ----------
    data, by, time, event, entry
        As for `kaplan_meier`. Late entries are resampled together with the exits they belong to.
    times, years
        Times in the unit of follow-up, or in years of 365.25 days; give one of the two.
    quantity
        "survival" (Kaplan-Meier), "rmst" (the area under it up to each time) or "cumulative hazard" (Nelson-Aalen).
    replications
        How many resamples.
    rng
        A seed or a NumPy Generator. Unless given, numbers differ from call to call.
    weights
        Whole numbers: each row stands for so many children.
    level
        Confidence level.
    ci
        "percentile": quantiles of the replications. "bias-corrected": quantiles at ``Phi(2 z0 -+ z)``, where
        ``Phi(z0)`` is the share of replications below the estimate, ties counted half (no limits where all are on one
        side). "basic": twice the estimate
        less the opposite quantile. "normal": ``estimate -+ z std_error``. The last two are not cut at 0 and 1.
    zero_survival, time_unit
        As for `kaplan_meier`.

    Returns
    -------
    Bootstrap
        ``.table`` has the group columns and ``time, estimate, std_error, lower, upper, replications``;
        ``.replications`` every single draw, and ``.difference(reference=)`` compares groups. A curve that has reached
        0 stays there; any other is unknown (NaN) past the last child, and such resamples are not counted.

    Raises
    ------
    ColumnError, DataError
        As for `kaplan_meier`; weights that are not whole numbers.
    OptionError
        Times, replications or choices that cannot be.

    References
    ----------
    Efron B. Censored data and the bootstrap. J Am Stat Assoc 1981; 76:312-9. doi:10.1080/01621459.1981.10477650
    Efron B, Tibshirani RJ. An introduction to the bootstrap. Chapman and Hall 1993, chapters 13 and 14.

    Examples
    --------
    >>> import childsurv as cs
    >>> draws = cs.bootstrap(cs.demo.cohort(patients=500, seed=1), by="sex", years=[1, 5], rng=1)
    >>> draws.replications.shape
    (2, 2, 2000)
    >>> bool((draws.table["lower"] < draws.table["upper"]).all())
    True
    """
    require_choice(quantity, QUANTITIES, argument="quantity")
    require_choice(ci, LIMITS, argument="ci")
    require_level(level)
    if isinstance(replications, bool) or not isinstance(replications, int | np.integer) or replications < 2:
        raise OptionError(f"{asked()}: replications must be a whole number of 2 or more.")
    generator = np.random.default_rng(rng)
    observed = follow_up(
        data, by=by, time=time, event=event, entry=entry, weights=weights,
        zero_survival=zero_survival, time_unit=time_unit,
    )  # fmt: skip
    wanted = asked_times(times, years, in_days=observed.in_days, unit=observed.time_unit, positive=True)
    warn_no_events(observed)
    if observed.weights is not None:
        require_rows(
            observed.weights % 1 != 0,
            f"{asked()}: column {weights!r} has weights that are not whole numbers",
            "A child is drawn or it is not: give frequencies.",
        )
    folded = fold_observed(observed)
    n_groups = observed.n_groups
    estimate = np.empty((n_groups, wanted.size))
    draws = np.empty((n_groups, wanted.size, replications))
    ascending, column = np.unique(wanted, return_inverse=True)
    # Each turn of the loop makes thousands of resamples of one group; there is nothing to gain across groups.
    for place, kinds in enumerate(_kinds_of_groups(observed, folded, ascending)):
        estimate[place] = kinds.values(*kinds.as_they_are(), quantity)[0, column]
        for first in range(0, replications, kinds.block):
            count = min(kinds.block, replications - first)
            values = kinds.values(*kinds.resampled(generator, count), quantity)
            draws[place, :, first : first + count] = values[:, column].T
    return Bootstrap(
        groups=folded.groups.assign(patients=folded.totals("left"), total_events=folded.totals("events")),
        quantity=quantity,
        times=wanted,
        estimate=estimate,
        replications=draws,
        ci=ci,
        level=level,
        conventions={
            "estimator": "Nelson-Aalen" if quantity == "cumulative hazard" else "Kaplan-Meier",
            "quantity": quantity,
            "resampled": "children within each group",
            "replications": int(replications),
            "ci": ci,
            "level": level,
            "time_unit": "days" if observed.in_days else time_unit,
            "at_risk": "(entry, time]",
            "zero_survival": zero_survival,
            "same_day": observed.same_day,
            "days_per_year": DAYS_PER_YEAR,
            **observed.source,
        },
    )


@dataclass(frozen=True, eq=False)
class _Kinds:
    """The kinds of children of one group, and what a resample of them gives.

    Time is cut at edges: the times of events up to the last one asked for, and the times asked for. Cell ``2 j + 1``
    holds the deaths at edge j, from 0, and cell ``2 j`` those lost before it but not before the edge that precedes it.
    Those at risk at every edge are not a kind: they are all others.
    """

    edges: FloatArray
    """Edges of the cells, ascending."""
    asked: IntArray
    """Places of the times asked for among the edges."""
    size: int
    """Number of children."""
    number: IntArray
    leave: IntArray
    late: IntArray | None
    """Of each kind: how many children, their cell, and the first edge at which they are at risk; ``late`` is
    ``None`` where no child enters late."""

    @property
    def by_counts(self) -> bool:
        """Whether to draw the number of each kind, rather than children one by one."""
        return int(self.number.sum()) > BINOMIAL_COST * self.number.size

    @property
    def block(self) -> int:
        """How many resamples to make at a time."""
        drawn = self.number.size if self.by_counts else int(self.number.sum())
        return max(1, BLOCK_VALUES // max(drawn, 2 * self.edges.size))

    def as_they_are(self) -> tuple[IntArray, IntArray | None]:
        """Return the numbers of `resampled` for the children as they are."""
        return self._cells(self.number[None, :])

    def resampled(self, generator: np.random.Generator, count: int) -> tuple[IntArray, IntArray | None]:
        """Return how many children of each resample leave in each cell, and how many enter late at each edge.

        Returns
        -------
        left : ndarray of shape (count, 2 n_edges)
        entered : ndarray of shape (count, n_edges + 1) or None
        """
        total = int(self.number.sum())
        if total == 0:
            return self._cells(np.zeros((count, 0), dtype=np.int64))
        if self.by_counts:
            chances = np.append(self.number, self.size - total) / self.size
            return self._cells(generator.multinomial(self.size, chances, size=count)[:, :-1])
        # Of the children drawn, so many are of some kind; which ones, all are equally likely to be.
        drawn = generator.binomial(self.size, total / self.size, size=count)
        small = np.uint16 if total <= 2**16 else np.uint32
        child = generator.integers(0, total, size=int(drawn.sum()), dtype=small)
        resample = np.repeat(np.arange(count), drawn)

        def counted(cell: IntArray, width: int) -> IntArray:
            place: IntArray = np.repeat(cell, self.number).take(child)
            place += resample * width
            return np.bincount(place, minlength=count * width).reshape(count, width)

        left = counted(self.leave, 2 * self.edges.size + 1)
        return left, None if self.late is None else counted(self.late, self.edges.size + 1)

    def _cells(self, counts: IntArray) -> tuple[IntArray, IntArray | None]:
        """Add up numbers of kinds, of shape (n_resamples, n_kinds), by cell and by edge of entry."""

        def added(cell: IntArray, width: int) -> IntArray:
            sums = np.zeros((counts.shape[0], width), dtype=np.int64)
            if cell.size:
                order = np.argsort(cell, kind="stable")
                present, first = np.unique(cell[order], return_index=True)
                sums[:, present] = np.add.reduceat(counts[:, order], first, axis=1)
            return sums

        left = added(self.leave, 2 * self.edges.size + 1)
        return left, None if self.late is None else added(self.late, self.edges.size + 1)

    def values(self, left: IntArray, entered: IntArray | None, quantity: str) -> FloatArray:
        """Return the quantity at the times asked for, of shape (n_resamples, n_times)."""
        # Children who stay to the last edge have no cell, so all children in cells have left.
        gone = np.cumsum(left[:, : 2 * self.edges.size], axis=1)
        staying = self.size - gone[:, 0::2]
        deaths = left[:, 1 : 2 * self.edges.size : 2]
        at_risk = staying
        if entered is not None:
            at_risk = staying - (entered[:, ::-1].cumsum(axis=1)[:, ::-1])[:, 1:]
        with_somebody = np.maximum(at_risk, 1)
        hazard = np.asarray(deaths / with_somebody, dtype=np.float64)
        if quantity == "cumulative hazard":
            total = np.cumsum(hazard, axis=1)[:, self.asked]
            return np.where(staying[:, self.asked] > 0, total, np.nan)
        survival = np.cumprod(1.0 - hazard, axis=1)
        values = survival[:, self.asked]
        # What has reached 0 stays there; any other is unknown past the last child.
        known = (staying[:, self.asked] > 0) | (values == 0)
        if quantity == "rmst":
            widths = np.diff(self.edges, prepend=0.0)
            before = np.concatenate([np.ones((survival.shape[0], 1)), survival[:, :-1]], axis=1)
            values = np.cumsum(before * widths, axis=1)[:, self.asked]
        return np.where(known, values, np.nan)


def _kinds_of_groups(observed: FollowUp, folded: Tally, asked: FloatArray) -> Iterator[_Kinds]:
    """Yield the kinds of children of each group for the ascending times asked for."""
    n_groups = observed.n_groups
    ends = np.union1d(folded.end.astype(np.float64), asked)
    n_times = ends.size
    cell_key = folded.group * n_times + np.searchsorted(ends, folded.end)
    with_event = (folded.sums["events"] > 0) & (folded.end <= asked[-1])
    asked_key = np.arange(n_groups)[:, None] * n_times + np.searchsorted(ends, asked)[None, :]
    edge_key = np.union1d(cell_key[with_event], asked_key.ravel())
    starts = np.searchsorted(edge_key, np.arange(n_groups + 1) * n_times)
    edge_time = ends[edge_key % n_times]

    def cells_of(key: IntArray, group: IntArray, dead: bool) -> IntArray:
        """Return the cells in which follow-up ends at some times; deaths past the last edge are losses there."""
        edge = np.searchsorted(edge_key, key, side="left" if dead else "right") - starts[group]
        return np.asarray(np.minimum(2 * edge + dead, 2 * np.diff(starts)[group]))

    if observed.entry is None:
        counts = [folded.sums["events"], folded.sums["left"] - folded.sums["events"]]
        group = np.tile(folded.group, 2)
        leave = np.concatenate([cells_of(cell_key, folded.group, dead) for dead in (True, False)])
        late = np.zeros(leave.size, dtype=np.int64)
        number = np.concatenate(counts).astype(np.int64)
    else:
        group = np.asarray(observed.group)
        dead_rows = observed.event == 1
        key = group * n_times + np.searchsorted(ends, observed.time)
        leave = np.where(dead_rows, cells_of(key, group, True), cells_of(key, group, False))
        entry_key = group * n_times + np.searchsorted(ends, observed.entry)
        late = np.where(
            observed.entry > 0, np.searchsorted(edge_key, entry_key, side="right") - starts[group], 0
        )
        number = np.ones(leave.size, dtype=np.int64)
        if observed.weights is not None:
            number = observed.weights.astype(np.int64)
    # One kind for each group, cell and edge of entry; those at risk at every edge are none.
    sizes = np.bincount(group, number, minlength=n_groups).astype(np.int64)
    n_edges = np.diff(starts)
    drawn = np.flatnonzero((number > 0) & ((leave < 2 * n_edges[group]) | (late > 0)))
    width = int(n_edges.max()) + 1
    code = (group[drawn] * 2 * width + leave[drawn]) * width + late[drawn]
    kinds, place = np.unique(code, return_inverse=True)
    number = np.bincount(place, number[drawn], minlength=kinds.size).astype(np.int64)
    leave, late = kinds // width % (2 * width), kinds % width
    bounds = np.searchsorted(kinds // (2 * width**2), np.arange(n_groups + 1))
    for group_code in range(n_groups):
        own = slice(bounds[group_code], bounds[group_code + 1])
        edges = edge_time[starts[group_code] : starts[group_code + 1]]
        yield _Kinds(
            edges=edges,
            asked=np.searchsorted(edges, asked),
            size=int(sizes[group_code]),
            number=number[own],
            leave=leave[own],
            late=late[own] if late[own].any() else None,
        )


def _standard_deviation(draws: FloatArray, known: IntArray) -> FloatArray:
    """Return the standard deviation of the known draws of each row."""
    there = np.isfinite(draws)
    mean = ratio(np.where(there, draws, 0.0).sum(axis=1), known, where=True)
    squares = np.where(there, (draws - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return np.sqrt(ratio(squares, known - 1, where=known > 1, otherwise=np.nan))


def _limits(
    estimate: FloatArray,
    draws: FloatArray,
    known: IntArray,
    std_error: FloatArray,
    *,
    kind: str,
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Return limits of each row from its draws."""
    from scipy.special import ndtr, ndtri

    z = normal_quantile(level)
    if kind == "normal":
        return estimate - z * std_error, estimate + z * std_error
    # Unknown draws, which are NaN, sort last.
    ascending = np.sort(draws, axis=1)
    tail = np.full(estimate.size, (1 - level) / 2)
    shares = (tail, 1 - tail)
    if kind == "bias-corrected":
        own = estimate[:, None]
        below = ((ascending < own).sum(axis=1) + 0.5 * (ascending == own).sum(axis=1)) / np.maximum(known, 1)
        shift = ndtri(below)
        # With every replication on one side the size of the bias is unknown.
        shift = np.where(np.isinf(shift), np.nan, shift)
        shares = (ndtr(2 * shift - z), ndtr(2 * shift + z))
    lower, upper = (_quantile(ascending, known, share) for share in shares)
    if kind == "basic":
        lower, upper = 2 * estimate - upper, 2 * estimate - lower
    return lower, upper


def _quantile(ascending: FloatArray, known: IntArray, share: FloatArray) -> FloatArray:
    """Return a quantile of the known draws of each row, linear between neighbours."""
    place = share * (np.maximum(known, 1) - 1)
    low = np.floor(np.nan_to_num(place)).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(known, 1) - 1)
    first, second = (np.take_along_axis(ascending, at[:, None], axis=1)[:, 0] for at in (low, high))
    return np.asarray(first + (place - low) * (second - first))
