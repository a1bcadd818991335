"""Net survival exactly by day: Pohar Perme, Ederer I and II, and Hakulinen, finished from daily sums.

All four are one fold. Pohar Perme weighs those at risk by ``1 / S_P(t)``, Ederer II by 1. Ederer I and Hakulinen divide
observed survival by that of an expected group, which is a fold with weights ``S_P(t)`` over those who could still be
followed at t: everybody for Ederer I, those whose closing date has not come for Hakulinen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import require_rows
from childsurv.errors import OptionError, asked, asking
from childsurv.fold.population import fold_population
from childsurv.fold.risk_weights import risk_weights
from childsurv.fold.rows import every_day, fold_expected, fold_observed
from childsurv.fold.tally import Tally
from childsurv.maths.running import running_product, running_sum
from childsurv.net.parts import NetEstimate, NetInput

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FOLLOWED_FROM_DIAGNOSIS = (
    "follows the expected survival of everybody diagnosed, from diagnosis on, so that children who enter late, as in a "
    "period window, have no place in it; use 'pohar-perme' or 'ederer2'."
)


def daily_estimate(
    given: NetInput, method: str, form: str, without_table: npt.NDArray[np.bool_]
) -> NetEstimate:
    """Return the curves of every group on every day (Ederer II: on days of exits).

    Parameters
    ----------
    given
        Patients and life table.
    method
        One of `net_parts.METHODS`.
    form
        "product" of ``1 - dL``, or "exponential" of ``-sum dL``.
    without_table
        Groups that the population has no hazard for: their curve is Kaplan-Meier's, with its variance.
    """
    if method in {"ederer1", "hakulinen"}:
        return _observed_over_expected(given, method, form)
    weighted = method == "pohar-perme"
    folded = fold_expected(given.observed, given.table, given.people, plain=not weighted, weighted=weighted)
    starts = folded.starts
    heads, at_risk = _heads_and_at_risk(given, folded)
    increment, variance = (_pohar_perme if weighted else _ederer2)(folded, at_risk)
    if without_table.any():
        # With no hazard of the population the estimate is Kaplan-Meier's; so shall its variance be.
        plain = without_table[folded.group]
        variance = np.where(plain, _greenwood(folded.sums["events"], at_risk), variance)
    # Days on which nobody is at risk say nothing; they only occur between separate stretches of delayed entry.
    anyone = heads.at_risk > 0
    estimate = _survival(np.where(anyone, increment, 0.0), starts, form)
    log_variance = running_sum(np.where(anyone, variance, 0.0), starts)
    # Pohar Perme's curve is known on every day. Ederer II is a step function of exit days, as in relsurv:
    # what was expected since the last exit enters with the next. Days of entries are kept too, for the number
    # at risk.
    shown: slice | IntArray = slice(None)
    if not weighted:
        exits = folded.sums["left"] > 0
        shown = np.flatnonzero(exits | (folded.sums["entered"] > 0))
        exit_before = np.maximum.accumulate(np.where(exits, np.arange(exits.size), -1))
        known = exit_before >= starts[folded.group]
        estimate = np.where(known, estimate[exit_before], 1.0)
        log_variance = np.where(known, log_variance[exit_before], 0.0)
    name = "Pohar Perme, exact daily" if weighted else "Ederer II, daily"
    return _rows(
        heads,
        shown,
        estimate=estimate,
        log_variance=log_variance,
        conventions={
            "estimator": name,
            "form": form,
            "weights": "1 / S_P(t), cumulated from diagnosis" if weighted else "1",
            "variance": "sum D2 / A**2" if weighted else "sum d / Y**2",
            "changes": "on every day" if weighted else "on days of exits",
        },
        marked_days=folded.marked_days,
    )


def expected_by_day(
    given: NetInput, method: str, last_day: IntArray
) -> tuple[FloatArray, Mapping[int, float]]:
    """Return the expected survival of every group's patients at the end of each day, by Ederer I or Hakulinen.

    Within a day the group that could still be followed is fixed, so that its hazard integrates to the logarithm of
    how its summed survival falls: with weights ``S_P``, ``E(t) = product over k <= t of A_k / B_k``.

    Parameters
    ----------
    given, method
        Patients and "ederer1" or "hakulinen".
    last_day
        Of each group: the last day that is needed.

    Returns
    -------
    expected : ndarray of shape (n_groups, n_days + 1)
        Column k is the end of day k, column 0 diagnosis.
    marked_days
        As in `NetEstimate`.
    """
    observed = given.observed
    if given.entry is not None:
        raise OptionError(f"{asked()} (method={method!r}) {FOLLOWED_FROM_DIAGNOSIS}")
    followed = last_day[observed.group]
    if method == "hakulinen":
        followed = np.minimum(followed, potential_follow_up(given))
    n_groups = observed.n_groups
    people = given.own_people
    population = fold_population(
        given.table, people.stratum, birth=people.birth, diagnosis=people.diagnosis, entry=None, time=followed,
        event=np.zeros(followed.size, dtype=np.int8), group=observed.group, n_groups=n_groups, plain=False,
        weighted=True, case_weights=observed.weights, declining=True,
    )  # fmt: skip
    assert population.weighted_entered is not None
    assert population.weighted_left is not None
    assert population.weighted_expected_events is not None
    # Nobody enters later, so what is there at the start of a day is what came, grew and left before it.
    change = population.weighted_entered + population.weighted_expected_events - population.weighted_left
    begin = np.zeros_like(change)
    begin[:, 1:] = np.cumsum(change, axis=1)[:, :-1]
    # Where nobody is left sums have only rounding; heads, which are whole numbers, say where that is.
    n_days = begin.shape[1]
    gone = np.bincount(observed.group * n_days + followed, minlength=n_groups * n_days).reshape(n_groups, -1)
    left_before = np.zeros_like(gone)
    left_before[:, 1:] = np.cumsum(gone, axis=1)[:, :-1]
    anyone = left_before < np.bincount(observed.group, minlength=n_groups)[:, None]
    # Column 0 is diagnosis, with no day before it.
    anyone[:, 0] = False
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(anyone, 1.0 + population.weighted_expected_events / begin, 1.0)
    expected = np.cumprod(ratio, axis=1, dtype=np.float64)
    return expected, population.marked_days


def potential_follow_up(given: NetInput) -> IntArray:
    """Return the days from diagnosis to each patient's closing date, after checking that nobody was followed longer."""
    if given.closing is None:
        raise OptionError(
            f"{asked()}: method='hakulinen' needs the date to which each child could have been followed. Read "
            "the extract with closing_date=, or give closing_date= here (a date, or a column of dates)."
        )
    potential, time = given.closing, given.time
    # Those who end on the day of diagnosis are counted in the first day, which may be past the closing date.
    potential = np.where((potential == 0) & (time == 1), 1, potential)
    late = np.zeros(given.people.stratum.size, dtype=bool)
    late[given.observed.rows] = potential < time
    require_rows(
        late,
        f"{asked()}: follow-up goes on after the closing date",
        "Give the date to which all could have been followed, or end follow-up there with "
        "Cohort.window(followed=(None, date)).",
    )
    return potential


def _observed_over_expected(given: NetInput, method: str, form: str) -> NetEstimate:
    """Return Kaplan-Meier survival divided by that of the expected group."""
    observed = given.observed
    folded = every_day(fold_observed(observed))
    starts = folded.starts
    heads, at_risk = _heads_and_at_risk(given, folded)
    last_day = folded.end[starts[1:] - 1].astype(np.int64)
    expected, marked_days = expected_by_day(given, method, last_day)
    events = folded.sums["events"]
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(at_risk > 0, events / at_risk, 0.0)
    own = _survival(hazard, starts, form)
    if form == "product":
        variance = _greenwood(events, at_risk)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(at_risk > 0, hazard / at_risk, 0.0)
    day = folded.end.astype(np.int64)
    whom = "everybody" if method == "ederer1" else "those whose closing date has not come"
    return _rows(
        heads,
        slice(None),
        estimate=own / expected[folded.group, day],
        log_variance=running_sum(variance, starts),
        conventions={
            "estimator": f"{'Ederer I' if method == 'ederer1' else 'Hakulinen'}, exact daily",
            "form": form,
            "weights": f"observed survival over that expected of {whom}",
            "variance": "Greenwood" if form == "product" else "sum d / Y**2",
            "changes": "on every day",
        },
        marked_days=marked_days,
    )


def _heads_and_at_risk(given: NetInput, folded: Tally) -> tuple[Tally, npt.NDArray[np.number]]:
    """Return the daily tally of heads, and the (weighted) number at risk in each cell, free of what rounding leaves."""
    if given.observed.weights is None:
        return folded, folded.at_risk
    heads = every_day(fold_observed(replace(given.observed, weights=None)))
    # Sums of fractions leave rounding where nobody is left; heads, which are whole numbers, say where that is.
    all_die = heads.at_risk == heads.sums["events"]
    return heads, np.where(all_die, folded.sums["events"], np.maximum(folded.at_risk, 0.0))


def _rows(
    heads: Tally,
    shown: slice | IntArray,
    *,
    estimate: FloatArray,
    log_variance: FloatArray,
    conventions: Mapping[str, str],
    marked_days: Mapping[int, float],
) -> NetEstimate:
    return NetEstimate(
        group=heads.group[shown],
        time=heads.end[shown].astype(np.float64),
        at_risk=heads.at_risk[shown],
        events=heads.sums["events"][shown],
        censored=(heads.sums["left"] - heads.sums["events"])[shown],
        estimate=estimate[shown],
        log_variance=log_variance[shown],
        conventions=conventions,
        marked_days=marked_days,
    )


def _survival(increment: FloatArray, starts: IntArray, form: str) -> FloatArray:
    """Return survival from increments of the cumulative hazard."""
    if form == "product":
        return running_product(1.0 - increment, starts)
    return np.asarray(np.exp(-running_sum(increment, starts)))


def _greenwood(events: npt.NDArray[np.number], at_risk: npt.NDArray[np.number]) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(events > 0, events / (at_risk * (at_risk - events)), 0.0)


def _pohar_perme(folded: Tally, at_risk: npt.NDArray[np.number]) -> tuple[FloatArray, FloatArray]:
    """Return each day's excess hazard and the variance it adds to log S."""
    sums = folded.sums
    growth = sums["weighted_expected_events"]
    with asking("net_survival"):
        start, end, used = risk_weights(folded, at_risk=at_risk, effect="have no estimate")
    with np.errstate(divide="ignore", invalid="ignore"):
        increment = sums["weighted_events"] / end - np.log1p(growth / start)
        variance = sums["weighted_events_squared"] / end**2
    return np.where(used | (at_risk <= 0), increment, np.nan), variance


def _ederer2(folded: Tally, at_risk: npt.NDArray[np.number]) -> tuple[FloatArray, FloatArray]:
    """Return each day's excess hazard and the variance it adds to log S."""
    sums = folded.sums
    squared = sums.get("events_squared", sums["events"])
    with np.errstate(divide="ignore", invalid="ignore"):
        return (sums["events"] - sums["expected_events"]) / at_risk, squared / at_risk**2
