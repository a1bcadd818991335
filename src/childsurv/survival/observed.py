"""Observed survival: estimators that need no life table, finished from a tally."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import By, Data, FollowUp, IntArray
from childsurv.curves.curve_options import CurveOptions
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError, asked, asking, renamed, require_choice
from childsurv.fold.rows import fold_observed, sums_of
from childsurv.fold.tally import Tally
from childsurv.maths.limits import INTERVAL_KINDS
from childsurv.maths.running import ratio, running_product, running_sum

FloatArray = npt.NDArray[np.float64]

LOWER_LIMITS = ("usual", "peto", "modified")
"""Variances for lower limits, by R's names."""


@asking("kaplan_meier")
@renamed(conf_lower="lower_variance")
def kaplan_meier(
    data: Data | Tally,
    *,
    by: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    level: float = 0.95,
    ci: str = "log-log",
    lower_variance: str = "usual",
    zero_survival: str = "keep",
    time_unit: str = "days",
    minimum: int = 0,
) -> Curves:
    """Estimate observed survival by the Kaplan-Meier product over event times, for all groups in one pass.

    ``S(t) = product over t_j <= t of (1 - d_j / Y_j)``, with d deaths among Y at risk, and Greenwood's variance of its
    logarithm ``sum d_j / (Y_j (Y_j - d_j))``.

    Parameters
    ----------
    data
        A Cohort, a DataFrame with ``time=`` and ``event=``, or a `Tally` that was added up elsewhere.
    by
        Column or columns whose combinations are the groups.
    time, event, entry, weights
        Columns of a DataFrame: end of follow-up in any unit, 1 for an event and 0 for none, start of
        follow-up, case weights. Whole-number weights are frequencies; with others the variance is the
        infinitesimal jackknife.
    level
        Confidence level.
    ci
        Kind of limits: "log-log" (the default: it stays within 0 and 1 and is honest near 1, where children's
        survival lies), "log" (R's default), "plain", "logit" or "arcsin".
    lower_variance
        Variance of log S for the lower limit: "usual"; "peto" ``(1 - S) / Y``; "modified": the usual one times the
        number at risk at the last event over that at risk now, so that limits widen while children are only lost. The
        names are R's.
    zero_survival
        Rows of a cohort that end on the day of diagnosis: "keep" counts them in the first day, "drop" leaves them out.
    time_unit
        Unit of a DataFrame's times: "days" (the default), "weeks", "months" or "years". Years can be asked of
        curves in days.
    minimum
        Children at risk below which the curves end, and patients below which a group has no estimate; 0, the default,
        for neither (see `Curves.with_minimum`).

    Returns
    -------
    Curves
        ``.table`` has the group columns and ``time, at_risk, events, censored, estimate, std_error, lower, upper``.

    Raises
    ------
    ColumnError, DataError
        A column is missing or of the wrong kind; rows have missing, negative or impossible values.

    References
    ----------
    Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. J Am Stat Assoc 1958; 53:457-81.
    doi:10.1080/01621459.1958.10501452

    Examples
    --------
    >>> import childsurv as cs
    >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
    >>> curves.at(years=5)["sex"].tolist()
    ['male', 'female']
    """
    require_choice(lower_variance, LOWER_LIMITS, argument="lower_variance")
    options = CurveOptions.checked(level, ci, minimum)
    folded, rows = sums_of(
        data, by=by, time=time, event=event, entry=entry, weights=weights, zero_survival=zero_survival,
        time_unit=time_unit,
    )  # fmt: skip
    return finish_kaplan_meier(folded, options, lower_variance=lower_variance, rows=rows)


def finish_kaplan_meier(
    folded: Tally, options: CurveOptions, *, lower_variance: str = "usual", rows: FollowUp | None = None
) -> Curves:
    """Finish sums into Kaplan-Meier curves; ``rows`` are needed where weights are fractions."""
    robust = not folded.whole_weights
    at_risk = np.maximum(folded.at_risk, 0)
    events = folded.sums["events"]
    if robust:
        own = _with_rows(rows)
        assert own.weights is not None
        # Sums of fractions leave rounding where no child is left; heads, which are whole numbers, show where that is.
        weighed = fold_observed(replace(own, weights=(own.weights > 0).astype(np.float64)))
        at_risk = np.where(weighed.at_risk == weighed.sums["events"], events, at_risk)
    starts = folded.starts
    hazard = ratio(events, at_risk)
    estimate = running_product(1.0 - hazard, starts)
    step = ratio(hazard, at_risk - events, where=events > 0)
    log_variance = (
        _jackknife_variance(_with_rows(rows), folded, at_risk, step) if robust else running_sum(step, starts)
    )
    conventions = {"variance": "infinitesimal jackknife" if robust else "Greenwood"}
    if lower_variance != "usual":
        conventions["lower_variance"] = lower_variance
    return _curves(
        folded,
        "Kaplan-Meier",
        options,
        conventions,
        at_risk=at_risk,
        estimate=estimate,
        log_variance=log_variance,
        lower_log_variance=_variance_of_lower(lower_variance, folded, at_risk, estimate, log_variance),
    )


@asking("nelson_aalen")
def nelson_aalen(
    data: Data | Tally,
    *,
    by: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    quantity: str = "cumulative hazard",
    ties: str = "together",
    level: float = 0.95,
    ci: str = "log",
    zero_survival: str = "keep",
    time_unit: str = "days",
    minimum: int = 0,
) -> Curves:
    """Estimate the cumulative hazard by the Nelson-Aalen sum over event times, or the survival made of it.

    ``H(t) = sum over t_j <= t of d_j / Y_j``, variance ``sum d_j / Y_j**2``; with tie correction (Fleming and
    Harrington) the d_j deaths of one time follow one another: ``1 / Y_j + 1 / (Y_j - 1) + ...``, and squares likewise.
    Survival is ``exp(-H)``, whose logarithm has the variance of H.

    Parameters
    ----------
    data, by, time, event, entry, level, zero_survival, time_unit, minimum
        As for `kaplan_meier`.
    weights
        Whole-number weights are frequencies; with others the variance is the infinitesimal jackknife.
    quantity
        "cumulative hazard" or "survival" (the Breslow estimate; with tie correction Fleming and Harrington's).
    ties
        "together", or "one-by-one" for the tie correction, which takes whole-number weights only.
    ci
        Kind of limits: "log" ``H exp(-+ z s / H)`` or "plain" for a hazard; for survival as in `kaplan_meier`.

    Returns
    -------
    Curves
        With ``quantity`` as asked for; a cumulative hazard begins at 0.

    References
    ----------
    Aalen O. Nonparametric inference for a family of counting processes. Ann Stat 1978; 6:701-26.
    doi:10.1214/aos/1176344247
    Fleming TR, Harrington DP. Nonparametric estimation of the survival distribution in censored data. Commun Stat
    Theory Methods 1984; 13:2469-86. doi:10.1080/03610928408828837

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=500, seed=1)
    >>> hazard = cs.nelson_aalen(cohort).at(years=5)["estimate"][0]
    >>> survival = cs.nelson_aalen(cohort, quantity="survival").at(years=5)["estimate"][0]
    >>> bool(abs(survival - np.exp(-hazard)) < 1e-12)
    True
    """
    require_choice(quantity, ("cumulative hazard", "survival"), argument="quantity")
    require_choice(ties, ("together", "one-by-one"), argument="ties")
    kinds = ("log", "plain") if quantity != "survival" else INTERVAL_KINDS
    options = CurveOptions.checked(level, ci, minimum, kinds=kinds)
    folded, rows = sums_of(
        data, by=by, time=time, event=event, entry=entry, weights=weights, zero_survival=zero_survival,
        time_unit=time_unit,
    )  # fmt: skip
    return finish_nelson_aalen(folded, options, quantity=quantity, ties=ties, rows=rows)


def finish_nelson_aalen(
    folded: Tally,
    options: CurveOptions,
    *,
    quantity: str = "cumulative hazard",
    ties: str = "together",
    rows: FollowUp | None = None,
) -> Curves:
    """Finish sums into Nelson-Aalen curves; ``rows`` are needed where weights are fractions."""
    robust = not folded.whole_weights
    if robust and ties == "one-by-one":
        raise OptionError(f"{asked()}: ties='one-by-one' counts deaths, so weights must be whole numbers.")
    at_risk = np.maximum(folded.at_risk, 0)
    events = folded.sums["events"]
    if ties == "together":
        step = ratio(events, at_risk, where=events > 0)
        spread = ratio(step, at_risk, where=events > 0)
    else:
        step, spread = _one_by_one(at_risk, events)
    hazard = running_sum(step, folded.starts)
    if robust:
        variance = _jackknife_variance(_with_rows(rows), folded, at_risk, spread, own_step=True)
    else:
        variance = running_sum(spread, folded.starts)
    survival = quantity == "survival"
    return _curves(
        folded,
        "Nelson-Aalen" if not survival else "Breslow" if ties == "together" else "Fleming-Harrington",
        options,
        {"variance": "infinitesimal jackknife" if robust else "Aalen", "ties": ties},
        bounded=survival,
        at_risk=at_risk,
        estimate=np.exp(-hazard) if survival else hazard,
        log_variance=variance if survival else ratio(variance, hazard**2, where=hazard > 0),
        quantity=quantity,
        start=1.0 if survival else 0.0,
    )


def _with_rows(rows: FollowUp | None) -> FollowUp:
    """Return the rows, which the jackknife of fractional weights needs."""
    if rows is None:
        raise OptionError(
            f"{asked()}: the variance with fractional weights is a sum over children, which a Tally no longer has. "
            "Estimate from the rows, or tally whole-number weights."
        )
    return rows


def _one_by_one(
    at_risk: npt.NDArray[np.number], events: npt.NDArray[np.number]
) -> tuple[FloatArray, FloatArray]:
    """Return ``1 / Y + ... + 1 / (Y - d + 1)`` of each cell, and the sum of squares."""
    counts = np.asarray(events, dtype=np.int64)
    cell = np.repeat(np.arange(counts.size), counts)
    before = np.arange(cell.size) - np.repeat(np.cumsum(counts) - counts, counts)
    share = 1.0 / (np.asarray(at_risk, dtype=np.float64)[cell] - before)
    size = counts.size
    sums = [np.bincount(cell, values, minlength=size) for values in (share, share**2)]
    return np.asarray(sums[0], dtype=np.float64), np.asarray(sums[1], dtype=np.float64)


def _curves(
    folded: Tally,
    estimator: str,
    options: CurveOptions,
    conventions: Mapping[str, object],
    *,
    at_risk: npt.NDArray[np.number],
    **more: Any,
) -> Curves:
    """Return curves on the cells of a tally, with the conventions of every observed estimator."""
    heads = folded.heads
    events = folded.sums["events"]
    return Curves.made(
        folded.groups.assign(patients=heads.totals("left"), total_events=heads.totals("events")),
        estimator=estimator,
        options=options,
        conventions=conventions,
        followed=folded.follow_up_conventions,
        group=folded.group,
        time=folded.end.astype(np.float64),
        at_risk=at_risk,
        events=events,
        censored=folded.sums["left"] - events,
        # Children count, not their weights.
        children_at_risk=np.maximum(heads.at_risk, 0) if folded.weighted else None,
        additive=folded.whole_weights,
        **more,
    )


def _variance_of_lower(
    kind: str,
    folded: Tally,
    at_risk: npt.NDArray[np.number],
    estimate: FloatArray,
    log_variance: FloatArray,
) -> FloatArray | None:
    """Return the variance of log S for lower limits, or ``None`` for the usual one."""
    if kind == "usual":
        return None
    if kind == "peto":
        return ratio(1.0 - estimate, at_risk)
    # The number at risk at the last event of the group, or at its first time.
    first = folded.starts[:-1][folded.group]
    row = np.arange(at_risk.size)
    marked = np.where(folded.sums["events"] > 0, row, first)
    last_event = np.maximum.accumulate(np.maximum(marked, first))
    return ratio(log_variance * at_risk[last_event], at_risk)


@np.errstate(invalid="ignore")  # Where all die the step is infinite, and no row uses it.
def _jackknife_variance(
    observed: FollowUp,
    folded: Tally,
    at_risk: FloatArray,
    step: FloatArray,
    *,
    own_step: bool = False,
) -> FloatArray:
    """Return the variance of log S, or of a cumulative hazard, as the sum of squared influences of the rows.

    With ``G(t) = sum over t_j <= t of d_j / (Y_j (Y_j - d_j))``, a row that entered at e and is still at risk
    at t has moved log S by ``w (G(t) - G(e))``; one that died at u, for good, by ``w (G(u-) - 1 / Y(u) -
    G(e))``; one censored at u by ``w (G(u) - G(e))``. For the hazard G is the sum of ``d_j / Y_j**2``, and a row that
    died at u has moved it by ``w (G(u) - 1 / Y(u) - G(e))``, its own time included.
    """
    starts = folded.starts
    total = running_sum(step, starts)
    exit_cell = folded.cells_of(observed.group, observed.time)
    at_entry = np.zeros(observed.time.size)
    entered_cell = starts[:-1][observed.group]
    if observed.entry is not None:
        late = np.flatnonzero(observed.entry > 0)
        entered_cell = entered_cell.copy()
        entered_cell[late] = folded.cells_of(observed.group[late], observed.entry[late])
        at_entry[late] = total[entered_cell[late]]
    dead = observed.event == 1
    before = total if own_step else total - step
    at_exit = np.where(dead, before[exit_cell] - 1.0 / at_risk[exit_cell], total[exit_cell])
    assert observed.weights is not None
    squares = observed.weights**2

    def by_cell(cell: IntArray, values: FloatArray) -> FloatArray:
        return np.bincount(cell, values, minlength=folded.end.size).astype(np.float64, copy=False)

    gone = running_sum(by_cell(exit_cell, squares * (at_exit - at_entry) ** 2), starts)
    # Those still at risk contribute (G(t) - G(e))**2, multiplied out so that three running sums suffice.
    present = [
        running_sum(by_cell(entered_cell, values) - by_cell(exit_cell, values), starts)
        for values in (squares, squares * at_entry, squares * at_entry**2)
    ]
    return np.asarray(gone + total**2 * present[0] - 2 * total * present[1] + present[2])
