"""Countries without a life table: an error that lists them, or their observed survival marked as such."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import LifeTableError, OptionError
from childsurv.net.options import METHODS
from strategies import exactly


@pytest.fixture(scope="module")
def cohort() -> cs.Cohort:
    return cs.demo.cohort(patients=3000, seed=4)


@pytest.fixture(scope="module")
def whole() -> cs.LifeTable:
    return cs.demo.life_table()


@pytest.fixture(scope="module")
def countries(cohort) -> list[str]:
    return sorted(cohort.data["country"].unique())


@pytest.fixture(scope="module")
def part(whole, countries) -> cs.LifeTable:
    """The table without the first two countries."""
    frame = whole.to_frame()
    frame = frame[~frame["country"].isin(countries[:2])]
    return cs.LifeTable.from_frame(
        frame.assign(year=frame["year_start"].dt.year),
        rate="hazard_per_day",
        rate_unit="per_day",
        by="country",
    )


def test_by_default_patients_are_listed_by_country(cohort, part, countries):
    sizes = cohort.data["country"].value_counts()
    with pytest.raises(LifeTableError) as caught:
        cs.net_survival(cohort, part, by="country")
    for country in countries[:2]:
        assert f"{country} ({sizes[country]:,} rows)" in str(caught.value)
    assert countries[2] not in str(caught.value)


@pytest.mark.parametrize("method", METHODS)
def test_observed_survival_stands_in_and_says_so(cohort, part, whole, countries, method):
    if method == "ederer1":
        # It follows everybody to the end of their group's follow-up.
        part, whole = part.extend("last"), whole.extend("last")
    curves = cs.net_survival(cohort, part, by=["country", "sex"], method=method, missing="observed")
    without = curves.groups["country"].isin(countries[:2])
    assert (curves.groups["quantity"] == np.where(without, "observed survival", "net survival")).all()
    assert "quantity" in curves.table.columns
    patients = int(cohort.data["country"].isin(countries[:2]).sum())
    assert curves.conventions["without_life_table"].startswith(f"{patients:,} patients")
    assert curves.conventions["life_table_digest"] == part.digest

    years = [1, 2.5, 5]
    own = curves.at(years=years).set_index(["country", "sex", "time"])
    observed = cs.kaplan_meier(cohort, by=["country", "sex"], ci="log").at(years=years)
    net = cs.net_survival(cohort, whole, by=["country", "sex"], method=method).at(years=years)
    numbers = ["estimate", "std_error", "lower", "upper"]
    for reference, here in ((observed, countries[:2]), (net, countries[2:])):
        expected = reference[reference["country"].isin(here)].set_index(["country", "sex", "time"])
        chosen = own.loc[expected.index]
        # The same products; with weights of 1 throughout, log(A / B) is exactly 0.
        assert chosen[numbers].to_numpy() == pytest.approx(
            expected[numbers].to_numpy(np.float64), rel=1e-12, nan_ok=True
        )
        assert (chosen["at_risk"] == expected["at_risk"]).all()
    assert (own.loc[own["quantity"] == "observed survival", "upper"].dropna() <= 1).all()


def test_the_limits_of_observed_survival_are_cut_at_one_and_those_of_net_survival_are_not():
    rows = pd.DataFrame(
        {
            "country": np.repeat(["XAA", "XBB"], 6),
            "sex": "male",
            "age_days": 4000,
            "diagnosis_date": pd.Timestamp("2001-06-01"),
            "time": [10, 200, 200, 200, 200, 200] * 2,
            "event": [1, 0, 0, 0, 0, 0] * 2,
        }
    )
    cells = pd.DataFrame(
        [("XAA", "male", 0, year, 0.01) for year in (2001, 2002)],
        columns=["country", "sex", "age", "year", "mx"],
    )
    table = cs.LifeTable.from_frame(cells, mx="mx", by="country")
    curves = cs.net_survival(rows, table, by="country", time="time", event="event", missing="observed")
    for result in (curves.table, curves.at(times=[20, 100])):
        assert (result.loc[result["country"] == "XBB", "upper"] <= 1).all()
        assert (result.loc[result["country"] == "XAA", "upper"] > 1).any()


def test_a_group_that_mixes_both_kinds_is_an_error(cohort, part, countries):
    with pytest.raises(LifeTableError, match=r"1 groups mix .* all patients \(\d[\d,]* of 3,000 rows\)"):
        cs.net_survival(cohort, part, missing="observed")
    with pytest.raises(
        LifeTableError,
        match=exactly(
            "net_survival(missing='observed'): 2 groups mix patients with a life table and without "
            "one: male (446 of 1,621 rows); female (385 of 1,379 rows). Net and observed survival "
            "have no common curve: add to by= the column that tells them apart, such as country, or "
            "exclude these rows."
        ),
    ):
        cs.net_survival(cohort, part, by="sex", missing="observed")


def test_with_all_tables_there_is_nothing_to_mark(cohort, whole):
    asked = cs.net_survival(cohort, whole, by="country", missing="observed")
    plain = cs.net_survival(cohort, whole, by="country")
    pd.testing.assert_frame_equal(asked.table, plain.table)
    assert "without_life_table" not in asked.conventions


def test_one_sex_of_a_country_may_lack_its_table(cohort, whole, countries):
    frame = whole.to_frame()
    frame = frame[(frame["country"] != countries[0]) | (frame["sex"] == "male")]
    table = cs.LifeTable.from_frame(
        frame.assign(year=frame["year_start"].dt.year),
        rate="hazard_per_day",
        rate_unit="per_day",
        by="country",
    )
    girls = int(((cohort.data["country"] == countries[0]) & (cohort.data["sex"] == "female")).sum())
    with pytest.raises(
        LifeTableError, match=rf"lacks the combination .*{countries[0]}, female \({girls} rows\)"
    ):
        cs.net_survival(cohort, table, by="country")
    curves = cs.net_survival(cohort, table, by=["country", "sex"], missing="observed")
    marked = curves.groups[curves.groups["quantity"] == "observed survival"]
    assert marked[["country", "sex"]].to_numpy().tolist() == [[countries[0], "female"]]


def test_choices_and_names(cohort, part):
    with pytest.raises(
        OptionError, match=exactly("missing='zero' is not a choice; use one of 'error', 'observed'.")
    ):
        cs.net_survival(cohort, part, by="country", missing="zero")
    named = cohort.with_columns(quantity="a")
    with pytest.raises(
        OptionError,
        match=exactly(
            "net_survival(missing='observed') adds a column 'quantity'; rename yours of that name."
        ),
    ):
        cs.net_survival(named, part, by=["country", "quantity"], missing="observed")
    with pytest.raises(
        LifeTableError,
        match=exactly(
            "net_survival: column 'sex' is not 'male' or 'female' in 3,000 rows (rows 1, 2, 3, 4, 5, "
            "6, 7, 8 and 2,992 more). Population mortality needs a sex; correct or exclude these "
            "rows."
        ),
    ):
        cs.net_survival(cohort.with_columns(sex="x"), part, by="country", missing="observed")
