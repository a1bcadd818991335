"""Running sums and products within the groups of a long table, for many groups at once, and ratios of sums.

Rows are sorted by group. NumPy's own cumulative functions run along long groups one by one, and along short ones
padded to equal length, a few megabytes at a time: each group's result has the same bits whether it is computed alone
or among others.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", bound=np.number[Any])

LONG_GROUP = 150
"""Mean rows of a group from which a call for each is quicker than padding them."""

PADDED_VALUES = 2_000_000
"""Largest padded block, in values; bounds memory whatever the sizes of the groups."""


def ratio(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike,
    *,
    where: npt.ArrayLike | None = None,
    otherwise: float = 0.0,
) -> npt.NDArray[np.float64]:
    """Return ``numerator / denominator`` where a condition holds, and another value elsewhere.

    Parameters
    ----------
    numerator, denominator
        Arrays that broadcast.
    where
        The condition; by default that the denominator is greater than 0. Where it holds, a division by 0 is infinite
        or, for 0 / 0, NaN, without a warning.
    otherwise
        The value elsewhere.
    """
    chosen = np.asarray(denominator) > 0 if where is None else where
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient = np.asarray(numerator) / np.asarray(denominator)
    return np.asarray(np.where(chosen, quotient, otherwise))


def group_starts(group: npt.NDArray[np.int64], n_groups: int) -> npt.NDArray[np.int64]:
    """Return the first row of each group, and the number of rows last; ``group`` is sorted codes."""
    return np.searchsorted(group, np.arange(n_groups + 1))


def _cumulative(
    accumulate: Callable[..., npt.NDArray[Number]],
    values: npt.NDArray[Number],
    starts: npt.NDArray[np.int64],
    neutral: int,
) -> npt.NDArray[Number]:
    lengths = np.diff(starts)
    if lengths.size <= 1:
        return accumulate(values)
    result = np.empty_like(values)
    if values.size >= LONG_GROUP * lengths.size:
        for first, end in pairwise(starts.tolist()):
            accumulate(values[first:end], out=result[first:end])
        return result
    # Groups of similar length share a block, so that padding at most about doubles it.
    order = np.argsort(lengths, kind="stable")[::-1]
    first = 0
    while first < order.size and lengths[order[first]] > 0:
        longest = int(lengths[order[first]])
        count = max(1, PADDED_VALUES // longest)
        chosen = order[first : first + count]
        chosen = chosen[2 * lengths[chosen] >= longest] if longest > 64 else chosen
        first += chosen.size
        chosen = chosen[lengths[chosen] > 0]
        place = np.arange(longest)
        inside = place[None, :] < lengths[chosen][:, None]
        rows = (starts[chosen][:, None] + place[None, :])[inside]
        padded = np.full(inside.shape, neutral, dtype=values.dtype)
        padded[inside] = values[rows]
        result[rows] = accumulate(padded, axis=1)[inside]
    return result


def running_sum(values: npt.NDArray[Number], starts: npt.NDArray[np.int64]) -> npt.NDArray[Number]:
    """Return running sums within groups, the row itself included."""
    return _cumulative(np.cumsum, values, starts, 0)


def running_product(
    values: npt.NDArray[np.float64], starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return running products within groups, the row itself included."""
    return _cumulative(np.cumprod, values, starts, 1)


def running_maximum(
    values: npt.NDArray[np.float64], starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return running maxima of values of 0 or more within groups, the row itself included."""
    return _cumulative(np.maximum.accumulate, values, starts, 0)


def last_row_at(
    times: npt.NDArray[np.number],
    starts: npt.NDArray[np.int64],
    group: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Return for each group and wanted time the last row with ``time <= wanted``, or -1 where there is none.

    Parameters
    ----------
    times, group
        Of shape ``(n_rows,)``, sorted by group and time.
    starts
        As from `group_starts`.
    wanted
        Of shape ``(n_wanted,)``.

    Returns
    -------
    ndarray of shape (n_groups, n_wanted)
    """
    n_groups = starts.size - 1
    before = np.empty((n_groups, wanted.size), dtype=np.int64)
    for column, moment in enumerate(wanted):
        count = np.bincount(group[times <= moment], minlength=n_groups)
        before[:, column] = np.where(count > 0, starts[:-1] + count - 1, -1)
    return before
