"""Coarse groups of ICCC-3 for records that have an ICD-10 code only.

ICCC-3 is defined by ICD-O-3. ICD-10 names the site of most tumours and not their kind, so it can give a main
group at best, never a subgroup, and every record grouped so is marked with the edition ``icd10-coarse``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.classify.codes import canonical_text
from childsurv.classify.iccc3_tables import level_dtypes, read_table
from childsurv.errors import DataError, rows_where

EDITION = "icd10-coarse"
"""Value of ``iccc_edition`` in rows whose group comes from ICD-10."""

CERTAINTIES: tuple[str, ...] = ("category", "site")

CODE = re.compile(r"([A-Z][0-9]{2})(?:[.,]?([0-9])[0-9]?)?[+*]?")
"""A category, its fourth character, and a national fifth one, which does not bear on the group."""

CODE_RULE = "an ICD-10 code, such as C91.0, C910 or C91"

NO_BEHAVIOUR = -1

HAEMATOLOGICAL = ("I", "II")


def classify_icd10(codes: Any) -> pd.DataFrame:
    """Find the main group of ICCC-3 that an ICD-10 code allows, and how certain it is.

    A code has the group of its line in `icd10_table`, looked up with the fourth character first, then
    without. A code without a line has no group: ICD-10 does not distinguish the tumours of its site.

    Parameters
    ----------
    codes
        ICD-10 codes, shape ``(n_rows,)``: ``C91.0``, ``C910`` or ``C91``; case and a Cyrillic ``С`` do not
        matter, and a fifth character is not used.

    Returns
    -------
    pandas.DataFrame
        With the index of a Series given: ``iccc_group`` (ordered categories "I" to "XII", missing where the
        code has none); ``certainty`` ("category": the disease named by the ICD-10 category is of the group;
        "site": the group of most tumours of the site in children, an approximation); ``behaviour`` (0
        benign, 1 uncertain, 2 in situ, 3 malignant, as the chapter places the code; missing outside
        neoplasms).

    Raises
    ------
    DataError
        If a code is not an ICD-10 code.

    References
    ----------
    International Statistical Classification of Diseases and Related Health Problems, tenth revision. World
    Health Organization.

    Examples
    --------
    >>> classify_icd10(["С91.0", "C64", "D33.0", "C76.2"])
      iccc_group certainty  behaviour
    0          I  category          3
    1         VI      site          3
    2        III      site          0
    3        NaN       NaN          3
    """
    series = pd.Series(codes)
    rows, unique = pd.factorize(series)
    texts = [canonical_text(code) for code in unique]
    read = [read_icd10(text) for text in texts]
    unreadable = np.array(
        [bool(text) and code is None for text, code in zip(texts, read, strict=True)] + [False]
    )
    if unreadable[rows].any():
        name = series.name if isinstance(series.name, str) else "codes"
        raise DataError(
            f"Coarse groups from ICD-10: column {name!r} must hold {CODE_RULE}, and does not in "
            f"{rows_where(unreadable[rows])}. Correct these codes, or make them missing."
        )
    answers = [("", "", NO_BEHAVIOUR) if code is None else coarse_group(code) for code in [*read, None]]
    behaviour = np.array([answer[2] for answer in answers], dtype=np.int64)[rows]
    missing = behaviour == NO_BEHAVIOUR
    return pd.DataFrame(
        {
            "iccc_group": pd.Categorical(
                _or_missing([answer[0] for answer in answers])[rows], dtype=level_dtypes()["iccc_group"]
            ),
            "certainty": pd.Categorical(
                _or_missing([answer[1] for answer in answers])[rows], categories=CERTAINTIES
            ),
            "behaviour": pd.arrays.IntegerArray(np.where(missing, 0, behaviour), missing),
        },
        index=series.index,
    )


def icd10_table() -> pd.DataFrame:
    """Return the table of coarse groups itself, one row a range of ICD-10 codes.

    Returns
    -------
    pandas.DataFrame
        ``codes`` ("C40-C41", both ends belong to it), ``iccc_group`` (missing where the code is left without
        a group), ``certainty``, ``title`` of the category, and ``reason``.

    Examples
    --------
    >>> icd10_table().query("codes == 'C64'")["iccc_group"].item()
    'VI'
    """
    table = pd.DataFrame(list(read_table("icd10_groups.tsv")))
    return table.assign(
        **{
            name: table[name].astype(object).where(table[name] != "", None)
            for name in ("iccc_group", "certainty")
        }
    )


def read_icd10(text: str) -> str | None:
    """Read one text in the form of `childsurv.classify.codes.canonical_text` as ``C91`` or ``C91.0``."""
    match = CODE.fullmatch(text)
    if match is None:
        return None
    return match[1] if match[2] is None else f"{match[1]}.{match[2]}"


def coarse_group(code: str) -> tuple[str, str, int]:
    """Return group, certainty and behaviour of one code as `read_icd10` writes it, empty where it has none."""
    groups = _groups()
    group, certainty = groups.get(code) or groups.get(code[:3]) or ("", "")
    behaviour = 3 if group in HAEMATOLOGICAL else _behaviour(code)
    return group, certainty, behaviour


def _behaviour(code: str) -> int:
    """Return the behaviour that the blocks of the chapter on neoplasms state."""
    letter, category = code[0], int(code[1:3])
    if letter == "C":
        return 3
    if letter != "D" or category > 48:
        return NO_BEHAVIOUR
    return 2 if category < 10 else 0 if category < 37 else 1


@cache
def _groups() -> dict[str, tuple[str, str]]:
    """Lay the table out by code; ranges differ in their last character(s) only."""
    groups = {}
    for row in read_table("icd10_groups.tsv"):
        first, _, last = row["codes"].partition("-")
        for code in _run(first, last or first):
            groups[code] = (row["iccc_group"], row["certainty"])
    return groups


def _run(first: str, last: str) -> list[str]:
    if "." in first:
        return [f"{first[:-1]}{digit}" for digit in range(int(first[-1]), int(last[-1]) + 1)]
    return [f"{first[0]}{category:02d}" for category in range(int(first[1:]), int(last[1:]) + 1)]


def _or_missing(texts: list[str]) -> npt.NDArray[Any]:
    return np.array([text or None for text in texts], dtype=object)
