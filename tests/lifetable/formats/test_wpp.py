from __future__ import annotations

import csv
import gzip

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import LifeTableError, OptionError
from childsurv.lifetable.formats.reading import read_life_table
from childsurv.lifetable.formats.wpp import ISO3_OF_M49

PACKAGE = (
    "country_code\tcountry\tage\t1950-1955\t1955-1960\n"
    "51\tArmenia\t0\t0.10\t0.09\n51\tArmenia\t1\t0.01\t0.009\n51\tArmenia\t5+\t0.001\t0.0009\n"
    "900\tWorld\t0\t0.2\t0.2\n900\tWorld\t1\t0.02\t0.02\n900\tWorld\t5+\t0.002\t0.002\n"
)
LONG = "country,sex,year_start,year_end,kind,age_start,age_width,mx,source\n" + "".join(
    f"XAA,{sex},{year},{year + 5},estimate,{age},,0.0{age + 1},UN WPP\n"
    for sex in ("male", "female", "both")
    for year in (1950, 1955)
    for age in (0, 1)
)


@pytest.fixture
def write(tmp_path):
    def write(name: str, text: str):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def dates(table) -> list[str]:
    return [str(np.datetime64(int(day), "D")) for day in table.year_starts]


def test_package_files_are_by_country_and_periods_from_july_to_june(write):
    table = read_life_table([write("mxF5.txt", PACKAGE), write("mxM5.txt", PACKAGE)])
    assert table.strata.to_dict("list") == {
        "country": ["ARM", "ARM", "World", "World"], "sex": ["female", "male"] * 2,
    }  # fmt: skip
    assert dates(table) == ["1950-07-01", "1955-07-01"]
    assert table.covered_dates == ("1950-07-01", "1960-06-30")
    assert table.age_starts.tolist() == [0, 1, 5]
    assert table.rates[0] * 365.25 == pytest.approx(
        np.array([[0.1, 0.09], [0.01, 0.009], [0.001, 0.0009]]), rel=1e-14
    )
    assert "1 July" in table.provenance[0]["method"]


def test_the_sex_comes_from_the_name_the_argument_or_the_mapping(write):
    plain = write("rates.txt", PACKAGE)
    with pytest.raises(
        LifeTableError,
        match=(
            r"^rates\.txt is of one sex, but its name does not give it\. Give sex='female' or sex='male', "
            r"or a mapping \{'female': path, 'male': path\}\.$"
        ),
    ):
        read_life_table(plain)
    assert read_life_table(plain, sex="male").strata["sex"].unique().tolist() == ["male"]
    both = read_life_table({"male": plain, "female": write("other.txt", PACKAGE)})
    assert both.strata["sex"].tolist() == ["female", "male"] * 2
    with pytest.raises(LifeTableError, match="only rates for both sexes"):
        read_life_table(write("mxB5.txt", PACKAGE))
    with pytest.raises(
        OptionError,
        match=r"^sex= goes with one file; for several give a mapping \{'female': path, 'male': path\}\.$",
    ):
        read_life_table([plain, plain], sex="male")


@pytest.mark.parametrize("name", ["ARM", "Armenia", "51"])
def test_a_country_is_asked_for_by_code_name_or_number(write, name):
    table = read_life_table(write("mxF5.txt", PACKAGE), country={name: "XAR"})
    assert table.strata["country"].tolist() == ["XAR"]


def test_areas_that_share_a_name_keep_their_numbers(write):
    text = PACKAGE.replace("51\tArmenia", "905\tWorld")
    assert read_life_table(write("mxF5.txt", text)).strata["country"].tolist() == [
        "World (900)",
        "World (905)",
    ]


def test_a_country_that_is_not_there_is_named_with_those_that_are(write):
    with pytest.raises(LifeTableError, match=r"^mxF5\.txt has no country NOR\. It has: ARM, World\.$"):
        read_life_table(write("mxF5.txt", PACKAGE), country=["ARM", "NOR"])


def test_year_starts_of_the_user_come_before_the_formats_rule(write):
    starts = {1950: "1950-01-01", 1955: "1955-01-01"}
    table = read_life_table(write("mxF5.txt", PACKAGE), year_starts=starts, year_end="1960-01-01")
    assert dates(table) == ["1950-01-01", "1955-01-01"]
    assert table.covered_dates == ("1950-01-01", "1959-12-31")


def test_long_tables_by_periods(write):
    table = read_life_table(write("wpp.csv", LONG))
    assert dates(table) == ["1950-07-01", "1955-07-01"]
    assert table.rates[:, 1] * 365.25 == pytest.approx(np.full((2, 2), 0.02), rel=1e-14)
    assert table.provenance[0]["left_out"] == {"both": 4}
    assert table.provenance[0]["periods"] == {"estimate": (1950, 1955)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PACKAGE.replace("1955-1960", "1960-1965"),
            r"^mxF5\.txt: periods do not follow one another: after 1950-1955 comes 1960\.$",
        ),
        (
            PACKAGE.replace("0.009", "low"),
            r"^mxF5\.txt: a period column holds something that is not a number\.$",
        ),
        (
            PACKAGE.replace("0.009", ""),
            (
                r"^mxF5\.txt: A life table: column 'mx' is missing in 1 row \(row 4\)\. missing='not-covered' "
                r"keeps such cells as gaps that raise when looked up\.$"
            ),
        ),
        (LONG.replace("female", "girls"), "the sex is not understood in 4 rows"),
        (
            LONG.replace("XAA,male,1955,1960,estimate,1,,0.02", "XAA,male,1955,1960,estimate,1,,-0.02"),
            (
                r"^mxF5\.txt \(rows counted without those left out\): A life table: column 'mx' is not a "
                r"finite number of 0 or more in 1 row \(row 4\)\.$"
            ),
        ),
    ],
)
def test_faults_of_files(write, text, message):
    with pytest.raises(LifeTableError, match=message):
        read_life_table(write("mxF5.txt", text))


def test_every_value_of_the_real_package_files_is_the_printed_one(shared):
    folder = shared / "data/lifetable_formats"
    paths = {"female": folder / "wpp_package_mxF5.txt", "male": folder / "wpp_package_mxM5.txt"}
    table = read_life_table(list(paths.values()))
    assert len(table.strata) == 26
    assert dates(table)[0] == "1950-07-01"
    assert dates(table)[-1] == "2095-07-01"
    by_name = table.strata.assign(row=range(26)).set_index(["country", "sex"])["row"]
    codes = {"Kazakhstan": "KAZ", "Kyrgyzstan": "KGZ", "Mongolia": "MNG", "Republic of Moldova": "MDA"}
    compared = 0
    for sex, path in paths.items():
        header, *lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            if line[1] in codes:
                row = table.rates[
                    by_name[codes[line[1]], sex], np.searchsorted(table.age_starts, int(line[2].rstrip("+")))
                ]
                assert row * 365.25 == pytest.approx([float(text) for text in line[3:]], rel=1e-15, abs=0)
                compared += len(line) - 3
        assert header[3] == "1950-1955"
    assert compared == 2 * 4 * 22 * 30


def test_the_real_long_table_has_the_same_rates_as_the_package_files(shared):
    path = shared / "data/lifetables/wpp2024_abridged_5y_13countries.csv.gz"
    table = read_life_table(path)
    assert table.provenance[0]["left_out"] == {"both": 5720}
    assert table.provenance[0]["periods"]["projection"] == (2025, 2045)
    folder = shared / "data/lifetable_formats"
    package = read_life_table([folder / "wpp_package_mxF5.txt", folder / "wpp_package_mxM5.txt"])
    pairs = [list(map(tuple, each.strata.to_numpy())) for each in (table, package)]
    assert pairs[0] == pairs[1]
    # The same numbers of the same release, divided once.
    assert np.array_equal(table.rates, package.rates[:, :, :20])
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["sex"] != "both"]
    assert table.rates.size == len(rows)
    assert sorted(table.rates.ravel() * 365.25) == pytest.approx(
        sorted(float(row["mx"]) for row in rows), rel=1e-15
    )


# Bulk files, constructed after their documented columns


def wpp_rows(**columns):
    rows = [
        {
            "SortOrder": 1, "LocID": 900 + place, "ISO3_code": code, "Location": name,
            "Variant": "Medium", "Time": year, "Sex": sex, "AgeGrp": f"{age}", "AgeGrpStart": age,
            "AgeGrpSpan": 1 if age < 2 else -1,
            "mx": 0.001 * (age + 1) * (2 if sex == "Male" else 1) * (place + 1),
        }
        for place, (code, name) in enumerate((("XAA", "Aland"), ("", "A region")))
        for year in (2000, 2001)
        for sex in ("Male", "Female", "Total")
        for age in (0, 1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**columns)


def at(table, sex, age, year, country):
    return table.hazard(sex=sex, birth_date=f"{year - age}-01-01", date=f"{year}-06-01", country=country)[0]


def test_wpp_bulk(tmp_path):
    path = tmp_path / "WPP2024_Life_Table.csv.gz"
    wpp_rows().to_csv(path, index=False, encoding="utf-8-sig")
    table = cs.read_life_table(path)
    assert table.by == ("country",)
    assert at(table, "male", 1, 2001, "XAA") == pytest.approx(0.004 / 365.25, rel=1e-12)
    assert at(table, "female", 2, 2000, "A region") == pytest.approx(0.006 / 365.25, rel=1e-12)
    assert sum(table.provenance[0]["left_out"].values()) == 12
    assert "constructed" not in str(table.provenance)
    one = cs.read_life_table(path, country="Aland")
    assert at(one, "male", 0, 2000, "Aland") == pytest.approx(0.002 / 365.25, rel=1e-12)
    with pytest.raises(
        OptionError,
        match=r"^WPP2024_Life_Table\.csv\.gz has a column of sex; sex= is for files of one sex\.$",
    ):
        cs.read_life_table(path, sex="male")


def test_wpp_bulk_of_several_variants_or_with_gaps(tmp_path):
    path = tmp_path / "bulk.csv"
    rows = wpp_rows()
    rows.loc[0, "Variant"] = "High"
    rows.to_csv(path, index=False)
    with pytest.raises(
        LifeTableError,
        match=r"^bulk\.csv holds several variants \('High', 'Medium'\); keep the rows of one\.$",
    ):
        cs.read_life_table(path)
    gap = wpp_rows()
    gap.loc[4, "mx"] = np.nan
    gap.to_csv(path, index=False)
    with pytest.raises(LifeTableError, match=r"^bulk\.csv: no value can be read in 1 row \(row 5\)\.$"):
        cs.read_life_table(path)


# Codes of countries


def test_codes_are_one_to_one_and_well_formed():
    assert len(ISO3_OF_M49) == len(set(ISO3_OF_M49.values())) == 249
    assert all(len(code) == 3 and code.isupper() for code in ISO3_OF_M49.values())


def test_the_countries_of_the_region():
    numbers = {51: "ARM", 31: "AZE", 112: "BLR", 268: "GEO", 398: "KAZ", 417: "KGZ", 498: "MDA", 496: "MNG",
               643: "RUS", 762: "TJK", 795: "TKM", 804: "UKR", 860: "UZB"}  # fmt: skip
    assert {number: ISO3_OF_M49[number] for number in numbers} == numbers
