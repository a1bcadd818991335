"""The rows of a simulated register: canonical columns, and beside them what is true of each patient."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.demo.parameters import (
    AGE_GROUPS,
    STAGE_CLASSES,
    STAGE_SYSTEM,
    FloatArray,
    code_table,
    subgroup_table,
)
from childsurv.demo.patients import IntArray, Patients, draw_basis, stage_chances

Mask = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

OTHER_CAUSES = np.array(["J18.9", "V89.2", "W74", "Q24.9"], dtype=object)
CAUSE_NOT_STATED = "R99"
SHARE_CAUSE_NOT_STATED = 0.04
SHARE_GRADE_NOT_STATED = 0.30
GRADE_NOT_STATED = 9


def canonical_data(
    drawn: Patients,
    chosen: pd.DataFrame,
    *,
    country: Objects,
    sex: Objects,
    time: IntArray,
    dead: Mask,
    of_disease: Mask,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the register's rows in canonical columns.

    Parameters
    ----------
    drawn, chosen
        The patients, and the parameters of their countries.
    country, sex
        Labels of each patient.
    time
        Days of follow-up.
    dead, of_disease
        Whether follow-up ended by death, and whether the disease was (or would have been) the cause.
    rng
        Source of randomness for what does not bear on survival: basis, grade, registry, coded cause.
    """
    codes, subgroups = code_table(), subgroup_table()
    n = drawn.diagnosis.size
    position = codes["position"].to_numpy()[drawn.code]
    chance = (
        chosen["microscopic"].to_numpy(np.float64)[drawn.country]
        * subgroups["microscopic"].to_numpy(np.float64)[position]
    )
    basis = draw_basis(chance, subgroups["group"].to_numpy()[position] == "I", rng)
    grade = codes["grade"].to_numpy(np.int64)[drawn.code]
    grade = np.where(rng.random(n) < SHARE_GRADE_NOT_STATED, GRADE_NOT_STATED, grade)
    registries = chosen["registries"].to_numpy(np.int64)
    registry_names = np.array(
        [
            f"{code}-{number}"
            for code, count in zip(chosen["code"], registries, strict=True)
            for number in range(1, count + 1)
        ],
        dtype=object,
    )
    first_registry = np.cumsum(registries) - registries
    registry = first_registry[drawn.country] + np.floor(rng.random(n) * registries[drawn.country]).astype(
        np.int64
    )
    cause = codes["cause"].to_numpy(object)[drawn.code]
    other_cause = OTHER_CAUSES[rng.integers(0, OTHER_CAUSES.size, size=n)]
    cause = np.where(of_disease, cause, other_cause)
    cause = np.where(rng.random(n) < SHARE_CAUSE_NOT_STATED, CAUSE_NOT_STATED, cause)
    values, _ = stage_chances(chosen)
    stage = values["stage"].to_numpy(object)[drawn.stage]
    patient_id = _patient_numbers(drawn.country, country)
    return pd.DataFrame(
        {
            "patient_id": patient_id,
            "tumour_id": patient_id + "-1",
            "country": country,
            "registry": registry_names[registry],
            "sex": sex,
            "birth_date": _dates(drawn.birth),
            "diagnosis_date": _dates(drawn.diagnosis),
            "age_days": drawn.diagnosis - drawn.birth,
            "topography": codes["topography"].to_numpy(object)[drawn.code],
            "morphology": codes["morphology"].to_numpy(np.int64)[drawn.code],
            "behaviour": codes["behaviour"].to_numpy(np.int64)[drawn.code],
            "basis": basis,
            "grade": grade,
            "stage": stage,
            "stage_system": _where(codes["scheme"].to_numpy()[drawn.code] == "", None, STAGE_SYSTEM),
            "last_contact_date": _dates(drawn.diagnosis + time),
            "vital_status": _where(dead, "dead", "alive"),
            "cause_of_death": _where(dead, cause, None),
            "dco": np.zeros(n, dtype=bool),
            "autopsy": np.zeros(n, dtype=bool),
        }
    )


def _where(mask: Mask, yes: Any, no: Any) -> Objects:
    """Return ``yes`` where the mask is true and ``no`` elsewhere, as objects (text, or None for nothing)."""
    chosen = np.empty(mask.size, dtype=object)
    chosen[:] = no
    chosen[mask] = yes[mask] if isinstance(yes, np.ndarray) else yes
    return chosen


def _dates(days: IntArray) -> Any:
    return days.astype("datetime64[D]").astype("datetime64[s]")


def _patient_numbers(country_code: IntArray, country: Objects) -> Objects:
    """Return numbers such as XVM0000012, counted within a country."""
    first = np.searchsorted(country_code, country_code, side="left")
    serial = pd.Series(np.arange(country_code.size) - first + 1 + 10_000_000).astype(str).str.slice(1)
    return np.asarray(country + serial.to_numpy(object))


def truth_data(
    frame: pd.DataFrame,
    drawn: Patients,
    subgroup: IntArray,
    period_year: IntArray,
    predictor: FloatArray,
    *,
    dead: Mask,
    of_disease: Mask,
) -> pd.DataFrame:
    """Return what is true of each patient: intended classes, levels of the effects, cause of death."""
    subgroups = subgroup_table()
    years, first_years = np.unique(period_year, return_inverse=True)
    labels = np.array([f"{year}-{year + 4}" for year in years], dtype=object)
    own = [
        "patient_id",
        "country",
        "registry",
        "sex",
        "birth_date",
        "diagnosis_date",
        "stage",
        "stage_system",
    ]
    truth = frame[own].copy()
    truth["age_group"] = np.array(AGE_GROUPS, dtype=object)[drawn.age_group]
    truth["period"] = labels[first_years]
    truth["iccc_group"] = subgroups["group"].to_numpy(object)[subgroup]
    truth["iccc_subgroup"] = subgroups["subgroup"].to_numpy(object)[subgroup]
    truth["stage_class"] = np.array(STAGE_CLASSES, dtype=object)[drawn.stage_class]
    truth["non_malignant"] = (frame["behaviour"].to_numpy() < 2).astype(np.int64)
    truth["linear_predictor"] = predictor
    truth["died_of"] = _where(dead, _where(of_disease, "disease", "population"), None)
    return truth
