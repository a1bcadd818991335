"""Rate tables of R: every cell as the file has it, by independent plain readings."""

from __future__ import annotations

import bz2
import gzip
import lzma

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import LifeTableError

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
        (DPUT[: DPUT.rindex("NULL")], r"^table\.txt: the text ends within the rate table; it was cut off\.$"),
        (
            DPUT.replace('dimid = c("age"', "dimid = system('rm')"),
            r"^table\.txt: the text is not that of a rate table \(character 195\)\.$",
        ),
        (
            DPUT.replace("structure(c(1e-04", "structure(exp(1e-04"),
            r"^table\.txt: the text is not that of a rate table; only structure, c and list are read\.$",
        ),
        (DPUT.replace("dim = c(2L, 2L, 2L)", "dim = c(2L, 2L, 3L)"), "damaged"),
        (
            DPUT.replace(", type = c(2, 3, 1)", ""),
            r"^table\.txt: the R object is no rate table; it lacks type\.$",
        ),
        (
            DPUT.replace("type = c(2, 3, 1)", "type = c(2, 2, 1)"),
            r"^table\.txt: one dimension of age is needed; the table has age, year, sex\.$",
        ),
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
