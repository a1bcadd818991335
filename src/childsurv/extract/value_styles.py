"""What the headers and values of a column look like: known names, dates of a style, codes of a set, ICD-O-3, ages."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from childsurv.classify.codes import (
    TOPOGRAPHY,
    canonical_text,
    clean_morphology,
    clean_topography,
)
from childsurv.extract.date_order import swapped
from childsurv.extract.dates import READ, parse_dates
from childsurv.extract.layout import FIELDS, text_key
from childsurv.extract.load import layouts, load_layout


def header_score(header: str, field: str) -> float:
    """Return how like a header is to the names of a field: 1 for one of them, less for a near one."""
    key = plain_header(header)
    if not key:
        return 0.0
    names = known_names()[field]
    if key in names:
        return 1.0
    if len(key) < 5:
        return 0.0
    best = max(
        (difflib.SequenceMatcher(None, key, name).ratio() for name in names if len(name) > 4), default=0.0
    )
    return 0.8 if best > 0.88 else 0.0


@cache
def known_names() -> Mapping[str, frozenset[str]]:
    """Return every known name of each field, in plain form."""
    text = (resources.files("childsurv.extract") / "header_synonyms.toml").read_text(encoding="utf-8")
    names: dict[str, set[str]] = {
        field: set(map(plain_header, found)) for field, found in tomllib.loads(text).items()
    }
    for layout in map(load_layout, layouts()):
        for field, rule in layout.columns.items():
            names.setdefault(field, set()).update(map(plain_header, rule.headers))
            for part, headers in rule.parts.items():
                names.setdefault(f"{field}.{part}", set()).update(map(plain_header, headers))
    return {field: frozenset(found) for field, found in names.items()}


@cache
def plain_header(header: str) -> str:
    """Write a header with nothing but small letters and digits."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return re.sub(r"[\W_]+", "", text_key(parted).casefold())


DATE_STYLES: tuple[str, ...] = (
    "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y%d%m",
    "%d%m%Y", "%d %b %Y", "%d-%b-%Y", "%d%b%Y", "%b %d, %Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y",
)  # fmt: skip
SHORT_STYLES: tuple[str, ...] = ("%Y-%m", "%m.%Y", "%m/%Y", "%Y%m", "%b %Y", "%Y")
SERIAL = re.compile(r"[2-5][0-9]{4}(\.0+)?")
"""Day numbers of spreadsheets from 1954 to 2064."""

UNKNOWN_PARTS = ("99", "9999", "00")
BLANKS = frozenset(
    text_key(text)
    for text in (
        *(
            "",
            "-",
            ".",
            "n/a",
            "na",
            "nan",
            "null",
            "none",
            "unknown",
            "not known",
            "missing",
            "н/д",
            "нет данных",
        ),
        *("неизвестно", "неизвестна", "неизвестен", "не указан", "не указана", "не указано"),
    )
)
MOST_CODES, LEAST_ROWS, LONGEST_CODE = 12, 5, 24
ICD10 = re.compile(r"[CD][0-9]{2}(\.?[0-9])?")
PART = re.compile(r"[0-9]{1,2}")
COUNTED = re.compile(r"[0-9]{1,3}([.,][0-9]+)?")


@dataclass(frozen=True)
class Values:
    """The distinct texts of a column and how many rows have each."""

    texts: list[str]
    counts: npt.NDArray[np.int64]
    """Without those that mean nothing is known."""
    blanks: tuple[str, ...]
    """Spellings that mean that nothing is known."""
    rows: int
    """Rows of the column."""

    @property
    def filled(self) -> int:
        """Rows in which something is known."""
        return int(self.counts.sum())

    def share(self, fitting: Sequence[bool] | npt.NDArray[np.bool_]) -> float:
        """Return the share of the rows filled whose text fits."""
        return float(self.counts[np.asarray(fitting, dtype=bool)].sum() / self.filled) if self.filled else 0.0

    @property
    def is_closed(self) -> bool:
        """Whether the column holds a few short codes, each in several rows, which a layout may name."""
        return (
            0 < len(self.texts) <= MOST_CODES
            and bool((self.counts >= LEAST_ROWS).all())
            and all(len(text) <= LONGEST_CODE for text in self.texts)
        )


@dataclass(frozen=True)
class DateStyle:
    """How a column writes its dates."""

    formats: tuple[str, ...]
    """Formats of `childsurv.extract.dates`, the most used first."""
    share: float
    """Share of the values that they read."""
    unknown: tuple[str, ...] = ()
    """Codes for an unknown part that occur."""
    other_order: str | None = None
    """The same format with day and month in each other's place, where the values do not show which it is."""
    two_digit_years: bool = False
    """Whether a pivot is needed."""


def values_of(texts: Sequence[str], counts: npt.NDArray[np.int64]) -> Values:
    """Separate the texts of a column that mean something from those that mean that nothing is known."""
    blank = np.array([text_key(text) in BLANKS for text in texts], dtype=bool)
    known = [text for text, empty in zip(texts, blank, strict=True) if not empty]
    blanks = tuple(dict.fromkeys(text for text, empty in zip(texts, blank, strict=True) if empty))
    return Values(known, np.asarray(counts)[~blank], blanks, int(np.asarray(counts).sum()))


def date_style(values: Values) -> DateStyle:
    """Find the formats that read the dates of a column.

    The format that reads most values comes first; shorter ones follow for the rest. Two formats that differ in the
    order of day and month alone are distinguished by the values that only one of them reads.
    """
    unknown = _unknown_parts(values)
    if not values.filled:
        return DateStyle((), 0.0)
    read = {style: _reads(values, style, unknown) for style in DATE_STYLES}
    best = max(read, key=lambda style: values.share(read[style]))
    other = swapped(best)
    undecided = None
    if (
        other in read
        and values.share(read[best] & ~read[other]) == values.share(read[other] & ~read[best]) == 0
    ):
        undecided = other
    if values.share(read[best]) < 0.05:
        serial = np.array([SERIAL.fullmatch(text) is not None for text in values.texts], dtype=bool)
        if values.share(serial) > 0.9:
            return DateStyle(("excel",), values.share(serial))
    formats, covered = [], np.zeros(len(values.texts), dtype=bool)
    if values.share(read[best]) >= 0.05:
        formats.append(best)
        covered |= read[best]
    for style in SHORT_STYLES:
        more = _reads(values, style, unknown) & ~covered
        if values.share(more) >= 0.001:
            formats.append(style)
            covered |= more
    return DateStyle(
        tuple(formats),
        values.share(covered),
        unknown if any(style == best for style in formats) else (),
        undecided,
        two_digit_years=any("%y" in style for style in formats),
    )


def fit_of(field: str, values: Values) -> float:
    """Return the share of the values of a column that a field could hold, 0 to 1."""
    if not values.filled:
        return 0.0
    if field.endswith(("_date",)):
        return date_style(values).share
    if field.endswith(".year"):
        return values.share([re.fullmatch("(19|20)[0-9]{2}|9999", text) is not None for text in values.texts])
    if field.endswith((".month", ".day")):
        last = 12 if field.endswith(".month") else 31
        return values.share(
            [
                PART.fullmatch(text) is not None and (int(text) <= last or text == "99")
                for text in values.texts
            ]
        )
    if field == "topography":
        _, unreadable = clean_topography(values.texts)
        return values.share(~unreadable)
    if field == "morphology":
        _, _, unreadable = clean_morphology(values.texts)
        return values.share(~unreadable)
    if field == "icd10":
        return values.share([ICD10.fullmatch(canonical_text(text)) is not None for text in values.texts])
    if field == "age":
        return values.share([_within(text, 120) for text in values.texts])
    if field in {"survival_days", "survival_months"}:
        return values.share([_within(text, 45_000) for text in values.texts])
    if field == "patient_id":
        return min(1.0, 1.2 * len(values.texts) / values.filled)
    if field == "tumour_id":
        return 1.0 if len(values.texts) > 0 else 0.0
    if "code" in FIELDS[field].readings and FIELDS[field].values:
        known = {*vocabulary(field), *missing_codes(field)}
        return values.share([text_key(text) in known for text in values.texts])
    return 1.0


def looks_distinctive(field: str, values: Values) -> bool:
    """Whether values alone can show a field: codes of ICD-O-3 or ICD-10 in forms that nothing else has."""
    if not values.filled:
        return False
    plain = [canonical_text(text) for text in values.texts]
    if field == "topography":
        fitting = [text.startswith("C") and TOPOGRAPHY.fullmatch(text) is not None for text in plain]
    elif field == "morphology":
        fitting = [re.fullmatch(r"[89][0-9]{3}/[0-369]", text) is not None for text in plain]
    else:
        return False
    return values.share(fitting) > 0.9


@cache
def vocabulary(field: str) -> Mapping[str, str]:
    """Return the codes and words that the built-in layouts agree on for a field, and their values."""
    meanings: dict[str, set[str]] = {}
    for name in layouts():
        rule = load_layout(name).columns.get(field)
        for code, value in (rule.values if rule is not None else {}).items():
            # The numbers of SEER follow other lists.
            if name == "seer" and code.isdigit():
                continue
            meanings.setdefault(text_key(code), set()).add(value)
    for value, words in WORDS.get(field, {}).items():
        for word in words:
            meanings.setdefault(text_key(word), set()).add(value)
    return {code: next(iter(found)) for code, found in meanings.items() if len(found) == 1}


@cache
def missing_codes(field: str) -> frozenset[str]:
    """Return the codes that the built-in layouts take for unknown, unless one of them gives them a meaning."""
    rules = [load_layout(name).columns.get(field) for name in layouts()]
    codes = {text_key(code) for rule in rules if rule is not None for code in rule.missing}
    return frozenset(codes - {"", *vocabulary(field)})


WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "sex": {
        "male": ("m", "male", "man", "boy", "м", "муж", "мужской", "мальчик", "muzh", "muzhskoy"),
        "female": ("f", "female", "woman", "girl", "ж", "жен", "женский", "девочка", "zhen", "zhenskiy", "w"),
    },
    "vital_status": {
        "alive": ("alive", "living", "a", "жив", "жива", "живой", "zhiv", "zhiva"),
        "dead": ("dead", "died", "deceased", "d", "умер", "умерла", "умер(ла)", "umer", "umerla", "смерть"),
    },
    "dco": {"yes": ("yes", "true", "y", "да"), "no": ("no", "false", "n", "нет")},
    "autopsy": {"yes": ("yes", "true", "y", "да"), "no": ("no", "false", "n", "нет")},
    "behaviour": {
        "0": ("benign",), "1": ("uncertain", "borderline"), "2": ("in situ",), "3": ("malignant",),
    },
}  # fmt: skip
"""Words for values, besides those of the built-in layouts."""


def _within(text: str, largest: float) -> bool:
    return (
        COUNTED.fullmatch(text) is not None and float(text.replace(",", ".")) <= largest
        if len(text) < 8
        else False
    )


def _reads(values: Values, style: str, unknown: Sequence[str]) -> npt.NDArray[np.bool_]:
    pivot = 2030 if "%y" in style else None
    return np.asarray(parse_dates(values.texts, [style], unknown=unknown, pivot=pivot).status == READ)


def _unknown_parts(values: Values) -> tuple[str, ...]:
    """Return the codes for unknown parts that occur in the column."""
    found = [
        code
        for code in UNKNOWN_PARTS
        if any(
            re.search(rf"(^|[^0-9]){code}([^0-9]|$)|^[0-9]{{4}}([0-9]{{2}})?{code}", text)
            for text in values.texts
        )
    ]
    return tuple(found)
