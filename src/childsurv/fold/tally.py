"""Grid and Tally: the only place where patients are folded into sums.

A tally is a long table of cells, group x time, holding increments: how many entered, left and died in each cell, the
deaths their population would have had, and the same weighted by 1 / S_P(t). Numbers at risk are running sums of
these. Increments add, over patients, files and countries alike: ``tally(a + b) == tally(a) + tally(b)``.

A cell is ``(start, end]``; entries happen at its end, before the next cell begins; entries at 0 are at
risk from the start. A death at t is at risk at t, and precedes an entry at t.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import (
    IntArray,
    TimeArray,
    follow_up_conventions,
)
from childsurv.errors import DataError, OptionError, asked
from childsurv.lifetable.paths import labels_of_cells
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.frozen import Frozen
from childsurv.maths.running import group_starts, running_sum

FloatArray = npt.NDArray[np.float64]

COUNTED_SUMS = ("entered", "left", "events")
HEAD_SUMS = ("heads_entered", "heads_left", "heads_events")
PLAIN_SUMS = ("expected_events",)
WEIGHTED_SUMS = (
    "weighted_entered",
    "weighted_left",
    "weighted_events",
    "weighted_events_squared",
    "weighted_expected_events",
)

CAUSE = "events_of_cause_"
"""Sums of events by cause are called this and the number of the cause."""


@dataclass(frozen=True)
class Grid:
    """Time cells of a tally: every distinct time, every day, or chosen breaks.

    Attributes
    ----------
    kind : {"distinct", "daily", "breaks"}
        How cells end.
    ends : tuple of float
        Ends of the cells for "breaks", ascending, in the unit of time; cells are ``(previous end, end]``.
    """

    kind: str
    ends: tuple[float, ...] = ()

    @classmethod
    def distinct(cls) -> Grid:
        """Return the grid whose cells end at the times that occur."""
        return cls("distinct")

    @classmethod
    def daily(cls) -> Grid:
        """Return the grid with one cell a day."""
        return cls("daily")

    @classmethod
    def breaks(cls, ends: Sequence[float]) -> Grid:
        """Return the grid with cells ending at given times.

        Parameters
        ----------
        ends
            Ascending, greater than 0.
        """
        values = tuple(float(end) for end in ends)
        ascending = all(later > earlier for earlier, later in zip((0.0, *values), values, strict=False))
        if not values or not ascending or values[-1] == float("inf"):
            raise OptionError("Grid.breaks() takes ascending times greater than 0.")
        return cls("breaks", values)


@dataclass(frozen=True)
class LifeTableNotes(Frozen):
    """Notes on the life table of sums, so that they can be finished without the table."""

    digest: str
    """Tallies of different life tables do not add."""
    source: str
    age_rule: str
    calendar_rule: str
    cells: pd.DataFrame
    """Labels of the cells with person-time to report, as in `marked_cells_table`, by their flat index."""

    @classmethod
    def of(cls, table: LifeTable, marked_days: Mapping[int, float]) -> LifeTableNotes:
        """Return the notes on a table and those of its cells that were used and need a note."""
        places = np.array(sorted(marked_days), dtype=np.int64)
        cells = labels_of_cells(table, places).set_axis(pd.Index(places))
        return cls(table.digest, table.source, table.age_rule, table.calendar_rule, cells)

    def with_cells_of(self, other: LifeTableNotes) -> LifeTableNotes:
        """Return the notes on the cells of both."""
        new = other.cells.loc[other.cells.index.difference(self.cells.index)]
        if not len(new):
            return self
        cells = pd.concat([self.cells, new]).sort_index() if len(self.cells) else new
        return replace(self, cells=cells)

    def use(self, marked_days: Mapping[int, float]) -> pd.DataFrame:
        """Return the cells that were carried on or have a hazard of zero, with the person-years in them."""
        days = np.array([marked_days[int(cell)] for cell in self.cells.index], dtype=np.float64)
        return self.cells.reset_index(drop=True).assign(person_years=days / DAYS_PER_YEAR)


@dataclass(frozen=True, eq=False, repr=False)
class Tally(Frozen):
    """Sums of follow-up by group and time cell, which add over disjoint sets of patients.

    Build one with `childsurv.tally`. Cells are sorted by group and time.

    Attributes
    ----------
    grid : Grid
    groups : DataFrame
        Labels, one row a group.
    group, end : ndarray of shape (n_cells,)
        Code of the group and end of the cell.
    sums : Mapping of str to ndarray of shape (n_cells,)
        Increments: `COUNTED_SUMS` always, integers unless rows are weighted; `PLAIN_SUMS` and
        `WEIGHTED_SUMS` where a life table was given; `HEAD_SUMS`, the same counts without weights, and
        ``events_squared`` (squared case weights of events, with a life table) where rows are weighted;
        ``events_of_cause_1`` and so on where causes were asked for.
    time_unit : str
        Unit of the times.
    life_table : LifeTableNotes or None
        The life table that the sums were made with. Tallies of different life tables do not add.
    conventions : Mapping
        Tallies of different conventions do not add.
    causes : Mapping of int to str
        Names of the causes that ended follow-up, by their numbers.
    causes_after_follow_up : int
        Rows of a cohort whose cause came after its follow-up, which count as censored.
    whole_weights : bool
        Whether all case weights are whole numbers, which count children.
    same_day : int
        Rows of a cohort that end on the day of diagnosis.
    source : Mapping
        Conventions of the cohort: age band and groups, edition of ICCC-3, closing date.
    extended_days : float
        Person-days in cells that `LifeTable.extend` filled.
    marked_days : Mapping of int to float
        Person-days by flat index of the cell of the life table, for extended cells and those with a hazard of zero.
    """

    grid: Grid
    groups: pd.DataFrame
    group: IntArray
    end: TimeArray
    sums: Mapping[str, npt.NDArray[Any]]
    time_unit: str
    life_table: LifeTableNotes | None = None
    conventions: Mapping[str, Any] = field(default_factory=dict)
    causes: Mapping[int, str] = field(default_factory=dict)
    causes_after_follow_up: int = 0
    whole_weights: bool = True
    same_day: int = 0
    source: Mapping[str, str] = field(default_factory=dict)
    extended_days: float = 0.0
    marked_days: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in (self.group, self.end, *self.sums.values()):
            array.setflags(write=False)
        for name in ("sums", "conventions", "causes", "source", "marked_days"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __repr__(self) -> str:
        return f"<Tally: {len(self.groups)} groups, {self.end.size:,} {self.grid.kind} cells, {', '.join(self.sums)}>"

    @property
    def in_days(self) -> bool:
        """Whether times are days, so that years can be asked for."""
        return self.time_unit == "days"

    @property
    def life_table_digest(self) -> str | None:
        """Digest of the life table, or ``None`` without one."""
        return None if self.life_table is None else self.life_table.digest

    @property
    def weighted(self) -> bool:
        """Whether rows had case weights."""
        return "heads_left" in self.sums

    @property
    def n_groups(self) -> int:
        """Number of groups, 1 when there is no ``by``."""
        return max(len(self.groups), 1)

    @property
    def events_by_cause(self) -> npt.NDArray[Any]:
        """Events of each cause, in the order of `causes`, of shape ``(n_causes, n_cells)``."""
        return np.stack([self.sums[f"{CAUSE}{number}"] for number in self.causes])

    @property
    def follow_up_conventions(self) -> dict[str, Any]:
        """What every result reports of its follow-up."""
        rule = str(self.conventions.get("zero_survival", "as given"))
        return follow_up_conventions(self.time_unit, rule, self.same_day, self.source)

    @property
    def life_table_use(self) -> pd.DataFrame | None:
        """Cells of the life table that were carried on or have a hazard of zero, with the person-years in them."""
        return None if self.life_table is None else self.life_table.use(self.marked_days)

    @property
    def heads(self) -> Tally:
        """The counts of children without their weights; itself where there are none."""
        if not self.weighted:
            return self
        sums = {name: self.sums[f"heads_{name}"] for name in COUNTED_SUMS}
        return replace(self, sums=sums)

    @property
    def table(self) -> pd.DataFrame:
        """A fresh long table: group columns, ``end``, the increments, and ``at_risk`` at the cell's start."""
        frame = self.groups.iloc[self.group].reset_index(drop=True)
        frame["end"] = self.end
        frame["at_risk"] = self.at_risk
        for name, values in self.sums.items():
            frame[name] = values
        return frame

    @cached_property
    def starts(self) -> IntArray:
        """First cell of each group, and the number of cells last."""
        starts = group_starts(self.group, max(len(self.groups), 1))
        starts.setflags(write=False)
        return starts

    @cached_property
    def at_risk(self) -> npt.NDArray[Any]:
        """Number at risk in each cell: those who entered before it less those who left before it."""
        at_risk = self.running("entered", "left")
        at_risk.setflags(write=False)
        return at_risk

    def running(self, entered: str, left: str, growth: str | None = None) -> npt.NDArray[Any]:
        """Return, at the start of each cell, the running sum of what entered and grew less what left before it.

        What enters at 0 is there from the start; what enters at the end of a later cell is there after it.
        """
        starts = self.starts
        change = self.sums[entered] - self.sums[left]
        if growth is not None:
            change = change + self.sums[growth]
        at_end = running_sum(change, starts)
        before = np.zeros_like(at_end)
        before[1:] = at_end[:-1]
        before[starts[:-1][starts[:-1] < before.size]] = 0
        return np.where(self.end == 0, before + self.sums[entered], before)

    def totals(self, name: str) -> npt.NDArray[Any]:
        """Return a sum over all cells of each group."""
        return np.add.reduceat(self.sums[name], self.starts[:-1])

    def cells_of(self, group: IntArray, end: TimeArray) -> IntArray:
        """Return the position of the cell of each group and end, which must exist."""
        ends = np.unique(self.end)
        own = self.group * ends.size + np.searchsorted(ends, self.end)
        return np.searchsorted(own, group * ends.size + np.searchsorted(ends, end))

    def __add__(self, other: Tally) -> Tally:
        """Return the tally of both sets of patients; refuses what does not fit together."""
        if not isinstance(other, Tally):
            return NotImplemented
        differing = [
            name
            for name, mine, theirs in (
                ("grid", self.grid, other.grid),
                ("unit of time", self.time_unit, other.time_unit),
                ("group columns", list(self.groups.columns), list(other.groups.columns)),
                ("life table", self.life_table_digest, other.life_table_digest),
                ("conventions", dict(self.conventions), dict(other.conventions)),
                ("sums", self._kinds_of_sums, other._kinds_of_sums),
                ("names of causes", {**self.causes, **other.causes}, {**other.causes, **self.causes}),
            )
            if mine != theirs
        ]
        if differing:
            raise DataError(
                f"These tallies cannot be added: they differ in {' and '.join(differing)}. Make both with the same "
                "by=, grid=, life table and options."
            )
        groups, place = _groups_of_both(self.groups, other.groups)
        mine, theirs = place[: self.n_groups], place[self.n_groups :]
        # A cause that one of the two has not seen has ended no follow-up there.
        names = [*self.sums, *(name for name in other.sums if name not in self.sums)]
        sums = {
            name: np.concatenate(
                [one.sums.get(name, np.zeros(one.end.size, dtype=np.int64)) for one in (self, other)]
            )
            for name in names
        }
        both = replace(
            self,
            groups=groups,
            causes=dict(sorted({**self.causes, **other.causes}.items())),
            causes_after_follow_up=self.causes_after_follow_up + other.causes_after_follow_up,
            whole_weights=self.whole_weights and other.whole_weights,
            same_day=self.same_day + other.same_day,
            source=_joined(self.source, other.source),
            life_table=None
            if self.life_table is None or other.life_table is None
            else self.life_table.with_cells_of(other.life_table),
            extended_days=self.extended_days + other.extended_days,
            marked_days={
                cell: self.marked_days.get(cell, 0.0) + other.marked_days.get(cell, 0.0)
                for cell in sorted({*self.marked_days, *other.marked_days})
            },
            sums={},
        )
        return _merged(
            both,
            group=np.concatenate([mine[self.group], theirs[other.group]]),
            end=np.concatenate([self.end, other.end]),
            sums=sums,
        )

    @property
    def _kinds_of_sums(self) -> set[str]:
        """Names of the sums, those of causes as one; weights have heads beside them, and are conventions."""
        names = {CAUSE if name.startswith(CAUSE) else name for name in self.sums}
        return names.difference(HEAD_SUMS)

    def require(self, *sums: str, **given: Any) -> None:
        """Raise an `OptionError` unless the tally can be finished: its cells, its sums, and no column named beside it.

        Parameters
        ----------
        *sums
            Names of sums that are needed.
        **given
            Arguments that name columns of rows, which must be ``None``.
        """
        named = [f"{name}=" for name, value in given.items() if value is not None]
        if named:
            raise OptionError(
                f"{asked()}: a Tally is counted and grouped already; leave {', '.join(named)} out, or give the rows."
            )
        if self.grid.kind == "breaks":
            raise OptionError(
                f"{asked()}: this Tally has cells of chosen lengths, in which deaths and losses have lost their order. "
                "Finish one with cells of days or distinct times."
            )
        lacking = [name for name in sums if name not in self.sums]
        if lacking:
            raise OptionError(
                f"{asked()}: this Tally lacks the sums {', '.join(lacking)}; make it with cs.tally(data, life_table)."
            )

    def by(self, names: Sequence[str]) -> Tally:
        """Return the sums over fewer group columns, which the others are added up over.

        Parameters
        ----------
        names
            Group columns to keep, among those of the tally.
        """
        kept = list(names)
        if kept == list(self.groups.columns):
            return self
        if kept:
            groups = self.groups[kept].drop_duplicates(ignore_index=True).sort_values(kept, ignore_index=True)
            place = pd.MultiIndex.from_frame(groups).get_indexer(pd.MultiIndex.from_frame(self.groups[kept]))
        else:
            groups, place = pd.DataFrame(index=pd.RangeIndex(1)), np.zeros(self.n_groups, dtype=np.int64)
        whole = replace(self, groups=groups, sums={})
        return _merged(whole, group=np.asarray(place)[self.group], end=self.end, sums=self.sums)

    def coarsen(self, grid: Grid) -> Tally:
        """Return the sums over coarser cells, given as `Grid.breaks`.

        Cells past the last break become cells of one last, open interval, so that nothing is lost.
        """
        if grid.kind != "breaks":
            raise OptionError("coarsen() takes Grid.breaks([...]).")
        if self.grid.kind == "breaks" and not set(grid.ends) <= set(self.grid.ends):
            raise OptionError("coarsen(): some breaks are not ends of this tally's own cells.")
        ends = np.append(np.asarray(grid.ends), np.inf)
        cell_end = ends[np.searchsorted(ends, self.end, side="left")]
        # What enters at 0 stays at 0, where the number at risk begins.
        cell_end = np.where(self.end == 0, 0.0, cell_end)
        coarse = replace(self, grid=grid, sums={})
        return _merged(coarse, group=self.group, end=cell_end, sums=self.sums)


def _groups_of_both(mine: pd.DataFrame, theirs: pd.DataFrame) -> tuple[pd.DataFrame, IntArray]:
    """Return the groups of two tallies, sorted, and the place there of each group of the first and then the second."""
    labels = pd.concat([mine, theirs], ignore_index=True)
    names = list(labels.columns)
    if not names:
        return mine, np.zeros(2, dtype=np.int64)
    for name in names:
        own, other = mine[name].dtype, theirs[name].dtype
        if isinstance(own, pd.CategoricalDtype) and isinstance(other, pd.CategoricalDtype):
            categories = list(dict.fromkeys([*own.categories, *other.categories]))
            labels[name] = labels[name].astype(pd.CategoricalDtype(categories, ordered=own.ordered))
    groups = labels.drop_duplicates(ignore_index=True).sort_values(names, ignore_index=True)
    place = pd.MultiIndex.from_frame(groups).get_indexer(pd.MultiIndex.from_frame(labels))
    return groups, np.asarray(place, dtype=np.int64)


def _joined(mine: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Return the conventions of two cohorts; several values follow one another, as in a cohort of both."""
    return {
        name: "; ".join(
            sorted({part for source in (mine, theirs) if name in source for part in source[name].split("; ")})
        )
        for name in dict.fromkeys([*mine, *theirs])
    }


def _merged(tally: Tally, *, group: IntArray, end: TimeArray, sums: Mapping[str, npt.NDArray[Any]]) -> Tally:
    """Return the tally with these cells, those of the same group and end added up."""
    order = np.lexsort((end, group))
    group, end = group[order], end[order]
    changed = (group[1:] != group[:-1]) | (end[1:] != end[:-1])
    first = np.flatnonzero(np.concatenate([[True], changed]))
    added = {name: np.add.reduceat(values[order], first) for name, values in sums.items()}
    return replace(tally, group=group[first], end=end[first], sums=added)
