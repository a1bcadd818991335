"""Crude mortality and years of life lost by hand: four children, constant hazards."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import childsurv as cs

EXACT = {"rel": 1e-12, "abs": 1e-14}
H = 0.0013


def table(hazard: float = H) -> cs.LifeTable:
    rows = [
        (sex, age, year, hazard)
        for sex in ("male", "female")
        for age in range(8)
        for year in range(2000, 2011)
    ]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "hazard"])
    return cs.LifeTable.from_frame(frame, rate="hazard", rate_unit="per_day")


FOUR = pd.DataFrame(
    {
        "time": [10, 20, 30, 40],
        "event": [1, 0, 1, 0],
        "sex": "male",
        "age_days": 500,
        "diagnosis_date": pd.Timestamp("2001-06-15"),
    }
)
NAMES = {"time": "time", "event": "event"}


def test_both_causes() -> None:
    at = cs.crude_mortality(FOUR, table(), **NAMES).at(times=[9, 10, 30, 40])
    # Survival is 1 before day 10, 3/4 after it and 3/8 after day 30: the population takes h of it each day.
    population = [9 * H, 10 * H, (10 + 0.75 * 20) * H, (25 + 0.375 * 10) * H]
    dead = [0, 1 / 4, 5 / 8, 5 / 8]
    disease = [d - p for d, p in zip(dead, population, strict=True)]
    assert at["estimate"].tolist() == pytest.approx(disease + population, **EXACT)
    assert at["cause"].tolist() == ["disease"] * 4 + ["population"] * 4
    assert at["events"].tolist() == [0, 1, 1, 0] * 2

    def variance(reached: float, own: list[float]) -> float:
        # Deaths on days 10 (of 4) and 30 (of 2).
        return (own[0] - reached) ** 2 / 16 + (own[1] - reached) ** 2 / 4

    last = variance(disease[3], [0.75 + disease[1], 0.375 + disease[2]])
    assert at["std_error"][3] == pytest.approx(math.sqrt(last), **EXACT)
    last = variance(population[3], [population[1], population[2]])
    assert at["std_error"][7] == pytest.approx(math.sqrt(last), **EXACT)


def test_a_death_on_the_day_of_diagnosis_in_a_second_group() -> None:
    """Survival before day 0 is 1 in every group, whatever it came to at the end of the group before."""
    two = pd.concat([FOUR.assign(group="a"), FOUR.assign(group="b", time=[0, 20, 30, 40])])
    at = cs.crude_mortality(two, table(), by="group", **NAMES).at(times=[0, 30])
    disease = at[(at["cause"] == "disease") & (at["group"] == "b")]
    # A quarter dies on day 0, and half of the rest on day 30; the population takes h of three quarters each day.
    expected = [1 / 4, 5 / 8 - 0.75 * 30 * H]
    assert disease["estimate"].tolist() == pytest.approx(expected, **EXACT)


def test_years_of_life_lost() -> None:
    lost = cs.years_of_life_lost(FOUR, table(), years=40 / 365.25, **NAMES)
    # Curves step at the ends of days: day k stands for the height that they had after day k - 1.
    survival = np.concatenate([np.ones(10), np.full(20, 0.75), np.full(10, 0.375)])
    population = np.concatenate([[0], np.cumsum(survival * H)])
    area = population[:-1].sum() / 365.25
    assert lost["years_lost"][1] == pytest.approx(area, **EXACT)
    assert lost["years_lost"].sum() == pytest.approx((1 - survival).sum() / 365.25, **EXACT)
    assert lost["tau"].tolist() == pytest.approx([40, 40])
    lived = cs.kaplan_meier(FOUR, **NAMES).rmst(times=40)["rmst"][0]
    assert lost["years_lost"].sum() == pytest.approx((40 - lived) / 365.25, **EXACT)


def test_one_child() -> None:
    alone = FOUR.head(1)
    at = cs.crude_mortality(alone, table(), **NAMES).at(times=10)
    assert at["estimate"].tolist() == pytest.approx([1 - 10 * H, 10 * H], **EXACT)
    # On the day of the only death nothing has followed it that it could have moved: no variance, and no rounding.
    assert at["std_error"].tolist() == [0.0, 0.0]
    later = cs.crude_mortality(FOUR, table(), **NAMES).at(times=10)
    assert later["std_error"].tolist() == [pytest.approx(0.75 / 4, **EXACT), 0.0]


@pytest.mark.parametrize("excess", [0.0004, 0.002])
def test_constant_hazards_have_a_closed_form(excess: float) -> None:
    """``F_c(t) = h_c / (h_d + h_p) (1 - exp(-(h_d + h_p) t))``, both causes and the years lost; 1,000 registers of 200.

    Registers are groups of one call, so that the mean of their estimates has a thirtieth of one's error, and a coverage
    of 95 % has a standard error of 0.7 points. The population's limits are right here, where hazards do not vary among
    patients.
    """
    population, horizon, registers, size = 0.0005, 1000, 1000, 200
    random = np.random.default_rng(8)
    n = registers * size
    time = np.ceil(random.exponential(1 / (excess + population), n))
    closing = random.integers(400, 2000, n)
    frame = pd.DataFrame(
        {
            "register": np.repeat(np.arange(registers), size),
            "time": np.minimum(time, closing).astype(np.int64),
            "event": (time <= closing).astype(np.int64),
            "sex": "male",
            "age_days": 500,
            "diagnosis_date": pd.Timestamp("2001-06-15"),
        }
    )
    own = cs.crude_mortality(frame, table(population), by="register", **NAMES).at(times=horizon)
    lost = cs.years_of_life_lost(frame, table(population), by="register", years=horizon / 365.25, **NAMES)
    total = excess + population
    for cause, hazard in (("disease", excess), ("population", population)):
        truth = hazard / total * -math.expm1(-total * horizon)
        area = hazard / total * (horizon + math.expm1(-total * horizon) / total) / 365.25
        for found, value, name in ((own, truth, "estimate"), (lost, area, "years_lost")):
            rows = found[found["cause"] == cause]
            error = rows[name].std() / math.sqrt(registers)
            # Deaths are counted at the end of their day, which moves curves by half a day's hazard.
            assert abs(rows[name].mean() - value) < 4 * error + value * total
            covered = ((rows["lower"] <= value) & (value <= rows["upper"])).mean()
            assert 0.93 <= covered <= 0.97, (cause, name, covered)
