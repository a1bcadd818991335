"""Checks across the records of a child, and multiple tumours by the international rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import OptionError
from childsurv.extract import read_extract
from childsurv.extract.checks import (
    histology_groups,
    organs,
    repeated_tumours,
    same_tumour,
)


@pytest.mark.parametrize(
    ("morphology", "group"),
    [
        (8051, 1), (8131, 1), (8090, 2), (8140, 3), (8170, 4), (8010, 5), (8050, 5), (8900, 6), (9050, 7),
        (9861, 8), (9811, 9), (9680, 9), (9712, 9), (9702, 10), (9837, 10), (9650, 11), (9740, 12), (9751, 13),
        (9591, 14), (9800, 14), (9140, 15), (9470, 16), (8960, 16), (9510, 16), (8000, 17), (9999, 16),
    ],
)  # fmt: skip
def test_groups(morphology, group):
    assert histology_groups(np.array([morphology])).tolist() == [group]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ((64, 8960), (64, 8963), True),  # one group, one organ
        ((64, 8960), (71, 9470), False),  # one group (other specified), two organs
        ((40, 9180), (41, 9260), False),  # sarcoma and other, in bone counted as one organ
        ((40, 9180), (41, 9220), True),
        ((42, 9811), (77, 9680), True),  # B-cell neoplasms are systemic
        ((42, 9811), (42, 9861), False),  # lymphoid and myeloid
        ((42, 9811), (77, 9591), True),  # unspecified against B-cell
        ((77, 9591), (42, 9800), True),
        ((44, 9140), (49, 9140), True),  # Kaposi sarcoma
        ((22, 8010), (22, 8170), True),  # unspecified carcinoma against a specific one
        ((22, 8010), (73, 8260), False),
        ((22, 8010), (22, 8900), False),  # unspecified carcinoma against sarcoma
        ((71, 8000), (71, 9470), True),  # unspecified against anything in the organ
        ((71, 8000), (64, 8960), False),
        ((80, 8000), (64, 8960), True),  # the site that would decide is unknown
        ((80, 8960), (64, 9470), True),
        ((80, 8900), (64, 8960), False),  # different groups: the site does not matter
    ],
)
def test_pairs_by_hand(first, second, same):
    for one, other in ((first, second), (second, first)):
        site, morphology = np.array([one[0], other[0]]), np.array([one[1], other[1]])
        assert repeated_tumours(np.array([7, 7]), site, morphology).tolist() == [False, same]
        assert repeated_tumours(np.array([7, 8]), site, morphology).tolist() == [False, False]


TUMOURS = st.tuples(
    st.integers(0, 3),
    st.sampled_from([64, 71, 40, 41, 80, 42]),
    st.sampled_from([8000, 8010, 8170, 8960, 9811, 9591]),
)


@given(st.lists(TUMOURS, max_size=30))
def test_many_tumours_are_compared_with_every_earlier_one(tumours):
    child, site, morphology = (
        np.array([tumour[place] for tumour in tumours], dtype=np.int64) for place in range(3)
    )
    group, organ = histology_groups(morphology), organs(site)
    expected = [
        any(
            child[before] == child[later]
            and bool(
                same_tumour(
                    *(np.array([x]) for x in (group[later], organ[later], group[before], organ[before]))
                )[0]
            )
            for before in range(later)
        )
        for later in range(len(tumours))
    ]
    assert repeated_tumours(child, site, morphology).tolist() == expected


def test_one_identifier_for_all_is_no_hang():
    size = 200_000
    rng = np.random.default_rng(1)
    found = repeated_tumours(
        np.zeros(size, dtype=np.int64), rng.integers(0, 81, size), rng.integers(8000, 10_000, size)
    )
    assert found.sum() > size - 2_000


def test_findings_in_an_extract(clean_rows):
    rows = clean_rows(5).assign(
        patient_id=["a", "a", "a", "b", "b"], sex="male", country="Xenia", birth_date="2000-01-01",
        diagnosis_date=["2002-01-01", "2003-01-01", "2004-01-01", "2002-01-01", "2003-01-01"],
        last_contact_date="2010-01-01", topography=["C64.9", "C64.9", "C42.1", "C71.6", "C71.1"],
        morphology=["8960", "8963", "9811", "9470", "9421"], behaviour=["3", "3", "3", "3", "1"],
    )  # fmt: skip
    cohort = cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31")
    found = cohort.findings
    assert found.loc[found["code"] == "possible-same-tumour", "row_number"].tolist() == [2]
    # Row 5 is not malignant: the rules do not speak of it.
    assert found.loc[found["code"] == "multiple-primary", "count"].tolist() == [1]
    assert found.loc[found["code"] == "second-primary", "row_number"].tolist() == [2, 3, 5]
    nordcan = cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31", exclude="nordcan")
    # The first tumour of each group stays: 1 (VI), 3 (I), 4 (III); row 5 is of III again, and not malignant.
    assert nordcan.data["source_row"].tolist() == [1, 3, 4]
    same = cs.read_extract(
        rows, layout="childsurv", closing_date="2020-12-31", exclude=["minimal", "possible-same-tumour"]
    )
    assert same.data["source_row"].tolist() == [1, 3, 4, 5]
    assert isinstance(found, pd.DataFrame)


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
    with pytest.raises(
        OptionError, match=r"^age_band='0-16' is not a choice; use one of '0-14', '0-17', '0-18', '0-19'\.$"
    ):
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
    """One child of one country in every row, by default."""
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
