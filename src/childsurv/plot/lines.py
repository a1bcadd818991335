"""Drawing the curves of one panel: lines, bands, areas, markers, censoring marks, and their names beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from childsurv.plot.page import inches_from, write
from childsurv.plot.spacing import TIGHT, spread, text_height, wrapped
from childsurv.plot.steps import Steps
from childsurv.plot.style import Theme

FloatArray = npt.NDArray[np.float64]

KEY_WIDTH = 0.24
"""Inches of the piece of line beside a group's name."""

LABEL_GAP = 0.32
"""Inches from the end of the axis to the text of a direct label: leader, then marker."""

UNRELIABLE_STYLE = (0, (1, 1.6))
"""Line style of the part of a curve that is not reliable."""

HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "||||")
"""Patterns by which stacked areas differ in grey."""


def draw_curve(
    ax: Axes,
    steps: Steps,
    *,
    place: int,
    name: str,
    theme: Theme,
    interval: bool,
    censoring: bool,
) -> None:
    """Draw one curve without its markers."""
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


def draw_marks(ax: Axes, steps: Steps, times: FloatArray, *, place: int, name: str, theme: Theme) -> None:
    """Draw the markers of a curve at times."""
    marker = _marker(place, theme)
    ax.plot(times, steps.at(times=times), zorder=4, clip_on=False, label=f"_marks of {name}", **marker)


def _marker(place: int, theme: Theme) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": theme.marker(place),
        "markersize": theme.marker_size(place),
        "color": theme.colour(place),
        "markeredgecolor": "white",
        "markeredgewidth": 0.4,
    }


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
    common: dict[str, Any] = {
        "transform": inches_from(ax, *origin),
        "clip_on": False,
        "zorder": 4,
        "label": "_key",
    }
    if line:
        ends = [x - KEY_WIDTH / 2, x + KEY_WIDTH / 2]
        style = theme.line_style(place)
        ax.add_artist(
            Line2D(ends, [y, y], color=theme.colour(place), linestyle=style, linewidth=1.4, **common)
        )
    ax.add_artist(Line2D([x], [y], **_marker(place, theme), **common))


def wrapped_labels(names: Sequence[str], width: float, theme: Theme) -> list[str]:
    """Return direct labels broken to a width in inches."""
    return [wrapped(name, width, family=theme.font, size=theme.small) for name in names]


def draw_direct_labels(
    ax: Axes, drawn: Sequence[tuple[Steps, int, str]], *, theme: Theme, height: float
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
        Height of the axes in inches.
    """
    if not drawn:
        return
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
        write(
            ax,
            label,
            (1, fraction),
            shift=(72 * LABEL_GAP, 0),
            va="center",
            size=theme.small,
            color=theme.text_colour(place),
            label="direct-label",
            linespacing=TIGHT,
        )
