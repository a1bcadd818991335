"""Whether day or month comes first in a file: decided by the file as a whole, or not at all.

``20100305`` is 5 March or 3 May. A file whose layout allows both orders, or whose dates fit the other order
better, is never read value by value under whichever order fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from childsurv.errors import LayoutError
from childsurv.extract.columns import RawTable
from childsurv.extract.dates import READ, parse_dates
from childsurv.extract.layout import ColumnRule, Layout
from childsurv.extract.matching import Match


@dataclass(frozen=True)
class Evidence:
    """How many values can be read in only the first of two orders, in only the second, and in both."""

    first_only: int
    second_only: int
    both: int

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(
            self.first_only + other.first_only,
            self.second_only + other.second_only,
            self.both + other.both,
        )


NO_EVIDENCE = Evidence(0, 0, 0)


def swapped(written: str) -> str | None:
    """Return a date format with day and month in each other's place, ``None`` where it does not name both.

    Examples
    --------
    >>> swapped("%Y%m%d"), swapped("%m.%Y")
    ('%Y%d%m', None)
    """
    if "%d" not in written or "%m" not in written:
        return None
    return written.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def pairs_of(rule: ColumnRule) -> list[tuple[str, str]]:
    """Return the pairs of formats of a column that differ by day and month in each other's place."""
    pairs = []
    for place, written in enumerate(rule.formats):
        other = swapped(written)
        if other in rule.formats[place + 1 :]:
            pairs.append((written, str(other)))
    return pairs


def decide_order(layout: Layout, table: RawTable, match: Match) -> tuple[Layout, int]:
    """Choose one order where the layout allows two; return the layout with one, and the values that prove it.

    All date columns of the file that list the pair are judged together.

    Raises
    ------
    LayoutError
        The file does not show which order it uses, or holds dates of both.
    """
    rules = _date_rules(layout, match)
    evidence: dict[tuple[str, str], Evidence] = {}
    for rule in rules.values():
        for pair in pairs_of(rule):
            evidence[pair] = evidence.get(pair, NO_EVIDENCE) + _weigh(rule, pair, table, match)
    dropped: set[str] = set()
    proofs = 0
    for pair, found in evidence.items():
        if found.first_only and not found.second_only:
            dropped.add(pair[1])
        elif found.second_only and not found.first_only:
            dropped.add(pair[0])
        elif found.both or found.first_only:
            raise LayoutError(_undecided(layout, pair, found, list(rules)))
        else:  # no value of the file can be read in either order: nothing to decide
            dropped.add(pair[1])
        proofs += found.first_only + found.second_only
    columns = {
        name: replace(rule, formats=tuple(written for written in rule.formats if written not in dropped))
        if name in rules and pairs_of(rule)
        else rule
        for name, rule in layout.columns.items()
    }
    return replace(layout, columns=columns), proofs


def require_declared_order(layout: Layout, table: RawTable, match: Match) -> None:
    """Refuse a file whose dates are in the order of day and month that the layout does not name.

    Called where some dates could not be read: if the other order reads values that the declared one does not,
    and no value can be read in the declared order only, the file is written the other way round, and the dates
    that both orders read would be wrong without a warning.

    Raises
    ------
    LayoutError
        With both readings explained.
    """
    rules = _date_rules(layout, match)
    for rule in rules.values():
        for written in rule.formats:
            other = swapped(written)
            if other is None or other in rule.formats:
                continue
            sharing = [kin for kin in rules.values() if written in kin.formats]
            found = sum((_weigh(kin, (written, other), table, match) for kin in sharing), NO_EVIDENCE)
            if found.second_only and not found.first_only:
                raise LayoutError(
                    f"Layout {layout.name} reads dates as {written}, but {found.second_only:,} values can only "
                    f"be {other}, {found.both:,} can be either, and none can only be {written}: day and month "
                    f"seem to be the other way round, and the {found.both:,} would be read as wrong dates. "
                    f"If the file is written {other}, read it with date_formats=[{other!r}]; if it is not, "
                    f"with date_formats=[{written!r}], and correct the {found.second_only:,} values."
                )


def with_date_formats(layout: Layout, formats: Sequence[str]) -> Layout:
    """Return the layout with other formats in every column that is read as a date."""
    columns = {
        name: replace(rule, formats=tuple(formats)) if rule.read == "date" else rule
        for name, rule in layout.columns.items()
    }
    return replace(layout, columns=columns)


def _date_rules(layout: Layout, match: Match) -> Mapping[str, ColumnRule]:
    return {
        name: rule for name, rule in layout.columns.items() if rule.read == "date" and name in match.single
    }


def _weigh(rule: ColumnRule, pair: tuple[str, str], table: RawTable, match: Match) -> Evidence:
    """Count the values of one column that can be read in each of two orders."""
    header = match.single[rule.name]
    if table.days(header) is not None:
        return NO_EVIDENCE
    coded = table.coded(header)
    texts = rule.blanked(coded.texts)
    counts = np.bincount(coded.codes, minlength=len(texts))
    first, second = (
        parse_dates(texts, [written], unknown=rule.unknown, pivot=rule.pivot).status == READ
        for written in pair
    )
    # A date whose day is unknown is the same in both orders only if its month is where the other has a 99.
    return Evidence(
        int(counts[first & ~second].sum()),
        int(counts[second & ~first].sum()),
        int(counts[first & second].sum()),
    )


def _undecided(layout: Layout, pair: tuple[str, str], found: Evidence, fields: Sequence[str]) -> str:
    shown = (
        f"both: {found.first_only:,} values can only be {pair[0]}, {found.second_only:,} only {pair[1]}, and "
        f"{found.both:,} can be either"
        if found.first_only
        else f"neither: all {found.both:,} values can be read as {pair[0]} and as {pair[1]}"
    )
    return (
        f"Layout {layout.name} allows day and month in either order, and the dates of this file "
        f"({', '.join(fields)}) prove {shown}. {_explained(pair[0])}; {_explained(pair[1])}. Ask the registry, and "
        f"read the file with date_formats=[{pair[0]!r}] or date_formats=[{pair[1]!r}]."
    )


def _explained(written: str) -> str:
    """Explain a format by an invented date."""
    shown = written.replace("%Y", "2010").replace("%y", "10").replace("%d", "05").replace("%m", "03")
    return f"{written} writes 5 March 2010 as {shown}"
