"""From a Cohort or a table to arrays of follow-up: the one door through which every estimator gets its data.

Follow-up is ``(entry, time]``. Times of a cohort are whole days; a plain table may use any unit, and its times
are tied by R's rule, so that 1 and 1 + 1e-9 are one time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.errors import (
    ColumnError,
    DataError,
    OptionError,
    asked,
    require_choice,
    require_columns,
    rows_where,
    warn,
)
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.maths.frozen import Frozen

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
TimeArray: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.float64]
By: TypeAlias = str | Sequence[str] | None

RESULT_COLUMNS = frozenset(
    {
        "time", "at_risk", "events", "censored", "estimate", "std_error", "lower", "upper", "p", "quantile", "tau",
        "rmst", "difference", "z", "p_value", "patients", "total_events", "end", "entered", "left", "observed",
        "expected", "cause", "statistic", "df", "score", "ratio", "ratio_lower", "ratio_upper", "ratio_p_value",
        "log_std_error", "number_needed", "transformed", "transformed_std_error", "reliability", "reasons",
        "replications",
    }
)  # fmt: skip
"""Columns of results, whose names no group column can have."""

TIE_TOLERANCE = float(np.sqrt(np.finfo(float).eps))
"""Two times closer than this, absolutely or relative to their mean size, are one time (R's timefix rule)."""

LARGEST_CODE = 2**62
"""More combinations of group labels than this do not fit into a 64-bit number."""

TIME_UNITS = ("days", "weeks", "months", "years")

LARGEST_COUNTED_DAY = 100_000
"""Whole times up to this many days are counted as integers, which needs no sorting."""


class TableLike(Protocol):
    """A DataFrame of pandas, polars, Arrow or DuckDB."""

    def __dataframe__(self, *args: Any, **kwargs: Any) -> Any: ...


Data: TypeAlias = Cohort | pd.DataFrame | TableLike


@dataclass(frozen=True)
class TimeCodes(Frozen):
    """Times that had to be sorted: the distinct ones, and each row's place among them."""

    ends: FloatArray
    """Distinct times after ties, ascending."""
    time: IntArray
    entry: IntArray | None
    """Places in ``ends`` of the rows' ends and starts of follow-up."""


@dataclass(frozen=True)
class FollowUp(Frozen):
    """Validated arrays of shape ``(n_rows,)``, with group codes and one labelled row a group."""

    time: TimeArray
    event: npt.NDArray[np.int8]
    """End of follow-up, and 1 for an event at that time."""
    entry: TimeArray | None
    """Start of follow-up, or ``None`` when all rows are followed from 0."""
    weights: FloatArray | None
    """Case weights, or ``None``."""
    group: npt.NDArray[np.int64]
    """Code of each row's group, from 0."""
    groups: pd.DataFrame
    """Group columns, one row a group, in order of the codes; no columns when there are no groups."""
    same_day: int
    """How many rows of a cohort end on the day of diagnosis."""
    time_unit: str
    """Unit of the times, one of `TIME_UNITS`."""
    zero_survival: str
    """The rule for rows of a cohort that end on the day of diagnosis; "as given" for a table, which has none."""
    rows: npt.NDArray[np.int64] | slice
    """Which rows of the data these are: all of them, unless "drop" left some out."""
    codes: TimeCodes | None = None
    """Places of the times among the distinct ones, where times had to be sorted."""
    source: Mapping[str, str] = field(default_factory=dict)
    """Conventions of the cohort: age band and groups, edition of ICCC-3, closing date."""

    @property
    def in_days(self) -> bool:
        """Whether times are days, so that years can be asked for."""
        return self.time_unit == "days"

    @property
    def conventions(self) -> dict[str, Any]:
        """What every result reports of its follow-up."""
        return follow_up_conventions(self.time_unit, self.zero_survival, self.same_day, self.source)

    def until(self, end: int) -> tuple[FollowUp, int]:
        """Return follow-up that ends at a time, and how many rows enter only after it and are left out."""
        longer = self.time > end
        time = np.where(longer, end, self.time)
        event = np.where(longer, 0, self.event).astype(np.int8)
        if self.entry is None:
            return replace(self, time=time, event=event, codes=None), 0
        kept = np.flatnonzero(self.entry < end)
        if not kept.size:
            raise DataError(
                f"{asked()}: all rows enter after the horizon, so no child is followed before it."
            )
        codes, group = np.unique(self.group[kept], return_inverse=True)
        rows = np.arange(self.time.size) if isinstance(self.rows, slice) else self.rows
        return replace(
            self,
            time=time[kept],
            event=event[kept],
            entry=self.entry[kept],
            weights=None if self.weights is None else self.weights[kept],
            group=group.astype(np.int64),
            groups=self.groups.iloc[codes].reset_index(drop=True),
            rows=rows[kept],
            codes=None,
        ), self.time.size - kept.size

    @property
    def n_groups(self) -> int:
        """Number of groups, 1 when there is no ``by``."""
        return max(len(self.groups), 1)

    @property
    def counted(self) -> bool:
        """Whether times are whole numbers small enough to be counted without sorting."""
        return self.time.dtype.kind == "i"


def follow_up_conventions(
    time_unit: str, zero_survival: str, same_day: int, source: Mapping[str, str]
) -> dict[str, Any]:
    """Return what every result reports of its follow-up, whether it was estimated from rows or from their sums."""
    return {
        "time_unit": time_unit,
        "at_risk": "(entry, time]",
        "zero_survival": zero_survival,
        "same_day": same_day,
        "days_per_year": DAYS_PER_YEAR,
        **source,
    }


def frame_of(data: Data) -> pd.DataFrame:
    """Return the pandas DataFrame behind a Cohort or any table that narwhals knows; never a copy of pandas data."""
    if isinstance(data, Cohort):
        return data.frame
    if isinstance(data, pd.DataFrame):
        return data
    import narwhals

    try:
        native: Any = narwhals.from_native(data)
    except TypeError as error:
        raise ColumnError(
            f"Expected a Cohort or a DataFrame (pandas, polars, Arrow, DuckDB), got {type(data).__name__}."
        ) from error
    if isinstance(native, narwhals.LazyFrame):
        native = native.collect()
    frame: pd.DataFrame = native.to_pandas()
    return frame


def columns_list(by: By, *, argument: str = "by") -> list[str]:
    """Return column names as a list: a name, a sequence of names, or nothing."""
    if by is None:
        return []
    names = [by] if isinstance(by, str) else list(by)
    if not all(isinstance(name, str) for name in names):
        raise OptionError(f"{argument}= takes a column name or a list of them.")
    if len(set(names)) != len(names):
        raise OptionError(f"{argument}= names a column twice.")
    return names


def follow_up(
    data: Data,
    *,
    by: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    zero_survival: str = "keep",
    time_unit: str = "days",
    warn_empty: bool = True,
) -> FollowUp:
    """Resolve column names, check every row, and code the groups.

    Parameters
    ----------
    data
        A Cohort (its own ``time``, ``event`` and ``entry`` are used unless named) or a DataFrame.
    by, time, event, entry, weights
        Column names.
    zero_survival
        What becomes of rows of a cohort that end on the day of diagnosis: "keep" counts them in the first
        day, "drop" leaves them out.
    time_unit
        Unit of the times of a DataFrame, one of `TIME_UNITS`; a cohort's are days.
    warn_empty
        Whether to warn of categories of a group column that have no rows; strata have no result to miss.

    Raises
    ------
    ColumnError
        A column is missing or not numeric, or a DataFrame comes without ``time=`` or ``event=``.
    DataError
        Missing or negative times, events other than 0 and 1, entries at or after the end, missing groups, no rows.
    """
    require_choice(zero_survival, ("keep", "drop"), argument="zero_survival")
    require_choice(time_unit, TIME_UNITS, argument="time_unit")
    is_cohort = isinstance(data, Cohort)
    if is_cohort and time_unit != "days":
        raise OptionError(f"{asked()}: a cohort counts days; time_unit= is for a DataFrame.")
    frame = frame_of(data)
    if is_cohort:
        time, event, entry = time or "time", event or "event", entry or "entry"
    if time is None or event is None:
        raise ColumnError(
            f"{asked()}: a DataFrame needs time= and event=, the names of the columns with the length of follow-up "
            "and with 1 for an event and 0 for none. Nothing is assumed about who died."
        )
    names = columns_list(by)
    require_group_names(names)
    require_columns(frame.columns, [name for name in (time, event, entry, weights, *names) if name])
    if len(frame) == 0:
        raise DataError(
            f"{asked()}: there are no rows to analyse. Check the exclusions and conditions before it."
        )

    times = number_column(frame, time)
    if times.min() < 0:
        require_rows(
            times < 0,
            f"{asked()}: column {time!r} is negative",
            "End of follow-up is before its start; correct or exclude them.",
        )
    if is_cohort:
        require_rows(
            times % 1 != 0,
            f"{asked()}: column {time!r} is not a whole number of days",
            "A cohort counts days; for another unit pass cohort.data and the names of its columns.",
        )
    events = event_column(frame, event)
    entries = None if entry is None else number_column(frame, entry)
    if entries is not None and not entries.any():
        entries = None
    case_weights = None if weights is None else number_column(frame, weights).astype(np.float64)
    if case_weights is not None:
        require_rows(
            case_weights < 0, f"{asked()}: column {weights!r} is negative", "Weights must be 0 or more."
        )
    group, groups = group_codes(frame, names, warn_empty=warn_empty)

    at_zero = np.zeros(times.size if is_cohort or entries is not None else 0, dtype=bool)
    if is_cohort:
        at_zero = (times == 0) if entries is None else (times == 0) & (entries == 0)
    if entries is not None:
        # Checked before any row is dropped, so that messages number the rows of the data.
        require_rows(entries < 0, f"{asked()}: column {entry!r} is negative", "Entry counts from diagnosis.")
        require_rows(
            (entries >= times) & ~at_zero,
            f"{asked()}: column {entry!r} is not before column {time!r}",
            "Follow-up is (entry, time]; use Cohort.window() or exclude rows without follow-up.",
        )
    same_day = 0
    rows: npt.NDArray[np.int64] | slice = slice(None)
    if is_cohort:
        same_day = int(at_zero.sum())
        if same_day and zero_survival == "keep":
            times = np.where(at_zero, 1, times)
        elif same_day:
            keep = np.flatnonzero(~at_zero)
            rows = keep
            times, events, group = times[keep], events[keep], group[keep]
            entries = None if entries is None else entries[keep]
            case_weights = None if case_weights is None else case_weights[keep]
            if not keep.size:
                raise DataError(
                    f"{asked()}: every row ends on the day of diagnosis and zero_survival='drop'."
                )
    times, entries, codes = tie_times(times, entries)
    source = data.conventions if isinstance(data, Cohort) else {}
    return FollowUp(
        times, events, entries, case_weights, group, groups, same_day, time_unit,
        zero_survival if is_cohort else "as given", rows, codes, source,
    )  # fmt: skip


def require_group_names(names: Sequence[str]) -> None:
    """Raise an `OptionError` when a group column has the name of a column of results."""
    taken = [name for name in names if name in RESULT_COLUMNS]
    if taken:
        raise OptionError(
            f"{asked()}: by= names {', '.join(map(repr, taken))}, which results use for their columns. "
            "Give the group column another name."
        )


def warn_no_events(observed: FollowUp) -> None:
    """Warn, on behalf of an estimator, when no row has an event."""
    if not observed.event.any():
        warn(
            f"{asked()}: there are no events in {observed.event.size:,} rows, so limits have no width. "
            "Check that the event column has 1 for a death."
        )


def require_rows(bad: npt.NDArray[np.bool_], found: str, remedy: str) -> None:
    """Raise a `DataError` with row numbers when any row is bad."""
    if bad.any():
        raise DataError(f"{found} in {rows_where(bad)}. {remedy}")


def number_column(frame: pd.DataFrame, name: str) -> TimeArray:
    """Return a finite numeric column; whole numbers come back as integers."""
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise ColumnError(
            f"{asked()}: column {name!r} holds {column.dtype}, not numbers. Convert it first, for example dates with "
            "(end - start).dt.days."
        )
    require_rows(
        column.isna().to_numpy(),
        f"{asked()}: column {name!r} is missing",
        "Fill it or exclude these rows by a rule.",
    )
    if column.dtype.kind in "iub" or pd.api.types.is_integer_dtype(column.dtype):
        return column.to_numpy(np.int64)
    values = column.to_numpy(np.float64)
    require_rows(~np.isfinite(values), f"{asked()}: column {name!r} is infinite", "Give finite numbers.")
    return values


def event_column(frame: pd.DataFrame, name: str) -> npt.NDArray[np.int8]:
    """Return an event column, which must hold only 0 and 1 (or false and true)."""
    values = number_column(frame, name)
    if values.dtype.kind == "f" or values.min(initial=0) < 0 or values.max(initial=0) > 1:
        require_rows(
            (values != 0) & (values != 1),
            f"{asked()}: column {name!r} is neither 0 nor 1",
            "Recode it, for example (status == 2).astype(int) where 2 means dead.",
        )
    return values.astype(np.int8)


def group_codes(
    frame: pd.DataFrame, names: Sequence[str], *, warn_empty: bool = True
) -> tuple[npt.NDArray[np.int64], pd.DataFrame]:
    """Code the combinations of some columns from 0, in sorted (or category) order.

    Returns
    -------
    codes : ndarray of shape (n_rows,)
    groups : DataFrame
        One row a combination that occurs, with the columns named.
    """
    if not names:
        # All rows share one zero; a million of them would cost more than the estimate.
        return np.broadcast_to(np.int64(0), len(frame)), pd.DataFrame(index=pd.RangeIndex(1))
    code = np.zeros(len(frame), dtype=np.int64)
    labels: list[Any] = []
    sizes: list[int] = []
    for name in names:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            column_codes = column.cat.codes.to_numpy(np.int64)
            uniques: Any = column.cat.categories
            counts = np.bincount(column_codes[column_codes >= 0], minlength=len(uniques))
            if warn_empty and (counts == 0).any():
                empty = ", ".join(str(label) for label in uniques[counts == 0][:8])
                warn(
                    f"{asked()}: {int((counts == 0).sum())} groups of column {name!r} have no rows and get no result: "
                    f"{empty}. Drop unused categories to silence this."
                )
        else:
            raw, uniques = pd.factorize(column, sort=True)
            column_codes = raw.astype(np.int64)
        require_rows(
            column_codes < 0,
            f"{asked()}: group column {name!r} is missing",
            "Give these rows a label, for example 'unknown', or exclude them.",
        )
        code = code * max(len(uniques), 1) + column_codes
        labels.append(uniques)
        sizes.append(max(len(uniques), 1))
    if math.prod(sizes) > LARGEST_CODE:
        raise OptionError(
            f"{asked()}: {', '.join(names)} have too many combinations of labels to be counted. Group by fewer columns."
        )
    present, codes = compress_codes(code, math.prod(sizes))
    positions = np.unravel_index(present, sizes)
    groups = pd.DataFrame(
        {
            name: (
                pd.Categorical.from_codes(position, dtype=dtype)
                if isinstance(dtype, pd.CategoricalDtype)
                else label.take(position)
            )
            for name, dtype, label, position in zip(
                names, frame[names].dtypes, labels, positions, strict=True
            )
        }
    )
    return codes, groups


def compress_codes(
    code: npt.NDArray[np.int64], size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the codes that occur, ascending, and each row's place among them."""
    if size > 4 * code.size + 1_000_000:
        present, codes = np.unique(code, return_inverse=True)
        return present, codes.astype(np.int64)
    occurs = np.zeros(size, dtype=bool)
    occurs[code] = True
    present = np.flatnonzero(occurs)
    if present.size == size:
        return present, code
    place = np.cumsum(occurs) - 1
    return present, place[code]


def tie_times(
    time: TimeArray, entry: TimeArray | None = None
) -> tuple[TimeArray, TimeArray | None, TimeCodes | None]:
    """Make times that differ only by rounding equal, entries and ends pooled (R's timefix rule).

    Sorted times belong to one run while neighbours differ by at most `TIE_TOLERANCE`, absolutely or relative
    to the mean absolute time; every time of a run becomes its first. Whole numbers are returned as integers.

    Returns
    -------
    time, entry, codes
        ``codes`` are the places of both among the distinct times, where these had to be sorted.

    References
    ----------
    Therneau T. survival, vignette "Roundoff error and tied times".
    """
    pooled = [time] if entry is None else [time, entry]
    whole = all(values.dtype.kind == "i" or bool((values == np.floor(values)).all()) for values in pooled)
    if whole and max(int(values.max(initial=0)) for values in pooled) <= LARGEST_COUNTED_DAY:
        counted = time.astype(np.int64, copy=False)
        return counted, None if entry is None else entry.astype(np.int64, copy=False), None
    values = np.concatenate(pooled).astype(np.float64)
    order = np.argsort(values)
    ascending = values[order]
    gaps = np.diff(ascending)
    distinct = np.concatenate([[True], gaps > 0])
    tolerance = TIE_TOLERANCE * max(1.0, float(np.abs(ascending[distinct]).mean()))
    begins = np.concatenate([[True], gaps > tolerance])
    place = np.empty(values.size, dtype=np.int64)
    place[order] = np.cumsum(begins) - 1
    ends = ascending[begins]
    codes = TimeCodes(ends, place[: time.size], None if entry is None else place[time.size :])
    tied_time = ends[codes.time]
    if entry is None or codes.entry is None:
        return tied_time, None, codes
    require_rows(
        (codes.entry >= codes.time) & (np.asarray(entry) < np.asarray(time)),
        f"{asked()}: entry and end differ only by rounding",
        "Such rows have no follow-up; exclude them.",
    )
    return tied_time, ends[codes.entry], codes
