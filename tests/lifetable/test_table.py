from __future__ import annotations

import contextlib
import copy
import dataclasses
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import DataError, LifeTableError, OptionError
from childsurv.lifetable.extending import concat_life_tables
from childsurv.lifetable.table import LifeTable


@pytest.fixture(scope="module")
def table(cells) -> LifeTable:
    return LifeTable.from_frame(cells, mx="mx")


def rate(cells: pd.DataFrame, sex: str, age: int, year: int) -> float:
    chosen = cells.query("sex == @sex and age == @age and year == @year")["mx"]
    return float(chosen.iloc[0]) / 365.25


# Looking up


def test_the_hazard_changes_on_the_birthday_and_on_1_january_and_on_no_other_day(table, cells):
    days = pd.date_range("2001-01-01", "2002-12-31")
    hazards = table.hazard(sex="male", birth_date="2000-05-17", date=days)
    changes = [str(day.date()) for day in days[1:][np.diff(hazards) != 0]]
    assert changes == ["2001-05-17", "2002-01-01", "2002-05-17"]
    assert hazards[0] == rate(cells, "male", 0, 2001)
    assert hazards[-1] == rate(cells, "male", 2, 2002)


def test_born_on_29_february_the_hazard_changes_on_1_march_of_common_years(table):
    days = pd.date_range("2001-02-01", "2004-03-15")
    hazards = table.hazard(sex="female", birth_date="2000-02-29", date=days)
    changes = [str(day.date()) for day in days[1:][np.diff(hazards) != 0]]
    birthdays = ["2001-03-01", "2002-03-01", "2003-03-01", "2004-02-29"]
    assert changes == sorted([*birthdays, "2002-01-01", "2003-01-01", "2004-01-01"])


def test_infant_cells_begin_days_after_the_birthday(cells):
    split = [cells[cells["age"] == 0].assign(age=age, mx=cells["mx"] * factor) for age, factor in
             ((0.0, 9.0), (7 / 365.25, 4.0), (28 / 365.25, 0.5))]  # fmt: skip
    table = LifeTable.from_frame(pd.concat([*split, cells[cells["age"] > 0]]), mx="mx")
    days = pd.date_range("2000-06-01", "2000-12-31")
    hazards = table.hazard(sex="male", birth_date="2000-06-01", date=days)
    changes = [str(day.date()) for day in days[1:][np.diff(hazards) != 0]]
    assert changes == ["2000-06-08", "2000-06-29"]
    assert hazards[0] / hazards[-1] == pytest.approx(18, rel=1e-14)


def test_with_a_fixed_year_the_age_cell_changes_after_so_many_days(cells):
    table = LifeTable.from_frame(cells, mx="mx", days_per_year=365.241)
    days = pd.date_range("2001-05-10", "2001-05-20")
    hazards = table.hazard(sex="male", birth_date="2000-05-17", date=days)
    # 365.241 days after birth falls inside 17 May 2001, so the first day that begins in the new cell is the
    # 18th.
    assert [str(day.date()) for day in days[1:][np.diff(hazards) != 0]] == ["2001-05-18"]


def test_the_last_age_cell_is_open(table, cells):
    assert table.hazard(sex="male", birth_date="1900-01-01", date="2000-01-01")[0] == rate(
        cells, "male", 12, 2000
    )


def test_survival_by_hand(table, cells):
    # Born 2000-05-17, from 2001-05-01: 16 days aged 0, 229 days aged 1 until 31 December, then 2002.
    survival = table.survival(sex="male", birth_date="2000-05-17", date="2001-05-01", days=250)
    by_hand = (
        16 * rate(cells, "male", 0, 2001)
        + 229 * rate(cells, "male", 1, 2001)
        + 5 * rate(cells, "male", 1, 2002)
    )
    # Closed form: nothing but rounding.
    assert survival[0] == pytest.approx(np.exp(-by_hand), rel=1e-12)


def test_survival_takes_parts_of_days_and_zero(table, cells):
    survival = table.survival(sex="male", birth_date="2000-05-17", date="2001-05-01", days=[0, 0.25])
    assert survival[0] == 1.0
    assert survival[1] == pytest.approx(np.exp(-0.25 * rate(cells, "male", 0, 2001)), rel=1e-15)


def test_strata_are_looked_up_by_name(cells):
    frame = pd.concat([cells.assign(country="XAA"), cells.assign(country="XBB", mx=cells["mx"] * 2)])
    table = LifeTable.from_frame(frame, mx="mx", by="country")
    hazards = table.hazard(
        sex=["male", "female"], birth_date="2000-01-01", date="2001-06-01", country=["XBB", "XAA"]
    )
    assert hazards == pytest.approx(
        [2 * rate(cells, "male", 1, 2001), rate(cells, "female", 1, 2001)], rel=1e-15
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"birth_date": "1990-01-01", "date": "1997-12-31"},
            LifeTableError,
            r"begins on 1998-01-01, after the start of follow-up of 1 row \(row 1\)",
        ),
        (
            {"date": "2013-01-01"},
            LifeTableError,
            r"ends on 2012-12-31, before the end of follow-up of 1 row .*extend",
        ),
        (
            {"birth_date": "2001-06-01"},
            DataError,
            r"^LifeTable\.hazard: the birth date is after the date looked up in 1 row \(row 1\)\.$",
        ),
        (
            {"birth_date": "yesterday"},
            DataError,
            (
                r"^LifeTable\.hazard: birth_date= is not a date of the years 1800 to 2299 in 1 row \(row "
                r"1\)\.$"
            ),
        ),
        (
            {"birth_date": "1582-10-15"},
            DataError,
            (
                r"^LifeTable\.hazard: birth_date= is not a date of the years 1800 to 2299 in 1 row \(row "
                r"1\)\.$"
            ),
        ),
        (
            {"date": pd.NaT},
            DataError,
            r"^LifeTable\.hazard: date= is not a date of the years 1800 to 2299 in 1 row \(row 1\)\.$",
        ),
        (
            {"sex": "boy"},
            LifeTableError,
            (
                r"^LifeTable\.hazard: column 'sex' is not 'male' or 'female' in 1 row \(row 1\)\. Population "
                r"mortality needs a sex; correct or exclude these rows\.$"
            ),
        ),
        (
            {"country": "XAA"},
            OptionError,
            r"^LifeTable\.hazard: this life table is by sex alone; give no strata\.$",
        ),
        (
            {"sex": ["male"] * 3, "date": ["2001-01-01"] * 2},
            OptionError,
            (
                r"^LifeTable\.hazard: give one value, or one a row; got sex of shape \(3,\), birth_date of "
                r"shape \(\), date of shape \(2,\)\.$"
            ),
        ),
    ],
)
def test_look_ups_that_have_no_answer_raise(table, arguments, error, message):
    usual = {"sex": "male", "birth_date": "2000-05-17", "date": "2001-05-01"}
    with pytest.raises(error, match=message) as raised:
        table.hazard(**{**usual, **arguments})
    assert "yesterday" not in str(raised.value)


@pytest.mark.parametrize("days", [-1, np.nan, np.inf, "long"])
def test_lengths_of_time_that_cannot_be_raise(table, days):
    with pytest.raises(
        DataError,
        match=r"^LifeTable\.survival: days= is not a finite number of 0 or more in 1 row \(row 1\)\.$",
    ):
        table.survival(sex="male", birth_date="2000-05-17", date="2001-05-01", days=days)


def test_follow_up_may_reach_the_last_day_of_the_table_and_not_go_beyond(table):
    arguments = {"sex": "male", "birth_date": "2000-05-17", "date": "2012-12-01"}
    assert table.survival(**arguments, days=31)[0] < 1
    with pytest.raises(LifeTableError, match="ends on 2012-12-31"):
        table.survival(**arguments, days=31.5)


def test_younger_than_the_first_age_raises(cells):
    table = LifeTable.from_frame(cells[cells["age"] > 0], mx="mx")
    with pytest.raises(
        LifeTableError,
        match=(
            r"^LifeTable\.hazard: 1 row \(row 2\) are younger than the first age of the life table\. Add "
            r"its first ages\.$"
        ),
    ):
        table.hazard(sex="male", birth_date=["2000-05-17", "2001-01-01"], date="2001-06-01")


# Staying as it is


@given(seed=st.integers(0, 1000))
def test_no_use_of_a_table_changes_it(cells, seed):
    source = cells.copy()
    table = LifeTable.from_frame(source, mx="mx")
    digest = LifeTable.from_frame(cells, mx="mx").digest
    arrays = [array.copy() for array in (table.rates, table.age_starts, table.year_starts, table.extended)]
    rng = np.random.default_rng(seed)
    births = np.datetime64("1999-01-01") + rng.integers(0, 1000, 20).astype("timedelta64[D]")
    table.extend()
    concat_life_tables([table])
    table.survival(
        sex="male", birth_date=births, date=births + np.timedelta64(30, "D"), days=rng.integers(0, 900, 20)
    )
    frame = table.to_frame()
    frame["hazard_per_day"] = 0.0
    assert all(
        map(np.array_equal, arrays, (table.rates, table.age_starts, table.year_starts, table.extended))
    )
    assert dataclasses.replace(table).digest == digest
    pd.testing.assert_frame_equal(source, cells)


def test_arrays_are_read_only_and_no_array_of_the_caller_becomes_so(table):
    with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
        table.rates[0, 0, 0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.source = "elsewhere"
    mine = table.rates.copy()
    own = dataclasses.replace(table, rates=mine)
    mine[:] = 0
    assert own.digest == table.digest


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda table: pickle.loads(pickle.dumps(table))]
)
def test_a_copy_is_the_same_table_and_as_unchangeable(cells, copied):
    for made in (
        LifeTable.from_frame(cells, mx="mx"),
        LifeTable.from_frame(cells.assign(country="XAA"), mx="mx", by="country").expand(years=False).extend(),
    ):
        made.digest, made.gap_counts  # noqa: B018 - what is kept once known must survive as well
        other = copied(made)
        assert other.digest == made.digest
        assert other.provenance == made.provenance
        assert repr(other) == repr(made)
        pd.testing.assert_frame_equal(other.to_frame(), made.to_frame())
        for name in ("rates", "extended", "age_starts", "year_starts"):
            with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
                getattr(other, name)[...] = 0
        with pytest.raises(dataclasses.FrozenInstanceError):
            other.source = "elsewhere"
        # Nothing that one of them is used for afterwards touches the other.
        other.__dict__.pop("digest")
        assert other.extend().digest == made.extend().digest


def test_the_digest_depends_on_what_the_table_says_and_not_on_the_order_of_rows(cells, table):
    shuffled = cells.sample(frac=1, random_state=3)
    assert LifeTable.from_frame(shuffled, mx="mx").digest == table.digest
    assert LifeTable.from_frame(cells.assign(mx=cells["mx"] * (1 + 1e-15)), mx="mx").digest != table.digest
    assert LifeTable.from_frame(cells.assign(year=cells["year"] + 1), mx="mx").digest != table.digest
    assert LifeTable.from_frame(cells, mx="mx", days_per_year=365.241).digest != table.digest


def test_to_frame_gives_the_cells_back(table, cells):
    frame = table.to_frame()
    assert list(frame.columns) == ["sex", "age", "year_start", "year_end", "hazard_per_day", "extended"]
    merged = frame.assign(year=frame["year_start"].dt.year).merge(cells, on=["sex", "age", "year"])
    assert len(merged) == len(cells)
    # One division and one multiplication by the same number: at most the last bit.
    assert np.allclose(merged["hazard_per_day"] * 365.25, merged["mx"], rtol=1e-15, atol=0)


def test_repr_counts_cells(table):
    assert repr(table).startswith(
        "<LifeTable by sex: 2 strata, 13 ages, 15 calendar cells, 1998-01-01 to 2012-12-31, digest "
    )


# No function changes a table that it is given: digest, cuts, strata, marks and provenance stay

START = pd.Timestamp("2001-03-01")


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 40
    return pd.DataFrame(
        {
            "sex": rng.choice(["female", "male"], n),
            "country": rng.choice(["XAA", "XBB"], n),
            "age_days": rng.integers(0, 3000, n),
            "diagnosis_date": START + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "time": rng.integers(1, 500, n),
            "event": rng.integers(0, 2, n),
        }
    )


def tables() -> st.SearchStrategy[LifeTable]:
    """Tables of two countries by random ages, years and rates, some with gaps."""

    def build(ages: list[int], years: int, seed: int, gap: bool) -> LifeTable:
        rng = np.random.default_rng(seed)
        rows = [
            (country, sex, age, 2000 + year, 10 ** rng.uniform(-4, -1))
            for country in ("XAA", "XBB")
            for sex in ("female", "male")
            for age in [0, 1, *ages]
            for year in range(years)
        ]
        frame = pd.DataFrame(rows, columns=["country", "sex", "age", "year", "mx"])
        if gap:
            frame = frame.drop(index=frame.index[-1])
        return LifeTable.from_frame(frame, mx="mx", by="country", missing="not-covered")

    later = st.lists(st.integers(2, 30), min_size=1, max_size=4, unique=True).map(sorted)
    return st.builds(build, later, st.integers(4, 7), st.integers(0, 99), st.booleans())


FOLLOWED = {"time": "time", "event": "event"}

USES = {
    "repr": lambda table, people: repr(table),
    "to_frame": lambda table, people: table.to_frame().drop(columns="age"),
    "expand": lambda table, people: table.expand(),
    "split_infancy": lambda table, people: table.split_infancy([0.5, 0.3, 0.2]),
    "extend last": lambda table, people: table.extend("last"),
    "extend trend": lambda table, people: table.extend("trend", until=2020, over=3),
    "with_look_up": lambda table, people: [
        table.with_look_up(rule) for rule in ("relsurv", "fractional-years")
    ],
    "concat": lambda table, people: cs.concat_life_tables([table]),
    "hazard": lambda table, people: table.hazard(
        sex="male", birth_date="1999-05-05", date="2001-06-01", country="XAA"
    ),
    "survival": lambda table, people: table.survival(
        sex="male", birth_date="1999-05-05", date="2001-06-01", days=300, country="XAA"
    ),
    "plot": lambda table, people: table.plot("heatmap", populations={"sex": "male", "country": "XAA"}),
    "check": lambda table, people: cs.check_life_table(table),
    "life_expectancy": lambda table, people: cs.life_expectancy(table),
    "expected_survival": lambda table, people: cs.expected_survival(
        people, table, kind="individual", time="time"
    ),
    "person_years": lambda table, people: cs.person_years(
        people, table, ages=[0, 3], years=[2002], **FOLLOWED
    ),
    "ratio": lambda table, people: cs.standardised_mortality_ratio(people, table, **FOLLOWED),
    "net_survival": lambda table, people: cs.net_survival(people, table, **FOLLOWED),
    "ederer2": lambda table, people: cs.net_survival(people, table, method="ederer2", **FOLLOWED),
    "observed": lambda table, people: cs.net_survival(
        people.assign(country="XZZ"), table, missing="observed", **FOLLOWED
    ),
    "tally": lambda table, people: cs.tally(people, life_table=table, **FOLLOWED),
}


@settings(max_examples=20)
@given(table=tables(), name=st.sampled_from(sorted(USES)))
def test_a_table_stays_what_it_is(people, table, name):
    arrays = (table.rates, table.extended, table.age_starts, table.year_starts)
    copies = [array.copy() for array in arrays]
    strata, provenance, digest = table.strata.copy(), repr(table.provenance), table.digest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cs.ChildsurvWarning)
        # Somebody may enter a gap; the table must be unchanged all the same.
        with contextlib.suppress(cs.ChildsurvError):
            USES[name](table, people)
    for array, before in zip(arrays, copies, strict=True):
        assert not array.flags.writeable
        np.testing.assert_array_equal(array, before)
    pd.testing.assert_frame_equal(table.strata, strata)
    assert repr(table.provenance) == provenance
    # Taken afresh, because the digest of a table is kept once known.
    table.__dict__.pop("digest")
    assert table.digest == digest


def test_every_public_function_that_takes_a_table_is_among_the_uses():
    taking = {"expand", "split_infancy", "extend", "with_look_up", "hazard", "survival", "plot", "to_frame"}
    methods = {
        name for name in vars(LifeTable) if not name.startswith("_") and callable(getattr(LifeTable, name))
    }
    public = methods - {"from_frame", "stratum_codes"}
    assert public == taking
    assert all(any(use.startswith(name) for use in USES) for name in taking)


def test_results_of_building_do_not_share_what_can_be_written(people):
    table = cs.LifeTable.from_frame(
        pd.DataFrame(
            [(sex, age, year, 0.01) for sex in ("female", "male") for age in (0, 1) for year in (2000, 2001)],
            columns=["sex", "age", "year", "mx"],
        ),
        mx="mx",
    )
    frame = table.to_frame()
    frame["hazard_per_day"] = 0.0
    assert (table.rates > 0).all()
    with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
        table.rates[0, 0, 0] = 1.0
    with pytest.raises(AttributeError):
        table.rates = frame  # type: ignore[misc]
