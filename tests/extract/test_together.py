"""Cohorts put together hold the rows, exclusions and categories of each."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from childsurv.cohort.cohort import ICCC_GROUPS, Cohort, empty_findings, join_exclusions
from childsurv.errors import DataError, OptionError
from childsurv.extract.together import concat

GROUPS = ["I", "IX", "V", "I", "X"]


def cohort(**columns: Any) -> Cohort:
    frame = pd.DataFrame(
        {
            "country": ["XAA", "XAA", "XBB", "XBB", "XBB"],
            "diagnosis_date": pd.to_datetime(["2001-01-01", "2005-06-07", *["2009-12-31"] * 3]),
            "entry": 0,
            "time": [4000, 300, 5, 1000, 30],
            "event": [1, 0, 1, 0, 1],
            "iccc_group": pd.Categorical(GROUPS, [group for group in ICCC_GROUPS if group in GROUPS]),
        }
    ).assign(**columns)
    return Cohort(frame, 5, dt.date(2015, 12, 31), empty_findings(), join_exclusions([]))


def test_concat_puts_back_what_was_split() -> None:
    whole = cohort()
    parts = [whole.where(f"country == '{country}'") for country in ("XAA", "XBB")]
    both = concat(parts)
    assert len(both) == 5
    assert both.rows_read == 10
    assert both.exclusions["patients"].sum() == 5
    pd.testing.assert_frame_equal(both.data, whole.data)
    # Categories come back in their official order, not that of appearance.
    assert both.data["iccc_group"].cat.categories.tolist() == ["I", "V", "IX", "X"]


def test_concat_fills_columns_that_some_lack() -> None:
    both = concat([cohort(), cohort().with_columns(stage=["a"] * 5)])
    assert both.data["stage"].isna().sum() == 5


def test_concat_refuses_different_editions() -> None:
    with pytest.raises(
        DataError,
        match=(
            r"^The cohorts use different ICCC-3 editions \(2005, 2017\), so their groups are not the same\. Read them "
            r"again with one iccc_edition=\.$"
        ),
    ):
        concat([cohort(iccc_edition="2005"), cohort(iccc_edition="2017")])
    with pytest.raises(OptionError, match=r"^concat\(\) needs at least one cohort\.$"):
        concat([])
