"""Tests that compare survival between groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import DataError, ModelError, OptionError, require_columns
from childsurv.follow_up import By, Data, FollowUp, columns_list, follow_up, frame_of, group_codes
from childsurv.probability import chi_squared_p_value
from childsurv.ragged import group_starts, running_product
from childsurv.tally import fold_observed

FloatArray = npt.NDArray[np.float64]

SMALLEST_VARIANCE = 1e-10
"""A variance this small, relative to what it is summed from, is rounding: those groups were never compared."""


@dataclass(frozen=True, eq=False)
class TestResult:
    """Result of a test.

    Attributes
    ----------
    name : str
        What was tested.
    statistic, df, p_value : float, int, float
        The statistic, chi-squared with ``df`` degrees of freedom when there is no difference.
    groups_table : DataFrame
        What `table` copies.
    conventions : Mapping
        Of the cohort: age band and groups, edition of ICCC-3, closing date.
    """

    __test__ = False

    name: str
    statistic: float
    df: int
    p_value: float
    groups_table: pd.DataFrame
    conventions: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """A fresh DataFrame of what was observed and expected."""
        return self.groups_table.copy()

    def __repr__(self) -> str:
        p_value = "< 0.0001" if self.p_value < 1e-4 else f"{self.p_value:.3g}"
        return f"<{self.name}: chi-squared {self.statistic:.4g} on {self.df} df, p {p_value}>"


def logrank_test(
    data: Data,
    *,
    by: By,
    strata: By = None,
    rho: float = 0.0,
    gamma: float = 0.0,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    zero_survival: str = "keep",
) -> TestResult:
    """Test whether groups have the same survival, by the log-rank test and its weighted family.

    ``U_g = sum over strata and times of W(t) (d_g - Y_g d / Y)`` with hypergeometric covariance, and
    ``W(t) = S(t-)**rho (1 - S(t-))**gamma`` from the pooled Kaplan-Meier curve of the stratum; the statistic
    is ``U' V^-1 U``.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=`` and ``event=``.
    by
        Columns whose combinations are compared.
    strata
        Columns within whose combinations groups are compared.
    rho, gamma
        Powers of the Fleming-Harrington weights, 0 or more: (0, 0) is the log-rank test, (1, 0) Peto and
        Peto's form of the Wilcoxon test.
    time, event, entry, zero_survival
        As for `kaplan_meier`.

    Returns
    -------
    TestResult
        ``.table`` has the group columns and ``patients, observed, expected``, weighted as the test is.

    Raises
    ------
    ModelError
        There are no events.
    DataError
        There are fewer than two groups.

    References
    ----------
    Harrington DP, Fleming TR. A class of rank test procedures for censored survival data. Biometrika 1982; 69:553-66.
    doi:10.1093/biomet/69.3.553

    Examples
    --------
    >>> import childsurv as cs
    >>> result = cs.logrank_test(cs.demo.cohort(patients=500, seed=1), by="sex")
    >>> result.df
    1
    """
    if not (rho >= 0 and gamma >= 0):
        raise OptionError("logrank_test: rho and gamma must be 0 or more.")
    names, stratum_names = columns_list(by), columns_list(strata, argument="strata")
    if not names:
        raise OptionError("logrank_test: by= names the column whose groups are compared.")
    observed = follow_up(
        data,
        by=names,
        time=time,
        event=event,
        entry=entry,
        zero_survival=zero_survival,
        purpose="logrank_test",
    )
    if observed.n_groups < 2:
        raise DataError(f"logrank_test: {', '.join(names)} has only one group; there is nothing to compare.")
    if not observed.event.any():
        raise ModelError("logrank_test: there are no events. Check that the event column has 1 for a death.")
    require_columns(frame_of(data).columns, stratum_names, purpose="logrank_test")
    stratum, stratum_labels = group_codes(
        frame_of(data), stratum_names, purpose="logrank_test", warn_empty=False
    )
    stratum = stratum[observed.rows]
    n_strata = max(len(stratum_labels), 1)
    counts = _risk_table(observed, stratum, n_strata)
    at_risk, events, starts = counts.at_risk, counts.events, counts.starts
    total, deaths = at_risk.sum(axis=1), events.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total[:, None] > 0, at_risk / total[:, None], 0.0)
        weight = _weights(deaths, total, starts, rho, gamma)
        spread = np.where(total > 1, deaths * (total - deaths) / (total - 1), 0.0) * weight**2
    score = (weight[:, None] * (events - share * deaths[:, None])).sum(axis=0)
    covariance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    statistic, df = _quadratic_form(score, covariance, float(spread.sum()))
    table = observed.groups.assign(
        patients=np.bincount(observed.group, minlength=observed.n_groups),
        observed=(weight[:, None] * events).sum(axis=0),
        expected=(weight[:, None] * share * deaths[:, None]).sum(axis=0),
    )
    kind = "Log-rank test" if rho == gamma == 0 else f"Fleming-Harrington test (rho {rho:g}, gamma {gamma:g})"
    return TestResult(
        name=kind + (f", stratified by {', '.join(stratum_names)}" if stratum_names else ""),
        statistic=statistic,
        df=df,
        p_value=float(chi_squared_p_value(statistic, df)) if df else float("nan"),
        groups_table=table,
        conventions=observed.source,
    )


@dataclass(frozen=True)
class _RiskTable:
    """Numbers at risk and events of every group at each event time of a stratum, arrays ``(n_times, n_groups)``."""

    at_risk: FloatArray
    events: FloatArray
    starts: npt.NDArray[np.int64]


def _risk_table(observed: FollowUp, stratum: npt.NDArray[np.int64], n_strata: int) -> _RiskTable:
    """Lay the tally of groups within strata out over each stratum's event times."""
    n_groups = observed.n_groups
    cell_group = stratum * n_groups + observed.group
    labels = pd.DataFrame(index=pd.RangeIndex(n_strata * n_groups))
    parts = replace(observed, group=cell_group, groups=labels)
    folded = fold_observed(parts)
    times, place = np.unique(folded.end, return_inverse=True)
    cell_stratum = folded.group // n_groups
    key = cell_stratum * times.size + place
    eventful = np.unique(key[folded.sums["events"] > 0])
    row_stratum = eventful // times.size
    # Where each cell falls among its stratum's event times: exits count from the next one on, if not at one.
    events = np.zeros((eventful.size, n_groups))
    row = np.searchsorted(eventful, key)
    at_event = (row < eventful.size) & (eventful[np.minimum(row, eventful.size - 1)] == key)
    column = folded.group % n_groups
    np.add.at(events, (row[at_event], column[at_event]), folded.sums["events"][at_event])
    # Someone who enters at e is at risk at event times after e (from 0 on, for e = 0); who leaves at u, up to u.
    first = np.where(folded.end == 0, row, np.searchsorted(eventful, key, side="right"))
    after = np.searchsorted(eventful, key, side="right")
    change = np.zeros((eventful.size + 1, n_groups))
    same = np.append(row_stratum, -1)
    for rows, values in ((first, folded.sums["entered"]), (after, -folded.sums["left"])):
        inside = same[rows] == cell_stratum
        np.add.at(change, (rows[inside], column[inside]), values[inside])
    starts = group_starts(row_stratum, n_strata)
    at_risk = np.cumsum(change[:-1], axis=0)
    # Running sums go on from one stratum to the next; what the strata before left over is taken off.
    begin = starts[row_stratum]
    carried = np.where((begin > 0)[:, None], at_risk[begin - 1], 0.0)
    return _RiskTable(at_risk - carried, events, starts)


def _weights(
    deaths: FloatArray, total: FloatArray, starts: npt.NDArray[np.int64], rho: float, gamma: float
) -> FloatArray:
    if rho == gamma == 0:
        return np.ones(deaths.size)
    survival = running_product(1.0 - deaths / total, starts)
    before = np.ones_like(survival)
    before[1:] = survival[:-1]
    before[starts[:-1][starts[:-1] < before.size]] = 1.0
    return np.asarray(before**rho * (1.0 - before) ** gamma)


def _quadratic_form(score: FloatArray, covariance: FloatArray, scale: float) -> tuple[float, int]:
    """Return ``U' V^- U`` and its degrees of freedom, over groups that were ever at risk with others.

    ``scale`` is the size of the terms that the variances were summed from; what is tiny beside it is rounding.
    """
    informative = np.flatnonzero(np.diag(covariance) > SMALLEST_VARIANCE * scale)
    if informative.size < 2:
        return 0.0, 0
    # Scores add to zero, so one group says nothing that the others do not.
    kept = informative[:-1]
    solved = np.linalg.lstsq(covariance[np.ix_(kept, kept)], score[kept], rcond=SMALLEST_VARIANCE)
    return float(score[kept] @ solved[0]), int(solved[2])
