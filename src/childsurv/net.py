"""Net survival: survival if the disease were the only cause of death, finished from a daily tally.

The exact daily estimators. Pohar Perme and Ederer II are one fold with two weights: 1 / S_P(t) for each child, or 1.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort import DAYS_PER_YEAR
from childsurv.curves import Curves
from childsurv.errors import ChildsurvWarning, LifeTableError, OptionError, require_choice, require_level
from childsurv.follow_up import By, Data, FollowUp, follow_up, warn_no_events
from childsurv.intervals import INTERVAL_KINDS
from childsurv.lifetable.clock import AGE_RULES, CALENDAR_RULES
from childsurv.lifetable.demographics import Demographics, demographics
from childsurv.lifetable.table import AFTER_ALL, BEFORE_ALL, LifeTable
from childsurv.ragged import running_maximum, running_product, running_sum
from childsurv.tally import Tally, fold_expected

FloatArray = npt.NDArray[np.float64]

WHOLE_DAYS = "; a change within a day holds from the next"
"""A daily estimator looks up once a day, as the peers do that look up so."""

METHODS = ("pohar-perme", "ederer2")

MISSING = ("error", "observed")
"""What to do with patients without a life table."""

ROUNDING = 16 * float(np.finfo(np.float64).eps)
"""Rounding of a running sum relative to its largest value."""

LARGEST_ROUNDING = 1e-6
"""Days on which rounding may exceed this share of the summed weight have no estimate."""


def net_survival(
    data: Data,
    life_table: LifeTable,
    *,
    by: By = None,
    method: str = "pohar-perme",
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    age_days: str | None = None,
    sex: str = "sex",
    diagnosis_date: str | None = None,
    level: float = 0.95,
    ci: str = "log",
    zero_survival: str = "keep",
    missing: str = "error",
) -> Curves:
    """Estimate net (relative) survival against population mortality, exactly by day, for all groups in one pass.

    On day k let ``B_k`` and ``A_k`` be the summed weights of those at risk at its start and at its end before
    exits, ``D_k`` and ``D2_k`` the sums of weights and squared weights of its deaths. With Pohar Perme's
    weights ``w(t) = exp(population hazard cumulated from diagnosis to t)``,

    ``S(t) = product over k <= t of (1 - D_k / A_k + log(A_k / B_k))``, variance of log S ``sum D2_k / A_k**2``.

    Inside a day the risk set is fixed and each weight grows at its own hazard, so ``log(A_k / B_k)`` is the
    day's population part exactly. Ederer II has all weights 1: ``S(t) = product of (1 - (d_k - E_k) / Y_k)``,
    variance ``sum d_k / Y_k**2``, with E_k the day's expected deaths of those at risk.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=``, ``event=``, ``age_days=`` and ``diagnosis_date=``.
    life_table
        Population mortality; every patient uses the stratum named by its ``by`` columns and sex.
    by
        Column or columns whose combinations are the groups.
    method
        "pohar-perme" (unbiased, the default) or "ederer2".
    time, event, entry
        Columns of a DataFrame: end of follow-up in whole days, 1 for a death of any cause, start of
        follow-up. With delayed entry weights still cumulate from diagnosis.
    age_days, sex, diagnosis_date
        Columns of a DataFrame: age at diagnosis in days, "male" or "female", date of diagnosis.
    level
        Confidence level.
    ci
        Kind of limits: "log" (the default), "log-log", "plain", "logit" or "arcsin".
    zero_survival
        Rows of a cohort that end on the day of diagnosis: "keep" counts them in the first day, "drop" leaves them out.
    missing
        What to do with patients for whom the life table has no stratum, such as those of a country without a table:
        "error", or "observed": groups of such patients alone get their observed survival (Kaplan-Meier with
        Greenwood's variance), and a column ``quantity`` says "net survival" or "observed survival" of every group.

    Returns
    -------
    Curves
        As for `kaplan_meier`. Estimates are not cut: net survival may exceed 1 or rise where fewer died than
        the population would have.

    Raises
    ------
    LifeTableError
        The table does not cover the follow-up, or has no stratum for some patients: rows are counted (by country),
        nothing is extrapolated. With ``missing="observed"``, a group that mixes patients with and without a stratum.
    ColumnError, DataError
        As for `kaplan_meier`; follow-up must be in whole days.

    References
    ----------
    Pohar Perme M, Stare J, Esteve J. On estimation in relative survival. Biometrics 2012; 68:113-20.
    doi:10.1111/j.1541-0420.2011.01640.x

    Ederer F, Heise H. Instructions to IBM 650 programmers in processing survival computations. National Cancer
    Institute 1959.

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table()
    >>> net = cs.net_survival(cohort, table)
    >>> observed = cs.kaplan_meier(cohort)
    >>> bool(net.at(years=5)["estimate"][0] >= observed.at(years=5)["estimate"][0])
    True
    """
    require_choice(method, METHODS, argument="method")
    require_choice(ci, INTERVAL_KINDS, argument="ci")
    require_choice(missing, MISSING, argument="missing")
    require_level(level)
    observed = follow_up(
        data, by=by, time=time, event=event, entry=entry, zero_survival=zero_survival, purpose="net_survival"
    )
    warn_no_events(observed, purpose="net_survival")
    people = demographics(
        data, life_table, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date, missing=missing,
        purpose="net_survival",
    )  # fmt: skip
    without_table = _groups_without_table(observed, people)
    if without_table.any() and "quantity" in observed.groups:
        raise OptionError(
            "net_survival(missing='observed') adds a column 'quantity'; rename yours of that name."
        )
    table = life_table
    if without_table.any():
        table, people = _with_zero_stratum(life_table, people)
    weighted = method == "pohar-perme"
    folded = fold_expected(
        observed, table, people, plain=not weighted, weighted=weighted, purpose="net_survival"
    )
    starts, at_risk = folded.starts, folded.at_risk
    increment, variance = (_pohar_perme if weighted else _ederer2)(folded, at_risk)
    groups = folded.groups
    if without_table.any():
        # With no hazard of the population the estimate is Kaplan-Meier's; so shall its variance be.
        plain = without_table[folded.group]
        dead = folded.sums["events"]
        with np.errstate(divide="ignore", invalid="ignore"):
            greenwood = np.where(dead > 0, dead / (at_risk * (at_risk - dead)), 0.0)
        variance = np.where(plain, greenwood, variance)
        groups = groups.assign(
            quantity=np.where(without_table, "observed survival", "net survival").astype(object)
        )
    # Days on which nobody is at risk say nothing; they only occur between separate stretches of delayed entry.
    anyone = at_risk > 0
    estimate = running_product(1.0 - np.where(anyone, increment, 0.0), starts)
    log_variance = running_sum(np.where(anyone, variance, 0.0), starts)
    # Pohar Perme's curve is known on every day. Ederer II is a step function of exit days, as in relsurv:
    # what was expected since the last exit enters with the next. Days of entries are kept too, for the number
    # at risk.
    shown: slice | npt.NDArray[np.int64] = slice(None)
    if not weighted:
        exits = folded.sums["left"] > 0
        shown = np.flatnonzero(exits | (folded.sums["entered"] > 0))
        exit_before = np.maximum.accumulate(np.where(exits, np.arange(exits.size), -1))
        known = exit_before >= starts[folded.group]
        estimate = np.where(known, estimate[exit_before], 1.0)
        log_variance = np.where(known, log_variance[exit_before], 0.0)
    return Curves(
        groups=groups.assign(patients=folded.totals("left"), total_events=folded.totals("events")),
        estimator="Pohar Perme" if weighted else "Ederer II",
        level=level,
        ci=ci,
        conventions={
            "estimator": "Pohar Perme, exact daily" if weighted else "Ederer II, daily",
            "weights": "1 / S_P(t), cumulated from diagnosis" if weighted else "1",
            "variance": "sum D2 / A**2" if weighted else "sum d / Y**2",
            "changes": "on every day" if weighted else "on days of exits",
            "ci": ci,
            "level": level,
            "at_risk": "(entry, time]",
            "zero_survival": zero_survival,
            "same_day": observed.same_day,
            "age_cells": AGE_RULES[life_table.age_rule]
            + ("" if life_table.age_rule in {"birthday", "completed"} else WHOLE_DAYS),
            "calendar_cells": CALENDAR_RULES[life_table.calendar_rule],
            "life_table": life_table.source,
            "life_table_digest": life_table.digest,
            **(_said_of_missing(folded, without_table) if without_table.any() else {}),
            "extended_person_years": folded.extended_days / DAYS_PER_YEAR,
            "days_per_year": DAYS_PER_YEAR,
            **observed.source,
        },
        in_days=True,
        bounded=False,
        group=folded.group[shown],
        time=folded.end[shown].astype(np.float64),
        at_risk=at_risk[shown],
        events=folded.sums["events"][shown],
        censored=(folded.sums["left"] - folded.sums["events"])[shown],
        estimate=estimate[shown],
        log_variance=log_variance[shown],
    )


def _groups_without_table(observed: FollowUp, people: Demographics) -> npt.NDArray[np.bool_]:
    """Return which groups are of patients without a life table; a group that mixes both kinds is an error."""
    lacking = people.stratum[observed.rows] < 0
    sizes = np.bincount(observed.group, minlength=observed.n_groups)
    without = np.bincount(observed.group[lacking], minlength=observed.n_groups)
    mixed = (without > 0) & (without < sizes)
    if mixed.any():
        labels = (
            observed.groups.astype(str).agg(", ".join, axis=1).to_numpy()
            if len(observed.groups.columns)
            else None
        )
        listed = [
            f"{'all patients' if labels is None else labels[place]} ({without[place]:,} of {sizes[place]:,} rows)"
            for place in np.flatnonzero(mixed)
        ]
        raise LifeTableError(
            f"net_survival(missing='observed'): {len(listed)} groups mix patients with a life table and without one: "
            f"{'; '.join(listed[:20])}{'; ...' if len(listed) > 20 else ''}. Net and observed survival have no common "
            "curve: add to by= the column that tells them apart, such as country, or exclude these rows."
        )
    return np.asarray(without > 0)


def _with_zero_stratum(table: LifeTable, people: Demographics) -> tuple[LifeTable, Demographics]:
    """Return the table with one more stratum in which nobody dies, at any time, and the people put there."""
    # On the union of both tables' cuts, as in concat_life_tables(), whose labels no such stratum could have.
    ages = np.union1d(table.age_starts, [0.0])
    years = np.union1d(table.year_starts, [BEFORE_ALL, table.year_end]).astype(np.int64)
    years = years[years < AFTER_ALL]
    age = np.searchsorted(table.age_starts, ages, side="right") - 1
    year = np.searchsorted(table.year_starts, years, side="right") - 1
    inside = (age >= 0)[:, None] & ((year >= 0) & (years < table.year_end))[None, :]
    own = table.rates[:, np.maximum(age, 0), :][:, :, np.maximum(year, 0)]
    extended = table.extended[:, np.maximum(age, 0), :][:, :, np.maximum(year, 0)] & inside
    shape = (1, ages.size, years.size)
    nobody = table.strata.iloc[[0]].copy()
    wider = replace(
        table,
        strata=pd.concat([table.strata, nobody], ignore_index=True),
        age_starts=ages,
        year_starts=years,
        year_end=AFTER_ALL,
        rates=np.concatenate([np.where(inside, own, np.nan), np.zeros(shape)]),
        extended=np.concatenate([extended, np.zeros(shape, dtype=bool)]),
    )
    return wider, replace(people, stratum=np.where(people.stratum < 0, len(table.strata), people.stratum))


def _said_of_missing(folded: Tally, without_table: npt.NDArray[np.bool_]) -> dict[str, object]:
    patients = int(folded.totals("left")[without_table].sum())
    return {"without_life_table": f"{patients:,} patients: observed survival, in groups marked so"}


def _pohar_perme(folded: Tally, at_risk: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Return each day's excess hazard and the variance it adds to log S."""
    sums = folded.sums
    growth = sums["weighted_expected_events"]
    start = folded.running("weighted_entered", "weighted_left", "weighted_expected_events")
    end = start + growth
    with np.errstate(divide="ignore", invalid="ignore"):
        increment = sums["weighted_events"] / end - np.log1p(growth / start)
        variance = sums["weighted_events_squared"] / end**2
    # Weights are 1 or more, so the number at risk bounds their sum from below, and the largest sum so far bounds
    # what rounding it has left behind.
    largest = running_maximum(end, folded.starts)
    lost = (at_risk > 0) & ~(ROUNDING * largest <= LARGEST_ROUNDING * at_risk)
    if lost.any():
        warnings.warn(
            f"net_survival: {int(lost.sum()):,} days have no estimate, because somebody before them was followed to "
            "where population survival is nearly 0, and weights 1 / S_P(t) of all the others are lost beside theirs. "
            "Such patients are often deaths that the register never learnt of; check the oldest.",
            ChildsurvWarning,
            stacklevel=3,
        )
        increment = np.where(lost, np.nan, increment)
    return increment, variance


def _ederer2(folded: Tally, at_risk: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Return each day's excess hazard and the variance it adds to log S."""
    with np.errstate(divide="ignore", invalid="ignore"):
        increment = (folded.sums["events"] - folded.sums["expected_events"]) / at_risk
        return increment, folded.sums["events"] / at_risk**2
