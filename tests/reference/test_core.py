"""Observed survival, log-rank tests and net survival against R's survival and relsurv, on simulated children.

The numbers beside this file were made by ``core.R`` (versions in ``versions.txt``) from ``children.csv`` and
``life_table.csv``. R wrote 15 significant digits, so 1e-9 is far above what printing and summing lose; other tolerances
say why.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.follow_up import tie_times
from childsurv.compare.ranks import logrank_test
from childsurv.curves.curves import Curves
from childsurv.errors import asking
from childsurv.fold.tallying import tally
from childsurv.lifetable.table import LifeTable
from childsurv.net.net import net_survival
from childsurv.survival.observed import kaplan_meier

FOLDER = Path(__file__).parent
CLOSE = {"rtol": 1e-9, "atol": 1e-11}
NAMES = {"time": "time", "event": "event"}
PEOPLE = {"age_days": "age_days", "diagnosis_date": "diagnosis_date"}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "children.csv", parse_dates=["diagnosis_date"])


@pytest.fixture(scope="module")
def life_table() -> LifeTable:
    # transrate uses 365.241 days in a year for rates and ages.
    return LifeTable.from_frame(pd.read_csv(FOLDER / "life_table.csv"), qx="qx", days_per_year=365.241)


def reference(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"core_{name}.csv")


def assert_columns(
    ours: pd.DataFrame, theirs: pd.DataFrame, names: dict[str, str], **tolerance: float
) -> None:
    assert len(ours) == len(theirs)
    for own, their in names.items():
        np.testing.assert_allclose(
            ours[own].to_numpy(float), theirs[their].to_numpy(float), err_msg=own, **(tolerance or CLOSE)
        )


def on_log_scale(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(log_error=table["std_error"] / table["estimate"].where(table["estimate"] > 0))


COUNTS = {"at_risk": "n_risk", "events": "n_event", "censored": "n_censor"}
CURVE = {
    "time": "time",
    **COUNTS,
    "estimate": "surv",
    "log_error": "std_err",
    "lower": "lower",
    "upper": "upper",
}

CASES = {
    **{kind: {"ci": kind} for kind in ("log", "log-log", "plain", "logit", "arcsin")},
    "group": {"by": "group", "ci": "log-log"},
    "level80": {"by": "group", "ci": "log-log", "level": 0.8},
    "entry": {"by": "group", "ci": "log", "entry": "entry"},
    "frequency": {"by": "group", "ci": "log", "weights": "frequency"},
    "weight": {"by": "group", "ci": "log", "weights": "weight"},
    "entry weight": {"by": "group", "ci": "log", "weights": "weight", "entry": "entry"},
}


def same_rows(table: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows of ours that theirs has, in its order."""
    if "group" not in table:
        table = table.assign(group="all")
    theirs = theirs[["group", "time"]].reset_index(drop=True)
    return theirs.merge(table.astype({"time": float}), on=["group", "time"], how="left")


@pytest.mark.parametrize("case", CASES)
def test_curves(children: pd.DataFrame, case: str) -> None:
    theirs = reference("curves")
    # R also lists times of entries, where nothing happens to the curve.
    theirs = theirs[(theirs["case"] == case) & (theirs["n_event"] + theirs["n_censor"] > 0)]
    assert len(theirs) > 80
    # Where survival is 0 its logarithm has no error; R prints infinity.
    theirs = theirs.replace({"std_err": {np.inf: np.nan}})
    ours = on_log_scale(same_rows(kaplan_meier(children, **NAMES, **CASES[case]).table, theirs))
    assert_columns(ours, theirs, CURVE)


def test_every_row_of_a_curve_is_there(children: pd.DataFrame) -> None:
    theirs = reference("curves")
    theirs = theirs[theirs["case"] == "log"]
    assert len(kaplan_meier(children, **NAMES).table) == children["time"].nunique()
    assert len(theirs) == -(-children["time"].nunique() // 3)


def test_step_function_with_delayed_entry(children: pd.DataFrame) -> None:
    theirs = reference("at")
    curves = kaplan_meier(children, entry="entry", by="group", ci="log", **NAMES)
    times = [0, 0.5, 1, 100, 365.25, 400, 1000]
    ours = curves.at(times=times)
    assert_columns(
        ours,
        theirs,
        {
            "events": "n_event",
            "censored": "n_censor",
            "estimate": "surv",
            "std_error": "std_err",
            "lower": "lower",
            "upper": "upper",
        },
    )
    # R gives the number at risk at the next exit, those who enter before it included; ours is just before the time.
    for row in ours.itertuples():
        own = children[children["group"] == row.group]
        assert row.at_risk == ((own["entry"] < max(row.time, 0.5)) & (own["time"] >= row.time)).sum()


def test_conditional_survival(children: pd.DataFrame) -> None:
    theirs = reference("conditional")
    curves = kaplan_meier(children, by="group", ci="log", **NAMES)
    # R's start.time keeps those whose follow-up ends at that time or later.
    ours = on_log_scale(same_rows(curves.conditional(given=365).table, theirs))
    assert_columns(ours, theirs, CURVE)


def test_quantiles(children: pd.DataFrame) -> None:
    theirs = reference("quantiles")
    level = pd.DataFrame(
        {
            "time": [1, 2, 5, 6, 3, 4, 4, 9],
            "event": [1, 1, 0, 0, 1, 1, 0, 1],
            "group": ["flat"] * 4 + ["falls"] * 4,
        }
    )
    for case, curves in {
        "group": kaplan_meier(children, by="group", **NAMES),
        "entry": kaplan_meier(children, by="group", entry="entry", ci="log", **NAMES),
        "level at the median": kaplan_meier(level, by="group", **NAMES),
    }.items():
        ours = curves.quantile([0.1, 0.25, 0.5, 0.6, 0.75])
        # Times are data, so they agree exactly.
        assert_columns(
            ours,
            theirs[theirs["case"] == case],
            {name: name for name in ("p", "quantile", "lower", "upper")},
            rtol=0,
            atol=0,
        )


def test_restricted_means(children: pd.DataFrame) -> None:
    theirs = reference("rmean")
    for case, options in (("group", {}), ("entry", {"entry": "entry"})):
        curves: Curves = kaplan_meier(children, by="group", **NAMES, **options)
        for tau in (300, 731):
            rows = theirs[(theirs["case"] == case) & (theirs["tau"] == tau)]
            assert_columns(curves.rmst(times=tau), rows, {"rmst": "rmean", "std_error": "se"})


@pytest.mark.parametrize("rho", [0, 0.5, 1])
@pytest.mark.parametrize("strata", [None, "stratum"])
def test_logrank_family(children: pd.DataFrame, rho: float, strata: str | None) -> None:
    theirs = reference("survdiff")
    theirs = theirs[theirs["case"] == f"{'strata ' if strata else ''}rho {rho:g}"]
    result = logrank_test(children, by="group", strata=strata, rho=rho, **NAMES)
    assert_columns(result.table, theirs, {"observed": "observed", "expected": "expected"})
    assert result.statistic == pytest.approx(theirs["chisq"].iloc[0], rel=1e-9)
    assert result.df == theirs["df"].iloc[0]


@pytest.mark.parametrize(
    ("case", "options"),
    [("plain", {}), ("entry", {"entry": "entry"}), ("entry strata", {"entry": "entry", "strata": "stratum"})],
)
def test_logrank_with_delayed_entry(children: pd.DataFrame, case: str, options: dict[str, str]) -> None:
    """R's survdiff knows no delayed entry; Cox's score test without ties is the same statistic."""
    untied = children.assign(time=children["time"] + children["id"] / 1024)
    result = logrank_test(untied, by="group", **NAMES, **options)
    theirs = reference("score").set_index("case")["chisq"]
    assert result.statistic == pytest.approx(theirs[case], rel=1e-9)


def test_times_that_differ_by_rounding() -> None:
    third = 0.1 * 3  # not 0.3 in floating point
    times = np.array(
        [1, 1 + 1e-9, 1 + 1e-7, third, 0.3, 1000, 1000 + 1e-6, 1000 + 2e-5, 5, 5 + 1e-8, 5 + 2e-8, 5 + 3e-8]
    )
    with asking("test"):
        tied, *_ = tie_times(times)
    np.testing.assert_allclose(tied, reference("timefix")["tied"], rtol=1e-14)
    # A run becomes its first, so the number of different times says which rows were tied.
    assert np.unique(tied).size == 5


def test_pohar_perme(children: pd.DataFrame, life_table: LifeTable) -> None:
    """To 1e-7 of the estimate: relsurv integrates within a day by a trapezium, we exactly."""
    theirs = reference("net").rename(columns={"case": "group"})
    for by, kind in ((None, "log"), ("group", "plain")):
        rows = theirs[(theirs["group"] == "overall") == (by is None)].replace({"group": {"overall": "all"}})
        curves = net_survival(children, life_table, by=by, ci=kind, **NAMES, **PEOPLE)
        ours = on_log_scale(same_rows(curves.at(times=sorted(rows["time"].unique())), rows))
        names = {
            "at_risk": "n_risk",
            "estimate": "surv",
            "log_error": "std_err",
            "lower": "lower",
            "upper": "upper",
        }
        assert_columns(ours, rows, names, rtol=1e-7, atol=0)


def test_ederer_two(children: pd.DataFrame, life_table: LifeTable) -> None:
    """relsurv multiplies over times of exits and sums what was expected between them; we multiply over days.

    So its digits come out when our daily sums are added up over its stretches. With the hazards of this table, some
    thirty times a child's, the two grids differ by up to 2e-3 at the end; counts and the variance do not depend on it.
    """
    theirs = reference("ederer2")
    ours = on_log_scale(net_survival(children, life_table, method="ederer2", **NAMES, **PEOPLE).table)
    assert_columns(
        ours, theirs, {"time": "time", "at_risk": "n_risk", "events": "n_event", "log_error": "std_err"}
    )
    np.testing.assert_allclose(ours["estimate"], theirs["surv"], rtol=2e-3)
    daily = tally(children, life_table, **NAMES, **PEOPLE)
    exits = np.flatnonzero(daily.sums["left"] > 0)
    stretch = np.add.reduceat(daily.sums["expected_events"], np.concatenate([[0], exits[:-1] + 1]))
    survival = np.cumprod(1 - (daily.sums["events"][exits] - stretch) / daily.at_risk[exits])
    np.testing.assert_allclose(survival, theirs["surv"], rtol=1e-10)
