"""Simulated registers: the same again from a seed, in the published range, and true to their hazards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from childsurv import demo
from childsurv.cohort.cohort import CANONICAL_COLUMNS, Cohort
from childsurv.demo.patients import course_at
from childsurv.demo.simulate import Register, _follow_up, simulate
from childsurv.errors import OptionError
from childsurv.extract.rules import rules
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.net.net import net_survival
from childsurv.survival.observed import kaplan_meier


@pytest.fixture(scope="module")
def register() -> Register:
    return simulate(patients=20_000, seed=1)


@pytest.fixture(scope="module")
def large() -> Register:
    """No deaths of other causes, no child lost, and five years in which each can be followed."""
    return simulate(
        patients=200_000, seed=11, background=False, losses=False, diagnosed=("2000-01-01", "2015-12-31")
    )


def test_same_seed_gives_the_same_data(register: Register) -> None:
    again = simulate(patients=20_000, seed=1)
    pd.testing.assert_frame_equal(register.data, again.data)
    pd.testing.assert_frame_equal(register.truth.patients, again.truth.patients)
    pd.testing.assert_frame_equal(register.life_tables, again.life_tables)
    other = simulate(patients=20_000, seed=2)
    assert not register.data["birth_date"].equals(other.data["birth_date"])
    assert other.life_table.digest == register.life_table.digest


def test_rows_are_canonical_and_consistent(register: Register) -> None:
    data = register.data
    assert len(data) == len(register) == 20_000
    assert set(data.columns) <= set(CANONICAL_COLUMNS)
    assert data["patient_id"].is_unique
    assert (data["birth_date"] <= data["diagnosis_date"]).all()
    assert (data["diagnosis_date"] <= data["last_contact_date"]).all()
    assert data["last_contact_date"].max() <= pd.Timestamp(register.closing_date)
    assert data["diagnosis_date"].between("2000-01-01", "2019-12-31").all()
    assert ((data["diagnosis_date"] - data["birth_date"]).dt.days == data["age_days"]).all()
    assert data["country"].nunique() == 13
    dead = data["vital_status"] == "dead"
    assert data.loc[dead, "cause_of_death"].notna().all()
    assert data.loc[~dead, "cause_of_death"].isna().all()
    assert (data["stage"].isna() == data["stage_system"].isna()).all()
    assert not data["dco"].any()
    alive_to_the_end = ~dead & (data["last_contact_date"] == pd.Timestamp(register.closing_date))
    assert alive_to_the_end.mean() > 0.5


def test_data_is_a_copy(register: Register) -> None:
    data, cells = register.data, register.life_tables
    data["sex"] = "changed"
    cells["mx"] = 0.0
    assert set(register.data["sex"]) == {"male", "female"}
    assert (register.life_tables["mx"] > 0).all()


def test_losses_differ_by_country(register: Register) -> None:
    data = register.data
    lost = (data["vital_status"] == "alive") & (
        data["last_contact_date"] < pd.Timestamp(register.closing_date)
    )
    share = lost.groupby(data["country"].astype(object)).mean()
    assert share["XFW"] < 0.03
    assert share["XGD"] > 0.12
    followed = simulate(patients=2_000, seed=1, losses=False).data
    alive = followed["vital_status"] == "alive"
    assert (followed.loc[alive, "last_contact_date"] == pd.Timestamp("2020-12-31")).all()


def test_survival_spans_the_published_range(register: Register, shared: Path) -> None:
    published = pd.read_csv(shared / "facts" / "published_results.csv")
    europe = published[
        (published["diagnosis"] == "all") & (published["years"] == 5) & (published["age"] == "0-14")
    ]
    recent = europe[europe["period"].str.slice(0, 4).astype(int).ge(1999)]["estimate"] / 100
    truth = register.truth
    table = truth.observed_survival(5, by=["country", "period"])["observed_survival"]
    assert table.min() < recent.min()
    # Mid-income registers go lower than Europe's, and none goes above its best by more than two points.
    assert table.min() > 0.38
    assert recent.max() - 0.05 < table.max() < recent.max() + 0.02
    assert 0.65 < truth.observed_survival(5)["observed_survival"].iloc[0] < 0.78


def test_kaplan_meier_of_the_cohort_is_in_the_range(register: Register) -> None:
    cohort = demo.cohort(patients=20_000, seed=1)
    overall = kaplan_meier(cohort).at(years=[1, 5])["estimate"].tolist()
    assert 0.80 < overall[0] < 0.92
    assert 0.65 < overall[1] < 0.78
    by_country = kaplan_meier(cohort, by="country").at(years=[5])["estimate"]
    assert by_country.min() > 0.38
    assert by_country.max() < 0.89


def test_survival_improves_and_falls_with_stage(register: Register) -> None:
    truth = register.truth
    period = truth.net_survival(5, by="period")["net_survival"]
    assert (np.diff(period) > 0.02).all()
    stage = truth.net_survival(5, by="stage_class").set_index("stage_class")["net_survival"]
    assert stage["localised"] > stage["regional"] > stage["metastatic"]
    group = truth.net_survival(5, by="iccc_group")["net_survival"]
    assert group.max() - group.min() > 0.3


def test_small_cells_exist(register: Register) -> None:
    cells = register.truth.patients.groupby(["country", "iccc_group"], observed=True).size()
    assert (cells < 5).any()
    assert cells.max() > 1_000


def test_shares_alive_are_those_of_the_truth(large: Register) -> None:
    data = large.data
    days = (data["last_contact_date"] - data["diagnosis_date"]).dt.days
    dead = data["vital_status"] == "dead"
    for by in ("country", "period", "iccc_group", "stage_class", "age_group"):
        truth = large.truth.net_survival([1, 5], by=by)
        groups = large.truth.patients[by]
        for year, part in truth.groupby("years"):
            alive = (~(dead & (days <= int(part["time"].iloc[0])))).groupby(groups).mean()
            row = part.set_index(by)
            spread = np.sqrt(row["net_survival"] * (1 - row["net_survival"]) / row["patients"])
            score = (alive.reindex(row.index) - row["net_survival"]) / spread
            # Without censoring this is a share of independent patients: 4 standard errors, about 100 groups.
            assert score.abs().max() < 4, (by, year)


def test_deaths_agree_with_hazards_for_every_effect(large: Register) -> None:
    data, truth = large.data, large.truth
    days = (data["last_contact_date"] - data["diagnosis_date"]).dt.days.to_numpy()
    dead = (data["vital_status"] == "dead").to_numpy()
    # A death is somewhere within its day: half a day less, on average.
    moment = np.where(dead, np.maximum(days - 0.5, 0.25), days)
    distinct, place = np.unique(moment, return_inverse=True)
    courses = np.stack([course_at(float(day)) for day in distinct])
    expected = truth.cumulative * courses[place, truth.course]
    patients = truth.patients
    for variable in truth.log_hazard_ratios["variable"].unique():
        sums = pd.DataFrame({"dead": dead, "expected": expected}).groupby(patients[variable]).sum()
        # Deaths minus cumulative hazard is a martingale with variance equal to the cumulative hazard.
        score = (sums["dead"] - sums["expected"]) / np.sqrt(sums["expected"])
        assert score.abs().max() < 4, variable


def test_log_hazard_ratios_add_up_to_the_linear_predictor(register: Register) -> None:
    patients, table = register.truth.patients, register.truth.log_hazard_ratios
    total = np.zeros(len(patients))
    for variable, rows in table.groupby("variable"):
        values = dict(zip(rows["level"], rows["log_hazard_ratio"], strict=True))
        total += patients[variable].astype(str).map(values).to_numpy()
    np.testing.assert_allclose(total, patients["linear_predictor"], atol=1e-12)


def test_cox_recovers_the_log_hazard_ratios() -> None:
    cox = pytest.importorskip("childsurv.regression.cox").cox
    pytest.importorskip("formulaic")
    cohort = demo.cohort(patients=60_000, seed=3, background=False)
    truth = simulate(patients=60_000, seed=3, background=False).truth.log_hazard_ratios
    fit = cox(
        cohort,
        "age_group + country + non_malignant + period + sex + stage_class",
        strata="iccc_subgroup",
    )
    both = fit.table.merge(truth, on="term")
    assert len(both) == len(fit.table) == (truth["term"] != "").sum()
    score = (both["coef"] - both["log_hazard_ratio"]) / both["std_error"]
    assert score.abs().max() < 4  # 24 terms, fixed seed
    assert (score**2).mean() < 2.2


def test_net_survival_of_the_registers_is_the_truth() -> None:
    register = simulate(patients=60_000, seed=5, diagnosed=("2000-01-01", "2009-12-31"))
    cohort = demo.cohort(patients=60_000, seed=5, diagnosed=("2000-01-01", "2009-12-31"))
    estimate = net_survival(cohort, demo.life_table(), by="country").at(years=[5])
    truth = register.truth.net_survival(5, by="country")
    both = estimate.merge(truth, on="country")
    assert len(both) == 13
    assert ((both["estimate"] - both["net_survival"]) / both["std_error"]).abs().max() < 4


def test_deaths_of_other_causes_are_those_of_the_life_table() -> None:
    register = simulate(patients=100_000, seed=6)
    patients = register.truth.patients
    data = register.data.assign(died_of=patients["died_of"])
    expected = -np.log(
        register.life_table.survival(
            sex=data["sex"].to_numpy(object),
            birth_date=data["birth_date"].to_numpy(),
            date=data["diagnosis_date"].to_numpy(),
            days=(data["last_contact_date"] - data["diagnosis_date"]).dt.days.to_numpy(np.float64),
            country=data["country"].to_numpy(object),
        )
    ).sum()
    seen = (data["died_of"] == "population").sum()
    assert abs(seen - expected) < 4 * np.sqrt(expected)  # a martingale again
    assert seen > 100
    assert not (simulate(patients=5_000, background=False).truth.patients["died_of"] == "population").any()


def test_day_of_death_is_counted_upwards() -> None:
    disease = np.array([0.2, 0.7, 1.0, 1.2, 50.0, np.inf, 9.0, 9.5, 3.0])
    other = np.array([np.inf, np.inf, np.inf, np.inf, np.inf, 3.5, np.inf, np.inf, 2.5])
    until = np.array([100, 100, 100, 100, 40, 100, 9, 9, 100])
    time, dead, of_disease = _follow_up(disease, other, until)
    assert time.tolist() == [0, 1, 1, 2, 40, 4, 9, 9, 3]
    assert dead.tolist() == [True, True, True, True, False, True, True, False, True]
    assert of_disease.tolist() == [True, True, True, True, True, False, True, True, False]


def test_same_day_deaths_occur(large: Register) -> None:
    data = large.data
    same = (data["diagnosis_date"] == data["last_contact_date"]) & (data["vital_status"] == "dead")
    assert 20 < same.sum() < 1_000


def test_some_countries_and_sizes_only() -> None:
    register = simulate(patients=300, seed=4, countries=["XVM", "XOD"], infant_cells=True)
    assert set(register.data["country"]) == {"XOD", "XVM"}
    assert set(register.life_tables["country"]) == {"XOD", "XVM"}
    assert register.life_table.age_starts.size == 103
    assert len(simulate(patients=1)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patients": 0}, "patients="),
        ({"patients": 2.5}, "patients="),
        ({"countries": ["FRA"]}, "countries="),
        ({"diagnosed": ("2010-01-01", "2000-01-01")}, "dates must follow"),
        ({"diagnosed": ("1970-01-01", "2000-01-01")}, "1980"),
        ({"closing_date": "2010-01-01"}, "dates must follow"),
        ({"closing_date": "2035-01-01"}, "2030"),
        ({"diagnosed": "2010"}, "two dates"),
        ({"closing_date": "soon"}, "dates"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        simulate(**{"patients": 10, **arguments})


def test_cohort_is_clean_and_has_the_columns_of_the_model(register: Register) -> None:
    cohort = demo.cohort(patients=20_000, seed=1)
    assert isinstance(cohort, Cohort)
    assert len(cohort) == 20_000
    assert cohort.exclusions.empty
    unusual = {code for code, rule in rules().items() if rule.when and rule.excludes == "optional"}
    assert set(cohort.findings["code"].astype(object)) <= {"same-day"} | unusual
    both = cohort.data.merge(register.truth.patients, on="patient_id", suffixes=("", "_true"))
    for name in ("iccc_group", "iccc_subgroup", "age_group", "period", "stage_class", "non_malignant"):
        assert (both[name].astype(str) == both[f"{name}_true"].astype(str)).all(), name


def test_representation_shows_counts_only(register: Register) -> None:
    assert "simulated" in repr(register)
    assert "20,000 patients" in repr(register)
    assert "XVM0" not in repr(register) + repr(register.truth)


def test_import_is_light() -> None:
    code = (
        "import sys, childsurv.demo; "
        "heavy = {'lifelines', 'matplotlib.pyplot', 'formulaic', 'scipy.stats', 'jinja2', 'click', 'tqdm'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_five_years_are_1826_days(register: Register) -> None:
    assert register.truth.net_survival(5)["time"].tolist() == [int(5 * DAYS_PER_YEAR)]
