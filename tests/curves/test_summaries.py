"""Tables of numbers at risk, and what curves given survival to a time and curves of weighted children count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import childsurv as cs

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
COLUMNS = {"time": "time", "event": "event"}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "children.csv")


@pytest.fixture(scope="module")
def curves(children) -> cs.Curves:
    return cs.kaplan_meier(children, by="group", **COLUMNS)


def test_numbers_at_risk_as_a_table(children, curves):
    table = curves.at_risk_table(times=[0, 100, 365.25])
    assert list(table.columns) == [0, 100, 365.25]
    assert table.index.names == ["group"]
    for label, row in zip(table.index.get_level_values("group"), table.to_numpy(), strict=True):
        times = children.loc[children["group"] == label, "time"]
        assert row.tolist() == [len(times), (times >= 100).sum(), (times >= 365.25).sum()]
    alone = cs.kaplan_meier(children, **COLUMNS).at_risk_table(times=[0])
    assert alone.to_numpy().tolist() == [[len(children)]]


def test_given_survival_to_a_time_all_who_are_followed_later_are_its_patients():
    random = np.random.default_rng(4)
    frame = pd.DataFrame({"time": random.integers(2, 90, 300), "event": random.integers(0, 2, 300)})
    frame["entry"] = np.where(frame.index % 2 == 0, 0, random.integers(0, 90, 300) % frame["time"])
    curves = cs.kaplan_meier(frame, time="time", event="event", entry="entry")
    given = curves.conditional(given=20)
    assert given.groups["patients"][0] == (frame["time"] > 20).sum()
    assert given.groups["total_events"][0] == ((frame["time"] > 20) & (frame["event"] == 1)).sum()
    # Nothing is known of the time before.
    before = given.at(times=[5, 20, 30])
    assert before["estimate"].isna().tolist() == [True, False, False]
    assert before["at_risk"].isna().tolist() == [True, False, False]
    assert len(
        cs.simultaneous_bands(
            cs.kaplan_meier(frame, time="time", event="event").conditional(given=20), kind="hall-wellner"
        )
    )
    assert before["estimate"][1] == 1.0


def test_children_and_not_their_weights_end_curves_and_make_them_reliable():
    random = np.random.default_rng(5)
    frame = pd.DataFrame({"time": random.integers(1, 60, 40), "event": random.integers(0, 2, 40)})
    columns = {"time": "time", "event": "event"}
    plain = cs.kaplan_meier(frame, minimum=20, **columns)
    weighted = cs.kaplan_meier(frame.assign(w=100.0), weights="w", **columns)
    for curves in (weighted.with_minimum(20), weighted.with_minimum(5).with_minimum(20)):
        assert curves.table["time"].tolist() == plain.table["time"].tolist()
    rules = {"at_risk": 20}
    ours = weighted.reliability(times=[5, 50], rules=rules)["reliability"].tolist()
    assert (
        ours
        == cs.kaplan_meier(frame, **columns).reliability(times=[5, 50], rules=rules)["reliability"].tolist()
    )
    assert ours == ["reliable", "not reliable"]
