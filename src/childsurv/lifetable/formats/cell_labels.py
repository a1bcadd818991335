"""How published tables write ages, years, sexes and countries, and the cells that rows with such labels are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.errors import LifeTableError, rows_where
from childsurv.lifetable.formats.published import Cells, Country, Source

FloatArray = npt.NDArray[np.float64]

LARGEST_RATE_BELOW_80 = 1.0
"""Below age 80 there is nowhere more than one death a person-year; counts and rates per 1,000 are larger."""

AGE_LABEL = re.compile(r"(\d+(?:\.\d+)?)\s*(\+|(?:-|–)\s*(\d+))?")
YEAR_LABEL = re.compile(r"(\d{4})(?:\.0)?\s*((?:-|–)\s*(\d{4}))?")

SEX_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("male", "males", "m", "man", "men", "мужской", "мужчины", "муж", "м"), "male"),
    **dict.fromkeys(("female", "females", "f", "woman", "women", "женский", "женщины", "жен", "ж"), "female"),
    **dict.fromkeys(("total", "both", "both sexes", "all", "persons", "b", "t", "оба пола", "всего"), "both"),
}
"""How published tables name sexes, in lower case; "both" are rows for both sexes together."""

SEX_LABELS = pd.Index(("female", "male", "both"), dtype=object)
"""Categories of a column of sexes. As categories, cells of files are coded once, and stay coded when put together."""


def age_starts(labels: pd.Series, *, file: str) -> FloatArray:
    """Return where age groups such as ``0``, ``1-4`` and ``110+`` begin; groups must follow one another."""
    codes, distinct = pd.factorize(labels)
    bounds = [_bounds(str(label), AGE_LABEL) for label in distinct]
    _require_read(bounds, codes, "ages", "0, 1-4 or 110+", file)
    _require_following([bound for bound in bounds if bound is not None], "age groups", file)
    starts = np.array([bound[0] for bound in bounds if bound is not None])
    return np.asarray(starts[codes])


def require_whole_ages(labels: pd.Series, strata: pd.DataFrame, *, file: str) -> None:
    """Raise where the age groups of one stratum leave gaps.

    `age_starts` checks the groups of the whole file together, so that it misses a stratum that lacks one of them.

    Parameters
    ----------
    labels
        As in the file, of the rows that are used.
    strata
        Columns that distinguish strata, of the same rows.
    file
        To begin the error message with.
    """
    codes, distinct = pd.factorize(labels)
    bounds = [_bounds(str(label), AGE_LABEL) for label in distinct]
    known = [bound for bound in bounds if bound is not None]
    last = np.array([np.nan if end is None else end for _, end in known])
    first = np.array([start for start, _ in known])
    # Parts of a year, such as weeks of infancy, are labelled by their start and not by their end.
    if len(known) < len(bounds) or np.isnan(last).all() or (first % 1 != 0).any():
        return
    is_open = np.array([str(label).strip().endswith("+") for label in distinct])
    # A number alone, among groups, is a year of age.
    last = np.where(np.isnan(last), np.where(is_open, np.inf, first), last)
    stratum = (
        strata.groupby(list(strata.columns), sort=False, observed=True, dropna=False).ngroup().to_numpy()
    )
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    pairs = np.flatnonzero(np.bincount(stratum * len(distinct) + rank[codes]))
    own, label = pairs // len(distinct), order[pairs % len(distinct)]
    inner = own[1:] == own[:-1]
    # In another year the open group may begin later.
    gap = inner & ~is_open[label][:-1] & (first[label][1:] > last[label][:-1] + 1)
    if gap.any():
        place = int(np.argmax(gap))
        whose = ", ".join(map(str, strata[stratum == own[place]].iloc[0]))
        raise LifeTableError(
            f"{file}: age groups of {whose} leave a gap after {distinct[label[place]]}. Rows are missing, or the file "
            "was cut off."
        )


def year_cells(labels: pd.Series, *, file: str) -> tuple[FloatArray, dict[int, str] | None, str | None]:
    """Return the first year of each row, and where cells begin and end if they are groups of years.

    A group such as ``1950-1954`` runs from 1 January of its first year to 31 December of its last.
    """
    codes, distinct = pd.factorize(labels)
    bounds = [_bounds(str(label), YEAR_LABEL) for label in distinct]
    _require_read(bounds, codes, "years", "2000 or 2000-2004", file)
    known = [bound for bound in bounds if bound is not None]
    starts = np.array([bound[0] for bound in known])
    rows = np.asarray(starts[codes])
    if all(bound[1] is None or bound[1] == bound[0] for bound in known):
        return rows, None, None
    filled = [(first, first if last is None else last) for first, last in known]
    _require_following(filled, "groups of years", file)
    year_starts = {int(first): f"{int(first):04d}-01-01" for first, _ in sorted(filled)}
    return rows, year_starts, f"{int(max(last for _, last in filled)) + 1:04d}-01-01"


def dated_cells(
    starts: pd.Series, ends: pd.Series | None, *, file: str
) -> tuple[FloatArray, dict[float, str], str | None]:
    """Return a number for the calendar cell of each row, from its first date, where cells begin, and the last end.

    Where a cell ends before the next one begins, the dates hold one cell more, of which there are no rows.
    """
    codes, first_days = _dates_of(starts, "first day of a calendar cell", file=file)
    named = {_number(date): f"{date:%Y-%m-%d}" for date in first_days}
    numbers = np.array([_number(date) for date in first_days])
    if ends is None:
        return numbers[codes], named, None
    end_codes, last_days = _dates_of(ends, "day after a calendar cell", file=file)
    pairs = np.unique(codes * len(last_days) + end_codes)
    first, last = first_days[pairs // len(last_days)], last_days[pairs % len(last_days)]
    order = np.argsort(first.to_numpy(), kind="stable")
    first, last = first[order], last[order]
    # Of two cells with the same start and different ends, the second begins before the first one ends.
    overlap = np.append(first[1:] < last[:-1], False) | (last <= first)
    if overlap.any():
        raise LifeTableError(
            f"{file}: the calendar cell that begins on {first[int(np.argmax(overlap))]:%Y-%m-%d} does not end after "
            f"that day and by the start of the next one. Cells may not overlap; see {starts.name!r}, {ends.name!r}."
        )
    apart = last[:-1] < first[1:]
    gaps = last[:-1][apart]
    if apart.all() and len(apart) and ends.name is not None:
        short = (first[1:] - last[:-1]).days
        by_year = bool(((last.month == 1) & (last.day == 1)).all()) and bool(np.isin(short, (365, 366)).all())
        if (short == 1).all() or by_year:
            raise LifeTableError(
                f"{file}: column {ends.name!r} holds the last {'year' if by_year else 'day'} of each calendar cell. "
                "Give the first day after it (2005-01-01 for a cell that ends with 2004), or leave the column out."
            )
    named |= {_number(date): f"{date:%Y-%m-%d}" for date in gaps}
    return numbers[codes], named, f"{last[-1]:%Y-%m-%d}"


def _dates_of(column: pd.Series, what: str, *, file: str) -> tuple[npt.NDArray[np.int64], pd.DatetimeIndex]:
    written, distinct = pd.factorize(column)
    dates = pd.DatetimeIndex(
        pd.to_datetime(pd.Series(distinct, dtype=object).astype(str), errors="coerce", format="ISO8601")
    )
    unread = np.append(np.asarray(dates.isna()), True)[written]
    if unread.any():
        raise LifeTableError(
            f"{file}: column {column.name!r}, the {what}, is no ISO date in {rows_where(unread)}. A table is saved "
            "before it is extended: the first and the last cell of one extended with 'last' have no end."
        )
    days, distinct_days = pd.factorize(dates)
    return np.asarray(days[written], dtype=np.int64), pd.DatetimeIndex(distinct_days)


def _number(date: pd.Timestamp) -> float:
    """Return a number that grows with the date and differs between dates."""
    return float(date.year + (date.day_of_year - 1) / 366)


def _bounds(label: str, pattern: re.Pattern[str]) -> tuple[float, float | None] | None:
    match = pattern.fullmatch(label.strip())
    if match is None:
        return None
    last = match.group(3)
    return float(match.group(1)), None if last is None else float(last)


def _require_read(
    bounds: Sequence[tuple[float, float | None] | None],
    codes: npt.NDArray[Any],
    what: str,
    example: str,
    file: str,
) -> None:
    unread = np.array([bound is None for bound in bounds] + [True])[codes]
    if unread.any():
        raise LifeTableError(f"{file}: {what} are not written like {example} in {rows_where(unread)}.")


def _require_following(bounds: Sequence[tuple[float, float | None]], what: str, file: str) -> None:
    # An open group comes after a closed one that begins with it, in whatever order a set holds them.
    ordered = sorted(set(bounds), key=lambda bound: (bound[0], bound[1] is None))
    for (first, last), (following, _) in pairwise(ordered):
        if last is not None and following != last + 1:
            raise LifeTableError(
                f"{file}: {what} do not follow one another: after {first:g}-{last:g} comes {following:g}. "
                "Cells may neither overlap nor leave gaps."
            )


def sexes_of(
    labels: pd.Series, *, sex_codes: Mapping[Any, str] | None, file: str
) -> tuple[pd.Categorical, dict[str, int]]:
    """Return "male", "female" or "both" for each row, and how many rows each label for both sexes had."""
    codes, distinct = pd.factorize(labels)
    names: list[str | None] = []
    for label in distinct:
        if sex_codes is not None:
            named = sex_codes.get(label, sex_codes.get(str(label)))
            names.append(SEX_NAMES.get(str(named).lower()) if named is not None else None)
        else:
            names.append(SEX_NAMES.get(str(label).strip().lower()))
    if None in names or (codes < 0).any():
        unknown = np.array([name is None for name in names] + [True])[codes]
        raise LifeTableError(
            f"{file}: the sex is not understood in {rows_where(unknown)}. Names such as male, female and "
            "total are known; "
            "give what other labels mean, for example sex_codes={1: 'male', 2: 'female', 9: 'both'}."
        )
    own = pd.Categorical.from_codes(SEX_LABELS.get_indexer(pd.Index(names, dtype=object))[codes], SEX_LABELS)
    counts = np.bincount(codes, minlength=len(distinct))
    left_out = {
        str(label): int(count)
        for label, name, count in zip(distinct, names, counts, strict=True)
        if name == "both"
    }
    return own, left_out


def one_sex(name: str, rows: int) -> pd.Categorical:
    """Return "male", "female" or "both" for every row of a file of one sex."""
    return pd.Categorical.from_codes(np.full(rows, SEX_LABELS.get_loc(name), dtype=np.int8), SEX_LABELS)


def choose_countries(
    frame: pd.DataFrame, country: Country, *, also: Mapping[str, Sequence[Any]], file: str
) -> pd.DataFrame:
    """Keep the countries asked for, under the labels asked for.

    Parameters
    ----------
    frame
        With a column ``country``.
    country
        Nothing for all; a label or labels to keep; or a mapping from labels to the labels wanted.
    also
        Other names by which a label of the column may be asked for, such as its number.
    file
        To begin error messages with.
    """
    if country is None:
        return frame
    wanted: dict[Any, str]
    if isinstance(country, str):
        wanted = {country: country}
    elif isinstance(country, Mapping):
        wanted = dict(country)
    else:
        wanted = {label: label for label in country}
    codes, distinct = pd.factorize(frame["country"])
    names = {str(name): label for label in distinct for name in (label, *also.get(label, ()))}
    unknown = [str(label) for label in wanted if str(label) not in names]
    if unknown:
        listed = ", ".join(map(str, distinct[:40])) + (", ..." if len(distinct) > 40 else "")
        raise LifeTableError(f"{file} has no country {', '.join(unknown)}. It has: {listed}.")
    new_label = {names[str(label)]: new for label, new in wanted.items()}
    label_of = np.array([new_label.get(label) for label in distinct], dtype=object)
    keep = np.array([label in new_label for label in distinct])[codes]
    kept = frame[keep].copy()
    kept["country"] = label_of[codes[keep]]
    return kept


METHOD = "rates constant within age groups and calendar years; read by documented columns"


def cells_by_country(
    source: Source,
    rows: pd.DataFrame,
    country: Country,
    *,
    kind: str,
    sex_codes: Mapping[Any, str] | None = None,
    also: Mapping[str, Sequence[Any]] | None = None,
) -> Cells:
    """Return the cells of rows by country and calendar year; rows for both sexes together are counted.

    Parameters
    ----------
    source
        Where the rows come from.
    rows
        Columns ``country, sex, age, year, value``, the last three as numbers or text.
    country, also
        As for `choose_countries`.
    kind
        "mx" or "qx".
    sex_codes
        As for `sexes_of`.
    """
    numbers = {name: pd.to_numeric(rows[name], errors="coerce") for name in ("age", "year", "value")}
    for name, column in numbers.items():
        unread = column.isna().to_numpy()
        if unread.any():
            raise LifeTableError(f"{source.name}: no {name} can be read in {rows_where(unread)}.")
    sexes, left_out = sexes_of(rows["sex"], sex_codes=sex_codes, file=source.name)
    frame = pd.DataFrame(
        {
            "country": rows["country"].to_numpy(dtype=object),
            "sex": sexes,
            "age": numbers["age"].to_numpy(np.float64),
            "year": numbers["year"].to_numpy(np.float64),
            "mortality": numbers["value"].to_numpy(np.float64),
        }
    )
    frame = choose_countries(frame, country, also=also or {}, file=source.name)
    notes: dict[str, Any] = {"method": METHOD} | ({"left_out": left_out} if left_out else {})
    return Cells(frame, kind, ("country",), None, None, notes=notes)
