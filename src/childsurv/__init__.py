"""childsurv: population-based childhood cancer survival.

An extract is read into a cohort; a cohort is tallied into sums; sums are finished into curves; a curve is a table that
you can print, plot, compare and report.
"""

from __future__ import annotations

from childsurv import demo, plot
from childsurv._version import __version__
from childsurv.classify import (
    check_toronto_stage,
    classify_iccc3,
    classify_icd10,
    compare_editions,
    iccc3_labels,
    iccc3_table,
    icd10_table,
    stage_completeness,
    toronto_schema,
    toronto_stages,
)
from childsurv.cohort.cohort import Cohort
from childsurv.cohort.windows import cohort_approach, complete_approach, hybrid_approach, period_approach
from childsurv.compare.gray import gray_test
from childsurv.compare.ranks import (
    fixed_time_test,
    logrank_test,
    max_combo_test,
    pairwise_logrank_tests,
)
from childsurv.compare.results import TestResult
from childsurv.curves.curves import Curves
from childsurv.errors import (
    ChildsurvError,
    ChildsurvWarning,
    ColumnError,
    DataError,
    LayoutError,
    LifeTableError,
    MissingExtraError,
    ModelError,
    OptionError,
)
from childsurv.extract import (
    Layout,
    LayoutSuggestion,
    check_rules,
    compare_link_tokens,
    concat,
    data_quality,
    layouts,
    load_layout,
    read_extract,
    suggest_layout,
    write_checks,
    write_extract,
    write_link_tokens,
)
from childsurv.fold.tally import Grid, Tally
from childsurv.fold.tallying import tally
from childsurv.lifetable.check import check_life_table, life_expectancy
from childsurv.lifetable.expected import expected_at_risk, expected_survival
from childsurv.lifetable.extending import concat_life_tables
from childsurv.lifetable.formats.reading import read_life_table
from childsurv.lifetable.person_time import person_years, standardised_mortality_ratio
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.net.crude import crude_mortality
from childsurv.net.excess import ExcessMortality, excess_mortality
from childsurv.net.life_years import years_of_life_lost
from childsurv.net.net import net_survival
from childsurv.net.rank_test import net_survival_test
from childsurv.regression.cox import cox
from childsurv.regression.cox_fit import CoxFit
from childsurv.regression.lifelines_reader import from_lifelines
from childsurv.reporting import Report, report
from childsurv.survival.bands import simultaneous_bands
from childsurv.survival.causes import cumulative_incidence
from childsurv.survival.first_event import first_event
from childsurv.survival.intervals import actuarial
from childsurv.survival.observed import kaplan_meier, nelson_aalen
from childsurv.survival.pseudo_observations import pseudo_observations
from childsurv.survival.resampling import Bootstrap, bootstrap
from childsurv.survival.standard import brenner_weights, standardise
from childsurv.survival.states import state_occupation

__all__ = [
    "DAYS_PER_YEAR",
    "Bootstrap",
    "ChildsurvError",
    "ChildsurvWarning",
    "Cohort",
    "ColumnError",
    "CoxFit",
    "Curves",
    "DataError",
    "ExcessMortality",
    "Grid",
    "Layout",
    "LayoutError",
    "LayoutSuggestion",
    "LifeTable",
    "LifeTableError",
    "MissingExtraError",
    "ModelError",
    "OptionError",
    "Report",
    "Tally",
    "TestResult",
    "__version__",
    "actuarial",
    "bootstrap",
    "brenner_weights",
    "check_life_table",
    "check_rules",
    "check_toronto_stage",
    "classify_iccc3",
    "classify_icd10",
    "cohort_approach",
    "compare_editions",
    "compare_link_tokens",
    "complete_approach",
    "concat",
    "concat_life_tables",
    "cox",
    "crude_mortality",
    "cumulative_incidence",
    "data_quality",
    "demo",
    "excess_mortality",
    "expected_at_risk",
    "expected_survival",
    "first_event",
    "fixed_time_test",
    "from_lifelines",
    "gray_test",
    "hybrid_approach",
    "iccc3_labels",
    "iccc3_table",
    "icd10_table",
    "kaplan_meier",
    "layouts",
    "life_expectancy",
    "load_layout",
    "logrank_test",
    "max_combo_test",
    "nelson_aalen",
    "net_survival",
    "net_survival_test",
    "pairwise_logrank_tests",
    "period_approach",
    "person_years",
    "plot",
    "pseudo_observations",
    "read_extract",
    "read_life_table",
    "report",
    "simultaneous_bands",
    "stage_completeness",
    "standardise",
    "standardised_mortality_ratio",
    "state_occupation",
    "suggest_layout",
    "tally",
    "toronto_schema",
    "toronto_stages",
    "write_checks",
    "write_extract",
    "write_link_tokens",
    "years_of_life_lost",
]


def __dir__() -> list[str]:
    """Public names only; the rooms of the package are no names of its own."""
    return sorted(__all__)
