"""Columns of distinct values: a value is cleaned once, and every row has it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from childsurv.extract.columns import Labels, as_text, table_of_frame


def test_labels_that_are_numbers() -> None:
    assert Labels(np.array([0, 1]), ("7", "unknown")).integers(9).tolist() == [7, 9]


def test_labels_written_twice_are_one() -> None:
    labels = Labels(np.array([0, 1, 2, 1]), ("a", "b", "a"))
    assert labels.distinct().tolist() == [0, 1, 0, 1]
    assert labels.equals("b").tolist() == [False, True, False, True]
    assert list(labels.categorical(("b",)).categories) == ["b", "a"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        (True, "true"),
        (3, "3"),
        (3.0, "3"),
        (3.5, "3.5"),
        (np.nan, ""),
        (Decimal("2.0"), "2"),
        (b"x ", "x"),
    ],
)
def test_values_as_a_file_would_write_them(value: object, text: str) -> None:
    assert as_text(value) == text


def test_values_of_a_record_of_wrong_length_are_read_as_nothing() -> None:
    table = table_of_frame(pd.DataFrame({"a": ["x", "y", "x"]}), "table", lambda headers, _: headers)
    table.wrong_length[1] = True
    coded = table.coded("a")
    assert [coded.texts[code] for code in coded.codes] == ["x", "", "x"]
