"""Numbers follow the language, in one style for pictures, tables and texts."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from childsurv.words.catalogue import count_text, numbers_of, p_value_text, percent_text
from childsurv.words.numbers import PLURALS

EN, RU = numbers_of("en"), numbers_of("ru")


def test_per_cent_has_one_decimal_in_the_language_of_the_report() -> None:
    assert EN.percent(0.91649) == "91.6"
    assert EN.percent(0.91649, sign=True) == "91.6%"
    assert RU.percent(0.91649, sign=True) == "91,6\u00a0%"
    assert EN.percent_range(0.9, 0.925) == "90.0–92.5"
    assert EN.percent(np.nan) == "–"
    assert EN.percent_range(np.nan, 0.9) == ""


def test_per_cent_is_whole_in_pictures() -> None:
    assert percent_text(0.784, "en") == "78%"
    assert percent_text(0.784, "ru") == "78\u00a0%"
    assert percent_text(0.7846, "ru", digits=1, sign=False) == "78,5"


def test_thousands_are_parted_alike_in_pictures_and_tables() -> None:
    assert EN.count(1234567) == count_text(1234567, "en") == "1,234,567"
    assert RU.count(1234567) == count_text(1234567, "ru") == "1\u00a0234\u00a0567"
    assert RU.count(1234.56) == count_text(1234.56, "ru") == "1\u00a0234,6"
    assert EN.decimal(1234.567, 2) == "1,234.57"
    assert EN.count(-7) == "−7"
    assert EN.count(None) == EN.count(float("nan")) == count_text(float("nan"), "en") == "–"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0004, "<0.001"),
        (0.001, "0.001"),
        (0.0312, "0.031"),
        (0.0492, "0.049"),
        (0.0994, "0.099"),
        (0.0996, "0.10"),
        (0.0999, "0.10"),
        (0.5, "0.50"),
        (1.0, "1.00"),
        (np.nan, ""),
    ],
)
def test_p_values(value: float, written: str) -> None:
    assert EN.p_value(value) == p_value_text(value, "en") == written
    assert RU.p_value(value) == p_value_text(value, "ru") == written.replace(".", ",")


@pytest.mark.parametrize(("value", "written"), [(0.754, "0.75"), (12.34, "12.3"), (1234.0, "1,234")])
def test_ratios_keep_three_figures(value: float, written: str) -> None:
    assert EN.ratio(value) == written
    assert RU.ratio(0.754) == "0,75"


@pytest.mark.parametrize(
    ("share", "written"), [(0.95, "95%"), (0.9, "90%"), (0.975, "97.5%"), (0.999, "99.9%"), (0.57, "57%")]
)
def test_confidence_levels_have_a_decimal_where_they_need_one(share: float, written: str) -> None:
    assert EN.level(share) == written


def test_numbers_without_needless_decimals() -> None:
    assert EN.significant(5.0) == "5"
    assert RU.significant(2.5) == "2,5"
    assert EN.significant(-0.12345, 3) == "−0.123"
    assert EN.significant(0.00001, 3) == "1e−05"


def test_dates() -> None:
    day = dt.date(2020, 12, 3)
    assert EN.date(day) == "3\u00a0December\u00a02020"
    assert RU.date(day) == "03.12.2020"


def test_plural_forms() -> None:
    english, russian = PLURALS["one-other"].chosen, PLURALS["one-few-many"].chosen
    assert [english(number) for number in (0, 1, 2, 21, 1.5)] == [1, 0, 1, 1, 1]
    assert [number for number in range(130) if russian(number) == 0] == [
        1,
        21,
        31,
        41,
        51,
        61,
        71,
        81,
        91,
        101,
        121,
    ]
    few = [number for number in range(126) if russian(number) == 1]
    assert few[:6] == [2, 3, 4, 22, 23, 24]
    assert few[-6:] == [102, 103, 104, 122, 123, 124]
    assert [russian(number) for number in (0, 5, 11, 12, 14, 25, 112)] == [2] * 7
    assert russian(0.5) == russian(1.5) == russian(21.5) == 1
