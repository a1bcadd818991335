"""The sections of the page on records: which were read and analysed, how well registered, by what rules."""

from __future__ import annotations

from childsurv.reporting.blocks import (
    HIDDEN,
    Block,
    Cell,
    Paragraphs,
    Row,
    Table,
    heading,
    number,
    row_heading,
    simple_head,
)
from childsurv.reporting.content import Content
from childsurv.reporting.result_tables import count_cell, count_table, full_names


def flow_blocks(content: Content) -> list[Block]:
    """Count rows from those read to those analysed, and by country."""
    texts, numbers, flow = content.texts, content.texts.numbers, content.flow
    rows = [
        Row(
            (row_heading(message), count_cell(texts, changed), count_cell(texts, remaining)),
            kind="total" if step in {"read", "analysed"} else "",
        )
        for step, message, changed, remaining in flow.table.itertuples(index=False)
    ]
    law = (
        texts("note.law_hidden")
        if flow.hidden
        else texts(
            "note.law",
            read=numbers.count(flow.read),
            excluded=numbers.count(flow.excluded),
            analysed=numbers.count(flow.analysed),
        )
    )
    head = simple_head([texts("column.step"), texts("column.rows"), texts("column.remaining")])
    blocks: list[Block] = [Table(texts("caption.flow"), head, tuple(rows), notes=(law,))]
    labels = list(flow.by_country.columns[2:])
    # Where every number is hidden, or there is one country only, the table would say nothing more.
    any_shown = (flow.by_country.iloc[1:-1, 2:-1] > 0).fillna(False).to_numpy(bool).any()
    if len(labels) > 2 and any_shown:
        body = [
            Row(
                (row_heading(values[1]), *(count_cell(texts, value) for value in values[2:])),
                kind="total" if values[0] in {"read", "analysed"} else "",
            )
            for values in flow.by_country.itertuples(index=False)
        ]
        country = content.shown.country
        head = (
            Row(
                (
                    heading(texts("column.step"), kind="text"),
                    *(heading(country.codes.get(label, label), title=label) for label in labels),
                )
            ),
        )
        hidden = bool(flow.by_country.isna().to_numpy().any())
        blocks.append(
            Table(
                texts("caption.by_country"),
                head,
                tuple(body),
                wide=True,
                notes=(texts("note.by_country_hidden"),) if hidden else (),
            )
        )
    return blocks


def quality_blocks(content: Content) -> list[Block]:
    """Give the indicators of data quality."""
    table, texts, numbers = content.quality, content.texts, content.texts.numbers
    if table.empty:
        return [Paragraphs((texts("note.quality_none"),))]
    shares = [name for name in table.columns[2:] if not name.endswith("_few")]
    body = []
    for row in table.to_dict("records"):
        cells = [row_heading(str(row["country"])), number(numbers.count(row["analysed"]))]
        for name in shares:
            few = row.get(f"{name}_few", "")
            if few in ("low", "high"):
                cells.append(
                    number("<" + str(content.request.minimum) if few == "low" else texts("word.nearly_all"))
                )
            else:
                cells.append(number(HIDDEN if few == "total" else numbers.decimal(row[name], 1)))
        body.append(Row(tuple(cells), kind="total" if row["country"] == texts("group.all") else ""))
    body = [*[row for row in body if row.kind], *[row for row in body if not row.kind]]
    head = simple_head(
        [texts("column.country"), texts("column.analysed"), *(texts(f"column.{name}") for name in shares)]
    )
    return [Table(texts("caption.quality"), head, tuple(body), notes=(texts("note.quality"),), wide=True)]


def patients_blocks(content: Content) -> list[Block]:
    """Count the patients of each group, and name what was merged."""
    texts, numbers, shown = content.texts, content.texts.numbers, content.shown
    blocks: list[Block] = []
    if content.both is not None:
        blocks.append(count_table(content, content.both))
    full = full_names(content, shown.diagnosis)
    total = len(shown.cohort)
    body = [
        Row(
            (
                row_heading(label),
                *((Cell(full.get(label, "")),) if full else ()),
                number(numbers.count(count)),
                number(numbers.percent(count / total)),
            )
        )
        for label, count in zip(shown.diagnosis.labels, shown.diagnosis.patients, strict=True)
    ]
    body.insert(
        0,
        Row(
            (
                row_heading(texts("group.all")),
                *((Cell(""),) if full else ()),
                number(numbers.count(total)),
                number(numbers.percent(1.0)),
            ),
            kind="total",
        ),
    )
    labels = [
        shown.diagnosis.heading,
        *([texts("column.iccc_full")] if full else []),
        texts("column.patients"),
        texts("column.share"),
    ]
    blocks.append(Table(texts("caption.diagnoses"), simple_head(labels, texts=2 if full else 1), tuple(body)))
    merged = [
        f"{grouping.heading}: {grouping.labels[-1]}"
        for grouping in dict.fromkeys([*shown.groupings, shown.country])
        if grouping.merged
    ]
    if merged:
        blocks.append(Paragraphs((texts("note.merged", merged="; ".join(merged)),)))
    return blocks


def findings_blocks(content: Content) -> list[Block]:
    """List what the checks found."""
    texts, table = content.texts, content.findings
    if table.empty:
        return [Paragraphs((texts("note.findings_none"),))]
    body = tuple(
        Row(
            (
                Cell(texts.optional(f"severity.{severity}") or severity),
                Cell(message),
                Cell(code, kind="code"),
                number(f"<{content.request.minimum}") if few else count_cell(texts, count),
            )
        )
        for severity, code, message, _, count, few in table.itertuples(index=False)
    )
    labels = [texts(f"column.{name}") for name in ("severity", "message", "code", "count")]
    return [
        Table(texts("caption.findings"), simple_head(labels, texts=3), body, notes=(texts("note.findings"),))
    ]


def conventions_blocks(content: Content) -> list[Block]:
    """List what the numbers rest on."""
    texts = content.texts
    body, before = [], None
    for result, convention, value in content.conventions.itertuples(index=False):
        first = result != before
        before = result
        cells = (
            Cell(result if first else "", head="row" if first else "", kind="group"),
            Cell(convention),
            Cell(value, kind="code" if len(value) == 64 and value.isalnum() else "text"),
        )
        body.append(Row(cells, kind="group" if first else ""))
    labels = [texts(f"column.{name}") for name in ("result", "convention", "value")]
    return [Table(texts("caption.conventions"), simple_head(labels, texts=3), tuple(body))]


def sources_blocks(content: Content) -> list[Block]:
    """Name the extracts and publications."""
    texts = content.texts
    blocks: list[Block] = []
    if len(content.sources):
        body = tuple(
            Row((row_heading(source), Cell(layout), Cell(encoding), Cell(digest, kind="code")))
            for source, layout, encoding, digest in content.sources.itertuples(index=False)
        )
        labels = [texts(f"column.{name}") for name in ("source", "layout", "encoding", "sha256")]
        notes = (
            (texts("note.sources_hidden", number=content.hidden_sources),) if content.hidden_sources else ()
        )
        blocks.append(
            Table(texts("caption.sources"), simple_head(labels, texts=4), body, notes=notes, wide=True)
        )
    used = ["kaplan_meier", *(["pohar_perme"] if content.everyone.net is not None else []), "log_rank"]
    used += ["cox", "proportional"] if content.model.fit is not None else []
    used += ["period"] if content.recent_years is not None else []
    used += ["iccc"] if content.shown.diagnosis.name.startswith("iccc") else []
    used += [] if content.quality.empty else ["completeness"]
    blocks.append(Paragraphs(tuple(texts(f"references.{key}") for key in used), kind="list"))
    return blocks
