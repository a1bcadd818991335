"""From a registry's file to a cohort, with every finding, exclusion and convention on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from childsurv._version import __version__
from childsurv.cohort.age_schemes import AGE_BANDS, AgeGroupsLike
from childsurv.cohort.age_schemes import age_groups as age_group_scheme
from childsurv.cohort.cohort import CANONICAL_COLUMNS, Cohort, DateLike
from childsurv.errors import (
    DataError,
    LayoutError,
    OptionError,
    asking,
    require_choice,
    require_columns,
    rows_phrase,
)
from childsurv.extract import checks
from childsurv.extract.canonical_columns import canonical_frame, kept_rows, rule_columns
from childsurv.extract.classification import Tumours, check_stages, read_tumours
from childsurv.extract.columns import UNKNOWN, Labels, RawTable
from childsurv.extract.date_order import decide_order, require_declared_order, with_date_formats
from childsurv.extract.dates import BY_DAY, NO_DAY, PLACING_RULE, Days, as_date, as_day, date_pattern
from childsurv.extract.findings import Found
from childsurv.extract.layout import Layout, LayoutLike
from childsurv.extract.linkage import LinkBy, LinkKey, key_bytes, key_check, link_headers, link_tokens
from childsurv.extract.load import load_layout
from childsurv.extract.matching import Match, count_headers, match_headers
from childsurv.extract.quality import quality_counts
from childsurv.extract.records import NO_CODE, UNKNOWN_CODE, Reader, text_column
from childsurv.extract.rules import RulesLike, exclusion_codes, with_own_rules
from childsurv.extract.rules import rules as built_in_rules
from childsurv.extract.source import Source, read_source
from childsurv.extract.timing import Placed, follow, latest_contact, place_dates

PRECISION_COLUMNS = ("date_precision", "birth_precision", "contact_precision")
DATES_UNREADABLE = ("birth-date-unreadable", "diagnosis-date-unreadable", "last-contact-date-unreadable")


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
        file that was refused because day and month could stand in either order.
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
    names = [] if link_by is None else link_headers(link_by)
    secret = b"" if link_key is None else key_bytes(link_key)
    today = as_day(dt.date.today())
    matched: list[Match] = []

    def choose(headers: Sequence[str], suggest_encoding: Callable[[], str]) -> Sequence[str]:
        matched.append(match_headers(chosen, headers, keep=keep, suggest_encoding=suggest_encoding))
        with asking("link_by="):
            require_columns(headers, names)
        return list(dict.fromkeys([*matched[-1].wanted, *names]))

    raw = read_source(
        source,
        chosen.file,
        encoding=encoding,
        choose=choose,
        fits=lambda line: count_headers(chosen, line),
        connection=connection,
        sheet=sheet,
    )
    match = matched[-1]
    found = Found(raw.row_number, known=known)
    found.count("blank-line", raw.blank_lines)
    found.count("user-missing", raw.user_missing)
    found.settle("record-length", raw.wrong_length)
    if date_formats is None:
        chosen, proofs = decide_order(chosen, raw, match)
        found.count("date-order-from-data", proofs)
    reader = Reader(raw, chosen, match, found)

    labels = _labels(reader, country, registry)
    birth, contact = (reader.dates(name, latest=today) for name in ("birth_date", "last_contact_date"))
    diagnosis = reader.dates("diagnosis_date", latest=today)
    assert diagnosis is not None  # the match requires it
    if date_formats is None and found.any_of(DATES_UNREADABLE).any():
        require_declared_order(chosen, raw, match)
    age, survival, months = reader.ages(), reader.survival_days(), None
    if "survival_months" in match:
        months = reader.survival_months()

    def placed_by(closing: Days | int, report: Found) -> Placed:
        return place_dates(
            birth,
            diagnosis,
            contact,
            age=age,
            survival=survival,
            months=months,
            closing=closing,
            found=report,
        )

    closing, closing_from = _closing_days(reader, closing_date)
    if closing is None:
        # The first placing only asks for the latest contact; what it finds is found again by the second.
        latest = latest_contact(placed_by(today, Found(raw.row_number)))
        if latest is None:
            raise DataError(
                f"{raw.name}: no row has a readable date of last contact, so no closing date can be taken "
                "from the data. "
                "Check the layout's date formats, or give closing_date=."
            )
        closing = np.full(len(raw), min(latest, today), dtype=np.int64)
        found.count("closing-date-from-data", 1)
    placed = placed_by(closing, found)

    status = labels["vital_status"]
    event = reader.labels("event")
    followed = follow(
        placed,
        status.equals("dead"),
        closing=closing,
        entry=reader.numbers("entry"),
        time=reader.numbers("time"),
        event=None if event is None else event.integers(NO_CODE),
        found=found,
    )

    dated = (placed.birth != NO_DAY) & (placed.diagnosis != NO_DAY)
    checks.check_age_band(placed.age, dated & (placed.birth <= placed.diagnosis), age_band, found)
    tumours = read_tumours(reader, edition=iccc_edition)
    check_stages(tumours, placed.age, labels["stage"], labels["stage_system"], found)
    basis = labels["basis"].integers(UNKNOWN_CODE)
    dco, autopsy = (basis == 0) | labels["dco"].equals("yes"), labels["autopsy"].equals("yes")
    found.add("dco", dco)
    found.add("autopsy", autopsy)

    seen = placed.contact, placed.contact
    if contact is not None:
        seen = (
            np.where(contact.readable, contact.first, placed.contact),
            np.where(contact.readable, contact.last, placed.contact),
        )
    found.judge(rule_columns(reader, labels, placed, followed, tumours, basis, dco, autopsy))
    identifiers = _identifiers(reader, labels, placed, tumours, seen, found)
    numbers = {"basis": basis, "dco": dco, "autopsy": autopsy}
    frame = canonical_frame(reader, labels, placed, followed, closing, tumours, groups, numbers, identifiers)
    if names:
        frame["link_token"] = link_tokens(
            raw,
            names,
            secret,
            birth=placed.birth,
            exact_birth=placed.birth_precision == BY_DAY,
            sex=labels["sex"],
            found=found,
        ).categorical()
    elif (tokens := reader.labels("link_token")) is not None:
        frame["link_token"] = tokens.categorical()
    frame = frame[[*(name for name in CANONICAL_COLUMNS if name in frame), *match.keep]]

    eligible = ~found.any_of(checks.ineligible_codes(found))
    counts = quality_counts(frame, eligible=eligible, vital_status_unknown=status.equals(UNKNOWN))
    kept, exclusions = found.exclude([code for code in codes if code != "same-day"], frame["country"].array)
    # Counted among the rows that are analysed otherwise, so it comes last.
    found.add("same-day", kept & (followed.time == 0))
    if "same-day" in codes:
        kept, exclusions = found.exclude(codes, frame["country"].array)
    frame = kept_rows(frame, kept)
    closing_day = as_date(int(closing.max()))
    return Cohort(
        frame=frame,
        rows_read=len(raw),
        closing_date=closing_day,
        findings_table=found.findings(),
        exclusions_table=exclusions,
        provenance=(
            _provenance(raw, chosen, match, found)
            | {
                "closing_date": closing_day.isoformat(),
                "closing_date_from": closing_from,
                "iccc_edition": iccc_edition,
                "age_band": age_band or "every age",
                "age_groups": str(groups),
                "exclude": codes,
            }
            | ({"link_by": tuple(names), "link_key_check": key_check(secret)} if names else {}),
        ),
        quality_counts=counts,
    )


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


def _labels(reader: Reader, country: str | None, registry: str | None) -> dict[str, Labels]:
    """Read the columns of few values; a column that the extract lacks is unknown in every row."""
    named = {"country": country, "registry": registry}
    for name, given in named.items():
        if given is not None and (not isinstance(given, str) or not given.strip()):
            raise OptionError(f"{name}= takes a name.")
    labels = {
        "sex": reader.labels("sex", report_missing=True),
        "vital_status": reader.labels("vital_status", report_missing=True),
        "basis": reader.labels("basis"),
        "grade": reader.labels("grade"),
        "dco": reader.labels("dco"),
        "autopsy": reader.labels("autopsy"),
        "stage": reader.labels("stage"),
        "stage_system": reader.labels("stage_system", problems="label"),
        "cause_of_death": reader.labels("cause_of_death", problems="label"),
        **{name: reader.labels(name, problems="date-precision") for name in PRECISION_COLUMNS},
    }
    countries = _place(reader, "country", country) or reader.constant(UNKNOWN)
    reader.found.count("country-unknown", int(countries.equals(UNKNOWN).sum()))
    registries = _place(reader, "registry", registry) or countries
    known = {name: reader.constant(UNKNOWN) if column is None else column for name, column in labels.items()}
    return known | {"country": countries, "registry": registries}


def _place(reader: Reader, name: str, given: str | None) -> Labels | None:
    """Return the country or registry of each row: what the caller says, which the file may not contradict."""
    own = reader.labels(name, problems="label")
    if given is None:
        return own
    if own is not None:
        other = ~(own.equals(given) | own.equals(UNKNOWN))
        if other.any():
            raise OptionError(
                f"{name}={given!r} is given, but column {reader.match.single[name]!r} of the extract says "
                f"something else in {rows_phrase(reader.table.row_number[other])}. Leave the argument out to "
                "use the column, or correct one of them."
            )
    return reader.constant(given)


def _closing_days(reader: Reader, closing_date: DateLike | None) -> tuple[Days | None, str]:
    """Return the closing date of each row and its origin; ``None`` when it must come from the data."""
    if closing_date is not None:
        try:
            day = as_day(pd.Timestamp(closing_date).to_datetime64())
        except (ValueError, TypeError):
            day = NO_DAY
        if day == NO_DAY:
            raise OptionError("closing_date= takes a date, such as '2020-12-31'.")
        return np.full(len(reader), day, dtype=np.int64), "closing_date="
    column = reader.dates("closing_date", latest=None)
    if column is None or not column.readable.any():
        return None, "latest last contact in the extract"
    if not column.readable.all():
        raise DataError(
            f"Column {reader.match.single['closing_date']!r} has no readable closing date in "
            f"{int((~column.readable).sum()):,} rows. Give closing_date= for all, or fill the column."
        )
    return column.last, f"column {reader.match.single['closing_date']!r}"


def _identifiers(
    reader: Reader,
    labels: Mapping[str, Labels],
    placed: Placed,
    tumours: Tumours,
    contact: tuple[Days, Days],
    found: Found,
) -> dict[str, Any]:
    """Check duplicates and later tumours; return the columns of identifiers."""
    patient, tumour = reader.coded("patient_id"), reader.coded("tumour_id")
    assert patient is not None  # the match requires it
    has_patient = ~patient.where([text == "" for text in patient.texts])
    found.add("patient-id-missing", ~has_patient)
    child = patient.codes.astype(np.int64)
    for name in ("country", "registry"):
        if len(labels[name].labels) > 1:
            child = child * len(labels[name].labels) + labels[name].codes
    site = tumours.topography
    organ = np.array([-1 if code == UNKNOWN else int(code[1:3]) for code in site.labels])[site.codes]
    if child.size and int(child.max()) > 4 * child.size:
        child = pd.factorize(child)[0]
    checks.check_tumours(
        child,
        None if tumour is None else tumour.codes,
        has_patient=has_patient,
        has_tumour=np.zeros(len(reader), dtype=bool)
        if tumour is None
        else ~tumour.where([text == "" for text in tumour.texts]),
        diagnosis=placed.diagnosis,
        contact=contact,
        site=tumours.topography.distinct() * len(tumours.icd10.labels) + tumours.icd10.distinct(),
        organ=organ,
        morphology=tumours.morphology,
        malignant=tumours.behaviour == 3,
        group=tumours.classes["iccc_group"].distinct(),
        found=found,
    )
    return {
        "patient_id": text_column(patient),
        "tumour_id": np.full(len(reader), "", dtype=object) if tumour is None else text_column(tumour),
    }


def _provenance(raw: RawTable, layout: Layout, match: Match, found: Found) -> dict[str, Any]:
    return {
        "source": raw.name,
        "sha256": raw.digest,
        "encoding": raw.encoding,
        "layout": layout.name,
        "rows_read": len(raw),
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
    }
