"""Which groups of a result are drawn, what they are called, and in which panel they go."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.curves.curves import Curves
from childsurv.errors import ColumnError, OptionError, asked, asking, require_columns
from childsurv.net.excess import QUANTITY, ExcessMortality
from childsurv.words.catalogue import picture_text as text

_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")

_ICCC_CODE = re.compile("(" + "|".join(sorted(_ROMAN, key=len, reverse=True)) + ")([a-z]?[0-9]{0,2})")

NOT_RELIABLE = "‡"
UNSTANDARDISED = "§"
"""Marks of what rules of reliability find, beside names and values."""

PERSON_YEARS = 1000.0
"""Rates are drawn per so many."""

_QUANTITIES = {
    "cumulative hazard": "hazard",
    QUANTITY: "excess_rate",
    "cumulative incidence": "incidence",
    "crude mortality": "crude_mortality",
    "state occupation": "state_occupation",
}
"""Key of the words for quantities that are no survival."""

Names = Mapping[Any, Any] | None


@dataclass(frozen=True)
class DrawnGroup:
    """One group to draw."""

    row: int
    """Its place among the groups of the curves."""

    name: str
    """Its name beside other groups of the same panel."""

    panel: int
    """The panel it belongs to."""

    patients: float
    people: str
    """Name of its patients in the table of numbers at risk: those of several causes are the same."""

    small: bool
    """Whether it has fewer patients than rules of reliability ask for to standardise."""


@dataclass(frozen=True)
class Selection:
    """The groups of a picture: those drawn, the panels, the names within a panel, and how many were left out."""

    drawn: tuple[DrawnGroup, ...]
    """In the order of the curves; groups of ICCC-3 in theirs."""

    panels: tuple[str, ...]
    """Names of the panels that hold a drawn group; one empty name without panels."""

    names: tuple[str, ...]
    """Names by which the groups of one panel differ, in order of appearance, which is that of the colours."""

    people: tuple[str, ...]
    """Names of the rows of the table of numbers at risk."""

    hidden: int
    """Groups with fewer patients than the minimum."""

    total: int
    """All groups."""

    def of_panel(self, panel: int) -> list[DrawnGroup]:
        """Return the groups drawn in a panel."""
        return [one for one in self.drawn if one.panel == panel]


def require_curves(curves: Any) -> Curves:
    """Return the curves of a result, rates per `PERSON_YEARS`; raise an `OptionError` for anything else."""
    if isinstance(curves, ExcessMortality):
        return curves.as_curves(per=PERSON_YEARS)
    if isinstance(curves, Curves):
        return curves
    raise OptionError(
        f"{asked()} draws the Curves of an estimator such as childsurv.kaplan_meier; it was given "
        f"a {type(curves).__name__}."
    )


def is_rate(curves: Curves) -> bool:
    """Return whether the curves are rates, known at some times and joined by straight lines."""
    return curves.quantity == QUANTITY


def is_share(curves: Curves) -> bool:
    """Return whether the curves are shares of patients, which pictures write in per cent."""
    return curves.quantity not in ("cumulative hazard", QUANTITY)


def is_standardised(curves: Any) -> bool:
    """Return whether a source of estimates is standardised curves."""
    return isinstance(curves, Curves) and "standard" in curves.conventions


def quantity_text(curves: Curves, language: str) -> str:
    """Return what the curves estimate, in words."""
    key = _QUANTITIES.get(curves.quantity)
    if key is None and curves.origin > 0:
        key = "conditional"
    elif key is None:
        # Net survival may exceed 1, and says so by not being bounded.
        key = "survival" if curves.bounded else "net_survival"
    plain = text(key, language)
    if not is_standardised(curves):
        return plain
    return text("standardised_hazard" if key == "hazard" else "standardised", language, quantity=plain)


def column_list(columns: str | Sequence[str] | None) -> list[str]:
    """Return column names as a list."""
    if columns is None:
        return []
    return [columns] if isinstance(columns, str) else list(columns)


def require_minimum(minimum: int | None, *, argument: str = "minimum") -> int:
    """Return the least number of patients as an int; None means 0."""
    if minimum is None:
        return 0
    if not isinstance(minimum, int | np.integer) or isinstance(minimum, bool) or minimum < 0:
        raise OptionError(f"{argument}= must be a whole number of patients, 0 or more, or None.")
    return int(minimum)


def require_shares(pair: Any, *, argument: str) -> tuple[float, float]:
    """Return two ascending shares such as ``(0.5, 1)``; the error for per cent shows how to write them."""
    try:
        low, high = (float(value) for value in pair)
    except (TypeError, ValueError):
        raise OptionError(f"{argument}= must be two shares, such as (0.5, 1).") from None
    if not (np.isfinite([low, high]).all() and 0 <= low < high):
        raise OptionError(f"{argument}= must be two ascending shares, 0 or more, such as (0.5, 1).")
    if high > 2:
        raise OptionError(f"{argument}= is in shares, not per cent: write (0.5, 1) for 50% to 100%.")
    return low, high


def require_share(value: Any, *, argument: str) -> float:
    """Return a share between 0 and 1; the error for per cent shows how to write it."""
    if (
        not isinstance(value, int | float | np.number)
        or isinstance(value, bool)
        or not 0 <= float(value) <= 1
    ):
        raise OptionError(f"{argument}= must be a share between 0 and 1: write 0.6 for 60%.")
    return float(value)


def label_text(value: Any, column: str, names: Names) -> str:
    """Return the text for one label; ``names`` maps labels to texts, or columns to such mappings."""
    if names:
        nested = names.get(column)
        own = nested if isinstance(nested, Mapping) else names
        if isinstance(value, Hashable) and not _is_missing(value) and value in own:
            return str(own[value])
    if _is_missing(value):
        return "–"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def group_texts(groups: pd.DataFrame, columns: Sequence[str], names: Names) -> list[str]:
    """Return one text a row from its labels in ``columns``, joined by commas."""
    parts = [[label_text(value, column, names) for value in groups[column]] for column in columns]
    return [", ".join(row) for row in zip(*parts, strict=True)] if parts else [""] * len(groups)


def select_groups(
    curves: Curves,
    *,
    panels: str | Sequence[str] | None,
    minimum: int | None,
    names: Names,
    all_name: str,
    mark_below: int | None = None,
    mark: str = "",
) -> Selection:
    """Return the groups to draw; raise where none has enough patients."""
    least = max(require_minimum(minimum), curves.minimum)
    if names is not None and not isinstance(names, Mapping):
        raise OptionError("names= must map labels to texts, such as {'XAA': 'Avaland'}.")
    panel_columns = column_list(panels)
    columns, groups = curves.group_columns, curves.groups
    if panel_columns and not columns:
        raise OptionError("panels= needs groups; estimate the curves with by=.")
    with asking("panels="):
        require_columns(columns, panel_columns)
    within = [column for column in columns if column not in panel_columns]
    patients = groups["patients"].to_numpy(dtype=np.float64)
    patients = np.where(without_estimate(curves), np.nan, patients)
    order = reading_order(groups, [*panel_columns, *within])
    shown = order[patients[order] >= least]
    if shown.size == 0:
        raise OptionError(
            f"No group has at least {least} patients, so nothing can be drawn; "
            "merge groups, or lower minimum=."
        )

    def texts_of(named: list[str]) -> list[str]:
        return group_texts(groups, named, names) if named else [all_name] * len(groups)

    panel_texts = group_texts(groups, panel_columns, names)
    # Patients are the same for every cause that ends their follow-up.
    causes = curves.quantity in {"cumulative incidence", "crude mortality"} and "cause" in within
    own_texts = texts_of(within)
    people = texts_of([column for column in within if not (causes and column == "cause")])
    few = patients < (mark_below or 0)
    if panel_columns:
        # A name has one colour in all panels, so that the panel has the mark.
        marked = {panel_texts[row] for row in shown if few[row]}
        panel_texts = [name + mark if name in marked else name for name in panel_texts]
    else:
        own_texts, people = (
            [name + mark if small else name for name, small in zip(texts, few, strict=True)]
            for texts in (own_texts, people)
        )
    panel_names = tuple(dict.fromkeys(panel_texts[row] for row in shown))
    drawn = tuple(
        DrawnGroup(
            row=int(row),
            name=own_texts[row],
            panel=panel_names.index(panel_texts[row]),
            patients=float(patients[row]),
            people=people[row],
            small=bool(few[row]),
        )
        for row in shown
    )
    if len({(one.panel, one.name) for one in drawn}) < len(drawn):
        raise OptionError("names= gives two groups the same text; every group needs its own.")
    heads = list(zip(panel_texts, people, strict=True))
    total = len(set(heads))
    return Selection(
        drawn=drawn,
        panels=panel_names,
        names=tuple(dict.fromkeys(one.name for one in drawn)),
        people=tuple(dict.fromkeys(one.people for one in drawn)),
        hidden=total - len({heads[row] for row in shown}),
        total=total,
    )


def without_estimate(curves: Curves) -> npt.NDArray[np.bool_]:
    """Return which groups have no estimate at any time, because the curves' own minimum leaves them out."""
    if curves.stopped is None:
        return np.zeros(len(curves.groups), dtype=bool)
    return curves.stopped & np.isnan(curves.estimate[curves.starts[:-1]])


def reading_order(groups: pd.DataFrame, columns: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the rows in the order that readers expect: ICCC-3 as I, II, ... IX, X, others in their own order.

    Sorted as text, IX would come before V.
    """
    keys = [_ranks(list(groups[column])) for column in columns]
    if not keys:
        return np.arange(len(groups))
    return np.lexsort(keys[::-1])


def _ranks(values: Sequence[Any]) -> npt.NDArray[np.int64]:
    parts = [_ICCC_CODE.fullmatch(value) if isinstance(value, str) else None for value in values]
    if all(part is not None for part in parts):
        keys: list[Any] = [(_ROMAN.index(part[1]), part[2]) for part in parts if part is not None]
        place = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    else:
        keys = [str(value) for value in values]
        place = {key: rank for rank, key in enumerate(dict.fromkeys(keys))}
    return np.array([place[key] for key in keys], dtype=np.int64)


def numeric_column(table: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """Return a column as floats; raise a `ColumnError` where it holds anything else."""
    try:
        return table[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ColumnError(f"{asked()}: column {column!r} must hold numbers.") from error


def _is_missing(value: Any) -> bool:
    missing = pd.isna(value)
    return bool(missing) if isinstance(missing, bool | np.bool_) else False
