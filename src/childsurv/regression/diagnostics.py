"""Diagnostics of a Cox model: residuals, the test of proportional hazards, and concordance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import FloatArray, FollowUp, IntArray
from childsurv.compare.results import TestResult
from childsurv.errors import DataError, OptionError, asked, require_choice
from childsurv.fold.risk_sets import RiskSets, build_risk_sets
from childsurv.maths.probability import chi_squared_p_value
from childsurv.regression.fitted_arrays import FittedArrays
from childsurv.regression.kernel import Hazards, covariate_sums, cross_product, time_weighted_information

TRANSFORMS = ("km", "rank", "identity", "log")

Transform: TypeAlias = str | Callable[[FloatArray], npt.ArrayLike]

Number = TypeVar("Number", np.float64, np.int64)

SAME_SCORE = 1e-10
"""Scores closer than this share of their range are ties; they differ by the rounding of a matrix product."""


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


def proportional_hazards_test(arrays: FittedArrays, transform: Transform) -> TestResult:
    """Test whether ``coef + theta g(t)`` has theta 0, for each term alone and for all together.

    The score of theta is the sum over events of g(t) times the Schoenfeld residual, and its variance is the
    information of theta left after the coefficients.
    """
    sets, covariates, now = arrays.sets, arrays.covariates, arrays.hazards
    transformed = transformed_time(transform, arrays.follow)[sets.rows[sets.dead]]
    centred = transformed - transformed.mean()
    per_cell = np.empty(sets.n_cells)
    per_cell[sets.dead_cell] = centred
    residuals = schoenfeld_residuals(sets, covariates, now) * sets.weights[sets.dead]
    score = residuals @ centred
    once = time_weighted_information(sets, covariates, now, per_cell)
    twice = time_weighted_information(sets, covariates, now, per_cell**2)
    variance = twice - once @ np.linalg.solve(arrays.information, once)

    def statistic(part: slice) -> float:
        return float(score[part] @ np.linalg.solve(variance[part, part], score[part]))

    terms = arrays.design.terms
    table = pd.DataFrame(
        {
            "term": [*(name for name, _ in terms), "GLOBAL"],
            "statistic": [*(statistic(part) for _, part in terms), statistic(slice(None))],
            "df": [*(part.stop - part.start for _, part in terms), covariates.shape[0]],
        }
    )
    table["p_value"] = chi_squared_p_value(table["statistic"].to_numpy(), table["df"].to_numpy())
    overall = table.iloc[-1]
    named = transform if isinstance(transform, str) else "user's function of"
    return TestResult(
        f"proportional hazards ({named} time)",
        float(overall["statistic"]),
        int(overall["df"]),
        float(overall["p_value"]),
        table,
    )


def transformed_time(transform: Transform, follow: FollowUp) -> FloatArray:
    """Return g(time) for every row: 1 - Kaplan-Meier (all strata) just before it, rank, itself or log."""
    values = follow.time.astype(np.float64)
    event = follow.event == 1
    result: FloatArray
    if callable(transform):
        result = np.asarray(transform(values), dtype=np.float64)
        if result.shape != values.shape:
            raise OptionError(f"{asked()}: transform= must return one number for each time that it is given.")
    elif require_choice(transform, TRANSFORMS, argument="transform") == "identity":
        result = values
    elif transform == "rank":
        result = np.asarray(pd.Series(values).rank(), dtype=np.float64)
    elif transform == "log":
        with np.errstate(divide="ignore"):
            result = np.log(values)
    else:
        pooled = replace(follow, weights=None, group=np.zeros_like(follow.group))
        sets = build_risk_sets(pooled, ties="breslow")
        at_risk = sets.at_risk(sets.weights)
        survival = np.concatenate([[1.0], np.cumprod(1.0 - sets.deaths / at_risk)])
        result = 1.0 - survival[np.searchsorted(sets.time, values, side="left")]
    if not np.isfinite(result[event]).all():
        raise DataError(
            f"{asked()}: transform={transform!r} is not finite at {int((~np.isfinite(result[event])).sum()):,} events "
            '(the log of time 0?). Use transform="km" or "rank".'
        )
    return result


class Concordance(NamedTuple):
    """Share of comparable pairs in which the higher hazard has the shorter survival, with standard error."""

    value: float
    std_error: float


def concordance(score: FloatArray, follow: FollowUp, cluster: IntArray | None = None) -> Concordance:
    """Compare every event with all rows of its stratum that were at risk and lived longer.

    A pair is concordant when the higher score had the event first; pairs tied on the score count one half,
    events at the same time are not comparable, and a censoring at the time of an event came later. With C, D
    and T the weighted numbers of concordant, discordant and tied pairs, the value is ``(C + T/2) / (C + D +
    T)``; its variance is the sum of squares of the rows' (or clusters') infinitesimal jackknife.

    References
    ----------
    Therneau T, Watson D. The concordance statistic and the Cox model. Mayo Clinic technical report 85, 2017.
    """
    time, entry, event, code = follow.time, follow.entry, follow.event == 1, follow.group
    n_rows = time.size
    weight = np.ones(n_rows) if follow.weights is None else follow.weights
    pooled = time if entry is None else np.concatenate([time, entry])
    times, ranks = np.unique(pooled, return_inverse=True)
    span = times.size
    end_rank = ranks[:n_rows]
    rank = score_ranks(score)

    # Ordered by stratum and time, events before censorings: the rows an event is compared with follow it in one run.
    base = code * span
    key = (base + end_rank) * 2 + ~event
    order = np.argsort(key, kind="stable")
    sorted_key = key[order]
    events_end = np.searchsorted(sorted_key, (base + end_rank) * 2 + 1)
    stratum_end = np.searchsorted(sorted_key, (base + span) * 2)
    own_start = np.searchsorted(sorted_key, (base + end_rank) * 2)
    if entry is None:
        first = np.searchsorted(sorted_key, base * 2)
    else:
        first = np.searchsorted(sorted_key, (base + ranks[n_rows:] + 1) * 2)
    earlier_end = np.where(event, own_start, events_end)
    own = np.where(event, 1.0, 0.0)
    ordered_weight = weight[order]

    later = compare_scores(rank[order], ordered_weight, events_end, stratum_end, rank) * own
    earlier = compare_scores(
        rank[order], ordered_weight * own[order], first, np.maximum(earlier_end, first), rank
    )
    if entry is not None:
        entry_key = base + ranks[n_rows:]
        entry_order = np.argsort(entry_key, kind="stable")
        not_yet = np.searchsorted(entry_key[entry_order], base + end_rank)
        later -= compare_scores(rank[entry_order], weight[entry_order], not_yet, stratum_end, rank) * own

    concordant_later, _, discordant_later = later
    discordant_earlier, tied_earlier, concordant_earlier = earlier
    pairs = float(weight @ later.sum(axis=0))
    if pairs <= 0:
        return Concordance(float("nan"), float("nan"))
    difference = float(weight @ (concordant_later - discordant_later)) / pairs
    influence = concordant_later - discordant_later + concordant_earlier - discordant_earlier
    influence -= difference * (later.sum(axis=0) + tied_earlier + discordant_earlier + concordant_earlier)
    influence *= weight / (2.0 * pairs)
    if cluster is not None:
        influence = np.bincount(cluster, influence)
    return Concordance((difference + 1.0) / 2.0, float(np.sqrt(influence @ influence)))


def score_ranks(score: FloatArray) -> IntArray:
    """Dense ranks from 0 in which scores that differ only by rounding are equal."""
    order = np.argsort(score)
    gaps = np.diff(score[order])
    tolerance = SAME_SCORE * float(np.ptp(score)) if score.size else 0.0
    ranks = np.empty(score.size, dtype=np.int64)
    ranks[order] = np.concatenate([[0], np.cumsum(gaps > tolerance)])
    return ranks


def compare_scores(
    rank: IntArray, weight: FloatArray, start: IntArray, stop: IntArray, than: IntArray
) -> FloatArray:
    """Weigh the items of ``rank[start:stop]`` below, equal to and above a rank, for many ranges at once.

    The ranks are split bit by bit from the highest, keeping their order within each half, so that every range
    stays a range (a wavelet matrix): as many passes over the arrays as the largest rank has bits.

    Returns
    -------
    ndarray of shape (3, n_queries)
        Weights below, equal and above.
    """
    below = np.zeros(start.size)
    total = _from_zero(weight)
    inside = total[stop] - total[start]
    for bit in range(int(rank.max(initial=0)).bit_length() - 1, -1, -1):
        high = (rank >> bit & 1).astype(bool)
        lows = _from_zero((~high).astype(np.int64))
        low_weight = _from_zero(np.where(high, 0.0, weight))
        asks_high = (than >> bit & 1).astype(bool)
        below += np.where(asks_high, low_weight[stop] - low_weight[start], 0.0)
        n_low = int(lows[-1])
        start = np.where(asks_high, n_low + start - lows[start], lows[start])
        stop = np.where(asks_high, n_low + stop - lows[stop], lows[stop])
        order = np.concatenate([np.flatnonzero(~high), np.flatnonzero(high)])
        rank, weight = rank[order], weight[order]
    total = _from_zero(weight)
    equal = total[stop] - total[start]
    return np.stack([below, equal, inside - below - equal])


def _from_zero(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    return np.concatenate([np.zeros(1, dtype=values.dtype), np.cumsum(values)])
