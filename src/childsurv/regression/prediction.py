"""Baseline hazards and predicted survival of a Cox model, with standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import Data, FloatArray, IntArray, frame_of, number_column, require_rows
from childsurv.errors import ColumnError, asked, require_columns
from childsurv.fold.ordered_risk_sets import RiskSets
from childsurv.maths.asked import asked_times
from childsurv.maths.limits import confidence_limits
from childsurv.regression.fitted_arrays import FittedArrays
from childsurv.regression.diagnostics import cell_means

if TYPE_CHECKING:
    from childsurv.regression.cox_fit import CoxFit


def cumulative_hazards(
    arrays: FittedArrays,
    coef: FloatArray,
    *,
    covariates: FloatArray,
    offset: FloatArray,
    stratum: IntArray,
    cell: IntArray,
) -> tuple[FloatArray, FloatArray]:
    """Return cumulative hazards, and their standard errors, of covariate profiles up to event times.

    ``H(t) = exp(lp) sum h_j`` with variance ``exp(2 lp) sum v_j + q' V q``, where ``h_j`` and ``v_j`` sum
    ``1/R`` and ``1/R^2`` over the terms of event time j, and ``q = exp(lp) sum (x - mean_j) h_j``.

    Parameters
    ----------
    arrays, coef
        The fit.
    covariates, offset, stratum
        Of each result: covariates of shape ``(n, p)``, offset, and number of the stratum among those with
        events (any number where there is no cell).
    cell
        Last cell to include of each result, or -1 for none; shape ``(n,)``.
    """
    sets, now = arrays.sets, arrays.hazards
    _, hazard_mean, _ = cell_means(sets, arrays.covariates, now)
    increments = sets.from_stratum_start(now.increment)
    spread = sets.from_stratum_start(sets.over_terms(now.inverse / now.denominator))
    means = sets.from_stratum_start(hazard_mean)
    profile = (covariates.T - arrays.centre[:, stratum]) / arrays.scale[:, None]
    scaled_covariance = arrays.covariance * np.outer(arrays.scale, arrays.scale)
    some = cell >= 0
    # Far outside the data a hazard may overflow to infinity, which is then the answer.
    with np.errstate(over="ignore", invalid="ignore"):
        risk = np.exp((coef * arrays.scale) @ profile + offset - now.shift[stratum])
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
    fit: CoxFit,
    newdata: Data,
    *,
    years: npt.ArrayLike | None,
    times: npt.ArrayLike | None,
    level: float,
    ci: str,
) -> pd.DataFrame:
    """Predict survival of rows of covariates; see `CoxFit.predict_survival`."""
    frame = frame_of(newdata)
    arrays, sets, follow = fit.arrays, fit.arrays.sets, fit.arrays.follow
    used_columns = {*arrays.design.variables, *fit.strata, fit.offset}
    used = [name for name in frame.columns if name in used_columns]
    covariates = arrays.design.matrix(frame)
    offsets = np.zeros(len(frame))
    if fit.offset is not None:
        require_columns(frame.columns, [fit.offset])
        offsets = number_column(frame, fit.offset).astype(np.float64)
    code = _stratum_codes(fit, frame)
    # A stratum without events has no cells: survival stays 1 there as long as anybody is followed.
    stratum = np.minimum(np.searchsorted(sets.stratum_code, code), sets.n_strata - 1)
    has_events = sets.stratum_code[stratum] == code

    if years is None and times is None:
        sizes = np.where(has_events, np.diff(sets.cell_start)[stratum], 0)
        profile = np.repeat(np.arange(len(frame)), sizes)
        within = np.arange(profile.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        cell = sets.cell_start[stratum[profile]] + within
        time = sets.time[cell]
    else:
        requested = asked_times(times, years, in_days=follow.in_days, unit=follow.time_unit)
        profile = np.repeat(np.arange(len(frame)), requested.size)
        time = np.tile(requested, len(frame))
        cell = np.where(has_events[profile], last_cell_at(sets, stratum[profile], time), -1)
    hazard, error = cumulative_hazards(
        arrays,
        fit.coef,
        covariates=covariates[profile],
        offset=offsets[profile],
        stratum=stratum[profile],
        cell=cell,
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


def _stratum_codes(fit: CoxFit, frame: pd.DataFrame) -> IntArray:
    if not fit.strata:
        return np.zeros(len(frame), dtype=np.int64)
    names = list(fit.strata)
    require_columns(frame.columns, names)
    groups = fit.arrays.follow.groups.astype(object)
    groups = groups.assign(code=np.arange(len(groups)))
    code = frame[names].astype(object).merge(groups, how="left", on=names)["code"]
    require_rows(
        code.isna().to_numpy(),
        f"{asked()}: the strata ({', '.join(names)}) are not among those of the fitted data",
        "A stratum has its own baseline hazard, so only fitted ones can be predicted.",
    )
    return code.to_numpy(np.int64)
