from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from childsurv.reporting.output import safe, write_tables


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_texts_cannot_be_formulas(start: str) -> None:
    table = pd.DataFrame({"label": [f"{start}cmd|' /C calc'!A0", "fine"], f"{start}head": [1, 2]})
    changed = safe(table)
    assert changed["label"].tolist() == [f"'{start}cmd|' /C calc'!A0", "fine"]
    assert list(changed.columns) == ["label", f"'{start}head"]


def test_categories_and_strings_are_made_safe_as_well() -> None:
    table = pd.DataFrame({"a": pd.Categorical(["=1"]), "b": pd.array(["@x"], dtype="string")})
    assert safe(table).iloc[0].tolist() == ["'=1", "'@x"]


def test_negative_numbers_stay_numbers() -> None:
    assert safe(pd.DataFrame({"rows": pd.array([-7, None], dtype="Int64")}))["rows"].iloc[0] == -7


def test_excel_can_tell_the_encoding(tmp_path: Path) -> None:
    paths = write_tables({"one": pd.DataFrame({"страна": ["Брыска"], "x": [0.1 + 0.2]})}, tmp_path / "new")
    data = paths["one"].read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    assert data.decode("utf-8-sig").splitlines() == ["страна,x", f"Брыска,{0.1 + 0.2!r}"]
