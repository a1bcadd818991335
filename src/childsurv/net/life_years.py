"""Years of life lost to the disease and to other causes: areas under the curves of crude mortality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data
from childsurv.cohort.table_notes import noted
from childsurv.errors import asking, renamed, require_level
from childsurv.fold.tally import Tally
from childsurv.lifetable.people import Columns
from childsurv.lifetable.table import LifeTable
from childsurv.maths.asked import asked_numbers
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.probability import normal_quantile
from childsurv.maths.running import running_sum
from childsurv.net.crude import CAUSES, CrudeCells, asked_add_times, crude_cells

FloatArray = npt.NDArray[np.float64]

RELSURV_DAYS_PER_YEAR = 365.241
"""Days of relsurv's year."""


@asking("years_of_life_lost")
@renamed(add_times="compat_options.add_times")
def years_of_life_lost(
    data: Data | Tally,
    life_table: LifeTable | None = None,
    *,
    by: By = None,
    years: float | Sequence[float] | None = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    age_days: str | None = None,
    sex: str = "sex",
    diagnosis_date: str | None = None,
    level: float = 0.95,
    zero_survival: str = "keep",
    compat: str | None = None,
    compat_options: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Estimate the years of life lost to the disease and to other causes before a horizon.

    ``L_c = integral of F_c from 0 to tau``, the area under the curve of `crude_mortality`; what is lost to both causes
    is tau less the restricted mean survival time. With ``A_c(t)`` the area to t, the delta method gives the variances
    ``sum over days u <= tau of d / Y**2`` times the squares of ``(tau - u) (S(u) + F(u)) - (A(tau) - A(u))`` for the
    disease and ``A(tau) - A(u) - (tau - u) F(u)`` for the population.

    Parameters
    ----------
    data, life_table, by, time, event, entry, age_days, sex, diagnosis_date, zero_survival
        As for `crude_mortality`.
    years
        The horizon tau or several, in years of 365.25 days; without it each group's last day of follow-up.
    level
        Confidence level of the limits, ``estimate -+ z std_error``.
    compat, compat_options
        "relsurv": the ``area`` of its ``cmp.rel``, which takes every step at the height of its end, in years of 365.241
        days, as ``years`` then are; ``compat_options`` as for `crude_mortality`.

    Returns
    -------
    DataFrame
        Group columns, ``cause`` ("disease", "population"), ``tau`` (days), ``years_lost, std_error, lower, upper``
        (years); NaN for groups that are not followed to tau.

    Raises
    ------
    LifeTableError, ColumnError, DataError
        As for `crude_mortality`.

    References
    ----------
    Andersen PK. Decomposition of number of life years lost according to causes of death. Stat Med 2013; 32:5278-85.
    doi:10.1002/sim.5903

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table()
    >>> lost = cs.years_of_life_lost(cohort, table, years=5)
    >>> lived = cs.kaplan_meier(cohort).rmst(years=5)["rmst"][0] / 365.25
    >>> bool(abs(5 - lost["years_lost"].sum() - lived) < 1e-9)
    True
    """
    z = normal_quantile(require_level(level))
    days_per_year = DAYS_PER_YEAR if compat is None else RELSURV_DAYS_PER_YEAR
    horizons = (
        None if years is None else asked_numbers(years, argument="years", positive=True) * days_per_year
    )
    moments = asked_add_times(compat, compat_options)
    if compat is not None and horizons is not None:
        # relsurv's grid ends at the horizon itself, whole day or not.
        moments = horizons if moments is None else np.concatenate([moments, horizons])
    columns = Columns(
        time=time, event=event, entry=entry, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date,
    )  # fmt: skip
    cells = crude_cells(
        data, life_table, columns, by=by, zero_survival=zero_survival, compat=compat, add_times=moments
    )
    last = cells.starts[1:] - 1
    n_groups, n_causes = last.size, len(CAUSES)
    taus = (
        cells.end[last][:, None] if horizons is None else np.broadcast_to(horizons, (n_groups, horizons.size))
    )
    lost = np.empty((n_groups, n_causes, taus.shape[1]))
    errors = np.empty_like(lost)
    for place in range(taus.shape[1]):
        lost[:, :, place], errors[:, :, place] = _areas(cells, taus[:, place], at_end=compat is not None)
    lost, errors = lost.ravel() / days_per_year, errors.ravel() / days_per_year
    row = np.repeat(np.arange(n_groups), n_causes * taus.shape[1])
    table = (
        cells.groups.iloc[row]
        .reset_index(drop=True)
        .assign(
            cause=np.tile(np.repeat(np.array(CAUSES, dtype=object), taus.shape[1]), n_groups),
            tau=np.repeat(taus[:, None, :], n_causes, axis=1).ravel(),
            years_lost=lost,
            std_error=errors,
            lower=lost - z * errors,
            upper=lost + z * errors,
        )
    )
    own = {"ci": "plain", "level": level, "days_per_year": days_per_year}
    return noted(table, {**cells.conventions, **cells.followed, **own})


def _areas(cells: CrudeCells, tau: FloatArray, *, at_end: bool) -> tuple[FloatArray, FloatArray]:
    """Return each group's areas to its horizon in days and their standard errors, of shape (n_groups, n_causes)."""
    starts = cells.starts
    first, last = starts[:-1], starts[1:] - 1
    own_tau = tau[cells.group]
    reached = np.minimum(cells.end, own_tau)
    previous = np.zeros_like(reached)
    previous[1:] = reached[:-1]
    previous[first] = 0.0
    # When no child survives, none can die any more: the curves stay where they are.
    over = (cells.survival[last] == 0) & (cells.end[last] < tau)
    known = over | (cells.end[last] >= tau)
    inside = cells.end <= own_tau
    areas, errors = [], []
    for own, estimate in enumerate(cells.estimates):
        height = estimate
        if not at_end:
            height = np.zeros_like(estimate)
            height[1:] = estimate[:-1]
            height[first] = 0.0
        area = running_sum(height * (reached - previous), starts)
        total = area[last] + np.where(over, estimate[last] * (tau - cells.end[last]), 0.0)
        level = estimate + (cells.survival if own == 0 else 0.0)
        moved = (own_tau - cells.end) * level - (total[cells.group] - area)
        squares = np.where(inside, moved**2 * cells.spread, 0.0)
        variance = np.add.reduceat(squares, first)
        areas.append(np.where(known, total, np.nan))
        errors.append(np.where(known, np.sqrt(variance), np.nan))
    return np.stack(areas, axis=1), np.stack(errors, axis=1)
