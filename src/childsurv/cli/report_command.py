"""``childsurv report``: read extracts and write a report that compares them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from childsurv.cli.reading_options import (
    ANY_PATH,
    EXISTING_FILE,
    Reading,
    language_option,
    minimum_option,
    quiet_option,
    reading_options,
)
from childsurv.cli.terminal import progress, read_text, say
from childsurv.errors import OptionError
from childsurv.extract.together import concat
from childsurv.lifetable.formats.reading import read_life_table
from childsurv.lifetable.table import LifeTable
from childsurv.reporting import report

Item = TypeVar("Item")


def _years(_: click.Context, __: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise OptionError("--years takes numbers parted by commas, such as 1,3,5.") from None


@click.command("report")
@click.argument("extracts", nargs=-1, required=True, type=EXISTING_FILE)
@click.option(
    "--layout",
    "layouts",
    multiple=True,
    required=True,
    metavar="NAME|FILE",
    help="Layout of the extracts: a built-in name or a TOML file; one for all, or one for each in order.",
)
@click.option(
    "--country",
    "countries",
    multiple=True,
    help="Country of extracts without such a column; one for all, or one for each (- where there is one).",
)
@click.option(
    "--life-table",
    "life_tables",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Population mortality, for net survival; several files that belong together are read as one.",
)
@click.option(
    "--extend-life-table",
    is_flag=True,
    help="Carry the nearest cells of the life table on where it ends; the report says how often.",
)
@click.option("--out", type=ANY_PATH, required=True, help="Folder to write to.")
@click.option(
    "--by",
    multiple=True,
    default=("country",),
    show_default=True,
    help="Column whose groups are compared; several for their combinations.",
)
@click.option("--diagnosis", default="iccc_group", show_default=True, help="Column of diagnostic groups.")
@click.option(
    "--years",
    callback=_years,
    default="1,3,5",
    show_default=True,
    help="Years since diagnosis at which survival is reported.",
)
@minimum_option
@click.option("--level", type=float, default=0.95, show_default=True, help="Confidence level.")
@click.option(
    "--reference", help="Group to compare the others with in the Cox model; the largest unless given."
)
@click.option(
    "--cox", "cox_formula", metavar="FORMULA", help="A Cox model of your own, such as 'age_years + sex'."
)
@language_option
@click.option("--title", help="Title of the page.")
@click.option(
    "--encoding",
    "encodings",
    multiple=True,
    help="Encoding of the extracts, such as cp1251; one for all, or one for each.",
)
@reading_options
@quiet_option
def write_report(
    extracts: tuple[Path, ...],
    layouts: tuple[str, ...],
    countries: tuple[str, ...],
    encodings: tuple[str, ...],
    life_tables: tuple[Path, ...],
    extend_life_table: bool,
    reading: Reading,
    quiet: bool,
    **asked: Any,
) -> None:
    """Read registry extracts and write a report that compares them.

    \b
    Example:
      childsurv report north.csv south.txt --layout encr --layout canreg5 --country Nordavel
        --country Tarsolen --life-table life_tables.csv --closing-date 2020-12-31 --out report
    """  # noqa: D301 (click wants the backspace itself)
    number = len(extracts)
    chosen = list(
        zip(
            extracts,
            _for_each(layouts, number, "--layout"),
            _for_each(countries or (None,), number, "--country"),
            _for_each(encodings or (None,), number, "--encoding"),
            strict=True,
        )
    )
    life_table = _life_table(life_tables, extend=extend_life_table)
    cohort = concat(
        [
            reading.read(path, layout=layout, country=None if country == "-" else country, encoding=encoding)
            for path, layout, country, encoding in progress(chosen, "reading", quiet)
        ]
    )
    say(read_text(cohort, number, asked["language"]), quiet)
    # What is left are arguments of `report` by their own names.
    made = report(cohort, life_table, progress=not quiet, **asked)
    click.echo(f"Report: {made.path.resolve()}")


def _for_each(values: Sequence[Item], number: int, option: str) -> list[Item]:
    """Return one value an extract: that given for all, or one each."""
    if len(values) == 1:
        return list(values) * number
    if len(values) != number:
        raise OptionError(
            f"{option} was given {len(values)} times for {number} {'extract' if number == 1 else 'extracts'}. "
            "Give it once for all, or once for each in the same order."
        )
    return list(values)


def _life_table(paths: Sequence[Path], *, extend: bool) -> LifeTable | None:
    if not paths:
        if extend:
            raise OptionError("--extend-life-table needs --life-table.")
        return None
    table = read_life_table(paths[0] if len(paths) == 1 else list(paths))
    return table.extend("last") if extend else table
