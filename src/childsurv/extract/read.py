"""From a registry's file to a cohort, in seven stages: open, match, read values, place dates, classify, check, exclude.

Every finding, exclusion and convention is on record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from childsurv._version import __version__
from childsurv.cohort.age_schemes import AGE_BANDS, AgeGroups, AgeGroupsLike
from childsurv.cohort.age_schemes import age_groups as age_group_scheme
from childsurv.cohort.cohort import CANONICAL_COLUMNS, Cohort, DateLike, kept_frame
from childsurv.errors import LayoutError, OptionError, asking, require_choice, require_columns
from childsurv.extract.canonical_columns import Rows, canonical_frame
from childsurv.extract.checks import check_rows, ineligible_codes
from childsurv.extract.classification import classify_rows
from childsurv.extract.columns import UNKNOWN, RawTable
from childsurv.extract.date_order import decide_order, with_date_formats
from childsurv.extract.dates import PLACING_RULE, as_date, date_pattern
from childsurv.extract.findings import Found
from childsurv.extract.layout import Layout, LayoutLike
from childsurv.extract.linkage import LinkBy, LinkKey, key_bytes, key_check, link_headers, link_tokens
from childsurv.extract.load import load_layout
from childsurv.extract.matching import Match, count_headers, match_headers
from childsurv.extract.quality import quality_counts
from childsurv.extract.records import Reader
from childsurv.extract.rules import Rules, RulesLike, exclusion_codes, with_own_rules
from childsurv.extract.rules import rules as built_in_rules
from childsurv.extract.source import Source, read_source
from childsurv.extract.timing import timeline
from childsurv.extract.values import read_values


def read_extract(
    source: Source,
    *,
    layout: LayoutLike,
    country: str | None = None,
    registry: str | None = None,
    closing_date: DateLike | None = None,
    encoding: str | None = None,
    iccc_edition: str = "2017",
    age_band: str | None = "0-19",
    age_groups: AgeGroupsLike = "standard",
    exclude: str | Sequence[str] = "childsurv",
    keep: Sequence[str] = (),
    date_formats: Sequence[str] | None = None,
    connection: Any = None,
    sheet: str | int | None = None,
    rules: RulesLike | None = None,
    link_by: LinkBy | None = None,
    link_key: LinkKey | None = None,
) -> Cohort:
    """Read a registry extract into a `Cohort`: cleaned, classified, checked, and with nothing lost.

    Every row of the extract ends in the cohort or under one named rule of exclusion; every problem becomes a
    finding with its row number. Dates known to the month or year are placed at the midpoint of the days that
    are possible. Follow-up counts days from diagnosis, ``time = last contact - diagnosis``, cut at the
    closing date.

    Parameters
    ----------
    source
        Path of a file: CSV or TSV, also compressed (.gz, .bz2, .xz, or a .zip of one file); a workbook (.xlsx,
        .xlsm, .xlsb, .xls, .ods; extra ``excel``); Stata, SPSS or SAS (.dta, .sav, .zsav, .por, .sas7bdat, .xpt;
        extra ``stat``); Parquet or Feather (extra ``parquet``). Or a DataFrame (pandas, polars, Arrow, DuckDB);
        or, with ``connection``, a query in SQL.
    layout
        Name of a built-in layout (`layouts`), path of a TOML layout, or a `Layout`.
    country, registry
        Names for the whole extract, where it has no such column. Without any, they are "unknown", and the
        registry takes the name of the country.
    closing_date
        Last day on which follow-up can have been observed. Later contacts are cut back to it, and a later
        death is not counted. By default the column of the layout, or else the latest last contact in the
        extract.
    encoding
        Overrides the layout's encodings, for example "cp1251".
    iccc_edition
        "2005", "2017" or "2017-icdo3.2".
    age_band
        "0-14", "0-17", "0-18" or "0-19" completed years at diagnosis; ``None`` for every age.
    age_groups
        Scheme of the column ``age_group``: "standard" (0, 1-4, 5-9, 10-14, 15-19, 20+), "five-year",
        "concord", "russia", or the first years of groups of your own.
    exclude
        Which rows to leave out: the profile "childsurv" (every rule marked default), "minimal" (only what
        cannot be analysed), "nordcan" or "concord-eurocare", or a list of profiles and rule codes, for example
        ``["childsurv", "non-malignant-cns"]``. `check_rules` lists them.
    keep
        Further headers of the extract to carry along as text.
    date_formats
        Replaces the formats of every column that the layout reads as a date, for example ``["%Y%d%m"]`` for a
        file that was refused because day and month could be in either order.
    connection
        A DBAPI connection (sqlite3, DuckDB, psycopg ...), or an engine or connection of SQLAlchemy; the first
        argument is then a query. It is neither committed nor closed.
    sheet
        Name or number (from 1) of the sheet of a workbook; needed where several are not empty.
    rules
        Path of a TOML file with checks of your own, or several; they may name columns of ``keep``.
    link_by, link_key
        Headers of a child's names, and a secret that registries share: the column ``link_token`` then holds a
        keyed hash of names, date of birth and sex, by which `concat` or `compare_link_tokens` finds a child
        that two registries hold. The names themselves are not kept.

    Returns
    -------
    Cohort
        With the canonical columns. ``age_years`` are completed years by birthday (a child born on 29
        February grows older on 1 March of a common year); ``basis`` and ``grade`` are 9 and labels "unknown"
        where not known; ``date_precision`` is that of the date of diagnosis; ``source_row`` is the line of
        the file or the row of the sheet (a record counts as one line), or the row of a DataFrame, a query or a
        file of a statistics program, counted from 1. Findings use the same numbers; 0 is for findings about
        the file as a whole.

    Raises
    ------
    LayoutError
        The layout is wrong or does not fit the file, or the file is in another encoding.
    DataError
        The file is empty or damaged, or no row has a date from which a closing date could be taken.
    OptionError
        An argument is not one of its choices.

    Examples
    --------
    >>> import pandas as pd, childsurv as cs
    >>> extract = pd.DataFrame({
    ...     "patient_id": ["a", "b"], "sex": ["female", "male"], "birth_date": ["2010-03-01", "2009-12-24"],
    ...     "diagnosis_date": ["2012-05-01", "2012-06"], "topography": ["C71.6", "C42.1"],
    ...     "morphology": ["9470/3", "9811/3"], "last_contact_date": ["2015-05-01", "2013-02-11"],
    ...     "vital_status": ["alive", "dead"]})
    >>> cohort = cs.read_extract(extract, layout="childsurv", country="Simulated", closing_date="2015-12-31")
    >>> cohort.data[["age_years", "iccc_subgroup", "date_precision", "time", "event"]]
       age_years iccc_subgroup date_precision  time  event
    0          2          IIIc            day  1095      0
    1          2            Ia          month   241      1

    References
    ----------
    Placing of dates as in the survival algorithms of NAACCR and SEER; checks as in IARC Technical Report 42.
    """
    options = Options.checked(
        layout,
        iccc_edition=iccc_edition,
        age_band=age_band,
        age_groups=age_groups,
        exclude=exclude,
        keep=keep,
        date_formats=date_formats,
        rules=rules,
        link_by=link_by,
        link_key=link_key,
    )
    opened = open_source(source, options, encoding=encoding, connection=connection, sheet=sheet)
    reader = match_layout(opened, options)
    stated = read_values(
        reader,
        country=country,
        registry=registry,
        closing_date=closing_date,
        formats_given=options.formats_given,
    )
    days = timeline(reader, stated)
    tumours = classify_rows(reader, stated, days, edition=options.edition)
    rows = Rows(reader, stated, days, tumours)
    check_rows(rows, age_band=options.age_band)
    return exclude_rows(rows, options)


@dataclass(frozen=True)
class Options:
    """What the caller of `read_extract` asks for, checked."""

    layout: Layout
    formats_given: bool
    """Whether the caller names the formats of dates, so that the file does not decide about day and month."""
    edition: str
    age_band: str | None
    groups: AgeGroups
    keep: tuple[str, ...]
    rules: Rules
    codes: tuple[str, ...]
    """Codes of the rules that leave rows out, in their order."""
    names: tuple[str, ...] = ()
    """Headers of the names that link tokens are made of."""
    secret: bytes = b""

    @classmethod
    def checked(
        cls,
        layout: LayoutLike,
        *,
        iccc_edition: str,
        age_band: str | None,
        age_groups: AgeGroupsLike,
        exclude: str | Sequence[str],
        keep: Sequence[str],
        date_formats: Sequence[str] | None,
        rules: RulesLike | None,
        link_by: LinkBy | None,
        link_key: LinkKey | None,
    ) -> Options:
        """Return the arguments of `read_extract`, each checked before the source is opened."""
        chosen = load_layout(layout)
        if date_formats is not None:
            chosen = with_date_formats(chosen, _checked_formats(chosen, date_formats))
        known = built_in_rules() if rules is None else with_own_rules(rules, kept=keep)
        codes = exclusion_codes(exclude, known)
        if age_band is not None:
            require_choice(age_band, tuple(AGE_BANDS), argument="age_band")
        groups = age_group_scheme(age_groups)
        if (link_by is None) != (link_key is None):
            raise OptionError("link_by= and link_key= are given together.")
        return cls(
            layout=chosen,
            formats_given=date_formats is not None,
            edition=iccc_edition,
            age_band=age_band,
            groups=groups,
            keep=tuple(keep),
            rules=known,
            codes=codes,
            names=() if link_by is None else tuple(link_headers(link_by)),
            secret=b"" if link_key is None else key_bytes(link_key),
        )


@dataclass(frozen=True)
class Opened:
    """The columns wanted of a source, and which header fills which field."""

    table: RawTable
    match: Match


def open_source(
    source: Source, options: Options, *, encoding: str | None, connection: Any, sheet: str | int | None
) -> Opened:
    """Open a source and read the columns that the layout, ``keep=`` and ``link_by=`` want."""
    matched: list[Match] = []

    def choose(headers: Sequence[str], suggest_encoding: Callable[[], str]) -> Sequence[str]:
        match = match_headers(options.layout, headers, keep=options.keep, suggest_encoding=suggest_encoding)
        with asking("link_by="):
            require_columns(headers, options.names)
        matched.append(match)
        return list(dict.fromkeys([*match.wanted, *options.names]))

    table = read_source(
        source,
        options.layout.file,
        encoding=encoding,
        choose=choose,
        fits=lambda line: count_headers(options.layout, line),
        connection=connection,
        sheet=sheet,
    )
    return Opened(table, matched[-1])


def match_layout(opened: Opened, options: Options) -> Reader:
    """Settle what the columns mean, the order of day and month included, and begin the findings."""
    table, layout = opened.table, options.layout
    found = Found(table.row_number, known=options.rules)
    found.count("blank-line", table.blank_lines)
    found.count("user-missing", table.user_missing)
    found.settle("record-length", table.wrong_length)
    if not options.formats_given:
        layout, proofs = decide_order(layout, table, opened.match)
        found.count("date-order-from-data", proofs)
    return Reader(table, layout, opened.match, found)


def exclude_rows(rows: Rows, options: Options) -> Cohort:
    """Give each row a place in the cohort or the first rule that leaves it out."""
    reader, found, match = rows.reader, rows.found, rows.reader.match
    frame = canonical_frame(rows, options.groups)
    if options.names:
        frame["link_token"] = link_tokens(rows, options.names, options.secret).categorical()
    elif (tokens := reader.labels("link_token")) is not None:
        frame["link_token"] = tokens.categorical()
    frame = frame[[*(name for name in CANONICAL_COLUMNS if name in frame), *match.keep]]
    eligible = ~found.any_of(ineligible_codes(found))
    unknown = rows.stated.labels["vital_status"].equals(UNKNOWN)
    counts = quality_counts(frame, eligible=eligible, vital_status_unknown=unknown)
    codes, country = options.codes, frame["country"].array
    kept, exclusions = found.exclude([code for code in codes if code != "same-day"], country)
    # Counted among the rows that are analysed otherwise, so it comes last.
    found.add("same-day", kept & (rows.timeline.followed.time == 0))
    if "same-day" in codes:
        kept, exclusions = found.exclude(codes, country)
    closing = as_date(int(rows.timeline.closing.max()))
    return Cohort(
        frame=kept_frame(frame, kept),
        rows_read=len(reader),
        closing_date=closing,
        findings_table=found.findings(),
        exclusions_table=exclusions,
        provenance=(_provenance(rows, options, closing),),
        quality_counts=counts,
    )


def _provenance(rows: Rows, options: Options, closing: dt.date) -> dict[str, Any]:
    """Return where the rows come from and by which conventions they were read."""
    table, layout, match, found = rows.reader.table, rows.reader.layout, rows.reader.match, rows.found
    stated: dict[str, Any] = {
        "source": table.name,
        "sha256": table.digest,
        "encoding": table.encoding,
        "layout": layout.name,
        "rows_read": len(table),
        "columns": dict(match.single) | {name: tuple(parts.values()) for name, parts in match.parts.items()},
        "columns_absent": match.absent,
        "columns_ignored": match.ignored,
        "dates_placed": int(found.masks["dates-placed"].sum()) if "dates-placed" in found.masks else 0,
        "placing_rule": PLACING_RULE,
        "date_formats": {
            name: rule.formats
            for name, rule in layout.columns.items()
            if rule.formats and name in match.single
        },
        "rules": len(found.known),
        "childsurv": __version__,
        "closing_date": closing.isoformat(),
        "closing_date_from": rows.stated.closing_from,
        "iccc_edition": options.edition,
        "age_band": options.age_band or "every age",
        "age_groups": str(options.groups),
        "exclude": options.codes,
    }
    if options.names:
        stated |= {"link_by": options.names, "link_key_check": key_check(options.secret)}
    return stated


def _checked_formats(layout: Layout, formats: Sequence[str]) -> tuple[str, ...]:
    """Return date formats that every date column of the layout can take."""
    if isinstance(formats, str) or not formats:
        raise OptionError("date_formats= takes a list of formats, such as ['%d.%m.%Y', '%Y'].")
    for rule in layout.columns.values():
        for written in formats if rule.read == "date" else ():
            try:
                date_pattern(written, rule.unknown, pivot=rule.pivot)
            except LayoutError as error:
                raise OptionError(f"date_formats=, column {rule.name!r}: {error}") from None
    return tuple(formats)
