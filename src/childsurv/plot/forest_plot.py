"""Forest plots: hazard ratios with their intervals on a logarithmic axis, and the numbers beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from childsurv.errors import DataError, OptionError, asking, require_columns, require_level, rows_where
from childsurv.plot.frame import (
    EDGE,
    add_axes,
    annotate_given_axes,
    axes_size,
    joined_notes,
    make_frame,
    widest,
)
from childsurv.plot.groups import numeric_column
from childsurv.plot.sheet import COLUMN_GAP, Column, Sheet, make_sheet
from childsurv.plot.spacing import text_height, text_width
from childsurv.plot.style import Theme, as_theme, drawing, width_in_inches
from childsurv.words.catalogue import count_text, decimal_text, p_value_text, percent_text
from childsurv.words.catalogue import picture_text as text

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
    """One row: a heading, a reference level or a term.

    Attributes
    ----------
    name : str
        Its text.
    kind : str
        "heading", "reference" or "term".
    place : int
        Row of the table for a term, -1 otherwise.
    indented : bool
        Whether it stands under a heading.
    """

    name: str
    kind: str
    place: int
    indented: bool


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
        Axes to draw into; names and numbers then stand to their left and right, so leave room.
    labels
        Texts for terms, headings and reference levels, such as ``{"sex[T.male]": "Boys", "sex": "Sex"}``.
    headings
        Terms under a heading: ``{"Stage": ["stage[T.II]", "stage[T.III]"]}``. Unless given, the levels of
        one variable, which are named
        ``stage[T.II]``, stand under its name.
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
        Ends of the axis, as hazard ratios. Intervals that go on beyond end in an arrow, and the note says so.
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
    looks = as_theme(theme)
    table = _checked_table(fit)
    if level is None:
        level = getattr(fit, "level", None)
    if level is not None:
        level = require_level(level)
    rows = _rows(list(table["term"]), labels or {}, headings, reference or {})
    printed = _printed_columns(table, rows, columns, p_values, level, language)
    limits = _limits(table, xlim)
    cut = (table["lower"] < limits[0]) | (table["upper"] > limits[1]) | ~np.isfinite(table["upper"])
    estimable = _estimable(table)
    notes = [note or "", text("arrows", language) if (cut & estimable).any() else ""]
    words = directions or (text("lower_risk", language), text("higher_risk", language))
    axis_text = text("hazard_ratio", language) if xlabel is None else xlabel
    below = 0.16 + 2 * text_height("0", size=looks.small) + text_height(axis_text, size=looks.size)
    with drawing(looks):
        if ax is not None:
            room = axes_size(ax)[0]
            sheet = _sheet(rows, printed, looks, 0.6 * room)
            _draw(ax, table, rows, sheet, limits, words, axis_text, language, room=room)
            annotate_given_axes(
                ax,
                title=title,
                subtitle=subtitle,
                note=joined_notes(notes, room, looks),
                below=below,
                theme=looks,
                above=sheet.head,
            )
            return ax
        frame = make_frame(width_in_inches(width), looks, title=title, subtitle=subtitle, notes=notes)
        sheet = _sheet(rows, printed, looks, 0.3 * frame.width)
        picture = frame.new_picture(sheet.head + sheet.height + below)
        left = EDGE + sheet.name_width + COLUMN_GAP
        place = (left, frame.below + below, frame.width - left - sheet.right - EDGE, sheet.height)
        new = add_axes(picture, *place)
        _draw(new, table, rows, sheet, limits, words, axis_text, language, room=place[2])
        values = sheet.columns[len(sheet.columns) - (2 if _has_p(table, p_values) else 1)].texts
        picture.alt_text = (
            (f"{title}. " if title else "")
            + f"{axis_text}: "
            + "; ".join(
                f"{row.name} {value}"
                for row, value in zip(rows, values, strict=True)
                if row.kind != "heading"
            )
        )
    return picture


def _checked_table(fit: Any) -> pd.DataFrame:
    source = fit if isinstance(fit, pd.DataFrame) else getattr(fit, "table", None)
    if not isinstance(source, pd.DataFrame):
        raise OptionError(
            f"plot.forest draws a fit with a table, or a table; it was given a {type(fit).__name__}."
        )
    with asking("plot.forest"):
        require_columns(source.columns, ["term", "hazard_ratio", "lower", "upper"])
    table = source.reset_index(drop=True)
    if len(table) == 0:
        raise DataError("plot.forest: the table has no rows.")
    table["term"] = table["term"].astype(str)
    for name in ("hazard_ratio", "lower", "upper"):
        with asking("plot.forest"):
            table[name] = numeric_column(table, name)
    if table["term"].duplicated().any():
        raise DataError(
            f"plot.forest: {rows_where(table['term'].duplicated().to_numpy())} repeat an earlier term."
        )
    negative = (table[["hazard_ratio", "lower", "upper"]] < 0).any(axis=1).to_numpy()
    if negative.any():
        raise DataError(
            f"plot.forest: hazard ratios and limits cannot be negative, but are in {rows_where(negative)}. "
            "Take the exponential of coefficients first."
        )
    crossed = (table["lower"] > table["hazard_ratio"] * (1 + 1e-9)) | (
        table["upper"] < table["hazard_ratio"] * (1 - 1e-9)
    )
    if crossed.any():
        raise DataError(
            f"plot.forest: 'lower' and 'upper' must enclose 'hazard_ratio'; they do not in "
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
    if headings is None:
        members: dict[str, list[str]] = {}
        for term, match in parsed.items():
            members.setdefault(match[1].strip(), []).append(term)
        single = {name for name, group in members.items() if len(group) == 1 and name not in reference}
        for name in single:
            (term,) = members.pop(name)
            own_text[term] = f"{labels.get(name, name)}: {own_text[term]}"
    else:
        members = {name: list(group) for name, group in headings.items()}
        listed = [term for group in members.values() for term in group]
        unknown = sorted(set(listed) - set(terms))
        if unknown:
            raise OptionError(
                f"headings= names {', '.join(map(repr, unknown))}, "
                f"but the terms are {', '.join(map(repr, terms))}."
            )
        if len(set(listed)) < len(listed):
            raise OptionError("headings= puts a term under two headings.")
    known = {*terms, *members, *reference.values(), *(match[1].strip() for match in parsed.values())}
    strange = sorted(set(labels) - known)
    if strange:
        raise OptionError(
            f"labels= names {', '.join(map(repr, strange))}, but the terms are {', '.join(map(repr, terms))}."
        )
    homeless = sorted(set(reference) - set(members))
    if homeless:
        raise OptionError(
            f"reference= names {', '.join(map(repr, homeless))}, but the headings are "
            f"{', '.join(map(repr, members)) or 'none'}."
        )
    heading_of = {term: name for name, group in members.items() for term in group}
    rows: list[ForestRow] = []
    done: set[str] = set()
    for term in terms:
        name = heading_of.get(term, "")
        if term not in heading_of:
            rows.append(
                ForestRow(labels.get(term, own_text.get(term, term)), "term", terms.index(term), False)
            )
        elif name not in done:
            done.add(name)
            rows.append(ForestRow(labels.get(name, name), "heading", -1, False))
            if name in reference:
                rows.append(ForestRow(labels.get(reference[name], reference[name]), "reference", -1, True))
            rows += [
                ForestRow(labels.get(one, own_text.get(one, one)), "term", terms.index(one), True)
                for one in members[name]
            ]
    return rows


def _estimable(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    ratio = table["hazard_ratio"].to_numpy(dtype=np.float64)
    fine: npt.NDArray[np.bool_] = np.isfinite(ratio) & (ratio < ESTIMABLE) & (ratio > 1 / ESTIMABLE)
    return fine


def _has_p(table: pd.DataFrame, p_values: bool) -> bool:
    return p_values and "p_value" in table.columns


def _printed_columns(
    table: pd.DataFrame,
    rows: Sequence[ForestRow],
    columns: Mapping[str, str] | Sequence[str],
    p_values: bool,
    level: float | None,
    language: str,
) -> list[Column]:
    wanted = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    with asking("plot.forest, columns="):
        require_columns(table.columns, list(wanted))

    def texts(values: Sequence[str], at_reference: str = "") -> tuple[str, ...]:
        return tuple(
            values[row.place] if row.kind == "term" else at_reference if row.kind == "reference" else ""
            for row in rows
        )

    printed = [
        Column(heading, texts([_cell(value, language) for value in table[name]]), align="right")
        for name, heading in wanted.items()
    ]
    ratios = [
        _ratio_text(ratio, lower, upper, language) if fine else text("not_estimable", language)
        for fine, ratio, lower, upper in zip(
            _estimable(table), table["hazard_ratio"], table["lower"], table["upper"], strict=True
        )
    ]
    head = (
        text("interval_head_unknown", language)
        if level is None
        else text("interval_head", language, level=percent_text(level, language))
    )
    printed.append(Column(head, texts(ratios, f"1 ({text('reference', language)})")))
    if _has_p(table, p_values):
        with asking("plot.forest"):
            values = numeric_column(table, "p_value")
        fine = _estimable(table)
        printed.append(
            Column(
                text("p_value", language),
                texts(
                    [
                        p_value_text(value, language) if one else ""
                        for value, one in zip(values, fine, strict=True)
                    ]
                ),
                align="right",
            )
        )
    return printed


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
        texts = [f"{tick:g}".replace(".", ",") if language == "ru" else f"{tick:g}" for tick in ticks]
        places = np.log(ticks / low) / span * room
        widths = np.array([text_width(one, family=theme.font, size=theme.small) for one in texts])
        if (np.diff(places) > (widths[:-1] + widths[1:]) / 2 + 0.08).all():
            return ticks, texts
    return np.array([1.0]), ["1"]


def _sheet(rows: Sequence[ForestRow], printed: Sequence[Column], theme: Theme, name_room: float) -> Sheet:
    return make_sheet(
        [row.name for row in rows],
        printed,
        theme,
        name_room=name_room,
        bold=[row.kind == "heading" for row in rows],
        indented=[row.indented for row in rows],
    )


def _draw(
    ax: Axes,
    table: pd.DataFrame,
    rows: Sequence[ForestRow],
    sheet: Sheet,
    limits: tuple[float, float],
    words: tuple[str, str],
    axis_text: str,
    language: str,
    *,
    room: float,
) -> None:
    theme = sheet.theme
    sheet.set_rows(ax)
    low, high = limits
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ticks, texts = _ticks(limits, room, theme, language)
    ax.set_xticks(ticks, labels=texts)
    ax.set_xticks([], minor=True)
    ax.set_xlabel(axis_text, labelpad=2 + 72 * text_height("0", size=theme.small))
    ax.axvline(1.0, color=theme.ink, linewidth=0.8, zorder=1, label="_no difference")
    estimable = _estimable(table)
    for row, y in zip(rows, sheet.centres, strict=True):
        if row.kind == "reference":
            ax.plot(
                [1.0],
                [y],
                marker="s",
                markersize=5,
                markerfacecolor="white",
                color=theme.ink,
                linestyle="none",
                zorder=3,
                label="_reference",
            )
        if row.kind != "term" or not estimable[row.place]:
            continue
        ratio, lower, upper = (float(table[name][row.place]) for name in ("hazard_ratio", "lower", "upper"))
        _draw_interval(ax, y, lower, upper, limits, theme)
        if low <= ratio <= high:
            ax.plot(
                [ratio],
                [y],
                marker="s",
                markersize=5,
                color=theme.colour(0),
                linestyle="none",
                zorder=3,
                label="_estimate",
            )
    _write_directions(ax, words, limits, sheet, room)
    sheet.draw(ax)


def _draw_interval(
    ax: Axes, y: float, lower: float, upper: float, limits: tuple[float, float], theme: Theme
) -> None:
    low, high = limits
    if np.isnan(lower) or np.isnan(upper):
        return
    colour = theme.colour(0)
    ends = np.clip([lower, upper], low, high)
    ax.plot(ends, [y, y], color=colour, linewidth=1.4, zorder=2, solid_capstyle="butt", label="_interval")
    for beyond, at, marker in ((lower < low, low, 8), (upper > high, high, 9)):
        if beyond:
            # Markers 8 and 9 are carets whose tip points left and right, with their base at the point.
            shown = 4 if marker == 8 else 5
            ax.plot(
                [at],
                [y],
                marker=shown,
                markersize=6,
                color=colour,
                linestyle="none",
                clip_on=False,
                zorder=3,
                label="_arrow",
            )


def _write_directions(
    ax: Axes, words: tuple[str, str], limits: tuple[float, float], sheet: Sheet, room: float
) -> None:
    """Write what the sides of 1 mean under the tick labels; without room for both, write neither."""
    low, high = limits
    theme = sheet.theme
    middle = np.log(1 / low) / np.log(high / low)
    left, right = f"← {words[0]}", f"{words[1]} →"
    pad = 0.08
    # Nothing else stands so low, so the words may reach under the names and columns beside the axes.
    fits = (
        widest([left], theme, size=theme.small) + pad <= middle * room + sheet.name_width + COLUMN_GAP
        and widest([right], theme, size=theme.small) + pad <= (1 - middle) * room + sheet.right
    )
    if not (words[0] or words[1]) or not fits:
        return
    down = -(3.5 + 3 + 72 * text_height("0", size=theme.small))
    for word, side, shift in ((left, "right", -4), (right, "left", 4)):
        ax.annotate(
            word,
            (1.0, 0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(shift, down),
            textcoords="offset points",
            ha=side,
            va="top",
            size=theme.small,
            color=theme.muted,
            annotation_clip=False,
            label="direction",
        )
