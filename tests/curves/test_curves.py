from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.curves.curves import CURVE_COLUMNS, Curves
from childsurv.errors import ChildsurvWarning, OptionError
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


def test_table_is_fresh_and_curves_are_frozen() -> None:
    fit = curves()
    table = fit.table
    assert tuple(table.columns) == ("g", *CURVE_COLUMNS)
    table["estimate"] = -1
    assert (fit.table["estimate"] >= 0).all()
    with pytest.raises(ValueError, match="read-only"):
        fit.estimate[0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.level = 0.5  # type: ignore[misc]
    with pytest.raises(TypeError):
        fit.conventions["ci"] = "plain"  # type: ignore[index]


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


def test_one_time_for_what_takes_one() -> None:
    for name, argument in (("rmst", "times"), ("conditional", "given")):
        with pytest.raises(OptionError, match=r": takes one time; 2 were given, so call it once for each\.$"):
            getattr(curves(), name)(**{argument: [100, 200]})


def test_quantiles_lie_between_nought_and_one() -> None:
    for p in (0, 1, 50, math.nan, [0.5, 1.5]):
        with pytest.raises(OptionError, match="p must lie between 0 and 1"):
            curves().quantile(p)


def test_quantiles_never_reached_are_missing() -> None:
    quantile = curves().quantile([0.25, 0.9])
    assert quantile["p"].tolist() == [0.25, 0.9, 0.25, 0.9]
    # Group a falls to exactly 3/4 at 10 and on to 3/8 at 800; b falls past 3/4 at 50 exactly, and to 1/2 at 60.
    assert quantile["quantile"].tolist()[::2] == [405, 55]
    assert quantile["quantile"].isna().tolist() == [False, True, False, True]


def test_restricted_means_past_the_end_are_missing() -> None:
    means = curves().rmst(times=1000)
    assert means["rmst"].isna().tolist() == [True, False]
    assert means["rmst"][1] == pytest.approx(50 + 0.75 * 10 + 0.5 * 940)
    # A curve that has reached 0 stays there.
    dead = kaplan_meier(FRAME.assign(d=1), time="t", event="d", by="g").rmst(times=10_000)
    assert dead["rmst"].tolist() == pytest.approx([(10 + 400 + 800 + 900) / 4, (50 + 60 + 3000 + 2000) / 4])


def test_conditional_leaves_out_groups_without_survivors() -> None:
    given = curves().conditional(given=1000)
    assert given.groups.to_numpy().tolist() == [["b", 2, 0]]
    assert given.conventions["groups_left_out"] == 1
    assert given.conventions["conditional_on"] == "surviving 1000 days"
    assert given.at(times=2500)["estimate"][0] == 1
    with pytest.raises(OptionError, match="nobody is at risk after that time in any group"):
        curves().conditional(given=3000)


def test_conditional_curves_begin_where_they_begin() -> None:
    given = curves().conditional(given=300)
    for name, argument in (("rmst", "times"), ("conditional", "given")):
        with pytest.raises(OptionError, match="these curves begin at 300, after the time asked for"):
            getattr(given, name)(**{argument: 299})
    assert given.conditional(given=500).at(times=850)["estimate"][0] == pytest.approx(
        curves().conditional(given=500).at(times=850)["estimate"][0]
    )
    assert given.rmst(times=700)["rmst"][0] == pytest.approx(400)
    product = curves().at(times=300)["estimate"] * given.at(times=850)["estimate"]
    assert product[0] == pytest.approx(curves().at(times=850)["estimate"][0])


def test_jackknife_variances_are_not_taken_apart() -> None:
    weighted = kaplan_meier(FRAME.assign(w=[0.5, 1.5] * 4), time="t", event="d", weights="w")
    with pytest.warns(
        ChildsurvWarning, match=r"^Curves\.rmst: the variance is that of each time by itself"
    ) as caught:
        means = weighted.rmst(times=500)
    assert caught[0].filename == __file__
    assert means["rmst"].notna().all()
    assert means[["std_error", "lower", "upper"]].isna().all(axis=None)
    with pytest.warns(ChildsurvWarning, match=r"^Curves\.conditional: the variance is that") as caught:
        given = weighted.conditional(given=100).table
    assert caught[0].filename == __file__
    assert given["estimate"].notna().all()
    assert given["lower"].isna().all()


def test_differences() -> None:
    at = curves().at(times=[100, 850]).set_index(["g", "time"])
    difference = curves().difference(reference="a", times=[850, 100], level=0.9)
    assert difference["g"].tolist() == ["b", "b"]
    assert difference["time"].tolist() == [850, 100]
    for row in difference.itertuples():
        assert row.difference == pytest.approx(
            at.loc[("b", row.time), "estimate"] - at.loc[("a", row.time), "estimate"]
        )
        variance = at.loc[("b", row.time), "std_error"] ** 2 + at.loc[("a", row.time), "std_error"] ** 2
        assert row.std_error == pytest.approx(math.sqrt(variance))
        assert row.upper - row.lower == pytest.approx(2 * 1.6448536269514722 * math.sqrt(variance))
    assert len(curves(by=["g", "h"]).difference(reference=("a", "y"), times=100)) == 3


def test_differences_name_the_groups_there_are() -> None:
    with pytest.raises(OptionError, match=r"difference\(\): no group 'c'; the groups are a, b\."):
        curves().difference(reference="c", times=1)
    with pytest.raises(OptionError, match=r"the groups are \('a', 'x'\), \('a', 'y'\)"):
        curves(by=["g", "h"]).difference(reference="a", times=1)
    with pytest.raises(OptionError, match="estimate the curves with by="):
        kaplan_meier(FRAME, time="t", event="d").difference(reference="a", times=1)


def test_at_agrees_with_the_table_at_its_own_times() -> None:
    fit = curves()
    at = fit.at(times=sorted(FRAME["t"]))
    merged = fit.table.merge(at, on=["g", "time"], suffixes=("", "_at"))
    assert len(merged) == len(fit.table)
    for name in ("at_risk", "estimate", "std_error", "lower", "upper"):
        np.testing.assert_array_equal(merged[name], merged[f"{name}_at"])
    # Counts at every time add up to those of the whole.
    assert at.groupby("g")[["events", "censored"]].sum().to_numpy().sum() == len(FRAME)
