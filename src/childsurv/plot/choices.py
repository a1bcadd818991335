"""What a user asks of a picture of curves, and the same with every "choose for me" decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.curves.curves import Curves
from childsurv.curves.reliability import ReliabilityRules, reliability_rules, reliable_until
from childsurv.errors import OptionError, require_choice
from childsurv.plot.groups import (
    UNSTANDARDISED,
    Names,
    Selection,
    is_rate,
    is_share,
    is_standardised,
    quantity_text,
    require_minimum,
    require_share,
    require_shares,
    select_groups,
)
from childsurv.plot.page import Page
from childsurv.plot.spacing import wrapped
from childsurv.plot.steps import Steps, TimeAxis, band_steps, stacked_steps, steps_of, time_axis
from childsurv.words.catalogue import value_text

FloatArray = npt.NDArray[np.float64]

LABELS = ("auto", "direct", "legend", "none")

LABEL_ROOM = 1.4
"""Inches to which the name of the vertical axis is broken beside small panels."""

BANDS_UP_TO = 4
"""Curves in one panel up to which bands are drawn unless asked otherwise: more bands hide each other."""

HIGHEST_SHARE = 1.2
"""End of the axis of net survival, beyond which limits above 100 % are cut, which the note then says."""


@dataclass(frozen=True)
class Options:
    """The options of `childsurv.plot.curves` that belong to curves only, as the user gave them."""

    panels: str | Sequence[str] | None
    ncols: int | None
    panel_height: float | None
    years: float | None
    times: float | None
    at_risk: bool
    interval: bool | None
    censoring: bool
    markers: bool | None
    labels: str
    context: bool | None
    minimum: int | None
    reliability: str | Mapping[str, float] | None
    bands: pd.DataFrame | None
    stacked: bool
    names: Names
    ylim: tuple[float, float] | None
    reference_line: float | None
    reference_label: str | None
    xlabel: str | None
    ylabel: str | None

    def __post_init__(self) -> None:
        require_choice(self.labels, LABELS, argument="labels")
        if self.ncols is not None and (not isinstance(self.ncols, int) or self.ncols < 1):
            raise OptionError("ncols= must be a whole number of 1 or more.")


@dataclass(frozen=True, eq=False)
class Choices:
    """One picture of curves with everything decided that does not depend on its size."""

    page: Page
    options: Options
    curves: Curves
    chosen: Selection
    least: int
    """Patients that a group needs in order to be drawn."""

    rules: ReliabilityRules | None
    axis: TimeAxis
    steps: dict[int, Steps]
    """The curve of each group drawn, by its row among the groups of the curves."""

    bands: dict[int, Steps]
    ylim: tuple[float, float]
    interval: bool
    markers: bool
    labels: str
    """One of `LABELS` but "auto"."""

    context: bool
    axis_texts: tuple[str, str]
    """Names of the horizontal and the vertical axis."""

    @property
    def panelled(self) -> bool:
        """Whether the panels have headings and share the names of their axes."""
        return self.options.panels is not None

    @property
    def percent(self) -> bool:
        """Whether the vertical axis is in per cent."""
        return is_share(self.curves)

    def value_text(self, value: float) -> str:
        """Return a value of the vertical axis as text."""
        return value_text(value, self.page.language, percent=self.percent)

    @property
    def reference_label(self) -> str:
        """The text beside the reference line."""
        line, own = self.options.reference_line, self.options.reference_label
        return own or ("" if line is None else self.value_text(line))


def decided(curves: Curves, options: Options, page: Page) -> Choices:
    """Return a picture of curves with every "choose for me" decided."""
    if page.ax is not None and options.panels is not None:
        raise OptionError("panels= makes a Figure of several Axes; leave out ax=, or draw one panel into it.")
    rules = None if options.reliability is None else reliability_rules(options.reliability)
    least = require_minimum(options.minimum)
    least = max(least, curves.minimum, 0 if rules is None else rules.patients or 0)
    chosen = select_groups(
        curves,
        panels=options.panels,
        minimum=least,
        names=options.names,
        all_name=page.text("all"),
        mark_below=None if rules is None or is_standardised(curves) else rules.standardise,
        mark=f" {UNSTANDARDISED}",
    )
    if options.stacked:
        _require_stackable(curves, chosen)
    axis = time_axis(curves, [one.row for one in chosen.drawn], years=options.years, times=options.times)
    steps = _steps(curves, chosen, axis, rules, stacked=options.stacked)
    bands = {} if options.bands is None else band_steps(options.bands, curves, chosen, axis)
    _require_reference_line(curves, options.reference_line)
    most = max(len(chosen.of_panel(panel)) for panel in range(len(chosen.panels)))
    wanted = options.interval
    interval = (most <= BANDS_UP_TO if wanted is None else wanted) and not options.stacked
    shaded = interval or bool(bands)
    markers = (most > 1 or curves.by_intervals) if options.markers is None else options.markers
    context = most == 1 if options.context is None else options.context
    return Choices(
        page=page,
        options=options,
        curves=curves,
        chosen=chosen,
        least=least,
        rules=rules,
        axis=axis,
        steps=steps,
        bands=bands,
        ylim=vertical_limits(curves, options.ylim, [*steps.values(), *bands.values()], shaded=shaded),
        interval=interval,
        markers=markers and not options.stacked,
        labels=_labels(options, chosen),
        context=context and len(chosen.panels) > 1 and not options.stacked,
        axis_texts=_axis_texts(curves, options, axis, page),
    )


def _require_stackable(curves: Curves, chosen: Selection) -> None:
    if curves.quantity != "cumulative incidence" or "cause" not in curves.group_columns:
        raise OptionError("stacked=True is for the curves of childsurv.cumulative_incidence.")
    if any(len({one.people for one in chosen.of_panel(panel)}) > 1 for panel in range(len(chosen.panels))):
        raise OptionError(
            "stacked=True: areas of several groups hide each other; give panels= the group columns."
        )


def _require_reference_line(curves: Curves, value: float | None) -> None:
    if value is not None and is_share(curves):
        require_share(value, argument="reference_line")
    elif value is not None and not np.isfinite(value):
        raise OptionError("reference_line= must be a finite number.")


def _steps(
    curves: Curves, chosen: Selection, axis: TimeAxis, rules: ReliabilityRules | None, *, stacked: bool
) -> dict[int, Steps]:
    limits = curves.limits
    steps = {one.row: steps_of(curves, one.row, axis, limits) for one in chosen.drawn}
    if rules is not None:
        until = reliable_until(curves, rules) / axis.unit
        steps = {row: replace(one, reliable_until=float(until[row])) for row, one in steps.items()}
    return stacked_steps(chosen, steps) if stacked else steps


def _labels(options: Options, chosen: Selection) -> str:
    if options.labels != "auto":
        return options.labels
    if len(chosen.names) == 1:
        return "none"
    return "direct" if options.panels is None else "legend"


def _axis_texts(curves: Curves, options: Options, axis: TimeAxis, page: Page) -> tuple[str, str]:
    across = page.text(time_unit(curves, axis)) if options.xlabel is None else options.xlabel
    upwards = quantity_text(curves, page.language) if options.ylabel is None else options.ylabel
    if options.panels is not None:
        # Panels are low; a long name of the axis would reach into the next row.
        upwards = wrapped(upwards, LABEL_ROOM, family=page.theme.font, size=page.theme.size)
    return across, upwards


def time_unit(curves: Curves, axis: TimeAxis) -> str:
    """Return the key of the words for the time axis."""
    if axis.in_years:
        return "years"
    unit = str(curves.conventions.get("time_unit", ""))
    return unit if unit in ("days", "weeks", "months", "years") else "time"


def vertical_limits(
    curves: Curves, ylim: tuple[float, float] | None, steps: Sequence[Steps], *, shaded: bool
) -> tuple[float, float]:
    """Return the ends of the vertical axis: those asked for, or what suits the quantity.

    Survival goes from 0 to 1, net survival higher where it exceeds 1; incidences and hazards, which may be far
    smaller, from 0 to what holds them.
    """
    if ylim is not None:
        low, high = _given(ylim, curves)
    else:
        low, most = 0.0, highest(steps, "estimate")
        reached = max(most, highest(steps, "upper")) if shaded else most
        if curves.quantity in {"survival", "state occupation"}:
            high = max(1.0, most, min(reached, HIGHEST_SHARE))
        elif curves.quantity in {"cumulative incidence", "crude mortality"}:
            high = min(1.0, max(0.05, float(np.ceil(20 * reached - 1e-9)) / 20))
        elif is_rate(curves):
            # Fewer may die than in the population. A band that reaches far beyond all curves is cut.
            lowest = -highest(steps, "lower" if shaded else "estimate", sign=-1.0)
            high = min(reached, 2 * most) if most > 0 else max(reached, 1.0)
            low = max(
                min(0.0, lowest),
                -0.25 * high,
                min(0.0, -highest(steps, "estimate", sign=-1.0)) - 0.25 * high,
            )
        else:
            high = reached if reached > 0 else 1.0
    # A little room, so that a line at 100 % is drawn in full.
    return low, high + 0.02 * (high - low)


def highest(steps: Iterable[Steps], name: str, *, sign: float = 1.0) -> float:
    """Return the highest value of some curves, of their estimates or limits; 0 where there is none."""
    values = sign * np.concatenate([getattr(one, name) for one in steps])
    values = values[np.isfinite(values)]
    return float(values.max()) if values.size else 0.0


def _given(ylim: Any, curves: Curves) -> tuple[float, float]:
    if is_share(curves):
        return require_shares(ylim, argument="ylim")
    try:
        low, high = (float(value) for value in ylim)
    except (TypeError, ValueError):
        raise OptionError("ylim= must be two numbers, such as (0, 0.5).") from None
    if not (np.isfinite([low, high]).all() and (low >= 0 or is_rate(curves)) and low < high):
        raise OptionError("ylim= must be two ascending numbers, 0 or more, such as (0, 0.5).")
    return low, high
