from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.errors import DataError, OptionError
from childsurv.fold.tally import COUNTED_SUMS, PLAIN_SUMS, WEIGHTED_SUMS, Grid, Tally
from childsurv.fold.tallying import tally
from childsurv.lifetable.table import LifeTable
from strategies import exactly

FRAME = pd.DataFrame(
    {
        "time": [3, 5, 5, 9],
        "event": [1, 0, 1, 1],
        "entry": [0, 3, 0, 4],
        "g": ["a", "b", "a", "b"],
        "sex": "male",
        "age_days": 4000,
        "diagnosis_date": pd.Timestamp("2001-06-01"),
    }
)
NAMES: dict[str, Any] = {"time": "time", "event": "event"}
PEOPLE: dict[str, Any] = {**NAMES, "age_days": "age_days", "diagnosis_date": "diagnosis_date"}


def life_table(hazard: float = 1e-4) -> LifeTable:
    rows = [(sex, 0, year, hazard) for sex in ("male", "female") for year in (2000, 2001, 2002)]
    return LifeTable.from_frame(
        pd.DataFrame(rows, columns=["sex", "age", "year", "h"]), rate="h", rate_unit="per_day"
    )


def cohort(times: list[int]) -> Cohort:
    frame = pd.DataFrame(
        {"diagnosis_date": pd.Timestamp("2001-01-01"), "entry": 0, "time": times, "event": 1}
    )
    return Cohort(frame, len(times), dt.date(2010, 1, 1), empty_findings(), join_exclusions([]))


def test_cells_hold_increments() -> None:
    table = tally(FRAME, by="g", entry="entry", **NAMES).table
    assert table.to_numpy().tolist() == [
        # group, end, at risk, entered, left, events
        ["a", 0, 2, 2, 0, 0],
        ["a", 3, 2, 0, 1, 1],
        ["a", 5, 1, 0, 1, 1],
        ["b", 3, 0, 1, 0, 0],
        ["b", 4, 1, 1, 0, 0],
        ["b", 5, 2, 0, 1, 0],
        ["b", 9, 1, 0, 1, 1],
    ]
    assert list(table.columns) == ["g", "end", "at_risk", *COUNTED_SUMS]


def test_every_day_is_a_cell_of_a_daily_grid() -> None:
    daily = tally(FRAME, by="g", entry="entry", grid=Grid.daily(), **NAMES)
    assert daily.grid == Grid.daily()
    assert daily.table.groupby("g")["end"].agg(list).to_dict() == {"a": list(range(6)), "b": list(range(10))}
    distinct = tally(FRAME, by="g", entry="entry", **NAMES)
    for name in COUNTED_SUMS:
        assert daily.sums[name].sum() == distinct.sums[name].sum()
        assert daily.sums[name].dtype == distinct.sums[name].dtype
    merged = daily.table.merge(distinct.table, on=["g", "end"])
    assert (merged["at_risk_x"] == merged["at_risk_y"]).all()
    ours, theirs = (sums.coarsen(Grid.breaks([4, 9])).table for sums in (daily, distinct))
    both = theirs.merge(ours, on=["g", "end"], how="left", suffixes=("", "_daily"))
    assert (both["events"] == both["events_daily"]).all()
    assert (both["at_risk"] == both["at_risk_daily"]).all()


def test_a_life_table_adds_expected_and_weighted_sums() -> None:
    sums = tally(FRAME, life_table(), **PEOPLE)
    assert set(sums.sums) == {*COUNTED_SUMS, *PLAIN_SUMS, *WEIGHTED_SUMS}
    assert sums.sums["expected_events"].sum() == pytest.approx(22e-4, rel=1e-12)
    assert sums.life_table_digest == life_table().digest
    assert sums.in_days


def test_a_tally_is_frozen() -> None:
    sums = tally(FRAME, **NAMES)
    with pytest.raises(dataclasses.FrozenInstanceError):
        sums.grid = Grid.daily()  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        sums.sums["events"][0] = 5
    with pytest.raises(TypeError):
        sums.sums["events"] = np.zeros(3)  # type: ignore[index]
    table = sums.table
    table.loc[0, "events"] = 98765
    assert 98765 not in sums.table["events"].tolist()


def test_repr_holds_no_values() -> None:
    assert repr(tally(FRAME, by="g", **NAMES)) == "<Tally: 2 groups, 6 distinct cells, entered, left, events>"


def test_groups_that_only_one_part_has() -> None:
    total = tally(FRAME[FRAME["g"] == "b"], by="g", **NAMES) + tally(
        FRAME[FRAME["g"] == "a"], by="g", **NAMES
    )
    pd.testing.assert_frame_equal(total.table, tally(FRAME, by="g", **NAMES).table)


def test_days_in_marked_cells_add() -> None:
    """The table ends on 31 December 2002: who is diagnosed ten days earlier spends the rest in the cell carried on."""
    late = FRAME.assign(diagnosis_date=pd.Timestamp("2002-12-22"), time=[20, 12, 9, 35])
    carried = life_table().extend("last")
    whole = tally(late, carried, **PEOPLE)
    assert whole.extended_days == 10 + 2 + 25
    assert sum(whole.marked_days.values()) == 37
    boys, girls = late.iloc[:2], late.iloc[2:].assign(sex="female")
    one, other = tally(boys, carried, **PEOPLE), tally(girls, carried, **PEOPLE)
    assert (one.extended_days, other.extended_days) == (12, 25)
    for total in (one + other, other + one):
        assert total.extended_days == 37
        assert sorted(total.marked_days.values()) == [12, 25]
    twice = one + tally(late.iloc[2:], carried, **PEOPLE)
    assert twice.marked_days == whole.marked_days


def test_categories_keep_their_order_when_tallies_add() -> None:
    typed = FRAME.assign(g=pd.Categorical(FRAME["g"], ["b", "a"]))
    parts = [
        typed[typed["g"] == label].assign(g=lambda f: f["g"].cat.remove_unused_categories())
        for label in ("b", "a")
    ]
    total = tally(parts[0], by="g", **NAMES) + tally(parts[1], by="g", **NAMES)
    assert total.groups["g"].tolist() == ["b", "a"]


def other_unit() -> Tally:
    return tally(cohort([3, 4]).data, time="time", event="event")


@pytest.mark.parametrize(
    ("other", "differing"),
    [
        (lambda: tally(FRAME, grid=Grid.daily(), **NAMES), "grid"),
        (lambda: tally(FRAME, by="g", **NAMES), "group columns"),
        (
            lambda: tally(FRAME, life_table(), grid=Grid.daily(), **PEOPLE),
            "grid and life table and conventions and sums",
        ),
        (lambda: tally(FRAME.assign(w=0.5), weights="w", **NAMES), "conventions"),
        (lambda: tally(cohort([3]), zero_survival="drop"), "conventions"),
    ],
)
def test_tallies_that_do_not_fit_do_not_add(other: Any, differing: str) -> None:
    with pytest.raises(
        DataError,
        match=rf"^These tallies cannot be added: they differ in {differing}\. Make both with the same",
    ):
        tally(FRAME, **NAMES) + other()


def test_different_life_tables_do_not_add() -> None:
    with pytest.raises(
        DataError,
        match=exactly(
            "These tallies cannot be added: they differ in life table. Make both with the same by=, "
            "grid=, life table and options."
        ),
    ):
        tally(FRAME, life_table(1e-4), **PEOPLE) + tally(FRAME, life_table(2e-4), **PEOPLE)


def test_different_rules_for_the_day_of_diagnosis_do_not_add() -> None:
    with pytest.raises(
        DataError,
        match=exactly(
            "These tallies cannot be added: they differ in conventions. Make both with the same by=, "
            "grid=, life table and options."
        ),
    ):
        tally(cohort([0, 3])) + tally(cohort([0, 3]), zero_survival="drop")


def test_a_tally_does_not_add_to_a_number() -> None:
    with pytest.raises(TypeError):
        tally(FRAME, **NAMES) + 1


@pytest.mark.parametrize(
    "ends", [[], [0, 1], [-1, 2], [2, 2], [3, 1], [1, float("nan"), 3], [1, float("inf")]]
)
def test_breaks_ascend(ends: list[float]) -> None:
    with pytest.raises(OptionError, match=exactly("Grid.breaks() takes ascending times greater than 0.")):
        Grid.breaks(ends)


def test_wrong_grids() -> None:
    with pytest.raises(
        OptionError, match=exactly("tally: grid= takes Grid.distinct(), Grid.daily() or Grid.breaks([...]).")
    ):
        tally(FRAME, grid="daily", **NAMES)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=exactly("tally: a daily grid needs times in whole days.")):
        tally(FRAME.assign(time=FRAME["time"] + 0.5), grid=Grid.daily(), **NAMES)
    with pytest.raises(
        OptionError, match=exactly("tally: with a life table cells are days or Grid.breaks([...]).")
    ):
        tally(FRAME, life_table(), grid=Grid.distinct(), **PEOPLE)
    with pytest.raises(OptionError, match=exactly("coarsen() takes Grid.breaks([...]).")):
        tally(FRAME, **NAMES).coarsen(Grid.daily())
    with pytest.raises(
        OptionError, match=exactly("coarsen(): some breaks are not ends of this tally's own cells.")
    ):
        tally(FRAME, grid=Grid.breaks([3, 6]), **NAMES).coarsen(Grid.breaks([4, 6]))


def test_whole_weights_with_a_life_table_are_repeated_rows() -> None:
    frame = FRAME.assign(weight=[1, 3, 2, 4])
    weighted = tally(frame, life_table(), by="g", weights="weight", entry="entry", **PEOPLE)
    repeated = frame.loc[frame.index.repeat(frame["weight"])]
    expected = tally(repeated, life_table(), by="g", entry="entry", **PEOPLE)
    for name in (*COUNTED_SUMS, *PLAIN_SUMS, *WEIGHTED_SUMS):
        if name != "weighted_events_squared":
            np.testing.assert_allclose(weighted.sums[name], expected.sums[name], rtol=1e-12, atol=1e-15)
    # A weight of 3 is one child that counts thrice, not three children: its square is 9.
    dead = weighted.sums["events"] > 0
    assert (weighted.sums["events_squared"][dead] == weighted.sums["events"][dead] ** 2).all()
    with pytest.raises(
        DataError,
        match=exactly(
            "These tallies cannot be added: they differ in conventions and sums. Make both with the same "
            "by=, grid=, life table and options."
        ),
    ):
        weighted + expected


def test_times_of_any_unit_and_sparse_groups() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"time": rng.exponential(1, 5000), "event": 1, "g": rng.integers(0, 2000, 5000)})
    sums = tally(frame, by="g", **NAMES)
    assert sums.sums["events"].sum() == sums.sums["entered"].sum() == 5000
    # So many groups and times that cells are sorted, not laid out; the numbers are those of each group alone.
    alone = tally(frame[frame["g"] == 7], **NAMES)
    own = sums.table[sums.table["g"] == 7]
    assert own["at_risk"].tolist() == alone.at_risk.tolist()
    assert own["end"].tolist() == alone.end.tolist()
