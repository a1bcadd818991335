"""Curves end where few are at risk: nothing of the last few children is left in any result, and all else stays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import DataError, OptionError


def estimators(data: pd.DataFrame, minimum: int) -> dict[str, cs.Curves]:
    """Return the curves of every estimator that needs no life table, each with the minimum."""
    common = {"by": "g", "time": "time", "minimum": minimum}
    event = {"event": "event"}
    return {
        "kaplan_meier": cs.kaplan_meier(data, **common, **event),
        "nelson_aalen": cs.nelson_aalen(data, **common, **event),
        "actuarial": cs.actuarial(data, intervals=[0.5, 1, 2, 3], **common, **event),
        "cumulative_incidence": cs.cumulative_incidence(data, cause="cause", **common),
    }


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """A large group, one that dwindles, and one that is too small, with times in days."""
    rng = np.random.default_rng(5)
    sizes = {"large": 200, "dwindles": 14, "tiny": 4}
    frame = pd.DataFrame({"g": np.repeat(list(sizes), list(sizes.values()))})
    frame["time"] = rng.integers(1, 1400, len(frame)) + np.where(frame["g"] == "large", 1200, 0)
    frame["cause"] = rng.integers(0, 3, len(frame))
    frame["event"] = (frame["cause"] > 0).astype(int)
    return frame


def test_by_hand() -> None:
    table = pd.DataFrame({"time": [1, 2, 3, 4, 5, 6], "event": [1, 0, 1, 1, 1, 0]})
    curves = cs.kaplan_meier(table, time="time", event="event", minimum=4)
    # 6, 5, 4, 3, ... are at risk: the fourth row is the first with fewer than 4.
    assert curves.table["at_risk"].tolist() == [6, 5, 4]
    np.testing.assert_allclose(curves.table["estimate"], [5 / 6, 5 / 6, 5 / 6 * 3 / 4], rtol=1e-12)
    assert curves.groups["patients"].tolist() == [6]
    # Two deaths up to the end, not the four of all follow-up.
    assert curves.groups["total_events"].tolist() == [2]
    at = curves.at(times=[3, 3.5, 6])
    np.testing.assert_array_equal(at["at_risk"], [4, np.nan, np.nan])
    np.testing.assert_array_equal(at["events"], [2, np.nan, np.nan])
    assert np.isfinite(at["estimate"]).tolist() == [True, False, False]
    assert curves.conventions["minimum"] == 4
    assert curves.conventions["curves_that_end_early"] == 1
    assert curves.conventions["curves_without_estimate"] == 0


@pytest.mark.parametrize("name", ["kaplan_meier", "nelson_aalen", "actuarial", "cumulative_incidence"])
def test_what_is_shown_is_what_it_was_and_what_is_hidden_is_everywhere(data: pd.DataFrame, name: str) -> None:
    whole, cut = estimators(data, 0)[name], estimators(data, 10)[name]
    labels = cut.group_columns
    assert cut.groups[labels].equals(whole.groups[labels])
    tiny = (cut.groups["g"] == "tiny").to_numpy()
    assert cut.groups.loc[tiny, ["patients", "total_events"]].isna().all(axis=None)
    assert not (cut.table["g"] == "tiny").any()
    assert (cut.table["at_risk"] >= 10).all()
    # Every row that is left is unchanged, limits included.
    both = whole.table.merge(cut.table, on=[*labels, "time"], suffixes=("", "_cut"))
    assert len(both) == len(cut.table) > 0
    for column in ("at_risk", "events", "censored", "estimate", "std_error", "lower", "upper"):
        np.testing.assert_array_equal(both[column], both[f"{column}_cut"])
    times = (
        np.array([0, 0.5, 1, 2, 3, 4, 5, 6, 7]) * 365.25 if name == "actuarial" else np.linspace(0, 2600, 60)
    )
    before, after = whole.at(times=times), cut.at(times=times)
    shown = (before["at_risk"] >= 10).to_numpy() & (before["g"] != "tiny").to_numpy()
    assert 0 < shown.sum() < shown.size
    for column in ("at_risk", "estimate", "std_error", "lower", "upper"):
        np.testing.assert_array_equal(after.loc[shown, column], before.loc[shown, column])
    hidden = after[~shown & ~((after["at_risk"] == 0) & (after["g"] == "large")).to_numpy()]
    ended = hidden[hidden["g"] != "large"]
    if name == "actuarial":
        # The estimate at the end of the last interval shown stays; with how many the next begins is hidden.
        assert ended["at_risk"].isna().all()
        ended = ended[ended["estimate"].isna()]
    assert (
        ended[["at_risk", "events", "censored", "estimate", "std_error", "lower", "upper"]]
        .isna()
        .all(axis=None)
    )
    causes = 2 if name == "cumulative_incidence" else 1
    assert cut.conventions["curves_without_estimate"] == causes
    assert cut.conventions["minimum"] == 10


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 1), st.sampled_from("ab")), min_size=6, max_size=60
    ),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_law_a_larger_minimum_in_one_step_or_two(
    rows: list[tuple[int, int, str]], one: int, two: int
) -> None:
    table = pd.DataFrame([*rows, (31, 1, "a"), (31, 1, "b")], columns=["time", "event", "g"])
    low, high = sorted((one, two))
    common = {"by": "g", "time": "time", "event": "event"}
    at_once = cs.kaplan_meier(table, minimum=high, **common)
    in_steps = cs.kaplan_meier(table, minimum=low, **common).with_minimum(high)
    pd.testing.assert_frame_equal(at_once.table, in_steps.table)
    # Numbers hidden once are floats, so that they can be missing.
    pd.testing.assert_frame_equal(at_once.groups, in_steps.groups, check_dtype=False)
    pd.testing.assert_frame_equal(
        at_once.at(times=[1, 9, 40]), in_steps.at(times=[1, 9, 40]), check_dtype=False
    )


def test_children_count_and_not_their_weights() -> None:
    table = pd.DataFrame({"time": range(1, 13), "event": 1, "w": 5})
    curves = cs.kaplan_meier(table, time="time", event="event", weights="w", minimum=10)
    assert curves.table["at_risk"].tolist() == [60, 55, 50]
    light = cs.kaplan_meier(table.assign(w=0.1), time="time", event="event", weights="w", minimum=10)
    assert len(light.table) == 3
    cause = cs.cumulative_incidence(table.assign(c=1), time="time", cause="c", weights="w", minimum=10)
    assert len(cause.table) == 3


def test_whoever_enters_later_does_not_bring_an_ended_curve_back() -> None:
    table = pd.DataFrame({"entry": [0] * 6 + [5] * 10, "time": [1, 2, 3, 4, 8, 9] + [9] * 10, "event": 1})
    curves = cs.kaplan_meier(table, time="time", event="event", entry="entry", minimum=5)
    assert curves.table["at_risk"].tolist() == [6, 5]
    assert curves.at(times=[8])["estimate"].isna().all()


def test_a_group_of_enough_patients_and_too_few_at_the_start_has_no_estimate() -> None:
    table = pd.DataFrame({"entry": [0] * 3 + [5] * 10, "time": [2, 8, 8] + [9] * 10, "event": 1})
    curves = cs.kaplan_meier(table, time="time", event="event", entry="entry", minimum=5)
    assert curves.groups["patients"].tolist() == [13]
    assert curves.groups["total_events"].isna().all()
    assert len(curves.table) == 0
    assert curves.conventions["curves_without_estimate"] == 1


def test_everything_asked_of_a_curve_knows_of_the_end(data: pd.DataFrame) -> None:
    curves = estimators(data, 10)["kaplan_meier"]
    rmst = curves.rmst(times=1150).set_index("g")["rmst"]
    assert np.isfinite(rmst["large"])
    assert rmst[["dwindles", "tiny"]].isna().all()
    assert (
        curves.quantile(0.9).set_index("g").loc[["tiny", "dwindles"]].drop(columns="p").isna().all(axis=None)
    )
    difference = curves.difference(reference="large", times=1150)
    assert difference[["difference", "lower", "p_value"]].isna().all(axis=None)
    later = curves.conditional(given=1150)
    assert later.groups["g"].tolist() == ["large"]
    assert later.minimum == 10
    assert later.conventions["groups_left_out"] == 2
    np.testing.assert_array_equal(later.at(times=1500)["estimate"].isna(), [False])
    risk = curves.at_risk_table(times=[0, 1150])
    assert risk.loc["dwindles"].isna().to_numpy().ravel().tolist() == [False, True]
    assert risk.loc["tiny"].isna().all(axis=None)
    bands = cs.simultaneous_bands(curves)
    assert "tiny" not in set(bands["g"])
    assert "218" not in repr(curves)
    assert "214 patients" in repr(curves)


def test_standardised_curves_end_with_the_first_stratum(data: pd.DataFrame) -> None:
    weights = {"large": 0.5, "dwindles": 0.3, "tiny": 0.2}
    curves = estimators(data, 10)["kaplan_meier"]
    with pytest.raises(DataError, match="fewer than 10 patients"):
        cs.standardise(curves, weights, over="g")
    merged = cs.standardise(curves, weights, over="g", empty="neighbour")
    assert "tiny into dwindles" in merged.conventions["merged_strata"]
    assert merged.groups["patients"].tolist() == [214]
    assert merged.minimum == 10
    last = curves.table.loc[curves.table["g"] == "dwindles", "time"].max()
    assert merged.table["time"].max() == last
    assert merged.at(times=[last + 1])[["at_risk", "events", "estimate"]].isna().all(axis=None)
    # Without the rule the three are merged of themselves.
    assert cs.standardise(estimators(data, 0)["kaplan_meier"], weights, over="g").groups[
        "patients"
    ].tolist() == [218]


def test_what_was_hidden_does_not_come_back(data: pd.DataFrame) -> None:
    curves = estimators(data, 10)["kaplan_meier"]
    assert curves.with_minimum(10) is curves
    with pytest.raises(OptionError, match="fewer than 10"):
        curves.with_minimum(5)
    for wrong in (-1, 2.5, True, "10", None):
        with pytest.raises(OptionError, match="minimum="):
            cs.kaplan_meier(data, time="time", event="event", minimum=wrong)


def test_no_rule_unless_asked(data: pd.DataFrame) -> None:
    curves = estimators(data, 0)["kaplan_meier"]
    assert curves.stopped is None
    assert "minimum" not in curves.conventions
    assert curves.groups["patients"].dtype.kind == "i"
