"""Counts of rows read, left out and analysed: they add up, and small ones stay hidden."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort
from childsurv.errors import DataError
from childsurv.extract import data_quality
from childsurv.reporting.accounting import OTHER_RULES, account, findings_table, quality_table
from childsurv.reporting.groupings import shown_groups
from childsurv.words.catalogue import texts_of

TEXTS = texts_of("en")


def exclusions(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(rule, f"because of {rule}", country, patients) for rule, country, patients in rows],
        columns=["rule", "message", "country", "patients"],
    )


def cohort_of(patients: dict[str, int], left_out: list[tuple[str, str, int]]) -> Cohort:
    country = np.repeat(list(patients), list(patients.values()))
    n = country.size
    frame = pd.DataFrame(
        {
            "country": country,
            "iccc_group": np.where(np.arange(n) % 2, "I", "II"),
            "diagnosis_date": pd.Timestamp("2010-01-01"),
            "entry": 0,
            "time": np.arange(n) + 1,
            "event": np.arange(n) % 2,
        }
    )
    table = exclusions(left_out)
    return Cohort(frame, n + int(table["patients"].sum()), None, pd.DataFrame(columns=["code"]), table)


def flow_of(cohort: Cohort):  # type: ignore[no-untyped-def]
    shown = shown_groups(cohort, by=["country"], diagnosis="iccc_group", minimum=5, names=None, texts=TEXTS)
    return account(cohort, shown.country, minimum=5, texts=TEXTS)


def test_rules_in_order_with_counts_by_country() -> None:
    flow = flow_of(
        cohort_of({"A": 60, "B": 50}, [("old", "A", 10), ("old", "B", 20), ("dco", "A", 9), ("dco", "B", 0)])
    )
    assert flow.table["step"].tolist() == ["read", "old", "dco", "analysed"]
    assert flow.table["rows"].tolist() == [149, -30, -9, 110]
    assert flow.table["remaining"].tolist() == [149, 119, 110, 110]
    by_country = flow.by_country.set_index("step")
    assert by_country.loc["read", ["A", "B", "All"]].tolist() == [79, 70, 149]
    assert by_country.loc["old", ["A", "B", "All"]].tolist() == [10, 20, 30]
    assert by_country.loc["dco", ["A", "B", "All"]].tolist() == [9, 0, 9]
    assert by_country.loc["analysed", ["A", "B", "All"]].tolist() == [60, 50, 110]


def test_a_rule_for_few_rows_is_merged_with_the_next() -> None:
    flow = flow_of(cohort_of({"A": 60, "B": 50}, [("old", "A", 30), ("dco", "A", 2), ("dup", "B", 8)]))
    assert flow.table["step"].tolist() == ["read", "old", OTHER_RULES, "analysed"]
    assert flow.table["rows"].tolist() == [150, -30, -10, 110]
    assert flow.merged_rules == {"dco", "dup"}


def test_rules_that_could_only_show_dots_are_put_together_by_country() -> None:
    left_out = [(rule, country, 3) for rule in ("r1", "r2", "r3") for country in ("A", "B", "C")]
    flow = flow_of(cohort_of({"A": 60, "B": 50, "C": 40}, left_out))
    assert flow.table["rows"].tolist() == [177, -9, -9, -9, 150]
    by_country = flow.by_country.set_index("step")
    assert by_country.index.tolist() == ["read", OTHER_RULES, "analysed"]
    assert by_country.loc[OTHER_RULES, ["A", "B", "C", "All"]].tolist() == [9, 9, 9, 27]


def test_a_country_with_few_exclusions_does_not_show_how_many_were_read() -> None:
    flow = flow_of(
        cohort_of({"A": 60, "B": 50, "C": 40}, [("old", "A", 30), ("old", "B", 20), ("old", "C", 2)])
    )
    read = flow.by_country.set_index("step").loc["read"]
    assert pd.isna(read["C"])
    assert int(read[["A", "B", "C"]].isna().sum()) >= 2
    assert read["All"] == 202


def test_countries_without_a_child_analysed_are_named_if_large() -> None:
    flow = flow_of(cohort_of({"A": 60, "B": 50}, [("old", "A", 9), ("old", "LOST", 30), ("old", "TINY", 2)]))
    labels = flow.by_country.columns.tolist()
    assert "LOST" in labels
    assert "TINY" not in labels
    assert flow.by_country.set_index("step").loc["analysed", "LOST"] == 0


def test_lost_rows_are_an_error() -> None:
    cohort = cohort_of({"A": 60}, [("old", "A", 9)])
    shown = shown_groups(cohort, by=["country"], diagnosis="iccc_group", minimum=5, names=None, texts=TEXTS)
    broken = dataclasses.replace(cohort)
    object.__setattr__(broken, "rows_read", 70)
    with pytest.raises(
        DataError,
        match=r"^report: 70 rows were read, but 60 are analysed and 9 excluded by name\. Rows were lost or counted "
        r"twice; please report this with the steps that made the cohort\.$",
    ):
        account(broken, shown.country, minimum=5, texts=TEXTS)


def test_quality_is_that_of_the_library_or_a_bound(cohort: Cohort) -> None:
    shown = shown_groups(cohort, by=["country"], diagnosis="iccc_group", minimum=5, names=None, texts=TEXTS)
    table = quality_table(shown.cohort, shown.country, minimum=5, texts=TEXTS).set_index("country")
    own = data_quality(cohort).set_index("country")
    assert table.loc["XPV", "microscopically_verified"] == pytest.approx(
        own.loc["XPV", "microscopically_verified"], abs=1e-12
    )
    # Three children without vital status, all in one country: neither its share nor that of all is given.
    assert table.loc["XPV", "vital_status_unknown_few"] == "low"
    assert np.isnan(table.loc["XPV", "vital_status_unknown"])
    assert table.loc["All", "vital_status_unknown_few"] == "total"
    assert np.isnan(table.loc["All", "vital_status_unknown"])
    assert table.loc["XSM", "vital_status_unknown"] == 0
    assert "XOD" not in table.index
    assert (
        table.loc[list(shown.country.labels), "analysed"].sum() == table.loc["All", "analysed"] == len(cohort)
    )


def test_cohorts_that_were_not_read_have_no_quality() -> None:
    cohort = cohort_of({"A": 60}, [("old", "A", 9)])
    shown = shown_groups(cohort, by=["country"], diagnosis="iccc_group", minimum=5, names=None, texts=TEXTS)
    assert quality_table(shown.cohort, shown.country, minimum=5, texts=TEXTS).empty


def test_findings_are_counted_without_small_numbers(cohort: Cohort) -> None:
    shown = shown_groups(cohort, by=["country"], diagnosis="iccc_group", minimum=5, names=None, texts=TEXTS)
    flow = account(cohort, shown.country, minimum=5, texts=TEXTS)
    table = findings_table(cohort, flow, minimum=5, texts=TEXTS).set_index("code")
    assert flow.merged_rules == {"sex-missing", "vital-status-missing"}
    assert bool(table.loc["vital-status-missing", "few"])
    # Its partner among the rules counted together is hidden too: 23 less 20 would be 3.
    assert not bool(table.loc["sex-missing", "few"])
    assert table["count"].isna().tolist() == (table["few"] | table.index.isin(flow.merged_rules)).tolist()
    assert {"row_number", "source"}.isdisjoint(table.columns)
