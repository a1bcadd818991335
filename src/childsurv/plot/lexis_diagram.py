"""Who contributes which part of follow-up: a Lexis picture of a cohort, complete, period or hybrid approach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from childsurv.cohort.cohort import Cohort
from childsurv.errors import OptionError
from childsurv.maths.calendar import DAYS_PER_YEAR, days_of, first_of_january, year_of
from childsurv.plot.frame import (
    EDGE,
    add_axes,
    annotate_given_axes,
    axes_size,
    joined_notes,
    make_frame,
    widest,
)
from childsurv.plot.groups import require_minimum
from childsurv.plot.spacing import text_height, time_ticks, wrapped
from childsurv.plot.style import Theme, as_theme, drawing, width_in_inches
from childsurv.words.catalogue import count_text
from childsurv.words.catalogue import picture_text as text

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SMALL_HATCH = "////"
BAR_WIDTH = 0.1
"""Inches."""


SLIVER_DAYS = 2.0
"""Days a child up to which a cell is not drawn."""


@dataclass(frozen=True)
class Cells:
    """Person-years and children by calendar year and year since diagnosis.

    Attributes
    ----------
    year, since : ndarray of int
        Calendar year and completed years since diagnosis of each cell with follow-up.
    person_years : ndarray
    children : ndarray of int
    """

    year: IntArray
    since: IntArray
    person_years: FloatArray
    children: IntArray


def lexis_cells(cohort: Cohort, *, years: int) -> Cells:
    """Return the person-years of a cohort's follow-up ``(entry, time]`` by calendar year and year since diagnosis."""
    frame = cohort.frame
    diagnosis = days_of(frame["diagnosis_date"])
    entry, time = (frame[name].to_numpy(dtype=np.float64) for name in ("entry", "time"))
    parts: list[tuple[IntArray, int, FloatArray]] = []
    for since in range(years):
        start = np.maximum(entry, since * DAYS_PER_YEAR)
        end = np.minimum(time, (since + 1) * DAYS_PER_YEAR)
        row = np.flatnonzero(end > start)
        # The first day at risk is the one after diagnosis + entry; a year since diagnosis meets up to three calendar
        # years.
        begin, finish = diagnosis[row] + 1 + start[row], diagnosis[row] + 1 + end[row]
        first = year_of(np.floor(begin).astype(np.int64))
        for later in range(3):
            low = np.maximum(begin, first_of_january(first + later))
            high = np.minimum(finish, first_of_january(first + later + 1))
            own = high > low
            parts.append((first[own] + later, since, (high - low)[own]))
    year = np.concatenate([part[0] for part in parts])
    since_of = np.concatenate([np.full(part[0].size, part[1]) for part in parts])
    days = np.concatenate([part[2] for part in parts])
    if not year.size:
        return Cells(year, since_of, days, year)
    cells, place = np.unique(year * years + since_of, return_inverse=True)
    return Cells(
        year=cells // years,
        since=cells % years,
        person_years=np.bincount(place, days) / DAYS_PER_YEAR,
        children=np.bincount(place),
    )


def lexis(
    cohorts: Cohort | Mapping[str, Cohort],
    *,
    ax: Axes | None = None,
    years: int = 10,
    minimum: int | None = 5,
    lines: bool = False,
    title: str | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    width: float | str = "page",
    language: str = "en",
    theme: Theme | None = None,
) -> Figure | Axes:
    """Draw which part of follow-up contributes: calendar time across, time since diagnosis upwards.

    Each cell is a calendar year and a year since diagnosis, shaded by its person-years; children move upwards to the
    right. What an approach such as `childsurv.period_approach` leaves out stays white, as do cells of less than two
    days a child, which whole days leave at the edges of years.

    Parameters
    ----------
    cohorts
        A Cohort, or several by name: ``{"cohort": ..., "period": ...}``, one panel each on common axes and shades.
    ax
        Axes to draw one cohort into.
    years
        Whole years since diagnosis that are shown.
    minimum
        Cells of fewer children are hatched and not shaded; None shades all.
    lines
        Whether to draw a line for each child, a mark where one died. Such a picture shows single children, so that it
        needs ``minimum=None``: for teaching, never for real data that leave the registry.
    title, subtitle, note, width, language, theme
        As in `curves`. The approach of each cohort is written above its panel.

    Returns
    -------
    Figure or Axes
        The Axes given, or a new Figure.

    Raises
    ------
    OptionError
        If an option is not valid, or nobody is followed.

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=1000, seed=1)
    >>> period = cs.period_approach(cohort, followed=("2015-01-01", "2017-12-31"))
    >>> len(cs.plot.lexis({"complete": cohort, "period": period}).axes)
    3

    References
    ----------
    Brenner H, Gefeller O, Hakulinen T. Period analysis for 'up-to-date' cancer survival data: theory, empirical
    evaluation, computational realisation and applications. Eur J Cancer 2004; 40:326-35. doi:10.1016/j.ejca.2003.10.013
    """
    looks, least = as_theme(theme), require_minimum(minimum)
    if not isinstance(years, int) or isinstance(years, bool) or not 1 <= years <= 60:
        raise OptionError("years= takes a whole number of years since diagnosis, from 1 to 60.")
    if lines and minimum is not None:
        raise OptionError("lines=True draws single children; say minimum=None to allow it.")
    panels = (
        {"": cohorts}
        if isinstance(cohorts, Cohort)
        else dict(cohorts)
        if isinstance(cohorts, Mapping)
        else {}
    )
    if not panels or not all(isinstance(one, Cohort) for one in panels.values()):
        raise OptionError("plot.lexis draws a Cohort, or a mapping from names to Cohorts.")
    if ax is not None and len(panels) > 1:
        raise OptionError("ax= takes one cohort; leave it out for several.")
    found = {name: _seen(lexis_cells(one, years=years)) for name, one in panels.items()}
    every = np.concatenate([cells.year for cells in found.values()])
    if every.size == 0:
        raise OptionError("plot.lexis: nobody is followed, so nothing can be drawn.")
    span = (int(every.min()), int(every.max()) + 1)
    told = np.concatenate([cells.person_years[cells.children >= least] for cells in found.values()])
    scale = Normalize(0.0, float(told.max()) if told.size else 1.0)
    small = any((cells.children < least).any() for cells in found.values())
    notes = [note or "", text("lexis_small", language, minimum=least) if small else ""]
    words = [text("calendar_year", language), text("years", language)]
    heads = {name: _head(name, one) for name, one in panels.items()}
    with drawing(looks):
        if ax is not None:
            ((name, cells),) = found.items()
            _draw(ax, cells, panels[name], span, years, least, scale, looks, lines=lines)
            ax.set_xlabel(words[0])
            ax.set_ylabel(words[1])
            below = 0.2 + text_height("0", size=looks.small) + text_height("0", size=looks.size)
            head = " ".join(part for part in (subtitle or "", heads[name]) if part)
            annotate_given_axes(
                ax,
                title=title,
                subtitle=wrapped(head, axes_size(ax)[0], family=looks.font, size=looks.size),
                note=joined_notes(notes, axes_size(ax)[0], looks),
                below=below,
                theme=looks,
            )
            return ax
        frame = make_frame(width_in_inches(width), looks, title=title, subtitle=subtitle, notes=notes)
        columns = 1 if len(panels) == 1 else 2
        count = -(-len(panels) // columns)
        left = EDGE + text_height("0", size=looks.size) + 0.12 + widest([str(years)], looks, size=looks.small)
        bar = (
            BAR_WIDTH + 0.12 + widest([count_text(scale.vmax or 0, language)], looks, size=looks.small) + 0.35
        )
        room = (frame.width - bar - EDGE - columns * (left + 0.1)) / columns
        headings = [wrapped(one, room, family=looks.font, size=looks.small) for one in heads.values()]
        above = max(text_height(one, size=looks.small) if one else 0.0 for one in headings) + 0.08
        foot = 0.2 + text_height("0", size=looks.small) + text_height("0", size=looks.size)
        tall = min(0.75 * room, 3.4)
        picture = frame.new_picture(count * (above + tall + foot))
        for place, (name, cells) in enumerate(found.items()):
            row, column = divmod(place, columns)
            bottom = frame.below + (count - 1 - row) * (above + tall + foot) + foot
            new = add_axes(picture, left + column * (left + room + 0.1), bottom, room, tall)
            _draw(new, cells, panels[name], span, years, least, scale, looks, lines=lines)
            new.set_xlabel(words[0])
            if column == 0:
                new.set_ylabel(words[1])
            new.annotate(
                headings[place], (0, 1), xycoords="axes fraction", xytext=(0, 4), textcoords="offset points",
                va="bottom", size=looks.small, annotation_clip=False, label="panel-name",
            )  # fmt: skip
        shades = mpl.cm.ScalarMappable(norm=scale, cmap=_shades())
        height = frame.below + foot
        bar_axes = add_bar(picture, frame.width - bar + 0.05, height, min(tall, 2.0))
        picture.colorbar(shades, cax=bar_axes, label=text("person_years", language))
        bar_axes.tick_params(length=2, labelsize=looks.small)
        picture.alt_text = (f"{title}. " if title else "") + "; ".join(
            f"{one}: {count_text(round(float(cells.person_years.sum())), language)} "
            f"{text('person_years', language).lower()}"
            for one, cells in zip(heads.values(), found.values(), strict=True)
        )
    return picture


def add_bar(picture: Figure, left: float, bottom: float, height: float) -> Axes:
    """Add the axes of the scale of shades at a place in inches."""
    wide, tall = picture.get_size_inches()
    return picture.add_axes((left / wide, bottom / tall, BAR_WIDTH / wide, height / tall))


def _head(name: str, cohort: Cohort) -> str:
    """Return the name of a panel with the approach, which begins with the approach's own name."""
    approach = "; ".join(
        dict.fromkeys(str(one["approach"]) for one in cohort.provenance if "approach" in one)
    )
    if not approach or not name:
        return approach or name
    return approach if approach.startswith(f"{name}:") else f"{name} ({approach})"


def _shades() -> ListedColormap:
    # One hue, dark for much, so that little follow-up is near the white of none, and grey tells as much.
    return ListedColormap(mpl.colormaps["Blues"](np.linspace(0.15, 1.0, 256)))


def _seen(cells: Cells) -> Cells:
    """Return the cells of more than a day or so a child; others are what whole days leave at the edge of a year."""
    kept = cells.person_years * DAYS_PER_YEAR > SLIVER_DAYS * cells.children
    return Cells(cells.year[kept], cells.since[kept], cells.person_years[kept], cells.children[kept])


def _draw(
    ax: Axes,
    cells: Cells,
    cohort: Cohort,
    span: tuple[int, int],
    years: int,
    least: int,
    scale: Normalize,
    theme: Theme,
    *,
    lines: bool,
) -> None:
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    squares = np.stack([cells.year, cells.since], axis=1)[:, None, :] + corners[None, :, :]
    told = cells.children >= least
    ax.add_collection(
        PolyCollection(
            squares[told], array=cells.person_years[told], cmap=_shades(), norm=scale, edgecolors="white",
            linewidths=0.4, zorder=1, label="_cells",
        )
    )  # fmt: skip
    if not told.all():
        ax.add_collection(
            PolyCollection(
                squares[~told], facecolors="white", edgecolors=theme.context, hatch=SMALL_HATCH, linewidths=0.4,
                zorder=1, label="_small",
            )
        )  # fmt: skip
    if lines:
        _follow_up_lines(ax, cohort, years, theme)
    ax.set_xlim(*span)
    ax.set_ylim(0, years)
    room = axes_size(ax)
    ticks = time_ticks(*span, room=room[0], widest=widest(["2000"], theme, size=theme.small) + 0.12)
    ax.set_xticks(ticks, labels=[f"{tick:.0f}" for tick in ticks])
    ax.set_yticks(time_ticks(0, years, room=room[1], widest=0.24))


def _follow_up_lines(ax: Axes, cohort: Cohort, years: int, theme: Theme) -> None:
    frame = cohort.frame
    diagnosis = days_of(frame["diagnosis_date"])
    year = year_of(diagnosis)
    first = first_of_january(year)
    start = year + (diagnosis - first) / (first_of_january(year + 1) - first)
    entry, time = (frame[name].to_numpy(dtype=np.float64) / DAYS_PER_YEAR for name in ("entry", "time"))
    end = np.minimum(time, years)
    shown = end > entry
    points = np.stack([np.stack([start + at, at], axis=1) for at in (entry, end)], axis=1)[shown]
    ax.add_collection(
        LineCollection(list(points), colors=theme.ink, linewidths=0.5, zorder=2, label="_lines")
    )
    dead = shown & (frame["event"].to_numpy(dtype=np.int64) == 1) & (time <= years)
    ax.plot(
        (start + time)[dead], time[dead], linestyle="none", marker="x", markersize=3, color=theme.accent, zorder=3,
        label="_deaths",
    )  # fmt: skip
