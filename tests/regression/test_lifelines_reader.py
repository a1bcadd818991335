"""Curves and Cox models from fitters of lifelines."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort
from childsurv.demo import cohort as demo_cohort
from childsurv.errors import ChildsurvWarning, DataError, OptionError
from childsurv.regression.cox import cox
from childsurv.regression.lifelines_reader import from_lifelines
from childsurv.survival.observed import kaplan_meier

FOLLOW = {"time": "time", "event": "event"}

# lifelines warns of pandas' and NumPy's changes.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error::childsurv.ChildsurvWarning"),
]


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return demo_cohort(patients=800, seed=4)


def test_kaplan_meier_of_lifelines(lifelines: ModuleType, patients: pd.DataFrame) -> None:
    time, event = patients["time"], patients["event"]
    for options, columns in (
        ({}, {}),
        ({"weights": patients["frequency"]}, {"weights": "frequency"}),
        ({"entry": patients["entry"]}, {"entry": "entry"}),
    ):
        fitter = lifelines.KaplanMeierFitter(alpha=0.1, label="all").fit(time, event, **options)
        curves = from_lifelines(fitter, time_unit="months")
        own = kaplan_meier(
            patients.assign(label="all"), by="label", level=0.9,
            time_unit="months", **FOLLOW, **columns,
        )  # fmt: skip
        for name in ("time", "at_risk", "events", "censored", "estimate", "std_error", "lower", "upper"):
            np.testing.assert_allclose(curves.table[name], own.table[name], rtol=1e-12, atol=1e-12)
        assert curves.group_columns == ["label"]
        assert curves.conventions["time_unit"] == "months"
        # lifelines' own limits, which are 1 where survival is 0.
        at = curves.at(times=fitter.timeline)
        alive = (at["estimate"] > 0).to_numpy()
        np.testing.assert_allclose(at["estimate"], fitter.survival_function_["all"], atol=1e-9)
        limits = fitter.confidence_interval_.to_numpy()[alive]
        np.testing.assert_allclose(at.loc[alive, ["lower", "upper"]], limits, atol=1e-9)


def test_times_that_lifelines_does_not_tie_warn(lifelines: ModuleType) -> None:
    fitter = lifelines.KaplanMeierFitter().fit([0.1 + 0.2, 0.3, 1.0], [1, 1, 0])
    message = (
        r"^from_lifelines: survival differs from the fitter's at 1 of 4 times\. Times that differ by rounding only are "
        r"one time here, and several in lifelines\.$"
    )
    with pytest.warns(ChildsurvWarning, match=message):
        curves = from_lifelines(fitter)
    assert curves.at(times=1)["estimate"].tolist() == [pytest.approx(1 / 3)]


def test_what_we_made_comes_back(lifelines: ModuleType, cohort: Cohort, patients: pd.DataFrame) -> None:
    window = cohort.window(followed=("2005-01-01", "2020-12-31"))
    curves = kaplan_meier(window, by="sex", ci="plain")
    back = pd.concat([from_lifelines(fitter).table for fitter in curves.to_lifelines().values()])
    pd.testing.assert_frame_equal(back.reset_index(drop=True), curves.table)
    fit = cox(patients, "age + sex", strata="site", **FOLLOW)
    assert from_lifelines(fit.to_lifelines()) is fit
    # A fitter of ours that is fitted again is lifelines' own.
    fitter = kaplan_meier(window).to_lifelines()
    again = from_lifelines(fitter.fit([1, 2, 3], [1, 0, 1]))
    assert again.table["time"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "options",
    [
        {"formula": "age + stage"},
        {"formula": "age", "strata": ["site", "sex"]},
        {"formula": "age", "entry_col": "entry", "cluster_col": "hospital"},
        {"formula": "age", "weights_col": "frequency", "robust": True},
        {},
    ],
)
def test_cox_models_of_lifelines(
    lifelines: ModuleType, patients: pd.DataFrame, options: dict[str, object]
) -> None:
    data = patients if options else patients[["time", "event", "age", "share"]]
    precise = {"precision": 1e-16, "r_precision": 1e-16, "step_size": 1.0}
    fitter = lifelines.CoxPHFitter().fit(data, "time", "event", fit_options=precise, **options)
    fit = from_lifelines(fitter, data=data, time_unit="months")
    assert set(fit.terms) == set(fitter.params_.index)
    np.testing.assert_allclose(fit.coef, fitter.params_[list(fit.terms)], atol=1e-9)
    assert fit.conventions["time_unit"] == "months"
    assert fit.robust == bool(options.get("robust") or options.get("cluster_col"))


def test_a_cox_model_without_an_event_column(lifelines: ModuleType, patients: pd.DataFrame) -> None:
    data = patients[["time", "age"]]
    fitter = lifelines.CoxPHFitter().fit(data, "time")
    assert from_lifelines(fitter, data=data).events == len(data)


def test_what_cannot_be_read_is_named(lifelines: ModuleType, patients: pd.DataFrame) -> None:
    data = patients[["time", "event", "age"]]
    fitted = lifelines.CoxPHFitter().fit(data, "time", "event")
    km = lifelines.KaplanMeierFitter
    left = km().fit_left_censoring(patients["time"], patients["event"])
    cases = (
        (
            lambda: from_lifelines(lifelines.WeibullFitter()),
            OptionError,
            " takes a fitted KaplanMeierFitter or CoxPHFitter of lifelines, not WeibullFitter.",
        ),
        (
            lambda: from_lifelines(km()),
            OptionError,
            ": this KaplanMeierFitter has not been fitted to right-censored follow-up.",
        ),
        (
            lambda: from_lifelines(lifelines.CoxPHFitter()),
            OptionError,
            ": this CoxPHFitter has not been fitted to right-censored follow-up.",
        ),
        (
            lambda: from_lifelines(left),
            OptionError,
            ": this KaplanMeierFitter was fitted to left- or interval-censored times.",
        ),
        (
            lambda: from_lifelines(fitted),
            OptionError,
            ": lifelines keeps no covariates of the rows that a CoxPHFitter was fitted to, and residuals, baseline "
            "hazards and standard errors of predictions need them. Give data=, the DataFrame of its fit().",
        ),
        (
            lambda: from_lifelines(
                lifelines.CoxPHFitter(penalizer=0.1).fit(data, "time", "event"), data=data
            ),
            OptionError,
            " takes Cox models with a Breslow baseline and without a penalty; this fitter has "
            "baseline_estimation_method='breslow' and penalizer=0.1.",
        ),
        (
            lambda: from_lifelines(fitted, data=data.assign(age=data["age"] ** 2)),
            DataError,
            ": data= gives other coefficients than the fitter has. Give the DataFrame of its fit(), unchanged.",
        ),
    )
    for call, kind, message in cases:
        with pytest.raises(kind) as caught:
            call()
        assert str(caught.value) == f"from_lifelines{message}"
