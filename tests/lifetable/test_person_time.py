from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import ColumnError, DataError, LifeTableError, OptionError
from childsurv.maths.probability import poisson_limits

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
COLUMNS = {"time": "time", "event": "event"}


@pytest.fixture(scope="module")
def table() -> cs.LifeTable:
    return cs.LifeTable.from_frame(pd.read_csv(REFERENCE / "look_up_life_table.csv"), rate="rate")


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    rows = pd.read_csv(REFERENCE / "expected_children.csv", parse_dates=["diagnosis_date"])
    return rows.assign(event=(rows["row"] % 3 == 0).astype(int))


# By hand


@pytest.fixture(scope="module")
def one_child() -> pd.DataFrame:
    """Born 1 July 2001, diagnosed 1 March 2003, dead 500 days later, on 13 July 2004."""
    return pd.DataFrame(
        {
            "sex": ["male"],
            "age_days": [608],
            "diagnosis_date": [pd.Timestamp("2003-03-01")],
            "time": [500],
            "event": [1],
        }
    )


def test_one_child_by_hand(one_child):
    flat = pd.DataFrame(
        [(sex, 0, year, 1e-3 * (year - 2002)) for sex in ("female", "male") for year in (2003, 2004)],
        columns=["sex", "age", "year", "rate"],
    )
    table = cs.LifeTable.from_frame(flat, rate="rate", rate_unit="per_day")
    cells = cs.person_years(
        one_child, table, ages=[0, 2, 3], years=[2003, 2004], since_diagnosis=[0, 1], **COLUMNS
    )
    # Birthdays after 122 and 488 days; 1 January after 306; a year of follow-up after 365.25.
    expected = [
        (0, 2, 2003, 2003, 0, 1, 122, 0),
        (2, 3, 2003, 2003, 0, 1, 184, 0),
        (2, 3, 2004, None, 0, 1, 59.25, 0),
        (2, 3, 2004, None, 1, None, 122.75, 0),
        (3, None, 2004, None, 1, None, 12, 1),
    ]
    rows = [
        tuple(None if pd.isna(value) else value for value in row)
        for row in cells.drop(columns=["person_years", "expected_deaths", "deaths"]).itertuples(index=False)
    ]
    assert rows == [row[:6] for row in expected]
    # Differences and quotients of exact numbers.
    assert (cells["person_years"] * 365.25).tolist() == pytest.approx([row[6] for row in expected], rel=1e-13)
    assert cells["deaths"].tolist() == [row[7] for row in expected]
    hazards = [1e-3 * (row[2] - 2002) * row[6] for row in expected]
    assert cells["expected_deaths"].tolist() == pytest.approx(hazards, rel=1e-13)
    ratio = cs.standardised_mortality_ratio(one_child, table, **COLUMNS)
    assert ratio["smr"].iloc[0] == pytest.approx(1 / (0.306 + 2 * 0.194), rel=1e-13)


def test_what_lies_before_the_first_cut_is_a_band_of_its_own(one_child):
    cells = cs.person_years(one_child, ages=[3], years=[2004], since_diagnosis=[1], **COLUMNS)
    assert list(cells.columns) == [
        "age_from", "age_to", "year_from", "year_to", "since_from", "since_to", "person_years", "deaths",
    ]  # fmt: skip
    first = cells.iloc[0]
    assert (first["age_from"], first["age_to"], first["since_from"], first["since_to"]) == (0, 3, 0, 1)
    assert pd.isna(first["year_from"])
    assert first["year_to"] == 2003
    assert cells["person_years"].sum() == pytest.approx(500 / 365.25, rel=1e-13)


def test_a_death_on_the_last_day_of_a_band_is_of_that_band(one_child):
    # On day 488, the third birthday begins the band from 3 on; the day before ends the band before.
    for days, band in ((488, 2), (489, 3)):
        cells = cs.person_years(one_child.assign(time=days), ages=[0, 2, 3], **COLUMNS)
        assert cells.loc[cells["deaths"] == 1, "age_from"].tolist() == [band]
    # Four years of 365.25 days are 1,461 whole ones.
    for days, band in ((1461, 0), (1462, 4)):
        cells = cs.person_years(one_child.assign(time=days), since_diagnosis=[0, 4], **COLUMNS)
        assert cells.loc[cells["deaths"] == 1, "since_from"].tolist() == [band]
    same_day = cs.person_years(one_child.assign(time=0), ages=[0], since_diagnosis=[0, 1], **COLUMNS)
    columns = ["age_from", "since_from", "since_to", "person_years", "deaths"]
    assert same_day[columns].to_numpy().tolist() == [[0, 0, 1, 0, 1]]


def test_late_entry_leaves_out_what_was_before(one_child):
    cells = cs.person_years(one_child.assign(entry=400), ages=[0, 2, 3], entry="entry", **COLUMNS)
    assert (cells["person_years"] * 365.25).tolist() == pytest.approx([88, 12], rel=1e-13)


# R


def test_cells_are_those_of_pyears(table, children):
    reference = pd.read_csv(REFERENCE / "person_time_cells.csv")
    own = cs.person_years(
        children,
        table.with_look_up("survival"),
        by="sex",
        ages=[0, 1, 5, 10, 15],
        years=[1900, 2000, 2010],
        since_diagnosis=[0, 1, 5],
        **COLUMNS,
    )
    keys = {"sex": "sex", "age_from": "age", "year_from": "period", "since_from": "since"}
    joined = own.rename(columns=keys).merge(reference, on=list(keys.values()), how="outer", indicator=True)
    # R lists cells that a path touches for no time at all.
    extra = joined[joined["_merge"] != "both"]
    assert (extra["_merge"] == "right_only").all()
    assert (extra["pyears"] < 1e-9).all()
    both = joined[joined["_merge"] == "both"]
    assert len(both) > 40
    # R calls a step within 1e-8 days of a cut on it.
    assert both["person_years"].to_numpy() == pytest.approx(both["pyears"].to_numpy(), rel=1e-9, abs=1e-9)
    assert both["expected_deaths"].to_numpy() == pytest.approx(
        both["expected"].to_numpy(), rel=1e-9, abs=1e-12
    )
    assert (both["deaths"] == both["event"]).all()


def test_ratios_are_those_of_pyears_and_poisson_test(table, children):
    reference = pd.read_csv(REFERENCE / "person_time_ratios.csv")
    own = cs.standardised_mortality_ratio(children, table.with_look_up("survival"), by="sex", **COLUMNS)
    numbers = ["person_years", "deaths", "expected_deaths", "smr", "lower", "upper"]
    assert own["sex"].tolist() == reference["sex"].tolist()
    # Sums of 100 products; both quantiles of the same gamma distribution.
    assert own[numbers].to_numpy(np.float64) == pytest.approx(reference[numbers].to_numpy(), rel=1e-10)


def test_exact_limits_are_those_of_poisson_test():
    reference = pd.read_csv(REFERENCE / "person_time_poisson_limits.csv")
    for level, rows in reference.groupby("level"):
        lower, upper = poisson_limits(rows["count"], level)
        # R and SciPy invert the same function by different iterations.
        assert lower == pytest.approx(rows["lower"].to_numpy(), rel=1e-12)
        assert upper == pytest.approx(rows["upper"].to_numpy(), rel=1e-12)


# Laws


cuts = st.lists(st.integers(0, 20), min_size=1, max_size=4, unique=True).map(sorted)


@given(
    ages=cuts,
    years=st.lists(st.integers(1988, 2024), min_size=1, max_size=3, unique=True).map(sorted),
    since=cuts,
)
def test_bands_share_out_everything(table, children, ages, years, since):
    whole = cs.person_years(children, table, **COLUMNS)
    parts = cs.person_years(children, table, ages=ages, years=years, since_diagnosis=since, **COLUMNS)
    for name in ("person_years", "deaths", "expected_deaths"):
        # Sums of the same days in other portions.
        assert parts[name].sum() == pytest.approx(whole[name].iloc[0], rel=1e-11)
    coarser = parts.groupby("age_from")["person_years"].sum()
    alone = cs.person_years(children, table, ages=ages, **COLUMNS).set_index("age_from")["person_years"]
    assert coarser.to_numpy() == pytest.approx(alone.to_numpy(), rel=1e-10)
    assert whole["person_years"].iloc[0] == pytest.approx(children["time"].sum() / 365.25, rel=1e-12)


def test_expected_deaths_are_the_sum_of_individual_hazards(table, children):
    own = cs.expected_survival(children, table, kind="individual-hazard", time="time")
    ratios = cs.standardised_mortality_ratio(children, table, by="sex", **COLUMNS)
    sums = own.groupby(children["sex"]).sum()
    assert ratios["expected_deaths"].to_numpy() == pytest.approx(sums[ratios["sex"]].to_numpy(), rel=1e-12)
    by_cell = cs.person_years(children, table, by="sex", ages=[0, 1, 2, 3, 4, 5], **COLUMNS)
    assert by_cell.groupby("sex")["expected_deaths"].sum().to_numpy() == pytest.approx(
        ratios["expected_deaths"].to_numpy(), rel=1e-12
    )


@pytest.mark.parametrize("rule", ["relsurv", "survexp.us", "fractional-years", "completed-years"])
def test_bands_follow_the_look_up_rule_of_the_table(table, children, rule):
    looked_up = table.with_look_up(rule)
    cells = cs.person_years(children, looked_up, ages=[0, 1, 5, 10], **COLUMNS)
    own = cs.expected_survival(children, looked_up, kind="individual-hazard", time="time").sum()
    assert cells["expected_deaths"].sum() == pytest.approx(own, rel=1e-12)
    assert cells["person_years"].sum() == pytest.approx(children["time"].sum() / 365.25, rel=1e-12)


def test_the_result_does_not_depend_on_the_size_of_batches(table, children, monkeypatch):
    import childsurv.lifetable.paths as module

    whole = cs.person_years(children, table, by="sex", ages=[0, 5], **COLUMNS)
    monkeypatch.setattr(module, "ROWS_AT_A_TIME", 13)
    pd.testing.assert_frame_equal(
        whole, cs.person_years(children, table, by="sex", ages=[0, 5], **COLUMNS), rtol=1e-12
    )


# Truth


def test_the_limits_cover_the_true_ratio():
    """Children who die at twice the rates of the population: the exact interval covers 2 in at least 95 % of trials."""
    rng = np.random.default_rng(7)
    cells = [(sex, age, 2000, 0.01) for sex in ("female", "male") for age in (0, 1)]
    table = cs.LifeTable.from_frame(
        pd.DataFrame(cells, columns=["sex", "age", "year", "mx"]), mx="mx"
    ).extend("last")
    trials, size = 400, 150
    wait = np.ceil(rng.exponential(365.25 / 0.02, trials * size)).astype(int)
    rows = pd.DataFrame(
        {
            "trial": np.repeat(np.arange(trials), size),
            "sex": "male",
            "age_days": 1000,
            "diagnosis_date": pd.Timestamp("2001-01-01"),
            "time": np.minimum(wait, 3653),
            "event": (wait <= 3653).astype(int),
        }
    )
    ratios = cs.standardised_mortality_ratio(rows, table, by="trial", **COLUMNS)
    covered = ((ratios["lower"] <= 2) & (ratios["upper"] >= 2)).mean()
    # At least 95 % by construction; the standard error of 400 trials is 1.1 points.
    assert covered > 0.93
    assert ratios["smr"].mean() == pytest.approx(2, abs=0.06)


# A cohort, and faults


def test_a_cohort_brings_its_columns():
    cohort, table = cs.demo.cohort(patients=400, seed=3), cs.demo.life_table()
    ratios = cs.standardised_mortality_ratio(cohort, table, by="country")
    assert ratios["patients"].sum() == 400
    dropped = cs.person_years(cohort, zero_survival="drop")
    kept = cs.person_years(cohort)
    same_day = int((cohort.data["time"] == 0).sum())
    assert kept["person_years"].iloc[0] - dropped["person_years"].iloc[0] == pytest.approx(
        same_day / 365.25, abs=1e-9
    )


def test_without_a_life_table_no_sex_is_needed(one_child):
    result = cs.person_years(one_child.drop(columns="sex"), **COLUMNS)
    assert list(result.columns) == ["person_years", "deaths"]
    with pytest.raises(ColumnError, match="no column 'sex'"):
        cs.standardised_mortality_ratio(one_child.drop(columns="sex"), cs.demo.life_table(), **COLUMNS)


def test_nobody_expected_to_die_gives_no_ratio(one_child):
    zero = pd.DataFrame(
        [(sex, 0, year, 0.0) for sex in ("female", "male") for year in (2003, 2004)],
        columns=["sex", "age", "year", "mx"],
    )
    ratio = cs.standardised_mortality_ratio(one_child, cs.LifeTable.from_frame(zero, mx="mx"), **COLUMNS)
    assert ratio[["smr", "lower", "upper"]].isna().all(axis=None)
    assert ratio["deaths"].tolist() == [1]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"ages": [5, 1]}, OptionError, r"^ages= takes ascending numbers, where each band begins\.$"),
        ({"ages": []}, OptionError, r"^ages= takes ascending numbers, where each band begins\.$"),
        ({"ages": ["a"]}, OptionError, r"^ages= takes numbers\.$"),
        ({"since_diagnosis": [-1, 1]}, OptionError, r"^since_diagnosis= takes numbers of 0 or more\.$"),
        (
            {"years": [2000.5]},
            OptionError,
            r"^years= takes calendar years, whole numbers from 1800 to 2299\.$",
        ),
        (
            {"years": [20000]},
            OptionError,
            r"^years= takes calendar years, whole numbers from 1800 to 2299\.$",
        ),
        (
            {"by": "stage"},
            ColumnError,
            (
                r"^person_years: no column 'stage'\. The data have the columns: sex, age_days, "
                r"diagnosis_date, time, event\.$"
            ),
        ),
    ],
)
def test_faults(one_child, table, options, error, message):
    with pytest.raises(error, match=message):
        cs.person_years(one_child, table, **COLUMNS, **options)


def test_faults_of_data_and_size(one_child, table, monkeypatch):
    import childsurv.lifetable.person_time as module

    with pytest.raises(
        DataError,
        match=(
            "^person_years: follow-up must be in whole days to be looked up in a life table; round it, for example "
            r"with \(years \* 365\.25\)\.round\(\)\.$"
        ),
    ):
        cs.person_years(one_child.assign(time=10.5), table, **COLUMNS)
    with pytest.raises(LifeTableError, match="ends on 2024-12-31"):
        cs.person_years(one_child.assign(time=9000), table, **COLUMNS)
    monkeypatch.setattr(module, "LARGEST_NUMBER_OF_CELLS", 5)
    with pytest.raises(
        OptionError,
        match=r"^person_years: 6 cells of groups and bands are too many; use fewer groups or wider bands\.$",
    ):
        cs.person_years(one_child, table, ages=[0, 1, 2, 3, 4], **COLUMNS)
