"""How a language writes numbers: decimal mark, thousands, per cent, p-values, dates, and the noun after a number.

One style holds in the pictures, tables and texts of a language. English parts thousands by a comma (1,234.5). Russian
parts them by a no-break space and has a decimal comma (1 234,5); the narrow no-break space is missing from many fonts,
and a picture could not show it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

MISSING = "–"
"""What a table shows where there is no number."""

MINUS = "−"
"""A minus sign as wide as a digit, so that columns stay aligned."""


def _one_other(number: float) -> int:
    return 0 if number == 1 else 1


def _one_few_many(number: float) -> int:
    if not float(number).is_integer():
        return 1  # 1,5 года
    last, last_two = abs(number) % 10, abs(number) % 100
    if last == 1 and last_two != 11:
        return 0
    return 1 if 2 <= last <= 4 and not 12 <= last_two <= 14 else 2


@dataclass(frozen=True)
class Plural:
    """A rule that chooses the form of a noun after a number."""

    forms: int
    """How many forms the language has."""
    chosen: Callable[[float], int]
    """Place of the form for a number."""


PLURALS: Mapping[str, Plural] = MappingProxyType(
    {"one-other": Plural(2, _one_other), "one-few-many": Plural(3, _one_few_many)}
)
"""Rules by the names that languages give: as in English, and as in Russian, Belarusian and Ukrainian."""


@dataclass(frozen=True)
class Numbers:
    """The number forms of a language, as the table ``[numbers]`` of its words gives them."""

    decimal_mark: str
    thousands: str
    """What parts thousands."""
    percent_form: str
    """Per cent with its sign: ``{number}%``."""
    date_form: str
    """A date of ``{day}``, ``{month}`` or ``{month_name}``, and ``{year}``."""
    month_names: tuple[str, ...]
    plural: Plural

    def decimal(self, value: float | None, digits: int) -> str:
        """Return a number with so many decimals; a dash where it is missing."""
        if value is None or not math.isfinite(value):
            return MISSING
        return self._marked(f"{value:,.{digits}f}")

    def count(self, value: float | None) -> str:
        """Return a whole number with thousands parted; weighted numbers keep one decimal."""
        if value is None or not math.isfinite(value):
            return MISSING
        return self.decimal(value, 0 if float(value).is_integer() else 1)

    def significant(self, value: float, figures: int = 6) -> str:
        """Return a number with at most so many significant figures and no needless decimals."""
        return self._marked(f"{value:.{figures}g}")

    def percent(self, share: float, *, digits: int = 1, sign: bool = False) -> str:
        """Return a share as per cent, with or without the sign."""
        written = self.decimal(100 * share, digits)
        return self.percent_form.format(number=written) if sign and written != MISSING else written

    def percent_range(self, lower: float, upper: float, *, digits: int = 1) -> str:
        """Return the limits of a share as per cent; nothing where one is missing."""
        if not (math.isfinite(lower) and math.isfinite(upper)):
            return ""
        return f"{self.percent(lower, digits=digits)}–{self.percent(upper, digits=digits)}"

    def level(self, share: float) -> str:
        """Return a confidence level as per cent, with a decimal where it has one: 95%, 97.5%."""
        percent = round(100 * share, 9)
        return self.percent(share, digits=0 if percent.is_integer() else 1, sign=True)

    def ratio(self, value: float | None) -> str:
        """Return a hazard ratio: two decimals, three significant figures from 10 on."""
        if value is None or not math.isfinite(value):
            return MISSING
        return self.decimal(value, 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0)

    def ratio_range(self, lower: float, upper: float) -> str:
        """Return the limits of a hazard ratio; nothing where one is missing."""
        if not (math.isfinite(lower) and math.isfinite(upper)):
            return ""
        return f"{self.ratio(lower)}–{self.ratio(upper)}"

    def p_value(self, value: float | None) -> str:
        """Return a p-value: two decimals from 0.10 on, three below, and a bound under 0.001."""
        if value is None or not math.isfinite(value):
            return ""
        if value < 0.001:
            return "<" + self.decimal(0.001, 3)
        return self.decimal(value, 2 if value >= 0.0995 else 3)

    def date(self, day: dt.date) -> str:
        """Return a date: 31 December 2020, in Russian 31.12.2020."""
        name = self.month_names[day.month - 1] if self.month_names else ""
        return self.date_form.format(day=day.day, month=day.month, month_name=name, year=day.year)

    def _marked(self, written: str) -> str:
        """Put the marks of the language into a number that Python wrote."""
        whole, point, rest = written.partition(".")
        whole = whole.replace(",", self.thousands).replace("-", MINUS)
        return whole + (self.decimal_mark if point else "") + rest.replace("-", MINUS)
