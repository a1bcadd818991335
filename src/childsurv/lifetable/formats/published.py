"""What readers of published life tables share: a file, the options of the caller, a format, and the cells of a file.

A format is one module and one line in `childsurv.lifetable.formats.reading.FORMATS`: a `Format` that recognises a
file, reads it into `Cells` and names the arguments of `read_life_table` that it takes.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from childsurv.errors import LifeTableError, OptionError
from childsurv.maths.calendar import DAYS_PER_YEAR

HEAD_BYTES = 4096
"""How much of a file is looked at to recognise its format."""

EXTENDED = "extended"
"""Column of `LifeTable.to_frame` that marks cells carried on from others."""

OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How files of Excel began before 2007."""

IS_A_WORKBOOK = (
    "is a workbook. Save the sheet that holds the table as CSV, or read it with pandas.read_excel() and give it to "
    "LifeTable.from_frame()."
)

_BY_ITSELF = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
"""Whether pandas reads every decimal to the nearest number by itself and deprecates the option."""

_DIGITS = bytes.maketrans(b"123456789.", b"0" * 10)

_LONG = b"0" * 17
"""Sixteen digits and a point: fewer are read right by the quick way as well, with one rounding."""

Country = str | Sequence[str] | Mapping[Any, str] | None


@dataclass(frozen=True)
class Source:
    """One file of a life table, read once."""

    name: str
    """Without folders."""
    digest: str
    """SHA-256 of the file as it is."""
    content: bytes
    """Unpacked if the file was gzip, bzip2, xz or a zip of one file."""
    encoding: str

    @cached_property
    def head(self) -> list[str]:
        """The lines of the beginning, without a last one that may be cut off."""
        text = self.content[:HEAD_BYTES].decode(self.encoding, errors="replace")
        lines = text.splitlines()
        return lines if len(self.content) <= HEAD_BYTES else lines[:-1]

    def table(self, **options: Any) -> pd.DataFrame:
        """Return the file as `pandas.read_csv` reads it."""
        try:
            frame: pd.DataFrame = pd.read_csv(
                io.BytesIO(self.content), encoding=self.encoding, **_exact(self.content), **options
            )
        except UnicodeDecodeError as error:
            raise LifeTableError(
                f"{self.name} is not written in the encoding {self.encoding}. Name the right one, for "
                "example encoding='cp1251'."
            ) from error
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            # The parser's message counts fields and lines; it does not quote them.
            raise LifeTableError(f"{self.name} cannot be read as a table: {error}") from error
        if not isinstance(frame.index, pd.RangeIndex):
            raise LifeTableError(
                f"{self.name}: rows have more fields than there are column names. A decimal comma in a file "
                "separated by commas does that, a separator at the end of each row, or row names without a name: write "
                "decimal points, separate columns by semicolons, or name every column."
            )
        if len(frame) == 0:
            raise LifeTableError(f"{self.name} has column names but no rows.")
        return frame


def _exact(content: bytes) -> dict[str, Any]:
    """Return the option with which pandas reads the numbers of a file to the last digit, the quicker one if it may."""
    if _BY_ITSELF:
        return {}
    return {"float_precision": "round_trip" if _LONG in content.translate(_DIGITS) else "high"}


def open_source(path: str | Path, *, encoding: str) -> Source:
    """Read a file and unpack it if its first bytes are those of a packed file."""
    path = Path(path)
    if not path.is_file():
        raise LifeTableError(f"There is no file {path}. Check the name and the folder.")
    raw = path.read_bytes()
    try:
        content = _unpacked(raw, path.name)
    except LifeTableError:
        raise
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise LifeTableError(
            f"{path.name} is packed, but cannot be unpacked: it is damaged or was cut off. Fetch it again."
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        raise LifeTableError(
            f"{path.name} is packed with a password or by a method not known here; unpack it first."
        ) from error
    if b"\r" in content[:HEAD_BYTES] and b"\n" not in content and b"\x00" not in content[:HEAD_BYTES]:
        # Lines of old Macs.
        content = content.replace(b"\r", b"\n")
    return Source(path.name, hashlib.sha256(raw).hexdigest(), content, encoding)


def _unpacked(raw: bytes, name: str) -> bytes:
    if raw[:2] == b"\x1f\x8b":
        return gzip.decompress(raw)
    if raw[:3] == b"BZh":
        return bz2.decompress(raw)
    if raw[:6] == b"\xfd7zXZ\x00":
        return lzma.decompress(raw)
    if raw[:8] == OLD_EXCEL:
        raise LifeTableError(f"{name} {IS_A_WORKBOOK}")
    if raw[:4] != b"PK\x03\x04":
        return raw
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = [member for member in archive.namelist() if not member.endswith("/")]
        if any(member in {"xl/workbook.xml", "xl/workbook.bin", "content.xml"} for member in members):
            raise LifeTableError(f"{name} {IS_A_WORKBOOK}")
        if len(members) != 1:
            raise LifeTableError(f"{name} is a zip of {len(members)} files; unpack it and name one of them.")
        return archive.read(members[0])


@dataclass(frozen=True)
class Options:
    """The arguments of `childsurv.read_life_table`, named and meant as there; ``sex`` is that of one file."""

    sex: str | None = None
    by: tuple[str, ...] | None = None
    columns: Mapping[str, str] | None = None
    sex_codes: Mapping[Any, str] | None = None
    rate_unit: str = "per_year"
    age_unit: str = "years"
    country: Country = None
    both_sexes: str = "leave-out"
    days_per_year: float = DAYS_PER_YEAR
    year_starts: Mapping[int, str] | None = None
    year_end: str | None = None
    missing: str | None = None

    @property
    def ragged(self) -> bool:
        """Whether years may have different ages."""
        return self.missing == "not-covered"


@dataclass(frozen=True)
class Cells:
    """Cells of one file under common names, before they become a `LifeTable`."""

    frame: pd.DataFrame
    """Columns of ``by``, ``sex`` ("male", "female", "both"), ``age`` (start), ``year`` (first) and ``mortality``."""
    kind: str
    """Kind of mortality: "mx", "qx" or "rate"."""
    by: tuple[str, ...]
    """Columns of the frame that choose a stratum."""
    year_starts: Mapping[Any, str] | None
    """Where calendar cells begin, or ``None`` for calendar years."""
    year_end: str | None
    """Where the last calendar cell ends."""
    place: str = ""
    """The country that the file itself names, empty if it names none."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """For the provenance: what was left out, and how the file was read."""
    age_unit: str = "years"
    """Unit of ``age``, if it is "days"."""
    rate_unit: str | None = None
    """Unit of the rates, if the format itself has one."""
    calendar_rule: str = "date"
    """When a calendar cell is entered, as in `LifeTable`."""


@dataclass(frozen=True)
class Format:
    """One published format, or one layout of it."""

    name: str
    """As in ``format=``; layouts of one format share it."""
    looked_for: str
    """How a file of the format is recognised, for the message about one that is not."""
    recognise: Callable[[Source, Options], bool]
    read: Callable[[Source, Options], Cells]
    takes: frozenset[str] = frozenset()
    """Arguments of `read_life_table` that this format takes and not every format does (see `TAKEN_BY_SOME`)."""
    missing: str = "error"
    """The default of ``missing=``: "error" or "not-covered"."""
    read_counts: Callable[[Source, Source, Options], Cells] | None = None
    """Reads a file of deaths and one of exposures, where the format has such files."""


TAKEN_BY_SOME = ("columns", "by", "sex_codes", "rate_unit", "age_unit")
"""Arguments that some formats take; ``sex`` is one too, with a message that names the file's own column of sex."""


def require_taken(form: Format, source: Source, options: Options) -> None:
    """Raise an `OptionError` that names the arguments which the format of a file does not take."""
    given = [
        f"{name}="
        for name in TAKEN_BY_SOME
        if name not in form.takes and getattr(options, name) != getattr(Options, name)
    ]
    if given:
        raise OptionError(
            f"{', '.join(given)} goes with format='long'; {source.name} was read as {form.name!r}."
        )
    if options.sex is not None and "sex" not in form.takes:
        raise OptionError(f"{source.name} has a column of sex; sex= is for files of one sex.")
