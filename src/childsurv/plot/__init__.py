"""Pictures of curves, rankings, hazard ratios, tables and life tables, made for reports and journals.

Every function draws into the ``ax=`` it is given and returns it, or makes and returns a Figure. None calls
``show``, touches pyplot's list of open figures or changes the user's matplotlib settings. Matplotlib itself
loads with the first picture, so that ``import childsurv`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from childsurv.plot.curve_panels import curves
    from childsurv.plot.dots import ranking
    from childsurv.plot.forest_plot import forest
    from childsurv.plot.heat_map import heatmap
    from childsurv.plot.lexis_diagram import lexis
    from childsurv.plot.mortality_rates import life_table
    from childsurv.plot.style import Theme
    from childsurv.plot.writing import rendered, save

__all__ = ["Theme", "curves", "forest", "heatmap", "lexis", "life_table", "ranking", "rendered", "save"]

_PLACES = {
    "Theme": "style",
    "curves": "curve_panels",
    "forest": "forest_plot",
    "heatmap": "heat_map",
    "lexis": "lexis_diagram",
    "life_table": "mortality_rates",
    "ranking": "dots",
    "rendered": "writing",
    "save": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
