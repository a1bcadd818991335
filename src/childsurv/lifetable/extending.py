"""Carry a life table on beyond its calendar cells, and put tables together on the union of their cuts.

Every function returns a new table whose ``provenance`` names the step; a table is never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import LifeTableError, OptionError
from childsurv.lifetable.cells import AFTER_ALL, BEFORE_ALL
from childsurv.maths.calendar import DAYS_PER_YEAR, first_of_january, year_of

if TYPE_CHECKING:
    from childsurv.lifetable.table import LifeTable

IntArray = npt.NDArray[np.int64]


def extend_by_last(table: LifeTable) -> LifeTable:
    """Return the table with the nearest cell carried on at both ends and into gaps (see `LifeTable.extend`)."""
    # An end that is open already needs no further cell, so that extending twice is extending once.
    pads = (int(table.year_starts[0] > BEFORE_ALL), int(table.year_end < AFTER_ALL))
    rates = np.pad(table.rates, ((0, 0), (0, 0), pads), constant_values=np.nan)
    known = ~np.isnan(rates)
    place = np.arange(rates.shape[2])
    before = np.maximum.accumulate(np.where(known, place, -1), axis=2)
    after = np.minimum.accumulate(np.where(known, place, rates.shape[2])[:, :, ::-1], axis=2)[:, :, ::-1]
    nearest = np.where(before >= 0, before, after)
    filled = nearest < rates.shape[2]
    values = np.take_along_axis(rates, np.where(filled, nearest, 0), axis=2)
    starts = np.concatenate([[BEFORE_ALL][: pads[0]], table.year_starts, [table.year_end][: pads[1]]])
    return replace(
        table,
        rates=np.where(filled, values, np.nan),
        extended=np.pad(table.extended, ((0, 0), (0, 0), pads)) | (~known & filled),
        year_starts=starts.astype(np.int64),
        year_end=AFTER_ALL,
        provenance=(*table.provenance, {"extended": "last"}),
    )


def extend_by_trend(table: LifeTable, *, until: int, over: int) -> LifeTable:
    """Return the table carried on by its own trend to the end of a year (see `LifeTable.extend`)."""
    if table.year_end >= AFTER_ALL or table.year_starts[0] <= BEFORE_ALL:
        raise OptionError(
            "extend('trend') comes before extend('last'): an open table has no end to carry on from."
        )
    if not isinstance(over, int) or over < 2:
        raise OptionError("extend('trend', over=) takes a number of years of 2 or more.")
    end = int(first_of_january(np.array([until + 1.0]))[0])
    if end <= table.year_end and not np.isnan(table.rates[:, :, -1]).all(axis=1).any():
        raise OptionError(f"extend('trend', until={until}): the table already covers that year.")
    # A stratum that ends earlier than others is carried on from its own end.
    last_cells = _last_cells(table)
    parts = [_until_cell(table, last_cells == last, int(last)) for last in np.unique(last_cells)]
    carried = [
        (part, 0) if part.year_end >= end else _carried_by_trend(part, end=end, over=over) for part in parts
    ]
    flat = sum(count for _, count in carried)
    joined = concat_life_tables([part for part, _ in carried])
    step = {
        "extended": "trend",
        "method": f"log-linear trend of the last {over} years in each stratum and age, from the stratum's own end",
        "until": until,
        "cells_without_trend": flat,
        "from_digest": table.digest,
    }
    return replace(joined, source=table.source, provenance=(*table.provenance, step))


def _carried_by_trend(table: LifeTable, *, end: int, over: int) -> tuple[LifeTable, int]:
    """Return strata of one end carried on to a day, and how many cells had no trend."""
    # The part of a calendar year that the table leaves open begins the first new cell.
    first = table.year_end
    last_year = int(year_of(np.array([first - 1]))[0])
    new_years = np.arange(last_year + 1, int(year_of(np.array([end]))[0]))
    starts = np.concatenate([[first], first_of_january(new_years.astype(np.float64))])
    starts = np.unique(starts[(starts >= first) & (starts < end)]).astype(np.int64)
    edges = np.append(table.year_starts, table.year_end)
    middle = (edges[:-1] + edges[1:]) / 2 / DAYS_PER_YEAR
    used = edges[1:] > edges[-1] - over * DAYS_PER_YEAR
    if used.sum() < 2:
        raise LifeTableError(
            f"extend('trend', over={over}): only {int(used.sum())} calendar cell lies in the last {over} years, and a "
            "trend needs two. Use a larger over=, or expand() the table first."
        )
    recent = table.rates[:, :, used]
    usable = np.asarray((recent > 0).all(axis=2))
    logs = np.log(np.where(usable[:, :, None], recent, 1.0))
    centred = middle[used] - middle[used].mean()
    slope = np.where(usable, (logs @ centred) / (centred @ centred), 0.0)
    new_middle = (starts + np.append(starts[1:], end)) / 2 / DAYS_PER_YEAR
    last = table.rates[:, :, -1]
    carried = last[:, :, None] * np.exp(slope[:, :, None] * (new_middle - middle[-1]))
    flat = int((~usable & np.isfinite(last)).sum())
    longer = replace(
        table,
        year_starts=np.concatenate([table.year_starts, starts]),
        year_end=end,
        rates=np.concatenate([table.rates, carried], axis=2),
        extended=np.concatenate([table.extended, np.isfinite(carried)], axis=2),
    )
    return longer, flat


def _last_cells(table: LifeTable) -> IntArray:
    """Return the last calendar cell in which each stratum has a value."""
    known: npt.NDArray[np.bool_] = np.asarray(~np.isnan(table.rates).all(axis=1))
    return np.asarray(known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1))


def _until_cell(table: LifeTable, chosen: npt.NDArray[np.bool_], last: int) -> LifeTable:
    """Return some strata up to a calendar cell."""
    starts = np.append(table.year_starts, table.year_end)
    return replace(
        table,
        strata=table.strata[chosen].reset_index(drop=True),
        year_starts=table.year_starts[: last + 1],
        year_end=int(starts[last + 1]),
        rates=table.rates[chosen][:, :, : last + 1],
        extended=table.extended[chosen][:, :, : last + 1],
    )


def concat_life_tables(tables: Sequence[LifeTable]) -> LifeTable:
    """Put life tables together, for example one a country, on the union of their cuts.

    A constant hazard stays constant when its cell is cut, so no value changes.

    Parameters
    ----------
    tables
        Tables with the same ``by`` and the same rule for age cells.

    Returns
    -------
    LifeTable

    Raises
    ------
    LifeTableError
        Different strata columns or rules, or a stratum that occurs twice.

    Examples
    --------
    >>> import childsurv as cs
    >>> table = cs.demo.life_table()
    >>> cs.concat_life_tables([table]).digest == table.digest
    True
    """
    parts = list(tables)
    if not parts:
        raise OptionError("concat_life_tables() needs at least one table.")
    if len({(part.by, part.age_rule, part.calendar_rule) for part in parts}) > 1:
        raise LifeTableError(
            "The life tables differ in their strata columns or in where age cells begin (birthdays or fixed "
            "days); build them with the same by=, age_unit= and days_per_year=, or give them one rule with "
            "with_look_up()."
        )
    lengths = {part.days_per_year for part in parts}
    strata = pd.concat([part.strata for part in parts], ignore_index=True)
    if strata.duplicated().any():
        raise LifeTableError(
            f"{int(strata.duplicated().sum())} strata occur in more than one life table: it is not clear "
            "which to use. Give each stratum once."
        )
    mixed = [name for name in parts[0].by if pd.api.types.infer_dtype(strata[name]).startswith("mixed")]
    if mixed:
        raise LifeTableError(
            f"The life tables label {', '.join(mixed)} with text in one and numbers in another; give them "
            "labels of one kind."
        )
    ages = np.unique(np.concatenate([part.age_starts for part in parts]))
    edges = np.unique(np.concatenate([np.append(part.year_starts, part.year_end) for part in parts]))
    years = edges[:-1].astype(np.int64)
    rates = np.full((len(strata), ages.size, years.size), np.nan)
    extended = np.zeros(rates.shape, dtype=bool)
    row = 0
    for part in parts:
        age_of = np.searchsorted(part.age_starts, ages, side="right") - 1
        year_of = np.searchsorted(part.year_starts, years, side="right") - 1
        inside = (year_of >= 0) & (years < part.year_end)
        rows = slice(row, row + len(part.strata))
        picked = part.rates[:, np.maximum(age_of, 0), :][:, :, np.maximum(year_of, 0)]
        covered = (age_of >= 0)[:, None] & inside[None, :]
        rates[rows] = np.where(covered, picked, np.nan)
        extended[rows] = covered & part.extended[:, np.maximum(age_of, 0), :][:, :, np.maximum(year_of, 0)]
        row += len(part.strata)
    order = strata.sort_values(list(strata.columns)).index.to_numpy()
    sources = list(dict.fromkeys(part.source for part in parts))
    return replace(
        parts[0],
        strata=strata.iloc[order].reset_index(drop=True),
        age_starts=ages,
        year_starts=years,
        year_end=int(edges[-1]),
        rates=rates[order],
        extended=extended[order],
        source="; ".join(sources),
        provenance=tuple(step for part in parts for step in part.provenance),
        days_per_year=parts[0].days_per_year if len(lengths) == 1 else None,
    )
