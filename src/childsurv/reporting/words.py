"""Texts and numbers of one report, ready for its sentences and cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from childsurv.plot.groups import NOT_RELIABLE
from childsurv.reporting.blocks import Cell, number
from childsurv.reporting.content import Content
from childsurv.reporting.pictures import by_text, span_text
from childsurv.reporting.survival import fewest_for_reliable
from childsurv.words.numbers import Numbers

HIDDEN = "·"
"""Stands for a number that is hidden; a dash is one that does not exist."""


class Words:
    """Texts and numbers of one report, with the words that most texts need filled in.

    Attributes
    ----------
    content : Content
    numbers : Numbers
    level : str
        Confidence level as per cent.
    by, diagnosis : str
        Words for the groupings after "by".
    quantity : str
        What rankings and heat maps show.
    """

    def __init__(self, content: Content) -> None:
        self.content = content
        self.numbers = Numbers(content.texts.language)
        share = 100 * content.level
        self.level = (
            self.numbers.decimal(share, 0 if float(share).is_integer() else 1) + self.numbers.percent_sign
        )
        self.by = by_text(content, content.shown.by.name)
        self.diagnosis = by_text(content, content.shown.diagnosis.name)
        self.quantity = content.texts(f"quantity.{content.quantity}")

    def __call__(self, key: str, /, **values: Any) -> str:
        """Return a text with its values and the common ones filled in."""
        common = {
            "level": self.level,
            "minimum": self.content.minimum,
            "reliable": fewest_for_reliable(self.content.minimum),
            "by": self.by,
            "diagnosis": self.diagnosis,
            "years": self.numbers.year(self.content.main_year),
            "span": span_text(self.content.main_year, self.content.texts),
            "quantity": self.quantity,
        }
        return self.content.texts(key, **(common | values))

    def sentence(self, key: str, /, **values: Any) -> str:
        """Return a text that begins with a capital letter."""
        text = self(key, **values)
        return text[:1].upper() + text[1:]

    def share(self, values: Mapping[Any, Any], quantity: str, *, few: bool | None = None) -> Cell:
        """Return an estimate in per cent with its limits below and a mark where they are not reliable."""
        estimate = float(values[quantity])
        if not np.isfinite(estimate):
            return number("–")
        mark = f" {NOT_RELIABLE}" if (values["not_reliable"] if few is None else few) else ""
        limits = self.numbers.percent_range(
            float(values[f"{quantity}_lower"]), float(values[f"{quantity}_upper"])
        )
        return number(self.numbers.percent(estimate) + mark, limits)
