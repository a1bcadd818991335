"""Simulated cohorts with small groups and values that must never leave, and the reports made of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort
from childsurv.demo import life_table, simulate
from childsurv.extract import read_extract
from childsurv.reporting import Report, report

SMALL_COUNTRY = "XOD"
CHILDREN_OF_SMALL_COUNTRY = 3


def read(frame: pd.DataFrame) -> Cohort:
    """Read records as an extract."""
    return read_extract(frame, layout="childsurv", closing_date="2020-12-31")


@pytest.fixture(scope="session")
def read_records() -> Callable[[pd.DataFrame], Cohort]:
    """Reader of records as an extract."""
    return read


@pytest.fixture(scope="session")
def records() -> pd.DataFrame:
    """Records of four countries, one with three children, under identifiers easy to find."""
    frame = simulate(patients=1_800, seed=3, countries=["XND", SMALL_COUNTRY, "XPV", "XSM", "XUM"]).data
    frame = frame.drop(columns="age_days")
    small = frame.index[frame["country"] == SMALL_COUNTRY]
    frame = frame.drop(index=small[CHILDREN_OF_SMALL_COUNTRY:]).reset_index(drop=True)
    frame["patient_id"] = [f"SENTINEL-{number:06d}" for number in range(len(frame))]
    frame["tumour_id"] = frame["patient_id"] + "-T"
    # Faults of children of large countries: enough of one rule to be shown, too few of another.
    large = frame.index[frame["country"] == "XPV"]
    frame.loc[large[10:30], "sex"] = None
    frame.loc[large[40:43], "vital_status"] = None
    return frame


@pytest.fixture(scope="session")
def cohort(records: pd.DataFrame) -> Cohort:
    """Cohort with a small country."""
    return read(records)


@pytest.fixture(scope="session")
def made(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Report in English with a life table."""
    return report(cohort, life_table(), out=tmp_path_factory.mktemp("report"), progress=False)


@pytest.fixture(scope="session")
def page(made: Report) -> str:
    """Page of that report."""
    return made.path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def texts_in() -> Callable[[Path], dict[str, str]]:
    """Reader of every file of a report that holds text."""

    def read_texts(folder: Path) -> dict[str, str]:
        # Three letters turn up in base64 by chance; the pictures stand beside the page as files.
        return {
            path.relative_to(folder).as_posix(): re.sub(
                r"data:image/[^\"]*", "", path.read_text(encoding="utf-8")
            )
            for path in sorted(folder.rglob("*"))
            if path.suffix in {".html", ".csv", ".svg"}
        }

    return read_texts
