"""How far expected survival from expanded five-year rates is from that of single-year tables.

``python -m benchmarks.expansion FOLDER`` with these files in the folder: ``wpp2024_abridged_5y_13countries.csv.gz``
(five-year rates of the UN World Population Prospects 2024), ``hmd_BLR_RUS_UKR_1x1.csv.gz`` (single-year rates of the
Human Mortality Database) and ``wpp2024_e0_annual_13countries.csv.gz`` (annual life expectancy). Prints the tables of
docs/life_tables.md.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import childsurv as cs

COUNTRIES = ["BLR", "RUS", "UKR"]
FIRST, LAST = 1960, 2003
"""Years of diagnosis: ten years later every single-year table still holds."""


def children(n: int = 60_000) -> pd.DataFrame:
    """Return children of every age 0-14, spread evenly over countries, sexes and days of diagnosis."""
    rng = np.random.default_rng(1)
    age = rng.integers(0, 15, n)
    first = np.datetime64(f"{FIRST}-01-01")
    span = int((np.datetime64(f"{LAST}-12-31") - first) / np.timedelta64(1, "D"))
    return pd.DataFrame(
        {
            "country": rng.choice(COUNTRIES, n),
            "sex": rng.choice(["female", "male"], n),
            "age": np.where(age == 0, "0", np.where(age < 5, "1-4", np.where(age < 10, "5-9", "10-14"))),
            "age_days": (age * 365.25).astype(int) + rng.integers(1, 365, n),
            "diagnosis_date": pd.Series(first + rng.integers(0, span, n).astype("timedelta64[D]")),
            "five": 1826,
            "ten": 3652,
        }
    )


def grouped(single: cs.LifeTable, wide: cs.LifeTable) -> cs.LifeTable:
    """Return single-year rates put together to the cells of a wide table.

    Each cell has deaths over person-time of the stationary population of each calendar year, years weighted by the
    days that they share with the period.
    """
    inside = (wide.year_starts >= single.year_starts[0]) & (
        np.append(wide.year_starts[1:], wide.year_end) <= single.year_end
    )
    starts = wide.year_starts[inside]
    end = int(np.append(wide.year_starts[1:], wide.year_end)[inside][-1])
    width = np.append(np.diff(single.age_starts), 40.0) * 365.25
    hazard = np.nan_to_num(single.rates) * width[None, :, None]
    survival = np.exp(
        -np.concatenate([np.zeros_like(hazard[:, :1]), np.cumsum(hazard, axis=1)[:, :-1]], axis=1)
    )
    lived = survival * np.where(hazard > 0, -np.expm1(-hazard) / np.maximum(hazard, 1e-300), 1.0)
    lived *= width[None, :, None] * ~np.isnan(single.rates)
    first = np.maximum(single.year_starts[:, None], starts[None, :])
    last = np.minimum(
        np.append(single.year_starts[1:], single.year_end)[:, None], np.append(starts[1:], end)[None, :]
    )
    days = np.clip(last - first, 0, None).astype(float)
    edges = np.searchsorted(single.age_starts, wide.age_starts)
    deaths, time = (
        np.add.reduceat(values @ days, edges, axis=1)
        for values in (lived * np.nan_to_num(single.rates), lived)
    )
    return replace(
        single,
        age_starts=wide.age_starts,
        year_starts=starts,
        year_end=end,
        rates=deaths / time,
        extended=np.zeros(deaths.shape, dtype=bool),
    )


def errors(folder: Path) -> pd.DataFrame:
    """Return the error of each child's expected survival, in rows, for wide and expanded cells.

    "method" expands the single-year rates themselves, put together to the cells of the wide table; "sources" is the
    rest, the difference between the two publications in the same cells.
    """
    wide = cs.read_life_table(folder / "wpp2024_abridged_5y_13countries.csv.gz", country=COUNTRIES)
    single = cs.read_life_table(folder / "hmd_BLR_RUS_UKR_1x1.csv.gz")
    by_country = [
        grouped(cs.read_life_table(folder / "hmd_BLR_RUS_UKR_1x1.csv.gz", country=country), wide).expand()
        for country in COUNTRIES
    ]
    own = cs.concat_life_tables(by_country).extend("last")
    tables = {"wide": wide, "expanded": wide.expand(), "method": own}
    people = children()
    parts = []
    for time in ("five", "ten"):
        truth = cs.expected_survival(people, single, kind="individual", time=time)
        error = {
            name: cs.expected_survival(people, table, kind="individual", time=time) - truth
            for name, table in tables.items()
        }
        error["sources"] = error["expanded"] - error["method"]
        parts += [people.assign(time=time, cells=name, error=own_error) for name, own_error in error.items()]
    return pd.concat(parts, ignore_index=True)


def described(found: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return mean, mean absolute, 95th percentile of the absolute error, and the share within 5e-4."""
    size = found.assign(size=found["error"].abs(), near=found["error"].abs() <= 5e-4)
    grouped = size.groupby(by, sort=False)
    return pd.DataFrame(
        {
            "mean": grouped["error"].mean(),
            "mean absolute": grouped["size"].mean(),
            "95th percentile": grouped["size"].quantile(0.95),
            "within 5e-4": grouped["near"].mean(),
        }
    )


def life_expectancies(folder: Path) -> pd.DataFrame:
    """Return life expectancy of the expanded tables beside the published annual one."""
    table = cs.read_life_table(folder / "wpp2024_abridged_5y_13countries.csv.gz").expand()
    own = cs.life_expectancy(table)
    own["year"] = own["year_start"].dt.year
    given = pd.read_csv(folder / "wpp2024_e0_annual_13countries.csv.gz")
    both = own.merge(given, on=["country", "sex", "year"], suffixes=("", "_given"))
    return both.assign(difference=(both["e0"] - both["e0_given"]).abs())


def main() -> None:
    """Print the tables."""
    folder = Path(sys.argv[1])
    found = errors(folder)
    found["group"] = np.where(found["age"] == "0", "0", "1-14")
    pd.options.display.float_format = "{:.2e}".format
    for by in (["time", "group", "cells"], ["time", "group", "cells", "country"]):
        print(described(found, by).to_string(), "\n")
    cells = found[(found["time"] == "five") & (found["group"] == "1-14") & (found["cells"] == "expanded")]
    decade = cells.assign(decade=cells["diagnosis_date"].dt.year // 10 * 10)
    means = decade.groupby(["country", "sex", "decade"])["error"].mean().abs()
    print(f"means of decade, sex and country, five years, ages 1-14: at most {means.max():.2e}")
    e0 = life_expectancies(folder)
    for name, rows in (("thirteen countries", e0), ("BLR, RUS, UKR", e0[e0["country"].isin(COUNTRIES)])):
        near = (rows["difference"] <= 0.3).mean()
        print(
            f"e0, {name}: {near:.1%} of {len(rows):,} years within 0.3; median {rows['difference'].median():.2f}"
        )


if __name__ == "__main__":
    main()
