"""The international rules for multiple primaries, by hand and against pairs compared one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.extract.multiple_primaries import (
    histology_groups,
    organs,
    repeated_tumours,
    same_tumour,
)


@pytest.mark.parametrize(
    ("morphology", "group"),
    [
        (8051, 1), (8131, 1), (8090, 2), (8140, 3), (8170, 4), (8010, 5), (8050, 5), (8900, 6), (9050, 7),
        (9861, 8), (9811, 9), (9680, 9), (9712, 9), (9702, 10), (9837, 10), (9650, 11), (9740, 12), (9751, 13),
        (9591, 14), (9800, 14), (9140, 15), (9470, 16), (8960, 16), (9510, 16), (8000, 17), (9999, 16),
    ],
)  # fmt: skip
def test_groups(morphology, group):
    assert histology_groups(np.array([morphology])).tolist() == [group]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ((64, 8960), (64, 8963), True),  # one group, one organ
        ((64, 8960), (71, 9470), False),  # one group (other specified), two organs
        ((40, 9180), (41, 9260), False),  # sarcoma and other, in bone counted as one organ
        ((40, 9180), (41, 9220), True),
        ((42, 9811), (77, 9680), True),  # B-cell neoplasms are systemic
        ((42, 9811), (42, 9861), False),  # lymphoid and myeloid
        ((42, 9811), (77, 9591), True),  # unspecified against B-cell
        ((77, 9591), (42, 9800), True),
        ((44, 9140), (49, 9140), True),  # Kaposi sarcoma
        ((22, 8010), (22, 8170), True),  # unspecified carcinoma against a specific one
        ((22, 8010), (73, 8260), False),
        ((22, 8010), (22, 8900), False),  # unspecified carcinoma against sarcoma
        ((71, 8000), (71, 9470), True),  # unspecified against anything in the organ
        ((71, 8000), (64, 8960), False),
        ((80, 8000), (64, 8960), True),  # the site that would decide is unknown
        ((80, 8960), (64, 9470), True),
        ((80, 8900), (64, 8960), False),  # different groups: the site does not matter
    ],
)
def test_pairs_by_hand(first, second, same):
    for one, other in ((first, second), (second, first)):
        site, morphology = np.array([one[0], other[0]]), np.array([one[1], other[1]])
        assert repeated_tumours(np.array([7, 7]), site, morphology).tolist() == [False, same]
        assert repeated_tumours(np.array([7, 8]), site, morphology).tolist() == [False, False]


TUMOURS = st.tuples(
    st.integers(0, 3),
    st.sampled_from([64, 71, 40, 41, 80, 42]),
    st.sampled_from([8000, 8010, 8170, 8960, 9811, 9591]),
)


@given(st.lists(TUMOURS, max_size=30))
def test_many_tumours_are_compared_with_every_earlier_one(tumours):
    child, site, morphology = (
        np.array([tumour[place] for tumour in tumours], dtype=np.int64) for place in range(3)
    )
    group, organ = histology_groups(morphology), organs(site)
    expected = [
        any(
            child[before] == child[later]
            and bool(
                same_tumour(
                    *(np.array([x]) for x in (group[later], organ[later], group[before], organ[before]))
                )[0]
            )
            for before in range(later)
        )
        for later in range(len(tumours))
    ]
    assert repeated_tumours(child, site, morphology).tolist() == expected


def test_one_identifier_for_all_is_no_hang():
    size = 200_000
    rng = np.random.default_rng(1)
    found = repeated_tumours(
        np.zeros(size, dtype=np.int64), rng.integers(0, 81, size), rng.integers(8000, 10_000, size)
    )
    assert found.sum() > size - 2_000


def test_findings_in_an_extract(clean_rows):
    rows = clean_rows(5).assign(
        patient_id=["a", "a", "a", "b", "b"], sex="male", country="Xenia", birth_date="2000-01-01",
        diagnosis_date=["2002-01-01", "2003-01-01", "2004-01-01", "2002-01-01", "2003-01-01"],
        last_contact_date="2010-01-01", topography=["C64.9", "C64.9", "C42.1", "C71.6", "C71.1"],
        morphology=["8960", "8963", "9811", "9470", "9421"], behaviour=["3", "3", "3", "3", "1"],
    )  # fmt: skip
    cohort = cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31")
    found = cohort.findings
    assert found.loc[found["code"] == "possible-same-tumour", "row_number"].tolist() == [2]
    # Row 5 is not malignant: the rules do not speak of it.
    assert found.loc[found["code"] == "multiple-primary", "count"].tolist() == [1]
    assert found.loc[found["code"] == "second-primary", "row_number"].tolist() == [2, 3, 5]
    nordcan = cs.read_extract(rows, layout="childsurv", closing_date="2020-12-31", exclude="nordcan")
    # The first tumour of each group stays: 1 (VI), 3 (I), 4 (III); row 5 is of III again, and not malignant.
    assert nordcan.data["source_row"].tolist() == [1, 3, 4]
    same = cs.read_extract(
        rows, layout="childsurv", closing_date="2020-12-31", exclude=["minimal", "possible-same-tumour"]
    )
    assert same.data["source_row"].tolist() == [1, 3, 4, 5]
    assert isinstance(found, pd.DataFrame)
