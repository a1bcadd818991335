"""Curves are drawn whole, with their intervals and their times of censoring."""

from __future__ import annotations

import numpy as np
import pandas as pd

from childsurv import plot
from childsurv.curves.curves import Curves
from childsurv.maths.calendar import DAYS_PER_YEAR


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


def test_censoring_marks_stand_at_the_times_of_censoring(by_sex: Curves, look) -> None:
    (ax,) = plot.curves(by_sex, censoring=True, years=5).axes
    table = by_sex.table
    wanted = table[(table["sex"] == "male") & (table["censored"] > 0) & (table["time"] <= 5 * DAYS_PER_YEAR)]
    np.testing.assert_array_equal(
        look.line(ax, "_censored of male").get_xdata(), wanted["time"].to_numpy() / DAYS_PER_YEAR
    )


def test_survival_of_all_stays_on_top_and_is_drawn_whole(make, look) -> None:
    data = pd.DataFrame(
        {"g": ["a"] * 9 + ["b"] * 9, "time": range(400, 4000, 200), "event": [0] * 9 + [1] * 9}
    )
    (ax,) = plot.curves(make.curves_of(data, "g")).axes
    assert (look.line(ax, "a").get_ydata() == 1.0).all()
    assert ax.get_ylim()[1] > 1.0
