"""Conventions of a bare table: what a DataFrame that a function returns depends on, in its ``attrs``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def noted(table: pd.DataFrame, conventions: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table with its conventions in ``attrs["conventions"]``, as a plain dict.

    Values are text, numbers, truth values, None, and lists and dicts of them: pandas writes ``attrs`` to Parquet as
    JSON, and compares them where tables are put together.

    Examples
    --------
    >>> noted(pd.DataFrame({"p": [0.5]}), {"level": np.float64(0.95)}).attrs
    {'conventions': {'level': 0.95}}
    """
    table.attrs["conventions"] = _plain(conventions)
    return table


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
