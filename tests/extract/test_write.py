"""Written cohorts are read again as they were."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.errors import DataError, OptionError
from childsurv.extract import read_extract, write_extract
from childsurv.extract.write import CONTROL

OPTIONS = {"layout": "childsurv", "closing_date": "2020-12-31"}


@pytest.mark.parametrize("edition", ["2005", "2017"])
def test_round_trip(clean_rows, tmp_path, edition):
    rows = clean_rows(200)
    rows.loc[3, "diagnosis_date"] = rows.loc[3, "diagnosis_date"][:7]
    rows.loc[5, "sex"] = ""
    rows.loc[7, "patient_id"] = "=1+1"
    rows.loc[8, "patient_id"] = 'a "b", c'
    rows["note"] = "kept"
    cohort = read_extract(rows, **OPTIONS, iccc_edition=edition, keep=["note"])
    path = write_extract(cohort, tmp_path / "cohort.csv")
    again = read_extract(path, layout="childsurv", iccc_edition=edition, keep=["note"])
    pd.testing.assert_frame_equal(again.data, cohort.data)
    assert again.closing_date == cohort.closing_date
    assert again.rows_read == len(cohort)
    assert (again.data["date_precision"] == "month").sum() == 1
    twice = write_extract(again, tmp_path / "again.csv")
    assert twice.read_bytes() == path.read_bytes()


def test_round_trip_of_a_window(clean_rows, tmp_path):
    cohort = read_extract(clean_rows(200), **OPTIONS).window(followed=("2006-01-01", "2008-12-31"))
    assert (cohort.data["entry"] > 0).any()
    again = read_extract(write_extract(cohort, tmp_path / "cohort.csv"), layout="childsurv")
    pd.testing.assert_frame_equal(again.data, cohort.data)


NASTY = st.text(
    st.one_of(
        st.sampled_from("=+-@\t'\",;|/\\ \n\r#%а\u00e9\u4e2d"),
        st.characters(blacklist_categories=("Cs", "Cc")),
    ),
    max_size=12,
)


@given(texts=st.lists(NASTY, min_size=1, max_size=8), suffix=st.sampled_from([".csv", ".parquet", ".xlsx"]))
def test_texts_of_every_kind_come_back(clean_rows, tmp_path_factory, texts, suffix):
    rows = clean_rows(len(texts)).assign(note=texts, tumour_id=texts)
    cohort = read_extract(rows, **OPTIONS, keep=["note"], exclude="minimal")
    path = tmp_path_factory.mktemp("nasty") / f"cohort{suffix}"
    escaped = any(CONTROL.search(text.strip()) for text in texts)
    if suffix == ".xlsx" and escaped:
        with pytest.raises(DataError, match="workbook cannot hold"):
            write_extract(cohort, path)
        return
    write_extract(cohort, path)
    again = read_extract(path, layout="childsurv", keep=["note"], exclude="minimal")
    pd.testing.assert_frame_equal(again.data, cohort.data)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_nothing_written_is_a_formula(clean_rows, tmp_path, suffix):
    starts = ["=1+1", "+1", "-1", "@SUM(A1)", "'quoted", "=cmd|' /C calc'!A0"]
    cohort = read_extract(clean_rows(6).assign(patient_id=starts), **OPTIONS)
    path = write_extract(cohort, tmp_path / f"cohort{suffix}")
    if suffix == ".csv":
        cells = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert not any(
            str(cell).startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells.to_numpy().ravel()
        )
    else:
        import zipfile

        with zipfile.ZipFile(path) as book:
            assert not any(b"<f>" in book.read(name) for name in book.namelist())
    again = read_extract(path, layout="childsurv")
    assert again.data["patient_id"].tolist() == starts


def test_what_cannot_be_written_is_refused(clean_rows, tmp_path):
    cohort = read_extract(clean_rows(3).assign(note=["a", "\x01b", "c"]), **OPTIONS, keep=["note"])
    with pytest.raises(
        DataError,
        match=(
            r"^Column 'note' holds text that a workbook cannot hold \(control characters, or more than "
            r"32,767 characters\) in 1 row \(row 2\); write \.csv or \.parquet\.$"
        ),
    ):
        write_extract(cohort, tmp_path / "cohort.xlsx")
    for suffix in (".dta", ".ods"):
        with pytest.raises(OptionError, match=suffix):
            write_extract(cohort, tmp_path / f"cohort{suffix}")
