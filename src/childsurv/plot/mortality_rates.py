"""Population mortality as a picture: the rates of a life table by age, with years as colour, or as a map."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from childsurv.errors import OptionError, asked, asking, renamed, require_choice
from childsurv.lifetable.table import AFTER_ALL, BEFORE_ALL, LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.plot.groups import PERSON_YEARS, Names, label_text
from childsurv.plot.page import EDGE, Frame, Grid, Margins, Page, Size, widest
from childsurv.plot.style import Theme
from childsurv.plot.writing import Picture
from childsurv.words.catalogue import count_text, decimal_text

FloatArray = npt.NDArray[np.float64]

KINDS = ("ages", "heatmap")

MOST_PANELS = 26
"""Both sexes of thirteen countries; more would be stamps."""

OPEN_WIDTH = 5.0
"""Years for which the open last age cell is drawn."""

TICK_WIDTH = 0.45
"""Inches that a number of a year takes on an axis."""

DARKEST, LIGHTEST = 0.0, 0.88
"""Part of the colour map that lines take: its lightest end would not show on white."""

GAP = 0.16
"""Inches between panels."""


_ACROSS = {"ages": "age", "heatmap": "calendar_year"}
_UP = {"ages": "deaths_per_1000", "heatmap": "age"}


@dataclass(frozen=True)
class Panel:
    """One stratum."""

    name: str
    rates: FloatArray
    """Rates per 1,000 person-years, shape ``(n_ages, n_years)``."""

    extended: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rates:
    """The rates of all strata shown."""

    panels: tuple[Panel, ...]
    ages: FloatArray
    """Edges of the cells in years."""

    years: FloatArray
    """Edges of the cells as years with a fraction."""

    zeros: int
    missing: int
    extended: int


@asking("plot.life_table")
@renamed(strata="populations")
def life_table(
    table: LifeTable,
    *,
    kind: str = "ages",
    populations: dict[str, Any] | None = None,
    ages: tuple[float, float] | None = None,
    years: tuple[int, int] | None = None,
    ax: Axes | None = None,
    names: Names = None,
    title: str | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    width: float | str = "page",
    language: str = "en",
    theme: Theme | None = None,
) -> Figure | Axes:
    """Show the mortality rates of a life table by age and calendar time, one panel a stratum.

    Rates are deaths per 1,000 person-years on a logarithmic scale, constant within each cell as the estimators use
    them. Colours grow evenly lighter with the year (or with the rate, in a map), so they read in grey.

    Parameters
    ----------
    table
        A life table.
    kind
        "ages": a line of rates by age for each calendar cell, coloured by its year. "heatmap": age by calendar
        time, coloured by the rate.
    populations
        Which populations, strata of the table, to show: ``{"country": "XAA", "sex": ["female", "male"]}``. All unless
        given.
    ages, years
        Range of ages in years and of calendar years to show; both ends are included.
    ax
        Axes to draw into, for one stratum; the colour scale takes its room from them.
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
    OptionError
        An unknown kind or stratum, nothing within the ranges, or more panels than can be read.

    Examples
    --------
    >>> import childsurv as cs
    >>> table = cs.demo.life_table()
    >>> country = table.strata["country"].iloc[0]
    >>> figure = cs.plot.life_table(table, populations={"country": country}, ages=(0, 20), title="Simulated data")
    >>> len(figure.axes)
    3

    References
    ----------
    Preston SH, Heuveline P, Guillot M. Demography: measuring and modeling population processes.
    Blackwell 2001, chapter 3.
    """
    require_choice(kind, KINDS, argument="kind")
    page = Page(ax=ax, title=title, subtitle=subtitle, note=note, width=width, language=language, theme=theme)
    shown = _rates(table, populations or {}, ages, years, names)
    values = np.concatenate([panel.rates[np.isfinite(panel.rates)].ravel() for panel in shown.panels])
    if values.size == 0:
        raise OptionError(
            "plot.life_table: every cell in these ranges is missing or 0, so nothing can be drawn."
        )
    if ax is not None and len(shown.panels) > 1:
        raise OptionError(
            f"ax= takes one stratum; the table has {len(shown.panels)} here. Choose one with populations=."
        )
    counts = {"zero_cells": shown.zeros, "missing_cells": shown.missing, "carried_cells": shown.extended}
    notes = [page.text(key, count=page.count(number)) for key, number in counts.items() if number]
    picture = LinesPicture if kind == "ages" else MapPicture
    return page.draw(picture(page, notes, shown, values))


def _chosen_strata(table: LifeTable, strata: dict[str, Any]) -> npt.NDArray[np.int64]:
    """Return the rows of the strata to show."""
    unknown = sorted(set(strata) - set(table.strata.columns))
    if unknown:
        raise OptionError(
            f"populations= names {', '.join(map(repr, unknown))}; the table is by {', '.join(table.strata.columns)}."
        )
    chosen = np.ones(len(table.strata), dtype=bool)
    for name, wanted in strata.items():
        labels = list(wanted) if isinstance(wanted, (list, tuple, set)) else [wanted]
        absent = [str(label) for label in labels if label not in set(table.strata[name])]
        if absent:
            raise OptionError(f"populations=: the table has no {name} {', '.join(absent)}.")
        chosen &= table.strata[name].isin(labels).to_numpy()
    places = np.flatnonzero(chosen)
    if not 0 < places.size <= MOST_PANELS:
        raise OptionError(
            f"{asked()}: {places.size} strata are chosen; 1 to {MOST_PANELS} panels can be read. Choose with "
            "populations=."
        )
    return places


def _rates(
    table: LifeTable,
    strata: dict[str, Any],
    ages: tuple[float, float] | None,
    years: tuple[int, int] | None,
    names: Names,
) -> Rates:
    places = _chosen_strata(table, strata)
    length = 1.0 if table.age_rule != "fixed" else table.days_per_year or DAYS_PER_YEAR
    starts = table.age_starts / length
    age_edges = np.append(starts, starts[-1] + OPEN_WIDTH)
    dates = np.append(table.year_starts, table.year_end)
    open_cells = (dates[:-1] <= BEFORE_ALL) | (dates[1:] >= AFTER_ALL)
    year_cells = np.flatnonzero(~open_cells)
    low, high = (-np.inf, np.inf) if years is None else (float(years[0]), float(years[1]) + 1)
    position = 1970 + dates / DAYS_PER_YEAR
    year_cells = year_cells[(position[year_cells] < high - 1e-3) & (position[year_cells + 1] > low + 1e-3)]
    young, old = (0.0, np.inf) if ages is None else (float(ages[0]), float(ages[1]) + 1)
    age_cells = np.flatnonzero((age_edges[:-1] < old) & (age_edges[1:] > young))
    if year_cells.size == 0 or age_cells.size == 0:
        raise OptionError(f"{asked()}: the table has no cell within ages= and years=.")
    block = np.ix_(places, age_cells, year_cells)
    rates = table.rates[block] * DAYS_PER_YEAR * PERSON_YEARS
    zeros = rates == 0
    columns = [name for name in table.strata.columns if table.strata[name].iloc[places].nunique() > 1]
    panels = tuple(
        Panel(
            ", ".join(label_text(table.strata[name].iloc[place], name, names) for name in columns),
            np.where(zeros[row], np.nan, rates[row]),
            table.extended[block][row],
        )
        for row, place in enumerate(places)
    )
    return Rates(
        panels,
        np.clip(np.append(age_edges[age_cells], age_edges[age_cells[-1] + 1]), young, old),
        np.append(position[year_cells], position[year_cells[-1] + 1]),
        zeros=int(zeros.sum()),
        missing=int(np.isnan(rates).sum()),
        extended=int(table.extended[block].sum()),
    )


class RatesPicture(ABC):
    """A picture of rates by age and calendar time, one panel a stratum."""

    by_height: ClassVar[bool] = False

    kind: str

    def __init__(self, page: Page, notes: Sequence[str], shown: Rates, values: FloatArray) -> None:
        self.page, self.notes, self.shown, self.values = page, notes, shown, values
        self.scale = LogNorm(*_decades(values))

    @abstractmethod
    def paint_panel(self, ax: Axes, panel: Panel) -> Any:
        """Draw the rates of one stratum, and return what the colour bar explains."""

    @abstractmethod
    def set_ticks(self, ax: Axes, size: Size) -> None:
        """Set the ticks of a panel."""

    @abstractmethod
    def set_bar(self, bar: Any) -> None:
        """Set the ticks of the colour bar and name it."""

    def description(self) -> str:
        """Return the range of rates, ages and years, in words."""
        page, shown = self.page, self.shown
        return page.text(
            "life_table_alt",
            strata=page.count(len(shown.panels)),
            low=_rate_text(float(self.values.min()), page.language),
            high=_rate_text(float(self.values.max()), page.language),
            first=f"{shown.years[0]:.0f}",
            last=f"{math.ceil(shown.years[-1]) - 1:.0f}",
        )

    def compose(self, frame: Frame) -> Picture:
        """Return a new picture."""
        page, panels = self.page, self.shown.panels
        grid, head = self._grid(frame), page.line() + 0.06
        block = grid.rows * grid.upwards - GAP
        picture = frame.picture(block + grid.foot - frame.below)
        coloured = None
        for place, panel in enumerate(panels):
            ax = frame.axes(picture, grid.place(place))
            coloured = self.paint_panel(ax, panel)
            self.set_ticks(ax, Size(grid.width, grid.height))
            first, last = place % grid.columns == 0, place + grid.columns >= len(panels)
            self._label_axes(ax, left=first and grid.rows == 1, bottom=last)
            ax.tick_params(labelleft=first)
            if panel.name:
                ax.set_title(panel.name, loc="left", size=page.theme.size, pad=3)
        axes_tall = block - head
        if grid.rows > 1:
            # One label for all rows: a label for each row would be longer than its panel.
            whole = picture.get_size_inches()[1]
            middle = (grid.foot + axes_tall / 2) / whole
            upright: dict[str, Any] = {"rotation": 90, "ha": "left", "va": "center"}
            picture.text(EDGE / frame.width, middle, page.text(_UP[self.kind]), **upright)
        tall = min(3.0, axes_tall)
        left = grid.left + (grid.columns - 1) * grid.across + grid.width + 0.14
        bar_axes = frame.bar_axes(picture, (left, grid.foot + (axes_tall - tall) / 2, 0.11, tall))
        assert coloured is not None  # there is at least one panel
        self._finish_bar(picture.colorbar(coloured, cax=bar_axes))
        return picture

    def paint(self, ax: Axes) -> None:
        """Draw one stratum and the colour bar into a user's axes."""
        coloured = self.paint_panel(ax, self.shown.panels[0])
        self._label_axes(ax, left=True, bottom=True)
        self._finish_bar(ax.figure.colorbar(coloured, ax=ax, fraction=0.05, pad=0.03))

    def fit(self, ax: Axes, size: Size) -> Margins:
        """Set the ticks of a user's axes."""
        self.set_ticks(ax, size)
        return Margins(above=0.0, below=2 * self.page.line() + 0.15)

    def _grid(self, frame: Frame) -> Grid:
        page, theme, count = self.page, self.page.theme, len(self.shown.panels)
        most = 2 if frame.width < 8 and count < 7 else 3 if frame.width < 8 else 5
        columns = min(count, most)
        lowest, highest = np.log10(_decades(self.values))
        decades = 10.0 ** np.arange(lowest, highest + 0.5)
        rate_room = widest(
            [_rate_text(float(rate), page.language) for rate in decades], theme, size=theme.small
        )
        line, on_lines = page.line(), self.kind == "ages"
        left = EDGE + line + 0.2
        left += rate_room if on_lines else widest(["100"], theme, size=theme.small)
        right = EDGE + 0.38 + line
        right += widest(["2000"], theme, size=theme.small) if on_lines else rate_room
        wide = (frame.width - left - right - GAP * (columns - 1)) / columns
        tall = float(np.clip(0.62 * wide, 1.1, 3.2)) if columns > 1 else min(0.6 * wide, 3.4)
        row = tall + line + 0.06 + GAP
        rows = math.ceil(count / columns)
        foot = frame.below + 2 * line + 0.1
        return Grid(columns, rows, left, foot, wide, tall, across=wide + GAP, upwards=row)

    def _label_axes(self, ax: Axes, *, left: bool, bottom: bool) -> None:
        if left:
            ax.set_ylabel(self.page.text(_UP[self.kind]))
        if bottom:
            ax.set_xlabel(self.page.text(_ACROSS[self.kind]))
        else:
            ax.tick_params(labelbottom=False)

    def _finish_bar(self, bar: Any) -> None:
        bar.outline.set_visible(False)
        self.set_bar(bar)
        bar.minorticks_off()
        bar.update_ticks()

    def _rate_formatter(self) -> FuncFormatter:
        return FuncFormatter(lambda value, _: _rate_text(value, self.page.language))


class LinesPicture(RatesPicture):
    """A line of rates by age for each calendar cell, coloured by its year."""

    kind = "ages"

    def paint_panel(self, ax: Axes, panel: Panel) -> Any:
        """Draw a line for each calendar cell."""
        shown = self.shown
        middle = (shown.years[:-1] + shown.years[1:]) / 2
        years = Normalize(middle[0], middle[-1] if middle.size > 1 else middle[0] + 1)
        whole = mpl.colormaps[self.page.theme.colour_map]
        # Single years are joined at their middles; a wide cell is drawn from edge to edge, as constant as it is used.
        single = bool((np.diff(shown.ages)[:-1] <= 1 + 1e-9).all())
        x = (shown.ages[:-1] + shown.ages[1:]) / 2 if single else np.repeat(shown.ages, 2)[1:-1]
        times = 1 if single else 2
        carried = [bool(panel.extended[:, year].all()) for year in range(middle.size)]
        drawn = LineCollection(
            [np.column_stack([x, np.repeat(panel.rates[:, year], times)]) for year in range(middle.size)],
            array=middle,
            cmap=LinearSegmentedColormap.from_list("years", whole(np.linspace(DARKEST, LIGHTEST, 64))),
            norm=years,
            linewidths=1.3 if middle.size < 12 else 0.7,
            linestyles=["dashed" if one else "solid" for one in carried],
        )
        ax.add_collection(drawn)
        ax.set_yscale("log")
        ax.set_ylim(self.scale.vmin, self.scale.vmax)
        ax.set_xlim(shown.ages[0], shown.ages[-1])
        ax.grid(True, axis="y")
        ax.yaxis.set_major_locator(LogLocator(numticks=12))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(self._rate_formatter())
        return drawn

    def set_ticks(self, ax: Axes, size: Size) -> None:
        """Set as many whole ages as have room; rates have a tick a decade."""
        ax.set_xticks(_whole_ticks(*ax.get_xlim(), most=_ticks_across(size)))

    def set_bar(self, bar: Any) -> None:
        """Write whole years beside the colour bar."""
        bar.set_label(self.page.text("calendar_year"))
        bar.set_ticks(_whole_ticks(bar.vmin, bar.vmax, most=6).tolist())
        bar.formatter = FuncFormatter(lambda value, _: f"{value:.0f}")


class MapPicture(RatesPicture):
    """Age by calendar time, coloured by the rate."""

    kind = "heatmap"

    def paint_panel(self, ax: Axes, panel: Panel) -> Any:
        """Draw a map of cells."""
        shown, theme = self.shown, self.page.theme
        rates = np.ma.masked_invalid(panel.rates)
        looks: dict[str, Any] = {"norm": self.scale, "cmap": theme.colour_map, "rasterized": True}
        mesh = ax.pcolormesh(shown.years, shown.ages, rates, **looks)
        for year in np.flatnonzero(panel.extended.all(axis=0)):
            hatched: dict[str, Any] = {"facecolor": "none", "edgecolor": "white", "hatch": "////"}
            ax.axvspan(shown.years[year], shown.years[year + 1], linewidth=0, **hatched)
        ax.set_xlim(shown.years[0], shown.years[-1])
        ax.set_ylim(shown.ages[0], shown.ages[-1])
        ax.set_facecolor(theme.grid)
        return mesh

    def set_ticks(self, ax: Axes, size: Size) -> None:
        """Set as many whole years as have room, and whole ages."""
        ax.set_xticks(_whole_ticks(*ax.get_xlim(), most=_ticks_across(size)))
        ax.set_yticks(_whole_ticks(*ax.get_ylim(), most=6))

    def set_bar(self, bar: Any) -> None:
        """Write the rates of decades beside the colour bar."""
        bar.set_label(self.page.text("deaths_per_1000"))
        bar.locator = LogLocator(numticks=12)
        bar.formatter = self._rate_formatter()


def _ticks_across(size: Size) -> int:
    """Return how many numbers of years have room along an axis."""
    return int(np.clip(size.width / TICK_WIDTH, 1, 6))


def _whole_ticks(low: float, high: float, *, most: int) -> FloatArray:
    """Return whole numbers between two, ends included."""
    ticks = np.asarray(MaxNLocator(most, integer=True).tick_values(low, high), dtype=np.float64)
    # Where the range holds fewer than two whole numbers, matplotlib gives fractions, which would be written alike.
    kept: FloatArray = ticks[(ticks >= low) & (ticks <= high) & (ticks == np.round(ticks))]
    return kept


def _decades(values: FloatArray) -> tuple[float, float]:
    low = 10 ** math.floor(math.log10(float(values.min())) + 1e-9)
    high = 10 ** math.ceil(math.log10(float(values.max())) - 1e-9)
    return low, max(high, 10 * low)


def _rate_text(rate: float, language: str) -> str:
    digits = max(0, -math.floor(math.log10(rate) + 1e-9)) if rate > 0 else 0
    return count_text(round(rate), language) if rate >= 10 else decimal_text(rate, digits, language)
