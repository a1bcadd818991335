"""Writing the simulated registers as files, the way registries send them, together with their truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from childsurv._version import __version__
from childsurv.demo.faults import (
    ALL_LAYOUTS,
    FAULT_COLUMNS,
    FAULT_SHARE,
    SEPARATOR_MARK,
    choose_faults,
    fault_table,
    spoil_ages,
    spoil_data,
    spoil_text,
)
from childsurv.demo.forms import FORMS, SEPARATORS, completed_years, render
from childsurv.demo.parameters import countries as country_names
from childsurv.demo.parameters import delivery_table
from childsurv.demo.simulate import Register, simulate
from childsurv.errors import OptionError, require_choice

CHILDREN_BELOW = 15
TRUTH_YEARS = (1, 3, 5, 10)

README = """SIMULATED DATA

These are simulated cancer registers of thirteen INVENTED countries, made by childsurv {version} with
patients={patients}, seed={seed}. No row is about a real patient, and no figure is about a real country.

manifest.csv                the extracts: file, layout, encoding, country, closing date
{files}
life_tables.csv             simulated population mortality: country, sex, year, age in years, mx
truth.json                  what was simulated, in figures
truth_faults.csv            every fault put into the extracts: file, line, kind, the check that finds it
truth_effects.csv           log hazard ratios of the excess hazard
truth_baseline.csv          excess hazard by ICCC-3 subgroup and time, where every effect is zero
truth_survival.csv          true net and observed survival of the patients simulated
truth_patients.csv          one row a patient: intended class, stage class, linear predictor, cause of death
"""


FORM_OF_FILE: dict[str, dict[str, Any]] = {
    "childsurv": {"separator": "comma"},
    "encr": {"separator": "semicolon"},
    "canreg5": {"separator": "tab"},
    "russian": {"separator": "semicolon", "variant": 1},
    "iicc3": {"separator": "comma"},
    "seer": {"separator": "comma"},
}
"""How files of one layout are written where all are to have it."""


@dataclass(frozen=True, eq=False, repr=False)
class Extracts:
    """Files written by `write_extracts`.

    Attributes
    ----------
    folder : Path
        Where they are.
    register : Register
        The simulated data behind them, with their truth.
    """

    folder: Path
    register: Register
    manifest_table: pd.DataFrame
    fault_list: pd.DataFrame

    def __repr__(self) -> str:
        return (
            f"<Extracts (simulated): {len(self.manifest_table)} files, "
            f"{int(self.manifest_table['rows'].sum()):,} rows, "
            f"{len(self.fault_list):,} faults, in {self.folder}>"
        )

    @property
    def manifest(self) -> pd.DataFrame:
        """One row an extract: ``file, country, name, layout, encoding, rows, closing_date``, ..."""
        return self.manifest_table.copy()

    @property
    def faults(self) -> pd.DataFrame:
        """One row a fault: ``file, country, row_number, other_row, kind, code``; the header is line 1."""
        return self.fault_list.copy()

    @property
    def life_tables(self) -> Path:
        """Path of the life tables, in the long format."""
        return self.folder / "life_tables.csv"

    @property
    def paths(self) -> list[Path]:
        """Paths of the extracts, in the order of the manifest."""
        return [self.folder / file for file in self.manifest_table["file"]]


def write_extracts(
    folder: str | Path,
    *,
    patients: int = 20_000,
    seed: int = 1,
    faults: bool = True,
    layout: str | None = None,
    **options: Any,
) -> Extracts:
    """Simulate registers and write them as the files that registries send.

    Thirteen files in four layouts (``childsurv``, ``encr``, ``canreg5``, ``russian``), separated by commas,
    semicolons and tabs, in UTF-8, UTF-8 with a byte order mark and cp1251, with ISO dates, ``yyyyMMdd``,
    ``dd.mm.yyyy`` and months without days; life tables; the truth. Nothing there is about a real country.

    Parameters
    ----------
    folder
        Made if it is not there; files of these names in it are replaced.
    patients, seed, **options
        As in `simulate`.
    faults
        Whether to put faults into about 0.8 % of the rows, each listed in ``truth_faults.csv``.
    layout
        Writes all thirteen files in this layout: one of the four, or "iicc3" or "seer", which know no faults.

    Returns
    -------
    Extracts

    Raises
    ------
    OptionError
        ``folder`` is a file, the layout is unknown, or faults are wanted in one that knows none.

    Examples
    --------
    >>> import tempfile
    >>> import childsurv as cs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     extracts = cs.demo.write_extracts(folder, patients=1_000, seed=1)
    ...     extracts.manifest["layout"].nunique()
    4
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"folder={str(folder)!r} is a file; name a folder.")
    if layout is not None:
        require_choice(layout, tuple(sorted({*FORMS, "russian"})), argument="layout")
        if faults and layout not in ALL_LAYOUTS:
            raise OptionError(f"layout={layout!r} has no faults; give faults=False.")
    register = simulate(patients=patients, seed=seed, **options)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 7])
    manifest, fault_tables, first_kind = [], [], 0
    countries = register.frame["country"]
    for record in delivery_table().to_dict("records"):
        delivery = {str(key): value for key, value in record.items()}
        if layout is not None:
            delivery |= {"layout": layout, "encoding": "utf-8"} | FORM_OF_FILE[layout]
        rows = np.flatnonzero((countries == delivery["country"]).to_numpy())
        if rows.size == 0:
            continue
        written, table = _write_extract(
            folder / delivery["file"],
            register.frame.iloc[rows].reset_index(drop=True),
            delivery,
            closing_date=pd.Timestamp(register.closing_date),
            first_kind=first_kind,
            share=FAULT_SHARE if faults else 0.0,
            rng=rng,
        )
        first_kind += len(table)
        fault_tables.append(table)
        manifest.append({**delivery, "rows": written, "patients": rows.size})
    listed = [table for table in fault_tables if len(table)]
    fault_list = pd.concat(listed, ignore_index=True) if listed else pd.DataFrame(columns=list(FAULT_COLUMNS))
    extracts = Extracts(folder, register, _manifest(manifest, register), fault_list)
    _write_truth(extracts)
    return extracts


def _write_extract(
    path: Path,
    data: pd.DataFrame,
    delivery: dict[str, Any],
    *,
    closing_date: pd.Timestamp,
    first_kind: int,
    share: float,
    rng: np.random.Generator,
) -> tuple[int, pd.DataFrame]:
    """Write one country's file; return its rows and its faults."""
    layout = delivery["layout"]
    # Older patients are out of the usual age band as it is; a fault in their rows would not be the only one.
    children = np.flatnonzero(completed_years(data) < CHILDREN_BELOW)
    chosen = choose_faults(len(data), children, layout=layout, first_kind=first_kind, share=share, rng=rng)
    data = spoil_data(data, chosen, closing_date=closing_date)
    data["stated_age"] = completed_years(data)
    spoil_ages(data, chosen)
    rendered = render(data, layout=layout, variant=int(delivery["variant"]))
    spoil_text(rendered, chosen, layout=layout, years=data["diagnosis_date"].dt.year.to_numpy())
    separator = SEPARATORS[delivery["separator"]]
    text = rendered.text.to_csv(index=False, sep=separator, lineterminator="\n").replace(
        SEPARATOR_MARK, separator
    )
    # newline="" keeps line ends the same on every system, so that a seed gives the same bytes.
    with path.open("w", encoding=delivery["encoding"], newline="") as stream:
        stream.write(text)
    table = fault_table(
        chosen,
        rendered=rendered,
        file=path.name,
        country=delivery["country"],
        layout=layout,
        patient_ids=data["patient_id"],
    )
    return len(data), table


def _manifest(rows: list[dict[str, Any]], register: Register) -> pd.DataFrame:
    names = country_names().set_index("country")
    table = pd.DataFrame(rows)
    table["name"] = names["name"].reindex(table["country"]).to_numpy()
    table["name_cyrillic"] = names["name_cyrillic"].reindex(table["country"]).to_numpy()
    table["closing_date"] = register.closing_date.isoformat()
    return table[
        [
            "file", "country", "name", "name_cyrillic", "layout", "encoding", "separator", "rows", "patients",
            "closing_date",
        ]
    ]  # fmt: skip


def _write_truth(extracts: Extracts) -> None:
    register, folder = extracts.register, extracts.folder
    truth = register.truth

    def write(table: pd.DataFrame, name: str) -> None:
        table.to_csv(
            folder / name, index=False, encoding="utf-8", lineterminator="\n", date_format="%Y-%m-%d"
        )

    write(extracts.manifest_table, "manifest.csv")
    write(register.cells, "life_tables.csv")
    write(extracts.fault_list, "truth_faults.csv")
    write(truth.effects, "truth_effects.csv")
    write(truth.baseline_hazards, "truth_baseline.csv")
    write(truth.frame, "truth_patients.csv")
    groupings: list[list[str]] = [
        [],
        ["country"],
        ["iccc_group"],
        ["period"],
        ["country", "period"],
        ["country", "iccc_group"],
    ]
    tables = []
    for names in groupings:
        net = truth.net_survival(TRUTH_YEARS, by=names)
        observed = truth.observed_survival(TRUTH_YEARS, by=names)
        net["observed_survival"] = observed["observed_survival"]
        tables.append(net)
    columns = [
        "country",
        "iccc_group",
        "period",
        "years",
        "time",
        "patients",
        "net_survival",
        "observed_survival",
    ]
    write(pd.concat(tables, ignore_index=True).reindex(columns=columns), "truth_survival.csv")
    summary = {
        "simulated": True,
        "note": "simulated registers of invented countries; no figure is about a real country",
        "childsurv": __version__,
        "patients": len(register),
        "seed": register.seed,
        "closing_date": register.closing_date.isoformat(),
        "files": extracts.manifest_table["file"].tolist(),
        "rows": int(extracts.manifest_table["rows"].sum()),
        "faults": extracts.fault_list["kind"].value_counts().sort_index().to_dict(),
        "deaths": int((register.frame["vital_status"] == "dead").sum()),
        "net_survival": {
            str(int(year)): round(float(value), 6)
            for year, value in truth.net_survival(TRUTH_YEARS)[["years", "net_survival"]].to_numpy()
        },
    }
    (folder / "truth.json").write_text(
        json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
    )
    files = "\n".join(
        f"{file:<27} the extract of {name}"
        for file, name in extracts.manifest_table[["file", "name"]].to_numpy()
    )
    (folder / "README.txt").write_text(
        README.format(version=__version__, patients=len(register), seed=register.seed, files=files),
        encoding="utf-8",
        newline="\n",
    )
