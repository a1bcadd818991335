"""The rule on small numbers: nothing small is left, and nothing hidden can be worked out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from childsurv.reporting.small_cells import adjacent_runs, hidden_cells, small_members

MINIMUM = 5


def test_large_groups_are_left_alone() -> None:
    assert small_members(pd.Series({"a": 5, "b": 100}), MINIMUM) == []


def test_one_small_group_takes_the_next_smallest_with_it() -> None:
    # Alone it would be the total less the others.
    assert small_members(pd.Series({"a": 50, "b": 3, "c": 9}), MINIMUM) == ["b", "c"]


def test_small_groups_merge_until_they_are_enough() -> None:
    assert small_members(pd.Series({"a": 50, "b": 1, "c": 2, "d": 7}), MINIMUM) == ["b", "c", "d"]
    assert small_members(pd.Series({"a": 50, "b": 3, "c": 2, "d": 7}), MINIMUM) == ["c", "b"]


def test_groups_without_patients_are_no_groups() -> None:
    assert small_members(pd.Series({"a": 50, "b": 0}), MINIMUM) == []


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_merged_groups_always_hide_one_another(counts: list[int]) -> None:
    series = pd.Series(counts)
    merged = small_members(series, MINIMUM)
    if merged:
        whole = int(series[merged].sum())
        all_merged = len(merged) == (series > 0).sum()
        assert all_merged or (len(merged) >= 2 and whole >= MINIMUM)
    assert (series.drop(merged)[lambda left: left > 0] >= MINIMUM).all() or len(merged) == (series > 0).sum()


@given(st.lists(st.integers(1, 12), min_size=1, max_size=10))
def test_neighbours_join_without_gaps_and_none_is_small(counts: list[int]) -> None:
    runs = adjacent_runs(counts, MINIMUM)
    assert [place for first, last in runs for place in range(first, last + 1)] == list(range(len(counts)))
    sums = [sum(counts[first : last + 1]) for first, last in runs]
    assert all(total >= MINIMUM for total in sums) or (len(runs) == 1 and sum(counts) < MINIMUM)


def test_a_table_of_large_cells_is_shown_whole() -> None:
    assert not hidden_cells([[5, 9], [10, 0]], MINIMUM).any


def test_a_small_cell_takes_three_others_with_it() -> None:
    hidden = hidden_cells([[3, 20, 30], [40, 50, 60], [70, 80, 10]], MINIMUM)
    assert hidden.cells.sum() == 4
    assert hidden.cells[0, 0]
    assert not hidden.row_totals.any()
    assert not hidden.column_totals.any()


def test_small_totals_are_hidden_with_a_second_one() -> None:
    # The first column adds up to 2: its total is as telling as its cells.
    hidden = hidden_cells([[2, 20, 30], [0, 50, 60]], MINIMUM)
    assert hidden.column_totals[0]
    assert hidden.column_totals.sum() >= 2


def possible_range(counts: np.ndarray, hidden: np.ndarray, row: int, column: int) -> tuple[float, float]:
    """Return the least and greatest value of a cell that what is shown allows, by linear programming."""
    from scipy.optimize import linprog

    n_rows, n_columns = counts.shape
    places = np.argwhere(hidden)
    rules, right = [], []
    for line in range(n_rows):
        rules.append((places[:, 0] == line).astype(float))
        right.append(float(counts[line][hidden[line]].sum()))
    for line in range(n_columns):
        rules.append((places[:, 1] == line).astype(float))
        right.append(float(counts[:, line][hidden[:, line]].sum()))
    wanted = ((places[:, 0] == row) & (places[:, 1] == column)).astype(float)
    ends = []
    for sign in (1.0, -1.0):
        found = linprog(sign * wanted, A_eq=np.array(rules), b_eq=np.array(right), bounds=(0, None))
        assert found.status == 0
        ends.append(sign * found.fun)
    return ends[0], ends[1]


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        np.int64,
        st.tuples(st.integers(2, 5), st.integers(2, 5)),
        elements=st.one_of(st.integers(1, 8), st.integers(5, 60)),
    )
)
def test_no_hidden_cell_follows_from_the_totals(counts: np.ndarray) -> None:
    # Totals of one-way groups are never small in a report, because small groups are merged first.
    counts[:, 0] += 5
    counts[0, :] += 5
    hidden = hidden_cells(counts, MINIMUM)
    assert not hidden.row_totals.any()
    assert not hidden.column_totals.any()
    assert (hidden.cells | (counts >= MINIMUM)).all()
    for row, column in np.argwhere(hidden.cells & (counts < MINIMUM)):
        low, high = possible_range(counts, hidden.cells, int(row), int(column))
        # Solutions of such programmes are whole numbers; 1e-6 is the solver's tolerance.
        assert high - low > 1 - 1e-6
    sums = np.where(hidden.cells, counts, 0)
    for line in (*sums.sum(axis=0), *sums.sum(axis=1)):
        assert line == 0 or line >= MINIMUM


def test_zeros_that_pin_a_cell_down_hide_the_table() -> None:
    # Row totals and the zeros leave no room: every cell of this table follows from its totals.
    hidden = hidden_cells([[3, 9, 0], [0, 8, 0], [8, 0, 20]], MINIMUM)
    assert hidden.cells[0, 0]
    assert (
        hidden.row_totals.any()
        or hidden.column_totals.any()
        or hidden.cells.all(axis=None)
        or (hidden.cells.sum() > 1)
    )


@pytest.mark.parametrize("shape", [(0, 3), (1, 1)])
def test_degenerate_tables(shape: tuple[int, int]) -> None:
    assert not hidden_cells(np.full(shape, 7), MINIMUM).any
