"""Options that commands share, and their help."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from click.testing import Result

import childsurv
from childsurv.words import catalogue

Run = Callable[..., Result]


def test_version(run: Run) -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert childsurv.__version__ in result.output


@pytest.mark.parametrize("command", ["check", "demo", "report"])
def test_help_has_an_example(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"childsurv {command} " in result.output
    assert "Example:" in result.output


@pytest.mark.parametrize("command", ["check", "demo", "report"])
def test_help_shows_its_example_as_written(run: Run, command: str) -> None:
    shown = run(command, "--help").output
    assert "\\b" not in shown
    assert "\n    childsurv " in shown


def test_options_that_click_checks(run: Run, extracts: Path, tmp_path: Path) -> None:
    assert run("report", "--layout", "childsurv", "--out", tmp_path).exit_code == 2
    assert run("report", tmp_path / "absent.csv", "--layout", "encr", "--out", tmp_path).exit_code == 2
    result = run("report", extracts / "manifest.csv", "--layout", "encr", "--out", tmp_path, "--minimum", "0")
    assert result.exit_code == 2
    assert "--minimum" in result.stderr


def test_a_language_may_be_a_file_of_words(
    run: Run, extracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_ADDED", {})
    own = tmp_path / "be.toml"
    words = resources.files("childsurv.words").joinpath("ru.toml").read_text(encoding="utf-8")
    own.write_text(words.replace("Прочитана {extracts}", "Прачытана {extracts}"), encoding="utf-8")
    arguments = [
        "report",
        extracts / "simulated_XND_nordavel.csv",
        "--layout",
        "childsurv",
        "--out",
        tmp_path / "out",
    ]
    result = run(*arguments, "--minimum", "5000", "--language", own)
    assert "Прачытана 1 выгрузка: строк " in result.stderr
    assert "fewer than 5000 patients" in result.stderr
    refused = run(*arguments, "--language", "de")
    assert refused.exit_code == 2
    assert "'de' is none of en, ru, be, and no TOML file of words." in refused.stderr
