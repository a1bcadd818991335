from __future__ import annotations

import dataclasses
import math

import pytest

from childsurv.errors import ChildsurvWarning, OptionError
from childsurv.survival.observed import kaplan_meier
from strategies import TWO_GROUPS, two_curves


def test_table_is_fresh_and_curves_are_frozen() -> None:
    fit = two_curves()
    table = fit.table
    assert table.columns.tolist() == [
        "g", "time", "at_risk", "events", "censored", "estimate", "std_error", "lower", "upper",
    ]  # fmt: skip
    table["estimate"] = -1
    assert (fit.table["estimate"] >= 0).all()
    with pytest.raises(ValueError, match="read-only"):
        fit.estimate[0] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.level = 0.5  # type: ignore[misc]
    with pytest.raises(TypeError):
        fit.conventions["ci"] = "plain"  # type: ignore[index]


def test_one_time_for_what_takes_one() -> None:
    message = r" takes one time; 2 were given, so call it once for each\.$"
    with pytest.raises(OptionError, match=r"^Curves\.rmst:" + message):
        two_curves().rmst(times=[100, 200])  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^Curves\.conditional:" + message):
        two_curves().conditional(given=[100, 200])  # type: ignore[arg-type]


def test_quantiles_lie_between_nought_and_one() -> None:
    for p in (0, 1, 50, math.nan, [0.5, 1.5]):
        with pytest.raises(OptionError, match="p must lie between 0 and 1"):
            two_curves().quantile(p)


def test_quantiles_never_reached_are_missing() -> None:
    quantile = two_curves().quantile([0.25, 0.9])
    assert quantile["p"].tolist() == [0.25, 0.9, 0.25, 0.9]
    # Group a falls to exactly 3/4 at 10 and on to 3/8 at 800; b falls past 3/4 at 50 exactly, and to 1/2 at 60.
    assert quantile["quantile"].tolist()[::2] == [405, 55]
    assert quantile["quantile"].isna().tolist() == [False, True, False, True]


def test_restricted_means_past_the_end_are_missing() -> None:
    means = two_curves().rmst(times=1000)
    assert means["rmst"].isna().tolist() == [True, False]
    assert means["rmst"][1] == pytest.approx(50 + 0.75 * 10 + 0.5 * 940)
    # A curve that has reached 0 stays there.
    dead = kaplan_meier(TWO_GROUPS.assign(d=1), time="t", event="d", by="g").rmst(times=10_000)
    assert dead["rmst"].tolist() == pytest.approx([(10 + 400 + 800 + 900) / 4, (50 + 60 + 3000 + 2000) / 4])


def test_conditional_leaves_out_groups_without_survivors() -> None:
    given = two_curves().conditional(given=1000)
    assert given.groups.to_numpy().tolist() == [["b", 2, 0]]
    assert given.conventions["groups_left_out"] == 1
    assert given.conventions["conditional_on"] == "surviving 1000 days"
    assert given.at(times=2500)["estimate"][0] == 1
    with pytest.raises(
        OptionError, match=r"^Curves\.conditional: no child is at risk after that time in any group\.$"
    ):
        two_curves().conditional(given=3000)


def test_conditional_curves_begin_where_they_begin() -> None:
    given = two_curves().conditional(given=300)
    message = " these curves begin at 300, after the time asked for"
    with pytest.raises(OptionError, match=rf"^Curves\.rmst:{message}\.$"):
        given.rmst(times=299)
    with pytest.raises(OptionError, match=rf"^Curves\.conditional:{message}\.$"):
        given.conditional(given=299)
    assert given.conditional(given=500).at(times=850)["estimate"][0] == pytest.approx(
        two_curves().conditional(given=500).at(times=850)["estimate"][0]
    )
    assert given.rmst(times=700)["rmst"][0] == pytest.approx(400)
    product = two_curves().at(times=300)["estimate"] * given.at(times=850)["estimate"]
    assert product[0] == pytest.approx(two_curves().at(times=850)["estimate"][0])


def test_jackknife_variances_are_not_taken_apart() -> None:
    weighted = kaplan_meier(TWO_GROUPS.assign(w=[0.5, 1.5] * 4), time="t", event="d", weights="w")
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
    at = two_curves().at(times=[100, 850]).set_index(["g", "time"])
    difference = two_curves().difference(reference="a", times=[850, 100], level=0.9)
    assert difference["g"].tolist() == ["b", "b"]
    assert difference["time"].tolist() == [850, 100]
    for row in difference.itertuples():
        assert row.difference == pytest.approx(
            at.loc[("b", row.time), "estimate"] - at.loc[("a", row.time), "estimate"]
        )
        variance = at.loc[("b", row.time), "std_error"] ** 2 + at.loc[("a", row.time), "std_error"] ** 2
        assert row.std_error == pytest.approx(math.sqrt(variance))
        assert row.upper - row.lower == pytest.approx(2 * 1.6448536269514722 * math.sqrt(variance))
    assert len(two_curves(by=["g", "h"]).difference(reference=("a", "y"), times=100)) == 3


def test_differences_name_the_groups_there_are() -> None:
    with pytest.raises(OptionError, match=r"difference\(\): no group 'c'; the groups are a, b\."):
        two_curves().difference(reference="c", times=1)
    with pytest.raises(OptionError, match=r"the groups are \('a', 'x'\), \('a', 'y'\)"):
        two_curves(by=["g", "h"]).difference(reference="a", times=1)
    with pytest.raises(OptionError, match="estimate the curves with by="):
        kaplan_meier(TWO_GROUPS, time="t", event="d").difference(reference="a", times=1)
