"""What is odd about a life table: gaps, zeros, jumps, infancy that does not fall, life expectancy that does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import LifeTableError, OptionError, asking, require_columns
from childsurv.lifetable.cells import dates_of_cells
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.running import ratio

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

AGE_FACTOR, YEAR_FACTOR = 5.0, 3.0
"""Mortality of neighbouring cells that differs more than so many times is a jump: among ages from 1 year, and years."""

E0_TOLERANCE = 0.3
"""Years by which life expectancy may differ from that given."""

FIRST_AGE_OF_JUMPS = 1.0

HIGHEST_OF_CHILDREN, LOWEST_OF_CHILDREN = 0.05, 1e-6
"""Deaths a person-year at ages 5 to 14, and on average at 1 to 14, beyond which a wrong unit is more likely."""


def life_expectancy(table: LifeTable) -> pd.DataFrame:
    """Return the life expectancy at birth that the hazards of each calendar cell imply.

    ``e0 = sum over ages of S(a) (1 - exp(-h w)) / h``, with the survival ``S(a)`` to the start of an age cell, its
    hazard ``h`` and its width ``w``; in the open last cell ``S(a) / h``.

    Parameters
    ----------
    table
        A life table.

    Returns
    -------
    pandas.DataFrame
        The table's ``by`` columns, ``sex``, ``year_start`` (first day of the calendar cell) and ``e0`` (years;
        missing where a cell is missing or there are no deaths in the open cell), one row a stratum and calendar cell.

    Examples
    --------
    >>> import childsurv as cs
    >>> cells = [(sex, age, 2000, 1 / 80) for sex in ("female", "male") for age in (0, 1, 5)]
    >>> table = cs.LifeTable.from_frame(pd.DataFrame(cells, columns=["sex", "age", "year", "mx"]), mx="mx")
    >>> life_expectancy(table)["e0"].round(9).tolist()
    [80.0, 80.0]
    """
    days = _age_days(table)
    widths = np.diff(days)[:, None]
    hazard = table.rates
    closed = hazard[:, :-1]
    before = np.ones_like(hazard)
    before[:, 1:] = np.exp(-np.cumsum(closed * widths, axis=1))
    # All who enter the open cell die in it, unless its rate is 0.
    dying = np.ones_like(hazard)
    dying[:, :-1] = -np.expm1(-closed * widths)
    lived = np.where(hazard > 0, ratio(dying, hazard), np.append(widths, [[np.nan]], axis=0))
    e0 = (before * lived).sum(axis=1) / DAYS_PER_YEAR
    n_strata, n_years = e0.shape
    frame = table.strata.iloc[np.repeat(np.arange(n_strata), n_years)].reset_index(drop=True)
    return frame.assign(year_start=np.tile(dates_of_cells(table.year_starts), n_strata), e0=e0.ravel())


def check_life_table(
    table: LifeTable,
    *,
    e0: pd.DataFrame | None = None,
    age_factor: float = AGE_FACTOR,
    year_factor: float = YEAR_FACTOR,
    e0_tolerance: float = E0_TOLERANCE,
) -> pd.DataFrame:
    """Check a life table before it is used, and report what is odd about it.

    Parameters
    ----------
    table
        A life table; it is not changed.
    e0
        Life expectancies at birth to compare with: the table's ``by`` columns, ``sex``, ``year`` and ``e0``
        (years), for calendar cells that begin in that year.
    age_factor, year_factor
        How many times mortality may differ between neighbouring ages from 1 year on, and between neighbouring
        calendar cells.
    e0_tolerance
        Years by which life expectancy may differ.

    Returns
    -------
    pandas.DataFrame
        One row a finding and stratum: ``code``, ``severity`` ("error", "warning", "note"), the ``by`` columns, ``sex``,
        ``cells`` (how many), ``first_age`` (years) and ``first_year`` of them, ``largest`` (the largest factor or
        difference, where there is one), ``message``. Codes: "gap", "zero", "extended", "infancy-not-falling",
        "implausible-level", "jump-between-ages", "jump-between-years", "sexes-identical", "e0-differs". No row:
        nothing odd was found.

    Raises
    ------
    OptionError
        A factor is not above 1, or a tolerance is below 0.
    LifeTableError
        No row of ``e0`` is of a stratum and year of the table.

    Examples
    --------
    >>> import childsurv as cs
    >>> cells = [(sex, age, 2000, mx) for sex in ("female", "male") for age, mx in ((0, 0.001), (1, 0.002), (5, 0.0))]
    >>> table = cs.LifeTable.from_frame(pd.DataFrame(cells, columns=["sex", "age", "year", "mx"]), mx="mx")
    >>> check_life_table(table)["code"].unique().tolist()
    ['zero', 'infancy-not-falling', 'sexes-identical']
    """
    if not (age_factor > 1 and year_factor > 1 and e0_tolerance >= 0):
        raise OptionError("age_factor= and year_factor= must be above 1, and e0_tolerance= 0 or more.")
    findings = [*_cell_checks(table, age_factor, year_factor), _identical_sexes(table)]
    if e0 is not None:
        findings.append(_expectancies(table, e0, e0_tolerance))
    columns = [
        "code",
        "severity",
        *table.strata.columns,
        "cells",
        "first_age",
        "first_year",
        "largest",
        "message",
    ]
    rows = [row for finding in findings for row in finding.rows(table)]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Finding:
    """What one check found in a life table."""

    code: str
    severity: str
    message: str
    cells: Mask
    """Where, of the shape of the table's rates."""
    sizes: FloatArray | None = None
    """How far each cell is off, of the same shape."""

    def rows(self, table: LifeTable) -> Iterator[list[Any]]:
        """Yield a row of `check_life_table` for each stratum in which something was found."""
        for place in np.flatnonzero(self.cells.any(axis=(1, 2))):
            where = self.cells[place]
            yield [
                self.code,
                self.severity,
                *table.strata.iloc[place].tolist(),
                int(where.sum()),
                float(_age_days(table)[np.flatnonzero(where.any(axis=1))[0]] / DAYS_PER_YEAR),
                dates_of_cells(table.year_starts)[np.flatnonzero(where.any(axis=0))[0]],
                np.nan if self.sizes is None else float(np.fmax.reduce(self.sizes[place][where])),
                self.message,
            ]


def _cell_checks(table: LifeTable, age_factor: float, year_factor: float) -> Iterator[Finding]:
    rates, ages = table.rates, _age_days(table) / DAYS_PER_YEAR
    known = ~np.isnan(rates)
    yield Finding("gap", "error", "cells without a value: looking them up raises", ~known)
    yield Finding("zero", "warning", "rate 0: such a cell may mean that data are missing", rates == 0)
    yield Finding(
        "extended", "note", "cells carried on from the nearest known one", np.asarray(table.extended)
    )
    infancy = np.zeros_like(known)
    later = (ages >= 1) & (ages <= 5)
    infancy[:, later] = rates[:, later] >= rates[:, :1]
    infancy &= known & known[:, :1] & (ages[0] == 0) & (rates[:, :1] > 0)
    yield Finding(
        "infancy-not-falling",
        "warning",
        "mortality at 1 to 5 years is not below that of infants",
        infancy,
    )
    yield Finding(
        "implausible-level",
        "warning",
        f"mortality of children above {HIGHEST_OF_CHILDREN:g} a year at 5 to 14, or below {LOWEST_OF_CHILDREN:g} at "
        "1 to 14: the unit of the rates may be wrong",
        _implausible(rates * DAYS_PER_YEAR, ages),
        rates * DAYS_PER_YEAR,
    )
    by_age = _factors(rates, axis=1)
    by_age[:, ages < FIRST_AGE_OF_JUMPS + 1e-9] = np.nan
    by_year = _factors(rates, axis=2)
    yield Finding(
        "jump-between-ages",
        "warning",
        f"mortality changes more than {age_factor:g} times from the age before",
        by_age > age_factor,
        by_age,
    )
    yield Finding(
        "jump-between-years",
        "warning",
        f"mortality changes more than {year_factor:g} times from the year before",
        by_year > year_factor,
        by_year,
    )


def _implausible(yearly: FloatArray, ages: FloatArray) -> Mask:
    """Return cells of children with rates that are too high, and those of years in which all are too low."""
    wrong = np.zeros(yearly.shape, dtype=bool)
    school = (ages >= 5 - 1e-9) & (ages < 15)
    children = (ages >= 1 - 1e-9) & (ages < 15)
    wrong[:, school] = yearly[:, school] > HIGHEST_OF_CHILDREN
    if children.any():
        own = yearly[:, children]
        known = ~np.isnan(own)
        mean = np.where(known, own, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        # Rates that are all 0 are another finding.
        too_low = (mean > 0) & (mean < LOWEST_OF_CHILDREN)
        wrong[:, children] |= too_low[:, None, :] & known
    return wrong


def _factors(rates: FloatArray, *, axis: int) -> FloatArray:
    """Return by how many times each cell differs from the one before it, NaN for the first and for zeros."""
    factors = np.full_like(rates, np.nan)
    moved, own = np.moveaxis(factors, axis, 0), np.moveaxis(rates, axis, 0)
    change = ratio(own[1:], own[:-1], where=(own[1:] > 0) & (own[:-1] > 0), otherwise=np.nan)
    moved[1:] = np.maximum(change, 1 / change)
    return factors


def _identical_sexes(table: LifeTable) -> Finding:
    same = np.zeros(table.rates.shape, dtype=bool)
    names = list(table.by)
    keys = table.strata[names].astype(str).agg("\x1f".join, axis=1) if names else table.strata["sex"].str[:0]
    for places in table.strata.groupby(keys.to_numpy(), sort=False).indices.values():
        pair = table.rates[places]
        if len(pair) == 2 and np.array_equal(pair[0], pair[1], equal_nan=True):
            same[places[0]] = True
    return Finding("sexes-identical", "warning", "females and males have the same mortality", same)


def _expectancies(table: LifeTable, given: pd.DataFrame, tolerance: float) -> Finding:
    keys = [*table.strata.columns, "year"]
    with asking("e0="):
        require_columns(given.columns, [*keys, "e0"])
    implied = life_expectancy(table)
    implied["year"] = implied["year_start"].dt.year
    implied["place"] = np.repeat(np.arange(len(table.strata)), table.rates.shape[2])
    implied["cell"] = np.tile(np.arange(table.rates.shape[2]), len(table.strata))
    both = implied.merge(given[[*keys, "e0"]], on=keys, suffixes=("", "_given"))
    if not len(both):
        raise LifeTableError("e0=: no row is of a stratum and year of the table.")
    both["difference"] = (both["e0"] - both["e0_given"]).abs()
    both = both[~(both["difference"] <= tolerance)]
    sizes = np.full(table.rates.shape, np.nan)
    # Life expectancy is of a calendar cell; the finding is listed at its first age.
    sizes[both["place"], 0, both["cell"]] = both["difference"]
    differs = np.zeros(table.rates.shape, dtype=bool)
    differs[both["place"], 0, both["cell"]] = True
    message = f"life expectancy differs from that given by more than {tolerance:g} years"
    return Finding("e0-differs", "warning", message, differs, sizes)


def _age_days(table: LifeTable) -> FloatArray:
    return table.age_starts * (1.0 if table.age_rule == "fixed" else DAYS_PER_YEAR)
