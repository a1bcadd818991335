from __future__ import annotations

import numpy as np
import pytest

from childsurv.cohort.cohort import Cohort
from childsurv.compare.ranks import logrank_test
from childsurv.demo import life_table
from childsurv.net.net import net_survival
from childsurv.reporting.group_survival import (
    comparison_tests,
    estimate,
    period_estimates,
    period_window,
    survival_table,
)
from childsurv.reporting.groupings import Shown, shown_groups
from childsurv.words.catalogue import texts_of


@pytest.fixture(scope="module")
def shown(cohort: Cohort) -> Shown:
    return shown_groups(
        cohort, by=["country"], diagnosis="iccc_group", minimum=5, names=None, texts=texts_of("en")
    )


def test_table_has_one_row_a_group_and_year(shown: Shown) -> None:
    table = survival_table(estimate(shown.cohort, life_table(), [shown.by], level=0.9), (1, 60), minimum=5)
    assert len(table) == 2 * len(shown.by.labels)
    assert table.columns[:2].tolist() == ["country", "patients"]
    late = table[table["years"] == 60]
    assert late[["observed", "net"]].isna().all(axis=None)
    assert late["not_reliable"].all()
    own = net_survival(shown.cohort, life_table(), by="shown_by", level=0.9).at(years=1)
    assert table.loc[table["years"] == 1, "net_lower"].tolist() == own["lower"].tolist()


@pytest.mark.parametrize(("minimum", "least"), [(5, 10), (60, 60)])
def test_what_rests_on_few_is_not_reliable(shown: Shown, minimum: int, least: int) -> None:
    groupings = [shown.by, shown.diagnosis]
    table = survival_table(estimate(shown.cohort, None, groupings, level=0.95), (1, 5), minimum=minimum)
    small = table["at_risk"] < least
    assert not small.all()
    assert (small & (table["patients"] < least)).any()
    assert (small & (table["patients"] >= least)).any()
    assert table["not_reliable"].tolist() == small.tolist()


def test_window_is_the_last_five_whole_years(cohort: Cohort) -> None:
    assert period_window(cohort) == ("2016-01-01", "2020-12-31")


def test_period_analysis_that_would_show_few_is_left_out(shown: Shown) -> None:
    assert period_estimates(shown.cohort, None, level=0.95, minimum=5) is not None
    followed = shown.cohort.window(followed=("2016-01-01", "2020-12-31"))
    everyone = len(shown.cohort) - len(followed)
    assert period_estimates(shown.cohort, None, level=0.95, minimum=everyone + 1) is None


def test_tests_are_those_of_the_library(shown: Shown) -> None:
    table = comparison_tests(shown)
    own = logrank_test(shown.cohort, by="shown_by", strata="shown_diagnosis")
    row = table[table["within"] == "iccc_group"].iloc[0]
    assert (row["statistic"], row["df"], row["p_value"]) == (own.statistic, own.df, own.p_value)
    assert table["compared"].tolist() == ["country", "country", "iccc_group", "period", "age_group", "sex"]


def test_without_deaths_there_are_no_tests(shown: Shown, cohort: Cohort) -> None:
    alive = shown_groups(
        cohort.with_columns(event=np.zeros(len(cohort), dtype=int)),
        by=["country"],
        diagnosis="iccc_group",
        minimum=5,
        names=None,
        texts=texts_of("en"),
    )
    assert comparison_tests(alive).empty
