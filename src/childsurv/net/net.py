"""Net survival: survival if the disease were the only cause of death.

One function with many ways to count, which `NetOptions` chooses among: exactly by day (`daily.py`), by intervals
(`intervals.py`), or as peers do it (`relsurv.py`, `programs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data, warn_no_events
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError, asked, asking, renamed, require_choice
from childsurv.fold.rows import fold_expected, require_expected_sums
from childsurv.fold.tally import Tally
from childsurv.lifetable.people import Columns, People, people_of, require_life_table
from childsurv.lifetable.table import LifeTable
from childsurv.maths.running import running_maximum
from childsurv.net.daily import Estimate
from childsurv.net.options import NetOptions
from childsurv.survival.standard import STANDARD_METHODS, Weights, standardised

FloatArray = npt.NDArray[np.float64]

SHAPES = ("above_1", "rises")
"""Conventions that describe the shape of curves."""

SMALLEST_RISE = 1e-3
"""A rise of a net survival curve, from its lowest so far, that a result reports."""


@asking("net_survival")
@renamed(horizon="horizon_years")
def net_survival(
    data: Data | Tally,
    life_table: LifeTable | None = None,
    *,
    by: By = None,
    method: str = "pohar-perme",
    form: str | None = None,
    intervals: str | Sequence[float] | None = None,
    standard: Weights | None = None,
    standard_by: str = "age_group",
    standard_method: str = "direct",
    horizon_years: float | None = None,
    closing_date: Any = None,
    compat: str | None = None,
    compat_options: Mapping[str, Any] | None = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    age_days: str | None = None,
    sex: str = "sex",
    diagnosis_date: str | None = None,
    level: float = 0.95,
    ci: str | None = None,
    zero_survival: str = "keep",
    missing: str = "error",
    minimum: int = 0,
) -> Curves:
    """Estimate net (relative) survival against population mortality, for all groups in one pass.

    On day k let ``B_k`` and ``A_k`` be the summed weights of those at risk at its start and at its end before
    exits, ``D_k`` and ``D2_k`` the sums of weights and squared weights of its deaths. With Pohar Perme's
    weights ``w(t) = exp(population hazard cumulated from diagnosis to t)``,

    ``S(t) = product over k <= t of (1 - D_k / A_k + log(A_k / B_k))``, variance of log S ``sum D2_k / A_k**2``.

    Inside a day the risk set is fixed and each weight grows at its own hazard, so ``log(A_k / B_k)`` is the
    day's population part exactly. Ederer II has all weights 1: ``S(t) = product of (1 - (d_k - E_k) / Y_k)``,
    variance ``sum d_k / Y_k**2``, with E_k the day's expected deaths of those at risk. Ederer I and Hakulinen are
    ``S(t) = Kaplan-Meier / E(t)``, ``E(t) = product of A_k / B_k`` with weights ``exp(-population hazard)`` over
    all children, or over those whose closing date has not come.

    By intervals of length k, with y the (weighted) person-time: ``S = exp(-sum k (D - E) / y)`` in the person-time
    form; in the actuarial form ``product of (1 - d / (n - w / 2)) / mean expected survival`` for Ederer II and
    ``product of (1 - D / (N - W / 2)) exp(E / M)`` for Pohar Perme, with weights at the middle of intervals.

    Parameters
    ----------
    data
        A Cohort, a DataFrame with ``time=``, ``event=``, ``age_days=`` and ``diagnosis_date=``, or a `Tally` made with
        a life table, whose sums finish "pohar-perme" and "ederer2" by day and in the person-time form.
    life_table
        Population mortality; every patient uses the stratum named by its ``by`` columns and sex. A Tally needs none;
        one that is given must be the table that the Tally was made with.
    by
        Column or columns whose combinations are the groups.
    method
        "pohar-perme" (unbiased for net survival, the default), "ederer2", "ederer1" or "hakulinen".
    form
        Daily: "product" (the default) or "exponential" (``exp(-sum dL)``). By intervals: "person-time" (the default,
        which also takes late entries) or "actuarial".
    intervals
        ``None`` for the exact daily estimator; "monthly", "quarterly", "yearly", or where intervals end, in ascending
        years.
    standard
        Standardise over the strata of ``standard_by``: a name or a mapping as in `standardise`.
    standard_by
        Column of the strata.
    standard_method
        "direct" (the weighted mean of the strata's curves) or "brenner" (case weights, see `brenner_weights`).
    horizon_years
        Years since diagnosis at which follow-up ends for all; Ederer I expects all to survive until then.
    closing_date
        For Hakulinen's method: the date to which all could have been followed, or a column of such dates. A cohort's
        own unless given.
    compat
        Compute as a peer does: "relsurv", "strs", "stnet" or "popepi", with its conventions, look-ups and faults
        (see ``docs/net_survival.md``).
    compat_options
        For "relsurv": ``add_times`` (days), ``precision`` (days), ``date_class`` (whether the cuts of its rate table
        are of R's class date, as those of slopop).
    time, event, entry, weights
        Columns of a DataFrame: end of follow-up in whole days, 1 for a death of any cause, start of
        follow-up, case weights. With delayed entry weights still cumulate from diagnosis. With case weights, numbers
        at risk and of events are heads.
    age_days, sex, diagnosis_date
        Columns of a DataFrame: age at diagnosis in days, "male" or "female", date of diagnosis.
    level
        Confidence level.
    ci
        Kind of limits: "log" (the default), "log-log", "plain", "logit" or "arcsin"; with ``compat=`` the peer's.
    zero_survival
        Rows of a cohort that end on the day of diagnosis: "keep" counts them in the first day, "drop" leaves them out.
    missing
        What to do with patients for whom the life table has no stratum, such as those of a country without a table:
        "error", or "observed": groups of such patients alone get their observed survival (Kaplan-Meier with
        Greenwood's variance), and a column ``quantity`` says "net survival" or "observed survival" of every group.
    minimum
        Children at risk below which a curve ends, and patients below which a group has no estimate (see
        `Curves.with_minimum`).

    Returns
    -------
    Curves
        As for `kaplan_meier`. Estimates are not cut: net survival may exceed 1 or rise where fewer died than
        the population would have, which ``conventions`` then report. ``life_table_use`` lists cells of the life table
        that were carried on or have a hazard of zero, with the person-years in them.

    Raises
    ------
    LifeTableError
        The table does not cover the follow-up, or has no stratum for some patients: rows are counted (by country),
        nothing is extrapolated. With ``missing="observed"``, a group that mixes patients with and without a stratum.
    OptionError
        Options that do not go together: late entries with Ederer I, Hakulinen or the actuarial form, which follow
        all children from diagnosis; a method that the peer does not have; a method, form or peer that follows rows, for
        a Tally.
    ColumnError, DataError
        As for `kaplan_meier`; follow-up must be in whole days, and end before the closing date.

    References
    ----------
    Pohar Perme M, Stare J, Esteve J. On estimation in relative survival. Biometrics 2012; 68:113-20.
    doi:10.1111/j.1541-0420.2011.01640.x

    Hakulinen T. Cancer survival corrected for heterogeneity in patient withdrawal. Biometrics 1982; 38:933-42.
    doi:10.2307/2529873

    Ederer F, Axtell LM, Cutler SJ. The relative survival rate: a statistical methodology. Natl Cancer Inst Monogr 1961;
    6:101-21. Ederer F, Heise H. Instructions to IBM 650 programmers in processing survival computations. National
    Cancer Institute 1959.

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort, table = cs.demo.cohort(patients=500, seed=1), cs.demo.life_table()
    >>> net = cs.net_survival(cohort, table)
    >>> observed = cs.kaplan_meier(cohort)
    >>> bool(net.at(years=5)["estimate"][0] >= observed.at(years=5)["estimate"][0])
    True
    >>> monthly = cs.net_survival(cohort, table, intervals="monthly")
    >>> bool(abs(monthly.at(years=5)["estimate"][0] - net.at(years=5)["estimate"][0]) < 0.001)
    True
    """
    options = NetOptions.checked(
        method=method, form=form, intervals=intervals, compat=compat, compat_options=compat_options,
        horizon_years=horizon_years, closing_date=closing_date, missing=missing, level=level, ci=ci, minimum=minimum,
    )  # fmt: skip
    columns = Columns(
        time=time, event=event, entry=entry, weights=weights, age_days=age_days, sex=sex,
        diagnosis_date=diagnosis_date,
    )  # fmt: skip
    estimate: Callable[..., Curves]
    if isinstance(data, Tally):
        given = {"by": by, "horizon_years": horizon_years, "closing_date": closing_date, **columns.given}
        require_expected_sums(data, life_table, *options.sums, given=given, weights=True)
        estimate = partial(_of_tally, data, options)
    else:
        estimate = partial(_of_rows, data, life_table, options, columns, zero_survival)
    if standard is None:
        if standard_method != "direct":
            raise OptionError(f"{asked()}: standard_method= goes with standard=.")
        curves = estimate(by=by)
    else:
        require_choice(standard_method, STANDARD_METHODS, argument="standard_method")
        if standard_method == "brenner" and weights is not None:
            raise OptionError(f"{asked()}: standard_method='brenner' makes case weights; leave weights= out.")
        curves = standardised(
            estimate, data, standard, over=standard_by, method=standard_method, by=by, entry=entry
        )
    return _with_shape(curves.with_minimum(minimum))


def _of_rows(
    data: Data,
    life_table: LifeTable | None,
    options: NetOptions,
    columns: Columns,
    zero_survival: str,
    *,
    by: By,
    reweigh: Callable[[People], FloatArray] | None = None,
) -> Curves:
    """Return the curves of a Cohort or a DataFrame."""
    table = require_life_table(life_table)
    people = people_of(
        data, options.looked_up(table), columns, by=by, zero_survival=zero_survival, missing=options.missing,
    )  # fmt: skip
    if reweigh is not None:
        people = people.weighted_by(reweigh(people))
    people = people.until(options.horizon_years)
    warn_no_events(people.observed)
    if options.missing == "observed":
        people = people.with_observed_survival()
    if options.needs_closing_date:
        people = people.with_closing_date(data, options.closing_date)
    estimate = options.way(people)
    marked_days = estimate.pop("marked_days", None)
    if marked_days is None:
        # Peers look children up in their own ways; our exact walk reports which cells they use.
        used = people.table
        marked = bool(used.extended.any() or (used.rates == 0).any())
        marked_days = fold_expected(people, plain=True, weighted=False).marked_days if marked else {}
    return _made(
        people.labels,
        estimate,
        options,
        weighted=people.observed.weights is not None,
        followed=people.conventions,
        look_up=options.look_up_conventions(people.table, table),
        use=people.life_table_use(marked_days),
    )


def _of_tally(sums: Tally, options: NetOptions, **_: Any) -> Curves:
    """Return the curves of sums that were added up elsewhere."""
    estimate = options.finish(sums)
    del estimate["marked_days"]
    assert sums.life_table is not None
    assert sums.life_table_use is not None
    heads = sums.heads
    return _made(
        sums.groups.assign(patients=heads.totals("left"), total_events=heads.totals("events")),
        estimate,
        options,
        weighted=sums.weighted,
        followed=sums.follow_up_conventions,
        look_up=options.look_up_conventions(sums.life_table, sums.life_table),
        use=sums.life_table_use,
    )


def _made(
    groups: pd.DataFrame,
    estimate: Estimate,
    options: NetOptions,
    *,
    weighted: bool,
    followed: Mapping[str, Any],
    look_up: Mapping[str, Any],
    use: pd.DataFrame,
) -> Curves:
    """Return finished curves with the conventions of every estimator of net survival; no minimum is applied yet."""
    conventions = {
        **estimate.pop("conventions"),
        **({"case_weights": "numbers at risk and of events are heads"} if weighted else {}),
        **look_up,
        "extended_person_years": float(use.loc[use["extended"], "person_years"].sum()),
        "zero_hazard_person_years": float(use.loc[use["hazard_zero"], "person_years"].sum()),
    }
    return Curves.made(
        groups, estimator=options.name, options=replace(options.curves, minimum=0), conventions=conventions,
        followed=followed, bounded=False, life_table_use=use, **estimate,
    )  # fmt: skip


def _with_shape(curves: Curves) -> Curves:
    """Report estimates above 1 and rises, which are kept: fewer died than the population would have."""
    # What was reported of the shapes of strata is not what their weighted mean looks like.
    conventions = {name: value for name, value in curves.conventions.items() if name not in SHAPES}
    known = np.isfinite(curves.estimate)
    above = known & (curves.estimate > 1)
    if above.any():
        conventions["above_1"] = (
            f"in {np.unique(curves.group[above]).size:,} groups, at most {curves.estimate[above].max():.4f}: fewer "
            "died than the population would have; not cut"
        )
    # The lowest so far: the largest distance below a bound that no curve exceeds.
    bound = float(curves.estimate[known].max(initial=1.0)) + 1.0
    lowest = bound - running_maximum(np.where(known, bound - curves.estimate, 0.0), curves.starts)
    rise = np.where(known, curves.estimate - np.minimum(lowest, 1.0), 0.0)
    rising = rise > SMALLEST_RISE
    if rising.any():
        conventions["rises"] = (
            f"in {np.unique(curves.group[rising]).size:,} groups, by at most {rise.max():.4f} from its lowest: few at "
            "risk, and fewer died than the population would have; not cut"
        )
    return replace(curves, conventions=conventions)
