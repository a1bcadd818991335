"""The test of net survival by hand, by a naive loop, by laws, and its size under the hypothesis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from strategies import exactly

A, B = 0.004, 0.0005
NAMES: dict[str, Any] = {"time": "time", "event": "event"}
quiet = pytest.mark.filterwarnings("ignore:net_survival_test:childsurv.errors.ChildsurvWarning")


def table(male: float = A, female: float = B) -> cs.LifeTable:
    rows = [
        (sex, age, year, hazard)
        for sex, hazard in (("male", male), ("female", female))
        for age in range(20)
        for year in range(2000, 2016)
    ]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "hazard"])
    return cs.LifeTable.from_frame(frame, rate="hazard", rate_unit="per_day")


def patients(size: int, *, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "time": random.integers(1, 60, size),
            "event": random.integers(0, 2, size),
            "sex": np.where(random.random(size) < 0.5, "male", "female"),
            "g": random.integers(0, 3, size),
            "s": random.integers(0, 2, size),
            "age_days": 500,
            "diagnosis_date": pd.Timestamp("2001-06-15"),
        }
    )


def naive(frame: pd.DataFrame, male: float, female: float) -> float:
    """The statistic by loops over days and patients, with the population's part exact within each day."""
    labels = sorted(frame["g"].unique())
    score, covariance = np.zeros(len(labels)), np.zeros((len(labels), len(labels)))
    for _, part in frame.groupby("s"):
        rate = np.where(part["sex"] == "male", male, female)
        for day in range(1, int(part["time"].max()) + 1):
            there = (part["time"] >= day).to_numpy() & (part["entry"] < day).to_numpy()
            weight, before = np.exp(rate * day), np.exp(rate * (day - 1))
            dying = there & ((part["time"] == day) & (part["event"] == 1)).to_numpy()
            groups = [(part["g"] == label).to_numpy() for label in labels]
            total = np.array([weight[own & there].sum() for own in groups])
            excess = np.array(
                [weight[own & dying].sum() - (weight - before)[own & there].sum() for own in groups]
            )
            squares = np.array([(weight[own & dying] ** 2).sum() for own in groups])
            share = total / total.sum() if total.sum() else total
            score += excess - share * excess.sum()
            moved = np.eye(len(labels)) - share[:, None]
            covariance += (moved * squares) @ moved.T
    return float(score[:-1] @ np.linalg.solve(covariance[:-1, :-1], score[:-1]))


@quiet
def test_by_hand() -> None:
    """Two boys and a girl of one group each: one boy dies on day 5."""
    frame = patients(2, seed=1).assign(time=[5, 8], event=[1, 0], sex=["male", "female"], g=[0, 1])
    result = cs.net_survival_test(frame, table(), by="g", **NAMES)
    score = 0.0
    for day in range(1, 9):
        boy = math.exp(A * day) if day <= 5 else 0.0
        girl = math.exp(B * day)
        grown = boy - (math.exp(A * (day - 1)) if day <= 5 else 0.0), girl - math.exp(B * (day - 1))
        excess = (boy if day == 5 else 0.0) - grown[0], -grown[1]
        score += excess[0] - boy / (boy + girl) * sum(excess)
    boy, girl = math.exp(5 * A), math.exp(5 * B)
    variance = (1 - boy / (boy + girl)) ** 2 * boy**2
    assert result.statistic == pytest.approx(score**2 / variance, rel=1e-11)
    assert result.df == 1


@quiet
@pytest.mark.parametrize("late", [False, True])
def test_as_loops(late: bool) -> None:
    frame = patients(80, seed=3)
    frame["entry"] = np.where(np.arange(80) % 3 == 0, frame["time"] // 2, 0) if late else 0
    options = {**NAMES, "entry": "entry"}
    result = cs.net_survival_test(frame, table(), by="g", strata="s", **options)
    assert result.statistic == pytest.approx(naive(frame, A, B), rel=1e-10)
    alone = cs.net_survival_test(frame.assign(s=1), table(), by="g", **options)
    assert alone.statistic == pytest.approx(naive(frame.assign(s=1), A, B), rel=1e-10)
    shuffled = cs.net_survival_test(
        frame.sample(frac=1, random_state=1), table(), by="g", strata="s", **options
    )
    assert shuffled.statistic == pytest.approx(result.statistic, rel=1e-10)
    # Without hazards weights are 1: the log-rank score, as observed less expected says.
    nought = cs.net_survival_test(frame, table(0.0, 0.0), by="g", **options).table
    if not late:
        plain = cs.logrank_test(frame, by="g", **NAMES).table
        np.testing.assert_allclose(
            nought[["observed", "expected"]], plain[["observed", "expected"]], rtol=1e-12
        )


def test_few_deaths_warn_and_nothing_to_compare_is_an_error() -> None:
    frame = patients(40, seed=5)
    with pytest.warns(
        cs.ChildsurvWarning,
        match=exactly(
            "net_survival_test: 2 of 3 groups (in strata) have fewer than 10 deaths, too few for the "
            "chi-squared distribution to be near. Merge groups, or read the p value with care."
        ),
    ) as caught:
        cs.net_survival_test(frame, table(), by="g", **NAMES)
    assert caught[0].filename == __file__
    with pytest.raises(
        cs.DataError, match=exactly("net_survival_test: g has only one group; there is nothing to compare.")
    ):
        cs.net_survival_test(frame.assign(g=1), table(), by="g", **NAMES)
    with pytest.raises(cs.ModelError, match=exactly("net_survival_test: there are no events.")):
        cs.net_survival_test(frame.assign(event=0), table(), by="g", **NAMES)


@pytest.mark.slow
@quiet
def test_size_under_the_hypothesis() -> None:
    """Groups drawn at random, of different sexes and so of different mortality: 5 % within three standard errors."""
    random = np.random.default_rng(8)
    life, rejected, trials = table(0.0004, 0.0001), 0, 400
    for _ in range(trials):
        size = 200
        male = random.random(size) < 0.5
        rate = 0.0008 + np.where(male, 0.0004, 0.0001)
        death = np.ceil(random.exponential(1 / rate)).astype(int)
        closed = random.integers(500, 2500, size)
        frame = pd.DataFrame(
            {
                "time": np.minimum(death, closed),
                "event": (death <= closed).astype(int),
                "sex": np.where(male, "male", "female"),
                "g": np.where(random.random(size) < np.where(male, 0.7, 0.3), "a", "b"),
                "age_days": 500,
                "diagnosis_date": pd.Timestamp("2001-06-15"),
            }
        )
        rejected += cs.net_survival_test(frame, life, by="g", **NAMES).p_value < 0.05
    assert abs(rejected / trials - 0.05) < 3 * math.sqrt(0.05 * 0.95 / trials)


@quiet
def test_strata_with_groups_of_their_own_are_summed_as_if_laid_out_densely() -> None:
    frame = patients(200, seed=5).assign(entry=0)
    frame = frame[~((frame["s"] == 0) & (frame["g"] == 1))].reset_index(drop=True)
    result = cs.net_survival_test(frame, table(), by="g", strata="s", **NAMES)
    assert result.statistic == pytest.approx(naive(frame, A, B), rel=1e-10)
    assert result.table["patients"].tolist() == frame["g"].value_counts().sort_index().tolist()


def test_people_older_than_populations_do_not_decide_the_test() -> None:
    """One man lives on where nearly all have died: days after him are left out, and the user is told."""
    frame = patients(300, seed=3).assign(entry=0)
    deadly = table(male=1.0)
    old = frame.head(1).assign(time=50, event=0, sex="male")
    frame = pd.concat([frame.assign(sex="female"), old], ignore_index=True)
    with pytest.warns(
        cs.errors.ChildsurvWarning,
        match=exactly(
            "net_survival_test: 35 days are left out, because a patient before them was followed to "
            "where population survival is nearly 0, and weights 1 / S_P(t) of all the others are "
            "lost beside theirs. Such patients are often deaths that the register never learnt of; "
            "check the oldest."
        ),
    ) as told:
        result = cs.net_survival_test(frame, deadly, by="g", **NAMES)
    assert any(warning.filename == __file__ for warning in told)
    assert np.isfinite(result.statistic)


def test_the_result_says_by_which_life_table_and_rule() -> None:
    population = table()
    result = cs.net_survival_test(patients(300, seed=2), population, by="g", **NAMES)
    assert result.conventions["life_table_digest"] == population.digest
    assert result.conventions["weights"] == "1 / S_P(t), cumulated from diagnosis"
    assert "compat" not in result.conventions
    theirs = cs.net_survival_test(patients(300, seed=2), population, by="g", compat="relsurv", **NAMES)
    assert theirs.conventions["compat"] == "relsurv"
