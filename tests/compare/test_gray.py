"""Gray's test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import childsurv as cs

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


COLUMNS = {"time": "time", "event": "event"}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "children.csv")
    return frame.assign(cause=np.where(frame["event"] == 0, 0, np.where(frame["id"] % 3 == 0, 2, 1)))


def test_gray_is_that_of_cmprsk(children):
    groups = sorted(children["group"].unique())
    options = {
        "plain": {}, "rho 1": {"rho": 1.0}, "strata": {"strata": "stratum"}, "two groups": {},
        "strata rho 0.5": {"strata": "stratum", "rho": 0.5},
    }  # fmt: skip
    for case, theirs in pd.read_csv(REFERENCE / "observed_gray.csv").groupby("case"):
        data = children[children["group"].isin(groups[:2])] if case == "two groups" else children
        result = cs.gray_test(data, cause="cause", by="group", time="time", **options[case])
        ours = result.table
        assert ours["statistic"].to_numpy() == pytest.approx(theirs["statistic"].to_numpy(), rel=1e-11)
        assert ours["p_value"].to_numpy() == pytest.approx(theirs["p_value"].to_numpy(), rel=1e-10)
        assert ours["df"].tolist() == theirs["df"].tolist()
        assert result.statistic == ours["statistic"].iloc[0]


def test_gray_with_one_cause_and_no_weights_is_about_the_log_rank_test(children):
    """With one cause, R_g is Y_g: the score is the log-rank's, the variance another estimate of the same."""
    one = children.assign(cause=children["event"])
    gray = cs.gray_test(one, cause="cause", by="group", time="time")
    assert gray.statistic == pytest.approx(
        cs.logrank_test(children, by="group", **COLUMNS).statistic, rel=0.1
    )


def naive_gray(frame, cause, rho):
    """Scores and covariance by loops over times and groups, as Gray's formulas are written."""
    labels = sorted(frame["group"].unique())
    moments = sorted(frame.loc[frame["cause"] > 0, "time"].unique())
    size = len(labels)
    survival, incidence, pooled = np.ones(size), np.zeros(size), 0.0
    score, times = np.zeros(size), []
    for moment in moments:
        own = [frame[frame["group"] == label] for label in labels]
        y = np.array([(one["time"] >= moment).sum() for one in own], dtype=float)
        d = np.array([((one["time"] == moment) & (one["cause"] == cause)).sum() for one in own], dtype=float)
        o = np.array([((one["time"] == moment) & (one["cause"] > 0)).sum() for one in own]) - d
        a = np.where(y > 0, y / survival, 0.0)
        r = a * (1 - incidence)
        w = (1 - pooled) ** rho
        if r.sum() > 0:
            score += w * (d - r * d.sum() / r.sum())
        step = d.sum() / a.sum()
        k = w * (np.diag(a) - np.outer(a, a) / a.sum())
        after = survival * np.where(y > 0, 1 - (d + o) / np.maximum(y, 1), 1)
        times.append((a, k, step / (1 - pooled), step, d, o, y, survival.copy(), after.copy(), pooled + step))
        incidence += np.where(y > 0, survival * d / np.maximum(y, 1), 0.0)
        pooled += step
        survival = after
    covariance, later = np.zeros((size, size)), np.zeros((size, size))
    for a, k, risk, step, d, o, y, before, after, until in reversed(times):
        for group in range(size):
            if y[group] == 0:
                continue
            alive = y[group] > d[group] + o[group]
            fall = (1 - until) / after[group] if alive else 0.0
            ties = 1 - (d.sum() - 1) / (a.sum() * before[group] - 1) if d.sum() > 1 else 1.0
            moved = k[:, group] + (1 - fall) * later[:, group]
            covariance += ties * step / a[group] * np.outer(moved, moved)
            if alive and o[group] > 0:
                ties = 1 - (o[group] - 1) / (y[group] - 1) if o[group] > 1 else 1.0
                moved = fall * later[:, group]
                covariance += ties * o[group] / a[group] ** 2 * np.outer(moved, moved)
        later = later + risk * k
    return score, covariance


@pytest.mark.parametrize("rho", [0.0, 1.5])
@pytest.mark.parametrize(("cells", "block"), [(60_000, 32), (1, 1), (20, 4), (300, 7)])
def test_gray_is_its_formula_whatever_the_blocks(children, monkeypatch, rho, cells, block):
    monkeypatch.setattr("childsurv.compare.gray.GRAY_CELLS", cells)
    monkeypatch.setattr("childsurv.compare.gray.SHORTEST_BLOCK", block)
    table = cs.gray_test(children, cause="cause", by="group", time="time", rho=rho).table
    for cause in (1, 2):
        score, covariance = naive_gray(children, cause, rho)
        statistic = score[:-1] @ np.linalg.solve(covariance[:-1, :-1], score[:-1])
        # Sums over some 200 event times in another order, some of them differences of larger ones.
        assert table["statistic"][cause - 1] == pytest.approx(statistic, rel=1e-10)


def test_gray_between_groups_that_never_meet():
    apart = pd.DataFrame(
        {"time": [1, 2, 3, 11, 12, 13], "cause": [1, 1, 2, 1, 2, 1], "group": list("aaabbb")}
    )
    late = apart.assign(entry=[0, 0, 0, 10, 10, 10])
    table = cs.gray_test(late, cause="cause", by="group", time="time", entry="entry").table
    assert table["df"].tolist() == [0, 0]
    assert table["p_value"].isna().all()
