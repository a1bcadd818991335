"""Concordance against a count of every pair."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from childsurv.cohort.follow_up import FollowUp
from childsurv.regression.diagnostics import compare_scores, concordance, score_ranks


def followed(time, event, entry=None, weights=None, stratum=None) -> FollowUp:
    """Follow-up of arrays as they are, with strata as groups."""
    group = np.zeros(len(time), dtype=np.int64) if stratum is None else stratum
    groups = pd.DataFrame({"stratum": np.arange(group.max() + 1)})
    return FollowUp(
        time, event.astype(np.int8), entry, weights, group, groups, 0, "days", "as given", slice(None)
    )


def counted(score, time, event, entry, weights, stratum) -> tuple[float, float]:
    """Count pairs one by one; the standard error comes from the same counts by row."""
    n = len(score)
    agree, differ, tied = np.zeros(n), np.zeros(n), np.zeros(n)
    total = np.zeros(3)
    for i, j in itertools.permutations(range(n), 2):
        later = time[j] > time[i] or (time[j] == time[i] and not event[j])
        if event[i] and later and entry[j] < time[i] and stratum[i] == stratum[j]:
            kind = (agree, differ, tied)[0 if score[i] > score[j] else 1 if score[i] < score[j] else 2]
            kind[i] += weights[j]
            kind[j] += weights[i]
            place = 0 if score[i] > score[j] else 1 if score[i] < score[j] else 2
            total[place] += weights[i] * weights[j]
    pairs = total.sum()
    if pairs == 0:
        return np.nan, np.nan
    difference = (total[0] - total[1]) / pairs
    influence = weights * (agree - differ - difference * (agree + differ + tied)) / (2 * pairs)
    return (difference + 1) / 2, np.sqrt(influence @ influence)


@given(seed=st.integers(0, 10_000), late=st.booleans())
def test_equals_the_count_of_every_pair(seed: int, late: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 40
    score = rng.integers(0, 6, n) / 3 if seed % 2 else rng.normal(size=n)
    time, event = rng.integers(1, 12, n), rng.random(n) < 0.6
    entry = np.minimum(rng.integers(0, 8, n), time - 1) if late else np.zeros(n, dtype=int)
    weights, stratum = rng.uniform(0, 2, n), rng.integers(0, 2, n)
    ours = concordance(score, followed(time, event, entry if late else None, weights, stratum))
    theirs = counted(score, time, event, entry, weights, stratum)
    # The same sums in another order.
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


def test_four_patients_by_hand() -> None:
    # Comparable pairs: (1,2), (1,3), (1,4), (3,4); concordant 2, tied 1 ((1,3)), discordant 1 ((3,4)).
    time, event = np.array([1, 2, 3, 4]), np.array([True, False, True, False])
    value, _ = concordance(np.array([1.0, 0.0, 1.0, 2.0]), followed(time, event))
    # 1 against 2 agrees, 1 against 3 ties, 1 against 4 and 3 against 4 do not agree.
    assert value == pytest.approx((1 + 0.5) / 4, abs=1e-12)


def test_no_comparable_pair_is_missing() -> None:
    value, error = concordance(np.array([1.0, 2.0]), followed(np.array([1, 1]), np.array([True, True])))
    assert np.isnan(value)
    assert np.isnan(error)


def test_scores_that_differ_by_rounding_are_ties() -> None:
    assert score_ranks(np.array([0.3, 0.1 + 0.2, 0.7])).tolist() == [0, 0, 1]


def test_ranges_of_scores() -> None:
    rank = np.array([3, 0, 2, 0, 5, 2])
    weight = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    below, equal, above = compare_scores(
        rank, weight, np.array([0, 2, 1]), np.array([6, 5, 1]), np.array([2, 0, 4])
    )
    np.testing.assert_array_equal(below, [10, 0, 0])
    np.testing.assert_array_equal(equal, [36, 8, 0])
    np.testing.assert_array_equal(above, [17, 20, 0])
