from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.errors import DataError, OptionError


@pytest.fixture(scope="module")
def cohort() -> cs.Cohort:
    return cs.demo.cohort(patients=4000, seed=8)


def made(rows: list[tuple[str, int, int]], closing: str = "2019-12-31") -> Cohort:
    """Diagnosis, days of follow-up, death."""
    frame = pd.DataFrame(rows, columns=["diagnosis_date", "time", "event"]).assign(entry=0)
    frame["diagnosis_date"] = pd.to_datetime(frame["diagnosis_date"])
    return Cohort(frame, len(frame), pd.Timestamp(closing).date(), empty_findings(), join_exclusions([]))


ROWS = [("2010-01-01", 3000, 1), ("2014-06-01", 200, 1), ("2014-06-01", 1500, 0), ("2016-01-01", 500, 1)]


# By hand


def test_cohort_approach_cuts_follow_up_at_its_years():
    chosen = cs.cohort_approach(made(ROWS), diagnosed=("2010-01-01", "2014-12-31"), years=5)
    assert chosen.data[["time", "event"]].to_numpy().tolist() == [[1827, 0], [200, 1], [1500, 0]]
    assert chosen.conventions["approach"] == "cohort: diagnosed 2010-01-01 to 2014-12-31, followed 5 years"
    assert cs.kaplan_meier(chosen).conventions["approach"].startswith("cohort")


def test_hybrid_approach_lets_the_last_diagnosed_contribute_from_diagnosis_on():
    window = ("2015-01-01", "2017-12-31")
    hybrid = cs.hybrid_approach(made(ROWS), diagnosed=("2014-01-01", "2014-12-31"), followed=window)
    # The first enters late, 1,825 days after diagnosis, and is cut at the end of 2017; the two of 2014 count from 0.
    assert hybrid.data[["entry", "time", "event"]].to_numpy().tolist() == [
        [1825, 2921, 0],
        [0, 200, 1],
        [0, 1309, 0],
    ]
    period = cs.period_approach(made(ROWS), followed=window)
    assert period.data[["entry", "time", "event"]].to_numpy().tolist() == [
        [1825, 2921, 0],
        [213, 1309, 0],
        [0, 500, 1],
    ]
    assert "from diagnosis on" in hybrid.conventions["approach"]


def test_complete_approach_takes_what_follow_up_there_is():
    chosen = cs.complete_approach(made(ROWS), diagnosed=("2014-01-01", None))
    assert chosen.data["time"].tolist() == [200, 1500, 500]
    assert chosen.conventions["approach"] == "complete: diagnosed 2014-01-01 to the last, all follow-up"


# Laws


def test_approaches_are_windows(cohort):
    window = ("2012-01-01", "2014-12-31")
    period = cs.period_approach(cohort, followed=window)
    plain = cohort.window(diagnosed=(None, window[1]), followed=window)
    pd.testing.assert_frame_equal(period.data, plain.data)
    complete = cs.complete_approach(cohort, diagnosed=window)
    pd.testing.assert_frame_equal(complete.data, cohort.window(diagnosed=window).data)


def test_hybrid_adds_to_the_period_what_recent_children_were_followed_before(cohort):
    followed, diagnosed = ("2014-01-01", "2016-12-31"), ("2012-01-01", "2013-12-31")
    hybrid = cs.hybrid_approach(cohort, diagnosed=diagnosed, followed=followed).data
    period = cs.period_approach(cohort, followed=followed).data
    period = period[period["diagnosis_date"] <= diagnosed[1]]
    before = cohort.window(diagnosed=diagnosed, followed=(None, "2013-12-31")).data
    days = [(frame["time"] - frame["entry"]).sum() for frame in (hybrid, period, before)]
    deaths = [frame["event"].sum() for frame in (hybrid, period, before)]
    assert days[0] == days[1] + days[2]
    assert deaths[0] == deaths[1] + deaths[2]


def test_nothing_is_lost(cohort):
    for chosen in (
        cs.cohort_approach(cohort, diagnosed=("2005-01-01", "2009-12-31"), years=5),
        cs.complete_approach(cohort, diagnosed=("2005-01-01", "2009-12-31")),
        cs.period_approach(cohort, followed=("2012-01-01", "2014-12-31")),
        cs.hybrid_approach(
            cohort, diagnosed=("2012-01-01", "2013-12-31"), followed=("2014-01-01", "2016-12-31")
        ),
    ):
        assert (
            len(chosen) + chosen.exclusions["patients"].sum()
            == len(cohort) + cohort.exclusions["patients"].sum()
        )


# Truth


def test_without_a_trend_all_approaches_estimate_the_same():
    rng = np.random.default_rng(4)
    n = 20_000
    diagnosis = pd.Timestamp("2000-01-01") + pd.to_timedelta(rng.integers(0, 5479, n), unit="D")
    closing = pd.Timestamp("2019-12-31")
    death = np.ceil(rng.exponential(4000, n)).astype(int)
    potential = (closing - diagnosis).days.to_numpy()
    frame = pd.DataFrame(
        {
            "diagnosis_date": diagnosis,
            "entry": 0,
            "time": np.minimum(death, potential),
            "event": (death <= potential).astype(int),
        }
    )
    cohort = Cohort(frame, n, closing.date(), empty_findings(), join_exclusions([]))
    truth = np.exp(-5 * 365.25 / 4000)
    for chosen in (
        cs.cohort_approach(cohort, diagnosed=("2005-01-01", "2009-12-31"), years=5),
        cs.complete_approach(cohort, diagnosed=("2008-01-01", "2014-12-31")),
        cs.period_approach(cohort, followed=("2012-01-01", "2014-12-31")),
        cs.hybrid_approach(
            cohort, diagnosed=("2010-01-01", "2014-12-31"), followed=("2015-01-01", "2017-12-31")
        ),
    ):
        at = cs.kaplan_meier(chosen).at(years=5)
        # Some 5,000 children: a standard error of 0.7 points; three of them.
        assert at["estimate"][0] == pytest.approx(truth, abs=0.02)


# Faults


def test_faults(cohort):
    with pytest.raises(
        DataError,
        match=(
            r"^cohort_approach: the closing date comes before 5 years of follow-up in 1 row \(row 1\)\. "
            r"Take earlier diagnoses, fewer years, or complete_approach\(\), which uses what follow-up "
            r"there is\.$"
        ),
    ):
        cs.cohort_approach(made(ROWS), diagnosed=("2016-01-01", "2016-12-31"), years=5)
    bare = made(ROWS)
    bare = Cohort(bare.frame, len(bare), None, empty_findings(), join_exclusions([]))
    with pytest.raises(
        DataError,
        match=(
            r"^cohort_approach: the closing date is missing in 1 row \(row 1\)\. Read the extract with "
            r"closing_date=, or use another approach\.$"
        ),
    ):
        cs.cohort_approach(bare, diagnosed=("2010-01-01", "2011-12-31"), years=5)
    with pytest.raises(OptionError, match=r"^cohort_approach: years= takes a length greater than 0\.$"):
        cs.cohort_approach(cohort, diagnosed=("2010-01-01", "2011-12-31"), years=0)
    with pytest.raises(OptionError, match=r"^cohort_approach: diagnosed= takes a first and a last date\.$"):
        cs.cohort_approach(cohort, diagnosed=(None, "2011-12-31"), years=5)
    with pytest.raises(OptionError, match=r"^period_approach: followed= takes a first and a last date\.$"):
        cs.period_approach(cohort, followed=("2011-12-31", None))
    with pytest.raises(
        OptionError,
        match=(
            "^hybrid_approach: diagnosed= must begin before followed=; otherwise no child contributes "
            r"more than in period_approach\(\)\.$"
        ),
    ):
        cs.hybrid_approach(
            cohort, diagnosed=("2015-06-01", "2015-12-31"), followed=("2015-01-01", "2017-12-31")
        )
