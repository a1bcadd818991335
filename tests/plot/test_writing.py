"""Files are the same each time, notebooks show a picture once, and pyplot is not needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from childsurv import plot
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_the_same_numbers_make_the_same_bytes(by_sex: Curves, format: str) -> None:
    first = plot.rendered(plot.curves(by_sex, title="Выживаемость"), format)
    assert first == plot.rendered(plot.curves(by_sex, title="Выживаемость"), format)
    assert len(first) > 5000


def test_an_svg_has_no_date_and_carries_its_description(by_sex: Curves) -> None:
    svg = plot.rendered(plot.curves(by_sex, title="By sex")).decode()
    assert "<dc:date>" not in svg
    assert "By sex. Survival, Years since diagnosis: female" in svg
    assert "<text" not in svg
    assert ">female</text>" in plot.rendered(plot.curves(by_sex), selectable_text=True).decode()


def test_save_writes_both_formats(by_sex: Curves, tmp_path: Path) -> None:
    figure = plot.curves(by_sex)
    files = plot.save(figure, tmp_path / "new" / "survival_1.5_years")
    assert [file.name for file in files] == ["survival_1.5_years.svg", "survival_1.5_years.png"]
    assert files[0].read_bytes() == plot.rendered(figure)
    assert [file.name for file in plot.save(figure.axes[0], tmp_path / "one.PDF")] == ["one.pdf"]
    assert [file.name for file in plot.save(figure, tmp_path / "two", formats="png")] == ["two.png"]


def test_wrong_formats_are_reported(by_sex: Curves, tmp_path: Path) -> None:
    figure = plot.curves(by_sex)
    with pytest.raises(
        OptionError, match=r"^formats='gif' is not a choice; use one of 'svg', 'png', 'pdf'\.$"
    ):
        plot.save(figure, tmp_path / "x", formats=["svg", "gif"])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(
        OptionError,
        match=r"^save\(\): the path ends in \.svg but formats= asks for others; give the path without a suffix\.$",
    ):
        plot.save(figure, tmp_path / "x.svg", formats=["png"])
    with pytest.raises(
        OptionError, match=r"^save\(\): formats= is empty; name at least one of 'svg', 'png', 'pdf'\.$"
    ):
        plot.save(figure, tmp_path / "x", formats=[])
    with pytest.raises(OptionError, match=r"^dpi= must be between 30 and 2400 dots per inch\.$"):
        plot.rendered(figure, "png", dpi=0)
    with pytest.raises(
        OptionError,
        match=r"^Expected a matplotlib Figure or Axes, as the functions of childsurv\.plot return\.$",
    ):
        plot.save("figure", tmp_path / "x")  # type: ignore[arg-type]


def test_a_notebook_shows_a_picture_once_without_pyplot(by_sex: Curves) -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    bundle, _ = formatters.DisplayFormatter().format(plot.curves(by_sex))
    assert sorted(bundle) == ["image/png", "text/plain"]
    assert bundle["image/png"][1:4] == b"PNG"


def test_neither_import_nor_drawing_loads_pyplot() -> None:
    code = """
import sys
import childsurv.plot
assert "matplotlib" not in sys.modules, "matplotlib at import"
import numpy as np, pandas as pd
from childsurv.survival.observed import kaplan_meier
data = pd.DataFrame({"time": np.arange(1.0, 41.0), "event": [0, 1] * 20})
figure = childsurv.plot.curves(kaplan_meier(data, time="time", event="event"))
childsurv.plot.rendered(figure, "png")
assert "matplotlib.pyplot" not in sys.modules, "pyplot"
"""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr


def test_unknown_names_are_attribute_errors() -> None:
    assert "curves" in dir(plot)
    with pytest.raises(AttributeError, match=r"^module 'childsurv\.plot' has no attribute 'pie'$"):
        plot.pie  # noqa: B018


def test_a_figure_made_with_matplotlib_alone_can_be_saved(tmp_path):
    figure = Figure()
    figure.add_subplot().plot([0, 1])
    assert [path.suffix for path in plot.save(figure, tmp_path / "own", formats=("svg", "pdf"))] == [
        ".svg",
        ".pdf",
    ]
