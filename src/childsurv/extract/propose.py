"""Propose a layout for a file without a description: which header is which field, and how sure that is.

Headers are compared with those of the built-in layouts and with synonyms in English, Russian and Russian in Latin
letters; values with what a field can hold. Nothing is decided silently: every line of the proposal gives its reason
and how sure it is, and what competes with it follows it, commented out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from childsurv.errors import ChildsurvError, LayoutError
from childsurv.extract.columns import RawTable
from childsurv.extract.layout import (
    ALTERNATIVES,
    FIELDS,
    ColumnRule,
    FileForm,
    Layout,
    rule_lines,
    text_key,
    toml_value,
)
from childsurv.extract.load import layouts, load_layout
from childsurv.extract.matching import match_headers
from childsurv.extract.proposed_rules import GUESS, LIKELY, SUREST, Candidate, propose_rule
from childsurv.extract.unknown_file import look, open_unknown
from childsurv.extract.value_styles import (
    Values,
    date_style,
    fit_of,
    header_score,
    known_names,
    looks_distinctive,
)

DESCRIPTION = "Proposed by childsurv from headers and values; look through every line."


@dataclass(frozen=True, eq=False, repr=False)
class LayoutSuggestion:
    """A proposed layout: look through it, correct it, and read the file with it.

    Attributes
    ----------
    name : str
        Of the layout.
    toml : str
        Text of a TOML file, with a comment on each table that gives its sureness and reason.
    table : DataFrame
        ``header, field, sureness, reason, fit``: one row a header of the file; no field where none was found.
    missing : tuple of str
        What the file must hold and no header was found for, and what else prevents reading it.
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
    """Propose a layout for a file, with the sureness of each line.

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
        It holds no value of a patient; codes are named where a column holds at most twelve short ones, each
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
    form, table = open_unknown(file, encoding, sheet)
    columns = {header: look(table, header) for header in dict.fromkeys(table.headers) if header}
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
            lines += ["", "[file]", f"separator = {toml_value(own.separator)}"]
            lines += [f"encodings = [{toml_value(own.encodings[0])}]", f"header_line = {own.header_line}"]
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
        for field in known_names()
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
    by_header = header_score(header, field)
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
        return None  # codes of an empty column cannot be recognised
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
        rule, sureness, notes, problem = propose_rule(field, candidates, columns)
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
                block.append(f"# headers = [{toml_value(other.header)}]")
        blocks.append("\n".join(block))
    missing = _missing(rules) + problems
    lines = [
        f'name = "{name}"',
        f"description = {toml_value(DESCRIPTION)}",
        "",
        f"# {'certain' if form.separator else 'guess'}: found in the file.",
        "[file]",
        f"separator = {toml_value(form.separator)}",
        f"encodings = [{', '.join(map(toml_value, form.encodings))}]",
        f"decimal = {toml_value(form.decimal)}",
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
        layout = Layout(name=name, description=DESCRIPTION, columns=rules, file=form)
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


def _missing(rules: Mapping[str, ColumnRule]) -> list[str]:
    lacking = [
        f"{name}: {known.meaning}" for name, known in FIELDS.items() if known.required and name not in rules
    ]
    for names in ALTERNATIVES:
        if not rules.keys() & set(names):
            lacking.append(" or ".join(names) + ": " + " or ".join(FIELDS[name].meaning for name in names))
    return list(dict.fromkeys(lacking))


def _table(rows: Sequence[tuple[str, str, str, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["header", "field", "sureness", "reason", "fit"])
