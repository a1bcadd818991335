"""The rule on small numbers: no reader can see, or work out by subtraction, how a group of few children fared.

One way (countries, diagnoses, exclusion rules): small groups are merged, with one another or with the next
smallest one, until the merged group has at least two members and ``minimum`` patients. Tables, tests, models
and pictures all use the merged groups, and totals stay right.

Two ways (country by diagnosis): small cells are hidden, and with them as many others as it takes that no
hidden cell follows from the totals. The hidden cells of a line add up to ``minimum`` or more, and every
hidden cell lies on a closed path of hidden cells, along which counts could be moved without changing any
total.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

MARGIN_COST = 1e9
"""A total is hidden only where no set of inner cells will do."""


def small_members(counts: pd.Series, minimum: int) -> list[Hashable]:
    """Return the labels that go into one merged group, smallest first; none when every group is large enough.

    Parameters
    ----------
    counts
        Patients by label. Labels with 0 are left alone.
    minimum
        Least number of patients that a group shown may have.
    """
    present = counts[counts > 0].sort_values(kind="stable")
    small = int((present < minimum).sum())
    if not small:
        return []
    total = present.cumsum().to_numpy()
    # One small group alone is never enough, so that at least two are merged.
    enough = np.flatnonzero((total >= minimum) & (np.arange(1, total.size + 1) >= small))
    taken = int(enough[0]) + 1 if enough.size else present.size
    return list(present.index[:taken])


def adjacent_runs(counts: Sequence[int], minimum: int) -> list[tuple[int, int]]:
    """Return runs ``(first, last)`` of neighbouring ordered groups, each with at least ``minimum`` patients.

    A group that is large enough stays alone; a smaller one is joined to those after it, the last to those
    before it.
    """
    runs: list[tuple[int, int]] = []
    first, total = 0, 0
    for place, count in enumerate(counts):
        total += int(count)
        if total >= minimum:
            runs.append((first, place))
            first, total = place + 1, 0
    if first < len(counts):
        if not runs:
            return [(0, len(counts) - 1)]
        start, _ = runs.pop()
        runs.append((start, len(counts) - 1))
    return runs


@dataclass(frozen=True)
class HiddenCells:
    """What a two-way table must not show."""

    cells: Mask
    """Shape (n_rows, n_columns)."""
    row_totals: Mask
    """Shape (n_rows,)."""
    column_totals: Mask
    """Shape (n_columns,)."""

    @property
    def any(self) -> bool:
        """Whether anything is hidden."""
        return bool(self.cells.any() or self.row_totals.any() or self.column_totals.any())


def hidden_cells(counts: npt.ArrayLike, minimum: int) -> HiddenCells:
    """Choose the cells of a two-way table to hide, where its row and column totals are shown too.

    Cells with 0 patients stay. Where a total is small itself it is hidden as well; the grand
    total is taken to be large.

    Parameters
    ----------
    counts
        Patients, shape ``(n_rows, n_columns)``.
    minimum
        Least number of patients that a cell shown may have.
    """
    inner = np.asarray(counts, dtype=np.int64)
    rows, columns = inner.shape
    table = np.zeros((rows + 1, columns + 1), dtype=np.int64)
    table[:rows, :columns] = inner
    table[:rows, columns] = inner.sum(axis=1)
    table[rows, :columns] = inner.sum(axis=0)
    hidden = (table > 0) & (table < minimum)
    cost = table.astype(np.float64)
    cost[:, columns] += MARGIN_COST
    cost[rows, :] += MARGIN_COST
    cost[table == 0] = np.inf
    cost[rows, columns] = np.inf
    settled = False
    while not settled:
        settled = not (_fill_lines(table, hidden, minimum) or _close_paths(hidden, cost))
    return HiddenCells(hidden[:rows, :columns], hidden[:rows, columns], hidden[rows, :columns])


def _fill_lines(table: IntArray, hidden: Mask, minimum: int) -> bool:
    """Hide a further cell in lines whose hidden cells add up to too few; return whether any was hidden."""
    changed = False
    # Rows, then columns: transposing makes views, so that both write to the same table.
    for counts, out in ((table, hidden), (table.T, hidden.T)):
        inner, inner_hidden = counts[:, :-1], out[:, :-1]
        sums = np.where(inner_hidden, inner, 0).sum(axis=1)
        for line in np.flatnonzero((sums > 0) & (sums < minimum) & ~out[:, -1]):
            free = np.flatnonzero((inner[line] > 0) & ~inner_hidden[line])
            if free.size:
                inner_hidden[line, free[np.argmin(inner[line, free])]] = True
                changed = True
    return changed


def _close_paths(hidden: Mask, cost: npt.NDArray[np.float64]) -> bool:
    """Put every hidden cell on a closed path of hidden cells; return whether any had to be added."""
    changed = False
    for row, column in np.argwhere(hidden):
        price = np.where(hidden, 0.0, cost)
        price[row, column] = np.inf
        path = _cheapest_path(price, int(row), int(column))
        if path is None:
            # Zeros pin the cell down whatever else is hidden, so nothing of the table can be shown.
            everything = np.isfinite(cost)
            changed |= bool((everything & ~hidden).any())
            hidden |= everything
            return changed
        for place in path:
            changed |= not hidden[place]
            hidden[place] = True
    return changed


def _cheapest_path(price: npt.NDArray[np.float64], row: int, column: int) -> list[tuple[int, int]] | None:
    """Return the cells of the cheapest path from a row to a column; None when there is none."""
    n_rows, n_columns = price.shape
    to_row, to_column = np.full(n_rows, np.inf), np.full(n_columns, np.inf)
    via_row, via_column = np.full(n_rows, -1), np.full(n_columns, -1)
    to_row[row] = 0.0
    while True:
        through = to_row[:, None] + price
        best = through.argmin(axis=0)
        better = through[best, np.arange(n_columns)] < to_column
        to_column = np.where(better, through[best, np.arange(n_columns)], to_column)
        via_column = np.where(better, best, via_column)
        through = to_column[None, :] + price
        best = through.argmin(axis=1)
        nearer = through[np.arange(n_rows), best] < to_row
        to_row = np.where(nearer, through[np.arange(n_rows), best], to_row)
        via_row = np.where(nearer, best, via_row)
        if not (better.any() or nearer.any()):
            break
    if not np.isfinite(to_column[column]):
        return None
    path, at = [], column
    while True:
        back = int(via_column[at])
        path.append((back, at))
        if back == row:
            return path
        at = int(via_row[back])
        path.append((back, at))
