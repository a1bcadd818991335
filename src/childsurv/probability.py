"""Normal and chi-squared probabilities.

SciPy is imported inside the functions: importing `scipy.special` takes a fifth of the time that importing the whole
package may take, and reading a cohort does not need it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from childsurv.errors import require_level

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
