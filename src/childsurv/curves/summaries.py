"""What users ask of curves of survival: quantiles, restricted means, survival given survival to a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from childsurv.errors import OptionError, asked
from childsurv.maths.probability import normal_quantile
from childsurv.maths.running import last_row_at, ratio, running_sum

if TYPE_CHECKING:
    from childsurv.curves.curves import Curves, Strata

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
    total, std_error = _areas(curves, tau)
    if curves.strata is not None:
        std_error = _errors_of_means(curves.strata, tau)
    if not with_variance:
        std_error = np.full_like(total, np.nan)
    std_error = np.where(np.isnan(total), np.nan, std_error)
    z = normal_quantile(curves.level)
    return {
        "tau": np.full(len(curves.groups), tau),
        "rmst": total,
        "std_error": std_error,
        "lower": total - z * std_error,
        "upper": total + z * std_error,
    }


def _areas(curves: Curves, tau: float) -> tuple[FloatArray, FloatArray]:
    """Return the area under each curve and its standard error, for variances that are sums of increments."""
    starts = curves.starts
    reached = np.minimum(curves.time, tau)
    previous = np.empty_like(reached)
    previous[1:] = reached[:-1]
    previous_estimate = np.empty_like(curves.estimate)
    previous_estimate[1:] = curves.estimate[:-1]
    first = starts[:-1]
    previous[first], previous_estimate[first] = curves.origin, 1.0
    length = reached - previous
    # Life tables of patients are joined by straight lines, half of whose fall is the interval's own.
    fall = (previous_estimate - curves.estimate) * length / 2 if curves.by_intervals else 0.0
    area = running_sum(previous_estimate * length - fall, starts)
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
    if curves.by_intervals:
        to_come = to_come + curves.estimate * length / 2
    squares = np.where(inside, to_come**2 * np.where(inside, step, 0.0), 0.0)
    return total, np.sqrt(np.where(known, np.add.reduceat(squares, first), np.nan))


def _errors_of_means(strata: Strata, tau: float) -> FloatArray:
    """Return the standard errors of weighted means of the strata's areas."""
    own = _areas(strata.curves, tau)[1]
    return np.array(
        [
            np.sqrt(sum(weight**2 * own[place] ** 2 for place, weight in weights.items()))
            for weights in strata.weights
        ]
    )


def conditional_on(curves: Curves, moment: float, *, with_variance: bool) -> Curves:
    """Return the curves of those who survive to a moment (see `Curves.conditional`)."""
    starts = curves.starts
    row = last_row_at(curves.time, starts, curves.group, np.array([moment]))[:, 0]
    before = row < 0
    base = np.where(before, 1.0, curves.estimate[np.maximum(row, 0)])
    base_variance = np.where(before, 0.0, curves.log_variance[np.maximum(row, 0)])
    followed = (curves.time[starts[1:] - 1] > moment) & (base > 0)
    keep = (curves.time > moment) & followed[curves.group]
    kept_groups = np.flatnonzero(followed)
    if kept_groups.size == 0:
        raise OptionError(f"{asked()}: no child is at risk after that time in any group.")
    new_code = np.cumsum(followed) - 1
    group = curves.group[keep]
    groups = curves.groups.iloc[kept_groups].reset_index(drop=True)
    groups["patients"] = _contributing(curves, keep, new_code[group])
    groups["total_events"] = np.add.reduceat(
        np.asarray(curves.events)[keep], np.searchsorted(group, kept_groups)
    )
    conventions = {
        **curves.conventions,
        "conditional_on": f"surviving {moment:g} {'days' if curves.in_days else 'units of time'}",
        "groups_left_out": int((~followed).sum()),
    }
    variance = curves.log_variance[keep] - base_variance[group]
    if curves.strata is not None:
        parts = [
            _mean_given(curves.strata, int(place), moment, curves.time[keep & (curves.group == place)])
            for place in kept_groups
        ]
        variance = np.concatenate(parts)
    if not with_variance:
        variance = np.full_like(variance, np.nan)
    children = curves.children_at_risk
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
        children_at_risk=None if children is None else children[keep],
        at_risk_after=None if curves.at_risk_after is None else curves.at_risk_after[keep],
        additive=curves.additive and curves.strata is None,
        strata=None,
    )


def _contributing(curves: Curves, keep: npt.NDArray[np.bool_], group: npt.NDArray[np.int64]) -> Any:
    """Return for each group the patients at risk at the first of the rows kept, and those who enter after it."""
    at_risk = np.asarray(curves.at_risk)[keep]
    first = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    if curves.children_at_risk is not None:
        # Where the curves count weights, these are children; the times at which they left are not known.
        return np.asarray(curves.children_at_risk)[keep][first]
    left = (np.asarray(curves.events) + np.asarray(curves.censored))[keep]
    if curves.at_risk_after is not None:
        # Who enters inside an interval is there at its end, or has left in it.
        entries = np.asarray(curves.at_risk_after)[keep] - (at_risk - left)
        entries[first] += at_risk[first]
    else:
        entries = np.zeros_like(at_risk)
        entries[1:] = np.maximum(at_risk[1:] - (at_risk[:-1] - left[:-1]), 0)
        entries[first] = at_risk[first]
    return np.add.reduceat(entries, first)


def _mean_given(strata: Strata, group: int, moment: float, times: FloatArray) -> FloatArray:
    """Return the variance of ``log S(t) / S(s)`` of a weighted mean of curves, by the delta method.

    With ``r(t) = w S_a(t) / S(t)`` each stratum adds ``r(t)**2 V(t) + r(s)**2 V(s) - 2 r(t) r(s) V(s)``, because the
    variance V of its logarithm is a sum of independent increments.
    """
    curves, weights = strata.curves, strata.weights[group]
    wanted = np.concatenate([[moment], times])
    shares, spreads = [], []
    for place, weight in weights.items():
        part = slice(int(curves.starts[place]), int(curves.starts[place + 1]))
        row = np.searchsorted(curves.time[part], wanted, side="right") - 1
        value = np.where(row < 0, 1.0, curves.estimate[part][np.maximum(row, 0)])
        shares.append(weight * value)
        spreads.append(np.where(row < 0, 0.0, np.nan_to_num(curves.log_variance[part][np.maximum(row, 0)])))
    share, spread = np.array(shares), np.array(spreads)
    share = ratio(share, share.sum(axis=0), where=True)
    now, then = share[:, 1:], share[:, :1]
    variance = (now**2 * spread[:, 1:] + (then**2 - 2 * now * then) * spread[:, :1]).sum(axis=0)
    return np.asarray(np.maximum(variance, 0.0))
