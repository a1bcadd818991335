"""Charts with one row a group: names at the left, columns of text at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from childsurv.plot.page import widest, write
from childsurv.plot.spacing import TIGHT, text_height, wrapped
from childsurv.plot.style import Theme

FloatArray = npt.NDArray[np.float64]

COLUMN_GAP = 0.16
"""Inches between columns of text."""

INDENT = 0.12
"""Inches by which rows under a heading move in."""

ROW_PAD = 0.06
"""Inches between rows."""


@dataclass(frozen=True)
class Column:
    """A column of text to the right of the chart."""

    heading: str
    texts: tuple[str, ...]
    """One a row."""

    align: str = "left"
    """Either "left" or "right"."""


@dataclass(frozen=True)
class Sheet:
    """Names and columns with their sizes in inches."""

    names: tuple[str, ...]
    """With line breaks."""

    bold: tuple[bool, ...]
    indented: tuple[bool, ...]
    columns: tuple[Column, ...]
    widths: tuple[float, ...]
    """Of the columns."""

    name_width: float
    """Of the names, indents included."""

    centres: FloatArray
    """Distance of each row's middle from the top of the chart."""

    height: float
    """Of all rows."""

    head: float
    """Height of the headings above the chart."""

    theme: Theme

    @property
    def left(self) -> float:
        """Inches that the names take to the left of the chart."""
        return self.name_width + COLUMN_GAP

    @property
    def right(self) -> float:
        """Inches that the columns take to the right of the chart."""
        return sum(self.widths) + COLUMN_GAP * len(self.widths)

    def set_rows(self, ax: Axes) -> None:
        """Give the axes the rows: their vertical unit is an inch, downwards."""
        ax.set_ylim(self.height, 0.0)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)

    def draw(self, ax: Axes) -> None:
        """Write names and columns beside axes prepared by `set_rows`."""
        theme, rows = self.theme, ax.get_yaxis_transform()
        for row, (name, y) in enumerate(zip(self.names, self.centres, strict=True)):
            left = (-72 * (self.left - (INDENT if self.indented[row] else 0.0)), 0)
            weight = "bold" if self.bold[row] else "normal"
            style = {
                "ha": "left",
                "va": "center",
                "weight": weight,
                "color": theme.ink,
                "label": "row-name",
                "linespacing": TIGHT,
            }
            write(ax, name, (0, y), shift=left, coordinates=rows, **style)
        start = COLUMN_GAP
        for column, width in zip(self.columns, self.widths, strict=True):
            at = 72 * (start if column.align == "left" else start + width)
            common = {"ha": column.align, "size": theme.small}
            head = {
                "va": "baseline",
                "weight": "bold",
                "label": "column-head",
                "linespacing": TIGHT,
                **common,
            }
            write(ax, column.heading, (1, 1), shift=(at, 4), **head)
            value = {"va": "center", "label": "row-value", **common}
            for text, y in zip(column.texts, self.centres, strict=True):
                write(ax, text, (1, y), shift=(at, 0), coordinates=rows, **value)
            start += width + COLUMN_GAP

    def draw_interval(self, ax: Axes, y: float, ends: Any, colour: str) -> None:
        """Draw the interval of a row."""
        ax.plot(ends, [y, y], color=colour, linewidth=1.4, zorder=2, solid_capstyle="butt", label="_interval")


def make_sheet(
    names: Sequence[str],
    columns: Sequence[Column],
    theme: Theme,
    *,
    name_room: float,
    bold: Sequence[bool] | None = None,
    indented: Sequence[bool] | None = None,
) -> Sheet:
    """Return the sheet of a chart, its names broken to ``name_room`` inches."""
    heavy = tuple(bold) if bold is not None else (False,) * len(names)
    moved = tuple(indented) if indented is not None else (False,) * len(names)
    broken, reach = [], [0.0]
    for name, thick, inside in zip(names, heavy, moved, strict=True):
        weight = "bold" if thick else "normal"
        shift = INDENT if inside else 0.0
        lines = wrapped(name, name_room - shift, family=theme.font, size=theme.size, weight=weight)
        broken.append(lines)
        reach.append(widest([lines], theme, size=theme.size, weight=weight) + shift)
    heights = np.array([text_height(name, size=theme.size) + ROW_PAD for name in broken])
    widths = [
        max(
            widest([column.heading], theme, size=theme.small, weight="bold"),
            widest([text for text in column.texts if "\n" not in text], theme, size=theme.small),
        )
        + 0.02
        for column in columns
    ]
    return Sheet(
        names=tuple(broken),
        bold=heavy,
        indented=moved,
        columns=tuple(columns),
        widths=tuple(widths),
        name_width=max(reach),
        centres=np.cumsum(heights) - heights / 2,
        height=float(heights.sum()),
        head=max((text_height(column.heading, size=theme.small) for column in columns), default=0.0) + 0.05,
        theme=theme,
    )
