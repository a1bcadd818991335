"""Normal and chi-squared probabilities.

SciPy is imported inside the functions: importing `scipy.special` takes a fifth of the time that importing the whole
package may take, and reading a cohort does not need it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from childsurv.errors import require_level
from childsurv.maths.running import ratio

FloatArray = npt.NDArray[np.float64]


def normal_quantile(level: float) -> float:
    """Return z such that a standard normal lies in (-z, z) with probability ``level``."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + require_level(level) / 2))


def normal_p_value(statistic: npt.ArrayLike) -> FloatArray:
    """Return the two-sided p value of standard normal statistics."""
    from scipy.special import ndtr

    return np.asarray(2 * ndtr(-np.abs(np.asarray(statistic, dtype=np.float64))))


def chi_squared_p_value(statistic: npt.ArrayLike, df: npt.ArrayLike) -> FloatArray:
    """Return the probability that a chi-squared variable with ``df`` degrees of freedom exceeds a statistic."""
    from scipy.special import chdtrc

    return np.asarray(chdtrc(np.asarray(df, dtype=np.float64), np.asarray(statistic, dtype=np.float64)))


def poisson_limits(count: npt.ArrayLike, level: float) -> tuple[FloatArray, FloatArray]:
    """Return exact limits of the mean of Poisson counts (Garwood's); the lower one of 0 is 0."""
    from scipy.special import gammaincinv

    observed = np.asarray(count, dtype=np.float64)
    tail = (1 - require_level(level)) / 2
    lower = np.where(observed > 0, gammaincinv(np.maximum(observed, 1), tail), 0.0)
    return lower, np.asarray(gammaincinv(observed + 1, 1 - tail))


LATTICE_POINTS = 2**16
"""Points of the integral over a box of normals: good to some 1e-5."""

NO_VOLUME = 1e-12
"""Directions with a smaller share of the variance than this have none."""


def largest_of_normals_p_value(largest: float, correlation: FloatArray) -> float:
    """Return the probability that the largest absolute value of correlated standard normals exceeds a number.

    ``1 - P(|z_i| <= c for all i)``, integrated over the principal axes: the widest axis exactly, the others over a
    lattice of fixed points, folded so that the integrand is periodic. Scores that follow from each other, whose
    correlations are singular, need nothing special.

    References
    ----------
    Genz A, Bretz F. Computation of multivariate normal and t probabilities. Springer 2009, chapter 4.
    doi:10.1007/978-3-642-01689-9
    """
    from scipy.special import ndtr, ndtri

    values, vectors = np.linalg.eigh(correlation)
    kept = values > NO_VOLUME * values[-1]
    axes = vectors[:, kept] * np.sqrt(values[kept])
    others, widest = axes[:, :-1], axes[:, -1]
    if others.shape[1]:
        roots = np.sqrt(_PRIMES[: others.shape[1]])
        fractions = (np.arange(1, LATTICE_POINTS + 1)[:, None] * roots + 0.5) % 1.0
        folded = np.clip(1.0 - np.abs(2.0 * fractions - 1.0), 1e-15, 1.0 - 1e-15)
        offset = ndtri(folded) @ others.T
    else:
        offset = np.zeros((1, len(widest)))
    fixed = np.abs(widest) < NO_VOLUME
    one = ratio(-largest - offset, np.abs(widest), where=~fixed, otherwise=-np.inf)
    two = ratio(largest - offset, np.abs(widest), where=~fixed, otherwise=np.inf)
    # A score that falls with the widest axis has its limits on the other side.
    low = np.where(widest < 0, -two, one).max(axis=1)
    high = np.where(widest < 0, -one, two).min(axis=1)
    inside = (np.abs(offset[:, fixed]) <= largest).all(axis=1)
    share = np.where(inside, np.maximum(ndtr(high) - ndtr(low), 0.0), 0.0)
    return float(np.clip(1.0 - share.mean(), 0.0, 1.0))


_PRIMES = np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0, 31.0, 37.0])
