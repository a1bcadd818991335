"""Build the life table that children need from the one there is: single ages, calendar years, parts of infancy.

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
from childsurv.maths.calendar import DAYS_PER_YEAR, first_of_january, year_of
from childsurv.maths.running import ratio

if TYPE_CHECKING:
    from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

METHOD = "the log hazard with the least integrated squared second derivative that gives every wide cell its own rate"
"""How `expand` finds the rates of narrow cells."""

RIDGE = 1e-7
"""Keeps each step finite where the penalty leaves a direction free; it changes the steps, not the solution."""

LARGEST_STEP = 1.0
CONVERGED = 1e-10
MOST_STEPS = 200

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
            "expand(ages=True) needs a cell for the first year of life: one group does not "
            "tell deaths in infancy from later ones."
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
    """Return the person-years lived at each single age by one newborn, from hazards per day."""
    known = np.nan_to_num(hazards) * DAYS_PER_YEAR
    before = np.exp(-(np.cumsum(known, axis=1) - known))
    return np.asarray(before * ratio(-np.expm1(-known), known, otherwise=1.0))


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
        raise OptionError("expand(years=True) needs at least two calendar cells: one alone has no trend.")
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
                f"split_infancy(): the shares of a stratum are repeated in {rows_where(shares.duplicated(keys))}."
            )
        if not keys and len(shares) != 1:
            raise LifeTableError(
                f"split_infancy(): {len(shares)} rows of shares but none of the columns "
                f"{', '.join((*table.by, 'sex'))} that would name their strata."
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


def age_scale(age: FloatArray) -> FloatArray:
    """Return ``u = log(1 + age) + age / 10``, on which the log hazard of a population bends evenly.

    Mortality falls like a power of age after birth and later changes exponentially with age; the two terms
    let the curve bend where it does. Chosen on single-year tables of Belarus, Russia and Ukraine among scales
    of this form; the result depends little on the numbers.
    """
    return np.asarray(np.log1p(age) + age / 10)


def graduate(
    rates: FloatArray, group: IntArray, scale: FloatArray, weights: FloatArray | None = None
) -> FloatArray:
    r"""Return hazards of narrow cells whose weighted mean in each wide cell is the wide cell's rate.

    ``minimise the integral of (d^2 log h / du^2)^2 subject to sum(w_i h_i) / sum(w_i) = rate of the cell``,

    the sums being over the narrow cells of one wide cell. Solved by Newton's method on the equality
    constraints. A wide cell with rate 0 stays 0 in all its narrow cells, and one without a value stays
    without; neither bends its neighbours.

    Parameters
    ----------
    rates
        Of the wide cells, shape ``(n_curves, n_wide)``.
    group
        Wide cell of each narrow cell, ascending, shape ``(n_narrow,)``.
    scale
        Coordinate of each narrow cell, ascending, shape ``(n_narrow,)``.
    weights
        Share of exposure of each narrow cell, shape ``(n_narrow,)`` or ``(n_curves, n_narrow)``; equal unless
        given.

    Returns
    -------
    ndarray of shape (n_curves, n_narrow)

    References
    ----------
    Rizzi S, Gampe J, Eilers PHC. Efficient estimation of smooth distributions from coarsely grouped data.
    Am J Epidemiol 2015;182:138-147. doi:10.1093/aje/kwv020 (the idea: a smooth log rate behind grouped ones;
    here each group's rate is met exactly instead of by a Poisson likelihood)
    """
    n_curves, n_wide = rates.shape
    usable = np.isfinite(rates) & (rates > 0)
    weights = np.broadcast_to(np.ones(group.size) if weights is None else weights, (n_curves, group.size))
    first = np.searchsorted(group, np.arange(n_wide))
    weights = weights / np.add.reduceat(weights, first, axis=1)[:, group]
    hazards = rates[:, group].copy()
    # Curves that lack the same wide cells are solved together; most tables lack none.
    patterns, which = np.unique(usable, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if pattern.sum() == 0:
            continue
        curves = np.flatnonzero(np.ravel(which) == number)
        smooth = _smoothest(rates[curves], group, scale, weights[curves], np.flatnonzero(pattern))
        own = pattern[group]
        hazards[np.ix_(curves, own)] = smooth[:, own]
    return hazards


def _smoothest(
    rates: FloatArray, group: IntArray, scale: FloatArray, weights: FloatArray, usable: IntArray
) -> FloatArray:
    """Solve for curves that have the same wide cells with a rate above 0."""
    if usable.size == 1:
        return np.broadcast_to(rates[:, usable], (rates.shape[0], group.size)).copy()
    target = rates[:, usable]
    starts = np.searchsorted(group, usable)
    stops = np.searchsorted(group, usable, side="right")
    middle = np.array([scale[low:high].mean() for low, high in zip(starts, stops, strict=True)])
    theta = np.stack([np.interp(scale, middle, np.log(row)) for row in target])
    penalty = _roughness(scale)
    ridge = RIDGE * np.trace(penalty) / group.size
    inverse = np.linalg.inv(penalty + ridge * np.eye(group.size))
    member = np.zeros((usable.size, group.size))
    for place, (low, high) in enumerate(zip(starts, stops, strict=True)):
        member[place, low:high] = 1.0
    for _ in range(MOST_STEPS):
        part = np.exp(theta) * weights
        fitted = part @ member.T
        # Relative constraints: every row of the Jacobian then has about the size of one.
        slope = member[None] * (part[:, None, :] / target[:, :, None])
        miss = 1.0 - fitted / target
        downhill = -(theta @ penalty) @ inverse
        spread = slope @ inverse
        normal = spread @ slope.transpose(0, 2, 1)
        pull = np.linalg.solve(normal, (miss - (slope @ downhill[:, :, None])[:, :, 0])[:, :, None])
        step = downhill + (spread.transpose(0, 2, 1) @ pull)[:, :, 0]
        largest = np.abs(step).max(axis=1)
        theta = theta + step * np.minimum(1.0, LARGEST_STEP / np.maximum(largest, LARGEST_STEP))[:, None]
        if largest.max() < CONVERGED:
            break
    else:
        raise LifeTableError(
            f"{int((largest >= CONVERGED).sum()):,} of {rates.shape[0]:,} curves of the life table could not "
            "be expanded: neighbouring rates differ too wildly for one smooth curve. Run check_life_table() "
            "on the table, and keep its cells as they are if the rates are right."
        )
    part = np.exp(theta)
    # What is left of the constraint is rounding; it goes into the level of each wide cell.
    fitted = (part * weights) @ member.T
    return np.asarray(part * ((target / fitted) @ member + (1.0 - member.sum(axis=0))))


def _roughness(scale: FloatArray) -> FloatArray:
    """Return the matrix of the integral of the squared second derivative, by divided differences."""
    gaps = np.diff(scale)
    rows = np.arange(scale.size - 2)
    second = np.zeros((rows.size, scale.size))
    second[rows, rows] = 1 / gaps[:-1]
    second[rows, rows + 1] = -1 / gaps[:-1] - 1 / gaps[1:]
    second[rows, rows + 2] = 1 / gaps[1:]
    second /= np.sqrt((gaps[:-1] + gaps[1:]) / 2)[:, None]
    return second.T @ second
