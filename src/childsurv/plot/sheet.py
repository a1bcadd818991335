"""Charts with one row a group: names at the left, columns of text at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from childsurv.plot.frame import widest
from childsurv.plot.spacing import LINE_HEIGHT, text_height, wrapped
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
    """A column of text to the right of the chart.

    Attributes
    ----------
    heading : str
        Its heading.
    texts : tuple of str
        One a row.
    align : str
        "left" or "right".
    """

    heading: str
    texts: tuple[str, ...]
    align: str = "left"


@dataclass(frozen=True)
class Sheet:
    """Names and columns with their sizes in inches.

    Attributes
    ----------
    names : tuple of str
        With line breaks.
    bold, indented : tuple of bool
        For each name.
    columns : tuple of Column
        To the right.
    widths : tuple of float
        Of the columns.
    name_width : float
        Of the names, indents included.
    centres : ndarray
        Distance of each row's middle from the top of the chart.
    height : float
        Of all rows.
    head : float
        Height of the headings above the chart.
    theme : Theme
        Looks.
    """

    names: tuple[str, ...]
    bold: tuple[bool, ...]
    indented: tuple[bool, ...]
    columns: tuple[Column, ...]
    widths: tuple[float, ...]
    name_width: float
    centres: FloatArray
    height: float
    head: float
    theme: Theme

    @property
    def right(self) -> float:
        """Inches that the columns take to the right of the chart."""
        return sum(self.widths) + COLUMN_GAP * len(self.widths)

    def set_rows(self, ax: Axes) -> None:
        """Give the axes the rows: their vertical unit is an inch, downwards."""
        ax.set_ylim(self.height, 0.0)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)

    def draw(self, ax: Axes, *, colours: Sequence[str] | None = None) -> None:
        """Write names and columns beside axes prepared by `set_rows`."""
        rows = ax.get_yaxis_transform()
        for row, (name, y) in enumerate(zip(self.names, self.centres, strict=True)):
            ax.annotate(
                name,
                (0, y),
                xycoords=rows,
                xytext=(-72 * (self.name_width + COLUMN_GAP - (INDENT if self.indented[row] else 0.0)), 0),
                textcoords="offset points",
                ha="left",
                va="center",
                weight="bold" if self.bold[row] else "normal",
                color=colours[row] if colours else self.theme.ink,
                annotation_clip=False,
                label="row-name",
                linespacing=LINE_HEIGHT - 0.15,
            )
        start = COLUMN_GAP
        for column, width in zip(self.columns, self.widths, strict=True):
            at = start if column.align == "left" else start + width
            ax.annotate(
                column.heading,
                (1, 1),
                xycoords="axes fraction",
                xytext=(72 * at, 4),
                textcoords="offset points",
                ha=column.align,
                va="baseline",
                weight="bold",
                size=self.theme.small,
                annotation_clip=False,
                label="column-head",
                linespacing=LINE_HEIGHT - 0.15,
            )
            for text, y in zip(column.texts, self.centres, strict=True):
                ax.annotate(
                    text,
                    (1, y),
                    xycoords=rows,
                    xytext=(72 * at, 0),
                    textcoords="offset points",
                    ha=column.align,
                    va="center",
                    size=self.theme.small,
                    annotation_clip=False,
                    label="row-value",
                )
            start += width + COLUMN_GAP


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
