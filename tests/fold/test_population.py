from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from childsurv.errors import LifeTableError
from childsurv.fold import population as population_fold
from childsurv.fold.population import BLOCK_DAYS, block_length, fold_population, smallest_rate_of_power
from childsurv.lifetable.table import LifeTable
from strategies import exactly


def life_table(male: float, female: float = 1e-6, *, years: range = range(1990, 2031)) -> LifeTable:
    rows = [(sex, 0, year, rate) for sex, rate in (("male", male), ("female", female)) for year in years]
    return LifeTable.from_frame(
        pd.DataFrame(rows, columns=["sex", "age", "year", "h"]), rate="h", rate_unit="per_day"
    )


def fold(table: LifeTable, time: list[int], **options: Any) -> population_fold.PopulationSums:
    size = len(time)
    columns: dict[str, Any] = {
        # Strata are sorted: female 0, male 1.
        "stratum": np.ones(size, dtype=np.int64),
        "birth": np.full(size, 9000),
        "diagnosis": np.full(size, 10_000),
        "entry": None,
        "time": np.array(time),
        "event": np.ones(size, dtype=np.int8),
        "group": np.zeros(size, dtype=np.int64),
        "n_groups": 1,
        "plain": True,
        "weighted": True,
    } | options
    return fold_population(table, columns.pop("stratum"), **columns)


def test_only_the_sums_that_are_asked_for() -> None:
    plain = fold(life_table(1e-4), [5], weighted=False)
    assert plain.expected_events is not None
    assert plain.weighted_left is None
    weighted = fold(life_table(1e-4), [5], plain=False)
    assert weighted.expected_events is None
    assert weighted.weighted_left is not None


def test_growth_of_one_person_over_blocks() -> None:
    rate, last = 3e-4, 2 * BLOCK_DAYS + 5
    sums = fold(life_table(rate), [last])
    days = np.arange(1, last + 1)
    assert sums.weighted_expected_events is not None
    expected = np.exp(rate * days) - np.exp(rate * (days - 1))
    # Differences of numbers of order 2, so 1e-15 of them is 1e-11 of a day's growth.
    np.testing.assert_allclose(sums.weighted_expected_events[0, 1:], expected, rtol=1e-10, atol=1e-15)
    assert sums.expected_events is not None
    np.testing.assert_allclose(sums.expected_events[0, 1:], rate, rtol=1e-12)
    assert sums.expected_events[0, 0] == 0


def test_weights_at_entry_and_exit() -> None:
    rate = 2e-3
    sums = fold(life_table(rate), [700, 900], entry=np.array([0, 650]))
    assert sums.weighted_entered is not None
    assert sums.weighted_left is not None
    assert sums.weighted_events_squared is not None
    assert sums.weighted_entered[0, [0, 650]].tolist() == pytest.approx([1, math.exp(650 * rate)], rel=1e-13)
    assert sums.weighted_left[0, [700, 900]].tolist() == pytest.approx(
        [math.exp(700 * rate), math.exp(900 * rate)], rel=1e-13
    )
    assert sums.weighted_events_squared[0, 900] == pytest.approx(math.exp(1800 * rate), rel=1e-13)


@pytest.mark.parametrize("name", ["weighted_expected_events", "expected_events"])
@pytest.mark.parametrize("blocks", [8, 64, 1024, 4096])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, name: str, blocks: int) -> None:
    rng = np.random.default_rng(0)
    time = rng.integers(1, 5000, 40).tolist()
    groups: dict[str, Any] = {
        "group": rng.integers(0, 3, 40),
        "n_groups": 3,
        "birth": 10_000 - rng.integers(0, 5000, 40),
    }
    expected = getattr(fold(life_table(2e-4), time, **groups), name)
    monkeypatch.setattr(population_fold, "BLOCK_DAYS", blocks)
    np.testing.assert_allclose(
        getattr(fold(life_table(2e-4), time, **groups), name), expected, rtol=1e-9, atol=1e-14
    )


def test_blocks_are_shorter_where_hazards_are_extreme() -> None:
    assert block_length(life_table(1e-4)) == BLOCK_DAYS
    assert block_length(life_table(0.01)) == BLOCK_DAYS
    assert block_length(life_table(0.02)) < BLOCK_DAYS
    assert block_length(life_table(5.0)) == 2


def test_terms_left_out_are_negligible() -> None:
    for power in range(2, 12):
        rate = smallest_rate_of_power(power, 512.0)
        assert (rate * 512) ** power / math.factorial(power) == pytest.approx(
            population_fold.SMALLEST_TERM, rel=1e-9
        )


def test_days_in_extended_cells_are_counted() -> None:
    table = life_table(1e-4, years=range(1997, 1998)).extend("last")
    # Diagnosed on day 10,000 of 1970, which is 1997-05-19: 227 days to the end of 1997.
    sums = fold(table, [300, 200], entry=np.array([0, 0]))
    assert sums.extended_days == 300 - 227
    late = fold(table, [300, 200], entry=np.array([250, 0]))
    assert late.extended_days == 50


def test_a_table_that_ends_too_early_names_the_remedy() -> None:
    with pytest.raises(
        LifeTableError,
        match=exactly(
            "childsurv: the life table ends on 1997-12-31, before the end of follow-up of 1 row (row "
            "2). Give a table with later years, life_table.extend('last') to carry its last year on "
            "knowingly, or end follow-up earlier with Cohort.window(followed=(None, date))."
        ),
    ):
        fold(life_table(1e-4, years=range(1997, 1998)), [227, 228])
    with pytest.raises(
        LifeTableError,
        match=exactly(
            "childsurv: the life table begins on 1998-01-01, after the start of follow-up of 1 row "
            "(row 1). Give a table with earlier years, or life_table.extend('last') to carry its "
            "first year back knowingly."
        ),
    ):
        fold(life_table(1e-4, years=range(1998, 2010)), [5])


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are the same and added in the same order, whoever folds them."""
    random = np.random.default_rng(4)
    size = 700
    people: dict[str, Any] = {
        "table": life_table(1e-4),
        "time": random.integers(1, 3000, size),
        "stratum": random.integers(0, 2, size),
        "birth": random.integers(8000, 10_000, size),
        "event": random.integers(0, 2, size).astype(np.int8),
        "group": random.integers(0, 5, size),
        "n_groups": 5,
    }
    monkeypatch.setattr(population_fold, "MANY_ROWS", 10)
    monkeypatch.setattr(population_fold, "ROWS_OF_A_THREAD", 50)
    monkeypatch.setattr(population_fold, "MOST_THREADS", 4)
    together = fold(**people)
    monkeypatch.setattr(population_fold, "MOST_THREADS", 1)
    alone = fold(**people)
    monkeypatch.setattr(population_fold, "MANY_ROWS", 10**9)
    monkeypatch.setattr(population_fold, "ROWS_AT_A_TIME", 64)
    other_batches = fold(**people)
    for name in (
        "expected_events",
        "weighted_entered",
        "weighted_left",
        "weighted_events",
        "weighted_expected_events",
    ):
        one, two, three = (getattr(sums, name) for sums in (together, alone, other_batches))
        assert (one == two).all(), name
        np.testing.assert_allclose(one, three, rtol=1e-11, atol=1e-15)
