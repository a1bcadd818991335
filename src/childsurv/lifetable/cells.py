"""From rows of mortality to a block of daily hazards: every value checked, no gap filled, no cell twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import (
    ColumnError,
    LifeTableError,
    OptionError,
    asked,
    asking,
    require_columns,
    rows_where,
)
from childsurv.maths.calendar import DAYS_PER_YEAR, BirthdayCalendar, first_of_january

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SEXES = ("female", "male")

BEFORE_ALL = -3_000_000
AFTER_ALL = 3_000_000
"""Days since 1970 that lie outside every calendar cell a registry can need; open ends of extended tables."""

DAYS_OF_INFANCY_YEAR = 365.25
"""Turns the fractional part of an age cell that starts within a year of age into days after the birthday."""

OLDEST_YEARS = 150
"""No age group begins later; larger numbers are days."""

LAST_DAY_BEFORE_BIRTHDAY = 364
"""Age cells within a year of age must begin by this day, so that they begin before the next birthday."""


RATE_UNITS = {"per_year": 1.0, "per_1000_years": 1e3, "per_100000_years": 1e5, "per_day": 1.0}
"""Persons to which a rate refers, by its unit."""


@dataclass(frozen=True)
class Written:
    """How the rows of a long table are written; columns and options as in `LifeTable.from_frame`."""

    sex: str
    age: str
    year: str
    value: str
    """Column of mortality."""
    kind: str
    """What the column holds: "rate", "mx" or "qx"."""
    by: tuple[str, ...]
    rate_unit: str
    age_unit: str
    days_per_year: float
    year_starts: Mapping[int, str] | None
    year_end: str | None
    missing: str

    def __post_init__(self) -> None:
        if self.rate_unit != "per_year" and self.kind != "rate":
            raise OptionError(f"rate_unit= goes with rate=; {self.kind}= has its own unit.")
        if not 300 < self.days_per_year < 400:
            raise OptionError(f"days_per_year={self.days_per_year!r} is not the length of a year in days.")

    @property
    def fixed(self) -> bool:
        """Whether age cells begin after fixed numbers of days instead of on birthdays."""
        return self.age_unit == "days" or self.days_per_year != DAYS_PER_YEAR

    @property
    def days_per_age_unit(self) -> float:
        """Days of one unit of the column of ages."""
        return self.days_per_year if self.age_unit == "years" else 1.0

    @property
    def days_of_rate(self) -> float | None:
        """Length of the year by which rates become daily ones, or ``None`` where they are daily already."""
        return None if self.kind == "rate" and self.rate_unit == "per_day" else self.days_per_year

    @property
    def rate_divisor(self) -> float:
        """What turns a rate into one per person and day."""
        return (self.days_of_rate or 1.0) * RATE_UNITS[self.rate_unit]


@dataclass(frozen=True)
class CellBlock:
    """A dense block of hazards, strata x ages x calendar cells, with its cuts."""

    strata: pd.DataFrame
    """One row a stratum, sorted."""
    age_starts: FloatArray
    """In years, or in days where `Written.fixed`; the last cell is open."""
    year_starts: IntArray
    """First day of each calendar cell, in days since 1970-01-01."""
    year_end: int
    """First day after the last calendar cell."""
    rates: FloatArray
    """Hazards per day; NaN where the source has no value."""


def block_of_cells(frame: pd.DataFrame, written: Written) -> CellBlock:
    """Check the rows of a long table and arrange them as a block."""
    with asking("A life table"):
        require_columns(frame.columns, [written.sex, written.age, written.year, written.value, *written.by])
    age, year, value, missing = written.age, written.year, written.value, written.missing
    if len(frame) == 0:
        raise LifeTableError("A life table: there are no rows.")
    numbers = {
        name: _numbers(frame, name, what, allow_missing=what == "mortality" and missing == "not-covered")
        for name, what in ((age, "ages"), (year, "years"), (value, "mortality"))
    }
    values = numbers[value]
    bad = ~np.isfinite(values) & ~np.isnan(values) | (values < 0)
    if written.kind == "qx":
        bad |= values > 1
    if bad.any():
        limits = "between 0 and 1" if written.kind == "qx" else "a finite number of 0 or more"
        raise LifeTableError(f"A life table: column {value!r} is not {limits} in {rows_where(bad)}.")
    if (numbers[age] < 0).any():
        raise LifeTableError(f"A life table: column {age!r} is negative in {rows_where(numbers[age] < 0)}.")
    stratum, strata = _strata(frame, written.by, written.sex)
    age_code, ages = _coded(numbers[age])
    if written.age_unit == "years" and ages[-1] > OLDEST_YEARS:
        raise LifeTableError(
            f"A life table: column {age!r} goes up to {ages[-1]:g} years. If ages are in days, give age_unit='days'."
        )
    year_code, years = _coded(numbers[year])
    first_days, last_days = _calendar(years, written.year_starts, written.year_end)

    shape = (len(strata), ages.size, years.size)
    flat = (stratum * ages.size + age_code) * years.size + year_code
    count = np.bincount(flat, minlength=int(np.prod(shape)))
    if (count > 1).any():
        raise LifeTableError(
            f"A life table: the same cell occurs more than once in {rows_where(count[flat] > 1)}. "
            "Name further strata in by=, or remove the repeated rows."
        )
    occupied = count.reshape(shape) > 0
    block = np.full(occupied.size, np.nan)
    block[flat] = values
    mortality = block.reshape(shape)
    has_age = _ages_of_both_sexes(np.asarray(occupied.any(axis=2)), strata, list(written.by), ages, missing)
    if missing == "error":
        _require_no_gaps(occupied, strata, years, first_days, last_days)
    if not occupied.all():
        # A stratum without a cell for some age that others have is still in its wider cell there.
        own_age = np.maximum.accumulate(np.where(has_age, np.arange(ages.size), -1), axis=1)
        mortality = np.take_along_axis(mortality, np.maximum(own_age, 0)[:, :, None], axis=1)
        mortality[own_age < 0] = np.nan
        next_age = np.concatenate(
            [np.where(has_age, ages, np.inf)[:, 1:], np.full((len(strata), 1), np.inf)], axis=1
        )
        next_age = np.minimum.accumulate(next_age[:, ::-1], axis=1)[:, ::-1]
        width = next_age - ages[np.maximum(own_age, 0)]
    else:
        width = np.broadcast_to(np.append(np.diff(ages), np.inf), shape[:2])
    hazards = _daily_hazard(mortality, written, width * written.days_per_age_unit)

    starts = np.unique(np.concatenate([first_days, last_days]))
    if starts.size != years.size + 1:
        # Years lie apart: a calendar cell between them, which no stratum covers.
        place = np.searchsorted(starts[:-1], first_days)
        spread = np.full((*shape[:2], starts.size - 1), np.nan)
        spread[:, :, place] = hazards
        hazards = spread
    if not written.fixed:
        _require_cells_within_years(ages)
    elif written.age_unit == "years":
        ages = ages * written.days_per_year
    return CellBlock(strata, ages, starts[:-1], int(starts[-1]), hazards)


def _ages_of_both_sexes(
    has_age: npt.NDArray[np.bool_],
    strata: pd.DataFrame,
    by: list[str],
    ages: FloatArray,
    missing: str,
) -> npt.NDArray[np.bool_]:
    """Return which strata have their own cell for which ages: those that either sex has.

    Countries may have different ages, but the sexes of one are published alike: an age that only one sex has is
    missing in the other, and no wider cell takes its place.
    """
    # Strata are sorted, so that the sexes of one country are neighbours.
    labels = strata[by].to_numpy(dtype=object)
    codes: IntArray = np.append(0, np.cumsum((labels[1:] != labels[:-1]).any(axis=1)))
    either = np.zeros((int(codes.max()) + 1, ages.size), dtype=bool)
    np.logical_or.at(either, codes, has_age)
    lacking = either[codes] & ~has_age
    if missing == "error" and lacking.any():
        code = int(np.flatnonzero(lacking.any(axis=1))[0])
        first = ages[int(np.argmax(lacking[code]))]
        raise LifeTableError(
            f"A life table: {_label(strata, code)} lacks {int(lacking[code].sum())} ages that the other sex has, the "
            f"first {first:g}. Rows are missing, or the file was cut off; missing='not-covered' leaves gaps that raise "
            "when looked up."
        )
    return either[codes]


def whole_years_and_days(age_starts: FloatArray) -> tuple[IntArray, FloatArray]:
    """Split starts of age cells in years into completed years and days after that birthday."""
    whole = np.floor(age_starts)
    return whole.astype(np.int64), np.round((age_starts - whole) * DAYS_OF_INFANCY_YEAR, 6)


def _require_cells_within_years(ages: FloatArray) -> None:
    """Raise when an age cell begins so late in a year of age that the next birthday may come first."""
    late = whole_years_and_days(ages)[1] > LAST_DAY_BEFORE_BIRTHDAY
    if late.any():
        raise LifeTableError(
            f"A life table: an age cell begins at {ages[late][0]:g} years, after day "
            f"{LAST_DAY_BEFORE_BIRTHDAY} of a year of age, "
            "where the next birthday may come first. Give ages in whole years there, or age_unit='days'."
        )


def _numbers(frame: pd.DataFrame, name: str, what: str, *, allow_missing: bool) -> FloatArray:
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column.dtype) or column.dtype == bool:
        raise ColumnError(
            f"A life table: column {name!r} with {what} holds {column.dtype}, not numbers. Convert it first, "
            "for example with pandas.to_numeric(); an open age group is written as the age at which it "
            "starts."
        )
    absent = column.isna().to_numpy()
    if absent.any() and not allow_missing:
        remedy = (
            " missing='not-covered' keeps such cells as gaps that raise when looked up."
            if what == "mortality"
            else ""
        )
        raise LifeTableError(f"A life table: column {name!r} is missing in {rows_where(absent)}.{remedy}")
    values = column.to_numpy(np.float64, na_value=np.nan)
    if what != "mortality" and not np.isfinite(values).all():
        raise LifeTableError(
            f"A life table: column {name!r} is infinite in {rows_where(~np.isfinite(values))}."
        )
    return values


def _coded(values: FloatArray) -> tuple[IntArray, FloatArray]:
    codes, distinct = pd.factorize(values, sort=True)
    return codes.astype(np.int64, copy=False), np.asarray(distinct, dtype=np.float64)


def _strata(frame: pd.DataFrame, by: Sequence[str], sex: str) -> tuple[IntArray, pd.DataFrame]:
    """Code the combinations of strata columns and sex that occur, in sorted order."""
    code = np.zeros(len(frame), dtype=np.int64)
    sizes: list[int] = []
    labels: list[npt.NDArray[Any]] = []
    for name in (*by, sex):
        codes, distinct = pd.factorize(frame[name])
        absent = codes < 0
        if absent.any():
            raise LifeTableError(f"A life table: column {name!r} is missing in {rows_where(absent)}.")
        own = np.empty(len(distinct), dtype=object)
        own[:] = list(distinct)
        if name == sex and not set(own) <= set(SEXES):
            unknown = ~np.isin(own.astype(str), SEXES)[codes]
            raise LifeTableError(
                f"A life table: column {name!r} is neither 'male' nor 'female' in {rows_where(unknown)}. "
                "Recode sexes and leave out rows for both sexes together."
            )
        try:
            order = np.argsort(own, kind="stable")
        except TypeError as error:
            raise ColumnError(
                f"A life table: column {name!r} mixes text and numbers, so its labels cannot be put in "
                "order. Make them one kind, for example with .astype(str)."
            ) from error
        place = np.empty(order.size, dtype=np.int64)
        place[order] = np.arange(order.size)
        code = code * len(own) + place[codes]
        sizes.append(len(own))
        labels.append(own[order])
    occurs = np.bincount(code, minlength=int(np.prod(sizes))) > 0
    present = np.flatnonzero(occurs)
    positions = np.unravel_index(present, sizes)
    strata = pd.DataFrame(
        {
            name: pd.Series(label[position], dtype=object)
            for name, label, position in zip((*by, "sex"), labels, positions, strict=True)
        }
    )
    return (np.cumsum(occurs) - 1)[code], strata


def stratum_codes(strata: pd.DataFrame, frame: pd.DataFrame, *, sex: str, missing: str) -> IntArray:
    """Return the row of ``strata`` of each row of data (see `LifeTable.stratum_codes`)."""
    by = [name for name in strata.columns if name != "sex"]
    names = [*by, sex]
    with asking(f"{asked()}: the life table is by {', '.join(names)}"):
        require_columns(frame.columns, names)
    code = np.zeros(len(frame), dtype=np.int64)
    unknown = np.zeros(len(frame), dtype=bool)
    n_codes = 1
    for name, own in zip(names, [*by, "sex"], strict=True):
        labels = pd.Index(strata[own].unique())
        column = frame[name]
        categories = pd.Categorical(column)
        place = np.append(labels.get_indexer(categories.categories), -1)
        codes = place[categories.codes]
        if own == "sex" and (codes < 0).any():
            raise LifeTableError(
                f"{asked()}: column {name!r} is not 'male' or 'female' in {rows_where(codes < 0)}. "
                "Population mortality needs a sex; correct or exclude these rows."
            )
        if (codes < 0).any() and missing == "error":
            counts = column[codes < 0].astype(object).value_counts(dropna=False)
            listed = ", ".join(f"{label} ({count:,} rows)" for label, count in counts.head(20).items())
            raise LifeTableError(
                f"{asked()}: the life table has no {own} for {int((codes < 0).sum()):,} rows: {listed}. "
                "Add their tables with childsurv.concat_life_tables() or exclude these rows."
            )
        unknown |= codes < 0
        code = code * len(labels) + np.maximum(codes, 0)
        n_codes *= len(labels)
    own_code = np.zeros(len(strata), dtype=np.int64)
    for own in [*by, "sex"]:
        labels = pd.Index(strata[own].unique())
        own_code = own_code * len(labels) + labels.get_indexer(strata[own])
    place_of = np.full(n_codes, -1, dtype=np.int64)
    place_of[own_code] = np.arange(len(strata))
    stratum = np.where(unknown, -1, place_of[code])
    if (stratum < 0).any() and missing == "error":
        counts = frame.loc[stratum < 0, names].astype(str).agg(", ".join, axis=1).value_counts()
        listed = "; ".join(f"{label} ({count:,} rows)" for label, count in counts.head(20).items())
        raise LifeTableError(
            f"{asked()}: the life table lacks the combination of {', '.join(names)} in "
            f"{rows_where(stratum < 0)}: {listed}. Add their tables with childsurv.concat_life_tables() or "
            "exclude these rows."
        )
    return stratum


def _calendar(
    years: FloatArray, year_starts: Mapping[int, str] | None, year_end: str | None
) -> tuple[IntArray, IntArray]:
    """Return the first day of every year that occurs and the first day after it (days since 1970)."""
    if year_starts is None:
        if (years % 1).any():
            raise LifeTableError(
                "A life table: years are not whole numbers; give year_starts= for such cells."
            )
        if years[0] < 1600 or years[-1] > 2399:
            raise LifeTableError(
                "A life table: years must lie between 1600 and 2399; give year_starts= otherwise."
            )
        starts = first_of_january(years)
        ends = first_of_january(years + 1)
        if year_end is not None:
            ends[-1] = _day(year_end, "year_end")
    else:
        unnamed = [f"{year:g}" for year in years if year not in year_starts]
        if unnamed:
            raise LifeTableError(f"A life table: year_starts= lacks the years {', '.join(unnamed[:10])}.")
        names = sorted(year_starts)
        days = np.array([_day(year_starts[name], f"year_starts[{name}]") for name in names], dtype=np.int64)
        if (np.diff(days) <= 0).any():
            late = names[int(np.flatnonzero(np.diff(days) <= 0)[0]) + 1]
            raise LifeTableError(f"A life table: year_starts= does not ascend with the years, at {late}.")
        last = _one_year_after(int(days[-1])) if year_end is None else _day(year_end, "year_end")
        place = np.searchsorted(np.asarray(names, dtype=np.float64), years)
        starts, ends = days[place], np.append(days[1:], last)[place]
    if ends[-1] <= starts[-1]:
        raise LifeTableError("A life table: year_end= is not after the start of the last year.")
    return starts, ends


def _day(date: str, argument: str) -> int:
    try:
        day = np.datetime64(date, "D")
    except ValueError as error:
        raise OptionError(f"{argument}= is not an ISO date such as '2000-07-01'.") from error
    if np.isnat(day):
        raise OptionError(f"{argument}= is not an ISO date such as '2000-07-01'.")
    return int(day.astype(np.int64))


def dates_of_cells(days: IntArray) -> npt.NDArray[np.datetime64]:
    """Return the dates of ends of calendar cells, given in days since 1970-01-01; missing where a table is open."""
    is_open = (days <= BEFORE_ALL) | (days >= AFTER_ALL)
    dates = np.where(is_open, np.iinfo(np.int64).min, days).astype("datetime64[D]")
    return dates.astype("datetime64[s]")


def _one_year_after(day: int) -> int:
    return int(BirthdayCalendar(np.array([day])).birthday(np.array([1]))[0])


def _require_no_gaps(
    occupied: npt.NDArray[np.bool_],
    strata: pd.DataFrame,
    years: FloatArray,
    first_days: IntArray,
    last_days: IntArray,
) -> None:
    """Raise unless each stratum has all combinations of its ages and years, and no years missing between."""
    if occupied.all():
        _require_consecutive(occupied[0, 0], "all strata", years, first_days, last_days)
        return
    has_age = np.asarray(occupied.any(axis=2))
    has_year = np.asarray(occupied.any(axis=1))
    lacking = (has_age[:, :, None] & has_year[:, None, :] & ~occupied).sum(axis=(1, 2))
    if lacking.any():
        code = int(np.flatnonzero(lacking)[0])
        n_ages, n_years = int(has_age[code].sum()), int(has_year[code].sum())
        raise LifeTableError(
            f"A life table: {int(lacking[code]):,} cells are missing for {_label(strata, code)}: {n_ages} "
            f"ages x {n_years} years need "
            f"{n_ages * n_years:,} rows, there are {n_ages * n_years - int(lacking[code]):,}. "
            "missing='not-covered' leaves gaps that raise when looked up."
        )
    for code in range(len(strata)):
        _require_consecutive(has_year[code], _label(strata, code), years, first_days, last_days)


def _require_consecutive(
    has_year: npt.NDArray[np.bool_], label: str, years: FloatArray, first_days: IntArray, last_days: IntArray
) -> None:
    own = np.flatnonzero(has_year)
    gaps = np.flatnonzero(last_days[own[:-1]] != first_days[own[1:]])
    if gaps.size:
        raise LifeTableError(
            f"A life table: the years of {label} are not consecutive ({gaps.size} gaps, the first after "
            f"{years[own[gaps[0]]]:g}). If each row is for several years, give where cells begin: "
            "year_starts={1950: '1950-01-01', 1955: ...}; if years are missing, missing='not-covered' leaves "
            "gaps that raise when looked up."
        )


def _label(strata: pd.DataFrame, code: int) -> str:
    return ", ".join(f"{name} {value}" for name, value in strata.iloc[code].items())


def _daily_hazard(values: FloatArray, written: Written, width_days: FloatArray) -> FloatArray:
    """Turn rates or probabilities (strata x ages x years) into hazards per day."""
    if written.kind == "qx":
        # An open age group dies out with certainty, which gives no hazard: left as not covered, so that a
        # look-up there raises instead of using a made-up rate.
        with np.errstate(divide="ignore"):
            hazard = (
                -np.log1p(-values)
                / np.where(np.isinf(width_days), written.days_per_year, width_days)[:, :, None]
            )
        hazard[~np.isfinite(hazard)] = np.nan
        return np.asarray(hazard)
    return values / written.rate_divisor
