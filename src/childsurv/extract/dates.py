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

from childsurv.errors import LayoutError
from childsurv.maths.calendar import BirthdayCalendar

Days: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

NO_DAY = np.iinfo(np.int64).min
"""A date that is not there; NumPy reads it as NaT."""

READ, MISSING, UNREADABLE = 0, 1, 2
"""How the reading of a date ended."""

BY_DAY, BY_MONTH, BY_YEAR = 0, 1, 2
"""How exactly a date is known, in the order of `childsurv.extract.layout.PRECISIONS`."""

EARLIEST_DAY = int(np.datetime64("1900-01-01", "D").astype(np.int64))
"""Dates before this day are taken for errors of registration."""

SHORT_CALENDAR = 200_000
"""Days in a calendar that is worth laying out, some 550 years."""

TIME_OF_DAY = re.compile(r"[T ]([01]?\d|2[0-4]):[0-5]\d(:[0-6]\d([.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?$")
"""A time after a date is not read: the date as written counts, in whatever time zone."""

TOKENS = {"%d": "d", "%m": "m", "%b": "b", "%Y": "Y", "%y": "y"}

MONTH_NAMES: tuple[tuple[str, ...], ...] = (
    ("january", "jan", "январь", "января", "янв"),
    ("february", "feb", "февраль", "февраля", "фев", "февр"),
    ("march", "mar", "март", "марта", "мар"),
    ("april", "apr", "апрель", "апреля", "апр"),
    ("may", "май", "мая"),
    ("june", "jun", "июнь", "июня", "июн"),
    ("july", "jul", "июль", "июля", "июл"),
    ("august", "aug", "август", "августа", "авг"),
    ("september", "sep", "sept", "сентябрь", "сентября", "сен", "сент"),
    ("october", "oct", "октябрь", "октября", "окт"),
    ("november", "nov", "ноябрь", "ноября", "ноя", "нояб"),
    ("december", "dec", "декабрь", "декабря", "дек"),
)
"""Names of the months, January first, in lower case: English and Russian, whole and shortened."""

MONTH_OF_NAME = {name: number for number, names in enumerate(MONTH_NAMES, start=1) for name in names}

SERIAL_ORIGINS = {"excel": "1899-12-30", "excel-1904": "1904-01-01"}
"""Formats of serial day numbers, and the day of number 0."""

LAST_FALSE_SERIAL = 60
"""Excel's calendar of 1900 has a 29 February that never was: its serial numbers up to 60 name no certain day."""

PLACING_RULE = (
    "dates known to the month or year are set to the midpoint of the days that are possible: for diagnosis, "
    "not "
    "before birth, nor after last contact or closing date, and agreeing with a survival time in days; for "
    "birth, "
    "not after diagnosis and agreeing with the stated age; for last contact, not before diagnosis nor after "
    "the "
    "closing date"
)


@dataclass(frozen=True)
class DateWindows:
    """Dates as windows of days, arrays of shape ``(n,)``."""

    first: Days
    last: Days
    """The first and last possible day; `NO_DAY` where there is no date."""
    status: npt.NDArray[np.int8]
    """`READ`, `MISSING` or `UNREADABLE`."""
    precision: npt.NDArray[np.int8]
    """`BY_DAY`, `BY_MONTH` or `BY_YEAR`."""

    def take(self, places: npt.NDArray[np.intp]) -> DateWindows:
        """Return the windows at some places, for example one for each row from one for each distinct text."""
        return DateWindows(self.first[places], self.last[places], self.status[places], self.precision[places])

    @property
    def readable(self) -> Mask:
        """Where there is a date."""
        return np.asarray(self.status == READ)

    def replace(self, where: Mask, others: DateWindows) -> DateWindows:
        """Return the windows with those of another array at ``where``."""
        return DateWindows(
            np.where(where, others.first, self.first),
            np.where(where, others.last, self.last),
            np.where(where, others.status, self.status),
            np.where(where, others.precision, self.precision),
        )

    def refuse(self, where: Mask) -> DateWindows:
        """Return the windows without those at ``where``, which become unreadable."""
        return DateWindows(
            np.where(where, NO_DAY, self.first),
            np.where(where, NO_DAY, self.last),
            np.where(where, np.int8(UNREADABLE), self.status),
            self.precision,
        )


def date_pattern(text: str, unknown: Sequence[str] = (), *, pivot: int | None = None) -> re.Pattern[str]:
    """Compile a date format into a pattern with groups ``d``, ``m`` or ``b``, and ``Y`` or ``y``.

    Parameters
    ----------
    text
        For example ``%d.%m.%Y``: ``%d`` day, ``%m`` month, ``%b`` month by its name, ``%Y`` year of four digits,
        ``%y`` of two. Or ``excel`` or ``excel-1904``, days counted as spreadsheets do (group ``serial``).
    unknown
        Codes for an unknown part.
    pivot
        The last year that a two-digit year can mean.

    Raises
    ------
    LayoutError
        The format has a two-digit year and no pivot, or another token, lacks the year, or has a day without a
        month.
    """
    if text in SERIAL_ORIGINS:
        return re.compile(r"(?P<serial>\d{1,6})([.,]\d+)?")
    tokens = re.findall(r"%.", text)
    if "%y" in tokens and pivot is None:
        raise LayoutError(
            f"the format {text!r} has a two-digit year; give pivot = the last year that one can mean "
            "(pivot = 2024 reads 24 as 2024 and 25 as 1925)."
        )
    if any(token not in TOKENS for token in tokens) or len(set(tokens)) != len(tokens):
        raise LayoutError(f"the format {text!r} may hold %d, %m or %b, and %Y or %y, each once.")
    if ("%Y" in tokens) == ("%y" in tokens) or {"%m", "%b"} <= set(tokens):
        raise LayoutError(f"the format {text!r} needs one of %Y and %y, and at most one of %m and %b.")
    if "%d" in tokens and not {"%m", "%b"} & set(tokens):
        raise LayoutError(f"the format {text!r} needs %m or %b where it has %d.")
    # Without separators only a fixed width separates the parts.
    joined = re.search(r"%.%.", text) is not None
    others = "".join(f"|{re.escape(code)}" for code in unknown if code and not code.isdigit())
    digits = r"\d{2}" if joined else r"\d{1,2}"
    parts = {
        "%d": f"(?P<d>{digits}{others})",
        "%m": f"(?P<m>{digits}{others})",
        "%b": f"(?P<b>[^\\W\\d_]{{3,8}}\\.?{others})",
        "%Y": f"(?P<Y>\\d{{4}}{others})",
        "%y": f"(?P<y>\\d{{2}}{others})",
    }
    pieces = re.split(r"(%.)", text)
    return re.compile("".join(parts.get(piece) or re.escape(piece) for piece in pieces))


def parse_dates(
    texts: Sequence[str],
    formats: Sequence[str],
    *,
    unknown: Sequence[str] = (),
    missing: Sequence[str] = ("",),
    pivot: int | None = None,
) -> DateWindows:
    """Read distinct date texts by the first format that fits; never by guessing.

    Parameters
    ----------
    texts
        Distinct values of a column, without outer spaces.
    formats
        As in `date_pattern`. A time of day after the date is not read.
    unknown
        Codes for an unknown part; a date whose year is unknown is missing.
    missing
        Texts that mean that there is no date.
    pivot
        The last year that a two-digit year can mean: ``y`` is the latest year up to it that ends in ``y``.

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
    patterns = [date_pattern(text, unknown, pivot=pivot) for text in formats]
    years, months, days = (np.zeros(len(texts), dtype=np.int64) for _ in range(3))
    status = np.full(len(texts), UNREADABLE, dtype=np.int8)
    absent = {"", *missing}
    codes = set(unknown)
    # Distinct texts only: some thousands for a file of any length.
    for place, text in enumerate(texts):
        if text in absent:
            status[place] = MISSING
            continue
        match, serial_format = _first_match(text, patterns, formats)
        if match is None:
            continue
        if serial_format:
            years[place], months[place], days[place] = _serial_date(int(match["serial"]), serial_format)
            status[place] = READ if years[place] else UNREADABLE
            continue
        parts = match.groupdict()
        year = parts.get("Y") or parts.get("y") or ""
        if year in codes:
            status[place] = MISSING
            continue
        status[place] = READ
        years[place] = int(year) if parts.get("Y") else _full_year(int(year), pivot)
        named = parts.get("b")
        months[place] = _part(parts.get("m"), codes) if named is None else _named_month(named, codes)
        days[place] = _part(parts.get("d"), codes)
    return windows_of_parts(years, months, days, status)


def _first_match(
    text: str, patterns: Sequence[re.Pattern[str]], formats: Sequence[str]
) -> tuple[re.Match[str] | None, str]:
    """Return the match of the first format that fits, and the format if it counts days."""
    plain = TIME_OF_DAY.sub("", text)
    for pattern, written in zip(patterns, formats, strict=True):
        match = pattern.fullmatch(plain)
        if match:
            return match, written if written in SERIAL_ORIGINS else ""
    return None, ""


def _serial_date(serial: int, written: str) -> tuple[int, int, int]:
    """Return year, month and day of a spreadsheet's day number, zeros where it names no certain day."""
    if serial <= (LAST_FALSE_SERIAL if written == "excel" else 0):
        return 0, 0, 0
    date = dt.date.fromisoformat(SERIAL_ORIGINS[written]) + dt.timedelta(days=serial)
    return date.year, date.month, date.day


def _full_year(two_digits: int, pivot: int | None) -> int:
    """Return the latest year up to the pivot that ends in two digits."""
    assert pivot is not None  # date_pattern asks for it
    return pivot - (pivot - two_digits) % 100


def _named_month(name: str, unknown: set[str]) -> int:
    return 0 if name in unknown else MONTH_OF_NAME.get(name.rstrip(".").lower(), -1)


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
