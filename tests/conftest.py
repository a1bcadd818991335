"""Fixtures that many tests share: reference material, a small clean extract, settings of hypothesis and matplotlib."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import numpy as np
import pandas as pd
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


@pytest.fixture(scope="session")
def lifelines() -> ModuleType:
    """The library lifelines, which cannot be installed beside pandas 3."""
    return pytest.importorskip("lifelines", reason="lifelines is not installed; it needs pandas below 3")


TUMOURS = (("C71.6", "9470", "3"), ("C42.1", "9811", "3"), ("C64.9", "8960", "3"), ("C71.1", "9421", "1"))


def clean(rows: int) -> pd.DataFrame:
    """Return rows without a fault, as text of the layout childsurv; all follows from the row number."""
    number = np.arange(rows)
    birth = np.datetime64("2000-01-15") + (37 * number % 3_000).astype("timedelta64[D]")
    diagnosis = birth + (400 + 53 * number % 1_900).astype("timedelta64[D]")
    contact = diagnosis + (11 + 71 * number % 2_000).astype("timedelta64[D]")
    site, kind, behaviour = zip(*(TUMOURS[place % len(TUMOURS)] for place in number), strict=True)
    dead = number % 3 == 0
    return pd.DataFrame(
        {
            "patient_id": [f"P{place}" for place in number],
            "tumour_id": [f"T{place}" for place in number],
            "country": np.where(number % 2, "Xenia", "Ypsil"),
            "registry": "North",
            "sex": np.where(number % 2, "male", "female"),
            "birth_date": birth.astype(str),
            "diagnosis_date": diagnosis.astype(str),
            "age_years": "",
            "topography": site,
            "morphology": kind,
            "behaviour": behaviour,
            "basis": np.where(number % 5, "7", "5"),
            "grade": "",
            "stage": np.where(number % 4, "L", ""),
            "last_contact_date": contact.astype(str),
            "vital_status": np.where(dead, "dead", "alive"),
            "cause_of_death": np.where(dead, "C71", ""),
            "dco": "false",
            "autopsy": "",
        },
        dtype=object,
    )


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
