"""Curves of the reference children."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import childsurv as cs

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


@pytest.fixture(scope="session")
def children() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "children.csv")


@pytest.fixture(scope="session")
def curves(children) -> cs.Curves:
    return cs.kaplan_meier(children, by="group", time="time", event="event")
