"""What a fitted Cox model keeps, for the methods of its result to compute from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from childsurv.cohort.follow_up import FloatArray, FollowUp, IntArray
from childsurv.fold.risk_sets import RiskSets
from childsurv.regression.design_matrix import Design
from childsurv.regression.kernel import Hazards


@dataclass(frozen=True, eq=False, repr=False)
class FittedArrays:
    """What the methods of a `CoxFit` compute from."""

    sets: RiskSets
    """Risk sets."""
    covariates: FloatArray
    """Covariates of the rows at risk, ``(x - centre of the stratum) / scale``; shape ``(p, n_rows_at_risk)``."""
    centre: FloatArray
    """Means of the covariates; shape ``(p, n_strata)``."""
    scale: FloatArray
    """What the centred covariates were divided by; shape ``(p,)``."""
    mean: FloatArray
    """Means of the covariates over all rows; shape ``(p,)``."""
    coef: FloatArray
    """Coefficients in the units of the data; shape ``(p,)``."""
    hazards: Hazards
    """Hazards at the coefficients."""
    information: FloatArray
    """Information of the scaled covariates at the coefficients; shape ``(p, p)``."""
    model_covariance: FloatArray
    """Inverse of the information, in the units of the data; shape ``(p, p)``."""
    covariance: FloatArray
    """Covariance of the coefficients: the sandwich when the fit is robust, the model's otherwise."""
    linear_predictor: FloatArray
    """Of all rows, less its mean, plus the offset."""
    follow: FollowUp
    """Follow-up of all rows; its groups are the strata."""
    cluster: IntArray | None
    """Code of each row's cluster."""
    offset: str | None
    """Column of the offset."""
    columns: Mapping[str, str | None]
    """Names of the columns of time, event, entry, weights and cluster in the data."""
    index: pd.Index
    """Index of the data."""
    design: Design
    """How to build the covariates from new data."""

    @property
    def strata(self) -> list[str]:
        """Columns of the strata."""
        return list(self.follow.groups.columns)
