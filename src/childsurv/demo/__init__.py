"""Simulated registers of thirteen invented countries, with known truth.

Nothing here is about a real country or a real patient. The countries, their codes, mortality and survival are
invented, and everything made from them is called simulated.
"""

from __future__ import annotations

from childsurv.demo.extracts import Extracts, write_extracts
from childsurv.demo.mortality import life_table, life_table_cells
from childsurv.demo.parameters import countries, period, stage_class
from childsurv.demo.simulate import Register, cohort, model_columns, simulate
from childsurv.demo.truth import Truth

__all__ = [
    "Extracts",
    "Register",
    "Truth",
    "cohort",
    "countries",
    "life_table",
    "life_table_cells",
    "model_columns",
    "period",
    "simulate",
    "stage_class",
    "write_extracts",
]


def __dir__() -> list[str]:
    return sorted(__all__)
