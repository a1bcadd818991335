"""From the header and values of a column to the rule of a layout, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from childsurv.extract.layout import FIELDS, ColumnRule, text_key, toml_value
from childsurv.extract.value_styles import DateStyle, Values, date_style, missing_codes, vocabulary

SUREST, LIKELY, GUESS = "certain", "likely", "guess"

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


@dataclass(frozen=True)
class Candidate:
    """One header that could be a field."""

    field: str
    """Of a layout; a part of a date is ``birth_date.year``."""
    header: str
    """In the file."""
    by_header: float
    by_values: float
    """How well header and values fit, 0 to 1."""
    sureness: str
    reason: str
    """How sure the choice is, and why, in words."""


def propose_rule(
    field: str, candidates: Mapping[str, Candidate], columns: Mapping[str, Values | None]
) -> tuple[ColumnRule, str, list[str], str]:
    """Return the rule of a field, how sure it is, notes on it, and what prevents reading it."""
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
        named = ", ".join(map(toml_value, strangers)) if values.is_closed else ""
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
