"""A large simulated extract, and reading it, also as a program of its own for its peak memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

import childsurv as cs
from childsurv.demo.forms import completed_years, render

CLOSING = "2020-12-31"


def write_extract_of(rows: int, path: Path) -> pd.DataFrame:
    """Write a simulated extract in the layout childsurv and return its text."""
    data = cs.demo.simulate(patients=rows, seed=3).frame.reset_index(drop=True)
    data["stated_age"] = completed_years(data)
    text = render(data, layout="childsurv").text
    text.to_csv(path, index=False)
    return text


def read(path: Path) -> cs.Cohort:
    """Read, clean, check and classify."""
    return cs.read_extract(path, layout="childsurv", closing_date=CLOSING)


if __name__ == "__main__":
    read(Path(sys.argv[1]))
