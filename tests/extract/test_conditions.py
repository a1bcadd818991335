"""The language of rules: what each form of condition accepts, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.errors import LayoutError
from childsurv.extract.columns import Labels
from childsurv.extract.conditions import NO_NUMBER, Dates, Numbers, holds, read_conditions
from childsurv.extract.dates import NO_DAY, as_day

COLUMNS = {
    "age_years": Numbers(np.array([3, 14, 15, NO_NUMBER])),
    "morphology": Numbers(np.array([8960, 9470, 8959, 9811])),
    "topography": Labels(np.array([0, 1, 2, 3]), ("C50.9", "C51.0", "C38.4", "unknown")),
    "sex": Labels(np.array([0, 1, 0, 2]), ("male", "female", "unknown")),
    "diagnosis_date": Dates(
        np.array([as_day("2000-01-01"), as_day("2010-05-01"), NO_DAY, as_day("1999-12-31")])
    ),
}


def rows(**table):
    (conditions,) = (read_conditions(table, place="here"),)
    return np.flatnonzero(holds(conditions, COLUMNS, 4)).tolist()


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"age_years": "<15"}, [0, 1]),
        ({"age_years": ">=15"}, [2]),
        ({"age_years": "= 14"}, [1]),
        ({"age_years": 14}, [1]),
        ({"age_years": ["3", ">14"]}, [0, 2]),
        ({"age_years": "unknown"}, [3]),
        ({"age_years": "not 3"}, [1, 2]),
        ({"morphology": ["8960-8962", "9811"]}, [0, 3]),
        ({"topography": "C51-C58"}, [1]),
        ({"topography": "C50"}, [0]),
        ({"topography": "C38.4"}, [2]),
        ({"topography": ["C38.0-C38.4", "C50.9"]}, [0, 2]),
        ({"topography": "unknown"}, [3]),
        ({"topography": "not C38-C50"}, [1]),
        ({"sex": "Male"}, [0, 2]),
        ({"sex": "not male"}, [1]),
        ({"diagnosis_date": ">=2000-01-01"}, [0, 1]),
        ({"diagnosis_date": "<2000-01-01"}, [3]),
        ({"diagnosis_date": "unknown"}, [2]),
        ({"sex": "male", "age_years": "<15"}, [0]),
    ],
)
def test_conditions_by_hand(table, expected):
    assert rows(**table) == expected


def test_a_list_of_tables_holds_where_any_does():
    tables = [{"sex": "male", "age_years": "3"}, {"age_years": "14"}]
    assert np.flatnonzero(holds(read_conditions(tables, place="here"), COLUMNS, 4)).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "must be a table"),
        ([], "at least one"),
        ("age_years < 15", "must be a table"),
        ({"hair": "red"}, "no column 'hair'"),
        ({"age_years": "young"}, "cannot be compared with a number"),
        ({"age_years": "<young"}, "cannot be compared"),
        ({"age_years": "15-3"}, "cannot be compared"),
        ({"age_years": []}, "give a text"),
        ({"age_years": True}, "give a text"),
        ({"topography": "51-58"}, "cannot be compared with a site"),
        ({"topography": "C58-C51"}, "cannot be compared"),
        ({"diagnosis_date": ">2000"}, "cannot be compared with a date"),
    ],
)
def test_wrong_conditions_name_their_place(table, message):
    with pytest.raises(LayoutError, match=message) as caught:
        read_conditions(table, place="Rules own.toml, rule 'x', when")
    assert "Rules own.toml, rule 'x', when" in str(caught.value)


@given(st.lists(st.integers(0, 120) | st.none(), min_size=1), st.integers(0, 120))
def test_comparisons_split_what_is_known(ages, limit):
    columns = {"age_years": Numbers(np.array([NO_NUMBER if age is None else age for age in ages]))}

    def found(text):
        return holds(read_conditions({"age_years": text}, place="here"), columns, len(ages))

    below, above, unknown = found(f"<{limit}"), found(f">={limit}"), found("unknown")
    assert (below.astype(int) + above + unknown == 1).all()
    assert (found(f"not {limit}") == (found(f"<{limit}") | found(f">{limit}"))).all()
