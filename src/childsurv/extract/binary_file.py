"""Workbooks, files of statistics programs, Parquet, and queries of databases: sources that hold typed values."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import posixpath
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from childsurv.errors import DataError, OptionError, import_extra
from childsurv.extract.columns import Chooser, RawTable, as_text, plain_date, table_of_frame
from childsurv.extract.layout import FileForm

WORKBOOK_SUFFIXES: tuple[str, ...] = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")

ERROR_CELL = "#ERROR"
"""Value of a cell whose formula failed. No layout reads it, so the checks report the row."""

CELL = re.compile(rb'<c\b[^>]*\bt="e"[^>]*>')
CELL_REFERENCE = re.compile(rb'\br="([A-Z]+)([0-9]+)"')
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_workbook(path: Path, form: FileForm, *, sheet: str | int | None, choose: Chooser) -> RawTable:
    """Read the columns wanted of one sheet.

    Numbers become text without a decimal point where they are whole; dates stay dates. Empty rows at the end are no
    rows; those in between are counted as blank lines. Cells whose formula failed are unreadable, not empty
    (in ``.xlsx`` and ``.xlsm``; the library reads them as empty in other workbooks).

    Parameters
    ----------
    path
        The workbook.
    form
        ``header_line`` and ``decimal`` are used.
    sheet
        Name or number (from 1); by default the only sheet that is not empty.
    choose
        Picks the headers wanted.
    """
    calamine = import_extra("python_calamine", extra="excel", purpose=f"Reading {path.name}")
    raw = path.read_bytes()
    try:
        # From its bytes, so that a workbook under a wrong name is recognised by its content.
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(raw))
        rows, name = _sheet_rows(book, path, sheet)
        failed = _failed_cells(raw, name)
    except (DataError, OptionError):
        raise
    except Exception:  # the library raises errors of many kinds, and their words may quote the file
        raise DataError(
            f"{path.name} is not a workbook that can be read: it may be damaged, cut off, or locked with a password. "
            "Open it in a spreadsheet program and save it again as .xlsx, without a password."
        ) from None
    for row, column in failed:
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = ERROR_CELL
    if len(rows) < form.header_line or not any(cell != "" for cell in rows[form.header_line - 1]):
        raise DataError(
            f"{path.name}, sheet {name!r}: line {form.header_line} is empty; it must hold the headers. Set "
            "header_line in the layout's [file] table if they are on another line."
        )
    width = max(len(row) for row in rows)
    headers = [as_text(cell) for cell in rows[form.header_line - 1]]
    headers += [""] * (width - len(headers))
    body = rows[form.header_line :]
    filled = [any(cell != "" for cell in row) for row in body]
    while filled and not filled[-1]:
        filled.pop()
    used = width
    while used and headers[used - 1] == "" and all(len(row) < used or row[used - 1] == "" for row in body):
        used -= 1
    headers = headers[:used]
    wanted = list(choose(headers, lambda: ""))
    kept = [place for place, full in enumerate(filled) if full]
    if not kept:
        raise DataError(f"{path.name}, sheet {name!r}, has a header and no records.")
    columns = {
        header: _column([body[place] for place in kept], headers.index(header), form.decimal)
        for header in wanted
    }
    return RawTable(
        headers=tuple(headers),
        frame=pd.DataFrame(columns, dtype=object),
        row_number=np.array(kept, dtype=np.int64) + form.header_line + 1,
        wrong_length=np.zeros(len(kept), dtype=bool),
        blank_lines=len(filled) - len(kept),
        name=f"{path.name}, sheet {name}",
        digest=hashlib.sha256(raw).hexdigest(),
        encoding="",
    )


def _sheet_rows(book: Any, path: Path, sheet: str | int | None) -> tuple[list[list[Any]], str]:
    names: list[str] = list(book.sheet_names)
    if sheet is None:
        full = [name for name in names if book.get_sheet_by_name(name).height > 0]
        if not full:
            raise DataError(f"{path.name} has no sheet with anything in it.")
        if len(full) > 1:
            raise OptionError(
                f"{path.name} has {len(full)} sheets with something in them: {', '.join(map(repr, full))}. Name one "
                f"with sheet=, for example sheet={full[0]!r}."
            )
        sheet = full[0]
    if isinstance(sheet, int) and not isinstance(sheet, bool) and 1 <= sheet <= len(names):
        sheet = names[sheet - 1]
    if not isinstance(sheet, str) or sheet not in names:
        raise OptionError(
            f"sheet={sheet!r} is not a sheet of {path.name}; it has {', '.join(map(repr, names))}, numbered from 1."
        )
    return book.get_sheet_by_name(sheet).to_python(skip_empty_area=False), sheet


def _column(rows: Sequence[Sequence[Any]], place: int, decimal: str) -> list[Any]:
    """Return the cells of one column: dates as they are, everything else as text."""
    return [_cell(row[place], decimal) if place < len(row) else "" for row in rows]


def _cell(value: Any, decimal: str) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, dt.date):
        return plain_date(value)
    text = as_text(value)
    return text.replace(".", decimal) if isinstance(value, float) and decimal != "." else text


def _failed_cells(raw: bytes, sheet: str) -> list[tuple[int, int]]:
    """Return row and column, from 0, of the cells of an Office Open XML sheet that hold an error."""
    if not raw.startswith(b"PK"):
        return []
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        try:
            part = _sheet_part(archive, sheet)
            data = archive.read(part)
        except (KeyError, StopIteration, ElementTree.ParseError):
            return []
    places = []
    for cell in CELL.findall(data):
        reference = CELL_REFERENCE.search(cell)
        if reference is not None:
            places.append((int(reference[2]) - 1, _column_number(reference[1].decode("ascii"))))
    return places


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str:
    """Return the name of the member that holds a sheet."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    entry = next(node for node in book.iter() if node.tag.endswith("}sheet") and node.get("name") == sheet)
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    target = next(node.get("Target", "") for node in links if node.get("Id") == entry.get(RELATION))
    return target.lstrip("/") if target.startswith("/") else posixpath.join("xl", target)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


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


QUERY = re.compile(
    r"(\s|--[^\n]*\n|/\*.*?\*/|\()*(SELECT|WITH|VALUES|TABLE|FROM)\b", re.IGNORECASE | re.DOTALL
)
"""How a statement that returns rows begins, after comments."""


def read_query(query: Any, connection: Any, choose: Chooser) -> RawTable:
    """Read the columns wanted of the rows that a query returns.

    The connection is neither committed nor closed. Of an error of the database only its class and state are shown,
    because its words may quote values.

    Parameters
    ----------
    query
        A statement that returns rows.
    connection
        A DBAPI connection, or an engine or connection of SQLAlchemy.
    choose
        Picks the headers wanted.
    """
    if not isinstance(query, str) or QUERY.match(query) is None:
        raise OptionError(
            "With connection=, the first argument is a query: a text that begins with SELECT, WITH, VALUES or TABLE."
        )
    driver = type(connection).__module__.split(".")[0].lstrip("_")
    try:
        headers, rows = _fetch(query, connection, driver)
    except (DataError, OptionError):
        raise
    except Exception as error:
        raise DataError(
            f"The database refused the query: {_described(error)}. Run it in a database client, which shows its full "
            "message, and correct it; or open the connection again if it was closed."
        ) from None
    frame = pd.DataFrame({place: [row[place] for row in rows] for place in range(len(headers))})
    return table_of_frame(frame.set_axis(headers, axis=1), f"query over {driver}", choose)


def _fetch(query: str, connection: Any, driver: str) -> tuple[list[str], list[Any]]:
    if driver == "sqlalchemy":
        if hasattr(connection, "connect") and not hasattr(connection, "exec_driver_sql"):
            with connection.connect() as opened:
                return _fetch(query, opened, driver)
        result = connection.exec_driver_sql(query)
        if not result.returns_rows:
            raise DataError("The statement is no query: it returns no rows.")
        return list(result.keys()), list(result.fetchall())
    if not hasattr(connection, "cursor"):
        raise OptionError(
            "connection= takes a DBAPI connection (it has a method cursor), or an engine or connection of SQLAlchemy; "
            f"a {type(connection).__name__} is neither."
        )
    # A cursor of DuckDB is another connection, which does not see the views of this one.
    cursor = connection.cursor() if driver != "duckdb" else connection
    try:
        cursor.execute(query)
        if cursor.description is None:
            raise DataError("The statement is no query: it returns no rows.")
        return [str(column[0]) for column in cursor.description], list(cursor.fetchall())
    finally:
        if cursor is not connection:
            cursor.close()


def _described(error: Exception) -> str:
    """Name the class of an error and the state that the database gave, never its words."""
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    name = f"{type(cause).__module__.split('.')[0].lstrip('_')}.{type(cause).__name__}"
    return f"{name}, state {state}" if state else name
