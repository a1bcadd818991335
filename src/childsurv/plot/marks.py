"""Marks of reliability in pictures, and what they mean in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from childsurv.curves.reliability import COUNTS, ReliabilityRules
from childsurv.words.catalogue import count_text, decimal_text
from childsurv.words.catalogue import picture_text as text

NOT_RELIABLE = "‡"
UNSTANDARDISED = "§"


def reasons_text(rules: ReliabilityRules, language: str, *, standardised: bool = False) -> str:
    """Return the rules by which an estimate is not reliable, in words: "fewer than 10 at risk"."""
    names = ["at_risk", "interval_width", "std_error", *(["standardise"] if standardised else [])]
    said = []
    for name in names:
        number: Any = getattr(rules, name)
        if number is not None:
            written = (
                count_text(number, language)
                if name in COUNTS
                else decimal_text(number, 3, language).rstrip("0").rstrip(".,")
            )
            said.append(text(f"reason_{name}", language, number=written))
    return ", ".join(said)


def marks_of(verdicts: Sequence[str]) -> list[str]:
    """Return the mark of each verdict of `Curves.reliability`; none for what is reliable."""
    signs = {"not reliable": NOT_RELIABLE, "unstandardised only": UNSTANDARDISED}
    return [signs.get(verdict, "") for verdict in verdicts]


def mark_notes(
    verdicts: pd.Series, rules: ReliabilityRules | None, language: str, *, standardised: bool
) -> list[str]:
    """Return what the marks mean; a ready table does not tell its thresholds."""
    said = []
    found = set(verdicts)
    if "not reliable" in found:
        said.append(
            text("unreliable_table", language)
            if rules is None
            else text(
                "unreliable", language, reasons=reasons_text(rules, language, standardised=standardised)
            )
        )
    if "unstandardised only" in found:
        said.append(
            text("unstandardised_table", language)
            if rules is None
            else text("unstandardised", language, below=rules.standardise)
        )
    return said
