"""The known truth of a simulated register: hazards, hazard ratios, net and observed survival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from childsurv.cohort.follow_up import By, Data, columns_list, frame_of, group_codes
from childsurv.demo.parameters import (
    AGE_EFFECTS,
    AGE_GROUPS,
    COURSE_BREAKS,
    NON_MALIGNANT_EFFECT,
    SEX_EFFECTS,
    SEXES,
    STAGE_CLASSES,
    STAGE_EFFECTS,
    FloatArray,
    subgroup_table,
)
from childsurv.demo.patients import (
    IntArray,
    Mask,
    Patients,
    baseline_cumulative,
    course_at,
    course_rates,
    objects_where,
    period_effect,
    subgroup_groups,
)
from childsurv.errors import DataError, OptionError, asking, require_columns
from childsurv.lifetable.paths import cumulative_hazard
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR


@dataclass(frozen=True, eq=False, repr=False)
class Truth:
    """What a register was simulated from, and what any estimate of it should come near to.

    The excess hazard of patient i at time t is

    ``h_i(t) = level_subgroup(i) * course_group(i)(t) * exp(sum of log hazard ratios)``

    with a course that is constant between some days (`baseline`). Time runs from the start of the day of
    diagnosis; a death during day k is recorded as k days, and one in the first half of day 1 as the same day.

    Parameters
    ----------
    frame
        One row a patient, in the order of the register.
    course, cumulative
        Each patient's main group, and cumulative excess hazard at five years, shape ``(n_patients,)``.
    effects, baseline_hazards
        The tables behind `log_hazard_ratios` and `baseline`.
    life_table
        From which deaths of other causes were drawn; None without background mortality.
    """

    frame: pd.DataFrame
    course: IntArray
    cumulative: FloatArray
    effects: pd.DataFrame
    baseline_hazards: pd.DataFrame
    life_table: LifeTable | None

    def __repr__(self) -> str:
        return f"<Truth of {len(self.frame):,} simulated patients, {len(self.effects)} log hazard ratios>"

    @property
    def patients(self) -> pd.DataFrame:
        """One row a patient: intended ICCC-3 class, levels of effects, linear predictor, cause of death."""
        return self.frame.copy()

    @property
    def log_hazard_ratios(self) -> pd.DataFrame:
        """Effects on the excess hazard: ``variable, level, term, log_hazard_ratio``.

        Each variable's first level is its reference, with 0 and no term. The terms are those of the formula
        ``age_group + country + non_malignant + period + sex + stage_class``, stratified by ``iccc_subgroup``,
        with the columns of `childsurv.demo.cohort`.
        """
        return self.effects.copy()

    @property
    def baseline(self) -> pd.DataFrame:
        """Excess hazard per year by ``iccc_subgroup, from_days, to_days``, where every effect is zero."""
        return self.baseline_hazards.copy()

    def net_survival(
        self, years: float | Sequence[float], *, by: By = None, data: Data | None = None
    ) -> pd.DataFrame:
        """Return the true net survival: the patients' mean survival were the disease the only cause of death.

        ``S(t) = (1 / n) sum_i exp(-H_i(t))``, with ``H_i`` the cumulative excess hazard of patient i: the
        estimand of Pohar Perme. An estimate that pools patients diagnosed too late to be followed for ``t``
        with others differs from it a little, because survival improves over periods; compare within a period,
        or among those who can be followed for ``t``. The truth of a sample varies with its mix; that of the
        expected mix is got from a very large ``patients=``.

        Parameters
        ----------
        years
            One time or several.
        by
            Columns of `patients` (or of ``data``) that make groups.
        data
            A cohort or DataFrame with ``patient_id``: the truth of these patients, in their groups.

        Returns
        -------
        DataFrame
            The ``by`` columns, ``years``, ``time`` (whole days), ``patients``, ``net_survival``.

        Raises
        ------
        DataError
            ``data`` has patients that are not in this register.

        Examples
        --------
        >>> import childsurv as cs
        >>> truth = cs.demo.simulate(patients=2_000, seed=1).truth
        >>> truth.net_survival([1, 5], by="sex").columns.tolist()
        ['sex', 'years', 'time', 'patients', 'net_survival']

        References
        ----------
        Pohar Perme M, Stare J, Esteve J. On estimation in relative survival. Biometrics 2012; 68:113-20.
        doi:10.1111/j.1541-0420.2011.01640.x
        """
        return self._survival(years, by=by, data=data, background=False)

    def observed_survival(
        self, years: float | Sequence[float], *, by: By = None, data: Data | None = None
    ) -> pd.DataFrame:
        """Return the true survival from all causes: ``(1 / n) sum_i exp(-H_i(t) - population hazard of i)``.

        Parameters
        ----------
        years, by, data
            As in `net_survival`.

        Returns
        -------
        DataFrame
            The ``by`` columns, ``years``, ``time``, ``patients``, ``observed_survival``.

        Examples
        --------
        >>> import childsurv as cs
        >>> truth = cs.demo.simulate(patients=2_000, seed=1).truth
        >>> both = truth.net_survival(5).merge(truth.observed_survival(5))
        >>> bool((both["observed_survival"] < both["net_survival"]).all())
        True
        """
        return self._survival(years, by=by, data=data, background=True)

    def _survival(
        self, years: float | Sequence[float], *, by: By, data: Data | None, background: bool
    ) -> pd.DataFrame:
        moments = np.atleast_1d(np.asarray(years, dtype=np.float64))
        if moments.ndim != 1 or moments.size == 0 or not (np.isfinite(moments) & (moments >= 0)).all():
            raise OptionError("years= takes one or more times of 0 or more.")
        rows, frame = self._rows(data, columns_list(by))
        with asking("Truth"):
            codes, groups = group_codes(frame, columns_list(by))
        size = np.bincount(codes, minlength=len(groups))
        parts = []
        for year in moments:
            days = int(np.floor(year * DAYS_PER_YEAR))
            hazard = self.cumulative[rows] * course_at(float(days))[self.course[rows]]
            if background:
                hazard = hazard + self._population_hazard(rows, days)
            sums = np.bincount(codes, np.exp(-hazard), minlength=len(groups))
            name = "observed_survival" if background else "net_survival"
            parts.append(groups.assign(years=year, time=days, patients=size, **{name: sums / size}))
        return pd.concat(parts, ignore_index=True)

    def _rows(self, data: Data | None, names: list[str]) -> tuple[IntArray, pd.DataFrame]:
        """Return the patients' positions and a frame with their group columns."""
        if data is None:
            with asking("Truth"):
                require_columns(self.frame.columns, names)
            return np.arange(len(self.frame)), self.frame
        given = frame_of(data)
        with asking("Truth of some patients"):
            require_columns(given.columns, ["patient_id"])
        rows = pd.Index(self.frame["patient_id"].astype(object)).get_indexer(
            given["patient_id"].astype(object)
        )
        if (rows < 0).any():
            raise DataError(
                f"Truth: {int((rows < 0).sum()):,} rows are of patients that this register does not hold. "
                "Use the truth of the register that the data came from (same arguments of simulate())."
            )
        if len(given) == 0:
            raise DataError("Truth: there are no rows.")
        frame = self.frame.iloc[rows].reset_index(drop=True)
        own = {name: given[name].reset_index(drop=True) for name in names if name in given.columns}
        frame = frame.assign(**own)
        with asking("Truth"):
            require_columns(frame.columns, names)
        return np.asarray(rows, dtype=np.int64), frame

    def _population_hazard(self, rows: IntArray, days: int) -> FloatArray:
        if self.life_table is None or days == 0:
            return np.zeros(rows.size)
        frame = self.frame.iloc[rows]
        with asking("Truth"):
            return cumulative_hazard(
                self.life_table,
                self.life_table.stratum_codes(frame, sex="sex"),
                birth=frame["birth_date"].to_numpy("datetime64[D]").astype(np.int64),
                diagnosis=frame["diagnosis_date"].to_numpy("datetime64[D]").astype(np.int64),
                time=np.full(rows.size, days, dtype=np.int64),
            )


def truth_data(
    frame: pd.DataFrame,
    drawn: Patients,
    subgroup: IntArray,
    period_year: IntArray,
    predictor: FloatArray,
    *,
    dead: Mask,
    of_disease: Mask,
) -> pd.DataFrame:
    """Return what is true of each patient: intended classes, levels of the effects, cause of death."""
    subgroups = subgroup_table()
    years, first_years = np.unique(period_year, return_inverse=True)
    labels = np.array([f"{year}-{year + 4}" for year in years], dtype=object)
    own = [
        "patient_id",
        "country",
        "registry",
        "sex",
        "birth_date",
        "diagnosis_date",
        "stage",
        "stage_system",
    ]
    truth = frame[own].copy()
    truth["age_group"] = np.array(AGE_GROUPS, dtype=object)[drawn.age_group]
    truth["period"] = labels[first_years]
    truth["iccc_group"] = subgroups["group"].to_numpy(object)[subgroup]
    truth["iccc_subgroup"] = subgroups["subgroup"].to_numpy(object)[subgroup]
    truth["stage_class"] = np.array(STAGE_CLASSES, dtype=object)[drawn.stage_class]
    truth["non_malignant"] = (frame["behaviour"].to_numpy() < 2).astype(np.int64)
    truth["linear_predictor"] = predictor
    truth["died_of"] = objects_where(dead, objects_where(of_disease, "disease", "population"), None)
    return truth


def effects_table(countries: pd.DataFrame, period_first_years: IntArray) -> pd.DataFrame:
    """Return every effect: ``variable, level, term, log_hazard_ratio``; each first level is the reference."""
    first_country = float(countries["log_hazard_ratio"].iloc[0])
    first_period = float(period_effect(period_first_years[:1])[0])
    parts = [
        ("age_group", AGE_GROUPS, AGE_EFFECTS),
        (
            "country",
            countries["code"].tolist(),
            countries["log_hazard_ratio"].to_numpy(np.float64) - first_country,
        ),
        ("non_malignant", ("0", "1"), np.array([0.0, NON_MALIGNANT_EFFECT])),
        (
            "period",
            [f"{year}-{year + 4}" for year in period_first_years],
            period_effect(period_first_years) - first_period,
        ),
        ("sex", SEXES[::-1], SEX_EFFECTS[::-1]),
        ("stage_class", STAGE_CLASSES, STAGE_EFFECTS),
    ]
    table = pd.concat(
        [
            pd.DataFrame({"variable": variable, "level": list(levels), "log_hazard_ratio": values})
            for variable, levels, values in parts
        ],
        ignore_index=True,
    )
    named = table["variable"] + "[T." + table["level"] + "]"
    named = named.where(table["variable"] != "non_malignant", "non_malignant")
    table.insert(2, "term", named.where(table["variable"].duplicated(), ""))
    return table


def baseline_table() -> pd.DataFrame:
    """Return the baseline excess hazard by subgroup and piece of time, per person-year."""
    subgroups, rates = subgroup_table(), course_rates()[subgroup_groups()]
    n_pieces = rates.shape[1]
    hazard = rates * baseline_cumulative()[:, None] * DAYS_PER_YEAR
    return pd.DataFrame(
        {
            "iccc_group": np.repeat(subgroups["group"].to_numpy(object), n_pieces),
            "iccc_subgroup": np.repeat(subgroups["subgroup"].to_numpy(object), n_pieces),
            "from_days": np.tile(COURSE_BREAKS, len(subgroups)),
            "to_days": np.tile(np.append(COURSE_BREAKS[1:], np.inf), len(subgroups)),
            "hazard_per_year": hazard.ravel(),
        }
    )
