"""One extract in every kind of file: each gives the cohort of the CSV, or says why it cannot be read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sqlite3
import zipfile

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pytest
import sqlalchemy
import xlwt

import childsurv as cs
from childsurv.errors import ChildsurvError, DataError, LayoutError, MissingExtraError, OptionError

OPTIONS = {"layout": "childsurv", "closing_date": "2020-12-31"}
DATES = ("birth_date", "diagnosis_date", "last_contact_date")


@pytest.fixture(scope="module")
def rows(clean_rows):
    """A clean extract with Cyrillic text, of 40 rows."""
    return clean_rows(40).assign(registry="Северный", cause_of_death=["рак", ""] * 20)


@pytest.fixture(scope="module")
def truth(rows):
    return cs.read_extract(rows, **OPTIONS)


def same(cohort, truth, *, first_row=1):
    expected = truth.data.assign(source_row=truth.data["source_row"] + first_row - 1)
    pd.testing.assert_frame_equal(cohort.data, expected)
    assert set(cohort.findings["code"]) == set(truth.findings["code"])


def typed(rows):
    """The extract as a spreadsheet or database holds it: dates as dates, codes as numbers."""
    table = rows.copy()
    for name in DATES:
        table[name] = pd.to_datetime(table[name])
    for name in ("morphology", "behaviour", "basis"):
        table[name] = pd.to_numeric(table[name])
    return table


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_compressed_text(rows, truth, tmp_path, suffix, pack):
    path = tmp_path / f"extract.csv{suffix}"
    path.write_bytes(pack(rows.to_csv(index=False).encode()))
    same(cs.read_extract(path, **OPTIONS), truth, first_row=2)


def test_archives_of_one_file(rows, truth, tmp_path):
    path = tmp_path / "extract.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/", "")
        archive.writestr("data/extract.csv", rows.to_csv(index=False))
    same(cs.read_extract(path, **OPTIONS), truth, first_row=2)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other.csv", "a")
    with pytest.raises(
        DataError,
        match=(
            r"^extract\.zip holds 2 files; read_extract reads an archive of one\. Unpack it, and read the "
            r"files one by one\.$"
        ),
    ):
        cs.read_extract(path, **OPTIONS)


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
@pytest.mark.parametrize("form", [lambda rows: rows, typed])
def test_arrow_files(rows, truth, tmp_path, suffix, form):
    path = tmp_path / f"extract{suffix}"
    table = form(rows)
    (table.to_parquet if suffix == ".parquet" else table.to_feather)(path)
    same(cs.read_extract(path, **OPTIONS), truth)


@pytest.mark.parametrize("suffix", [".xlsx", ".ods"])
@pytest.mark.parametrize("form", [lambda rows: rows, typed])
def test_workbooks(rows, truth, tmp_path, suffix, form):
    path = tmp_path / f"extract{suffix}"
    with pd.ExcelWriter(str(path)) as writer:
        form(rows).to_excel(writer, sheet_name="Дети", index=False)
    same(cs.read_extract(path, **OPTIONS), truth, first_row=2)
    same(cs.read_extract(path, sheet="Дети", **OPTIONS), truth, first_row=2)
    same(cs.read_extract(path, sheet=1, **OPTIONS), truth, first_row=2)
    with pytest.raises(OptionError, match="'Дети'"):
        cs.read_extract(path, sheet=2, **OPTIONS)
    with pytest.raises(OptionError, match=r"^encoding= does not apply to a workbook; leave it out\.$"):
        cs.read_extract(path, encoding="utf-8", **OPTIONS)


def test_a_workbook_under_another_name(rows, truth, tmp_path):
    path = tmp_path / "extract.xlsx"
    rows.to_excel(path, index=False)
    same(cs.read_extract(path.rename(tmp_path / "extract.csv"), **OPTIONS), truth, first_row=2)


def test_old_workbooks(rows, truth, tmp_path):
    book = xlwt.Workbook()
    sheet = book.add_sheet("Дети")
    style = xlwt.easyxf(num_format_str="DD.MM.YYYY")
    table = typed(rows)
    for column, name in enumerate(table.columns):
        sheet.write(0, column, name)
        for row, value in enumerate(table[name], start=1):
            if isinstance(value, pd.Timestamp):
                sheet.write(row, column, value.to_pydatetime(), style)
            else:
                sheet.write(row, column, value.item() if isinstance(value, np.generic) else value)
    path = tmp_path / "extract.xls"
    book.save(str(path))
    same(cs.read_extract(path, **OPTIONS), truth, first_row=2)


@pytest.fixture
def book(rows, tmp_path):
    """Write a workbook cell by cell."""

    def write(change, *, title=0):
        workbook = openpyxl.Workbook()
        sheet = workbook.active
        for number in range(title):
            sheet.append([f"Отчёт {number}"])
        sheet.append(list(rows.columns))
        for record in rows.itertuples(index=False):
            sheet.append(list(record))
        change(workbook, sheet)
        path = tmp_path / "extract.xlsx"
        workbook.save(path)
        return path

    return write


def column_of(rows, name):
    return list(rows.columns).index(name) + 1


def test_dates_as_dates_and_as_text_in_one_column(book, rows, truth):
    def change(_, sheet):
        for row in range(2, 20):
            cell = sheet.cell(row, column_of(rows, "birth_date"))
            cell.value = pd.Timestamp(cell.value).to_pydatetime()

    same(cs.read_extract(book(change), **OPTIONS), truth, first_row=2)


def test_cells_that_failed_are_found_and_not_empty(book, rows):
    def change(_, sheet):
        cell = sheet.cell(5, column_of(rows, "stage"))
        cell.value, cell.data_type = "#REF!", "e"
        cell = sheet.cell(7, column_of(rows, "birth_date"))
        cell.value, cell.data_type = "#N/A", "e"

    cohort = cs.read_extract(book(change), **OPTIONS)
    found = cohort.findings.set_index("code")["row_number"]
    assert found["birth-date-unreadable"] == 7
    assert "#ERROR" in set(cohort.data["stage"])  # text as written is kept, and seen


def test_blank_rows_within_count_and_those_at_the_end_do_not(book, truth):
    def change(_, sheet):
        sheet.insert_rows(10, 2)
        for row in range(60, 90):
            sheet.cell(row, 1).value = None
            sheet.cell(row, 1).font = openpyxl.styles.Font(bold=True)

    cohort = cs.read_extract(book(change), **OPTIONS)
    assert len(cohort) == len(truth)
    assert cohort.findings.set_index("code")["count"]["blank-line"] == 2
    assert cohort.data["source_row"].tolist()[7:10] == [9, 12, 13]


def test_titles_above_the_headers(book, truth):
    import dataclasses

    layout = cs.load_layout("childsurv")
    below = dataclasses.replace(layout, file=dataclasses.replace(layout.file, header_line=3))
    path = book(lambda *_: None, title=2)
    same(cs.read_extract(path, **OPTIONS | {"layout": below}), truth, first_row=4)
    with pytest.raises(LayoutError, match=r"headers|columns"):
        cs.read_extract(path, **OPTIONS)


def test_titles_above_the_headers_of_text(rows, truth, put):
    import dataclasses

    layout = cs.load_layout("childsurv")
    below = dataclasses.replace(layout, file=dataclasses.replace(layout.file, header_line=3))
    path = put("Отчёт\n\n" + rows.to_csv(index=False))
    same(cs.read_extract(path, **OPTIONS | {"layout": below}), truth, first_row=4)


def test_several_sheets_need_a_name(book, truth):
    def change(workbook, _):
        workbook.create_sheet("Лист2").append(["note"])
        workbook.create_sheet("empty")

    path = book(change)
    with pytest.raises(
        OptionError,
        match=(
            r"^extract\.xlsx has 2 sheets with something in them: 'Sheet', 'Лист2'\. Name one with sheet=,"
            r" for example sheet='Sheet'\.$"
        ),
    ):
        cs.read_extract(path, **OPTIONS)
    same(cs.read_extract(path, sheet="Sheet", **OPTIONS), truth, first_row=2)


STAT = {"variable_value_labels": {}}


def coded(rows):
    """The extract as a statistics program holds it: numbers with value labels, dates as dates."""
    table = typed(rows).drop(columns=["age_years", "grade", "autopsy"])
    table["sex"] = np.where(rows["sex"] == "male", 1.0, 2.0)
    table["vital_status"] = np.where(rows["vital_status"] == "dead", 5.0, 4.0)
    for name in DATES:
        table[name] = table[name].dt.date
    labels = {"sex": {1: "male", 2: "female"}, "vital_status": {4: "alive", 5: "dead"}}
    return table, labels


@pytest.mark.parametrize("suffix", [".sav", ".zsav", ".dta"])
def test_statistics_programs_with_value_labels(rows, truth, tmp_path, suffix):
    import pyreadstat

    table, labels = coded(rows)
    path = tmp_path / f"extract{suffix}"
    if suffix == ".dta":
        labels = {name: {int(code): label for code, label in pairs.items()} for name, pairs in labels.items()}
        table = table.astype(dict.fromkeys(labels, int))
        pyreadstat.write_dta(table, str(path), variable_value_labels=labels)
    else:
        options = {"compress": True} if suffix == ".zsav" else {}
        pyreadstat.write_sav(table, str(path), variable_value_labels=labels, **options)
    same(cs.read_extract(path, **OPTIONS), truth)


@pytest.mark.parametrize("suffix", [".por", ".xpt"])
def test_transport_files(rows, truth, tmp_path, suffix):
    import pyreadstat

    table, _ = coded(rows)
    table["sex"], table["vital_status"] = rows["sex"], rows["vital_status"]
    # These formats know short names and ASCII; the layout is given the names.
    table = table.assign(registry="North", cause_of_death="").rename(columns=SHORT)
    path = tmp_path / f"extract{suffix}"
    (pyreadstat.write_por if suffix == ".por" else pyreadstat.write_xport)(table, str(path))
    cohort = cs.read_extract(path, **OPTIONS | {"layout": short_layout(suffix)})
    columns = [name for name in truth.data.columns if name not in {"registry", "cause_of_death"}]
    pd.testing.assert_frame_equal(cohort.data[columns], truth.data[columns])


SHORT = {
    "patient_id": "PATID", "tumour_id": "TUMID", "country": "COUNTRY", "registry": "REGISTRY", "sex": "SEX",
    "birth_date": "BIRTH", "diagnosis_date": "DIAG", "topography": "TOPO", "morphology": "MORPH",
    "behaviour": "BEHAV", "basis": "BASIS", "stage": "STAGE", "last_contact_date": "CONTACT",
    "vital_status": "VITAL", "cause_of_death": "COD", "dco": "DCO",
}  # fmt: skip


def short_layout(_):
    import dataclasses

    layout = cs.load_layout("childsurv")
    columns = {
        name: dataclasses.replace(rule, headers=(SHORT.get(name, f"x_{name}"),))
        for name, rule in layout.columns.items()
    }
    return dataclasses.replace(layout, columns=columns)


def test_sas_files(truth):
    """Made from the simulated rows of `truth` by tests/reference/make_sas7bdat.R."""
    from pathlib import Path

    path = Path(__file__).parent / "files" / "simulated.sas7bdat"
    cohort = cs.read_extract(path, **OPTIONS)
    columns = [name for name in truth.data.columns if name not in {"registry", "cause_of_death"}]
    pd.testing.assert_frame_equal(cohort.data[columns], truth.data[columns])


def test_user_missing_values_are_missing_and_counted(rows, tmp_path):
    import pyreadstat

    table, labels = coded(rows)
    table["basis"] = table["basis"].astype(float)
    table.loc[[0, 5, 9], "basis"] = 8.0
    table.loc[[1, 2], "vital_status"] = 99.0
    path = tmp_path / "extract.sav"
    ranges = {"basis": [8], "vital_status": [{"lo": 90, "hi": 99}]}
    pyreadstat.write_sav(table, str(path), variable_value_labels=labels, missing_ranges=ranges)
    cohort = cs.read_extract(path, **OPTIONS)
    found = cohort.findings.groupby("code", observed=True)["count"].sum()
    assert found["user-missing"] == 5
    assert found["vital-status-missing"] == 2
    assert (cohort.data["basis"] == 9).sum() == 3 and "basis-unreadable" not in found  # noqa: PT018


def test_user_missing_letters_of_stata(rows, tmp_path):
    import pyreadstat

    table, labels = coded(rows)
    table = table.astype({"sex": int, "vital_status": int})
    table["basis"] = table["basis"].astype(object)
    table.loc[[0, 5, 9], "basis"] = "a"
    table.loc[[3], "basis"] = None
    path = tmp_path / "extract.dta"
    labels = {name: {int(code): text for code, text in pairs.items()} for name, pairs in labels.items()}
    pyreadstat.write_dta(table, str(path), variable_value_labels=labels, missing_user_values={"basis": ["a"]})
    cohort = cs.read_extract(path, **OPTIONS)
    found = cohort.findings.groupby("code", observed=True)["count"].sum()
    assert found["user-missing"] == 3
    assert (cohort.data["basis"] == 9).sum() == 4
    assert "basis-unreadable" not in found


def test_a_code_whose_label_contradicts_the_layout_is_refused(rows, tmp_path):
    import pyreadstat

    table, labels = coded(rows)
    labels["vital_status"] = {4: "alive", 5: "dead"}
    labels["basis"] = {7: "5", 5: "7"}
    path = tmp_path / "extract.sav"
    pyreadstat.write_sav(table, str(path), variable_value_labels=labels)
    with pytest.raises(
        LayoutError,
        match=(
            "^Column 'basis' has 2 codes whose value labels mean something else in layout childsurv than "
            r"the codes themselves\. Correct the map of codes of 'basis' in a layout of your own\.$"
        ),
    ):
        cs.read_extract(path, **OPTIONS)


def sqlite_with(table):
    connection = sqlite3.connect(":memory:")
    table.to_sql("tumours", connection, index=False)
    return connection


QUERY = "-- the children\nSELECT * FROM tumours"


def test_sqlite(rows, truth):
    same(cs.read_extract(QUERY, connection=sqlite_with(rows), **OPTIONS), truth)


def test_duckdb(rows, truth):
    table = typed(rows)
    connection = duckdb.connect()
    connection.register("tumours", table)
    same(cs.read_extract(QUERY, connection=connection, **OPTIONS), truth)
    same(cs.read_extract(connection.sql(QUERY), **OPTIONS), truth)


def test_sqlalchemy(rows, truth, tmp_path):
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'register.sqlite'}")
    typed(rows).assign(**{name: pd.to_datetime(rows[name]).dt.date for name in DATES}).to_sql(
        "tumours", engine, index=False
    )
    same(cs.read_extract(QUERY, connection=engine, **OPTIONS), truth)
    with engine.connect() as connection:
        same(cs.read_extract(QUERY, connection=connection, **OPTIONS), truth)
        connection.execute(sqlalchemy.text("SELECT 1"))  # still open
    engine.dispose()


def test_postgresql(rows, truth):
    import os

    url = os.environ.get("CHILDSURV_POSTGRES")
    if not url:
        pytest.skip("no PostgreSQL server: .ci/run starts one on Debian and names it in CHILDSURV_POSTGRES")
    import psycopg

    table = typed(rows)
    names = ", ".join(
        f"{name} {'date' if name in DATES else 'numeric' if name in {'morphology', 'basis'} else 'text'}"
        for name in table.columns
    )
    with psycopg.connect(url) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE TEMPORARY TABLE tumours ({names})")
        for record in table.assign(behaviour=rows["behaviour"]).itertuples(index=False):
            values = [value.item() if isinstance(value, np.generic) else value for value in record]
            cursor.execute(f"INSERT INTO tumours VALUES ({', '.join(['%s'] * len(values))})", values)
        same(cs.read_extract(QUERY, connection=connection, **OPTIONS), truth)
        with pytest.raises(DataError, match=r"psycopg\.\w+, state 42P01") as caught:
            cs.read_extract("SELECT * FROM secret_children", connection=connection, **OPTIONS)
        assert "secret_children" not in str(caught.value)
        connection.rollback()
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with pytest.raises(DataError, match="state 42P01"):
        cs.read_extract("SELECT * FROM secret_children", connection=engine, **OPTIONS)
    engine.dispose()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM children", "sqlite3.OperationalError"),
        ("DELETE FROM tumours", "begins with SELECT"),
        ("SELECT * FROM tumours WHERE 0", "no rows"),
        ("", "begins with SELECT"),
    ],
)
def test_queries_that_do_not_work(rows, query, message):
    connection = sqlite_with(rows)
    with pytest.raises(ChildsurvError, match=message) as caught:
        cs.read_extract(query, connection=connection, **OPTIONS)
    assert "children" not in str(caught.value)
    assert connection.execute("SELECT count(*) FROM tumours").fetchone() == (40,)


def test_connections_that_do_not_work(rows, tmp_path):
    connection = sqlite_with(rows)
    connection.close()
    with pytest.raises(
        DataError,
        match=(
            r"^The database refused the query: sqlite3\.ProgrammingError\. Run it in a database client, "
            "which shows its full message, and correct it; or open the connection again if it was "
            r"closed\.$"
        ),
    ):
        cs.read_extract(QUERY, connection=connection, **OPTIONS)
    with pytest.raises(
        OptionError,
        match=(
            r"^connection= takes a DBAPI connection \(it has a method cursor\), or an engine or connection"
            r" of SQLAlchemy; a PosixPath is neither\.$"
        ),
    ):
        cs.read_extract(QUERY, connection=tmp_path, **OPTIONS)
    with pytest.raises(OptionError, match=r"^sheet= does not apply to a query; leave it out\.$"):
        cs.read_extract(QUERY, connection=connection, sheet=1, **OPTIONS)
    with pytest.raises(
        OptionError,
        match=(
            r"^There is no such file; give the path of an extract or a DataFrame\. To read a query, give "
            r"connection=\.$"
        ),
    ):
        cs.read_extract(QUERY.partition("\n")[2], **OPTIONS)


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("a.xlsx", "python_calamine", "excel"),
        ("a.sav", "pyreadstat", "stat"),
        ("a.parquet", "pyarrow", "parquet"),
    ],
)
def test_a_missing_library_names_its_extra(monkeypatch, rows, tmp_path, name, module, extra):
    import sys

    path = tmp_path / name
    if extra == "excel":
        rows.to_excel(path, index=False)
    elif extra == "parquet":
        rows.to_parquet(path)
    else:
        path.write_bytes(b"$FL2")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"childsurv\[{extra}\]"):
        cs.read_extract(path, **OPTIONS)
