"""What a report says, as tables, before a page, a file or a picture is made of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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
    fewest_for_reliable,
    period_estimates,
    period_window,
    survival_table,
)
from childsurv.reporting.groupings import Grouping, Shown, shown_groups
from childsurv.reporting.request import Request
from childsurv.reporting.small_cells import hidden_cells
from childsurv.words.catalogue import Texts, span_text, texts_of

Step = Callable[[str], None]

STEPS = ("groups", "quality", "survival", "cells", "trend", "tests", "model")
"""What `compute` passes to its ``step``, in order."""


@dataclass(frozen=True, eq=False)
class TwoWay:
    """Patients and survival by two groupings, small cells hidden."""

    rows: Grouping
    columns: Grouping
    counts: pd.DataFrame
    """Patients, one row a label of ``rows`` and one column a label of ``columns``; missing where hidden."""
    survival: pd.DataFrame
    """Long: both names, ``patients, years`` and the estimates, of the cells shown only."""


@dataclass(frozen=True, eq=False)
class Content:
    """What a report says."""

    request: Request
    texts: Texts
    """The words of the report, with the values filled in that most of them need."""
    shown: Shown
    """The groups."""
    simulated: bool
    flow: Flow
    quality: pd.DataFrame
    findings: pd.DataFrame
    everyone: Estimates
    """Curves of all children."""
    by: Estimates
    """Curves of the groups compared."""
    diagnosis: Estimates
    """Curves of the diagnostic groups."""
    recent_years: tuple[int, int] | None
    """First and last year of the period analysis, if there is one."""
    survival: Mapping[str, pd.DataFrame]
    """`survival_table` of "by", "diagnosis" and, where periods are compared, "trend"."""
    both: TwoWay | None
    """By the groups compared and diagnosis."""
    trend: TwoWay | None
    """By the groups compared and period."""
    tests: pd.DataFrame
    model: Model
    conventions: pd.DataFrame
    sources: pd.DataFrame
    hidden_sources: int
    """Extracts left out of ``sources``."""
    warnings: tuple[str, ...]

    @property
    def quantity(self) -> str:
        """What rankings and heat maps show: "net" with a life table, otherwise "observed"."""
        return "observed" if self.everyone.net is None else "net"

    def at_main_year(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the main year with ``estimate, lower, upper`` of the quantity compared."""
        rows = table[table["years"] == self.request.main_year].reset_index(drop=True)
        return rows.assign(
            estimate=rows[self.quantity],
            lower=rows[f"{self.quantity}_lower"],
            upper=rows[f"{self.quantity}_upper"],
        )


@dataclass(frozen=True, eq=False)
class _Survival:
    """Estimates of the groups shown, as a request asks for them."""

    shown: Shown
    life_table: LifeTable | None
    request: Request
    texts: Texts

    def of(self, *groupings: Grouping) -> Estimates:
        """Estimate the curves of the combinations of some groupings; of all children with none."""
        return estimate(self.shown.cohort, self.life_table, groupings, level=self.request.level)

    def table(self, estimates: Estimates) -> pd.DataFrame:
        return survival_table(estimates, self.request.years, minimum=self.request.minimum)

    def below_all(self, everyone: Estimates, estimates: Estimates) -> pd.DataFrame:
        """Return the table of some groups with the row of all children before them."""
        return everyone_first(self.table(everyone), self.table(estimates), self.texts("group.all"))

    def two_way(self, rows: Grouping, columns: Grouping) -> TwoWay | None:
        """Return survival by two groupings; None unless they differ and each has several groups."""
        if rows.name == columns.name or len(rows.labels) < 2 or len(columns.labels) < 2:
            return None
        return two_way(self.of(rows, columns), self.request.years, minimum=self.request.minimum)

    def recent(self) -> tuple[pd.DataFrame, tuple[int, int]] | None:
        """Return the row of the period analysis and its years; None where it would show too few."""
        cohort, window = self.shown.cohort, period_window(self.shown.cohort)
        estimates = period_estimates(
            cohort, self.life_table, level=self.request.level, minimum=self.request.minimum
        )
        if estimates is None or window is None:
            return None
        first, last = int(window[0][:4]), int(window[1][:4])
        row = self.table(estimates)
        row.insert(0, "period", self.texts("note.period_row", first=first, last=last))
        return row, (first, last)


def _filled_texts(request: Request, *, quantity: str) -> Texts:
    """Return the words of a report with the values that most need; ``quantity`` is "net" or "observed"."""
    texts = texts_of(request.language)
    by = " / ".join(request.by)
    return texts.with_values(
        level=texts.numbers.level(request.level),
        minimum=request.minimum,
        reliable=fewest_for_reliable(request.minimum),
        by=texts.optional(f"by.{by}") or by,
        diagnosis=texts.optional(f"by.{request.diagnosis}") or request.diagnosis,
        years=texts.numbers.significant(request.main_year),
        span=span_text(request.main_year, texts.language),
        quantity=texts(f"quantity.{quantity}"),
    )


def compute(cohort: Cohort, life_table: LifeTable | None, request: Request, step: Step) -> Content:
    """Compute what a report says; ``step`` is called with the name of each of `STEPS` before it."""
    minimum = request.minimum
    texts = _filled_texts(request, quantity="observed" if life_table is None else "net")
    caught: list[str] = []
    with _collected(caught):
        step("groups")
        shown = shown_groups(
            cohort,
            by=request.by,
            diagnosis=request.diagnosis,
            minimum=minimum,
            names=request.names,
            texts=texts,
        )
        flow = account(cohort, shown.country, minimum=minimum, texts=texts)
        step("quality")
        quality = quality_table(shown.cohort, shown.country, minimum=minimum, texts=texts)
        findings = findings_table(cohort, flow, minimum=minimum, texts=texts)
        step("survival")
        survival = _Survival(shown, life_table, request, texts)
        everyone, by, diagnosis = survival.of(), survival.of(shown.by), survival.of(shown.diagnosis)
        tables = {
            "by": survival.below_all(everyone, by),
            "diagnosis": survival.below_all(everyone, diagnosis),
        }
        step("cells")
        both = survival.two_way(shown.by, shown.diagnosis)
        step("trend")
        trend, recent = None, None
        if shown.period is not None:
            tables["trend"] = survival.below_all(everyone, survival.of(shown.period))
            recent = survival.recent()
            trend = survival.two_way(shown.by, shown.period)
        if recent is not None:
            tables["trend"] = pd.concat([tables["trend"], recent[0]], ignore_index=True)
        step("tests")
        tests = comparison_tests(shown)
        step("model")
        if request.cox_formula is None:
            model = fit_model(shown, reference=request.reference, level=request.level)
        else:
            model = fit_own_model(shown, request.cox_formula, minimum=minimum, level=request.level)
    sources, hidden_sources = sources_table(cohort, shown.country)
    return Content(
        request=request,
        texts=texts,
        shown=shown,
        simulated=is_simulated(cohort) if request.simulated is None else request.simulated,
        flow=flow,
        quality=quality,
        findings=findings,
        everyone=everyone,
        by=by,
        diagnosis=diagnosis,
        recent_years=None if recent is None else recent[1],
        survival=tables,
        both=both,
        trend=trend,
        tests=tests,
        model=model,
        conventions=conventions_table(
            shown, everyone, model, life_table, minimum=minimum, level=request.level, texts=texts
        ),
        sources=sources,
        hidden_sources=hidden_sources,
        warnings=tuple(dict.fromkeys(_with_headings(message, shown) for message in caught)),
    )


def two_way(estimates: Estimates, years: Sequence[float], *, minimum: int) -> TwoWay:
    """Return counts and survival by two groupings, without small cells and those that would give them away."""
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
    """Collect childsurv's warnings as notes of the report; others are passed on."""
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
