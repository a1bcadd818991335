"""The curves of a picture as step functions in the unit of its time axis, their bands, and areas of causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.curves.curves import Curves
from childsurv.errors import DataError, OptionError, asking, require_columns
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.plot.groups import Selection, is_rate, numeric_column

FloatArray = npt.NDArray[np.float64]

FEWEST_TO_THIN = 400
"""Curves of up to this many steps are drawn in full."""

SMALLEST_STEP = 0.0005
"""Steps smaller than this share of the whole axis are finer than print shows."""


@dataclass(frozen=True)
class Steps:
    """One curve as a step function to draw: each value holds from its time to the next."""

    time: FloatArray
    """In the unit of the axis, from the origin to the end of follow-up or of the axis."""

    estimate: FloatArray
    lower: FloatArray
    upper: FloatArray
    censored: FloatArray
    """Times of censoring up to the end of the axis."""

    joined: bool = False
    """Whether the values are joined by straight lines, as those at the ends of intervals are."""

    reliable_until: float = np.inf
    """Time from which on the curve is drawn as not reliable."""

    @property
    def drawstyle(self) -> str:
        """Matplotlib's name for the way in which values are joined."""
        return "default" if self.joined else "steps-post"

    def until(self, time: float) -> Steps:
        """Return the part up to a time."""
        return self._part(self.time <= time, time, last=True)

    def since(self, time: float) -> Steps:
        """Return the part from a time on."""
        return self._part(self.time > time, time, last=False)

    def _part(self, chosen: npt.NDArray[np.bool_], time: float, *, last: bool) -> Steps:
        row = max(int(np.searchsorted(self.time, time, side="right")) - 1, 0)
        extra = np.array([min(max(time, self.time[0]), self.time[-1])])
        columns = []
        for values in (self.estimate, self.lower, self.upper):
            here = np.interp(extra, self.time, values) if self.joined else values[row : row + 1]
            columns.append(np.concatenate([values[chosen], here] if last else [here, values[chosen]]))
        times = np.concatenate([self.time[chosen], extra] if last else [extra, self.time[chosen]])
        return replace(self, time=times, estimate=columns[0], lower=columns[1], upper=columns[2])

    def at(self, times: FloatArray) -> FloatArray:
        """Return the value at times; NaN after the last."""
        row = np.searchsorted(self.time, times, side="right") - 1
        values = (
            np.interp(times, self.time, self.estimate) if self.joined else self.estimate[np.maximum(row, 0)]
        )
        return np.where((row < 0) | (times > self.time[-1]), np.nan, values)

    def thinned(self) -> Steps:
        """Return the steps that a reader can see, for shading and background lines.

        Net survival changes on every day by less than a line is thick; drawn in full, shading alone would make
        a vector picture of thirteen countries several megabytes.
        """
        if self.time.size <= FEWEST_TO_THIN or self.joined:
            return self
        levels = np.nan_to_num(
            np.round(np.stack([self.estimate, self.lower, self.upper]) / SMALLEST_STEP), nan=-1.0
        )
        kept = np.concatenate([[True], (np.diff(levels, axis=1) != 0).any(axis=0)])
        kept[-1] = True
        return replace(
            self,
            time=self.time[kept],
            estimate=self.estimate[kept],
            lower=self.lower[kept],
            upper=self.upper[kept],
        )


@dataclass(frozen=True)
class TimeAxis:
    """The time axis: its end, and how many units of the curves' time one unit of the axis holds."""

    end: float
    """Last time shown, in years or in the curves' own unit."""

    unit: float
    """Days per year where the axis is in years, 1 otherwise."""

    @property
    def in_years(self) -> bool:
        """Whether the axis counts years."""
        return self.unit != 1.0


def time_axis(curves: Curves, rows: Sequence[int], *, years: float | None, times: float | None) -> TimeAxis:
    """Return the time axis: to ``years``, ``times``, or 10 years, or the last follow-up if shorter."""
    if years is not None and times is not None:
        raise OptionError("Give either years= or times= (in the unit of the curves), not both.")
    if years is not None and not curves.in_days:
        raise OptionError(
            "years= needs follow-up in days; these curves come from a table whose unit of time is not known. "
            "Give times= in that unit."
        )
    unit = DAYS_PER_YEAR if curves.in_days and times is None else 1.0
    given = years if years is not None else times
    last = float(max(curves.time[curves.starts[row + 1] - 1] for row in rows)) / unit
    if given is None:
        # Whole years, so that the end of the axis is a tick.
        given = min(10.0, max(1.0, float(np.ceil(last - 1e-9)))) if unit != 1.0 else last
    if not (np.isfinite(given) and given > curves.origin / unit):
        raise OptionError("The time axis must end at a finite time after the start of the curves.")
    return TimeAxis(end=float(given), unit=unit)


def steps_of(curves: Curves, row: int, axis: TimeAxis, limits: tuple[FloatArray, FloatArray]) -> Steps:
    """Return one group's curve up to the end of the axis."""
    part = slice(int(curves.starts[row]), int(curves.starts[row + 1]))
    time = curves.time[part] / axis.unit
    if is_rate(curves):
        return _rates(time, [column[part] for column in (curves.estimate, *limits)], axis)
    inside = time <= axis.end * (1 + 1e-12)
    joined = curves.by_intervals
    # Each state begins at another share, which its first row holds.
    start = curves.estimate[part][0] if curves.quantity == "state occupation" else curves.start
    values = [
        np.concatenate([[start], column[part][inside]]) for column in (curves.estimate, limits[0], limits[1])
    ]
    shown = np.concatenate([[curves.origin / axis.unit], time[inside]])
    if not inside.all() and shown[-1] < axis.end:
        shown = np.append(shown, axis.end)
        # Between the ends of two intervals a straight line leads to the next one.
        values = [
            np.append(
                own,
                np.interp(axis.end, time, column[part]) if joined and inside.any() else own[-1],
            )
            for own, column in zip(values, (curves.estimate, *limits), strict=True)
        ]
    censored = time[inside & (np.asarray(curves.censored[part]) > 0)]
    return Steps(shown, values[0], values[1], values[2], censored, joined=joined)


def _rates(time: FloatArray, values: Sequence[FloatArray], axis: TimeAxis) -> Steps:
    """Return rates known at some times, joined by straight lines, from the first known one to the last."""
    known = np.flatnonzero(np.isfinite(values[0]) & (time <= axis.end * (1 + 1e-12)))
    part = slice(known[0], known[-1] + 1) if known.size else slice(0, 1)
    estimate, lower, upper = (column[part] for column in values)
    return Steps(time[part], estimate, lower, upper, np.empty(0), joined=True)


def band_steps(bands: Any, curves: Curves, chosen: Selection, axis: TimeAxis) -> dict[int, Steps]:
    """Return the bands of the groups drawn by their rows; raise where they belong to other curves."""
    if not isinstance(bands, pd.DataFrame):
        raise OptionError(
            f"bands= takes the table of childsurv.simultaneous_bands, not a {type(bands).__name__}."
        )
    labels = curves.group_columns
    with asking("bands="):
        require_columns(bands.columns, [*labels, "time", "lower", "upper"])
        time, lower, upper = (
            numeric_column(bands, name) / unit
            for name, unit in (("time", axis.unit), ("lower", 1.0), ("upper", 1.0))
        )
    if labels:
        places = pd.MultiIndex.from_frame(curves.groups[labels]).get_indexer(
            pd.MultiIndex.from_frame(bands[labels])
        )
    else:
        places = np.zeros(len(bands), dtype=np.int64)
    foreign = int((places < 0).sum())
    if foreign:
        raise DataError(
            f"bands=: {foreign:,} rows are of groups that the curves do not have; make them of these curves."
        )
    last = curves.time[curves.starts[1:] - 1] / axis.unit
    made: dict[int, Steps] = {}
    for one in chosen.drawn:
        end = min(float(last[one.row]), axis.end)
        own = (places == one.row) & (time <= end)
        if own.any():
            # The last limits hold to the end of the stretch for which the bands were made, a time of the table.
            made[one.row] = Steps(
                time[own], (lower[own] + upper[own]) / 2, lower[own], upper[own], np.empty(0)
            )
    return made


def stacked_steps(chosen: Selection, steps: dict[int, Steps]) -> dict[int, Steps]:
    """Return the incidences of the causes of each panel one above the other, as areas between two limits."""
    made: dict[int, Steps] = {}
    below: dict[int, FloatArray] = {}
    for one in chosen.drawn:
        line = steps[one.row]
        lower = below.get(one.panel, np.zeros(line.time.size))
        upper = lower + line.estimate
        below[one.panel] = upper
        made[one.row] = Steps(line.time, upper, lower, upper, line.censored)
    return made
