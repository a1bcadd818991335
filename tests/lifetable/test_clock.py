from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import DataError, LifeTableError, OptionError
from childsurv.lifetable.clock import LOOK_UPS

REFERENCE = Path(__file__).resolve().parents[1] / "reference"

# Column of the reference for each rule: survival's survexp, popEpi's lexpand, and strs written out day by day.
PEERS = {
    "relsurv": "relsurv",
    "survival": "survival",
    "survexp.us": "survexp_us",
    "fractional-years": "fractional_years",
    "completed-years": "completed_years",
    "completed-years-and-calendar-years": "completed_years_and_calendar_years",
}

# Sums of at most some 60 pieces; popEpi moves every cut back by 1.5e-8 years, and hazards here are at most 0.03 a year.
TOLERANCES = {"fractional-years": 1e-9}


@pytest.fixture(scope="module")
def table() -> cs.LifeTable:
    return cs.LifeTable.from_frame(pd.read_csv(REFERENCE / "look_up_life_table.csv"), rate="rate")


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "expected_children.csv", parse_dates=["diagnosis_date"])


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "look_up_hazards.csv")


# R


@pytest.mark.parametrize("rule", PEERS)
def test_each_rule_is_that_of_its_peer(table, children, reference, rule):
    own = cs.expected_survival(children, table.with_look_up(rule), kind="individual-hazard", time="time")
    assert np.abs(own.to_numpy() - reference[PEERS[rule]]).max() < TOLERANCES.get(rule, 1e-14)


def test_the_rules_differ_from_each_other(reference):
    columns = [*PEERS.values()]
    for i, one in enumerate(columns):
        for other in columns[i + 1 :]:
            assert np.abs(reference[one] - reference[other]).max() > 1e-7


def test_survexp_us_for_lung_patients_is_that_of_r(shared):
    lung = pd.read_csv(shared / "data/survival/survival_lung.csv.gz")
    patients = pd.DataFrame(
        {
            # 365.25 days a year, as the reference has it: ages within a day.
            "age_days": lung["age"] * 365.25,
            "sex": np.where(lung["sex"] == 1, "male", "female"),
            "diagnosis_date": pd.Timestamp("1990-01-01"),
        }
    )
    reference = pd.read_csv(shared / "data/reference/survexp_lung_us.csv")
    rds = cs.read_life_table(shared / "data/lifetable_formats/r_ratetable_survexp_us.rds")
    printed = cs.read_life_table(
        shared / "data/lifetables/survival_survexp_us.csv.gz",
        columns={"age": "age_cut_days", "year_start": "year_cut_date"},
        age_unit="days",
    ).with_look_up("survexp.us")
    for table in (rds, printed):
        result = cs.expected_survival(patients, table, by="sex", times=reference["time"])
        for sex, part in result.groupby("sex"):
            # The same steps; the reference is printed with 15 digits.
            assert np.abs(part["expected_survival"].to_numpy() - reference[sex]).max() < 1e-12
    wrong = cs.expected_survival(
        patients, rds.with_look_up("survival"), by="sex", times=reference["time"]
    ).query("sex == 'female'")
    # The rule matters: by the date alone the tolerance asked for, 1e-6, is missed.
    assert np.abs(wrong["expected_survival"].to_numpy() - reference["female"]).max() > 1e-5


# By hand


@pytest.fixture(scope="module")
def steps() -> cs.LifeTable:
    """Hazards of which a day adds 1 + age + 10 * (year - 2000) thousandths."""
    rows = [
        (sex, age, year, 0.36525 * (1 + age + 10 * (year - 2000)))
        for sex in ("female", "male")
        for age in range(5)
        for year in range(2000, 2008)
    ]
    return cs.LifeTable.from_frame(pd.DataFrame(rows, columns=["sex", "age", "year", "mx"]), mx="mx")


def one(steps, rule, birth, diagnosis, days):
    data = pd.DataFrame(
        {
            "sex": ["male"],
            "birth_date": [pd.Timestamp(birth)],
            "diagnosis_date": [pd.Timestamp(diagnosis)],
            "time": [days],
        }
    )
    value = cs.expected_survival(
        data, steps.with_look_up(rule), kind="individual-hazard", time="time", birth_date="birth_date"
    )
    return float(value.iloc[0]) * 1000


@pytest.mark.parametrize(
    ("rule", "thousandths"),
    [
        # Born 1 July 2001, diagnosed 1 March 2003 and followed 1 year (366 days): 1 completed year in 2003.
        # 122 days to the birthday at age 1, 184 at age 2, then 60 in 2004.
        ("exact", 122 * 32 + 184 * 33 + 60 * 43),
        # Second birthday after 730.5 days, 608 days having passed: 122.5 days.
        ("survival", 122.5 * 32 + 183.5 * 33 + 60 * 43),
        # 2003 begins for this child on its birthday, 1 July: 181 days late.
        ("survexp.us", 122 * 22 + 0.5 * 32 + 243.5 * 33),
        # 181/365 of a year after 1 January in every year; 2003 has 365 days and 2004 has 366.
        ("fractional-years", (122 * 32 + 184 * 33) * 365.25 / 365 + 60 * 43 * 365.25 / 366),
        ("completed-years", 306 * 32 + 60 * 42),
        ("completed-years-and-calendar-years", 366 * 32),
    ],
)
def test_one_child_by_hand(steps, rule, thousandths):
    # Three or four products of exact numbers.
    assert one(steps, rule, "2001-07-01", "2003-03-01", 366) == pytest.approx(thousandths, rel=1e-13)


def test_completed_years_after_a_diagnosis_on_29_february(steps):
    # Born 1 June 2001, 2 years old on 29 February 2004; the next anniversary is 1 March 2005, 366 days later.
    assert one(steps, "completed-years", "2001-06-01", "2004-02-29", 380) == pytest.approx(
        307 * 43 + 59 * 53 + 14 * 54, rel=1e-13
    )


@pytest.mark.parametrize("diagnosis", ["2004-02-29", "2003-02-28", "2004-03-01", "2005-12-31"])
@pytest.mark.parametrize("years", [0, 1, 2, 3])
def test_data_with_completed_years_only(steps, diagnosis, years):
    rows = pd.DataFrame(
        {"sex": ["male"], "age_years": [years], "diagnosis_date": [pd.Timestamp(diagnosis)], "time": [200]}
    )
    table = steps.with_look_up("completed-years")
    own = cs.expected_survival(rows, table, kind="individual-hazard", time="time").iloc[0] * 1000
    day = dt.date.fromisoformat(diagnosis)
    expected = sum(1 + years + 10 * ((day + dt.timedelta(days=k)).year - 2000) for k in range(200))
    assert own == pytest.approx(expected, rel=1e-13)
    with pytest.raises(cs.ColumnError, match="no column 'age_days'"):
        cs.expected_survival(rows, steps, kind="individual", time="time")
    for bad in (-1, 1.5, 130):
        with pytest.raises(
            DataError,
            match=(
                "^expected_survival: column 'age_years' is not a whole number of years from 0 to 120 in 1 "
                r"row \(row 1\)\. Completed years are whole; correct or exclude these rows\.$"
            ),
        ):
            cs.expected_survival(rows.assign(age_years=bad), table, kind="individual", time="time")


# Laws


@given(
    rule=st.sampled_from(sorted(LOOK_UPS)),
    birth=st.dates(dt.date(1992, 1, 1), dt.date(2001, 1, 1)),
    age=st.integers(0, 3000),
    parts=st.lists(st.integers(0, 2000), min_size=1, max_size=3),
)
def test_the_hazard_of_follow_up_never_falls_and_an_exact_constant_stays(table, rule, birth, age, parts):
    data = pd.DataFrame(
        {
            "sex": "female",
            "age_days": age,
            "diagnosis_date": pd.Timestamp(birth) + pd.Timedelta(age, unit="D"),
            "time": np.sort([0, *parts]),
        }
    )
    own = cs.expected_survival(
        data, table.with_look_up(rule), kind="individual-hazard", time="time"
    ).to_numpy()
    assert own[0] == 0
    assert (np.diff(own) >= 0).all()
    cells = table.to_frame().assign(mx=0.1, year=lambda f: f["year_start"].dt.year)
    flat = cs.LifeTable.from_frame(cells, mx="mx").with_look_up(rule)
    constant = cs.expected_survival(data, flat, kind="individual-hazard", time="time").to_numpy()
    # A year is at most 366 and at least 365 days long.
    assert (constant <= 0.1 * data["time"] / 365 + 1e-12).all()
    assert (constant >= 0.1 * data["time"] / 366 - 1e-12).all()


@pytest.mark.parametrize("rule", sorted(LOOK_UPS))
def test_going_to_a_rule_and_back_gives_the_table_again(table, children, rule):
    there = table.with_look_up(rule)
    back = there.with_look_up("exact")
    own = cs.expected_survival(children, table, kind="individual-hazard", time="time")
    again = cs.expected_survival(children, back, kind="individual-hazard", time="time")
    # Divided and multiplied by the lengths of years.
    assert again.to_numpy() == pytest.approx(own.to_numpy(), rel=1e-14)
    assert back.provenance[-1]["look_up"] == "exact"
    assert back.provenance[-1]["from_digest"] == there.digest
    assert there.provenance[-1]["reproduces"] == LOOK_UPS[rule].peers
    if rule != "exact":
        assert there.digest != table.digest
    # A rule twice is the rule once.
    assert there.with_look_up(rule).rates == pytest.approx(there.rates, rel=1e-14)


@pytest.mark.parametrize("rule", sorted(LOOK_UPS))
def test_estimators_follow_the_rule_and_say_so(table, children, rule):
    data = children.assign(event=1, time=np.maximum(children["time"], 1))
    looked_up = table.with_look_up(rule)
    net = cs.net_survival(data, looked_up, method="ederer2", time="time", event="event")
    expected = cs.expected_survival(
        data.assign(time=np.ceil(data["time"])), looked_up, kind="individual-hazard", time="time"
    ).sum()
    sums = cs.tally(data, life_table=looked_up, time="time", event="event")
    # The daily estimator lets a change within a day hold from the next: off by parts of days of the step in hazard.
    assert sums.totals("expected_events").sum() == pytest.approx(expected, rel=2e-3)
    said = (net.conventions["age_cells"], net.conventions["calendar_cells"])
    everyday = {
        "exact": "birthdays",
        "relsurv": "fixed",
        "survival": "fixed",
        "survexp.us": "birthday in the calendar",
    }
    assert everyday.get(rule, "") in " ".join(said)
    with_open_ends = looked_up.extend("last")
    assert cs.expected_survival(
        children, with_open_ends, kind="individual-hazard", time="time"
    ).to_numpy() == (
        pytest.approx(
            cs.expected_survival(children, looked_up, kind="individual-hazard", time="time").to_numpy(),
            rel=1e-13,
        )
    )


def test_fractional_years_of_a_table_with_open_ends(table, children):
    first = table.extend("last").with_look_up("fractional-years")
    last = table.with_look_up("fractional-years").extend("last")
    early = children.assign(diagnosis_date=children["diagnosis_date"] - pd.Timedelta(20 * 365, unit="D"))
    own = cs.expected_survival(early, first, kind="individual-hazard", time="time").to_numpy()
    # Carried back before: each year has its own length; after: the first year's length for all. 365 or 366 days.
    other = cs.expected_survival(early, last, kind="individual-hazard", time="time").to_numpy()
    assert own == pytest.approx(other, rel=1 / 365)
    assert first.extended.any()


@pytest.mark.parametrize("rule", ["relsurv", "survexp.us", "fractional-years"])
def test_daily_estimators_look_up_at_the_start_of_each_day(steps, rule):
    """A cut that falls within a day holds from the next one, as one look-up a day has it."""
    looked_up = steps.with_look_up(rule)
    birth, diagnosis, days = pd.Timestamp("2001-11-12"), pd.Timestamp("2003-03-01"), 1000
    row = pd.DataFrame(
        {
            "sex": ["male"], "age_days": [(diagnosis - birth).days], "diagnosis_date": [diagnosis], "time": [days],
            "event": [0],
        }
    )  # fmt: skip
    sums = cs.tally(row, life_table=looked_up, time="time", event="event").totals("expected_events")[0]
    dates = diagnosis + pd.to_timedelta(np.arange(days), unit="D")
    daily = looked_up.hazard(sex="male", birth_date=birth, date=dates.to_numpy())
    # A thousand additions of numbers of one size.
    assert sums == pytest.approx(daily.sum(), rel=1e-12)


def test_birthdays_by_fractions_of_years_of_365_days_are_birthdays(steps):
    looked_up = steps.with_look_up("fractional-years")
    births = pd.date_range("2001-01-01", "2001-12-31")
    for years in (1, 2):
        for days, age in ((0, years), (-1, years - 1)):
            dates = births + pd.DateOffset(years=years) + pd.Timedelta(days, unit="D")
            hazards = looked_up.hazard(sex="male", birth_date=births.to_numpy(), date=dates.to_numpy())
            # Thousandths a day, of years of 365 days where the hazard was given for 365.25.
            expected = (1 + age + 10 * (dates.year - 2000)) * 365.25 / 365
            assert hazards * 1000 == pytest.approx(expected.to_numpy(), rel=1e-13)


def test_birthdays_by_fractions_on_both_sides_of_a_power_of_two(steps):
    """From 2048 on floats are coarser, so equal fractions of years differ in their last bits."""
    looked_up = steps.extend("last").with_look_up("fractional-years")
    births = pd.date_range("2047-01-01", "2047-12-31")
    dates = births + pd.DateOffset(years=2)
    hazards = looked_up.hazard(sex="male", birth_date=births.to_numpy(), date=dates.to_numpy())
    # The year 2007 carried on, at age 2 from the very birthday.
    assert hazards * 1000 == pytest.approx(np.full(365, 73 * 365.25 / 365), rel=1e-13)


def test_a_table_ends_where_its_own_calendar_ends(steps):
    """On anniversaries of diagnosis: the year 2007 lasts until the anniversary in 2008, whatever the date."""
    table = steps.with_look_up("completed-years-and-calendar-years")
    row = pd.DataFrame(
        {"sex": ["male"], "age_years": [1], "diagnosis_date": [pd.Timestamp("2006-10-01")], "time": [731]}
    )
    own = cs.expected_survival(row, table, kind="individual-hazard", time="time").iloc[0] * 1000
    assert own == pytest.approx(365 * 62 + 366 * 73, rel=1e-13)
    with pytest.raises(LifeTableError, match="before the end of follow-up of 1 row"):
        cs.expected_survival(row.assign(time=732), table, kind="individual", time="time")
    with pytest.raises(LifeTableError, match="before the end of follow-up of 1 row"):
        cs.expected_survival(row, steps.with_look_up("completed-years"), kind="individual", time="time")


# Faults


def test_rules_that_a_table_cannot_follow(table, steps):
    with pytest.raises(OptionError, match="look_up='stata' is not a choice"):
        table.with_look_up("stata")
    with pytest.raises(OptionError, match="completed years of age do not tell weeks apart"):
        steps.split_infancy([0.5, 0.2, 0.3]).with_look_up("completed-years")
    odd = pd.DataFrame(
        [(sex, age, 2000, 1e-5) for sex in ("female", "male") for age in (0, 500, 777)],
        columns=["sex", "age", "year", "rate"],
    )
    days = cs.LifeTable.from_frame(odd, rate="rate", rate_unit="per_day", age_unit="days")
    with pytest.raises(OptionError, match="not whole years of a known length"):
        days.with_look_up("exact")
    fixed = [table.with_look_up(rule) for rule in ("survival", "survexp.us")]
    assert fixed[0].digest != fixed[1].digest
    for pair in ([table, fixed[0]], fixed):
        with pytest.raises(LifeTableError, match="one rule with with_look_up"):
            cs.concat_life_tables(pair)


def test_a_table_by_days_of_relsurv_becomes_one_by_birthdays(table):
    """The year by which ages count is found from the ages, and yearly hazards stay."""
    relsurv = table.with_look_up("relsurv")
    frame = relsurv.to_frame()
    by_days = cs.LifeTable.from_frame(
        frame.assign(year=frame["year_start"].dt.year),
        rate="hazard_per_day",
        rate_unit="per_day",
        age_unit="days",
    )
    assert by_days.days_per_year is None
    back = by_days.with_look_up("exact")
    assert back.rates == pytest.approx(table.rates, rel=1e-14)
    assert back.age_starts.tolist() == table.age_starts.tolist()


def test_fractions_of_days_go_with_fixed_ages_only(steps):
    rows = pd.DataFrame(
        {"sex": ["male"], "age_days": [608.25], "diagnosis_date": [pd.Timestamp("2003-03-01")], "time": [300]}
    )
    with pytest.raises(
        DataError,
        match=(
            r"^expected_survival: column 'age_days' is not a whole number of days in 1 row \(row 1\)\. "
            r"Ages in days are whole: data\['age_days'\]\.round\(\) if it was made from years\.$"
        ),
    ):
        cs.expected_survival(rows, steps, kind="individual", time="time")
    own = cs.expected_survival(rows, steps.with_look_up("survival"), kind="individual-hazard", time="time")
    # The second birthday, 730.5 days after birth, is 122.25 days away.
    assert own.iloc[0] * 1000 == pytest.approx(122.25 * 32 + 177.75 * 33, rel=1e-13)
