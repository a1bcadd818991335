"""What one asks of curves of survival: quantiles, restricted means, survival given survival to a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.curves import Curves
from childsurv.errors import OptionError
from childsurv.probability import normal_quantile
from childsurv.ragged import last_row_at, running_sum

FloatArray = npt.NDArray[np.float64]

SAME_PROBABILITY = 1e-8
"""Survival this close to a wanted quantile counts as equal to it, as in R."""


def quantiles(curves: Curves, shares: FloatArray) -> dict[str, Any]:
    """Return the columns of `Curves.quantile`, groups first."""
    lower, upper = curves.limits
    columns: dict[str, Any] = {"p": np.tile(shares, len(curves.groups))}
    for name, values in (("quantile", curves.estimate), ("lower", lower), ("upper", upper)):
        columns[name] = np.stack(
            [_first_below(curves, values, 1 - share) for share in shares], axis=1
        ).ravel()
    return columns


def _first_below(curves: Curves, values: FloatArray, target: float) -> FloatArray:
    """Return for each group the time at which ``values`` first fall to ``target``, as R's quantile does."""
    n_groups = len(curves.groups)
    result = np.full(n_groups, np.nan)
    with np.errstate(invalid="ignore"):
        below = np.flatnonzero(values <= target + SAME_PROBABILITY)
    reached, place = np.unique(curves.group[below], return_index=True)
    first = below[place]
    result[reached] = curves.time[first]
    level = np.abs(values[first] - target) <= SAME_PROBABILITY
    with np.errstate(invalid="ignore"):
        lower_still = np.flatnonzero(values < target - SAME_PROBABILITY)
    next_group, next_place = np.unique(curves.group[lower_still], return_index=True)
    # A curve that stays there to its end is level up to its last time.
    next_time = curves.time[curves.starts[1:] - 1].copy()
    next_time[next_group] = curves.time[lower_still[next_place]]
    middle = (result[reached] + next_time[reached]) / 2
    result[reached] = np.where(level, middle, result[reached])
    return result


def restricted_means(curves: Curves, tau: float, *, with_variance: bool) -> dict[str, Any]:
    """Return the columns of `Curves.rmst`."""
    starts = curves.starts
    reached = np.minimum(curves.time, tau)
    previous = np.empty_like(reached)
    previous[1:] = reached[:-1]
    previous_estimate = np.empty_like(curves.estimate)
    previous_estimate[1:] = curves.estimate[:-1]
    first = starts[:-1]
    previous[first], previous_estimate[first] = curves.origin, 1.0
    area = running_sum(previous_estimate * (reached - previous), starts)
    last = starts[1:] - 1
    # A curve that has reached 0 stays there; any other is unknown past its last time.
    known = (curves.time[last] >= tau) | (curves.estimate[last] == 0)
    total = np.where(known, area[last], np.nan)
    with np.errstate(invalid="ignore"):
        # Late entries may follow a curve that has reached 0, where the variance is infinite.
        step = np.diff(curves.log_variance, prepend=0.0)
    step[first] = curves.log_variance[first]
    inside = (curves.time <= tau) & np.isfinite(step)
    to_come = total[curves.group] - area
    squares = np.where(inside, to_come**2 * np.where(inside, step, 0.0), 0.0)
    std_error = np.sqrt(np.where(known, np.add.reduceat(squares, first), np.nan))
    if not with_variance:
        std_error = np.full_like(total, np.nan)
    z = normal_quantile(curves.level)
    return {
        "tau": np.full(len(curves.groups), tau),
        "rmst": total,
        "std_error": std_error,
        "lower": total - z * std_error,
        "upper": total + z * std_error,
    }


def conditional_on(curves: Curves, moment: float, *, with_variance: bool) -> Curves:
    """Return the curves of those who survive to a moment (see `Curves.conditional`)."""
    row = last_row_at(curves.time, curves.starts, curves.group, np.array([moment]))[:, 0]
    before = row < 0
    base = np.where(before, 1.0, curves.estimate[np.maximum(row, 0)])
    base_variance = np.where(before, 0.0, curves.log_variance[np.maximum(row, 0)])
    followed = (curves.time[curves.starts[1:] - 1] > moment) & (base > 0)
    keep = (curves.time > moment) & followed[curves.group]
    kept_groups = np.flatnonzero(followed)
    if kept_groups.size == 0:
        raise OptionError("conditional(): nobody is at risk after that time in any group.")
    new_code = np.cumsum(followed) - 1
    group = curves.group[keep]
    starts = np.searchsorted(group, kept_groups)
    groups = curves.groups.iloc[kept_groups].reset_index(drop=True)
    groups["patients"] = np.asarray(curves.at_risk)[keep][starts]
    groups["total_events"] = np.add.reduceat(np.asarray(curves.events)[keep], starts)
    conventions = {
        **curves.conventions,
        "conditional_on": f"surviving {moment:g} {'days' if curves.in_days else 'units of time'}",
        "groups_left_out": int((~followed).sum()),
    }
    variance = curves.log_variance[keep] - base_variance[group]
    if not with_variance:
        variance = np.full_like(variance, np.nan)
    return replace(
        curves,
        groups=groups,
        conventions=conventions,
        group=new_code[group],
        time=curves.time[keep],
        at_risk=curves.at_risk[keep],
        events=curves.events[keep],
        censored=curves.censored[keep],
        estimate=curves.estimate[keep] / base[group],
        log_variance=variance,
        origin=moment,
        stopped=None if curves.stopped is None else curves.stopped[kept_groups],
    )
