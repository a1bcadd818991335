"""The first of several events, from their dates: event-free survival and the incidence of each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.cohort.follow_up import event_column, frame_of, number_column, require_rows
from childsurv.errors import (
    ColumnError,
    DataError,
    OptionError,
    asked,
    asking,
    require_columns,
    warn,
)
from childsurv.lifetable.people import date_column

FloatArray = npt.NDArray[np.float64]
Rows = TypeVar("Rows", Cohort, pd.DataFrame)

LAST_CONTACT = "last_contact_date"
"""Column of a cohort with the day to which a child was known, whatever window follow-up was cut to."""

DEATH = "death"
"""Name, among the events, of the death that the cohort records."""


@asking("first_event")
def first_event(
    data: Rows,
    first_of: Sequence[str],
    *,
    time: str | None = None,
    event: str | None = None,
    diagnosis_date: str = "diagnosis_date",
) -> Rows:
    """Return the data with follow-up to the first of several events, and which of them it was.

    ``time`` becomes the days from diagnosis to the earliest date, or to the end of follow-up where there is none. Then
    `kaplan_meier` gives event-free survival, and `cumulative_incidence` with ``cause="first_event"`` the incidence of
    each event before any other.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=`` and ``event=``.
    first_of
        Columns with the dates of events, missing where there was none: ``["relapse_date", "second_tumour_date",
        "death"]``. "death" is the death at the end of follow-up. On one day, the one named first counts.
    time, event
        Columns of a DataFrame: end of follow-up in whole days, and 1 for a death.
    diagnosis_date
        Column with the date of diagnosis as datetimes.

    Returns
    -------
    Cohort or DataFrame
        As given, with ``time`` and ``event`` (1 for any of the events) changed and a column ``first_event``: 0 for
        none, otherwise the place of the event in ``first_of``, from 1.

    Raises
    ------
    ColumnError, DataError
        Missing columns; dates before diagnosis or after the end of follow-up, with their rows.
    OptionError
        No events named, or one twice, or late entries: choose windows after this step.

    Examples
    --------
    >>> import childsurv as cs, pandas as pd
    >>> data = pd.DataFrame({
    ...     "diagnosis_date": pd.to_datetime(["2010-01-01"] * 3), "days": [900, 800, 1000], "dead": [1, 0, 0],
    ...     "relapse_date": pd.to_datetime(["2010-07-20", None, None])})
    >>> cs.first_event(data, ["relapse_date", "death"], time="days", event="dead")[["days", "first_event"]]
       days  first_event
    0   200            1
    1   800            0
    2  1000            0
    """
    names: list[str] = [first_of] if isinstance(first_of, str) else list(first_of)
    if not names or len(set(names)) != len(names):
        raise OptionError(f"{asked()}: first_of= names different columns of dates, or 'death'.")
    frame = frame_of(data)
    if isinstance(data, Cohort):
        time, event = time or "time", event or "event"
        if (frame["entry"] > 0).any():
            raise OptionError(
                f"{asked()}: some children enter late. An event before entry would be lost: call first_event() first "
                "and choose the window afterwards."
            )
    if time is None or event is None:
        raise ColumnError(
            f"{asked()}: a DataFrame needs time= and event=, the end of follow-up and 1 for a death."
        )
    dates: list[str] = [name for name in names if name != DEATH]
    require_columns(frame.columns, [time, event, diagnosis_date, *dates])
    if len(frame) == 0:
        raise DataError(f"{asked()}: there are no rows.")
    end = number_column(frame, time).astype(np.float64)
    require_rows(
        end % 1 != 0, f"{asked()}: column {time!r} is not a whole number of days", "Dates count days."
    )
    dead = event_column(frame, event) == 1
    diagnosis = date_column(frame, diagnosis_date)
    days = np.full((len(names), len(frame)), np.inf)
    for place, name in enumerate(names):
        if name == DEATH:
            days[place] = np.where(dead, end, np.inf)
            continue
        days[place] = event_days(frame, name, diagnosis=diagnosis, end=end, diagnosis_date=diagnosis_date)
    first = days.min(axis=0)
    happened = np.isfinite(first)
    cause = np.where(happened, days.argmin(axis=0) + 1, 0)
    lost = int((dead & ~happened).sum())
    if DEATH not in names and lost:
        warn(
            f"{asked()}: {lost:,} children died without any of these events and count as if lost to follow-up, which "
            "overstates incidences and is no event-free survival. Name 'death' in first_of= as well."
        )
    dtype = frame[time].dtype
    columns = {
        time: pd.Series(np.where(happened, first, end), index=frame.index).astype(dtype),
        event: pd.Series(happened.astype(np.int64), index=frame.index).astype(frame[event].dtype),
        "first_event": pd.Series(cause.astype(np.int64), index=frame.index),
    }
    changed = frame.assign(**columns)
    return replace(data, frame=changed) if isinstance(data, Cohort) else changed


def event_days(
    frame: pd.DataFrame, name: str, *, diagnosis: npt.NDArray[np.int64], end: FloatArray, diagnosis_date: str
) -> FloatArray:
    """Return the days from diagnosis to the dates of a column, infinite where there is none.

    Follow-up that a window has cut ends before the last contact; what happened in between has not happened in it.

    Raises
    ------
    DataError
        Dates before diagnosis, or after both the end of follow-up and the last contact, with their rows.
    """
    known = frame[name].notna().to_numpy()
    last = end
    if LAST_CONTACT in frame:
        seen = frame[LAST_CONTACT].notna().to_numpy()
        last = end.copy()
        last[seen] = np.maximum(end[seen], date_column(frame, LAST_CONTACT, rows=seen) - diagnosis[seen])
    days = np.full(len(frame), np.inf)
    if not known.any():
        return days
    days[known] = date_column(frame, name, rows=known) - diagnosis[known]
    require_rows(
        days < 0,
        f"{asked()}: column {name!r} is before column {diagnosis_date!r}",
        "Correct or exclude these rows.",
    )
    require_rows(
        known & (days > last),
        f"{asked()}: column {name!r} is after the end of follow-up",
        "A child was seen on that day: correct the date or the last contact.",
    )
    return np.where(days > end, np.inf, days)
