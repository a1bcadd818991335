from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import childsurv as cs
from childsurv.errors import OptionError
from strategies import exactly

pytestmark = pytest.mark.filterwarnings("ignore:.*there are no events")

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
COLUMNS = {"time": "time", "event": "event"}
SIX = pd.DataFrame(
    {"time": [0.5, 1, 1.5, 2, 2.5, 3.5], "event": [1, 0, 1, 1, 0, 0], "entry": [0, 0, 0, 1, 0, 2]}
)


# By hand


def test_cohort_form_of_six_patients():
    curves = cs.actuarial(SIX, intervals=[1, 2, 4], time_unit="years", ci="log", **COLUMNS)
    table = curves.table
    assert table["at_risk"].tolist() == [6, 4, 2]
    assert table["events"].tolist() == [1, 2, 0]
    assert table["censored"].tolist() == [1, 0, 2]
    first, second = 1 - 1 / 5.5, 1 - 2 / 4
    assert table["estimate"].tolist() == pytest.approx([first, first * second, first * second], rel=1e-14)
    variance = 1 / (5.5 * 4.5) + 2 / (4 * 2)
    assert table["std_error"].iloc[1] == pytest.approx(first * second * variance**0.5, rel=1e-13)
    # At an end, the number with which the next interval begins.
    at = curves.at(times=[0, 1, 2, 4, 5])
    assert at["at_risk"].tolist() == [6, 4, 2, 0, 0]
    assert at["estimate"].tolist()[:4] == pytest.approx([1, first, first * second, first * second], rel=1e-14)
    assert np.isnan(at["estimate"].iloc[4])
    with pytest.raises(
        OptionError,
        match=exactly(
            "Curves.at: these curves are known at the ends of intervals only (1, 2, 4, ...), not at "
            "1.5. Ask for ends, choose other intervals=, or estimate without them."
        ),
    ):
        curves.at(times=[1, 1.5])
    with pytest.raises(
        OptionError,
        match=exactly(
            "Curves.conditional: these curves are known at the ends of intervals only (1, 2, 4, "
            "...), not at 1.5. Ask for ends, choose other intervals=, or estimate without them."
        ),
    ):
        curves.conditional(given=1.5)
    with pytest.raises(
        OptionError,
        match=exactly(
            "quantile(): these curves are known at the ends of intervals only; estimate them without "
            "intervals."
        ),
    ):
        curves.quantile(0.1)
    # The area under straight lines, and its derivative by each interval's hazard.
    mean = curves.rmst(times=2)
    assert mean["rmst"][0] == pytest.approx((1 + first) / 2 + (first + first * second) / 2, rel=1e-14)
    moves = [first / 2 + (first + first * second) / 2, first * second / 2]
    error = (moves[0] ** 2 / (5.5 * 4.5) + moves[1] ** 2 * 2 / (4 * 2)) ** 0.5
    assert mean["std_error"][0] == pytest.approx(error, rel=1e-13)
    with pytest.raises(
        OptionError,
        match=exactly(
            "simultaneous_bands() takes curves that change at event times, whose variance is a sum "
            "of independent increments: not standardised ones, life tables by intervals, or weights "
            "that are no whole numbers."
        ),
    ):
        cs.simultaneous_bands(curves)


@pytest.mark.parametrize(
    ("day", "known"), [(364.7, 0), (364.8, 1), (365, 1), (365.25, 1), (365.7, 1), (366, 0)]
)
def test_half_a_day_from_an_end_is_the_end(day, known):
    """Peers' years are some hours longer or shorter; the next day is another day."""
    days = pd.DataFrame({"time": [100, 300, 500, 700], "event": [1, 1, 1, 0]})
    curves = cs.actuarial(days, intervals=[1, 2], **COLUMNS)
    assert curves.is_known_at(np.array([float(day)])).tolist() == [bool(known)]
    if known:
        assert curves.at(times=day)["estimate"].tolist() == [0.5]
    else:
        with pytest.raises(
            OptionError, match=r"^Curves\.at: these curves are known at the ends of intervals only "
        ):
            curves.at(times=day)


def test_person_time_form_with_late_entries():
    curves = cs.actuarial(
        SIX, intervals=[1, 2, 4], form="person-time", entry="entry", time_unit="years", ci="log", **COLUMNS
    )
    # At risk in (0, 1]: four, for 0.5, 1, 1, 1; in (1, 2]: 0.5 + 1 + 1; in (2, 4]: 0.5 + 1.5.
    years, deaths = np.array([3.5, 2.5, 2.0]), np.array([1, 2, 0])
    hazards = np.array([1, 1, 2]) * deaths / years
    table = curves.table
    assert table["at_risk"].tolist() == [4, 3, 2]
    assert table["estimate"].tolist() == pytest.approx(np.exp(-np.cumsum(hazards)).tolist(), rel=1e-14)
    errors = np.sqrt(np.cumsum(np.array([1, 1, 4]) * deaths / years**2)) * table["estimate"].to_numpy()
    assert table["std_error"].to_numpy() == pytest.approx(errors, rel=1e-13)


# R


@pytest.mark.parametrize(("method", "form"), [("lifetable", "cohort"), ("hazard", "person-time")])
def test_half_years_are_those_of_popepi(method, form):
    children = pd.read_csv(REFERENCE / "children.csv")
    theirs = pd.read_csv(REFERENCE / "observed_actuarial.csv").query("method == @method")
    curves = cs.actuarial(children, by="group", form=form, intervals=np.arange(0.5, 8.5, 0.5), **COLUMNS)
    own = curves.table.assign(stop=lambda table: table["time"] / 365.25)
    own["stop"] = own["stop"].round(6)
    both = theirs.assign(stop=theirs["stop"].round(6)).merge(own, on=["group", "stop"])
    assert len(both) == len(own) >= 40
    assert (both["events"] == both["deaths"]).all()
    # 15 digits are printed; popEpi counts time in years.
    for name, of in (
        ("estimate", "survival"),
        ("std_error", "error"),
        ("lower_y", "lower_x"),
        ("upper_y", "upper_x"),
    ):
        known = both["estimate"] > 0
        assert both.loc[known, name].to_numpy() == pytest.approx(
            both.loc[known, of].to_numpy(), abs=1e-10, nan_ok=True
        )


@pytest.mark.parametrize(
    ("form", "case"), [("person-time", "overall obs hazard"), ("cohort", "overall obs lifetable")]
)
def test_sibr_is_that_of_survtab(shared, form, case):
    def position(dates):
        # popEpi's approximate calendar years.
        return dates.dt.year + (dates.dt.day_of_year - 1) / 365.242199

    rows = pd.read_csv(shared / "data/survival/popepi_sibr.csv.gz", parse_dates=["dg_date", "ex_date"])
    rows = rows[rows["dg_date"] < rows["ex_date"]]
    years = position(rows["ex_date"]) - position(rows["dg_date"])
    rows = rows.assign(years=years, dead=(rows["status"] > 0).astype(int))
    # Exits on a break belong to the interval before it, as here; those on popEpi's last break are outside its table.
    ends = np.arange(1, 121) / 12
    ends[-1] -= 1.5e-8
    curves = cs.actuarial(rows, intervals=ends, form=form, time="years", event="dead", time_unit="years")
    own = curves.table.iloc[11::12]
    theirs = pd.read_csv(shared / "data/reference/sibr_survtab_observed.csv").query("case == @case")
    assert own["events"].tolist() == theirs["d"].tolist()
    if form == "cohort":
        # popEpi's tables of person-time do not count heads.
        assert own["at_risk"].tolist() == theirs["n"].tolist()
        assert own["censored"].tolist() == theirs["n.cens"].tolist()
    # The last break was moved, which counts in person-time; otherwise they differ by rounding.
    for name, of in (
        ("estimate", "surv.obs"), ("std_error", "SE.surv.obs"), ("lower", "surv.obs.lo"), ("upper", "surv.obs.hi")
    ):  # fmt: skip
        assert own[name].to_numpy() == pytest.approx(theirs[of].to_numpy(), abs=1e-9)


# Laws

rows = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=30)


@given(rows)
def test_intervals_that_hold_one_time_each_are_kaplan_meier(found):
    """Those lost at a time leave after its deaths: with intervals that end between times, nothing is halved."""
    frame = pd.DataFrame(found, columns=["time", "event", "group"])
    # The lost leave just after the deaths, in an interval of their own.
    moved = frame.assign(time=frame["time"] + 0.4 * (1 - frame["event"]))
    ends = np.sort(np.concatenate([np.arange(1, 31) + 0.2, np.arange(1, 31) + 0.5]))
    curves = cs.actuarial(moved, intervals=ends, by="group", time_unit="months", **COLUMNS)
    observed = cs.kaplan_meier(frame, by="group", time_unit="months", **COLUMNS)
    for moment in (3, 10, 30):
        # Sums of at most 30 terms; an interval is at risk for as long as somebody is, a curve to the last time.
        own, plain = curves.at(times=moment + 0.2)["estimate"], observed.at(times=moment)["estimate"]
        known = own.notna() & plain.notna()
        assert own[known].to_numpy() == pytest.approx(plain[known].to_numpy(), rel=1e-12)


@given(rows, st.lists(st.integers(1, 35), min_size=1, max_size=6, unique=True).map(sorted))
def test_groups_are_split_data_and_nobody_is_lost(found, ends):
    frame = pd.DataFrame(found, columns=["time", "event", "group"])
    for form in ("cohort", "person-time"):
        whole = cs.actuarial(frame, intervals=ends, form=form, by="group", time_unit="months", **COLUMNS)
        for label in frame["group"].unique():
            part = frame[frame["group"] == label]
            alone = cs.actuarial(part, intervals=ends, form=form, time_unit="months", **COLUMNS).table
            own = whole.table[whole.table["group"] == label].drop(columns="group").reset_index(drop=True)
            pd.testing.assert_frame_equal(own, alone)
        counted = whole.table[["events", "censored"]].to_numpy().sum()
        assert counted + whole.conventions["followed_past_the_last_interval"] == len(frame)


@given(rows)
def test_a_constant_rate_is_recovered_by_person_time(found):
    """With one interval, -log S / k is deaths over person-time."""
    frame = pd.DataFrame(found, columns=["time", "event", "group"])
    length = float(frame["time"].max())
    table = cs.actuarial(frame, intervals=[length], form="person-time", time_unit="months", **COLUMNS).table
    rate = frame["event"].sum() / frame["time"].sum()
    assert table["estimate"].iloc[0] == pytest.approx(np.exp(-length * rate), rel=1e-12)


# A cohort, windows, and faults


def test_a_cohort_by_named_intervals_and_in_a_period_window():
    cohort = cs.demo.cohort(patients=2000, seed=6)
    yearly = cs.actuarial(cohort, intervals="yearly", by="sex")
    observed = cs.kaplan_meier(cohort, by="sex")
    assert yearly.at(years=[1, 5])["estimate"].to_numpy() == pytest.approx(
        observed.at(years=[1, 5])["estimate"].to_numpy(), abs=0.01
    )
    monthly = cs.actuarial(cohort, intervals="monthly", by="sex", form="person-time")
    assert monthly.at(years=5)["estimate"].to_numpy() == pytest.approx(
        observed.at(years=5)["estimate"].to_numpy(), abs=0.002
    )
    period = cohort.window(followed=("2015-01-01", "2017-12-31"))
    with pytest.raises(
        OptionError,
        match=exactly(
            "actuarial: form='cohort' follows all children from the start; some enter late. Use "
            "form='person-time'."
        ),
    ):
        cs.actuarial(period, intervals="yearly")
    late = cs.actuarial(period, intervals="quarterly", form="person-time").at(years=5)["estimate"][0]
    assert late == pytest.approx(cs.kaplan_meier(period).at(years=5)["estimate"][0], abs=0.01)
    assert "at risk" not in repr(yearly)
    assert len(yearly.plot(years=5).axes) >= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"intervals": "weekly"}, "intervals='weekly' is not a choice"),
        ({"intervals": []}, "ascending numbers greater than 0"),
        ({"intervals": [2, 1]}, "ascending numbers greater than 0"),
        ({"intervals": [0, 1]}, "ascending numbers greater than 0"),
        ({"intervals": ["a"]}, "takes a name, or numbers"),
        ({"intervals": [1], "form": "hazard"}, "form='hazard' is not a choice"),
        ({"intervals": "yearly", "time_unit": "years"}, "needs follow-up in days"),
    ],
)
def test_faults(options, message):
    with pytest.raises(OptionError, match=message):
        cs.actuarial(SIX, **COLUMNS, **options)


def test_children_who_die_at_time_0_of_a_table_are_at_risk_in_the_first_interval():
    frame = pd.DataFrame({"t": [0, 0, 0, 400, 800], "e": [1, 1, 1, 0, 0]})
    table = cs.actuarial(frame, intervals=[1, 2], time="t", event="e").table
    assert table["at_risk"].tolist() == [5, 2]
    assert table["estimate"].tolist() == pytest.approx([0.4, 0.4], rel=1e-14)


@pytest.mark.parametrize("form", ["cohort", "person-time"])
@pytest.mark.parametrize("empty", ["a", "z"])
def test_a_group_without_an_interval_has_a_row_that_says_so(form, empty):
    frame = pd.DataFrame(
        {"t": [0, 0, 400, 800, 900, 100], "e": [1, 1, 1, 0, 1, 1], "g": [empty] * 2 + ["b"] * 4}
    )
    options = {"intervals": [1, 2, 3], "time": "t", "event": "e", "form": form}
    both = cs.actuarial(frame, by="g", **options)
    alone = cs.actuarial(frame[frame["g"] == "b"], by="g", **options)
    for found, own in (
        (both.rmst(years=2), alone.rmst(years=2)),
        (both.at(years=[1, 2]), alone.at(years=[1, 2])),
        (both.conditional(given_years=1).at(years=2), alone.conditional(given_years=1).at(years=2)),
    ):
        pd.testing.assert_frame_equal(
            found[found["g"] == "b"].reset_index(drop=True), own.reset_index(drop=True), check_dtype=False
        )
    if form == "person-time":
        mean = both.rmst(years=2).set_index("g")
        assert np.isnan(mean.loc[empty, "rmst"])


def test_late_entries_count_at_the_ends_of_intervals_and_in_what_follows():
    cohort = cs.period_approach(cs.demo.cohort(patients=2000, seed=2), followed=("2010-01-01", "2012-12-31"))
    frame = cohort.frame
    curves = cs.actuarial(cohort, intervals=[1, 2, 3, 4, 5], form="person-time")
    for years in (0, 1, 4, 5):
        day = years * 365.25
        at_risk = ((frame["time"] > day) & (frame["entry"] <= day)).sum()
        assert curves.at(years=years)["at_risk"][0] == at_risk
    given = curves.conditional(given_years=2)
    assert given.groups["patients"][0] == ((frame["time"] > 730.5) & (frame["entry"] < 1826.25)).sum()
    table = cs.demo.life_table(seed=1)
    net = cs.net_survival(cohort, table, intervals="yearly", horizon_years=5)
    daily = cs.net_survival(cohort, table)
    assert net.at(years=[1, 5])["at_risk"].tolist() == daily.at(years=[1, 5])["at_risk"].tolist()


def test_an_interval_with_nobody_at_risk_has_a_row_and_the_curve_goes_on_level():
    frame = pd.DataFrame(
        {"time": [300, 360, 1000, 1080, 1090], "entry": [0, 0, 740, 740, 740], "event": [0, 0, 1, 1, 0]}
    )
    curves = cs.actuarial(frame, intervals=[1, 2, 3], form="person-time", entry="entry", **COLUMNS)
    assert curves.table["at_risk"].tolist() == [2, 0, 0]
    assert curves.at(years=[1, 2])["estimate"].tolist() == [1.0, 1.0]
    last = curves.at(years=3)["estimate"][0]
    assert curves.rmst(years=3)["rmst"][0] == pytest.approx(365.25 * (2 + (1 + last) / 2), rel=1e-12)
    late = pd.DataFrame({"time": [900], "entry": [800], "event": [1]})
    alone = cs.actuarial(late, intervals=[1, 2, 3], form="person-time", entry="entry", **COLUMNS)
    last = alone.at(years=3)["estimate"][0]
    assert alone.rmst(years=3)["rmst"][0] == pytest.approx(365.25 * (2 + (1 + last) / 2), rel=1e-12)
