"""Cox regression: the function `cox`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import (
    By,
    Data,
    FloatArray,
    FollowUp,
    IntArray,
    columns_list,
    follow_up,
    frame_of,
    group_codes,
    number_column,
)
from childsurv.errors import (
    ModelError,
    OptionError,
    asked,
    asking,
    require_choice,
    require_columns,
    require_level,
    warn,
)
from childsurv.fold.risk_sets import RiskSets, build_risk_sets
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.regression.cox_fit import CoxFit
from childsurv.regression.design_matrix import Design, build_design
from childsurv.regression.diagnostics import clustered_cross_product, score_residuals
from childsurv.regression.fitted_arrays import FittedArrays
from childsurv.regression.kernel import (
    Evaluation,
    Maximum,
    evaluate,
    maximise,
    predictor,
    require_identified,
    require_varying,
)

TIES = ("efron", "breslow")
MAXIMUM_ITERATIONS = 40


@asking("Cox model")
def cox(
    data: Data,
    formula: str | Sequence[str],
    *,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    strata: By = None,
    cluster: By = None,
    weights: str | None = None,
    offset: str | None = None,
    ties: str = "efron",
    robust: bool = False,
    level: float = 0.95,
    time_unit: str = "days",
    maximum_iterations: int = MAXIMUM_ITERATIONS,
) -> CoxFit:
    """Fit a Cox proportional hazards model.

    The hazard of row i in stratum s is ``h_s(t) exp(x_i coef + offset_i)``; the coefficients maximise the
    partial likelihood. With d events tied at t, risk sum R and the tied events' risk sum D, Efron's
    log-likelihood has the term ``sum of their linear predictors - sum over k = 0..d-1 of log(R - (k/d) D)``
    and Breslow's ``- d log R``. The robust covariance is ``V (sum over clusters of u u') V``, with V the
    inverse information and u the score residuals.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=`` and ``event=``.
    formula
        Covariates: a right-hand side such as ``"age_years + sex * stage"`` (formulaic: ``C(x)``, ``bs(x,
        df=4)``, ``poly(x, 2)``, and here also the natural spline ``ns(x, df=3)``), or a list of column names,
        which needs no further library. Text and categories become differences from their first category, in
        sorted or category order. There is no intercept.
    time, event, entry
        Columns: end of follow-up, 1 for an event, and start of follow-up (all rows from 0 by default).
        Follow-up is ``(entry, time]``: a death at t precedes an entry at t. For a Cohort its own columns by
        default.
    strata
        Columns whose combinations each have a separate baseline hazard.
    cluster
        Columns whose combinations are independent units; gives the robust covariance.
    weights
        Column of case weights. With Efron's method each tied event's term has the mean weight of those
        events; a row of weight 0 counts as absent.
    offset
        Column added to the linear predictor with coefficient 1.
    ties
        "efron" or "breslow".
    robust
        Give the robust covariance with every row its own cluster.
    level
        Confidence level of the limits.
    time_unit
        Unit of the times of a DataFrame ("days", "weeks", "months", "years"); a cohort's are days.
    maximum_iterations
        Newton steps allowed.

    Returns
    -------
    CoxFit
        Its ``.table`` has columns ``term, coef, hazard_ratio, std_error, z, p_value, lower, upper``.

    Raises
    ------
    ColumnError, DataError
        Wrong or missing columns, missing or infinite covariates: named, with their rows. No row is left out.
    ModelError
        No events; constant or collinear covariates (which, and how); no convergence.

    Warns
    -----
    ChildsurvWarning
        A coefficient is infinite (separation), or weights are not whole numbers without ``robust=True``.

    References
    ----------
    Cox DR. Regression models and life-tables. J R Stat Soc B 1972; 34:187-220.
    doi:10.1111/j.2517-6161.1972.tb00899.x Efron B. The efficiency of Cox's likelihood function for censored
    data. J Am Stat Assoc 1977; 72:557-65. doi:10.1080/01621459.1977.10480613 Lin DY, Wei LJ. The robust
    inference for the Cox proportional hazards model. J Am Stat Assoc 1989; 84:1074-8.
    doi:10.1080/01621459.1989.10478874

    Examples
    --------
    >>> import childsurv as cs
    >>> fit = cs.cox(cs.demo.cohort(patients=2000, seed=1), "age_years + sex", strata="country")
    >>> fit.table["term"].tolist()
    ['age_years', 'sex[T.female]']
    """
    require_choice(ties, TIES, argument="ties")
    require_level(level)
    _require_iterations(maximum_iterations)
    follow = follow_up(
        data, by=strata, time=time, event=event, entry=entry, weights=weights, time_unit=time_unit, warn_empty=False
    )  # fmt: skip
    rows = _model_rows(frame_of(data), follow, formula, cluster=cluster, offset=offset)
    robust = robust or rows.cluster is not None
    if not robust:
        _warn_fractional_weights(follow)

    sets = build_risk_sets(follow, ties=ties)
    scaled, centre, scale = _centred_and_scaled(sets, rows.covariates)
    at_risk_offset = np.zeros(sets.rows.size) if rows.offset is None else rows.offset[sets.rows]
    null = evaluate(sets, scaled, at_risk_offset)
    names = rows.design.names
    require_identified(names, null.information, scale, events=float(sets.deaths_weight.sum()))
    maximum = maximise(sets, scaled, at_risk_offset, null, maximum_iterations=maximum_iterations)
    if maximum.runaway.any():
        _warn_infinite(rows, maximum)

    inverse_scale = np.outer(1 / scale, 1 / scale)
    model_covariance = maximum.inverse * inverse_scale
    covariance, robust_score = model_covariance, None
    if robust:
        cluster_at_risk = None if rows.cluster is None else rows.cluster[sets.rows]
        sandwich, robust_score = _sandwich(sets, scaled, null, maximum, cluster_at_risk)
        covariance = sandwich * inverse_scale
    coef = maximum.coef / scale
    arrays = FittedArrays(
        sets=sets,
        covariates=scaled,
        centre=centre,
        scale=scale,
        mean=rows.covariates.mean(axis=0),
        coef=coef,
        hazards=maximum.final.hazards,
        information=maximum.final.information,
        model_covariance=model_covariance,
        covariance=covariance,
        linear_predictor=_linear_predictor(coef, rows),
        follow=follow,
        cluster=rows.cluster,
        offset=offset,
        columns={
            "time": time or "time",
            "event": event or "event",
            "entry": entry or "entry",
            "weights": weights,
            "cluster": " x ".join(columns_list(cluster)) or None,
        },
        index=rows.index,
        design=rows.design,
    )
    return CoxFit(
        terms=names,
        coef=coef,
        std_error=np.sqrt(np.diag(covariance)),
        model_std_error=np.sqrt(np.diag(model_covariance)),
        log_likelihood=maximum.final.log_likelihood,
        log_likelihood_null=null.log_likelihood,
        score_statistic=float(null.gradient @ np.linalg.solve(null.information, null.gradient)),
        robust_score_statistic=robust_score,
        n=follow.time.size,
        events=int(rows.died.sum()),
        robust=robust,
        ties=ties,
        level=float(level),
        strata=tuple(columns_list(strata, argument="strata")),
        offset=offset,
        iterations=maximum.iterations,
        convention_items=_conventions(follow, ties=ties, robust=robust, cluster=cluster, level=level),
        arrays=arrays,
    )


@dataclass(frozen=True, eq=False, repr=False)
class _ModelRows:
    """What the data give to a model, row by row."""

    died: npt.NDArray[np.bool_]
    covariates: FloatArray
    """Shape ``(n_rows, p)``."""
    design: Design
    offset: FloatArray | None
    cluster: IntArray | None
    """Code of each row's cluster."""
    index: pd.Index


def _require_iterations(maximum_iterations: Any) -> None:
    whole = isinstance(maximum_iterations, int) and not isinstance(maximum_iterations, bool)
    if not whole or maximum_iterations < 1:
        raise OptionError(f"{asked()}: maximum_iterations= must be a whole number of 1 or more.")


def _model_rows(
    frame: pd.DataFrame, follow: FollowUp, formula: str | Sequence[str], *, cluster: By, offset: str | None
) -> _ModelRows:
    """Read covariates, offset and clusters; refuse data without events and covariates that never vary."""
    clusters = columns_list(cluster, argument="cluster")
    require_columns(frame.columns, [name for name in (*clusters, offset) if name])
    died = follow.event == 1
    events = int(died.sum())
    if not (died if follow.weights is None else died & (follow.weights > 0)).any():
        raise ModelError(
            f"{asked()}: none of the {follow.time.size:,} rows has an "
            f"event{' of positive weight' if events else ''}. Check the coding of the event column (1 for "
            "an event) and the follow-up window."
        )
    covariates, design = build_design(formula, frame, events=events)
    require_varying(design.names, covariates.T)
    return _ModelRows(
        died=died,
        covariates=covariates,
        design=design,
        offset=None if offset is None else number_column(frame, offset).astype(np.float64),
        cluster=None if cluster is None else group_codes(frame, clusters, warn_empty=False)[0],
        index=frame.index,
    )


def _warn_fractional_weights(follow: FollowUp) -> None:
    if follow.weights is not None and (follow.weights % 1).any():
        warn(
            f"{asked()}: weights are not whole numbers, but standard errors count them as numbers of rows. "
            "Use robust=True (or cluster=) for sampling or inverse probability weights."
        )


def _linear_predictor(coef: FloatArray, rows: _ModelRows) -> FloatArray:
    """Return the linear predictor of all rows, less its mean, plus the offset."""
    linear = predictor(coef, rows.covariates.T)
    linear -= linear.mean()
    return linear if rows.offset is None else linear + rows.offset


def _centred_and_scaled(sets: RiskSets, covariates: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Centre covariates within strata, which changes no likelihood, and scale them, as ``(p, ...)``.

    A column that is constant within every stratum keeps scale 0 and is reported by `require_identified`.
    """
    columns = np.ascontiguousarray(covariates.T)
    if sets.rows.size < columns.shape[1] or sets.n_strata > 1:
        columns = columns[:, sets.rows]
    centre = sets.stratum_mean(columns)
    size = np.abs(columns).max(axis=1)
    columns = columns - sets.by_row(centre)
    scale = np.sqrt(np.einsum("ij,ij->i", columns, columns) / columns.shape[1])
    scale[scale <= 1e-12 * size] = 0.0
    columns /= np.where(scale > 0, scale, 1.0)[:, None]
    columns[scale == 0] = 0.0
    return columns, centre, scale


def _sandwich(
    sets: RiskSets, covariates: FloatArray, null: Evaluation, maximum: Maximum, cluster: IntArray | None
) -> tuple[FloatArray, float]:
    """Return the robust covariance of the scaled coefficients, and the robust score test at zero."""

    def middle(at: Evaluation) -> FloatArray:
        return clustered_cross_product(score_residuals(sets, covariates, at.hazards) * sets.weights, cluster)

    covariance = maximum.inverse @ middle(maximum.final) @ maximum.inverse
    try:
        score = float(null.gradient @ np.linalg.solve(middle(null), null.gradient))
    except np.linalg.LinAlgError:
        # Fewer clusters than coefficients: the statistic does not exist.
        score = float("nan")
    return covariance, score


def _warn_infinite(rows: _ModelRows, maximum: Maximum) -> None:
    """Warn about coefficients on their way to infinity, with the counts behind those of 0 and 1."""
    parts = []
    for place in np.flatnonzero(maximum.runaway).tolist():
        part = f"{rows.design.names[place]!r} ({'+' if maximum.coef[place] > 0 else '-'}infinity"
        column = rows.covariates[:, place]
        if ((column == 0) | (column == 1)).all():
            ones = column == 1
            part += f"; {int((rows.died & ones).sum()):,} events in {int(ones.sum()):,} rows where it is 1, "
            part += f"{int((rows.died & ~ones).sum()):,} in {int((~ones).sum()):,} where it is 0"
        parts.append(part + ")")
    warn(
        f"{asked()}: separation. These coefficients appear to be infinite: {', '.join(parts)}. Their "
        "hazard ratios, standard errors and Wald tests mean nothing; the likelihood ratio test holds. "
        "Merge categories, look for extreme values, or leave the covariate out."
    )


def _conventions(
    follow: FollowUp, *, ties: str, robust: bool, cluster: By, level: float
) -> tuple[tuple[str, Any], ...]:
    variance = "inverse information"
    if robust:
        units = "clusters of " + ", ".join(columns_list(cluster)) if cluster is not None else "rows"
        variance = f"robust sandwich (Lin and Wei) over {units}"
    return (
        ("estimator", "Cox partial likelihood"),
        ("ties", ties),
        ("variance", variance),
        ("ci", "Wald, log hazard ratio"),
        ("level", level),
        ("time_unit", follow.time_unit),
        ("at_risk", "(entry, time]"),
        (
            "weights",
            "none" if follow.weights is None else "case weights; tied events share their mean; 0 is absent",
        ),
        ("zero_survival", "keep"),
        ("same_day", follow.same_day),
        ("days_per_year", DAYS_PER_YEAR),
        *follow.source.items(),
    )


__all__ = ["CoxFit", "cox"]
