"""Population mortality as a picture: the rates of a life table by age, with years as colour, or as a map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from childsurv.errors import OptionError, require_choice
from childsurv.lifetable.table import AFTER_ALL, BEFORE_ALL, LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.plot.frame import (
    EDGE,
    add_axes,
    annotate_given_axes,
    axes_size,
    joined_notes,
    make_frame,
    widest,
)
from childsurv.plot.groups import Names, label_text
from childsurv.plot.spacing import text_height
from childsurv.plot.style import Theme, as_theme, drawing, width_in_inches
from childsurv.words.catalogue import count_text, decimal_text
from childsurv.words.catalogue import picture_text as text

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

PER = 1000.0
"""Deaths are shown per so many person-years."""


@dataclass(frozen=True)
class Panel:
    """One stratum: rates per 1,000 person-years, shape ``(n_ages, n_years)``, and its name."""

    name: str
    rates: FloatArray
    extended: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rates:
    """What is drawn: panels on common edges of ages (years) and of calendar cells (years with a fraction)."""

    panels: tuple[Panel, ...]
    ages: FloatArray
    years: FloatArray
    zeros: int
    missing: int
    extended: int


def life_table(
    table: LifeTable,
    *,
    kind: str = "ages",
    strata: dict[str, Any] | None = None,
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
    strata
        Which strata to show: ``{"country": "XAA", "sex": ["female", "male"]}``. All unless given.
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
    >>> figure = cs.plot.life_table(table, strata={"country": country}, ages=(0, 20), title="Simulated data")
    >>> len(figure.axes)
    3

    References
    ----------
    Preston SH, Heuveline P, Guillot M. Demography: measuring and modeling population processes.
    Blackwell 2001, chapter 3.
    """
    require_choice(kind, KINDS, argument="kind")
    looks = as_theme(theme)
    shown = _rates(table, strata or {}, ages, years, names)
    values = np.concatenate([panel.rates[np.isfinite(panel.rates)].ravel() for panel in shown.panels])
    if values.size == 0:
        raise OptionError(
            "plot.life_table: every cell in these ranges is missing or 0, so nothing can be drawn."
        )
    rate_scale = LogNorm(*_decades(values))
    notes = [
        note or "",
        text("zero_cells", language, count=count_text(shown.zeros, language)) if shown.zeros else "",
        text("missing_cells", language, count=count_text(shown.missing, language)) if shown.missing else "",
        text("carried_cells", language, count=count_text(shown.extended, language)) if shown.extended else "",
    ]
    draw = _draw_lines if kind == "ages" else _draw_map
    with drawing(looks):
        if ax is not None:
            if len(shown.panels) > 1:
                raise OptionError(
                    f"ax= takes one stratum; the table has {len(shown.panels)} here. Choose one with strata=."
                )
            coloured, bar_label, bar_scale = draw(ax, shown, shown.panels[0], rate_scale, looks, language)
            _label_axes(ax, kind, language, left=True, bottom=True)
            bar = ax.figure.colorbar(coloured, ax=ax, fraction=0.05, pad=0.03)
            _set_bar(bar, bar_label, bar_scale, language)
            below = 2 * text_height("0", size=looks.size) + 0.15
            annotate_given_axes(
                ax, title=title, subtitle=subtitle, note=joined_notes(notes, axes_size(ax)[0], looks), below=below,
                theme=looks,
            )  # fmt: skip
            return ax
        frame = make_frame(width_in_inches(width), looks, title=title, subtitle=subtitle, notes=notes)
        count = len(shown.panels)
        columns = (
            1
            if count == 1
            else min(count, 2 if frame.width < 8 and count < 7 else 3 if frame.width < 8 else 5)
        )
        rows = math.ceil(count / columns)
        lowest, highest = np.log10(_decades(values))
        decades = 10.0 ** np.arange(lowest, highest + 0.5)
        ticks = [_rate_text(float(rate), language) for rate in decades]
        tick_room = widest(ticks, looks, size=looks.small)
        line = text_height("0", size=looks.size)
        on_lines = kind == "ages"
        left = EDGE + line + 0.2 + (tick_room if on_lines else widest(["100"], looks, size=looks.small))
        right = EDGE + 0.38 + line + (widest(["2000"], looks, size=looks.small) if on_lines else tick_room)
        gap = 0.16
        head = text_height("0", size=looks.size) + 0.06
        foot = 2 * text_height("0", size=looks.size) + 0.1
        wide = (frame.width - left - right - gap * (columns - 1)) / columns
        tall = float(np.clip(0.62 * wide, 1.1, 3.2)) if columns > 1 else min(0.6 * wide, 3.4)
        picture = frame.new_picture(rows * (tall + head + gap) - gap + foot)
        coloured, bar_scale, bar_label = None, None, ""
        for place, panel in enumerate(shown.panels):
            row, column = divmod(place, columns)
            bottom = frame.below + foot + (rows - 1 - row) * (tall + head + gap)
            new = add_axes(picture, left + column * (wide + gap), bottom, wide, tall)
            coloured, bar_label, bar_scale = draw(new, shown, panel, rate_scale, looks, language)
            lowest = place + columns >= count
            _label_axes(new, kind, language, left=column == 0 and rows == 1, bottom=lowest)
            new.tick_params(labelleft=column == 0)
            if panel.name:
                new.set_title(panel.name, loc="left", size=looks.size, pad=3)
        if rows > 1:
            # One label for all rows: each of their own would be longer than its panel.
            whole_height = picture.get_size_inches()[1]
            middle = frame.below + foot + (rows * (tall + head + gap) - gap - head) / 2
            picture.text(
                EDGE / frame.width, middle / whole_height, text(_UP[kind], language), rotation=90, ha="left",
                va="center",
            )  # fmt: skip
        bar_tall = min(3.0, rows * (tall + head + gap) - gap - head)
        bar_axes = picture.add_axes(
            (
                (frame.width - right + 0.14) / frame.width,
                (frame.below + foot + (rows * (tall + head + gap) - gap - head - bar_tall) / 2)
                / picture.get_size_inches()[1],
                0.11 / frame.width,
                bar_tall / picture.get_size_inches()[1],
            )
        )
        assert coloured is not None  # there is at least one panel
        bar = picture.colorbar(coloured, cax=bar_axes)
        _set_bar(bar, bar_label, bar_scale, language)
        picture.alt_text = (f"{title}. " if title else "") + text(
            "life_table_alt",
            language,
            strata=count_text(count, language),
            low=_rate_text(float(values.min()), language),
            high=_rate_text(float(values.max()), language),
            first=f"{shown.years[0]:.0f}",
            last=f"{math.ceil(shown.years[-1]) - 1:.0f}",
        )
    return picture


def _rates(
    table: LifeTable,
    strata: dict[str, Any],
    ages: tuple[float, float] | None,
    years: tuple[int, int] | None,
    names: Names,
) -> Rates:
    unknown = sorted(set(strata) - set(table.strata.columns))
    if unknown:
        raise OptionError(
            f"strata= names {', '.join(map(repr, unknown))}; the table is by {', '.join(table.strata.columns)}."
        )
    chosen = np.ones(len(table.strata), dtype=bool)
    for name, wanted in strata.items():
        labels = list(wanted) if isinstance(wanted, (list, tuple, set)) else [wanted]
        absent = [str(label) for label in labels if label not in set(table.strata[name])]
        if absent:
            raise OptionError(f"strata=: the table has no {name} {', '.join(absent)}.")
        chosen &= table.strata[name].isin(labels).to_numpy()
    places = np.flatnonzero(chosen)
    if not 0 < places.size <= MOST_PANELS:
        raise OptionError(
            f"plot.life_table: {places.size} strata are chosen; 1 to {MOST_PANELS} panels can be read. Choose with "
            "strata=."
        )
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
        raise OptionError("plot.life_table: the table has no cell within ages= and years=.")
    block = np.ix_(places, age_cells, year_cells)
    rates = table.rates[block] * DAYS_PER_YEAR * PER
    zeros = rates == 0
    columns = [name for name in table.strata.columns if table.strata.loc[chosen, name].nunique() > 1]
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


def _draw_lines(
    ax: Axes, shown: Rates, panel: Panel, scale: LogNorm, looks: Theme, language: str
) -> tuple[Any, str, Any]:
    middle = (shown.years[:-1] + shown.years[1:]) / 2
    years = Normalize(middle[0], middle[-1] if middle.size > 1 else middle[0] + 1)
    whole = mpl.colormaps[looks.colour_map]
    colours = LinearSegmentedColormap.from_list("years", whole(np.linspace(DARKEST, LIGHTEST, 64)))
    # Single years are joined at their middles; a wide cell is drawn from edge to edge, as constant as it is used.
    single = bool((np.diff(shown.ages)[:-1] <= 1 + 1e-9).all())
    x = (shown.ages[:-1] + shown.ages[1:]) / 2 if single else np.repeat(shown.ages, 2)[1:-1]
    times = 1 if single else 2
    lines = [np.column_stack([x, np.repeat(panel.rates[:, year], times)]) for year in range(middle.size)]
    drawn = LineCollection(
        lines,
        array=middle,
        cmap=colours,
        norm=years,
        linewidths=1.3 if middle.size < 12 else 0.7,
        linestyles=["dashed" if panel.extended[:, year].all() else "solid" for year in range(middle.size)],
    )
    ax.add_collection(drawn)
    ax.set_yscale("log")
    ax.set_ylim(scale.vmin, scale.vmax)
    ax.set_xlim(shown.ages[0], shown.ages[-1])
    ax.grid(True, axis="y")
    ax.yaxis.set_major_locator(LogLocator(numticks=12))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _rate_text(value, language)))
    ax.set_xticks(_whole_ticks(*ax.get_xlim(), most=_ticks_across(ax)))
    return drawn, text("calendar_year", language), None


def _draw_map(
    ax: Axes, shown: Rates, panel: Panel, scale: LogNorm, looks: Theme, language: str
) -> tuple[Any, str, Any]:
    mesh = ax.pcolormesh(
        shown.years,
        shown.ages,
        np.ma.masked_invalid(panel.rates),
        norm=scale,
        cmap=looks.colour_map,
        rasterized=True,
    )
    if panel.extended.any():
        carried = np.flatnonzero(panel.extended.all(axis=0))
        for year in carried:
            ax.axvspan(
                shown.years[year],
                shown.years[year + 1],
                facecolor="none",
                edgecolor="white",
                hatch="////",
                linewidth=0,
            )
    ax.set_xlim(shown.years[0], shown.years[-1])
    ax.set_ylim(shown.ages[0], shown.ages[-1])
    ax.set_facecolor(looks.grid)
    ax.set_xticks(_whole_ticks(*ax.get_xlim(), most=_ticks_across(ax)))
    ax.set_yticks(_whole_ticks(*ax.get_ylim(), most=6))
    return mesh, text("deaths_per_1000", language), scale


_ACROSS = {"ages": "age", "heatmap": "calendar_year"}
_UP = {"ages": "deaths_per_1000", "heatmap": "age"}


def _label_axes(ax: Axes, kind: str, language: str, *, left: bool, bottom: bool) -> None:
    if left:
        ax.set_ylabel(text(_UP[kind], language))
    if bottom:
        ax.set_xlabel(text(_ACROSS[kind], language))
    else:
        ax.tick_params(labelbottom=False)


def _set_bar(bar: Any, label: str, scale: Any, language: str) -> None:
    bar.outline.set_visible(False)
    bar.set_label(label)
    if scale is None:
        bar.set_ticks(_whole_ticks(bar.vmin, bar.vmax, most=6).tolist())
        bar.formatter = FuncFormatter(lambda value, _: f"{value:.0f}")
    else:
        bar.locator = LogLocator(numticks=12)
        bar.formatter = FuncFormatter(lambda value, _: _rate_text(value, language))
    bar.minorticks_off()
    bar.update_ticks()


def _ticks_across(ax: Axes) -> int:
    """Return how many numbers of years have room along an axis."""
    return int(np.clip(axes_size(ax)[0] / TICK_WIDTH, 1, 6))


def _whole_ticks(low: float, high: float, *, most: int) -> FloatArray:
    """Return whole numbers between two, ends included."""
    ticks = np.asarray(MaxNLocator(most, integer=True).tick_values(low, high), dtype=np.float64)
    return ticks[(ticks >= low) & (ticks <= high)]


def _decades(values: FloatArray) -> tuple[float, float]:
    low = 10 ** math.floor(math.log10(float(values.min())) + 1e-9)
    high = 10 ** math.ceil(math.log10(float(values.max())) - 1e-9)
    return low, max(high, 10 * low)


def _rate_text(rate: float, language: str) -> str:
    digits = max(0, -math.floor(math.log10(rate) + 1e-9)) if rate > 0 else 0
    return count_text(round(rate), language) if rate >= 10 else decimal_text(rate, digits, language)
