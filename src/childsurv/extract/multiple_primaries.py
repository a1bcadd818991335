"""Multiple tumours of a child by the international rules: the same tumour again, or another primary.

The rules of 2004 compare the groups of two morphologies, and where these do not settle it, their sites. Time
does not matter.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.extract.dates import Mask

Codes = npt.NDArray[np.int64]

OTHER_GROUP = 16
UNSPECIFIED = 17
UNSPECIFIED_CARCINOMA = 5
CARCINOMAS = range(1, 6)
SYSTEMIC = range(7, 16)
HAEMATOPOIETIC = range(8, 14)
UNSPECIFIED_HAEMATOPOIETIC = 14

UNKNOWN_SITE = 80

SINGLE_ORGANS: tuple[tuple[int, ...], ...] = (
    (1, 2),
    (0, 3, 4, 5, 6),
    (9, 10, 12, 13, 14),
    (19, 20),
    (23, 24),
    (33, 34),
    (40, 41),
    (65, 66, 67, 68),
)
"""Sites (C01, C02 ...) that count as one organ: table 1 of the rules."""


def histology_groups(morphology: Codes) -> Codes:
    """Return the group, 1 to 17, of morphologies from 8000 to 9999.

    References
    ----------
    International rules for multiple primary cancers (ICD-O third edition). IARC, IACR, ENCR; 2004.

    Examples
    --------
    >>> histology_groups(np.array([8070, 9836, 9470, 8000])).tolist()
    [1, 9, 16, 17]
    """
    return _group_table()[np.asarray(morphology) - 8000]


def organs(site: Codes) -> Codes:
    """Return the organ of two-digit sites: the first site of those that count as one."""
    table = np.arange(100)
    for together in SINGLE_ORGANS:
        table[list(together)] = together[0]
    return table[np.asarray(site)]


def same_tumour(group: Codes, organ: Codes, earlier_group: Codes, earlier_organ: Codes) -> Mask:
    """Return which pairs of tumours the rules count as one.

    Pairs in which the site decides and one site is unknown (C80) cannot be settled; they count as one here,
    because the finding asks for a look.

    Examples
    --------
    >>> groups = [np.array([9]), np.array([42]), np.array([14]), np.array([77])]
    >>> bool(same_tumour(*groups)[0])  # a B-cell and an unspecified lymphoid neoplasm
    True
    """
    low, high = np.minimum(group, earlier_group), np.maximum(group, earlier_group)
    same = group == earlier_group
    systemic = same & (group >= SYSTEMIC.start) & (group < SYSTEMIC.stop)
    unspecified_blood = (
        (high == UNSPECIFIED_HAEMATOPOIETIC) & (low >= HAEMATOPOIETIC.start) & (low < HAEMATOPOIETIC.stop)
    )
    has_unspecified_carcinoma = (high == UNSPECIFIED_CARCINOMA) & (low >= CARCINOMAS.start)
    by_site = (high == UNSPECIFIED) | has_unspecified_carcinoma | same
    unknown = (organ == UNKNOWN_SITE) | (earlier_organ == UNKNOWN_SITE)
    return np.asarray(systemic | unspecified_blood | (by_site & ((organ == earlier_organ) | unknown)))


def repeated_tumours(child: Codes, site: Codes, morphology: Codes) -> Mask:
    """Return the tumours that the rules count as one with an earlier tumour of the same child.

    Parameters
    ----------
    child
        Code of the child, shape ``(n_rows,)``; its tumours in their order of time.
    site
        Two-digit site of the topography.
    morphology
        ICD-O-3 morphology.
    """
    rows = pd.DataFrame({"child": child, "group": histology_groups(morphology), "organ": organs(site)})
    # The rules see group and organ alone, so a child with thousands of records still has few to compare.
    repeated = rows.duplicated().to_numpy(copy=True)
    distinct = rows[~repeated].reset_index().sort_values(["child", "index"], kind="stable")
    places, group, organ = (distinct[name].to_numpy() for name in ("index", "group", "organ"))
    of = distinct["child"].to_numpy()
    found = np.zeros(len(distinct), dtype=bool)
    for lag in range(1, len(distinct)):
        later = np.flatnonzero(of[lag:] == of[:-lag]) + lag
        if not later.size:
            break
        before = later - lag
        found[later] |= same_tumour(group[later], organ[later], group[before], organ[before])
    repeated[places] |= found
    return np.asarray(repeated)


@cache
def _group_table() -> Codes:
    table = np.full(2000, OTHER_GROUP, dtype=np.int64)
    text = (resources.files("childsurv.extract") / "multiple_primaries.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith(("#", "group")):
            continue
        number, _, runs = line.split("\t")
        for run in runs.split():
            first, _, last = run.partition("-")
            table[int(first) - 8000 : int(last or first) - 8000 + 1] = int(number)
    return table
