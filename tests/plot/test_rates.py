"""Excess mortality rates as pictures: what is drawn is what the table holds, per 1,000 person-years."""

from __future__ import annotations

import numpy as np
import pytest

import childsurv as cs
from childsurv import plot
from childsurv.errors import OptionError


@pytest.fixture(scope="module")
def cohort() -> cs.Cohort:
    return cs.demo.cohort(patients=3000, seed=1)


@pytest.fixture(scope="module")
def rates(cohort: cs.Cohort):
    return cs.excess_mortality(cohort, cs.demo.life_table(), by="sex", bandwidth_years=1)


def test_lines_and_bands_are_those_of_the_table(rates, look) -> None:
    figure = plot.curves(rates, note="Simulated data.")
    (ax,) = figure.axes
    table = rates.table
    for sex in ("female", "male"):
        own = table[(table["sex"] == sex) & (table["time"] <= 3652.5)]
        line = look.line(ax, sex)
        np.testing.assert_allclose(line.get_xdata(), own["time"] / 365.25, rtol=1e-12)
        np.testing.assert_allclose(line.get_ydata(), 1000 * own["estimate"], rtol=1e-12)
        assert line.get_drawstyle() == "default"
        (band,) = [one for one in ax.collections if one.get_label() == f"_interval of {sex}"]
        corners = band.get_paths()[0].vertices
        for name in ("lower", "upper"):
            points = np.column_stack([own["time"] / 365.25, 1000 * own[name]])
            assert {tuple(point) for point in points.round(6)} <= {tuple(point) for point in corners.round(6)}
    assert look.written(figure, "y-label") == ["Excess deaths per 1,000 person-years"]
    written = " ".join(look.written(figure))
    assert "Smoothed: Epanechnikov kernel, bandwidth 365 days." in written.replace("\n", " ")
    assert "life table" not in written
    assert not any("%" in one.get_text() for one in ax.get_yticklabels())
    at_risk = table[(table["time"] % 365.25 == 0) & (table["time"] <= 3652.5)]
    drawn = [int(one.replace(",", "")) for one in look.written(figure, "at-risk-number")]
    assert sorted(drawn) == sorted(at_risk["at_risk"].astype(int))
    assert "female" in figure.alt_text


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("panels", [None, "country"])
def test_nothing_overlaps_or_is_cut_off(cohort: cs.Cohort, look, language: str, panels) -> None:
    by = ["sex", "country"] if panels else "sex"
    rates = cs.excess_mortality(cohort, cs.demo.life_table(), by=by, bandwidth_years=1)
    figure = plot.curves(rates, panels=panels, language=language, note="Simulated data.")
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


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


def test_rates_at_chosen_times_have_numbers_at_those_only(rates, cohort: cs.Cohort, look) -> None:
    own = cs.excess_mortality(cohort, cs.demo.life_table(), bandwidth_years=1, years=[1, 2.5, 5])
    figure = plot.curves(own, years=5)
    line = figure.axes[0].get_lines()[0]
    assert line.get_xdata().tolist() == pytest.approx([1, 2.5, 5])
    table = own.table["at_risk"].astype(int).tolist()
    assert look.written(figure, "at-risk-number") == [
        "–", f"{table[0]:,}", "–", "–", "–", f"{table[2]:,}",
    ]  # fmt: skip


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
