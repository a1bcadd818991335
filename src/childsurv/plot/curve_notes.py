"""What a picture of curves says in words, and the ends of its vertical axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.curves.curves import Curves
from childsurv.curves.reliability import ReliabilityRules
from childsurv.errors import OptionError
from childsurv.net.excess import QUANTITY
from childsurv.plot.frame import require_shares
from childsurv.plot.groups import Selection
from childsurv.plot.lines import Steps, TimeAxis
from childsurv.plot.marks import reasons_text
from childsurv.plot.panel_layout import Choices
from childsurv.words.catalogue import decimal_text, hidden_note, percent_text, value_text
from childsurv.words.catalogue import picture_text as text

HIGHEST_SHARE = 1.2
"""End of the axis of net survival, beyond which limits above 100 % are cut, which the note then says."""


PERSON_YEARS = 1000.0
"""Rates are drawn per so many."""

NUMBERS = ("cumulative hazard", QUANTITY)
"""Quantities that are no shares."""


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
        low, highest = 0.0, _highest(steps, "estimate")
        reached = max(highest, _highest(steps, "upper")) if shaded else highest
        if curves.quantity in {"survival", "state occupation"}:
            high = max(1.0, highest, min(reached, HIGHEST_SHARE))
        elif curves.quantity in {"cumulative incidence", "crude mortality"}:
            high = min(1.0, max(0.05, float(np.ceil(20 * reached - 1e-9)) / 20))
        elif curves.quantity == QUANTITY:
            # Fewer may die than in the population. A band that reaches far beyond all curves is cut.
            lowest = -_highest(steps, "lower" if shaded else "estimate", sign=-1.0)
            high = min(reached, 2 * highest) if highest > 0 else max(reached, 1.0)
            low = max(
                min(0.0, lowest),
                -0.25 * high,
                min(0.0, -_highest(steps, "estimate", sign=-1.0)) - 0.25 * high,
            )
        else:
            high = reached if reached > 0 else 1.0
    # A little room, so that a line at 100 % is drawn in full.
    return low, high + 0.02 * (high - low)


def _highest(steps: Iterable[Steps], name: str, *, sign: float = 1.0) -> float:
    values = sign * np.concatenate([getattr(one, name) for one in steps])
    values = values[np.isfinite(values)]
    return float(values.max()) if values.size else 0.0


def _given(ylim: Any, curves: Curves) -> tuple[float, float]:
    if curves.quantity not in NUMBERS:
        return require_shares(ylim, argument="ylim")
    try:
        low, high = (float(value) for value in ylim)
    except (TypeError, ValueError):
        raise OptionError("ylim= must be two numbers, such as (0, 0.5).") from None
    if not (np.isfinite([low, high]).all() and (low >= 0 or curves.quantity == QUANTITY) and low < high):
        raise OptionError("ylim= must be two ascending numbers, 0 or more, such as (0, 0.5).")
    return low, high


def notes(
    curves: Curves,
    chosen: Selection,
    choices: Choices,
    steps: dict[int, Steps],
    rules: ReliabilityRules | None,
    *,
    banded: bool,
    least: int,
) -> list[str]:
    """Return the automatic notes under a picture of curves."""
    language, (low, high) = choices.language, choices.ylim
    top = (high + 0.02 * low) / 1.02
    said = []
    if choices.interval:
        said.append(text("band", language, level=percent_text(curves.level, language), kind=curves.ci))
        cut_below = curves.quantity == QUANTITY and -_highest(steps.values(), "lower", sign=-1.0) < low
        if _highest(steps.values(), "upper") > high or cut_below:
            said.append(text("beyond_both" if cut_below else "beyond", language))
    if banded:
        said.append(text("simultaneous", language))
    if choices.stacked:
        said.append(text("stacked", language))
    if curves.quantity == QUANTITY:
        width = decimal_text(curves.conventions["bandwidth_days"], 0, language)
        said.append(
            text("smoothed", language, width=width, kernel=text(curves.conventions["kernel"], language))
        )
    elif any(one.joined for one in steps.values()):
        said.append(text("points", language))
    if choices.context:
        said.append(text("other_panels", language))
    if curves.origin > 0:
        begin = decimal_text(curves.origin / choices.axis.unit, 2, language).rstrip("0").rstrip(".,")
        said.append(text("begins", language, time=begin))
    if curves.stopped is not None and any(
        curves.stopped[one.row] and steps[one.row].time[-1] < choices.axis.end for one in chosen.drawn
    ):
        said.append(text("ends", language, minimum=curves.minimum))
    if rules is not None:
        said += reliability_notes(chosen, steps, rules, language)
    said.append(hidden_note(chosen.hidden, chosen.total, least, language))
    if low > 0:
        ends = [value_text(value, language, percent=choices.percent) for value in (low, top)]
        said.append(text("axis_break", language, low=ends[0], high=ends[1]))
    return said


def reliability_notes(
    chosen: Selection, steps: dict[int, Steps], rules: ReliabilityRules, language: str
) -> list[str]:
    """Return what the marks of reliability mean, where there are any."""
    said = []
    if any(one.reliable_until < one.time[-1] for one in steps.values()):
        said.append(text("unreliable_line", language, reasons=reasons_text(rules, language)))
    if any(one.small for one in chosen.drawn):
        said.append(text("unstandardised", language, below=rules.standardise))
    return said


def description(
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
        # A stacked area is its height.
        value = float(last.upper[-1] - last.lower[-1]) if choices.stacked else float(last.estimate[-1])
        written = value_text(value, choices.language, percent=choices.percent)
        parts.append(f"{where} {written} ({f'{last.time[-1]:.3g}'})")
    head = f"{title}. " if title else ""
    return f"{head}{quantity}, {text(time_unit(curves, choices.axis), choices.language)}: " + "; ".join(parts)


def stacked_steps(chosen: Selection, steps: dict[int, Steps]) -> dict[int, Steps]:
    """Return the incidences of the causes of each panel one above the other, as areas between two limits."""
    made: dict[int, Steps] = {}
    below: dict[int, npt.NDArray[np.float64]] = {}
    for one in chosen.drawn:
        line = steps[one.row]
        lower = below.get(one.panel, np.zeros(line.time.size))
        upper = lower + line.estimate
        below[one.panel] = upper
        made[one.row] = Steps(line.time, upper, lower, upper, line.censored)
    return made
