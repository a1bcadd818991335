"""Cox models as fitters of lifelines, against lifelines' own fits and our own predictions."""

from __future__ import annotations

import pickle
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from childsurv.errors import MissingExtraError, OptionError
from childsurv.regression.cox import cox
from childsurv.regression.cox_fit import CoxFit

FOLLOW = {"time": "time", "event": "event"}

# lifelines warns of pandas' and NumPy's changes.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def untied(patients: pd.DataFrame) -> pd.DataFrame:
    """Patients without ties, where Efron's and Breslow's baseline hazards are one."""
    rank = np.argsort(np.argsort(patients["time"], kind="stable"), kind="stable") + 1
    return patients.assign(time=patients["time"] + rank / 1000)[
        ["time", "event", "age", "share", "site", "sex"]
    ]


def own(lifelines: ModuleType, data: pd.DataFrame, fit: CoxFit, **options: object):
    """Fit by lifelines from our coefficients, because its own last steps stop a few digits early."""
    start = fit.coef * data[list(fit.terms)].std().to_numpy()
    precise = {"precision": 1e-16, "r_precision": 1e-16, "step_size": 1.0}
    return lifelines.CoxPHFitter().fit(
        data, "time", "event", initial_point=start, fit_options=precise, **options
    )


CLOSE = {"rtol": 1e-10, "atol": 1e-10}


@pytest.mark.parametrize("strata", [None, ["site"], ["site", "sex"]])
def test_estimates_and_predictions_are_those_of_lifelines(
    lifelines: ModuleType, untied: pd.DataFrame, strata: list[str] | None
) -> None:
    fit = cox(untied, "age + share", strata=strata, **FOLLOW)
    theirs = own(lifelines, untied, fit, formula="age + share", strata=strata)
    ours = fit.to_lifelines(untied)
    np.testing.assert_array_equal(ours.params_, fit.coef)
    assert ours.strata == theirs.strata
    for name in ("params_", "standard_errors_"):
        pd.testing.assert_series_equal(getattr(ours, name), getattr(theirs, name), **CLOSE)
    for name in (
        "summary", "variance_matrix_", "confidence_intervals_", "baseline_hazard_", "baseline_survival_",
        "baseline_cumulative_hazard_",
    ):  # fmt: skip
        pd.testing.assert_frame_equal(getattr(ours, name), getattr(theirs, name), check_names=False, **CLOSE)
    assert ours.log_likelihood_ == pytest.approx(theirs.log_likelihood_, rel=1e-12)
    assert ours.AIC_partial_ == pytest.approx(theirs.AIC_partial_, rel=1e-12)
    assert ours.concordance_index_ == pytest.approx(theirs.concordance_index_, abs=1e-12)
    ratio = ours.log_likelihood_ratio_test()
    expected = fit.test().set_index("test").loc["likelihood ratio"]
    assert ratio.test_statistic == pytest.approx(expected["statistic"], rel=1e-12)
    assert ratio.p_value == pytest.approx(expected["p_value"], rel=1e-12)
    new = untied.iloc[[3, 100, 200]]
    for name in (
        "predict_partial_hazard",
        "predict_log_partial_hazard",
        "predict_median",
        "predict_expectation",
    ):
        np.testing.assert_allclose(getattr(ours, name)(new), getattr(theirs, name)(new), **CLOSE)
    for name in ("predict_survival_function", "predict_cumulative_hazard"):
        pd.testing.assert_frame_equal(getattr(ours, name)(new), getattr(theirs, name)(new), **CLOSE)
        np.testing.assert_allclose(
            getattr(ours, name)(new, times=[3, 8.5]), getattr(theirs, name)(new, times=[3, 8.5]), **CLOSE
        )


def test_predictions_are_ours_where_lifelines_differs(lifelines: ModuleType, patients: pd.DataFrame) -> None:
    fit = cox(
        patients, "ns(age, df=3) + stage", strata="site", entry="entry", weights="frequency", cluster="hospital",
        level=0.9, **FOLLOW,
    )  # fmt: skip
    ours = fit.to_lifelines()
    new = patients.iloc[[3, 100, 200]].reset_index(drop=True)
    # At ends of follow-up; between them lifelines joins hazards by straight lines.
    times = np.unique(patients["time"])[[5, 20, 40]]
    theirs = ours.predict_survival_function(new, times=times)
    table = fit.predict_survival(new, times=times)
    seen = table["estimate"].notna().to_numpy()
    assert seen.sum() >= 6
    np.testing.assert_allclose(
        theirs[[0, 1, 2]].T.to_numpy().ravel()[seen], table["estimate"][seen], atol=1e-12
    )
    np.testing.assert_array_equal(ours.summary["se(coef)"], fit.std_error)
    np.testing.assert_allclose(ours.summary["exp(coef) lower 90%"], fit.table["lower"], rtol=1e-12)
    assert ours.concordance_index_ == fit.concordance().value
    assert ours.weights.sum() == patients["frequency"].sum()


def test_summaries_and_plots_run(
    lifelines: ModuleType, patients: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    from matplotlib import pyplot as plt

    data = patients[["time", "event", "age", "sex", "hospital"]]
    fit = cox(data, ["age", "sex"], cluster="hospital", **FOLLOW)
    fitter = fit.to_lifelines(data)
    fitter.print_summary(style="ascii")
    printed = capsys.readouterr().out
    for text in (
        "duration col = 'time'",
        "cluster col = 'hospital'",
        "robust variance = True",
        "sex[T.male]",
    ):
        assert text in printed
    assert f"partial log-likelihood = {fit.log_likelihood:.2f}" in printed
    assert f"Concordance = {fit.concordance().value:.2f}" in printed
    for ax in (
        fitter.plot(),
        fitter.plot(hazard_ratios=True),
        fitter.plot_partial_effects_on_outcome("sex", ["male", "female"]),
        fitter.baseline_survival_.plot(),
    ):
        assert ax is None or ax.lines
    fitter = cox(patients, "age + sex", strata="site", **FOLLOW).to_lifelines(patients)
    assert len(fitter.plot_partial_effects_on_outcome("age", [1, 10])) == patients["site"].nunique()
    plt.close("all")


def test_diagnostics_of_lifelines_run(lifelines: ModuleType, untied: pd.DataFrame) -> None:
    data = untied[["time", "event", "age", "share"]]
    fit = cox(data, ["age", "share"], **FOLLOW)
    fitter = fit.to_lifelines()
    theirs = own(lifelines, data, fit)
    for kind in ("martingale", "deviance", "schoenfeld", "scaled_schoenfeld"):
        one, two = (each.compute_residuals(data, kind) for each in (fitter, theirs))
        np.testing.assert_allclose(one.to_numpy(float), two.to_numpy(float), **CLOSE)
    # lifelines' own scores multiply coefficients, but not covariates, by standard deviations.
    for kind, name in (("score", "score"), ("delta_beta", "dfbeta")):
        np.testing.assert_allclose(
            fitter.compute_residuals(data, kind).loc[data.index], fit.residuals(name), **CLOSE
        )
    from lifelines.statistics import proportional_hazard_test

    one, two = (proportional_hazard_test(each, data) for each in (fitter, theirs))
    np.testing.assert_allclose(one.test_statistic, two.test_statistic, rtol=1e-9)


def test_fitters_can_be_pickled(lifelines: ModuleType, patients: pd.DataFrame) -> None:
    fitter = cox(patients, "age + sex", strata="site", **FOLLOW).to_lifelines()
    again = pickle.loads(pickle.dumps(fitter))
    pd.testing.assert_frame_equal(again.summary, fitter.summary)
    pd.testing.assert_frame_equal(
        again.predict_survival_function(patients.head(3)), fitter.predict_survival_function(patients.head(3))
    )


def test_an_offset_is_refused(patients: pd.DataFrame) -> None:
    with pytest.raises(
        OptionError,
        match=r"^CoxFit\.to_lifelines: lifelines has no offset, and this fit has one \('shift'\)\.$",
    ):
        cox(patients, "age", offset="shift", **FOLLOW).to_lifelines()


def test_without_lifelines_the_error_says_how_to_install_it(
    patients: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lifelines", None)
    with pytest.raises(MissingExtraError) as caught:
        cox(patients, "age", **FOLLOW).to_lifelines()
    assert str(caught.value) == (
        "CoxFit.to_lifelines: needs lifelines, which is not installed here; the rest of childsurv works without it. "
        "lifelines needs pandas below version 3. Install both with: pip install 'lifelines>=0.30.3' 'pandas<3'"
    )
