"""Everything that a report says, as tables, before a page, a file or a picture is made of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.errors import ChildsurvWarning
from childsurv.lifetable.table import LifeTable
from childsurv.reporting.accounting import Flow, account, findings_table, quality_table
from childsurv.reporting.conventions import conventions_table, is_simulated, sources_table
from childsurv.reporting.cox_model import Model, fit_model, fit_own_model
from childsurv.reporting.group_survival import (
    Estimates,
    comparison_tests,
    estimate,
    everyone_first,
    period_estimates,
    period_window,
    survival_table,
)
from childsurv.reporting.groupings import Grouping, Names, Shown, shown_groups
from childsurv.reporting.small_cells import hidden_cells
from childsurv.words.catalogue import Texts

Step = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class TwoWay:
    """Patients and survival by two groupings, small cells hidden.

    Attributes
    ----------
    rows, columns : Grouping
    counts : DataFrame
        Patients, one row a label of ``rows`` and one column a label of ``columns``; missing where hidden.
    survival : DataFrame
        Long: both names, ``patients, years`` and the estimates, of the cells shown only.
    """

    rows: Grouping
    columns: Grouping
    counts: pd.DataFrame
    survival: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Content:
    """What a report says.

    Attributes
    ----------
    shown : Shown
        The groups.
    flow, quality, patients, findings, tests, conventions, sources
        Tables of the sections of these names.
    everyone, by, diagnosis, period, recent : Estimates
        Curves: of all, by the groups compared, by diagnosis, by period, of the last years.
    survival : Mapping of str to DataFrame
        `survival_table` of "by", "diagnosis", "trend".
    both, trend : TwoWay or None
        By the groups compared and diagnosis, and by them and period.
    model : Model
    main_year : float
        The year of rankings and heat maps: 5 if asked for, otherwise the last one.
    """

    texts: Texts
    shown: Shown
    simulated: bool
    level: float
    minimum: int
    years: tuple[float, ...]
    main_year: float
    flow: Flow
    quality: pd.DataFrame
    findings: pd.DataFrame
    everyone: Estimates
    by: Estimates
    diagnosis: Estimates
    recent: Estimates | None
    recent_years: tuple[int, int] | None
    survival: Mapping[str, pd.DataFrame]
    both: TwoWay | None
    trend: TwoWay | None
    tests: pd.DataFrame
    model: Model
    own_formula: str
    conventions: pd.DataFrame
    sources: pd.DataFrame
    hidden_sources: int
    warnings: tuple[str, ...] = field(default=())

    @property
    def quantity(self) -> str:
        """What rankings and heat maps show: "net" with a life table, otherwise "observed"."""
        return "observed" if self.everyone.net is None else "net"

    def at_main_year(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the main year with ``estimate, lower, upper`` of the quantity compared."""
        rows = table[table["years"] == self.main_year].reset_index(drop=True)
        return rows.assign(
            estimate=rows[self.quantity],
            lower=rows[f"{self.quantity}_lower"],
            upper=rows[f"{self.quantity}_upper"],
        )


def compute(
    cohort: Cohort,
    life_table: LifeTable | None,
    *,
    by: Sequence[str],
    diagnosis: str,
    minimum: int,
    years: Sequence[float],
    level: float,
    reference: str | None,
    cox_formula: str | Sequence[str] | None,
    names: Names | None,
    simulated: bool | None,
    texts: Texts,
    step: Step,
) -> Content:
    """Compute everything that a report says; arguments as in `report`, ``step`` is told what comes next."""
    main_year = 5.0 if 5 in years else float(max(years))
    caught: list[str] = []
    with _collected(caught):
        step("groups")
        shown = shown_groups(cohort, by=by, diagnosis=diagnosis, minimum=minimum, names=names, texts=texts)
        flow = account(cohort, shown.country, minimum=minimum, texts=texts)
        step("quality")
        quality = quality_table(shown.cohort, shown.country, minimum=minimum, texts=texts)
        findings = findings_table(cohort, flow, minimum=minimum, texts=texts)

        def estimated(*groupings: Grouping) -> Estimates:
            return estimate(shown.cohort, life_table, groupings, level=level)

        step("survival")
        everyone, by_group, by_diagnosis = estimated(), estimated(shown.by), estimated(shown.diagnosis)
        all_rows = survival_table(everyone, years, minimum=minimum)
        every = texts("group.all")

        def table_of(estimates: Estimates) -> pd.DataFrame:
            return everyone_first(all_rows, survival_table(estimates, years, minimum=minimum), every)

        survival = {"by": table_of(by_group), "diagnosis": table_of(by_diagnosis)}
        step("cells")
        distinct = shown.by.name != shown.diagnosis.name
        several = len(shown.by.labels) > 1
        both = None
        if distinct and several and len(shown.diagnosis.labels) > 1:
            both = two_way(estimated(shown.by, shown.diagnosis), years, minimum=minimum)
        step("trend")
        recent, window, trend = None, None, None
        if shown.period is not None:
            survival["trend"] = table_of(estimated(shown.period))
            recent = period_estimates(shown.cohort, life_table, level=level, minimum=minimum)
            window = period_window(cohort)
            if several and shown.by.name != shown.period.name:
                trend = two_way(estimated(shown.by, shown.period), years, minimum=minimum)
        if recent is not None and window is not None:
            recent_years: tuple[int, int] | None = (int(window[0][:4]), int(window[1][:4]))
            assert recent_years is not None
            row = survival_table(recent, years, minimum=minimum)
            row.insert(0, "period", texts("note.period_row", first=recent_years[0], last=recent_years[1]))
            survival["trend"] = pd.concat([survival["trend"], row], ignore_index=True)
        else:
            recent_years = None
        step("tests")
        tests = comparison_tests(shown)
        step("model")
        if cox_formula is None:
            model = fit_model(shown, reference=reference, level=level)
        else:
            model = fit_own_model(shown, cox_formula, minimum=minimum, level=level)
    conventions = conventions_table(
        shown, everyone, model, life_table, minimum=minimum, level=level, texts=texts
    )
    sources, hidden_sources = sources_table(cohort, shown.country)
    return Content(
        texts=texts,
        shown=shown,
        simulated=is_simulated(cohort) if simulated is None else simulated,
        level=level,
        minimum=minimum,
        years=tuple(float(year) for year in years),
        main_year=main_year,
        flow=flow,
        quality=quality,
        findings=findings,
        everyone=everyone,
        by=by_group,
        diagnosis=by_diagnosis,
        recent=recent,
        recent_years=recent_years,
        survival=survival,
        both=both,
        trend=trend,
        tests=tests,
        model=model,
        own_formula=cox_formula if isinstance(cox_formula, str) else " + ".join(cox_formula or ()),
        conventions=conventions,
        sources=sources,
        hidden_sources=hidden_sources,
        warnings=tuple(dict.fromkeys(_with_headings(message, shown) for message in caught)),
    )


def two_way(estimates: Estimates, years: Sequence[float], *, minimum: int) -> TwoWay:
    """Return counts and survival by two groupings, without small cells and those that would tell of them."""
    rows, columns = estimates.groupings
    table = survival_table(estimates, years, minimum=minimum)
    first = table[table["years"] == years[0]]
    counts = (
        first.pivot_table(
            index=rows.name, columns=columns.name, values="patients", aggfunc="sum", fill_value=0
        )
        .reindex(index=list(rows.labels), columns=list(columns.labels), fill_value=0)
        .astype("Int64")
    )
    hide = hidden_cells(counts.to_numpy(np.int64), minimum).cells
    place = (
        [rows.labels.index(label) for label in table[rows.name]],
        [columns.labels.index(label) for label in table[columns.name]],
    )
    seen = ~hide[place[0], place[1]]
    # Numbers of deaths and at risk stay out of so fine a table: each cell's patients and survival say enough.
    survival = table.loc[seen].drop(columns=["deaths", "at_risk"]).reset_index(drop=True)
    return TwoWay(rows, columns, counts.mask(hide), survival)


def patients_table(content: Content) -> pd.DataFrame:
    """Return patients by the groups compared and diagnosis with totals: long, missing where hidden."""
    every = content.texts("group.all")
    by, diagnosis = content.shown.by, content.shown.diagnosis
    if content.both is None:
        return pd.DataFrame(
            {by.name: [every, *by.labels], "patients": [len(content.shown.cohort), *by.patients]}
        )
    wide = content.both.counts.copy()
    wide.insert(0, every, pd.Series(by.patients, index=wide.index, dtype="Int64"))
    total = pd.DataFrame(
        [[len(content.shown.cohort), *diagnosis.patients]], index=[every], columns=wide.columns
    )
    wide = pd.concat([total.astype("Int64"), wide])
    long = (
        wide.rename_axis(by.name)
        .reset_index()
        .melt(id_vars=by.name, var_name=diagnosis.name, value_name="patients")
    )
    return long


@contextmanager
def _collected(messages: list[str]) -> Iterator[None]:
    """Collect childsurv's warnings as notes of the report; others pass as they came."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ChildsurvWarning)
        yield
    for one in caught:
        if issubclass(one.category, ChildsurvWarning):
            messages.append(str(one.message))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def _with_headings(message: str, shown: Shown) -> str:
    for grouping in (*shown.groupings, shown.country):
        message = message.replace(grouping.column, grouping.heading)
    return message
