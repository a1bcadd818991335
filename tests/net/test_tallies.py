"""Sums that were added up elsewhere finish to what the rows give at once, for every estimator with a life table."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import OptionError

COLUMNS: dict[str, Any] = {"time": "time", "event": "event", "entry": "entry"}
SHAPES = {"above_1", "rises"}
"""Conventions that round numbers to four decimals."""

quiet = pytest.mark.filterwarnings("ignore::childsurv.errors.ChildsurvWarning")


def life_table() -> cs.LifeTable:
    """Hazards far beyond a child's, none at the age of 1 year, and carried on from 2004."""
    rows = [
        (sex, age, year, 0.0 if age == 1 else 0.0001 * (1 + (age * 7 + year * 3 + (sex == "male") * 5) % 11))
        for sex in ("male", "female")
        for age in range(4)
        for year in range(2001, 2004)
    ]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "hazard"])
    return cs.LifeTable.from_frame(frame, rate="hazard", rate_unit="per_day").extend("last")


TABLE = life_table()

ESTIMATORS: dict[str, Callable[..., Any]] = {
    "pohar-perme": cs.net_survival,
    "pohar-perme exponential": lambda *given, **more: cs.net_survival(*given, form="exponential", **more),
    "ederer2": lambda *given, **more: cs.net_survival(*given, method="ederer2", **more),
    "ederer2 exponential": lambda *given, **more: cs.net_survival(
        *given, method="ederer2", form="exponential", minimum=2, **more
    ),
    "pohar-perme by intervals": lambda *given, **more: cs.net_survival(
        *given, intervals=[0.02, 0.05, 0.2], **more
    ),
    "ederer2 monthly": lambda *given, **more: cs.net_survival(
        *given, method="ederer2", intervals="monthly", **more
    ),
}
UNWEIGHTED: dict[str, Callable[..., Any]] = {
    "crude": cs.crude_mortality,
    "crude with a minimum": lambda *given, **more: cs.crude_mortality(*given, minimum=3, ci="log", **more),
    "years lost": lambda *given, **more: cs.years_of_life_lost(*given, years=[0.02, 0.1], **more),
    "years lost to the end": cs.years_of_life_lost,
    "excess": lambda *given, **more: cs.excess_mortality(
        *given, bandwidth_days=7, times=[0, 3, 10, 20.5], **more
    ),
    "excess with a minimum": lambda *given, **more: cs.excess_mortality(
        *given, bandwidth_days=9, ci="log", minimum=2, **more
    ),
}


@st.composite
def patients(draw: st.DrawFn) -> pd.DataFrame:
    """Draw patients in three parts and two groups, late entries or deaths at time 0 among them."""
    late = draw(st.booleans())
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(1 if late else 0, 40),
                st.integers(0, 39) if late else st.just(0),
                st.integers(0, 1),
                st.sampled_from(["male", "female"]),
                st.sampled_from([0, 1, 300, 364, 365, 366, 729]),
                st.integers(0, 40),
                st.sampled_from([0.25, 1.0, 1.5, 3.0]),
                st.integers(0, 2),
            ),
            min_size=4,
            max_size=16,
        )
    )
    names = ["time", "entry", "event", "sex", "age_days", "after", "weight", "part"]
    frame = pd.DataFrame(rows, columns=names)
    frame["entry"] = np.where(frame["entry"] < frame["time"], frame["entry"], 0)
    frame["diagnosis_date"] = pd.Timestamp("2003-12-10") + pd.to_timedelta(frame.pop("after"), "D")
    frame["group"] = np.where(np.arange(len(frame)) % 2, "a", "b")
    frame.loc[0, "event"] = 1
    return frame


def sum_of_parts(frame: pd.DataFrame, **options: Any) -> cs.Tally:
    return reduce(add, (cs.tally(part, TABLE, **COLUMNS, **options) for _, part in frame.groupby("part")))


def assert_same(ours: Any, theirs: Any) -> None:
    """Compare results: sums in another order differ by rounding, which roots of variances magnify.

    Where all have died S is 0 or rounding, and the variance of its logarithm is not defined.
    """
    exact = {"rtol": 1e-9, "atol": 1e-9}
    if isinstance(ours, pd.DataFrame):
        pd.testing.assert_frame_equal(ours, theirs, **exact)
        return
    assert type(ours) is type(theirs)
    mine, other = ours.table, theirs.table
    gone = other["estimate"].abs() < 1e-12
    for table in (mine, other):
        table.loc[gone, ["estimate", "std_error", "lower", "upper"]] = 0.0
    pd.testing.assert_frame_equal(mine, other, **exact)
    pd.testing.assert_frame_equal(ours.groups, theirs.groups)
    np.testing.assert_allclose(ours.estimate, theirs.estimate, rtol=1e-11, atol=1e-12)
    assert ours.conventions.keys() - SHAPES == theirs.conventions.keys() - SHAPES
    for name in ours.conventions.keys() - SHAPES:
        mine, other = ours.conventions[name], theirs.conventions[name]
        assert mine == (pytest.approx(other, rel=1e-12) if isinstance(other, float) else other), name
    assert (ours.quantity, ours.in_days, ours.ci) == (theirs.quantity, theirs.in_days, theirs.ci)
    if theirs.life_table_use is not None:
        pd.testing.assert_frame_equal(ours.life_table_use, theirs.life_table_use, rtol=1e-12)


@quiet
@settings(max_examples=12)
@given(frame=patients(), by=st.sampled_from([None, "group"]))
def test_tallies_of_parts_finish_to_the_result_of_all_rows(frame: pd.DataFrame, by: str | None) -> None:
    sums = sum_of_parts(frame, by=by)
    for estimate in (*ESTIMATORS.values(), *UNWEIGHTED.values()):
        assert_same(estimate(sums, TABLE), estimate(frame, TABLE, by=by, **COLUMNS))


@quiet
@settings(max_examples=12)
@given(frame=patients())
def test_fractions_as_weights(frame: pd.DataFrame) -> None:
    sums = sum_of_parts(frame, by="group", weights="weight")
    for estimate in ESTIMATORS.values():
        rows = estimate(frame, TABLE, by="group", weights="weight", **COLUMNS)
        assert_same(estimate(sums), rows)
        assert rows.conventions["case_weights"] == "numbers at risk and of events are heads"


def test_registers_of_countries_that_are_added_up() -> None:
    """Carried cells and cells without a hazard are used, and reported alike."""
    cohort = cs.demo.cohort(patients=600, seed=3)
    cells = cs.demo.life_table().to_frame()
    cells = cells[cells["year_start"].dt.year <= 2010].assign(year=lambda frame: frame["year_start"].dt.year)
    cells["hazard"] = cells["hazard_per_day"].where(cells["age"] != cells["age"].max() // 2, 0.0)
    table = cs.LifeTable.from_frame(cells, rate="hazard", rate_unit="per_day", by="country").extend("last")
    by = ["country", "sex"]
    parts = [cohort.where(f"country == {country!r}") for country in cohort.data["country"].unique()]
    sums = reduce(add, (cs.tally(part, table, by=by) for part in parts))
    for estimate in (*ESTIMATORS.values(), *UNWEIGHTED.values()):
        whole = estimate(cohort, table, by=by)
        assert_same(estimate(sums), whole)
        assert_same(estimate(sums.by(["sex"])), estimate(cohort, table, by="sex"))
        if isinstance(whole, cs.Curves):
            assert whole.conventions["extended_person_years"] > 0


def test_directly_standardised_curves_of_a_tally() -> None:
    cohort = cs.demo.cohort(patients=3000, seed=1).with_age_groups("concord").where("age_years < 15")
    table = cs.demo.life_table()
    sums = cs.tally(cohort, table, by=["sex", "age_group"])
    assert_same(
        cs.net_survival(sums, standard="children-equal"),
        cs.net_survival(cohort, table, by="sex", standard="children-equal"),
    )
    with pytest.raises(
        OptionError,
        match=r"^net_survival: standard_method='brenner' weighs children, whom a Tally has added up; give the rows, or "
        r"use 'direct'\.$",
    ):
        cs.net_survival(sums, standard="children-equal", standard_method="brenner")


FRAME = pd.DataFrame(
    {
        "time": [3, 5, 5, 9],
        "event": [1, 0, 1, 1],
        "w": [1, 2, 1, 1],
        "sex": "male",
        "age_days": 500,
        "diagnosis_date": pd.Timestamp("2002-06-01"),
    }
)
NAMES: dict[str, Any] = {"time": "time", "event": "event"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"method": "ederer1"}, "method='ederer1' expects each child's survival afresh"),
        ({"method": "hakulinen"}, "method='hakulinen' expects each child's survival afresh"),
        (
            {"intervals": "monthly", "form": "actuarial"},
            "form='actuarial' gives each child one weight an interval",
        ),
        ({"compat": "relsurv"}, "compat='relsurv' looks up each child in its own way"),
        (
            {"compat": "popepi", "intervals": "monthly"},
            "compat='popepi' looks up each child in its own way",
        ),
        ({"missing": "observed"}, "missing='observed' asks which children have no life table"),
    ],
)
def test_what_follows_rows_refuses_a_tally(options: dict[str, Any], reason: str) -> None:
    message = f"net_survival: {reason}, for which a Tally is not enough; give the rows, or leave it out."
    with pytest.raises(OptionError) as refused:
        cs.net_survival(cs.tally(FRAME, TABLE, **NAMES), **options)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "name", ["net_survival", "crude_mortality", "years_of_life_lost", "excess_mortality"]
)
def test_tallies_that_cannot_be_finished_are_refused(name: str) -> None:
    more = {"bandwidth_days": 3} if name == "excess_mortality" else {}

    def refusal(sums: cs.Tally, *given: Any, **options: Any) -> str:
        with pytest.raises(OptionError) as refused:
            getattr(cs, name)(sums, *given, **more, **options)
        return str(refused.value)

    lacking = {
        "crude_mortality": ["expected_events"],
        "years_of_life_lost": ["expected_events"],
    }.get(
        name,
        [f"weighted_{kind}" for kind in ("entered", "left", "events", "events_squared", "expected_events")],
    )
    assert refusal(cs.tally(FRAME, **NAMES)) == (
        f"{name}: this Tally lacks the sums {', '.join(lacking)}; make it with cs.tally(data, life_table)."
    )
    sums = cs.tally(FRAME, TABLE, **NAMES)
    assert refusal(sums, by="sex") == (
        f"{name}: a Tally is counted and grouped already; leave by= out, or give the rows."
    )
    assert refusal(sums, time="time", sex="gender") == (
        f"{name}: a Tally is counted and grouped already; leave time=, sex= out, or give the rows."
    )
    assert refusal(sums.coarsen(cs.Grid.breaks([4, 9]))) == (
        f"{name}: this Tally has cells of chosen lengths, in which deaths and losses have lost their order. "
        "Finish one with cells of days or distinct times."
    )
    assert refusal(sums, cs.demo.life_table()) == (
        f"{name}: this is not the life table that the Tally was made with; leave it out, or give that one."
    )
    assert refusal(sums, FRAME) == (
        f"{name}: a Tally has its life table in it; leave life_table out, or give that one as a LifeTable, not as "
        "DataFrame."
    )
    if name != "net_survival":
        assert refusal(cs.tally(FRAME, TABLE, weights="w", **NAMES)) == (
            f"{name} takes no case weights; make the Tally without weights=."
        )


def test_a_horizon_and_a_peer_need_rows() -> None:
    sums = cs.tally(FRAME, TABLE, **NAMES)
    with pytest.raises(
        OptionError, match=r"^net_survival: a Tally is counted and grouped already; leave horizon_years= out"
    ):
        cs.net_survival(sums, horizon_years=1)
    with pytest.raises(
        OptionError, match=r"^crude_mortality: a Tally is counted and grouped already; leave compat= out"
    ):
        cs.crude_mortality(sums, compat="relsurv")


def test_no_events_warn_and_a_life_table_must_be_there_for_rows() -> None:
    with pytest.warns(
        cs.ChildsurvWarning, match=r"^net_survival: there are no events in this Tally, so limits have"
    ):
        cs.net_survival(cs.tally(FRAME.assign(event=0), TABLE, **NAMES))
    for estimate in (cs.net_survival, cs.crude_mortality):
        with pytest.raises(OptionError, match="a LifeTable is needed, got NoneType"):
            estimate(FRAME, **NAMES)
