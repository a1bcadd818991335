"""What moves between editions, on the codes that are known to move."""

from __future__ import annotations

import pytest

import childsurv as cs
from childsurv.errors import OptionError


def cohort_of(clean_rows, codes):
    sites, kinds = zip(*codes, strict=True)
    rows = clean_rows(len(codes)).assign(topography=sites, morphology=kinds, behaviour="3")
    return cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31", exclude="minimal")


# Moves of the update of 2017 for codes that the edition of 2005 knew.
MOVES = [
    ("C22.0", "8991", "IXa", "VIIa"),
    ("C64.9", "9364", "VIa", "IXd"),
    ("C34.9", "8982", "IXd", "XIIa"),
    ("C42.1", "9930", "Ie", "Ib"),
    ("C34.9", "8588", "XIf", "XIb"),
    ("C64.9", "8960", "VIa", "VIa"),
    ("C77.9", "8140", "not classified", "not classified"),
]


def test_moves_by_hand(clean_rows):
    cohort = cohort_of(clean_rows, [(site, kind) for site, kind, _, _ in MOVES])
    table = cs.compare_editions(cohort, level="subgroup")
    moves = {(row["from"], row["to"], row["tumours"], row["moves"]) for row in table.to_dict("records")}
    assert moves == {(old, new, 1, old != new) for _, _, old, new in MOVES}


def test_split_counts_add_up_and_icd10_rows_are_apart(clean_rows):
    rows = clean_rows(40).assign(icd10="")
    rows.loc[:3, ["topography", "morphology", "behaviour"]] = ""
    rows.loc[:3, "icd10"] = "C91"
    cohort = cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31")
    whole = cs.compare_editions(cohort)
    split = cs.compare_editions(cohort, by="country")
    assert whole["tumours"].sum() == split["tumours"].sum() == 40
    assert whole.query("`from` == 'no ICD-O-3 codes'")["tumours"].item() == 4
    # 9811 is a code of 2010, which the edition of 2005 does not hold; nothing else moves.
    assert whole.loc[whole["moves"], ["from", "to"]].to_numpy().tolist() == [["not classified", "I"]]


@pytest.mark.parametrize("editions", [("2005",), ("2005", "2005"), ("2005", "1996")])
def test_editions_are_two_that_are_known(clean_rows, editions):
    with pytest.raises(OptionError, match="editions"):
        cs.compare_editions(cohort_of(clean_rows, [("C64.9", "8960")]), editions=editions)
