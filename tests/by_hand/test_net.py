"""Net survival by hand: constant hazards, where the daily estimators have closed forms, and explicit calendar days."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from childsurv.fold.tallying import tally
from childsurv.lifetable.table import LifeTable
from childsurv.net.net import net_survival

EXACT = {"rel": 1e-12, "abs": 1e-13}
Z = 1.959963984540054
COLUMNS = {"time": "time", "event": "event", "age_days": "age_days", "diagnosis_date": "diagnosis_date"}


def life_table(
    hazard: dict[tuple[str, int, int], float] | None = None, *, male: float = 0.0, female: float = 0.0
) -> LifeTable:
    rows = [
        (sex, age, year, hazard[sex, age, year] if hazard else {"male": male, "female": female}[sex])
        for sex in ("male", "female")
        for age in range(8)
        for year in range(2000, 2011)
    ]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "hazard"])
    return LifeTable.from_frame(frame, rate="hazard", rate_unit="per_day")


def children(times: list[int], events: list[int], sexes: list[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": times,
            "event": events,
            "sex": sexes or ["male"] * len(times),
            "age_days": 500,
            "diagnosis_date": pd.Timestamp("2001-06-15"),
        }
    )


@pytest.mark.parametrize("method", ["pohar-perme", "ederer2"])
def test_one_hazard_for_all(method: str) -> None:
    h = 0.0013
    data = children([10, 20, 30, 40], [1, 0, 1, 0])
    net = net_survival(data, life_table(male=h), method=method, **COLUMNS)
    # With one hazard all weights are equal and the day's log(A / B) is h: both are the product of 1 - d / Y + h.
    ten = (1 + h) ** 9 * (1 - 1 / 4 + h)
    thirty = ten * (1 + h) ** 19 * (1 - 1 / 2 + h)
    expected = [ten, ten * (1 + h) ** 10, thirty, thirty * (1 + h) ** 10]
    assert net.table["time"].tolist() == [10, 20, 30, 40]
    assert net.table["estimate"].tolist() == pytest.approx(expected, **EXACT)
    variances = [1 / 16, 1 / 16, 1 / 16 + 1 / 4, 1 / 16 + 1 / 4]
    assert net.table["std_error"].tolist() == pytest.approx(
        [s * math.sqrt(v) for s, v in zip(expected, variances, strict=True)], **EXACT
    )
    assert net.table["upper"].tolist() == pytest.approx(
        [s * math.exp(Z * math.sqrt(v)) for s, v in zip(expected, variances, strict=True)], **EXACT
    )


def test_pohar_perme_with_two_hazards() -> None:
    a, b = 0.004, 0.0005
    data = children([5, 8], [1, 0], ["male", "female"])
    net = net_survival(data, life_table(male=a, female=b), **COLUMNS)

    def total(day: int) -> float:
        return math.exp(a * day) + math.exp(b * day)

    survival = 1.0
    for day in range(1, 5):
        survival *= 1 + math.log(total(day) / total(day - 1))
    survival *= 1 - math.exp(5 * a) / total(5) + math.log(total(5) / total(4))
    at = net.at(times=[5, 8])
    assert at["estimate"][0] == pytest.approx(survival, **EXACT)
    assert at["std_error"][0] == pytest.approx(survival * math.exp(5 * a) / total(5), **EXACT)
    # From then on only the girl is left, whose weight grows by her own hazard.
    assert at["estimate"][1] == pytest.approx(survival * (1 + b) ** 3, **EXACT)


def test_ederer_two_with_two_hazards() -> None:
    a, b = 0.004, 0.0005
    data = children([5, 8], [1, 0], ["male", "female"])
    net = net_survival(data, life_table(male=a, female=b), method="ederer2", **COLUMNS)
    both = (a + b) / 2
    expected = [(1 + both) ** 4 * (1 - 1 / 2 + both)]
    expected.append(expected[0] * (1 + b) ** 3)
    assert net.table["estimate"].tolist() == pytest.approx(expected, **EXACT)


def test_weights_cumulate_from_diagnosis_with_delayed_entry() -> None:
    a, b = 0.004, 0.0005
    data = children([30, 30], [1, 0], ["male", "female"]).assign(entry=[20, 0])
    net = net_survival(data, life_table(male=a, female=b), entry="entry", **COLUMNS)
    # The boy enters at 20 with the weight of 20 days.
    survival = (1 + b) ** 20
    for day in range(21, 31):
        now, before = (math.exp(a * k) + math.exp(b * k) for k in (day, day - 1))
        survival *= 1 + math.log(now / before) - (math.exp(30 * a) / now if day == 30 else 0)
    assert net.at(times=30)["estimate"][0] == pytest.approx(survival, **EXACT)
    assert net.at(times=[20, 21])["at_risk"].tolist() == [1, 2]


# Hazards that differ in every cell, so that a day in a wrong cell shows.
HAZARDS = {
    (sex, age, year): (1 + (sex == "male")) * (age + 1) * (year - 1999) * 1e-6
    for sex in ("male", "female")
    for age in range(8)
    for year in range(2000, 2011)
}


def days(first: str, last: str) -> int:
    return (dt.date.fromisoformat(last) - dt.date.fromisoformat(first)).days


def cumulated(sex: str, birth: str, diagnosis: str, cells: list[tuple[str, int, int]]) -> float:
    """Sum hazard x days over pieces (end date, age, year) counted by hand."""
    total, start = 0.0, diagnosis
    for end, age, year in cells:
        total += days(start, end) * HAZARDS[sex, age, year]
        start = end
    return total


CHILDREN = [
    # Crosses 1 January, then a birthday that 29 February has on 1 March in a common year.
    (
        "male",
        "2000-02-29",
        "2004-12-15",
        [("2005-01-01", 4, 2004), ("2005-03-01", 4, 2005), ("2005-04-10", 5, 2005)],
    ),
    # Crosses 1 January, then an ordinary birthday, then 1 January of a year that follows a common one.
    (
        "female",
        "2001-01-10",
        "2005-12-20",
        [("2006-01-01", 4, 2005), ("2006-01-10", 4, 2006), ("2007-01-01", 5, 2006), ("2007-01-02", 5, 2007)],
    ),
    # A birthday on 29 February itself.
    ("male", "2004-02-29", "2008-02-20", [("2008-02-29", 3, 2008), ("2008-03-05", 4, 2008)]),
    # Diagnosed on the birthday and on 1 January.
    ("female", "2003-01-01", "2006-01-01", [("2007-01-01", 3, 2006), ("2007-01-03", 4, 2007)]),
    # Follow-up ends the day before the birthday.
    ("male", "2002-07-01", "2004-06-20", [("2004-06-30", 1, 2004)]),
]


def test_days_of_each_cell_are_counted_exactly() -> None:
    data = pd.DataFrame(
        {
            "child": range(len(CHILDREN)),
            "sex": [sex for sex, *_ in CHILDREN],
            "age_days": [days(birth, diagnosis) for _, birth, diagnosis, _ in CHILDREN],
            "diagnosis_date": pd.to_datetime([diagnosis for _, _, diagnosis, _ in CHILDREN]),
            "time": [days(diagnosis, cells[-1][0]) for _, _, diagnosis, cells in CHILDREN],
            "event": 1,
        }
    )
    cumulative = [cumulated(*child) for child in CHILDREN]
    sums = tally(data, life_table(HAZARDS), by="child", **COLUMNS).table.groupby("child")
    assert sums["expected_events"].sum().tolist() == pytest.approx(cumulative, rel=1e-12)
    assert sums["weighted_left"].sum().tolist() == pytest.approx(np.exp(cumulative).tolist(), **EXACT)
    assert sums["weighted_expected_events"].sum().tolist() == pytest.approx(
        np.expm1(cumulative).tolist(), rel=1e-11
    )
    assert sums["weighted_events_squared"].sum().tolist() == pytest.approx(
        np.exp(cumulative).tolist() ** np.float64(2), **EXACT
    )


def test_two_children_together() -> None:
    (sex1, birth1, diagnosis1, cells1), (sex2, birth2, diagnosis2, _) = CHILDREN[:2]
    last = days(diagnosis1, cells1[-1][0])
    data = pd.DataFrame(
        {
            "sex": [sex1, sex2],
            "age_days": [days(birth1, diagnosis1), days(birth2, diagnosis2)],
            "diagnosis_date": pd.to_datetime([diagnosis1, diagnosis2]),
            "time": [last, last + 5],
            "event": [1, 0],
        }
    )
    # Child 1: 17 days in 2004 at 4, 59 in 2005 at 4, then in 2005 at 5; child 2: 12 days in 2005 at 4, 9 in 2006 at 4.
    first = np.repeat(
        [HAZARDS["male", 4, 2004], HAZARDS["male", 4, 2005], HAZARDS["male", 5, 2005]], [17, 59, last - 76]
    )
    second = np.repeat(
        [HAZARDS["female", 4, 2005], HAZARDS["female", 4, 2006], HAZARDS["female", 5, 2006]],
        [12, 9, last - 21],
    )
    weights = np.exp(np.concatenate([[[0.0, 0.0]], np.cumsum(np.stack([first, second], axis=1), axis=0)]))
    growth = np.log(weights[1:].sum(axis=1) / weights[:-1].sum(axis=1))
    dead = np.zeros(last)
    dead[-1] = weights[-1, 0] / weights[-1].sum()
    net = net_survival(data, life_table(HAZARDS), **COLUMNS)
    assert net.at(times=last)["estimate"][0] == pytest.approx(float(np.prod(1 - dead + growth)), **EXACT)
    ederer = net_survival(data, life_table(HAZARDS), method="ederer2", **COLUMNS)
    dead[-1] = 1 / 2
    expected = float(np.prod(1 - dead + (first + second) / 2))
    assert ederer.at(times=last)["estimate"][0] == pytest.approx(expected, **EXACT)


def test_infant_cells_begin_on_their_day() -> None:
    rows = [
        ("male", age, 2001, hazard)
        for age, hazard in ((0, 0.01), (1 / 365.25, 0.002), (7 / 365.25, 0.0005), (1, 0.0001))
    ]
    rows += [("female", age, year, hazard) for _, age, year, hazard in rows]
    table = LifeTable.from_frame(
        pd.DataFrame(rows, columns=["sex", "age", "year", "hazard"]), rate="hazard", rate_unit="per_day"
    )
    data = pd.DataFrame(
        {
            "sex": "male",
            "age_days": [0, 5],
            "diagnosis_date": pd.Timestamp("2001-03-01"),
            "time": [10, 10],
            "event": 1,
            "child": [0, 1],
        }
    )
    expected = tally(data, table, by="child", **COLUMNS).table.groupby("child")["expected_events"].sum()
    # Born that day: one day of 0.01, six of 0.002, three of 0.0005; five days old: two of 0.002, eight of 0.0005.
    assert expected.tolist() == pytest.approx(
        [0.01 + 6 * 0.002 + 3 * 0.0005, 2 * 0.002 + 8 * 0.0005], **EXACT
    )
