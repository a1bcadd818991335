"""Kaplan-Meier curves as fitted objects of lifelines, which is imported only when it is asked for."""

from __future__ import annotations

import importlib
from dataclasses import fields, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from childsurv.errors import MissingExtraError, OptionError, asked

if TYPE_CHECKING:
    from childsurv.curves.curves import Curves


def import_lifelines() -> ModuleType:
    """Import lifelines, or raise a `MissingExtraError` that names the way to install it."""
    try:
        return importlib.import_module("lifelines")
    except ImportError as error:
        raise MissingExtraError(
            f"{asked()}: needs lifelines, which is not installed here; the rest of childsurv works without it. "
            "lifelines needs pandas below version 3. Install both with: pip install 'lifelines>=0.30.3' 'pandas<3'"
        ) from error


def kaplan_meier_fitters(curves: Curves) -> Any:
    """Return a fitted ``KaplanMeierFitter``, or one a group; see `Curves.to_lifelines`."""
    refused = (
        (
            curves.estimator != "Kaplan-Meier",
            f"takes curves of kaplan_meier; these are of {curves.estimator}",
        ),
        (curves.origin > 0, "takes curves from time 0; these are given survival to a later time"),
        (curves.minimum > 0, "needs the numbers at risk of whole curves; estimate them without minimum="),
    )
    for wrong, message in refused:
        if wrong:
            raise OptionError(f"{asked()}: {message}.")
    lifelines = import_lifelines()
    starts = curves.starts
    limits = curves.limits
    names = curves.group_columns
    fitters: dict[Any, Any] = {}
    for place in range(len(curves.groups)):
        labels = tuple(curves.groups[name].iloc[place] for name in names)
        rows = slice(int(starts[place]), int(starts[place + 1]))
        label = ", ".join(map(str, labels)) if names else "KM_estimate"
        key = labels[0] if len(labels) == 1 else labels
        fitters[key] = fitter = _fitter(lifelines, curves, rows, label, limits)
        # fit() would replace the survival function: then the curves are no longer the fitter's.
        fitter.childsurv_curves = (one_curve(curves, place, rows), fitter.survival_function_)
    return fitters if names else next(iter(fitters.values()))


def one_curve(curves: Curves, place: int, rows: slice) -> Curves:
    """Return the curves of one group."""
    by_row = {
        entry.name: getattr(curves, entry.name)[rows]
        for entry in fields(curves)
        if isinstance(getattr(curves, entry.name), np.ndarray)
    }
    by_row["group"] = np.zeros_like(by_row["group"])
    return replace(curves, groups=curves.groups.iloc[[place]].reset_index(drop=True), **by_row)


def own_curves(fitter: Any) -> Curves | None:
    """Return the curves that a fitter was made of, unless it has been fitted to other data since."""
    curves, survival = getattr(fitter, "childsurv_curves", (None, None))
    return curves if survival is fitter.survival_function_ else None


def _fitter(lifelines: ModuleType, curves: Curves, rows: slice, label: str, limits: tuple[Any, Any]) -> Any:
    """Return one curve as a ``KaplanMeierFitter``, with the attributes that its ``fit`` sets."""
    fitter = lifelines.KaplanMeierFitter(alpha=1 - curves.level, label=label)
    fitter._censoring_type = lifelines.utils.CensoringType.RIGHT
    table = _event_table(curves, rows)
    begin = int(table.index.size) - (rows.stop - rows.start)
    timeline = pd.Index(table.index.to_numpy(), name="timeline")

    def column(values: Any, at_start: float) -> Any:
        return np.concatenate([np.full(begin, at_start), np.asarray(values, dtype=np.float64)[rows]])

    lower, upper = (column(values, 1.0) for values in limits)
    share = f"{curves.level:g}"
    ends = [f"{label}_lower_{share}", f"{label}_upper_{share}"]
    fitter.survival_function_ = pd.DataFrame({label: column(curves.estimate, 1.0)}, index=timeline)
    fitter.cumulative_density_ = 1 - fitter.survival_function_
    fitter.confidence_interval_ = pd.DataFrame(dict(zip(ends, (lower, upper), strict=True)), index=timeline)
    fitter.confidence_interval_survival_function_ = fitter.confidence_interval_
    fitter.confidence_interval_cumulative_density_ = pd.DataFrame(
        dict(zip(ends, (1 - upper, 1 - lower), strict=True)), index=timeline
    )
    fitter._cumulative_sq_ = pd.Series(column(curves.log_variance, 0.0), index=timeline)
    fitter._median = lifelines.utils.median_survival_times(fitter.survival_function_)
    fitter._estimation_method = fitter._estimate_name = "survival_function_"
    fitter.timeline = timeline.to_numpy()
    fitter.event_table = table

    # The rows that the table counts: one for each time and kind of exit, as often as its weight.
    times = table.index.to_numpy()
    weights = np.concatenate([table["observed"], table["censored"]])
    some = weights > 0
    fitter.durations = np.tile(times, 2)[some]
    fitter.event_observed = np.repeat([1, 0], times.size)[some]
    fitter.weights = weights[some]
    fitter.entry = None
    return fitter


def _event_table(curves: Curves, rows: slice) -> pd.DataFrame:
    """Return exits, entries and numbers at risk of one curve by time, from time 0, as lifelines counts them.

    lifelines counts children who enter at a time among those at risk in its row, though it estimates without them.
    """
    time, at_risk = curves.time[rows].astype(np.float64), np.asarray(curves.at_risk)[rows]
    observed, censored = np.asarray(curves.events)[rows], np.asarray(curves.censored)[rows]
    entered_before = at_risk[:1]
    if time.size == 0 or time[0] > 0:
        time = np.append(0.0, time)
        at_risk, observed, censored = (np.concatenate([[0], each]) for each in (at_risk, observed, censored))
        entered_before = at_risk[:1]
    removed = observed + censored
    # Who is at risk before the next row was so before this one and stayed, or has entered here.
    staying = (at_risk - removed)[:-1]
    entrance = np.append(at_risk[1:] - staying, 0)
    entrance[0] += entered_before[0]
    before = np.append(0, (np.cumsum(entrance) - np.cumsum(removed))[:-1])
    table = pd.DataFrame(
        {
            "removed": removed,
            "observed": observed,
            "censored": censored,
            "entrance": entrance,
            "at_risk": before + entrance,
        },
        index=pd.Index(time, name="event_at"),
    )
    whole = not (table.to_numpy(np.float64) % 1).any()
    return table.astype(np.int64 if whole else np.float64)
