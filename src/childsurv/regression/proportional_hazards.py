"""The score test of proportional hazards, whether a coefficient changes with a function of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import FloatArray, TimeArray
from childsurv.compare.ranks import TestResult
from childsurv.errors import DataError, OptionError, require_choice
from childsurv.fold.ordered_risk_sets import RiskSets, build_risk_sets
from childsurv.maths.probability import chi_squared_p_value
from childsurv.regression.kernel import Hazards, time_weighted_information
from childsurv.regression.diagnostics import schoenfeld_residuals

TRANSFORMS = ("km", "rank", "identity", "log")

Transform: TypeAlias = str | Callable[[FloatArray], npt.ArrayLike]


def transformed_time(
    transform: Transform,
    time: TimeArray,
    event: npt.NDArray[np.bool_],
    entry: TimeArray | None,
) -> FloatArray:
    """Return g(time) for every row: 1 - Kaplan-Meier (all strata) just before it, rank, itself or log."""
    values = time.astype(np.float64)
    result: FloatArray
    if callable(transform):
        result = np.asarray(transform(values), dtype=np.float64)
        if result.shape != values.shape:
            raise OptionError("transform= must return one number for each time that it is given.")
    elif require_choice(transform, TRANSFORMS, argument="transform") == "identity":
        result = values
    elif transform == "rank":
        result = np.asarray(pd.Series(values).rank(), dtype=np.float64)
    elif transform == "log":
        with np.errstate(divide="ignore"):
            result = np.log(values)
    else:
        stratum = np.zeros(time.size, dtype=np.int64)
        sets = build_risk_sets(time, event, entry=entry, weights=None, stratum=stratum, ties="breslow")
        at_risk = sets.at_risk(sets.weights)
        survival = np.concatenate([[1.0], np.cumprod(1.0 - sets.deaths / at_risk)])
        result = 1.0 - survival[np.searchsorted(sets.time, values, side="left")]
    if not np.isfinite(result[event]).all():
        raise DataError(
            f"transform={transform!r} is not finite at {int((~np.isfinite(result[event])).sum()):,} events "
            '(the log of time 0?). Use transform="km" or "rank".'
        )
    return result


def score_test(
    sets: RiskSets,
    covariates: FloatArray,
    now: Hazards,
    information: FloatArray,
    *,
    transformed: FloatArray,
    terms: Sequence[tuple[str, slice]],
    transform: str,
) -> TestResult:
    """Test whether ``coef + theta g(t)`` has theta 0, for each term alone and for all together.

    The score of theta is the sum over events of g(t) times the Schoenfeld residual, and its variance is the
    information of theta left after the coefficients. ``transformed`` holds g at each event, ordered by cell.
    """
    centred = transformed - transformed.mean()
    per_cell = np.empty(sets.n_cells)
    per_cell[sets.dead_cell] = centred
    residuals = schoenfeld_residuals(sets, covariates, now) * sets.weights[sets.dead]
    score = residuals @ centred
    once = time_weighted_information(sets, covariates, now, per_cell)
    twice = time_weighted_information(sets, covariates, now, per_cell**2)
    variance = twice - once @ np.linalg.solve(information, once)

    def statistic(part: slice) -> float:
        return float(score[part] @ np.linalg.solve(variance[part, part], score[part]))

    table = pd.DataFrame(
        {
            "term": [*(name for name, _ in terms), "GLOBAL"],
            "statistic": [*(statistic(part) for _, part in terms), statistic(slice(None))],
            "df": [*(part.stop - part.start for _, part in terms), covariates.shape[0]],
        }
    )
    table["p_value"] = chi_squared_p_value(table["statistic"].to_numpy(), table["df"].to_numpy())
    overall = table.iloc[-1]
    return TestResult(
        f"proportional hazards ({transform} time)",
        float(overall["statistic"]),
        int(overall["df"]),
        float(overall["p_value"]),
        table,
    )
