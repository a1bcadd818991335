"""Curves at chosen times: the values of the step functions, and the times at which curves are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.curves.curve_columns import bounded_in, labels_of, std_error
from childsurv.errors import OptionError, asked
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.limits import confidence_limits
from childsurv.maths.running import last_row_at, running_sum

if TYPE_CHECKING:
    from childsurv.curves.curves import Curves

FloatArray = npt.NDArray[np.float64]

NEAR_AN_END = 0.5
"""Days within which a time means the end of an interval."""


def values_at(curves: Curves, wanted: FloatArray) -> pd.DataFrame:
    """Return the step functions at chosen times (see `Curves.at`)."""
    order = np.argsort(wanted, kind="stable")
    ascending = known_times(curves, wanted)[order]
    n_groups = len(curves.groups)
    starts = curves.starts
    row = last_row_at(curves.time, starts, curves.group, ascending)
    before = row < 0
    safe = np.maximum(row, 0)
    # The first row at or after a time holds the number at risk just before it.
    same = ~before & (curves.time[safe] == ascending[None, :])
    following = np.where(before, starts[:-1, None], row + ~same)
    inside = following < starts[1:, None]
    at_risk = np.where(inside, curves.at_risk[np.minimum(following, curves.time.size - 1)], 0)
    if curves.at_risk_after is not None:
        # A row holds the number at the start of its interval; at its end the next interval begins.
        first = np.broadcast_to(np.asarray(curves.at_risk)[starts[:-1], None], row.shape)
        at_risk = np.where(before, first, np.where(same, curves.at_risk_after[safe], 0))
    counts = []
    for values in (curves.events, curves.censored):
        total = np.where(before, 0, running_sum(values, starts)[safe])
        counts.append(np.diff(total, axis=1, prepend=0))
    past = ~inside & ~same
    # Curves given survival to a time have no values before it.
    too_early = (ascending < curves.origin)[None, :]
    past = past | too_early
    early = before & ~past
    estimate = np.where(past, np.nan, np.where(early, curves.start, curves.estimate[safe]))
    log_variance = np.where(past, np.nan, np.where(early, 0.0, curves.log_variance[safe]))
    for_lower = None
    if curves.lower_log_variance is not None:
        for_lower = np.where(past, np.nan, np.where(early, 0.0, curves.lower_log_variance[safe]))
    scale = None
    if curves.limits_scale is not None:
        scale = np.where(early | past, 1.0, curves.limits_scale[safe])
    of_group = np.broadcast_to(np.arange(n_groups)[:, None], estimate.shape)
    lower, upper = confidence_limits(
        estimate,
        log_variance,
        kind=curves.ci,
        level=curves.level,
        bounded=bounded_in(curves, of_group),
        lower_log_variance=for_lower,
        scale=scale,
    )
    if curves.stopped is not None and curves.stopped.any():
        # Numbers past the end of such a curve, and its exits, are hidden too.
        hidden = curves.stopped[:, None] & (past | np.isnan(estimate))
        if curves.at_risk_after is not None:
            at_risk = np.where(curves.stopped[:, None] & (at_risk < curves.minimum), np.nan, at_risk)
        at_risk, *counts = (np.where(hidden, np.nan, values) for values in (at_risk, *counts))
    if too_early.any():
        at_risk, *counts = (np.where(too_early, np.nan, values) for values in (at_risk, *counts))
    back = np.argsort(order, kind="stable")
    columns = labels_of(curves, np.repeat(np.arange(n_groups), wanted.size))
    columns["time"] = np.tile(wanted, n_groups)
    for name, values in (
        ("at_risk", at_risk),
        ("events", counts[0]),
        ("censored", counts[1]),
        ("estimate", estimate),
        ("std_error", std_error(estimate, log_variance)),
        ("lower", lower),
        ("upper", upper),
    ):
        columns[name] = values[:, back].ravel()
    return pd.DataFrame(columns)


def are_known(curves: Curves, wanted: FloatArray) -> npt.NDArray[np.bool_]:
    """Return at which times the curves are known (see `Curves.is_known_at`)."""
    return (
        np.isfinite(nearest_ends(curves, wanted)) if curves.by_intervals else np.ones(wanted.size, dtype=bool)
    )


def nearest_ends(curves: Curves, wanted: FloatArray) -> FloatArray:
    """Return the end of an interval that each time means, NaN inside intervals."""
    ends = np.unique(np.append(curves.time, curves.origin))
    # Peers' years have other lengths: five of theirs are some hours off five of ours.
    near = NEAR_AN_END if curves.in_days else 1e-9 * max(1.0, float(ends[-1]))
    place = np.clip(np.searchsorted(ends, wanted), 1, max(ends.size - 1, 1))
    low, high = ends[place - 1], ends[np.minimum(place, ends.size - 1)]
    nearest = np.where(wanted - low <= high - wanted, low, high)
    outside = (wanted > ends[-1] + near) | (wanted < curves.origin)
    return np.where(outside, wanted, np.where(np.abs(nearest - wanted) <= near, nearest, np.nan))


def known_times(curves: Curves, wanted: FloatArray) -> FloatArray:
    """Return the ends of intervals that times mean, or the times themselves; raise for a time inside an interval."""
    if not curves.by_intervals:
        return wanted
    known = nearest_ends(curves, wanted)
    if np.isnan(known).any():
        unit = DAYS_PER_YEAR if curves.in_days else 1.0
        inside = ", ".join(f"{time / unit:.3g}" for time in wanted[np.isnan(known)][:5])
        ends = ", ".join(f"{time / unit:.3g}" for time in np.unique(curves.time)[:8])
        raise OptionError(
            f"{asked()}: these curves are known at the ends of intervals only ({ends}, ...), not at {inside}"
            f"{' years' if curves.in_days else ''}. Ask for ends, choose other intervals=, or estimate without them."
        )
    return known
