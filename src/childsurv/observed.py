"""Observed survival: estimators that need no life table, finished from a tally."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from childsurv.cohort import DAYS_PER_YEAR
from childsurv.curves import Curves
from childsurv.errors import require_choice, require_level
from childsurv.follow_up import By, Data, FollowUp, IntArray, follow_up, warn_no_events
from childsurv.intervals import INTERVAL_KINDS
from childsurv.ragged import running_product, running_sum
from childsurv.tally import Tally, fold_observed

FloatArray = npt.NDArray[np.float64]


def kaplan_meier(
    data: Data,
    *,
    by: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    level: float = 0.95,
    ci: str = "log-log",
    zero_survival: str = "keep",
    time_unit: str = "days",
) -> Curves:
    """Estimate observed survival by the Kaplan-Meier product over event times, for all groups in one pass.

    ``S(t) = product over t_j <= t of (1 - d_j / Y_j)``, with d deaths among Y at risk, and Greenwood's variance of its
    logarithm ``sum d_j / (Y_j (Y_j - d_j))``.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=`` and ``event=``.
    by
        Column or columns whose combinations are the groups.
    time, event, entry, weights
        Columns of a DataFrame: end of follow-up in any unit, 1 for an event and 0 for none, start of
        follow-up, case weights. Whole-number weights are frequencies; with others the variance is the
        infinitesimal jackknife.
    level
        Confidence level.
    ci
        Kind of limits: "log-log" (the default: it stays within 0 and 1 and is honest near 1, where children's
        survival lies), "log" (R's default), "plain", "logit" or "arcsin".
    zero_survival
        Rows of a cohort that end on the day of diagnosis: "keep" counts them in the first day, "drop" leaves them out.
    time_unit
        Unit of a DataFrame's times: "days" (the default), "weeks", "months" or "years". Years can be asked of
        curves in days.

    Returns
    -------
    Curves
        ``.table`` has the group columns and ``time, at_risk, events, censored, estimate, std_error, lower, upper``.

    Raises
    ------
    ColumnError, DataError
        A column is missing or of the wrong kind; rows have missing, negative or impossible values.

    References
    ----------
    Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. J Am Stat Assoc 1958; 53:457-81.
    doi:10.1080/01621459.1958.10501452

    Examples
    --------
    >>> import childsurv as cs
    >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1), by="sex")
    >>> curves.at(years=5)["sex"].tolist()
    ['male', 'female']
    """
    require_choice(ci, INTERVAL_KINDS, argument="ci")
    require_level(level)
    observed = follow_up(
        data, by=by, time=time, event=event, entry=entry, weights=weights,
        zero_survival=zero_survival, time_unit=time_unit, purpose="kaplan_meier",
    )  # fmt: skip
    warn_no_events(observed, purpose="kaplan_meier")
    robust = observed.weights is not None and bool((observed.weights % 1).any())
    folded = fold_observed(observed)
    at_risk = np.maximum(folded.at_risk, 0)
    events = folded.sums["events"]
    if robust:
        # Sums of fractions leave rounding where nobody is left; heads, which are whole numbers, say where that is.
        assert observed.weights is not None
        weighed = fold_observed(replace(observed, weights=(observed.weights > 0).astype(np.float64)))
        at_risk = np.where(weighed.at_risk == weighed.sums["events"], events, at_risk)
    starts = folded.starts
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(at_risk > 0, events / at_risk, 0.0)
        estimate = running_product(1.0 - hazard, starts)
        step = np.where(events > 0, hazard / (at_risk - events), 0.0)
        log_variance = (
            _jackknife_variance(observed, folded, at_risk, step) if robust else running_sum(step, starts)
        )
    heads = folded if observed.weights is None else fold_observed(replace(observed, weights=None))
    return Curves(
        groups=folded.groups.assign(patients=heads.totals("left"), total_events=heads.totals("events")),
        estimator="Kaplan-Meier",
        level=level,
        ci=ci,
        conventions={
            "estimator": "Kaplan-Meier",
            "variance": "infinitesimal jackknife" if robust else "Greenwood",
            "ci": ci,
            "level": level,
            "time_unit": "days" if observed.in_days else time_unit,
            "at_risk": "(entry, time]",
            "zero_survival": zero_survival,
            "same_day": observed.same_day,
            "days_per_year": DAYS_PER_YEAR,
            **observed.source,
        },
        in_days=observed.in_days,
        bounded=True,
        group=folded.group,
        time=folded.end.astype(np.float64),
        at_risk=at_risk,
        events=events,
        censored=folded.sums["left"] - events,
        estimate=estimate,
        log_variance=log_variance,
    )


def _jackknife_variance(
    observed: FollowUp, folded: Tally, at_risk: FloatArray, step: FloatArray
) -> FloatArray:
    """Return the variance of log S as the sum of squared influences of the rows.

    With ``G(t) = sum over t_j <= t of d_j / (Y_j (Y_j - d_j))``, a row that entered at e and is still at risk
    at t has moved log S by ``w (G(t) - G(e))``; one that died at u, for good, by ``w (G(u-) - 1 / Y(u) -
    G(e))``; one censored at u by ``w (G(u) - G(e))``.
    """
    starts = folded.starts
    total = running_sum(step, starts)
    exit_cell = folded.cells_of(observed.group, observed.time)
    at_entry = np.zeros(observed.time.size)
    entered_cell = starts[:-1][observed.group]
    if observed.entry is not None:
        late = np.flatnonzero(observed.entry > 0)
        entered_cell = entered_cell.copy()
        entered_cell[late] = folded.cells_of(observed.group[late], observed.entry[late])
        at_entry[late] = total[entered_cell[late]]
    dead = observed.event == 1
    at_exit = np.where(dead, (total - step)[exit_cell] - 1.0 / at_risk[exit_cell], total[exit_cell])
    assert observed.weights is not None
    squares = observed.weights**2

    def by_cell(cell: IntArray, values: FloatArray) -> FloatArray:
        return np.bincount(cell, values, minlength=folded.end.size).astype(np.float64, copy=False)

    gone = running_sum(by_cell(exit_cell, squares * (at_exit - at_entry) ** 2), starts)
    # Those still at risk contribute (G(t) - G(e))**2, multiplied out so that three running sums suffice.
    present = [
        running_sum(by_cell(entered_cell, values) - by_cell(exit_cell, values), starts)
        for values in (squares, squares * at_entry, squares * at_entry**2)
    ]
    return np.asarray(gone + total**2 * present[0] - 2 * total * present[1] + present[2])
