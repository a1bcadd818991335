"""`childsurv.tally`: the sums of a cohort or a table, to keep, add and finish later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from childsurv.cohort.follow_up import (
    By,
    Data,
    follow_up,
)
from childsurv.errors import DataError, OptionError, asking
from childsurv.fold.causes import causes_of, fold_causes
from childsurv.fold.rows import every_day, fold_expected, fold_observed
from childsurv.fold.tally import Grid, Tally
from childsurv.lifetable.people import Columns, people_of
from childsurv.lifetable.table import LifeTable


@asking("tally")
def tally(
    data: Data,
    life_table: LifeTable | None = None,
    *,
    by: By = None,
    grid: Grid | None = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    cause: str | None = None,
    causes: Mapping[int, str] | None = None,
    age_days: str | None = None,
    sex: str = "sex",
    diagnosis_date: str | None = None,
    zero_survival: str = "keep",
) -> Tally:
    """Fold patients into sums by group and time cell.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with the columns named.
    life_table
        Population mortality; adds expected and weighted sums, by day.
    by
        Group columns.
    grid
        Time cells: by default every distinct time, or every day with a life table.
    time, event, entry, weights
        Columns of a DataFrame: end of follow-up, 1 for an event, start of follow-up, case weights.
    cause, causes
        Column with the cause that ended follow-up, and names of causes, as for `cumulative_incidence`: adds the events
        of each cause. The event is then that of any cause.
    age_days, sex, diagnosis_date
        Columns of a DataFrame that the life table is looked up by.
    zero_survival
        "keep" counts rows of a cohort that end on the day of diagnosis in the first day; "drop" leaves them out.

    Returns
    -------
    Tally

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=500, seed=1)
    >>> girls, boys = cohort.where("sex == 'female'"), cohort.where("sex == 'male'")
    >>> total = cs.tally(girls, by="country") + cs.tally(boys, by="country")
    >>> bool((total.table["events"].sum() == cs.tally(cohort).table["events"].sum()))
    True
    """
    grid = (Grid.distinct() if life_table is None else Grid.daily()) if grid is None else grid
    if not isinstance(grid, Grid):
        raise OptionError("tally: grid= takes Grid.distinct(), Grid.daily() or Grid.breaks([...]).")
    if cause is not None:
        return _by_cause(data, life_table, cause, causes, grid, event, by=by, time=time, entry=entry, weights=weights,
                         zero_survival=zero_survival)  # fmt: skip
    if causes is not None:
        raise OptionError("tally: causes= names the causes of cause=, which is not given.")
    if life_table is not None:
        if grid.kind == "distinct":
            raise OptionError("tally: with a life table cells are days or Grid.breaks([...]).")
        columns = Columns(
            time=time, event=event, entry=entry, weights=weights, age_days=age_days, sex=sex,
            diagnosis_date=diagnosis_date,
        )  # fmt: skip
        people = people_of(data, life_table, columns, by=by, zero_survival=zero_survival)
        fine = fold_expected(people, plain=True, weighted=True)
        return fine if grid.kind != "breaks" else fine.coarsen(grid)
    observed = follow_up(
        data, by=by, time=time, event=event, entry=entry, weights=weights,
        zero_survival=zero_survival,
    )  # fmt: skip
    if grid.kind == "daily" and not observed.counted:
        raise DataError("tally: a daily grid needs times in whole days.")
    fine = fold_observed(observed)
    if grid.kind == "daily":
        return every_day(fine)
    return fine if grid.kind != "breaks" else fine.coarsen(grid)


def _by_cause(
    data: Data,
    life_table: LifeTable | None,
    cause: str,
    causes: Mapping[int, str] | None,
    grid: Grid,
    event: str | None,
    **columns: Any,
) -> Tally:
    """Return the sums of events by cause, which need no life table."""
    if life_table is not None or event is not None:
        raise OptionError(
            "tally: cause= counts causes that are known, so leave life_table and event= out; for a life table make a "
            "second tally."
        )
    fine = fold_causes(causes_of(data, cause, causes, time_unit="days", **columns))
    if grid.kind == "daily":
        if fine.end.dtype.kind != "i":
            raise DataError("tally: a daily grid needs times in whole days.")
        return every_day(fine)
    return fine if grid.kind != "breaks" else fine.coarsen(grid)
