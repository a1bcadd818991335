"""Rate tables of R (class ``ratetable`` of the package survival): ``.rda``, ``.rds``, or the text of ``dput``.

A rate table is an array of hazards per day over its dimensions: age in days, calendar date, sex and what else it
has, each with its own cutpoints. They are kept as they are: an age cell begins after a whole number of the table's
own years (365.241 or 365.25 days), not on birthdays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from childsurv.errors import LifeTableError, OptionError, import_extra
from childsurv.lifetable.formats.cell_labels import choose_countries, sexes_of
from childsurv.lifetable.formats.published import Cells, Format, Options, Source

LOOKED_FOR = "a rate table of R (.rda, .rds, or text that begins with structure(c()"

BINARY_STARTS = (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"X\n\x00\x00\x00", b"A\n2\n", b"A\n3\n", b"B\n")

FACTOR, AGE, DATE, US_DATE = 1, 2, 3, 4
"""Types of a dimension: labels, continuous age, date, and a date whose cells R enters on the birthday."""

DAYS_TO_1960 = -3653
"""Classes "date" and "rtabledate" count from 1 January 1960, the class "Date" from 1970."""

TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?L?)"""
    r"""|(?P<name>[A-Za-z.`][A-Za-z0-9._`]*)|(?P<mark>[(),=:]))"""
)
CONSTANTS: dict[str, Any] = {
    "NULL": None,
    "NA": np.nan,
    "NaN": np.nan,
    "NA_real_": np.nan,
    "Inf": np.inf,
    "TRUE": 1.0,
}


@dataclass(frozen=True)
class RValue:
    """A value of R: a list or vector, and its attributes."""

    value: Any
    attributes: Mapping[str, Any] = field(default_factory=dict)


def recognise(source: Source, options: Options) -> bool:
    """Whether a file begins as R's binary files do, or as the text of a structure."""
    start = source.content[:64]
    return start.startswith(BINARY_STARTS) or start.lstrip().startswith(b"structure(")


def read(source: Source, options: Options) -> Cells:
    """Return the cells of a rate table."""
    table = _text(source) if source.content.lstrip().startswith(b"structure(") else _binary(source)
    names, labels, types, cuts = _dimensions(table, source)
    rates = np.asarray(table.value, dtype=np.float64)
    shape = tuple(int(size) for size in np.asarray(table.attributes["dim"].value))
    if rates.size != int(np.prod(shape)):
        raise LifeTableError(
            f"{source.name}: {rates.size:,} rates for an array of {shape}; the file is damaged."
        )
    age = _only(types, (AGE,), names, source, "age")
    date = _only(types, (DATE, US_DATE), names, source, "calendar date")
    factors = [place for place, kind in enumerate(types) if kind == FACTOR]
    sex = next((place for place in factors if names[place].lower() == "sex"), None)
    age_cuts = cuts[age]
    if sex is None or age_cuts is None or cuts[date] is None:
        raise LifeTableError(
            f"{source.name}: a rate table by age, calendar date and sex is needed; it has {', '.join(names)}."
        )
    days = _days_since_1970(cuts[date])
    first = days.astype("datetime64[D]")
    years = first.astype("datetime64[Y]").astype(np.int64) + 1970
    if len(set(years.tolist())) != len(years):
        raise LifeTableError(
            f"{source.name}: several calendar cells begin in one year, which is not supported."
        )
    strata = [names[place] for place in factors if place != sex]
    asked = strata if options.by is None else [*options.by]
    if sorted(asked) != sorted(strata):
        raise OptionError(
            f"by={asked!r}: {source.name} has the strata {strata!r} besides sex; all of them are needed."
        )
    places = np.indices(shape).reshape(len(shape), -1)
    # R stores the first dimension fastest.
    values = rates.reshape(shape, order="F").ravel()
    sexes, left_out = sexes_of(
        pd.Series(np.array(labels[sex], dtype=object)[places[sex]]),
        sex_codes=options.sex_codes,
        file=source.name,
    )
    frame = pd.DataFrame(
        {
            **{
                names[place]: np.array(labels[place], dtype=object)[places[place]]
                for place in factors
                if place != sex
            },
            "sex": sexes,
            "age": np.asarray(age_cuts.value, dtype=np.float64)[places[age]],
            "year": years[places[date]],
            "mortality": values,
        }
    )
    if "country" in strata:
        frame = choose_countries(frame, options.country, also={}, file=source.name)
    notes: dict[str, Any] = (
        {"dimensions": tuple(names), "left_out": left_out} if left_out else {"dimensions": tuple(names)}
    )
    starts = {int(year): str(day) for year, day in zip(years, first, strict=True)}
    return Cells(
        frame,
        "rate",
        tuple(strata),
        starts,
        None,
        notes=notes,
        age_unit="days",
        rate_unit="per_day",
        # R enters the calendar cells of a table of type 4 on the birthday.
        calendar_rule="birthday" if types[date] == US_DATE else "date",
    )


def _dimensions(
    table: RValue, source: Source
) -> tuple[list[str], list[list[str] | None], list[int], list[RValue | None]]:
    needed = {"dim", "dimnames", "type", "cutpoints"}
    lacking = needed - table.attributes.keys()
    if lacking:
        raise LifeTableError(
            f"{source.name}: the R object is no rate table; it lacks {', '.join(sorted(lacking))}."
        )
    dimnames = table.attributes["dimnames"]
    names = (
        table.attributes["dimid"].value if "dimid" in table.attributes else dimnames.attributes["names"].value
    )
    labels = [
        None if one is None or one.value is None else [str(label) for label in one.value]
        for one in dimnames.value
    ]
    types = [int(kind) for kind in np.asarray(table.attributes["type"].value)]
    cuts = [None if one is None or one.value is None else one for one in table.attributes["cutpoints"].value]
    return [str(name) for name in names], labels, types, cuts


def _only(
    types: Sequence[int], kinds: tuple[int, ...], names: Sequence[str], source: Source, what: str
) -> int:
    found = [place for place, kind in enumerate(types) if kind in kinds]
    if len(found) != 1:
        raise LifeTableError(
            f"{source.name}: one dimension of {what} is needed; the table has {', '.join(names)}."
        )
    return found[0]


def _days_since_1970(cut: RValue | None) -> Any:
    assert cut is not None  # asked for before
    days = np.asarray(cut.value, dtype=np.float64)
    of_class = cut.attributes.get("class")
    named = [] if of_class is None else list(of_class.value)
    return (days if "Date" in named else days + DAYS_TO_1960).astype(np.int64)


def _binary(source: Source) -> RValue:
    parser = import_extra("rdata.parser", extra="lifetable", purpose=f"Reading {source.name}")
    try:
        extension = ".rda" if source.content.startswith(b"RD") else ".rds"
        found = parser.parse_data(source.content, extension=extension).object
        kind = str(found.info.type).rpartition(".")[2]
        # A file of save() is a list of named objects; one of saveRDS() is the object itself.
        return _converted(found.value[0] if kind == "LIST" else found)
    except LifeTableError:
        raise
    except Exception:  # a damaged file fails in many ways
        raise LifeTableError(
            f"{source.name} cannot be read as a file of R: it is damaged or of a kind not known here."
        ) from None


def _converted(node: Any) -> RValue:
    kind = str(node.info.type).rpartition(".")[2]
    attributes: dict[str, RValue] = {}
    link = node.attributes
    while link is not None and str(link.info.type).rpartition(".")[2] == "LIST":
        symbol = link.tag.referenced_object or link.tag
        attributes[symbol.value.value.decode("ascii")] = _converted(link.value[0])
        link = link.value[1]
    if kind == "VEC":
        return RValue([_converted(one) for one in node.value], attributes)
    if kind == "STR":
        texts = [
            "" if one.value is None else one.value.decode("utf-8", errors="replace") for one in node.value
        ]
        return RValue(texts, attributes)
    if kind in {"NILVALUE", "NIL"}:
        return RValue(None)
    return RValue(node.value, attributes)


def _text(source: Source) -> RValue:
    """Read the text of ``dput``: structure(), c(), list(), numbers, strings; nothing is evaluated."""
    text = source.content.decode(source.encoding, errors="replace")
    tokens = []
    place = 0
    while place < len(text.rstrip()):
        match = TOKEN.match(text, place)
        if match is None:
            raise LifeTableError(
                f"{source.name}: the text is not that of a rate table (character {place + 1:,})."
            )
        tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    value, end = _expression(tokens, 0, source)
    if end != len(tokens):
        raise LifeTableError(f"{source.name}: something follows the rate table.")
    return value


def _expression(tokens: Sequence[tuple[str, str]], place: int, source: Source) -> tuple[RValue, int]:
    if place >= len(tokens):
        raise LifeTableError(f"{source.name}: the text ends within the rate table; it was cut off.")
    kind, text = tokens[place]
    if kind == "string":
        return RValue([text[1:-1]]), place + 1
    if kind == "number":
        number = float(text.rstrip("L"))
        if tokens[place + 1 : place + 2] == [("mark", ":")]:
            last = float(tokens[place + 2][1].rstrip("L"))
            return RValue(list(np.arange(number, last + 1))), place + 3
        return RValue([number]), place + 1
    if kind == "name" and text in CONSTANTS:
        return RValue(None if text == "NULL" else [CONSTANTS[text]]), place + 1
    if (
        kind != "name"
        or text not in {"c", "list", "structure"}
        or tokens[place + 1 : place + 2] != [("mark", "(")]
    ):
        raise LifeTableError(
            f"{source.name}: the text is not that of a rate table; only structure, c and list are read."
        )
    items, names, place = _arguments(tokens, place + 2, source)
    if text == "structure":
        return RValue(items[0].value, {**items[0].attributes, **_named(items[1:], names[1:])}), place
    labelled = {"names": RValue(names)} if any(names) else {}
    if text == "list":
        return RValue(items, labelled), place
    return RValue([one for item in items for one in (item.value or [])], labelled), place


def _arguments(
    tokens: Sequence[tuple[str, str]], place: int, source: Source
) -> tuple[list[RValue], list[str], int]:
    items: list[RValue] = []
    names: list[str] = []
    while True:
        if tokens[place : place + 1] == [("mark", ")")]:
            return items, names, place + 1
        name = ""
        if tokens[place + 1 : place + 2] == [("mark", "=")]:
            name = tokens[place][1].strip('"`').lstrip(".")
            place += 2
        value, place = _expression(tokens, place, source)
        items.append(value)
        names.append(name)
        if tokens[place : place + 1] == [("mark", ",")]:
            place += 1
        elif place >= len(tokens):
            raise LifeTableError(f"{source.name}: the text ends within the rate table; it was cut off.")


def _named(items: Sequence[RValue], names: Sequence[str]) -> dict[str, RValue]:
    # Old versions of R write the attributes .Dim and .Dimnames.
    renamed = {"Dim": "dim", "Dimnames": "dimnames", "Names": "names"}
    return {renamed.get(name, name): item for item, name in zip(items, names, strict=True)}


FORMAT = Format(
    name="r-ratetable",
    looked_for=LOOKED_FOR,
    recognise=recognise,
    read=read,
    takes=frozenset({"by", "sex_codes"}),
)
