"""Where a child is in a life table on a day: how age and calendar cells follow from dates, by each rule.

One rule says when a child enters the next age cell, another when the next calendar cell; the hazards themselves are
the table's. `LOOK_UPS` has the rules by the names of the software that uses them, and `with_look_up` puts a table
under another rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from childsurv.errors import OptionError, require_choice
from childsurv.lifetable.cells import whole_years_and_days
from childsurv.maths.calendar import (
    DAYS_PER_YEAR,
    BirthdayCalendar,
    first_of_january,
    fractional_year,
    year_of,
)

if TYPE_CHECKING:
    from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
NumberArray = npt.NDArray[np.int64 | np.float64]

AGE_RULES = {
    "birthday": "change on birthdays",
    "fixed": "change after fixed numbers of days",
    "fraction": "change when the same fraction of a calendar year has passed as at birth",
    "completed": "change on anniversaries of diagnosis, from completed years of age",
}
"""How children enter age cells, by the name in `LifeTable.age_rule`."""

CALENDAR_RULES = {
    "date": "change on their first date, 1 January unless the table says otherwise",
    "birthday": "change on the birthday in the calendar year",
    "anniversary": "change on anniversaries of diagnosis",
}
"""How children enter calendar cells, by the name in `LifeTable.calendar_rule`."""

RELSURV_YEAR = 365.241
"""Days in relsurv's year."""


@dataclass(frozen=True)
class LookUp:
    """How children find their cell of a life table, and how long its year is."""

    age_rule: str
    """A name in `AGE_RULES`."""
    calendar_rule: str
    """A name in `CALENDAR_RULES`."""
    days_per_year: float | None
    """What turns a yearly hazard into a daily one, and years of age into days where ages are fixed numbers of days;
    ``None`` for 365 or 366 days, whichever the calendar year has."""
    peers: str
    """Which software looks up so."""


LOOK_UPS = {
    "exact": LookUp("birthday", "date", DAYS_PER_YEAR, "childsurv"),
    "relsurv": LookUp("fixed", "date", RELSURV_YEAR, "relsurv with its own tables (slopop, transrate)"),
    "survival": LookUp("fixed", "date", DAYS_PER_YEAR, "R survival with rate tables of type 3"),
    "survexp.us": LookUp(
        "fixed", "birthday", DAYS_PER_YEAR, "R survival with survexp.us, survexp.usr and survexp.mn (type 4)"
    ),
    "fractional-years": LookUp("fraction", "date", None, "Epi and popEpi with dates as fractional years"),
    "completed-years": LookUp(
        "completed",
        "date",
        DAYS_PER_YEAR,
        "strs with age in completed years and the date as a fractional year",
    ),
    "completed-years-and-calendar-years": LookUp(
        "completed", "anniversary", DAYS_PER_YEAR, "strs with age and year of diagnosis as whole numbers"
    ),
}
"""Every look-up that `LifeTable.with_look_up` knows."""

KNOWN_YEARS = (DAYS_PER_YEAR, RELSURV_YEAR, 365.24, 365.242199, 365.2425)
"""Lengths of a year that the ages of a table in days may have."""

ROUNDING_OF_AGES = 1e-6
"""Years of age that a number of days may differ from a whole number."""

_JANUARIES = first_of_january(np.arange(1800, 2301, dtype=np.float64))
"""Where calendar cells are cut if the length of a year is the calendar's own."""

LONGER_THAN_A_YEAR = 400.0
"""Orders cells by completed years first and days since the birthday second."""

BEYOND_ALL_MONTHS = 1_000_000
"""An age in months beyond any life."""

SAME_FRACTION = 1e-9
"""Fractions of a year this close are the same day, seen through rounding."""


class Clock:
    """The positions of children in a life table; arrays have one entry a child.

    Parameters
    ----------
    table
        Its cuts and rules.
    birth, diagnosis
        Days since 1970-01-01.
    whole_days
        Let a cut inside a day take effect from the next whole day.
    """

    def __init__(
        self, table: LifeTable, birth: NumberArray, diagnosis: IntArray, *, whole_days: bool = False
    ) -> None:
        self.table = table
        self.birth = birth
        self.diagnosis = diagnosis
        self.whole_days = whole_days
        self.rule = table.age_rule
        starts = table.age_starts
        self.shift = self._calendar_shift()
        self.in_step = BirthdayCalendar(diagnosis) if table.calendar_rule == "anniversary" else None
        self.year_at_diagnosis = year_of(diagnosis) if self.in_step is not None else diagnosis
        if self.rule in {"birthday", "completed"}:
            whole, days = whole_years_and_days(starts)
            self.order = whole * LONGER_THAN_A_YEAR + days
            self.years = np.append(whole, 0)
            self.days = np.append(np.ceil(days) if whole_days else days, np.inf)
            self.on_birthdays = not days.any()
            # A gather by completed years is several times faster than a search.
            self.cell_of_year = np.searchsorted(whole, np.arange(int(whole[-1]) + 1), side="right") - 1
            # Months of age at which the next cell begins; the last has none.
            self.months_to_next = np.append(12 * whole[1:].astype(np.int64), BEYOND_ALL_MONTHS)
        if self.rule == "birthday":
            self.anchor = BirthdayCalendar(birth.astype(np.int64, copy=False))
            self.age_at_anchor: IntArray | int = 0
        elif self.rule == "completed":
            # By this rule every child has a birthday on the day of diagnosis.
            self.anchor = BirthdayCalendar(diagnosis)
            own = BirthdayCalendar(birth.astype(np.int64, copy=False))
            self.age_at_anchor = own.completed_years(diagnosis)
        elif self.rule == "fraction":
            self.birth_position = fractional_year(birth.astype(np.int64, copy=False))
            self.cuts = np.append(starts, np.inf)
        else:
            self.cuts = np.append(starts, np.inf)

    def _calendar_shift(self) -> NumberArray | None:
        """Return how many days each child's calendar runs late, or ``None`` where none does."""
        if self.table.calendar_rule != "birthday":
            return None
        born = np.floor(self.birth).astype(np.int64)
        return np.asarray(self.birth - first_of_january(year_of(born)))

    @property
    def only_dates(self) -> bool:
        """Whether cells change on birthdays and on fixed dates only."""
        return self.rule == "birthday" and self.on_birthdays and self.table.calendar_rule == "date"

    def next_birthday_cut(self, age: IntArray) -> FloatArray:
        """Return when, in days since diagnosis, the first children leave age cells that change on birthdays."""
        return self.anchor.days_to_birthday(self.months_to_next.take(age), self.diagnosis)

    def calendar_day(self, day: IntArray) -> NumberArray:
        """Return the day in the table's calendar on which each child is on a day."""
        if self.in_step is not None:
            return first_of_january(self.year_at_diagnosis + self.in_step.completed_years(day))
        return day if self.shift is None else np.asarray(day - self.shift)

    def runs_beyond(self, time: npt.NDArray[np.number], end: int) -> npt.NDArray[np.bool_]:
        """Return whose follow-up of ``time`` days goes beyond a day of the table's calendar."""
        if self.in_step is not None:
            days = np.maximum(np.ceil(time).astype(np.int64) - 1, 0)
            return np.asarray(self.calendar_day(self.diagnosis + days) >= end)
        return np.asarray(self.calendar_day(self.diagnosis) + time > end)

    def calendar_cut(self, end: FloatArray, rows: IntArray) -> FloatArray:
        """Return when, in days since diagnosis, (some) children reach given ends of calendar cells."""
        if self.in_step is not None:
            # The first 1 January on or after the end is the start of the year that counts.
            known = np.isfinite(end)
            last_day = np.where(known, end, 1.0).astype(np.int64) - 1
            passed = np.maximum(year_of(last_day) + 1 - self.year_at_diagnosis[rows], 0)
            own = self.in_step.birthday(np.where(known, passed, 0), rows) - self.diagnosis[rows]
            return np.asarray(np.where(known, own, np.inf))
        cut: FloatArray = end - self.diagnosis[rows]
        if self.shift is None:
            return cut
        cut = cut + self.shift[rows]
        return np.ceil(cut) if self.whole_days else cut

    def age_cell(self, day: IntArray) -> IntArray:
        """Return each child's age cell on a day; below 0 for a child younger than the first."""
        if self.rule == "fixed":
            return np.searchsorted(self.table.age_starts, day - self.birth, side="right") - 1
        if self.rule == "fraction":
            age = fractional_year(day) - self.birth_position
            return np.searchsorted(self.table.age_starts, age + SAME_FRACTION, side="right") - 1
        completed = self.anchor.completed_years(day)
        if self.on_birthdays:
            return self.cell_of_year.take(completed + self.age_at_anchor, mode="clip")
        since = day - self.anchor.birthday(completed)
        position = (completed + self.age_at_anchor) * LONGER_THAN_A_YEAR + since
        return np.searchsorted(self.order, position, side="right") - 1

    def age_cut(self, age: IntArray, rows: IntArray) -> FloatArray:
        """Return when, in days since diagnosis, (some) children enter given age cells."""
        if self.rule == "fixed":
            cut = np.asarray(self.cuts[age] - (self.diagnosis[rows] - self.birth[rows]), dtype=np.float64)
            return np.ceil(cut) if self.whole_days else cut
        if self.rule == "fraction":
            cut = np.asarray(
                _day_at(self.birth_position[rows] + self.cuts[age]) - self.diagnosis[rows], dtype=np.float64
            )
            return np.ceil(cut) if self.whole_days else cut
        years = self.years[age]
        if self.rule == "completed":
            assert isinstance(self.age_at_anchor, np.ndarray)
            years = years - self.age_at_anchor[rows]
        cut = (self.anchor.birthday(years, rows) - self.diagnosis[rows]).astype(np.float64)
        if self.on_birthdays:
            cut[age == self.table.age_starts.size] = np.inf
            return cut
        return np.asarray(cut + self.days[age])


def _day_at(position: FloatArray) -> FloatArray:
    """Return the day at a calendar year with its fraction; infinite where that is."""
    known = np.isfinite(position)
    year = np.floor(np.where(known, position, 2000.0) + SAME_FRACTION)
    first = first_of_january(year)
    within = (position - year) * (first_of_january(year + 1) - first)
    # Rounding leaves some 1e-10 of a day, which would put a birthday in the day before or after.
    return np.asarray(np.where(known, np.round(first + within, 6), np.inf))


def with_look_up(table: LifeTable, name: str) -> LifeTable:
    """Return the table under another look-up rule (see `LifeTable.with_look_up`)."""
    require_choice(name, tuple(LOOK_UPS), argument="look_up")
    wanted = LOOK_UPS[name]
    ages, own_year = ages_in_years(table)
    whole, days = whole_years_and_days(ages)
    if wanted.age_rule == "completed" and days.any():
        raise OptionError(
            f"with_look_up({name!r}): completed years of age do not tell weeks apart, and this table has cells "
            "within a year of age. Leave split_infancy() out, or look up by exact dates."
        )
    rates, starts, extended = table.rates, table.year_starts, table.extended
    rate_year = table.days_per_year or own_year or DAYS_PER_YEAR
    if table.age_rule == "fraction":
        rates = rates * (_lengths_of_years(starts) / DAYS_PER_YEAR)
    if wanted.days_per_year is None:
        rates, starts, extended = _calendar_lengths(
            rates * (rate_year / DAYS_PER_YEAR), starts, table.year_end, extended
        )
    else:
        rates = rates * (rate_year / wanted.days_per_year)
    return replace(
        table,
        age_starts=whole * wanted.days_per_year + days
        if wanted.age_rule == "fixed" and wanted.days_per_year
        else ages,
        year_starts=starts,
        rates=rates,
        extended=extended,
        age_rule=wanted.age_rule,
        calendar_rule=wanted.calendar_rule,
        days_per_year=wanted.days_per_year,
        provenance=(
            *table.provenance,
            {"look_up": name, "reproduces": wanted.peers, "from_digest": table.digest},
        ),
    )


def ages_in_years(table: LifeTable) -> tuple[FloatArray, float | None]:
    """Return the starts of age cells in years, and how long a year the table's own rates have."""
    if table.age_rule != "fixed":
        return table.age_starts, table.days_per_year
    years_old = table.age_starts[table.age_starts > 300]
    candidates = [table.days_per_year, *KNOWN_YEARS] if table.days_per_year else [*KNOWN_YEARS]
    for length in candidates:
        if length and (np.abs(years_old / length - np.round(years_old / length)) < ROUNDING_OF_AGES).all():
            days = table.age_starts
            within = days <= 300
            return np.where(within, days / DAYS_PER_YEAR, np.round(days / length)), length
    raise OptionError(
        "with_look_up(): the ages of this table, in days, are not whole years of a known length "
        f"({', '.join(f'{length:g}' for length in KNOWN_YEARS)}), so they cannot be put on another rule."
    )


def _calendar_lengths(
    rates: FloatArray, starts: IntArray, end: int, extended: npt.NDArray[np.bool_]
) -> tuple[FloatArray, IntArray, npt.NDArray[np.bool_]]:
    """Cut calendar cells at every 1 January and give each the daily hazard for the length of its year."""
    januaries = _JANUARIES[(starts[0] < _JANUARIES) & (end > _JANUARIES)]
    cuts = np.union1d(starts, januaries).astype(np.int64)
    cell = np.searchsorted(starts, cuts, side="right") - 1
    return rates[:, :, cell] * (DAYS_PER_YEAR / _lengths_of_years(cuts)), cuts, extended[:, :, cell]


def _lengths_of_years(day: IntArray) -> IntArray:
    """Return the length of the calendar year of each day; beyond the years known, that of the nearest."""
    year = np.clip(np.searchsorted(_JANUARIES, day, side="right") - 1, 0, _JANUARIES.size - 2)
    return np.diff(_JANUARIES)[year]
