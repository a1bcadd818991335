"""Standardisation: curves of several strata weighted to one, as if every country had the same children."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.cohort.follow_up import (
    By,
    Data,
    columns_list,
    frame_of,
    group_codes,
    number_column,
    require_rows,
)
from childsurv.curves.curves import Curves, Strata
from childsurv.errors import (
    DataError,
    OptionError,
    asked,
    asking,
    renamed,
    require_choice,
    require_columns,
    require_count,
)
from childsurv.fold.tally import Tally
from childsurv.lifetable.people import People
from childsurv.maths.running import ratio

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Weights = str | Mapping[Any, float]

STANDARDS: dict[str, dict[str, float]] = {
    "children-equal": {"0-4": 1 / 3, "5-9": 1 / 3, "10-14": 1 / 3},
    "icss-1": {"15-44": 0.07, "45-54": 0.12, "55-64": 0.23, "65-74": 0.29, "75+": 0.29},
    "icss-2": {"15-44": 0.28, "45-54": 0.17, "55-64": 0.21, "65-74": 0.20, "75+": 0.14},
    "icss-3": {"15-44": 0.60, "45-54": 0.10, "55-64": 0.10, "65-74": 0.10, "75+": 0.10},
}
"""Named weights by age group. Children's studies of the CONCORD programme weigh three groups alike; the International
Cancer Survival Standards begin at 15 years."""

EMPTY_RULES = ("error", "neighbour")

STANDARD_METHODS = ("direct", "brenner")


@asking("standardise")
@renamed(weights="standard")
def standardise(
    curves: Curves,
    standard: Weights,
    *,
    over: str = "age_group",
    empty: str = "error",
    minimum: int = 1,
) -> Curves:
    """Standardise curves directly: the weighted mean of the curves of strata, such as age groups.

    ``S(t) = sum of w_a S_a(t)`` with variance ``sum of w_a**2 var S_a(t)``, the weights adding up to 1.

    Parameters
    ----------
    curves
        Curves by the strata and any further groups: ``by=["country", "age_group"]``. Survival, net survival or
        cumulative incidence.
    standard
        "children-equal": a third each for 0-4, 5-9 and 10-14 years; "icss-1", "icss-2", "icss-3": the International
        Cancer Survival Standards (from 15 years on); "internal": each stratum's share of all patients of all groups
        together; or a mapping from strata to weights, which are divided by their sum.
    over
        Column of the strata.
    empty
        What to do where a group lacks a stratum that has a weight, or has fewer than ``minimum`` patients in it:
        "error", or "neighbour": its weight goes to the nearest stratum that the group has, the younger one of two (a
        stratum is taken to survive like its neighbour). ``conventions`` name what was merged.
    minimum
        Patients that a stratum needs; at least the ``minimum`` of the curves, which the result keeps: it ends where the
        first stratum does, and a stratum without an estimate counts as empty.

    Returns
    -------
    Curves
        One for each combination of the other group columns, up to the time to which all strata are followed (a stratum
        in which no child is left alive stays at 0). ``at_risk``, ``events`` and ``censored`` are sums over strata.

    Raises
    ------
    OptionError
        Weights that do not fit the strata.
    DataError
        Empty strata, named with their groups.

    References
    ----------
    Corazziari I, Quinn M, Capocaccia R. Standard cancer patient population for age standardising survival ratios. Eur
    J Cancer 2004; 40:2307-16. doi:10.1016/j.ejca.2004.07.002
    Allemani C, Matsuda T, Di Carlo V, et al. Global surveillance of trends in cancer survival 2000-14 (CONCORD-3).
    Lancet 2018; 391:1023-75. doi:10.1016/S0140-6736(17)33326-3

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=3000, seed=1).with_age_groups("concord")
    >>> children = cohort.where("age_years < 15")
    >>> curves = cs.kaplan_meier(children, by=["sex", "age_group"])
    >>> cs.standardise(curves, "children-equal").at(years=5)["sex"].tolist()
    ['male', 'female']
    """
    require_choice(empty, EMPTY_RULES, argument="empty")
    minimum = max(require_count(minimum, argument="minimum"), curves.minimum)
    if over not in curves.group_columns:
        raise OptionError(
            f"standardise: the curves are by {', '.join(curves.group_columns) or 'no groups'}, not by {over!r}; "
            f"estimate them with by=[..., {over!r}], or name the column with over=."
        )
    share = _shares(curves, standard, over)
    others = [name for name in curves.group_columns if name != over]
    outer, labels = group_codes(curves.groups, others, warn_empty=False)
    places: dict[tuple[int, str], int] = {}
    # Numbers of patients are missing where the curves' own minimum hides them.
    usable = curves.groups["patients"].to_numpy(dtype=np.float64) >= max(minimum, 1)
    if curves.stopped is not None:
        usable &= ~(curves.stopped & np.isnan(curves.estimate[curves.starts[:-1]]))
    for place, (code, label) in enumerate(zip(outer, curves.groups[over].astype(str), strict=True)):
        if usable[place]:
            places[int(code), label] = place
    n_outer = max(len(labels), 1)
    names = labels[others].astype(str).agg(", ".join, axis=1).tolist() if others else ["all"]
    chosen, merged = _strata_of_groups(share, places, names, n_outer, empty, over, minimum)
    if curves.lower_log_variance is not None:
        raise OptionError(
            "standardise() takes curves with usual lower limits; estimate them without lower_variance=."
        )
    if curves.quantity != "survival" and over in {"cause", "state"}:
        raise OptionError(
            f"standardise(): {over!r} divides outcomes of the same children; weigh groups of children."
        )
    parts = [_weighted(curves, own) for own in chosen]
    groups = labels.reset_index(drop=True) if others else pd.DataFrame(index=pd.RangeIndex(1))
    totals = [curves.groups.iloc[list(own)][["patients", "total_events"]].sum() for own in chosen]
    sizes = [part["time"].size for part in parts]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    shares = ", ".join(f"{label} {weight:.4g}" for label, weight in share.items())
    return replace(
        curves,
        groups=groups.assign(
            patients=[one["patients"] for one in totals], total_events=[one["total_events"] for one in totals]
        ),
        estimator=f"{curves.estimator}, standardised",
        conventions={
            **curves.conventions,
            "standard": standard if isinstance(standard, str) else "own weights",
            "standard_weights": f"{over}: {shares}",
            "variance": f"sum of w**2 times that of the strata ({curves.conventions.get('variance', 'as estimated')})",
            "empty_strata": empty if minimum <= 1 else f"{empty} (under {minimum} patients)",
            **({"merged_strata": "; ".join(merged)} if merged else {}),
        },
        group=np.repeat(np.arange(n_outer), sizes),
        lower_log_variance=None,
        limits_scale=None,
        every_row=True,
        stopped=None
        if curves.stopped is None
        else np.array([curves.stopped[list(own)].any() for own in chosen], dtype=bool),
        time=joined["time"],
        estimate=joined["estimate"],
        log_variance=joined["log_variance"],
        at_risk=joined["at_risk"],
        events=joined["events"],
        censored=joined["censored"],
        children_at_risk=joined.get("children_at_risk"),
        at_risk_after=joined.get("at_risk_after"),
        additive=False,
        strata=Strata(curves, tuple(chosen))
        if curves.quantity == "survival" and curves.origin == 0
        else None,
    )


def standardised(
    estimate: Callable[..., Curves],
    data: Data | Tally,
    standard: Weights,
    *,
    over: str,
    method: str = "direct",
    by: By = None,
    entry: str | None = None,
) -> Curves:
    """Return an estimator's curves standardised over strata: directly, or by case weights (Brenner's method).

    Parameters
    ----------
    estimate
        Gives curves for ``by=``, and for ``reweigh=`` those of people with the case weights that it makes of them.
    data
        What the curves are estimated from.
    standard, over
        As for `standardise`.
    method
        "direct": the weighted mean of the strata's curves; "brenner": case weights, see `brenner_weights`.
    by, entry
        Group columns, and the column with the start of follow-up, as for `brenner_weights`.
    """
    if method == "direct":
        return standardise(estimate(by=[*columns_list(by), over]), standard, over=over)

    if isinstance(data, Tally):
        raise OptionError(
            f"{asked()}: standard_method='brenner' weighs children, whom a Tally has added up; give the rows, or use "
            "'direct'."
        )

    def own_weights(people: People) -> FloatArray:
        # Counted among the rows that the estimate keeps.
        rows = people.observed.rows
        if isinstance(rows, slice):
            return brenner_weights(data, standard, over=over, by=by, entry=entry).to_numpy()
        kept = frame_of(data).iloc[rows]
        return brenner_weights(kept, standard, over=over, by=by, entry=entry or "entry").to_numpy()

    curves = estimate(by=by, reweigh=own_weights)
    conventions = {
        **curves.conventions,
        "standard": standard if isinstance(standard, str) else "own weights",
        "standard_method": "brenner",
    }
    return replace(curves, conventions=conventions)


@asking("brenner_weights")
@renamed(weights="standard")
def brenner_weights(
    data: Data, standard: Weights, *, over: str = "age_group", by: By = None, entry: str | None = None
) -> pd.Series:
    """Return a case weight for each child that gives every group the standard's shares (Brenner's method).

    ``w = standard share of the child's stratum / share of that stratum in the child's group``, so that the weighted
    group has the standard's strata. Estimate with ``weights=``; the variance is then robust.

    Parameters
    ----------
    data
        A Cohort or a DataFrame with the columns.
    standard, over
        As for `standardise`; "internal" is the share in the data.
    by
        Column or columns of groups that are weighted each for itself.
    entry
        Column with the start of follow-up; a cohort's own. Where some enter late, as in a period window, shares are
        counted among those who enter at diagnosis, as stnet does: the others were diagnosed in earlier years.

    Returns
    -------
    Series
        With the index of the data, 1 on average in every group that has all strata.

    References
    ----------
    Brenner H, Arndt V, Gefeller O, Hakulinen T. An alternative approach to age adjustment of cancer survival rates. Eur
    J Cancer 2004; 40:2317-22. doi:10.1016/j.ejca.2004.07.007

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=2000, seed=1).with_age_groups("concord").where("age_years < 15")
    >>> weight = cs.brenner_weights(cohort, "children-equal", by="country")
    >>> curves = cs.kaplan_meier(cohort.with_columns(weight=weight), by="country", weights="weight")
    >>> curves.conventions["variance"]
    'infinitesimal jackknife'
    """
    frame = frame_of(data)
    names = columns_list(by)
    require_columns(frame.columns, [over, *names])
    require_rows(
        frame[over].isna().to_numpy(),
        f"brenner_weights: column {over!r} is missing",
        "Complete it, or leave these rows out.",
    )
    stratum = frame[over].astype(str).to_numpy()
    group, labels = group_codes(frame, names, warn_empty=False)
    counts = pd.Series(stratum).value_counts()
    share = _weights_of(standard, {str(label): float(count) for label, count in counts.items()})
    unknown = sorted(set(stratum) - set(share))
    if unknown:
        raise OptionError(
            f"brenner_weights: the weights have no {over} {', '.join(unknown)}; leave these children out or give "
            "weights for them."
        )
    codes, strata = pd.factorize(stratum)
    n_groups = max(len(labels), 1)
    key = group * len(strata) + codes
    if entry is None and isinstance(data, Cohort):
        entry = "entry"
    if entry is not None:
        require_columns(frame.columns, [entry])
        at_diagnosis = number_column(frame, entry) == 0
        key = key[at_diagnosis]
    cells = np.bincount(key, minlength=n_groups * len(strata)).reshape(n_groups, -1)
    lacking = [
        f"{'all' if not names else ', '.join(map(str, labels.iloc[place]))} ({label})"
        for place in range(n_groups)
        for label in share
        if label not in strata or cells[place, list(strata).index(label)] == 0
    ]
    if lacking:
        raise DataError(
            f"brenner_weights: {len(lacking)} groups lack a stratum that the standard has"
            f"{' among those who enter at diagnosis' if entry is not None else ''}: {'; '.join(lacking[:20])}. "
            "Merge strata, or leave these groups out."
        )
    own = cells / cells.sum(axis=1, keepdims=True)
    wanted = np.array([share[str(label)] for label in strata])
    return pd.Series((wanted / own)[group, codes], index=frame.index, name="weight")


def _shares(curves: Curves, standard: Weights, over: str) -> dict[str, float]:
    """Return the weights of the strata in order, adding up to 1, after checking that they fit the curves."""
    groups = curves.groups
    if standard == "internal" and groups["patients"].isna().any():
        raise OptionError(
            "standardise(): internal weights are shares of all patients, and minimum= has hidden some groups' numbers. "
            "Estimate without minimum= and give it here."
        )
    patients = groups.groupby(groups[over].astype(str), sort=False)["patients"].sum()
    share = _weights_of(standard, {str(label): float(count) for label, count in patients.items()})
    present = set(groups[over].astype(str))
    unknown = sorted(present - set(share))
    if unknown:
        raise OptionError(
            f"standardise: the weights have no {over} {', '.join(unknown)}. Leave these children out knowingly "
            "(Cohort.where), group ages as the standard does (Cohort.with_age_groups), or give weights for them."
        )
    if not present & set(share):
        raise OptionError(f"standardise: none of the strata {', '.join(share)} occurs in column {over!r}.")
    return share


def _weights_of(standard: Weights, patients: Mapping[str, float]) -> dict[str, float]:
    if isinstance(standard, str):
        require_choice(standard, ("internal", *STANDARDS), argument="standard")
        given: Mapping[Any, float] = patients if standard == "internal" else STANDARDS[standard]
    elif isinstance(standard, Mapping):
        given = standard
    else:
        raise OptionError("standard= takes the name of a standard, or a mapping from strata to weights.")
    values = np.array([float(value) for value in given.values()])
    if values.size == 0 or not np.isfinite(values).all() or (values < 0).any() or values.sum() <= 0:
        raise OptionError("standard= takes finite weights of 0 or more, at least one of them above 0.")
    total = values.sum()
    return {str(label): float(value / total) for label, value in zip(given, values, strict=True) if value > 0}


def _strata_of_groups(
    share: dict[str, float],
    places: dict[tuple[int, str], int],
    names: list[str],
    n_outer: int,
    empty: str,
    over: str,
    minimum: int,
) -> tuple[list[dict[int, float]], list[str]]:
    """Return for each group the curves to weigh with their weights, and what was merged."""
    order = list(share)
    chosen: list[dict[int, float]] = []
    merged: list[str] = []
    faults: list[str] = []
    for code in range(n_outer):
        present = [place for place, label in enumerate(order) if (code, label) in places]
        own: dict[int, float] = {}
        for place, label in enumerate(order):
            if place in present:
                takes = place
            elif empty == "neighbour" and present:
                takes = min(present, key=lambda other: (abs(other - place), other))
                merged.append(f"{names[code]}: {label} into {order[takes]}")
            else:
                faults.append(f"{names[code]} ({label})")
                continue
            key = places[code, order[takes]]
            own[key] = own.get(key, 0.0) + share[label]
        chosen.append(own)
    if faults:
        raise DataError(
            f"standardise: {len(faults)} strata of {over} have a weight but "
            + ("no patients" if minimum <= 1 else f"fewer than {minimum} patients")
            + f": {'; '.join(faults[:20])}{'; ...' if len(faults) > 20 else ''}. Use coarser strata, leave these "
            "groups out, or empty='neighbour' to give the weight to the next stratum knowingly."
        )
    return chosen, merged


def _weighted(curves: Curves, own: Mapping[int, float]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of one standardised curve."""
    starts = curves.starts
    rows = {place: slice(int(starts[place]), int(starts[place + 1])) for place in own}
    times = np.unique(np.concatenate([curves.time[part] for part in rows.values()]))
    # A curve is known to its last time, or for good once no child is left alive.
    ends = [
        np.inf if curves.quantity == "survival" and curves.estimate[part][-1] == 0 else curves.time[part][-1]
        for part in rows.values()
    ]
    times = times[times <= min(ends)]
    estimate = np.zeros(times.size)
    variance = np.zeros(times.size)
    risks = ["at_risk", *(["children_at_risk"] if curves.children_at_risk is not None else [])]
    after = [] if curves.at_risk_after is None else ["at_risk_after"]
    sums = {name: np.zeros(times.size) for name in (*risks, "events", "censored", *after)}
    for place, weight in own.items():
        part = rows[place]
        time = curves.time[part]
        row = np.searchsorted(time, times, side="right") - 1
        before = row < 0
        safe = np.maximum(row, 0)
        value = np.where(before, curves.start, curves.estimate[part][safe])
        spread = np.where(before, 0.0, np.nan_to_num(curves.log_variance[part][safe]))
        estimate += weight * value
        variance += weight**2 * value**2 * spread
        here = ~before & (time[safe] == times)
        for name in ("events", "censored", *after):
            sums[name] += np.where(here, np.asarray(getattr(curves, name))[part][safe], 0)
        # At risk just before a time: the number of the row at it, or of the next.
        following = np.where(here, safe, np.where(before, 0, safe + 1))
        for name in risks:
            left = np.asarray(getattr(curves, name))[part]
            sums[name] += np.where(following < left.size, left[np.minimum(following, left.size - 1)], 0)
    known = ratio(variance, estimate**2, where=estimate > 0, otherwise=np.nan)
    log_variance = np.where(estimate == 0, 0.0, known)
    whole = all(
        np.asarray(getattr(curves, name)).dtype.kind in "iu" for name in ("at_risk", "events", "censored")
    )
    counts = {name: values.astype(np.int64) if whole else values for name, values in sums.items()}
    return {"time": times, "estimate": estimate, "log_variance": log_variance, **counts}
