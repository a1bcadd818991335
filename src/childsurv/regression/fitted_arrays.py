"""What a fitted Cox model keeps, for the methods of its result to compute from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from childsurv.cohort.follow_up import FloatArray, FollowUp, IntArray
from childsurv.fold.ordered_risk_sets import RiskSets
from childsurv.regression.design_matrix import Design
from childsurv.regression.kernel import Hazards


@dataclass(frozen=True, eq=False, repr=False)
class FittedArrays:
    """What the methods of a `CoxFit` compute from.

    Attributes
    ----------
    sets
        Risk sets.
    covariates
        Covariates of the rows at risk, ``(x - centre of the stratum) / scale``, shape ``(p,
        n_rows_at_risk)``.
    hazards, information
        At the coefficients; the information is that of the scaled covariates.
    model_covariance, covariance
        Of the coefficients in the units of the data, shape ``(p, p)``.
    centre, scale
        Shapes ``(p, n_strata)`` and ``(p,)``.
    follow
        Follow-up of all rows; its groups are the strata.
    linear_predictor
        Of all rows, less its mean, plus the offset.
    cluster
        Code of each row's cluster, or ``None``.
    index
        Index of the data.
    design
        How to build the covariates from new data.
    """

    sets: RiskSets
    covariates: FloatArray
    hazards: Hazards
    information: FloatArray
    model_covariance: FloatArray
    covariance: FloatArray
    centre: FloatArray
    scale: FloatArray
    follow: FollowUp
    linear_predictor: FloatArray
    cluster: IntArray | None
    index: pd.Index
    design: Design
