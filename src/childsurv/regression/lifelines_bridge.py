"""A fitted Cox model as a fitted object of lifelines, which is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from childsurv.cohort.follow_up import FloatArray
from childsurv.curves.lifelines_bridge import import_lifelines
from childsurv.errors import OptionError, asked
from childsurv.maths.probability import normal_quantile
from childsurv.regression.design_matrix import Design
from childsurv.regression.fitted_arrays import FittedArrays
from childsurv.regression.prediction import Profiles, cumulative_hazards, last_cell_at

if TYPE_CHECKING:
    from childsurv.regression.cox_fit import CoxFit


class LifelinesCovariates:
    """Covariates of new data, in the shape in which fitters of lifelines ask for them."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.mappings = {"beta_": list(design.names)}

    def keys(self) -> Iterator[str]:
        """Return the names of lifelines' parameters."""
        yield from self.mappings

    def transform_df(self, df: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """Return the covariates of the rows of ``df``."""
        # For its plots lifelines turns rows into columns and back, which leaves numbers as objects.
        values = self.design.matrix(df.infer_objects())
        return {"beta_": pd.DataFrame(values, index=df.index, columns=list(self.design.names))}


def cox_fitter(fit: CoxFit, data: pd.DataFrame | None) -> Any:
    """Return a fitted ``CoxPHFitter``; see `CoxFit.to_lifelines`."""
    if fit.offset is not None:
        raise OptionError(f"{asked()}: lifelines has no offset, and this fit has one ({fit.offset!r}).")
    lifelines = import_lifelines()
    from lifelines.fitters.coxph_fitter import SemiParametricPHFitter

    # lifelines names one column by itself, and several as a list.
    strata: Any = list(fit.strata) or None
    if len(fit.strata) == 1:
        strata = fit.strata[0]
    right = lifelines.utils.CensoringType.RIGHT
    model = SemiParametricPHFitter(alpha=1 - fit.level, strata=strata)
    whole = lifelines.CoxPHFitter(alpha=1 - fit.level, strata=strata)
    model._censoring_type = whole._censoring_type = right
    for name, value in {**_estimates(fit), **_rows(fit.arrays), **_baseline(fit.arrays)}.items():
        setattr(model, name, value)
    model.robust = fit.robust
    model._concordance_index_ = fit.concordance().value
    model._central_values = pd.DataFrame()
    if data is not None:
        used = [*fit.arrays.design.variables, *fit.strata]
        model._central_values = model._compute_central_values_of_raw_training_data(data[used], strata)
    model.childsurv_fit = fit
    whole._model = model
    return whole


def _estimates(fit: CoxFit) -> dict[str, Any]:
    """Return what lifelines keeps of the coefficients."""
    arrays = fit.arrays
    terms = pd.Index(fit.terms, name="covariate")
    share = 100 * fit.level
    half = normal_quantile(fit.level) * fit.std_error
    limits = np.column_stack([fit.coef - half, fit.coef + half])
    return {
        "params_": pd.Series(fit.coef.copy(), index=terms, name="coef"),
        "standard_errors_": pd.Series(fit.std_error.copy(), index=terms, name="se"),
        "variance_matrix_": fit.model_covariance,
        "confidence_intervals_": pd.DataFrame(
            limits, index=terms, columns=[f"{share:g}% lower-bound", f"{share:g}% upper-bound"]
        ),
        "log_likelihood_": fit.log_likelihood,
        "_ll_null_": fit.log_likelihood_null,
        "regressors": LifelinesCovariates(arrays.design),
        "formula": arrays.design.formula,
        "model": None,
        "_norm_mean": pd.Series(arrays.mean.copy(), index=terms),
        # lifelines multiplies coefficients by this, but not the covariates, when it computes score residuals.
        "_norm_std": pd.Series(1.0, index=terms),
        "_time_fit_was_called": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S") + " UTC (childsurv)",
        "_batch_mode": None,
    }


def _rows(arrays: FittedArrays) -> dict[str, Any]:
    """Return what lifelines keeps of the rows."""
    follow, index, columns = arrays.follow, arrays.index, arrays.columns
    weights = np.ones(follow.time.size) if follow.weights is None else follow.weights
    kept: dict[str, Any] = {
        "durations": pd.Series(follow.time.astype(np.float64), index, name=columns["time"]),
        "event_observed": pd.Series(follow.event == 1, index, name=columns["event"]),
        "weights": pd.Series(weights.astype(np.float64), index, name=columns["weights"] or "weights"),
        "entries": None,
    }
    if follow.entry is not None:
        kept["entries"] = pd.Series(follow.entry.astype(np.float64), index, name=columns["entry"])
    hazards = pd.DataFrame(
        {"P": np.exp(arrays.linear_predictor)}, index=index
    ).assign(T=kept["durations"].array, E=kept["event_observed"].array, W=kept["weights"].array)  # fmt: skip
    if arrays.strata:
        labels = [follow.groups[name].array.take(follow.group) for name in arrays.strata]
        hazards.index = (
            pd.Index(labels[0], name=arrays.strata[0])
            if len(labels) == 1
            else pd.MultiIndex.from_arrays(labels, names=arrays.strata)
        )
    return {
        **kept,
        "_n_examples": follow.time.size,
        "_predicted_partial_hazards_": hazards,
        "_clusters": arrays.cluster,
        "duration_col": columns["time"],
        "event_col": columns["event"],
        "weights_col": columns["weights"],
        "entry_col": None if follow.entry is None else columns["entry"],
        "cluster_col": columns["cluster"],
    }


def _baseline(arrays: FittedArrays) -> dict[str, Any]:
    """Return the baseline hazards at mean covariates, at all ends of follow-up, one column a stratum."""
    sets, follow = arrays.sets, arrays.follow
    times = np.unique(follow.time.astype(np.float64))
    columns: dict[Any, FloatArray] = {}
    for code in range(follow.n_groups):
        values = np.zeros(times.size)
        if (sets.stratum_code == code).any():
            stratum = np.full(times.size, np.flatnonzero(sets.stratum_code == code)[0])
            profiles = Profiles(
                covariates=np.tile(arrays.mean, (times.size, 1)),
                offset=np.zeros(times.size),
                stratum=stratum,
                cell=last_cell_at(sets, stratum, times),
            )
            values = cumulative_hazards(arrays, profiles)[0]
        label = tuple(follow.groups.iloc[code])
        columns[label[0] if len(label) == 1 else label] = values
    names = list(columns) if arrays.strata else ["baseline cumulative hazard"]
    # A tuple is one label here, not one of several levels.
    labels = pd.Index(names, tupleize_cols=False)
    cumulative = pd.DataFrame(np.column_stack(list(columns.values())), index=times, columns=labels)
    hazards = cumulative.diff().fillna(cumulative.iloc[:1])
    surviving = pd.DataFrame(np.exp(-cumulative.to_numpy()), index=times, columns=labels)
    if not arrays.strata:
        hazards.columns, surviving.columns = pd.Index(["baseline hazard"]), pd.Index(["baseline survival"])
    return {
        "baseline_cumulative_hazard_": cumulative,
        "baseline_hazard_": hazards,
        "baseline_survival_": surviving,
        "timeline": cumulative.index,
    }
