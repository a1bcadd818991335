"""Partial likelihood of the Cox model: value, gradient, information, what these identify, and the maximum.

With the risk sum R_j and the tied events' sum D_j of cell j, Efron's denominators are ``R_j - (k/d) D_j``, k
= 0..d-1. Write ``N = R - D`` and ``f = 1 - k/d``, and every weighted mean of the covariates is ``(S_N + f
S_D) / (N + f D)``: a mix of two vectors that are the same for all k. The sum over k therefore needs only
three numbers a cell, and

    information = X' diag(r H) X - M' M

is two matrix products, where H is the hazard accumulated by each row and M has one or two rows a cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import FloatArray
from childsurv.errors import ModelError, asked
from childsurv.fold.risk_sets import RiskSets

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
"""A coefficient whose next step still moves linear predictors by this much, once the log-likelihood has converged, is
on its way to infinity, where every step adds about 1. A regular coefficient would need a standard error above 200."""

LOST = 1e-11
"""Share of a covariate's information that must be left given the covariates before it; with less it is one of their
sums."""

NAMED_SHARE = 1e-6
"""Smallest coefficient, in standard deviations, with which a covariate is named as part of such a sum."""


@dataclass(frozen=True, eq=False, repr=False)
class Hazards:
    """What a linear predictor makes of the risk sets; risks are relative to ``exp(shift)`` of the stratum."""

    shift: FloatArray
    """Largest linear predictor of each stratum; shape ``(n_strata,)``."""
    relative: FloatArray
    """``exp(linear predictor - shift)`` of each row at risk, without its weight."""
    risk: FloatArray
    """``relative`` times the weight."""
    others: FloatArray
    """Sum of ``risk`` in each cell over the rows at risk without an event there."""
    tied: FloatArray
    """Sum of ``risk`` in each cell over the rows with an event there."""
    inverse: FloatArray
    """``weight / denominator`` of each term."""
    denominator: FloatArray
    """``others + fraction * tied`` of each term."""
    increment: FloatArray
    """Hazard of each cell for a row without an event there."""
    tied_increment: FloatArray
    """Hazard of each cell for a row with an event there."""
    cumulative: FloatArray
    """Hazard accumulated by each row over the cells in which it is at risk."""
    log_likelihood: float
    """Log partial likelihood."""


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
    """Where Newton's iterations ended."""

    coef: FloatArray
    """Coefficients; shape ``(p,)``."""
    final: Evaluation
    """The likelihood at ``coef``."""
    inverse: FloatArray
    """Inverse of the information at ``coef``."""
    runaway: npt.NDArray[np.bool_]
    """Which coefficients were still on their way to infinity when the log-likelihood had converged."""
    iterations: int
    """Newton steps taken."""


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
    # Too long a step may leave a risk set without any risk. The step is then halved, so infinities are no fault.
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

    Each has shape ``(p, n_cells)``. When no cell has more than one term, the two need not be kept apart: the
    first then holds all rows at risk, and the second is ``None``.
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

    The blocks are also too small for a BLAS to share out among threads: threads gain nothing for a few columns,
    and cost much where other work holds the processors.
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


def require_varying(names: Sequence[str], covariates: FloatArray) -> None:
    """Raise a `ModelError` that names the columns of the ``(p, n_rows)`` covariates that never vary."""
    constant = np.flatnonzero(covariates.min(axis=1) == covariates.max(axis=1))
    if constant.size:
        raise ModelError(
            f"{asked()}: {_columns([names[place] for place in constant.tolist()])} the same value in all "
            f"{covariates.shape[1]:,} rows, so no hazard ratio can be estimated. Leave "
            f"{'it' if constant.size == 1 else 'them'} out of the formula."
        )


def require_identified(
    names: Sequence[str], information: FloatArray, scale: FloatArray, *, events: float
) -> None:
    """Raise a `ModelError` when covariates are constant within risk sets or sums of one another.

    Parameters
    ----------
    names
        Column names, shape ``(p,)``.
    information
        Information of the covariates, divided by ``scale``, at coefficients of 0.
    scale
        What the covariates were divided by.
    events
        Number of events, to which information is compared.
    """
    size = np.diag(information)
    flat = np.flatnonzero((scale == 0) | (size <= LOST * events)).tolist()
    if flat:
        raise ModelError(
            f"{asked()}: {_columns([names[place] for place in flat])} one value among all who are at risk together "
            "(in every stratum, at each event), so no hazard ratio can be estimated. Leave out of the formula what is "
            "constant within strata or varies only among rows without an event around them."
        )
    root = np.sqrt(size)
    correlation = information / np.outer(root, root)
    kept: list[int] = []
    sums: list[str] = []
    for column in range(len(names)):
        before = correlation[np.ix_(kept, kept)]
        share = np.linalg.solve(before, correlation[kept, column]) if kept else np.zeros(0)
        left = 1.0 - float(correlation[kept, column] @ share)
        if left > LOST:
            kept.append(column)
            continue
        parts = [
            f"{share[place] * root[column] * scale[column] / (root[other] * scale[other]):.4g} x "
            f"{names[other]!r}"
            for place, other in enumerate(kept)
            if abs(share[place]) > NAMED_SHARE
        ]
        sums.append(f"{names[column]!r} = {' + '.join(parts)}")
    if sums:
        raise ModelError(
            f"{asked()}: covariates are collinear (up to a constant): {'; '.join(sums)}. Leave one covariate of each "
            "such sum out of the formula."
        )


def _columns(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"covariate {shown} has" if len(names) == 1 else f"covariates {shown}{more} have"


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
                return Maximum(coef, here, inverse, runaway, iteration)
            polishing += 1
        elif iteration >= maximum_iterations:
            break
        before, linear = here, predictor(coef, covariates)
        if float(np.ptp(linear)) > LARGEST_SPREAD:
            share = np.abs(coef) * span
            return Maximum(coef, here, inverse, share >= share.max() / 10, iteration)
        for _ in range(40):
            here = evaluate(sets, covariates, offset + linear + predictor(step, covariates))
            gain = here.log_likelihood - before.log_likelihood
            # Risk sums that underflow make the likelihood or the information infinite, which counts as a loss.
            usable = np.isfinite(gain) and np.isfinite(here.information).all()
            if usable and gain >= -1e-12 * max(1.0, abs(before.log_likelihood)):
                break
            step = step / 2
        coef = coef + step
    raise ModelError(
        f"{asked()}: the likelihood did not converge within maximum_iterations={maximum_iterations}. Look for "
        "covariates with extreme values or almost collinear ones, or give a larger maximum_iterations=."
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
