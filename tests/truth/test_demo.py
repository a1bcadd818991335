"""Against the truth of `childsurv.demo`: do 95 % intervals of simulated registers cover it in 93-97 % of replications?

One large register is dealt into replications; a replication is a small register of its own. 600 of them estimate a
coverage of 95 % with a standard error of 0.9 %, so that 93-97 % is two of them, and seeds are fixed.
"""

from __future__ import annotations

import numpy as np
import pytest

import childsurv as cs

REPLICATIONS = 600
FIVE_YEARS = 1826


@pytest.mark.slow
def test_net_survival_covers_the_expected_truth() -> None:
    """Children of one country diagnosed early enough to be followed for five years, none of them lost."""
    options = {
        "countries": ["XPV"], "diagnosed": ("2005-01-01", "2014-12-31"), "losses": False,
    }  # fmt: skip
    # The truth of the expected mix of children; its error is a fortieth of one replication's.
    truth = cs.demo.simulate(patients=600_000, seed=99, **options).truth.net_survival(5)["net_survival"][0]
    cohort = cs.demo.cohort(patients=REPLICATIONS * 400, seed=7, **options)
    dealt = cohort.with_columns(replication=np.arange(len(cohort)) % REPLICATIONS)
    curves = cs.net_survival(dealt, cs.demo.life_table(), by="replication", ci="log-log")
    at = curves.at(times=FIVE_YEARS)
    covered = float(((at["lower"] <= truth) & (truth <= at["upper"])).mean())
    bias = float(at["estimate"].mean() - truth)
    print(f"net survival: truth {truth:.4f}, bias {bias:+.4f}, coverage {covered:.3f}")
    assert 0.93 <= covered <= 0.97
    assert abs(bias) < 3.5 * at["estimate"].std() / np.sqrt(REPLICATIONS)


@pytest.mark.slow
def test_cox_coefficients_cover_the_truth() -> None:
    """Without other causes of death the model of the simulation is a Cox model stratified by subgroup."""
    options = {"countries": ["XPV", "XTS"], "background": False}
    effects = cs.demo.simulate(patients=300, seed=1, **options).truth.log_hazard_ratios
    truth = effects.dropna(subset=["term"]).set_index("term")["log_hazard_ratio"]
    frame = cs.demo.cohort(patients=REPLICATIONS * 800, seed=11, **options).data
    # Few non-malignant tumours are fatal, and eight hundred children hold too few of them for a coefficient.
    frame = frame[~frame["non_malignant"].astype(bool)]
    terms = ("sex[T.female]", "country[T.XTS]", "stage_class[T.metastatic]", "period[T.2015-2019]")
    inside: dict[str, list[bool]] = {term: [] for term in terms}
    for first in range(REPLICATIONS):
        part = frame.iloc[first::REPLICATIONS]
        fit = cs.cox(
            part, "age_group + country + period + sex + stage_class", strata="iccc_subgroup",
            time="time", event="event",
        )  # fmt: skip
        table = fit.table.set_index("term")
        for term, covered in inside.items():
            covered.append(table.loc[term, "lower"] <= np.exp(truth[term]) <= table.loc[term, "upper"])
    coverage = {term: float(np.mean(covered)) for term, covered in inside.items()}
    print("Cox:", coverage)
    assert all(0.93 <= share <= 0.97 for share in coverage.values())
