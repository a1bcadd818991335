"""Making a report: its page as HTML, its tables as CSV that a spreadsheet opens safely, its pictures."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import pandas as pd

from childsurv._version import __version__
from childsurv.cohort.cohort import Cohort
from childsurv.errors import import_extra
from childsurv.files.spreadsheet import guarded, guarded_text
from childsurv.lifetable.table import LifeTable
from childsurv.reporting.content import STEPS, Content, compute, patients_table
from childsurv.reporting.illustrations import Picture, draw, picture_plan
from childsurv.reporting.request import Request
from childsurv.reporting.sections import sections

PAGE = "report.html"
TABLES_FOLDER = "tables"
PICTURES_FOLDER = "pictures"

TABLE_FILES: Mapping[str, str] = {
    "flow": "flow",
    "flow_by_country": "flow",
    "data_quality": "quality",
    "patients": "patients",
    "survival": "by",
    "survival_by_diagnosis": "diagnosis",
    "survival_by_group_and_diagnosis": "both",
    "survival_by_period": "trend",
    "survival_by_group_and_period": "trend",
    "tests": "tests",
    "cox": "cox",
    "proportional_hazards": "cox",
    "findings": "findings",
    "conventions": "conventions",
    "sources": "sources",
}
"""Every table that a report can write, and the section of the page that it belongs to."""

PICTURE_FILES = ("curves_all", "curves_by", "curves_diagnosis", "ranking", "heatmap", "forest")


def make_report(
    cohort: Cohort, life_table: LifeTable | None, request: Request, folder: Path, *, progress: bool
) -> tuple[Path, dict[str, pd.DataFrame], dict[str, tuple[Path, ...]]]:
    """Compute, draw and write a report; return its page, its tables and the files of its pictures."""
    import_extra("jinja2", extra="report", purpose="A report")
    tqdm = import_extra("tqdm", extra="report", purpose="The progress of a report")
    bar = tqdm.tqdm(
        total=len(STEPS),
        desc="report",
        unit="step",
        file=sys.stderr,
        leave=False,
        disable=None if progress else True,
    )
    with bar:

        def step(name: str) -> None:
            bar.set_postfix_str(name)
            bar.update()

        content = compute(cohort, life_table, request, step)
        bar.total += len(picture_plan(content)) + 1
        pictures = []
        for picture in draw(content):
            step(picture.name)
            pictures.append(picture)
        step("page")
        tables = report_tables(content)
        html = rendered_page(content, pictures, tables)
    # Everything is made before anything is written, so that an error leaves no half report behind.
    path, drawn = write_files(folder, html, tables, pictures)
    return path, tables, drawn


def rendered_page(content: Content, pictures: Sequence[Picture], tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the page as HTML that needs nothing from outside.

    Raises
    ------
    MissingExtraError
        jinja2 is not installed.
    """
    jinja2 = import_extra("jinja2", extra="report", purpose="A report")
    folder = resources.files("childsurv.reporting") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    texts, frame = content.texts, content.shown.cohort.frame
    years = frame["diagnosis_date"].dt.year
    files: dict[str, list[str]] = {}
    for name in tables:
        files.setdefault(TABLE_FILES[name], []).append(f"{TABLES_FOLDER}/{name}.csv")
    page: str = environment.get_template("report.html.j2").render(
        language=texts.language,
        title=content.request.title or texts("page.title"),
        subtitle=texts(
            "page.subtitle",
            patients=texts.numbers.count(len(frame)),
            first=int(years.min()),
            last=int(years.max()),
        ),
        simulated=content.simulated,
        words=texts,
        sections=sections(content, pictures, files),
        style=(folder / "report.css").read_text(encoding="utf-8"),
        version=__version__,
    )
    return page


def report_tables(content: Content) -> dict[str, pd.DataFrame]:
    """Return the tables of a report by the names of their files; what is hidden is missing."""
    tables = {
        "flow": content.flow.table,
        "flow_by_country": content.flow.by_country,
        "data_quality": content.quality,
        "patients": patients_table(content),
        "survival": content.survival["by"],
        "survival_by_diagnosis": content.survival["diagnosis"],
        "survival_by_group_and_diagnosis": pd.DataFrame() if content.both is None else content.both.survival,
        "survival_by_period": content.survival.get("trend", pd.DataFrame()),
        "survival_by_group_and_period": pd.DataFrame() if content.trend is None else content.trend.survival,
        "tests": content.tests,
        "cox": content.model.table,
        "proportional_hazards": content.model.proportional_hazards,
        "findings": content.findings,
        "conventions": content.conventions,
        "sources": content.sources,
    }
    return {name: tables[name] for name in TABLE_FILES if len(tables[name])}


def write_files(
    folder: Path, html: str, tables: Mapping[str, pd.DataFrame], pictures: Sequence[Picture]
) -> tuple[Path, dict[str, tuple[Path, ...]]]:
    """Write the page, its tables and its pictures; return the paths of the page and of each picture."""
    folder.mkdir(parents=True, exist_ok=True)
    _remove_earlier(folder)
    write_tables(tables, folder / TABLES_FOLDER)
    drawn: dict[str, tuple[Path, ...]] = {}
    (folder / PICTURES_FOLDER).mkdir(exist_ok=True)
    for picture in pictures:
        drawn[picture.name] = tuple(
            folder / PICTURES_FOLDER / f"{picture.name}.{kind}" for kind in ("svg", "png")
        )
        for path, data in zip(drawn[picture.name], (picture.svg, picture.png), strict=True):
            path.write_bytes(data)
    path = folder / PAGE
    path.write_text(html, encoding="utf-8", newline="\n")
    return path, drawn


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> dict[str, Path]:
    """Write each table as ``<name>.csv`` and return the paths.

    The files are UTF-8 with a byte order mark: without it Excel reads Cyrillic as Latin letters. Numbers keep
    full precision and a decimal point.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, table in tables.items():
        paths[name] = folder / f"{name}.csv"
        safe(table).to_csv(paths[name], index=False, encoding="utf-8-sig", lineterminator="\n")
    return paths


def safe(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts cannot be taken for formulas: an apostrophe goes before those that could."""
    changed = {
        name: guarded(column)
        for name, column in table.items()
        if not (pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype))
    }
    return table.assign(**{str(name): column for name, column in changed.items()}).rename(
        columns=guarded_text
    )


def _remove_earlier(folder: Path) -> None:
    """Remove the files of an earlier report: those not written again may show what now is hidden."""
    earlier = [folder / TABLES_FOLDER / f"{name}.csv" for name in TABLE_FILES]
    earlier += [
        folder / PICTURES_FOLDER / f"{name}.{kind}" for name in PICTURE_FILES for kind in ("svg", "png")
    ]
    for path in earlier:
        path.unlink(missing_ok=True)
