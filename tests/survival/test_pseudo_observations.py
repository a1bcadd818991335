"""Pseudo-observations: what leaving one child out changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import DataError, OptionError

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


COLUMNS = {"time": "time", "event": "event"}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "children.csv")


def test_pseudo_observations_are_those_of_leaving_one_out_in_r(children):
    group = sorted(children["group"].unique())[0]
    own = children[children["group"] == group].set_index("id")
    theirs = pd.read_csv(REFERENCE / "observed_pseudo.csv").set_index("id")
    survival = cs.pseudo_observations(own, times=[200, 500], **COLUMNS)
    means = cs.pseudo_observations(own, times=500, quantity="rmst", **COLUMNS)
    # 15 digits are printed; n times what is left of them.
    assert survival.loc[theirs.index, 200].to_numpy() == pytest.approx(theirs["at_200"].to_numpy(), abs=1e-11)
    assert survival.loc[theirs.index, 500].to_numpy() == pytest.approx(theirs["at_500"].to_numpy(), abs=1e-11)
    assert means.loc[theirs.index, 500].to_numpy() == pytest.approx(theirs["mean_500"].to_numpy(), abs=1e-8)
    together = cs.pseudo_observations(children.set_index("id"), times=[200, 500], by="group", **COLUMNS)
    pd.testing.assert_frame_equal(together.loc[own.index], survival, rtol=1e-11)


@given(
    st.lists(st.tuples(st.integers(2, 9), st.integers(0, 1), st.integers(0, 3)), min_size=4, max_size=25),
    st.integers(1, 6),
)
def test_pseudo_observations_are_leaving_one_out(found, moment):
    frame = pd.DataFrame(found, columns=["time", "event", "entry"])
    frame = frame[frame["entry"] < frame["time"]].reset_index(drop=True)
    # Several are followed beyond the time, so that every curve without one child reaches it.
    more = pd.DataFrame({"time": [12, 12, 12], "event": 0, "entry": 0})
    frame = pd.concat([frame, more], ignore_index=True)

    def survival(rows):
        alive = 1.0
        for time in sorted(rows.loc[rows["event"] == 1, "time"].unique()):
            if time <= moment:
                there = ((rows["time"] >= time) & ((rows["entry"] < time) | (rows["entry"] == 0))).sum()
                alive *= 1 - ((rows["time"] == time) & (rows["event"] == 1)).sum() / there
        return alive

    n = len(frame)
    expected = [n * survival(frame) - (n - 1) * survival(frame.drop(index=place)) for place in range(n)]
    own = cs.pseudo_observations(frame, times=moment, entry="entry", **COLUMNS)
    # Products of at most nine factors, times n.
    assert own[moment].to_numpy() == pytest.approx(np.array(expected), abs=1e-10)


def test_without_censoring_a_pseudo_observation_is_whether_a_child_lives():
    frame = pd.DataFrame({"time": [1, 2, 3, 4, 5], "event": 1})
    assert cs.pseudo_observations(frame, times=3, **COLUMNS)[3].tolist() == pytest.approx(
        [0, 0, 0, 1, 1], abs=1e-12
    )
    means = cs.pseudo_observations(frame, times=3, quantity="rmst", **COLUMNS)
    assert means[3].tolist() == pytest.approx([1, 2, 3, 3, 3], abs=1e-12)


def test_a_cohort_and_faults_of_pseudo_observations(children):
    cohort = cs.demo.cohort(patients=500, seed=2)
    kept = cs.pseudo_observations(cohort, years=[1, 2.5])
    assert list(kept.columns) == [1, 2.5]
    assert kept.notna().all(axis=None)
    dropped = cs.pseudo_observations(cohort, years=1, zero_survival="drop")
    same_day = (cohort.data["time"] == 0).to_numpy()
    assert (dropped[1].isna().to_numpy() == same_day).all()
    for options, error, message in (
        ({}, OptionError, "give times="),
        ({"times": -1}, OptionError, "finite numbers greater than 0"),
        ({"times": 1, "quantity": "hazard"}, OptionError, "quantity='hazard' is not a choice"),
        ({"times": 99_999}, DataError, "not followed to 99999"),
        ({"years": 1, "time_unit": "months"}, OptionError, "needs follow-up in days"),
    ):
        with pytest.raises(error, match=message):
            cs.pseudo_observations(children, **COLUMNS, **options)
    lone = pd.DataFrame({"time": [5, 6, 7], "event": [1, 0, 1], "g": ["a", "a", "b"]})
    with pytest.raises(DataError, match="1 groups have one child"):
        cs.pseudo_observations(lone, times=3, by="g", **COLUMNS)
