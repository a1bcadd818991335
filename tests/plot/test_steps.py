from __future__ import annotations

import numpy as np

from childsurv.plot.steps import SMALLEST_STEP, Steps


def test_thinning_moves_nothing_that_print_shows() -> None:
    time = np.linspace(0, 10, 3653)
    estimate = 1 - 0.03 * time
    steps = Steps(time, estimate, estimate - 0.02, estimate + 0.01, np.array([]))
    thinned = steps.thinned()
    assert thinned.time.size < time.size / 4
    assert thinned.time[[0, -1]].tolist() == [0, 10]
    # A kept step holds until the next, so what is drawn is off by at most one step of the resolution.
    assert np.abs(thinned.at(time) - estimate).max() <= SMALLEST_STEP
    short = Steps(time[:300], estimate[:300], estimate[:300], estimate[:300], np.array([]))
    assert short.thinned() is short
