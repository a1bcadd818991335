"""Results that cannot be changed, and still can be pickled and copied."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt


class Frozen:
    """Base of frozen dataclasses that hold read-only mappings or arrays: they can be pickled and deep-copied.

    Python cannot pickle a ``MappingProxyType``, and NumPy makes a pickled or deep-copied array writable again. The
    state of an instance therefore marks both, and setting the state makes them read-only again. Tuples, lists and
    mappings are searched for them; other objects take care of themselves, so that a class of this kind may hold
    another.

    Examples
    --------
    >>> import copy
    >>> @dataclass(frozen=True)
    ... class Sums(Frozen):
    ...     by_group: MappingProxyType
    >>> copy.deepcopy(Sums(MappingProxyType({"a": 1})))
    Sums(by_group=mappingproxy({'a': 1}))
    """

    __slots__ = ()

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes, read-only ones marked."""
        return {name: _marked(value) for name, value in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the attributes back, read-only where they were."""
        vars(self).update({name: _read_only(value) for name, value in state.items()})


@dataclass
class _Mapping:
    """Items of a mapping that was read-only."""

    items: dict[Any, Any]


@dataclass
class _Array:
    """An array that was read-only."""

    values: npt.NDArray[Any]


def _marked(value: Any) -> Any:
    """Return a value with what is read-only in it marked."""
    if isinstance(value, MappingProxyType):
        return _Mapping({key: _marked(item) for key, item in value.items()})
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        return _Array(value)
    return _within(value, _marked)


def _read_only(value: Any) -> Any:
    """Return a value with what is marked in it made read-only."""
    if isinstance(value, _Mapping):
        return MappingProxyType({key: _read_only(item) for key, item in value.items.items()})
    if isinstance(value, _Array):
        value.values.setflags(write=False)
        return value.values
    return _within(value, _read_only)


def _within(value: Any, change: Any) -> Any:
    """Return a plain container with each of its items changed; any other value as it is."""
    if type(value) is dict:
        return {key: change(item) for key, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(map(change, value))
    return value
