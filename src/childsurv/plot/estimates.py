"""Survival at one time, from curves or from a ready table, checked for drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from childsurv.curves.curves import Curves
from childsurv.curves.reliability import ReliabilityRules, Rules, reliability_rules
from childsurv.errors import ColumnError, DataError, OptionError, asked, require_columns, rows_where
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.plot.groups import (
    column_list,
    is_standardised,
    numeric_column,
    quantity_text,
    reading_order,
)
from childsurv.words.catalogue import decimal_text, year_text
from childsurv.words.catalogue import picture_text as text

USUAL_YEARS = 5.0


@dataclass(frozen=True)
class Reading:
    """When a picture reads curves, and by which rules it judges them, as the user gave it."""

    years: float | None
    times: float | None
    reliability: Rules | None = None


@dataclass(frozen=True)
class Estimates:
    """One estimate a group."""

    table: pd.DataFrame
    """Label columns, then ``estimate, lower, upper, patients`` as floats and ``reliability``, in reading order."""

    quantity: str
    """What is estimated, in words, such as "5-year survival"; empty where a table does not name it."""

    level: float | None
    """Confidence level, where known."""

    kind: str
    """Kind of the intervals, where known."""

    minimum: int = 0
    """The curves' own minimum; 0 for none. A number of patients that it hides is 0 here."""

    rules: ReliabilityRules | None = None
    """Rules of reliability by which the curves were judged."""

    standardised: bool = False
    """Whether the curves are standardised."""


def estimates_of(
    source: Any,
    *,
    by: Sequence[str],
    reading: Reading,
    needs_patients: bool,
    needs_limits: bool,
    language: str,
) -> Estimates:
    """Return one checked estimate a group from Curves at a time, or from a table that holds them."""
    if isinstance(source, Curves):
        table, quantity = _from_curves(source, by, reading, language)
        level, kind = float(source.level), source.ci
    elif isinstance(source, pd.DataFrame):
        if reading.reliability is not None:
            raise OptionError(
                f"{asked()}: reliability= judges curves; for a table, give that of Curves.reliability(), whose column "
                "'reliability' is drawn."
            )
        if reading.years is not None or reading.times is not None:
            raise OptionError(
                f"{asked()}: years= and times= read curves; a table holds its estimates already. "
                "Keep the rows of one time, and "
                "leave years= out."
            )
        table = _from_table(source, by, needs_patients, needs_limits)
        quantity, level, kind = "", None, ""
    else:
        raise OptionError(f"{asked()} draws Curves or a table; it was given a {type(source).__name__}.")
    repeated = table.duplicated(list(by)).to_numpy()
    if repeated.any():
        raise DataError(
            f"{asked()}: {rows_where(repeated)} repeat the labels of an earlier row in "
            f"{', '.join(map(repr, by))}; "
            "keep one row a group, such as those of one time or cause."
        )
    order = reading_order(table, list(by))
    least = source.minimum if isinstance(source, Curves) else 0
    return Estimates(
        table.iloc[order].reset_index(drop=True),
        quantity,
        level,
        kind,
        least,
        None if reading.reliability is None else reliability_rules(reading.reliability),
        is_standardised(source),
    )


def _from_curves(
    curves: Curves, by: Sequence[str], reading: Reading, language: str
) -> tuple[pd.DataFrame, str]:
    years, times = reading.years, reading.times
    if not curves.group_columns:
        raise OptionError(f"{asked()} compares groups; estimate the curves with by=.")
    require_columns(curves.group_columns, list(by))
    if set(by) != set(curves.group_columns):
        spare = [name for name in curves.group_columns if name not in by]
        raise OptionError(
            f"{asked()}: the curves are also grouped by {', '.join(map(repr, spare))}, "
            "so that there are several for each "
            f"{' and '.join(map(repr, by))}; estimate them without it."
        )
    if years is None and times is None:
        if not curves.in_days:
            raise OptionError(f"{asked()}: give times= in the unit of the curves, whose unit is not known.")
        years = USUAL_YEARS
    values = curves.at(times=times, years=years)
    if len(values) != len(curves.groups):
        raise OptionError(f"{asked()} shows one time; give a single number of years= or times=.")
    table = values[[*by, "estimate", "lower", "upper"]].copy()
    table["patients"] = curves.groups["patients"].to_numpy(dtype=np.float64)
    # Numbers that the curves' own minimum hides are below any minimum of a picture.
    table["patients"] = table["patients"].fillna(0.0)
    if reading.reliability is None:
        table["reliability"] = ""
    else:
        judged = curves.reliability(times=times, years=years, rules=reading.reliability)
        table[["estimate", "lower", "upper", "reliability"]] = judged[
            ["estimate", "lower", "upper", "reliability"]
        ]
    quantity = quantity_text(curves, language)
    if years is not None:
        return table, year_text(float(values["time"].iloc[0]) / DAYS_PER_YEAR, quantity, language)
    return table, text("at_time", language, quantity=quantity, time=f"{float(values['time'].iloc[0]):g}")


def _from_table(
    source: pd.DataFrame, by: Sequence[str], needs_patients: bool, needs_limits: bool
) -> pd.DataFrame:
    numbers = ["estimate", *(["lower", "upper"] if needs_limits else [])]
    require_columns(source.columns, [*by, *numbers])
    if needs_patients and "patients" not in source.columns:
        raise ColumnError(
            f"{asked()}: no column 'patients', which minimum=, mark_below= and totals= need; "
            "add it, or switch each of them off with None or False."
        )
    table = source[list(by)].reset_index(drop=True)
    for name in ("estimate", "lower", "upper", "patients"):
        if name in source.columns:
            table[name] = numeric_column(source, name)
        else:
            table[name] = np.nan
    table["reliability"] = source["reliability"].to_numpy() if "reliability" in source.columns else ""
    if len(table) == 0:
        raise DataError(f"{asked()}: the table has no rows.")
    estimate = table["estimate"].to_numpy()
    impossible = (estimate < 0) | (estimate > 2)
    if impossible.any():
        raise DataError(
            f"{asked()}: 'estimate' must hold shares between 0 and 1 (net survival may be a little more), "
            "not per cent; "
            f"it does not in {rows_where(impossible)}."
        )
    crossed = (table["lower"] > estimate + 1e-9) | (table["upper"] < estimate - 1e-9)
    if crossed.any():
        raise DataError(
            f"{asked()}: 'lower' and 'upper' must enclose 'estimate'; they do not in "
            f"{rows_where(crossed.to_numpy())}."
        )
    return table


def interval_text(estimate: float, lower: float, upper: float, language: str) -> str:
    """Return ``78 (74–82)`` in per cent; an interval that is not defined or has no width is a dash."""
    value = decimal_text(100 * estimate, 0, language)
    if not (np.isfinite(lower) and np.isfinite(upper)) or lower == upper:
        return f"{value} (–)"
    return f"{value} ({decimal_text(100 * lower, 0, language)}–{decimal_text(100 * upper, 0, language)})"


def require_by(by: str | Sequence[str] | None, source: Any) -> list[str]:
    """Return the label columns: those given, or all group columns of curves."""
    if by is not None:
        columns = column_list(by)
        if columns:
            return columns
    if isinstance(source, Curves):
        return source.group_columns
    raise OptionError(f"{asked()}: name the column of the groups in by=.")
