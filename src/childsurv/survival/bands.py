"""Simultaneous bands: limits within which the whole curve lies, over a stretch of time, with the given confidence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.table_notes import noted
from childsurv.curves.curve_columns import labels_of
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError, asked, asking, require_choice, require_level
from childsurv.maths.asked import asked_times

FloatArray = npt.NDArray[np.float64]

BANDS = ("hall-wellner", "equal-precision")
TRANSFORMATIONS = ("log-log", "plain")

NODES = 64
"""Points of Gauss and Legendre's rule along each axis; the integrand is smooth."""

IMAGES = 4
"""Reflections of a Brownian bridge at the limits; later ones are below double precision."""

FARTHEST = 9.0
"""Standard errors beyond which a normal density is below double precision."""

GRID_POINTS = 300
"""Points of a diffusion between its limits: critical values good to some 1e-4."""

MODES = 24
"""Slowest modes of its decay; faster ones are gone at once."""

SMALLEST_LIMIT = 0.05
"""Where the search for a critical value begins."""


@asking("simultaneous_bands")
def simultaneous_bands(
    curves: Curves,
    *,
    kind: str = "equal-precision",
    times: tuple[float, float] | None = None,
    years: tuple[float, float] | None = None,
    level: float | None = None,
    transformation: str = "log-log",
) -> pd.DataFrame:
    """Return bands that hold the whole curve between two times with the given confidence, not each point alone.

    With V the variance of log S, n patients and ``a = n V / (1 + n V)``: equal precision ``S +- c sqrt(V) S``, limits
    as wide as pointwise ones times a constant; Hall and Wellner ``S +- k (1 + n V) / sqrt(n) S``. c and k are quantiles
    of the largest ``|B(x)| / sqrt(x (1 - x))`` and ``|B(x)|`` of a Brownian bridge between the values of a at both
    times.

    Parameters
    ----------
    curves
        Curves of survival that change at event times; for "hall-wellner" without late entries. Not standardised ones.
    kind
        "equal-precision" (Nair) or "hall-wellner".
    times, years
        From and to, in the unit of the curves or in years. Unless given, from the first to the last event; a group
        with events in a shorter stretch only gets that.
    level
        Confidence level; that of the curves unless given.
    transformation
        Of survival: "log-log" (stays within 0 and 1) or "plain".

    Returns
    -------
    DataFrame
        Group columns, ``time, estimate, lower, upper`` at the event times of the stretch. NaN where survival is 0 or 1.

    References
    ----------
    Hall WJ, Wellner JA. Confidence bands for a survival curve from censored data. Biometrika 1980; 67:133-43.
    doi:10.1093/biomet/67.1.133
    Nair VN. Confidence bands for survival functions with censored data: a comparative study. Technometrics 1984;
    26:265-75. doi:10.1080/00401706.1984.10487964

    Examples
    --------
    >>> import childsurv as cs
    >>> curves = cs.kaplan_meier(cs.demo.cohort(patients=500, seed=1))
    >>> bands = cs.simultaneous_bands(curves, years=(1, 5))
    >>> bool((bands["lower"] < bands["estimate"]).all())
    True
    """
    require_choice(kind, BANDS, argument="kind")
    require_choice(transformation, TRANSFORMATIONS, argument="transformation")
    confidence = require_level(curves.level if level is None else level)
    if curves.quantity != "survival":
        raise OptionError(f"{asked()} is for curves of survival.")
    _require_increments(curves, kind)
    low, high = _stretch(curves, times, years)
    starts = curves.starts
    rows: list[npt.NDArray[np.int64]] = []
    limits: list[tuple[FloatArray, FloatArray]] = []
    for place in range(len(curves.groups)):
        own = np.arange(starts[place], starts[place + 1])
        events = np.asarray(curves.events)[own] > 0
        usable = events & np.isfinite(curves.log_variance[own]) & (curves.log_variance[own] > 0)
        own = own[usable & (curves.time[own] >= low) & (curves.time[own] <= high)]
        rows.append(own)
        if own.size == 0:
            limits.append((np.empty(0), np.empty(0)))
            continue
        # Frequencies count children: the number at risk at the start.
        patients = float(curves.at_risk[starts[place]])
        variance = curves.log_variance[own]
        share = patients * variance / (1 + patients * variance)
        if kind == "equal-precision":
            width = _largest_scaled_bridge(float(share[0]), float(share[-1]), confidence) * np.sqrt(variance)
        else:
            quantile = _largest_bridge(float(share[0]), float(share[-1]), confidence)
            width = quantile * (1 + patients * variance) / np.sqrt(patients)
        estimate = curves.estimate[own]
        with np.errstate(divide="ignore", invalid="ignore"):
            if transformation == "plain":
                limits.append((estimate * (1 - width), estimate * (1 + width)))
            else:
                power = np.exp(width / np.abs(np.log(estimate)))
                limits.append((estimate**power, estimate ** (1 / power)))
    chosen = np.concatenate(rows)
    if chosen.size == 0:
        raise OptionError(f"{asked()}: no event lies within the stretch of time.")
    frame = pd.DataFrame(labels_of(curves, curves.group[chosen]), index=pd.RangeIndex(chosen.size))
    table = frame.assign(
        time=curves.time[chosen],
        estimate=curves.estimate[chosen],
        lower=np.concatenate([lower for lower, _ in limits]),
        upper=np.concatenate([upper for _, upper in limits]),
    )
    bands = {"bands": kind, "transformation": transformation, "from": low, "to": high, "level": confidence}
    return noted(table, {**curves.conventions, **bands})


def _require_increments(curves: Curves, kind: str) -> None:
    """Raise for curves whose variance is no sum of independent increments, or that some children enter late."""
    if not curves.additive or curves.by_intervals:
        raise OptionError(
            "simultaneous_bands() takes curves that change at event times, whose variance is a sum of independent "
            "increments: not standardised ones, life tables by intervals, or weights that are no whole numbers."
        )
    at_risk, left = np.asarray(curves.at_risk), np.asarray(curves.events) + np.asarray(curves.censored)
    inner = curves.group[1:] == curves.group[:-1]
    late = bool((inner & (at_risk[1:] > at_risk[:-1] - left[:-1])).any())
    if kind == "hall-wellner" and late:
        raise OptionError(
            "simultaneous_bands(kind='hall-wellner') needs all children followed from the start; some enter late. "
            "kind='equal-precision' does not."
        )


def _stretch(
    curves: Curves, times: tuple[float, float] | None, years: tuple[float, float] | None
) -> tuple[float, float]:
    if times is None and years is None:
        return -np.inf, np.inf
    stretch = asked_times(times, years, in_days=curves.in_days, unit=str(curves.conventions.get("time_unit")))
    if stretch.size != 2 or not stretch[0] < stretch[1]:
        argument = "times" if years is None else "years"
        raise OptionError(f"{asked()}: {argument}= takes (from, to), ascending.")
    return float(stretch[0]), float(stretch[1])


def _largest_bridge(low: float, high: float, level: float) -> float:
    """Return the quantile of the largest |B(x)| of a Brownian bridge between two points of (0, 1)."""
    return _quantile(lambda limit: _bridge_stays(limit, low, high), level, 4.0)


def _bridge_stays(limit: float, low: float, high: float) -> float:
    """Return the chance that a Brownian bridge stays within a limit between two points.

    Given its values u and v at both, the path between them is a bridge, which stays within the limit with a chance
    known from its reflections: ``sum over m of exp(-((v - u + 4 m c)**2 - (v - u)**2) / (2 tau))``, less those of paths
    reflected once.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    first_error = np.sqrt(low * (1 - low))
    widest = min(limit, FARTHEST * first_error)
    u, u_weights = widest * nodes, widest * weights
    density = np.exp(-0.5 * (u / first_error) ** 2) / (first_error * np.sqrt(2 * np.pi))
    span = high - low
    if span <= 0:
        return float(u_weights @ density)
    # The value at the second point given the first, in units of its conditional standard error.
    mean = (u * (1 - high) / (1 - low))[:, None]
    error = np.sqrt(span * (1 - high) / (1 - low))
    least = np.maximum((-limit - mean) / error, -FARTHEST)
    most = np.minimum((limit - mean) / error, FARTHEST)
    half = np.maximum(most - least, 0.0) / 2
    w = (least + most) / 2 + half * nodes
    v = mean + error * w
    second = np.exp(-0.5 * w**2) / np.sqrt(2 * np.pi)
    # Images of the end of the path, at v + 4 m c and, reflected once, at 2 c - v + 4 m c.
    straight = (v - u[:, None]) ** 2
    stays = np.zeros(v.shape)
    for image in 4 * limit * np.arange(-IMAGES, IMAGES + 1):
        stays += np.exp(-((v + image - u[:, None]) ** 2 - straight) / (2 * span))
        stays -= np.exp(-((2 * limit - v + image - u[:, None]) ** 2 - straight) / (2 * span))
    inner = ((second * stays) * (half * weights)).sum(axis=1)
    return float((u_weights * density) @ inner)


def _largest_scaled_bridge(low: float, high: float, level: float) -> float:
    """Return the quantile of the largest ``|B(x)| / sqrt(x (1 - x))`` between two points of (0, 1).

    On the scale ``s = log(x / (1 - x)) / 2`` this is an Ornstein-Uhlenbeck process, ``dX = -X ds + sqrt(2) dW``, begun
    from its stationary normal distribution; the chance to stay within a limit comes from the eigenvalues of its
    generator there.
    """
    length = 0.5 * np.log(high * (1 - low) / (low * (1 - high)))
    return _quantile(lambda limit: _diffusion_stays(limit, float(length)), level, 8.0)


def _diffusion_stays(limit: float, length: float) -> float:
    from scipy.linalg import eigh_tridiagonal

    step = 2 * limit / (GRID_POINTS + 1)
    points = -limit + step * np.arange(1, GRID_POINTS + 1)
    density = np.exp(-(points**2) / 2) / np.sqrt(2 * np.pi)
    between = np.exp(-((np.append(points, limit) - step / 2) ** 2) / 2) / np.sqrt(2 * np.pi)
    # The generator d/dx (p d/dx) / p in its symmetric form, with values 0 at both limits.
    diagonal = -(between[1:] + between[:-1]) / (density * step**2)
    beside = between[1:-1] / (np.sqrt(density[1:] * density[:-1]) * step**2)
    values, vectors = eigh_tridiagonal(
        diagonal, beside, select="i", select_range=(GRID_POINTS - MODES, GRID_POINTS - 1)
    )
    weight = vectors.T @ np.sqrt(density * step)
    return float((np.exp(values * length) * weight**2).sum())


def _quantile(chance: Callable[[float], float], level: float, largest: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda limit: chance(limit) - level, SMALLEST_LIMIT, largest, xtol=1e-8))
