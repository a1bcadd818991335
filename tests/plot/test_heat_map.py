"""A heat-map holds the values of its curves, hides small cells and reads in grey."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from childsurv import plot
from childsurv.curves.curves import Curves
from childsurv.errors import ColumnError, DataError, OptionError
from childsurv.plot.style import luminance


@pytest.fixture(scope="module")
def both(data: pd.DataFrame, make) -> Curves:
    return make.curves_of(data, ["country", "iccc_group"])


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "country": ["A", "A", "A", "B", "B"],
            "iccc_group": ["IX", "V", "I", "V", "I"],
            "estimate": [0.5, 0.61, 0.9, np.nan, 0.2],
            "patients": [4, 9, 100, 20, 10],
        }
    )


def test_cells_are_the_estimates_of_the_curves(both: Curves, look) -> None:
    figure = plot.heatmap(both, years=5, minimum=None, mark_below=None)
    values = both.at(years=5).pivot(index="country", columns="iccc_group", values="estimate")
    columns = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
    wanted = ["×" if np.isnan(one) else f"{100 * one:.0f}" for one in values[columns].to_numpy().ravel()]
    ax = figure.axes[0]
    assert look.written(ax, "cell") == wanted
    assert look.written(ax, "column-head") == columns
    assert [one.get_text() for one in ax.get_yticklabels()] == list(values.index)
    totals = both.groups.groupby("country")["patients"].sum()
    assert look.written(ax, "row-total") == [f"{number:,}" for number in totals]


def test_small_cells_are_hidden_or_marked(look) -> None:
    figure = plot.heatmap(table())
    ax = figure.axes[0]
    assert look.written(ax, "column-head") == ["I", "V", "IX"]
    assert look.written(ax, "cell") == ["90", "61†", "–", "20", "×", "–"]
    assert [one.get_style() for one in look.texts(ax, "cell")] == ["normal", "italic", *["normal"] * 4]
    assert look.written(ax, "row-total") == ["113", "30"]
    assert look.written(ax, "column-total") == ["110", "29", "–"]
    notes = " ".join(look.written(figure))
    assert "† Fewer than 10 patients" in notes
    assert "– : fewer than 5 patients, or none." in notes
    assert "× : follow-up too short." in notes
    # The value of a hidden cell is nowhere: not in its colour, not in the words.
    assert np.ma.getmaskarray(ax.collections[0].get_array()).tolist() == [
        [False, False, True],
        [False, True, True],
    ]
    assert "50" not in figure.alt_text


def test_the_scale_holds_the_shown_values_only(look) -> None:
    mesh = plot.heatmap(table()).axes[0].collections[0]
    assert mesh.get_clim() == (0.2, 0.9)
    assert plot.heatmap(table(), limits=(0, 1)).axes[0].collections[0].get_clim() == (0.0, 1.0)


def test_text_stands_out_from_its_cell(both: Curves, look) -> None:
    ax = plot.heatmap(both, minimum=None).axes[0]
    mesh = ax.collections[0]
    mesh.update_scalarmappable()
    for one, face in zip(look.texts(ax, "cell"), mesh.get_facecolors(), strict=True):
        if one.get_text() == "×":
            continue
        shades = sorted([luminance(face), luminance(to_rgb(one.get_color()))])
        # WCAG 2 asks 4.5 to 1 of small text; the better of black and white always reaches it.
        assert (shades[1] + 0.05) / (shades[0] + 0.05) >= 4.5


LONG = {
    "I": "Лейкозы, миелопролиферативные и миелодиспластические заболевания",
    "II": "Лимфомы и ретикулоэндотелиальные новообразования",
}


@pytest.mark.parametrize("names", [None, LONG])
@pytest.mark.parametrize("width", ["page", "landscape"])
def test_nothing_overlaps_or_is_cut_off(both: Curves, look, names, width: str) -> None:
    figure = plot.heatmap(
        both, names=names, width=width, language="ru", title="Выживаемость", note="Данные смоделированы."
    )
    figure.canvas.draw()
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_own_axes(both: Curves, look) -> None:
    figure = Figure(figsize=(9, 6), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    assert plot.heatmap(both, ax=ax, title="Own") is ax
    figure.canvas.draw()
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_options(look) -> None:
    figure = plot.heatmap(table(), totals=False, colour_bar=False)
    assert len(figure.axes) == 1
    assert look.written(figure, "row-total") == []
    plain = plot.heatmap(table().drop(columns="patients"), minimum=None, mark_below=None, totals=False)
    assert look.written(plain.axes[0], "cell") == ["90", "61", "50", "20", "×", "–"]
    assert any("– : no patients." in one for one in look.written(plain))


def test_wrong_input_is_reported(both: Curves, by_country: Curves, data: pd.DataFrame, make) -> None:
    with pytest.raises(
        ColumnError, match=r"^plot\.heatmap: no column 'iccc_group'\. The data have the columns: country\.$"
    ):
        plot.heatmap(by_country)
    with pytest.raises(
        OptionError,
        match=r"^plot\.heatmap: the curves are also grouped by 'sex', so that there are several for "
        r"each 'country' and 'iccc_group'; estimate them without it\.$",
    ):
        plot.heatmap(make.curves_of(data, ["country", "iccc_group", "sex"]))
    with pytest.raises(
        ColumnError,
        match=r"^plot\.heatmap: no column 'patients', which minimum=, mark_below= and totals= need; "
        r"add it, or switch each of them off with None or False\.$",
    ):
        plot.heatmap(table().drop(columns="patients"))
    with pytest.raises(
        DataError,
        match=r"^plot\.heatmap: 1 row \(row 5\) repeat the labels of an earlier row in 'country', "
        r"'iccc_group'; keep one row a group, such as those of one time or cause\.$",
    ):
        plot.heatmap(pd.concat([table().iloc[:4], table().iloc[:1]]))
    with pytest.raises(
        OptionError,
        match=r"^No cell has at least 1000 patients and follow-up long enough, so nothing can be "
        r"drawn; merge groups, or lower minimum=\.$",
    ):
        plot.heatmap(table(), minimum=1000)
    with pytest.raises(OptionError, match=r"^rows= and columns= must be two different columns\.$"):
        plot.heatmap(table(), rows="country", columns="country")
    with pytest.raises(
        OptionError, match=r"^limits= is in shares, not per cent: write \(0\.5, 1\) for 50% to 100%\.$"
    ):
        plot.heatmap(table(), limits=(0, 100))
