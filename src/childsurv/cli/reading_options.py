"""Options that several commands share, and how their texts become values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from childsurv.cohort.cohort import Cohort
from childsurv.extract import read_extract
from childsurv.words.catalogue import add_language, languages

Command = Callable[..., None]
Option = Callable[[Command], Command]


def _language(context: click.Context, option: click.Parameter, value: str) -> str:
    """Return a language that is built in, or one made from a TOML file of words."""
    if value in languages():
        return value
    if value.endswith(".toml"):
        return add_language(value)
    raise click.BadParameter(
        f"{value!r} is none of {', '.join(languages())}, and no TOML file of words.", context, option
    )


EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
ANY_PATH = click.Path(path_type=Path)

language_option = click.option(
    "--language",
    callback=_language,
    default="en",
    show_default=True,
    metavar="en|ru|FILE",
    help="Language of the report: one built in, or a TOML file of words.",
)
minimum_option = click.option(
    "--minimum",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Least number of patients of a group shown.",
)
quiet_option = click.option("--quiet", is_flag=True, help="Show no progress.")
rules_option = click.option(
    "--rules",
    "rules",
    multiple=True,
    type=EXISTING_FILE,
    metavar="FILE",
    help="Checks of your own, in TOML; see docs/checks.md.",
)


@dataclass(frozen=True)
class Reading:
    """How extracts are read, as `check` and `report` are asked alike."""

    closing_date: str | None
    iccc_edition: str
    age_band: str
    sheet: str | None
    exclude: tuple[str, ...]
    rules: tuple[Path, ...]
    date_formats: tuple[str, ...]

    @property
    def sheet_asked(self) -> str | int | None:
        """The sheet of a workbook, by number where it is one."""
        return int(self.sheet) if self.sheet is not None and self.sheet.isdigit() else self.sheet

    def read(
        self,
        path: Path,
        *,
        layout: str,
        country: str | None,
        encoding: str | None,
        registry: str | None = None,
    ) -> Cohort:
        """Read one extract."""
        return read_extract(
            path,
            layout=layout,
            country=country,
            registry=registry,
            encoding=encoding,
            closing_date=self.closing_date,
            iccc_edition=self.iccc_edition,
            age_band=None if self.age_band == "all" else self.age_band,
            sheet=self.sheet_asked,
            exclude=list(self.exclude),
            rules=list(self.rules) or None,
            date_formats=list(self.date_formats) or None,
        )


_READING: tuple[Option, ...] = (
    click.option(
        "--closing-date",
        metavar="YYYY-MM-DD",
        help="Last day on which follow-up can have been observed; by default from the extract.",
    ),
    click.option(
        "--iccc-edition",
        type=click.Choice(["2005", "2017", "2017-icdo3.2"]),
        default="2017",
        show_default=True,
        help="Edition of ICCC-3.",
    ),
    click.option(
        "--age-band",
        default="0-19",
        show_default=True,
        help="Ages at diagnosis to keep: 0-14, 0-17, 0-18, 0-19 or all.",
    ),
    click.option("--sheet", help="Sheet of a workbook, by name or number."),
    click.option(
        "--exclude",
        "exclude",
        multiple=True,
        default=("childsurv",),
        show_default=True,
        metavar="PROFILE|RULE",
        help="Rows to leave out: childsurv, minimal, nordcan, concord-eurocare, or codes of rules.",
    ),
    rules_option,
    click.option(
        "--date-format",
        "date_formats",
        multiple=True,
        metavar="FORMAT",
        help="Format of all dates, such as %Y%d%m, in place of the layout's; several are tried in order.",
    ),
)


def reading_options(command: Command) -> Command:
    """Add the options of reading to a command, which takes them as one ``reading=``."""
    names = tuple(Reading.__dataclass_fields__)

    @functools.wraps(command)
    def with_reading(*args: Any, **given: Any) -> None:
        command(*args, reading=Reading(**{name: given.pop(name) for name in names}), **given)

    gathered: Command = with_reading
    for option in reversed(_READING):
        gathered = option(gathered)
    return gathered
