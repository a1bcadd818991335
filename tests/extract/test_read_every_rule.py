"""Every rule finds its fault: put into 100 random rows of a clean simulated extract, each is found in its row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.demo.extracts import write_extracts
from childsurv.extract.rules import rules

CLOSING = "2020-12-31"
PLACES = 100

LAYOUT = """
extends = "childsurv"
name = "wide"

[columns.survival_days]
headers = ["days"]
read = "number"

[columns.stage]
headers = ["stage"]
read = "code"
missing = [""]
values = { "L" = "L" }

[columns.stage_system]
headers = ["stage_system"]
read = "code"
missing = [""]
values = { "toronto" = "toronto", "other" = "other" }
"""


def days(date, number):
    return str(np.datetime64(date) + np.timedelta64(number, "D"))


WILMS = {"topography": "C64.9", "morphology": "8960", "behaviour": "3", "icd10": ""}
GLIOMA = {"topography": "C71.1", "morphology": "9421", "behaviour": "1"}


def aged(row, years):
    return {"birth_date": days(row["diagnosis_date"], -int(years * 365.25) - 30)}


CHANGES = {
    "record-length": None,  # in the text of the file
    "birth-date-unreadable": lambda row: {"birth_date": "31.02.2010"},
    "birth-date-missing": lambda row: {"birth_date": "", "age_years": ""},
    "birth-date-out-of-range": lambda row: {"birth_date": "1890-01-01"},
    "diagnosis-date-unreadable": lambda row: {"diagnosis_date": "2010-02-30"},
    "diagnosis-date-missing": lambda row: {"diagnosis_date": ""},
    "diagnosis-date-out-of-range": lambda row: {"diagnosis_date": "2999-01-01"},
    "last-contact-date-unreadable": lambda row: {"last_contact_date": "10-05-07"},
    "last-contact-date-missing": lambda row: {"last_contact_date": ""},
    "last-contact-date-out-of-range": lambda row: {"last_contact_date": "9999-12-31"},
    "diagnosis-before-birth": lambda row: {"birth_date": days(row["diagnosis_date"], 1)},
    "diagnosis-after-closing": lambda row: {"diagnosis_date": "2021-03-04", "last_contact_date": "2021-05-06"},
    "last-contact-before-diagnosis": lambda row: {"last_contact_date": days(row["diagnosis_date"], -1)},
    "age-out-of-band": lambda row: aged(row, 25),
    "age-90-or-more": lambda row: {"diagnosis_date": "2015-03-04", "birth_date": "1920-01-01"},
    "age-contradicts-dates": lambda row: {"age_years": "77"},
    "age-unreadable": lambda row: {"age_years": "x"},
    "age-morphology": lambda row: WILMS | aged(row, 17),
    "age-topography": lambda row: (
        {"sex": "female", "topography": "C53.9", "morphology": "8910", "behaviour": "3"} | aged(row, 3)
    ),
    "age-topography-morphology": lambda row: (
        {"topography": "C69.2", "morphology": "9510", "behaviour": "3"} | aged(row, 8)
    ),
    "sex-missing": lambda row: {"sex": ""},
    "sex-unreadable": lambda row: {"sex": "3"},
    "sex-topography": lambda row: {"sex": "male", "topography": "C56.9", "morphology": "9060", "behaviour": "3"},
    "topography-missing": lambda row: {"topography": ""},
    "topography-unreadable": lambda row: {"topography": "C81.0"},
    "topography-behaviour": lambda row: GLIOMA | {"behaviour": "2"},
    "morphology-missing": lambda row: {"morphology": ""},
    "morphology-unreadable": lambda row: {"morphology": "123"},
    "behaviour-missing": lambda row: {"behaviour": ""},
    "behaviour-unreadable": lambda row: {"behaviour": "5"},
    "behaviour-contradicts-morphology": lambda row: {"morphology": "8960/3", "behaviour": "1"},
    "in-situ": lambda row: {"behaviour": "2"},
    "behaviour-not-primary": lambda row: {"behaviour": "6"},
    "non-malignant-outside-cns": lambda row: WILMS | {"behaviour": "0"},
    "not-classified": lambda row: {"topography": "C77.9", "morphology": "8140", "behaviour": "3"},
    "icd10-unreadable": lambda row: {"icd10": "cancer"},
    "icd10-contradicts-morphology": lambda row: WILMS | {"icd10": "C91.0"},
    "icd10-not-mapped": lambda row: {"icd10": "C80", "topography": "", "morphology": "", "behaviour": ""},
    "dco": lambda row: {"basis": "0"},
    "dco-unreadable": lambda row: {"dco": "?"},
    "autopsy": lambda row: {"autopsy": "yes"},
    "autopsy-unreadable": lambda row: {"autopsy": "?"},
    "basis-unreadable": lambda row: {"basis": "3"},
    "basis-morphology": lambda row: {"basis": "1", "topography": "C71.6", "morphology": "9470", "behaviour": "3"},
    "grade-unreadable": lambda row: {"grade": "11"},
    "grade-morphology": lambda row: {"grade": "5", "topography": "C42.1", "morphology": "9811", "behaviour": "3"},
    "grade-cell-type": lambda row: WILMS | {"grade": "5"},
    "grade-non-malignant": lambda row: GLIOMA | {"grade": "1"},
    "stage-unreadable": lambda row: {"stage": "wrong"},
    "stage-not-valid": lambda row: WILMS | {"stage": "L", "stage_system": "toronto"},
    "label-unreadable": lambda row: {"stage_system": "wrong"},
    "vital-status-missing": lambda row: {"vital_status": ""},
    "vital-status-unreadable": lambda row: {"vital_status": "lost"},
    "survival-time-unreadable": lambda row: {"days": "-3"},
    "survival-time-contradicts-dates": lambda row: {"days": "40000"},
    "survival-time-looks-like-a-code": lambda row: {"days": "9999", "last_contact_date": ""},
    "follow-up-contradicts-dates": lambda row: {"entry": "7", "time": "5", "event": "0"},
    "no-follow-up-before-closing": lambda row: {
        "diagnosis_date": "2020-06-01", "last_contact_date": "2021-06-01", "entry": "300", "time": "365", "event": "0",
        **{"birth_date": "2015-01-01", "vital_status": "alive"},
    },
    "event-unreadable": lambda row: {"event": "2"},
    "date-precision-unreadable": lambda row: {"date_precision": "?"},
    "patient-id-missing": lambda row: {"patient_id": ""},
}  # fmt: skip
"""What makes a row one that a rule concerns."""

COPIES = {
    "duplicate-record": lambda row: {},
    "duplicate-tumour": lambda row: {"tumour_id": f"{row['tumour_id']}-again"},
    "second-primary": lambda row: {
        "tumour_id": f"{row['tumour_id']}-2", "diagnosis_date": days(row["diagnosis_date"], 1),
        "last_contact_date": days(row["last_contact_date"], 1), "topography": "C71.6", "morphology": "9470",
    },
    "possible-same-tumour": lambda row: {
        "tumour_id": f"{row['tumour_id']}-2", "diagnosis_date": days(row["diagnosis_date"], 1),
        "last_contact_date": days(row["last_contact_date"], 1), "behaviour": "3",
    },
}  # fmt: skip
"""What a further row must differ in from the row that it repeats."""

BOTH_RECORDS = {
    "last-contact-differs-between-records": lambda row: {
        "tumour_id": f"{row['tumour_id']}-2", "last_contact_date": days(row["last_contact_date"], 9),
    },
}  # fmt: skip
"""Rules that concern the first record of a child as well as the further one."""


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """Three countries of a simulated register without a fault, as text of the layout childsurv."""
    folder = tmp_path_factory.mktemp("clean")
    extracts = write_extracts(folder, patients=6_000, seed=11, faults=False, layout="childsurv")
    tables = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in extracts.paths[:4]]
    table = pd.concat(tables, ignore_index=True)
    for name in ("icd10", "days", "entry", "time", "event", "date_precision"):
        table[name] = ""
    # The widened layout knows one stage and two systems; the rest of the extract is untouched.
    return table.assign(stage="", stage_system="")


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    path = tmp_path_factory.mktemp("layout") / "wide.toml"
    path.write_text(LAYOUT, encoding="utf-8")
    return cs.load_layout(path)


def found(source, layout, code):
    cohort = cs.read_extract(source, layout=layout, closing_date=CLOSING)
    assert cohort.rows_read == len(cohort) + cohort.exclusions["patients"].sum()
    table = cohort.findings
    return set(table.loc[table["code"] == code, "row_number"])


def test_clean_extracts_give_no_error_findings(clean, layout):
    findings = cs.read_extract(clean, layout=layout, closing_date=CLOSING).findings
    assert "error" not in set(findings["severity"])


def test_every_rule_about_rows_is_tried():
    by_row = {code for code, rule in rules().items() if rule.listing == "rows"}
    # Children of two registries need two extracts: test_linkage.py.
    assert by_row == {*CHANGES, *COPIES, *BOTH_RECORDS, "duplicate-across-registries"}


@pytest.mark.parametrize("code", sorted(set(CHANGES) - {"record-length"}))
def test_a_fault_in_100_random_rows_is_found_in_each(clean, layout, code):
    places = np.random.default_rng(sorted(CHANGES).index(code)).choice(len(clean), PLACES, replace=False)
    records = clean.to_dict("records")
    for place in places:
        records[place] |= CHANGES[code](records[place])
    spoiled = pd.DataFrame(records, dtype=object)
    before = found(clean, layout, code)
    assert found(spoiled, layout, code) - before == {place + 1 for place in places} - before
    assert {place + 1 for place in places} <= found(spoiled, layout, code)


@pytest.mark.parametrize("code", sorted({*COPIES, *BOTH_RECORDS}))
def test_further_records_of_100_random_children_are_found(clean, layout, code):
    malignant = np.flatnonzero((clean["behaviour"] == "3") & ~clean["topography"].str.startswith("C71"))
    places = np.random.default_rng(len(code)).choice(malignant, PLACES, replace=False)
    records = clean.to_dict("records")
    change = (COPIES | BOTH_RECORDS)[code]
    further = [records[place] | change(records[place]) for place in places]
    numbers = set(range(len(clean) + 1, len(clean) + PLACES + 1))
    if code in BOTH_RECORDS:
        numbers |= {place + 1 for place in places}
    assert found(pd.DataFrame([*records, *further], dtype=object), layout, code) == numbers


@pytest.mark.parametrize("change", [lambda line: f"{line},x", lambda line: line.rpartition(",")[0]])
def test_records_of_another_length_are_found_at_100_random_lines(clean, layout, put, change):
    lines = clean.to_csv(index=False).splitlines()
    places = np.random.default_rng(1).choice(np.arange(1, len(lines)), PLACES, replace=False)
    for place in places:
        lines[place] = change(lines[place])
    path = put("\n".join(lines))
    assert found(path, layout, "record-length") == {place + 1 for place in places}
