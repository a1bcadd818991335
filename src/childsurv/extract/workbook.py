"""Workbooks of Excel and OpenDocument: one sheet, its cells as they are, its own row numbers."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import posixpath
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from childsurv.errors import DataError, OptionError, import_extra
from childsurv.extract.layout import FileForm
from childsurv.extract.raw_table import Chooser, RawTable, as_text, plain_date

WORKBOOK_SUFFIXES: tuple[str, ...] = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")

ERROR_CELL = "#ERROR"
"""Stands for a cell whose formula failed: no layout reads it, so the row is found."""

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
        # From its bytes, so that a workbook under a wrong name is told by what it holds.
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(raw))
        rows, name = _sheet_rows(book, path, sheet)
        failed = _failed_cells(raw, name)
    except (DataError, OptionError):
        raise
    except Exception:  # the library has errors of its own kinds, and their words may quote the file
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
            "header_line in the layout's [file] table if they stand on another line."
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
