"""Every example in a docstring and in the README runs, and every local link in the documents leads somewhere."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import childsurv

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(childsurv.__path__, "childsurv.")
    if not module.name.endswith("__main__")
)
LIFELINES = importlib.util.find_spec("lifelines") is not None
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])


class _Finder(doctest.DocTestFinder):
    """Also finds the examples of decorated functions, whose globals are the decorator's."""

    def _from_module(self, module: ModuleType | None, object: Any) -> bool:
        return super()._from_module(module, inspect.unwrap(object) if callable(object) else object)  # type: ignore[misc, no-any-return]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        for example in _Finder().find(module, name):
            # lifelines holds pandas below version 3; the rest runs without it.
            if LIFELINES or not any("lifelines" in line.source for line in example.examples):
                runner.run(example)
    assert runner.failures == 0


def test_examples_of_decorated_functions_are_found() -> None:
    found = {
        test.name for test in _Finder().find(importlib.import_module("childsurv.net.net")) if test.examples
    }
    assert "childsurv.net.net.net_survival" in found


def test_public_functions_have_a_runnable_example() -> None:
    finder = doctest.DocTestFinder()
    without = [
        name
        for name in childsurv.__all__
        if callable(getattr(childsurv, name))
        and not isinstance(getattr(childsurv, name), type)
        and not any(test.examples for test in finder.find(getattr(childsurv, name), name))
    ]
    assert without == []


def test_readme_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_examples_of_life_tables_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = REPOSITORY / "docs" / "life_tables.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 6
    together: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page.name, "exec"), together)
    assert (tmp_path / "life_table.png").exists()


@pytest.mark.long
@pytest.mark.parametrize("name", ["observed_survival", "net_survival"])
def test_examples_of_estimates_run_in_order(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = REPOSITORY / "docs" / f"{name}.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    together: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page.name, "exec"), together)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_local_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        place = document if not path else (document.parent / path).resolve()
        assert place.exists(), target
        if anchor and place.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, target
