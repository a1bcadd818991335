"""Notes name what a reader must know: cut axes, hidden numbers, what is not reliable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv import plot
from childsurv.curves.curves import Curves


def test_an_axis_that_does_not_start_at_zero_says_so(by_sex: Curves, look) -> None:
    assert not any("axis shows" in one for one in look.written(plot.curves(by_sex)))
    figure = plot.curves(by_sex, ylim=(0.5, 1))
    assert any("axis shows 50% to 100% only" in one for one in look.written(figure))
    assert figure.axes[0].get_ylim()[0] == 0.5


@pytest.mark.parametrize(("language", "words"), [("en", "end where fewer than 60"), ("ru", "меньше 60")])
def test_the_minimum_of_the_curves_holds_in_every_picture(
    by_country: cs.Curves, look, language: str, words: str
) -> None:
    curves = by_country.with_minimum(60)
    figure = plot.curves(curves, minimum=None, years=15, language=language)
    numbers = look.written(figure, "at-risk-number")
    assert "<60" in numbers
    assert all(one == "<60" or int(one) >= 60 for one in numbers)
    assert any(words in one.replace("\n", " ") for one in look.written(figure))
    ranks = plot.ranking(curves, years=12, minimum=None, language=language)
    why = {"en": "fewer than 60 at risk", "ru": "под наблюдением меньше 60"}[language]
    assert any(why in one for one in look.written(ranks))


def test_a_minimum_ends_lines_and_hides_numbers(cohort: cs.Cohort, look) -> None:
    life_table = cs.demo.life_table()
    whole = cs.excess_mortality(cohort, life_table, by="country", bandwidth_years=1).table
    rates = cs.excess_mortality(cohort, life_table, by="country", bandwidth_years=1, minimum=60)
    table = rates.table
    hidden = table["estimate"].isna() & whole["estimate"].notna()
    assert hidden.any()
    assert (whole.loc[hidden, "at_risk"] < 60).all()
    assert table.loc[hidden, ["at_risk", "lower", "upper"]].isna().all(axis=None)
    assert (table.loc[table["estimate"].notna(), "at_risk"] >= 60).all()
    kept = table["estimate"].notna()
    np.testing.assert_array_equal(table.loc[kept, "estimate"], whole.loc[kept, "estimate"])
    small = rates.groups["patients"].isna()
    assert small.any()
    assert rates.groups.loc[small, "total_events"].isna().all()
    figure = plot.curves(rates, minimum=None, panels="country")
    assert len(figure.axes) == (~small).sum()
    assert "<60" in look.written(figure, "at-risk-number")
    assert rates.conventions["minimum"] == 60


def test_marks_of_reliability(by_country: cs.Curves, data: pd.DataFrame, make, look) -> None:
    rules = {"patients": 10, "standardise": 195, "at_risk": 100}
    figure = plot.curves(by_country, reliability=rules, years=12)
    (ax,) = figure.axes
    tails = look.labelled(ax, "_unreliable of")
    assert len(tails) == 13
    judged = by_country.reliability(years=8, rules=rules).set_index("country")
    first = tails[0].get_xdata()[0]
    assert (judged["reliability"].iloc[0] == "not reliable") == (first < 8)
    marked = int((by_country.groups["patients"] < 195).sum())
    assert sum("§" in one for one in look.written(figure, "direct-label")) == marked > 0
    said = " ".join(look.written(figure)).replace("\n", " ")
    assert "not reliable, fewer than 100 at risk" in said
    ranks = plot.ranking(by_country, years=8, reliability=rules, mark_below=None)
    few = int((judged["reliability"] == "not reliable").sum())
    hollow = [
        one for one in look.labelled(ranks.axes[0], "_estimate") if one.get_markerfacecolor() == "white"
    ]
    assert len(hollow) == few > 0
    both = make.curves_of(data, ["country", "sex"])
    cells = plot.heatmap(both, rows="country", columns="sex", years=5, reliability=rules, language="ru")
    verdicts = both.reliability(years=5, rules=rules)["reliability"]
    assert sum("‡" in one for one in look.written(cells, "cell")) == (verdicts == "not reliable").sum() > 0
    assert any("Ненадёжно" in one for one in look.written(cells))
