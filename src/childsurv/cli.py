"""The command line: ``childsurv check``, ``report``, ``demo``, ``layouts`` and ``rules``."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from childsurv._version import __version__
from childsurv.errors import ChildsurvError, OptionError, import_extra
from childsurv.terminal import show_quality, show_table

if TYPE_CHECKING:
    from childsurv.cohort.cohort import Cohort
    from childsurv.lifetable.table import LifeTable
    from childsurv.reporting import Report

Item = TypeVar("Item")

SHOW_MESSAGES = "CHILDSURV_SHOW_MESSAGES"
"""Environment variable that makes unexpected errors show their message, which may hold values of the data."""

USER_ERROR = 2
UNEXPECTED_ERROR = 1
ERRORS_FOUND = 1
"""``childsurv check`` found rows with errors."""


class _Commands(click.Group):
    """Turns errors of childsurv into one paragraph, and keeps data out of all others."""

    def invoke(self, ctx: click.Context) -> Any:
        _never_fail_to_print()
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except ChildsurvError as error:
            click.echo(f"childsurv: {error}", err=True)
        except BrokenPipeError:
            # Who reads the output has seen enough, as `head` has: nothing is wrong.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (open until the program ends)
            ctx.exit(0)
        except OSError as error:
            # Names of files and what the system says of them; nothing that is in them.
            where = f" ({error.filename})" if error.filename else ""
            click.echo(f"childsurv: {error.strerror or type(error).__name__}{where}", err=True)
        except Exception as error:
            if os.environ.get(SHOW_MESSAGES):
                raise
            click.echo(_without_data(error), err=True)
            ctx.exit(UNEXPECTED_ERROR)
        ctx.exit(USER_ERROR)


def _never_fail_to_print() -> None:
    """Write what a console cannot show as escapes, instead of failing on a Cyrillic name."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _without_data(error: BaseException) -> str:
    """Return a traceback without messages: those of other libraries may quote values of patients."""
    parts = []
    one: BaseException | None = error
    while one is not None:
        frames = "".join(traceback.format_list(traceback.extract_tb(one.__traceback__)))
        parts.append(f"{frames}{type(one).__module__}.{type(one).__qualname__} (message not shown)")
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return (
        "Traceback (most recent call last):\n"
        + "\n\nwhile handling:\n".join(parts)
        + "\n\nchildsurv: an unexpected error, which is a fault of childsurv: please report the lines above. "
        f"Set {SHOW_MESSAGES}=1 to see the message of the error too; it may hold values from your data, so "
        "read it before you pass it on."
    )


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="childsurv")
def main() -> None:
    """Population-based childhood cancer survival: registry extracts in, honest comparison out."""


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("childsurv-demo"),
    show_default=True,
    help="Folder to write to.",
)
@click.option(
    "--patients",
    type=click.IntRange(min=100),
    default=20_000,
    show_default=True,
    help="How many children to simulate.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The same seed gives the same data.",
)
@click.option(
    "--language",
    type=click.Choice(["en", "ru"]),
    default="en",
    show_default=True,
    help="Language of the report.",
)
@click.option(
    "--minimum",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Least number of patients shown.",
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
def demo(out: Path, patients: int, seed: int, language: str, minimum: int, quiet: bool) -> None:
    """Simulate the registers of thirteen invented countries, read them, and report on them.

    The extracts come in four layouts, with the faults that checks must find; a report compares the countries.
    Nothing is about a real child or country.

    \b
    Example:
      childsurv demo --out demo --patients 20000 --seed 1
    """  # noqa: D301 (click wants the backspace itself)
    from childsurv.demo import countries, write_extracts
    from childsurv.extract import read_extract
    from childsurv.extract.together import concat
    from childsurv.lifetable.formats.reading import read_life_table
    from childsurv.reporting import report

    _say(f"Simulating {patients:,} children in thirteen invented countries", quiet)
    extracts = write_extracts(out / "extracts", patients=patients, seed=seed)
    rows = extracts.manifest.to_dict("records")
    cohorts = [
        read_extract(
            extracts.folder / str(row["file"]),
            layout=str(row["layout"]),
            country=str(row["country"]),
            encoding=str(row["encoding"]),
            closing_date=row["closing_date"],
        )
        for row in _progress(rows, "reading", quiet)
    ]
    cohort = concat(cohorts)
    life_table = read_life_table(extracts.life_tables)
    _say(f"Read {len(cohort.provenance)} extracts: {_counts(cohort)}", quiet)
    table = countries()
    column = "name" if language == "en" else "name_cyrillic"
    # The page and every picture say that the data are simulated, so the names need not each repeat it.
    names = {code: name.split(" (")[0] for code, name in zip(table["country"], table[column], strict=True)}
    made = report(
        cohort,
        life_table,
        by="country",
        out=out / "report",
        language=language,
        minimum=minimum,
        names={"country": names},
        simulated=True,
        progress=not quiet,
    )
    _finish(made)


def _reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of reading that ``report`` and ``check`` share."""
    for option in (
        click.option(
            "--date-format",
            "date_formats",
            multiple=True,
            metavar="FORMAT",
            help="Format of all dates, such as %Y%d%m, in place of the layout's; several are tried in order.",
        ),
        click.option(
            "--rules",
            "rules",
            multiple=True,
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Checks of your own, in TOML; see docs/checks.md.",
        ),
        click.option(
            "--exclude",
            "exclude",
            multiple=True,
            default=("childsurv",),
            show_default=True,
            metavar="PROFILE|RULE",
            help="Rows to leave out: childsurv, minimal, nordcan, concord-eurocare, or codes of rules.",
        ),
        click.option("--sheet", help="Sheet of a workbook, by name or number."),
    ):
        command = option(command)
    return command


def _reading(
    sheet: str | None, exclude: tuple[str, ...], rules: tuple[Path, ...], date_formats: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "sheet": int(sheet) if sheet is not None and sheet.isdigit() else sheet,
        "exclude": list(exclude),
        "rules": list(rules) or None,
        "date_formats": list(date_formats) or None,
    }


@main.command()
@click.argument("extract", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--layout", metavar="NAME|FILE", help="Built-in layout or TOML file; without one, a layout is proposed."
)
@click.option(
    "--write-layout",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the proposed layout to this file, to look through and correct.",
)
@click.option("--force", is_flag=True, help="Replace the file of --write-layout if it is there.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the findings: .xlsx, or a folder."
)
@click.option("--country", help="Country, where the extract has no such column.")
@click.option("--registry", help="Registry, where the extract has no such column.")
@click.option(
    "--closing-date", metavar="YYYY-MM-DD", help="Last day on which follow-up can have been observed."
)
@click.option(
    "--iccc-edition",
    type=click.Choice(["2005", "2017", "2017-icdo3.2"]),
    default="2017",
    show_default=True,
    help="Edition of ICCC-3.",
)
@click.option(
    "--age-band", default="0-19", show_default=True, help="Ages at diagnosis: 0-14, 0-17, 0-18, 0-19 or all."
)
@click.option("--encoding", help="Encoding of a text file, such as cp1251.")
@_reading_options
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
    closing_date: str | None,
    iccc_edition: str,
    age_band: str,
    encoding: str | None,
    sheet: str | None,
    exclude: tuple[str, ...],
    rules: tuple[Path, ...],
    date_formats: tuple[str, ...],
) -> None:
    """Check one extract: propose a layout for it, or read it and say what is wrong.

    Row numbers and counts are shown, never values of a patient. The exit code is 0 where no row has an error, 1 where
    one has, and 2 where the file could not be read.

    \b
    Example:
      childsurv check extract.xlsx --write-layout my.toml
      childsurv check extract.xlsx --layout my.toml --closing-date 2020-12-31 --out checks.xlsx
    """  # noqa: D301 (click wants the backspace itself)
    number = int(sheet) if sheet is not None and sheet.isdigit() else sheet
    if layout is None:
        if out is not None:
            raise OptionError("--out writes what the checks found, which needs --layout.")
        _propose(extract, encoding=encoding, sheet=number, write_layout=write_layout, force=force)
        return
    if write_layout is not None:
        raise OptionError("--write-layout writes a proposed layout; leave --layout out.")
    from childsurv.extract import read_extract, write_checks
    from childsurv.extract.check_workbook import check_tables

    cohort = read_extract(
        extract,
        layout=layout,
        country=country,
        registry=registry,
        closing_date=closing_date,
        encoding=encoding,
        iccc_edition=iccc_edition,
        age_band=None if age_band == "all" else age_band,
        **_reading(sheet, exclude, rules, date_formats),
    )
    tables = check_tables(cohort)
    click.echo(f"{extract.name}: {_counts(cohort)}")
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
    """Print a proposed layout and say what to do next."""
    from childsurv.extract import suggest_layout

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


@main.command("layouts")
@click.argument("name", required=False)
def layouts_command(name: str | None) -> None:
    """List the built-in layouts, or describe one (or a TOML file) field by field."""
    from childsurv.extract import layouts, load_layout

    if name is not None:
        click.echo(load_layout(name).describe())
        return
    for one in layouts():
        click.echo(f"{one:12}{load_layout(one).description}")


@main.command("rules")
@click.option(
    "--rules",
    "own",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Checks of your own to list with the others.",
)
def rules_command(own: tuple[Path, ...]) -> None:
    """List every check: its code, severity, whether it leaves rows out, and what it says."""
    from childsurv.extract import check_rules

    show_table(check_rules(list(own) or None)[["code", "severity", "excludes", "message"]])


@main.command("report")
@click.argument(
    "extracts", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
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
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--by",
    "groups",
    multiple=True,
    default=("country",),
    show_default=True,
    help="Column whose groups are compared; several for their combinations.",
)
@click.option("--diagnosis", default="iccc_group", show_default=True, help="Column of diagnostic groups.")
@click.option(
    "--years", default="1,3,5", show_default=True, help="Years since diagnosis at which survival is reported."
)
@click.option(
    "--minimum",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Least number of patients of a group shown.",
)
@click.option("--level", type=float, default=0.95, show_default=True, help="Confidence level.")
@click.option(
    "--reference", help="Group to compare the others with in the Cox model; the largest unless given."
)
@click.option(
    "--cox", "cox_formula", metavar="FORMULA", help="A Cox model of your own, such as 'age_years + sex'."
)
@click.option(
    "--language",
    type=click.Choice(["en", "ru"]),
    default="en",
    show_default=True,
    help="Language of the report.",
)
@click.option("--title", help="Title of the page.")
@click.option(
    "--closing-date",
    metavar="YYYY-MM-DD",
    help="Last day on which follow-up can have been observed; by default from the extract.",
)
@click.option(
    "--iccc-edition",
    type=click.Choice(["2005", "2017", "2017-icdo3.2"]),
    default="2017",
    show_default=True,
    help="Edition of ICCC-3.",
)
@click.option(
    "--age-band",
    default="0-19",
    show_default=True,
    help="Ages at diagnosis to keep: 0-14, 0-17, 0-18, 0-19 or all.",
)
@click.option(
    "--encoding",
    "encodings",
    multiple=True,
    help="Encoding of the extracts, such as cp1251; one for all, or one for each.",
)
@_reading_options
@click.option("--quiet", is_flag=True, help="Show no progress.")
def report_command(
    extracts: tuple[Path, ...],
    layouts: tuple[str, ...],
    countries: tuple[str, ...],
    life_tables: tuple[Path, ...],
    extend_life_table: bool,
    out: Path,
    groups: tuple[str, ...],
    diagnosis: str,
    years: str,
    minimum: int,
    level: float,
    reference: str | None,
    cox_formula: str | None,
    language: str,
    title: str | None,
    closing_date: str | None,
    iccc_edition: str,
    age_band: str,
    encodings: tuple[str, ...],
    sheet: str | None,
    exclude: tuple[str, ...],
    rules: tuple[Path, ...],
    date_formats: tuple[str, ...],
    quiet: bool,
) -> None:
    """Read registry extracts and write a report that compares them.

    \b
    Example:
      childsurv report north.csv south.txt --layout encr --layout canreg5 --country Nordavel
        --country Tarsolen --life-table life_tables.csv --closing-date 2020-12-31 --out report
    """  # noqa: D301 (click wants the backspace itself)
    from childsurv.extract import read_extract
    from childsurv.extract.together import concat
    from childsurv.reporting import report

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
    at_years = _years(years)
    life_table = _life_table(life_tables, extend=extend_life_table)
    cohorts = [
        read_extract(
            path,
            layout=layout,
            country=None if country == "-" else country,
            encoding=encoding,
            closing_date=closing_date,
            iccc_edition=iccc_edition,
            age_band=None if age_band == "all" else age_band,
            **_reading(sheet, exclude, rules, date_formats),
        )
        for path, layout, country, encoding in _progress(chosen, "reading", quiet)
    ]
    cohort = concat(cohorts)
    _say(f"Read {number} {'extract' if number == 1 else 'extracts'}: {_counts(cohort)}", quiet)
    made = report(
        cohort,
        life_table,
        by=list(groups),
        out=out,
        language=language,
        minimum=minimum,
        years=at_years,
        diagnosis=diagnosis,
        reference=reference,
        cox_formula=cox_formula,
        level=level,
        title=title,
        progress=not quiet,
    )
    _finish(made)


def _for_each(values: Sequence[Item], number: int, option: str) -> list[Item]:
    """Return one value an extract: that given for all, or one each."""
    if len(values) == 1:
        return list(values) * number
    if len(values) != number:
        raise OptionError(
            f"{option} was given {len(values)} times for {number} extracts. "
            "Give it once for all, or once for each in the same order."
        )
    return list(values)


def _years(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise OptionError("--years takes numbers parted by commas, such as 1,3,5.") from None


def _life_table(paths: Sequence[Path], *, extend: bool) -> LifeTable | None:
    if not paths:
        if extend:
            raise OptionError("--extend-life-table needs --life-table.")
        return None
    from childsurv.lifetable.formats.reading import read_life_table

    table = read_life_table(paths[0] if len(paths) == 1 else list(paths))
    return table.extend("last") if extend else table


def _progress(items: Iterable[Item], description: str, quiet: bool) -> Iterable[Item]:
    """Show a bar on standard error, if that is a terminal."""
    tqdm: Callable[..., Iterable[Item]] = import_extra(
        "tqdm", extra="report", purpose="The command line"
    ).tqdm
    return tqdm(
        items, desc=description, unit="file", file=sys.stderr, leave=False, disable=True if quiet else None
    )


def _counts(cohort: Cohort) -> str:
    excluded = cohort.rows_read - len(cohort)
    rules = cohort.exclusions["rule"].nunique()
    return f"{cohort.rows_read:,} rows, {excluded:,} left out by {rules} rules, {len(cohort):,} analysed"


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        click.echo(text, err=True)


def _finish(made: Report) -> None:
    click.echo(f"Report: {made.path.resolve()}")
