"""Mortality of the invented populations: life tables with an infant peak, and deaths drawn from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from childsurv.demo.parameters import SEXES, SIMULATED, FloatArray, chosen_countries
from childsurv.errors import asking
from childsurv.lifetable.paths import ROWS_AT_A_TIME, IntArray, walk
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR

FIRST_YEAR, LAST_YEAR = 1980, 2030
LAST_AGE = 100

INFANT_CUTS = np.array([0.0, 7.0, 28.0])
"""Days at which cells of infancy begin where they are finer than a year."""

INFANT_SHARES = np.array([0.45, 0.20, 0.35])
"""Share of the cumulative infant hazard that falls in each of them."""

INFANT_MALE, ADULT_MALE = 1.20, 1.60
MX_DECIMALS = 9
FLUCTUATION = 0.03
"""Standard deviation of the irregular yearly movement of log mortality."""


def life_table_cells(
    *, seed: int = 1, countries: Sequence[str] | None = None, infant_cells: bool = False
) -> pd.DataFrame:
    """Return simulated population mortality as a long table: ``country, sex, year, age, mx``.

    ``mx(0)`` falls on a log-linear path from its level in 1980 to that in 2020; from age 1,
    ``mx(x) = child(x) + accidents(x) + g exp(h x)`` (the three parts of Heligman and Pollard 1980), falling
    more slowly.

    Parameters
    ----------
    seed, countries, infant_cells
        As in `life_table`.

    Returns
    -------
    DataFrame
        One row a cell; ``age`` is its start in years, ``mx`` the rate per person-year.
    """
    table = chosen_countries(countries)
    years = np.arange(FIRST_YEAR, LAST_YEAR + 1)
    ages = np.arange(LAST_AGE + 1)
    # Axes: country, sex, year, age.
    elapsed = (years - 1980) / 40.0
    infant_1980 = table["mx0_1980"].to_numpy(np.float64)[:, None]
    infant_2020 = table["mx0_2020"].to_numpy(np.float64)[:, None]
    infant = infant_1980 * (infant_2020 / infant_1980) ** elapsed[None, :]
    infant = infant[:, None, :] * np.array([1.0, INFANT_MALE])[None, :, None]
    level = table["adult_level"].to_numpy(np.float64)[:, None, None, None]
    decline = np.exp(-0.45 * elapsed)[None, None, :, None]
    older = np.maximum(ages, 1).astype(np.float64)
    child = infant[..., None] * 0.07 * np.exp(-0.45 * (older - 1)) + 6e-5 * level * decline
    accidents = np.array([2.2e-4, 9.0e-4])[None, :, None, None] * np.exp(-9.0 * np.log(older / 24.0) ** 2)
    gompertz = np.array([1.0, ADULT_MALE])[None, :, None, None] * 3.2e-5 * np.exp(0.095 * older)
    mx = child + (accidents + gompertz) * level * decline
    mx[..., 0] = infant
    mx = mx * _fluctuation(seed, table["code"].tolist(), years.size)[:, None, :, None]
    starts = ages.astype(np.float64)
    if infant_cells:
        widths = np.diff(np.append(INFANT_CUTS, DAYS_PER_YEAR)) / DAYS_PER_YEAR
        fine = mx[..., :1] * INFANT_SHARES / widths
        mx = np.concatenate([fine, mx[..., 1:]], axis=-1)
        starts = np.concatenate([INFANT_CUTS / DAYS_PER_YEAR, starts[1:]])
    n_countries, n_sexes, n_years, n_ages = mx.shape
    return pd.DataFrame(
        {
            "country": np.repeat(table["code"].to_numpy(object), n_sexes * n_years * n_ages),
            "sex": np.tile(np.repeat(np.array(SEXES, dtype=object), n_years * n_ages), n_countries),
            "year": np.tile(np.repeat(years, n_ages), n_countries * n_sexes),
            "age": np.tile(starts, n_countries * n_sexes * n_years),
            # As many digits as the file of the life tables holds, so that reading it gives the same table.
            "mx": mx.ravel().round(MX_DECIMALS),
        }
    )


def _fluctuation(seed: int, codes: Sequence[str], n_years: int) -> FloatArray:
    """Return a positive factor near 1 for each country and year."""
    # A country's own stream, so that choosing fewer countries does not change the tables of the others.
    all_codes = chosen_countries(None)["code"].tolist()
    noise = np.random.default_rng([seed, 1980]).normal(0.0, FLUCTUATION, size=(len(all_codes), n_years))
    return np.exp(noise[[all_codes.index(code) for code in codes]])


def table_of_cells(cells: pd.DataFrame) -> LifeTable:
    """Return the `LifeTable` of cells made by `life_table_cells`."""
    return LifeTable.from_frame(
        cells, by=("country",), mx="mx", source=f"childsurv.demo, invented countries {SIMULATED}"
    )


def life_table(
    *, seed: int = 1, countries: Sequence[str] | None = None, infant_cells: bool = False
) -> LifeTable:
    """Return the simulated life table of the invented countries, 1980-2030, ages 0 to 100.

    Parameters
    ----------
    seed
        Of the irregular movement from year to year. Registers are simulated with the table of
        ``life_table_seed`` (1 by default), whatever their own seed.
    countries
        Codes of invented countries; all thirteen by default.
    infant_cells
        Cut the first year of life at 7 and 28 days, where most infant deaths fall, instead of one
        rate for the year.

    Returns
    -------
    LifeTable
        By ``country`` and sex.

    Raises
    ------
    OptionError
        A code that is none of the invented countries.

    Examples
    --------
    >>> import childsurv as cs
    >>> cs.demo.life_table(countries=["XVM"])
    <LifeTable by country, sex: 2 strata, 101 ages, 51 calendar cells, 1980-01-01 to 2030-12-31, digest ...>

    References
    ----------
    Heligman L, Pollard JH. The age pattern of mortality. J Inst Actuaries 1980; 107:49-80.
    doi:10.1017/S0020268100040257
    """
    return table_of_cells(life_table_cells(seed=seed, countries=countries, infant_cells=infant_cells))


def population_death_time(
    table: LifeTable,
    stratum: IntArray,
    *,
    birth: IntArray,
    diagnosis: IntArray,
    horizon: IntArray,
    threshold: FloatArray,
) -> FloatArray:
    """Return when the cumulative population hazard reaches a threshold, or infinity if not by the horizon.

    With standard exponential thresholds, these are times of death drawn exactly from the life table.

    Parameters
    ----------
    table, stratum
        The life table and each person's stratum in it.
    birth, diagnosis
        Days since 1970-01-01.
    horizon
        Days since diagnosis up to which a death matters; at least 1.
    threshold
        Cumulative hazard at death.

    Returns
    -------
    ndarray of shape (n_persons,)
        Days since diagnosis, with fractions.
    """
    death = np.full(diagnosis.size, np.inf)
    for first in range(0, diagnosis.size, ROWS_AT_A_TIME):
        batch = slice(first, first + ROWS_AT_A_TIME)
        here, limit = death[batch], threshold[batch]
        for piece in walk(
            table,
            stratum[batch],
            birth=birth[batch],
            diagnosis=diagnosis[batch],
            time=horizon[batch],
            whole_days=True,
        ):
            with asking("Simulating population deaths"):
                left = limit[: piece.start.size] - piece.cumulative
            dies = (left > 0) & (left <= piece.rate * (piece.stop - piece.start))
            here[np.flatnonzero(dies)] = piece.start[dies] + left[dies] / piece.rate[dies]
    return death
