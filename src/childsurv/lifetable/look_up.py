"""Look-up rules by the names of the software that uses them, and a table rewritten from one rule to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from childsurv.errors import OptionError, require_choice
from childsurv.lifetable.cells import whole_years_and_days
from childsurv.maths.calendar import DAYS_PER_YEAR, first_of_january

if TYPE_CHECKING:
    from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RELSURV_YEAR = 365.241
"""Days in relsurv's year."""


@dataclass(frozen=True)
class LookUp:
    """How people find their cell of a life table, and how long its year is.

    Attributes
    ----------
    age_rule, calendar_rule
        Names in `childsurv.lifetable.clock`.
    days_per_year
        What turns a yearly hazard into a daily one, and years of age into days where ages are fixed numbers of days;
        ``None`` for 365 or 366 days, whichever the calendar year has.
    peers
        Which software looks up so.
    """

    age_rule: str
    calendar_rule: str
    days_per_year: float | None
    peers: str


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
"""Lengths of a year by which the ages of a table in days are told."""

ROUNDING_OF_AGES = 1e-6
"""Years of age that a number of days may differ from a whole number."""

_JANUARIES = first_of_january(np.arange(1800, 2301, dtype=np.float64))
"""Where calendar cells are cut if the length of a year is the calendar's own."""


def with_look_up(table: LifeTable, name: str) -> LifeTable:
    """Return the table under another look-up rule (see `LifeTable.with_look_up`)."""
    require_choice(name, tuple(LOOK_UPS), argument="look_up")
    wanted = LOOK_UPS[name]
    ages, own_year = ages_in_years(table)
    whole, days = whole_years_and_days(ages)
    if wanted.age_rule == "completed" and days.any():
        raise OptionError(
            f"with_look_up({name!r}): ages in completed years say nothing of weeks, and this table has cells within a "
            "year of age. Leave split_infancy() out, or look up by exact dates."
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
    """Cut calendar cells at every 1 January and give each the daily hazard of its own year's length."""
    januaries = _JANUARIES[(starts[0] < _JANUARIES) & (end > _JANUARIES)]
    cuts = np.union1d(starts, januaries).astype(np.int64)
    cell = np.searchsorted(starts, cuts, side="right") - 1
    return rates[:, :, cell] * (DAYS_PER_YEAR / _lengths_of_years(cuts)), cuts, extended[:, :, cell]


def _lengths_of_years(day: IntArray) -> IntArray:
    """Return the length of the calendar year of each day; beyond the years known, that of the nearest."""
    year = np.clip(np.searchsorted(_JANUARIES, day, side="right") - 1, 0, _JANUARIES.size - 2)
    return np.diff(_JANUARIES)[year]
