"""Laws of crude mortality for any patients, and its options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from strategies import NOUGHT, TABLE, exactly, examples, patients, random_patients

NAMES: dict[str, Any] = {"time": "time", "event": "event", "entry": "entry"}
quiet = pytest.mark.filterwarnings("ignore::childsurv.errors.ChildsurvWarning")
few = examples(20)


def crude(frame: pd.DataFrame, table: cs.LifeTable = TABLE, **options: Any) -> cs.Curves:
    return cs.crude_mortality(frame, table, **{**NAMES, **options})


@quiet
@few
@given(frame=patients(), random=st.randoms(use_true_random=False))
def test_order_does_not_matter_and_groups_are_split_data(frame: pd.DataFrame, random: Any) -> None:
    order = list(range(len(frame)))
    random.shuffle(order)
    together = crude(frame, by="group").table
    pd.testing.assert_frame_equal(together, crude(frame.iloc[order], by="group").table, rtol=1e-9, atol=1e-12)
    for label, part in frame.groupby("group"):
        own = together[together["group"] == label].drop(columns="group").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, crude(part).table, rtol=1e-9, atol=1e-12)


@quiet
@few
@given(frame=patients())
def test_with_the_living_both_causes_add_to_one(frame: pd.DataFrame) -> None:
    days = list(range(1, int(frame["time"].max()) + 1))
    at = crude(frame).at(times=days).pivot(index="time", columns="cause", values="estimate")
    alive = cs.kaplan_meier(frame, **NAMES).at(times=days)["estimate"].to_numpy()
    known = ~np.isnan(alive)
    np.testing.assert_allclose(at.sum(axis=1).to_numpy()[known] + alive[known], 1.0, rtol=0, atol=1e-12)


@quiet
@few
@given(frame=patients())
def test_no_population_mortality(frame: pd.DataFrame) -> None:
    """The disease is then the only cause, with Kaplan and Meier's complement; the variance is that of Aalen."""
    curves = crude(frame, NOUGHT)
    disease, population = (part for _, part in curves.table.groupby("cause", sort=False))
    alive = cs.kaplan_meier(frame, **NAMES).table
    np.testing.assert_allclose(disease["estimate"], 1 - alive["estimate"], rtol=0, atol=1e-12)
    assert (population["estimate"] == 0).all()
    assert (population["std_error"] == 0).all()


def test_a_life_table_is_not_changed() -> None:
    rates = TABLE.rates.copy()
    crude(random_patients(3, 50, 200))
    assert (TABLE.rates == rates).all()


@quiet
def test_options() -> None:
    frame = random_patients(3, 50, 200).assign(entry=0)
    with pytest.raises(
        cs.OptionError,
        match=exactly(
            "crude_mortality: compat_options= goes with compat='relsurv'; otherwise curves step on whole "
            "days, every day."
        ),
    ):
        crude(frame, compat_options={"add_times": [1.5]})
    with pytest.raises(
        cs.OptionError,
        match=exactly("crude_mortality adds a column 'cause'; rename the group column of that name."),
    ):
        crude(frame.assign(cause="a"), by="cause")
    with pytest.raises(
        cs.OptionError, match=exactly("compat='stata' is not a choice; use one of 'relsurv'.")
    ):
        crude(frame, compat="stata")
    with pytest.raises(
        cs.OptionError,
        match=exactly("years_of_life_lost: years= takes one or more finite numbers greater than 0."),
    ):
        cs.years_of_life_lost(frame, TABLE, years=-1, **NAMES)
    small = crude(frame, minimum=10)
    assert small.at_risk[small.at_risk > 0].min() >= 10
    # With ages that change on birthdays relsurv's splitting of days changes nothing. Errors are roots: rounding of
    # 1e-20 in a variance is 1e-10 of its error.
    ours, theirs = crude(frame, by="group").table, crude(frame, by="group", compat="relsurv").table
    numbers = ["time", "at_risk", "events", "censored", "estimate", "std_error"]
    np.testing.assert_allclose(ours[numbers], theirs[numbers], rtol=1e-9, atol=1e-9)
