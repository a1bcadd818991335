"""Sums by cause: counted once, added up over registers, finished as from rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import DataError, OptionError
from strategies import exactly

FRAME = pd.DataFrame(
    {"t": [1, 2, 2, 3, 4, 6], "c": [1, 2, 0, 7, 1, 0], "r": list("aabbab"), "w": [1, 2, 1, 1, 3, 1]}
)


def test_events_of_each_cause_are_counted_by_hand() -> None:
    tally = cs.tally(FRAME, cause="c", time="t")
    assert dict(tally.causes) == {1: "1", 2: "2", 7: "7"}
    table = tally.table.set_index("end")
    assert table.loc[[1, 2, 3, 4], "events_of_cause_1"].tolist() == [1, 0, 0, 1]
    assert table.loc[[1, 2, 3, 4], "events_of_cause_7"].tolist() == [0, 0, 1, 0]
    assert table["events"].sum() == 4
    weighted = cs.tally(FRAME, cause="c", time="t", weights="w").table.set_index("end")
    assert weighted.loc[4, ["events", "events_of_cause_1", "heads_events"]].tolist() == [3, 3, 1]


def test_registers_that_have_seen_different_causes_add_up() -> None:
    names = {1: "tumour", 2: "treatment", 7: "other"}
    parts = [cs.tally(own, cause="c", time="t", causes=names) for _, own in FRAME.groupby("r")]
    own = cs.cumulative_incidence(parts[0] + parts[1])
    whole = cs.cumulative_incidence(FRAME, cause="c", time="t", causes=names)
    pd.testing.assert_frame_equal(own.table, whole.table)
    unnamed = [cs.tally(own, cause="c", time="t") for _, own in FRAME.groupby("r")]
    assert [sorted(one.causes) for one in unnamed] == [[1, 2], [7]]
    together = cs.cumulative_incidence(unnamed[0] + unnamed[1])
    np.testing.assert_array_equal(together.table["estimate"], whole.table["estimate"])
    assert together.groups["cause"].tolist() == ["1", "2", "7"]


def test_one_number_with_two_names_is_refused() -> None:
    one, other = (
        cs.tally(FRAME, cause="c", time="t", causes={1: name, 2: "b", 7: "c"})
        for name in ("tumour", "cancer")
    )
    with pytest.raises(
        DataError,
        match=exactly(
            "These tallies cannot be added: they differ in names of causes. Make both with the same by=, grid=, life "
            "table and options."
        ),
    ):
        one + other


def test_causes_and_life_tables_do_not_go_together() -> None:
    with pytest.raises(
        OptionError,
        match=exactly(
            "tally: cause= counts causes that are known, so leave life_table and event= out; for a life table make a "
            "second tally."
        ),
    ):
        cs.tally(FRAME, cause="c", time="t", event="c")
    with pytest.raises(
        OptionError, match=exactly("tally: causes= names the causes of cause=, which is not given.")
    ):
        cs.tally(FRAME, time="t", event="c", causes={1: "a"})
    with pytest.raises(
        OptionError,
        match=exactly(
            "cumulative_incidence: this Tally counts no causes; make it with cs.tally(data, cause=...)."
        ),
    ):
        cs.cumulative_incidence(cs.tally(FRAME.assign(d=1), time="t", event="d"))
