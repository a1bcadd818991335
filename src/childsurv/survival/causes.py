"""Competing causes: cumulative incidence by the Aalen-Johansen estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import By, Data, columns_list
from childsurv.curves.curve_options import CurveOptions
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError, asked, asking, require_choice
from childsurv.fold.causes import causes_of, fold_causes
from childsurv.fold.tally import Tally
from childsurv.maths.running import ratio, running_product, running_sum

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

VARIANCES = ("delta", "aalen", "gray")
"""Variances of a cumulative incidence."""


@asking("cumulative_incidence")
def cumulative_incidence(
    data: Data | Tally,
    *,
    cause: str | None = None,
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
        A Cohort, a DataFrame with ``time=``, or a `Tally` with causes that was added up elsewhere.
    cause
        Column with the cause that ended follow-up: 0 for none (censored), 1, 2, ... for causes; not for a Tally.
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
    options = CurveOptions.checked(level, ci, minimum)
    if "cause" in columns_list(by):
        raise OptionError(f"{asked()} adds a column 'cause'; rename the group column of that name.")
    if isinstance(data, Tally):
        data.require(by=by, time=time, entry=entry, weights=weights, cause=cause, causes=causes)
        folded = data
    else:
        folded = fold_causes(
            causes_of(
                data, cause, causes, by=by, time=time, entry=entry, weights=weights,
                zero_survival=zero_survival, time_unit=time_unit,
            )
        )  # fmt: skip
    return finish_incidence(folded, options, variance=variance)


def finish_incidence(folded: Tally, options: CurveOptions, *, variance: str = "delta") -> Curves:
    """Finish sums by cause into curves of cumulative incidence."""
    if not folded.causes:
        raise OptionError(f"{asked()}: this Tally counts no causes; make it with cs.tally(data, cause=...).")
    if not folded.whole_weights:
        raise OptionError(
            f"{asked()}: weights are frequencies, whole numbers; variances of others are not known here."
        )
    names = list(folded.causes.values())
    at_risk = np.maximum(folded.at_risk, 0)
    events, heads = folded.events_by_cause, folded.heads
    estimates, variances = _incidences(folded, at_risk.astype(np.float64), events, variance)
    n_groups, n_cells, n_causes = folded.n_groups, folded.end.size, len(names)
    # Rows by group, then cause, then time.
    order = np.argsort(np.tile(folded.group, n_causes), kind="stable")
    by_cause = np.repeat(np.arange(n_causes), n_cells)[order]
    row = np.tile(np.arange(n_cells), n_causes)[order]
    log_variance = ratio(variances, estimates**2, where=estimates > 0)
    groups = folded.groups.loc[np.repeat(np.arange(n_groups), n_causes)].reset_index(drop=True)
    total_events = np.stack(
        [np.bincount(folded.group, counts, minlength=n_groups) for counts in events], axis=1
    ).ravel()
    counted = not folded.weighted
    after = folded.causes_after_follow_up
    return Curves.made(
        groups.assign(
            cause=np.tile(np.array(names, dtype=object), n_groups),
            patients=np.repeat(heads.totals("left"), n_causes),
            total_events=total_events.astype(np.int64) if counted else total_events,
        ),
        estimator="Aalen-Johansen",
        options=options,
        conventions={
            "variance": variance,
            "causes": ", ".join(names),
            **({"causes_after_follow_up": after} if after else {}),
        },
        followed=folded.follow_up_conventions,
        group=folded.group[row] * n_causes + by_cause,
        time=folded.end[row].astype(np.float64),
        at_risk=at_risk[row],
        events=events[by_cause, row].astype(np.int64) if counted else events[by_cause, row],
        censored=(folded.sums["left"] - folded.sums["events"])[row],
        estimate=estimates[by_cause, row],
        log_variance=log_variance[by_cause, row],
        quantity="cumulative incidence",
        start=0.0,
        children_at_risk=None if counted else np.maximum(heads.at_risk, 0)[row],
    )


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
    after = running_product(1.0 - ratio(deaths, at_risk), starts)
    before = np.ones_like(after)
    before[1:] = after[:-1]
    before[starts[:-1][starts[:-1] < before.size]] = 1.0
    # Where all at risk die, anything but 0 is rounding.
    after = np.where(at_risk > deaths, after, 0.0)
    estimates, variances = np.empty(events.shape), np.empty(events.shape)
    for own, counts in enumerate(events):
        estimate = running_sum(before * ratio(counts, at_risk), starts)
        others = deaths - counts
        if variance == "delta":
            survivors = (deaths > 0) & (at_risk > deaths)
            fall = ratio(deaths, at_risk * (at_risk - deaths), where=survivors)
            jump = ratio(before**2 * counts * (at_risk - counts), at_risk**3, where=at_risk > 0)
            cross = ratio(before * counts, at_risk**2, where=at_risk > 0)
            constant = running_sum(estimate**2 * fall + jump + 2 * estimate * cross, starts)
            linear = running_sum(estimate * fall + cross, starts)
            square = running_sum(fall, starts)
        else:
            scale = ratio(before**2, at_risk**2, where=at_risk > 0)
            mine, theirs = scale * counts, scale * others
            if variance == "gray":
                mine *= np.where(counts > 1, (at_risk - counts) / np.maximum(at_risk - 1, 1), 1.0)
                theirs *= np.where(others > 1, (at_risk - others) / np.maximum(at_risk - 1, 1), 1.0)
            inverse = ratio(1.0, after)
            # After a time without survivors no child is left, so deaths of others then do not bear on later incidence.
            theirs = np.where(after > 0, theirs, 0.0)
            level = 1.0 + estimate * inverse
            constant = running_sum(mine * level**2 + theirs * (estimate * inverse) ** 2, starts)
            linear = running_sum(inverse * (mine * level + theirs * estimate * inverse), starts)
            square = running_sum(inverse**2 * (mine + theirs), starts)
        estimates[own] = estimate
        variances[own] = np.maximum(constant - 2 * estimate * linear + estimate**2 * square, 0.0)
    return estimates, variances
