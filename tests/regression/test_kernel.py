"""The partial likelihood against a plain loop over events and the rows at risk."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.cohort.follow_up import FollowUp
from childsurv.fold import risk_sets
from childsurv.fold.risk_sets import build_risk_sets
from childsurv.regression.kernel import cross_product, evaluate, time_weighted_information


def people(seed: int, *, late: bool, whole: bool) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = 60
    time = rng.integers(1, 15, n) if whole else rng.integers(1, 15, n) * 0.37
    event = rng.random(n) < 0.6
    event[0] = True
    return {
        "time": time,
        "event": event,
        "entry": time * (rng.integers(0, 4, n) / 4 if not whole else rng.integers(0, 2, n) // 2),
        "weights": rng.integers(0, 4, n) / 2 + (np.arange(n) == 0),
        "stratum": rng.integers(0, 4, n),
        "x": rng.normal(size=(2, n)),
        "eta": rng.normal(size=n),
    } | ({"entry": np.minimum(rng.integers(0, 9, n), time - 1)} if late and whole else {})


def looped(
    d: dict[str, np.ndarray], ties: str, late: bool
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Log-likelihood, gradient, information, and information times the square root of time."""
    risk = d["weights"] * np.exp(d["eta"])
    value, gradient = 0.0, np.zeros(2)
    information, weighted = np.zeros((2, 2)), np.zeros((2, 2))
    dead = d["event"] & (d["weights"] > 0)
    for stratum in np.unique(d["stratum"]):
        own = d["stratum"] == stratum
        for time in np.unique(d["time"][own & dead]):
            at_risk = own & (d["time"] >= time) & ((d["entry"] < time) | (not late))
            tied = own & dead & (d["time"] == time)
            number = int(tied.sum())
            for k in range(number):
                share = risk * (at_risk - (k / number if ties == "efron" else 0.0) * tied)
                mean = d["x"] @ share / share.sum()
                spread = (d["x"] * share) @ d["x"].T / share.sum() - np.outer(mean, mean)
                weight = d["weights"][tied].mean()
                value -= weight * np.log(share.sum())
                gradient -= weight * mean
                information += weight * spread
                weighted += weight * spread * (np.sqrt(time) - 2)
            value += (d["weights"] * d["eta"])[tied].sum()
            gradient += (d["weights"] * d["x"])[:, tied].sum(axis=1)
    return value, gradient, information, weighted


@pytest.mark.parametrize("tables", [True, False], ids=["tables", "searches"])
@given(
    seed=st.integers(0, 10_000),
    ties=st.sampled_from(["efron", "breslow"]),
    late=st.booleans(),
    whole=st.booleans(),
)
def test_likelihood_equals_the_loop(tables: bool, seed: int, ties: str, late: bool, whole: bool) -> None:
    d = people(seed, late=late, whole=whole)
    limit = risk_sets.LARGEST_TABLE
    risk_sets.LARGEST_TABLE = limit if tables else -10_000
    try:
        follow = FollowUp(
            d["time"], d["event"].astype(np.int8), d["entry"] if late else None, d["weights"], d["stratum"],
            pd.DataFrame({"s": range(4)}), 0, "days", "as given", slice(None),
        )  # fmt: skip
        sets = build_risk_sets(follow, ties=ties)
    finally:
        risk_sets.LARGEST_TABLE = limit
    x = d["x"][:, sets.rows]
    now = evaluate(sets, x, d["eta"][sets.rows])
    value, gradient, information, weighted = looped(d, ties, late)
    assert now.log_likelihood == pytest.approx(value, rel=1e-11)
    # Sums of up to 60 terms of size 1 in another order.
    np.testing.assert_allclose(now.gradient, gradient, atol=1e-11)
    np.testing.assert_allclose(now.information, information, atol=1e-11)
    ours = time_weighted_information(sets, x, now.hazards, np.sqrt(sets.time) - 2)
    np.testing.assert_allclose(ours, weighted, atol=1e-10)


def test_blocks_of_a_cross_product_add_up() -> None:
    rng = np.random.default_rng(5)
    x, weight = rng.normal(size=(3, 90_000)), rng.normal(size=90_000)
    np.testing.assert_allclose(cross_product(x, weight), (x * weight) @ x.T, rtol=1e-9)
    np.testing.assert_allclose(cross_product(x), x @ x.T, rtol=1e-12, atol=1e-9)
