"""Confidence limits of a survival probability from the variance of its logarithm."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from childsurv.errors import require_choice
from childsurv.maths.probability import normal_quantile

FloatArray = npt.NDArray[np.float64]

INTERVAL_KINDS = ("log", "log-log", "plain", "logit", "arcsin")


def confidence_limits(
    estimate: FloatArray,
    log_variance: FloatArray,
    *,
    kind: str,
    level: float,
    bounded: bool | npt.NDArray[np.bool_],
    lower_log_variance: FloatArray | None = None,
    scale: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper limits of survival.

    With ``s`` the standard error of ``log S`` and z the normal quantile: "log" ``S exp(-+ z s)``; "log-log"
    ``exp(-exp(log(-log S) +- z s / log S))``; "plain" ``S -+ z s |S|``; "logit" on ``log(S / (1 - S))`` with
    standard error ``s / (1 - S)``; "arcsin" ``sin(asin(sqrt S) -+ z s sqrt(S / (1 - S)) / 2)**2``.

    Parameters
    ----------
    estimate, log_variance
        Survival and the variance of its logarithm.
    kind
        One of `INTERVAL_KINDS`.
    level
        Confidence level, such as 0.95.
    bounded
        Cut limits (of all, or of the rows where it is true) at 0 and 1, as observed survival needs. Net survival
        may exceed 1 and is not cut.
    lower_log_variance
        Variance for the lower limits, where it differs.
    scale
        Take the limits of ``estimate * scale`` and divide them by it.

    Returns
    -------
    lower, upper : ndarray
        Equal to the estimate where no child has died yet; NaN where the transformation is not defined.

    References
    ----------
    Kalbfleisch JD, Prentice RL. The statistical analysis of failure time data. 2nd ed. Wiley 2002.
    doi:10.1002/9781118032985
    """
    require_choice(kind, INTERVAL_KINDS, argument="ci")
    if scale is not None:
        lower, upper = confidence_limits(
            estimate * scale, log_variance, kind=kind, level=level, bounded=True,
            lower_log_variance=lower_log_variance,
        )  # fmt: skip
        return lower / scale, upper / scale
    z = normal_quantile(level)
    with np.errstate(all="ignore"):
        spread = z * np.sqrt(log_variance)
        below = spread
        if lower_log_variance is not None:
            below = np.where(lower_log_variance > 0, z * np.sqrt(lower_log_variance), spread)
        lower, upper = (_limit(estimate, change, kind) for change in (-below, spread))
        if np.any(bounded):
            lower = np.where(bounded, np.maximum(lower, 0.0), lower)
            upper = np.where(bounded, np.minimum(upper, 1.0), upper)
    undefined = ~np.isfinite(log_variance) | ((estimate <= 0) & (kind != "plain"))
    certain = log_variance == 0
    lower = np.where(certain, estimate, np.where(undefined, np.nan, lower))
    upper = np.where(certain, estimate, np.where(undefined, np.nan, upper))
    return lower, upper


def _limit(estimate: FloatArray, change: FloatArray, kind: str) -> FloatArray:
    """Return the limit at a distance on the scale of log S, below for a negative and above for a positive one."""
    if kind == "log":
        return np.asarray(estimate * np.exp(change))
    if kind == "plain":
        # An excess below 0 still has its lower limit below it.
        return np.asarray(estimate + change * np.abs(estimate))
    if kind == "log-log":
        # exp(-exp(log(-log S) + change / log S)) with two logarithms fewer; like that one not defined above 1.
        log_survival = np.where(estimate <= 1, np.log(estimate), np.nan)
        return np.asarray(np.exp(log_survival * np.exp(change / log_survival)))
    if kind == "logit":
        return np.asarray(1 - 1 / (1 + np.exp(np.log(estimate / (1 - estimate)) + change / (1 - estimate))))
    angle = np.arcsin(np.sqrt(estimate)) + change * np.sqrt(estimate / (1 - estimate)) / 2
    return np.asarray(np.sin(np.clip(angle, 0, np.pi / 2)) ** 2)
