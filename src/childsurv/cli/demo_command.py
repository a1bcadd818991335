"""``childsurv demo``: simulate registers, read them and report on them."""

from __future__ import annotations

from pathlib import Path

import click

from childsurv.cli.reading_options import ANY_PATH, language_option, minimum_option, quiet_option
from childsurv.cli.terminal import progress, read_text, say
from childsurv.demo import countries, write_extracts
from childsurv.extract import read_extract
from childsurv.extract.together import concat
from childsurv.lifetable.formats.reading import read_life_table
from childsurv.reporting import report
from childsurv.words.catalogue import texts_of


@click.command()
@click.option(
    "--out", type=ANY_PATH, default=Path("childsurv-demo"), show_default=True, help="Folder to write to."
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
@language_option
@minimum_option
@quiet_option
def demo(out: Path, patients: int, seed: int, language: str, minimum: int, quiet: bool) -> None:
    """Simulate the registers of thirteen invented countries, read them, and report on them.

    The extracts come in four layouts, with the faults that checks must find; a report compares the countries.
    Nothing is about a real child or country.

    \b
    Example:
      childsurv demo --out demo --patients 20000 --seed 1
    """  # noqa: D301 (click wants the backspace itself)
    texts = texts_of(language, "command_line")
    say(texts("simulating", patients=texts.numbers.count(patients)), quiet)
    extracts = write_extracts(out / "extracts", patients=patients, seed=seed)
    rows = extracts.manifest.to_dict("records")
    cohort = concat(
        [
            read_extract(
                extracts.folder / str(row["file"]),
                layout=str(row["layout"]),
                country=str(row["country"]),
                encoding=str(row["encoding"]),
                closing_date=row["closing_date"],
            )
            for row in progress(rows, "reading", quiet)
        ]
    )
    life_table = read_life_table(extracts.life_tables)
    say(read_text(cohort, len(rows), language), quiet)
    table = countries()
    column = "name_cyrillic" if language == "ru" else "name"
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
    click.echo(f"Report: {made.path.resolve()}")
