from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.errors import (
    ChildsurvError,
    ChildsurvWarning,
    ColumnError,
    DataError,
    LifeTableError,
    OptionError,
)
from childsurv.lifetable.table import LifeTable
from childsurv.net.net import net_survival
from childsurv.net.options import METHODS
from strategies import exactly

FRAME = pd.DataFrame(
    {
        "t": [5, 30, 30, 200],
        "d": [1, 1, 0, 0],
        "s": [0, 0, 10, 0],
        "g": ["a", "a", "b", "b"],
        "sex": ["male", "female", "male", "female"],
        "age": [4321, 4000, 700, 2500],
        "dx": pd.to_datetime(["2001-06-01", "2002-07-06", "2001-01-01", "2001-12-31"]),
    }
)


def life_table(hazard: float = 1e-4, *, years: range = range(2000, 2004), **strata: str) -> LifeTable:
    rows = [(sex, 0, year, hazard) for sex in ("male", "female") for year in years]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "h"]).assign(**strata)
    return LifeTable.from_frame(frame, rate="h", rate_unit="per_day", by=tuple(strata))


def net(frame: pd.DataFrame = FRAME, table: Any = None, **options: Any) -> Any:
    names = {"time": "t", "event": "d", "age_days": "age", "diagnosis_date": "dx"} | options
    return net_survival(frame, life_table() if table is None else table, **names)


def test_columns_and_conventions() -> None:
    curves = net(by="g")
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
    assert curves.conventions["weights"].startswith("1 / S_P(t)")
    assert curves.conventions["life_table_digest"] == life_table().digest
    assert curves.conventions["extended_person_years"] == 0
    assert curves.in_days
    assert repr(curves) == "<Curves: Pohar Perme, 2 curves (g), 4 patients, 2 events, 95% log limits>"
    assert METHODS == ("pohar-perme", "ederer1", "ederer2", "hakulinen")


def test_pohar_perme_changes_on_every_day_and_ederer_two_on_exits() -> None:
    exact = net().at(times=[10, 11])
    assert exact["estimate"][1] / exact["estimate"][0] == pytest.approx(1 + 1e-4, rel=1e-12)
    steps = net(method="ederer2").at(times=[10, 11])
    assert steps["estimate"][1] == steps["estimate"][0]


def test_at_risk_counts_those_who_have_entered() -> None:
    for method in ("pohar-perme", "ederer2"):
        assert net(entry="s", method=method).at(times=[1, 5, 6, 10, 11, 30, 31])["at_risk"].tolist() == [
            3,
            3,
            2,
            2,
            3,
            3,
            1,
        ]


def test_ederer_two_is_one_before_the_first_exit() -> None:
    frame = FRAME.assign(s=[2, 0, 3, 4])
    at = net(frame, entry="s", method="ederer2").at(times=[0, 2, 3, 4])
    assert at["estimate"].tolist() == [1, 1, 1, 1]
    assert (at["std_error"] == 0).all()


def test_estimates_are_not_cut() -> None:
    # Nobody dies where the population does: net survival rises above 1.
    curves = net(FRAME.assign(d=[1, 0, 0, 0], t=[190, 200, 200, 200]), life_table(0.01))
    assert curves.at(times=180)["estimate"][0] == pytest.approx(1.01**180, rel=1e-10)


def test_no_events_is_a_warning() -> None:
    with pytest.warns(
        ChildsurvWarning,
        match=exactly(
            "net_survival: there are no events in 4 rows, so limits have no width. Check that the "
            "event column has 1 for a death."
        ),
    ) as caught:
        net(FRAME.assign(d=0))
    assert caught[0].filename == __file__


def test_extended_cells_are_reported() -> None:
    table = life_table(years=range(2000, 2002)).extend("last")
    days = sum(
        max(0, (start + np.timedelta64(int(time), "D") - max(start, pd.Timestamp("2002-01-01"))).days)
        for start, time in zip(FRAME["dx"], FRAME["t"], strict=True)
    )
    assert days == 229
    assert net(table=table).conventions["extended_person_years"] == pytest.approx(days / 365.25, rel=1e-12)


def test_strata_of_the_table_are_columns_of_the_data() -> None:
    with pytest.raises(
        ColumnError,
        match=exactly(
            "net_survival: the life table is by country, sex: no column 'country'. The data have the "
            "columns: t, d, s, g, sex, age, dx."
        ),
    ):
        net(table=life_table(country="XAA"))
    with pytest.raises(
        LifeTableError,
        match=exactly(
            "net_survival: the life table has no country for 4 rows: XBB (4 rows). Add their tables "
            "with childsurv.concat_life_tables() or exclude these rows."
        ),
    ):
        net(FRAME.assign(country="XBB"), life_table(country="XAA"))


@pytest.mark.parametrize("method", ["pohar-perme", "ederer2"])
def test_people_older_than_populations_get_a_warning_not_nonsense(method: str) -> None:
    """Weights of the others drown beside 1 / S_P(t) of somebody followed to where nobody of the population is left."""
    rows = [
        (sex, 0, year, {"male": 0.01, "female": 1e-6}[sex])
        for sex in ("male", "female")
        for year in range(1990, 2030)
    ]
    table = LifeTable.from_frame(
        pd.DataFrame(rows, columns=["sex", "age", "year", "h"]), rate="h", rate_unit="per_day"
    )
    frame = pd.DataFrame(
        {
            "t": [6000, 6500, 7000, 5000],
            "d": [1, 1, 0, 0],
            "sex": ["female"] * 3 + ["male"],
            "age": 4000,
            "dx": pd.Timestamp("1991-01-01"),
        }
    )
    if method == "ederer2":
        assert net(frame, table, method=method).at(times=6600)["estimate"].notna().all()
        return
    with pytest.warns(
        ChildsurvWarning,
        match=r"net_survival: 7?[0-9,]+ days have no estimate, because a patient before them.*check the oldest",
    ) as caught:
        curves = net(frame, table)
    assert caught[0].filename == __file__
    assert curves.at(times=[1000, 6600])["estimate"].isna().tolist() == [False, True]


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], type[ChildsurvError], str]] = {
    "part of a day": (
        {"t": [5.5, 4, 3, 98765.25]},
        {},
        DataError,
        r"follow-up must be in whole days to be looked up in a life table; round it",
    ),
    "table ends": (
        {"t": [5, 6, 98765, 7]},
        {},
        LifeTableError,
        r"the life table ends on 2003-12-31, before the end of follow-up of 1 row \(row 3\)\. "
        r"Give a table with later years, life_table\.extend\('last'\).*"
        r"or end follow-up earlier with Cohort\.window\(followed=\(None, date\)\)",
    ),
    "table begins": (
        {"dx": pd.to_datetime(["1998-07-06"] * 2 + ["2001-01-01"] * 2)},
        {},
        LifeTableError,
        r"the life table begins on 2000-01-01, after the start of follow-up of 2 rows \(rows 1, 2\)",
    ),
    "age missing": (
        {"age": [98765, None, 3, 4]},
        {},
        DataError,
        r"column 'age' is missing in 1 row \(row 2\)",
    ),
    "age negative": (
        {"age": [98765, -98765, 3, 4]},
        {},
        DataError,
        r"column 'age' is negative in 1 row \(row 2\)",
    ),
    "age in parts of days": (
        {"age": [98765.5, 3, 3, 4]},
        {},
        DataError,
        r"column 'age' is not a whole number of days in 1 row \(row 1\)",
    ),
    "sex unknown": (
        {"sex": ["male", "sentinel98765", "male", "male"]},
        {},
        LifeTableError,
        r"column 'sex' is not 'male' or 'female' in 1 row \(row 2\)",
    ),
    "date missing": (
        {"dx": pd.to_datetime(["1998-07-06", None, "2001-01-01", "2001-01-01"])},
        {},
        DataError,
        r"column 'dx' is missing in 1 row \(row 2\)",
    ),
    "date is text": (
        {"dx": ["06.07.1998"] * 4},
        {},
        ColumnError,
        r"column 'dx' holds (object|str|string), not dates",
    ),
    "entry at the end": (
        {"s": [98765, 0, 0, 0]},
        {"entry": "s"},
        DataError,
        r"column 's' is not before column 't' in 1 row \(row 1\)",
    ),
    "wrong column": ({}, {"age_days": "aeg"}, ColumnError, r"no column 'aeg'\. Did you mean 'age' for 'aeg'"),
    "group missing": (
        {"g": ["98765", None, "b", "b"]},
        {"by": "g"},
        DataError,
        r"group column 'g' is missing in 1 row \(row 2\)",
    ),
    "method": (
        {},
        {"method": "pohar"},
        OptionError,
        r"method='pohar' is not a choice; use one of 'pohar-perme', 'ederer1', 'ederer2', 'hakulinen'",
    ),
    "ci": ({}, {"ci": "loglog"}, OptionError, r"ci='loglog' is not a choice"),
    "level": ({}, {"level": 95}, OptionError, r"level=95 must lie between"),
    "no table": (
        {},
        {"table": pd.DataFrame({"x": [98765]})},
        OptionError,
        r"a LifeTable is needed, got DataFrame",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_and_no_value_is_shown(case: str) -> None:
    columns, options, error, message = BAD[case]
    with pytest.raises(error, match=message) as caught:
        net(FRAME.assign(**columns), **options)
    seen: BaseException | None = caught.value
    while seen is not None:
        for value in ("98765", "4321", "1998", "06.07", "2002-07"):
            assert value not in str(seen)
        seen = seen.__cause__ or seen.__context__


def test_rows_are_those_of_the_data_whatever_the_groups() -> None:
    """People are folded in order of group; messages count rows as the data do."""
    rows = [("male", year) for year in range(2000, 2006)] + [("female", year) for year in range(2000, 2003)]
    cells = pd.DataFrame([(sex, 0, year, 1e-4) for sex, year in rows], columns=["sex", "age", "year", "h"])
    table = LifeTable.from_frame(cells, rate="h", rate_unit="per_day")
    frame = FRAME.assign(t=[5, 30, 30, 900], g=["z", "y", "x", "a"])
    with pytest.raises(
        LifeTableError,
        match=exactly(
            "net_survival: the life table has no value for a cell that follow-up enters in 1 row "
            "(row 4); by sex: female (1 rows). Its source has a gap there, fewer years or ages than "
            "other strata, or a probability of 1 for the open age group. Give a fuller table, "
            "life_table.extend('last') to carry years (not ages) on knowingly, or exclude these rows."
        ),
    ):
        net(frame, table, by="g")


def test_data_are_not_changed() -> None:
    before = FRAME.copy()
    net(by="g", entry="s")
    pd.testing.assert_frame_equal(FRAME, before)


def test_a_gap_between_stretches_of_follow_up_says_nothing() -> None:
    frame = FRAME.assign(t=[5, 5, 300, 400], s=[0, 0, 250, 260], d=[1, 0, 1, 0])
    curves = net(frame, entry="s")
    at = curves.at(times=[5, 100, 250, 251])
    assert at["estimate"][1] == at["estimate"][0] == at["estimate"][2]
    assert np.isfinite(curves.estimate).all()
    assert at["at_risk"].tolist() == [2, 0, 0, 1]


# Horizons, weights and cells in use, whoever computes


def _people(size=60, seed=2):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "time": np.append(random.integers(30, 1500, size - 1), 731),
            "event": np.append(random.integers(0, 2, size - 1), 1),
            "sex": "male",
            "age_days": 500,
            "diagnosis_date": pd.Timestamp("2001-06-15"),
        }
    )


PEOPLE_COLUMNS = {"time": "time", "event": "event"}


def _rates(hazard=0.0003, until=2012):
    rows = [
        (sex, age, year, hazard)
        for sex in ("male", "female")
        for age in range(10)
        for year in range(2000, until)
    ]
    frame = pd.DataFrame(rows, columns=["sex", "age", "year", "hazard"])
    return cs.LifeTable.from_frame(frame, rate="hazard", rate_unit="per_day")


@pytest.mark.parametrize("compat", [None, "strs", "stnet", "popepi"])
@pytest.mark.parametrize("intervals", ["yearly", "monthly", [1, 2, 3, 4]])
@pytest.mark.parametrize("horizon", [2, 2.5])
def test_intervals_end_at_the_horizon_and_no_rate_goes_on_beyond_it(compat, intervals, horizon):
    options = {"intervals": intervals, "compat": compat, **PEOPLE_COLUMNS}
    whole = cs.net_survival(_people(), _rates(), **options)
    cut = cs.net_survival(_people(), _rates(), horizon_years=horizon, **options)
    assert cut.time.max() == pytest.approx(horizon * 365.25, rel=1e-12)
    # Up to the last whole year nothing changes: who is followed longer has not left.
    same = cut.time <= 2 * 365.25 * (1 + 1e-12) if horizon > 2 else cut.time < 1.99 * 365.25
    expected = whole.at(times=list(cut.time[same]))["estimate"].to_numpy()
    np.testing.assert_allclose(cut.estimate[same], expected, rtol=1e-12)
    assert np.isnan(cut.at(years=3)["estimate"][0])


def test_a_horizon_before_everybody_enters_says_so():
    late = _people().assign(entry=400, time=lambda frame: frame["time"] + 400)
    with pytest.raises(
        DataError,
        match=exactly("net_survival: all rows enter after the horizon, so no child is followed before it."),
    ):
        cs.net_survival(late, _rates(), horizon_years=1, entry="entry", **PEOPLE_COLUMNS)
    with pytest.raises(
        OptionError,
        match=exactly("net_survival: horizon_years= takes one or more finite numbers greater than 0."),
    ):
        cs.net_survival(late, _rates(), horizon_years="5", **PEOPLE_COLUMNS)
    with pytest.raises(OptionError, match=exactly("net_survival: standard_method= goes with standard=.")):
        cs.net_survival(late, _rates(), standard_method="brenner", **PEOPLE_COLUMNS)


@pytest.mark.parametrize("compat", ["relsurv", "strs", "stnet", "popepi"])
def test_peers_use_extended_cells_and_say_so(compat):
    table = _rates(until=2003).extend("last")
    options = {} if compat == "relsurv" else {"intervals": "yearly"}
    own = cs.net_survival(_people(), table, **PEOPLE_COLUMNS)
    theirs = cs.net_survival(_people(), table, compat=compat, **options, **PEOPLE_COLUMNS)
    assert own.conventions["extended_person_years"] > 10
    # relsurv's years are a little shorter.
    assert theirs.conventions["extended_person_years"] == pytest.approx(
        own.conventions["extended_person_years"], rel=2e-3
    )
    assert len(theirs.life_table_use) == len(own.life_table_use) > 0


def test_brenner_weights_are_counted_among_the_rows_kept():
    cohort = cs.demo.cohort(patients=3000, seed=2).with_age_groups("concord").where("age_years < 15")
    frame = cohort.frame
    early = (frame["age_group"].astype(str) == "0-4") & (np.arange(len(frame)) % 2 == 0)
    moved = cohort.with_columns(time=frame["time"].where(~early, 0), entry=frame["entry"].where(~early, 0))
    options = {"standard": "children-equal", "standard_method": "brenner"}
    table = cs.demo.life_table()
    dropped = cs.net_survival(moved, table, zero_survival="drop", **options)
    without = cs.net_survival(moved.where("time > 0"), table, **options)
    np.testing.assert_allclose(dropped.at(years=5)["estimate"], without.at(years=5)["estimate"], rtol=1e-12)
