"""Every quantity has the axis that suits it, and wrong options are reported."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.text import Text

import childsurv as cs
from childsurv import plot
from childsurv.curves.curves import Curves
from childsurv.errors import ColumnError, OptionError


def test_the_reference_line_and_its_text(by_sex: Curves, look) -> None:
    (ax,) = plot.curves(by_sex, reference_line=0.6).axes
    assert set(look.line(ax, "_reference").get_ydata()) == {0.6}
    assert look.written(ax, "reference-label") == ["60%"]
    with pytest.raises(
        OptionError, match=r"^reference_line= must be a share between 0 and 1: write 0\.6 for 60%\.$"
    ):
        plot.curves(by_sex, reference_line=60)


def test_a_hazard_has_its_own_axis(data: pd.DataFrame, look, by_sex) -> None:
    hazard = cs.nelson_aalen(data, by="sex", time="time", event="event")
    figure = plot.curves(hazard)
    assert look.written(figure, "y-label") == ["Cumulative hazard"]
    assert not any("%" in one.get_text() for one in figure.axes[0].get_yticklabels())
    assert look.written(plot.curves(hazard, language="ru"), "y-label") == ["Накопленный риск"]
    assert plot.curves(hazard, ylim=(0, 3)).axes[0].get_ylim()[1] > 3
    with pytest.raises(
        OptionError, match=r"^stacked=True is for the curves of childsurv\.cumulative_incidence\.$"
    ):
        plot.curves(by_sex, stacked=True)


def test_a_negative_rate_is_seen_below_a_line_at_none(cohort: cs.Cohort, look) -> None:
    few = cohort.where("iccc_group == 'V'")
    figure = plot.curves(
        cs.excess_mortality(few, cs.demo.life_table(), by="country", bandwidth_years=1), panels="country"
    )
    ax = figure.axes[0]
    assert ax.get_ylim()[0] < 0
    assert any(one.get_label() == "_none" for one in ax.get_lines())
    assert any("Bands go on beyond the axis." in one.replace("\n", " ") for one in look.written(figure))
    rates = cs.excess_mortality(few, cs.demo.life_table(), bandwidth_years=1)
    assert plot.curves(rates, ylim=(-20, 300)).axes[0].get_ylim()[0] == -20
    with pytest.raises(OptionError, match="ylim="):
        plot.curves(rates, ylim=(300, -20))


@pytest.mark.parametrize(
    ("language", "label"), [("en", "Probability of having died"), ("ru", "Вероятность смерти")]
)
def test_crude_mortality(language: str, label: str) -> None:
    cohort = cs.demo.cohort(patients=800, seed=3)
    figure = cs.crude_mortality(cohort, cs.demo.life_table()).plot(years=5, language=language)
    texts = [found.get_text() for found in figure.findobj(Text)]
    assert label in texts
    # Both causes are of the same children, whose numbers at risk stand there once.
    assert texts.count(f"{len(cohort)}") == 1


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (
            {"panels": "contry"},
            ColumnError,
            r"^panels=: no column 'contry'\. The data have the columns: sex\.$",
        ),
        (
            {"labels": "beside"},
            OptionError,
            r"^labels='beside' is not a choice; use one of 'auto', 'direct', 'legend', 'none'\.$",
        ),
        ({"ncols": 0}, OptionError, r"^ncols= must be a whole number of 1 or more\.$"),
        (
            {"ylim": (50, 100)},
            OptionError,
            r"^ylim= is in shares, not per cent: write \(0\.5, 1\) for 50% to 100%\.$",
        ),
        ({"ylim": 1}, OptionError, r"^ylim= must be two shares, such as \(0\.5, 1\)\.$"),
        (
            {"minimum": -1},
            OptionError,
            r"^minimum= must be a whole number of patients, 0 or more, or None\.$",
        ),
        (
            {"names": "Avaland"},
            OptionError,
            r"^names= must map labels to texts, such as \{'XAA': 'Avaland'\}\.$",
        ),
        ({"language": "de"}, OptionError, r"^language='de' is not a choice; use one of 'en', 'ru'\.$"),
        ({"theme": "dark"}, OptionError, r"^theme= must be a childsurv\.plot\.Theme\.$"),
        (
            {"years": 0},
            OptionError,
            r"^The time axis must end at a finite time after the start of the curves\.$",
        ),
        (
            {"years": float("inf")},
            OptionError,
            r"^The time axis must end at a finite time after the start of the curves\.$",
        ),
        ({"panel_height": 0.1}, OptionError, r"^panel_height= must be between 0\.4 and 30 inches\.$"),
        ({"panels": "sex", "width": "column", "ncols": 9}, None, ""),
    ],
)
def test_wrong_options_are_reported(by_sex: Curves, options, error, match) -> None:
    if error is None:
        assert len(plot.curves(by_sex, **options).axes) == 2
        return
    with pytest.raises(error, match=match):
        plot.curves(by_sex, **options)
