"""From rates of wide cells to rates of narrow ones: the smoothest hazards that give every wide cell its own rate.

The same computation serves ages (from groups to single years) and calendar time (from periods to years).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from childsurv.errors import LifeTableError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RIDGE = 1e-7
"""Keeps each step finite where the penalty says nothing; it bends the way to the solution, not the solution."""

LARGEST_STEP = 1.0
CONVERGED = 1e-10
MOST_STEPS = 200


def age_scale(age: FloatArray) -> FloatArray:
    """Return ``u = log(1 + age) + age / 10``, on which the log hazard of a population bends evenly.

    Mortality falls like a power of age after birth and later changes exponentially with age; the two terms
    let the curve bend where it does. Chosen on single-year tables of Belarus, Russia and Ukraine among scales
    of this form; the result depends little on the numbers.
    """
    return np.asarray(np.log1p(age) + age / 10)


def graduate(
    rates: FloatArray, group: IntArray, scale: FloatArray, weights: FloatArray | None = None
) -> FloatArray:
    r"""Return hazards of narrow cells whose weighted mean in each wide cell is the wide cell's rate.

    ``minimise the integral of (d^2 log h / du^2)^2 subject to sum(w_i h_i) / sum(w_i) = rate of the cell``,

    the sums being over the narrow cells of one wide cell. Solved by Newton's method on the equality
    constraints. A wide cell with rate 0 stays 0 in all its narrow cells, and one without a value stays
    without; neither bends its neighbours.

    Parameters
    ----------
    rates
        Of the wide cells, shape ``(n_curves, n_wide)``.
    group
        Wide cell of each narrow cell, ascending, shape ``(n_narrow,)``.
    scale
        Coordinate of each narrow cell, ascending, shape ``(n_narrow,)``.
    weights
        Share of exposure of each narrow cell, shape ``(n_narrow,)`` or ``(n_curves, n_narrow)``; equal unless
        given.

    Returns
    -------
    ndarray of shape (n_curves, n_narrow)

    References
    ----------
    Rizzi S, Gampe J, Eilers PHC. Efficient estimation of smooth distributions from coarsely grouped data.
    Am J Epidemiol 2015;182:138-147. doi:10.1093/aje/kwv020 (the idea: a smooth log rate behind grouped ones;
    here each group's rate is met exactly instead of by a Poisson likelihood)
    """
    n_curves, n_wide = rates.shape
    usable = np.isfinite(rates) & (rates > 0)
    weights = np.broadcast_to(np.ones(group.size) if weights is None else weights, (n_curves, group.size))
    first = np.searchsorted(group, np.arange(n_wide))
    weights = weights / np.add.reduceat(weights, first, axis=1)[:, group]
    hazards = rates[:, group].copy()
    # Curves that lack the same wide cells are solved together; most tables lack none.
    patterns, which = np.unique(usable, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.sum() == 0:
            continue
        curves = np.flatnonzero(np.ravel(which) == number)
        smooth = _smoothest(rates[curves], group, scale, weights[curves], np.flatnonzero(pattern))
        own = pattern[group]
        hazards[np.ix_(curves, own)] = smooth[:, own]
    return hazards


def _smoothest(
    rates: FloatArray, group: IntArray, scale: FloatArray, weights: FloatArray, usable: IntArray
) -> FloatArray:
    """Solve for curves that have the same wide cells with a rate above 0."""
    if usable.size == 1:
        return np.broadcast_to(rates[:, usable], (rates.shape[0], group.size)).copy()
    target = rates[:, usable]
    starts = np.searchsorted(group, usable)
    stops = np.searchsorted(group, usable, side="right")
    middle = np.array([scale[low:high].mean() for low, high in zip(starts, stops, strict=True)])
    theta = np.stack([np.interp(scale, middle, np.log(row)) for row in target])
    penalty = _roughness(scale)
    ridge = RIDGE * np.trace(penalty) / group.size
    inverse = np.linalg.inv(penalty + ridge * np.eye(group.size))
    member = np.zeros((usable.size, group.size))
    for place, (low, high) in enumerate(zip(starts, stops, strict=True)):
        member[place, low:high] = 1.0
    for _ in range(MOST_STEPS):
        part = np.exp(theta) * weights
        fitted = part @ member.T
        # Relative constraints: every row of the Jacobian then has about the size of one.
        slope = member[None] * (part[:, None, :] / target[:, :, None])
        miss = 1.0 - fitted / target
        downhill = -(theta @ penalty) @ inverse
        spread = slope @ inverse
        normal = spread @ slope.transpose(0, 2, 1)
        pull = np.linalg.solve(normal, (miss - (slope @ downhill[:, :, None])[:, :, 0])[:, :, None])
        step = downhill + (spread.transpose(0, 2, 1) @ pull)[:, :, 0]
        largest = np.abs(step).max(axis=1)
        theta = theta + step * np.minimum(1.0, LARGEST_STEP / np.maximum(largest, LARGEST_STEP))[:, None]
        if largest.max() < CONVERGED:
            break
    else:
        raise LifeTableError(
            f"{int((largest >= CONVERGED).sum()):,} of {rates.shape[0]:,} curves of the life table could not "
            "be expanded: neighbouring rates differ too wildly for one smooth curve. Run check_life_table() "
            "on the table, and keep its cells as they are if the rates are right."
        )
    part = np.exp(theta)
    # What is left of the constraint is rounding; it goes into the level of each wide cell.
    fitted = (part * weights) @ member.T
    return np.asarray(part * ((target / fitted) @ member + (1.0 - member.sum(axis=0))))


def _roughness(scale: FloatArray) -> FloatArray:
    """Return the matrix of the integral of the squared second derivative, by divided differences."""
    gaps = np.diff(scale)
    rows = np.arange(scale.size - 2)
    second = np.zeros((rows.size, scale.size))
    second[rows, rows] = 1 / gaps[:-1]
    second[rows, rows + 1] = -1 / gaps[:-1] - 1 / gaps[1:]
    second[rows, rows + 2] = 1 / gaps[1:]
    second /= np.sqrt((gaps[:-1] + gaps[1:]) / 2)[:, None]
    return second.T @ second
