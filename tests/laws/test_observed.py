"""Laws of every estimator of observed survival: order, groups, repeated rows, units, strata, names of groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import childsurv as cs

pytestmark = pytest.mark.filterwarnings("ignore:.*there are no events")

LAST = 12
MOMENTS = [2, 5, 9, LAST]
ROWS = st.lists(
    st.tuples(
        st.integers(1, LAST),
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 3),
        st.sampled_from(["x", "y"]),
    ),
    min_size=3,
    max_size=30,
)
COLUMNS = ["time", "cause", "entry", "group", "count", "stratum"]
SURVIVAL: dict[str, Any] = {"time": "time", "event": "event", "time_unit": "months"}
CAUSES: dict[str, Any] = {
    "time": "time", "cause": "cause", "time_unit": "months", "causes": {1: "one", 2: "two"}
}  # fmt: skip


def framed(rows: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["entry"] = np.where(frame["entry"] < frame["time"], frame["entry"], 0)
    frame["event"] = (frame["cause"] > 0).astype(int)
    assume(frame["event"].any())
    return frame


ESTIMATORS: dict[str, Callable[..., cs.Curves]] = {
    "kaplan_meier": lambda data, **more: cs.kaplan_meier(data, entry="entry", **SURVIVAL, **more),
    "kaplan_meier, peto": lambda data, **more: cs.kaplan_meier(
        data, entry="entry", lower_variance="peto", **SURVIVAL, **more
    ),
    "kaplan_meier, modified": lambda data, **more: cs.kaplan_meier(
        data, entry="entry", lower_variance="modified", **SURVIVAL, **more
    ),
    "nelson_aalen": lambda data, **more: cs.nelson_aalen(data, entry="entry", **SURVIVAL, **more),
    "fleming_harrington": lambda data, **more: cs.nelson_aalen(
        data, entry="entry", ties="one-by-one", quantity="survival", ci="log-log", **SURVIVAL, **more
    ),
    "incidence, delta": lambda data, **more: cs.cumulative_incidence(data, entry="entry", **CAUSES, **more),
    "incidence, aalen": lambda data, **more: cs.cumulative_incidence(
        data, entry="entry", variance="aalen", **CAUSES, **more
    ),
    "incidence, gray": lambda data, **more: cs.cumulative_incidence(
        data, entry="entry", variance="gray", **CAUSES, **more
    ),
}
INTERVALS: dict[str, Callable[..., cs.Curves]] = {
    form: lambda data, form=form, **more: cs.actuarial(
        data, intervals=[2.5, 6, LAST + 1], form=form, **SURVIVAL, **more
    )
    for form in ("cohort", "person-time")
}
TESTS: dict[str, Callable[..., cs.TestResult]] = {
    "log-rank": lambda data, **more: cs.logrank_test(data, by="group", time="time", event="event", **more),
    "peto": lambda data, **more: cs.logrank_test(
        data, by="group", weighting="peto", time="time", event="event", **more
    ),
    "late": lambda data, **more: cs.logrank_test(
        data, by="group", gamma=1, time="time", event="event", **more
    ),
    "gray": lambda data, **more: cs.gray_test(
        data, by="group", time="time", cause="cause", causes=CAUSES["causes"], **more
    ),
}
every_curve = pytest.mark.parametrize("name", [*ESTIMATORS, *INTERVALS])
every_test = pytest.mark.parametrize("name", TESTS)


def curves_of(name: str, data: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return (ESTIMATORS | INTERVALS)[name](data, **options).table


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    # Sums of at most 90 terms of order 1 in another order; limits are smooth functions of them.
    pd.testing.assert_frame_equal(one, other, check_dtype=False, rtol=1e-9, atol=1e-12)


@every_curve
@given(rows=ROWS, random=st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(name: str, rows: list[Any], random: Any) -> None:
    frame = framed(rows)
    order = list(range(len(frame)))
    random.shuffle(order)
    same(curves_of(name, frame, by="group"), curves_of(name, frame.iloc[order], by="group"))


@every_curve
@given(rows=ROWS)
def test_groups_are_split_data(name: str, rows: list[Any]) -> None:
    frame = framed(rows)
    together = curves_of(name, frame, by="group")
    for label, part in frame.groupby("group"):
        if not part["event"].any():
            # A competing cause needs an event; a survival curve without one is level.
            assert not name.startswith("kaplan") or (together.query("group == @label")["estimate"] == 1).all()
            continue
        own = together[together["group"] == label].drop(columns="group").reset_index(drop=True)
        same(own, curves_of(name, part))


@pytest.mark.parametrize("name", ESTIMATORS)
@given(rows=ROWS)
def test_whole_number_weights_are_repeated_rows(name: str, rows: list[Any]) -> None:
    frame = framed(rows)
    repeated = frame.loc[frame.index.repeat(frame["count"])]
    same(curves_of(name, frame, weights="count", by="group"), curves_of(name, repeated, by="group"))


@pytest.mark.parametrize("name", ESTIMATORS)
@given(rows=ROWS)
def test_the_unit_of_time_does_not_matter(name: str, rows: list[Any]) -> None:
    frame = framed(rows)
    weeks = frame.assign(time=frame["time"] * 7, entry=frame["entry"] * 7)
    fractions = frame.assign(time=frame["time"] / 12, entry=frame["entry"] / 12)
    own = curves_of(name, frame, by="group")
    for other, factor in ((weeks, 7), (fractions, 1 / 12)):
        same(own.assign(time=own["time"] * factor), curves_of(name, other, by="group"))


@given(rows=ROWS)
def test_variances_of_incidences_are_their_definitions(rows: list[Any]) -> None:
    """By loops: what one more event at u does to F(t), squared, times the variance of their number.

    The delta method takes the variance from multinomial events at each time, the other two from independent ones, with
    Gray's correction for ties.
    """
    frame = framed(rows)
    moments = sorted(frame.loc[frame["cause"] > 0, "time"].unique())
    steps, survival = [], 1.0
    for moment in moments:
        late = (frame["entry"] < moment) | (frame["entry"] == 0)
        y = float(((frame["time"] >= moment) & late).sum())
        d = [float(((frame["time"] == moment) & (frame["cause"] == cause)).sum()) for cause in (1, 2)]
        steps.append((moment, y, d, survival))
        survival *= 1 - sum(d) / y
    for variance in ("delta", "aalen", "gray"):
        at = cs.cumulative_incidence(frame, entry="entry", variance=variance, ci="plain", **CAUSES).at(
            times=MOMENTS
        )
        for t in MOMENTS:
            seen = [step for step in steps if step[0] <= t]
            for own, cause in enumerate(("one", "two")):
                expected = 0.0
                for place, (_, y, d, before) in enumerate(seen):
                    after = before * (1 - sum(d) / y)
                    later = sum(s * events[own] / n for _, n, events, s in seen[place + 1 :])
                    rest = later / after if after > 0 else 0.0
                    # F grows by (S(u-) - later / ...) for an event of the cause and shrinks for another.
                    mine, theirs = before * (1 - rest), -before * rest
                    other = sum(d) - d[own]
                    if variance == "delta":
                        p, q = d[own] / y, other / y
                        mean = mine * p + theirs * q
                        expected += (mine**2 * p + theirs**2 * q - mean**2) / y
                    else:
                        for count, move in ((d[own], mine), (other, theirs if after > 0 else 0.0)):
                            ties = 1.0
                            if variance == "gray" and count > 1:
                                ties = (y - count) / (y - 1)
                            expected += move**2 * count * ties / y**2
                row = at[(at["cause"] == cause) & (at["time"] == t)]
                if not row["estimate"].isna().all() and row["estimate"].iloc[0] > 0:
                    # Differences of sums of order 1.
                    assert row["std_error"].iloc[0] ** 2 == pytest.approx(expected, abs=1e-12)


def two_groups(rows: list[Any]) -> pd.DataFrame:
    """Add one child who dies early of each cause to two groups and strata, so that there is something to compare."""
    more = [(time, cause, 0, group, 1, stratum) for time in (1, 2) for cause in (0, 1, 2)
            for group in "ab" for stratum in "xy"]  # fmt: skip
    return framed(rows + more)


def statistics(result: cs.TestResult) -> list[float]:
    return result.table["statistic"].tolist() if "statistic" in result.table else [result.statistic]


@every_test
@given(rows=ROWS, random=st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter_to_tests(name: str, rows: list[Any], random: Any) -> None:
    frame = two_groups(rows)
    order = list(range(len(frame)))
    random.shuffle(order)
    renamed = frame.iloc[order].replace({"group": {"a": "z", "b": "m"}})
    own, other = TESTS[name](frame), TESTS[name](renamed)
    assert statistics(own) == pytest.approx(statistics(other), rel=1e-7, abs=1e-9)
    assert own.df == other.df


@every_test
@given(rows=ROWS)
def test_strata_that_are_one_are_none_and_copies_double(name: str, rows: list[Any]) -> None:
    frame = two_groups(rows)
    plain = TESTS[name](frame)
    one = TESTS[name](frame.assign(stratum="same"), strata="stratum")
    assert statistics(one) == pytest.approx(statistics(plain), rel=1e-12)
    # Scores and variances double, and so does the square of one over the other.
    copies = pd.concat([frame.assign(stratum="first"), frame.assign(stratum="second")])
    twice = TESTS[name](copies, strata="stratum")
    doubled = [2 * value for value in statistics(plain)]
    assert statistics(twice) == pytest.approx(doubled, rel=1e-7, abs=1e-9)


@given(rows=ROWS, random=st.randoms(use_true_random=False))
def test_pseudo_observations_follow_their_child(rows: list[Any], random: Any) -> None:
    frame = framed([*rows, *[(LAST + 1, 0, 0, group, 1, "x") for group in "abc" for _ in range(2)]])
    options = {"times": [3, 7], "by": "group", **SURVIVAL}
    own = cs.pseudo_observations(frame, **options)
    order = list(range(len(frame)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(
        cs.pseudo_observations(frame.iloc[order], **options).loc[own.index], own, rtol=1e-9, atol=1e-11
    )
    for label, part in frame.groupby("group"):
        alone = cs.pseudo_observations(part, **(options | {"by": None}))
        pd.testing.assert_frame_equal(alone, own[frame["group"] == label], rtol=1e-9, atol=1e-11)


@given(rows=ROWS)
def test_merging_equal_strata_is_standardising_them(rows: list[Any]) -> None:
    """Strata with the same curve have it as their mean, with half the variance for two of equal weight."""
    frame = framed(rows)
    copies = pd.concat([frame.assign(stratum="x"), frame.assign(stratum="y")])
    mean = cs.standardise(
        cs.kaplan_meier(copies, by="stratum", **SURVIVAL), {"x": 0.5, "y": 0.5}, over="stratum"
    ).at(times=MOMENTS)
    alone = cs.kaplan_meier(frame, **SURVIVAL).at(times=MOMENTS)
    known = alone["estimate"].notna() & (alone["estimate"] > 0)
    assert mean.loc[known, "estimate"].to_numpy() == pytest.approx(
        alone.loc[known, "estimate"].to_numpy(), rel=1e-12
    )
    assert mean.loc[known, "std_error"].to_numpy() == pytest.approx(
        alone.loc[known, "std_error"].to_numpy() / np.sqrt(2), rel=1e-9, abs=1e-12
    )
