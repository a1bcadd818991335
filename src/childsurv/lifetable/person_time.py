"""Person-years, deaths and expected deaths by cells of age, calendar time and time since diagnosis; and their ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data
from childsurv.cohort.table_notes import noted
from childsurv.errors import OptionError, asked, asking, require_level
from childsurv.lifetable.paths import pieces_in_batches
from childsurv.lifetable.people import Columns, People, look_up_conventions, people_of
from childsurv.lifetable.table import AFTER_ALL, BEFORE_ALL, LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR, first_of_january
from childsurv.maths.probability import poisson_limits
from childsurv.maths.running import ratio

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SOME_TIME = 1e-9
"""Days after diagnosis that a death on its day lies, so that it falls into the band that begins there."""

LARGEST_NUMBER_OF_CELLS = 20_000_000
"""Cells of a table of person-years beyond which it could not be read, and memory would run out."""


@asking("person_years")
def person_years(
    data: Data,
    life_table: LifeTable | None = None,
    *,
    by: By = None,
    ages: Sequence[float] | None = None,
    years: Sequence[int] | None = None,
    since_diagnosis: Sequence[float] | None = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    age_days: str | None = None,
    sex: str | None = None,
    diagnosis_date: str | None = None,
    zero_survival: str = "keep",
) -> pd.DataFrame:
    """Return person-years, deaths and expected deaths by group, attained age, calendar year and time since diagnosis.

    Follow-up ``(entry, time]`` is shared out exactly, by the day: a cell's person-years are its person-days / 365.25,
    its deaths those at the end of follow-up within it, and its expected deaths the population hazard added up over
    its person-days. A date is the moment at which its day begins: a death on a birthday or on 1 January lies on the cut
    and counts in the cell that ends there, as in Epi (windows count whole dates instead).

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=``, ``event=`` and the demographic columns.
    life_table
        Population mortality; without one no deaths are expected and no sex is needed.
    by
        Column or columns of groups.
    ages
        Where bands of attained age begin, in years: ``[0, 1, 5, 10, 15]``. They change on birthdays, or as the
        life table's own ages do. The last is open, and ages before the first are another band.
    years
        First calendar years of periods: ``[2000, 2005, 2010]``; open at both ends likewise.
    since_diagnosis
        Where bands of time since diagnosis begin, in years of 365.25 days: ``[0, 1, 5]``.
    time, event, entry
        Columns of a DataFrame: end of follow-up in whole days, 1 for a death of any cause, start of follow-up.
    age_days, sex, diagnosis_date
        Columns of a DataFrame: age at diagnosis in days, "male" or "female", date of diagnosis.
    zero_survival
        Rows of a cohort that end on the day of diagnosis: "keep" counts one day, "drop" leaves them out.

    Returns
    -------
    DataFrame
        Group columns; ``age_from, age_to``, ``year_from, year_to`` (first and last calendar year) and ``since_from,
        since_to`` where asked for, missing at an open end; ``person_years, deaths`` and, with a life table,
        ``expected_deaths``. One row for each cell with follow-up or a death.

    Raises
    ------
    ColumnError, DataError
        As for `kaplan_meier`; follow-up must be in whole days.
    LifeTableError
        The life table does not cover the follow-up.
    OptionError
        Cuts that are not ascending numbers.

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table()
    >>> cells = cs.person_years(cohort, table, by="sex", ages=[0, 5, 10, 15], years=[2010, 2015])
    >>> list(cells.columns)[1:5]
    ['age_from', 'age_to', 'year_from', 'year_to']
    >>> bool(cells["deaths"].sum() == cohort.data["event"].sum())
    True

    References
    ----------
    Breslow NE, Day NE. Statistical methods in cancer research, volume II: the design and analysis of cohort
    studies. IARC Scientific Publications 82, Lyon 1987, chapters 2 and 3.
    """
    bands = _Bands(
        ages=_cuts(ages, "ages"), years=_cuts(years, "years"), since=_cuts(since_diagnosis, "since_diagnosis")
    )
    if bands.years is not None and (
        (bands.years % 1).any() or bands.years[0] < 1800 or bands.years[-1] > 2299
    ):
        raise OptionError("years= takes calendar years, whole numbers from 1800 to 2299.")
    columns = Columns(
        time=time, event=event, entry=entry, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date,
    )  # fmt: skip
    people = people_of(
        data, _without_deaths() if life_table is None else life_table, columns, by=by, zero_survival=zero_survival,
        sexes=life_table is not None,
    )  # fmt: skip
    observed = people.observed
    sums = _fold(people, bands)
    kept = np.flatnonzero((sums["days"] > 0) | (sums["deaths"] > 0))
    group, *places = np.unravel_index(kept, (observed.n_groups, *bands.sizes))
    result = observed.groups.iloc[group].reset_index(drop=True)
    for name, cuts, place in zip(("age", "year", "since"), bands.cuts, places, strict=True):
        if cuts is not None:
            result = result.assign(**_limits(name, cuts, place))
    result["person_years"] = sums["days"][kept] / DAYS_PER_YEAR
    result["deaths"] = sums["deaths"][kept].astype(np.int64)
    if life_table is not None:
        result["expected_deaths"] = sums["expected"][kept]
    look_up = {} if life_table is None else look_up_conventions(life_table, change="exact")
    return noted(result, {**look_up, **people.conventions})


@asking("standardised_mortality_ratio")
def standardised_mortality_ratio(
    data: Data,
    life_table: LifeTable,
    *,
    by: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    age_days: str | None = None,
    sex: str | None = None,
    diagnosis_date: str | None = None,
    zero_survival: str = "keep",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the ratio of observed to expected deaths of each group, with exact limits.

    ``SMR = O / E``, with E the population hazard added up over all person-days. The limits take O for a Poisson
    number: ``chi2(alpha / 2; 2 O) / (2 E)`` and ``chi2(1 - alpha / 2; 2 O + 2) / (2 E)``.

    Parameters
    ----------
    data, life_table, by, time, event, entry, age_days, sex, diagnosis_date, zero_survival
        As in `person_years`; a life table is needed. Survivors of five years enter with ``entry=``.
    level
        Confidence level.

    Returns
    -------
    DataFrame
        Group columns, ``patients, person_years, deaths, expected_deaths, smr, lower, upper``; one row a group. The
        ratio is missing where no deaths were expected.

    Raises
    ------
    ColumnError, DataError, LifeTableError
        As for `person_years`.

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table()
    >>> ratios = cs.standardised_mortality_ratio(cohort, table, by="sex")
    >>> bool((ratios["lower"] < ratios["smr"]).all() and (ratios["smr"] < ratios["upper"]).all())
    True

    References
    ----------
    Garwood F. Fiducial limits for the Poisson distribution. Biometrika 1936; 28:437-42.
    doi:10.1093/biomet/28.3-4.437
    """
    require_level(level)
    columns = Columns(
        time=time, event=event, entry=entry, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date,
    )  # fmt: skip
    people = people_of(data, life_table, columns, by=by, zero_survival=zero_survival)
    observed = people.observed
    sums = _fold(people, _Bands())
    deaths, expected = sums["deaths"], sums["expected"]
    lower, upper = poisson_limits(deaths, level)
    result = observed.groups.reset_index(drop=True)
    result["patients"] = np.bincount(observed.group, minlength=observed.n_groups)
    result["person_years"] = sums["days"] / DAYS_PER_YEAR
    result["deaths"] = deaths.astype(np.int64)
    result["expected_deaths"] = expected
    for name, values in (("smr", deaths), ("lower", lower), ("upper", upper)):
        result[name] = ratio(values, expected, otherwise=np.nan)
    conventions = {"limits": "exact, of a Poisson number (Garwood)", "level": level}
    return noted(
        result, {**conventions, **look_up_conventions(life_table, change="exact"), **people.conventions}
    )


@dataclass(frozen=True)
class _Bands:
    """Where bands of attained age (years), calendar time (years) and time since diagnosis (years) begin."""

    ages: FloatArray | None = None
    years: FloatArray | None = None
    since: FloatArray | None = None

    @property
    def cuts(self) -> tuple[FloatArray | None, ...]:
        return self.ages, self.years, self.since

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of bands of each kind: what lies before the first cut is also one."""
        return tuple(1 if cuts is None else cuts.size + 1 for cuts in self.cuts)


def _cuts(values: Sequence[float] | None, argument: str) -> FloatArray | None:
    if values is None:
        return None
    try:
        cuts = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise OptionError(f"{argument}= takes numbers.") from error
    if cuts.ndim != 1 or cuts.size == 0 or not np.isfinite(cuts).all() or (np.diff(cuts) <= 0).any():
        raise OptionError(f"{argument}= takes ascending numbers, where each band begins.")
    if (cuts < 0).any():
        raise OptionError(f"{argument}= takes numbers of 0 or more.")
    return cuts


def _without_deaths() -> LifeTable:
    shape = (1, 1, 1)
    return LifeTable(
        by=(),
        strata=pd.DataFrame({"sex": ["female"]}, dtype=object),
        age_starts=np.zeros(1),
        year_starts=np.array([BEFORE_ALL]),
        year_end=AFTER_ALL,
        rates=np.zeros(shape),
        extended=np.zeros(shape, dtype=bool),
        age_rule="birthday",
        source="none",
    )


def _fold(people: People, bands: _Bands) -> dict[str, FloatArray]:
    """Return person-days, deaths and expected deaths by group and band, each flat."""
    observed, places = people.observed, people.places
    n_cells = observed.n_groups * math.prod(bands.sizes)
    if n_cells > LARGEST_NUMBER_OF_CELLS:
        raise OptionError(
            f"{asked()}: {n_cells:,} cells of groups and bands are too many; use fewer groups or wider bands."
        )
    fine = _cut_at(people.table, bands)
    # Each cell of the finer table lies in one band of age and one of calendar time.
    age_band = _band_of(_years_of_age(fine), bands.ages)
    year_band = _band_of(fine.year_starts, None if bands.years is None else first_of_january(bands.years))
    of_cell = (age_band[:, None] * bands.sizes[1] + year_band[None, :]).ravel()
    since_cuts = np.array([]) if bands.since is None else bands.since * DAYS_PER_YEAR
    edges = np.concatenate([[0.0], since_cuts, [np.inf]])
    n_since = bands.sizes[2]
    per_group = math.prod(bands.sizes)
    rates = fine.rates.ravel()
    sums = {name: np.zeros(n_cells) for name in ("days", "deaths", "expected")}
    for batch, piece in pieces_in_batches(
        fine, places.stratum, birth=places.birth, diagnosis=places.diagnosis, time=people.time
    ):
        size = piece.start.size
        key = observed.group[batch][:size] * per_group + of_cell[piece.cell % of_cell.size] * n_since
        start = (
            piece.start if observed.entry is None else np.maximum(piece.start, observed.entry[batch][:size])
        )
        rate = rates[piece.cell]
        for band in range(n_since):
            days = np.minimum(piece.stop, edges[band + 1]) - np.maximum(start, edges[band])
            inside = np.flatnonzero(days > 0)
            sums["days"] += np.bincount(key[inside] + band, days[inside], minlength=n_cells)
            expected = days[inside] * rate[inside]
            sums["expected"] += np.bincount(key[inside] + band, expected, minlength=n_cells)
        last = piece.last
        dying = last[observed.event[batch][last] > 0]
        # A death belongs to the band that ends with it, as its last day does.
        last_moment = np.maximum(piece.stop[dying], SOME_TIME)
        band_of_death = np.searchsorted(edges[1:], last_moment, side="left")
        sums["deaths"] += np.bincount(key[dying] + band_of_death, minlength=n_cells)
    return sums


def _cut_at(table: LifeTable, bands: _Bands) -> LifeTable:
    """Return the table with cuts at every band as well; no hazard changes."""
    ages, years = table.age_starts, table.year_starts
    if bands.ages is not None:
        own = bands.ages * ((table.days_per_year or DAYS_PER_YEAR) if table.age_rule == "fixed" else 1.0)
        ages = np.union1d(ages, own[own > ages[0]])
    if bands.years is not None:
        days = first_of_january(bands.years)
        years = np.union1d(years, days[(days > years[0]) & (days < table.year_end)]).astype(np.int64)
    age = np.searchsorted(table.age_starts, ages, side="right") - 1
    year = np.searchsorted(table.year_starts, years, side="right") - 1
    return replace(
        table,
        age_starts=ages,
        year_starts=years,
        rates=table.rates[:, age, :][:, :, year],
        extended=table.extended[:, age, :][:, :, year],
    )


def _years_of_age(table: LifeTable) -> FloatArray:
    return table.age_starts / ((table.days_per_year or DAYS_PER_YEAR) if table.age_rule == "fixed" else 1.0)


def _band_of(starts: npt.NDArray[Any], cuts: npt.NDArray[Any] | None) -> IntArray:
    if cuts is None:
        return np.zeros(starts.size, dtype=np.int64)
    # Ages in fixed days were multiplied and divided by the length of a year.
    return np.searchsorted(cuts, starts + 1e-9, side="right").astype(np.int64)


def _limits(name: str, cuts: FloatArray, place: IntArray) -> dict[str, Any]:
    """Return columns with both ends of each band, missing where it is open."""
    low, high = np.append(np.nan, cuts)[place], np.append(cuts, np.nan)[place]
    if name == "age" or name == "since":
        # Ages and times before the first cut begin at 0.
        low = np.where(np.isnan(low), 0.0, low)
        return {f"{name}_from": low, f"{name}_to": high}
    return {
        "year_from": pd.array(low, dtype="Float64").astype("Int64"),
        "year_to": pd.array(high - 1, dtype="Float64").astype("Int64"),
    }
