"""The log-rank type test of net survival (Graffeo's): whether groups have the same excess hazard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import By, Data, FollowUp, columns_list
from childsurv.compare.results import TestResult, quadratic_form
from childsurv.errors import (
    ModelError,
    OptionError,
    asked,
    asking,
    require_choice,
    warn,
)
from childsurv.fold.comparison import require_two_groups, strata_of
from childsurv.fold.risk_weights import risk_weights
from childsurv.fold.rows import fold_expected
from childsurv.fold.split_days import split_day_sums
from childsurv.lifetable.people import Columns, People, look_up_conventions, people_of
from childsurv.lifetable.table import LifeTable
from childsurv.maths.probability import chi_squared_p_value
from childsurv.maths.running import ratio

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

COMPAT = ("relsurv",)

FEWEST_EVENTS = 10
"""Deaths of a group in a stratum below which the statistic is far from chi-squared."""


@asking("net_survival_test")
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
        where a cell of the life table ends inside them; ours is the exact growth of the weights within the day. Both
        take the shares of the groups at the day's end.

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
    if compat is not None:
        require_choice(compat, COMPAT, argument="compat")
    names = columns_list(by)
    if not names:
        raise OptionError(f"{asked()}: by= names the columns whose groups are compared.")
    columns = Columns(
        time=time, event=event, entry=entry, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date,
    )  # fmt: skip
    people = people_of(data, life_table, columns, by=by, zero_survival=zero_survival)
    observed = people.observed
    require_two_groups(observed.n_groups, names)
    if not observed.event.any():
        raise ModelError(f"{asked()}: there are no events.")
    stratum, _, stratum_names = strata_of(data, observed, strata)
    n_groups = observed.n_groups
    cell = stratum * n_groups + observed.group
    _warn_few(observed, cell)
    parts = _by_stratum(people, cell, compat)
    score, covariance, weighted_deaths = (
        np.zeros(n_groups),
        np.zeros((n_groups, n_groups)),
        np.zeros(n_groups),
    )
    for groups, sums in parts:
        # Groups that a stratum does not have add nothing to it.
        score[groups] += sums.excess.sum(axis=1) - (share := sums.share) @ sums.excess.sum(axis=0)
        weighted_deaths[groups] += sums.deaths.sum(axis=1)
        # sum of (1{g = l} - p_g)(1{h = l} - p_h) s_l, multiplied out: matrix products over days.
        cross = share @ sums.squares.T
        covariance[np.ix_(groups, groups)] += (
            np.diag(sums.squares.sum(axis=1)) - cross - cross.T + (share * sums.squares.sum(axis=0)) @ share.T
        )
    statistic, df = quadratic_form(score, covariance, float(np.trace(covariance)))
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
        conventions={
            "weights": "1 / S_P(t), cumulated from diagnosis",
            **({"compat": compat} if compat else {}),
            **look_up_conventions(life_table, change="next" if compat is None else "split"),
            **observed.source,
        },
    )


@dataclass(frozen=True)
class _DailySums:
    """Sums of one stratum, arrays of shape ``(n_groups, n_days)`` over the groups that it has."""

    weight: FloatArray
    """Of those at risk at the day's end."""
    excess: FloatArray
    """Weighted deaths beyond those of the population."""
    squares: FloatArray
    """Squared weights of the dying."""
    deaths: FloatArray
    """Weights of the dying."""

    @property
    def share(self) -> FloatArray:
        """Each group's part of the weight at risk; 0 where no child is."""
        return ratio(self.weight, self.weight.sum(axis=0))


def _by_stratum(people: People, cell: IntArray, compat: str | None) -> Iterator[tuple[IntArray, _DailySums]]:
    """Yield for each stratum the codes of its groups, and its sums by day; ``cell`` is stratum * groups + group."""
    n_groups = people.n_groups
    present, code = np.unique(cell, return_inverse=True)
    code = code.astype(np.int64)
    edges = np.flatnonzero(np.concatenate([[True], np.diff(present // n_groups) > 0, [True]]))
    if compat is not None:
        sums = split_day_sums(people, group=code, n_groups=present.size)
        excess = sums.weighted_events - sums.weighted_expected_events
        for own in map(slice, edges[:-1], edges[1:]):
            yield (
                present[own] % n_groups,
                _DailySums(
                    sums.weight[own],
                    excess[own],
                    sums.weighted_events_squared[own],
                    sums.weighted_events[own],
                ),
            )
        return
    labels = people.observed.groups.iloc[present % n_groups].reset_index(drop=True)
    folded = fold_expected(people.grouped(code, labels), plain=False, weighted=True)
    _, end, used = risk_weights(folded)
    growth, deaths = folded.sums["weighted_expected_events"], folded.sums["weighted_events"]
    columns = (end, deaths - growth, folded.sums["weighted_events_squared"], deaths)
    for first, stop in pairwise(edges):
        rows = slice(folded.starts[first], folded.starts[stop])
        day = folded.end[rows].astype(np.int64)
        # A day that cannot be used for one group is left out for all groups of the stratum.
        left_out = np.zeros(int(day.max()) + 1, dtype=bool)
        left_out[day[~used[rows] & (folded.at_risk[rows] > 0)]] = True
        kept = used[rows] & ~left_out[day]
        laid_out = np.zeros((len(columns), stop - first, left_out.size))
        laid_out[:, folded.group[rows] - first, day] = np.where(
            kept, [values[rows] for values in columns], 0.0
        )
        yield present[first:stop] % n_groups, _DailySums(*laid_out)


def _warn_few(observed: FollowUp, cell: IntArray) -> None:
    deaths = np.bincount(cell[observed.event == 1], minlength=int(cell.max()) + 1)
    sizes = np.bincount(cell, minlength=deaths.size)
    few = int(((deaths < FEWEST_EVENTS) & (sizes > 0)).sum())
    if few:
        warn(
            f"{asked()}: {few} of {int((sizes > 0).sum())} groups (in strata) have fewer than {FEWEST_EVENTS} deaths, "
            "too few for the chi-squared distribution to be near. Merge groups, or read the p value with care."
        )
