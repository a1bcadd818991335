"""Net survival by intervals of follow-up: the person-time form from daily sums, the actuarial form from patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from childsurv.errors import OptionError, asked
from childsurv.fold.rows import every_day, fold_expected, fold_observed
from childsurv.fold.stretches import (
    VALUES_AT_A_TIME,
    Convention,
    IntervalSums,
    PathHazards,
    added,
    fold_stretches,
)
from childsurv.fold.tally import Tally
from childsurv.lifetable.paths import MarkedCells
from childsurv.lifetable.people import People
from childsurv.maths.running import ratio, running_product, running_sum
from childsurv.net.daily import Estimate, expected_by_day
from childsurv.survival.intervals import (
    IntervalRows,
    actuarial_survival,
    at_risk_at_ends,
    at_risk_at_starts,
    hazard_survival,
    in_intervals,
    person_time,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NO_LATE_ENTRY = (
    "form='actuarial' follows all children from the start; some enter late. Use form='person-time'."
)


def interval_estimate(people: People, method: str, form: str, ends: FloatArray) -> Estimate:
    """Return the curves of every group at the ends of intervals (in days).

    Parameters
    ----------
    people, method
        Follow-up and life table, and a method as for `daily_estimate`.
    form
        "person-time" or "actuarial".
    ends
        Ends of intervals, ascending.
    """
    if form == "actuarial" and people.entry is not None:
        raise OptionError(f"{asked()}: {NO_LATE_ENTRY}")
    if method in {"ederer1", "hakulinen"}:
        return _observed_over_expected(people, method, form, ends)
    if form == "actuarial":
        return _actuarial_form(people, method, ends)
    weighted = method == "pohar-perme"
    return finish_person_time(fold_expected(people, plain=not weighted, weighted=weighted), method, ends)


def cut_at(values: FloatArray, ends: FloatArray) -> FloatArray:
    """Return values that grow evenly within days, of shape (n_groups, n_days + 1) by ends of days, at given times."""
    last = values.shape[1] - 1
    reached = np.minimum(ends, last)
    day = np.floor(reached).astype(np.int64)
    following = np.minimum(day + 1, last)
    return np.asarray(values[:, day] + (reached - day) * (values[:, following] - values[:, day]))


def finish_person_time(folded: Tally, method: str, ends: FloatArray) -> Estimate:
    """``S = exp(-sum k (d - e) / y)``: deaths less those expected per person-time, all three weighted or not.

    The weighted sums are those of the exact daily estimator, so that weights follow every child day by day; within a
    day weighted person-time is that of the mean of its two ends, which is off by a twelfth of the squared hazard of
    the day.
    """
    weighted = method == "pohar-perme"
    sums = folded.sums
    if weighted:
        start = folded.running("weighted_entered", "weighted_left", "weighted_expected_events")
        time_of_day = start + sums["weighted_expected_events"] / 2
        names = ("weighted_events", "weighted_events_squared", "weighted_expected_events")
    else:
        time_of_day = folded.at_risk.astype(np.float64)
        names = ("events", "events_squared" if "events_squared" in sums else "events", "expected_events")
    time_of_day = np.where(folded.end == 0, 0.0, time_of_day)
    deaths, squares = (in_intervals(folded, sums[name], ends) for name in names[:2])
    expected, time = (
        np.diff(cut_at(np.cumsum(_dense(folded, values), axis=1), ends), axis=1, prepend=0.0)
        for values in (sums[names[2]], time_of_day)
    )
    heads, lengths = folded.heads, np.diff(ends, prepend=0.0)
    group, interval = np.nonzero(person_time(heads, ends) > 0)
    d, s, e, y = (values[group, interval] for values in (deaths, squares, expected, time))
    k = lengths[interval]
    estimate, log_variance = hazard_survival(group, folded.n_groups, k, d - e, s, y)
    return interval_rows(
        heads,
        ends,
        group,
        interval,
        estimate=estimate,
        log_variance=log_variance,
        conventions={
            "estimator": f"{'Pohar Perme' if weighted else 'Ederer II'}, intervals",
            "form": "person-time",
            "weights": "1 / S_P(t), cumulated from diagnosis" if weighted else "1",
            "variance": "sum k**2 D2 / y**2",
        },
        marked_days=folded.marked_days,
    )


def _actuarial_form(people: People, method: str, ends: FloatArray) -> Estimate:
    """Deaths among those at risk, less half of those lost, with each patient's expected survival of the interval."""
    sums, marked = interval_sums(people, ends)
    weighted = method == "pohar-perme"
    group, interval = np.nonzero(sums.heads > 0)
    finish = actuarial_pohar_perme if weighted else actuarial_ederer2
    estimate, log_variance, _ = finish(sums, group, interval, people.n_groups)
    return interval_rows(
        every_day(fold_observed(people.observed)).heads,
        ends,
        group,
        interval,
        estimate=estimate,
        log_variance=log_variance,
        conventions={
            "estimator": f"{'Pohar Perme' if weighted else 'Ederer II'}, intervals",
            "form": "actuarial",
            "weights": "1 / S_P at the middle of the interval" if weighted else "1",
            "variance": "sum D2 / (N - W / 2 - D / 2)**2" if weighted else "Greenwood with n - w / 2",
        },
        marked_days=marked.totals()[1],
    )


def _observed_over_expected(people: People, method: str, form: str, ends: FloatArray) -> Estimate:
    """Return actuarial observed survival divided by that of the expected group at the ends of intervals."""
    observed, n_groups = people.observed, people.n_groups
    folded = every_day(fold_observed(observed))
    heads = folded.heads
    # Each group is expected to the end of the interval in which its follow-up stops.
    last_day = heads.end[heads.starts[1:] - 1]
    last_end = ends[np.minimum(np.searchsorted(ends, last_day, side="left"), ends.size - 1)]
    expected, marked_days = expected_by_day(people, method, np.ceil(last_end).astype(np.int64))
    at_ends = np.exp(cut_at(np.log(expected), ends))
    n, y = at_risk_at_starts(folded, ends), person_time(folded, ends)
    group, interval = np.nonzero((y if form == "person-time" else at_risk_at_starts(heads, ends)) > 0)
    d, w = (
        in_intervals(folded, values, ends)[group, interval]
        for values in (folded.sums["events"], folded.sums["left"] - folded.sums["events"])
    )
    squares = d
    if observed.weights is not None:
        own = every_day(fold_observed(replace(observed, weights=observed.weights**2)))
        squares = in_intervals(own, own.sums["events"], ends)[group, interval]
    if form == "person-time":
        k = np.diff(ends, prepend=0.0)[interval]
        own_survival, log_variance = hazard_survival(group, n_groups, k, d, squares, y[group, interval])
    else:
        own_survival, log_variance = actuarial_survival(group, n_groups, n[group, interval], d, w)
    return interval_rows(
        heads,
        ends,
        group,
        interval,
        estimate=own_survival / at_ends[group, interval],
        log_variance=log_variance,
        conventions={
            "estimator": f"{'Ederer I' if method == 'ederer1' else 'Hakulinen'}, intervals",
            "form": form,
            "weights": "observed survival over that expected of "
            + ("all children" if method == "ederer1" else "those whose closing date has not come"),
            "variance": "sum k**2 d / y**2" if form == "person-time" else "Greenwood with n - w / 2",
        },
        marked_days=marked_days,
    )


def interval_sums(people: People, ends: FloatArray) -> tuple[IntervalSums, MarkedCells]:
    """Add up patients by interval along their exact paths through the life table."""
    observed = people.observed
    marked = MarkedCells(people.table)
    breaks = np.concatenate([[0.0], ends])
    order = np.argsort(-people.time, kind="stable")
    length = max(1, VALUES_AT_A_TIME // breaks.size)
    parts = []
    for first in range(0, order.size, length):
        rows = order[first : first + length]
        time = people.time[rows].astype(np.float64)
        hazards = PathHazards(people.table, people.places.of(rows), time, breaks, marked=marked)
        parts.append(
            fold_stretches(
                hazards,
                breaks=breaks,
                time=time,
                entry=None,
                event=observed.event[rows],
                group=observed.group[rows],
                n_groups=observed.n_groups,
                case_weights=None if observed.weights is None else observed.weights[rows],
                convention=Convention(),
            )
        )
    return added(parts), marked


def actuarial_ederer2(
    sums: IntervalSums, group: IntArray, interval: IntArray, n_groups: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return actuarial survival over the product of mean expected survival, its variance, and that product."""
    n, d, w, present, share = (
        getattr(sums, name)[group, interval]
        for name in ("at_risk", "events", "withdrawn", "present", "expected_survival")
    )
    own, log_variance = actuarial_survival(group, n_groups, n, d, w)
    expected = running_product(share / present, np.searchsorted(group, np.arange(n_groups + 1)))
    return own / expected, log_variance, expected


def actuarial_pohar_perme(
    sums: IntervalSums, group: IntArray, interval: IntArray, n_groups: int
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Return ``product of (1 - D / (N - W / 2)) exp(E / M)``, weighted at the middle of intervals, and its variance."""
    starts = np.searchsorted(group, np.arange(n_groups + 1))
    n, d, s, w, e, m = (
        getattr(sums, name)[group, interval]
        for name in (
            "weighted_at_risk",
            "weighted_events",
            "weighted_events_squared",
            "weighted_withdrawn",
            "weighted_hazard",
            "weighted_effective",
        )
    )
    factor = (1.0 - ratio(d, n - w / 2, where=True)) * np.exp(ratio(e, m, where=True))
    spread = ratio(s, (n - w / 2 - d / 2) ** 2, where=d > 0)
    return running_product(factor, starts), running_sum(spread, starts), None


def interval_rows(
    heads: Tally,
    ends: FloatArray,
    group: IntArray,
    interval: IntArray,
    *,
    estimate: FloatArray,
    log_variance: FloatArray,
    conventions: Mapping[str, object],
    marked_days: Mapping[int, float],
) -> Estimate:
    """Return finished intervals with their numbers of children."""
    dead = in_intervals(heads, heads.sums["events"], ends)
    left = in_intervals(heads, heads.sums["left"], ends)
    at_start = at_risk_at_starts(heads, ends)
    rows = IntervalRows.of(group.astype(np.int64), interval, heads.n_groups)
    shown = rows.group, rows.interval
    return {
        "group": rows.group,
        "time": ends[rows.interval],
        "at_risk": at_start[shown].astype(np.int64),
        "events": dead[shown].astype(np.int64),
        "censored": (left - dead)[shown].astype(np.int64),
        "estimate": rows.carried(estimate, 1.0),
        "log_variance": rows.carried(log_variance, 0.0),
        "every_row": True,
        "at_risk_after": at_risk_at_ends(heads, ends)[shown].astype(np.int64),
        "conventions": {
            **conventions,
            "changes": "at the ends of intervals",
            "intervals": f"{ends.size} intervals",
        },
        "marked_days": marked_days,
    }


def _dense(folded: Tally, values: FloatArray) -> FloatArray:
    """Lay a daily sum out by group and day, zero after each group's last day."""
    dense = np.zeros((folded.n_groups, int(folded.end.max()) + 1))
    dense[folded.group, folded.end.astype(np.int64)] = values
    return dense
