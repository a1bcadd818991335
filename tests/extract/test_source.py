"""Reading text and tables: no row lost, no value shifted, damaged files named."""

from __future__ import annotations

import datetime as dt
import hashlib

import numpy as np
import pandas as pd
import polars as pl
import pytest

from childsurv.errors import ChildsurvError, DataError, LayoutError, OptionError
from childsurv.extract.dates import NO_DAY, as_day
from childsurv.extract.layout import FileForm
from childsurv.extract.source import read_source


def read(source, *, wanted=("a", "c"), form=None, encoding=None):
    def choose(headers, suggest):
        return [header for header in headers if header in wanted]

    return read_source(source, form or FileForm(), encoding=encoding, choose=choose, fits=lambda line: 0)


def test_text_keeps_every_record_with_its_line(put):
    path = put("a,b,c\n1,x,3\n\n 4 ,y,\n5,z\n6,w,7,8\n7,v,9,\n")
    raw = read(path)
    assert raw.frame["a"].tolist() == ["1", " 4 ", "5", "6", "7"]
    assert raw.row_number.tolist() == [2, 4, 5, 6, 7]
    # Line 5 is short and lines 6 and 7 long, though 7 may only end with a separator too many.
    assert raw.wrong_length.tolist() == [False, False, True, True, True]
    assert raw.blank_lines == 1
    assert raw.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    # What stands in a record of the wrong length may belong elsewhere, and is read as nothing.
    coded = raw.coded("a")
    assert [coded.texts[code] for code in coded.codes] == ["1", "4", "", "", ""]


def test_a_separator_at_the_end_of_every_record_is_no_field(put):
    raw = read(put("a,b,c\n1,2,3,\n\n4,5,6,\n7,8,9,x\n"))
    assert raw.wrong_length.tolist() == [False, False, True]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_of_every_system(put, end, last):
    text = end.join(["a,b,c", "1,2,3", '"x,y",5,"6"']) + (end if last else "")
    raw = read(put(text))
    assert raw.frame.to_numpy().tolist() == [["1", "3"], ["x,y", "6"]]
    assert not raw.wrong_length.any()


def test_quoted_line_ends_and_quotes_inside_fields(put):
    raw = read(put('a,b,c\n"one\ntwo",2,3\n4,5" cut,6\n7,8\n'))
    assert raw.frame["c"].tolist() == ["3", "6", ""]
    assert raw.wrong_length.tolist() == [False, False, True]
    plain = read(put('a,b,c\n"1,2,3\n4,5,6"\n'), form=FileForm(quote=""))
    assert plain.frame["a"].tolist() == ['"1', "4"]


def test_blocks_do_not_change_the_counts(put, monkeypatch):
    text = "a,b,c\n" + "".join(f'"{place},{place}",y,{"z" * (place % 7)}\n' for place in range(200)) + "1,2\n"
    monkeypatch.setattr("childsurv.extract.text_file.BLOCK_BYTES", 13)
    raw = read(put(text))
    assert raw.wrong_length.tolist() == [False] * 200 + [True]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"a,b,c\n", "no records"),
        (b"\na,b,c\n1,2,3\n", "first line"),
        (b"a,b,c\n1,2\x00,3\n", "zero bytes"),
        (b'a,b,c\n1,2,3\n"secret,2,3\n', "line 3"),
    ],
)
def test_damaged_text_is_named(put, content, message):
    with pytest.raises(DataError, match=message) as error:
        read(put(content))
    assert "secret" not in str(error.value)


def test_other_formats_get_a_remedy(put, tmp_path):
    for name, content, message in (
        ("book.xlsx", b"PK\x03\x04...", "damaged"),
        ("book.csv", b"PK\x03\x04...", "damaged"),
        ("book.xlsx", b"a,b,c\n1,2,3\n", r"Rename it to \.csv"),
        ("a.parquet", b"a,b,c\n1,2,3\n", r"Rename it to \.csv"),
        ("a.parquet", b"PAR1", "not an Apache Parquet file"),
        ("a.feather", b"ARROW1", "not an Arrow file"),
        ("a.sav", b"$FL2", "cannot be read"),
        ("a.dta", b"a,b,c\n1,2,3\n", "cannot be read"),
        ("a.txt", b"$FL2", "does not end in"),
        ("a.csv.gz", b"\x1f\x8b0", "cannot be unpacked"),
        ("a.json", b"{}", "JSON"),
    ):
        with pytest.raises(ChildsurvError, match=message):
            read(put(content, name=name))
    with pytest.raises(OptionError, match="no file"):
        read(tmp_path / "absent.csv")


def test_encoding_given_or_tried(put):
    path = put("a,b,c\nжив,2,3\n", encoding="cp1251")
    with pytest.raises(
        LayoutError,
        match=(
            r"^extract\.csv cannot be read with the layout's encodings: utf-8 \(fails at byte 7\)\. The "
            r"bytes look like cp1251: use encoding='cp1251'\.$"
        ),
    ):
        read(path)
    assert read(path, encoding="cp1251").frame["a"].tolist() == ["жив"]
    tried = read(path, form=FileForm(encodings=("utf-8", "cp1251")))
    assert tried.encoding == "cp1251"


def test_tables_of_every_library_read_alike(tmp_path):
    table = {"a": [1, None, 3], "b": ["x", "y", "z"], "c": [dt.date(2010, 1, 2), None, dt.date(1960, 5, 6)]}
    frame = pd.DataFrame(table)
    stored = pd.DataFrame(table).assign(c=pd.to_datetime(frame["c"]))
    path = tmp_path / "table.parquet"
    stored.to_parquet(path)
    days = [as_day("2010-01-02"), NO_DAY, as_day("1960-05-06")]
    for source in (
        frame,
        stored,
        pl.DataFrame(table),
        pl.DataFrame(table).lazy(),
        pl.DataFrame(table).to_arrow(),
        path,
    ):
        raw = read(source)
        coded = raw.coded("a")
        assert [coded.texts[code] for code in coded.codes] == ["1", "", "3"]
        np.testing.assert_array_equal(raw.numbers("a"), [1, np.nan, 3])
        assert raw.days("c").tolist() == days
        assert raw.days("a") is None
        assert raw.row_number.tolist() == [1, 2, 3]
    with pytest.raises(DataError, match=r"^The pandas table holds no rows\.$"):
        read(frame.head(0))


def test_values_of_tables_become_text():
    frame = pd.DataFrame({"a": [True, 2.5, 7.0, " x ", np.nan, None], "c": pd.Categorical([*"pqpqp", None])})
    raw = read(frame)
    coded, categories = raw.coded("a"), raw.coded("c")
    assert [coded.texts[code] for code in coded.codes] == ["true", "2.5", "7", "x", "", ""]
    assert [categories.texts[code] for code in categories.codes] == ["p", "q", "p", "q", "p", ""]
    zoned = pd.DataFrame({"a": pd.to_datetime(["2010-01-02"]).tz_localize("Asia/Almaty"), "c": [1]})
    assert read(zoned).days("a").tolist() == [as_day("2010-01-02")]
