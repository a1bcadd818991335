"""The fields that a layout can fill: what each means, how it may be read, and which values it may take."""

from __future__ import annotations

from dataclasses import dataclass

READINGS: tuple[str, ...] = ("text", "code", "number", "date", "date-parts", "topography", "morphology")
"""How a column of a file can be read."""


@dataclass(frozen=True)
class Field:
    """One field of a tumour record.

    Attributes
    ----------
    name
        The name used in layouts, most often that of the canonical column.
    meaning
        What it holds.
    readings
        Which of `READINGS` fit it.
    values
        The values that a map of codes may lead to; empty where any text will do.
    required
        Whether a file without it cannot be read.
    """

    name: str
    meaning: str
    readings: tuple[str, ...]
    values: tuple[str, ...] = ()
    required: bool = False


DATE = ("date", "date-parts")
YES_NO = ("no", "yes")
STATUSES = ("alive", "dead")
SEXES = ("male", "female")
PRECISIONS = ("day", "month", "year")

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("patient_id", "identifier of the child within the registry", ("text",), required=True),
        Field("tumour_id", "identifier of the tumour within the child or the registry", ("text",)),
        Field("country", "country, where the file holds several", ("text", "code")),
        Field("registry", "registry, where the file holds several", ("text", "code")),
        Field("sex", "sex", ("code",), SEXES, required=True),
        Field("birth_date", "date of birth", DATE),
        Field("diagnosis_date", "date of diagnosis (incidence date)", DATE, required=True),
        Field("age", "age at diagnosis as the registry states it, in years", ("number",)),
        Field("topography", "ICD-O-3 topography", ("topography",)),
        Field("morphology", "ICD-O-3 morphology, with or without behaviour", ("morphology",)),
        Field("behaviour", "ICD-O-3 behaviour", ("code",), ("0", "1", "2", "3", "6", "9")),
        Field(
            "basis",
            "most valid basis of diagnosis, IACR/ENCR",
            ("code",),
            ("0", "1", "2", "4", "5", "6", "7"),
        ),
        Field("icd10", "ICD-10 code of the tumour, where there is no ICD-O-3", ("text",)),
        Field("grade", "ICD-O-3 grade or cell lineage", ("code",), tuple("12345678")),
        Field("stage", "stage at diagnosis", ("text", "code")),
        Field("stage_system", "the system that stage is coded in", ("text", "code")),
        Field("last_contact_date", "date of last contact or death", DATE),
        Field("vital_status", "vital status at last contact", ("code",), STATUSES, required=True),
        Field("survival_days", "exact days from diagnosis to last contact or death", ("number",)),
        Field("survival_months", "completed months from diagnosis to last contact or death", ("number",)),
        Field("cause_of_death", "cause of death", ("text", "code")),
        Field("dco", "registered from a death certificate only", ("code",), YES_NO),
        Field("autopsy", "found at autopsy", ("code",), YES_NO),
        Field("date_precision", "how exactly the date of diagnosis was known", ("code",), PRECISIONS),
        Field("birth_precision", "how exactly the date of birth was known", ("code",), PRECISIONS),
        Field("contact_precision", "how exactly the date of last contact was known", ("code",), PRECISIONS),
        Field("closing_date", "last day on which follow-up can have been observed", ("date",)),
        Field("source_row", "row of the extract that was first read", ("number",)),
        Field("link_token", "keyed hash by which registries find a child they share", ("text",)),
        Field("entry", "start of follow-up, days since diagnosis", ("number",)),
        Field("time", "end of follow-up, days since diagnosis", ("number",)),
        Field("event", "1 for a death at the end of follow-up", ("code",), ("0", "1")),
    )
}
"""Every field that a layout can name, in the order of the canonical columns."""

ALTERNATIVES: tuple[tuple[str, ...], ...] = (
    ("birth_date", "age"),
    ("topography", "icd10"),
    ("morphology", "icd10"),
    ("last_contact_date", "survival_days", "survival_months"),
)
"""Of each line a file must hold at least one."""
