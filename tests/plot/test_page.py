"""What stands around a user's own axes fits the size that a layout or the user gives them in the end."""

from __future__ import annotations

import copy
import pickle

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import childsurv as cs
from childsurv import plot
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError

NOTE = "A note that is long enough to be broken into several lines under axes of a usual width. " * 2


def drawn(figure: Figure) -> Figure:
    """Draw twice, as matplotlib does for a file: a layout measures once more what it has moved."""
    figure.canvas.draw()
    figure.canvas.draw()
    return figure


def own(columns: int = 1, **options) -> Figure:
    figure = Figure(**{"figsize": (8, 6), **options})
    FigureCanvasAgg(figure)
    figure.subplots(1, columns)
    return figure


@pytest.mark.parametrize("layout", ["constrained", "tight"])
@pytest.mark.parametrize("columns", [1, 2])
def test_curves_in_any_layout_do_not_overlap(by_country: Curves, look, layout: str, columns: int) -> None:
    figure = own(columns, layout=layout, figsize=(7 * columns, 6))
    for ax in figure.axes:
        plot.curves(by_country, ax=ax, title="Own", note=NOTE)
    drawn(figure)
    assert look.overlapping(look.texts(figure)) == []
    assert look.outside(figure) == []


@pytest.mark.parametrize("layout", ["constrained", "tight"])
def test_every_picture_in_a_layout_is_whole(by_country: Curves, cohort: cs.Cohort, look, layout: str) -> None:
    table = pd.DataFrame({"term": ["a", "b"], "hazard_ratio": [1.1, 2], "lower": [0.9, 1], "upper": [1.3, 4]})
    draw = [
        lambda ax: plot.ranking(by_country, ax=ax, target=0.6, note=NOTE),
        lambda ax: plot.forest(table, ax=ax, note=NOTE),
        lambda ax: plot.lexis(cohort, ax=ax, note=NOTE),
    ]
    for one in draw:
        figure = own(layout=layout)
        one(figure.axes[0])
        drawn(figure)
        assert look.overlapping(look.texts(figure)) == []
        assert look.outside(figure) == []


def test_axes_that_are_resized_without_a_layout_are_fitted_again(by_sex: Curves, look) -> None:
    figure = own(figsize=(9, 6))
    (ax,) = figure.axes
    plot.curves(by_sex, ax=ax, note=NOTE)
    ticks = ax.get_xticks().tolist()
    lines = [one.count("\n") for one in look.written(figure) if one.startswith("A note")]
    figure.set_size_inches(4.5, 5)
    figure.subplots_adjust(left=0.3, right=0.75, bottom=0.45)
    drawn(figure)
    assert len(ax.get_xticks()) < len(ticks) == 11
    narrow = [one.count("\n") for one in look.written(figure) if one.startswith("A note")]
    assert narrow[0] > lines[0]
    assert look.overlapping(look.texts(figure)) == []
    # The numbers at risk are those at the new ticks.
    numbers = [float(one.replace(",", "")) for one in look.written(figure, "at-risk-number")]
    assert numbers == by_sex.at(years=list(ax.get_xticks()))["at_risk"].tolist()


def test_what_the_user_changes_afterwards_stays(by_sex: Curves) -> None:
    figure = own(layout="constrained")
    (ax,) = figure.axes
    plot.curves(by_sex, ax=ax, title="Own")
    ax.set_title("Other", loc="left")
    ax.set_xlabel("Time")
    ax.get_lines()[0].set_color("red")
    drawn(figure)
    assert (ax.get_title(loc="left"), ax.get_xlabel()) == ("Other", "Time")
    assert ax.get_lines()[0].get_color() == "red"


def test_axes_that_are_cleared_stay_clear(by_sex: Curves, look) -> None:
    figure = own(figsize=(9, 6))
    (ax,) = figure.axes
    plot.curves(by_sex, ax=ax, note=NOTE)
    ax.clear()
    figure.set_size_inches(5, 4)
    drawn(figure)
    assert ax.get_lines()[:] == []
    assert look.written(figure, "at-risk-number") == []


def test_a_figure_with_own_axes_can_be_copied_and_pickled(by_sex: Curves) -> None:
    figure = own(layout="constrained")
    plot.curves(by_sex, ax=figure.axes[0])
    wanted = plot.rendered(figure, "png")
    for other in (copy.deepcopy(figure), pickle.loads(pickle.dumps(figure))):
        FigureCanvasAgg(other)
        assert plot.rendered(other, "png") == wanted


def test_what_all_pictures_share_is_checked_by_all(by_country: Curves, cohort: cs.Cohort) -> None:
    draw = [
        lambda **options: plot.curves(by_country, **options),
        lambda **options: plot.ranking(by_country, **options),
        lambda **options: plot.lexis(cohort, **options),
        lambda **options: plot.life_table(cs.demo.life_table(), **options),
    ]
    wrong = [
        ({"language": "de"}, r"^language='de' is not a choice; use one of 'en', 'ru'\.$"),
        ({"theme": "dark"}, r"^theme= must be a childsurv\.plot\.Theme\.$"),
    ]
    for one in draw:
        for options, message in wrong:
            with pytest.raises(OptionError, match=message):
                one(**options)
