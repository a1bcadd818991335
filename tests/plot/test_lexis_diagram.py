"""A Lexis picture holds the person-years of the cohort, cell by cell, and hides cells of few children."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import childsurv as cs
from childsurv import plot
from childsurv.errors import OptionError
from childsurv.plot.lexis_diagram import lexis_cells


@pytest.fixture(scope="module")
def cohort() -> cs.Cohort:
    return cs.demo.cohort(patients=1200, seed=4)


@pytest.fixture(scope="module")
def period(cohort: cs.Cohort) -> cs.Cohort:
    return cs.period_approach(cohort, followed=("2014-01-01", "2016-12-31"))


def test_cells_add_up_to_the_days_of_follow_up(cohort: cs.Cohort) -> None:
    cells = lexis_cells(cohort, years=30)
    data = cohort.data
    entry, time = data["entry"].to_numpy(), data["time"].to_numpy()
    # Day by day: the k-th day of follow-up is the date of diagnosis plus k.
    day = np.concatenate([np.arange(low + 1, high + 1) for low, high in zip(entry, time, strict=True)])
    date = np.repeat(data["diagnosis_date"].to_numpy("datetime64[D]"), np.maximum(time - entry, 0)) + day
    in_year = pd.Series(date.astype("datetime64[Y]").astype(int) + 1970).value_counts().sort_index()
    ours = pd.Series(cells.person_years).groupby(cells.year).sum() * 365.25
    np.testing.assert_allclose(ours, in_year, rtol=1e-9)
    for since in (0, 4, 9):
        part = np.minimum(time, (since + 1) * 365.25) - np.maximum(entry, since * 365.25)
        own = cells.person_years[cells.since == since].sum()
        assert own == pytest.approx(part.clip(min=0).sum() / 365.25, rel=1e-12)


def test_a_period_lies_in_its_years(period: cs.Cohort) -> None:
    assert set(lexis_cells(period, years=10).year) == {2014, 2015, 2016}


def test_panels_share_axes_and_name_the_approach(cohort: cs.Cohort, period: cs.Cohort, look) -> None:
    figure = plot.lexis({"all": cohort, "period": period}, title="Simulated")
    assert len(figure.axes) == 3
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    heads = [one.replace("\n", " ") for one in look.written(figure, "panel-name")]
    assert heads[1] == "period: followed 2014-01-01 to 2016-12-31"
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []
    russian = plot.lexis(cohort, language="ru")
    assert "Человеко-годы" in look.written(russian)


def test_the_end_of_a_cohort_leaves_no_row_of_a_day(cohort: cs.Cohort) -> None:
    chosen = cs.cohort_approach(cohort, diagnosed=("2005-01-01", "2009-12-31"), years=5)
    assert 5 in lexis_cells(chosen, years=10).since
    cells = [
        one for one in plot.lexis(chosen, minimum=None).axes[0].collections if one.get_label() == "_cells"
    ]
    assert max(path.vertices[:, 1].max() for path in cells[0].get_paths()) == 5


def test_small_cells_are_hatched_and_not_shaded(period: cs.Cohort, look) -> None:
    cells = lexis_cells(period, years=10)
    seen = cells.person_years * 365.25 > 2 * cells.children
    least = int(np.median(cells.children))
    figure = plot.lexis(period, minimum=least)
    drawn = {one.get_label(): one for one in figure.axes[0].collections}
    assert len(drawn["_small"].get_paths()) == (seen & (cells.children < least)).sum() > 0
    assert len(drawn["_cells"].get_paths()) == (seen & (cells.children >= least)).sum() > 0
    assert drawn["_small"].get_array() is None
    assert any(f"fewer than {least} patients" in one for one in look.written(figure))
    assert "_small" not in {one.get_label() for one in plot.lexis(period, minimum=None).axes[0].collections}


def test_lines_are_children_and_have_to_be_allowed(period: cs.Cohort) -> None:
    with pytest.raises(
        OptionError, match=r"^lines=True draws single children; say minimum=None to allow it\.$"
    ):
        plot.lexis(period, lines=True)
    (lines,) = [
        one
        for one in plot.lexis(period, lines=True, minimum=None, years=30).axes[0].collections
        if one.get_label() == "_lines"
    ]
    assert len(lines.get_segments()) == (period.data["time"] > period.data["entry"]).sum()


def test_own_axes_and_wrong_options(cohort: cs.Cohort) -> None:
    ax = Figure().add_subplot()
    assert plot.lexis(cohort, ax=ax) is ax
    with pytest.raises(OptionError, match=r"^ax= takes one cohort; leave it out for several\.$"):
        plot.lexis({"a": cohort, "b": cohort}, ax=ax)
    for wrong in (0, 2.5, True):
        with pytest.raises(
            OptionError, match=r"^years= takes a whole number of years since diagnosis, from 1 to 60\.$"
        ):
            plot.lexis(cohort, years=wrong)
    with pytest.raises(
        OptionError, match=r"^plot\.lexis draws a Cohort, or a mapping from names to Cohorts\.$"
    ):
        plot.lexis(cohort.data)
