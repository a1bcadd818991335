"""Ratios, numbers needed, restricted means against a reference, tables at risk, bands, and pseudo-observations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import DataError, OptionError
from childsurv.survival.bands import _largest_bridge, _largest_scaled_bridge

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
COLUMNS = {"time": "time", "event": "event"}


@pytest.fixture(scope="module")
def children() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "children.csv")


@pytest.fixture(scope="module")
def curves(children) -> cs.Curves:
    return cs.kaplan_meier(children, by="group", **COLUMNS)


# Against a reference group


def test_ratios_and_numbers_needed_are_made_of_both_curves(curves):
    at = curves.at(times=300).set_index("group")
    ratio = curves.ratio(reference="north", times=300).set_index("group")
    needed = curves.number_needed(reference="north", times=300).set_index("group")
    difference = curves.difference(reference="north", times=300).set_index("group")
    for label in ratio.index:
        one, other = at.loc[label], at.loc["north"]
        assert ratio.loc[label, "ratio"] == pytest.approx(one["estimate"] / other["estimate"], rel=1e-13)
        error = np.sqrt(sum((row["std_error"] / row["estimate"]) ** 2 for row in (one, other)))
        assert ratio.loc[label, "log_std_error"] == pytest.approx(error, rel=1e-13)
        assert ratio.loc[label, "upper"] == pytest.approx(
            ratio.loc[label, "ratio"] * np.exp(1.959963984540054 * error), rel=1e-12
        )
        gap = difference.loc[label]
        assert needed.loc[label, "number_needed"] == pytest.approx(1 / gap["difference"], rel=1e-13)
        if gap["lower"] * gap["upper"] > 0:
            assert sorted(needed.loc[label, ["lower", "upper"]]) == pytest.approx(
                sorted([1 / gap["upper"], 1 / gap["lower"]]), rel=1e-12
            )
        else:
            assert needed.loc[label, ["lower", "upper"]].isna().all()
    with pytest.raises(OptionError, match=r"ratio\(\): no group 'nowhere'"):
        curves.ratio(reference="nowhere", times=300)
    with pytest.raises(OptionError, match=r"number_needed|difference\(\) compares groups"):
        cs.kaplan_meier(pd.read_csv(REFERENCE / "children.csv"), **COLUMNS).number_needed(
            reference="a", times=1
        )


def test_restricted_means_against_a_reference_are_those_of_r(children, curves):
    theirs = (
        pd.read_csv(REFERENCE / "core_rmean.csv").query("case == 'group' and tau == 731").set_index("group")
    )
    ours = curves.rmst_comparison(reference="north", times=731).set_index("group")
    base = theirs.loc["north"]
    for label, row in ours.iterrows():
        own = theirs.loc[label]
        # R prints 15 digits of its means and standard errors.
        assert row["difference"] == pytest.approx(own["rmean"] - base["rmean"], rel=1e-9)
        spread = np.hypot(own["se"], base["se"])
        assert row["upper"] - row["difference"] == pytest.approx(1.959963984540054 * spread, rel=1e-9)
        assert row["ratio"] == pytest.approx(own["rmean"] / base["rmean"], rel=1e-12)
        error = np.hypot(own["se"] / own["rmean"], base["se"] / base["rmean"])
        assert row["ratio_lower"] == pytest.approx(
            row["ratio"] * np.exp(-1.959963984540054 * error), rel=1e-9
        )


def test_numbers_at_risk_as_a_table(children, curves):
    table = curves.at_risk_table(times=[0, 100, 365.25])
    assert list(table.columns) == [0, 100, 365.25]
    assert table.index.names == ["group"]
    for label, row in zip(table.index.get_level_values("group"), table.to_numpy(), strict=True):
        times = children.loc[children["group"] == label, "time"]
        assert row.tolist() == [len(times), (times >= 100).sum(), (times >= 365.25).sum()]
    alone = cs.kaplan_meier(children, **COLUMNS).at_risk_table(times=[0])
    assert alone.to_numpy().tolist() == [[len(children)]]


# Bands


def test_critical_values_of_a_whole_bridge_are_kolmogorov_smirnov():
    for level, value in ((0.90, 1.223848), (0.95, 1.358099), (0.99, 1.627624)):
        # Kolmogorov's distribution; the ends of (0, 1) are left out by 1e-6.
        assert _largest_bridge(1e-6, 1 - 1e-6, level) == pytest.approx(value, abs=2e-5)


def test_critical_values_grow_with_the_stretch_and_begin_at_the_normal():
    widths = [_largest_scaled_bridge(low, 1 - low, 0.95) for low in (0.4, 0.25, 0.1, 0.02)]
    assert (np.diff(widths) > 0).all()
    assert widths[0] > 1.96
    assert _largest_bridge(0.3, 0.3001, 0.95) == pytest.approx(1.96 * np.sqrt(0.21), rel=0.02)


@pytest.mark.parametrize(("low", "high"), [(0.15, 0.85), (0.1, 0.9), (0.05, 0.6)])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_critical_values_have_the_tail_of_miller_and_siegmund(low, high, level):
    """Their tail of maximally selected chi-squared statistics (Biometrics 1982; 38:1011-6), the same bridge.

    ``4 phi(b) / b + phi(b) (b - 1 / b) log(high (1 - low) / ((1 - high) low))``, without terms of order ``phi(b) / b``
    squared and smaller: a few per cent of a tail of 5 %, less of 1 %.
    """
    b = _largest_scaled_bridge(low, high, level)
    density = np.exp(-(b**2) / 2) / np.sqrt(2 * np.pi)
    tail = density * (4 / b + (b - 1 / b) * np.log(high * (1 - low) / ((1 - high) * low)))
    assert tail == pytest.approx(1 - level, rel=0.03)


def test_critical_values_are_those_of_simulated_bridges():
    rng = np.random.default_rng(0)
    low, high, steps, paths = 0.1, 0.6, 2000, 20_000
    x = np.linspace(low, high, steps + 1)
    largest, scaled = [], []
    for _ in range(paths // 2000):
        moves = rng.standard_normal((2000, steps + 1)) * np.sqrt(np.diff(x, prepend=0.0))
        path = np.cumsum(moves, axis=1)
        end = path[:, -1:] + rng.standard_normal((2000, 1)) * np.sqrt(1 - high)
        bridge = np.abs(path - x * end)
        largest.append(bridge.max(axis=1))
        scaled.append((bridge / np.sqrt(x * (1 - x))).max(axis=1))
    # A path seen 2,000 times misses some of its height: about 0.58 standard deviations of a step.
    assert np.quantile(np.concatenate(largest), 0.95) == pytest.approx(
        _largest_bridge(low, high, 0.95), abs=0.025
    )
    assert np.quantile(np.concatenate(scaled), 0.95) == pytest.approx(
        _largest_scaled_bridge(low, high, 0.95), abs=0.06
    )


def test_bands_hold_pointwise_limits_and_cover_the_whole_curve():
    rng = np.random.default_rng(5)
    trials, size = 150, 200
    wait = np.ceil(rng.exponential(1000, trials * size))
    closing = rng.integers(500, 4000, trials * size)
    frame = pd.DataFrame(
        {
            "trial": np.repeat(np.arange(trials), size),
            "time": np.minimum(wait, closing).astype(int),
            "event": (wait <= closing).astype(int),
        }
    )
    curves = cs.kaplan_meier(frame, by="trial", **COLUMNS)
    for kind in ("equal-precision", "hall-wellner"):
        for transformation in ("log-log", "plain"):
            bands = cs.simultaneous_bands(curves, kind=kind, times=(100, 1500), transformation=transformation)
            truth = np.exp(-bands["time"] / 1000)
            missed = (truth < bands["lower"]) | (truth > bands["upper"])
            covered = 1 - missed.groupby(bands["trial"]).any().mean()
            # 95 % with a standard error of 1.8 points, and a little lost to 200 patients.
            assert 0.90 < covered < 0.995, (kind, transformation)
    at = curves.table.merge(
        cs.simultaneous_bands(curves, times=(100, 1500)), on=["trial", "time"], suffixes=("", "_b")
    )
    assert (at["lower_b"] <= at["lower"] + 1e-12).all()
    assert (at["upper_b"] >= at["upper"] - 1e-12).all()


def test_faults_of_bands(curves):
    for options, message in (
        ({"kind": "nair"}, "kind='nair' is not a choice"),
        ({"times": (5, 1)}, r"^simultaneous_bands: times= takes \(from, to\), ascending\.$"),
        (
            {"times": (1, 5), "years": (1, 2)},
            r"^simultaneous_bands: give times= \(in days\) or years=, one of the two\.$",
        ),
        ({"times": (9000, 9999)}, "no event lies within"),
    ):
        with pytest.raises(OptionError, match=message):
            cs.simultaneous_bands(curves, **options)
    hazard = cs.nelson_aalen(pd.read_csv(REFERENCE / "children.csv"), **COLUMNS)
    with pytest.raises(OptionError, match="curves of survival"):
        cs.simultaneous_bands(hazard)


# Pseudo-observations


def test_pseudo_observations_are_those_of_leaving_one_out_in_r(children):
    group = sorted(children["group"].unique())[0]
    own = children[children["group"] == group].set_index("id")
    theirs = pd.read_csv(REFERENCE / "observed_pseudo.csv").set_index("id")
    survival = cs.pseudo_observations(own, times=[200, 500], **COLUMNS)
    means = cs.pseudo_observations(own, times=500, quantity="rmst", **COLUMNS)
    # 15 digits are printed; n times what is left of them.
    assert survival.loc[theirs.index, 200].to_numpy() == pytest.approx(theirs["at_200"].to_numpy(), abs=1e-11)
    assert survival.loc[theirs.index, 500].to_numpy() == pytest.approx(theirs["at_500"].to_numpy(), abs=1e-11)
    assert means.loc[theirs.index, 500].to_numpy() == pytest.approx(theirs["mean_500"].to_numpy(), abs=1e-8)
    together = cs.pseudo_observations(children.set_index("id"), times=[200, 500], by="group", **COLUMNS)
    pd.testing.assert_frame_equal(together.loc[own.index], survival, rtol=1e-11)


@given(
    st.lists(st.tuples(st.integers(2, 9), st.integers(0, 1), st.integers(0, 3)), min_size=4, max_size=25),
    st.integers(1, 6),
)
def test_pseudo_observations_are_leaving_one_out(found, moment):
    frame = pd.DataFrame(found, columns=["time", "event", "entry"])
    frame = frame[frame["entry"] < frame["time"]].reset_index(drop=True)
    # Several are followed beyond the time, so that every curve without one child reaches it.
    more = pd.DataFrame({"time": [12, 12, 12], "event": 0, "entry": 0})
    frame = pd.concat([frame, more], ignore_index=True)

    def survival(rows):
        alive = 1.0
        for time in sorted(rows.loc[rows["event"] == 1, "time"].unique()):
            if time <= moment:
                there = ((rows["time"] >= time) & ((rows["entry"] < time) | (rows["entry"] == 0))).sum()
                alive *= 1 - ((rows["time"] == time) & (rows["event"] == 1)).sum() / there
        return alive

    n = len(frame)
    expected = [n * survival(frame) - (n - 1) * survival(frame.drop(index=place)) for place in range(n)]
    own = cs.pseudo_observations(frame, times=moment, entry="entry", **COLUMNS)
    # Products of at most nine factors, times n.
    assert own[moment].to_numpy() == pytest.approx(np.array(expected), abs=1e-10)


def test_without_censoring_a_pseudo_observation_is_whether_a_child_lives():
    frame = pd.DataFrame({"time": [1, 2, 3, 4, 5], "event": 1})
    assert cs.pseudo_observations(frame, times=3, **COLUMNS)[3].tolist() == pytest.approx(
        [0, 0, 0, 1, 1], abs=1e-12
    )
    means = cs.pseudo_observations(frame, times=3, quantity="rmst", **COLUMNS)
    assert means[3].tolist() == pytest.approx([1, 2, 3, 3, 3], abs=1e-12)


def test_a_cohort_and_faults_of_pseudo_observations(children):
    cohort = cs.demo.cohort(patients=500, seed=2)
    kept = cs.pseudo_observations(cohort, years=[1, 2.5])
    assert list(kept.columns) == [1, 2.5]
    assert kept.notna().all(axis=None)
    dropped = cs.pseudo_observations(cohort, years=1, zero_survival="drop")
    same_day = (cohort.data["time"] == 0).to_numpy()
    assert (dropped[1].isna().to_numpy() == same_day).all()
    for options, error, message in (
        ({}, OptionError, "give times="),
        ({"times": -1}, OptionError, "finite numbers greater than 0"),
        ({"times": 1, "quantity": "hazard"}, OptionError, "quantity='hazard' is not a choice"),
        ({"times": 99_999}, DataError, "not followed to 99999"),
        ({"years": 1, "time_unit": "months"}, OptionError, "needs follow-up in days"),
    ):
        with pytest.raises(error, match=message):
            cs.pseudo_observations(children, **COLUMNS, **options)
    lone = pd.DataFrame({"time": [5, 6, 7], "event": [1, 0, 1], "g": ["a", "a", "b"]})
    with pytest.raises(DataError, match="1 groups have one child"):
        cs.pseudo_observations(lone, times=3, by="g", **COLUMNS)


# What curves may be asked, and by whom they are counted


def _weighted_rows():
    random = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "time": random.integers(1, 60, 80),
            "event": random.integers(0, 2, 80),
            "w": random.integers(1, 5, 80).astype(float),
        }
    )
    return frame, frame.loc[frame.index.repeat(frame["w"].astype(int))].drop(columns="w")


@pytest.mark.parametrize("kind", ["hall-wellner", "equal-precision"])
def test_bands_of_frequencies_are_those_of_the_children(kind):
    weighted, expanded = _weighted_rows()
    columns = {"time": "time", "event": "event"}
    ours = cs.simultaneous_bands(cs.kaplan_meier(weighted, weights="w", **columns), kind=kind)
    theirs = cs.simultaneous_bands(cs.kaplan_meier(expanded, **columns), kind=kind)
    np.testing.assert_allclose(ours.to_numpy(dtype=float), theirs.to_numpy(dtype=float), rtol=1e-9)


def test_bands_are_refused_where_they_do_not_hold():
    frame, _ = _weighted_rows()
    late = frame.assign(entry=np.where(frame.index % 3 == 0, frame["time"] // 2, 0))
    curves = cs.kaplan_meier(late, time="time", event="event", entry="entry")
    with pytest.raises(OptionError, match="needs everybody followed from the start"):
        cs.simultaneous_bands(curves, kind="hall-wellner")
    assert len(cs.simultaneous_bands(curves, kind="equal-precision"))
    jackknife = cs.kaplan_meier(frame.assign(w=frame["w"] / 2), time="time", event="event", weights="w")
    with pytest.raises(OptionError, match="sum of independent increments"):
        cs.simultaneous_bands(jackknife)


def test_given_survival_to_a_time_all_who_are_followed_later_are_its_patients():
    random = np.random.default_rng(4)
    frame = pd.DataFrame({"time": random.integers(2, 90, 300), "event": random.integers(0, 2, 300)})
    frame["entry"] = np.where(frame.index % 2 == 0, 0, random.integers(0, 90, 300) % frame["time"])
    curves = cs.kaplan_meier(frame, time="time", event="event", entry="entry")
    given = curves.conditional(given=20)
    assert given.groups["patients"][0] == (frame["time"] > 20).sum()
    assert given.groups["total_events"][0] == ((frame["time"] > 20) & (frame["event"] == 1)).sum()
    # Of the time before nothing is said.
    before = given.at(times=[5, 20, 30])
    assert before["estimate"].isna().tolist() == [True, False, False]
    assert before["at_risk"].isna().tolist() == [True, False, False]
    assert len(
        cs.simultaneous_bands(
            cs.kaplan_meier(frame, time="time", event="event").conditional(given=20), kind="hall-wellner"
        )
    )
    assert before["estimate"][1] == 1.0


def test_children_and_not_their_weights_end_curves_and_make_them_reliable():
    random = np.random.default_rng(5)
    frame = pd.DataFrame({"time": random.integers(1, 60, 40), "event": random.integers(0, 2, 40)})
    columns = {"time": "time", "event": "event"}
    plain = cs.kaplan_meier(frame, minimum=20, **columns)
    weighted = cs.kaplan_meier(frame.assign(w=100.0), weights="w", **columns)
    for curves in (weighted.with_minimum(20), weighted.with_minimum(5).with_minimum(20)):
        assert curves.table["time"].tolist() == plain.table["time"].tolist()
    rules = {"at_risk": 20}
    ours = weighted.reliability(times=[5, 50], rules=rules)["reliability"].tolist()
    assert (
        ours
        == cs.kaplan_meier(frame, **columns).reliability(times=[5, 50], rules=rules)["reliability"].tolist()
    )
    assert ours == ["reliable", "not reliable"]


def test_differences_are_between_children_of_two_groups_and_not_between_two_causes():
    random = np.random.default_rng(6)
    frame = pd.DataFrame(
        {
            "time": random.integers(1, 60, 200),
            "cause": random.integers(0, 3, 200),
            "g": random.integers(0, 2, 200),
        }
    )
    options = {"cause": "cause", "time": "time"}
    by_group = cs.cumulative_incidence(frame, by="g", **options)
    table = by_group.difference(reference=(0, "1"), times=[30])
    assert table[["g", "cause"]].to_numpy().tolist() == [[1, "1"]]
    with pytest.raises(
        OptionError, match=r"difference\(\) compares groups of different children within a cause"
    ):
        cs.cumulative_incidence(frame, **options).difference(reference="1", times=[30])


@pytest.mark.parametrize(
    "name", ["score", "ratio", "number_needed", "reliability", "replications", "transformed"]
)
def test_groups_may_not_be_called_like_a_result(name):
    frame, _ = _weighted_rows()
    with pytest.raises(OptionError, match=name):
        cs.kaplan_meier(frame.assign(**{name: "a"}), time="time", event="event", by=name)
