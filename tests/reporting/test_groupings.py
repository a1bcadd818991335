from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort
from childsurv.errors import OptionError
from childsurv.reporting.groupings import Shown, ordered_grouping, shown_groups, unordered_grouping
from childsurv.words.catalogue import texts_of

TEXTS = texts_of("en")


def group(values: pd.Series, **options: object) -> tuple[object, pd.Categorical]:
    return unordered_grouping(
        values, name="country", column="shown", heading="Country", minimum=5, texts=TEXTS, **options
    )


def test_small_groups_get_one_label_and_no_child_is_lost() -> None:
    values = pd.Series(["a"] * 30 + ["b"] * 3 + ["c"] * 8)
    grouping, labels = group(values, names={"a": "Avaland"})
    assert grouping.labels == ("Avaland", "Other, merged (2)")
    assert grouping.patients == (30, 11)
    assert grouping.merged == 2
    assert grouping.largest == "Avaland"
    assert np.asarray(labels.codes).tolist() == [0] * 30 + [1] * 11
    assert grouping.label_of("b") == grouping.label_of("never seen") == "Other, merged (2)"


def test_missing_values_are_a_group() -> None:
    grouping, labels = group(pd.Series(["a"] * 6 + [None] * 7, dtype=object))
    assert grouping.labels == ("a", "not stated")
    assert grouping.label_of(None) == "not stated"
    assert len(labels) == 13


def test_category_order_is_kept() -> None:
    values = pd.Series(pd.Categorical(["z"] * 6 + ["a"] * 6, categories=["z", "unused", "a"]))
    assert group(values)[0].labels == ("z", "a")


def test_two_groups_cannot_share_a_name() -> None:
    with pytest.raises(
        OptionError,
        match=r"^names= gives two groups of 'country' the same text; every group needs its own\.$",
    ):
        group(pd.Series(["a"] * 6 + ["b"] * 6), names={"a": "One", "b": "One"})


def test_ordered_groups_join_their_neighbours() -> None:
    codes = np.repeat([0, 1, 2, 3], [9, 2, 9, 1])
    labels = ["2000–2004", "2005–2009", "2010–2014", "2015–2019"]
    grouping, _ = ordered_grouping(
        codes,
        labels,
        name="period",
        column="p",
        heading="Period",
        minimum=5,
        joiner=lambda a, b: f"{a[:4]}–{b[-4:]}",
    )
    assert grouping.labels == ("2000–2004", "2005–2019")
    assert grouping.patients == (9, 12)


@pytest.fixture(scope="module")
def shown(cohort: Cohort) -> Shown:
    return shown_groups(
        cohort, by=["country"], diagnosis="iccc_group", minimum=5, names=None, texts=texts_of("ru")
    )


def test_groups_of_a_cohort(shown: Shown, cohort: Cohort) -> None:
    assert shown.country is shown.by
    assert shown.period is not None
    assert shown.period.labels == ("2000–2004", "2005–2009", "2010–2014", "2015–2019")
    assert shown.sex is not None
    assert shown.sex.labels == ("Мальчики", "Девочки")
    assert shown.diagnosis.codes["I Лейкозы"] == "I"
    for grouping in shown.groupings:
        assert sum(grouping.patients) == len(cohort)
        assert shown.cohort.frame[grouping.column].isin(grouping.labels).all()
    assert "shown_by" not in cohort.frame


def test_combinations_of_columns_are_compared(cohort: Cohort) -> None:
    shown = shown_groups(
        cohort, by=["country", "sex"], diagnosis="iccc_subgroup", minimum=5, names=None, texts=TEXTS
    )
    assert "XPV / female" in shown.by.labels
    assert shown.by.name == "country / sex"
    assert not any("XOD" in label for label in (*shown.by.labels, *shown.country.labels))
    assert "Ia Lymphoid leukemias" in shown.diagnosis.labels


def test_short_spans_have_no_periods(
    records: pd.DataFrame, read_records: Callable[[pd.DataFrame], Cohort]
) -> None:
    few = records[records["diagnosis_date"].dt.year.between(2003, 2011)]
    options = {"by": ["country"], "diagnosis": "iccc_group", "minimum": 5, "names": None, "texts": TEXTS}
    assert shown_groups(read_records(few), **options).period is None
    more = records[records["diagnosis_date"].dt.year.between(2003, 2012)]
    period = shown_groups(read_records(more), **options).period
    assert period is not None
    assert period.labels == ("2003–2004", "2005–2009", "2010–2012")
