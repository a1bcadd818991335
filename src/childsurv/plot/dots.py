"""Groups ranked by survival at one time, with intervals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from childsurv.curves.curves import Curves
from childsurv.curves.reliability import Rules
from childsurv.errors import OptionError, asking, require_choice
from childsurv.plot.estimates import USUAL_YEARS, Estimates, Reading, estimates_of, interval_text, require_by
from childsurv.plot.groups import Names, group_texts, require_minimum, require_share, require_shares
from childsurv.plot.notes import axis_break, hidden_groups, mark_notes, mark_of, with_level
from childsurv.plot.page import EDGE, Frame, Margins, Page, Size, write
from childsurv.plot.sheet import Column, Sheet, make_sheet
from childsurv.plot.spacing import percent_ticks, spread, text_width
from childsurv.plot.style import Theme
from childsurv.plot.writing import Picture

Mask = npt.NDArray[np.bool_]

ORDERS = ("estimate", "name", "given")


def ranking(
    source: Curves | pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    years: float | None = None,
    times: float | None = None,
    ax: Axes | None = None,
    order: str = "estimate",
    reference: Curves | float | None = None,
    reference_label: str | None = None,
    target: float | None = None,
    target_label: str | None = None,
    highlight: Collection[Any] = (),
    minimum: int | None = 5,
    mark_below: int | None = 30,
    reliability: Rules | None = None,
    names: Names = None,
    xlim: tuple[float, float] | None = None,
    title: str | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    xlabel: str | None = None,
    width: float | str = "page",
    language: str = "en",
    theme: Theme | None = None,
) -> Figure | Axes:
    """Rank groups by their survival at one time: a dot and its interval a group, with numbers beside.

    Ranks of small groups are mostly chance, so the interval, the number of patients and a mark for few
    patients are always drawn beside the dot.

    Parameters
    ----------
    source
        Curves with one curve a group, or a table with columns ``estimate, lower, upper`` as shares and
        ``patients``, one row a group.
    by
        Column or columns that name the groups; needed for a table.
    years, times
        When to read the curves: years, 5 unless given, or the curves' own unit.
    ax
        Axes to draw into; names and numbers are then drawn to their left and right, so leave room.
    order
        "estimate" puts the highest on top; "name" sorts by name; "given" keeps the order of the groups.
    reference
        Survival of all, as Curves with one group or a share: a dashed line.
    reference_label
        Its text; "All" unless given. The value follows.
    target
        A share to reach, such as 0.6: a dotted line.
    target_label
        Its text; "Target" unless given. The value follows.
    highlight
        Labels of groups to draw in the accent colour.
    minimum
        Groups with fewer patients are not shown, and the note says how many; None shows all.
    mark_below
        Groups with fewer patients get an open dot and a dagger; None marks none.
    reliability
        "concord-like" or own thresholds, as for `Curves.reliability`: what is not reliable is marked ‡, what is not to
        be standardised §, and a group with too few patients has no estimate. A table of `Curves.reliability` brings its
        own.
    names
        Texts for labels, such as ``{"XAA": "Avaland"}``, or for each column such a mapping.
    xlim
        Ends of the survival axis as shares; the tens that hold every interval unless given. The note reports
        when it does not start at 0.
    title, subtitle, note, xlabel, width, language, theme
        As in `curves`.

    Returns
    -------
    Figure or Axes
        The Axes given, or a new Figure.

    Raises
    ------
    ColumnError, DataError
        If a table lacks a column, repeats a group or holds impossible values.
    OptionError
        If an option is not valid, or no group has enough patients.

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=2000, seed=1)
    >>> figure = cs.plot.ranking(
    ...     cs.kaplan_meier(cohort, by="country"), years=5, reference=cs.kaplan_meier(cohort), target=0.6
    ... )
    >>> len(figure.axes)
    1

    References
    ----------
    Goldstein H, Spiegelhalter DJ. League tables and their limitations. J R Stat Soc A 1996; 159:385-443.
    doi:10.2307/2983325
    """
    page = Page(ax=ax, title=title, subtitle=subtitle, note=note, width=width, language=language, theme=theme)
    require_choice(order, ORDERS, argument="order")
    least, few = require_minimum(minimum), require_minimum(mark_below, argument="mark_below")
    reading = Reading(years, times, reliability)
    with asking("plot.ranking"):
        columns = require_by(by, source)
        found = estimates_of(
            source,
            by=columns,
            reading=reading,
            needs_patients=minimum is not None or mark_below is not None,
            needs_limits=True,
            language=language,
        )
    least = max(least, found.minimum)
    all_rows = found.table.assign(name=group_texts(found.table, columns, names))
    rows = _ordered(all_rows[all_rows["patients"].isna() | (all_rows["patients"] >= least)], least, order)
    lines = [
        line
        for line in (
            _reference(reference, reference_label, reading, page),
            _target(target, target_label, page),
        )
        if line is not None
    ]
    limits = _share_limits(rows, [line.share for line in lines], xlim)
    small = (rows["patients"] < few).to_numpy()
    notes = [
        with_level(page, "bars", found.level, kind=found.kind),
        page.text("small_open", below=few) if small.any() else "",
        *mark_notes(page, rows["reliability"], found),
        hidden_groups(page, len(all_rows) - len(rows), len(all_rows), least),
        axis_break(page, *limits),
    ]
    return page.draw(
        RankingPicture(
            page=page,
            notes=notes,
            found=found,
            rows=rows,
            small=small,
            lit=_highlighted(rows, all_rows, columns, highlight),
            lines=lines,
            limits=limits,
            axis_text=(found.quantity or page.text("survival")) if xlabel is None else xlabel,
        )
    )


class Line(NamedTuple):
    """A vertical line to compare groups with."""

    share: float
    name: str
    style: Any


def _ordered(rows: pd.DataFrame, least: int, order: str) -> pd.DataFrame:
    if rows.empty:
        raise OptionError(
            f"No group has at least {least} patients, so nothing can be drawn; "
            "merge groups, or lower minimum=."
        )
    if order == "estimate":
        rows = rows.sort_values("estimate", ascending=False, kind="stable", na_position="last")
    elif order == "name":
        rows = rows.sort_values("name", kind="stable")
    return rows.reset_index(drop=True)


def _highlighted(
    rows: pd.DataFrame, all_rows: pd.DataFrame, columns: list[str], highlight: Collection[Any]
) -> Mask:
    wanted = set(highlight)
    missing = wanted - {label for column in columns for label in all_rows[column]}
    if missing:
        raise OptionError(
            f"highlight= names {len(missing)} label(s) that no group has; "
            "use the labels of the group columns."
        )
    labels = rows[columns].itertuples(index=False, name=None)
    return np.array([bool(wanted & set(own)) for own in labels], dtype=bool)


def _reference(reference: Any, label: str | None, reading: Reading, page: Page) -> Line | None:
    if reference is None:
        return None
    if isinstance(reference, Curves):
        if len(reference.groups) != 1:
            raise OptionError(
                "reference= must be Curves with one group, such as those estimated without by=."
            )
        years = USUAL_YEARS if reading.years is None and reading.times is None else reading.years
        share = float(reference.at(times=reading.times, years=years)["estimate"].iloc[0])
        if not np.isfinite(share):
            raise OptionError(
                "reference=: no patient of the reference is followed for that long; choose an earlier time."
            )
    else:
        share = require_share(reference, argument="reference")
    name = page.text("pooled") if label is None else label
    return Line(share, f"{name} {page.percent(share)}".strip(), (0, (4, 2)))


def _target(target: float | None, label: str | None, page: Page) -> Line | None:
    if target is None:
        return None
    share = require_share(target, argument="target")
    name = page.text("target") if label is None else label
    return Line(share, f"{name} {page.percent(share)}".strip(), (0, (1, 1.5)))


def _share_limits(
    rows: pd.DataFrame, others: list[float], xlim: tuple[float, float] | None
) -> tuple[float, float]:
    if xlim is not None:
        low, high = require_shares(xlim, argument="xlim")
        outside = int(((rows["estimate"] < low) | (rows["estimate"] > high)).sum()) + sum(
            not low <= one <= high for one in others
        )
        if outside:
            raise OptionError(f"xlim= leaves out {outside} estimate(s) or line(s); widen it.")
        return low, high
    values = np.concatenate([rows[["estimate", "lower", "upper"]].to_numpy().ravel(), others])
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    return max(0.0, float(np.floor(values.min() * 10 + 1e-9)) / 10), max(1.0, float(values.max()))


@dataclass(frozen=True, eq=False)
class RankingPicture:
    """A picture of ranked groups."""

    by_height: ClassVar[bool] = False

    page: Page
    notes: Sequence[str]
    found: Estimates
    rows: pd.DataFrame
    """The groups shown, in their order."""

    small: Mask
    """Groups with few patients."""

    lit: Mask
    """Groups in the accent colour."""

    lines: list[Line]
    limits: tuple[float, float]
    axis_text: str

    def description(self) -> str:
        """Return the value of each group, in words."""
        values = zip(self.rows["name"], self._values(), strict=True)
        return f"{self.axis_text}: " + "; ".join(f"{name} {value}" for name, value in values)

    def compose(self, frame: Frame) -> Picture:
        """Return a new picture."""
        sheet = self._sheet(0.3 * frame.width)
        head = max(sheet.head, self.page.line(small=True) + 0.08 if self.lines else 0.0) + 0.05
        foot = self.page.label_height(self.axis_text)
        picture = frame.picture(head + sheet.height + foot)
        left = EDGE + sheet.left
        room = frame.width - left - sheet.right - EDGE
        ax = frame.axes(picture, (left, frame.below + foot, room, sheet.height))
        self.paint(ax)
        self._draw(ax, sheet, room)
        return picture

    def paint(self, ax: Axes) -> None:
        """Name the axis; all rows depend on how their names break."""
        ax.set_xlabel(self.axis_text)

    def fit(self, ax: Axes, size: Size) -> Margins:
        """Draw names, intervals and numbers into a user's axes."""
        sheet = self._sheet(0.5 * size.width)
        self._draw(ax, sheet, size.width)
        return Margins(above=sheet.head, below=self.page.label_height(self.axis_text))

    def _values(self) -> list[str]:
        """Return the estimate and interval of each row, or why it has none."""
        page, minimum = self.page, self.found.minimum
        usual = page.text("too_few_at_risk", minimum=minimum) if minimum else page.text("too_short")
        values = []
        for estimate, lower, upper, verdict in self._estimates():
            if np.isfinite(estimate):
                values.append(interval_text(estimate, lower, upper, page.language))
            else:
                few = verdict == "no estimate" and not minimum
                values.append(page.text("too_few") if few else usual)
        return values

    def _estimates(self) -> Iterable[tuple[Any, ...]]:
        """Return estimate, limits and reliability of each row."""
        wanted = self.rows[["estimate", "lower", "upper", "reliability"]]
        return wanted.itertuples(index=False, name=None)

    def _sheet(self, name_room: float) -> Sheet:
        page, rows = self.page, self.rows
        columns = [Column(with_level(page, "share_head", self.found.level), tuple(self._values()))]
        if rows["patients"].notna().any():
            numbers = tuple(page.count(number) for number in rows["patients"])
            columns.append(Column(page.text("patients"), numbers, align="right"))
        names = []
        for name, small, verdict in zip(rows["name"], self.small, rows["reliability"], strict=True):
            names.append(" ".join(part for part in (name, "†" if small else "", mark_of(verdict)) if part))
        return make_sheet(names, columns, page.theme, name_room=name_room)

    def _draw(self, ax: Axes, sheet: Sheet, room: float) -> None:
        theme = sheet.theme
        sheet.set_rows(ax)
        self._set_axis(ax, room)
        across: dict[str, Any] = {"color": theme.grid, "linewidth": 0.6, "zorder": 0.5}
        ax.hlines(sheet.centres, 0, 1, transform=ax.get_yaxis_transform(), **across)
        for line in self.lines:
            vertical: dict[str, Any] = {"color": theme.ink, "linewidth": 0.9, "zorder": 1.5}
            ax.axvline(line.share, linestyle=line.style, label="_reference", **vertical)
        self._name_lines(ax, room)
        for row, (estimate, lower, upper, verdict) in enumerate(self._estimates()):
            y, colour = sheet.centres[row], theme.accent if self.lit[row] else theme.colour(0)
            hollow = self.small[row] or verdict == "not reliable"
            if np.isfinite(lower) and np.isfinite(upper):
                sheet.draw_interval(ax, y, [lower, upper], colour)
            if np.isfinite(estimate):
                ax.plot(
                    [estimate],
                    [y],
                    marker="o",
                    markersize=5.5,
                    color=colour,
                    markerfacecolor="white" if hollow else colour,
                    markeredgewidth=1.2,
                    linestyle="none",
                    zorder=3,
                    clip_on=False,
                    label="_estimate",
                )
        sheet.draw(ax)

    def _set_axis(self, ax: Axes, room: float) -> None:
        theme, (low, high) = self.page.theme, self.limits
        # Room for half a dot, so that one at 100 % is drawn in full.
        pad = 0.06 * (high - low) / room
        ax.set_xlim(low - (pad if low > 0 else 0.0), high + pad)
        label = text_width(self.page.percent(1.0), family=theme.font, size=theme.small)
        shares = percent_ticks(low, high, room=room, least=label + 0.12)
        ax.set_xticks(shares, labels=[self.page.percent(share) for share in shares])
        ax.set_axisbelow(True)
        ax.grid(axis="x", color=theme.grid, linewidth=0.6)

    def _name_lines(self, ax: Axes, room: float) -> None:
        """Name the vertical lines above the chart, moved apart sideways where their names would overlap."""
        theme, (left, right) = self.page.theme, ax.get_xlim()
        wanted = [(line.share - left) / (right - left) * room for line in self.lines]
        widths = [text_width(line.name, family=theme.font, size=theme.small) + 0.1 for line in self.lines]
        style = {"ha": "center", "va": "baseline", "size": theme.small, "label": "line-name"}
        centres = spread(wanted, widths, low=-0.3, high=room + 0.1)
        for line, centre in zip(self.lines, centres, strict=True):
            write(ax, line.name, (centre / room, 1), shift=(0, 4), **style)
