"""Draw the rooms of the package and what each imports, read from the source: ``python docs/make_rooms.py``.

Floors are those of ``tests/test_rooms.py``. An arrow that longer ways already imply is a pale line, so that the ways
through the house can be followed. Imports that serve types alone count too; the hook of `Curves.plot` and its kin does
not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

import childsurv as cs

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "src" / "childsurv"
RULE = REPOSITORY / "tests" / "test_rooms.py"
PICTURE = Path(__file__).with_name("pictures") / "rooms"

DARK, GREY, PALE = "#15232b", "#37474f", "#c3ccd2"
WIDTH, HEIGHT, STEP = 18.0, 6.4, 9.6

LEFT_OUT = {"__init__", "__main__", "_version"}
"""Files beside the rooms. `errors` is drawn as the ground, without arrows: every room imports it."""

HOLDS = {
    "maths": "arrays in, arrays out",
    "words": "texts, numbers",
    "files": "safe spreadsheets",
    "cohort": "children followed",
    "classify": "ICCC-3, ICD-10, stage",
    "lifetable": "population mortality",
    "curves": "the one result",
    "fold": "patients into sums",
    "extract": "registry files",
    "demo": "simulated registers",
    "survival": "observed survival",
    "compare": "tests of groups",
    "net": "net survival",
    "regression": "Cox models",
    "plot": "pictures",
    "reporting": "the report",
    "cli": "the command line",
}
PLACES = {
    "maths": 51,
    "words": 96,
    "files": 6,
    "cohort": 38,
    "classify": 26,
    "lifetable": 46,
    "curves": 77,
    "fold": 46,
    "extract": 6,
    "demo": 22,
    "survival": 55,
    "compare": 83,
    "net": 49,
    "regression": 72,
    "plot": 92,
    "reporting": 40,
    "cli": 22,
}
"""Middle of each room, in the units of the picture."""


def floors() -> list[list[str]]:
    """Return the rooms of each floor that has any, from the ground up, as the test of imports has them."""
    (rule,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(RULE.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS"
    )
    there = [sorted(room for room in floor - LEFT_OUT if (PACKAGE / room).is_dir()) for floor in rule]
    return [rooms for rooms in there if rooms]


def imported(node: ast.AST, function: str = "") -> Iterator[str]:
    """Return the names under ``childsurv`` that code imports, save `childsurv.plot` inside a method ``plot``."""
    if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "childsurv":
        first = node.module.partition(".")[2].partition(".")[0]
        for room in [first] if first else [alias.name for alias in node.names]:
            if not (room == "plot" and function == "plot"):
                yield room
    if isinstance(node, ast.FunctionDef):
        function = node.name
    for child in ast.iter_child_nodes(node):
        yield from imported(child, function)


def arrows() -> list[tuple[str, str]]:
    """Return which room imports which."""
    found = set()
    for path in PACKAGE.glob("*/**/*.py"):
        room = path.relative_to(PACKAGE).parts[0]
        found |= {(room, other) for other in imported(ast.parse(path.read_text(encoding="utf-8")))}
    return sorted((room, other) for room, other in found if room != other and other in HOLDS)


def implied(all_arrows: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the arrows that a longer way implies."""
    ahead: dict[str, set[str]] = {}
    for room, other in all_arrows:
        ahead.setdefault(room, set()).add(other)

    def reached(room: str) -> set[str]:
        return ahead.get(room, set()).union(*(reached(other) for other in ahead.get(room, ())))

    return {
        (room, other)
        for room, other in all_arrows
        if any(other in reached(between) for between in ahead[room] - {other})
    }


def description() -> str:
    """Return the arrows in words, which the picture carries and a test compares with the source."""
    return "; ".join(f"{room} imports {other}" for room, other in arrows())


def rooms() -> Figure:
    """Draw the floors from the ground up, with an arrow from each room to those it imports."""
    levels = floors()
    top = 9 + STEP * len(levels)
    figure = Figure(figsize=(9.6, 9.6 * (top + 3) / 110))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-4, 106)
    axes.set_ylim(-3, top)
    figure.alt_text = description()

    middle = {}
    for level, names in enumerate(levels):
        y = 8.5 + STEP * level
        if level % 2 == 0:
            axes.axhspan(y - STEP / 2, y + STEP / 2, color="#f4f6f8", zorder=0)
        for name in names:
            middle[name] = (float(PLACES[name]), y)
    axes.axhspan(-3, 8.5 - STEP / 2, color="#dfe5e8", zorder=0)
    axes.text(
        51,
        0.4,
        "errors: messages, warnings, the name of the function that a user called; every room imports it",
        ha="center",
        va="center",
        fontsize=8.5,
        color=DARK,
    )

    faint = implied(arrows())
    for room, other in arrows():
        (x, y), (to_x, to_y) = middle[room], middle[other]
        pale = (room, other) in faint
        if y == to_y:
            side = 1 if to_x > x else -1
            ends = (x + side * WIDTH / 2, y), (to_x - side * WIDTH / 2, y)
        else:
            # Arrows leave and reach a room a little towards where they come from.
            lean = max(-WIDTH / 3, min(WIDTH / 3, (to_x - x) / 4))
            ends = (x + lean, y - HEIGHT / 2), (to_x - lean, to_y + HEIGHT / 2)
        axes.add_patch(
            FancyArrowPatch(
                *ends,
                arrowstyle="-" if pale else "-|>",
                mutation_scale=9,
                shrinkA=0,
                shrinkB=0,
                linewidth=0.5 if pale else 0.8,
                color=PALE if pale else GREY,
                zorder=1 if pale else 2,
            )
        )
    for name, (x, y) in middle.items():
        axes.add_patch(
            FancyBboxPatch(
                (x - WIDTH / 2, y - HEIGHT / 2),
                WIDTH,
                HEIGHT,
                boxstyle="round,pad=0,rounding_size=0.8",
                facecolor="white",
                edgecolor=GREY,
                linewidth=0.8,
                zorder=3,
            )
        )
        axes.text(
            x, y + 1.2, name, ha="center", va="center", fontsize=10, weight="bold", color=DARK, zorder=4
        )
        axes.text(
            x,
            y - 1.6,
            HOLDS[name],
            ha="center",
            va="center",
            fontsize=7.5,
            color=GREY,
            zorder=4,
        )
    axes.text(
        -2,
        top - 2.6,
        "Rooms and imports: arrows go down; pale lines are imports that arrows imply",
        fontsize=10.5,
        color=DARK,
        va="center",
    )
    return figure


if __name__ == "__main__":
    cs.plot.save(rooms(), PICTURE, dpi=150)
