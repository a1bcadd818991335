"""Files of Stata, SPSS and SAS: values as coded, their labels beside them, user-missing values as missing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from childsurv.errors import DataError, import_extra
from childsurv.extract.raw_table import Chooser, RawTable, as_text, table_of_frame

READERS: dict[str, str] = {
    ".dta": "read_dta",
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".por": "read_por",
    ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
}
STATISTICAL_SUFFIXES: tuple[str, ...] = tuple(READERS)

LETTERED = {".dta", ".sas7bdat"}
"""Programs whose user-missing values are letters (.a to .z), not numbers of the user's choice."""


def read_statistical(path: Path, *, encoding: str | None, choose: Chooser) -> RawTable:
    """Read the columns wanted, with value labels beside the codes and user-missing values counted.

    Parameters
    ----------
    path
        A file ending in one of `STATISTICAL_SUFFIXES`.
    encoding
        For old files that do not name theirs, for example "cp1251".
    choose
        Picks the headers wanted.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise DataError(
            f"{path.name} holds data of a statistics program, but its name does not end in "
            f"{', '.join(READERS)}; rename it."
        )
    library = import_extra("pyreadstat", extra="stat", purpose=f"Reading {path.name}")
    frame, meta = _read(library, path, encoding, user_missing=suffix == ".sav" or suffix == ".zsav")
    missing = 0
    if suffix in LETTERED:
        # Letters are counted in a second reading: the first has them, like every gap, as missing.
        missing = _count_letters(*_read(library, path, encoding, user_missing=True))
    ranges: Mapping[str, Any] = getattr(meta, "missing_ranges", None) or {}
    for name, limits in ranges.items():
        marked = _in_ranges(frame[name], limits)
        missing += int(marked.sum())
        if marked.any():
            frame[name] = frame[name].mask(marked)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    table = table_of_frame(frame, path.name, choose, digest)
    labels = {
        name: {as_text(code): str(label).strip() for code, label in pairs.items()}
        for name, pairs in (getattr(meta, "variable_value_labels", None) or {}).items()
    }
    return RawTable(
        headers=table.headers,
        frame=table.frame,
        row_number=table.row_number,
        wrong_length=table.wrong_length,
        blank_lines=0,
        name=table.name,
        digest=digest,
        encoding=str(getattr(meta, "file_encoding", None) or encoding or ""),
        value_labels=labels,
        user_missing=missing,
    )


def _read(library: Any, path: Path, encoding: str | None, *, user_missing: bool) -> tuple[pd.DataFrame, Any]:
    suffix = path.suffix.lower()
    options: dict[str, Any] = {} if encoding is None else {"encoding": encoding}
    if user_missing:
        options["user_missing"] = True
    try:
        frame, meta = getattr(library, READERS[suffix])(str(path), **options)
    except Exception:  # errors of several kinds, whose words may quote the file
        asked = f" as {encoding}" if encoding else ""
        raise DataError(
            f"{path.name} cannot be read{asked}: it is damaged, cut off, not a {suffix} file, or its text is in an "
            "encoding that it does not name. Try encoding='cp1251', or export it again."
        ) from None
    if not isinstance(frame, pd.DataFrame) or not len(frame.columns):
        raise DataError(f"{path.name} holds no columns.")
    return frame, meta


def _count_letters(frame: pd.DataFrame, meta: Any) -> int:
    marks: Mapping[str, Any] = getattr(meta, "missing_user_values", None) or {}
    return sum(int(frame[name].isin(list(letters)).sum()) for name, letters in marks.items())


def _in_ranges(column: pd.Series, ranges: list[dict[str, Any]]) -> Any:
    marked = np.zeros(len(column), dtype=bool)
    for limits in ranges:
        low, high = limits["lo"], limits["hi"]
        if isinstance(low, str) or isinstance(high, str):
            marked |= column.astype(object).isin([low, high]).to_numpy()
        else:
            values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
            marked |= (values >= float(low)) & (values <= float(high))
    return marked
