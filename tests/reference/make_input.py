"""Write the simulated input of the references made by R: children.csv and life_table.csv.

Run ``python make_input.py`` beside the scripts; the same seed gives the same files. Nobody in them is real. The
population hazards are some thirty times those of real children, so that a slip in weighting cannot hide.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent
PATIENTS = 400


def children(rng: np.random.Generator) -> pd.DataFrame:
    group = rng.choice(["north", "east", "south", "west"], PATIENTS, p=[0.4, 0.3, 0.2, 0.1])
    hazard = 0.0006 * np.select([group == "north", group == "east", group == "south"], [1.0, 1.5, 2.2], 0.7)
    death = np.ceil(rng.exponential(1 / hazard)).astype(int)
    closed = rng.integers(30, 2500, PATIENTS)
    # Coarse times make many ties of deaths with deaths and with censorings.
    closed = np.where(rng.random(PATIENTS) < 0.3, closed // 50 * 50 + 50, closed)
    death = np.where(rng.random(PATIENTS) < 0.3, death // 50 * 50 + 50, death)
    time = np.minimum(death, closed)
    late = rng.random(PATIENTS) < 0.5
    entry = np.where(late, rng.integers(0, 800, PATIENTS), 0)
    return pd.DataFrame(
        {
            "id": np.arange(1, PATIENTS + 1),
            "time": time,
            "event": (death <= closed).astype(int),
            "entry": np.where(entry < time, entry, 0),
            "group": group,
            "stratum": rng.choice(["a", "b", "c"], PATIENTS),
            "frequency": rng.integers(1, 5, PATIENTS),
            "weight": np.round(rng.uniform(0.2, 3.0, PATIENTS), 3),
            "sex": rng.choice(["male", "female"], PATIENTS),
            "age_days": rng.integers(0, 5478, PATIENTS),
            "diagnosis_date": pd.Timestamp("2000-01-01")
            + pd.to_timedelta(rng.integers(0, 3650, PATIENTS), "D"),
        }
    )


def life_table() -> pd.DataFrame:
    cells = pd.MultiIndex.from_product(
        [["male", "female"], range(31), range(1998, 2020)], names=["sex", "age", "year"]
    ).to_frame(index=False)
    base = np.where(cells["age"] == 0, 0.3, 0.01 + 0.002 * cells["age"])
    fall = 0.98 ** (cells["year"] - 1998)
    cells["qx"] = np.round(base * fall * np.where(cells["sex"] == "male", 1.3, 1.0), 8)
    return cells


if __name__ == "__main__":
    for name, frame in (
        ("children", children(np.random.default_rng(20240229))),
        ("life_table", life_table()),
    ):
        frame.to_csv(FOLDER / f"{name}.csv", index=False, lineterminator="\n")
