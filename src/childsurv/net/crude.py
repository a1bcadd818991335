"""Crude mortality: the probabilities of dying of the disease and of other causes, with no cause of death known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data, columns_list, warn_no_events
from childsurv.curves.curve_options import CurveOptions
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError, asked, asking, renamed, require_choice
from childsurv.fold.rows import fold_expected, require_expected_sums
from childsurv.fold.split_days import expected_until, split_day_sums
from childsurv.fold.tally import PLAIN_SUMS, Tally
from childsurv.lifetable.people import Columns, People, look_up_conventions, people_of
from childsurv.lifetable.table import LifeTable
from childsurv.maths.asked import asked_numbers
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.running import group_starts, ratio, running_product, running_sum

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CAUSES = ("disease", "population")
"""Causes of the curves, in their order."""

CANCELLED = 1e-13
"""A variance smaller than this share of the sums that it is the difference of is their rounding."""

COMPAT = ("relsurv",)
"""Peers whose conventions can be asked for."""


@asking("crude_mortality")
@renamed(add_times="compat_options.add_times")
def crude_mortality(
    data: Data | Tally,
    life_table: LifeTable | None = None,
    *,
    by: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    age_days: str | None = None,
    sex: str = "sex",
    diagnosis_date: str | None = None,
    level: float = 0.95,
    ci: str = "plain",
    zero_survival: str = "keep",
    compat: str | None = None,
    compat_options: Mapping[str, Any] | None = None,
    minimum: int = 0,
) -> Curves:
    """Estimate the probabilities of having died of the disease and of other causes, from population mortality.

    On day k let d of Y at risk die and E be the sum of their population hazards over the day; S is Kaplan-Meier's
    survival. Then, with S taken before the day,

    ``F_disease(t) = sum over k <= t of S (d - E) / Y``, ``F_population(t) = sum over k <= t of S E / Y``,

    so that ``S + F_disease + F_population = 1``. Their variances are sums over days u <= t of ``d / Y**2`` times the
    squares of ``S(u) + F_disease(u) - F_disease(t)`` and of ``F_population(t) - F_population(u)``. The published
    variance takes the hazards of those at risk as given: limits of the population's curve are too narrow where
    population mortality varies among patients (86 % coverage in a simulation of high mortality; those of the disease
    hold).

    Parameters
    ----------
    data
        A Cohort, a DataFrame with ``time=``, ``event=``, ``age_days=`` and ``diagnosis_date=``, or a `Tally` made with
        a life table.
    life_table
        Population mortality; every patient uses the stratum named by its ``by`` columns and sex. A Tally needs none;
        one that is given must be the table that the Tally was made with.
    by
        Column or columns whose combinations are the groups.
    time, event, entry
        Columns of a DataFrame: end of follow-up in whole days, 1 for a death of any cause, start of follow-up.
    age_days, sex, diagnosis_date
        Columns of a DataFrame: age at diagnosis in days, "male" or "female", date of diagnosis.
    level
        Confidence level.
    ci
        Kind of limits, applied to F: "plain" (the default; the probability of dying of the disease is negative where
        fewer died than in the population), "log", "log-log", "logit" or "arcsin".
    zero_survival
        As for `net_survival`.
    compat
        "relsurv": split a day where a cell of the life table ends inside it, as ``cmp.rel`` does. It differs only for
        tables whose ages change after fixed numbers of days.
    compat_options
        For "relsurv": ``{"add_times": ...}``, times in days, not whole, at which the curves step too (its
        ``add.times``).
    minimum
        Children at risk below which a curve ends, and patients below which a group has no estimate (see
        `Curves.with_minimum`).

    Returns
    -------
    Curves
        ``.table`` has the group columns, ``cause`` ("disease", "population") and ``time, at_risk, events, censored,
        estimate, std_error, lower, upper``. ``events`` are deaths of any cause, in both curves: no cause is known.
        Curves step every day, begin at 0, and are not cut at 0 and 1.

    Raises
    ------
    LifeTableError
        The table does not cover the follow-up, or has no stratum for some patients.
    ColumnError, DataError
        As for `net_survival`.

    References
    ----------
    Cronin KA, Feuer EJ. Cumulative cause-specific mortality for cancer patients in the presence of other causes: a
    crude analogue of relative survival. Stat Med 2000; 19:1729-40.

    Pohar Perme M, Pavlic K. Nonparametric relative survival analysis with the R package relsurv. J Stat Softw 2018;
    87(8):1-27. doi:10.18637/jss.v087.i08

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table()
    >>> crude = cs.crude_mortality(cohort, table).at(years=5)
    >>> dead = 1 - cs.kaplan_meier(cohort).at(years=5)["estimate"][0]
    >>> crude["cause"].tolist(), bool(abs(crude["estimate"].sum() - dead) < 1e-9)
    (['disease', 'population'], True)
    """
    options = CurveOptions.checked(level, ci, minimum)
    columns = Columns(
        time=time, event=event, entry=entry, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date,
    )  # fmt: skip
    cells = crude_cells(
        data, life_table, columns, by=by, zero_survival=zero_survival, compat=compat,
        add_times=asked_add_times(compat, compat_options),
    )  # fmt: skip
    return finish_crude_mortality(cells, options)


def finish_crude_mortality(cells: CrudeCells, options: CurveOptions) -> Curves:
    """Return the curves of both causes."""
    estimates, variances = cells.estimates, _variances(cells)
    n_groups, n_cells = cells.patients.size, cells.end.size
    order = np.argsort(np.tile(cells.group, 2), kind="stable")
    own_cause = np.repeat([0, 1], n_cells)[order]
    row = np.tile(np.arange(n_cells), 2)[order]
    log_variance = ratio(variances, estimates**2, where=variances > 0)
    groups = cells.groups.loc[np.repeat(np.arange(n_groups), 2)].reset_index(drop=True)
    return Curves.made(
        groups.assign(
            cause=np.tile(np.array(CAUSES, dtype=object), n_groups),
            patients=np.repeat(cells.patients, 2),
            total_events=np.repeat(cells.deaths, 2),
        ),
        estimator="Cronin-Feuer",
        options=options,
        conventions={"estimator": "Cronin-Feuer, daily", **cells.conventions},
        followed=cells.followed,
        bounded=False,
        group=cells.group[row] * 2 + own_cause,
        time=cells.end[row],
        at_risk=cells.at_risk[row],
        events=cells.events[row],
        censored=cells.censored[row],
        estimate=estimates[own_cause, row],
        log_variance=log_variance[own_cause, row],
        quantity="crude mortality",
        start=0.0,
    )


def asked_add_times(compat: str | None, options: Mapping[str, Any] | None) -> FloatArray | None:
    """Return the moments in days that ``compat_options={"add_times": ...}`` adds, or ``None``."""
    given = dict(options or {})
    if given and compat is None:
        raise OptionError(
            f"{asked()}: compat_options= goes with compat='relsurv'; otherwise curves step on whole days, every day."
        )
    if unknown := [str(name) for name in given if name != "add_times"]:
        raise OptionError(f"{asked()}: compat_options= knows add_times here, not {', '.join(unknown)}.")
    if given.get("add_times") is None:
        return None
    return asked_numbers(given["add_times"], argument="add_times", positive=True)


@dataclass(frozen=True)
class CrudeCells:
    """What both causes' curves are made of, by group and cell; arrays of shape ``(n_cells,)`` sorted by both."""

    groups: pd.DataFrame
    """Labels, one row a group."""
    patients: IntArray
    """Numbers of patients, one a group."""
    deaths: IntArray
    """Numbers of their deaths, one a group."""
    group: IntArray
    """Code of the group."""
    end: FloatArray
    """End of the cell in days."""
    at_risk: IntArray
    events: IntArray
    censored: IntArray
    survival: FloatArray
    """Kaplan-Meier's, at the cell's end."""
    estimates: FloatArray
    """Curves of the causes, of shape ``(2, n_cells)``."""
    spread: FloatArray
    """``d / Y**2``, the variance of the cell's hazard of death."""
    conventions: dict[str, Any]
    """What the numbers depend on, beside the follow-up."""
    followed: dict[str, Any]
    """Conventions of the follow-up."""

    @property
    def starts(self) -> IntArray:
        """First cell of each group, and the number of cells last."""
        return group_starts(self.group, self.patients.size)


@dataclass(frozen=True)
class _Counts:
    """Numbers by group and cell, arrays of shape ``(n_cells,)`` sorted by both."""

    group: IntArray
    end: FloatArray
    at_risk: IntArray
    events: IntArray
    left: IntArray
    expected: FloatArray
    """The population's deaths."""


def crude_cells(
    data: Data | Tally,
    life_table: LifeTable | None,
    columns: Columns,
    *,
    by: By,
    zero_survival: str,
    compat: str | None,
    add_times: FloatArray | None,
) -> CrudeCells:
    """Fold follow-up and finish it into the curves of both causes; arguments as for `crude_mortality`."""
    if compat is not None:
        require_choice(compat, COMPAT, argument="compat")
    if isinstance(data, Tally):
        require_expected_sums(
            data, life_table, *PLAIN_SUMS, given={"by": by, "compat": compat, **columns.given}
        )
        _require_no_cause(data.groups)
        return _cells(data, _counts(data), {})
    _require_no_cause(columns_list(by))
    people = people_of(data, life_table, columns, by=by, zero_survival=zero_survival)
    warn_no_events(people.observed)
    folded = fold_expected(people, plain=True, weighted=False)
    if compat is None:
        return _cells(folded, _counts(folded), {})
    conventions = {**look_up_conventions(people.table, change="split"), "compat": compat}
    return _cells(folded, _split_counts(people, folded, add_times), conventions)


def _require_no_cause(names: Iterable[object]) -> None:
    if "cause" in names:
        raise OptionError(f"{asked()} adds a column 'cause'; rename the group column of that name.")


def _counts(folded: Tally) -> _Counts:
    sums = folded.sums
    return _Counts(
        folded.group, folded.end.astype(np.float64), folded.at_risk, sums["events"], sums["left"],
        sums["expected_events"],
    )  # fmt: skip


def _split_counts(people: People, folded: Tally, add_times: FloatArray | None) -> _Counts:
    """Return the counts with days split where a cell of the life table ends, and at added moments."""
    split = split_day_sums(people, group=people.group, n_groups=people.n_groups)
    counts = replace(
        _counts(folded), expected=split.expected_events[folded.group, folded.end.astype(np.int64)]
    )
    moments = np.empty(0) if add_times is None else add_times
    moments = np.unique(moments[(moments % 1 != 0) & (moments < counts.end.max())])
    return _with_moments(counts, moments, expected_until(people, moments)) if moments.size else counts


def _cells(folded: Tally, counts: _Counts, more: Mapping[str, Any]) -> CrudeCells:
    """Finish counts into the curves of both causes; ``more`` are conventions that take the place of the usual."""
    assert folded.life_table is not None
    starts = group_starts(counts.group, folded.n_groups)
    # No child is at risk between separate stretches of delayed entry; such days add nothing.
    hazard = ratio(counts.events, counts.at_risk)
    population = ratio(counts.expected, counts.at_risk)
    survival = running_product(1.0 - hazard, starts)
    before = np.ones_like(survival)
    before[1:] = survival[:-1]
    before[starts[:-1]] = 1.0
    return CrudeCells(
        groups=folded.groups,
        patients=folded.totals("left"),
        deaths=folded.totals("events"),
        group=counts.group,
        end=counts.end,
        at_risk=counts.at_risk,
        events=counts.events,
        censored=counts.left - counts.events,
        survival=survival,
        estimates=np.stack(
            [running_sum(before * part, starts) for part in (hazard - population, population)]
        ),
        spread=ratio(hazard, counts.at_risk),
        conventions={
            "variance": "deaths of any cause, d / Y**2; the life table is taken as known",
            "changes": "on every day",
            **look_up_conventions(folded.life_table),
            **more,
            "extended_person_years": folded.extended_days / DAYS_PER_YEAR,
        },
        followed=folded.follow_up_conventions,
    )


def _with_moments(counts: _Counts, moments: FloatArray, within: FloatArray) -> _Counts:
    """Cut days at moments inside them, given each group's expected deaths from the day's start to the moment."""
    group, end, at_risk = counts.group, counts.end, counts.at_risk
    starts = group_starts(group, within.shape[0])
    last = end[starts[1:] - 1]
    own, column = np.nonzero(moments[None, :] < last[:, None])
    # Cells end on every day from 0 on, so the day that holds the moment is found by its number.
    day = starts[own] + np.ceil(moments[column]).astype(np.int64)
    none = np.zeros(own.size, dtype=np.int64)
    merged: list[npt.NDArray[Any]] = [
        np.concatenate(pair)
        for pair in (
            (group, own),
            (end, moments[column]),
            (at_risk, at_risk[day]),
            (counts.events, none),
            (counts.left, none),
            (counts.expected, within[own, column]),
        )
    ]
    order = np.lexsort((merged[1], merged[0]))
    group, end, at_risk, events, left, since_day = (np.asarray(values)[order] for values in merged)
    same_day = (np.ceil(end[1:]) == np.ceil(end[:-1])) & (group[1:] == group[:-1])
    expected = since_day.copy()
    expected[1:] -= np.where(same_day, since_day[:-1], 0.0)
    return _Counts(group, end, at_risk, events, left, expected)


def _variances(cells: CrudeCells) -> FloatArray:
    """Return the variances of both curves at every cell, of shape (2, n_cells).

    A death at u moves ``F(t)`` by ``(a(u) - F(t)) / Y(u)``, with ``a = S + F`` for the disease, and the population's by
    ``(F(u) - F(t)) / Y(u)``. Multiplied out in powers of ``F(t)`` three running sums give it at all t.
    """
    starts, spread = cells.starts, cells.spread
    variances = np.empty_like(cells.estimates)
    for own, estimate in enumerate(cells.estimates):
        level = estimate + (cells.survival if own == 0 else 0.0)
        constant = running_sum(level**2 * spread, starts)
        linear = running_sum(level * spread, starts)
        square = running_sum(spread, starts)
        variance = constant - 2 * estimate * linear + estimate**2 * square
        # Where the three cancel, only their rounding is left.
        variances[own] = np.where(variance > CANCELLED * (constant + estimate**2 * square), variance, 0.0)
    return variances
