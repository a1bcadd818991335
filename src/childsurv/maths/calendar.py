"""Calendar arithmetic on whole days since 1970-01-01: birthdays and first days of years, for arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

IntArray = npt.NDArray[np.int64]

DAYS_PER_YEAR = 365.25
"""Days in a year wherever years are asked for or shown; follow-up itself counts days."""

_FIRST_MONTH = (1600 - 1970) * 12
_LAST_MONTH = (2400 - 1970) * 12
_FIRST_DAY_OF_MONTH: IntArray = (
    np.arange(_FIRST_MONTH, _LAST_MONTH + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
)
_FIRST_DAY_OR_NEVER = np.append(_FIRST_DAY_OF_MONTH.astype(np.float64), np.inf)
# A gather from this half megabyte is several times faster than NumPy's own change of unit.
_MONTH_OF_DAY = np.repeat(np.arange(_LAST_MONTH - _FIRST_MONTH, dtype=np.int16), np.diff(_FIRST_DAY_OF_MONTH))

FIRST_DAY = int(np.datetime64("1800-01-01", "D").astype(np.int64))
LAST_DAY = int(np.datetime64("2299-12-31", "D").astype(np.int64))
"""First and last day that is taken for a birth or a diagnosis; the table of months goes further both ways."""


def days_of(dates: pd.Series | npt.NDArray[np.datetime64]) -> IntArray:
    """Return dates as whole days since 1970-01-01; times of day are dropped."""
    return np.asarray(dates, dtype="datetime64[D]").astype(np.int64)


def month_of(day: IntArray) -> IntArray:
    """Return the month of each day, counted from January 1600."""
    month: IntArray = _MONTH_OF_DAY[day - _FIRST_DAY_OF_MONTH[0]].astype(np.int64)
    return month


def year_of(day: IntArray) -> IntArray:
    """Return the calendar year of each day."""
    return month_of(day) // 12 + 1600


def fractional_year(day: IntArray) -> npt.NDArray[np.float64]:
    """Return days as calendar years with their fraction, of a year of 365 or 366 days."""
    year = year_of(day)
    first = first_of_january(year)
    return np.asarray(year + (day - first) / (first_of_january(year + 1) - first), dtype=np.float64)


def first_of_january(years: npt.NDArray[np.generic]) -> IntArray:
    """Return 1 January of each calendar year as days since 1970-01-01."""
    months = (np.asarray(years).astype(np.int64) - 1970) * 12
    return _FIRST_DAY_OF_MONTH[months - _FIRST_MONTH]


@dataclass(frozen=True)
class BirthdayCalendar:
    """Return the birthdays of children born on given days: one gather each, because months are looked up in a table.

    A child born on 29 February has its birthday on 1 March in other years, so that completed years agree
    with comparing month and day.

    Parameters
    ----------
    birth
        Days since 1970-01-01, of shape ``(n,)``.
    """

    birth: IntArray
    month: IntArray = field(init=False)
    day_of_month: IntArray = field(init=False)

    def __post_init__(self) -> None:
        month = month_of(self.birth)
        object.__setattr__(self, "month", month)
        object.__setattr__(self, "day_of_month", self.birth - _FIRST_DAY_OF_MONTH[month])

    def birthday(self, years: IntArray, rows: IntArray | slice = slice(None)) -> IntArray:
        """Return the day on which each (of ``rows``) completes some years of age."""
        return np.asarray(_FIRST_DAY_OF_MONTH[self.month[rows] + 12 * years] + self.day_of_month[rows])

    def days_to_birthday(self, months: IntArray, day: IntArray) -> npt.NDArray[np.float64]:
        """Return the days from a day to that on which each of the first people completes some months of age.

        Months beyond the table of months are never completed.
        """
        size = months.size
        first = _FIRST_DAY_OR_NEVER.take(self.month[:size] + months, mode="clip")
        return np.asarray(first + (self.day_of_month[:size] - day[:size]))

    def completed_years(self, day: IntArray) -> IntArray:
        """Return the completed years of age on a day."""
        years: IntArray = (month_of(day) - self.month) // 12
        return np.asarray(years - (self.birthday(years) > day))
