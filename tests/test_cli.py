"""The command line: what it does, prints and refuses, and that no data get into its messages."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import childsurv
from childsurv import cli
from childsurv.demo import write_extracts


@pytest.fixture(scope="module")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the extracts of three small countries in three layouts."""
    folder = tmp_path_factory.mktemp("extracts")
    write_extracts(folder, patients=600, seed=4, countries=["XND", "XBK", "XTS"])
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def test_version() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert childsurv.__version__ in result.output


@pytest.mark.parametrize("command", ["check", "demo", "report"])
def test_help_has_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"childsurv {command} " in result.output
    assert "Example:" in result.output


def test_demo_writes_extracts_and_a_report(tmp_path: Path) -> None:
    result = run("demo", "--out", tmp_path, "--patients", "700", "--seed", "2")
    assert result.exit_code == 0, result.output
    page = tmp_path / "report" / "report.html"
    assert f"Report: {page.resolve()}" in result.stdout
    assert "Simulating 700 children" in result.stderr
    assert "left out by" in result.stderr
    text = page.read_text(encoding="utf-8")
    assert "Simulated data" in text
    assert "Velmora" in text
    assert (tmp_path / "extracts" / "manifest.csv").exists()
    tables = pd.read_csv(tmp_path / "report" / "tables" / "survival.csv", encoding="utf-8-sig")
    assert {"observed", "net"} <= set(tables.columns)


def test_report_of_extracts_in_several_layouts(extracts: Path, tmp_path: Path) -> None:
    result = run(
        "report", extracts / "simulated_XND_nordavel.csv", extracts / "simulated_XBK_bryska.csv",
        extracts / "simulated_XTS_tarsolen.txt",
        "--layout", "childsurv", "--layout", "russian", "--layout", "canreg5",
        "--country", "-", "--country", "-", "--country", "XTS", "--life-table", extracts / "life_tables.csv",
        "--closing-date", "2020-12-31", "--out", tmp_path, "--language", "ru", "--years", "1,5", "--quiet",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    survival = pd.read_csv(tmp_path / "tables" / "survival.csv", encoding="utf-8-sig")
    assert sorted(survival["country"].unique()) == ["XBK", "XND", "XTS", "Все"]
    assert sorted(survival["years"].unique()) == [1.0, 5.0]
    assert 'lang="ru"' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_one_value_serves_all_extracts(extracts: Path, tmp_path: Path) -> None:
    path = extracts / "simulated_XND_nordavel.csv"
    result = run(
        "report", path, path, "--layout", "childsurv", "--by", "sex", "--age-band", "0-14", "--out", tmp_path
    )
    assert result.exit_code == 0, result.output
    assert "Read 2 extracts" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--layout", "unheard-of"], "unheard-of"),
        (["--layout", "childsurv", "--layout", "encr"], "--layout was given 2 times for 1 extracts"),
        (["--layout", "childsurv", "--country", "Nordavel"], "is given, but column"),
        (["--layout", "childsurv", "--years", "five"], "--years takes numbers"),
        (["--layout", "childsurv", "--years", "0"], "greater than 0"),
        (["--layout", "childsurv", "--age-band", "0-16"], "age_band"),
        (["--layout", "childsurv", "--closing-date", "soon"], "closing_date="),
        (["--layout", "childsurv", "--by", "nation"], "nation"),
        (["--layout", "childsurv", "--extend-life-table"], "needs --life-table"),
        (["--layout", "encr"], "header"),
    ],
)
def test_errors_are_one_paragraph_without_a_traceback(
    extracts: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    result = run(
        "report", extracts / "simulated_XND_nordavel.csv", *options, "--out", tmp_path / "none", "--quiet"
    )
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("childsurv: ")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "none").exists()


def test_options_that_click_checks(extracts: Path, tmp_path: Path) -> None:
    assert run("report", "--layout", "childsurv", "--out", tmp_path).exit_code == 2
    assert run("report", tmp_path / "absent.csv", "--layout", "encr", "--out", tmp_path).exit_code == 2
    result = run("report", extracts / "manifest.csv", "--layout", "encr", "--out", tmp_path, "--minimum", "0")
    assert result.exit_code == 2
    assert "--minimum" in result.stderr


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("demo", "--out", tmp_path / "file", "--patients", "100")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


def test_unexpected_errors_keep_the_traceback_but_no_data(
    extracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Put together here, so that the lines of source in the traceback do not hold it.
    value = "-".join(["SENTINEL", "1"])

    def fail(*_: object, **__: object) -> None:
        try:
            raise KeyError(value)
        except KeyError as error:
            raise RuntimeError(f"could not convert {value}") from error

    monkeypatch.setattr("childsurv.extract.together.concat", fail)
    extract = extracts / "simulated_XND_nordavel.csv"
    arguments = ["report", extract, "--layout", "childsurv", "--out", tmp_path, "--quiet"]
    result = run(*arguments)
    assert result.exit_code == 1
    assert "SENTINEL-" not in result.output.replace('SENTINEL-1")', "").replace("'SENTINEL-2'\")", "")
    assert "RuntimeError (message not shown)" in result.stderr
    assert "KeyError (message not shown)" in result.stderr
    assert "Traceback" in result.stderr
    assert "test_cli.py" in result.stderr
    monkeypatch.setenv(cli.SHOW_MESSAGES, "1")
    assert isinstance(run(*arguments).exception, RuntimeError)


def test_consoles_that_cannot_show_a_name_do_not_fail(tmp_path: Path) -> None:
    folder = tmp_path / "отчёт"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)}
    start = [sys.executable, "-c", "from childsurv.cli import main; main(prog_name='childsurv')"]
    done = subprocess.run(
        [*start, "demo", "--out", str(folder), "--patients", "100", "--minimum", "200"],
        capture_output=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert b"fewer than 200 patients" in done.stderr
    absent = str(folder / "extracts" / "нет.csv")
    done = subprocess.run(
        [*start, "report", absent, "--layout", "x", "--out", "y"],
        capture_output=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"UnicodeEncodeError" not in done.stderr


def test_escapes_replace_what_a_stream_cannot_show(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    cli._never_fail_to_print()
    print("Брыска", file=stream, flush=True)
    assert stream.buffer.getvalue().startswith(b"\\u0411")  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", ["check", "demo", "report"])
def test_help_shows_its_example_as_written(command: str) -> None:
    shown = CliRunner().invoke(cli.main, [command, "--help"]).output
    assert "\\b" not in shown
    assert "\n    childsurv " in shown


def test_check_proposes_a_layout_and_then_checks(extracts: Path, tmp_path: Path) -> None:
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


def test_check_of_a_clean_file_is_0_and_no_value_is_shown(tmp_path: Path) -> None:
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
        (["--out", "x.xlsx"], "--out writes what the checks found"),
        (["--layout", "childsurv", "--write-layout", "x.toml"], "leave --layout out"),
        (["--layout", "childsurv", "--sheet", "2"], "sheet= does not apply"),
        (["--layout", "childsurv", "--exclude", "nothing"], "not a rule"),
        (["--layout", "childsurv", "--date-format", "%Q"], "date_formats="),
    ],
)
def test_check_refuses_what_does_not_fit(extracts: Path, arguments: list[str], said: str) -> None:
    result = run("check", extracts / "simulated_XND_nordavel.csv", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_layouts_and_rules_are_listed(tmp_path: Path) -> None:
    listed = run("layouts").output
    assert all(name in listed for name in childsurv.layouts())
    assert "Surv_time" in run("layouts", "encr").output
    own = tmp_path / "own.toml"
    own.write_text(
        '[[rule]]\ncode = "mine"\nseverity = "note"\nmessage = "m"\nwhen = { sex = "male" }\n',
        encoding="utf-8",
    )
    rules = run("rules", "--rules", own).output
    assert all(code in rules for code in ("dco", "possible-same-tumour", "mine"))


def test_report_takes_the_options_of_reading(extracts: Path, tmp_path: Path) -> None:
    result = run(
        "report", extracts / "simulated_XND_nordavel.csv", "--layout", "childsurv", "--closing-date", "2020-12-31",
        "--out", tmp_path, "--exclude", "childsurv", "--exclude", "non-malignant-cns", "--quiet",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "non-malignant tumour" in page


def test_the_page_on_an_unknown_file_works_as_written(tmp_path: Path) -> None:
    """Every command and the Python of docs/check_a_file.md, in the order of the page."""
    import re

    page = (Path(__file__).resolve().parents[1] / "docs" / "check_a_file.md").read_text(encoding="utf-8")
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
