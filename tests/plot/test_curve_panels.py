"""Curves show the numbers of their table, in one panel and in many, and nothing overlaps or is cut off."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from childsurv import plot
from childsurv.curves.curves import Curves
from childsurv.errors import ColumnError, OptionError
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.plot.steps import TimeAxis, steps_of

LONG = {
    "I": "Лейкозы, миелопролиферативные и миелодиспластические заболевания",
    "II": "Лимфомы и ретикулоэндотелиальные новообразования",
    "III": "Опухоли ЦНС и прочие внутричерепные и интраспинальные новообразования",
    "IV": "Нейробластома и другие опухоли периферических нервных клеток",
}


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


def test_a_band_is_the_interval_of_the_table(by_sex: Curves) -> None:
    (ax,) = plot.curves(by_sex).axes
    (band,) = [one for one in ax.collections if one.get_label() == "_interval of male"]
    at = by_sex.at(years=5).set_index("sex").loc["male"]
    points = band.get_paths()[0].vertices
    # The outline of a step band holds both limits on either side of each step.
    reached = points[:, 0][points[:, 0] <= 5].max()
    limits = points[points[:, 0] == reached, 1]
    assert np.isclose(limits, at["lower"]).any()
    assert np.isclose(limits, at["upper"]).any()


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


def test_survival_of_all_stays_on_top_and_is_drawn_whole(make, look) -> None:
    data = pd.DataFrame(
        {"g": ["a"] * 9 + ["b"] * 9, "time": range(400, 4000, 200), "event": [0] * 9 + [1] * 9}
    )
    (ax,) = plot.curves(make.curves_of(data, "g")).axes
    assert (look.line(ax, "a").get_ydata() == 1.0).all()
    assert ax.get_ylim()[1] > 1.0


@pytest.mark.parametrize("years", [5, 10])
def test_numbers_at_risk_are_those_of_the_curves(by_country: Curves, look, years: float) -> None:
    figure = plot.curves(by_country, years=years)
    (ax,) = figure.axes
    ticks = ax.get_xticks()
    wanted = by_country.at(years=list(ticks))["at_risk"].to_numpy().reshape(13, ticks.size)
    numbers = look.texts(figure, "at-risk-number")
    shown = np.array([one.get_text().replace(",", "") for one in numbers], dtype=float).reshape(
        13, ticks.size
    )
    np.testing.assert_array_equal(shown, wanted)
    # Each number stands under its tick: the middle of its box, to a pixel.
    middles = (
        np.array([one.get_window_extent() for one in numbers])[:, :, 0].mean(axis=1).reshape(13, ticks.size)
    )
    places = ax.transData.transform(np.column_stack([ticks, np.zeros(ticks.size)]))[:, 0]
    np.testing.assert_allclose(middles, np.broadcast_to(places, middles.shape), atol=1.0)
    assert look.written(figure, "at-risk-name") == [f"Country {letter}" for letter in "ABCDEFGHIJKLM"]


def test_small_groups_are_left_out_and_counted(make, look) -> None:
    groups = ["a"] * 4 + ["b"] * 5 + ["c"] * 30
    data = pd.DataFrame({"g": groups, "time": range(100, 4000, 100), "event": [0, 1, 1] * 13})
    curves = make.curves_of(data, "g")
    figure = plot.curves(curves)
    assert look.written(figure, "direct-label") == ["b", "c"]
    assert "a" not in {one.get_label() for one in figure.axes[0].get_lines()}
    assert any("fewer than 5 patients: 1 of 3" in one for one in look.written(figure))
    assert look.written(plot.curves(curves, minimum=None), "direct-label") == ["a", "b", "c"]
    with pytest.raises(OptionError, match="at least 50 patients"):
        plot.curves(curves, minimum=50)


def test_small_groups_are_left_out_of_context_and_description(make) -> None:
    groups = ["tiny"] * 4 + ["b"] * 20 + ["c"] * 15
    data = pd.DataFrame({"g": groups, "time": range(100, 4000, 100), "event": [0, 1, 1] * 13})
    figure = plot.curves(make.curves_of(data, "g"), panels="g")
    assert len(figure.axes) == 2
    for ax in figure.axes:
        assert sum(one.get_label() == "_context" for one in ax.get_lines()) == 1
    assert "tiny" not in figure.alt_text


PICTURES = {
    "one": {},
    "two": {"by": "sex"},
    "two in a column": {"by": "sex", "width": "column", "title": "A title too long for its column"},
    "thirteen": {"by": "country", "title": "Thirteen"},
    "thirteen in russian": {"by": "country", "language": "ru", "title": "Тринадцать", "width": "landscape"},
    "thirteen panels": {"by": "country", "panels": "country", "years": 5},
    "thirteen panels of two": {"by": ["country", "sex"], "panels": "country"},
    "two panels of twelve": {"by": ["sex", "iccc_group"], "panels": "sex", "labels": "direct", "width": 10},
    "panels in a column": {"by": "sex", "panels": "sex", "width": "column", "labels": "direct"},
    "long names": {"by": "iccc_group", "names": LONG, "language": "ru", "years": 5},
    "panels of long names": {"by": ["sex", "iccc_group"], "panels": "sex", "names": LONG, "language": "ru"},
    "legend": {"by": "iccc_group", "names": LONG, "labels": "legend", "at_risk": False},
    "days": {"by": "sex", "times": 3000, "ylim": (0.4, 1.0), "censoring": True, "reference_line": 0.6},
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_overlaps_or_is_cut_off(data: pd.DataFrame, make, look, name: str) -> None:
    options = dict(PICTURES[name])
    figure = plot.curves(make.curves_of(data, options.pop("by", None)), note="Simulated data.", **options)
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_panels_follow_iccc_and_have_own_numbers(data: pd.DataFrame, make, look) -> None:
    curves = make.curves_of(data, "iccc_group")
    figure = plot.curves(curves, panels="iccc_group", years=5)
    shown = look.written(figure, "panel-name")
    assert shown == ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
    assert len(figure.axes) == 12
    patients = curves.groups.set_index("iccc_group")["patients"]
    assert look.written(figure, "panel-patients") == [f"n = {patients[one]:,}" for one in shown]
    ticks = figure.axes[0].get_xticks()
    at_risk = curves.at(years=list(ticks)).set_index("iccc_group")["at_risk"]
    for ax, group in zip(figure.axes, shown, strict=True):
        assert [float(one.replace(",", "")) for one in look.written(ax, "at-risk-number")] == list(
            at_risk[group]
        )
        assert sum(one.get_label() == "_context" for one in ax.get_lines()) == 11
    assert not any(
        one.get_label() == "_context"
        for ax in plot.curves(curves, panels="iccc_group", context=False).axes
        for one in ax.get_lines()
    )


def test_panels_of_several_share_rows_even_where_a_group_is_hidden(data: pd.DataFrame, make, look) -> None:
    part = data[~((data["country"] == "Country B") & (data["sex"] == "male"))]
    figure = plot.curves(make.curves_of(part, ["country", "sex"]), panels="country")
    rows = [look.written(ax, "at-risk-number") for ax in figure.axes]
    assert {len(one) for one in rows} == {2 * len(figure.axes[0].get_xticks())}
    assert set(rows[1][len(rows[1]) // 2 :]) == {"–"}


def test_own_axes_are_drawn_into_and_returned(by_sex: Curves, look) -> None:
    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    assert plot.curves(by_sex, ax=ax, title="Own") is ax
    figure.canvas.draw()
    assert len(figure.axes) == 1
    # Once the layout has moved the axes, labels, table and title still keep clear of each other.
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_an_axis_that_does_not_start_at_zero_says_so(by_sex: Curves, look) -> None:
    assert not any("axis shows" in one for one in look.written(plot.curves(by_sex)))
    figure = plot.curves(by_sex, ylim=(0.5, 1))
    assert any("axis shows 50% to 100% only" in one for one in look.written(figure))
    assert figure.axes[0].get_ylim()[0] == 0.5


def test_the_reference_line_and_its_text(by_sex: Curves, look) -> None:
    (ax,) = plot.curves(by_sex, reference_line=0.6).axes
    assert set(look.line(ax, "_reference").get_ydata()) == {0.6}
    assert look.written(ax, "reference-label") == ["60%"]
    with pytest.raises(OptionError, match=r"write 0\.6 for 60%"):
        plot.curves(by_sex, reference_line=60)


def test_censoring_marks_stand_at_the_times_of_censoring(by_sex: Curves, look) -> None:
    (ax,) = plot.curves(by_sex, censoring=True, years=5).axes
    table = by_sex.table
    wanted = table[(table["sex"] == "male") & (table["censored"] > 0) & (table["time"] <= 5 * DAYS_PER_YEAR)]
    np.testing.assert_array_equal(
        look.line(ax, "_censored of male").get_xdata(), wanted["time"].to_numpy() / DAYS_PER_YEAR
    )


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
    with pytest.raises(OptionError, match="years= needs follow-up in days"):
        plot.curves(raw, years=5)
    with pytest.raises(OptionError, match="not both"):
        plot.curves(raw, years=5, times=5)


def test_labels_with_dollar_signs_are_not_mathematics(make, look) -> None:
    data = pd.DataFrame({"g": ["$x^2$"] * 9 + ["b$"] * 9, "time": range(400, 4000, 200), "event": [0, 1] * 9})
    figure = plot.curves(make.curves_of(data, "g"))
    assert look.written(figure, "direct-label") == ["$x^2$", "b$"]
    assert b"PNG" in plot.rendered(figure, "png")


def test_names_may_be_given_for_each_column(data: pd.DataFrame, make, look) -> None:
    curves = make.curves_of(data[data["country"] < "Country C"], ["country", "sex"])
    figure = plot.curves(curves, names={"sex": {"male": "boys"}, "country": {"Country A": "А-ландия"}})
    assert look.written(figure, "at-risk-name") == [
        "А-ландия, female", "А-ландия, boys", "Country B, female", "Country B, boys",
    ]  # fmt: skip
    with pytest.raises(OptionError, match="two groups the same text"):
        plot.curves(curves, names={"male": "child", "female": "child"})


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"panels": "contry"}, ColumnError, "contry"),
        ({"labels": "beside"}, OptionError, "'direct'"),
        ({"ncols": 0}, OptionError, "ncols"),
        ({"ylim": (50, 100)}, OptionError, "shares, not per cent"),
        ({"ylim": 1}, OptionError, "two shares"),
        ({"minimum": -1}, OptionError, "minimum"),
        ({"names": "Avaland"}, OptionError, "names="),
        ({"language": "de"}, OptionError, "language"),
        ({"theme": "dark"}, OptionError, "Theme"),
        ({"years": 0}, OptionError, "time axis"),
        ({"years": float("inf")}, OptionError, "time axis"),
        ({"panel_height": 0.1}, OptionError, "panel_height"),
        ({"panels": "sex", "width": "column", "ncols": 9}, None, ""),
    ],
)
def test_wrong_options_are_told(by_sex: Curves, options, error, match) -> None:
    if error is None:
        assert len(plot.curves(by_sex, **options).axes) == 2
        return
    with pytest.raises(error, match=match):
        plot.curves(by_sex, **options)


def test_other_results_are_refused(data: pd.DataFrame, by_sex: Curves, make) -> None:
    with pytest.raises(OptionError, match="a DataFrame"):
        plot.curves(data)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="with by="):
        plot.curves(make.curves_of(data), panels="sex")
    ax = Figure().add_subplot()
    with pytest.raises(OptionError, match="leave out ax="):
        plot.curves(by_sex, ax=ax, panels="sex")


def test_user_settings_do_not_change_a_picture(by_sex: Curves) -> None:
    plain = plot.rendered(plot.curves(by_sex), "png")
    with mpl.rc_context(
        {"axes.facecolor": "black", "font.size": 30, "lines.linewidth": 9, "savefig.bbox": "tight"}
    ):
        assert plot.rendered(plot.curves(by_sex), "png") == plain


def test_steps_of_keeps_the_last_value_to_the_end_of_the_axis(by_sex: Curves) -> None:
    steps = steps_of(by_sex, 0, TimeAxis(end=2.0, unit=DAYS_PER_YEAR), by_sex.limits)
    assert steps.time[-1] == 2.0
    assert steps.estimate[-1] == by_sex.at(years=2)["estimate"].iloc[0]
    assert np.isnan(steps.at(np.array([2.5]))).all()
