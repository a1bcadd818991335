"""Rates for both sexes together: left out, or standing in for a sex that has none."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from childsurv.errors import LifeTableError, OptionError
from childsurv.lifetable.formats.reading import read_life_table


def rows(country, rates):
    return [(country, sex, age, 2000, rate * (1 + age)) for sex, rate in rates.items() for age in (0, 1)]


@pytest.fixture
def write(tmp_path):
    def write(text, name="rates.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def mixed(write):
    """One country with all three, one without males, one with both sexes together only."""
    cells = rows("XAA", {"male": 0.04, "female": 0.02, "both": 0.03})
    cells += rows("XBB", {"female": 0.01, "both": 0.015})
    cells += rows("XCC", {"both": 0.05})
    frame = pd.DataFrame(cells, columns=["country", "sex", "age", "year", "mx"])
    return write(frame.to_csv(index=False))


def yearly(table):
    return dict(
        zip(
            table.strata.itertuples(index=False, name=None),
            (table.rates[:, :, 0] * 365.25).tolist(),
            strict=True,
        )
    )


def test_rates_for_both_stand_for_the_sex_that_is_missing_and_no_other(mixed):
    table = read_life_table(mixed, both_sexes="where-missing")
    known = yearly(table)
    expected = {
        ("XAA", "female"): 0.02, ("XAA", "male"): 0.04, ("XBB", "female"): 0.01, ("XBB", "male"): 0.015,
        ("XCC", "female"): 0.05, ("XCC", "male"): 0.05,
    }  # fmt: skip
    assert known.keys() == expected.keys()
    for stratum, rate in expected.items():
        # Divided and multiplied by the length of a year.
        assert known[stratum] == pytest.approx([rate, 2 * rate], rel=1e-15)
    assert table.provenance[-1]["filled"] == ["XCC, female", "XBB, male", "XCC, male"]


def test_by_default_they_are_left_out_and_counted(mixed):
    table = read_life_table(mixed)
    assert yearly(table).keys() == {("XAA", "female"), ("XAA", "male"), ("XBB", "female")}
    assert table.provenance[0]["left_out"] == {"both": 6}
    assert "filled" not in table.provenance[-1]


LIFE = "Year Age mx qx\n2000 0 0.01 0.01\n2000 1+ 0.02 1\n"
RATES = "Year Age Female Male Total\n2000 0 . . 0.03\n2000 1+ . . 0.04\n"


def test_every_format_can_give_them(write, shared):
    both = read_life_table(
        write("Russia, Life tables (period 1x1), Total\n\n" + LIFE), both_sexes="where-missing"
    )
    assert yearly(both) == {(sex,): pytest.approx([0.01, 0.02], rel=1e-15) for sex in ("female", "male")}
    assert both.provenance[-1]["filled"] == ["female", "male"]
    # A column of a sex without numbers is a table of that sex with gaps, not a missing sex.
    gaps = read_life_table(write(RATES, "Mx_1x1.txt"), both_sexes="where-missing")
    assert np.isnan(gaps.rates).all()
    assert "filled" not in gaps.provenance[-1]

    rows = [
        {
            "IndicatorCode": "LIFE_0000000029", "SpatialDimType": "COUNTRY", "SpatialDim": "XAA",
            "TimeDim": 2000, "Dim1": "SEX_BTSX", "Dim2": age, "NumericValue": 0.01,
        }
        for age in ("AGEGROUP_YEARS00-01", "AGEGROUP_YEARS01-04")
    ]  # fmt: skip
    who = write(json.dumps({"value": rows}), "who.json")
    assert read_life_table(who, both_sexes="where-missing").strata["sex"].tolist() == ["female", "male"]
    with pytest.raises(LifeTableError, match=r"only rates for both sexes .* both_sexes='where-missing'"):
        read_life_table(who)


def test_the_real_file_with_both_sexes_is_the_same_with_and_without(shared):
    path = shared / "data" / "lifetables" / "wpp2024_abridged_5y_13countries.csv.gz"
    assert read_life_table(path, both_sexes="where-missing").digest == read_life_table(path).digest


def test_an_unknown_policy(mixed):
    with pytest.raises(OptionError, match="both_sexes='mean' is not a choice"):
        read_life_table(mixed, both_sexes="mean")
