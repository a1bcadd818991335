"""Tables of Stata: every cell as the file has it, by independent plain readings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import LifeTableError, OptionError


def popmort(tmp_path, **columns):
    ages, years = np.meshgrid(np.arange(0, 100), np.arange(2000, 2003), indexing="ij")
    one = pd.DataFrame({"_age": ages.ravel(), "_year": years.ravel()})
    table = pd.concat([one.assign(sex=1), one.assign(sex=2)], ignore_index=True)
    table["prob"] = np.exp(-(0.0005 + 0.00001 * table["_age"] * table["sex"]))
    table["rate"] = -np.log(table["prob"])
    table = table.assign(**columns)
    path = tmp_path / "popmort.dta"
    table.sample(frac=1, random_state=1).to_stata(path, write_index=False)
    return path, table


def hazard_of(table, sex, age, year, **by):
    """Hazard per day at an age of some years and two months, on 1 June of a year."""
    return table.hazard(sex=sex, birth_date=f"{year - age}-04-01", date=f"{year}-06-01", **by)[0]


def test_prob_counts_before_the_rate_that_was_printed(tmp_path):
    path, table = popmort(tmp_path, rate=0.5)
    read = cs.read_life_table(path)
    assert read.provenance[0]["format"] == "stata"
    for row in table.sample(20, random_state=2).itertuples():
        sex = "male" if row.sex == 1 else "female"
        assert hazard_of(read, sex, row._1, row._2) == pytest.approx(-np.log(row.prob) / 365.25, rel=1e-9)
    rates = cs.read_life_table(path, columns={"rate": "rate"})
    assert hazard_of(rates, "male", 5, 2001) == pytest.approx(0.5 / 365.25, rel=1e-12)


def test_labels_of_sex_and_strata(tmp_path):
    path, _ = popmort(tmp_path, dep=3)
    with pytest.raises(OptionError, match=r"^by= goes with format='long'; popmort\.dta was read as 'wpp'\.$"):
        cs.read_life_table(path, format="wpp", by="dep")
    read = cs.read_life_table(path, by="dep")
    assert read.by == ("dep",)
    plain = cs.read_life_table(path, by=[])
    assert hazard_of(read, "male", 5, 2001, dep="3") == pytest.approx(hazard_of(plain, "male", 5, 2001))
    labelled = pd.read_stata(path, convert_categoricals=False)
    labelled["sex"] = pd.Categorical(labelled["sex"].map({1: "Females", 2: "Males"}))
    labelled.to_stata(tmp_path / "labelled.dta", write_index=False)
    turned = cs.read_life_table(tmp_path / "labelled.dta", by="dep")
    assert turned.digest != read.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: pd.concat([table, table.assign(dep=1)]).fillna({"dep": 0}), r"by=\['dep'\]"),
        (lambda table: table.drop(columns=["prob", "rate"]), "looked for"),
        (lambda table: table.drop(columns="sex"), "looked for"),
        (
            lambda table: table.assign(prob=2.0),
            (
                r"^wrong\.dta: column 'prob' is out of range in 600 rows \(rows 1, 2, 3, 4, 5, 6, 7, 8 and "
                r"592 more\)\.$"
            ),
        ),
    ],
)
def test_files_of_stata_that_are_no_table(tmp_path, change, message):
    _, table = popmort(tmp_path)
    path = tmp_path / "wrong.dta"
    change(table).to_stata(path, write_index=False)
    with pytest.raises(LifeTableError, match=message):
        cs.read_life_table(path)


def test_damaged_files_are_refused(tmp_path):
    path, _ = popmort(tmp_path)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(
        LifeTableError, match=r"^popmort\.dta cannot be read as a Stata file; it may be cut off\.$"
    ):
        cs.read_life_table(path)


def test_stata_files_to_their_printed_digits(shared):
    path = shared / "data" / "lifetable_formats" / "stata_popmort_strs_layout.dta"
    read = cs.read_life_table(path)
    plain = pd.read_stata(path)
    for row in plain.sample(60, random_state=3).itertuples():
        sex = {1: "male", 2: "female"}[row.sex]
        expected = -np.log(float(f"{row.prob:.7g}")) / 365.25
        assert hazard_of(read, sex, row._3, row._2) == pytest.approx(expected, rel=1e-9)
    deprived = cs.read_life_table(path.with_name("stata_popmort_deprivation.dta"), by="dep")
    assert deprived.by == ("dep",)


def test_numbers_of_32_bits_are_those_that_were_written():
    from childsurv.lifetable.formats.stata import _printed

    written = [0.9634056, 0.0363631, 1.0, 0.0, 1.234567e-5, 0.1, 0.7654321]
    column = pd.Series(np.array(written, dtype=np.float32))
    # The very floats that the seven digits stand for, and not the noise after them.
    assert _printed(column).tolist() == written
    assert np.isnan(_printed(pd.Series(np.array([np.nan], dtype=np.float32)))).all()
