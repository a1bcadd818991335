"""Every input that ever broke the numerical core, small enough to read, with what it should give."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.compare.ranks import logrank_test
from childsurv.errors import ChildsurvWarning, ColumnError, DataError, OptionError
from childsurv.fold.tally import Grid
from childsurv.fold.tallying import tally
from childsurv.lifetable.table import LifeTable
from childsurv.net.net import net_survival
from childsurv.survival.observed import kaplan_meier
from strategies import exactly

NAMES: dict[str, Any] = {"time": "t", "event": "d"}
PEOPLE: dict[str, Any] = {**NAMES, "age_days": "age", "diagnosis_date": "dx"}


def cohort(**columns: Any) -> Cohort:
    frame = pd.DataFrame(
        {"diagnosis_date": pd.Timestamp("2001-01-01"), "entry": 0, "time": [3, 9, 1, 5], "event": 1}
    ).assign(**columns)
    return Cohort(frame, 4, dt.date(2010, 1, 1), empty_findings(), join_exclusions([]))


def life_table(ages: dict[float, float], *, female: float | None = None) -> LifeTable:
    rows = [
        (sex, age, year, female if sex == "female" and female is not None else hazard)
        for sex in ("male", "female")
        for age, hazard in ages.items()
        for year in range(1990, 2036)
    ]
    return LifeTable.from_frame(
        pd.DataFrame(rows, columns=["sex", "age", "year", "h"]), rate="h", rate_unit="per_day"
    )


def test_fractional_weights_left_survival_at_1e_16_with_limits() -> None:
    table = kaplan_meier(
        pd.DataFrame({"t": [1, 2, 3], "d": 1, "w": [0.1, 0.2, 0.3]}), weights="w", **NAMES
    ).table
    assert table["estimate"].iloc[-1] == 0
    assert math.isnan(table["upper"].iloc[-1])


def test_a_curve_level_at_the_median_to_its_end_gave_the_start_of_the_level() -> None:
    frame = pd.DataFrame({"t": [1, 2, 5, 6], "d": [1, 1, 0, 0]})
    assert kaplan_meier(frame, **NAMES).quantile(0.5)["quantile"][0] == 4


def test_a_restricted_mean_before_a_conditional_curve_begins_was_negative() -> None:
    frame = pd.DataFrame({"t": [1, 2, 5, 6], "d": [1, 1, 0, 0]})
    with pytest.raises(
        OptionError, match=exactly("Curves.rmst: these curves begin at 1, after the time asked for.")
    ):
        kaplan_meier(frame, **NAMES).conditional(given=1).rmst(times=0.5)


def test_a_group_column_called_time_vanished_under_the_times() -> None:
    frame = pd.DataFrame({"t": [1, 2], "d": 1, "time": ["a", "b"], "patients": ["a", "b"]})
    for name in ("time", "patients"):
        with pytest.raises(OptionError, match=f"by= names '{name}'"):
            kaplan_meier(frame, by=name, **NAMES)


def test_two_columns_of_one_name_were_an_attribute_error() -> None:
    frame = pd.DataFrame([[1, 1, 2], [2, 1, 3]], columns=["t", "d", "t"])
    with pytest.raises(
        ColumnError,
        match=exactly("kaplan_meier: more than one column is called 't'. Rename or drop all but one."),
    ):
        kaplan_meier(frame, **NAMES)


def test_a_wrong_column_of_strata_was_a_key_error() -> None:
    frame = pd.DataFrame({"t": [1, 2], "d": 1, "g": ["a", "b"], "stratum": 1})
    with pytest.raises(
        ColumnError,
        match=exactly(
            "logrank_test: no column 'strata'. Did you mean 'stratum' for 'strata'? The data have "
            "the columns: t, d, g, stratum."
        ),
    ):
        logrank_test(frame, by="g", strata="strata", **NAMES)


def test_groups_alone_in_their_strata_had_a_degree_of_freedom_from_rounding() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"t": rng.integers(1, 60, 400), "d": rng.integers(0, 2, 400), "g": rng.integers(0, 4, 400)}
    )
    result = logrank_test(frame, by="g", strata="g", rho=1, gamma=1, **NAMES)
    assert result.df == 0
    # And a test that tests nothing was printed as "p < 0.0001".
    assert "0.0001" not in repr(result)


@pytest.mark.parametrize("followed", [(2010, 2014), ("2010", "2014"), ("01/02/2010", None), (pd.NaT, None)])
def test_years_and_guessed_dates_made_windows_in_1970_or_of_one_day(followed: Any) -> None:
    with pytest.raises(
        OptionError,
        match=exactly("followed= takes dates such as '2010-01-01', written in full; None for an open end."),
    ):
        cohort().window(followed=followed)


def test_a_condition_in_another_order_chose_other_rows() -> None:
    whole = cohort()
    condition = whole.data.sort_values("time")["time"] > 4
    with pytest.raises(
        OptionError,
        match=exactly(
            "where(): the condition has another index than the cohort's data, so its rows cannot be "
            "matched safely. Pass .to_numpy() if the order is the same."
        ),
    ):
        whole.where(condition)
    assert whole.where(condition.sort_index()).data["time"].tolist() == [9, 5]


def test_rows_were_numbered_after_others_had_been_dropped() -> None:
    broken = cohort(time=[0, 9, 1, 5], entry=[0, 0, 0, 7])
    with pytest.raises(
        DataError,
        match=exactly(
            "kaplan_meier: column 'entry' is not before column 'time' in 1 row (row 4). Follow-up is "
            "(entry, time]; use Cohort.window() or exclude rows without follow-up."
        ),
    ):
        kaplan_meier(broken, zero_survival="drop")


def test_years_of_a_cohort_were_taken_for_days() -> None:
    with pytest.raises(
        DataError,
        match=exactly(
            "kaplan_meier: column 'years' is not a whole number of days in 3 rows (rows 2, 3, 4). A "
            "cohort counts days; for another unit pass cohort.data and the names of its columns."
        ),
    ):
        kaplan_meier(cohort(years=[0.0, 0.5, 1.5, 2.5]), time="years")


def test_too_many_combinations_of_labels_overflowed() -> None:
    frame = pd.DataFrame({f"c{n}": np.arange(300_000) for n in range(4)} | {"t": 1, "d": 1})
    with pytest.raises(
        OptionError,
        match=exactly(
            "kaplan_meier: c0, c1, c2, c3 have too many combinations of labels to be counted. Group "
            "by fewer columns."
        ),
    ):
        kaplan_meier(frame, by=["c0", "c1", "c2", "c3"], **NAMES)


def test_a_daily_grid_without_a_life_table_gave_distinct_times() -> None:
    assert tally(pd.DataFrame({"t": [2, 4], "d": 1}), grid=Grid.daily(), **NAMES).end.tolist() == [
        0,
        1,
        2,
        3,
        4,
    ]


def test_breaks_took_what_is_no_number() -> None:
    with pytest.raises(OptionError, match=exactly("Grid.breaks() takes ascending times greater than 0.")):
        Grid.breaks([1, math.nan, 3])


def test_tallies_of_different_rules_for_the_day_of_diagnosis_were_added() -> None:
    same_day = cohort(time=[0, 9, 1, 5])
    with pytest.raises(
        DataError,
        match=exactly(
            "These tallies cannot be added: they differ in conventions. Make both with the same by=, "
            "grid=, life table and options."
        ),
    ):
        tally(same_day) + tally(same_day, zero_survival="drop")


@pytest.mark.filterwarnings("ignore:net_survival. no age in column:childsurv.errors.ChildsurvWarning")
@pytest.mark.parametrize("first_day", [0.02, 0.03, 0.05, 0.1, 1.0])
def test_a_deadly_first_day_of_life_spoilt_the_next_three_years(first_day: float) -> None:
    """A cell of high hazard is expanded about the middle of its block; 0.03 a day gave errors of 1e-4, 0.05 NaN."""
    rest = 1e-5
    table = life_table({0: first_day, 1 / 365.25: rest})
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "t": rng.integers(1, 1000, 50),
            "d": rng.integers(0, 2, 50),
            "age": 0,
            "sex": "male",
            "dx": pd.Timestamp("2001-01-01"),
        }
    )
    # All weights are equal, so the day's log(A / B) is its hazard.
    expected = 1.0
    for day in range(1, 901):
        deaths, at_risk = ((frame["t"] == day) & (frame["d"] == 1)).sum(), (frame["t"] >= day).sum()
        expected *= 1 - deaths / at_risk + (first_day if day == 1 else rest)
    got = net_survival(frame, table, **PEOPLE).at(times=900)["estimate"][0]
    assert got == pytest.approx(expected, rel=1e-10)


def test_one_immortal_patient_left_net_survival_of_236() -> None:
    """Twenty years at the mortality of the oldest give a weight of 1e9; beside it those of children are rounding."""
    frame = pd.DataFrame(
        {
            "t": [*range(11_200, 11_220), 20 * 365],
            "d": [1, 0] * 10 + [0],
            "age": 5000,
            "sex": ["female"] * 20 + ["male"],
            "dx": pd.Timestamp("1991-01-01"),
        }
    )
    with pytest.warns(
        ChildsurvWarning,
        match=exactly(
            "net_survival: 11 days have no estimate, because a patient before them was followed to "
            "where population survival is nearly 0, and weights 1 / S_P(t) of all the others are "
            "lost beside theirs. Such patients are often deaths that the register never learnt of; "
            "check the oldest."
        ),
    ):
        curves = net_survival(frame, life_table({0: 0.003}, female=1e-6), **PEOPLE)
    late = curves.at(times=[10, 11_210])["estimate"]
    assert late[0] == pytest.approx((1 + (20 * 1e-6 + 0.003) / 21) ** 10, rel=1e-3)
    assert math.isnan(late[1])


def test_ederer_two_counted_those_at_risk_who_had_yet_to_enter() -> None:
    frame = pd.DataFrame(
        {
            "t": [10, 20, 30],
            "d": 1,
            "s": [0, 0, 15],
            "age": 5000,
            "sex": "male",
            "dx": pd.Timestamp("2001-05-05"),
        }
    )
    at = net_survival(frame, life_table({0: 1e-4}), method="ederer2", entry="s", **PEOPLE).at(
        times=[12, 14, 16]
    )
    assert at["at_risk"].tolist() == [1, 1, 2]
