"""Panels hold their own groups and numbers, and nothing overlaps or is cut off."""

from __future__ import annotations

import pandas as pd
import pytest

import childsurv as cs
from childsurv import plot

LONG = {
    "I": "Лейкозы, миелопролиферативные и миелодиспластические заболевания",
    "II": "Лимфомы и ретикулоэндотелиальные новообразования",
    "III": "Опухоли ЦНС и прочие внутричерепные и интраспинальные новообразования",
    "IV": "Нейробластома и другие опухоли периферических нервных клеток",
}

PICTURES = {
    "one": {},
    "two": {"by": "sex"},
    "two in a column": {"by": "sex", "width": "column", "title": "A title too long for its column"},
    "thirteen": {"by": "country", "title": "Thirteen"},
    "thirteen in russian": {"by": "country", "language": "ru", "title": "Тринадцать", "width": "landscape"},
    "thirteen panels": {"by": "country", "panels": "country", "years": 5},
    "thirteen panels of two": {"by": ["country", "sex"], "panels": "country"},
    "two panels of twelve": {"by": ["sex", "iccc_group"], "panels": "sex", "labels": "direct", "width": 10},
    "panels in a column": {"by": "sex", "panels": "sex", "width": "column", "labels": "direct"},
    "long names": {"by": "iccc_group", "names": LONG, "language": "ru", "years": 5},
    "panels of long names": {"by": ["sex", "iccc_group"], "panels": "sex", "names": LONG, "language": "ru"},
    "legend": {"by": "iccc_group", "names": LONG, "labels": "legend", "at_risk": False},
    "days": {"by": "sex", "times": 3000, "ylim": (0.4, 1.0), "censoring": True, "reference_line": 0.6},
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_overlaps_or_is_cut_off(data: pd.DataFrame, make, look, name: str) -> None:
    options = dict(PICTURES[name])
    figure = plot.curves(make.curves_of(data, options.pop("by", None)), note="Simulated data.", **options)
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("panels", [None, "country"])
def test_rates_do_not_overlap_and_none_is_cut_off(cohort: cs.Cohort, look, language: str, panels) -> None:
    by = ["sex", "country"] if panels else "sex"
    rates = cs.excess_mortality(cohort, cs.demo.life_table(), by=by, bandwidth_years=1)
    figure = plot.curves(rates, panels=panels, language=language, note="Simulated data.")
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_panels_follow_iccc_and_have_own_numbers(data: pd.DataFrame, make, look) -> None:
    curves = make.curves_of(data, "iccc_group")
    figure = plot.curves(curves, panels="iccc_group", years=5)
    shown = look.written(figure, "panel-name")
    assert shown == ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
    assert len(figure.axes) == 12
    patients = curves.groups.set_index("iccc_group")["patients"]
    assert look.written(figure, "panel-patients") == [f"n = {patients[one]:,}" for one in shown]
    ticks = figure.axes[0].get_xticks()
    at_risk = curves.at(years=list(ticks)).set_index("iccc_group")["at_risk"]
    for ax, group in zip(figure.axes, shown, strict=True):
        assert [float(one.replace(",", "")) for one in look.written(ax, "at-risk-number")] == list(
            at_risk[group]
        )
        assert sum(one.get_label() == "_context" for one in ax.get_lines()) == 11
    assert not any(
        one.get_label() == "_context"
        for ax in plot.curves(curves, panels="iccc_group", context=False).axes
        for one in ax.get_lines()
    )


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
