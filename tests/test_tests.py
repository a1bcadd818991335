"""Every test asserts something, on every way through it, and the tree of tests follows the source file for file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import childsurv

SOURCE = Path(childsurv.__file__).resolve().parent
TESTS = Path(__file__).resolve().parent
ASSERTING = {"raises", "warns", "fail"}

ACROSS_ROOMS = {"by_hand", "fail", "laws", "reference", "truth"}
"""Folders of tests by kind of check, which span rooms: not part of the mirror."""

TESTED_ELSEWHERE = {
    "__main__": "one line that calls the command line, run by cli/test_failures.py",
    "_version": "one number",
    "cli/terminal": "what a terminal shows is read from the commands in cli/test_check_command.py",
    "curves/curve_columns": "labels, errors and limits are columns of tables of curves, in curves/test_curves.py",
    "curves/curve_options": "each estimator refuses wrong options, in laws/test_every_estimator.py",
    "demo/faults": "faults are put into extracts and found again, in demo/test_extracts.py",
    "demo/forms": "forms of files are written and read again, in demo/test_extracts.py",
    "extract/canonical_columns": "the last stage of reading, in extract/test_read.py",
    "extract/classification": "a stage of reading, in extract/test_read.py",
    "extract/proposed_rules": "rules are proposed column by column, in extract/test_propose.py",
    "extract/unknown_file": "opens what a layout is proposed for, in extract/test_propose.py",
    "extract/values": "a stage of reading whose values extract/test_timing.py places in time",
    "files/spreadsheet": "formulas in texts, in reporting/test_output.py and extract/test_write.py",
    "fold/risk_weights": "days that weights cannot be used on, in net/test_net.py",
    "fold/rows": "counts of rows are the tallies of fold/test_tally.py",
    "fold/split_days": "done for relsurv alone, whose numbers are in reference/test_net_shared.py",
    "fold/stretches": "sums that strs, stnet and popEpi make, in reference/test_net_shared.py",
    "fold/tallying": "makes the tallies of fold/test_tally.py",
    "lifetable/formats/cell_labels": "labels of each format, in lifetable/formats/test_reading.py",
    "lifetable/formats/published": "what readers share, in lifetable/formats/test_reading.py",
    "net/daily": "methods of net survival, in by_hand/test_net_methods.py and reference/test_net_methods.py",
    "net/intervals": "methods of net survival, in by_hand/test_net_methods.py and reference/test_net_methods.py",
    "net/life_years": "areas under crude mortality, in reference/test_net_family.py and truth/test_net_family.py",
    "net/options": "options of net survival that do not go together, in net/test_net.py",
    "net/programs": "numbers of strs, stnet and popEpi, in reference/test_net_shared.py",
    "net/relsurv": "numbers of relsurv, in reference/test_net_methods.py",
    "plot/sheet": "the page of plot/test_dots.py and plot/test_forest_plot.py",
    "regression/cox_fit": "the result of every fit, in regression/test_cox.py",
    "regression/fitted_arrays": "arrays of every fit, in regression/test_cox.py",
    "reporting/blocks": "the page is plain data that reporting/test_build.py reads whole",
    "reporting/content": "tables of the page, in reporting/test_build.py",
    "reporting/illustrations": "pictures of the page, in reporting/test_build.py",
    "reporting/record_sections": "sections of the page, in reporting/test_build.py",
    "reporting/request": "arguments of the page, in reporting/test_build.py",
    "reporting/result_tables": "tables of the page, in reporting/test_build.py",
    "reporting/sections": "sections of the page, in reporting/test_build.py",
}
"""Files of the package without a file of tests in the same place, and where they are tested."""

MORE_TESTS = {
    "compare/test_rank_family": "other weights, trend, pairs and maxima, beside compare/test_ranks.py",
    "extract/test_read_every_rule": "each rule of the catalogue on damaged rows, beside extract/test_read.py",
    "extract/test_read_fuzz": "damaged and hostile files, beside extract/test_read.py",
    "extract/test_read_layouts": "each built-in layout, beside extract/test_read.py",
    "net/test_tallies": "sums that were added up elsewhere, for every estimator with a life table",
    "net/test_without_table": "countries without a life table, beside net/test_net.py",
    "regression/test_against_r": "numbers of R, beside regression/test_cox.py",
    "test_examples": "examples of docstrings and documents",
    "test_import": "the package as a whole",
    "test_notebooks": "the notebooks",
    "test_rooms": "imports of the whole source",
    "test_ten_lines": "the ten lines of the README",
    "test_tests": "the tests themselves",
}
"""Files of tests that no file of the package has the name of, and why there are such."""


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def calls_in(node: ast.AST) -> set[str]:
    """Return the names of the functions and methods that are called."""
    called = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    return {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in called}


def asserts(node: ast.AST, helpers: set[str]) -> bool:
    """Return whether code asserts, itself or by a function that does."""
    if any(isinstance(one, ast.Assert) for one in ast.walk(node)):
        return True
    return any(name in ASSERTING | helpers or name.startswith("assert_") for name in calls_in(node))


def helpers_in(trees: list[ast.Module]) -> set[str]:
    """Return the functions that are no tests and assert, also those that call one of them."""
    functions = [one for tree in trees for one in functions_of(tree) if not one.name.startswith("test_")]
    found: set[str] = set()
    while more := {one.name for one in functions if asserts(one, found)} - found:
        found |= more
    return found


def early_returns(block: list[ast.stmt], helpers: set[str], asserted: bool = False) -> Iterator[int]:
    """Return the lines of a bare ``return`` that is reached before anything is asserted."""
    for statement in block:
        if isinstance(statement, ast.Return) and statement.value is None and not asserted:
            yield statement.lineno
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            continue
        inner = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
        inner += [handler.body for handler in getattr(statement, "handlers", [])]
        for part in inner:
            yield from early_returns(part, helpers, asserted)
        # An assertion in one branch is none for the code after it; one in a `with` or a plain line is.
        if not isinstance(statement, ast.If | ast.For | ast.While | ast.Try):
            asserted = asserted or asserts(statement, helpers)


def faults_in(tree: ast.Module, helpers: set[str]) -> list[str]:
    faults = []
    for test in functions_of(tree):
        if test.name.startswith("test_"):
            if not asserts(test, helpers):
                faults.append(f"{test.lineno}: {test.name} asserts nothing")
            faults += [
                f"{line}: {test.name} returns before it asserts" for line in early_returns(test.body, helpers)
            ]
    return faults


def test_every_test_asserts_on_every_way_through_it() -> None:
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(TESTS.rglob("*.py"))}
    helpers = helpers_in(list(trees.values()))
    faults = {
        path.relative_to(TESTS).as_posix(): found
        for path, tree in trees.items()
        if path.name.startswith("test_") and (found := faults_in(tree, helpers))
    }
    assert faults == {}


def test_the_tests_named_long_exist_and_are_no_rooms_only_ones() -> None:
    tests = {path: set() for path in sorted(TESTS.rglob("test_*.py"))}
    for path, names in tests.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {one.name for one in functions_of(tree) if one.name.startswith("test_")}
    conftest = ast.parse((TESTS / "conftest.py").read_text(encoding="utf-8"))
    (long,) = [
        ast.literal_eval(node.value)
        for node in conftest.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LONG"
    ]
    assert long - set().union(*tests.values()) == set()
    rooms = {path.parent: set() for path in tests}
    for path, names in tests.items():
        rooms[path.parent] |= names - long
    assert [room.name for room, names in rooms.items() if not names] == []


def files_under(folder: Path, pattern: str) -> set[str]:
    """Return the files below a folder, by their paths without the suffix."""
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob(pattern)}


def test_the_tree_of_tests_follows_the_source_file_for_file() -> None:
    source = {file for file in files_under(SOURCE, "*.py") if not file.endswith("__init__")}
    tests = {file for file in files_under(TESTS, "test_*.py") if file.partition("/")[0] not in ACROSS_ROOMS}
    mirrored = {file.replace("test_", "", 1): file for file in tests}
    assert source - set(mirrored) == set(TESTED_ELSEWHERE), "files without tests in the same place"
    extra = {test for file, test in mirrored.items() if file not in source}
    assert extra == set(MORE_TESTS), "tests without a file in the same place"


def test_the_reasons_name_tests_that_exist() -> None:
    tests = files_under(TESTS, "test_*.py")
    reasons = " ".join([*TESTED_ELSEWHERE.values(), *MORE_TESTS.values()])
    named = {name.removesuffix(".py") for name in re.findall(r"\S*test_\w+\.py", reasons)}
    assert len(named) > 20
    assert named - tests == set()


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("run()", "test_it asserts nothing"),
        ("check()", ""),
        ("if x:\n  return\n assert y", "test_it returns before it asserts"),
        ("if x:\n  assert z\n  return\n assert y", ""),
        ("with raises(E):\n  f()\n return", ""),
        ("try:\n  f()\n except E:\n  return\n assert y", "test_it returns before it asserts"),
    ],
)
def test_faults_are_found(body: str, fault: str) -> None:
    tree = ast.parse(f"def check():\n assert 1\ndef test_it():\n {body}\n")
    found = faults_in(tree, helpers_in([tree]))
    assert [one.partition(": ")[2] for one in found] == ([fault] if fault else [])
