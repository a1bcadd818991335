"""Errors on the command line: one paragraph, no traceback, and no data in their messages."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from childsurv.cli.failures import SHOW_MESSAGES, never_fail_to_print

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--layout", "unheard-of"], "unheard-of"),
        (
            ["--layout", "childsurv", "--layout", "encr"],
            "--layout was given 2 times for 1 extract. Give it once for all, or once for each in the same order.\n",
        ),
        (["--layout", "childsurv", "--country", "Nordavel"], "is given, but column"),
        (
            ["--layout", "childsurv", "--years", "five"],
            "childsurv: --years takes numbers parted by commas, such as 1,3,5.\n",
        ),
        (
            ["--layout", "childsurv", "--years", "0"],
            "childsurv: report(): years= takes at least one number of years greater than 0.\n",
        ),
        (["--layout", "childsurv", "--age-band", "0-16"], "age_band"),
        (["--layout", "childsurv", "--closing-date", "soon"], "closing_date="),
        (["--layout", "childsurv", "--by", "nation"], "nation"),
        (
            ["--layout", "childsurv", "--extend-life-table"],
            "childsurv: --extend-life-table needs --life-table.\n",
        ),
        (["--layout", "encr"], "header"),
    ],
)
def test_errors_are_one_paragraph_without_a_traceback(
    run: Run, extracts: Path, tmp_path: Path, options: list[str], words: str
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


def test_unexpected_errors_keep_the_traceback_but_no_data(
    run: Run, extracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Put together here, so that the lines of source in the traceback do not hold it.
    value = "-".join(["SENTINEL", "1"])

    def fail(*_: object, **__: object) -> None:
        try:
            raise KeyError(value)
        except KeyError as error:
            raise RuntimeError(f"could not convert {value}") from error

    monkeypatch.setattr("childsurv.cli.report_command.concat", fail)
    extract = extracts / "simulated_XND_nordavel.csv"
    arguments = ["report", extract, "--layout", "childsurv", "--out", tmp_path, "--quiet"]
    result = run(*arguments)
    assert result.exit_code == 1
    assert "SENTINEL-" not in result.output.replace('SENTINEL-1")', "").replace("'SENTINEL-2'\")", "")
    assert "RuntimeError (message not shown)" in result.stderr
    assert "KeyError (message not shown)" in result.stderr
    assert "Traceback" in result.stderr
    assert "test_failures.py" in result.stderr
    monkeypatch.setenv(SHOW_MESSAGES, "1")
    assert isinstance(run(*arguments).exception, RuntimeError)


def test_consoles_that_cannot_show_a_name_do_not_fail(run: Run, tmp_path: Path) -> None:
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
    never_fail_to_print()
    print("Брыска", file=stream, flush=True)
    assert stream.buffer.getvalue().startswith(b"\\u0411")  # type: ignore[attr-defined]


def test_a_folder_that_cannot_be_made_is_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("demo", "--out", tmp_path / "file", "--patients", "100")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
