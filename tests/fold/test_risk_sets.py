"""Risk sets by hand: cells, ranges of cells, and running sums that lose nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from childsurv.cohort.follow_up import FollowUp
from childsurv.fold.risk_sets import build_risk_sets, compensated_sum


def followed(time, event, *, entry=None, weights=None, stratum=None) -> FollowUp:
    """Follow-up of arrays as they are, with strata as groups."""
    group = np.zeros(len(time), dtype=np.int64) if stratum is None else np.asarray(stratum)
    groups = pd.DataFrame({"stratum": np.arange(group.max() + 1)})
    ends, events = np.asarray(time), np.asarray(event, dtype=np.int8)
    return FollowUp(ends, events, entry, weights, group, groups, 0, "days", "as given", slice(None))


def test_differences_of_running_sums_do_not_cancel() -> None:
    # A stratum with tiny risks after one with huge ones: plain running sums would leave nothing of it.
    time, event = np.array([1, 2, 3, 1, 2, 3]), np.ones(6, dtype=bool)
    stratum = np.array([0, 0, 0, 1, 1, 1])
    sets = build_risk_sets(followed(time, event, stratum=stratum), ties="efron")
    values = np.array([1e-17, 2e-17, 4e-17, 1e3, 2e3, 4e3])
    np.testing.assert_allclose(sets.at_risk(values)[:3], [7e-17, 6e-17, 4e-17], rtol=1e-12)
    total, error = compensated_sum(np.array([1e16, 1.0, 1.0, -1e16]))
    assert total[-1] + error[-1] == 2.0


def test_rows_never_at_risk_at_an_event_take_no_part() -> None:
    time, event = np.array([1, 5, 5, 9]), np.array([False, True, False, False])
    sets = build_risk_sets(followed(time, event, entry=np.array([0, 0, 0, 5])), ties="efron")
    assert sets.rows.tolist() == [1, 2]
