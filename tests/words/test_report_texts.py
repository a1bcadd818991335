"""Both languages say the same things with the same values filled in."""

from __future__ import annotations

import re
import string

import pytest

from childsurv.errors import OptionError
from childsurv.extract.rules import rules
from childsurv.words.report_texts import texts_of

EN, RU = texts_of("en"), texts_of("ru")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts() -> None:
    own = ("rule.", "value.")  # where English has none, the words of the rule or value itself stand
    english = {key for key in EN.words if not key.startswith(own)}
    russian = {key for key in RU.words if not key.startswith(own)}
    assert english == russian


def test_both_languages_fill_in_the_same_values() -> None:
    # "5-year survival" has the number only, where Russian needs the noun in its form.
    same = {"span": "years"}
    for key in set(EN.words) & set(RU.words):
        first, second = ({same.get(name, name) for name in fields(texts.words[key])} for texts in (EN, RU))
        assert first == second, key


def test_every_rule_of_the_checks_has_russian_words() -> None:
    assert set(rules()) <= set(RU.mapping("rule"))


def test_russian_is_russian() -> None:
    for key, text in RU.words.items():
        if key.split(".")[0] in {"section", "caption", "note", "reading", "small", "rule", "page", "summary"}:
            assert re.search("[а-яё]", text), key


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(OptionError, match="'en', 'ru'"):
        texts_of("de")
