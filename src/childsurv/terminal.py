"""Tables on a terminal: columns under each other, long texts wrapped, numbers to the right."""

from __future__ import annotations

import textwrap
from typing import Any

import click
import pandas as pd

SHOWN_WIDTH = 110
QUALITY_COLUMNS = 4
"""Registries beside each other in the table of data quality."""


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
    """Print one line an indicator, one column a registry."""
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
    if pd.isna(value):
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
