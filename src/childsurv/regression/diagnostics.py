"""Residuals of a Cox model: martingale, deviance, score, Schoenfeld and the influence on the coefficients."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import FloatArray, IntArray
from childsurv.fold.ordered_risk_sets import RiskSets
from childsurv.regression.kernel import Hazards, covariate_sums, cross_product


def cell_means(
    sets: RiskSets, covariates: FloatArray, now: Hazards
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weighted mean covariates at each event time, plain and times the hazard.

    Returns
    -------
    mean
        Average over the tied events' terms of the weighted mean covariate, shape ``(p, n_cells)``.
    hazard_mean, tied_hazard_mean
        Sum over terms of mean times hazard, for a row without and with an event in the cell.
    """
    others, tied = covariate_sums(sets, covariates, now)
    by_term = now.inverse / now.denominator
    if tied is None:
        mean = others / now.denominator
        hazard_mean = others * by_term
        return mean, hazard_mean, hazard_mean
    fraction = sets.term_fraction
    mean = (
        others * sets.over_terms(1.0 / now.denominator) + tied * sets.over_terms(fraction / now.denominator)
    ) / sets.deaths
    once = sets.over_terms(fraction * by_term)
    hazard_mean = others * sets.over_terms(by_term) + tied * once
    tied_hazard_mean = others * once + tied * sets.over_terms(fraction**2 * by_term)
    return mean, hazard_mean, tied_hazard_mean


def martingale_residuals(sets: RiskSets, now: Hazards, event: npt.NDArray[np.bool_]) -> FloatArray:
    """Events less the hazard accumulated, one a row of the data: ``event - exp(linear predictor) H``."""
    residual = event.astype(np.float64)
    residual[sets.rows] -= now.relative * now.cumulative
    return residual


def deviance_residuals(martingale: FloatArray, event: npt.NDArray[np.bool_]) -> FloatArray:
    """Signed square roots of each row's share of the deviance, from its martingale residual."""
    expected = np.where(event, event - martingale, 1.0)
    inside = martingale + np.where(event, np.log(np.maximum(expected, np.finfo(float).tiny)), 0.0)
    return np.asarray(np.sign(martingale) * np.sqrt(np.maximum(-2.0 * inside, 0.0)))


def score_residuals(sets: RiskSets, covariates: FloatArray, now: Hazards) -> FloatArray:
    """Each row at risk's share of the score, unweighted: shape ``(p, n_rows_at_risk)``.

    ``event (x - mean) - sum over cells of (x - mean) exp(linear predictor) hazard``.
    """
    mean, hazard_mean, tied_hazard_mean = cell_means(sets, covariates, now)
    residual = -now.relative * now.cumulative
    residual[sets.dead] += 1.0
    scores = covariates * residual
    dead_relative = now.relative[sets.dead]
    for column in range(covariates.shape[0]):
        scores[column] += now.relative * sets.over_cells(hazard_mean[column])
        at_own_event = -mean[column][sets.dead_cell]
        if sets.split_ties:
            difference = hazard_mean[column] - tied_hazard_mean[column]
            at_own_event -= dead_relative * difference[sets.dead_cell]
        scores[column][sets.dead] += at_own_event
    return scores


def schoenfeld_residuals(sets: RiskSets, covariates: FloatArray, now: Hazards) -> FloatArray:
    """Covariates of each event less their mean among those at risk, by cell: shape ``(p, n_events)``."""
    mean, _, _ = cell_means(sets, covariates, now)
    return np.asarray(covariates[:, sets.dead] - mean[:, sets.dead_cell])


def clustered_cross_product(influence: FloatArray, cluster: IntArray | None) -> FloatArray:
    """Cross-product of ``(p, n_rows)`` influences, summed within clusters first when there are any."""
    if cluster is not None:
        n_clusters = int(cluster.max()) + 1
        influence = np.stack([np.bincount(cluster, column, n_clusters) for column in influence])
    return cross_product(influence)
