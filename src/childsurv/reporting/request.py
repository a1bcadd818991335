"""What a user asked of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Request:
    """What a user asked of a report, checked; arguments as in `report`."""

    by: tuple[str, ...]
    diagnosis: str
    minimum: int
    years: tuple[float, ...]
    level: float
    reference: str | None
    cox_formula: str | Sequence[str] | None
    names: Mapping[Any, Any] | None
    simulated: bool | None
    language: str
    title: str | None

    @property
    def main_year(self) -> float:
        """The year of rankings and heat maps: 5 if asked for, otherwise the last one."""
        return 5.0 if 5 in self.years else max(self.years)
