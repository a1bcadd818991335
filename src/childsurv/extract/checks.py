"""The checks of one extract: age band, repeated records, and multiple tumours of a child by the international rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.age_schemes import AGE_BANDS
from childsurv.extract.canonical_columns import Rows, rule_columns
from childsurv.extract.columns import UNKNOWN, Coded
from childsurv.extract.dates import NO_DAY, Days, Mask
from childsurv.extract.findings import Found

Codes: TypeAlias = npt.NDArray[np.intp]
IntArray: TypeAlias = npt.NDArray[np.int64]

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


@dataclass(frozen=True)
class Records:
    """What distinguishes the tumours of a child, one entry a row."""

    patient: Codes
    """Code of the child within country and registry."""
    tumour: Codes | None
    """Code of the tumour identifier; ``None`` where the extract has none."""
    has_patient: Mask
    has_tumour: Mask
    diagnosis: Days
    contact_first: Days
    contact_last: Days
    """First and last possible day of last contact, `NO_DAY` where there is none."""
    site: Codes
    """Code of topography and ICD-10 together."""
    organ: IntArray
    """Two-digit site of the topography, -1 where it is not known."""
    morphology: npt.NDArray[np.int32]
    malignant: Mask
    group: Codes
    """Code of the main group of ICCC-3."""


def check_rows(rows: Rows, *, age_band: str | None) -> None:
    """Record what every rule finds in the rows of an extract.

    Parameters
    ----------
    rows
        Everything known of them.
    age_band
        Name of an age band; ``None`` is every age.
    """
    found, placed, stated = rows.found, rows.timeline.placed, rows.stated
    if age_band is not None:
        known = rows.timeline.aged & (placed.birth <= placed.diagnosis)
        found.facts["age_band"] = age_band
        found.add("age-out-of-band", known & ((placed.age < 0) | (placed.age > AGE_BANDS[age_band])))
    found.add("dco", stated.dco)
    found.add("autopsy", stated.autopsy)
    found.judge(rule_columns(rows))
    records = _records(rows)
    found.add("patient-id-missing", ~records.has_patient)
    check_tumours(records, found)


def _records(rows: Rows) -> Records:
    """Return what distinguishes the tumours of each child."""
    patient, tumour, labels = rows.stated.patient, rows.stated.tumour, rows.stated.labels
    placed, contact, tumours = rows.timeline.placed, rows.stated.dates.contact, rows.tumours
    child = patient.codes.astype(np.int64)
    for name in ("country", "registry"):
        if len(labels[name].labels) > 1:
            child = child * len(labels[name].labels) + labels[name].codes
    if child.size and int(child.max()) > 4 * child.size:
        child = pd.factorize(child)[0]
    site = tumours.topography
    organ = np.array([-1 if code == UNKNOWN else int(code[1:3]) for code in site.labels])[site.codes]
    first = last = placed.contact
    if contact is not None:
        first = np.where(contact.readable, contact.first, first)
        last = np.where(contact.readable, contact.last, last)
    return Records(
        patient=child,
        tumour=None if tumour is None else tumour.codes,
        has_patient=_has_text(patient),
        has_tumour=np.zeros(child.size, dtype=bool) if tumour is None else _has_text(tumour),
        diagnosis=placed.diagnosis,
        contact_first=first,
        contact_last=last,
        site=site.distinct() * len(tumours.icd10.labels) + tumours.icd10.distinct(),
        organ=organ,
        morphology=tumours.morphology,
        malignant=tumours.behaviour == 3,
        group=tumours.classes["iccc_group"].distinct(),
    )


def _has_text(column: Coded) -> Mask:
    return column.where([text != "" for text in column.texts])


def check_tumours(records: Records, found: Found) -> None:
    """Find repeated records, one tumour under two identifiers, and later tumours of a child.

    The first tumour of a child is the earliest diagnosis (the earlier row on one day) among the rows that are
    eligible tumours, whatever their follow-up. Of repeated rows the first of the file stays.

    Parameters
    ----------
    records
        What distinguishes the tumours of a child.
    found
        Takes the findings; must hold those of eligibility already.
    """
    patient, tumour, has_patient = records.patient, records.tumour, records.has_patient
    organ, morphology = records.organ, records.morphology
    counts = np.bincount(patient[has_patient], minlength=int(patient.max()) + 1)
    several = np.flatnonzero(has_patient & (counts[patient] > 1))
    if not several.size:
        return
    rows = pd.DataFrame(
        {
            "patient": patient[several],
            "tumour": several
            if tumour is None
            else np.where(records.has_tumour[several], tumour[several], -1 - several),
            "diagnosis": records.diagnosis[several],
            "site": records.site[several],
            "morphology": morphology[several],
            "contact_first": records.contact_first[several],
            "contact_last": records.contact_last[several],
        }
    )
    seen = rows.loc[rows["contact_first"] != NO_DAY].groupby("patient")
    apart = seen["contact_first"].max() > seen["contact_last"].min()
    differs = rows["patient"].isin(apart.index[apart]).to_numpy()
    _add(found, "last-contact-differs-between-records", several, differs)
    _add(found, "duplicate-record", several, rows.duplicated(["patient", "tumour"]).to_numpy())
    dated = rows["diagnosis"] != NO_DAY
    same = rows.duplicated(["patient", "diagnosis", "site", "morphology"]).to_numpy() & dated.to_numpy()
    repeated = found.any_of(["duplicate-record"])[several]
    _add(found, "duplicate-tumour", several, same & ~repeated)
    eligible = ~found.any_of(ineligible_codes(found))[several] & dated.to_numpy()
    ranked = rows[eligible].assign(row=several[eligible], group=records.group[several][eligible])
    ranked = ranked.sort_values(["patient", "diagnosis", "row"])
    order = ranked["row"].to_numpy()
    _add(found, "second-primary", order, ranked.duplicated("patient").to_numpy())
    _add(found, "second-primary-of-group", order, ranked.duplicated(["patient", "group"]).to_numpy())
    compared = order[(organ[order] >= 0) & (morphology[order] >= 0) & records.malignant[order]]
    child = patient[compared].astype(np.int64)
    again = repeated_tumours(child, organ[compared], morphology[compared].astype(np.int64))
    later = pd.Series(child).duplicated().to_numpy()
    _add(found, "possible-same-tumour", compared, again)
    _add(found, "multiple-primary", compared, later & ~again)


def ineligible_codes(found: Found) -> Sequence[str]:
    """Return the codes of the rules whose rows are not eligible tumours."""
    return [code for code, rule in found.known.items() if not rule.eligible]


def _add(found: Found, code: str, rows: npt.NDArray[np.intp], where: Mask) -> None:
    mask = np.zeros(found.row_number.size, dtype=bool)
    mask[rows[where]] = True
    found.add(code, mask)


def histology_groups(morphology: IntArray) -> IntArray:
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


def organs(site: IntArray) -> IntArray:
    """Return the organ of two-digit sites: the first site of those that count as one."""
    table = np.arange(100)
    for together in SINGLE_ORGANS:
        table[list(together)] = together[0]
    return table[np.asarray(site)]


def same_tumour(group: IntArray, organ: IntArray, earlier_group: IntArray, earlier_organ: IntArray) -> Mask:
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


def repeated_tumours(child: IntArray, site: IntArray, morphology: IntArray) -> Mask:
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
def _group_table() -> IntArray:
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
