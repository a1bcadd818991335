"""What users ask of every estimator of curves, and of every method that takes times."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from childsurv.errors import require_choice, require_count, require_level
from childsurv.maths.asked import keyword_only_times
from childsurv.maths.limits import INTERVAL_KINDS

P = ParamSpec("P")
R = TypeVar("R")


def times_by_name(times: str = "times", years: str = "years") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator of a method of `Curves` that refuses times by position and names the unit that was meant."""

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def named(*args: P.args, **kwargs: P.kwargs) -> R:
            curves: Any = args[0]
            unit = str(curves.conventions.get("time_unit", "another unit"))
            meant = "days" if curves.in_days else unit
            keyword_only_times(
                args[1:], meant=meant, times=times, years=years, in_days=curves.in_days, unit=unit
            )
            return method(*args, **kwargs)

        return named

    return decorate


@dataclass(frozen=True)
class CurveOptions:
    """What a user asks of every estimator: the confidence level, the kind of limits, and a minimum of children."""

    level: float
    ci: str
    minimum: int = 0

    @classmethod
    def checked(
        cls, level: float, ci: str, minimum: int = 0, *, kinds: Sequence[str] = INTERVAL_KINDS
    ) -> CurveOptions:
        """Return the options after checking each; an `OptionError` names the one that is wrong."""
        require_choice(ci, kinds, argument="ci")
        return cls(require_level(level), ci, require_count(minimum, argument="minimum"))
