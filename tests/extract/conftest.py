"""A small clean extract in the words of each layout, simulated by rule, for the tests of reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

CLOSING = "2020-12-31"
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
            "basis": np.where(number % 5, "7", "1"),
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
