"""The tables of results on the page: patients, survival, hazard ratios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from childsurv.classify import iccc3_labels
from childsurv.classify.iccc3 import LANGUAGES
from childsurv.plot.groups import NOT_RELIABLE
from childsurv.reporting.blocks import HIDDEN, Cell, Row, Table, heading, number, row_heading, simple_head
from childsurv.reporting.content import Content, TwoWay
from childsurv.reporting.cox_model import STRATIFIED_COLUMNS
from childsurv.reporting.groupings import Grouping
from childsurv.words.catalogue import Texts, span_text
from childsurv.words.numbers import MISSING


def headings(content: Content) -> dict[str, str]:
    """Return the heading of every grouping by its name."""
    shown = content.shown
    return {grouping.name: grouping.heading for grouping in (*shown.groupings, shown.country)}


def full_names(content: Content, diagnosis: Grouping) -> dict[str, str]:
    """Return the full name of each diagnostic group of ICCC-3 by its label; nothing for others."""
    if diagnosis.name != "iccc_group":
        return {}
    language = content.texts.language
    # A language of the user has no names of the classification.
    names = iccc3_labels("group", language if language in LANGUAGES else "en")
    return {
        label: str(names[value])
        for value, label in diagnosis.shown_as.items()
        if value in names.index
        and label != ""
        and label in diagnosis.codes
        and diagnosis.codes[label] == value
    }


def share_cell(texts: Texts, values: Mapping[Any, Any], quantity: str) -> Cell:
    """Return an estimate in per cent with its limits below, and a mark where it is not reliable."""
    estimate = float(values[quantity])
    if not np.isfinite(estimate):
        return number(MISSING)
    mark = f" {NOT_RELIABLE}" if values["not_reliable"] else ""
    lower, upper = float(values[f"{quantity}_lower"]), float(values[f"{quantity}_upper"])
    return number(texts.numbers.percent(estimate) + mark, texts.numbers.percent_range(lower, upper))


def count_cell(texts: Texts, value: Any) -> Cell:
    """Return a count, or the sign for a hidden one: a dash would look like none at all."""
    return number(HIDDEN if pd.isna(value) else texts.numbers.count(float(value)))


def count_table(content: Content, both: TwoWay) -> Table:
    """Return patients by two groupings, with totals."""
    texts, numbers = content.texts, content.texts.numbers
    columns = both.columns

    head = Row(
        (
            heading(both.rows.heading, kind="text"),
            heading(texts("group.all")),
            *(heading(columns.codes[label], title=label) for label in columns.labels),
        )
    )
    every = Row(
        (
            row_heading(texts("group.all")),
            number(numbers.count(len(content.shown.cohort))),
            *(number(numbers.count(total)) for total in columns.patients),
        ),
        kind="total",
    )
    body = [
        Row(
            (
                row_heading(label),
                number(numbers.count(total)),
                *(count_cell(texts, value) for value in both.counts.loc[label]),
            )
        )
        for label, total in zip(both.rows.labels, both.rows.patients, strict=True)
    ]
    notes = (texts("note.hidden_cell"),) if both.counts.isna().to_numpy().any() else ()
    return Table(texts("caption.patients"), (head,), (every, *body), notes=notes, wide=True)


def survival_table(content: Content, name: str, grouping: Grouping) -> Table:
    """Return survival at each year, one row a group, limits below the estimates.

    Parameters
    ----------
    name
        Which of the tables of ``content.survival``, and of the captions.
    """
    texts, numbers, years = content.texts, content.texts.numbers, content.request.years
    table = content.survival[name]
    net = "net" in table
    quantities = ("observed", "net") if net else ("observed",)
    width = len(quantities) + 1
    head = (
        Row(
            (
                heading(grouping.heading, kind="text", down=2),
                heading(texts("column.patients"), down=2),
                heading(texts("column.deaths"), down=2),
                *(heading(span_text(year, texts.language), span=width, kind="span") for year in years),
            )
        ),
        Row(
            tuple(
                heading(text)
                for _ in years
                for text in (*(texts(f"quantity.{one}_short") for one in quantities), texts("column.at_risk"))
            )
        ),
    )
    body = []
    for place in range(0, len(table), len(years)):
        rows = table.iloc[place : place + len(years)].to_dict("records")
        cells = [
            row_heading(str(rows[0][grouping.name])),
            number(numbers.count(rows[0]["patients"])),
            number(numbers.count(rows[0]["deaths"])),
        ]
        for row in rows:
            cells += [share_cell(texts, row, quantity) for quantity in quantities]
            known = np.isfinite(row["observed"])
            cells.append(number(numbers.count(row["at_risk"]) if known else MISSING))
        body.append(Row(tuple(cells), kind="total" if rows[0][grouping.name] == texts("group.all") else ""))
    notes = [texts("note.at_risk"), texts("note.net_all") if net else texts("note.no_life_table")]
    if (table["not_reliable"] & np.isfinite(table["observed"])).any():
        notes.insert(0, texts("note.not_reliable"))
    return Table(texts(f"caption.{name}"), head, tuple(body), notes=tuple(notes), wide=True)


def cell_table(content: Content, both: TwoWay, caption: str) -> Table:
    """Return survival at the main year by two groupings, with limits and patients in each cell."""
    texts, columns = content.texts, both.columns
    rows = content.at_main_year(both.survival)
    at = {(row[both.rows.name], row[columns.name]): row for row in rows.to_dict("records")}
    quantity = content.quantity

    def cell(label: str, column: str) -> Cell:
        count: Any = both.counts.loc[label, column]
        if pd.isna(count):
            return number(HIDDEN)
        if count == 0:
            return Cell("0", kind="quiet")
        row = at[label, column]
        size = f"n {texts.numbers.count(row['patients'])}"
        if not np.isfinite(row[quantity]):
            return Cell(MISSING, below=size, kind="quiet")
        shown = share_cell(texts, row, quantity)
        return Cell(shown.text, below="\n".join(part for part in (shown.below, size) if part), kind="number")

    head = Row(
        (
            heading(both.rows.heading, kind="text"),
            *(heading(columns.codes[label], title=label) for label in columns.labels),
        )
    )
    body = tuple(
        Row((row_heading(label), *(cell(label, column) for column in columns.labels)))
        for label in both.rows.labels
    )
    notes = [texts("note.hidden_cell")] if both.counts.isna().to_numpy().any() else []
    if (rows["not_reliable"] & np.isfinite(rows[quantity])).any():
        notes.append(texts("note.not_reliable"))
    return Table(caption, (head,), body, notes=tuple(notes), wide=True)


def cox_table(content: Content) -> Table:
    """Return hazard ratios by level, and next to them those of the stratified model."""
    texts, numbers, model = content.texts, content.texts.numbers, content.model
    table = model.table
    stratified = STRATIFIED_COLUMNS[0] in table
    names = headings(content)

    def ratio(row: Mapping[Any, Any], prefix: str = "") -> Cell:
        value = row[f"{prefix}hazard_ratio"]
        limits = numbers.ratio_range(row[f"{prefix}lower"], row[f"{prefix}upper"])
        if value == 1.0 and not limits:
            return Cell(numbers.ratio(1.0), below=texts("word.reference"), kind="number")
        return number(numbers.ratio(value) if np.isfinite(value) else "", limits)

    body, before = [], None
    for row in table.to_dict("records"):
        first = row["term"] != before
        before = row["term"]
        cells = [
            Cell(names[row["term"]] if first else "", head="row" if first else "", kind="group"),
            row_heading(str(row["level"])),
            number(numbers.count(row["patients"])),
            number(numbers.count(row["deaths"])),
            ratio(row),
            number(numbers.p_value(row["p_value"])),
        ]
        if stratified:
            cells += [ratio(row, "stratified_"), number(numbers.p_value(row["stratified_p_value"]))]
        body.append(Row(tuple(cells), kind="group" if first else ""))
    labels = [
        texts("column.term"),
        texts("column.level"),
        texts("column.patients"),
        texts("column.deaths"),
        texts("column.hazard_ratio"),
        texts("column.p_value"),
    ]
    if stratified:
        labels += [texts("column.stratified"), texts("column.p_value")]
    notes = [
        texts(
            "note.cox_reference",
            references=", ".join(f"{name} {reference}" for name, reference in model.references),
        )
    ]
    if stratified:
        notes.append(texts("note.cox_stratified"))
    variables = ", ".join(
        heading.lower() if heading[1:2].islower() else heading for heading, _ in model.references
    )
    return Table(
        texts("caption.cox", variables=variables),
        simple_head(labels, texts=2),
        tuple(body),
        notes=tuple(notes),
        wide=True,
    )


def own_table(content: Content) -> Table:
    """Return the hazard ratios of a model that the user wrote."""
    texts, numbers = content.texts, content.texts.numbers
    body = tuple(
        Row(
            (
                row_heading(str(row["level"])),
                number(numbers.ratio(row["hazard_ratio"]), numbers.ratio_range(row["lower"], row["upper"])),
                number(numbers.p_value(row["p_value"])),
            )
        )
        for row in content.model.table.to_dict("records")
    )
    labels = [texts("column.term"), texts("column.hazard_ratio"), texts("column.p_value")]
    asked = content.request.cox_formula or ()
    formula = asked if isinstance(asked, str) else " + ".join(asked)
    return Table(texts("caption.cox_own", formula=formula), simple_head(labels), body)


def proportional_hazards_table(content: Content) -> Table:
    """Return the tests of proportional hazards, with what follows from them."""
    texts, numbers, tests = content.texts, content.texts.numbers, content.model.proportional_hazards
    names = headings(content) | {"GLOBAL": texts("word.all_together")}
    body = tuple(
        Row(
            (
                row_heading(names.get(term, term)),
                number(numbers.decimal(statistic, 1)),
                number(numbers.count(df)),
                number(numbers.p_value(p_value)),
            ),
            kind="total" if term == "GLOBAL" else "",
        )
        for term, statistic, df, p_value in tests.itertuples(index=False)
    )
    bad = [
        names.get(term, term)
        for term, p in zip(tests["term"], tests["p_value"], strict=True)
        if p < 0.05 and term != "GLOBAL"
    ]
    whole = float(tests["p_value"].iloc[-1])
    note = (
        texts("note.ph_bad", terms=", ".join(bad))
        if bad
        else texts("note.ph_good", p_value=numbers.p_value(whole))
    )
    labels = [texts(f"column.{name}") for name in ("term", "statistic", "df", "p_value")]
    return Table(texts("caption.proportional"), simple_head(labels), body, notes=(note,))
