"""Follow-up that ends with one of several causes, and its sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.cohort.cohort import Cohort
from childsurv.cohort.follow_up import (
    By,
    Data,
    FollowUp,
    columns_list,
    follow_up,
    frame_of,
    number_column,
    require_rows,
)
from childsurv.errors import ColumnError, DataError, ModelError, OptionError, asked, require_columns, warn
from childsurv.fold.rows import fold_observed
from childsurv.fold.tally import CAUSE, Tally

IntArray = npt.NDArray[np.int64]

LARGEST_CODE = 1_000
"""Largest number of a cause that is looked up in a table; larger ones are searched for."""

LARGEST_LOOK_UP = 4
"""Places of a table of groups x days for each row, beyond which rows are searched for instead."""


@dataclass(frozen=True)
class Causes:
    """Follow-up to an event of any cause, with the cause of each."""

    observed: FollowUp
    number: IntArray
    """Of each row: 0 for no event, or the place of its cause among `names`, from 1."""
    names: Mapping[int, str]
    """Names of the causes by their numbers in the data, ascending."""
    after_follow_up: int
    """Rows of a cohort whose cause came after its follow-up, which count as censored."""


def causes_of(
    data: Data,
    cause: str | None,
    causes: Mapping[int, str] | None,
    *,
    by: By,
    time: str | None,
    entry: str | None,
    weights: str | None,
    zero_survival: str,
    time_unit: str,
) -> Causes:
    """Return the follow-up to an event of any cause, and the cause of each row.

    A cause of a cohort counts where the cohort has an event: windows end follow-up before what happened later.
    """
    if cause is None:
        raise ColumnError(
            f"{asked()}: cause= names the column with the cause that ended follow-up, 0 for none."
        )
    frame = frame_of(data)
    require_columns(frame.columns, [cause])
    if len(frame) == 0:
        raise DataError(
            f"{asked()}: there are no rows to analyse. Check the exclusions and conditions before it."
        )
    values = number_column(frame, cause)
    require_rows(
        (values < 0) | (values % 1 != 0),
        f"{asked()}: column {cause!r} is not a whole number of 0 or more",
        "Causes are numbered 1, 2, ...; 0 means none.",
    )
    own = values.astype(np.int64)
    after = 0
    if isinstance(data, Cohort):
        later = (own > 0) & (frame["event"].to_numpy() != 1)
        own = np.where(later, 0, own)
        after = int(later.sum())
        if after and not _was_cut(data):
            warn(
                f"{asked()}: {after:,} rows have a cause in column {cause!r} and no event in the cohort; "
                "they count as censored. Let first_event() end follow-up with these events, or give a DataFrame."
            )
    found = np.flatnonzero(np.bincount(own)) if own.max() <= LARGEST_CODE else np.unique(own)
    present = [int(number) for number in found if number > 0]
    if causes is not None:
        unnamed = [str(number) for number in present if number not in causes]
        if unnamed or 0 in causes:
            raise OptionError(
                f"{asked()}: causes= names causes from 1 on; "
                + (
                    f"it lacks {', '.join(unnamed)}, which column {cause!r} has."
                    if unnamed
                    else "0 means none."
                )
            )
        present = sorted(int(number) for number in causes)
    if not present:
        raise ModelError(f"{asked()}: column {cause!r} has no cause but 0. Check what its numbers mean.")
    names = [str(causes[number]) if causes is not None else str(number) for number in present]
    if len(set(names)) < len(names):
        raise OptionError(
            f"{asked()}: causes= gives two causes the same name; join them in the column instead."
        )
    if max(int(own.max()), *present) <= LARGEST_CODE:
        place = np.zeros(max(int(own.max()), *present) + 1, dtype=np.int64)
        place[present] = np.arange(1, len(present) + 1)
        own = place[own]
    else:
        own = np.where(own > 0, np.searchsorted(present, own) + 1, 0)
    event = "event of any cause"
    if isinstance(data, Cohort):
        marked: Data = data.with_columns(**{event: (own > 0).astype(np.int64)})
    else:
        if time is None:
            raise ColumnError(
                f"{asked()}: a DataFrame needs time=, the name of the column with the length of follow-up."
            )
        columns = {name for name in (time, entry, weights, *columns_list(by)) if name is not None}
        require_columns(frame.columns, sorted(columns))
        marked = frame[[name for name in frame.columns if name in columns]].assign(
            **{event: (own > 0).astype(np.int64)}
        )
    observed = follow_up(
        marked, by=by, time=time, event=event, entry=entry, weights=weights, zero_survival=zero_survival,
        time_unit=time_unit,
    )  # fmt: skip
    return Causes(observed, own[observed.rows], dict(zip(present, names, strict=True)), after)


def fold_causes(given: Causes) -> Tally:
    """Count entries, exits, events of any cause and of each cause by group and time."""
    observed = given.observed
    folded = fold_observed(observed)
    cell, n_cells = _cells_of(folded, observed), folded.end.size
    dead = np.flatnonzero(given.number > 0)
    weights = None if observed.weights is None else observed.weights[dead]
    counts: npt.NDArray[Any] = np.bincount(
        (given.number[dead] - 1) * n_cells + cell[dead], weights, minlength=len(given.names) * n_cells
    ).reshape(-1, n_cells)
    sums = {f"{CAUSE}{number}": own for number, own in zip(given.names, counts, strict=True)}
    return replace(
        folded,
        sums={**folded.sums, **sums},
        causes=given.names,
        causes_after_follow_up=given.after_follow_up,
    )


def _was_cut(cohort: Cohort) -> bool:
    """Whether a window or an approach has cut follow-up, so that events may have come after it."""
    frame = cohort.frame
    if (frame["entry"] > 0).any() or any("approach" in one for one in cohort.provenance):
        return True
    if "last_contact_date" not in frame:
        return False
    contact = (frame["last_contact_date"] - frame["diagnosis_date"]).dt.days
    return bool((frame["time"] < contact).any())


def _cells_of(folded: Tally, observed: FollowUp) -> IntArray:
    """Return the cell in which each row ends: looked up where times are counted, searched for elsewhere."""
    if folded.end.dtype.kind != "i":
        return folded.cells_of(observed.group, observed.time)
    width = int(folded.end.max()) + 1
    if observed.n_groups * width > LARGEST_LOOK_UP * observed.time.size:
        return folded.cells_of(observed.group, observed.time)
    row = np.zeros(observed.n_groups * width, dtype=np.int64)
    row[folded.group * width + folded.end] = np.arange(folded.end.size)
    return row[observed.group * width + observed.time.astype(np.int64, copy=False)]
