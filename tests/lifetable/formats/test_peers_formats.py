"""Tables of Stata and R: every cell as the file has it, by independent plain readings."""

from __future__ import annotations

import bz2
import gzip
import lzma

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
    with pytest.raises(OptionError, match="by= goes with"):
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
        (lambda table: table.assign(prob=2.0), "out of range"),
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
    with pytest.raises(LifeTableError, match="Stata"):
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


DPUT = """structure(c(1e-04, 2e-04, 3e-04, 4e-04, 5e-04, 6e-04, 7e-04, 8e-04),
dim = c(2L, 2L, 2L), dimnames = list(age = c("0", "1"), year = c("2000", "2001"), sex = c("male", "female")),
dimid = c("age", "year", "sex"), factor = c(0, 0, 1), type = c(2, 3, 1), cutpoints = list(c(0, 365.241),
structure(c(14610L, 14976L), class = "date"), NULL), class = "ratetable")
"""


def at(table, sex, days, date):
    """Hazard per day at an age in days."""
    birth = np.datetime64(date) - np.timedelta64(days, "D")
    return table.hazard(sex=sex, birth_date=birth, date=date)[0]


def test_text_of_dput_by_hand(tmp_path):
    path = tmp_path / "table.txt"
    path.write_text(DPUT, encoding="utf-8")
    table = cs.read_life_table(path)
    # The first dimension runs fastest; ages begin after 365.241 days; 14610 days after 1960 are 1 January 2000.
    assert [at(table, "male", 365, "2000-05-01"), at(table, "male", 366, "2000-05-01")] == [1e-4, 2e-4]
    assert [at(table, "male", 0, "2000-12-31"), at(table, "male", 0, "2001-01-01")] == [1e-4, 3e-4]
    assert [at(table, "female", 9, "2000-05-01"), at(table, "female", 900, "2001-05-01")] == [5e-4, 8e-4]
    since_1970 = DPUT.replace("14610L, 14976L", "10957, 11323").replace('class = "date"', 'class = "Date"')
    path.write_text(since_1970, encoding="utf-8")
    assert cs.read_life_table(path).digest == table.digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DPUT[: DPUT.rindex("NULL")], "cut off"),
        (DPUT.replace('dimid = c("age"', "dimid = system('rm')"), "not that of a rate table"),
        (DPUT.replace("structure(c(1e-04", "structure(exp(1e-04"), "only structure, c and list"),
        (DPUT.replace("dim = c(2L, 2L, 2L)", "dim = c(2L, 2L, 3L)"), "damaged"),
        (DPUT.replace(", type = c(2, 3, 1)", ""), "lacks type"),
        (DPUT.replace("type = c(2, 3, 1)", "type = c(2, 2, 1)"), "one dimension of age"),
    ],
)
def test_text_that_is_no_rate_table(tmp_path, text, message):
    path = tmp_path / "table.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LifeTableError, match=message):
        cs.read_life_table(path)


def test_files_of_r_hold_what_r_printed(shared):
    folder = shared / "data" / "lifetable_formats"
    whole = cs.read_life_table(folder / "r_ratetable_slopop.rda")
    part = cs.read_life_table(folder / "r_ratetable_slopop_1996_2005.dput.txt")
    printed = pd.read_csv(shared / "data" / "lifetables" / "relsurv_slopop.csv.gz")
    for row in printed.sample(300, random_state=1).to_dict("records"):
        days, date = int(np.ceil(row["age_cut_days"])) + 1, row["year_cut_date"]
        assert at(whole, row["sex"], days, date) == pytest.approx(row["hazard_per_day"], rel=1e-9, abs=1e-15)
        if "1996" <= date < "2006":
            assert at(part, row["sex"], days, date) == pytest.approx(
                row["hazard_per_day"], rel=1e-9, abs=1e-15
            )
    american = cs.read_life_table(folder / "r_ratetable_survexp_us.rds")
    assert american.calendar_rule == "birthday"
    by_date = american.with_look_up("survival")
    expected = pd.read_csv(shared / "data" / "lifetables" / "survival_survexp_us.csv.gz")
    for row in expected.sample(200, random_state=2).to_dict("records"):
        # By R's rule a date alone does not name the cell; by the rule of its other tables it does.
        days, date = int(np.ceil(row["age_cut_days"])) + 1, row["year_cut_date"]
        assert at(by_date, row["sex"], days, date) == pytest.approx(row["hazard_per_day"], rel=1e-9)


def test_damaged_files_of_r_are_refused(shared, tmp_path):
    raw = (shared / "data" / "lifetable_formats" / "r_ratetable_slopop.rda").read_bytes()
    unpack = gzip if raw[:2] == b"\x1f\x8b" else bz2 if raw[:3] == b"BZh" else lzma
    content = unpack.decompress(raw)
    path = tmp_path / "cut.rda"
    path.write_bytes(content[:9000])
    with pytest.raises(LifeTableError, match="damaged"):
        cs.read_life_table(path)


def test_numbers_of_32_bits_are_those_that_were_written():
    from childsurv.lifetable.formats.stata import _printed

    written = [0.9634056, 0.0363631, 1.0, 0.0, 1.234567e-5, 0.1, 0.7654321]
    column = pd.Series(np.array(written, dtype=np.float32))
    # The very floats that the seven digits stand for, and not the noise after them.
    assert _printed(column).tolist() == written
    assert np.isnan(_printed(pd.Series(np.array([np.nan], dtype=np.float32)))).all()
