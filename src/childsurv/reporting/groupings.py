"""The groups that a report shows (countries, diagnoses, periods, ages, sexes), small ones merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from childsurv.classify import iccc3_labels
from childsurv.cohort.cohort import Cohort
from childsurv.errors import DataError, OptionError, asking, require_columns
from childsurv.reporting.small_cells import adjacent_runs, small_members
from childsurv.words.catalogue import Texts

Names = Mapping[Any, Any]

PERIOD_YEARS = 5
SHORTEST_TREND_YEARS = 10
"""Periods are compared when diagnoses span at least this many calendar years."""

NO_VALUE = object()
"""The label of missing values."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """One way of grouping the patients."""

    name: str
    """Name in the tables: that of the column of the cohort."""
    column: str
    """The column of the cohort that was added for the report."""
    heading: str
    """What readers call it."""
    labels: tuple[str, ...]
    """The groups shown, in order; a merged one last."""
    codes: Mapping[str, str]
    """Short form of each label, for the heads of wide tables."""
    merged: int
    """How many groups were merged into the last one, 0 for none."""
    shown_as: Mapping[Any, str]
    """Value of the cohort's column to the label under which it is counted."""
    patients: tuple[int, ...]
    """Patients of each label."""

    @property
    def largest(self) -> str:
        """Label of the group with most patients, merged ones only if there is no other."""
        own = len(self.labels) - (1 if self.merged and len(self.labels) > 1 else 0)
        return self.labels[int(np.argmax(self.patients[:own]))]

    def knows(self, value: Any) -> bool:
        """Whether some patient analysed has this value."""
        return _key(value) in self.shown_as

    def label_of(self, value: Any) -> str:
        """Return the label under which a value of the column counts: that of the merged groups if unknown."""
        return self.shown_as.get(_key(value), self.labels[-1] if self.merged else str(value))


def combined(frame: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """Return one column as it is, or several joined into one label."""
    if len(names) == 1:
        return frame[names[0]]
    parts = [frame[name].astype(object).where(frame[name].notna(), "–").astype(str) for name in names]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + " / " + part
    return joined


def unordered_grouping(
    values: pd.Series,
    *,
    name: str,
    column: str,
    heading: str,
    minimum: int,
    texts: Texts,
    names: Names | None = None,
    codes: Names | None = None,
) -> tuple[Grouping, pd.Categorical[Any]]:
    """Group by a column whose values have no order; return the grouping and the label of each row."""
    keys = values.astype(object).where(values.notna(), NO_VALUE)
    counts = keys.value_counts(sort=False)
    counts = counts[counts > 0]
    order = _original_order(values, counts.index)
    merged = small_members(counts.reindex(order), minimum)
    kept = [value for value in order if value not in set(merged)]
    readable = {value: _readable(value, name, names, texts) for value in kept}
    if len(set(readable.values())) < len(kept):
        raise OptionError(f"names= gives two groups of {name!r} the same text; every group needs its own.")
    shown_as: dict[Any, str] = dict(readable)
    labels = list(readable.values())
    short = {label: str((codes or {}).get(value, label)) for value, label in readable.items()}
    if merged:
        other = texts("group.other", number=len(merged))
        labels.append(other)
        shown_as |= dict.fromkeys(merged, other)
        short[other] = texts("group.other_short")
    place = {label: number for number, label in enumerate(labels)}
    row_codes = keys.map({value: place[label] for value, label in shown_as.items()}).to_numpy(np.int64)
    patients = np.bincount(row_codes, minlength=len(labels))
    grouping = Grouping(
        name=name,
        column=column,
        heading=heading,
        labels=tuple(labels),
        codes=short,
        merged=len(merged),
        shown_as=shown_as,
        patients=tuple(int(count) for count in patients),
    )
    return grouping, pd.Categorical.from_codes(row_codes, dtype=pd.CategoricalDtype(labels))


def ordered_grouping(
    codes: Any, labels: Sequence[str], *, name: str, column: str, heading: str, minimum: int, joiner: Any
) -> tuple[Grouping, pd.Categorical[Any]]:
    """Group by ordered classes (periods, ages), joining small ones with their neighbours.

    Parameters
    ----------
    codes
        Class of each row, shape ``(n_rows,)``.
    labels
        Label of each class.
    joiner
        Makes one label from the first and last label of a run.
    """
    counts = np.bincount(codes, minlength=len(labels))
    present = [int(place) for place in np.flatnonzero(counts)]
    runs = adjacent_runs([int(count) for count in counts[present]], minimum)
    shown = [
        labels[present[first]] if first == last else joiner(labels[present[first]], labels[present[last]])
        for first, last in runs
    ]
    run_of = np.zeros(len(labels), dtype=np.int64)
    for number, (first, last) in enumerate(runs):
        run_of[present[first : last + 1]] = number
    row_codes = run_of[codes]
    grouping = Grouping(
        name=name,
        column=column,
        heading=heading,
        labels=tuple(shown),
        codes={label: label for label in shown},
        merged=0,
        shown_as={labels[place]: shown[run_of[place]] for place in present},
        patients=tuple(int(count) for count in np.bincount(row_codes, minlength=len(shown))),
    )
    return grouping, pd.Categorical.from_codes(row_codes, dtype=pd.CategoricalDtype(shown))


@dataclass(frozen=True, eq=False)
class Shown:
    """The cohort with the columns of its groupings."""

    cohort: Cohort
    by: Grouping
    """What is compared."""
    diagnosis: Grouping
    """The diagnostic groups."""
    country: Grouping
    """Countries, by which exclusions are counted."""
    period: Grouping | None
    """Periods, ages and sexes are there where the cohort has them and there is more than one group."""
    age: Grouping | None
    sex: Grouping | None

    @property
    def groupings(self) -> list[Grouping]:
        """All that are there, those of the comparison first."""
        return [one for one in (self.by, self.diagnosis, self.period, self.age, self.sex) if one is not None]


def shown_groups(
    cohort: Cohort, *, by: Sequence[str], diagnosis: str, minimum: int, names: Names | None, texts: Texts
) -> Shown:
    """Add the report's groups to a cohort as columns, small groups merged.

    Raises
    ------
    ColumnError
        The cohort has no such column.
    DataError
        The whole cohort has fewer patients than ``minimum``.
    """
    frame = cohort.frame
    with asking("report"):
        require_columns(frame.columns, [*by, diagnosis])
    if len(cohort) < max(minimum, 1):
        raise DataError(
            f"report: the cohort has fewer than {max(minimum, 1)} patients, so that nothing can be shown. "
            "Check the exclusions (Cohort.flow), or read more extracts."
        )
    columns: dict[str, Any] = {}

    def add(grouping: Grouping, values: pd.Categorical[Any]) -> Grouping:
        columns[grouping.column] = values
        return grouping

    def group(values: pd.Series, name: str, column: str, **more: Any) -> Grouping:
        heading = texts.optional(f"column.{name}") or name
        return add(
            *unordered_grouping(
                values, name=name, column=column, heading=heading, minimum=minimum, texts=texts, **more
            )
        )

    shown_by = group(combined(frame, by), " / ".join(by), "shown_by", names=names)
    readable, codes = _diagnosis_names(frame, diagnosis, texts)
    own = names.get(diagnosis) if names and isinstance(names.get(diagnosis), Mapping) else {}
    shown_diagnosis = group(
        frame[diagnosis],
        diagnosis,
        "shown_diagnosis",
        names={diagnosis: {**readable, **(own or {})}},
        codes=codes,
    )
    countries = frame["country"] if "country" in frame else pd.Series("", index=frame.index)
    shown_country = (
        shown_by if tuple(by) == ("country",) else group(countries, "country", "shown_country", names=names)
    )
    sex = age = None
    if "sex" in frame:
        sex = group(frame["sex"], "sex", "shown_sex", names={"sex": texts.mapping("sex")})
    if "age_group" in frame and frame["age_group"].notna().all():
        ages = frame["age_group"].astype("category")
        age = add(
            *ordered_grouping(
                ages.cat.codes.to_numpy(np.int64),
                [str(label).replace("-", "–") for label in ages.cat.categories],
                name="age_group",
                column="shown_age",
                heading=texts("column.age_group"),
                minimum=minimum,
                joiner=_join_ranges,
            )
        )
    period = _period(frame, minimum=minimum, texts=texts)
    return Shown(
        cohort=cohort.with_columns(columns | ({} if period is None else {"shown_period": period[1]})),
        by=shown_by,
        diagnosis=shown_diagnosis,
        country=shown_country,
        period=None if period is None else _several(period[0]),
        age=_several(age),
        sex=_several(sex),
    )


def _period(
    frame: pd.DataFrame, *, minimum: int, texts: Texts
) -> tuple[Grouping, pd.Categorical[Any]] | None:
    years = frame["diagnosis_date"].dt.year.to_numpy(np.int64)
    first, last = int(years.min()), int(years.max())
    if last - first + 1 < SHORTEST_TREND_YEARS:
        return None
    starts = np.arange(first // PERIOD_YEARS * PERIOD_YEARS, last + 1, PERIOD_YEARS)
    labels = [_range(max(int(start), first), min(int(start) + PERIOD_YEARS - 1, last)) for start in starts]
    codes = (years - starts[0]) // PERIOD_YEARS
    return ordered_grouping(
        codes,
        labels,
        name="period",
        column="shown_period",
        heading=texts("column.period"),
        minimum=minimum,
        joiner=_join_ranges,
    )


def _several(grouping: Grouping | None) -> Grouping | None:
    return grouping if grouping is not None and len(grouping.labels) > 1 else None


def _range(first: int, last: int) -> str:
    return f"{first}–{last}" if last > first else str(first)


def _join_ranges(first: str, last: str) -> str:
    """Join ranges such as 2000–2004 and 2005–2009."""
    return f"{first.split('–')[0]}–{last.split('–')[-1]}"


def _original_order(values: pd.Series, present: pd.Index) -> list[Any]:
    """Return the values in category order, otherwise sorted, missing last."""
    known = set(present)
    if isinstance(values.dtype, pd.CategoricalDtype):
        order = [value for value in values.cat.categories if value in known]
    else:
        order = sorted(
            (value for value in known if value is not NO_VALUE), key=lambda value: (str(type(value)), value)
        )
    return [*order, NO_VALUE] if NO_VALUE in known else order


def _readable(value: Any, name: str, names: Names | None, texts: Texts) -> str:
    if value is NO_VALUE:
        return texts("group.missing")
    own = names.get(name) if names and isinstance(names.get(name), Mapping) else names
    if own and value in own:
        return str(own[value])
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _key(value: Any) -> Any:
    return NO_VALUE if value is None or (isinstance(value, float) and np.isnan(value)) else value


def _diagnosis_names(
    frame: pd.DataFrame, diagnosis: str, texts: Texts
) -> tuple[dict[str, str], dict[str, str]]:
    """Return a readable name and a short code of every class of ICCC-3; nothing for other columns."""
    if diagnosis == "iccc_group":
        short = texts.mapping("iccc_short")
        return {code: f"{code} {name}" for code, name in short.items()}, {code: code for code in short}
    if diagnosis == "iccc_subgroup":
        editions = frame["iccc_edition"].unique() if "iccc_edition" in frame else ["2017"]
        names = iccc3_labels("subgroup", edition=str(editions[0]))
        return {str(code): f"{code} {name}" for code, name in names.items()}, {
            str(code): str(code) for code in names.index
        }
    return {}, {}
