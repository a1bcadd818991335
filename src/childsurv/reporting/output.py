"""The tables of a report as CSV files that a spreadsheet opens safely."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from childsurv.files.spreadsheet import guarded, guarded_text


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> dict[str, Path]:
    """Write each table as ``<name>.csv`` and return the paths.

    The files are UTF-8 with a byte order mark: without it Excel reads Cyrillic as Latin letters. Numbers keep
    full precision and a decimal point.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, table in tables.items():
        paths[name] = folder / f"{name}.csv"
        safe(table).to_csv(paths[name], index=False, encoding="utf-8-sig", lineterminator="\n")
    return paths


def safe(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts cannot be taken for formulas: an apostrophe goes before those that could."""
    changed = {
        name: guarded(column)
        for name, column in table.items()
        if not (pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype))
    }
    return table.assign(**{str(name): column for name, column in changed.items()}).rename(
        columns=guarded_text
    )
