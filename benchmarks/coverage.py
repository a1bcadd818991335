"""Coverage of 95 % limits of Kaplan-Meier survival near 1: ``python -m benchmarks.coverage [replications]``.

Survival at five years is 0.90, 0.95 or 0.99; death comes at a constant rate; a child is followed for 2 to 12 years, so
that three in ten are lost before five. Replications are groups of one call. What is counted is whether the limits hold
the truth; limits that are equal to the estimate, as where nobody has died, do not, and missing ones do not either.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

import childsurv as cs
from childsurv.maths.limits import INTERVAL_KINDS
from childsurv.survival.observed import LOWER_LIMITS

SIZES = (30, 100, 1000)
TRUTHS = (0.90, 0.95, 0.99)
YEARS = 5.0
DAYS = YEARS * 365.25
FOLLOWED_YEARS = (2.0, 12.0)
ROWS_AT_A_TIME = 1_000_000
NOBODY_DIED = "log-log, exact if no deaths"
"""Log-log limits, with the exact lower limit of a binomial share without failures among those still at risk."""


@dataclass(frozen=True)
class Coverage:
    """What became of one kind of limits in all replications, as shares of them.

    Attributes
    ----------
    truth, size, kind, lower_variance
        True survival, children in a group, ``ci=`` and ``lower_variance=``.
    covered, too_high, too_low : float
        Limits that hold the truth, lie above it, or lie below it (missing ones are in none).
    width : float
        Mean distance between the limits.
    no_deaths, covered_with_deaths : float
        Groups without a death by five years, and the coverage among all others.
    """

    truth: float
    size: int
    kind: str
    lower_variance: str
    covered: float
    too_high: float
    too_low: float
    width: float
    no_deaths: float
    covered_with_deaths: float


def coverage(truth: float, size: int, replications: int, seed: int) -> list[Coverage]:
    """Return the coverage of every kind of limits for one survival and size."""
    random = np.random.default_rng([seed, size, round(1000 * truth)])
    found: dict[tuple[str, str], list[npt.NDArray[np.float64]]] = {}
    survived: list[npt.NDArray[np.float64]] = []
    at_once = max(1, ROWS_AT_A_TIME // size)
    for first in range(0, replications, at_once):
        groups = min(at_once, replications - first)
        frame = _children(random, truth, size, groups)
        for kind, lower_variance, table in _limits(frame):
            limits = table[["lower", "upper"]].to_numpy()
            found.setdefault((kind, lower_variance), []).append(limits)
        survived.append(table["estimate"].to_numpy())
    died = np.concatenate(survived) != 1.0
    result = []
    for (kind, lower_variance), parts in found.items():
        lower, upper = np.concatenate(parts).T
        inside = (lower <= truth) & (truth <= upper)
        result.append(
            Coverage(
                truth=truth,
                size=size,
                kind=kind,
                lower_variance=lower_variance,
                covered=float(inside.mean()),
                too_high=float((lower > truth).mean()),
                too_low=float((upper < truth).mean()),
                width=float(np.nanmean(upper - lower)),
                no_deaths=float((~died).mean()),
                covered_with_deaths=float(inside[died].mean()),
            )
        )
    return result


def _children(random: np.random.Generator, truth: float, size: int, groups: int) -> pd.DataFrame:
    count = size * groups
    # Days are counted; survival after the last whole day of five years is that of the truth.
    death = np.ceil(random.exponential(np.floor(DAYS) / -np.log(truth), count))
    closing = np.floor(random.uniform(*FOLLOWED_YEARS, count) * 365.25)
    return pd.DataFrame(
        {
            "group": np.repeat(np.arange(groups), size),
            "time": np.minimum(death, closing).astype(np.int64),
            "event": (death <= closing).astype(np.int64),
        }
    )


def _limits(frame: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield survival at five years with every kind of limits."""
    for lower_variance in LOWER_LIMITS:
        with warnings.catch_warnings():
            # Groups without a death are what this is about.
            warnings.simplefilter("ignore", cs.ChildsurvWarning)
            curves = cs.kaplan_meier(
                frame, by="group", time="time", event="event", ci="log-log", lower_variance=lower_variance
            )
        for kind in INTERVAL_KINDS:
            table = replace(curves, ci=kind).at(years=YEARS)
            yield kind, lower_variance, table
            if kind == "log-log" and lower_variance == "usual":
                exact = 0.025 ** (1.0 / table["at_risk"].clip(lower=1))
                yield (
                    NOBODY_DIED,
                    lower_variance,
                    table.assign(lower=table["lower"].where(table["estimate"] != 1.0, exact)),
                )


def render(rows: list[Coverage]) -> str:
    """Return the table as Markdown."""
    lines = [
        "| survival | children | no deaths | limits | lower | covered | too high | too low | width | covered, of those "
        "with deaths |",
        "| ---: | ---: | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        shares = (row.covered, row.too_high, row.too_low)
        lines.append(
            f"| {row.truth:.2f} | {row.size:,} | {row.no_deaths:.1%} | {row.kind} | {row.lower_variance} | "
            + " | ".join(f"{share:.1%}" for share in shares)
            + f" | {row.width:.4f} | {row.covered_with_deaths:.1%} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run and print."""
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rows = [
        one
        for truth in TRUTHS
        for size in SIZES
        for one in coverage(truth, size, replications, seed=20_240_229)
    ]
    print(f"{replications:,} replications; a coverage of 95 % has a standard error of "
          f"{np.sqrt(0.95 * 0.05 / replications):.2%}.\n")  # fmt: skip
    print(render(rows))


if __name__ == "__main__":
    main()
