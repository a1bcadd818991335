"""Occupation of states that follow one another: by hand, laws, R's survfit, influences by derivatives, and truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import ColumnError, DataError, OptionError
from strategies import DATE_OF_DIAGNOSIS, changing_states, dated, exactly

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
COLUMNS = {"time": "time", "event": "event"}


@pytest.fixture
def children() -> pd.DataFrame:
    table = pd.DataFrame({"time": [9, 8, 3, 10, 6, 7], "event": [1, 0, 1, 0, 1, 0]})
    return dated(table, relapse=[2, -1, -1, 5, 4, 7])


def occupation(data: pd.DataFrame, **options: object) -> cs.Curves:
    return cs.state_occupation(data, **{"dates": ["relapse"], **COLUMNS, **options})


def wide(table: pd.DataFrame, column: str = "estimate") -> pd.DataFrame:
    return table.pivot(index="time", columns="state", values=column)


BOTH = {"dates": ["remission", "relapse"], "entry": "entry", **COLUMNS}


def test_by_hand(children):
    table = occupation(children).table
    # The relapse of day 7 leaves nobody between it and the loss of that day.
    assert table["time"].unique().tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    free = [1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 2 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6]
    relapse = [0, 1 / 6, 1 / 6, 2 / 6, 3 / 6, 2 / 6, 3 / 6, 3 / 6, 3 / 12, 3 / 12]
    death = [0, 0, 1 / 6, 1 / 6, 1 / 6, 2 / 6, 2 / 6, 2 / 6, 7 / 12, 7 / 12]
    estimates = wide(table)
    for name, values in (("diagnosis", free), ("relapse", relapse), ("death", death)):
        assert estimates[name].to_numpy() == pytest.approx(values, abs=1e-14), name
    assert wide(table, "at_risk")["diagnosis"].tolist() == [6, 6, 5, 4, 3, 2, 2, 1, 0, 0]
    assert wide(table, "at_risk")["relapse"].tolist() == [0, 0, 1, 1, 2, 3, 2, 2, 2, 1]
    assert wide(table, "events")["relapse"].tolist() == [0, 1, 0, 1, 1, 0, 1, 0, 0, 0]
    assert wide(table, "events")["death"].tolist() == [0, 0, 1, 0, 0, 1, 0, 0, 1, 0]
    assert wide(table, "censored")["diagnosis"].tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert wide(table, "censored")["relapse"].tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 0, 1]
    # Nobody is lost before day 7, so that until then the variance is that of a share of six.
    error = np.sqrt(estimates * (1 - estimates) / 6)
    assert wide(table, "std_error").iloc[:7].to_numpy() == pytest.approx(error.iloc[:7].to_numpy(), abs=1e-14)


def test_result_is_a_curve_for_each_state(children):
    curves = occupation(children, dates={"relapse": "in relapse"}, initial="never relapsed")
    assert curves.quantity == "state occupation"
    assert curves.groups["state"].tolist() == ["never relapsed", "in relapse", "death"]
    assert curves.groups["total_events"].tolist() == [0, 4, 3]
    assert curves.groups["patients"].tolist() == [6, 6, 6]
    early = curves.at(times=[0, 1])
    assert early["estimate"].tolist() == [1, 1, 0, 0, 0, 0]
    assert curves.at(times=[11])["estimate"].isna().all()
    assert curves.conventions["variance"] == "infinitesimal jackknife"
    lower, upper = curves.limits
    assert ((lower >= 0) & (upper <= 1)).all()
    inside = (curves.estimate > 0) & (curves.log_variance > 0)
    assert (lower < curves.estimate)[inside].all()
    with pytest.raises(
        OptionError, match=exactly("Curves.rmst is for curves of survival; these are of a state occupation.")
    ):
        curves.rmst(times=5)
    assert not children.columns.difference(["time", "event", "diagnosis_date", "relapse"]).size


@pytest.mark.parametrize("case", ["plain", "groups", "entry"])
def test_probabilities_and_errors_are_those_of_r(case):
    children = pd.read_csv(REFERENCE / "children.csv")
    days = pd.read_csv(REFERENCE / "states_days.csv").set_index("id").loc[children["id"]]
    data = dated(children, remission=days["remission"].to_numpy(), relapse=days["relapse"].to_numpy())
    options = {"plain": {}, "groups": {"by": "group"}, "entry": {"entry": "entry"}}[case]
    table = occupation(data, dates=["remission", "relapse"], **options).table
    if "group" not in table:
        table["group"] = "all"
    reference = pd.read_csv(REFERENCE / "states_occupation.csv").query("case == @case")
    both = reference.merge(table, on=["group", "state", "time"], how="left", suffixes=("_r", ""))
    assert len(both) > 1500
    # R wrote 15 digits; its errors come from sums in another order.
    np.testing.assert_allclose(both["estimate"], both["probability"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(both["std_error"], both["std_error_r"], rtol=1e-9, atol=1e-12)
    alive = both["state"] != "death"
    assert (both["at_risk"] == both["at_risk_r"])[alive].all()


def test_two_states_are_kaplan_meier():
    data = pd.read_csv(REFERENCE / "children.csv", parse_dates=["diagnosis_date"])
    # With late entries the jackknife is not Greenwood's sum.
    columns = {"by": "group", **COLUMNS}
    states = cs.state_occupation(data, dates=[], **columns).at(times=[100, 400, 900])
    survival = cs.kaplan_meier(data, **columns).at(times=[100, 400, 900])
    alive = states[states["state"] == "diagnosis"].reset_index(drop=True)
    for name in ("estimate", "std_error", "lower", "upper"):
        # The jackknife adds children, Greenwood's sum times.
        assert alive[name].to_numpy() == pytest.approx(survival[name].to_numpy(), rel=1e-9), name
    dead = states[states["state"] == "death"]
    assert dead["std_error"].to_numpy() == pytest.approx(survival["std_error"].to_numpy(), rel=1e-9)


def test_competing_causes_are_states_that_nobody_leaves():
    # Relapse ends follow-up: then the shares in relapse and dead are the incidences of the two.
    data = pd.read_csv(REFERENCE / "children.csv", parse_dates=["diagnosis_date"])
    relapsed = (data["event"] == 1) & (data["id"] % 3 == 0)
    data = dated(data, relapse=data["time"].where(relapsed, -1)).assign(
        event=data["event"].where(~relapsed, 0), cause=data["event"].where(~relapsed, 2)
    )
    incidence = cs.cumulative_incidence(data, cause="cause", time="time").at(times=[200, 800])
    states = occupation(data).at(times=[200, 800])
    for cause, state in (("1", "death"), ("2", "relapse")):
        ours, theirs = states[states["state"] == state], incidence[incidence["cause"] == cause]
        for name in ("estimate", "std_error", "lower", "upper"):
            assert ours[name].to_numpy() == pytest.approx(theirs[name].to_numpy(), rel=1e-10), name


def weighted_occupation(data: pd.DataFrame, weights: np.ndarray, moments: list[int]) -> np.ndarray:
    """Return p at some days by the formula, one day and one child after the other."""
    after = (data[["remission", "relapse"]] - DATE_OF_DIAGNOSIS) / pd.Timedelta(1, unit="D")
    days = np.column_stack([after.fillna(np.inf), np.where(data["event"] == 1, data["time"], np.inf)])
    time, entry = data["time"].to_numpy(), data["entry"].to_numpy()
    p, result = np.eye(4)[0], []
    for day in range(int(time.max()) + 1):
        at_risk, moves = np.zeros(4), np.zeros((4, 4))
        for child in range(len(data)):
            if not (entry[child] < day <= time[child] or (day == 0 and entry[child] == 0)):
                continue
            states = np.arange(1, 4)
            strictly = days[child] < day
            late = (days[child] <= day) & ~strictly
            begin = states[strictly].max(initial=0)
            at_risk[begin] += weights[child]
            if late.any():
                moves[begin, states[late].max()] += weights[child]
        share = np.divide(moves, at_risk[:, None], out=np.zeros((4, 4)), where=at_risk[:, None] > 0)
        p = p + p @ share - p * share.sum(axis=1)
        result.append(p)
    return np.array(result)[moments]


@given(changing_states())
def test_errors_are_sums_of_squared_derivatives(data):
    curves = cs.state_occupation(data, **BOTH)
    moments = sorted(
        {int(data["time"].max()), int(data["time"].median()), 3} & set(range(data["time"].max() + 1))
    )
    table = curves.at(times=[float(moment) for moment in moments])
    whole = weighted_occupation(data, np.ones(len(data)), moments)
    squares = np.zeros_like(whole)
    for child in range(len(data)):
        # A central difference in the weight of one child: its error is some 1e-5 squared, and rounding over it.
        step = np.zeros(len(data))
        step[child] = 1e-5
        up, down = (weighted_occupation(data, 1 + sign * step, moments) for sign in (1, -1))
        squares += ((up - down) / 2e-5) ** 2
    known = table["time"].to_numpy() <= data["time"].max()
    assert known.all()
    estimates, errors = (table[name].to_numpy().reshape(4, -1).T for name in ("estimate", "std_error"))
    np.testing.assert_allclose(estimates, whole, rtol=0, atol=1e-12)
    np.testing.assert_allclose(errors, np.sqrt(squares), rtol=0, atol=1e-6)


@given(changing_states(), st.randoms(use_true_random=False))
def test_states_add_to_one_order_does_not_matter_and_groups_are_splits(data, random):
    curves = cs.state_occupation(data, by="group", **BOTH)
    total = curves.table.groupby(["group", "time"])["estimate"].sum()
    assert total.to_numpy() == pytest.approx(1, abs=1e-12)
    assert (curves.estimate >= 0).all()
    counts = curves.table.groupby("group")[["events", "censored"]].sum()
    assert counts["censored"].sum() == (data["event"] == 0).sum()
    rows = list(range(len(data)))
    random.shuffle(rows)
    shuffled = cs.state_occupation(data.iloc[rows], by="group", **BOTH)
    for name in ("time", "at_risk", "events", "censored", "estimate"):
        assert (getattr(curves, name) == getattr(shuffled, name)).all(), name
    assert shuffled.log_variance == pytest.approx(curves.log_variance, rel=1e-9, abs=1e-12)
    for label, part in data.groupby("group"):
        alone = cs.state_occupation(part, **BOTH).table
        together = curves.table[curves.table["group"] == label].drop(columns="group").reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, together, check_exact=False, rtol=1e-9, atol=1e-12)


def test_truth_of_a_register_with_known_hazards():
    # Diagnosis -> relapse at 0.2 a year, -> death at 0.1; relapse -> death at 0.5.
    rng = np.random.default_rng(5)
    registers, size, year = 400, 150, 365.25
    n = registers * size
    leave, rest = rng.exponential(year / 0.3, n), rng.exponential(year / 0.5, n)
    relapses = rng.random(n) < 0.2 / 0.3
    death = np.ceil(np.where(relapses, leave + rest, leave))
    lost = rng.integers(1, int(6 * year), n)
    relapse = np.ceil(leave)
    data = dated(
        pd.DataFrame(
            {
                "time": np.minimum(death, lost),
                "event": (death <= lost).astype(int),
                "register": np.repeat(np.arange(registers), size),
            }
        ),
        relapse=np.where(relapses & (relapse <= lost), relapse, -1),
    )
    table = cs.state_occupation(data, dates=["relapse"], by="register", **COLUMNS).at(years=3)
    free = np.exp(-0.9)
    truth = {"diagnosis": free, "relapse": 0.2 / 0.2 * (free - np.exp(-1.5))}
    truth["death"] = 1 - truth["diagnosis"] - truth["relapse"]
    for state, value in truth.items():
        own = table[table["state"] == state]
        spread = own["estimate"].std(ddof=1)
        # Four standard errors of a mean of 400, and some 0.001 because days are whole.
        assert own["estimate"].mean() == pytest.approx(value, abs=4 * spread / 20 + 0.001), state
        # A standard deviation of 400 is good to 3.5 %.
        assert own["std_error"].mean() == pytest.approx(spread, rel=0.14), state
        covered = ((own["lower"] <= value) & (own["upper"] >= value)).mean()
        assert 0.906 < covered < 0.994, state


def test_a_cohort_with_deaths_on_the_day_of_diagnosis_and_late_entries():
    cohort = cs.demo.cohort(patients=1500, seed=5)
    frame = cohort.data
    rng = np.random.default_rng(2)
    relapse = (frame["time"] * rng.random(len(frame))).astype(int)
    dates = frame["diagnosis_date"] + pd.to_timedelta(relapse, unit="D")
    marked = cohort.with_columns(relapse_date=dates.where(rng.random(len(frame)) < 0.4))
    curves = cs.state_occupation(marked, dates={"relapse_date": "relapse"}, by="sex")
    # Without loss of memory the share alive is nearly, not exactly, that of Kaplan and Meier.
    table = curves.at(years=5)
    alive = table[table["state"] != "death"].groupby("sex", observed=True)["estimate"].sum()
    survival = cs.kaplan_meier(cohort, by="sex").at(years=5).set_index("sex")["estimate"]
    assert alive.to_numpy() == pytest.approx(survival.loc[alive.index].to_numpy(), abs=0.03)
    # First events go through the first state alone: their survival is its occupation.
    free = cs.kaplan_meier(cs.first_event(marked, ["relapse_date", "death"]), by="sex").at(years=5)
    first = table[table["state"] == "diagnosis"]
    assert first["estimate"].to_numpy() == pytest.approx(free["estimate"].to_numpy(), rel=1e-12)
    assert first["std_error"].to_numpy() == pytest.approx(free["std_error"].to_numpy(), rel=1e-9)
    late = marked.window(followed=("2012-01-01", "2016-12-31"))
    period = cs.state_occupation(late, dates={"relapse_date": "relapse"})
    assert wide(period.table).sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-12)
    assert (wide(period.table, "at_risk") >= 0).all(axis=None)


def test_nothing_happens_to_anybody():
    data = dated(pd.DataFrame({"time": [4, 6], "event": [0, 0]}), relapse=[-1, -1])
    table = occupation(data).at(times=[3, 5, 9])
    assert table["estimate"].tolist()[:2] == [1, 1]
    assert table["std_error"].tolist()[:2] == [0, 0]
    assert table["estimate"].isna().tolist() == [False, False, True] * 3


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({}, {"dates": "relapse"}, OptionError, "takes a list of columns"),
        ({}, {"dates": ["relapse", "relapse"]}, OptionError, "name different states"),
        ({}, {"dates": {"relapse": "death"}}, OptionError, "name different states"),
        ({}, {"initial": "relapse"}, OptionError, "name different states"),
        ({}, {"dates": ["metastasis"]}, ColumnError, "no column 'metastasis'"),
        ({}, {"time": None}, ColumnError, "needs time= and event="),
        ({}, {"ci": "wald"}, OptionError, "ci='wald' is not a choice"),
        ({"state": 1}, {"by": "state"}, OptionError, "adds a column 'state'"),
        ({"time": 10.5}, {}, DataError, "'time' is not a whole number of days in 6 rows"),
        ({"entry": 0.5}, {"entry": "entry"}, DataError, "'entry' is not a whole number of days in 6 rows"),
        ({"time": 4}, {}, DataError, r"'relapse' is after the end of follow-up in 2 rows \(rows 4, 6\)"),
        (
            {"diagnosis_date": pd.Timestamp("2010-01-04")}, {}, DataError,
            r"'relapse' is before column 'diagnosis_date' in 1 row \(row 1\)",
        ),
        (
            {"remission": pd.Timestamp("2010-01-05")}, {"dates": ["remission", "relapse"]}, DataError,
            r"column 'remission' is after the end of follow-up in 1 row \(row 3\)",
        ),
        (
            {"remission": pd.Timestamp("2010-01-04")}, {"dates": ["remission", "relapse"]}, DataError,
            r"column 'relapse' is before a state that dates= names earlier in 1 row \(row 1\)",
        ),
        ({"relapse": "2010-05-05"}, {}, ColumnError, "not dates"),
    ],
)  # fmt: skip
def test_faults(children, change, options, error, message):
    with pytest.raises(error, match=message):
        occupation(children.assign(**change), **options)


def test_a_minimum_counts_all_who_are_followed_and_not_those_in_the_state():
    cohort = cs.demo.cohort(patients=1500, seed=5)
    frame = cohort.frame
    half = (frame["time"] // 2).astype("timedelta64[D]")
    marked = cohort.with_columns(
        relapse_date=(frame["diagnosis_date"] + half).where(np.arange(len(frame)) % 4 == 0)
    )
    curves = cs.state_occupation(marked, dates={"relapse_date": "relapse"})
    cut = curves.with_minimum(100)
    assert set(cut.groups["state"]) == set(curves.groups["state"])
    assert cut.groups["patients"].notna().all()
    at, whole = cut.at(years=[1, 5]), curves.at(years=[1, 5])
    np.testing.assert_array_equal(at["estimate"], whole["estimate"])
    followed = whole.groupby("time")["at_risk"].sum()
    assert (followed >= 100).all()
    assert (curves.reliability(years=5)["reliability"] == "reliable").all()
    assert cut.conventions["curves_that_end_early"] == len(curves.groups)
