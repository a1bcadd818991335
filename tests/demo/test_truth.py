"""Truth: what the tables of known survival say, and for whom."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from childsurv import demo
from childsurv.demo.parameters import country_table, subgroup_table
from childsurv.demo.patients import period_effect
from childsurv.demo.simulate import Register, simulate
from childsurv.demo.truth import baseline_table, effects_table
from childsurv.errors import ColumnError, DataError, OptionError


@pytest.fixture(scope="module")
def register() -> Register:
    return simulate(patients=3_000, seed=8)


def test_net_survival_by_hand(register: Register) -> None:
    truth = register.truth
    patient = truth.patients.iloc[[17]]
    baseline = truth.baseline
    own = baseline[baseline["iccc_subgroup"] == patient["iccc_subgroup"].iloc[0]]
    exposed = (own["to_days"].clip(upper=1095) - own["from_days"]).clip(lower=0) / 365.25
    hazard = (own["hazard_per_year"] * exposed).sum() * np.exp(patient["linear_predictor"].iloc[0])
    table = truth.net_survival(3, data=patient)
    assert table["patients"].tolist() == [1]
    assert table["net_survival"].iloc[0] == pytest.approx(np.exp(-hazard), rel=1e-12)


def test_groups_average_to_the_whole(register: Register) -> None:
    truth = register.truth
    whole = truth.net_survival([1, 5])["net_survival"].to_numpy()
    parts = truth.net_survival([1, 5], by=["country", "sex"])
    mean = (parts["net_survival"] * parts["patients"]).groupby(parts["years"]).sum() / len(register)
    np.testing.assert_allclose(mean, whole, rtol=1e-12)


def test_survival_begins_at_one_and_falls(register: Register) -> None:
    values = register.truth.net_survival([0, 0.5, 1, 5, 10, 20])["net_survival"].to_numpy()
    assert values[0] == 1
    assert (np.diff(values) < 0).all()


def test_observed_is_below_net_by_the_population(register: Register) -> None:
    truth = register.truth
    both = truth.net_survival(5, by="country").merge(truth.observed_survival(5, by="country"))
    assert (both["observed_survival"] < both["net_survival"]).all()
    assert (both["observed_survival"] > both["net_survival"] - 0.02).all()
    alone = simulate(patients=500, seed=1, background=False).truth
    assert alone.observed_survival(5)["observed_survival"].equals(
        alone.net_survival(5)["net_survival"].rename("observed_survival")
    )


def test_truth_of_some_patients_in_groups_of_their_own(register: Register) -> None:
    cohort = demo.cohort(patients=3_000, seed=8).where("age_years < 5")
    cohort = cohort.with_columns(late=(cohort.data["diagnosis_date"].dt.year >= 2010).to_numpy())
    table = register.truth.net_survival(5, by=["late", "iccc_group"], data=cohort)
    assert table["patients"].sum() == len(cohort)
    own = register.truth.patients.set_index("patient_id")
    young = own.loc[cohort.data["patient_id"].astype(object)]
    assert set(young["age_group"]) <= {"0", "1-4"}
    expected = register.truth.net_survival(5, data=cohort)["net_survival"].iloc[0]
    mean = (table["net_survival"] * table["patients"]).sum() / len(cohort)
    assert mean == pytest.approx(expected, rel=1e-12)


def test_patients_of_another_register_are_refused(register: Register) -> None:
    stranger = pd.DataFrame({"patient_id": ["XVM9999999", "XVM9999998"]})
    with pytest.raises(
        DataError,
        match=(
            r"^Truth: 2 rows are of patients that this register does not hold\. Use the truth of the "
            r"register that the data came from \(same arguments of simulate\(\)\)\.$"
        ),
    ) as caught:
        register.truth.net_survival(5, data=stranger)
    assert "XVM9" not in str(caught.value)
    with pytest.raises(DataError, match=r"^Truth: there are no rows\.$"):
        register.truth.net_survival(5, data=stranger.iloc[:0])
    with pytest.raises(
        ColumnError,
        match=r"^Truth of some patients: no column 'patient_id'\. The data have the columns: id\.$",
    ):
        register.truth.net_survival(5, data=pd.DataFrame({"id": ["a"]}))


def test_bad_arguments_are_refused(register: Register) -> None:
    with pytest.raises(
        ColumnError,
        match=(
            r"^Truth: no column 'continent'\. The data have the columns: patient_id, country, registry, "
            "sex, birth_date, diagnosis_date, stage, stage_system, age_group, period, iccc_group, "
            r"iccc_subgroup, stage_class, non_malignant, linear_predictor, died_of\.$"
        ),
    ):
        register.truth.net_survival(5, by="continent")
    for years in (-1, [], float("nan"), [[1.0]]):
        with pytest.raises(OptionError, match=r"^years= takes one or more times of 0 or more\.$"):
            register.truth.net_survival(years)


def test_tables_are_copies(register: Register) -> None:
    truth = register.truth
    for name in ("patients", "log_hazard_ratios", "baseline"):
        table = getattr(truth, name)
        table[table.columns[0]] = "changed"
        assert not (getattr(truth, name).iloc[:, 0] == "changed").any()


def test_hazard_is_high_early_and_low_later() -> None:
    table = baseline_table()
    rate = table.pivot(index="iccc_subgroup", columns="from_days", values="hazard_per_year")
    assert (rate[3652.0] < 0.05 * rate[91.0]).all()
    assert (rate[[91.0, 365.0]].max(axis=1) > rate[1826.0] * 3).all()
    assert rate.to_numpy().min() > 0


def test_baseline_gives_the_survival_of_the_table() -> None:
    table = baseline_table()
    years = (table["to_days"].clip(upper=1826) - table["from_days"]).clip(lower=0) / 365.25
    total = (table["hazard_per_year"] * years).groupby(table["iccc_subgroup"]).sum()
    expected = subgroup_table().set_index("subgroup")["survival_5y"]
    np.testing.assert_allclose(np.exp(-total[expected.index]), expected, rtol=1e-12)


def test_effects_have_a_reference_without_a_term() -> None:
    table = effects_table(country_table(), np.array([2000, 2005]))
    first = ~table["variable"].duplicated()
    assert (table.loc[first, "log_hazard_ratio"] == 0).all()
    assert (table.loc[first, "term"] == "").all()
    assert table.loc[~first, "term"].is_unique
    assert "period[T.2005-2009]" in table["term"].tolist()
    assert period_effect(np.array([2005]))[0] < 0


def test_effects_of_chosen_countries_are_against_the_first_of_them() -> None:
    chosen = country_table().iloc[[1, 3]]
    table = effects_table(chosen, np.array([2010]))
    effect = table[table["variable"] == "country"]["log_hazard_ratio"].tolist()
    assert effect == pytest.approx([0.0, 0.58 - 0.30])
