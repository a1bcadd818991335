"""The smoothest hazards behind grouped ones: constraints met, straight lines kept, gaps and zeros left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.errors import LifeTableError
from childsurv.lifetable.graduation import age_scale, graduate

GROUP = np.array([0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3])
WIDE = [np.flatnonzero(place == GROUP) for place in range(4)]
SCALE = age_scale(np.arange(15.0))

# Neighbouring groups of populations differ by a factor of some ten, after infancy by less.
rates = st.lists(st.floats(2e-4, 6e-3), min_size=4, max_size=4).map(lambda curve: [10 * curve[0], *curve[1:]])


def means(hazards, weights=None):
    weights = np.ones(GROUP.size) if weights is None else weights
    return np.stack([np.average(hazards[:, cells], axis=1, weights=weights[cells]) for cells in WIDE], axis=1)


@given(st.lists(rates, min_size=1, max_size=5), st.lists(st.floats(0.1, 5), min_size=15, max_size=15))
def test_every_wide_cell_keeps_its_rate(curves, weights):
    wide, weights = np.array(curves), np.array(weights)
    hazards = graduate(wide, GROUP, SCALE, weights)
    assert (hazards > 0).all()
    # The level of each cell is set last, so only rounding is left.
    np.testing.assert_allclose(means(hazards, weights), wide, rtol=1e-12)


@given(st.floats(1e-5, 0.1), st.floats(-1.0, 1.0))
def test_a_log_hazard_that_is_straight_on_the_scale_comes_back(level, slope):
    # It has no curvature at all, so nothing is smoother. 1e-7: the iteration stops at steps of 1e-10.
    true = level * np.exp(slope * SCALE)[None]
    np.testing.assert_allclose(graduate(means(true), GROUP, SCALE), true, rtol=1e-7)


@given(st.lists(rates, min_size=2, max_size=5), st.randoms())
def test_curves_do_not_depend_on_each_other(curves, random):
    wide = np.array(curves)
    order = list(range(len(wide)))
    random.shuffle(order)
    together = graduate(wide, GROUP, SCALE)
    np.testing.assert_allclose(graduate(wide[order], GROUP, SCALE), together[order], rtol=1e-8)
    np.testing.assert_allclose(graduate(wide[:1], GROUP, SCALE), together[:1], rtol=1e-8)


@given(rates, st.floats(0.01, 100))
def test_twice_the_mortality_is_the_same_curve_twice_as_high(curve, factor):
    wide = np.array([curve])
    np.testing.assert_allclose(
        graduate(wide * factor, GROUP, SCALE), factor * graduate(wide, GROUP, SCALE), rtol=1e-7
    )


def test_it_is_the_smoothest_by_trying_others():
    wide = np.array([[0.02, 0.0015, 0.0005, 0.0006]])
    found = graduate(wide, GROUP, SCALE)[0]

    def roughness(hazards):
        first = np.diff(np.log(hazards)) / np.diff(SCALE)
        return float((np.diff(first) ** 2 / ((np.diff(SCALE)[1:] + np.diff(SCALE)[:-1]) / 2)).sum())

    rng = np.random.default_rng(1)
    for _ in range(200):
        other = found * np.exp(0.05 * rng.standard_normal(15))
        other *= (wide / means(other[None]))[0][GROUP]
        assert roughness(other) > roughness(found)


def test_zero_and_missing_cells_stay_and_do_not_bend_their_neighbours():
    wide = np.array(
        [[0.02, 0.0, 0.0005, 0.0006], [0.02, np.nan, 0.0005, 0.0006], [0.02, 0.0015, 0.0005, 0.0006]]
    )
    hazards = graduate(wide, GROUP, SCALE)
    assert (hazards[0, GROUP == 1] == 0).all()
    assert np.isnan(hazards[1, GROUP == 1]).all()
    rest = GROUP != 1
    np.testing.assert_allclose(hazards[0, rest], hazards[1, rest], rtol=1e-9)
    np.testing.assert_allclose(hazards[2], graduate(wide[2:], GROUP, SCALE)[0], rtol=1e-8)


def test_a_curve_with_one_usable_cell_or_none_is_flat():
    hazards = graduate(np.array([[0.0, 0.001, np.nan, 0.0], [0.0, 0.0, 0.0, 0.0]]), GROUP, SCALE)
    assert (hazards[0, GROUP == 1] == 0.001).all()
    assert (hazards[1] == 0).all()


def test_rates_that_no_curve_can_follow_are_an_error_and_not_a_wrong_curve(monkeypatch):
    monkeypatch.setattr("childsurv.lifetable.graduation.MOST_STEPS", 2)
    with pytest.raises(LifeTableError, match=r"1 of 1 curves .* could not be expanded"):
        graduate(np.array([[0.9, 1e-9, 0.9, 1e-9]]), GROUP, SCALE)
