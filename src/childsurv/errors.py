"""The errors and warnings of childsurv, and the phrases they share.

A message names what was found, the column, the rule, the number of rows and which ones, and what to do. It never holds
a value of a patient; only the owner of the data can look up its row numbers.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar, Token
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import ArrayLike

P = ParamSpec("P")
R = TypeVar("R")

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep  # noqa: PTH100, PTH120 - frames hold plain text
"""Directory of the library, at whose frames no warning points."""


class ChildsurvError(Exception):
    """Base class of every error that childsurv raises on purpose."""


class ColumnError(ChildsurvError, ValueError):
    """A column is missing, named wrongly, or of a kind that cannot be used."""


class DataError(ChildsurvError, ValueError):
    """Rows hold something that a rule does not allow."""


class LayoutError(ChildsurvError, ValueError):
    """A layout is not valid, or does not fit the file that it was given."""


class LifeTableError(ChildsurvError, ValueError):
    """A life table has gaps, does not cover the follow-up, or cannot be read."""


class ModelError(ChildsurvError, ValueError):
    """A regression cannot be fitted: no events, collinear or constant covariates, no convergence."""


class OptionError(ChildsurvError, ValueError):
    """An argument has a value that is not one of its choices."""


class MissingExtraError(ChildsurvError, ImportError):
    """A library that an optional feature needs is not installed."""


class ChildsurvWarning(UserWarning):
    """Something a reader of the result should know; the result itself is right for its conventions."""


_ASKED: ContextVar[str] = ContextVar("childsurv_asked", default="childsurv")


class asking:
    """Name the function that a user called, for every message raised below it.

    As a decorator of a public function or as a ``with`` block. The innermost name holds, so that a report which calls
    an estimator names the estimator.

    Parameters
    ----------
    name
        What the user wrote, such as "kaplan_meier" or "Curves.at".

    Examples
    --------
    >>> from childsurv.errors import asked, asking
    >>> with asking("kaplan_meier"):
    ...     asked()
    'kaplan_meier'
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._tokens: list[Token[str]] = []

    def __enter__(self) -> None:
        self._tokens.append(_ASKED.set(self.name))

    def __exit__(self, *_: object) -> None:
        _ASKED.reset(self._tokens.pop())

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function with its errors named."""

        @functools.wraps(function)
        def named(*args: P.args, **kwargs: P.kwargs) -> R:
            token = _ASKED.set(self.name)
            try:
                return function(*args, **kwargs)
            finally:
                _ASKED.reset(token)

        return named


class renamed:
    """Take old names of arguments beside the new ones until 1.0, each with one DeprecationWarning at the user's line.

    A decorator of a public function, below `asking`. `inspect.signature` and the documentation show the new names only,
    and a name that is neither old nor new is Python's own TypeError.

    Parameters
    ----------
    **names
        New names by the old ones: ``renamed(horizon="horizon_years")``. An argument that became an entry of a mapping
        is written ``renamed(add_times="compat_options.add_times")``; its ``None`` adds no entry.

    Examples
    --------
    >>> from childsurv.errors import renamed
    >>> @renamed(color="colour")
    ... def paint(*, colour):
    ...     return colour
    >>> paint(colour="red")
    'red'
    """

    def __init__(self, **names: str) -> None:
        self.names = names

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function with its old names."""
        parameters = list(inspect.signature(function).parameters)

        @functools.wraps(function)
        def with_old_names(*args: P.args, **kwargs: P.kwargs) -> R:
            for old, new in self.names.items():
                if old in kwargs:
                    _rename(kwargs, old, new, by_place=parameters[: len(args)])
            return function(*args, **kwargs)

        vars(with_old_names)["renamed"] = self.names
        return with_old_names


def _rename(given: dict[str, Any], old: str, new: str, *, by_place: Sequence[str]) -> None:
    """Put the value of an old name under the new one, and warn."""
    name, _, key = new.partition(".")
    shown = f"{name}={{{key!r}: ...}}" if key else f"{name}="
    entries = given.get(name) or {}
    if key in entries if key else name in given or name in by_place:
        raise OptionError(f"{asked()}: `{old}=` is the old name of `{shown}`; give one of the two.")
    warn(f"{asked()}: `{old}=` is now called `{shown}`; the old name goes at 1.0.", DeprecationWarning)
    value = given.pop(old)
    if not key:
        given[name] = value
    elif value is not None:
        given[name] = {**entries, key: value}


def asked() -> str:
    """Return the name of the function that a user called, to begin a message with."""
    return _ASKED.get()


def warn(message: str, category: type[Warning] = ChildsurvWarning) -> None:
    """Warn at the line outside this package that led here, however deep the call."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def rows_phrase(rows: ArrayLike, *, limit: int = 8) -> str:
    """Return the number of rows and which ones, as ``3 rows (2, 5, 9)``; a long list ends with how many more.

    Parameters
    ----------
    rows
        Row numbers, counted from 1.
    limit
        How many numbers to print.
    """
    numbers = np.asarray(rows).ravel()
    shown = ", ".join(str(int(number)) for number in numbers[:limit])
    more = f" and {numbers.size - limit:,} more" if numbers.size > limit else ""
    noun = "row" if numbers.size == 1 else "rows"
    return f"{numbers.size:,} {noun} ({noun} {shown}{more})"


def rows_where(mask: ArrayLike) -> str:
    """`rows_phrase` of the places where ``mask`` is true, counted from 1."""
    return rows_phrase(np.flatnonzero(np.asarray(mask)) + 1)


def require_columns(available: Iterable[object], needed: Sequence[str]) -> None:
    """Raise a `ColumnError` that names the missing columns, close matches and what is there."""
    labels = list(available)
    there = set(labels)
    missing = [name for name in needed if name not in there]
    if not missing:
        twice = sorted({name for name in needed if labels.count(name) > 1})
        if twice:
            raise ColumnError(
                f"{asked()}: more than one column is called {', '.join(map(repr, twice))}. Rename or drop all but one."
            )
        return
    names = [str(label) for label in labels]
    hints = []
    for name in missing:
        close = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
        if close:
            hints.append(f"did you mean {' or '.join(repr(match) for match in close)} for {name!r}?")
    listed = ", ".join(names[:40]) + (f", and {len(names) - 40} more" if len(names) > 40 else "")
    raise ColumnError(
        f"{asked()}: no column {', '.join(repr(name) for name in missing)}. "
        + "".join(f"{hint[0].upper()}{hint[1:]} " for hint in hints)
        + f"The data have the columns: {listed or 'none'}."
    )


def require_choice(value: Any, choices: Sequence[str], *, argument: str) -> str:
    """Return ``value`` if it is one of ``choices``; raise an `OptionError` that lists them if not."""
    if isinstance(value, str) and value in choices:
        return value
    raise OptionError(f"{argument}={value!r} is not a choice; use one of {', '.join(map(repr, choices))}.")


def require_level(level: float) -> float:
    """Return a confidence level strictly between 0 and 1; raise an `OptionError` otherwise."""
    if isinstance(level, str) or not 0.0 < level < 1.0:
        raise OptionError(f"level={level!r} must lie between 0 and 1; write 0.95 for 95 %.")
    return float(level)


def require_count(value: Any, *, argument: str) -> int:
    """Return a whole number of 0 or more; raise an `OptionError` otherwise."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
        raise OptionError(f"{argument}= must be a whole number, 0 or more.")
    return int(value)


def import_extra(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional library, or raise a `MissingExtraError` that names the extra to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the library {module.split('.')[0]!r}. "
            f"Install it with: pip install 'childsurv[{extra}]'"
        ) from error
