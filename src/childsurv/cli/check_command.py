"""``childsurv check``: propose a layout for one extract, or report what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import click

from childsurv.cli.reading_options import ANY_PATH, EXISTING_FILE, Reading, reading_options
from childsurv.cli.terminal import counts_text, show_quality, show_table
from childsurv.errors import OptionError
from childsurv.extract import suggest_layout, write_checks
from childsurv.extract.check_workbook import check_tables

ERRORS_FOUND = 1
"""Exit code where a row has an error."""


@click.command()
@click.argument("extract", type=EXISTING_FILE)
@click.option(
    "--layout", metavar="NAME|FILE", help="Built-in layout or TOML file; without one, a layout is proposed."
)
@click.option(
    "--write-layout",
    type=ANY_PATH,
    metavar="FILE",
    help="Write the proposed layout to this file, to look through and correct.",
)
@click.option("--force", is_flag=True, help="Replace the file of --write-layout if it is there.")
@click.option("--out", type=ANY_PATH, metavar="FILE", help="Write the findings: .xlsx, or a folder.")
@click.option("--country", help="Country, where the extract has no such column.")
@click.option("--registry", help="Registry, where the extract has no such column.")
@click.option("--encoding", help="Encoding of a text file, such as cp1251.")
@reading_options
@click.pass_context
def check(
    context: click.Context,
    extract: Path,
    layout: str | None,
    write_layout: Path | None,
    force: bool,
    out: Path | None,
    country: str | None,
    registry: str | None,
    encoding: str | None,
    reading: Reading,
) -> None:
    """Check one extract: propose a layout for it, or read it and report what is wrong.

    Row numbers and counts are shown, never values of a patient. The exit code is 0 where no row has an error, 1 where
    one has, and 2 where the file could not be read.

    \b
    Example:
      childsurv check extract.xlsx --write-layout my.toml
      childsurv check extract.xlsx --layout my.toml --closing-date 2020-12-31 --out checks.xlsx
    """  # noqa: D301 (click wants the backspace itself)
    if layout is None:
        if out is not None:
            raise OptionError("--out writes what the checks found, which needs --layout.")
        _propose(
            extract, encoding=encoding, sheet=reading.sheet_asked, write_layout=write_layout, force=force
        )
        return
    if write_layout is not None:
        raise OptionError("--write-layout writes a proposed layout; leave --layout out.")
    cohort = reading.read(extract, layout=layout, country=country, registry=registry, encoding=encoding)
    tables = check_tables(cohort)
    click.echo(f"{extract.name}: {counts_text(cohort)}")
    click.echo("; ".join(f"{name.replace('_', ' ')} {value}" for name, value in cohort.conventions.items()))
    click.echo("\nFindings")
    show_table(tables["Rules"][["severity", "code", "count", "first_row", "message"]], none="  none")
    click.echo("\nRows")
    show_table(tables["Flow"][["step", "patients", "remaining", "message"]])
    click.echo("\nData quality, per cent of eligible tumours (of the analysed for lost and completeness)")
    show_quality(tables["Data quality"])
    if out is not None:
        click.echo(f"\nWritten: {write_checks(cohort, out)}")
    context.exit(ERRORS_FOUND if "error" in set(cohort.findings_table["severity"]) else 0)


def _propose(
    extract: Path, *, encoding: str | None, sheet: str | int | None, write_layout: Path | None, force: bool
) -> None:
    """Print a proposed layout and what to do next."""
    suggestion = suggest_layout(extract, encoding=encoding, sheet=sheet)
    click.echo(f"{extract.name}: proposed layout {suggestion.name}\n")
    table = suggestion.table.assign(field=suggestion.table["field"].replace("", "-"))
    show_table(table[["header", "field", "sureness", "reason"]])
    if suggestion.missing:
        click.echo("\nMissing, before the file can be read:")
        for what in suggestion.missing:
            click.echo(f"  {what}")
    if write_layout is None:
        click.echo(
            "\nNext: write it with --write-layout my.toml, look through it, and run again with --layout my.toml"
        )
        return
    if force and write_layout.is_file():
        write_layout.unlink()
    if write_layout.exists():
        raise OptionError(f"{write_layout} is there already; give --force to replace it.")
    suggestion.write(write_layout)
    click.echo(f"\nWritten: {write_layout}. Look through every line, then:")
    click.echo(f"  childsurv check {extract} --layout {write_layout}")
