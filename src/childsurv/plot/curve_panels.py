"""Survival curves with numbers at risk, in one panel or in small multiples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from childsurv.curves import Curves
from childsurv.errors import OptionError, require_choice
from childsurv.plot.at_risk import RiskRow, draw_table, numbers_at_risk, table_height
from childsurv.plot.estimates import quantity_text
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
    widest,
)
from childsurv.plot.groups import DrawnGroup, Names, Selection, require_curves, select_groups
from childsurv.plot.lines import (
    KEY_WIDTH,
    Steps,
    TimeAxis,
    draw_context,
    draw_curve,
    draw_direct_labels,
    steps_of,
    time_axis,
    wrapped_labels,
)
from childsurv.plot.panel_layout import Choices, PanelLayout, fitted_layout
from childsurv.plot.spacing import LINE_HEIGHT, text_height, time_ticks, wrapped
from childsurv.plot.style import Theme, as_theme, drawing, width_in_inches
from childsurv.plot.texts import count_text, hidden_note, percent_text, text

FloatArray = npt.NDArray[np.float64]

LABELS = ("auto", "direct", "legend", "none")

BANDS_UP_TO = 4
"""Curves in one panel up to which bands are drawn unless asked otherwise: more bands hide each other."""


def curves(
    curves: Curves,
    *,
    ax: Axes | None = None,
    panels: str | Sequence[str] | None = None,
    ncols: int | None = None,
    years: float | None = None,
    times: float | None = None,
    at_risk: bool = True,
    interval: bool | None = None,
    censoring: bool = False,
    markers: bool | None = None,
    labels: str = "auto",
    context: bool | None = None,
    minimum: int | None = 5,
    names: Names = None,
    ylim: tuple[float, float] | None = None,
    reference_line: float | None = None,
    reference_label: str | None = None,
    title: str | None = None,
    subtitle: str | None = None,
    note: str | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    width: float | str = "page",
    panel_height: float | None = None,
    language: str = "en",
    theme: Theme | None = None,
) -> Figure | Axes:
    """Draw survival curves with the numbers at risk under the axes, in one panel or in small multiples.

    Each curve is the step function ``S(t)`` that `Curves.table` holds: it starts at ``(0, 1)``, keeps its
    value from one time to the next, and ends where the last person of the group is no longer followed. Curves
    differ in colour, line style and marker, so that the picture reads in grey.

    Parameters
    ----------
    curves
        Result of an estimator.
    ax
        Axes to draw into; the table and names then reach beyond them, so leave room, or use a constrained
        layout.
    panels
        Group column or columns: one panel for each of their values, in the order of the groups.
    ncols
        Panels side by side.
    years
        End of the time axis in years; 10, or the last follow-up if that is shorter, unless given.
    times
        End of the time axis in the curves' own unit, for curves not in days or to show days.
    at_risk
        Whether to write the numbers at risk under the ticks. A number counts those at risk just before that
        time.
    interval
        Whether to shade confidence intervals; up to four curves in a panel unless given.
    censoring
        Whether to mark the times at which someone was censored.
    markers
        Whether to put markers on the curves at the ticks; where a panel holds several curves unless given.
    labels
        "direct" names each curve at its right end, "legend" above the picture, "none" nowhere; "auto" is
        direct in one panel and
        a legend in several.
    context
        Whether to show the curves of the other panels in light grey; where each panel has one curve unless
        given.
    minimum
        Groups with fewer patients are not drawn, and the note says how many; None draws all.
    names
        Texts for labels, such as ``{"XAA": "Avaland"}``, or for each column such a mapping.
    ylim
        Ends of the survival axis as shares; (0, 1) unless given. The note tells when it does not start at 0.
    reference_line
        A share to mark by a horizontal line, such as 0.6.
    reference_label
        Its text; the share in per cent unless given.
    title, subtitle, note
        Texts above and below; own notes such as "Simulated data" come before the automatic ones.
    xlabel, ylabel
        Texts of the axes instead of the usual ones.
    width
        Width of the picture: "column" (85 mm), "page" (175 mm), "landscape", or inches.
    panel_height
        Height of each panel's axes in inches.
    language
        "en" or "ru".
    theme
        Looks; see `childsurv.plot.Theme`.

    Returns
    -------
    Figure or Axes
        The Axes given, or a new Figure.

    Raises
    ------
    ColumnError
        If ``panels`` names a column that is no group column.
    OptionError
        If an option is not valid, or no group has enough patients.

    Examples
    --------
    >>> import childsurv as cs
    >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
    >>> figure = cs.plot.curves(curves, years=5, note="Simulated data.")
    >>> len(figure.axes)
    1

    References
    ----------
    Morris TP, Jarvis CI, Cragg W, et al. Proposals on Kaplan-Meier plots in medical research and a survey of
    stakeholder views: KMunicate. BMJ Open 2019; 9:e030215. doi:10.1136/bmjopen-2019-030215
    """
    looks = as_theme(theme)
    curves = require_curves(curves, purpose="plot.curves")
    require_choice(labels, LABELS, argument="labels")
    if ax is not None and panels is not None:
        raise OptionError("panels= makes a Figure of several Axes; leave out ax=, or draw one panel into it.")
    if ncols is not None and (not isinstance(ncols, int) or ncols < 1):
        raise OptionError("ncols= must be a whole number of 1 or more.")
    chosen = select_groups(
        curves, panels=panels, minimum=minimum, names=names, all_name=text("all", language)
    )
    most = max(sum(one.panel == panel for one in chosen.drawn) for panel in range(len(chosen.panels)))
    axis = time_axis(curves, [one.row for one in chosen.drawn], years=years, times=times)
    several = len(chosen.panels) > 1
    limits = curves.limits
    steps = {one.row: steps_of(curves, one.row, axis, limits) for one in chosen.drawn}
    if reference_line is not None:
        require_share(reference_line, argument="reference_line")
    vertical = _vertical_limits(ylim, steps)
    context = several and most == 1 if context is None else context
    if labels == "auto":
        labels = "none" if len(chosen.names) == 1 else "legend" if panels is not None else "direct"
    choices = Choices(
        axis=axis,
        ticks=np.empty(0),
        ylim=vertical,
        interval=most <= BANDS_UP_TO if interval is None else interval,
        censoring=censoring,
        markers=most > 1 if markers is None else markers,
        labels=labels,
        at_risk=at_risk,
        context=context and several,
        reference_line=reference_line,
        reference_label=reference_label
        or ("" if reference_line is None else percent_text(reference_line, language)),
        language=language,
        theme=looks,
    )
    notes = [note or "", *_notes(curves, chosen, choices, minimum)]
    axis_texts = (
        text(_time_unit(curves, axis), language) if xlabel is None else xlabel,
        quantity_text(curves, language) if ylabel is None else ylabel,
    )
    with drawing(looks):
        if ax is not None:
            return _into_axes(
                ax, curves, chosen, choices, steps, axis_texts, title=title, subtitle=subtitle, notes=notes
            )
        frame = make_frame(width_in_inches(width), looks, title=title, subtitle=subtitle, notes=notes)
        layout = fitted_layout(
            chosen,
            choices,
            frame.width,
            ncols,
            panel_height,
            panelled=panels is not None,
            axis_texts=axis_texts,
        )
        choices = layout.choices
        rows = _risk_rows(curves, chosen, choices, layout)
        layout.measure(rows)
        picture = frame.new_picture(layout.height)
        if layout.legend_height:
            _draw_legend(picture, layout, top=frame.above)
        for panel in range(len(chosen.panels)):
            place = layout.place(panel, below=frame.below)
            new = add_axes(picture, *place)
            _draw_panel(new, panel, chosen, choices, steps, first_column=panel % layout.ncols == 0)
            if panels is not None:
                _draw_heading(new, panel, chosen, choices, layout)
            if at_risk:
                draw_table(
                    new,
                    rows[panel],
                    choices.ticks,
                    top=layout.ticks_height + (0.0 if layout.shared_label else layout.label_height),
                    theme=looks,
                    heading=layout.heading(language),
                    heading_shown=panel % layout.ncols == 0,
                    above=layout.names_above,
                    names=layout.names_above or (panel % layout.ncols == 0 and not layout.keys_only),
                    gap=layout.gap,
                    edge=layout.number_half if layout.names_above else 0.0,
                )
            if choices.labels == "direct":
                draw_direct_labels(
                    new,
                    _labelled(panel, chosen, steps, layout.label_room, looks),
                    theme=looks,
                    height=place[3],
                )
            _label_axes(new, axis_texts, layout, panel)
        _label_shared(picture, axis_texts, layout, frame.below)
        picture.alt_text = _description(curves, chosen, choices, steps, axis_texts[1], title)
    return picture


def _time_unit(curves: Curves, axis: TimeAxis) -> str:
    """Return the key of the words for the time axis."""
    if axis.in_years:
        return "years"
    unit = str(curves.conventions.get("time_unit", ""))
    return unit if unit in ("days", "weeks", "months", "years") else "time"


def _vertical_limits(ylim: tuple[float, float] | None, steps: dict[int, Steps]) -> tuple[float, float]:
    if ylim is None:
        highest = max(float(np.nanmax(one.estimate)) for one in steps.values())
        low, high = 0.0, max(1.0, highest)
    else:
        low, high = require_shares(ylim, argument="ylim")
    # A little room, so that a line at 100 % is drawn in full.
    return low, high + 0.02 * (high - low)


def _notes(curves: Curves, chosen: Selection, choices: Choices, minimum: int | None) -> list[str]:
    language = choices.language
    notes = []
    if choices.interval:
        notes.append(text("band", language, level=percent_text(curves.level, language), kind=curves.ci))
    if choices.context:
        notes.append(text("other_panels", language))
    notes.append(hidden_note(chosen.hidden, chosen.total, minimum, language))
    if choices.ylim[0] > 0:
        low, high = choices.ylim
        top = (high + 0.02 * low) / 1.02
        notes.append(
            text("axis_break", language, low=percent_text(low, language), high=percent_text(top, language))
        )
    return notes


def _risk_rows(
    curves: Curves, chosen: Selection, choices: Choices, layout: PanelLayout | None
) -> list[list[RiskRow]]:
    """Return the rows of each panel, the same for all, so that they stand side by side."""
    if not choices.at_risk:
        return [[] for _ in chosen.panels]
    numbers = numbers_at_risk(curves, choices.ticks, choices.axis, choices.language)
    found = {(one.panel, one.name): one for one in chosen.drawn}
    several = len(chosen.names) > 1
    rows: list[list[RiskRow]] = []
    for panel in range(len(chosen.panels)):
        rows.append([])
        for place, name in enumerate(chosen.names):
            group = found.get((panel, name))
            written = numbers[group.row] if group is not None else ("–",) * choices.ticks.size
            label = name if several else text("at_risk", choices.language)
            if layout is not None and layout.names_above and several:
                room = layout.panel_width + layout.right - KEY_WIDTH - 0.1
                label = wrapped(label, room, family=choices.theme.font, size=choices.theme.small)
            rows[-1].append(RiskRow(name=label, place=place if several else None, numbers=written))
    return rows


def _own(panel: int, chosen: Selection) -> list[DrawnGroup]:
    return [one for one in chosen.drawn if one.panel == panel]


def _draw_panel(
    ax: Axes,
    panel: int,
    chosen: Selection,
    choices: Choices,
    steps: dict[int, Steps],
    *,
    first_column: bool,
) -> None:
    theme = choices.theme
    ax.set_xlim(0.0, choices.axis.end)
    ax.set_ylim(*choices.ylim)
    ax.set_xticks(choices.ticks)
    ax.set_xticklabels(
        [f"{tick:g}" if choices.language == "en" else f"{tick:g}".replace(".", ",") for tick in choices.ticks]
    )
    shares = percent_ticks(*choices.ylim, room=axes_size(ax)[1])
    ax.set_yticks(shares)
    ax.set_yticklabels([percent_text(share, choices.language) for share in shares] if first_column else [])
    ax.set_axisbelow(True)
    ax.grid(axis="y", color=theme.grid, linewidth=0.6)
    if choices.context:
        for one in chosen.drawn:
            if one.panel != panel:
                draw_context(ax, steps[one.row], theme=theme)
    if choices.reference_line is not None:
        ax.axhline(
            choices.reference_line,
            color=theme.ink,
            linewidth=0.8,
            linestyle=(0, (3, 2)),
            zorder=2.2,
            label="_reference",
        )
        if panel == 0 and choices.reference_label:
            ax.annotate(
                choices.reference_label,
                (0, choices.reference_line),
                xycoords=ax.get_yaxis_transform(),
                xytext=(3, 1.5),
                textcoords="offset points",
                va="bottom",
                size=theme.small,
                color=theme.ink,
                label="reference-label",
                zorder=5,
            )
    for one in _own(panel, chosen):
        line = steps[one.row]
        at_ticks = line.at(choices.ticks)
        # Markers are not clipped, so that one at 100 % is whole; those beyond the axis must not be drawn at
        # all.
        seen = (choices.ticks > line.time[0]) & (at_ticks >= choices.ylim[0]) & (at_ticks <= choices.ylim[1])
        draw_curve(
            ax,
            line,
            place=chosen.names.index(one.name),
            name=one.name,
            theme=theme,
            interval=choices.interval,
            censoring=choices.censoring,
            marks=choices.ticks[seen] if choices.markers else None,
        )


def _draw_heading(ax: Axes, panel: int, chosen: Selection, choices: Choices, layout: PanelLayout) -> None:
    theme = choices.theme
    number = sum(one.patients for one in _own(panel, chosen))
    ax.annotate(
        f"n = {count_text(number, choices.language)}",
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        va="bottom",
        size=theme.small,
        color=theme.muted,
        annotation_clip=False,
        label="panel-patients",
    )
    ax.annotate(
        layout.headings[panel],
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 3 + 72 * text_height("0", size=theme.small)),
        textcoords="offset points",
        va="bottom",
        weight="bold",
        annotation_clip=False,
        label="panel-name",
        linespacing=LINE_HEIGHT - 0.15,
    )


def _labelled(
    panel: int, chosen: Selection, steps: dict[int, Steps], room: float, theme: Theme
) -> list[tuple[Steps, int, str]]:
    own = _own(panel, chosen)
    broken = wrapped_labels([one.name for one in own], room, theme)
    return [
        (steps[one.row], chosen.names.index(one.name), label) for one, label in zip(own, broken, strict=True)
    ]


def _label_axes(ax: Axes, axis_texts: tuple[str, str], layout: PanelLayout, panel: int) -> None:
    if layout.shared_label:
        return
    # Placed by measure, so that the table below knows where it ends.
    ax.annotate(
        axis_texts[0],
        (0.5, 0),
        xycoords="axes fraction",
        xytext=(0, -72 * (layout.ticks_height + 0.03)),
        textcoords="offset points",
        ha="center",
        va="top",
        annotation_clip=False,
        label="x-label",
    )
    ax.annotate(
        axis_texts[1],
        (0, 0.5),
        xycoords="axes fraction",
        xytext=(-72 * layout.y_label_at, 0),
        textcoords="offset points",
        ha="left",
        va="center",
        rotation=90,
        annotation_clip=False,
        label="y-label",
    )


def _label_shared(picture: Any, axis_texts: tuple[str, str], layout: PanelLayout, below: float) -> None:
    if not layout.shared_label:
        return
    width, height = picture.get_size_inches()
    middle = (layout.left_first + width - layout.right) / 2
    picture.text(
        middle / width, (below + 0.02) / height, axis_texts[0], ha="center", va="bottom", label="x-label"
    )
    for row in range(layout.nrows):
        _, bottom, _, tall = layout.place(row * layout.ncols, below=below)
        picture.text(
            (layout.left_first - layout.y_label_at) / width,
            (bottom + tall / 2) / height,
            axis_texts[1],
            ha="left",
            va="center",
            rotation=90,
            label="y-label",
        )


def _draw_legend(picture: Any, layout: PanelLayout, *, top: float) -> None:
    width, height = picture.get_size_inches()
    picture.legend(
        handles=_legend_handles(layout.legend_names, layout.choices),
        loc="upper left",
        bbox_to_anchor=(EDGE / width, 1 - (top - 0.02) / height),
        ncols=layout.legend_columns,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=2.6,
        columnspacing=1.6,
        labelspacing=0.35,
        fontsize=layout.theme.size,
    )


def _legend_handles(names: Sequence[str], choices: Choices) -> list[Line2D]:
    theme = choices.theme
    return [
        Line2D(
            [],
            [],
            color=theme.colour(place),
            linestyle=theme.line_style(place),
            label=name,
            marker=theme.marker(place) if choices.markers else "none",
            markersize=theme.marker_size(place),
        )
        for place, name in enumerate(names)
    ]


def _into_axes(
    ax: Axes,
    curves: Curves,
    chosen: Selection,
    choices: Choices,
    steps: dict[int, Steps],
    axis_texts: tuple[str, str],
    *,
    title: str | None,
    subtitle: str | None,
    notes: Sequence[str],
) -> Axes:
    theme = choices.theme
    width, _ = axes_size(ax)
    largest = count_text(max(one.patients for one in chosen.drawn), choices.language)
    half = widest([largest, "00", f"{choices.axis.end:.0f}"], theme, size=theme.small) / 2
    ticks = time_ticks(0.0, choices.axis.end, room=width, widest=2 * half + 0.08)
    choices = replace(choices, ticks=ticks)
    _draw_panel(ax, 0, chosen, choices, steps, first_column=True)
    ax.set_xlabel(axis_texts[0])
    ax.set_ylabel(axis_texts[1])
    below = 0.09 + text_height("0", size=theme.small) + 0.06 + text_height(axis_texts[0], size=theme.size)
    if choices.at_risk:
        rows = _risk_rows(curves, chosen, choices, None)[0]
        several = len(rows) > 1
        above = several and widest([row.name for row in rows], theme, size=theme.small) > 0.25 * width
        heading = text("at_risk", choices.language) if several else None
        draw_table(
            ax,
            rows,
            ticks,
            top=below,
            theme=theme,
            heading=heading,
            above=above,
            names=True,
            gap=half + 0.08,
            edge=half if above else 0.0,
        )
        below += table_height(rows, theme, above=above, heading=several)
    if choices.labels == "direct":
        room = min(0.4 * width, widest(chosen.names, theme, size=theme.small) + 0.02)
        draw_direct_labels(ax, _labelled(0, chosen, steps, room, theme), theme=theme)
    elif choices.labels == "legend":
        ax.legend(handles=_legend_handles(chosen.names, choices), frameon=False, fontsize=theme.size)
    annotate_given_axes(
        ax,
        title=title,
        subtitle=subtitle,
        note=joined_notes(notes, width, theme),
        below=below + 0.06,
        theme=theme,
    )
    return ax


def _description(
    curves: Curves,
    chosen: Selection,
    choices: Choices,
    steps: dict[int, Steps],
    quantity: str,
    title: str | None,
) -> str:
    """Return what the picture shows, in words."""
    parts = []
    for one in chosen.drawn:
        where = ", ".join(part for part in (chosen.panels[one.panel], one.name) if part)
        last = steps[one.row]
        share = percent_text(float(last.estimate[-1]), choices.language)
        parts.append(f"{where} {share} ({f'{last.time[-1]:.3g}'})")
    head = f"{title}. " if title else ""
    return f"{head}{quantity}, {text(_time_unit(curves, choices.axis), choices.language)}: " + "; ".join(
        parts
    )
