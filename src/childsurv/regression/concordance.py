"""Harrell's concordance and its standard error, counted for all rows at once in O(n log n)."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import FloatArray, IntArray, TimeArray

Number = TypeVar("Number", np.float64, np.int64)

SAME_SCORE = 1e-10
"""Scores closer than this share of their range are ties; they differ by the rounding of a matrix product."""


class Concordance(NamedTuple):
    """Share of comparable pairs in which the higher hazard has the shorter survival, with standard error."""

    value: float
    std_error: float


def concordance(
    score: FloatArray,
    time: TimeArray,
    event: npt.NDArray[np.bool_],
    *,
    entry: TimeArray | None = None,
    weights: FloatArray | None = None,
    stratum: IntArray | None = None,
    cluster: IntArray | None = None,
) -> Concordance:
    """Compare every event with everybody of its stratum who was at risk and lived longer.

    A pair is concordant when the higher score had the event first; pairs tied on the score count one half,
    events at the same time are not comparable, and a censoring at the time of an event came later. With C, D
    and T the weighted numbers of concordant, discordant and tied pairs, the value is ``(C + T/2) / (C + D +
    T)``; its variance is the sum of squares of the rows' (or clusters') infinitesimal jackknife.

    References
    ----------
    Therneau T, Watson D. The concordance statistic and the Cox model. Mayo Clinic technical report 85, 2017.
    """
    n_rows = time.size
    weight = np.ones(n_rows) if weights is None else weights
    code = np.zeros(n_rows, dtype=np.int64) if stratum is None else stratum
    pooled = time if entry is None else np.concatenate([time, entry])
    times, ranks = np.unique(pooled, return_inverse=True)
    span = times.size
    end_rank = ranks[:n_rows]
    rank = score_ranks(score)

    # Ordered by stratum and time, events before censorings: those an event is compared with follow it in one
    # run.
    base = code * span
    key = (base + end_rank) * 2 + ~event
    order = np.argsort(key, kind="stable")
    sorted_key = key[order]
    events_end = np.searchsorted(sorted_key, (base + end_rank) * 2 + 1)
    stratum_end = np.searchsorted(sorted_key, (base + span) * 2)
    own_start = np.searchsorted(sorted_key, (base + end_rank) * 2)
    if entry is None:
        first = np.searchsorted(sorted_key, base * 2)
    else:
        first = np.searchsorted(sorted_key, (base + ranks[n_rows:] + 1) * 2)
    earlier_end = np.where(event, own_start, events_end)
    own = np.where(event, 1.0, 0.0)
    ordered_weight = weight[order]

    later = compare_scores(rank[order], ordered_weight, events_end, stratum_end, rank) * own
    earlier = compare_scores(
        rank[order], ordered_weight * own[order], first, np.maximum(earlier_end, first), rank
    )
    if entry is not None:
        entry_key = base + ranks[n_rows:]
        entry_order = np.argsort(entry_key, kind="stable")
        not_yet = np.searchsorted(entry_key[entry_order], base + end_rank)
        later -= compare_scores(rank[entry_order], weight[entry_order], not_yet, stratum_end, rank) * own

    concordant_later, _, discordant_later = later
    discordant_earlier, tied_earlier, concordant_earlier = earlier
    pairs = float(weight @ later.sum(axis=0))
    if pairs <= 0:
        return Concordance(float("nan"), float("nan"))
    difference = float(weight @ (concordant_later - discordant_later)) / pairs
    influence = concordant_later - discordant_later + concordant_earlier - discordant_earlier
    influence -= difference * (later.sum(axis=0) + tied_earlier + discordant_earlier + concordant_earlier)
    influence *= weight / (2.0 * pairs)
    if cluster is not None:
        influence = np.bincount(cluster, influence)
    return Concordance((difference + 1.0) / 2.0, float(np.sqrt(influence @ influence)))


def score_ranks(score: FloatArray) -> IntArray:
    """Dense ranks from 0 in which scores that differ only by rounding are equal."""
    order = np.argsort(score)
    gaps = np.diff(score[order])
    tolerance = SAME_SCORE * float(np.ptp(score)) if score.size else 0.0
    ranks = np.empty(score.size, dtype=np.int64)
    ranks[order] = np.concatenate([[0], np.cumsum(gaps > tolerance)])
    return ranks


def compare_scores(
    rank: IntArray, weight: FloatArray, start: IntArray, stop: IntArray, than: IntArray
) -> FloatArray:
    """Weigh the items of ``rank[start:stop]`` below, equal to and above a rank, for many ranges at once.

    The ranks are split bit by bit from the highest, keeping their order within each half, so that every range
    stays a range (a wavelet matrix): as many passes over the arrays as the largest rank has bits.

    Returns
    -------
    ndarray of shape (3, n_queries)
        Weights below, equal and above.
    """
    below = np.zeros(start.size)
    total = _from_zero(weight)
    inside = total[stop] - total[start]
    for bit in range(int(rank.max(initial=0)).bit_length() - 1, -1, -1):
        high = (rank >> bit & 1).astype(bool)
        lows = _from_zero((~high).astype(np.int64))
        low_weight = _from_zero(np.where(high, 0.0, weight))
        asks_high = (than >> bit & 1).astype(bool)
        below += np.where(asks_high, low_weight[stop] - low_weight[start], 0.0)
        n_low = int(lows[-1])
        start = np.where(asks_high, n_low + start - lows[start], lows[start])
        stop = np.where(asks_high, n_low + stop - lows[stop], lows[stop])
        order = np.concatenate([np.flatnonzero(~high), np.flatnonzero(high)])
        rank, weight = rank[order], weight[order]
    total = _from_zero(weight)
    equal = total[stop] - total[start]
    return np.stack([below, equal, inside - below - equal])


def _from_zero(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    return np.concatenate([np.zeros(1, dtype=values.dtype), np.cumsum(values)])
