"""The words of pictures, reports and the command line in every language: one TOML file a language.

Keys are grouped by tables: ``[numbers]``, ``[pictures]``, ``[report.*]``, ``[command_line]``. A text is a string with
``{values}`` to fill in, or an array of strings where the noun in it follows a number: one for each form that the
language has. Files are read when their first word is needed, not before.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from childsurv.errors import OptionError, require_choice
from childsurv.words.numbers import PLURALS, Numbers

BUILT_IN = ("en", "ru")

MODEL = "en"
"""The language that every other one is compared with."""

FREE = ("report.rule.", "report.value.")
"""Words for messages that the library writes in English, which stay English where a language has none."""

SHARED = ("report.references.",)
"""Words that a language without them takes from `MODEL`."""

PLAIN = ("numbers.",)
"""Settings rather than words, which `_faults_of_numbers` checks."""

INTERCHANGEABLE = {"span": "years", "lower_quantity": "quantity"}
"""Values that mean the same: "5-year survival" has the number only, where Russian needs the noun in its form."""

Entry = str | tuple[str, ...]

_ADDED: dict[str, Mapping[str, Entry]] = {}


@dataclass(frozen=True, repr=False)
class Texts:
    """The words of one table in one language."""

    language: str
    entries: Mapping[str, Entry]
    """Texts by their keys within the table, such as ``flow.read``."""
    numbers: Numbers
    filled: Mapping[str, Any] = field(default_factory=dict)
    """Values that most texts need, filled in wherever a text has their names."""

    def __call__(self, key: str, /, **values: Any) -> str:
        """Return a text with ``values`` filled in."""
        entry = self.entries[key]
        assert isinstance(entry, str), f"{key} has forms: use counted()"
        return self._filled(entry, values)

    def counted(self, key: str, number: float, /, **values: Any) -> str:
        """Return a text in the form that its noun has after a number."""
        entry = self.entries[key]
        assert not isinstance(entry, str), f"{key} has one form only"
        return self._filled(entry[self.numbers.plural.chosen(number)], values)

    def sentence(self, key: str, /, **values: Any) -> str:
        """Return a text that begins with a capital letter."""
        words = self(key, **values)
        return words[:1].upper() + words[1:]

    def optional(self, key: str) -> str | None:
        """Return a text if there is one."""
        entry = self.entries.get(key)
        return entry if isinstance(entry, str) else None

    def mapping(self, prefix: str) -> dict[str, str]:
        """Return the texts whose key begins with a prefix and a dot, by the rest of their key."""
        start = prefix + "."
        return {
            key[len(start) :]: entry
            for key, entry in self.entries.items()
            if key.startswith(start) and isinstance(entry, str)
        }

    def with_values(self, **values: Any) -> Texts:
        """Return these texts with values filled in from now on."""
        return replace(self, filled={**self.filled, **values})

    def _filled(self, words: str, values: Mapping[str, Any]) -> str:
        known = {**self.filled, **values}
        return words.format(**known) if known else words


def languages() -> tuple[str, ...]:
    """Return the languages there are: those built in, then those added."""
    return (*BUILT_IN, *_ADDED)


def texts_of(language: str, table: str = "report") -> Texts:
    """Return the words of a table in a language.

    Raises
    ------
    OptionError
        There is no such language.
    """
    require_choice(language, languages(), argument="language")
    return _texts(language, table)


def text(key: str, language: str, /, **values: Any) -> str:
    """Return the words for a key such as ``report.section.summary``, with ``values`` filled in."""
    table, _, rest = key.partition(".")
    return texts_of(language, table)(rest, **values)


def numbers_of(language: str) -> Numbers:
    """Return how a language writes numbers."""
    return texts_of(language, "numbers").numbers


def span_text(years: float, language: str) -> str:
    """Return a number of years with its noun in the right form: "5 years", in Russian "5 лет", "21 год"."""
    texts = texts_of(language, "numbers")
    return texts.counted("years", years, years=texts.numbers.significant(years))


def add_language(path: str | Path) -> str:
    """Add a language from a TOML file such as ``de.toml``, and return its name: "de".

    From then on ``language="de"`` holds wherever a language can be chosen. The file has every key of
    ``words/en.toml``, with the same values in braces. The tables ``[report.rule]`` and ``[report.value]`` may hold any
    messages of the library, which stay English where they have no words; ``[report.references]`` may be left out.

    Parameters
    ----------
    path
        The file. Its name without ending becomes that of the language; one that was added before is replaced.

    Raises
    ------
    OptionError
        The name is that of a language built in, the file is not TOML, or keys or values are missing or unknown: all of
        them are named.

    Examples
    --------
    >>> from childsurv.words.catalogue import add_language, text
    >>> add_language("de.toml")  # doctest: +SKIP
    'de'
    >>> text("report.section.summary", "en")
    'Summary'
    """
    file = Path(path)
    language = file.stem
    if language in BUILT_IN:
        raise OptionError(f"{file.name}: the language {language!r} is built in; give the file another name.")
    try:
        entries = _flat(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{file.name} is not TOML in UTF-8: {error}") from None
    found = faults(entries)
    if found:
        raise OptionError(f"{file.name} does not fit the words of {MODEL}.toml: {'; '.join(found)}.")
    _ADDED[language] = _completed(entries)
    _texts.cache_clear()
    return language


def faults(entries: Mapping[str, Entry]) -> list[str]:
    """Return what a language lacks or has too much of, compared with `MODEL`; nothing where all is well."""
    model = _entries(MODEL)
    found = []
    missing = [key for key in model if key not in entries and not key.startswith((*FREE, *SHARED, *PLAIN))]
    if missing:
        found.append(f"without the keys {', '.join(missing)}")
    unknown = [key for key in entries if key not in model and not key.startswith((*FREE, *PLAIN))]
    if unknown:
        found.append(f"with the unknown keys {', '.join(unknown)}")
    found += _faults_of_numbers(entries)
    for key in entries:
        if key in model and not key.startswith((*PLAIN, "report.value.")):
            found += _faults_of_text(key, entries, model[key])
    return found


def _faults_of_text(key: str, entries: Mapping[str, Entry], model: Entry) -> list[str]:
    entry = entries[key]
    if isinstance(entry, str) != isinstance(model, str):
        return [f"{key} is to be {'one text' if isinstance(model, str) else 'an array of forms'}"]
    rule = PLURALS.get(str(entries.get("numbers.plural")))
    if not isinstance(entry, str) and rule is not None and len(entry) != rule.forms:
        return [f"{key} has {len(entry)} forms, not {rule.forms}"]
    expected = _places(_forms(model))
    found = []
    for form in _forms(entry):
        if not form.strip():
            found.append(f"{key} is empty")
        places = _places([form])
        if places is None:
            found.append(f"{key} has braces that do not close")
        elif places != expected:
            found.append(f"{key} fills in {_named(places)}, not {_named(expected or ())}")
    return found


def _faults_of_numbers(entries: Mapping[str, Entry]) -> list[str]:
    """Check the settings of numbers, which languages have each their way."""
    found = []
    own = {
        key.removeprefix("numbers."): entry for key, entry in entries.items() if key.startswith("numbers.")
    }
    found += [
        f"numbers.{name} is to be a text"
        for name in ("decimal_mark", "thousands", "percent", "date")
        if not isinstance(own.get(name), str)
    ]
    rule = PLURALS.get(str(own.get("plural")))
    if rule is None:
        found.append(f"numbers.plural is to be one of {', '.join(PLURALS)}")
    years = own.get("years")
    if rule is not None and (not isinstance(years, tuple) or len(years) != rule.forms):
        found.append(f"numbers.years is to be an array of {rule.forms} forms")
    elif isinstance(years, tuple) and any(_places([form]) != {"years"} for form in years):
        found.append("numbers.years fills in {years}")
    if isinstance(own.get("percent"), str) and _places(_forms(own["percent"])) != {"number"}:
        found.append("numbers.percent fills in {number}")
    if isinstance(own.get("date"), str):
        places = _places(_forms(own["date"]))
        if places is None or not {"day", "year"} <= places <= {"day", "month", "month_name", "year"}:
            found.append("numbers.date fills in {day}, {month} or {month_name}, {year}")
        elif "month_name" in places and len(_forms(own.get("month_names", ()))) != 12:
            found.append("numbers.month_names is to be an array of twelve names")
    return found


def _named(places: Iterable[str]) -> str:
    return ", ".join(f"{{{place}}}" for place in sorted(places)) or "nothing"


def _forms(entry: Entry) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else entry


def _places(forms: Iterable[str]) -> set[str] | None:
    """Return the names in braces, those that mean the same under one name; None where braces do not close."""
    try:
        names = {
            name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name is not None
        }
    except ValueError:
        return None
    return {INTERCHANGEABLE.get(name, name) for name in names}


@cache
def _entries(language: str) -> Mapping[str, Entry]:
    """Read a language that is built in."""
    file = resources.files("childsurv.words") / f"{language}.toml"
    entries = _flat(tomllib.loads(file.read_text(encoding="utf-8")))
    return MappingProxyType(entries if language == MODEL else _completed(entries))


def _completed(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Add what a language takes from `MODEL` where it has none."""
    shared = {key: entry for key, entry in _entries(MODEL).items() if key.startswith(SHARED)}
    return {**shared, **entries}


@cache
def _texts(language: str, table: str) -> Texts:
    entries = _ADDED[language] if language in _ADDED else _entries(language)
    start = f"{table}."
    own = {key.removeprefix(start): entry for key, entry in entries.items() if key.startswith(start)}
    return Texts(language, MappingProxyType(own), _numbers(entries))


def _numbers(entries: Mapping[str, Entry]) -> Numbers:
    def setting(name: str) -> str:
        return str(entries[f"numbers.{name}"])

    return Numbers(
        decimal_mark=setting("decimal_mark"),
        thousands=setting("thousands"),
        percent_form=setting("percent"),
        date_form=setting("date"),
        month_names=_forms(entries.get("numbers.month_names", ())),
        plural=PLURALS[setting("plural")],
    )


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Entry]:
    """Return the texts of nested tables by their full keys."""
    found: dict[str, Entry] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = tuple(map(str, value)) if isinstance(value, list) else str(value)
    return found


# What pictures call, which have the name of a language at hand.


def picture_text(key: str, language: str, /, **values: Any) -> str:
    """Return the words of pictures for a key, with ``values`` filled in."""
    return texts_of(language, "pictures")(key, **values)


def count_text(number: float, language: str) -> str:
    """Return a whole number with thousands parted: ``1,234``; weighted numbers keep one decimal."""
    return numbers_of(language).count(number)


def decimal_text(number: float, digits: int, language: str) -> str:
    """Return a number with ``digits`` decimals."""
    return numbers_of(language).decimal(number, digits)


def percent_text(share: float, language: str, *, digits: int = 0, sign: bool = True) -> str:
    """Return a share as per cent: ``78%``, in Russian ``78 %``."""
    return numbers_of(language).percent(share, digits=digits, sign=sign)


def level_text(share: float, language: str) -> str:
    """Return a confidence level as per cent: ``95%``, ``97.5%``."""
    return numbers_of(language).level(share)


def value_text(value: float, language: str, *, percent: bool) -> str:
    """Return a value of a vertical axis: a share as per cent, or a hazard as a number."""
    return percent_text(value, language) if percent else numbers_of(language).significant(value, 3)


def p_value_text(p_value: float, language: str) -> str:
    """Return a p-value: two decimals from 0.10 on, three below, ``<0.001`` under that."""
    return numbers_of(language).p_value(p_value)


def year_text(years: float, quantity: str, language: str) -> str:
    """Return "5-year survival"; in Russian the noun has its right form."""
    return picture_text(
        "year",
        language,
        years=numbers_of(language).significant(years),
        span=span_text(years, language),
        quantity=quantity,
        lower_quantity=quantity.lower(),
    )


def hidden_note(hidden: int, total: int, minimum: int | None, language: str) -> str:
    """Return the note on groups not shown, empty where all are."""
    if not hidden:
        return ""
    return picture_text(
        "hidden",
        language,
        minimum=minimum,
        count=count_text(hidden, language),
        total=count_text(total, language),
    )
