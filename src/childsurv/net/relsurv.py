"""Net survival as R's relsurv computes it, step by step and with its faults, for `net_survival(compat="relsurv")`.

Nothing here is our own estimate: it exists so that a published figure can be reproduced to the last digit. What relsurv
2.2-9 does, found by running it:

* the curve changes at observed times (and any ``add_times``); in between it goes in steps of ``precision`` days, looks
  a hazard up once at the start of each step, and takes the mean of both ends of the step as its integral;
* Pohar Perme: within a stretch between two observed times the sums over patients run on from step to step, so that the
  integrand of a day is the mean of the days of its stretch so far (a fault: they should begin afresh with each step);
* Ederer I and Hakulinen put 1e-9 where the life table has a zero (and leave it there, in the user's table);
* Hakulinen weighs a stretch by survival at its end, lets those lost count to when they were lost, those who died to the
  last date of all follow-up, and looks up calendar time 3,653 days too early where the cuts of the table are of
  R's class ``date``, as those of slopop are (a fault: it takes days since 1960 for days since 1970).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.errors import OptionError, asked
from childsurv.lifetable.clock import Clock
from childsurv.lifetable.paths import cell_index
from childsurv.lifetable.people import Demographics, People
from childsurv.lifetable.table import LifeTable
from childsurv.net.daily import Estimate

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LEAST_HAZARD = 1e-9
"""What Ederer I and Hakulinen put in place of a hazard of zero."""

DAYS_FROM_1960_TO_1970 = 3653


@dataclass(frozen=True)
class RelsurvOptions:
    """Options of `relsurv` that change its numbers."""

    add_times: tuple[float, ...] = ()
    """Further output times, in days, of Pohar Perme's curve."""
    precision: float = 1.0
    """Length of a step, in days."""
    date_class: bool = True
    """Whether the cuts of the rate table are of R's class ``date``, as in slopop and in tables of ``transrate``."""

    @classmethod
    def checked(cls, given: Mapping[str, Any] | None) -> RelsurvOptions:
        """Return the options that a user gave as ``compat_options=``."""
        options = dict(given or {})
        known = ("add_times", "precision", "date_class")
        unknown = [name for name in options if name not in known]
        if unknown:
            raise OptionError(f"compat_options= knows {', '.join(known)}, not {', '.join(unknown)}.")
        times = np.atleast_1d(np.asarray(options.get("add_times", ()), dtype=np.float64))
        precision = float(options.get("precision", 1.0))
        if not np.isfinite(times).all() or (times <= 0).any() or not 0 < precision < np.inf:
            raise OptionError("compat_options= takes add_times and precision in days, greater than 0.")
        return cls(tuple(times.tolist()), precision, bool(options.get("date_class", True)))


class _Hazards:
    """Hazards of some patients as time goes on, looked up anew whenever one enters another cell."""

    def __init__(
        self, table: LifeTable, people: Demographics, *, horizon: FloatArray, least: float, shift: int
    ) -> None:
        diagnosis = people.diagnosis - shift
        self.cell = cell_index(table, people.stratum, people.birth - shift, diagnosis, horizon)
        clock = Clock(table, people.birth - shift, diagnosis)
        self.clock = clock
        self.n_ages, self.n_years = table.rates.shape[1:]
        self.hazards = np.maximum(table.rates.ravel(), least)
        ends = np.append(table.year_starts[1:], table.year_end).astype(np.float64)
        ends[-1] = np.inf
        self.year_ends = ends
        rows = np.arange(self.cell.size)
        self.next_age = clock.age_cut((self.cell // self.n_years) % self.n_ages + 1, rows)
        self.next_year = clock.calendar_cut(ends[self.cell % self.n_years], rows)
        self.rate = self.hazards[self.cell]

    def look_up(self, now: float | FloatArray, size: int) -> FloatArray:
        """Return the hazards of the first so many patients in the cells they are in at a time, or each at their own."""
        while True:
            older = np.flatnonzero(self.next_age[:size] <= now)
            later = np.flatnonzero(self.next_year[:size] <= now)
            if older.size == later.size == 0:
                return self.rate[:size]
            self.cell[older] += self.n_years
            self.cell[later] += 1
            age, year = self.cell[older] // self.n_years % self.n_ages, self.cell[later] % self.n_years
            self.next_age[older] = self.clock.age_cut(age + 1, older)
            self.next_year[later] = self.clock.calendar_cut(self.year_ends[year], later)
            for moved in (older, later):
                self.rate[moved] = self.hazards[self.cell[moved]]

    def integral(self, start: float, stop: float, size: int) -> FloatArray:
        """Return the hazards of the first so many patients cumulated over a stretch, split where cells change."""
        total = np.zeros(size)
        now = np.full(size, start)
        while True:
            rate = self.look_up(now, size)
            end = np.minimum(np.minimum(self.next_age[:size], self.next_year[:size]), stop)
            total += rate * (end - now)
            if (end >= stop).all():
                return total
            now = end


@dataclass(frozen=True)
class _Group:
    """Patients of one group, those followed longest first, and the times of its curve."""

    time: FloatArray
    event: npt.NDArray[np.bool_]
    people: Demographics
    grid: FloatArray

    def counts(self) -> tuple[IntArray, IntArray, IntArray]:
        """Return numbers at risk, of deaths and of all who leave at each time of the grid."""
        at_risk = np.searchsorted(-self.time, -self.grid, side="right")
        place = np.searchsorted(self.grid, self.time)
        here = self.grid[np.minimum(place, self.grid.size - 1)] == self.time
        left = np.bincount(place[here], minlength=self.grid.size)
        deaths = np.bincount(place[here & self.event], minlength=self.grid.size)
        return at_risk, deaths, left


def relsurv_estimate(people: People, method: str, form: str, options: RelsurvOptions) -> Estimate:
    """Return relsurv's curves.

    Parameters
    ----------
    people, method
        Follow-up and life table, and a method as for `daily_estimate`.
    form
        "product" (``type="kaplan-meier"`` there) or "exponential" (``"fleming-harrington"``).
    options
        Those of relsurv.
    """
    if people.entry is not None:
        raise OptionError(
            f"{asked()}: relsurv counts late entries as entries at diagnosis without a warning, which is not "
            "reproduced. Leave compat= out for children who enter late."
        )
    if options.add_times and method != "pohar-perme":
        raise OptionError(f"{asked()}: relsurv has add_times for method 'pohar-perme' only.")
    if people.observed.weights is not None:
        raise OptionError(f"{asked()}: relsurv takes no case weights.")
    places = people.places
    time, event = people.time.astype(np.float64), people.observed.event == 1
    last_date = float((people.time + places.diagnosis).max())
    parts = []
    for code in range(people.n_groups):
        rows = np.flatnonzero(people.group == code)
        rows = rows[np.argsort(-time[rows], kind="stable")]
        grid = np.unique(time[rows])
        if method == "hakulinen":
            dead = rows[event[rows]]
            potential = last_date - places.diagnosis[dead]
            grid = np.union1d(grid, potential[potential <= grid[-1]])
        if options.add_times:
            grid = np.union1d(grid, [moment for moment in options.add_times if moment <= grid[-1]])
        own = _Group(time[rows], event[rows], places.of(rows), grid)
        parts.append((code, own, *_curve(people.table, own, method, form, options, last_date)))
    group = np.concatenate([np.full(own.grid.size, code) for code, own, *_ in parts])
    counts = [own.counts() for _, own, *_ in parts]
    at_risk, deaths, left = (np.concatenate([one[place] for one in counts]) for place in range(3))
    return {
        "group": group.astype(np.int64),
        "time": np.concatenate([own.grid for _, own, *_ in parts]),
        "at_risk": at_risk,
        "events": deaths,
        "censored": left - deaths,
        "estimate": np.concatenate([estimate for _, _, estimate, _ in parts]),
        "log_variance": np.concatenate([variance for *_, variance in parts]),
        "every_row": bool(options.add_times) or method == "hakulinen",
        "conventions": {
            "estimator": f"{method} as in relsurv 2.2-9",
            "form": form,
            "variance": "sum D2 / A**2" if method == "pohar-perme" else "sum d / Y**2",
            "changes": "at observed times" + (" and those added" if options.add_times else ""),
            "precision": f"{options.precision:g} days",
        },
    }


def _curve(
    table: LifeTable, own: _Group, method: str, form: str, options: RelsurvOptions, last_date: float
) -> tuple[FloatArray, FloatArray]:
    """Return one group's estimate and the variance of its logarithm."""
    at_risk, deaths, _ = own.counts()
    if method == "pohar-perme":
        increment, variance = _pohar_perme(table, own, at_risk, options)
        return _survival(increment, form), np.cumsum(variance)
    variance = np.cumsum(deaths / at_risk**2)
    observed = deaths / at_risk
    if method == "ederer2":
        expected = _ederer2(table, own, at_risk, options)
        return _survival(observed - expected, form), variance
    divide_by = _ederer1(table, own) if method == "ederer1" else _hakulinen(table, own, last_date, options)
    return _survival(observed, form) / divide_by, variance


def _survival(increment: FloatArray, form: str) -> FloatArray:
    return np.asarray(np.cumprod(1.0 - increment) if form == "product" else np.exp(-np.cumsum(increment)))


def _steps(start: float, stop: float, length: float) -> FloatArray:
    """Return the ends of the steps of a stretch; the last may be shorter."""
    count = int(np.ceil((stop - start) / length - 1e-12))
    return np.asarray(np.minimum(start + length * np.arange(1, count + 1), stop))


def _pohar_perme(
    table: LifeTable, own: _Group, at_risk: IntArray, options: RelsurvOptions
) -> tuple[FloatArray, FloatArray]:
    hazards = _Hazards(table, own.people, horizon=own.time, least=0.0, shift=0)
    weight = np.ones(own.time.size)
    increment, variance = np.zeros(own.grid.size), np.zeros(own.grid.size)
    now = 0.0
    for place, moment in enumerate(own.grid):
        size = int(at_risk[place])
        # The four sums run on through the stretch: relsurv's own integral.
        sums = np.zeros(4)
        integral = 0.0
        active = weight[:size]
        for end in _steps(now, moment, options.precision):
            length = end - now
            rate = hazards.look_up(now, size)
            sums[0] += rate @ active
            sums[1] += active.sum()
            active *= np.exp(rate * length)
            sums[2] += rate @ active
            sums[3] += active.sum()
            integral += length * (sums[0] / sums[1] + sums[2] / sums[3]) / 2
            now = float(end)
        dying = active[(own.time[:size] == moment) & own.event[:size]]
        total = active.sum()
        increment[place] = dying.sum() / total - integral
        variance[place] = (dying**2).sum() / total**2
    return increment, variance


def _ederer2(table: LifeTable, own: _Group, at_risk: IntArray, options: RelsurvOptions) -> FloatArray:
    hazards = _Hazards(table, own.people, horizon=own.time, least=0.0, shift=0)
    expected = np.zeros(own.grid.size)
    now = 0.0
    for place, moment in enumerate(own.grid):
        size = int(at_risk[place])
        for end in _steps(now, moment, options.precision):
            expected[place] += hazards.look_up(now, size).sum() * (end - now)
            now = float(end)
    return expected / at_risk


def _ederer1(table: LifeTable, own: _Group) -> FloatArray:
    size = own.time.size
    horizon = np.full(size, own.grid[-1])
    hazards = _Hazards(table, own.people, horizon=horizon, least=LEAST_HAZARD, shift=0)
    cumulative = np.zeros(size)
    expected = np.zeros(own.grid.size)
    now = 0.0
    for place, moment in enumerate(own.grid):
        cumulative += hazards.integral(now, float(moment), size)
        expected[place] = np.exp(-cumulative).mean()
        now = float(moment)
    return expected


def _hakulinen(table: LifeTable, own: _Group, last_date: float, options: RelsurvOptions) -> FloatArray:
    potential = np.where(own.event, last_date - own.people.diagnosis, own.time)
    order = np.argsort(-potential, kind="stable")
    potential = potential[order]
    hazards = _Hazards(
        table, own.people.of(order), horizon=potential, least=LEAST_HAZARD,
        shift=DAYS_FROM_1960_TO_1970 if options.date_class else 0,
    )  # fmt: skip
    cumulative = np.zeros(potential.size)
    total = np.zeros(own.grid.size)
    now = 0.0
    for place, moment in enumerate(own.grid):
        size = int(np.searchsorted(-potential, -moment, side="right"))
        step = hazards.integral(now, float(moment), size)
        cumulative[:size] += step
        survival = np.exp(-cumulative[:size])
        total[place] = (survival @ step) / survival.sum()
        now = float(moment)
    return np.asarray(np.exp(-np.cumsum(total)))
