"""Opening a file without a description: its encoding, separator, line of headers, and what its columns hold."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from childsurv.errors import DataError
from childsurv.extract.binary_file import WORKBOOK_SUFFIXES
from childsurv.extract.columns import RawTable
from childsurv.extract.layout import FileForm
from childsurv.extract.source import read_source
from childsurv.extract.text_file import likely_encoding
from childsurv.extract.value_styles import Values, header_score, known_names, values_of

SEPARATORS = (";", ",", "\t", "|")
LINES_LOOKED_AT = 60
MOST_TITLE_LINES = 10
MOST_DISTINCT = 3_000
"""Distinct values looked at in a column with more, evenly spread."""

FEW_LETTERS = 40
"""Bytes beyond ASCII below which the Russian encodings cannot be distinguished."""

BINARY = re.compile(rb"^(PK\x03\x04|\xd0\xcf\x11\xe0|PAR1|ARROW1|\$FL[23]|<stata_dta>|HEADER RECORD)")
COMPRESSED_SUFFIXES = {".gz", ".bz2", ".xz", ".zip"}
BINARY_SUFFIXES = {".dta", ".por", ".sas7bdat", ".xpt", ".sav", ".zsav", *COMPRESSED_SUFFIXES}


def open_unknown(path: Path, encoding: str | None, sheet: str | int | None) -> tuple[FileForm, RawTable]:
    """Read every column of the file, having found encoding, separator and line of the headers."""
    if not path.is_file():
        raise DataError(f"There is no file {str(path)!r}.")
    with path.open("rb") as stream:
        start = stream.read(1 << 20)
    if BINARY.match(start) or path.suffix.lower() in BINARY_SUFFIXES:
        return _open_with_lines(path, FileForm(encodings=("utf-8", "cp1251")), sheet, encoding)
    form = _text_form(start, encoding)
    return form, _read(path, form, sheet, encoding)


def _open_with_lines(
    path: Path, form: FileForm, sheet: str | int | None, encoding: str | None
) -> tuple[FileForm, RawTable]:
    """Read a file whose lines cannot be looked at, trying which line of a workbook holds the headers."""
    lines = MOST_TITLE_LINES if path.suffix.lower() in WORKBOOK_SUFFIXES else 1
    found: list[tuple[int, FileForm, RawTable]] = []
    for line in range(1, lines + 1):
        own = replace(form, header_line=line)
        try:
            table = _read(path, own, sheet, encoding)
        except DataError:
            # An empty line, or the end of the sheet; the error of every line is raised at the last.
            if line == lines and not found:
                raise
            continue
        known = sum(header_score(header, field) > 0.9 for header in table.headers for field in known_names())
        found.append((known, own, table))
        if known >= 3:
            break
    best = max(found, key=lambda one: one[0])
    return best[1], best[2]


def _read(path: Path, form: FileForm, sheet: str | int | None, encoding: str | None) -> RawTable:
    is_text = path.suffix.lower() not in BINARY_SUFFIXES - COMPRESSED_SUFFIXES
    with path.open("rb") as stream:
        is_text = is_text and BINARY.match(stream.read(32)) is None
    return read_source(
        path,
        form,
        encoding=encoding if is_text or path.suffix.lower() in {".dta", ".sav", ".zsav", ".por"} else None,
        choose=lambda headers, _: [header for header in dict.fromkeys(headers) if headers.count(header) == 1],
        fits=lambda _: 0,
        sheet=sheet,
    )


def _text_form(start: bytes, encoding: str | None) -> FileForm:
    """Find encoding, separator, decimal mark and line of the headers from the beginning of a text file."""
    found = encoding or _encoding_of(start)
    text = start.decode("utf-8-sig" if found == "utf-8" else found, errors="replace")
    lines = text.splitlines()[: LINES_LOOKED_AT + MOST_TITLE_LINES]
    if not any(line.strip() for line in lines):
        raise DataError("The file is empty.")
    separator = max(SEPARATORS, key=lambda mark: _regularity(lines, mark))
    widths = [len(row) for row in _rows(lines, separator)]
    usual = Counter(widths).most_common(1)[0][0]
    header_line = next(
        (number for number, width in enumerate(widths[:MOST_TITLE_LINES], 1) if width == usual), 1
    )
    body = "\n".join(lines[header_line:])
    decimal = (
        "," if separator != "," and re.search(r"(?<![0-9])[0-9]{1,3},[0-9]{1,2}(?![0-9])", body) else "."
    )
    return FileForm(separator=separator, encodings=(found,), decimal=decimal, header_line=header_line)


def _encoding_of(start: bytes) -> str:
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8")):
        if start.startswith(mark):
            return name
    try:
        start[: max(len(start) - 4, 0)].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 8:
            # A few letters, such as a Cyrillic С among Latin codes, do not distinguish the Russian encodings.
            few = sum(byte > 127 for byte in start) < FEW_LETTERS
            return "cp1251" if few else likely_encoding(start)
    return "utf-8"


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return [next(csv.reader([line], delimiter=separator), [""]) for line in lines]
    except csv.Error:
        return [line.split(separator) for line in lines]


def _regularity(lines: Sequence[str], separator: str) -> tuple[float, int]:
    """How many lines have the usual number of fields, and how many fields that is."""
    widths = Counter(len(row) for row in _rows(lines, separator) if row != [""])
    if not widths:
        return 0.0, 0
    usual, lines_of_it = max(widths.items(), key=lambda item: (item[1], item[0]))
    return (lines_of_it / sum(widths.values()) if usual > 1 else 0.0), usual


def look(table: RawTable, header: str) -> Values | None:
    """Return the distinct values of a column; ``None`` where the cells are dates, or two columns have the header."""
    if header not in table.frame or table.days(header) is not None:
        return None
    coded = table.coded(header)
    counts = np.bincount(coded.codes, minlength=len(coded.texts))
    places = np.arange(len(coded.texts))
    if len(places) > MOST_DISTINCT:
        places = np.unique(np.linspace(0, len(places) - 1, MOST_DISTINCT).astype(int))
    return values_of([coded.texts[place] for place in places], counts[places])
