from __future__ import annotations

import numpy as np
import pytest

from childsurv.errors import LifeTableError, OptionError
from childsurv.lifetable.formats.reading import read_life_table

TITLE = "Bryska, Death rates (period 1x1), \tLast modified: 01 Jan 2024;  Methods Protocol: v6 (2017)\n\n"
RATES = "  Year  Age  Female  Male  Total\n  2000  0  0.004  0.005  0.0045\n  2000  1+  0.001  .  0.001\n"
LIFE = (
    "Year Age mx qx ax lx dx Lx Tx ex\n"
    "2000 0 0.01 0.009 0.1 100000 900 99000 7000000 70.0\n"
    "2000 1+ 0.02 1.0 30 1 1 1 1 50\n"
)


def life_table_title(sex: str, kind: str = "period 1x1") -> str:
    return (
        f"Bryska, Life tables ({kind}), {sex}\tLast modified: 01 Jan 2024;  Methods Protocol: v6 (2017)\n\n"
    )


@pytest.fixture
def write(tmp_path):
    def write(name: str, text: str):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def yearly(table) -> np.ndarray:
    return table.rates[:, :, 0] * 365.25


@pytest.mark.parametrize("text", [TITLE + RATES, RATES, RATES.lower()])
def test_death_rates_with_and_without_title_in_either_case(write, text):
    table = read_life_table(write("rates.txt", text), country="XBK")
    assert table.strata.to_dict("list") == {"country": ["XBK", "XBK"], "sex": ["female", "male"]}
    assert yearly(table)[0] == pytest.approx([0.004, 0.001], rel=1e-15)
    assert yearly(table)[1, 0] == pytest.approx(0.005, rel=1e-15)
    assert table.provenance[0]["left_out"] == {"total": 2}
    assert table.provenance[0]["not_covered"] == 1


def test_a_point_is_not_covered_and_raises_when_looked_up(write):
    table = read_life_table(write("rates.txt", TITLE + RATES))
    assert table.hazard(sex="female", birth_date="1990-01-01", date="2000-06-01")[0] > 0
    with pytest.raises(LifeTableError, match=r"no value for a cell .* by sex: male \(1 rows\)"):
        table.hazard(sex="male", birth_date="1990-01-01", date="2000-06-01")


def test_life_tables_say_their_sex_in_the_title_or_the_name_or_are_told(write):
    by_title = [
        write("a.txt", life_table_title("Females") + LIFE),
        write("b.txt", life_table_title("Males") + LIFE),
    ]
    by_name = [write("fltper_1x1.txt", LIFE), write("XBK.mltper_1x1.txt", LIFE)]
    plain = {"female": write("c.txt", LIFE), "male": write("d.txt", LIFE)}
    tables = [read_life_table(paths) for paths in (by_title, by_name, plain)]
    assert len({table.digest for table in tables}) == 1
    assert yearly(tables[0]) == pytest.approx(np.array([[0.01, 0.02]] * 2), rel=1e-15)
    single = read_life_table(plain["male"], sex="male")
    assert single.strata["sex"].tolist() == ["male"]
    with pytest.raises(
        LifeTableError,
        match=(
            r"^d\.txt is a life table of one sex, but neither a title line nor its name gives the sex\. "
            r"Give sex='female' or sex='male', or a mapping \{'female': path, 'male': path\}\.$"
        ),
    ):
        read_life_table(plain["male"])


def test_a_table_for_both_sexes_is_left_out_beside_the_others_and_not_enough_alone(write):
    paths = [write(f"{sex}.txt", life_table_title(sex) + LIFE) for sex in ("Females", "Males", "Total")]
    table = read_life_table(paths)
    assert len(table.strata) == 2
    assert [step.get("left_out") for step in table.provenance[:3]] == [None, None, {"both sexes together": 2}]
    with pytest.raises(
        LifeTableError, match=r"only rates for both sexes together.*add the files for females and males"
    ):
        read_life_table(paths[2])


def test_abridged_ages_and_groups_of_years(write):
    text = "Year Age Female Male Total\n" + "".join(
        f"{years} {age} 0.00{k} 0.00{k} 0.1\n" for k, (years, age) in enumerate(
            (y, a) for y in ("1990-1994", "1995-1999") for a in ("0", "1-4", "5-9", "10+"))
    )  # fmt: skip
    table = read_life_table(write("Mx_5x5.txt", text))
    assert table.age_starts.tolist() == [0, 1, 5, 10]
    assert table.covered_dates == ("1990-01-01", "1999-12-31")
    assert [str(np.datetime64(int(day), "D")) for day in table.year_starts] == ["1990-01-01", "1995-01-01"]
    assert (table.rates[0] * 365.25).T.ravel() == pytest.approx(np.arange(8) / 1000, rel=1e-14)


def test_years_that_the_file_lacks_are_gaps(write):
    text = TITLE + RATES.replace(".  0.001", "0.002 0.001") + "2005 0 0.003 0.004 0.1\n2005 1+ 0.1 0.1 0.1\n"
    table = read_life_table(write("rates.txt", text))
    assert table.covered_dates == ("2000-01-01", "2005-12-31")
    with pytest.raises(LifeTableError, match="no value for a cell"):
        table.hazard(sex="female", birth_date="2000-01-01", date="2003-06-01")


def test_a_title_that_says_another_sex_is_believed(write):
    males = write("a.txt", life_table_title("Males") + LIFE)
    females = write("b.txt", life_table_title("Females") + LIFE)
    with pytest.raises(LifeTableError, match=r"^a\.txt was given as female, but its title names male\.$"):
        read_life_table({"female": males, "male": females})
    with pytest.raises(LifeTableError, match=r"^c\.txt was given as male, but its title names both\.$"):
        read_life_table(write("c.txt", life_table_title("Total") + LIFE), sex="male")
    assert read_life_table({"female": females, "male": males}).rates.shape == (2, 2, 1)


@pytest.mark.parametrize(
    "title",
    [
        "Bryska, Life tables (period 1x1), Females     Last modified: 01-Jan-2008, MPv5\n\n",
        "\n\n\nBryska, Life tables (period 1x1), Females\tLast modified: 01 Jan 2024\n\n\n",
    ],
)
def test_titles_of_other_editions(write, title):
    assert read_life_table(write("a.txt", title + LIFE)).strata["sex"].tolist() == ["female"]
    rates = "Bryska, Mx_1x1\n\n" + RATES.replace(" . ", " 0.002 ")
    assert read_life_table(write("b.txt", rates)).rates.shape == (2, 2, 1)


@pytest.mark.parametrize("end", ["\r", "\r\n", "  \n"])
def test_ends_of_lines(write, end, tmp_path):
    path = tmp_path / "rates.txt"
    path.write_bytes((TITLE + RATES).replace("\n", end).encode())
    plain = read_life_table(write("plain.txt", TITLE + RATES))
    assert read_life_table(path).digest == plain.digest


LONG = "Year Age Female Male Total\n" + "".join(
    f"{year} {age} 0.0{age[0]}1 0.0{age[0]}2 0.01\n"
    for year in (2000, 2001, 2002)
    for age in ("0", "1", "2", "3+")
)


def has_a_whole_last_year(text):
    """Only the last number of such a file may be short."""
    last = text.rstrip("\n").splitlines()[-1].split()
    return last[1:2] == ["3+"] and len(last) == 5


@pytest.mark.parametrize(
    "length", [length for length in range(30, len(LONG) - 5) if not has_a_whole_last_year(LONG[:length])]
)
def test_a_file_that_was_cut_off_is_refused_wherever_years_become_shorter(write, length):
    cut = LONG[:length]
    with pytest.raises(LifeTableError, match=r"cut off|years have fewer ages|cannot be read as a table"):
        read_life_table(write("rates.txt", cut))


def test_a_year_with_fewer_ages_may_be_left_uncovered_by_choice(write):
    ragged = "".join(line for line in LONG.splitlines(keepends=True) if not line.startswith("2001 2"))
    with pytest.raises(
        LifeTableError, match=r"1 years have fewer ages than the 4 of the others, the first 2001"
    ):
        read_life_table(write("rates.txt", ragged))
    table = read_life_table(write("rates.txt", ragged), missing="not-covered")
    with pytest.raises(LifeTableError, match="no value for a cell"):
        table.hazard(sex="female", birth_date="1999-01-01", date="2001-06-01")


def test_rates_are_made_of_deaths_and_exposures(write):
    deaths = write("deaths.txt", "Year Age Female Male Total\n2000 0 10 20 30\n2000 1+ 5 0 5\n")
    exposures = write(
        "exposures.txt", "Year Age Female Male Total\n2000 0 1000 4000 5000\n2000 1+ 1000 0 1000\n"
    )
    table = read_life_table({"deaths": deaths, "exposures": exposures}, country="XBK")
    assert yearly(table) == pytest.approx(np.array([[0.01, 0.005], [0.005, np.nan]]), nan_ok=True, rel=1e-15)
    assert [step.get("made_of") for step in table.provenance[:2]] == ["deaths divided by exposures"] * 2
    shifted = write("other.txt", "Year Age Female Male Total\n2001 0 1000 4000 5000\n2001 1+ 1000 0 1000\n")
    with pytest.raises(
        LifeTableError,
        match=r"^deaths\.txt and other\.txt do not have the same years and ages in the same rows\.$",
    ):
        read_life_table({"deaths": deaths, "exposures": shifted})


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (RATES.replace("0.004", "404.0"), {}, "counts of deaths or of people, not death rates.*'exposures'"),
        (TITLE.replace("Death rates", "Deaths") + RATES, {}, "counts of deaths"),
        (
            TITLE.replace("period", "cohort") + RATES,
            {},
            (
                r"^mx\.txt is by years of birth \(cohort\)\. Expected survival needs the years in which "
                r"people live: take the period file, such as Mx_1x1\.txt or fltper_1x1\.txt\.$"
            ),
        ),
        (
            life_table_title("Males", "cohort 1x1") + LIFE,
            {},
            (
                r"^mx\.txt is by years of birth \(cohort\)\. Expected survival needs the years in which "
                r"people live: take the period file, such as Mx_1x1\.txt or fltper_1x1\.txt\.$"
            ),
        ),
        (
            RATES.replace(" 1+ ", " one "),
            {},
            r"^mx\.txt: ages are not written like 0, 1-4 or 110\+ in 1 row \(row 2\)\.$",
        ),
        (
            RATES.replace("2000  1+", "1900+  1+"),
            {},
            r"^mx\.txt: years are not written like 2000 or 2000-2004 in 1 row \(row 2\)\.$",
        ),
        (
            RATES.replace(" 0 ", " 0-4 ").replace("1+", "6-9"),
            {},
            (
                r"^mx\.txt: age groups do not follow one another: after 0-4 comes 6\. Cells may neither "
                r"overlap nor leave gaps\.$"
            ),
        ),
        (
            RATES.replace("2000", "1990-1999", 1).replace("2000", "1995-1999"),
            {},
            (
                r"^mx\.txt: groups of years do not follow one another: after 1990-1999 comes 1995\. Cells may "
                r"neither overlap nor leave gaps\.$"
            ),
        ),
        (
            RATES.replace("0.005", "five"),
            {},
            r"^mx\.txt: column 'male' holds something that is not a number\.$",
        ),
        (
            RATES + RATES.splitlines()[1],
            {},
            "rows counted without those left out.*same cell occurs more than once in 4 rows",
        ),
        (RATES, {"sex": "male"}, r"^mx\.txt has a column for each sex; sex= is for files of one sex\.$"),
        (RATES, {"missing": "error"}, "column '(mx|female)' is missing in 1 row"),
        (
            LIFE,
            {"format": "wpp"},
            r"^mx\.txt lacks the columns age_start, country, mx, sex, year_end, year_start\.$",
        ),
    ],
)
def test_files_that_are_not_what_is_needed(write, text, options, message):
    with pytest.raises((LifeTableError, ValueError), match=message):
        read_life_table(write("mx.txt", text), **options)


def test_files_of_two_countries_are_not_put_together(write):
    females = write("f.txt", life_table_title("Females") + LIFE)
    males = write("m.txt", life_table_title("Males").replace("Bryska", "Ondrel") + LIFE)
    with pytest.raises(
        LifeTableError,
        match=(
            r"^f\.txt, m\.txt are of different countries \(Bryska, Ondrel\)\. Read each country with "
            r"country=\.\.\. and put them together with childsurv\.concat_life_tables\(\)\.$"
        ),
    ):
        read_life_table([females, males])
    with pytest.raises(
        LifeTableError,
        match=(
            r"^f\.txt, f\.txt: A life table: the same cell occurs more than once in 4 rows \(rows 1, 2, "
            r"3, 4\)\. Name further strata in by=, or remove the repeated rows\.$"
        ),
    ):
        read_life_table([females, females])
    with pytest.raises(
        OptionError,
        match=r"^f\.txt has no column of countries, so country= is one label for all of it, such as 'XAA'\.$",
    ):
        read_life_table(females, country=["XBK", "XOD"])


# Real files


def printed_cells(path, *, header: int) -> list[list[str]]:
    return [
        line.split() for line in path.read_text(encoding="utf-8").splitlines()[header + 1 :] if line.strip()
    ]


def decimals(text: str) -> int:
    return len(text.partition(".")[2])


def assert_printed(table, stratum: int, year: str, age: str, printed: str) -> None:
    first = np.searchsorted(table.year_starts, np.datetime64(f"{year}-07-01", "D").astype(np.int64)) - 1
    row = np.searchsorted(table.age_starts, float(age.rstrip("+").partition("-")[0]))
    value = table.rates[stratum, row, first] * 365.25
    if printed == ".":
        assert np.isnan(value)
    else:
        assert round(value, decimals(printed)) == float(printed)


def test_every_value_of_the_american_death_rates_is_the_printed_one(shared):
    path = shared / "data/lifetable_formats/hmd_USA_Mx_1x1.txt"
    table = read_life_table(path)
    lines = printed_cells(path, header=2)
    assert len(lines) == 555
    for year, age, female, male, _ in lines:
        assert_printed(table, 0, year, age, female)
        assert_printed(table, 1, year, age, male)


@pytest.mark.parametrize(
    ("name", "header", "sex"),
    [
        ("hmd_USA_fltper_1x1.txt", 2, None),
        ("hmd_USA_mltper_1x1.txt", 2, None),
        ("hmdlike_lt_abridged_data.txt", 0, "male"),
        ("hmdlike_lt_single_data_RUS.txt", 0, "female"),
    ],
)
def test_every_value_of_real_life_tables_is_the_printed_one(shared, name, header, sex):
    path = shared / "data/lifetable_formats" / name
    table = read_life_table(path, sex=sex)
    lines = printed_cells(path, header=header)
    assert table.rates[~np.isnan(table.rates)].size == len(lines)
    for year, age, rate, *_ in lines:
        assert_printed(table, 0, year, age, rate)


def test_the_american_tables_go_together(shared):
    folder = shared / "data/lifetable_formats"
    table = read_life_table([folder / f"hmd_USA_{sex}ltper_1x1.txt" for sex in "fmb"], country="USA")
    assert table.strata["sex"].tolist() == ["female", "male"]
    assert table.provenance[2]["left_out"] == {"both sexes together": 555}
    rates = read_life_table(folder / "hmd_USA_Mx_1x1.txt", country="USA")
    # The rates were revised between the two files by less than 1e-4; HMD smooths life tables from age 80 on.
    young = table.age_starts < 80
    assert np.nanmax(np.abs(table.rates - rates.rates)[:, young] * 365.25) < 1e-4


@pytest.mark.parametrize("kind", ["single", "abridged"])
def test_russian_deaths_and_exposures_make_rates(shared, kind):
    folder = shared / "data/lifetable_formats"
    paths = {name: folder / f"hmdlike_{name}_{kind}_data_RUS.txt" for name in ("deaths", "exposures")}
    table = read_life_table(paths, country="RUS")
    deaths, exposures = (printed_cells(paths[name], header=0) for name in ("deaths", "exposures"))
    for row, (died, exposed) in enumerate(zip(deaths, exposures, strict=True)):
        for stratum, column in ((0, 2), (1, 3)):
            value = table.rates[stratum, row, 0] * 365.25
            if float(exposed[column]) > 0:
                assert value == pytest.approx(float(died[column]) / float(exposed[column]), rel=1e-14)
            else:
                assert np.isnan(value)
    if kind == "single":
        hmd = read_life_table(shared / "data/lifetables/hmd_BLR_RUS_UKR_1x1.csv.gz", country="RUS")
        year = np.searchsorted(hmd.year_starts, table.year_starts[0])
        # An older vintage of the same numbers, printed with 6 decimals.
        assert np.abs(hmd.rates[:, :80, year] - table.rates[:, :80, 0]).max() * 365.25 < 2e-5
    with pytest.raises(LifeTableError, match="counts of deaths"):
        read_life_table(paths["deaths"])
