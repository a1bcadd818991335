"""Every result can be pickled and deep-copied, with the same numbers, and is read-only as before."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import childsurv as cs

AGAIN: dict[str, Callable[[Any], Any]] = {
    "deep copy": copy.deepcopy,
    "pickle": lambda one: pickle.loads(pickle.dumps(one)),
}


@cache
def cohort() -> cs.Cohort:
    return cs.demo.cohort(patients=300, seed=3).with_age_groups("concord").where("age_years < 15")


@cache
def life_table() -> cs.LifeTable:
    return cs.demo.life_table()


@cache
def register() -> cs.demo.Register:
    return cs.demo.simulate(patients=100, seed=2)


CAUSES = pd.DataFrame({"t": [1.0, 2, 3, 4], "c": [1, 0, 2, 1]})

RESULTS: dict[str, Callable[[], Any]] = {
    "kaplan_meier": lambda: cs.kaplan_meier(cohort(), by="sex", minimum=10),
    "kaplan_meier, fractions": lambda: cs.kaplan_meier(
        CAUSES.assign(w=0.5, d=CAUSES["c"].clip(upper=1)), time="t", event="d", weights="w"
    ),
    "kaplan_meier, peto": lambda: cs.kaplan_meier(cohort(), lower_variance="peto"),
    "nelson_aalen": lambda: cs.nelson_aalen(cohort()),
    "actuarial": lambda: cs.actuarial(cohort(), intervals="yearly"),
    "cumulative_incidence": lambda: cs.cumulative_incidence(CAUSES, time="t", cause="c"),
    "state_occupation": lambda: cs.state_occupation(
        cohort()
        .with_columns(relapse=lambda data: data["diagnosis_date"] + pd.Timedelta(days=1))
        .where("time > 2"),
        dates=["relapse"],
    ),
    "conditional": lambda: cs.kaplan_meier(cohort()).conditional(given_years=1),
    "standardise": lambda: cs.standardise(cs.kaplan_meier(cohort(), by=["sex", "age_group"]), "internal"),
    "net_survival": lambda: cs.net_survival(cohort(), life_table(), by="sex"),
    "net_survival, intervals": lambda: cs.net_survival(cohort(), life_table(), intervals="yearly"),
    "net_survival, standardised": lambda: cs.net_survival(
        cohort(), life_table(), by="sex", standard="children-equal"
    ),
    "net_survival, strs": lambda: cs.net_survival(
        cohort(), life_table(), intervals="yearly", method="ederer2", compat="strs"
    ),
    "crude_mortality": lambda: cs.crude_mortality(cohort(), life_table()),
    "excess_mortality": lambda: cs.excess_mortality(cohort(), life_table(), bandwidth_years=1),
    "tally": lambda: cs.tally(cohort(), life_table(), by="sex"),
    "logrank_test": lambda: cs.logrank_test(cohort(), by="sex"),
    "net_survival_test": lambda: cs.net_survival_test(cohort(), life_table(), by="sex"),
    "gray_test": lambda: cs.gray_test(CAUSES.assign(g=[0, 1, 0, 1]), by="g", time="t", cause="c"),
    "cox": lambda: cs.cox(cohort(), "sex + age_years", strata="age_group"),
    "bootstrap": lambda: cs.bootstrap(cohort(), years=3, replications=20, rng=1),
    "cohort": cohort,
    "layout": lambda: cs.load_layout("russian"),
    "life table": life_table,
    "register": register,
    "truth": lambda: register().truth,
    "grid": lambda: cs.Grid.breaks([1, 2]),
    "theme": cs.plot.Theme,
}


def assert_same(one: Any, other: Any, where: str) -> None:
    """Assert that two values are equal through and through, and as read-only."""
    assert type(one) is type(other), where
    if isinstance(one, pd.DataFrame | pd.Series):
        (pd.testing.assert_frame_equal if isinstance(one, pd.DataFrame) else pd.testing.assert_series_equal)(
            one, other
        )
        assert one.attrs == other.attrs, where
    elif isinstance(one, pd.Index):
        pd.testing.assert_index_equal(one, other)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, err_msg=where)
        assert one.flags.writeable == other.flags.writeable, where
    elif isinstance(one, Mapping):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}[{key}]")
        if isinstance(one, MappingProxyType):
            with pytest.raises(TypeError):
                other["more"] = 1
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for place, (own, its) in enumerate(zip(one, other, strict=True)):
            assert_same(own, its, f"{where}[{place}]")
    elif is_dataclass(one):
        for name in (field.name for field in fields(one)):
            assert_same(getattr(one, name), getattr(other, name), f"{where}.{name}")
    elif isinstance(one, float) and np.isnan(one):
        assert np.isnan(other), where
    elif type(one).__eq__ is not object.__eq__:
        assert one == other, where


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("name", RESULTS)
def test_results_can_be_copied(name: str, again: Callable[[Any], Any]) -> None:
    one = RESULTS[name]()
    other = again(one)
    assert other is not one
    assert repr(other) == repr(one)
    assert_same(one, other, name)
    if hasattr(one, "table"):
        pd.testing.assert_frame_equal(other.table, one.table)
    if isinstance(one, cs.Curves | cs.Tally | cs.Bootstrap | cs.LifeTable):
        arrays = [value for value in vars(other).values() if isinstance(value, np.ndarray)]
        assert arrays
        assert not any(array.flags.writeable for array in arrays)


def test_copies_of_standardised_curves_keep_their_strata() -> None:
    curves = RESULTS["standardise"]()
    other = copy.deepcopy(curves)
    assert other.strata.curves is not curves.strata.curves
    pd.testing.assert_frame_equal(other.rmst(years=3), curves.rmst(years=3))
    pd.testing.assert_frame_equal(
        other.conditional(given_years=1).at(years=3), curves.conditional(given_years=1).at(years=3)
    )


def test_copies_of_tallies_finish_as_the_tally_and_add_to_it() -> None:
    sums = RESULTS["tally"]()
    other = pickle.loads(pickle.dumps(sums))
    pd.testing.assert_frame_equal(cs.net_survival(other).table, cs.net_survival(sums).table)
    assert len((sums + other).groups) == len(sums.groups)


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
def test_extracts_and_proposed_layouts_can_be_copied(again: Callable[[Any], Any], tmp_path: Path) -> None:
    extracts = cs.demo.write_extracts(tmp_path, patients=100, countries=["XBK"])
    assert_same(extracts, again(extracts), "extracts")
    suggested = cs.suggest_layout(tmp_path / extracts.manifest["file"].iloc[0])
    assert repr(again(suggested)) == repr(suggested)
    assert_same(suggested, again(suggested), "suggestion")


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
def test_fitters_of_lifelines_can_be_copied(lifelines: Any, again: Callable[[Any], Any]) -> None:
    fitter = cs.kaplan_meier(cohort()).to_lifelines()
    pd.testing.assert_frame_equal(again(fitter).survival_function_, fitter.survival_function_)
    fitters = cs.kaplan_meier(cohort(), by="sex").to_lifelines()
    other = again(fitters)
    for label, one in fitters.items():
        pd.testing.assert_frame_equal(other[label].survival_function_, one.survival_function_)
        pd.testing.assert_frame_equal(other[label].confidence_interval_, one.confidence_interval_)
        assert other[label].predict(365) == one.predict(365)
