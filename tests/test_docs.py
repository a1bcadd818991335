"""The documents name what there is: files in the design, names in the index, imports in the picture of the rooms."""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import childsurv as cs

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PACKAGE = REPOSITORY / "src" / "childsurv"
FILE = re.compile(r"[\w./*-]*\w\.(?:py|toml|tsv|csv|md|j2|css|svg|png|typed|ipynb)\b(?!\.j2)")

WITH_METHODS: dict[str, type] = {
    "Cohort": cs.Cohort,
    "Curves": cs.Curves,
    "Tally": cs.Tally,
    "Grid": cs.Grid,
    "LifeTable": cs.LifeTable,
    "CoxFit": cs.CoxFit,
    "ExcessMortality": cs.ExcessMortality,
    "TestResult": cs.TestResult,
    "Bootstrap": cs.Bootstrap,
    "Layout": cs.Layout,
    "LayoutSuggestion": cs.LayoutSuggestion,
}
INTERNAL = {"Curves.made", "Tally.require", "Tally.running", "Tally.cells_of"}
"""Methods that only the library calls."""


@cache
def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def tree() -> Iterator[str]:
    """Return the files that the tree of the design names, as paths within the package."""
    block = page("design.md").partition("<!-- tree: begin -->")[2].partition("<!-- tree: end -->")[0]
    folders: list[str] = []
    for line in block.strip().strip("`").splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.split(r" {3,}", line.strip())[0].split("  ")
        if names[0].endswith("/"):
            folders = [*folders[:depth], names[0]]
        elif names[0]:
            yield from ("".join(folders[:depth]) + name for name in names)


def public_names() -> set[str]:
    """Return every public name: of the package, its pictures and its demo, and the members of its classes."""
    names = {name for name in cs.__all__ if name not in {"plot", "demo", "__version__"}}
    names |= {f"{room}.{name}" for room in ("plot", "demo") for name in getattr(cs, room).__all__}
    return (
        names
        | {
            f"{owner}.{name}"
            for owner, kind in WITH_METHODS.items()
            for name, member in vars(kind).items()
            if not name.startswith("_")
            and callable(getattr(member, "__func__", member))
            and not any(hasattr(base, name) for base in kind.__bases__)
        }
        - INTERNAL
    )


def indexed() -> list[str]:
    """Return the names in the first column of the index's tables, without the brackets of a call."""
    cells = re.findall(r"^\| (`[^|]*`) \|", page("index.md"), re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([\w.]+)(?:\(\))?`", cell)]


def member(name: str) -> Any:
    value: Any = cs
    for part in name.split("."):
        value = getattr(value, part)
    return value


def test_the_design_names_every_file_once() -> None:
    there = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    rooms = {path for path in there if "/" in path and path.endswith("__init__.py")}
    named = Counter(tree())
    assert {name for name, times in named.items() if times > 1} == set()
    assert set(named) - there == set(), "these files are not there"
    assert there - rooms - set(named) == set(), "the tree lacks these files"


@pytest.mark.parametrize("name", ["design.md", "methods.md", "index.md", "../CONTRIBUTING.md"])
def test_documents_name_files_that_exist(name: str) -> None:
    text = page(name).partition("<!-- tree: begin -->")[0] + page(name).partition("<!-- tree: end -->")[2]
    places = (REPOSITORY, PACKAGE, DOCS, REPOSITORY / "tests")
    in_code = [
        file
        for code in re.findall(r"`([^`\n]+)`", text)
        for file in FILE.findall(code)
        if not file.startswith(("my", "own", "de."))
    ]
    rooms = {path.name for path in PACKAGE.rglob("*.py")}
    missing = [
        file
        for file in in_code
        if not any(any(place.glob(file)) for place in places) and not ("/" not in file and file in rooms)
    ]
    assert missing == []


def test_the_index_has_every_public_name_once() -> None:
    named = Counter(indexed())
    assert {name for name, times in named.items() if times > 1} == set()
    assert public_names() - set(named) == set(), "the index lacks these names"


def test_the_index_names_nothing_that_is_not_there() -> None:
    for name in indexed():
        owner = member(name.rpartition(".")[0]) if "." in name else cs
        own = name.rpartition(".")[2]
        assert hasattr(owner, own) or own in inspect.get_annotations(owner), name
    assert len(indexed()) > 130


@cache
def make_rooms() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_rooms", DOCS / "make_rooms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_of_the_rooms_is_that_of_the_imports() -> None:
    words = make_rooms().description()
    drawn = re.findall(
        r"<dc:title>(.*)</dc:title>", (DOCS / "pictures" / "rooms.svg").read_text(encoding="utf-8")
    )
    assert drawn[0] == words, "run python docs/make_rooms.py"
    assert (DOCS / "pictures" / "rooms.png").exists()


def test_every_room_has_a_place_in_the_picture() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    drawn = {room for floor in make_rooms().floors() for room in floor}
    assert drawn == rooms == set(make_rooms().PLACES) == set(make_rooms().HOLDS)


def test_an_arrow_that_others_imply_is_found() -> None:
    arrows = [("a", "b"), ("a", "c"), ("b", "c"), ("a", "d")]
    assert make_rooms().implied(arrows) == {("a", "c")}
