"""Survival curves with numbers at risk, in one panel or in small multiples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from childsurv.curves.curves import Curves
from childsurv.errors import asking
from childsurv.net.excess import ExcessMortality
from childsurv.plot.at_risk import RiskTable, risk_rows
from childsurv.plot.choices import Choices, Options, decided
from childsurv.plot.groups import Names, require_curves
from childsurv.plot.notes import curve_description, curve_notes
from childsurv.plot.page import Frame, Margins, Page, Size, widest
from childsurv.plot.panels import (
    draw_heading,
    draw_legend,
    draw_names,
    fit_panel,
    fitted_layout,
    label_axes,
    label_shared,
    legend_handles,
    number_half,
    paint_panel,
    ticks_in,
)
from childsurv.plot.spacing import text_height
from childsurv.plot.style import Theme
from childsurv.plot.writing import Picture


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
        or tight layout. What depends on the size of the axes is placed again when the size changes.
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
        Whether to mark the times at which a patient was censored.
    markers
        Whether to put markers on the curves at the ticks; where a panel holds several curves unless given.
    labels
        "direct" names each curve at its right end, "legend" above the picture, "none" nowhere; "auto" is
        direct in one panel and a legend in several.
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
        curves for incidences and hazards, unless given. The note reports when it does not start at 0.
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
    page = Page(ax=ax, title=title, subtitle=subtitle, note=note, width=width, language=language, theme=theme)
    options = Options(
        panels=panels,
        ncols=ncols,
        panel_height=panel_height,
        years=years,
        times=times,
        at_risk=at_risk,
        interval=interval,
        censoring=censoring,
        markers=markers,
        labels=labels,
        context=context,
        minimum=minimum,
        reliability=reliability,
        bands=bands,
        stacked=stacked,
        names=names,
        ylim=ylim,
        reference_line=reference_line,
        reference_label=reference_label,
        xlabel=xlabel,
        ylabel=ylabel,
    )
    with asking("plot.curves"):
        shown = require_curves(curves)
    return page.draw(CurvePicture(decided(shown, options, page)))


class CurvePicture:
    """A picture of curves."""

    by_height: ClassVar[bool] = True

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.notes = curve_notes(choices)

    def description(self) -> str:
        """Return where each curve ends, in words."""
        return curve_description(self.choices)

    def compose(self, frame: Frame) -> Picture:
        """Return a new picture with all panels."""
        choices = self.choices
        layout = fitted_layout(choices, frame)
        picture = frame.picture(layout.height)
        if layout.legend_height:
            draw_legend(picture, layout, top=frame.above)
        for panel in range(layout.count):
            place = layout.place(panel)
            ax, first = frame.axes(picture, place), panel % layout.ncols == 0
            paint_panel(ax, panel, choices)
            fit_panel(ax, panel, choices, layout.ticks, height=place[3], numbered=first)
            if choices.panelled:
                draw_heading(ax, panel, layout)
            if layout.tables:
                layout.tables[panel].draw(ax, top=layout.table_top)
            if choices.labels == "direct":
                draw_names(ax, panel, choices, room=layout.label_room, height=place[3])
            if not choices.panelled:
                label_axes(ax, layout)
        if choices.panelled:
            label_shared(picture, layout)
        return picture

    def paint(self, ax: Axes) -> None:
        """Draw the curves into a user's axes, with a legend if one is asked for."""
        choices = self.choices
        paint_panel(ax, 0, choices)
        ax.set_xlabel(choices.axis_texts[0])
        ax.set_ylabel(choices.axis_texts[1])
        if choices.labels == "legend":
            handles = legend_handles(choices.chosen.names, choices)
            ax.legend(handles=handles, frameon=False, fontsize=choices.page.theme.size)

    def fit(self, ax: Axes, size: Size) -> Margins:
        """Draw ticks, markers, the table of numbers at risk and the names of the curves."""
        choices, page, theme = self.choices, self.choices.page, self.choices.page.theme
        ticks = ticks_in(choices, size.width)
        fit_panel(ax, 0, choices, ticks, height=size.height, numbered=True)
        below = 0.09 + page.line(small=True) + 0.06 + text_height(choices.axis_texts[0], size=theme.size)
        if choices.options.at_risk:
            (rows,) = risk_rows(choices, ticks, name_room=None)
            several, half = len(rows) > 1, number_half(choices)
            above = (
                several and widest([row.name for row in rows], theme, size=theme.small) > 0.25 * size.width
            )
            table = RiskTable(
                rows=rows,
                ticks=ticks,
                theme=theme,
                heading=page.text("at_risk") if several else None,
                above=above,
                names=True,
                gap=half + 0.08,
                edge=half if above else 0.0,
            )
            table.draw(ax, top=below)
            below += table.height
        if choices.labels == "direct":
            room = min(0.4 * size.width, widest(choices.chosen.names, theme, size=theme.small) + 0.02)
            draw_names(ax, 0, choices, room=room, height=size.height)
        return Margins(above=0.0, below=below + 0.06)
