"""Curves: the one result of every estimator of survival over time.

A curve is a table. Everything that a report asks of it (survival at five years, a median, a restricted mean, survival
given the first year, a difference between countries) reads that table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.table_notes import noted
from childsurv.curves import chosen_times, differences, reliability, small_numbers, summaries
from childsurv.curves.curve_columns import labels_of, limits_of, std_error
from childsurv.curves.curve_options import CurveOptions, times_by_name
from childsurv.errors import OptionError, asked, asking, warn
from childsurv.maths.asked import asked_times
from childsurv.maths.frozen import Frozen
from childsurv.maths.running import group_starts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from childsurv.curves.reliability import ReliabilityRules

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Strata(Frozen):
    """What standardised curves are the weighted means of."""

    curves: Curves
    """Curves of the strata."""
    weights: tuple[Mapping[int, float], ...]
    """For each standardised group the weights of its strata, by their places among the groups of ``curves``."""


@dataclass(frozen=True, eq=False, repr=False)
class Curves(Frozen):
    """Estimated survival over time, one step function for each group.

    Attributes
    ----------
    groups : DataFrame
        One row a group with its labels and ``patients`` and ``total_events``.
    estimator : str
        Name of the estimator, such as "Kaplan-Meier".
    level : float
        Confidence level of the limits.
    ci : str
        Kind of the limits.
    conventions : Mapping
        Every convention that the numbers depend on.
    in_days : bool
        Whether times are days, so that ``years=`` can be asked for.
    bounded : bool
        Whether limits are cut at 0 and 1, as for observed survival.
    group, time : ndarray of shape (n_rows,)
        Code of the group and time of each row, sorted by both. Rows without an exit are steps of net survival
        between exits, or entries.
    at_risk, events, censored : ndarray of shape (n_rows,)
        Numbers just before, and at, each time.
    estimate, log_variance : ndarray of shape (n_rows,)
        The estimate, and the variance of its logarithm.
    quantity : str
        What is estimated: "survival", "cumulative hazard" or "cumulative incidence".
    origin : float
        Time at which the curves begin: 0, or later for conditional survival.
    start : float
        Value of the curves there: 1 for survival, 0 for a cumulative hazard or incidence.
    lower_log_variance : ndarray or None
        Variance for the lower limit where it has one of its own (``lower_variance=``).
    every_row : bool
        Whether `table` shows rows without an exit too, as a life table of intervals does.
    limits_scale : ndarray or None
        Limits are those of ``estimate * limits_scale``, divided by it, where a peer takes them so.
    life_table_use : DataFrame or None
        Cells of the life table that were carried on or have a hazard of zero, with the person-years in them.
    minimum : int
        Children at risk below which a curve ends, and patients below which a group has no estimate; 0 for no such rule
        (see `with_minimum`).
    stopped : ndarray of bool, shape (n_groups,), or None
        Groups whose curve ends, or is left out, by that rule.
    children_at_risk : ndarray of shape (n_rows,) or None
        Children at risk where ``at_risk`` holds their weights, or other states than their own; None where it is them.
    at_risk_after : ndarray of shape (n_rows,) or None
        Of curves by intervals, the number at risk at the end of each, with which the next begins.
    additive : bool
        Whether the variance of log S is a sum of independent increments, as a jackknife's or that of a weighted mean of
        curves is not.
    strata : Strata or None
        Of standardised curves.

    Notes
    -----
    The arrays are read-only; `table` builds a fresh DataFrame each time.
    """

    groups: pd.DataFrame
    estimator: str
    level: float
    ci: str
    conventions: Mapping[str, Any]
    in_days: bool
    bounded: bool
    group: IntArray
    time: npt.NDArray[np.float64]
    at_risk: npt.NDArray[np.number]
    events: npt.NDArray[np.number]
    censored: npt.NDArray[np.number]
    estimate: FloatArray
    log_variance: FloatArray
    quantity: str = "survival"
    origin: float = 0.0
    start: float = 1.0
    lower_log_variance: FloatArray | None = None
    every_row: bool = False
    limits_scale: FloatArray | None = None
    life_table_use: pd.DataFrame | None = None
    minimum: int = 0
    stopped: npt.NDArray[np.bool_] | None = None
    children_at_risk: npt.NDArray[np.number] | None = None
    at_risk_after: npt.NDArray[np.number] | None = None
    additive: bool = True
    strata: Strata | None = None

    @classmethod
    def made(
        cls,
        groups: pd.DataFrame,
        *,
        estimator: str,
        options: CurveOptions,
        conventions: Mapping[str, Any],
        followed: Mapping[str, Any],
        bounded: bool = True,
        **arrays: Any,
    ) -> Curves:
        """Return finished curves; the one place where an estimator's arrays become a result.

        Parameters
        ----------
        groups
            Labels, ``patients`` and ``total_events``, one row a group.
        estimator
            Its name.
        options
            Level, kind of limits and minimum, which is applied here.
        conventions
            What the estimator adds to the conventions of the result.
        followed
            Conventions of the follow-up: `FollowUp.conventions` or `Tally.follow_up_conventions`.
        bounded
            Whether limits are cut at 0 and 1.
        **arrays
            The other attributes of `Curves`.
        """
        return cls(
            groups=groups,
            estimator=estimator,
            level=options.level,
            ci=options.ci,
            conventions={
                "estimator": estimator,
                **conventions,
                "ci": options.ci,
                "level": options.level,
                **followed,
            },
            in_days=followed["time_unit"] == "days",
            bounded=bounded,
            **arrays,
        ).with_minimum(options.minimum)

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
        object.__setattr__(self, "conventions", MappingProxyType(dict(self.conventions)))

    def __repr__(self) -> str:
        by = ", ".join(self.group_columns) or "no groups"
        return (
            f"<Curves: {self.estimator}, {len(self.groups)} curves ({by}), "
            f"{int(self.groups['patients'].sum()):,} patients, {self.groups['total_events'].sum():,.0f} events, "
            f"{self.level:.0%} {self.ci} limits>"
        )

    @property
    def group_columns(self) -> list[str]:
        """Names of the columns with the labels of groups."""
        return [name for name in self.groups.columns if name not in ("patients", "total_events")]

    @property
    def by_intervals(self) -> bool:
        """Whether the curves are known at the ends of intervals only, as a life table of patients is."""
        return self.every_row and "intervals" in self.conventions

    @property
    def starts(self) -> IntArray:
        """First row of each group in the arrays, and the number of rows last."""
        return group_starts(self.group, len(self.groups))

    @property
    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper confidence limit of every row."""
        return limits_of(self, slice(None))

    @property
    def table(self) -> pd.DataFrame:
        """A fresh DataFrame with one row for each group and time that has an event or a censoring, ascending.

        Group columns, then ``time, at_risk, events, censored, estimate, std_error, lower, upper``. ``std_error`` is
        that of the estimate itself, NaN once survival is 0.
        """
        wanted = (self.events > 0) | (self.censored > 0) | self.every_row
        if self.stopped is not None:
            # The row of a group that is too small has no exits and no estimate.
            wanted &= ~(self.stopped[self.group] & np.isnan(self.estimate) & (self.at_risk == 0))
        shown = np.flatnonzero(wanted)
        columns = labels_of(self, self.group[shown])
        time = self.time[shown]
        columns["time"] = time.astype(np.int64) if self.in_days and not (time % 1).any() else time
        columns["at_risk"] = self.at_risk[shown]
        columns["events"] = self.events[shown]
        columns["censored"] = self.censored[shown]
        columns["estimate"] = self.estimate[shown]
        columns["std_error"] = std_error(self.estimate[shown], self.log_variance[shown])
        columns["lower"], columns["upper"] = limits_of(self, shown)
        return noted(pd.DataFrame(columns, copy=False), self.conventions)

    def _compared(self, table: pd.DataFrame, reference: Any, level: float | None) -> pd.DataFrame:
        """Return a comparison of groups with its conventions."""
        own = {"reference": reference, "level": self.level if level is None else level}
        return noted(table, {**self.conventions, **own})

    @asking("Curves.at")
    @times_by_name()
    def at(
        self, *, times: Sequence[float] | float | None = None, years: Sequence[float] | float | None = None
    ) -> pd.DataFrame:
        """Return the step function at chosen times, one row for each group and time.

        Parameters
        ----------
        times
            Times in the curve's own unit.
        years
            Times in years of 365.25 days; give one of the two.

        Returns
        -------
        DataFrame
            The columns of `table`. ``at_risk`` is the number at risk just before the time; ``events`` and
            ``censored`` count since the previous time asked for. Past the last person at risk, estimates are
            NaN. With a ``minimum``, all of them are NaN from where fewer than that are at risk.

        Raises
        ------
        OptionError
            A time inside an interval, for curves that are known at the ends of intervals only.

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
        >>> curves.at(years=[1, 5]).shape
        (4, 9)
        """
        return noted(chosen_times.values_at(self, self._times(times, years)), self.conventions)

    @asking("Curves.with_minimum")
    def with_minimum(self, minimum: int, *, children_at_risk: npt.NDArray[np.number] | None = None) -> Curves:
        """Return the curves without what rests on fewer than some number of children.

        The curve of a group ends before the first time at which ``Y(t) < minimum``; a group with fewer patients has no
        estimate. Estimators do this with ``minimum=``.

        Parameters
        ----------
        minimum
            Least number of patients of a group, and of children at risk; 0 for no such rule.
        children_at_risk
            Children at risk in each row, of shape ``(n_rows,)``, where ``at_risk`` is a sum of weights.

        Returns
        -------
        Curves
            `groups` still lists every group; where it has no estimate ``patients`` and ``total_events`` are missing.
            ``total_events`` counts events up to where the curve ends. `table` has no rows from there on, and `at` has
            NaN, numbers at risk and events included. ``conventions`` say how many curves end early or are left out,
            not how many rows: those would be the children.

        Raises
        ------
        OptionError
            Not a whole number of 0 or more, or less than the minimum that the curves already have.

        Notes
        -----
        The last row of `table` still shows, by subtraction, how many children are left after it: keep rows of single
        days with the patients' rows. Publish `at`, `at_risk_table` or a picture. Where a total is published beside
        them, a single hidden group can be worked out; merge groups, or use `childsurv.report`, which also hides a
        second one.

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="country", minimum=10)
        >>> bool((curves.table["at_risk"] >= 10).all())
        True
        """
        return small_numbers.with_minimum(self, minimum, children_at_risk=children_at_risk)

    @asking("Curves.quantile")
    def quantile(self, p: float | Sequence[float] = 0.5) -> pd.DataFrame:
        """Return the times by which a share ``p`` has died, with limits where the curve's own limits cross.

        The quantile is the first time with ``S <= 1 - p``; where the curve is level at exactly ``1 - p``, the
        middle of that stretch. NaN where it is never reached.

        Parameters
        ----------
        p
            Share or shares between 0 and 1; 0.5 is the median.

        Returns
        -------
        DataFrame
            Group columns, ``p, quantile, lower, upper``.

        References
        ----------
        Brookmeyer R, Crowley J. A confidence interval for the median survival time. Biometrics 1982; 38:29-41.
        doi:10.2307/2530286

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1))
        >>> list(curves.quantile([0.1, 0.2]).columns)
        ['p', 'quantile', 'lower', 'upper']
        """
        self._require_survival()
        if self.by_intervals:
            raise OptionError(
                "quantile(): these curves are known at the ends of intervals only; estimate them without intervals."
            )
        shares = np.atleast_1d(np.asarray(p, dtype=np.float64))
        if not ((shares > 0) & (shares < 1)).all():
            raise OptionError("quantile(p): p must lie between 0 and 1.")
        labels = labels_of(self, np.repeat(np.arange(len(self.groups)), shares.size))
        return noted(pd.DataFrame({**labels, **summaries.quantiles(self, shares)}), self.conventions)

    @asking("Curves.rmst")
    @times_by_name()
    def rmst(self, *, times: float | None = None, years: float | None = None) -> pd.DataFrame:
        """Return the restricted mean survival time: the area under each curve up to a time.

        ``integral of S from 0 to tau``, with variance ``sum over t <= tau of (area from t to tau)**2 dV(t)``,
        V the variance of log S. Curves by intervals are joined by straight lines; standardised ones have the weighted
        means of their strata.

        Parameters
        ----------
        times
            The time tau in the curve's own unit.
        years
            The time tau in years of 365.25 days; give one of the two.

        Returns
        -------
        DataFrame
            Group columns, ``tau, rmst, std_error, lower, upper``; NaN for groups followed for less than tau.

        References
        ----------
        Royston P, Parmar MKB. Restricted mean survival time. BMC Med Res Methodol 2013; 13:152.
        doi:10.1186/1471-2288-13-152

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
        >>> bool((curves.rmst(years=5)["rmst"] <= 5 * 365.25).all())
        True
        """
        self._require_survival()
        tau = self._one_time(times, years)
        if tau < self.origin:
            raise OptionError(f"{asked()}: these curves begin at {self.origin:g}, after the time asked for.")
        means = summaries.restricted_means(self, tau, with_variance=self._has_variance())
        return noted(
            pd.DataFrame({**labels_of(self, np.arange(len(self.groups))), **means}), self.conventions
        )

    @asking("Curves.conditional")
    @times_by_name("given", "given_years")
    def conditional(self, *, given: float | None = None, given_years: float | None = None) -> Curves:
        """Return survival given survival to a time: ``S(t) / S(s)`` for ``t >= s``.

        The variance of its logarithm is ``V(t) - V(s)``, because increments after s do not depend on those before; for
        standardised curves that of the weighted means at both times, with the covariances of the strata.

        Parameters
        ----------
        given
            The time s in the curve's own unit.
        given_years
            The time s in years of 365.25 days; give one of the two.

        Returns
        -------
        Curves
            Times still count from diagnosis; groups in which no child survives to s are left out and counted in
            ``conventions``.

        References
        ----------
        Hieke S, Kleber M, Konig C, Engelhardt M, Schumacher M. Conditional survival. Clin Cancer Res 2015; 21:1530-6.
        doi:10.1158/1078-0432.CCR-14-2154

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1))
        >>> later = curves.conditional(given_years=1)
        >>> bool(later.at(years=5)["estimate"][0] >= curves.at(years=5)["estimate"][0])
        True
        """
        self._require_survival()
        if self.lower_log_variance is not None:
            raise OptionError(
                f"{asked()} takes curves with usual lower limits; estimate them without lower_variance=."
            )
        if self.limits_scale is not None:
            raise OptionError(
                f"{asked()}: limits as in strs are of whole curves; estimate without compat='strs'."
            )
        moment = self._one_time(given, given_years)
        if moment < self.origin:
            raise OptionError(f"{asked()}: these curves begin at {self.origin:g}, after the time asked for.")
        return summaries.conditional_on(self, moment, with_variance=self._has_variance())

    @asking("Curves.difference")
    def difference(
        self,
        *,
        reference: Any,
        times: Sequence[float] | float | None = None,
        years: Sequence[float] | float | None = None,
        level: float | None = None,
    ) -> pd.DataFrame:
        """Return each group's survival minus that of a reference group, at chosen times.

        ``S_g(t) - S_r(t)`` with variance the sum of both, for groups of different people. Of curves by cause or state,
        groups are compared within the reference's.

        Parameters
        ----------
        reference
            Label of the reference group; a tuple where there are several group columns.
        times, years
            As in `at`.
        level
            Confidence level; that of the curves unless given.

        Returns
        -------
        DataFrame
            Group columns, ``time, difference, std_error, lower, upper, z, p_value``.

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
        >>> curves.difference(reference="female", years=5)["sex"].tolist()
        ['male']
        """
        table = differences.differences(self, reference=reference, times=times, years=years, level=level)
        return self._compared(table, reference, level)

    @asking("Curves.ratio")
    def ratio(
        self,
        *,
        reference: Any,
        times: Sequence[float] | float | None = None,
        years: Sequence[float] | float | None = None,
        level: float | None = None,
    ) -> pd.DataFrame:
        """Return each group's survival divided by that of a reference group, at chosen times.

        ``S_g(t) / S_r(t)`` with limits on the log scale, ``exp(log ratio +- z sqrt(V_g + V_r))``.

        Parameters
        ----------
        reference, times, years, level
            As in `difference`.

        Returns
        -------
        DataFrame
            Group columns, ``time, ratio, log_std_error, lower, upper, z, p_value``.

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
        >>> bool(curves.ratio(reference="female", years=5)["ratio"][0] > 0)
        True
        """
        table = differences.ratios(self, reference=reference, times=times, years=years, level=level)
        return self._compared(table, reference, level)

    @asking("Curves.number_needed")
    def number_needed(
        self,
        *,
        reference: Any,
        times: Sequence[float] | float | None = None,
        years: Sequence[float] | float | None = None,
        level: float | None = None,
    ) -> pd.DataFrame:
        """Return the number of children who give one more survivor by the survival of the group than by the reference.

        ``1 / (S_g(t) - S_r(t))``; below 0 where the group survives less. Limits are the reciprocals of those of the
        difference; where these have both signs the number may be anything beyond both, and the limits are missing.

        Parameters
        ----------
        reference, times, years, level
            As in `difference`.

        Returns
        -------
        DataFrame
            Group columns, ``time, difference, number_needed, lower, upper``.

        References
        ----------
        Altman DG, Andersen PK. Calculating the number needed to treat for trials where the outcome is time to an event.
        BMJ 1999; 319:1492-5. doi:10.1136/bmj.319.7223.1492

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
        >>> "number_needed" in curves.number_needed(reference="female", years=5)
        True
        """
        table = differences.numbers_needed(self, reference=reference, times=times, years=years, level=level)
        return self._compared(table, reference, level)

    @asking("Curves.rmst_comparison")
    def rmst_comparison(
        self,
        *,
        reference: Any,
        times: float | None = None,
        years: float | None = None,
        level: float | None = None,
    ) -> pd.DataFrame:
        """Compare restricted mean survival times with a reference group: difference and ratio, with limits and tests.

        Difference of the areas under the curves with variance the sum of both; ratio on the log scale, the variance of
        log area being ``var / area**2``.

        Parameters
        ----------
        reference
            As in `difference`.
        times, years
            As in `rmst`.
        level
            Confidence level; that of the curves unless given.

        Returns
        -------
        DataFrame
            Group columns, ``tau, rmst, difference, lower, upper, p_value, ratio, ratio_lower, ratio_upper,
            ratio_p_value``.

        References
        ----------
        Royston P, Parmar MKB. Restricted mean survival time. BMC Med Res Methodol 2013; 13:152.
        doi:10.1186/1471-2288-13-152

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
        >>> curves.rmst_comparison(reference="female", years=5)["sex"].tolist()
        ['male']
        """
        table = differences.rmst_comparisons(self, reference=reference, times=times, years=years, level=level)
        return self._compared(table, reference, level)

    @asking("Curves.at_risk_table")
    @times_by_name()
    def at_risk_table(
        self, *, times: Sequence[float] | float | None = None, years: Sequence[float] | float | None = None
    ) -> pd.DataFrame:
        """Return the numbers at risk at chosen times, one row a group and one column a time, as under a picture.

        Parameters
        ----------
        times, years
            As in `at`; the number just after the start is asked for as 0.

        Returns
        -------
        DataFrame
            Indexed by the group columns; NaN where fewer than the curves' ``minimum`` are at risk.

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
        >>> curves.at_risk_table(years=[0, 5]).shape
        (2, 2)
        """
        values = self.at(times=times, years=years)
        shown = np.atleast_1d(np.asarray(times if years is None else years, dtype=np.float64))
        table = pd.DataFrame(
            values["at_risk"].to_numpy().reshape(len(self.groups), -1),
            columns=pd.Index([int(one) if one % 1 == 0 else float(one) for one in shown]),
        )
        if self.group_columns:
            table.index = pd.MultiIndex.from_frame(self.groups[self.group_columns])
        return noted(table, self.conventions)

    @asking("Curves.reliability")
    @times_by_name()
    def reliability(
        self,
        *,
        times: Sequence[float] | float | None = None,
        years: Sequence[float] | float | None = None,
        rules: str | Mapping[str, float] | ReliabilityRules = "concord-like",
    ) -> pd.DataFrame:
        """Return estimates at chosen times with a verdict on whether they are fit to be shown.

        Parameters
        ----------
        times, years
            As in `at`.
        rules
            "concord-like": fewer than 10 patients no estimate, 10 to 49 unstandardised only, fewer than 10 at risk at
            the time not reliable; or your own thresholds, of which only those given apply: ``{"patients": 20,
            "standardise": 50, "at_risk": 15, "interval_width": 0.3, "std_error": 0.1}`` (widths and errors as shares).

        Returns
        -------
        DataFrame
            Group columns, ``time, patients, at_risk, estimate, std_error, lower, upper``, ``reliability`` ("reliable",
            "unstandardised only", "not reliable" or "no estimate") and ``reasons``. Estimates are NaN for groups with
            too few patients. For standardised curves "unstandardised only" is "not reliable".

        Notes
        -----
        The published rules of the CONCORD programme could not be read, so the scheme is only "like" them; numbers at
        risk are our addition. Quality of data (death certificates, children lost) is no part of these rules: see
        `data_quality`.

        Examples
        --------
        >>> import childsurv as cs
        >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
        >>> curves.reliability(years=5)["reliability"].tolist()
        ['reliable', 'reliable']
        """
        return reliability.reliability(self, times=times, years=years, rules=rules)

    @asking("Curves.to_lifelines")
    def to_lifelines(self) -> Any:
        """Return Kaplan-Meier curves as fitted objects of lifelines, with these numbers: nothing is fitted again.

        Returns
        -------
        lifelines.KaplanMeierFitter or dict
            One fitter where there are no groups; else a dict from the label of each group (a tuple where there are
            several group columns) to its fitter. ``survival_function_``, ``confidence_interval_``, ``event_table``,
            ``median_survival_time_``, ``predict`` and the plots work there. Limits are of the kind and level of the
            curves. ``durations`` and ``event_observed`` hold each time once, with its number in ``weights``.

        Raises
        ------
        OptionError
            Curves of another estimator, with a ``minimum``, or given survival to a time.
        MissingExtraError
            lifelines is not installed; the rest of childsurv works without it.

        Examples
        --------
        >>> import childsurv as cs
        >>> fitters = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex").to_lifelines()
        >>> list(fitters)
        ['male', 'female']
        >>> bool(0 < fitters["male"].predict(1826) < 1)
        True
        """
        from childsurv.curves.lifelines_bridge import kaplan_meier_fitters

        return kaplan_meier_fitters(self)

    def plot(self, **options: Any) -> Figure | Axes:
        """Draw the curves; the options are those of `childsurv.plot.curves`."""
        from childsurv import plot

        return plot.curves(self, **options)

    def _require_survival(self) -> None:
        if self.quantity != "survival":
            raise OptionError(f"{asked()} is for curves of survival; these are of a {self.quantity}.")

    def _has_variance(self) -> bool:
        """Whether the variance of log S, or of the strata, is a sum of independent increments; warn where it is not."""
        additive = self.additive if self.strata is None else self.strata.curves.additive
        if not additive:
            warn(
                f"{asked()}: the variance is that of each time by itself (a jackknife's, or that of a standardised "
                "curve given survival to a time), so there are no standard errors or limits here."
            )
        return additive

    def _one_time(self, times: Any, years: Any) -> float:
        wanted = chosen_times.known_times(self, self._times(times, years))
        if wanted.size != 1:
            raise OptionError(
                f"{asked()}: takes one time; {wanted.size} were given, so call it once for each."
            )
        return float(wanted[0])

    def is_known_at(self, wanted: FloatArray) -> npt.NDArray[np.bool_]:
        """Return at which times the curves are known: step functions at all, curves by intervals only at their ends."""
        return chosen_times.are_known(self, wanted)

    def _times(self, times: Any, years: Any) -> FloatArray:
        unit = str(self.conventions.get("time_unit", "another unit"))
        return asked_times(times, years, in_days=self.in_days, unit=unit)
