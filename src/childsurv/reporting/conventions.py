"""What the numbers of a report rest on, as tables: conventions of every result, sources, versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd

from childsurv._version import __version__
from childsurv.cohort.cohort import CONVENTIONS, Cohort
from childsurv.demo import countries
from childsurv.lifetable.table import LifeTable
from childsurv.reporting.cox_model import Model
from childsurv.reporting.group_survival import Estimates, period_window
from childsurv.reporting.groupings import Grouping, Shown
from childsurv.words.catalogue import Texts
from childsurv.words.numbers import Numbers

NOT_PRINTED = frozenset(
    {
        *("estimator", "level", "life_table", "life_table_digest", "same_day", "zero_survival"),
        *("days_per_year", *CONVENTIONS),
    }
)
"""Conventions of curves that the general part gives once, or that count a few children."""


def conventions_table(
    shown: Shown,
    everyone: Estimates,
    model: Model,
    life_table: LifeTable | None,
    *,
    minimum: int,
    level: float,
    texts: Texts,
) -> pd.DataFrame:
    """Return one row a convention: ``result, convention, value``, in words."""
    numbers = texts.numbers
    cohort = shown.cohort
    rows: list[tuple[str, str, str]] = []

    def say(result: str, convention: str, value: Any) -> None:
        rows.append(
            (texts(f"result.{result}"), texts.optional(f"convention.{convention}") or convention, str(value))
        )

    say("general", "year_length", f"{numbers.decimal(365.25, 2)} {texts('unit.days')}")
    say("general", "level", numbers.level(level))
    for name, value in cohort.conventions.items():
        say("general", name, "; ".join(_translated(one, texts) for one in value.split("; ")))
    origins = _stated(cohort, "closing_date_from")
    if origins:
        say("general", "closing_date_from", "; ".join(_translated(value, texts) for value in origins))
    say("general", "minimum", minimum)
    same_day = int((cohort.frame["time"] == 0).sum())
    few = 0 < same_day < minimum
    say(
        "general",
        "same_day",
        texts("convention.same_day_value", number=f"<{minimum}" if few else numbers.count(same_day)),
    )
    for result, curves in (("observed", everyone.observed), ("net", everyone.net)):
        if curves is None:
            continue
        say(result, "estimator", _translated(str(curves.conventions["estimator"]), texts))
        for name, value in curves.conventions.items():
            if name not in NOT_PRINTED:
                say(result, name, _written(value, numbers, texts))
    if life_table is not None:
        say("life_table", "source", _file_name(life_table.source))
        say("life_table", "digest", life_table.digest)
        say("life_table", "covered_dates", _dates(life_table, texts))
        say("life_table", "strata", ", ".join((*life_table.by, "sex")))
    window = period_window(cohort)
    if window is not None and shown.period is not None:
        say("period", "window", f"{window[0]} – {window[1]}")
        say("period", "entry", texts("convention.entry_value"))
    if model.fit is not None:
        for name, value in model.fit.conventions.items():
            if name not in NOT_PRINTED:
                say("cox", name, _written(value, numbers, texts))
        for heading, reference in model.references:
            say("cox", "reference", f"{heading}: {reference}")
    say("software", "versions", f"childsurv {__version__}, numpy {np.__version__}, pandas {pd.__version__}")
    return pd.DataFrame(rows, columns=["result", "convention", "value"])


def sources_table(cohort: Cohort, country: Grouping) -> tuple[pd.DataFrame, int]:
    """Return one row an extract: ``source, layout, encoding, sha256``, and how many were left out of it.

    Left out are extracts of which fewer children are analysed than may be shown: their name could name a
    country that is not shown.
    """
    hidden_values = _merged_values(country)
    rows, left_out = [], 0
    for source in cohort.provenance:
        name = _file_name(str(source.get("source", "")))
        if any(str(value) and str(value).casefold() in name.casefold() for value in hidden_values):
            left_out += 1
            continue
        rows.append((name, *(str(source.get(key, "") or "") for key in ("layout", "encoding", "sha256"))))
    return pd.DataFrame(rows, columns=["source", "layout", "encoding", "sha256"]), left_out


def _merged_values(country: Grouping) -> list[Any]:
    if not country.merged:
        return []
    return [
        value
        for value, label in country.shown_as.items()
        if label == country.labels[-1] and isinstance(value, str)
    ]


def is_simulated(cohort: Cohort) -> bool:
    """Whether the provenance names the data simulated, or all countries are invented ones of `childsurv.demo`."""
    if any(
        source.get("simulated") or "simulated" in str(source.get("source", "")).casefold()
        for source in cohort.provenance
    ):
        return True
    if "country" not in cohort.frame or not len(cohort):
        return False
    invented = set(countries()["country"]) | set(countries()["name"])
    return set(cohort.frame["country"].astype(object).dropna().unique()) <= invented


def _stated(cohort: Cohort, name: str) -> list[str]:
    """Return the distinct values of an entry of the provenance."""
    values = [str(source[name]) for source in cohort.provenance if source.get(name) not in (None, "")]
    return sorted(dict.fromkeys(values))


def _written(value: Any, numbers: Numbers, texts: Texts) -> str:
    if isinstance(value, bool | np.bool_):
        return texts("word.yes" if value else "word.no")
    if isinstance(value, int | np.integer):
        return numbers.count(int(value))
    if isinstance(value, float | np.floating):
        return numbers.decimal(float(value), 0 if float(value).is_integer() else 2)
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_written(one, numbers, texts)}" for key, one in value.items())
    return _translated(str(value), texts)


def _translated(value: str, texts: Texts) -> str:
    return texts.optional(f"value.{value}") or value


def _dates(life_table: LifeTable, texts: Texts) -> str:
    first, last = (texts("word.open") if date == "open" else date for date in life_table.covered_dates)
    return f"{first} – {last}"


def _file_name(source: str) -> str:
    """Return the last part of a path, so that a report shows nothing of the machine it was made on."""
    if "\n" in source or len(source) > 1000:
        return source
    return PurePosixPath(PureWindowsPath(source).as_posix()).name or source
