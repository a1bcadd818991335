"""Coverage of limits of observed survival where children's survival lies: 95 % at five years, small groups.

Death comes at a constant rate, so the truth is known; follow-up is cut between 2 and 12 years. The large table with
every kind of limits is that of ``python -m benchmarks.coverage``; docs/conventions.md quotes it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs

TRUTH = 0.95
REPLICATIONS = 4_000
LAST_DAY = 1826


def simulated(size: int, replications: int) -> pd.DataFrame:
    rng = np.random.default_rng(size)
    count = size * replications
    death = np.ceil(rng.exponential(LAST_DAY / -np.log(TRUTH), count))
    closing = np.floor(rng.uniform(2, 12, count) * 365.25)
    return pd.DataFrame(
        {
            "group": np.repeat(np.arange(replications), size),
            "time": np.minimum(death, closing).astype(int),
            "event": (death <= closing).astype(int),
        }
    )


def shares(size: int, replications: int, **options: str) -> tuple[float, pd.DataFrame]:
    curves = cs.kaplan_meier(simulated(size, replications), by="group", time="time", event="event", **options)
    at = curves.at(times=LAST_DAY)
    return float(((at["lower"] <= TRUTH) & (at["upper"] >= TRUTH)).mean()), at


@pytest.mark.parametrize(("size", "replications"), [(100, REPLICATIONS), (1000, 1000)])
@pytest.mark.parametrize("ci", ["log-log", "logit"])
def test_limits_that_know_their_bounds_cover_the_truth(size: int, replications: int, ci: str) -> None:
    covered, at = shares(size, replications, ci=ci)
    # Standard errors of 0.35 and 0.7 points; the true coverage of 100 children is 95.3 to 95.5 %, of 1,000 94.9 %.
    assert covered == pytest.approx(0.951, abs=0.02)
    assert at["estimate"].mean() == pytest.approx(TRUTH, abs=0.002)


def test_limits_of_other_kinds_cover_less() -> None:
    """Of 100 children, log and plain limits are too high in one sample of ten (89.7 and 89.8 % cover)."""
    for ci in ("log", "plain"):
        covered, _ = shares(100, REPLICATIONS, ci=ci)
        assert covered == pytest.approx(0.898, abs=0.02)
    # A variance for the lower limit of those at risk now gives some of it back (94.0 %).
    covered, _ = shares(100, REPLICATIONS, ci="log", lower_variance="peto")
    assert covered == pytest.approx(0.94, abs=0.015)


@pytest.mark.filterwarnings("ignore:.*there are no events")
def test_without_deaths_limits_have_no_width_and_an_exact_lower_limit_covers() -> None:
    """A quarter of samples of 30 children have no death by five years, and no limits but the estimate itself."""
    covered, at = shares(30, REPLICATIONS)
    none = at["estimate"] == 1
    # 24.7 %: with full follow-up 0.95**30 = 21.5 % would have none, and three in ten are lost earlier.
    assert none.mean() == pytest.approx(0.247, abs=0.02)
    assert (at.loc[none, ["lower", "upper"]] == 1).all(axis=None)
    assert covered == pytest.approx(0.707, abs=0.025)
    exact = 0.025 ** (1 / at["at_risk"])
    repaired = at["lower"].where(~none, exact)
    assert ((repaired <= TRUTH) & (at["upper"] >= TRUTH)).mean() == pytest.approx(0.954, abs=0.012)
