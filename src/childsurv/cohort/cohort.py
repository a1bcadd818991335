"""Cohort: registered tumours ready for analysis, one row each, with a record of everything left out.

A cohort is never changed: every method returns a new one. It counts integer days; years appear only at the edge.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.age_schemes import AgeGroupsLike, age_group_order, age_groups
from childsurv.errors import (
    ColumnError,
    DataError,
    OptionError,
    asking,
    require_columns,
)
from childsurv.maths.frozen import Frozen

CANONICAL_COLUMNS: tuple[str, ...] = (
    "patient_id",
    "tumour_id",
    "country",
    "registry",
    "sex",
    "birth_date",
    "diagnosis_date",
    "age_days",
    "age_years",
    "age_group",
    "topography",
    "morphology",
    "behaviour",
    "icd10",
    "basis",
    "grade",
    "iccc_group",
    "iccc_subgroup",
    "iccc_extended",
    "iccc_edition",
    "stage",
    "stage_system",
    "last_contact_date",
    "vital_status",
    "cause_of_death",
    "dco",
    "autopsy",
    "date_precision",
    "birth_precision",
    "contact_precision",
    "closing_date",
    "source_row",
    "link_token",
    "entry",
    "time",
    "event",
)
"""Column names that readers produce, in the order in which `Cohort.data` shows them.

``icd10`` is there where the extract has it, ``link_token`` where one was asked for."""

CONVENTIONS: tuple[str, ...] = ("iccc_edition", "age_band", "age_groups", "closing_date", "approach")
"""Entries of the provenance that every result of a cohort prints."""

FOLLOW_UP_COLUMNS: tuple[str, ...] = ("diagnosis_date", "entry", "time", "event")

FINDING_COLUMNS: tuple[str, ...] = ("code", "severity", "message", "column", "row_number", "count", "source")
"""Columns of `Cohort.findings`: one row for each check and row of the extract that it concerns."""

EXCLUSION_COLUMNS: tuple[str, ...] = ("rule", "message", "country", "patients")
"""Columns of `Cohort.exclusions`: one row for each rule (and country) that left rows out."""

AGE_GROUPS: tuple[str, ...] = age_groups("standard").labels
"""Age at diagnosis in completed years, as registries of children group it."""

ICCC_GROUPS: tuple[str, ...] = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
"""The main groups of ICCC-3 in their official order."""

QUALITY_KEYS: tuple[str, ...] = ("country", "registry")

QUALITY_COUNTS: tuple[str, ...] = (
    "rows_read",
    "eligible",
    "microscopically_verified",
    "death_certificate_only",
    "autopsy",
    "unspecified",
    "cns",
    "non_malignant_cns",
    "stage_unknown",
    "vital_status_unknown",
)
"""Rows of the extract as read, before exclusions, that `childsurv.data_quality` makes its shares from."""

DateLike = str | dt.date | pd.Timestamp

Window = tuple[DateLike | None, DateLike | None]


def empty_findings() -> pd.DataFrame:
    """Return a findings table with its columns and no rows."""
    return pd.DataFrame(
        {
            name: pd.Series(dtype="int64" if name in {"row_number", "count"} else "object")
            for name in FINDING_COLUMNS
        }
    )


def add_quality_counts(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Add up counts of data quality by country and registry."""
    parts = [table for table in tables if len(table)]
    if not parts:
        return pd.DataFrame(
            {name: pd.Series(dtype="object") for name in QUALITY_KEYS}
            | {name: pd.Series(dtype="int64") for name in QUALITY_COUNTS}
        )
    stacked = pd.concat(parts, ignore_index=True)
    return stacked.groupby(list(QUALITY_KEYS), sort=False, as_index=False)[list(QUALITY_COUNTS)].sum()


def exclusion_rows(rule: str, message: str, countries: pd.Series) -> pd.DataFrame:
    """Count the rows that a rule leaves out, by country, as rows of an exclusions table."""
    counts = countries.astype(object).where(countries.notna(), "").value_counts(sort=False)
    counts = counts[counts > 0].sort_index()
    return pd.DataFrame(
        {
            "rule": rule,
            "message": message,
            "country": counts.index.astype(str),
            "patients": counts.to_numpy(dtype=np.int64),
        },
        columns=list(EXCLUSION_COLUMNS),
    )


def join_exclusions(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Stack exclusions tables, adding counts of the same rule and country, in the order of first use."""
    parts = [table for table in tables if len(table)]
    if not parts:
        return pd.DataFrame(
            {name: pd.Series(dtype="int64" if name == "patients" else "object") for name in EXCLUSION_COLUMNS}
        )
    stacked = pd.concat(parts, ignore_index=True)
    return stacked.groupby(["rule", "message", "country"], sort=False)["patients"].sum().reset_index()


@dataclass(frozen=True, eq=False, repr=False)
class Cohort(Frozen):
    """Registered tumours ready for analysis, one row each, with findings, exclusions and provenance.

    Build one with `childsurv.read_extract`. The constructor checks the law that nothing is lost:
    rows read = rows kept + rows left out by each rule.

    Parameters
    ----------
    frame
        Canonical columns, one row a tumour. Not copied; not to be changed afterwards.
    rows_read
        How many rows the sources held.
    closing_date
        Last day on which follow-up can have been observed.
    findings_table, exclusions_table
        What the checks found and what the rules left out.
    provenance
        One mapping a source: its name, digest, layout, encoding, rows.
    quality_counts
        Counts of the rows as read, by country and registry (`QUALITY_COUNTS`); they stay when rows are left out
        later.
    """

    frame: pd.DataFrame
    rows_read: int
    closing_date: dt.date | None
    findings_table: pd.DataFrame
    exclusions_table: pd.DataFrame
    provenance: tuple[Mapping[str, Any], ...] = ()
    quality_counts: pd.DataFrame = field(default_factory=lambda: add_quality_counts([]))

    def __post_init__(self) -> None:
        with asking("A cohort"):
            require_columns(self.frame.columns, FOLLOW_UP_COLUMNS)
        excluded = int(self.exclusions_table["patients"].sum())
        if len(self.frame) + excluded != self.rows_read:
            raise DataError(
                f"{self.rows_read:,} rows were read, but {len(self.frame):,} are kept and {excluded:,} "
                "excluded by name: rows were lost or counted twice. This is a fault of the reader; "
                "please report it with the layout you used."
            )

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        countries = self.frame["country"].nunique() if "country" in self.frame else 0
        rules = self.exclusions_table["rule"].nunique()
        return (
            f"<Cohort: {len(self):,} of {self.rows_read:,} rows kept, {countries} countries, "
            f"{int(self.frame['event'].sum()):,} deaths, {rules} exclusion rules applied, "
            f"{len(self.findings_table):,} findings>"
        )

    @property
    def data(self) -> pd.DataFrame:
        """A fresh DataFrame of the rows; changing it does not change the cohort."""
        return self.frame.copy()

    @property
    def findings(self) -> pd.DataFrame:
        """What the checks found: one row a check and row of the extract (`FINDING_COLUMNS`)."""
        return self.findings_table.copy()

    @property
    def exclusions(self) -> pd.DataFrame:
        """Rows left out, by rule and country (`EXCLUSION_COLUMNS`)."""
        return self.exclusions_table.copy()

    @property
    def flow(self) -> pd.DataFrame:
        """Rows read, left out by each rule in order, and analysed: columns ``step, patients, remaining``."""
        by_rule = self.exclusions_table.groupby(["rule", "message"], sort=False)["patients"].sum()
        steps = [("read", "rows read", self.rows_read, self.rows_read)]
        remaining = self.rows_read
        for label, patients in by_rule.items():
            rule, message = map(str, label)  # type: ignore[call-overload]
            remaining -= int(patients)
            steps.append((rule, message, -int(patients), remaining))
        steps.append(("analysed", "rows analysed", len(self), remaining))
        return pd.DataFrame(steps, columns=["step", "message", "patients", "remaining"])

    @property
    def conventions(self) -> dict[str, str]:
        """What every result of these rows should state: age band and groups, edition of ICCC-3, closing date, approach.

        The age band and groups are those that the extracts were read with; a cohort narrowed later keeps
        them, and gives the rest in `exclusions`. Several values are joined by semicolons.
        """
        stated = {
            name: sorted({str(source[name]) for source in self.provenance if source.get(name)})
            for name in CONVENTIONS
        }
        if "iccc_edition" in self.frame and len(self):
            stated["iccc_edition"] = sorted(map(str, self.frame["iccc_edition"].unique()))
        if not stated["closing_date"] and self.closing_date is not None:
            stated["closing_date"] = [self.closing_date.isoformat()]
        return {name: "; ".join(values) for name, values in stated.items() if values}

    def with_age_groups(self, scheme: AgeGroupsLike) -> Cohort:
        """Group ages anew: a named scheme or the first years of the groups (`childsurv.age_schemes`).

        Parameters
        ----------
        scheme
            "standard" (0, 1-4, 5-9, 10-14, 15-19, 20+), "five-year", "concord", "russia", or starts such as
            ``[0, 3, 10]``.

        Examples
        --------
        >>> import childsurv as cs
        >>> cohort = cs.demo.cohort(patients=500, seed=1).with_age_groups("concord")
        >>> list(cohort.data["age_group"].cat.categories)
        ['0-4', '5-9', '10-14', '15+']
        """
        groups = age_groups(scheme)
        with asking("with_age_groups()"):
            require_columns(self.frame.columns, ["age_years"])
        column = groups.column(self.frame["age_years"].to_numpy())
        provenance = tuple({**source, "age_groups": str(groups)} for source in self.provenance)
        return replace(self, frame=self.frame.assign(age_group=column), provenance=provenance)

    def where(
        self,
        condition: str | npt.ArrayLike | Callable[[pd.DataFrame], Any],
        *,
        rule: str = "where",
        message: str | None = None,
    ) -> Cohort:
        """Keep the rows for which a condition holds; the others are counted as an exclusion.

        Parameters
        ----------
        condition
            An expression for `pandas.DataFrame.query` (``"age_years < 15 and sex == 'female'"``), a boolean
            array of shape ``(n_rows,)``, or a function of the data that returns one.
        rule, message
            Name and explanation under which the rows left out appear in `exclusions`.

        Examples
        --------
        >>> import childsurv as cs
        >>> cohort = cs.demo.cohort(patients=500, seed=1)
        >>> len(cohort.where("age_years < 15")) <= len(cohort)
        True
        """
        if isinstance(condition, str):
            message = message or f"not kept by: {condition}"
            try:
                mask: Any = self.frame.eval(condition)
            except Exception as error:
                raise ColumnError(
                    f"where({condition!r}) cannot be evaluated ({type(error).__name__}). "
                    f"The cohort has the columns: {', '.join(map(str, self.frame.columns))}."
                ) from error
        else:
            mask = condition(self.frame) if callable(condition) else condition
            if isinstance(mask, pd.Series) and not mask.index.equals(self.frame.index):
                raise OptionError(
                    "where(): the condition has another index than the cohort's data, so its rows cannot be matched "
                    "safely. Pass .to_numpy() if the order is the same."
                )
        keep = np.asarray(mask)
        if keep.dtype != bool or keep.shape != (len(self),):
            raise OptionError(
                f"where() needs one true or false a row: expected shape ({len(self)},) of booleans, "
                f"got {keep.dtype} of shape {keep.shape}."
            )
        return rows_kept(self, keep, rule, message or "not kept by the user's condition")

    def window(self, *, diagnosed: Window | None = None, followed: Window | None = None) -> Cohort:
        """Restrict diagnoses and follow-up to calendar windows: cohort, complete and period analysis.

        A child followed in ``(from, to)`` is at risk on the days from ``from`` to ``to``, both included, so that
        windows that touch (``..., "2009-12-31"`` and ``"2010-01-01", ...``) share out every day and every death:

        ``entry = max(entry, from - 1 - diagnosis)``, ``time = min(time, to - diagnosis)``, and a death after
        ``to`` is not an event of the window.

        Parameters
        ----------
        diagnosed
            First and last date of diagnosis kept; ``None`` for an open end.
        followed
            First and last date of follow-up counted; ``None`` for an open end.

        Returns
        -------
        Cohort
            With rows diagnosed outside the window, or without a day of follow-up in it, counted as exclusions.

        References
        ----------
        Brenner H, Gefeller O. An alternative approach to monitoring cancer patient survival. Cancer 1996;
        78:2004-10. PMID 8909323

        Examples
        --------
        >>> import childsurv as cs
        >>> cohort = cs.demo.cohort(patients=500, seed=1)
        >>> period = cohort.window(followed=("2015-01-01", "2019-12-31"))
        >>> bool((period.data["entry"] < period.data["time"]).all() or (period.data["time"] == 0).any())
        True
        """
        cohort = self
        if diagnosed is not None:
            first, last = window_dates(diagnosed, "diagnosed")
            dates = cohort.frame["diagnosis_date"]
            keep = np.ones(len(cohort), dtype=bool)
            if first is not None:
                keep &= (dates >= first).to_numpy()
            if last is not None:
                keep &= (dates <= last).to_numpy()
            cohort = rows_kept(cohort, keep, "diagnosed-outside-window", "diagnosed outside the window")
        if followed is not None:
            cohort = cohort.followed_between(*window_dates(followed, "followed"))
        return cohort

    def followed_between(
        self,
        first: pd.Timestamp | None,
        last: pd.Timestamp | None,
        *,
        from_diagnosis: npt.NDArray[np.bool_] | None = None,
    ) -> Cohort:
        """Return the follow-up between two dates; of chosen children, from diagnosis on (see `window`)."""
        diagnosis = self.frame["diagnosis_date"].to_numpy("datetime64[D]").astype(np.int64)
        entry = self.frame["entry"].to_numpy(np.int64)
        time = self.frame["time"].to_numpy(np.int64)
        event = self.frame["event"].to_numpy(np.int64)
        same_day = (time == 0) & (entry == 0)
        outside = np.zeros(len(self), dtype=bool)
        if first is not None:
            first_day = first.to_datetime64().astype("datetime64[D]").astype(np.int64)
            early = np.ones(len(self), dtype=bool) if from_diagnosis is None else ~from_diagnosis
            outside |= same_day & (diagnosis < first_day) & early
            entry = np.where(early, np.maximum(entry, first_day - 1 - diagnosis), entry)
        if last is not None:
            last_time = last.to_datetime64().astype("datetime64[D]").astype(np.int64) - diagnosis
            outside |= last_time < 0
            event = np.where(time > last_time, 0, event)
            time = np.minimum(time, last_time)
        # A child seen on the day of diagnosis only has no whole day at risk, yet a death there counts.
        keep = ((entry < time) | (same_day & (entry == 0))) & ~outside
        events = pd.Series(event, index=self.frame.index).astype(self.frame["event"].dtype)
        frame = self.frame.assign(entry=entry, time=time, event=events)
        moved = replace(self, frame=frame)
        return rows_kept(moved, keep, "no-follow-up-in-window", "no day of follow-up inside the window")

    def with_columns(
        self,
        columns: Mapping[str, Any] | None = None,
        /,
        **more: npt.ArrayLike | Callable[[pd.DataFrame], Any],
    ) -> Cohort:
        """Add or replace columns; give arrays of shape ``(n_rows,)`` or functions of the data.

        Examples
        --------
        >>> import childsurv as cs
        >>> cohort = cs.demo.cohort(patients=500, seed=1)
        >>> decade = cohort.with_columns(decade=lambda data: data["diagnosis_date"].dt.year // 10 * 10)
        >>> "decade" in decade.data
        True
        """
        frame = self.frame.copy(deep=False)
        for name, value in {**(columns or {}), **more}.items():
            column = value(self.frame) if callable(value) else value
            if np.ndim(column) == 1 and np.shape(column)[0] != len(self):
                raise ColumnError(
                    f"with_columns({name}=...): {np.shape(column)[0]:,} values for {len(self):,} rows."
                )
            if isinstance(column, pd.Series) and not column.index.equals(frame.index):
                raise ColumnError(
                    f"with_columns({name}=...): the Series has another index than the cohort's data, so its rows "
                    "cannot be matched safely. Pass .to_numpy() if the order is the same."
                )
            frame[name] = column
        return replace(self, frame=frame)


def rows_kept(cohort: Cohort, keep: npt.NDArray[np.bool_], rule: str, message: str) -> Cohort:
    """Return the rows where ``keep``, counting the others under ``rule``."""
    if keep.all():
        return replace(cohort, frame=cohort.frame)
    left_out = cohort.frame.loc[~keep]
    countries = left_out["country"] if "country" in left_out else pd.Series("", index=left_out.index)
    exclusions = join_exclusions([cohort.exclusions_table, exclusion_rows(rule, message, countries)])
    return replace(cohort, frame=kept_frame(cohort.frame, keep), exclusions_table=exclusions)


def kept_frame(frame: pd.DataFrame, keep: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return the rows of a frame where ``keep``, numbered anew, with the categories that occur in them."""
    if keep.all():
        return frame
    rows = frame.loc[keep].reset_index(drop=True)
    for name in rows.columns[rows.dtypes == "category"]:
        rows[name] = rows[name].cat.remove_unused_categories()
    return rows


def category_order(name: str, categories: Iterable[Any]) -> list[Any]:
    """Return the categories of a canonical column in the order that tables and charts show.

    Parameters
    ----------
    name
        Column name; ``age_group`` and the ICCC-3 columns have an official order, others keep theirs.
    categories
        Labels, each once.

    Examples
    --------
    >>> category_order("iccc_subgroup", ["XIa", "IIIb", "IIIa", "V"])
    ['IIIa', 'IIIb', 'V', 'XIa']
    """
    labels = list(categories)
    if name == "age_group":
        return sorted(labels, key=age_group_order)
    if name in {"iccc_group", "iccc_subgroup", "iccc_extended"}:
        return sorted(labels, key=_iccc_place)
    return labels


def _iccc_place(label: Any) -> tuple[int, str, int]:
    match = re.fullmatch("([IVX]+)([a-f]?)([0-9]*)", str(label))
    if match is None or match[1] not in ICCC_GROUPS:
        return len(ICCC_GROUPS), "", 0
    return ICCC_GROUPS.index(match[1]), match[2], int(match[3] or 0)


def window_dates(window: Window, argument: str) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    """Return the two dates of a window, checked; ``None`` for an open end."""
    if not isinstance(window, tuple) or len(window) != 2:
        raise OptionError(f"{argument}= takes two dates, (from, to); write None for an open end.")
    first, last = (None if date is None else _whole_date(date, argument) for date in window)
    if first is not None and last is not None and first > last:
        raise OptionError(f"{argument}=: the first date is after the last one; swap them.")
    return first, last


def _whole_date(date: DateLike, argument: str) -> pd.Timestamp:
    """Return a date that is written in full, or is one; "2010" or "01/02/2010" would have to be guessed at."""
    written = isinstance(date, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", date) is not None
    try:
        if written or isinstance(date, dt.date | np.datetime64):
            day = pd.Timestamp(date)
            if not pd.isna(day) and day.tz is None and day == day.normalize():
                return day
    except ValueError:
        pass
    raise OptionError(f"{argument}= takes dates such as '2010-01-01', written in full; None for an open end.")
