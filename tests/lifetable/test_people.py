from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.errors import ChildsurvWarning, ColumnError, DataError, LifeTableError, OptionError, asking
from childsurv.lifetable.people import Columns, demographics, look_up_conventions, people_of
from childsurv.lifetable.table import LifeTable


@pytest.fixture(scope="module")
def table(cells) -> LifeTable:
    return LifeTable.from_frame(cells.assign(country="XAA"), mx="mx", by="country")


@pytest.fixture
def children() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age_days": [0, 400, 3000],
            "sex": ["male", "female", "male"],
            "diagnosis_date": pd.to_datetime(["2001-05-17", "2004-02-29", "2009-12-31"]),
            "country": "XAA",
        }
    )


DIAGNOSES = [np.datetime64(day, "D").astype(np.int64) for day in ("2001-05-17", "2004-02-29", "2009-12-31")]


def cohort_of(frame: pd.DataFrame) -> Cohort:
    frame = frame.assign(entry=0, time=100, event=0)
    return Cohort(frame, len(frame), None, empty_findings(), join_exclusions([]))


def found(data, table, **columns):
    with asking("net_survival"):
        people = demographics(data, table, **columns)
    return people.stratum.tolist(), people.birth.tolist(), people.diagnosis.tolist()


def test_columns_give_stratum_birth_and_diagnosis(children, table):
    births = [DIAGNOSES[0], DIAGNOSES[1] - 400, DIAGNOSES[2] - 3000]
    assert found(children, table) == ([1, 0, 1], births, DIAGNOSES)
    renamed = children.rename(columns={"age_days": "age", "sex": "s", "diagnosis_date": "day"})
    assert found(renamed, table, age_days="age", sex="s", diagnosis_date="day") == (
        [1, 0, 1],
        births,
        DIAGNOSES,
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(
            sex=frame["sex"].astype("category"), country=frame["country"].astype("category")
        ),
        lambda frame: frame.assign(age_days=frame["age_days"].astype(float)),
        lambda frame: frame.assign(age_days=frame["age_days"].astype("Int64")),
        lambda frame: frame.assign(diagnosis_date=frame["diagnosis_date"].astype("datetime64[s]")),
        lambda frame: frame.assign(diagnosis_date=frame["diagnosis_date"] + np.timedelta64(23, "h")),
        lambda frame: frame.assign(diagnosis_date=frame["diagnosis_date"].dt.date),
        lambda frame: frame.assign(
            diagnosis_date=frame["diagnosis_date"].dt.date.astype(pd.ArrowDtype(pa.date32()))
        ),
        lambda frame: frame.set_index(pd.Index([7, 7, 9])),
        pl.from_pandas,
        pa.Table.from_pandas,
    ],
)
def test_every_usual_kind_of_column_and_table_gives_the_same(children, table, change):
    assert found(change(children), table) == found(children, table)


def test_a_birth_date_may_stand_for_the_age(children, table):
    births = children["diagnosis_date"] - pd.to_timedelta(children["age_days"], unit="D")
    frame = children.drop(columns="age_days").assign(born=births)
    assert found(frame, table, birth_date="born") == found(children, table)
    with pytest.raises(OptionError, match="give age_days= or birth_date=, not both"):
        found(children.assign(born=births), table, age_days="age_days", birth_date="born")


def test_a_cohort_uses_its_birth_dates_and_ages_where_there_are_none(children, table):
    births = children["diagnosis_date"] - pd.to_timedelta(children["age_days"], unit="D")
    expected = found(children, table)
    assert found(cohort_of(children), table) == expected
    cohort = cohort_of(children.assign(birth_date=births, age_days=children["age_days"] + 1))
    assert found(cohort, table) == expected
    some = cohort_of(children.assign(birth_date=births.where([True, False, True])))
    assert found(some, table) == expected
    none = children.assign(birth_date=births.where([True, False, False]), age_days=[0.0, np.nan, 3000.0])
    with pytest.raises(DataError, match=r"'birth_date' and 'age_days' are both missing in 1 row \(row 2\)"):
        found(cohort_of(none), table)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"age_days": [0, -4711, 3000]},
            DataError,
            r"column 'age_days' is negative in 1 row \(row 2\).*correct or exclude",
        ),
        ({"age_days": [0, np.nan, 3000]}, DataError, r"column 'age_days' is missing in 1 row \(row 2\)"),
        ({"age_days": [0, 471.1, 3000]}, DataError, r"not a whole number of days in 1 row \(row 2\).*round"),
        (
            {"age_days": [0, 471100, 3000]},
            DataError,
            r"before the year 1800 by column 'age_days' in 1 row \(row 2\)",
        ),
        ({"age_days": ["0", "4711", "3000"]}, ColumnError, "column 'age_days' holds .*, not numbers"),
        (
            {"sex": ["male", "4711", "male"]},
            LifeTableError,
            r"column 'sex' is not 'male' or 'female' in 1 row \(row 2\)",
        ),
        (
            {"sex": ["male", None, "male"]},
            LifeTableError,
            r"column 'sex' is not 'male' or 'female' in 1 row \(row 2\)",
        ),
        ({"sex": [1, 2, 1]}, LifeTableError, "not 'male' or 'female' in 3 rows"),
        ({"diagnosis_date": pd.NaT}, DataError, "column 'diagnosis_date' is missing in 3 rows"),
        (
            {"diagnosis_date": "2001-04-07"},
            ColumnError,
            "column 'diagnosis_date' holds .*, not dates.*pandas.to_datetime",
        ),
        ({"diagnosis_date": 4711}, ColumnError, "not dates"),
        (
            {"diagnosis_date": pd.Timestamp("2001-01-01", tz="UTC")},
            ColumnError,
            "has a time zone.*tz_localize",
        ),
        (
            {"diagnosis_date": np.datetime64("1700-01-01", "s")},
            DataError,
            "outside the years 1800 to 2299 in 3 rows",
        ),
        (
            {"country": ["XAA", "XBB", "XBB"]},
            LifeTableError,
            r"no country for 2 rows: XBB \(2 rows\).*concat_life_tables",
        ),
    ],
)
def test_faults_are_named_with_column_rows_and_remedy_and_no_value(children, table, change, error, message):
    with pytest.raises(error, match="net_survival") as raised:
        found(children.assign(**change), table)
    assert raised.match(message)
    assert "4711" not in str(raised.value)


def test_a_birth_after_the_diagnosis_is_a_fault(children, table):
    frame = children.assign(born=dt.date(2004, 1, 1))
    with pytest.raises(DataError, match=r"column 'born' is after column 'diagnosis_date' in 1 row \(row 1\)"):
        found(frame, table, birth_date="born")


def test_missing_columns_are_named_with_the_arguments_that_name_them(children, table):
    with pytest.raises(
        ColumnError,
        match=r"age_days= \(or birth_date=\), sex= and diagnosis_date=.*no column 'diagnosis_date'",
    ):
        found(children.rename(columns={"diagnosis_date": "diagnosed"}), table)
    with pytest.raises(ColumnError, match="the life table is by country, sex: no column 'country'"):
        found(children.drop(columns="country"), table)
    with pytest.raises(ColumnError, match="no column 'gender'"):
        found(children, table, sex="gender")
    with pytest.raises(DataError, match="no rows to look up"):
        found(children[:0], table)
    with pytest.raises(OptionError, match="a LifeTable is needed, got DataFrame"):
        found(children, children)


def test_ages_that_look_like_years_are_doubted_aloud(children, table):
    many = pd.concat([children] * 10, ignore_index=True)
    with pytest.warns(ChildsurvWarning, match="no age in column 'age_days' is above 120 days in 30 rows"):
        found(many.assign(age_days=many["age_days"] // 365), table)


FOLLOWED = Columns(time="time", event="event", entry="entry")


@pytest.fixture
def followed(children) -> pd.DataFrame:
    return children.assign(time=[300, 500, 900], event=[1, 0, 1], entry=[0, 0, 400], group=["b", "a", "c"])


def test_people_have_follow_up_groups_and_their_own_places(children, table):
    cohort = Cohort(
        children.assign(entry=0, time=[300, 0, 900], event=1), 3, None, empty_findings(), join_exclusions([])
    )
    people = people_of(cohort, table, Columns(), by="sex", zero_survival="drop")
    whole = demographics(cohort, table)
    assert people.time.tolist() == [300, 900]
    assert people.places.diagnosis.tolist() == whole.diagnosis[[0, 2]].tolist()
    assert people.labels[["sex", "patients", "total_events"]].loc[people.group].to_numpy().tolist() == [
        ["male", 2, 2],
        ["male", 2, 2],
    ]
    assert people.rows_of_data(np.array([False, True])).tolist() == [False, False, True]
    assert people.conventions == people.observed.conventions


def test_a_horizon_ends_follow_up_and_leaves_out_who_enters_later(followed, table):
    people = people_of(followed, table, FOLLOWED, by="group")
    assert people.until(None) is people
    year = people.until(1)
    assert year.time.tolist() == [300, 366]
    assert year.observed.event.tolist() == [1, 0]
    assert year.labels["group"].tolist() == ["a", "b"]
    assert year.places.diagnosis.tolist() == people.places.diagnosis[:2].tolist()
    assert year.conventions["horizon"] == "1 years; 1 patients entered later"


def test_follow_up_through_a_life_table_counts_whole_days(followed, table):
    message = (
        r"^expected: follow-up must be in whole days to be looked up in a life table; round it, for example with "
        r"\(years \* 365\.25\)\.round\(\)\.$"
    )
    with asking("expected"), pytest.raises(DataError, match=message):
        people_of(followed.assign(time=followed["time"] + 0.5), table, FOLLOWED)


def test_what_results_report_of_the_look_up(table):
    fixed = table.with_look_up("relsurv")
    exact, later, split = (
        look_up_conventions(fixed, change=one)["age_cells"] for one in ("exact", "next", "split")
    )
    assert later == f"{exact}; a change within a day holds from the next"
    assert split == f"{exact}; a change within a day splits it"
    # Birthdays are whole days.
    assert look_up_conventions(table, change="next") == look_up_conventions(table, change="exact")
    assert look_up_conventions(table)["life_table_digest"] == table.digest
