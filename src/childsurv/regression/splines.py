"""Natural cubic splines for formulas: ``ns(age_years, df=3)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import FloatArray
from childsurv.errors import OptionError, import_extra


def natural_spline_transform() -> Callable[..., Any]:
    """Return ``ns`` as a transform of formulaic, which remembers its knots for new data."""
    stateful = import_extra(
        "formulaic.utils.stateful_transforms", extra="formula", purpose="ns() in a formula"
    )
    types = import_extra("formulaic.materializers.types", extra="formula", purpose="ns() in a formula")

    def ns(
        x: npt.ArrayLike,
        df: int | None = None,
        knots: Sequence[float] | None = None,
        _state: dict[str, Any] | None = None,
    ) -> Any:
        state = {} if _state is None else _state
        values = np.asarray(x, dtype=np.float64)
        if "knots" not in state:
            state["knots"] = natural_spline_knots(values, df=df, knots=knots)
        basis = natural_spline_basis(values, state["knots"])
        return types.FactorValues(basis, column_names=tuple(range(1, basis.shape[1] + 1)))

    return stateful.stateful_transform(ns)  # type: ignore[no-any-return]


def natural_spline_knots(
    values: FloatArray, *, df: int | None = None, knots: Sequence[float] | None = None
) -> FloatArray:
    """Return all knots: the extremes, and ``df - 1`` quantiles (or the knots given) between them."""
    low, high = float(values.min()), float(values.max())
    if knots is None:
        if df is None or df < 1:
            raise OptionError("ns(x, df=...) needs df of 1 or more, or knots=[...].")
        inner = np.quantile(values, np.linspace(0, 1, df + 1)[1:-1])
    else:
        inner = np.sort(np.asarray(knots, dtype=np.float64))
    result = np.concatenate([[low], inner, [high]])
    if (np.diff(result) <= 0).any():
        raise OptionError(
            f"ns(): its {result.size} knots are not all different, or not inside the data. Use a smaller "
            "df, or give knots=."
        )
    return result


def natural_spline_basis(values: FloatArray, knots: FloatArray) -> FloatArray:
    """Natural cubic spline basis without a constant: shape ``(n, len(knots) - 1)``.

    Cubic B-splines without the first, projected on those combinations whose second derivative is 0 at the
    outer knots; beyond these the curves go on as straight lines. The basis is the one of R's ``splines::ns``,
    so that coefficients agree.

    References
    ----------
    Hastie TJ. Generalized additive models. In: Chambers JM, Hastie TJ, eds. Statistical models in S. 1992;
    chapter 7.
    """
    from scipy.interpolate import BSpline

    low, high = knots[0], knots[-1]
    padded = np.concatenate([[low] * 3, knots, [high] * 3])
    splines = BSpline(padded, np.eye(padded.size - 4), 3)
    slopes, bends = splines.derivative(1), splines.derivative(2)
    inside = np.clip(values, low, high)
    basis = splines(inside) + (values - inside)[:, None] * slopes(inside)
    from scipy.linalg import qr

    rotation, _ = qr(bends(np.array([low, high]))[:, 1:].T)
    return np.asarray(basis[:, 1:] @ rotation[:, 2:])
