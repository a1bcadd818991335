"""Write a cohort as an extract in the `childsurv` layout, from which the same cohort can be read again."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pandas as pd

from childsurv.cohort.cohort import CANONICAL_COLUMNS, Cohort
from childsurv.errors import DataError, OptionError, import_extra, rows_where
from childsurv.files.spreadsheet import GUARD, guarded

SUFFIXES = (".csv", ".xlsx", ".parquet")

MOST_ROWS, LONGEST_CELL = 1_048_575, 32_767
"""What a sheet of Excel holds."""

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
"""Characters that a workbook cannot hold, and the way in which it writes them, which readers take back differently."""


def write_extract(cohort: Cohort, path: str | Path) -> Path:
    """Write the rows of a cohort in the layout ``childsurv``, as CSV, a workbook or Parquet.

    Read again with ``layout="childsurv"``, the same ``iccc_edition``, ``age_band``, ``age_groups`` and
    ``exclude``, and ``keep`` for columns that are not canonical, the file gives the same data and closing date.
    Findings, exclusions and provenance belong to the extract first read and are not written.

    No text becomes a formula: in CSV an apostrophe precedes text that begins with ``=``, ``+``, ``-``,
    ``@``, a tab or an apostrophe, and the layout takes it off again; in a workbook text is stored as text.

    Parameters
    ----------
    cohort
        What to write. The file holds patients' records: treat it as the extract itself.
    path
        Of the file, ending in ``.csv`` (or another suffix of text), ``.xlsx`` (extra ``excel``) or
        ``.parquet`` (extra ``parquet``); an existing one is replaced.

    Returns
    -------
    Path
        Of the file written.

    Raises
    ------
    DataError
        The rows or a text do not fit into a workbook.
    OptionError
        The suffix is that of a format that is not written.

    Examples
    --------
    >>> import tempfile, pathlib, childsurv as cs
    >>> cohort = cs.demo.cohort(patients=100, seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = cs.write_extract(cohort, pathlib.Path(folder) / "cohort.csv")
    ...     again = cs.read_extract(written, layout="childsurv")
    >>> len(again) == len(cohort)
    True
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix in {".xls", ".xlsm", ".xlsb", ".ods", ".dta", ".sav", ".feather", ".gz", ".zip"}:
        raise OptionError(f"write_extract() writes {', '.join(SUFFIXES)}, not {suffix}.")
    frame = _as_written(cohort.frame)
    if suffix == ".xlsx":
        _write_workbook(frame, target)
    elif suffix == ".parquet":
        import_extra("pyarrow", extra="parquet", purpose=f"Writing {target.name}")
        frame.to_parquet(target, index=False)
    else:
        texts = frame.select_dtypes(exclude="number")
        plain = frame.assign(**{name: guarded(texts[name]) for name in texts.columns})
        # A lone carriage return would be taken for the end of a line where it is not quoted.
        returns = any(plain[name].astype(str).str.contains("\r", regex=False).any() for name in texts.columns)
        quoting: Any = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
        plain.to_csv(target, index=False, encoding="utf-8", lineterminator="\n", quoting=quoting)
    return target


def _as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns in their order: dates and truth values as text, categories as their labels."""
    order = [name for name in CANONICAL_COLUMNS if name in frame.columns]
    order += [name for name in frame.columns if name not in CANONICAL_COLUMNS]
    columns = {}
    for name in order:
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            columns[name] = column.dt.strftime("%Y-%m-%d")
        elif pd.api.types.is_bool_dtype(column.dtype):
            columns[name] = column.map({True: "true", False: "false"})
        elif isinstance(column.dtype, pd.CategoricalDtype):
            columns[name] = column.astype(object)
        else:
            columns[name] = column
    return pd.DataFrame(columns)


def _write_workbook(frame: pd.DataFrame, target: Path) -> None:
    library = import_extra("xlsxwriter", extra="excel", purpose=f"Writing {target.name}")
    if len(frame) > MOST_ROWS:
        raise DataError(
            f"{len(frame):,} rows do not fit into a sheet of {MOST_ROWS:,}; write .csv or .parquet."
        )
    for name in frame.select_dtypes(exclude="number").columns:
        texts = frame[name].astype(str)
        wrong = ((texts.str.len() > LONGEST_CELL) | texts.str.contains(CONTROL)).to_numpy()
        if wrong.any():
            raise DataError(
                f"Column {name!r} holds text that a workbook cannot hold (control characters, or more than "
                f"{LONGEST_CELL:,} characters) in {rows_where(wrong)}; write .csv or .parquet."
            )
    with library.Workbook(str(target), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("childsurv")
        for place, name in enumerate(frame.columns):
            sheet.write_string(0, place, str(name))
        numeric = [pd.api.types.is_numeric_dtype(frame[name].dtype) for name in frame.columns]
        for row, record in enumerate(frame.itertuples(index=False), start=1):
            for place, value in enumerate(record):
                if numeric[place]:
                    sheet.write_number(row, place, value)
                else:
                    sheet.write_string(row, place, str(value))
        sheet.freeze_panes(1, 0)


__all__ = ["GUARD", "write_extract"]
