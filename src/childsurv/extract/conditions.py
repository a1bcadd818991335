"""The language in which rules name the rows they concern: columns, and the values they may have.

``when = { age_years = "<15", morphology = ["8910", "8960-8962"] }`` holds where both columns fit; a list of
such tables holds where any of them does. What a value may be:

========================  ===========================================================================
``"<15"``, ``">=2000-01-01"``  comparison of a number or a date: ``<``, ``<=``, ``>``, ``>=``, ``=``
``"8960-8962"``           a range of whole numbers, both ends in it
``"C51-C58"``, ``"C38.4"``     a range of sites, or one of them, of topography or ICD-10
``"male"``                a label; capitals and look-alike letters do not matter
``"unknown"``             nothing is known
========================  ===========================================================================

A list of values fits where any of them does, ``"not ..."`` where a value does not. What is not known fits
``"unknown"`` alone.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from childsurv.errors import LayoutError
from childsurv.extract.columns import UNKNOWN, Labels
from childsurv.extract.dates import NO_DAY, Days, Mask, as_day
from childsurv.extract.layout import text_key

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
COMPARISON = re.compile(r"(<=|>=|<|>|=)\s*(.+)")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
NUMBERS = re.compile(r"([0-9]+)\s*-\s*([0-9]+)")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
SITE = re.compile(r"([A-Z])([0-9]{2})(?:\.([0-9]))?")
SITES = re.compile(r"([A-Z][0-9]{2}(?:\.[0-9])?)\s*-\s*([A-Z][0-9]{2}(?:\.[0-9])?)")
NEGATION = "not "

LABELS = (
    "country", "registry", "sex", "stage", "stage_system", "cause_of_death", "vital_status", "dco", "autopsy",
    "date_precision", "birth_precision", "contact_precision", "iccc_group", "iccc_subgroup", "iccc_extended",
    "iccc_edition",
)  # fmt: skip
SITE_COLUMNS = ("topography", "icd10")
NUMBER_COLUMNS = ("age_years", "morphology", "behaviour", "basis", "grade", "time", "event")
DATE_COLUMNS = ("birth_date", "diagnosis_date", "last_contact_date")

COLUMNS: dict[str, str] = {
    **dict.fromkeys(LABELS, "label"),
    **dict.fromkeys(SITE_COLUMNS, "site"),
    **dict.fromkeys(NUMBER_COLUMNS, "number"),
    **dict.fromkeys(DATE_COLUMNS, "date"),
}
"""Columns that a rule can name besides the headers kept, and of which kind they are."""

NO_NUMBER = np.iinfo(np.int64).min
"""A number that is not known, in columns of numbers given to `holds`."""

Test: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Numbers:
    """A column of whole numbers, `NO_NUMBER` where not known."""

    values: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dates:
    """A column of day numbers, `NO_DAY` where not known."""

    days: Days


Column: TypeAlias = Labels | Numbers | Dates


@dataclass(frozen=True)
class Condition:
    """One column and the values that fit."""

    column: str
    kind: str
    """Its name, and whether it holds labels, sites, numbers or dates."""
    accepts: tuple[str, ...]
    """The values as they were written."""


Conditions: TypeAlias = tuple[Condition, ...]
"""Conditions that must hold together."""


def read_conditions(table: Any, *, place: str, kept: Sequence[str] = ()) -> tuple[Conditions, ...]:
    """Read one table of conditions, or a list of them, from a file of rules.

    Parameters
    ----------
    table
        As TOML gives it.
    place
        File, rule and key, for errors.
    kept
        Headers that are kept as columns of text besides `COLUMNS`.

    Raises
    ------
    LayoutError
        A column is unknown, or a value cannot be compared with it.
    """
    tables = table if isinstance(table, list) else [table]
    if not tables:
        raise LayoutError(f"{place} must hold at least one condition.")
    return tuple(_read_table(one, place, kept) for one in tables)


def holds(alternatives: Sequence[Conditions], columns: Mapping[str, Column], size: int) -> Mask:
    """Return the rows in which all conditions of any alternative hold."""
    found = np.zeros(size, dtype=bool)
    for conditions in alternatives:
        together = np.ones(size, dtype=bool)
        for condition in conditions:
            together &= _fits(condition, columns[condition.column])
            if not together.any():
                break
        found |= together
    return found


def kind_of(column: str, kept: Sequence[str]) -> str | None:
    """Return the kind of a column, ``None`` where there is none of this name."""
    return COLUMNS.get(column) or ("label" if column in kept else None)


def _read_table(table: Any, place: str, kept: Sequence[str]) -> Conditions:
    if not isinstance(table, Mapping) or not table:
        raise LayoutError(f'{place} must be a table of columns, such as {{ age_years = "<15" }}.')
    conditions = []
    for column, values in table.items():
        kind = kind_of(column, kept)
        if kind is None:
            raise LayoutError(
                f"{place}: there is no column {column!r}; a condition can name {', '.join(COLUMNS)}, and headers of "
                "keep=."
            )
        listed = values if isinstance(values, list) else [values]
        texts = tuple(
            str(value) for value in listed if isinstance(value, str | int) and not isinstance(value, bool)
        )
        if not texts or len(texts) != len(listed):
            raise LayoutError(f"{place}, column {column!r}: give a text, a whole number, or a list of them.")
        for text in texts:
            try:
                _test(kind, text.removeprefix(NEGATION))
            except ValueError:
                raise LayoutError(
                    f"{place}, column {column!r}: {text!r} cannot be compared with a {kind}; see the conditions in "
                    "docs/checks.md."
                ) from None
        conditions.append(Condition(column, kind, texts))
    return tuple(conditions)


def _fits(condition: Condition, column: Column) -> Mask:
    """Return the rows whose value any of the texts of a condition accepts."""
    accepted: Mask | None = None
    for text in condition.accepts:
        plain = text.removeprefix(NEGATION)
        one = _fits_one(plain, condition.kind, column)
        if plain != text:
            one = ~one & ~_unknown(column)
        accepted = one if accepted is None else accepted | one
    assert accepted is not None  # the reader refuses an empty list
    return accepted


def _unknown(column: Column) -> Mask:
    if isinstance(column, Labels):
        return column.equals(UNKNOWN)
    return np.asarray(column.values == NO_NUMBER if isinstance(column, Numbers) else column.days == NO_DAY)


def _fits_one(text: str, kind: str, column: Column) -> Mask:
    if text == UNKNOWN:
        return _unknown(column)
    test = _test(kind, text)
    if isinstance(column, Labels):
        # Few labels, many rows: each label is judged once.
        fitting = [
            label != UNKNOWN and bool(test(label if kind == "site" else text_key(label)))
            for label in column.labels
        ]
        return np.array(fitting, dtype=bool)[column.codes]
    return np.asarray(~_unknown(column) & test(column.days if isinstance(column, Dates) else column.values))


def _test(kind: str, text: str) -> Test:
    """Return the test that a text means; raise a ValueError if it means none of this kind."""
    if text == UNKNOWN or kind == "label":
        return text_key(text).__eq__
    if kind == "site":
        return _site_test(text)
    compared = COMPARISON.fullmatch(text)
    if kind == "date":
        if compared is None or DATE.fullmatch(compared[2]) is None:
            raise ValueError(text)
        compare, day = COMPARISONS[compared[1]], as_day(compared[2])
        return lambda days: compare(days, day)
    if compared is not None:
        if NUMBER.fullmatch(compared[2]) is None:
            raise ValueError(text)
        compare, number = COMPARISONS[compared[1]], float(compared[2])
        return lambda values: compare(values, number)
    run = NUMBERS.fullmatch(text)
    if run is not None:
        low, high = int(run[1]), int(run[2])
        if low > high:
            raise ValueError(text)
        return lambda values: (values >= low) & (values <= high)
    if NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    exact = float(text)
    return lambda values: values == exact


def _site_test(text: str) -> Test:
    """Return the test for a site or a range of sites; C51 holds C51.0 to C51.9, and so do the ends of a range."""
    run = SITES.fullmatch(text)
    first, last = (run[1], run[2]) if run is not None else (text, text)
    low, high = _site_number(first, part=0), _site_number(last, part=9)
    if low > high:
        raise ValueError(text)
    return lambda code: low <= _site_number(code, part=0) <= high


def _site_number(code: str, *, part: int) -> int:
    match = SITE.fullmatch(code)
    if match is None:
        raise ValueError(code)
    return ord(match[1]) * 1000 + int(match[2]) * 10 + (part if match[3] is None else int(match[3]))
