"""Canonical columns as the text of six kinds of registry files: headers, codes, dates and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.demo.parameters import STAGE_UNKNOWN, stage_class
from childsurv.maths.calendar import BirthdayCalendar, days_of

Text = npt.NDArray[np.object_]

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}

ENCR_HEADERS = (
    "PAT", "MoB", "YoB", "Age", "Sex", "Geo_Code", "Geo_Label", "TUM", "MoI", "YoI", "BoD", "Topo",
    "Morpho", "Beh", "Grade", "Autopsy", "Vit_stat", "MoF", "YoF", "Surv_time", "ICD", "CoD",
    "TNM_ed", "cT", "cN", "cM", "pT", "pN", "pM", "ToS", "Stage", "Surgery", "Rt", "Cht", "Tt",
    "It", "Ht", "Ot", "SCT",
)  # fmt: skip
"""The 39 columns of the JRC-ENCR incidence file, in their order."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """One country's rows as text, and the header of each field."""

    text: pd.DataFrame
    """Columns of strings in the order of the file."""
    headers: Mapping[str, str]
    """Field to header; a date in parts is named by its month."""


def render(data: pd.DataFrame, *, layout: str, variant: int = 1) -> Rendered:
    """Return canonical rows of one country as the text of a layout's file.

    Parameters
    ----------
    data
        Columns of `Register.data` and ``stated_age`` (completed years).
    layout
        "childsurv", "encr", "canreg5", "russian", "iicc3" or "seer".
    variant
        Of the Russian headers and words, 1 or 2.
    """
    if layout == "russian":
        return _russian(data, variant)
    return FORMS[layout](data)


def by_distinct(values: Any, write: Callable[[Any], str]) -> Text:
    """Write values as text, each distinct value once; missing ones are empty."""
    codes, distinct = pd.factorize(values)
    texts = np.array([*(write(value) for value in distinct), ""], dtype=object)
    return np.asarray(texts[codes])


def coded(values: Any, codes: Mapping[Any, str]) -> Text:
    """Replace values by the codes of a layout."""
    return by_distinct(values, lambda value: codes[value])


def dates(values: pd.Series, form: str) -> Text:
    """Write dates in a form of ``strftime``; missing ones are empty."""
    return by_distinct(
        days_of(values), lambda day: np.datetime64(int(day), "D").astype(object).strftime(form)
    )


def whole(values: Any) -> Text:
    """Write whole numbers."""
    return by_distinct(np.asarray(values), lambda value: str(int(value)))


def completed_years(data: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return completed years of age at diagnosis."""
    birth, diagnosis = days_of(data["birth_date"]), days_of(data["diagnosis_date"])
    return BirthdayCalendar(birth).completed_years(diagnosis)


def _childsurv(data: pd.DataFrame) -> Rendered:
    columns = {
        "patient_id": data["patient_id"],
        "tumour_id": data["tumour_id"],
        "country": data["country"],
        "registry": data["registry"],
        "sex": data["sex"],
        "birth_date": dates(data["birth_date"], "%Y-%m-%d"),
        "diagnosis_date": dates(data["diagnosis_date"], "%Y-%m-%d"),
        "age_years": whole(data["stated_age"]),
        "topography": data["topography"],
        "morphology": whole(data["morphology"]),
        "behaviour": whole(data["behaviour"]),
        "basis": whole(data["basis"]),
        "grade": whole(data["grade"]),
        "stage": by_distinct(data["stage"], str),
        "stage_system": by_distinct(data["stage_system"], str),
        "last_contact_date": dates(data["last_contact_date"], "%Y-%m-%d"),
        "vital_status": data["vital_status"],
        "cause_of_death": by_distinct(data["cause_of_death"], str),
        "dco": coded(data["dco"], {False: "false", True: "true"}),
        "autopsy": coded(data["autopsy"], {False: "false", True: "true"}),
    }
    headers = {name: name for name in columns} | {"age": "age_years"}
    return Rendered(_frame(columns), headers)


def _encr(data: pd.DataFrame) -> Rendered:
    birth, diagnosis, contact = (data[f"{name}_date"] for name in ("birth", "diagnosis", "last_contact"))
    columns: dict[str, Any] = dict.fromkeys(ENCR_HEADERS, "")
    columns |= {
        "PAT": data["patient_id"],
        "MoB": whole(birth.dt.month),
        "YoB": whole(birth.dt.year),
        "Age": whole(data["stated_age"]),
        "Sex": coded(data["sex"], {"male": "1", "female": "2"}),
        "Geo_Code": data["registry"],
        "Geo_Label": by_distinct(data["registry"], lambda name: f"Region {name} (simulated)"),
        "TUM": data["tumour_id"],
        "MoI": whole(diagnosis.dt.month),
        "YoI": whole(diagnosis.dt.year),
        "BoD": whole(data["basis"]),
        "Topo": by_distinct(data["topography"], lambda code: code.replace(".", "")),
        "Morpho": whole(data["morphology"]),
        "Beh": whole(data["behaviour"]),
        "Grade": whole(data["grade"]),
        "Autopsy": coded(data["autopsy"], {False: "0", True: "1"}),
        "Vit_stat": coded(data["vital_status"], {"alive": "1", "dead": "2"}),
        "MoF": whole(contact.dt.month),
        "YoF": whole(contact.dt.year),
        "Surv_time": whole(days_of(contact) - days_of(diagnosis)),
        "ICD": np.where(data["vital_status"] == "dead", "10", ""),
        "CoD": by_distinct(data["cause_of_death"], lambda code: code.replace(".", "")),
        "Stage": by_distinct(data["stage"], str),
    }
    headers = {
        "patient_id": "PAT", "tumour_id": "TUM", "sex": "Sex", "birth_date": "MoB", "diagnosis_date": "MoI",
        "age": "Age",        "topography": "Topo", "morphology": "Morpho", "behaviour": "Beh", "basis": "BoD",
        "autopsy": "Autopsy", "last_contact_date": "MoF", "vital_status": "Vit_stat",
    }  # fmt: skip
    return Rendered(_frame(columns, len(data)), headers)


def _canreg5(data: pd.DataFrame) -> Rendered:
    columns = {
        "RegistryNumber": data["patient_id"],
        "TumourID": data["tumour_id"],
        "Sex": coded(data["sex"], {"male": "1", "female": "2"}),
        "BirthDate": dates(data["birth_date"], "%Y%m%d"),
        "Age": whole(data["stated_age"]),
        "IncidenceDate": dates(data["diagnosis_date"], "%Y%m%d"),
        "Topography": by_distinct(data["topography"], lambda code: code[1:].replace(".", "")),
        "Morphology": whole(data["morphology"]),
        "Behaviour": whole(data["behaviour"]),
        "BasisDiagnosis": whole(data["basis"]),
        "Grade": whole(data["grade"]),
        "Stage": by_distinct(data["stage"], str),
        "VitalStatus": coded(data["vital_status"], {"alive": "1", "dead": "2"}),
        "Lastcontact": dates(data["last_contact_date"], "%Y%m%d"),
        "MultPrimSeq": np.full(len(data), "1", dtype=object),
        "MultPrimTot": np.full(len(data), "1", dtype=object),
    }
    headers = {
        "patient_id": "RegistryNumber", "tumour_id": "TumourID", "sex": "Sex",
        "birth_date": "BirthDate", "diagnosis_date": "IncidenceDate",
        "age": "Age", "topography": "Topography", "morphology": "Morphology", "behaviour": "Behaviour",
        "basis": "BasisDiagnosis", "last_contact_date": "Lastcontact", "vital_status": "VitalStatus",
    }  # fmt: skip
    return Rendered(_frame(columns), headers)


def _iicc3(data: pd.DataFrame) -> Rendered:
    columns = {
        "Identification number": data["patient_id"],
        "Sequence number": np.full(len(data), "00", dtype=object),
        "Sex": coded(data["sex"], {"male": "1", "female": "2"}),
        "Date of birth": dates(data["birth_date"], "%Y%d%m"),
        "Date of incidence": dates(data["diagnosis_date"], "%Y%d%m"),
        "Age at incidence": whole(data["stated_age"]),
        "Site of the tumour": by_distinct(data["topography"], lambda code: code.replace(".", "")),
        "Laterality of the tumour": np.full(len(data), "9", dtype=object),
        "Histology of the tumour": whole(data["morphology"]),
        "Behaviour": whole(data["behaviour"]),
        "Grade and Immunophenotype": whole(data["grade"]),
        "Most valid basis of diagnosis": whole(data["basis"]),
        "Vital status": coded(data["vital_status"], {"alive": "1", "dead": "2"}),
        "Date of last contact": dates(data["last_contact_date"], "%Y%d%m"),
    }
    headers = {
        "patient_id": "Identification number", "tumour_id": "Sequence number", "sex": "Sex",
        "birth_date": "Date of birth", "diagnosis_date": "Date of incidence", "age": "Age at incidence",
        "topography": "Site of the tumour", "morphology": "Histology of the tumour", "behaviour": "Behaviour",
        "basis": "Most valid basis of diagnosis", "last_contact_date": "Date of last contact",
        "vital_status": "Vital status",
    }  # fmt: skip
    return Rendered(_frame(columns), headers)


SEER_CONFIRMATION = {
    1: "Clinical diagnosis only",
    2: "Radiography without microscopic confirm",
    4: "Positive laboratory test/marker study",
    5: "Positive exfoliative cytology, no positive histology",
    6: "Positive histology",
    7: "Positive histology",
}
SEER_BEHAVIOUR = {0: "Benign", 1: "Borderline malignancy", 2: "In situ", 3: "Malignant"}


def _seer(data: pd.DataFrame) -> Rendered:
    diagnosis = data["diagnosis_date"]
    days = days_of(data["last_contact_date"]) - days_of(diagnosis)
    certificate = (data["basis"] == 0) | data["dco"]
    source = np.where(certificate, "Death certificate only", "Hospital inpatient/outpatient or clinic")
    columns = {
        "Patient ID": data["patient_id"],
        "Sequence number": np.full(len(data), "One primary only", dtype=object),
        "SEER registry": data["registry"],
        "Sex": coded(data["sex"], {"male": "Male", "female": "Female"}),
        "Age recode with single ages and 90+": by_distinct(
            data["stated_age"], lambda years: f"{int(years):02d} years"
        ),
        "Year of diagnosis": whole(diagnosis.dt.year),
        "Month of diagnosis": by_distinct(diagnosis.dt.month, lambda month: MONTHS[int(month) - 1]),
        "Primary Site - labeled": by_distinct(data["topography"], lambda code: f"{code}-Site (simulated)"),
        "Primary Site": by_distinct(data["topography"], lambda code: code[1:].replace(".", "")),
        "ICD-O-3 Hist/behav": by_distinct(
            whole(data["morphology"]) + "/" + whole(data["behaviour"]),
            lambda code: f"{code}: Tumour (simulated)",
        ),
        "Behavior code ICD-O-3": coded(data["behaviour"], SEER_BEHAVIOUR),
        "Diagnostic Confirmation": by_distinct(
            data["basis"], lambda code: SEER_CONFIRMATION.get(code, "Unknown")
        ),
        "Type of Reporting Source": np.where(data["autopsy"], "Autopsy only", source),
        "Survival months": by_distinct(days, lambda span: f"{int(span // (365.24 / 12)):04d}"),
        "Survival months flag": np.full(len(data), "Complete dates are available", dtype=object),
        "Vital status recode (study cutoff used)": coded(
            data["vital_status"], {"alive": "Alive", "dead": "Dead"}
        ),
        "COD to site recode": by_distinct(data["cause_of_death"], str),
    }
    headers = {
        "patient_id": "Patient ID", "sex": "Sex", "diagnosis_date": "Month of diagnosis",
        "age": "Age recode with single ages and 90+", "topography": "Primary Site - labeled",
        "morphology": "ICD-O-3 Hist/behav", "behaviour": "Behavior code ICD-O-3",
        "basis": "Diagnostic Confirmation", "autopsy": "Type of Reporting Source",
        "vital_status": "Vital status recode (study cutoff used)",
    }  # fmt: skip
    return Rendered(_frame(columns), headers)


MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip

FORMS: dict[str, Callable[[pd.DataFrame], Rendered]] = {
    "childsurv": _childsurv,
    "encr": _encr,
    "canreg5": _canreg5,
    "iicc3": _iicc3,
    "seer": _seer,
}

RUSSIAN_WORDS: dict[int, dict[str, Any]] = {
    1: {
        "patient_id": "Номер пациента",
        "tumour_id": "Номер опухоли",
        "country": "Страна",
        "registry": "Регистр",
        "sex": "Пол",
        "birth_date": "Дата рождения",
        "diagnosis_date": "Дата установления диагноза",
        "age": "Возраст",
        "topography": "Топография",
        "morphology": "Морфология",
        "behaviour": "Характер опухоли",
        "basis": "Метод подтверждения диагноза",
        "grade": "Степень дифференцировки",
        "stage": "Стадия",
        "last_contact_date": "Дата последнего контакта",
        "vital_status": "Состояние",
        "cause_of_death": "Причина смерти",
        "autopsy": "Выявлен на вскрытии",
    },
    2: {
        "patient_id": "Регистрационный номер",
        "tumour_id": "ID опухоли",
        "country": "Страна",
        "registry": "Регистр",
        "sex": "Пол",
        "birth_date": "Дата рождения",
        "diagnosis_date": "Дата диагноза",
        "age": "Возраст при установлении диагноза",
        "topography": "Локализация",
        "morphology": "Морфологический код",
        "behaviour": "Характер",
        "basis": "Основа диагноза",
        "grade": "Дифференцировка",
        "stage": "Стадия",
        "last_contact_date": "Дата последнего наблюдения",
        "vital_status": "Статус",
        "cause_of_death": "Причина смерти",
        "autopsy": "Выявлен на вскрытии",
    },
}
RUSSIAN_BASIS = {
    0: "только свидетельство о смерти",
    1: "клинический",
    2: "инструментальный",
    4: "опухолевые маркеры",
    5: "цитологический",
    6: "гистология метастаза",
    7: "гистологический",
    9: "неизвестно",
}
RUSSIAN_BEHAVIOUR = {0: "доброкачественная", 1: "неопределенная", 2: "in situ", 3: "злокачественная"}
RUSSIAN_STAGE = {"localised": "I", "regional": "III", "metastatic": "IV"}


def _russian(data: pd.DataFrame, variant: int) -> Rendered:
    in_words = variant == 1
    names = RUSSIAN_WORDS[variant]
    male = data["sex"] == "male"
    dead = data["vital_status"] == "dead"
    if in_words:
        sex = np.where(male, "м", "ж")
        status = np.where(dead, np.where(male, "умер", "умерла"), np.where(male, "жив", "жива"))
    else:
        sex = np.where(male, "мальчик", "девочка")
        status = np.where(dead, "2", "1")
    columns = {
        "patient_id": data["patient_id"],
        "tumour_id": data["tumour_id"],
        "country": data["country"],
        "registry": data["registry"],
        "sex": sex,
        "birth_date": dates(data["birth_date"], "%d.%m.%Y"),
        "diagnosis_date": dates(data["diagnosis_date"], "%d.%m.%Y"),
        "age": _decimal_age(data),
        "topography": by_distinct(
            data["topography"], (lambda code: code) if in_words else lambda code: code.replace(".", "")
        ),
        "morphology": whole(data["morphology"]),
        "behaviour": coded(data["behaviour"], RUSSIAN_BEHAVIOUR) if in_words else whole(data["behaviour"]),
        "basis": coded(data["basis"], RUSSIAN_BASIS) if in_words else whole(data["basis"]),
        "grade": whole(data["grade"]),
        "stage": by_distinct(data["stage"], _russian_stage),
        "last_contact_date": dates(data["last_contact_date"], "%d.%m.%Y"),
        "vital_status": status,
        "cause_of_death": by_distinct(data["cause_of_death"], str),
        "autopsy": coded(
            data["autopsy"], {False: "нет", True: "да"} if in_words else {False: "0", True: "1"}
        ),
    }
    return Rendered(_frame({names[field]: column for field, column in columns.items()}), names)


def _russian_stage(stage: str) -> str:
    if stage == STAGE_UNKNOWN:
        return "не установлена"
    if stage == "2":
        return "II"
    return RUSSIAN_STAGE[stage_class(pd.Series([stage])).iloc[0]]


def _decimal_age(data: pd.DataFrame) -> Text:
    """Write ages with one decimal and a comma, the fraction of the year cut off, never rounded up."""
    birth, diagnosis = days_of(data["birth_date"]), days_of(data["diagnosis_date"])
    calendar = BirthdayCalendar(birth)
    years = calendar.completed_years(diagnosis)
    tenths = (diagnosis - calendar.birthday(years)) * 10 // 366
    return by_distinct(
        data["stated_age"].to_numpy() * 10 + tenths, lambda value: f"{value // 10},{value % 10}"
    )


def _frame(columns: Mapping[str, Any], n_rows: int | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: np.asarray(column, dtype=object) if np.ndim(column) else column
            for name, column in columns.items()
        },
        index=None if n_rows is None else pd.RangeIndex(n_rows),
        dtype=object,
    )
