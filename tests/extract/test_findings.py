"""Findings by hand, and exclusions: each row leaves by one rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.cohort.cohort import FINDING_COLUMNS
from childsurv.extract.findings import Found
from childsurv.extract.rules import exclusion_codes, rules

RULES = rules()


def test_findings_by_hand():
    found = Found(np.array([2, 3, 5]), facts={"age_band": "0-14"})
    found.add("age-out-of-band", np.array([False, True, True]))
    found.add("dates-placed", np.array([True, True, False]))
    found.add("dco", np.array([False, False, False]))
    found.count("blank-line", 1)
    table = found.findings()
    assert list(table.columns) == list(FINDING_COLUMNS)
    assert table[["code", "row_number", "count"]].astype(object).to_numpy().tolist() == [
        ["age-out-of-band", 3, 1],
        ["age-out-of-band", 5, 1],
        ["blank-line", 0, 1],
        ["dates-placed", 0, 2],
    ]
    assert "0-14" in table["message"].iloc[0]
    with pytest.raises(KeyError):
        found.add("no-such-rule", np.array([True, False, False]))


@given(st.data())
def test_each_row_leaves_by_the_first_rule_that_applies(data):
    size = data.draw(st.integers(1, 30))
    chosen = data.draw(st.lists(st.sampled_from(exclusion_codes("childsurv")), max_size=6, unique=True))
    codes = [code for code in RULES if code in chosen]
    masks = {
        code: np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size))) for code in codes
    }
    country = pd.Categorical(data.draw(st.lists(st.sampled_from("XY"), min_size=size, max_size=size)))
    found = Found(np.arange(1, size + 1), facts={"age_band": "0-14"})
    for code, mask in masks.items():
        found.add(code, mask)
    kept, table = found.exclude(codes, country)
    first = [next((code for code in codes if masks[code][row]), None) for row in range(size)]
    assert kept.tolist() == [code is None for code in first]
    expected = pd.Series([(code, country[row]) for row, code in enumerate(first) if code]).value_counts()
    assert {
        (rule, where): n for rule, where, n in table[["rule", "country", "patients"]].itertuples(index=False)
    } == (expected.to_dict())
