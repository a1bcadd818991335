"""Against results of R's survival and relsurv on data of others, read from the shared folder where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from childsurv.compare.ranks import logrank_test
from childsurv.fold.tallying import tally
from childsurv.lifetable.table import LifeTable
from childsurv.net.net import net_survival
from childsurv.survival.observed import kaplan_meier, nelson_aalen

KINDS = ["log", "log-log", "plain", "logit", "arcsin"]
YEARS = 365.241 * np.arange(1, 11)
COLREC = {"time": "time", "event": "stat", "age_days": "age", "diagnosis_date": "diag"}


@pytest.fixture(scope="module")
def nwtco(shared: Path) -> pd.DataFrame:
    return pd.read_csv(shared / "data/survival/survival_nwtco.csv.gz")


@pytest.fixture(scope="module")
def lung(shared: Path) -> pd.DataFrame:
    frame = pd.read_csv(shared / "data/survival/survival_lung.csv.gz")
    return frame.assign(dead=frame["status"] - 1)


@pytest.fixture(scope="module")
def colrec(shared: Path) -> pd.DataFrame:
    frame = pd.read_csv(shared / "data/survival/relsurv_colrec.csv.gz", parse_dates=["diag"])
    return frame.assign(sex=frame["sex"].map({1: "male", 2: "female"}))


@pytest.fixture(scope="module")
def slopop(shared: Path) -> LifeTable:
    cells = pd.read_csv(shared / "data/lifetables/relsurv_slopop.csv.gz")
    starts = dict(zip(cells["year"], cells["year_cut_date"], strict=True))
    return LifeTable.from_frame(
        cells,
        age="age_cut_days",
        age_unit="days",
        rate="hazard_per_day",
        rate_unit="per_day",
        year_starts=starts,
    )


def reference(shared: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(shared / "data/reference" / name)


def largest_difference(ours: pd.DataFrame, theirs: pd.DataFrame, names: dict[str, str]) -> dict[str, float]:
    assert len(ours) == len(theirs)
    differences = {}
    for own, their in names.items():
        a, b = ours[own].to_numpy(float), theirs[their].to_numpy(float)
        assert (np.isnan(a) == np.isnan(b)).all(), own
        differences[own] = float(np.nanmax(np.abs(a - b)))
    return differences


# Both sum the same few thousand fractions and print 15 digits.
NEAR = 1e-9
LIMITS = {"lower": "lower", "upper": "upper"}


@pytest.mark.parametrize("kind", KINDS)
def test_survfit_curves(shared: Path, nwtco: pd.DataFrame, lung: pd.DataFrame, kind: str) -> None:
    curves = reference(shared, "survfit_curves.csv.gz")
    ours = kaplan_meier(nwtco, time="edrel", event="rel", ci=kind).table
    ours = ours[ours["events"] > 0].assign(log_error=lambda t: t["std_error"] / t["estimate"])
    names = {
        "time": "time",
        "at_risk": "n_risk",
        "events": "n_event",
        "estimate": "surv",
        "log_error": "std_err",
        **LIMITS,
    }
    theirs = curves[curves["case"] == f"nwtco rel~1 {kind}"]
    assert max(largest_difference(ours, theirs, names).values()) < NEAR
    ours = kaplan_meier(lung, time="time", event="dead", by="sex", ci=kind).table
    theirs = curves[curves["case"] == f"lung ~sex {kind}"]
    # Where survival is 0 its logarithm has no error; R prints infinity.
    theirs = theirs.replace({"std_err": {np.inf: np.nan}})
    ours = ours.assign(log_error=ours["std_error"] / ours["estimate"])
    assert max(largest_difference(ours, theirs, names | {"censored": "n_censor"}).values()) < NEAR


def test_survfit_cumulative_hazards(shared: Path, nwtco: pd.DataFrame, lung: pd.DataFrame) -> None:
    """The columns cumhaz and std_chaz of the same file: the Nelson-Aalen estimate."""
    curves = reference(shared, "survfit_curves.csv.gz")
    names = {"time": "time", "at_risk": "n_risk", "estimate": "cumhaz", "std_error": "std_chaz"}
    ours = nelson_aalen(nwtco, time="edrel", event="rel").table
    theirs = curves[curves["case"] == "nwtco rel~1 log"]
    assert max(largest_difference(ours[ours["events"] > 0], theirs, names).values()) < NEAR
    ours = nelson_aalen(lung, time="time", event="dead", by="sex").table
    assert max(largest_difference(ours, curves[curves["case"] == "lung ~sex log"], names).values()) < NEAR


@pytest.mark.parametrize("kind", KINDS)
def test_survfit_quantiles(shared: Path, nwtco: pd.DataFrame, lung: pd.DataFrame, kind: str) -> None:
    quantiles = reference(shared, "survfit_quantiles.csv")
    names = {"p": "prob", "quantile": "quantile", **LIMITS}
    ours = kaplan_meier(lung, time="time", event="dead", by="sex", ci=kind).quantile([0.25, 0.5, 0.75])
    assert largest_difference(
        ours, quantiles[quantiles["case"] == f"lung ~sex {kind}"], names
    ) == dict.fromkeys(names, 0.0)
    ours = kaplan_meier(nwtco, time="edrel", event="rel", ci=kind).quantile([0.05, 0.1, 0.12])
    assert largest_difference(
        ours, quantiles[quantiles["case"] == f"nwtco rel~1 {kind}"], names
    ) == dict.fromkeys(names, 0.0)


def test_survfit_restricted_means(shared: Path, lung: pd.DataFrame) -> None:
    means = reference(shared, "survfit_rmean.csv")
    curves = kaplan_meier(lung, time="time", event="dead", by="sex", ci="log")
    for tau in (500, 800):
        rows = means[means["tau"] == tau]
        ours = curves.rmst(times=tau).join(curves.groups[["patients", "total_events"]])
        names = {"rmst": "rmean", "std_error": "se_rmean", "patients": "records", "total_events": "events"}
        assert max(largest_difference(ours, rows, names).values()) < NEAR
        medians = curves.quantile(0.5)
        assert max(largest_difference(medians, rows, {"quantile": "median", **LIMITS}).values()) == 0


def test_survfit_at_years(shared: Path, nwtco: pd.DataFrame) -> None:
    theirs = reference(shared, "survfit_nwtco_histol_years.csv")
    ours = kaplan_meier(nwtco, time="edrel", event="rel", by="histol", ci="log").at(
        times=365.25 * np.arange(1, 11)
    )
    names = {
        "time": "time",
        "at_risk": "n_risk",
        "events": "n_event",
        "censored": "n_censor",
        "estimate": "surv",
        "std_error": "std_err",
    }
    assert max(largest_difference(ours, theirs, {**names, **LIMITS}).values()) < NEAR


def test_survdiff(shared: Path, nwtco: pd.DataFrame, lung: pd.DataFrame) -> None:
    theirs = reference(shared, "survdiff.csv")
    wilms = {"time": "edrel", "event": "rel", "by": "stage"}
    sexes = {"time": "time", "event": "dead", "by": "sex"}
    for case, result in {
        "lung ~sex rho=0": logrank_test(lung, **sexes),
        "lung ~sex rho=1": logrank_test(lung, rho=1, **sexes),
        "lung ~sex+strata(ph.ecog) rho=0": logrank_test(
            lung[lung["ph.ecog"].notna()], strata="ph.ecog", **sexes
        ),
        "nwtco ~stage rho=0": logrank_test(nwtco, **wilms),
        "nwtco ~stage+strata(histol) rho=1": logrank_test(nwtco, strata="histol", rho=1, **wilms),
    }.items():
        rows = theirs[theirs["case"] == case]
        differences = largest_difference(
            result.table, rows, {"patients": "n", "observed": "observed", "expected": "expected"}
        )
        assert max(differences.values()) < NEAR, case
        assert result.statistic == pytest.approx(rows["chisq"].iloc[0], rel=1e-9)
        assert result.df == rows["df"].iloc[0]
        # A tail is steeper than its statistic: 1e-9 of 300 moves log p by 1.5e-7.
        assert result.p_value == pytest.approx(rows["p_value"].iloc[0], rel=1e-6)


@pytest.mark.parametrize(
    ("case", "by", "kind"), [("colrec overall", None, "log"), ("colrec by site", "site", "log-log")]
)
def test_relsurv_pohar_perme_daily(
    shared: Path, colrec: pd.DataFrame, slopop: LifeTable, case: str, by: str | None, kind: str
) -> None:
    """Estimates to 1e-7, limits to 1e-6: relsurv integrates within a day by a trapezium, we exactly."""
    theirs = reference(shared, "colrec_rs_surv_daily.csv")
    theirs = theirs[theirs["case"] == case]
    curves = net_survival(colrec, slopop, by=by, ci=kind, **COLREC)
    ours = curves.at(times=sorted(theirs["time_days"].unique()))
    ours["log_error"] = ours["std_error"] / ours["estimate"]
    differences = largest_difference(ours, theirs, {"estimate": "surv", "log_error": "std_err_log", **LIMITS})
    assert differences["estimate"] < 1e-7
    assert differences["log_error"] < 1e-9
    assert max(differences.values()) < 1e-6


def test_relsurv_ederer_two(shared: Path, colrec: pd.DataFrame, slopop: LifeTable) -> None:
    """Overall to 5e-5: relsurv multiplies over times of exits, we over days; by site to 1e-4 (6.7e-5 at ten years)."""
    theirs = reference(shared, "colrec_rs_surv.csv")
    theirs = theirs[theirs["method"] == "ederer2"]
    for group, by, tolerance in (("overall", None, 5e-5), ("site", "site", 1e-4)):
        rows = theirs[theirs["group"] == group]
        ours = net_survival(colrec, slopop, method="ederer2", by=by, **COLREC).at(times=YEARS)
        differences = largest_difference(
            ours, rows, {"estimate": "surv", "std_error": "std_err", "lower": "lower", "upper": "upper"}
        )
        assert differences["estimate"] < tolerance
        assert max(differences.values()) < 2 * tolerance
        counts = largest_difference(ours, rows, {"at_risk": "n_risk", "events": "n_event"})
        assert max(counts.values()) == 0


def test_relsurv_ederer_two_on_its_own_grid(shared: Path, colrec: pd.DataFrame, slopop: LifeTable) -> None:
    """Added up over relsurv's stretches between exits our daily sums give its digits: only the grid differs."""
    theirs = reference(shared, "colrec_rs_surv_curve.csv.gz")
    theirs = theirs[theirs["method"] == "ederer2"]
    folded = tally(colrec, slopop, **COLREC)
    at_risk = folded.at_risk
    exits = np.flatnonzero(folded.sums["left"] > 0)
    # Nobody leaves between exits, so the number at risk is that of the next one.
    stretch = np.add.reduceat(folded.sums["expected_events"], np.concatenate([[0], exits[:-1] + 1]))
    survival = np.cumprod(1 - (folded.sums["events"][exits] - stretch) / at_risk[exits])
    assert (folded.end[exits] == theirs["time_days"].to_numpy()).all()
    np.testing.assert_allclose(survival, theirs["surv"], rtol=1e-10)


@pytest.mark.parametrize("method", ["pohar-perme", "ederer2"])
def test_relsurv_with_other_populations(shared: Path, colrec: pd.DataFrame, method: str) -> None:
    """The Slovene patients with the tables of other populations, against relsurv's default output times.

    Pohar Perme to 1e-3: without every day as an output time relsurv averages what it should integrate, which the higher
    mortality of these tables shows (6e-4 at most). Ederer II to 2e-4, for its grid of exits.
    """
    reference_rows = reference(shared, "countries_rs_surv.csv")
    for name, table in (("hmd:RUS", russian_table(shared)), ("wpp:UZB", uzbek_table(shared))):
        theirs = reference_rows[(reference_rows["table"] == name) & (reference_rows["method"] == method)]
        ours = net_survival(colrec, table, method=method, by="sex", **COLREC).at(times=YEARS)
        ours = pd.concat([ours[ours["sex"] == "male"], ours[ours["sex"] == "female"]])
        differences = largest_difference(ours, theirs, {"estimate": "surv", "std_error": "std_err"})
        assert differences["estimate"] < (1e-3 if method == "pohar-perme" else 2e-4), (name, differences)
        assert differences["std_error"] < 1e-4


def russian_table(shared: Path) -> LifeTable:
    cells = pd.read_csv(shared / "data/lifetables/hmd_BLR_RUS_UKR_1x1.csv.gz")
    cells = cells[(cells["country"] == "RUS") & (cells["sex"] != "total")]
    return LifeTable.from_frame(cells, rate="mx", days_per_year=365.241).extend("last")


def uzbek_table(shared: Path) -> LifeTable:
    cells = pd.read_csv(shared / "data/lifetables/wpp2024_abridged_5y_13countries.csv.gz")
    cells = cells[(cells["country"] == "UZB") & (cells["sex"] != "both") & (cells["year_start"] <= 2020)]
    # The reference took calendar years 1950-1954 and so on for the five-year periods.
    starts = {year: f"{year}-01-01" for year in cells["year_start"].unique()}
    return LifeTable.from_frame(
        cells,
        age="age_start",
        year="year_start",
        rate="mx",
        days_per_year=365.241,
        year_starts=starts,
        year_end="2025-01-01",
    )
