"""Baseline hazards and predicted survival of a Cox model, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from childsurv.cohort.follow_up import FloatArray, IntArray, number_column, require_rows
from childsurv.errors import ColumnError, asked, require_columns
from childsurv.fold.risk_sets import RiskSets
from childsurv.maths.limits import confidence_limits
from childsurv.regression.diagnostics import cell_means
from childsurv.regression.fitted_arrays import FittedArrays


@dataclass(frozen=True, eq=False, repr=False)
class Profiles:
    """Covariate profiles, of which each is followed up to an event time."""

    covariates: FloatArray
    """Shape ``(n, p)``."""
    offset: FloatArray
    """Shape ``(n,)``, as are the following."""
    stratum: IntArray
    """Number of the stratum among those with events (any number where there is no cell)."""
    cell: IntArray
    """Last cell to include, or -1 for none."""


def cumulative_hazards(arrays: FittedArrays, profiles: Profiles) -> tuple[FloatArray, FloatArray]:
    """Return cumulative hazards, and their standard errors, of profiles up to event times.

    ``H(t) = exp(lp) sum h_j`` with variance ``exp(2 lp) sum v_j + q' V q``, where ``h_j`` and ``v_j`` sum
    ``1/R`` and ``1/R^2`` over the terms of event time j, and ``q = exp(lp) sum (x - mean_j) h_j``.
    """
    sets, now = arrays.sets, arrays.hazards
    stratum, cell = profiles.stratum, profiles.cell
    _, hazard_mean, _ = cell_means(sets, arrays.covariates, now)
    increments = sets.from_stratum_start(now.increment)
    spread = sets.from_stratum_start(sets.over_terms(now.inverse / now.denominator))
    means = sets.from_stratum_start(hazard_mean)
    profile = (profiles.covariates.T - arrays.centre[:, stratum]) / arrays.scale[:, None]
    scaled_covariance = arrays.covariance * np.outer(arrays.scale, arrays.scale)
    some = cell >= 0
    # Far outside the data a hazard may overflow to infinity, which is then the answer.
    with np.errstate(over="ignore", invalid="ignore"):
        risk = np.exp((arrays.coef * arrays.scale) @ profile + profiles.offset - now.shift[stratum])
        baseline = np.where(some, increments[cell], 0.0)
        slope = profile * baseline - np.where(some, means[:, cell], 0.0)
        variance = np.where(some, spread[cell], 0.0)
        variance = variance + np.einsum("in,ij,jn->n", slope, scaled_covariance, slope, optimize=True)
        return np.where(some, risk * baseline, 0.0), np.where(some, risk * np.sqrt(variance), 0.0)


def last_cell_at(sets: RiskSets, stratum: IntArray, time: FloatArray) -> IntArray:
    """Return the last cell of each stratum at or before a time, -1 where there is none."""
    is_cell = np.concatenate([np.ones(sets.n_cells, dtype=bool), np.zeros(time.size, dtype=bool)])
    # One sort of cells and times together, cells first where equal, is a search within every stratum at once.
    order = np.lexsort(
        (~is_cell, np.concatenate([sets.time, time]), np.concatenate([sets.cell_stratum, stratum]))
    )
    counts = np.empty(order.size, dtype=np.int64)
    counts[order] = np.cumsum(is_cell[order])
    last = counts[sets.n_cells :] - 1
    return np.where(last >= sets.cell_start[stratum], last, -1)


def predict_survival(
    arrays: FittedArrays, frame: pd.DataFrame, requested: FloatArray | None, *, level: float, ci: str
) -> pd.DataFrame:
    """Predict survival of rows of covariates at requested times; see `CoxFit.predict_survival`.

    Parameters
    ----------
    arrays
        The fit.
    frame
        Covariates, strata and offset.
    requested
        Times in the unit of follow-up, or ``None`` for the event times of each row's stratum.
    level, ci
        Of the limits.
    """
    sets, follow = arrays.sets, arrays.follow
    used_columns = {*arrays.design.variables, *arrays.strata, arrays.offset}
    used = [name for name in frame.columns if name in used_columns]
    covariates = arrays.design.matrix(frame)
    offsets = np.zeros(len(frame))
    if arrays.offset is not None:
        require_columns(frame.columns, [arrays.offset])
        offsets = number_column(frame, arrays.offset).astype(np.float64)
    code = _stratum_codes(arrays, frame)
    # A stratum without events has no cells: survival stays 1 there as long as a row is followed.
    stratum = np.minimum(np.searchsorted(sets.stratum_code, code), sets.n_strata - 1)
    has_events = sets.stratum_code[stratum] == code

    if requested is None:
        sizes = np.where(has_events, np.diff(sets.cell_start)[stratum], 0)
        profile = np.repeat(np.arange(len(frame)), sizes)
        within = np.arange(profile.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        cell = sets.cell_start[stratum[profile]] + within
        time = sets.time[cell]
    else:
        profile = np.repeat(np.arange(len(frame)), requested.size)
        time = np.tile(requested, len(frame))
        cell = np.where(has_events[profile], last_cell_at(sets, stratum[profile], time), -1)
    hazard, error = cumulative_hazards(
        arrays, Profiles(covariates[profile], offsets[profile], stratum[profile], cell)
    )
    last_seen = np.zeros(follow.n_groups)
    np.maximum.at(last_seen, follow.group, follow.time.astype(np.float64))
    survival = np.exp(-hazard)
    lower, upper = confidence_limits(survival, error**2, kind=ci, level=level, bounded=True)
    numbers = {"estimate": survival, "std_error": survival * error, "lower": lower, "upper": upper}
    clash = [name for name in used if name in {"profile", "time", *numbers}]
    if clash:
        raise ColumnError(
            f"{asked()}: {', '.join(map(repr, clash))} would be columns of the result twice; rename them "
            "before fitting."
        )
    table = frame[used].iloc[profile].reset_index(drop=True)
    table.insert(0, "profile", profile + 1)
    table["time"] = time
    past = time > last_seen[code[profile]]
    for name, values in numbers.items():
        table[name] = np.where(past, np.nan, values)
    return table


def _stratum_codes(arrays: FittedArrays, frame: pd.DataFrame) -> IntArray:
    names = arrays.strata
    if not names:
        return np.zeros(len(frame), dtype=np.int64)
    require_columns(frame.columns, names)
    groups = arrays.follow.groups.astype(object)
    groups = groups.assign(code=np.arange(len(groups)))
    code = frame[names].astype(object).merge(groups, how="left", on=names)["code"]
    require_rows(
        code.isna().to_numpy(),
        f"{asked()}: the strata ({', '.join(names)}) are not among those of the fitted data",
        "Each stratum has a separate baseline hazard, so only fitted strata can be predicted.",
    )
    return code.to_numpy(np.int64)
