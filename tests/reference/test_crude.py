"""Crude mortality, years lost and the test of net survival against R's relsurv.

On simulated children by ``crude.R`` (versions in ``crude_versions.csv``), and on published data of the shared folder.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import childsurv as cs

FOLDER = Path(__file__).parent
NAMES = {"time": "time", "event": "event"}
COLREC = {"time": "time", "event": "stat", "age_days": "age", "diagnosis_date": "diag"}
CAUSES = {"causeSpec": "disease", "population": "population"}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "children.csv", parse_dates=["diagnosis_date"])


@pytest.fixture(scope="module")
def table() -> cs.LifeTable:
    return cs.LifeTable.from_frame(pd.read_csv(FOLDER / "life_table.csv"), qx="qx", days_per_year=365.241)


def test_crude_mortality(children: pd.DataFrame, table: cs.LifeTable) -> None:
    """To 1e-9: the same sums; R printed 15 digits."""
    theirs = pd.read_csv(FOLDER / "crude_mortality.csv")
    theirs = theirs[theirs["time"] > 0].assign(cause=lambda t: t["cause"].map(CAUSES))
    curves = cs.crude_mortality(children, table, compat="relsurv", **NAMES)
    for cause, rows in theirs.groupby("cause"):
        ours = curves.at(times=rows["time"].tolist())
        ours = ours[ours["cause"] == cause]
        np.testing.assert_allclose(ours["estimate"], rows["estimate"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours["std_error"] ** 2, rows["variance"], rtol=1e-7, atol=1e-12)
    lost = cs.years_of_life_lost(children, table, compat="relsurv", **NAMES).set_index("cause")["years_lost"]
    areas = theirs.groupby("cause")["area"].first()
    np.testing.assert_allclose(lost.loc[areas.index], areas, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:net_survival_test:childsurv.errors.ChildsurvWarning")
def test_of_net_survival(children: pd.DataFrame, table: cs.LifeTable) -> None:
    """As rs.diff to 1e-9; ours, exact within the day, to a thousandth."""
    theirs = pd.read_csv(FOLDER / "crude_test.csv").set_index("case")
    for case, strata in (("group", None), ("group by stratum", "stratum")):
        result = cs.net_survival_test(children, table, by="group", strata=strata, compat="relsurv", **NAMES)
        row = theirs.loc[case]
        assert result.statistic == pytest.approx(row["statistic"], rel=1e-9)
        assert result.df == row["df"]
        assert result.p_value == pytest.approx(row["p_value"], rel=1e-8)
        ours = cs.net_survival_test(children, table, by="group", strata=strata, **NAMES)
        assert ours.statistic == pytest.approx(row["statistic"], rel=1e-3)


@pytest.fixture(scope="module")
def colrec(shared: Path) -> pd.DataFrame:
    frame = pd.read_csv(shared / "data/survival/relsurv_colrec.csv.gz", parse_dates=["diag"])
    return frame.assign(sex=frame["sex"].map({1: "male", 2: "female"}))


@pytest.fixture(scope="module")
def slopop(shared: Path) -> cs.LifeTable:
    cells = pd.read_csv(shared / "data/lifetables/relsurv_slopop.csv.gz")
    starts = dict(zip(cells["year"], cells["year_cut_date"], strict=True))
    return cs.LifeTable.from_frame(
        cells,
        age="age_cut_days",
        age_unit="days",
        rate="hazard_per_day",
        rate_unit="per_day",
        year_starts=starts,
    )


def test_published_crude_mortality(shared: Path, colrec: pd.DataFrame, slopop: cs.LifeTable) -> None:
    """To 1e-9, with variances, limits and areas."""
    theirs = pd.read_csv(shared / "data/reference/colrec_cmp_rel.csv")
    options = {"compat": "relsurv", "compat_options": {"add_times": [5 * 365.241, 10 * 365.241]}, **COLREC}
    times = [365.241 * year for year in (1, 2, 5, 10)]
    for group, by in (("1", None), ("sex", "sex")):
        at = cs.crude_mortality(colrec, slopop, by=by, **options).at(times=times)
        lost = cs.years_of_life_lost(colrec, slopop, by=by, **options)
        own = theirs[theirs["group"] == group]
        for curve, rows in own.groupby("curve"):
            cause = CAUSES[curve.split()[0]]
            chosen, years = at["cause"] == cause, lost["cause"] == cause
            if by:
                sex = {"1": "male", "2": "female"}[curve[-1]]
                chosen, years = chosen & (at["sex"] == sex), years & (lost["sex"] == sex)
            ours = at[chosen]
            np.testing.assert_allclose(ours["estimate"], rows["est"], rtol=0, atol=1e-9)
            np.testing.assert_allclose(ours["std_error"] ** 2, rows["var"], rtol=1e-8)
            np.testing.assert_allclose(ours[["lower", "upper"]], rows[["lower", "upper"]], rtol=0, atol=1e-6)
            np.testing.assert_allclose(lost[years]["years_lost"], rows["area"].iloc[0], rtol=1e-9)


def test_published_test(shared: Path, colrec: pd.DataFrame, slopop: cs.LifeTable) -> None:
    theirs = pd.read_csv(shared / "data/reference/colrec_rs_diff.csv")
    result = cs.net_survival_test(colrec, slopop, by="sex", compat="relsurv", **COLREC)
    assert result.statistic == pytest.approx(theirs["chisq"][0], rel=1e-9)
    assert result.p_value == pytest.approx(theirs["p_value"][0], rel=1e-9)
    by_stage = cs.net_survival_test(colrec, slopop, by="stage", compat="relsurv", **COLREC)
    assert by_stage.statistic == pytest.approx(658.6024, abs=1e-4)
    assert by_stage.df == 3
