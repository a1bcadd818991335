"""Net survival as Stata's strs and stnet and R's popEpi count it, for ``net_survival(compat=...)``.

Each is the fold of `fold/stretches.py` under its convention, finished by its own formula. strs and stnet follow
their published sources (no Stata was at hand); popEpi was run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from childsurv.errors import LifeTableError, OptionError, asked
from childsurv.fold.rows import fold_observed
from childsurv.fold.stretches import Convention, IntervalSums, fold_stretches
from childsurv.lifetable.clock import ages_in_years
from childsurv.lifetable.people import People
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import (
    DAYS_PER_YEAR,
    BirthdayCalendar,
    first_of_january,
    fractional_year,
    year_of,
)
from childsurv.maths.running import running_product, running_sum
from childsurv.net.daily import NAMES, Estimate
from childsurv.net.intervals import (
    NO_LATE_ENTRY,
    actuarial_ederer2,
    actuarial_pohar_perme,
)
from childsurv.survival.intervals import IntervalRows, actuarial_survival, at_risk_at_ends, hazard_survival

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

STATA_YEAR = 365.24
"""Days in the year of the examples of strs and stnet (``stset, scale(365.24)``)."""

STNET_CALENDAR_YEAR = 365.241
"""Days in the year by which stnet's tutorial makes calendar years of dates."""

POPEPI_YEAR = 365.242199
"""Days in the year of popEpi's ``get.yrs``, whose years begin on 1 January all the same."""

NEARLY_A_BIRTHDAY = 0.9999
"""stnet rounds a position in years up from this fraction on."""


@dataclass(frozen=True)
class Peer:
    """A program whose counting is reproduced."""

    methods: tuple[str, ...]
    """Its methods, by our names."""
    forms: tuple[str, ...]
    """Its forms, by our names; the first is its default."""
    days_per_year: float
    """Unit in which its intervals are cut."""
    ci: str
    """Its default limits."""
    conventions: str
    """Its conventions, for those of the result."""


PEERS = {
    "strs": Peer(
        methods=("pohar-perme", "ederer2", "ederer1"),
        forms=("actuarial", "person-time"),
        days_per_year=STATA_YEAR,
        ci="log-log",
        conventions="strs 1.4.0: hazards of whole years of age and calendar at the start of each interval; weights at "
        "its middle; limits of relative survival are those of observed survival over expected",
    ),
    "stnet": Peer(
        methods=("pohar-perme", "ederer2"),
        forms=("person-time",),
        days_per_year=STATA_YEAR,
        ci="log-log",
        conventions="stnet 1.0.8: hazards at the start of each interval, from dates; weights at its middle; leavers "
        "count half an interval",
    ),
    "popepi": Peer(
        methods=("pohar-perme", "ederer2"),
        forms=("person-time", "actuarial"),
        days_per_year=POPEPI_YEAR,
        ci="log-log",
        conventions="popEpi 0.4.10: hazards at the middle of each patient's stretch; Pohar Perme's weight is 1 / S_P "
        "at the start times S_P of half the interval, where 1 / S_P was meant (its fault)",
    ),
}


@dataclass(frozen=True)
class _Positions:
    """Where patients look in a life table, in years of age and calendar, and their follow-up in years."""

    age: FloatArray
    calendar: FloatArray
    time: FloatArray
    entry: FloatArray | None


class _YearlyHazards:
    """Hazards per year by whole years of age and calendar, at the start or the middle of stretches."""

    def __init__(
        self, table: LifeTable, stratum: IntArray, at: _Positions, *, middle: bool, round_up: bool
    ) -> None:
        self.table, self.stratum, self.at = table, stratum, at
        self.middle, self.round_up = middle, round_up
        self.ages, own_year = ages_in_years(table)
        self.per_year = table.rates * (table.days_per_year or own_year or DAYS_PER_YEAR)
        self.januaries = first_of_january(np.arange(1800, 2301))

    def rate(self, interval: int, start: FloatArray, stop: FloatArray, rows: slice) -> FloatArray:
        """Return the hazard per year of patients in a stretch."""
        since = (start + stop) / 2 if self.middle else start
        age, year = self.at.age[rows] + since, self.at.calendar[rows] + since
        whole_age, whole_year = (
            np.floor(value + (1 - NEARLY_A_BIRTHDAY if self.round_up else 1e-9)) for value in (age, year)
        )
        cell = np.searchsorted(self.ages, age if self.middle else whole_age, side="right") - 1
        day = self.januaries[(whole_year - 1800).astype(np.int64)]
        column = np.searchsorted(self.table.year_starts, day, side="right") - 1
        outside = (cell < 0) | (column < 0) | (day >= self.table.year_end)
        rates = self.per_year[self.stratum[rows], np.maximum(cell, 0), np.maximum(column, 0)]
        outside |= np.isnan(rates)
        if outside.any():
            raise LifeTableError(
                f"{asked()}: {int(outside.sum()):,} patients are outside the life table in an interval that "
                f"begins {float(start.min()):g} years or more after diagnosis. Give a fuller table, or "
                "life_table.extend('last') to carry its last year on knowingly."
            )
        return np.asarray(rates)


def peer_estimate(people: People, peer: str, method: str, form: str, years: FloatArray) -> Estimate:
    """Return the curves of every group at the ends of intervals, as a peer computes them.

    Parameters
    ----------
    people, method, form
        Follow-up and life table, and names of `Peer.methods` and `Peer.forms`.
    peer
        "strs", "stnet" or "popepi".
    years
        Ends of intervals in years.
    """
    observed, breaks = people.observed, np.concatenate([[0.0], years])
    if form == "actuarial" and people.entry is not None:
        raise OptionError(f"{asked()}: {NO_LATE_ENTRY}")
    at = positions(people, peer)
    order = np.argsort(-at.time, kind="stable")
    own = _Positions(
        at.age[order], at.calendar[order], at.time[order], None if at.entry is None else at.entry[order]
    )
    event = observed.event[order]
    if peer == "popepi":
        # It does not count a death exactly on its last break.
        event = np.where(own.time == breaks[-1], 0, event).astype(np.int8)
    hazards = _YearlyHazards(
        people.table, people.places.stratum[order], own,
        middle=peer == "popepi", round_up=peer == "stnet",
    )  # fmt: skip
    group_codes = np.asarray(observed.group)[order]
    case_weights = None if observed.weights is None else observed.weights[order]
    sums = fold_stretches(
        hazards, breaks=breaks, time=own.time, entry=own.entry, event=event, group=group_codes,
        n_groups=observed.n_groups, case_weights=case_weights, convention=_convention(peer, method),
    )  # fmt: skip
    group, interval = np.nonzero((sums.heads if form == "actuarial" else sums.present) > 0)
    rows = _Rows(sums, group, interval, observed.n_groups, np.diff(breaks)[interval])
    estimate, log_variance, scale = _FINISH[peer, method, form](rows)
    if method == "ederer1":
        scale = _expected_of_all(hazards, breaks, group_codes, case_weights, observed.n_groups)[
            group, interval
        ]
        estimate = estimate / scale
    every = IntervalRows.of(group.astype(np.int64), interval, observed.n_groups)
    shown = every.group, every.interval
    # At the end of an interval, those with whom the peer begins the next one.
    after = np.concatenate([sums.heads[:, 1:], np.zeros_like(sums.heads[:, :1])], axis=1)
    after[:, -1] = at_risk_at_ends(fold_observed(observed).heads, years[-1:] * PEERS[peer].days_per_year)[
        :, 0
    ]
    return {
        "group": every.group,
        # In days of our year, so that years= asks for the ends of intervals whatever the peer's year.
        "time": years[every.interval] * DAYS_PER_YEAR,
        "at_risk": sums.heads[shown].astype(np.int64),
        "events": sums.dead[shown].astype(np.int64),
        "censored": sums.lost[shown].astype(np.int64),
        "estimate": every.carried(estimate, 1.0),
        "log_variance": every.carried(log_variance, 0.0),
        "every_row": True,
        "limits_scale": None if scale is None else every.carried(scale, 1.0),
        "at_risk_after": after[shown].astype(np.int64),
        "conventions": {
            "estimator": f"{NAMES[method]} as in {peer}",
            "form": form,
            "compat": PEERS[peer].conventions,
            "changes": "at the ends of intervals",
            "intervals": f"{years.size} intervals, in years of {PEERS[peer].days_per_year:g} days",
        },
    }


def positions(people: People, peer: str) -> _Positions:
    """Return ages, calendar positions and follow-up of the patients in the years of a peer."""
    places, unit = people.places, PEERS[peer].days_per_year
    birth = np.floor(places.birth).astype(np.int64)
    diagnosis = places.diagnosis
    entry = people.entry
    if peer == "popepi":
        begin = _popepi_year(diagnosis)
        time = _popepi_year(diagnosis + people.time) - begin
        late = None if entry is None else _popepi_year(diagnosis + entry) - begin
        # Ages as its own data have them, in calendar years of 365 or 366 days; get.yrs makes the rest.
        return _Positions(fractional_year(diagnosis) - fractional_year(birth), begin, time, late)
    time, late = people.time / unit, None if entry is None else entry / unit
    if peer == "stnet":
        since_1960 = diagnosis - first_of_january(np.array([1960]))[0]
        return _Positions((diagnosis - birth) / unit, 1960 + since_1960 / STNET_CALENDAR_YEAR, time, late)
    completed = BirthdayCalendar(birth).completed_years(diagnosis).astype(np.float64)
    return _Positions(completed, fractional_year(diagnosis), time, late)


def _popepi_year(day: IntArray) -> FloatArray:
    year = year_of(day)
    return np.asarray(year + (day - first_of_january(year)) / POPEPI_YEAR)


def _convention(peer: str, method: str) -> Convention:
    if peer == "popepi":
        return Convention(hazard_sign=-1.0, weight_from_entry=True)
    # strs takes the exact time for observed survival, stnet never does.
    half = peer == "stnet" or method == "pohar-perme"
    return Convention(half_for_leavers=half, later_on_breaks=True)


def _expected_of_all(
    hazards: _YearlyHazards,
    breaks: FloatArray,
    group: IntArray,
    case_weights: FloatArray | None,
    n_groups: int,
) -> FloatArray:
    """Return the mean expected survival of all patients of each group, followed to the end of every interval."""
    all_children = slice(0, group.size)
    cumulative = np.zeros(group.size)
    share = np.ones(group.size) if case_weights is None else case_weights
    total = np.bincount(group, share, minlength=n_groups)
    expected = np.ones((n_groups, breaks.size - 1))
    for interval, (begin, end) in enumerate(itertools.pairwise(breaks)):
        if begin >= hazards.at.time[0]:
            break
        start, stop = np.full(group.size, begin), np.full(group.size, end)
        cumulative += hazards.rate(interval, start, stop, all_children) * (end - begin)
        expected[:, interval] = np.bincount(group, share * np.exp(-cumulative), minlength=n_groups) / total
    return expected


@dataclass(frozen=True)
class _Rows:
    """The sums of those intervals that have patients, sorted by group."""

    sums: IntervalSums
    group: IntArray
    interval: IntArray
    n_groups: int
    length: FloatArray

    def of(self, name: str) -> FloatArray:
        """Return a sum by row."""
        return np.asarray(getattr(self.sums, name)[self.group, self.interval])

    @property
    def starts(self) -> IntArray:
        """First row of each group, and the number of rows last."""
        return np.searchsorted(self.group, np.arange(self.n_groups + 1))


Finished = tuple[FloatArray, FloatArray, FloatArray | None]


def _strs_ederer2(rows: _Rows) -> Finished:
    return actuarial_ederer2(rows.sums, rows.group, rows.interval, rows.n_groups)


def _strs_pohar_perme(rows: _Rows) -> Finished:
    return actuarial_pohar_perme(rows.sums, rows.group, rows.interval, rows.n_groups)


def _observed_actuarial(rows: _Rows) -> Finished:
    n, d, w = rows.of("at_risk"), rows.of("events"), rows.of("withdrawn")
    return *actuarial_survival(rows.group, rows.n_groups, n, d, w), None


def _observed_over_mean_expected(rows: _Rows) -> Finished:
    """``exp(-sum k d / y)`` over the product of mean expected survival."""
    d, s, y = rows.of("events"), rows.of("events_squared"), rows.of("time")
    own, log_variance = hazard_survival(rows.group, rows.n_groups, rows.length, d, s, y)
    expected = running_product(rows.of("expected_survival") / rows.of("present"), rows.starts)
    return own / expected, log_variance, expected


def _stnet_ederer2(rows: _Rows) -> Finished:
    estimate, log_variance, _ = _observed_over_mean_expected(rows)
    return estimate, log_variance, None


def _weighted_hazard(rows: _Rows) -> Finished:
    excess = rows.of("weighted_events") - rows.of("weighted_expected")
    squares, time = rows.of("weighted_events_squared"), rows.of("weighted_time")
    return *hazard_survival(rows.group, rows.n_groups, rows.length, excess, squares, time), None


def _excess_hazard(rows: _Rows) -> Finished:
    excess = rows.of("events") - rows.of("expected_events")
    squares, time = rows.of("events_squared"), rows.of("time")
    return *hazard_survival(rows.group, rows.n_groups, rows.length, excess, squares, time), None


def _popepi_ederer2(rows: _Rows) -> Finished:
    d, w, e = rows.of("events"), rows.of("withdrawn"), rows.of("expected_events")
    effective = rows.of("at_risk") - w / 2
    estimate = running_product(1.0 - (d - e) / effective, rows.starts)
    own, log_variance, _ = _observed_actuarial(rows)
    # Its standard error is that of observed survival, divided by an expected survival without half of those lost.
    expected = running_product(1.0 - e / rows.of("at_risk"), rows.starts)
    with np.errstate(divide="ignore", invalid="ignore"):
        return estimate, log_variance * (own / (expected * estimate)) ** 2, None


def _popepi_pohar_perme(rows: _Rows) -> Finished:
    excess = rows.of("weighted_events") - rows.of("weighted_expected")
    weighted = rows.of("weighted_at_risk") - rows.of("weighted_withdrawn") / 2
    # Its variance divides weighted squares by the unweighted number: a fault.
    effective = rows.of("at_risk") - rows.of("withdrawn") / 2
    estimate = running_product(1.0 - excess / weighted, rows.starts)
    return estimate, running_sum(rows.of("weighted_events_squared") / effective**2, rows.starts), None


_FINISH: Mapping[tuple[str, str, str], Callable[[_Rows], Finished]] = {
    ("strs", "ederer2", "actuarial"): _strs_ederer2,
    ("strs", "ederer2", "person-time"): _observed_over_mean_expected,
    ("strs", "ederer1", "actuarial"): _observed_actuarial,
    ("strs", "pohar-perme", "actuarial"): _strs_pohar_perme,
    ("strs", "pohar-perme", "person-time"): _weighted_hazard,
    ("stnet", "pohar-perme", "person-time"): _weighted_hazard,
    ("stnet", "ederer2", "person-time"): _stnet_ederer2,
    ("popepi", "pohar-perme", "person-time"): _weighted_hazard,
    ("popepi", "ederer2", "person-time"): _excess_hazard,
    ("popepi", "pohar-perme", "actuarial"): _popepi_pohar_perme,
    ("popepi", "ederer2", "actuarial"): _popepi_ederer2,
}
"""How each peer finishes its sums, by method and form."""
