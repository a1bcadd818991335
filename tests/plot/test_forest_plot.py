"""A forest plot shows the ratios of its table, and is clear about what it cannot show."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from childsurv import plot
from childsurv.errors import ColumnError, DataError, OptionError


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "term": [
                "sex[T.male]",
                "age",
                "C(stage)[T.II]",
                "C(stage)[T.III]",
                "C(stage)[T.IV]",
                "a:b",
                "runaway",
            ],
            "coef": np.nan,
            "hazard_ratio": [1.1, 0.98, 1.3, 2.2, 6.1, 1.01, 1e9],
            "std_error": np.nan,
            "p_value": [0.3, 0.2, 0.049, 1e-5, 0.002, 0.7, 0.99],
            "lower": [0.9, 0.95, 1.0, 1.7, 2.2, 0.9, 0],
            "upper": [1.3, 1.01, 1.6, 3, 190, 1.12, np.inf],
            "patients": [1000, 2000, 500, 300, 12, 1000, 3],
        }
    )


def drawn(ax, label: str) -> list[float]:
    return [float(one.get_xdata()[0]) for one in ax.get_lines() if one.get_label() == label]


def test_ratios_intervals_and_texts(look) -> None:
    figure = plot.forest(SimpleNamespace(table=table(), level=0.9))
    (ax,) = figure.axes
    assert ax.get_xscale() == "log"
    assert drawn(ax, "_estimate") == [1.1, 0.98, 1.3, 2.2, 6.1, 1.01]
    intervals = [tuple(one.get_xdata()) for one in ax.get_lines() if one.get_label() == "_interval"]
    assert intervals[:4] == [(0.9, 1.3), (0.95, 1.01), (1.0, 1.6), (1.7, 3.0)]
    assert look.written(figure, "column-head") == ["HR (90% CI)", "p"]
    assert look.written(figure, "row-name") == [
        "sex: male", "age", "stage", "II", "III", "IV", "a:b", "runaway",
    ]  # fmt: skip
    values = look.written(figure, "row-value")
    assert values[:7] == [
        "1.10 (0.90–1.30)", "0.98 (0.95–1.01)", "1.30 (1.00–1.60)", "2.20 (1.70–3.00)", "6.10 (2.20–190)",
        "1.01 (0.90–1.12)", "not estimable",
    ]  # fmt: skip
    assert values[7:] == ["0.30", "0.20", "0.049", "<0.001", "0.002", "0.70"]


def test_intervals_beyond_the_axis_end_in_an_arrow_and_a_note(look) -> None:
    figure = plot.forest(table())
    (ax,) = figure.axes
    assert drawn(ax, "_arrow") == [ax.get_xlim()[1]]
    assert any("Arrows" in one for one in look.written(figure))
    both = plot.forest(table().iloc[:1].assign(lower=0.01, upper=50.0), xlim=(0.5, 2))
    assert drawn(both.axes[0], "_arrow") == [0.5, 2.0]
    inside = plot.forest(table().iloc[:4])
    assert drawn(inside.axes[0], "_arrow") == []
    assert not any("Arrows" in one for one in look.written(inside))


def test_reference_rows_labels_and_headings(look) -> None:
    figure = plot.forest(
        table(),
        reference={"stage": "I", "sex": "female"},
        labels={
            "sex": "Sex",
            "stage": "Toronto stage",
            "female": "Girls",
            "sex[T.male]": "Boys",
            "age": "Age",
        },
        columns={"patients": "n"},
    )
    assert look.written(figure, "row-name") == [
        "Sex", "Girls", "Boys", "Age", "Toronto stage", "I", "II", "III", "IV", "a:b", "runaway",
    ]  # fmt: skip
    assert drawn(figure.axes[0], "_reference") == [1.0, 1.0]
    assert look.written(figure, "column-head") == ["n", "HR (CI)", "p"]
    assert look.written(figure, "row-value").count("1 (reference)") == 2
    own = plot.forest(table().iloc[:3], headings={"Child": ["sex[T.male]", "age"]}, p_values=False)
    assert look.written(own, "row-name") == ["Child", "male", "age", "II"]
    assert look.written(own, "column-head") == ["HR (CI)"]


@pytest.mark.parametrize("rows", [slice(0, 1), slice(0, 2), slice(2, 4), slice(0, 7)])
@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("width", ["column", "page"])
def test_nothing_overlaps_or_is_cut_off(look, rows: slice, language: str, width: str) -> None:
    figure = plot.forest(
        table().iloc[rows],
        language=language,
        width=width,
        level=0.95,
        title="Отношение рисков",
        note="Simulated data.",
    )
    figure.canvas.draw()
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []
    assert len(look.written(figure, "direction")) in (0, 2)
    assert 1.0 in figure.axes[0].get_xticks()


def test_own_axes(look) -> None:
    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    assert plot.forest(table(), ax=ax, title="Own") is ax
    figure.canvas.draw()
    assert look.outside(figure) == []
    assert look.overlapping(look.texts(figure)) == []


def test_wrong_input_is_reported() -> None:
    with pytest.raises(
        ColumnError,
        match=r"^plot\.forest: no column 'hazard_ratio'\. The data have the columns: term, coef, "
        r"std_error, p_value, lower, upper, patients\.$",
    ):
        plot.forest(table().drop(columns="hazard_ratio"))
    with pytest.raises(
        DataError,
        match=r"^plot\.forest: hazard ratios and limits cannot be negative, but are in 7 rows "
        r"\(rows 1, 2, 3, 4, 5, 6, 7\)\. Take the exponential of coefficients first\.$",
    ):
        plot.forest(table().assign(hazard_ratio=-0.5))
    with pytest.raises(
        DataError,
        match=r"^plot\.forest: 'lower' and 'upper' must enclose 'hazard_ratio'; they do not in 1 "
        r"row \(row 1\)\. The limits belong on the scale of the hazard ratio\.$",
    ):
        plot.forest(table().iloc[:2].assign(upper=[1.0, 1.01]))
    with pytest.raises(DataError, match=r"^plot\.forest: 1 row \(row 2\) repeat an earlier term\.$"):
        plot.forest(table().iloc[:2].assign(term="age"))
    with pytest.raises(DataError, match=r"^plot\.forest: the table has no rows\.$"):
        plot.forest(table().iloc[:0])
    with pytest.raises(
        OptionError, match=r"^plot\.forest draws a fit with a table, or a table; it was given a list\.$"
    ):
        plot.forest([1, 2])
    with pytest.raises(
        OptionError,
        match=r"^headings= names 'sexx', but the terms are 'sex\[T\.male\]', 'age', "
        r"'C\(stage\)\[T\.II\]', 'C\(stage\)\[T\.III\]', 'C\(stage\)\[T\.IV\]', 'a:b', "
        r"'runaway'\.$",
    ):
        plot.forest(table(), headings={"Sex": ["sexx"]})
    with pytest.raises(
        OptionError,
        match=r"^labels= names 'ages', but the terms are 'sex\[T\.male\]', 'age', "
        r"'C\(stage\)\[T\.II\]', 'C\(stage\)\[T\.III\]', 'C\(stage\)\[T\.IV\]', 'a:b', "
        r"'runaway'\.$",
    ):
        plot.forest(table(), labels={"ages": "Age"})
    with pytest.raises(OptionError, match=r"^reference= names 'grade', but the headings are 'stage'\.$"):
        plot.forest(table(), reference={"grade": "I"})
    with pytest.raises(
        OptionError,
        match=r"^xlim= must be two positive hazard ratios on either side of 1, such as \(0\.5, 4\)\.$",
    ):
        plot.forest(table(), xlim=(2, 4))
    with pytest.raises(
        ColumnError,
        match=r"^plot\.forest, columns=: no column 'deaths'\. The data have the columns: term, "
        r"coef, hazard_ratio, std_error, p_value, lower, upper, patients\.$",
    ):
        plot.forest(table(), columns=["deaths"])
    with pytest.raises(OptionError, match=r"^level=95 must lie between 0 and 1; write 0\.95 for 95 %\.$"):
        plot.forest(table(), level=95)
