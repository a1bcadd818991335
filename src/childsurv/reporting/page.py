"""The page: sections of tables, pictures and words from the content of a report, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

from childsurv._version import __version__
from childsurv.errors import import_extra
from childsurv.reporting.content import Content
from childsurv.reporting.illustrations import Picture
from childsurv.reporting.sections import sections
from childsurv.reporting.words import Words


def render(
    content: Content, pictures: Sequence[Picture], files: Mapping[str, Sequence[str]], *, title: str | None
) -> str:
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
    words = Words(content)
    years = content.shown.cohort.frame["diagnosis_date"].dt.year
    page: str = environment.get_template("report.html.j2").render(
        language=content.texts.language,
        title=title or words("page.title"),
        subtitle=words(
            "page.subtitle",
            patients=words.numbers.count(len(content.shown.cohort)),
            first=int(years.min()),
            last=int(years.max()),
        ),
        simulated=content.simulated,
        words=words,
        sections=sections(content, pictures, files),
        style=(folder / "report.css").read_text(encoding="utf-8"),
        version=__version__,
    )
    return page
