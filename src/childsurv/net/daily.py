"""Net survival exactly by day: Pohar Perme, Ederer I and II, and Hakulinen, finished from daily sums.

All four are one fold. Pohar Perme weighs those at risk by ``1 / S_P(t)``, Ederer II by 1. Ederer I and Hakulinen divide
observed survival by that of an expected group, which is a fold with weights ``S_P(t)`` over those who could still be
followed at t: all children for Ederer I, those whose closing date has not come for Hakulinen. They need rows; Pohar
Perme and Ederer II can be finished from a `Tally` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import require_rows
from childsurv.errors import OptionError, asked, asking
from childsurv.fold.population import fold_population
from childsurv.fold.risk_weights import risk_weights
from childsurv.fold.rows import every_day, fold_expected, fold_observed
from childsurv.fold.tally import Tally
from childsurv.lifetable.people import People
from childsurv.maths.running import ratio, running_product, running_sum

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NAMES = {
    "pohar-perme": "Pohar Perme",
    "ederer1": "Ederer I",
    "ederer2": "Ederer II",
    "hakulinen": "Hakulinen",
}
"""Names of the methods."""

Estimate = dict[str, Any]
"""Arrays of finished curves by their names in `Curves`, with ``conventions`` and, unless they are a peer's,
``marked_days``: person-days by flat index of the cell of the life table, for extended cells and those with a hazard of
zero."""

FOLLOWED_FROM_DIAGNOSIS = (
    "follows the expected survival of all children diagnosed, from diagnosis on, so that children who enter late, as "
    "in a period window, have no place in it; use 'pohar-perme' or 'ederer2'."
)


def daily_estimate(people: People, method: str, form: str) -> Estimate:
    """Return the curves of every group on every day (Ederer II: on days of exits).

    Parameters
    ----------
    people
        Follow-up and life table.
    method
        One of `NAMES`.
    form
        "product" of ``1 - dL``, or "exponential" of ``-sum dL``.
    """
    if method in {"ederer1", "hakulinen"}:
        return _observed_over_expected(people, method, form)
    weighted = method == "pohar-perme"
    folded = fold_expected(people, plain=not weighted, weighted=weighted)
    return finish_daily(folded, method, form, without_table=people.without_table)


def finish_daily(
    folded: Tally, method: str, form: str, *, without_table: BoolArray | None = None
) -> Estimate:
    """Finish daily sums into curves of Pohar Perme or Ederer II.

    Parameters
    ----------
    folded
        Sums by day, with those that the method needs.
    method, form
        As for `daily_estimate`.
    without_table
        Groups without a hazard of the population: their curve is Kaplan-Meier's, with its variance.
    """
    weighted = method == "pohar-perme"
    starts, sums = folded.starts, folded.sums
    at_risk = number_at_risk(folded)
    # Days on which no child is at risk have no estimate; they only occur between separate stretches of delayed entry.
    anyone = folded.heads.at_risk > 0
    if weighted:
        increment, variance, used = excess_hazard(folded, at_risk=at_risk, effect="have no estimate")
        increment = np.where(used | (at_risk <= 0), increment, np.nan)
    else:
        increment = ratio(sums["events"] - sums["expected_events"], at_risk, where=anyone)
        variance = ratio(sums.get("events_squared", sums["events"]), at_risk**2, where=anyone)
    if without_table is not None:
        # With no hazard of the population the estimate is Kaplan-Meier's; so must be its variance.
        variance = np.where(without_table[folded.group], _greenwood(sums["events"], at_risk), variance)
    estimate = _survival(np.where(anyone, increment, 0.0), starts, form)
    log_variance = running_sum(np.where(anyone, variance, 0.0), starts)
    # Pohar Perme's curve is known on every day. Ederer II is a step function of exit days, as in relsurv:
    # what was expected since the last exit enters with the next. Days of entries are kept too, for the number
    # at risk.
    shown: slice | IntArray = slice(None)
    if not weighted:
        exits = sums["left"] > 0
        shown = np.flatnonzero(exits | (sums["entered"] > 0))
        exit_before = np.maximum.accumulate(np.where(exits, np.arange(exits.size), -1))
        known = exit_before >= starts[folded.group]
        estimate = np.where(known, estimate[exit_before], 1.0)
        log_variance = np.where(known, log_variance[exit_before], 0.0)
    return _rows(
        folded,
        shown,
        estimate=estimate,
        log_variance=log_variance,
        conventions={
            "estimator": "Pohar Perme, exact daily" if weighted else "Ederer II, daily",
            "form": form,
            "weights": "1 / S_P(t), cumulated from diagnosis" if weighted else "1",
            "variance": "sum D2 / A**2" if weighted else "sum d / Y**2",
            "changes": "on every day" if weighted else "on days of exits",
        },
        marked_days=folded.marked_days,
    )


def number_at_risk(folded: Tally) -> npt.NDArray[np.number]:
    """Return the (weighted) number at risk in each cell, free of what rounding leaves."""
    if not folded.weighted:
        return folded.at_risk
    # Sums of fractions leave rounding where no child is left; heads, which are whole numbers, show where that is.
    heads = folded.heads
    all_die = heads.at_risk == heads.sums["events"]
    return np.where(all_die, folded.sums["events"], np.maximum(folded.at_risk, 0.0))


def excess_hazard(
    folded: Tally, *, at_risk: npt.NDArray[np.number] | None = None, effect: str = "are left out"
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return Pohar Perme's excess hazard of each day, the variance it adds to log S, and which days can be used.

    ``D / A + log(B / A)`` and ``D2 / A**2``, with B and A the summed weights at the start and at the end of the day;
    the other parameters are those of `risk_weights`.
    """
    sums = folded.sums
    start, end, used = risk_weights(folded, at_risk=at_risk, effect=effect)
    with np.errstate(divide="ignore", invalid="ignore"):
        increment = sums["weighted_events"] / end - np.log1p(sums["weighted_expected_events"] / start)
        variance = sums["weighted_events_squared"] / end**2
    return increment, variance, used


def expected_by_day(
    people: People, method: str, last_day: IntArray
) -> tuple[FloatArray, Mapping[int, float]]:
    """Return the expected survival of every group's patients at the end of each day, by Ederer I or Hakulinen.

    Within a day the group that could still be followed is fixed, so that its hazard integrates to the logarithm of
    how its summed survival falls: with weights ``S_P``, ``E(t) = product over k <= t of A_k / B_k``.

    Parameters
    ----------
    people, method
        Patients and "ederer1" or "hakulinen".
    last_day
        Of each group: the last day that is needed.

    Returns
    -------
    expected : ndarray of shape (n_groups, n_days + 1)
        Column k is the end of day k, column 0 diagnosis.
    marked_days
        As in `Estimate`.
    """
    if people.entry is not None:
        raise OptionError(f"{asked()} (method={method!r}) {FOLLOWED_FROM_DIAGNOSIS}")
    group, n_groups, places = people.group, people.n_groups, people.places
    followed = last_day[group]
    if method == "hakulinen":
        followed = np.minimum(followed, potential_follow_up(people))
    # These methods need tables that reach further than follow-up does, so messages name them.
    with asking(f"{asked()} (method={method!r})"):
        population = fold_population(
            people.table, places.stratum, birth=places.birth, diagnosis=places.diagnosis, entry=None, time=followed,
            event=np.zeros(followed.size, dtype=np.int8), group=group, n_groups=n_groups, plain=False,
            weighted=True, case_weights=people.observed.weights, declining=True,
        )  # fmt: skip
    assert population.weighted_entered is not None
    assert population.weighted_left is not None
    assert population.weighted_expected_events is not None
    # No child enters later, so the sum at the start of a day is all that came and grew less all that left before.
    change = population.weighted_entered + population.weighted_expected_events - population.weighted_left
    begin = np.zeros_like(change)
    begin[:, 1:] = np.cumsum(change, axis=1)[:, :-1]
    # Where no child is left sums have only rounding; heads, which are whole numbers, show where that is.
    n_days = begin.shape[1]
    gone = np.bincount(group * n_days + followed, minlength=n_groups * n_days).reshape(n_groups, -1)
    left_before = np.zeros_like(gone)
    left_before[:, 1:] = np.cumsum(gone, axis=1)[:, :-1]
    anyone = left_before < np.bincount(group, minlength=n_groups)[:, None]
    # Column 0 is diagnosis, with no day before it.
    anyone[:, 0] = False
    kept = 1.0 + ratio(population.weighted_expected_events, begin, where=anyone)
    return np.cumprod(kept, axis=1, dtype=np.float64), population.marked_days


def potential_follow_up(people: People) -> IntArray:
    """Return the days from diagnosis to each closing date, after checking that no child was followed longer."""
    if people.closing is None:
        raise OptionError(
            f"{asked()}: method='hakulinen' needs the date to which each child could have been followed. Read "
            "the extract with closing_date=, or give closing_date= here (a date, or a column of dates)."
        )
    potential, time = people.closing, people.time
    # Those who end on the day of diagnosis are counted in the first day, which may be past the closing date.
    potential = np.where((potential == 0) & (time == 1), 1, potential)
    require_rows(
        people.rows_of_data(potential < time),
        f"{asked()}: follow-up goes on after the closing date",
        "Give the date to which all could have been followed, or end follow-up there with "
        "Cohort.window(followed=(None, date)).",
    )
    return potential


def _observed_over_expected(people: People, method: str, form: str) -> Estimate:
    """Return Kaplan-Meier survival divided by that of the expected group."""
    folded = every_day(fold_observed(people.observed))
    starts, events, at_risk = folded.starts, folded.sums["events"], number_at_risk(folded)
    last_day = folded.end[starts[1:] - 1].astype(np.int64)
    expected, marked_days = expected_by_day(people, method, last_day)
    hazard = ratio(events, at_risk)
    variance = _greenwood(events, at_risk) if form == "product" else ratio(hazard, at_risk)
    whom = "all children" if method == "ederer1" else "those whose closing date has not come"
    return _rows(
        folded,
        slice(None),
        estimate=_survival(hazard, starts, form) / expected[folded.group, folded.end.astype(np.int64)],
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


def _rows(
    folded: Tally, shown: slice | IntArray, *, estimate: FloatArray, log_variance: FloatArray, **more: Any
) -> Estimate:
    """Return the rows shown, with numbers of children."""
    heads = folded.heads
    return {
        "group": heads.group[shown],
        "time": heads.end[shown].astype(np.float64),
        "at_risk": heads.at_risk[shown],
        "events": heads.sums["events"][shown],
        "censored": (heads.sums["left"] - heads.sums["events"])[shown],
        "estimate": estimate[shown],
        "log_variance": log_variance[shown],
        **more,
    }


def _survival(increment: FloatArray, starts: IntArray, form: str) -> FloatArray:
    """Return survival from increments of the cumulative hazard."""
    if form == "product":
        return running_product(1.0 - increment, starts)
    return np.asarray(np.exp(-running_sum(increment, starts)))


def _greenwood(events: npt.NDArray[np.number], at_risk: npt.NDArray[np.number]) -> FloatArray:
    return ratio(events, at_risk * (at_risk - events), where=events > 0)
