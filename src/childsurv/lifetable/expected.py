"""`expected_survival` and `expected_at_risk`: how many would be alive at the mortality of the general population."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.cohort.follow_up import (
    By,
    Data,
    columns_list,
    frame_of,
    group_codes,
    number_column,
    require_rows,
)
from childsurv.cohort.table_notes import noted
from childsurv.errors import ColumnError, OptionError, asked, asking, require_choice, require_columns
from childsurv.lifetable.clock import RELSURV_YEAR
from childsurv.lifetable.paths import cumulative_hazard, pieces_in_batches
from childsurv.lifetable.people import Demographics, demographics, look_up_conventions
from childsurv.lifetable.table import LifeTable
from childsurv.maths.asked import asked_number, asked_numbers, asked_times
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.running import ratio

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

KINDS = ("ederer", "individual", "individual-hazard")

RELSURV_HORIZON_YEARS = 100.0
RELSURV_STEPS_PER_YEAR = 2
"""relsurv's ``nessie`` integrates survival over half years, each with one hazard, for a hundred years."""


@asking("expected_survival")
def expected_survival(
    data: Data,
    life_table: LifeTable,
    *,
    kind: str = "ederer",
    by: By = None,
    time: str | None = None,
    age_days: str | None = None,
    sex: str | None = None,
    diagnosis_date: str | None = None,
    birth_date: str | None = None,
    times: Any = None,
    years: Any = None,
) -> pd.DataFrame | pd.Series:
    """Return the survival expected from population mortality, of each child or on average.

    A child's is ``S_P(t) = exp(-Lambda_P(t))``, where ``Lambda_P`` adds up the life table's daily hazard
    along the child's own ages and calendar dates from diagnosis, exactly over cells. Ederer's expected
    survival of a group is the mean of ``S_P(t)`` over all its children, each followed to every ``t`` whenever
    the child's own follow-up ended.

    Parameters
    ----------
    data
        A Cohort, whose canonical columns are used, or a DataFrame.
    life_table
        Population mortality; its ``by`` columns are looked for in the data.
    kind
        "ederer": a table by group and time. "individual": ``S_P`` of every row at its own time.
        "individual-hazard": ``Lambda_P`` of every row at its own time.
    by
        Column or columns of groups, for "ederer".
    time
        Column with each row's time in days since diagnosis; a Cohort's own unless named.
    age_days, sex, diagnosis_date, birth_date
        Columns by which a row is looked up in the life table: age at diagnosis in whole days (or the date of
        birth), "male" or "female", and the date of diagnosis. By default those of the same names.
    times, years
        For "ederer", times in days or in years of 365.25 days, one or several. By default whole years from 0
        to the longest time in the data.

    Returns
    -------
    DataFrame or Series
        "ederer": group columns, ``time`` (days), ``patients`` and ``expected_survival``, one row a group and
        time. Otherwise a Series with the index of the data.

    Raises
    ------
    ColumnError, DataError
        Missing columns or values, with their rows.
    LifeTableError
        The life table does not cover all children to every time, as it must for "ederer": with the rows.

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table().extend("last")
    >>> expected = cs.expected_survival(cohort, table, by="sex", years=[1, 5])
    >>> list(expected.columns)
    ['sex', 'time', 'patients', 'expected_survival']
    >>> own = cs.expected_survival(cohort, table, kind="individual")
    >>> len(own) == len(cohort)
    True

    References
    ----------
    Ederer F, Axtell LM, Cutler SJ. The relative survival rate: a statistical methodology. Natl Cancer Inst
    Monogr 1961; 6:101-21.
    """
    require_choice(kind, KINDS, argument="kind")
    frame = frame_of(data)
    people = demographics(
        data, life_table, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date, birth_date=birth_date
    )
    time = time or ("time" if isinstance(data, Cohort) else None)
    if kind == "ederer":
        wanted = _wanted_times(frame, time, times, years)
        names = columns_list(by)
        require_columns(frame.columns, names)
        group, groups = group_codes(frame, names)
        return noted(
            _ederer_table(life_table, people, group, groups, wanted),
            {
                "estimator": "Ederer's expected survival",
                **look_up_conventions(life_table, change="exact"),
                "days_per_year": DAYS_PER_YEAR,
                **(data.conventions if isinstance(data, Cohort) else {}),
            },
        )
    given = [name for name, value in (("by", by), ("times", times), ("years", years)) if value is not None]
    if given:
        raise OptionError(
            f"kind={kind!r} gives each row its own value; {', '.join(given)} goes with kind='ederer'."
        )
    if time is None:
        raise ColumnError(f"{asked()}: kind={kind!r} needs time=, the column with each row's time in days.")
    cumulative = cumulative_hazard(
        life_table,
        people.stratum,
        birth=people.birth,
        diagnosis=people.diagnosis,
        time=_own_times(frame, time),
    )
    if kind == "individual":
        return pd.Series(np.exp(-cumulative), index=frame.index, name="expected_survival")
    return pd.Series(cumulative, index=frame.index, name="expected_cumulative_hazard")


def _own_times(frame: pd.DataFrame, name: str) -> npt.NDArray[np.number]:
    require_columns(frame.columns, [name])
    own = number_column(frame, name)
    require_rows(
        own < 0,
        f"{asked()}: column {name!r} is negative",
        "Times count from diagnosis; correct or exclude them.",
    )
    return own


def _wanted_times(frame: pd.DataFrame, time: str | None, times: Any, years: Any) -> FloatArray:
    """Return the times asked for, in days, ascending and each once."""
    if times is None and years is None:
        if time is None:
            raise OptionError(
                f"{asked()}: give years= or times= (days); there is no column time= to take them from."
            )
        longest = float(np.max(_own_times(frame, time)))
        years = np.arange(int(longest / DAYS_PER_YEAR) + 1)
    return np.unique(asked_times(times, years))


def _ederer_table(
    life_table: LifeTable, people: Demographics, group: IntArray, groups: pd.DataFrame, wanted: FloatArray
) -> pd.DataFrame:
    n_groups = max(len(groups), 1)
    patients = np.bincount(group, minlength=n_groups)
    sums = _sums_of_survival(life_table, people, group, n_groups, wanted)
    table = groups.loc[np.repeat(np.arange(n_groups), wanted.size)].reset_index(drop=True)
    table["time"] = np.tile(wanted, n_groups)
    table["patients"] = np.repeat(patients, wanted.size)
    table["expected_survival"] = (sums / patients[:, None]).ravel()
    return table


def _sums_of_survival(
    life_table: LifeTable, people: Demographics, group: IntArray, n_groups: int, wanted: FloatArray
) -> FloatArray:
    """Return each group's summed survival of its members to each time, of shape (n_groups, n_times)."""
    n_times = wanted.size
    sums = np.zeros(n_groups * n_times)
    for batch, piece in pieces_in_batches(
        life_table, people.stratum, birth=people.birth, diagnosis=people.diagnosis,
        time=np.full(group.size, wanted[-1]),
    ):  # fmt: skip
        # Each piece (start, stop] answers for the wanted times inside it, mostly none or one.
        low = np.searchsorted(wanted, piece.start, side="right")
        count = np.searchsorted(wanted, piece.stop, side="right") - low
        row = np.repeat(np.arange(count.size), count)
        offset = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
        column = low[row] + offset
        cumulative = piece.cumulative[row] + piece.rate[row] * (wanted[column] - piece.start[row])
        key = group[batch][row] * n_times + column
        sums += np.bincount(key, np.exp(-cumulative), minlength=sums.size)
    result = sums.reshape(n_groups, n_times)
    if wanted[0] == 0:
        result[:, 0] = np.bincount(group, minlength=n_groups)
    return result


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
    """Return how many of each group would be alive at the mortality of the general population alone.

    ``n(t) = sum of S_P(t)`` over the group's children, each with the survival of the child's own population from
    diagnosis, whatever the follow-up. Where few are expected to be left, net survival rests on them. The mean
    expected life time of a group is the mean of ``integral of S_P from 0 to the horizon``.

    Parameters
    ----------
    data
        A Cohort, whose canonical columns are used, or a DataFrame.
    life_table
        Population mortality. It must cover all children to the last time, and to the horizon; ``.extend("last")``
        carries its last year on.
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
        The life table does not cover all children to every time.
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
    days_per_year = DAYS_PER_YEAR if compat is None else RELSURV_YEAR
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
    table.attrs["conventions"] |= {
        "estimator": "expected numbers at risk" + (f", as {compat}" if compat else ""),
        "days_per_year": days_per_year,
        **({} if horizon_years is None else {"horizon_years": horizon_years}),
    }
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
    """Return each child's expected days of life up to a horizon, exact over cells."""
    total = np.zeros(people.stratum.size)
    for batch, piece in pieces_in_batches(
        table, people.stratum, birth=people.birth, diagnosis=people.diagnosis, time=np.full(total.size, horizon),
    ):  # fmt: skip
        length = piece.stop - piece.start
        total[batch][: length.size] += np.exp(-piece.cumulative) * _mean_survival(piece.rate * length, length)
    return total


def _life_days_by_half_years(table: LifeTable, people: Demographics, horizon_years: float) -> FloatArray:
    """Return each child's expected days of life, with one hazard in every half year since diagnosis."""
    steps = int(np.ceil(horizon_years * RELSURV_STEPS_PER_YEAR))
    ends = np.minimum(np.arange(steps + 1) / RELSURV_STEPS_PER_YEAR, horizon_years) * RELSURV_YEAR
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
    return np.asarray(length * ratio(-np.expm1(-hazard), hazard, otherwise=1.0))
