from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from childsurv.errors import ColumnError, LifeTableError, OptionError
from childsurv.lifetable.formats.reading import read_life_table
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
    with pytest.raises(
        LifeTableError,
        match=(
            r"^russian\.csv is not written in the encoding utf-8-sig\. Name the right one, for example "
            r"encoding='cp1251'\.$"
        ),
    ):
        read_life_table(path, columns=columns)


def test_a_file_in_another_encoding_is_named_as_such(frame, write):
    path = write(frame.assign(note="Брыска"), encoding="cp1251")
    with pytest.raises(
        LifeTableError,
        match=(
            r"^rates\.csv is not written in the encoding utf-8-sig\. Name the right one, for example "
            r"encoding='cp1251'\.$"
        ),
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


def test_three_columns_are_enough_for_one_sex_and_two_are_not(frame, write):
    one = frame[frame["sex"] == "male"]
    table = read_life_table(write(one[["age", "year", "mx"]]), sex="male")
    assert table.rates.size == len(one)
    with pytest.raises(LifeTableError, match="a first line without columns separated by"):
        read_life_table(write(one[["age", "mx"]]), sex="male")


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
    with pytest.raises(
        ColumnError,
        match=(
            r"^rates\.csv: no column 'region'\. The data have the columns: sex, age, year, mx, country, "
            r"area\.$"
        ),
    ):
        read_life_table(path, by="region")


def test_countries_are_chosen_and_renamed(frame, write):
    path = write(pd.concat([frame, frame.assign(country="XBB"), frame.assign(country="XCC")]))
    assert read_life_table(path, country="XBB").strata["country"].unique().tolist() == ["XBB"]
    table = read_life_table(path, country={"XCC": "south", "XAA": "north"})
    assert table.strata["country"].unique().tolist() == ["north", "south"]
    with pytest.raises(LifeTableError, match=r"^rates\.csv has no country XDD\. It has: XAA, XBB, XCC\.$"):
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
            r"^rates\.csv: column 'mx' is not a number in 1 row \(row 1\)\.$",
        ),
        (
            lambda f: f.assign(mx=f["mx"].where(f.index != 1)),
            {},
            LifeTableError,
            (
                r"^rates\.csv: A life table: column 'mx' is missing in 1 row \(row 2\)\. "
                r"missing='not-covered' keeps such cells as gaps that raise when looked up\.$"
            ),
        ),
        (
            lambda f: f.assign(age="young"),
            {},
            LifeTableError,
            (
                r"^rates\.csv: ages are not written like 0, 1-4 or 110\+ in 390 rows \(rows 1, 2, 3, 4, 5, 6, "
                r"7, 8 and 382 more\)\.$"
            ),
        ),
        (
            lambda f: f,
            {"columns": {"death": "mx"}},
            OptionError,
            (
                "^columns= names parts 'death'; the parts are sex, age, year, year_start, year_end, mx, qx, "
                r"rate\.$"
            ),
        ),
        (
            lambda f: f,
            {"columns": {"mx": "m"}},
            ColumnError,
            (
                r"^rates\.csv: no column 'm'\. Did you mean 'mx' for 'm'\? The data have the columns: sex, "
                r"age, year, mx, country\.$"
            ),
        ),
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


# Cells given by their dates


@pytest.mark.parametrize("rule", ["exact", "relsurv"])
def test_what_to_frame_writes_is_read_again(frame, tmp_path, rule):
    starts = {year: f"{year}-07-01" for year in range(1998, 2013)}
    table = LifeTable.from_frame(frame, mx="mx", by="country", year_starts=starts).expand()
    table = table.with_look_up(rule)
    path = tmp_path / "saved.csv"
    table.to_frame().to_csv(path, index=False)
    again = read_life_table(
        path, age_unit="days" if rule == "relsurv" else "years", days_per_year=table.days_per_year
    )
    # Numbers are written in full and read back to the last bit.
    assert again.digest == table.digest
    assert (again.days_per_year, again.age_rule) == (None, table.age_rule)


def test_an_open_table_is_not_one_of_dates(frame, tmp_path):
    LifeTable.from_frame(frame, mx="mx", by="country").extend("last").to_frame().to_csv(tmp_path / "open.csv")
    with pytest.raises(
        LifeTableError,
        match=r"open.csv: column 'year_start', the first day .* no ISO date in .* before it is extended",
    ):
        read_life_table(tmp_path / "open.csv")


def test_cells_given_by_dates_may_not_overlap(frame, tmp_path):
    saved = LifeTable.from_frame(frame, mx="mx", by="country").to_frame()
    saved.loc[saved.index[-1], "year_end"] = pd.Timestamp("2013-07-01")
    saved.to_csv(tmp_path / "two_ends.csv")
    with pytest.raises(
        LifeTableError, match=r"cell that begins on 2012-01-01 does not end .* may not overlap"
    ):
        read_life_table(tmp_path / "two_ends.csv")
    saved["year_end"] = saved["year_start"]
    saved.to_csv(tmp_path / "no_length.csv")
    with pytest.raises(LifeTableError, match="cell that begins on 1998-01-01 does not end after that day"):
        read_life_table(tmp_path / "no_length.csv")


def test_gaps_between_cells_given_by_dates_are_not_filled(frame, tmp_path):
    saved = LifeTable.from_frame(frame, mx="mx", by="country").to_frame()
    lacking = saved[~saved["year_start"].dt.year.isin([2003, 2004, 2007])]
    path = tmp_path / "gaps.csv"
    lacking.to_csv(path, index=False)
    with pytest.raises(LifeTableError, match=r"not consecutive \(2 gaps, the first after 2002"):
        read_life_table(path)
    table = read_life_table(path, missing="not-covered")
    person = {"sex": "male", "birth_date": "2001-01-01", "country": "XAA"}
    assert table.hazard(date="2005-06-01", **person)[0] > 0
    for day in ("2003-06-01", "2004-12-31", "2007-01-01"):
        with pytest.raises(LifeTableError, match="no value for a cell"):
            table.hazard(date=day, **person)
    # Saved and read once more it is the same table.
    table.to_frame().to_csv(tmp_path / "again.csv", index=False)
    assert read_life_table(tmp_path / "again.csv", missing="not-covered").digest == table.digest


def test_cells_that_were_carried_on_stay_marked(frame, tmp_path):
    table = LifeTable.from_frame(frame, mx="mx", by="country").extend("trend", until=2015)
    path = tmp_path / "extended.csv"
    table.to_frame().to_csv(path, index=False)
    again = read_life_table(path)
    assert np.array_equal(again.extended, table.extended)
    assert again.extended.sum() == 3 * table.extended[:, :, :1].size
    assert again.digest == table.digest
    path.write_text(path.read_text("utf-8").replace("True", "perhaps"), "utf-8")
    with pytest.raises(
        LifeTableError,
        match=(
            r"^extended\.csv: column 'extended' is neither true nor false in 78 rows \(rows 16, 17, 18, "
            r"34, 35, 36, 52, 53 and 70 more\)\.$"
        ),
    ):
        read_life_table(path)


def test_dates_written_in_two_ways_are_one_cell(frame, tmp_path):
    table = LifeTable.from_frame(frame, mx="mx", by="country")
    saved = table.to_frame().astype({"year_start": str, "year_end": str})
    saved.loc[saved.index[::2], "year_start"] += "T00:00:00"
    saved.to_csv(tmp_path / "ways.csv", index=False)
    assert read_life_table(tmp_path / "ways.csv").digest == table.digest


@pytest.mark.parametrize("open_value", [1.0, np.nan])
def test_a_cell_without_a_value_is_a_gap_in_the_file_too(frame, tmp_path, open_value):
    rows = frame.assign(qx=-np.expm1(-frame["mx"]))
    rows.loc[rows["age"] == rows["age"].max(), "qx"] = open_value
    options = {"missing": "not-covered"} if np.isnan(open_value) else {}
    table = LifeTable.from_frame(rows.drop(columns="mx"), qx="qx", by="country", **options)
    assert np.isnan(table.rates[:, -1]).all()
    path = tmp_path / "gaps.csv"
    table.to_frame().to_csv(path, index=False)
    assert read_life_table(path).digest == table.digest


# Files that are not what they seem


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        (
            lambda f: (f["country"] == "XAA") & (f["age"] == "5-9"),
            (
                r"^rates\.csv: age groups of XAA, female leave a gap after 1-4\. Rows are missing, or the "
                r"file was cut off\.$"
            ),
        ),
        (
            lambda f: (f["sex"] == "male") & (f["age"] == "1-4"),
            (
                r"^rates\.csv: age groups of XAA, male leave a gap after 0\. Rows are missing, or the file "
                r"was cut off\.$"
            ),
        ),
    ],
)
def test_age_groups_of_every_stratum_follow_one_another(write, drop, message):
    rows = [
        (country, sex, age, 2000, 0.001)
        for country in ("XAA", "XBB")
        for sex in ("female", "male")
        for age in ("0", "1-4", "5-9", "10+")
    ]
    frame = pd.DataFrame(rows, columns=["country", "sex", "age", "year", "mx"])
    assert read_life_table(write(frame)).rates.shape == (4, 4, 1)
    with pytest.raises(LifeTableError, match=message):
        read_life_table(write(frame[~drop(frame)]))


@pytest.mark.parametrize(
    "ages",
    [
        ["0", "0.02", "0.08", "1", "2", "3", "4", "5-9", "10-14", "15+"],
        ["0", "0.019", "1-4", "5-9", "10+"],
        ["0", "1", "2", "3+"],
        ["0-4", "5-9", "10-14"],
    ],
)
def test_age_groups_that_leave_no_gap_are_read(write, ages):
    rows = [(sex, age, 2000, 0.001) for sex in ("female", "male") for age in ages]
    table = read_life_table(write(pd.DataFrame(rows, columns=["sex", "age", "year", "mx"])))
    assert table.age_starts.size == len(ages)


def test_only_rows_that_are_used_need_all_ages(write):
    names = ["country", "sex", "age", "year", "mx"]
    whole = [
        ("XAA", sex, age, 2000, 0.001) for sex in ("female", "male") for age in ("0", "1-4", "5-9", "10+")
    ]
    other = [("XBB", sex, age, 2000, 0.001) for sex in ("female", "male") for age in ("0", "5-9", "10-14")]
    total = [("XAA", "total", age, 2000, 0.001) for age in ("0", "5-9")]
    children = [("XCC", sex, age, 2000, 0.001) for sex in ("female", "male") for age in ("0", "1-4", "5-9")]
    path = write(pd.DataFrame(whole + total + other + children, columns=names))
    with pytest.raises(
        LifeTableError,
        match=(
            r"^rates\.csv: age groups do not follow one another: after 10-14 comes 10\. Cells may neither "
            r"overlap nor leave gaps\.$"
        ),
    ):
        read_life_table(path)
    path = write(pd.DataFrame(whole + total + children, columns=names))
    assert read_life_table(path).strata["country"].unique().tolist() == ["XAA", "XCC"]


def test_a_missing_label_is_named_as_such(write):
    rows = [("XAA", sex, age, 2000, 0.001) for sex in ("female", "male") for age in ("0", "1-4", "5+")]
    frame = pd.DataFrame(rows, columns=["iso", "sex", "age", "year", "mx"])
    path = write(frame.assign(iso=frame["iso"].where(frame.index > 1)))
    with pytest.raises(
        LifeTableError, match=r"^rates\.csv: A life table: column 'iso' is missing in 2 rows \(rows 1, 2\)\.$"
    ):
        read_life_table(path, by="iso")
    table = read_life_table(write(frame.assign(iso="NA")), by="iso")
    assert table.strata["iso"].unique().tolist() == ["NA"]


@pytest.mark.parametrize(
    ("ends", "word"),
    [({2000: "2000-12-31", 2001: "2001-12-31"}, "day"), ({2000: "2000", 2001: "2001"}, "year")],
)
def test_ends_that_belong_to_their_cell_are_told(write, ends, word):
    rows = [
        (sex, age, f"{year}-01-01" if word == "day" else str(year), ends[year], 0.001)
        for sex in ("female", "male")
        for age in (0, 1)
        for year in (2000, 2001)
    ]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year_start", "year_end", "mx"])
    if word == "year":
        frame = frame[frame["year_start"] != "x"].replace({"year_end": {"2000": "2004", "2001": "2009"}})
        frame["year_start"] = frame["year_start"].replace({"2001": "2005"})
    with pytest.raises(
        LifeTableError, match=f"column 'year_end' holds the last {word} of each calendar cell"
    ):
        read_life_table(write(frame))


def test_the_country_na_is_a_country(frame, write):
    table = read_life_table(write(frame.assign(country="NA")))
    assert table.strata["country"].unique().tolist() == ["NA"]
    with pytest.raises(
        LifeTableError,
        match=(
            r"^rates\.csv: A life table: column 'mx' is missing in 1 row \(row 4\)\. "
            r"missing='not-covered' keeps such cells as gaps that raise when looked up\.$"
        ),
    ):
        read_life_table(write(frame.assign(mx=frame["mx"].astype(object).where(frame.index != 3, "NA"))))


def test_commas_of_other_columns_are_no_decimal_marks(frame, write):
    path = write(frame.assign(population="12,345"), sep=";")
    assert read_life_table(path).digest == read_life_table(write(frame, "plain.csv")).digest


@pytest.mark.parametrize("factor", [1_000, 100_000])
def test_rates_of_a_wrong_unit_are_refused(frame, write, factor):
    path = write(frame.assign(mx=frame["mx"] * factor))
    with pytest.raises(
        LifeTableError, match=r"column 'mx' gives more than 1 death a person-year.*rate_unit="
    ):
        read_life_table(path)
    right = read_life_table(path, columns={"rate": "mx"}, rate_unit=f"per_{factor}_years")
    assert right.rates == pytest.approx(LifeTable.from_frame(frame, mx="mx").rates, rel=1e-12)


def test_a_decimal_comma_between_commas_is_not_taken_for_a_column(frame, write):
    path = write(frame)
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], *(line.replace("0.", "0,") for line in lines[1:])]), "utf-8")
    with pytest.raises(LifeTableError, match=r"more fields than there are column names. A decimal comma"):
        read_life_table(path)


def test_a_header_alone_is_no_table(frame, write):
    with pytest.raises(LifeTableError, match=r"^rates\.csv has column names but no rows\.$"):
        read_life_table(write(frame.head(0)))


def test_cells_that_repeat_name_the_columns_not_used(frame, write):
    path = write(pd.concat([frame.assign(area="town"), frame.assign(area="country")]))
    with pytest.raises(LifeTableError, match=r"more than once .*Columns not used: area\."):
        read_life_table(path)


def test_what_was_found_is_said_by_its_part_and_not_its_name(frame, write):
    path = write(frame.rename(columns={"mx": "secret"}), sep=";")
    with pytest.raises(
        LifeTableError,
        match="found 5 columns separated by semicolons, with sex, age, year and without mx, qx or rate",
    ) as raised:
        read_life_table(path)
    assert "secret" not in str(raised.value)


def test_a_header_in_another_encoding_is_named_as_such(frame, write):
    path = write(frame.rename(columns={"mx": "Коэффициент"}), encoding="cp1251")
    with pytest.raises(LifeTableError, match=r"the text is not in the encoding utf-8-sig.*cp1251"):
        read_life_table(path)


@pytest.mark.parametrize(("unit", "factor"), [("per_1000_years", 1e3), ("per_100000_years", 1e5)])
def test_rates_for_many_persons(frame, write, unit, factor):
    plain = read_life_table(write(frame))
    path = write(frame.assign(mx=frame["mx"] * factor).rename(columns={"mx": "rate"}), "many.csv")
    # Multiplied and divided.
    assert read_life_table(path, rate_unit=unit).rates == pytest.approx(plain.rates, rel=1e-15)


# The real files that are published as long tables


def test_denmark_by_periods_of_five_years(shared):
    path = shared / "data" / "lifetables" / "epi_mortDK.csv.gz"
    printed = pd.read_csv(path)
    periods = sorted(printed["per"].unique())
    table = read_life_table(
        path,
        columns={"year": "per", "rate": "rt"},
        sex_codes={1: "male", 2: "female"},
        rate_unit="per_1000_years",
        year_starts={period: f"{1900 + period}-01-01" for period in periods},
        year_end=f"{1900 + periods[-1] + 5}-01-01",
    )
    for row in printed.itertuples():
        stratum = table.strata["sex"].tolist().index({1: "male", 2: "female"}[row.sex])
        rate = table.rates[stratum, row.age, periods.index(row.per)] * 365.25 * 1000
        assert rate == pytest.approx(row.rt, rel=1e-14)


def test_finland_by_codes_of_sex(shared):
    path = shared / "data" / "lifetables" / "popepi_popmort.csv.gz"
    printed = pd.read_csv(path)
    columns = {"age": "agegroup", "rate": "haz"}
    with pytest.raises(LifeTableError, match=r"the sex is not understood .*sex_codes="):
        read_life_table(path, columns=columns)
    table = read_life_table(path, columns=columns, sex_codes={0: "male", 1: "female"})
    for sex, name in enumerate(("male", "female")):
        own = table.rates[table.strata["sex"].tolist().index(name)] * 365.25
        block = printed[printed["sex"] == sex].pivot(index="agegroup", columns="year", values="haz")
        assert own == pytest.approx(block.to_numpy(), rel=1e-14)


@pytest.mark.parametrize(
    ("name", "by"),
    [("relsurv_slopop", None), ("survival_survexp_mn", None), ("survival_survexp_usr", "race")],
)
def test_exports_of_r_by_days_and_dates(shared, name, by):
    path = shared / "data" / "lifetables" / f"{name}.csv.gz"
    # Read as text first: not every version of pandas reads numbers to the last digit.
    printed = pd.read_csv(path, dtype={"hazard_per_day": str}).astype({"hazard_per_day": float})
    table = read_life_table(
        path, columns={"age": "age_cut_days", "year_start": "year_cut_date"}, age_unit="days", by=by
    )
    assert table.age_rule == "fixed"
    keys = ["sex"] if by is None else [by, "sex"]
    assert table.by == (() if by is None else (by,))
    assert table.year_starts.astype("datetime64[D]").astype(str).tolist() == sorted(
        printed["year_cut_date"].unique()
    )
    for place, own in enumerate(table.strata[keys].itertuples(index=False, name=None)):
        rows = (printed[keys] == list(own)).all(axis=1)
        block = printed[rows].pivot(index="age_cut_days", columns="year_cut_date", values="hazard_per_day")
        assert np.array_equal(table.rates[place], block.to_numpy())
