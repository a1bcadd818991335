"""From a file or a table of any library to columns of text: nothing is interpreted, and no row is lost."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import DataError, MissingExtraError, OptionError
from childsurv.extract.dates import NO_DAY, Days
from childsurv.extract.encoding import likely_encoding, to_utf8
from childsurv.extract.layout import FileForm
from childsurv.follow_up import TableLike, frame_of

Source: TypeAlias = str | Path | pd.DataFrame | TableLike

BLOCK_BYTES = 1 << 24
OTHER_FORMATS = {
    ".xlsx": "Excel", ".xls": "Excel", ".ods": "OpenDocument", ".dta": "Stata", ".sav": "SPSS",
    ".sas7bdat": "SAS", ".xpt": "SAS",
    ".zip": "a ZIP archive", ".gz": "a compressed file", ".json": "JSON", ".mdb": "Access",
}  # fmt: skip


@dataclass(frozen=True)
class Coded:
    """A column as places in a list of distinct texts: cleaning a value once cleans it in every row.

    Attributes
    ----------
    codes
        For each row the place of its text, shape ``(n_rows,)``.
    texts
        Distinct values as text without outer spaces; ``""`` where nothing is given.
    """

    codes: npt.NDArray[np.intp]
    texts: list[str]

    def where(self, found: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return for each row what is true of its text."""
        return np.asarray(found, dtype=bool)[self.codes]


@dataclass(frozen=True, eq=False)
class RawTable:
    """The columns of an extract before anything is read from them.

    Attributes
    ----------
    headers
        Every header of the source, in its order.
    frame
        The columns asked for.
    row_number
        Line of the file (the header is line 1, the first record line 2) or, for a table in memory, the row
        counted from 1.
    wrong_length
        Where a record has more or fewer fields than the header.
    blank_lines
        How many empty lines were left out.
    name, digest, encoding
        For the provenance.
    all_text
        Whether every value is text, as in a file; columns of a table may hold anything.
    """

    headers: tuple[str, ...]
    frame: pd.DataFrame
    row_number: Days
    wrong_length: npt.NDArray[np.bool_]
    blank_lines: int
    name: str
    digest: str
    encoding: str
    all_text: bool = False

    def __len__(self) -> int:
        return self.row_number.size

    def coded(self, header: str) -> Coded:
        """Return a column as distinct texts and their places."""
        column = self.frame[header]
        values: Any
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes, values = column.cat.codes.to_numpy().astype(np.intp), column.cat.categories
        else:
            codes, values = pd.factorize(column)
        texts = [text.strip() for text in values] if self.all_text else [_as_text(value) for value in values]
        # A value of a record of the wrong length may belong to another column: it is read as nothing.
        nothing = (codes < 0) | self.wrong_length
        if nothing.any():
            codes = np.where(nothing, len(texts), codes)
            texts.append("")
        return Coded(codes, texts)

    def numbers(self, header: str) -> npt.NDArray[np.float64] | None:
        """Return a column that already holds numbers, with NaN for gaps; ``None`` for any other."""
        column = self.frame[header]
        if pd.api.types.is_bool_dtype(column.dtype) or not pd.api.types.is_numeric_dtype(column.dtype):
            return None
        return column.to_numpy(dtype=np.float64, na_value=np.nan)

    def days(self, header: str) -> Days | None:
        """Return a column of dates as day numbers, `NO_DAY` for gaps; ``None`` for any other column."""
        column = self.frame[header]
        if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in {"date", "datetime"}:
            codes, distinct = pd.factorize(column)
            # The last entry serves the gaps, whose code is -1.
            dates = np.array([*map(_plain_date, distinct), None], dtype="datetime64[D]")[codes]
        elif isinstance(column.dtype, pd.DatetimeTZDtype):
            dates = column.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
        elif pd.api.types.is_datetime64_dtype(column.dtype):
            dates = column.to_numpy().astype("datetime64[D]")
        else:
            return None
        return np.where(np.isnat(dates), NO_DAY, dates.astype(np.int64))

    def date_cells(self, header: str) -> Days | None:
        """Return the dates among the distinct values of a column that holds text too, in the order of `coded`.

        `NO_DAY` stands for a value that is no date; ``None`` where nothing of the column is one.
        """
        column = self.frame[header]
        if self.all_text or column.dtype != object:
            return None
        codes, values = pd.factorize(column)
        if not any(isinstance(value, dt.date) for value in values):
            return None
        dates = [_plain_date(value) if isinstance(value, dt.date) else None for value in values]
        extra = [None] * bool(((codes < 0) | self.wrong_length).any())
        days = np.array([*dates, *extra], dtype="datetime64[D]")
        return np.where(np.isnat(days), NO_DAY, days.astype(np.int64))


Chooser: TypeAlias = Callable[[Sequence[str], Callable[[], str]], Sequence[str]]
"""Takes the headers of a source and a way to suggest an encoding; returns the headers wanted."""


def read_source(
    source: Source, form: FileForm, *, encoding: str | None, choose: Chooser, fits: Callable[[str], int]
) -> RawTable:
    """Read the columns that ``choose`` wants from a path or a table.

    Parameters
    ----------
    source
        Path of a text or Parquet file, or a DataFrame of pandas, polars, Arrow or DuckDB.
    form
        How the text is to be taken apart.
    encoding
        Overrides the encodings of ``form``.
    choose
        Picks the headers that are wanted, or raises when the source does not fit.
    fits
        How many expected headers a line of text holds, to suggest a better encoding.
    """
    if not isinstance(source, str | Path):
        return _from_frame(frame_of(source), type(source).__module__.split(".")[0] + " table", choose)
    path = Path(source)
    if not path.is_file():
        raise OptionError(f"There is no file {str(source)!r}; give the path of an extract or a DataFrame.")
    if path.suffix.lower() in {".parquet", ".pq"}:
        return _from_parquet(path, choose)
    with path.open("rb") as stream:
        magic = stream.read(8)
    if path.suffix.lower() in OTHER_FORMATS or magic.startswith(
        (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
    ):
        kind = OTHER_FORMATS.get(path.suffix.lower(), "an archive or a workbook, not text")
        raise OptionError(
            f"{path.name} is {kind}; read_extract reads text files (CSV, TSV) and Parquet. Save it as CSV "
            "in UTF-8, "
            "or read it with pandas (every column as text) and pass the DataFrame."
        )
    return _from_text(path, form, encoding, choose, fits)


def _from_frame(frame: pd.DataFrame, name: str, choose: Chooser, digest: str = "") -> RawTable:
    headers = [str(header) for header in frame.columns]
    wanted = list(choose(headers, lambda: ""))
    if not len(frame):
        raise DataError(f"The {name} holds no rows.")
    picked = frame.set_axis(headers, axis=1)[wanted]
    return RawTable(
        headers=tuple(headers),
        frame=picked.reset_index(drop=True),
        row_number=np.arange(1, len(frame) + 1, dtype=np.int64),
        wrong_length=np.zeros(len(frame), dtype=bool),
        blank_lines=0,
        name=name,
        digest=digest,
        encoding="",
    )


def _from_parquet(path: Path, choose: Chooser) -> RawTable:
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise MissingExtraError(
            f"Reading {path.name} needs the library 'pyarrow'. Install it with: pip install pyarrow"
        ) from None
    except (OSError, ValueError):
        raise DataError(f"{path.name} is not a Parquet file that pyarrow can read.") from None
    return _from_frame(frame, path.name, choose, hashlib.sha256(path.read_bytes()).hexdigest())


def _from_text(
    path: Path, form: FileForm, encoding: str | None, choose: Chooser, fits: Callable[[str], int]
) -> RawTable:
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if not raw.strip():
        raise DataError(f"{path.name} is empty.")
    data, used = to_utf8(
        raw, [encoding] if encoding else form.encodings, name=path.name, given=encoding is not None
    )
    if b"\0" in data:
        raise DataError(
            f"{path.name} holds zero bytes, which text does not: it may be UTF-16 (use encoding='utf-16'), "
            "damaged, "
            "or not a text file."
        )
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    headers, start = _header(data, form, path.name)

    def better_encoding() -> str:
        best = likely_encoding(raw, fits)
        return "" if best == used else best

    wanted = list(choose(headers, better_encoding))
    body = data[start:]
    if not body.strip():
        raise DataError(f"{path.name} has a header and no records.")
    frame = _read_body(body, headers, wanted, form, path.name)
    fields, ends_open = _field_counts(body, form, len(frame), path.name)
    blank = (fields == 1) & _all_empty(frame)
    wrong = fields != len(headers)
    if wrong[~blank].all():
        # Some programs end every record with a separator; in one record alone it may be a shifted value.
        wrong &= ~((fields == len(headers) + 1) & ends_open)
    keep = ~blank
    return RawTable(
        headers=tuple(headers),
        frame=frame if keep.all() else frame.loc[keep].reset_index(drop=True),
        row_number=np.flatnonzero(keep).astype(np.int64) + 2,
        wrong_length=wrong[keep],
        blank_lines=int(blank.sum()),
        name=path.name,
        digest=digest,
        encoding=used,
        all_text=True,
    )


def _header(data: bytes, form: FileForm, name: str) -> tuple[list[str], int]:
    """Return the headers and where the records begin."""
    end = data.find(b"\n")
    start = len(data) if end < 0 else end + 1
    line = data[:start].decode("utf-8").rstrip("\r\n")
    try:
        row = next(_csv_reader([line], form), [])
    except csv.Error:
        row = []
    if not row:
        raise DataError(f"{name}: the first line is empty or cannot be read; it must hold the headers.")
    return [header.strip() for header in row], start


def _read_body(body: bytes, headers: list[str], wanted: list[str], form: FileForm, name: str) -> pd.DataFrame:
    places = sorted(headers.index(header) for header in wanted)
    options: dict[str, Any] = {"quotechar": form.quote} if form.quote else {"quoting": csv.QUOTE_NONE}
    try:
        frame: pd.DataFrame = pd.read_csv(
            io.BytesIO(body),
            sep=form.separator,
            header=None,
            names=list(range(len(headers))),
            usecols=places,
            index_col=False,
            dtype=object,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            encoding="utf-8",
            engine="c",
            **options,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        where = re.search(r"row (\d+)", str(error))
        line = (
            f" The record that begins on line {int(where[1]) + 2} has no closing quotation mark."
            if where
            else ""
        )
        raise DataError(
            f"{name} cannot be taken apart into records and fields.{line} Check separator and quotation "
            "marks in the "
            "layout's [file] table, and whether the file was cut off."
        ) from None
    return frame.rename(columns=dict(enumerate(headers)))


def _field_counts(
    body: bytes, form: FileForm, records: int, name: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Count the fields of each record, and see which records end with a separator.

    A parser that takes fields by place would shift the values of a record with a stray separator into the
    wrong columns without a word; so lengths are counted apart, in blocks, with quoted text left out.
    """
    separator, quote = (
        ord(form.separator),
        ord(form.quote) if form.quote and form.quote.encode() in body else None,
    )
    counts: list[npt.NDArray[np.int64]] = []
    open_ends: list[npt.NDArray[np.bool_]] = []
    carried, inside = 0, False
    if not body.endswith(b"\n"):
        body += b"\n"
    buffer = np.frombuffer(body, dtype=np.uint8)
    for begin in range(0, buffer.size, BLOCK_BYTES):
        block = buffer[begin : begin + BLOCK_BYTES]
        separators, newlines = block == separator, block == ord("\n")
        if quote is not None:
            quoted = np.logical_xor.accumulate(block == quote) ^ inside
            separators &= ~quoted
            newlines &= ~quoted
            inside = bool(quoted[-1])
        ends = np.flatnonzero(newlines)
        marks = np.flatnonzero(separators)
        before = np.searchsorted(marks, ends)
        lengths = np.diff(before, prepend=0)
        if ends.size:
            lengths[0] += carried
            carried = int(marks.size - before[-1])
        else:
            carried += int(marks.size)
        counts.append(lengths.astype(np.int64) + 1)
        last = begin + ends - 1
        last = np.where(buffer[np.maximum(last, 0)] == ord("\r"), last - 1, last)
        open_ends.append((last >= 0) & (buffer[np.maximum(last, 0)] == separator))
    fields = np.concatenate(counts)
    if fields.size == records:
        return fields, np.concatenate(open_ends)
    # Quotation marks inside a field, or stray carriage returns: only a full parser sees these records
    # rightly.
    reader = _csv_reader(io.StringIO(body.decode("utf-8"), newline=""), form)
    try:
        rows = [(max(len(row), 1), bool(row) and row[-1] == "") for row in reader]
    except csv.Error:
        rows = []
    if len(rows) != records:
        raise DataError(
            f"{name}: quotation marks or line ends are not used in one way, so records cannot be told apart "
            "safely. "
            'Save the file again with one kind of line end, or set quote = "" in the layout\'s [file] table '
            "if "
            "quotation marks are plain text."
        )
    sizes, ends_open = zip(*rows, strict=True)
    return np.array(sizes, dtype=np.int64), np.array(ends_open, dtype=bool)


def _csv_reader(lines: Iterable[str], form: FileForm) -> Iterator[list[str]]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=form.separator, quotechar=form.quote or None, quoting=quoting)


def _all_empty(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    empty = np.ones(len(frame), dtype=bool)
    for name in frame.columns:
        if not empty.any():
            break
        empty &= (frame[name] == "").to_numpy(dtype=bool)
    return empty


def _plain_date(value: Any) -> dt.date:
    date: dt.date = value.date() if isinstance(value, dt.datetime) else value
    return date


def _as_text(value: Any) -> str:
    """Write a value of a table as the text a file would hold."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        number = float(value)
        return "" if np.isnan(number) else str(int(number)) if number.is_integer() else repr(number)
    return str(value).strip()
