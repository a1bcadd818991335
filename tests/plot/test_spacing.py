"""Labels stay apart and in order, ticks fit, and texts break where they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from childsurv.plot.spacing import spread, text_width, time_ticks, wrapped

labels = st.lists(
    st.tuples(st.floats(0, 10), st.floats(0.05, 0.6)), min_size=1, max_size=12
).filter(lambda pairs: sum(height for _, height in pairs) <= 10)  # fmt: skip


@given(labels)
def test_labels_are_apart_in_order_and_within_bounds(pairs: list[tuple[float, float]]) -> None:
    wanted, heights = (np.array(values) for values in zip(*pairs, strict=True))
    centres = spread(wanted, heights, low=0.0, high=10.0)
    order = np.argsort(wanted, kind="stable")
    gaps = np.diff(centres[order]) - (heights[order][:-1] + heights[order][1:]) / 2
    # Rounding of sums of a dozen numbers up to 10.
    assert (gaps >= -1e-9).all()
    assert (centres - heights / 2 >= -1e-9).all()
    assert (centres + heights / 2 <= 10 + 1e-9).all()


@given(labels)
def test_labels_with_room_stay_where_they_are(pairs: list[tuple[float, float]]) -> None:
    heights = np.array([height for _, height in pairs])
    wanted = np.cumsum(heights) - heights / 2
    assert spread(wanted, heights, low=0.0, high=10.0) == pytest.approx(wanted, abs=1e-9)


def test_labels_move_as_little_as_possible() -> None:
    wanted, heights = np.array([1.0, 1.1, 1.15, 4.0, 4.1, 9.9]), np.full(6, 0.5)
    best = minimize(
        lambda centres: ((centres - wanted) ** 2).sum(),
        np.arange(6.0),
        constraints=[{"type": "ineq", "fun": lambda centres: np.diff(centres) - 0.5}],
        bounds=[(0.25, 9.75)] * 6,
        tol=1e-12,
    )
    # The tolerance is that of the general optimiser.
    assert spread(wanted, heights, low=0, high=10) == pytest.approx(best.x, abs=1e-5)


def test_labels_without_enough_room_keep_their_order() -> None:
    centres = spread([3.0, 1.0, 2.0], [5.0, 5.0, 5.0], low=0, high=10)
    assert centres.tolist() == [10.0, 0.0, 5.0]


@pytest.mark.parametrize(
    ("end", "room", "expected"),
    [
        (10, 6.0, list(range(11))),
        (10, 1.6, [0, 5, 10]),
        (5, 1.6, [0, 2, 5]),
        (5, 3.0, [0, 1, 2, 3, 4, 5]),
        (1500, 1.5, [0, 500, 1000, 1500]),
        (4321.7, 3.0, [0, 1000, 2000, 3000, 4000]),
        (0.5, 4.0, [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]),
    ],
)
def test_ticks_are_round_fit_and_hold_a_round_end(end: float, room: float, expected: list[float]) -> None:
    ticks = time_ticks(0.0, end, room=room, widest=0.36)
    assert ticks == pytest.approx(expected)
    assert "-0" not in [f"{tick:g}" for tick in ticks]


def test_text_breaks_between_words_only_where_too_wide() -> None:
    text = "Опухоли ЦНС и прочие внутричерепные и интраспинальные новообразования"
    broken = wrapped(text, 1.5, family="DejaVu Sans", size=8)
    assert broken.split() == text.split()
    assert broken.count("\n") >= 2
    assert all(text_width(line, family="DejaVu Sans", size=8) <= 1.5 for line in broken.split("\n"))
    assert wrapped(text, 20, family="DejaVu Sans", size=8) == text
    assert wrapped("Новообразования", 0.2, family="DejaVu Sans", size=8) == "Новообразования"
