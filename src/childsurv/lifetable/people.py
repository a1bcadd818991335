"""People: who was followed how long, and where each child looks in a life table; resolved and checked once.

Every function that follows children through a life table opens one door, `people_of`; those that only look children up
use `demographics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.cohort.follow_up import By, Data, FollowUp, follow_up, frame_of, number_column, require_rows
from childsurv.errors import (
    ColumnError,
    DataError,
    LifeTableError,
    OptionError,
    asked,
    asking,
    require_columns,
    warn,
)
from childsurv.lifetable.clock import AGE_RULES, CALENDAR_RULES
from childsurv.lifetable.paths import marked_cells_table
from childsurv.lifetable.table import AFTER_ALL, BEFORE_ALL, LifeTable
from childsurv.maths.asked import asked_number
from childsurv.maths.calendar import DAYS_PER_YEAR, FIRST_DAY, LAST_DAY, BirthdayCalendar, days_of

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

LARGEST_AGE_IN_YEARS = 120
"""Ages that all lie below this number, in many rows, are likely years written where days belong."""

FEWEST_ROWS_TO_DOUBT_UNIT = 20
"""A few newborns may well all be younger than 120 days; this many rows in one extract hardly are."""


MISSING = ("error", "observed")
"""What to do with children for whom the life table has no stratum."""

CHANGES = {
    "next": "; a change within a day holds from the next",
    "split": "; a change within a day splits it",
    "exact": "",
}
"""What becomes of a change of the cell of the life table within a day."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a DataFrame that a user gave; a Cohort has its own where none is named."""

    time: str | None = None
    event: str | None = None
    entry: str | None = None
    weights: str | None = None
    age_days: str | None = None
    sex: str | None = None
    diagnosis_date: str | None = None

    @property
    def given(self) -> dict[str, str | None]:
        """The names by argument; ``sex="sex"`` is the default and says nothing."""
        return {**self.__dict__, "sex": None if self.sex == "sex" else self.sex}


@dataclass(frozen=True)
class Demographics:
    """Where each row looks in a life table; arrays of shape ``(n_rows,)``."""

    stratum: IntArray
    """Row of ``life_table.strata``; -1 for a row without one, where that was asked for."""
    birth: npt.NDArray[np.int64 | np.float64]
    """Days since 1970-01-01; births may lie within a day where the table's ages are fixed numbers of days."""
    diagnosis: IntArray
    """Days since 1970-01-01."""

    def of(self, rows: IntArray | slice) -> Demographics:
        """Return those of some rows."""
        return Demographics(self.stratum[rows], self.birth[rows], self.diagnosis[rows])


class LookedUp(Protocol):
    """A life table, or the notes on one that sums were made with."""

    @property
    def source(self) -> str:
        """Where the table comes from."""
        ...

    @property
    def digest(self) -> str:
        """Digest of its numbers."""
        ...

    @property
    def age_rule(self) -> str:
        """Rule by which ages change."""
        ...

    @property
    def calendar_rule(self) -> str:
        """Rule by which calendar time changes."""
        ...


def look_up_conventions(table: LookedUp, *, change: str = "next") -> dict[str, Any]:
    """Return what a result reports of its life table and of how it was looked up; ``change`` is one of `CHANGES`."""
    within = "" if table.age_rule in {"birthday", "completed"} else CHANGES[change]
    return {
        "age_cells": AGE_RULES[table.age_rule] + within,
        "calendar_cells": CALENDAR_RULES[table.calendar_rule],
        "life_table": table.source,
        "life_table_digest": table.digest,
    }


@dataclass(frozen=True)
class People:
    """Follow-up in whole days, the life table, and where each followed child looks in it."""

    observed: FollowUp
    """Validated follow-up and group codes."""
    table: LifeTable
    """Population mortality."""
    places: Demographics
    """Stratum, birth and diagnosis of the rows of ``observed``."""
    horizon: float | None = None
    """Years at which follow-up was ended for all."""
    entered_later: int = 0
    """Rows that enter only after the horizon and were left out."""
    without_table: BoolArray | None = None
    """Groups that the life table has no stratum for, of shape ``(n_groups,)``; ``None`` where all have one."""
    closing: IntArray | None = None
    """Days from diagnosis to the date until which each child could have been followed, where that was asked for."""

    @property
    def time(self) -> IntArray:
        """End of follow-up in whole days since diagnosis."""
        return self.observed.time.astype(np.int64, copy=False)

    @property
    def entry(self) -> IntArray | None:
        """Start of follow-up in whole days, or ``None`` when all are followed from diagnosis."""
        entry = self.observed.entry
        return None if entry is None else entry.astype(np.int64, copy=False)

    @property
    def group(self) -> IntArray:
        """Code of each row's group."""
        return np.asarray(self.observed.group)

    @property
    def n_groups(self) -> int:
        """Number of groups, 1 when there is no ``by``."""
        return self.observed.n_groups

    @property
    def labels(self) -> pd.DataFrame:
        """Group columns with ``patients`` and ``total_events``, one row a group.

        Where some groups have no life table, a column ``quantity`` tells them apart.
        """
        groups = self.observed.groups
        if self.without_table is not None:
            quantity = np.where(self.without_table, "observed survival", "net survival").astype(object)
            groups = groups.assign(quantity=quantity)
        return groups.assign(
            patients=np.bincount(self.group, minlength=self.n_groups),
            total_events=np.bincount(self.group[self.observed.event == 1], minlength=self.n_groups),
        )

    @property
    def conventions(self) -> dict[str, Any]:
        """What every result says of its follow-up."""
        conventions = self.observed.conventions
        if self.horizon is not None:
            conventions["horizon"] = f"{self.horizon:g} years; {self.entered_later:,} patients entered later"
        if self.without_table is not None:
            patients = int(self.without_table[self.group].sum())
            conventions["without_life_table"] = (
                f"{patients:,} patients: observed survival, in groups marked so"
            )
        return conventions

    def until(self, years: float | None) -> People:
        """Return the people with follow-up that ends a number of years after diagnosis for all; ``None`` for no end."""
        if years is None:
            return self
        horizon = asked_number(years, argument="horizon_years", positive=True)
        # To the end of the day on which the years are over, so that survival at that time is known.
        end = int(np.ceil(horizon * DAYS_PER_YEAR))
        observed, later = self.observed.until(end)
        places = self.places
        if later:
            assert self.entry is not None
            places = places.of(np.flatnonzero(self.entry < end))
        return replace(self, observed=observed, places=places, horizon=horizon, entered_later=later)

    def weighted_by(self, weights: npt.NDArray[np.float64]) -> People:
        """Return the people with case weights, one for each followed row."""
        return replace(self, observed=replace(self.observed, weights=weights))

    def grouped(self, group: IntArray, labels: pd.DataFrame) -> People:
        """Return the people in other groups, given each row's code and one row of labels a group."""
        return replace(self, observed=replace(self.observed, group=group, groups=labels))

    def rows_of_data(self, marked: BoolArray) -> BoolArray:
        """Return marks of followed rows as marks of the rows of the data, so that messages number these."""
        rows = self.observed.rows
        if isinstance(rows, slice):
            return marked
        whole = np.zeros(int(rows.max()) + 1, dtype=bool)
        whole[rows] = marked
        return whole

    def life_table_use(self, marked_days: Mapping[int, float]) -> pd.DataFrame:
        """Return the cells that were carried on or have a hazard of zero, with the person-years in them."""
        # The stratum added for children without a life table is none of its cells.
        strata = len(self.table.strata) - (self.without_table is not None)
        own_cells = strata * self.table.age_starts.size * self.table.year_starts.size
        return marked_cells_table(
            self.table, {cell: days for cell, days in marked_days.items() if cell < own_cells}
        )

    def with_closing_date(self, data: Data, closing_date: Any) -> People:
        """Return the people with the date to which each could have been followed.

        Parameters
        ----------
        data
            The data that the people were read from.
        closing_date
            A date, the name of a column of dates, or ``None`` for a cohort's own.
        """
        frame = frame_of(data)
        if closing_date is None and isinstance(data, Cohort):
            closing_date = "closing_date" if "closing_date" in frame else data.closing_date
        if closing_date is None:
            return self
        if isinstance(closing_date, str) and (closing_date in frame or not closing_date[:1].isdigit()):
            require_columns(frame.columns, [closing_date])
            day = date_column(frame, closing_date)[self.observed.rows]
        else:
            try:
                day = days_of(pd.Series([pd.Timestamp(closing_date)]))
            except (TypeError, ValueError) as error:
                raise OptionError(
                    f"{asked()}: closing_date= takes a date or the name of a column of dates."
                ) from error
        return replace(self, closing=np.asarray(day - self.places.diagnosis, dtype=np.int64))

    def with_observed_survival(self) -> People:
        """Return the people with one more stratum, in which no child dies, for groups without a life table.

        Raises
        ------
        LifeTableError
            A group mixes children with and without a stratum.
        OptionError
            A group column has the name of the column that tells both kinds apart.
        """
        without = self._groups_without_table()
        if not without.any():
            return self
        if "quantity" in self.observed.groups:
            raise OptionError(
                f"{asked()}(missing='observed') adds a column 'quantity'; rename yours of that name."
            )
        stratum = np.where(self.places.stratum < 0, len(self.table.strata), self.places.stratum)
        return replace(
            self,
            table=_with_zero_stratum(self.table),
            places=replace(self.places, stratum=stratum),
            without_table=without,
        )

    def _groups_without_table(self) -> BoolArray:
        groups = self.observed.groups
        sizes = np.bincount(self.group, minlength=self.n_groups)
        without = np.bincount(self.group[self.places.stratum < 0], minlength=self.n_groups)
        mixed = (without > 0) & (without < sizes)
        if mixed.any():
            labels = groups.astype(str).agg(", ".join, axis=1).to_numpy() if len(groups.columns) else None
            listed = [
                f"{'all patients' if labels is None else labels[place]} "
                f"({without[place]:,} of {sizes[place]:,} rows)"
                for place in np.flatnonzero(mixed)
            ]
            raise LifeTableError(
                f"{asked()}(missing='observed'): {len(listed)} groups mix patients with a life table and without one: "
                f"{'; '.join(listed[:20])}{'; ...' if len(listed) > 20 else ''}. Net and observed survival have no "
                "common curve: add to by= the column that tells them apart, such as country, or exclude these rows."
            )
        return np.asarray(without > 0)


def people_of(
    data: Data,
    life_table: LifeTable | None,
    columns: Columns,
    *,
    by: By = None,
    zero_survival: str = "keep",
    missing: str = "error",
    sexes: bool = True,
) -> People:
    """Validate follow-up, code the groups, and find each child's place in the life table.

    Parameters
    ----------
    data, life_table
        A Cohort or a DataFrame, and population mortality.
    columns
        Names of the columns of a DataFrame.
    by, zero_survival
        As for `childsurv.cohort.follow_up.follow_up`.
    missing, sexes
        As for `demographics`.

    Raises
    ------
    DataError
        Follow-up that is not in whole days; and as for `follow_up` and `demographics`.
    """
    observed = follow_up(
        data, by=by, time=columns.time, event=columns.event, entry=columns.entry, weights=columns.weights,
        zero_survival=zero_survival,
    )  # fmt: skip
    if not observed.counted:
        raise DataError(
            f"{asked()}: follow-up must be in whole days to be looked up in a life table; round it, for example with "
            "(years * 365.25).round()."
        )
    places = demographics(
        data, life_table, age_days=columns.age_days, sex=columns.sex, diagnosis_date=columns.diagnosis_date,
        missing=missing, sexes=sexes,
    )  # fmt: skip
    return People(observed, require_life_table(life_table), places.of(observed.rows))


def require_life_table(life_table: object) -> LifeTable:
    """Return a life table; raise an `OptionError` for anything else."""
    if isinstance(life_table, LifeTable):
        return life_table
    raise OptionError(
        f"{asked()}: a LifeTable is needed, got {type(life_table).__name__}. Make one with "
        "childsurv.read_life_table() or childsurv.LifeTable.from_frame()."
    )


def demographics(
    data: Data,
    life_table: LifeTable | None,
    *,
    age_days: str | None = None,
    sex: str | None = None,
    diagnosis_date: str | None = None,
    birth_date: str | None = None,
    missing: str = "error",
    sexes: bool = True,
) -> Demographics:
    """Resolve and check the columns by which rows look up a life table.

    ``birth = diagnosis - age in days``, or the birth date itself.

    Parameters
    ----------
    data
        A Cohort, whose ``birth_date`` (``age_days`` where it has none), ``diagnosis_date`` and ``sex`` are
        used unless other columns are named, or a DataFrame.
    life_table
        Its ``by`` columns are looked for in the data under the same names.
    age_days
        Column with the age at diagnosis in whole days. For a DataFrame ``"age_days"`` unless named; without it
        ``"age_years"`` if the table looks people up by completed years. Where the table's ages are fixed numbers
        of days, ages may be fractions of days.
    sex
        Column with "male" and "female"; ``"sex"`` unless named.
    diagnosis_date
        Column with the date of diagnosis as datetimes; ``"diagnosis_date"`` unless named.
    birth_date
        Column with the date of birth as datetimes, instead of ``age_days``.
    missing
        "error", or "observed" for a stratum of -1 where the table has none for a row.
    sexes
        Whether rows choose a stratum; without, all are in the first and no column of sex is needed.

    Raises
    ------
    ColumnError
        A column is missing, or is not numeric or not a datetime.
    DataError
        Missing values, negative or fractional ages, births after diagnosis, dates outside 1800-2299.
    LifeTableError
        Rows without a sex or a stratum in the life table.
    """
    life_table = require_life_table(life_table)
    if age_days is not None and birth_date is not None:
        raise OptionError(
            f"{asked()}: give age_days= or birth_date=, not both; which one holds would be a guess."
        )
    frame = frame_of(data)
    sex = sex or "sex"
    diagnosis_date = diagnosis_date or "diagnosis_date"
    if age_days is None and birth_date is None:
        if isinstance(data, Cohort) and "birth_date" in frame:
            birth_date = "birth_date"
        elif life_table.age_rule == "completed" and "age_days" not in frame and "age_years" in frame:
            age_days = "age_years"
        else:
            age_days = "age_days"
    from_cohort = isinstance(data, Cohort) and birth_date == "birth_date" and "age_days" in frame
    needed = [name for name in (diagnosis_date, birth_date, age_days, sex) if name is not None]
    needed = needed if sexes else needed[:-1]
    with asking(
        f"{asked()} looks people up in a life table by the columns that age_days= (or birth_date=), "
        "sex= and diagnosis_date= name"
    ):
        require_columns(frame.columns, needed)
    if len(frame) == 0:
        raise DataError(
            f"{asked()}: there are no rows to look up. Check the exclusions and conditions before it."
        )
    diagnosis = date_column(frame, diagnosis_date)
    birth: npt.NDArray[np.int64 | np.float64]
    if birth_date is None and age_days == "age_years":
        birth = _births_of_completed_years(frame, diagnosis)
    elif birth_date is None:
        assert age_days is not None
        within_days = life_table.age_rule == "fixed"
        birth = np.asarray(diagnosis - _ages(frame, age_days, within_days=within_days))
    elif from_cohort and frame[birth_date].isna().any():
        # A registry may send ages without birth dates for some of its rows; the reader then filled age_days.
        undated = frame[birth_date].isna().to_numpy()
        unknown = undated & frame["age_days"].isna().to_numpy()
        require_rows(
            unknown,
            f"{asked()}: columns 'birth_date' and 'age_days' are both missing",
            "Population mortality needs an age; exclude these rows by a rule of your own.",
        )
        dates = np.empty_like(diagnosis)
        dates[~undated] = date_column(frame, birth_date, rows=~undated)
        dates[undated] = diagnosis[undated] - _ages(frame, "age_days", rows=undated)
        birth = dates
    else:
        birth = date_column(frame, birth_date)
    require_rows(
        birth > diagnosis,
        f"{asked()}: column {birth_date!r} is after column {diagnosis_date!r}",
        "Correct or exclude these rows.",
    )
    require_rows(
        birth < FIRST_DAY,
        f"{asked()}: births lie before the year 1800 by column {birth_date or age_days!r}",
        "Such dates or ages are codes for unknown or faults; set them missing and exclude them.",
    )
    stratum = (
        life_table.stratum_codes(frame, sex=sex, missing=missing)
        if sexes
        else np.zeros(len(frame), dtype=np.int64)
    )
    return Demographics(stratum=stratum, birth=birth, diagnosis=diagnosis)


def date_column(frame: pd.DataFrame, name: str, *, rows: npt.NDArray[np.bool_] | None = None) -> IntArray:
    """Return a column of dates as days since 1970-01-01; every (chosen) row must have one.

    Datetime columns of any resolution are taken, and columns of Python or Arrow dates. Text and numbers are
    not parsed: which style they follow would be a guess.
    """
    column = frame[name]
    dtype = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        raise ColumnError(
            f"{asked()}: column {name!r} has a time zone, so its days are not certain. "
            f"Remove it first: data[{name!r}].dt.tz_localize(None)."
        )
    if not pd.api.types.is_datetime64_dtype(dtype):
        arrow_dates = isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith(("date", "timestamp"))
        python_dates = pd.api.types.is_object_dtype(dtype) and pd.api.types.infer_dtype(
            column, skipna=True
        ) in {
            "date",
            "datetime",
        }
        if not (arrow_dates or python_dates):
            raise ColumnError(
                f"{asked()}: column {name!r} holds {dtype}, not dates. Convert it first and say how it is "
                f"written: pandas.to_datetime(data[{name!r}], format='%Y-%m-%d')."
            )
        column = column.astype("datetime64[s]")
    chosen = np.ones(len(column), dtype=bool) if rows is None else rows
    require_rows(
        column.isna().to_numpy() & chosen,
        f"{asked()}: column {name!r} is missing",
        "Fill it or exclude these rows by a rule of your own.",
    )
    days = days_of(column)
    require_rows(
        ((days < FIRST_DAY) | (days > LAST_DAY)) & chosen,
        f"{asked()}: column {name!r} lies outside the years 1800 to 2299",
        "Such dates are codes for unknown or faults; set them missing and exclude them.",
    )
    return days if rows is None else days[rows]


def _births_of_completed_years(frame: pd.DataFrame, diagnosis: IntArray) -> IntArray:
    """Return births that give each row its completed years of age at diagnosis."""
    name = "age_years"
    years = number_column(frame, name)
    require_rows(
        (years < 0) | (years % 1 != 0) | (years > LARGEST_AGE_IN_YEARS),
        f"{asked()}: column {name!r} is not a whole number of years from 0 to {LARGEST_AGE_IN_YEARS}",
        "Completed years are whole; correct or exclude these rows.",
    )
    # The day after the birthday, because a child diagnosed on 29 February has no anniversary in most years.
    return BirthdayCalendar(diagnosis).birthday(-years.astype(np.int64)) - 1


def _ages(
    frame: pd.DataFrame, name: str, *, rows: npt.NDArray[np.bool_] | None = None, within_days: bool = False
) -> npt.NDArray[np.int64 | np.float64]:
    """Return a column of ages in days; row numbers in messages are those of the whole data."""
    if rows is None:
        ages = number_column(frame, name)
    else:
        filled = frame[[name]].copy()
        filled.loc[~rows, name] = 0
        ages = number_column(filled, name)
    require_rows(
        ages < 0, f"{asked()}: column {name!r} is negative", "Ages count from birth; correct or exclude them."
    )
    if ages.dtype.kind == "f" and not within_days:
        require_rows(
            ages % 1 != 0,
            f"{asked()}: column {name!r} is not a whole number of days",
            f"Ages in days are whole: data[{name!r}].round() if it was made from years.",
        )
    if rows is None and ages.size >= FEWEST_ROWS_TO_DOUBT_UNIT and ages.max() <= LARGEST_AGE_IN_YEARS:
        warn(
            f"{asked()}: no age in column {name!r} is above {LARGEST_AGE_IN_YEARS} days in {ages.size:,} "
            "rows. If these are years, give days: completed years are not enough for infants."
        )
    whole = ages.dtype.kind != "f" or not within_days or not (ages % 1).any()
    days = ages.astype(np.int64) if whole else ages
    return days if rows is None else days[rows]


def _with_zero_stratum(table: LifeTable) -> LifeTable:
    """Return the table with one more stratum in which no child dies, at any time."""
    # On the union of both tables' cuts, as in concat_life_tables(), whose labels no such stratum could have.
    ages = np.union1d(table.age_starts, [0.0])
    years = np.union1d(table.year_starts, [BEFORE_ALL, table.year_end]).astype(np.int64)
    years = years[years < AFTER_ALL]
    age = np.searchsorted(table.age_starts, ages, side="right") - 1
    year = np.searchsorted(table.year_starts, years, side="right") - 1
    inside = (age >= 0)[:, None] & ((year >= 0) & (years < table.year_end))[None, :]
    own = table.rates[:, np.maximum(age, 0), :][:, :, np.maximum(year, 0)]
    extended = table.extended[:, np.maximum(age, 0), :][:, :, np.maximum(year, 0)] & inside
    shape = (1, ages.size, years.size)
    return replace(
        table,
        strata=pd.concat([table.strata, table.strata.iloc[[0]]], ignore_index=True),
        age_starts=ages,
        year_starts=years,
        year_end=AFTER_ALL,
        rates=np.concatenate([np.where(inside, own, np.nan), np.zeros(shape)]),
        extended=np.concatenate([extended, np.zeros(shape, dtype=bool)]),
    )
