"""Curves of every kind, with a minimum and marks of reliability, say what they are in both languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv import plot
from childsurv.errors import DataError, OptionError


@pytest.fixture(scope="module")
def incidence(data: pd.DataFrame) -> cs.Curves:
    rows = data.assign(cause=data["event"] * (1 + (data["time"] % 3 == 0)))
    return cs.cumulative_incidence(
        rows, cause="cause", time="time", by="sex", causes={1: "cancer", 2: "other"}
    )


def labelled(ax, start: str) -> list:
    return [one for one in [*ax.get_lines(), *ax.collections] if str(one.get_label()).startswith(start)]


def test_incidences_begin_at_0_and_count_people_once(incidence: cs.Curves, look) -> None:
    figure = plot.curves(incidence)
    (ax,) = figure.axes
    x, y = look.line(ax, "female, cancer").get_data()
    assert (x[0], y[0]) == (0.0, 0.0)
    assert look.written(figure, "y-label") == ["Cumulative incidence"]
    assert look.written(figure, "at-risk-name") == ["female", "male"]
    assert look.written(plot.curves(incidence, language="ru"), "y-label") == ["Накопленная частота"]
    assert look.overlapping(look.texts(figure)) == []
    panels = plot.curves(incidence, panels="sex")
    patients = incidence.groups.drop_duplicates("sex").set_index("sex")["patients"]
    assert look.written(panels, "panel-patients") == [f"n = {patients[one]:,}" for one in ("female", "male")]


def test_stacked_areas_add_up(incidence: cs.Curves, look) -> None:
    figure = plot.curves(incidence, panels="sex", stacked=True, years=8)
    assert [len(labelled(ax, "_area of")) for ax in figure.axes] == [2, 2]
    at = incidence.at(years=5).set_index(["sex", "cause"])["estimate"]
    top = look.value_at(look.line(figure.axes[0], "other"), [5])[0]
    assert top == pytest.approx(at["female"].sum(), abs=1e-12)
    assert any("one above the other" in one for one in look.written(figure))
    with pytest.raises(OptionError, match="panels="):
        plot.curves(incidence, stacked=True)


def test_a_hazard_has_its_own_axis(data: pd.DataFrame, look, by_sex) -> None:
    hazard = cs.nelson_aalen(data, by="sex", time="time", event="event")
    figure = plot.curves(hazard)
    assert look.written(figure, "y-label") == ["Cumulative hazard"]
    assert not any("%" in one.get_text() for one in figure.axes[0].get_yticklabels())
    assert look.written(plot.curves(hazard, language="ru"), "y-label") == ["Накопленный риск"]
    assert plot.curves(hazard, ylim=(0, 3)).axes[0].get_ylim()[1] > 3
    with pytest.raises(OptionError, match="stacked=True is for"):
        plot.curves(by_sex, stacked=True)


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


def test_bands_are_two_thin_lines_a_group(by_sex: cs.Curves, by_country: cs.Curves) -> None:
    bands = cs.simultaneous_bands(by_sex, years=(1, 5))
    (ax,) = plot.curves(by_sex, bands=bands).axes
    assert len(labelled(ax, "_band of")) == 4
    own = bands[bands["sex"] == "male"]
    np.testing.assert_array_equal(labelled(ax, "_band of male")[0].get_ydata(), own["lower"])
    with pytest.raises(OptionError, match="simultaneous_bands"):
        plot.curves(by_sex, bands=3)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="groups that the curves do not have"):
        plot.curves(by_sex, bands=bands.assign(sex="other"))


def test_conditional_curves_have_no_numbers_before_they_begin(by_sex: cs.Curves, look) -> None:
    figure = plot.curves(by_sex.conditional(given_years=2), years=5)
    assert look.written(figure, "at-risk-number")[:2] == ["–", "–"]
    assert any("begin at 2 with" in one for one in look.written(figure))


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


def test_groups_below_the_minimum_of_the_curves_are_in_no_picture(data: pd.DataFrame, make, look) -> None:
    curves = make.curves_of(data, ["country", "sex"]).with_minimum(100)
    hidden = int(curves.groups["patients"].isna().sum())
    assert 0 < hidden < 26
    figure = plot.ranking(curves, years=1, minimum=None)
    assert any(f"fewer than 100 patients: {hidden} of 26" in one for one in look.written(figure))
    cells = plot.heatmap(curves, rows="country", columns="sex", years=1, minimum=None)
    assert look.written(cells, "cell").count("–") == hidden
    assert any("Totals: of the cells shown" in one.replace("\n", " ") for one in look.written(cells))


def test_marks_of_reliability(by_country: cs.Curves, data: pd.DataFrame, make, look) -> None:
    rules = {"patients": 10, "standardise": 195, "at_risk": 100}
    figure = plot.curves(by_country, reliability=rules, years=12)
    (ax,) = figure.axes
    tails = labelled(ax, "_unreliable of")
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
    hollow = [one for one in labelled(ranks.axes[0], "_estimate") if one.get_markerfacecolor() == "white"]
    assert len(hollow) == few > 0
    both = make.curves_of(data, ["country", "sex"])
    cells = plot.heatmap(both, rows="country", columns="sex", years=5, reliability=rules, language="ru")
    verdicts = both.reliability(years=5, rules=rules)["reliability"]
    assert sum("‡" in one for one in look.written(cells, "cell")) == (verdicts == "not reliable").sum() > 0
    assert any("Ненадёжно" in one for one in look.written(cells))


def test_a_table_of_verdicts_brings_its_marks(by_country: cs.Curves, look) -> None:
    table = by_country.reliability(years=8, rules={"at_risk": 100})
    figure = plot.ranking(table, by="country")
    assert any("‡ Not reliable." in one for one in look.written(figure))
    with pytest.raises(OptionError, match=r"Curves\.reliability"):
        plot.ranking(table, by="country", reliability="concord-like")
