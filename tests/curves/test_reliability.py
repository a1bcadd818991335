"""Verdicts on estimates by rules that are named, and by a user's own thresholds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.curves.reliability import reliability_rules, reliable_until
from childsurv.errors import OptionError


@pytest.fixture(scope="module")
def curves() -> cs.Curves:
    """Groups of 9, 10, 49, 50 and 80, one exit a day, every second one a death."""
    sizes = {"nine": 9, "ten": 10, "49": 49, "50": 50, "80": 80}
    table = pd.DataFrame({"g": np.repeat(list(sizes), list(sizes.values()))})
    table["time"] = table.groupby("g", sort=False).cumcount() + 1
    table["event"] = table["time"] % 2
    return cs.kaplan_meier(table, by="g", time="time", event="event")


def verdicts(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["g"], table["reliability"], strict=True))


def test_the_scheme_by_hand(curves: cs.Curves) -> None:
    assert verdicts(curves.reliability(times=1)) == {
        "nine": "no estimate", "ten": "unstandardised only", "49": "unstandardised only", "50": "reliable",
        "80": "reliable",
    }  # fmt: skip
    # On day 41, 10 of 50 are at risk; on day 42, nine.
    assert verdicts(curves.reliability(times=41))["50"] == "reliable"
    late = curves.reliability(times=42).set_index("g")
    assert late.loc["50", ["reliability", "reasons"]].tolist() == ["not reliable", "fewer than 10 at risk"]
    assert late.loc["49", "reasons"] == "fewer than 10 at risk; fewer than 50 patients"
    assert late.loc["ten", ["reliability", "reasons"]].tolist() == ["no estimate", "follow-up too short"]


def test_no_estimate_means_none(curves: cs.Curves) -> None:
    table = curves.reliability(times=1).set_index("g")
    assert table.loc["nine", ["estimate", "std_error", "lower", "upper"]].isna().all()
    assert table.loc["nine", "reasons"] == "fewer than 10 patients"
    rest = curves.at(times=1).set_index("g").drop(index="nine")
    np.testing.assert_array_equal(table.loc[rest.index, "estimate"], rest["estimate"])


def test_own_thresholds_and_only_those(curves: cs.Curves) -> None:
    assert set(verdicts(curves.reliability(times=1, rules={"patients": 5})).values()) == {"reliable"}
    at = curves.at(times=20).set_index("g")
    width = (at["upper"] - at["lower"])["50"]
    wide = verdicts(curves.reliability(times=20, rules={"interval_width": width - 1e-6}))
    assert (wide["50"], wide["80"]) == ("not reliable", "reliable")
    assert verdicts(curves.reliability(times=20, rules={"interval_width": width + 1e-6}))["50"] == "reliable"
    error = at["std_error"]["50"]
    assert verdicts(curves.reliability(times=20, rules={"std_error": error - 1e-6}))["50"] == "not reliable"
    assert verdicts(curves.reliability(times=20, rules={"std_error": error + 1e-6}))["50"] == "reliable"


def test_a_standardised_estimate_of_few_is_not_reliable() -> None:
    table = pd.DataFrame({"age_group": ["a", "b"] * 20, "time": range(1, 41), "event": 1})
    by_age = cs.kaplan_meier(table, by="age_group", time="time", event="event")
    row = cs.standardise(by_age, {"a": 1, "b": 1}).reliability(times=1).iloc[0]
    assert row["reliability"] == "not reliable"
    assert row["reasons"] == "standardised from fewer than 50 patients"


def test_with_a_minimum_of_the_curves(curves: cs.Curves) -> None:
    cut = curves.with_minimum(15)
    table = cut.reliability(times=40).set_index("g")
    assert table.loc["nine", "reasons"] == "fewer than 15 patients"
    assert table.loc["50", ["reliability", "reasons"]].tolist() == ["no estimate", "fewer than 15 at risk"]
    assert np.isnan(table.loc["50", "at_risk"])
    assert np.isnan(table.loc["ten", "patients"])


def test_a_curve_is_reliable_until_the_time_of_the_table(curves: cs.Curves) -> None:
    until = dict(
        zip(curves.groups["g"], reliable_until(curves, reliability_rules("concord-like")), strict=True)
    )
    assert until["50"] == 41
    assert until["ten"] == 1
    assert np.isinf(reliable_until(curves, reliability_rules({"patients": 20}))).all()
    # Just after that time `reliability` says the same, and not before.
    both = [verdicts(curves.reliability(times=time, rules={"at_risk": 10}))["50"] for time in (41, 41.5)]
    assert both == ["reliable", "not reliable"]


@pytest.mark.parametrize(
    "rules", ["concord", {}, {"patient": 5}, {"patients": 2.5}, {"std_error": 0}, {"interval_width": "a"}, 10]
)
def test_wrong_rules_are_told(curves: cs.Curves, rules) -> None:
    with pytest.raises(OptionError, match="rules"):
        curves.reliability(times=1, rules=rules)
