from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from childsurv.errors import ColumnError, LifeTableError, OptionError
from childsurv.lifetable.reading import read_life_table
from childsurv.lifetable.table import LifeTable


@pytest.fixture
def frame(cells) -> pd.DataFrame:
    # Six decimals, as tables are printed: such numbers are read back to the last bit.
    return cells.assign(country="XAA", mx=cells["mx"].round(6))


@pytest.fixture
def write(tmp_path):
    def write(frame: pd.DataFrame, name: str = "rates.csv", **options):
        frame.to_csv(tmp_path / name, index=False, **{"encoding": "utf-8", **options})
        return tmp_path / name

    return write


def test_the_plain_file_is_the_table_of_its_frame(frame, write):
    table = read_life_table(write(frame))
    assert table.digest == LifeTable.from_frame(frame, mx="mx", by="country").digest
    assert table.provenance[0]["format"] == "long"
    assert table.source == "rates.csv"


@pytest.mark.parametrize(
    ("name", "options", "reading"),
    [
        ("semicolon.csv", {"sep": ";"}, {}),
        ("decimal_comma.csv", {"sep": ";", "decimal": ","}, {}),
        ("tab.txt", {"sep": "\t"}, {}),
        ("bom.csv", {"encoding": "utf-8-sig"}, {}),
        ("packed.csv.gz", {"compression": "gzip"}, {}),
        ("packed.csv.bz2", {"compression": "bz2"}, {}),
        ("packed.csv.xz", {"compression": "xz"}, {}),
        ("packed.zip", {"compression": "zip"}, {}),
        ("cp1251.csv", {"encoding": "cp1251"}, {"encoding": "cp1251"}),
    ],
)
def test_separators_encodings_and_packing_change_nothing(frame, write, name, options, reading):
    plain = read_life_table(write(frame))
    assert read_life_table(write(frame, name, **options), **reading).digest == plain.digest


def test_columns_of_other_names_sexes_and_ages_as_text(frame, write):
    plain = read_life_table(write(frame), country="XAA")
    other = frame.rename(columns={"sex": "Пол", "age": "Возраст", "year": "Год", "mx": "Коэффициент"})
    other["Пол"] = other["Пол"].map({"male": "мужской", "female": "женский"})
    other["Возраст"] = other["Возраст"].astype(str).replace("12", "12+")
    path = write(other, "russian.csv", sep=";", decimal=",", encoding="cp1251")
    columns = {"sex": "Пол", "age": "Возраст", "year": "Год", "mx": "Коэффициент"}
    assert read_life_table(path, columns=columns, encoding="cp1251").digest == plain.digest
    with pytest.raises(LifeTableError, match=r"no life table that is known|encoding utf-8-sig"):
        read_life_table(path, columns=columns)


def test_a_file_in_another_encoding_is_named_as_such(frame, write):
    path = write(frame.assign(note="Брыска"), encoding="cp1251")
    with pytest.raises(
        LifeTableError, match=r"rates.csv is not written in the encoding utf-8.*encoding='cp1251'"
    ):
        read_life_table(path)


def test_numbers_for_sexes_need_their_meaning(frame, write):
    plain = read_life_table(write(frame))
    coded = frame.assign(sex=frame["sex"].map({"male": 1, "female": 2}))
    coded = pd.concat([coded, coded[coded["sex"] == 1].assign(sex=3)])
    path = write(coded, "coded.csv")
    with pytest.raises(LifeTableError, match=r"the sex is not understood in 585 rows .*sex_codes="):
        read_life_table(path)
    with pytest.raises(LifeTableError, match=r"the sex is not understood in 195 rows .row"):
        read_life_table(path, sex_codes={1: "male", 2: "female"})
    table = read_life_table(path, sex_codes={1: "male", 2: "female", 3: "both"})
    assert table.digest == plain.digest
    assert table.provenance[0]["left_out"] == {"3": 195}


def test_rows_for_both_sexes_are_left_out_by_name(frame, write):
    total = frame[frame["sex"] == "male"].assign(sex="Total", mx=9.0)
    table = read_life_table(write(pd.concat([total, frame])))
    assert table.digest == read_life_table(write(frame, "plain.csv")).digest
    assert table.provenance[0]["left_out"] == {"Total": 195}


def test_a_file_of_one_sex_takes_it_from_the_argument(frame, write):
    one = write(frame[frame["sex"] == "male"].drop(columns="sex"), "one.csv")
    assert read_life_table(one, sex="male").strata["sex"].tolist() == ["male"]
    both = read_life_table(
        {"male": one, "female": write(frame.query("sex == 'female'").drop(columns="sex"), "two.csv")}
    )
    assert both.digest == read_life_table(write(frame)).digest


@pytest.mark.parametrize(
    ("columns", "kind"),
    [(None, "mx"), ({"qx": "qx"}, "qx"), ({"rate": "hazard"}, "rate"), ({"mx": "mx"}, "mx")],
)
def test_of_several_mortality_columns_the_rate_is_used_unless_another_is_named(frame, write, columns, kind):
    path = write(frame.assign(qx=-np.expm1(-frame["mx"]), hazard=frame["mx"], rate=9.0))
    table = read_life_table(path, columns=columns)
    assert table.provenance[-1]["mortality"] == kind
    # qx was made from mx with the same width of a year; the last bits differ.
    assert table.rates == pytest.approx(read_life_table(write(frame, "plain.csv")).rates, rel=1e-12)


def test_rates_per_day(frame, write):
    path = write(frame.assign(rate=frame["mx"] / 365.25).drop(columns="mx"))
    table = read_life_table(path, rate_unit="per_day")
    assert table.rates == pytest.approx(LifeTable.from_frame(frame, mx="mx").rates, rel=1e-15)


def test_further_strata(frame, write):
    two = pd.concat([frame.assign(area="town"), frame.assign(area="country", mx=frame["mx"] * 2)])
    path = write(two)
    table = read_life_table(path, by=["country", "area"])
    assert table.by == ("country", "area")
    with pytest.raises(LifeTableError, match=r"the same cell occurs more than once in 780 rows.*by="):
        read_life_table(path)
    with pytest.raises(ColumnError, match="no column 'region'"):
        read_life_table(path, by="region")


def test_countries_are_chosen_and_renamed(frame, write):
    path = write(pd.concat([frame, frame.assign(country="XBB"), frame.assign(country="XCC")]))
    assert read_life_table(path, country="XBB").strata["country"].unique().tolist() == ["XBB"]
    table = read_life_table(path, country={"XCC": "south", "XAA": "north"})
    assert table.strata["country"].unique().tolist() == ["north", "south"]
    with pytest.raises(LifeTableError, match=r"has no country XDD. It has: XAA, XBB, XCC"):
        read_life_table(path, country=["XAA", "XDD"])


def test_groups_of_years_and_missing_years(frame, write):
    groups = frame[frame["year"] % 5 == 0].assign(
        year=lambda data: data["year"].map(lambda y: f"{y}-{y + 4}")
    )
    table = read_life_table(write(groups))
    assert table.covered_dates == ("2000-01-01", "2014-12-31")
    lacking = frame[frame["year"] != 2005]
    with pytest.raises(LifeTableError, match=r"not consecutive .1 gaps, the first after 2004"):
        read_life_table(write(lacking))
    assert read_life_table(write(lacking), missing="not-covered").gap_counts is not None


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (
            lambda f: f.assign(mx=[".", *f["mx"].astype(str).tolist()[1:]]),
            {},
            LifeTableError,
            r"column 'mx' is not a number in 1 row \(row 1\)",
        ),
        (
            lambda f: f.assign(mx=f["mx"].where(f.index != 1)),
            {},
            LifeTableError,
            r"column 'mortality' is missing in 1 row \(row 2\)",
        ),
        (lambda f: f.assign(age="young"), {}, LifeTableError, "ages are not written like"),
        (
            lambda f: f,
            {"columns": {"death": "mx"}},
            OptionError,
            "columns= names parts 'death'; the parts are sex, age, year, year_start, year_end, mx, qx, rate",
        ),
        (lambda f: f, {"columns": {"mx": "m"}}, ColumnError, "no column 'm'"),
        (
            lambda f: f.rename(columns={"mx": "risk"}),
            {},
            LifeTableError,
            "no life table that is known here. Looked for: hmd, .*wpp, .*long, ",
        ),
        (
            lambda f: f.rename(columns={"mx": "risk"}),
            {"format": "long"},
            LifeTableError,
            "is not a long table: looked for",
        ),
    ],
)
def test_faults_of_files(frame, write, change, options, error, message):
    with pytest.raises(error, match=message):
        read_life_table(write(change(frame)), **options)


def test_the_project_own_shape_of_real_tables(shared):
    path = shared / "data/lifetables/hmd_BLR_RUS_UKR_1x1.csv.gz"
    table = read_life_table(path)
    assert table.by == ("country",)
    assert table.provenance[0]["left_out"] == {"total": 18981}
    cells = pd.read_csv(path).query("sex != 'total'")
    assert table.digest == LifeTable.from_frame(cells, mx="mx", by="country").digest
    assert (~np.isnan(table.rates)).sum() == len(cells)


def test_the_finnish_table_of_popepi(shared):
    path = shared / "data/lifetables/popepi_popmort.csv.gz"
    table = read_life_table(
        path, columns={"age": "agegroup", "rate": "haz"}, sex_codes={0: "male", 1: "female"}
    )
    source = pd.read_csv(path)
    assert table.rates.size == len(source)
    first = source.query("sex == 0 and year == 1951 and agegroup == 0")["haz"].iloc[0]
    assert table.rates[1, 0, 0] == first / 365.25
