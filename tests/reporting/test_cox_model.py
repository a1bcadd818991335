from __future__ import annotations

import numpy as np
import pytest

from childsurv.cohort.cohort import Cohort
from childsurv.errors import OptionError
from childsurv.regression.cox import cox
from childsurv.reporting.cox_model import fit_model, fit_own_model
from childsurv.reporting.groupings import Shown, shown_groups
from childsurv.words.catalogue import texts_of

TEXTS = texts_of("en")


@pytest.fixture(scope="module")
def shown(cohort: Cohort) -> Shown:
    return shown_groups(cohort, by=["country"], diagnosis="iccc_group", minimum=5, names=None, texts=TEXTS)


def test_hazard_ratios_are_those_of_cox(shown: Shown) -> None:
    model = fit_model(shown, reference=None, level=0.9)
    assert dict(model.references)["Country"] == "XPV"
    assert model.fit is not None
    table = model.table.set_index(["term", "level"])
    row = table.loc[("country", "XSM")]
    own = model.fit.table.set_index("term").loc["shown_by[T.XSM]"]
    assert row["hazard_ratio"] == own["hazard_ratio"]
    assert (row["lower"], row["upper"]) == (own["lower"], own["upper"])
    assert table.loc[("country", "XPV"), "hazard_ratio"] == 1.0
    assert np.isnan(table.loc[("country", "XPV"), "lower"])
    for _, rows in model.table.groupby("term"):
        assert rows["patients"].sum() == len(shown.cohort)
        assert rows["deaths"].sum() == shown.cohort.frame["event"].sum()
    assert model.proportional_hazards["term"].tolist()[-1] == "GLOBAL"
    assert set(model.proportional_hazards["term"][:-1]) == set(model.table["term"])


def test_stratified_column_is_a_model_of_its_own(shown: Shown) -> None:
    model = fit_model(shown, reference=None, level=0.95)
    frame = shown.cohort.frame.copy()
    order = ["XPV", *(label for label in shown.by.labels if label != "XPV")]
    frame["shown_by"] = frame["shown_by"].cat.reorder_categories(order)
    fit = cox(
        frame,
        ["shown_by", "shown_period", "shown_age", "shown_sex"],
        time="time",
        event="event",
        strata="shown_diagnosis",
    )
    expected = fit.table.set_index("term").loc["shown_by[T.XSM]", "hazard_ratio"]
    rows = model.table.set_index(["term", "level"])
    # Other references of the other variables change ratios between countries by rounding only.
    assert rows.loc[("country", "XSM"), "stratified_hazard_ratio"] == pytest.approx(expected, rel=1e-7)
    assert rows.loc[("iccc_group", "V Retinoblastoma"), "stratified_hazard_ratio"] != expected


def test_a_reference_can_be_chosen_by_value(shown: Shown) -> None:
    model = fit_model(shown, reference="XSM", level=0.95)
    assert dict(model.references)["Country"] == "XSM"
    with pytest.raises(
        OptionError,
        match=r"^reference='nowhere' is no group of 'country'; the groups shown are XND, XPV, XSM, "
        r"Other, merged \(2\)\.$",
    ):
        fit_model(shown, reference="nowhere", level=0.95)


def test_small_terms_of_an_own_model_are_not_shown(cohort: Cohort, shown: Shown) -> None:
    # A numeric 0/1 column cannot be merged, so its coefficient is left out when it stands for three children.
    few = np.zeros(len(cohort), dtype=int)
    few[:3] = 1
    own = shown_groups(
        cohort.with_columns(few=few),
        by=["country"],
        diagnosis="iccc_group",
        minimum=5,
        names=None,
        texts=TEXTS,
    )
    model = fit_own_model(own, "few + age_years + country", minimum=5, level=0.95)
    terms = model.table["level"].tolist()
    assert "few" not in terms
    assert "age_years" in terms
    assert "country[T.Other, merged (2)]" in terms
    assert not any("XOD" in term for term in terms)
