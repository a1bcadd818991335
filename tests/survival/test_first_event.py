from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import ColumnError, DataError, OptionError
from strategies import exactly

EVENTS = ["relapse_date", "second_tumour_date", "death"]


@pytest.fixture
def children() -> pd.DataFrame:
    start = pd.Timestamp("2010-01-01")

    def after(days: list[int]) -> list[pd.Timestamp]:
        return [start + pd.Timedelta(day, unit="D") if day >= 0 else pd.NaT for day in days]

    return pd.DataFrame(
        {
            "diagnosis_date": start,
            "days": [1000, 1000, 1000, 500, 300, 100],
            "dead": [0, 0, 1, 1, 1, 0],
            # relapse only; tumour before relapse; death only; relapse on the day of death; none but death; none
            "relapse_date": after([200, 400, -1, 500, -1, -1]),
            "second_tumour_date": after([-1, 300, -1, -1, -1, -1]),
        }
    )


def test_the_first_event_and_its_time_by_hand(children):
    result = cs.first_event(children, EVENTS, time="days", event="dead")
    assert result["days"].tolist() == [200, 300, 1000, 500, 300, 100]
    assert result["dead"].tolist() == [1, 1, 1, 1, 1, 0]
    assert result["first_event"].tolist() == [1, 2, 3, 1, 3, 0]
    # Named first, death comes before a relapse of the same day.
    other = cs.first_event(children, ["death", "relapse_date"], time="days", event="dead")
    assert other["first_event"].tolist() == [2, 2, 1, 1, 1, 0]
    # Without death, follow-up goes on to its end, which is said.
    with pytest.warns(
        cs.errors.ChildsurvWarning,
        match=exactly(
            "first_event: 2 children died without any of these events and count as if lost to "
            "follow-up, which overstates incidences and is no event-free survival. Name 'death' in "
            "first_of= as well."
        ),
    ) as told:
        alone = cs.first_event(children, "relapse_date", time="days", event="dead")
    assert told[0].filename == __file__
    assert alone[["days", "dead"]].to_numpy().tolist() == [
        [200, 1],
        [400, 1],
        [1000, 0],
        [500, 1],
        [300, 0],
        [100, 0],
    ]
    assert children["days"].tolist() == [1000, 1000, 1000, 500, 300, 100]


def test_event_free_survival_and_incidences_add_to_one(children):
    result = cs.first_event(children, EVENTS, time="days", event="dead")
    free = cs.kaplan_meier(result, time="days", event="dead").at(times=[250, 450, 900])
    incidence = cs.cumulative_incidence(
        result, cause="first_event", time="days", causes={1: "relapse", 2: "second tumour", 3: "death"}
    ).at(times=[250, 450, 900])
    total = incidence.groupby("time")["estimate"].sum().to_numpy()
    assert total + free["estimate"].to_numpy() == pytest.approx(1, rel=1e-13)
    # Of five at risk on day 200, one relapses.
    relapse = incidence[incidence["cause"] == "relapse"]
    assert relapse["estimate"].iloc[0] == pytest.approx(1 / 5, rel=1e-14)


def test_a_cohort_keeps_its_kind_and_its_own_deaths():
    cohort = cs.demo.cohort(patients=800, seed=5)
    frame = cohort.data
    rng = np.random.default_rng(2)
    relapse = (frame["time"] * rng.random(len(frame))).astype(int)
    dates = frame["diagnosis_date"] + pd.to_timedelta(relapse, unit="D")
    marked = cohort.with_columns(relapse_date=dates.where(rng.random(len(frame)) < 0.3))
    result = cs.first_event(marked, ["relapse_date", "death"])
    assert isinstance(result, cs.Cohort)
    assert (result.data["time"] <= cohort.data["time"]).all()
    free = cs.kaplan_meier(result).at(years=5)["estimate"][0]
    assert free < cs.kaplan_meier(cohort).at(years=5)["estimate"][0]
    assert cs.first_event(cohort, ["death"]).data["time"].equals(cohort.data["time"])
    late = marked.window(followed=("2015-01-01", "2017-12-31"))
    with pytest.raises(
        OptionError,
        match=exactly(
            "first_event: some children enter late. An event before entry would be lost: call "
            "first_event() first and choose the window afterwards."
        ),
    ):
        cs.first_event(late, ["relapse_date"])


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({}, {"first_of": []}, OptionError, "names different columns"),
        ({}, {"first_of": ["death", "death"]}, OptionError, "names different columns"),
        ({}, {"first_of": ["metastasis"]}, ColumnError, "no column 'metastasis'"),
        ({}, {"time": None}, ColumnError, "needs time= and event="),
        ({"days": 10.5}, {}, DataError, "not a whole number of days"),
        ({"days": 150}, {}, DataError, r"'relapse_date' is after the end of follow-up in 3 rows \(rows 1, 2, 4\)"),
        (
            {"diagnosis_date": pd.Timestamp("2010-12-01")}, {}, DataError,
            r"'relapse_date' is before column 'diagnosis_date' in 1 row \(row 1\)",
        ),
        ({"relapse_date": "2010-05-05"}, {}, ColumnError, "not dates"),
    ],
)  # fmt: skip
def test_faults(children, change, options, error, message):
    with pytest.raises(error, match=message):
        cs.first_event(
            children.assign(**change), **({"first_of": EVENTS, "time": "days", "event": "dead"} | options)
        )


@pytest.mark.parametrize("window", ["period", "followed", "cohort"])
def test_incidences_after_a_window_count_what_lies_in_it(window):
    """A cause that came after the window's end is none: incidences and event-free survival still add to one."""
    cohort = cs.demo.cohort(patients=1500, seed=4)
    frame = cohort.frame
    half = np.ceil(frame["time"] * 0.5).astype("timedelta64[D]")
    marked = cohort.with_columns(
        relapse_date=(frame["diagnosis_date"] + half).where(np.arange(len(frame)) % 5 == 0)
    )
    first = cs.first_event(marked, ["relapse_date", "death"])
    own = {
        "period": lambda: cs.period_approach(first, followed=("2015-01-01", "2017-12-31")),
        "followed": lambda: first.window(followed=(None, "2012-12-31")),
        "cohort": lambda: cs.cohort_approach(first, diagnosed=("2005-01-01", "2009-12-31"), years=3),
    }[window]()
    incidence = cs.cumulative_incidence(own, cause="first_event")
    survival = cs.kaplan_meier(own)
    at, left = incidence.at(years=[1, 2.5]), survival.at(years=[1, 2.5])
    total = at["estimate"].to_numpy().reshape(2, 2).sum(axis=0)
    np.testing.assert_allclose(total + left["estimate"].to_numpy(), 1.0, rtol=0, atol=1e-12)
    assert incidence.groups["total_events"].sum() == own.frame["event"].sum()
    later = int(((own.frame["first_event"] > 0) & (own.frame["event"] == 0)).sum())
    assert later > 0
    assert incidence.conventions["causes_after_follow_up"] == later
    # So does the test: the same as on a table in which those causes are none.
    table = own.frame.assign(cause=own.frame["first_event"].where(own.frame["event"] == 1, 0))
    entry = {"entry": "entry"} if (table["entry"] > 0).any() else {}
    theirs = cs.gray_test(table[table["time"] > 0], cause="cause", by="sex", time="time", **entry)
    ours = cs.gray_test(own, cause="first_event", by="sex", zero_survival="drop")
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-10)


def test_causes_of_a_cohort_without_an_event_are_told_where_no_window_explains_them():
    cohort = cs.demo.cohort(patients=600, seed=2)
    marked = cohort.with_columns(own_cause=np.where(np.arange(len(cohort)) % 3 == 0, 2, 0))
    with pytest.warns(
        cs.errors.ChildsurvWarning,
        match=exactly(
            "cumulative_incidence: 135 rows have a cause in column 'own_cause' and no event in the "
            "cohort; they count as censored. Let first_event() end follow-up with these events, or "
            "give a DataFrame."
        ),
    ) as told:
        cs.cumulative_incidence(marked, cause="own_cause")
    assert told[0].filename == __file__
