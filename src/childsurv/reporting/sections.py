"""The sections of the page: what each says, in the order in which a reader needs it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from childsurv.reporting.blocks import (
    Block,
    Cell,
    KeyFigures,
    Paragraphs,
    PictureBlock,
    Row,
    Section,
    Table,
    number,
    row_heading,
    simple_head,
)
from childsurv.reporting.content import Content
from childsurv.reporting.groupings import SHORTEST_TREND_YEARS
from childsurv.reporting.illustrations import Picture
from childsurv.reporting.record_sections import (
    conventions_blocks,
    findings_blocks,
    flow_blocks,
    patients_blocks,
    quality_blocks,
    sources_blocks,
)
from childsurv.reporting.result_tables import (
    cell_table,
    cox_table,
    headings,
    own_table,
    survival_table,
)
from childsurv.reporting.words import Words

LARGEST_INLINE_SVG = 700_000
"""Bytes up to which a picture stands on the page as SVG; larger ones would make it slow and are PNG there."""


def sections(
    content: Content, pictures: Sequence[Picture], files: Mapping[str, Sequence[str]]
) -> list[Section]:
    """Return the sections of the page in order; ``files`` names the CSV files of each."""
    words = Words(content)
    drawn = {picture.name: picture for picture in pictures}
    makers: list[tuple[str, str, Callable[[], list[Block]]]] = [
        ("summary", words("section.summary"), lambda: _summary(content, words)),
        ("flow", words("section.flow"), lambda: flow_blocks(content, words)),
        ("quality", words("section.quality"), lambda: quality_blocks(content, words)),
        ("patients", words("section.patients"), lambda: patients_blocks(content, words)),
        ("by", words("section.by_group"), lambda: _by_group(content, words)),
        (
            "ranking",
            words("section.ranking"),
            lambda: _pictured(content, words, drawn, ("ranking",), ("note.pooled",)),
        ),
        (
            "curves",
            words("section.curves"),
            lambda: _pictured(content, words, drawn, ("curves_all", "curves_by", "curves_diagnosis")),
        ),
        ("diagnosis", words("section.diagnosis"), lambda: _diagnosis(content, words)),
        ("both", words("section.both"), lambda: _both(content, words, drawn)),
        ("trend", words("section.trend"), lambda: _trend(content, words)),
        ("tests", words("section.tests"), lambda: _tests(content, words)),
        ("cox", words("section.cox"), lambda: _cox(content, words, drawn)),
        ("findings", words("section.findings"), lambda: findings_blocks(content, words)),
        ("conventions", words("section.conventions"), lambda: conventions_blocks(content, words)),
        ("reading", words("section.reading"), lambda: _reading(content, words)),
        ("small", words("section.small"), lambda: _small(content, words)),
        ("sources", words("section.sources"), lambda: sources_blocks(content, words)),
    ]
    made = [(anchor, title, tuple(make())) for anchor, title, make in makers]
    return [
        Section(anchor, title, blocks, tuple(files.get(anchor, ())))
        for anchor, title, blocks in made
        if blocks
    ]


def _picture(picture: Picture) -> PictureBlock:
    return PictureBlock(picture.name, picture.title, picture.alt, address(picture))


def _pictured(
    content: Content,
    words: Words,
    drawn: Mapping[str, Picture],
    names: Sequence[str],
    notes: Sequence[str] = (),
) -> list[Block]:
    blocks: list[Block] = [_picture(drawn[name]) for name in names if name in drawn]
    if blocks and notes:
        blocks.append(Paragraphs(tuple(words(note) for note in notes)))
    return blocks


def _summary(content: Content, words: Words) -> list[Block]:
    numbers, shown = words.numbers, content.shown
    main = content.at_main_year(content.survival["by"])
    everyone, groups = main.iloc[0], main.iloc[1:]
    patients, deaths = numbers.count(everyone["patients"]), numbers.count(everyone["deaths"])
    closing = shown.cohort.closing_date
    first = (
        words("summary.analysed_no_closing", patients=patients, deaths=deaths)
        if closing is None
        else words("summary.analysed", patients=patients, deaths=deaths, closing=numbers.date(closing))
    )
    flow = content.flow
    if flow.hidden:
        first += " " + words("summary.read_hidden")
    elif flow.excluded:
        first += " " + words(
            "summary.read", read=numbers.count(flow.read), excluded=numbers.count(flow.excluded)
        )
    else:
        first += " " + words("summary.read_none", read=numbers.count(flow.read))
    figures = [(patients, "", words("summary.key_patients")), (deaths, "", words("summary.key_deaths"))]
    sentences = [first]
    for quantity in ("observed", "net"):
        if quantity in main and np.isfinite(everyone[quantity]):
            figures.append(
                (
                    numbers.percent(everyone[quantity], sign=True),
                    f"{words.level} {words('word.interval')} "
                    + numbers.percent_range(everyone[f"{quantity}_lower"], everyone[f"{quantity}_upper"]),
                    words(f"summary.key_{quantity}"),
                )
            )
    if np.isfinite(everyone["observed"]):
        second = words("summary.survival", observed=_with_limits(words, everyone, "observed"))
        if "net" in main and np.isfinite(everyone["net"]):
            second += words("summary.survival_net", net=_with_limits(words, everyone, "net"))
        sentences.append(second + ".")
    named = groups[np.isfinite(groups["estimate"]) & ~groups["not_reliable"].astype(bool)]
    if shown.by.merged:
        named = named[named[shown.by.name] != shown.by.labels[-1]]
    if len(named) > 1:
        low, high = named.loc[named["estimate"].idxmin()], named.loc[named["estimate"].idxmax()]
        sentences.append(
            words.sentence(
                "summary.range",
                low=numbers.percent(low["estimate"], sign=True),
                high=numbers.percent(high["estimate"], sign=True),
                low_group=low[shown.by.name],
                high_group=high[shown.by.name],
            )
        )
    blocks: list[Block] = [KeyFigures(tuple(figures)), Paragraphs(tuple(sentences))]
    if content.warnings:
        blocks.append(Paragraphs((words("note.warnings"), *content.warnings), kind="notice"))
    return blocks


def _with_limits(words: Words, row: pd.Series, quantity: str) -> str:
    limits = words.numbers.percent_range(row[f"{quantity}_lower"], row[f"{quantity}_upper"])
    share = words.numbers.percent(row[quantity], sign=True)
    return f"{share} ({words.level} {words('word.interval')} {limits})" if limits else share


def _by_group(content: Content, words: Words) -> list[Block]:
    by = content.shown.by
    return [
        survival_table(content, words, content.survival["by"], by.name, by.heading, words("caption.by_group"))
    ]


def _diagnosis(content: Content, words: Words) -> list[Block]:
    diagnosis = content.shown.diagnosis
    if diagnosis.name == content.shown.by.name:
        return []
    return [
        survival_table(
            content,
            words,
            content.survival["diagnosis"],
            diagnosis.name,
            diagnosis.heading,
            words("caption.diagnosis"),
        )
    ]


def _both(content: Content, words: Words, drawn: Mapping[str, Picture]) -> list[Block]:
    if content.both is None:
        return []
    blocks = _pictured(content, words, drawn, ("heatmap",))
    return [*blocks, cell_table(content, words, content.both, words.sentence("caption.both"))]


def _trend(content: Content, words: Words) -> list[Block]:
    if content.shown.period is None:
        return [Paragraphs((words("note.trend_none", years=SHORTEST_TREND_YEARS),))]
    table = survival_table(
        content,
        words,
        content.survival["trend"],
        "period",
        content.shown.period.heading,
        words("caption.trend"),
    )
    blocks: list[Block] = [table]
    if content.recent_years is not None:
        first, last = content.recent_years
        blocks.append(Paragraphs((words("note.trend", first=first, last=last),)))
    if content.trend is not None:
        blocks.append(cell_table(content, words, content.trend, words.sentence("caption.trend_by")))
    return blocks


def _tests(content: Content, words: Words) -> list[Block]:
    texts, numbers = content.texts, words.numbers
    if content.tests.empty:
        return [Paragraphs((words("note.tests_none"),))]
    names = headings(content)
    body = tuple(
        Row(
            (
                row_heading(names[compared]),
                Cell(names.get(within, "")),
                number(numbers.decimal(statistic, 1)),
                number(numbers.count(df)),
                number(numbers.p_value(p_value)),
            )
        )
        for compared, within, _, statistic, df, p_value in content.tests.itertuples(index=False)
    )
    labels = [texts(f"column.{name}") for name in ("compared", "within", "statistic", "df", "p_value")]
    return [Table(texts("caption.tests"), simple_head(labels, texts=2), body, notes=(words("note.tests"),))]


def _cox(content: Content, words: Words, drawn: Mapping[str, Picture]) -> list[Block]:
    texts, model = content.texts, content.model
    if model.fit is None:
        return [Paragraphs(tuple(words("note.cox_none", reason=note) for note in model.notes), kind="notice")]
    blocks: list[Block] = [Paragraphs((words("note.cox"),))]
    if model.notes:
        blocks.append(Paragraphs((words("note.cox_warning"), *model.notes), kind="notice"))
    blocks += _pictured(content, words, drawn, ("forest",))
    blocks.append(own_table(content, words) if model.own_formula else cox_table(content, words))
    tests = model.proportional_hazards
    names = headings(content) | {"GLOBAL": texts("word.all_together")}
    body = tuple(
        Row(
            (
                row_heading(names.get(term, term)),
                number(words.numbers.decimal(statistic, 1)),
                number(words.numbers.count(df)),
                number(words.numbers.p_value(p_value)),
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
        words("note.ph_bad", terms=", ".join(bad))
        if bad
        else words("note.ph_good", p_value=words.numbers.p_value(whole))
    )
    labels = [texts(f"column.{name}") for name in ("term", "statistic", "df", "p_value")]
    blocks.append(Table(texts("caption.proportional"), simple_head(labels), body, notes=(note,)))
    return blocks


def _reading(content: Content, words: Words) -> list[Block]:
    keys = [
        "observed",
        *(["net"] if content.everyone.net is not None else []),
        "interval",
        "compare",
        "casemix",
        "ranking",
    ]
    return [Paragraphs(tuple(words(f"reading.{key}") for key in keys))]


def _small(content: Content, words: Words) -> list[Block]:
    return [Paragraphs(tuple(words(f"small.{key}") for key in ("rule", "merge", "hide", "scope")))]


def address(picture: Picture) -> str:
    """Return a picture as a data address."""
    if len(picture.svg) <= LARGEST_INLINE_SVG:
        return "data:image/svg+xml;base64," + base64.b64encode(picture.svg).decode("ascii")
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")
