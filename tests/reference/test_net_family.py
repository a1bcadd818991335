"""Crude mortality, years lost, the test of net survival and numbers left against R's relsurv.

On our own simulated children with the numbers that ``net_family.R`` wrote, and on colrec where the shared data are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from childsurv.lifetable.expected import expected_at_risk
from childsurv.lifetable.table import LifeTable
from childsurv.net.crude import crude_mortality
from childsurv.net.life_years import years_of_life_lost
from childsurv.net.rank_test import net_survival_test

FOLDER = Path(__file__).parent
NAMES = {"time": "time", "event": "event", "age_days": "age_days", "diagnosis_date": "diagnosis_date"}
COLREC = {"time": "time", "event": "stat", "age_days": "age", "diagnosis_date": "diag"}
# Both sum the same fractions; R printed 15 significant digits.
CLOSE = {"rtol": 1e-9, "atol": 1e-12}
MOMENTS = [500.25, 1000.7]


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "children.csv", parse_dates=["diagnosis_date"])


@pytest.fixture(scope="module")
def life_table() -> LifeTable:
    # transrate uses 365.241 days in a year for rates and ages.
    return LifeTable.from_frame(pd.read_csv(FOLDER / "life_table.csv"), qx="qx", days_per_year=365.241)


def reference(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"net_family_{name}.csv")


@pytest.mark.parametrize("by", [None, "group"])
def test_crude_mortality(children: pd.DataFrame, life_table: LifeTable, by: str | None) -> None:
    theirs = reference("crude")
    theirs = theirs[(theirs["group"] == "all") == (by is None)]
    options = {**NAMES, "by": by, "compat": "relsurv", "compat_options": {"add_times": MOMENTS}}
    ours = crude_mortality(children, life_table, **options).at(times=sorted(theirs["time"].unique()))
    np.testing.assert_allclose(ours["estimate"], theirs["estimate"], **CLOSE)
    np.testing.assert_allclose(ours["std_error"] ** 2, theirs["variance"], rtol=1e-8, atol=1e-15)
    lost = years_of_life_lost(children, life_table, years=1200 / 365.241, **options)
    areas = theirs.drop_duplicates(["group", "cause"])
    np.testing.assert_allclose(lost["years_lost"], areas["area"], **CLOSE)
    # Days cut where ages change matter little, even with hazards some thirty times those of children.
    daily = crude_mortality(children, life_table, by=by, **NAMES).at(times=sorted(theirs["time"].unique()))
    whole = (daily["time"] % 1 == 0).to_numpy()
    np.testing.assert_allclose(daily["estimate"][whole], ours["estimate"][whole], atol=2e-4)


# Some strata have few deaths of a group, which the test says; relsurv says it too.
@pytest.mark.filterwarnings("ignore::childsurv.errors.ChildsurvWarning")
@pytest.mark.parametrize(
    ("case", "by", "strata"),
    [("group", "group", None), ("sex", "sex", None), ("group in strata", "group", "stratum")],
)
def test_net_survival_test(
    children: pd.DataFrame, life_table: LifeTable, case: str, by: str, strata: str | None
) -> None:
    theirs = reference("test").set_index("case").loc[case]
    ours = net_survival_test(children, life_table, by=by, strata=strata, compat="relsurv", **NAMES)
    assert ours.statistic == pytest.approx(theirs["statistic"], rel=1e-9)
    assert ours.df == theirs["df"]
    assert ours.p_value == pytest.approx(theirs["p_value"], rel=1e-8)
    daily = net_survival_test(children, life_table, by=by, strata=strata, **NAMES)
    assert daily.statistic == pytest.approx(theirs["statistic"], rel=2e-2)


def test_expected_at_risk(children: pd.DataFrame, life_table: LifeTable) -> None:
    theirs = reference("at_risk").sort_values(["group", "years"])
    ours = expected_at_risk(
        children, life_table.extend("last"), by="group", years=[0, 1, 2.5, 5], compat="relsurv",
        age_days="age_days", diagnosis_date="diagnosis_date",
    )  # fmt: skip
    np.testing.assert_allclose(ours["expected_at_risk"], theirs["expected"], **CLOSE)
    np.testing.assert_allclose(ours["expected_life_years"], theirs["life_years"], **CLOSE)


@pytest.fixture(scope="module")
def colrec(shared: Path) -> pd.DataFrame:
    frame = pd.read_csv(shared / "data/survival/relsurv_colrec.csv.gz", parse_dates=["diag"])
    return frame.assign(sex=frame["sex"].map({1: "male", 2: "female"}))


@pytest.fixture(scope="module")
def slopop(shared: Path) -> LifeTable:
    cells = pd.read_csv(shared / "data/lifetables/relsurv_slopop.csv.gz")
    return LifeTable.from_frame(
        cells, age="age_cut_days", age_unit="days", rate="hazard_per_day", rate_unit="per_day",
        year_starts=dict(zip(cells["year"], cells["year_cut_date"], strict=True)),
    )  # fmt: skip


@pytest.mark.parametrize("by", [None, "sex"])
def test_colrec_crude_mortality(
    shared: Path, colrec: pd.DataFrame, slopop: LifeTable, by: str | None
) -> None:
    theirs = pd.read_csv(shared / "data/reference/colrec_cmp_rel.csv")
    theirs = theirs[theirs["group"] == ("1" if by is None else by)]
    # relsurv codes men 1 and women 2; we sort labels.
    theirs = theirs.assign(
        sex=np.where(theirs["curve"].str.endswith("2"), "female", "male"),
        cause=np.where(theirs["curve"].str.startswith("causeSpec"), "disease", "population"),
    ).sort_values(["sex", "cause", "time_days"])
    options = {
        **COLREC,
        "by": by,
        "compat": "relsurv",
        "compat_options": {"add_times": np.array([5, 10]) * 365.241},
    }
    ours = crude_mortality(colrec, slopop, **options).at(times=365.241 * np.array([1, 2, 5, 10]))
    for own, their in (("estimate", "est"), ("lower", "lower"), ("upper", "upper")):
        np.testing.assert_allclose(ours[own], theirs[their], atol=1e-10)
    np.testing.assert_allclose(ours["std_error"] ** 2, theirs["var"], rtol=1e-9)
    lost = years_of_life_lost(colrec, slopop, **options)
    np.testing.assert_allclose(lost["years_lost"], theirs["area"].iloc[::4], atol=1e-10)


def test_colrec_net_survival_test(shared: Path, colrec: pd.DataFrame, slopop: LifeTable) -> None:
    theirs = pd.read_csv(shared / "data/reference/colrec_rs_diff.csv").iloc[0]
    ours = net_survival_test(colrec, slopop, by="sex", compat="relsurv", **COLREC)
    assert ours.statistic == pytest.approx(theirs["chisq"], abs=1e-9)
    assert ours.df == theirs["df"]
    assert ours.p_value == pytest.approx(theirs["p_value"], abs=1e-9)
    # Printed with four decimals.
    stage = net_survival_test(colrec, slopop, by="stage", compat="relsurv", **COLREC)
    assert stage.statistic == pytest.approx(658.6024, abs=5e-5)
    assert stage.df == 3
    # Ours takes the day's hazard over the day, not at its end, and ages change on whole days.
    assert net_survival_test(colrec, slopop, by="sex", **COLREC).statistic == pytest.approx(0.844, abs=0.02)


@pytest.mark.parametrize("by", ["sex", "site"])
def test_colrec_expected_at_risk(shared: Path, colrec: pd.DataFrame, slopop: LifeTable, by: str) -> None:
    theirs = pd.read_csv(shared / "data/reference/colrec_nessie.csv")
    theirs = theirs[theirs["group"] == by].reset_index(drop=True)
    # relsurv's strata in the order of our labels: women (2) before men (1), colon (rectum = 0) before rectum.
    theirs = theirs.iloc[[1, 0] if by == "sex" else [0, 1]]
    ours = expected_at_risk(
        colrec, slopop.extend("last"), by=by, years=range(11), compat="relsurv",
        age_days="age", diagnosis_date="diag",
    )  # fmt: skip
    expected = theirs[[str(year) for year in range(11)]].to_numpy().ravel()
    np.testing.assert_allclose(ours["expected_at_risk"], expected, atol=1e-6)
    np.testing.assert_allclose(ours["expected_life_years"].iloc[::11], theirs["c.exp.surv"], atol=1e-6)
