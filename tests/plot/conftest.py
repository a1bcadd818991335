"""Small simulated curves that the tests of pictures share, and what they read off a picture."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

import childsurv as cs
from childsurv.curves.curves import Curves
from childsurv.survival.observed import kaplan_meier

THIRTEEN = [f"Country {letter}" for letter in "ABCDEFGHIJKLM"]
ICCC = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]


def simulated(patients: int = 2600, seed: int = 1) -> pd.DataFrame:
    """Return simulated follow-up in days with a country, a sex and a diagnosis."""
    rng = np.random.default_rng(seed)
    country = rng.integers(0, 13, patients)
    cured = rng.random(patients) < 0.45 + 0.03 * country
    death = np.where(cured, 1e9, rng.exponential(900, patients))
    closing = rng.uniform(1, 6000, patients)
    return pd.DataFrame(
        {
            "country": np.array(THIRTEEN)[country],
            "sex": rng.choice(["female", "male"], patients),
            "iccc_group": np.array(ICCC)[rng.integers(0, 12, patients)],
            "time": np.ceil(np.minimum(death, closing)),
            "event": (death <= closing).astype(int),
        }
    )


def curves_of(data: pd.DataFrame, by: str | list[str] | None = None) -> Curves:
    """Return Kaplan-Meier curves whose time is in days."""
    return kaplan_meier(data, by=by, time="time", event="event")


def texts(picture: Figure | Axes, label: str | None = None) -> list[Text]:
    """Return the visible, non-empty texts of a picture, or those with one label."""
    found = [one for one in picture.findobj(Text) if one.get_visible() and one.get_text().strip()]
    return found if label is None else [one for one in found if one.get_label() == label]


def written(picture: Figure | Axes, label: str | None = None) -> list[str]:
    return [one.get_text() for one in texts(picture, label)]


def boxes(found: list[Text]) -> list[Bbox]:
    """Return the boxes of texts in pixels, as drawn; the arrows of annotations do not count."""
    if found:
        found[0].figure.canvas.draw()
    return [Text.get_window_extent(one) for one in found]


def overlapping(found: list[Text]) -> list[tuple[str, str]]:
    """Return the pairs of texts that share more than a pixel."""
    pairs = []
    for (one, box), (other, other_box) in itertools.combinations(zip(found, boxes(found), strict=True), 2):
        common = Bbox.intersection(box, other_box)
        if common is not None and common.width > 1 and common.height > 1:
            pairs.append((one.get_text(), other.get_text()))
    return pairs


def outside(picture: Figure) -> list[str]:
    """Return the texts that reach beyond the picture by more than a pixel."""
    width, height = picture.get_size_inches() * picture.dpi
    found = texts(picture)
    return [
        one.get_text()
        for one, box in zip(found, boxes(found), strict=True)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]


def value_at(line, times) -> np.ndarray:
    """Return the value of a drawn step function at times."""
    assert line.get_drawstyle() == "steps-post"
    x, y = (np.asarray(values, dtype=float) for values in line.get_data())
    return y[np.searchsorted(x, np.asarray(times, dtype=float), side="right") - 1]


def line(ax: Axes, label: str):
    (found,) = [one for one in ax.get_lines() if one.get_label() == label]
    return found


def labelled(ax: Axes, start: str) -> list:
    """Return the lines and areas whose label begins with a text."""
    return [one for one in [*ax.get_lines(), *ax.collections] if str(one.get_label()).startswith(start)]


@pytest.fixture(scope="session")
def look() -> SimpleNamespace:
    """The functions that read a picture."""
    return SimpleNamespace(
        labelled=labelled,
        texts=texts,
        written=written,
        overlapping=overlapping,
        outside=outside,
        value_at=value_at,
        line=line,
    )


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The functions that make data and curves."""
    return SimpleNamespace(simulated=simulated, curves_of=curves_of)


@pytest.fixture(scope="session")
def data() -> pd.DataFrame:
    return simulated()


@pytest.fixture(scope="session")
def by_sex(data: pd.DataFrame) -> Curves:
    return curves_of(data, "sex")


@pytest.fixture(scope="session")
def by_country(data: pd.DataFrame) -> Curves:
    return curves_of(data, "country")


@pytest.fixture(scope="session")
def incidence(data: pd.DataFrame) -> Curves:
    rows = data.assign(cause=data["event"] * (1 + (data["time"] % 3 == 0)))
    return cs.cumulative_incidence(
        rows, cause="cause", time="time", by="sex", causes={1: "cancer", 2: "other"}
    )


@pytest.fixture(scope="session")
def cohort() -> cs.Cohort:
    return cs.demo.cohort(patients=3000, seed=1)


@pytest.fixture(scope="session")
def rates(cohort: cs.Cohort) -> cs.ExcessMortality:
    return cs.excess_mortality(cohort, cs.demo.life_table(), by="sex", bandwidth_years=1)


@pytest.fixture(autouse=True)
def _settings_untouched():
    """No picture may change the user's settings or leave a figure open in pyplot."""
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []
