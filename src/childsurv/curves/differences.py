"""Curves against a reference group: differences, ratios, numbers needed, restricted means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.curves.curve_columns import labels_of
from childsurv.errors import OptionError, require_level
from childsurv.maths import running
from childsurv.maths.probability import normal_p_value, normal_quantile

if TYPE_CHECKING:
    from childsurv.curves.curves import Curves

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def differences(
    curves: Curves, *, reference: Any, times: Any, years: Any, level: float | None
) -> pd.DataFrame:
    """Return differences of survival (see `Curves.difference`)."""
    code, others = _reference(curves, reference, "difference")
    z = _quantile(curves, level)
    time, estimate, error = _at(curves, times, years)
    difference = (estimate - estimate[code])[others].ravel()
    std_error = np.sqrt((error**2 + error[code] ** 2)[others]).ravel()
    statistic = running.ratio(difference, std_error, where=True)
    return _table(
        curves, others, time,
        difference=difference, std_error=std_error, lower=difference - z * std_error, upper=difference + z * std_error,
        z=statistic, p_value=normal_p_value(statistic),
    )  # fmt: skip


def ratios(curves: Curves, *, reference: Any, times: Any, years: Any, level: float | None) -> pd.DataFrame:
    """Return ratios of survival (see `Curves.ratio`)."""
    code, others = _reference(curves, reference, "ratio")
    z = _quantile(curves, level)
    time, estimate, error = _at(curves, times, years)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_variance = (error / estimate) ** 2
        ratio = (estimate / estimate[code])[others].ravel()
        log_error = np.sqrt((log_variance + log_variance[code])[others]).ravel()
        statistic = np.log(ratio) / log_error
        lower, upper = ratio * np.exp(-z * log_error), ratio * np.exp(z * log_error)
    return _table(
        curves, others, time,
        ratio=ratio, log_std_error=log_error, lower=lower, upper=upper, z=statistic, p_value=normal_p_value(statistic),
    )  # fmt: skip


def numbers_needed(
    curves: Curves, *, reference: Any, times: Any, years: Any, level: float | None
) -> pd.DataFrame:
    """Return reciprocals of differences (see `Curves.number_needed`)."""
    table = differences(curves, reference=reference, times=times, years=years, level=level)
    low, high = table["lower"].to_numpy(), table["upper"].to_numpy()
    one_sign = low * high > 0
    number = running.ratio(1.0, table["difference"].to_numpy(), where=True)
    # The larger difference needs fewer children.
    ends = [running.ratio(1.0, end, where=one_sign, otherwise=np.nan) for end in (high, low)]
    return table[[*curves.group_columns, "time", "difference"]].assign(
        number_needed=number, lower=ends[0], upper=ends[1]
    )


def rmst_comparisons(
    curves: Curves, *, reference: Any, times: Any, years: Any, level: float | None
) -> pd.DataFrame:
    """Return comparisons of restricted means (see `Curves.rmst_comparison`)."""
    code, others = _reference(curves, reference, "rmst_comparison")
    z = _quantile(curves, level)
    means = curves.rmst(times=times, years=years)
    area, error = means["rmst"].to_numpy(), means["std_error"].to_numpy()
    difference, spread = (area - area[code])[others], np.sqrt((error**2 + error[code] ** 2)[others])
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = (error / area) ** 2
        ratio, log_error = (area / area[code])[others], np.sqrt((relative + relative[code])[others])
        tests = normal_p_value(difference / spread), normal_p_value(np.log(ratio) / log_error)
    table = means.iloc[others][[*curves.group_columns, "tau", "rmst"]].reset_index(drop=True)
    return table.assign(
        difference=difference, lower=difference - z * spread, upper=difference + z * spread, p_value=tests[0],
        ratio=ratio, ratio_lower=ratio * np.exp(-z * log_error), ratio_upper=ratio * np.exp(z * log_error),
        ratio_p_value=tests[1],
    )  # fmt: skip


def _reference(curves: Curves, reference: Any, what: str) -> tuple[int, IntArray]:
    """Return the code of the reference group and of all others."""
    names = curves.group_columns
    if not names:
        raise OptionError(f"{what}() compares groups; estimate the curves with by=.")
    label = reference if isinstance(reference, tuple) else (reference,)
    labels = [tuple(row) for row in curves.groups[names].itertuples(index=False)]
    if label not in labels:
        listed = ", ".join(str(one if len(names) > 1 else one[0]) for one in labels[:20])
        raise OptionError(f"{what}(): no group {reference!r}; the groups are {listed}.")
    code = labels.index(label)
    others = np.arange(len(labels)) != code
    apart = next(
        (name for name in ("cause", "state") if name in names and curves.quantity != "survival"), None
    )
    if apart is not None:
        # Causes and states of one group belong to the same children, so their estimates are correlated.
        others &= (curves.groups[apart] == curves.groups[apart].iloc[code]).to_numpy()
        if not others.any():
            raise OptionError(
                f"{what}() compares groups of different children within a {apart}; estimate the curves with by=."
            )
    return code, np.flatnonzero(others)


def _quantile(curves: Curves, level: float | None) -> float:
    return normal_quantile(curves.level if level is None else require_level(level))


def _at(curves: Curves, times: Any, years: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the times asked for, and estimates and their errors, of shape (n_groups, n_times)."""
    values = curves.at(times=times, years=years)
    n_groups = len(curves.groups)
    estimate = values["estimate"].to_numpy().reshape(n_groups, -1)
    error = values["std_error"].to_numpy().reshape(n_groups, -1)
    return values["time"].to_numpy()[: estimate.shape[1]], estimate, error


def _table(curves: Curves, others: IntArray, time: FloatArray, **columns: FloatArray) -> pd.DataFrame:
    codes = np.repeat(others, time.size)
    return pd.DataFrame(labels_of(curves, codes)).assign(time=np.tile(time, others.size), **columns)
