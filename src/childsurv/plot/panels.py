"""The panels of a picture of curves: where they go, measured from their texts, and what is drawn in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from childsurv.errors import OptionError
from childsurv.plot.at_risk import RiskTable, risk_rows
from childsurv.plot.choices import Choices
from childsurv.plot.lines import (
    KEY_WIDTH,
    LABEL_GAP,
    draw_area,
    draw_band,
    draw_context,
    draw_curve,
    draw_direct_labels,
    draw_marks,
    wrapped_labels,
)
from childsurv.plot.page import EDGE, Frame, Place, widest, write
from childsurv.plot.spacing import TIGHT, percent_ticks, text_height, tick_text, time_ticks, wrapped
from childsurv.plot.steps import Steps
from childsurv.plot.writing import Picture

FloatArray = npt.NDArray[np.float64]

LEAST_PANEL_WIDTH = 1.05
"""Inches under which panels are put in fewer columns."""

SPACE = 0.14
"""Inches between rows of panels."""

MOST_POINTS = 42
"""Ends of intervals up to which each has a marker; more would run into one another."""


def number_half(choices: Choices) -> float:
    """Return half the width in inches of the widest number at a tick, which is that of all patients of a group."""
    theme = choices.page.theme
    largest = choices.page.count(float(np.ceil(max(one.patients for one in choices.chosen.drawn))))
    return widest([largest, "00", f"{choices.axis.end:.0f}"], theme, size=theme.small) / 2


def ticks_in(choices: Choices, room: float) -> FloatArray:
    """Return the ticks of a time axis of ``room`` inches."""
    return time_ticks(0.0, choices.axis.end, room=room, widest=2 * number_half(choices) + 0.08)


class PanelLayout:
    """Where the panels of a new picture go, in inches from its lower left corner; the notes end at ``below``."""

    def __init__(self, choices: Choices, frame: Frame, ncols: int) -> None:
        self.choices, self.width, self.below = choices, frame.width, frame.below
        self.theme, self.chosen = choices.page.theme, choices.chosen
        self.count = len(self.chosen.panels)
        self.ncols = min(self.count, ncols)
        self.nrows = -(-self.count // self.ncols)
        label = choices.axis_texts[0]
        self.label_height = text_height(label, size=self.theme.size) + 0.07 if label else 0.0
        self.ticks_height = 0.09 + choices.page.line(small=True)
        self.number_half = number_half(choices)
        self.gap = self.number_half + 0.08
        self._measure_sides()
        free = self.width - self.left_first - (self.ncols - 1) * self.left_other
        self.panel_width = (free - self.ncols * self.right - EDGE / 2) / self.ncols
        self.ticks = ticks_in(choices, max(self.panel_width, 0.1))
        self.panel_height = self._panel_height(choices.options.panel_height)
        self._measure_headings()
        self._measure_legend()

    def _measure_sides(self) -> None:
        """Measure what is drawn to the left and right of panels, and decide where the names of the table go."""
        choices, theme, page = self.choices, self.theme, self.choices.page
        numbers = [choices.value_text(value) for value in percent_ticks(*choices.ylim, room=1.0)]
        label = choices.axis_texts[1]
        self.y_label_at = widest(numbers, theme, size=theme.small) + 0.09
        self.y_label_at += text_height(label, size=theme.size) + 0.02 if label else 0.0
        several = len(self.chosen.people) > 1
        # Rows of the table have the pieces of line of their curves, unless they hold the patients of several.
        keyed = self.chosen.people == self.chosen.names
        key = KEY_WIDTH + 0.05 if several and keyed else 0.0
        name_width = widest(self.chosen.people if several else [], theme, size=theme.small)
        at_risk = choices.options.at_risk
        # Names that are too long to fit beside the numbers go above them, or, where panels are side by
        # side and a legend or labels name the curves as well, give way to their pieces of line.
        too_long = at_risk and name_width > 0.2 * self.width
        self.keys_only = too_long and self.ncols > 1 and choices.labels != "none" and keyed
        self.names_above = too_long and not self.keys_only
        heading = widest([page.text("at_risk")], theme, size=theme.small, weight="bold") - key
        longest = 0.0 if self.keys_only else max(name_width, heading)
        beside = longest + key + self.gap + 0.02 if at_risk and not self.names_above else 0.0
        self.left_first = EDGE + max(self.y_label_at, beside, self.number_half)
        self.left_other = max(self.gap + key if at_risk else 0.12, 0.18)
        self.right = max(self.number_half, 0.1)
        self.label_room = 0.0
        if choices.labels == "direct":
            names = self.chosen.names
            self.label_room = min(
                0.3 * self.width / self.ncols, widest(names, theme, size=theme.small) + 0.02
            )
            broken = wrapped_labels(names, self.label_room, theme)
            self.label_room = max(self.label_room, widest(broken, theme, size=theme.small) + 0.02)
            self.right = max(self.right, LABEL_GAP + self.label_room)

    def _panel_height(self, given: float | None) -> float:
        if given is not None:
            if not 0.4 <= given <= 30:
                raise OptionError("panel_height= must be between 0.4 and 30 inches.")
            return given
        usual = float(np.clip(0.62 * self.panel_width, 1.0, 3.4))
        if self.choices.labels != "direct":
            return usual
        highest = 0.0
        for panel in range(self.count):
            names = [one.name for one in self.chosen.of_panel(panel)]
            broken = wrapped_labels(names, self.label_room, self.theme)
            highest = max(highest, sum(text_height(label, size=self.theme.small) for label in broken))
        # Twice the height of the labels leaves most of them near their curves.
        return max(usual, min(2.0 * highest, 4.6), 1.08 * highest)

    def _measure_headings(self) -> None:
        theme, panelled = self.theme, self.choices.panelled
        room = self.panel_width + self.right - 0.05
        self.headings = [
            wrapped(name, room, family=theme.font, size=theme.size, weight="bold")
            for name in (self.chosen.panels if panelled else ())
        ]
        patients = self.choices.page.line(small=True) + 0.08 if panelled else 0.06
        self.heading_heights = []
        for row in range(self.nrows):
            names = self.headings[row * self.ncols : (row + 1) * self.ncols]
            highest = max((text_height(name, size=theme.size) for name in names), default=0.0)
            self.heading_heights.append(patients + highest)

    def _measure_legend(self) -> None:
        self.legend_height, self.legend_columns = 0.0, 1
        self.legend_names: list[str] = []
        if self.choices.labels != "legend":
            return
        theme, room = self.theme, self.width - 2 * EDGE
        self.legend_names = [
            wrapped(name, room - 0.65, family=theme.font, size=theme.size) for name in self.chosen.names
        ]
        entry = widest(self.legend_names, theme, size=theme.size) + 0.62
        self.legend_columns = int(np.clip(room // entry, 1, len(self.legend_names)))
        lines = -(-len(self.legend_names) // self.legend_columns)
        highest = max(text_height(name, size=theme.size) for name in self.legend_names)
        self.legend_height = lines * (highest + 0.02) + 0.1

    @cached_property
    def tables(self) -> list[RiskTable]:
        """The table of numbers at risk of each panel; none where the user wants none."""
        if not self.choices.options.at_risk:
            return []
        room = self.panel_width + self.right if self.names_above else None
        rows = risk_rows(self.choices, self.ticks, name_room=room)
        several = len(self.chosen.people) > 1
        tables = []
        for panel, own in enumerate(rows):
            first = panel % self.ncols == 0
            tables.append(
                RiskTable(
                    rows=own,
                    ticks=self.ticks,
                    theme=self.theme,
                    # A table of one row has the heading as its name.
                    heading=self.choices.page.text("at_risk") if several else None,
                    heading_shown=first,
                    above=self.names_above,
                    names=self.names_above or (first and not self.keys_only),
                    gap=self.gap,
                    edge=self.number_half if self.names_above else 0.0,
                )
            )
        return tables

    @cached_property
    def row_height(self) -> float:
        """Inches that every row of panels takes, headings apart."""
        table = max((table.height for table in self.tables), default=0.0)
        own_label = 0.0 if self.choices.panelled else self.label_height
        return self.panel_height + self.ticks_height + table + own_label

    @cached_property
    def height(self) -> float:
        """Inches between title and notes."""
        return (
            self.legend_height
            + sum(self.heading_heights)
            + self.nrows * self.row_height
            + (self.nrows - 1) * SPACE
            + (self.label_height if self.choices.panelled else 0.03)
        )

    def place(self, panel: int) -> Place:
        """Return the place of a panel's axes."""
        row, column = divmod(panel, self.ncols)
        left = self.left_first + column * (self.panel_width + self.right + self.left_other)
        top = self.below + self.height - self.legend_height - row * (self.row_height + SPACE)
        top -= sum(self.heading_heights[: row + 1])
        return left, top - self.panel_height, self.panel_width, self.panel_height

    @property
    def table_top(self) -> float:
        """Inches from the lower edge of the axes to the table."""
        return self.ticks_height + (0.0 if self.choices.panelled else self.label_height)


def fitted_layout(choices: Choices, frame: Frame) -> PanelLayout:
    """Return a layout with the panels side by side that the user asks for, or else as many as stay legible."""
    given, count = choices.options.ncols, len(choices.chosen.panels)
    wanted = 1 if count == 1 else 2 if count <= 4 else 3 if count <= 9 else 4
    usual = max(1, min(wanted, int(frame.width // 1.6)))
    for columns in range(usual, 0, -1) if given is None else [given]:
        layout = PanelLayout(choices, frame, columns)
        if layout.panel_width >= LEAST_PANEL_WIDTH:
            break
    return layout


def paint_panel(ax: Axes, panel: int, choices: Choices) -> None:
    """Draw axes, grid, reference lines and curves of one panel, all that does not depend on its size."""
    theme, options, chosen = choices.page.theme, choices.options, choices.chosen
    ax.set_xlim(0.0, choices.axis.end)
    ax.set_ylim(*choices.ylim)
    ax.set_axisbelow(True)
    ax.grid(axis="y", color=theme.grid, linewidth=0.6)
    if choices.context:
        for one in chosen.drawn:
            if one.panel != panel:
                draw_context(ax, choices.steps[one.row], theme=theme)
    _draw_level_lines(ax, panel, choices)
    for one in chosen.of_panel(panel):
        steps, place = choices.steps[one.row], chosen.names.index(one.name)
        if options.stacked:
            draw_area(ax, steps, place=place, name=one.name, theme=theme)
            continue
        if one.row in choices.bands:
            draw_band(ax, choices.bands[one.row], place=place, name=one.name, theme=theme)
        draw_curve(
            ax,
            steps,
            place=place,
            name=one.name,
            theme=theme,
            interval=choices.interval,
            censoring=options.censoring,
        )


def _draw_level_lines(ax: Axes, panel: int, choices: Choices) -> None:
    """Draw a line at 100 % or at no excess where the axis goes beyond it, and the user's reference line."""
    theme, value = choices.page.theme, choices.options.reference_line
    thin: dict[str, Any] = {"color": theme.muted, "linewidth": 0.7, "zorder": 1.6}
    if choices.percent and choices.ylim[1] > 1.03:
        # Net survival above 100 %: where no child has died of the disease.
        ax.axhline(1.0, label="_whole", **thin)
    if not choices.percent and choices.ylim[0] < 0:
        ax.axhline(0.0, label="_none", **thin)
    if value is None:
        return
    dashed: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (3, 2)), "zorder": 2.2}
    ax.axhline(value, color=theme.ink, label="_reference", **dashed)
    if panel == 0 and choices.reference_label:
        ax.annotate(
            choices.reference_label,
            (0, value),
            xycoords=ax.get_yaxis_transform(),
            xytext=(3, 1.5),
            textcoords="offset points",
            va="bottom",
            size=theme.small,
            color=theme.ink,
            label="reference-label",
            zorder=5,
        )


def fit_panel(
    ax: Axes, panel: int, choices: Choices, ticks: FloatArray, *, height: float, numbered: bool
) -> None:
    """Set the ticks of a panel and draw the markers; ``numbered`` writes the values of the vertical axis."""
    ax.set_xticks(ticks, labels=[tick_text(tick, choices.page.language) for tick in ticks])
    values = percent_ticks(*choices.ylim, room=height)
    ax.set_yticks(values, labels=[choices.value_text(value) for value in values] if numbered else [])
    if not choices.markers:
        return
    low, high = choices.ylim
    for one in choices.chosen.of_panel(panel):
        steps = choices.steps[one.row]
        # The ends of intervals where a curve is known there only.
        at_ends = steps.joined and steps.time.size <= MOST_POINTS
        times = steps.time[steps.time <= choices.axis.end] if at_ends else ticks
        shares = steps.at(times=times)
        # Markers are not clipped, so that one at 100 % is whole; those beyond the axis must not be drawn at
        # all.
        seen = (times > steps.time[0]) & (times <= steps.reliable_until) & (shares >= low) & (shares <= high)
        place = choices.chosen.names.index(one.name)
        draw_marks(ax, steps, times[seen], place=place, name=one.name, theme=choices.page.theme)


def draw_heading(ax: Axes, panel: int, layout: PanelLayout) -> None:
    """Write the name of a panel and its number of patients above it."""
    page, theme = layout.choices.page, layout.theme
    # The patients of several causes are the same ones.
    number = sum({one.people: one.patients for one in layout.chosen.of_panel(panel)}.values())
    small = {"size": theme.small, "color": theme.muted, "label": "panel-patients"}
    write(ax, f"n = {page.count(number)}", (0, 1), shift=(0, 3), va="bottom", **small)
    above = (0, 3 + 72 * page.line(small=True))
    name = layout.headings[panel]
    write(ax, name, (0, 1), shift=above, va="bottom", weight="bold", linespacing=TIGHT, label="panel-name")


def draw_names(ax: Axes, panel: int, choices: Choices, *, room: float, height: float) -> None:
    """Name the curves of a panel beside their ends, in lines of ``room`` inches."""
    groups, theme = choices.chosen.of_panel(panel), choices.page.theme
    broken = wrapped_labels([one.name for one in groups], room, theme)
    drawn = [
        (_named_at(choices, one.row), choices.chosen.names.index(one.name), label)
        for one, label in zip(groups, broken, strict=True)
    ]
    draw_direct_labels(ax, drawn, theme=theme, height=height)


def _named_at(choices: Choices, row: int) -> Steps:
    """Return the curve whose end has the name beside it: the middle of a stacked area."""
    steps = choices.steps[row]
    return replace(steps, estimate=(steps.lower + steps.upper) / 2) if choices.options.stacked else steps


def label_axes(ax: Axes, layout: PanelLayout) -> None:
    """Name both axes of a panel, placed by measure, so that the table below knows where they end."""
    across, upwards = layout.choices.axis_texts
    down = (0, -72 * (layout.ticks_height + 0.03))
    write(ax, across, (0.5, 0), shift=down, ha="center", va="top", label="x-label")
    left = (-72 * layout.y_label_at, 0)
    upright = {"ha": "left", "va": "center", "rotation": 90}
    write(ax, upwards, (0, 0.5), shift=left, label="y-label", **upright)


def label_shared(picture: Picture, layout: PanelLayout) -> None:
    """Name the axes that all panels share."""
    width, height = picture.get_size_inches()
    across, upwards = layout.choices.axis_texts
    middle = (layout.left_first + width - layout.right) / 2
    picture.text(
        middle / width, (layout.below + 0.02) / height, across, ha="center", va="bottom", label="x-label"
    )
    for row in range(layout.nrows):
        _, bottom, _, tall = layout.place(row * layout.ncols)
        picture.text(
            (layout.left_first - layout.y_label_at) / width,
            (bottom + tall / 2) / height,
            upwards,
            ha="left",
            va="center",
            rotation=90,
            label="y-label",
        )


def draw_legend(picture: Picture, layout: PanelLayout, *, top: float) -> None:
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
    theme = choices.page.theme
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
