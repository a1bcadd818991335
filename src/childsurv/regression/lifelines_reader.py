"""The function `from_lifelines`: fitted objects of lifelines as curves and Cox models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from childsurv.cohort.follow_up import Data, frame_of
from childsurv.curves.curves import Curves
from childsurv.curves.lifelines_bridge import import_lifelines, own_curves
from childsurv.errors import DataError, OptionError, asked, asking, warn
from childsurv.regression.cox import cox
from childsurv.regression.cox_fit import CoxFit
from childsurv.survival.observed import kaplan_meier

SAME_COEFFICIENT = 1e-3
"""Standard errors by which coefficients of lifelines, whose iterations stop early, may differ from ours."""

SAME_SURVIVAL = 1e-9
"""Difference up to which two Kaplan-Meier estimates are one."""


@asking("from_lifelines")
def from_lifelines(fitter: Any, *, data: Data | None = None, time_unit: str = "days") -> Curves | CoxFit:
    """Make curves of a fitted ``KaplanMeierFitter``, or a Cox model of a fitted ``CoxPHFitter``, of lifelines.

    A Kaplan-Meier fitter keeps durations, events, entries and weights, which are estimated again here. A Cox fitter
    keeps no covariates, so the data it was fitted to must be given; the model is fitted to them again and must agree
    with the fitter, to a thousandth of a standard error. A fitter that `Curves.to_lifelines` or `CoxFit.to_lifelines`
    made gives back what it was made of, without data.

    Parameters
    ----------
    fitter
        A fitted ``KaplanMeierFitter`` or ``CoxPHFitter`` of right-censored follow-up.
    data
        For a Cox fitter, the DataFrame that its ``fit`` was given.
    time_unit
        Unit of the times, which lifelines does not keep: "days", "weeks", "months" or "years".

    Returns
    -------
    Curves or CoxFit
        Curves with log-log limits and the fitter's level; a label of the fitter becomes the column ``label``.

    Raises
    ------
    OptionError
        Another kind of object, one that is not fitted, or a model that is not estimated here (left or interval
        censoring, penalties, parametric baselines); a Cox fitter without ``data=``.
    DataError
        ``data=`` gives other coefficients than the fitter has.
    MissingExtraError
        lifelines is not installed.

    Warns
    -----
    ChildsurvWarning
        The survival of a Kaplan-Meier fitter differs: times that differ by rounding only are one here.

    Examples
    --------
    >>> import childsurv as cs
    >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1))
    >>> again = cs.from_lifelines(curves.to_lifelines())
    >>> bool(abs(again.at(years=5)["estimate"][0] - curves.at(years=5)["estimate"][0]) < 1e-12)
    True
    """
    lifelines = import_lifelines()
    if not isinstance(fitter, lifelines.KaplanMeierFitter | lifelines.CoxPHFitter):
        raise OptionError(
            f"{asked()} takes a fitted KaplanMeierFitter or CoxPHFitter of lifelines, not {type(fitter).__name__}."
        )
    # A CoxPHFitter passes all names on to its model, and fails with its own words where there is none yet.
    if "durations" not in vars(vars(fitter).get("_model", fitter)):
        raise OptionError(
            f"{asked()}: this {type(fitter).__name__} has not been fitted to right-censored follow-up."
        )
    if not lifelines.utils.CensoringType.is_right_censoring(fitter):
        raise OptionError(
            f"{asked()}: this {type(fitter).__name__} was fitted to left- or interval-censored times."
        )
    if isinstance(fitter, lifelines.CoxPHFitter):
        return _cox_fit(fitter, data, time_unit)
    return _curves(fitter, time_unit)


def _curves(fitter: Any, time_unit: str) -> Curves:
    own = own_curves(fitter)
    if own is not None:
        return own
    frame = pd.DataFrame(
        {
            "time": np.asarray(fitter.durations),
            "event": np.asarray(fitter.event_observed, dtype=np.int64),
            "weights": np.asarray(fitter.weights),
        }
    )
    entry = None
    if fitter.entry is not None:
        frame["entry"], entry = np.asarray(fitter.entry), "entry"
    weighted = bool((frame["weights"] % 1).any())
    if not weighted:
        # Whole weights are numbers of children.
        frame = frame.loc[frame.index.repeat(frame["weights"].astype(np.int64))]
    labelled = fitter.label != "KM_estimate"
    curves = kaplan_meier(
        frame.assign(label=fitter.label),
        by="label" if labelled else None,
        time="time",
        event="event",
        entry=entry,
        weights="weights" if weighted else None,
        level=1 - fitter.alpha,
        time_unit=time_unit,
    )
    theirs = fitter.survival_function_
    ours = curves.at(times=theirs.index.to_numpy())["estimate"].to_numpy()
    differ = ~(np.abs(theirs.iloc[:, 0].to_numpy() - ours) <= SAME_SURVIVAL)
    if differ.any():
        warn(
            f"{asked()}: survival differs from the fitter's at {int(differ.sum())} of {differ.size} times. "
            "Times that differ by rounding only are one time here, and several in lifelines."
        )
    return curves


def _cox_fit(fitter: Any, data: Data | None, time_unit: str) -> CoxFit:
    model = fitter._model
    own = getattr(model, "childsurv_fit", None)
    if isinstance(own, CoxFit):
        return own
    if fitter.baseline_estimation_method != "breslow" or np.any(np.asarray(fitter.penalizer) != 0):
        raise OptionError(
            f"{asked()} takes Cox models with a Breslow baseline and without a penalty; this fitter has "
            f"baseline_estimation_method={fitter.baseline_estimation_method!r} and penalizer={fitter.penalizer}."
        )
    if data is None:
        raise OptionError(
            f"{asked()}: lifelines keeps no covariates of the rows that a CoxPHFitter was fitted to, and residuals, "
            "baseline hazards and standard errors of predictions need them. Give data=, the DataFrame of its fit()."
        )
    frame = frame_of(data)
    event = model.event_col
    if event is None:
        event = "every row has an event"
        frame = frame.assign(**{event: 1})
    formula = model.formula if isinstance(model.formula, str) else list(model.regressors.mappings["beta_"])
    fit = cox(
        frame,
        formula,
        time=model.duration_col,
        event=event,
        entry=model.entry_col,
        strata=model.strata,
        cluster=model.cluster_col,
        weights=model.weights_col,
        robust=bool(model.robust),
        level=1 - fitter.alpha,
        time_unit=time_unit,
    )
    theirs = model.params_
    same = set(theirs.index) == set(fit.terms)
    if not same or (np.abs(fit.coef - theirs[list(fit.terms)]) > SAME_COEFFICIENT * fit.std_error).any():
        raise DataError(
            f"{asked()}: data= gives other coefficients than the fitter has. Give the DataFrame of its fit(), "
            "unchanged."
        )
    return fit
