"""From columns of text to values: codes, numbers, dates and ICD-O-3, each distinct text read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.classify.codes import canonical_text, clean_morphology, clean_topography
from childsurv.classify.icd10 import read_icd10
from childsurv.errors import LayoutError
from childsurv.extract.columns import UNKNOWN, Coded, Labels, RawTable
from childsurv.extract.dates import (
    EARLIEST_DAY,
    MISSING,
    MONTH_OF_NAME,
    NO_DAY,
    READ,
    UNREADABLE,
    DateWindows,
    Mask,
    parse_dates,
    windows_of_days,
    windows_of_parts,
)
from childsurv.extract.findings import Found
from childsurv.extract.layout import ColumnRule, Layout, text_key
from childsurv.extract.matching import Match

FloatArray: TypeAlias = npt.NDArray[np.float64]

UNKNOWN_CODE = 9
"""Basis and grade that are not known."""

NO_CODE = -1
"""A morphology or behaviour that is not there."""

OLDEST_AGE = 120.0


@dataclass(frozen=True)
class Reader:
    """Reads the fields of one extract, reporting what it cannot read."""

    table: RawTable
    """The columns of text."""
    layout: Layout
    match: Match
    """What the columns mean."""
    found: Found
    """Takes the findings."""

    def __len__(self) -> int:
        return len(self.table)

    def coded(self, field: str) -> Coded | None:
        """Return a field as distinct texts, missing ones as ``""``; ``None`` where the file lacks it."""
        if field not in self.match.single:
            return None
        coded = self._texts(field)
        return Coded(coded.codes, self.layout.columns[field].blanked(coded.texts))

    def _texts(self, field: str) -> Coded:
        """Return the distinct texts of a field, without the labels that follow codes."""
        coded = self.table.coded(self.match.single[field])
        mark = self.layout.columns[field].label_after
        if not mark:
            return coded
        return Coded(coded.codes, [text.partition(mark)[0].rstrip() for text in coded.texts])

    def labels(self, field: str, *, problems: str = "", report_missing: bool = False) -> Labels | None:
        """Return a field of codes or of few texts; what is missing or unreadable becomes "unknown".

        Parameters
        ----------
        field
            Its name.
        problems
            First word of the rules ``<problems>-unreadable`` and ``<problems>-missing``; the field by
            default.
        report_missing
            Whether missing values are a finding.
        """
        if field not in self.match.single:
            constant = self.layout.constants.get(field)
            return None if constant is None else self.constant(constant)
        rule = self.layout.columns[field]
        coded = self._texts(field)
        written = self._written(field, coded.texts)
        labels, missing, unreadable = _read_labels(written, rule)
        prefix = problems or field.replace("_", "-")
        if any(unreadable):
            self.found.add(f"{prefix}-unreadable", coded.where(unreadable))
        if report_missing and any(missing):
            self.found.add(f"{prefix}-missing", coded.where(missing))
        return Labels(coded.codes, tuple(labels))

    def _written(self, field: str, texts: Sequence[str]) -> list[str]:
        """Return codes with the labels that a statistics program gave them, where the layout knows the labels.

        A field of text takes the label. A field of codes keeps a code that the layout knows.

        Raises
        ------
        LayoutError
            The layout gives a code and its label different meanings.
        """
        header = self.match.single[field]
        given = self.table.value_labels.get(header)
        rule = self.layout.columns[field]
        if not given:
            return list(texts)
        if rule.read != "code":
            return [given.get(text, text) for text in texts]
        missing = _keys(("", *rule.missing))
        meanings = {text_key(code): value for code, value in rule.values.items()} | dict.fromkeys(missing, "")
        written, clashes = [], 0
        for text in texts:
            code, label = meanings.get(text_key(text)), meanings.get(text_key(given.get(text, text)))
            clashes += code is not None and label is not None and code != label
            written.append(given[text] if code is None and label is not None and text in given else text)
        if clashes:
            raise LayoutError(
                f"Column {header!r} has {clashes} codes whose value labels mean something else in layout "
                f"{self.layout.name} than the codes themselves. Correct the map of codes of {field!r} in a layout of "
                "your own."
            )
        return written

    def constant(self, label: str) -> Labels:
        """Return a column that is the same in every row."""
        return Labels(np.zeros(len(self), dtype=np.intp), (label,))

    def numbers(self, field: str) -> tuple[FloatArray, Mask] | None:
        """Return a field of numbers, NaN where missing, and where it is there but unreadable."""
        if field not in self.match.single:
            return None
        rule = self.layout.columns[field]
        codes = _keys(rule.missing)
        typed = self.table.numbers(self.match.single[field])
        if typed is not None:
            missing = np.isin(typed, [float(code) for code in codes if code.replace(".", "", 1).isdigit()])
            return np.where(missing, np.nan, typed), np.zeros(len(self), dtype=bool)
        coded = self._texts(field)
        values = np.full(len(coded.texts), np.nan)
        unreadable = np.zeros(len(coded.texts), dtype=bool)
        for place, text in enumerate(coded.texts):
            if text_key(text) in codes or text == "":
                continue
            number = _number(text, self.layout.file.decimal)
            unreadable[place] = number is None
            values[place] = np.nan if number is None else number
        return values[coded.codes], unreadable[coded.codes]

    def ages(self) -> FloatArray:
        """Return the stated age in years, NaN where it is missing or no age."""
        read = self.numbers("age")
        if read is None:
            return np.full(len(self), np.nan)
        ages, unreadable = read
        wrong = unreadable | (ages < 0) | (ages > OLDEST_AGE)
        self.found.add("age-unreadable", wrong)
        return np.where(wrong, np.nan, ages)

    def survival_days(self) -> FloatArray:
        """Return the exact days of follow-up, NaN where they are missing or no number of days."""
        return self._survival("survival_days", longest=OLDEST_AGE * 366)

    def survival_months(self) -> FloatArray:
        """Return the completed months of follow-up, NaN where they are missing or no number of months."""
        return self._survival("survival_months", longest=OLDEST_AGE * 12)

    def _survival(self, field: str, *, longest: float) -> FloatArray:
        read = self.numbers(field)
        if read is None:
            return np.full(len(self), np.nan)
        units, unreadable = read
        with np.errstate(invalid="ignore"):
            wrong = unreadable | (units < 0) | (units % 1 != 0) & ~np.isnan(units) | (units > longest)
        self.found.add("survival-time-unreadable", wrong)
        return np.where(wrong, np.nan, units)

    def dates(self, field: str, *, latest: int | None) -> DateWindows | None:
        """Return a field of dates; those that cannot be read or lie out of range are findings.

        Parameters
        ----------
        field
            Its name.
        latest
            Last day that a date may name, most often today; ``None`` reports nothing and refuses nothing.
        """
        if field not in self.match:
            return None
        rule = self.layout.columns[field]
        windows = self._parts(field, rule) if rule.parts else self._whole(field, rule)
        if latest is None:
            return windows
        prefix = field.replace("_", "-")
        self.found.add(f"{prefix}-unreadable", windows.status == UNREADABLE)
        outside = windows.readable & ((windows.last < EARLIEST_DAY) | (windows.first > latest))
        self.found.add(f"{prefix}-out-of-range", outside)
        return windows.refuse(outside)

    def _whole(self, field: str, rule: ColumnRule) -> DateWindows:
        header = self.match.single[field]
        days = self.table.days(header)
        if days is not None:
            return windows_of_days(days)
        coded = self.table.coded(header)
        windows = parse_dates(rule.blanked(coded.texts), rule.formats, unknown=rule.unknown, pivot=rule.pivot)
        cells = self.table.date_cells(header)
        if cells is not None:  # a workbook may hold dates as dates in some rows and as text in others
            windows = windows.replace(cells != NO_DAY, windows_of_days(cells))
        return windows.take(coded.codes)

    def _parts(self, field: str, rule: ColumnRule) -> DateWindows:
        headers = self.match.parts[field]
        unknown = _keys(("", *rule.unknown))

        def part(name: str) -> npt.NDArray[np.int64]:
            if name not in headers:
                return np.zeros(len(self), dtype=np.int64)
            coded = self.table.coded(headers[name])
            numbers = [_part_number(text, unknown, name) for text in coded.texts]
            return np.array(numbers, dtype=np.int64)[coded.codes]

        years = part("year")
        status = np.where(years == 0, np.int8(MISSING), np.int8(READ)).astype(np.int8)
        return windows_of_parts(years, part("month"), part("day"), status)

    def topography(self) -> Labels:
        """Return ICD-O-3 topography as ``C71.6``, "unknown" where it is missing or unreadable."""
        coded = self.coded("topography")
        if coded is None:
            return self.constant(UNKNOWN)
        cleaned, unreadable = clean_topography(pd.Series(coded.texts, dtype=object))
        self.found.add("topography-unreadable", coded.where(unreadable))
        codes = tuple(code if isinstance(code, str) else UNKNOWN for code in cleaned)
        return Labels(coded.codes, codes)

    def morphology(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
        """Return ICD-O-3 morphology, and behaviour from its own column or else from the morphology code."""
        coded = self.coded("morphology")
        if coded is None:
            return np.full(len(self), NO_CODE, dtype=np.int32), np.full(len(self), NO_CODE, dtype=np.int8)
        morphology, within, unreadable = clean_morphology(pd.Series(coded.texts, dtype=object))
        self.found.add("morphology-unreadable", coded.where(unreadable))
        number = morphology.fillna(NO_CODE).to_numpy(dtype=np.int32)[coded.codes]
        behaviour = within.fillna(NO_CODE).to_numpy(dtype=np.int8)[coded.codes]
        labels = self.labels("behaviour")
        if labels is not None:
            stated = labels.integers(NO_CODE)
            self.found.add(
                "behaviour-contradicts-morphology", (stated != behaviour) & (stated >= 0) & (behaviour >= 0)
            )
            behaviour = np.where(stated >= 0, stated, behaviour)
        return number, behaviour

    def icd10(self) -> Labels:
        """Return ICD-10 codes as ``C91.0``, "unknown" where they are missing or unreadable."""
        coded = self.coded("icd10")
        if coded is None:
            return self.constant(UNKNOWN)
        codes = [read_icd10(canonical_text(text)) for text in coded.texts]
        present = [text != "" for text in coded.texts]
        unreadable = [there and code is None for there, code in zip(present, codes, strict=True)]
        self.found.add("icd10-unreadable", coded.where(unreadable))
        return Labels(coded.codes, tuple(code or UNKNOWN for code in codes))


def text_column(coded: Coded) -> npt.NDArray[Any]:
    """Return a column of text with many distinct values, such as identifiers."""
    return np.array([*coded.texts, ""], dtype=object)[:-1][coded.codes]


def _keys(texts: Sequence[str]) -> set[str]:
    return {text_key(text) for text in texts}


def _read_labels(texts: Sequence[str], rule: ColumnRule) -> tuple[list[str], list[bool], list[bool]]:
    missing_keys = _keys(("", *rule.missing))
    values = {text_key(code): value for code, value in rule.values.items()}
    labels, missing, unreadable = [], [], []
    for text in texts:
        key = text_key(text)
        absent = key in missing_keys
        label = (values.get(key) if rule.read == "code" else text) or None
        missing.append(absent)
        unreadable.append(not absent and label is None)
        labels.append(UNKNOWN if absent or label is None else label)
    return labels, missing, unreadable


def _number(text: str, decimal: str) -> float | None:
    plain = text.lstrip("+-")
    if not plain.replace(decimal, "", 1).isascii() or not plain.replace(decimal, "", 1).isdigit():
        return None
    return float(text.replace(decimal, "."))


def _part_number(text: str, unknown: set[str], name: str) -> int:
    """Return a part of a date; 0 where it is unknown, -1 where it is no number of the right length."""
    if text_key(text) in unknown:
        return 0
    if name == "month" and text.casefold() in MONTH_OF_NAME:
        return MONTH_OF_NAME[text.casefold()]
    digits = 4 if name == "year" else 2
    readable = (
        text.isascii() and text.isdigit() and len(text) <= digits and (name != "year" or len(text) == 4)
    )
    return (int(text) or -1) if readable else -1
