"""Who looks where in a life table: stratum, birth and diagnosis of each row, resolved and checked once.

Every function that takes a life table gets its demographic columns through `demographics`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.cohort.follow_up import Data, frame_of, number_column, require_rows
from childsurv.errors import (
    ColumnError,
    DataError,
    OptionError,
    asked,
    asking,
    require_columns,
    warn,
)
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import FIRST_DAY, LAST_DAY, BirthdayCalendar, days_of

IntArray = npt.NDArray[np.int64]

LARGEST_AGE_IN_YEARS = 120
"""Ages that all lie below this number, in many rows, are likely years written where days belong."""

FEWEST_ROWS_TO_DOUBT_UNIT = 20
"""A few newborns may well all be younger than 120 days; this many rows in one extract hardly are."""


@dataclass(frozen=True)
class Demographics:
    """Where each row looks in a life table; arrays of shape ``(n_rows,)`` in the order of the data.

    Attributes
    ----------
    stratum
        Row of ``life_table.strata``; -1 for a row without one, where that was asked for.
    birth, diagnosis
        Days since 1970-01-01; births may lie within a day where the table's ages are fixed numbers of days.
    """

    stratum: IntArray
    birth: npt.NDArray[np.int64 | np.float64]
    diagnosis: IntArray

    def of(self, rows: IntArray | slice) -> Demographics:
        """Return those of some rows."""
        return Demographics(self.stratum[rows], self.birth[rows], self.diagnosis[rows])


def demographics(
    data: Data,
    life_table: LifeTable,
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
    if not isinstance(life_table, LifeTable):
        raise OptionError(
            f"{asked()}: a LifeTable is needed, got {type(life_table).__name__}. Make one with "
            "childsurv.read_life_table() or childsurv.LifeTable.from_frame()."
        )
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
    # The day after the birthday, because somebody diagnosed on 29 February has no anniversary in most years.
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
