"""Survival curves with numbers at risk, in one panel or in small multiples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from childsurv.curves.curves import Curves
from childsurv.curves.reliability import reliability_rules, reliable_until
from childsurv.errors import OptionError, asking, require_choice
from childsurv.net.excess import ExcessMortality
from childsurv.plot.at_risk import RiskRow, draw_table, numbers_at_risk, table_height
from childsurv.plot.band_tables import band_steps
from childsurv.plot.curve_notes import (
    NUMBERS,
    PERSON_YEARS,
    description,
    notes,
    stacked_steps,
    time_unit,
    vertical_limits,
)
from childsurv.plot.estimates import quantity_text
from childsurv.plot.frame import (
    add_axes,
    annotate_given_axes,
    axes_size,
    joined_notes,
    make_frame,
    require_share,
    widest,
)
from childsurv.plot.groups import Names, Selection, require_curves, require_minimum, select_groups
from childsurv.plot.lines import KEY_WIDTH, Steps, draw_direct_labels, steps_of, time_axis
from childsurv.plot.marks import UNSTANDARDISED
from childsurv.plot.panel_drawing import (
    draw_heading,
    draw_legend,
    draw_panel,
    label_axes,
    label_shared,
    labelled,
    legend_handles,
)
from childsurv.plot.panel_layout import Choices, PanelLayout, fitted_layout
from childsurv.plot.spacing import text_height, time_ticks, wrapped
from childsurv.plot.style import Theme, as_theme, drawing, width_in_inches
from childsurv.words.catalogue import count_text, value_text
from childsurv.words.catalogue import picture_text as text

FloatArray = npt.NDArray[np.float64]

LABELS = ("auto", "direct", "legend", "none")

LABEL_ROOM = 1.4
"""Inches to which the name of the vertical axis is broken beside small panels."""

BANDS_UP_TO = 4
"""Curves in one panel up to which bands are drawn unless asked otherwise: more bands hide each other."""


def curves(
    curves: Curves | ExcessMortality,
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
    reliability: str | Mapping[str, float] | None = None,
    bands: pd.DataFrame | None = None,
    stacked: bool = False,
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
    """Draw curves with the numbers at risk under the axes, in one panel or in small multiples.

    Each curve is the step function ``S(t)`` that `Curves.table` holds: it starts at 1 (an incidence or a hazard at 0),
    keeps its value from one time to the next, and ends where the last person of the group is no longer followed, or
    where fewer than the curves' own ``minimum`` are at risk. Life tables by intervals are points at the ends of
    intervals, joined by straight lines. Curves differ in colour, line style and marker, so that the picture reads in
    grey.

    Parameters
    ----------
    curves
        Result of an estimator; rates of `childsurv.excess_mortality` are drawn per 1,000 person-years.
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
        Groups with fewer patients are not drawn, and the note says how many; None draws all. The curves' own
        ``minimum`` holds in any case.
    reliability
        "concord-like" or own thresholds, as for `Curves.reliability`: the part of a curve that is not reliable is
        dotted grey, groups too small for an estimate are not drawn, and those too small to standardise have a mark.
    bands
        The table of `childsurv.simultaneous_bands`, drawn as thin lines.
    stacked
        Whether to draw the cumulative incidences of several causes as areas, one above the other: the share of
        patients to whom any of them has happened. Each panel then holds one group.
    names
        Texts for labels, such as ``{"XAA": "Avaland"}``, or for each column such a mapping.
    ylim
        Ends of the vertical axis, as shares (a hazard's as numbers); (0, 1) for survival, 0 and what holds the
        curves for incidences and hazards, unless given. The note tells when it does not start at 0.
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
    if isinstance(curves, ExcessMortality):
        curves = curves.as_curves(per=PERSON_YEARS)
    with asking("plot.curves"):
        curves = require_curves(curves)
    require_choice(labels, LABELS, argument="labels")
    if ax is not None and panels is not None:
        raise OptionError("panels= makes a Figure of several Axes; leave out ax=, or draw one panel into it.")
    if ncols is not None and (not isinstance(ncols, int) or ncols < 1):
        raise OptionError("ncols= must be a whole number of 1 or more.")
    rules = None if reliability is None else reliability_rules(reliability)
    least = require_minimum(minimum)
    if rules is not None:
        least = max(least, rules.patients or 0)
    least = max(least, curves.minimum)
    unstandardised = None if rules is None or "standard" in curves.conventions else rules.standardise
    chosen = select_groups(
        curves,
        panels=panels,
        minimum=least,
        names=names,
        all_name=text("all", language),
        mark_below=unstandardised,
        mark=f" {UNSTANDARDISED}",
    )
    if stacked:
        _require_stackable(curves, chosen)
    most = max(sum(one.panel == panel for one in chosen.drawn) for panel in range(len(chosen.panels)))
    axis = time_axis(curves, [one.row for one in chosen.drawn], years=years, times=times)
    several = len(chosen.panels) > 1
    limits = curves.limits
    steps = {one.row: steps_of(curves, one.row, axis, limits) for one in chosen.drawn}
    if rules is not None:
        until = reliable_until(curves, rules) / axis.unit
        steps = {row: replace(one, reliable_until=float(until[row])) for row, one in steps.items()}
    if stacked:
        steps = stacked_steps(chosen, steps)
    banded = {} if bands is None else band_steps(bands, curves, chosen, axis)
    percent = curves.quantity not in NUMBERS
    if reference_line is not None and percent:
        require_share(reference_line, argument="reference_line")
    elif reference_line is not None and not np.isfinite(reference_line):
        raise OptionError("reference_line= must be a finite number.")
    interval = (most <= BANDS_UP_TO if interval is None else interval) and not stacked
    vertical = vertical_limits(
        curves, ylim, [*steps.values(), *banded.values()], shaded=interval or bool(banded)
    )
    context = several and most == 1 if context is None else context
    if labels == "auto":
        labels = "none" if len(chosen.names) == 1 else "legend" if panels is not None else "direct"
    choices = Choices(
        axis=axis,
        ticks=np.empty(0),
        ylim=vertical,
        interval=interval,
        censoring=censoring,
        markers=not stacked and (most > 1 or curves.by_intervals if markers is None else markers),
        labels=labels,
        at_risk=at_risk,
        context=context and several and not stacked,
        percent=percent,
        stacked=stacked,
        reference_line=reference_line,
        reference_label=reference_label
        or ("" if reference_line is None else value_text(reference_line, language, percent=percent)),
        language=language,
        theme=looks,
    )
    said = [note or "", *notes(curves, chosen, choices, steps, rules, banded=bool(banded), least=least)]
    axis_texts = (
        text(time_unit(curves, axis), language) if xlabel is None else xlabel,
        quantity_text(curves, language) if ylabel is None else ylabel,
    )
    if panels is not None:
        # Panels are low; a long name of the axis would reach into the next row.
        axis_texts = (axis_texts[0], wrapped(axis_texts[1], LABEL_ROOM, family=looks.font, size=looks.size))
    with drawing(looks):
        if ax is not None:
            return _into_axes(
                ax,
                curves,
                chosen,
                choices,
                steps,
                banded,
                axis_texts,
                title=title,
                subtitle=subtitle,
                notes=said,
            )
        frame = make_frame(width_in_inches(width), looks, title=title, subtitle=subtitle, notes=said)
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
            draw_legend(picture, layout, top=frame.above)
        for panel in range(len(chosen.panels)):
            place = layout.place(panel, below=frame.below)
            new = add_axes(picture, *place)
            draw_panel(new, panel, chosen, choices, steps, banded, first_column=panel % layout.ncols == 0)
            if panels is not None:
                draw_heading(new, panel, chosen, choices, layout)
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
                    labelled(panel, chosen, steps, layout.label_room, looks, stacked=stacked),
                    theme=looks,
                    height=place[3],
                )
            label_axes(new, axis_texts, layout, panel)
        label_shared(picture, axis_texts, layout, frame.below)
        picture.alt_text = description(curves, chosen, choices, steps, axis_texts[1], title)
    return picture


def _require_stackable(curves: Curves, chosen: Selection) -> None:
    if curves.quantity != "cumulative incidence" or "cause" not in curves.group_columns:
        raise OptionError("stacked=True is for the curves of childsurv.cumulative_incidence.")
    if any(
        len({one.people for one in chosen.drawn if one.panel == panel}) > 1
        for panel in range(len(chosen.panels))
    ):
        raise OptionError(
            "stacked=True: areas of several groups hide each other; give panels= the group columns."
        )


def _risk_rows(
    curves: Curves, chosen: Selection, choices: Choices, layout: PanelLayout | None
) -> list[list[RiskRow]]:
    """Return the rows of each panel, the same for all, so that they stand side by side."""
    if not choices.at_risk:
        return [[] for _ in chosen.panels]
    numbers = numbers_at_risk(curves, choices.ticks, choices.axis, choices.language)
    several, keyed = len(chosen.people) > 1, chosen.people == chosen.names
    found = {(one.panel, one.people): one for one in chosen.drawn}
    rows: list[list[RiskRow]] = []
    for panel in range(len(chosen.panels)):
        rows.append([])
        for place, name in enumerate(chosen.people):
            group = found.get((panel, name))
            written = numbers[group.row] if group is not None else ("–",) * choices.ticks.size
            label = name if several else text("at_risk", choices.language)
            if layout is not None and layout.names_above and several:
                room = layout.panel_width + layout.right - (KEY_WIDTH if keyed else 0.0) - 0.1
                label = wrapped(label, room, family=choices.theme.font, size=choices.theme.small)
            rows[-1].append(RiskRow(name=label, place=place if several and keyed else None, numbers=written))
    return rows


def _into_axes(
    ax: Axes,
    curves: Curves,
    chosen: Selection,
    choices: Choices,
    steps: dict[int, Steps],
    banded: dict[int, Steps],
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
    draw_panel(ax, 0, chosen, choices, steps, banded, first_column=True)
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
        draw_direct_labels(ax, labelled(0, chosen, steps, room, theme, stacked=choices.stacked), theme=theme)
    elif choices.labels == "legend":
        ax.legend(handles=legend_handles(chosen.names, choices), frameon=False, fontsize=theme.size)
    annotate_given_axes(
        ax,
        title=title,
        subtitle=subtitle,
        note=joined_notes(notes, width, theme),
        below=below + 0.06,
        theme=theme,
    )
    return ax
