"""The tables of results on the page: patients, survival, hazard ratios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from childsurv.classify import iccc3_labels
from childsurv.reporting.blocks import Cell, Row, Table, heading, number, row_heading, simple_head
from childsurv.reporting.content import Content, TwoWay
from childsurv.reporting.cox_model import STRATIFIED_COLUMNS
from childsurv.reporting.groupings import Grouping
from childsurv.reporting.words import HIDDEN, Words
from childsurv.words.catalogue import span_text


def headings(content: Content) -> dict[str, str]:
    """Return the heading of every grouping by its name."""
    shown = content.shown
    return {grouping.name: grouping.heading for grouping in (*shown.groupings, shown.country)}


def full_names(content: Content, diagnosis: Grouping) -> dict[str, str]:
    """Return the full name of each diagnostic group of ICCC-3 by its label; nothing for others."""
    if diagnosis.name != "iccc_group":
        return {}
    names = iccc3_labels("group", content.texts.language)
    return {
        label: str(names[value])
        for value, label in diagnosis.shown_as.items()
        if value in names.index
        and label != ""
        and label in diagnosis.codes
        and diagnosis.codes[label] == value
    }


def count_table(content: Content, words: Words, both: TwoWay) -> Table:
    """Return patients by two groupings, with totals."""
    texts, numbers = content.texts, words.numbers
    columns = both.columns

    def count(value: Any) -> Cell:
        return number(HIDDEN if pd.isna(value) else numbers.count(float(value)))

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
                *(count(value) for value in both.counts.loc[label]),
            )
        )
        for label, total in zip(both.rows.labels, both.rows.patients, strict=True)
    ]
    notes = (words("note.hidden_cell"),) if both.counts.isna().to_numpy().any() else ()
    return Table(words("caption.patients"), (head,), (every, *body), notes=notes, wide=True)


def survival_table(
    content: Content, words: Words, table: pd.DataFrame, name: str, label: str, caption: str
) -> Table:
    """Return survival at each year, one row a group, limits below the estimates."""
    texts, numbers = content.texts, words.numbers
    net = "net" in table
    quantities = ("observed", "net") if net else ("observed",)
    width = len(quantities) + 1
    head = (
        Row(
            (
                heading(label, kind="text", down=2),
                heading(texts("column.patients"), down=2),
                heading(texts("column.deaths"), down=2),
                *(
                    heading(span_text(year, texts.language), span=width, kind="span")
                    for year in content.years
                ),
            )
        ),
        Row(
            tuple(
                heading(text)
                for _ in content.years
                for text in (*(texts(f"quantity.{one}_short") for one in quantities), texts("column.at_risk"))
            )
        ),
    )
    body = []
    for place in range(0, len(table), len(content.years)):
        rows = table.iloc[place : place + len(content.years)].to_dict("records")
        cells = [
            row_heading(str(rows[0][name])),
            number(numbers.count(rows[0]["patients"])),
            number(numbers.count(rows[0]["deaths"])),
        ]
        for row in rows:
            cells += [words.share(row, quantity) for quantity in quantities]
            known = np.isfinite(row["observed"])
            cells.append(number(numbers.count(row["at_risk"]) if known else "–"))
        body.append(Row(tuple(cells), kind="total" if rows[0][name] == texts("group.all") else ""))
    notes = [words("note.at_risk"), words("note.net_all") if net else words("note.no_life_table")]
    if (table["not_reliable"] & np.isfinite(table["observed"])).any():
        notes.insert(0, words("note.not_reliable"))
    return Table(caption, head, tuple(body), notes=tuple(notes), wide=True)


def cell_table(content: Content, words: Words, both: TwoWay, caption: str) -> Table:
    """Return survival at the main year by two groupings, with limits and patients in each cell."""
    numbers, columns = words.numbers, both.columns
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
        size = f"n {numbers.count(row['patients'])}"
        if not np.isfinite(row[quantity]):
            return Cell("–", below=size, kind="quiet")
        shown = words.share(row, quantity)
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
    notes = [words("note.hidden_cell")] if both.counts.isna().to_numpy().any() else []
    if (rows["not_reliable"] & np.isfinite(rows[quantity])).any():
        notes.append(words("note.not_reliable"))
    return Table(caption, (head,), body, notes=tuple(notes), wide=True)


def cox_table(content: Content, words: Words) -> Table:
    """Return hazard ratios by level, with those of the stratified model beside them."""
    texts, numbers, model = content.texts, words.numbers, content.model
    table = model.table
    stratified = STRATIFIED_COLUMNS[0] in table
    names = headings(content)

    def ratio(row: Mapping[Any, Any], prefix: str = "") -> Cell:
        value = row[f"{prefix}hazard_ratio"]
        limits = numbers.ratio_range(row[f"{prefix}lower"], row[f"{prefix}upper"])
        if value == 1.0 and not limits:
            return Cell(numbers.ratio(1.0), below=words("word.reference"), kind="number")
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
        words("column.hazard_ratio"),
        texts("column.p_value"),
    ]
    if stratified:
        labels += [words("column.stratified"), texts("column.p_value")]
    notes = [
        words(
            "note.cox_reference",
            references=", ".join(f"{name} {reference}" for name, reference in model.references),
        )
    ]
    if stratified:
        notes.append(words("note.cox_stratified"))
    variables = ", ".join(
        heading.lower() if heading[1:2].islower() else heading for heading, _ in model.references
    )
    return Table(
        words("caption.cox", variables=variables),
        simple_head(labels, texts=2),
        tuple(body),
        notes=tuple(notes),
        wide=True,
    )


def own_table(content: Content, words: Words) -> Table:
    """Return the hazard ratios of a model that the user wrote."""
    texts, numbers = content.texts, words.numbers
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
    labels = [texts("column.term"), words("column.hazard_ratio"), texts("column.p_value")]
    return Table(words("caption.cox_own", formula=content.own_formula), simple_head(labels), body)
