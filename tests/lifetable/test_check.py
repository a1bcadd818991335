"""Checks of a life table, each by a table that has the fault and one that has not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import ColumnError, LifeTableError, OptionError

AGES = (0, 1, 2, 3, 4, 5, 10)


def cells(change=lambda row: row):
    rows = [
        {
            "sex": sex,
            "age": age,
            "year": year,
            "mx": (0.01 if age == 0 else 0.001 + 0.0001 * age) * (1.2 if sex == "male" else 1),
        }
        for sex in ("female", "male")
        for age in AGES
        for year in (2000, 2001, 2002)
    ]
    return cs.LifeTable.from_frame(
        pd.DataFrame([change(row) for row in rows]), mx="mx", missing="not-covered"
    )


def codes(table, **options):
    return cs.check_life_table(table, **options)["code"].tolist()


def at(sex, age, year, mx):
    return lambda row: row | {"mx": mx} if (row["sex"], row["age"], row["year"]) == (sex, age, year) else row


@pytest.mark.parametrize(("factor", "ages"), [(1_000, 2), (1 / 1_000_000, 6)])
def test_rates_of_a_wrong_unit_are_implausible_in_children(factor, ages):
    table = cells(lambda row: row | {"mx": row["mx"] * factor})
    found = cs.check_life_table(table).query("code == 'implausible-level'")
    assert found["sex"].tolist() == ["female", "male"]
    assert found["cells"].tolist() == [ages * 3] * 2
    assert found["first_age"].tolist() == [5.0 if factor > 1 else 1.0] * 2


@pytest.mark.parametrize(("mean", "found"), [(0.9e-6, True), (1.1e-6, False)])
def test_the_level_of_children_is_a_mean_of_their_cells(mean, found):
    table = cells(
        lambda row: row | {"mx": mean * (1.2 if row["sex"] == "male" else 1) if row["age"] else 1e-5}
    )
    findings = cs.check_life_table(table).query("code == 'implausible-level'")
    assert ("female" in findings["sex"].tolist()) is found
    assert "male" not in findings["sex"].tolist()


def test_years_in_which_no_child_dies_are_zero_and_not_implausible():
    table = cells(lambda row: row | {"mx": row["mx"] * (row["age"] == 0)})
    assert codes(table) == ["zero", "zero"]


def test_a_sound_table_has_nothing_odd():
    table = cells()
    before = table.digest
    assert codes(table) == []
    assert table.digest == before


@pytest.mark.parametrize(
    ("change", "code", "age", "year"),
    [
        (at("male", 2, 2001, np.nan), ["gap"], 2, 2001),
        (at("male", 2, 2001, 0.0), ["zero"], 2, 2001),
        (at("female", 0, 2002, 0.0009), ["infancy-not-falling", "jump-between-years"], 1, 2002),
        (at("female", 10, 2000, 0.02), ["jump-between-ages", "jump-between-years"], 10, 2000),
    ],
)
def test_faults_are_found_where_they_are(change, code, age, year):
    found = cs.check_life_table(cells(change))
    assert found["code"].tolist() == code
    first = found.iloc[0]
    assert first["first_age"] == age
    assert first["first_year"] == pd.Timestamp(f"{year}-01-01")


def test_factors_and_their_limits():
    jump = cells(at("female", 10, 2000, 0.02))
    found = cs.check_life_table(jump).set_index("code")
    assert found.loc["jump-between-ages", "largest"] == pytest.approx(0.02 / 0.0015)
    assert found.loc["jump-between-years", "largest"] == pytest.approx(0.02 / 0.002)
    assert codes(jump, age_factor=20, year_factor=20) == []
    with pytest.raises(
        OptionError, match=r"^age_factor= and year_factor= must be above 1, and e0_tolerance= 0 or more\.$"
    ):
        codes(jump, age_factor=1)


def test_identical_sexes_and_extension():
    same = cells(lambda row: row | {"mx": 0.02 / (1 + row["age"])})
    assert codes(same) == ["sexes-identical"]
    assert codes(cells().extend("last")) == ["extended", "extended"]


@given(st.floats(1 / 100, 1 / 40), st.lists(st.integers(1, 99), min_size=1, max_size=8, unique=True))
def test_a_constant_hazard_gives_its_inverse_whatever_the_ages(hazard, starts):
    rows = [
        {"sex": sex, "age": age, "year": 2000, "mx": hazard}
        for sex in ("male", "female")
        for age in [0, *sorted(starts)]
    ]
    e0 = cs.life_expectancy(cs.LifeTable.from_frame(pd.DataFrame(rows), mx="mx"))["e0"]
    np.testing.assert_allclose(e0, 1 / hazard, rtol=1e-12)


def test_expectancies_by_hand_and_against_given_ones():
    rows = [
        {"sex": sex, "age": age, "year": 2000, "mx": mx}
        for sex in ("male", "female")
        for age, mx in ((0, 0.1), (1, 0.02))
    ]
    table = cs.LifeTable.from_frame(pd.DataFrame(rows), mx="mx")
    by_hand = (1 - np.exp(-0.1)) / 0.1 + np.exp(-0.1) / 0.02
    np.testing.assert_allclose(cs.life_expectancy(table)["e0"], by_hand, rtol=1e-12)
    given_ones = pd.DataFrame({"sex": ["male", "female"], "year": 2000, "e0": [by_hand + 0.2, by_hand - 0.5]})
    found = cs.check_life_table(table, e0=given_ones, age_factor=100)
    found = found[found["code"] == "e0-differs"]
    assert found["sex"].tolist() == ["female"]
    assert found["largest"].item() == pytest.approx(0.5)
    with pytest.raises(LifeTableError, match=r"^e0=: no row is of a stratum and year of the table\.$"):
        cs.check_life_table(table, e0=given_ones.assign(year=1990))
    with pytest.raises(ColumnError, match=r"^e0=: no column 'e0'\. The data have the columns: sex, year\.$"):
        cs.check_life_table(table, e0=given_ones.drop(columns="e0"))


def test_a_gap_or_a_zero_at_the_end_has_no_expectancy():
    for mx in (np.nan, 0.0):
        e0 = cs.life_expectancy(cells(at("male", 10, 2001, mx))).set_index(["sex", "year_start"])["e0"]
        assert e0.isna().sum() == 1


def test_single_year_truth_of_three_countries(shared):
    table = cs.read_life_table(shared / "data" / "lifetables" / "hmd_BLR_RUS_UKR_1x1.csv.gz")
    found = cs.check_life_table(table)
    assert "error" not in set(found.loc[found["code"] != "gap", "severity"])
    e0 = cs.life_expectancy(table)["e0"].dropna()
    assert e0.between(45, 85).all()
