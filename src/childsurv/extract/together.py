"""Cohorts put together: columns and categories joined, records of one child in two registries found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from childsurv.cohort.cohort import (
    FINDING_COLUMNS,
    Cohort,
    add_quality_counts,
    category_order,
    join_exclusions,
    rows_kept,
)
from childsurv.errors import DataError, OptionError, require_choice, warn
from childsurv.extract.linkage import records_in_several
from childsurv.extract.rules import rules

ACROSS_REGISTRIES = ("report", "exclude", "ignore")


def concat(cohorts: Sequence[Cohort], *, across_registries: str = "report") -> Cohort:
    """Put cohorts together, for example one a country; findings, exclusions and provenance are kept.

    Parameters
    ----------
    cohorts
        At least one cohort. Columns that some lack are filled with missing values.
    across_registries
        What to do with a child that two registries hold, by its ``link_token``: "report" it as a finding,
        "exclude" all records but that of the earliest diagnosis (the first cohort's on one day), or "ignore".
        Without tokens there is nothing to find.

    Returns
    -------
    Cohort
        Its ``closing_date`` is the latest; the column ``closing_date`` keeps each row's own.

    Raises
    ------
    DataError
        When ICCC-3 editions differ, because groups would then mean different things, or link tokens were made
        with different keys.

    Examples
    --------
    >>> import childsurv as cs
    >>> cohort = cs.demo.cohort(patients=500, seed=1)
    >>> both = cs.concat([cohort.where("sex == 'female'"), cohort.where("sex == 'male'")])
    >>> len(both) == len(cohort)
    True
    """
    parts = list(cohorts)
    if not parts:
        raise OptionError("concat() needs at least one cohort.")
    require_choice(across_registries, ACROSS_REGISTRIES, argument="across_registries")
    editions = {
        str(edition)
        for part in parts
        if "iccc_edition" in part.frame
        for edition in part.frame["iccc_edition"].unique()
        if edition != "icd10-coarse"  # has main groups only, which are the same in every edition
    }
    if len(editions) > 1:
        raise DataError(
            f"The cohorts use different ICCC-3 editions ({', '.join(sorted(editions))}), so their groups are not "
            "the same. Read them again with one iccc_edition=."
        )
    bands = {part.conventions["age_band"] for part in parts if "age_band" in part.conventions}
    if len(bands) > 1:
        warn(
            f"concat(): the cohorts were read with different age bands ({', '.join(sorted(bands))}); a comparison of "
            "them is one of different ages. Read them with one age_band=, or narrow them by .where()."
        )
    closing_dates = [part.closing_date for part in parts if part.closing_date is not None]
    whole = Cohort(
        frame=_stack_frames([part.frame for part in parts]),
        rows_read=sum(part.rows_read for part in parts),
        closing_date=max(closing_dates) if closing_dates else None,
        findings_table=_stack_frames([part.findings_table for part in parts]),
        exclusions_table=join_exclusions([part.exclusions_table for part in parts]),
        provenance=tuple(source for part in parts for source in part.provenance),
        quality_counts=add_quality_counts([part.quality_counts for part in parts]),
    )
    if "link_token" not in whole.frame or across_registries == "ignore":
        return whole
    return _linked(whole, exclude=across_registries == "exclude")


def _linked(whole: Cohort, *, exclude: bool) -> Cohort:
    """Report the children that several registries hold, and leave their later records out where asked to."""
    keys = {source["link_key_check"] for source in whole.provenance if "link_key_check" in source}
    if len(keys) > 1:
        raise DataError(
            "concat(): the cohorts' link tokens were made with different keys, so they cannot be compared. Read them "
            "again with one link_key=, or give across_registries='ignore'."
        )
    shared = records_in_several(whole.frame)
    if not len(shared):
        return whole
    rule = rules()["duplicate-across-registries"]
    places = shared["place"].to_numpy()
    found = pd.DataFrame(
        {
            "code": rule.code,
            "severity": rule.severity,
            "message": rule.message,
            "column": rule.column,
            "row_number": whole.frame["source_row"].to_numpy()[places].astype(np.int64),
            "count": np.int64(1),
            "source": rule.source,
        },
        columns=list(FINDING_COLUMNS),
    )
    reported = replace(whole, findings_table=_stack_frames([whole.findings_table, found]))
    if not exclude:
        return reported
    keep = np.ones(len(whole), dtype=bool)
    keep[places[~shared["first"].to_numpy()]] = False
    return rows_kept(reported, keep, rule.code, rule.message)


def _stack_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Stack frames, joining categories in their own order where they have one, else of first appearance."""
    filled = [frame for frame in frames if len(frame)] or [frames[0]]
    names = list(dict.fromkeys(name for frame in filled for name in frame.columns))
    columns: dict[str, Any] = {}
    for name in names:
        pieces = [
            frame[name] if name in frame else pd.Series(pd.NA, index=frame.index, dtype="object")
            for frame in filled
        ]
        if any(isinstance(piece.dtype, pd.CategoricalDtype) for piece in pieces):
            categories = list(
                dict.fromkeys(
                    value
                    for piece in pieces
                    for value in (
                        piece.cat.categories
                        if isinstance(piece.dtype, pd.CategoricalDtype)
                        else piece.dropna().unique()
                    )
                )
            )
            categories = category_order(name, categories)
            ordered = all(getattr(piece.dtype, "ordered", False) for piece in pieces)
            dtype = pd.CategoricalDtype(categories, ordered=ordered)
            columns[name] = pd.concat([piece.astype(dtype) for piece in pieces], ignore_index=True)
        else:
            columns[name] = pd.concat(pieces, ignore_index=True)
    return pd.DataFrame(columns)
