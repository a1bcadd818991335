"""Who falls ill: shares, ages, dates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.demo.parameters import (
    AGE_FIRST_YEARS,
    AGE_WIDTHS,
    COURSE_BREAKS,
    chosen_countries,
    code_table,
    country_table,
    course_table,
    subgroup_table,
)
from childsurv.demo.patients import (
    Patients,
    _birth_at_completed_age,
    course_at,
    course_levels,
    course_time,
    draw_basis,
    draw_from_rows,
    draw_patients,
    stage_chances,
    subgroup_groups,
    tumour_mix,
)
from childsurv.maths.calendar import BirthdayCalendar

FIRST, LAST = 10_957, 18_261  # 2000-01-01 and 2019-12-31


def drawn_patients(patients: int = 40_000, seed: int = 2) -> Patients:
    return draw_patients(
        country_table(), patients=patients, first_day=FIRST, last_day=LAST, rng=np.random.default_rng(seed)
    )


def test_draws_follow_the_chances_of_their_row() -> None:
    chances = np.array([[0.2, 0.0, 0.8], [0.5, 0.5, 0.0]])
    row = np.repeat([1, 0], 50_000)
    drawn = draw_from_rows(chances, row, np.random.default_rng(1))
    for which in (0, 1):
        share = np.bincount(drawn[row == which], minlength=3) / 50_000
        # 4 standard deviations of a share of 50,000 draws are at most 0.009.
        np.testing.assert_allclose(share, chances[which], atol=0.009)
    assert not ((row == 0) & (drawn == 1)).any()
    assert not ((row == 1) & (drawn == 2)).any()


@given(
    st.integers(FIRST, LAST) | st.sampled_from([11_016, 12_477, 13_938]),  # 29 February 2000, 2004, 2008
    st.integers(0, 19),
    st.integers(0, 2**32 - 1),
)
def test_birth_gives_the_completed_age(diagnosis: int, age: int, seed: int) -> None:
    days = np.full(50, diagnosis)
    birth = _birth_at_completed_age(days, np.full(50, age), np.random.default_rng(seed))
    assert (BirthdayCalendar(birth).completed_years(days) == age).all()
    assert (birth <= days).all()


def test_every_day_of_the_year_of_age_is_possible() -> None:
    days = np.full(20_000, 14_000)  # 1 May 2008, so that the year before it has 366 days
    birth = _birth_at_completed_age(days, np.zeros(20_000, dtype=np.int64), np.random.default_rng(1))
    assert np.unique(days - birth).tolist() == list(range(366))


def test_mix_of_tumours_by_age_is_close_to_what_is_known() -> None:
    mix = tumour_mix(chosen_countries(["XUM"]))[0]
    codes, subgroups = code_table(), subgroup_table()
    group = subgroups["group"].to_numpy()[codes["position"]]
    children = mix[:4] / mix[:4].sum()
    share = {name: children[:, :, group == name].sum() for name in subgroups["group"].unique()}
    # Shares among children under 15 as generally reported, rounded; the bands are wide on purpose.
    expected = {
        "I": (0.27, 0.34),
        "II": (0.09, 0.15),
        "III": (0.19, 0.28),
        "IV": (0.05, 0.09),
        "V": (0.02, 0.04),
    }
    for name, (low, high) in expected.items():
        assert low < share[name] < high, name
    early = children[:2].sum(axis=(0, 1)) / children.sum(axis=(0, 1))
    for subgroup in ("IVa", "V", "VIIa"):
        assert early[codes["subgroup"] == subgroup].min() > 0.7
    for subgroup in ("VIIIa", "IIa", "XIb"):
        assert early[codes["subgroup"] == subgroup].max() < 0.15


def test_mix_obeys_countries_and_sexes() -> None:
    table, codes = country_table(), code_table()
    mix = tumour_mix(table)
    np.testing.assert_allclose(mix.sum(axis=(1, 2, 3)), 1.0)
    assert (mix[(table["age_limit"] == 15).to_numpy(), 4] == 0).all()
    assert (mix[(table["age_limit"] == 20).to_numpy(), 4].sum(axis=(1, 2)) > 0.1).all()
    male_only = codes["topography"].str.startswith("C62").to_numpy()
    female_only = codes["topography"].str.startswith("C56").to_numpy()
    assert mix[:, :, 0, male_only].sum() == 0
    assert mix[:, :, 1, female_only].sum() == 0
    benign = (codes["behaviour"] < 2).to_numpy()
    brain = codes["subgroup"].str.startswith("III").to_numpy()
    share = mix[..., benign & brain].sum(axis=(1, 2, 3)) / mix[..., brain].sum(axis=(1, 2, 3))
    assert share.min() == 0
    assert share.max() > 0.5


def test_drawn_patients_follow_the_mix() -> None:
    drawn = drawn_patients()
    mix = tumour_mix(country_table())
    share = country_table()["share"].to_numpy() / country_table()["share"].sum()
    expected = (mix.sum(axis=(2, 3)) * share[:, None]).sum(axis=0)
    seen = np.bincount(drawn.age_group, minlength=5) / drawn.age_group.size
    np.testing.assert_allclose(seen, expected, atol=4 * 0.5 / np.sqrt(40_000))
    age = BirthdayCalendar(drawn.birth).completed_years(drawn.diagnosis)
    group = np.searchsorted(AGE_FIRST_YEARS, age, side="right") - 1
    assert (group == drawn.age_group).all()
    assert (age < (AGE_FIRST_YEARS + AGE_WIDTHS)[drawn.age_group]).all()
    assert drawn.diagnosis.min() >= FIRST
    assert drawn.diagnosis.max() <= LAST
    assert (np.diff(drawn.country) >= 0).all()
    within = np.diff(drawn.country) == 0
    assert (np.diff(drawn.diagnosis)[within] >= 0).all()


def test_stage_chances_by_country() -> None:
    table = country_table()
    values, chances = stage_chances(table)
    np.testing.assert_allclose(chances.sum(axis=2), 1.0)
    missing = chances[:, 1:, (values["stage"] == "X").to_numpy()]
    np.testing.assert_allclose(
        missing, table["stage_missing"].to_numpy()[:, None, None] * np.ones((1, chances.shape[1] - 1, 1))
    )
    staged = chances[:, 1:] / (1 - table["stage_missing"].to_numpy())[:, None, None]
    late = staged[..., (values["stage_class"] == "metastatic").to_numpy()].sum(axis=2)
    order = table["stage_late"].to_numpy().argsort()
    assert (np.diff(late[order], axis=0) >= 0).all()


@pytest.mark.parametrize("blood", [True, False])
def test_basis_is_mostly_microscopic(blood: bool) -> None:
    n = 20_000
    basis = draw_basis(np.full(n, 0.9), np.full(n, blood), np.random.default_rng(3))
    assert np.isin(basis, [5, 6, 7]).mean() == pytest.approx(0.9, abs=0.01)
    assert set(np.unique(basis)) <= {1, 2, 4, 5, 6, 7, 9}
    assert ((basis == 5).mean() > 0.4) == blood


def test_course_is_one_at_five_years() -> None:
    np.testing.assert_allclose(course_at(1826.0), 1.0, rtol=1e-12)
    assert (course_at(0.0) == 0).all()


@given(st.integers(0, 11), st.floats(0, 20_000))
def test_course_time_undoes_course_at(group: int, days: float) -> None:
    cumulative = course_at(days)[[group]]
    back = course_time(np.array([group]), cumulative)[0]
    # Slow courses magnify rounding: 1e-16 in a course that rises by 3e-6 a day.
    assert back == pytest.approx(days, abs=1e-6, rel=1e-9)


def test_levels_rise_and_groups_match() -> None:
    assert (np.diff(course_levels(), axis=1) > 0).all()
    assert course_levels().shape == (12, COURSE_BREAKS.size)
    assert (course_table()["group"].to_numpy()[subgroup_groups()] == subgroup_table()["group"]).all()
