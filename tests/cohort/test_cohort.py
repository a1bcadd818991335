from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import pickle
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import (
    AGE_GROUPS,
    EXCLUSION_COLUMNS,
    FINDING_COLUMNS,
    ICCC_GROUPS,
    QUALITY_COUNTS,
    Cohort,
    add_quality_counts,
    category_order,
    empty_findings,
    exclusion_rows,
    join_exclusions,
)
from childsurv.errors import ChildsurvError, ColumnError, DataError, OptionError


def cohort(*, rows_read: int | None = None, exclusions: pd.DataFrame | None = None, **columns: Any) -> Cohort:
    frame = pd.DataFrame(
        {
            "country": ["XAA", "XAA", "XBB", "XBB", "XBB"],
            "sex": ["male", "female", "male", "female", "male"],
            "age_days": [98765, 2, 3, 400, 5000],
            "diagnosis_date": pd.to_datetime(
                ["2001-01-01", "2005-06-07", "2009-12-31", "2010-01-01", "2012-12-31"]
            ),
            "entry": 0,
            "time": [4000, 300, 5, 1000, 30],
            "event": [1, 0, 1, 0, 1],
            "iccc_group": pd.Categorical(
                ["I", "IX", "V", "I", "X"], [g for g in ICCC_GROUPS if g in {"I", "V", "IX", "X"}]
            ),
        }
    ).assign(**columns)
    exclusions = join_exclusions([]) if exclusions is None else exclusions
    total = len(frame) + int(exclusions["patients"].sum()) if rows_read is None else rows_read
    return Cohort(frame, total, dt.date(2015, 12, 31), empty_findings(), exclusions)


def test_nothing_may_be_lost() -> None:
    with pytest.raises(
        DataError,
        match=(
            r"^9 rows were read, but 5 are kept and 0 excluded by name: rows were lost or counted twice\. "
            r"This is a fault of the reader; please report it with the layout you used\.$"
        ),
    ):
        cohort(rows_read=9)
    with pytest.raises(
        ColumnError,
        match=(
            r"^A cohort: no column 'event'\. Did you mean 'entry' for 'event'\? The data have the columns:"
            r" country, sex, age_days, diagnosis_date, entry, time, iccc_group\.$"
        ),
    ):
        Cohort(cohort().data.drop(columns="event"), 5, None, empty_findings(), join_exclusions([]))


def test_repr_holds_counts_only() -> None:
    text = repr(cohort())
    assert text == "<Cohort: 5 of 5 rows kept, 2 countries, 3 deaths, 0 exclusion rules applied, 0 findings>"
    for value in ("98765", "2001", "XAA", "male"):
        assert value not in text


def test_data_are_fresh_and_a_cohort_is_frozen() -> None:
    whole = cohort()
    data = whole.data
    data.loc[:, "time"] = -1
    data["sex"] = "changed"
    assert (whole.data["time"] >= 0).all()
    assert "changed" not in set(whole.data["sex"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole.rows_read = 3  # type: ignore[misc]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_pickles_and_deep_copies_are_equal(again: Callable[[Cohort], Cohort]) -> None:
    first = dataclasses.replace(
        cohort().where("sex == 'male'", rule="boys"),
        provenance=(MappingProxyType({"source": "simulated.csv", "exclude": ("dco",)}),),
    )
    other = again(first)
    pd.testing.assert_frame_equal(other.data, first.data)
    pd.testing.assert_frame_equal(other.findings, first.findings)
    pd.testing.assert_frame_equal(other.exclusions, first.exclusions)
    pd.testing.assert_frame_equal(other.quality_counts, first.quality_counts)
    assert (other.rows_read, other.closing_date) == (first.rows_read, first.closing_date)
    assert other.provenance == first.provenance
    assert isinstance(other.provenance[0], MappingProxyType)
    other.frame.loc[0, "time"] = 1
    assert first.frame.loc[0, "time"] == 4000


def test_where_counts_who_is_left_out_by_country() -> None:
    kept = cohort().where("sex == 'male'", rule="boys", message="girls are left out")
    assert len(kept) == 3
    assert list(kept.exclusions.columns) == list(EXCLUSION_COLUMNS)
    assert kept.exclusions.to_numpy().tolist() == [
        ["boys", "girls are left out", "XAA", 1],
        ["boys", "girls are left out", "XBB", 1],
    ]
    again = kept.where(lambda data: data["time"] > 10, rule="boys", message="girls are left out")
    assert again.exclusions["patients"].tolist() == [1, 2]
    assert len(again) + again.exclusions["patients"].sum() == again.rows_read == 5


def test_conditions_of_every_kind() -> None:
    whole = cohort()
    expected = whole.where("event == 1").data
    for condition in (
        whole.data["event"] == 1,
        (whole.data["event"] == 1).to_numpy(),
        [True, False, True, False, True],
        lambda data: data["event"] == 1,
    ):
        pd.testing.assert_frame_equal(whole.where(condition).data, expected)
    assert whole.where(np.ones(5, dtype=bool)).exclusions.empty


def test_rows_are_renumbered_and_unused_categories_go() -> None:
    kept = cohort().where("iccc_group == 'I'")
    assert kept.data.index.tolist() == [0, 1]
    assert kept.data["iccc_group"].cat.categories.tolist() == ["I"]


def test_flow_runs_from_read_to_analysed() -> None:
    flow = cohort().where("sex == 'male'", rule="boys").window(diagnosed=("2009-01-01", None)).flow
    assert flow["step"].tolist() == ["read", "boys", "diagnosed-outside-window", "analysed"]
    assert flow["patients"].tolist() == [5, -2, -1, 2]
    assert flow["remaining"].tolist() == [5, 3, 2, 2]


BAD_CONDITIONS: dict[str, tuple[Any, type[ChildsurvError], str]] = {
    "no such column": (
        "agee_days > 98765",
        ColumnError,
        r"where\('agee_days > 98765'\) cannot be evaluated \(UndefinedVariableError\)\. "
        r"The cohort has the columns: country, sex",
    ),
    "bad grammar": ("age_days >", ColumnError, r"cannot be evaluated \(SyntaxError\)"),
    "not booleans": (
        "age_days",
        OptionError,
        r"expected shape \(5,\) of booleans, got int64 of shape \(5,\)",
    ),
    "numbers": ([1, 0, 1, 0, 1], OptionError, r"expected shape \(5,\) of booleans, got int64"),
    "too short": ([True, False], OptionError, r"got bool of shape \(2,\)"),
    "missing answers": (pd.array([True, None, True, True, True], dtype="boolean"), OptionError, "got object"),
    "other order": (
        pd.Series([True] * 5, index=[4, 3, 2, 1, 0]),
        OptionError,
        r"another index than the cohort's data.*\.to_numpy\(\)",
    ),
}


@pytest.mark.parametrize("case", BAD_CONDITIONS)
def test_bad_conditions(case: str) -> None:
    condition, error, message = BAD_CONDITIONS[case]
    with pytest.raises(error, match=message):
        cohort().where(condition)


@pytest.mark.parametrize(
    "window",
    [("2010", "2014"), (2010, 2014), ("01/02/2010", None), ("2010-13-01", None), (pd.NaT, None), (float("nan"), None),
     ("2010-01-01T12:00", None), (pd.Timestamp("2010-01-01", tz="UTC"), None), (pd.Timestamp("2010-01-01 12:00"), None),
     ([1], None), ("today", None)],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("argument", ["diagnosed", "followed"])
def test_dates_of_windows_are_written_in_full(window: Any, argument: str) -> None:
    with pytest.raises(OptionError, match=rf"^{argument}= takes dates such as '2010-01-01', written in full"):
        cohort().window(**{argument: window})


def test_windows_take_dates_of_every_kind() -> None:
    expected = cohort().window(followed=("2009-12-31", "2010-02-01")).data
    for first in (
        dt.date(2009, 12, 31),
        dt.datetime(2009, 12, 31),
        pd.Timestamp("2009-12-31"),
        np.datetime64("2009-12-31"),
    ):
        pd.testing.assert_frame_equal(cohort().window(followed=(first, dt.date(2010, 2, 1))).data, expected)


def test_windows_are_pairs_in_order() -> None:
    for window in ("2010-01-01", ["2010-01-01", "2011-01-01"], ("2010-01-01",)):
        with pytest.raises(
            OptionError, match=r"^followed= takes two dates, \(from, to\); write None for an open end\.$"
        ):
            cohort().window(followed=window)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^followed=: the first date is after the last one; swap them\.$"):
        cohort().window(followed=("2011-01-01", "2010-01-01"))


def test_an_open_window_is_the_cohort() -> None:
    for window in ((None, None), ("1900-01-01", "2199-12-31")):
        pd.testing.assert_frame_equal(cohort().window(followed=window, diagnosed=window).data, cohort().data)


def test_with_columns() -> None:
    more = cohort().with_columns({"half": [0, 0, 1, 1, 1]}, year=lambda data: data["diagnosis_date"].dt.year)
    assert more.data["year"].tolist() == [2001, 2005, 2009, 2010, 2012]
    assert "half" not in cohort().data
    with pytest.raises(ColumnError, match=r"^with_columns\(x=\.\.\.\): 2 values for 5 rows\.$"):
        cohort().with_columns(x=[98765, 2])
    with pytest.raises(
        ColumnError,
        match=(
            r"^with_columns\(x=\.\.\.\): the Series has another index than the cohort's data, so its rows "
            r"cannot be matched safely\. Pass \.to_numpy\(\) if the order is the same\.$"
        ),
    ):
        cohort().with_columns(x=pd.Series(range(5), index=range(5, 10)))


def test_tables_without_rows_have_their_columns() -> None:
    assert list(empty_findings().columns) == list(FINDING_COLUMNS)
    assert list(join_exclusions([]).columns) == list(EXCLUSION_COLUMNS)
    assert list(add_quality_counts([]).columns) == ["country", "registry", *QUALITY_COUNTS]
    rows = exclusion_rows("r", "m", pd.Series(["XBB", None, "XBB", "XAA"]))
    assert rows[["country", "patients"]].to_numpy().tolist() == [["", 1], ["XAA", 1], ["XBB", 2]]


def test_category_order() -> None:
    assert category_order("age_group", ["10-14", "0", "other", "5-9"]) == ["0", "5-9", "10-14", "other"]
    assert category_order("iccc_group", ["X", "IX", "none", "II"]) == ["II", "IX", "X", "none"]
    assert category_order("stage", ["b", "a"]) == ["b", "a"]
    assert sorted(AGE_GROUPS) != list(AGE_GROUPS)
