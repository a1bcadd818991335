"""Layouts: the fields that a registry's file can fill, and what the file looks like, declared in TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeAlias

from childsurv.classify.codes import canonical_text
from childsurv.maths.frozen import Frozen

READINGS: tuple[str, ...] = ("text", "code", "number", "date", "date-parts", "topography", "morphology")
"""How a column of a file can be read."""


@dataclass(frozen=True)
class Field:
    """One field of a tumour record."""

    name: str
    """The name used in layouts, most often that of the canonical column."""
    meaning: str
    """What it holds."""
    readings: tuple[str, ...]
    """Which of `READINGS` fit it."""
    values: tuple[str, ...] = ()
    """The values that a map of codes may lead to; empty where any text will do."""
    required: bool = False
    """Whether a file without it cannot be read."""


DATE = ("date", "date-parts")
YES_NO = ("no", "yes")
STATUSES = ("alive", "dead")
SEXES = ("male", "female")
PRECISIONS = ("day", "month", "year")

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("patient_id", "identifier of the child within the registry", ("text",), required=True),
        Field("tumour_id", "identifier of the tumour within the child or the registry", ("text",)),
        Field("country", "country, where the file holds several", ("text", "code")),
        Field("registry", "registry, where the file holds several", ("text", "code")),
        Field("sex", "sex", ("code",), SEXES, required=True),
        Field("birth_date", "date of birth", DATE),
        Field("diagnosis_date", "date of diagnosis (incidence date)", DATE, required=True),
        Field("age", "age at diagnosis as the registry states it, in years", ("number",)),
        Field("topography", "ICD-O-3 topography", ("topography",)),
        Field("morphology", "ICD-O-3 morphology, with or without behaviour", ("morphology",)),
        Field("behaviour", "ICD-O-3 behaviour", ("code",), ("0", "1", "2", "3", "6", "9")),
        Field(
            "basis",
            "most valid basis of diagnosis, IACR/ENCR",
            ("code",),
            ("0", "1", "2", "4", "5", "6", "7"),
        ),
        Field("icd10", "ICD-10 code of the tumour, where there is no ICD-O-3", ("text",)),
        Field("grade", "ICD-O-3 grade or cell lineage", ("code",), tuple("12345678")),
        Field("stage", "stage at diagnosis", ("text", "code")),
        Field("stage_system", "the system that stage is coded in", ("text", "code")),
        Field("last_contact_date", "date of last contact or death", DATE),
        Field("vital_status", "vital status at last contact", ("code",), STATUSES, required=True),
        Field("survival_days", "exact days from diagnosis to last contact or death", ("number",)),
        Field("survival_months", "completed months from diagnosis to last contact or death", ("number",)),
        Field("cause_of_death", "cause of death", ("text", "code")),
        Field("dco", "registered from a death certificate only", ("code",), YES_NO),
        Field("autopsy", "found at autopsy", ("code",), YES_NO),
        Field("date_precision", "how exactly the date of diagnosis was known", ("code",), PRECISIONS),
        Field("birth_precision", "how exactly the date of birth was known", ("code",), PRECISIONS),
        Field("contact_precision", "how exactly the date of last contact was known", ("code",), PRECISIONS),
        Field("closing_date", "last day on which follow-up can have been observed", ("date",)),
        Field("source_row", "row of the extract that was first read", ("number",)),
        Field("link_token", "keyed hash by which registries find a child they share", ("text",)),
        Field("entry", "start of follow-up, days since diagnosis", ("number",)),
        Field("time", "end of follow-up, days since diagnosis", ("number",)),
        Field("event", "1 for a death at the end of follow-up", ("code",), ("0", "1")),
    )
}
"""Every field that a layout can name, in the order of the canonical columns."""

ALTERNATIVES: tuple[tuple[str, ...], ...] = (
    ("birth_date", "age"),
    ("topography", "icd10"),
    ("morphology", "icd10"),
    ("last_contact_date", "survival_days", "survival_months"),
)
"""Of each line a file must hold at least one."""


LayoutLike: TypeAlias = "str | Path | Layout"


def text_key(text: str) -> str:
    """Return what spellings of a code have in common, apart from case, spaces, ё/е and look-alike letters.

    Examples
    --------
    >>> text_key(" Пол") == text_key("пол")
    True
    """
    # Look-alikes are Latin by now, so that Ё must become the Latin letter too.
    return " ".join(canonical_text(text).replace("Ё", "E").split())


@dataclass(frozen=True)
class FileForm:
    """How the text of a file is to be taken apart."""

    separator: str = ","
    """One character between fields."""
    encodings: tuple[str, ...] = ("utf-8",)
    """Tried in this order; the first that decodes the whole file is used."""
    decimal: str = "."
    """Decimal mark of numbers."""
    quote: str = '"'
    """Quotation mark around fields, or empty for none."""
    header_line: int = 1
    """Line of the headers, from 1; a title above it is not read."""
    guard: str = ""
    """A character that was put before texts which a spreadsheet would take for a formula, and is taken off; empty for
    none."""


@dataclass(frozen=True)
class ColumnRule(Frozen):
    """Where one field is in the file and how it is read."""

    name: str
    """Name of the field (`childsurv.extract.layout.FIELDS`)."""
    read: str
    """One of `READINGS`."""
    headers: tuple[str, ...] = ()
    """Headers under which it may be, any one of them."""
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For ``date-parts``: the headers of day, month and year."""
    formats: tuple[str, ...] = ()
    """For ``date``: formats tried in this order (`childsurv.extract.dates.date_pattern`). Two that differ by day and
    month in each other's place are decided by the file as a whole."""
    unknown: tuple[str, ...] = ()
    """Codes for an unknown day, month or year."""
    missing: tuple[str, ...] = ("",)
    """Values that mean that nothing is known."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Code in the file to value of the field; empty where text is kept as written."""
    pivot: int | None = None
    """The last year that a two-digit year can mean; ``None`` refuses them."""
    label_after: str = ""
    """What follows this text in a value is a label of the code before it, and is not read: "-" in
    ``C71.6-Cerebellum``. Empty for none."""
    take_first: bool = False
    """Whether several of the headers may be there with the same values; the first of the list is then read."""
    unit: str = ""
    note: str = ""
    """Unit and note are for the reader of the layout."""

    def blanked(self, texts: Sequence[str]) -> list[str]:
        """Return texts with ``""`` for each that means that nothing is known."""
        missing = {text_key(text) for text in self.missing} - {""}
        # Identifiers have as many texts as rows: no key is made of each where nothing is to be found.
        return ["" if text_key(text) in missing else text for text in texts] if missing else list(texts)

    @property
    def all_headers(self) -> tuple[str, ...]:
        """Every header that this rule may use."""
        return self.headers + tuple(header for names in self.parts.values() for header in names)


@dataclass(frozen=True)
class Layout(Frozen):
    """What a registry's file looks like. Load one with `childsurv.load_layout`.

    Attributes
    ----------
    name, description, source, notes
        What it is, and where its description comes from.
    file
        Separator, encodings, decimal mark, quotation mark.
    columns
        Field to `ColumnRule`.
    constants
        Field to a value that holds for the whole file.
    not_read
        Headers that belong to the layout although no field is read from them.

    Examples
    --------
    >>> from childsurv.extract import load_layout
    >>> load_layout("canreg5").columns["birth_date"].formats
    ('%Y%m%d',)
    """

    name: str
    description: str
    columns: Mapping[str, ColumnRule]
    file: FileForm = FileForm()
    source: str = ""
    notes: tuple[str, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    not_read: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return a page of text that lists what the layout expects, to check a file against."""
        form = self.file
        lines = [
            f"Layout {self.name}: {self.description}",
            *([f"Source: {self.source}"] if self.source else []),
            f"File: separator {_shown(form.separator)}, encoding {' or '.join(form.encodings)}, "
            f"decimal mark {_shown(form.decimal)}, quotation mark "
            f"{_shown(form.quote) if form.quote else 'none'}"
            + (f", headers on line {form.header_line}" if form.header_line != 1 else "")
            + (f", guard before formulas {_shown(form.guard)}" if form.guard else "")
            + ".",
            *(f"Note: {note}" for note in self.notes),
            *(f"Constant: {name} = {value}" for name, value in self.constants.items()),
            "",
            "Fields (* = the file must hold it):",
        ]
        for name, rule in self.columns.items():
            known = FIELDS[name]
            lines.append(f"  {name}{'*' if known.required else ''}: {known.meaning}")
            if rule.headers:
                lines.append(f"      header: {' | '.join(rule.headers)}")
            for part, headers in rule.parts.items():
                lines.append(f"      {part}: {' | '.join(headers)}")
            reading = rule.read + (f" ({', '.join(rule.formats)})" if rule.formats else "")
            lines.append(f"      read as: {reading}" + (f", unit: {rule.unit}" if rule.unit else ""))
            if rule.pivot is not None:
                lines.append(f"      two-digit years: {rule.pivot - 99} to {rule.pivot}")
            if rule.label_after:
                lines.append(f"      a label follows the code after: {_shown(rule.label_after)}")
            if rule.take_first and len(rule.headers) > 1:
                lines.append("      where several of the headers are there, the first one named here is read")
            if rule.unknown:
                lines.append(f"      unknown part: {_codes(rule.unknown)}")
            lines.append(f"      missing: {_codes(rule.missing)}")
            if rule.values:
                lines.append(
                    "      codes: " + ", ".join(f"{code} = {value}" for code, value in rule.values.items())
                )
            if rule.note:
                lines.append(f"      note: {rule.note}")
        lines.append("")
        lines.append(
            "A file must hold one of each: " + "; ".join(" or ".join(names) for names in ALTERNATIVES) + "."
        )
        if self.not_read:
            lines.append("Known, but not read: " + ", ".join(self.not_read) + ".")
        absent = [name for name in FIELDS if name not in self.columns and name not in self.constants]
        lines.append("Not in this layout: " + (", ".join(absent) or "none") + ".")
        return "\n".join(lines)

    def to_toml(self) -> str:
        """Return the layout as the text of a TOML file, which `childsurv.load_layout` reads as this layout.

        Examples
        --------
        >>> from childsurv.extract import load_layout
        >>> load_layout("encr").to_toml().splitlines()[0]
        'name = "encr"'
        """
        form = self.file
        lines = [
            f"{key} = {toml_value(value)}"
            for key, value in (
                ("name", self.name),
                ("description", self.description),
                ("source", self.source),
                ("notes", self.notes),
                ("not_read", self.not_read),
            )
            if value or key == "name"
        ]
        lines += ["", "[file]"]
        lines += [f"{key.name} = {toml_value(getattr(form, key.name))}" for key in fields(form)]
        if self.constants:
            lines += ["", "[constants]"]
            lines += [f"{name} = {toml_value(value)}" for name, value in self.constants.items()]
        for name, rule in self.columns.items():
            lines += ["", f"[columns.{name}]", *rule_lines(rule)]
        return "\n".join(lines) + "\n"


def rule_lines(rule: ColumnRule) -> list[str]:
    """Return the lines of a column's table in TOML, without its heading."""
    lines = []
    if rule.headers:
        lines.append(f"headers = {toml_value(rule.headers)}")
    lines.append(f"read = {toml_value(rule.read)}")
    lines += [f"{part} = {toml_value(names)}" for part, names in rule.parts.items()]
    plain = ColumnRule(rule.name, rule.read)
    for key in ("formats", "unknown", "missing", "pivot", "label_after", "take_first", "unit", "note"):
        value = getattr(rule, key)
        if value != getattr(plain, key):
            lines.append(f"{key} = {toml_value(value)}")
    if rule.values:
        codes = (f"{toml_value(code)} = {toml_value(value)}" for code, value in rule.values.items())
        lines.append(f"values = {{ {', '.join(codes)} }}")
    return lines


def toml_value(value: str | int | bool | Sequence[str]) -> str:
    """Write a value of a layout in TOML; its texts are escaped as those of JSON are, and DEL too."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int):
        return str(value).lower()
    return "[" + ", ".join(toml_value(item) for item in value) + "]"


def _shown(character: str) -> str:
    return {"\t": "tab", " ": "space"}.get(character, repr(character))


def _codes(codes: Sequence[str]) -> str:
    return ", ".join("(empty)" if code == "" else code for code in codes)
