"""Reports on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from click.testing import Result

Run = Callable[..., Result]


def test_report_of_extracts_in_several_layouts(run: Run, extracts: Path, tmp_path: Path) -> None:
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


def test_one_value_serves_all_extracts(run: Run, extracts: Path, tmp_path: Path) -> None:
    path = extracts / "simulated_XND_nordavel.csv"
    result = run(
        "report", path, path, "--layout", "childsurv", "--by", "sex", "--age-band", "0-14", "--out", tmp_path
    )
    assert result.exit_code == 0, result.output
    assert "Read 2 extracts" in result.stderr


def test_report_takes_the_options_of_reading(run: Run, extracts: Path, tmp_path: Path) -> None:
    result = run(
        "report", extracts / "simulated_XND_nordavel.csv", "--layout", "childsurv", "--closing-date", "2020-12-31",
        "--out", tmp_path, "--exclude", "childsurv", "--exclude", "non-malignant-cns", "--quiet",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "non-malignant tumour" in page
