"""Person-time in cells of a life table that a result must tell of: carried ones, and those in which nobody dies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.lifetable.table import BEFORE_ALL, LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class MarkedCells:
    """Collects person-days in extended cells and in those with a hazard of zero."""

    def __init__(self, table: LifeTable) -> None:
        self.extended = table.extended.ravel()
        self.marked = self.extended | (table.rates.ravel() == 0)
        self.any = bool(self.marked.any())
        self.taken: list[tuple[IntArray, FloatArray]] = []

    def add(self, cell: IntArray, days: FloatArray) -> None:
        """Take the pieces of some people, as cells and lengths."""
        here = np.flatnonzero(self.marked[cell] & (days > 0))
        if here.size:
            self.taken.append((cell[here], days[here]))

    def totals(self) -> tuple[float, dict[int, float]]:
        """Return the person-days in extended cells, and in each marked cell."""
        if not self.taken:
            return 0.0, {}
        cells, place = np.unique(np.concatenate([cells for cells, _ in self.taken]), return_inverse=True)
        days = np.bincount(place, np.concatenate([days for _, days in self.taken]))
        return float(days[self.extended[cells]].sum()), dict(zip(cells.tolist(), days.tolist(), strict=True))


def marked_cells_table(table: LifeTable, marked_days: Mapping[int, float]) -> pd.DataFrame:
    """Return the marked cells that were used, one row each.

    Columns are the table's strata and ``sex``, ``age`` (start of the cell, in the unit of the table), ``from_date``
    (missing where the cell is open), ``extended``, ``hazard_zero`` and ``person_years``.
    """
    cells = np.array(sorted(marked_days), dtype=np.int64)
    n_ages, n_years = table.rates.shape[1:]
    stratum, age, year = cells // (n_ages * n_years), cells // n_years % n_ages, cells % n_years
    starts = table.year_starts[year]
    dates = np.where(starts <= BEFORE_ALL, np.iinfo(np.int64).min, starts).astype("datetime64[D]")
    used: pd.DataFrame = table.strata.iloc[stratum].reset_index(drop=True)
    used["age"] = table.age_starts[age]
    used["from_date"] = dates.astype("datetime64[s]")
    used["extended"] = table.extended.ravel()[cells]
    used["hazard_zero"] = table.rates.ravel()[cells] == 0
    used["person_years"] = np.array([marked_days[int(cell)] for cell in cells]) / DAYS_PER_YEAR
    return used
