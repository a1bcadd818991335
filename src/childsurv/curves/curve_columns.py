"""Columns of every table of curves: labels of groups, standard errors and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from childsurv.maths.limits import confidence_limits

if TYPE_CHECKING:
    from childsurv.curves.curves import Curves

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def labels_of(curves: Curves, codes: IntArray) -> dict[str, Any]:
    """Return the group columns for codes of groups."""
    return {name: curves.groups[name].array.take(codes) for name in curves.group_columns}


def std_error(estimate: FloatArray, log_variance: FloatArray) -> FloatArray:
    """Return the standard errors of estimates, from the variances of their logarithms."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(estimate) * np.sqrt(log_variance))


def limits_of(curves: Curves, rows: slice | IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper confidence limits of some rows of the curves."""
    return confidence_limits(
        curves.estimate[rows],
        curves.log_variance[rows],
        kind=curves.ci,
        level=curves.level,
        bounded=bounded_in(curves, curves.group[rows]),
        lower_log_variance=None if curves.lower_log_variance is None else curves.lower_log_variance[rows],
        scale=None if curves.limits_scale is None else curves.limits_scale[rows],
    )


def bounded_in(curves: Curves, group: IntArray) -> bool | npt.NDArray[np.bool_]:
    """Whether limits of rows of some groups are cut at 0 and 1; observed survival beside net survival is."""
    if curves.bounded or "quantity" not in curves.groups:
        return curves.bounded
    return np.asarray(curves.groups["quantity"] == "observed survival")[group]
