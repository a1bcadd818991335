from __future__ import annotations

import math

import numpy as np
import pytest

from childsurv.errors import OptionError
from childsurv.maths.limits import INTERVAL_KINDS, confidence_limits


def limits(kind: str, estimate: float, log_variance: float, *, bounded: bool = True) -> tuple[float, float]:
    lower, upper = confidence_limits(
        np.array([estimate]), np.array([log_variance]), kind=kind, level=0.95, bounded=bounded
    )
    return float(lower[0]), float(upper[0])


# Survival of 23 patients at 23 weeks as R's survival prints it (Miller's leukaemia data, 12 digits).
@pytest.mark.parametrize(
    ("kind", "lower", "upper"),
    [
        ("plain", 0.336376455802, 0.756791246061),
        ("log", 0.372078087249, 0.802933352802),
        ("log-log", 0.319250413971, 0.726449173821),
        ("arcsin", 0.338476011438, 0.746508640194),
        ("logit", 0.340444343943, 0.737897533032),
    ],
)
def test_published_limits(kind: str, lower: float, upper: float) -> None:
    # The estimate and its error are given to 12 digits, so limits agree to about 1e-11.
    got = limits(kind, 0.546583850932, (0.107250641740 / 0.546583850932) ** 2)
    assert got == pytest.approx((lower, upper), abs=1e-11)


@pytest.mark.parametrize("kind", INTERVAL_KINDS)
def test_edges(kind: str) -> None:
    # Nobody has died: certain.
    assert limits(kind, 1.0, 0.0) == (1.0, 1.0)
    # Everybody has: not defined.
    assert all(math.isnan(limit) for limit in limits(kind, 0.0, math.inf))
    assert all(math.isnan(limit) for limit in limits(kind, 0.0, math.nan))
    # The interval holds the estimate and stays within 0 and 1.
    lower, upper = limits(kind, 0.97, 0.01)
    assert 0 <= lower <= 0.97 <= upper <= 1


@pytest.mark.parametrize("kind", ["log", "plain"])
def test_net_survival_may_exceed_one(kind: str) -> None:
    lower, upper = limits(kind, 1.02, 0.01, bounded=False)
    assert lower < 1.02 < upper
    assert upper > 1.1


@pytest.mark.parametrize("kind", ["log-log", "logit", "arcsin"])
def test_transformations_that_end_at_one_say_so(kind: str) -> None:
    assert all(math.isnan(limit) for limit in limits(kind, 1.02, 0.01, bounded=False))
    assert limits(kind, 1.02, 0.0, bounded=False) == (1.02, 1.02)


def test_wrong_options() -> None:
    with pytest.raises(OptionError, match="ci='loglog' is not a choice"):
        limits("loglog", 0.5, 0.1)
