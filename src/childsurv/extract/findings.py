"""What the checks find while an extract is read, and the exclusions: one rule a row, so that nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import FINDING_COLUMNS, empty_findings, exclusion_rows, join_exclusions
from childsurv.extract.columns import categories_of
from childsurv.extract.conditions import Column, holds
from childsurv.extract.dates import Mask
from childsurv.extract.rules import Rule, Rules, rules


@dataclass
class Found:
    """Collects what the checks find while an extract is read."""

    row_number: npt.NDArray[np.int64]
    """Row number of each row, for the findings."""
    masks: dict[str, Mask] = field(default_factory=dict)
    """Rule code to the rows it concerns."""
    counts: dict[str, int] = field(default_factory=dict)
    """Rule code to a count, for findings that concern no single row."""
    facts: dict[str, str] = field(default_factory=dict)
    """What the messages may name: options, never values of a patient."""
    settled: Mask | None = None
    """Rows for which no further rule reports anything."""
    known: Rules = field(default_factory=rules)
    """The rules."""

    def judge(self, columns: Mapping[str, Column]) -> None:
        """Record the rows that the conditions of the rules concern."""
        for code, rule in self.known.items():
            if rule.when and all(one.column in columns for group in rule.when for one in group):
                found = holds(rule.when, columns, self.row_number.size)
                if rule.unless and found.any():
                    found &= ~holds(rule.unless, columns, self.row_number.size)
                self.add(code, found)

    def settle(self, code: str, where: Mask) -> None:
        """Record rows for which nothing more is reported, because none of their values can be trusted."""
        self.add(code, where)
        self.settled = where if self.settled is None else self.settled | where

    def add(self, code: str, where: Mask) -> None:
        """Record the rows that a rule concerns, adding to those it had."""
        self.known[code]  # a finding without a rule would never be shown
        if self.settled is not None:
            where = where & ~self.settled
        if where.any():
            self.masks[code] = self.masks[code] | where if code in self.masks else where

    def count(self, code: str, number: int) -> None:
        """Record how many rows (or lines) a rule of the file as a whole concerns."""
        self.known[code]
        if number:
            self.counts[code] = self.counts.get(code, 0) + number

    def any_of(self, codes: Sequence[str]) -> Mask:
        """Return the rows that any of some rules concerns."""
        union = np.zeros(self.row_number.size, dtype=bool)
        for code in codes:
            if code in self.masks:
                union |= self.masks[code]
        return union

    def message(self, rule: Rule) -> str:
        """Return the message of a rule with its facts."""
        message = rule.message
        for name, fact in self.facts.items():  # not str.format: a rule of the user's may hold braces
            message = message.replace(f"{{{name}}}", fact)
        return message

    def findings(self) -> pd.DataFrame:
        """Return the findings table, in the order of the rules, rows ascending within a rule."""
        listed: list[Rule] = []
        numbers: list[npt.NDArray[np.int64]] = []
        counts: list[int] = []
        for code, rule in self.known.items():
            mask = self.masks.get(code)
            if mask is not None and rule.listing == "rows":
                listed.append(rule)
                numbers.append(self.row_number[mask])
                counts.append(1)
            total = self.counts.get(code, 0) + (
                int(mask.sum()) if mask is not None and rule.listing == "once" else 0
            )
            if total:
                listed.append(rule)
                numbers.append(np.zeros(1, dtype=np.int64))
                counts.append(total)
        if not listed:
            return empty_findings()
        repeats = [number.size for number in numbers]
        place = np.repeat(np.arange(len(listed)), repeats)
        columns: dict[str, Any] = {
            "code": _labels([rule.code for rule in listed], place),
            "severity": _labels([rule.severity for rule in listed], place),
            "message": _labels([self.message(rule) for rule in listed], place),
            "column": _labels([rule.column for rule in listed], place),
            "row_number": np.concatenate(numbers),
            "count": np.array(counts, dtype=np.int64)[place],
            "source": _labels([rule.source for rule in listed], place),
        }
        return pd.DataFrame(columns, columns=list(FINDING_COLUMNS))

    def exclude(self, codes: Sequence[str], country: pd.Categorical) -> tuple[Mask, pd.DataFrame]:
        """Give each row the first rule that leaves it out; return the rows kept and the exclusions table."""
        kept = np.ones(self.row_number.size, dtype=bool)
        tables = []
        for code in codes:
            mask = self.masks.get(code)
            if mask is None:
                continue
            left_out = mask & kept
            kept &= ~mask
            message = self.message(self.known[code])
            tables.append(exclusion_rows(code, message, pd.Series(country[left_out])))
        return kept, join_exclusions(tables)


def _labels(texts: Sequence[str], place: npt.NDArray[np.intp]) -> pd.Categorical[Any]:
    codes, distinct = pd.factorize(np.array(texts, dtype=object))
    return categories_of(codes[place], list(distinct))
