"""How many rows were read, left out and analysed, and how well registered: counts that add up, small ones hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import QUALITY_COUNTS, Cohort
from childsurv.errors import DataError
from childsurv.extract import data_quality
from childsurv.reporting.groupings import Grouping
from childsurv.reporting.small_cells import hidden_cells, small_members
from childsurv.words.catalogue import Texts

OTHER_RULES = "other-rules"

QUALITY_SHARES: dict[str, str] = {
    "microscopically_verified": "eligible",
    "death_certificate_only": "eligible",
    "autopsy": "eligible",
    "unspecified": "eligible",
    "stage_unknown": "eligible",
    "vital_status_unknown": "eligible",
    "non_malignant_cns": "cns",
    "lost_to_follow_up": "analysed",
}
"""Shares of `data_quality`, and the count that each is a share of."""


@dataclass(frozen=True, eq=False)
class Flow:
    """From rows read to rows analysed."""

    table: pd.DataFrame
    """``step, message, rows, remaining``; small rules merged. Missing where a number would give a small one away."""
    by_country: pd.DataFrame
    """``step, message``, then one column a country and one for all; missing where hidden."""
    read: int
    """Rows read: excluded + analysed."""
    excluded: int
    analysed: int
    merged_rules: frozenset[str]
    """Rules that are counted together, because one of them or more left out few rows."""
    hidden: bool
    """Whether the number of rows read is hidden, because fewer than the minimum were left out in all."""


def account(cohort: Cohort, country: Grouping, *, minimum: int, texts: Texts) -> Flow:
    """Count rows read, left out by each rule and country, and analysed.

    Raises
    ------
    DataError
        The counts do not add up.
    """
    exclusions = cohort.exclusions_table
    read, analysed = cohort.rows_read, len(cohort)
    excluded = int(exclusions["patients"].sum())
    if read != excluded + analysed:
        raise DataError(
            f"report: {read:,} rows were read, but {analysed:,} are analysed and {excluded:,} excluded by "
            "name. Rows were lost or counted twice; please report this with the steps that made the cohort."
        )
    shown = pd.DataFrame(
        {
            "rule": exclusions["rule"].astype(str).to_numpy(),
            "message": exclusions["message"].astype(str).to_numpy(),
            "country": _labels(exclusions, country, minimum=minimum, texts=texts),
            "patients": exclusions["patients"].to_numpy(np.int64),
        }
    )
    messages = shown.drop_duplicates("rule").set_index("rule")["message"]
    totals = shown.groupby("rule", sort=False)["patients"].sum()
    small = set(small_members(totals, minimum))
    if small:
        shown.loc[shown["rule"].isin(small), "rule"] = OTHER_RULES
        messages[OTHER_RULES] = texts("flow.other_rules", number=len(small))
    rules = [rule for rule in totals.index if rule not in small] + ([OTHER_RULES] if small else [])
    wording = {rule: texts.optional(f"rule.{rule}") or str(messages[rule]) for rule in rules}
    # Fewer than the minimum left out in all: the number read less the number analysed would say how many.
    hidden = 0 < excluded < minimum
    table = _flow_table(shown, rules, wording, read=read, analysed=analysed, hidden=hidden, texts=texts)
    by_country = _by_country(shown, rules, wording, country, minimum=minimum, hidden=hidden, texts=texts)
    _assert_law(table, read=read, analysed=analysed, hidden=hidden)
    return Flow(table, by_country, read, excluded, analysed, frozenset(map(str, small)), hidden)


def _labels(exclusions: pd.DataFrame, country: Grouping, *, minimum: int, texts: Texts) -> list[str]:
    """Return the label under which each row of exclusions counts.

    A country none of whose children is analysed keeps its name if enough rows are left out, so that it is
    missed.
    """
    values = [value if value != "" else None for value in exclusions["country"].astype(object)]
    rows = exclusions["patients"].groupby(pd.Series(values, index=exclusions.index).fillna("")).sum()
    other = country.labels[-1] if country.merged else texts("group.other_short")
    return [
        country.label_of(value)
        if country.knows(value)
        else str(value)
        if value is not None and rows[value] >= minimum
        else other
        for value in values
    ]


def _flow_table(
    shown: pd.DataFrame,
    rules: list[str],
    wording: dict[str, str],
    *,
    read: int,
    analysed: int,
    hidden: bool,
    texts: Texts,
) -> pd.DataFrame:
    counts = shown.groupby("rule", sort=False)["patients"].sum()
    steps: list[tuple[str, str, int | None, int | None]] = [
        ("read", texts("flow.read"), None if hidden else read, None if hidden else read)
    ]
    remaining = read
    for rule in rules:
        number = int(counts[rule])
        remaining -= number
        steps.append((rule, wording[rule], None if hidden else -number, None if hidden else remaining))
    steps.append(("analysed", texts("flow.analysed"), analysed, analysed))
    table = pd.DataFrame(steps, columns=["step", "message", "rows", "remaining"])
    return table.astype({"rows": "Int64", "remaining": "Int64"})


def _assert_law(table: pd.DataFrame, *, read: int, analysed: int, hidden: bool) -> None:
    """Check what is shown: rows read and all changes end in the rows analysed."""
    if hidden:
        return
    changes = int(table["rows"].iloc[:-1].sum())
    if changes != analysed or int(table["rows"].iloc[0]) != read:
        raise DataError(
            "report: the flow shown does not add up. This is a fault of childsurv; please report it."
        )


def _by_country(
    shown: pd.DataFrame,
    rules: list[str],
    wording: dict[str, str],
    country: Grouping,
    *,
    minimum: int,
    hidden: bool,
    texts: Texts,
) -> pd.DataFrame:
    labels = [*country.labels, *(label for label in shown["country"].unique() if label not in country.labels)]
    analysed = np.array([*country.patients, *(0 for _ in labels[len(country.labels) :])], dtype=np.int64)
    listed, wording, counts = _worth_listing(shown, rules, labels, wording, minimum=minimum, texts=texts)
    hide = hidden_cells(counts, minimum)
    inner = [_masked(row, mask | hidden) for row, mask in zip(counts, hide.cells, strict=True)]
    body = [
        ("read", texts("flow.read"), *_masked(analysed + counts.sum(axis=0), hide.column_totals | hidden)),
        *((rule, wording[rule], *row) for rule, row in zip(listed, inner, strict=True)),
        ("analysed", texts("flow.analysed"), *(int(number) for number in analysed)),
    ]
    table = pd.DataFrame(body, columns=["step", "message", *labels])
    every = texts("group.all")
    row_totals = _masked(counts.sum(axis=1), hide.row_totals | hidden)
    whole = int(analysed.sum() + counts.sum())
    table[every] = [None if hidden else whole, *row_totals, int(analysed.sum())]
    return table.astype(dict.fromkeys([*labels, every], "Int64"))


def _worth_listing(
    shown: pd.DataFrame,
    rules: list[str],
    labels: list[str],
    wording: dict[str, str],
    *,
    minimum: int,
    texts: Texts,
) -> tuple[list[str], dict[str, str], npt.NDArray[np.int64]]:
    """Return rules, their texts and counts by country; rules without a number to show are put together.

    A line of hidden numbers says nothing, while the sum of such lines often does.
    """
    together: set[str] = set()
    while True:
        rule = shown["rule"].where(~shown["rule"].isin(together), OTHER_RULES)
        listed = [one for one in rules if one not in together and one != OTHER_RULES]
        if (rule == OTHER_RULES).any():
            listed.append(OTHER_RULES)
        counts = np.zeros((len(listed), len(labels)), dtype=np.int64)
        rows, columns = (
            pd.Index(listed).get_indexer(pd.Index(rule)),
            pd.Index(labels).get_indexer(pd.Index(shown["country"])),
        )
        np.add.at(counts, (rows, columns), shown["patients"].to_numpy())
        hide = hidden_cells(counts, minimum).cells
        silent = {
            one
            for place, one in enumerate(listed)
            if one != OTHER_RULES and not ((counts[place] > 0) & ~hide[place]).any()
        }
        if not silent:
            break
        together |= silent
    if not together:
        return listed, wording, counts
    return listed, wording | {OTHER_RULES: texts("flow.further_rules")}, counts


def _masked(numbers: npt.NDArray[np.int64], hide: npt.NDArray[np.bool_]) -> list[int | None]:
    return [None if mask else int(number) for number, mask in zip(numbers, hide, strict=True)]


def quality_table(cohort: Cohort, country: Grouping, *, minimum: int, texts: Texts) -> pd.DataFrame:
    """Return the indicators of `data_quality` by country and for all; empty where nothing was counted.

    A share of fewer than ``minimum`` children (or of all but fewer than ``minimum``) is not given:
    ``<indicator>_few`` is "low" or "high" instead. The share of all is missing where it would give a hidden
    share away.
    """
    if not len(cohort.quality_counts) or "closing_date" not in cohort.frame or "registry" not in cohort.frame:
        return pd.DataFrame()
    relabelled = _relabelled(cohort, country)
    parts = [data_quality(relabelled, by="country"), data_quality(relabelled, by=None)]
    parts[1].insert(0, "country", texts("group.all"))
    counts = relabelled.quality_counts.groupby("country", sort=False)[["eligible", "cns"]].sum()
    counts.loc[texts("group.all")] = counts.sum()
    table = pd.concat(parts, ignore_index=True)
    order = {label: place for place, label in enumerate([*country.labels, texts("group.all")])}
    # A country without a child analysed is not one that is shown.
    table = table[table["country"].isin(list(order))]
    table = table.sort_values("country", key=lambda column: column.map(order), ignore_index=True)
    wholes = counts.reindex(table["country"])
    result = pd.DataFrame(
        {"country": table["country"].astype(str), "analysed": table["analysed"].astype(np.int64)}
    )
    for name, whole in QUALITY_SHARES.items():
        size = (
            table["analysed"].to_numpy(np.float64)
            if whole == "analysed"
            else wholes[whole].to_numpy(np.float64)
        )
        share = table[name].to_numpy(np.float64)
        with np.errstate(invalid="ignore"):
            number = np.nan_to_num(np.round(share * size / 100))
        low = (number > 0) & (number < minimum)
        high = (size - number > 0) & (size - number < minimum)
        few = np.where(low, "low", np.where(high, "high", "")).astype(object)
        inner = few[:-1] != ""
        # The last row is that of all: it must not allow the one hidden number to be worked out.
        if inner.any() and (
            inner.sum() == 1 or np.where(inner, np.minimum(number, size - number)[:-1], 0).sum() < minimum
        ):
            few[-1] = "total"
        result[name] = np.where(few == "", share, np.nan)
        result[f"{name}_few"] = few
    result["follow_up_completeness"] = table["follow_up_completeness"].to_numpy(np.float64)
    small = wholes["eligible"].to_numpy() < minimum
    result.loc[small, [*QUALITY_SHARES]] = np.nan
    return result


def _relabelled(cohort: Cohort, country: Grouping) -> Cohort:
    counts = cohort.quality_counts.copy()
    counts["country"] = [country.label_of(value) for value in counts["country"]]
    counts = counts.groupby(["country", "registry"], sort=False, as_index=False)[list(QUALITY_COUNTS)].sum()
    frame = cohort.frame.assign(country=cohort.frame[country.column].astype(str))
    return replace(cohort, frame=frame, quality_counts=counts)


def findings_table(cohort: Cohort, flow: Flow, *, minimum: int, texts: Texts) -> pd.DataFrame:
    """Return findings by code: ``severity, code, message, column, count, few``.

    Counts below ``minimum`` are missing and marked ``few``; those of rules that the flow counts together are
    missing too, because a difference would give the small count among them away.
    """
    findings = cohort.findings_table
    if not len(findings):
        return pd.DataFrame(columns=["severity", "code", "message", "column", "count", "few"])
    keys = ["severity", "code", "message", "column"]
    plain = findings[keys].astype(str).assign(count=findings["count"].to_numpy(np.int64))
    table: pd.DataFrame = plain.groupby(keys, sort=False)["count"].sum().reset_index()
    rank = {"error": 0, "warning": 1, "note": 2}
    order = np.argsort([rank.get(severity, 3) for severity in table["severity"]], kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    table["message"] = [
        texts.optional(f"rule.{code}") or message
        for code, message in zip(table["code"], table["message"], strict=True)
    ]
    table["few"] = table["count"] < minimum
    seen = ~(table["few"] | table["code"].isin(flow.merged_rules))
    table["count"] = table["count"].astype("Int64").where(seen)
    return table
