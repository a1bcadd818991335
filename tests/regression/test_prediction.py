"""Predicted survival: which times, strata and profiles, and what is refused (see also test_against_r)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from childsurv.errors import ColumnError, DataError, OptionError
from childsurv.regression.cox import cox
from childsurv.regression.cox_fit import CoxFit

FOLLOW = {"time": "time", "event": "event"}


@pytest.fixture
def fit(patients: pd.DataFrame) -> CoxFit:
    return cox(patients, "age + stage", strata=["site", "sex"], **FOLLOW)


def profile(**changes: object) -> pd.DataFrame:
    return pd.DataFrame([{"age": 4.0, "stage": "II", "site": "east", "sex": "male"} | changes])


def test_without_covariate_effect_it_is_the_breslow_survival() -> None:
    # Balanced at every death, so the coefficient is 0 and H is the sum of deaths / at risk: 2/4, then 2/2.
    data = pd.DataFrame({"time": [1, 1, 2, 2], "event": [1, 1, 1, 1], "x": [0, 1, 0, 1]})
    table = cox(data, ["x"], ties="breslow", **FOLLOW).predict_survival(pd.DataFrame({"x": [0.5]}))
    np.testing.assert_allclose(table["estimate"], np.exp([-2 / 4, -2 / 4 - 2 / 2]), atol=1e-12)
    # At the mean covariate the coefficient adds nothing: the variance is the sum of deaths / at risk squared.
    np.testing.assert_allclose(
        table["std_error"], table["estimate"] * np.sqrt([2 / 16, 2 / 16 + 2 / 4]), atol=1e-12
    )


def test_survival_is_one_before_the_first_event_and_missing_after_the_last_follow_up(
    fit: CoxFit, patients: pd.DataFrame
) -> None:
    own = patients.query("site == 'east' and sex == 'male'")
    last = own["time"].max()
    table = fit.predict_survival(profile(), times=[0, last, last + 0.5])
    assert table["estimate"].iloc[0] == 1
    assert table["std_error"].iloc[0] == 0
    assert table["lower"].iloc[0] == table["upper"].iloc[0] == 1
    assert 0 < table["estimate"].iloc[1] < 1
    assert table[["estimate", "std_error", "lower", "upper"]].iloc[2].isna().all()
    assert table["time"].tolist() == [0, last, last + 0.5]


def test_default_times_are_the_event_times_of_the_stratum(fit: CoxFit, patients: pd.DataFrame) -> None:
    new = pd.concat([profile(), profile(site="west", sex="female")])
    table = fit.predict_survival(new)
    assert table.columns.tolist()[:6] == ["profile", "age", "stage", "site", "sex", "time"]
    for number, part in table.groupby("profile"):
        row = new.iloc[number - 1]
        own = patients[(patients["site"] == row["site"]) & (patients["sex"] == row["sex"])]
        assert part["time"].tolist() == sorted(own.loc[own["event"] == 1, "time"].unique())
        assert (part["estimate"].diff().dropna() < 0).all()


def test_a_stratum_without_events_keeps_survival_one(patients: pd.DataFrame) -> None:
    data = patients.assign(event=np.where(patients["site"] == "north", 0, patients["event"]))
    fit = cox(data, "age + stage", strata="site", **FOLLOW)
    table = fit.predict_survival(profile(site="north"), times=[3, 1000])
    assert table["estimate"].iloc[0] == 1
    assert np.isnan(table["estimate"].iloc[1])
    assert len(fit.predict_survival(profile(site="north"))) == 0
    assert "north" not in set(fit.baseline_hazard()["site"])


def test_levels_and_kinds_of_limits(fit: CoxFit) -> None:
    wide = fit.predict_survival(profile(), times=8, level=0.99)
    narrow = fit.predict_survival(profile(), times=8, level=0.5)
    assert wide["lower"].iloc[0] < narrow["lower"].iloc[0] < narrow["upper"].iloc[0] < wide["upper"].iloc[0]
    plain = fit.predict_survival(profile(), times=8, ci="plain").iloc[0]
    assert plain["upper"] - plain["estimate"] == pytest.approx(1.959963984540054 * plain["std_error"])


def test_years_need_days(patients: pd.DataFrame) -> None:
    days = cox(patients.assign(time=patients["time"] * 91), "age", **FOLLOW)
    np.testing.assert_array_equal(
        days.predict_survival(profile(), years=[1, 2])["estimate"],
        days.predict_survival(profile(), times=[365.25, 730.5])["estimate"],
    )
    months = cox(patients, "age", time_unit="months", **FOLLOW)
    with pytest.raises(
        OptionError,
        match=(
            r"^CoxFit\.predict_survival: years= needs follow-up in days; this follow-up counts months\. Give "
            r"times= in that unit\.$"
        ),
    ):
        months.predict_survival(profile(), years=1)
    with pytest.raises(
        OptionError, match=r"^CoxFit\.predict_survival: give times= \(in days\) or years=, one of the two\.$"
    ):
        days.predict_survival(profile(), years=1, times=1)
    with pytest.raises(
        OptionError,
        match=r"^CoxFit\.predict_survival: times= takes one or more finite numbers of 0 or more\.$",
    ):
        days.predict_survival(profile(), times=-1)


def test_times_by_position_are_refused(patients: pd.DataFrame, fit: CoxFit) -> None:
    because = "give times by name, because a number alone does not say its unit. By position it meant years"
    for model, way in (
        (fit, "years=5 for years or times=5 for days"),
        (cox(patients, "age", time_unit="months", **FOLLOW), "times=5 for months"),
    ):
        with pytest.raises(OptionError) as caught:
            model.predict_survival(profile(), 5)
        assert str(caught.value) == f"CoxFit.predict_survival: {because}; write {way}."


@pytest.mark.parametrize(
    ("new", "error", "message"),
    [
        (
            profile(stage="IV"),
            DataError,
            "column 'stage' holds a category that the fitted data did not have in 1 row (row 1). The model knows I, "
            "II, III.",
        ),
        (
            profile(site="centre"),
            DataError,
            "the strata (site, sex) are not among those of the fitted data in 1 row (row 1). Each stratum has a "
            "separate baseline hazard, so only fitted strata can be predicted.",
        ),
        (
            profile(age=np.nan),
            DataError,
            "covariate 'age' is missing in 1 row (row 1). No row is dropped silently: fill the gaps, give them a "
            "separate category ('unknown'), or exclude these rows by a rule.",
        ),
        (
            profile(age="four"),
            ColumnError,
            "column 'age' holds text, but was numeric when the model was fitted.",
        ),
        (
            profile().drop(columns="stage"),
            ColumnError,
            "no column 'stage'. Did you mean 'age' or 'site' for 'stage'? The data have the columns: age, site, sex.",
        ),
        (
            profile().drop(columns="site"),
            ColumnError,
            "no column 'site'. Did you mean 'stage' for 'site'? The data have the columns: age, stage, sex.",
        ),
    ],
)
def test_new_data_that_cannot_be_predicted(
    fit: CoxFit, new: pd.DataFrame, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        fit.predict_survival(new, times=1)
    assert str(caught.value) == f"CoxFit.predict_survival: {message}"


def test_categories_made_in_the_formula_are_checked(patients: pd.DataFrame) -> None:
    fit = cox(patients, "C(frequency)", **FOLLOW)
    with pytest.raises(
        DataError,
        match=(
            r"^CoxFit\.predict_survival: the formula cannot be evaluated on these data "
            r"\(DataMismatchWarning\)\. A category occurs that the fitted data did not have\.$"
        ),
    ):
        fit.predict_survival(pd.DataFrame({"frequency": [9]}), times=1)
    # Categories are kept as fitted when new data hold only some of them.
    some = fit.predict_survival(pd.DataFrame({"frequency": [3]}), times=4)["estimate"].iloc[0]
    every = fit.predict_survival(pd.DataFrame({"frequency": [1, 2, 3]}), times=4)["estimate"]
    assert some == pytest.approx(every.iloc[2], abs=1e-15)


def test_offset_is_asked_for(patients: pd.DataFrame) -> None:
    fit = cox(patients, "age", offset="shift", **FOLLOW)
    with pytest.raises(
        ColumnError,
        match=(
            r"^CoxFit\.predict_survival: no column 'shift'\. Did you mean 'site' for 'shift'\? The data have "
            r"the columns: age, stage, site, sex\.$"
        ),
    ):
        fit.predict_survival(profile(), times=1)
    low, high = fit.predict_survival(pd.DataFrame({"age": [3, 3], "shift": [0.0, 1.0]}), times=5)["estimate"]
    assert np.log(high) / np.log(low) == pytest.approx(np.e, rel=1e-12)
