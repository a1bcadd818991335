"""The pictures of a report, drawn from its content with `childsurv.plot`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from childsurv import plot
from childsurv.maths.calendar import DAYS_PER_YEAR
from childsurv.reporting.content import Content
from childsurv.reporting.group_survival import fewest_for_reliable

if TYPE_CHECKING:
    from childsurv.curves.curves import Curves

LONGEST_AXIS_YEARS = 10.0
MOST_CURVES = 16
"""Curves in one panel up to which all are drawn together; more can only be read in panels."""
MOST_PANELS = 30


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture."""

    name: str
    """Name of its files and anchor."""
    title: str
    """Caption on the page."""
    alt: str
    """What it shows, in words."""
    svg: bytes
    png: bytes


def picture_plan(content: Content) -> list[tuple[str, Callable[[], Any]]]:
    """Return the pictures that this content allows: name, and a function that draws it."""
    plan: list[tuple[str, Callable[[], Any]]] = []
    by, diagnosis = content.shown.by, content.shown.diagnosis
    if len(by.labels) > 1:
        if len(by.labels) <= MOST_CURVES:
            plan.append(("curves_all", lambda: _curves(content, "curves_all", content.by.best)))
        if len(by.labels) <= MOST_PANELS:
            plan.append(
                ("curves_by", lambda: _curves(content, "curves_by", content.by.best, panels=by.column))
            )
    if by.name != diagnosis.name and 1 < len(diagnosis.labels) <= MOST_PANELS:
        plan.append(
            (
                "curves_diagnosis",
                lambda: _curves(content, "curves_diagnosis", content.diagnosis.best, panels=diagnosis.column),
            )
        )
    if len(by.labels) > 1 and _differing(content):
        plan.append(("ranking", lambda: _ranking(content)))
    if (
        content.both is not None
        and np.isfinite(content.at_main_year(content.both.survival)["estimate"]).any()
    ):
        plan.append(("heatmap", lambda: _heatmap(content)))
    if content.model.fit is not None:
        plan.append(("forest", lambda: _forest(content)))
    return plan


def draw(content: Content) -> Iterator[Picture]:
    """Draw the pictures of the plan, one after the other."""
    for name, make in picture_plan(content):
        figure = make()
        yield Picture(
            name=name,
            title=content.texts.sentence(f"picture.{name}"),
            alt=str(getattr(figure, "alt_text", "")) or content.texts.sentence(f"picture.{name}"),
            svg=plot.rendered(figure, "svg"),
            png=plot.rendered(figure, "png"),
        )


def _note(content: Content) -> str | None:
    return content.texts("page.simulated_note") if content.simulated else None


def _differing(content: Content) -> bool:
    """Whether there is anything to rank: two groups whose estimates differ."""
    estimates = content.at_main_year(content.survival["by"])["estimate"].iloc[1:]
    return bool(estimates.dropna().nunique() > 1)


def _curves(content: Content, name: str, curves: Curves, *, panels: str | None = None) -> Any:
    years = min(LONGEST_AXIS_YEARS, max(1.0, float(np.ceil(curves.time.max() / DAYS_PER_YEAR))))
    return plot.curves(
        curves,
        panels=panels,
        years=years,
        minimum=content.request.minimum,
        reliability={"at_risk": fewest_for_reliable(content.request.minimum)},
        note=_note(content),
        language=content.texts.language,
        width="page",
    )


def _ranking(content: Content) -> Any:
    everyone = content.at_main_year(content.survival["by"]).iloc[0]
    return plot.ranking(
        content.by.best,
        years=content.request.main_year,
        reference=float(everyone["estimate"]) if np.isfinite(everyone["estimate"]) else None,
        minimum=content.request.minimum,
        mark_below=None,
        reliability={"at_risk": fewest_for_reliable(content.request.minimum)},
        note=_note(content),
        language=content.texts.language,
    )


def _heatmap(content: Content) -> Any:
    assert content.both is not None
    rows, columns = content.both.rows, content.both.columns
    cells = content.at_main_year(content.both.survival)
    places = np.argwhere(content.both.counts.isna().to_numpy())
    hidden = pd.DataFrame(
        {
            rows.name: [rows.labels[row] for row, _ in places],
            columns.name: [columns.labels[column] for _, column in places],
        }
    )
    # Hidden cells go in without an estimate, so that the picture says there is something; their number is
    # made up.
    cells = pd.concat([cells, hidden.assign(patients=1.0, estimate=np.nan)], ignore_index=True)
    heads = [columns.codes[label] for label in columns.labels]
    cells = cells.assign(
        **{
            rows.name: pd.Categorical(cells[rows.name], categories=list(rows.labels)),
            columns.name: pd.Categorical(
                [columns.codes[label] for label in cells[columns.name]], categories=heads
            ),
        }
    )
    cells["reliability"] = np.where(cells["not_reliable"].eq(True), "not reliable", "")
    return plot.heatmap(
        cells,
        rows=rows.name,
        columns=columns.name,
        minimum=content.request.minimum,
        mark_below=None,
        # Totals of the cells shown would not be those of the groups.
        totals=False,
        note=" ".join(part for part in (_note(content), content.texts("note.hidden_plot")) if part),
        language=content.texts.language,
    )


def _forest(content: Content) -> Any:
    table = content.model.table
    if content.model.own_formula:
        return plot.forest(
            table.drop(columns="term").rename(columns={"level": "term"}),
            level=content.request.level,
            note=_note(content),
            language=content.texts.language,
        )
    headings: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    reference: dict[str, str] = {}
    names = {grouping.name: grouping.heading for grouping in content.shown.groupings}
    terms = []
    for number, (term, level, upper) in enumerate(table[["term", "level", "upper"]].itertuples(index=False)):
        key = f"{term}:{number}"
        terms.append(key)
        heading = names[term]
        if np.isnan(upper) and table["hazard_ratio"].iloc[number] == 1.0:
            reference[heading] = level
        else:
            headings.setdefault(heading, []).append(key)
            labels[key] = level
    own = table.assign(term=terms)
    own = own[own["term"].isin(list(labels))]
    return plot.forest(
        own,
        labels=labels,
        headings=headings,
        reference=reference,
        columns={"patients": content.texts("column.patients"), "deaths": content.texts("column.deaths")},
        level=content.request.level,
        note=_note(content),
        language=content.texts.language,
    )
