"""Long tables of mortality: any text file with one row a cell and named columns.

The separator (comma, semicolon or tab) and a decimal comma are recognised. Ages and years may be numbers or
groups (``1-4``, ``110+``, ``2000-2004``), or calendar cells may be given by their first dates, as
`LifeTable.to_frame` writes them. Rows for both sexes together are counted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from childsurv.errors import LifeTableError, OptionError, asking, require_columns, rows_where
from childsurv.lifetable.formats.cell_labels import (
    SEX_NAMES,
    age_starts,
    choose_countries,
    dated_cells,
    one_sex,
    require_whole_ages,
    sexes_of,
    year_cells,
)
from childsurv.lifetable.formats.published import (
    EXTENDED,
    TAKEN_BY_SOME,
    Cells,
    Format,
    Options,
    Source,
)

LOOKED_FOR = (
    "a line of column names with sex, age, year (or year_start) and one of mx, qx, rate, hazard_per_day (or "
    "columns={...} that names them)"
)

MORTALITY = ("mx", "qx", "rate")
"""Where a file has several, the first is used: a rate is a hazard, a probability must be turned into one."""

ROLES = ("sex", "age", "year", "year_start", "year_end", *MORTALITY)

NOT_AVAILABLE = ["", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>"]

HAZARD_PER_DAY = "hazard_per_day"
"""A rate under this name is per day, as in `LifeTable.to_frame`."""


def separator_of(source: Source) -> str | None:
    """Return the separator that splits the first line into most columns, or ``None`` where none does."""
    lines = source.head
    counts = {mark: lines[0].count(mark) for mark in (";", "\t", ",")} if lines else {}
    best = max(counts, key=lambda mark: counts[mark], default=None)
    return best if best is not None and counts[best] >= 2 else None


def column_names(source: Source, options: Options) -> dict[str, str] | None:
    """Return which column of the file plays each part, or ``None`` if the parts cannot all be found."""
    mark = separator_of(source)
    if mark is None:
        return None
    columns = options.columns
    by_lower = {name.strip().lower(): name.strip() for name in _header(source, mark)}
    found = {role: by_lower[role] for role in ROLES if role in by_lower}
    if not set(found) & set(MORTALITY) and HAZARD_PER_DAY in by_lower:
        found["rate"] = by_lower[HAZARD_PER_DAY]
    # A mortality column named by the user is the one to use, whatever else the file has.
    if columns and set(columns) & set(MORTALITY):
        found = {role: name for role, name in found.items() if role not in MORTALITY}
    found |= dict(columns or {})
    chosen = next((role for role in MORTALITY if role in found), None)
    calendar = {"year", "year_start"} & set(found)
    if chosen is None or "age" not in found or not calendar or ("sex" not in found and options.sex is None):
        return None
    if "year_start" in found:
        found.pop("year", None)
    return {role: name for role, name in found.items() if role not in MORTALITY or role == chosen}


def read(source: Source, options: Options) -> Cells:
    """Return the cells of a long table."""
    unknown = sorted(set(options.columns or {}) - set(ROLES))
    if unknown:
        raise OptionError(
            f"columns= names parts {', '.join(map(repr, unknown))}; the parts are {', '.join(ROLES)}."
        )
    names = column_names(source, options)
    mark = separator_of(source)
    if names is None or mark is None:
        raise LifeTableError(f"{source.name} is not a long table: looked for {LOOKED_FOR}.")
    decimal = _decimal(source, mark, next(names[role] for role in MORTALITY if role in names))
    strata = [*(options.by or ())]
    table = source.table(
        sep=mark,
        decimal=decimal,
        keep_default_na=False,
        na_values=_not_available(source, mark, {"country", *strata}),
    )
    table.columns = table.columns.str.strip()
    if options.by is None and "country" in table.columns:
        strata = ["country"]
    with asking(source.name):
        require_columns(table.columns, [*names.values(), *strata])
    kind = next(role for role in MORTALITY if role in names)
    values = table[names[kind]]
    if not pd.api.types.is_numeric_dtype(values.dtype):
        unread = pd.to_numeric(values, errors="coerce").isna() & values.notna()
        raise LifeTableError(
            f"{source.name}: column {names[kind]!r} is not a number in {rows_where(unread)}."
        )
    starts: dict[float, str] | dict[int, str] | None
    if "year_start" in names:
        last = table[names["year_end"]] if "year_end" in names else None
        years, starts, end = dated_cells(table[names["year_start"]], last, file=source.name)
    elif options.year_starts is not None and pd.api.types.is_numeric_dtype(table[names["year"]].dtype):
        years, starts, end = table[names["year"]].to_numpy(np.float64), None, None
    else:
        years, starts, end = year_cells(table[names["year"]], file=source.name)
    own = {name: table[name].astype(object) for name in strata}
    if EXTENDED in table.columns and HAZARD_PER_DAY in table.columns:
        own[EXTENDED] = _marks(table[EXTENDED], file=source.name)
    not_used = [str(name) for name in table.columns if name not in {*names.values(), *own}]
    notes: dict[str, object] = {"columns": dict(names), **({"not_used": not_used} if not_used else {})}
    if "sex" in names:
        sexes, left_out = sexes_of(table[names["sex"]], sex_codes=options.sex_codes, file=source.name)
    else:
        sexes, left_out = one_sex(SEX_NAMES[str(options.sex)], len(table)), {}
    if left_out:
        notes["left_out"] = left_out
    frame = pd.DataFrame(
        {
            **own,
            "sex": sexes,
            "age": age_starts(table[names["age"]], file=source.name),
            "year": years,
            "mortality": values.to_numpy(np.float64, na_value=np.nan),
        }
    )
    if "country" in strata:
        frame = choose_countries(frame, options.country, also={}, file=source.name)
    if not pd.api.types.is_numeric_dtype(table[names["age"]].dtype):
        used = frame[frame["sex"] != "both"]
        require_whole_ages(table[names["age"]].loc[used.index], used[[*strata, "sex"]], file=source.name)
    per_day = kind == "rate" and names[kind].lower() == HAZARD_PER_DAY
    unit = "per_day" if per_day else None
    return Cells(frame, kind, tuple(strata), starts, end, notes=notes, rate_unit=unit)


def _header(source: Source, mark: str) -> list[str]:
    return next(csv.reader([source.head[0]], delimiter=mark))


def _decimal(source: Source, mark: str, column: str) -> str:
    """Return the decimal mark of the column of mortality; others may use a comma for thousands."""
    if mark == ",":
        return "."
    header = [name.strip() for name in _header(source, mark)]
    if column not in header:
        return "."
    place = header.index(column)
    rows = csv.reader(source.head[1:], delimiter=mark)
    return "," if any(re.search(r"\d,\d", row[place]) for row in rows if len(row) > place) else "."


def _not_available(source: Source, mark: str, labels: Collection[str]) -> dict[str, list[str]]:
    """Return what means no value, by column: among labels NA is a country, Namibia."""
    return {name: [""] if name.strip() in labels else NOT_AVAILABLE for name in _header(source, mark)}


def what_was_found(source: Source) -> str:
    """Describe the first line of a text: separator, columns, and the parts recognised and lacking."""
    lines = source.head
    if not lines:
        return "an empty first line"
    mark = separator_of(source)
    if mark is None:
        return "a first line without columns separated by commas, semicolons or tabs"
    header = {name.strip().lower() for name in _header(source, mark)}
    parts = {
        "sex": {"sex"},
        "age": {"age"},
        "year": {"year", "year_start"},
        "mx, qx or rate": {*MORTALITY, HAZARD_PER_DAY},
    }
    found = [part for part, names in parts.items() if names & header]
    lacking = [part for part, names in parts.items() if not names & header]
    separator = {";": "semicolons", "\t": "tabs", ",": "commas"}[mark]
    return (
        f"{len(header)} columns separated by {separator}, with {', '.join(found) or 'none of the parts'} and "
        f"without {', '.join(lacking) or 'none'}"
    )


def _marks(column: pd.Series, *, file: str) -> pd.Series:
    """Return 1 for true and 0 for false."""
    known = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}
    marks = column.astype(str).str.lower().map(known)
    if marks.isna().any():
        raise LifeTableError(
            f"{file}: column {column.name!r} is neither true nor false in {rows_where(marks.isna())}."
        )
    return marks


FORMAT = Format(
    name="long",
    looked_for=f"{LOOKED_FOR}, separated by commas, semicolons or tabs",
    recognise=lambda source, options: column_names(source, options) is not None,
    read=read,
    takes=frozenset({"sex", *TAKEN_BY_SOME}),
)
