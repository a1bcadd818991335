"""Build the life table that children need from the one there is: single ages, calendar years, infancy, later years.

Every function returns a new table whose ``provenance`` names the step, its method and its source; a table is
never changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import LifeTableError, OptionError, asking, require_columns, rows_where
from childsurv.lifetable.cells import AFTER_ALL, BEFORE_ALL
from childsurv.lifetable.graduation import age_scale, graduate
from childsurv.maths.calendar import DAYS_PER_YEAR, first_of_january, year_of

if TYPE_CHECKING:
    from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

METHOD = "the log hazard with the least integrated squared second derivative that gives every wide cell its own rate"
"""How `expand` finds the rates of narrow cells."""

EXPOSURE_ROUNDS = 4
"""The exposure within an age group follows from the rates themselves; it settles in three rounds."""

INFANCY_CUTS = (0, 7, 28)
"""Start of the cells of infancy, in days: under 1 week, 1-3 weeks, 4 weeks to the first birthday."""


def expand(table: LifeTable, *, ages: bool = True, years: bool = True) -> LifeTable:
    """Return the table in single years of age and in calendar years (see `LifeTable.expand`)."""
    if not (ages or years):
        raise OptionError("expand() needs ages=True or years=True; otherwise there is nothing to do.")
    if table.extended.any():
        raise OptionError(
            "expand() comes before extend(): carried cells are no mortality that a curve should follow."
        )
    if ages:
        table = _single_ages(table)
    return _calendar_years(table) if years else table


def _single_ages(table: LifeTable) -> LifeTable:
    if table.age_rule != "birthday":
        raise OptionError(
            "expand(ages=True) works on ages that begin on birthdays; this table has ages of a fixed number of "
            "days (days_per_year= or age_unit='days')."
        )
    starts = table.age_starts
    whole = starts[starts % 1 == 0]
    if whole.size < 3 or whole[0] != 0 or not np.isin(starts[starts > 1], whole).all():
        raise OptionError(
            "expand(ages=True) needs a table that begins at birth, has at least three cells of whole years, and "
            "is finer than a year in infancy only."
        )
    infancy = starts[starts < 1]
    if whole[1] != 1:
        raise OptionError(
            "expand(ages=True) needs a cell for the first year of life: how many die in infancy and how many "
            "later in childhood cannot be told apart in one group."
        )
    last = int(whole[-1])
    if last == whole.size - 1:
        return table  # every age is single already
    n_strata, _, n_years = table.rates.shape
    curves = table.rates.transpose(0, 2, 1).reshape(n_strata * n_years, starts.size)
    parts = np.diff(np.append(infancy, 1.0))
    first_year = curves[:, : infancy.size] @ parts
    wide = np.column_stack([first_year, curves[:, infancy.size :]])
    closed = wide[:, :-1]
    single = np.arange(last, dtype=np.float64)
    group = np.searchsorted(whole[:-1], single, side="right") - 1
    exposure = None
    for _ in range(EXPOSURE_ROUNDS):
        hazards = graduate(closed, group, age_scale(single), exposure)
        exposure = _person_time(hazards)
    rates = np.column_stack([curves[:, : infancy.size], hazards[:, 1:], wide[:, -1:]])
    ages = np.concatenate([infancy, np.arange(1, last + 1)])
    return _rebuilt(
        table,
        rates=rates.reshape(n_strata, n_years, ages.size).transpose(0, 2, 1),
        age_starts=ages,
        step={"expanded": "ages", "from_cells": int(whole.size), "to_cells": last + 1, "method": METHOD},
    )


def _person_time(hazards: FloatArray) -> FloatArray:
    """Return the person-years lived at each single age by one person born, at yearly hazards."""
    known = np.nan_to_num(hazards) * DAYS_PER_YEAR
    before = np.exp(-(np.cumsum(known, axis=1) - known))
    with np.errstate(divide="ignore", invalid="ignore"):
        within = np.where(known > 0, -np.expm1(-known) / known, 1.0)
    return np.asarray(before * within)


def _calendar_years(table: LifeTable) -> LifeTable:
    edges = np.append(table.year_starts, table.year_end)
    if edges[0] <= BEFORE_ALL or edges[-1] >= AFTER_ALL:
        raise OptionError(
            "expand(years=True) comes before extend(): an open end has no middle to graduate to."
        )
    first_year, last_year = (int(year) for year in year_of(np.array([edges[0], edges[-1] - 1])))
    januaries = first_of_january(np.arange(first_year, last_year + 2, dtype=np.float64))
    inside = januaries[(januaries > edges[0]) & (januaries < edges[-1])]
    fine = np.union1d(edges, inside)
    if fine.size == edges.size:
        return table  # no cell holds a 1 January
    length = np.diff(fine).astype(np.float64)
    middle = (fine[:-1] + length / 2) / DAYS_PER_YEAR
    group = np.searchsorted(edges, fine[:-1], side="right") - 1
    n_strata, n_ages, n_wide = table.rates.shape
    if n_wide == 1:
        raise OptionError(
            "expand(years=True) needs at least two calendar cells: one says nothing of a trend."
        )
    hazards = graduate(table.rates.reshape(-1, n_wide), group, middle, length)
    # Two parts of one calendar year become that year; a part at either end of the table stays a part.
    kept = np.union1d(inside, edges[[0, -1]])
    year = np.searchsorted(kept, fine[:-1], side="right") - 1
    first = np.searchsorted(year, np.arange(kept.size - 1))
    rates = np.add.reduceat(hazards * length, first, axis=1) / np.add.reduceat(length, first)
    return _rebuilt(
        table,
        rates=rates.reshape(n_strata, n_ages, kept.size - 1),
        year_starts=kept[:-1],
        step={"expanded": "years", "from_cells": n_wide, "to_cells": int(kept.size - 1), "method": METHOD},
    )


def split_infancy(table: LifeTable, shares: Sequence[float] | pd.DataFrame) -> LifeTable:
    """Return the table with the first year of life in three cells (see `LifeTable.split_infancy`)."""
    if table.age_rule != "birthday":
        raise OptionError(
            "split_infancy() works on ages that begin on birthdays; this table has ages of a fixed number of days."
        )
    if table.age_starts[0] != 0 or (table.age_starts.size > 1 and table.age_starts[1] != 1):
        raise OptionError("split_infancy() needs a table with one cell from birth to the first birthday.")
    parts = _shares_by_stratum(table, shares)
    dying = -np.expm1(-table.rates[:, 0, :] * DAYS_PER_YEAR)
    dead = np.cumsum(parts, axis=1)[:, :, None] * dying[:, None, :]
    alive = np.concatenate([np.ones_like(dead[:, :1]), 1.0 - dead], axis=1)
    days = np.diff(np.append(np.array(INFANCY_CUTS, dtype=np.float64), DAYS_PER_YEAR))
    with np.errstate(divide="ignore"):
        hazards = -np.diff(np.log(alive), axis=1) / days[:, None]
    carried = np.repeat(table.extended[:, :1, :], len(INFANCY_CUTS), axis=1)
    return _rebuilt(
        table,
        rates=np.concatenate([hazards, table.rates[:, 1:, :]], axis=1),
        age_starts=np.concatenate([np.array(INFANCY_CUTS) / DAYS_PER_YEAR, table.age_starts[1:]]),
        extended=np.concatenate([carried, table.extended[:, 1:, :]], axis=1),
        step={
            "infancy": "split by shares of infant deaths",
            "cells": "under 1 week, 1-3 weeks, 4 weeks to the first birthday",
            "shares": [tuple(round(float(share), 6) for share in row) for row in np.unique(parts, axis=0)],
        },
    )


SHARE_COLUMNS = ("under_1_week", "weeks_1_to_3", "months_1_to_11")


def _shares_by_stratum(table: LifeTable, shares: Sequence[float] | pd.DataFrame) -> FloatArray:
    """Return the three shares of each stratum, checked; shape ``(n_strata, 3)``."""
    if isinstance(shares, pd.DataFrame):
        keys = [name for name in (*table.by, "sex") if name in shares.columns]
        with asking("split_infancy(shares)"):
            require_columns(shares.columns, [*SHARE_COLUMNS])
        if keys and shares.duplicated(keys).any():
            raise LifeTableError(
                f"split_infancy(): the shares of one stratum stand in {rows_where(shares.duplicated(keys))} again."
            )
        if not keys and len(shares) != 1:
            raise LifeTableError(
                f"split_infancy(): {len(shares)} rows of shares but none of the columns "
                f"{', '.join((*table.by, 'sex'))} that would say whose they are."
            )
        joined = (
            table.strata.merge(shares, on=keys, how="left")
            if keys
            else table.strata.merge(shares[[*SHARE_COLUMNS]], how="cross")
        )
        values = joined[[*SHARE_COLUMNS]].to_numpy(np.float64)
        lacking = np.isnan(values).any(axis=1)
        if lacking.any():
            raise LifeTableError(
                f"split_infancy(): {int(lacking.sum())} of {len(table.strata)} strata of the table have no shares. "
                f"Give one row for each {', '.join(keys) or 'stratum'}."
            )
    else:
        try:
            own = np.asarray(shares, dtype=np.float64)
            values = np.broadcast_to(own, (len(table.strata), len(INFANCY_CUTS)))
        except ValueError as error:
            raise OptionError(
                "split_infancy(): shares= takes three numbers, or a DataFrame with a row for each stratum."
            ) from error
    wrong = ~((values >= 0).all(axis=1) & (np.abs(values.sum(axis=1) - 1.0) <= 1e-6))
    if wrong.any():
        raise OptionError(
            f"split_infancy(): the shares of {int(wrong.sum())} strata are not three numbers of 0 or more that add up "
            "to 1: deaths under 1 week, at 1-3 weeks, and from 4 weeks to the first birthday, of all infant deaths."
        )
    return np.asarray(values)


def _rebuilt(
    table: LifeTable,
    *,
    rates: FloatArray,
    step: Mapping[str, Any],
    age_starts: FloatArray | None = None,
    year_starts: IntArray | None = None,
    extended: npt.NDArray[np.bool_] | None = None,
) -> LifeTable:
    return replace(
        table,
        age_starts=table.age_starts if age_starts is None else np.asarray(age_starts, dtype=np.float64),
        year_starts=table.year_starts if year_starts is None else np.asarray(year_starts, dtype=np.int64),
        rates=np.ascontiguousarray(rates),
        extended=np.zeros(rates.shape, dtype=bool) if extended is None else extended,
        provenance=(*table.provenance, {**step, "from_digest": table.digest}),
    )
