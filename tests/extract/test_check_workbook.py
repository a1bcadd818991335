"""The checks of a cohort as a workbook and as files."""

from __future__ import annotations

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

import childsurv as cs
from childsurv.errors import OptionError
from childsurv.extract import read_extract

OPTIONS = {"layout": "childsurv", "closing_date": "2020-12-31"}


def test_checks_as_a_workbook_and_as_files(clean_rows, tmp_path):
    rows = clean_rows(60)
    rows.loc[4, "sex"], rows.loc[7, "birth_date"] = "?", "=1+1"
    rows["registry"] = "=HYPERLINK(1)"
    cohort = read_extract(rows, **OPTIONS)
    path = cs.write_checks(cohort, tmp_path / "checks.xlsx")
    book = CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["Summary", "Flow", "Rules", "Findings", "Data quality"]
    found = book.get_sheet_by_name("Findings").to_python()
    assert ["sex-unreadable", "error", "the sex is not a code of the layout", "sex", 5.0, 1.0] in found
    rules = {row[1]: row for row in book.get_sheet_by_name("Rules").to_python()[1:]}
    assert rules["birth-date-unreadable"][5:] == [1.0, 8.0]
    flow = book.get_sheet_by_name("Flow").to_python()
    assert flow[1][0] == "read"
    assert flow[-1][:4] == ["analysed", "rows analysed", 58.0, 58.0]
    quality = book.get_sheet_by_name("Data quality").to_python()
    assert quality[1][1] == "=HYPERLINK(1)"
    summary = dict(map(tuple, book.get_sheet_by_name("Summary").to_python()[1:]))
    assert summary["age band"] == "0-19"
    folder = cs.write_checks(cohort, tmp_path / "checks")
    assert len(pd.read_csv(folder / "findings.csv")) == len(cohort.findings)
    assert "'=HYPERLINK(1)" in (folder / "data_quality.csv").read_text(encoding="utf-8-sig")
    with pytest.raises(
        OptionError,
        match=r"^write_checks\(\) writes \.xlsx, or CSV files into a folder; checks\.txt is neither\.$",
    ):
        cs.write_checks(cohort, tmp_path / "checks.txt")
