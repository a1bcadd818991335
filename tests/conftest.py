"""Fixtures that many tests share: reference material, a small clean extract, settings of hypothesis and matplotlib."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from strategies import clean

mpl.use("Agg")

# The same examples in every run of CI, so that a change is judged by itself; new ones each time elsewhere. No deadline:
# a busy machine is no fault. `make quick` asks for the profile "quick".
ALWAYS: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("childsurv", max_examples=40, derandomize=bool(os.environ.get("CI")), **ALWAYS)
settings.register_profile("quick", max_examples=5, derandomize=True, **ALWAYS)
settings.load_profile("childsurv")

LONG = {
    "test_approaches_are_windows",
    "test_constant_hazards_have_a_closed_form",
    "test_every_way_of_writing_a_tumour_is_one_tumour",
    "test_examples_of_life_tables_run_in_order",
    "test_gray_is_its_formula_whatever_the_blocks",
    "test_nothing_overlaps_or_is_cut_off",
    "test_readme_example_runs",
    "test_renamed_headers_in_other_styles",
    "test_the_ten_lines_run_and_give_their_numbers",
}
"""Tests that take a second or more, named in one place. None is the only test of its room."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make quick` leaves out."""
    for item in items:
        if getattr(item, "originalname", item.name) in LONG:
            item.add_marker(pytest.mark.long)


MOST_REASONS = 9
"""Lines in which a run says why it left tests out, besides a last one for the rest."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each reason how many tests were left out or are known to fail, not once for each test."""
    reasons: Counter[str] = Counter()
    for outcome in ("skipped", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            reason = (
                report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", "")
            )
            reasons[f"{outcome}: {reason.removeprefix('Skipped: ')}"] += 1
    for reason, count in reasons.most_common(MOST_REASONS):
        terminalreporter.write_line(f"{count} {reason}")
    rest = reasons.most_common()[MOST_REASONS:]
    if rest:
        terminalreporter.write_line(
            f"{sum(count for _, count in rest)} for {len(rest)} other reasons: pytest -rsx"
        )


REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with reference data of others, which this repository may not hold."""
    folder = Path(os.environ.get("CHILDSURV_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data" / "reference").is_dir():
        pytest.skip(
            "the folder of shared reference data is not here; name it in CHILDSURV_SHARED. "
            "tests/reference holds the references that need no other data"
        )
    return folder


@pytest.fixture(scope="session")
def lifelines() -> ModuleType:
    """The library lifelines, which cannot be installed beside pandas 3."""
    return pytest.importorskip("lifelines", reason="lifelines is not installed; it needs pandas below 3")


@pytest.fixture(scope="session")
def clean_rows() -> Callable[[int], pd.DataFrame]:
    return clean


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., Path]:
    """Write text or bytes to a file."""

    def write(content: str | bytes, *, encoding: str = "utf-8", name: str = "extract.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write
