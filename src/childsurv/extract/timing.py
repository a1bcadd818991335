"""From windows of dates to days: birth, diagnosis, last contact, age, follow-up cut at the closing date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from childsurv.errors import DataError
from childsurv.extract.dates import (
    BY_DAY,
    BY_MONTH,
    BY_YEAR,
    MISSING,
    NO_DAY,
    DateWindows,
    Days,
    Mask,
    completed_years,
    place,
    windows_of_days,
    years_before,
)
from childsurv.extract.findings import Found
from childsurv.extract.records import FloatArray, Reader
from childsurv.extract.values import Stated, StatedDates, StatedFollowUp

LARGEST_DAY = np.iinfo(np.int64).max

DAYS_PER_MONTH = 365.24 / 12
"""A month of follow-up as SEER counts it."""

SUSPECT_DAYS = (9999, 99999)
"""Days of follow-up that look like a code for unknown."""


@dataclass(frozen=True)
class Placed:
    """Dates as day numbers, shape ``(n_rows,)``; `NO_DAY` where there is none."""

    birth: Days
    diagnosis: Days
    contact: Days
    age: Days
    """Completed years at diagnosis, 0 where it is not known."""
    precision: npt.NDArray[np.int8]
    birth_precision: npt.NDArray[np.int8]
    contact_precision: npt.NDArray[np.int8]
    """How exactly the dates of diagnosis, birth and last contact were known."""


@dataclass(frozen=True)
class Followed:
    """Follow-up of each row in days since diagnosis, cut at the closing date."""

    entry: Days
    time: Days
    event: npt.NDArray[np.int8]
    contact: Days
    dead: Mask


@dataclass(frozen=True)
class Timeline:
    """The days of every row: dates placed, and follow-up cut at the closing date."""

    placed: Placed
    followed: Followed
    closing: Days
    """Closing date of each row."""

    @property
    def aged(self) -> Mask:
        """Rows with a date of birth and one of diagnosis."""
        return np.asarray((self.placed.birth != NO_DAY) & (self.placed.diagnosis != NO_DAY))

    @property
    def usable(self) -> Mask:
        """Rows with a date of diagnosis and one of last contact."""
        return np.asarray((self.placed.diagnosis != NO_DAY) & (self.placed.contact != NO_DAY))


def timeline(reader: Reader, stated: Stated) -> Timeline:
    """Place the dates of every row and follow it up to the closing date.

    Raises
    ------
    DataError
        No closing date is given, and no row has a last contact to take it from.
    """
    found, closing = reader.found, stated.closing
    if closing is None:
        # The first placing only asks for the latest contact; what it finds is found again by the second.
        first = place_dates(stated.dates, closing=stated.today, found=Found(found.row_number))
        known = first.contact[first.contact != NO_DAY]
        if not known.size:
            raise DataError(
                f"{reader.table.name}: no row has a readable date of last contact, so no closing date can be taken "
                "from the data. Check the layout's date formats, or give closing_date=."
            )
        closing = np.full(len(reader), min(int(known.max()), stated.today), dtype=np.int64)
        found.count("closing-date-from-data", 1)
    placed = place_dates(stated.dates, closing=closing, found=found)
    followed = follow(placed, stated.dead, stated.follow_up, closing=closing, found=found)
    return Timeline(placed, followed, closing)


def place_dates(stated: StatedDates, *, closing: Days | int, found: Found) -> Placed:
    """Place dates that are not known to the day by `PLACING_RULE`, and check their order.

    Parameters
    ----------
    stated
        What the extract states.
    closing
        Closing date of each row, or of all.
    found
        Takes the findings.
    """
    diagnosis, age, survival, months = stated.diagnosis, stated.age, stated.survival, stated.months
    size = len(diagnosis.first)
    none = windows_of_days(np.full(size, NO_DAY))
    birth, contact = stated.birth or none, stated.contact or none
    has_age, exact_days = ~np.isnan(age), ~np.isnan(survival)
    years = np.where(has_age, np.floor(age), 0).astype(np.int64)
    shortest, longest, has_survival = _survival_window(survival, months)
    if months is not None:
        in_window = (survival >= shortest) & (survival <= longest)
        found.add("survival-time-contradicts-dates", exact_days & has_survival & ~in_window)
        shortest = np.where(exact_days, np.nan_to_num(survival), shortest).astype(np.int64)
        longest = np.where(exact_days, shortest, longest)

    # Survival time and last contact together give the days on which diagnosis must lie.
    both = has_survival & contact.readable & diagnosis.readable
    earliest = np.where(both, contact.first - np.where(both, longest, 0), NO_DAY)
    latest = np.where(both, contact.last - np.where(both, shortest, 0), LARGEST_DAY)
    contradicts = both & ((earliest > diagnosis.last) | (latest < diagnosis.first))
    found.add("survival-time-contradicts-dates", contradicts)
    looks_like_code = exact_days & np.isin(survival, SUSPECT_DAYS) & ~(both & ~contradicts)
    found.add("survival-time-looks-like-a-code", looks_like_code)
    diagnosed = place(
        diagnosis.first,
        diagnosis.last,
        (earliest, latest),
        (birth.first, np.where(contact.readable, contact.last, LARGEST_DAY)),
        (None, closing),
    )

    by_age_first, by_age_last = _birth_by_age(diagnosed, years, has_age & diagnosis.readable)
    by_age = ~birth.readable & (birth.status == MISSING) & (by_age_first != NO_DAY)
    found.add("birth-placed-by-age", by_age)
    found.add("birth-date-missing", (birth.status == MISSING) & ~by_age)
    found.add("diagnosis-date-missing", diagnosis.status == MISSING)
    born = place(
        np.where(by_age, by_age_first, birth.first),
        np.where(by_age, by_age_last, birth.last),
        (None, diagnosed),
        (by_age_first, np.where(by_age_first == NO_DAY, LARGEST_DAY, by_age_last)),
    )

    timed = has_survival & diagnosis.readable
    low, high = (
        np.where(timed, diagnosed + np.where(timed, span, 0), NO_DAY) for span in (shortest, longest)
    )
    # Completed months leave a window of days, which a date of last contact narrows.
    from_date = contact.readable & ~exact_days
    last = place(
        np.where(from_date, contact.first, low),
        np.where(from_date, contact.last, high),
        (low, np.where(timed, high, LARGEST_DAY)),
        (diagnosed, None),
        (None, closing),
    )
    exact = exact_days & diagnosis.readable
    last = np.where(exact, low, last)
    found.add(
        "last-contact-date-missing",
        (contact.status == MISSING) & ~has_survival & ~_unreadable_survival(found, size),
    )

    both_known = birth.readable & diagnosis.readable
    ordered = both_known & (birth.first <= diagnosis.last)
    _check_age(birth, diagnosis, years, ordered & has_age, found)
    inexact = [window.readable & (window.precision != BY_DAY) for window in (birth, diagnosis, contact)]
    found.add("dates-placed", inexact[0] | inexact[1] | (inexact[2] & ~exact))

    # Windows may overlap although no placing fits them all: such rows contradict themselves too.
    known = (born != NO_DAY) & (diagnosed != NO_DAY)
    found.add("diagnosis-before-birth", known & (diagnosed < born))
    found.add("last-contact-before-diagnosis", (last != NO_DAY) & (diagnosed != NO_DAY) & (last < diagnosed))
    completed = np.where(known, completed_years(np.where(known, born, 0), np.where(known, diagnosed, 0)), 0)
    of_contact = np.where(contact.readable, contact.precision, BY_MONTH)
    of_contact = np.where(timed, np.minimum(of_contact, BY_MONTH), of_contact)
    return Placed(
        birth=born,
        diagnosis=diagnosed,
        contact=last,
        age=completed,
        precision=diagnosis.precision,
        birth_precision=np.where(by_age, np.int8(BY_YEAR), birth.precision),
        contact_precision=np.where(exact, BY_DAY, of_contact).astype(np.int8),
    )


def days_of_months(months: FloatArray) -> tuple[Days, Days]:
    """Return the fewest and most days that make some completed months of 365.24 / 12 days.

    Examples
    --------
    >>> [days.tolist() for days in days_of_months(np.array([0.0, 1.0, 12.0]))]
    [[0, 31, 366], [30, 60, 395]]
    """
    fewest = np.ceil(months * DAYS_PER_MONTH).astype(np.int64)
    return fewest, np.ceil((months + 1) * DAYS_PER_MONTH).astype(np.int64) - 1


def _survival_window(survival: FloatArray, months: FloatArray | None) -> tuple[Days, Days, Mask]:
    """Return the fewest and most days of follow-up, 0 where not stated, and where they are stated."""
    stated = ~np.isnan(survival)
    days = np.where(stated, survival, 0).astype(np.int64)
    if months is None:
        return days, days, stated
    by_month = ~np.isnan(months)
    fewest, most = days_of_months(np.where(by_month, months, 0))
    return np.where(by_month, fewest, days), np.where(by_month, most, days), stated | by_month


def _unreadable_survival(found: Found, size: int) -> Mask:
    return found.masks.get("survival-time-unreadable", np.zeros(size, dtype=bool))


def _birth_by_age(diagnosed: Days, years: Days, usable: Mask) -> tuple[Days, Days]:
    """First and last day of birth that make the stated age on the day of diagnosis."""
    at, age = np.where(usable, diagnosed, 0), np.where(usable, years, 0)
    first, last = years_before(at, age + 1) + 1, years_before(at, age)
    return np.where(usable, first, NO_DAY), np.where(usable, last, NO_DAY)


def _check_age(birth: DateWindows, diagnosis: DateWindows, years: Days, checked: Mask, found: Found) -> None:
    """Compare the stated age with the youngest and oldest that the windows of the dates allow."""

    def at(days: Days) -> Days:
        return np.where(checked, days, 0)

    youngest = completed_years(at(birth.last), np.maximum(at(diagnosis.first), at(birth.last)))
    oldest = completed_years(at(birth.first), at(diagnosis.last))
    found.add("age-contradicts-dates", checked & ((years < youngest) | (years > oldest)))


def follow(placed: Placed, dead: Mask, stated: StatedFollowUp, *, closing: Days, found: Found) -> Followed:
    """Return entry, time and event, cut at the closing date: ``time = last contact - diagnosis`` in days.

    Last contact after the closing date is cut back to it, and the child counts as alive on that day.

    Parameters
    ----------
    placed, dead
        Dates, and which children were dead at last contact.
    stated
        Follow-up of a cohort that was written, if the extract holds it.
    closing
        Closing date of each row.
    found
        Takes the findings.
    """
    entry, time, event = stated.entry, stated.time, stated.event
    usable = (placed.diagnosis != NO_DAY) & (placed.contact != NO_DAY)
    found.add("diagnosis-after-closing", (placed.diagnosis != NO_DAY) & (placed.diagnosis > closing))
    after = usable & (placed.contact > closing)
    full = np.where(usable, placed.contact - np.where(usable, placed.diagnosis, 0), 0)
    limit = np.where(usable, closing - np.where(usable, placed.diagnosis, 0), 0)
    start, end = _stated(entry, np.zeros_like(full)), _stated(time, full)
    died = dead & usable if event is None else np.where(event < 0, dead & usable, event == 1)
    if stated.is_given:
        unreadable = _bad(entry, len(full)) | _bad(time, len(full))
        same_day = (start == 0) & (end == 0)
        wrong = unreadable | (start < 0) | (end > full) | ((start >= end) & ~same_day) | (died & ~dead)
        found.add("follow-up-contradicts-dates", usable & (full >= 0) & wrong)
    cut = usable & (end > limit)
    end = np.where(cut, limit, end)
    died = died & ~cut
    found.add("no-follow-up-before-closing", usable & cut & (start > 0) & (start >= end))
    found.add("contact-after-closing", after & (placed.diagnosis <= closing))
    return Followed(
        entry=start,
        time=end,
        event=died.astype(np.int8),
        contact=np.where(after, closing, placed.contact),
        dead=dead & ~after,
    )


def _stated(read: tuple[FloatArray, Mask] | None, otherwise: Days) -> Days:
    """Whole numbers as stated, and something else where nothing is stated."""
    if read is None:
        return otherwise
    numbers, _ = read
    return np.where(np.isnan(numbers), otherwise, np.nan_to_num(numbers)).astype(np.int64)


def _bad(read: tuple[FloatArray, Mask] | None, size: int) -> Mask:
    if read is None:
        return np.zeros(size, dtype=bool)
    numbers, unreadable = read
    with np.errstate(invalid="ignore"):
        return np.asarray(unreadable | (~np.isnan(numbers) & (numbers % 1 != 0)))
