"""Drawing the curves of one panel: steps, bands, markers, censoring marks and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from childsurv.curves.curves import Curves
from childsurv.errors import OptionError
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.net.excess import QUANTITY
from childsurv.plot.frame import axes_size, inches_from
from childsurv.plot.spacing import LINE_HEIGHT, spread, text_height, wrapped
from childsurv.plot.style import Theme

FloatArray = npt.NDArray[np.float64]

KEY_WIDTH = 0.24
"""Inches of the piece of line that stands beside a group's name."""

LABEL_GAP = 0.32
"""Inches from the end of the axis to the text of a direct label: leader, then marker."""


FEWEST_TO_THIN = 400
"""Curves of up to this many steps are drawn in full."""

SMALLEST_STEP = 0.0005
"""Steps smaller than this share of the whole axis are finer than print shows."""


UNRELIABLE_STYLE = (0, (1, 1.6))
"""Line style of the part of a curve that is not reliable."""

HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "||||")
"""Patterns that tell stacked areas apart in grey."""


@dataclass(frozen=True)
class Steps:
    """One curve as a step function to draw: each value holds from its time to the next.

    Attributes
    ----------
    time : ndarray
        In the unit of the axis, from the origin to the end of follow-up or of the axis.
    estimate, lower, upper : ndarray
        Of the same shape.
    censored : ndarray
        Times of censoring up to the end of the axis.
    joined : bool
        Whether the values are joined by straight lines, as those at the ends of intervals are.
    reliable_until : float
        Time from which on the curve is drawn as not reliable.
    """

    time: FloatArray
    estimate: FloatArray
    lower: FloatArray
    upper: FloatArray
    censored: FloatArray
    joined: bool = False
    reliable_until: float = np.inf

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
    """The time axis: its end, and how many units of the curves' time one of its own holds.

    Attributes
    ----------
    end : float
        Last time shown, in years or in the curves' own unit.
    unit : float
        Days per year where the axis is in years, 1 otherwise.
    """

    end: float
    unit: float

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
    if curves.quantity == QUANTITY:
        return _rates(time, [column[part] for column in (curves.estimate, *limits)], axis)
    inside = time <= axis.end * (1 + 1e-12)
    joined = curves.by_intervals
    # Each state begins at a share of its own, which its first row holds.
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


def draw_curve(
    ax: Axes,
    steps: Steps,
    *,
    place: int,
    name: str,
    theme: Theme,
    interval: bool,
    censoring: bool,
    marks: FloatArray | None,
) -> None:
    """Draw one curve; ``marks`` are the times of its markers."""
    colour = theme.colour(place)
    doubtful = steps.reliable_until < steps.time[-1]
    reliable = steps.until(steps.reliable_until) if doubtful else steps
    ax.plot(
        reliable.time,
        reliable.estimate,
        drawstyle=steps.drawstyle,
        color=colour,
        linestyle=theme.line_style(place),
        label=name,
        zorder=3,
        solid_joinstyle="miter",
    )
    if doubtful:
        rest = steps.since(steps.reliable_until)
        ax.plot(
            rest.time,
            rest.estimate,
            drawstyle=steps.drawstyle,
            color=theme.muted,
            linestyle=UNRELIABLE_STYLE,
            linewidth=1.0,
            label=f"_unreliable of {name}",
            zorder=2.9,
        )
    if interval:
        seen = reliable.thinned()
        ax.fill_between(
            seen.time,
            seen.lower,
            seen.upper,
            step=None if steps.joined else "post",
            color=colour,
            alpha=0.16,
            linewidth=0,
            zorder=2,
            label=f"_interval of {name}",
        )
    if censoring:
        ax.plot(
            steps.censored,
            steps.at(times=steps.censored),
            linestyle="none",
            marker="|",
            markersize=4.5,
            markeredgewidth=0.7,
            color=colour,
            zorder=3.5,
            label=f"_censored of {name}",
        )
    if marks is not None:
        ax.plot(
            marks,
            steps.at(times=marks),
            linestyle="none",
            marker=theme.marker(place),
            markersize=theme.marker_size(place),
            color=colour,
            markeredgecolor="white",
            markeredgewidth=0.4,
            zorder=4,
            clip_on=False,
            label=f"_marks of {name}",
        )


def draw_area(ax: Axes, steps: Steps, *, place: int, name: str, theme: Theme) -> None:
    """Draw the area between the lower and upper limit of a stacked curve, with its upper edge as a line."""
    colour = theme.colour(place)
    ax.fill_between(
        steps.time,
        steps.lower,
        steps.upper,
        step="post",
        facecolor=colour,
        edgecolor=colour,
        alpha=0.35,
        linewidth=0,
        hatch=HATCHES[place % len(HATCHES)],
        zorder=2,
        label=f"_area of {name}",
    )
    ax.plot(
        steps.time,
        steps.upper,
        drawstyle="steps-post",
        color=colour,
        linestyle=theme.line_style(place),
        label=name,
        zorder=3,
    )


def draw_band(ax: Axes, band: Steps, *, place: int, name: str, theme: Theme) -> None:
    """Draw both edges of a simultaneous band as thin lines."""
    for values in (band.lower, band.upper):
        ax.plot(
            band.time,
            values,
            drawstyle="steps-post",
            color=theme.colour(place),
            linewidth=0.6,
            zorder=2.6,
            label=f"_band of {name}",
        )


def draw_context(ax: Axes, steps: Steps, *, theme: Theme) -> None:
    """Draw a curve of another panel in light grey behind."""
    seen = steps.thinned()
    ax.plot(
        seen.time,
        seen.estimate,
        drawstyle=seen.drawstyle,
        color=theme.context,
        linewidth=0.7,
        zorder=1.5,
        label="_context",
    )


def draw_key(
    ax: Axes, x: float, y: float, *, origin: tuple[float, float], place: int, theme: Theme, line: bool = True
) -> None:
    """Draw a piece of a group's line with its marker ``x, y`` inches from a place in axes fractions."""
    transform = inches_from(ax, *origin)
    common: dict[str, Any] = {
        "transform": transform,
        "color": theme.colour(place),
        "clip_on": False,
        "zorder": 4,
    }
    if line:
        half = KEY_WIDTH / 2
        ax.add_artist(
            Line2D(
                [x - half, x + half],
                [y, y],
                linestyle=theme.line_style(place),
                linewidth=1.4,
                label="_key",
                **common,
            )
        )
    ax.add_artist(
        Line2D(
            [x],
            [y],
            marker=theme.marker(place),
            markersize=theme.marker_size(place),
            linestyle="none",
            markeredgecolor="white",
            markeredgewidth=0.4,
            label="_key",
            **common,
        )
    )


def wrapped_labels(names: Sequence[str], width: float, theme: Theme) -> list[str]:
    """Return direct labels broken to a width in inches."""
    return [wrapped(name, width, family=theme.font, size=theme.small) for name in names]


def draw_direct_labels(
    ax: Axes, drawn: Sequence[tuple[Steps, int, str]], *, theme: Theme, height: float | None = None
) -> None:
    """Name each curve at its right end; names that would overlap are moved apart and tied to their curves.

    Parameters
    ----------
    ax
        Axes with their limits set.
    drawn
        For each curve its steps, its place in the theme and its label.
    theme
        Looks.
    height
        Height of the axes in inches; measured unless given.
    """
    if not drawn:
        return
    height = axes_size(ax)[1] if height is None else height
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    ends_x = [(float(steps.time[-1]) - left) / (right - left) for steps, _, _ in drawn]
    ends_y = [float(np.clip((steps.estimate[-1] - low) / (high - low), 0, 1)) for steps, _, _ in drawn]
    heights = [text_height(label, size=theme.small) for _, _, label in drawn]
    room = max(height, sum(heights))
    centres = spread(
        [end * height for end in ends_y],
        heights,
        low=min(0.0, (height - room) / 2),
        high=max(height, (height + room) / 2),
    )
    for (_, place, label), end_x, end_y, centre in zip(drawn, ends_x, ends_y, centres, strict=True):
        # Everything hangs on axes fractions, so that it stays together when a layout resizes the axes.
        fraction = centre / height
        moved = abs(centre - end_y * height) > 0.02
        early = end_x < 0.999
        if moved or early:
            ax.annotate(
                "",
                xy=(LABEL_GAP - 0.14, 0),
                xycoords=inches_from(ax, 1, fraction),
                xytext=(end_x, end_y),
                textcoords="axes fraction",
                annotation_clip=False,
                zorder=2.5,
                arrowprops={
                    "arrowstyle": "-",
                    "linewidth": 0.5,
                    "color": theme.muted,
                    "shrinkA": 0,
                    "shrinkB": 0,
                    "linestyle": ":" if early else "-",
                },
            )
        draw_key(ax, LABEL_GAP - 0.08, 0, origin=(1, fraction), place=place, theme=theme, line=False)
        ax.annotate(
            label,
            (1, fraction),
            xycoords="axes fraction",
            xytext=(72 * LABEL_GAP, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            size=theme.small,
            color=theme.text_colour(place),
            annotation_clip=False,
            linespacing=LINE_HEIGHT - 0.15,
            label="direct-label",
        )
