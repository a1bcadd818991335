"""Keys of headers and codes."""

from __future__ import annotations

import pytest

from childsurv.extract.layout import text_key


@pytest.mark.parametrize(
    ("one", "other"),
    [("Sex", " SEX "), ("Учтён  по", "учтен по"), ("ІІІ", "III"), ("М", "M"), ("жён", "ЖЕН")],
)
def test_spellings_of_one_thing_share_a_key(one, other):
    assert text_key(one) == text_key(other)


@pytest.mark.parametrize(("one", "other"), [("муж", "жен"), ("1", "2"), ("Age", "Ages")])
def test_different_things_do_not(one, other):
    assert text_key(one) != text_key(other)
