"""Pseudo-observations: each child's share in an estimate, for regressions on survival at a time or on mean time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import By, Data, FollowUp, IntArray, follow_up, frame_of
from childsurv.cohort.table_notes import noted
from childsurv.errors import DataError, asked, asking, require_choice
from childsurv.fold.rows import fold_observed
from childsurv.fold.tally import Tally
from childsurv.maths.asked import asked_times
from childsurv.maths.running import last_row_at, ratio

FloatArray = npt.NDArray[np.float64]

QUANTITIES = ("survival", "rmst")


@asking("pseudo_observations")
def pseudo_observations(
    data: Data,
    *,
    times: Sequence[float] | float | None = None,
    years: Sequence[float] | float | None = None,
    quantity: str = "survival",
    by: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    zero_survival: str = "keep",
    time_unit: str = "days",
) -> pd.DataFrame:
    """Return pseudo-observations of Kaplan-Meier survival or of restricted mean survival time.

    ``n S(t) - (n - 1) S_without_i(t)``, with n children and the curve estimated without child i. Their mean is about
    the estimate, and they can be regressed on any covariate, because they account for censoring.

    Parameters
    ----------
    data, time, event, entry, zero_survival, time_unit
        As for `kaplan_meier`.
    times, years
        Times of survival, or ends of the restricted mean, in the unit of follow-up or in years of 365.25 days.
    quantity
        "survival" or "rmst".
    by
        Groups within which each child is compared with its curve; unless given, one curve for all.

    Returns
    -------
    DataFrame
        One row a child with the index of the data and one column a time asked for; rows that
        ``zero_survival="drop"`` leaves out are missing.

    Raises
    ------
    DataError
        A group with one child, without whom there is no curve, or times beyond the follow-up of a group.

    Notes
    -----
    Each curve without a child follows from two running sums, so that the cost is a few look-ups a child and time.

    References
    ----------
    Andersen PK, Klein JP, Rosthoj S. Generalised linear models for correlated pseudo-observations, with applications to
    multi-state models. Biometrika 2003; 90:15-27. doi:10.1093/biomet/90.1.15

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=400, seed=1)
    >>> pseudo = cs.pseudo_observations(cohort, years=[1, 5])
    >>> bool(abs(pseudo[5].mean() - cs.kaplan_meier(cohort).at(years=5)["estimate"][0]) < 0.01)
    True
    """
    require_choice(quantity, QUANTITIES, argument="quantity")
    observed = follow_up(
        data, by=by, time=time, event=event, entry=entry, zero_survival=zero_survival, time_unit=time_unit,
    )  # fmt: skip
    wanted = asked_times(times, years, in_days=observed.in_days, unit=observed.time_unit, positive=True)
    shown = wanted if years is None else np.atleast_1d(np.asarray(years, dtype=np.float64))
    folded = fold_observed(observed)
    sizes = np.bincount(observed.group, minlength=observed.n_groups)
    if (sizes < 2).any():
        raise DataError(
            f"{asked()}: {int((sizes < 2).sum())} groups have one child; there is no curve without it."
        )
    curves = _Curves(observed, folded)
    values = np.stack(
        [(curves.survival if quantity == "survival" else curves.area)(moment) for moment in wanted], axis=1
    )
    if np.isnan(values).any():
        beyond = [
            f"{moment:g}" for moment, column in zip(shown, values.T, strict=True) if np.isnan(column).any()
        ]
        raise DataError(
            f"{asked()}: some groups are not followed to {', '.join(beyond)}. Ask for earlier times."
        )
    names = [int(one) if one % 1 == 0 else float(one) for one in shown]
    result = pd.DataFrame(np.nan, index=frame_of(data).index, columns=pd.Index(names), dtype=np.float64)
    result.iloc[observed.rows] = values
    return noted(result, {"estimator": "pseudo-observations", "quantity": quantity, **observed.conventions})


class _Curves:
    """Kaplan-Meier curves with and without each child, by products over cells that leave zeros out and count them.

    Without a child, each factor ``1 - d / Y`` of the cells in which it is at risk becomes ``1 - d / (Y - 1)``, and the
    factor of its death becomes ``1 - (d - 1) / (Y - 1)``. Without the last child at risk a curve stays where it is.
    """

    def __init__(self, observed: FollowUp, folded: Tally) -> None:
        self.observed, self.folded = observed, folded
        self.group = np.asarray(observed.group)
        self.starts = folded.starts
        self.exit = folded.cells_of(self.group, observed.time)
        self.enter = self.starts[:-1][self.group] - 1
        if observed.entry is not None:
            late = np.flatnonzero(observed.entry > 0)
            self.enter[late] = folded.cells_of(self.group[late], observed.entry[late])
        at_risk = np.maximum(folded.at_risk, 0).astype(np.float64)
        events = folded.sums["events"].astype(np.float64)
        whole = 1 - ratio(events, at_risk, where=events > 0)
        # Where all others die, and where a child is the only one at risk, a factor without it is 0 or unknown.
        without = 1 - ratio(events, at_risk - 1, where=events > 0)
        own = 1 - ratio(events - 1, at_risk - 1, where=True)
        self.sizes = np.bincount(self.group, minlength=observed.n_groups).astype(np.float64)
        self.whole, self.without = _Products(whole), _Products(np.where(at_risk > 1, without, 1.0))
        dead = observed.event == 1
        alone = at_risk[self.exit] <= 1
        self.last_factor = np.where(dead, np.where(alone, 1.0, own[self.exit]), 1.0)
        self.before_exit = np.where(dead, self.exit - 1, self.exit)
        ends = folded.end[self.starts[1:] - 1].astype(np.float64)
        self.ends = np.where(self.whole.between(self.starts[:-1] - 1, self.starts[1:] - 1) == 0, np.inf, ends)

    def survival(self, moment: float) -> FloatArray:
        """Return the pseudo-observations of survival at a time."""
        row = last_row_at(self.folded.end, self.starts, self.folded.group, np.array([moment]))[:, 0]
        row = np.where(row < 0, self.starts[:-1] - 1, row)
        unknown = moment > self.ends
        whole = self.whole.between(self.starts[:-1] - 1, row)
        own_row = row[self.group]
        first = self.starts[:-1][self.group] - 1
        reached = own_row >= self.exit
        until = np.minimum(np.where(reached, self.before_exit, own_row), own_row)
        entered = np.minimum(self.enter, own_row)
        left_out = self.whole.between(first, entered) * self.without.between(
            entered, np.maximum(until, entered)
        )
        left_out = np.where(
            reached,
            left_out * self.last_factor * self.whole.between(np.minimum(self.exit, own_row), own_row),
            left_out,
        )
        size = self.sizes[self.group]
        values = size * whole[self.group] - (size - 1) * left_out
        return np.where(unknown[self.group], np.nan, values)

    def area(self, moment: float) -> FloatArray:
        """Return the pseudo-observations of the area under the curve up to a time: sums of those of survival."""
        times = np.unique(self.folded.end[(self.folded.end < moment) & (self.folded.sums["events"] > 0)])
        edges = np.concatenate([[0.0], times.astype(np.float64), [moment]])
        total = np.zeros(self.group.size)
        for begin, end in itertools.pairwise(edges):
            total += (end - begin) * self.survival(begin)
        return np.where((moment > self.ends)[self.group], np.nan, total)


class _Products:
    """Products of factors over stretches of cells, zeros counted apart so that what comes after them is not lost."""

    def __init__(self, factors: FloatArray) -> None:
        zero = factors <= 0
        self.logs = np.concatenate([[0.0], np.cumsum(np.log(np.where(zero, 1.0, factors)))])
        self.zeros = np.concatenate([[0], np.cumsum(zero)])

    def between(self, after: IntArray, until: IntArray) -> FloatArray:
        """Return the product over cells ``after + 1`` to ``until``."""
        none = self.zeros[until + 1] == self.zeros[after + 1]
        return np.where(none, np.exp(self.logs[until + 1] - self.logs[after + 1]), 0.0)
