"""Faults as registry files have them, put into known rows: each kind, and what a reader should make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.demo.forms import Rendered

Places = npt.NDArray[np.int64]

FAULT_SHARE = 0.008
"""Share of the rows of a file that get a fault."""

ALL_LAYOUTS = ("childsurv", "encr", "canreg5", "russian")
WITH_LETTER = ("childsurv", "encr", "russian")
WITH_DAYS = ("childsurv", "canreg5", "russian")


@dataclass(frozen=True)
class FaultKind:
    """One kind of fault."""

    name: str
    meaning: str
    """What is wrong."""
    field: str
    """The field that holds it."""
    outcome: str
    """What becomes of the row by default: "excluded", "repaired" (read as meant) or "kept" (with a finding)."""
    code: str
    """Code of the check of `childsurv.read_extract` that finds it; empty where it is repaired silently."""
    layouts: tuple[str, ...] = ALL_LAYOUTS
    """Layouts whose files can show it."""
    copies: bool = False
    """Whether the fault is a further row, at the end of the file."""


FAULT_KINDS: tuple[FaultKind, ...] = (
    FaultKind(
        "diagnosis-before-birth", "the date of diagnosis is before the date of birth", "diagnosis_date",
        "excluded", "diagnosis-before-birth",
    ),
    FaultKind(
        "contact-before-diagnosis", "the last contact is before the diagnosis", "last_contact_date",
        "excluded", "last-contact-before-diagnosis",
    ),
    FaultKind(
        "contact-after-closing", "the last contact is after the closing date", "last_contact_date",
        "kept", "contact-after-closing",
    ),
    FaultKind(
        "unreadable-date", "the date of diagnosis is not in the calendar", "diagnosis_date",
        "excluded", "diagnosis-date-unreadable",
    ),
    FaultKind(
        "missing-diagnosis-date", "there is no date of diagnosis", "diagnosis_date",
        "excluded", "diagnosis-date-missing",
    ),
    FaultKind(
        "imprecise-date", "the date of diagnosis is known to the month only", "diagnosis_date",
        "kept", "dates-placed", WITH_DAYS,
    ),
    FaultKind(
        "stated-age", "the stated age is not that between the dates", "age",
        "kept", "age-contradicts-dates",
    ),
    FaultKind(
        "out-of-age-band", "an adult in a register of children", "birth_date", "excluded", "age-out-of-band"
    ),
    FaultKind("sex-site", "a site that only the other sex has", "topography", "excluded", "sex-topography"),
    FaultKind("unknown-sex", "the sex is unknown", "sex", "excluded", "sex-missing"),
    FaultKind(
        "unknown-vital-status", "the vital status is unknown", "vital_status",
        "excluded", "vital-status-missing",
    ),
    FaultKind("dco", "known from a death certificate only", "basis", "excluded", "dco"),
    FaultKind("autopsy", "found at autopsy", "autopsy", "excluded", "autopsy", WITH_LETTER),
    FaultKind("in-situ", "a tumour in situ, which ICCC-3 does not hold", "behaviour", "excluded", "in-situ"),
    FaultKind(
        "not-classified", "a site and morphology without a class in ICCC-3", "topography",
        "excluded", "not-classified",
    ),
    FaultKind(
        "unreadable-code", "the morphology is no code", "morphology", "excluded", "morphology-unreadable"
    ),
    FaultKind(
        "look-alike-letter", "the C of the topography is the Cyrillic letter that looks like it",
        "topography", "repaired", "", WITH_LETTER,
    ),
    FaultKind(
        "stray-separator", "a separator inside a field shifts the fields after it", "tumour_id",
        "excluded", "record-length",
    ),
    FaultKind(
        "duplicate", "the record occurs twice", "patient_id", "excluded", "duplicate-record", copies=True
    ),
    FaultKind(
        "renumbered-duplicate", "the tumour occurs twice, under two numbers", "tumour_id",
        "excluded", "duplicate-tumour", copies=True,
    ),
    FaultKind(
        "second-tumour", "another tumour of a child that is in the file", "tumour_id",
        "excluded", "second-primary", copies=True,
    ),
)  # fmt: skip
"""Every kind of fault that `write_extracts` puts into files."""

FAULT_COLUMNS = (
    "file", "country", "row_number", "other_row", "kind", "code", "meaning", "field", "header", "outcome",
    "patient_id",
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """A kind of fault in a row of the data, counted from 0; ``original`` is the row that a copy repeats."""

    kind: FaultKind
    row: int
    original: int | None = None


def choose_faults(
    n_rows: int, candidates: Places, *, layout: str, first_kind: int, share: float, rng: np.random.Generator
) -> list[Fault]:
    """Choose rows and give each one kind of fault, in turn, beginning with the ``first_kind``-th.

    Parameters
    ----------
    n_rows
        Rows of the file without copies.
    candidates
        Rows that may get a fault.
    layout
        Of the file; kinds that it cannot show are left out.
    first_kind
        Where to begin, so that kinds are spread over many small files.
    share
        Share of the rows that get a fault; at least one row does.
    rng
        Source of randomness.
    """
    kinds = [kind for kind in FAULT_KINDS if layout in kind.layouts]
    count = min(int(np.ceil(n_rows * share)), candidates.size)
    rows = np.sort(rng.choice(candidates, size=count, replace=False))
    faults, end = [], n_rows
    for place, row in enumerate(rows):
        fault = Fault(kinds[(first_kind + place) % len(kinds)], int(row))
        if fault.kind.copies:
            fault = replace(fault, row=end, original=int(row))
            end += 1
        faults.append(fault)
    return faults


def rows_of(faults: Sequence[Fault], name: str) -> Places:
    """Return the rows that get one kind of fault."""
    return np.array([fault.row for fault in faults if fault.kind.name == name], dtype=np.int64)


def spoil_data(data: pd.DataFrame, faults: Sequence[Fault], *, closing_date: pd.Timestamp) -> pd.DataFrame:
    """Return canonical rows with the faults that need no text, copies of rows at the end.

    To be called before ages are stated, so that these agree with the dates except where that is the fault.

    Parameters
    ----------
    data
        Columns of `Register.data`, indexed 0, 1, 2, ...
    faults
        As from `choose_faults`.
    closing_date
        Last day of follow-up.
    """
    originals = [fault.original for fault in faults if fault.original is not None]
    data = data.iloc[[*range(len(data)), *originals]].reset_index(drop=True)

    def die_at_diagnosis(rows: Places) -> None:
        data.loc[rows, "last_contact_date"] = data.loc[rows, "diagnosis_date"]
        data.loc[rows, "vital_status"] = "dead"
        data.loc[rows, "cause_of_death"] = data.loc[rows, "topography"].str.slice(0, 3)

    early = rows_of(faults, "contact-before-diagnosis")
    # More than two months, so that files without days show it as well.
    data.loc[early, "last_contact_date"] = data.loc[early, "diagnosis_date"] - np.timedelta64(75, "D")
    after = rows_of(faults, "contact-after-closing")
    data.loc[after, "last_contact_date"] = closing_date + np.timedelta64(120, "D")
    data.loc[after, "vital_status"] = "alive"
    data.loc[after, "cause_of_death"] = None
    adults = rows_of(faults, "out-of-age-band")
    data.loc[adults, "birth_date"] = data.loc[adults, "birth_date"] - np.timedelta64(9_131, "D")
    wrong_site = rows_of(faults, "sex-site")
    male = (data.loc[wrong_site, "sex"] == "male").to_numpy()
    data.loc[wrong_site, "topography"] = np.where(male, "C56.9", "C62.1")
    data.loc[wrong_site, "morphology"] = np.where(male, 9060, 9071)
    data.loc[wrong_site, "behaviour"] = 3
    certificate = rows_of(faults, "dco")
    die_at_diagnosis(certificate)
    data.loc[certificate, "basis"] = 0
    data.loc[certificate, "dco"] = True
    opened = rows_of(faults, "autopsy")
    die_at_diagnosis(opened)
    data.loc[opened, "autopsy"] = True
    data.loc[rows_of(faults, "in-situ"), "behaviour"] = 2
    unclassified = rows_of(faults, "not-classified")
    data.loc[unclassified, "topography"] = "C77.9"
    data.loc[unclassified, "morphology"] = 8140
    data.loc[unclassified, "behaviour"] = 3
    renumbered = np.concatenate([rows_of(faults, "renumbered-duplicate"), rows_of(faults, "second-tumour")])
    data.loc[renumbered, "tumour_id"] = data.loc[renumbered, "patient_id"] + "-2"
    second = rows_of(faults, "second-tumour")
    kidney = (data.loc[second, "topography"] == "C64.9").to_numpy()
    data.loc[second, "topography"] = np.where(kidney, "C22.0", "C64.9")
    data.loc[second, "morphology"] = np.where(kidney, 8970, 8960)
    data.loc[second, "behaviour"] = 3
    data.loc[second, ["stage", "stage_system"]] = None
    return data


def spoil_ages(data: pd.DataFrame, faults: Sequence[Fault]) -> None:
    """Put in the faults that come after ages were stated: wrong ages, and births after the diagnosis."""
    wrong = rows_of(faults, "stated-age")
    data.loc[wrong, "stated_age"] += 3
    unborn = rows_of(faults, "diagnosis-before-birth")
    data.loc[unborn, "birth_date"] = data.loc[unborn, "diagnosis_date"] + np.timedelta64(400, "D")


UNREADABLE = {"childsurv": "{year}-02-30", "canreg5": "{year}0230", "russian": "30.02.{year}", "encr": "13"}
UNKNOWN_STATUS = {"childsurv": "unknown", "encr": "9", "canreg5": "9", "russian": "н/д"}
UNKNOWN_SEX = {"childsurv": "unknown", "encr": "9", "canreg5": "9", "russian": "не указан"}
ENCR_NO_MONTH, ENCR_NO_YEAR = "99", "9999"
CYRILLIC_C = "С"  # U+0421
SEPARATOR_MARK = "\x1f"
"""Becomes a separator when the file is written, which no quotation marks surround."""


def _known_to_the_month(text: str, layout: str) -> str:
    if layout == "childsurv":
        return text[:7]
    return text[:6] + "99" if layout == "canreg5" else "00" + text[2:]


def spoil_text(rendered: Rendered, faults: Sequence[Fault], *, layout: str, years: Sequence[int]) -> None:
    """Put the faults into a file's text that only text can hold; changes ``rendered.text``.

    Parameters
    ----------
    rendered, faults, layout
        The file's text, its faults, its layout.
    years
        Calendar year of diagnosis of each row.
    """

    def change(name: str, field: str, write: Callable[[str, int], str]) -> None:
        rows = rows_of(faults, name)
        if rows.size == 0:
            return
        column = rendered.text[rendered.headers[field]].to_numpy(dtype=object, copy=True)
        for row in rows:
            column[row] = write(column[row], years[row])
        rendered.text[rendered.headers[field]] = column

    change("unreadable-date", "diagnosis_date", lambda text, year: UNREADABLE[layout].format(year=year))
    if layout == "encr":
        change("missing-diagnosis-date", "diagnosis_date", lambda text, year: ENCR_NO_MONTH)
        rendered.text.loc[rows_of(faults, "missing-diagnosis-date"), "YoI"] = ENCR_NO_YEAR
    else:
        change("missing-diagnosis-date", "diagnosis_date", lambda text, year: "")
    change("imprecise-date", "diagnosis_date", lambda text, year: _known_to_the_month(text, layout))
    change("unknown-vital-status", "vital_status", lambda text, year: UNKNOWN_STATUS[layout])
    change("unknown-sex", "sex", lambda text, year: UNKNOWN_SEX[layout])
    change("unreadable-code", "morphology", lambda text, year: f"{text[:2]}?{text[3:]}")
    change("look-alike-letter", "topography", lambda text, year: CYRILLIC_C + text[1:])
    change("stray-separator", "tumour_id", lambda text, year: text.replace("-", SEPARATOR_MARK))


def fault_table(
    faults: Sequence[Fault],
    *,
    rendered: Rendered,
    file: str,
    country: str,
    layout: str,
    patient_ids: pd.Series,
) -> pd.DataFrame:
    """List the faults of a file by line; the header is line 1.

    Returns
    -------
    DataFrame
        `FAULT_COLUMNS`; ``other_row`` is the line that a copy repeats.
    """
    table = pd.DataFrame(
        [
            (
                file,
                country,
                fault.row + 2,
                None if fault.original is None else fault.original + 2,
                fault.kind.name,
                _code(fault.kind, layout),
                fault.kind.meaning,
                fault.kind.field,
                rendered.headers[fault.kind.field],
                fault.kind.outcome,
                patient_ids.iloc[fault.row],
            )
            for fault in faults
        ],
        columns=list(FAULT_COLUMNS),
    )
    return table.astype({"row_number": "int64", "other_row": "Int64"}).sort_values(
        "row_number", ignore_index=True
    )


def _code(kind: FaultKind, layout: str) -> str:
    # The ENCR file gives the days of survival too, which are then below zero.
    negative = kind.name == "contact-before-diagnosis" and layout == "encr"
    return "survival-time-unreadable" if negative else kind.code
