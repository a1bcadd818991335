"""Kaplan-Meier curves as fitters of lifelines, against lifelines' own fits."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort
from childsurv.demo import cohort as demo_cohort
from childsurv.errors import MissingExtraError, OptionError
from childsurv.survival.observed import kaplan_meier, nelson_aalen

# lifelines warns of pandas' and NumPy's changes.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return demo_cohort(patients=1500, seed=4)


def own(lifelines: ModuleType, frame: pd.DataFrame, label: str):
    # A child who dies on the day of diagnosis counts in the first day here.
    time = frame["time"].clip(lower=1)
    return lifelines.KaplanMeierFitter(label=label, alpha=0.1).fit(time, frame["event"])


def assert_same_fit(ours, theirs) -> None:
    for name in (
        "survival_function_", "cumulative_density_", "confidence_interval_", "event_table",
        "confidence_interval_survival_function_", "confidence_interval_cumulative_density_",
    ):  # fmt: skip
        pd.testing.assert_frame_equal(
            getattr(ours, name),
            getattr(theirs, name),
            rtol=0,
            atol=1e-12,
            check_dtype=False,
            check_names=False,
        )
    assert ours.median_survival_time_ == theirs.median_survival_time_
    assert ours.percentile(0.9) == theirs.percentile(0.9)
    times = [0, 1, 200, 1826.25, 5000]
    np.testing.assert_allclose(ours.predict(times), theirs.predict(times), atol=1e-12)
    np.testing.assert_allclose(ours.conditional_time_to_event_, theirs.conditional_time_to_event_, atol=1e-9)
    assert repr(ours) == repr(theirs)


def test_groups_are_those_of_lifelines(lifelines: ModuleType, cohort: Cohort) -> None:
    fitters = kaplan_meier(cohort, by="sex", level=0.9).to_lifelines()
    assert list(fitters) == ["male", "female"]
    for sex, fitter in fitters.items():
        assert isinstance(fitter, lifelines.KaplanMeierFitter)
        assert_same_fit(fitter, own(lifelines, cohort.frame.query("sex == @sex"), sex))


def test_one_curve_is_one_fitter_and_several_columns_make_tuples(
    lifelines: ModuleType, cohort: Cohort
) -> None:
    assert_same_fit(
        kaplan_meier(cohort, level=0.9).to_lifelines(), own(lifelines, cohort.frame, "KM_estimate")
    )
    fitters = kaplan_meier(cohort, by=["sex", "iccc_group"], level=0.9).to_lifelines()
    part = cohort.frame.query("sex == 'female' and iccc_group == 'I'")
    assert_same_fit(fitters["female", "I"], own(lifelines, part, "female, I"))


def test_plots_of_lifelines_run(lifelines: ModuleType, cohort: Cohort) -> None:
    from matplotlib import pyplot as plt

    fitter = kaplan_meier(cohort).to_lifelines()
    for plot in (fitter.plot_survival_function, fitter.plot_cumulative_density):
        assert plot(at_risk_counts=True, show_censors=True).lines
        plt.close("all")
    assert fitter.plot_loglogs().lines
    plt.close("all")
    assert len(fitter.subtract(fitter)) == len(fitter.survival_function_)


def test_weights_and_late_entries(lifelines: ModuleType) -> None:
    rng = np.random.default_rng(3)
    time = rng.integers(5, 40, 200)
    frame = pd.DataFrame({"t": time, "d": rng.random(200) < 0.5, "w": rng.integers(1, 4, 200)}).astype(int)
    # Some enter at times of deaths and of other exits.
    frame["s"] = np.where(rng.random(200) < 0.3, time // 3, 0)
    curves = kaplan_meier(frame, time="t", event="d", weights="w", entry="s")
    theirs = lifelines.KaplanMeierFitter().fit(frame["t"], frame["d"], weights=frame["w"], entry=frame["s"])
    ours = curves.to_lifelines()
    pd.testing.assert_frame_equal(
        ours.event_table, theirs.event_table, check_dtype=False, check_index_type=False
    )
    pd.testing.assert_frame_equal(ours.survival_function_, theirs.survival_function_, rtol=0, atol=1e-12)
    pd.testing.assert_frame_equal(
        ours.confidence_interval_, theirs.confidence_interval_, check_names=False, atol=1e-12
    )
    assert ours.weights.sum() == frame["w"].sum()


def test_deaths_at_time_0_are_in_its_row(lifelines: ModuleType) -> None:
    frame = pd.DataFrame({"t": [0, 0, 1, 2], "d": [1, 0, 1, 0]})
    ours = kaplan_meier(frame, time="t", event="d").to_lifelines()
    theirs = lifelines.KaplanMeierFitter().fit(frame["t"], frame["d"])
    pd.testing.assert_frame_equal(
        ours.event_table, theirs.event_table, check_dtype=False, check_index_type=False
    )
    np.testing.assert_allclose(ours.survival_function_, theirs.survival_function_, atol=1e-12)


def test_other_curves_are_refused(cohort: Cohort) -> None:
    for curves, message in (
        (nelson_aalen(cohort), "takes curves of kaplan_meier; these are of Nelson-Aalen."),
        (
            kaplan_meier(cohort).conditional(given_years=1),
            "takes curves from time 0; these are given survival to a later time.",
        ),
        (
            kaplan_meier(cohort, minimum=5),
            "needs the numbers at risk of whole curves; estimate them without minimum=.",
        ),
    ):
        with pytest.raises(OptionError) as caught:
            curves.to_lifelines()
        assert str(caught.value) == f"Curves.to_lifelines: {message}"


def test_without_lifelines_the_error_says_how_to_install_it(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lifelines", None)
    with pytest.raises(MissingExtraError) as caught:
        kaplan_meier(cohort).to_lifelines()
    assert str(caught.value) == (
        "Curves.to_lifelines: needs lifelines, which is not installed here; the rest of childsurv works without it. "
        "lifelines needs pandas below version 3. Install both with: pip install 'lifelines>=0.30.3' 'pandas<3'"
    )
