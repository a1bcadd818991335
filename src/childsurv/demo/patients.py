"""Which children fall ill, where, when and with which tumour, and their excess hazard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.demo.parameters import (
    AGE_EFFECTS,
    AGE_FIRST_YEARS,
    AGE_GROUPS,
    AGE_WIDTHS,
    COURSE_BREAKS,
    NON_MALIGNANT_EFFECT,
    PERIOD_EFFECT_PER_YEAR,
    REFERENCE_PERIOD,
    SEX_EFFECTS,
    SEXES,
    STAGE_CLASSES,
    STAGE_EFFECTS,
    STAGE_UNKNOWN,
    FloatArray,
    code_table,
    course_table,
    stage_table,
    subgroup_table,
)
from childsurv.maths.calendar import DAYS_PER_YEAR, BirthdayCalendar

Mask = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]
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
    # Counting back from 29 February can land on 1 March, on which the birthday is still to come.
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


def objects_where(mask: Mask, yes: Any, no: Any) -> Objects:
    """Return ``yes`` where the mask is true and ``no`` elsewhere, as objects (text, or None for nothing)."""
    chosen = np.empty(mask.size, dtype=object)
    chosen[:] = no
    chosen[mask] = yes[mask] if isinstance(yes, np.ndarray) else yes
    return chosen


def course_rates() -> FloatArray:
    """Return the hazard per day of each group's course, ``(n_groups, n_pieces)``; it sums to 1 at 5 years."""
    table = course_table()
    shares = table.filter(like="to_").to_numpy(np.float64) / np.diff(COURSE_BREAKS)
    later = table["later_per_year"].to_numpy(np.float64)[:, None] / DAYS_PER_YEAR
    return np.concatenate([shares, later], axis=1)


def course_levels() -> FloatArray:
    """Return the cumulative course at `COURSE_BREAKS`, shape ``(n_groups, n_breaks)``."""
    steps = course_rates()[:, :-1] * np.diff(COURSE_BREAKS)
    return np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)


def course_at(days: float) -> FloatArray:
    """Return the cumulative course of each main group at a time in days, shape ``(n_groups,)``."""
    piece = int(np.searchsorted(COURSE_BREAKS, days, side="right")) - 1
    return np.asarray(course_levels()[:, piece] + course_rates()[:, piece] * (days - COURSE_BREAKS[piece]))


def course_time(group: IntArray, cumulative: FloatArray) -> FloatArray:
    """Return when a main group's course reaches a cumulative value, in days."""
    levels, rates = course_levels(), course_rates()
    piece = np.zeros(group.size, dtype=np.int64)
    for column in levels.T[1:]:
        piece += cumulative > column[group]
    return np.asarray(COURSE_BREAKS[piece] + (cumulative - levels[group, piece]) / rates[group, piece])


def subgroup_groups() -> IntArray:
    """Return the main group of each subgroup, as its position in `course_table`."""
    return np.asarray(
        pd.Index(course_table()["group"]).get_indexer(subgroup_table()["group"]), dtype=np.int64
    )


def baseline_cumulative() -> FloatArray:
    """Return each subgroup's cumulative excess hazard at five years where every effect is zero."""
    return np.asarray(-np.log(subgroup_table()["survival_5y"].to_numpy(np.float64)))


def period_effect(first_year: IntArray) -> FloatArray:
    """Return the log hazard ratio of a five-year period that begins in a year, against 2000-2004."""
    return np.asarray(PERIOD_EFFECT_PER_YEAR * (first_year - REFERENCE_PERIOD))


def linear_predictor(
    patients: Patients, country_effects: FloatArray, period_first_year: IntArray
) -> FloatArray:
    """Return each patient's log hazard ratio against the baseline of the own subgroup."""
    non_malignant = code_table()["behaviour"].to_numpy()[patients.code] < 2
    return np.asarray(
        country_effects[patients.country]
        + AGE_EFFECTS[patients.age_group]
        + SEX_EFFECTS[patients.sex]
        + STAGE_EFFECTS[patients.stage_class]
        + NON_MALIGNANT_EFFECT * non_malignant
        + period_effect(period_first_year)
    )
