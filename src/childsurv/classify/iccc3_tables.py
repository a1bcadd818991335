"""The tables of ICCC-3: classes, their names, and one dense look-up array an edition.

The rules are in ``iccc3_rules.tsv``, the names in ``iccc3_names.tsv``; both credit their sources:
Steliarova- Foucher and others (2005), doi:10.1002/cncr.20910, the update of 2017 by IARC, and the pages of
the SEER Program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.classify.codes import N_TOPOGRAPHIES
from childsurv.errors import ChildsurvError

REVISIONS: dict[str, tuple[str, ...]] = {
    "2005": ("2005",),
    "2017": ("2017",),
    "2017-icdo3.2": ("2017", "2023"),
}
"""The editions that can be asked for, and the revisions of the rules that each one joins."""

EDITIONS: tuple[str, ...] = tuple(REVISIONS)

FIRST_MORPHOLOGY = 8000
N_MORPHOLOGIES = 2000
CODE = re.compile(r"([IVX]+)([a-f]?)([0-9]*)")

Run = tuple[int, int]


@dataclass(frozen=True)
class IcccClass:
    """One leaf of the classification: a division, or a subgroup that has no divisions."""

    code: str
    """Its own code: ``Ia1``, or ``Ib``, or ``V``."""
    group: str
    subgroup: str
    """The codes above it; the subgroup of group V is ``V``."""
    extended: str | None
    """The code of the division, ``None`` for a subgroup without divisions."""

    @property
    def holds_non_malignant(self) -> bool:
        """Whether behaviour 0 and 1 count as well as 3: group III and subgroup Xa."""
        return self.group == "III" or self.subgroup == "Xa"


@dataclass(frozen=True)
class Rule:
    """Every morphology of the runs at every topography of the runs; runs include both ends."""

    revision: str
    leaf: IcccClass
    morphologies: tuple[Run, ...]
    topographies: tuple[Run, ...]


def parse_class(code: str) -> IcccClass:
    """Split a code such as ``Ia1`` into its levels."""
    match = CODE.fullmatch(code)
    if match is None:
        raise ChildsurvError(f"the ICCC-3 table of childsurv holds the class {code!r}; reinstall childsurv")
    group, letter, digits = match.groups()
    return IcccClass(code=code, group=group, subgroup=group + letter, extended=code if digits else None)


@cache
def read_rules() -> tuple[Rule, ...]:
    """Read all rules, of every revision, in the order of the file."""
    return tuple(
        Rule(
            revision=row["revision"],
            leaf=parse_class(row["class"]),
            morphologies=tuple(parse_run(run) for run in row["morphology"].split()),
            topographies=tuple(parse_run(run) for run in row["topography"].split()),
        )
        for row in read_table("iccc3_rules.tsv")
    )


def rules_of(edition: str) -> tuple[Rule, ...]:
    """Return the rules of one edition, in the official order of the classes."""
    order = {leaf.code: number for number, leaf in enumerate(leaves())}
    wanted = [rule for rule in read_rules() if rule.revision in REVISIONS[edition]]
    return tuple(sorted(wanted, key=lambda rule: order[rule.leaf.code]))


@cache
def leaves() -> tuple[IcccClass, ...]:
    """Return the leaves of all editions in the official order.

    A subgroup that has divisions in one edition only comes before its divisions.
    """
    groups = names_of("group", "english", edition="2017").index
    place = {group: number for number, group in enumerate(groups)}
    unique = {rule.leaf.code: rule.leaf for rule in read_rules()}
    return tuple(
        sorted(
            unique.values(),
            key=lambda leaf: (place[leaf.group], leaf.subgroup, int(leaf.code[len(leaf.subgroup) :] or 0)),
        )
    )


def names_of(level: str, language: str, *, edition: str) -> pd.Series[Any]:
    """Return code -> name of one level (group, subgroup, extended) in one edition, in the official order."""
    revision = REVISIONS[edition][0]
    names = {
        row["code"]: row[language]
        for row in read_table("iccc3_names.tsv")
        if row["level"] == level and row["edition"] in ("", revision)
    }
    return pd.Series(names, name="label").rename_axis(f"iccc_{level}")


@cache
def level_dtypes() -> dict[str, pd.CategoricalDtype]:
    """Return the ordered categories of each result column; they are the same in every edition.

    So results of two editions can be compared and stacked without losing their type.
    """
    dtypes = {}
    for level in ("group", "subgroup"):
        codes = names_of(level, "english", edition="2017").index
        dtypes[f"iccc_{level}"] = pd.CategoricalDtype(codes, ordered=True)
    divisions = [leaf.extended for leaf in leaves() if leaf.extended is not None]
    dtypes["iccc_extended"] = pd.CategoricalDtype(divisions, ordered=True)
    by_edition = [leaf_names(edition) for edition in EDITIONS]
    named = [names[leaf.code] for leaf in leaves() for names in by_edition if leaf.code in names]
    dtypes["label"] = pd.CategoricalDtype(list(dict.fromkeys(named)), ordered=True)
    return dtypes


def leaf_names(edition: str) -> dict[str, str]:
    """Return the English name of every leaf of one edition."""
    names = {
        **names_of("subgroup", "english", edition=edition).to_dict(),
        **names_of("extended", "english", edition=edition).to_dict(),
    }
    return {rule.leaf.code: names[rule.leaf.code] for rule in rules_of(edition)}


@cache
def lookup_table(edition: str) -> npt.NDArray[np.uint8]:
    """Lay the rules of an edition out as an array morphology x topography, shape ``(2000, 810)``.

    A cell holds 0 where the edition has no class, else 1 + the place of the class in `leaves`.
    """
    table = np.zeros((N_MORPHOLOGIES, N_TOPOGRAPHIES), dtype=np.uint8)
    order = {leaf.code: number for number, leaf in enumerate(leaves(), start=1)}
    for rule in rules_of(edition):
        cells = np.ix_(members(rule.morphologies) - FIRST_MORPHOLOGY, members(rule.topographies))
        if table[cells].any():
            raise ChildsurvError(
                f"the ICCC-3 table of childsurv, edition {edition}, puts codes of class {rule.leaf.code} in "
                "a second class; reinstall childsurv"
            )
        table[cells] = order[rule.leaf.code]
    table.flags.writeable = False
    return table


def members(runs: tuple[Run, ...]) -> npt.NDArray[np.int64]:
    """Return every number of some runs."""
    return np.concatenate([np.arange(first, last + 1) for first, last in runs])


def parse_run(text: str) -> Run:
    """Read a range of codes, such as ``9811-9819`` or ``C40.0-C41.9``, as numbers."""
    ends = [int(end.removeprefix("C").replace(".", "")) for end in text.split("-")]
    return ends[0], ends[-1]


def read_table(name: str) -> Iterator[dict[str, str]]:
    """Read a table of this folder: tab-separated, with a header, lines starting with # left out."""
    lines = files("childsurv.classify").joinpath(name).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return (dict(zip(rows[0], row, strict=True)) for row in rows[1:])
