"""What cannot be changed stays so when it is pickled or copied."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from childsurv.maths.frozen import Frozen


@dataclass(frozen=True, eq=False)
class Inner(Frozen):
    sums: Mapping[str, npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Outer(Frozen):
    fixed: npt.NDArray[np.float64]
    loose: npt.NDArray[np.float64]
    parts: tuple[Mapping[str, Any], ...]
    inner: Inner


def example() -> Outer:
    fixed, within = np.arange(3.0), np.arange(4.0)
    fixed.setflags(write=False)
    within.setflags(write=False)
    return Outer(
        fixed,
        np.arange(2.0),
        (MappingProxyType({"a": MappingProxyType({"b": 1})}), {"c": [within]}),
        Inner(MappingProxyType({"events": within})),
    )


@pytest.mark.parametrize(
    "again",
    [copy.deepcopy, copy.copy, *(lambda one, p=p: pickle.loads(pickle.dumps(one, p)) for p in range(2, 6))],
)
def test_copies_are_equal_and_as_frozen(again: Callable[[Outer], Outer]) -> None:
    first = example()
    other = again(first)
    np.testing.assert_array_equal(other.fixed, first.fixed)
    assert not other.fixed.flags.writeable
    assert other.loose.flags.writeable
    assert other.parts[0] == {"a": {"b": 1}}
    assert isinstance(other.parts[0], MappingProxyType)
    assert isinstance(other.parts[0]["a"], MappingProxyType)
    assert type(other.parts[1]) is dict
    assert not other.parts[1]["c"][0].flags.writeable
    assert isinstance(other.inner.sums, MappingProxyType)
    assert not other.inner.sums["events"].flags.writeable
    with pytest.raises(FrozenInstanceError, match=r"^cannot assign to field 'fixed'$"):
        other.fixed = other.loose  # type: ignore[misc]


def test_a_deep_copy_shares_nothing_that_can_be_changed() -> None:
    first = example()
    other = copy.deepcopy(first)
    first.loose[0] = 9.0
    assert other.loose[0] == 0.0
    assert not np.shares_memory(first.fixed, other.fixed)


def test_a_copy_leaves_the_original_frozen() -> None:
    first = example()
    pickle.dumps(first)
    copy.deepcopy(first)
    assert not first.fixed.flags.writeable
    assert isinstance(first.parts[0], MappingProxyType)
