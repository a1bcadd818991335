"""Dates by hand: formats, unknown parts, windows, midpoints and completed years."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.errors import LayoutError
from childsurv.extract.dates import (
    BY_DAY,
    BY_MONTH,
    BY_YEAR,
    MISSING,
    NO_DAY,
    READ,
    UNREADABLE,
    as_date,
    as_day,
    calendar_parts,
    completed_years,
    date_pattern,
    parse_dates,
    place,
    windows_of_parts,
    years_before,
)

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31))


def day(text):
    return np.array([as_day(text)])


def window(text, formats, **options):
    read = parse_dates([text], formats, **options)
    if read.status[0] != READ:
        return int(read.status[0])
    return (
        as_date(int(read.first[0])).isoformat(),
        as_date(int(read.last[0])).isoformat(),
        int(read.precision[0]),
    )


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("2010-05-07", ["%Y-%m-%d"], ("2010-05-07", "2010-05-07", BY_DAY)),
        ("7.5.2010", ["%d.%m.%Y"], ("2010-05-07", "2010-05-07", BY_DAY)),
        ("07.05.2010 00:00:00", ["%d.%m.%Y"], ("2010-05-07", "2010-05-07", BY_DAY)),
        ("2010-05-07T00:00:00.000", ["%Y-%m-%d"], ("2010-05-07", "2010-05-07", BY_DAY)),
        ("1965-02-28", ["%Y-%m-%d"], ("1965-02-28", "1965-02-28", BY_DAY)),
        ("05.2010", ["%d.%m.%Y", "%m.%Y"], ("2010-05-01", "2010-05-31", BY_MONTH)),
        ("2010", ["%Y-%m-%d", "%Y"], ("2010-01-01", "2010-12-31", BY_YEAR)),
        ("20120299", ["%Y%m%d"], ("2012-02-01", "2012-02-29", BY_MONTH)),
        ("20129999", ["%Y%m%d"], ("2012-01-01", "2012-12-31", BY_YEAR)),
        ("20129915", ["%Y%m%d"], ("2012-01-01", "2012-12-31", BY_YEAR)),
        ("99999999", ["%Y%m%d"], MISSING),
        ("", ["%Y%m%d"], MISSING),
        ("n/k", ["%Y%m%d"], MISSING),
        ("20120230", ["%Y%m%d"], UNREADABLE),
        ("20121301", ["%Y%m%d"], UNREADABLE),
        ("20120100", ["%Y%m%d"], UNREADABLE),
        ("2012-02-03", ["%Y%m%d"], UNREADABLE),
        ("03.02.12", ["%d.%m.%Y"], UNREADABLE),
        ("2010-05-07 13:00:00", ["%Y-%m-%d"], ("2010-05-07", "2010-05-07", BY_DAY)),
        ("2010-05-07 25:00", ["%Y-%m-%d"], UNREADABLE),
        ("2012022", ["%Y%m%d"], UNREADABLE),
        ("٢٠١٢-02-03", ["%Y-%m-%d"], ("2012-02-03", "2012-02-03", BY_DAY)),
    ],
)
def test_texts_become_windows(text, formats, expected):
    assert window(text, formats, unknown=["99", "9999"], missing=["", "n/k"]) == expected


def test_letters_may_stand_for_unknown_parts():
    assert window("XX.05.2010", ["%d.%m.%Y"], unknown=["XX"]) == ("2010-05-01", "2010-05-31", BY_MONTH)


@pytest.mark.parametrize("text", ["%d.%m.%y", "%Y-%d", "%m.%d", "%Y-%m-%d %H", "%Y%Y"])
def test_formats_that_would_guess_are_refused(text):
    with pytest.raises(LayoutError, match="format"):
        date_pattern(text)


def test_parts_that_make_no_date_are_unreadable():
    status = np.zeros(4, dtype=np.int8)
    windows = windows_of_parts(
        np.array([2010, 2010, 2010, -1]), np.array([2, 13, -1, 1]), np.array([29, 1, 1, 1]), status
    )
    assert windows.status.tolist() == [UNREADABLE] * 4
    assert (windows.first == NO_DAY).all()


def test_midpoint_by_hand():
    may = day("2010-05-01"), day("2010-05-31")
    assert as_date(place(*may)[0]).isoformat() == "2010-05-16"
    assert as_date(place(*may, (None, day("2010-05-11")))[0]).isoformat() == "2010-05-06"
    assert as_date(place(*may, (day("2010-05-21"), None))[0]).isoformat() == "2010-05-26"
    # A bound that contradicts the window is left to the checks, and the next one still counts.
    assert (
        as_date(place(*may, (day("2010-06-01"), None), (None, day("2010-05-03")))[0]).isoformat()
        == "2010-05-02"
    )
    assert place(np.array([NO_DAY]), np.array([NO_DAY]), (day("2010-05-21"), None))[0] == NO_DAY


@given(DAYS, DAYS, DAYS, DAYS)
def test_a_placed_day_lies_in_its_window_and_in_every_bound_that_fits(one, two, three, four):
    first, last = sorted((as_day(one), as_day(two)))
    low, high = sorted((as_day(three), as_day(four)))
    placed = int(place(np.array([first]), np.array([last]), (np.array([low]), np.array([high])))[0])
    assert first <= placed <= last
    if max(first, low) <= min(last, high):
        assert low <= placed <= high


@given(DAYS, DAYS)
def test_completed_years_count_birthdays(one, two):
    birth, at = sorted((one, two))
    expected = at.year - birth.year - ((at.month, at.day) < (birth.month, birth.day))
    assert completed_years(day(birth), day(at))[0] == expected


@given(DAYS, st.integers(0, 40))
def test_years_before_is_the_last_birthday_that_reaches_the_age(at, years):
    last = years_before(day(at), np.array([years]))
    assert completed_years(last, day(at))[0] >= years
    assert completed_years(last + 1, day(at))[0] == years - 1 or years == 0


@pytest.mark.parametrize(
    ("at", "years", "born"),
    [
        # A year before 29 February no day has its number; a child born on 1 March is still younger.
        ("2012-02-29", 1, "2011-02-28"),
        ("2012-02-29", 4, "2008-02-29"),
        ("1904-02-29", 4, "1900-02-28"),
        # A child born on 29 February turns one on 1 March.
        ("2013-02-28", 1, "2012-02-28"),
        ("2013-03-01", 1, "2012-03-01"),
    ],
)
def test_years_before_29_february(at, years, born):
    last = years_before(day(at), np.array([years]))
    assert as_date(int(last[0])) == dt.date.fromisoformat(born)
    assert completed_years(last, day(at))[0] == years
    assert completed_years(last + 1, day(at))[0] == years - 1


def test_calendar_of_many_rows_is_that_of_single_days():
    days = np.arange(-30_000, 30_000, 7)
    many = np.stack(calendar_parts(np.tile(days, 9)))[:, : days.size]
    singly = np.array([[part[0] for part in calendar_parts(days[i : i + 1])] for i in range(days.size)]).T
    np.testing.assert_array_equal(many, singly)


@pytest.mark.parametrize(
    ("text", "formats", "day"),
    [
        ("01MAY2010", ["%d%b%Y"], "2010-05-01"),
        ("1 мая 2010", ["%d %b %Y"], "2010-05-01"),
        ("12 Дек. 2010", ["%d %b %Y"], "2010-12-12"),
        ("7-sept-2010", ["%d-%b-%Y"], "2010-09-07"),
        ("1/5/2010", ["%d/%m/%Y"], "2010-05-01"),
        ("5/1/2010", ["%m/%d/%Y"], "2010-05-01"),
        ("40299", ["excel"], "2010-05-01"),
        ("40299.75", ["excel"], "2010-05-01"),
        ("61", ["excel"], "1900-03-01"),
        ("38837", ["excel-1904"], "2010-05-01"),
        ("2010-05-01T12:30:15.250Z", ["%Y-%m-%d"], "2010-05-01"),
        ("01.05.2010 9:05", ["%d.%m.%Y"], "2010-05-01"),
    ],
)
def test_common_styles(text, formats, day):
    assert window(text, formats) == (day, day, BY_DAY)


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("1 foo 2010", ["%d %b %Y"]),
        ("60", ["excel"]),  # the 29 February 1900 that never was
        ("0", ["excel-1904"]),
        ("-5", ["excel"]),
        ("31 июня 2010", ["%d %b %Y"]),
    ],
)
def test_texts_that_are_no_date_of_the_style(text, formats):
    assert window(text, formats) == UNREADABLE


@pytest.mark.parametrize(
    ("year", "pivot", "full"), [("24", 2024, 2024), ("25", 2024, 1925), ("00", 2024, 2000)]
)
def test_two_digit_years_need_a_pivot(year, pivot, full):
    windows = parse_dates([f"01.02.{year}"], ["%d.%m.%y"], pivot=pivot)
    assert as_date(int(windows.first[0])) == dt.date(full, 2, 1)
    with pytest.raises(LayoutError, match="pivot"):
        parse_dates(["01.02.24"], ["%d.%m.%y"])


STYLES = ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "%Y%d%m", "%d %b %Y", "%b %d, %Y"]


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31)), st.sampled_from(STYLES))
def test_a_date_written_in_a_style_is_read_in_it(date, style):
    # strftime writes no names in the C locale but English ones, and %b is the short name.
    windows = parse_dates([date.strftime(style)], [style])
    assert as_date(int(windows.first[0])) == as_date(int(windows.last[0])) == date


@given(st.dates(dt.date(1900, 3, 1), dt.date(2100, 12, 31)))
def test_serial_days_count_from_their_origin(date):
    serial = (date - dt.date(1899, 12, 30)).days
    assert as_date(int(parse_dates([str(serial)], ["excel"]).first[0])) == date
    assert as_date(int(parse_dates([str(serial - 1462)], ["excel-1904"]).first[0])) == date or serial <= 1462


@given(st.text(max_size=20), st.sampled_from([*STYLES, "excel", "%Y"]))
def test_any_text_is_read_missing_or_unreadable(text, style):
    assert parse_dates([text], [style]).status[0] in {0, 1, 2}
