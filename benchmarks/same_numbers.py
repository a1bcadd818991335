"""Compare the numbers of two versions of childsurv on the demo's registers.

Run it once with each version, then compare the two files::

    python -m benchmarks.same_numbers write old.pkl      # with one version on the path
    python -m benchmarks.same_numbers write new.pkl      # with the other
    python -m benchmarks.same_numbers compare old.pkl new.pkl

Only names that both versions have are used here. Tables are equal to the bit, or their largest difference is printed,
relative to the larger of 1 and the value; above 1e-13 the comparison fails.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import childsurv as cs

LARGEST_DIFFERENCE = 1e-13
"""What another order of summation may change."""


def registers() -> tuple[Any, dict[str, pd.DataFrame]]:
    """Return the cohort of all simulated registers, read from their files, and what was found in them."""
    with tempfile.TemporaryDirectory() as name:
        extracts = cs.demo.write_extracts(name, patients=6_000)
        parts = [
            cs.read_extract(
                Path(name) / row.file, layout=row.layout, country=row.country, closing_date=row.closing_date
            )
            for row in extracts.manifest.itertuples()
        ]
    cohort = cs.concat(parts)
    tables = {"cohort": cohort.data, "findings": cohort.findings, "exclusions": cohort.exclusions}
    tables["findings"] = tables["findings"].drop(columns=["message"])
    tables["exclusions"] = tables["exclusions"].drop(columns=["message"])
    return cohort, tables


def estimates(cohort: Any) -> dict[str, Callable[[], Any]]:
    """Return what is estimated, by name."""
    table = cs.demo.life_table().extend("last")
    by = ["country", "sex"]
    complete = cohort.where("age_years < 15").with_age_groups("concord")
    weighted = cohort.data.assign(w=1 + cohort.data["age_years"] % 3, f=0.5 + cohort.data["age_years"] % 2)
    causes = cohort.with_columns(cause=cohort.data["event"] * (1 + cohort.data["age_years"] % 2))
    period = cohort.window(followed=("2008-01-01", "2013-12-31"))
    own = {"time": "time", "event": "event", "entry": "entry"}
    found: dict[str, Callable[[], Any]] = {
        "kaplan_meier": lambda: cs.kaplan_meier(cohort, by=by),
        "kaplan_meier, period": lambda: cs.kaplan_meier(period, by="country"),
        "kaplan_meier, frequencies": lambda: cs.kaplan_meier(weighted, by="sex", weights="w", **own),
        "kaplan_meier, fractions": lambda: cs.kaplan_meier(weighted, by="sex", weights="f", **own),
        "nelson_aalen": lambda: cs.nelson_aalen(cohort, by=by),
        "fleming_harrington": lambda: cs.nelson_aalen(
            cohort, by=by, quantity="survival", ties="one-by-one", ci="log"
        ),
        "actuarial": lambda: cs.actuarial(cohort, intervals="yearly", by="country"),
        "person-time": lambda: cs.actuarial(period, intervals="quarterly", by="country", form="person-time"),
        "cumulative_incidence": lambda: cs.cumulative_incidence(causes, cause="cause", by="country"),
        "gray": lambda: cs.cumulative_incidence(causes, cause="cause", by="sex", variance="gray"),
        "gray_test": lambda: cs.gray_test(causes, cause="cause", by="country"),
        "logrank": lambda: cs.logrank_test(cohort, by="country", strata="age_group"),
        "logrank, early": lambda: cs.logrank_test(cohort, by="sex", strata="country", rho=1.0),
        "pairs": lambda: cs.pairwise_logrank_tests(cohort, by="country"),
        "max_combo": lambda: cs.max_combo_test(cohort, by="sex"),
        "standardised": lambda: cs.standardise(
            cs.kaplan_meier(complete, by=["sex", "age_group"]), "children-equal"
        ),
        "crude": lambda: cs.crude_mortality(cohort, table, by="country"),
        "years lost": lambda: cs.years_of_life_lost(cohort, table, by="country", years=5),
        "excess": lambda: cs.excess_mortality(cohort, table, by="country", bandwidth_years=1.0),
        "net_test": lambda: cs.net_survival_test(cohort, table, by="country", strata="sex"),
        "expected": lambda: cs.expected_survival(cohort, table, by="country"),
        "left": lambda: cs.expected_at_risk(cohort, table, by="country", years=[0, 5]),
        "person_years": lambda: cs.person_years(cohort, table, by="country"),
        "smr": lambda: cs.standardised_mortality_ratio(cohort, table, by="country"),
        "pseudo": lambda: cs.pseudo_observations(cohort, years=[1, 5]),
        "bootstrap": lambda: cs.bootstrap(cohort, by="sex", years=[5], replications=50, rng=1),
        "cox": lambda: cs.cox(cohort, "country + age_group + sex", strata="iccc_group"),
        "cox, robust": lambda: cs.cox(cohort, "age_years + sex", cluster="country"),
        "life_expectancy": lambda: cs.life_expectancy(table),
        "quality": lambda: cs.data_quality(cohort),
    }
    for method in ("pohar-perme", "ederer1", "ederer2", "hakulinen"):
        for form in ("product", "exponential"):
            found[f"net, {method}, {form}"] = lambda method=method, form=form: cs.net_survival(
                cohort, table, by=by, method=method, form=form
            )
        for form in ("person-time", "actuarial"):
            found[f"net, {method}, monthly {form}"] = lambda method=method, form=form: cs.net_survival(
                cohort, table, by="country", method=method, form=form, intervals="monthly"
            )
    for peer, options in (
        ("relsurv", {}),
        ("strs", {"intervals": "yearly"}),
        ("stnet", {"intervals": "yearly"}),
        ("popepi", {"intervals": "monthly"}),
    ):
        found[f"net, as {peer}"] = lambda peer=peer, options=options: cs.net_survival(
            cohort, table, by="country", compat=peer, **options
        )
    found["net, period"] = lambda: cs.net_survival(period, table, by="country")
    found["net, standard"] = lambda: cs.net_survival(complete, table, by="sex", standard="children-equal")
    found["net, brenner"] = lambda: cs.net_survival(
        complete, table, by="sex", standard="children-equal", standard_method="brenner"
    )
    found["net, minimum"] = lambda: cs.net_survival(cohort, table, by=["country", "iccc_group"], minimum=10)
    return found


def tables_of(name: str, result: Any) -> dict[str, pd.DataFrame]:
    """Return the tables of a result, and what follows from curves."""
    if isinstance(result, pd.DataFrame | pd.Series):
        return {name: pd.DataFrame(result)}
    tables = {name: result.table}
    if isinstance(result, cs.Curves) and not isinstance(result, cs.ExcessMortality):
        if not result.by_intervals:
            tables[f"{name}: at"] = result.at(years=[0, 1, 3, 5, 10])
        if result.quantity == "survival" and "quantity" not in result.groups and result.additive:
            if not result.by_intervals:
                tables[f"{name}: quantile"] = result.quantile([0.9, 0.75])
            tables[f"{name}: rmst"] = result.rmst(years=5)
        tables[f"{name}: groups"] = result.groups
    if isinstance(result, cs.TestResult):
        tables[f"{name}: statistic"] = pd.DataFrame({"statistic": [result.statistic], "p": [result.p_value]})
    if isinstance(result, cs.CoxFit):
        tables[f"{name}: hazard"] = result.baseline_hazard()
        tables[f"{name}: proportional"] = result.proportional_hazards_test().table
        tables[f"{name}: concordance"] = pd.DataFrame([tuple(result.concordance())])
    return tables


def write(path: Path) -> None:
    """Estimate everything with the version that is imported, and keep the tables."""
    warnings.simplefilter("ignore")
    cohort, tables = registers()
    for name, estimate in estimates(cohort).items():
        tables |= tables_of(name, estimate())
    plain = {
        name: {str(column): np.asarray(values) for column, values in table.items()}
        for name, table in tables.items()
    }
    path.write_bytes(pickle.dumps((cs.__version__, plain)))
    print(f"{len(plain)} tables written")


def compare(old: Path, new: Path) -> int:
    """Print how many tables are equal to the bit, and the largest difference of the others."""
    (_, before), (_, after) = (pickle.loads(path.read_bytes()) for path in (old, new))
    faults = sorted(set(before) ^ set(after))
    equal, differing = 0, []
    for name in sorted(set(before) & set(after)):
        one, two = before[name], after[name]
        if list(one) != list(two) or any(one[column].shape != two[column].shape for column in one):
            faults.append(f"{name}: other columns or rows")
            continue
        largest = max((difference(one[column], two[column]) for column in one), default=0.0)
        equal += largest == 0
        if largest > 0:
            differing.append((largest, name))
    print(f"{len(before)} tables: {equal} equal to the bit")
    for largest, name in sorted(differing, reverse=True):
        print(f"  {name}: {largest:.1e}")
    faults += [name for largest, name in differing if not largest <= LARGEST_DIFFERENCE]
    print("Differ: " + "; ".join(faults) if faults else f"None differs by more than {LARGEST_DIFFERENCE:g}.")
    return len(faults)


def difference(one: np.ndarray[Any, Any], two: np.ndarray[Any, Any]) -> float:
    """Return the largest difference of two columns; infinite where labels or missing values differ."""
    if one.dtype.kind in "fiub" and two.dtype.kind in "fiub":
        first, second = one.astype(np.float64), two.astype(np.float64)
        if not np.array_equal(np.isnan(first), np.isnan(second)):
            return float("inf")
        same = (first == second) | np.isnan(first)
        gap = np.abs(first - second) / np.maximum(1.0, np.abs(first))
        return float(np.where(same, 0.0, gap).max(initial=0.0))
    missing = pd.isna(one), pd.isna(two)
    same = np.array_equal(*missing) and bool((one.astype(str) == two.astype(str)).all())
    return 0.0 if same else float("inf")


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]))
    else:
        sys.exit(compare(Path(sys.argv[2]), Path(sys.argv[3])))
