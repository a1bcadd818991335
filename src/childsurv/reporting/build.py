"""The report: what is asked of it is checked here, then it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.cohort.follow_up import columns_list
from childsurv.errors import OptionError, require_level
from childsurv.lifetable.table import LifeTable
from childsurv.reporting.request import Request


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """What `report` wrote.

    Attributes
    ----------
    path : Path
        The page.
    tables : Mapping of str to DataFrame
        The numbers, as in the CSV files.
    pictures : Mapping of str to tuple of Path
        SVG and PNG file of each picture.
    """

    path: Path
    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, tuple[Path, ...]]

    def __post_init__(self) -> None:
        self.__setstate__({"path": self.path, "tables": self.tables, "pictures": self.pictures})

    def __getstate__(self) -> dict[str, Any]:
        # A view that cannot be written to cannot be pickled either.
        return {"path": self.path, "tables": dict(self.tables), "pictures": dict(self.pictures)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            kept = MappingProxyType(dict(value)) if isinstance(value, Mapping) else value
            object.__setattr__(self, name, kept)

    def __repr__(self) -> str:
        return f"<Report: {self.path}, {len(self.tables)} tables, {len(self.pictures)} pictures>"


def report(
    cohort: Cohort,
    life_table: LifeTable | None = None,
    *,
    out: str | Path,
    by: str | Sequence[str] = "country",
    language: str = "en",
    minimum: int = 5,
    years: Sequence[float] = (1, 3, 5),
    diagnosis: str = "iccc_group",
    reference: str | None = None,
    cox_formula: str | Sequence[str] | None = None,
    level: float = 0.95,
    names: Mapping[Any, Any] | None = None,
    title: str | None = None,
    simulated: bool | None = None,
    progress: bool = True,
) -> Report:
    """Write a report that compares groups of a cohort: an HTML page, tables as CSV, pictures as SVG and PNG.

    The page holds the flow of exclusions, data quality, observed and (with a life table) net survival by
    group, by diagnosis, by both and by period, curves with numbers at risk, a ranking with intervals,
    log-rank tests, a Cox model, the findings of the checks and every convention. It loads nothing from the
    network and runs no script. The same cohort gives the same files, byte by byte, with the same versions of
    the libraries.

    Groups with fewer than ``minimum`` patients are shown nowhere, and cannot be worked out from totals (the
    page states the rule). No value of a single patient is written.

    Parameters
    ----------
    cohort
        Tumours ready for analysis; `childsurv.concat` puts several countries together.
    life_table
        Population mortality, for net survival.
    out
        Folder to write to; made if it is not there. Files of an earlier report in it are replaced.
    by
        Column whose groups are compared, or several whose combinations are.
    language
        "en" or "ru".
    minimum
        Least number of patients of a group that may be shown, 1 or more.
    years
        Years since diagnosis at which survival is reported.
    diagnosis
        Column of diagnostic groups: "iccc_group", "iccc_subgroup" or one of your own.
    reference
        Group of ``by`` to compare the others with in the Cox model; the largest unless given.
    cox_formula
        A model of your own instead of that of all groups, as `childsurv.cox` takes it.
    level
        Confidence level.
    names
        Texts for labels, such as ``{"XAA": "Avaland"}``, or for each column such a mapping.
    title
        Title of the page.
    simulated
        Whether to mark the report as simulated; found out from the cohort unless given.
    progress
        Whether to show progress on standard error, if that is a terminal.

    Returns
    -------
    Report
        ``.path`` of the page, ``.tables`` and ``.pictures``.

    Raises
    ------
    ColumnError
        The cohort lacks a column that is needed or named.
    DataError
        The cohort has fewer than ``minimum`` patients, or counts that do not add up.
    LifeTableError
        The life table does not cover the follow-up.
    OptionError
        An argument is not one of its choices.
    MissingExtraError
        jinja2 or tqdm is not installed: ``pip install 'childsurv[report]'``.

    References
    ----------
    Hundepool A, Domingo-Ferrer J, Franconi L, et al. Statistical disclosure control. Wiley 2012.
    doi:10.1002/9781118348239

    Examples
    --------
    >>> import tempfile
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=2000, seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = cs.report(cohort, cs.demo.life_table(), out=folder, progress=False)
    ...     made.path.name, "survival" in made.tables
    ('report.html', True)
    """
    if not isinstance(cohort, Cohort):
        raise OptionError(
            f"report() takes a Cohort, as read_extract makes one; it was given a {type(cohort).__name__}."
        )
    if life_table is not None and not isinstance(life_table, LifeTable):
        raise OptionError(
            f"report(): life_table is a {type(life_table).__name__}, not a LifeTable; see read_life_table."
        )
    groups = columns_list(by)
    if not groups:
        raise OptionError("report(): by= names the column whose groups are compared, such as 'country'.")
    if isinstance(minimum, bool) or not isinstance(minimum, int) or minimum < 1:
        raise OptionError("report(): minimum= must be a whole number of 1 or more.")
    if reference is not None and cox_formula is not None:
        raise OptionError(
            "report(): reference= belongs to the model of all groups; a cox_formula= has its own."
        )
    request = Request(
        by=tuple(groups),
        diagnosis=diagnosis,
        minimum=minimum,
        years=_checked_years(years),
        level=require_level(level),
        reference=reference,
        cox_formula=cox_formula,
        names=names,
        simulated=simulated,
        language=language,
        title=title,
    )
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"report(): out={str(folder)!r} is a file; name a folder.")
    # The parts of a report load when one is made, so that importing the package stays quick.
    from childsurv.reporting.output import make_report

    path, tables, drawn = make_report(cohort, life_table, request, folder, progress=progress)
    return Report(path, tables, drawn)


def _checked_years(years: Sequence[float]) -> tuple[float, ...]:
    try:
        given = tuple(sorted({float(year) for year in years}))
    except (TypeError, ValueError) as error:
        raise OptionError(
            "report(): years= takes numbers of years since diagnosis, such as (1, 3, 5)."
        ) from error
    if not given or not all(0 < year < 200 for year in given):
        raise OptionError("report(): years= takes at least one number of years greater than 0.")
    return given
