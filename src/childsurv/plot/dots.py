"""Groups ranked by survival at one time, with intervals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from childsurv.curves.curves import Curves
from childsurv.curves.reliability import Rules, reliability_rules
from childsurv.errors import OptionError, asking, require_choice
from childsurv.plot.estimates import Estimates, estimates_of, interval_text, require_by
from childsurv.plot.frame import (
    EDGE,
    add_axes,
    annotate_given_axes,
    axes_size,
    joined_notes,
    make_frame,
    percent_ticks,
    require_share,
    require_shares,
)
from childsurv.plot.groups import Names, group_texts, require_minimum
from childsurv.plot.marks import mark_notes, marks_of
from childsurv.plot.sheet import COLUMN_GAP, Column, Sheet, make_sheet
from childsurv.plot.spacing import spread, text_height, text_width
from childsurv.plot.style import Theme, as_theme, drawing, width_in_inches
from childsurv.words.catalogue import count_text, hidden_note, percent_text
from childsurv.words.catalogue import picture_text as text

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
    patients always stand beside the dot.

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
        Axes to draw into; names and numbers then stand to their left and right, so leave room.
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
        Ends of the survival axis as shares; the tens that hold every interval unless given. The note tells
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
    looks = as_theme(theme)
    require_choice(order, ORDERS, argument="order")
    least = require_minimum(minimum)
    few = require_minimum(mark_below, argument="mark_below")
    with asking("plot.ranking"):
        columns = require_by(by, source)
    with asking("plot.ranking"):
        found = estimates_of(
            source,
            by=columns,
            years=years,
            times=times,
            reliability=reliability,
            needs_patients=minimum is not None or mark_below is not None,
            needs_limits=True,
            language=language,
        )
    least = max(least, found.minimum)
    all_rows = found.table.assign(name=group_texts(found.table, columns, names))
    rows = all_rows[all_rows["patients"].isna() | (all_rows["patients"] >= least)]
    if rows.empty:
        raise OptionError(
            f"No group has at least {least} patients, so nothing can be drawn; "
            "merge groups, or lower minimum=."
        )
    if order == "estimate":
        rows = rows.sort_values("estimate", ascending=False, kind="stable", na_position="last")
    elif order == "name":
        rows = rows.sort_values("name", kind="stable")
    rows = rows.reset_index(drop=True)
    lines = _reference_lines(reference, reference_label, target, target_label, years, times, language)
    low, high = _share_limits(rows, [share for share, _, _ in lines], xlim)
    small = (rows["patients"] < few).to_numpy()
    lacking = _lacking(rows, found.minimum, language)
    hollow = small | (rows["reliability"] == "not reliable").to_numpy()
    wanted = set(highlight)
    lit = np.array(
        [bool(wanted & set(labels)) for labels in rows[columns].itertuples(index=False, name=None)],
        dtype=bool,
    )
    missing = wanted - {label for column in columns for label in all_rows[column]}
    if missing:
        raise OptionError(
            f"highlight= names {len(missing)} label(s) that no group has; "
            "use the labels of the group columns."
        )
    notes = [
        note or "",
        _interval_note(found, language),
        text("small_open", language, below=few) if small.any() else "",
        *mark_notes(
            rows["reliability"],
            None if reliability is None else reliability_rules(reliability),
            language,
            standardised=isinstance(source, Curves) and "standard" in source.conventions,
        ),
        hidden_note(len(all_rows) - len(rows), len(all_rows), least, language),
        text("axis_break", language, low=percent_text(low, language), high=percent_text(high, language))
        if low > 0
        else "",
    ]
    axis_text = (found.quantity or text("survival", language)) if xlabel is None else xlabel
    heading = (
        text("share_head_unknown", language)
        if found.level is None
        else text("share_head", language, level=percent_text(found.level, language))
    )
    with drawing(looks):
        if ax is not None:
            width_now = axes_size(ax)[0]
            sheet = _sheet(rows, small, lacking, looks, language, name_room=0.5 * width_now, heading=heading)
            _draw(ax, rows, sheet, hollow, lit, lines, (low, high), axis_text, language, room=width_now)
            below = 0.16 + text_height("0", size=looks.small) + text_height(axis_text, size=looks.size)
            annotate_given_axes(
                ax,
                title=title,
                subtitle=subtitle,
                note=joined_notes(notes, width_now, looks),
                below=below,
                theme=looks,
                above=sheet.head,
            )
            return ax
        frame = make_frame(width_in_inches(width), looks, title=title, subtitle=subtitle, notes=notes)
        sheet = _sheet(rows, small, lacking, looks, language, name_room=0.3 * frame.width, heading=heading)
        head = max(sheet.head, text_height("0", size=looks.small) + 0.08 if lines else 0.0) + 0.05
        foot = 0.16 + text_height("0", size=looks.small) + text_height(axis_text, size=looks.size)
        picture = frame.new_picture(head + sheet.height + foot)
        left = EDGE + sheet.name_width + COLUMN_GAP
        place = (left, frame.below + foot, frame.width - left - sheet.right - EDGE, sheet.height)
        new = add_axes(picture, *place)
        _draw(new, rows, sheet, hollow, lit, lines, (low, high), axis_text, language, room=place[2])
        picture.alt_text = (
            (f"{title}. " if title else "")
            + f"{axis_text}: "
            + "; ".join(
                f"{name} {value}" for name, value in zip(rows["name"], sheet.columns[0].texts, strict=True)
            )
        )
    return picture


def _lacking(rows: pd.DataFrame, minimum: int, language: str) -> list[str]:
    """Return for each row why it has no estimate, if it has none."""
    usual = text("too_few_at_risk", language, minimum=minimum) if minimum else text("too_short", language)
    few = text("too_few", language)
    return [few if verdict == "no estimate" and not minimum else usual for verdict in rows["reliability"]]


def _sheet(
    rows: pd.DataFrame,
    small: Any,
    lacking: list[str],
    theme: Theme,
    language: str,
    *,
    name_room: float,
    heading: str,
) -> Sheet:
    marks = [
        "".join(f" {sign}" for sign in ("†" if one else "", mark) if sign)
        for one, mark in zip(small, marks_of(list(rows["reliability"])), strict=True)
    ]
    values = tuple(
        interval_text(estimate, lower, upper, language) if np.isfinite(estimate) else why
        for estimate, lower, upper, why in zip(
            rows["estimate"], rows["lower"], rows["upper"], lacking, strict=True
        )
    )
    columns = [Column(heading, values)]
    if rows["patients"].notna().any():
        numbers = tuple(count_text(number, language) for number in rows["patients"])
        columns.append(Column(text("patients", language), numbers, align="right"))
    labels = [name + mark for name, mark in zip(rows["name"], marks, strict=True)]
    return make_sheet(labels, columns, theme, name_room=name_room)


def _draw(
    ax: Axes,
    rows: pd.DataFrame,
    sheet: Sheet,
    small: Any,
    lit: Any,
    lines: list[tuple[float, str, Any]],
    limits: tuple[float, float],
    axis_text: str,
    language: str,
    *,
    room: float,
) -> None:
    theme = sheet.theme
    sheet.set_rows(ax)
    low, high = limits
    # Room for half a dot, so that one at 100 % is drawn in full.
    pad = 0.06 * (high - low) / room
    ax.set_xlim(low - (pad if low > 0 else 0.0), high + pad)
    label = text_width(percent_text(1.0, language), family=theme.font, size=theme.small)
    shares = percent_ticks(low, high, room=room, least=label + 0.12)
    ax.set_xticks(shares)
    ax.set_xticklabels([percent_text(share, language) for share in shares])
    ax.set_xlabel(axis_text)
    ax.set_axisbelow(True)
    ax.grid(axis="x", color=theme.grid, linewidth=0.6)
    ax.hlines(
        sheet.centres, 0, 1, transform=ax.get_yaxis_transform(), color=theme.grid, linewidth=0.6, zorder=0.5
    )
    for share, _, style in lines:
        ax.axvline(share, color=theme.ink, linewidth=0.9, linestyle=style, zorder=1.5, label="_reference")
    _name_lines(ax, lines, theme, room)
    for y, estimate, lower, upper, is_small, is_lit in zip(
        sheet.centres, rows["estimate"], rows["lower"], rows["upper"], small, lit, strict=True
    ):
        colour = theme.accent if is_lit else theme.colour(0)
        if np.isfinite(lower) and np.isfinite(upper):
            ax.plot(
                [lower, upper],
                [y, y],
                color=colour,
                linewidth=1.4,
                zorder=2,
                solid_capstyle="butt",
                label="_interval",
            )
        if np.isfinite(estimate):
            ax.plot(
                [estimate],
                [y],
                marker="o",
                markersize=5.5,
                color=colour,
                markerfacecolor="white" if is_small else colour,
                markeredgewidth=1.2,
                linestyle="none",
                zorder=3,
                clip_on=False,
                label="_estimate",
            )
    sheet.draw(ax)


def _name_lines(ax: Axes, lines: list[tuple[float, str, Any]], theme: Theme, room: float) -> None:
    """Name the vertical lines above the chart, moved apart sideways where their names would overlap."""
    if not lines:
        return
    (left, right) = ax.get_xlim()
    wanted = [(share - left) / (right - left) * room for share, _, _ in lines]
    widths = [text_width(name, family=theme.font, size=theme.small) + 0.1 for _, name, _ in lines]
    for (_, name, _), centre in zip(lines, spread(wanted, widths, low=-0.3, high=room + 0.1), strict=True):
        ax.annotate(
            name,
            (centre / room, 1),
            xycoords="axes fraction",
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            va="baseline",
            size=theme.small,
            annotation_clip=False,
            label="line-name",
        )


def _reference_lines(
    reference: Any,
    reference_label: str | None,
    target: float | None,
    target_label: str | None,
    years: float | None,
    times: float | None,
    language: str,
) -> list[tuple[float, str, Any]]:
    lines: list[tuple[float, str, Any]] = []
    if reference is not None:
        if isinstance(reference, Curves):
            if len(reference.groups) != 1:
                raise OptionError(
                    "reference= must be Curves with one group, such as those estimated without by=."
                )
            if years is None and times is None:
                years = 5.0
            share = float(reference.at(times, years=years)["estimate"].iloc[0])
            if not np.isfinite(share):
                raise OptionError(
                    "reference=: nobody of the reference is followed for that long; choose an earlier time."
                )
        else:
            share = require_share(reference, argument="reference")
        name = text("pooled", language) if reference_label is None else reference_label
        lines.append((share, f"{name} {percent_text(share, language)}".strip(), (0, (4, 2))))
    if target is not None:
        share = require_share(target, argument="target")
        name = text("target", language) if target_label is None else target_label
        lines.append((share, f"{name} {percent_text(share, language)}".strip(), (0, (1, 1.5))))
    return lines


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


def _interval_note(found: Estimates, language: str) -> str:
    if found.level is None:
        return text("bars_unknown", language)
    return text("bars", language, level=percent_text(found.level, language), kind=found.kind)
