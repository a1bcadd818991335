"""The demonstration on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from click.testing import Result

Run = Callable[..., Result]


def test_demo_writes_extracts_and_a_report(run: Run, tmp_path: Path) -> None:
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
