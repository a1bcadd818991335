"""From what was read to columns: those of the cohort, and those that the conditions of rules may name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from childsurv.cohort.age_schemes import AgeGroups
from childsurv.extract.classification import Tumours, in_order
from childsurv.extract.columns import UNKNOWN, Labels
from childsurv.extract.conditions import NO_NUMBER, Column, Dates, Numbers
from childsurv.extract.dates import NO_DAY, Days, Mask
from childsurv.extract.findings import Found
from childsurv.extract.layout import PRECISIONS, SEXES, STATUSES, YES_NO
from childsurv.extract.records import UNKNOWN_CODE, Reader, text_column
from childsurv.extract.timing import Timeline
from childsurv.extract.values import Stated


@dataclass(frozen=True)
class Rows:
    """Everything known of every row of an extract, before any row is left out."""

    reader: Reader
    stated: Stated
    timeline: Timeline
    tumours: Tumours

    @property
    def found(self) -> Found:
        """What the checks found."""
        return self.reader.found


def rule_columns(rows: Rows) -> dict[str, Column]:
    """Return what the conditions of rules may name, every row of the extract."""
    stated, tumours, labels = rows.stated, rows.tumours, rows.stated.labels
    placed, followed, usable = rows.timeline.placed, rows.timeline.followed, rows.timeline.usable

    def numbers(values: Any, where: Any) -> Numbers:
        return Numbers(np.where(where, np.asarray(values, dtype=np.int64), NO_NUMBER))

    grade = labels["grade"].integers(UNKNOWN_CODE)
    columns: dict[str, Column] = {name: labels[name] for name in labels if name not in {"basis", "grade"}}
    columns |= tumours.classes
    columns |= {
        name: Labels(mask.astype(np.intp), YES_NO)
        for name, mask in (("dco", stated.dco), ("autopsy", stated.autopsy))
    }
    columns |= {"topography": tumours.topography, "icd10": tumours.icd10}
    columns |= {
        "age_years": numbers(placed.age, rows.timeline.aged),
        "morphology": numbers(tumours.morphology, tumours.morphology >= 0),
        "behaviour": numbers(tumours.behaviour, tumours.behaviour >= 0),
        "basis": numbers(stated.basis, stated.basis != UNKNOWN_CODE),
        "grade": numbers(grade, grade != UNKNOWN_CODE),
        "time": numbers(followed.time, usable),
        "event": numbers(followed.event, usable),
        "birth_date": Dates(placed.birth),
        "diagnosis_date": Dates(placed.diagnosis),
        "last_contact_date": Dates(placed.contact),
    }
    return columns | kept_columns(rows.reader)


def kept_columns(reader: Reader) -> dict[str, Labels]:
    """Return the columns that the user wants to keep, "unknown" where they are empty."""
    coded = {header: reader.table.coded(header) for header in reader.match.keep}
    return {
        header: Labels(column.codes, tuple(text or UNKNOWN for text in column.texts))
        for header, column in coded.items()
    }


def canonical_frame(rows: Rows, groups: AgeGroups) -> pd.DataFrame:
    """Put the canonical columns of every row together, whatever becomes of the row."""
    reader, stated, tumours, labels = rows.reader, rows.stated, rows.tumours, rows.stated.labels
    placed, followed, closing = rows.timeline.placed, rows.timeline.followed, rows.timeline.closing
    alive_after_cut = Labels(
        np.where(followed.dead, 1, np.where(labels["vital_status"].equals(UNKNOWN), 2, 0)),
        (*STATUSES, UNKNOWN),
    )
    source_row = reader.numbers("source_row")
    columns: dict[str, Any] = {
        "patient_id": text_column(stated.patient),
        "tumour_id": np.full(len(reader), "", dtype=object)
        if stated.tumour is None
        else text_column(stated.tumour),
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
        "basis": stated.basis,
        "dco": stated.dco,
        "autopsy": stated.autopsy,
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
    columns |= {name: column.categorical() for name, column in kept_columns(reader).items()}
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


def _timestamps(days: Days) -> pd.Series:
    return pd.Series(days.astype("datetime64[D]").astype("datetime64[ns]"))


def _difference(later: Days, earlier: Days) -> Days:
    known = (later != NO_DAY) & (earlier != NO_DAY)
    return np.where(known, np.where(known, later, 0) - np.where(known, earlier, 0), 0)


def _rows(read: tuple[Any, Mask], otherwise: Days) -> Days:
    numbers, unreadable = read
    usable = ~np.isnan(numbers) & ~unreadable
    return np.where(usable, np.where(usable, numbers, 0), otherwise).astype(np.int64)
