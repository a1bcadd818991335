"""Cox regression: the function `cox`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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
from childsurv.fold.ordered_risk_sets import RiskSets, build_risk_sets
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.regression.cox_fit import CoxFit
from childsurv.regression.design_matrix import build_design
from childsurv.regression.fitted_arrays import FittedArrays
from childsurv.regression.identifiability import require_identified, require_varying
from childsurv.regression.kernel import Evaluation, evaluate, maximise, predictor
from childsurv.regression.diagnostics import clustered_cross_product, score_residuals

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
        Columns: end of follow-up, 1 for an event, and start of follow-up (everybody from 0 by default).
        Follow-up is ``(entry, time]``: a death at t precedes an entry at t. For a Cohort its own columns by
        default.
    strata
        Columns whose combinations have baseline hazards of their own.
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
    if (
        isinstance(maximum_iterations, bool)
        or not isinstance(maximum_iterations, int)
        or maximum_iterations < 1
    ):
        raise OptionError("maximum_iterations= must be a whole number of 1 or more.")
    follow = follow_up(
        data,
        by=strata,
        time=time,
        event=event,
        entry=entry,
        weights=weights,
        time_unit=time_unit,
        warn_empty=False,
    )
    frame = frame_of(data)
    require_columns(
        frame.columns, [name for name in (*columns_list(cluster, argument="cluster"), offset) if name]
    )
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
    offsets = None if offset is None else number_column(frame, offset).astype(np.float64)
    clusters = None
    if cluster is not None:
        clusters, _ = group_codes(frame, columns_list(cluster, argument="cluster"), warn_empty=False)
    sandwich = robust or clusters is not None
    if follow.weights is not None and not sandwich and (follow.weights % 1).any():
        warn(
            f"{asked()}: weights are not whole numbers, but standard errors count them as numbers of rows. "
            "Use robust=True (or cluster=) for sampling or inverse probability weights."
        )

    sets = build_risk_sets(
        follow.time, died, entry=follow.entry, weights=follow.weights, stratum=follow.group, ties=ties
    )
    scaled, centre, scale = _centred_and_scaled(sets, covariates)
    at_risk_offset = np.zeros(sets.rows.size) if offsets is None else offsets[sets.rows]
    null = evaluate(sets, scaled, at_risk_offset)
    require_identified(design.names, null.information, scale, events=float(sets.deaths_weight.sum()))
    maximum = maximise(sets, scaled, at_risk_offset, null, maximum_iterations=maximum_iterations)
    if maximum.runaway.any():
        _warn_infinite(design.names, maximum.coef, maximum.runaway, covariates, died)

    inverse_scale = np.outer(1 / scale, 1 / scale)
    model_covariance = maximum.inverse * inverse_scale
    covariance = model_covariance
    robust_score = None
    if sandwich:
        row_cluster = None if clusters is None else clusters[sets.rows]
        scores = score_residuals(sets, scaled, maximum.final.hazards) * sets.weights
        middle = clustered_cross_product(scores, row_cluster)
        covariance = maximum.inverse @ middle @ maximum.inverse * inverse_scale
        robust_score = _robust_score(sets, scaled, null, row_cluster)
    coef = maximum.coef / scale
    linear_predictor = predictor(coef, covariates.T)
    linear_predictor -= linear_predictor.mean()
    arrays = FittedArrays(
        sets=sets,
        covariates=scaled,
        hazards=maximum.final.hazards,
        information=maximum.final.information,
        model_covariance=model_covariance,
        covariance=covariance,
        centre=centre,
        scale=scale,
        follow=follow,
        linear_predictor=linear_predictor if offsets is None else linear_predictor + offsets,
        cluster=clusters,
        index=frame.index,
        design=design,
    )
    return CoxFit(
        terms=design.names,
        coef=coef,
        std_error=np.sqrt(np.diag(covariance)),
        model_std_error=np.sqrt(np.diag(model_covariance)),
        log_likelihood=maximum.final.log_likelihood,
        log_likelihood_null=null.log_likelihood,
        score_statistic=float(null.gradient @ np.linalg.solve(null.information, null.gradient)),
        robust_score_statistic=robust_score,
        n=follow.time.size,
        events=events,
        robust=sandwich,
        ties=ties,
        level=float(level),
        strata=tuple(columns_list(strata, argument="strata")),
        offset=offset,
        iterations=maximum.iterations,
        convention_items=_conventions(ties, sandwich, cluster, follow, level, time_unit),
        arrays=arrays,
    )


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


def _robust_score(
    sets: RiskSets, covariates: FloatArray, null: Evaluation, cluster: IntArray | None
) -> float:
    scores = score_residuals(sets, covariates, null.hazards) * sets.weights
    middle = clustered_cross_product(scores, cluster)
    try:
        return float(null.gradient @ np.linalg.solve(middle, null.gradient))
    except np.linalg.LinAlgError:
        # Fewer clusters than coefficients: the statistic does not exist.
        return float("nan")


def _warn_infinite(
    names: Sequence[str],
    coef: FloatArray,
    runaway: npt.NDArray[np.bool_],
    covariates: FloatArray,
    died: npt.NDArray[np.bool_],
) -> None:
    """Warn about coefficients on their way to infinity, with the counts behind those of 0 and 1."""
    parts = []
    for place in np.flatnonzero(runaway).tolist():
        part = f"{names[place]!r} ({'+' if coef[place] > 0 else '-'}infinity"
        column = covariates[:, place]
        if ((column == 0) | (column == 1)).all():
            ones = column == 1
            part += f"; {int((died & ones).sum()):,} events in {int(ones.sum()):,} rows where it is 1, "
            part += f"{int((died & ~ones).sum()):,} in {int((~ones).sum()):,} where it is 0"
        parts.append(part + ")")
    warn(
        f"{asked()}: separation. These coefficients appear to be infinite: {', '.join(parts)}. Their "
        "hazard ratios, standard errors and Wald tests mean nothing; the likelihood ratio test holds. "
        "Merge categories, look for extreme values, or leave the covariate out."
    )


def _conventions(
    ties: str, robust: bool, cluster: By, follow: FollowUp, level: float, time_unit: str
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
        ("time_unit", "days" if follow.in_days else time_unit),
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
