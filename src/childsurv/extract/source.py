"""The one door to every source: text, workbooks, files of statistics programs, databases, tables in memory."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from childsurv.cohort.follow_up import TableLike, frame_of
from childsurv.errors import DataError, OptionError, import_extra
from childsurv.extract.binary_file import (
    STATISTICAL_SUFFIXES,
    WORKBOOK_SUFFIXES,
    read_query,
    read_statistical,
    read_workbook,
)
from childsurv.extract.columns import Chooser, Coded, RawTable, table_of_frame
from childsurv.extract.layout import FileForm
from childsurv.extract.text_file import read_text

__all__ = ["Chooser", "Coded", "RawTable", "Source", "read_source"]

Source: TypeAlias = str | Path | pd.DataFrame | TableLike

ZIP, OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

KINDS: dict[str, str] = {
    **dict.fromkeys(WORKBOOK_SUFFIXES, "workbook"),
    **dict.fromkeys(STATISTICAL_SUFFIXES, "statistical"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), "feather"),
    **dict.fromkeys((".gz", ".bz2", ".xz"), "compressed"),
    ".zip": "zip",
}
"""Kinds of files by suffix; every other is text."""

MAGIC: tuple[tuple[bytes, str], ...] = (
    (ZIP, "zip"),
    (OLD_OFFICE, "workbook"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "feather"),
    (b"\x1f\x8b", "compressed"),
    (b"BZh", "compressed"),
    (b"\xfd7zXZ\x00", "compressed"),
    (b"$FL2", "statistical"),
    (b"$FL3", "statistical"),
    (b"<stata_dta>", "statistical"),
    (b"HEADER RECORD*******", "statistical"),
)
"""How files of a kind begin."""

NOT_READ = {".json": "JSON", ".mdb": "an Access database", ".accdb": "an Access database", ".dbf": "dBASE"}

CALLED = {
    "workbook": "a workbook",
    "statistical": "a file of a statistics program",
    "parquet": "Apache Parquet",
    "feather": "Arrow",
    "compressed": "compressed",
    "zip": "a ZIP archive",
}


def read_source(
    source: Source,
    form: FileForm,
    *,
    encoding: str | None,
    choose: Chooser,
    fits: Callable[[str], int],
    connection: Any = None,
    sheet: str | int | None = None,
) -> RawTable:
    """Read the columns that ``choose`` wants from a path, a query or a table.

    The first bytes of a file decide its kind; its suffix counts where they do not.

    Parameters
    ----------
    source
        Path of a file, a query where ``connection`` is given, or a DataFrame of pandas, polars, Arrow or
        DuckDB.
    form
        How text is to be taken apart, and which line holds the headers.
    encoding
        Overrides the encodings of ``form``; for text and files of statistics programs.
    choose
        Picks the headers that are wanted, or raises when the source does not fit.
    fits
        How many expected headers a line of text holds, to suggest a better encoding.
    connection
        A DBAPI connection, or an engine or connection of SQLAlchemy.
    sheet
        Name or number (from 1) of the sheet of a workbook.

    Raises
    ------
    OptionError
        There is no such file, its kind is not read, or an option does not apply to it.
    DataError
        The source is empty, damaged or of another kind than its suffix.
    MissingExtraError
        The library for this kind of file is not installed.
    """
    if connection is not None:
        _refuse(encoding, sheet, "a query", ())
        return read_query(source, connection, choose)
    if not isinstance(source, str | Path):
        _refuse(encoding, sheet, "a table in memory", ())
        return table_of_frame(frame_of(source), type(source).__module__.split(".")[0] + " table", choose)
    path = Path(source)
    if not path.is_file():
        hint = " To read a query, give connection=." if str(source).lstrip()[:7].upper() == "SELECT " else ""
        what = "such file" if hint else f"file {str(source)!r}"
        raise OptionError(f"There is no {what}; give the path of an extract or a DataFrame.{hint}")
    kind, raw = _kind_of(path)
    if kind == "workbook":
        _refuse(encoding, None, "a workbook", ("sheet",))
        return read_workbook(path, form, sheet=sheet, choose=choose)
    if kind == "statistical":
        _refuse(None, sheet, "a file of a statistics program", ("encoding",))
        return read_statistical(path, encoding=encoding, choose=choose)
    if kind in {"parquet", "feather"}:
        _refuse(encoding, sheet, CALLED[kind], ())
        return _read_arrow(path, kind, choose)
    _refuse(None, sheet, "text", ("encoding",))
    digest = hashlib.sha256(raw).hexdigest()
    text = raw if kind == "text" else _unpacked(raw, kind, path.name)
    return read_text(text, path.name, form, digest=digest, encoding=encoding, choose=choose, fits=fits)


def _refuse(encoding: str | None, sheet: str | int | None, what: str, taken: tuple[str, ...]) -> None:
    """Raise for an option that would be ignored."""
    for name, value in (("encoding", encoding), ("sheet", sheet)):
        if value is not None and name not in taken:
            raise OptionError(f"{name}= does not apply to {what}; leave it out.")


def _kind_of(path: Path) -> tuple[str, bytes]:
    """Return the kind of a file, and its bytes where it is text, compressed or an archive."""
    suffix = path.suffix.lower()
    by_suffix = KINDS.get(suffix, "text")
    with path.open("rb") as stream:
        start = stream.read(64)
    found = next((kind for magic, kind in MAGIC if start.startswith(magic)), None)
    if suffix in NOT_READ and found is None:
        raise OptionError(
            f"{path.name} is {NOT_READ[suffix]}, which read_extract does not read. Save it as CSV in UTF-8, or read "
            "it into a DataFrame (every column as text) and pass that."
        )
    if found == "zip":
        with path.open("rb") as stream:
            names = _member_names(stream, path.name)
        found = "workbook" if "[Content_Types].xml" in names or "content.xml" in names else "zip"
    if found is None and by_suffix in {"workbook", "parquet", "feather", "compressed", "zip"} and start:
        raise DataError(
            f"{path.name} is named as {CALLED[by_suffix]}, but does not begin as one: it may be text under a wrong "
            "name, or damaged. Rename it to .csv if it is text, or ask for it again."
        )
    kind = by_suffix if found is None else found
    return kind, path.read_bytes() if kind in {"text", "compressed", "zip"} else b""


def _member_names(stream: Any, name: str) -> list[str]:
    try:
        with zipfile.ZipFile(stream) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise DataError(f"{name} begins as a ZIP archive or workbook, but is damaged or cut off.") from None


def _unpacked(raw: bytes, kind: str, name: str) -> bytes:
    """Return the text in a compressed file, or in the one member of an archive."""
    try:
        if kind == "compressed":
            unpack = gzip if raw.startswith(b"\x1f\x8b") else bz2 if raw.startswith(b"BZh") else lzma
            return bytes(unpack.decompress(raw))
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [
                member
                for member in archive.infolist()
                if not member.is_dir() and not member.filename.startswith("__MACOSX/")
            ]
            if len(members) != 1:
                raise DataError(
                    f"{name} holds {len(members)} files; read_extract reads an archive of one. Unpack it, and read "
                    "the files one by one."
                )
            return archive.read(members[0])
    except (
        OSError,
        EOFError,
        ValueError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
    ) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{name} cannot be unpacked: it is damaged, cut off, or locked with a password."
        ) from None


def _read_arrow(path: Path, kind: str, choose: Chooser) -> RawTable:
    import_extra("pyarrow", extra="parquet", purpose=f"Reading {path.name}")
    try:
        frame = pd.read_parquet(path) if kind == "parquet" else pd.read_feather(path)
    except Exception:  # pyarrow has errors of many kinds, and their words may quote the file
        raise DataError(f"{path.name} is not an {CALLED[kind]} file that pyarrow can read.") from None
    return table_of_frame(frame, path.name, choose, hashlib.sha256(path.read_bytes()).hexdigest())
