"""Estimates at one time come from curves, or from a table with its own verdicts."""

from __future__ import annotations

import pytest

import childsurv as cs
from childsurv import plot
from childsurv.errors import OptionError


def test_a_table_of_verdicts_brings_its_marks(by_country: cs.Curves, look) -> None:
    table = by_country.reliability(years=8, rules={"at_risk": 100})
    figure = plot.ranking(table, by="country")
    assert any("‡ Not reliable." in one for one in look.written(figure))
    with pytest.raises(
        OptionError,
        match=r"^plot\.ranking: reliability= judges curves; for a table, give that of "
        r"Curves\.reliability\(\), whose column 'reliability' is drawn\.$",
    ):
        plot.ranking(table, by="country", reliability="concord-like")
