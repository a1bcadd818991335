"""Fixtures that many tests share: reference material, a small clean extract, settings of hypothesis and matplotlib."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from strategies import clean

mpl.use("Agg")

# The same examples in every run of CI, so that a change is judged by itself; new ones each time elsewhere.
settings.register_profile(
    "childsurv",
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("childsurv")

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
