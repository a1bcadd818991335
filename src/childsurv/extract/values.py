"""What an extract states of each row: labels, dates, ages and follow-up, before anything is worked out from them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from childsurv.cohort.cohort import DateLike
from childsurv.errors import DataError, OptionError, rows_phrase
from childsurv.extract.columns import UNKNOWN, Coded, Labels
from childsurv.extract.date_order import require_declared_order
from childsurv.extract.dates import NO_DAY, DateWindows, Days, Mask, as_day
from childsurv.extract.records import NO_CODE, UNKNOWN_CODE, FloatArray, Reader

PRECISION_COLUMNS = ("date_precision", "birth_precision", "contact_precision")
DATES_UNREADABLE = ("birth-date-unreadable", "diagnosis-date-unreadable", "last-contact-date-unreadable")


@dataclass(frozen=True)
class StatedDates:
    """Dates as windows of days, and the age and survival time that narrow them, shape ``(n_rows,)``."""

    birth: DateWindows | None
    """``None`` where the extract lacks the column, as for ``contact``."""
    diagnosis: DateWindows
    contact: DateWindows | None
    age: FloatArray
    """Years at diagnosis, NaN where not stated."""
    survival: FloatArray
    """Exact days of follow-up, NaN where not stated."""
    months: FloatArray | None = None
    """Completed months of follow-up, NaN where not stated; ``None`` where the extract lacks the column."""


@dataclass(frozen=True)
class StatedFollowUp:
    """Follow-up as a cohort was written, which may be narrower than its dates; ``None`` where there is no column."""

    entry: tuple[FloatArray, Mask] | None = None
    """Days since diagnosis, NaN where missing, and where they are unreadable."""
    time: tuple[FloatArray, Mask] | None = None
    event: npt.NDArray[np.int8] | None = None
    """-1 where it is not stated."""

    @property
    def is_given(self) -> bool:
        """Whether the extract has any of the columns."""
        return self.entry is not None or self.time is not None or self.event is not None


@dataclass(frozen=True)
class Stated:
    """Everything that an extract states of each row apart from the codes of the tumour."""

    labels: dict[str, Labels]
    """Columns of few values by name; a column that the extract lacks is unknown in every row."""
    patient: Coded
    tumour: Coded | None
    """Identifiers; ``None`` where the extract has none of the tumour."""
    dates: StatedDates
    follow_up: StatedFollowUp
    closing: Days | None
    """Closing date of each row; ``None`` where it must come from the latest last contact."""
    closing_from: str
    today: int
    basis: npt.NDArray[np.int8]
    dco: Mask
    autopsy: Mask

    @property
    def dead(self) -> Mask:
        """Which children were dead at last contact."""
        return self.labels["vital_status"].equals("dead")


def read_values(
    reader: Reader,
    *,
    country: str | None = None,
    registry: str | None = None,
    closing_date: DateLike | None = None,
    formats_given: bool = False,
) -> Stated:
    """Read every column but the codes of the tumour; what cannot be read is a finding.

    Parameters
    ----------
    reader
        Of the extract.
    country, registry, closing_date
        As in `childsurv.read_extract`.
    formats_given
        Whether the user named the formats of dates, so that their order of day and month is not in question.
    """
    today = as_day(dt.date.today())
    labels = _labels(reader, country, registry)
    birth, contact = (reader.dates(name, latest=today) for name in ("birth_date", "last_contact_date"))
    diagnosis = reader.dates("diagnosis_date", latest=today)
    assert diagnosis is not None  # the match requires it
    if not formats_given and reader.found.any_of(DATES_UNREADABLE).any():
        require_declared_order(reader.layout, reader.table, reader.match)
    age, survival = reader.ages(), reader.survival_days()
    months = reader.survival_months() if "survival_months" in reader.match else None
    closing, closing_from = _closing_days(reader, closing_date)
    event = reader.labels("event")
    basis = labels["basis"].integers(UNKNOWN_CODE)
    patient = reader.coded("patient_id")
    assert patient is not None  # the match requires it
    return Stated(
        labels=labels,
        patient=patient,
        tumour=reader.coded("tumour_id"),
        dates=StatedDates(birth, diagnosis, contact, age, survival, months),
        follow_up=StatedFollowUp(
            reader.numbers("entry"),
            reader.numbers("time"),
            None if event is None else event.integers(NO_CODE),
        ),
        closing=closing,
        closing_from=closing_from,
        today=today,
        basis=basis,
        dco=(basis == 0) | labels["dco"].equals("yes"),
        autopsy=labels["autopsy"].equals("yes"),
    )


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
    """Return the country or registry of each row: what the caller names, which the file may not contradict."""
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
