"""Fixtures that many tests share: reference material, and settings of hypothesis and matplotlib."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import HealthCheck, settings

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
