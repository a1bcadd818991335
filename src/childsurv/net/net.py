"""Net survival: survival if the disease were the only cause of death.

One function with many ways to count. The exact daily estimators are finished in `net_daily`, those by intervals in
`net_intervals`, and what peers compute instead in `net_relsurv` and `net_peers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    warn_no_events,
)
from childsurv.curves.curves import Curves
from childsurv.errors import (
    DataError,
    LifeTableError,
    OptionError,
    asked,
    asking,
    require_choice,
    require_columns,
    require_count,
    require_level,
)
from childsurv.fold.rows import fold_expected
from childsurv.lifetable.clock import AGE_RULES, CALENDAR_RULES
from childsurv.lifetable.paths import marked_cells_table
from childsurv.lifetable.people import Demographics, date_column, demographics
from childsurv.lifetable.table import AFTER_ALL, BEFORE_ALL, LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR, days_of
from childsurv.maths.limits import INTERVAL_KINDS
from childsurv.maths.running import running_maximum
from childsurv.net.daily import daily_estimate
from childsurv.net.intervals import interval_estimate
from childsurv.net.parts import METHODS, NAMES, NetEstimate, NetInput
from childsurv.net.programs import PEERS, peer_estimate, positions
from childsurv.net.relsurv import RelsurvOptions, relsurv_estimate
from childsurv.survival.intervals import NAMED_INTERVALS, interval_ends
from childsurv.survival.standard import Weights, brenner_weights, standardise

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

WHOLE_DAYS = "; a change within a day holds from the next"
"""A daily estimator looks up once a day, as the peers do that look up so."""

MISSING = ("error", "observed")
"""What to do with patients without a life table."""

DAILY_FORMS = ("product", "exponential")
INTERVAL_FORMS = ("person-time", "actuarial")
STANDARD_METHODS = ("direct", "brenner")

BRENNER_WEIGHT = "weight of the standard"
"""Column that carries Brenner's weights through the estimate."""

SMALLEST_RISE = 1e-3
"""A rise of a net survival curve, from its lowest so far, that a result tells of."""


@asking("net_survival")
def net_survival(
    data: Data,
    life_table: LifeTable,
    *,
    by: By = None,
    method: str = "pohar-perme",
    form: str | None = None,
    intervals: str | Sequence[float] | None = None,
    standard: Weights | None = None,
    standard_by: str = "age_group",
    standard_method: str = "direct",
    horizon: float | None = None,
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
    everybody, or over those whose closing date has not come.

    By intervals of length k, with y the (weighted) person-time: ``S = exp(-sum k (D - E) / y)`` in the person-time
    form; in the actuarial form ``product of (1 - d / (n - w / 2)) / mean expected survival`` for Ederer II and
    ``product of (1 - D / (N - W / 2)) exp(E / M)`` for Pohar Perme, with weights at the middle of intervals.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=``, ``event=``, ``age_days=`` and ``diagnosis_date=``.
    life_table
        Population mortality; every patient uses the stratum named by its ``by`` columns and sex.
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
    horizon
        Years at which follow-up ends for everybody; Ederer I expects all to survive until then.
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
        the population would have, and ``conventions`` then say so. ``life_table_use`` lists cells of the life table
        that were carried on or have a hazard of zero, with the person-years in them.

    Raises
    ------
    LifeTableError
        The table does not cover the follow-up, or has no stratum for some patients: rows are counted (by country),
        nothing is extrapolated. With ``missing="observed"``, a group that mixes patients with and without a stratum.
    OptionError
        Options that do not go together: late entries with Ederer I, Hakulinen or the actuarial form, which follow
        everybody from diagnosis; a method that the peer does not have.
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
    require_choice(method, METHODS, argument="method")
    require_choice(missing, MISSING, argument="missing")
    require_level(level)
    require_count(minimum, argument="minimum")
    form, ci = _checked_options(method, form, intervals, compat, compat_options, ci, missing, closing_date)
    if standard is None and standard_method != "direct":
        raise OptionError(f"{asked()}: standard_method= goes with standard=.")
    if standard is not None:
        require_choice(standard_method, STANDARD_METHODS, argument="standard_method")
        same = {
            "method": method, "form": form, "intervals": intervals, "horizon": horizon, "closing_date": closing_date,
            "compat": compat, "compat_options": compat_options, "time": time, "event": event, "entry": entry,
            "age_days": age_days, "sex": sex, "diagnosis_date": diagnosis_date, "level": level, "ci": ci,
            "zero_survival": zero_survival, "missing": missing,
        }  # fmt: skip
        if standard_method == "direct":
            strata = [*columns_list(by), standard_by]
            curves = net_survival(data, life_table, by=strata, weights=weights, **same)
            curves = standardise(curves, standard, over=standard_by)
            # What was said of the strata's shapes is not what the weighted mean looks like.
            said = {**curves.conventions, **_said_of_shape(curves)}
            return replace(curves, conventions=said).with_minimum(minimum)
        if weights is not None:
            raise OptionError(f"{asked()}: standard_method='brenner' makes case weights; leave weights= out.")
        own = _brenner_weights(data, standard, standard_by, by, entry, zero_survival)
        marked = _with_column(data, BRENNER_WEIGHT, own)
        curves = net_survival(marked, life_table, by=by, weights=BRENNER_WEIGHT, **same)
        said = {
            "standard": standard if isinstance(standard, str) else "own weights",
            "standard_method": "brenner",
        }
        return replace(curves, conventions={**curves.conventions, **said}).with_minimum(minimum)
    observed = follow_up(
        data, by=by, time=time, event=event, entry=entry, weights=weights, zero_survival=zero_survival,
    )  # fmt: skip
    if not observed.counted:
        raise DataError(
            f"{asked()}: follow-up must be in whole days to be looked up in a life table; round it, for example with "
            "(years * 365.25).round()."
        )
    observed, beyond = _until(observed, horizon)
    warn_no_events(observed)
    people = demographics(
        data, life_table, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date, missing=missing,
    )  # fmt: skip
    without_table = _groups_without_table(observed, people)
    if without_table.any() and "quantity" in observed.groups:
        raise OptionError(
            "net_survival(missing='observed') adds a column 'quantity'; rename yours of that name."
        )
    table = life_table
    if compat == "relsurv" and life_table.age_rule != "fixed":
        table = life_table.with_look_up("relsurv")
        people = demographics(data, table, age_days=age_days, sex=sex, diagnosis_date=diagnosis_date)
    if without_table.any():
        table, people = _with_zero_stratum(life_table, people)
    closing = None
    if method == "hakulinen" and compat is None:
        closing = _closing_days(data, closing_date, people, observed)
    given = NetInput(observed, table, people, closing)
    finished = _estimate(given, method, form, intervals, compat, compat_options, without_table, horizon)
    marked_days = finished.marked_days
    if compat is not None and (table.extended.any() or (table.rates == 0).any()):
        # Peers look people up in their own ways; that they use such cells is told by our exact walk.
        marked_days = fold_expected(observed, table, people, plain=True, weighted=False).marked_days
    groups = observed.groups
    if without_table.any():
        groups = groups.assign(
            quantity=np.where(without_table, "observed survival", "net survival").astype(object)
        )
    heads = np.bincount(observed.group, minlength=observed.n_groups)
    deaths = np.bincount(observed.group[observed.event == 1], minlength=observed.n_groups)
    # The stratum added for patients without a table is none of its cells.
    own_cells = len(life_table.strata) * table.age_starts.size * table.year_starts.size
    use = marked_cells_table(table, {cell: days for cell, days in marked_days.items() if cell < own_cells})
    curves = Curves(
        groups=groups.assign(patients=heads, total_events=deaths),
        estimator=NAMES[method] + ("" if compat is None else f", as {compat}"),
        level=level,
        ci=ci,
        conventions={
            **finished.conventions,
            "ci": ci,
            "level": level,
            "at_risk": "(entry, time]",
            "zero_survival": zero_survival,
            "same_day": observed.same_day,
            **({} if weights is None else {"case_weights": "numbers at risk and of events are heads"}),
            **(
                {}
                if horizon is None
                else {"horizon": f"{horizon:g} years; {beyond:,} patients entered later"}
            ),
            **_said_of_look_up(table, compat, intervals),
            "life_table": life_table.source,
            "life_table_digest": life_table.digest,
            **(_said_of_missing(observed, without_table) if without_table.any() else {}),
            "extended_person_years": float(use.loc[use["extended"], "person_years"].sum()),
            "zero_hazard_person_years": float(use.loc[use["hazard_zero"], "person_years"].sum()),
            "days_per_year": DAYS_PER_YEAR,
            **observed.source,
        },
        in_days=True,
        bounded=False,
        group=finished.group,
        time=finished.time,
        at_risk=finished.at_risk,
        events=finished.events,
        censored=finished.censored,
        estimate=finished.estimate,
        log_variance=finished.log_variance,
        every_row=finished.every_row,
        limits_scale=finished.limits_scale,
        at_risk_after=finished.at_risk_after,
        life_table_use=use,
    )
    curves = curves.with_minimum(minimum)
    return replace(curves, conventions={**curves.conventions, **_said_of_shape(curves)})


@asking("net_survival")
def _checked_options(
    method: str,
    form: str | None,
    intervals: str | Sequence[float] | None,
    compat: str | None,
    compat_options: Mapping[str, Any] | None,
    ci: str | None,
    missing: str,
    closing_date: Any,
) -> tuple[str, str]:
    """Return the form and the kind of limits after checking that the options go together."""
    if compat is not None:
        require_choice(compat, ("relsurv", *PEERS), argument="compat")
        if missing != "error":
            raise OptionError(
                f"{asked()}: missing='observed' has no counterpart in {compat}; leave compat= out."
            )
    if compat_options and compat != "relsurv":
        raise OptionError(f"{asked()}: compat_options= goes with compat='relsurv'.")
    if closing_date is not None and method != "hakulinen":
        raise OptionError(f"{asked()}: closing_date= goes with method='hakulinen'.")
    if closing_date is not None and compat == "relsurv":
        raise OptionError(
            f"{asked()}: relsurv knows one closing date, the last date of anybody's follow-up; leave closing_date= out."
        )
    if compat in PEERS:
        peer = PEERS[compat]
        if method not in peer.methods:
            raise OptionError(
                f"{asked()}: compat={compat!r} reproduces method {', '.join(map(repr, peer.methods))}, not {method!r}."
            )
        if intervals is None:
            raise OptionError(f"{asked()}: compat={compat!r} needs intervals=, such as 'monthly'.")
        forms = tuple(one for one in peer.forms if method != "ederer1" or one == "actuarial")
    elif compat == "relsurv" and intervals is not None:
        raise OptionError(f"{asked()}: relsurv has no intervals; leave intervals= out.")
    else:
        forms = DAILY_FORMS if intervals is None else INTERVAL_FORMS
    chosen = forms[0] if form is None else form
    require_choice(chosen, forms, argument="form")
    kind = ci if ci is not None else PEERS[compat].ci if compat in PEERS else "log"
    require_choice(kind, INTERVAL_KINDS, argument="ci")
    return chosen, kind


def _estimate(
    given: NetInput,
    method: str,
    form: str,
    intervals: str | Sequence[float] | None,
    compat: str | None,
    compat_options: Mapping[str, Any] | None,
    without_table: npt.NDArray[np.bool_],
    horizon: float | None,
) -> NetEstimate:
    if compat == "relsurv":
        return relsurv_estimate(given, method, form, _relsurv_options(compat_options))
    if compat is not None:
        assert intervals is not None
        years = _until_horizon(_peer_years(intervals, given, compat), horizon)
        return peer_estimate(given, compat, method, form, years)
    if intervals is None:
        return daily_estimate(given, method, form, without_table)
    last = None if horizon is None else horizon * DAYS_PER_YEAR
    return interval_estimate(
        given, method, form, _until_horizon(interval_ends(intervals, float(given.observed.time.max())), last)
    )


def _until_horizon(ends: FloatArray, horizon: float | None) -> FloatArray:
    """Return the ends of intervals up to a horizon, which ends the last one: no rate goes on beyond it."""
    if horizon is None:
        return ends
    return np.append(ends[ends < horizon * (1 - 1e-12)], min(horizon, float(ends[-1])))


def _relsurv_options(given: Mapping[str, Any] | None) -> RelsurvOptions:
    options = dict(given or {})
    known = ("add_times", "precision", "date_class")
    unknown = [name for name in options if name not in known]
    if unknown:
        raise OptionError(f"compat_options= knows {', '.join(known)}, not {', '.join(unknown)}.")
    times = np.atleast_1d(np.asarray(options.get("add_times", ()), dtype=np.float64))
    precision = float(options.get("precision", 1.0))
    if not np.isfinite(times).all() or (times <= 0).any() or not 0 < precision < np.inf:
        raise OptionError("compat_options= takes add_times and precision in days, greater than 0.")
    return RelsurvOptions(tuple(times.tolist()), precision, bool(options.get("date_class", True)))


def _peer_years(intervals: str | Sequence[float], given: NetInput, compat: str) -> FloatArray:
    """Return where intervals end, in the years of a peer."""
    if not isinstance(intervals, str):
        return interval_ends(intervals, float(given.observed.time.max())) / DAYS_PER_YEAR
    require_choice(intervals, tuple(NAMED_INTERVALS), argument="intervals")
    parts = NAMED_INTERVALS[intervals]
    longest = float(positions(given, compat).time.max())
    return np.asarray(np.arange(1, max(1, int(np.ceil(longest * parts - 1e-9))) + 1) / parts)


def _until(observed: FollowUp, horizon: float | None) -> tuple[FollowUp, int]:
    """Return follow-up that ends at a horizon, and how many patients enter only after it and are left out."""
    if horizon is None:
        return observed, 0
    if not isinstance(horizon, int | float | np.number) or not 0 < horizon < np.inf:
        raise OptionError("net_survival: horizon= takes years, greater than 0.")
    # To the end of the day on which the years are over, so that survival at that time is known.
    end = int(np.ceil(horizon * DAYS_PER_YEAR))
    longer = observed.time > end
    time = np.where(longer, end, observed.time)
    event = np.where(longer, 0, observed.event).astype(np.int8)
    if observed.entry is None:
        return replace(observed, time=time, event=event), 0
    kept = np.flatnonzero(observed.entry < end)
    if not kept.size:
        raise DataError(
            f"net_survival: everybody enters after horizon={horizon:g} years; there is nobody to follow."
        )
    codes, group = np.unique(observed.group[kept], return_inverse=True)
    rows = np.arange(observed.time.size) if isinstance(observed.rows, slice) else observed.rows
    return replace(
        observed,
        time=time[kept],
        event=event[kept],
        entry=observed.entry[kept],
        weights=None if observed.weights is None else observed.weights[kept],
        group=group.astype(np.int64),
        groups=observed.groups.iloc[codes].reset_index(drop=True),
        rows=rows[kept],
    ), observed.time.size - kept.size


def _closing_days(data: Data, closing_date: Any, people: Demographics, observed: FollowUp) -> IntArray | None:
    """Return the days from diagnosis to the closing date of the rows of follow-up; ``None`` where none is known."""
    frame = frame_of(data)
    own = people.of(observed.rows)
    if closing_date is None and isinstance(data, Cohort):
        closing_date = "closing_date" if "closing_date" in frame else data.closing_date
    if closing_date is None:
        return None
    if isinstance(closing_date, str) and (closing_date in frame or not closing_date[:1].isdigit()):
        require_columns(frame.columns, [closing_date])
        day = date_column(frame, closing_date)[observed.rows]
    else:
        try:
            day = days_of(pd.Series([pd.Timestamp(closing_date)]))
        except (TypeError, ValueError) as error:
            raise OptionError(
                f"{asked()}: closing_date= takes a date or the name of a column of dates."
            ) from error
    return np.asarray(day - own.diagnosis, dtype=np.int64)


def _brenner_weights(
    data: Data, standard: Any, over: str, by: By, entry: str | None, zero_survival: str
) -> pd.Series:
    """Return the weights, counted among the rows that the estimate keeps; others have 1 and no part in it."""
    frame = frame_of(data)
    if not isinstance(data, Cohort) or zero_survival != "drop":
        return brenner_weights(data, standard, over=over, by=by, entry=entry)
    kept = ~((frame["time"] == 0) & (frame["entry"] == 0)).to_numpy()
    weights = np.ones(len(frame))
    weights[kept] = brenner_weights(frame[kept], standard, over=over, by=by, entry=entry or "entry")
    return pd.Series(weights, index=frame.index, name="weight")


def _with_column(data: Data, name: str, values: pd.Series) -> Data:
    if isinstance(data, Cohort):
        return data.with_columns(**{name: values})
    return frame_of(data).assign(**{name: values})


def _said_of_look_up(
    table: LifeTable, compat: str | None, intervals: str | Sequence[float] | None
) -> dict[str, str]:
    if compat in PEERS:
        return {}
    daily = intervals is None or compat is not None
    within = "" if table.age_rule in {"birthday", "completed"} or not daily else WHOLE_DAYS
    return {
        "age_cells": AGE_RULES[table.age_rule] + within,
        "calendar_cells": CALENDAR_RULES[table.calendar_rule],
    }


def _said_of_shape(curves: Curves) -> dict[str, str]:
    """Tell of estimates above 1 and of rises, which are kept: fewer died than the population would have."""
    said = {}
    known = np.isfinite(curves.estimate)
    above = known & (curves.estimate > 1)
    if above.any():
        said["above_1"] = (
            f"in {np.unique(curves.group[above]).size:,} groups, at most {curves.estimate[above].max():.4f}: fewer "
            "died than the population would have; not cut"
        )
    # The lowest so far, as the largest of what is missing to a bound that no curve exceeds.
    bound = float(curves.estimate[known].max(initial=1.0)) + 1.0
    lowest = bound - running_maximum(np.where(known, bound - curves.estimate, 0.0), curves.starts)
    rise = np.where(known, curves.estimate - np.minimum(lowest, 1.0), 0.0)
    rising = rise > SMALLEST_RISE
    if rising.any():
        said["rises"] = (
            f"in {np.unique(curves.group[rising]).size:,} groups, by at most {rise.max():.4f} from its lowest: few at "
            "risk, and fewer died than the population would have; not cut"
        )
    return said


def _groups_without_table(observed: FollowUp, people: Demographics) -> npt.NDArray[np.bool_]:
    """Return which groups are of patients without a life table; a group that mixes both kinds is an error."""
    lacking = people.stratum[observed.rows] < 0
    sizes = np.bincount(observed.group, minlength=observed.n_groups)
    without = np.bincount(observed.group[lacking], minlength=observed.n_groups)
    mixed = (without > 0) & (without < sizes)
    if mixed.any():
        labels = (
            observed.groups.astype(str).agg(", ".join, axis=1).to_numpy()
            if len(observed.groups.columns)
            else None
        )
        listed = [
            f"{'all patients' if labels is None else labels[place]} ({without[place]:,} of {sizes[place]:,} rows)"
            for place in np.flatnonzero(mixed)
        ]
        raise LifeTableError(
            f"net_survival(missing='observed'): {len(listed)} groups mix patients with a life table and without one: "
            f"{'; '.join(listed[:20])}{'; ...' if len(listed) > 20 else ''}. Net and observed survival have no common "
            "curve: add to by= the column that tells them apart, such as country, or exclude these rows."
        )
    return np.asarray(without > 0)


def _with_zero_stratum(table: LifeTable, people: Demographics) -> tuple[LifeTable, Demographics]:
    """Return the table with one more stratum in which nobody dies, at any time, and the people put there."""
    # On the union of both tables' cuts, as in concat_life_tables(), whose labels no such stratum could have.
    ages = np.union1d(table.age_starts, [0.0])
    years = np.union1d(table.year_starts, [BEFORE_ALL, table.year_end]).astype(np.int64)
    years = years[years < AFTER_ALL]
    age = np.searchsorted(table.age_starts, ages, side="right") - 1
    year = np.searchsorted(table.year_starts, years, side="right") - 1
    inside = (age >= 0)[:, None] & ((year >= 0) & (years < table.year_end))[None, :]
    own = table.rates[:, np.maximum(age, 0), :][:, :, np.maximum(year, 0)]
    extended = table.extended[:, np.maximum(age, 0), :][:, :, np.maximum(year, 0)] & inside
    shape = (1, ages.size, years.size)
    nobody = table.strata.iloc[[0]].copy()
    wider = replace(
        table,
        strata=pd.concat([table.strata, nobody], ignore_index=True),
        age_starts=ages,
        year_starts=years,
        year_end=AFTER_ALL,
        rates=np.concatenate([np.where(inside, own, np.nan), np.zeros(shape)]),
        extended=np.concatenate([extended, np.zeros(shape, dtype=bool)]),
    )
    return wider, replace(people, stratum=np.where(people.stratum < 0, len(table.strata), people.stratum))


def _said_of_missing(observed: FollowUp, without_table: npt.NDArray[np.bool_]) -> dict[str, object]:
    patients = int(without_table[observed.group].sum())
    return {"without_life_table": f"{patients:,} patients: observed survival, in groups marked so"}
