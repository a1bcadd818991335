"""Loading layouts: built-in ones and TOML files of users, with errors that name the key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from childsurv.errors import LayoutError, OptionError
from childsurv.extract.dates import date_pattern
from childsurv.extract.layout import (
    ALTERNATIVES,
    FIELDS,
    READINGS,
    YES_NO,
    ColumnRule,
    FileForm,
    Layout,
    LayoutLike,
    text_key,
)

DATE_PARTS = ("day", "month", "year")
TOP_KEYS = {"name", "description", "source", "notes", "extends", "file", "constants", "columns", "not_read"}
FILE_KEYS = {"separator", "encodings", "decimal", "quote", "header_line", "guard"}
COLUMN_KEYS = {"headers", "read", *DATE_PARTS, "formats", "pivot", "unknown", "missing", "values"}
COLUMN_KEYS |= {"label_after", "take_first", "unit", "note"}
CONSTANT_FIELDS = ("country", "registry", "stage_system")


def layouts() -> tuple[str, ...]:
    """Return the names of the built-in layouts.

    Examples
    --------
    >>> layouts()
    ('canreg5', 'childsurv', 'encr', 'iicc3', 'russian', 'seer')
    """
    folder = resources.files("childsurv.extract") / "layouts"
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_layout(layout: LayoutLike) -> Layout:
    """Return a layout from a built-in name, a path to a TOML file, or a `Layout` itself.

    Parameters
    ----------
    layout
        ``"childsurv"``, ``"encr"``, ``"canreg5"``, ``"iicc3"``, ``"seer"``, ``"russian"``; or a path
        ending in ``.toml``; or a `Layout`. A file may begin with ``extends = "canreg5"`` and hold only
        what differs; a whole ``[columns.<field>]`` table replaces the one it extends, and
        ``remove = true`` in it takes the field out.

    Raises
    ------
    LayoutError
        The file is not TOML, or a key in it is wrong; the message names the key.
    OptionError
        There is no such built-in layout or file.

    Examples
    --------
    >>> print(load_layout("childsurv").describe().splitlines()[0])
    Layout childsurv: The layout childsurv writes: canonical column names and values, ISO dates, UTF-8, comma.
    """
    if isinstance(layout, Layout):
        return layout
    return _LayoutReader(str(layout)).layout(_read_tables(layout, seen=()))


def _read_tables(layout: str | Path, seen: tuple[str, ...]) -> dict[str, Any]:
    """Read a TOML file and what it extends, the nearer file winning."""
    if str(layout) in seen:
        raise LayoutError(
            f"Layout {layout}: 'extends' goes round in a circle ({' -> '.join([*seen, str(layout)])})."
        )
    if isinstance(layout, str) and layout in layouts():
        text = (resources.files("childsurv.extract") / "layouts" / f"{layout}.toml").read_text(
            encoding="utf-8"
        )
    else:
        path = Path(layout)
        if not path.is_file():
            raise OptionError(
                f"layout={str(layout)!r} is neither a built-in layout ({', '.join(layouts())}) nor a TOML "
                "file."
            )
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise LayoutError(f"Layout {layout}: TOML files are UTF-8; save it as UTF-8.") from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(f"Layout {layout} is not valid TOML: {error}.") from error
    base = table.get("extends")
    if base is None:
        return table
    if not isinstance(base, str):
        raise LayoutError(f"Layout {layout}: key 'extends' must be the name or path of a layout.")
    if base not in layouts() and isinstance(layout, str | Path) and not Path(base).is_absolute():
        base = str(Path(layout).parent / base)
    merged = _read_tables(base, (*seen, str(layout)))
    for key, value in table.items():
        if key in {"file", "constants", "columns"} and isinstance(value, dict):
            merged[key] = {**merged.get(key, {}), **value}
        elif key != "extends":
            merged[key] = value
    columns = merged.get("columns", {})
    merged["columns"] = {
        name: rule
        for name, rule in columns.items()
        if not (isinstance(rule, dict) and rule.get("remove") is True)
    }
    return merged


class _LayoutReader:
    """Turns tables into a `Layout`, with errors that name the file and the key."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    def fail(self, key: str, problem: str) -> LayoutError:
        return LayoutError(f"Layout {self.origin}, key {key!r}: {problem}")

    def layout(self, table: Mapping[str, Any]) -> Layout:
        self.known_keys(table, TOP_KEYS, "")
        columns = self.table(table, "columns")
        if not columns:
            raise self.fail(
                "columns", "is missing; a layout needs a table for each field, such as [columns.sex]."
            )
        rules = {name: self.column(name, self.table(columns, name, "columns.")) for name in columns}
        constants = {
            key: self.text(table["constants"], key, "constants.") for key in self.table(table, "constants")
        }
        for key in constants:
            if key not in CONSTANT_FIELDS:
                raise self.fail(f"constants.{key}", f"only {', '.join(CONSTANT_FIELDS)} can be constant.")
            if key in rules:
                raise self.fail(
                    f"constants.{key}", "the field is also read from a column; keep one of the two."
                )
        self.complete(rules)
        return Layout(
            name=self.text(table, "name"),
            description=self.text(table, "description", default=""),
            source=self.text(table, "source", default=""),
            notes=self.texts(table, "notes"),
            file=self.file_form(self.table(table, "file")),
            constants=MappingProxyType(constants),
            columns=MappingProxyType({name: rules[name] for name in FIELDS if name in rules}),
            not_read=self.texts(table, "not_read"),
        )

    def complete(self, rules: Mapping[str, ColumnRule]) -> None:
        for name, known in FIELDS.items():
            if known.required and name not in rules:
                raise self.fail(
                    f"columns.{name}", f"is missing; a layout must name the column of the {known.meaning}."
                )
        for first, *others in ALTERNATIVES:
            if first not in rules and not rules.keys() & set(others):
                absent = " and ".join(f"columns.{name}" for name in others)
                raise self.fail(
                    f"columns.{first}",
                    f"is missing, and so {'is' if len(others) == 1 else 'are'} {absent}; one of them is needed.",
                )
        used: dict[str, str] = {}
        for name, rule in rules.items():
            for header in rule.all_headers:
                other = used.setdefault(text_key(header), name)
                # One column of codes may answer two questions: a certificate only, or an autopsy only?
                if other != name and not FIELDS[name].values == FIELDS[other].values == YES_NO:
                    raise self.fail(
                        f"columns.{name}", f"the header {header!r} is already used for {other!r}."
                    )

    def file_form(self, table: Mapping[str, Any]) -> FileForm:
        self.known_keys(table, FILE_KEYS, "file.")
        form = FileForm(
            separator=self.text(table, "separator", "file.", default=","),
            encodings=self.texts(table, "encodings", "file.") or ("utf-8",),
            decimal=self.text(table, "decimal", "file.", default="."),
            quote=self.text(table, "quote", "file.", default='"'),
            header_line=self.whole(table, "header_line", "file.", default=1),
            guard=self.text(table, "guard", "file.", default=""),
        )
        if form.header_line < 1:
            raise self.fail(
                "file.header_line", "must be 1 or more, the line of the file that holds the headers."
            )
        if len(form.guard) > 1 or form.guard == form.separator or (form.guard and form.guard == form.quote):
            raise self.fail(
                "file.guard", "must be one character, neither the separator nor the quotation mark, or empty."
            )
        if len(form.separator) != 1 or not form.separator.isascii():
            raise self.fail("file.separator", "must be one ASCII character, such as ';' or '\\t'.")
        if form.decimal not in {".", ","}:
            raise self.fail("file.decimal", "must be '.' or ','.")
        if len(form.quote) > 1 or not form.quote.isascii():
            raise self.fail("file.quote", "must be one ASCII character, or empty for none.")
        for encoding in form.encodings:
            try:
                "".encode(encoding)
            except LookupError:
                raise self.fail(
                    "file.encodings", f"{encoding!r} is not an encoding that Python knows."
                ) from None
        return form

    def column(self, name: str, table: Mapping[str, Any]) -> ColumnRule:
        place = f"columns.{name}."
        known = FIELDS.get(name)
        if known is None:
            raise self.fail(f"columns.{name}", f"there is no such field; the fields are {', '.join(FIELDS)}.")
        self.known_keys(table, COLUMN_KEYS, place)
        read = self.text(table, "read", place)
        if read not in known.readings:
            choices = ", ".join(repr(choice) for choice in READINGS if choice in known.readings)
            raise self.fail(f"{place}read", f"must be one of {choices} for this field.")
        parts = {part: self.texts(table, part, place) for part in DATE_PARTS if part in table}
        headers = self.texts(table, "headers", place)
        if read == "date-parts":
            if "year" not in parts or headers:
                raise self.fail(
                    f"{place}year",
                    "a date in parts needs 'year' (and may have 'month', 'day'), no 'headers'.",
                )
            if "day" in parts and "month" not in parts:
                raise self.fail(f"{place}month", "a date with a day needs its month.")
        elif parts or not headers:
            raise self.fail(f"{place}headers", "must list the headers under which the field may be.")
        formats = self.texts(table, "formats", place)
        if (read == "date") != bool(formats):
            raise self.fail(f"{place}formats", "must be given for read = 'date', and only there.")
        unknown = self.texts(table, "unknown", place)
        pivot = self.whole(table, "pivot", place) if "pivot" in table else None
        if pivot is not None and not (1950 <= pivot <= 2100 and any("%y" in text for text in formats)):
            raise self.fail(
                f"{place}pivot",
                "must be a year from 1950 to 2100, the last one that a two-digit year (%y) of formats can mean.",
            )
        for text in formats:
            try:
                date_pattern(text, unknown, pivot=pivot)
            except LayoutError as error:
                raise self.fail(f"{place}formats", str(error)) from None
        values = {
            code: self.text(table["values"], code, f"{place}values.")
            for code in self.table(table, "values", place)
        }
        if read == "code" and not values:
            raise self.fail(f"{place}values", "must map each code of the file to a value.")
        if values and read != "code":
            raise self.fail(f"{place}values", "only read = 'code' uses a map of codes.")
        meanings: dict[str, str] = {}
        for code, value in values.items():
            if known.values and value not in known.values:
                raise self.fail(f"{place}values.{code}", f"{value!r} is none of {', '.join(known.values)}.")
            if meanings.setdefault(text_key(code), value) != value:
                raise self.fail(f"{place}values.{code}", "the same code is mapped to another value too.")
        missing = self.texts(table, "missing", place) if "missing" in table else ("",)
        for code in missing:
            if text_key(code) in meanings:
                raise self.fail(f"{place}missing", f"the code {code!r} is mapped to a value too.")
        return ColumnRule(
            name=name,
            read=read,
            headers=headers,
            parts=MappingProxyType(parts),
            formats=formats,
            unknown=unknown,
            missing=missing,
            values=MappingProxyType(values),
            pivot=pivot,
            label_after=self.text(table, "label_after", place, default=""),
            take_first=self.truth(table, "take_first", place),
            unit=self.text(table, "unit", place, default=""),
            note=self.text(table, "note", place, default=""),
        )

    def known_keys(self, table: Mapping[str, Any], known: set[str], place: str) -> None:
        for key in table:
            if key not in known:
                raise self.fail(
                    f"{place}{key}", f"there is no such key; the keys here are {', '.join(sorted(known))}."
                )

    def table(self, table: Mapping[str, Any], key: str, place: str = "") -> Mapping[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, Mapping):
            raise self.fail(f"{place}{key}", "must be a table.")
        return value

    def text(self, table: Mapping[str, Any], key: str, place: str = "", *, default: str | None = None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise self.fail(
                f"{place}{key}", "is missing." if value is None else "must be text in quotation marks."
            )
        return value

    def truth(self, table: Mapping[str, Any], key: str, place: str = "") -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            raise self.fail(f"{place}{key}", "must be true or false, without quotation marks.")
        return value

    def whole(
        self, table: Mapping[str, Any], key: str, place: str = "", *, default: int | None = None
    ) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fail(f"{place}{key}", "must be a whole number, without quotation marks.")
        return value

    def texts(self, table: Mapping[str, Any], key: str, place: str = "") -> tuple[str, ...]:
        value = table.get(key, [])
        if (
            not isinstance(value, Sequence)
            or isinstance(value, str)
            or not all(isinstance(item, str) for item in value)
        ):
            raise self.fail(f"{place}{key}", "must be a list of texts in quotation marks.")
        return tuple(value)
