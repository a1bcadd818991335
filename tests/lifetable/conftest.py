"""Small life tables, and a look-up by plain loops over days against which the library's is checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

FIRST_YEAR, LAST_YEAR, LAST_AGE = 1998, 2012, 12


@pytest.fixture(scope="session")
def cells() -> pd.DataFrame:
    """Yearly rates by sex, single age 0-12 (the last open) and year 1998-2012, every one different."""
    grid = pd.MultiIndex.from_product(
        [["male", "female"], range(LAST_AGE + 1), range(FIRST_YEAR, LAST_YEAR + 1)],
        names=["sex", "age", "year"],
    ).to_frame(index=False)
    level = 0.002 + 0.1 / (1 + grid["age"]) ** 2 + 0.0003 * (grid["year"] - 1998)
    return grid.assign(mx=level * np.where(grid["sex"] == "male", 1.3, 1.0))


@pytest.fixture(scope="session")
def age_on() -> Callable[[dt.date, dt.date], int]:
    def completed_years(birth: dt.date, day: dt.date) -> int:
        return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))

    return completed_years


@pytest.fixture(scope="session")
def naive_hazard(
    cells: pd.DataFrame, age_on: Callable[[dt.date, dt.date], int]
) -> Callable[[str, dt.date, dt.date, int], float]:
    """Cumulative hazard by one look-up a day: age by comparing month and day, year by the date."""
    rates = cells.set_index(["sex", "age", "year"])["mx"].to_dict()

    def cumulative(sex: str, birth: dt.date, diagnosis: dt.date, days: int) -> float:
        total = 0.0
        for day in range(days):
            date = diagnosis + dt.timedelta(days=day)
            total += rates[sex, min(age_on(birth, date), LAST_AGE), date.year] / 365.25
        return total

    return cumulative
