"""The log-rank type test of net survival (Graffeo's): whether groups have the same excess hazard."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from childsurv.compare import TestResult, quadratic_form, strata_of
from childsurv.errors import ChildsurvWarning, DataError, ModelError, OptionError, require_choice
from childsurv.follow_up import By, Data, FollowUp, columns_list, follow_up
from childsurv.lifetable.demographics import Demographics, demographics
from childsurv.lifetable.table import LifeTable
from childsurv.probability import chi_squared_p_value
from childsurv.split_days import split_day_sums
from childsurv.tally import fold_expected

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

COMPAT = ("relsurv",)

FEWEST_EVENTS = 10
"""Deaths of a group in a stratum below which the chi-squared distribution is far from the statistic's own."""


def net_survival_test(
    data: Data,
    life_table: LifeTable,
    *,
    by: By,
    strata: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    age_days: str | None = None,
    sex: str = "sex",
    diagnosis_date: str | None = None,
    zero_survival: str = "keep",
    compat: str | None = None,
) -> TestResult:
    """Test whether groups have the same net survival, by the log-rank type test of Graffeo and others.

    With weights ``w = 1 / S_P`` let ``W_g`` be their sum over those at risk in group g at the end of a day, ``E_g`` the
    sum over its dying less what the population would have contributed in the day, and W and E those of all groups.
    Then ``Z_g = sum over strata and days of E_g - W_g / W E`` with covariance
    ``sum over l of (1{g = l} - W_g / W) (1{h = l} - W_h / W) D2_l``, ``D2_l`` the squared weights of those dying in
    group l, and ``Z' V^- Z`` is chi-squared.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=``, ``event=``, ``age_days=`` and ``diagnosis_date=``.
    life_table
        Population mortality; every patient uses the stratum named by its ``by`` columns and sex.
    by
        Columns whose combinations are compared.
    strata
        Columns within whose combinations groups are compared.
    time, event, entry, age_days, sex, diagnosis_date, zero_survival
        As for `net_survival`. With delayed entry weights still cumulate from diagnosis.
    compat
        "relsurv": as ``rs.diff``, which takes the day's population part at weights of the day's end and splits days
        where a cell of the life table ends inside them; ours is exact within the day.

    Returns
    -------
    TestResult
        ``.table`` has the group columns and ``patients, observed, expected``: weighted deaths, and those expected from
        the population and from the excess hazard of all groups together.

    Raises
    ------
    ModelError
        There are no events.
    DataError
        There are fewer than two groups.
    LifeTableError, ColumnError
        As for `net_survival`.

    References
    ----------
    Graffeo N, Castell F, Belot A, Giorgi R. A log-rank-type test to compare net survival distributions. Biometrics
    2016; 72:760-9. doi:10.1111/biom.12477

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table()
    >>> cs.net_survival_test(cohort, table, by="sex").df
    1
    """
    purpose = "net_survival_test"
    if compat is not None:
        require_choice(compat, COMPAT, argument="compat")
    names = columns_list(by)
    if not names:
        raise OptionError(f"{purpose}: by= names the columns whose groups are compared.")
    observed = follow_up(
        data, by=by, time=time, event=event, entry=entry, zero_survival=zero_survival, purpose=purpose
    )
    if observed.n_groups < 2:
        raise DataError(f"{purpose}: {', '.join(names)} has only one group; there is nothing to compare.")
    if not observed.event.any():
        raise ModelError(f"{purpose}: there are no events.")
    people = demographics(
        data, life_table, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date, purpose=purpose
    )
    stratum, n_strata, stratum_names = strata_of(data, observed, strata, purpose=purpose)
    cell = stratum * observed.n_groups + observed.group
    _warn_few(observed, cell, purpose=purpose)
    sums = _daily_sums(
        observed, life_table, people, cell, n_strata * observed.n_groups, compat, purpose=purpose
    )
    shape = (n_strata, observed.n_groups, -1)
    weight, excess, squares, deaths = (values.reshape(shape) for values in sums)
    # Sums of weights of those who have all left are only rounding.
    at_risk = weight.sum(axis=1, keepdims=True)
    share = np.where(at_risk > 0, weight / np.where(at_risk > 0, at_risk, 1.0), 0.0)
    score = (excess - share * excess.sum(axis=1, keepdims=True)).sum(axis=(0, 2))
    # sum of (1{g = l} - p_g)(1{h = l} - p_h) s_l, multiplied out: matrix products over days.
    total = squares.sum(axis=1)
    covariance = np.zeros((observed.n_groups, observed.n_groups))
    for own in range(n_strata):
        cross = share[own] @ squares[own].T
        covariance += (
            np.diag(squares[own].sum(axis=1)) - cross - cross.T + (share[own] * total[own]) @ share[own].T
        )
    statistic, df = quadratic_form(score, covariance, float(np.trace(covariance)))
    weighted_deaths = deaths.sum(axis=(0, 2))
    table = observed.groups.assign(
        patients=np.bincount(observed.group, minlength=observed.n_groups),
        observed=weighted_deaths,
        expected=weighted_deaths - score,
    )
    return TestResult(
        name="Log-rank type test of net survival"
        + (f", stratified by {', '.join(stratum_names)}" if stratum_names else ""),
        statistic=statistic,
        df=df,
        p_value=float(chi_squared_p_value(statistic, df)) if df else float("nan"),
        groups_table=table,
        conventions=observed.source,
    )


def _daily_sums(
    observed: FollowUp,
    table: LifeTable,
    people: Demographics,
    cell: IntArray,
    n_cells: int,
    compat: str | None,
    *,
    purpose: str,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return weights at risk, excess deaths, squared and plain weights of the dying, of shape (n_cells, n_days)."""
    n_days = int(observed.time.max()) + 1
    if compat is not None:
        sums = split_day_sums(observed, table, people, group=cell, n_groups=n_cells, purpose=purpose)
        excess = sums.weighted_events - sums.weighted_expected_events
        return sums.weight, excess, sums.weighted_events_squared, sums.weighted_events
    present, code = np.unique(cell, return_inverse=True)
    regrouped = replace(
        observed,
        group=code.astype(np.int64),
        groups=observed.groups.iloc[present % observed.n_groups].reset_index(drop=True),
    )
    folded = fold_expected(regrouped, table, people, plain=False, weighted=True, purpose=purpose)
    growth = folded.sums["weighted_expected_events"]
    weight = folded.running("weighted_entered", "weighted_left", "weighted_expected_events") + growth
    weight = np.where(folded.at_risk > 0, weight, 0.0)

    def laid_out(values: FloatArray) -> FloatArray:
        dense = np.zeros((n_cells, n_days))
        dense[present[folded.group], folded.end.astype(np.int64)] = values
        return dense

    deaths = folded.sums["weighted_events"]
    return (
        laid_out(weight),
        laid_out(deaths - growth),
        laid_out(folded.sums["weighted_events_squared"]),
        laid_out(deaths),
    )


def _warn_few(observed: FollowUp, cell: IntArray, *, purpose: str) -> None:
    deaths = np.bincount(cell[observed.event == 1], minlength=int(cell.max()) + 1)
    sizes = np.bincount(cell, minlength=deaths.size)
    few = int(((deaths < FEWEST_EVENTS) & (sizes > 0)).sum())
    if few:
        warnings.warn(
            f"{purpose}: {few} of {int((sizes > 0).sum())} groups (in strata) have fewer than {FEWEST_EVENTS} deaths, "
            "too few for the chi-squared distribution to be near. Merge groups, or read the p value with care.",
            ChildsurvWarning,
            stacklevel=3,
        )
