"""Make ``iccc3_rules.tsv`` from two long tables of rectangles, one an edition; not run by the tests.

Usage: ``python tests/classify/make_iccc3_tables.py FOLDER``, where FOLDER holds ``iccc3_2005.csv`` and
``iccc3_2017.csv`` with the columns ``subgroup, extended, morphology_from, morphology_to, topography_from,
topography_to`` and, in the second, ``revision``. Those tables were extracted from the pages of the SEER
Program and compared with each other, cell by cell. What is written here is the same classification in our
own form: all morphologies of a class that share their sites stand in one line.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from itertools import groupby
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "src" / "childsurv" / "classify" / "iccc3_rules.tsv"

HEADER = """\
# International Classification of Childhood Cancer, third edition (ICCC-3): which class holds which codes.
# Steliarova-Foucher E, Stiller C, Lacour B, Kaatsch P. Cancer 2005;103:1457-1467, doi:10.1002/cncr.20910;
# the update of 2017 by the International Agency for Research on Cancer (IARC);
# both as published by the Surveillance, Epidemiology, and End Results (SEER) Program.
# Revision 2023 holds what SEER's software adds for ICD-O-3.2; one source; it counts with 2017.
# A line is each of its morphologies at each of its topographies; runs include both ends; no cell is in two.
# Behaviour: group III and subgroup Xa hold /0, /1 and /3, all others /3 alone.
# Made by tests/classify/make_iccc3_tables.py.
"""


def topography_number(code: str) -> int:
    return int(code[1:])


def runs(numbers: set[int], write: str) -> str:
    """Write consecutive numbers as ``first-last``."""
    pieces = []
    for _, pairs in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in pairs]
        ends = [members[0]] if len(members) == 1 else [members[0], members[-1]]
        pieces.append("-".join(format_number(end, write) for end in ends))
    return " ".join(pieces)


def format_number(number: int, write: str) -> str:
    return f"C{number // 10:02d}.{number % 10}" if write == "topography" else str(number)


def compact_lines(rows: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Return (class, morphologies, topographies), in the order in which the classes first appear."""
    sites: dict[str, dict[int, set[int]]] = {}
    for row in rows:
        by_morphology = sites.setdefault(row["extended"] or row["subgroup"], defaultdict(set))
        topographies = range(
            topography_number(row["topography_from"]), topography_number(row["topography_to"]) + 1
        )
        for morphology in range(int(row["morphology_from"]), int(row["morphology_to"]) + 1):
            by_morphology[morphology].update(topographies)
    lines = []
    for code, by_morphology in sites.items():
        sharing: dict[frozenset[int], set[int]] = defaultdict(set)
        for morphology in sorted(by_morphology):
            sharing[frozenset(by_morphology[morphology])].add(morphology)
        lines += [
            (code, runs(morphologies, "morphology"), runs(set(shared), "topography"))
            for shared, morphologies in sharing.items()
        ]
    return lines


def main(folder: Path) -> None:
    revisions: dict[str, list[dict[str, str]]] = {"2005": [], "2017": [], "2023": []}
    for name in ("iccc3_2005.csv", "iccc3_2017.csv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                revisions[row.get("revision", "2005")].append(row)
    with TARGET.open("w", encoding="utf-8", newline="\n") as file:
        file.write(HEADER)
        file.write("revision\tclass\tmorphology\ttopography\n")
        for revision, rows in revisions.items():
            for line in compact_lines(rows):
                file.write("\t".join((revision, *line)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
