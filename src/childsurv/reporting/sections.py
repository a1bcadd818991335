"""The sections of the page and what each says, in the order in which a reader needs them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

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
    proportional_hazards_table,
    survival_table,
)

LARGEST_INLINE_SVG = 700_000
"""Bytes up to which a picture is SVG on the page; larger ones would make it slow and are PNG there."""


def sections(
    content: Content, pictures: Sequence[Picture], files: Mapping[str, Sequence[str]]
) -> list[Section]:
    """Return the sections of the page in order; ``files`` names the CSV files of each."""
    drawn = {picture.name: picture for picture in pictures}
    curves = ("curves_all", "curves_by", "curves_diagnosis")
    made: dict[str, list[Block]] = {
        "summary": _summary(content),
        "flow": flow_blocks(content),
        "quality": quality_blocks(content),
        "patients": patients_blocks(content),
        "by": [survival_table(content, "by", content.shown.by)],
        "ranking": _pictured(content, drawn, ("ranking",), ("note.pooled",)),
        "curves": _pictured(content, drawn, curves),
        "diagnosis": _diagnosis(content),
        "both": _both(content, drawn),
        "trend": _trend(content),
        "tests": _tests(content),
        "cox": _cox(content, drawn),
        "findings": findings_blocks(content),
        "conventions": conventions_blocks(content),
        "reading": _reading(content),
        "small": _small(content),
        "sources": sources_blocks(content),
    }
    return [
        Section(anchor, content.texts(f"section.{anchor}"), tuple(blocks), tuple(files.get(anchor, ())))
        for anchor, blocks in made.items()
        if blocks
    ]


def _picture(picture: Picture) -> PictureBlock:
    return PictureBlock(picture.name, picture.title, picture.alt, address(picture))


def _pictured(
    content: Content, drawn: Mapping[str, Picture], names: Sequence[str], notes: Sequence[str] = ()
) -> list[Block]:
    blocks: list[Block] = [_picture(drawn[name]) for name in names if name in drawn]
    if blocks and notes:
        blocks.append(Paragraphs(tuple(content.texts(note) for note in notes)))
    return blocks


def _summary(content: Content) -> list[Block]:
    main = content.at_main_year(content.survival["by"])
    everyone, groups = main.iloc[0], main.iloc[1:]
    sentences = [
        _counts_sentence(content, everyone),
        *_survival_sentence(content, everyone),
        *_range_sentence(content, groups),
    ]
    blocks: list[Block] = [_key_figures(content, everyone), Paragraphs(tuple(sentences))]
    if content.warnings:
        blocks.append(Paragraphs((content.texts("note.warnings"), *content.warnings), kind="notice"))
    return blocks


def _key_figures(content: Content, everyone: pd.Series) -> KeyFigures:
    texts, numbers = content.texts, content.texts.numbers
    figures = [
        (numbers.count(everyone[name]), "", texts(f"summary.key_{name}")) for name in ("patients", "deaths")
    ]
    for quantity in ("observed", "net"):
        if quantity in everyone and np.isfinite(everyone[quantity]):
            share = numbers.percent(everyone[quantity], sign=True)
            limits = f"{texts('word.interval')} {_limits(content, everyone, quantity)}"
            figures.append((share, limits, texts(f"summary.key_{quantity}")))
    return KeyFigures(tuple(figures))


def _counts_sentence(content: Content, everyone: pd.Series) -> str:
    """Give how many children were analysed and died, and how many rows were left out."""
    texts, numbers, flow = content.texts, content.texts.numbers, content.flow
    closing = content.shown.cohort.closing_date
    counts = {name: numbers.count(everyone[name]) for name in ("patients", "deaths")}
    words = (
        texts("summary.analysed_no_closing", **counts)
        if closing is None
        else texts("summary.analysed", **counts, closing=numbers.date(closing))
    )
    if flow.hidden:
        return f"{words} {texts('summary.read_hidden')}"
    read = numbers.count(flow.read)
    if not flow.excluded:
        return f"{words} {texts('summary.read_none', read=read)}"
    return f"{words} {texts('summary.read', read=read, excluded=numbers.count(flow.excluded))}"


def _survival_sentence(content: Content, everyone: pd.Series) -> list[str]:
    if not np.isfinite(everyone["observed"]):
        return []
    texts = content.texts
    words = texts("summary.survival", observed=_with_limits(content, everyone, "observed"))
    if "net" in everyone and np.isfinite(everyone["net"]):
        words += texts("summary.survival_net", net=_with_limits(content, everyone, "net"))
    return [words + "."]


def _range_sentence(content: Content, groups: pd.DataFrame) -> list[str]:
    """Name the groups with the lowest and the highest reliable estimate; the merged group is neither."""
    texts, numbers, by = content.texts, content.texts.numbers, content.shown.by
    named = groups[np.isfinite(groups["estimate"]) & ~groups["not_reliable"].astype(bool)]
    if by.merged:
        named = named[named[by.name] != by.labels[-1]]
    if len(named) < 2:
        return []
    low, high = named.loc[named["estimate"].idxmin()], named.loc[named["estimate"].idxmax()]
    return [
        texts.sentence(
            "summary.range",
            low=numbers.percent(low["estimate"], sign=True),
            high=numbers.percent(high["estimate"], sign=True),
            low_group=low[by.name],
            high_group=high[by.name],
        )
    ]


def _limits(content: Content, row: pd.Series, quantity: str) -> str:
    return content.texts.numbers.percent_range(row[f"{quantity}_lower"], row[f"{quantity}_upper"])


def _with_limits(content: Content, row: pd.Series, quantity: str) -> str:
    share = content.texts.numbers.percent(row[quantity], sign=True)
    limits = _limits(content, row, quantity)
    return f"{share} ({content.texts('word.interval')} {limits})" if limits else share


def _diagnosis(content: Content) -> list[Block]:
    diagnosis = content.shown.diagnosis
    return (
        [] if diagnosis.name == content.shown.by.name else [survival_table(content, "diagnosis", diagnosis)]
    )


def _both(content: Content, drawn: Mapping[str, Picture]) -> list[Block]:
    if content.both is None:
        return []
    blocks = _pictured(content, drawn, ("heatmap",))
    return [*blocks, cell_table(content, content.both, content.texts.sentence("caption.both"))]


def _trend(content: Content) -> list[Block]:
    texts, period = content.texts, content.shown.period
    if period is None:
        return [Paragraphs((texts("note.trend_none", years=SHORTEST_TREND_YEARS),))]
    blocks: list[Block] = [survival_table(content, "trend", period)]
    if content.recent_years is not None:
        first, last = content.recent_years
        blocks.append(Paragraphs((texts("note.trend", first=first, last=last),)))
    if content.trend is not None:
        blocks.append(cell_table(content, content.trend, texts.sentence("caption.trend_by")))
    return blocks


def _tests(content: Content) -> list[Block]:
    texts, numbers = content.texts, content.texts.numbers
    if content.tests.empty:
        return [Paragraphs((texts("note.tests_none"),))]
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
    return [Table(texts("caption.tests"), simple_head(labels, texts=2), body, notes=(texts("note.tests"),))]


def _cox(content: Content, drawn: Mapping[str, Picture]) -> list[Block]:
    texts, model = content.texts, content.model
    if model.fit is None:
        return [Paragraphs(tuple(texts("note.cox_none", reason=note) for note in model.notes), kind="notice")]
    blocks: list[Block] = [Paragraphs((texts("note.cox"),))]
    if model.notes:
        blocks.append(Paragraphs((texts("note.cox_warning"), *model.notes), kind="notice"))
    blocks += _pictured(content, drawn, ("forest",))
    blocks.append(own_table(content) if model.own_formula else cox_table(content))
    blocks.append(proportional_hazards_table(content))
    return blocks


def _reading(content: Content) -> list[Block]:
    keys = [
        "observed",
        *(["net"] if content.everyone.net is not None else []),
        "interval",
        "compare",
        "casemix",
        "ranking",
    ]
    return [Paragraphs(tuple(content.texts(f"reading.{key}") for key in keys))]


def _small(content: Content) -> list[Block]:
    return [Paragraphs(tuple(content.texts(f"small.{key}") for key in ("rule", "merge", "hide", "scope")))]


def address(picture: Picture) -> str:
    """Return a picture as a data address."""
    if len(picture.svg) <= LARGEST_INLINE_SVG:
        return "data:image/svg+xml;base64," + base64.b64encode(picture.svg).decode("ascii")
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")
