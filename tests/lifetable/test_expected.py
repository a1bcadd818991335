from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv.lifetable.paths as paths
from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.errors import ColumnError, DataError, LifeTableError, OptionError
from childsurv.lifetable.expected import expected_survival
from childsurv.lifetable.table import LifeTable

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


@pytest.fixture(scope="module")
def table(cells) -> LifeTable:
    return LifeTable.from_frame(cells, mx="mx")


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n = 60
    return pd.DataFrame(
        {
            "age_days": rng.integers(0, 1400, n),
            "sex": rng.choice(["male", "female"], n),
            "diagnosis_date": pd.Timestamp("2002-01-01")
            + pd.to_timedelta(rng.integers(0, 1500, n), unit="D"),
            "time": rng.integers(0, 2000, n),
            "site": rng.choice(["I", "II", "III"], n),
        },
        index=pd.Index(range(100, 100 + n), name="child"),
    )


# By hand


def test_individual_values_are_those_of_the_life_table_itself(children, table):
    own = expected_survival(children, table, kind="individual", time="time")
    births = children["diagnosis_date"] - pd.to_timedelta(children["age_days"], unit="D")
    by_table = table.survival(
        sex=children["sex"], birth_date=births, date=children["diagnosis_date"], days=children["time"]
    )
    assert np.array_equal(own, by_table)
    assert own.index.equals(children.index)
    assert own.name == "expected_survival"
    hazard = expected_survival(children, table, kind="individual-hazard", time="time")
    assert np.array_equal(np.exp(-hazard), own)
    assert hazard.name == "expected_cumulative_hazard"


def test_ederer_is_the_mean_over_everybody_followed_to_every_time(children, table):
    times = [0, 1, 365.25, 800.5, 2000]
    result = expected_survival(children, table, by="site", times=times)
    assert list(result.columns) == ["site", "time", "patients", "expected_survival"]
    assert result["time"].tolist() == times * 3
    for site, part in result.groupby("site"):
        members = children[children["site"] == site]
        assert (part["patients"] == len(members)).all()
        for time, value in zip(part["time"], part["expected_survival"], strict=True):
            own = expected_survival(members.assign(time=time), table, kind="individual", time="time")
            # A mean of some twenty numbers, in another order.
            assert value == pytest.approx(own.mean(), rel=1e-14)


def test_a_constant_hazard_gives_an_exponential(children, cells):
    table = LifeTable.from_frame(cells.assign(mx=0.1), mx="mx")
    result = expected_survival(children, table, years=[0, 0.5, 1, 5])
    # Closed form; rounding of some ten additions of pieces.
    assert result["expected_survival"].tolist() == pytest.approx(np.exp([-0.0, -0.05, -0.1, -0.5]), rel=1e-13)


def test_without_groups_there_is_one_curve_and_times_are_sorted_once(children, table):
    result = expected_survival(children, table, years=[2, 1, 1])
    assert list(result.columns) == ["time", "patients", "expected_survival"]
    assert result["time"].tolist() == [365.25, 730.5]
    single = expected_survival(children, table, years=2)
    assert single["expected_survival"].tolist() == result["expected_survival"].tolist()[1:]


def test_a_cohort_brings_its_own_columns_and_default_times(children, table):
    frame = children.reset_index(drop=True).assign(entry=0, event=0)
    cohort = Cohort(frame, len(frame), None, empty_findings(), join_exclusions([]))
    default = expected_survival(cohort, table, by=["sex", "site"])
    assert default["time"].unique().tolist() == [
        365.25 * year for year in range(int(frame["time"].max() / 365.25) + 1)
    ]
    named = expected_survival(frame, table, by=["sex", "site"], time="time")
    pd.testing.assert_frame_equal(default, named)
    own = expected_survival(cohort, table, kind="individual")
    assert np.array_equal(own, expected_survival(children, table, kind="individual", time="time"))


def test_the_result_does_not_depend_on_the_size_of_batches(children, table, monkeypatch):
    whole = expected_survival(children, table, by="site", years=range(5))
    monkeypatch.setattr(paths, "ROWS_AT_A_TIME", 7)
    parts = expected_survival(children, table, by="site", years=range(5))
    assert parts["expected_survival"].to_numpy() == pytest.approx(
        whole["expected_survival"].to_numpy(), rel=1e-14
    )


# Laws


@given(share=st.integers(1, 59), year=st.floats(0, 5))
def test_a_mean_over_all_is_the_weighted_mean_over_parts(children, table, share, year):
    parts = [expected_survival(part, table, years=year) for part in (children[:share], children[share:])]
    whole = expected_survival(children, table, years=year)
    sums = sum(float((part["patients"] * part["expected_survival"]).iloc[0]) for part in parts)
    assert whole["expected_survival"].iloc[0] == pytest.approx(sums / len(children), rel=1e-13)


@given(years=st.lists(st.floats(0, 5), min_size=2, max_size=5, unique=True))
def test_expected_survival_never_rises_and_starts_at_one(children, table, years):
    curve = expected_survival(children, table, years=[0, *years])["expected_survival"].to_numpy()
    assert curve[0] == 1.0
    assert (np.diff(curve) <= 0).all()


# R


@pytest.fixture(scope="module")
def r_children() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "expected_children.csv", parse_dates=["diagnosis_date"])


@pytest.fixture(scope="module")
def r_table() -> LifeTable:
    cells = pd.read_csv(REFERENCE / "expected_life_table.csv")
    return LifeTable.from_frame(
        cells,
        age="age_days",
        rate="hazard_per_day",
        rate_unit="per_day",
        age_unit="days",
        days_per_year=365.241,
    )


def test_individual_values_of_made_up_children_are_those_of_survexp(r_children, r_table):
    reference = pd.read_csv(REFERENCE / "expected_individual.csv")
    hazard = expected_survival(r_children, r_table, kind="individual-hazard", time="time")
    own = expected_survival(r_children, r_table, kind="individual", time="time")
    # R steps from cut to cut as we do and calls a step within 1e-8 days of a cut on it; hazards here are up
    # to 2e-3 a day.
    assert np.abs(hazard - reference["expected_cumulative_hazard"]).max() < 1e-11
    assert np.abs(own - reference["expected_survival"]).max() < 1e-11
    assert len(own) == 200


def test_ederer_of_made_up_children_is_that_of_survexp(r_children, r_table):
    reference = pd.read_csv(REFERENCE / "expected_ederer.csv")
    early = r_children[r_children["diagnosis_date"] < "2009-01-01"]
    result = expected_survival(early, r_table, by="sex", times=reference["time"].unique())
    assert result["patients"].tolist() == reference["patients"].tolist()
    # The same mean of the same numbers, with R's steps as above.
    assert np.abs(result["expected_survival"] - reference["expected_survival"]).max() < 1e-11


def colrec(shared: Path, rows: pd.Series) -> pd.DataFrame:
    data = pd.read_csv(shared / "data/survival/relsurv_colrec.csv.gz", parse_dates=["diag"]).iloc[rows - 1]
    return data.assign(sex=np.where(data["sex"] == 1, "male", "female"))


def slopop(shared: Path) -> LifeTable:
    cells = pd.read_csv(shared / "data/lifetables/relsurv_slopop.csv.gz")
    starts = dict(cells[["year", "year_cut_date"]].drop_duplicates().itertuples(index=False))
    return LifeTable.from_frame(
        cells,
        age="age_cut_days",
        rate="hazard_per_day",
        rate_unit="per_day",
        age_unit="days",
        year_starts=starts,
    )


def test_colrec_with_slopop_is_that_of_survexp(shared):
    reference = pd.read_csv(shared / "data/reference/colrec_individual_expected.csv")
    data = colrec(shared, reference["row"])
    columns = {"age_days": "age", "diagnosis_date": "diag", "time": "time"}
    hazard = expected_survival(data, slopop(shared), kind="individual-hazard", **columns)
    # The reference is printed with 15 digits; R's steps leave some 1e-13.
    assert np.abs(hazard.to_numpy() - reference["expected_cumhaz"]).max() < 1e-11


def test_colrec_expected_numbers_are_those_of_nessie(shared):
    reference = pd.read_csv(shared / "data/reference/colrec_nessie.csv").query("group == 'sex'")
    data = colrec(shared, pd.Series(range(1, 5972)))
    times = 365.241 * np.arange(11)
    result = expected_survival(
        data, slopop(shared), by="sex", times=times, age_days="age", diagnosis_date="diag"
    )
    numbers = (result["patients"] * result["expected_survival"]).to_numpy().reshape(2, 11)[::-1]
    # nessie adds up 3,289 survivals printed with 15 digits.
    assert np.abs(numbers / reference[[str(year) for year in range(11)]].to_numpy() - 1).max() < 1e-9


@pytest.mark.parametrize("country", ["RUS", "UZB"])
def test_tables_of_countries_built_from_their_files_give_the_reference(shared, country):
    reference = pd.read_csv(shared / "data/reference/countries_expected.csv")
    reference = reference[reference["table"].str.endswith(country)]
    options = {"mx": "mx", "days_per_year": 365.241}
    if country == "RUS":
        cells = pd.read_csv(shared / "data/lifetables/hmd_BLR_RUS_UKR_1x1.csv.gz")
        cells = cells[(cells["country"] == country) & (cells["sex"] != "total")]
    else:
        cells = pd.read_csv(shared / "data/lifetables/wpp2024_abridged_5y_13countries.csv.gz")
        cells = cells[
            (cells["country"] == country) & (cells["sex"] != "both") & (cells["year_start"] <= 2020)
        ]
        starts = {year: f"{year}-01-01" for year in range(1950, 2025, 5)}
        options |= {"age": "age_start", "year": "year_start", "year_starts": starts, "year_end": "2025-01-01"}
    # relsurv carries the last year of a table on silently; here it is asked for.
    table = LifeTable.from_frame(cells, **options).extend("last")
    own = expected_survival(
        colrec(shared, reference["row"]),
        table,
        kind="individual",
        time="time",
        age_days="age",
        diagnosis_date="diag",
    )
    # The reference is printed with 15 digits.
    assert np.abs(own.to_numpy() - reference["expected_survival"].to_numpy()).max() < 1e-12


# Faults


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"kind": "hakulinen"},
            OptionError,
            r"^kind='hakulinen' is not a choice; use one of 'ederer', 'individual', 'individual-hazard'\.$",
        ),
        (
            {"kind": "individual"},
            ColumnError,
            (
                "^expected_survival: kind='individual' needs time=, the column with each row's time in "
                r"days\.$"
            ),
        ),
        (
            {"kind": "individual", "time": "time", "by": "sex"},
            OptionError,
            r"^kind='individual' gives each row its own value; by goes with kind='ederer'\.$",
        ),
        (
            {"kind": "individual", "time": "time", "years": 1},
            OptionError,
            r"^kind='individual' gives each row its own value; years goes with kind='ederer'\.$",
        ),
        (
            {"kind": "individual", "time": "tme"},
            ColumnError,
            (
                r"^expected_survival: no column 'tme'\. Did you mean 'time' for 'tme'\? The data have the "
                r"columns: age_days, sex, diagnosis_date, time, site\.$"
            ),
        ),
        (
            {},
            OptionError,
            (
                r"^expected_survival: give years= or times= \(days\); there is no column time= to take them "
                r"from\.$"
            ),
        ),
        (
            {"years": 1, "times": 2},
            OptionError,
            r"^expected_survival: give times= \(in days\) or years=, one of the two\.$",
        ),
        (
            {"years": -1},
            OptionError,
            r"^expected_survival: years= takes one or more finite numbers of 0 or more\.$",
        ),
        (
            {"times": []},
            OptionError,
            r"^expected_survival: times= takes one or more finite numbers of 0 or more\.$",
        ),
        (
            {"times": "soon"},
            OptionError,
            r"^expected_survival: times= takes one or more finite numbers of 0 or more\.$",
        ),
        (
            {"years": 1, "by": "stage"},
            ColumnError,
            (
                r"^expected_survival: no column 'stage'\. Did you mean 'site' for 'stage'\? The data have the "
                r"columns: age_days, sex, diagnosis_date, time, site\.$"
            ),
        ),
        (
            {"years": 30},
            LifeTableError,
            "expected_survival: the life table ends on 2012-12-31, before the end of follow-up of 60 rows",
        ),
    ],
)
def test_what_cannot_be_computed_is_said(children, table, options, error, message):
    with pytest.raises(error, match=message):
        expected_survival(children, table, **options)


def test_negative_times_are_a_fault(children, table):
    with pytest.raises(
        DataError,
        match=(
            r"^expected_survival: column 'time' is negative in 60 rows \(rows 1, 2, 3, 4, 5, 6, 7, 8 and "
            r"52 more\)\. Times count from diagnosis; correct or exclude them\.$"
        ),
    ):
        expected_survival(children.assign(time=-1), table, kind="individual", time="time")
