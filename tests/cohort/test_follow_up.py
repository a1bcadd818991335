from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

import childsurv as cs
from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.cohort.follow_up import FollowUp, columns_list, follow_up, frame_of, group_codes, tie_times
from childsurv.errors import ChildsurvError, ChildsurvWarning, ColumnError, DataError, OptionError, asking
from strategies import exactly

FRAME = pd.DataFrame(
    {
        "t": [5, 3, 5, 2],
        "d": [1, 0, 0, 1],
        "g": ["b", "a", "b", "c"],
        "s": [0, 1, 2, 0],
        "w": [1.0, 2.0, 0.5, 1.0],
    }
)


def get(frame: Any = FRAME, **options: Any) -> FollowUp:
    with asking("test"):
        return follow_up(frame, **{"time": "t", "event": "d", **options})


def cohort(**columns: Any) -> Cohort:
    frame = pd.DataFrame(
        {"diagnosis_date": pd.Timestamp("2001-01-01"), "entry": 0, "time": [0, 4, 9], "event": [1, 0, 1]}
    ).assign(**columns)
    return Cohort(frame, len(frame), dt.date(2010, 1, 1), empty_findings(), join_exclusions([]))


def test_arrays_of_a_frame() -> None:
    observed = get(by="g", entry="s", weights="w")
    assert observed.time.tolist() == [5, 3, 5, 2]
    assert observed.counted
    assert observed.groups["g"].tolist() == ["a", "b", "c"]
    assert observed.group.tolist() == [1, 0, 1, 2]
    assert observed.entry is not None
    assert observed.weights is not None
    assert observed.n_groups == 3
    assert get().n_groups == 1
    assert get(entry="s").in_days


def test_entries_of_nought_are_no_entries() -> None:
    assert get(FRAME.assign(s=0), entry="s").entry is None


@pytest.mark.parametrize(
    "convert",
    [polars.from_pandas, pyarrow.Table.from_pandas, lambda frame: polars.from_pandas(frame).lazy()],
    ids=["polars", "arrow", "lazy"],
)
def test_other_tables_are_the_same(convert: Any) -> None:
    theirs, ours = get(convert(FRAME), by="g", weights="w"), get(by="g", weights="w")
    assert theirs.time.tolist() == ours.time.tolist()
    assert theirs.group.tolist() == ours.group.tolist()
    assert theirs.groups["g"].tolist() == ours.groups["g"].tolist()


def test_a_frame_is_not_copied_and_not_changed() -> None:
    before = FRAME.copy()
    assert frame_of(FRAME) is FRAME
    get(by="g", entry="s", weights="w")
    pd.testing.assert_frame_equal(FRAME, before)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float32", "Int64", "Float64", "int64[pyarrow]"])
def test_numeric_types(dtype: str) -> None:
    observed = get(FRAME.astype({"t": dtype}))
    assert observed.time.tolist() == [5, 3, 5, 2]
    assert observed.counted


@pytest.mark.parametrize("dtype", ["bool", "boolean", "float64"])
def test_event_types(dtype: str) -> None:
    assert get(FRAME.astype({"d": dtype})).event.tolist() == [1, 0, 0, 1]


def test_rows_on_the_day_of_diagnosis() -> None:
    with asking("test"):
        kept = follow_up(cohort())
    assert kept.time.tolist() == [1, 4, 9]
    assert kept.same_day == 1
    with asking("test"):
        dropped = follow_up(cohort(), zero_survival="drop")
    assert dropped.time.tolist() == [4, 9]
    assert dropped.rows.tolist() == [1, 2]
    assert dropped.same_day == 1
    # A table is taken as it is: its time 0 is a time.
    with asking("test"):
        assert follow_up(cohort().data, time="time", event="event").time.tolist() == [0, 4, 9]


def test_groups_of_several_columns_and_categories() -> None:
    frame = pd.DataFrame({"a": pd.Categorical(["y", "x", "y"], ["y", "x"]), "b": [2, 1, 1]})
    with asking("test"):
        codes, groups = group_codes(frame, ["a", "b"])
    assert groups.to_numpy().tolist() == [["y", 1], ["y", 2], ["x", 1]]
    assert codes.tolist() == [1, 2, 0]
    assert isinstance(groups["a"].dtype, pd.CategoricalDtype)


def test_many_sparse_combinations() -> None:
    frame = pd.DataFrame({f"c{n}": np.arange(3000) for n in range(4)})
    with asking("test"):
        codes, groups = group_codes(frame, list(frame))
    assert codes.tolist() == list(range(3000))
    pd.testing.assert_frame_equal(groups, frame)


def test_an_empty_category_is_a_warning() -> None:
    frame = FRAME.assign(g=pd.Categorical(["b", "a", "b", "a"], ["a", "b", "IIIc", "XIf"]))
    with pytest.warns(
        ChildsurvWarning,
        match=r"2 groups of column 'g' have no rows and get no result: IIIc, XIf\. Drop unused",
    ):
        assert get(frame, by="g").groups["g"].tolist() == ["a", "b"]


def test_columns_list() -> None:
    assert columns_list(None) == []
    assert columns_list("a") == ["a"]
    assert columns_list(("a", "b")) == ["a", "b"]


def test_times_in_parts_of_days_are_not_counted() -> None:
    assert not get(FRAME.assign(t=[0.5, 1, 2, 3])).counted
    assert not get(FRAME.assign(t=[10**6, 1, 2, 3])).counted


def test_entries_and_ends_are_tied_together() -> None:
    with asking("test"):
        time, entry, _ = tie_times(np.array([1.0, 2.5]), np.array([0.2, 1.0 + 1e-10]))
    assert entry is not None
    assert entry[1] == time[0]


SENTINEL = 98765.4321
BAD: dict[str, tuple[dict[str, Any], dict[str, Any], type[ChildsurvError], str]] = {
    "time negative": (
        {"t": [5, -98765, 5, 2]},
        {},
        DataError,
        r"column 't' is negative in 1 row \(row 2\)\. .*correct or exclude",
    ),
    "time missing": (
        {"t": [SENTINEL, None, 5, None]},
        {},
        DataError,
        r"column 't' is missing in 2 rows \(rows 2, 4\)\. Fill it or exclude",
    ),
    "time infinite": (
        {"t": [SENTINEL, np.inf, 5, 2]},
        {},
        DataError,
        r"column 't' is infinite in 1 row \(row 2\)",
    ),
    "time is text": (
        {"t": ["98765.4321", "2", "3", "4"]},
        {},
        ColumnError,
        r"column 't' holds (object|str|string), not numbers",
    ),
    "time is a date": (
        {"t": pd.to_datetime(["1998-07-06"] * 4)},
        {},
        ColumnError,
        r"column 't' holds datetime64.*\.dt\.days",
    ),
    "time is a span": (
        {"t": pd.to_timedelta([98765] * 4, "s")},
        {},
        ColumnError,
        r"column 't' holds timedelta64",
    ),
    "event two": (
        {"d": [1, 98765, 0, 1]},
        {},
        DataError,
        r"column 'd' is neither 0 nor 1 in 1 row \(row 2\)\. Recode it, for example",
    ),
    "event missing": ({"d": [1, None, 0, 1]}, {}, DataError, r"column 'd' is missing in 1 row \(row 2\)"),
    "event is text": (
        {"d": ["dead", "alive", "alive", "dead"]},
        {},
        ColumnError,
        r"column 'd' holds (object|str|string), not numbers",
    ),
    "entry at the end": (
        {"s": [0, 3, 0, 98765]},
        {"entry": "s"},
        DataError,
        r"column 's' is not before column 't' in 2 rows \(rows 2, 4\)\. Follow-up is \(entry, time\]",
    ),
    "entry negative": (
        {"s": [0, -98765, 0, 0]},
        {"entry": "s"},
        DataError,
        r"column 's' is negative in 1 row \(row 2\)",
    ),
    "entry missing": (
        {"s": [0, None, 0, 0]},
        {"entry": "s"},
        DataError,
        r"column 's' is missing in 1 row \(row 2\)",
    ),
    "entry differs by rounding": (
        {"t": [1.5, 2.5, 3, 4], "s": [0, 2.5 - 1e-12, 0, 0]},
        {"entry": "s"},
        DataError,
        r"entry and end differ only by rounding in 1 row \(row 2\)",
    ),
    "weight negative": (
        {"w": [1, -98765, 1, 1]},
        {"weights": "w"},
        DataError,
        r"column 'w' is negative in 1 row \(row 2\)",
    ),
    "weight missing": (
        {"w": [SENTINEL, None, 1, 1]},
        {"weights": "w"},
        DataError,
        r"column 'w' is missing in 1 row \(row 2\)",
    ),
    "group missing": (
        {"g": ["98765", None, "b", np.nan]},
        {"by": "g"},
        DataError,
        r"group column 'g' is missing in 2 rows \(rows 2, 4\)\. Give these rows a label",
    ),
    "group not a number": (
        {"g": [SENTINEL, np.nan, 1, 1]},
        {"by": "g"},
        DataError,
        r"group column 'g' is missing in 1 row \(row 2\)",
    ),
    "wrong column": (
        {},
        {"time": "tt"},
        ColumnError,
        r"no column 'tt'\. Did you mean 't' for 'tt'\? The data have the columns: t, d, g, s, w",
    ),
    "no time named": (
        {},
        {"time": None},
        ColumnError,
        r"a DataFrame needs time= and event=.*Nothing is assumed about who died",
    ),
    "by twice": ({}, {"by": ["g", "g"]}, OptionError, r"by= names a column twice"),
    "by a number": ({}, {"by": [1]}, OptionError, r"by= takes a column name or a list"),
    "by a column of results": (
        {"time": 98765},
        {"by": "time"},
        OptionError,
        r"by= names 'time', which results use for their columns\. Give the group column another name\.",
    ),
    "zero_survival": (
        {},
        {"zero_survival": "discard"},
        OptionError,
        r"zero_survival='discard' is not a choice; use one of 'keep', 'drop'",
    ),
    "time_unit": ({}, {"time_unit": "hours"}, OptionError, r"time_unit='hours' is not a choice"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_named_and_no_value_is_shown(case: str) -> None:
    columns, options, error, message = BAD[case]
    with pytest.raises(error, match=message) as caught:
        get(FRAME.assign(**columns), **options)
    assert str(caught.value).startswith(("test: ", "by= ", "zero_survival", "time_unit"))
    seen: BaseException | None = caught.value
    while seen is not None:
        for value in ("98765", "4321", "1998", "alive", "1.5"):
            assert value not in str(seen)
        seen = seen.__cause__ or seen.__context__


def test_no_rows_and_no_table() -> None:
    with pytest.raises(
        DataError,
        match=r"^test: there are no rows to analyse\. Check the exclusions and conditions before it\.$",
    ):
        get(FRAME[:0])
    with pytest.raises(
        ColumnError,
        match=r"^Expected a Cohort or a DataFrame \(pandas, polars, Arrow, DuckDB\), got list\.$",
    ):
        get([1, 2, 98765])


def test_column_names_that_occur_twice() -> None:
    with pytest.raises(
        ColumnError, match=r"^test: more than one column is called 't'\. Rename or drop all but one\.$"
    ):
        get(pd.concat([FRAME, FRAME[["t"]]], axis=1))


def test_too_many_combinations_are_refused_not_confused() -> None:
    frame = pd.DataFrame({f"c{n}": np.arange(50_000) for n in range(4)} | {"t": 1, "d": 1})
    with pytest.raises(
        OptionError,
        match=(
            r"^test: c0, c1, c2, c3 have too many combinations of labels to be counted\. Group by fewer "
            r"columns\.$"
        ),
    ):
        get(frame, by=["c0", "c1", "c2", "c3"])


def test_rows_of_a_cohort_are_numbered_as_its_data_are() -> None:
    late = cohort(entry=[0, 0, 9])
    for rule in ("keep", "drop"):
        with pytest.raises(
            DataError,
            match=(
                r"^childsurv: column 'entry' is not before column 'time' in 1 row \(row 3\)\. Follow-up is"
                r" \(entry, time\]; use Cohort\.window\(\) or exclude rows without follow-up\.$"
            ),
        ):
            follow_up(late, zero_survival=rule)


def test_a_cohort_counts_days() -> None:
    with (
        pytest.raises(
            DataError,
            match=(
                r"^test: column 'years' is not a whole number of days in 2 rows \(rows 2, 3\)\. A "
                r"cohort counts days; for another unit pass cohort\.data and the names of its "
                r"columns\.$"
            ),
        ),
        asking("test"),
    ):
        follow_up(cohort(years=[0, 0.5, 2.5]), time="years")


def test_dropping_everybody_is_an_error() -> None:
    with pytest.raises(
        DataError, match=r"^childsurv: every row ends on the day of diagnosis and zero_survival='drop'\.$"
    ):
        follow_up(cohort(time=0), zero_survival="drop")


def test_good_data_raise_no_warning() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        get(FRAME.assign(g=pd.Categorical(FRAME["g"])), by="g", entry="s", weights="w")
    assert caught == []


def test_a_cohort_has_no_other_unit_of_time() -> None:

    with pytest.raises(
        OptionError, match=r"^kaplan_meier: a cohort counts days; time_unit= is for a DataFrame\.$"
    ):
        cs.kaplan_meier(cs.demo.cohort(patients=300, seed=1), time_unit="months")


@pytest.mark.parametrize(
    "name", ["score", "ratio", "number_needed", "reliability", "replications", "transformed"]
)
def test_groups_may_not_be_called_like_a_result(name):

    frame = pd.DataFrame({"time": [1, 2], "event": [1, 0], name: "a"})
    message = f"kaplan_meier: by= names '{name}', which results use for their columns. "
    with pytest.raises(OptionError, match=exactly(message + "Give the group column another name.")):
        cs.kaplan_meier(frame, time="time", event="event", by=name)
