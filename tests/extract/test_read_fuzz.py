"""Damaged and hostile files: a cohort or a ChildsurvError, never another crash, a hang, or a patient's value."""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import ChildsurvError
from strategies import examples

OPTIONS = {"layout": "childsurv", "closing_date": "2020-12-31"}
SECRET = "Sekretova"
SUFFIXES = (
    *(".csv", ".txt", ".xlsx", ".ods", ".xls", ".dta", ".sav", ".por", ".xpt", ".sas7bdat"),
    *(".parquet", ".gz", ".zip"),
)
KINDS = tuple(suffix for suffix in SUFFIXES if suffix not in {".xls", ".por"})


def survives(path, **options):
    """Read, propose a layout, and look through what is reported."""
    for act in (lambda: cs.read_extract(path, **OPTIONS | options), lambda: cs.suggest_layout(path)):
        said = ""
        try:
            act()
        except ChildsurvError as error:
            said = f"{error} {error.__cause__}"
        assert SECRET not in said


@pytest.fixture(scope="module")
def kinds(clean_rows, tmp_path_factory):
    """One sound file of each kind, as bytes by suffix."""
    import pyreadstat

    folder = tmp_path_factory.mktemp("kinds")
    rows = clean_rows(30).assign(patient_id=[f"{SECRET}{number}" for number in range(30)])
    text = rows.to_csv(index=False).encode()
    rows.to_excel(folder / "a.xlsx", index=False)
    rows.to_excel(str(folder / "a.ods"), index=False, engine="odf")
    rows.to_parquet(folder / "a.parquet")
    pyreadstat.write_sav(rows, str(folder / "a.sav"))
    pyreadstat.write_dta(rows, str(folder / "a.dta"))
    short = rows.rename(columns=lambda name: name[:8].upper()).drop(columns=["AUTOPSY"])
    pyreadstat.write_xport(short, str(folder / "a.xpt"))
    files = {path.suffix: path.read_bytes() for path in folder.iterdir()}
    files |= {
        ".csv": text,
        ".txt": text.decode().replace(",", "\t").encode("utf-16"),
        ".gz": gzip.compress(text),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", text)
    files[".zip"] = buffer.getvalue()
    files[".sas7bdat"] = (Path(__file__).parent / "files" / "simulated.sas7bdat").read_bytes()
    # A function, because the report of a failing example would print all bytes of a mapping.
    return lambda suffix: files[suffix]


@given(data=st.binary(max_size=300), suffix=st.sampled_from(SUFFIXES))
def test_random_bytes_under_any_name(tmp_path_factory, data, suffix):
    path = tmp_path_factory.mktemp("fuzz") / f"extract{suffix}"
    path.write_bytes(data)
    survives(path)


@examples(60)
@given(seed=st.integers(0, 10**9))
def test_sound_files_cut_off_or_changed(kinds, tmp_path_factory, seed):
    chance = random.Random(seed)
    suffix = chance.choice(KINDS)
    data = bytearray(kinds(suffix))
    if chance.random() < 0.5:
        data = data[: chance.randrange(len(data))]
    for _ in range(chance.randrange(8)):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    path = tmp_path_factory.mktemp("fuzz") / f"extract{suffix}"
    path.write_bytes(bytes(data))
    survives(path)


@given(
    cells=st.lists(
        st.one_of(
            st.text(max_size=30),
            st.sampled_from(
                ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\x00", "\ufeff", "\u202e", "9" * 400, '"', "1e999"]
            ),
        ),
        min_size=6,
        max_size=6,
    ),
    columns=st.permutations(
        ["patient_id", "sex", "birth_date", "diagnosis_date", "topography", "vital_status"]
    ),
    encodings=st.lists(st.sampled_from(["utf-8", "cp1251", "utf-16-le", "koi8-r"]), min_size=6, max_size=6),
)
def test_hostile_cells_in_mixed_encodings(clean_rows, tmp_path_factory, cells, columns, encodings):
    rows = clean_rows(6)
    for place, (cell, column) in enumerate(zip(cells, columns, strict=True)):
        rows.loc[place, column] = cell
    lines = rows.to_csv(index=False).split("\n")
    data = b"\n".join(
        line.encode(encoding, errors="replace") for line, encoding in zip(lines, encodings * 99, strict=False)
    )
    path = tmp_path_factory.mktemp("fuzz") / "extract.csv"
    path.write_bytes(data)
    survives(path)
    survives(path, encoding="cp1251")
    path.write_bytes(rows.to_csv(index=False).encode("utf-8", errors="replace"))
    survives(path)
    try:
        cohort = cs.read_extract(rows, **OPTIONS, exclude="minimal")
    except ChildsurvError as error:
        said = str(error)
        assert not any(cell in said for cell in cells if len(cell) > 12)
        return
    said = cohort.findings.drop(columns=["row_number", "count"]).to_string() + cohort.exclusions.to_string()
    assert not any(cell in said for cell in cells if len(cell) > 12)


def test_huge_cells(clean_rows, tmp_path):
    rows = clean_rows(20)
    rows.loc[3, "stage"] = "x" * 2_000_000
    rows.loc[4, "birth_date"] = "1" * 1_000_000
    rows.loc[5, "topography"] = "C" * 500_000
    path = tmp_path / "extract.csv"
    rows.to_csv(path, index=False)
    cohort = cs.read_extract(path, **OPTIONS)
    assert cohort.rows_read == 20
    assert {"birth-date-unreadable", "topography-unreadable"} <= set(cohort.findings["code"])
    assert max(map(len, cohort.findings["message"])) < 500


def test_one_identifier_for_everybody_is_no_hang(clean_rows):
    rows = pd.concat([clean_rows(3_000)] * 20, ignore_index=True).assign(
        patient_id="1", tumour_id="", country="X"
    )
    cohort = cs.read_extract(rows, **OPTIONS)
    assert cohort.rows_read == 60_000


@pytest.mark.slow
def test_atheris_in_a_bounded_run(tmp_path):
    """A coverage-guided run; CHILDSURV_FUZZ_SECONDS lengthens it."""
    pytest.importorskip(
        "atheris", reason="atheris is not installed; pip install atheris, where it has a build"
    )
    seconds = os.environ.get("CHILDSURV_FUZZ_SECONDS", "10")
    script = Path(__file__).parents[1] / "fuzz_read_extract.py"
    command = [sys.executable, str(script), f"-max_total_time={seconds}", "-rss_limit_mb=2500", "-timeout=20"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
