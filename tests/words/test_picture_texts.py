"""Words exist in both languages and numbers follow the language."""

from __future__ import annotations

import string

import pytest

from childsurv.errors import OptionError
from childsurv.words.picture_texts import TEXTS, count_text, p_value_text, percent_text, text, year_text


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_fill_the_same_places(key: str) -> None:
    places = [{field for _, field, _, _ in string.Formatter().parse(words) if field} for words in TEXTS[key]]
    assert places[0] == places[1]
    assert all(words.strip() for words in TEXTS[key])


def test_numbers_follow_the_language() -> None:
    assert count_text(12345, "en") == "12,345"
    assert count_text(12345, "ru") == "12\u00a0345"
    assert count_text(1234.56, "ru") == "1\u00a0234,6"
    assert count_text(float("nan"), "en") == "–"
    assert percent_text(0.784, "en") == "78%"
    assert percent_text(0.784, "ru") == "78\u00a0%"
    assert percent_text(0.7846, "ru", digits=1, sign=False) == "78,5"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0004, "<0.001"),
        (0.001, "0.001"),
        (0.0492, "0.049"),
        (0.0994, "0.099"),
        (0.0999, "0.10"),
        (1.0, "1.00"),
    ],
)
def test_p_values(value: float, expected: str) -> None:
    assert p_value_text(value, "en") == expected
    assert p_value_text(value, "ru") == expected.replace(".", ",")


def test_years_agree_with_their_noun() -> None:
    assert year_text(5, "Net survival", "en") == "5-year net survival"
    assert [year_text(years, "Выживаемость", "ru").split()[-1] for years in (1, 3, 5)] == [
        "год",
        "года",
        "лет",
    ]


def test_an_unknown_language_is_told() -> None:
    with pytest.raises(OptionError, match="'en', 'ru'"):
        text("survival", "de")
