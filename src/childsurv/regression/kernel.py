"""Partial likelihood of the Cox model: value, gradient and information in a handful of array operations.

With the risk sum R_j and the tied events' sum D_j of cell j, Efron's denominators are ``R_j - (k/d) D_j``, k
= 0..d-1. Write ``N = R - D`` and ``f = 1 - k/d``, and every weighted mean of the covariates is ``(S_N + f
S_D) / (N + f D)``: a mix of two vectors that are the same for all k. The sum over k therefore needs only
three numbers a cell, and

    information = X' diag(r H) X - M' M

is two matrix products, where H is the hazard accumulated by each row and M has one or two rows a cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import FloatArray
from childsurv.errors import ModelError
from childsurv.fold.ordered_risk_sets import RiskSets

CONVERGED = 1e-9
"""Newton decrement (squared; about twice what the log-likelihood can still gain), as a share of it."""

SURELY_CONVERGED = 1e-6
"""The same in absolute terms, for large data."""

POLISHED = 1e-24
"""The same at which the coefficients have all the digits that double precision gives."""

MOST_POLISHING_STEPS = 5

BLOCK_WORK = 250_000
"""Multiplications in one block of a matrix product."""

SMALLEST_BLOCK = 256

LARGEST_SPREAD = 200.0
"""Linear predictors further apart than this, hazards in a ratio of e^200, are on their way to infinity."""

RUNAWAY_STEP = 0.2
"""A coefficient whose next step still moves linear predictors by this much, once the log-likelihood has
converged, is on its way to infinity, where every step adds about 1: a regular one would need a standard error
above 200 to do so."""


@dataclass(frozen=True, eq=False, repr=False)
class Hazards:
    """What a linear predictor makes of the risk sets; risks are relative to ``exp(shift)`` of the stratum.

    Attributes
    ----------
    shift
        Largest linear predictor of each stratum, shape ``(n_strata,)``.
    relative
        ``exp(linear predictor - shift)`` of each row at risk, without its weight.
    risk
        The same times the weight.
    others, tied
        Sums of ``risk`` in each cell over those at risk without and with an event there.
    inverse
        ``weight / denominator`` of each term.
    denominator
        ``others + fraction * tied`` of each term.
    increment, tied_increment
        Hazard of each cell for a row without and with an event there.
    cumulative
        Hazard accumulated by each row over the cells in which it is at risk.
    log_likelihood
        Log partial likelihood.
    """

    shift: FloatArray
    relative: FloatArray
    risk: FloatArray
    others: FloatArray
    tied: FloatArray
    inverse: FloatArray
    denominator: FloatArray
    increment: FloatArray
    tied_increment: FloatArray
    cumulative: FloatArray
    log_likelihood: float


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Log partial likelihood, its gradient ``(p,)`` and its information ``(p, p)`` at some coefficients."""

    hazards: Hazards
    gradient: FloatArray
    information: FloatArray

    @property
    def log_likelihood(self) -> float:
        """Log partial likelihood."""
        return self.hazards.log_likelihood


@dataclass(frozen=True, eq=False, repr=False)
class Maximum:
    """Where Newton's iterations ended.

    Attributes
    ----------
    coef
        Coefficients, shape ``(p,)``.
    null, final
        The likelihood at zero and at ``coef``.
    inverse
        Inverse of the information at ``coef``.
    runaway
        Which coefficients were still on their way to infinity when the log-likelihood had converged.
    iterations
        How many Newton steps were taken.
    """

    coef: FloatArray
    null: Evaluation
    final: Evaluation
    inverse: FloatArray
    runaway: npt.NDArray[np.bool_]
    iterations: int


def hazards(sets: RiskSets, linear_predictor: FloatArray) -> Hazards:
    """Compute denominators, hazards and the log partial likelihood for ``(n_rows,)`` linear predictors."""
    shift = sets.stratum_maximum(linear_predictor)
    shifted = linear_predictor - sets.by_row(shift)
    relative = np.exp(shifted)
    risk = sets.weights * relative
    total, tied = sets.at_risk_and_tied(risk)
    others = np.maximum(total - tied, 0.0)
    cell, fraction = sets.term_cell, sets.term_fraction
    denominator = others[cell] + fraction * tied[cell] if sets.split_ties else total
    inverse = sets.term_weight / denominator
    log_likelihood = float(
        np.sum(sets.weights[sets.dead] * shifted[sets.dead]) - np.sum(sets.term_weight * np.log(denominator))
    )
    increment = sets.over_terms(inverse)
    tied_increment = sets.over_terms(fraction * inverse) if sets.split_ties else increment
    cumulative = sets.over_cells(increment)
    if sets.split_ties:
        cumulative[sets.dead] -= (increment - tied_increment)[sets.dead_cell]
    return Hazards(
        shift=shift,
        relative=relative,
        risk=risk,
        others=others,
        tied=tied,
        inverse=inverse,
        denominator=denominator,
        increment=increment,
        tied_increment=tied_increment,
        cumulative=cumulative,
        log_likelihood=log_likelihood,
    )


def evaluate(sets: RiskSets, covariates: FloatArray, linear_predictor: FloatArray) -> Evaluation:
    """Compute log-likelihood, gradient and information for ``(p, n_rows)`` covariates."""
    # Too long a step may leave a risk set without any risk; the step is then halved, so infinities are no
    # fault.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        now = hazards(sets, linear_predictor)
        expected = now.risk * now.cumulative
        residual = -expected
        residual[sets.dead] += sets.weights[sets.dead]
        others, tied = covariate_sums(sets, covariates, now)
        information = _information(sets, covariates, now, expected, others, tied)
    return Evaluation(now, row_sums(covariates, residual), information)


def covariate_sums(
    sets: RiskSets, covariates: FloatArray, now: Hazards
) -> tuple[FloatArray, FloatArray | None]:
    """Sum risk times covariate in each cell over those at risk without, and with, an event there.

    Each has shape ``(p, n_cells)``. When no cell has more than one term there is no need to tell them apart:
    the first then holds everybody at risk, and the second is ``None``.
    """
    others = np.empty((covariates.shape[0], sets.n_cells))
    if not sets.split_ties:
        for column, covariate in enumerate(covariates):
            others[column] = sets.at_risk(now.risk * covariate)
        return others, None
    tied = np.empty_like(others)
    for column, covariate in enumerate(covariates):
        total, tied[column] = sets.at_risk_and_tied(now.risk * covariate)
        np.subtract(total, tied[column], out=others[column])
    return others, tied


def cross_product(covariates: FloatArray, weight: FloatArray | None = None) -> FloatArray:
    """``X diag(weight) X'`` of ``(p, n)`` covariates, in blocks that stay in the processor's cache.

    The blocks are also too small for a BLAS to share out among threads, which pays nothing for a few columns
    and costs much where other work holds the processors.
    """
    p, n = covariates.shape
    block = max(BLOCK_WORK // (p * p), SMALLEST_BLOCK)
    total = np.zeros((p, p))
    for start in range(0, n, block):
        part = covariates[:, start : start + block]
        other = part.copy() if weight is None else part * weight[start : start + block]
        total += other @ part.T
    return np.asarray((total + total.T) / 2)


def row_sums(covariates: FloatArray, values: FloatArray) -> FloatArray:
    """``X values``: shape ``(p, n)`` and ``(n,)`` give ``(p,)``."""
    return np.asarray(np.einsum("in,n->i", covariates, values))


def predictor(coef: FloatArray, covariates: FloatArray) -> FloatArray:
    """``coef X``: shape ``(p,)`` and ``(p, n)`` give ``(n,)``."""
    return np.asarray(np.einsum("i,in->n", coef, covariates))


def _information(
    sets: RiskSets,
    covariates: FloatArray,
    now: Hazards,
    expected: FloatArray,
    others: FloatArray,
    tied: FloatArray | None,
) -> FloatArray:
    information = cross_product(covariates, expected)
    by_term = now.inverse / now.denominator
    if tied is None:
        return information - cross_product(others, by_term)
    # sum over k of w (S_N + f S_D)(S_N + f S_D)' / denominator^2, completed to a sum of two squares.
    fraction = sets.term_fraction
    plain = sets.over_terms(by_term)
    once = sets.over_terms(fraction * by_term) / plain
    spread = np.maximum(sets.over_terms(fraction**2 * by_term) - plain * once**2, 0.0)
    return information - cross_product(others + once * tied, plain) - cross_product(tied, spread)


def time_weighted_information(
    sets: RiskSets, covariates: FloatArray, now: Hazards, weight: FloatArray
) -> FloatArray:
    """Sum the cells' information, each times its own (positive or negative) weight: ``(n_cells,)``."""
    increment = now.increment * weight
    accumulated = sets.over_cells(increment)
    if sets.split_ties:
        accumulated[sets.dead] -= ((now.increment - now.tied_increment) * weight)[sets.dead_cell]
    information = cross_product(covariates, now.risk * accumulated)
    others, tied = covariate_sums(sets, covariates, now)
    by_term = now.inverse / now.denominator * weight[sets.term_cell]
    if tied is None:
        return information - cross_product(others, by_term)
    fraction = sets.term_fraction
    plain = sets.over_terms(by_term)
    once = sets.over_terms(fraction * by_term)
    twice = sets.over_terms(fraction**2 * by_term)
    cross = (others * once) @ tied.T
    return np.asarray(
        information - cross_product(others, plain) - cross - cross.T - cross_product(tied, twice)
    )


def maximise(
    sets: RiskSets, covariates: FloatArray, offset: FloatArray, null: Evaluation, *, maximum_iterations: int
) -> Maximum:
    """Climb by Newton's method with step halving, then polish until the coefficients have all their digits.

    Raises
    ------
    ModelError
        When the log-likelihood has not converged after ``maximum_iterations`` steps.
    """
    coef = np.zeros(covariates.shape[0])
    span = np.ptp(covariates, axis=1)
    here = null
    polishing = 0
    for iteration in range(maximum_iterations + MOST_POLISHING_STEPS + 1):
        inverse = _inverse(here.information)
        if inverse is None:
            break
        step = inverse @ here.gradient
        decrement = float(step @ here.gradient)
        if decrement <= min(CONVERGED * max(1.0, abs(here.log_likelihood)), SURELY_CONVERGED):
            runaway = np.abs(step) * span > RUNAWAY_STEP
            if runaway.any() or decrement <= POLISHED or polishing == MOST_POLISHING_STEPS:
                return Maximum(coef, null, here, inverse, runaway, iteration)
            polishing += 1
        elif iteration >= maximum_iterations:
            break
        before, linear = here, predictor(coef, covariates)
        if float(np.ptp(linear)) > LARGEST_SPREAD:
            share = np.abs(coef) * span
            return Maximum(coef, null, here, inverse, share >= share.max() / 10, iteration)
        for _ in range(40):
            here = evaluate(sets, covariates, offset + linear + predictor(step, covariates))
            gain = here.log_likelihood - before.log_likelihood
            # Risk sums that underflow make the likelihood or the information infinite: as bad as a loss.
            usable = np.isfinite(gain) and np.isfinite(here.information).all()
            if usable and gain >= -1e-12 * max(1.0, abs(before.log_likelihood)):
                break
            step = step / 2
        coef = coef + step
    raise ModelError(
        f"The Cox model did not converge in {maximum_iterations} iterations. Look for covariates with "
        "extreme values or almost collinear ones, or give a larger maximum_iterations=."
    )


def _inverse(information: FloatArray) -> FloatArray | None:
    """Invert a symmetric positive definite matrix; ``None`` when it is not."""
    from scipy.linalg import cho_factor, cho_solve

    if not np.isfinite(information).all():
        return None
    try:
        factor = cho_factor(information, lower=True)
    except np.linalg.LinAlgError:
        return None
    inverse = cho_solve(factor, np.eye(information.shape[0]))
    return np.asarray((inverse + inverse.T) / 2)
