"""Age bands and groups, and that every result says which ones it is about."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.cohort.age_schemes import AGE_BANDS, AGE_GROUP_STARTS, age_group_order, age_groups
from childsurv.errors import ChildsurvWarning, OptionError


@pytest.mark.parametrize(
    ("scheme", "labels"),
    [
        ("standard", ("0", "1-4", "5-9", "10-14", "15-19", "20+")),
        ("five-year", ("0-4", "5-9", "10-14", "15-19", "20+")),
        ("concord", ("0-4", "5-9", "10-14", "15+")),
        ("russia", ("0-14", "15-17", "18+")),
        ([0, 3], ("0-2", "3+")),
        ([0], ("0+",)),
    ],
)
def test_labels(scheme, labels):
    assert age_groups(scheme).labels == labels
    assert sorted(labels, key=age_group_order) == list(labels)


@pytest.mark.parametrize("wrong", ["five", [1, 5], [0, 5, 5], [0, 10, 5], [], [0, 1.5], [0, True], [0, 500]])
def test_wrong_schemes(wrong):
    with pytest.raises(OptionError, match="age_groups="):
        age_groups(wrong)


@given(st.sampled_from([*AGE_GROUP_STARTS, (0, 2, 7)]), st.lists(st.integers(0, 100), min_size=1))
def test_each_age_is_in_the_group_that_holds_it(scheme, ages):
    groups = age_groups(scheme)
    starts = [*groups.starts, 1000]
    expected = [next(place for place in range(len(groups.labels)) if age < starts[place + 1]) for age in ages]
    assert groups.codes(ages).tolist() == expected
    column = groups.column(np.array(ages))
    assert column.ordered
    assert list(column) == [groups.labels[place] for place in expected]


def read(clean_rows, **options):
    return cs.read_extract(clean_rows(120), layout="childsurv", closing_date="2020-12-31", **options)


def test_reading_and_regrouping_are_the_same(clean_rows):
    cohort = read(clean_rows, age_groups="concord")
    again = read(clean_rows).with_age_groups("concord")
    assert cohort.data["age_group"].equals(again.data["age_group"])
    assert cohort.conventions == again.conventions
    curves = cs.kaplan_meier(cohort, by="age_group")
    assert list(
        curves.groups_table["age_group"] if hasattr(curves, "groups_table") else curves.groups["age_group"]
    )


def test_every_result_prints_what_it_is_about(clean_rows):
    cohort = read(clean_rows, age_band="0-14")
    stated = {
        "iccc_edition": "2017",
        "age_band": "0-14",
        "age_groups": "standard: 0, 1-4, 5-9, 10-14, 15-19, 20+",
        "closing_date": "2020-12-31",
    }
    assert cohort.conventions == stated
    assert stated.items() <= cs.kaplan_meier(cohort).conventions.items()
    assert stated.items() <= cs.cox(cohort, "sex").conventions.items()
    assert stated == dict(cs.logrank_test(cohort, by="sex").conventions)
    quality = cs.data_quality(cohort)
    assert stated.items() <= quality.attrs["conventions"].items()


def test_bands_that_differ_are_a_warning(clean_rows):
    with pytest.warns(ChildsurvWarning, match=r"0-14, 0-19"):
        both = cs.concat([read(clean_rows, age_band="0-14"), read(clean_rows)])
    assert both.conventions["age_band"] == "0-14; 0-19"


def test_bands_are_those_of_the_registries():
    assert AGE_BANDS == {"0-14": 14, "0-17": 17, "0-18": 18, "0-19": 19}
