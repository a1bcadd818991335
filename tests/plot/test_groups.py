"""Groups that are too small are in no picture, and the others have the names they are given."""

from __future__ import annotations

import pandas as pd
import pytest

from childsurv import plot
from childsurv.errors import OptionError


def test_small_groups_are_left_out_and_counted(make, look) -> None:
    groups = ["a"] * 4 + ["b"] * 5 + ["c"] * 30
    data = pd.DataFrame({"g": groups, "time": range(100, 4000, 100), "event": [0, 1, 1] * 13})
    curves = make.curves_of(data, "g")
    figure = plot.curves(curves)
    assert look.written(figure, "direct-label") == ["b", "c"]
    assert "a" not in {one.get_label() for one in figure.axes[0].get_lines()}
    assert any("fewer than 5 patients: 1 of 3" in one for one in look.written(figure))
    assert look.written(plot.curves(curves, minimum=None), "direct-label") == ["a", "b", "c"]
    with pytest.raises(
        OptionError,
        match=r"^No group has at least 50 patients, so nothing can be drawn; merge groups, or lower minimum=\.$",
    ):
        plot.curves(curves, minimum=50)


def test_small_groups_are_left_out_of_context_and_description(make) -> None:
    groups = ["tiny"] * 4 + ["b"] * 20 + ["c"] * 15
    data = pd.DataFrame({"g": groups, "time": range(100, 4000, 100), "event": [0, 1, 1] * 13})
    figure = plot.curves(make.curves_of(data, "g"), panels="g")
    assert len(figure.axes) == 2
    for ax in figure.axes:
        assert sum(one.get_label() == "_context" for one in ax.get_lines()) == 1
    assert "tiny" not in figure.alt_text


def test_groups_below_the_minimum_of_the_curves_are_in_no_picture(data: pd.DataFrame, make, look) -> None:
    curves = make.curves_of(data, ["country", "sex"]).with_minimum(100)
    hidden = int(curves.groups["patients"].isna().sum())
    assert 0 < hidden < 26
    figure = plot.ranking(curves, years=1, minimum=None)
    assert any(f"fewer than 100 patients: {hidden} of 26" in one for one in look.written(figure))
    cells = plot.heatmap(curves, rows="country", columns="sex", years=1, minimum=None)
    assert look.written(cells, "cell").count("–") == hidden
    assert any("Totals: of the cells shown" in one.replace("\n", " ") for one in look.written(cells))


def test_names_may_be_given_for_each_column(data: pd.DataFrame, make, look) -> None:
    curves = make.curves_of(data[data["country"] < "Country C"], ["country", "sex"])
    figure = plot.curves(curves, names={"sex": {"male": "boys"}, "country": {"Country A": "А-ландия"}})
    assert look.written(figure, "at-risk-name") == [
        "А-ландия, female", "А-ландия, boys", "Country B, female", "Country B, boys",
    ]  # fmt: skip
    with pytest.raises(
        OptionError, match=r"^names= gives two groups the same text; every group needs its own\.$"
    ):
        plot.curves(curves, names={"male": "child", "female": "child"})
