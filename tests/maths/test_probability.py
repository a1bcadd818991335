"""Normal probabilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from childsurv.maths.probability import largest_of_normals_p_value, normal_quantile

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


def test_boxes_of_normals_are_those_of_mvtnorm():
    for row in pd.read_csv(REFERENCE / "observed_boxes.csv").itertuples():
        correlation = np.full((row.size, row.size), row.correlation)
        np.fill_diagonal(correlation, 1.0)
        # mvtnorm is good to 1e-8, the lattice to some 1e-5.
        assert largest_of_normals_p_value(row.largest, correlation) == pytest.approx(row.p_value, abs=5e-5)


def test_boxes_of_normals_with_scores_that_sum_to_another():
    """Even = early + late exactly, as in the default weights: a plane in three dimensions, checked by simulation."""
    rng = np.random.default_rng(0)
    loadings = np.array([[0.9, 0.1, 0.0], [0.5, 0.3, 0.2], [0.4, -0.2, -0.2], [-0.1, 0.5, 0.6]])
    covariance = loadings @ loadings.T
    size = np.sqrt(np.diag(covariance))
    simulated = np.abs(rng.standard_normal((2_000_000, 3)) @ (loadings / size[:, None]).T).max(axis=1)
    for largest in (1.0, 2.0, 2.5):
        p_value = largest_of_normals_p_value(largest, covariance / np.outer(size, size))
        # Two million draws have a standard error of 3.5e-4 at most.
        assert p_value == pytest.approx((simulated > largest).mean(), abs=1.2e-3)
    assert largest_of_normals_p_value(1.96, np.ones((3, 3))) == pytest.approx(0.05, abs=1e-4)


def test_normal_quantile() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959963984540054, rel=1e-14)
    assert normal_quantile(0.99) == pytest.approx(2.5758293035489004, rel=1e-14)
