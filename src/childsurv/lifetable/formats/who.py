"""Life tables of the World Health Organization, from its Global Health Observatory: nMx or nqx, as JSON or bulk CSV.

The files are read by their documented columns. No file as published could be had when this was written: the reader is
tested on constructed files only.

References
----------
World Health Organization. Global Health Observatory, indicators LIFE_0000000029 and LIFE_0000000030.
https://www.who.int/data/gho
"""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd

from childsurv.errors import LifeTableError
from childsurv.lifetable.formats.cell_labels import cells_by_country
from childsurv.lifetable.formats.published import Cells, Format, Options, Source

INDICATORS: dict[str, str] = {"LIFE_0000000029": "mx", "LIFE_0000000030": "qx"}
"""Indicators of life tables that hold a mortality, and which."""

LOOKED_FOR = "JSON or CSV of the WHO Global Health Observatory with IndicatorCode, TimeDim, sex and age group"

NAMES_IN_BULK: dict[str, str] = {
    "SpatialDimensionValueCode": "SpatialDim",
    "DisaggregatingDimension1ValueCode": "Dim1",
    "DisaggregatingDimension2ValueCode": "Dim2",
}
"""Columns of the bulk CSV by their names in the JSON."""

COLUMNS = ("IndicatorCode", "SpatialDim", "TimeDim", "Dim1", "Dim2", "NumericValue")
SEX_CODES: dict[str, str] = {
    **dict.fromkeys(("SEX_MLE", "MLE"), "male"),
    **dict.fromkeys(("SEX_FMLE", "FMLE"), "female"),
    **dict.fromkeys(("SEX_BTSX", "BTSX"), "both"),
}
AGE = re.compile(r"(?:AGEGROUP_)?(?:AGE|YEARS)?_?(?:(LT)1|0*([0-9]+)(?:-[0-9]+|PLUS|\+)?)")


def recognise(source: Source, options: Options) -> bool:
    """Whether a file is JSON with values, or CSV with the columns, of the Global Health Observatory."""
    start = source.content[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"{"):
        return b'"value"' in start and b"TimeDim" in start
    return b"IndicatorCode" in start.split(b"\n", 1)[0] and b"TimeDim" in start.split(b"\n", 1)[0]


def read(source: Source, options: Options) -> Cells:
    """Return the cells of one indicator of the Global Health Observatory, nMx or nqx."""
    table = _rows(source)
    codes = sorted(map(str, table["IndicatorCode"].unique()))
    if len(codes) != 1 or codes[0] not in INDICATORS:
        raise LifeTableError(
            f"{source.name} holds the indicators {', '.join(codes)}; one of {', '.join(INDICATORS)} (nMx, nqx) is "
            "read, alone in its file."
        )
    matches = [AGE.fullmatch(str(text)) for text in table["Dim2"]]
    age = np.array([np.nan if one is None else 0.0 if one[1] else float(one[2]) for one in matches])
    rows = pd.DataFrame(
        {
            "country": table["SpatialDim"].astype(object),
            "sex": table["Dim1"],
            "age": age,
            "year": table["TimeDim"],
            "value": table["NumericValue"],
        }
    )
    return cells_by_country(source, rows, options.country, kind=INDICATORS[codes[0]], sex_codes=SEX_CODES)


def _rows(source: Source) -> pd.DataFrame:
    if source.content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        try:
            rows = json.loads(source.content.decode("utf-8-sig"))["value"]
            table = pd.DataFrame(rows)
        except (ValueError, KeyError, TypeError):
            raise LifeTableError(
                f"{source.name} is not JSON of the Global Health Observatory; it may be cut off."
            ) from None
    else:
        table = source.table(sep=",").rename(columns=NAMES_IN_BULK)
    lacking = [name for name in COLUMNS if name not in table.columns]
    if lacking:
        raise LifeTableError(f"{source.name} lacks {', '.join(lacking)}: looked for {LOOKED_FOR}.")
    if "SpatialDimType" in table.columns:
        table = table[table["SpatialDimType"].astype(str).str.upper() == "COUNTRY"].reset_index(drop=True)
    return table


FORMAT = Format(name="who", looked_for=LOOKED_FOR, recognise=recognise, read=read)
