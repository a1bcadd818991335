from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.demo import life_table
from childsurv.reporting import Report
from childsurv.reporting.conventions import _file_name, is_simulated, sources_table
from childsurv.reporting.groupings import shown_groups
from childsurv.words.catalogue import texts_of


def test_conventions_name_everything_that_numbers_rest_on(made: Report) -> None:
    table = made.tables["conventions"]
    values = dict(zip(table["result"] + ": " + table["convention"], table["value"], strict=True))
    assert values["All results: length of a year"] == "365.25 days"
    assert values["All results: edition of ICCC-3"] == "2017"
    assert values["All results: closing date of follow-up"] == "2020-12-31"
    assert values["All results: age at diagnosis, completed years"] == "0-19"
    assert values["Observed survival: kind of confidence interval"] == "log(−log)"
    assert values["Net survival: weights"].startswith("1 / S_P(t)")
    assert values["Life table: digest (SHA-256)"] == life_table().digest
    assert values["Cox model: tied deaths"] == "Efron approximation"
    assert f"pandas {pd.__version__}" in values["Software: versions"]
    assert f"numpy {np.__version__}" in values["Software: versions"]


def test_fewer_children_than_the_minimum_are_a_bound(cohort: Cohort, made: Report) -> None:
    same_day = int((cohort.frame["time"] == 0).sum())
    said = (
        made.tables["conventions"]
        .set_index("convention")
        .loc["follow-up that ends on the day of diagnosis", "value"]
    )
    assert ("<5 children" in said) == (0 < same_day < 5)


def test_paths_tell_nothing_of_the_machine() -> None:
    assert _file_name("/home/somebody/data/north.csv") == "north.csv"
    assert _file_name("C:\\Users\\somebody\\north.csv") == "north.csv"
    assert _file_name("pandas table") == "pandas table"


def test_extracts_of_small_countries_are_not_named(cohort: Cohort) -> None:
    texts = texts_of("en")
    shown = shown_groups(cohort, by=["country"], diagnosis="iccc_group", minimum=5, names=None, texts=texts)
    sources = tuple({"source": f"/data/{name}.csv", "layout": "childsurv"} for name in ("xod_2020", "XPV"))
    table, left_out = sources_table(dataclasses.replace(cohort, provenance=sources), shown.country)
    assert table["source"].tolist() == ["XPV.csv"]
    assert left_out == 1


def test_simulated_data_are_recognised(cohort: Cohort) -> None:
    assert is_simulated(cohort)
    real = dataclasses.replace(cohort.with_columns(country=np.repeat("Nowhere", len(cohort))), provenance=())
    assert not is_simulated(real)
    assert is_simulated(dataclasses.replace(real, provenance=({"source": "simulated_1.csv"},)))
