"""A table of survival as a picture: groups by groups, each cell coloured by its value and holding it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from childsurv.curves.curves import Curves
from childsurv.curves.reliability import Rules
from childsurv.errors import OptionError, asking
from childsurv.plot.estimates import Estimates, Reading, estimates_of
from childsurv.plot.groups import Names, label_text, reading_order, require_minimum, require_shares
from childsurv.plot.notes import mark_notes, mark_of
from childsurv.plot.page import EDGE, Frame, Margins, Page, Size, axes_size, widest, write
from childsurv.plot.spacing import LINE_HEIGHT, TIGHT, percent_ticks, text_height, wrapped
from childsurv.plot.style import Theme, luminance
from childsurv.plot.writing import Picture
from childsurv.words.catalogue import percent_text

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

CELL_HEIGHT = 0.25
"""Inches."""

UPRIGHT_HEADINGS = 1.3
"""Inches that headings written upwards take, more only where their lines would not fit a column."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a heat-map, arrays of shape ``(n_rows, n_columns)``."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    estimate: FloatArray
    patients: FloatArray
    """NaN where there is no such group."""

    hidden: Mask
    """Too few patients to show."""

    short: Mask
    """Follow-up too short."""

    small: Mask
    """To be marked."""

    verdicts: npt.NDArray[np.object_]
    """Reliability of each cell, empty where it was not asked for."""

    row_totals: FloatArray | None
    column_totals: FloatArray | None
    """Numbers of patients."""

    @property
    def shown(self) -> Mask:
        """Cells that hold a value."""
        return np.isfinite(self.estimate) & ~self.hidden


def heatmap(
    source: Curves | pd.DataFrame,
    *,
    rows: str = "country",
    columns: str = "iccc_group",
    years: float | None = None,
    times: float | None = None,
    ax: Axes | None = None,
    minimum: int | None = 5,
    mark_below: int | None = 10,
    reliability: Rules | None = None,
    totals: bool = True,
    limits: tuple[float, float] | None = None,
    colour_bar: bool = True,
    names: Names = None,
    title: str | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    width: float | str = "page",
    language: str = "en",
    theme: Theme | None = None,
) -> Figure | Axes:
    """Show survival at one time as a table of coloured cells, such as countries by diagnoses.

    Every cell holds its value in per cent, so that the colour is a help and not the message. The colours grow
    evenly lighter with survival and read in grey.

    Parameters
    ----------
    source
        Curves grouped by the two columns, or a table with these columns, ``estimate`` as a share and
        ``patients``.
    rows, columns
        Group columns that make the rows and columns.
    years, times
        When to read the curves: years, 5 unless given, or the curves' own unit.
    ax
        Axes to draw into; names and totals are then drawn beside them, so leave room.
    minimum
        Cells with fewer patients show a dash instead of their value; None shows all.
    mark_below
        Cells with fewer patients are set in italics with a dagger; None marks none.
    reliability
        "concord-like" or own thresholds, as for `Curves.reliability`: what is not reliable is marked ‡, what is not to
        be standardised §, and a group with too few patients has no estimate. A table of `Curves.reliability` brings its
        own.
    totals
        Whether to write the number of patients of each row and column, all cells included. Totals below
        ``minimum`` show a dash.
    limits
        Shares at the ends of the colour scale; the tens that hold all values unless given. Values beyond take
        the end colour.
    colour_bar
        Whether to draw the colour scale.
    names
        Texts for labels, such as ``{"XAA": "Avaland"}``, or for each column such a mapping.
    title, subtitle, note, width, language, theme
        As in `curves`.

    Returns
    -------
    Figure or Axes
        The Axes given, or a new Figure.

    Raises
    ------
    ColumnError, DataError
        If a table lacks a column, repeats a cell or holds impossible values.
    OptionError
        If an option is not valid, or no cell has enough patients.

    Examples
    --------
    >>> import childsurv as cs
    >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=2000, seed=1), by=["country", "iccc_group"])
    >>> figure = cs.plot.heatmap(curves, years=5, title="Simulated data")
    >>> len(figure.axes)
    2

    References
    ----------
    Nunez JR, Anderton CR, Renslow RS. Optimizing colormaps with consideration for color vision deficiency to
    enable accurate interpretation of scientific data. PLoS One 2018; 13:e0199239.
    doi:10.1371/journal.pone.0199239
    """
    page = Page(ax=ax, title=title, subtitle=subtitle, note=note, width=width, language=language, theme=theme)
    if rows == columns:
        raise OptionError("rows= and columns= must be two different columns.")
    least, few = require_minimum(minimum), require_minimum(mark_below, argument="mark_below")
    with asking("plot.heatmap"):
        found = estimates_of(
            source,
            by=[rows, columns],
            reading=Reading(years, times, reliability),
            needs_patients=minimum is not None or mark_below is not None or totals,
            needs_limits=False,
            language=language,
        )
    least = max(least, found.minimum, 0 if found.rules is None else found.rules.patients or 0)
    cells = _cells(found, rows, columns, least, few, names, totals=totals)
    if not cells.shown.any():
        raise OptionError(
            f"No cell has at least {least} patients and follow-up long enough, so nothing can be drawn; "
            "merge groups, or lower minimum=."
        )
    picture = HeatmapPicture(
        page=page,
        notes=_notes(page, cells, found, least, few),
        cells=cells,
        scale=_scale(cells.estimate[cells.shown], limits),
        quantity=found.quantity or page.text("survival"),
        bar=colour_bar,
    )
    return page.draw(picture)


def _notes(page: Page, cells: Cells, found: Estimates, least: int, few: int) -> list[str]:
    hidden = short = ""
    if cells.hidden.any():
        some = (cells.patients < least).any()
        hidden = page.text("cell_hidden", minimum=least) if some else page.text("cell_empty")
    if cells.short.any():
        own = found.minimum
        short = page.text("cell_few_at_risk", minimum=own) if own else page.text("cell_short")
    partial = cells.row_totals is not None and found.minimum and cells.hidden.any()
    return [
        page.text("small", below=few) if cells.small.any() else "",
        hidden,
        *mark_notes(page, cells.verdicts[~cells.hidden], found),
        short,
        page.text("totals_shown") if partial else "",
    ]


def _cells(
    found: Estimates, rows: str, columns: str, least: int, few: int, names: Names, *, totals: bool
) -> Cells:
    table = found.table
    row_labels = _labels_in_order(table, rows)
    column_labels = _labels_in_order(table, columns)
    row_code = pd.Index(row_labels).get_indexer(table[rows])
    column_code = pd.Index(column_labels).get_indexer(table[columns])
    shape = (len(row_labels), len(column_labels))
    estimate, patients = np.full(shape, np.nan), np.full(shape, np.nan)
    estimate[row_code, column_code] = table["estimate"].to_numpy()
    patients[row_code, column_code] = table["patients"].to_numpy()
    verdicts = np.full(shape, "", dtype=object)
    verdicts[row_code, column_code] = table["reliability"].to_numpy()
    present = np.zeros(shape, dtype=bool)
    present[row_code, column_code] = True
    hidden = ~present | (patients < least)
    return Cells(
        rows=tuple(label_text(label, rows, names) for label in row_labels),
        columns=tuple(label_text(label, columns, names) for label in column_labels),
        estimate=estimate,
        patients=patients,
        hidden=hidden,
        short=~hidden & np.isnan(estimate),
        small=~hidden & np.isfinite(estimate) & (patients < few),
        verdicts=verdicts,
        row_totals=_hide_small(np.nansum(patients, axis=1), least) if totals else None,
        column_totals=_hide_small(np.nansum(patients, axis=0), least) if totals else None,
    )


def _labels_in_order(table: pd.DataFrame, column: str) -> list[Any]:
    distinct = table.drop_duplicates(column)
    return list(distinct[column].iloc[reading_order(distinct, [column])])


def _hide_small(totals: FloatArray, least: int) -> FloatArray:
    return np.where(totals < least, np.nan, totals)


def _scale(values: FloatArray, limits: tuple[float, float] | None) -> Normalize:
    if limits is not None:
        low, high = require_shares(limits, argument="limits")
    else:
        low = float(np.floor(values.min() * 10 + 1e-9)) / 10
        high = max(float(np.ceil(values.max() * 10 - 1e-9)) / 10, low + 0.1)
    return Normalize(low, high, clip=True)


class _Headings(NamedTuple):
    """Headings of the columns, broken into lines."""

    texts: list[str]
    upright: bool
    height: float
    """In inches."""


def _headings(columns: tuple[str, ...], cell: float, theme: Theme) -> _Headings:
    """Return the headings of columns ``cell`` inches wide, upright where their lines do not fit."""
    level = [wrapped(name, cell - 0.06, family=theme.font, size=theme.small) for name in columns]
    if widest(level, theme, size=theme.small) <= cell - 0.04 and max(one.count("\n") for one in level) < 4:
        return _Headings(level, False, max(text_height(one, size=theme.small) for one in level) + 0.08)
    lines = max(1, int(cell * 72 / (LINE_HEIGHT * theme.small)))
    length = UPRIGHT_HEADINGS
    while True:
        upright = [wrapped(name, length, family=theme.font, size=theme.small) for name in columns]
        if max(one.count("\n") for one in upright) < lines or length > 8:
            return _Headings(upright, True, widest(upright, theme, size=theme.small) + 0.12)
        length += 0.2


@dataclass(eq=False)
class HeatmapPicture:
    """A heat-map."""

    by_height: ClassVar[bool] = False

    page: Page
    notes: Sequence[str]
    cells: Cells
    scale: Normalize
    quantity: str
    bar: bool
    """Whether there is a colour bar."""

    bar_axes: Axes | None = None
    """The axes of the colour bar, once it is drawn."""

    def description(self) -> str:
        """Return all cells, in words."""
        cells = self.cells
        rows = []
        for row, name in enumerate(cells.rows):
            values = (f"{head} {self._cell_text(row, column)}" for column, head in enumerate(cells.columns))
            rows.append(f"{name} " + ", ".join(values))
        return f"{self.quantity}, {len(cells.rows)} × {len(cells.columns)}: " + "; ".join(rows)

    def compose(self, frame: Frame) -> Picture:
        """Return a new picture."""
        page, theme = self.page, self.page.theme
        broken = [
            wrapped(name, 0.28 * frame.width, family=theme.font, size=theme.size) for name in self.cells.rows
        ]
        self.cells = replace(self.cells, rows=tuple(broken))
        left = EDGE + widest(broken, theme, size=theme.size) + 0.08
        right = EDGE
        if self.cells.row_totals is not None:
            head = widest([page.text("total")], theme, size=theme.small, weight="bold")
            numbers = [page.count(number) for number in self.cells.row_totals]
            right += max(head, widest(numbers, theme, size=theme.small)) + 0.1
            left = max(left, EDGE + head + 0.08)
        room = frame.width - left - right
        headings = _headings(self.cells.columns, room / len(self.cells.columns), theme)
        cell_height = max(CELL_HEIGHT, max(text_height(name, size=theme.size) for name in broken) + 0.05)
        tall = cell_height * len(broken)
        bar_height = 0.1 + 0.08 + page.line(small=True) + 0.22 if self.bar else 0.0
        foot = page.line(small=True) + 0.1 if self.cells.row_totals is not None else 0.05
        picture = frame.picture(headings.height + tall + foot + bar_height)
        ax = frame.axes(picture, (left, frame.below + bar_height + foot, room, tall))
        mesh = self._paint_cells(ax)
        self._write_around(ax, headings)
        if self.bar:
            wide = min(2.4, room)
            bottom = frame.below + 0.09 + page.line(small=True)
            place = (left + room - wide, bottom, wide, 0.1)
            self.bar_axes = frame.bar_axes(picture, place)
            picture.colorbar(mesh, cax=self.bar_axes, orientation="horizontal")
            self._name_bar(self.bar_axes)
            self._set_bar(self.bar_axes, wide)
        return picture

    def paint(self, ax: Axes) -> None:
        """Draw cells and colour bar into a user's axes and what the bar takes of them."""
        mesh = self._paint_cells(ax)
        if not self.bar:
            return
        size = axes_size(ax)
        note = self.page.joined_notes(self.notes, size.width)
        below = self._below + (text_height(note, size=self.page.theme.small) if note else 0.0)
        options: dict[str, Any] = {"orientation": "horizontal", "shrink": 0.5, "aspect": 30}
        bar = ax.figure.colorbar(mesh, ax=ax, pad=below / size.height, **options)
        self.bar_axes = bar.ax
        self._name_bar(bar.ax)

    def fit(self, ax: Axes, size: Size) -> Margins:
        """Write headings and totals beside a user's axes, and the ticks of the colour bar."""
        headings = _headings(self.cells.columns, size.width / len(self.cells.columns), self.page.theme)
        self._write_around(ax, headings)
        if self.bar_axes is not None:
            self._set_bar(self.bar_axes, 0.5 * size.width)
        return Margins(above=headings.height, below=self._below)

    @property
    def _below(self) -> float:
        """Inches below the cells, notes apart."""
        return 0.1 + (self.page.line(small=True) + 0.1 if self.cells.row_totals is not None else 0.0)

    def _cell_text(self, row: int, column: int) -> str:
        cells = self.cells
        if cells.hidden[row, column]:
            return "–"
        if cells.short[row, column]:
            return "×"
        # Per cent without the sign, which the colour scale explains: thirteen columns have to fit a page.
        return (
            percent_text(cells.estimate[row, column], self.page.language, sign=False)
            + ("†" if cells.small[row, column] else "")
            + mark_of(cells.verdicts[row, column])
        )

    def _paint_cells(self, ax: Axes) -> Any:
        """Draw and write the cells, and return the mesh that a colour bar explains."""
        cells, theme = self.cells, self.page.theme
        n_rows, n_columns = cells.estimate.shape
        colours = mpl.colormaps[theme.colour_map]
        mesh = ax.pcolormesh(
            np.arange(n_columns + 1),
            np.arange(n_rows + 1),
            np.ma.masked_array(cells.estimate, mask=~cells.shown),
            cmap=colours,
            norm=self.scale,
            edgecolors="white",
            linewidth=1.0,
        )
        ax.set_xlim(0, n_columns)
        ax.set_ylim(n_rows, 0)
        ax.set_xticks([])
        ax.set_yticks(np.arange(n_rows) + 0.5, labels=list(cells.rows))
        ax.tick_params(length=0, labelsize=theme.size, pad=4)
        ax.spines[:].set_visible(False)
        for row, column in np.ndindex(n_rows, n_columns):
            colour = theme.muted
            if cells.shown[row, column]:
                shade = luminance(colours(self.scale(cells.estimate[row, column])))
                # The better of black and white, by the contrast of WCAG 2.
                colour = "white" if 1.05 / (shade + 0.05) > (shade + 0.05) / 0.05 else "black"
            ax.text(
                column + 0.5,
                row + 0.5,
                self._cell_text(row, column),
                ha="center",
                va="center_baseline",
                size=theme.small,
                color=colour,
                style="italic" if cells.small[row, column] else "normal",
                label="cell",
            )
        return mesh

    def _write_around(self, ax: Axes, headings: _Headings) -> None:
        style: dict[str, Any] = {"ha": "center", "va": "bottom", "size": self.page.theme.small}
        turned = {"rotation": 90 if headings.upright else 0, "label": "column-head", "linespacing": TIGHT}
        for column, head in enumerate(headings.texts):
            at, above = (column + 0.5, 1), ax.get_xaxis_transform()
            write(ax, head, at, shift=(0, 4), coordinates=above, **style, **turned)
        self._write_totals(ax)

    def _write_totals(self, ax: Axes) -> None:
        page, theme, cells = self.page, self.page.theme, self.cells
        if cells.row_totals is None or cells.column_totals is None:
            return
        head = page.text("total")
        numbers = [page.count(number) for number in cells.row_totals]
        at = 72 * (widest([head, *numbers], theme, size=theme.small, weight="bold") + 0.06)
        common: dict[str, Any] = {"size": theme.small, "color": theme.muted}
        bold = {"weight": "bold", "label": "total-head", **common}
        write(ax, head, (1, 1), shift=(at, 4), ha="right", va="bottom", **bold)
        beside = {"ha": "right", "va": "center_baseline", "label": "row-total", **common}
        rows, columns = ax.get_yaxis_transform(), ax.get_xaxis_transform()
        for row, number in enumerate(numbers):
            write(ax, number, (1, row + 0.5), shift=(at, 0), coordinates=rows, **beside)
        down = -72 * (0.05 + page.line(small=True) / 2)
        write(ax, head, (0, 0), shift=(-4, down), ha="right", va="center", **bold)
        under = {"ha": "center", "va": "center", "label": "column-total", **common}
        for column, total in enumerate(cells.column_totals):
            write(ax, page.count(total), (column + 0.5, 0), shift=(0, down), coordinates=columns, **under)

    def _name_bar(self, bar: Axes) -> None:
        small = self.page.theme.small
        style = {"ha": "right", "va": "center", "size": small, "label": "bar-name"}
        write(bar, self.quantity, (0, 0.5), shift=(-6, 0), **style)
        bar.tick_params(length=2, labelsize=small)
        bar.spines[:].set_visible(False)

    def _set_bar(self, bar: Axes, room: float) -> None:
        """Set the ticks of the colour bar, which is ``room`` inches long."""
        page, theme = self.page, self.page.theme
        label = widest([page.percent(1.0)], theme, size=theme.small)
        low, high = float(self.scale.vmin or 0.0), float(self.scale.vmax or 1.0)
        shares = percent_ticks(low, high, room=room, least=label + 0.12)
        bar.set_xticks(shares, labels=[page.percent(share) for share in shares])
