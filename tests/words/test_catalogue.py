"""Every language says the same things with the same values filled in, and users may add one."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from childsurv.errors import OptionError
from childsurv.extract.rules import rules
from childsurv.words import catalogue
from childsurv.words.catalogue import (
    BUILT_IN,
    add_language,
    faults,
    hidden_note,
    languages,
    level_text,
    picture_text,
    span_text,
    text,
    texts_of,
    value_text,
    year_text,
)

RUSSIAN = resources.files("childsurv.words").joinpath("ru.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def only_built_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the languages that a test adds."""
    monkeypatch.setattr(catalogue, "_ADDED", {})
    yield
    catalogue._texts.cache_clear()


@pytest.mark.parametrize("language", BUILT_IN)
def test_languages_have_the_same_keys_and_fill_in_the_same_values(language: str) -> None:
    assert faults(catalogue._entries(language)) == []


@pytest.mark.parametrize("language", BUILT_IN)
def test_lines_of_the_same_keys_stand_in_the_same_order(language: str) -> None:
    own = [
        key
        for key in catalogue._entries(language)
        if not key.startswith((*catalogue.FREE, *catalogue.SHARED))
    ]
    model = [key for key in catalogue._entries("en") if key in set(own)]
    assert own == model


def test_every_rule_of_the_checks_has_russian_words() -> None:
    assert set(rules()) <= set(texts_of("ru").mapping("rule"))


def test_russian_is_russian() -> None:
    written = {"section", "caption", "note", "reading", "small", "rule", "page", "summary"}
    for key, words in texts_of("ru").entries.items():
        if key.split(".")[0] in written:
            assert isinstance(words, str)
            assert re.search("[а-яё]", words), key


def test_an_unknown_language_is_refused() -> None:
    message = r"^language='de' is not a choice; use one of 'en', 'ru'\.$"
    with pytest.raises(OptionError, match=message):
        texts_of("de")
    with pytest.raises(OptionError, match=message):
        picture_text("survival", "de")


def test_years_agree_with_their_noun_in_pictures() -> None:
    assert year_text(5, "Net survival", "en") == "5-year net survival"
    written = [year_text(years, "Выживаемость", "ru") for years in (0.5, 1, 1.5, 3, 5, 11, 21, 22)]
    assert written == [
        "Выживаемость, 0,5 года",
        "Выживаемость, 1 год",
        "Выживаемость, 1,5 года",
        "Выживаемость, 3 года",
        "Выживаемость, 5 лет",
        "Выживаемость, 11 лет",
        "Выживаемость, 21 год",
        "Выживаемость, 22 года",
    ]


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
    assert span_text(years, "en") == english
    assert span_text(years, "ru") == russian


def test_rules_and_extracts_agree_with_their_numbers() -> None:
    english, russian = (texts_of(language, "command_line") for language in ("en", "ru"))
    assert english.counted("read", 1, extracts="1", counts="…") == "Read 1 extract: …"
    assert english.counted("read", 13, extracts="13", counts="…") == "Read 13 extracts: …"
    assert [
        russian.counted("read", number, extracts=number, counts="").split()[0] for number in (1, 2, 13, 21)
    ] == [
        "Прочитана",
        "Прочитаны",
        "Прочитано",
        "Прочитана",
    ]


def test_values_of_an_axis_and_notes_on_groups() -> None:
    assert value_text(0.25, "ru", percent=True) == "25\u00a0%"
    assert value_text(0.0123456, "ru", percent=False) == "0,0123"
    assert value_text(-0.5, "en", percent=False) == "−0.5"
    assert level_text(0.975, "ru") == "97,5\u00a0%"
    assert hidden_note(0, 12, 5, "en") == ""
    assert hidden_note(3, 12, 5, "en") == "Groups not shown, with fewer than 5 patients: 3 of 12."


def test_values_can_be_filled_in_once_for_all_texts() -> None:
    texts = texts_of("en").with_values(minimum=7)
    assert texts("note.by_country_hidden").startswith("·: fewer than 7 rows")
    assert texts("note.by_country_hidden", minimum=9).startswith("·: fewer than 9 rows")
    assert texts("section.summary") == texts.sentence("section.summary") == "Summary"
    assert texts.optional("rule.none-such") is None


def test_a_language_of_the_user_is_a_file(tmp_path: Path) -> None:
    own = tmp_path / "be.toml"
    own.write_text(RUSSIAN.replace('summary = "Главное"', 'summary = "Галоўнае"'), encoding="utf-8")
    assert add_language(own) == "be"
    assert languages() == ("en", "ru", "be")
    assert text("report.section.summary", "be") == "Галоўнае"
    assert text("report.section.flow", "be") == text("report.section.flow", "ru")
    assert text("report.references.cox", "be") == text("report.references.cox", "en")
    assert span_text(21, "be") == "21 год"
    own.write_text(RUSSIAN, encoding="utf-8")
    add_language(own)
    assert text("report.section.summary", "be") == "Главное"


def test_all_faults_of_a_language_are_named(tmp_path: Path) -> None:
    own = tmp_path / "xx.toml"
    broken = (
        RUSSIAN.replace('contents = "Содержание"\n', "")
        .replace('skip = "Перейти', 'behind = "Перейти')
        .replace("«", "{")
        .replace('total = "Пациенты"', 'total = ""')
        .replace("под наблюдением меньше {number}", "под наблюдением мало")
        .replace(
            'years = ["{years} год", "{years} года", "{years} лет"]',
            'years = ["{years} год", "{years} года"]',
        )
        .replace('детей: {patients}"', 'детей: {patients}"]')
        .replace('simulating = "', 'simulating = ["')
        .replace('date = "{day:02d}.', 'date = "')
    )
    own.write_text(broken, encoding="utf-8")
    with pytest.raises(OptionError) as caught:
        add_language(own)
    message = str(caught.value)
    assert message.startswith("xx.toml does not fit the words of en.toml: ")
    for part in (
        "without the keys report.page.contents, report.page.skip",
        "with the unknown keys report.page.behind",
        "numbers.years is to be an array of 3 forms",
        "numbers.date fills in {day}, {month} or {month_name}, {year}",
        "command_line.simulating is to be one text",
        "pictures.total is empty",
        "pictures.reason_at_risk fills in nothing, not {number}",
        "report.note.tests has braces that do not close",
    ):
        assert part in message
    assert languages() == BUILT_IN


def test_forms_are_those_of_the_rule_of_the_language(tmp_path: Path) -> None:
    own = tmp_path / "xx.toml"
    own.write_text(RUSSIAN.replace('plural = "one-few-many"', 'plural = "some"'), encoding="utf-8")
    with pytest.raises(
        OptionError,
        match=r"^xx\.toml does not fit the words of en\.toml: numbers\.plural is to be one of one-other, "
        r"one-few-many\.$",
    ):
        add_language(own)
    own.write_text(RUSSIAN.replace('plural = "one-few-many"', 'plural = "one-other"'), encoding="utf-8")
    with pytest.raises(OptionError, match=r"command_line\.read has 3 forms, not 2"):
        add_language(own)


def test_files_that_are_no_language_are_refused(tmp_path: Path) -> None:
    own = tmp_path / "xx.toml"
    own.write_text("[pictures", encoding="utf-8")
    with pytest.raises(OptionError, match=r"^xx\.toml is not TOML in UTF-8: "):
        add_language(own)
    own.write_bytes("[pictures]\nall = 'Все'".encode("cp1251"))
    with pytest.raises(OptionError, match=r"^xx\.toml is not TOML in UTF-8: "):
        add_language(own)
    with pytest.raises(
        OptionError, match=r"^ru\.toml: the language 'ru' is built in; give the file another name\.$"
    ):
        add_language(tmp_path / "ru.toml")


def test_importing_the_package_reads_no_words() -> None:
    code = "import childsurv; from childsurv.words import catalogue as one; print(one._entries.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
