"""The one reading of the times that a user asks for: ``times=`` in the unit of follow-up, or ``years=``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from childsurv.errors import OptionError, asked
from childsurv.maths.calendar import DAYS_PER_YEAR

FloatArray = npt.NDArray[np.float64]


def asked_numbers(values: Any, *, argument: str, positive: bool = False) -> FloatArray:
    """Return one or several finite numbers as an array of shape ``(n,)``, in the order given.

    Parameters
    ----------
    values
        A number or a sequence of numbers.
    argument
        Its name, for messages, without ``=``.
    positive
        Whether 0 is refused.

    Raises
    ------
    OptionError
        Not a number, no number, or numbers that are missing, infinite or too small.
    """
    rule = "greater than 0" if positive else "of 0 or more"
    wrong = OptionError(f"{asked()}: {argument}= takes one or more finite numbers {rule}.")
    if isinstance(values, str | bytes):
        raise wrong
    try:
        numbers = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise wrong from None
    if numbers.ndim != 1 or numbers.size == 0 or not np.isfinite(numbers).all():
        raise wrong
    if (numbers <= 0).any() if positive else (numbers < 0).any():
        raise wrong
    return numbers


def asked_times(
    times: Any, years: Any, *, in_days: bool = True, unit: str = "another unit", positive: bool = False
) -> FloatArray:
    """Return the times asked for in the unit of follow-up, of shape ``(n_times,)``, in the order given.

    Parameters
    ----------
    times
        One or several times in the unit of follow-up, or ``None``.
    years
        One or several times in years of 365.25 days, or ``None``; exactly one of the two is given.
    in_days
        Whether follow-up counts days, so that years can be asked for.
    unit
        Its unit where it does not, for the message.
    positive
        Whether 0 is refused.

    Raises
    ------
    OptionError
        Both or neither given, years of follow-up that is not in days, or no finite numbers of 0 or more.
    """
    if (times is None) == (years is None):
        known = "days" if in_days else unit
        raise OptionError(f"{asked()}: give times= (in {known}) or years=, one of the two.")
    if years is None:
        return asked_numbers(times, argument="times", positive=positive)
    if not in_days:
        raise OptionError(
            f"{asked()}: years= needs follow-up in days; this follow-up counts {unit}. Give times= in that unit."
        )
    return asked_numbers(years, argument="years", positive=positive) * DAYS_PER_YEAR


def keyword_only_times(
    positional: Sequence[Any],
    *,
    meant: str,
    times: str = "times",
    years: str = "years",
    in_days: bool = True,
    unit: str = "another unit",
) -> None:
    """Refuse times that were given by position, and name the arguments to use instead.

    Parameters
    ----------
    positional
        What a function with ``*positional`` was given there; nothing happens when it is empty.
    meant
        The unit that such a number had while positions were allowed: "years", or "days".
    times, years
        Names of the two arguments.
    in_days, unit
        As for `asked_times`.

    Raises
    ------
    OptionError
        Something was given by position.
    """
    if not positional:
        return
    first = positional[0]
    number = isinstance(first, int | float | np.number) and not isinstance(first, bool)
    shown = f"{first:g}" if number else "..."
    by_name = f"{times}={shown} for {'days' if in_days else unit}"
    if in_days:
        by_name = f"{years}={shown} for years or {by_name}"
    raise OptionError(
        f"{asked()}: give times by name, because a number alone does not say its unit. By position it meant {meant}; "
        f"write {by_name}."
    )


def asked_number(value: Any, *, argument: str, positive: bool = False) -> float:
    """Return one finite number; arguments as for `asked_numbers`."""
    numbers = asked_numbers(value, argument=argument, positive=positive)
    if numbers.size != 1:
        raise OptionError(f"{asked()}: {argument}= takes one number; {numbers.size} were given.")
    return float(numbers[0])
