"""Every test asserts something, on every way through it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ASSERTING = {"raises", "warns", "fail"}


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
