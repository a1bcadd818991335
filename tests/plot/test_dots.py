"""A ranking shows the estimates of the curves in order, marks small groups and hides smaller ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from childsurv import plot
from childsurv.curves.curves import Curves
from childsurv.errors import ColumnError, DataError, OptionError


def estimates(ax) -> list[float]:
    return [float(one.get_xdata()[0]) for one in ax.get_lines() if one.get_label() == "_estimate"]


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "place": ["Perfect", "Short", "Zero", "Mid", "Tiny"],
            "estimate": [1, np.nan, 0, 0.5, 0.9],
            "lower": [1, np.nan, np.nan, 0.3, 0.8],
            "upper": [1, np.nan, np.nan, 0.7, 0.95],
            "patients": [12, 40, 7, 1200, 4],
        }
    )


def test_dots_and_intervals_are_those_of_the_curves(by_country: Curves, look) -> None:
    figure = plot.ranking(by_country, years=5)
    values = by_country.at(years=5).sort_values("estimate", ascending=False, kind="stable")
    (ax,) = figure.axes
    np.testing.assert_array_equal(estimates(ax), values["estimate"])
    drawn = [one.get_xdata() for one in ax.get_lines() if one.get_label() == "_interval"]
    np.testing.assert_array_equal(np.array(drawn), values[["lower", "upper"]])
    assert look.written(figure, "row-name") == list(values["country"])
    patients = by_country.groups.set_index("country")["patients"]
    shown = look.written(figure, "row-value")
    assert shown[13:] == [f"{patients[one]:,}" for one in values["country"]]
    first = values.iloc[0]
    assert (
        shown[0] == f"{100 * first['estimate']:.0f} ({100 * first['lower']:.0f}–{100 * first['upper']:.0f})"
    )


def test_small_are_marked_smaller_hidden_and_short_follow_up_reported(look) -> None:
    figure = plot.ranking(table(), by="place")
    assert look.written(figure, "row-name") == ["Perfect †", "Mid", "Zero †", "Short"]
    assert look.written(figure, "row-value")[:4] == ["100 (–)", "50 (30–70)", "0 (–)", "follow-up too short"]
    faces = [
        one.get_markerfacecolor() for one in figure.axes[0].get_lines() if one.get_label() == "_estimate"
    ]
    assert [face == "white" for face in faces] == [True, False, True]
    notes = " ".join(look.written(figure))
    assert "fewer than 5 patients: 1 of 5" in notes.replace("\n", " ")
    assert "fewer than 30 patients" in notes.replace("\n", " ")
    assert "Tiny" not in figure.alt_text
    without = plot.ranking(table().drop(columns="patients"), by="place", minimum=None, mark_below=None)
    assert len(look.written(without, "row-name")) == 5


@pytest.mark.parametrize(
    ("order", "first"), [("estimate", "Perfect †"), ("name", "Mid"), ("given", "Perfect †")]
)
def test_orders(look, order: str, first: str) -> None:
    assert look.written(plot.ranking(table(), by="place", order=order), "row-name")[0] == first


def test_reference_and_target_lines(data: pd.DataFrame, by_country: Curves, make, look) -> None:
    everyone = make.curves_of(data)
    figure = plot.ranking(by_country, years=3, reference=everyone, target=0.75)
    lines = [
        float(one.get_xdata()[0]) for one in figure.axes[0].get_lines() if one.get_label() == "_reference"
    ]
    assert lines == [everyone.at(years=3)["estimate"].iloc[0], 0.75]
    assert look.written(figure, "line-name") == [f"All {100 * lines[0]:.0f}%", "Target 75%"]
    with pytest.raises(
        OptionError,
        match=r"^reference= must be Curves with one group, such as those estimated without by=\.$",
    ):
        plot.ranking(by_country, reference=by_country)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("width", ["column", "page"])
def test_nothing_overlaps_or_is_cut_off(by_country: Curves, look, language: str, width: str) -> None:
    names = {"Country A": "Страна с довольно длинным названием, и ещё длиннее"}
    figure = plot.ranking(
        by_country,
        names=names,
        language=language,
        width=width,
        reference=0.69,
        target=0.7,
        title="Пятилетняя выживаемость",
    )
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_own_axes(by_country: Curves, look) -> None:
    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    assert plot.ranking(by_country, ax=ax, title="Own", target=0.6) is ax
    figure.canvas.draw()
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_the_axis_says_when_it_does_not_start_at_zero(by_country: Curves, look) -> None:
    figure = plot.ranking(by_country)
    low = figure.axes[0].get_xticks()[0]
    assert low > 0
    assert any(
        f"axis shows {100 * low:.0f}% to 100% only" in one.replace("\n", " ") for one in look.written(figure)
    )
    assert not any("axis shows" in one for one in look.written(plot.ranking(by_country, xlim=(0, 1))))
    with pytest.raises(OptionError, match=r"^xlim= leaves out 13 estimate\(s\) or line\(s\); widen it\.$"):
        plot.ranking(by_country, xlim=(0.9, 1))


def test_highlighted_groups(by_country: Curves) -> None:
    figure = plot.ranking(by_country, highlight=["Country C"], order="given")
    colours = [one.get_color() for one in figure.axes[0].get_lines() if one.get_label() == "_estimate"]
    assert colours.count("#D55E00") == 1
    assert colours.index("#D55E00") == 2
    with pytest.raises(
        OptionError,
        match=r"^highlight= names 1 label\(s\) that no group has; use the labels of the group columns\.$",
    ):
        plot.ranking(by_country, highlight=["Country Z"])


def test_wrong_tables_are_reported(by_country: Curves, by_sex: Curves) -> None:
    with pytest.raises(
        ColumnError,
        match=r"^plot\.ranking: no column 'lower'\. The data have the columns: place, estimate, upper, patients\.$",
    ):
        plot.ranking(table().drop(columns="lower"), by="place")
    with pytest.raises(
        ColumnError,
        match=r"^plot\.ranking: no column 'patients', which minimum=, mark_below= and totals= need; "
        r"add it, or switch each of them off with None or False\.$",
    ):
        plot.ranking(table().drop(columns="patients"), by="place")
    with pytest.raises(ColumnError, match=r"^plot\.ranking: column 'estimate' must hold numbers\.$"):
        plot.ranking(table().assign(estimate="high"), by="place")
    with pytest.raises(
        DataError,
        match=r"^plot\.ranking: 'estimate' must hold shares between 0 and 1 \(net survival may be a "
        r"little more\), not per cent; it does not in 1 row \(row 4\)\.$",
    ):
        plot.ranking(table().assign(estimate=[1, np.nan, 0, 50, 0.9]), by="place")
    with pytest.raises(
        DataError,
        match=r"^plot\.ranking: 'lower' and 'upper' must enclose 'estimate'; they do not in 1 row \(row 4\)\.$",
    ):
        plot.ranking(table().assign(lower=[1, np.nan, np.nan, 0.6, 0.8]), by="place")
    with pytest.raises(
        DataError,
        match=r"^plot\.ranking: 1 row \(row 5\) repeat the labels of an earlier row in 'place'; "
        r"keep one row a group, such as those of one time or cause\.$",
    ):
        plot.ranking(table().assign(place=["a", "b", "c", "d", "a"]), by="place")
    with pytest.raises(OptionError, match=r"^plot\.ranking: name the column of the groups in by=\.$"):
        plot.ranking(table())
    with pytest.raises(
        OptionError,
        match=r"^plot\.ranking: years= and times= read curves; a table holds its estimates "
        r"already\. Keep the rows of one time, and leave years= out\.$",
    ):
        plot.ranking(table(), by="place", years=5)
    with pytest.raises(OptionError, match=r"^plot\.ranking draws Curves or a table; it was given a list\.$"):
        plot.ranking([1], by="place")  # type: ignore[arg-type]
    with pytest.raises(
        OptionError, match=r"^plot\.ranking shows one time; give a single number of years= or times=\.$"
    ):
        plot.ranking(by_country, years=[1, 5])  # type: ignore[arg-type]
    with pytest.raises(
        ColumnError, match=r"^plot\.ranking: no column 'country'\. The data have the columns: sex\.$"
    ):
        plot.ranking(by_sex, by="country")
