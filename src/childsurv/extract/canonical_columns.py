"""From what was read to columns: those of the cohort, and those that the conditions of rules may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from childsurv.cohort.age_schemes import AgeGroups
from childsurv.extract.classification import Tumours, in_order
from childsurv.extract.columns import UNKNOWN, Labels
from childsurv.extract.conditions import NO_NUMBER, Column, Dates, Numbers
from childsurv.extract.dates import NO_DAY, Days, Mask
from childsurv.extract.layout import PRECISIONS, SEXES, STATUSES, YES_NO
from childsurv.extract.records import UNKNOWN_CODE, Reader
from childsurv.extract.timing import Followed, Placed


def rule_columns(
    reader: Reader,
    labels: Mapping[str, Labels],
    placed: Placed,
    followed: Followed,
    tumours: Tumours,
    basis: Any,
    dco: Mask,
    autopsy: Mask,
) -> dict[str, Column]:
    """Return what the conditions of rules may name, every row of the extract."""
    usable = (placed.diagnosis != NO_DAY) & (placed.contact != NO_DAY)
    aged = (placed.birth != NO_DAY) & (placed.diagnosis != NO_DAY)

    def numbers(values: Any, where: Any) -> Numbers:
        return Numbers(np.where(where, np.asarray(values, dtype=np.int64), NO_NUMBER))

    grade = labels["grade"].integers(UNKNOWN_CODE)
    columns: dict[str, Column] = {name: labels[name] for name in labels if name not in {"basis", "grade"}}
    columns |= tumours.classes
    columns |= {
        name: Labels(mask.astype(np.intp), YES_NO) for name, mask in (("dco", dco), ("autopsy", autopsy))
    }
    columns |= {"topography": tumours.topography, "icd10": tumours.icd10}
    columns |= {
        "age_years": numbers(placed.age, aged),
        "morphology": numbers(tumours.morphology, tumours.morphology >= 0),
        "behaviour": numbers(tumours.behaviour, tumours.behaviour >= 0),
        "basis": numbers(basis, basis != UNKNOWN_CODE),
        "grade": numbers(grade, grade != UNKNOWN_CODE),
        "time": numbers(followed.time, usable),
        "event": numbers(followed.event, usable),
        "birth_date": Dates(placed.birth),
        "diagnosis_date": Dates(placed.diagnosis),
        "last_contact_date": Dates(placed.contact),
    }
    for header in reader.match.keep:
        coded = reader.table.coded(header)
        columns[header] = Labels(coded.codes, tuple(text or UNKNOWN for text in coded.texts))
    return columns


def canonical_frame(
    reader: Reader,
    labels: Mapping[str, Labels],
    placed: Placed,
    followed: Followed,
    closing: Days,
    tumours: Tumours,
    groups: AgeGroups,
    numbers: Mapping[str, Any],
    identifiers: Mapping[str, Any],
) -> pd.DataFrame:
    """Put the canonical columns of every row together, whatever becomes of the row."""
    alive_after_cut = Labels(
        np.where(followed.dead, 1, np.where(labels["vital_status"].equals(UNKNOWN), 2, 0)),
        (*STATUSES, UNKNOWN),
    )
    source_row = reader.numbers("source_row")
    columns: dict[str, Any] = {
        **identifiers,
        "country": labels["country"].categorical(),
        "registry": labels["registry"].categorical(),
        "sex": labels["sex"].categorical(SEXES),
        "birth_date": _timestamps(placed.birth),
        "diagnosis_date": _timestamps(placed.diagnosis),
        "age_days": _difference(placed.diagnosis, placed.birth),
        "age_years": placed.age.astype(np.int32),
        "age_group": groups.column(placed.age),
        "topography": tumours.topography.categorical(),
        "morphology": tumours.morphology,
        "behaviour": tumours.behaviour,
        **numbers,
        "grade": labels["grade"].integers(UNKNOWN_CODE),
        "stage": labels["stage"].categorical(),
        "stage_system": labels["stage_system"].categorical(),
        "last_contact_date": _timestamps(followed.contact),
        "vital_status": alive_after_cut.categorical(STATUSES),
        "cause_of_death": labels["cause_of_death"].categorical(),
        "date_precision": _precision(labels["date_precision"], placed.precision),
        "birth_precision": _precision(labels["birth_precision"], placed.birth_precision),
        "contact_precision": _precision(labels["contact_precision"], placed.contact_precision),
        "closing_date": _timestamps(closing),
        "source_row": reader.table.row_number
        if source_row is None
        else _rows(source_row, reader.table.row_number),
        "entry": followed.entry,
        "time": followed.time,
        "event": followed.event,
    }
    for header in reader.match.keep:
        coded = reader.table.coded(header)
        columns[header] = Labels(coded.codes, tuple(text or UNKNOWN for text in coded.texts)).categorical()
    columns |= {name: in_order(name, column) for name, column in tumours.classes.items()}
    if "icd10" in reader.match.single:
        columns["icd10"] = tumours.icd10.categorical()
    return pd.DataFrame(columns)


def _precision(stated: Labels, of_date: Any) -> pd.Categorical:
    """Return how exactly a date is known: as the extract states it, or else as its dates are written."""
    ranks = np.array([PRECISIONS.index(label) if label in PRECISIONS else -1 for label in stated.labels])[
        stated.codes
    ]
    return Labels(np.where(ranks < 0, of_date, ranks).astype(np.intp), PRECISIONS).categorical(PRECISIONS)


def kept_rows(frame: pd.DataFrame, kept: Mask) -> pd.DataFrame:
    """Return the rows kept, with the categories that occur in them."""
    if kept.all():
        return frame
    rows = frame.loc[kept].reset_index(drop=True)
    for name in rows.columns[rows.dtypes == "category"]:
        rows[name] = rows[name].cat.remove_unused_categories()
    return rows


def _timestamps(days: Days) -> pd.Series:
    return pd.Series(days.astype("datetime64[D]").astype("datetime64[ns]"))


def _difference(later: Days, earlier: Days) -> Days:
    known = (later != NO_DAY) & (earlier != NO_DAY)
    return np.where(known, np.where(known, later, 0) - np.where(known, earlier, 0), 0)


def _rows(read: tuple[Any, Mask], otherwise: Days) -> Days:
    numbers, unreadable = read
    usable = ~np.isnan(numbers) & ~unreadable
    return np.where(usable, np.where(usable, numbers, 0), otherwise).astype(np.int64)
