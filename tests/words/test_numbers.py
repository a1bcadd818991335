from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from childsurv.reporting.pictures import span_text
from childsurv.words.numbers import Numbers
from childsurv.words.report_texts import texts_of

EN, RU = Numbers("en"), Numbers("ru")


def test_per_cent_has_one_decimal_in_the_language_of_the_report() -> None:
    assert EN.percent(0.91649) == "91.6"
    assert EN.percent(0.91649, sign=True) == "91.6%"
    assert RU.percent(0.91649, sign=True) == "91,6\u00a0%"
    assert EN.percent_range(0.9, 0.925) == "90.0–92.5"
    assert EN.percent(np.nan) == "–"
    assert EN.percent_range(np.nan, 0.9) == ""


def test_thousands_are_parted_by_thin_spaces() -> None:
    assert EN.count(1234567) == "1\u202f234\u202f567"
    assert EN.count(-7) == "−7"
    assert EN.count(None) == "–"


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0004, "<0.001"), (0.0312, "0.031"), (0.0996, "0.10"), (0.5, "0.50"), (np.nan, "")],
)
def test_p_values(value: float, written: str) -> None:
    assert EN.p_value(value) == written


@pytest.mark.parametrize(("value", "written"), [(0.754, "0.75"), (12.34, "12.3"), (1234.0, "1\u202f234")])
def test_ratios_keep_three_figures(value: float, written: str) -> None:
    assert EN.ratio(value) == written
    assert RU.ratio(0.754) == "0,75"


def test_dates() -> None:
    day = dt.date(2020, 12, 3)
    assert EN.date(day) == "3\u00a0December\u00a02020"
    assert RU.date(day) == "03.12.2020"


@pytest.mark.parametrize(
    ("years", "english", "russian"),
    [
        (1, "1 year", "1 год"),
        (3, "3 years", "3 года"),
        (5, "5 years", "5 лет"),
        (2.5, "2.5 years", "2,5 года"),
        (11, "11 years", "11 лет"),
        (21, "21 years", "21 год"),
    ],
)
def test_years_have_the_right_noun(years: float, english: str, russian: str) -> None:
    assert span_text(years, texts_of("en")) == english
    assert span_text(years, texts_of("ru")) == russian
