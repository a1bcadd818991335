"""From rows of follow-up to a `Tally`: counts by group and time, and by day along a life table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.cohort.follow_up import (
    By,
    Data,
    FollowUp,
    IntArray,
    TimeArray,
    TimeCodes,
    follow_up,
    warn_no_events,
)
from childsurv.errors import OptionError, asked, warn
from childsurv.fold.population import fold_population
from childsurv.fold.tally import (
    COUNTED_SUMS,
    HEAD_SUMS,
    PLAIN_SUMS,
    WEIGHTED_SUMS,
    Grid,
    LifeTableNotes,
    Tally,
)
from childsurv.lifetable.people import People
from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]

LARGEST_DENSE_TABLE = 8
"""Groups x times are laid out densely up to this many cells a row of data (plus a million); sorted beyond."""


def sums_of(
    data: Data | Tally,
    *,
    by: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    zero_survival: str = "keep",
    time_unit: str = "days",
) -> tuple[Tally, FollowUp | None]:
    """Return the sums of an estimator that needs no life table, and their rows; a tally is taken as it is.

    The parameters are those of `follow_up`; a warning reports that no row has an event.
    """
    if isinstance(data, Tally):
        data.require(by=by, time=time, event=event, entry=entry, weights=weights)
        if not data.sums["events"].any():
            warn(f"{asked()}: there are no events in this Tally, so limits have no width.")
        return data, None
    observed = follow_up(
        data, by=by, time=time, event=event, entry=entry, weights=weights, zero_survival=zero_survival,
        time_unit=time_unit,
    )  # fmt: skip
    warn_no_events(observed)
    return fold_observed(observed), observed


def require_expected_sums(
    sums: Tally,
    life_table: LifeTable | None,
    *names: str,
    given: Mapping[str, object],
    weights: bool = False,
) -> None:
    """Raise an `OptionError` unless an estimator that needs a life table can finish a tally without its rows.

    Parameters
    ----------
    sums
        The tally; a warning reports that it has no events.
    life_table
        The one that a user gave, which must be that of the tally; ``None`` for none.
    *names
        Names of sums that are needed.
    given
        Arguments that name columns of rows, which must be ``None``.
    weights
        Whether the estimator takes case weights.
    """
    sums.require(*names, **given)
    if life_table is not None and not isinstance(life_table, LifeTable):
        raise OptionError(
            f"{asked()}: a Tally has its life table in it; leave life_table out, or give that one as a LifeTable, not "
            f"as {type(life_table).__name__}."
        )
    if life_table is not None and life_table.digest != sums.life_table_digest:
        raise OptionError(
            f"{asked()}: this is not the life table that the Tally was made with; leave it out, or give that one."
        )
    if sums.weighted and not weights:
        raise OptionError(f"{asked()} takes no case weights; make the Tally without weights=.")
    if not sums.sums["events"].any():
        warn(f"{asked()}: there are no events in this Tally, so limits have no width.")


def every_day(fine: Tally) -> Tally:
    """Return a tally of whole days with a cell for each day up to each group's last."""
    starts = fine.starts
    first = np.concatenate([[0], np.cumsum(fine.end[starts[1:] - 1] + 1)])
    group = np.repeat(np.arange(starts.size - 1), np.diff(first))
    place = first[fine.group] + fine.end
    sums = {name: np.zeros(first[-1], dtype=values.dtype) for name, values in fine.sums.items()}
    for name, values in fine.sums.items():
        sums[name][place] = values
    return replace(fine, grid=Grid.daily(), group=group, end=np.arange(first[-1]) - first[group], sums=sums)


def fold_observed(observed: FollowUp) -> Tally:
    """Count entries, exits and events of every group at every time at which something happens."""
    time_code, entry_code, ends = _time_codes(observed)
    n_times, n_groups = ends.size, observed.n_groups
    n_cells = n_groups * n_times
    key = time_code if n_groups == 1 else observed.group * n_times + time_code
    if observed.weights is None and n_cells <= LARGEST_DENSE_TABLE * key.size + 1_000_000:
        cells, sums = _dense_counts(key, entry_code, observed, n_times)
    else:
        entered_key = observed.group * n_times + (0 if entry_code is None else entry_code)
        cells, place = np.unique(np.concatenate([key, entered_key]), return_inverse=True)
        cells, sums = cells.astype(np.int64), _sorted_sums(place, observed, cells.size)
    return Tally(
        grid=Grid.distinct(),
        groups=observed.groups,
        group=cells // n_times,
        end=ends[cells % n_times],
        sums=sums,
        **_notes_of(observed),
    )


def _notes_of(observed: FollowUp) -> dict[str, Any]:
    """Return what a tally keeps of its follow-up beside the sums."""
    weights = observed.weights
    return {
        "time_unit": observed.time_unit,
        "conventions": {"weights": weights is not None, "zero_survival": observed.zero_survival},
        "whole_weights": weights is None or not (weights % 1).any(),
        "same_day": observed.same_day,
        "source": observed.source,
    }


def _dense_counts(
    key: IntArray, entry_code: IntArray | None, observed: FollowUp, n_times: int
) -> tuple[IntArray, dict[str, npt.NDArray[Any]]]:
    """Count heads in a dense table of groups x times; return the cells that occur and their counts."""
    n_groups = observed.n_groups
    # One count of exits without and with an event, two to a cell, passes over the rows once instead of thrice.
    twice = key << 1
    twice |= observed.event
    counts = np.bincount(twice, minlength=2 * n_groups * n_times)
    events = counts[1::2]
    left = counts[::2] + events
    occurs = left > 0
    if entry_code is None:
        # All rows enter at the first time of a group, which every group has, because none is without patients.
        occurs[::n_times] = True
        cells = np.flatnonzero(occurs)
        heads = left[cells]
        entered = np.zeros_like(heads)
        first = np.searchsorted(cells, np.arange(n_groups) * n_times)
        entered[first] = np.add.reduceat(heads, first)
        return cells, {"entered": entered, "left": heads, "events": events[cells]}
    entered = np.bincount(observed.group * n_times + entry_code, minlength=left.size)
    occurs |= entered > 0
    cells = np.flatnonzero(occurs)
    return cells, {"entered": entered[cells], "left": left[cells], "events": events[cells]}


def _sorted_sums(place: IntArray, observed: FollowUp, n_cells: int) -> dict[str, npt.NDArray[Any]]:
    """Add up heads or weights by cell, given the places of exits and then of entries among the cells."""
    exits, entries = place[: observed.time.size], place[observed.time.size :]
    return _counts(observed, exits, entries, n_cells)


def _counts(
    observed: FollowUp, exits: IntArray, entries: IntArray, n_cells: int
) -> dict[str, npt.NDArray[Any]]:
    """Count entries, exits and events by cell: weights where rows have them, and heads beside them."""
    dead = exits[np.flatnonzero(observed.event)]
    heads = [np.bincount(cells, minlength=n_cells) for cells in (entries, exits, dead)]
    if observed.weights is None:
        return dict(zip(COUNTED_SUMS, heads, strict=True))
    weights = (observed.weights, observed.weights, observed.weights[np.flatnonzero(observed.event)])
    weighed = [
        np.bincount(cells, weight, minlength=n_cells)
        for cells, weight in zip((entries, exits, dead), weights, strict=True)
    ]
    return dict(zip((*COUNTED_SUMS, *HEAD_SUMS), (*weighed, *heads), strict=True))


def fold_expected(people: People, *, plain: bool, weighted: bool) -> Tally:
    """Fold follow-up through a life table into daily cells, from day 0 to each group's last day."""
    observed, life_table, places = people.observed, people.table, people.places
    time, entry = people.time, people.entry
    n_groups, n_days = observed.n_groups, int(time.max()) + 1
    population = fold_population(
        life_table, places.stratum, birth=places.birth, diagnosis=places.diagnosis, entry=entry, time=time,
        event=observed.event, group=observed.group, n_groups=n_groups, plain=plain, weighted=weighted,
        case_weights=observed.weights,
    )  # fmt: skip
    last_day = np.zeros(n_groups, dtype=np.int64)
    np.maximum.at(last_day, observed.group, time)
    n_cells = n_groups * n_days
    key = observed.group * n_days
    exit_key = key + time
    entered_key = key if entry is None else key + entry
    dense = _counts(observed, exit_key, entered_key, n_cells)
    if observed.weights is not None and plain:
        dead = np.flatnonzero(observed.event)
        squares = observed.weights[dead] ** 2
        dense["events_squared"] = np.bincount(exit_key[dead], squares, minlength=n_cells)
    chosen = (*(PLAIN_SUMS if plain else ()), *(WEIGHTED_SUMS if weighted else ()))
    dense |= {name: getattr(population, name) for name in chosen}
    lengths = last_day + 1
    group = np.repeat(np.arange(n_groups), lengths)
    day = np.arange(group.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)

    def up_to_last_day(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        rows = values.reshape(n_groups, n_days)
        return np.concatenate([row[:length] for row, length in zip(rows, lengths, strict=True)])

    notes = _notes_of(observed)
    notes["conventions"] |= {"age_cells": life_table.age_rule, "calendar_cells": life_table.calendar_rule}
    return Tally(
        grid=Grid.daily(),
        groups=observed.groups,
        group=group.astype(np.int64, copy=False),
        end=day.astype(np.int64, copy=False),
        sums={name: up_to_last_day(values) for name, values in dense.items()},
        life_table=LifeTableNotes.of(life_table, population.marked_days),
        extended_days=population.extended_days,
        marked_days=population.marked_days,
        **notes,
    )


def _time_codes(observed: FollowUp) -> tuple[IntArray, IntArray | None, TimeArray]:
    """Return each row's place among the times that can end a cell, of entries likewise, and those times."""
    if observed.counted:
        ends = np.arange(int(observed.time.max()) + 1, dtype=np.int64)
        time = observed.time.astype(np.int64, copy=False)
        return time, None if observed.entry is None else observed.entry.astype(np.int64, copy=False), ends
    codes = observed.codes
    if codes is None:
        pooled = [observed.time] if observed.entry is None else [observed.time, observed.entry]
        distinct, place = np.unique(np.concatenate(pooled).astype(np.float64), return_inverse=True)
        n_rows = observed.time.size
        codes = TimeCodes(distinct, place[:n_rows], None if observed.entry is None else place[n_rows:])
    if codes.ends[0] == 0:
        return codes.time, codes.entry, codes.ends
    # No row ends at 0, where rows enter: 0 needs a place before all others.
    entry = None if codes.entry is None else codes.entry + 1
    return codes.time + 1, entry, np.concatenate([[0.0], codes.ends])
