"""Text that a spreadsheet program cannot take for a formula, and workbooks that are easy to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from childsurv.errors import import_extra

GUARD = "'"
"""Put before a text that could be taken for a formula."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes text that begins so for a formula, and would run what an extract holds."""

WIDEST_COLUMN = 80


def guarded_text(value: object) -> object:
    """Return a text with the guard before it if it needs one; an apostrophe that it begins with gets another one."""
    if isinstance(value, str) and value.startswith((*FORMULA_STARTS, GUARD)):
        return GUARD + value
    return value


def guarded(column: pd.Series) -> pd.Series:
    """Return a column whose texts cannot be taken for formulas; each distinct text is looked at once."""
    codes, distinct = pd.factorize(column)
    texts = [guarded_text(text) for text in distinct]
    if all(text is own for text, own in zip(texts, distinct, strict=True)):
        return column
    values = pd.Series([*texts, None], dtype=object).to_numpy()
    return pd.Series(values[codes], index=column.index, name=column.name)


def write_tables(path: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write tables as the sheets of a workbook: headers frozen and filtered, columns as wide as their text.

    Nothing in it is a formula or a link.
    """
    library = import_extra("xlsxwriter", extra="excel", purpose=f"Writing {path.name}")
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with library.Workbook(str(path), options) as book:
        bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        decimal = book.add_format({"num_format": "0.0", "valign": "top"})
        for name, table in tables.items():
            sheet = book.add_worksheet(name)
            for place, header in enumerate(table.columns):
                column = table[header]
                sheet.write_string(0, place, str(header), bold)
                fraction = pd.api.types.is_float_dtype(column.dtype)
                longest = max([len(str(header)), *(len(str(value)) for value in column.unique()[:2000])])
                width = min(max(longest if not fraction else len(str(header)), 8) + 2, WIDEST_COLUMN)
                sheet.set_column(place, place, width, decimal if fraction else wrapped)
                for row, value in enumerate(column, start=1):
                    _write_cell(sheet, row, place, value)
            sheet.freeze_panes(1, 0)
            if len(table):
                sheet.autofilter(0, 0, len(table), len(table.columns) - 1)


def _write_cell(sheet: Any, row: int, place: int, value: Any) -> None:
    if pd.isna(value):
        sheet.write_blank(row, place, None)
    elif isinstance(value, str):
        sheet.write_string(row, place, value)
    else:
        sheet.write_number(row, place, value)
