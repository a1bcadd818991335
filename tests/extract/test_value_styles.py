"""What headers and values look like: shares, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from childsurv.extract.value_styles import date_style, fit_of, header_score, looks_distinctive, values_of


def values(*texts: str):
    return values_of(list(texts), np.ones(len(texts), dtype=np.int64))


@pytest.mark.parametrize(
    ("header", "field", "score"),
    [
        ("Sex", "sex", 1.0),
        ("GENDER", "sex", 1.0),
        ("Пол", "sex", 1.0),
        ("Morphologi", "morphology", 0.8),
        ("x", "sex", 0.0),
    ],
)
def test_headers_are_known_or_near(header: str, field: str, score: float) -> None:
    assert header_score(header, field) == score


def test_order_of_day_and_month_is_decided_by_values_alone() -> None:
    assert date_style(values("05.03.2010", "31.03.2010")).formats == ("%d.%m.%Y",)
    assert date_style(values("05/03/2010", "06/04/2011")).other_order in {"%d/%m/%Y", "%m/%d/%Y"}
    assert date_style(values("05/03/2010", "05/31/2010")).formats == ("%m/%d/%Y",)


def test_fits_are_shares_of_the_rows_filled() -> None:
    assert fit_of("topography", values("C71.6", "C42.1", "unknown", "x")) == pytest.approx(2 / 3)
    assert fit_of("age", values("4", "121")) == 0.5
    assert fit_of("sex", values("")) == 0.0


def test_only_codes_of_icd_o_3_are_distinctive() -> None:
    assert looks_distinctive("morphology", values("9470/3", "9811/3"))
    assert looks_distinctive("topography", values("C71.6"))
    assert not looks_distinctive("morphology", values("9470"))
    assert not looks_distinctive("sex", values("male"))
