"""Drawing the parts of a picture of curves: panels, headings, labels, legend, and a user's own axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from childsurv.plot.frame import EDGE, axes_size, percent_ticks
from childsurv.plot.groups import DrawnGroup, Selection
from childsurv.plot.lines import Steps, draw_area, draw_band, draw_context, draw_curve, wrapped_labels
from childsurv.plot.panel_layout import Choices, PanelLayout
from childsurv.plot.spacing import LINE_HEIGHT, text_height
from childsurv.plot.style import Theme
from childsurv.words.catalogue import count_text, value_text

FloatArray = npt.NDArray[np.float64]

MOST_POINTS = 42
"""Ends of intervals up to which each has a marker; more would run into one another."""


def own(panel: int, chosen: Selection) -> list[DrawnGroup]:
    """Return the groups drawn in a panel."""
    return [one for one in chosen.drawn if one.panel == panel]


def draw_panel(
    ax: Axes,
    panel: int,
    chosen: Selection,
    choices: Choices,
    steps: dict[int, Steps],
    bands: dict[int, Steps],
    *,
    first_column: bool,
) -> None:
    """Draw axes, grid, reference lines and curves of one panel."""
    theme = choices.theme
    ax.set_xlim(0.0, choices.axis.end)
    ax.set_ylim(*choices.ylim)
    ax.set_xticks(choices.ticks)
    ax.set_xticklabels(
        [f"{tick:g}" if choices.language == "en" else f"{tick:g}".replace(".", ",") for tick in choices.ticks]
    )
    shares = percent_ticks(*choices.ylim, room=axes_size(ax)[1])
    ax.set_yticks(shares)
    ax.set_yticklabels(
        [value_text(share, choices.language, percent=choices.percent) for share in shares]
        if first_column
        else []
    )
    ax.set_axisbelow(True)
    ax.grid(axis="y", color=theme.grid, linewidth=0.6)
    if choices.context:
        for one in chosen.drawn:
            if one.panel != panel:
                draw_context(ax, steps[one.row], theme=theme)
    if choices.percent and choices.ylim[1] > 1.03:
        # Net survival above 100 %: where nobody has died of the disease.
        ax.axhline(1.0, color=theme.muted, linewidth=0.7, zorder=1.6, label="_whole")
    if not choices.percent and choices.ylim[0] < 0:
        ax.axhline(0.0, color=theme.muted, linewidth=0.7, zorder=1.6, label="_none")
    if choices.reference_line is not None:
        ax.axhline(
            choices.reference_line,
            color=theme.ink,
            linewidth=0.8,
            linestyle=(0, (3, 2)),
            zorder=2.2,
            label="_reference",
        )
        if panel == 0 and choices.reference_label:
            ax.annotate(
                choices.reference_label,
                (0, choices.reference_line),
                xycoords=ax.get_yaxis_transform(),
                xytext=(3, 1.5),
                textcoords="offset points",
                va="bottom",
                size=theme.small,
                color=theme.ink,
                label="reference-label",
                zorder=5,
            )
    for one in own(panel, chosen):
        line, place = steps[one.row], chosen.names.index(one.name)
        if choices.stacked:
            draw_area(ax, line, place=place, name=one.name, theme=theme)
            continue
        if one.row in bands:
            draw_band(ax, bands[one.row], place=place, name=one.name, theme=theme)
        marks = _marked_times(line, choices)
        values = line.at(marks)
        # Markers are not clipped, so that one at 100 % is whole; those beyond the axis must not be drawn at
        # all.
        marks = marks[
            (marks > line.time[0])
            & (marks <= line.reliable_until)
            & (values >= choices.ylim[0])
            & (values <= choices.ylim[1])
        ]
        draw_curve(
            ax,
            line,
            place=place,
            name=one.name,
            theme=theme,
            interval=choices.interval,
            censoring=choices.censoring,
            marks=marks if choices.markers else None,
        )


def _marked_times(line: Steps, choices: Choices) -> FloatArray:
    """Return the times of markers: the ends of intervals where a curve is known there only, else the ticks."""
    if line.joined and line.time.size <= MOST_POINTS:
        return line.time[line.time <= choices.axis.end]
    return choices.ticks


def draw_heading(ax: Axes, panel: int, chosen: Selection, choices: Choices, layout: PanelLayout) -> None:
    """Write the name of a panel and its number of patients above it."""
    theme = choices.theme
    # The patients of several causes are the same ones.
    number = sum({one.people: one.patients for one in own(panel, chosen)}.values())
    ax.annotate(
        f"n = {count_text(number, choices.language)}",
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        va="bottom",
        size=theme.small,
        color=theme.muted,
        annotation_clip=False,
        label="panel-patients",
    )
    ax.annotate(
        layout.headings[panel],
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 3 + 72 * text_height("0", size=theme.small)),
        textcoords="offset points",
        va="bottom",
        weight="bold",
        annotation_clip=False,
        label="panel-name",
        linespacing=LINE_HEIGHT - 0.15,
    )


def labelled(
    panel: int, chosen: Selection, steps: dict[int, Steps], room: float, theme: Theme, *, stacked: bool
) -> list[tuple[Steps, int, str]]:
    """Return the curves of a panel with their places and broken names, for names beside their ends."""
    groups = own(panel, chosen)
    broken = wrapped_labels([one.name for one in groups], room, theme)
    return [
        (_named_at(steps[one.row], stacked=stacked), chosen.names.index(one.name), label)
        for one, label in zip(groups, broken, strict=True)
    ]


def _named_at(line: Steps, *, stacked: bool) -> Steps:
    """Return the curve beside whose end a name stands: the middle of a stacked area."""
    return replace(line, estimate=(line.lower + line.upper) / 2) if stacked else line


def label_axes(ax: Axes, axis_texts: tuple[str, str], layout: PanelLayout, panel: int) -> None:
    """Name both axes of a panel, unless panels share their names."""
    if layout.shared_label:
        return
    # Placed by measure, so that the table below knows where it ends.
    ax.annotate(
        axis_texts[0],
        (0.5, 0),
        xycoords="axes fraction",
        xytext=(0, -72 * (layout.ticks_height + 0.03)),
        textcoords="offset points",
        ha="center",
        va="top",
        annotation_clip=False,
        label="x-label",
    )
    ax.annotate(
        axis_texts[1],
        (0, 0.5),
        xycoords="axes fraction",
        xytext=(-72 * layout.y_label_at, 0),
        textcoords="offset points",
        ha="left",
        va="center",
        rotation=90,
        annotation_clip=False,
        label="y-label",
    )


def label_shared(picture: Any, axis_texts: tuple[str, str], layout: PanelLayout, below: float) -> None:
    """Name the axes that all panels share."""
    if not layout.shared_label:
        return
    width, height = picture.get_size_inches()
    middle = (layout.left_first + width - layout.right) / 2
    picture.text(
        middle / width, (below + 0.02) / height, axis_texts[0], ha="center", va="bottom", label="x-label"
    )
    for row in range(layout.nrows):
        _, bottom, _, tall = layout.place(row * layout.ncols, below=below)
        picture.text(
            (layout.left_first - layout.y_label_at) / width,
            (bottom + tall / 2) / height,
            axis_texts[1],
            ha="left",
            va="center",
            rotation=90,
            label="y-label",
        )


def draw_legend(picture: Any, layout: PanelLayout, *, top: float) -> None:
    """Draw the legend above the panels."""
    width, height = picture.get_size_inches()
    picture.legend(
        handles=legend_handles(layout.legend_names, layout.choices),
        loc="upper left",
        bbox_to_anchor=(EDGE / width, 1 - (top - 0.02) / height),
        ncols=layout.legend_columns,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=2.6,
        columnspacing=1.6,
        labelspacing=0.35,
        fontsize=layout.theme.size,
    )


def legend_handles(names: Sequence[str], choices: Choices) -> list[Line2D]:
    """Return a piece of line for each name."""
    theme = choices.theme
    return [
        Line2D(
            [],
            [],
            color=theme.colour(place),
            linestyle=theme.line_style(place),
            label=name,
            marker=theme.marker(place) if choices.markers else "none",
            markersize=theme.marker_size(place),
        )
        for place, name in enumerate(names)
    ]
