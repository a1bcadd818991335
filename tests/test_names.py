"""Public names: one name for one argument, old names until 1.0, and what the documentation says of both."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import childsurv as cs
from childsurv.curves.curves import Curves
from childsurv.errors import OptionError
from strategies import exactly

CONVENTIONS = (Path(__file__).resolve().parents[1] / "docs" / "conventions.md").read_text(encoding="utf-8")


def public_functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Return the public functions and methods by the names that users write."""
    places: list[tuple[str, ModuleType | type, list[str]]] = [
        ("", cs, cs.__all__),
        ("plot.", cs.plot, cs.plot.__all__),
        ("demo.", cs.demo, cs.demo.__all__),
    ]
    classes = [(name, getattr(cs, name)) for name in cs.__all__ if isinstance(getattr(cs, name), type)]
    places += [(f"{name}.", one, [part for part in vars(one) if part[0] != "_"]) for name, one in classes]
    for prefix, place, names in places:
        for name in names:
            value = getattr(place, name)
            if inspect.isfunction(value) or inspect.ismethod(value):
                yield prefix + name, value


FUNCTIONS = dict(public_functions())


def rows_under(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading of docs/conventions.md, without its head."""
    section = CONVENTIONS.split(f"### {heading}\n")[1]
    lines = re.search(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    assert lines is not None
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in lines[0].splitlines()[2:]]


def test_the_documentation_gives_the_default_of_every_function_that_has_one() -> None:
    shown = {}
    for name, ci, level, minimum, why in rows_under("Default limits, levels and minima"):
        assert why, name
        shown[name.strip("`")] = {"ci": ci, "level": level, "minimum": minimum}
    found = {}
    for name, function in FUNCTIONS.items():
        parameters = inspect.signature(function).parameters
        own = {one: parameters[one].default for one in ("ci", "level", "minimum") if one in parameters}
        if any(default is not inspect.Parameter.empty for default in own.values()):
            found[name] = {
                one: f"`{own[one]!r}`".replace("'", '"') if one in own else "" for one in shown["report"]
            }
    assert found == shown


def test_the_documentation_lists_every_old_name() -> None:
    shown = {tuple(cell.strip("`") for cell in row) for row in rows_under("Old names")}
    found = set()
    for name, function in FUNCTIONS.items():
        for old, new in vars(function).get("renamed", {}).items():
            argument, _, key = new.partition(".")
            found.add((name, f"{old}=", f'{argument}={{"{key}": ...}}' if key else f"{argument}="))
            assert old not in inspect.signature(function).parameters
            assert argument in inspect.signature(function).parameters
    assert found == shown


@pytest.fixture(scope="module")
def cohort() -> cs.Cohort:
    return cs.demo.cohort(patients=300, seed=3).with_age_groups("concord").where("age_years < 15")


@pytest.fixture(scope="module")
def life_table() -> cs.LifeTable:
    return cs.demo.life_table()


def calls(cohort: cs.Cohort, table: cs.LifeTable) -> dict[tuple[str, str], tuple[Callable[..., Any], Any]]:
    """Return for each function and old name a call that takes it, and a value."""
    curves = cs.kaplan_meier(cohort, by="age_group")
    peer = {"compat": "relsurv"}
    return {
        ("net_survival", "horizon"): (lambda **old: cs.net_survival(cohort, table, **old), 5),
        ("excess_mortality", "bandwidth"): (
            lambda **old: cs.excess_mortality(cohort, table, years=[1, 2], **old),
            200,
        ),
        ("logrank_test", "weights"): (lambda **old: cs.logrank_test(cohort, by="sex", **old), "gehan"),
        ("pairwise_logrank_tests", "weights"): (
            lambda **old: cs.pairwise_logrank_tests(cohort, by="sex", **old),
            "peto",
        ),
        ("standardise", "weights"): (lambda **old: cs.standardise(curves, **old), "children-equal"),
        ("brenner_weights", "weights"): (lambda **old: cs.brenner_weights(cohort, **old), "children-equal"),
        ("bootstrap", "limits"): (
            lambda **old: cs.bootstrap(cohort, years=3, replications=50, rng=1, **old),
            "basic",
        ),
        ("kaplan_meier", "conf_lower"): (lambda **old: cs.kaplan_meier(cohort, **old), "peto"),
        ("iccc3_labels", "level"): (lambda **old: cs.iccc3_labels(**old), "subgroup"),
        ("compare_editions", "level"): (lambda **old: cs.compare_editions(cohort, **old), "subgroup"),
        ("plot.life_table", "strata"): (
            lambda **old: cs.plot.life_table(table, **old),
            {"country": "XBK", "sex": "male"},
        ),
        ("crude_mortality", "add_times"): (
            lambda **old: cs.crude_mortality(cohort, table, **peer, **old),
            [10.5, 700.25],
        ),
        ("years_of_life_lost", "add_times"): (
            lambda **old: cs.years_of_life_lost(cohort, table, **peer, years=3, **old),
            [10.5, 700.25],
        ),
    }


OLD_NAMES = [(name, old) for name, function in FUNCTIONS.items() for old in vars(function).get("renamed", {})]


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, Curves | cs.TestResult | cs.Bootstrap):
        assert dict(one.conventions) == dict(other.conventions)
        one, other = one.table, other.table
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other, check_exact=True)
    else:
        drawn, again = (
            [(ax.get_title(), ax.get_xlim(), len(ax.lines)) for ax in figure.axes] for figure in (one, other)
        )
        assert drawn == again


@pytest.mark.parametrize(("name", "old"), OLD_NAMES)
def test_old_names_give_the_same_with_one_warning_at_the_line_that_used_them(
    name: str, old: str, cohort: cs.Cohort, life_table: cs.LifeTable
) -> None:
    call, value = calls(cohort, life_table)[name, old]
    argument, _, key = vars(FUNCTIONS[name])["renamed"][old].partition(".")
    new_value = {key: value} if key else value
    shown = f"{argument}={{{key!r}: ...}}" if key else f"{argument}="
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = call(**{old: value})
    assert [one.category for one in caught] == [DeprecationWarning]
    assert str(caught[0].message) == (f"{name}: `{old}=` is now called `{shown}`; the old name goes at 1.0.")
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(before, call(**{argument: new_value}))
    with pytest.raises(
        OptionError,
        match=exactly(f"{name}: `{old}=` is the old name of `{shown}`; give one of the two."),
    ):
        call(**{old: value, argument: new_value})
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        call(colour=1)


def test_a_standard_by_position_and_by_its_old_name_is_refused(cohort: cs.Cohort) -> None:
    curves = cs.kaplan_meier(cohort, by="age_group")
    with pytest.raises(
        OptionError,
        match=exactly("standardise: `weights=` is the old name of `standard=`; give one of the two."),
    ):
        cs.standardise(curves, "internal", weights="internal")


def test_peers_know_their_own_options_only(cohort: cs.Cohort, life_table: cs.LifeTable) -> None:
    for estimate in (cs.crude_mortality, cs.years_of_life_lost):
        with pytest.raises(
            OptionError,
            match=exactly(f"{estimate.__name__}: compat_options= knows add_times here, not precision."),
        ):
            estimate(cohort, life_table, compat="relsurv", compat_options={"precision": 1})


def test_the_kind_of_limits_of_a_bootstrap_has_an_old_name(cohort: cs.Cohort) -> None:
    draws = cs.bootstrap(cohort, years=3, replications=10, rng=1)
    with pytest.warns(
        DeprecationWarning,
        match=exactly("Bootstrap: `.limits` is now called `.ci`; the old name goes at 1.0."),
    ):
        assert draws.limits == draws.ci == "percentile"


@pytest.mark.parametrize("module", [cs, cs.plot, cs.demo])
def test_dir_shows_public_names_only(module: ModuleType) -> None:
    assert dir(module) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in dir(module))


def tables(cohort: cs.Cohort, life_table: cs.LifeTable) -> dict[str, pd.DataFrame]:
    """Return a bare table of every function and method that gives one with conventions."""
    curves = cs.kaplan_meier(cohort, by="sex")
    table = life_table.extend("last")
    draws = cs.bootstrap(cohort, by="sex", years=3, replications=20, rng=1)
    other = {"reference": "male", "years": 3}
    return {
        "Curves.table": curves.table,
        "Curves.at": curves.at(years=[1, 3]),
        "Curves.quantile": curves.quantile(0.1),
        "Curves.rmst": curves.rmst(years=3),
        "Curves.difference": curves.difference(**other, level=0.9),
        "Curves.ratio": curves.ratio(**other),
        "Curves.number_needed": curves.number_needed(**other),
        "Curves.rmst_comparison": curves.rmst_comparison(**other),
        "Curves.at_risk_table": curves.at_risk_table(years=[1, 3]),
        "Curves.reliability": curves.reliability(years=3),
        "net_survival": cs.net_survival(cohort, life_table, standard="internal").at(years=3),
        "excess_mortality": cs.excess_mortality(cohort, life_table, bandwidth_years=1, years=3).table,
        "simultaneous_bands": cs.simultaneous_bands(curves, years=(1, 3)),
        "pairwise_logrank_tests": cs.pairwise_logrank_tests(cohort, by="sex", rho=1),
        "logrank_test": cs.logrank_test(cohort, by="sex").table,
        "expected_survival": cs.expected_survival(cohort, table, years=3),
        "expected_at_risk": cs.expected_at_risk(cohort, table, years=3, horizon_years=5),
        "person_years": cs.person_years(cohort, life_table, ages=[0, 5]),
        "person_years, observed": cs.person_years(cohort, by="sex"),
        "standardised_mortality_ratio": cs.standardised_mortality_ratio(cohort, life_table),
        "years_of_life_lost": cs.years_of_life_lost(cohort, life_table, years=3),
        "pseudo_observations": cs.pseudo_observations(cohort, years=1),
        "Bootstrap.table": draws.table,
        "Bootstrap.difference": draws.difference(reference="male"),
    }


def test_bare_tables_carry_their_conventions(
    cohort: cs.Cohort, life_table: cs.LifeTable, tmp_path: Path
) -> None:
    for name, table in tables(cohort, life_table).items():
        conventions = table.attrs["conventions"]
        assert type(conventions) is dict, name
        assert conventions["closing_date"] == "2020-12-31", name
        assert conventions["age_groups"].startswith("concord"), name
        # Tables are compared, put together and saved as others are.
        pd.testing.assert_frame_equal(pd.concat([table, table]).head(len(table)), table)
        assert pd.concat([table, table]).attrs == table.attrs, name
        assert len(pd.concat([table, table.assign(more=1).set_axis(table.index)])) == 2 * len(table)
        saved = table.rename(columns=str).reset_index(drop=True)
        saved.to_parquet(tmp_path / "table.parquet")
        again = pd.read_parquet(tmp_path / "table.parquet")
        pd.testing.assert_frame_equal(again, saved, check_dtype=False)
        assert again.attrs == table.attrs, name


def test_conventions_of_tables_say_what_they_were_asked_for(
    cohort: cs.Cohort, life_table: cs.LifeTable
) -> None:
    def of(name: str) -> dict[str, Any]:
        found: dict[str, Any] = made[name].attrs["conventions"]
        return found

    made = tables(cohort, life_table)
    assert (of("Curves.at")["estimator"], of("Curves.at")["ci"]) == ("Kaplan-Meier", "log-log")
    assert (of("Curves.difference")["level"], of("Curves.ratio")["level"]) == (0.9, 0.95)
    assert of("Curves.difference")["reference"] == "male"
    assert of("pairwise_logrank_tests")["test"] == "Fleming-Harrington test (rho 1, gamma 0)"
    assert of("pairwise_logrank_tests")["adjust"] == "holm"
    assert of("expected_at_risk")["horizon_years"] == 5
    assert of("years_of_life_lost")["life_table_digest"] == life_table.digest
    assert of("simultaneous_bands")["bands"] == "equal-precision"
    assert of("Bootstrap.table")["ci"] == "percentile"
    # Each table has its own.
    made["Curves.at"].attrs["conventions"]["level"] = np.nan
    assert of("Curves.rmst")["level"] == 0.95
