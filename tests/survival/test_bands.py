"""Bands that hold whole curves: their critical values, cover, and where they are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import OptionError
from childsurv.survival.bands import _largest_bridge, _largest_scaled_bridge
from strategies import exactly

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


COLUMNS = {"time": "time", "event": "event"}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "children.csv")


@pytest.fixture(scope="module")
def curves(children) -> cs.Curves:
    return cs.kaplan_meier(children, by="group", **COLUMNS)


def test_critical_values_of_a_whole_bridge_are_kolmogorov_smirnov():
    for level, value in ((0.90, 1.223848), (0.95, 1.358099), (0.99, 1.627624)):
        # Kolmogorov's distribution; the ends of (0, 1) are left out by 1e-6.
        assert _largest_bridge(1e-6, 1 - 1e-6, level) == pytest.approx(value, abs=2e-5)


def test_critical_values_grow_with_the_stretch_and_begin_at_the_normal():
    widths = [_largest_scaled_bridge(low, 1 - low, 0.95) for low in (0.4, 0.25, 0.1, 0.02)]
    assert (np.diff(widths) > 0).all()
    assert widths[0] > 1.96
    assert _largest_bridge(0.3, 0.3001, 0.95) == pytest.approx(1.96 * np.sqrt(0.21), rel=0.02)


@pytest.mark.parametrize(("low", "high"), [(0.15, 0.85), (0.1, 0.9), (0.05, 0.6)])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_critical_values_have_the_tail_of_miller_and_siegmund(low, high, level):
    """Their tail of maximally selected chi-squared statistics (Biometrics 1982; 38:1011-6), the same bridge.

    ``4 phi(b) / b + phi(b) (b - 1 / b) log(high (1 - low) / ((1 - high) low))``, without terms of order ``phi(b) / b``
    squared and smaller: a few per cent of a tail of 5 %, less of 1 %.
    """
    b = _largest_scaled_bridge(low, high, level)
    density = np.exp(-(b**2) / 2) / np.sqrt(2 * np.pi)
    tail = density * (4 / b + (b - 1 / b) * np.log(high * (1 - low) / ((1 - high) * low)))
    assert tail == pytest.approx(1 - level, rel=0.03)


def test_critical_values_are_those_of_simulated_bridges():
    rng = np.random.default_rng(0)
    low, high, steps, paths = 0.1, 0.6, 2000, 20_000
    x = np.linspace(low, high, steps + 1)
    largest, scaled = [], []
    for _ in range(paths // 2000):
        moves = rng.standard_normal((2000, steps + 1)) * np.sqrt(np.diff(x, prepend=0.0))
        path = np.cumsum(moves, axis=1)
        end = path[:, -1:] + rng.standard_normal((2000, 1)) * np.sqrt(1 - high)
        bridge = np.abs(path - x * end)
        largest.append(bridge.max(axis=1))
        scaled.append((bridge / np.sqrt(x * (1 - x))).max(axis=1))
    # A path seen 2,000 times misses some of its height: about 0.58 standard deviations of a step.
    assert np.quantile(np.concatenate(largest), 0.95) == pytest.approx(
        _largest_bridge(low, high, 0.95), abs=0.025
    )
    assert np.quantile(np.concatenate(scaled), 0.95) == pytest.approx(
        _largest_scaled_bridge(low, high, 0.95), abs=0.06
    )


def test_bands_hold_pointwise_limits_and_cover_the_whole_curve():
    rng = np.random.default_rng(5)
    trials, size = 150, 200
    wait = np.ceil(rng.exponential(1000, trials * size))
    closing = rng.integers(500, 4000, trials * size)
    frame = pd.DataFrame(
        {
            "trial": np.repeat(np.arange(trials), size),
            "time": np.minimum(wait, closing).astype(int),
            "event": (wait <= closing).astype(int),
        }
    )
    curves = cs.kaplan_meier(frame, by="trial", **COLUMNS)
    for kind in ("equal-precision", "hall-wellner"):
        for transformation in ("log-log", "plain"):
            bands = cs.simultaneous_bands(curves, kind=kind, times=(100, 1500), transformation=transformation)
            truth = np.exp(-bands["time"] / 1000)
            missed = (truth < bands["lower"]) | (truth > bands["upper"])
            covered = 1 - missed.groupby(bands["trial"]).any().mean()
            # 95 % with a standard error of 1.8 points, and a little lost to 200 patients.
            assert 0.90 < covered < 0.995, (kind, transformation)
    at = curves.table.merge(
        cs.simultaneous_bands(curves, times=(100, 1500)), on=["trial", "time"], suffixes=("", "_b")
    )
    assert (at["lower_b"] <= at["lower"] + 1e-12).all()
    assert (at["upper_b"] >= at["upper"] - 1e-12).all()


def test_faults_of_bands(curves):
    for options, message in (
        ({"kind": "nair"}, "kind='nair' is not a choice"),
        ({"times": (5, 1)}, r"^simultaneous_bands: times= takes \(from, to\), ascending\.$"),
        (
            {"times": (1, 5), "years": (1, 2)},
            r"^simultaneous_bands: give times= \(in days\) or years=, one of the two\.$",
        ),
        ({"times": (9000, 9999)}, "no event lies within"),
    ):
        with pytest.raises(OptionError, match=message):
            cs.simultaneous_bands(curves, **options)
    hazard = cs.nelson_aalen(pd.read_csv(REFERENCE / "children.csv"), **COLUMNS)
    with pytest.raises(OptionError, match="curves of survival"):
        cs.simultaneous_bands(hazard)


def _weighted_rows():
    random = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "time": random.integers(1, 60, 80),
            "event": random.integers(0, 2, 80),
            "w": random.integers(1, 5, 80).astype(float),
        }
    )
    return frame, frame.loc[frame.index.repeat(frame["w"].astype(int))].drop(columns="w")


@pytest.mark.parametrize("kind", ["hall-wellner", "equal-precision"])
def test_bands_of_frequencies_are_those_of_the_children(kind):
    weighted, expanded = _weighted_rows()
    columns = {"time": "time", "event": "event"}
    ours = cs.simultaneous_bands(cs.kaplan_meier(weighted, weights="w", **columns), kind=kind)
    theirs = cs.simultaneous_bands(cs.kaplan_meier(expanded, **columns), kind=kind)
    np.testing.assert_allclose(ours.to_numpy(dtype=float), theirs.to_numpy(dtype=float), rtol=1e-9)


def test_bands_are_refused_where_they_do_not_hold():
    frame, _ = _weighted_rows()
    late = frame.assign(entry=np.where(frame.index % 3 == 0, frame["time"] // 2, 0))
    curves = cs.kaplan_meier(late, time="time", event="event", entry="entry")
    with pytest.raises(
        OptionError,
        match=exactly(
            "simultaneous_bands(kind='hall-wellner') needs all children followed from the start; some enter late. "
            "kind='equal-precision' does not."
        ),
    ):
        cs.simultaneous_bands(curves, kind="hall-wellner")
    assert len(cs.simultaneous_bands(curves, kind="equal-precision"))
    jackknife = cs.kaplan_meier(frame.assign(w=frame["w"] / 2), time="time", event="event", weights="w")
    with pytest.raises(OptionError, match="sum of independent increments"):
        cs.simultaneous_bands(jackknife)
