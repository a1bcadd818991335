"""Groups compared: from sums that were added up elsewhere, and by counts in stretches of event times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import ColumnError, DataError, ModelError, OptionError, asking
from childsurv.fold.comparison import Comparison
from strategies import exactly

FRAME = pd.DataFrame(
    {
        "t": [5, 8, 8, 12, 3, 9, 9, 14, 2, 7, 11, 13],
        "d": [1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1],
        "g": list("aaaabbbbcccc"),
        "s": list("xyxyxyxyxyxy"),
        "part": [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2],
    }
)
NAMES = {"time": "t", "event": "d"}


def added(frame: pd.DataFrame = FRAME, *, by: list[str], **more: str) -> cs.Tally:
    parts = [cs.tally(own, by=by, **NAMES, **more) for _, own in frame.groupby("part")]
    return parts[0] + parts[1] + parts[2]


def test_columns_that_are_neither_groups_nor_strata_are_added_up_over() -> None:
    whole = cs.logrank_test(FRAME, by="g", strata="s", **NAMES)
    for by in (["g", "s"], ["s", "g"], ["part", "s", "g"]):
        own = cs.logrank_test(added(by=by), by="g", strata="s")
        assert own.statistic == pytest.approx(whole.statistic, rel=1e-14)
        pd.testing.assert_frame_equal(own.table, whole.table)


@pytest.mark.parametrize("test", [cs.logrank_test, cs.max_combo_test])
def test_frequencies_are_repeated_rows(test) -> None:
    two = FRAME[FRAME["g"] != "c"].assign(w=lambda f: 1 + f["part"])
    repeated = two.loc[two.index.repeat(two["w"])]
    own = test(added(two, by=["g"], weights="w"), by="g")
    whole = test(repeated, by="g", **NAMES)
    assert own.statistic == pytest.approx(whole.statistic, rel=1e-13)
    if test is cs.logrank_test:
        assert own.table["observed"].tolist() == whole.table["observed"].tolist()


def test_pairs_are_those_of_the_rows() -> None:
    pd.testing.assert_frame_equal(
        cs.pairwise_logrank_tests(added(by=["g"]), by="g"),
        cs.pairwise_logrank_tests(FRAME, by="g", **NAMES),
        check_exact=False, rtol=1e-13,
    )  # fmt: skip


def test_what_cannot_be_compared_is_named() -> None:
    tally = added(by=["g"])
    with pytest.raises(
        ColumnError, match=exactly("logrank_test: no column 'z'. The data have the columns: g.")
    ):
        cs.logrank_test(tally, by="z")
    with pytest.raises(
        OptionError,
        match=exactly(
            "logrank_test: a Tally is counted and grouped already; leave time=, event= out, or give the rows."
        ),
    ):
        cs.logrank_test(tally, by="g", **NAMES)
    with pytest.raises(
        DataError, match=exactly("logrank_test: g has only one group; there is nothing to compare.")
    ):
        cs.logrank_test(cs.tally(FRAME[FRAME["g"] == "a"], by="g", **NAMES), by="g")
    with pytest.raises(
        ModelError,
        match=exactly("logrank_test: there are no events. Check that the event column has 1 for a death."),
    ):
        cs.logrank_test(cs.tally(FRAME.assign(d=0), by="g", **NAMES), by="g")
    with pytest.raises(
        OptionError,
        match=exactly("logrank_test: tests count children; tally without weights, or with frequencies."),
    ):
        cs.logrank_test(cs.tally(FRAME.assign(w=0.5), by="g", weights="w", **NAMES), by="g")
    with pytest.raises(
        OptionError,
        match=exactly("gray_test: this Tally counts no causes; make it with cs.tally(data, cause=...)."),
    ):
        cs.gray_test(tally, by="g")


def test_coarse_cells_are_refused() -> None:
    coarse = cs.tally(FRAME, by="g", grid=cs.Grid.breaks([6, 12]), **NAMES)
    message = (
        ": this Tally has cells of chosen lengths, in which deaths and losses have lost their order. Finish one with "
        "cells of days or distinct times."
    )
    with pytest.raises(OptionError, match=exactly("logrank_test" + message)):
        cs.logrank_test(coarse, by="g")
    with pytest.raises(OptionError, match=exactly("kaplan_meier" + message)):
        cs.kaplan_meier(coarse)


def test_fractional_weights_need_rows() -> None:
    tally = cs.tally(FRAME.assign(w=0.5), weights="w", **NAMES)
    for estimate in (cs.kaplan_meier, cs.nelson_aalen):
        with pytest.raises(
            OptionError,
            match=exactly(
                f"{estimate.__name__}: the variance with fractional weights is a sum over children, which a Tally no "
                "longer has. Estimate from the rows, or tally whole-number weights."
            ),
        ):
            estimate(tally)


def test_margins_of_a_tally_are_tallies_of_fewer_columns() -> None:
    both = cs.tally(FRAME, by=["g", "s"], **NAMES)
    for kept in (["s"], ["g"], []):
        pd.testing.assert_frame_equal(
            both.by(kept).table, cs.tally(FRAME, by=kept or None, **NAMES).table, check_dtype=False
        )
    assert both.by(["g", "s"]) is both


def test_a_death_at_time_0_is_at_risk_in_its_own_group_alone() -> None:
    frame = pd.DataFrame({"t": [0, 4, 6, 0, 5, 7], "d": [1, 1, 0, 0, 1, 1], "g": list("aaabbb")})
    whole = cs.logrank_test(frame, by="g", **NAMES)
    own = cs.logrank_test(cs.tally(frame, by="g", **NAMES), by="g")
    # By hand: at 0 six at risk, one dies; at 4 four of two groups; at 5 three; at 7 one.
    expected = 3 / 6 + 2 / 4 + 1 / 3
    assert own.table["expected"][0] == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(own.statistic, whole.statistic, rtol=1e-14)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 3), st.integers(0, 2), st.integers(0, 4)),
        min_size=4,
        max_size=40,
    ),
    cells=st.integers(4, 40),
)
def test_numbers_at_risk_are_counted_the_same_in_stretches(rows, cells):
    frame = pd.DataFrame(rows, columns=["t", "d", "g", "s", "e"]).assign(d=lambda f: f["d"].astype(int))
    frame = frame[frame["e"] < frame["t"]]
    assume(frame["d"].any() and frame["g"].nunique() > 1)
    from childsurv.cohort.follow_up import follow_up

    for entry in (None, "e"):
        with asking("a test"):
            observed = follow_up(frame, by="g", time="t", event="d", entry=entry)
        stratum = frame["s"].to_numpy()
        with pytest.MonkeyPatch.context() as patch:
            comparison = Comparison.of_rows(observed, frame, "s")
            whole = [list(one.at_risk_by_group()) for one in comparison.event_times()]
            patch.setattr("childsurv.fold.comparison.CELLS_AT_A_TIME", cells)
            parts = [list(one.at_risk_by_group()) for one in comparison.event_times()]
        sets = list(comparison.event_times())
        for own, mine, of in zip(whole, parts, sets, strict=True):
            together = np.concatenate([block for _, block in mine])
            np.testing.assert_array_equal(np.concatenate([block for _, block in own]), together)
            np.testing.assert_array_equal(together.sum(axis=1), of.at_risk)
        for label, of in zip(sorted(set(stratum[frame["d"] == 1])), sets, strict=True):
            part = frame[stratum == label]
            for moment, at_risk, events in zip(of.times, of.at_risk, of.events, strict=True):
                start = part["e"] if entry else 0
                there = (part["t"] >= moment) & ((start < moment) | (start == 0))
                assert at_risk == there.sum()
                assert events == ((part["t"] == moment) & (part["d"] == 1)).sum()
