"""Laws of every estimator, from one table: groups are split data, order is nothing, tallies of parts are the whole's.

Among the patients drawn are deaths on the day of diagnosis, late entries, weights, and follow-up in cells of the life
table that were carried on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from strategies import SHORT, cases, examples

pytestmark = pytest.mark.filterwarnings("ignore::childsurv.errors.ChildsurvWarning")

few = examples(8)
"""Each law is tried on fifty estimators, so few examples of each are many of the law."""

YEAR = 365.25
TIMES: dict[str, Any] = {"time": "time", "event": "event"}
BORN: dict[str, Any] = {"age_days": "age_days", "diagnosis_date": "diagnosis_date"}
CAUSES: dict[str, Any] = {"time": "time", "cause": "cause", "causes": {1: "one", 2: "two"}}
BREAKS = [10 / YEAR, 17.5 / YEAR, 25 / YEAR, 40 / YEAR]
CLOSED: dict[str, Any] = {"closing_date": "2004-06-01"}


@dataclass(frozen=True)
class Estimator:
    """A call of the library, and what it can take."""

    run: Callable[..., Any]
    """Takes data, ``by=`` and perhaps ``entry=``; returns a result with a table, a table, or a value a row."""
    late: bool = True
    """Whether children may enter late."""
    by_row: bool = False
    """Whether the result has one value a row of the data, in its order."""
    followed: bool = False
    """Whether every group needs children who are followed to the last day."""


def plain(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return lambda data, **more: function(data, **options, **more)


def expected(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return lambda data, **more: function(data, SHORT, **options, **more)


ESTIMATORS: dict[str, Estimator] = {
    "kaplan_meier": Estimator(plain(cs.kaplan_meier, **TIMES)),
    "kaplan_meier, frequencies": Estimator(plain(cs.kaplan_meier, weights="weight", **TIMES)),
    "kaplan_meier, weights": Estimator(plain(cs.kaplan_meier, weights="fraction", **TIMES)),
    "nelson_aalen": Estimator(plain(cs.nelson_aalen, **TIMES)),
    "nelson_aalen, weights": Estimator(plain(cs.nelson_aalen, weights="fraction", **TIMES)),
    "nelson_aalen, one by one": Estimator(plain(cs.nelson_aalen, ties="one-by-one", **TIMES)),
    "nelson_aalen, survival": Estimator(plain(cs.nelson_aalen, quantity="survival", **TIMES)),
    "nelson_aalen, survival, one by one": Estimator(
        plain(cs.nelson_aalen, quantity="survival", ties="one-by-one", **TIMES)
    ),
    "actuarial": Estimator(plain(cs.actuarial, intervals=BREAKS, **TIMES), late=False),
    "actuarial, person-time": Estimator(plain(cs.actuarial, intervals=BREAKS, form="person-time", **TIMES)),
    "cumulative_incidence": Estimator(plain(cs.cumulative_incidence, **CAUSES)),
    "cumulative_incidence, weights": Estimator(
        plain(cs.cumulative_incidence, weights="weight", variance="aalen", **CAUSES)
    ),
    "cumulative_incidence, gray": Estimator(plain(cs.cumulative_incidence, variance="gray", **CAUSES)),
    "state_occupation": Estimator(plain(cs.state_occupation, dates=["relapse"], **TIMES)),
    "crude_mortality": Estimator(expected(cs.crude_mortality, **TIMES, **BORN)),
    "crude_mortality, relsurv": Estimator(expected(cs.crude_mortality, compat="relsurv", **TIMES, **BORN)),
    "years_of_life_lost": Estimator(
        expected(cs.years_of_life_lost, years=[8 / YEAR, 20 / YEAR], **TIMES, **BORN)
    ),
    "excess_mortality": Estimator(
        expected(cs.excess_mortality, bandwidth_days=6.0, times=[8, 15, 25], **TIMES, **BORN)
    ),
    "expected_survival": Estimator(
        lambda data, by: cs.expected_survival(data, SHORT, by=by, times=[5, 20], **BORN), late=False
    ),
    "expected_survival, individual": Estimator(
        lambda data, by: cs.expected_survival(data, SHORT, kind="individual", time="time", **BORN),
        late=False, by_row=True,
    ),
    "expected_at_risk": Estimator(
        lambda data, by: cs.expected_at_risk(
            data, SHORT, by=by, years=[0, 10 / YEAR, 30 / YEAR], horizon_years=0.1, **BORN
        ),
        late=False,
    ),
    "person_years": Estimator(plain(cs.person_years, **TIMES)),
    "person_years, expected": Estimator(
        expected(
            cs.person_years, ages=[0, 1, 5], years=[2003, 2004], since_diagnosis=[0, 20 / YEAR], **TIMES, **BORN
        )
    ),
    "standardised_mortality_ratio": Estimator(expected(cs.standardised_mortality_ratio, **TIMES, **BORN)),
    "pseudo_observations": Estimator(
        plain(cs.pseudo_observations, times=[5, 15], **TIMES), by_row=True, followed=True
    ),
    "pseudo_observations, rmst": Estimator(
        plain(cs.pseudo_observations, times=[5, 15], quantity="rmst", **TIMES), by_row=True, followed=True
    ),
}  # fmt: skip

NET: dict[str, tuple[dict[str, Any], bool]] = {
    # Options, and whether children may enter late.
    "pohar-perme": ({}, True),
    "pohar-perme, weights": ({"weights": "fraction"}, True),
    "pohar-perme, exponential": ({"form": "exponential"}, True),
    "ederer2": ({"method": "ederer2"}, True),
    "ederer2, weights": ({"method": "ederer2", "weights": "fraction"}, True),
    "ederer2, exponential": ({"method": "ederer2", "form": "exponential"}, True),
    "ederer1": ({"method": "ederer1"}, False),
    "ederer1, exponential": ({"method": "ederer1", "form": "exponential"}, False),
    "hakulinen": ({"method": "hakulinen", **CLOSED}, False),
    "hakulinen, weights": ({"method": "hakulinen", "weights": "fraction", **CLOSED}, False),
    "hakulinen, exponential": ({"method": "hakulinen", "form": "exponential", **CLOSED}, False),
    "pohar-perme, intervals": ({"intervals": BREAKS}, True),
    "pohar-perme, actuarial": ({"intervals": BREAKS, "form": "actuarial"}, False),
    "ederer2, intervals": ({"method": "ederer2", "intervals": BREAKS}, True),
    "ederer2, actuarial": ({"method": "ederer2", "intervals": BREAKS, "form": "actuarial"}, False),
    "ederer1, intervals": ({"method": "ederer1", "intervals": BREAKS}, False),
    "ederer1, actuarial": ({"method": "ederer1", "intervals": BREAKS, "form": "actuarial"}, False),
    "hakulinen, intervals": ({"method": "hakulinen", "intervals": BREAKS, **CLOSED}, False),
    "hakulinen, actuarial": (
        {"method": "hakulinen", "intervals": BREAKS, "form": "actuarial", **CLOSED}, False,
    ),
}  # fmt: skip
ESTIMATORS |= {
    f"net_survival, {name}": Estimator(expected(cs.net_survival, **options, **TIMES, **BORN), late=late)
    for name, (options, late) in NET.items()
}

TESTS: dict[str, Estimator] = {
    "logrank_test": Estimator(plain(cs.logrank_test, **TIMES)),
    "logrank_test, peto": Estimator(plain(cs.logrank_test, weighting="peto", **TIMES)),
    "gray_test": Estimator(plain(cs.gray_test, **CAUSES)),
    "net_survival_test": Estimator(expected(cs.net_survival_test, **TIMES, **BORN)),
}


def drawn(data: st.DataObject, estimator: Estimator) -> tuple[pd.DataFrame, dict[str, Any]]:
    frame = data.draw(cases(late=estimator.late))
    if estimator.followed:
        last = [frame.iloc[[0]].assign(time=41, entry=0, event=0, cause=0, group=group) for group in "aabbcc"]
        frame = pd.concat([frame, *last], ignore_index=True)
    return frame, {"entry": "entry"} if estimator.late else {}


def table_of(result: Any) -> Any:
    return result.table if hasattr(result, "table") else result


def assert_same(one: Any, other: Any, *, by_row: bool) -> None:
    """Compare tables as they stand, and values of rows by the names of rows."""
    if isinstance(one, pd.Series):
        one, other = one.to_frame("value"), other.to_frame("value")
    if by_row:
        other = other.loc[one.index]
    else:
        one, other = one.reset_index(drop=True), other.reset_index(drop=True)
    # Sums run over people in another order; variances of nearly nothing lose digits with them.
    pd.testing.assert_frame_equal(
        one, other, rtol=1e-9, atol=1e-10, check_dtype=False, check_categorical=False
    )


@pytest.mark.parametrize("name", ESTIMATORS)
@few
@given(data=st.data())
def test_groups_are_split_data(name: str, data: st.DataObject) -> None:
    estimator = ESTIMATORS[name]
    frame, entry = drawn(data, estimator)
    together = table_of(estimator.run(frame, by="group", **entry))
    for label, part in frame.groupby("group"):
        alone = table_of(estimator.run(part, by=None, **entry))
        if estimator.by_row:
            own = together.loc[part.index]
        else:
            own = together[together["group"] == label].drop(columns="group")
        if len(own) > len(alone):
            # By intervals or cells of a table, the last ones of the longest group are there for every group.
            rest = own.iloc[len(alone) :]
            own = own.iloc[: len(alone)]
            counts = [column for column in ("at_risk", "events", "person_years", "deaths") if column in rest]
            assert (rest[counts] == 0).all(axis=None)
        assert_same(alone, own, by_row=estimator.by_row)


@pytest.mark.parametrize("name", ESTIMATORS)
@few
@given(data=st.data(), random=st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(name: str, data: st.DataObject, random: Any) -> None:
    estimator = ESTIMATORS[name]
    frame, entry = drawn(data, estimator)
    order = list(range(len(frame)))
    random.shuffle(order)
    own, other = (estimator.run(one, by="group", **entry) for one in (frame, frame.iloc[order]))
    assert_same(table_of(own), table_of(other), by_row=estimator.by_row)


@few
@given(
    frame=cases(), random=st.randoms(use_true_random=False), limits=st.sampled_from(["percentile", "basic"])
)
def test_a_bootstrap_follows_its_generator_whatever_the_order_and_group_by_group(
    frame: pd.DataFrame, random: Any, limits: str
) -> None:
    options = {
        "times": [5, 15],
        "replications": 60,
        "ci": limits,
        "weights": "weight",
        "entry": "entry",
        **TIMES,
    }
    together = cs.bootstrap(frame, by="group", rng=1, **options)
    order = list(range(len(frame)))
    random.shuffle(order)
    again = cs.bootstrap(frame.iloc[order], by="group", rng=1, **options)
    assert_same(together.table, again.table, by_row=False)
    # Groups are drawn one after the other from one generator.
    generator = np.random.default_rng(1)
    for label, part in frame.groupby("group"):
        alone = cs.bootstrap(part, rng=generator, **options)
        own = together.table[together.table["group"] == label].drop(columns="group")
        assert_same(alone.table, own, by_row=False)


def compared(frame: pd.DataFrame) -> pd.DataFrame:
    """Add children of two groups in both strata who die of either cause or are lost, so that there is a comparison."""
    first = frame.iloc[[0]].assign(entry=0, weight=1, fraction=0.35)
    more = [
        first.assign(time=time, cause=cause, event=int(cause > 0), group=group, stratum=stratum)
        for time, cause in ((3, 1), (4, 2), (5, 0), (30, 1), (31, 2), (32, 0))
        for group in "ab"
        for stratum in "xy"
    ]
    return pd.concat([frame, *more], ignore_index=True)


@pytest.mark.parametrize("name", TESTS)
@few
@given(data=st.data(), random=st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_to_tests(name: str, data: st.DataObject, random: Any) -> None:
    estimator = TESTS[name]
    frame, entry = drawn(data, estimator)
    frame = compared(frame)
    order = list(range(len(frame)))
    random.shuffle(order)
    own, other = (
        estimator.run(one, by="group", strata="stratum", **entry) for one in (frame, frame.iloc[order])
    )
    assert own.df == other.df
    assert own.statistic == pytest.approx(other.statistic, rel=1e-7, abs=1e-9)
    pd.testing.assert_frame_equal(own.table, other.table, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in TESTS if not name.startswith("gray")])
@few
@given(data=st.data())
def test_strata_add_up_what_is_observed_and_expected(name: str, data: st.DataObject) -> None:
    """The score of a stratified test is the sum of the scores of its strata. (Gray's has no scores in its result.)"""
    estimator = TESTS[name]
    frame, entry = drawn(data, estimator)
    frame = compared(frame)
    together = estimator.run(frame, by="group", strata="stratum", **entry).table.set_index("group")
    sums = pd.DataFrame(0.0, index=together.index, columns=together.columns)
    for _, part in frame.groupby("stratum"):
        alone = estimator.run(part, by="group", **entry).table.set_index("group")
        sums = sums.add(alone, fill_value=0.0)
    pd.testing.assert_frame_equal(sums, together, rtol=1e-9, atol=1e-9, check_dtype=False)


@pytest.mark.parametrize("name", TESTS)
@few
@given(data=st.data())
def test_strata_alike_double_the_statistic(name: str, data: st.DataObject) -> None:
    """Scores and variances of two strata alike are twice those of one, and so is the square of one over the other."""
    estimator = TESTS[name]
    frame, entry = drawn(data, estimator)
    frame = compared(frame)
    one = estimator.run(frame, by="group", **entry)
    copies = pd.concat([frame.assign(stratum="x"), frame.assign(stratum="y")], ignore_index=True)
    two = estimator.run(copies, by="group", strata="stratum", **entry)
    assert two.df == one.df
    assert two.statistic == pytest.approx(2 * one.statistic, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("weights", [None, "fraction"])
@few
@given(frame=cases(first_day=1), random=st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_to_cox(
    weights: str | None, ties: str, frame: pd.DataFrame, random: Any
) -> None:
    frame = compared(frame)
    # Children of group c may have no death, and then no finite coefficient: they are left with group b.
    frame["group"] = frame["group"].replace("c", "b")
    order = list(range(len(frame)))
    random.shuffle(order)
    own, other = (
        cs.cox(one, "group", strata="stratum", entry="entry", weights=weights, ties=ties, **TIMES)
        for one in (frame, frame.iloc[order])
    )
    # Newton's steps end once they no longer raise the likelihood.
    pd.testing.assert_frame_equal(own.table, other.table, rtol=1e-7, atol=1e-9)
    assert own.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-10)


# Tallies: fold each part, add, finish.

FOLDS: dict[str, Callable[[pd.DataFrame, dict[str, Any]], Any]] = {
    "observed": lambda data, more: cs.tally(data, by="group", **TIMES, **more),
    "expected": lambda data, more: cs.tally(data, SHORT, by="group", **TIMES, **BORN, **more),
    "causes": lambda data, more: cs.tally(
        data, by="group", time="time", **{**more, "cause": "cause", "causes": CAUSES["causes"]}
    ),
    "strata": lambda data, more: cs.tally(data, by=["group", "stratum"], **TIMES, **more),
    "days": lambda data, more: cs.tally(data, by="group", grid=cs.Grid.daily(), **TIMES, **more),
}
FINISHED: dict[str, tuple[str, Callable[..., Any], Callable[..., Any]]] = {
    # Kind of sums; what finishes them; the same from rows.
    "kaplan_meier": ("observed", cs.kaplan_meier, plain(cs.kaplan_meier, by="group", **TIMES)),
    "nelson_aalen": ("observed", cs.nelson_aalen, plain(cs.nelson_aalen, by="group", **TIMES)),
    "nelson_aalen, one by one": (
        "observed",
        plain(cs.nelson_aalen, quantity="survival", ties="one-by-one"),
        plain(cs.nelson_aalen, quantity="survival", ties="one-by-one", by="group", **TIMES),
    ),
    "net_survival": (
        "expected", cs.net_survival, expected(cs.net_survival, by="group", **TIMES, **BORN),
    ),
    "net_survival, ederer2": (
        "expected",
        plain(cs.net_survival, method="ederer2"),
        expected(cs.net_survival, by="group", method="ederer2", **TIMES, **BORN),
    ),
    "net_survival, exponential": (
        "expected",
        plain(cs.net_survival, form="exponential"),
        expected(cs.net_survival, by="group", form="exponential", **TIMES, **BORN),
    ),
    "net_survival, monthly": (
        "expected",
        plain(cs.net_survival, intervals="monthly"),
        expected(cs.net_survival, by="group", intervals="monthly", **TIMES, **BORN),
    ),
    "kaplan_meier, days": ("days", cs.kaplan_meier, plain(cs.kaplan_meier, by="group", **TIMES)),
    "actuarial": (
        "observed",
        plain(cs.actuarial, intervals="yearly", form="person-time"),
        plain(cs.actuarial, intervals="yearly", form="person-time", by="group", **TIMES),
    ),
    "gray_test": ("causes", plain(cs.gray_test, by="group"), plain(cs.gray_test, by="group", **CAUSES)),
    "crude_mortality": (
        "expected", cs.crude_mortality, expected(cs.crude_mortality, by="group", **TIMES, **BORN),
    ),
    "cumulative_incidence": (
        "causes", cs.cumulative_incidence, plain(cs.cumulative_incidence, by="group", **CAUSES),
    ),
    "logrank_test": (
        "observed", plain(cs.logrank_test, by="group"), plain(cs.logrank_test, by="group", **TIMES),
    ),
    "logrank_test, strata": (
        "strata",
        plain(cs.logrank_test, by="group", strata="stratum"),
        plain(cs.logrank_test, by="group", strata="stratum", **TIMES),
    ),
}  # fmt: skip
WEIGHTED = {
    "kaplan_meier": "weight", "nelson_aalen": "weight", "net_survival": "fraction",
    "net_survival, ederer2": "fraction", "cumulative_incidence": "weight",
}  # fmt: skip

finished = pytest.mark.parametrize(
    ("name", "weights"),
    [
        (name, weights)
        for name in FINISHED
        for weights in ((None, WEIGHTED[name]) if name in WEIGHTED else (None,))
    ],
)


@finished
@few
@given(frame=cases(), random=st.randoms(use_true_random=False))
def test_a_tally_of_parts_is_finished_as_the_whole(
    name: str, weights: str | None, frame: pd.DataFrame, random: Any
) -> None:
    kind, finish, at_once = FINISHED[name]
    frame = compared(frame)
    more = {"entry": "entry", **({} if weights is None else {"weights": weights})}
    whole = at_once(frame, **more)
    part = np.array([random.randrange(3) for _ in range(len(frame))])
    parts = [FOLDS[kind](frame[part == number], more) for number in range(3) if (part == number).any()]
    total = parts[0]
    for one in parts[1:]:
        total = total + one
    for sums in (total, FOLDS[kind](frame, more)):
        own = finish(sums)
        if isinstance(whole, cs.TestResult):
            assert (own.df, own.name) == (whole.df, whole.name)
            assert own.statistic == pytest.approx(whole.statistic, rel=1e-9, abs=1e-12)
            pd.testing.assert_frame_equal(own.table, whole.table, rtol=1e-9, atol=1e-12)
        else:
            assert_same(own.table, whole.table, by_row=False)
            assert own.quantity == whole.quantity
            assert own.groups["patients"].tolist() == whole.groups["patients"].tolist()
