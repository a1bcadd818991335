"""Headers and fields."""

from __future__ import annotations

import pytest

from childsurv.errors import ColumnError, LayoutError, OptionError
from childsurv.extract import load_layout
from childsurv.extract.matching import count_headers, match_headers

HEADERS = ["patient_id", "Sex", "birth_date", "diagnosis_date", "topography", "morphology",
           "last_contact_date", "vital_status", "hospital"]  # fmt: skip


def match(headers, keep=(), layout="childsurv", better=""):
    return match_headers(load_layout(layout), headers, keep=keep, suggest_encoding=lambda: better)


def test_fields_find_their_headers():
    found = match(HEADERS, keep=["hospital"])
    assert found.single["sex"] == "Sex"
    assert found.keep == ("hospital",)
    assert "hospital" in found.wanted
    assert "stage" in found.absent
    assert match(HEADERS).ignored == ("hospital",)


def test_dates_in_parts_need_their_year():
    headers = ["PAT", "MoB", "YoB", "Sex", "YoI", "MoI", "Topo", "Morpho", "Beh", "Vit_stat", "Surv_time"]
    found = match(headers, layout="encr")
    assert found.parts["birth_date"] == {"month": "MoB", "year": "YoB"}
    assert "last_contact_date" not in found
    with pytest.raises(
        LayoutError,
        match=(
            r"^Layout encr does not fit: the file has no column for diagnosis_date \(MoI \| YoI\)\. Its "
            r"headers are: PAT, MoB, YoB, Sex, MoI, Topo, Morpho, Beh, Vit_stat, Surv_time\. Rename the "
            r"column, or write a layout with extends = 'encr'\.$"
        ),
    ):
        match([header for header in headers if header != "YoI"], layout="encr")


def test_a_wrong_column_is_named_with_what_is_there():
    with pytest.raises(
        LayoutError,
        match=(
            r"^Layout childsurv does not fit: the file has no column for sex \(sex\)\. Its headers are: "
            "patient_id, gender, birth_date, diagnosis_date, topography, morphology, last_contact_date, "
            r"vital_status, hospital\. Rename the column, or write a layout with extends = 'childsurv'\.$"
        ),
    ):
        match([header if header != "Sex" else "gender" for header in HEADERS])
    with pytest.raises(
        LayoutError,
        match=(
            r"^Layout childsurv does not fit: the file has no column for birth_date \(birth_date\) or age "
            r"\(age_years\)\. Its headers are: patient_id, Sex, diagnosis_date, topography, morphology, "
            r"last_contact_date, vital_status, hospital\. Rename the column, or write a layout with "
            r"extends = 'childsurv'\.$"
        ),
    ):
        match([header for header in HEADERS if header != "birth_date"])
    with pytest.raises(
        LayoutError,
        match=(
            r"^Layout childsurv: 2 columns of the file could be 'sex' \('Sex', 'SEX'\)\. Keep one of them "
            r"in the file, or name the right header in a layout of your own\.$"
        ),
    ):
        match([*HEADERS, "SEX"])


def test_a_first_line_without_headers_is_never_shown():
    with pytest.raises(LayoutError, match="may be a record") as error:
        match(["Ivanova", "1", "2010-01-01", "2012-01-01"])
    assert "Ivanova" not in str(error.value)
    with pytest.raises(LayoutError, match=r"separator is ','.*';'") as error:
        match(["Ivanova;1;2010-01-01"])
    assert "Ivanova" not in str(error.value)


def test_garbled_headers_bring_the_encoding():
    garbled = "Номер пациента;Пол;Дата рождения".encode().decode("cp1251", errors="replace").split(";")
    with pytest.raises(LayoutError, match="encoding='utf-8'"):
        match(garbled, layout="russian", better="utf-8")


def test_keep_names_must_be_there_and_free():
    with pytest.raises(
        ColumnError,
        match=(
            r"^keep=: no column 'hospitl'\. Did you mean 'hospital' for 'hospitl'\? The data have the "
            "columns: patient_id, Sex, birth_date, diagnosis_date, topography, morphology, "
            r"last_contact_date, vital_status, hospital\.$"
        ),
    ):
        match(HEADERS, keep=["hospitl"])
    needed = ["PAT", "Sex", "YoB", "YoI", "Topo", "Morpho", "Vit_stat", "Surv_time"]
    with pytest.raises(
        OptionError,
        match=r"^keep= names 'event', which is a column of childsurv; rename it first\.$",
    ):
        match([*needed, "event"], keep=["event"], layout="encr")


def test_count_headers_whatever_the_separator():
    assert count_headers(load_layout("russian"), "Пол;Стадия;x\r\n") == 2
    assert count_headers(load_layout("russian"), '"Пол","Стадия"') == 2
