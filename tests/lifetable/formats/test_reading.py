from __future__ import annotations

import bz2
import dataclasses
import gzip
import hashlib
import json
import lzma
import re
import time
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import pytest

from childsurv.errors import LifeTableError, OptionError
from childsurv.lifetable.formats.published import TAKEN_BY_SOME, Options
from childsurv.lifetable.formats.reading import FORMATS, NAMES, read_life_table


@pytest.fixture
def path(cells, tmp_path):
    cells.to_csv(tmp_path / "rates.csv", index=False)
    return tmp_path / "rates.csv"


def test_the_provenance_keeps_name_digest_format_and_method_and_no_folder(path):
    table = read_life_table(path, country="XAA")
    step, built = table.provenance
    assert step["file"] == "rates.csv"
    assert step["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert step["format"] == "long"
    assert built == {
        "mortality": "mx",
        "days_per_year": 365.25,
        "cells": "constant hazard, as wide as in the file",
    }
    assert path.parent.name not in str(table.provenance)
    assert table.extend().provenance[-1] == {"extended": "last"}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "one line", "a,b,c\n1,2,3\n", "Year Age Deaths\n2000 0 5\n", "\x00\x01\x02"]
)
def test_a_file_of_no_known_format_says_what_was_looked_for_and_nothing_of_what_it_holds(tmp_path, text):
    path = tmp_path / "patients.csv"
    path.write_text(text + "secret-4711", encoding="utf-8")
    with pytest.raises(
        LifeTableError, match=r"patients.csv .*Looked for: hmd, .*; wpp, .*; long, .*from_frame"
    ) as raised:
        read_life_table(path)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("table.bin", bytes(range(256)) * 20),
        ("table.txt", b"one two three\nfour five six\n"),
        ("table.json", b'{"rows": []}'),
        ("table.R", b"list(a = 1)"),
    ],
)
def test_files_of_no_format_say_what_was_looked_for(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LifeTableError, match="no life table that is known here") as raised:
        read_life_table(path)
    for looked_for in ("hmd, ", "wpp, ", "who, ", "stata, ", "r-ratetable, ", "long, "):
        assert looked_for in str(raised.value)


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
@pytest.mark.parametrize("part", [0.2, 0.9])
def test_packed_files_that_were_cut_off_say_so(path, tmp_path, suffix, pack, part):
    packed = pack(path.read_bytes())
    damaged = tmp_path / f"rates.csv{suffix}"
    damaged.write_bytes(packed[: int(len(packed) * part)])
    with pytest.raises(LifeTableError, match=r"rates.csv.* cannot be unpacked: it is damaged or was cut off"):
        read_life_table(damaged)


def test_zip_files_that_cannot_be_unpacked(path, tmp_path):
    whole = tmp_path / "rates.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.write(path, "rates.csv")
    content = bytearray(whole.read_bytes())
    (tmp_path / "cut.zip").write_bytes(content[:-30])
    with pytest.raises(
        LifeTableError,
        match=(
            r"^cut\.zip is packed, but cannot be unpacked: it is damaged or was cut off\. Fetch it "
            r"again\.$"
        ),
    ):
        read_life_table(tmp_path / "cut.zip")
    # Bit 0 of the flags says that a password is needed: in the file's own header and in the directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(content)
    with pytest.raises(
        LifeTableError,
        match=r"^locked\.zip is packed with a password or by a method not known here; unpack it first\.$",
    ):
        read_life_table(tmp_path / "locked.zip")


def test_workbooks_are_named_as_such(path, tmp_path):
    pd.read_csv(path).to_excel(tmp_path / "rates.xlsx", index=False, engine="xlsxwriter")
    (tmp_path / "rates.xls").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    for name in ("rates.xlsx", "rates.xls"):
        with pytest.raises(LifeTableError, match=rf"{name} is a workbook. Save the sheet .* CSV"):
            read_life_table(tmp_path / name)


def test_every_real_file_is_read(shared):
    """Each file of the folder of formats alone, or with the one that it belongs to."""
    folder = shared / "data/lifetable_formats"
    options = {
        "stata_popmort_deprivation.dta": {"by": "dep"},
        "hmdlike_lt_abridged_data.txt": {"sex": "female"},
    }
    options |= {"hmdlike_lt_single_data_RUS.txt": {"sex": "male"}}
    read = set()
    for path in sorted(folder.iterdir()):
        if "deaths" in path.name or "exposures" in path.name or "bltper" in path.name:
            continue
        read_life_table(path, **options.get(path.name, {}))
        read.add(path.name)
    for kind in ("abridged", "single"):
        pair = {what: folder / f"hmdlike_{what}_{kind}_data_RUS.txt" for what in ("deaths", "exposures")}
        read_life_table(pair)
        read |= {path.name for path in pair.values()}
    with pytest.raises(LifeTableError, match="both sexes together"):
        read_life_table(folder / "hmd_USA_bltper_1x1.txt")
    assert len(read) == len(list(folder.iterdir())) - 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"format": "hmdx"},
            OptionError,
            (
                "^format='hmdx' is not a choice; use one of 'hmd', 'wpp', 'who', 'stata', 'r-ratetable', "
                r"'long'\.$"
            ),
        ),
        ({"format": "hmd"}, LifeTableError, "is not a file of the Human Mortality Database: looked for"),
        ({"sex": "boys"}, OptionError, r"^sex='boys' is not a choice; use one of 'female', 'male'\.$"),
        (
            {"missing": "guess"},
            OptionError,
            r"^missing='guess' is not a choice; use one of 'error', 'not-covered'\.$",
        ),
        (
            {"country": ["XAA"]},
            OptionError,
            (
                r"^rates\.csv has no column of countries, so country= is one label for all of it, such as "
                r"'XAA'\.$"
            ),
        ),
    ],
)
def test_arguments_that_cannot_be(path, arguments, error, message):
    with pytest.raises(error, match=message):
        read_life_table(path, **arguments)


def test_files_that_are_not_there_and_mappings_that_say_nothing(path, tmp_path):
    with pytest.raises(LifeTableError, match="There is no file"):
        read_life_table(tmp_path / "none.csv")
    with pytest.raises(OptionError, match=r"^read_life_table\(\) needs at least one file\.$"):
        read_life_table([])
    with pytest.raises(
        OptionError,
        match=(
            "^A mapping of files has the keys 'female' and 'male', or 'deaths' and 'exposures'; got "
            r"'boys'\.$"
        ),
    ):
        read_life_table({"boys": path})
    with pytest.raises(
        OptionError,
        match=r"^Deaths and exposures are read in the layout of the Human Mortality Database only\.$",
    ):
        read_life_table({"deaths": path, "exposures": path})


def test_options_of_other_formats_are_refused_and_not_ignored(tmp_path):
    hmd = tmp_path / "Mx_1x1.txt"
    hmd.write_text("Year Age Female Male Total\n2000 0 0.1 0.1 0.1\n", encoding="utf-8")
    with pytest.raises(
        OptionError, match=r"^by=, rate_unit= goes with format='long'; Mx_1x1\.txt was read as 'hmd'\.$"
    ):
        read_life_table(hmd, by="area", rate_unit="per_day")


def test_a_sex_is_refused_where_the_file_has_a_column_of_sex(shared):
    for name in (
        "lifetable_formats/r_ratetable_slopop.rda",
        "lifetables/wpp2024_abridged_5y_13countries.csv.gz",
    ):
        path = shared / "data" / name
        message = f"^{re.escape(path.name)} has a column of sex; sex= is for files of one sex\\.$"
        with pytest.raises(OptionError, match=message):
            read_life_table(path, sex="male")


def test_every_format_of_the_registry_names_options_that_there_are():
    assert {form.name for form in FORMATS} == set(NAMES)
    for form in FORMATS:
        assert form.takes <= {"sex", *TAKEN_BY_SOME}
        assert form.missing in {"error", "not-covered"}
        assert {"sex", *TAKEN_BY_SOME} <= {field.name for field in dataclasses.fields(Options)}
    # The last takes any table with named columns, so that a format after it would never be found.
    assert FORMATS[-1].name == "long"


def test_files_of_different_formats_are_not_mixed(path, tmp_path):
    hmd = tmp_path / "Mx_1x1.txt"
    hmd.write_text("Year Age Female Male Total\n2000 0 0.1 0.1 0.1\n", encoding="utf-8")
    with pytest.raises(
        LifeTableError,
        match=(
            r"^The files are of different formats: rates\.csv \(long\), Mx_1x1\.txt \(hmd\)\. Read them "
            r"one by one\.$"
        ),
    ):
        read_life_table([path, hmd])


def test_a_fixed_year_and_the_default(path):
    assert read_life_table(path).age_rule == "birthday"
    assert read_life_table(path, days_per_year=365.241).age_rule == "fixed"


def test_reading_costs_at_most_three_times_pandas(shared):
    for name, options in {
        "lifetables/hmd_BLR_RUS_UKR_1x1.csv.gz": {},
        "lifetables/wpp2024_abridged_5y_13countries.csv.gz": {},
        "lifetable_formats/wpp_package_mxF5.txt": {"sep": "\t"},
    }.items():
        path = shared / "data" / name
        # Processor time, the best of many turns of each: other work on the machine only adds to either.
        best = {"ours": np.inf, "pandas": np.inf}
        for _ in range(15):
            for who, work in (
                ("ours", partial(read_life_table, path)),
                ("pandas", partial(pd.read_csv, path, **options)),
            ):
                start = time.process_time()
                work()
                best[who] = min(best[who], time.process_time() - start)
        # Five milliseconds on top: what building any table costs, more than reading a small file does.
        assert best["ours"] < 3 * best["pandas"] + 0.005, f"{name}: {best}"


# Rates for both sexes together: left out, or taken for a sex that has none


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
    with pytest.raises(
        OptionError, match=r"^both_sexes='mean' is not a choice; use one of 'leave-out', 'where-missing'\.$"
    ):
        read_life_table(mixed, both_sexes="mean")
