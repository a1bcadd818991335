"""Net survival of simulated children: the work whose memory is measured, and the data for the peers.

``python -m benchmarks.children PATIENTS [COUNTRIES DIAGNOSES AGE_GROUPS]`` does the work once and nothing else.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import childsurv as cs


def life_table_cells() -> pd.DataFrame:
    """Return the cells of one simulated country's life table."""
    table = cs.demo.simulate(patients=200, seed=1).life_tables
    first = table["country"].iloc[0]
    return table.loc[table["country"] == first, ["sex", "age", "year", "mx"]]


def simulated_children(patients: int, *, seed: int = 1) -> pd.DataFrame:
    """Return children diagnosed in 2000-2009 with up to ten years of follow-up, as plain columns."""
    random = np.random.default_rng(seed)
    first_day = np.datetime64("2000-01-01")
    diagnosis = first_day + random.integers(0, 3653, patients).astype("timedelta64[D]")
    death = np.ceil(random.exponential(8000.0, patients)).astype(np.int64)
    closing = random.integers(365, 3653, patients)
    return pd.DataFrame(
        {
            "sex": pd.Categorical.from_codes(random.integers(0, 2, patients), ["female", "male"]),
            "age_days": random.integers(0, 15 * 365, patients),
            "diagnosis_date": diagnosis.astype("datetime64[s]"),
            "time": np.minimum(death, closing),
            "event": (death <= closing).astype(np.int64),
        }
    )


def net_survival_at(children: pd.DataFrame, life_table: cs.LifeTable) -> pd.DataFrame:
    """Return net survival at 1, 3, 5 and 10 years."""
    curves = cs.net_survival(
        children, life_table, time="time", event="event", age_days="age_days", diagnosis_date="diagnosis_date"
    )
    return curves.at(years=[1, 3, 5, 9.9])


def in_groups(
    children: pd.DataFrame, countries: int, diagnoses: int, age_groups: int = 1, *, seed: int = 3
) -> pd.DataFrame:
    """Return the children with countries, diagnoses and age groups dealt to them at random."""
    random = np.random.default_rng(seed)
    sizes = {"country": countries, "diagnosis": diagnoses, "band": age_groups}
    return children.assign(
        **{
            name: pd.Categorical.from_codes(
                random.integers(0, size, len(children)),
                [f"{name[0].upper()}{place:02d}" for place in range(size)],
            )
            for name, size in sizes.items()
        }
    )


def life_table_of(countries: int) -> cs.LifeTable:
    """Return one life table with the cells of a simulated country for each of some countries."""
    cells = life_table_cells()
    whole = pd.concat([cells.assign(country=f"C{place:02d}") for place in range(countries)])
    return cs.LifeTable.from_frame(whole, mx="mx", by="country")


def net_survival_by_groups(children: pd.DataFrame, life_table: cs.LifeTable) -> pd.DataFrame:
    """Return net survival at 1, 3, 5 and 10 years of every country, diagnosis and age group, in one call."""
    by = [name for name in ("country", "diagnosis", "band") if children[name].cat.categories.size > 1]
    curves = cs.net_survival(children, life_table, by=by, time="time", event="event")
    return curves.at(years=[1, 3, 5, 9.9])


if __name__ == "__main__":
    patients, *groups = (int(argument) for argument in sys.argv[1:])
    if groups:
        net_survival_by_groups(in_groups(simulated_children(patients), *groups), life_table_of(groups[0]))
    else:
        net_survival_at(simulated_children(patients), cs.LifeTable.from_frame(life_table_cells(), mx="mx"))
