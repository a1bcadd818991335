"""Checks worked by hand: sites and sexes, classification, duplicates and second tumours."""

from __future__ import annotations

import numpy as np
import pytest

from childsurv.errors import OptionError
from childsurv.extract import read_extract


def codes_by_row(cohort):
    table = cohort.findings
    table = table[table["row_number"] > 0]
    return {row: sorted(group["code"]) for row, group in table.groupby("row_number")}


def read(rows, **options):
    return read_extract(rows, layout="childsurv", closing_date="2020-12-31", **options)


def with_values(rows, **columns):
    changed = rows.copy()
    for name, values in columns.items():
        changed[name] = values
    return changed


@pytest.mark.parametrize(
    ("sex", "site", "wrong"),
    [
        ("male", "C50.9", False),
        ("male", "C51.0", True),
        ("male", "C56.9", True),
        ("male", "C58.9", True),
        ("male", "C60.0", False),
        ("female", "C59.9", False),
        ("female", "C60.0", True),
        ("female", "C62.1", True),
        ("female", "C63.9", True),
        ("female", "C64.9", False),
        ("unknown", "C56.9", False),
    ],
)
def test_sex_and_site(clean_rows, sex, site, wrong):
    rows = with_values(clean_rows(1), sex=sex, topography=site)
    assert ("sex-topography" in codes_by_row(read(rows)).get(1, [])) is wrong


@pytest.mark.parametrize(
    ("topography", "morphology", "behaviour", "codes", "group"),
    [
        ("С71.6", "9470/3", "", [], "IIIc"),  # a Cyrillic letter
        ("716", "9470", "3", [], "IIIc"),
        ("C71.1", "9421", "1", [], "IIIb"),
        ("C71.1", "9421", "2", ["in-situ", "topography-behaviour"], "not classified"),
        ("C64.9", "8960", "2", ["in-situ"], "not classified"),
        ("C64.9", "8960", "1", ["non-malignant-outside-cns"], "not classified"),
        ("C64.9", "8960", "6", ["behaviour-not-primary"], "not classified"),
        ("C77.9", "8140", "3", ["not-classified"], "not classified"),
        ("C64.9", "8960", "", ["behaviour-missing"], "not classified"),
        ("C64.9", "8960", "7", ["behaviour-unreadable"], "not classified"),
        (
            "C64.9",
            "8960/3",
            "1",
            ["behaviour-contradicts-morphology", "non-malignant-outside-cns"],
            "not classified",
        ),
        ("C99.9", "8960", "3", ["topography-unreadable"], "not classified"),
        ("", "8960", "3", ["topography-missing"], "not classified"),
        ("C64.9", "896", "3", ["morphology-unreadable"], "not classified"),
        ("C64.9", "", "3", ["morphology-missing"], "not classified"),
    ],
)
def test_codes_and_classification(clean_rows, topography, morphology, behaviour, codes, group):
    rows = with_values(clean_rows(1), topography=topography, morphology=morphology, behaviour=behaviour)
    cohort = read(rows, exclude="minimal")
    assert codes_by_row(cohort).get(1, []) == codes
    assert cohort.data["iccc_subgroup"].tolist() == [group]
    assert len(read(rows)) == (0 if codes else 1)


@pytest.mark.parametrize(("band", "kept"), [("0-14", 1), ("0-17", 2), ("0-18", 3), ("0-19", 4), (None, 5)])
def test_age_bands(clean_rows, band, kept):
    born = ["1997-05-02", "1994-05-02", "1993-05-02", "1992-05-02", "1992-05-01"]
    rows = with_values(
        clean_rows(5), birth_date=born, diagnosis_date="2012-05-01", last_contact_date="2013-01-01"
    )
    cohort = read(rows, age_band=band)
    assert cohort.data["age_years"].tolist() == [14, 17, 18, 19, 20][:kept]
    assert (cohort.exclusions["rule"] == "age-out-of-band").any() == (band is not None)
    with pytest.raises(OptionError, match="age_band"):
        read(rows, age_band="0-16")


def test_age_groups_and_their_order(clean_rows):
    ages = [0, 1, 4, 5, 9, 10, 14, 15, 19, 20]
    born = [f"{2012 - age}-05-01" for age in ages]
    rows = with_values(
        clean_rows(10), birth_date=born, diagnosis_date="2012-05-01", last_contact_date="2013-01-01"
    )
    column = read(rows, age_band=None).data["age_group"]
    assert column.tolist() == ["0", "1-4", "1-4", "5-9", "5-9", "10-14", "10-14", "15-19", "15-19", "20+"]
    assert column.cat.ordered
    assert list(column.cat.categories) == ["0", "1-4", "5-9", "10-14", "15-19", "20+"]


def test_certificates_and_autopsies(clean_rows):
    rows = with_values(
        clean_rows(4),
        topography="C64.9",
        morphology="8960",
        behaviour="3",
        basis=["0", "7", "7", "1"],
        dco=["", "yes", "false", ""],
        autopsy=["", "", "1", "0"],
    )
    cohort = read(rows)
    assert codes_by_row(cohort) == {1: ["dco"], 2: ["dco"], 3: ["autopsy"]}
    assert cohort.data["source_row"].tolist() == [4]
    assert read(rows, exclude="minimal").data["dco"].tolist() == [True, True, False, False]


def tumours(clean_rows, rows, **columns):
    """One child of one country in every row, unless said otherwise."""
    base = {
        "patient_id": "same",
        "tumour_id": [str(n) for n in range(rows)],
        "country": "Xenia",
        "sex": "female",
    }
    return with_values(clean_rows(rows), **(base | columns))


def test_duplicates_and_second_tumours_by_hand(clean_rows):
    dates = ["2003-02-01", "2002-02-01", "2002-02-01", "2002-02-01", "2004-02-01", "2001-02-01"]
    rows = tumours(
        clean_rows,
        6,
        birth_date="2000-01-01",
        diagnosis_date=dates,
        last_contact_date="2010-01-01",
        topography=["C64.9", "C71.6", "C71.6", "C71.6", "C42.1", "C64.9"],
        morphology=["8960", "9470", "9470", "9470", "9811", "8960"],
        behaviour=["3", "3", "3", "3", "3", "1"],
        tumour_id=["a", "b", "b", "c", "d", "e"],
    )
    cohort = read(rows)
    # Row 3 repeats row 2; row 4 is row 2 under another identifier; row 6 is earliest but not in ICCC-3.
    assert codes_by_row(cohort) == {
        1: ["second-primary"],
        3: ["duplicate-record"],
        4: ["duplicate-tumour"],
        5: ["second-primary"],
        6: ["non-malignant-outside-cns"],
    }
    assert cohort.data["source_row"].tolist() == [2]


def test_same_identifier_elsewhere_is_another_child(clean_rows):
    rows = tumours(clean_rows, 3, country=["Xenia", "Ypsil", "Xenia"], registry=["North", "North", "South"])
    assert len(read(rows)) == 3


def test_rows_without_identifiers_are_kept_and_named(clean_rows):
    rows = tumours(clean_rows, 3, patient_id=["", "", "x"])
    cohort = read(rows)
    assert codes_by_row(cohort) == {1: ["patient-id-missing"], 2: ["patient-id-missing"]}
    assert len(cohort) == 3
    last = read(tumours(clean_rows, 3, patient_id=["x", "x", ""]))
    assert codes_by_row(last) == {
        1: ["last-contact-differs-between-records"],
        2: ["last-contact-differs-between-records", "second-primary"],
        3: ["patient-id-missing"],
    }
    # Without tumour identifiers one date, site and morphology is one tumour.
    one = {"diagnosis_date": "2005-05-05", "last_contact_date": "2006-06-06", "birth_date": "2001-01-01"}
    one |= {"topography": "C64.9", "morphology": "8960", "behaviour": "3"}
    bare = tumours(clean_rows, 2, **one).drop(columns="tumour_id")
    assert codes_by_row(read(bare)) == {2: ["duplicate-tumour"]}


def test_first_of_many_is_that_of_a_plain_search(clean_rows):
    rng = np.random.default_rng(7)
    rows = clean_rows(600)
    rows["patient_id"] = [f"P{n}" for n in rng.integers(0, 150, 600)]
    cohort = read(rows)
    best: dict[tuple[str, str], tuple[str, int]] = {}
    for place, row in enumerate(rows.itertuples(), start=1):
        key, value = (row.country, row.patient_id), (row.diagnosis_date, place)
        best[key] = min(best.get(key, value), value)
    assert cohort.data["source_row"].tolist() == sorted(place for _, place in best.values())
