from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv.lifetable.paths as paths
from childsurv.errors import LifeTableError, asking
from childsurv.lifetable.paths import cell_index, cumulative_hazard, walk
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import days_of

BIRTHS = st.dates(dt.date(1998, 1, 1), dt.date(2006, 12, 31)) | st.sampled_from(
    [dt.date(2000, 2, 29), dt.date(2004, 2, 29), dt.date(2001, 1, 1), dt.date(2003, 12, 31)]
)
PEOPLE = st.lists(
    st.tuples(st.sampled_from(["female", "male"]), BIRTHS, st.integers(0, 1000), st.integers(0, 1100)),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def table(cells) -> LifeTable:
    return LifeTable.from_frame(cells, mx="mx")


def arrays(people):
    stratum = np.array([0 if sex == "female" else 1 for sex, *_ in people])
    birth = np.array([np.datetime64(birth, "D").astype(np.int64) for _, birth, *_ in people])
    diagnosis = birth + np.array([age for _, _, age, _ in people])
    return stratum, birth, diagnosis, np.array([time for *_, time in people])


def hazard_of(table, stratum, birth, diagnosis, time):
    with asking("test"):
        return cumulative_hazard(table, stratum, birth=birth, diagnosis=diagnosis, time=time)


@given(people=PEOPLE)
def test_the_cumulative_hazard_is_that_of_one_look_up_a_day(table, naive_hazard, people):
    found = hazard_of(table, *arrays(people))
    expected = [
        naive_hazard(sex, birth, birth + dt.timedelta(days=age), time) for sex, birth, age, time in people
    ]
    # The loop adds up to 1,100 numbers one by one, which alone loses some 1e-13.
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)


@given(people=PEOPLE, share=st.floats(0, 1))
def test_consecutive_stretches_add_up(table, people, share):
    stratum, birth, diagnosis, time = arrays(people)
    first = (time * share).astype(np.int64)
    both = hazard_of(table, stratum, birth, diagnosis, first) + hazard_of(
        table, stratum, birth, diagnosis + first, time - first
    )
    # Sums of a few positive products in another order.
    assert hazard_of(table, stratum, birth, diagnosis, time) == pytest.approx(both, rel=1e-13, abs=1e-16)


@given(
    people=PEOPLE,
    days_per_year=st.sampled_from([365.241, 365.24, 360.0]),
    whole_days=st.booleans(),
    longest_first=st.booleans(),
)
def test_pieces_join_up_and_lie_each_in_one_cell(cells, people, days_per_year, whole_days, longest_first):
    table = LifeTable.from_frame(cells, mx="mx", days_per_year=days_per_year)
    stratum, birth, diagnosis, time = arrays(people)
    if longest_first:
        order = np.argsort(-time, kind="stable")
        stratum, birth, diagnosis, time = (values[order] for values in (stratum, birth, diagnosis, time))
    at = np.zeros(time.size)
    total = np.zeros(time.size)
    ended = np.zeros(time.size, dtype=int)
    with asking("test"):
        pieces = walk(
            table, stratum, birth=birth, diagnosis=diagnosis, time=time, whole_days=whole_days, block_days=100
        )
    for piece in pieces:
        rows = slice(0, piece.start.size)
        assert np.array_equal(piece.start, at[rows])
        assert piece.cumulative == pytest.approx(total[rows], rel=1e-14)
        assert (piece.stop - piece.start <= 100).all()
        if whole_days:
            assert (piece.stop % 1 == 0).all()
        age = (diagnosis - birth)[rows] + (piece.start + piece.stop) / 2
        year = (
            (diagnosis[rows] + (piece.start + piece.stop) / 2).astype("datetime64[D]").astype("datetime64[Y]")
        )
        lies_in = piece.cell // table.year_starts.size % table.age_starts.size
        # Those who ended before have a piece without length, and no hazard in it.
        long = piece.stop > piece.start
        assert (piece.rate[~long] == 0).all()
        if not whole_days:
            assert np.array_equal(lies_in[long], np.minimum(age // days_per_year, 12).astype(int)[long])
        assert np.array_equal(
            (piece.cell % table.year_starts.size)[long], (year.astype(int) + 1970 - 1998)[long]
        )
        at[rows] = piece.stop
        total[rows] = piece.reached
        ended[piece.last] += 1
        assert (at[piece.kept :] == time[piece.kept :]).all()
    assert np.array_equal(at, time)
    assert (ended == 1).all()


def test_whole_days_let_a_cut_inside_a_day_take_effect_on_the_next(cells):
    table = LifeTable.from_frame(cells, mx="mx", days_per_year=365.241)
    birth = np.array([np.datetime64("2000-03-01", "D").astype(np.int64)])
    with asking("test"):
        exact, whole = (
            [
                float(piece.stop[0])
                for piece in walk(
                    table,
                    np.array([0]),
                    birth=birth,
                    diagnosis=birth + 360,
                    time=np.array([10]),
                    whole_days=flag,
                )
            ]
            for flag in (False, True)
        )
    assert exact == pytest.approx([5.241, 10])
    assert whole == [6, 10]


def test_a_batch_gives_each_person_the_same_as_alone_whatever_its_size(table, monkeypatch):
    rng = np.random.default_rng(2)
    birth = days_of(np.array(["1999-01-01"] * 300, dtype="datetime64[D]")) + rng.integers(0, 2500, 300)
    arguments = (
        rng.integers(0, 2, 300),
        birth,
        birth + rng.integers(0, 700, 300),
        rng.integers(0, 1500, 300),
    )
    whole = hazard_of(table, *arguments)
    monkeypatch.setattr(paths, "ROWS_AT_A_TIME", 7)
    assert np.array_equal(hazard_of(table, *arguments), whole)


def test_gaps_are_found_before_the_walk_with_the_rows_of_all_the_data(cells, monkeypatch):
    monkeypatch.setattr(paths, "ROWS_AT_A_TIME", 3)
    frame = pd.concat([cells.assign(country="XAA"), cells[cells["year"] < 2005].assign(country="XBB")])
    table = LifeTable.from_frame(frame, mx="mx", by="country")
    birth = np.full(8, np.datetime64("2003-07-01", "D").astype(np.int64))
    stratum = np.array([0, 2, 0, 2, 2, 0, 0, 3])
    time = np.array([900, 10, 900, 550, 551, 900, 900, 900])
    assert table.gap_counts is not None
    # 550 days are those up to 31 December 2004, the last that XBB has.
    with pytest.raises(
        LifeTableError, match=r"in 2 rows \(rows 5, 8\); by country, sex: XBB, female .1 rows.; XBB, male .1"
    ):
        hazard_of(table, stratum, birth, birth, time)
    time[[4, 7]] = 550
    assert np.isfinite(hazard_of(table, stratum, birth, birth, time)).all()


def test_a_gap_beside_the_path_does_not_matter(cells):
    frame = cells.assign(mx=cells["mx"].where((cells["age"] != 3) | (cells["year"] != 2005)))
    table = LifeTable.from_frame(frame, mx="mx", missing="not-covered")
    birth = np.array(
        [np.datetime64(day, "D").astype(np.int64) for day in ("2002-07-01", "2003-07-01", "2001-12-31")]
    )
    stratum, years = np.zeros(3, dtype=np.int64), np.array([1400, 1400, 1400])
    # Aged 3 in 2005: the first from 1 July 2005; the others turn 3 in 2006 and at the end of 2004.
    with pytest.raises(LifeTableError, match=r"in 2 rows \(rows 1, 3\)"), asking("test"):
        cell_index(table, stratum, birth, birth, years)
    with asking("test"):
        assert cell_index(table, stratum[1:2], birth[1:2], birth[1:2], years[1:2]).size == 1


def test_a_table_without_gaps_counts_none(table):
    assert table.gap_counts is None
