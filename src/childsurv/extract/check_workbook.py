"""What the checks found, as one workbook to send back to the registry: row numbers and rules, never values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.errors import OptionError
from childsurv.extract.quality import data_quality
from childsurv.files.spreadsheet import guarded, write_tables

MOST_FINDINGS = 1_000_000
"""Rows of a sheet, less a few."""

NOT_SHOWN = ("columns", "exclude", "rules")


def write_checks(cohort: Cohort, path: str | Path) -> Path:
    """Write findings, exclusions and data quality of a cohort as a workbook, or as a folder of CSV files.

    Parameters
    ----------
    cohort
        As `read_extract` made it.
    path
        A file ending in ``.xlsx`` (extra ``excel``), or a folder.

    Returns
    -------
    Path
        Of the workbook or folder: "Summary" (where the rows came from, and the conventions), "Flow" (rows
        read, left out by each rule, analysed), "Rules" (each rule with its count), "Findings" (each finding with
        the row number of the file), "Data quality" (by country and registry).

    Raises
    ------
    OptionError
        The path has another suffix, or there are more findings than a sheet holds.

    Examples
    --------
    >>> import tempfile, pathlib, childsurv as cs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = cs.write_checks(cs.demo.cohort(patients=500, seed=1), pathlib.Path(folder) / "checks")
    ...     sorted(file.name for file in written.iterdir())
    ['data_quality.csv', 'findings.csv', 'flow.csv', 'rules.csv', 'summary.csv']
    """
    target = Path(path)
    tables = check_tables(cohort)
    if target.suffix.lower() == ".xlsx":
        if len(tables["Findings"]) > MOST_FINDINGS:
            raise OptionError(
                f"{len(tables['Findings']):,} findings do not fit into a sheet; name a folder, for CSV files."
            )
        write_tables(target, tables)
        return target
    if target.suffix:
        raise OptionError(
            f"write_checks() writes .xlsx, or CSV files into a folder; {target.name} is neither."
        )
    target.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        safe = table.assign(
            **{str(header): guarded(table[header].astype(object)) for header in table.columns}
        )
        file = target / f"{name.lower().replace(' ', '_')}.csv"
        safe.to_csv(file, index=False, encoding="utf-8-sig", lineterminator="\n")
    return target


def check_tables(cohort: Cohort) -> dict[str, pd.DataFrame]:
    """Return the tables of `write_checks` by the names of their sheets."""
    findings = cohort.findings
    by_rule = (
        findings.astype(dict.fromkeys(("code", "severity", "message", "column", "source"), object))
        .groupby(["severity", "code", "message", "column", "source"], sort=False)
        .agg(count=("count", "sum"), first_row=("row_number", "min"))
        .reset_index()
    )
    by_rule["first_row"] = (
        by_rule["first_row"].where(by_rule["first_row"] > 0).astype("Float64").astype("Int64")
    )
    order = {"error": 0, "warning": 1, "note": 2}
    by_rule = by_rule.sort_values("severity", key=lambda column: column.map(order), kind="stable")
    quality = (
        data_quality(cohort, by=["country", "registry"])
        if len(cohort.quality_counts)
        else pd.DataFrame({"note": ["no counts of the rows as read"]})
    )
    return {
        "Summary": _summary(cohort),
        "Flow": cohort.flow,
        "Rules": by_rule.reset_index(drop=True),
        "Findings": findings[["code", "severity", "message", "column", "row_number", "count"]],
        "Data quality": quality,
    }


def _summary(cohort: Cohort) -> pd.DataFrame:
    rows: list[tuple[str, str]] = [
        ("rows read", str(cohort.rows_read)),
        ("rows analysed", str(len(cohort))),
        *((name.replace("_", " "), value) for name, value in cohort.conventions.items()),
    ]
    for number, source in enumerate(cohort.provenance, start=1):
        before = f"source {number}, " if len(cohort.provenance) > 1 else ""
        rows += [
            (before + name.replace("_", " "), _written(value))
            for name, value in source.items()
            if name not in NOT_SHOWN and name not in cohort.conventions
        ]
    return pd.DataFrame(rows, columns=["what", "value"])


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_written(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
