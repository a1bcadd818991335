"""Propose a layout for a file that nobody has described: which header is which field, and how sure that is.

Headers are compared with those of the built-in layouts and with synonyms in English, Russian and Russian in Latin
letters; values with what a field can hold. Nothing is decided silently: every line of the proposal says why it is
there and how sure it is, and what competes with it stands beside it, commented out.
"""

from __future__ import annotations

import csv
import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from childsurv.errors import ChildsurvError, DataError, LayoutError
from childsurv.extract.encoding import likely_encoding
from childsurv.extract.fields import ALTERNATIVES, FIELDS
from childsurv.extract.layout import ColumnRule, FileForm, Layout, rule_lines, text_key
from childsurv.extract.load import layouts, load_layout
from childsurv.extract.matching import match_headers
from childsurv.extract.source import read_source
from childsurv.extract.table import RawTable
from childsurv.extract.value_styles import (
    DateStyle,
    Values,
    date_style,
    fit_of,
    looks_distinctive,
    missing_codes,
    values_of,
    vocabulary,
)
from childsurv.extract.workbook import WORKBOOK_SUFFIXES

SUREST, LIKELY, GUESS = "certain", "likely", "guess"
SEPARATORS = (";", ",", "\t", "|")
LINES_LOOKED_AT = 60
MOST_TITLE_LINES = 10
MOST_DISTINCT = 3_000
"""Distinct values looked at in a column with more, evenly spread."""

FEW_LETTERS = 40

CODES_TO_CONFIRM = {"vital_status", "sex", "basis", "autopsy", "dco"}
"""Fields whose numbers mean different things in different registries."""

YES_NO_WORDS = (
    {"false": "no", "true": "yes"},
    {"no": "no", "yes": "yes"},
    {"n": "no", "y": "yes"},
    {"нет": "no", "да": "yes"},
    {"0": "no", "1": "yes"},
)
FAMILIES: dict[str, tuple[dict[str, str], ...]] = {
    "sex": (
        {"male": "male", "female": "female"},
        {"m": "male", "f": "female"},
        {"м": "male", "ж": "female"},
        {"мальчик": "male", "девочка": "female"},
    ),
    "vital_status": (
        {"alive": "alive", "dead": "dead"},
        {"жив": "alive", "жива": "alive", "умер": "dead", "умерла": "dead"},
    ),
    "behaviour": ({code: code for code in "0123"},),
    "basis": ({code: code for code in "0124567"},),
    "grade": ({code: code for code in "12345678"},),
    "dco": YES_NO_WORDS,
    "autopsy": YES_NO_WORDS,
}
"""Words that come together: where one is in the file, the others may follow."""

BINARY = re.compile(rb"^(PK\x03\x04|\xd0\xcf\x11\xe0|PAR1|ARROW1|\$FL[23]|<stata_dta>|HEADER RECORD)")
COMPRESSED_SUFFIXES = {".gz", ".bz2", ".xz", ".zip"}
BINARY_SUFFIXES = {".dta", ".por", ".sas7bdat", ".xpt", ".sav", ".zsav", *COMPRESSED_SUFFIXES}


@dataclass(frozen=True)
class Candidate:
    """One header that could be a field.

    Attributes
    ----------
    field
        Of a layout; a part of a date is ``birth_date.year``.
    header
        In the file.
    by_header, by_values
        How well header and values fit, 0 to 1.
    sureness, reason
        In words.
    """

    field: str
    header: str
    by_header: float
    by_values: float
    sureness: str
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class LayoutSuggestion:
    """A proposed layout: look through it, correct it, and read the file with it.

    Attributes
    ----------
    name : str
        Of the layout.
    toml : str
        Text of a TOML file, with a comment on each table that says how sure it is and why.
    table : DataFrame
        ``header, field, sureness, reason, fit``: one row a header of the file; no field where none was found.
    missing : tuple of str
        What the file must hold and no header was found for, and what else stands in the way of reading it.
    layout : Layout or None
        The layout itself, where nothing is missing.
    """

    name: str
    toml: str
    table: pd.DataFrame
    missing: tuple[str, ...]
    layout: Layout | None

    def __repr__(self) -> str:
        found = int((self.table["field"] != "").sum())
        lacking = f"; missing: {', '.join(self.missing)}" if self.missing else ""
        return f"<LayoutSuggestion {self.name}: {found} of {len(self.table)} headers{lacking}>"

    def write(self, path: str | Path) -> Path:
        """Write the TOML to a file, which must not be there yet."""
        with Path(path).open("x", encoding="utf-8") as stream:
            stream.write(self.toml)
        return Path(path)


def suggest_layout(
    path: str | Path, *, encoding: str | None = None, sheet: str | int | None = None
) -> LayoutSuggestion:
    """Propose a layout for a file, saying how sure it is of each line.

    Parameters
    ----------
    path
        Of an extract of any kind that `childsurv.read_extract` reads.
    encoding
        Of a text file, where the one found is wrong.
    sheet
        Name or number of the sheet of a workbook.

    Returns
    -------
    LayoutSuggestion
        No value of a patient stands in it; codes are named where a column holds at most twelve short ones, each
        in five rows or more.

    Raises
    ------
    DataError
        The file is empty or cannot be taken apart.

    Examples
    --------
    >>> import tempfile, pathlib, childsurv as cs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     extracts = cs.demo.write_extracts(folder, patients=300, seed=1, faults=False, layout="encr")
    ...     cs.suggest_layout(extracts.paths[0])
    <LayoutSuggestion encr: 20 of 39 headers>
    """
    file = Path(path)
    form, table = _open(file, encoding, sheet)
    columns = {header: _look(table, header) for header in dict.fromkeys(table.headers) if header}
    built_in = _built_in(table, columns)
    if built_in is not None:
        return _extend(built_in, form, table, columns)
    chosen, others = _assign(columns, table.headers)
    named = sum(candidate.by_header > 0 for candidate in chosen.values())
    if named < 2 and any(re.search("[0-9]{2}", header) for header in columns):
        raise LayoutError(
            f"{file.name}: line {form.header_line} does not look like headers, and may be a patient, so it is not "
            "shown. Put a line of headers above the records, or write a layout by hand (docs/layouts.md)."
        )
    return _compose(
        re.sub(r"\W+", "-", file.stem.casefold()).strip("-") or "own", form, chosen, others, columns
    )


def _open(path: Path, encoding: str | None, sheet: str | int | None) -> tuple[FileForm, RawTable]:
    """Read every column of the file, having found encoding, separator and line of the headers."""
    if not path.is_file():
        raise DataError(f"There is no file {str(path)!r}.")
    with path.open("rb") as stream:
        start = stream.read(1 << 20)
    if BINARY.match(start) or path.suffix.lower() in BINARY_SUFFIXES:
        return _open_with_lines(path, FileForm(encodings=("utf-8", "cp1251")), sheet, encoding)
    form = _text_form(start, encoding)
    return form, _read(path, form, sheet, encoding)


def _open_with_lines(
    path: Path, form: FileForm, sheet: str | int | None, encoding: str | None
) -> tuple[FileForm, RawTable]:
    """Read a file whose lines cannot be looked at, trying on which line of a workbook the headers stand."""
    lines = MOST_TITLE_LINES if path.suffix.lower() in WORKBOOK_SUFFIXES else 1
    found: list[tuple[int, FileForm, RawTable]] = []
    for line in range(1, lines + 1):
        own = replace(form, header_line=line)
        try:
            table = _read(path, own, sheet, encoding)
        except DataError:
            # An empty line, or the end of the sheet; what stands in the way of every line is raised at the last.
            if line == lines and not found:
                raise
            continue
        known = sum(_header_score(header, field) > 0.9 for header in table.headers for field in _names())
        found.append((known, own, table))
        if known >= 3:
            break
    best = max(found, key=lambda one: one[0])
    return best[1], best[2]


def _read(path: Path, form: FileForm, sheet: str | int | None, encoding: str | None) -> RawTable:
    is_text = path.suffix.lower() not in BINARY_SUFFIXES - COMPRESSED_SUFFIXES
    with path.open("rb") as stream:
        is_text = is_text and BINARY.match(stream.read(32)) is None
    return read_source(
        path,
        form,
        encoding=encoding if is_text or path.suffix.lower() in {".dta", ".sav", ".zsav", ".por"} else None,
        choose=lambda headers, _: [header for header in dict.fromkeys(headers) if headers.count(header) == 1],
        fits=lambda _: 0,
        sheet=sheet,
    )


def _text_form(start: bytes, encoding: str | None) -> FileForm:
    """Find encoding, separator, decimal mark and line of the headers from the beginning of a text file."""
    found = encoding or _encoding_of(start)
    text = start.decode("utf-8-sig" if found == "utf-8" else found, errors="replace")
    lines = text.splitlines()[: LINES_LOOKED_AT + MOST_TITLE_LINES]
    if not any(line.strip() for line in lines):
        raise DataError("The file is empty.")
    separator = max(SEPARATORS, key=lambda mark: _regularity(lines, mark))
    widths = [len(row) for row in _rows(lines, separator)]
    usual = Counter(widths).most_common(1)[0][0]
    header_line = next(
        (number for number, width in enumerate(widths[:MOST_TITLE_LINES], 1) if width == usual), 1
    )
    body = "\n".join(lines[header_line:])
    decimal = (
        "," if separator != "," and re.search(r"(?<![0-9])[0-9]{1,3},[0-9]{1,2}(?![0-9])", body) else "."
    )
    return FileForm(separator=separator, encodings=(found,), decimal=decimal, header_line=header_line)


def _encoding_of(start: bytes) -> str:
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8")):
        if start.startswith(mark):
            return name
    try:
        start[: max(len(start) - 4, 0)].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 8:
            # A few letters, such as a Cyrillic С among Latin codes, do not tell the Russian encodings apart.
            few = sum(byte > 127 for byte in start) < FEW_LETTERS
            return "cp1251" if few else likely_encoding(start)
    return "utf-8"


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return [next(csv.reader([line], delimiter=separator), [""]) for line in lines]
    except csv.Error:
        return [line.split(separator) for line in lines]


def _regularity(lines: Sequence[str], separator: str) -> tuple[float, int]:
    """How many lines have the usual number of fields, and how many fields that is."""
    widths = Counter(len(row) for row in _rows(lines, separator) if row != [""])
    if not widths:
        return 0.0, 0
    usual, lines_of_it = max(widths.items(), key=lambda item: (item[1], item[0]))
    return (lines_of_it / sum(widths.values()) if usual > 1 else 0.0), usual


def _look(table: RawTable, header: str) -> Values | None:
    """Return the distinct values of a column; ``None`` where dates stand as dates, or the header twice."""
    if header not in table.frame or table.days(header) is not None:
        return None
    coded = table.coded(header)
    counts = np.bincount(coded.codes, minlength=len(coded.texts))
    places = np.arange(len(coded.texts))
    if len(places) > MOST_DISTINCT:
        places = np.unique(np.linspace(0, len(places) - 1, MOST_DISTINCT).astype(int))
    return values_of([coded.texts[place] for place in places], counts[places])


def _built_in(table: RawTable, columns: Mapping[str, Values | None]) -> Layout | None:
    """Return the built-in layout whose headers and codes this file has, the one with most fields."""
    fitting = []
    for name in layouts():
        layout = load_layout(name)
        try:
            match = match_headers(layout, table.headers, suggest_encoding=lambda: "")
        except ChildsurvError:
            continue
        codes = [
            _fits_rule(rule, columns[match.single[field]])
            for field, rule in layout.columns.items()
            if field in match.single and rule.read in {"code", "date"}
        ]
        if all(codes):
            fitting.append((len(match.single) + len(match.parts), layout))
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _fits_rule(rule: ColumnRule, values: Values | None) -> bool:
    if values is None or not values.filled:
        return True
    if rule.read == "code":
        known = {text_key(code) for code in (*rule.values, *rule.missing)}
        return values.share([text_key(text) in known for text in values.texts]) > 0.9
    style = date_style(values)
    return not style.formats or any(written in rule.formats for written in style.formats) or style.share < 0.5


def _extend(
    built_in: Layout, form: FileForm, table: RawTable, columns: Mapping[str, Values | None]
) -> LayoutSuggestion:
    match = match_headers(built_in, table.headers, suggest_encoding=lambda: "")
    field_of = {header: field for field, header in match.single.items()}
    field_of |= {
        header: f"{name}.{part}" for name, parts in match.parts.items() for part, header in parts.items()
    }
    lines = [
        f"# This is layout {built_in.name} ({SUREST}): all headers that it needs are there, and the codes and dates",
        "# looked at are written as it says. Change below what differs; childsurv layouts describes it.",
        f'extends = "{built_in.name}"',
        f'name = "{built_in.name}"',
    ]
    layout = built_in
    if table.all_text:
        own = replace(
            built_in.file, separator=form.separator, encodings=form.encodings, header_line=form.header_line
        )
        if (own.separator, own.header_line) != (built_in.file.separator, built_in.file.header_line) or (
            form.encodings[0] not in built_in.file.encodings
        ):
            layout = replace(built_in, file=own)
            lines += ["", "[file]", f"separator = {_quoted(own.separator)}"]
            lines += [f"encodings = [{_quoted(own.encodings[0])}]", f"header_line = {own.header_line}"]
    rows = []
    for header in columns:
        sureness = SUREST if header in field_of else ""
        reason = _built_in_reason(header, field_of, built_in)
        rows.append((header, field_of.get(header, ""), sureness, reason, np.nan))
    return LayoutSuggestion(built_in.name, "\n".join(lines) + "\n", _table(rows), (), layout)


def _built_in_reason(header: str, field_of: Mapping[str, str], layout: Layout) -> str:
    if header in field_of:
        return f"header of layout {layout.name}"
    known = {text_key(name) for name in layout.not_read}
    return "known to the layout, and not read" if text_key(header) in known else "not read"


def _assign(
    columns: Mapping[str, Values | None], headers: Sequence[str]
) -> tuple[dict[str, Candidate], list[Candidate]]:
    """Give each field the header that fits best, and each header one field; return what else competes."""
    candidates = [
        candidate
        for header in headers
        if header in columns
        for field in _names()
        if (candidate := _candidate(field, header, columns[header])) is not None
    ]
    candidates.sort(key=lambda one: (-one.by_header - 0.5 * one.by_values, list(columns).index(one.header)))
    chosen: dict[str, Candidate] = {}
    taken: set[str] = set()
    others = []
    for candidate in candidates:
        whole = candidate.field.partition(".")[0]
        has_whole = whole in chosen and candidate.field != whole
        has_parts = candidate.field == whole and any(name.startswith(f"{whole}.") for name in chosen)
        if candidate.field in chosen or has_whole or has_parts:
            if candidate.by_header >= 0.75 and candidate.header not in taken:
                others.append(candidate)
            continue
        if candidate.header not in taken:
            chosen[candidate.field] = candidate
            taken.add(candidate.header)
    # A month or day without its year is no date.
    for field in list(chosen):
        name, _, part = field.partition(".")
        if part in {"month", "day"} and f"{name}.year" not in chosen:
            del chosen[field]
    return chosen, [other for other in others if other.header not in taken]


def _candidate(field: str, header: str, values: Values | None) -> Candidate | None:
    by_header = _header_score(header, field)
    if values is None:
        if not field.endswith("_date") or by_header < 0.75:
            return None
        return Candidate(
            field, header, by_header, 1.0, SUREST if by_header > 0.9 else LIKELY, "dates as dates"
        )
    by_values = fit_of(field, values)
    named = by_header >= 0.75
    if not named and not looks_distinctive(field, values):
        return None
    if not values.filled and FIELDS.get(field) is not None and FIELDS[field].values:
        return None  # codes of an empty column cannot be told
    if values.filled and by_values < 0.3:
        return None
    percent = f"{100 * by_values:.0f} % of its values fit"
    if by_header > 0.9:
        reason = f"the header is a known name, and {percent}"
        sureness = SUREST if by_values > 0.95 else LIKELY if by_values > 0.6 else GUESS
    elif named:
        reason = f"the header is like a known name, and {percent}"
        sureness = LIKELY if by_values > 0.95 else GUESS
    else:
        reason = f"the values are written as only this field's are ({percent}); the header says nothing"
        sureness = LIKELY
    if not values.filled:
        sureness, reason = GUESS, "the header is a known name; the column is empty"
    return Candidate(field, header, by_header, by_values, sureness, reason)


def _compose(
    name: str,
    form: FileForm,
    chosen: Mapping[str, Candidate],
    others: Sequence[Candidate],
    columns: Mapping[str, Values | None],
) -> LayoutSuggestion:
    rules: dict[str, ColumnRule] = {}
    blocks: list[str] = []
    problems: list[str] = []
    judged: dict[str, tuple[str, str]] = {}
    for field in FIELDS:
        candidates = {
            key.partition(".")[2]: one for key, one in chosen.items() if key.partition(".")[0] == field
        }
        if not candidates:
            continue
        rule, sureness, notes, problem = _rule(field, candidates, columns)
        if problem:
            problems.append(problem)
        judged |= {one.header: (sureness, "; ".join([one.reason, *notes])) for one in candidates.values()}
        rules[field] = rule
        first = next(iter(candidates.values()))
        block = [f"# {sureness}: {first.reason}.", *(f"# {note}" for note in notes)]
        block += [f"[columns.{field}]", *rule_lines(rule)]
        for other in others:
            if other.field == field:
                block.append(f"# competes ({other.sureness}): {other.reason}:")
                block.append(f"# headers = [{_quoted(other.header)}]")
        blocks.append("\n".join(block))
    missing = _missing(rules) + problems
    lines = [
        f'name = "{name}"',
        'description = "Proposed by childsurv from headers and values; look through every line."',
        "",
        f"# {'certain' if form.separator else 'guess'}: found in the file.",
        "[file]",
        f"separator = {_quoted(form.separator)}",
        f"encodings = [{', '.join(map(_quoted, form.encodings))}]",
        f"decimal = {_quoted(form.decimal)}",
        f"header_line = {form.header_line}",
        "",
    ]
    if missing:
        lines += ["# Missing, before the file can be read:", *(f"# - {what}" for what in missing), ""]
    unused = [header for header in columns if header not in {one.header for one in chosen.values()}]
    if unused:
        lines += ["# Headers that nothing is read from: " + ", ".join(unused), ""]
    toml = "\n".join(lines) + "\n" + "\n\n".join(blocks) + "\n"
    layout = None
    if not missing:
        described = "Proposed by childsurv from headers and values; look through every line."
        layout = Layout(name=name, description=described, columns=rules, file=form)
    by_header = {one.header: one for one in (*others, *chosen.values())}
    rows = []
    for header in columns:
        own = by_header.get(header)
        if own is None:
            rows.append((header, "", "", "no field was found for it", np.nan))
        else:
            field = own.field if chosen.get(own.field) is own else ""
            sureness, reason = judged.get(header, (own.sureness, f"competes for {own.field}: {own.reason}"))
            rows.append((header, field, sureness, reason, own.by_values))
    return LayoutSuggestion(name, toml, _table(rows), tuple(missing), layout)


def _rule(
    field: str, candidates: Mapping[str, Candidate], columns: Mapping[str, Values | None]
) -> tuple[ColumnRule, str, list[str], str]:
    """Return the rule of a field, how sure it is, what to say about it, and what stands in its way."""
    first = next(iter(candidates.values()))
    values = columns[first.header]
    sureness = min((one.sureness for one in candidates.values()), key=(GUESS, LIKELY, SUREST).index)
    blanks = (*_blanks(values), *_codes_for_unknown(field, values))
    if "" not in candidates:
        parts = {part: (candidates[part].header,) for part in ("day", "month", "year") if part in candidates}
        unknown = ("", "0", "00", "99", "9999", *(blank for blank in blanks if blank))
        return (
            ColumnRule(field, "date-parts", parts=parts, unknown=tuple(dict.fromkeys(unknown))),
            sureness,
            [],
            "",
        )
    headers = (first.header,)
    readings = FIELDS[field].readings
    if "date" in readings:
        style = DateStyle(("%Y-%m-%d",), 1.0) if values is None else date_style(values)
        return _date_rule(field, headers, style, blanks, sureness)
    if readings[0] in {"number", "topography", "morphology"}:
        return ColumnRule(field, readings[0], headers=headers, missing=blanks), sureness, [], ""
    if "code" in readings and FIELDS[field].values and values is not None:
        return _code_rule(field, headers, values, blanks, sureness)
    return ColumnRule(field, "text", headers=headers, missing=blanks), sureness, [], ""


def _date_rule(
    field: str, headers: tuple[str, ...], style: DateStyle, blanks: tuple[str, ...], sureness: str
) -> tuple[ColumnRule, str, list[str], str]:
    rule = ColumnRule(
        field,
        "date",
        headers=headers,
        formats=style.formats or ("%Y-%m-%d",),
        unknown=style.unknown,
        missing=blanks,
    )
    notes, problem = [], ""
    if style.other_order is not None:
        notes.append(
            f"Day and month: the values looked at can be {style.formats[0]} and {style.other_order}. With both, the "
            "whole file decides or is refused."
        )
        rule = replace(rule, formats=(style.formats[0], style.other_order, *style.formats[1:]))
        sureness = GUESS
    if style.two_digit_years:
        notes.append("Years have two digits: add  pivot = <the last year that one can mean>  to read them.")
        problem = f"{field}: years have two digits; set pivot in [columns.{field}]"
        sureness = GUESS
    if style.formats == ("excel",):
        notes.append(
            "Numbers of days as spreadsheets count them, from 1900; files from an old Mac need excel-1904."
        )
        sureness = GUESS
    return rule, sureness, notes, problem


def _code_rule(
    field: str, headers: tuple[str, ...], values: Values, blanks: tuple[str, ...], sureness: str
) -> tuple[ColumnRule, str, list[str], str]:
    known = vocabulary(field)
    mapped = {text: known[text_key(text)] for text in values.texts if text_key(text) in known}
    notes = []
    if field in CODES_TO_CONFIRM and any(text.isdigit() for text in mapped):
        notes.append("Numbers mean different things in different registries: confirm each of these codes.")
        sureness = GUESS
    lacking = missing_codes(field)
    unknown = [text for text in values.texts if text not in mapped and text_key(text) in lacking]
    strangers = [text for text in values.texts if text not in mapped and text not in unknown]
    if strangers:
        named = ", ".join(map(_quoted, strangers)) if values.is_closed else ""
        notes.append(
            f"{len(strangers)} codes have no meaning here yet"
            + (f": {named}. Add each to values or missing." if named else "; they are not shown here.")
        )
        sureness = GUESS
    for family in FAMILIES.get(field, ()):
        # The other word of a pair may come with the next delivery.
        if any(text_key(word) in {text_key(text) for text in mapped} for word in family):
            mapped |= {
                word: value for word, value in family.items() if text_key(word) not in map(text_key, mapped)
            }
    taken = {text_key(text) for text in mapped}
    missing = tuple(text for text in (*blanks, *unknown) if text_key(text) not in taken)
    return ColumnRule(field, "code", headers=headers, values=mapped, missing=missing), sureness, notes, ""


def _blanks(values: Values | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("", *(values.blanks if values is not None else ()))))


def _codes_for_unknown(field: str, values: Values | None) -> tuple[str, ...]:
    """Return the usual codes for an unknown age or stage that occur."""
    usual = {"age": ("99", "999"), "stage": ("X",)}.get(field, ())
    return tuple(code for code in usual if values is not None and code in values.texts)


def _missing(rules: Mapping[str, ColumnRule]) -> list[str]:
    lacking = [
        f"{name}: {known.meaning}" for name, known in FIELDS.items() if known.required and name not in rules
    ]
    for names in ALTERNATIVES:
        if not rules.keys() & set(names):
            lacking.append(" or ".join(names) + ": " + " or ".join(FIELDS[name].meaning for name in names))
    return list(dict.fromkeys(lacking))


def _header_score(header: str, field: str) -> float:
    """Return how like a header is to the names of a field: 1 for one of them, less for a near one."""
    key = _plain(header)
    if not key:
        return 0.0
    names = _names()[field]
    if key in names:
        return 1.0
    if len(key) < 5:
        return 0.0
    best = max(
        (difflib.SequenceMatcher(None, key, name).ratio() for name in names if len(name) > 4), default=0.0
    )
    return 0.8 if best > 0.88 else 0.0


@cache
def _names() -> Mapping[str, frozenset[str]]:
    """Return every known name of each field, in plain form."""
    text = (resources.files("childsurv.extract") / "header_synonyms.toml").read_text(encoding="utf-8")
    names: dict[str, set[str]] = {
        field: set(map(_plain, found)) for field, found in tomllib.loads(text).items()
    }
    for layout in map(load_layout, layouts()):
        for field, rule in layout.columns.items():
            names.setdefault(field, set()).update(map(_plain, rule.headers))
            for part, headers in rule.parts.items():
                names.setdefault(f"{field}.{part}", set()).update(map(_plain, headers))
    return {field: frozenset(found) for field, found in names.items()}


@cache
def _plain(header: str) -> str:
    """Write a header with nothing but small letters and digits."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return re.sub(r"[\W_]+", "", text_key(parted).casefold())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def _table(rows: Sequence[tuple[str, str, str, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["header", "field", "sureness", "reason", "fit"])
