"""Summed weights 1 / S_P(t) of those at risk on every day, and the days on which rounding leaves nothing of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from childsurv.errors import asked, warn
from childsurv.fold.tally import Tally
from childsurv.maths.running import running_maximum

FloatArray = npt.NDArray[np.float64]

ROUNDING = 16 * float(np.finfo(np.float64).eps)
"""Rounding of a running sum relative to its largest value."""

LARGEST_ROUNDING = 1e-6
"""A summed weight that rounding may have changed by more than this share is not used."""


def risk_weights(
    folded: Tally, *, at_risk: npt.NDArray[np.number] | None = None, effect: str = "are left out"
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Return the summed weight of those at risk at each day's start and end, and on which days it can be used.

    Days cannot be used when no child is at risk, and, with a warning, when the weights of all are lost beside those of
    one before them.

    Parameters
    ----------
    folded
        Tally with weighted sums.
    effect
        For the warning: what becomes of such days.
    at_risk
        Summed case weights of those at risk, free of rounding; by default the tally's own number.
    """
    at_risk = folded.at_risk if at_risk is None else at_risk
    before = folded.running("weighted_entered", "weighted_left", "weighted_expected_events")
    end = before + folded.sums["weighted_expected_events"]
    # Weights are 1 or more, so the number at risk bounds their sum from below, and the largest sum so far bounds
    # what rounding it has left behind.
    largest = running_maximum(np.maximum(end, 0.0), folded.starts)
    anyone = at_risk > 0
    lost = anyone & ~(ROUNDING * largest <= LARGEST_ROUNDING * at_risk)
    if lost.any():
        warn(
            f"{asked()}: {int(lost.sum()):,} days {effect}, because a patient before them was followed to where "
            "population survival is nearly 0, and weights 1 / S_P(t) of all the others are lost beside theirs. Such "
            "patients are often deaths that the register never learnt of; check the oldest."
        )
    return before, end, anyone & ~lost
