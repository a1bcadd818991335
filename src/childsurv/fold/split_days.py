"""Daily sums over people with cells of the life table split inside days, as relsurv's ``rs.diff`` and ``cmp.rel`` do.

Where ages change after fixed numbers of days, such as ``k * 365.241``, a cell ends within a day. Our daily estimators
let it hold to the end of that day, which `population.py` needs; the two functions of relsurv split the day. Only
``compat="relsurv"`` uses this: every day of every person is laid out, a block of people at a time, so the work grows
with people times days as relsurv's does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from childsurv.lifetable.paths import cell_index, cumulative_hazard, pieces
from childsurv.lifetable.people import People
from childsurv.lifetable.table import LifeTable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

PERSON_DAYS_AT_A_TIME = 2_000_000
"""Days laid out together; bounds memory."""


@dataclass(frozen=True)
class SplitDaySums:
    """Sums by group and day, arrays of shape ``(n_groups, n_days + 1)`` whose column k is the day ``(k - 1, k]``."""

    expected_events: FloatArray
    """Sum over those at risk of the day's population hazard h."""
    weight: FloatArray
    """Sum over those at risk of ``w = exp(Lambda_P)`` at the day's end."""
    weighted_expected_events: FloatArray
    """Sum over those at risk of ``w h``."""
    weighted_events: FloatArray
    """Sum of ``w`` over the day's deaths."""
    weighted_events_squared: FloatArray
    """Sum of ``w**2`` over the day's deaths."""


def split_day_sums(people: People, *, group: IntArray, n_groups: int) -> SplitDaySums:
    """Sum the hazards and weights of all at risk on every day, cells split inside days.

    Parameters
    ----------
    people
        Follow-up in whole days, and the place of each child in the life table.
    group, n_groups
        Codes from 0, of the rows of the follow-up.
    """
    observed, table, places = people.observed, people.table, people.places
    stratum, birth, diagnosis = places.stratum, places.birth, places.diagnosis
    time = people.time
    event = observed.event.astype(bool)
    cell = cell_index(table, stratum, birth, diagnosis, time)
    n_days = int(time.max()) + 1
    n_cells = n_groups * n_days
    sums = {name: np.zeros(n_cells) for name in SplitDaySums.__dataclass_fields__}
    total = np.cumsum(time)
    first = 0
    while first < time.size:
        before = total[first] - time[first]
        stop = max(first + 1, int(np.searchsorted(total, before + PERSON_DAYS_AT_A_TIME, side="right")))
        block = slice(first, stop)
        hazard, cumulative, person, day = _person_days(
            table, cell[block], birth[block], diagnosis[block], time[block]
        )
        weight = np.exp(cumulative)
        key = np.asarray(group[block])[person] * n_days + day
        ends = np.cumsum(time[block]) - 1
        followed = np.flatnonzero(event[block] & (time[block] > 0))
        # A child who dies on day 0 has no hazard before it and the weight 1.
        at_zero = np.flatnonzero(event[block] & (time[block] == 0))
        death_key = np.concatenate([key[ends[followed]], np.asarray(group[block])[at_zero] * n_days])
        death_weight = np.concatenate([weight[ends[followed]], np.ones(at_zero.size)])
        sums["weighted_events"] += np.bincount(death_key, death_weight, minlength=n_cells)
        sums["weighted_events_squared"] += np.bincount(death_key, death_weight**2, minlength=n_cells)
        if observed.entry is not None:
            there = np.flatnonzero(day > observed.entry[block].astype(np.int64)[person])
            key, hazard, weight = key[there], hazard[there], weight[there]
        sums["expected_events"] += np.bincount(key, hazard, minlength=n_cells)
        sums["weight"] += np.bincount(key, weight, minlength=n_cells)
        sums["weighted_expected_events"] += np.bincount(key, weight * hazard, minlength=n_cells)
        first = stop
    began = np.zeros(time.size, dtype=np.int64) if observed.entry is None else observed.entry
    at_start = np.bincount(np.asarray(group)[np.asarray(began) == 0], minlength=n_groups)
    sums["weight"].reshape(n_groups, n_days)[:, 0] = at_start
    return SplitDaySums(**{name: values.reshape(n_groups, n_days) for name, values in sums.items()})


def _person_days(
    table: LifeTable,
    cell: IntArray,
    birth: npt.NDArray[np.int64 | np.float64],
    diagnosis: IntArray,
    time: IntArray,
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Return hazard, cumulative hazard at its end, person and day of every day of some people's follow-up."""
    offset = np.cumsum(time) - time
    n = int(time.sum())
    # A hazard that begins inside a day counts its share of that day and all of the next ones; so does its end.
    places: list[IntArray] = []
    changes: list[FloatArray] = []
    for piece in pieces(table, cell, birth=birth, diagnosis=diagnosis, time=time, whole_days=False):
        for moment, rate in ((piece.start, piece.rate), (piece.stop, -piece.rate)):
            whole = np.floor(moment)
            place = offset[: whole.size] + whole.astype(np.int64)
            part = moment - whole
            places += [place, place + 1]
            changes += [rate * (1.0 - part), rate * part]
    jumps = np.bincount(np.concatenate(places), np.concatenate(changes), minlength=n + 2)
    hazard = np.cumsum(jumps[:n])
    running = np.concatenate([[0.0], np.cumsum(hazard)])
    person = np.repeat(np.arange(time.size), time)
    cumulative = running[1:] - running[offset][person]
    day = np.arange(1, n + 1) - offset[person]
    return hazard.astype(np.float64, copy=False), np.asarray(cumulative), person, np.asarray(day)


def expected_until(people: People, moments: FloatArray) -> FloatArray:
    """Return each group's expected events from the last whole day to each moment inside a day.

    Parameters
    ----------
    people
        As for `split_day_sums`.
    moments
        Days since diagnosis, none of them whole.

    Returns
    -------
    ndarray of shape (n_groups, n_moments)
    """
    observed, places = people.observed, people.places
    entry = np.zeros(observed.time.size) if observed.entry is None else observed.entry
    expected = np.zeros((observed.n_groups, moments.size))
    for column, moment in enumerate(moments):
        there = np.flatnonzero((observed.time > moment) & (entry < moment))
        own = places.of(there)
        spent = [
            cumulative_hazard(
                people.table,
                own.stratum,
                birth=own.birth,
                diagnosis=own.diagnosis,
                time=np.full(there.size, at),
            )
            for at in (moment, np.floor(moment))
        ]
        expected[:, column] = np.bincount(
            np.asarray(observed.group)[there], spent[0] - spent[1], minlength=observed.n_groups
        )
    return expected
