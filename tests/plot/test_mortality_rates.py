from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, QuadMesh

import childsurv as cs
from childsurv.errors import OptionError
from childsurv.plot.style import luminance


def cells(rates, *, ages=(0, 1, 2), years=(2000, 2001), countries=("XAA",)):
    rows = [
        (country, sex, age, year, rates(age, year))
        for country in countries
        for sex in ("female", "male")
        for age in ages
        for year in years
    ]
    return pd.DataFrame(rows, columns=["country", "sex", "age", "year", "mx"])


@pytest.fixture(scope="module")
def table():
    return cs.LifeTable.from_frame(
        cells(lambda age, year: 0.01 / (1 + age) * (2010 - year)), mx="mx", by="country"
    )


def lines_of(ax):
    return next(one for one in ax.collections if isinstance(one, LineCollection))


def test_lines_hold_the_rates_per_1000_person_years_at_the_middles_of_single_years(table, look):
    figure = table.plot()
    first, second = figure.axes[:2]
    assert (first.get_title("left"), second.get_title("left")) == ("female", "male")
    drawn = lines_of(first).get_segments()
    assert len(drawn) == 2
    # Multiplied and divided by the length of a year.
    assert drawn[0][:, 1].tolist() == pytest.approx([100, 50, 100 / 3], rel=1e-14)
    assert drawn[1][:, 1].tolist() == pytest.approx([90, 45, 30], rel=1e-14)
    assert drawn[0][:, 0].tolist() == [0.5, 1.5, 4.5]  # the open last cell is drawn five years wide
    assert first.get_yscale() == "log"
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_wide_cells_are_steps_from_edge_to_edge():
    wide = cs.LifeTable.from_frame(
        cells(lambda age, year: 0.001 * (1 + age), ages=(0, 1, 5)), mx="mx", by="country"
    )
    segment = lines_of(wide.plot(populations={"sex": "male"}).axes[0]).get_segments()[0]
    assert segment[:, 0].tolist() == [0, 1, 1, 5, 5, 10]
    assert segment[:, 1].tolist() == pytest.approx([1, 1, 2, 2, 6, 6], rel=1e-14)


def test_later_years_are_lighter_and_none_is_lost_on_white(table):
    long = cs.LifeTable.from_frame(
        cells(lambda age, year: 0.01, years=range(1990, 2020)), mx="mx", by="country"
    )
    drawn = lines_of(long.plot(populations={"sex": "male"}).axes[0])
    drawn.update_scalarmappable()
    light = [luminance(colour) for colour in drawn.get_colors()]
    assert (np.diff(light) > 0).all()
    assert light[-1] < 0.75


def test_the_map_has_ages_upwards_and_years_across(table):
    figure = table.plot("heatmap", populations={"sex": "female"})
    mesh = next(one for one in figure.axes[0].collections if isinstance(one, QuadMesh))
    assert np.asarray(mesh.get_array()) == pytest.approx(
        np.array([[100, 90], [50, 45], [100 / 3, 30]]), rel=1e-14
    )
    assert figure.axes[0].get_xlabel() == "Calendar year"
    assert figure.axes[0].get_ylabel() == "Age, years"
    assert figure.axes[1].get_ylabel() == "Deaths per 1,000 person-years"
    assert figure.alt_text.startswith(
        "Deaths per 1,000 person-years of the population by age, 2000 to 2001, 1 panels"
    )


def test_ranges_choose_cells(table):
    long = cs.LifeTable.from_frame(
        cells(lambda age, year: 0.01, ages=range(30), years=range(1990, 2020)), mx="mx", by="country"
    )
    drawn = lines_of(
        long.plot(ages=(5, 10), years=(2000, 2004), populations={"sex": "male"}).axes[0]
    ).get_segments()
    assert len(drawn) == 5
    assert drawn[0][:, 0].tolist() == [5.5, 6.5, 7.5, 8.5, 9.5, 10.5]


def test_zeros_gaps_and_carried_cells_are_reported(look):
    frame = cells(lambda age, year: 0.0 if age == 2 else 0.01, years=(2000, 2001, 2002))
    frame = frame[~((frame["sex"] == "male") & (frame["year"] == 2002))]
    table = cs.LifeTable.from_frame(frame, mx="mx", by="country")
    note = " ".join(look.written(table.plot()))
    assert "Cells without a death, not drawn: 5." in note
    assert "Cells without a rate: 3." in note
    carried = table.extend("trend", until=2004, over=3)
    for kind in ("ages", "heatmap"):
        figure = carried.plot(kind)
        assert "Carried from other years (dashed or hatched): 15 cells." in " ".join(
            look.written(figure)
        ).replace("\n", " ")
    assert list(lines_of(carried.plot().axes[0]).get_linestyles())[-1][1] is not None


def test_open_ends_are_not_drawn(table):
    assert len(lines_of(table.extend("last").plot().axes[0]).get_segments()) == 2


@pytest.mark.parametrize("rule", ["relsurv", "fractional-years"])
def test_ages_of_any_rule_are_years(table, rule):
    looked_up = table.with_look_up(rule)
    assert lines_of(looked_up.plot().axes[0]).get_segments()[0][:, 0].tolist() == pytest.approx(
        [0.5, 1.5, 4.5]
    )


def test_both_languages_and_many_panels(look):
    table = cs.LifeTable.from_frame(
        cells(lambda age, year: 0.01 * (1 + age), countries=[f"X{k:02}" for k in range(5)]),
        mx="mx",
        by="country",
    )
    figure = table.plot(language="ru", title="Смертность", names={"X00": "Авалия"})
    found = look.written(figure)
    assert "Умершие на 1000 человеко-лет" in found
    assert "Авалия, female" in found
    assert found.count("Умершие на 1000 человеко-лет") == 1
    assert len(figure.axes) == 11
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_axes_that_are_given_are_drawn_into(table):
    before = dict(mpl.rcParams)
    figure, ax = plt.subplots()
    assert table.plot(populations={"sex": "male"}, ax=ax, title="T") is ax
    assert ax.get_title("left") == "T"
    assert dict(mpl.rcParams) == before
    with pytest.raises(
        OptionError, match=r"^ax= takes one stratum; the table has 2 here\. Choose one with populations=\.$"
    ):
        table.plot(ax=ax)
    plt.close(figure)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "pie"}, r"^kind='pie' is not a choice; use one of 'ages', 'heatmap'\.$"),
        ({"populations": {"region": "a"}}, r"^populations= names 'region'; the table is by country, sex\.$"),
        ({"populations": {"country": "XZZ"}}, r"^populations=: the table has no country XZZ\.$"),
        ({"ages": (50, 60)}, None),
        ({"years": (1900, 1910)}, r"^plot\.life_table: the table has no cell within ages= and years=\.$"),
    ],
)
def test_faults(table, options, message):
    if message is None:
        # The open last cell holds all higher ages.
        with pytest.raises(
            OptionError, match=r"^plot\.life_table: the table has no cell within ages= and years=\.$"
        ):
            table.plot(**options)
        return
    with pytest.raises(OptionError, match=message):
        table.plot(**options)


def test_nothing_to_draw_and_too_much():
    zero = cs.LifeTable.from_frame(cells(lambda age, year: 0.0), mx="mx", by="country")
    with pytest.raises(
        OptionError,
        match=r"^plot\.life_table: every cell in these ranges is missing or 0, so nothing can be drawn\.$",
    ):
        zero.plot()
    many = cs.LifeTable.from_frame(
        cells(lambda age, year: 0.1, countries=[f"X{k:02}" for k in range(14)]), mx="mx", by="country"
    )
    with pytest.raises(
        OptionError,
        match=r"^plot\.life_table: 28 strata are chosen; 1 to 26 panels can be read\. Choose with populations=\.$",
    ):
        many.plot()
