"""The excess hazard: courses, effects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.demo.disease import (
    baseline_table,
    course_at,
    course_levels,
    course_time,
    effects_table,
    period_effect,
    subgroup_groups,
)
from childsurv.demo.parameters import COURSE_BREAKS, country_table, course_table, subgroup_table


def test_course_is_one_at_five_years() -> None:
    np.testing.assert_allclose(course_at(1826.0), 1.0, rtol=1e-12)
    assert (course_at(0.0) == 0).all()


@given(st.integers(0, 11), st.floats(0, 20_000))
def test_course_time_undoes_course_at(group: int, days: float) -> None:
    cumulative = course_at(days)[[group]]
    back = course_time(np.array([group]), cumulative)[0]
    # Slow courses magnify rounding: 1e-16 in a course that rises by 3e-6 a day.
    assert back == pytest.approx(days, abs=1e-6, rel=1e-9)


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


def test_levels_rise_and_groups_match() -> None:
    assert (np.diff(course_levels(), axis=1) > 0).all()
    assert course_levels().shape == (12, COURSE_BREAKS.size)
    assert (course_table()["group"].to_numpy()[subgroup_groups()] == subgroup_table()["group"]).all()


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
