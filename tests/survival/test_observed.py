from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from childsurv.cohort.cohort import Cohort, empty_findings, join_exclusions
from childsurv.errors import ChildsurvWarning, OptionError
from childsurv.survival.observed import kaplan_meier
from strategies import exactly

FRAME = pd.DataFrame({"t": [1, 2, 2, 5], "d": [1, 1, 0, 0], "g": ["a", "a", "b", "b"]})


def cohort(**columns: object) -> Cohort:
    frame = pd.DataFrame(
        {"diagnosis_date": pd.Timestamp("2001-01-01"), "entry": 0, "time": [0, 4, 900], "event": [1, 0, 1]}
    ).assign(**columns)
    return Cohort(frame, len(frame), dt.date(2010, 1, 1), empty_findings(), join_exclusions([]))


def test_columns_of_the_contract() -> None:
    curves = kaplan_meier(FRAME, time="t", event="d", by="g")
    assert list(curves.table.columns) == [
        "g",
        "time",
        "at_risk",
        "events",
        "censored",
        "estimate",
        "std_error",
        "lower",
        "upper",
    ]
    assert curves.groups.to_numpy().tolist() == [["a", 2, 2], ["b", 2, 0]]
    assert repr(curves) == "<Curves: Kaplan-Meier, 2 curves (g), 4 patients, 2 events, 95% log-log limits>"
    assert curves.conventions["variance"] == "Greenwood"


def test_a_cohort_needs_no_names() -> None:
    curves = kaplan_meier(cohort())
    # The death on the day of diagnosis is in the first day.
    assert curves.table["time"].tolist() == [1, 4, 900]
    assert curves.at(years=1)["estimate"][0] == pytest.approx(2 / 3)
    assert curves.conventions["same_day"] == 1
    dropped = kaplan_meier(cohort(), zero_survival="drop")
    assert dropped.at(years=1)["estimate"][0] == 1
    assert dropped.groups["patients"].tolist() == [2]


def test_the_default_limits_are_log_log() -> None:
    default = kaplan_meier(FRAME, time="t", event="d").table
    pd.testing.assert_frame_equal(default, kaplan_meier(FRAME, time="t", event="d", ci="log-log").table)


def test_no_events_is_a_warning() -> None:
    with pytest.warns(
        ChildsurvWarning,
        match=exactly(
            "kaplan_meier: there are no events in 4 rows, so limits have no width. Check that the "
            "event column has 1 for a death."
        ),
    ) as caught:
        table = kaplan_meier(FRAME.assign(d=0), time="t", event="d").table
    assert caught[0].filename == __file__
    assert (table[["estimate", "lower", "upper"]] == 1).all(axis=None)
    assert (table["std_error"] == 0).all()


def test_wrong_options() -> None:
    with pytest.raises(
        OptionError,
        match=exactly(
            "ci='greenwood' is not a choice; use one of 'log', 'log-log', 'plain', 'logit', 'arcsin'."
        ),
    ):
        kaplan_meier(FRAME, time="t", event="d", ci="greenwood")
    with pytest.raises(OptionError, match=exactly("level=95 must lie between 0 and 1; write 0.95 for 95 %.")):
        kaplan_meier(FRAME, time="t", event="d", level=95)


def test_all_dead_ends_at_nought_without_limits() -> None:
    for kind in ("log", "log-log", "plain", "logit", "arcsin"):
        last = kaplan_meier(FRAME.assign(d=1), time="t", event="d", ci=kind).table.iloc[-1]
        assert last["estimate"] == 0
        assert last[["std_error", "lower", "upper"]].isna().all()


@pytest.mark.parametrize("seed", range(5))
def test_fractional_weights_reach_nought_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"t": rng.permutation(200), "d": 1, "w": rng.uniform(1e-3, 10, 200), "g": rng.integers(0, 4, 200)}
    )
    table = kaplan_meier(frame, time="t", event="d", weights="w", by="g").table
    last = table.groupby("g").tail(1)
    assert (last["estimate"] == 0).all()
    assert last["upper"].isna().all()
    assert (table.groupby("g").head(-1)["estimate"] > 0).all()


def test_rows_of_no_weight_say_nothing() -> None:
    frame = pd.DataFrame({"t": [1, 2, 2, 3], "d": [1, 1, 0, 1], "w": [0.5, 0.0, 1.5, 0.25]})
    table = kaplan_meier(frame, time="t", event="d", weights="w").table
    without = kaplan_meier(frame[frame["w"] > 0], time="t", event="d", weights="w").table
    pd.testing.assert_frame_equal(
        table[table["events"] + table["censored"] > 0].reset_index(drop=True), without
    )


def test_one_patient() -> None:
    one = kaplan_meier(pd.DataFrame({"t": [7], "d": [1]}), time="t", event="d")
    assert one.table["estimate"].tolist() == [0]
    assert one.quantile(0.5)["quantile"].tolist() == [7]
    assert one.rmst(times=7)["rmst"].tolist() == [7]


def test_group_labels_keep_their_type() -> None:
    frame = FRAME.assign(
        y=[2001, 2001, 2002, 2002],
        c=pd.Categorical(FRAME["g"], ["b", "a"]),
        d1=pd.to_datetime(["2001-01-01"] * 4),
    )
    table = kaplan_meier(frame, time="t", event="d", by=["y", "c", "d1"]).table
    for name in ("y", "c", "d1"):
        assert table[name].dtype == frame[name].dtype
