"""Tests that compare survival between groups."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data, columns_list, follow_up
from childsurv.cohort.table_notes import noted
from childsurv.compare.results import SMALLEST_VARIANCE, TestResult, chi_squared, quadratic_form, stratified
from childsurv.curves.curves import Curves
from childsurv.errors import (
    DataError,
    ModelError,
    OptionError,
    asked,
    asking,
    renamed,
    require_choice,
)
from childsurv.fold.comparison import Comparison, EventTimes, compared
from childsurv.fold.tally import Tally
from childsurv.maths.asked import keyword_only_times
from childsurv.maths.probability import chi_squared_p_value, largest_of_normals_p_value, normal_p_value
from childsurv.maths.running import ratio

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


MOST_COMBINED = 12
"""Tests of which the largest is taken; more would be the same ones again."""

WEIGHTS = ("log-rank", "gehan", "tarone-ware", "peto")


@asking("logrank_test")
@renamed(weights="weighting")
def logrank_test(
    data: Data | Tally,
    *,
    by: By,
    strata: By = None,
    weighting: str = "log-rank",
    rho: float = 0.0,
    gamma: float = 0.0,
    trend: bool | Mapping[Any, float] | None = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    zero_survival: str = "keep",
) -> TestResult:
    """Test whether groups have the same survival, by the log-rank test and its weighted family.

    ``U_g = sum over strata and times of W(t) (d_g - Y_g d / Y)`` with hypergeometric covariance V; the statistic is
    ``U' V^-1 U``, or ``(c' U)**2 / c' V c`` for a trend over scores c.

    Parameters
    ----------
    data
        A Cohort, a DataFrame with ``time=`` and ``event=``, or a `Tally` that was added up elsewhere, by the columns
        of ``by`` and ``strata``; it may have others.
    by
        Columns whose combinations are compared.
    strata
        Columns within whose combinations groups are compared.
    weighting
        ``W(t)``: "log-rank" 1 (or Fleming and Harrington's, with ``rho`` and ``gamma``); "gehan" the number at risk
        (Gehan's and Breslow's Wilcoxon test, which also depends on censoring); "tarone-ware" its square root; "peto"
        Peto and Peto's estimate of survival, ``product of (1 - d / (Y + 1))``.
    rho, gamma
        Powers of Fleming and Harrington's weights ``S(t-)**rho (1 - S(t-))**gamma`` from the pooled Kaplan-Meier
        curve of the stratum, 0 or more: (1, 0) looks at early differences, (0, 1) at late ones.
    trend
        True: test for a trend over the groups in their order, scored 1, 2, 3 ...; a mapping gives each group (a label,
        or a tuple of labels) its score.
    time, event, entry, zero_survival
        As for `kaplan_meier`.

    Returns
    -------
    TestResult
        ``.table`` has the group columns and ``patients, observed, expected``, weighted as the test is; with a trend
        also ``score``.

    Raises
    ------
    ModelError
        There are no events.
    DataError
        There are fewer than two groups.
    OptionError
        Weights that exclude each other, or scores that do not fit the groups.

    References
    ----------
    Harrington DP, Fleming TR. A class of rank test procedures for censored survival data. Biometrika 1982; 69:553-66.
    doi:10.1093/biomet/69.3.553
    Tarone RE, Ware J. On distribution-free tests for equality of survival distributions. Biometrika 1977; 64:156-60.
    doi:10.1093/biomet/64.1.156
    Tarone RE. Tests for trend in life table analysis. Biometrika 1975; 62:679-90. doi:10.1093/biomet/62.3.679

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=500, seed=1)
    >>> cs.logrank_test(cohort, by="sex").df
    1
    >>> cs.logrank_test(cohort, by="age_group", strata="iccc_group", trend=True).df
    1
    """
    _require_weighting(weighting, rho, gamma)
    groups, names = _compared(data, by, strata, time, event, entry, zero_survival)
    scores = _Scores.of(groups, [(weighting, rho, gamma)])
    score, covariance = scores.observed[0] - scores.expected[0], scores.covariance[0, 0]
    table = groups.groups.assign(
        patients=groups.patients,
        observed=scores.observed[0],
        expected=scores.expected[0],
    )
    name = _test_name(weighting, rho, gamma)
    if trend is None or trend is False:
        statistic, df = quadratic_form(score, covariance, scores.scale)
    else:
        contrast = _trend_scores(groups.groups, names, trend)
        table["score"] = contrast
        variance = float(contrast @ covariance @ contrast)
        known = variance > SMALLEST_VARIANCE * scores.scale * float((contrast**2).sum())
        statistic, df = (float(contrast @ score) ** 2 / variance, 1) if known else (0.0, 0)
        name += " for trend"
    return TestResult(
        name=stratified(name, groups.strata),
        statistic=statistic,
        df=df,
        p_value=chi_squared(statistic, df),
        groups_table=table,
        conventions=groups.folded.source,
    )


@asking("pairwise_logrank_tests")
@renamed(weights="weighting")
def pairwise_logrank_tests(
    data: Data | Tally,
    *,
    by: By,
    adjust: str = "holm",
    strata: By = None,
    weighting: str = "log-rank",
    rho: float = 0.0,
    gamma: float = 0.0,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    zero_survival: str = "keep",
) -> pd.DataFrame:
    """Compare every two groups by the log-rank test or one of its family, with p values for many comparisons.

    Each pair is compared by its own patients alone. Holm's adjusted p values keep the chance of any false finding
    below the level: ``max over i <= k of (m - i + 1) p_(i)``; Benjamini and Hochberg's the expected share of false
    ones among all findings: ``min over i >= k of m p_(i) / i``.

    Parameters
    ----------
    data, by, strata, weighting, rho, gamma, time, event, entry, zero_survival
        As for `logrank_test`.
    adjust
        "holm", "bh" (Benjamini and Hochberg) or "none".

    Returns
    -------
    DataFrame
        ``group_1, group_2`` (labels, joined by a comma where there are several columns), ``statistic, df, p_value,
        adjusted_p_value``; one row a pair. Pairs that were never at risk together have df 0 and no p value, and do not
        count among the comparisons. ``attrs["conventions"]`` name the test, the adjustment and those of the cohort.

    References
    ----------
    Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979; 6:65-70.
    Benjamini Y, Hochberg Y. Controlling the false discovery rate. J R Stat Soc B 1995; 57:289-300.
    doi:10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> import childsurv as cs
    >>> pairs = cs.pairwise_logrank_tests(cs.demo.cohort(patients=500, seed=1), by="age_group")
    >>> bool((pairs["adjusted_p_value"] >= pairs["p_value"]).all())
    True
    """
    require_choice(adjust, ("holm", "bh", "none"), argument="adjust")
    _require_weighting(weighting, rho, gamma)
    groups, names = _compared(data, by, strata, time, event, entry, zero_survival)
    labels = groups.groups[names].astype(str).agg(", ".join, axis=1).to_list()
    found = []
    for first, second in itertools.combinations(range(groups.n_groups), 2):
        scores = _Scores.of(groups.pair(first, second), [(weighting, rho, gamma)])
        score = scores.observed[0] - scores.expected[0]
        statistic, df = quadratic_form(score, scores.covariance[0, 0], scores.scale)
        found.append((labels[first], labels[second], statistic, df))
    table = pd.DataFrame(found, columns=["group_1", "group_2", "statistic", "df"])
    tested = table["df"].to_numpy() > 0
    p_value = np.full(len(table), np.nan)
    p_value[tested] = chi_squared_p_value(
        table["statistic"].to_numpy()[tested], table["df"].to_numpy()[tested]
    )
    adjusted = np.full(len(table), np.nan)
    adjusted[tested] = adjusted_p_values(p_value[tested], adjust)
    return noted(
        table.assign(p_value=p_value, adjusted_p_value=adjusted),
        {"test": _test_name(weighting, rho, gamma), "adjust": adjust, **groups.folded.source},
    )


@asking("max_combo_test")
def max_combo_test(
    data: Data | Tally,
    *,
    by: By,
    strata: By = None,
    powers: Sequence[tuple[float, float]] = ((0, 0), (1, 0), (0, 1), (1, 1)),
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    zero_survival: str = "keep",
) -> TestResult:
    """Compare two groups by the largest of several Fleming-Harrington tests, whatever shape their difference has.

    ``max over (rho, gamma) of |Z|``, ``Z = U / sqrt(V)``; the p value is ``1 - P(all |Z| <= max)`` under the normal
    distribution with the correlations of the scores, ``cov(U_1, U_2) = sum W_1 W_2 v(t)``.

    Parameters
    ----------
    data, by, strata, time, event, entry, zero_survival
        As for `logrank_test`; there must be two groups.
    powers
        Pairs ``(rho, gamma)``: by default even, early, late and middle differences.

    Returns
    -------
    TestResult
        ``statistic`` is the largest ``|Z|`` (df 0, because it has no chi-squared distribution); ``.table`` has one row
        a pair of powers: ``rho, gamma, z, p_value`` (each alone).

    References
    ----------
    Lin RS, Lin J, Roychoudhury S, et al. Alternative analysis methods for time to event endpoints under nonproportional
    hazards. Stat Biopharm Res 2020; 12:187-98. doi:10.1080/19466315.2019.1697738

    Examples
    --------
    >>> import childsurv as cs
    >>> result = cs.max_combo_test(cs.demo.cohort(patients=500, seed=1), by="sex")
    >>> list(result.table.columns)
    ['rho', 'gamma', 'z', 'p_value']
    """
    chosen = [(float(rho), float(gamma)) for rho, gamma in powers]
    if not 0 < len(chosen) <= MOST_COMBINED or len(set(chosen)) != len(chosen):
        raise OptionError(
            f"max_combo_test: powers= takes different pairs (rho, gamma), 1 to {MOST_COMBINED} of them."
        )
    for rho, gamma in chosen:
        _require_weighting("log-rank", rho, gamma)
    groups, _ = _compared(data, by, strata, time, event, entry, zero_survival)
    if groups.n_groups != 2:
        raise DataError(f"max_combo_test compares two groups; there are {groups.n_groups}.")
    scores = _Scores.of(groups, [("log-rank", rho, gamma) for rho, gamma in chosen])
    covariance = scores.covariance[:, :, 0, 0]
    variance = np.diag(covariance)
    if (variance <= SMALLEST_VARIANCE * scores.scale).any():
        raise ModelError(
            "max_combo_test: the two groups were never at risk together at an event with all the weights."
        )
    z = (scores.observed - scores.expected)[:, 0] / np.sqrt(variance)
    largest = float(np.abs(z).max())
    correlation = covariance / np.sqrt(np.outer(variance, variance))
    table = pd.DataFrame(chosen, columns=["rho", "gamma"]).assign(z=z, p_value=normal_p_value(z))
    return TestResult(
        name=stratified("Max-combo test", groups.strata),
        statistic=largest,
        df=0,
        p_value=largest_of_normals_p_value(largest, correlation),
        groups_table=table,
        conventions=groups.folded.source,
        chi_squared=False,
    )


@asking("fixed_time_test")
def fixed_time_test(
    curves: Curves, *positional: Any, times: float | None = None, years: float | None = None
) -> TestResult:
    """Test whether groups have the same survival at one time, whatever their curves do before and after.

    With ``theta_g = log(-log S_g)`` and its variance ``v_g = V_g / (log S_g)**2``, V the variance of log S, the
    statistic is ``sum (theta_g - mean)**2 / v_g``, the mean weighted by ``1 / v_g``; chi-squared with one degree of
    freedom less than there are groups.

    Parameters
    ----------
    curves
        Curves of survival by group, of different people.
    times, years
        The time, in the unit of the curves or in years of 365.25 days.

    Returns
    -------
    TestResult
        ``.table`` has the group columns and ``estimate, std_error, transformed, transformed_std_error``.

    Raises
    ------
    ModelError
        A group whose survival there is unknown, 0, or 1 or more: log(-log S) has no variance. The message names it.

    References
    ----------
    Klein JP, Logan B, Harhoff M, Andersen PK. Analyzing survival curves at a fixed point in time. Stat Med 2007;
    26:4505-19. doi:10.1002/sim.2864

    Examples
    --------
    >>> import childsurv as cs
    >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
    >>> cs.fixed_time_test(curves, years=5).df
    1
    """
    keyword_only_times(positional, meant="days" if curves.in_days else "the unit of the curves")
    if curves.quantity != "survival" or len(curves.groups) < 2:
        raise OptionError(
            "fixed_time_test() compares curves of survival of two or more groups; estimate them with by=."
        )
    values = curves.at(times=times, years=years)
    if len(values) != len(curves.groups):
        raise OptionError("fixed_time_test() takes one time; call it once for each.")
    estimate, error = values["estimate"].to_numpy(), values["std_error"].to_numpy()
    unusable = ~((estimate > 0) & (estimate < 1) & (error > 0))
    if unusable.any():
        labels = values[curves.group_columns].astype(str).agg(", ".join, axis=1)[unusable]
        raise ModelError(
            "fixed_time_test: log(-log S) needs survival between 0 and 1 with a variance; it is not so in "
            f"{len(labels)} groups: {'; '.join(labels[:10])}. Leave them out or choose another time."
        )
    transformed = np.log(-np.log(estimate))
    variance = (error / (estimate * np.log(estimate))) ** 2
    mean = (transformed / variance).sum() / (1 / variance).sum()
    statistic = float(((transformed - mean) ** 2 / variance).sum())
    df = len(estimate) - 1
    table = values[[*curves.group_columns, "estimate", "std_error"]].assign(
        transformed=transformed, transformed_std_error=np.sqrt(variance)
    )
    at = f"{years:g} years" if years is not None else f"time {times:g}"
    return TestResult(
        name=f"Test of survival at {at} (log(-log))",
        statistic=statistic,
        df=df,
        p_value=chi_squared(statistic, df),
        groups_table=table,
    )


def adjusted_p_values(p_value: FloatArray, adjust: str) -> FloatArray:
    """Return p values adjusted for their number, by "holm", "bh" or not at all."""
    count = p_value.size
    order = np.argsort(p_value, kind="stable")
    ascending = p_value[order]
    if adjust == "holm":
        ascending = np.maximum.accumulate(np.minimum((count - np.arange(count)) * ascending, 1.0))
    elif adjust == "bh":
        shares = np.minimum(ascending * count / np.arange(1, count + 1), 1.0)
        ascending = np.minimum.accumulate(shares[::-1])[::-1]
    adjusted = np.empty(count)
    adjusted[order] = ascending
    return adjusted


def _require_weighting(weighting: str, rho: float, gamma: float) -> None:
    require_choice(weighting, WEIGHTS, argument="weighting")
    if not (rho >= 0 and gamma >= 0):
        raise OptionError(f"{asked()}: rho and gamma must be 0 or more.")
    if weighting != "log-rank" and (rho or gamma):
        raise OptionError(
            f"{asked()}: rho= and gamma= are weights of their own; they do not go with weighting={weighting!r}."
        )


def _compared(
    data: Data | Tally,
    by: By,
    strata: By,
    time: str | None,
    event: str | None,
    entry: str | None,
    zero_survival: str,
) -> tuple[Comparison, list[str]]:
    """Return the groups to compare, and the names of their columns."""
    names = columns_list(by)
    if not names:
        raise OptionError(f"{asked()}: by= names the column whose groups are compared.")
    if isinstance(data, Tally):
        data.require(time=time, event=event, entry=entry)
        return compared(data, names, strata, None), names
    observed = follow_up(data, by=names, time=time, event=event, entry=entry, zero_survival=zero_survival)
    return compared(data, names, strata, observed), names


def _test_name(weighting: str, rho: float, gamma: float) -> str:
    if weighting == "log-rank" and (rho or gamma):
        return f"Fleming-Harrington test (rho {rho:g}, gamma {gamma:g})"
    return {
        "log-rank": "Log-rank test",
        "gehan": "Gehan-Breslow (Wilcoxon) test",
        "tarone-ware": "Tarone-Ware test",
        "peto": "Peto-Peto test",
    }[weighting]


def _trend_scores(groups: pd.DataFrame, names: list[str], trend: bool | Mapping[Any, float]) -> FloatArray:
    """Return the score of each group, in order or as given."""
    if trend is True:
        return np.arange(1.0, len(groups) + 1)
    if not isinstance(trend, Mapping):
        raise OptionError("trend= takes True, or a mapping from each group to its score.")
    labels = [row[0] if len(names) == 1 else row for row in groups[names].itertuples(index=False, name=None)]
    without = [str(label) for label in labels if label not in trend]
    unknown = [str(label) for label in trend if label not in labels]
    if without or unknown:
        raise OptionError(
            "trend= does not fit the groups: "
            + "; ".join(
                part
                for part in (
                    f"no score for {', '.join(without)}" if without else "",
                    f"no group {', '.join(unknown)}" if unknown else "",
                )
                if part
            )
            + "."
        )
    scores = np.array([float(trend[label]) for label in labels])
    if not np.isfinite(scores).all() or (scores == scores[0]).all():
        raise OptionError("trend= takes finite scores that are not all the same.")
    return scores


class _Scores:
    """Sums of a test over event times and strata, for one or more weights at once."""

    def __init__(self, n_groups: int, n_weights: int) -> None:
        self.observed = np.zeros((n_weights, n_groups))
        """Weighted events."""
        self.expected = np.zeros((n_weights, n_groups))
        """Weighted events expected if all groups had the same hazard."""
        self.covariance = np.zeros((n_weights, n_weights, n_groups, n_groups))
        """Hypergeometric covariance of the scores."""
        self.scale = 0.0
        """What the variances were summed from."""

    @classmethod
    def of(cls, groups: Comparison, weights: Sequence[tuple[str, float, float]]) -> _Scores:
        """Return the sums over all strata."""
        scores = cls(groups.n_groups, len(weights))
        for times in groups.event_times():
            scores.add(times, [_weights(times, kind, rho, gamma) for kind, rho, gamma in weights])
        return scores

    def add(self, sets: EventTimes, weights: Sequence[FloatArray]) -> None:
        """Add one stratum."""
        total, deaths = sets.at_risk, sets.events
        spread = ratio(deaths * (total - deaths), total - 1)
        hazard = deaths / total
        for one, weight in enumerate(weights):
            self.observed[one] += sets.events_by_group(weight)
        self.scale += float((weights[0] ** 2 * spread).sum())
        for stretch, at_risk in sets.at_risk_by_group():
            inverse = 1.0 / total[stretch]
            for one, weight in enumerate(weights):
                self.expected[one] += (weight * hazard)[stretch] @ at_risk
                for other in range(one, len(weights)):
                    own = (weight * weights[other] * spread)[stretch]
                    part = self.covariance[one, other]
                    # Weights of squares are 0 or more, so one product with its own transpose does.
                    shares = at_risk * (np.sqrt(own) * inverse)[:, None]
                    part -= shares.T @ shares
                    part[np.diag_indices_from(part)] += (own * inverse) @ at_risk
                    if other != one:
                        self.covariance[other, one] = part.T


def _weights(sets: EventTimes, kind: str, rho: float, gamma: float) -> FloatArray:
    """Return the weight of each event time of a stratum."""
    total, deaths = sets.at_risk, sets.events
    if kind == "gehan":
        return total
    if kind == "tarone-ware":
        return np.asarray(np.sqrt(total))
    if kind == "peto":
        # Peto and Peto's own estimate of survival, taken at the event time itself.
        return np.asarray(np.cumprod(1.0 - deaths / (total + 1.0)))
    if rho == gamma == 0:
        return np.ones(deaths.size)
    before = np.concatenate([[1.0], np.cumprod(1.0 - deaths / total)[:-1]])
    return np.asarray(before**rho * (1.0 - before) ** gamma)
