"""The steps drawn are those of the tables, in the unit of the axis."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import childsurv as cs
from childsurv import plot
from childsurv.curves.curves import Curves
from childsurv.errors import DataError, OptionError
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.plot.steps import SMALLEST_STEP, Steps, TimeAxis, steps_of


def test_steps_are_those_of_the_table(by_sex: Curves, look) -> None:
    figure = plot.curves(by_sex, years=10)
    (ax,) = figure.axes
    table = by_sex.table
    for sex, part in table[table["time"] <= 10 * DAYS_PER_YEAR].groupby("sex"):
        drawn = look.line(ax, sex)
        # Equal, not close: the picture divides the same times by the same year.
        np.testing.assert_array_equal(
            look.value_at(drawn, part["time"].to_numpy() / DAYS_PER_YEAR), part["estimate"].to_numpy()
        )
        x, y = drawn.get_data()
        assert (x[0], y[0]) == (0.0, 1.0)
        assert x[-1] <= 10.0


def test_a_curve_ends_with_the_follow_up_of_its_group(make, look) -> None:
    data = pd.DataFrame(
        {
            "g": ["short"] * 8 + ["long"] * 8,
            "time": [*range(100, 900, 100), *range(1000, 5000, 500)],
            "event": [0, 1] * 8,
        }
    )
    (ax,) = plot.curves(make.curves_of(data, "g")).axes
    assert look.line(ax, "short").get_xdata()[-1] == pytest.approx(800 / DAYS_PER_YEAR)
    assert look.line(ax, "long").get_xdata()[-1] == 10.0 or ax.get_xlim()[1] == 10.0


def test_steps_of_keeps_the_last_value_to_the_end_of_the_axis(by_sex: Curves) -> None:
    steps = steps_of(by_sex, 0, TimeAxis(end=2.0, unit=DAYS_PER_YEAR), by_sex.limits)
    assert steps.time[-1] == 2.0
    assert steps.estimate[-1] == by_sex.at(years=2)["estimate"].iloc[0]
    assert np.isnan(steps.at(times=np.array([2.5]))).all()


def test_later_origin_starts_the_curve_there(by_sex: Curves, look) -> None:
    figure = plot.curves(by_sex.conditional(given_years=1))
    x, y = look.line(figure.axes[0], "male").get_data()
    assert (x[0], y[0]) == (1.0, 1.0)
    assert look.written(figure, "y-label") == ["Conditional survival"]


def test_unit_of_time(data: pd.DataFrame, look) -> None:
    from childsurv.survival.observed import kaplan_meier

    raw = kaplan_meier(data, by="sex", time="time", event="event", time_unit="months")
    figure = plot.curves(raw)
    assert look.written(figure, "x-label") == ["Months since diagnosis"]
    assert figure.axes[0].get_xlim()[1] == data["time"].max()
    with pytest.raises(
        OptionError,
        match=r"^years= needs follow-up in days; these curves come from a table whose unit of time "
        r"is not known\. Give times= in that unit\.$",
    ):
        plot.curves(raw, years=5)
    with pytest.raises(
        OptionError, match=r"^Give either years= or times= \(in the unit of the curves\), not both\.$"
    ):
        plot.curves(raw, years=5, times=5)


def test_life_tables_are_points_at_the_ends_of_intervals(data: pd.DataFrame, look) -> None:
    table = cs.actuarial(data, by="sex", intervals="yearly", time="time", event="event")
    figure = plot.curves(table, years=5)
    (ax,) = figure.axes
    male = look.line(ax, "male")
    assert male.get_drawstyle() == "default"
    np.testing.assert_allclose(male.get_xdata(), range(6))
    np.testing.assert_allclose(look.line(ax, "_marks of male").get_xdata(), range(1, 6))
    # The numbers under the ticks are those at the start of the interval that begins there.
    first = look.written(figure, "at-risk-name")[0]
    rows = table.table[table.table["sex"] == first]["at_risk"].head(6)
    assert look.written(figure, "at-risk-number")[:6] == [f"{one:,}" for one in rows]
    assert any("ends of intervals" in one.replace("\n", " ") for one in look.written(figure))


def test_stacked_areas_add_up(incidence: cs.Curves, look) -> None:
    figure = plot.curves(incidence, panels="sex", stacked=True, years=8)
    assert [len(look.labelled(ax, "_area of")) for ax in figure.axes] == [2, 2]
    at = incidence.at(years=5).set_index(["sex", "cause"])["estimate"]
    top = look.value_at(look.line(figure.axes[0], "other"), [5])[0]
    assert top == pytest.approx(at["female"].sum(), abs=1e-12)
    assert any("one above the other" in one for one in look.written(figure))
    with pytest.raises(
        OptionError,
        match=r"^stacked=True: areas of several groups hide each other; give panels= the group columns\.$",
    ):
        plot.curves(incidence, stacked=True)


def test_bands_are_two_thin_lines_a_group(by_sex: cs.Curves, look) -> None:
    bands = cs.simultaneous_bands(by_sex, years=(1, 5))
    (ax,) = plot.curves(by_sex, bands=bands).axes
    assert len(look.labelled(ax, "_band of")) == 4
    own = bands[bands["sex"] == "male"]
    np.testing.assert_array_equal(look.labelled(ax, "_band of male")[0].get_ydata(), own["lower"])
    with pytest.raises(
        OptionError, match=r"^bands= takes the table of childsurv\.simultaneous_bands, not a int\.$"
    ):
        plot.curves(by_sex, bands=3)  # type: ignore[arg-type]
    with pytest.raises(
        DataError,
        match=r"^bands=: 385 rows are of groups that the curves do not have; make them of these curves\.$",
    ):
        plot.curves(by_sex, bands=bands.assign(sex="other"))


def test_rates_and_their_bands_are_those_of_the_table(rates, look) -> None:
    figure = plot.curves(rates, note="Simulated data.")
    (ax,) = figure.axes
    table = rates.table
    for sex in ("female", "male"):
        own = table[(table["sex"] == sex) & (table["time"] <= 3652.5)]
        line = look.line(ax, sex)
        np.testing.assert_allclose(line.get_xdata(), own["time"] / 365.25, rtol=1e-12)
        np.testing.assert_allclose(line.get_ydata(), 1000 * own["estimate"], rtol=1e-12)
        assert line.get_drawstyle() == "default"
        (band,) = [one for one in ax.collections if one.get_label() == f"_interval of {sex}"]
        corners = band.get_paths()[0].vertices
        for name in ("lower", "upper"):
            points = np.column_stack([own["time"] / 365.25, 1000 * own[name]])
            assert {tuple(point) for point in points.round(6)} <= {tuple(point) for point in corners.round(6)}
    assert look.written(figure, "y-label") == ["Excess deaths per 1,000 person-years"]
    written = " ".join(look.written(figure))
    assert "Smoothed: Epanechnikov kernel, bandwidth 365 days." in written.replace("\n", " ")
    assert "life table" not in written
    assert not any("%" in one.get_text() for one in ax.get_yticklabels())
    at_risk = table[(table["time"] % 365.25 == 0) & (table["time"] <= 3652.5)]
    drawn = [int(one.replace(",", "")) for one in look.written(figure, "at-risk-number")]
    assert sorted(drawn) == sorted(at_risk["at_risk"].astype(int))
    assert "female" in figure.alt_text


def test_states_begin_where_children_are() -> None:
    cohort = cs.demo.cohort(patients=800, seed=3)
    frame = cohort.data
    relapse = frame["diagnosis_date"] + pd.to_timedelta(frame["time"] // 2, unit="D")
    marked = cohort.with_columns(relapse_date=relapse.where(np.arange(len(frame)) % 3 == 0))
    figure = cs.state_occupation(marked, dates={"relapse_date": "relapse"}).plot(years=5)
    assert "Share of children in the state" in [found.get_text() for found in figure.findobj(Text)]
    lines = [np.asarray(line.get_ydata(), dtype=float) for axes in figure.axes for line in axes.lines]
    starts = sorted(values[0] for values in lines if values.size > 50)
    assert set(starts) == {0.0, 1.0}
    assert starts.count(1.0) == len(starts) // 3


def test_thinning_moves_nothing_that_print_shows() -> None:
    time = np.linspace(0, 10, 3653)
    estimate = 1 - 0.03 * time
    steps = Steps(time, estimate, estimate - 0.02, estimate + 0.01, np.array([]))
    thinned = steps.thinned()
    assert thinned.time.size < time.size / 4
    assert thinned.time[[0, -1]].tolist() == [0, 10]
    # A kept step holds until the next, so what is drawn is off by at most one step of the resolution.
    assert np.abs(thinned.at(times=time) - estimate).max() <= SMALLEST_STEP
    short = Steps(time[:300], estimate[:300], estimate[:300], estimate[:300], np.array([]))
    assert short.thinned() is short
