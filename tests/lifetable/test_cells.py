from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from childsurv.errors import ColumnError, LifeTableError, OptionError
from childsurv.lifetable.table import LifeTable


def small() -> pd.DataFrame:
    return pd.DataFrame(
        [
            (sex, age, year, 0.01 / (1 + age) + 0.001 * (year - 2000))
            for sex in ("male", "female")
            for age in (0, 1, 5)
            for year in (2000, 2001)
        ],
        columns=["sex", "age", "year", "mx"],
    )


def rate_of(table: LifeTable, stratum: int, age: int, year: int) -> float:
    return float(table.rates[stratum, age, year])


def test_mx_is_divided_by_the_length_of_the_year():
    table = LifeTable.from_frame(small(), mx="mx")
    assert table.strata["sex"].tolist() == ["female", "male"]
    assert rate_of(table, 0, 2, 1) == (0.01 / 6 + 0.001) / 365.25


def test_rates_per_day_are_taken_as_they_are_and_rates_per_year_like_mx():
    by_day = LifeTable.from_frame(small(), rate="mx", rate_unit="per_day")
    by_year = LifeTable.from_frame(small(), rate="mx")
    assert rate_of(by_day, 0, 0, 0) == 0.01
    assert by_year.digest == LifeTable.from_frame(small(), mx="mx").digest


def test_qx_uses_the_width_of_its_age_cell_and_a_year_for_the_open_one():
    table = LifeTable.from_frame(small().rename(columns={"mx": "qx"}), qx="qx")
    assert rate_of(table, 0, 0, 0) == pytest.approx(-np.log(0.99) / 365.25, rel=1e-15)
    assert rate_of(table, 0, 1, 0) == pytest.approx(-np.log(0.995) / (4 * 365.25), rel=1e-15)
    assert rate_of(table, 0, 2, 0) == pytest.approx(-np.log(1 - 0.01 / 6) / 365.25, rel=1e-15)


def test_qx_width_is_that_of_the_strata_own_ages():
    frame = small().rename(columns={"mx": "qx"})
    wide = frame[frame["age"] != 1].assign(country="XAA")  # 0-4 in one cell
    table = LifeTable.from_frame(pd.concat([wide, frame.assign(country="XBB")]), qx="qx", by="country")
    assert rate_of(table, 0, 0, 0) == pytest.approx(-np.log(0.99) / (5 * 365.25), rel=1e-15)
    assert rate_of(table, 0, 1, 0) == rate_of(table, 0, 0, 0)
    assert rate_of(table, 2, 0, 0) == pytest.approx(-np.log(0.99) / 365.25, rel=1e-15)


def test_an_age_that_one_sex_lacks_is_missing_and_no_wider_cell():
    frame = small()
    lacking = frame[(frame["sex"] == "male") | (frame["age"] != 1)]
    with pytest.raises(
        LifeTableError, match=r"sex female lacks 1 ages that the other sex has, the first 1\."
    ):
        LifeTable.from_frame(lacking, mx="mx")
    table = LifeTable.from_frame(lacking, mx="mx", missing="not-covered")
    assert np.isnan(table.rates[0, 1]).all()
    assert not np.isnan(table.rates[0, [0, 2]]).any()
    assert not np.isnan(table.rates[1]).any()
    # So is a sex that was cut off: its last cell stands for no older ages.
    cut = frame[(frame["sex"] == "female") | (frame["age"] < 5)]
    with pytest.raises(LifeTableError, match="sex male lacks 1 ages"):
        LifeTable.from_frame(cut, mx="mx")


def test_ages_in_days_are_not_taken_for_years():
    frame = small()
    with pytest.raises(
        LifeTableError,
        match=(
            r"^A life table: column 'age' goes up to 1826\.25 years\. If ages are in days, give "
            r"age_unit='days'\.$"
        ),
    ):
        LifeTable.from_frame(frame.assign(age=frame["age"] * 365.25), mx="mx")


def test_a_probability_of_one_in_the_open_age_group_is_not_covered():
    frame = small().rename(columns={"mx": "qx"})
    frame.loc[frame["age"] == 5, "qx"] = 1.0
    assert np.isnan(LifeTable.from_frame(frame, qx="qx").rates[:, 2]).all()


def test_ages_in_days_and_a_fixed_year_start_cells_after_fixed_days():
    frame = small()
    by_years = LifeTable.from_frame(frame, mx="mx", days_per_year=365.241)
    assert by_years.age_rule == "fixed"
    assert by_years.age_starts.tolist() == [0, 365.241, 5 * 365.241]
    by_days = LifeTable.from_frame(frame.assign(age=frame["age"] * 365), mx="mx", age_unit="days")
    assert by_days.age_starts.tolist() == [0, 365, 1825]
    assert LifeTable.from_frame(frame, mx="mx").age_rule == "birthday"


def test_strata_with_years_apart_leave_a_gap_between_them_uncovered():
    early = small().assign(country="XAA")
    late = small().assign(country="XBB", year=lambda data: data["year"] + 10)
    table = LifeTable.from_frame(pd.concat([early, late]), mx="mx", by="country")
    starts = [str(np.datetime64(int(day), "D")) for day in table.year_starts]
    assert starts == ["2000-01-01", "2001-01-01", "2002-01-01", "2010-01-01", "2011-01-01"]
    assert np.isnan(table.rates[:, :, 2]).all()
    assert (~np.isnan(table.rates)).sum() == 2 * len(early)


def test_irregular_years_begin_where_the_user_says_and_end_with_the_next():
    starts = {2000: "1995-07-01", 2001: "2000-07-01", 2005: "2005-07-01"}
    table = LifeTable.from_frame(small(), mx="mx", year_starts=starts, year_end="2010-07-01")
    # The year 2005 has no rows: the cell of 2001 ends where it would begin, not at year_end.
    assert table.covered_dates == ("1995-07-01", "2005-06-30")


def test_a_stratum_that_ends_early_is_not_carried_to_the_end_of_the_others():
    frame = small().assign(country="XAA")
    short = frame[frame["year"] == 2000].assign(country="XBB")
    starts = {2000: "2000-01-01", 2001: "2005-01-01"}
    table = LifeTable.from_frame(
        pd.concat([frame, short]), mx="mx", by="country", year_starts=starts, year_end="2010-01-01"
    )
    assert np.isnan(table.rates[2:, :, 1]).all()
    assert not np.isnan(table.rates[:2]).any()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda f: f.assign(sex="m"), {}, "column 'sex' is neither 'male' nor 'female' in 12 rows"),
        (
            lambda f: f.assign(mx=f["mx"].where(f.index != 4)),
            {},
            (
                r"^A life table: column 'mx' is missing in 1 row \(row 5\)\. missing='not-covered' keeps such "
                r"cells as gaps that raise when looked up\.$"
            ),
        ),
        (
            lambda f: f.assign(mx=f["mx"].where(f.index != 4, -1)),
            {},
            r"^A life table: column 'mx' is not a finite number of 0 or more in 1 row \(row 5\)\.$",
        ),
        (
            lambda f: f.assign(mx=f["mx"].where(f.index != 4, np.inf)),
            {},
            r"^A life table: column 'mx' is not a finite number of 0 or more in 1 row \(row 5\)\.$",
        ),
        (
            lambda f: f.assign(mx=f["mx"] + 1),
            {"qx": "mx", "mx": None},
            (
                r"^A life table: column 'mx' is not between 0 and 1 in 12 rows \(rows 1, 2, 3, 4, 5, 6, 7, 8 "
                r"and 4 more\)\.$"
            ),
        ),
        (
            lambda f: f.assign(age=f["age"] - 1.0),
            {},
            r"^A life table: column 'age' is negative in 4 rows \(rows 1, 2, 7, 8\)\.$",
        ),
        (
            lambda f: f.assign(year=f["year"] + 0.5),
            {},
            r"^A life table: years are not whole numbers; give year_starts= for such cells\.$",
        ),
        (
            lambda f: f.assign(year=(f["year"] - 2000) * 5 + 2000),
            {},
            "not consecutive .1 gaps, the first after 2000",
        ),
        (
            lambda f: pd.concat([f, f[:1]]),
            {},
            (
                r"^A life table: the same cell occurs more than once in 2 rows \(rows 1, 13\)\. Name further "
                r"strata in by=, or remove the repeated rows\.$"
            ),
        ),
        (
            lambda f: f.drop(index=3),
            {},
            (
                "^A life table: 1 cells are missing for sex male: 3 ages x 2 years need 6 rows, there are "
                r"5\. missing='not-covered' leaves gaps that raise when looked up\.$"
            ),
        ),
        (lambda f: f[:0], {}, r"^A life table: there are no rows\.$"),
        (lambda f: f.assign(age=f["age"] + 0.9999), {}, "after day 364 of a year of age"),
        (
            lambda f: f,
            {"year_starts": {2000: "2000-01-01"}},
            r"^A life table: year_starts= lacks the years 2001\.$",
        ),
        (
            lambda f: f,
            {"year_starts": {2000: "2001-01-01", 2001: "2000-01-01"}},
            r"^A life table: year_starts= does not ascend with the years, at 2001\.$",
        ),
        (
            lambda f: f,
            {"year_end": "2001-01-01"},
            r"^A life table: year_end= is not after the start of the last year\.$",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_rows(change, options, message):
    with pytest.raises(LifeTableError, match=message):
        LifeTable.from_frame(change(small()), **{"mx": "mx", **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"^Give exactly one of rate=, mx= and qx=, the column that holds mortality\.$"),
        (
            {"mx": "mx", "qx": "mx"},
            r"^Give exactly one of rate=, mx= and qx=, the column that holds mortality\.$",
        ),
        ({"mx": "mx", "rate_unit": "per_day"}, r"^rate_unit= goes with rate=; mx= has its own unit\.$"),
        ({"mx": "mx", "days_per_year": 1.0}, r"^days_per_year=1\.0 is not the length of a year in days\.$"),
        (
            {"mx": "mx", "year_starts": {2000: "soon", 2001: "2001-01-01"}},
            r"^year_starts\[2000\]= is not an ISO date such as '2000-07-01'\.$",
        ),
        (
            {"mx": "mx", "missing": "guess"},
            r"^missing='guess' is not a choice; use one of 'error', 'not-covered'\.$",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        LifeTable.from_frame(small(), **options)


def test_columns_of_the_wrong_kind_are_named():
    with pytest.raises(ColumnError, match=r"column 'age' with ages holds .*, not numbers"):
        LifeTable.from_frame(small().assign(age="110+"), mx="mx")
    with pytest.raises(
        ColumnError,
        match=r"^A life table: no column 'rates'\. The data have the columns: sex, age, year, mx\.$",
    ):
        LifeTable.from_frame(small(), mx="rates")
    with pytest.raises(
        ColumnError,
        match=(
            "^A life table: column 'country' mixes text and numbers, so its labels cannot be put in "
            r"order\. Make them one kind, for example with \.astype\(str\)\.$"
        ),
    ):
        LifeTable.from_frame(small().assign(country=["XAA", 1] * 6), mx="mx", by="country")


def test_missing_values_years_and_rows_may_be_left_uncovered_knowingly():
    frame = small().assign(year=lambda data: (data["year"] - 2000) * 5 + 2000)
    frame.loc[0, "mx"] = np.nan
    table = LifeTable.from_frame(frame.drop(index=5), mx="mx", missing="not-covered")
    assert table.year_starts.size == 3
    assert np.isnan(table.rates[:, :, 1]).all()
    assert np.isnan(table.rates[:, :, [0, 2]]).sum() == 2
