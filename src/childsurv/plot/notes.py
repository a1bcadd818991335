"""What pictures say in words: marks, notes and descriptions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from childsurv.curves.reliability import COUNTS, ReliabilityRules
from childsurv.plot.choices import Choices, highest, time_unit
from childsurv.plot.estimates import Estimates
from childsurv.plot.groups import NOT_RELIABLE, UNSTANDARDISED, is_rate
from childsurv.plot.page import Page
from childsurv.words.catalogue import decimal_text, hidden_note, level_text, value_text

SIGNS = {"not reliable": NOT_RELIABLE, "unstandardised only": UNSTANDARDISED}
"""Marks of the verdicts of `Curves.reliability`; what is reliable has none."""


def mark_of(verdict: str) -> str:
    """Return the mark of a verdict of `Curves.reliability`."""
    return SIGNS.get(verdict, "")


def with_level(page: Page, key: str, level: float | None, **values: Any) -> str:
    """Return words that name a confidence level, or those for a level that is not known."""
    if level is None:
        return page.text(f"{key}_unknown")
    return page.text(key, level=level_text(level, page.language), **values)


def hidden_groups(page: Page, hidden: int, total: int, least: int) -> str:
    """Return the note on groups with too few patients, empty where all are shown."""
    return hidden_note(hidden, total, least, page.language)


def axis_break(page: Page, low: float, high: float, *, percent: bool = True) -> str:
    """Return the note on an axis that does not start at 0, empty for one that does."""
    if low <= 0:
        return ""
    ends = [value_text(value, page.language, percent=percent) for value in (low, high)]
    return page.text("axis_break", low=ends[0], high=ends[1])


def mark_notes(page: Page, verdicts: Iterable[str], found: Estimates) -> list[str]:
    """Return what the marks of reliability mean; a table of verdicts does not bring its thresholds."""
    marks, present, rules = [], set(verdicts), found.rules
    if "not reliable" in present:
        reasons = "" if rules is None else _reasons(page, rules, standardised=found.standardised)
        marks.append(
            page.text("unreliable_table") if rules is None else page.text("unreliable", reasons=reasons)
        )
    if "unstandardised only" in present:
        marks.append(
            page.text("unstandardised_table")
            if rules is None
            else page.text("unstandardised", below=rules.standardise)
        )
    return marks


def _reasons(page: Page, rules: ReliabilityRules, *, standardised: bool = False) -> str:
    """Return the rules by which an estimate is not reliable, in words: "fewer than 10 at risk"."""
    reasons = []
    for name in ["at_risk", "interval_width", "std_error", *(["standardise"] if standardised else [])]:
        number: Any = getattr(rules, name)
        if number is not None:
            written = page.count(number) if name in COUNTS else _short(page, number, 3)
            reasons.append(page.text(f"reason_{name}", number=written))
    return ", ".join(reasons)


def _short(page: Page, number: float, digits: int) -> str:
    return decimal_text(number, digits, page.language).rstrip("0").rstrip(".,")


def curve_notes(choices: Choices) -> list[str]:
    """Return the automatic notes under a picture of curves."""
    page, curves, chosen, steps = choices.page, choices.curves, choices.chosen, choices.steps
    low, high = choices.ylim
    notes = []
    if choices.interval:
        notes.append(with_level(page, "band", curves.level, kind=curves.ci))
        cut_below = is_rate(curves) and -highest(steps.values(), "lower", sign=-1.0) < low
        if highest(steps.values(), "upper") > high or cut_below:
            notes.append(page.text("beyond_both" if cut_below else "beyond"))
    if choices.bands:
        notes.append(page.text("simultaneous"))
    if choices.options.stacked:
        notes.append(page.text("stacked"))
    if is_rate(curves):
        width = decimal_text(curves.conventions["bandwidth_days"], 0, page.language)
        notes.append(page.text("smoothed", width=width, kernel=page.text(curves.conventions["kernel"])))
    elif any(one.joined for one in steps.values()):
        notes.append(page.text("points"))
    if choices.context:
        notes.append(page.text("other_panels"))
    if curves.origin > 0:
        notes.append(page.text("begins", time=_short(page, curves.origin / choices.axis.unit, 2)))
    if curves.stopped is not None and any(
        curves.stopped[one.row] and steps[one.row].time[-1] < choices.axis.end for one in chosen.drawn
    ):
        notes.append(page.text("ends", minimum=curves.minimum))
    if choices.rules is not None:
        notes += _reliability_notes(choices, choices.rules)
    notes.append(hidden_groups(page, chosen.hidden, chosen.total, choices.least))
    notes.append(axis_break(page, low, (high + 0.02 * low) / 1.02, percent=choices.percent))
    return notes


def _reliability_notes(choices: Choices, rules: ReliabilityRules) -> list[str]:
    """Return what the marks of reliability mean, where there are any."""
    page, notes = choices.page, []
    if any(one.reliable_until < one.time[-1] for one in choices.steps.values()):
        notes.append(page.text("unreliable_line", reasons=_reasons(page, rules)))
    if any(one.small for one in choices.chosen.drawn):
        notes.append(page.text("unstandardised", below=rules.standardise))
    return notes


def curve_description(choices: Choices) -> str:
    """Return what a picture of curves shows, in words: where each curve ends."""
    parts = []
    for one in choices.chosen.drawn:
        where = ", ".join(part for part in (choices.chosen.panels[one.panel], one.name) if part)
        last = choices.steps[one.row]
        # A stacked area is its height.
        stacked = choices.options.stacked
        value = float(last.upper[-1] - last.lower[-1]) if stacked else float(last.estimate[-1])
        parts.append(f"{where} {choices.value_text(value)} ({last.time[-1]:.3g})")
    unit = choices.page.text(time_unit(choices.curves, choices.axis))
    return f"{choices.axis_texts[1]}, {unit}: " + "; ".join(parts)
