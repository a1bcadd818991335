"""The table of numbers at risk under the axes, in line with the ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from childsurv.curves.curves import Curves
from childsurv.plot.choices import Choices
from childsurv.plot.groups import is_rate
from childsurv.plot.lines import KEY_WIDTH, draw_key
from childsurv.plot.page import write
from childsurv.plot.spacing import TIGHT, text_height, wrapped
from childsurv.plot.steps import TimeAxis
from childsurv.plot.style import Theme
from childsurv.words.catalogue import count_text

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RiskRow:
    """One row of the table."""

    name: str
    """Name of the group, with line breaks."""

    place: int | None
    """Place of the group in the theme; None draws no piece of line."""

    numbers: tuple[str, ...]
    """One a tick."""

    def height(self, theme: Theme, *, above: bool) -> float:
        """Return the height in inches; ``above`` puts the name on separate lines."""
        name = text_height(self.name, size=theme.small)
        numbers = text_height("0", size=theme.small)
        return name + numbers + 0.03 if above else max(name, numbers)


def risk_rows(choices: Choices, ticks: FloatArray, *, name_room: float | None) -> list[list[RiskRow]]:
    """Return the rows of each panel, the same for all, so that rows of panels side by side match.

    Parameters
    ----------
    choices
        The picture.
    ticks
        Times of the numbers.
    name_room
        Inches to which names above their numbers are broken; None leaves the names whole.
    """
    page, chosen = choices.page, choices.chosen
    numbers = numbers_at_risk(choices.curves, ticks, choices.axis, page.language)
    several, keyed = len(chosen.people) > 1, chosen.people == chosen.names
    found = {(one.panel, one.people): one for one in chosen.drawn}
    names = list(chosen.people) if several else [page.text("at_risk")]
    if name_room is not None and several:
        room = name_room - (KEY_WIDTH if keyed else 0.0) - 0.1
        names = [wrapped(name, room, family=page.theme.font, size=page.theme.small) for name in names]
    rows: list[list[RiskRow]] = []
    for panel in range(len(chosen.panels)):
        rows.append([])
        for place, (people, name) in enumerate(zip(chosen.people, names, strict=True)):
            group = found.get((panel, people))
            written = numbers[group.row] if group is not None else ("–",) * ticks.size
            rows[-1].append(RiskRow(name, place if several and keyed else None, written))
    return rows


def numbers_at_risk(
    curves: Curves, ticks: FloatArray, axis: TimeAxis, language: str
) -> list[tuple[str, ...]]:
    """Return for every group of the curves the numbers at risk at the ticks, as text.

    A number that the curves' own minimum hides is written as less than it; before the curves begin there is none.
    """
    times = ticks * axis.unit
    if is_rate(curves):
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


@dataclass(frozen=True)
class RiskTable:
    """The table under one panel."""

    rows: Sequence[RiskRow]
    ticks: FloatArray
    """Times of the numbers."""

    theme: Theme
    heading: str | None
    """Words above the table, if any."""

    above: bool
    """Put each name on a separate line above its numbers."""

    names: bool
    """Write the names; without, only the pieces of line."""

    gap: float
    """Inches between the axes' left edge and what is drawn to the left of the first number."""

    edge: float = 0.0
    """Inches by which names above the numbers start to the left of the axes."""

    heading_shown: bool = True
    """Write the heading; without, its place stays empty, in line with a neighbour's."""

    @property
    def line(self) -> float:
        """Height of a line in inches."""
        return text_height("0", size=self.theme.small)

    @property
    def height(self) -> float:
        """Height in inches."""
        head = self.line if self.heading else 0.0
        return head + sum(row.height(self.theme, above=self.above) for row in self.rows)

    def draw(self, ax: Axes, *, top: float) -> None:
        """Draw the table ``top`` inches under axes with their limits set."""
        y = -top
        if self.heading:
            if self.heading_shown:
                self._write_heading(ax, self.heading, y)
            y -= self.line
        for row in self.rows:
            self._draw_row(ax, row, y)
            y -= row.height(self.theme, above=self.above)

    def _write_heading(self, ax: Axes, heading: str, y: float) -> None:
        if self.above:
            left, side = -self.edge, "left"
        elif self.names:
            left, side = -self.gap, "right"
        else:
            left, side = -self.gap - KEY_WIDTH, "left"
        style = {"ha": side, "weight": "bold", "color": self.theme.ink, "label": "at-risk-heading"}
        self._write(ax, heading, left, y - self.line / 2, **style)

    def _draw_row(self, ax: Axes, row: RiskRow, y: float) -> None:
        theme = self.theme
        colour = theme.ink if row.place is None else theme.text_colour(row.place)
        name_height = text_height(row.name, size=theme.small)
        key = KEY_WIDTH + 0.05 if row.place is not None else 0.0
        if self.above:
            middle = y - name_height - self.line / 2
            key_at, name_at = (
                (-self.edge + KEY_WIDTH / 2, y - self.line / 2),
                (key - self.edge, y - name_height / 2),
            )
        else:
            middle = y - row.height(theme, above=False) / 2
            key_at, name_at = (-self.gap - KEY_WIDTH / 2, middle), (-self.gap - key, middle)
        if row.place is not None:
            draw_key(ax, *key_at, origin=(0, 0), place=row.place, theme=theme)
        if self.names:
            side = "left" if self.above else "right"
            self._write(ax, row.name, *name_at, ha=side, color=colour, label="at-risk-name")
        down, across = (0, 72 * middle), ax.get_xaxis_transform()
        common = {"ha": "center", "va": "center", "size": theme.small, "color": colour}
        for tick, number in zip(self.ticks, row.numbers, strict=True):
            write(ax, number, (tick, 0), shift=down, coordinates=across, label="at-risk-number", **common)

    def _write(self, ax: Axes, words: str, x: float, y: float, **style: Any) -> None:
        write(
            ax,
            words,
            (0, 0),
            shift=(72 * x, 72 * y),
            va="center",
            size=self.theme.small,
            linespacing=TIGHT,
            **style,
        )
