"""Small numbers in curves: where a curve ends because too few children are still at risk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from childsurv.errors import OptionError, require_count

if TYPE_CHECKING:
    from childsurv.curves.curves import Curves

IntArray = npt.NDArray[np.int64]


def with_minimum(
    curves: Curves, minimum: int, *, children_at_risk: npt.NDArray[np.number] | None = None
) -> Curves:
    """Return curves that end where fewer than ``minimum`` children are at risk (see `Curves.with_minimum`)."""
    least = require_count(minimum, argument="minimum")
    if least < curves.minimum:
        raise OptionError(
            f"minimum={least}: these curves already end where fewer than {curves.minimum} are at risk, and what was "
            "left out is not in them. Estimate them again with the smaller minimum."
        )
    if least == curves.minimum:
        return curves
    if children_at_risk is None:
        children_at_risk = curves.children_at_risk
    at_risk = np.asarray(curves.at_risk if children_at_risk is None else children_at_risk)
    starts, n_groups = curves.starts, len(curves.groups)
    # Missing where an earlier, smaller minimum has hidden them.
    small = ~(curves.groups["patients"].to_numpy(dtype=np.float64) >= least)
    kept = np.where(small, 0, _rows_before_first(at_risk < least, curves.group, starts))
    stopped = kept < np.diff(starts)
    if curves.stopped is not None:
        stopped = stopped | curves.stopped
    empty = kept == 0
    # A group without an estimate keeps one row without a value, at the origin, because the times of its exits are
    # those of single children.
    place = np.arange(curves.group.size) - starts[curves.group]
    row = np.flatnonzero(place < np.maximum(kept, 1)[curves.group])
    group = curves.group[row]
    blank = empty[group]
    arrays: dict[str, Any] = {"group": group, "time": np.where(blank, curves.origin, curves.time[row])}
    for name in ("at_risk", "events", "censored"):
        values = np.asarray(getattr(curves, name))[row]
        arrays[name] = np.where(blank, values.dtype.type(0), values)
    for name in ("children_at_risk", "at_risk_after"):
        own = getattr(curves, name)
        if own is not None:
            arrays[name] = np.where(blank, 0, np.asarray(own)[row])
    for name in ("estimate", "log_variance", "lower_log_variance", "limits_scale"):
        values = getattr(curves, name)
        arrays[name] = None if values is None else np.where(blank, np.nan, values[row])
    # Events after the end are not counted: less those of the table, they would be the deaths of the last few.
    whole = curves.groups["total_events"]
    events = np.bincount(group, arrays["events"], minlength=n_groups).astype(whole.to_numpy().dtype)
    groups = curves.groups.assign(
        patients=curves.groups["patients"].where(~small),
        total_events=whole.where(~stopped, events).where(~empty),
    )
    return replace(
        curves,
        groups=groups,
        conventions={
            **curves.conventions,
            "minimum": least,
            "curves_without_estimate": int(empty.sum()),
            "curves_that_end_early": int((stopped & ~empty).sum()),
        },
        minimum=least,
        stopped=stopped,
        **arrays,
    )


def _rows_before_first(marked: npt.NDArray[np.bool_], group: IntArray, starts: IntArray) -> IntArray:
    """Return for each group how many of its rows come before the first marked one: all where none is."""
    first = starts[1:].copy()
    low = np.flatnonzero(marked)
    found, place = np.unique(group[low], return_index=True)
    first[found] = low[place]
    return np.asarray(first - starts[:-1])
