"""Drawing who falls ill: country, age, sex, tumour, stage, and how the tumour was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.demo.parameters import (
    AGE_FIRST_YEARS,
    AGE_GROUPS,
    AGE_WIDTHS,
    SEXES,
    STAGE_CLASSES,
    STAGE_UNKNOWN,
    FloatArray,
    code_table,
    stage_table,
    subgroup_table,
)
from childsurv.maths.calendar import BirthdayCalendar

IntArray = npt.NDArray[np.int64]

NON_MALIGNANT_BEHAVIOURS = (0, 1)


@dataclass(frozen=True)
class Patients:
    """Positions in the tables of `childsurv.demo.parameters`, one a patient; dates in days since 1970-01-01."""

    country: IntArray
    """Row of the chosen countries; patients are sorted by country and date of diagnosis."""
    age_group: IntArray
    sex: IntArray
    code: IntArray
    stage: IntArray
    stage_class: IntArray
    """Position in `AGE_GROUPS`, `SEXES`, `code_table`, `stage_values` and `STAGE_CLASSES`."""
    diagnosis: IntArray
    birth: IntArray
    """Days since 1970-01-01."""


def draw_patients(
    countries: pd.DataFrame, *, patients: int, first_day: int, last_day: int, rng: np.random.Generator
) -> Patients:
    """Draw patients of the chosen countries, diagnosed evenly over the days from first to last.

    Parameters
    ----------
    countries
        Rows of `country_table`.
    patients
        How many, all countries together.
    first_day, last_day
        Days since 1970-01-01, both included.
    rng
        Source of randomness.
    """
    share = countries["share"].to_numpy(np.float64)
    sizes = rng.multinomial(patients, share / share.sum())
    country = np.repeat(np.arange(len(countries)), sizes)
    diagnosis = rng.integers(first_day, last_day + 1, size=patients)
    # Registers number their patients as they come, so rows go by country and date.
    diagnosis = diagnosis[np.lexsort((diagnosis, country))]
    mix = tumour_mix(countries)
    age_group, sex, code = np.unravel_index(
        draw_from_rows(mix.reshape(len(countries), -1), country, rng), mix.shape[1:]
    )
    age = AGE_FIRST_YEARS[age_group] + np.floor(rng.random(patients) * AGE_WIDTHS[age_group]).astype(np.int64)
    birth = _birth_at_completed_age(diagnosis, age, rng)
    values, chances = stage_chances(countries)
    scheme = pd.Index(_scheme_names()).get_indexer(pd.Index(code_table()["scheme"]))[code]
    stage = draw_from_rows(chances.reshape(-1, len(values)), country * chances.shape[1] + scheme, rng)
    stage_class = pd.Index(STAGE_CLASSES).get_indexer(pd.Index(values["stage_class"]))[stage]
    return Patients(
        country=country,
        age_group=np.asarray(age_group, dtype=np.int64),
        sex=np.asarray(sex, dtype=np.int64),
        code=np.asarray(code, dtype=np.int64),
        stage=stage,
        stage_class=np.asarray(stage_class, dtype=np.int64),
        diagnosis=diagnosis,
        birth=birth,
    )


def tumour_mix(countries: pd.DataFrame) -> FloatArray:
    """Return expected shares, ``(n_countries, n_age_groups, n_sexes, n_codes)``, each country's sum 1."""
    subgroups, codes = subgroup_table(), code_table()
    position = codes["position"].to_numpy()
    rates = subgroups[[f"rate_{group.replace('-', '_')}" for group in AGE_GROUPS]].to_numpy(np.float64)
    cases = (rates * AGE_WIDTHS)[position].T
    male = subgroups["male_share"].to_numpy(np.float64)[position]
    sexes = np.stack([1 - male, male])
    allowed = np.stack([codes["sex"].isin(["both", sex]).to_numpy() for sex in SEXES])
    shares = allowed * codes["share"].to_numpy(np.float64)
    totals = np.stack([np.bincount(position, row, minlength=len(subgroups)) for row in shares])
    within = shares / np.maximum(totals[:, position], 1e-300)
    weights = cases[:, None, :] * (sexes * within)[None, :, :]
    limits = countries["age_limit"].to_numpy()
    in_band = AGE_FIRST_YEARS[None, :] < limits[:, None]
    non_malignant = codes["behaviour"].isin(NON_MALIGNANT_BEHAVIOURS).to_numpy()
    registered = np.where(non_malignant[None, :], countries["non_malignant_cns"].to_numpy()[:, None], 1.0)
    mix = weights[None] * in_band[:, :, None, None] * registered[:, None, None, :]
    return np.asarray(mix / mix.sum(axis=(1, 2, 3), keepdims=True))


def _scheme_names() -> list[str]:
    return ["", *dict.fromkeys(stage_table()["scheme"])]


def stage_chances(countries: pd.DataFrame) -> tuple[pd.DataFrame, FloatArray]:
    """Return the stage values and their chances, shape ``(n_countries, n_schemes, n_values)``.

    The last two values are X (a Toronto stage that is unknown) and none (a diagnosis without Toronto stages).
    """
    table = stage_table()
    schemes = _scheme_names()
    late = countries["stage_late"].to_numpy(np.float64)
    pull = np.select(
        [table["stage_class"] == "metastatic", table["stage_class"] == "regional"], [1.0, 0.5], 0.0
    )
    weight = table["share"].to_numpy(np.float64) * np.exp(late[:, None] * pull)
    place = pd.Index(schemes).get_indexer(pd.Index(table["scheme"]))
    chances = np.zeros((len(countries), len(schemes), len(table) + 2))
    chances[:, place, np.arange(len(table))] = weight
    totals = chances.sum(axis=2, keepdims=True)
    missing = countries["stage_missing"].to_numpy(np.float64)[:, None]
    chances = np.divide(chances, totals, out=chances, where=totals > 0) * (1 - missing)[:, :, None]
    chances[:, 1:, -2] = missing
    chances[:, 0, :] = 0.0
    chances[:, 0, -1] = 1.0
    ends = pd.DataFrame(
        {"scheme": "", "stage": [STAGE_UNKNOWN, None], "stage_class": "unknown", "share": 0.0}
    )
    return pd.concat([table.astype({"share": float}), ends], ignore_index=True), chances


def draw_from_rows(chances: FloatArray, row: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw a column for each given row of a matrix of chances, in one search.

    Parameters
    ----------
    chances
        Shape ``(n_rows, n_columns)``; rows sum to 1.
    row
        Row to draw from, one a patient.
    """
    n_rows, n_columns = chances.shape
    cumulative = np.cumsum(chances, axis=1)
    cumulative /= cumulative[:, -1:]
    # Row r occupies (r, r + 1], so that all rows are one ascending array.
    ladder = (cumulative + np.arange(n_rows)[:, None]).ravel()
    place = np.searchsorted(ladder, row + rng.random(row.size), side="right")
    return np.asarray(np.clip(place - row * n_columns, 0, n_columns - 1), dtype=np.int64)


def _birth_at_completed_age(diagnosis: IntArray, age: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw a birth date, evenly over the days on which a completed age at diagnosis is possible."""
    latest = _latest_birth(diagnosis, age)
    too_old = _latest_birth(diagnosis, age + 1)
    return latest - np.floor(rng.random(diagnosis.size) * (latest - too_old)).astype(np.int64)


def _latest_birth(diagnosis: IntArray, age: IntArray) -> IntArray:
    latest = BirthdayCalendar(diagnosis).birthday(-age)
    # Counting back from 29 February can land on 1 March, whose birthday is still to come.
    return np.asarray(latest - (BirthdayCalendar(latest).birthday(age) > diagnosis), dtype=np.int64)


def draw_basis(
    chance_microscopic: FloatArray, blood: npt.NDArray[np.bool_], rng: np.random.Generator
) -> IntArray:
    """Draw the basis of diagnosis (IACR codes): 7, 6, 5 where microscopic, otherwise 2, 1, 4, 9.

    Parameters
    ----------
    chance_microscopic
        One a patient.
    blood
        Leukaemias, whose diagnosis often rests on cytology.
    """
    microscopic = rng.random(blood.size) < chance_microscopic
    kind = rng.random(blood.size)
    tissue = np.where(blood, np.where(kind < 0.6, 5, 7), np.select([kind < 0.06, kind < 0.10], [5, 6], 7))
    other = np.select([kind < 0.75, kind < 0.92, kind < 0.97], [2, 1, 4], 9)
    return np.where(microscopic, tissue, other).astype(np.int64)
