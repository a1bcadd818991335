"""Curves against a reference group: differences, ratios, numbers needed, restricted means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import OptionError

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


COLUMNS = {"time": "time", "event": "event"}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "children.csv")


@pytest.fixture(scope="module")
def curves(children) -> cs.Curves:
    return cs.kaplan_meier(children, by="group", **COLUMNS)


def test_ratios_and_numbers_needed_are_made_of_both_curves(curves):
    at = curves.at(times=300).set_index("group")
    ratio = curves.ratio(reference="north", times=300).set_index("group")
    needed = curves.number_needed(reference="north", times=300).set_index("group")
    difference = curves.difference(reference="north", times=300).set_index("group")
    for label in ratio.index:
        one, other = at.loc[label], at.loc["north"]
        assert ratio.loc[label, "ratio"] == pytest.approx(one["estimate"] / other["estimate"], rel=1e-13)
        error = np.sqrt(sum((row["std_error"] / row["estimate"]) ** 2 for row in (one, other)))
        assert ratio.loc[label, "log_std_error"] == pytest.approx(error, rel=1e-13)
        assert ratio.loc[label, "upper"] == pytest.approx(
            ratio.loc[label, "ratio"] * np.exp(1.959963984540054 * error), rel=1e-12
        )
        gap = difference.loc[label]
        assert needed.loc[label, "number_needed"] == pytest.approx(1 / gap["difference"], rel=1e-13)
        if gap["lower"] * gap["upper"] > 0:
            assert sorted(needed.loc[label, ["lower", "upper"]]) == pytest.approx(
                sorted([1 / gap["upper"], 1 / gap["lower"]]), rel=1e-12
            )
        else:
            assert needed.loc[label, ["lower", "upper"]].isna().all()
    with pytest.raises(OptionError, match=r"ratio\(\): no group 'nowhere'"):
        curves.ratio(reference="nowhere", times=300)
    with pytest.raises(OptionError, match=r"number_needed|difference\(\) compares groups"):
        cs.kaplan_meier(pd.read_csv(REFERENCE / "children.csv"), **COLUMNS).number_needed(
            reference="a", times=1
        )


def test_restricted_means_against_a_reference_are_those_of_r(children, curves):
    theirs = (
        pd.read_csv(REFERENCE / "core_rmean.csv").query("case == 'group' and tau == 731").set_index("group")
    )
    ours = curves.rmst_comparison(reference="north", times=731).set_index("group")
    base = theirs.loc["north"]
    for label, row in ours.iterrows():
        own = theirs.loc[label]
        # R prints 15 digits of its means and standard errors.
        assert row["difference"] == pytest.approx(own["rmean"] - base["rmean"], rel=1e-9)
        spread = np.hypot(own["se"], base["se"])
        assert row["upper"] - row["difference"] == pytest.approx(1.959963984540054 * spread, rel=1e-9)
        assert row["ratio"] == pytest.approx(own["rmean"] / base["rmean"], rel=1e-12)
        error = np.hypot(own["se"] / own["rmean"], base["se"] / base["rmean"])
        assert row["ratio_lower"] == pytest.approx(
            row["ratio"] * np.exp(-1.959963984540054 * error), rel=1e-9
        )


def test_differences_are_between_children_of_two_groups_and_not_between_two_causes():
    random = np.random.default_rng(6)
    frame = pd.DataFrame(
        {
            "time": random.integers(1, 60, 200),
            "cause": random.integers(0, 3, 200),
            "g": random.integers(0, 2, 200),
        }
    )
    options = {"cause": "cause", "time": "time"}
    by_group = cs.cumulative_incidence(frame, by="g", **options)
    table = by_group.difference(reference=(0, "1"), times=[30])
    assert table[["g", "cause"]].to_numpy().tolist() == [[1, "1"]]
    with pytest.raises(
        OptionError, match=r"difference\(\) compares groups of different children within a cause"
    ):
        cs.cumulative_incidence(frame, **options).difference(reference="1", times=[30])
