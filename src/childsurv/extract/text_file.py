"""Delimited text: CSV, TSV and their kin, brought to UTF-8 and taken apart so that no value changes its column."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import DataError, LayoutError, OptionError
from childsurv.extract.columns import Chooser, RawTable
from childsurv.extract.layout import FileForm

CYRILLIC_ENCODINGS: tuple[str, ...] = ("utf-8", "cp1251", "koi8-r", "cp866")
"""Encodings that are tried to suggest a remedy, never to read."""

BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
RUSSIAN = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")
SAMPLE_BYTES = 1_000_000


def to_utf8(data: bytes, encodings: Sequence[str], *, name: str, given: bool) -> tuple[bytes, str]:
    """Return the bytes as UTF-8 without a byte order mark, and the encoding they had.

    Parameters
    ----------
    data
        The whole file.
    encodings
        Tried in this order; the first that decodes every byte is used.
    name
        Of the file, for messages.
    given
        Whether the user named the encoding, rather than the layout.

    Raises
    ------
    LayoutError
        No encoding fits, or a byte order mark or the bytes themselves show another one.
    OptionError
        There is no encoding of that name.
    """
    wanted = [_known(encoding) for encoding in encodings]
    mark, marked = next(
        ((mark, encoding) for mark, encoding in BYTE_ORDER_MARKS if data.startswith(mark)), (b"", "")
    )
    if marked:
        if not any(encoding.replace("_", "-").startswith(marked) for encoding in wanted):
            raise LayoutError(
                f"{name} begins with the byte order mark of {marked}, but is to be read as "
                f"{_listed(encodings)}. "
                f"Use encoding={marked!r}."
            )
        if marked == "utf-8":
            data = data[len(mark) :]
    failed = []
    for encoding in wanted:
        try:
            converted = _convert(data, encoding)
        except UnicodeDecodeError as error:
            failed.append(f"{encoding} (fails at byte {error.start + 1:,})")
            continue
        if encoding != "utf-8" and not marked and not data.isascii() and _is_utf8(data):
            raise LayoutError(
                f"{name} was to be read as {encoding}, but all of it is valid UTF-8, which text in {encoding} "
                "practically never is; letters would be garbled. Use encoding='utf-8'."
            )
        return converted, encoding
    whose = "the encoding asked for" if given else "the layout's encodings"
    raise LayoutError(
        f"{name} cannot be read with {whose}: {', '.join(failed)}. The bytes look like "
        f"{likely_encoding(data)}: use encoding={likely_encoding(data)!r}."
    ) from None


def likely_encoding(data: bytes, fits: Callable[[str], int] | None = None, *, line: int = 1) -> str:
    """Return the encoding whose reading looks most like Russian or like the headers that a layout expects.

    Parameters
    ----------
    data
        Bytes of the file, in whatever encoding.
    fits
        How many headers of the layout a line holds.
    line
        Which line holds the headers.
    """
    sample = data[:SAMPLE_BYTES]
    best, best_score = "cp1251", (-1, -1.0)
    for encoding in CYRILLIC_ENCODINGS:
        # A sample may end inside a letter; only the end of the whole file must be right.
        text = codecs.getincrementaldecoder(encoding)("strict")
        try:
            decoded = text.decode(sample, final=len(sample) == len(data))
        except UnicodeDecodeError:
            continue
        score = (
            fits("".join(decoded.split("\n", line)[line - 1 : line])) if fits else 0,
            _russian_share(decoded),
        )
        if score > best_score:
            best, best_score = encoding, score
    return best


def _russian_share(text: str) -> float:
    """Share of the letters beyond ASCII that are Russian and small, as most letters of Russian words are."""
    letters = [letter for letter in text if not letter.isascii()]
    return sum(letter in RUSSIAN for letter in letters) / len(letters) if letters else 0.0


def _convert(data: bytes, encoding: str) -> bytes:
    if data.isascii() and not encoding.startswith(("utf-16", "utf-32", "utf-7")):
        return data
    text = data.decode(encoding)
    return data if encoding == "utf-8" else text.encode("utf-8")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise OptionError(
            f"encoding={encoding!r} is not an encoding that Python knows; examples are 'utf-8', 'cp1251', "
            "'koi8-r'."
        ) from None
    return "utf-8" if name == "utf-8-sig" else name


def _listed(encodings: Sequence[str]) -> str:
    return " or ".join(encodings)


BLOCK_BYTES = 1 << 24


def read_text(
    raw: bytes,
    name: str,
    form: FileForm,
    *,
    digest: str,
    encoding: str | None,
    choose: Chooser,
    fits: Callable[[str], int],
) -> RawTable:
    """Read the columns wanted of delimited text.

    Parameters
    ----------
    raw
        The bytes of the text.
    name, digest
        For messages and the provenance.
    form, encoding, choose, fits
        As in `childsurv.extract.source.read_source`.
    """
    if not raw.strip():
        raise DataError(f"{name} is empty.")
    data, used = to_utf8(
        raw, [encoding] if encoding else form.encodings, name=name, given=encoding is not None
    )
    if b"\0" in data:
        raise DataError(
            f"{name} holds zero bytes, which text does not: it may be UTF-16 (use encoding='utf-16'), "
            "damaged, "
            "or not a text file."
        )
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    headers, start = _header(data, form, name)

    def better_encoding() -> str:
        best = likely_encoding(raw, fits, line=form.header_line)
        return "" if best == used else best

    wanted = list(choose(headers, better_encoding))
    body = data[start:]
    if not body.strip():
        raise DataError(f"{name} has a header and no records.")
    frame = _read_body(body, headers, wanted, form, name)
    fields, ends_open = _field_counts(body, form, len(frame), name)
    blank = (fields == 1) & _all_empty(frame)
    wrong = fields != len(headers)
    if wrong[~blank].all():
        # Some programs end every record with a separator; in one record alone it may be a shifted value.
        wrong &= ~((fields == len(headers) + 1) & ends_open)
    keep = ~blank
    return RawTable(
        headers=tuple(headers),
        frame=frame if keep.all() else frame.loc[keep].reset_index(drop=True),
        row_number=np.flatnonzero(keep).astype(np.int64) + form.header_line + 1,
        wrong_length=wrong[keep],
        blank_lines=int(blank.sum()),
        name=name,
        digest=digest,
        encoding=used,
        all_text=True,
        # Most files hold none, and need not be searched text by text.
        guard=form.guard if form.guard.encode() in body else "",
    )


def _header(data: bytes, form: FileForm, name: str) -> tuple[list[str], int]:
    """Return the headers and where the records begin."""
    begin = start = 0
    for _ in range(form.header_line):
        begin, end = start, data.find(b"\n", start)
        start = len(data) if end < 0 else end + 1
    line = data[begin:start].decode("utf-8").rstrip("\r\n")
    try:
        row = next(_csv_reader([line], form), [])
    except csv.Error:
        row = []
    if not row:
        raise DataError(
            f"{name}: the {'first line' if form.header_line == 1 else f'line {form.header_line}'} is empty or "
            "cannot be read; it must hold the headers."
        )
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
            f" The record that begins on line {int(where[1]) + form.header_line + 1} has no closing quotation mark."
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
    wrong columns without a warning; so lengths are counted apart, in blocks, with quoted text left out.
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
            f"{name}: quotation marks or line ends are not used in one way, so records cannot be separated "
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
