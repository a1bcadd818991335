"""Human Mortality Database: period life tables and death rates, by single or grouped ages and years.

A file has a title line, an empty line and columns under a header; the title names the country, the kind and,
for life tables, the sex. Copies without the title lines, or with lower-case headers, are read too. A point
means that no person was exposed: such a cell is left uncovered, and looking it up raises.

References
----------
Human Mortality Database. Max Planck Institute for Demographic Research, University of California, Berkeley,
and French Institute for Demographic Studies. https://www.mortality.org
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from childsurv.errors import LifeTableError
from childsurv.lifetable.formats.cell_labels import (
    LARGEST_RATE_BELOW_80,
    SEX_NAMES,
    age_starts,
    year_cells,
)
from childsurv.lifetable.formats.published import Cells, Format, Options, Source
from childsurv.maths.running import ratio

LOOKED_FOR = (
    "a header line of words 'Year Age mx qx ...' (life table) or 'Year Age Female Male Total' (death rates)"
)

HMD_COLUMNS = frozenset({"year", "age", "mx", "female", "male", "total"})

LABELS = ("year", "age")
"""Columns of text: ages such as 1-4 and 110+."""

HEADER_WITHIN_LINES = 12
"""Title, empty lines and remarks come before the header; no known file has more of them."""


def find_header(source: Source) -> tuple[int, list[str]] | None:
    """Return the line (from 0) and the words of the header, or ``None`` for a file of another format."""
    for place, line in enumerate(source.head[:HEADER_WITHIN_LINES]):
        words = line.split()
        lower = [word.lower() for word in words]
        if lower[:2] == ["year", "age"] and ({"mx"} <= set(lower) or {"female", "male"} <= set(lower)):
            return place, words
    return None


def read(source: Source, options: Options) -> Cells:
    """Return the cells of a life table, of which the file or the caller names the sex, or of death rates.

    Years may have different ages only if ``options.ragged``: otherwise the file was cut off.
    """
    sex, ragged = options.sex, options.ragged
    table, title = _read(source, ragged=ragged)
    if "mx" in table.columns:
        own = _sex_of_title(title)
        if sex is not None and own is not None and own != sex:
            raise LifeTableError(f"{source.name} was given as {sex}, but its title names {own}.")
        found = sex or own or _sex_of_name(source.name)
        if found is None:
            raise LifeTableError(
                f"{source.name} is a life table of one sex, but neither a title line nor its name "
                "gives the sex. Give sex='female' or sex='male', or a mapping {'female': path, 'male': path}."
            )
        if found == "both":
            left_out = {"left_out": {"both sexes together": len(table)}}
            return _cells(source, table, {"both": table["mx"]}, title, left_out, ragged=ragged)
        return _cells(source, table, {found: table["mx"]}, title, {}, ragged=ragged)
    if sex is not None:
        raise LifeTableError(f"{source.name} has a column for each sex; sex= is for files of one sex.")
    cells = _cells(
        source,
        table,
        _by_sex(table),
        title,
        {"left_out": {"total": len(table)}} if "total" in table else {},
        ragged=ragged,
    )
    _require_rates(source, cells.frame, title)
    return cells


def read_counts(deaths: Source, exposures: Source, options: Options) -> Cells:
    """Return death rates made from a file of deaths and one of person-years, cell by cell."""
    ragged = options.ragged
    death_table, death_title = _read(deaths, ragged=ragged)
    exposure_table, exposure_title = _read(exposures, ragged=ragged)
    for source, title, word in ((deaths, death_title, "deaths"), (exposures, exposure_title, "exposure")):
        if title and word not in title.lower():
            raise LifeTableError(f"{source.name} was given as {word}, but its title does not name it.")
    if "female" not in death_table or "female" not in exposure_table:
        raise LifeTableError(f"{deaths.name} and {exposures.name} need columns Female and Male.")
    same = len(death_table) == len(exposure_table) and all(
        (death_table[name].astype(str) == exposure_table[name].astype(str)).all() for name in ("year", "age")
    )
    if not same:
        raise LifeTableError(
            f"{deaths.name} and {exposures.name} do not have the same years and ages in the same rows."
        )
    rates = {}
    exposures_by_sex = _by_sex(exposure_table)
    for name, column in _by_sex(death_table).items():
        if name not in exposures_by_sex:
            continue
        rates[name] = pd.Series(
            ratio(column.to_numpy(np.float64), exposures_by_sex[name].to_numpy(np.float64), otherwise=np.nan)
        )
    notes: dict[str, Any] = {"made_of": "deaths divided by exposures"}
    if "total" in death_table:
        notes["left_out"] = {"total": len(death_table)}
    return _cells(deaths, death_table, rates, death_title, notes, ragged=ragged)


def _by_sex(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the columns of rates or counts by sex; the total, that of both, where a sex is lacking."""
    columns = {sex: table[sex] for sex in ("female", "male") if sex in table}
    if len(columns) < 2 and "total" in table:
        columns["both"] = table["total"]
    return columns


def _read(source: Source, *, ragged: bool) -> tuple[pd.DataFrame, str]:
    header = find_header(source)
    if header is None:
        raise LifeTableError(
            f"{source.name} is not a file of the Human Mortality Database: looked for {LOOKED_FOR}."
        )
    place, words = header
    title = next((line.strip() for line in source.head[:place] if line.strip()), "")
    if "cohort" in title.lower():
        raise LifeTableError(
            f"{source.name} is by years of birth (cohort). Expected survival needs the years in which people "
            "live: take the period file, such as Mx_1x1.txt or fltper_1x1.txt."
        )
    # lx and Lx differ in case only, so only the columns wanted get names in lower case.
    names = [word.lower() if word.lower() in HMD_COLUMNS else word for word in words]
    wanted = [name for name in names if name in HMD_COLUMNS]
    table = source.table(
        sep=r"\s+",
        skiprows=place + 1,
        header=None,
        names=names,
        usecols=wanted,
        na_values=["."],
        dtype={"year": str, "age": str},
    )
    for name in wanted:
        if name not in LABELS and not pd.api.types.is_numeric_dtype(table[name].dtype):
            raise LifeTableError(f"{source.name}: column {name!r} holds something that is not a number.")
    _require_whole(source, table, fields=len(names), ragged=ragged)
    return table, title


def _require_whole(source: Source, table: pd.DataFrame, *, fields: int, ragged: bool) -> None:
    """Raise for a file that ends too early, which would read as years and ages without follow-up."""
    tail = source.content[-4096:].decode(source.encoding, errors="replace").split("\n")
    last = next((line for line in reversed(tail) if line.strip()), "")
    if len(last.split()) < fields:
        raise LifeTableError(
            f"{source.name}: the last line has {len(last.split())} fields of {fields}; the file was cut off. "
            "Fetch it again."
        )
    codes, years = pd.factorize(table["year"])
    per_year = np.bincount(codes)
    short = np.flatnonzero(per_year < per_year.max())
    if short.size and not ragged:
        raise LifeTableError(
            f"{source.name}: {short.size} years have fewer ages than the {per_year.max()} of the others, the first "
            f"{years[short[0]]}; the file may have been cut off. Fetch it again, or leave those ages uncovered with "
            "missing='not-covered'."
        )


def _sex_of_title(title: str) -> str | None:
    # Up to the date of the last change, after a tab or spaces.
    words = re.findall(r"[a-z]+", re.split(r"\t|last modified", title.lower())[0])
    return SEX_NAMES.get(words[-1]) if words else None


def _sex_of_name(name: str) -> str | None:
    match = re.search(r"(?:^|[^a-z])([fmb])lt(?:per)?_", name.lower())
    return SEX_NAMES[match.group(1)] if match else None


def _require_rates(source: Source, frame: pd.DataFrame, title: str) -> None:
    """Raise for files of deaths, exposures or populations, whose columns look the same as those of rates."""
    counts = bool((frame["mortality"].to_numpy()[frame["age"].to_numpy() < 80] > LARGEST_RATE_BELOW_80).any())
    named = re.search(r"\b(deaths|exposures?|population|births)\b", title.lower())
    if counts or (named and "death rates" not in title.lower()):
        raise LifeTableError(
            f"{source.name} holds counts of deaths or of people, not death rates. Take the file of death "
            "rates (Mx), or give both counts: read_life_table({'deaths': path, 'exposures': path})."
        )


def _cells(
    source: Source,
    table: pd.DataFrame,
    rates: dict[str, pd.Series],
    title: str,
    notes: dict[str, Any],
    *,
    ragged: bool,
) -> Cells:
    ages = age_starts(table["age"], file=source.name)
    if not ragged and not any(str(label).strip().endswith("+") for label in table["age"].unique()):
        raise LifeTableError(
            f"{source.name}: no age group is open, such as 110+; the file may have been cut off. Fetch it again, or "
            "take its last age for the open one with missing='not-covered'."
        )
    years, starts, end = year_cells(table["year"], file=source.name)
    mortality = [values.to_numpy(np.float64) for values in rates.values()]
    frame = pd.DataFrame(
        {
            "sex": pd.Categorical.from_codes(
                np.repeat(np.arange(len(rates)), len(table)), pd.Index(list(rates))
            ),
            "age": np.tile(ages, len(rates)),
            "year": np.tile(years, len(rates)),
            "mortality": np.concatenate(mortality) if mortality else np.empty(0),
        }
    )
    notes = {**({"title": " ".join(title.split())} if title else {}), **notes}
    uncovered = sum(
        int(np.isnan(values).sum()) for sex, values in zip(rates, mortality, strict=True) if sex != "both"
    )
    if uncovered:
        notes["not_covered"] = uncovered
    place = title.split(",")[0].strip() if "," in title else ""
    return Cells(frame, "mx", (), starts, end, place, notes)


FORMAT = Format(
    name="hmd",
    looked_for=LOOKED_FOR,
    recognise=lambda source, options: find_header(source) is not None,
    read=read,
    takes=frozenset({"sex"}),
    missing="not-covered",
    read_counts=read_counts,
)
