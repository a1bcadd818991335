"""Competing causes: cumulative incidence by the Aalen-Johansen estimator, and Gray's test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.cohort.follow_up import (
    By,
    Data,
    FollowUp,
    columns_list,
    follow_up,
    frame_of,
    number_column,
    require_rows,
)
from childsurv.compare.ranks import TestResult, quadratic_form, strata_of
from childsurv.curves.curves import Curves
from childsurv.errors import (
    ColumnError,
    DataError,
    ModelError,
    OptionError,
    asked,
    asking,
    require_choice,
    require_columns,
    require_count,
    require_level,
    warn,
)
from childsurv.fold.risk_sets import RiskSets, risk_sets
from childsurv.fold.rows import fold_observed
from childsurv.fold.tally import Tally
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.limits import INTERVAL_KINDS
from childsurv.maths.probability import chi_squared_p_value
from childsurv.maths.running import running_product, running_sum

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

GRAY_CELLS = 60_000
"""Event times x event times of Gray's variance that are held together: what stays in a processor's cache."""

SHORTEST_BLOCK = 32
"""Event times that Gray's variance takes together at least."""

LARGEST_CODE = 1_000
"""Largest number of a cause that is looked up in a table; larger ones are searched for."""

LARGEST_LOOK_UP = 4
"""Places of a table of groups x days for each row, beyond which rows are searched for instead."""

VARIANCES = ("delta", "aalen", "gray")
"""Variances of a cumulative incidence."""


@asking("cumulative_incidence")
def cumulative_incidence(
    data: Data,
    *,
    cause: str,
    by: By = None,
    time: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    causes: Mapping[int, str] | None = None,
    variance: str = "delta",
    level: float = 0.95,
    ci: str = "log-log",
    zero_survival: str = "keep",
    time_unit: str = "days",
    minimum: int = 0,
) -> Curves:
    """Estimate the cumulative incidence of each of several causes that compete, by the Aalen-Johansen estimator.

    ``F_c(t) = sum over t_j <= t of S(t_j-) d_cj / Y_j``, with d_c events of cause c among Y at risk and S the
    Kaplan-Meier survival free of any of them, so that ``S + F_1 + F_2 + ... = 1``.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=``.
    cause
        Column with the cause that ended follow-up: 0 for none (censored), 1, 2, ... for causes.
    by
        Column or columns whose combinations are the groups.
    time, entry, weights
        Columns of a DataFrame: end of follow-up, start of follow-up, whole-number weights (frequencies).
    causes
        Names of the causes: ``{1: "relapse", 2: "death"}``; their numbers unless given.
    variance
        "delta": multinomial events, as the infinitesimal jackknife of R's ``survfit``; "gray": with correction for
        ties as in R's ``cmprsk``; "aalen": Poisson events.
    level, ci
        As for `kaplan_meier`, with the kinds applied to F: "log-log" keeps limits within 0 and 1.
    zero_survival, time_unit, minimum
        As for `kaplan_meier`.

    Returns
    -------
    Curves
        ``.table`` has the group columns, ``cause`` and ``time, at_risk, events, censored, estimate, std_error, lower,
        upper``; ``events`` are those of the cause. Curves begin at 0.

    Raises
    ------
    ColumnError, DataError
        As for `kaplan_meier`; causes that are not whole numbers of 0 or more, or have no name in ``causes=``.

    References
    ----------
    Aalen OO, Johansen S. An empirical transition matrix for non-homogeneous Markov chains based on censored
    observations. Scand J Stat 1978; 5:141-50.
    Gray RJ. A class of K-sample tests for comparing the cumulative incidence of a competing risk. Ann Stat 1988;
    16:1141-54. doi:10.1214/aos/1176350951
    Braun TM, Yuan Z. Comparing the small sample performance of several variance estimators under competing risks. Stat
    Med 2007; 26:1170-80. doi:10.1002/sim.2661

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=500, seed=1)
    >>> data = cohort.data.assign(cause=lambda d: d["event"] * (1 + d["age_years"] % 2))
    >>> curves = cs.cumulative_incidence(data, cause="cause", time="time", by="sex")
    >>> curves.at(years=5)["cause"].tolist()
    ['1', '2', '1', '2']
    """
    require_choice(variance, VARIANCES, argument="variance")
    require_choice(ci, INTERVAL_KINDS, argument="ci")
    require_level(level)
    require_count(minimum, argument="minimum")
    if "cause" in columns_list(by):
        raise OptionError(f"{asked()} adds a column 'cause'; rename the group column of that name.")
    observed, number, names, without_event = _causes(
        data, cause, causes, by=by, time=time, entry=entry, weights=weights, zero_survival=zero_survival,
        time_unit=time_unit,
    )  # fmt: skip
    if observed.weights is not None and (observed.weights % 1).any():
        raise OptionError(
            f"{asked()}: weights are frequencies, whole numbers; variances of others are not known here."
        )
    folded = fold_observed(observed)
    at_risk = np.maximum(folded.at_risk, 0).astype(np.float64)
    cell = _cells_of(folded, observed)
    n_cells, n_causes = folded.end.size, len(names)
    dead = np.flatnonzero(number > 0)
    own_weights = None if observed.weights is None else observed.weights[dead]
    events = np.bincount(
        (number[dead] - 1) * n_cells + cell[dead], own_weights, minlength=n_causes * n_cells
    ).reshape(n_causes, n_cells)
    estimates, variances = _incidences(folded, at_risk, events, variance)
    heads = folded if observed.weights is None else fold_observed(replace(observed, weights=None))
    n_groups = observed.n_groups
    # Rows by group, then cause, then time.
    order = np.argsort(np.tile(folded.group, n_causes), kind="stable")
    by_cause = np.repeat(np.arange(n_causes), n_cells)[order]
    row = np.tile(np.arange(n_cells), n_causes)[order]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_variance = np.where(estimates > 0, variances / estimates**2, 0.0)
    groups = folded.groups.loc[np.repeat(np.arange(n_groups), n_causes)].reset_index(drop=True)
    total_events = np.stack(
        [np.bincount(folded.group, counts, minlength=n_groups) for counts in events], axis=1
    )
    whole = observed.weights is None
    return Curves(
        groups=groups.assign(
            cause=np.tile(np.array(names, dtype=object), n_groups),
            patients=np.repeat(heads.totals("left"), n_causes),
            total_events=total_events.ravel().astype(np.int64) if whole else total_events.ravel(),
        ),
        estimator="Aalen-Johansen",
        level=level,
        ci=ci,
        conventions={
            "estimator": "Aalen-Johansen",
            "variance": variance,
            "causes": ", ".join(names),
            "ci": ci,
            "level": level,
            "time_unit": "days" if observed.in_days else time_unit,
            "at_risk": "(entry, time]",
            "zero_survival": zero_survival,
            "same_day": observed.same_day,
            **without_event,
            "days_per_year": DAYS_PER_YEAR,
            **observed.source,
        },
        in_days=observed.in_days,
        bounded=True,
        group=folded.group[row] * n_causes + by_cause,
        time=folded.end[row].astype(np.float64),
        at_risk=np.maximum(folded.at_risk, 0)[row],
        events=events[by_cause, row].astype(np.int64) if whole else events[by_cause, row],
        censored=(folded.sums["left"] - folded.sums["events"])[row],
        estimate=estimates[by_cause, row],
        log_variance=log_variance[by_cause, row],
        quantity="cumulative incidence",
        start=0.0,
        children_at_risk=None if whole else np.maximum(heads.at_risk, 0)[row],
    ).with_minimum(minimum)


@asking("gray_test")
def gray_test(
    data: Data,
    *,
    cause: str,
    by: By,
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
        A Cohort, or a DataFrame with ``time=``.
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
    names_of_groups = columns_list(by)
    if not names_of_groups:
        raise OptionError(f"{asked()}: by= names the column whose groups are compared.")
    observed, number, names, without_event = _causes(
        data, cause, causes, by=by, time=time, entry=entry, weights=None, zero_survival=zero_survival,
        time_unit="days",
    )  # fmt: skip
    if observed.n_groups < 2:
        raise DataError(
            f"{asked()}: {', '.join(names_of_groups)} has only one group; there is nothing to compare."
        )
    if not observed.event.any():
        raise ModelError(f"{asked()}: there are no events of any cause.")
    stratum, n_strata, stratum_names = strata_of(data, observed, strata)
    n_causes, n_groups = len(names), observed.n_groups
    scores = np.zeros((n_causes, n_groups))
    covariances = np.zeros((n_causes, n_groups, n_groups))
    scales = np.zeros(n_causes)
    for sets, rows_of in _sets_with_rows(observed, stratum, n_strata):
        groups = _group_curves(sets)
        for own in range(n_causes):
            events = _events_by_group(sets, number[rows_of] == own + 1)
            score, covariance, scale = _gray_scores(groups, events, rho)
            scores[own] += score
            covariances[own] += covariance
            scales[own] += scale
    rows = []
    for name, score, covariance, scale in zip(names, scores, covariances, scales, strict=True):
        statistic, df = quadratic_form(score, covariance, scale)
        p_value = float(chi_squared_p_value(statistic, df)) if df else float("nan")
        rows.append((name, statistic, df, p_value))
    table = pd.DataFrame(rows, columns=["cause", "statistic", "df", "p_value"])
    return TestResult(
        name=f"Gray's test of cause {names[0]}"
        + (f" (rho {rho:g})" if rho else "")
        + (f", stratified by {', '.join(stratum_names)}" if stratum_names else ""),
        statistic=float(table["statistic"].iloc[0]),
        df=int(table["df"].iloc[0]),
        p_value=float(table["p_value"].iloc[0]),
        groups_table=table,
        conventions={**{name: f"{count:,}" for name, count in without_event.items()}, **observed.source},
    )


def _was_cut(cohort: Cohort) -> bool:
    """Whether a window or an approach has cut follow-up, so that events may have come after it."""
    frame = cohort.frame
    if (frame["entry"] > 0).any() or any("approach" in one for one in cohort.provenance):
        return True
    if "last_contact_date" not in frame:
        return False
    contact = (frame["last_contact_date"] - frame["diagnosis_date"]).dt.days
    return bool((frame["time"] < contact).any())


def _causes(
    data: Data,
    cause: str,
    causes: Mapping[int, str] | None,
    *,
    by: By,
    time: str | None,
    entry: str | None,
    weights: str | None,
    zero_survival: str,
    time_unit: str,
) -> tuple[FollowUp, IntArray, list[str], dict[str, int]]:
    """Return the follow-up to any cause, each row's cause numbered from 1 (0 for none), their names, and what to say.

    A cause of a cohort counts where the cohort has an event: windows end follow-up before what happened later.
    """
    frame = frame_of(data)
    require_columns(frame.columns, [cause])
    if len(frame) == 0:
        raise DataError(
            f"{asked()}: there are no rows to analyse. Check the exclusions and conditions before it."
        )
    values = number_column(frame, cause)
    require_rows(
        (values < 0) | (values % 1 != 0),
        f"{asked()}: column {cause!r} is not a whole number of 0 or more",
        "Causes are numbered 1, 2, ...; 0 stands for none.",
    )
    own = values.astype(np.int64)
    said: dict[str, int] = {}
    if isinstance(data, Cohort):
        later = (own > 0) & (frame["event"].to_numpy() != 1)
        own = np.where(later, 0, own)
        said = {"causes_after_follow_up": int(later.sum())} if later.any() else {}
        if later.any() and not _was_cut(data):
            warn(
                f"{asked()}: {int(later.sum()):,} rows have a cause in column {cause!r} and no event in the cohort; "
                "they count as censored. Let first_event() end follow-up with these events, or give a DataFrame."
            )
    found = np.flatnonzero(np.bincount(own)) if own.max() <= LARGEST_CODE else np.unique(own)
    present = [int(number) for number in found if number > 0]
    if causes is not None:
        unnamed = [str(number) for number in present if number not in causes]
        if unnamed or 0 in causes:
            raise OptionError(
                f"{asked()}: causes= names causes from 1 on; "
                + (
                    f"it lacks {', '.join(unnamed)}, which column {cause!r} has."
                    if unnamed
                    else "0 stands for none."
                )
            )
        present = sorted(int(number) for number in causes)
    if not present:
        raise ModelError(f"{asked()}: column {cause!r} has no cause but 0. Check what its numbers stand for.")
    names = [str(causes[number]) if causes is not None else str(number) for number in present]
    if len(set(names)) < len(names):
        raise OptionError(
            f"{asked()}: causes= gives two causes the same name; join them in the column instead."
        )
    if max(int(own.max()), *present) <= LARGEST_CODE:
        place = np.zeros(max(int(own.max()), *present) + 1, dtype=np.int64)
        place[present] = np.arange(1, len(present) + 1)
        own = place[own]
    else:
        own = np.where(own > 0, np.searchsorted(present, own) + 1, 0)
    event = "event of any cause"
    if isinstance(data, Cohort):
        marked: Data = data.with_columns(**{event: (own > 0).astype(np.int64)})
    else:
        if time is None:
            raise ColumnError(
                f"{asked()}: a DataFrame needs time=, the name of the column with the length of follow-up."
            )
        columns = {name for name in (time, entry, weights, *columns_list(by)) if name is not None}
        require_columns(frame.columns, sorted(columns))
        marked = frame[[name for name in frame.columns if name in columns]].assign(
            **{event: (own > 0).astype(np.int64)}
        )
    observed = follow_up(
        marked, by=by, time=time, event=event, entry=entry, weights=weights, zero_survival=zero_survival,
        time_unit=time_unit,
    )  # fmt: skip
    return observed, own[observed.rows], names, said


def _cells_of(folded: Tally, observed: FollowUp) -> IntArray:
    """Return the cell in which each row ends: looked up where times are counted, searched for elsewhere."""
    if folded.end.dtype.kind != "i":
        return folded.cells_of(observed.group, observed.time)
    width = int(folded.end.max()) + 1
    if observed.n_groups * width > LARGEST_LOOK_UP * observed.time.size:
        return folded.cells_of(observed.group, observed.time)
    row = np.zeros(observed.n_groups * width, dtype=np.int64)
    row[folded.group * width + folded.end] = np.arange(folded.end.size)
    return row[observed.group * width + observed.time.astype(np.int64, copy=False)]


def _incidences(
    folded: Tally, at_risk: FloatArray, events: npt.NDArray[Any], variance: str
) -> tuple[FloatArray, FloatArray]:
    """Return each cause's incidence and its variance at every cell, of shape (n_causes, n_cells).

    With ``F`` the incidence at t and ``u`` an earlier event time, the variance is a sum over u of squares of
    ``S(u-)`` times ``1 - (F - F(u)) / S(u)`` for events of the cause and ``(F - F(u)) / S(u)`` for others; the delta
    method takes both from one multinomial number. Multiplied out in powers of F, three running sums give it at all t.
    """
    starts = folded.starts
    deaths = events.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(at_risk > 0, deaths / at_risk, 0.0)
        after = running_product(1.0 - hazard, starts)
        before = np.ones_like(after)
        before[1:] = after[:-1]
        before[starts[:-1][starts[:-1] < before.size]] = 1.0
        # What survives its own time as zero is rounding, not survivors.
        after = np.where(at_risk > deaths, after, 0.0)
    estimates, variances = np.empty(events.shape), np.empty(events.shape)
    for own, counts in enumerate(events):
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(at_risk > 0, counts / at_risk, 0.0)
            estimate = running_sum(before * share, starts)
            others = deaths - counts
            if variance == "delta":
                fall = np.where(
                    (deaths > 0) & (at_risk > deaths), deaths / (at_risk * (at_risk - deaths)), 0.0
                )
                jump = np.where(at_risk > 0, before**2 * counts * (at_risk - counts) / at_risk**3, 0.0)
                cross = np.where(at_risk > 0, before * counts / at_risk**2, 0.0)
                constant = running_sum(estimate**2 * fall + jump + 2 * estimate * cross, starts)
                linear = running_sum(estimate * fall + cross, starts)
                square = running_sum(fall, starts)
            else:
                scale = np.where(at_risk > 0, before**2 / at_risk**2, 0.0)
                mine, theirs = scale * counts, scale * others
                if variance == "gray":
                    mine *= np.where(counts > 1, (at_risk - counts) / np.maximum(at_risk - 1, 1), 1.0)
                    theirs *= np.where(others > 1, (at_risk - others) / np.maximum(at_risk - 1, 1), 1.0)
                inverse = np.where(after > 0, 1.0 / after, 0.0)
                # Nobody is left after a time without survivors, so others' deaths there say nothing of later incidence.
                theirs = np.where(after > 0, theirs, 0.0)
                level = 1.0 + estimate * inverse
                constant = running_sum(mine * level**2 + theirs * (estimate * inverse) ** 2, starts)
                linear = running_sum(inverse * (mine * level + theirs * estimate * inverse), starts)
                square = running_sum(inverse**2 * (mine + theirs), starts)
        estimates[own] = estimate
        variances[own] = np.maximum(constant - 2 * estimate * linear + estimate**2 * square, 0.0)
    return estimates, variances


def _sets_with_rows(observed: FollowUp, stratum: IntArray, n_strata: int) -> list[tuple[RiskSets, Any]]:
    """Return the risk sets of each stratum and which rows they are of."""
    sets = list(risk_sets(observed, stratum, n_strata))
    if n_strata == 1:
        return [(sets[0], slice(None))]
    event = observed.event.astype(bool)
    with_events = np.flatnonzero(np.bincount(stratum[event], minlength=n_strata))
    order = np.argsort(stratum, kind="stable")
    bounds = np.searchsorted(stratum[order], np.arange(n_strata + 1))
    return [
        (one, order[bounds[code] : bounds[code + 1]]) for one, code in zip(sets, with_events, strict=True)
    ]


@dataclass(frozen=True)
class _GroupCurves:
    """Counts of every group at the event times of a stratum, and survival of any cause, arrays ``(n_times, n_groups)``.

    Survival is that just before and at each time.
    """

    at_risk: FloatArray
    events: FloatArray
    before: FloatArray
    after: FloatArray


def _group_curves(sets: RiskSets) -> _GroupCurves:
    at_risk = np.concatenate([block for _, block in sets.at_risk_by_group()])
    events = _events_by_group(sets, sets.event)
    after = np.cumprod(1.0 - events / np.maximum(at_risk, 1.0), axis=0)
    return _GroupCurves(at_risk, events, np.vstack([np.ones(sets.n_groups), after[:-1]]), after)


def _events_by_group(sets: RiskSets, chosen: npt.NDArray[np.bool_]) -> FloatArray:
    rows = np.flatnonzero(chosen)
    key = (sets.leave[rows] - 1) * sets.n_groups + sets.group[rows]
    table = np.bincount(key, minlength=sets.times.size * sets.n_groups)
    return table.reshape(sets.times.size, sets.n_groups).astype(np.float64)


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
    with np.errstate(divide="ignore", invalid="ignore"):
        there = (at_risk > 0) & (before > 0)
        inflated = np.where(there, at_risk / before, 0.0)
        incidence = np.cumsum(np.where(there, own / inflated, 0.0), axis=0)
        numbers = inflated.copy()
        numbers[1:] *= 1.0 - incidence[:-1]
        total, whole = inflated.sum(axis=1), numbers.sum(axis=1)
        deaths = own.sum(axis=1)
        step = np.where(total > 0, deaths / total, 0.0)
        pooled = np.cumsum(step)
        left_before = 1.0 - np.concatenate([[0.0], pooled[:-1]])
        weight = np.maximum(left_before, 0.0) ** rho
        expected = np.where(whole > 0, weight * deaths / whole, 0.0)
        score = weight @ own - expected @ numbers
        risk = np.where(left_before > 0, step / left_before, 0.0)
        survivors = (at_risk > groups.events) & (after > 0)
        fall = np.where(survivors, (1.0 - pooled)[:, None] / after, 0.0)
        # Ties are rare in continuous time: only times that have them are corrected.
        own_spread = np.where(there, step[:, None] / inflated, 0.0)
        tied = np.flatnonzero(deaths > 1)
        own_spread[tied] *= np.maximum(
            1.0 - (deaths[tied, None] - 1.0) / (total[tied, None] * before[tied] - 1.0), 0.0
        )
        other_spread = np.where(there & survivors, others / inflated**2, 0.0)
        tied_others = others > 1
        other_spread[tied_others] *= 1.0 - (others[tied_others] - 1.0) / (at_risk[tied_others] - 1.0)
    own_size = np.sqrt(np.where(own_spread > 0, own_spread, 0.0))
    other_size = fall * np.sqrt(other_spread)
    covariance, scale = _gray_covariance(
        inflated,
        pull=np.where(total > 0, weight / total, 0.0),
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
