from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from childsurv.maths.calendar import BirthdayCalendar, days_of, first_of_january, month_of

DATES = st.dates(dt.date(1800, 1, 1), dt.date(2200, 12, 31))
EPOCH = dt.date(1970, 1, 1).toordinal()


def days(*dates: dt.date) -> np.ndarray:
    return np.array([date.toordinal() - EPOCH for date in dates], dtype=np.int64)


def test_days_of_drops_the_time_of_day():
    moments = pd.Series(pd.to_datetime(["1970-01-02 23:59", "1969-12-31 00:00"]))
    assert days_of(moments).tolist() == [1, -1]


@given(year=st.integers(1600, 2399))
def test_first_of_january(year):
    assert first_of_january(np.array([year])).tolist() == days(dt.date(year, 1, 1)).tolist()


@given(date=DATES)
def test_month_of_day(date):
    assert month_of(days(date))[0] == (date.year - 1600) * 12 + date.month - 1


def test_month_of_the_first_and_last_day_of_the_table():
    assert month_of(days(dt.date(1600, 1, 1), dt.date(2399, 12, 31))).tolist() == [0, 9599]


@given(birth=DATES, later=st.integers(0, 45_000))
def test_completed_years_agree_with_comparing_month_and_day(birth, later):
    day = birth + dt.timedelta(days=later)
    expected = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    assert BirthdayCalendar(days(birth)).completed_years(days(day)).tolist() == [expected]


@given(birth=DATES, years=st.integers(0, 110))
def test_a_birthday_completes_its_year_and_the_day_before_does_not(birth, years):
    calendar = BirthdayCalendar(days(birth))
    birthday = calendar.birthday(np.array([years]))
    assert calendar.completed_years(birthday).tolist() == [years]
    assert calendar.completed_years(birthday - 1).tolist() == [years - 1]


def test_a_child_born_on_29_february_has_the_birthday_1_march_in_common_years():
    calendar = BirthdayCalendar(days(dt.date(2000, 2, 29)))
    assert calendar.birthday(np.array([1])).tolist() == days(dt.date(2001, 3, 1)).tolist()
    assert calendar.birthday(np.array([4])).tolist() == days(dt.date(2004, 2, 29)).tolist()
    assert calendar.birthday(np.array([100])).tolist() == days(dt.date(2100, 3, 1)).tolist()
