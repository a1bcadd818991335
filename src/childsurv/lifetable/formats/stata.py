"""Population mortality of Stata: the ``popmort.dta`` of strs, stpm2 and stnet, also with further strata.

One row a sex, year of age and calendar year, with ``prob``, the probability of surviving the year, ``rate``, the
hazard per year, or both. Where both are there ``prob`` is read, as strs does: ``rate`` is ``-log(prob)`` printed to
fewer digits. Numbers of Stata's type float are read to the digits they were written with.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from childsurv.errors import LifeTableError, asking, require_columns, rows_where
from childsurv.lifetable.formats.cell_labels import choose_countries, one_sex, sexes_of, year_cells
from childsurv.lifetable.formats.published import TAKEN_BY_SOME, Cells, Format, Options, Source

LOOKED_FOR = "a Stata file with sex, age (_age), year (_year) and prob or rate"

OLD_VERSIONS = range(0x66, 0x74)
"""First byte of Stata files before version 117, which begin with a word."""

ROLES: dict[str, tuple[str, ...]] = {
    "sex": ("sex",),
    "age": ("_age", "age"),
    "year": ("_year", "year"),
    "prob": ("prob",),
    "rate": ("rate", "mx"),
}

STATA_SEXES: dict[int, str] = {1: "male", 2: "female"}
"""What the numbers mean in strs, where the file has no labels for them."""


def recognise(source: Source, options: Options) -> bool:
    """Whether a file begins as Stata files do."""
    start = source.content[:12]
    old = (
        len(start) > 3 and start[0] in OLD_VERSIONS and start[1] in (1, 2) and start[2] == 1 and start[3] == 0
    )
    return start.startswith(b"<stata_dta>") or old


def read(source: Source, options: Options) -> Cells:
    """Return the cells of a Stata file."""
    table, labels = _read(source)
    found = _roles(table, options.columns)
    lacks_sex = "sex" not in found and options.sex is None
    if not {"age", "year"} <= found.keys() or not {"prob", "rate"} & found.keys() or lacks_sex:
        raise LifeTableError(
            f"{source.name} is a Stata file, but no life table: looked for {LOOKED_FOR}. It has the columns "
            f"{', '.join(map(repr, table.columns))}; columns= names the parts."
        )
    rest = [name for name in table.columns if name not in found.values()]
    strata = [*options.by] if options.by is not None else ["country"] if "country" in rest else []
    with asking(source.name):
        require_columns(table.columns, strata)
    keys = [*strata, *(found[role] for role in ("sex", "age", "year") if role in found)]
    repeated = table.duplicated(keys).to_numpy()
    if repeated.any():
        others = [name for name in rest if name not in strata]
        raise LifeTableError(
            f"{source.name}: {rows_where(repeated)} repeat a cell of sex, age and year."
            + (f" Name the columns that choose a stratum: by={others!r}." if others else "")
        )
    role = "prob" if "prob" in found else "rate"
    values = _printed(table[found[role]])
    bad = ~np.isnan(values) & ((values < 0) | ((values > 1) & (role == "prob")))
    if bad.any():
        raise LifeTableError(f"{source.name}: column {found[role]!r} is out of range in {rows_where(bad)}.")
    years, starts, end = year_cells(table[found["year"]], file=source.name)
    notes: dict[str, Any] = {
        "columns": {part: found[part] for part in ("sex", "age", "year", role) if part in found}
    }
    if "sex" in found:
        column = table[found["sex"]]
        named = labels.get(found["sex"])
        codes = options.sex_codes or ({} if named else STATA_SEXES)
        shown = column.map(named).fillna(column) if named else column
        sexes, left_out = sexes_of(shown, sex_codes=codes or None, file=source.name)
        if left_out:
            notes["left_out"] = left_out
    else:
        sexes, left_out = one_sex(str(options.sex), len(table)), {}
    frame = pd.DataFrame(
        {
            **{name: _labelled(table[name], labels.get(name)) for name in strata},
            "sex": sexes,
            "age": table[found["age"]].to_numpy(np.float64),
            "year": years,
            "mortality": 1.0 - values if role == "prob" else values,
        }
    )
    if "country" in strata:
        frame = choose_countries(frame, options.country, also={}, file=source.name)
    return Cells(frame, "qx" if role == "prob" else "rate", tuple(strata), starts, end, notes=notes)


def _read(source: Source) -> tuple[pd.DataFrame, dict[str, dict[int, str]]]:
    try:
        with pd.read_stata(io.BytesIO(source.content), iterator=True, convert_categoricals=False) as reader:
            table = reader.read()  # type: ignore[attr-defined]  # the stubs lack it
            by_set = reader.value_labels()
        # Stata names a set of labels; a column most often has the set of the same name.
        labels = {
            name: {int(code): label for code, label in by_set[name].items()}
            for name in table.columns
            if name in by_set
        }
    except Exception:  # several kinds, for a file cut off or not of Stata
        raise LifeTableError(f"{source.name} cannot be read as a Stata file; it may be cut off.") from None
    return table, labels


def _roles(table: pd.DataFrame, columns: Mapping[str, str] | None) -> dict[str, str]:
    by_lower = {str(name).lower(): str(name) for name in table.columns}
    found = {
        role: next(by_lower[name] for name in names if name in by_lower)
        for role, names in ROLES.items()
        if any(name in by_lower for name in names)
    }
    asked = {"rate" if role == "mx" else role: name for role, name in (columns or {}).items()}
    with asking("columns="):
        require_columns(table.columns, list(asked.values()))
    if asked.keys() & {"prob", "rate"}:
        found = {role: name for role, name in found.items() if role not in {"prob", "rate"}}
    return found | asked


def _printed(column: pd.Series) -> Any:
    """Return numbers as they were written: a float of 32 bits holds seven digits, not the noise after them."""
    if column.dtype == np.float32:
        values = column.to_numpy(np.float64)
        digits = 6 - np.floor(np.log10(np.where(values > 0, values, 1.0)))
        # A whole number over a power of ten that a float holds exactly is the nearest float to the decimal.
        scale = 10.0 ** np.clip(digits, 0, 22)
        return np.round(values * scale) / scale
    return column.to_numpy(np.float64, na_value=np.nan)


def _labelled(column: pd.Series, labels: Mapping[int, str] | None) -> pd.Series:
    """Return the labels of a stratum, or its codes as text without a decimal point."""
    if labels:
        return column.map(labels).fillna(column).astype(object)
    whole = pd.api.types.is_numeric_dtype(column.dtype) and bool((column.dropna() % 1 == 0).all())
    return column.astype("Int64").astype(str).astype(object) if whole else column.astype(object)


FORMAT = Format(
    name="stata",
    looked_for=LOOKED_FOR,
    recognise=recognise,
    read=read,
    takes=frozenset({"sex", *TAKEN_BY_SOME}),
)
