"""Tables carried on beyond their years, and put together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import LifeTableError, OptionError
from childsurv.lifetable.extending import concat_life_tables
from childsurv.lifetable.table import LifeTable


@pytest.fixture(scope="module")
def table(cells) -> LifeTable:
    return LifeTable.from_frame(cells, mx="mx")


@pytest.fixture(scope="module")
def periods() -> LifeTable:
    """Wide ages in five-year periods from 1 July 2000 to 30 June 2015."""
    rates = {
        2000: (0.020, 0.0015, 0.0005, 0.0004, 0.0009),
        2005: (0.016, 0.0011, 0.0004, 0.0003, 0.0008),
        2010: (0.012, 0.0008, 0.0003, 0.0003, 0.0006),
    }
    rows = [
        (sex, age, year, rate)
        for sex in ("female", "male")
        for year, row in rates.items()
        for age, rate in zip((0, 1, 5, 10, 15), row, strict=True)
    ]
    starts = {year: f"{year}-07-01" for year in rates}
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "mx"])
    return LifeTable.from_frame(frame, mx="mx", year_starts=starts, year_end="2015-07-01")


def rate(cells: pd.DataFrame, sex: str, age: int, year: int) -> float:
    chosen = cells.query("sex == @sex and age == @age and year == @year")["mx"]
    return float(chosen.iloc[0]) / 365.25


def test_putting_tables_together_changes_no_value(cells):
    coarse = cells[cells["age"].isin([0, 1, 5, 10]) & (cells["year"] % 5 == 0)].assign(country="XBB")
    fine = cells.assign(country="XAA")
    starts = {year: f"{year}-01-01" for year in coarse["year"].unique()}
    one = LifeTable.from_frame(fine, mx="mx", by="country")
    other = LifeTable.from_frame(coarse, mx="mx", by="country", year_starts=starts, year_end="2013-01-01")
    both = concat_life_tables([other, one])
    rng = np.random.default_rng(5)
    births = np.datetime64("2000-01-01") + rng.integers(0, 2500, 400).astype("timedelta64[D]")
    dates = births + rng.integers(0, 2000, 400).astype("timedelta64[D]")
    sexes = rng.choice(["male", "female"], 400)
    for part, country in ((one, "XAA"), (other, "XBB")):
        arguments = {"sex": sexes, "birth_date": births, "date": dates, "country": country}
        assert np.array_equal(part.hazard(**arguments), both.hazard(**arguments))
    assert concat_life_tables([one, other]).digest == both.digest
    assert concat_life_tables([one]).digest == one.digest


def test_putting_tables_together_carries_none_beyond_its_own_years_and_ages(cells):
    long = LifeTable.from_frame(cells.assign(country="XAA"), mx="mx", by="country")
    short = cells[(cells["year"] > 1999) & (cells["year"] < 2010) & (cells["age"] > 0)].assign(country="XBB")
    both = concat_life_tables([long, LifeTable.from_frame(short, mx="mx", by="country")])
    usual = {"sex": "male", "birth_date": "1995-01-01", "country": "XBB"}
    assert (both.hazard(**usual, date=["2000-01-01", "2009-12-31"]) > 0).all()
    for date in ("1999-12-31", "2010-01-01", "1995-12-31"):
        with pytest.raises(LifeTableError, match=r"no value for a cell|begins on"):
            both.hazard(**usual, date=date)
    with pytest.raises(LifeTableError, match="no value for a cell"):
        both.hazard(**{**usual, "birth_date": "2005-01-01"}, date="2005-06-01")


def test_tables_that_do_not_belong_together_are_refused(cells, table):
    with pytest.raises(
        LifeTableError,
        match=(
            r"^2 strata occur in more than one life table: it is not clear which to use\. Give each "
            r"stratum once\.$"
        ),
    ):
        concat_life_tables([table, table])
    with pytest.raises(LifeTableError, match="differ in their strata columns or in where age cells begin"):
        concat_life_tables([table, LifeTable.from_frame(cells, mx="mx", days_per_year=365.241)])
    text, numbers = (
        LifeTable.from_frame(cells.assign(region=label), mx="mx", by="region") for label in ("north", 1)
    )
    with pytest.raises(
        LifeTableError,
        match=(
            "^The life tables label region with text in one and numbers in another; give them labels of "
            r"one kind\.$"
        ),
    ):
        concat_life_tables([text, numbers])
    with pytest.raises(OptionError, match=r"^concat_life_tables\(\) needs at least one table\.$"):
        concat_life_tables([])


def test_extending_carries_the_nearest_year_and_marks_the_cells(table, cells):
    longer = table.extend("last")
    assert longer.covered_dates == ("open", "open")
    hazards = longer.hazard(
        sex="male", birth_date="1995-01-01", date=["1996-06-01", "2000-06-01", "2030-06-01"]
    )
    expected = [rate(cells, "male", 1, 1998), rate(cells, "male", 5, 2000), rate(cells, "male", 12, 2012)]
    assert hazards.tolist() == expected
    assert longer.extended.sum() == 2 * 2 * 13
    assert not table.extended.any()
    assert longer.extended[:, :, [0, -1]].all()


def test_extending_fills_the_shorter_of_two_tables_and_gaps_from_the_year_before(cells):
    frame = pd.concat(
        [cells.assign(country="XAA"), cells[cells["year"].isin([2000, 2001, 2005])].assign(country="XBB")]
    )
    table = LifeTable.from_frame(frame, mx="mx", by="country", missing="not-covered").extend()
    hazards = table.hazard(
        sex="male", birth_date="1990-01-01", date=["1998-06-01", "2003-06-01", "2011-06-01"], country="XBB"
    )
    assert hazards.tolist() == [
        rate(cells, "male", age, year) for age, year in ((8, 2000), (12, 2001), (12, 2005))
    ]


def test_extending_twice_is_extending_once(table):
    once = table.extend()
    twice = once.extend()
    assert twice.digest == once.digest
    assert np.array_equal(twice.extended, once.extended)


def test_extending_carries_no_ages(cells):
    frame = cells.assign(mx=cells["mx"].where(cells["age"] < 12))
    table = LifeTable.from_frame(frame, mx="mx", missing="not-covered").extend()
    with pytest.raises(
        LifeTableError, match=r"no value for a cell .* in 1 row \(row 1\); by sex: male \(1 rows\)"
    ):
        table.hazard(sex="male", birth_date="1980-01-01", date="2000-01-01")


# By a trend


def test_a_trend_goes_on_by_hand():
    # Mortality halves every year from 2000 to 2003, so it is a sixteenth of that of 1999 in 2003's next year.
    frame = pd.DataFrame(
        [(s, a, 2000 + k, 0.01 * 0.5**k) for s in ("female", "male") for a in (0, 1) for k in range(4)],
        columns=["sex", "age", "year", "mx"],
    )
    table = cs.LifeTable.from_frame(frame, mx="mx")
    longer = table.extend("trend", until=2005, over=4)
    assert longer.covered_dates == ("2000-01-01", "2005-12-31")
    # Centres of calendar years lie 365 or 366 days apart, not 365.25: 1e-3 of the exponent.
    np.testing.assert_allclose(
        longer.rates[:, :, 4:] * 365.25, 0.01 * 0.5 ** np.array([4, 5]) * np.ones((2, 2, 1)), rtol=4e-3
    )
    assert longer.extended[:, :, 4:].all()
    assert not longer.extended[:, :, :4].any()


def test_a_cell_without_deaths_stays_level_and_is_counted():
    frame = pd.DataFrame(
        [(s, a, 2000 + k, 0.0 if a == 1 else 0.01 * 0.5**k) for s in ("female", "male") for a in (0, 1)
         for k in range(4)],
        columns=["sex", "age", "year", "mx"],
    )  # fmt: skip
    longer = cs.LifeTable.from_frame(frame, mx="mx").extend("trend", until=2004)
    assert (longer.rates[:, 1, 4] == 0).all()
    assert longer.provenance[-1]["cells_without_trend"] == 2


def test_a_trend_begins_in_the_middle_of_a_year_where_the_table_ends_there(periods):
    longer = periods.expand().extend("trend", until=2016)
    starts = longer.year_starts[-2:].astype("datetime64[D]").astype(str).tolist()
    assert starts == ["2015-07-01", "2016-01-01"]
    assert longer.covered_dates[1] == "2016-12-31"


def test_trends_that_are_none(periods):
    table = periods
    with pytest.raises(
        OptionError, match=r"^extend\('trend'\) needs until=, the last calendar year to carry the trend to\.$"
    ):
        table.extend("trend")
    with pytest.raises(
        OptionError, match=r"^extend\('trend', until=2010\): the table already covers that year\.$"
    ):
        table.extend("trend", until=2010)
    with pytest.raises(
        LifeTableError,
        match=(
            r"^extend\('trend', over=4\): only 1 calendar cell lies in the last 4 years, and a trend "
            r"needs two\. Use a larger over=, or expand\(\) the table first\.$"
        ),
    ):
        table.extend("trend", until=2020, over=4)
    with pytest.raises(
        OptionError, match=r"^extend\('trend', over=\) takes a number of years of 2 or more\.$"
    ):
        table.extend("trend", until=2020, over=1)
    with pytest.raises(
        OptionError,
        match=(
            r"^until= goes with extend\('trend'\); extend\('last'\) carries the last cell on without "
            r"end\.$"
        ),
    ):
        table.extend("last", until=2020)
    with pytest.raises(
        OptionError,
        match=(
            r"^extend\('trend'\) comes before extend\('last'\): an open table has no end to carry on "
            r"from\.$"
        ),
    ):
        table.extend("last").extend("trend", until=2020)


def test_strata_are_carried_from_their_own_ends():
    """A country whose table ends early is carried by its own trend, as if it stood alone."""
    rows = [
        (country, sex, age, year, 0.01 / (1 + age) * factor ** (year - 2000))
        for country, last, factor in (("XAA", 2010, 0.95), ("XBB", 2006, 0.9))
        for sex in ("female", "male")
        for age in (0, 1)
        for year in range(2000, last)
    ]
    cells = pd.DataFrame(rows, columns=["country", "sex", "age", "year", "mx"])
    table = cs.LifeTable.from_frame(cells, mx="mx", by="country")
    together = table.extend("trend", until=2015, over=4)
    for country in ("XAA", "XBB"):
        alone = cs.LifeTable.from_frame(cells[cells["country"] == country], mx="mx", by="country")
        carried = alone.extend("trend", until=2015, over=4)
        places = np.flatnonzero(together.strata["country"] == country)
        assert together.year_starts.tolist() == carried.year_starts.tolist()
        np.testing.assert_array_equal(together.rates[places], carried.rates)
        np.testing.assert_array_equal(together.extended[places], carried.extended)
    # A log-linear trend is met exactly but for the lengths of years.
    last = together.rates[2, 0, -1] * 365.25
    assert last == pytest.approx(0.01 * 0.9**15, rel=2e-3)
    assert together.provenance[-1]["extended"] == "trend"
    assert together.provenance[-1]["from_digest"] == table.digest
    until_2009 = table.extend("trend", until=2009, over=4)
    assert until_2009.year_end == table.year_end
    assert until_2009.extended.sum() == 2 * 2 * 4
