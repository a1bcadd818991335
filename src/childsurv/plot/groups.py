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

_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")

_ICCC_CODE = re.compile("(" + "|".join(sorted(_ROMAN, key=len, reverse=True)) + ")([a-z]?[0-9]{0,2})")

Names = Mapping[Any, Any] | None


@dataclass(frozen=True)
class DrawnGroup:
    """One group to draw.

    Attributes
    ----------
    row : int
        Its place among the groups of the curves.
    name : str
        Its name beside other groups of the same panel.
    panel : int
        The panel it belongs to.
    patients : float
        Its number of patients.
    people : str
        Name of its patients in the table of numbers at risk: those of several causes are the same.
    small : bool
        Whether it has fewer patients than rules of reliability ask for to standardise.
    """

    row: int
    name: str
    panel: int
    patients: float
    people: str
    small: bool


@dataclass(frozen=True)
class Selection:
    """The groups of a picture: those drawn, the panels, the names within a panel, and how many were left out.

    Attributes
    ----------
    drawn : tuple of DrawnGroup
        In the order of the curves; groups of ICCC-3 in theirs.
    panels : tuple of str
        Names of the panels that hold a drawn group; one empty name without panels.
    names : tuple of str
        Names that tell groups of one panel apart, in order of appearance: colours go by these.
    people : tuple of str
        Names of the rows of the table of numbers at risk.
    hidden : int
        Groups with fewer patients than the minimum.
    total : int
        All groups.
    """

    drawn: tuple[DrawnGroup, ...]
    panels: tuple[str, ...]
    names: tuple[str, ...]
    people: tuple[str, ...]
    hidden: int
    total: int


def require_curves(curves: Any) -> Curves:
    """Return the curves, or say what was expected."""
    if isinstance(curves, Curves):
        return curves
    raise OptionError(
        f"{asked()} draws the Curves of an estimator such as childsurv.kaplan_meier; it was given "
        f"a {type(curves).__name__}."
    )


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
    columns = curves.group_columns
    if panel_columns and not columns:
        raise OptionError("panels= needs groups; estimate the curves with by=.")
    with asking("panels="):
        require_columns(columns, panel_columns)
    within = [column for column in columns if column not in panel_columns]
    patients = curves.groups["patients"].to_numpy(dtype=np.float64)
    if curves.stopped is not None:
        patients = np.where(without_estimate(curves), np.nan, patients)
    order = reading_order(curves.groups, [*panel_columns, *within])
    shown = order[patients[order] >= least]
    if shown.size == 0:
        raise OptionError(
            f"No group has at least {least} patients, so nothing can be drawn; "
            "merge groups, or lower minimum=."
        )
    panel_texts = group_texts(curves.groups, panel_columns, names)
    own_texts = group_texts(curves.groups, within, names) if within else [all_name] * len(curves.groups)
    panel_names = tuple(dict.fromkeys(panel_texts[row] for row in shown))
    # Patients are the same for every cause that ends their follow-up.
    causes = curves.quantity in {"cumulative incidence", "crude mortality"} and "cause" in within
    apart = [column for column in within if not (causes and column == "cause")]
    people = own_texts
    if causes:
        people = group_texts(curves.groups, apart, names) if apart else [all_name] * len(curves.groups)
    few = patients < (mark_below or 0)
    if panel_columns:
        # Names tell the curves of all panels apart, so that the panel has the mark.
        marked = {panel_texts[row] for row in shown if few[row]}
        panel_texts = [name + mark if name in marked else name for name in panel_texts]
        panel_names = tuple(dict.fromkeys(panel_texts[row] for row in shown))
    else:
        own_texts, people = (
            [name + mark if small else name for name, small in zip(texts, few, strict=True)]
            for texts in (own_texts, people)
        )
    own_names = tuple(dict.fromkeys(own_texts[row] for row in shown))
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
    places = [(one.panel, one.name) for one in drawn]
    if len(set(places)) < len(places):
        raise OptionError("names= gives two groups the same text; every group needs its own.")
    heads = list(zip(panel_texts, people, strict=True))
    total = len(set(heads))
    return Selection(
        drawn=drawn,
        panels=panel_names,
        names=own_names,
        people=tuple(dict.fromkeys(people[row] for row in shown)),
        hidden=total - len({heads[row] for row in shown}),
        total=total,
    )


def without_estimate(curves: Curves) -> npt.NDArray[np.bool_]:
    """Return which groups have no estimate at any time, because the curves' own minimum leaves them out."""
    if curves.stopped is None:
        return np.zeros(len(curves.groups), dtype=bool)
    return curves.stopped & np.isnan(curves.estimate[curves.starts[:-1]])


def reading_order(groups: pd.DataFrame, columns: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the rows in the order that readers expect: ICCC-3 as I, II, ... IX, X, others as they stand.

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
