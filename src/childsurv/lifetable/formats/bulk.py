"""Bulk files of the UN (World Population Prospects) and of the WHO (Global Health Observatory).

Both are read by their documented columns. No file as published could be had when this was written: the readers are
tested on constructed files only. Values are death rates (mx, nMx) or probabilities of dying (nqx), by calendar year.

References
----------
United Nations, Population Division. World Population Prospects 2024, life tables, bulk files.
https://population.un.org/wpp
World Health Organization. Global Health Observatory, indicators LIFE_0000000029 and LIFE_0000000030.
https://www.who.int/data/gho
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from childsurv.errors import LifeTableError, rows_where
from childsurv.lifetable.formats.published import Cells, Country, Source, choose_countries, sexes_of

WPP_COLUMNS = frozenset({"ISO3_code", "Location", "Time", "Sex", "AgeGrpStart", "AgeGrpSpan", "mx"})
WPP_LOOKED_FOR = (
    "comma-separated columns ISO3_code, Location, Time, Sex, AgeGrpStart, AgeGrpSpan, mx "
    "of a UN WPP bulk file"
)

WHO_INDICATORS: dict[str, str] = {"LIFE_0000000029": "mx", "LIFE_0000000030": "qx"}
"""Indicators of life tables that hold a mortality, and which."""

WHO_LOOKED_FOR = (
    "JSON or CSV of the WHO Global Health Observatory with IndicatorCode, TimeDim, sex and age group"
)

WHO_BULK: dict[str, str] = {
    "SpatialDimensionValueCode": "SpatialDim",
    "DisaggregatingDimension1ValueCode": "Dim1",
    "DisaggregatingDimension2ValueCode": "Dim2",
}
"""Columns of the bulk CSV by their names in the JSON."""

WHO_COLUMNS = ("IndicatorCode", "SpatialDim", "TimeDim", "Dim1", "Dim2", "NumericValue")
WHO_SEXES: dict[str, str] = {
    **dict.fromkeys(("SEX_MLE", "MLE"), "male"),
    **dict.fromkeys(("SEX_FMLE", "FMLE"), "female"),
    **dict.fromkeys(("SEX_BTSX", "BTSX"), "both"),
}
WHO_AGE = re.compile(r"(?:AGEGROUP_)?(?:AGE|YEARS)?_?(?:(LT)1|0*([0-9]+)(?:-[0-9]+|PLUS|\+)?)")
METHOD = "rates constant within age groups and calendar years; read by documented columns"


def is_wpp_bulk(source: Source) -> bool:
    """Whether the first line has the columns of a bulk file of the WPP."""
    lines = source.head()
    return bool(lines) and set(lines[0].strip("\ufeff").split(",")) >= WPP_COLUMNS


def is_who(source: Source) -> bool:
    """Whether a file is JSON with values, or CSV with the columns, of the Global Health Observatory."""
    start = source.content[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"{"):
        return b'"value"' in start and b"TimeDim" in start
    return b"IndicatorCode" in start.split(b"\n", 1)[0] and b"TimeDim" in start.split(b"\n", 1)[0]


def read_wpp_bulk(source: Source, *, country: Country) -> Cells:
    """Return the cells of a WPP bulk file; rows for both sexes together are counted."""
    table = source.table(sep=",", low_memory=False)
    if "Variant" in table.columns and table["Variant"].nunique() > 1:
        raise LifeTableError(
            f"{source.name} holds several variants ({', '.join(map(repr, table['Variant'].unique()[:5]))}); keep "
            "the rows of one."
        )
    label = table["ISO3_code"].astype(object).where(table["ISO3_code"].notna(), table["Location"])
    return _cells(
        source,
        country,
        kind="mx",
        label=label,
        sex=table["Sex"],
        sex_codes=None,
        age=pd.to_numeric(table["AgeGrpStart"], errors="coerce"),
        year=table["Time"],
        value=table["mx"],
        also={
            str(code): (str(name),)
            for code, name in zip(label, table["Location"], strict=True)
            if str(code) != str(name)
        },
    )


def read_who(source: Source, *, country: Country) -> Cells:
    """Return the cells of one indicator of the Global Health Observatory, nMx or nqx."""
    table = _who_rows(source)
    codes = sorted(map(str, table["IndicatorCode"].unique()))
    if len(codes) != 1 or codes[0] not in WHO_INDICATORS:
        raise LifeTableError(
            f"{source.name} holds the indicators {', '.join(codes)}; one of {', '.join(WHO_INDICATORS)} (nMx, nqx) is "
            "read, alone in its file."
        )
    matches = [WHO_AGE.fullmatch(str(text)) for text in table["Dim2"]]
    age = np.array([np.nan if one is None else 0.0 if one[1] else float(one[2]) for one in matches])
    return _cells(
        source,
        country,
        kind=WHO_INDICATORS[codes[0]],
        label=table["SpatialDim"].astype(object),
        sex=table["Dim1"],
        sex_codes=WHO_SEXES,
        age=pd.Series(age),
        year=table["TimeDim"],
        value=table["NumericValue"],
        also={},
    )


def _who_rows(source: Source) -> pd.DataFrame:
    if source.content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        try:
            rows = json.loads(source.content.decode("utf-8-sig"))["value"]
            table = pd.DataFrame(rows)
        except (ValueError, KeyError, TypeError):
            raise LifeTableError(
                f"{source.name} is not JSON of the Global Health Observatory; it may be cut off."
            ) from None
    else:
        table = source.table(sep=",").rename(columns=WHO_BULK)
    lacking = [name for name in WHO_COLUMNS if name not in table.columns]
    if lacking:
        raise LifeTableError(f"{source.name} lacks {', '.join(lacking)}: looked for {WHO_LOOKED_FOR}.")
    if "SpatialDimType" in table.columns:
        table = table[table["SpatialDimType"].astype(str).str.upper() == "COUNTRY"].reset_index(drop=True)
    return table


def _cells(
    source: Source,
    country: Country,
    *,
    kind: str,
    label: pd.Series,
    sex: pd.Series,
    sex_codes: Mapping[Any, str] | None,
    age: pd.Series,
    year: pd.Series,
    value: pd.Series,
    also: Mapping[str, tuple[object, ...]],
) -> Cells:
    numbers = {
        "age": age,
        "year": pd.to_numeric(year, errors="coerce"),
        "value": pd.to_numeric(value, errors="coerce"),
    }
    for name, column in numbers.items():
        unread = column.isna().to_numpy()
        if unread.any():
            raise LifeTableError(f"{source.name}: no {name} can be read in {rows_where(unread)}.")
    sexes, left_out = sexes_of(sex, sex_codes=sex_codes, file=source.name)
    frame = pd.DataFrame(
        {
            "country": label.to_numpy(dtype=object),
            "sex": sexes,
            "age": numbers["age"].to_numpy(np.float64),
            "year": numbers["year"].to_numpy(np.float64),
            "mortality": numbers["value"].to_numpy(np.float64),
        }
    )
    frame = choose_countries(frame, country, also=also, file=source.name)
    notes: dict[str, Any] = {"method": METHOD} | ({"left_out": left_out} if left_out else {})
    return Cells(frame, kind, ("country",), None, None, notes=notes)
