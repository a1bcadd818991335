"""The table of numbers at risk under the axes, in line with the ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from childsurv.curves.curves import Curves
from childsurv.net.excess import QUANTITY
from childsurv.plot.lines import KEY_WIDTH, TimeAxis, draw_key
from childsurv.plot.spacing import LINE_HEIGHT, text_height
from childsurv.plot.style import Theme
from childsurv.words.catalogue import count_text

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RiskRow:
    """One row of the table.

    Attributes
    ----------
    name : str
        Name of the group, with line breaks.
    place : int or None
        Place of the group in the theme; None draws no piece of line.
    numbers : tuple of str
        One a tick.
    """

    name: str
    place: int | None
    numbers: tuple[str, ...]


def numbers_at_risk(
    curves: Curves, ticks: FloatArray, axis: TimeAxis, language: str
) -> list[tuple[str, ...]]:
    """Return for every group of the curves the numbers at risk at the ticks, as text.

    A number that the curves' own minimum hides is written as less than it; before the curves begin there is none.
    """
    times = ticks * axis.unit
    if curves.quantity == QUANTITY:
        return _at_known_times(curves, times, language)
    # Inside an interval of a life table no number is known.
    known = curves.is_known_at(times)
    values = np.zeros((len(curves.groups), times.size))
    values[:, known] = (
        curves.at(times=list(times[known]))["at_risk"].to_numpy(dtype=np.float64).reshape(len(values), -1)
    )
    few, before = f"<{count_text(curves.minimum, language)}", (times < curves.origin) | ~known
    return [
        tuple(
            "–" if early else few if np.isnan(value) else count_text(value, language)
            for value, early in zip(row, before, strict=True)
        )
        for row in values
    ]


def _at_known_times(curves: Curves, times: FloatArray, language: str) -> list[tuple[str, ...]]:
    """Return numbers at the times at which rates are known; others have none."""
    few = f"<{count_text(curves.minimum, language)}"
    rows = []
    for first, stop in pairwise(curves.starts):
        known = {
            round(float(time), 6): value
            for time, value in zip(curves.time[first:stop], curves.at_risk[first:stop], strict=True)
        }
        found = [known.get(round(float(time), 6)) for time in times]
        rows.append(
            tuple(
                "–" if value is None else few if np.isnan(value) else count_text(value, language)
                for value in found
            )
        )
    return rows


def row_height(row: RiskRow, theme: Theme, *, above: bool) -> float:
    """Return the height of a row in inches; ``above`` puts its name on lines of its own."""
    name = text_height(row.name, size=theme.small)
    numbers = text_height("0", size=theme.small)
    return name + numbers + 0.03 if above else max(name, numbers)


def table_height(rows: Sequence[RiskRow], theme: Theme, *, above: bool, heading: bool) -> float:
    """Return the height of the table in inches."""
    head = text_height("0", size=theme.small) if heading else 0.0
    return head + sum(row_height(row, theme, above=above) for row in rows)


def draw_table(
    ax: Axes,
    rows: Sequence[RiskRow],
    ticks: FloatArray,
    *,
    top: float,
    theme: Theme,
    heading: str | None,
    above: bool,
    names: bool,
    gap: float,
    edge: float = 0.0,
    heading_shown: bool = True,
) -> None:
    """Draw the table ``top`` inches under the axes.

    Parameters
    ----------
    ax
        Axes with their limits set.
    rows, ticks
        Rows and the times of their numbers.
    top
        Inches from the lower edge of the axes to the table.
    theme
        Looks.
    heading
        Words above the table, or None.
    above
        Put each name on a line of its own above its numbers.
    names
        Write the names; without, only the pieces of line.
    gap
        Inches between the axes' left edge and what stands to the left of the first number.
    edge
        Inches by which names above the numbers start to the left of the axes.
    heading_shown
        Write the heading; without, its place stays empty, in line with a neighbour's.
    """
    y = -top
    line = text_height("0", size=theme.small)
    if heading:
        if above:
            left, side = -edge, "left"
        elif names:
            left, side = -gap, "right"
        else:
            left, side = -gap - KEY_WIDTH, "left"
        if heading_shown:
            _write(
                ax,
                heading,
                left,
                y - line / 2,
                theme,
                ha=side,
                weight="bold",
                kind="at-risk-heading",
            )
        y -= line
    for row in rows:
        height = row_height(row, theme, above=above)
        colour = theme.ink if row.place is None else theme.text_colour(row.place)
        middle = y - height / 2
        if above:
            name_height = text_height(row.name, size=theme.small)
            shift = 0.0
            if row.place is not None:
                draw_key(ax, -edge + KEY_WIDTH / 2, y - line / 2, origin=(0, 0), place=row.place, theme=theme)
                shift = KEY_WIDTH + 0.05
            if names:
                _write(
                    ax,
                    row.name,
                    shift - edge,
                    y - name_height / 2,
                    theme,
                    ha="left",
                    color=colour,
                    kind="at-risk-name",
                )
            middle = y - name_height - line / 2
        else:
            shift = gap
            if row.place is not None:
                draw_key(ax, -gap - KEY_WIDTH / 2, middle, origin=(0, 0), place=row.place, theme=theme)
                shift = gap + KEY_WIDTH + 0.05
            if names:
                _write(ax, row.name, -shift, middle, theme, ha="right", color=colour, kind="at-risk-name")
        for tick, number in zip(ticks, row.numbers, strict=True):
            ax.annotate(
                number,
                (tick, 0),
                xycoords=ax.get_xaxis_transform(),
                xytext=(0, 72 * middle),
                textcoords="offset points",
                ha="center",
                va="center",
                size=theme.small,
                color=colour,
                annotation_clip=False,
                label="at-risk-number",
            )
        y -= height


def _write(
    ax: Axes,
    text: str,
    x: float,
    y: float,
    theme: Theme,
    *,
    ha: str,
    kind: str,
    color: str | None = None,
    weight: str = "normal",
) -> None:
    ax.annotate(
        text,
        (0, 0),
        xycoords="axes fraction",
        xytext=(72 * x, 72 * y),
        textcoords="offset points",
        ha=ha,
        va="center",
        size=theme.small,
        color=color or theme.ink,
        weight=weight,
        annotation_clip=False,
        label=kind,
        linespacing=LINE_HEIGHT - 0.15,
    )
