"""Laws of every way of counting net survival, for any patients."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
import strategies
from strategies import examples, patients, random_patients, table_of

TABLE, NOUGHT = strategies.TABLE.extend("last"), strategies.NOUGHT.extend("last")
NAMES: dict[str, Any] = {"time": "time", "event": "event"}
BREAKS = [10 / 365.25, 17.5 / 365.25, 25 / 365.25, 40 / 365.25]

WAYS: dict[str, dict[str, Any]] = {
    "pohar-perme": {},
    "pohar-perme exponential": {"form": "exponential"},
    "ederer2": {"method": "ederer2"},
    "ederer1": {"method": "ederer1"},
    "hakulinen": {"method": "hakulinen", "closing_date": "2004-06-01"},
    "pohar-perme intervals": {"intervals": BREAKS},
    "ederer2 intervals": {"method": "ederer2", "intervals": BREAKS},
    "ederer1 intervals": {"method": "ederer1", "intervals": BREAKS},
    "hakulinen intervals": {"method": "hakulinen", "intervals": BREAKS, "closing_date": "2004-06-01"},
    "pohar-perme actuarial": {"intervals": BREAKS, "form": "actuarial"},
    "ederer2 actuarial": {"method": "ederer2", "intervals": BREAKS, "form": "actuarial"},
    "ederer1 actuarial": {"method": "ederer1", "intervals": BREAKS, "form": "actuarial"},
    "strs": {"compat": "strs", "intervals": BREAKS},
    "strs ederer1": {"compat": "strs", "intervals": BREAKS, "method": "ederer1"},
    "strs person-time": {"compat": "strs", "intervals": BREAKS, "form": "person-time"},
    "stnet": {"compat": "stnet", "intervals": BREAKS},
    "popepi": {"compat": "popepi", "intervals": BREAKS},
    "popepi actuarial": {"compat": "popepi", "intervals": BREAKS, "form": "actuarial"},
    "relsurv": {"compat": "relsurv"},
    "relsurv hakulinen": {"compat": "relsurv", "method": "hakulinen"},
}
LATE = [
    name
    for name, options in WAYS.items()
    if "actuarial" not in name
    and options.get("method") not in {"ederer1", "hakulinen"}
    and not name.startswith("relsurv")
    and name != "strs"
]

quiet = pytest.mark.filterwarnings("ignore::childsurv.errors.ChildsurvWarning")

few = examples(12)
"""Each law is tried on twenty ways of counting, so few examples of each are many of the law."""


def net(frame: pd.DataFrame, way: str, *, table: cs.LifeTable = TABLE, **options: Any) -> cs.Curves:
    return cs.net_survival(frame, table, **{**NAMES, **WAYS[way], **options})


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    # Sums run over people in another order; variances of nearly nothing lose digits with them.
    pd.testing.assert_frame_equal(
        one.reset_index(drop=True), other.reset_index(drop=True), rtol=1e-9, atol=1e-11, check_dtype=False
    )


@quiet
@pytest.mark.parametrize("way", WAYS)
@few
@given(frame=patients(late=False), random=st.randoms(use_true_random=False))
def test_order_does_not_matter(way: str, frame: pd.DataFrame, random: Any) -> None:
    order = list(range(len(frame)))
    random.shuffle(order)
    assert_same(net(frame, way, by="group").table, net(frame.iloc[order], way, by="group").table)


@quiet
@pytest.mark.parametrize("way", [name for name in WAYS if name != "relsurv hakulinen"])
@few
@given(frame=patients(late=False, max_size=16))
def test_groups_are_split_data(way: str, frame: pd.DataFrame) -> None:
    """relsurv's Hakulinen is left out: it takes the last date of all groups for a closing date."""
    together = net(frame, way, by="group").table
    for label, part in frame.groupby("group"):
        alone = net(part, way).table
        own = together[together["group"] == label].drop(columns="group")
        shared = alone["time"].isin(own["time"])
        assert len(own) >= len(alone) or shared.all()
        assert_same(own[own["time"].isin(alone["time"])], alone[shared])


@quiet
@pytest.mark.parametrize("way", [name for name, options in WAYS.items() if "compat" not in options])
@few
@given(frame=patients(late=False))
def test_no_population_mortality_gives_observed_survival(way: str, frame: pd.DataFrame) -> None:
    ours = net(frame, way, table=NOUGHT, by="group").table
    options = WAYS[way]
    if "intervals" in options:
        form = "cohort" if options.get("form") == "actuarial" else "person-time"
        observed = cs.actuarial(frame, by="group", form=form, intervals=BREAKS, ci="log", **NAMES).table
        ours = ours[ours["time"].isin(observed["time"])]
    elif options.get("form") == "exponential":
        observed = cs.nelson_aalen(frame, by="group", quantity="survival", **NAMES).table
    else:
        observed = cs.kaplan_meier(frame, by="group", ci="log", **NAMES).table
    counts = ["group", "time", "at_risk", "events", "censored"]
    pd.testing.assert_frame_equal(ours[counts].reset_index(drop=True), observed[counts], check_dtype=False)
    np.testing.assert_allclose(ours["estimate"], observed["estimate"], rtol=1e-12, atol=1e-13)
    if options.get("method") in {"ederer1", "hakulinen"}:
        known = observed["std_error"].notna()
        np.testing.assert_allclose(
            ours["std_error"][known.to_numpy()], observed["std_error"][known], rtol=1e-10
        )


PEERS = {
    name: options for name, options in WAYS.items() if options.get("compat") in {"strs", "stnet", "popepi"}
}


def peers_survival(part: pd.DataFrame, options: dict[str, Any]) -> list[float]:
    """Estimate observed survival at the ends of a peer's intervals by loops, in its years and with its person-time.

    strs and stnet count half an interval for all who leave in it; popEpi counts to the day, in calendar years.
    """
    peer, form = options["compat"], options.get("form", "actuarial" if options["compat"] == "strs" else None)
    if peer == "popepi":

        def year(date: pd.Series) -> pd.Series:
            return date.dt.year + (date.dt.day_of_year - 1) / 365.242199

        diagnosed = part["diagnosis_date"]
        times = year(diagnosed + pd.to_timedelta(part["time"], "D")) - year(diagnosed)
    else:
        times = part["time"] / 365.24
    survival, at_ends = 1.0, []
    for start, end in itertools.pairwise([0.0, *BREAKS]):
        at_risk = times > start
        leave = at_risk & (times <= end)
        deaths = int((leave & (part["event"] == 1)).sum())
        spent = (np.minimum(times, end) - start)[at_risk]
        if peer != "popepi":
            spent = spent.where(~leave[at_risk], (end - start) / 2)
        if deaths and form == "actuarial":
            survival *= 1 - deaths / (at_risk.sum() - (leave.sum() - deaths) / 2)
        elif deaths:
            survival *= math.exp(-deaths * (end - start) / spent.sum())
        at_ends.append(survival)
    return at_ends


@quiet
@pytest.mark.parametrize("way", PEERS)
@few
@given(frame=patients(late=False))
def test_no_population_mortality_gives_the_observed_survival_of_peers(way: str, frame: pd.DataFrame) -> None:
    ours = net(frame, way, table=NOUGHT, by="group").table
    for label, part in frame.groupby("group"):
        expected = peers_survival(part, WAYS[way])
        own = ours[ours["group"] == label]
        place = [round(time / 365.25, 9) for time in own["time"]]
        at = [expected[[round(end, 9) for end in BREAKS].index(time)] for time in place]
        np.testing.assert_allclose(own["estimate"], at, rtol=1e-10, atol=1e-13)


@quiet
@pytest.mark.parametrize("way", LATE)
@few
@given(frame=patients(late=False), late=patients(max_size=8))
def test_an_entry_at_diagnosis_is_no_late_entry(way: str, frame: pd.DataFrame, late: pd.DataFrame) -> None:
    """Somebody who enters late changes nothing before; a window without bounds is the cohort."""
    assert_same(
        net(frame, way, by="group").table, net(frame.assign(entry=0), way, by="group", entry="entry").table
    )
    late = late.assign(entry=np.maximum(late["entry"], 12), time=np.maximum(late["time"], late["entry"] + 13))
    both = net(pd.concat([frame, late]), way, entry="entry").at(times=[10])
    alone = net(frame, way, entry="entry").at(times=[10])
    known = alone["estimate"].notna() & (alone["at_risk"] > 0)
    columns = ["estimate", "std_error"]
    np.testing.assert_allclose(both[columns][known], alone[columns][known], rtol=1e-9, atol=1e-12)


@quiet
@pytest.mark.parametrize("way", [name for name in WAYS if "relsurv" not in name])
@few
@given(frame=patients(late=False))
def test_equal_case_weights_change_no_estimate(way: str, frame: pd.DataFrame) -> None:
    """Ten times the same weight is ten times each sum; variances count squares and stay too."""
    ours = net(frame.assign(w=0.3), way, by="group", weights="w").table
    plain = net(frame, way, by="group").table
    columns = ["time", "at_risk", "events", "censored", "estimate"]
    np.testing.assert_allclose(ours[columns], plain[columns], rtol=1e-9, atol=1e-11)


@quiet
@few
@given(frame=patients(late=False))
def test_weights_are_repeated_rows(frame: pd.DataFrame) -> None:
    repeated = frame.loc[frame.index.repeat(frame["weight"])]
    for way in (
        "pohar-perme",
        "ederer2",
        "ederer1",
        "hakulinen",
        "pohar-perme intervals",
        "pohar-perme actuarial",
    ):
        ours = net(frame, way, by="group", weights="weight").table
        theirs = net(repeated, way, by="group").table
        np.testing.assert_allclose(ours["estimate"], theirs["estimate"], rtol=1e-9, atol=1e-11)


@quiet
@few
@given(frame=patients(late=False, min_size=4))
def test_finer_intervals_come_to_the_exact_estimate(frame: pd.DataFrame) -> None:
    """With an interval for every day the person-time form is the exponential one, up to deaths within it."""
    days = [day / 365.25 for day in range(1, 41)]
    exact = net(frame, "ederer2", form="exponential").at(times=[40])
    fine = net(frame, "ederer2 intervals", intervals=days)
    last = fine.table.iloc[-1]
    assert last["estimate"] == pytest.approx(
        net(frame, "ederer2", form="exponential").at(times=[last["time"]])["estimate"][0],
        rel=1e-10,
        abs=1e-12,
    )
    assert len(exact) == 1


@quiet
@few
@given(frame=patients(late=False))
def test_a_horizon_cuts_and_changes_nothing_before(frame: pd.DataFrame) -> None:
    for way in ("pohar-perme", "ederer2", "hakulinen"):
        whole, cut = (
            net(frame, way).at(times=range(1, 19)),
            net(frame, way, horizon_years=18.9 / 365.25).at(times=range(1, 19)),
        )
        assert_same(whole.drop(columns="censored"), cut.drop(columns="censored"))
        assert net(frame, way, horizon_years=18.9 / 365.25).time.max() <= 19


@quiet
@pytest.mark.parametrize("way", WAYS)
def test_a_life_table_is_not_changed(way: str) -> None:
    """relsurv puts 1e-9 in place of zeros in the user's own table; we put nothing anywhere."""
    table = table_of(lambda sex, age, year: 0.0 if age < 5 else 0.001).extend("last")
    rates, digest = table.rates.copy(), table.digest
    net(random_patients(3, 50, 200).assign(entry=0), way, table=table)
    assert (table.rates == rates).all()
    assert table.digest == digest


def test_standardised_is_the_weighted_mean_of_strata() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cs.ChildsurvWarning)
        cohort = cs.demo.cohort(patients=4000, seed=3).with_age_groups("concord").where("age_years < 15")
        table = cs.demo.life_table()
        standard = cs.net_survival(cohort, table, by="sex", standard="children-equal").at(years=[1, 5])
        strata = cs.net_survival(cohort, table, by=["sex", "age_group"]).at(years=[1, 5])
        brenner = cs.net_survival(
            cohort, table, by="sex", standard="children-equal", standard_method="brenner"
        )
    mean = strata.groupby(["sex", "time"], observed=True)["estimate"].mean().unstack().loc[["male", "female"]]
    assert standard["estimate"].tolist() == pytest.approx(mean.to_numpy().ravel().tolist(), rel=1e-12)
    # Brenner's weights make a group with the standard's ages: near the weighted mean, and the same heads.
    at = brenner.at(years=[1, 5])
    assert at["estimate"].tolist() == pytest.approx(standard["estimate"].tolist(), abs=0.01)
    assert at["at_risk"].dtype.kind == "i"
    assert brenner.conventions["standard_method"] == "brenner"


def test_brenner_counts_shares_among_those_who_enter_at_diagnosis() -> None:
    frame = pd.DataFrame(
        {"age_group": ["0-4", "0-4", "5-9", "10-14", "10-14"], "entry": [0, 0, 0, 0, 300], "g": "a"}
    )
    weight = cs.brenner_weights(frame, "children-equal", by="g", entry="entry")
    assert weight.tolist() == pytest.approx([2 / 3, 2 / 3, 4 / 3, 4 / 3, 4 / 3], rel=1e-12)
