"""Which header of a file fills which field of a layout, and the message when they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from childsurv.cohort.cohort import CANONICAL_COLUMNS
from childsurv.errors import LayoutError, OptionError, asking, require_columns
from childsurv.extract.layout import ALTERNATIVES, FIELDS, ColumnRule, Layout, text_key

SEPARATORS = (";", ",", "\t", "|")
SHOWN_HEADERS = 40


@dataclass(frozen=True)
class Match:
    """Headers of a file by field."""

    single: dict[str, str]
    """Field to the one header that holds it."""
    parts: dict[str, dict[str, str]]
    """Field to its headers of ``year``, ``month`` and ``day``, for dates in parts."""
    keep: tuple[str, ...]
    """Further headers that the user wants to keep."""
    ignored: tuple[str, ...]
    """Headers that nothing reads."""
    absent: tuple[str, ...]
    """Fields of the layout that the file does not hold."""

    def __contains__(self, field: str) -> bool:
        return field in self.single or field in self.parts

    @property
    def wanted(self) -> list[str]:
        """Every header that must be read, once."""
        parts = [header for places in self.parts.values() for header in places.values()]
        return list(dict.fromkeys([*self.single.values(), *parts, *self.keep]))


def count_headers(layout: Layout, line: str) -> int:
    """Return how many headers of the layout a line of text holds, whatever separates them."""
    known = {text_key(header) for rule in layout.columns.values() for header in rule.all_headers}
    separator = max((layout.file.separator, *SEPARATORS), key=line.count)
    return sum(text_key(cell.strip('" ')) in known for cell in line.rstrip("\r\n").split(separator))


def match_headers(
    layout: Layout, headers: Sequence[str], *, keep: Sequence[str] = (), suggest_encoding: Callable[[], str]
) -> Match:
    """Find the fields of a layout among the headers of a file.

    Raises
    ------
    LayoutError
        A field that is needed is not there, or two headers compete for one. The headers of the file are
        named only when some of them fit, because the first line of a file without headers is a patient.
    """
    places: dict[str, list[str]] = {}
    for given in headers:
        places.setdefault(text_key(given), []).append(given)
    single: dict[str, str] = {}
    parts: dict[str, dict[str, str]] = {}
    for name, rule in layout.columns.items():
        if rule.headers:
            header = _one(layout, rule, rule.headers, places)
            if header is not None:
                single[name] = header
        else:
            found = {part: _one(layout, rule, names, places) for part, names in rule.parts.items()}
            if found.get("year") is not None:
                parts[name] = {part: header for part, header in found.items() if header is not None}
    _require_fields(layout, headers, {*single, *parts}, suggest_encoding)
    used = {*single.values(), *(header for found in parts.values() for header in found.values())}
    known = {*used, *(header for key in map(text_key, layout.not_read) for header in places.get(key, []))}
    with asking("keep="):
        require_columns(headers, list(keep))
    clash = [header for header in keep if header in CANONICAL_COLUMNS and header not in used]
    if clash:
        raise OptionError(
            f"keep= names {', '.join(map(repr, clash))}, which is a column of childsurv; rename it first."
        )
    kept = tuple(header for header in dict.fromkeys(keep) if header not in CANONICAL_COLUMNS)
    return Match(
        single=single,
        parts=parts,
        keep=kept,
        ignored=tuple(header for header in headers if header not in known and header not in kept),
        absent=tuple(name for name in layout.columns if name not in single and name not in parts),
    )


def _one(layout: Layout, rule: ColumnRule, names: Sequence[str], places: dict[str, list[str]]) -> str | None:
    found = [header for key in dict.fromkeys(map(text_key, names)) for header in places.get(key, [])]
    if len(found) > 1 and not rule.take_first:
        raise LayoutError(
            f"Layout {layout.name}: {len(found)} columns of the file could be {rule.name!r} "
            f"({', '.join(map(repr, found))}). Keep one of them in the file, or name the right header in a "
            "layout of "
            "your own."
        )
    return found[0] if found else None


def _require_fields(
    layout: Layout, headers: Sequence[str], found: set[str], suggest_encoding: Callable[[], str]
) -> None:
    lacking = [name for name, known in FIELDS.items() if known.required and name not in found]
    # A file without ICD-O-3 lacks both of its codes; that is one remark.
    pairs = list(
        dict.fromkeys(
            tuple(name for name in names if name in layout.columns)
            for names in ALTERNATIVES
            if not found.intersection(names)
        )
    )
    if not lacking and not pairs:
        return
    wanted = [_expected(layout, name) for name in lacking] + [
        " or ".join(_expected(layout, name) for name in pair) for pair in pairs
    ]
    encoding = suggest_encoding() if len(found) < len(layout.columns) / 2 else ""
    remedy = f" The file may be in another encoding: try encoding={encoding!r}." if encoding else ""
    if len(headers) == 1:
        other = [repr(separator) for separator in SEPARATORS if separator in headers[0]]
        remedy += (
            f" The first line is a single field: the layout's separator is {layout.file.separator!r}"
            + (f", but the line holds {' and '.join(other)}." if other else ".")
        )
    if len(found) < 2:
        raise LayoutError(
            f"Layout {layout.name} does not fit: of the {len(headers)} columns hardly any has a header that "
            "it expects "
            f"(needed: {'; '.join(wanted)}).{remedy} Check layout=, and whether the first line holds "
            "headers. "
            "The first line is not shown here because it may be a record."
        )
    shown = ", ".join(headers[:SHOWN_HEADERS])
    more = f", and {len(headers) - SHOWN_HEADERS} more" if len(headers) > SHOWN_HEADERS else ""
    raise LayoutError(
        f"Layout {layout.name} does not fit: the file has no column for {'; '.join(wanted)}.{remedy} "
        f"Its headers are: {shown}{more}. Rename the column, or write a layout with extends = "
        f"{layout.name!r}."
    )


def _expected(layout: Layout, name: str) -> str:
    rule = layout.columns.get(name)
    names = [] if rule is None else list(rule.all_headers)
    return f"{name} ({' | '.join(names)})"
