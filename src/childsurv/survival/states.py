"""States that follow one another, such as diagnosis, relapse and death: the share of children in each over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

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
from childsurv.curves.curve_options import CurveOptions
from childsurv.curves.curves import Curves
from childsurv.errors import (
    ColumnError,
    DataError,
    OptionError,
    asked,
    asking,
    require_columns,
)
from childsurv.lifetable.people import date_column
from childsurv.maths.running import ratio
from childsurv.survival.first_event import DEATH, event_days

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@asking("state_occupation")
def state_occupation(
    data: Data,
    *,
    dates: Sequence[str] | Mapping[str, str],
    by: By = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    diagnosis_date: str = "diagnosis_date",
    initial: str = "diagnosis",
    level: float = 0.95,
    ci: str = "log-log",
    zero_survival: str = "keep",
) -> Curves:
    """Estimate the probability of being in each of several states that follow one another, by Aalen and Johansen.

    ``p(t) = p(0) product over t_j <= t of (I + dA(t_j))``, where ``dA_kl = d_kl / Y_k`` for k other than l, with d_kl
    children who pass from state k to l among Y_k in state k, and rows of dA add to 0. Children begin in the first
    state; they may skip states. The variance is the infinitesimal jackknife: the sum over children of squared
    influences on p.

    Parameters
    ----------
    data
        A Cohort, or a DataFrame with ``time=`` and ``event=``.
    dates
        Columns with the dates on which states begin, missing where a child never reached them, in the order of the
        states: ``["remission_date", "relapse_date"]``; or with the names of the states: ``{"relapse_date":
        "relapse"}``. The last state is death, at the end of follow-up. Of states that begin on one day, only the last
        is occupied.
    by
        Column or columns whose combinations are the groups.
    time, event, entry
        Columns of a DataFrame: end of follow-up in whole days, 1 for a death, start of follow-up. A child that enters
        late is at risk from then on in the state that it is in.
    diagnosis_date
        Column with the date of diagnosis as datetimes.
    initial
        Name of the state in which children begin.
    level, ci
        As for `kaplan_meier`, with the kinds applied to p: "log-log" keeps limits within 0 and 1.
    zero_survival
        As for `kaplan_meier`. In a cohort a state that begins on the day of diagnosis counts from the first day.

    Returns
    -------
    Curves
        ``.table`` has the group columns, ``state`` and ``time, at_risk, events, censored, estimate, std_error, lower,
        upper``: one row a state and each time at which anything happens, from 0. ``at_risk`` are in the state just
        before, ``events`` come into it, ``censored`` are lost from it. Estimates of the states add to 1.

    Raises
    ------
    ColumnError, DataError
        Missing columns; dates before diagnosis, after the end of follow-up, or out of order, with their rows. In a
        cohort whose follow-up a window has cut, dates up to the last contact may come after it, and then do not count.
    OptionError
        A column or a state named twice.

    References
    ----------
    Aalen OO, Johansen S. An empirical transition matrix for non-homogeneous Markov chains based on censored
    observations. Scand J Stat 1978; 5:141-50.
    Andersen PK, Borgan O, Gill RD, Keiding N. Statistical models based on counting processes. Springer 1993, IV.4.
    doi:10.1007/978-1-4612-4348-9

    Examples
    --------
    >>> import childsurv as cs, pandas as pd
    >>> data = pd.DataFrame({
    ...     "diagnosis_date": pd.to_datetime(["2010-01-01"] * 4), "days": [900, 800, 300, 1000], "dead": [1, 0, 1, 0],
    ...     "relapse_date": pd.to_datetime(["2010-07-20", None, None, None])})
    >>> curves = cs.state_occupation(data, dates={"relapse_date": "relapse"}, time="days", event="dead")
    >>> curves.at(times=500)[["state", "estimate"]]
           state  estimate
    0  diagnosis      0.50
    1    relapse      0.25
    2      death      0.25
    """
    options = CurveOptions.checked(level, ci)
    names = _state_names(dates, initial, by)
    frame = frame_of(data)
    is_cohort = isinstance(data, Cohort)
    if is_cohort:
        time, event = time or "time", event or "event"
    if time is None or event is None:
        raise ColumnError(
            f"{asked()}: a DataFrame needs time= and event=, the end of follow-up and 1 for a death."
        )
    columns = list(dates)
    require_columns(frame.columns, [time, event, diagnosis_date, *columns])
    if len(frame) == 0:
        raise DataError(f"{asked()}: there are no rows.")
    end = number_column(frame, time).astype(np.float64)
    require_rows(
        end % 1 != 0, f"{asked()}: column {time!r} is not a whole number of days", "Dates count days."
    )
    days = _days_of_states(frame, columns, end=end, diagnosis_date=diagnosis_date)
    observed = follow_up(data, by=by, time=time, event=event, entry=entry, zero_survival=zero_survival)
    if observed.entry is not None:
        require_rows(
            observed.entry % 1 != 0,
            f"{asked()}: column {entry or 'entry'!r} is not a whole number of days",
            "Dates count days.",
        )
    days = days[:, observed.rows]
    if is_cohort:
        # As those who die on the day of diagnosis count in the first day.
        days = np.maximum(days, 1)
    paths = _Paths.of(observed, days)
    occupation = _occupation(paths)
    return _curves(paths, occupation, names, observed, options)


def _state_names(dates: Sequence[str] | Mapping[str, str], initial: str, by: By) -> list[str]:
    if isinstance(dates, str) or not all(isinstance(name, str) for name in dates):
        raise OptionError(
            f"{asked()}: dates= takes a list of columns of dates, or their states' names by column."
        )
    middle = [dates[name] for name in dates] if isinstance(dates, Mapping) else list(dates)
    names = [initial, *middle, DEATH]
    if len(set(names)) != len(names) or not all(isinstance(name, str) for name in names):
        raise OptionError(
            f"{asked()}: dates= and initial= name different states; the last one, 'death', is there by itself."
        )
    if "state" in columns_list(by):
        raise OptionError(f"{asked()} adds a column 'state'; rename the group column of that name.")
    return names


def _days_of_states(
    frame: pd.DataFrame, columns: Sequence[str], *, end: FloatArray, diagnosis_date: str
) -> FloatArray:
    """Return the day on which each child comes into each state between the first and death; infinite for never."""
    diagnosis = date_column(frame, diagnosis_date)
    days = np.full((len(columns), len(frame)), np.inf)
    latest = np.full(len(frame), -np.inf)
    for place, name in enumerate(columns):
        days[place] = event_days(frame, name, diagnosis=diagnosis, end=end, diagnosis_date=diagnosis_date)
        require_rows(
            days[place] < latest,
            f"{asked()}: column {name!r} is before a state that dates= names earlier",
            "States follow one another in the order of dates=: correct the dates or the order.",
        )
        latest = np.where(np.isfinite(days[place]), days[place], latest)
    return days


@dataclass(frozen=True, eq=False)
class _Paths:
    """The ways of children through states, as nodes: stretches in one state that some children share from the start.

    A step is a day on which a child of the group changes state; steps are numbered from 0 within each group. A node is
    born at the end of a step (-1: the start of follow-up) from its parent, and children leave it for other nodes or,
    lost, for good. All children of a node have the same influence on the estimate.
    """

    n_groups: int
    n_states: int
    n_days: int
    step_key: IntArray
    row_key: IntArray
    """``group * n_days + day`` of steps, and of all days that results have a row for, ascending."""
    at_risk: IntArray
    came: IntArray
    lost: IntArray
    """Shape ``(n_states, n_rows)``: children in a state before a day, coming into it and lost from it on the day."""
    moves: FloatArray
    """Shape ``(n_steps, n_states, n_states)``: children passing from one state to another."""
    group: IntArray
    state: IntArray
    parent: IntArray
    born: IntArray
    size: IntArray
    """Of each node; parents of nodes at the start are -1, and come before their children."""
    lost_node: IntArray
    lost_step: IntArray
    lost_number: IntArray
    """How many children are lost from a node after a step."""

    @classmethod
    def of(cls, observed: FollowUp, days: FloatArray) -> _Paths:
        """Build the paths of children who come into states on some days."""
        n_states, n = days.shape[0] + 2, days.shape[1]
        n_groups = observed.n_groups
        group = np.asarray(observed.group)
        end = np.asarray(observed.time).astype(np.int64)
        entry = np.zeros(n, dtype=np.int64) if observed.entry is None else observed.entry.astype(np.int64)
        n_days = int(end.max()) + 1
        base = group * n_days
        # Days of coming into states 1, 2, ..., death; of states that begin on one day only the last is occupied.
        day = np.vstack([days, np.where(observed.event == 1, end, np.inf)])
        following = np.minimum.accumulate(day[::-1], axis=0)[::-1]
        day[:-1][day[:-1] >= following[1:]] = np.inf
        before_entry = (day <= entry) & (entry > 0)
        state = np.where(before_entry, np.arange(1, n_states)[:, None], 0).max(axis=0)
        comes = np.isfinite(day) & ~before_entry
        whole = np.where(comes, day, 0).astype(np.int64)
        step_key = np.unique((base + whole)[comes])
        row_key = np.unique(
            np.concatenate([np.arange(n_groups) * n_days, base + end, base + entry, step_key])
        )
        width = row_key.size
        first_step = np.searchsorted(step_key, np.arange(n_groups) * n_days)

        def rows(key: IntArray) -> IntArray:
            return np.searchsorted(row_key, key)

        def counted(code: IntArray, length: int) -> IntArray:
            return np.bincount(code, minlength=length).astype(np.int64, copy=False)

        began = counted(state * width + rows(base + entry), n_states * width).reshape(n_states, width)
        came = np.zeros_like(began)
        went = np.zeros_like(began)
        moves = np.zeros(step_key.size * n_states**2)
        # Nodes at the start: group, state, and how many steps were over; then those of each change of state.
        over = np.where(
            entry > 0, np.searchsorted(step_key, base + entry, side="right") - first_step[group], 0
        )
        longest = step_key.size + 1
        key, node = np.unique((group * n_states + state) * longest + over, return_inverse=True)
        parts = [
            (key // (n_states * longest), key // longest % n_states, np.full(key.size, -1), key % longest - 1)
        ]
        sizes = [counted(node, key.size)]
        n_nodes = key.size
        for place in range(1, n_states):
            who = np.flatnonzero(comes[place - 1])
            moved = base[who] + whole[place - 1, who]
            step = np.searchsorted(step_key, moved)
            came[place] = counted(rows(moved), width)
            went += counted(state[who] * width + rows(moved), n_states * width).reshape(n_states, width)
            moves += counted((step * n_states + state[who]) * n_states + place, moves.size)
            state[who] = place
            key, own = np.unique(node[who] * longest + step - first_step[group[who]], return_inverse=True)
            if key.size:
                parent = key // longest
                in_group = np.concatenate([part[0] for part in parts])[parent]
                parts.append((in_group, np.full(key.size, place), parent, key % longest))
                sizes.append(counted(own, key.size))
                node[who] = n_nodes + own
                n_nodes += key.size
        alive = np.flatnonzero(observed.event != 1)
        lost_row = rows(base[alive] + end[alive])
        lost = counted(state[alive] * width + lost_row, n_states * width).reshape(n_states, width)
        done = np.searchsorted(step_key, base[alive] + end[alive], side="right") - first_step[group[alive]]
        key = node[alive] * longest + done
        lost_key, lost_number = np.unique(key, return_counts=True)
        # No child is at risk in death. All who come into a state leave it in the end, so one sum serves all groups.
        change = began + came - went - lost
        change[-1] = 0
        at_risk = np.cumsum(change, axis=1) - change
        at_risk = at_risk + np.where(row_key % n_days == 0, began, 0)
        joined = [np.concatenate([part[place] for part in parts]) for place in range(4)]
        return cls(
            n_groups=n_groups, n_states=n_states, n_days=n_days, step_key=step_key, row_key=row_key,
            at_risk=at_risk, came=came, lost=lost, moves=moves.reshape(-1, n_states, n_states),
            group=joined[0], state=joined[1], parent=joined[2], born=joined[3], size=np.concatenate(sizes),
            lost_node=lost_key // longest, lost_step=lost_key % longest - 1, lost_number=lost_number,
        )  # fmt: skip


def _occupation(paths: _Paths) -> tuple[FloatArray, FloatArray]:
    """Return the estimates and their variances after each step, of shape (n_steps, n_states).

    With ``c_k = p_k(t-) / Y_k(t)``, a child in state k moves p at t by ``-c_k`` times row k of dA, and by ``c_k (e_l -
    e_k)`` more if it passes to l; what it moved before goes on as p does, times ``I + dA(t)``. Of children who are gone
    only the sum of squares and products is kept, which goes on likewise.
    """
    m, n_groups = paths.n_states, paths.n_groups
    step_group = paths.step_key // paths.n_days
    starts = np.searchsorted(step_group, np.arange(n_groups + 1))
    n_steps = np.diff(starts)
    row = np.searchsorted(paths.row_key, paths.step_key)
    at_risk = paths.at_risk[:, row].T.astype(np.float64)
    out = paths.moves.sum(axis=2)
    change = ratio(paths.moves, at_risk[:, :, None])
    stay = ratio(at_risk - out, at_risk, otherwise=1.0)
    inverse = ratio(1.0, at_risk)
    transition = change
    transition[:, np.arange(m), np.arange(m)] = stay
    unit = np.eye(m)
    estimates, variances = np.empty((starts[-1], m)), np.empty((starts[-1], m))
    # Groups with more steps first, so that those that have a step of some number are the first few.
    order = np.argsort(-n_steps, kind="stable")
    place = np.empty(n_groups, dtype=np.int64)
    place[order] = np.arange(n_groups)
    node_group = place[paths.group]
    by_birth = np.argsort(paths.born, kind="stable")
    births = np.searchsorted(paths.born[by_birth], np.arange(-1, int(n_steps.max(initial=0)) + 1))
    by_loss = np.argsort(paths.lost_step, kind="stable")
    losses = np.searchsorted(paths.lost_step[by_loss], np.arange(-1, int(n_steps.max(initial=0)) + 1))
    influence = np.zeros((paths.group.size, m))
    number = paths.size.copy()
    at_start = by_loss[: losses[1]]
    number[paths.lost_node[at_start]] -= paths.lost_number[at_start]
    p = np.tile(unit[0], (n_groups, 1))
    gone = np.zeros((n_groups, m, m))
    active = by_birth[: births[1]]
    # The loop is over the steps of the longest group, with all groups and nodes of children in each turn.
    for step in range(int(n_steps.max(initial=0))):
        here = int(np.searchsorted(-n_steps[order], -step))
        now = starts[order[:here]] + step
        matrix = transition[now]
        share = p[:here] * inverse[now]
        drift = -share[:, :, None] * (matrix - unit)
        active = active[(number[active] > 0) & (node_group[active] < here)]
        of_group, in_state = node_group[active], paths.state[active]
        moved = (influence[active][:, None, :] @ matrix[of_group])[:, 0] + drift[of_group, in_state]
        influence[active] = moved
        p[:here] = (p[:here, None, :] @ matrix)[:, 0]
        gone[:here] = matrix.transpose(0, 2, 1) @ gone[:here] @ matrix
        born = by_birth[births[step + 1] : births[step + 2]]
        # Those born without a parent enter late, and have moved nothing yet.
        to = born[paths.parent[born] >= 0]
        parents = paths.parent[to]
        jump = share[node_group[to], paths.state[parents]]
        influence[to] = influence[parents] + jump[:, None] * (
            unit[paths.state[to]] - unit[paths.state[parents]]
        )
        np.subtract.at(number, parents, paths.size[to])
        left = by_loss[losses[step + 1] : losses[step + 2]]
        dead = to[paths.state[to] == m - 1]
        leaving = np.concatenate([paths.lost_node[left], dead])
        many = np.concatenate([paths.lost_number[left], paths.size[dead]])
        number[leaving] -= many
        squares = influence[leaving][:, :, None] * influence[leaving][:, None, :] * many[:, None, None]
        np.add.at(gone, node_group[leaving], squares)
        active = np.concatenate([active, born[paths.state[born] != m - 1]])
        of_group = node_group[active]
        weighed = number[active][:, None] * influence[active] ** 2
        estimates[now] = p[:here]
        for own in range(m):
            present = np.bincount(of_group, weighed[:, own], minlength=here)[:here]
            # What goes on through matrices may leave rounding below 0.
            variances[now, own] = np.maximum(gone[:here, own, own] + present, 0.0)
    return estimates, variances


def _curves(
    paths: _Paths,
    occupation: tuple[FloatArray, FloatArray],
    names: Sequence[str],
    observed: FollowUp,
    options: CurveOptions,
) -> Curves:
    """Return curves with a row for each group, state and day on which anything happens, from 0."""
    m, n_groups = paths.n_states, paths.n_groups
    row_group = paths.row_key // paths.n_days
    last = np.searchsorted(paths.step_key, paths.row_key, side="right") - 1
    first_step = np.searchsorted(paths.step_key, row_group * paths.n_days)
    begun = last >= first_step
    estimates, variances = occupation
    at = np.maximum(last, 0)
    if not estimates.size:
        estimates = variances = np.zeros((1, m))
    estimate = np.where(begun[:, None], estimates[at], np.eye(m)[0]).T
    variance = np.where(begun[:, None], variances[at], 0.0).T
    # Rows by group, then state, then time.
    group = (row_group * m + np.arange(m)[:, None]).ravel()
    order = np.argsort(group, kind="stable")
    flat: dict[str, Any] = {
        name: values.ravel()[order]
        for name, values in (
            ("time", np.tile((paths.row_key % paths.n_days).astype(np.float64), m)),
            ("at_risk", paths.at_risk),
            ("events", paths.came),
            ("censored", paths.lost),
            ("estimate", estimate),
        )
    }
    log_variance = ratio(variance, estimate**2, where=estimate > 0).ravel()[order]
    total = np.bincount(group[order], flat["events"], minlength=n_groups * m).astype(np.int64)
    labels = observed.groups.loc[np.repeat(np.arange(n_groups), m)].reset_index(drop=True)
    return Curves.made(
        labels.assign(
            state=np.tile(np.array(names, dtype=object), n_groups),
            patients=np.repeat(np.bincount(observed.group, minlength=n_groups), m),
            total_events=total,
        ),
        estimator="Aalen-Johansen",
        options=options,
        conventions={"variance": "infinitesimal jackknife", "states": ", ".join(names)},
        followed=observed.conventions,
        group=group[order],
        log_variance=log_variance,
        quantity="state occupation",
        start=0.0,
        every_row=True,
        # No child need be in a state yet: its share rests on all who are followed.
        children_at_risk=np.tile(paths.at_risk.sum(axis=0), m)[order],
        **flat,
    )
