"""How a report writes numbers: per cent with one decimal, thousands parted, decimal comma in Russian."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

NO_BREAK_SPACE = "\u00a0"
NARROW_SPACE = "\u202f"
MISSING = "–"

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True)
class Numbers:
    """Number forms of a language.

    Attributes
    ----------
    language : str
        "en" or "ru".
    """

    language: str

    def decimal(self, value: float, digits: int) -> str:
        """Return a number with so many decimals; a dash where it is missing."""
        if value is None or not np.isfinite(value):
            return MISSING
        whole, _, rest = f"{value:,.{digits}f}".partition(".")
        # A minus sign as wide as a digit, so that columns stay aligned.
        whole = whole.replace(",", NARROW_SPACE).replace("-", "−")
        return whole + (("," if self.language == "ru" else ".") + rest if rest else "")

    def count(self, value: float | None) -> str:
        """Return a whole number with thousands parted by thin spaces."""
        return MISSING if value is None or not np.isfinite(value) else self.decimal(float(value), 0)

    def percent(self, share: float, *, sign: bool = False) -> str:
        """Return a share as per cent with one decimal, with or without the sign."""
        written = self.decimal(100 * share, 1)
        return written + self.percent_sign if sign and written != MISSING else written

    def percent_range(self, lower: float, upper: float) -> str:
        """Return the limits of a share as per cent."""
        if not (np.isfinite(lower) and np.isfinite(upper)):
            return ""
        return f"{self.percent(lower)}–{self.percent(upper)}"

    @property
    def percent_sign(self) -> str:
        """The sign with the space that the language puts before it."""
        return f"{NO_BREAK_SPACE}%" if self.language == "ru" else "%"

    def ratio(self, value: float) -> str:
        """Return a hazard ratio: two decimals, three significant figures from 10 on."""
        if value is None or not np.isfinite(value):
            return MISSING
        return self.decimal(value, 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0)

    def ratio_range(self, lower: float, upper: float) -> str:
        """Return the limits of a hazard ratio."""
        if not (np.isfinite(lower) and np.isfinite(upper)):
            return ""
        return f"{self.ratio(lower)}–{self.ratio(upper)}"

    def p_value(self, value: float) -> str:
        """Return a p-value: two decimals from 0.10 on, three below, and a bound under 0.001."""
        if value is None or not np.isfinite(value):
            return ""
        if value < 0.001:
            return "<" + self.decimal(0.001, 3)
        return self.decimal(value, 2 if value >= 0.0995 else 3)

    def date(self, day: dt.date) -> str:
        """Return a date: 31 December 2020, in Russian 31.12.2020."""
        if self.language == "ru":
            return f"{day.day:02d}.{day.month:02d}.{day.year}"
        return NO_BREAK_SPACE.join((str(day.day), MONTHS[day.month - 1], str(day.year)))

    def year(self, years: float) -> str:
        """Return a number of years without needless decimals."""
        return f"{years:g}".replace(".", "," if self.language == "ru" else ".")
