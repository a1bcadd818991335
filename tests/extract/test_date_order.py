"""Day or month first: the whole file decides, or is refused with both readings explained."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import LayoutError, OptionError
from childsurv.extract.date_order import swapped

DATES = ("birth_date", "diagnosis_date", "last_contact_date")


def layout_with(formats):
    layout = cs.load_layout("childsurv")
    columns = {
        name: dataclasses.replace(rule, formats=tuple(formats)) if name in DATES else rule
        for name, rule in layout.columns.items()
    }
    return dataclasses.replace(layout, columns=columns)


def written(rows, style):
    changed = rows.copy()
    for name in DATES:
        changed[name] = pd.to_datetime(rows[name]).dt.strftime(style)
    return changed


def read(rows, formats, **options):
    return cs.read_extract(rows, layout=layout_with(formats), closing_date="2020-12-31", **options)


BOTH = ["%Y%m%d", "%Y%d%m"]


@pytest.mark.parametrize("style", BOTH)
def test_the_file_decides_and_says_so(clean_rows, style):
    rows = clean_rows(200)
    cohort = read(written(rows, style), BOTH)
    true = cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31")
    pd.testing.assert_frame_equal(cohort.data, true.data)
    note = cohort.findings.set_index("code").loc["date-order-from-data"]
    days = pd.concat([pd.to_datetime(rows[name]).dt.day for name in DATES])
    assert note["count"] == (days > 12).sum()
    assert cohort.provenance[0]["date_formats"]["birth_date"] == (style,)


def ambiguous(rows):
    changed = rows.copy()
    changed["birth_date"], changed["diagnosis_date"] = "2001-02-03", "2003-04-05"
    changed["last_contact_date"] = "2008-09-10"
    return changed


def test_a_file_without_proof_is_refused_with_both_readings(clean_rows):
    rows = written(ambiguous(clean_rows(10)), "%Y%m%d")
    with pytest.raises(LayoutError) as caught:
        read(rows, BOTH)
    text = str(caught.value)
    assert "neither" in text and "30 values" in text  # noqa: PT018
    assert "date_formats=['%Y%m%d']" in text
    assert "%Y%d%m writes 5 March 2010 as 20100503" in text
    assert not re.search("200[138]", text)
    month_first = read(rows, BOTH, date_formats=["%Y%m%d"]).data
    day_first = read(rows, BOTH, date_formats=["%Y%d%m"]).data
    assert set(month_first["diagnosis_date"]) == {pd.Timestamp("2003-04-05")}
    assert set(day_first["diagnosis_date"]) == {pd.Timestamp("2003-05-04")}


def test_a_file_of_both_orders_is_refused(clean_rows):
    rows = clean_rows(20)
    mixed = pd.concat([written(rows.iloc[:10], "%Y%m%d"), written(rows.iloc[10:], "%Y%d%m")])
    with pytest.raises(
        LayoutError,
        match=(
            "^Layout childsurv allows day and month in either order, and the dates of this file "
            r"\(birth_date, diagnosis_date, last_contact_date\) prove both: 18 values can only be %Y%m%d, "
            r"17 only %Y%d%m, and 25 can be either\. %Y%m%d writes 5 March 2010 as 20100305; %Y%d%m writes"
            r" 5 March 2010 as 20100503\. Ask the registry, and read the file with "
            r"date_formats=\['%Y%m%d'\] or date_formats=\['%Y%d%m'\]\.$"
        ),
    ):
        read(mixed, BOTH)


def test_a_file_in_the_order_that_the_layout_does_not_name_is_refused(clean_rows):
    rows = written(clean_rows(60), "%m/%d/%Y")
    with pytest.raises(
        LayoutError,
        match=(
            "^Layout childsurv reads dates as %d/%m/%Y, but 107 values can only be %m/%d/%Y, 73 can be "
            "either, and none can only be %d/%m/%Y: day and month seem to be the other way round, and "
            r"the 73 would be read as wrong dates\. If the file is written %m/%d/%Y, read it with "
            r"date_formats=\['%m/%d/%Y'\]; if it is not, with date_formats=\['%d/%m/%Y'\], and correct the"
            r" 107 values\.$"
        ),
    ):
        read(rows, ["%d/%m/%Y"])
    assert len(read(rows, ["%d/%m/%Y"], date_formats=["%m/%d/%Y"])) == 60


def test_single_wrong_dates_are_findings_as_ever(clean_rows):
    rows = written(clean_rows(60), "%d/%m/%Y")
    rows.loc[3, "birth_date"] = "05/13/2003"
    cohort = read(rows, ["%d/%m/%Y"])
    assert cohort.findings.query("code == 'birth-date-unreadable'")["row_number"].tolist() == [4]


@pytest.mark.parametrize("formats", ["%Y%m%d", [], ["%d.%m.%y"], ["%Q"]])
def test_formats_given_by_hand_are_checked(clean_rows, formats):
    with pytest.raises(OptionError, match="date_formats="):
        read(clean_rows(3), BOTH, date_formats=formats)


@given(
    st.lists(st.tuples(st.integers(1, 28), st.integers(1, 12)), min_size=1, max_size=12),
    st.sampled_from(BOTH),
)
def test_a_file_is_read_rightly_or_refused(clean_rows, parts, style):
    rows = clean_rows(len(parts))
    rows["diagnosis_date"] = [f"2004-{month:02d}-{day:02d}" for day, month in parts]
    rows["birth_date"], rows["last_contact_date"] = "2003-01-01", "2010-01-01"
    proof = any(day > 12 for day, _ in parts)
    if not proof:
        with pytest.raises(LayoutError, match="either order"):
            read(written(rows, style), BOTH)
        return
    days = read(written(rows, style), BOTH, exclude="minimal").data["diagnosis_date"]
    assert days.dt.strftime("%Y-%m-%d").tolist() == rows["diagnosis_date"].tolist()


def test_swapping_twice_is_nothing():
    for style in ("%Y%m%d", "%d.%m.%Y", "%m/%d/%Y"):
        assert swapped(swapped(style)) == style
    assert swapped("%d %b %Y") is None


def test_columns_of_dates_decide_together(clean_rows):
    rows = ambiguous(clean_rows(5))
    rows.loc[0, "last_contact_date"] = "2008-09-30"
    assert len(read(written(rows, "%Y%d%m"), BOTH)) == 5
