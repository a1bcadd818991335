"""How many of a group would be left if they died of population causes only: how long follow-up can be sensible."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data, columns_list, frame_of, group_codes
from childsurv.errors import OptionError, asked, asking, require_choice, require_columns
from childsurv.lifetable.expected import expected_survival
from childsurv.lifetable.paths import ROWS_AT_A_TIME, cell_index, cumulative_hazard, walk
from childsurv.lifetable.people import Demographics, demographics
from childsurv.lifetable.table import LifeTable
from childsurv.maths.asked import asked_number, asked_numbers
from childsurv.maths.calendar import DAYS_PER_YEAR

FloatArray = npt.NDArray[np.float64]

RELSURV_DAYS_PER_YEAR = 365.241
RELSURV_HORIZON_YEARS = 100.0
RELSURV_STEPS_PER_YEAR = 2
"""relsurv's ``nessie`` integrates survival over half years, each with one hazard, for a hundred years."""


@asking("expected_at_risk")
def expected_at_risk(
    data: Data,
    life_table: LifeTable,
    *,
    by: By = None,
    years: float | Sequence[float],
    horizon_years: float | None = None,
    age_days: str | None = None,
    sex: str | None = None,
    diagnosis_date: str | None = None,
    birth_date: str | None = None,
    compat: str | None = None,
) -> pd.DataFrame:
    """Return how many of each group would be alive if they died at the rates of the general population alone.

    ``n(t) = sum of S_P(t)`` over the group's patients, each with the survival of his or her own population from
    diagnosis, whatever the follow-up. Where few are expected to be left, net survival rests on them. Their mean
    expected life time is the mean of ``integral of S_P from 0 to the horizon``.

    Parameters
    ----------
    data
        A Cohort, whose canonical columns are used, or a DataFrame.
    life_table
        Population mortality. It must cover everybody to the last time, and to the horizon; ``.extend("last")`` carries
        its last year on.
    by
        Column or columns whose combinations are the groups.
    years
        Times since diagnosis, one or several, in years of 365.25 days.
    horizon_years
        Also give the mean life time expected within this many years of diagnosis.
    age_days, sex, diagnosis_date, birth_date
        Columns as for `expected_survival`.
    compat
        "relsurv": as its ``nessie``, in years of 365.241 days, with expected life times of a hundred years unless
        ``horizon_years=`` is given, integrated in half years with one hazard each.

    Returns
    -------
    DataFrame
        Group columns, ``years, time`` (days), ``patients, expected_at_risk``, and ``expected_life_years`` where a
        horizon was given.

    Raises
    ------
    LifeTableError
        The life table does not cover everybody to every time.
    ColumnError, DataError
        Missing columns or values, with their rows.

    References
    ----------
    Pohar Perme M, Pavlic K. Nonparametric relative survival analysis with the R package relsurv. J Stat Softw 2018;
    87(8):1-27. doi:10.18637/jss.v087.i08

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table().extend("last")
    >>> left = cs.expected_at_risk(cohort, table, by="sex", years=[0, 5, 10])
    >>> bool((left["expected_at_risk"] <= left["patients"]).all())
    True
    """
    if compat is not None:
        require_choice(compat, ("relsurv",), argument="compat")
        horizon_years = RELSURV_HORIZON_YEARS if horizon_years is None else horizon_years
    if horizon_years is not None:
        horizon_years = asked_number(horizon_years, argument="horizon_years", positive=True)
    days_per_year = DAYS_PER_YEAR if compat is None else RELSURV_DAYS_PER_YEAR
    wanted = np.unique(asked_numbers(years, argument="years"))
    names = columns_list(by)
    if taken := sorted({"years", "expected_at_risk", "expected_life_years"} & set(names)):
        raise OptionError(f"{asked()} adds a column {taken[0]!r}; rename the group column of that name.")
    table = expected_survival(
        data, life_table, by=by, times=wanted * days_per_year, age_days=age_days, sex=sex,
        diagnosis_date=diagnosis_date, birth_date=birth_date,
    )  # fmt: skip
    assert isinstance(table, pd.DataFrame)
    left = table.pop("expected_survival") * table["patients"]
    n_groups = len(table) // wanted.size
    table.insert(len(names), "years", np.tile(wanted, n_groups))
    table["expected_at_risk"] = left
    if horizon_years is None:
        return table
    people = demographics(
        data, life_table, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date, birth_date=birth_date,
    )  # fmt: skip
    frame = frame_of(data)
    require_columns(frame.columns, names)
    group, _ = group_codes(frame, names, warn_empty=False)
    own = (
        _life_days(life_table, people, horizon_years * days_per_year)
        if compat is None
        else _life_days_by_half_years(life_table, people, horizon_years)
    )
    mean = np.bincount(group, own, minlength=n_groups) / np.bincount(group, minlength=n_groups)
    return table.assign(expected_life_years=np.repeat(mean / days_per_year, wanted.size))


def _life_days(table: LifeTable, people: Demographics, horizon: float) -> FloatArray:
    """Return each person's expected days of life up to a horizon, exact over cells."""
    n = people.stratum.size
    cell_index(table, people.stratum, people.birth, people.diagnosis, np.full(n, np.ceil(horizon)))
    total = np.zeros(n)
    for first in range(0, n, ROWS_AT_A_TIME):
        batch = slice(first, first + ROWS_AT_A_TIME)
        here = total[batch]
        for piece in walk(
            table, people.stratum[batch], birth=people.birth[batch], diagnosis=people.diagnosis[batch],
            time=np.full(here.size, horizon), whole_days=False,
        ):  # fmt: skip
            here[: piece.start.size] += np.exp(-piece.cumulative) * _mean_survival(
                piece.rate * (piece.stop - piece.start), piece.stop - piece.start
            )
    return total


def _life_days_by_half_years(table: LifeTable, people: Demographics, horizon_years: float) -> FloatArray:
    """Return each person's expected days of life, with one hazard in every half year since diagnosis."""
    steps = int(np.ceil(horizon_years * RELSURV_STEPS_PER_YEAR))
    ends = np.minimum(np.arange(steps + 1) / RELSURV_STEPS_PER_YEAR, horizon_years) * RELSURV_DAYS_PER_YEAR
    total = np.zeros(people.stratum.size)
    before = np.zeros(total.size)
    for start, end in itertools.pairwise(ends):
        after = cumulative_hazard(
            table, people.stratum, birth=people.birth, diagnosis=people.diagnosis,
            time=np.full(total.size, end),
        )  # fmt: skip
        total += np.exp(-before) * _mean_survival(after - before, np.full(total.size, end - start))
        before = after
    return total


def _mean_survival(hazard: FloatArray, length: FloatArray) -> FloatArray:
    """Return the integral of survival over a length of time with a constant hazard, given cumulated over it."""
    safe = np.where(hazard > 0, hazard, 1.0)
    return np.asarray(length * np.where(hazard > 0, -np.expm1(-safe) / safe, 1.0))
