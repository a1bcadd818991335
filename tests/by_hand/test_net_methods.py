"""Every way of counting net survival by hand: few children, constant hazards, closed forms."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.cohort.cohort import empty_findings, join_exclusions
from strategies import exactly

EXACT = {"rel": 1e-12, "abs": 1e-13}
Z = 1.959963984540054
A, B = 0.0004, 0.00005
"""Hazards a day of boys and girls."""


def table(male: float = A, female: float = B) -> cs.LifeTable:
    rows = [
        (sex, age, year, hazard)
        for sex, hazard in (("male", male), ("female", female))
        for age in range(12)
        for year in range(2000, 2012)
    ]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "hazard"])
    return cs.LifeTable.from_frame(frame, rate="hazard", rate_unit="per_day")


def children(times: list[int], events: list[int], sexes: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": times,
            "event": events,
            "sex": sexes,
            "age_days": 500,
            "diagnosis_date": pd.Timestamp("2001-06-15"),
        }
    )


# A boy dies at 200, a girl is lost at 300, a boy dies at 500, a girl is followed to 700.
FOUR = children([200, 300, 500, 700], [1, 0, 1, 0], ["male", "female", "male", "female"])


def net(frame: pd.DataFrame = FOUR, **options: Any) -> Any:
    return cs.net_survival(frame, options.pop("table", table()), time="time", event="event", **options)


def both(day: float) -> float:
    """Mean expected survival of two boys and two girls."""
    return (math.exp(-A * day) + math.exp(-B * day)) / 2


def test_ederer_one_divides_by_the_mean_of_all() -> None:
    at = net(method="ederer1").at(times=[100, 200, 500, 700])
    expected = [1 / both(100), 0.75 / both(200), 0.375 / both(500), 0.375 / both(700)]
    assert at["estimate"].tolist() == pytest.approx(expected, **EXACT)
    greenwood = [0, 1 / 12, 1 / 12 + 1 / 2, 1 / 12 + 1 / 2]
    errors = [s * math.sqrt(v) for s, v in zip(expected, greenwood, strict=True)]
    assert at["std_error"].tolist() == pytest.approx(errors, **EXACT)


def test_hakulinen_lets_go_of_those_whose_closing_date_has_come() -> None:
    # Boys could be followed for 600 days, girls for 800.
    closing = pd.to_datetime(["2001-06-15"] * 4) + pd.to_timedelta([600, 800, 600, 800], "D")
    frame = FOUR.assign(closed=closing)
    at = net(frame, method="hakulinen", closing_date="closed").at(times=[500, 600, 700])
    at_600 = both(600)
    expected = [0.375 / both(500), 0.375 / at_600, 0.375 / (at_600 * math.exp(-B * 100))]
    assert at["estimate"].tolist() == pytest.approx(expected, **EXACT)
    # One date for all that nobody reaches is Ederer I.
    alike = net(method="hakulinen", closing_date="2010-01-01").table
    pd.testing.assert_frame_equal(alike, net(method="ederer1").table, rtol=1e-12)


def test_hakulinen_counts_a_child_diagnosed_on_the_closing_date_for_one_day() -> None:
    # The girl is diagnosed on the closing date and dies on it, which counts in the first day; the boys are followed on.
    frame = children([0, 10, 10], [1, 1, 0], ["female", "male", "male"]).assign(entry=0)
    frame["diagnosis_date"] = pd.to_datetime(["2001-06-15", "2001-06-05", "2001-06-05"])
    frame["birth_date"] = frame["diagnosis_date"] - pd.Timedelta(500, "D")
    cohort = cs.Cohort(frame, len(frame), dt.date(2001, 6, 15), empty_findings(), join_exclusions([]))
    at = cs.net_survival(cohort, table(), method="hakulinen").at(times=[1, 9, 10])
    first = (2 * math.exp(-A) + math.exp(-B)) / 3
    expected = [2 / 3 / first, 2 / 3 / (first * math.exp(-8 * A)), 1 / 3 / (first * math.exp(-9 * A))]
    assert at["estimate"].tolist() == pytest.approx(expected, **EXACT)
    assert at["at_risk"].tolist() == [3, 2, 2]


def test_exponential_forms() -> None:
    one = children([10, 20, 30], [1, 0, 1], ["male"] * 3)
    h = A
    for method in ("pohar-perme", "ederer2"):
        at = net(one, method=method, form="exponential").at(times=[10, 30])
        expected = [math.exp(10 * h - 1 / 3), math.exp(30 * h - 1 / 3 - 1)]
        assert at["estimate"].tolist() == pytest.approx(expected, **EXACT)
    for method in ("ederer1", "hakulinen"):
        options = {"closing_date": "2011-01-01"} if method == "hakulinen" else {}
        at = net(one, method=method, form="exponential", **options).at(times=[10, 30])
        assert at["estimate"].tolist() == pytest.approx(expected, **EXACT)
        variance = 1 / 9 + 1
        assert at["std_error"][1] == pytest.approx(expected[1] * math.sqrt(variance), **EXACT)


ENDS = [1, 2]
YEAR = 365.25


def test_person_time_by_intervals_with_one_hazard() -> None:
    one = children([200, 300, 500, 700], [1, 0, 1, 0], ["male"] * 4)
    y = [200 + 300 + 2 * YEAR, 500 + 700 - 2 * YEAR]
    # All hazards alike: the population part is k times it.
    expected = np.exp(-np.cumsum([YEAR * (1 / y[0] - A), YEAR * (1 / y[1] - A)]))
    variance = np.cumsum([(YEAR / y[0]) ** 2, (YEAR / y[1]) ** 2])
    plain = net(one, method="ederer2", intervals=ENDS).table
    assert plain["time"].tolist() == [YEAR, 2 * YEAR]
    assert plain["at_risk"].tolist() == [4, 2]
    assert plain["events"].tolist() == [1, 1]
    assert plain["censored"].tolist() == [1, 1]
    assert plain["estimate"].tolist() == pytest.approx(expected.tolist(), **EXACT)
    assert plain["std_error"].tolist() == pytest.approx((expected * np.sqrt(variance)).tolist(), **EXACT)
    observed = net(one, method="ederer1", intervals=ENDS).table
    own = np.exp(-np.cumsum([YEAR / y[0], YEAR / y[1]]))
    assert observed["estimate"].tolist() == pytest.approx(
        (own * np.exp(A * np.array([YEAR, 2 * YEAR]))).tolist(), **EXACT
    )


def test_weighted_person_time_by_intervals() -> None:
    at = net(intervals=ENDS).table
    boys = [(0, 200), (0, 500)]
    girls = [(0, 300), (0, 700)]

    def time(hazard: float, start: float, stop: float) -> float:
        return (math.exp(hazard * stop) - math.exp(hazard * start)) / hazard

    estimate, variance = 1.0, 0.0
    for low, high, deaths in ((0.0, YEAR, [200]), (YEAR, 2 * YEAR, [500])):
        y = e = 0.0
        for hazard, people in ((A, boys), (B, girls)):
            for _, stop in people:
                if stop > low:
                    own = time(hazard, low, min(stop, high))
                    y += own
                    e += hazard * own
        d = sum(math.exp(A * day) for day in deaths)
        estimate *= math.exp(-YEAR * (d - e) / y)
        variance += YEAR**2 * sum(math.exp(2 * A * day) for day in deaths) / y**2
        row = at[at["time"] == high].iloc[0]
        # Within a day person-time is taken as the mean of its ends: off by a twelfth of its squared hazard, 1.3e-8;
        # and what a break cuts off a day counts as evenly spread in it: off by a tenth of its hazard, 4e-5 days.
        assert row["estimate"] == pytest.approx(estimate, rel=2e-7)
        assert row["std_error"] == pytest.approx(estimate * math.sqrt(variance), rel=1e-7)


def test_actuarial_ederer_two() -> None:
    at = net(method="ederer2", form="actuarial", intervals=ENDS).table
    first = (1 - 1 / 3.5) / both(YEAR)
    # Of the two who enter the second year, one of each sex: its expected survival is that of a year.
    second = first * (1 - 1 / 1.5) / both(YEAR)
    assert at["estimate"].tolist() == pytest.approx([first, second], **EXACT)
    variance = [1 / (3.5 * 2.5), 1 / (3.5 * 2.5) + 1 / (1.5 * 0.5)]
    errors = [first * math.sqrt(variance[0]), second * math.sqrt(variance[1])]
    assert at["std_error"].tolist() == pytest.approx(errors, **EXACT)


def actuarial_pohar_perme(length: float, a: float, b: float) -> tuple[list[float], list[float]]:
    """Two intervals of a length in which a boy dies and a girl is lost each, hazards of the interval a and b."""
    estimates, variances = [], []
    estimate, variance = 1.0, 0.0
    for number, (boys, girls) in enumerate([(2, 2), (1, 1)]):
        wa, wb = math.exp(a * (number + 0.5)), math.exp(b * (number + 0.5))
        n = boys * wa + girls * wb
        effective = (boys - 0.5) * wa + (girls - 0.5) * wb
        hazard = ((boys - 0.5) * wa * a + (girls - 0.5) * wb * b) / effective
        estimate *= (1 - wa / (n - wb / 2)) * math.exp(hazard)
        variance += wa**2 / (n - wb / 2 - wa / 2) ** 2
        estimates.append(estimate)
        variances.append(variance)
    return estimates, variances


def test_actuarial_pohar_perme() -> None:
    at = net(form="actuarial", intervals=ENDS).table
    expected, variances = actuarial_pohar_perme(YEAR, A * YEAR, B * YEAR)
    assert at["estimate"].tolist() == pytest.approx(expected, **EXACT)
    errors = [s * math.sqrt(v) for s, v in zip(expected, variances, strict=True)]
    assert at["std_error"].tolist() == pytest.approx(errors, **EXACT)


def log_log(survival: float, variance: float) -> tuple[float, float]:
    spread = Z * math.sqrt(variance) / abs(math.log(survival))
    return survival ** math.exp(spread), survival ** math.exp(-spread)


def test_strs_cohort() -> None:
    """Stata's year is 365.24 days, and a hazard per year is 365.25 times ours a day."""
    a, b = A * 365.25, B * 365.25
    strs = {"compat": "strs", "intervals": ENDS}
    at = net(**strs).table
    expected, variances = actuarial_pohar_perme(1.0, a, b)
    assert at["estimate"].tolist() == pytest.approx(expected, **EXACT)
    limits = [log_log(s, v) for s, v in zip(expected, variances, strict=True)]
    assert at["lower"].tolist() == pytest.approx([low for low, _ in limits], **EXACT)
    assert at["upper"].tolist() == pytest.approx([high for _, high in limits], **EXACT)

    mean = (math.exp(-a) + math.exp(-b)) / 2
    own = [1 - 1 / 3.5, (1 - 1 / 3.5) * (1 - 1 / 1.5)]
    variances = [1 / (3.5 * 2.5), 1 / (3.5 * 2.5) + 1 / (1.5 * 0.5)]
    at = net(method="ederer2", **strs).table
    assert at["estimate"].tolist() == pytest.approx([own[0] / mean, own[1] / mean**2], **EXACT)
    # Its limits are those of observed survival over expected survival.
    limits = [log_log(s, v) for s, v in zip(own, variances, strict=True)]
    assert at["lower"].tolist() == pytest.approx([limits[0][0] / mean, limits[1][0] / mean**2], **EXACT)
    assert at["upper"].tolist() == pytest.approx([limits[0][1] / mean, limits[1][1] / mean**2], **EXACT)

    at = net(method="ederer1", **strs).table
    two = (math.exp(-2 * a) + math.exp(-2 * b)) / 2
    assert at["estimate"].tolist() == pytest.approx([own[0] / mean, own[1] / two], **EXACT)


def test_strs_and_stnet_by_person_time() -> None:
    """In Pohar Perme's form somebody who leaves counts half of the interval."""
    a, b = A * 365.25, B * 365.25
    estimate, variance, expected, variances = 1.0, 0.0, [], []
    for number, (boys, girls) in enumerate([(2, 2), (1, 1)]):
        wa, wb = math.exp(a * (number + 0.5)), math.exp(b * (number + 0.5))
        y = (boys - 0.5) * wa + (girls - 0.5) * wb
        e = (boys - 0.5) * wa * a + (girls - 0.5) * wb * b
        estimate *= math.exp(-(wa - e) / y)
        variance += wa**2 / y**2
        expected.append(estimate)
        variances.append(variance)
    for options in ({"compat": "strs", "form": "person-time"}, {"compat": "stnet"}):
        at = net(intervals=ENDS, **options).table
        assert at["estimate"].tolist() == pytest.approx(expected, **EXACT)
        limits = [log_log(s, v) for s, v in zip(expected, variances, strict=True)]
        assert at["lower"].tolist() == pytest.approx([low for low, _ in limits], **EXACT)
    # Ederer II: strs takes the exact time, stnet half of the interval.
    mean = (math.exp(-a) + math.exp(-b)) / 2
    year = 365.24
    exact = [(200 + 300) / year + 2, (500 + 700) / year - 2]
    for options, y in (({"compat": "strs", "form": "person-time"}, exact), ({"compat": "stnet"}, [3.0, 1.0])):
        at = net(intervals=ENDS, method="ederer2", **options).table
        own = np.exp(-np.cumsum([1 / y[0], 1 / y[1]]))
        assert at["estimate"].tolist() == pytest.approx((own / mean ** np.array([1, 2])).tolist(), **EXACT)


def test_stata_looks_up_whole_years_at_the_start_of_intervals() -> None:
    """A hazard that doubles with each year of age: at the start of the second interval a year more has passed."""
    rows = [
        (sex, age, year, 1e-5 * 2**age * (1 + (year == 2002)))
        for sex in ("male", "female") for age in range(12) for year in range(2000, 2012)
    ]  # fmt: skip
    doubling = cs.LifeTable.from_frame(
        pd.DataFrame(rows, columns=["sex", "age", "year", "h"]), rate="h", rate_unit="per_day"
    )
    # 500 days old on 15 June 2001: aged 1; half-yearly intervals begin at 1.37, 1.87, 2.37 and 2.87 years of exact age,
    # and in 2001.45, 2001.95, 2002.45 and 2002.95.
    frame = children([900, 900], [0, 0], ["male", "female"])
    halves = [0.5, 1, 1.5, 2]
    for compat, ages in (("strs", [1, 1, 2, 2]), ("stnet", [1, 1, 2, 2])):
        with pytest.warns(
            cs.ChildsurvWarning,
            match=exactly(
                "net_survival: there are no events in 2 rows, so limits have no width. Check that the "
                "event column has 1 for a death."
            ),
        ):
            at = net(frame, table=doubling, compat=compat, method="ederer2", intervals=halves).table
        yearly = [1e-5 * 2**age * (1 + (place >= 2)) * 365.25 for place, age in enumerate(ages)]
        assert at["estimate"].tolist() == pytest.approx(np.exp(np.cumsum(yearly) / 2).tolist(), **EXACT)


def test_stata_puts_an_exit_on_a_break_into_the_later_interval() -> None:
    # 25 years of 365.24 days are 9,131 days.
    old = cs.LifeTable.from_frame(
        pd.DataFrame(
            [(sex, 0, 1960, 0.0) for sex in ("male", "female")], columns=["sex", "age", "year", "h"]
        ),
        rate="h", rate_unit="per_day",
    ).extend("last")  # fmt: skip
    frame = children([9131, 10000], [1, 0], ["male", "female"])
    for compat in ("strs", "stnet"):
        at = net(frame, table=old, compat=compat, method="ederer2", intervals=[25, 30]).table
        assert at["events"].tolist() == [0, 1]
    assert net(frame, table=old, method="ederer2", intervals=[25, 30]).table["events"].tolist() == [1, 0]


def test_case_weights() -> None:
    """A boy who counts three and a girl who counts one; numbers are heads."""
    frame = children([5, 8], [1, 0], ["male", "female"]).assign(w=[3.0, 1.0])
    at = net(frame, weights="w").at(times=5)

    def total(day: int) -> float:
        return 3 * math.exp(A * day) + math.exp(B * day)

    survival = 1.0
    for day in range(1, 6):
        survival *= (
            1 + math.log(total(day) / total(day - 1)) - (3 * math.exp(5 * A) / total(5) if day == 5 else 0)
        )
    assert at["estimate"][0] == pytest.approx(survival, **EXACT)
    assert at["std_error"][0] == pytest.approx(survival * 3 * math.exp(5 * A) / total(5), **EXACT)
    assert at[["at_risk", "events"]].to_numpy().tolist() == [[2, 1]]
    plain = net(frame, weights="w", method="ederer2").at(times=5)
    mean = (3 * A + B) / 4
    assert plain["estimate"][0] == pytest.approx((1 + mean) ** 4 * (1 - 3 / 4 + mean), **EXACT)
    assert plain["std_error"][0] == pytest.approx(plain["estimate"][0] * 3 / 4, **EXACT)
