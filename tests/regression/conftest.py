"""Simulated patients (see tests/reference/cox.R) and R's results for them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


@pytest.fixture(scope="session")
def patients() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "cox_input.csv")


@pytest.fixture(scope="session")
def reference() -> dict[str, pd.DataFrame]:
    """Tables of R survival by name, one row set a case."""
    names = (
        "coef", "stats", "residuals", "schoenfeld", "baseline", "survival", "proportional_hazards",
    )  # fmt: skip
    return {
        name: pd.read_csv(REFERENCE / f"cox_{name}.csv", keep_default_na=False, na_values=[""])
        for name in names
    }
