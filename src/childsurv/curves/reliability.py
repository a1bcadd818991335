"""Which estimates are fit to be shown: rules by numbers of patients, numbers at risk and width of limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.curves.curve_columns import std_error
from childsurv.errors import OptionError, require_choice, require_count

if TYPE_CHECKING:
    from childsurv.curves.curves import Curves

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ReliabilityRules:
    """Thresholds of reliability; ``None`` where a rule is not applied."""

    name: str
    """Name of the scheme, or "own"."""
    patients: int | None = None
    """A group with fewer patients has no estimate."""
    standardise: int | None = None
    """A group with fewer patients is not standardised."""
    at_risk: int | None = None
    """An estimate at a time when fewer are at risk is not reliable."""
    interval_width: float | None = None
    std_error: float | None = None
    """An estimate with wider limits (upper less lower), or a larger standard error, is not reliable."""


SCHEMES = {"concord-like": ReliabilityRules("concord-like", patients=10, standardise=50, at_risk=10)}
"""Schemes by name. "concord-like" follows reports on the CONCORD programme, whose published rules could not be read:
fewer than 10 patients no estimate, 10 to 49 unstandardised only. That 10 must be at risk is how we apply
the first rule to a chosen time."""

COUNTS = ("patients", "standardise", "at_risk")
WIDTHS = ("interval_width", "std_error")

Rules = str | Mapping[str, float] | ReliabilityRules


def reliability_rules(rules: Rules) -> ReliabilityRules:
    """Return the thresholds of a scheme, or those of a mapping; raise an `OptionError` for any other."""
    if isinstance(rules, ReliabilityRules):
        return rules
    if isinstance(rules, str):
        return SCHEMES[require_choice(rules, tuple(SCHEMES), argument="rules")]
    if not isinstance(rules, Mapping) or not rules:
        raise OptionError(
            "rules= takes the name of a scheme, or thresholds such as {'patients': 20, 'at_risk': 10}."
        )
    thresholds: dict[str, Any] = {}
    for name, value in rules.items():
        require_choice(name, (*COUNTS, *WIDTHS), argument="threshold of rules")
        if name in COUNTS:
            thresholds[name] = require_count(value, argument=f"rules: {name}")
        elif (
            not isinstance(value, int | float | np.number)
            or isinstance(value, bool)
            or not 0 < value < np.inf
        ):
            raise OptionError(f"rules: {name} must be a number above 0, as a share: 0.3 for 30 %.")
        else:
            thresholds[name] = float(value)
    return ReliabilityRules("own", **thresholds)


def reliability(
    curves: Curves,
    *,
    times: Sequence[float] | float | None,
    years: Sequence[float] | float | None,
    rules: Rules,
) -> pd.DataFrame:
    """Return estimates at chosen times with their reliability (see `Curves.reliability`)."""
    limits = reliability_rules(rules)
    table = curves.at(times=times, years=years)
    children = table["at_risk"].to_numpy()
    if curves.children_at_risk is not None:
        counted = replace(curves, at_risk=curves.children_at_risk, children_at_risk=None, at_risk_after=None)
        children = counted.at(times=times, years=years)["at_risk"].to_numpy()
    n_times = len(table) // len(curves.groups)
    patients = np.repeat(curves.groups["patients"].to_numpy(), n_times)
    few = below(patients, limits.patients) | np.isnan(patients.astype(np.float64))
    missing = table["estimate"].isna().to_numpy()
    hidden = np.zeros(len(table), dtype=bool)
    if curves.stopped is not None:
        hidden = missing & np.repeat(curves.stopped, n_times)
    faults = [*_faults(curves, limits, patients, children), *_doubts(limits, table)]
    doubtful = np.any([mask for mask, _ in faults], axis=0) if faults else np.zeros(len(table), dtype=bool)
    unstandardised = below(patients, limits.standardise) & ("standard" not in curves.conventions)
    reasons = [
        (few, f"fewer than {max(limits.patients or 0, curves.minimum)} patients"),
        (~few & hidden, f"fewer than {curves.minimum} at risk"),
        (~few & missing & ~hidden, "follow-up too short"),
        *((mask & ~few & ~missing, reason) for mask, reason in faults),
        (unstandardised & ~few & ~missing, f"fewer than {limits.standardise} patients"),
    ]
    texts = ["; ".join(text for mask, text in reasons if mask[row]) for row in range(len(table))]
    for name in ("estimate", "std_error", "lower", "upper"):
        table[name] = table[name].where(~few)
    verdict = np.select(
        [few | missing, doubtful, unstandardised],
        ["no estimate", "not reliable", "unstandardised only"],
        "reliable",
    )
    place = int(table.columns.get_loc("at_risk"))  # type: ignore[arg-type]
    table.insert(place, "patients", patients)
    return table.drop(columns=["events", "censored"]).assign(reliability=verdict, reasons=texts)


def reliable_until(curves: Curves, rules: ReliabilityRules) -> npt.NDArray[np.float64]:
    """Return for each group the time from which on its curve is not reliable; infinite where it is to its end.

    A curve that is reliable again later (children enter late) stays marked: it is a product over the time before.
    """
    lower, upper = curves.limits
    starts = curves.starts
    error = std_error(curves.estimate, curves.log_variance)
    wide = above(upper - lower, rules.interval_width) | above(error, rules.std_error)
    children = curves.at_risk if curves.children_at_risk is None else curves.children_at_risk
    few = below(np.asarray(children), rules.at_risk)
    # The value at a row holds from its time on; few at risk at a row makes it doubtful from the row before on.
    before = np.concatenate([[curves.origin], curves.time[:-1]])
    before[starts[:-1]] = curves.origin
    since = np.where(few, before, np.where(wide, curves.time, np.inf))
    return np.asarray(np.minimum.reduceat(since, starts[:-1]))


def below(values: npt.NDArray[Any], threshold: float | None) -> Mask:
    """Return where values are below a threshold; nowhere without one."""
    return np.zeros(values.shape, dtype=bool) if threshold is None else np.asarray(values < threshold)


def above(values: npt.NDArray[Any], threshold: float | None) -> Mask:
    """Return where values are above a threshold; nowhere without one."""
    return np.zeros(values.shape, dtype=bool) if threshold is None else np.asarray(values > threshold)


def _faults(
    curves: Curves, rules: ReliabilityRules, patients: npt.NDArray[Any], children: npt.NDArray[Any]
) -> list[tuple[Mask, str]]:
    found = [(below(children, rules.at_risk), f"fewer than {rules.at_risk} at risk")]
    if "standard" in curves.conventions:
        found.append(
            (below(patients, rules.standardise), f"standardised from fewer than {rules.standardise} patients")
        )
    return found


def _doubts(rules: ReliabilityRules, table: pd.DataFrame) -> list[tuple[Mask, str]]:
    width = (table["upper"] - table["lower"]).to_numpy()
    return [
        (above(width, rules.interval_width), f"limits wider than {rules.interval_width}"),
        (above(table["std_error"].to_numpy(), rules.std_error), f"standard error above {rules.std_error}"),
    ]
