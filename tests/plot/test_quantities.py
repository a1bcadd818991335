"""Curves of probabilities of death by cause and of states: their axes, starts and numbers at risk."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import childsurv as cs


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


def test_states_begin_where_children_are() -> None:
    cohort = cs.demo.cohort(patients=800, seed=3)
    frame = cohort.data
    relapse = frame["diagnosis_date"] + pd.to_timedelta(frame["time"] // 2, unit="D")
    marked = cohort.with_columns(relapse_date=relapse.where(np.arange(len(frame)) % 3 == 0))
    figure = cs.state_occupation(marked, dates={"relapse_date": "relapse"}).plot(years=5)
    assert "Share of children in the state" in [found.get_text() for found in figure.findobj(Text)]
    lines = [np.asarray(line.get_ydata(), dtype=float) for axes in figure.axes for line in axes.lines]
    starts = sorted(values[0] for values in lines if values.size > 50)
    assert set(starts) == {0.0, 1.0}
    assert starts.count(1.0) == len(starts) // 3
