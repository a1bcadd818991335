"""`read_life_table`: published life tables, each format read by its own module and recognised by content."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from childsurv.errors import LifeTableError, OptionError, require_choice
from childsurv.lifetable.cells import SEXES
from childsurv.lifetable.formats import hmd, long, ratetable, stata, who, wpp
from childsurv.lifetable.formats.cell_labels import LARGEST_RATE_BELOW_80
from childsurv.lifetable.formats.published import (
    EXTENDED,
    HEAD_BYTES,
    Cells,
    Country,
    Format,
    Options,
    Source,
    open_source,
    require_taken,
)
from childsurv.lifetable.table import LifeTable
from childsurv.maths.calendar import DAYS_PER_YEAR

FORMATS: tuple[Format, ...] = (
    hmd.FORMAT,
    *wpp.FORMATS,
    who.FORMAT,
    stata.FORMAT,
    ratetable.FORMAT,
    long.FORMAT,
)
"""Every format, in the order in which files are tried: the last takes any table with named columns."""

NAMES = tuple(dict.fromkeys(form.name for form in FORMATS))

PathLike = str | os.PathLike[str]


def read_life_table(
    path: PathLike | Sequence[PathLike] | Mapping[str, PathLike],
    *,
    format: str | None = None,
    country: Country = None,
    sex: str | None = None,
    by: str | Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    sex_codes: Mapping[Any, str] | None = None,
    rate_unit: str = "per_year",
    age_unit: str = "years",
    both_sexes: str = "leave-out",
    days_per_year: float = DAYS_PER_YEAR,
    year_starts: Mapping[int, str] | None = None,
    year_end: str | None = None,
    missing: str | None = None,
    encoding: str = "utf-8-sig",
) -> LifeTable:
    r"""Read a published life table.

    The hazard per day is ``mx / days_per_year``; from a probability, ``-log(1 - qx) / (width in days)``. It
    is constant within each cell of the file: abridged age groups and five-year periods stay as wide as they
    are.

    Parameters
    ----------
    path
        A file, several files that belong together (one a sex), or a mapping from what each file holds to the
        file: ``{"female": ..., "male": ...}``, or ``{"deaths": ..., "exposures": ...}`` for counts in the
        layout of the Human Mortality Database. Files packed with gzip, bzip2, xz or zip are unpacked.
    format
        "hmd": Human Mortality Database, period life tables (``fltper_1x1.txt``) and death rates
        (``Mx_1x1.txt``), single or grouped ages and years, with or without title lines. "wpp": UN World
        Population Prospects, files of the WPP packages for R (``mxF5.txt``) or a long table by periods; a
        period begins on 1 July; or the bulk CSV of life tables by calendar year. "who": WHO Global Health
        Observatory, nMx or nqx, JSON or bulk CSV (this and the WPP bulk files were tested on constructed files
        only). "stata": ``popmort.dta`` as strs, stpm2 and stnet use it. "long": a text table
        with one row a cell. By default recognised by content.
    country
        For a file of one country, the label under which it goes into a column ``country``; without it the
        table is by sex alone. For a file with countries, the one or those to keep, or a mapping from its
        labels to yours; without it all are kept. WPP countries are labelled by their ISO 3166 three-letter
        codes and can also be asked for by number or name; areas without such a code keep the file's name.
    sex
        "female" or "male" for a file of one sex that does not name it.
    by
        For "long" and "stata", columns that choose a stratum besides sex; by default ``country`` if the file
        has it.
    columns
        For "long", names of the columns that play the parts ``sex, age, year`` and one of ``mx, qx, rate``,
        where they are not called so. Of several mortality columns, the first of ``mx, qx, rate`` is used, and
        ``hazard_per_day`` where there is none. Instead of ``year``, ``year_start`` (and ``year_end``) may give
        the first days of calendar cells and of the cell after, as `LifeTable.to_frame` does. For
        "stata" the parts are ``sex, age, year`` and ``prob`` (of surviving the year) or ``rate``.
    sex_codes
        For "long" and "stata", what their labels of sex mean: ``{1: "male", 2: "female", 9: "both"}``. Usual names are
        known.
    rate_unit
        For a ``rate`` in a long table, "per_year", "per_1000_years", "per_100000_years" or "per_day".
    age_unit
        For a long table, "years" or "days".
    both_sexes
        What rows for both sexes together are for: "leave-out", or "where-missing": a country (or other stratum)
        without rows for one sex, or for both, takes these for it. The provenance names the strata.
    days_per_year
        As in `LifeTable.from_frame`: at the default ages begin on birthdays.
    year_starts, year_end
        Where calendar cells begin and the last one ends, instead of the format's own rule (1 January, or 1
        July for WPP).
    missing
        "error", or "not-covered" for cells without a value and years without rows, which raise when they are
        looked up; by default "not-covered" for HMD, where a point means that there was no exposure, and "error"
        otherwise.
    encoding
        Of text files.

    Returns
    -------
    LifeTable
        Its ``provenance`` holds, for each file, its name without folders, SHA-256, format and method, and
        what was left out (such as rows for both sexes together) with counts.

    Raises
    ------
    LifeTableError
        A file of none of the formats (the message says what was looked for), counts instead of rates, a
        cohort table, an unknown sex, or cells that leave gaps or overlap.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import childsurv as cs
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "rates.csv"
    >>> lines = ["sex,age,year,mx", "male,0,2000,0.01", "female,0,2000,0.01"]
    >>> lines += ["male,1,2000,0.001", "female,1,2000,0.001"]
    >>> _ = file.write_text("\n".join(lines), encoding="utf-8")
    >>> cs.read_life_table(file, country="XAA")
    <LifeTable by country, sex: 2 strata, 2 ages, 1 calendar cells, 2000-01-01 to 2000-12-31, digest ...>

    References
    ----------
    Preston SH, Heuveline P, Guillot M. Demography: measuring and modeling population processes.
    Blackwell 2001, chapter 3.
    """
    if format is not None:
        require_choice(format, NAMES, argument="format")
    if sex is not None:
        require_choice(sex, SEXES, argument="sex")
    if missing is not None:
        require_choice(missing, ("error", "not-covered"), argument="missing")
    require_choice(both_sexes, ("leave-out", "where-missing"), argument="both_sexes")
    sources, roles = _sources(path, encoding)
    if sex is not None and len(sources) > 1:
        raise OptionError(
            "sex= goes with one file; for several give a mapping {'female': path, 'male': path}."
        )
    options = Options(
        sex=sex,
        by=(by,) if isinstance(by, str) else None if by is None else tuple(by),
        columns=columns,
        sex_codes=sex_codes,
        rate_unit=rate_unit,
        age_unit=age_unit,
        country=country,
        both_sexes=both_sexes,
        days_per_year=days_per_year,
        year_starts=year_starts,
        year_end=year_end,
        missing=missing,
    )
    own = [replace(options, sex=role if role in SEXES else sex) for role in roles]
    forms = _formats(sources, own, format)
    for each in zip(forms, sources, own, strict=True):
        require_taken(*each)
    if set(roles) == {"deaths", "exposures"}:
        read_counts = forms[0].read_counts
        if read_counts is None:
            raise OptionError(
                "Deaths and exposures are read in the layout of the Human Mortality Database only."
            )
        pair = dict(zip(roles, sources, strict=True))
        parts = [read_counts(pair["deaths"], pair["exposures"], options)]
    else:
        parts = [form.read(source, its) for form, source, its in zip(forms, sources, own, strict=True)]
    return _table(parts, sources, forms[0], options)


def _table(parts: Sequence[Cells], sources: Sequence[Source], form: Format, options: Options) -> LifeTable:
    """Return the life table of the cells of files that belong together."""
    cells = _together(parts, sources)
    frame, strata = _with_country(cells, options.country, sources)
    names = ", ".join(source.name for source in sources)
    frame, filled = _without_both(frame, strata, options.both_sexes)
    # Errors name the column as the file does.
    value = str(cells.notes.get("columns", {}).get(cells.kind, cells.kind))
    value = value if value not in frame.columns else cells.kind
    frame = frame.copy(deep=False)
    frame.columns = [value if name == "mortality" else name for name in frame.columns]
    if len(frame) == 0:
        raise LifeTableError(
            f"{names}: there are only rates for both sexes together. Population mortality is looked up by "
            "sex: add the files for females and males, or use these for each sex knowingly with "
            "both_sexes='where-missing'."
        )
    own_years = options.year_starts is not None
    how: dict[str, Any] = {
        "by": strata,
        "age_unit": cells.age_unit if cells.age_unit != "years" else options.age_unit,
        "days_per_year": options.days_per_year,
        "year_starts": options.year_starts if own_years else cells.year_starts,
        "year_end": options.year_end if own_years or options.year_end is not None else cells.year_end,
        "missing": options.missing or ("not-covered" if _saved_gaps(frame, value) else form.missing),
        "source": names,
    }
    mortality: dict[str, Any] = {cells.kind: value, "rate_unit": cells.rate_unit or options.rate_unit}
    try:
        table = LifeTable.from_frame(frame, **mortality, **how)
    except LifeTableError as error:
        raise LifeTableError(f"{names}{_of_what_was_left(parts, str(error))}") from error
    _require_possible(table, names, value)
    if EXTENDED in frame.columns:
        marks = LifeTable.from_frame(frame, rate=EXTENDED, rate_unit="per_day", **how)
        table = replace(table, extended=marks.rates == 1.0)
    steps = [
        {"file": source.name, "sha256": source.digest, "format": form.name, **notes}
        for source, notes in zip(sources, _notes_of(parts, sources), strict=True)
    ]
    built = {
        "mortality": cells.kind,
        "days_per_year": options.days_per_year,
        "cells": "constant hazard, as wide as in the file",
    }
    if filled:
        built["both_sexes"] = "rates for both sexes together are used for a missing sex"
        built["filled"] = filled
    return replace(table, provenance=(*steps, built), calendar_rule=cells.calendar_rule)


def _of_what_was_left(parts: Sequence[Cells], message: str) -> str:
    """Return a message about rows of files, with a note on the rows and columns that were left out."""
    left_out = any(part.notes.get("left_out") for part in parts)
    counted = " (rows counted without those left out)" if left_out and " row" in message else ""
    not_used = list(dict.fromkeys(name for part in parts for name in part.notes.get("not_used", ())))
    hint = f" Columns not used: {', '.join(not_used)}." if not_used and "more than once" in message else ""
    return f"{counted}: {message}{hint}"


def _saved_gaps(frame: pd.DataFrame, column: str) -> bool:
    """Whether these are cells of `LifeTable.to_frame`, which writes gaps down."""
    return EXTENDED in frame.columns and bool(frame[column].isna().any())


def _require_possible(table: LifeTable, names: str, column: str) -> None:
    """Raise where rates are higher than those of any population, which only a wrong unit explains."""
    years_of_age = table.age_starts / (DAYS_PER_YEAR if table.age_rule == "fixed" else 1.0)
    whole_years = np.append(np.diff(years_of_age) > 0.99, True) & (years_of_age < 80)
    too_high = table.rates[:, whole_years] * DAYS_PER_YEAR > LARGEST_RATE_BELOW_80
    if too_high.any():
        raise LifeTableError(
            f"{names}: column {column!r} gives more than {LARGEST_RATE_BELOW_80:g} death a person-year in "
            f"{int(too_high.sum()):,} cells below age 80. Are the rates per 1,000 or 100,000? Give "
            f"columns={{'rate': {column!r}}}, rate_unit='per_1000_years' (or 'per_100000_years', 'per_day')."
        )


def _without_both(
    frame: pd.DataFrame, strata: Sequence[str], both_sexes: str
) -> tuple[pd.DataFrame, list[str]]:
    """Leave out rows for both sexes, or use them for each sex that a stratum lacks, and name those."""
    codes, labels = pd.factorize(frame["sex"])
    if "both" not in set(labels):
        return frame, []
    together = codes == list(labels).index("both")
    single = frame[~together]
    if both_sexes == "leave-out":
        return single, []
    rows = frame[together]
    keys = pd.MultiIndex.from_frame(rows[list(strata)].astype(object)) if strata else None
    parts, filled = [single], []
    for sex in ("female", "male"):
        own = single[single["sex"] == sex]
        if keys is None:
            lacking = np.full(len(rows), len(own) == 0)
        else:
            lacking = ~keys.isin(pd.MultiIndex.from_frame(own[list(strata)].astype(object).drop_duplicates()))
        if lacking.any():
            parts.append(rows[lacking].assign(sex=sex))
            if keys is None:
                filled.append(sex)
            else:
                filled += [", ".join((*map(str, label), sex)) for label in dict.fromkeys(keys[lacking])]
    stacked = pd.concat([part.assign(sex=part["sex"].astype(object)) for part in parts], ignore_index=True)
    return stacked, filled


def _sources(
    path: PathLike | Sequence[PathLike] | Mapping[str, PathLike], encoding: str
) -> tuple[list[Source], list[str | None]]:
    """Open every file; the second list has what each one holds, where the caller gave it."""
    if isinstance(path, (str, os.PathLike)):
        return [open_source(Path(path), encoding=encoding)], [None]
    roles: list[str | None]
    if isinstance(path, Mapping):
        roles, paths = list(path), list(path.values())
        if not (set(roles) <= {"female", "male"} or set(roles) == {"deaths", "exposures"}):
            raise OptionError(
                "A mapping of files has the keys 'female' and 'male', or 'deaths' and 'exposures'; got "
                f"{', '.join(map(repr, roles))}."
            )
    else:
        paths = list(path)
        roles = [None] * len(paths)
    if not paths:
        raise OptionError("read_life_table() needs at least one file.")
    return [open_source(Path(each), encoding=encoding) for each in paths], roles


def _formats(sources: Sequence[Source], own: Sequence[Options], name: str | None) -> list[Format]:
    """Return the format of each file: that of the name given, or one by content, the same for all."""
    forms = [_format(source, options, name) for source, options in zip(sources, own, strict=True)]
    if len({form.name for form in forms}) > 1:
        listed = ", ".join(
            f"{source.name} ({form.name})" for source, form in zip(sources, forms, strict=True)
        )
        raise LifeTableError(f"The files are of different formats: {listed}. Read them one by one.")
    return forms


def _format(source: Source, options: Options, name: str | None) -> Format:
    """Return the first format, of that name if there is one, that recognises a file."""
    named = [form for form in FORMATS if name in (None, form.name)]
    if len(named) == 1:
        return named[0]
    for form in named:
        if form.recognise(source, options):
            return form
    if name is not None:
        return named[-1]
    if b"\x00" in source.content[:HEAD_BYTES]:
        kind = "a binary file"
    else:
        kind = f"text of {len(source.content):,} bytes; found {long.what_was_found(source)}"
        if "\ufffd" in "".join(source.head):
            kind += (
                f"; the text is not in the encoding {source.encoding}, name it, for example encoding='cp1251'"
            )
    looked_for = "; ".join(
        f"{each}, {', or '.join(form.looked_for for form in FORMATS if form.name == each)}" for each in NAMES
    )
    raise LifeTableError(
        f"{source.name} ({kind}) is no life table that is known here. Looked for: {looked_for}. Any other table can "
        "be read with pandas and given to LifeTable.from_frame()."
    )


def _together(parts: Sequence[Cells], sources: Sequence[Source]) -> Cells:
    """Put the cells of files that belong together into one, after checking that they do."""
    places = list(dict.fromkeys(part.place for part in parts if part.place))
    names = ", ".join(source.name for source in sources)
    if len(places) > 1:
        raise LifeTableError(
            f"{names} are of different countries ({', '.join(places)}). Read each country with country=... "
            "and put them together with childsurv.concat_life_tables()."
        )
    first = parts[0]
    if any((part.kind, part.by) != (first.kind, first.by) for part in parts):
        raise LifeTableError(
            f"{names} do not hold the same kind of mortality by the same columns; read them one by one."
        )
    if any((part.year_starts, part.year_end) != (first.year_starts, first.year_end) for part in parts):
        raise LifeTableError(f"{names} do not have the same calendar cells; read them one by one.")
    frames = [part.frame for part in parts if len(part.frame)] or [first.frame]
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    return replace(first, frame=frame, place=places[0] if places else "")


def _with_country(
    cells: Cells, country: Country, sources: Sequence[Source]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Add the label of a file of one country as a column."""
    if country is None or "country" in cells.by:
        return cells.frame, cells.by
    if not isinstance(country, str):
        raise OptionError(
            f"{sources[0].name} has no column of countries, so country= is one label for all of it, such as "
            "'XAA'."
        )
    return cells.frame.assign(country=np.array(country, dtype=object)), ("country", *cells.by)


def _notes_of(parts: Sequence[Cells], sources: Sequence[Source]) -> list[Mapping[str, Any]]:
    return [part.notes for part in parts] if len(parts) == len(sources) else [parts[0].notes] * len(sources)
