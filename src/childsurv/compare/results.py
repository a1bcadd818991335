"""The result of a test, and the statistic that tests between groups share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.table_notes import noted
from childsurv.maths.frozen import Frozen
from childsurv.maths.probability import chi_squared_p_value

FloatArray = npt.NDArray[np.float64]

SMALLEST_VARIANCE = 1e-10
"""A variance this small, relative to what it is summed from, is rounding: those groups were never compared."""

SMALLEST_PIVOT = 1e-5
"""Scores whose correlation with the others leaves less than this are left to least squares."""


@dataclass(frozen=True, eq=False)
class TestResult(Frozen):
    """Result of a test.

    Attributes
    ----------
    name : str
        What was tested.
    statistic, df, p_value : float, int, float
        The statistic, chi-squared with ``df`` degrees of freedom when there is no difference.
    groups_table : DataFrame
        What `table` copies.
    conventions : Mapping
        Of the cohort: age band and groups, edition of ICCC-3, closing date.
    chi_squared : bool
        Whether the statistic has a chi-squared distribution.
    """

    __test__ = False

    name: str
    statistic: float
    df: int
    p_value: float
    groups_table: pd.DataFrame
    conventions: Mapping[str, str] = field(default_factory=dict)
    chi_squared: bool = True

    @property
    def table(self) -> pd.DataFrame:
        """A fresh DataFrame of what was observed and expected."""
        return noted(self.groups_table.copy(), self.conventions)

    def __repr__(self) -> str:
        p_value = "< 0.0001" if self.p_value < 1e-4 else f"{self.p_value:.3g}"
        if not self.chi_squared:
            return f"<{self.name}: statistic {self.statistic:.4g}, p {p_value}>"
        return f"<{self.name}: chi-squared {self.statistic:.4g} on {self.df} df, p {p_value}>"


def quadratic_form(score: FloatArray, covariance: FloatArray, scale: float) -> tuple[float, int]:
    """Return ``U' V^- U`` and its degrees of freedom, over groups that were ever at risk with others.

    ``scale`` is the size of the terms that the variances were summed from; what is tiny beside it is rounding.
    """
    informative = np.flatnonzero(np.diag(covariance) > SMALLEST_VARIANCE * scale)
    if informative.size < 2:
        return 0.0, 0
    # Scores add to zero, so one group adds nothing to the others.
    kept = informative[:-1]
    own = covariance[np.ix_(kept, kept)]
    size = np.sqrt(np.diag(own))
    try:
        factor = np.linalg.cholesky(own / np.outer(size, size))
    except np.linalg.LinAlgError:
        factor = np.zeros((1, 1))
    if np.diag(factor).min() > SMALLEST_PIVOT:
        return float(score[kept] @ np.linalg.solve(own, score[kept])), kept.size
    # Some scores follow from others: the least squares solution finds how many do not.
    solved = np.linalg.lstsq(covariance[np.ix_(kept, kept)], score[kept], rcond=SMALLEST_VARIANCE)
    return float(score[kept] @ solved[0]), int(solved[2])


def chi_squared(statistic: float, df: int) -> float:
    """Return the p value of a chi-squared statistic, NaN without degrees of freedom."""
    return float(chi_squared_p_value(statistic, df)) if df else float("nan")


def stratified(name: str, strata: list[str]) -> str:
    """Return the name of a test with the columns that it is stratified by."""
    return name + (f", stratified by {', '.join(strata)}" if strata else "")
