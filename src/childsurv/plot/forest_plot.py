"""Forest plots: hazard ratios with their intervals on a logarithmic axis, and the numbers beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from childsurv.errors import (
    DataError,
    OptionError,
    asked,
    asking,
    require_columns,
    require_level,
    rows_where,
)
from childsurv.plot.groups import numeric_column
from childsurv.plot.notes import with_level
from childsurv.plot.page import EDGE, Frame, Margins, Page, Size, widest, write
from childsurv.plot.sheet import Column, Sheet, make_sheet
from childsurv.plot.spacing import text_width, tick_text
from childsurv.plot.style import Theme
from childsurv.plot.writing import Picture
from childsurv.words.catalogue import count_text, decimal_text, p_value_text

FloatArray = npt.NDArray[np.float64]

TICKS: tuple[tuple[float, ...], ...] = (
    (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.6, 1.8, 2),
    (0.6, 0.8, 1, 1.25, 1.6),
    (0.8, 1, 1.25),
    (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10),
    (0.125, 0.25, 0.5, 1, 2, 4, 8, 16),
    (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100),
    (0.001, 0.01, 0.1, 1, 10, 100, 1000),
)
"""Round hazard ratios for ticks, from fine to coarse."""

FARTHEST = 5.0
"""The axis reaches at most this many times beyond the outermost ratio; longer intervals end in an arrow."""

ESTIMABLE = 1e4
"""A hazard ratio beyond this, or under its inverse, is a coefficient that ran away, not an estimate."""

_LEVEL_TERM = re.compile(r"(?:C\()?([^\[\]():,]+)(?:,[^\[\]]*)?\)?\[(?:T\.)?([^\[\]]+)\]")


@dataclass(frozen=True)
class ForestRow:
    """One row: a heading, a reference level or a term."""

    name: str
    kind: str
    """One of "heading", "reference" and "term"."""

    place: int = -1
    """Row of the table for a term, -1 otherwise."""

    indented: bool = False
    """Whether it is under a heading."""


def forest(
    fit: Any,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    headings: Mapping[str, Sequence[str]] | None = None,
    reference: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | Sequence[str] = (),
    p_values: bool = True,
    level: float | None = None,
    xlim: tuple[float, float] | None = None,
    directions: tuple[str, str] | None = None,
    title: str | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    xlabel: str | None = None,
    width: float | str = "page",
    language: str = "en",
    theme: Theme | None = None,
) -> Figure | Axes:
    """Draw hazard ratios with confidence intervals on a logarithmic axis, with the numbers beside them.

    Parameters
    ----------
    fit
        A fit with a ``table``, such as that of `childsurv.cox`, or a table, with columns ``term,
        hazard_ratio, lower, upper`` and, if there, ``p_value``. Limits are those of the hazard ratio.
    ax
        Axes to draw into; names and numbers are then drawn to their left and right, so leave room.
    labels
        Texts for terms, headings and reference levels, such as ``{"sex[T.male]": "Boys", "sex": "Sex"}``.
    headings
        Terms under a heading: ``{"Stage": ["stage[T.II]", "stage[T.III]"]}``. Unless given, the levels of
        one variable, which are named ``stage[T.II]``, are listed under its name.
    reference
        Reference level of a heading, drawn as a row with hazard ratio 1: ``{"stage": "I"}``.
    columns
        Further columns of the table to print, such as ``["patients", "events"]``, or with their headings
        ``{"patients": "n"}``.
    p_values
        Whether to print the p-values, if the table has them.
    level
        Confidence level to name above the numbers; that of the fit unless given.
    xlim
        Ends of the axis, as hazard ratios. Intervals that go on beyond end in an arrow, and the note reports it.
    directions
        Words to the left and right of 1 under the axis; "lower hazard" and "higher hazard" unless given.
    title, subtitle, note, xlabel, width, language, theme
        As in `curves`.

    Returns
    -------
    Figure or Axes
        The Axes given, or a new Figure.

    Raises
    ------
    ColumnError, DataError
        If the table lacks a column, or its hazard ratios and limits contradict each other.
    OptionError
        If an option names a term or heading that does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> import childsurv as cs
    >>> table = pd.DataFrame(
    ...     {"term": ["sex[T.male]"], "hazard_ratio": [1.1], "lower": [0.9], "upper": [1.3], "p_value": [0.3]}
    ... )
    >>> figure = cs.plot.forest(table, labels={"sex[T.male]": "Boys against girls"}, level=0.95)
    >>> len(figure.axes)
    1

    References
    ----------
    Lewis S, Clarke M. Forest plots: trying to see the wood and the trees. BMJ 2001; 322:1479-80.
    doi:10.1136/bmj.322.7300.1479
    """
    page = Page(ax=ax, title=title, subtitle=subtitle, note=note, width=width, language=language, theme=theme)
    with asking("plot.forest"):
        table = _checked_table(fit)
        if level is None:
            level = getattr(fit, "level", None)
        if level is not None:
            level = require_level(level)
        rows = _rows(list(table["term"]), labels or {}, headings, reference or {})
        printed = _Printed(table, rows, page)
        ratios = printed.ratios(level)
        beside = [*printed.own(columns), ratios, *(printed.p_values() if p_values else [])]
    limits = _limits(table, xlim)
    cut = (table["lower"] < limits[0]) | (table["upper"] > limits[1]) | ~np.isfinite(table["upper"])
    return page.draw(
        ForestPicture(
            page=page,
            notes=[page.text("arrows") if (cut & _estimable(table)).any() else ""],
            table=table,
            rows=rows,
            columns=beside,
            ratios=ratios.texts,
            limits=limits,
            words=directions or (page.text("lower_risk"), page.text("higher_risk")),
            axis_text=page.text("hazard_ratio") if xlabel is None else xlabel,
        )
    )


def _checked_table(fit: Any) -> pd.DataFrame:
    source = fit if isinstance(fit, pd.DataFrame) else getattr(fit, "table", None)
    if not isinstance(source, pd.DataFrame):
        raise OptionError(
            f"{asked()} draws a fit with a table, or a table; it was given a {type(fit).__name__}."
        )
    require_columns(source.columns, ["term", "hazard_ratio", "lower", "upper"])
    table = source.reset_index(drop=True)
    if len(table) == 0:
        raise DataError(f"{asked()}: the table has no rows.")
    table["term"] = table["term"].astype(str)
    for name in ("hazard_ratio", "lower", "upper"):
        table[name] = numeric_column(table, name)
    if table["term"].duplicated().any():
        raise DataError(
            f"{asked()}: {rows_where(table['term'].duplicated().to_numpy())} repeat an earlier term."
        )
    negative = (table[["hazard_ratio", "lower", "upper"]] < 0).any(axis=1).to_numpy()
    if negative.any():
        raise DataError(
            f"{asked()}: hazard ratios and limits cannot be negative, but are in {rows_where(negative)}. "
            "Take the exponential of coefficients first."
        )
    crossed = (table["lower"] > table["hazard_ratio"] * (1 + 1e-9)) | (
        table["upper"] < table["hazard_ratio"] * (1 - 1e-9)
    )
    if crossed.any():
        raise DataError(
            f"{asked()}: 'lower' and 'upper' must enclose 'hazard_ratio'; they do not in "
            f"{rows_where(crossed.to_numpy())}. "
            "The limits belong on the scale of the hazard ratio."
        )
    return table


def _rows(
    terms: list[str],
    labels: Mapping[str, str],
    headings: Mapping[str, Sequence[str]] | None,
    reference: Mapping[str, str],
) -> list[ForestRow]:
    parsed = {term: match for term in terms if (match := _LEVEL_TERM.fullmatch(term))}
    own_text = {term: match[2].strip() for term, match in parsed.items()}
    variables = {term: match[1].strip() for term, match in parsed.items()}
    if headings is None:
        members: dict[str, list[str]] = {}
        for term, variable in variables.items():
            members.setdefault(variable, []).append(term)
        for name in [name for name, group in members.items() if len(group) == 1 and name not in reference]:
            (term,) = members.pop(name)
            own_text[term] = f"{labels.get(name, name)}: {own_text[term]}"
    else:
        members = {name: list(group) for name, group in headings.items()}
        _require_members(members, terms)
    known = {*terms, *members, *reference.values(), *variables.values()}
    _require_known("labels=", labels, known, f"the terms are {', '.join(map(repr, terms))}")
    found = ", ".join(map(repr, members)) or "none"
    _require_known("reference=", reference, members, f"the headings are {found}")

    def row_of(term: str, *, indented: bool) -> ForestRow:
        name = labels.get(term, own_text.get(term, term))
        return ForestRow(name, "term", terms.index(term), indented)

    heading_of = {term: name for name, group in members.items() for term in group}
    rows: list[ForestRow] = []
    done: set[str] = set()
    for term in terms:
        heading = heading_of.get(term)
        if heading is None:
            rows.append(row_of(term, indented=False))
        elif heading not in done:
            done.add(heading)
            rows.append(ForestRow(labels.get(heading, heading), "heading"))
            if heading in reference:
                level = reference[heading]
                rows.append(ForestRow(labels.get(level, level), "reference", indented=True))
            rows += [row_of(one, indented=True) for one in members[heading]]
    return rows


def _require_members(members: Mapping[str, Sequence[str]], terms: Sequence[str]) -> None:
    listed = [term for group in members.values() for term in group]
    _require_known("headings=", listed, terms, f"the terms are {', '.join(map(repr, terms))}")
    if len(set(listed)) < len(listed):
        raise OptionError("headings= puts a term under two headings.")


def _require_known(argument: str, given: Iterable[str], known: Iterable[str], there: str) -> None:
    strange = sorted(set(given) - set(known))
    if strange:
        raise OptionError(f"{argument} names {', '.join(map(repr, strange))}, but {there}.")


def _estimable(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    ratio = table["hazard_ratio"].to_numpy(dtype=np.float64)
    fine: npt.NDArray[np.bool_] = np.isfinite(ratio) & (ratio < ESTIMABLE) & (ratio > 1 / ESTIMABLE)
    return fine


@dataclass(frozen=True, eq=False)
class _Printed:
    """The columns of text beside a forest plot, one entry a row."""

    table: pd.DataFrame
    rows: Sequence[ForestRow]
    page: Page

    def _texts(self, values: Sequence[str], at_reference: str = "") -> tuple[str, ...]:
        """Return the entries of all rows from those of the terms."""
        others = {"reference": at_reference, "heading": ""}
        return tuple(values[row.place] if row.kind == "term" else others[row.kind] for row in self.rows)

    def own(self, columns: Mapping[str, str] | Sequence[str]) -> list[Column]:
        """Return the columns that the user asks for."""
        wanted = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
        with asking("plot.forest, columns="):
            require_columns(self.table.columns, list(wanted))
        language = self.page.language
        return [
            Column(
                heading, self._texts([_cell(value, language) for value in self.table[name]]), align="right"
            )
            for name, heading in wanted.items()
        ]

    def ratios(self, level: float | None) -> Column:
        """Return the hazard ratios with their intervals."""
        page, table = self.page, self.table
        ratios = [
            _ratio_text(ratio, lower, upper, page.language) if fine else page.text("not_estimable")
            for fine, ratio, lower, upper in zip(
                _estimable(table), table["hazard_ratio"], table["lower"], table["upper"], strict=True
            )
        ]
        reference = f"1 ({page.text('reference')})"
        return Column(with_level(page, "interval_head", level), self._texts(ratios, reference))

    def p_values(self) -> list[Column]:
        """Return the column of p-values, if the table has them."""
        if "p_value" not in self.table.columns:
            return []
        values = zip(numeric_column(self.table, "p_value"), _estimable(self.table), strict=True)
        written = [p_value_text(value, self.page.language) if fine else "" for value, fine in values]
        return [Column(self.page.text("p_value"), self._texts(written), align="right")]


def _cell(value: Any, language: str) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, int | float | np.number):
        return count_text(float(value), language)
    return str(value)


def _ratio_text(ratio: float, lower: float, upper: float, language: str) -> str:
    if not (np.isfinite(lower) and np.isfinite(upper)) and not np.isinf(upper):
        return f"{_number(ratio, language)} (–)"
    return f"{_number(ratio, language)} ({_number(lower, language)}–{_number(upper, language)})"


def _number(value: float, language: str) -> str:
    if np.isinf(value):
        return "∞"
    if value >= 1000:
        return ">" + count_text(999.0, language)
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return decimal_text(value, digits, language)


def _limits(table: pd.DataFrame, xlim: tuple[float, float] | None) -> tuple[float, float]:
    fine = _estimable(table)
    ratio = table["hazard_ratio"][fine]
    if xlim is not None:
        try:
            low, high = (float(value) for value in xlim)
        except (TypeError, ValueError):
            raise OptionError("xlim= must be two hazard ratios, such as (0.5, 4).") from None
        if not (0 < low <= 1 <= high < np.inf and low < high):
            raise OptionError(
                "xlim= must be two positive hazard ratios on either side of 1, such as (0.5, 4)."
            )
        return low, high
    if ratio.empty:
        return 0.5, 2.0
    lower, upper = table["lower"][fine], table["upper"][fine]
    lowest, highest = min(1.0, float(ratio.min())), max(1.0, float(ratio.max()))
    low = min(lowest, max(float(lower[lower > 0].min()) if (lower > 0).any() else lowest, lowest / FARTHEST))
    finite = upper[np.isfinite(upper)]
    high = max(highest, min(float(finite.max()) if len(finite) else highest, highest * FARTHEST))
    # At least a quarter to either side, so that the words under the axis have a place; a little more than
    # the intervals.
    return min(low / 1.06, 0.8), max(high * 1.06, 1.25)


def _ticks(
    limits: tuple[float, float], room: float, theme: Theme, language: str
) -> tuple[FloatArray, list[str]]:
    low, high = limits
    span = np.log(high / low)
    for candidates in TICKS:
        ticks = np.array([tick for tick in candidates if low <= tick <= high])
        # Ticks that leave much of the axis bare do not fit its range.
        if (
            ticks.size < 2
            or ticks[0] / low > 2.1
            or high / ticks[-1] > 2.1
            or 3 * np.log(ticks[-1] / ticks[0]) < span
        ):
            continue
        texts = [tick_text(tick, language) for tick in ticks]
        places = np.log(ticks / low) / span * room
        widths = np.array([text_width(one, family=theme.font, size=theme.small) for one in texts])
        if (np.diff(places) > (widths[:-1] + widths[1:]) / 2 + 0.08).all():
            return ticks, texts
    return np.array([1.0]), ["1"]


@dataclass(frozen=True, eq=False)
class ForestPicture:
    """A forest plot."""

    by_height: ClassVar[bool] = False

    page: Page
    notes: Sequence[str]
    table: pd.DataFrame
    rows: Sequence[ForestRow]
    columns: Sequence[Column]
    ratios: Sequence[str]
    """The hazard ratio and interval of each row, as printed."""

    limits: tuple[float, float]
    words: tuple[str, str]
    """What the sides of 1 mean."""

    axis_text: str

    def description(self) -> str:
        """Return the hazard ratios, in words."""
        values = zip(self.rows, self.ratios, strict=True)
        written = (f"{row.name} {value}" for row, value in values if row.kind != "heading")
        return f"{self.axis_text}: " + "; ".join(written)

    @property
    def below(self) -> float:
        """Inches that the axis and the words under it take."""
        return self.page.label_height(self.axis_text) + self.page.line(small=True)

    def compose(self, frame: Frame) -> Picture:
        """Return a new picture."""
        sheet = self._sheet(0.3 * frame.width)
        picture = frame.picture(sheet.head + sheet.height + self.below)
        left = EDGE + sheet.left
        room = frame.width - left - sheet.right - EDGE
        ax = frame.axes(picture, (left, frame.below + self.below, room, sheet.height))
        self.paint(ax)
        self._draw(ax, sheet, room)
        return picture

    def paint(self, ax: Axes) -> None:
        """Set the axis; all rows depend on how their names break."""
        ax.set_xscale("log")
        ax.set_xlim(*self.limits)
        ax.set_xlabel(self.axis_text, labelpad=2 + 72 * self.page.line(small=True))
        ax.axvline(1.0, color=self.page.theme.ink, linewidth=0.8, zorder=1, label="_no difference")

    def fit(self, ax: Axes, size: Size) -> Margins:
        """Draw names, intervals and numbers into a user's axes."""
        sheet = self._sheet(0.6 * size.width)
        self._draw(ax, sheet, size.width)
        return Margins(above=sheet.head, below=self.below)

    def _sheet(self, name_room: float) -> Sheet:
        return make_sheet(
            [row.name for row in self.rows],
            self.columns,
            self.page.theme,
            name_room=name_room,
            bold=[row.kind == "heading" for row in self.rows],
            indented=[row.indented for row in self.rows],
        )

    def _draw(self, ax: Axes, sheet: Sheet, room: float) -> None:
        theme, (low, high) = self.page.theme, self.limits
        sheet.set_rows(ax)
        ticks, texts = _ticks(self.limits, room, theme, self.page.language)
        ax.set_xticks(ticks, labels=texts)
        ax.set_xticks([], minor=True)
        square: dict[str, Any] = {"marker": "s", "markersize": 5, "linestyle": "none", "zorder": 3}
        estimable = _estimable(self.table)
        for row, y in zip(self.rows, sheet.centres, strict=True):
            if row.kind == "reference":
                ax.plot([1.0], [y], color=theme.ink, markerfacecolor="white", label="_reference", **square)
            if row.kind != "term" or not estimable[row.place]:
                continue
            found = self.table.iloc[row.place]
            self._draw_interval(ax, sheet, y, float(found["lower"]), float(found["upper"]))
            if low <= found["hazard_ratio"] <= high:
                ratio = [float(found["hazard_ratio"])]
                ax.plot(ratio, [y], color=theme.colour(0), label="_estimate", **square)
        self._write_directions(ax, sheet, room)
        sheet.draw(ax)

    def _draw_interval(self, ax: Axes, sheet: Sheet, y: float, lower: float, upper: float) -> None:
        if np.isnan(lower) or np.isnan(upper):
            return
        low, high = self.limits
        colour = self.page.theme.colour(0)
        sheet.draw_interval(ax, y, np.clip([lower, upper], low, high), colour)
        # Markers 4 and 5 are carets whose tip points left and right.
        for beyond, at, marker in ((lower < low, low, 4), (upper > high, high, 5)):
            if beyond:
                arrow: dict[str, Any] = {"linestyle": "none", "clip_on": False, "zorder": 3, "markersize": 6}
                ax.plot([at], [y], marker=marker, color=colour, label="_arrow", **arrow)

    def _write_directions(self, ax: Axes, sheet: Sheet, room: float) -> None:
        """Write what the sides of 1 mean under the tick labels; without room for both, write neither."""
        theme, (low, high) = self.page.theme, self.limits
        middle = np.log(1 / low) / np.log(high / low)
        left, right = f"← {self.words[0]}", f"{self.words[1]} →"
        pad = 0.08
        # Nothing else is drawn so low, so the words may reach under the names and columns beside the axes.
        fits = (
            widest([left], theme, size=theme.small) + pad <= middle * room + sheet.left
            and widest([right], theme, size=theme.small) + pad <= (1 - middle) * room + sheet.right
        )
        if not any(self.words) or not fits:
            return
        down = -(3.5 + 3 + 72 * self.page.line(small=True))
        style = {"va": "top", "size": theme.small, "color": theme.muted, "label": "direction"}
        axis = ax.get_xaxis_transform()
        write(ax, left, (1.0, 0), shift=(-4, down), coordinates=axis, ha="right", **style)
        write(ax, right, (1.0, 0), shift=(4, down), coordinates=axis, ha="left", **style)
