"""Imports go down: rooms on floors, no arrow up or sideways, no circle of files.

The rule holds for every import, at the head of a file or inside a function. Imports for type checkers only count for
the direction and not for circles, because they are not run. The one exception is the hook by which curves, life tables
and fits draw themselves: a method called ``plot`` may import `childsurv.plot`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import childsurv

PACKAGE = Path(childsurv.__file__).resolve().parent

FLOORS = (
    {"_version"},
    {"errors"},
    {"maths", "words", "files"},
    {"cohort"},
    {"classify", "lifetable", "curves"},
    {"fold", "extract"},
    {"demo", "engine"},
    {"survival"},
    {"compare"},
    {"net", "regression"},
    {"plot", "tables", "share", "measures"},
    {"reporting"},
    {"cli"},
    {"__init__", "__main__"},
)
"""Rooms and the files beside them, from the ground up; some are yet to come."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


@dataclass(frozen=True)
class Import:
    """One import of a file of the package by another; modules are named without the package's name."""

    source: str
    target: str
    line: int
    for_types: bool
    hook: bool

    @property
    def arrow(self) -> str:
        return f"{room_of(self.source)} -> {room_of(self.target)}"


def room_of(module: str) -> str:
    return module.partition(".")[0]


def name_of(path: Path) -> str:
    """Return the name of a file as a module: ``net.crude``, and ``net`` for the ``__init__`` of a room."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1]) if len(parts) > 1 and parts[-1] == "__init__" else ".".join(parts)


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def targets_of(node: ast.Import | ast.ImportFrom, module: str) -> Iterator[str]:
    """Return the files of the package that a statement names."""
    if isinstance(node, ast.Import):
        asked = [alias.name for alias in node.names]
    elif node.level:
        inside = "" if module == "__init__" else module
        if FILES[module].name != "__init__.py":
            inside = inside.rpartition(".")[0]
        for _ in range(node.level - 1):
            inside = inside.rpartition(".")[0]
        stem = ".".join(part for part in ("childsurv", inside, node.module) if part)
        asked = [f"{stem}.{alias.name}" for alias in node.names]
    else:
        asked = [f"{node.module}.{alias.name}" for alias in node.names]
    for name in asked:
        first, _, rest = name.partition(".")
        if first != "childsurv":
            continue
        # A name that is no file is something that a file holds.
        while rest and rest not in FILES:
            rest = rest.rpartition(".")[0]
        yield rest or "__init__"


def imports_in(tree: ast.Module, module: str) -> Iterator[Import]:
    def walk(node: ast.AST, for_types: bool, function: str) -> Iterator[Import]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for target in targets_of(node, module):
                if target != module:
                    hook = function == "plot" and room_of(target) == "plot"
                    yield Import(module, target, node.lineno, for_types, hook)
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from walk(child, True, function)
            for child in node.orelse:
                yield from walk(child, for_types, function)
            return
        for child in ast.iter_child_nodes(node):
            yield from walk(child, for_types, function)

    return walk(tree, False, "")


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    """Every import of the package's own files, save the hook."""
    found = [
        one
        for module, path in FILES.items()
        for one in imports_in(ast.parse(path.read_text(encoding="utf-8")), module)
    ]
    assert len(found) > 300
    return [one for one in found if not one.hook]


def wrong(one: Import) -> bool:
    source, target = room_of(one.source), room_of(one.target)
    return source != target and FLOOR[source] <= FLOOR[target]


def circles_in(edges: dict[str, set[str]]) -> list[list[str]]:
    """Return the sets of files that reach each other, largest first."""
    reach: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        ahead = list(edges[start])
        while ahead:
            here = ahead.pop()
            if here not in seen:
                seen.add(here)
                ahead += edges.get(here, ())
        reach[start] = seen
    together = {
        tuple(sorted(other for other in reach[one] if one in reach.get(other, ())))
        for one in edges
        if one in reach[one]
    }
    return [list(files) for files in sorted(together, key=lambda files: (-len(files), files))]


def test_every_room_has_a_floor() -> None:
    assert {room_of(module) for module in FILES} - set(FLOOR) == set()


def test_imports_go_down(imports: list[Import]) -> None:
    faults = [f"{one.source}:{one.line} {one.arrow}" for one in imports if wrong(one)]
    assert faults == [], "these imports run up or sideways"


def test_no_files_import_each_other_in_a_circle(imports: list[Import]) -> None:
    edges: dict[str, set[str]] = {module: set() for module in FILES}
    for one in imports:
        if not one.for_types:
            edges[one.source].add(one.target)
    assert circles_in(edges) == [], "these files import each other"


def test_the_reading_of_imports_itself() -> None:
    code = """
import numpy, childsurv.net.crude
from childsurv.errors import warn
if TYPE_CHECKING:
    from childsurv.plot.page import Page
class Curves:
    def plot(self):
        from childsurv import plot
    def draw(self):
        from childsurv import plot
from . import summaries
"""
    found = list(imports_in(ast.parse(code), "curves.curves"))
    assert [(one.target, one.for_types, one.hook) for one in found] == [
        ("net.crude", False, False),
        ("errors", False, False),
        ("plot.page", True, False),
        ("plot", False, True),
        ("plot", False, False),
        ("curves.summaries", False, False),
    ]
    assert [wrong(one) for one in found] == [True, False, True, True, True, False]
    assert circles_in({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}}) == [["b", "c"], ["d"]]
