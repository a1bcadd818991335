"""Toronto stage: schemas and stages by hand, against the facts, and in a cohort."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import DataError, OptionError


@pytest.mark.parametrize(
    ("site", "kind", "behaviour", "age", "schema"),
    [
        ("C42.1", "9811", 3, 4, "acute_lymphoblastic_leukemia"),
        ("C42.1", "9811", 3, 40, "no schema"),
        ("C42.1", "9861", 3, 4, "no schema"),
        ("C71.6", "9470", 3, 4, "medulloblastoma"),
        ("C71.6", "9421", 1, 4, "astrocytoma"),
        ("C71.6", "9421", 2, 4, "no schema"),
        ("C69.2", "9510", 3, 0, "retinoblastoma"),
        ("C69.2", "9510", 0, 0, "no schema"),
        ("C64.9", "8963", 3, 1, "renal_tumors_rhabdoid_renal_tumor"),
        ("C22.0", "8963", 3, 1, "non_rhabdomyosarcoma_other_specified"),
        ("C40.2", "9260", 3, 12, "malignant_bone_tumors_ewing"),
        ("C49.2", "9260", 3, 12, "non_rhabdomyosarcoma_other_specified"),
        (None, "9260", 3, 12, "no schema"),
        ("C49.2", None, 3, 12, "no schema"),
        ("C49.2", "9260", None, 12, "no schema"),
    ],
)
def test_schemas_by_hand(site, kind, behaviour, age, schema):
    assert cs.toronto_schema([site], [kind], [behaviour], [age])["schema"].tolist() == [schema]


@pytest.mark.parametrize(
    ("stage", "schema", "cleaned", "coarse", "valid", "staged"),
    [
        ("2A", "hodgkin_lymphoma", "2A", "2", True, True),
        ("IIa", "hodgkin_lymphoma", "2A", "2", True, True),
        ("Stage IVB", "hodgkin_lymphoma", "4B", "4", True, True),
        ("2В", "hodgkin_lymphoma", "2B", "2", True, True),  # a Cyrillic letter
        ("2C", "hodgkin_lymphoma", None, None, False, False),
        ("2", "hodgkin_lymphoma", None, None, False, False),
        ("CNS2", "acute_lymphoblastic_leukemia", "20", None, True, True),
        ("X", "retinoblastoma", "X", None, True, False),
        ("IV", "retinoblastoma", "4", None, True, True),
        ("y2", "renal_tumors_nephroblastoma", "y2", "2", True, True),
        ("M3", "hepatoblastoma", "M3", "M", True, True),
        ("XX", "hepatoblastoma", "XX", None, True, False),
        ("X1", "hepatoblastoma", "X1", None, True, True),
        ("ms", "neuroblastoma", "MS", "MS", True, True),
        ("N/A", "neuroblastoma", "N/A", None, True, False),
        ("III", "testicular", "3", "3", True, True),
        ("L", "no schema", None, None, False, False),
        (None, "retinoblastoma", None, None, False, False),
    ],
)
def test_stages_by_hand(stage, schema, cleaned, coarse, valid, staged):
    row = cs.check_toronto_stage([stage], [schema]).iloc[0]
    found = [None if pd.isna(value) else value for value in row[["stage", "coarse"]]]
    assert (*found, row["valid"], row["staged"]) == (cleaned, coarse, valid, staged)


def test_schemas_and_stages_are_those_of_the_facts(shared):
    with (shared / "facts" / "toronto_stage.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for line in lines:
        sites = [part.strip().split("-")[0] for part in line["icdo3_topography"].split(",")]
        kinds = [part.strip().split("-")[-1] for part in line["icdo3_morphology"].split(",")]
        pairs = [(site, kind) for site in sites for kind in kinds]
        behaviours = [3, 0] if line["behaviour"] == "any" else [3]
        for behaviour in behaviours:
            schema = cs.toronto_schema(*map(list, zip(*pairs, strict=True)), [behaviour] * len(pairs), 5)
            assert set(schema["schema"]) == {line["seer_schema"]}
        stages = set(cs.toronto_stages(line["seer_schema"])["stage"])
        assert stages == set(line["toronto_stage_values"].split())
    assert set(cs.toronto_stages()["schema"]) == {line["seer_schema"] for line in lines}


def test_wrong_arguments():
    with pytest.raises(OptionError, match="schema"):
        cs.toronto_stages("lung")
    with pytest.raises(DataError, match=r"^check_toronto_stage\(\) needs columns of equal length\.$"):
        cs.check_toronto_stage(["1"], [])
    with pytest.raises(DataError, match=r"^toronto_schema\(\) needs columns of equal length\.$"):
        cs.toronto_schema(["C64.9"], [], [3], 4)


def staged_cohort(clean_rows, stages, system="Toronto 2", **columns):
    rows = clean_rows(len(stages)).assign(
        topography="C69.2", morphology="9510", behaviour="3", stage=stages, stage_system=system, **columns
    )
    return cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31")


def test_stages_in_an_extract_are_checked_and_kept(clean_rows):
    cohort = staged_cohort(clean_rows, ["1", "IV", "9", "", "X"])
    assert cohort.data["stage"].tolist() == ["1", "IV", "9", "unknown", "unknown"]
    found = cohort.findings
    assert found.loc[found["code"] == "stage-not-valid", "row_number"].tolist() == [3]
    other = staged_cohort(clean_rows, ["1", "IV", "9", "", "X"], system="TNM")
    assert "stage-not-valid" not in set(other.findings["code"])
    without = staged_cohort(clean_rows, ["1", "2"]).findings
    assert "stage-without-schema" not in set(without["code"])


def test_completeness_by_hand(clean_rows):
    cohort = staged_cohort(
        clean_rows, ["1", "IV", "9", "", "X", "2"], registry=["A", "A", "A", "B", "B", "B"]
    )
    table = cs.stage_completeness(cohort).set_index("registry")
    assert table["tumours"].to_dict() == {"A": 3, "B": 3}
    assert table["staged"].to_dict() == {"A": 2, "B": 1}
    assert table["not_valid"].to_dict() == {"A": 1, "B": 0}
    np.testing.assert_allclose(table["staged_percent"], [200 / 3, 100 / 3], rtol=1e-15)
    assert cs.stage_completeness(staged_cohort(clean_rows, ["1"], system="TNM"))["staged"].item() == 0
