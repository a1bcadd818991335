"""Checks on the command line: what they print, refuse and return."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from childsurv.demo import write_extracts

Run = Callable[..., Result]


def test_check_proposes_a_layout_and_then_checks(run: Run, extracts: Path, tmp_path: Path) -> None:
    path, layout = extracts / "simulated_XND_nordavel.csv", tmp_path / "my.toml"
    proposed = run("check", path, "--write-layout", layout)
    assert proposed.exit_code == 0, proposed.output
    assert "proposed layout childsurv" in proposed.output
    assert "certain" in proposed.output
    refused = run("check", path, "--write-layout", layout)
    assert refused.exit_code == 2
    assert "--force" in refused.output
    assert run("check", path, "--write-layout", layout, "--force").exit_code == 0
    checked = run(
        "check", path, "--layout", layout, "--closing-date", "2020-12-31", "--out", tmp_path / "checks.xlsx"
    )
    assert checked.exit_code == 1, checked.output  # the demonstration files have faults
    for said in ("Findings", "rows analysed", "microscopically verified", "age band 0-19", "checks.xlsx"):
        assert said in checked.output
    assert (tmp_path / "checks.xlsx").stat().st_size > 5_000
    assert max(map(len, checked.output.splitlines())) < 180


def test_check_of_a_clean_file_is_0_and_no_value_is_shown(run: Run, tmp_path: Path) -> None:
    clean = write_extracts(tmp_path, patients=400, seed=4, faults=False, countries=["XBK"], layout="seer")
    frame = pd.read_csv(clean.paths[0], dtype=str).assign(
        **{"Patient ID": lambda data: "SECRET" + data["Patient ID"]}
    )
    path = tmp_path / "own.csv"
    frame.to_csv(path, index=False)
    for arguments in ([], ["--layout", "seer", "--closing-date", "2020-12-31", "--country", "X"]):
        result = run("check", path, *arguments)
        assert result.exit_code == 0, result.output
        assert "SECRET" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "x.xlsx"], "childsurv: --out writes what the checks found, which needs --layout.\n"),
        (
            ["--layout", "childsurv", "--write-layout", "x.toml"],
            "childsurv: --write-layout writes a proposed layout; leave --layout out.\n",
        ),
        (["--layout", "childsurv", "--sheet", "2"], "sheet= does not apply"),
        (["--layout", "childsurv", "--exclude", "nothing"], "not a rule"),
        (["--layout", "childsurv", "--date-format", "%Q"], "date_formats="),
    ],
)
def test_check_refuses_what_does_not_fit(run: Run, extracts: Path, arguments: list[str], said: str) -> None:
    result = run("check", extracts / "simulated_XND_nordavel.csv", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_the_page_on_an_unknown_file_works_as_written(run: Run, tmp_path: Path) -> None:
    """Every command and the Python of docs/check_a_file.md, in the order of the page."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "check_a_file.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(console|python)\n(.*?)```", page, flags=re.S)
    assert len(blocks) == 5
    for kind, text in blocks:
        if kind == "python":
            command = [sys.executable, "-c", text]
        elif text.startswith("python -c"):
            command = [sys.executable, "-c", text.split('"')[1]]
        else:
            command = [sys.executable, "-m", *text.split()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
        expected = 1 if "--out checks.xlsx" in text else 0  # the file has faults
        assert done.returncode == expected, done.stdout + done.stderr
