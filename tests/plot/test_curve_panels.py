"""Curves are drawn into new figures and own axes, whatever the user's settings and names."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from childsurv import plot
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError


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


def test_labels_with_dollar_signs_are_not_mathematics(make, look) -> None:
    data = pd.DataFrame({"g": ["$x^2$"] * 9 + ["b$"] * 9, "time": range(400, 4000, 200), "event": [0, 1] * 9})
    figure = plot.curves(make.curves_of(data, "g"))
    assert look.written(figure, "direct-label") == ["$x^2$", "b$"]
    assert b"PNG" in plot.rendered(figure, "png")


def test_other_results_are_refused(data: pd.DataFrame, by_sex: Curves, make) -> None:
    with pytest.raises(
        OptionError,
        match=r"^plot\.curves draws the Curves of an estimator such as childsurv\.kaplan_meier; it "
        r"was given a DataFrame\.$",
    ):
        plot.curves(data)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"^panels= needs groups; estimate the curves with by=\.$"):
        plot.curves(make.curves_of(data), panels="sex")
    ax = Figure().add_subplot()
    with pytest.raises(
        OptionError,
        match=r"^panels= makes a Figure of several Axes; leave out ax=, or draw one panel into it\.$",
    ):
        plot.curves(by_sex, ax=ax, panels="sex")


def test_user_settings_do_not_change_a_picture(by_sex: Curves) -> None:
    plain = plot.rendered(plot.curves(by_sex), "png")
    with mpl.rc_context(
        {"axes.facecolor": "black", "font.size": 30, "lines.linewidth": 9, "savefig.bbox": "tight"}
    ):
        assert plot.rendered(plot.curves(by_sex), "png") == plain
