from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from childsurv.compare.ranks import logrank_test
from childsurv.compare.results import TestResult
from childsurv.errors import ChildsurvError, ColumnError, DataError, ModelError, OptionError

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


@pytest.mark.parametrize(("rho", "gamma"), [(0, 0), (1, 0), (1, 1), (0, 0.5)])
def test_groups_that_never_meet_do_not_count(rho: float, gamma: float) -> None:
    # a and b are compared in one stratum, c and d in the other: two degrees of freedom, and the statistics add.
    apart = FRAME.assign(s=np.where(FRAME["g"].isin(["a", "b"]), "x", "y"))
    parts = [compare(apart[apart["s"] == label], rho=rho, gamma=gamma) for label in ("x", "y")]
    both = compare(apart, strata="s", rho=rho, gamma=gamma)
    assert both.df == 2
    assert both.statistic == pytest.approx(sum(part.statistic for part in parts), rel=1e-9)
    # Each group in a stratum of its own: nothing is compared, whatever rounding leaves.
    assert compare(apart, strata="g", rho=rho, gamma=gamma).df == 0


def test_a_group_never_at_risk_with_others_takes_no_degree_of_freedom() -> None:
    late = FRAME.assign(entry=0)
    more = pd.DataFrame({"t": [200, 300], "d": [1, 1], "g": "late", "s": "x", "entry": [100, 100]})
    both = compare(pd.concat([late, more], ignore_index=True), entry="entry")
    assert both.df == 3
    assert both.statistic == pytest.approx(compare().statistic, rel=1e-9)


def test_labels_and_order_of_groups_do_not_matter() -> None:
    renamed = FRAME.assign(g=FRAME["g"].map({"a": 9, "b": 3, "c": 5, "d": 1}))
    assert compare(renamed).statistic == pytest.approx(compare().statistic, rel=1e-10)
    crossed = FRAME.assign(one=FRAME["g"].isin(["a", "b"]), two=FRAME["g"].isin(["a", "c"]))
    assert compare(crossed, by=["one", "two"]).statistic == pytest.approx(compare().statistic, rel=1e-10)


def test_many_strata_with_few_events() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "t": rng.exponential(1, 4000),
            "d": rng.integers(0, 2, 4000),
            "g": rng.integers(0, 2, 4000),
            "s": rng.integers(0, 900, 4000),
        }
    )
    result = compare(frame, strata="s")
    observed = expected = variance = 0.0
    for _, part in frame.groupby("s"):
        for time in part.loc[part["d"] == 1, "t"]:
            here = part[part["t"] >= time]
            share = float((here["g"] == 0).mean())
            observed += float((part.loc[part["t"] == time, "g"] == 0).sum())
            expected += share
            variance += share * (1 - share)
    assert result.table["expected"][0] == pytest.approx(expected, rel=1e-10)
    assert result.statistic == pytest.approx((observed - expected) ** 2 / variance, rel=1e-9)


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], type[ChildsurvError], str]] = {
    "one group": (
        {"g": "sentinel98765"},
        {},
        DataError,
        r"logrank_test: g has only one group; there is nothing to compare",
    ),
    "no groups": ({}, {"by": None}, OptionError, r"by= names the column whose groups are compared"),
    "no events": (
        {"d": 0},
        {},
        ModelError,
        r"there are no events\. Check that the event column has 1 for a death",
    ),
    "negative rho": ({}, {"rho": -1}, OptionError, r"rho and gamma must be 0 or more"),
    "no number": ({}, {"gamma": float("nan")}, OptionError, r"rho and gamma must be 0 or more"),
    "wrong strata": ({}, {"strata": "ss"}, ColumnError, r"no column 'ss'\. Did you mean 's'"),
    "missing stratum": (
        {"s": ["98765", None, *["x"] * 298]},
        {"strata": "s"},
        DataError,
        r"group column 's' is missing in 1 row \(row 2\)",
    ),
    "missing group": (
        {"g": ["98765", None, *["x"] * 298]},
        {},
        DataError,
        r"group column 'g' is missing in 1 row \(row 2\)",
    ),
    "strata twice": ({}, {"strata": ["s", "s"]}, OptionError, r"strata= names a column twice"),
    "event": (
        {"d": 98765},
        {},
        DataError,
        r"column 'd' is neither 0 nor 1 in 300 rows \(rows 1, 2, 3, 4, 5, 6, 7, 8 and 292 more\)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_and_no_value_is_shown(case: str) -> None:
    columns, options, error, message = BAD[case]
    with pytest.raises(error, match=message) as caught:
        compare(FRAME.assign(**columns), **options)
    assert "98765" not in str(caught.value)
