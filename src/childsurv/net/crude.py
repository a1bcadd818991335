"""Crude mortality: the probabilities of dying of the disease and of other causes, with no cause of death known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data, columns_list, follow_up, warn_no_events
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError, asked, asking, require_choice, require_count, require_level
from childsurv.fold.rows import fold_expected
from childsurv.fold.split_days import expected_until, split_day_sums
from childsurv.lifetable.clock import AGE_RULES, CALENDAR_RULES
from childsurv.lifetable.people import demographics
from childsurv.lifetable.table import LifeTable
from childsurv.maths.asked import asked_numbers
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.limits import INTERVAL_KINDS
from childsurv.maths.running import group_starts, running_product, running_sum

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CAUSES = ("disease", "population")
"""Causes of the curves, in their order."""

CANCELLED = 1e-13
"""A variance smaller than this share of the sums that it is the difference of is their rounding."""

COMPAT = ("relsurv",)
"""Peers whose conventions can be asked for."""


@asking("crude_mortality")
def crude_mortality(
    data: Data,
    life_table: LifeTable,
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
    add_times: Sequence[float] | None = None,
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
        A Cohort, or a DataFrame with ``time=``, ``event=``, ``age_days=`` and ``diagnosis_date=``.
    life_table
        Population mortality; every patient uses the stratum named by its ``by`` columns and sex.
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
    add_times
        With ``compat="relsurv"``: times in days, not whole, at which the curves step too (its ``add.times``).
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
    require_choice(ci, INTERVAL_KINDS, argument="ci")
    require_level(level)
    require_count(minimum, argument="minimum")
    cells = crude_cells(
        data, life_table, by=by, time=time, event=event, entry=entry, age_days=age_days, sex=sex,
        diagnosis_date=diagnosis_date, zero_survival=zero_survival, compat=compat, add_times=add_times,
    )  # fmt: skip
    estimates, variances = cells.estimates, _variances(cells)
    n_groups, n_cells = cells.patients.size, cells.end.size
    order = np.argsort(np.tile(cells.group, 2), kind="stable")
    own_cause = np.repeat([0, 1], n_cells)[order]
    row = np.tile(np.arange(n_cells), 2)[order]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_variance = np.where(variances > 0, variances / estimates**2, 0.0)
    groups = cells.groups.loc[np.repeat(np.arange(n_groups), 2)].reset_index(drop=True)
    return Curves(
        groups=groups.assign(
            cause=np.tile(np.array(CAUSES, dtype=object), n_groups),
            patients=np.repeat(cells.patients, 2),
            total_events=np.repeat(cells.deaths, 2),
        ),
        estimator="Cronin-Feuer",
        level=level,
        ci=ci,
        conventions={"estimator": "Cronin-Feuer, daily", "ci": ci, "level": level, **cells.conventions},
        in_days=True,
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
    ).with_minimum(minimum)


@dataclass(frozen=True)
class CrudeCells:
    """What both causes' curves are made of, by group and cell; arrays of shape ``(n_cells,)`` sorted by both.

    Attributes
    ----------
    groups, patients, deaths
        Labels, numbers of patients and of their deaths, one a group.
    group, end
        Code of the group and end of the cell in days.
    at_risk, events, censored
        Numbers in the cell.
    survival
        Kaplan-Meier's, at the cell's end.
    estimates
        Curves of the causes, of shape ``(2, n_cells)``.
    spread
        ``d / Y**2``, the variance of the cell's hazard of death.
    conventions
        What the numbers depend on.
    """

    groups: pd.DataFrame
    patients: IntArray
    deaths: IntArray
    group: IntArray
    end: FloatArray
    at_risk: IntArray
    events: IntArray
    censored: IntArray
    survival: FloatArray
    estimates: FloatArray
    spread: FloatArray
    conventions: dict[str, Any]

    @property
    def starts(self) -> IntArray:
        """First cell of each group, and the number of cells last."""
        return group_starts(self.group, self.patients.size)


def crude_cells(
    data: Data,
    life_table: LifeTable,
    *,
    by: By,
    time: str | None,
    event: str | None,
    entry: str | None,
    age_days: str | None,
    sex: str,
    diagnosis_date: str | None,
    zero_survival: str,
    compat: str | None,
    add_times: Sequence[float] | FloatArray | None,
) -> CrudeCells:
    """Fold follow-up and finish it into the curves of both causes; arguments as for `crude_mortality`."""
    if compat is not None:
        require_choice(compat, COMPAT, argument="compat")
    elif add_times is not None:
        raise OptionError(
            f"{asked()}: add_times= goes with compat='relsurv'; otherwise curves step on whole days, every day."
        )
    if "cause" in columns_list(by):
        raise OptionError(f"{asked()} adds a column 'cause'; rename the group column of that name.")
    observed = follow_up(data, by=by, time=time, event=event, entry=entry, zero_survival=zero_survival)
    warn_no_events(observed)
    people = demographics(data, life_table, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date)
    folded = fold_expected(observed, life_table, people, plain=True, weighted=False)
    group, end, at_risk = folded.group, folded.end.astype(np.float64), folded.at_risk
    events, left = folded.sums["events"], folded.sums["left"]
    expected = folded.sums["expected_events"]
    if compat is not None:
        split = split_day_sums(observed, life_table, people, group=observed.group, n_groups=observed.n_groups)
        expected = split.expected_events[group, folded.end.astype(np.int64)]
        moments = (
            np.empty(0)
            if add_times is None
            else asked_numbers(add_times, argument="add_times", positive=True)
        )
        moments = np.unique(moments[(moments % 1 != 0) & (moments < end.max())])
        if moments.size:
            within = expected_until(observed, life_table, people, moments)
            group, end, at_risk, events, left, expected = _with_moments(
                (group, end, at_risk, events, left, expected), moments, within
            )
    starts = group_starts(group, observed.n_groups)
    # Nobody is at risk between separate stretches of delayed entry; such days say nothing.
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(at_risk > 0, events / at_risk, 0.0)
        population = np.where(at_risk > 0, expected / at_risk, 0.0)
        spread = np.where(at_risk > 0, hazard / at_risk, 0.0)
    survival = running_product(1.0 - hazard, starts)
    before = np.ones_like(survival)
    before[1:] = survival[:-1]
    before[starts[:-1]] = 1.0
    estimates = np.stack([running_sum(before * part, starts) for part in (hazard - population, population)])
    return CrudeCells(
        groups=folded.groups,
        patients=folded.totals("left"),
        deaths=folded.totals("events"),
        group=group,
        end=end,
        at_risk=at_risk,
        events=events,
        censored=left - events,
        survival=survival,
        estimates=estimates,
        spread=spread,
        conventions={
            "variance": "deaths of any cause, d / Y**2; the life table is taken as known",
            "changes": "on every day",
            "at_risk": "(entry, time]",
            "zero_survival": zero_survival,
            "same_day": observed.same_day,
            **look_up_conventions(life_table, whole_days=compat is None),
            **({} if compat is None else {"compat": compat}),
            "extended_person_years": folded.extended_days / DAYS_PER_YEAR,
            "days_per_year": DAYS_PER_YEAR,
            **observed.source,
        },
    )


def look_up_conventions(life_table: LifeTable, *, whole_days: bool = True) -> dict[str, Any]:
    """Return what a result says of how its life table was looked up."""
    within = (
        "; a change within a day holds from the next" if whole_days else "; a change within a day splits it"
    )
    on_whole_days = life_table.age_rule in {"birthday", "completed"}
    return {
        "age_cells": AGE_RULES[life_table.age_rule] + ("" if on_whole_days else within),
        "calendar_cells": CALENDAR_RULES[life_table.calendar_rule],
        "life_table": life_table.source,
        "life_table_digest": life_table.digest,
    }


def _with_moments(
    cells: tuple[npt.NDArray[Any], ...], moments: FloatArray, within: FloatArray
) -> tuple[npt.NDArray[Any], ...]:
    """Cut days at moments inside them, given each group's expected deaths from the day's start to the moment."""
    group, end, at_risk, events, left, expected = cells
    starts = group_starts(group, within.shape[0])
    last = end[starts[1:] - 1]
    own, column = np.nonzero(moments[None, :] < last[:, None])
    # Cells end on every day from 0 on, so the day that holds the moment is found by its number.
    day = starts[own] + np.ceil(moments[column]).astype(np.int64)
    none = np.zeros(own.size, dtype=np.int64)
    merged = [
        np.concatenate(pair)
        for pair in (
            (group, own),
            (end, moments[column]),
            (at_risk, at_risk[day]),
            (events, none),
            (left, none),
            (expected, within[own, column]),
        )
    ]
    order = np.lexsort((merged[1], merged[0]))
    group, end, at_risk, events, left, since_day = (values[order] for values in merged)
    same_day = (np.ceil(end[1:]) == np.ceil(end[:-1])) & (group[1:] == group[:-1])
    expected = since_day.copy()
    expected[1:] -= np.where(same_day, since_day[:-1], 0.0)
    return group, end, at_risk, events, left, expected


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
        # Where the three cancel, what is left is their rounding.
        variances[own] = np.where(variance > CANCELLED * (constant + estimate**2 * square), variance, 0.0)
    return variances
