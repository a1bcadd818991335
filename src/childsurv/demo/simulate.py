"""Simulating the registers: which children fall ill, of what and when they die, and until when they are followed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from childsurv.cohort.cohort import Cohort, DateLike
from childsurv.demo.mortality import (
    FIRST_YEAR,
    LAST_YEAR,
    life_table_cells,
    population_death_time,
    table_of_cells,
)
from childsurv.demo.parameters import (
    SEXES,
    STAGE_SYSTEM,
    FloatArray,
    chosen_countries,
    code_table,
    period,
    stage_class,
    subgroup_table,
)
from childsurv.demo.patients import (
    IntArray,
    Mask,
    Objects,
    Patients,
    baseline_cumulative,
    course_time,
    draw_basis,
    draw_patients,
    linear_predictor,
    objects_where,
    stage_chances,
    subgroup_groups,
)
from childsurv.demo.truth import Truth, baseline_table, effects_table, truth_data
from childsurv.errors import OptionError, asking
from childsurv.extract.read import read_extract
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR

OTHER_CAUSES = np.array(["J18.9", "V89.2", "W74", "Q24.9"], dtype=object)
CAUSE_NOT_STATED = "R99"
SHARE_CAUSE_NOT_STATED = 0.04
SHARE_GRADE_NOT_STATED = 0.30
GRADE_NOT_STATED = 9


@dataclass(frozen=True, eq=False, repr=False)
class Register:
    """Simulated registers of invented countries, with the truth behind them.

    Attributes
    ----------
    truth : Truth
        Hazards, hazard ratios, net and observed survival.
    life_table : LifeTable
        Population mortality of the countries.
    closing_date : datetime.date
        Last day on which follow-up was observed.
    seed : int
        With the number of patients, decides every value.
    """

    frame: pd.DataFrame
    truth: Truth
    cells: pd.DataFrame
    life_table: LifeTable
    closing_date: dt.date
    seed: int

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        dead = int((self.frame["vital_status"] == "dead").sum())
        return (
            f"<Register (simulated): {len(self):,} patients, "
            f"{self.frame['country'].nunique()} invented countries, {dead:,} deaths, "
            f"closed {self.closing_date}, seed {self.seed}>"
        )

    @property
    def data(self) -> pd.DataFrame:
        """A fresh DataFrame of canonical columns, one row a patient, without faults."""
        return self.frame.copy()

    @property
    def life_tables(self) -> pd.DataFrame:
        """Population mortality as a fresh long table: ``country, sex, year, age, mx``."""
        return self.cells.copy()


def simulate(
    *,
    patients: int = 20_000,
    seed: int = 1,
    countries: Sequence[str] | None = None,
    diagnosed: tuple[DateLike, DateLike] = ("2000-01-01", "2019-12-31"),
    closing_date: DateLike = "2020-12-31",
    background: bool = True,
    losses: bool = True,
    infant_cells: bool = False,
    life_table_seed: int = 1,
) -> Register:
    """Simulate cancer registers of invented countries, whose true hazards are known.

    A patient dies of the disease at the time drawn from the excess hazard in `Truth`, or of another cause at
    the time drawn from the life table of the own country, sex, age and calendar year, whichever comes first.

    Parameters
    ----------
    patients
        How many, all countries together; their shares differ by a factor of twenty.
    seed
        The same seed and arguments give the same data.
    countries
        Codes of invented countries (see `countries`); all thirteen by default.
    diagnosed
        First and last date of diagnosis, both from 1980 on.
    closing_date
        Last day of follow-up, to 2030.
    background
        Whether patients can die of other causes. Without them, the log hazard ratios of `Truth` are those of
        the hazard of death, as a Cox model stratified by ``iccc_subgroup`` estimates them.
    losses
        Whether patients are lost to follow-up before the closing date, at a rate of their country.
    infant_cells
        Cut the first year of life of the life tables at 7 and 28 days.
    life_table_seed
        The ``seed`` of `life_table`.

    Returns
    -------
    Register

    Raises
    ------
    OptionError
        No patients, unknown countries, dates in the wrong order or outside the life tables.

    Examples
    --------
    >>> import childsurv as cs
    >>> register = cs.demo.simulate(patients=500, seed=1)
    >>> len(register.data)
    500
    >>> register.truth.net_survival(5).columns.tolist()
    ['years', 'time', 'patients', 'net_survival']
    """
    if isinstance(patients, bool) or int(patients) != patients or patients < 1:
        raise OptionError(f"patients={patients!r} must be a whole number of 1 or more.")
    chosen = chosen_countries(countries)
    first_day, last_day, closing_day = _checked_dates(diagnosed, closing_date)
    rng = np.random.default_rng(seed)
    drawn = draw_patients(chosen, patients=int(patients), first_day=first_day, last_day=last_day, rng=rng)
    cells = life_table_cells(seed=life_table_seed, countries=countries, infant_cells=infant_cells)
    life_table = table_of_cells(cells)

    calendar_year = drawn.diagnosis.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    period_year = calendar_year // 5 * 5
    predictor = linear_predictor(drawn, chosen["log_hazard_ratio"].to_numpy(np.float64), period_year)
    subgroup = code_table()["position"].to_numpy()[drawn.code]
    course = subgroup_groups()[subgroup]
    cumulative = baseline_cumulative()[subgroup] * np.exp(predictor)

    country = np.array(chosen["code"].tolist(), dtype=object)[drawn.country]
    sex = np.array(SEXES, dtype=object)[drawn.sex]
    seen_until = closing_day - drawn.diagnosis
    rate = chosen["loss_per_year"].to_numpy(np.float64)[drawn.country] / DAYS_PER_YEAR
    # Drawn in every case, so that switching losses off changes nothing else.
    lost = np.ceil(rng.standard_exponential(drawn.diagnosis.size) / rate)
    if losses:
        seen_until = np.minimum(seen_until, lost).astype(np.int64)
    disease = course_time(course, rng.standard_exponential(drawn.diagnosis.size) / cumulative)
    other = np.full(drawn.diagnosis.size, np.inf)
    threshold = rng.standard_exponential(drawn.diagnosis.size)
    if background:
        with asking("Simulating"):
            stratum = life_table.stratum_codes(pd.DataFrame({"country": country, "sex": sex}), sex="sex")
        other = population_death_time(
            life_table,
            stratum,
            birth=drawn.birth,
            diagnosis=drawn.diagnosis,
            horizon=np.maximum(np.minimum(seen_until, np.ceil(disease)), 1).astype(np.int64),
            threshold=threshold,
        )
    time, dead, of_disease = _follow_up(disease, other, seen_until)
    frame = canonical_data(
        drawn, chosen, country=country, sex=sex, time=time, dead=dead, of_disease=of_disease, rng=rng
    )
    truth = Truth(
        frame=truth_data(frame, drawn, subgroup, period_year, predictor, dead=dead, of_disease=of_disease),
        course=course,
        cumulative=cumulative,
        effects=effects_table(chosen, np.unique(period_year)),
        baseline_hazards=baseline_table(),
        life_table=life_table if background else None,
    )
    closing = np.datetime64(closing_day, "D").astype(object)
    return Register(frame, truth, cells, life_table, closing, int(seed))


def _checked_dates(diagnosed: tuple[DateLike, DateLike], closing_date: DateLike) -> tuple[int, int, int]:
    try:
        first, last = diagnosed
        days = [
            int(pd.Timestamp(date).to_datetime64().astype("datetime64[D]").astype(np.int64))
            for date in (first, last, closing_date)
        ]
    except (TypeError, ValueError) as error:
        raise OptionError(
            "diagnosed= takes two dates such as ('2000-01-01', '2019-12-31'), closing_date= one."
        ) from error
    earliest = int(np.datetime64(f"{FIRST_YEAR}-01-01").astype(np.int64))
    latest = int(np.datetime64(f"{LAST_YEAR}-12-31").astype(np.int64))
    if not earliest <= days[0] <= days[1] <= days[2] <= latest:
        raise OptionError(
            "The dates must follow each other: diagnosed from, diagnosed to, closing_date; "
            f"all from {FIRST_YEAR} to {LAST_YEAR}, which the simulated life tables cover."
        )
    return days[0], days[1], days[2]


def _follow_up(disease: FloatArray, other: FloatArray, seen_until: IntArray) -> tuple[IntArray, Mask, Mask]:
    """Return days of follow-up, whether it ended by death, and whether the disease was the cause."""
    death = np.minimum(disease, other)
    # A death during day k counts k days; day 1 begins with the diagnosis, its first half is the same date.
    day = np.maximum(np.ceil(death), 1.0)
    dead = day <= seen_until
    recorded = np.where(death < 0.5, 0.0, day)
    time = np.where(dead, recorded, seen_until).astype(np.int64)
    return time, dead, disease <= other


def cohort(*, patients: int = 20_000, seed: int = 1, **options: Any) -> Cohort:
    """Return simulated patients without faults as a `Cohort`, ready for every estimator.

    Parameters
    ----------
    patients, seed, **options
        As in `simulate`.

    Returns
    -------
    Cohort
        With the model's columns ``period``, ``stage_class`` and ``non_malignant`` besides the canonical ones.

    Examples
    --------
    >>> import childsurv as cs
    >>> cs.demo.cohort(patients=500, seed=1)
    <Cohort: 500 of 500 rows kept, 13 countries, ...>
    """
    register = simulate(patients=patients, seed=seed, **options)
    read = read_extract(
        register.frame.drop(columns="age_days"), layout="childsurv", closing_date=register.closing_date
    )
    return read.with_columns(model_columns(read.frame))


def model_columns(data: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the columns of the simulation's hazard model that a cohort does not have itself.

    Parameters
    ----------
    data
        With ``diagnosis_date``, ``stage`` and ``behaviour``.

    Returns
    -------
    dict of str to Series
        ``period``, ``stage_class`` and ``non_malignant`` (0 or 1), for ``cohort.with_columns(...)``.

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=500, seed=1)
    >>> sorted(cs.demo.model_columns(cohort.data))
    ['non_malignant', 'period', 'stage_class']
    """
    non_malignant = data["behaviour"].astype("Int64").isin([0, 1]).astype(np.int64)
    return {
        "period": period(data["diagnosis_date"]),
        "stage_class": stage_class(data["stage"]),
        "non_malignant": non_malignant,
    }


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
            "stage_system": objects_where(codes["scheme"].to_numpy()[drawn.code] == "", None, STAGE_SYSTEM),
            "last_contact_date": _dates(drawn.diagnosis + time),
            "vital_status": objects_where(dead, "dead", "alive"),
            "cause_of_death": objects_where(dead, cause, None),
            "dco": np.zeros(n, dtype=bool),
            "autopsy": np.zeros(n, dtype=bool),
        }
    )


def _dates(days: IntArray) -> Any:
    return days.astype("datetime64[D]").astype("datetime64[s]")


def _patient_numbers(country_code: IntArray, country: Objects) -> Objects:
    """Return numbers such as XVM0000012, counted within a country."""
    first = np.searchsorted(country_code, country_code, side="left")
    serial = pd.Series(np.arange(country_code.size) - first + 1 + 10_000_000).astype(str).str.slice(1)
    return np.asarray(country + serial.to_numpy(object))
