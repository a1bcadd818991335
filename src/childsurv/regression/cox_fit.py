"""CoxFit: the result of a Cox regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.follow_up import Data, FloatArray, IntArray, frame_of
from childsurv.compare.results import TestResult
from childsurv.errors import asking, require_choice
from childsurv.maths.asked import asked_times, keyword_only_times
from childsurv.maths.frozen import Frozen
from childsurv.maths.probability import chi_squared_p_value, normal_p_value, normal_quantile
from childsurv.regression.diagnostics import (
    Concordance,
    Transform,
    concordance,
    deviance_residuals,
    martingale_residuals,
    proportional_hazards_test,
    schoenfeld_residuals,
    score_residuals,
)
from childsurv.regression.fitted_arrays import FittedArrays
from childsurv.regression.prediction import Profiles, cumulative_hazards, predict_survival

RESIDUALS = ("martingale", "deviance", "score", "schoenfeld", "scaled-schoenfeld", "dfbeta")


@dataclass(frozen=True, eq=False, repr=False)
class CoxFit(Frozen):
    """A fitted Cox model.

    Attributes
    ----------
    terms
        Names of the coefficients, as formulaic gives them: ``sex[T.male]`` is male against the first
        category, ``a:b`` an interaction.
    coef
        Log hazard ratios, shape ``(p,)``.
    std_error, model_std_error
        Standard errors; the first is the robust one when the fit is robust, the second always that of the
        model.
    log_likelihood, log_likelihood_null
        Log partial likelihood at the coefficients and at zero.
    score_statistic, robust_score_statistic
        Score tests at zero; the robust one is ``None`` unless the fit is robust.
    n, events
        Rows and events.
    robust
        Whether `covariance` is the sandwich of Lin and Wei.
    ties, level, strata, offset
        As given to `cox`.
    iterations
        Newton steps taken.
    """

    terms: tuple[str, ...]
    coef: FloatArray
    std_error: FloatArray
    model_std_error: FloatArray
    log_likelihood: float
    log_likelihood_null: float
    score_statistic: float
    robust_score_statistic: float | None
    n: int
    events: int
    robust: bool
    ties: str
    level: float
    strata: tuple[str, ...]
    offset: str | None
    iterations: int
    convention_items: tuple[tuple[str, Any], ...]
    arrays: FittedArrays

    def __post_init__(self) -> None:
        for values in (self.coef, self.std_error, self.model_std_error):
            values.flags.writeable = False

    @property
    def conventions(self) -> dict[str, Any]:
        """Every convention that the numbers depend on."""
        return dict(self.convention_items)

    @property
    def table(self) -> pd.DataFrame:
        """Coefficients, one row a term, as a fresh DataFrame.

        Columns ``term, coef, hazard_ratio, std_error, z, p_value, lower, upper``; the limits are on the scale
        of the hazard ratio, and ``model_std_error`` follows ``std_error`` when the fit is robust.
        """
        z = self.coef / self.std_error
        half = normal_quantile(self.level) * self.std_error
        with np.errstate(over="ignore"):
            columns: dict[str, Any] = {
                "term": list(self.terms),
                "coef": self.coef,
                "hazard_ratio": np.exp(self.coef),
                "std_error": self.std_error,
                "model_std_error": self.model_std_error,
                "z": z,
                "p_value": normal_p_value(z),
                "lower": np.exp(self.coef - half),
                "upper": np.exp(self.coef + half),
            }
        if not self.robust:
            del columns["model_std_error"]
        return pd.DataFrame(columns)

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance matrix of the coefficients, robust when the fit is."""
        return self._square(self.arrays.covariance)

    @property
    def model_covariance(self) -> pd.DataFrame:
        """Inverse of the information, also when the fit is robust."""
        return self._square(self.arrays.model_covariance)

    @property
    def linear_predictor(self) -> pd.Series:
        """Log hazard of each row relative to the mean covariates: ``(x - mean) coef + offset``."""
        return pd.Series(self.arrays.linear_predictor.copy(), self.arrays.index, name="linear_predictor")

    def test(self) -> pd.DataFrame:
        """Test that all coefficients are zero.

        Returns
        -------
        DataFrame
            Rows "likelihood ratio", "Wald" and "score" (and "robust score" when the fit is robust; the Wald
            test then uses the robust covariance), columns ``test, statistic, df, p_value``.
        """
        wald = float(self.coef @ np.linalg.solve(self.arrays.covariance, self.coef))
        rows = [
            ("likelihood ratio", 2 * (self.log_likelihood - self.log_likelihood_null)),
            ("Wald", wald),
            ("score", self.score_statistic),
        ]
        if self.robust_score_statistic is not None:
            rows.append(("robust score", self.robust_score_statistic))
        table = pd.DataFrame(rows, columns=["test", "statistic"])
        table["df"] = self.coef.size
        table["p_value"] = chi_squared_p_value(np.maximum(table["statistic"].to_numpy(), 0.0), self.coef.size)
        return table

    @asking("CoxFit.proportional_hazards_test")
    def proportional_hazards_test(self, transform: Transform = "km") -> TestResult:
        """Test whether hazards are proportional: whether no coefficient changes with a function of time.

        Parameters
        ----------
        transform
            Function g of time: "km" (1 - Kaplan-Meier of all rows just before the time), "rank", "identity",
            "log", or a function that takes and returns an array.

        Returns
        -------
        TestResult
            Its ``.table`` has columns ``term, statistic, df, p_value``, one row a model term (a category with
            three levels is one term with 2 df) and a last one GLOBAL. It rests on the model's information,
            also when the fit is robust.

        References
        ----------
        Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on weighted residuals.
        Biometrika 1994; 81:515-26. doi:10.1093/biomet/81.3.515

        Examples
        --------
        >>> import childsurv as cs
        >>> fit = cs.cox(cs.demo.cohort(patients=2000, seed=1), ["sex", "age_years"])
        >>> fit.proportional_hazards_test().table["term"].tolist()
        ['sex', 'age_years', 'GLOBAL']
        """
        return proportional_hazards_test(self.arrays, transform)

    def residuals(self, kind: str = "martingale") -> Any:
        """Residuals of the fit; case weights do not multiply them, except in "dfbeta".

        Parameters
        ----------
        kind
            "martingale", "deviance": a Series, one value a row of the data. "score", "dfbeta" (change of the
            coefficients when a row is left out, approximately): a DataFrame, one row a row of the data and
            one column a coefficient. "schoenfeld", "scaled-schoenfeld": a DataFrame, one row an event,
            ordered by stratum and time, columns ``time`` and the coefficients; the scaled ones are ``coef +
            events x residual x covariance of the model``, an estimate of the coefficient at that time.

        Returns
        -------
        Series or DataFrame
            With the index of the data.

        References
        ----------
        Therneau TM, Grambsch PM, Fleming TR. Martingale-based residuals for survival models. Biometrika 1990;
        77:147-60. doi:10.1093/biomet/77.1.147

        Examples
        --------
        >>> import childsurv as cs
        >>> fit = cs.cox(cs.demo.cohort(patients=2000, seed=1), ["sex"])
        >>> bool(abs(fit.residuals("martingale").sum()) < 1e-6)
        True
        """
        require_choice(kind, RESIDUALS, argument="kind")
        arrays = self.arrays
        sets, now = arrays.sets, arrays.hazards
        event = arrays.follow.event == 1
        if kind in {"martingale", "deviance"}:
            values = martingale_residuals(sets, now, event)
            if kind == "deviance":
                values = deviance_residuals(values, event)
            return pd.Series(values, arrays.index, name=kind)
        if kind in {"score", "dfbeta"}:
            scores = score_residuals(sets, arrays.covariates, now) * arrays.scale[:, None]
            if kind == "dfbeta":
                scores = arrays.model_covariance @ (scores * sets.weights)
            whole = np.zeros((self.n, self.coef.size))
            whole[sets.rows] = scores.T
            return pd.DataFrame(whole, arrays.index, columns=list(self.terms))
        residual = schoenfeld_residuals(sets, arrays.covariates, now).T * arrays.scale
        if kind == "scaled-schoenfeld":
            residual = self.coef + sets.dead.size * residual @ arrays.model_covariance
        table = pd.DataFrame(residual, arrays.index[sets.rows[sets.dead]], columns=list(self.terms))
        table.insert(0, "time", sets.time[sets.dead_cell])
        return table

    def baseline_hazard(self) -> pd.DataFrame:
        """Cumulative hazard when all covariates and the offset are 0 (categories at their first).

        Returns
        -------
        DataFrame
            Columns of the strata, ``time, cumulative_hazard, std_error``: one row an event time of each
            stratum.

        Examples
        --------
        >>> import childsurv as cs
        >>> fit = cs.cox(cs.demo.cohort(patients=2000, seed=1), ["sex"])
        >>> fit.baseline_hazard().columns.tolist()
        ['time', 'cumulative_hazard', 'std_error']
        """
        sets = self.arrays.sets
        stratum = sets.cell_stratum
        nothing = np.zeros((sets.n_cells, self.coef.size))
        profiles = Profiles(nothing, np.zeros(sets.n_cells), stratum, np.arange(sets.n_cells))
        hazard, error = cumulative_hazards(self.arrays, profiles)
        table = self._stratum_columns(sets.stratum_code[stratum])
        return table.assign(time=sets.time, cumulative_hazard=hazard, std_error=error)

    @asking("CoxFit.predict_survival")
    def predict_survival(
        self,
        newdata: Data,
        *positional: Any,
        years: npt.ArrayLike | None = None,
        times: npt.ArrayLike | None = None,
        level: float | None = None,
        ci: str = "log",
    ) -> pd.DataFrame:
        """Predict survival of rows of covariates: ``S(t) = exp(-exp(x coef + offset) H(t))``.

        Parameters
        ----------
        newdata
            The columns that the formula, the strata and the offset use; one row a profile.
        years, times
            When: years (of a cohort, whose times are days), or times in the unit of the data. By default
            every event time of the row's stratum.
        *positional
            Refused: times are given by name.
        level
            Confidence level; that of the fit by default.
        ci
            Kind of the limits: "log", "log-log", "plain", "logit" or "arcsin", as for `kaplan_meier`.

        Returns
        -------
        DataFrame
            ``profile`` (row of ``newdata``, from 1), the columns used, ``time, estimate, std_error, lower,
            upper``; all four are missing past the last follow-up of the stratum.

        Raises
        ------
        OptionError
            Times given by position.
        DataError
            Missing covariates, or categories and strata that the fitted data did not have.

        References
        ----------
        Tsiatis AA. A large sample study of Cox's regression model. Ann Stat 1981; 9:93-108.
        doi:10.1214/aos/1176345335

        Examples
        --------
        >>> import childsurv as cs
        >>> import pandas as pd
        >>> fit = cs.cox(cs.demo.cohort(patients=2000, seed=1), ["sex"])
        >>> fit.predict_survival(pd.DataFrame({"sex": ["female", "male"]}), years=[1, 5]).shape
        (4, 7)
        """
        follow = self.arrays.follow
        keyword_only_times(positional, meant="years", in_days=follow.in_days, unit=follow.time_unit)
        requested = None
        if years is not None or times is not None:
            requested = asked_times(times, years, in_days=follow.in_days, unit=follow.time_unit)
        return predict_survival(
            self.arrays,
            frame_of(newdata),
            requested,
            level=self.level if level is None else level,
            ci=ci,
        )

    def concordance(self) -> Concordance:
        """Concordance of predicted hazard and survival, as a named tuple ``(value, std_error)``.

        The share of pairs, comparable and of one stratum, in which the higher linear predictor had the event
        first; ties of the linear predictor count one half. The standard error is the infinitesimal jackknife
        (by cluster when there are clusters).

        Examples
        --------
        >>> import childsurv as cs
        >>> fit = cs.cox(cs.demo.cohort(patients=2000, seed=1), ["sex", "age_years"])
        >>> 0.4 < fit.concordance().value < 1
        True
        """
        return concordance(self.arrays.linear_predictor, self.arrays.follow, self.arrays.cluster)

    def plot(self, **options: Any) -> Any:
        """Draw hazard ratios with their intervals; options are those of `childsurv.plot.forest`."""
        from childsurv.plot import forest

        return forest(self, **options)

    @asking("CoxFit.to_lifelines")
    def to_lifelines(self, data: Data | None = None) -> Any:
        """Return the fit as a fitted ``CoxPHFitter`` of lifelines, with these numbers: nothing is fitted again.

        Parameters
        ----------
        data
            The data of the fit. Only ``plot_partial_effects_on_outcome`` needs them, for the middle values of the
            columns, which a fit does not keep.

        Returns
        -------
        lifelines.CoxPHFitter
            ``print_summary``, ``plot``, ``predict_partial_hazard``, ``predict_survival_function``, ``predict_median``
            and the others work there; strata, weights, late entries and robust standard errors are taken along. The
            baseline hazard and the concordance are those of this fit: with Efron's ties, late entries or weights, those
            that lifelines computes itself differ.

        Raises
        ------
        OptionError
            The fit has an offset, which lifelines does not know.
        MissingExtraError
            lifelines is not installed; the rest of childsurv works without it.

        Examples
        --------
        >>> import childsurv as cs
        >>> fit = cs.cox(cs.demo.cohort(patients=500, seed=1), "sex")
        >>> fitter = fit.to_lifelines()
        >>> bool(fitter.params_["sex[T.female]"] == fit.coef[0])
        True
        """
        from childsurv.regression.lifelines_bridge import cox_fitter

        return cox_fitter(self, None if data is None else frame_of(data))

    def __repr__(self) -> str:
        shown = self.table[["term", "hazard_ratio", "lower", "upper", "p_value"]]
        limits = f"{self.level:.0%} limits{' (robust)' if self.robust else ''}"
        strata = f", stratified by {', '.join(self.strata)}" if self.strata else ""
        body = shown.to_string(index=False, max_rows=30, float_format="{:.4g}".format)
        return (
            f"<CoxFit: {self.n:,} rows, {self.events:,} events, ties by {self.ties.capitalize()}{strata}; "
            f"{limits}\n{body}\nlog-likelihood {self.log_likelihood:.4f}, without covariates "
            f"{self.log_likelihood_null:.4f}>"
        )

    def _square(self, matrix: FloatArray) -> pd.DataFrame:
        return pd.DataFrame(matrix.copy(), index=list(self.terms), columns=list(self.terms))

    def _stratum_columns(self, code: IntArray) -> pd.DataFrame:
        if not self.strata:
            return pd.DataFrame(index=pd.RangeIndex(code.size))
        return self.arrays.follow.groups.iloc[code].reset_index(drop=True)
