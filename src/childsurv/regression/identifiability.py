"""Which coefficients the data can tell: constant and collinear covariates, found and named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from childsurv.cohort.follow_up import FloatArray
from childsurv.errors import ModelError

LOST = 1e-11
"""Share of a covariate's information that must be left after those before it, or it is one of their sums."""

NAMED_SHARE = 1e-6
"""Smallest coefficient, in standard deviations, with which a covariate is named as part of such a sum."""


def require_varying(names: Sequence[str], covariates: FloatArray) -> None:
    """Raise a `ModelError` that names the columns of the ``(p, n_rows)`` covariates that never vary."""
    constant = np.flatnonzero(covariates.min(axis=1) == covariates.max(axis=1))
    if constant.size:
        raise ModelError(
            f"Cox model: {_columns([names[place] for place in constant.tolist()])} the same value in all "
            f"{covariates.shape[1]:,} rows, so no hazard ratio can be estimated. Leave "
            f"{'it' if constant.size == 1 else 'them'} out of the formula."
        )


def require_identified(
    names: Sequence[str], information: FloatArray, scale: FloatArray, *, events: float
) -> None:
    """Raise a `ModelError` when covariates are constant within risk sets or sums of one another.

    Parameters
    ----------
    names
        Column names, shape ``(p,)``.
    information
        Information of the covariates, divided by ``scale``, at coefficients of 0.
    scale
        What the covariates were divided by.
    events
        Number of events, to which information is compared.
    """
    size = np.diag(information)
    flat = (scale == 0) | (size <= LOST * events)
    if flat.any():
        named = _columns([names[place] for place in np.flatnonzero(flat).tolist()])
        raise ModelError(
            f"Cox model: {named} one value among all who are at risk together (in every stratum, at every "
            f"Cox model: {named} one value among all who are at risk together (in every stratum, at each "
            "varies only among rows without an event around them, must leave the formula."
        )
    root = np.sqrt(size)
    correlation = information / np.outer(root, root)
    kept: list[int] = []
    sums: list[str] = []
    for column in range(len(names)):
        before = correlation[np.ix_(kept, kept)]
        share = np.linalg.solve(before, correlation[kept, column]) if kept else np.zeros(0)
        left = 1.0 - float(correlation[kept, column] @ share)
        if left > LOST:
            kept.append(column)
            continue
        parts = [
            f"{share[place] * root[column] * scale[column] / (root[other] * scale[other]):.4g} x "
            f"{names[other]!r}"
            for place, other in enumerate(kept)
            if abs(share[place]) > NAMED_SHARE
        ]
        sums.append(f"{names[column]!r} = {' + '.join(parts)}")
    if sums:
        raise ModelError(
            "Cox model: covariates are collinear (up to a constant): "
            + "; ".join(sums)
            + ". Leave one covariate of each such sum out of the formula."
        )


def _columns(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"covariate {shown} has" if len(names) == 1 else f"covariates {shown}{more} have"
