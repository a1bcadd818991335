"""Where the panels of a picture of curves go, measured from their texts before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from childsurv.errors import OptionError
from childsurv.plot.at_risk import RiskRow, table_height
from childsurv.plot.frame import EDGE, percent_ticks, widest
from childsurv.plot.groups import Selection
from childsurv.plot.lines import KEY_WIDTH, LABEL_GAP, TimeAxis, wrapped_labels
from childsurv.plot.spacing import text_height, time_ticks, wrapped
from childsurv.plot.style import Theme
from childsurv.words.catalogue import count_text, value_text
from childsurv.words.catalogue import picture_text as text

FloatArray = npt.NDArray[np.float64]


LEAST_PANEL_WIDTH = 1.05
"""Inches under which panels are put in fewer columns."""


@dataclass(frozen=True)
class Choices:
    """The options of one picture, with every "choose for me" decided."""

    axis: TimeAxis
    ticks: FloatArray
    ylim: tuple[float, float]
    interval: bool
    censoring: bool
    markers: bool
    labels: str
    at_risk: bool
    context: bool
    percent: bool
    stacked: bool
    reference_line: float | None
    reference_label: str
    language: str
    theme: Theme


class PanelLayout:
    """Where things go, in inches: measured from the texts before anything is drawn."""

    def __init__(
        self,
        chosen: Selection,
        choices: Choices,
        width: float,
        ncols: int,
        panel_height: float | None,
        *,
        panelled: bool,
        axis_texts: tuple[str, str],
    ) -> None:
        theme = choices.theme
        self.theme, self.width, self.chosen = theme, width, chosen
        self.count = len(chosen.panels)
        self.panelled = panelled
        self.ncols = min(self.count, ncols)
        self.nrows = -(-self.count // self.ncols)
        self.shared_label = panelled
        self.axis_texts = axis_texts
        self.label_height = text_height(axis_texts[0], size=theme.size) + 0.07 if axis_texts[0] else 0.0
        self.ticks_height = 0.09 + text_height("0", size=theme.small)
        # The widest number is that of all patients of a group.
        largest = count_text(float(np.ceil(max(one.patients for one in chosen.drawn))), choices.language)
        self.number_half = widest([largest, "00", f"{choices.axis.end:.0f}"], theme, size=theme.small) / 2
        self.gap = self.number_half + 0.08
        self.several_rows = len(chosen.people) > 1
        # Rows of the table have the pieces of line of their curves, unless they hold the patients of several.
        self.keyed = chosen.people == chosen.names
        y_numbers = percent_ticks(*choices.ylim, room=1.0)
        y_text = (
            widest(
                [value_text(value, choices.language, percent=choices.percent) for value in y_numbers],
                theme,
                size=theme.small,
            )
            + 0.09
        )
        y_label = text_height(axis_texts[1], size=theme.size) + 0.02 if axis_texts[1] else 0.0
        key = KEY_WIDTH + 0.05 if self.several_rows and self.keyed else 0.0
        row_names = list(chosen.people) if self.several_rows else []
        name_width = widest(row_names, theme, size=theme.small)
        longest = max(
            name_width,
            widest([text("at_risk", choices.language)], theme, size=theme.small, weight="bold") - key,
        )
        # Names that are too long to stand beside the numbers go above them, or, where panels stand side by
        # side and a legend or labels name the curves as well, give way to their pieces of line.
        too_long = choices.at_risk and name_width > 0.2 * width
        self.keys_only = too_long and self.ncols > 1 and choices.labels != "none" and self.keyed
        self.names_above = too_long and not self.keys_only
        if self.keys_only:
            longest = 0.0
        beside = longest + key + self.gap + 0.02 if choices.at_risk and not self.names_above else 0.0
        self.y_label_at = y_label + y_text
        self.left_first = EDGE + max(self.y_label_at, beside, self.number_half)
        self.left_other = max(self.gap + key if choices.at_risk else 0.12, 0.18)
        self.right = max(self.number_half, 0.1)
        self.label_room = 0.0
        if choices.labels == "direct":
            self.label_room = min(
                0.3 * width / (1 if self.ncols == 1 else self.ncols),
                widest(chosen.names, theme, size=theme.small) + 0.02,
            )
            broken = wrapped_labels(chosen.names, self.label_room, theme)
            self.label_room = max(self.label_room, widest(broken, theme, size=theme.small) + 0.02)
            self.right = max(self.right, LABEL_GAP + self.label_room)
        free = (
            width - self.left_first - (self.ncols - 1) * self.left_other - self.ncols * self.right - EDGE / 2
        )
        self.panel_width = free / self.ncols
        ticks = time_ticks(
            0.0, choices.axis.end, room=max(self.panel_width, 0.1), widest=2 * self.number_half + 0.08
        )
        self.choices = replace(choices, ticks=ticks)
        self.panel_height = self._panel_height(panel_height)
        self.headings = (
            [
                wrapped(
                    name,
                    self.panel_width + self.right - 0.05,
                    family=theme.font,
                    size=theme.size,
                    weight="bold",
                )
                for name in chosen.panels
            ]
            if panelled
            else []
        )
        patients = text_height("0", size=theme.small) + 0.08 if panelled else 0.06
        self.heading_heights = [
            patients
            + max((text_height(name, size=theme.size) for name in self._row(self.headings, row)), default=0.0)
            for row in range(self.nrows)
        ]
        self.legend_height, self.legend_columns = 0.0, 1
        self.legend_names: list[str] = []
        if choices.labels == "legend":
            self.legend_names = [
                wrapped(name, width - 2 * EDGE - 0.65, family=theme.font, size=theme.size)
                for name in chosen.names
            ]
            entry = widest(self.legend_names, theme, size=theme.size) + 0.62
            self.legend_columns = int(np.clip((width - 2 * EDGE) // entry, 1, len(chosen.names)))
            lines = -(-len(chosen.names) // self.legend_columns)
            names = max(text_height(name, size=theme.size) for name in self.legend_names)
            self.legend_height = lines * (names + 0.02) + 0.1
        self.table = 0.0
        self.height = 0.0

    def _panel_height(self, given: float | None) -> float:
        if given is not None:
            if not 0.4 <= given <= 30:
                raise OptionError("panel_height= must be between 0.4 and 30 inches.")
            return given
        usual = float(np.clip(0.62 * self.panel_width, 1.0, 3.4))
        if self.choices.labels != "direct":
            return usual
        stacks = [
            sum(
                text_height(label, size=self.theme.small)
                for label in wrapped_labels(
                    [one.name for one in self.chosen.drawn if one.panel == panel], self.label_room, self.theme
                )
            )
            for panel in range(self.count)
        ]
        # Twice the height of the labels leaves most of them near their curves.
        return max(usual, min(2.0 * max(stacks), 4.6), 1.08 * max(stacks))

    def heading(self, language: str) -> str | None:
        """Return the words above the table; a table of one row has them as its name."""
        return text("at_risk", language) if self.several_rows else None

    def measure(self, rows: Sequence[Sequence[RiskRow]]) -> None:
        """Set the height of the table, and of everything between title and notes."""
        self.table = max(
            (
                table_height(panel, self.theme, above=self.names_above, heading=self.several_rows)
                for panel in rows
            ),
            default=0.0,
        )
        # What every row of panels takes, headings apart.
        self.row_height = self.panel_height + self.ticks_height + self.table
        if not self.shared_label:
            self.row_height += self.label_height
        self.space = 0.14
        self.height = (
            self.legend_height
            + sum(self.heading_heights)
            + self.nrows * self.row_height
            + (self.nrows - 1) * self.space
            + (self.label_height if self.shared_label else 0.03)
        )

    def _row(self, values: Sequence[str], row: int) -> Sequence[str]:
        return values[row * self.ncols : (row + 1) * self.ncols]

    def place(self, panel: int, *, below: float) -> tuple[float, float, float, float]:
        """Return left, bottom, width, height of a panel's axes."""
        row, column = divmod(panel, self.ncols)
        left = self.left_first + column * (self.panel_width + self.right + self.left_other)
        top = below + self.height - self.legend_height - row * (self.row_height + self.space)
        top -= sum(self.heading_heights[: row + 1])
        return left, top - self.panel_height, self.panel_width, self.panel_height


def fitted_layout(
    chosen: Selection,
    choices: Choices,
    width: float,
    ncols: int | None,
    panel_height: float | None,
    *,
    panelled: bool,
    axis_texts: tuple[str, str],
) -> PanelLayout:
    """Return a layout with ``ncols`` panels side by side; unless given, with as many as stay legible."""
    tried = range(_usual_columns(len(chosen.panels), width), 0, -1) if ncols is None else [ncols]
    for columns in tried:
        layout = PanelLayout(
            chosen, choices, width, columns, panel_height, panelled=panelled, axis_texts=axis_texts
        )
        if layout.panel_width >= LEAST_PANEL_WIDTH:
            break
    return layout


def _usual_columns(count: int, width: float) -> int:
    wanted = 1 if count == 1 else 2 if count <= 4 else 3 if count <= 9 else 4
    return max(1, min(wanted, int(width // 1.6)))
