"""Placing of dates and follow-up, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from childsurv.extract.dates import as_date, as_day, parse_dates
from childsurv.extract.findings import Found
from childsurv.extract.timing import days_of_months, follow, place_dates
from childsurv.extract.values import StatedDates, StatedFollowUp

FORMATS = ["%Y-%m-%d", "%Y-%m", "%Y"]


def placed(birth, diagnosis, contact, *, age=np.nan, survival=np.nan, months=None, closing="2020-12-31"):
    found = Found(np.array([1]))
    windows = [None if text is None else parse_dates([text], FORMATS) for text in (birth, diagnosis, contact)]
    stated = StatedDates(
        *windows,
        age=np.array([age]),
        survival=np.array([survival]),
        months=None if months is None else np.array([months]),
    )
    result = place_dates(stated, closing=np.array([as_day(closing)]), found=found)
    days = [int(values[0]) for values in (result.birth, result.diagnosis, result.contact)]
    return (
        [as_date(day).isoformat() if abs(day) < 10**6 else "" for day in days],
        int(result.age[0]),
        set(found.masks),
    )


@pytest.mark.parametrize(
    ("given", "options", "dates", "age"),
    [
        # Nothing to place.
        (("2010-03-01", "2012-05-01", "2015-05-01"), {}, ["2010-03-01", "2012-05-01", "2015-05-01"], 2),
        # May has 31 days: the midpoint is the 16th; a birth on the 20th leaves 20 to 31.
        (("2010-03-01", "2012-05", "2015-05-01"), {}, ["2010-03-01", "2012-05-16", "2015-05-01"], 2),
        (("2012-05-20", "2012-05", "2015-05-01"), {}, ["2012-05-20", "2012-05-25", "2015-05-01"], 0),
        # Death on the 7th leaves 1 to 7 for diagnosis.
        (("2010-03-01", "2012-05", "2012-05-07"), {}, ["2010-03-01", "2012-05-04", "2012-05-07"], 2),
        # Diagnosis in the year of closing: January to 31 March.
        (
            ("2010-03-01", "2012", "2012"),
            {"closing": "2012-03-31"},
            ["2010-03-01", "2012-02-15", "2012-03-08"],
            1,
        ),
        # 60 days of survival ending in June put diagnosis between 2 April and 1 May, in May only the 1st.
        (("2010-03", "2012-05", "2012-06"), {"survival": 60}, ["2010-03-16", "2012-05-01", "2012-06-30"], 2),
        # Birth and diagnosis in one month a year apart: the stated age decides the side of the birthday.
        (("2010-05", "2012-05", "2015-05-01"), {"age": 1}, ["2010-05-24", "2012-05-16", "2015-05-01"], 1),
        (("2010-05", "2012-05", "2015-05-01"), {"age": 2}, ["2010-05-08", "2012-05-16", "2015-05-01"], 2),
        # Birth from the age alone: 2009-05-02 to 2010-05-01, the midpoint of 365 days.
        ((None, "2012-05-01", "2015-05-01"), {"age": 2}, ["2009-10-31", "2012-05-01", "2015-05-01"], 2),
        # Death in the month of diagnosis: from the placed day to the end of the month.
        (("2010-03-01", "2012-05-11", "2012-05"), {}, ["2010-03-01", "2012-05-11", "2012-05-21"], 2),
        (("2010-03-01", "2012-05-11", None), {"survival": 20}, ["2010-03-01", "2012-05-11", "2012-05-31"], 2),
    ],
)
def test_dates_by_hand(given, options, dates, age):
    result, years, _ = placed(*given, **options)
    assert result == dates
    assert years == age


@pytest.mark.parametrize(
    ("given", "options", "codes"),
    [
        (("2010-03-01", "2012-05-01", "2015-05-01"), {"age": 2}, set()),
        (("2010-03-01", "2012-05-01", "2015-05-01"), {"age": 3}, {"age-contradicts-dates"}),
        (("2010-05-02", "2012-05-01", "2015-05-01"), {"age": 2}, {"age-contradicts-dates"}),
        (("2010-05", "2012-05", "2015-05-01"), {"age": 3}, {"age-contradicts-dates", "dates-placed"}),
        (("2010", "2012", "2015-05-01"), {"age": 1}, {"dates-placed"}),
        (("2013-03-01", "2012-05-01", "2015-05-01"), {}, {"diagnosis-before-birth"}),
        (("2010-03-01", "2012-05-01", "2012-04-30"), {}, {"last-contact-before-diagnosis"}),
        (("2010-03-01", "2012-05-01", "2012-05-31"), {"survival": 30}, set()),
        (("2010-03-01", "2012-05-01", "2012-05-31"), {"survival": 29}, {"survival-time-contradicts-dates"}),
        (
            ("2010-03", "2012-05", "2012-06"),
            {"survival": 62},
            {"survival-time-contradicts-dates", "dates-placed"},
        ),
        (("", "2012-05-01", "2012-05-31"), {}, {"birth-date-missing"}),
        (("2010-03-01", "", "2012-05-31"), {}, {"diagnosis-date-missing"}),
        (("2010-03-01", "2012-05-01", ""), {}, {"last-contact-date-missing"}),
        (("", "2012-05-01", "2012-05-31"), {"age": 4.5}, {"birth-placed-by-age"}),
    ],
)
def test_contradictions_by_hand(given, options, codes):
    if "survival-time-contradicts-dates" in codes and given[2] == "2012-06":
        # 62 days end by 30 June only from a diagnosis before 1 May.
        assert as_date(as_day("2012-06-30") - 62) < as_date(as_day("2012-05-01"))
    assert placed(*given, **options)[2] == codes


def followed(contact, *, dead, closing="2020-12-31", **stated):
    found = Found(np.array([1]))
    windows = [parse_dates([text], FORMATS) for text in ("2010-03-01", "2012-05-01", contact)]
    none = np.array([np.nan])
    limit = np.array([as_day(closing)])
    dates = place_dates(StatedDates(*windows, age=none, survival=none), closing=limit, found=found)
    numbers = {
        name: None if name not in stated else (np.array([float(stated[name])]), np.array([False]))
        for name in ("entry", "time")
    }
    event = None if "event" not in stated else np.array([stated["event"]], dtype=np.int8)
    result = follow(
        dates, np.array([dead]), StatedFollowUp(event=event, **numbers), closing=limit, found=found
    )
    return (
        int(result.entry[0]),
        int(result.time[0]),
        int(result.event[0]),
        bool(result.dead[0]),
        set(found.masks),
    )


@pytest.mark.parametrize(
    ("contact", "options", "expected"),
    [
        ("2012-05-31", {"dead": True}, (0, 30, 1, True, set())),
        ("2012-05-31", {"dead": False}, (0, 30, 0, False, set())),
        ("2012-05-01", {"dead": True}, (0, 0, 1, True, set())),
        # On the closing date itself nothing is cut.
        ("2012-05-31", {"dead": True, "closing": "2012-05-31"}, (0, 30, 1, True, set())),
        ("2012-05-31", {"dead": True, "closing": "2012-05-30"}, (0, 29, 0, False, {"contact-after-closing"})),
        (
            "2012-05-31",
            {"dead": False, "closing": "2012-04-30"},
            (0, -1, 0, False, {"diagnosis-after-closing"}),
        ),
        # A cohort that was narrowed to a window before it was written.
        ("2012-05-31", {"dead": True, "entry": 5, "time": 20, "event": 0}, (5, 20, 0, True, set())),
        ("2012-05-31", {"dead": False, "event": 1}, (0, 30, 1, False, {"follow-up-contradicts-dates"})),
        ("2012-05-31", {"dead": True, "time": 31}, (0, 31, 1, True, {"follow-up-contradicts-dates"})),
        ("2012-05-31", {"dead": True, "entry": 30}, (30, 30, 1, True, {"follow-up-contradicts-dates"})),
        (
            "2012-05-31",
            {"dead": True, "entry": 10, "closing": "2012-05-11"},
            (10, 10, 0, False, {"contact-after-closing", "no-follow-up-before-closing"}),
        ),
    ],
)
def test_follow_up_by_hand(contact, options, expected):
    assert followed(contact, **options) == expected


@pytest.mark.parametrize(
    ("given", "options", "contact", "codes"),
    [
        # 12 completed months of 30.4367 days are 366 to 395 days: 2013-05-02 to 2013-05-31, the midpoint.
        (("2010-03-01", "2012-05-01", None), {"months": 12.0}, "2013-05-16", set()),
        # A month of last contact narrows the window from above.
        (("2010-03-01", "2012-05-15", "2013-05"), {"months": 12.0}, "2013-05-23", {"dates-placed"}),
        # An exact date within the window is kept.
        (("2010-03-01", "2012-05-01", "2013-05-20"), {"months": 12.0}, "2013-05-20", set()),
        # The closing date cuts the window.
        (("2010-03-01", "2012-05-01", None), {"months": 12.0, "closing": "2013-05-06"}, "2013-05-04", set()),
        # Zero months are the day of diagnosis to 30 days later.
        (("2010-03-01", "2012-05-01", None), {"months": 0.0}, "2012-05-16", set()),
        # Days are exact, and must agree with the months.
        (("2010-03-01", "2012-05-01", None), {"months": 12.0, "survival": 370}, "2013-05-06", set()),
        (
            ("2010-03-01", "2012-05-01", None),
            {"months": 12.0, "survival": 400},
            "2013-06-05",
            {"survival-time-contradicts-dates"},
        ),
        (
            ("2010-03-01", "2012-05-01", "2016-05-20"),
            {"months": 12.0},
            "2016-05-20",
            {"survival-time-contradicts-dates"},
        ),
        # A code for unknown, or 27 years: only a date can tell.
        (
            ("1980-03-01", "1985-05-01", None),
            {"survival": 9999},
            "2012-09-15",
            {"survival-time-looks-like-a-code"},
        ),
        (("1980-03-01", "1985-05-01", "2012-09-15"), {"survival": 9999}, "2012-09-15", set()),
        (("1980-03-01", "1985-05-01", None), {"survival": 9998}, "2012-09-14", set()),
    ],
)
def test_months_and_suspect_days(given, options, contact, codes):
    dates, _, found = placed(*given, **options)
    assert dates[2] == contact
    assert found == codes


def test_months_are_completed_months_of_seer():
    months = np.arange(0, 400, dtype=float)
    fewest, most = days_of_months(months)
    assert (np.floor(fewest / (365.24 / 12)) == months).all()
    assert (np.floor(most / (365.24 / 12)) == months).all()
    assert (fewest[1:] == most[:-1] + 1).all()


@pytest.mark.parametrize(
    ("given", "options", "precisions"),
    [
        (("2010-03-01", "2012-05-01", "2013-05-01"), {}, (0, 0, 0)),
        (("2010-03", "2012-05", "2013"), {}, (1, 1, 2)),
        ((None, "2012", "2013-05"), {"age": 2}, (2, 2, 1)),
        (("2010-03", "2012-05-01", None), {"survival": 30}, (1, 0, 0)),
        (("2010-03", "2012-05-01", None), {"months": 3.0}, (1, 0, 1)),
        (("2010-03", "2012-05-01", "2012"), {"months": 3.0}, (1, 0, 1)),
    ],
)
def test_precisions_are_kept(given, options, precisions):
    options = {"age": np.nan, "survival": np.nan, "months": np.nan} | options
    windows = [None if text is None else parse_dates([text], FORMATS) for text in given]
    arrays = {name: np.array([float(value)]) for name, value in options.items()}
    result = place_dates(
        StatedDates(*windows, **arrays), closing=as_day("2020-12-31"), found=Found(np.array([1]))
    )
    found = (result.birth_precision, result.precision, result.contact_precision)
    assert tuple(int(values[0]) for values in found) == precisions
