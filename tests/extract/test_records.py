"""Single columns: numbers, labels, parts of dates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from childsurv.extract import load_layout
from childsurv.extract.columns import RawTable
from childsurv.extract.findings import Found
from childsurv.extract.matching import match_headers
from childsurv.extract.records import Reader

NEEDED = ["PAT", "Sex", "YoB", "MoB", "YoI", "MoI", "Topo", "Morpho", "Vit_stat", "Surv_time", "Age"]


def reader(layout="encr", rows=1, **columns):
    frame = pd.DataFrame({name: [""] * rows for name in NEEDED} | columns, dtype=object)
    number = np.arange(rows) + 1
    table = RawTable(tuple(frame), frame, number, np.zeros(rows, bool), 0, "t", "", "", all_text=True)
    match = match_headers(load_layout(layout), list(frame), suggest_encoding=lambda: "")
    return Reader(table, load_layout(layout), match, Found(number))


@pytest.mark.parametrize(
    ("text", "years", "codes"),
    [
        ("4", 4, set()),
        ("0", 0, set()),
        ("999", np.nan, set()),
        ("", np.nan, set()),
        ("-1", np.nan, {"age-unreadable"}),
        ("121", np.nan, {"age-unreadable"}),
        ("4,5", np.nan, {"age-unreadable"}),
        ("4.5", 4.5, set()),
        ("four", np.nan, {"age-unreadable"}),
        ("1e1", np.nan, {"age-unreadable"}),
        ("nan", np.nan, {"age-unreadable"}),
        ("inf", np.nan, {"age-unreadable"}),
        (".", np.nan, {"age-unreadable"}),
    ],
)
def test_numbers(text, years, codes):
    found = reader(Age=[text])
    np.testing.assert_array_equal(found.ages(), [years])
    assert set(found.found.masks) == codes


@pytest.mark.parametrize("text", ["-1", "30.5", "x", "99999"])
def test_survival_must_be_days(text):
    found = reader(Surv_time=[text])
    assert np.isnan(found.survival_days()).all()
    assert set(found.found.masks) == {"survival-time-unreadable"}


@pytest.mark.parametrize(
    ("year", "month", "code"),
    [
        ("2010", "5", None),
        ("2010", "99", None),
        ("2010", "", None),
        ("9999", "5", None),
        ("10", "5", "birth-date-unreadable"),
        ("2010", "13", "birth-date-unreadable"),
        ("2010", "0", "birth-date-unreadable"),
        ("2010", "Mayo", "birth-date-unreadable"),
        ("1899", "12", "birth-date-out-of-range"),
        ("2190", "12", "birth-date-out-of-range"),
    ],
)
def test_dates_in_parts(year, month, code):
    found = reader(YoB=[year], MoB=[month])
    found.dates("birth_date", latest=20_000)
    assert set(found.found.masks) == (set() if code is None else {code})


def test_labels_keep_order_and_name_the_unknown():
    labels = reader(rows=4, Sex=["1", "2", "x", "9"]).labels("sex", report_missing=True)
    assert [labels.labels[code] for code in labels.codes] == ["male", "female", "unknown", "unknown"]
    assert list(labels.categorical(("female", "male")).categories) == ["female", "male", "unknown"]
