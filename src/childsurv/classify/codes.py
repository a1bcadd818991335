"""Read ICD-O-3 codes as registries write them: topography, morphology and behaviour.

Each function works on the unique values of a column only, so a million rows cost little more than a
thousand. A code is normalised only where one reading is possible; anything else is reported, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int16]
T = TypeVar("T")

N_TOPOGRAPHIES = 810
"""Topographies are numbered from 0 for C00.0 to 809 for C80.9."""

BEHAVIOURS: tuple[int, ...] = (0, 1, 2, 3, 6, 9)
"""Behaviour in ICD-O-3: benign, uncertain, in situ, malignant, metastatic, uncertain whether primary."""

SITES_WITHOUT_PARTS = frozenset(
    "01 07 12 19 20 23 33 37 52 55 56 58 61 64 65 66 73 80".split()  # noqa: SIM905 - read as a list of sites
)
"""Two-digit sites whose only ICD-O-3 code ends in 9, so that C64 can only mean C64.9."""

LOOKALIKES = str.maketrans(
    {
        **dict(zip("АВЕКМНОРСТУХІ", "ABEKMHOPCTYXI", strict=True)),
        **dict(zip("авекмнорстухі", "ABEKMHOPCTYXI", strict=True)),
        "\u00a0": " ",  # the no-break space of spreadsheets
        "\u202f": " ",
        "\ufeff": " ",  # a byte order mark left in front of the first field
        "\u00b7": ".",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2212": "-",
        "\u2044": "/",
        "\u2215": "/",
        "\\": "/",
    }
)
"""Cyrillic letters that look like Latin ones to Latin; dashes, slashes and spaces to one form of each."""

TOPOGRAPHY = re.compile(r"C?\s*([0-9]{2})\s*[.,/\- ]?\s*([0-9])")
TOPOGRAPHY_NUMBER = re.compile(r"([0-9]{2})([0-9])\.0+")
TOPOGRAPHY_SITE = re.compile(r"C\s*([0-9]{2})\s*[.,\-]?")
MORPHOLOGY = re.compile(r"M?\s*-?\s*([89][0-9]{3})(?:\.0+)?")
MORPHOLOGY_BEHAVIOUR = re.compile(r"M?\s*-?\s*([89][0-9]{3})\s*[/\- ]?\s*([012369])")
MORPHOLOGY_BEHAVIOUR_NUMBER = re.compile(r"([89][0-9]{3})([012369])\.0+")
BEHAVIOUR = re.compile(r"/?\s*([012369])(?:\.0+)?")

TOPOGRAPHY_RULE = (
    "an ICD-O-3 topography from C00.0 to C80.9, written C71.6, C716 or 716 "
    "(a site without its part, such as C71, is not complete: write C71.9 where the part is not stated)"
)
MORPHOLOGY_RULE = "an ICD-O-3 morphology from 8000 to 9999, alone or with its behaviour: 9440, 9440/3, 94403"
BEHAVIOUR_RULE = "an ICD-O-3 behaviour: 0, 1, 2, 3, 6 or 9"


def canonical_text(value: Any) -> str:
    """Write one raw value as text: upper case, Latin letters, plain separators, no outer spaces.

    Examples
    --------
    >>> canonical_text(" с42.1 ")
    'C42.1'
    """
    if isinstance(value, bool | np.bool_):
        return "?"  # True is not the number 1 here: no code is a truth value
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        # A column of whole numbers with gaps arrives as floats; 716.0 then means 716.
        return str(int(float(value))) if float(value).is_integer() else "?"
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    # Text ends at a NUL, which pads the fields of fixed-width files; pandas too compares text up to it only.
    return str(value).partition("\0")[0].translate(LOOKALIKES).strip().upper()


def clean_topography(values: Any) -> tuple[pd.Series[Any], Mask]:
    """Write ICD-O-3 topography codes in one form, ``C71.6``.

    Read are ``C71.6``, ``C716``, ``c71,6``, ``71.6``, ``716`` (as CanReg5 writes it; also the whole number
    716) and all of them with a Cyrillic ``С``. A site without its part is read only where ICD-O-3 knows a
    single code for it (``C64`` is ``C64.9``). Numbers below 100 are not read: 64 may be C06.4 that lost
    its zero.

    Parameters
    ----------
    values
        Codes, shape ``(n_rows,)``: a Series, an array or a list, of text or whole numbers.

    Returns
    -------
    tuple
        A Series of text from ``C00.0`` to ``C80.9``, with the index and name of ``values``, missing where a
        code is missing or unreadable; and an array of bool, shape ``(n_rows,)``, true where a code is there
        but unreadable.

    Examples
    --------
    >>> cleaned, unreadable = clean_topography(["С42.1", "716", "c64", "C99.9", None])
    >>> cleaned.tolist()
    ['C42.1', 'C71.6', 'C64.9', nan, nan]
    >>> unreadable.tolist()
    [False, False, False, True, False]
    """
    series = pd.Series(values)
    numbers, unreadable = topography_numbers(series)
    texts = np.array([write_topography(number) for number in range(N_TOPOGRAPHIES)] + [np.nan], dtype=object)
    return pd.Series(texts[numbers], index=series.index, name=series.name), unreadable


def clean_morphology(values: Any) -> tuple[pd.Series[Any], pd.Series[Any], Mask]:
    """Split ICD-O-3 morphology codes into the four-digit morphology and the behaviour, where one is given.

    Read are ``9440``, ``9440/3``, ``94403``, ``M9440/3``, ``M-9440/3`` (also with a Cyrillic ``М``) and the
    whole numbers 9440 and 94403. A code with a sixth digit, the grade, is unreadable: split it first.

    Parameters
    ----------
    values
        Codes, shape ``(n_rows,)``: a Series, an array or a list, of text or whole numbers.

    Returns
    -------
    tuple
        Two Series of nullable integers with the index of ``values``, ``morphology`` (8000-9999) and
        ``behaviour`` (missing where the code does not hold it); and an array of bool, shape ``(n_rows,)``,
        true where a code is there but unreadable.

    Examples
    --------
    >>> morphology, behaviour, unreadable = clean_morphology(["9440/3", "9500", "944", None])
    >>> morphology.tolist()
    [9440, 9500, <NA>, <NA>]
    >>> behaviour.tolist()
    [3, <NA>, <NA>, <NA>]
    >>> unreadable.tolist()
    [False, False, True, False]
    """
    series = pd.Series(values)
    morphology, behaviour, unreadable = morphology_numbers(series)
    return (
        _nullable_integers(morphology, series.index, name="morphology"),
        _nullable_integers(behaviour, series.index, name="behaviour"),
        unreadable,
    )


def clean_behaviour(values: Any) -> tuple[pd.Series[Any], Mask]:
    """Read ICD-O-3 behaviour codes: 3, ``"3"`` or ``"/3"``.

    Parameters
    ----------
    values
        Codes, shape ``(n_rows,)``: a Series, an array or a list, of text or whole numbers.

    Returns
    -------
    tuple
        A Series of nullable integers with the index of ``values``; and an array of bool, shape ``(n_rows,)``,
        true where a code is there but is none of `BEHAVIOURS`.

    Examples
    --------
    >>> behaviour, unreadable = clean_behaviour(["/3", 1, "7", None])
    >>> behaviour.tolist(), unreadable.tolist()
    ([3, 1, <NA>, <NA>], [False, False, True, False])
    """
    series = pd.Series(values)
    behaviour, unreadable = behaviour_numbers(series)
    return _nullable_integers(behaviour, series.index, name="behaviour"), unreadable


def write_topography(number: int) -> str:
    """Write a topography number from 0 to 809 as a code: 716 is ``C71.6``."""
    return f"C{number // 10:02d}.{number % 10}"


def topography_numbers(values: Any) -> tuple[Numbers, Mask]:
    """Read topography codes as numbers from 0 (C00.0) to 809 (C80.9), -1 where missing or unreadable."""
    rows, readings, unreadable = _read_unique(values, _read_topography)
    return _spread(readings, rows), unreadable


def morphology_numbers(values: Any) -> tuple[Numbers, Numbers, Mask]:
    """Read morphology codes as two arrays of numbers, -1 where missing, unreadable or not given."""
    rows, readings, unreadable = _read_unique(values, _read_morphology)
    morphology = [None if reading is None else reading[0] for reading in readings]
    behaviour = [None if reading is None else reading[1] for reading in readings]
    return _spread(morphology, rows), _spread(behaviour, rows), unreadable


def behaviour_numbers(values: Any) -> tuple[Numbers, Mask]:
    """Read behaviour codes as numbers, -1 where missing or unreadable."""
    rows, readings, unreadable = _read_unique(values, _read_behaviour)
    return _spread(readings, rows), unreadable


def _read_topography(text: str) -> int | None:
    match = TOPOGRAPHY.fullmatch(text) or TOPOGRAPHY_NUMBER.fullmatch(text)
    if match:
        number = int(match[1] + match[2])
        return number if number < N_TOPOGRAPHIES else None
    match = TOPOGRAPHY_SITE.fullmatch(text)
    return int(match[1] + "9") if match and match[1] in SITES_WITHOUT_PARTS else None


def _read_morphology(text: str) -> tuple[int, int | None] | None:
    match = MORPHOLOGY.fullmatch(text)
    if match:
        return int(match[1]), None
    match = MORPHOLOGY_BEHAVIOUR.fullmatch(text) or MORPHOLOGY_BEHAVIOUR_NUMBER.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def _read_behaviour(text: str) -> int | None:
    match = BEHAVIOUR.fullmatch(text)
    return int(match[1]) if match else None


def _read_unique(
    values: Any, read: Callable[[str], T | None]
) -> tuple[npt.NDArray[np.intp], list[T | None], Mask]:
    """Read each unique value once: row -> number of its reading (-1 missing), readings, unreadable rows."""
    rows, unique = pd.factorize(pd.Series(values))
    texts = [canonical_text(value) for value in unique]
    readings = [read(text) for text in texts]
    # Missing rows have number -1 and so meet the last entry; blank text is missing, not unreadable.
    pairs = zip(texts, readings, strict=True)
    unreadable = np.array([bool(text) and reading is None for text, reading in pairs] + [False])
    return rows, readings, unreadable[rows]


def _spread(readings: Sequence[int | None], rows: npt.NDArray[np.intp]) -> Numbers:
    return np.array([-1 if reading is None else reading for reading in (*readings, None)], dtype=np.int16)[
        rows
    ]


def _nullable_integers(numbers: Numbers, index: pd.Index[Any], *, name: str) -> pd.Series[Any]:
    missing = numbers < 0
    integers = np.where(missing, 0, numbers).astype(np.int64)
    return pd.Series(pd.arrays.IntegerArray(integers, missing), index=index, name=name)
