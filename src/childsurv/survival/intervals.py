"""Life tables of patients: survival by intervals, from numbers at risk or from person-time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import By, Data
from childsurv.curves.curve_options import CurveOptions
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError, asked, asking, require_choice
from childsurv.fold.rows import sums_of
from childsurv.fold.tally import Tally
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.running import last_row_at, ratio, running_product, running_sum

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NAMED_INTERVALS = {"monthly": 12, "quarterly": 4, "yearly": 1}
"""Intervals in a year, by name."""

NEARLY_A_DAY = 1e-6
"""Ends of intervals this close to a whole day are that day."""

FORMS = ("cohort", "person-time")


@asking("actuarial")
def actuarial(
    data: Data | Tally,
    *,
    intervals: str | Sequence[float],
    by: By = None,
    form: str = "cohort",
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    level: float = 0.95,
    ci: str = "log-log",
    zero_survival: str = "keep",
    time_unit: str = "days",
    minimum: int = 0,
) -> Curves:
    """Estimate observed survival by intervals, as cancer registries' life tables do.

    Of n at risk at the start of an interval d die and w are lost. Cohort form: ``S = product of (1 - d / n')`` with
    ``n' = n - w / 2`` and Greenwood's variance ``sum d / (n' (n' - d))``. Person-time form: ``S = exp(-sum k d / y)``
    with the interval's length k and the exact person-time y in it, variance ``sum k**2 d / y**2``.

    Parameters
    ----------
    data, by, time, event, entry, level, ci, zero_survival, time_unit
        As for `kaplan_meier`.
    minimum
        Children at risk at the start of an interval below which the curves end, and patients below which a group has no
        estimate; 0, the default, for neither (see `Curves.with_minimum`).
    intervals
        "yearly", "quarterly" or "monthly", up to the longest follow-up, or where intervals end, in ascending years
        (in the table's own unit for a DataFrame whose ``time_unit`` is not days). The first begins at 0; an interval
        is ``(previous end, end]``.
    form
        "cohort", or "person-time", which also takes late entries and period windows.

    Returns
    -------
    Curves
        With one row for each interval in which a child was at risk: ``time`` is its end, ``at_risk`` the number at its
        start. The last is the one in which follow-up ends.

    Raises
    ------
    OptionError
        Intervals that do not ascend, or late entries in the cohort form.

    References
    ----------
    Cutler SJ, Ederer F. Maximum utilization of the life table method in analyzing survival. J Chronic Dis 1958;
    8:699-712. doi:10.1016/0021-9681(58)90126-7

    Examples
    --------
    >>> import childsurv as cs
    >>> curves = cs.actuarial(cs.demo.cohort(patients=500, seed=1), intervals="yearly")
    >>> curves.table["time"].head(3).tolist()
    [365.25, 730.5, 1095.75]
    """
    require_choice(form, FORMS, argument="form")
    options = CurveOptions.checked(level, ci, minimum)
    fine, _ = sums_of(
        data, by=by, time=time, event=event, entry=entry, zero_survival=zero_survival, time_unit=time_unit,
    )  # fmt: skip
    return finish_actuarial(fine, options, intervals=intervals, form=form)


def finish_actuarial(
    fine: Tally, options: CurveOptions, *, intervals: str | Sequence[float], form: str = "cohort"
) -> Curves:
    """Finish sums into the curves of a life table of patients."""
    if fine.weighted:
        raise OptionError(f"{asked()}: a life table of patients counts children; tally without weights.")
    if form == "cohort" and (fine.sums["entered"][fine.end > 0] > 0).any():
        raise OptionError(
            f"{asked()}: form='cohort' follows all children from the start; some enter late. Use form='person-time'."
        )
    ends = interval_ends(intervals, float(fine.end.max()), in_days=fine.in_days)
    n_groups, n_intervals = fine.n_groups, ends.size
    left, events = (in_intervals(fine, fine.sums[name], ends) for name in ("left", "events"))
    past = int(fine.sums["left"].sum() - left.sum())
    at_start = at_risk_at_starts(fine, ends)
    time_at_risk = person_time(fine, ends)
    lost = left - events
    # An interval counts in which a child was at risk, at its start or later.
    group, interval = np.nonzero(time_at_risk > 0 if form == "person-time" else at_start > 0)
    n, d, w, y = (values[group, interval] for values in (at_start, events, lost, time_at_risk))
    if form == "cohort":
        estimate, log_variance = actuarial_survival(group, n_groups, n, d, w)
    else:
        length = np.diff(ends, prepend=0.0)[interval]
        estimate, log_variance = hazard_survival(group, n_groups, length, d, d, y)
    rows = IntervalRows.of(group, interval, n_groups)
    shown = rows.group, rows.interval
    return Curves.made(
        fine.groups.assign(patients=fine.totals("left"), total_events=fine.totals("events")),
        estimator="Actuarial" if form == "cohort" else "Actuarial, person-time",
        options=options,
        conventions={
            "estimator": "actuarial",
            "form": form,
            "variance": "Greenwood with n - w / 2" if form == "cohort" else "sum k**2 d / y**2",
            "intervals": intervals if isinstance(intervals, str) else f"{n_intervals} intervals",
            "followed_past_the_last_interval": past,
        },
        followed=fine.follow_up_conventions,
        group=rows.group,
        time=ends[rows.interval],
        at_risk=at_start[shown].astype(np.int64),
        events=events[shown].astype(np.int64),
        censored=lost[shown].astype(np.int64),
        estimate=rows.carried(estimate, 1.0),
        log_variance=rows.carried(log_variance, 0.0),
        every_row=True,
        at_risk_after=at_risk_at_ends(fine, ends)[shown].astype(np.int64),
    )


def hazard_survival(
    group: IntArray,
    n_groups: int,
    length: FloatArray,
    excess: FloatArray,
    squares: FloatArray,
    time: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return ``exp(-sum k x / y)`` and ``sum k**2 s / y**2`` by interval, sorted by group."""
    starts = np.searchsorted(group, np.arange(n_groups + 1))
    estimate = np.exp(-running_sum(ratio(length * excess, time, where=True), starts))
    return estimate, running_sum(ratio(length**2 * squares, time**2, where=True), starts)


def actuarial_survival(
    group: IntArray, n_groups: int, n: FloatArray, d: FloatArray, w: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return ``product of (1 - d / n')`` with ``n' = n - w / 2``, and Greenwood's variance of its logarithm."""
    starts = np.searchsorted(group, np.arange(n_groups + 1))
    effective = n - w / 2
    step = ratio(d, effective * (effective - d), where=d > 0)
    return running_product(1.0 - ratio(d, effective, where=True), starts), running_sum(step, starts)


def interval_ends(intervals: str | Sequence[float], longest: float, *, in_days: bool = True) -> FloatArray:
    """Return where intervals end, in the unit of follow-up, whose longest time is known."""
    unit = DAYS_PER_YEAR if in_days else 1.0
    if isinstance(intervals, str):
        require_choice(intervals, tuple(NAMED_INTERVALS), argument="intervals")
        if not in_days:
            raise OptionError(
                f"intervals={intervals!r} needs follow-up in days; give the ends in the unit of the table instead."
            )
        length = DAYS_PER_YEAR / NAMED_INTERVALS[intervals]
        count = max(1, int(np.ceil(longest / length - 1e-9)))
        return np.asarray(np.arange(1, count + 1) * length)
    try:
        ends = np.atleast_1d(np.asarray(intervals, dtype=np.float64)) * unit
    except (TypeError, ValueError) as error:
        raise OptionError("intervals= takes a name, or numbers where intervals end.") from error
    if (
        ends.ndim != 1
        or ends.size == 0
        or not np.isfinite(ends).all()
        or (np.diff(ends, prepend=0.0) <= 0).any()
    ):
        raise OptionError("intervals= takes ascending numbers greater than 0, where intervals end.")
    # A day that went through years and back is that day again.
    whole = np.round(ends)
    return np.where(in_days & (np.abs(ends - whole) < NEARLY_A_DAY), whole, ends)


def in_intervals(fine: Tally, values: npt.NDArray[np.number], ends: FloatArray) -> FloatArray:
    """Add up what happens in each interval ``(previous end, end]``, of shape (n_groups, n_intervals)."""
    n_groups = max(len(fine.groups), 1)
    place = np.searchsorted(ends, fine.end, side="left")
    inside = place < ends.size
    key = fine.group[inside] * ends.size + place[inside]
    sums = np.bincount(key, values[inside], minlength=n_groups * ends.size).reshape(n_groups, -1)
    return sums.astype(np.float64, copy=False)


def at_risk_at_starts(fine: Tally, ends: FloatArray) -> FloatArray:
    """Return the number at risk just after the start of each interval, of shape (n_groups, n_intervals)."""
    at_risk = at_risk_at_ends(fine, np.concatenate([[0.0], ends[:-1]]))
    # Who leaves at time 0, as rows of plain tables may, is at risk in the first interval, which counts the exit.
    begun = np.flatnonzero(fine.end == 0)
    at_risk[fine.group[begun], 0] = fine.sums["entered"][begun]
    return at_risk


def at_risk_at_ends(fine: Tally, ends: FloatArray) -> FloatArray:
    """Return the number at risk just after the end of each interval, of shape (n_groups, n_intervals)."""
    change = running_sum(fine.sums["entered"] - fine.sums["left"], fine.starts)
    row = last_row_at(fine.end, fine.starts, fine.group, ends)
    return np.where(row >= 0, change[np.maximum(row, 0)], 0).astype(np.float64)


@dataclass(frozen=True)
class IntervalRows:
    """A row for every interval of every group up to its last, with or without a child at risk in it."""

    group: IntArray
    interval: IntArray
    """Shape ``(n_rows,)``, sorted by both. A group without any interval has its first, without an estimate."""
    source: IntArray
    """For each row the last estimated row at or before it, -1 before a group's first."""
    empty: npt.NDArray[np.bool_]
    """Rows of groups without follow-up."""

    @classmethod
    def of(cls, group: IntArray, interval: IntArray, n_groups: int) -> IntervalRows:
        """Return the rows around those in which a child was at risk."""
        last = np.zeros(n_groups, dtype=np.int64)
        np.maximum.at(last, group, interval)
        lengths = last + 1
        groups = np.repeat(np.arange(n_groups), lengths)
        places = np.arange(groups.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        width = int(last.max()) + 1
        source = np.searchsorted(group * width + interval, groups * width + places, side="right") - 1
        known = source >= 0
        known[known] = group[source[known]] == groups[known]
        return cls(groups, places, np.where(known, source, -1), ~np.isin(groups, group))

    def carried(self, values: FloatArray, start: float) -> FloatArray:
        """Return values of the estimated rows for all, carried on through intervals in which no child was at risk."""
        if not values.size:
            return np.full(self.group.size, np.nan)
        carried = np.where(self.source >= 0, values[np.maximum(self.source, 0)], start)
        return np.where(self.empty, np.nan, carried)


def person_time(fine: Tally, ends: FloatArray) -> FloatArray:
    """Return each group's person-time in each interval, of shape (n_groups, n_intervals)."""
    starts, first = fine.starts, fine.starts[:-1]
    previous = np.zeros(fine.end.size)
    previous[1:] = fine.end[:-1]
    previous[first] = 0.0
    at_risk = fine.at_risk
    until = running_sum(at_risk * (fine.end - previous), starts)
    row = last_row_at(fine.end, starts, fine.group, ends)
    safe = np.maximum(row, 0)
    following = np.where(row < 0, first[:, None], row + 1)
    more = following < starts[1:, None]
    next_row = np.minimum(following, fine.end.size - 1)
    since = ends[None, :] - np.where(row >= 0, fine.end[safe], 0.0)
    reached = np.where(row >= 0, until[safe], 0.0) + np.where(more, at_risk[next_row] * since, 0.0)
    return np.asarray(np.diff(reached, axis=1, prepend=0.0))
