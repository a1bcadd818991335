"""What estimators of net survival take and give, so that `net.py` can choose among them by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import FollowUp
from childsurv.lifetable.people import Demographics
from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

METHODS = ("pohar-perme", "ederer1", "ederer2", "hakulinen")

NAMES = {
    "pohar-perme": "Pohar Perme",
    "ederer1": "Ederer I",
    "ederer2": "Ederer II",
    "hakulinen": "Hakulinen",
}


@dataclass(frozen=True)
class NetInput:
    """Patients with their follow-up and their places in a life table.

    Attributes
    ----------
    observed
        Follow-up in whole days and group codes.
    table
        Population mortality.
    people
        Stratum, birth and diagnosis of every row of the data; `own_people` are those of ``observed``.
    closing
        Days from diagnosis to the closing date of the rows of ``observed``, for Hakulinen's method; ``None`` where
        none is known.
    """

    observed: FollowUp
    table: LifeTable
    people: Demographics
    closing: IntArray | None

    @property
    def own_people(self) -> Demographics:
        """Stratum, birth and diagnosis of the rows of ``observed``."""
        return self.people.of(self.observed.rows)

    @property
    def time(self) -> IntArray:
        """End of follow-up in whole days since diagnosis."""
        return self.observed.time.astype(np.int64, copy=False)

    @property
    def entry(self) -> IntArray | None:
        """Start of follow-up in whole days, or ``None`` when all are followed from diagnosis."""
        entry = self.observed.entry
        return None if entry is None else entry.astype(np.int64, copy=False)


@dataclass(frozen=True)
class NetEstimate:
    """The rows of finished curves, sorted by group and time, and how they were made.

    Attributes
    ----------
    group, time, at_risk, events, censored, estimate, log_variance
        As in `Curves`.
    conventions
        What this estimator adds to the conventions of the result.
    marked_days
        Person-days by flat index of the cell of the life table, for extended cells and those with a hazard of zero.
    every_row
        Whether tables show rows without an exit too, as those of intervals do.
    limits_scale
        Limits are those of ``estimate * limits_scale``, divided by it; ``None`` for limits of the estimate itself.
    at_risk_after
        As in `Curves`.
    """

    group: IntArray
    time: FloatArray
    at_risk: npt.NDArray[np.number]
    events: npt.NDArray[np.number]
    censored: npt.NDArray[np.number]
    estimate: FloatArray
    log_variance: FloatArray
    conventions: Mapping[str, Any]
    marked_days: Mapping[int, float] = field(default_factory=dict)
    every_row: bool = False
    limits_scale: FloatArray | None = None
    at_risk_after: IntArray | None = None
