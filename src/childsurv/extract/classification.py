"""The class of each tumour, ICCC-3 from ICD-O-3 or a coarse group from ICD-10 alone, and whether its stage fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.classify.iccc3 import NOT_CLASSIFIED, classify_iccc3
from childsurv.classify.icd10 import EDITION, HAEMATOLOGICAL, coarse_group
from childsurv.classify.toronto import (
    NO_SCHEMA,
    STAGE_SYSTEM,
    check_toronto_stage,
    toronto_schema,
)
from childsurv.cohort.cohort import category_order
from childsurv.extract.columns import UNKNOWN, Labels
from childsurv.extract.dates import Days, Mask
from childsurv.extract.findings import Found
from childsurv.extract.records import NO_CODE, Reader
from childsurv.extract.timing import Timeline
from childsurv.extract.values import Stated

LEVELS = ("iccc_group", "iccc_subgroup", "iccc_extended")

CNS_CATEGORIES: tuple[str, ...] = (
    *("C70", "C71", "C72", "C75.1", "C75.2", "C75.3"),
    *("D32", "D33", "D35.2", "D35.3", "D35.4", "D42", "D43", "D44.3", "D44.4", "D44.5"),
)
CNS_SITES = range(700, 730)
CNS_GLANDS = range(751, 754)


@dataclass(frozen=True)
class Tumours:
    """The codes and classes of every row of an extract."""

    topography: Labels
    """ICD-O-3, "unknown" where there is none, as for ``icd10``."""
    morphology: npt.NDArray[np.int32]
    behaviour: npt.NDArray[np.int8]
    """ICD-O-3, `NO_CODE` where there is none."""
    icd10: Labels
    classes: dict[str, Labels]
    """The levels of ICCC-3, "not classified" where no class holds the row, and the edition."""


def classify_rows(reader: Reader, stated: Stated, timeline: Timeline, *, edition: str) -> Tumours:
    """Read and classify the tumour of every row, and check its stage."""
    tumours = read_tumours(reader, edition=edition)
    check_stages(tumours, timeline.placed.age, stated.labels, reader.found)
    return tumours


def read_tumours(reader: Reader, *, edition: str) -> Tumours:
    """Read the codes of each tumour and classify it; what is missing, or no class holds, is a finding.

    A row with an ICD-10 code is not asked for the ICD-O-3 codes that it lacks: it has the main group that
    ICD-10 allows, no subgroup, and the edition ``icd10-coarse``.
    """
    found = reader.found
    topography, icd10 = reader.topography(), reader.icd10()
    morphology, behaviour = reader.morphology()
    site_known, kind_known = ~topography.equals(UNKNOWN), morphology != NO_CODE
    coarse = ~(site_known & kind_known) & ~icd10.equals(UNKNOWN)
    for name, known in (("topography", site_known), ("morphology", kind_known)):
        found.add(f"{name}-missing", ~known & ~coarse & ~found.any_of([f"{name}-unreadable"]))
    # An unreadable morphology is one finding; a missing behaviour is not reported beside it.
    unstated = (behaviour == NO_CODE) & ~found.any_of(["behaviour-unreadable"])
    found.add("behaviour-missing", unstated & kind_known & ~coarse)

    classes = classify(topography, morphology, behaviour, edition=edition, found=found)
    classes["iccc_edition"] = reader.constant(edition)
    tumours = Tumours(topography, morphology, behaviour, icd10, classes)
    if "icd10" not in reader.match.single:
        return tumours
    _check_agreement(tumours, ~coarse, found)
    return _group_coarsely(tumours, coarse, found)


def classify(
    topography: Labels,
    morphology: npt.NDArray[np.int32],
    behaviour: npt.NDArray[np.int8],
    *,
    edition: str,
    found: Found,
) -> dict[str, Labels]:
    """Classify by ICCC-3 and find the rows that it does not hold, by the reason.

    Returns
    -------
    dict
        ``iccc_group, iccc_subgroup, iccc_extended``: "not classified" where no class holds the row, and the
        subgroup as ``iccc_extended`` where it is not divided.
    """
    sites = topography.categorical()
    sites = sites.remove_categories([UNKNOWN]) if UNKNOWN in sites.categories else sites
    # Each combination of codes is classified once, however many rows have it.
    kinds, kind = np.unique(morphology, return_inverse=True)
    key = ((sites.codes.astype(np.int64) + 1) * len(kinds) + kind) * 16 + (behaviour.astype(np.int64) + 1)
    combination, distinct = pd.factorize(key)
    rest, distinct_behaviour = np.divmod(distinct, 16)
    site, distinct_kind = np.divmod(rest, len(kinds))
    names = np.array([*sites.categories, None], dtype=object)
    classes = classify_iccc3(
        pd.Series(names[site - 1], dtype=object),
        _nullable(kinds[distinct_kind]),
        _nullable(distinct_behaviour - 1),
        edition=edition,
    )
    known = (site > 0) & (kinds[distinct_kind] != NO_CODE) & (distinct_behaviour > 0)
    lacking = known & classes["iccc_group"].isna().to_numpy()
    value = distinct_behaviour - 1
    reasons = {
        "in-situ": value == 2,
        "behaviour-not-primary": (value == 6) | (value == 9),
        "non-malignant-outside-cns": (value == 0) | (value == 1),
        "not-classified": value == 3,
    }
    for code, reason in reasons.items():
        found.add(code, (lacking & reason)[combination])
    levels = {name: classes[name].to_numpy(dtype=object) for name in LEVELS}
    unclassified = classes["iccc_group"].isna().to_numpy()
    undivided = classes["iccc_extended"].isna().to_numpy()
    levels["iccc_extended"] = np.where(undivided, levels["iccc_subgroup"], levels["iccc_extended"])
    return {
        name: Labels(combination, tuple(np.where(unclassified, NOT_CLASSIFIED, labels)))
        for name, labels in levels.items()
    }


def in_order(name: str, column: Labels) -> pd.Categorical:
    """Return a categorical of a canonical column, its categories in their own order."""
    plain = column.categorical()
    ordered = name == "age_group" or name.startswith("iccc_")
    return plain.reorder_categories(category_order(name, plain.categories), ordered=ordered)


def _group_coarsely(tumours: Tumours, coarse: Mask, found: Found) -> Tumours:
    """Give the rows that have ICD-10 alone the main group it allows, and find those that it leaves without."""
    icd10 = tumours.icd10
    answers = [("", "", NO_CODE) if code == UNKNOWN else coarse_group(code) for code in icd10.labels]
    stated = np.array([behaviour for _, _, behaviour in answers], dtype=np.int8)[icd10.codes]
    behaviour = np.where(coarse & (tumours.behaviour == NO_CODE), stated, tumours.behaviour)
    grouped = np.array([group != "" for group, _, _ in answers])[icd10.codes]
    found.add("icd10-only", coarse)
    lacking = coarse & ~grouped
    found.add("in-situ", lacking & (behaviour == 2))
    found.add("non-malignant-outside-cns", lacking & ((behaviour == 0) | (behaviour == 1)))
    found.add("icd10-not-mapped", lacking & ((behaviour == 3) | (behaviour == NO_CODE)))
    groups = Labels(icd10.codes, tuple(group or NOT_CLASSIFIED for group, _, _ in answers))
    unclassified = Labels(np.zeros_like(icd10.codes), (NOT_CLASSIFIED,))
    edition = Labels(np.zeros_like(icd10.codes), (EDITION,))
    own = tumours.classes
    classes = {
        "iccc_group": _where(coarse, groups, own["iccc_group"]),
        "iccc_subgroup": _where(coarse, unclassified, own["iccc_subgroup"]),
        "iccc_extended": _where(coarse, unclassified, own["iccc_extended"]),
        "iccc_edition": _where(coarse, edition, own["iccc_edition"]),
    }
    return replace(tumours, behaviour=behaviour.astype(np.int8), classes=classes)


def _where(condition: Mask, chosen: Labels, otherwise: Labels) -> Labels:
    """Join two columns row by row; the labels of both are kept, each once."""
    labels = tuple(dict.fromkeys((*chosen.labels, *otherwise.labels)))
    place = {label: number for number, label in enumerate(labels)}

    def codes(column: Labels) -> npt.NDArray[np.intp]:
        return np.array([place[label] for label in column.labels], dtype=np.intp)[column.codes]

    return Labels(np.where(condition, codes(chosen), codes(otherwise)), labels)


def _check_agreement(tumours: Tumours, classified: Mask, found: Found) -> None:
    """Find rows of which one code names a tumour of the blood or brain and the other code does not."""
    icd10, sites = tumours.icd10, tumours.topography

    def holds(codes: tuple[str, ...]) -> Mask:
        return np.array([code.startswith(codes) for code in icd10.labels])[icd10.codes]

    groups = [NOT_CLASSIFIED if code == UNKNOWN else coarse_group(code)[0] for code in icd10.labels]
    named = np.array([group in HAEMATOLOGICAL for group in groups])[icd10.codes]
    solid_named = holds(tuple(f"C{category:02d}" for category in range(76)))
    by_kind = tumours.classes["iccc_group"]
    blood = by_kind.equals("I") | by_kind.equals("II")
    number = [-1 if code == UNKNOWN else int(code[1:3] + code[4]) for code in sites.labels]
    in_cns = np.array([site in CNS_SITES or site in CNS_GLANDS for site in number])[sites.codes]
    known = classified & ~icd10.equals(UNKNOWN) & ~by_kind.equals(NOT_CLASSIFIED)
    wrong = (named & ~blood) | (solid_named & blood & ~in_cns) | (holds(CNS_CATEGORIES) & ~in_cns & ~blood)
    found.add("icd10-contradicts-morphology", known & wrong)


def _nullable(numbers: npt.NDArray[np.int64] | npt.NDArray[np.int32]) -> pd.Series:
    values = numbers.astype(np.int64)
    return pd.Series(pd.arrays.IntegerArray(values, values == NO_CODE))


def check_stages(tumours: Tumours, age_years: Days, labels: Mapping[str, Labels], found: Found) -> None:
    """Find Toronto stages that their schema does not have, or whose tumour has no schema.

    Stages of other systems are not checked; the cohort keeps every stage as it was written.
    """
    stage, system = labels["stage"], labels["stage_system"]
    of_system = [label.casefold().startswith(STAGE_SYSTEM) for label in system.labels]
    rows = np.flatnonzero(np.array(of_system)[system.codes] & ~stage.equals(UNKNOWN))
    if not rows.size:
        return
    sites = np.array([None if code == UNKNOWN else code for code in tumours.topography.labels], dtype=object)
    morphology, behaviour = tumours.morphology[rows], tumours.behaviour[rows]
    schema = toronto_schema(
        pd.Series(sites[tumours.topography.codes[rows]]),
        pd.Series(morphology).where(morphology >= 0),
        pd.Series(behaviour).where(behaviour >= 0),
        age_years[rows],
    )["schema"]
    valid = check_toronto_stage(np.array(stage.labels, dtype=object)[stage.codes[rows]], schema)[
        "valid"
    ].to_numpy()
    without = (schema == NO_SCHEMA).to_numpy()
    for code, where in (("stage-not-valid", ~valid & ~without), ("stage-without-schema", without)):
        mask = np.zeros(len(stage.codes), dtype=bool)
        mask[rows[where]] = True
        found.add(code, mask)
