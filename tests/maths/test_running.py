from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.maths import running as ragged
from childsurv.maths.running import (
    group_starts,
    last_row_at,
    ratio,
    running_maximum,
    running_product,
    running_sum,
)

LENGTHS = st.lists(st.integers(0, 150), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("running", "own"),
    [(running_sum, np.cumsum), (running_product, np.cumprod), (running_maximum, np.maximum.accumulate)],
)
@pytest.mark.parametrize(("long", "padded"), [(10**9, 1), (10**9, 64), (10**9, 2_000_000), (0, 1)])
@given(lengths=LENGTHS, seed=st.integers(0, 100))
def test_each_group_has_the_bits_of_its_own(
    running: Callable[..., npt.NDArray[np.float64]],
    own: Callable[..., npt.NDArray[np.float64]],
    long: int,
    padded: int,
    lengths: list[int],
    seed: int,
) -> None:
    group = np.repeat(np.arange(len(lengths)), lengths)
    values = np.random.default_rng(seed).uniform(0.5, 1.5, group.size)
    starts = group_starts(group, len(lengths))
    assert starts.tolist() == [0, *np.cumsum(lengths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ragged, "LONG_GROUP", long)
        patch.setattr(ragged, "PADDED_VALUES", padded)
        result = running(values, starts)
    for code in range(len(lengths)):
        rows = slice(starts[code], starts[code + 1])
        assert result[rows].tobytes() == own(values[rows]).tobytes()


def test_integers_stay_integers() -> None:
    result = running_sum(np.array([1, 2, 3, 4]), np.array([0, 2, 4]))
    assert result.dtype == np.int64
    assert result.tolist() == [1, 3, 3, 7]


def test_last_row_at() -> None:
    times = np.array([1.0, 3.0, 2.0, 2.5, 9.0])
    group = np.array([0, 0, 2, 2, 2])
    rows = last_row_at(times, group_starts(group, 3), group, np.array([0.5, 2.0, 3.0, 10.0]))
    assert rows.tolist() == [[-1, 0, 1, 1], [-1, -1, -1, -1], [-1, 2, 3, 4]]


def test_a_ratio_is_a_division_where_its_condition_holds_and_another_value_elsewhere() -> None:
    assert ratio([1, 2, 3], [2, 0, 3]).tolist() == [0.5, 0.0, 1.0]
    assert ratio([1, 0], 0, where=[True, True]).tolist()[0] == np.inf
    assert np.isnan(ratio(1, [0, 2], otherwise=np.nan)).tolist() == [True, False]
