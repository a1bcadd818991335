from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import DataError, OptionError
from childsurv.survival.standard import STANDARDS
from strategies import exactly

COLUMNS = {"time": "time", "event": "event"}


def rows(country: str, age_group: str, times: list[int], events: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"country": country, "age_group": age_group, "time": times, "event": events})


@pytest.fixture(scope="module")
def two() -> pd.DataFrame:
    return pd.concat(
        [
            rows("XAA", "0-4", [10, 20, 30, 40], [1, 0, 1, 0]),
            rows("XAA", "5-9", [15, 25, 50], [1, 0, 0]),
            rows("XAA", "10-14", [20, 60], [1, 0]),
            rows("XBB", "0-4", [5, 45], [1, 0]),
            rows("XBB", "5-9", [5, 30, 45], [0, 1, 0]),
        ],
        ignore_index=True,
    )


# By hand


def test_two_strata_by_hand(two):
    curves = cs.kaplan_meier(two[two["country"] == "XAA"], by=["country", "age_group"], ci="plain", **COLUMNS)
    result = cs.standardise(curves, {"0-4": 2, "5-9": 1, "10-14": 1})
    # Survival after 20: 3/4 of the youngest, 2/3, 1/2; after 30 the youngest have 3/8.
    at = result.at(times=[12, 20, 30])
    expected = [2 / 4 * 3 / 4 + 1 / 4 + 1 / 4, 2 / 4 * 3 / 4 + 2 / 12 + 1 / 8, 2 / 4 * 3 / 8 + 2 / 12 + 1 / 8]
    assert at["estimate"].tolist() == pytest.approx(expected, rel=1e-14)
    # Greenwood: S**2 d / (Y (Y - d)) for the first death in each.
    variance = (1 / 2) ** 2 * (3 / 4) ** 2 / (4 * 3) + (1 / 4) ** 2 * (
        (2 / 3) ** 2 / (3 * 2) + (1 / 2) ** 2 / (2 * 1)
    )
    assert at["std_error"][1] == pytest.approx(variance**0.5, rel=1e-13)
    assert at["at_risk"].tolist() == [8, 7, 4]
    assert at["events"].tolist() == [1, 2, 1]
    # The youngest are followed to 40 only.
    assert result.at(times=40)["estimate"].notna().all()
    assert result.at(times=41)["estimate"].isna().all()
    assert result.conventions["standard_weights"] == "age_group: 0-4 0.5, 5-9 0.25, 10-14 0.25"
    assert result.groups["patients"].tolist() == [9]
    assert repr(result).startswith(
        "<Curves: Kaplan-Meier, standardised, 1 curves (country), 9 patients, 4 events"
    )


def test_a_stratum_in_which_all_died_stays_at_zero():
    data = pd.concat([rows("XAA", "0-4", [10, 20], [1, 1]), rows("XAA", "5-9", [15, 50], [1, 0])])
    curves = cs.kaplan_meier(data, by="age_group", **COLUMNS)
    assert cs.standardise(curves, {"0-4": 1, "5-9": 1}).at(times=[20, 40])[
        "estimate"
    ].tolist() == pytest.approx([0.25, 0.25])


def test_empty_strata_are_named_or_given_to_a_neighbour(two):
    curves = cs.kaplan_meier(two, by=["country", "age_group"], **COLUMNS)
    with pytest.raises(
        DataError,
        match=exactly(
            "standardise: 1 strata of age_group have a weight but no patients: XBB (10-14). Use "
            "coarser strata, leave these groups out, or empty='neighbour' to give the weight to the "
            "next stratum knowingly."
        ),
    ):
        cs.standardise(curves, "children-equal")
    merged = cs.standardise(curves, "children-equal", empty="neighbour")
    assert merged.conventions["merged_strata"] == "XBB: 10-14 into 5-9"
    own = cs.standardise(
        cs.kaplan_meier(two[two["country"] == "XBB"], by="age_group", **COLUMNS), {"0-4": 1, "5-9": 2}
    )
    at = merged.at(times=30)
    assert at.loc[at["country"] == "XBB", "estimate"].iloc[0] == pytest.approx(
        own.at(times=30)["estimate"][0], rel=1e-14
    )
    with pytest.raises(
        DataError,
        match=exactly(
            "standardise: 3 strata of age_group have a weight but fewer than 3 patients: XAA "
            "(10-14); XBB (0-4); XBB (10-14). Use coarser strata, leave these groups out, or "
            "empty='neighbour' to give the weight to the next stratum knowingly."
        ),
    ):
        cs.standardise(curves, "children-equal", minimum=3)
    few = cs.standardise(curves, "children-equal", minimum=3, empty="neighbour")
    assert few.conventions["merged_strata"] == "XAA: 10-14 into 5-9; XBB: 0-4 into 5-9; XBB: 10-14 into 5-9"


@pytest.mark.parametrize(
    ("there", "merged", "shares"),
    [
        # Of two neighbours alike near the younger takes it; a nearer one before a younger one.
        (["0-4", "10-14"], "5-9 into 0-4", {"0-4": 5, "10-14": 4}),
        (["0-4", "5-9"], "10-14 into 5-9", {"0-4": 2, "5-9": 7}),
        (["5-9", "10-14"], "0-4 into 5-9", {"5-9": 5, "10-14": 4}),
        (["10-14"], "0-4 into 10-14; XAA: 5-9 into 10-14", {"10-14": 9}),
    ],
)
def test_the_nearest_stratum_takes_an_empty_one_and_the_younger_of_two(two, there, merged, shares):
    part = two[(two["country"] == "XAA") & two["age_group"].isin(there)]
    curves = cs.kaplan_meier(part, by=["country", "age_group"], **COLUMNS)
    taken = cs.standardise(curves, {"0-4": 2, "5-9": 3, "10-14": 4}, empty="neighbour")
    assert taken.conventions["merged_strata"] == f"XAA: {merged}"
    own = cs.standardise(cs.kaplan_meier(part, by="age_group", **COLUMNS), shares)
    assert taken.at(times=[15, 25])["estimate"].tolist() == pytest.approx(
        own.at(times=[15, 25])["estimate"].tolist(), rel=1e-14
    )


# Laws


@given(st.lists(st.floats(0.01, 5), min_size=3, max_size=3), st.floats(0.1, 10))
def test_only_the_proportions_of_weights_count_and_equal_curves_stay(weights, factor):
    data = pd.concat([rows("XAA", label, [10, 20, 30], [1, 0, 1]) for label in ("0-4", "5-9", "10-14")])
    curves = cs.kaplan_meier(data, by="age_group", **COLUMNS)
    labels = ("0-4", "5-9", "10-14")
    one = cs.standardise(curves, dict(zip(labels, weights, strict=True)))
    other = cs.standardise(curves, dict(zip(labels, [factor * weight for weight in weights], strict=True)))
    assert one.at(times=[10, 20, 25])["estimate"].to_numpy() == pytest.approx(
        other.at(times=[10, 20, 25])["estimate"].to_numpy(), rel=1e-12
    )
    alone = curves.at(times=[10, 20, 25]).query("age_group == '0-4'")["estimate"]
    assert one.at(times=[10, 20, 25])["estimate"].to_numpy() == pytest.approx(alone.to_numpy(), rel=1e-12)


@pytest.fixture(scope="module")
def cohort() -> cs.Cohort:
    return cs.demo.cohort(patients=6000, seed=3).with_age_groups("concord").where("age_years < 15")


def test_groups_are_split_data_and_every_estimator_can_be_standardised(cohort):
    table = cs.demo.life_table()
    by = ["sex", "age_group"]
    numbered = cohort.with_columns(ended=lambda data: data["event"] * (1 + data["age_years"] % 2))
    for estimate in (
        lambda data, by: cs.kaplan_meier(data, by=by),
        lambda data, by: cs.net_survival(data, table, by=by),
        lambda data, by: cs.actuarial(data, by=by, intervals="yearly"),
        lambda data, by: cs.cumulative_incidence(data, by=by, cause="ended"),
    ):
        whole = cs.standardise(estimate(numbered, by), "children-equal")
        girls = cs.standardise(estimate(numbered.where("sex == 'female'"), ["age_group"]), "children-equal")
        at = whole.at(years=[1, 3, 5]).query("sex == 'female'").drop(columns="sex").reset_index(drop=True)
        pd.testing.assert_frame_equal(at, girls.at(years=[1, 3, 5]), check_dtype=False, rtol=1e-12)


def test_internal_weights_of_the_whole_give_about_the_crude_curve(cohort):
    """With each stratum's own share, survival of the whole is the mixture's, but for how strata are lost."""
    by_age = cs.standardise(cs.kaplan_meier(cohort, by="age_group"), "internal").at(years=5)["estimate"][0]
    assert by_age == pytest.approx(cs.kaplan_meier(cohort).at(years=5)["estimate"][0], abs=0.003)


def test_brenner_weights_give_every_country_the_standard(cohort):
    weight = cs.brenner_weights(cohort, "children-equal", by="country")
    data = cohort.data.assign(weight=weight.to_numpy()).astype({"country": str, "age_group": str})
    of_country = data.groupby("country")["weight"]
    shares = data.groupby(["country", "age_group"])["weight"].sum() / of_country.sum()
    assert shares.to_numpy() == pytest.approx(1 / 3, rel=1e-12)
    assert of_country.mean().to_numpy() == pytest.approx(1, rel=1e-12)
    weighted = cs.kaplan_meier(cohort.with_columns(weight=weight), by="country", weights="weight").at(years=5)
    direct = cs.standardise(cs.kaplan_meier(cohort, by=["country", "age_group"]), "children-equal").at(
        years=5
    )
    # Two answers to one question; they differ by how the strata of a country are lost from view.
    assert weighted["estimate"].to_numpy() == pytest.approx(direct["estimate"].to_numpy(), abs=0.02)
    internal = cs.brenner_weights(cohort, "internal")
    assert internal.to_numpy() == pytest.approx(1, rel=1e-12)


def test_named_standards_add_up_to_one():
    for name, weights in STANDARDS.items():
        assert sum(weights.values()) == pytest.approx(1, abs=1e-12), name


# Truth


def test_limits_cover_the_true_standardised_survival():
    """Three age groups with constant hazards, unequal sizes: the equal mean of exp(-h t)."""
    rng = np.random.default_rng(12)
    hazards = {"0-4": 0.0001, "5-9": 0.0003, "10-14": 0.0006}
    sizes = {"0-4": 120, "5-9": 60, "10-14": 30}
    trials = 400
    parts = []
    for label, hazard in hazards.items():
        n = sizes[label] * trials
        death, closing = np.ceil(rng.exponential(1 / hazard, n)), rng.integers(1200, 4000, n)
        parts.append(
            pd.DataFrame(
                {
                    "trial": np.repeat(np.arange(trials), sizes[label]),
                    "age_group": label,
                    "time": np.minimum(death, closing).astype(int),
                    "event": (death <= closing).astype(int),
                }
            )
        )
    data = pd.concat(parts, ignore_index=True)
    truth = np.mean([np.exp(-hazard * 1000) for hazard in hazards.values()])
    at = cs.standardise(cs.kaplan_meier(data, by=["trial", "age_group"], **COLUMNS), "children-equal").at(
        times=1000
    )
    covered = ((at["lower"] <= truth) & (at["upper"] >= truth)).mean()
    # 95 % with a standard error of 1.1 points.
    assert 0.92 < covered < 0.98
    assert at["estimate"].mean() == pytest.approx(truth, abs=0.004)


# Faults


def test_faults(two, cohort):
    curves = cs.kaplan_meier(two, by=["country", "age_group"], **COLUMNS)
    with pytest.raises(
        OptionError,
        match=exactly(
            "standard='who' is not a choice; use one of 'internal', 'children-equal', 'icss-1', "
            "'icss-2', 'icss-3'."
        ),
    ):
        cs.standardise(curves, "who")
    with pytest.raises(
        OptionError,
        match=exactly(
            "standardise: the weights have no age_group 10-14, 5-9. Leave these children out "
            "knowingly (Cohort.where), group ages as the standard does (Cohort.with_age_groups), or "
            "give weights for them."
        ),
    ):
        cs.standardise(curves, {"0-4": 1})
    with pytest.raises(
        OptionError,
        match=exactly("standard= takes finite weights of 0 or more, at least one of them above 0."),
    ):
        cs.standardise(curves, {"0-4": -1, "5-9": 1})
    with pytest.raises(
        OptionError,
        match=exactly("standard= takes the name of a standard, or a mapping from strata to weights."),
    ):
        cs.standardise(curves, [1, 2, 3])
    with pytest.raises(
        OptionError,
        match=exactly(
            "standardise: the curves are by country, age_group, not by 'stage'; estimate them with "
            "by=[..., 'stage'], or name the column with over=."
        ),
    ):
        cs.standardise(curves, "internal", over="stage")
    with pytest.raises(
        OptionError, match=exactly("empty='drop' is not a choice; use one of 'error', 'neighbour'.")
    ):
        cs.standardise(curves, "internal", empty="drop")
    with pytest.raises(
        DataError,
        match=exactly(
            "brenner_weights: 1 groups lack a stratum that the standard has: XBB (10-14). Merge "
            "strata, or leave these groups out."
        ),
    ):
        cs.brenner_weights(two, "children-equal", by="country")
    with pytest.raises(
        OptionError,
        match=exactly(
            "brenner_weights: the weights have no age_group 10-14, 5-9; leave these children out or "
            "give weights for them."
        ),
    ):
        cs.brenner_weights(two, {"0-4": 1}, by="country")
    standard = cs.demo.cohort(patients=500, seed=1)
    with pytest.raises(
        OptionError,
        match=exactly(
            "standardise: the weights have no age_group 0, 1-4, 15-19. Leave these children out "
            "knowingly (Cohort.where), group ages as the standard does (Cohort.with_age_groups), or "
            "give weights for them."
        ),
    ):
        cs.standardise(cs.kaplan_meier(standard, by="age_group"), "children-equal")


# What follows from standardised curves


def _two_strata(seed, size=150):
    random = np.random.default_rng(seed)
    frames = []
    for label, mean in (("a", 3000.0), ("b", 250.0)):
        time = np.ceil(random.exponential(mean, size)).astype(int)
        end = random.integers(600, 1500, size)
        frames.append(
            pd.DataFrame({"s": label, "time": np.minimum(time, end), "event": (time <= end).astype(int)})
        )
    return pd.concat(frames, ignore_index=True)


def _standardised(frame):
    curves = cs.kaplan_meier(frame, by="s", time="time", event="event")
    return cs.standardise(curves, {"a": 0.5, "b": 0.5}, over="s")


def test_means_and_conditional_survival_of_standardised_curves_have_the_errors_of_their_strata():
    frame = _two_strata(1)
    curves = cs.kaplan_meier(frame, by="s", time="time", event="event")
    standard = _standardised(frame)
    own, mean = curves.rmst(times=500), standard.rmst(times=500)
    assert mean["rmst"][0] == pytest.approx(own["rmst"].mean(), rel=1e-12)
    assert mean["std_error"][0] == pytest.approx(0.5 * np.hypot(*own["std_error"]), rel=1e-12)
    # By the delta method from both strata, by hand at one time.
    at = curves.at(times=[365, 730]).set_index(["s", "time"])
    value, error = at["estimate"], at["std_error"] / at["estimate"]
    then, now = (np.array([0.5 * value[one, time] for one in "ab"]) for time in (365, 730))
    before, after = (np.array([error[one, time] ** 2 for one in "ab"]) for time in (365, 730))
    r, q = then / then.sum(), now / now.sum()
    variance = (q**2 * after + (r**2 - 2 * r * q) * before).sum()
    given = standard.conditional(given=365).at(times=730)
    assert given["estimate"][0] == pytest.approx(now.sum() / then.sum(), rel=1e-12)
    assert given["std_error"][0] == pytest.approx(given["estimate"][0] * variance**0.5, rel=1e-12)
    # Once more the variance is not a sum of increments: none is made up.
    with pytest.warns(
        cs.errors.ChildsurvWarning,
        match=exactly(
            "Curves.rmst: the variance is that of each time by itself (a jackknife's, or that of a "
            "standardised curve given survival to a time), so there are no standard errors or limits "
            "here."
        ),
    ):
        assert np.isnan(standard.conditional(given=365).rmst(times=730)["std_error"][0])
    with pytest.raises(
        OptionError,
        match=exactly(
            "simultaneous_bands() takes curves that change at event times, whose variance is a sum "
            "of independent increments: not standardised ones, life tables by intervals, or weights "
            "that are no whole numbers."
        ),
    ):
        cs.simultaneous_bands(standard)


def test_limits_of_conditional_survival_and_means_cover():
    """300 samples: a coverage of 95 % has a standard error of 1.3 points."""
    truth = [0.5 * (np.exp(-t / 3000) + np.exp(-t / 250)) for t in (365, 730)]
    area = 0.5 * (3000 * -np.expm1(-500 / 3000) + 250 * -np.expm1(-500 / 250))
    covered = np.zeros(2)
    for seed in range(300):
        standard = _standardised(_two_strata(seed))
        given, mean = standard.conditional(given=365).at(times=730), standard.rmst(times=500)
        covered[0] += given["lower"][0] <= truth[1] / truth[0] <= given["upper"][0]
        covered[1] += mean["lower"][0] <= area + 0.5 <= mean["upper"][0]
    assert (covered / 300 > 0.91).all()
    assert (covered / 300 < 0.99).all()


def test_what_cannot_be_standardised_is_refused():
    frame = _two_strata(2)
    columns = {"time": "time", "event": "event"}
    with pytest.raises(
        OptionError,
        match=exactly(
            "standardise() takes curves with usual lower limits; estimate them without lower_variance=."
        ),
    ):
        cs.standardise(
            cs.kaplan_meier(frame, by="s", lower_variance="peto", **columns), {"a": 1, "b": 1}, over="s"
        )
    hidden = cs.kaplan_meier(pd.concat([frame, frame.head(3).assign(s="c")]), by="s", minimum=5, **columns)
    with pytest.raises(
        OptionError,
        match=exactly(
            "standardise(): internal weights are shares of all patients, and minimum= has hidden "
            "some groups' numbers. Estimate without minimum= and give it here."
        ),
    ):
        cs.standardise(hidden, "internal", over="s")
    causes = cs.cumulative_incidence(
        frame.assign(cause=frame["event"] * 2), cause="cause", time="time", by="s"
    )
    with pytest.raises(
        OptionError,
        match=exactly(
            "standardise(): 'cause' divides outcomes of the same children; weigh groups of children."
        ),
    ):
        cs.standardise(causes, {"2": 1}, over="cause")
    with pytest.raises(
        cs.errors.DataError,
        match=exactly(
            "brenner_weights: column 's' is missing in 2 rows (rows 1, 2). Complete it, or leave "
            "these rows out."
        ),
    ):
        cs.brenner_weights(frame.assign(s=frame["s"].where(frame.index > 1)), "internal", over="s")
