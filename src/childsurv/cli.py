"""The command line: ``childsurv demo`` and ``childsurv report``."""

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

if TYPE_CHECKING:
    from childsurv.cohort import Cohort
    from childsurv.lifetable.table import LifeTable
    from childsurv.report import Report

Item = TypeVar("Item")

SHOW_MESSAGES = "CHILDSURV_SHOW_MESSAGES"
"""Environment variable that makes unexpected errors show their message, which may hold values of the data."""

USER_ERROR = 2
UNEXPECTED_ERROR = 1


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
    from childsurv.cohort import concat
    from childsurv.demo import countries, write_extracts
    from childsurv.extract import read_extract
    from childsurv.lifetable.reading import read_life_table
    from childsurv.report import report

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
    quiet: bool,
) -> None:
    """Read registry extracts and write a report that compares them.

    \b
    Example:
      childsurv report north.csv south.txt --layout encr --layout canreg5 --country Nordavel
        --country Tarsolen --life-table life_tables.csv --closing-date 2020-12-31 --out report
    """  # noqa: D301 (click wants the backspace itself)
    from childsurv.cohort import concat
    from childsurv.extract import read_extract
    from childsurv.report import report

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
    from childsurv.lifetable.reading import read_life_table

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
