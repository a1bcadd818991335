"""Tables of observed and net survival, from the estimators to one row a group and year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.compare.ranks import logrank_test
from childsurv.compare.results import TestResult
from childsurv.curves.curves import Curves
from childsurv.curves.reliability import reliability_rules
from childsurv.errors import ModelError
from childsurv.lifetable.table import LifeTable
from childsurv.net.net import net_survival
from childsurv.reporting.groupings import Grouping, Shown
from childsurv.survival.observed import kaplan_meier

PERIOD_WINDOW_YEARS = 5
"""Calendar years before closing that the period analysis looks at."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """Curves of the same groups, observed and (with a life table) net."""

    groupings: tuple[Grouping, ...]
    """What the groups are, in the order of the group columns."""
    observed: Curves
    net: Curves | None
    """None without a life table."""

    @property
    def best(self) -> Curves:
        """Net survival if there is a life table, otherwise observed survival."""
        return self.observed if self.net is None else self.net


def estimate(
    cohort: Cohort, life_table: LifeTable | None, groupings: Sequence[Grouping], *, level: float
) -> Estimates:
    """Estimate the curves of the combinations of some groupings; of all children with none."""
    by = [grouping.column for grouping in groupings] or None
    observed = kaplan_meier(cohort, by=by, level=level)
    net = None if life_table is None else net_survival(cohort, life_table, by=by, level=level)
    return Estimates(tuple(groupings), observed, net)


def fewest_for_reliable(minimum: int) -> int:
    """Return the number at risk below which an estimate is marked as not reliable: 10, or a larger minimum.

    That is the rule of the scheme "concord-like" of `Curves.reliability`. Its rule on patients, who are at least as
    many, marks nothing more; groups too small to be shown at all are for the report's own minimum.
    """
    return max(minimum, reliability_rules("concord-like").at_risk or 0)


def survival_table(estimates: Estimates, years: Sequence[float], *, minimum: int) -> pd.DataFrame:
    """Return one row a group and year, survival as shares.

    Returns
    -------
    DataFrame
        The groupings' names, then ``patients, deaths, years, at_risk, not_reliable, observed, observed_lower,
        observed_upper`` and, with a life table, ``net, net_lower, net_upper``. ``patients`` and ``deaths``
        are those of the whole follow-up. Estimates are missing past the last child followed; ``not_reliable``
        marks those for times with numbers at risk below `fewest_for_reliable`.
    """
    columns = [grouping.column for grouping in estimates.groupings]
    observed = _at(estimates.observed, columns, years)
    table = observed[columns].copy()
    groups = estimates.observed.groups
    repeats = np.repeat(np.arange(len(groups)), len(years))
    table["patients"] = groups["patients"].to_numpy()[repeats]
    table["deaths"] = groups["total_events"].to_numpy()[repeats]
    table["years"] = np.tile(np.asarray(years, dtype=np.float64), len(groups))
    table["at_risk"] = observed["at_risk"].to_numpy().astype(np.int64)
    table["not_reliable"] = (table["at_risk"] < fewest_for_reliable(minimum)).to_numpy()
    for name, source in (("observed", "estimate"), ("observed_lower", "lower"), ("observed_upper", "upper")):
        table[name] = observed[source].to_numpy()
    if estimates.net is not None:
        net = _at(estimates.net, columns, years)
        for name, source in (("net", "estimate"), ("net_lower", "lower"), ("net_upper", "upper")):
            table[name] = net[source].to_numpy()
    for grouping in estimates.groupings:
        table[grouping.column] = table[grouping.column].astype(str)
    return table.rename(columns={grouping.column: grouping.name for grouping in estimates.groupings})


def _at(curves: Curves, columns: Sequence[str], years: Sequence[float]) -> pd.DataFrame:
    values = curves.at(years=list(years))
    assert list(values.columns[: len(columns)]) == list(columns)
    return values


def everyone_first(everyone: pd.DataFrame, by_group: pd.DataFrame, label: str) -> pd.DataFrame:
    """Put the rows of all patients before those of the groups, under a label."""
    name = by_group.columns[0]
    head = everyone.copy()
    head.insert(0, name, label)
    return pd.concat([head, by_group], ignore_index=True)


def period_window(cohort: Cohort) -> tuple[str, str] | None:
    """Return the last calendar years before closing, for period analysis; None without a closing date.

    The last whole years: a closing date before 31 December ends the window the year before.
    """
    closing = cohort.closing_date
    if closing is None:
        return None
    last = closing.year if (closing.month, closing.day) == (12, 31) else closing.year - 1
    return f"{last - PERIOD_WINDOW_YEARS + 1}-01-01", f"{last}-12-31"


def period_estimates(
    cohort: Cohort, life_table: LifeTable | None, *, level: float, minimum: int
) -> Estimates | None:
    """Estimate survival from the follow-up of the last years only; None where that would show too few.

    Too few means children followed in those years, or not followed: the difference to all children gives that number.
    """
    window = period_window(cohort)
    if window is None:
        return None
    recent = cohort.window(followed=window)
    few_left_out = 0 < len(cohort) - len(recent) < minimum
    if len(recent) < max(minimum, 1) or few_left_out:
        return None
    return estimate(recent, life_table, (), level=level)


def comparison_tests(shown: Shown) -> pd.DataFrame:
    """Return log-rank tests between the groups of each grouping, and of the comparison within diagnoses.

    Returns
    -------
    DataFrame
        ``compared, within, test, statistic, df, p_value``, groupings by their names; empty where nothing can
        be compared.
    """
    pairs: list[tuple[Grouping, Grouping | None]] = []
    if len(shown.by.labels) > 1:
        pairs.append((shown.by, None))
        if len(shown.diagnosis.labels) > 1 and shown.diagnosis.name != shown.by.name:
            pairs.append((shown.by, shown.diagnosis))
    pairs += [
        (grouping, None)
        for grouping in shown.groupings
        if grouping is not shown.by and grouping.name != shown.by.name and len(grouping.labels) > 1
    ]
    rows = []
    for compared, within in pairs:
        try:
            result = logrank_test(
                shown.cohort, by=compared.column, strata=None if within is None else within.column
            )
        except ModelError:
            # Without a death there is nothing to compare; the page says so where the table is empty.
            continue
        rows.append((compared.name, "" if within is None else within.name, *_figures(result)))
    return pd.DataFrame(rows, columns=["compared", "within", "test", "statistic", "df", "p_value"])


def _figures(result: TestResult) -> tuple[str, float, int, float]:
    name = "log-rank, stratified" if "stratified" in result.name else "log-rank"
    return name, result.statistic, result.df, result.p_value
