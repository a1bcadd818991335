"""The Cox model of a report: countries compared at equal diagnosis, period, age and sex."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from childsurv.errors import ChildsurvWarning, ModelError, OptionError, asking
from childsurv.regression.cox import cox
from childsurv.regression.cox_fit import CoxFit
from childsurv.reporting.groupings import Grouping, Shown
from childsurv.reporting.small_cells import small_members

HAZARD_COLUMNS = ("hazard_ratio", "lower", "upper", "p_value")
STRATIFIED_COLUMNS = ("stratified_hazard_ratio", "stratified_lower", "stratified_upper", "stratified_p_value")


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted Cox model as tables, or the reason why there is none."""

    table: pd.DataFrame
    """One row a level: ``term, level, patients, deaths``, the hazard ratio with its limits and p-value, and for the
    groups compared the same from the model stratified by diagnosis. Reference levels have a ratio of 1 without limits.
    """
    proportional_hazards: pd.DataFrame
    """``term, statistic, df, p_value``."""
    fit: CoxFit | None
    """For the forest plot and the conventions."""
    references: tuple[tuple[str, str], ...]
    """Heading of each variable and its reference level."""
    notes: tuple[str, ...]
    """Warnings of the model, or the error for which it could not be fitted."""
    own_formula: bool = False


EMPTY_TESTS = pd.DataFrame(columns=["term", "statistic", "df", "p_value"])


def fit_model(shown: Shown, *, reference: str | None, level: float) -> Model:
    """Fit the model of all groupings, and the same stratified by diagnosis for the groups compared.

    The reference of every variable is its largest group; ``reference`` names another one for the groups
    compared.

    Raises
    ------
    OptionError
        ``reference`` is no group of the comparison.
    """
    variables = _variables(shown)
    references = {grouping.column: grouping.largest for grouping in variables}
    if reference is not None:
        references[shown.by.column] = _reference_label(shown.by, reference)
    if not variables:
        return _none(
            "report: there is only one group of everything, so there is nothing to compare in a Cox model."
        )
    frame = shown.cohort.frame.copy(deep=False)
    for grouping in variables:
        first = references[grouping.column]
        order = [first, *(label for label in grouping.labels if label != first)]
        frame[grouping.column] = frame[grouping.column].cat.reorder_categories(order)
    columns = [grouping.column for grouping in variables]
    headings = {grouping.column: grouping.heading for grouping in variables}
    notes: list[str] = []
    fit = _fitted(frame, columns, notes, level=level)
    if fit is None:
        return _none(*(_readable(note, headings) for note in notes))
    table = _level_table(fit, frame, variables, references)
    within = [column for column in columns if column != shown.diagnosis.column]
    if shown.diagnosis in variables and within and shown.by in variables and shown.by is not shown.diagnosis:
        second = _fitted(frame, within, notes, strata=shown.diagnosis.column, level=level)
        if second is not None:
            table = _with_stratified(table, second, shown.by, references[shown.by.column])
    tests = fit.proportional_hazards_test().table
    names = {grouping.column: grouping.name for grouping in variables}
    tests["term"] = [names.get(term, term) for term in tests["term"]]
    return Model(
        table=table,
        proportional_hazards=tests,
        fit=fit,
        references=tuple((grouping.heading, references[grouping.column]) for grouping in variables),
        notes=tuple(dict.fromkeys(_readable(note, headings) for note in notes)),
    )


def fit_own_model(shown: Shown, formula: str | Sequence[str], *, minimum: int, level: float) -> Model:
    """Fit a model that the user wrote, with small categories merged and other small 0/1 terms not shown."""
    frame = shown.cohort.frame.copy(deep=False)
    # The columns that the user knows hold the report's groups here, so that small groups are merged in the model too.
    for grouping in shown.groupings:
        if grouping.name in frame:
            frame[grouping.name] = frame[grouping.column]
    for name in _mentioned(formula, frame):
        frame[name] = _merged_categories(frame[name], minimum)
    notes: list[str] = []
    fit = _fitted(frame, formula, notes, level=level)
    if fit is None:
        return _none(*notes, own_formula=True)
    with asking("report"):
        covariates = fit.arrays.design.matrix(frame)
    indicator = ((covariates == 0) | (covariates == 1)).all(axis=0)
    ones = covariates.sum(axis=0)
    small = indicator & ((ones < minimum) | (len(frame) - ones < minimum))
    table = fit.table.rename(columns={"term": "level"})
    table.insert(0, "term", [_term_of(fit, place) for place in range(len(table))])
    table = table[["term", "level", *HAZARD_COLUMNS]].loc[~small].reset_index(drop=True)
    tests = fit.proportional_hazards_test().table
    # A warning may count the events behind a term, so a warning about a small term is not passed on.
    hidden = [name for name, few in zip(fit.terms, small, strict=True) if few]
    safe = [note for note in notes if not any(repr(name) in note for name in hidden)]
    return Model(table, tests, fit, (), tuple(dict.fromkeys(safe)), own_formula=True)


def _variables(shown: Shown) -> list[Grouping]:
    chosen: list[Grouping] = []
    for grouping in shown.groupings:
        if len(grouping.labels) > 1 and grouping.name not in {one.name for one in chosen}:
            chosen.append(grouping)
    return chosen


def _reference_label(by: Grouping, reference: str) -> str:
    for candidate in (by.shown_as.get(reference), reference):
        if candidate in by.labels:
            return str(candidate)
    raise OptionError(
        f"reference={reference!r} is no group of {by.name!r}; the groups shown are "
        f"{', '.join(by.labels[:40])}."
    )


def _fitted(
    frame: pd.DataFrame,
    formula: str | Sequence[str],
    notes: list[str],
    *,
    strata: str | None = None,
    level: float,
) -> CoxFit | None:
    """Fit, or note why that is not possible; warnings become notes as well."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ChildsurvWarning)
        try:
            return cox(frame, formula, time="time", event="event", entry="entry", strata=strata, level=level)
        except ModelError as error:
            notes.append(str(error))
        finally:
            notes.extend(str(one.message) for one in caught if issubclass(one.category, ChildsurvWarning))
    return None


def _level_table(
    fit: CoxFit, frame: pd.DataFrame, variables: Sequence[Grouping], references: dict[str, str]
) -> pd.DataFrame:
    coefficients = fit.table.set_index("term")
    rows: list[dict[str, Any]] = []
    for grouping in variables:
        codes = frame[grouping.column]
        patients = codes.value_counts()
        deaths = codes[frame["event"].to_numpy() == 1].value_counts()
        for label in grouping.labels:
            row: dict[str, Any] = {"term": grouping.name, "level": label}
            row |= {"patients": int(patients[label]), "deaths": int(deaths.get(label, 0))}
            if label == references[grouping.column]:
                row |= {"hazard_ratio": 1.0, "lower": np.nan, "upper": np.nan, "p_value": np.nan}
            else:
                found = coefficients.loc[f"{grouping.column}[T.{label}]", list(HAZARD_COLUMNS)]
                row |= {str(name): value for name, value in found.items()}
            rows.append(row)
    return pd.DataFrame(rows)


def _with_stratified(table: pd.DataFrame, fit: CoxFit, by: Grouping, reference: str) -> pd.DataFrame:
    coefficients = fit.table.set_index("term")
    for source, name in zip(HAZARD_COLUMNS, STRATIFIED_COLUMNS, strict=True):
        values = np.full(len(table), np.nan)
        for place in np.flatnonzero((table["term"] == by.name).to_numpy()):
            label = table["level"].iloc[place]
            if label != reference:
                values[place] = coefficients.loc[f"{by.column}[T.{label}]", source]
            elif source == "hazard_ratio":
                values[place] = 1.0
        table[name] = values
    return table


def _mentioned(formula: str | Sequence[str], frame: pd.DataFrame) -> list[str]:
    """Return the columns of text or categories that a formula names."""
    words = set(re.findall(r"\w+", formula)) if isinstance(formula, str) else set(formula)
    return [
        name
        for name in frame.columns
        if name in words
        and not pd.api.types.is_numeric_dtype(frame[name].dtype)
        and frame[name].dtype.kind not in "mM"
    ]


def _merged_categories(values: pd.Series, minimum: int) -> pd.Series:
    if values.isna().any():
        return values  # the model names the rows, and what to do
    counts = values.astype(object).value_counts()
    small = set(small_members(counts, minimum))
    if not small:
        return values
    categories = (
        list(values.cat.categories)
        if isinstance(values.dtype, pd.CategoricalDtype)
        else sorted(counts.index, key=str)
    )
    other = f"other ({len(small)})"
    order = [label for label in categories if label in counts.index and label not in small]
    merged = values.astype(object).where(~values.isin(small), other)
    return merged.astype(pd.CategoricalDtype([*order, other]))


def _term_of(fit: CoxFit, place: int) -> str:
    return next(name for name, part in fit.arrays.design.terms if part.start <= place < part.stop)


def _readable(note: str, headings: dict[str, str]) -> str:
    for column, heading in headings.items():
        note = note.replace(column, heading)
    return note


def _none(*notes: str, own_formula: bool = False) -> Model:
    return Model(pd.DataFrame(), EMPTY_TESTS, None, (), tuple(notes), own_formula=own_formula)
