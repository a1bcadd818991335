"""What a terminal shows: tables with long texts wrapped and numbers to the right, progress, and counts of rows."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.errors import import_extra
from childsurv.words.catalogue import texts_of

Item = TypeVar("Item")

SHOWN_WIDTH = 110
QUALITY_COLUMNS = 4
"""Registries side by side in the table of data quality."""


def say(text: str, quiet: bool) -> None:
    """Write a line on standard error, unless it shall be quiet."""
    if not quiet:
        click.echo(text, err=True)


def progress(items: Iterable[Item], description: str, quiet: bool) -> Iterable[Item]:
    """Show a bar on standard error, if that is a terminal."""
    tqdm: Callable[..., Iterable[Item]] = import_extra(
        "tqdm", extra="report", purpose="The command line"
    ).tqdm
    return tqdm(
        items, desc=description, unit="file", file=sys.stderr, leave=False, disable=True if quiet else None
    )


def counts_text(cohort: Cohort, language: str = "en") -> str:
    """Return how many rows were read, left out and analysed."""
    texts = texts_of(language, "command_line")
    count, rules = texts.numbers.count, cohort.exclusions["rule"].nunique()
    return texts.counted(
        "counts",
        rules,
        rules=rules,
        read=count(cohort.rows_read),
        excluded=count(cohort.rows_read - len(cohort)),
        analysed=count(len(cohort)),
    )


def read_text(cohort: Cohort, extracts: int, language: str) -> str:
    """Return how many extracts were read, with the counts of their rows."""
    texts = texts_of(language, "command_line")
    return texts.counted("read", extracts, extracts=extracts, counts=counts_text(cohort, language))


def show_table(table: Any, *, none: str = "") -> None:
    """Print a table, its last column wrapped under itself."""
    if not len(table):
        click.echo(none)
        return
    cells = [[_cell(value) for value in record] for record in table.itertuples(index=False)]
    names = list(map(str, table.columns))
    widths = [max(len(row[place]) for row in [names, *cells]) for place in range(len(names) - 1)]
    indent = sum(widths) + 2 * len(names)
    for row in [names, *cells]:
        numeric = [cell.replace(",", "").lstrip("-").isdigit() for cell in row]
        line = "  " + "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numeric, strict=False)
        )
        wrapped = textwrap.wrap(row[-1], max(SHOWN_WIDTH - indent, 30)) or [""]
        click.echo(f"{line}  {wrapped[0]}".rstrip())
        for more in wrapped[1:]:
            click.echo(" " * indent + more)


def show_quality(table: Any) -> None:
    """Print the indicators of data quality, one line each, with a column for each registry."""
    if "eligible" not in table:
        click.echo("  no counts of the rows as read")
        return
    names = [name for name in table.columns if name not in {"country", "registry"}]
    where = [
        f"{row.country}, {row.registry}" if row.country != row.registry else str(row.country)
        for row in table.itertuples()
    ]
    shown = table[names].T
    shown.columns = where
    for start in range(0, len(where), QUALITY_COLUMNS):
        part = shown.iloc[:, start : start + QUALITY_COLUMNS]
        widths = [max(len(name), 8) for name in part.columns]
        heads = "  ".join(name.rjust(width) for name, width in zip(part.columns, widths, strict=True))
        click.echo("  " + " " * 26 + heads)
        for name, row in part.iterrows():
            counts = name in {"rows_read", "eligible", "analysed"}
            cells = [
                _share(value, counts=counts).rjust(width) for value, width in zip(row, widths, strict=True)
            ]
            click.echo("  " + str(name).replace("_", " ").ljust(26) + "  ".join(cells))


def _share(value: Any, *, counts: bool) -> str:
    if value != value:
        return "-"
    return f"{int(value):,}" if counts else f"{value:.1f}"


def _cell(value: Any) -> str:
    # Plain characters only: an old console shows no typographic minus or space.
    if pd.isna(value):
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
