"""No function changes a life table that it is given: digest, cuts, strata, marks and provenance stay what they were."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.lifetable.table import LifeTable
from strategies import examples

START = pd.Timestamp("2001-03-01")


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 40
    return pd.DataFrame(
        {
            "sex": rng.choice(["female", "male"], n),
            "country": rng.choice(["XAA", "XBB"], n),
            "age_days": rng.integers(0, 3000, n),
            "diagnosis_date": START + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "time": rng.integers(1, 500, n),
            "event": rng.integers(0, 2, n),
        }
    )


def tables() -> st.SearchStrategy[LifeTable]:
    """Tables of two countries by random ages, years and rates, some with gaps."""

    def build(ages: list[int], years: int, seed: int, gap: bool) -> LifeTable:
        rng = np.random.default_rng(seed)
        rows = [
            (country, sex, age, 2000 + year, 10 ** rng.uniform(-4, -1))
            for country in ("XAA", "XBB")
            for sex in ("female", "male")
            for age in [0, 1, *ages]
            for year in range(years)
        ]
        frame = pd.DataFrame(rows, columns=["country", "sex", "age", "year", "mx"])
        if gap:
            frame = frame.drop(index=frame.index[-1])
        return LifeTable.from_frame(frame, mx="mx", by="country", missing="not-covered")

    later = st.lists(st.integers(2, 30), min_size=1, max_size=4, unique=True).map(sorted)
    return st.builds(build, later, st.integers(4, 7), st.integers(0, 99), st.booleans())


FOLLOWED = {"time": "time", "event": "event"}

USES = {
    "repr": lambda table, people: repr(table),
    "to_frame": lambda table, people: table.to_frame().drop(columns="age"),
    "expand": lambda table, people: table.expand(),
    "split_infancy": lambda table, people: table.split_infancy([0.5, 0.3, 0.2]),
    "extend last": lambda table, people: table.extend("last"),
    "extend trend": lambda table, people: table.extend("trend", until=2020, over=3),
    "with_look_up": lambda table, people: [
        table.with_look_up(rule) for rule in ("relsurv", "fractional-years")
    ],
    "concat": lambda table, people: cs.concat_life_tables([table]),
    "hazard": lambda table, people: table.hazard(
        sex="male", birth_date="1999-05-05", date="2001-06-01", country="XAA"
    ),
    "survival": lambda table, people: table.survival(
        sex="male", birth_date="1999-05-05", date="2001-06-01", days=300, country="XAA"
    ),
    "plot": lambda table, people: table.plot("heatmap", strata={"sex": "male", "country": "XAA"}),
    "check": lambda table, people: cs.check_life_table(table),
    "life_expectancy": lambda table, people: cs.life_expectancy(table),
    "expected_survival": lambda table, people: cs.expected_survival(
        people, table, kind="individual", time="time"
    ),
    "person_years": lambda table, people: cs.person_years(
        people, table, ages=[0, 3], years=[2002], **FOLLOWED
    ),
    "ratio": lambda table, people: cs.standardised_mortality_ratio(people, table, **FOLLOWED),
    "net_survival": lambda table, people: cs.net_survival(people, table, **FOLLOWED),
    "ederer2": lambda table, people: cs.net_survival(people, table, method="ederer2", **FOLLOWED),
    "observed": lambda table, people: cs.net_survival(
        people.assign(country="XZZ"), table, missing="observed", **FOLLOWED
    ),
    "tally": lambda table, people: cs.tally(people, life_table=table, **FOLLOWED),
}


@examples(20)
@given(table=tables(), name=st.sampled_from(sorted(USES)))
def test_a_table_stays_what_it_is(people, table, name):
    arrays = (table.rates, table.extended, table.age_starts, table.year_starts)
    copies = [array.copy() for array in arrays]
    strata, provenance, digest = table.strata.copy(), repr(table.provenance), table.digest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cs.ChildsurvWarning)
        # Somebody may enter a gap; the table must be unchanged all the same.
        with contextlib.suppress(cs.ChildsurvError):
            USES[name](table, people)
    for array, copy in zip(arrays, copies, strict=True):
        assert not array.flags.writeable
        np.testing.assert_array_equal(array, copy)
    pd.testing.assert_frame_equal(table.strata, strata)
    assert repr(table.provenance) == provenance
    # Taken afresh, because the digest of a table is kept once known.
    table.__dict__.pop("digest")
    assert table.digest == digest


def test_every_public_function_that_takes_a_table_is_among_the_uses():
    taking = {"expand", "split_infancy", "extend", "with_look_up", "hazard", "survival", "plot", "to_frame"}
    methods = {
        name for name in vars(LifeTable) if not name.startswith("_") and callable(getattr(LifeTable, name))
    }
    public = methods - {"from_frame", "stratum_codes"}
    assert public == taking
    assert all(any(use.startswith(name) for use in USES) for name in taking)


def test_results_of_building_do_not_share_what_can_be_written(people):
    table = cs.LifeTable.from_frame(
        pd.DataFrame(
            [(sex, age, year, 0.01) for sex in ("female", "male") for age in (0, 1) for year in (2000, 2001)],
            columns=["sex", "age", "year", "mx"],
        ),
        mx="mx",
    )
    frame = table.to_frame()
    frame["hazard_per_day"] = 0.0
    assert (table.rates > 0).all()
    with pytest.raises(ValueError, match="read-only"):
        table.rates[0, 0, 0] = 1.0
    with pytest.raises(AttributeError):
        table.rates = frame  # type: ignore[misc]
