"""Written cohorts are read again as they were."""

from __future__ import annotations

import pandas as pd
import pytest

from childsurv.extract import read_extract, write_extract

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
