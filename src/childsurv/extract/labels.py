"""Columns of few distinct values: a label for each code, and the code of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.extract.dates import Mask

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Labels:
    """A column of few distinct values: a label for each code, and the code of each row."""

    codes: npt.NDArray[np.intp]
    labels: tuple[str, ...]

    def categorical(self, order: Sequence[str] = ()) -> pd.Categorical:
        """Return a categorical of the labels that occur, in a given order or sorted."""
        present = {self.labels[code] for code in np.unique(self.codes)}
        ranked = [label for label in order if label in present]
        categories = ranked + sorted(present.difference(ranked))
        places = {label: place for place, label in enumerate(categories)}
        lookup = np.array([places.get(label, -1) for label in self.labels], dtype=np.int32)
        return categories_of(lookup[self.codes], categories)

    def integers(self, otherwise: int) -> npt.NDArray[np.int8]:
        """Return labels that are whole numbers, and a number for the unknown."""
        lookup = [otherwise if label == UNKNOWN else int(label) for label in self.labels]
        return np.array(lookup, dtype=np.int8)[self.codes]

    def distinct(self) -> npt.NDArray[np.intp]:
        """Return codes that are the same wherever the label is, however it was written."""
        first = {label: place for place, label in reversed(list(enumerate(self.labels)))}
        return np.array([first[label] for label in self.labels], dtype=np.intp)[self.codes]

    def equals(self, label: str) -> Mask:
        """Return the rows with a label."""
        return np.array([known == label for known in self.labels])[self.codes]


def categories_of(codes: npt.NDArray[Any], labels: list[str]) -> pd.Categorical[Any]:
    """Return a categorical from codes and its labels."""
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(labels))
