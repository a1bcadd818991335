"""Indicators of data quality by hand."""

from __future__ import annotations

import numpy as np
import pytest

from childsurv.errors import OptionError
from childsurv.extract import data_quality, read_extract
from childsurv.extract.together import concat


def hand_made(clean_rows):
    """Ten tumours of Xenia; two are not eligible."""
    rows = clean_rows(10)
    rows["country"] = "Xenia"
    rows["registry"] = ["North"] * 5 + ["South"] * 5
    rows["birth_date"], rows["diagnosis_date"], rows["last_contact_date"] = (
        "2005-01-01",
        "2010-01-01",
        "2012-01-01",
    )
    rows["vital_status"] = "alive"
    rows["sex"] = "female"
    rows["basis"] = ["7", "6", "5", "4", "", "0", "7", "7", "7", "7"]
    rows["topography"] = ["C71.6"] * 4 + ["C80.9", "C64.9", "C64.9", "C64.9", "C77.9", "C64.9"]
    rows["morphology"] = ["9470", "9421", "9421", "9470", "8000", "8960", "8960", "8960", "8140", "8960"]
    rows["behaviour"] = ["3", "1", "1", "3", "3", "3", "3", "3", "3", "3"]
    rows["stage"] = ["L", "", "", "L", "L", "L", "L", "L", "L", "L"]
    rows.loc[6, "vital_status"] = ""
    rows.loc[7, ["vital_status", "last_contact_date"]] = ["dead", "2011-01-01"]
    rows.loc[9, "birth_date"] = "1980-01-01"
    return rows


def read(rows, **options):
    return read_extract(rows, layout="childsurv", closing_date="2014-01-01", **options)


def test_indicators_by_hand(clean_rows):
    table = data_quality(read(hand_made(clean_rows)), by=None).iloc[0]
    assert table[["rows_read", "eligible", "analysed"]].tolist() == [10, 8, 6]
    assert table["microscopically_verified"] == 100 * 5 / 8
    assert table["death_certificate_only"] == 100 / 8
    assert table["unspecified"] == 100 / 8
    assert table["stage_unknown"] == 100 * 2 / 8
    assert table["vital_status_unknown"] == 100 / 8
    assert table["non_malignant_cns"] == 100 * 2 / 4
    # Five alive were last seen 731 days before closing; one died after 365 of 365 days.
    assert table["lost_to_follow_up"] == pytest.approx(100 * 5 / 6)
    assert table["follow_up_completeness"] == pytest.approx(100 * (5 * 730 + 365) / (5 * 1461 + 365))


def test_limits_of_follow_up(clean_rows):
    cohort = read(hand_made(clean_rows))
    assert data_quality(cohort, by=None, lost_after_days=731)["lost_to_follow_up"].item() == 0
    # Every child was seen within a year of diagnosis.
    assert data_quality(cohort, by=None, horizon_years=0.9)["follow_up_completeness"].item() == 100
    for options in ({"by": "sex"}, {"lost_after_days": -1}, {"horizon_years": 0}):
        with pytest.raises(OptionError):
            data_quality(cohort, **options)


def test_counts_add_over_registries_and_cohorts(clean_rows):
    rows = hand_made(clean_rows)
    whole = read(rows)
    parts = concat([read(rows[rows["registry"] == name]) for name in ("North", "South")])
    by = ["country", "registry"]
    one, other = (data_quality(cohort, by=by) for cohort in (whole, parts))
    assert one.drop(columns=by).equals(other.drop(columns=by))
    assert data_quality(whole, by="registry")["rows_read"].tolist() == [5, 5]
    assert data_quality(parts, by="country")["rows_read"].tolist() == [10]


def test_a_registry_without_analysed_rows_stays(clean_rows):
    rows = hand_made(clean_rows)
    rows.loc[rows["registry"] == "South", "vital_status"] = ""
    table = data_quality(read(rows), by="registry").set_index("registry")
    assert table.loc["South", "analysed"] == 0
    assert np.isnan(table.loc["South", "follow_up_completeness"])
    assert table.loc["South", "eligible"] == 3
