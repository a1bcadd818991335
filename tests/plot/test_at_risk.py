"""The numbers under the ticks are those of the curves, and a dash where none is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv import plot
from childsurv.curves.curves import Curves


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


def test_panels_of_several_share_rows_even_where_a_group_is_hidden(data: pd.DataFrame, make, look) -> None:
    part = data[~((data["country"] == "Country B") & (data["sex"] == "male"))]
    figure = plot.curves(make.curves_of(part, ["country", "sex"]), panels="country")
    rows = [look.written(ax, "at-risk-number") for ax in figure.axes]
    assert {len(one) for one in rows} == {2 * len(figure.axes[0].get_xticks())}
    assert set(rows[1][len(rows[1]) // 2 :]) == {"–"}


def test_conditional_curves_have_no_numbers_before_they_begin(by_sex: cs.Curves, look) -> None:
    figure = plot.curves(by_sex.conditional(given_years=2), years=5)
    assert look.written(figure, "at-risk-number")[:2] == ["–", "–"]
    assert any("begin at 2 with" in one for one in look.written(figure))


def test_rates_at_chosen_times_have_numbers_at_those_only(rates, cohort: cs.Cohort, look) -> None:
    own = cs.excess_mortality(cohort, cs.demo.life_table(), bandwidth_years=1, years=[1, 2.5, 5])
    figure = plot.curves(own, years=5)
    line = figure.axes[0].get_lines()[0]
    assert line.get_xdata().tolist() == pytest.approx([1, 2.5, 5])
    table = own.table["at_risk"].astype(int).tolist()
    assert look.written(figure, "at-risk-number") == [
        "–", f"{table[0]:,}", "–", "–", "–", f"{table[2]:,}",
    ]  # fmt: skip
