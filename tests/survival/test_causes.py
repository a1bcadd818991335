"""Cumulative hazards, lower limits by R's names, cumulative incidence and Gray's test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import ColumnError, DataError, ModelError, OptionError
from childsurv.survival.causes import VARIANCES
from strategies import exactly

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
COLUMNS = {"time": "time", "event": "event"}
TIMES = [50, 150, 365.25, 700, 1200]


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "children.csv")
    return frame.assign(cause=np.where(frame["event"] == 0, 0, np.where(frame["id"] % 3 == 0, 2, 1)))


SIX = pd.DataFrame(
    {"time": [1, 2, 2, 3, 4, 5], "event": [1, 1, 1, 0, 1, 0], "cause": [1, 2, 1, 0, 2, 0], "group": "a"}
)


# By hand: six patients


def test_nelson_aalen_of_six_patients():
    together = cs.nelson_aalen(SIX, **COLUMNS).at(times=[1, 2, 4])
    assert together["estimate"].tolist() == pytest.approx(
        [1 / 6, 1 / 6 + 2 / 5, 1 / 6 + 2 / 5 + 1 / 2], rel=1e-14
    )
    squares = [1 / 36, 1 / 36 + 2 / 25, 1 / 36 + 2 / 25 + 1 / 4]
    assert (together["std_error"] ** 2).tolist() == pytest.approx(squares, rel=1e-13)
    apart = cs.nelson_aalen(SIX, ties="one-by-one", **COLUMNS).at(times=2)
    assert apart["estimate"][0] == pytest.approx(1 / 6 + 1 / 5 + 1 / 4, rel=1e-14)
    assert apart["std_error"][0] ** 2 == pytest.approx(1 / 36 + 1 / 25 + 1 / 16, rel=1e-13)
    survival = cs.nelson_aalen(SIX, quantity="survival", **COLUMNS)
    assert survival.estimator == "Breslow"
    assert survival.at(times=2)["estimate"][0] == pytest.approx(np.exp(-1 / 6 - 2 / 5), rel=1e-14)
    assert cs.nelson_aalen(SIX, **COLUMNS).at(times=0.5)[["estimate", "std_error"]].to_numpy().tolist() == [
        [0, 0]
    ]
    limits = cs.nelson_aalen(SIX, **COLUMNS, ci="plain").at(times=1)
    assert limits["upper"][0] == pytest.approx(1 / 6 + 1.959963984540054 / 6, rel=1e-12)


def test_cumulative_incidence_of_six_patients():
    """S is 5/6 after 1, 1/2 after 2, 1/4 after 4."""
    curves = cs.cumulative_incidence(SIX, cause="cause", time="time")
    first = curves.at(times=[1, 2, 4]).query("cause == '1'")
    second = curves.at(times=[1, 2, 4]).query("cause == '2'")
    assert first["estimate"].tolist() == pytest.approx([1 / 6, 1 / 3, 1 / 3], rel=1e-14)
    assert second["estimate"].tolist() == pytest.approx([0, 1 / 6, 1 / 6 + 1 / 4], rel=1e-14)
    assert (first["events"].tolist(), second["events"].tolist()) == ([1, 1, 0], [0, 1, 1])
    # The first event is one binomial share of six.
    assert first["std_error"].iloc[0] ** 2 == pytest.approx(5 / 6**3, rel=1e-13)
    poisson = cs.cumulative_incidence(SIX, cause="cause", time="time", variance="aalen").at(times=1)
    assert poisson["std_error"][0] ** 2 == pytest.approx(1 / 36, rel=1e-13)
    assert curves.at(times=0.5)["estimate"].tolist() == [0, 0]
    assert curves.at(times=0.5)["upper"].tolist() == [0, 0]
    assert curves.groups["total_events"].tolist() == [2, 2]


# R


@pytest.mark.parametrize("ctype", [1, 2])
@pytest.mark.parametrize("case", ["plain", "entry", "frequency", "weight"])
def test_cumulative_hazards_are_those_of_survfit(children, case, ctype):
    if ctype == 2 and case in {"frequency", "weight"}:
        pytest.skip("R corrects ties of rows, not of the children whom a frequency counts: see the law below")
    options = {
        "plain": {}, "entry": {"entry": "entry"}, "frequency": {"weights": "frequency"},
        "weight": {"entry": "entry", "weights": "weight"},
    }[case] | COLUMNS  # fmt: skip
    ties = "together" if ctype == 1 else "one-by-one"
    theirs = pd.read_csv(REFERENCE / "observed_cumulative_hazards.csv").query(
        "case == @case and ctype == @ctype"
    )
    hazard = cs.nelson_aalen(children, by="group", ties=ties, **options).table
    survival = cs.nelson_aalen(children, by="group", ties=ties, quantity="survival", **options)
    both = theirs.merge(hazard, on=["group", "time"], suffixes=("_r", ""))
    assert len(both) == len(theirs)
    # 15 digits are printed; sums of some hundred terms.
    assert both["estimate"].to_numpy() == pytest.approx(both["cumhaz"].to_numpy(), abs=1e-13)
    assert both["std_error"].to_numpy() == pytest.approx(both["std_chaz"].to_numpy(), abs=1e-13)
    both = theirs.merge(survival.table, on=["group", "time"], suffixes=("_r", ""))
    assert both["estimate"].to_numpy() == pytest.approx(both["surv"].to_numpy(), abs=1e-13)
    if case != "weight":
        # With robust variances R takes the error of the hazard for that of the survival.
        limits = cs.nelson_aalen(
            children, by="group", ties=ties, quantity="survival", ci="log", **options
        ).table
        both = theirs.merge(limits, on=["group", "time"], suffixes=("_r", ""))
        for name in ("lower", "upper"):
            assert both[name].to_numpy() == pytest.approx(
                both[f"{name}_r"].to_numpy(), abs=1e-13, nan_ok=True
            )


@pytest.mark.parametrize("rule", ["peto", "modified"])
@pytest.mark.parametrize("ci", ["log", "log-log", "plain", "logit", "arcsin"])
def test_lower_limits_are_those_of_survfit(children, rule, ci):
    theirs = pd.read_csv(REFERENCE / "observed_lower_limits.csv").query("rule == @rule and ci == @ci")
    curves = cs.kaplan_meier(children, by="group", ci=ci, lower_variance=rule, **COLUMNS)
    both = theirs.merge(curves.table, on=["group", "time"], suffixes=("_r", ""))
    assert len(both) == len(theirs)
    for name in ("lower", "upper"):
        assert both[name].to_numpy() == pytest.approx(both[f"{name}_r"].to_numpy(), abs=1e-13, nan_ok=True)
    assert curves.conventions["lower_variance"] == rule
    at_rows = curves.at(times=curves.table["time"].iloc[10])
    own = curves.table.query("group == @at_rows.group[0] and time == @at_rows.time[0]")
    assert at_rows["lower"][0] == pytest.approx(own["lower"].iloc[0], nan_ok=True)
    usual = cs.kaplan_meier(children, by="group", ci=ci, **COLUMNS).table
    assert (np.abs(usual["lower"] - curves.table["lower"]) > 1e-3).any()
    with pytest.raises(
        OptionError,
        match=exactly(
            "Curves.conditional takes curves with usual lower limits; estimate them without lower_variance=."
        ),
    ):
        curves.conditional(given=100)


def test_incidences_and_variances_are_those_of_cmprsk(children):
    theirs = pd.read_csv(REFERENCE / "observed_incidence.csv").astype({"cause": str})
    ours = cs.cumulative_incidence(children, cause="cause", by="group", time="time", variance="gray").at(
        times=TIMES
    )
    both = theirs.merge(ours, on=["group", "cause", "time"], suffixes=("_r", ""))
    assert len(both) == len(theirs)
    assert both["estimate"].to_numpy() == pytest.approx(both["estimate_r"].to_numpy(), abs=1e-13)
    assert (both["std_error"] ** 2).to_numpy() == pytest.approx(both["variance"].to_numpy(), rel=1e-10)


@pytest.mark.parametrize("case", ["plain", "entry", "frequency"])
def test_aalen_johansen_is_that_of_survfit(children, case):
    theirs = pd.read_csv(REFERENCE / "observed_aalen_johansen.csv").query("case == @case")
    options = {"plain": {}, "entry": {"entry": "entry"}, "frequency": {"weights": "frequency"}}[case]
    ours = cs.cumulative_incidence(children, cause="cause", by="group", time="time", **options).at(
        times=TIMES
    )
    for number, name in ((1, "one"), (2, "two")):
        both = theirs.merge(ours[ours["cause"] == str(number)], on=["group", "time"])
        assert len(both) == len(theirs)
        assert both["estimate"].to_numpy() == pytest.approx(both[name].to_numpy(), abs=1e-13)
        if case == "plain":
            assert both["std_error"].to_numpy() == pytest.approx(both[f"error_{name}"].to_numpy(), abs=1e-13)
        elif case == "entry":
            # R's jackknife of a late entry adds what one child's own times share; ours, as Greenwood's, does not.
            assert both["std_error"].to_numpy() == pytest.approx(both[f"error_{name}"].to_numpy(), rel=0.2)


# Published data of R


@pytest.fixture(scope="module")
def mgus(shared) -> pd.DataFrame:
    frame = pd.read_csv(shared / "data/survival/survival_mgus2.csv.gz")
    early = frame["pstat"] == 0
    return frame.assign(
        months=np.where(early, frame["futime"], frame["ptime"]), cause=np.where(early, 2 * frame["death"], 1)
    )


def test_mgus_is_that_of_cmprsk_and_survfit(shared, mgus):
    folder = shared / "data" / "reference"
    options = {"cause": "cause", "by": "sex", "time": "months", "time_unit": "months"}
    theirs = pd.read_csv(folder / "cuminc_mgus2.csv")
    ours = cs.cumulative_incidence(mgus, variance="gray", **options).at(times=theirs["time_months"].unique())
    ours["curve"] = ours["sex"] + " " + ours["cause"]
    both = theirs.merge(ours, left_on=["curve", "time_months"], right_on=["curve", "time"])
    assert len(both) == len(theirs) == 20
    # 15 digits are printed.
    assert both["estimate"].to_numpy() == pytest.approx(both["est"].to_numpy(), abs=1e-13)
    assert (both["std_error"] ** 2).to_numpy() == pytest.approx(both["var"].to_numpy(), rel=1e-11)
    theirs = pd.read_csv(folder / "aalen_johansen_mgus2.csv")
    ours = cs.cumulative_incidence(mgus, **options).at(times=theirs["time_months"].unique())
    for number, name in (("1", "pcm"), ("2", "death")):
        own = ours[ours["cause"] == number].assign(stratum=lambda frame: "sex=" + frame["sex"])
        both = theirs.merge(own, left_on=["stratum", "time_months"], right_on=["stratum", "time"])
        assert both["estimate"].to_numpy() == pytest.approx(both[f"p_{name}"].to_numpy(), abs=1e-13)
        assert both["std_error"].to_numpy() == pytest.approx(both[f"se_{name}"].to_numpy(), abs=1e-13)
    theirs = pd.read_csv(folder / "cuminc_mgus2_gray.csv")
    table = cs.gray_test(mgus, cause="cause", by="sex", time="months").table
    assert table["statistic"].to_numpy() == pytest.approx(theirs["stat"].to_numpy(), rel=1e-11)
    assert table["p_value"].to_numpy() == pytest.approx(theirs["p_value"].to_numpy(), rel=1e-10)


# Laws

rows = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 2), st.integers(0, 2), st.integers(1, 3), st.integers(0, 3)),
    min_size=2,
    max_size=40,
)


def framed(found) -> pd.DataFrame:
    frame = pd.DataFrame(found, columns=["time", "cause", "group", "count", "entry"])
    frame = frame[frame["entry"] < frame["time"]]
    return frame.assign(event=(frame["cause"] > 0).astype(int))


@given(rows)
def test_frequencies_are_children_and_groups_are_split_data(found):
    frame = framed(found)
    assume((frame["cause"] > 0).any())
    repeated = frame.loc[frame.index.repeat(frame["count"])]
    for ties in ("together", "one-by-one"):
        pd.testing.assert_frame_equal(
            cs.nelson_aalen(frame, weights="count", ties=ties, entry="entry", **COLUMNS).at(times=[3, 6, 9]),
            cs.nelson_aalen(repeated, ties=ties, entry="entry", **COLUMNS).at(times=[3, 6, 9]),
            check_dtype=False,
            rtol=1e-12,
        )
    for variance in VARIANCES:
        options = {"cause": "cause", "time": "time", "entry": "entry", "variance": variance}
        pd.testing.assert_frame_equal(
            cs.cumulative_incidence(frame, weights="count", **options).at(times=[3, 6, 9]),
            cs.cumulative_incidence(repeated, **options).at(times=[3, 6, 9]),
            check_dtype=False,
            rtol=1e-9,
            atol=1e-12,
        )
    whole = cs.cumulative_incidence(frame, by="group", cause="cause", time="time", causes={1: "a", 2: "b"})
    for label in frame["group"].unique():
        part = frame[frame["group"] == label]
        alone = cs.cumulative_incidence(part, cause="cause", time="time", causes={1: "a", 2: "b"}).table
        own = whole.table[whole.table["group"] == label].drop(columns="group").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, alone)


@given(rows)
def test_incidences_and_survival_add_to_one_and_one_cause_is_kaplan_meier(found):
    frame = framed(found)
    assume((frame["cause"] > 0).any())
    late = {"entry": "entry", "time": "time"}
    curves = cs.cumulative_incidence(frame, cause="cause", **late)
    survival = cs.kaplan_meier(frame, event="event", ci="plain", **late)
    moments = [1, 2, 5, 8, 11, 12]
    known = survival.at(times=moments)["estimate"].notna().to_numpy()
    incidence = curves.at(times=moments).groupby("time")["estimate"].sum().to_numpy()
    total = incidence + survival.at(times=moments)["estimate"].to_numpy()
    # Sums of products of at most 12 factors.
    assert total[known] == pytest.approx(1, abs=1e-12)
    single = cs.cumulative_incidence(frame.assign(one=frame["event"]), cause="one", **late).at(times=moments)
    own = survival.at(times=moments)
    assert single["estimate"].to_numpy()[known] == pytest.approx(
        1 - own["estimate"].to_numpy()[known], abs=1e-12
    )
    alive = known & (own["estimate"].to_numpy() > 0)
    # The variance of 1 - S is Greenwood's.
    assert single["std_error"].to_numpy()[alive] == pytest.approx(
        own["std_error"].to_numpy()[alive], abs=1e-7
    )


# Truth


def test_limits_cover_the_true_incidence_and_gray_keeps_its_level():
    """Two causes with constant hazards a and b: F(t) = a / (a + b) (1 - exp(-(a + b) t))."""
    rng = np.random.default_rng(9)
    trials, size, a, b = 500, 150, 0.0004, 0.0006
    wait = np.ceil(rng.exponential(1 / (a + b), trials * size))
    closing = rng.integers(400, 3000, trials * size)
    frame = pd.DataFrame(
        {
            "trial": np.repeat(np.arange(trials), size),
            "time": np.minimum(wait, closing).astype(int),
            "cause": np.where(wait > closing, 0, np.where(rng.random(trials * size) < a / (a + b), 1, 2)),
            "group": np.tile([0, 1], trials * size // 2),
        }
    )
    truth = a / (a + b) * (1 - np.exp(-(a + b) * 1000))
    for variance in VARIANCES:
        at = cs.cumulative_incidence(frame, cause="cause", by="trial", time="time", variance=variance).at(
            times=1000
        )
        first = at[at["cause"] == "1"]
        covered = ((first["lower"] <= truth) & (first["upper"] >= truth)).mean()
        # 95 % with a standard error of 1 point.
        assert 0.92 < covered < 0.98, variance
        assert first["estimate"].mean() == pytest.approx(truth, abs=0.004)
    parts = [part for _, part in frame.groupby("trial")]
    tests = [cs.gray_test(part, cause="cause", by="group", time="time") for part in parts]
    rejected = np.mean([test.p_value < 0.05 for test in tests])
    assert 0.02 < rejected < 0.08


# A cohort, pictures, and faults


def test_a_cohort_and_its_names():
    cohort = cs.demo.cohort(patients=600, seed=2)
    numbered = cohort.with_columns(ended=lambda data: data["event"] * (1 + data["age_years"] % 2))
    curves = cs.cumulative_incidence(numbered, cause="ended", by="sex", causes={1: "even", 2: "odd"})
    assert curves.at(years=5)["cause"].tolist() == ["even", "odd"] * 2
    assert curves.in_days
    assert len(curves.plot(years=5).axes) >= 1
    assert cs.gray_test(numbered, cause="ended", by="sex").table["cause"].tolist() == ["1", "2"]
    for name, argument in (
        ("quantile", {"p": 0.5}),
        ("rmst", {"times": 500}),
        ("conditional", {"given": 100}),
    ):
        with pytest.raises(
            OptionError,
            match=rf"^Curves\.{name} is for curves of survival; these are of a cumulative incidence\.$",
        ):
            getattr(curves, name)(**argument)
    with pytest.raises(
        OptionError, match=r"^Curves\.quantile is for curves of survival; these are of a cumulative hazard\.$"
    ):
        cs.nelson_aalen(cohort).quantile()


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({}, {"cause": "why"}, ColumnError, "no column 'why'"),
        ({"cause": -1}, {}, DataError, r"'cause' is not a whole number of 0 or more in 6 rows"),
        ({"cause": 0.5}, {}, DataError, r"'cause' is not a whole number"),
        ({"cause": 0}, {}, ModelError, "has no cause but 0"),
        ({}, {"causes": {1: "a"}}, OptionError, "it lacks 2, which column 'cause' has"),
        ({}, {"causes": {0: "none", 1: "a", 2: "b"}}, OptionError, "0 means none"),
        ({}, {"variance": "robust"}, OptionError, "variance='robust' is not a choice"),
        ({}, {"by": "cause"}, OptionError, "adds a column 'cause'"),
        ({"w": 0.5}, {"weights": "w"}, OptionError, "weights are frequencies"),
        ({}, {"time": None}, ColumnError, "a DataFrame needs time="),
    ],
)
def test_faults(change, options, error, message):
    with pytest.raises(error, match=message):
        cs.cumulative_incidence(SIX.assign(**change), **({"cause": "cause", "time": "time"} | options))


def test_two_causes_of_one_name_are_refused():
    frame = pd.DataFrame({"time": [1, 2, 3], "cause": [1, 2, 0]})
    with pytest.raises(
        OptionError,
        match=exactly(
            "cumulative_incidence: causes= gives two causes the same name; join them in the column instead."
        ),
    ):
        cs.cumulative_incidence(frame, cause="cause", time="time", causes={1: "x", 2: "x"})


def test_faults_of_tests_and_hazards():
    with pytest.raises(OptionError, match=exactly("gray_test: rho must be 0 or more.")):
        cs.gray_test(SIX, cause="cause", by="group", time="time", rho=-1)
    with pytest.raises(
        DataError, match=exactly("gray_test: group has only one group; there is nothing to compare.")
    ):
        cs.gray_test(SIX, cause="cause", by="group", time="time")
    with pytest.raises(
        OptionError, match=exactly("ci='log-log' is not a choice; use one of 'log', 'plain'.")
    ):
        cs.nelson_aalen(SIX, ci="log-log", **COLUMNS)
    with pytest.raises(
        OptionError,
        match=exactly("nelson_aalen: ties='one-by-one' counts deaths, so weights must be whole numbers."),
    ):
        cs.nelson_aalen(SIX.assign(w=0.5), weights="w", ties="one-by-one", **COLUMNS)
    with pytest.raises(
        OptionError,
        match=exactly("lower_variance='both' is not a choice; use one of 'usual', 'peto', 'modified'."),
    ):
        cs.kaplan_meier(SIX, lower_variance="both", **COLUMNS)
