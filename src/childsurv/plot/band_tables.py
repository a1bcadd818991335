"""Simultaneous bands, as `childsurv.simultaneous_bands` returns them, to draw beside their curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from childsurv.curves.curves import Curves
from childsurv.errors import DataError, OptionError, asking, require_columns
from childsurv.plot.groups import Selection, numeric_column
from childsurv.plot.lines import Steps, TimeAxis


def band_steps(bands: Any, curves: Curves, chosen: Selection, axis: TimeAxis) -> dict[int, Steps]:
    """Return the bands of the groups drawn by their rows; raise where they belong to other curves."""
    if not isinstance(bands, pd.DataFrame):
        raise OptionError(
            f"bands= takes the table of childsurv.simultaneous_bands, not a {type(bands).__name__}."
        )
    labels = curves.group_columns
    with asking("bands="):
        require_columns(bands.columns, [*labels, "time", "lower", "upper"])
    with asking("bands="):
        time, lower, upper = (
            numeric_column(bands, name) / unit
            for name, unit in (("time", axis.unit), ("lower", 1.0), ("upper", 1.0))
        )
    if labels:
        places = pd.MultiIndex.from_frame(curves.groups[labels]).get_indexer(
            pd.MultiIndex.from_frame(bands[labels])
        )
    else:
        places = np.zeros(len(bands), dtype=np.int64)
    foreign = int((places < 0).sum())
    if foreign:
        raise DataError(
            f"bands=: {foreign:,} rows are of groups that the curves do not have; make them of these curves."
        )
    last = curves.time[curves.starts[1:] - 1] / axis.unit
    made: dict[int, Steps] = {}
    for one in chosen.drawn:
        end = min(float(last[one.row]), axis.end)
        own = (places == one.row) & (time <= end)
        if own.any():
            # The last limits hold to the end of the stretch for which the bands were made, a time of the table.
            made[one.row] = Steps(
                time[own], (lower[own] + upper[own]) / 2, lower[own], upper[own], np.empty(0)
            )
    return made
