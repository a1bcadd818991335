"""Period windows by hand: who is at risk on which days when a date falls on, before or after a boundary."""

from __future__ import annotations

import datetime as dt
import itertools

import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.fold.tallying import tally


def cohort(rows: list[tuple[str, str, int]]) -> Cohort:
    """Make a cohort of (diagnosis, last contact, dead)."""
    frame = pd.DataFrame(
        {
            "diagnosis_date": pd.to_datetime([diagnosis for diagnosis, _, _ in rows]),
            "entry": 0,
            "time": [
                (dt.date.fromisoformat(last) - dt.date.fromisoformat(first)).days for first, last, _ in rows
            ],
            "event": [dead for _, _, dead in rows],
            "child": range(len(rows)),
        }
    )
    return Cohort(frame, len(rows), dt.date(2015, 12, 31), empty_findings(), join_exclusions([]))


WINDOW = ("2010-01-01", "2010-12-31")


@pytest.mark.parametrize(
    ("diagnosis", "last", "dead", "expected"),
    [
        # Diagnosed inside: at risk from diagnosis.
        ("2010-03-01", "2010-03-11", 1, (0, 10, 1)),
        # Diagnosed on the first day of the window: nothing before it to leave out.
        ("2010-01-01", "2010-01-11", 0, (0, 10, 0)),
        # Diagnosed the day before: that day's own follow-up begins on the first day of the window.
        ("2009-12-31", "2010-01-10", 1, (0, 10, 1)),
        # Diagnosed earlier: the window's first day is the day after entry.
        ("2009-12-21", "2010-01-10", 1, (10, 20, 1)),
        # Death on the first day of the window counts; one day at risk.
        ("2009-12-21", "2010-01-01", 1, (10, 11, 1)),
        # Death on the last day before does not: no day in the window.
        ("2009-12-21", "2009-12-31", 1, None),
        # Death on the last day counts; on the day after it is censored at the end.
        ("2010-12-21", "2010-12-31", 1, (0, 10, 1)),
        ("2010-12-21", "2011-01-01", 1, (0, 10, 0)),
        # Diagnosed on the last day and followed on: no whole day inside.
        ("2010-12-31", "2011-06-01", 0, None),
        ("2011-01-01", "2011-06-01", 1, None),
        # Over the whole window: 365 days.
        ("2008-02-29", "2014-01-01", 1, (671, 1036, 0)),
        # Deaths on the day of diagnosis belong to the window that holds that day.
        ("2010-01-01", "2010-01-01", 1, (0, 0, 1)),
        ("2010-12-31", "2010-12-31", 1, (0, 0, 1)),
        ("2009-12-31", "2009-12-31", 1, None),
        ("2011-01-01", "2011-01-01", 1, None),
    ],
)
def test_boundaries(diagnosis: str, last: str, dead: int, expected: tuple[int, int, int] | None) -> None:
    period = cohort([(diagnosis, last, dead)]).window(followed=WINDOW)
    rows = [tuple(row) for row in period.data[["entry", "time", "event"]].to_numpy().tolist()]
    assert rows == ([] if expected is None else [expected])
    assert len(period) + period.exclusions["patients"].sum() == 1


def test_days_at_risk_are_those_of_the_window() -> None:
    whole = cohort([("2008-02-29", "2014-01-01", 1)]).window(followed=WINDOW).data
    assert (whole["time"] - whole["entry"]).tolist() == [365]


def test_adjoining_windows_share_out_every_day_and_death() -> None:
    first, last = dt.date(2007, 12, 25), dt.date(2008, 1, 8)
    dates = [(first + dt.timedelta(n)).isoformat() for n in range((last - first).days + 1)]
    # Every pair of dates about two boundaries, alive and dead.
    rows = [(d, e, dead) for d in dates for e in dates if e >= d for dead in (0, 1)]
    whole = cohort(rows)
    cuts = ["2007-12-30", "2007-12-31", "2008-01-01", "2008-01-03"]
    windows = [(None, cuts[0])]
    for before, after in itertools.pairwise(cuts):
        windows.append(((dt.date.fromisoformat(before) + dt.timedelta(1)).isoformat(), after))
    windows.append(((dt.date.fromisoformat(cuts[-1]) + dt.timedelta(1)).isoformat(), None))
    parts = pd.concat([whole.window(followed=window).data for window in windows])
    days = (
        (parts["time"] - parts["entry"]).groupby(parts["child"]).sum().reindex(range(len(rows)), fill_value=0)
    )
    assert days.tolist() == whole.data["time"].tolist()
    deaths = parts["event"].groupby(parts["child"]).sum().reindex(range(len(rows)), fill_value=0)
    assert deaths.tolist() == whole.data["event"].tolist()


def test_windows_one_inside_another_are_the_inner_one() -> None:
    rows = [("2008-06-01", "2011-05-05", 1), ("2010-01-01", "2010-01-01", 1), ("2009-12-31", "2010-07-01", 0)]
    inner = cohort(rows).window(followed=WINDOW)
    both = cohort(rows).window(followed=("2009-06-01", "2011-06-01")).window(followed=WINDOW)
    columns = ["child", "entry", "time", "event"]
    pd.testing.assert_frame_equal(inner.data[columns], both.data[columns])


def test_windows_of_diagnosis_include_both_ends() -> None:
    rows = [(date, "2012-01-01", 0) for date in ("2009-12-31", "2010-01-01", "2010-12-31", "2011-01-01")]
    kept = cohort(rows).window(diagnosed=WINDOW)
    assert kept.data["child"].tolist() == [1, 2]
    assert kept.exclusions[["rule", "patients"]].to_numpy().tolist() == [["diagnosed-outside-window", 2]]


def test_same_day_deaths_count_in_the_first_day_of_a_window() -> None:
    period = cohort([("2010-05-05", "2010-05-05", 1), ("2010-05-05", "2010-08-01", 0)]).window(
        followed=WINDOW
    )
    first = tally(period).table.set_index("end")
    assert first["events"].to_dict() == {0: 0, 1: 1, 88: 0}
    assert first["at_risk"].to_dict() == {0: 2, 1: 2, 88: 1}
