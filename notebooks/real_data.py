"""Curves, tables and a forest plot from two real data sets that R packages ship.

    python notebooks/real_data.py FOLDER --out real_data

FOLDER holds three files as CSV (``.csv`` or ``.csv.gz``, in it or in folders below it):

- ``survival_nwtco``: the third and fourth trial of the National Wilms Tumor Study, from R's ``survival``:
4,028 children; columns
  ``edrel`` (days to relapse or last seen), ``rel``, ``histol``, ``stage``, ``age`` (months).
- ``relsurv_colrec`` and ``relsurv_slopop``: colorectal cancer in Slovenia and its population mortality, from
R's ``relsurv``: columns
  ``time, stat, age`` (days), ``sex`` (1, 2), ``diag`` (date), ``site``; ``age_cut_days, year, year_cut_date,
  sex, hazard_per_day``.

Colrec are adults: they are the field's common example of net survival, and a check of the method on a real life table.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

import childsurv as cs


def find(folder: Path, name: str) -> Path:
    """Return the one file of a name in or below a folder."""
    found = sorted([*folder.rglob(f"{name}.csv"), *folder.rglob(f"{name}.csv.gz")])
    if not found:
        raise SystemExit(f"there is no {name}.csv or {name}.csv.gz in {folder} or below it")
    return found[0]


def wilms(folder: Path, out: Path) -> None:
    """Relapse of Wilms tumour by histology and stage."""
    trial = pd.read_csv(find(folder, "survival_nwtco"))
    trial["histology"] = trial["histol"].map({1: "Favourable", 2: "Unfavourable"})
    trial["stage"] = trial["stage"].map({1: "I", 2: "II", 3: "III", 4: "IV"})
    trial["age_in_years"] = trial["age"] / 12

    curves = cs.kaplan_meier(trial, time="edrel", event="rel", by="histology")
    curves.table.to_csv(out / "wilms_by_histology.csv", index=False)
    print(
        "Relapse-free survival by histology\n",
        curves.at(years=[1, 3, 5]).round(3).to_string(index=False),
        "\n",
    )
    figure = curves.plot(
        years=10, title="Wilms tumour: free of relapse, by histology", ylabel="Free of relapse"
    )
    cs.plot.save(figure, out / "wilms_by_histology")

    stages = cs.kaplan_meier(trial, time="edrel", event="rel", by=["histology", "stage"])
    figure = stages.plot(
        panels="histology",
        years=10,
        title="Wilms tumour: free of relapse, by histology and stage",
        ylabel="Free of relapse",
    )
    cs.plot.save(figure, out / "wilms_by_stage")

    print(cs.logrank_test(trial, time="edrel", event="rel", by="stage", strata="histology"), "\n")
    fit = cs.cox(trial, "histology + stage + age_in_years", time="edrel", event="rel")
    fit.table.to_csv(out / "wilms_cox.csv", index=False)
    print(fit, "\n")
    print(fit.proportional_hazards_test().table.round(4).to_string(index=False), "\n")
    figure = cs.plot.forest(fit, title="Wilms tumour: hazard ratios of relapse")
    cs.plot.save(figure, out / "wilms_forest")


def colrec(folder: Path, out: Path) -> None:
    """Net survival of colorectal cancer by site, against Slovenian mortality."""
    cells = pd.read_csv(find(folder, "relsurv_slopop"))
    life_table = cs.LifeTable.from_frame(
        cells,
        age="age_cut_days",
        age_unit="days",
        rate="hazard_per_day",
        rate_unit="per_day",
        year_starts=dict(zip(cells["year"], cells["year_cut_date"], strict=True)),
        source="slopop of R's relsurv (Statistical Office of Slovenia)",
    )
    patients = pd.read_csv(find(folder, "relsurv_colrec"), parse_dates=["diag"])
    patients["sex"] = patients["sex"].map({1: "male", 2: "female"})
    columns = {"time": "time", "event": "stat", "age_days": "age", "diagnosis_date": "diag"}
    curves = cs.net_survival(patients, life_table, by="site", **columns)
    curves.table.to_csv(out / "colrec_net_survival.csv", index=False)
    print("Net survival by site\n", curves.at(years=[1, 3, 5, 10]).round(4).to_string(index=False), "\n")
    figure = curves.plot(years=10, title="Colorectal cancer in Slovenia: net survival by site")
    cs.plot.save(figure, out / "colrec_net_survival")


def main() -> None:
    """Read the arguments and make everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the three files are")
    parser.add_argument(
        "--out", type=Path, default=Path("real_data"), help="where to write (default: real_data)"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    wilms(arguments.folder, arguments.out)
    colrec(arguments.folder, arguments.out)
    print(f"Written to {arguments.out}")


if __name__ == "__main__":
    main()
