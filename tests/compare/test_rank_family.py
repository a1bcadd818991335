"""Tests beside the plain log-rank test: other weights, trend, pairs, a fixed time, the largest of several."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.compare.ranks import adjusted_p_values
from childsurv.errors import DataError, ModelError, OptionError

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
COLUMNS = {"time": "time", "event": "event"}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "children.csv")


def naive(frame, weight, *, entry=False):
    """Scores and covariance by loops over event times, as the formulas are written."""
    labels = sorted(frame["group"].unique())
    score, covariance = np.zeros(len(labels)), np.zeros((len(labels), len(labels)))
    survival = peto = 1.0
    for time in sorted(frame.loc[frame["event"] == 1, "time"].unique()):
        start = frame["entry"] if entry else pd.Series(0, index=frame.index)
        there = frame[(frame["time"] >= time) & ((start < time) | (start == 0))]
        dead = there[(there["time"] == time) & (there["event"] == 1)]
        y = np.array([(there["group"] == label).sum() for label in labels], dtype=float)
        d = np.array([(dead["group"] == label).sum() for label in labels], dtype=float)
        total, deaths = y.sum(), d.sum()
        peto *= 1 - deaths / (total + 1)
        w = {
            "log-rank": 1.0, "gehan": total, "tarone-ware": total**0.5, "peto": peto, "early": survival,
            "middle": survival * (1 - survival),
        }[weight]  # fmt: skip
        score += w * (d - y * deaths / total)
        if total > 1:
            share = y / total
            spread = w**2 * deaths * (total - deaths) / (total - 1)
            covariance += spread * (np.diag(share) - np.outer(share, share))
        survival *= 1 - deaths / total
    return score, covariance


OPTIONS = {
    "log-rank": {}, "gehan": {"weighting": "gehan"}, "tarone-ware": {"weighting": "tarone-ware"},
    "peto": {"weighting": "peto"}, "early": {"rho": 1.0}, "middle": {"rho": 1.0, "gamma": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("weight", OPTIONS)
@pytest.mark.parametrize("entry", [False, True])
def test_every_weight_is_its_formula(children, weight, entry):
    score, covariance = naive(children, weight, entry=entry)
    statistic = score[:-1] @ np.linalg.solve(covariance[:-1, :-1], score[:-1])
    late = {"entry": "entry"} if entry else {}
    result = cs.logrank_test(children, by="group", **COLUMNS, **late, **OPTIONS[weight])
    # Sums over some 200 event times in another order.
    assert result.statistic == pytest.approx(statistic, rel=1e-10)
    table = result.table
    assert (table["observed"] - table["expected"]).to_numpy() == pytest.approx(score, rel=1e-9, abs=1e-9)
    contrast = np.array([1.0, 2.0, 4.0, 8.0])[: len(table)]
    trend = cs.logrank_test(
        children, by="group", trend=dict(zip(table["group"], contrast, strict=True)), **COLUMNS, **late,
        **OPTIONS[weight],
    )  # fmt: skip
    assert trend.df == 1
    assert trend.statistic == pytest.approx(
        (contrast @ score) ** 2 / (contrast @ covariance @ contrast), rel=1e-10
    )


@pytest.mark.parametrize("weight", ["gehan", "tarone-ware", "peto"])
def test_weights_agree_with_lifelines(lifelines, children, weight):
    from lifelines.statistics import multivariate_logrank_test

    name = "wilcoxon" if weight == "gehan" else weight
    theirs = multivariate_logrank_test(
        children["time"], children["group"], children["event"], weightings=name
    )
    ours = cs.logrank_test(children, by="group", weighting=weight, **COLUMNS)
    # The same sums; lifelines inverts the covariance by a pseudo-inverse.
    assert ours.statistic == pytest.approx(theirs.test_statistic, rel=1e-8)


# R


@pytest.mark.parametrize(
    ("case", "options"),
    [("trend", {}), ("trend rho 1", {"rho": 1.0}), ("trend strata", {"strata": "stratum"})],
)
def test_trend_is_that_of_survdiff(children, case, options):
    row = pd.read_csv(REFERENCE / "observed_tests.csv").set_index("case").loc[case]
    result = cs.logrank_test(children, by="group", trend=True, **COLUMNS, **options)
    # 15 digits are printed.
    assert result.statistic == pytest.approx(row["statistic"], rel=1e-10)
    assert result.p_value == pytest.approx(row["p_value"], rel=1e-10)


@pytest.mark.parametrize(("adjust", "column"), [("holm", "holm"), ("bh", "bh"), ("none", "p_value")])
def test_pairs_are_those_of_survdiff_and_p_adjust(children, adjust, column):
    reference = pd.read_csv(REFERENCE / "observed_pairs.csv")
    pairs = cs.pairwise_logrank_tests(children, by="group", adjust=adjust, **COLUMNS)
    assert pairs[["group_1", "group_2"]].equals(reference[["group_1", "group_2"]])
    assert pairs["statistic"].to_numpy() == pytest.approx(reference["statistic"].to_numpy(), rel=1e-10)
    assert pairs["adjusted_p_value"].to_numpy() == pytest.approx(reference[column].to_numpy(), rel=1e-9)


@pytest.mark.parametrize("time", [300, 730.5])
def test_fixed_time_is_that_of_survfit(children, time):
    row = pd.read_csv(REFERENCE / "observed_tests.csv").set_index("case").loc[f"fixed {time:g}"]
    curves = cs.kaplan_meier(children, by="group", **COLUMNS)
    options = {"years": 2} if time == 730.5 else {"times": time}
    result = cs.fixed_time_test(curves, **options)
    assert (result.statistic, result.p_value) == pytest.approx((row["statistic"], row["p_value"]), rel=1e-10)
    assert result.df == row["df"]


# Laws


def test_the_largest_of_one_is_that_one(children):
    two = children[children["group"].isin(sorted(children["group"].unique())[:2])]
    for rho, gamma in ((0, 0), (1, 0), (0.5, 2)):
        alone = cs.logrank_test(two, by="group", rho=rho, gamma=gamma, **COLUMNS)
        result = cs.max_combo_test(two, by="group", powers=[(rho, gamma)], **COLUMNS)
        assert result.statistic**2 == pytest.approx(alone.statistic, rel=1e-10)
        assert result.p_value == pytest.approx(alone.p_value, abs=1e-6)
    several = cs.max_combo_test(two, by="group", strata="stratum", **COLUMNS)
    single = [
        cs.logrank_test(two, by="group", strata="stratum", rho=rho, gamma=gamma, **COLUMNS).statistic
        for rho, gamma in ((0, 0), (1, 0), (0, 1), (1, 1))
    ]
    assert several.table["z"].to_numpy() ** 2 == pytest.approx(single, rel=1e-10)
    assert several.statistic == pytest.approx(np.abs(several.table["z"]).max(), rel=1e-12)
    assert several.table["p_value"].min() <= several.p_value <= 4 * several.table["p_value"].min()
    assert repr(several).startswith("<Max-combo test, stratified by stratum: statistic ")


def test_scores_that_follow_from_each_other_are_no_further_test(children):
    two = children[children["group"].isin(sorted(children["group"].unique())[:2])]
    once = cs.max_combo_test(two, by="group", powers=[(0, 0)], **COLUMNS)
    nearly = cs.max_combo_test(two, by="group", powers=[(0, 0), (1e-9, 0)], **COLUMNS)
    assert nearly.p_value == pytest.approx(once.p_value, abs=1e-5)


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=12))
def test_adjusted_p_values_keep_their_order(values):
    p_value = np.array(values)
    for adjust in ("holm", "bh", "none"):
        adjusted = adjusted_p_values(p_value, adjust)
        order = np.argsort(p_value, kind="stable")
        assert (np.diff(adjusted[order]) >= 0).all()
        assert ((adjusted >= p_value * (1 - 1e-12)) & (adjusted <= 1)).all()
    holm = adjusted_p_values(p_value, "holm")
    assert holm.min() == pytest.approx(min(1, len(values) * p_value.min()))


def test_pairs_are_tests_of_two_groups_alone(children):
    pairs = cs.pairwise_logrank_tests(
        children, by="group", weighting="gehan", entry="entry", strata="stratum", **COLUMNS
    )
    labels = sorted(children["group"].unique())
    for row, (first, second) in zip(pairs.itertuples(), itertools.combinations(labels, 2), strict=True):
        alone = cs.logrank_test(
            children[children["group"].isin([first, second])], by="group", weighting="gehan", entry="entry",
            strata="stratum", **COLUMNS,
        )  # fmt: skip
        assert row.statistic == pytest.approx(alone.statistic, rel=1e-10)


def test_times_that_had_to_be_sorted_give_the_same_pairs(children):
    years = children.assign(time=children["time"] / 365.25)
    days = cs.pairwise_logrank_tests(children, by="group", **COLUMNS)
    fractions = cs.pairwise_logrank_tests(years, by="group", **COLUMNS)
    assert fractions["statistic"].to_numpy() == pytest.approx(days["statistic"].to_numpy(), rel=1e-10)


# Truth


def test_levels_are_kept_where_there_is_no_difference():
    rng = np.random.default_rng(3)
    trials = 300
    rejected = {"gehan": 0, "tarone-ware": 0, "peto": 0, "max-combo": 0, "fixed": 0}
    for _ in range(trials):
        death, closing = np.ceil(rng.exponential(500, 120)), np.ceil(rng.exponential(800, 120))
        frame = pd.DataFrame(
            {
                "time": np.minimum(death, closing).astype(int),
                "event": (death <= closing).astype(int),
                "group": np.tile(["a", "b"], 60),
            }
        )
        for weight in ("gehan", "tarone-ware", "peto"):
            rejected[weight] += cs.logrank_test(frame, by="group", weighting=weight, **COLUMNS).p_value < 0.05
        rejected["max-combo"] += cs.max_combo_test(frame, by="group", **COLUMNS).p_value < 0.05
        curves = cs.kaplan_meier(frame, by="group", **COLUMNS)
        rejected["fixed"] += cs.fixed_time_test(curves, times=300).p_value < 0.05
    for name, count in rejected.items():
        # 5 % with a standard error of 1.1 points; the chi-squared approximation adds a little for 120 patients.
        assert 0.02 < count / trials < 0.09, name


# Faults


def test_faults(children):
    with pytest.raises(OptionError, match="weighting='wilcoxon' is not a choice"):
        cs.logrank_test(children, by="group", weighting="wilcoxon", **COLUMNS)
    with pytest.raises(OptionError, match="do not go with weighting='gehan'"):
        cs.logrank_test(children, by="group", weighting="gehan", rho=1, **COLUMNS)
    with pytest.raises(OptionError, match=r"no score for .*; no group nowhere"):
        cs.logrank_test(children, by="group", trend={"nowhere": 1}, **COLUMNS)
    with pytest.raises(OptionError, match="not all the same"):
        cs.logrank_test(children, by="group", trend=dict.fromkeys(children["group"], 1.0), **COLUMNS)
    with pytest.raises(OptionError, match="takes True, or a mapping"):
        cs.logrank_test(children, by="group", trend=[1, 2, 3], **COLUMNS)
    with pytest.raises(DataError, match=r"compares two groups; there are \d"):
        cs.max_combo_test(children, by="group", **COLUMNS)
    with pytest.raises(OptionError, match="different pairs"):
        cs.max_combo_test(children, by="group", powers=[(0, 0), (0, 0)], **COLUMNS)
    with pytest.raises(OptionError, match="adjust='bonferroni' is not a choice"):
        cs.pairwise_logrank_tests(children, by="group", adjust="bonferroni", **COLUMNS)
    with pytest.raises(OptionError, match="two or more groups"):
        cs.fixed_time_test(cs.kaplan_meier(children, **COLUMNS), times=300)
    with pytest.raises(ModelError, match=r"it is not so in \d groups"):
        cs.fixed_time_test(cs.kaplan_meier(children, by="group", **COLUMNS), times=0)
    with pytest.raises(OptionError, match="takes one time"):
        cs.fixed_time_test(cs.kaplan_meier(children, by="group", **COLUMNS), years=[1, 2])
    apart = pd.DataFrame(
        {"time": [5, 6, 7, 8], "event": 1, "group": ["a", "a", "b", "b"], "s": ["x", "x", "y", "y"]}
    )
    pairs = cs.pairwise_logrank_tests(apart, by="group", strata="s", **COLUMNS)
    assert pairs["df"].tolist() == [0]
    assert pairs["adjusted_p_value"].isna().all()
    with pytest.raises(ModelError, match="never at risk together"):
        cs.max_combo_test(apart, by="group", strata="s", **COLUMNS)
