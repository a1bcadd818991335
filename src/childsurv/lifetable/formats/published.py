"""What readers of published life tables share: a file's bytes, labels of ages and years, sexes, countries."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import LifeTableError, rows_where

FloatArray = npt.NDArray[np.float64]

HEAD_BYTES = 4096
"""How much of a file is looked at to recognise its format."""

LARGEST_RATE_BELOW_80 = 1.0
"""Nowhere does more than one person a person-year die below age 80; counts and rates per 1,000 are larger."""

AGE_LABEL = re.compile(r"(\d+(?:\.\d+)?)\s*(\+|(?:-|–)\s*(\d+))?")
YEAR_LABEL = re.compile(r"(\d{4})(?:\.0)?\s*((?:-|–)\s*(\d{4}))?")

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

SEX_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("male", "males", "m", "man", "men", "мужской", "мужчины", "муж", "м"), "male"),
    **dict.fromkeys(("female", "females", "f", "woman", "women", "женский", "женщины", "жен", "ж"), "female"),
    **dict.fromkeys(("total", "both", "both sexes", "all", "persons", "b", "t", "оба пола", "всего"), "both"),
}
"""How published tables name sexes, in lower case; "both" are rows for both sexes together."""

SEX_LABELS = ("female", "male", "both")


@dataclass(frozen=True)
class Source:
    """One file of a life table, read once.

    Attributes
    ----------
    name
        Its name without folders.
    digest
        SHA-256 of the file as it is.
    content
        Its bytes, unpacked if it was gzip, bzip2, xz or a zip of one file.
    encoding
        Of its text.
    """

    name: str
    digest: str
    content: bytes
    encoding: str

    def head(self) -> list[str]:
        """Return the lines of the beginning, without a last one that may be cut off."""
        return self._head

    @cached_property
    def _head(self) -> list[str]:
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
    """Read a file and unpack it if its first bytes say that it is packed."""
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
class Cells:
    """Cells of one file under common names, before they become a `LifeTable`.

    Attributes
    ----------
    frame
        Columns of ``by``, ``sex`` ("male", "female", "both"), ``age`` (start, years), ``year`` (first),
        ``mortality``.
    kind
        "mx", "qx" or "rate".
    by
        Columns of the frame that choose a stratum.
    year_starts, year_end
        Where calendar cells begin and end, or ``None`` for calendar years.
    place
        What the file itself says of the country, empty if nothing.
    notes
        For the provenance: what was left out, and how it was read.
    age_unit, rate_unit
        "days" where ages are days; "per_day" where the format itself says so.
    calendar_rule
        When somebody enters a calendar cell, as in `LifeTable`.
    """

    frame: pd.DataFrame
    kind: str
    by: tuple[str, ...]
    year_starts: Mapping[Any, str] | None
    year_end: str | None
    place: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    age_unit: str = "years"
    rate_unit: str | None = None
    calendar_rule: str = "date"


def age_starts(labels: pd.Series, *, file: str) -> FloatArray:
    """Return where age groups such as ``0``, ``1-4`` and ``110+`` begin; groups must follow one another."""
    codes, distinct = pd.factorize(labels)
    bounds = [_bounds(str(label), AGE_LABEL) for label in distinct]
    _require_read(bounds, codes, "ages", "0, 1-4 or 110+", file)
    _require_following([bound for bound in bounds if bound is not None], "age groups", file)
    starts = np.array([bound[0] for bound in bounds if bound is not None])
    return np.asarray(starts[codes])


def require_whole_ages(labels: pd.Series, strata: pd.DataFrame, *, file: str) -> None:
    """Raise where the age groups of one stratum leave gaps.

    `age_starts` sees to all groups of the file together; a stratum that lacks one of them has it elsewhere.

    Parameters
    ----------
    labels
        As in the file, of the rows that are used.
    strata
        What tells strata apart, of the same rows.
    file
        To begin the error message with.
    """
    codes, distinct = pd.factorize(labels)
    bounds = [_bounds(str(label), AGE_LABEL) for label in distinct]
    known = [bound for bound in bounds if bound is not None]
    last = np.array([np.nan if end is None else end for _, end in known])
    first = np.array([start for start, _ in known])
    # Parts of a year, as weeks of infancy are, say where they begin and not where they end.
    if len(known) < len(bounds) or np.isnan(last).all() or (first % 1 != 0).any():
        return
    is_open = np.array([str(label).strip().endswith("+") for label in distinct])
    # A number alone, among groups, is a year of age.
    last = np.where(np.isnan(last), np.where(is_open, np.inf, first), last)
    stratum = (
        strata.groupby(list(strata.columns), sort=False, observed=True, dropna=False).ngroup().to_numpy()
    )
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    pairs = np.flatnonzero(np.bincount(stratum * len(distinct) + rank[codes]))
    own, label = pairs // len(distinct), order[pairs % len(distinct)]
    inner = own[1:] == own[:-1]
    # In another year the open group may begin later.
    gap = inner & ~is_open[label][:-1] & (first[label][1:] > last[label][:-1] + 1)
    if gap.any():
        place = int(np.argmax(gap))
        whose = ", ".join(map(str, strata[stratum == own[place]].iloc[0]))
        raise LifeTableError(
            f"{file}: age groups of {whose} leave a gap after {distinct[label[place]]}. Rows are missing, or the file "
            "was cut off."
        )


def year_cells(labels: pd.Series, *, file: str) -> tuple[FloatArray, dict[int, str] | None, str | None]:
    """Return the first year of each row, and where cells begin and end if they are groups of years.

    A group such as ``1950-1954`` runs from 1 January of its first year to 31 December of its last.
    """
    codes, distinct = pd.factorize(labels)
    bounds = [_bounds(str(label), YEAR_LABEL) for label in distinct]
    _require_read(bounds, codes, "years", "2000 or 2000-2004", file)
    known = [bound for bound in bounds if bound is not None]
    starts = np.array([bound[0] for bound in known])
    rows = np.asarray(starts[codes])
    if all(bound[1] is None or bound[1] == bound[0] for bound in known):
        return rows, None, None
    filled = [(first, first if last is None else last) for first, last in known]
    _require_following(filled, "groups of years", file)
    year_starts = {int(first): f"{int(first):04d}-01-01" for first, _ in sorted(filled)}
    return rows, year_starts, f"{int(max(last for _, last in filled)) + 1:04d}-01-01"


def dated_cells(
    starts: pd.Series, ends: pd.Series | None, *, file: str
) -> tuple[FloatArray, dict[float, str], str | None]:
    """Return a number for the calendar cell of each row, from its first date, where cells begin, and the last end.

    Where a cell ends before the next one begins, the dates hold one cell more, of which there are no rows.
    """
    codes, first_days = _dates_of(starts, "first day of a calendar cell", file=file)
    named = {_number(date): f"{date:%Y-%m-%d}" for date in first_days}
    numbers = np.array([_number(date) for date in first_days])
    if ends is None:
        return numbers[codes], named, None
    end_codes, last_days = _dates_of(ends, "day after a calendar cell", file=file)
    pairs = np.unique(codes * len(last_days) + end_codes)
    first, last = first_days[pairs // len(last_days)], last_days[pairs % len(last_days)]
    order = np.argsort(first.to_numpy(), kind="stable")
    first, last = first[order], last[order]
    # Of two cells with the same start and different ends, the second begins before the first one ends.
    overlap = np.append(first[1:] < last[:-1], False) | (last <= first)
    if overlap.any():
        raise LifeTableError(
            f"{file}: the calendar cell that begins on {first[int(np.argmax(overlap))]:%Y-%m-%d} does not end after "
            f"that day and by the start of the next one. Cells may not overlap; see {starts.name!r}, {ends.name!r}."
        )
    apart = last[:-1] < first[1:]
    gaps = last[:-1][apart]
    if apart.all() and len(apart) and ends.name is not None:
        short = (first[1:] - last[:-1]).days
        by_year = bool(((last.month == 1) & (last.day == 1)).all()) and bool(np.isin(short, (365, 366)).all())
        if (short == 1).all() or by_year:
            raise LifeTableError(
                f"{file}: column {ends.name!r} holds the last {'year' if by_year else 'day'} of each calendar cell. "
                "Give the first day after it (2005-01-01 for a cell that ends with 2004), or leave the column out."
            )
    named |= {_number(date): f"{date:%Y-%m-%d}" for date in gaps}
    return numbers[codes], named, f"{last[-1]:%Y-%m-%d}"


def _dates_of(column: pd.Series, what: str, *, file: str) -> tuple[npt.NDArray[np.int64], pd.DatetimeIndex]:
    written, distinct = pd.factorize(column)
    dates = pd.DatetimeIndex(
        pd.to_datetime(pd.Series(distinct, dtype=object).astype(str), errors="coerce", format="ISO8601")
    )
    unread = np.append(np.asarray(dates.isna()), True)[written]
    if unread.any():
        raise LifeTableError(
            f"{file}: column {column.name!r}, the {what}, is no ISO date in {rows_where(unread)}. A table is saved "
            "before it is extended: the first and the last cell of one extended with 'last' have no end."
        )
    days, distinct_days = pd.factorize(dates)
    return np.asarray(days[written], dtype=np.int64), pd.DatetimeIndex(distinct_days)


def _number(date: pd.Timestamp) -> float:
    """Return a number that grows with the date and tells dates apart."""
    return float(date.year + (date.day_of_year - 1) / 366)


def _bounds(label: str, pattern: re.Pattern[str]) -> tuple[float, float | None] | None:
    match = pattern.fullmatch(label.strip())
    if match is None:
        return None
    last = match.group(3)
    return float(match.group(1)), None if last is None else float(last)


def _require_read(
    bounds: Sequence[tuple[float, float | None] | None],
    codes: npt.NDArray[Any],
    what: str,
    example: str,
    file: str,
) -> None:
    unread = np.array([bound is None for bound in bounds] + [True])[codes]
    if unread.any():
        raise LifeTableError(f"{file}: {what} are not written like {example} in {rows_where(unread)}.")


def _require_following(bounds: Sequence[tuple[float, float | None]], what: str, file: str) -> None:
    ordered = sorted(set(bounds), key=lambda bound: bound[0])
    for (first, last), (following, _) in pairwise(ordered):
        if last is not None and following != last + 1:
            raise LifeTableError(
                f"{file}: {what} do not follow one another: after {first:g}-{last:g} comes {following:g}. "
                "Cells may neither overlap nor leave gaps."
            )


def sexes_of(
    labels: pd.Series, *, sex_codes: Mapping[Any, str] | None, file: str
) -> tuple[npt.NDArray[np.object_], dict[str, int]]:
    """Return "male", "female" or "both" for each row, and how many rows each label for both sexes had."""
    codes, distinct = pd.factorize(labels)
    names: list[str | None] = []
    for label in distinct:
        if sex_codes is not None:
            named = sex_codes.get(label, sex_codes.get(str(label)))
            names.append(SEX_NAMES.get(str(named).lower()) if named is not None else None)
        else:
            names.append(SEX_NAMES.get(str(label).strip().lower()))
    if None in names or (codes < 0).any():
        unknown = np.array([name is None for name in names] + [True])[codes]
        raise LifeTableError(
            f"{file}: the sex is not understood in {rows_where(unknown)}. Names such as male, female and "
            "total are known; "
            "say what other labels mean, for example sex_codes={1: 'male', 2: 'female', 9: 'both'}."
        )
    own = np.array([*names, ""], dtype=object)[codes]
    counts = np.bincount(codes, minlength=len(distinct))
    left_out = {
        str(label): int(count)
        for label, name, count in zip(distinct, names, counts, strict=True)
        if name == "both"
    }
    return own, left_out


def choose_countries(
    frame: pd.DataFrame, country: Country, *, also: Mapping[str, Sequence[Any]], file: str
) -> pd.DataFrame:
    """Keep the countries asked for, under the labels asked for.

    Parameters
    ----------
    frame
        With a column ``country``.
    country
        Nothing for all; a label or labels to keep; or a mapping from labels to the labels wanted.
    also
        Other names by which a label of the column may be asked for, such as its number.
    file
        To begin error messages with.
    """
    if country is None:
        return frame
    wanted: dict[Any, str]
    if isinstance(country, str):
        wanted = {country: country}
    elif isinstance(country, Mapping):
        wanted = dict(country)
    else:
        wanted = {label: label for label in country}
    codes, distinct = pd.factorize(frame["country"])
    names = {str(name): label for label in distinct for name in (label, *also.get(label, ()))}
    unknown = [str(label) for label in wanted if str(label) not in names]
    if unknown:
        listed = ", ".join(map(str, distinct[:40])) + (", ..." if len(distinct) > 40 else "")
        raise LifeTableError(f"{file} has no country {', '.join(unknown)}. It has: {listed}.")
    new_label = {names[str(label)]: new for label, new in wanted.items()}
    label_of = np.array([new_label.get(label) for label in distinct], dtype=object)
    keep = np.array([label in new_label for label in distinct])[codes]
    kept = frame[keep].copy()
    kept["country"] = label_of[codes[keep]]
    return kept
