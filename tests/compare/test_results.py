"""The result of a test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from childsurv.compare.ranks import logrank_test
from childsurv.compare.results import TestResult

RNG = np.random.default_rng(11)


FRAME = pd.DataFrame(
    {
        "t": RNG.integers(1, 60, 300),
        "d": RNG.integers(0, 2, 300),
        "g": RNG.choice(["a", "b", "c", "d"], 300),
        "s": RNG.choice(["x", "y"], 300),
    }
)


def compare(frame: pd.DataFrame = FRAME, **options: Any) -> TestResult:
    return logrank_test(frame, **{"time": "t", "event": "d", "by": "g"} | options)


def test_result() -> None:
    result = compare()
    assert list(result.table.columns) == ["g", "patients", "observed", "expected"]
    assert result.table["observed"].sum() == pytest.approx(result.table["expected"].sum(), rel=1e-12)
    assert result.df == 3
    assert 0 < result.p_value < 1
    assert repr(result).startswith("<Log-rank test: chi-squared ")
    assert "stratified by s" in repr(compare(strata="s"))
    assert repr(compare(rho=1)).startswith("<Fleming-Harrington test (rho 1, gamma 0)")


def test_small_p_values_and_none_are_printed_as_such() -> None:
    apart = pd.DataFrame({"t": list(range(1, 41)), "d": 1, "g": ["a"] * 20 + ["b"] * 20})
    assert repr(compare(apart)).endswith("p < 0.0001>")
    alone = compare(strata="g")
    assert (alone.statistic, alone.df) == (0.0, 0)
    assert repr(alone).endswith("on 0 df, p nan>")
