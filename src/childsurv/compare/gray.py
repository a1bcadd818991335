"""Gray's test of cumulative incidences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data, columns_list
from childsurv.compare.results import TestResult, chi_squared, quadratic_form, stratified
from childsurv.errors import OptionError, asked, asking
from childsurv.fold.causes import causes_of
from childsurv.fold.comparison import EventTimes, compared
from childsurv.fold.tally import Tally
from childsurv.maths.running import ratio

FloatArray = npt.NDArray[np.float64]

GRAY_CELLS = 60_000
"""Event times x event times of Gray's variance that are held together: what stays in a processor's cache."""

SHORTEST_BLOCK = 32
"""Event times that Gray's variance takes together at least."""


@asking("gray_test")
def gray_test(
    data: Data | Tally,
    *,
    by: By,
    cause: str | None = None,
    strata: By = None,
    rho: float = 0.0,
    time: str | None = None,
    entry: str | None = None,
    causes: Mapping[int, str] | None = None,
    zero_survival: str = "keep",
) -> TestResult:
    """Test whether groups have the same cumulative incidence of a cause, by Gray's test, for every cause.

    With ``R_g = Y_g (1 - F_g(t-)) / S_g(t-)``, the group's number at risk in the distribution of the cause alone, the
    score is ``U_g = sum of (1 - F_0(t-))**rho (d_g - R_g d / R)``; ``F_0`` is the incidence under the hypothesis,
    ``dF_0 = d / sum of Y_g / S_g(t-)``. Its variance is that of the martingales of all causes under the hypothesis,
    corrected for ties.

    Parameters
    ----------
    data
        A Cohort, a DataFrame with ``time=``, or a `Tally` with causes that was added up elsewhere.
    cause
        Column with the cause that ended follow-up: 0 for none (censored), 1, 2, ... for causes. In a cohort it counts
        where the cohort has an event, so that a window's end censors.
    by
        Columns whose combinations are compared.
    strata
        Columns within whose combinations groups are compared.
    rho
        Power of the weights, 0 or more: 0 weighs all times alike, 1 early ones more.
    time, entry, causes, zero_survival
        As for `cumulative_incidence`.

    Returns
    -------
    TestResult
        Its ``statistic``, ``df`` and ``p_value`` are those of the first cause; ``.table`` has one row a cause:
        ``cause, statistic, df, p_value``.

    References
    ----------
    Gray RJ. A class of K-sample tests for comparing the cumulative incidence of a competing risk. Ann Stat 1988;
    16:1141-54. doi:10.1214/aos/1176350951

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=500, seed=1)
    >>> data = cohort.data.assign(cause=lambda d: d["event"] * (1 + d["age_years"] % 2))
    >>> result = cs.gray_test(data, cause="cause", by="sex", time="time")
    >>> result.table["df"].tolist()
    [1, 1]
    """
    if not rho >= 0:
        raise OptionError(f"{asked()}: rho must be 0 or more.")
    if not columns_list(by):
        raise OptionError(f"{asked()}: by= names the column whose groups are compared.")
    if isinstance(data, Tally):
        data.require(time=time, entry=entry, cause=cause, causes=causes)
        if not data.causes:
            raise OptionError(
                f"{asked()}: this Tally counts no causes; make it with cs.tally(data, cause=...)."
            )
        groups = compared(data, by, strata, None)
    else:
        given = causes_of(
            data, cause, causes, by=by, time=time, entry=entry, weights=None, zero_survival=zero_survival,
            time_unit="days",
        )  # fmt: skip
        groups = compared(data, by, strata, given.observed, given)
    names = list(groups.folded.causes.values())
    n_causes, n_groups = len(names), groups.n_groups
    scores = np.zeros((n_causes, n_groups))
    covariances = np.zeros((n_causes, n_groups, n_groups))
    scales = np.zeros(n_causes)
    for times in groups.event_times():
        curves = _group_curves(times)
        for own in range(n_causes):
            score, covariance, scale = _gray_scores(curves, times.laid_out(times.causes[own]), rho)
            scores[own] += score
            covariances[own] += covariance
            scales[own] += scale
    rows = []
    for name, score, covariance, scale in zip(names, scores, covariances, scales, strict=True):
        statistic, df = quadratic_form(score, covariance, scale)
        rows.append((name, statistic, df, chi_squared(statistic, df)))
    table = pd.DataFrame(rows, columns=["cause", "statistic", "df", "p_value"])
    after = groups.folded.causes_after_follow_up
    return TestResult(
        name=stratified(
            f"Gray's test of cause {names[0]}" + (f" (rho {rho:g})" if rho else ""), groups.strata
        ),
        statistic=float(table["statistic"].iloc[0]),
        df=int(table["df"].iloc[0]),
        p_value=float(table["p_value"].iloc[0]),
        groups_table=table,
        conventions={**({"causes_after_follow_up": f"{after:,}"} if after else {}), **groups.folded.source},
    )


@dataclass(frozen=True)
class _GroupCurves:
    """Counts of every group at the event times of a stratum, and survival of any cause, arrays ``(n_times, n_groups)``.

    Survival is that just before and at each time.
    """

    at_risk: FloatArray
    events: FloatArray
    before: FloatArray
    after: FloatArray


def _group_curves(times: EventTimes) -> _GroupCurves:
    at_risk = np.concatenate([block for _, block in times.at_risk_by_group()])
    events = times.laid_out(times.died)
    after = np.cumprod(1.0 - events / np.maximum(at_risk, 1.0), axis=0)
    return _GroupCurves(at_risk, events, np.vstack([np.ones(times.n_groups), after[:-1]]), after)


def _gray_scores(groups: _GroupCurves, own: FloatArray, rho: float) -> tuple[FloatArray, FloatArray, float]:
    """Return the scores of one stratum, their covariance under the hypothesis, and what it was summed from.

    Let ``a_l = Y_l / S_l(v-)``, ``A`` their sum, ``dF = d / A``, ``k_jl = W (1[j = l] - a_j / A) a_l``, and
    ``D_jl(v)`` the sum of ``k_jl dF / (1 - F(t-))`` over later times. An event of the cause in group l at v, beyond
    what is expected of it, moves score j by ``(k_jl + (1 - (1 - F(v)) / S_l(v)) D_jl) / a_l``, one of another cause by
    ``-(1 - F(v)) / S_l(v) D_jl / a_l``. Their variances are ``a_l dF`` and the number of those events, each times
    its correction for ties.
    """
    at_risk, before, after = groups.at_risk, groups.before, groups.after
    others = groups.events - own
    there = (at_risk > 0) & (before > 0)
    inflated = ratio(at_risk, before, where=there)
    incidence = np.cumsum(ratio(own, inflated, where=there), axis=0)
    numbers = inflated.copy()
    numbers[1:] *= 1.0 - incidence[:-1]
    total, whole = inflated.sum(axis=1), numbers.sum(axis=1)
    deaths = own.sum(axis=1)
    step = ratio(deaths, total)
    pooled = np.cumsum(step)
    left_before = 1.0 - np.concatenate([[0.0], pooled[:-1]])
    weight = np.maximum(left_before, 0.0) ** rho
    expected = ratio(weight * deaths, whole)
    score = weight @ own - expected @ numbers
    risk = ratio(step, left_before)
    survivors = (at_risk > groups.events) & (after > 0)
    fall = ratio((1.0 - pooled)[:, None], after, where=survivors)
    # Ties are rare in continuous time: only times that have them are corrected.
    own_spread = ratio(step[:, None], inflated, where=there)
    tied = np.flatnonzero(deaths > 1)
    lost = ratio(deaths[tied, None] - 1.0, total[tied, None] * before[tied] - 1.0, where=True)
    own_spread[tied] *= np.maximum(1.0 - lost, 0.0)
    other_spread = ratio(others, inflated**2, where=there & survivors)
    tied_others = others > 1
    other_spread[tied_others] *= 1.0 - (others[tied_others] - 1.0) / (at_risk[tied_others] - 1.0)
    own_size = np.sqrt(np.where(own_spread > 0, own_spread, 0.0))
    other_size = fall * np.sqrt(other_spread)
    covariance, scale = _gray_covariance(
        inflated,
        pull=ratio(weight, total),
        weight=weight,
        risk=risk,
        own_size=own_size,
        own_reach=(1.0 - fall) * own_size,
        other_reach=other_size,
    )
    return score, covariance, scale


def _gray_covariance(
    inflated: FloatArray,
    *,
    pull: FloatArray,
    weight: FloatArray,
    risk: FloatArray,
    own_size: FloatArray,
    own_reach: FloatArray,
    other_reach: FloatArray,
) -> tuple[FloatArray, float]:
    """Return the sum over times and groups of squares of what an event moves, and the size of its largest terms.

    With a the row of ``inflated``, ``k = W / A`` (``pull``), h ``risk``, and sums over later times
    ``E_l = sum h W a_l``, ``M = sum h k a a'``, an event in group l moves score j by

        own    1[j = l] (W a_l s_l + E_l r_l) - k a_j a_l s_l - M_jl r_l
        other  1[j = l] E_l o_l                               - M_jl o_l

    with sizes s (``own_size``), r (``own_reach``) and o (``other_reach``). Multiplied out, what is linear in M needs
    matrix products over times alone. What is quadratic in M is taken in blocks of times: beyond a block M is one
    matrix, within it ``sum over v of M diag(q) M`` is ``a' H a`` with
    ``H_uw = h k(u) h k(w) sum over l of a_l(u) a_l(w) sum over v < min(u, w) of q_l(v)``. So everything is a product of
    matrices, and the cost grows with times x groups x (block + groups), not with times x groups x groups passes.
    """
    n_times, n_groups = inflated.shape
    growth = risk * pull
    later = _later_sums((risk * weight)[:, None] * inflated)
    own_diagonal = (weight[:, None] * inflated) * own_size + later * own_reach
    other_diagonal = later * other_reach
    aside = pull[:, None] * inflated * own_size
    diagonal = (own_diagonal**2 + other_diagonal**2).sum(axis=0)
    covariance = np.diag(diagonal)
    cross = (own_diagonal * aside).T @ inflated
    covariance -= cross + cross.T
    covariance += (inflated * (aside**2).sum(axis=1)[:, None]).T @ inflated
    # sum over v of c_l(v) M_lj(v), with the sums exchanged: each later time sees what came before it.
    earlier = _earlier_sums(own_diagonal * own_reach + other_diagonal * other_reach)
    cross = (earlier * growth[:, None] * inflated).T @ inflated
    covariance -= cross + cross.T
    reached, squares = aside * own_reach, own_reach**2 + other_reach**2
    length = min(max(n_groups, SHORTEST_BLOCK), n_times)
    at_once = length * max(1, GRAY_CELLS // length**2)
    follows = np.triu(np.ones((length, length)), k=1)
    beyond = np.zeros((n_groups, n_groups))
    # From the last times backwards, because what an event changes lies after it.
    for stop in range(n_times, 0, -at_once):
        part = slice(max(0, stop - at_once), stop)
        a, grown, z, q = (
            _blocks(values[part], length) for values in (inflated, growth[:, None], reached, squares)
        )
        heavy = grown * a
        turned, heavy_turned = a.transpose(0, 2, 1), heavy.transpose(0, 2, 1)
        of_block = heavy_turned @ a
        # M beyond each block: what is later in this part, and what came from the parts after it.
        after = np.cumsum(of_block[::-1], axis=0)[::-1] - of_block + beyond
        cross = (turned @ (z @ after + (z @ turned * follows) @ heavy)).sum(axis=0)
        covariance += cross + cross.T
        # Sums of q over the times of a block before each.
        seen = np.cumsum(q, axis=1) - q
        weighed = a * seen
        together = (weighed @ turned) * (follows + 0.5 * np.eye(length))
        cross = (after @ ((grown * weighed).transpose(0, 2, 1) @ a) + heavy_turned @ (together @ heavy)).sum(
            axis=0
        )
        covariance += cross + cross.T + ((after * q.sum(axis=1)[:, None, :]) @ after).sum(axis=0)
        beyond = beyond + of_block.sum(axis=0)
    return covariance, float(diagonal.sum())


def _blocks(values: FloatArray, length: int) -> FloatArray:
    """Return rows in blocks of a length, of shape (n_blocks, length, columns), with rows of zeros at the end."""
    count = -(-len(values) // length)
    padded = np.zeros((count * length, values.shape[1]))
    padded[: len(values)] = values
    return padded.reshape(count, length, -1)


def _later_sums(values: FloatArray) -> FloatArray:
    """Return for each row the sum of the rows after it."""
    return np.asarray(np.cumsum(values[::-1], axis=0)[::-1] - values)


def _earlier_sums(values: FloatArray) -> FloatArray:
    """Return for each row the sum of the rows before it."""
    return np.asarray(np.cumsum(values, axis=0) - values)
