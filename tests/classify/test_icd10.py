"""Coarse groups from ICD-10, by hand, and records that have nothing else."""

from __future__ import annotations

import pandas as pd
import pytest

import childsurv as cs
from childsurv.classify.icd10 import coarse_group
from childsurv.errors import DataError


@pytest.mark.parametrize(
    ("code", "group", "certainty", "behaviour"),
    [
        ("C91.0", "I", "category", 3),
        ("с91", "I", "category", 3),
        ("C910", "I", "category", 3),
        ("C83.7", "II", "category", 3),
        ("C96.0", "II", "category", 3),
        ("C96.6", None, None, 3),
        ("C71.6", "III", "site", 3),
        ("D33.1", "III", "site", 0),
        ("D43,2", "III", "site", 1),
        ("D35.1", None, None, 0),
        ("D35.3", "III", "site", 0),
        ("C75.0", None, None, 3),
        ("C75.3", "III", "site", 3),
        ("C22", "VII", "site", 3),
        ("C22.3", "IX", "category", 3),
        ("C22.4", None, None, 3),
        ("C69.2", "V", "site", 3),
        ("C69", None, None, 3),
        ("C74", None, None, 3),
        ("C74.10", "IV", "site", 3),
        ("D46.9", "I", "category", 3),
        ("D47.2", None, None, 1),
        ("D05.1", None, None, 2),
        ("C80", None, None, 3),
        ("J18.9", None, None, None),
        ("D50", None, None, None),
    ],
)
def test_codes_by_hand(code, group, certainty, behaviour):
    row = cs.classify_icd10([code]).iloc[0]
    assert [None if pd.isna(value) else value for value in row] == [group, certainty, behaviour]


def test_unreadable_codes_are_refused_by_row_and_missing_ones_are_not():
    assert cs.classify_icd10(["", None])["iccc_group"].isna().all()
    with pytest.raises(
        DataError,
        match=(
            r"^Coarse groups from ICD-10: column 'mkb' must hold an ICD-10 code, such as C91\.0, C910 or "
            r"C91, and does not in 1 row \(row 2\)\. Correct these codes, or make them missing\.$"
        ),
    ) as caught:
        cs.classify_icd10(pd.Series(["C91", "leukaemia"], name="mkb"))
    assert "leukaemia" not in str(caught.value)
    assert "mkb" in str(caught.value)


def test_every_line_of_the_table_is_looked_up_as_it_says():
    for row in cs.icd10_table().itertuples():
        first, _, last = row.codes.partition("-")
        for code in (first, last or first):
            group, certainty, _ = coarse_group(code)
            assert (group or None, certainty or None) == (row.iccc_group, row.certainty)
        if row.certainty == "site":
            assert row.reason


def rows_with_icd10(clean_rows, codes, **columns):
    rows = clean_rows(len(codes)).assign(icd10=codes, topography="", morphology="", behaviour="")
    return rows.assign(**columns)


def read(rows, **options):
    return cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31", **options)


def test_records_with_icd10_alone_are_grouped_and_marked(clean_rows):
    rows = rows_with_icd10(clean_rows, ["C91.0", "C71.6", "D33.0", "C80", "D06", "D12", "?", ""])
    cohort = read(rows)
    data = cohort.data
    assert data["iccc_group"].tolist() == ["I", "III", "III"]
    assert set(data["iccc_subgroup"]) == {"not classified"}
    assert set(data["iccc_edition"]) == {"icd10-coarse"}
    assert data["behaviour"].tolist() == [3, 3, 0]
    assert data["icd10"].tolist() == ["C91.0", "C71.6", "D33.0"]
    found = cohort.findings.set_index(["code", "row_number"])["count"]
    assert set(found.index) - {("country-unknown", 0)} == {
        ("icd10-only", 0), ("icd10-not-mapped", 4), ("in-situ", 5), ("non-malignant-outside-cns", 6),
        ("icd10-unreadable", 7), ("topography-missing", 7), ("morphology-missing", 7),
        ("topography-missing", 8), ("morphology-missing", 8), ("non-malignant-cns", 0),
    }  # fmt: skip
    assert found["icd10-only", 0] == 6
    assert cohort.rows_read == len(cohort) + cohort.exclusions["patients"].sum()


def test_a_file_without_icd_o_3_columns_is_read(clean_rows):
    rows = clean_rows(4).assign(icd10="C64").drop(columns=["topography", "morphology", "behaviour"])
    assert read(rows).data["iccc_group"].tolist() == ["VI"] * 4


def test_icd_o_3_counts_where_it_is_there_and_editions_stand_side_by_side(clean_rows):
    rows = clean_rows(2).assign(icd10=["C71.6", "C91"])
    rows.loc[1, ["topography", "morphology", "behaviour"]] = ""
    data = read(rows).data
    assert data["iccc_subgroup"].tolist() == ["IIIc", "not classified"]
    assert list(data["iccc_edition"]) == ["2017", "icd10-coarse"]
    cs.concat([read(rows), read(clean_rows(2))])


@pytest.mark.parametrize(
    ("icd10", "topography", "morphology", "wrong"),
    [
        ("C91.0", "C71.6", "9470", True),
        ("C91.0", "C42.1", "9811", False),
        ("C83.3", "C71.9", "9680", False),
        ("C71.9", "C71.9", "9680", False),  # a lymphoma of the brain, coded by its site
        ("C64", "C42.1", "9811", True),
        ("C71.6", "C64.9", "8960", True),
        ("C49.2", "C64.9", "8960", False),  # sites may differ; kinds of disease may not
        ("C80", "C42.1", "9811", False),
        ("", "C42.1", "9811", False),
    ],
)
def test_contradictions(clean_rows, icd10, topography, morphology, wrong):
    rows = rows_with_icd10(clean_rows, [icd10], topography=topography, morphology=morphology, behaviour="3")
    assert ("icd10-contradicts-morphology" in set(read(rows).findings["code"])) is wrong


def test_the_coarse_cohort_is_written_and_read_again(clean_rows, tmp_path):
    cohort = read(rows_with_icd10(clean_rows, ["C91.0", "C64", "C71"]))
    cs.write_extract(cohort, tmp_path / "cohort.csv")
    again = read(tmp_path / "cohort.csv")
    pd.testing.assert_frame_equal(again.data, cohort.data)
