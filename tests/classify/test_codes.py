"""Reading ICD-O-3 codes: every accepted form, and nothing guessed."""

from __future__ import annotations

from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from childsurv.classify.codes import (
    BEHAVIOURS,
    N_TOPOGRAPHIES,
    clean_behaviour,
    clean_morphology,
    clean_topography,
    topography_numbers,
    write_topography,
)

topographies = st.integers(0, N_TOPOGRAPHIES - 1).map(write_topography)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("C71.6", "C71.6"),
        ("C716", "C71.6"),
        ("716", "C71.6"),
        ("71.6", "C71.6"),
        ("c71.6", "C71.6"),
        (" C71,6 ", "C71.6"),
        ("C 71.6", "C71.6"),
        ("C71-6", "C71.6"),
        ("C71/6", "C71.6"),
        ("C71 6", "C71.6"),
        ("C71·6", "C71.6"),
        ("\ufeffC71.6", "C71.6"),
        ("\u00a0C71.6\u00a0", "C71.6"),
        ("С42.1", "C42.1"),  # Cyrillic С
        ("с421", "C42.1"),  # Cyrillic с
        ("001", "C00.1"),
        (716, "C71.6"),
        (716.0, "C71.6"),
        ("716.0", "C71.6"),
        (np.int64(809), "C80.9"),
        (b"C716", "C71.6"),
        ("C64", "C64.9"),
        ("C64.", "C64.9"),
        ("с73", "C73.9"),
        ("C80", "C80.9"),
        ("C71.6\0\0", "C71.6"),  # a padded field
    ],
)
def test_topography_is_read(written: object, meant: str) -> None:
    cleaned, unreadable = clean_topography([written])
    assert cleaned.tolist() == [meant]
    assert not unreadable.any()


@pytest.mark.parametrize(
    "written",
    [
        "C71",  # which part?
        "71",
        "64",  # C64.9, or C06.4 that lost its zero
        64,
        71.6,
        "C81.0",  # ICD-10, not ICD-O-3
        "C91.0",
        "D33.0",
        "C7I.6",
        "C71.61",
        "C7.16",
        "8000/3",
        "brain",
        "-",
        "C",
        True,
        float("inf"),
        "C７1.6",  # a full-width digit
    ],
)
def test_topography_is_reported_not_guessed(written: object) -> None:
    cleaned, unreadable = clean_topography([written])
    assert cleaned.isna().all()
    assert unreadable.all()


@pytest.mark.parametrize("blank", [None, np.nan, "", "  ", "\0\0", pd.NA, pd.NaT])
def test_a_missing_code_is_not_unreadable(blank: object) -> None:
    values = pd.Series([blank, "x"], dtype=object)
    for cleaned, *_, unreadable in (
        clean_topography(values),
        clean_morphology(values),
        clean_behaviour(values),
    ):
        assert cleaned.isna().all()
        assert unreadable.tolist() == [False, True]


@pytest.mark.parametrize(
    ("written", "morphology", "behaviour"),
    [
        (9440, 9440, None),
        ("9440", 9440, None),
        (9440.0, 9440, None),
        ("9440.0", 9440, None),
        ("9440/3", 9440, 3),
        ("9440 / 3", 9440, 3),
        ("9440\\3", 9440, 3),
        ("9440-3", 9440, 3),
        ("94403", 9440, 3),
        (94400, 9440, 0),
        (94403.0, 9440, 3),
        ("94403.0", 9440, 3),
        ("M9440/1", 9440, 1),
        ("m-9440/1", 9440, 1),
        ("М9440/1", 9440, 1),  # Cyrillic М
        ("8000/6", 8000, 6),
        ("9999/9", 9999, 9),
    ],
)
def test_morphology_is_read(written: object, morphology: int, behaviour: int | None) -> None:
    kinds, behaviours, unreadable = clean_morphology([written])
    assert kinds.tolist() == [morphology]
    assert behaviours.tolist() == [pd.NA if behaviour is None else behaviour]
    assert not unreadable.any()


@pytest.mark.parametrize(
    "written", ["944", "7999", "10000", "9440/4", "9440/33", "9440/", 94405, 9440.5, "9440.3", "C71.6", False]
)
def test_morphology_is_reported_not_guessed(written: object) -> None:
    kinds, behaviours, unreadable = clean_morphology([written])
    assert kinds.isna().all()
    assert behaviours.isna().all()
    assert unreadable.all()


def test_behaviour() -> None:
    cleaned, unreadable = clean_behaviour(["/3", 3, "3", 3.0, "3.0", 2, "9", "4", "malignant", None])
    assert cleaned.tolist()[:7] == [3, 3, 3, 3, 3, 2, 9]
    assert cleaned[7:].isna().all()
    assert unreadable.tolist() == [False] * 7 + [True, True, False]
    assert clean_behaviour(list(range(10)))[0].dropna().tolist() == list(BEHAVIOURS)


def test_index_name_and_types() -> None:
    values = pd.Series(["C71.6", None], index=["a", "b"], name="site")
    cleaned, unreadable = clean_topography(values)
    assert cleaned.index.tolist() == ["a", "b"]
    assert cleaned.name == "site"
    assert unreadable.dtype == bool
    kinds, behaviours, _ = clean_morphology(pd.Series(["9440/3", None], index=["a", "b"]))
    assert kinds.index.tolist() == behaviours.index.tolist() == ["a", "b"]
    assert str(kinds.dtype) == str(behaviours.dtype) == "Int64"


@pytest.mark.parametrize("kind", ["object", "category", "string", "list", "array"])
def test_every_container_gives_the_same(kind: str) -> None:
    codes = ["C71.6", "С42.1", None, "C71.6", "bad"]
    containers = {
        "list": lambda: codes,
        "array": lambda: np.array(codes, dtype=object),
    }
    values = containers[kind]() if kind in containers else pd.Series(codes, dtype=kind)
    cleaned, unreadable = clean_topography(values)
    assert cleaned.fillna("-").tolist() == ["C71.6", "C42.1", "-", "C71.6", "-"]
    assert unreadable.tolist() == [False, False, False, False, True]


@pytest.mark.parametrize("values", [[], [None, None], np.array([], dtype=float)])
def test_nothing_to_read(values: list[None]) -> None:
    cleaned, unreadable = clean_topography(values)
    assert len(cleaned) == len(unreadable) == len(values)
    assert not unreadable.any()
    kinds, behaviours, unreadable = clean_morphology(values)
    assert len(kinds) == len(behaviours) == len(unreadable) == len(values)


def test_every_topography_survives_every_way_of_writing_it() -> None:
    codes = pd.Series([write_topography(number) for number in range(N_TOPOGRAPHIES)])
    ways = [codes, codes.str.replace(".", ""), codes.str.lower(), codes.str.replace("C", "С"), codes.str[1:]]
    for way in ways:
        numbers, unreadable = topography_numbers(way)
        assert numbers.tolist() == list(range(N_TOPOGRAPHIES))
        assert not unreadable.any()


@given(st.lists(st.one_of(topographies, st.none(), st.text(max_size=6)), max_size=30))
def test_cleaning_twice_is_cleaning_once(codes: list[str | None]) -> None:
    once, unreadable = clean_topography(pd.Series(codes, dtype=object))
    twice, still_unreadable = clean_topography(once)
    assert once.fillna("-").tolist() == twice.fillna("-").tolist()
    assert not still_unreadable.any()
    assert once[unreadable].isna().all()


@example(codes=["", "\0", "C71.6", "C71.6\0"], random=Random(1))  # pandas takes each pair for one value
@given(
    codes=st.lists(st.one_of(topographies, st.text(max_size=6)), min_size=1, max_size=20), random=st.randoms()
)
def test_each_row_is_read_alone(codes: list[str], random: Random) -> None:
    order = list(range(len(codes)))
    random.shuffle(order)
    straight, unreadable = clean_topography(pd.Series(codes, dtype=object))
    shuffled, shuffled_unreadable = clean_topography(pd.Series([codes[i] for i in order], dtype=object))
    assert shuffled.fillna("-").tolist() == straight.fillna("-").iloc[order].tolist()
    assert shuffled_unreadable.tolist() == unreadable[order].tolist()
