"""Columns before and after they are read: a source as it is, and distinct texts or labels with the code of each row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import DataError
from childsurv.extract.dates import NO_DAY, Days, Mask

Chooser: TypeAlias = Callable[[Sequence[str], Callable[[], str]], Sequence[str]]
"""Takes the headers of a source and a way to suggest an encoding; returns the headers wanted."""


@dataclass(frozen=True)
class Coded:
    """A column as places in a list of distinct texts: cleaning a value once cleans it in every row."""

    codes: npt.NDArray[np.intp]
    """For each row the place of its text, shape ``(n_rows,)``."""
    texts: list[str]
    """Distinct values as text without outer spaces; ``""`` where nothing is given."""

    def where(self, found: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return for each row what is true of its text."""
        return np.asarray(found, dtype=bool)[self.codes]


@dataclass(frozen=True, eq=False)
class RawTable:
    """The columns of an extract before anything is read from them."""

    headers: tuple[str, ...]
    """Every header of the source, in its order."""
    frame: pd.DataFrame
    """The columns asked for."""
    row_number: Days
    """Line of the file (the header is line 1, the first record line 2) or, for a table in memory, the row counted
    from 1."""
    wrong_length: npt.NDArray[np.bool_]
    """Where a record has more or fewer fields than the header."""
    blank_lines: int
    """How many empty lines were left out."""
    name: str
    digest: str
    encoding: str
    """Name, digest and encoding are for the provenance."""
    all_text: bool = False
    """Whether every value is text, as in a file; columns of a table may hold anything."""
    guard: str = ""
    """Character before texts that a spreadsheet would take for a formula; it is taken off."""
    value_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For each header that has them, the label of each code, both as text."""
    user_missing: int = 0
    """How many values a statistics program had marked as missing; they are missing in ``frame``."""

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
        texts = [text.strip() for text in values] if self.all_text else [as_text(value) for value in values]
        if self.guard:
            texts = [text.removeprefix(self.guard) for text in texts]
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
            dates = np.array([*map(plain_date, distinct), None], dtype="datetime64[D]")[codes]
        elif isinstance(column.dtype, pd.DatetimeTZDtype):
            dates = column.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
        elif pd.api.types.is_datetime64_dtype(column.dtype):
            dates = column.to_numpy().astype("datetime64[D]")
        else:
            return None
        return np.where(np.isnat(dates), NO_DAY, dates.astype(np.int64))

    def date_cells(self, header: str) -> Days | None:
        """Return the dates among the distinct values of a column that holds text too, in the order of `coded`.

        `NO_DAY` marks a value that is no date; the result is ``None`` where no value is a date.
        """
        column = self.frame[header]
        if self.all_text or column.dtype != object:
            return None
        codes, values = pd.factorize(column)
        if not any(isinstance(value, dt.date) for value in values):
            return None
        dates = [plain_date(value) if isinstance(value, dt.date) else None for value in values]
        extra = [None] * bool(((codes < 0) | self.wrong_length).any())
        days = np.array([*dates, *extra], dtype="datetime64[D]")
        return np.where(np.isnat(days), NO_DAY, days.astype(np.int64))


def table_of_frame(frame: pd.DataFrame, name: str, choose: Chooser, digest: str = "") -> RawTable:
    """Return the columns wanted of a frame, its rows counted from 1."""
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


def plain_date(value: Any) -> dt.date:
    """Return the date of a date or of a moment."""
    date: dt.date = value.date() if isinstance(value, dt.datetime) else value
    return date


def as_text(value: Any) -> str:
    """Write a value of a table as the text a file would hold."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Decimal) and value.is_finite():
        return str(int(value)) if value == value.to_integral_value() else str(value)
    if isinstance(value, Real):
        number = float(value)
        return "" if np.isnan(number) else str(int(number)) if number.is_integer() else repr(number)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace").strip()
    return str(value).strip()


UNKNOWN = "unknown"


@dataclass(frozen=True)
class Labels:
    """A column of few distinct values: a label for each code, and the code of each row."""

    codes: npt.NDArray[np.intp]
    labels: tuple[str, ...]

    def categorical(self, order: Sequence[str] = ()) -> pd.Categorical:
        """Return a categorical of the labels that occur, in a given order or sorted."""
        present = {self.labels[code] for code in np.unique(self.codes)}
        ranked = [label for label in order if label in present]
        categories = ranked + sorted(present.difference(ranked))
        places = {label: place for place, label in enumerate(categories)}
        lookup = np.array([places.get(label, -1) for label in self.labels], dtype=np.int32)
        return categories_of(lookup[self.codes], categories)

    def integers(self, otherwise: int) -> npt.NDArray[np.int8]:
        """Return labels that are whole numbers, and a number for the unknown."""
        lookup = [otherwise if label == UNKNOWN else int(label) for label in self.labels]
        return np.array(lookup, dtype=np.int8)[self.codes]

    def distinct(self) -> npt.NDArray[np.intp]:
        """Return codes that are the same wherever the label is, however it was written."""
        first = {label: place for place, label in reversed(list(enumerate(self.labels)))}
        return np.array([first[label] for label in self.labels], dtype=np.intp)[self.codes]

    def equals(self, label: str) -> Mask:
        """Return the rows with a label."""
        return np.array([known == label for known in self.labels])[self.codes]


def categories_of(codes: npt.NDArray[Any], labels: list[str]) -> pd.Categorical[Any]:
    """Return a categorical from codes and its labels."""
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(labels))
