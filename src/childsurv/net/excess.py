"""Excess mortality rate over time since diagnosis: increments of the net cumulative hazard, smoothed by a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.polynomial import polynomial

from childsurv.cohort.follow_up import By, Data, warn_no_events
from childsurv.cohort.table_notes import noted
from childsurv.curves.curve_options import CurveOptions
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError, asked, asking, renamed, require_choice
from childsurv.fold.rows import fold_expected, require_expected_sums
from childsurv.fold.tally import WEIGHTED_SUMS, Tally
from childsurv.lifetable.people import Columns, look_up_conventions, people_of
from childsurv.lifetable.table import LifeTable
from childsurv.maths.asked import asked_number, asked_times
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.probability import normal_quantile
from childsurv.maths.running import ratio, running_sum
from childsurv.net.daily import excess_hazard

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

KERNELS = {
    "epanechnikov": np.array([0.75, 0.0, -0.75]),
    "biweight": np.array([0.9375, 0.0, -1.875, 0.0, 0.9375]),
    "uniform": np.array([0.5]),
}
"""Kernels on (-1, 1) as coefficients of the powers of x."""

QUANTITY = "excess mortality rate"

LIMITS = ("plain", "log")

POINTS_PER_YEAR = 12
"""Times shown unless others are asked for."""

VALUES_AT_A_TIME = 2_000_000
"""Kernel values held together."""


@dataclass(frozen=True, eq=False, repr=False)
class ExcessMortality(Curves):
    """Excess mortality rates by group and time, as `Curves` on the scale of rates per person-year.

    Attributes
    ----------
    kernel, bandwidth_days : str, float
        The kernel, and half its width.
    variance : ndarray of shape (n_rows,)
        Variance of the rate.
    groups, level, ci, conventions, group, time, at_risk, estimate, minimum, stopped
        As for `Curves`; ``estimate`` is the rate per person-year.

    Notes
    -----
    The rates are no step functions: what `Curves` reads off between its rows is not for them. Ask `excess_mortality`
    for the times that you need.
    """

    kernel: str = "epanechnikov"
    bandwidth_days: float = float("nan")
    variance: FloatArray = field(default_factory=lambda: np.empty(0))

    def __repr__(self) -> str:
        return (
            f"<ExcessMortality: {len(self.groups)} curves, {int(self.groups['patients'].sum()):,} patients, "
            f"{self.kernel} kernel of {self.bandwidth_days:g} days, {self.level:.0%} {self.ci} limits>"
        )

    @property
    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper confidence limit of every row: "plain" ``r -+ z s``, "log" ``r exp(-+ z s / r)``."""
        spread = normal_quantile(self.level) * np.sqrt(self.variance)
        if self.ci == "plain":
            return self.estimate - spread, self.estimate + spread
        # Not defined where no more, or fewer, died than in the population.
        factor = np.exp(ratio(spread, self.estimate, otherwise=np.nan))
        certain = self.variance == 0
        return (
            np.where(certain, self.estimate, self.estimate / factor),
            np.where(certain, self.estimate, self.estimate * factor),
        )

    def at(self, *, times: Any = None, years: Any = None) -> pd.DataFrame:
        """Refuse: rates are known at the times that `excess_mortality` was asked for."""
        raise OptionError(
            "ExcessMortality.at: rates are no step functions; give times= or years= to excess_mortality()."
        )

    def with_minimum(self, minimum: int, *, children_at_risk: Any = None) -> ExcessMortality:
        """Return the rates themselves; refuse another minimum than the one that they were estimated with."""
        if minimum != self.minimum:
            raise OptionError(
                "ExcessMortality.with_minimum: rates end by days; give minimum= to excess_mortality()."
            )
        return self

    def as_curves(self, *, per: float = 1.0) -> Curves:
        """Return the rates per so many person-years in the form that pictures take."""
        shared = {one.name: getattr(self, one.name) for one in fields(Curves)}
        stopped = self.stopped if self.minimum else None
        return Curves(**{**shared, "estimate": self.estimate * per, "stopped": stopped})

    @property
    def table(self) -> pd.DataFrame:
        """A fresh DataFrame: group columns, ``time`` (days), ``at_risk, estimate, std_error, lower, upper``."""
        lower, upper = self.limits
        labels = self.groups[self.group_columns]
        table = (
            labels.iloc[self.group]
            .reset_index(drop=True)
            .assign(
                time=self.time, at_risk=self.at_risk, estimate=self.estimate, std_error=np.sqrt(self.variance),
                lower=lower, upper=upper,
            )
        )  # fmt: skip
        return noted(table, self.conventions)


@asking("excess_mortality")
@renamed(bandwidth="bandwidth_days")
def excess_mortality(
    data: Data | Tally,
    life_table: LifeTable | None = None,
    *,
    by: By = None,
    bandwidth_days: float | None = None,
    bandwidth_years: float | None = None,
    kernel: str = "epanechnikov",
    times: Sequence[float] | float | None = None,
    years: Sequence[float] | float | None = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    age_days: str | None = None,
    sex: str = "sex",
    diagnosis_date: str | None = None,
    level: float = 0.95,
    ci: str = "plain",
    zero_survival: str = "keep",
    minimum: int = 0,
) -> ExcessMortality:
    """Estimate the excess mortality rate over time since diagnosis, by a kernel over Pohar Perme's daily increments.

    ``r(t) = sum over days k of dL_k * integral over the day of K_t((t - s) / b) ds / b``, with dL_k the excess hazard
    of day k as in `net_survival`, spread evenly over the day, and b the bandwidth; its variance adds the squares of
    the same integrals times the variances ``D2_k / A_k**2`` of the increments.

    In the middle ``K_t`` is the kernel. Within b of the beginning and of the end of a group's follow-up it is
    ``K_t(x) = K(x) (S2 - S1 x) / (S0 S2 - S1**2)``, with ``S_j`` the moments of the part of the kernel that lies
    inside: a rate that is constant or changes linearly is then met without bias there too.

    Parameters
    ----------
    data, life_table, by, time, event, entry, age_days, sex, diagnosis_date, zero_survival
        As for `crude_mortality`.
    bandwidth_days, bandwidth_years
        Half the width of the kernel in days or in years of 365.25 days; one of the two. No default: a wide kernel
        flattens a peak after diagnosis, a narrow one shows chance.
    kernel
        "epanechnikov", "biweight" or "uniform".
    times, years
        Times since diagnosis in days or years; by default 12 a year from 0 to the end of follow-up.
    level, ci
        Confidence level and kind of limits: "plain" or "log". They are limits of the smoothed rate.
    minimum
        Children at risk below which a curve ends, and patients below which a group has no estimate; 0, the default,
        for neither.

    Returns
    -------
    ExcessMortality
        ``.table`` has the group columns, ``time`` (days), ``at_risk, estimate, std_error, lower, upper``; deaths per
        person-year beyond those of the population, negative where fewer died. NaN outside a group's follow-up, within
        b of days on which no child is at risk, for groups followed for less than b, and where ``minimum`` says so, the
        number at risk then too. `childsurv.plot.curves` draws it.

    Raises
    ------
    OptionError
        No bandwidth, or an unknown kernel or kind of limits.
    LifeTableError, ColumnError, DataError
        As for `net_survival`.

    References
    ----------
    Ramlau-Hansen H. Smoothing counting process intensities by means of kernel functions. Ann Stat 1983; 11:453-66.
    doi:10.1214/aos/1176346152

    Jones MC. Simple boundary correction for kernel density estimation. Stat Comput 1993; 3:135-46.
    doi:10.1007/BF00147776

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table()
    >>> rates = cs.excess_mortality(cohort, table, bandwidth_years=1, years=[1, 5]).table
    >>> bool(rates["estimate"][0] > rates["estimate"][1])
    True
    """
    require_choice(kernel, tuple(KERNELS), argument="kernel")
    options = CurveOptions.checked(level, ci, minimum, kinds=LIMITS)
    if (bandwidth_days is None) == (bandwidth_years is None):
        raise OptionError(f"{asked()}: give the width of the kernel, as bandwidth_days= or bandwidth_years=.")
    width = float(
        asked_number(bandwidth_days, argument="bandwidth_days", positive=True)
        if bandwidth_years is None
        else asked_number(bandwidth_years, argument="bandwidth_years", positive=True) * DAYS_PER_YEAR
    )
    columns = Columns(
        time=time, event=event, entry=entry, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date,
    )  # fmt: skip
    if isinstance(data, Tally):
        require_expected_sums(data, life_table, *WEIGHTED_SUMS, given={"by": by, **columns.given})
        folded = data
    else:
        people = people_of(data, life_table, columns, by=by, zero_survival=zero_survival)
        warn_no_events(people.observed)
        folded = fold_expected(people, plain=False, weighted=True)
    return finish_excess_mortality(folded, options, kernel, width, _wanted(folded, times, years))


def finish_excess_mortality(
    folded: Tally, options: CurveOptions, kernel: str, width: float, wanted: FloatArray
) -> ExcessMortality:
    """Finish daily sums into rates at the times wanted; ``width`` is the bandwidth in days."""
    assert folded.life_table is not None
    increment, variance, used = excess_hazard(folded)
    increment, variance = np.where(used, increment, 0.0), np.where(used, variance, 0.0)
    # Rows of plain tables may end at time 0; their events count in the first day.
    begun = np.flatnonzero((folded.end[:-1] == 0) & (folded.group[1:] == folded.group[:-1]))
    for values in (increment, variance):
        values[begun + 1] += values[begun]
        values[begun] = 0.0
    rates, variances = _smooth(folded, wanted, increment, variance, used, width, KERNELS[kernel])
    n_groups, n_times = folded.n_groups, wanted.size
    last = folded.starts[1:] - folded.starts[:-1] - 1
    day = np.ceil(wanted).astype(np.int64)[None, :]
    place = folded.starts[:-1, None] + np.minimum(day, last[:, None])
    at_risk = np.where(day <= last[:, None], folded.at_risk[place], 0)
    groups = folded.groups.assign(patients=folded.totals("left"), total_events=folded.totals("events"))
    hidden = np.zeros((n_groups, n_times), dtype=bool)
    least = options.minimum
    if least:
        groups, hidden = _hidden(folded, groups, day, least)
        at_risk = np.where(hidden, np.nan, at_risk)
        rates, variances = (np.where(hidden.ravel(), np.nan, values) for values in (rates, variances))
    rates, variances = rates * DAYS_PER_YEAR, variances * DAYS_PER_YEAR**2
    nothing = np.zeros(rates.size, dtype=np.int64)
    made = ExcessMortality.made(
        groups,
        estimator="excess mortality",
        options=options,
        conventions={
            "estimator": "kernel over the daily increments of Pohar Perme's excess hazard",
            "kernel": kernel,
            "bandwidth_days": width,
            "boundary": "linear correction within the bandwidth of the ends of follow-up",
            "rate": f"per person-year of {DAYS_PER_YEAR} days",
            "variance": "sum of squared kernel weights times D2 / A**2",
            **look_up_conventions(folded.life_table),
            "extended_person_years": folded.extended_days / DAYS_PER_YEAR,
            **({"minimum": least} if least else {}),
        },
        followed=folded.follow_up_conventions,
        bounded=False,
        kernel=kernel,
        bandwidth_days=width,
        minimum=least,
        stopped=np.asarray(hidden.any(axis=1)),
        group=np.repeat(np.arange(n_groups), n_times),
        time=np.tile(wanted, n_groups),
        at_risk=at_risk.ravel(),
        events=nothing,
        censored=nothing,
        estimate=rates,
        variance=variances,
        log_variance=np.where(variances > 0, ratio(variances, rates**2, where=True), variances),
        quantity=QUANTITY,
        start=np.nan,
        every_row=True,
    )
    assert isinstance(made, ExcessMortality)
    return made


def _hidden(
    folded: Tally, groups: pd.DataFrame, day: IntArray, least: int
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Return the groups without what a minimum hides, and which group and day it hides.

    A curve ends with the first day on which too few are at risk, as in `childsurv.Curves.with_minimum`.
    """
    starts = folded.starts
    ends = np.minimum.reduceat(np.where(folded.at_risk < least, folded.end, np.inf), starts[:-1])
    small = groups["patients"].to_numpy() < least
    counted = np.where(folded.end < ends[folded.group], folded.sums["events"], 0)
    events = np.add.reduceat(counted, starts[:-1]).astype(np.float64)
    hidden = small[:, None] | (day >= ends[:, None])
    return groups.assign(
        patients=groups["patients"].where(~small),
        total_events=np.where(hidden.all(axis=1), np.nan, events),
    ), hidden


def _wanted(folded: Tally, times: Any, years: Any) -> FloatArray:
    if times is None and years is None:
        step = DAYS_PER_YEAR / POINTS_PER_YEAR
        whole = np.arange(int(folded.end.max() / step) + 1)
        return np.asarray(whole * step, dtype=np.float64)
    return np.unique(asked_times(times, years))


def _smooth(
    folded: Tally,
    wanted: FloatArray,
    increment: FloatArray,
    variance: FloatArray,
    used: npt.NDArray[np.bool_],
    width: float,
    kernel: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return daily rates and their variances, of shape (n_groups * n_times,), groups first."""
    starts = folded.starts
    n_groups = starts.size - 1
    day = np.where(used, folded.end, -1)
    end = np.maximum.reduceat(day, starts[:-1]).astype(np.float64)
    begin = np.minimum.reduceat(np.where(used & (folded.end > 0), folded.end, np.inf), starts[:-1]) - 1.0
    unused = running_sum((~used).astype(np.int64), starts)
    # Antiderivatives of the kernel and of x and x**2 times it.
    powers = [polynomial.polyint(np.concatenate([np.zeros(power), kernel])) for power in range(3)]
    reach = int(np.ceil(2 * width)) + 2
    length = max(1, VALUES_AT_A_TIME // reach)
    n = n_groups * wanted.size
    rates, variances = np.full(n, np.nan), np.full(n, np.nan)
    for first in range(0, n, length):
        pair = np.arange(first, min(first + length, n))
        group, moment = pair // wanted.size, wanted[pair % wanted.size]
        low, high = np.maximum(moment - width, begin[group]), np.minimum(moment + width, end[group])
        known = (moment >= begin[group]) & (moment <= end[group]) & (end - begin >= width)[group]
        if not known.any():
            continue
        pair, group = pair[known], group[known]
        moment, low, high = moment[known], low[known], high[known]
        # Days (k - 1, k] from the one that holds the lower end of the kernel on; x falls as days go on.
        edges = np.floor(low)[:, None] + np.arange(reach + 1)
        x = (moment[:, None] - np.clip(edges, low[:, None], high[:, None])) / width
        parts = [polynomial.polyval(x, antiderivative) for antiderivative in powers]
        zeroth, linear, square = (part[:, 0] - part[:, -1] for part in parts)
        inside = square[:, None] * -np.diff(parts[0]) + linear[:, None] * np.diff(parts[1])
        weight = inside / (zeroth * square - linear**2)[:, None]
        last = starts[group + 1] - 1
        cell = np.minimum(starts[group][:, None] + edges[:, 1:].astype(np.int64), last[:, None])
        rates[pair] = (weight * increment[cell]).sum(axis=1)
        variances[pair] = (weight**2 * variance[cell]).sum(axis=1)
        holes = unused[np.minimum(starts[group] + np.ceil(high).astype(np.int64), last)]
        holes = holes - unused[starts[group] + np.floor(low).astype(np.int64)]
        rates[pair[holes > 0]] = np.nan
        variances[pair[holes > 0]] = np.nan
    return rates, variances
