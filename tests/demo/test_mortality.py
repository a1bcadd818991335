"""Simulated life tables, and deaths drawn from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from childsurv.demo.mortality import (
    INFANT_CUTS,
    life_table,
    life_table_cells,
    population_death_time,
    table_of_cells,
)
from childsurv.errors import OptionError, asking
from childsurv.lifetable.paths import cumulative_hazard


def test_infant_peak_lies_in_the_stated_range_and_falls() -> None:
    cells = life_table_cells()
    infants = cells[cells["age"] == 0]
    # 0.003 to 0.05 by country, boys a fifth more, and yearly movement of 3 % (here four standard deviations).
    assert infants["mx"].between(0.003 * 0.88, 0.05 * 1.2 * 1.13).all()
    by_year = infants.groupby(["country", "year"])["mx"].mean().unstack()
    assert (by_year[2020] < by_year[1980] * 0.6).all()
    toddlers = cells[cells["age"] == 1].set_index(["country", "sex", "year"])["mx"]
    assert (infants.set_index(["country", "sex", "year"])["mx"] > 8 * toddlers).all()


def test_mortality_has_the_shape_of_a_population() -> None:
    cells = life_table_cells(countries=["XVM"])
    table = cells[cells["year"] == 2010].pivot(index="age", columns="sex", values="mx")
    assert (table["male"] > table["female"]).all()
    assert table.loc[5:12].max().max() < table.loc[1].min() * 0.6
    assert (np.diff(np.log(table.loc[40:100]), axis=0) > 0.05).all()  # Gompertz
    assert cells["mx"].gt(0).all()


def test_table_covers_years_ages_and_countries() -> None:
    table = life_table()
    assert table.covered_dates == ("1980-01-01", "2030-12-31")
    assert table.age_starts.tolist() == list(range(101))
    assert len(table.strata) == 26
    assert "simulated" in table.source


def test_table_holds_the_cells() -> None:
    cells = life_table_cells(countries=["XOD"])
    frame = life_table(countries=["XOD"]).to_frame()
    frame["year"] = frame["year_start"].dt.year
    both = cells.merge(frame, on=["country", "sex", "year", "age"])
    assert len(both) == len(cells)
    np.testing.assert_allclose(both["hazard_per_day"] * 365.25, both["mx"], rtol=1e-12)


def test_seed_moves_years_and_choosing_countries_does_not() -> None:
    one, other = life_table_cells(seed=1), life_table_cells(seed=2)
    assert not one["mx"].equals(other["mx"])
    ratio = other["mx"] / one["mx"]
    assert ratio.between(0.8, 1.25).all()
    alone = life_table_cells(seed=1, countries=["XTS"])
    pd.testing.assert_frame_equal(alone, one[one["country"] == "XTS"].reset_index(drop=True))
    assert life_table().digest == life_table(seed=1).digest


def test_infant_cells_share_out_the_same_hazard() -> None:
    table, fine = life_table(countries=["XSM"]), life_table(countries=["XSM"], infant_cells=True)
    one_year = {"sex": "male", "birth_date": "2005-01-01", "date": "2005-01-01", "country": "XSM"}
    whole = -np.log(table.survival(days=365.0, **one_year)[0])
    parts = -np.log(fine.survival(days=np.array([7.0, 28.0, 365.0]), **one_year))
    # Table years have 365.25 days and 2005 has 365: a quarter day of the late infant rate is missing.
    assert parts[2] == pytest.approx(whole, rel=1e-3)
    np.testing.assert_allclose(parts[:2] / whole, [0.45, 0.65], rtol=1e-3)
    assert fine.age_starts[:3] * 365.25 == pytest.approx(INFANT_CUTS)


@pytest.mark.parametrize("infant_cells", [False, True])
def test_population_deaths_alone_follow_the_life_table(infant_cells: bool) -> None:
    table = table_of_cells(life_table_cells(countries=["XSM", "XFW"], infant_cells=infant_cells))
    rng = np.random.default_rng(5)
    n = 120_000
    stratum = rng.integers(0, 4, size=n)
    diagnosis = rng.integers(11_000, 14_000, size=n)
    birth = diagnosis - rng.integers(0, 40, size=n)  # newborns, who have deaths enough to see
    horizon = np.full(n, 3_000)
    death = population_death_time(
        table,
        stratum,
        birth=birth,
        diagnosis=diagnosis,
        horizon=horizon,
        threshold=rng.standard_exponential(n),
    )
    for days in (5, 30, 365, 3_000):
        with asking("test"):
            expected = 1 - np.exp(
                -cumulative_hazard(table, stratum, birth=birth, diagnosis=diagnosis, time=np.full(n, days))
            )
        # Independent deaths of known chances; beyond 4 standard deviations once in 16,000 seeds.
        spread = np.sqrt((expected * (1 - expected)).sum())
        assert abs((death <= days).sum() - expected.sum()) < 4 * spread
    assert np.isfinite(death).any()
    assert death[np.isfinite(death)].max() <= 3_000


def test_death_comes_where_the_cumulative_hazard_reaches_the_threshold() -> None:
    table = table_of_cells(life_table_cells(countries=["XSM"]))
    birth, diagnosis = np.array([10_000, 10_000]), np.array([10_100, 13_000])
    time = population_death_time(
        table,
        np.zeros(2, dtype=np.int64),
        birth=birth,
        diagnosis=diagnosis,
        horizon=np.full(2, 5_000),
        threshold=np.array([0.004, 0.0008]),
    )
    with asking("test"):
        reached = cumulative_hazard(
            table, np.zeros(2, dtype=np.int64), birth=birth, diagnosis=diagnosis, time=time
        )
    np.testing.assert_allclose(reached, [0.004, 0.0008], rtol=1e-12)


def test_unknown_country_is_refused() -> None:
    with pytest.raises(
        OptionError,
        match=(
            "^countries= takes one or more codes of invented countries: XBK, XCM, XFW, XGD, XLM, XMV, "
            r"XND, XOD, XPV, XSM, XTS, XUM, XVM\. Not among them: 'NOR'\.$"
        ),
    ):
        life_table(countries=["NOR"])
