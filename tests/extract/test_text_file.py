"""Encodings: what is declared is respected, and what is wrong is named with its remedy."""

from __future__ import annotations

import codecs

import pytest

from childsurv.errors import LayoutError, OptionError
from childsurv.extract.text_file import likely_encoding, to_utf8

TEXT = "Пол;Состояние\nмуж;жив\nжен;умерла\n"


def convert(data, *encodings, given=False):
    return to_utf8(data, encodings, name="file.csv", given=given)


def test_first_encoding_that_fits_is_used():
    assert convert(TEXT.encode("cp1251"), "utf-8", "cp1251") == (TEXT.encode(), "cp1251")
    assert convert(TEXT.encode(), "utf-8", "cp1251") == (TEXT.encode(), "utf-8")
    assert convert(codecs.BOM_UTF8 + TEXT.encode(), "utf-8") == (TEXT.encode(), "utf-8")
    assert convert(TEXT.encode("utf-16"), "utf-16") == (TEXT.encode(), "utf-16")
    assert convert(b"plain", "cp1251") == (b"plain", "cp1251")


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp866"])
def test_wrong_encoding_names_the_likely_one(encoding):
    with pytest.raises(LayoutError, match=rf"encoding='{encoding}'") as error:
        convert(TEXT.encode(encoding), "utf-8", given=True)
    assert "умерла" not in str(error.value)


def test_utf8_read_as_cp1251_is_refused():
    text = TEXT.replace("И", "и")
    with pytest.raises(
        LayoutError,
        match=(
            r"^file\.csv was to be read as cp1251, but all of it is valid UTF-8, which text in cp1251 "
            r"practically never is; letters would be garbled\. Use encoding='utf-8'\.$"
        ),
    ):
        convert(text.encode(), "cp1251", given=True)


@pytest.mark.parametrize("marked", ["utf-8-sig", "utf-16"])
def test_byte_order_mark_against_another_encoding_is_refused(marked):
    with pytest.raises(LayoutError, match="byte order mark"):
        convert(TEXT.encode(marked), "cp1251")


def test_unknown_encoding_is_an_option_error():
    with pytest.raises(
        OptionError,
        match=(
            "^encoding='cp9999' is not an encoding that Python knows; examples are 'utf-8', 'cp1251', "
            r"'koi8-r'\.$"
        ),
    ):
        convert(b"a", "cp9999")


def test_headers_decide_between_readings():
    latin = "Sex;Status\n1;2\n".encode("cp1251")
    assert likely_encoding(latin) == "utf-8"
    assert likely_encoding(TEXT.encode("koi8-r"), lambda line: line.count("Пол")) == "koi8-r"
