"""Dates of registries: explicit formats, unknown parts, and one rule that places what is not known exactly.

A date is a window of days, ``first`` to ``last``, counted from 1 January 1970; a date known to the day is a
window of one day. Days before 1970 are negative, so nothing here depends on the range of a timestamp.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from childsurv.calendar import BirthdayCalendar
from childsurv.errors import LayoutError

Days: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

NO_DAY = np.iinfo(np.int64).min
"""Stands for a date that is not there; NumPy reads it as NaT."""

READ, MISSING, UNREADABLE = 0, 1, 2
"""How the reading of a date ended."""

BY_DAY, BY_MONTH, BY_YEAR = 0, 1, 2
"""How exactly a date is known, in the order of `childsurv.extract.fields.PRECISIONS`."""

EARLIEST_DAY = int(np.datetime64("1900-01-01", "D").astype(np.int64))
"""Dates before this day are taken for errors of registration."""

SHORT_CALENDAR = 200_000
"""Days in a calendar that is worth laying out, some 550 years."""

MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?$")
TOKENS = {"%d": "d", "%m": "m", "%Y": "Y"}

PLACING_RULE = (
    "dates known to the month or year stand at the midpoint of the days that are possible: for diagnosis, "
    "not "
    "before birth, nor after last contact or closing date, and agreeing with a survival time in days; for "
    "birth, "
    "not after diagnosis and agreeing with the stated age; for last contact, not before diagnosis nor after "
    "the "
    "closing date"
)


@dataclass(frozen=True)
class DateWindows:
    """Dates as windows of days, arrays of shape ``(n,)``.

    Attributes
    ----------
    first, last
        The first and last possible day; `NO_DAY` where there is no date.
    status
        `READ`, `MISSING` or `UNREADABLE`.
    precision
        `BY_DAY`, `BY_MONTH` or `BY_YEAR`.
    """

    first: Days
    last: Days
    status: npt.NDArray[np.int8]
    precision: npt.NDArray[np.int8]

    def take(self, places: npt.NDArray[np.intp]) -> DateWindows:
        """Return the windows at some places, for example one for each row from one for each distinct text."""
        return DateWindows(self.first[places], self.last[places], self.status[places], self.precision[places])

    @property
    def readable(self) -> Mask:
        """Where there is a date."""
        return np.asarray(self.status == READ)

    def refuse(self, where: Mask) -> DateWindows:
        """Return the windows without those at ``where``, which become unreadable."""
        return DateWindows(
            np.where(where, NO_DAY, self.first),
            np.where(where, NO_DAY, self.last),
            np.where(where, np.int8(UNREADABLE), self.status),
            self.precision,
        )


def date_pattern(text: str, unknown: Sequence[str] = ()) -> re.Pattern[str]:
    """Compile a date format of ``%d``, ``%m`` and ``%Y`` into a pattern with groups ``d``, ``m`` and ``Y``.

    Parameters
    ----------
    text
        For example ``%d.%m.%Y``.
    unknown
        Codes that may stand for an unknown part.

    Raises
    ------
    LayoutError
        The format has a two-digit year or another token, lacks the year, or has a day without a month.
    """
    tokens = re.findall(r"%.", text)
    if "%y" in tokens:
        raise LayoutError(
            f"the format {text!r} has a two-digit year; childsurv reads years of four digits only."
        )
    if any(token not in TOKENS for token in tokens) or len(set(tokens)) != len(tokens):
        raise LayoutError(f"the format {text!r} may hold %d, %m and %Y, each once.")
    if "%Y" not in tokens or ("%d" in tokens and "%m" not in tokens):
        raise LayoutError(f"the format {text!r} needs %Y, and %m where it has %d.")
    # Without separators only a fixed width tells the parts apart.
    joined = re.search(r"%.%.", text) is not None
    others = "".join(f"|{re.escape(code)}" for code in unknown if code and not code.isdigit())
    digits = r"\d{2}" if joined else r"\d{1,2}"
    parts = {
        "%d": f"(?P<d>{digits}{others})",
        "%m": f"(?P<m>{digits}{others})",
        "%Y": f"(?P<Y>\\d{{4}}{others})",
    }
    pieces = re.split(r"(%.)", text)
    return re.compile("".join(parts.get(piece) or re.escape(piece) for piece in pieces))


def parse_dates(
    texts: Sequence[str],
    formats: Sequence[str],
    *,
    unknown: Sequence[str] = (),
    missing: Sequence[str] = ("",),
) -> DateWindows:
    """Read distinct date texts by the first format that fits; never by guessing.

    Parameters
    ----------
    texts
        Distinct values of a column, without outer spaces.
    formats
        As in `date_pattern`. A time of midnight after the date is ignored.
    unknown
        Codes for an unknown part; a date whose year is unknown is missing.
    missing
        Texts that mean that there is no date.

    Returns
    -------
    DateWindows
        Of shape ``(len(texts),)``.

    Examples
    --------
    >>> window = parse_dates(["20100599"], ["%Y%m%d"], unknown=["99"])
    >>> str(np.datetime64(int(window.first[0]), "D")), str(np.datetime64(int(window.last[0]), "D"))
    ('2010-05-01', '2010-05-31')
    """
    patterns = [date_pattern(text, unknown) for text in formats]
    years, months, days = (np.zeros(len(texts), dtype=np.int64) for _ in range(3))
    status = np.full(len(texts), UNREADABLE, dtype=np.int8)
    absent = {"", *missing}
    codes = set(unknown)
    # Distinct texts only: some thousands for a file of any length.
    for place, text in enumerate(texts):
        if text in absent:
            status[place] = MISSING
            continue
        plain = MIDNIGHT.sub("", text)
        match = next((found for found in (pattern.fullmatch(plain) for pattern in patterns) if found), None)
        if match is None:
            continue
        parts = match.groupdict()
        if parts["Y"] in codes:
            status[place] = MISSING
            continue
        status[place] = READ
        years[place] = int(parts["Y"])
        months[place] = _part(parts.get("m"), codes)
        days[place] = _part(parts.get("d"), codes)
    return windows_of_parts(years, months, days, status)


def _part(text: str | None, unknown: set[str]) -> int:
    return 0 if text is None or text in unknown else int(text) or -1


def windows_of_parts(years: Days, months: Days, days: Days, status: npt.NDArray[np.int8]) -> DateWindows:
    """Return the windows of dates given in parts; 0 is an unknown month or day.

    Parts that make no date (month 13, 31 June, a part of -1) are `UNREADABLE`.
    """
    month_known = months != 0
    day_known = month_known & (days != 0)
    possible = (years >= 1) & (years <= 9999) & (months >= 0) & (months <= 12)
    first_month = np.where(possible, (years - 1970) * 12 + np.maximum(months, 1) - 1, 0)
    last_month = np.where(possible & ~month_known, first_month + 11, first_month)
    first, last = _month_start(first_month), _month_start(last_month + 1) - 1
    possible &= ~day_known | ((days >= 1) & (days <= last - first + 1))
    first = np.where(day_known, first + days - 1, first)
    last = np.where(day_known, first, last)
    status = np.where((status == READ) & ~possible, np.int8(UNREADABLE), status).astype(np.int8)
    read = status == READ
    precision = np.where(day_known, BY_DAY, np.where(month_known, BY_MONTH, BY_YEAR)).astype(np.int8)
    return DateWindows(np.where(read, first, NO_DAY), np.where(read, last, NO_DAY), status, precision)


def windows_of_days(days: Days) -> DateWindows:
    """Return windows of one day from day numbers, `NO_DAY` being a missing date."""
    status = np.where(days == NO_DAY, np.int8(MISSING), np.int8(READ)).astype(np.int8)
    return DateWindows(days, days, status, np.zeros(days.size, dtype=np.int8))


def _month_start(month: Days) -> Days:
    """First day of months counted from January 1970."""
    return month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def place(first: Days, last: Days, *bounds: tuple[Days | int | None, Days | int | None]) -> Days:
    """Return the midpoint of windows cut by bounds, ``first + (last - first) // 2``.

    A bound that would leave no day contradicts the window: it is not used, and the checks report the row.

    Parameters
    ----------
    first, last
        Windows; `NO_DAY` gives `NO_DAY`.
    bounds
        Pairs of earliest and latest day, in the order in which they are tried; ``None`` or `NO_DAY` is no
        bound.
    """
    for earliest, latest in bounds:
        low, high = first, last
        if earliest is not None:
            low = np.maximum(first, earliest)
        if latest is not None:
            high = np.minimum(last, np.where(np.asarray(latest) == NO_DAY, np.iinfo(np.int64).max, latest))
        fits = low <= high
        first, last = np.where(fits, low, first), np.where(fits, high, last)
    return np.where(first == NO_DAY, NO_DAY, first + (last - first) // 2)


def calendar_parts(days: Days) -> tuple[Days, Days, Days]:
    """Return year, month (1-12) and day of the month (1-31) of day numbers."""
    first, last = (int(days.min()), int(days.max())) if days.size else (0, 0)
    if last - first < min(days.size, SHORT_CALENDAR):
        # Fewer days in the calendar than rows: each day is taken apart once.
        year, month, day = _calendar_parts(np.arange(first, last + 1))
        place = days - first
        return year[place], month[place], day[place]
    return _calendar_parts(days)


def _calendar_parts(days: Days) -> tuple[Days, Days, Days]:
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    number = months.astype(np.int64)
    return number // 12 + 1970, number % 12 + 1, (dates - months).astype(np.int64) + 1


def completed_years(birth: Days, at: Days) -> Days:
    """Return age in completed years; a child born on 29 February grows older on 1 March of a common year.

    Examples
    --------
    >>> days = [as_day(text) for text in ("2012-02-29", "2013-02-28", "2013-03-01")]
    >>> completed_years(np.array([days[0], days[0]]), np.array(days[1:])).tolist()
    [0, 1]
    """
    return BirthdayCalendar(birth).completed_years(at)


def years_before(days: Days, years: Days) -> Days:
    """Return the last day of birth that makes a child at least ``years`` old on each day."""
    year, month, day = calendar_parts(days)
    months = (year - years - 1970) * 12 + month - 1
    start = _month_start(months)
    return np.asarray(start + np.minimum(day, _month_start(months + 1) - start) - 1)


def as_day(date: dt.date | np.datetime64 | str) -> int:
    """Return the day number of a date, a timestamp or an ISO text."""
    return int(np.array(date, dtype="datetime64[D]").astype(np.int64))


def as_date(day: int) -> dt.date:
    """Return the date of a day number."""
    date: dt.date = np.datetime64(int(day), "D").item()
    return date
