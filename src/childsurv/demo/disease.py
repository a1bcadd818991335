"""The excess hazard of a diagnosis: proportional effects on a piecewise-constant course."""

from __future__ import annotations

import numpy as np
import pandas as pd

from childsurv.demo.parameters import (
    AGE_EFFECTS,
    AGE_GROUPS,
    COURSE_BREAKS,
    NON_MALIGNANT_EFFECT,
    PERIOD_EFFECT_PER_YEAR,
    REFERENCE_PERIOD,
    SEX_EFFECTS,
    SEXES,
    STAGE_CLASSES,
    STAGE_EFFECTS,
    FloatArray,
    code_table,
    course_table,
    subgroup_table,
)
from childsurv.demo.patients import IntArray, Patients
from childsurv.maths.calendar import DAYS_PER_YEAR


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


def effects_table(countries: pd.DataFrame, period_first_years: IntArray) -> pd.DataFrame:
    """Return every effect: ``variable, level, term, log_hazard_ratio``; each first level is the reference."""
    first_country = float(countries["log_hazard_ratio"].iloc[0])
    first_period = float(period_effect(period_first_years[:1])[0])
    parts = [
        ("age_group", AGE_GROUPS, AGE_EFFECTS),
        (
            "country",
            countries["code"].tolist(),
            countries["log_hazard_ratio"].to_numpy(np.float64) - first_country,
        ),
        ("non_malignant", ("0", "1"), np.array([0.0, NON_MALIGNANT_EFFECT])),
        (
            "period",
            [f"{year}-{year + 4}" for year in period_first_years],
            period_effect(period_first_years) - first_period,
        ),
        ("sex", SEXES[::-1], SEX_EFFECTS[::-1]),
        ("stage_class", STAGE_CLASSES, STAGE_EFFECTS),
    ]
    table = pd.concat(
        [
            pd.DataFrame({"variable": variable, "level": list(levels), "log_hazard_ratio": values})
            for variable, levels, values in parts
        ],
        ignore_index=True,
    )
    named = table["variable"] + "[T." + table["level"] + "]"
    named = named.where(table["variable"] != "non_malignant", "non_malignant")
    table.insert(2, "term", named.where(table["variable"].duplicated(), ""))
    return table


def baseline_table() -> pd.DataFrame:
    """Return the baseline excess hazard by subgroup and piece of time, per person-year."""
    subgroups, rates = subgroup_table(), course_rates()[subgroup_groups()]
    n_pieces = rates.shape[1]
    hazard = rates * baseline_cumulative()[:, None] * DAYS_PER_YEAR
    return pd.DataFrame(
        {
            "iccc_group": np.repeat(subgroups["group"].to_numpy(object), n_pieces),
            "iccc_subgroup": np.repeat(subgroups["subgroup"].to_numpy(object), n_pieces),
            "from_days": np.tile(COURSE_BREAKS, len(subgroups)),
            "to_days": np.tile(np.append(COURSE_BREAKS[1:], np.inf), len(subgroups)),
            "hazard_per_year": hazard.ravel(),
        }
    )
