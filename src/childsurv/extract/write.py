"""Write a cohort as an extract in the `childsurv` layout, from which the same cohort can be read again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from childsurv.cohort import CANONICAL_COLUMNS, Cohort


def write_extract(cohort: Cohort, path: str | Path) -> Path:
    """Write the rows of a cohort as UTF-8 CSV in the layout ``childsurv``.

    Read again with ``layout="childsurv"``, the same ``iccc_edition``, ``age_band`` and ``exclude``, and
    ``keep`` for columns that are not canonical, the file gives the same data and closing date. Findings,
    exclusions and provenance belong to the extract first read and are not written.

    Text is written as it stands. A spreadsheet may take text that begins with ``=``, ``+``, ``-`` or ``@``
    for a formula: import the file with every column as text.

    Parameters
    ----------
    cohort
        What to write. The file holds patients' records: treat it as the extract itself.
    path
        Of the file; an existing one is replaced.

    Returns
    -------
    Path
        Of the file written.

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
    frame = cohort.frame
    order = [name for name in CANONICAL_COLUMNS if name in frame.columns]
    order += [name for name in frame.columns if name not in CANONICAL_COLUMNS]
    columns = {}
    for name in order:
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            columns[name] = column.dt.strftime("%Y-%m-%d")
        elif pd.api.types.is_bool_dtype(column.dtype):
            columns[name] = column.map({True: "true", False: "false"})
        else:
            columns[name] = column
    pd.DataFrame(columns).to_csv(target, index=False, encoding="utf-8", lineterminator="\n")
    return target
