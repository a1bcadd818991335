"""Counts of groups at the event times of strata."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from childsurv.errors import asking
from childsurv.fold.comparison import Comparison


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
