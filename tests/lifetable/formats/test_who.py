"""Files of the WHO, constructed after their documented columns."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import LifeTableError


def at(table, sex, age, year, country):
    return table.hazard(sex=sex, birth_date=f"{year - age}-01-01", date=f"{year}-06-01", country=country)[0]


def who_rows(ages, sexes, indicator="LIFE_0000000029"):
    return [
        {
            "IndicatorCode": indicator, "SpatialDimType": kind, "SpatialDim": code, "TimeDim": 2019, "Dim1": sex,
            "Dim2": age, "NumericValue": 0.001 * (place + 1) * (2 if "FMLE" not in sex else 1),
        }
        for kind, code in (("COUNTRY", "XAA"), ("REGION", "EUR"))
        for sex in sexes
        for place, age in enumerate(ages)
    ]  # fmt: skip


NEW = ("AGEGROUP_YEARS00-01", "AGEGROUP_YEARS01-04", "AGEGROUP_YEARS05-09", "AGEGROUP_YEARS85PLUS")
OLD = ("AGELT1", "AGE1-4", "AGE5-9", "AGE85PLUS")


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("ages", [NEW, OLD])
def test_who(tmp_path, form, ages):
    rows = who_rows(ages, ("SEX_MLE", "SEX_FMLE", "SEX_BTSX"))
    path = tmp_path / f"who.{form}"
    if form == "json":
        path.write_text(json.dumps({"@odata.context": "x", "value": rows}), encoding="utf-8")
    else:
        names = {
            "SpatialDim": "SpatialDimensionValueCode", "Dim1": "DisaggregatingDimension1ValueCode",
            "Dim2": "DisaggregatingDimension2ValueCode",
        }  # fmt: skip
        pd.DataFrame(rows).rename(columns=names).to_csv(path, index=False)
    table = cs.read_life_table(path)
    assert table.provenance[0]["format"] == "who"
    assert at(table, "male", 3, 2019, "XAA") == pytest.approx(0.004 / 365.25, rel=1e-12)
    assert at(table, "female", 0, 2019, "XAA") == pytest.approx(0.001 / 365.25, rel=1e-12)
    assert at(table, "female", 90, 2019, "XAA") == pytest.approx(0.004 / 365.25, rel=1e-12)


def test_who_of_another_indicator_is_refused(tmp_path):
    path = tmp_path / "who.json"
    path.write_text(json.dumps({"value": who_rows(NEW, ("SEX_MLE",), "LIFE_0000000035")}), encoding="utf-8")
    with pytest.raises(
        LifeTableError,
        match=(
            r"^who\.json holds the indicators LIFE_0000000035; one of LIFE_0000000029, LIFE_0000000030 "
            r"\(nMx, nqx\) is read, alone in its file\.$"
        ),
    ):
        cs.read_life_table(path)
    path.write_text('{"value": [{"TimeDim": 1', encoding="utf-8")
    with pytest.raises(
        LifeTableError, match=r"^who\.json is not JSON of the Global Health Observatory; it may be cut off\.$"
    ):
        cs.read_life_table(path)
