"""A table of survival as a picture: groups by groups, each cell coloured by its value and holding it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from childsurv.curves.curves import Curves
from childsurv.curves.reliability import Rules, reliability_rules
from childsurv.errors import OptionError, asking
from childsurv.plot.estimates import Estimates, estimates_of
from childsurv.plot.frame import (
    EDGE,
    add_axes,
    annotate_given_axes,
    axes_size,
    joined_notes,
    make_frame,
    percent_ticks,
    require_shares,
    widest,
)
from childsurv.plot.groups import Names, label_text, reading_order, require_minimum
from childsurv.plot.marks import mark_notes, marks_of
from childsurv.plot.spacing import LINE_HEIGHT, text_height, wrapped
from childsurv.plot.style import Theme, as_theme, drawing, luminance, width_in_inches
from childsurv.words.catalogue import count_text, percent_text
from childsurv.words.catalogue import picture_text as text

FloatArray = npt.NDArray[np.float64]

CELL_HEIGHT = 0.25
"""Inches."""

UPRIGHT_HEADINGS = 1.3
"""Inches that headings written upwards take, more only where their lines would not fit a column."""


@dataclass(frozen=True)
class Grid:
    """The cells of a heat-map.

    Attributes
    ----------
    rows, columns : tuple of str
        Names.
    estimate, patients : ndarray
        Shape ``(n_rows, n_columns)``; NaN where there is no such group.
    hidden, short, small : ndarray of bool
        Cells with too few patients to show, with follow-up too short, and to be marked.
    verdicts : ndarray of str
        Reliability of each cell, empty where it was not asked for.
    row_totals, column_totals : ndarray or None
        Numbers of patients.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    estimate: FloatArray
    patients: FloatArray
    hidden: npt.NDArray[np.bool_]
    short: npt.NDArray[np.bool_]
    small: npt.NDArray[np.bool_]
    verdicts: npt.NDArray[np.object_]
    row_totals: FloatArray | None
    column_totals: FloatArray | None


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
        Axes to draw into; names and totals then stand beside them, so leave room.
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
    looks = as_theme(theme)
    if rows == columns:
        raise OptionError("rows= and columns= must be two different columns.")
    least = require_minimum(minimum)
    few = require_minimum(mark_below, argument="mark_below")
    with asking("plot.heatmap"):
        found = estimates_of(
            source,
            by=[rows, columns],
            years=years,
            times=times,
            reliability=reliability,
            needs_patients=minimum is not None or mark_below is not None or totals,
            needs_limits=False,
            language=language,
        )
    least = max(least, found.minimum)
    if reliability is not None:
        least = max(least, reliability_rules(reliability).patients or 0)
    grid = _grid(found, rows, columns, least, few, names, totals=totals)
    shown = np.isfinite(grid.estimate) & ~grid.hidden
    if not shown.any():
        raise OptionError(
            f"No cell has at least {least} patients and follow-up long enough, so nothing can be drawn; "
            "merge groups, or lower minimum=."
        )
    scale = _scale(grid.estimate[shown], limits)
    colours = mpl.colormaps[looks.colour_map]
    notes = [
        note or "",
        text("small", language, below=few) if grid.small.any() else "",
        _dash_note(grid, least, language),
        *mark_notes(
            pd.Series(grid.verdicts[~grid.hidden]),
            None if reliability is None else reliability_rules(reliability),
            language,
            standardised=isinstance(source, Curves) and "standard" in source.conventions,
        ),
        _short_note(grid, found.minimum, language),
        text("totals_shown", language) if totals and found.minimum and grid.hidden.any() else "",
    ]
    quantity = found.quantity or text("survival", language)
    with drawing(looks):
        if ax is not None:
            room = axes_size(ax)[0]
            heads, upright, head_height = _headings(grid.columns, room / len(grid.columns), looks)
            mesh = _draw(ax, grid, heads, upright, scale, colours, looks, language)
            below = 0.1 + (text_height("0", size=looks.small) + 0.1 if totals else 0.0)
            written_notes = joined_notes(notes, room, looks)
            if colour_bar:
                note_height = text_height(written_notes, size=looks.small) if written_notes else 0.0
                bar = ax.figure.colorbar(
                    mesh,
                    ax=ax,
                    orientation="horizontal",
                    shrink=0.5,
                    aspect=30,
                    pad=(below + note_height) / axes_size(ax)[1],
                )
                _set_bar(bar.ax, scale, quantity, looks, language, room=0.5 * room)
            annotate_given_axes(
                ax,
                title=title,
                subtitle=subtitle,
                note=written_notes,
                below=below,
                theme=looks,
                above=head_height,
            )
            return ax
        frame = make_frame(width_in_inches(width), looks, title=title, subtitle=subtitle, notes=notes)
        name_room = 0.28 * frame.width
        row_names = [wrapped(name, name_room, family=looks.font, size=looks.size) for name in grid.rows]
        grid = Grid(**{**vars(grid), "rows": tuple(row_names)})
        left = EDGE + widest(row_names, looks, size=looks.size) + 0.08
        total_head = text("total", language)
        right = EDGE
        if grid.row_totals is not None:
            written = [count_text(number, language) for number in grid.row_totals]
            right += (
                max(
                    widest([total_head], looks, size=looks.small, weight="bold"),
                    widest(written, looks, size=looks.small),
                )
                + 0.1
            )
            left = max(left, EDGE + widest([total_head], looks, size=looks.small, weight="bold") + 0.08)
        room = frame.width - left - right
        heads, upright, head_height = _headings(grid.columns, room / len(grid.columns), looks)
        cell_height = max(CELL_HEIGHT, max(text_height(name, size=looks.size) for name in row_names) + 0.05)
        tall = cell_height * len(grid.rows)
        foot = text_height("0", size=looks.small) + 0.1 if totals else 0.05
        bar_height = 0.1 + 0.08 + text_height("0", size=looks.small) + 0.22 if colour_bar else 0.0
        picture = frame.new_picture(head_height + tall + foot + bar_height)
        bottom = frame.below + bar_height + foot
        new = add_axes(picture, left, bottom, room, tall)
        mesh = _draw(new, grid, heads, upright, scale, colours, looks, language)
        if colour_bar:
            bar_width = min(2.4, room)
            bar_axes = add_axes(
                picture,
                left + room - bar_width,
                frame.below + 0.09 + text_height("0", size=looks.small),
                bar_width,
                0.1,
            )
            picture.colorbar(mesh, cax=bar_axes, orientation="horizontal")
            _set_bar(bar_axes, scale, quantity, looks, language, room=bar_width)
        picture.alt_text = (
            (f"{title}. " if title else "")
            + f"{quantity}, {len(grid.rows)} × {len(grid.columns)}: "
            + "; ".join(
                f"{name} "
                + ", ".join(
                    f"{head} {_cell_text(grid, row, column, language)}"
                    for column, head in enumerate(grid.columns)
                )
                for row, name in enumerate(grid.rows)
            )
        )
    return picture


def _grid(
    found: Estimates, rows: str, columns: str, least: int, few: int, names: Names, *, totals: bool
) -> Grid:
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
    return Grid(
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


def _dash_note(grid: Grid, least: int, language: str) -> str:
    if not grid.hidden.any():
        return ""
    if (grid.patients < least).any():
        return text("cell_hidden", language, minimum=least)
    return text("cell_empty", language)


def _short_note(grid: Grid, minimum: int, language: str) -> str:
    if not grid.short.any():
        return ""
    return text("cell_few_at_risk", language, minimum=minimum) if minimum else text("cell_short", language)


def _headings(columns: tuple[str, ...], cell: float, theme: Theme) -> tuple[list[str], bool, float]:
    """Return the headings broken into lines, whether they stand upright, and their height in inches."""
    level = [wrapped(name, cell - 0.06, family=theme.font, size=theme.small) for name in columns]
    if widest(level, theme, size=theme.small) <= cell - 0.04 and max(one.count("\n") for one in level) < 4:
        return level, False, max(text_height(one, size=theme.small) for one in level) + 0.08
    lines = max(1, int(cell * 72 / (LINE_HEIGHT * theme.small)))
    length = UPRIGHT_HEADINGS
    while True:
        upright = [wrapped(name, length, family=theme.font, size=theme.small) for name in columns]
        if max(one.count("\n") for one in upright) < lines or length > 8:
            return upright, True, widest(upright, theme, size=theme.small) + 0.12
        length += 0.2


def _cell_text(grid: Grid, row: int, column: int, language: str) -> str:
    if grid.hidden[row, column]:
        return "–"
    if grid.short[row, column]:
        return "×"
    # Per cent without the sign, which the colour scale explains: thirteen columns have to fit a page.
    return (
        percent_text(grid.estimate[row, column], language, sign=False)
        + ("†" if grid.small[row, column] else "")
        + marks_of([grid.verdicts[row, column]])[0]
    )


def _draw(
    ax: Axes,
    grid: Grid,
    heads: list[str],
    upright: bool,
    scale: Normalize,
    colours: Any,
    theme: Theme,
    language: str,
) -> Any:
    n_rows, n_columns = grid.estimate.shape
    masked = grid.hidden | ~np.isfinite(grid.estimate)
    values = np.ma.masked_array(grid.estimate, mask=masked)
    mesh = ax.pcolormesh(
        np.arange(n_columns + 1),
        np.arange(n_rows + 1),
        values,
        cmap=colours,
        norm=scale,
        edgecolors="white",
        linewidth=1.0,
    )
    ax.set_xlim(0, n_columns)
    ax.set_ylim(n_rows, 0)
    ax.set_xticks([])
    ax.set_yticks(np.arange(n_rows) + 0.5, labels=list(grid.rows))
    ax.tick_params(length=0, labelsize=theme.size, pad=4)
    for side in ("left", "bottom", "top", "right"):
        ax.spines[side].set_visible(False)
    for column, head in enumerate(heads):
        ax.annotate(
            head,
            (column + 0.5, 1),
            xycoords=ax.get_xaxis_transform(),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
            rotation=90 if upright else 0,
            size=theme.small,
            annotation_clip=False,
            label="column-head",
            linespacing=LINE_HEIGHT - 0.15,
        )
    for row in range(n_rows):
        for column in range(n_columns):
            empty = bool(masked[row, column])
            shade = luminance(colours(scale(grid.estimate[row, column]))) if not empty else 1.0
            # The better of black and white, by the contrast of WCAG 2.
            colour = (
                theme.muted
                if empty
                else "white"
                if 1.05 / (shade + 0.05) > (shade + 0.05) / 0.05
                else "black"
            )
            ax.text(
                column + 0.5,
                row + 0.5,
                _cell_text(grid, row, column, language),
                ha="center",
                va="center_baseline",
                size=theme.small,
                color=colour,
                style="italic" if grid.small[row, column] else "normal",
                label="cell",
            )
    if grid.row_totals is not None and grid.column_totals is not None:
        _write_totals(ax, grid, theme, language)
    return mesh


def _write_totals(ax: Axes, grid: Grid, theme: Theme, language: str) -> None:
    assert grid.row_totals is not None
    assert grid.column_totals is not None
    head = text("total", language)
    longest = widest(
        [head, *(count_text(one, language) for one in grid.row_totals)],
        theme,
        size=theme.small,
        weight="bold",
    )
    common: dict[str, Any] = {
        "textcoords": "offset points",
        "size": theme.small,
        "color": theme.muted,
        "annotation_clip": False,
    }
    at = 72 * (longest + 0.06)
    ax.annotate(
        head,
        (1, 1),
        xycoords="axes fraction",
        xytext=(at, 4),
        ha="right",
        va="bottom",
        weight="bold",
        label="total-head",
        **common,
    )
    for row, number in enumerate(grid.row_totals):
        ax.annotate(
            count_text(number, language),
            (1, row + 0.5),
            xycoords=ax.get_yaxis_transform(),
            xytext=(at, 0),
            ha="right",
            va="center_baseline",
            label="row-total",
            **common,
        )
    down = -72 * (0.05 + text_height("0", size=theme.small) / 2)
    ax.annotate(
        head,
        (0, 0),
        xycoords="axes fraction",
        xytext=(-4, down),
        ha="right",
        va="center",
        weight="bold",
        label="total-head",
        **common,
    )
    for column, number in enumerate(grid.column_totals):
        ax.annotate(
            count_text(number, language),
            (column + 0.5, 0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(0, down),
            ha="center",
            va="center",
            label="column-total",
            **common,
        )


def _set_bar(bar: Axes, scale: Normalize, quantity: str, theme: Theme, language: str, *, room: float) -> None:
    label = widest([percent_text(1.0, language)], theme, size=theme.small)
    shares = percent_ticks(float(scale.vmin or 0.0), float(scale.vmax or 1.0), room=room, least=label + 0.12)
    bar.set_xticks(shares, labels=[percent_text(share, language) for share in shares])
    bar.tick_params(length=2, labelsize=theme.small)
    bar.annotate(
        quantity,
        (0, 0.5),
        xycoords="axes fraction",
        xytext=(-6, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        size=theme.small,
        annotation_clip=False,
        label="bar-name",
    )
    bar.spines[:].set_visible(False)
