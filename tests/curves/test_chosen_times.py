"""Curves at chosen times."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError
from childsurv.survival.observed import kaplan_meier

FRAME = pd.DataFrame(
    {
        "t": [10, 400, 800, 900, 50, 60, 3000, 2000],
        "d": [1, 0, 1, 0, 1, 1, 0, 0],
        "g": ["a"] * 4 + ["b"] * 4,
        "h": ["x", "y"] * 4,
    }
)


def curves(**options: object) -> Curves:
    return kaplan_meier(FRAME, **{"time": "t", "event": "d", "by": "g"} | options)


def test_years_are_days_over_365_and_a_quarter() -> None:
    frame = pd.DataFrame(
        {"diagnosis_date": pd.Timestamp("2001-01-01"), "entry": 0, "time": FRAME["t"], "event": FRAME["d"]}
    )
    fit = kaplan_meier(Cohort(frame, 8, dt.date(2010, 1, 1), empty_findings(), join_exclusions([])))
    pd.testing.assert_frame_equal(fit.at(years=[1, 2]), fit.at(times=[365.25, 730.5]))
    pd.testing.assert_frame_equal(fit.rmst(years=2), fit.rmst(times=730.5))
    pd.testing.assert_frame_equal(fit.conditional(given_years=1).table, fit.conditional(given=365.25).table)


def test_years_need_days() -> None:
    with pytest.raises(
        OptionError,
        match=r"^Curves\.at: years= needs follow-up in days; this follow-up counts months\. Give times= "
        r"in that unit\.$",
    ):
        curves(time_unit="months").at(years=1)


def test_one_row_a_group_and_time_in_the_order_of_groups() -> None:
    at = curves().at(times=[1000, 100])
    assert at[["g", "time"]].to_numpy().tolist() == [["a", 1000], ["a", 100], ["b", 1000], ["b", 100]]
    assert math.isnan(at["estimate"][0])
    assert at["estimate"][2] == pytest.approx(0.5)
    assert curves().at(times=100)["events"].tolist() == [1, 2]


@pytest.mark.parametrize("times", [math.nan, math.inf, -1, [], [[1, 2]], "x", ["1", "y"]], ids=str)
def test_bad_times(times: object) -> None:
    with pytest.raises(
        OptionError, match=r"^Curves\.at: times= takes one or more finite numbers of 0 or more\.$"
    ):
        curves().at(times=times)  # type: ignore[arg-type]


def test_times_or_years() -> None:
    for options in ({}, {"times": 1, "years": 1}):
        with pytest.raises(
            OptionError, match=r"^Curves\.at: give times= \(in days\) or years=, one of the two\.$"
        ):
            curves().at(**options)


def test_at_agrees_with_the_table_at_its_own_times() -> None:
    fit = curves()
    at = fit.at(times=sorted(FRAME["t"]))
    merged = fit.table.merge(at, on=["g", "time"], suffixes=("", "_at"))
    assert len(merged) == len(fit.table)
    for name in ("at_risk", "estimate", "std_error", "lower", "upper"):
        np.testing.assert_array_equal(merged[name], merged[f"{name}_at"])
    # Counts at every time add up to those of the whole.
    assert at.groupby("g")[["events", "censored"]].sum().to_numpy().sum() == len(FRAME)
