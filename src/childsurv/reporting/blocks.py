"""What a page is made of: paragraphs, tables and pictures, as plain data that the template lays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from childsurv.words.numbers import MISSING

HIDDEN = "·"
"""What a table shows for a number that is hidden; a dash is a number that does not exist."""

LARGEST_WHOLE_TABLE = 16
"""Rows up to which a table is not broken between printed pages."""


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str
    below: str = ""
    """A second, smaller line, such as the limits of an interval."""
    kind: str = "text"
    """Its look: "text", "number", "code" or "quiet" (hidden or without a value)."""
    head: str = ""
    """Whether it is a heading: "row" or "col", empty otherwise."""
    span: int = 1
    """Columns that it covers."""
    down: int = 1
    """Rows that it covers."""
    title: str = ""
    """A longer form, for the heads of wide tables."""


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    cells: tuple[Cell, ...]
    kind: str = ""
    """"Empty, "total" or "group" (the first row of a group of rows)."""


@dataclass(frozen=True)
class Table:
    """A table with a caption."""

    caption: str
    head: tuple[Row, ...]
    body: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """Written below it."""
    wide: bool = False
    """Whether it may scroll sideways and is printed in smaller type."""
    block: str = "table"

    @property
    def short(self) -> bool:
        """Whether it is best printed on one page."""
        return len(self.body) <= LARGEST_WHOLE_TABLE


@dataclass(frozen=True)
class Paragraphs:
    """Running text; ``kind`` "notice" sets it off, "list" makes items of it."""

    texts: tuple[str, ...]
    kind: str = ""
    block: str = "paragraphs"


@dataclass(frozen=True)
class KeyFigures:
    """Large numbers with their meaning: (number, detail, meaning)."""

    figures: tuple[tuple[str, str, str], ...]
    block: str = "figures"


@dataclass(frozen=True)
class PictureBlock:
    """A picture as a data address, with its caption, and a description for readers who do not see it."""

    name: str
    caption: str
    alt: str
    address: str
    block: str = "picture"


Block = Table | Paragraphs | KeyFigures | PictureBlock


@dataclass(frozen=True)
class Section:
    """A numbered part of the page with an anchor."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    files: tuple[str, ...] = field(default=())


def heading(text: str, *, span: int = 1, down: int = 1, kind: str = "number", title: str = "") -> Cell:
    """Return the heading of a column."""
    return Cell(text, kind=kind, head="col", span=span, down=down, title=title)


def row_heading(text: str, *, below: str = "") -> Cell:
    """Return the heading of a row."""
    return Cell(text, below=below, head="row")


def number(text: str, below: str = "") -> Cell:
    """Return a cell that is aligned as a number."""
    return Cell(text, below=below, kind="quiet" if text in {MISSING, HIDDEN, ""} and not below else "number")


def simple_head(labels: Sequence[str], *, texts: int = 1) -> tuple[Row, ...]:
    """Return one row of column headings, the first ``texts`` of them over text."""
    return (
        Row(
            tuple(
                heading(label, kind="text" if place < texts else "number")
                for place, label in enumerate(labels)
            )
        ),
    )
