"""Named age bands and age groups, so that every table can name the ones it uses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import OptionError

AGE_BANDS: dict[str, int] = {"0-14": 14, "0-17": 17, "0-18": 18, "0-19": 19}
"""Age bands by name, and the last completed year of age in each."""

AGE_GROUP_STARTS: dict[str, tuple[int, ...]] = {
    "standard": (0, 1, 5, 10, 15, 20),
    "five-year": (0, 5, 10, 15, 20),
    "concord": (0, 5, 10, 15),
    "russia": (0, 15, 18),
}
"""Schemes of age groups: the first completed year of each group.

"standard" sets infants apart, as registries of children do; "concord" has the three groups that CONCORD is reported
to weigh equally, and those from 15; "russia" has the 0-14 and 15-17 of its yearly reports.
"""

OLDEST_START = 120

AgeGroupsLike: TypeAlias = "str | Sequence[int]"


@dataclass(frozen=True)
class AgeGroups:
    """A scheme of age groups."""

    name: str
    """Its name; "own" for starts that the user gives."""
    starts: tuple[int, ...]
    """First completed year of each group, from 0."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the groups in their order, such as "1-4"; "20+" for the last, which is open."""
        closed = [
            str(first) if first == last else f"{first}-{last}"
            for first, last in zip(self.starts, (start - 1 for start in self.starts[1:]), strict=False)
        ]
        return (*closed, f"{self.starts[-1]}+")

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(self.labels)}"

    def codes(self, age_years: Any) -> npt.NDArray[np.intp]:
        """Return the place of the group of each age in completed years."""
        place: npt.NDArray[np.intp] = np.searchsorted(
            self.starts, np.maximum(np.asarray(age_years), 0), side="right"
        )
        return place - 1

    def column(self, age_years: Any) -> pd.Categorical[Any]:
        """Return the groups of ages in completed years, ordered, with the categories that occur."""
        groups = pd.Categorical.from_codes(
            self.codes(age_years), dtype=pd.CategoricalDtype(list(self.labels), ordered=True)
        )
        return groups.remove_unused_categories()


def age_groups(scheme: AgeGroupsLike) -> AgeGroups:
    """Return a scheme of age groups by its name, or from the first years of its groups.

    Raises
    ------
    OptionError
        There is no such scheme, or the starts are not whole years ascending from 0.

    Examples
    --------
    >>> age_groups("concord").labels
    ('0-4', '5-9', '10-14', '15+')
    >>> age_groups([0, 3, 10]).labels
    ('0-2', '3-9', '10+')
    """
    if isinstance(scheme, str):
        if scheme not in AGE_GROUP_STARTS:
            raise OptionError(
                f"age_groups={scheme!r} is not a scheme; use one of {', '.join(map(repr, AGE_GROUP_STARTS))}, or a "
                "list of the first years of the groups, such as [0, 5, 10]."
            )
        return AgeGroups(scheme, AGE_GROUP_STARTS[scheme])
    starts = tuple(scheme)
    whole = all(isinstance(start, int | np.integer) and not isinstance(start, bool) for start in starts)
    if (
        not whole
        or not starts
        or starts[0] != 0
        or starts[-1] > OLDEST_START
        or list(starts) != sorted(set(starts))
    ):
        raise OptionError(
            "age_groups= takes the first completed years of the groups, whole numbers ascending from 0, such as "
            "[0, 5, 10]."
        )
    return AgeGroups("own", tuple(int(start) for start in starts))


def age_group_order(label: Any) -> tuple[int, str]:
    """Return the place of an age group among others, by the first year in its label."""
    match = re.match(r"[0-9]+", str(label))
    return (int(match[0]) if match else OLDEST_START + 1, str(label))
