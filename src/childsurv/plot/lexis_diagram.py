"""Who contributes which part of follow-up: a Lexis picture of a cohort, complete, period or hybrid approach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

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
from childsurv.plot.groups import require_minimum
from childsurv.plot.page import EDGE, Frame, Grid, Margins, Page, Size, widest, write
from childsurv.plot.spacing import text_height, time_ticks, wrapped
from childsurv.plot.style import Theme
from childsurv.plot.writing import Picture

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SMALL_HATCH = "////"
BAR_WIDTH = 0.1
"""Inches."""


SLIVER_DAYS = 2.0
"""Days a child up to which a cell is not drawn."""


@dataclass(frozen=True)
class Cells:
    """Person-years and children by calendar year and year since diagnosis."""

    year: IntArray
    """Calendar year of each cell with follow-up."""

    since: IntArray
    """Completed years since diagnosis."""

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
        Whether to draw a line for each child, with a mark at a death. Such a picture shows single children, so that it
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
        If an option is not valid, or no child is followed.

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
    page = Page(ax=ax, title=title, subtitle=subtitle, note=note, width=width, language=language, theme=theme)
    least = require_minimum(minimum)
    if not isinstance(years, int) or isinstance(years, bool) or not 1 <= years <= 60:
        raise OptionError("years= takes a whole number of years since diagnosis, from 1 to 60.")
    if lines and minimum is not None:
        raise OptionError("lines=True draws single children; say minimum=None to allow it.")
    named = _named_cohorts(cohorts)
    if ax is not None and len(named) > 1:
        raise OptionError("ax= takes one cohort; leave it out for several.")
    panels = [
        LexisPanel(_head(name, one), _seen(lexis_cells(one, years=years)), one if lines else None)
        for name, one in named.items()
    ]
    every = np.concatenate([panel.cells.year for panel in panels])
    if every.size == 0:
        raise OptionError("plot.lexis: no child is followed, so nothing can be drawn.")
    shaded = np.concatenate([panel.cells.person_years[panel.cells.children >= least] for panel in panels])
    small = any((panel.cells.children < least).any() for panel in panels)
    if ax is not None:
        page.subtitle = " ".join(part for part in (page.subtitle, panels[0].head) if part)
    return page.draw(
        LexisPicture(
            page=page,
            notes=[page.text("lexis_small", minimum=least) if small else ""],
            panels=panels,
            span=(int(every.min()), int(every.max()) + 1),
            years=years,
            least=least,
            scale=Normalize(0.0, float(shaded.max()) if shaded.size else 1.0),
        )
    )


def _named_cohorts(cohorts: Any) -> dict[str, Cohort]:
    if isinstance(cohorts, Cohort):
        return {"": cohorts}
    named = dict(cohorts) if isinstance(cohorts, Mapping) else {}
    if not named or not all(isinstance(one, Cohort) for one in named.values()):
        raise OptionError("plot.lexis draws a Cohort, or a mapping from names to Cohorts.")
    return named


@dataclass(frozen=True, eq=False)
class LexisPanel:
    """One cohort."""

    head: str
    cells: Cells
    followed: Cohort | None
    """The cohort, where its children are drawn as lines."""


@dataclass(frozen=True, eq=False)
class LexisPicture:
    """A Lexis picture."""

    by_height: ClassVar[bool] = True

    page: Page
    notes: Sequence[str]
    panels: Sequence[LexisPanel]
    span: tuple[int, int]
    """First calendar year, and the one after the last."""

    years: int
    """Years since diagnosis that are shown."""

    least: int
    """Children that a cell needs in order to be shaded."""

    scale: Normalize

    def description(self) -> str:
        """Return the person-years of each cohort, in words."""
        page = self.page
        unit = page.text("person_years").lower()
        return "; ".join(
            f"{panel.head}: {page.count(round(float(panel.cells.person_years.sum())))} {unit}"
            for panel in self.panels
        )

    @property
    def foot(self) -> float:
        """Inches that the horizontal axis takes."""
        return 0.2 + self.page.line(small=True) + self.page.line()

    def compose(self, frame: Frame) -> Picture:
        """Return a new picture."""
        page, theme, count = self.page, self.page.theme, len(self.panels)
        columns = 1 if count == 1 else 2
        rows = -(-count // columns)
        left = EDGE + page.line() + 0.12 + widest([str(self.years)], theme, size=theme.small)
        bar = BAR_WIDTH + 0.12 + widest([page.count(self.scale.vmax or 0)], theme, size=theme.small) + 0.35
        room = (frame.width - bar - EDGE - columns * (left + 0.1)) / columns
        heads = [wrapped(one.head, room, family=theme.font, size=theme.small) for one in self.panels]
        above = max(text_height(one, size=theme.small) if one else 0.0 for one in heads) + 0.08
        tall = min(0.75 * room, 3.4)
        row = above + tall + self.foot
        foot = frame.below + self.foot
        grid = Grid(columns, rows, left, foot, room, tall, across=left + room + 0.1, upwards=row)
        picture = frame.picture(rows * row)
        for place, panel in enumerate(self.panels):
            ax = frame.axes(picture, grid.place(place))
            self._paint_panel(ax, panel, named=place % columns == 0)
            self._set_ticks(ax, Size(room, tall))
            style = {"va": "bottom", "size": theme.small, "label": "panel-name"}
            write(ax, heads[place], (0, 1), shift=(0, 4), **style)
        place_of_bar = (frame.width - bar + 0.05, foot, BAR_WIDTH, min(tall, 2.0))
        bar_axes = frame.bar_axes(picture, place_of_bar)
        shades = mpl.cm.ScalarMappable(norm=self.scale, cmap=_shades())
        picture.colorbar(shades, cax=bar_axes, label=page.text("person_years"))
        bar_axes.tick_params(length=2, labelsize=theme.small)
        return picture

    def paint(self, ax: Axes) -> None:
        """Draw the cells of one cohort into a user's axes."""
        self._paint_panel(ax, self.panels[0], named=True)

    def fit(self, ax: Axes, size: Size) -> Margins:
        """Set the ticks of a user's axes."""
        self._set_ticks(ax, size)
        return Margins(above=0.0, below=self.foot)

    def _paint_panel(self, ax: Axes, panel: LexisPanel, *, named: bool) -> None:
        theme, cells = self.page.theme, panel.cells
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        squares = np.stack([cells.year, cells.since], axis=1)[:, None, :] + corners[None, :, :]
        shaded = cells.children >= self.least
        common: dict[str, Any] = {"linewidths": 0.4, "zorder": 1}
        shades: dict[str, Any] = {"array": cells.person_years[shaded], "cmap": _shades(), "norm": self.scale}
        ax.add_collection(
            PolyCollection(squares[shaded], edgecolors="white", label="_cells", **shades, **common)
        )
        if not shaded.all():
            white: dict[str, Any] = {"facecolors": "white", "edgecolors": theme.context, "hatch": SMALL_HATCH}
            ax.add_collection(PolyCollection(squares[~shaded], label="_small", **white, **common))
        if panel.followed is not None:
            _follow_up_lines(ax, panel.followed, self.years, theme)
        ax.set_xlim(*self.span)
        ax.set_ylim(0, self.years)
        ax.set_xlabel(self.page.text("calendar_year"))
        if named:
            ax.set_ylabel(self.page.text("years"))

    def _set_ticks(self, ax: Axes, size: Size) -> None:
        theme = self.page.theme
        wide = widest(["2000"], theme, size=theme.small) + 0.12
        ticks = time_ticks(*self.span, room=size.width, widest=wide)
        # On a wide axis of few years there are ticks within years, which would be written alike.
        ticks = ticks[np.abs(ticks - np.round(ticks)) < 1e-6]
        ax.set_xticks(ticks, labels=[f"{tick:.0f}" for tick in ticks])
        ax.set_yticks(time_ticks(0, self.years, room=size.height, widest=0.24))


def _head(name: str, cohort: Cohort) -> str:
    """Return the name of a panel with the approach, which begins with the approach's own name."""
    approach = "; ".join(
        dict.fromkeys(str(one["approach"]) for one in cohort.provenance if "approach" in one)
    )
    if not approach or not name:
        return approach or name
    return approach if approach.startswith(f"{name}:") else f"{name} ({approach})"


def _shades() -> ListedColormap:
    # One hue, dark for much, so that little follow-up is near the white of none, and a print in grey shows the same.
    return ListedColormap(mpl.colormaps["Blues"](np.linspace(0.15, 1.0, 256)))


def _seen(cells: Cells) -> Cells:
    """Return the cells of more than a day or so a child; others are what whole days leave at the edge of a year."""
    kept = cells.person_years * DAYS_PER_YEAR > SLIVER_DAYS * cells.children
    return Cells(cells.year[kept], cells.since[kept], cells.person_years[kept], cells.children[kept])


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
