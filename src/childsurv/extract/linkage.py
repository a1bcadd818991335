"""Children who are in two registries: keyed hashes of what identifies them, never the identifiers.

A child treated abroad may be registered twice. Registries that share a secret key can compare tokens,
``HMAC-SHA256(key, normalised names, date of birth, sex)``: equal tokens are very probably one child, and
without the key a token cannot be turned into a name, nor a guess be tested. Tokens find the same spelling only: names
are brought to one alphabet and case first, but a name changed, misspelt or missing is not found, and twins of one
sex and first letters are distinguished by their given names alone. A token is a pseudonym: still personal data.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from childsurv.cohort.cohort import Cohort
from childsurv.errors import DataError, OptionError, asking, require_columns
from childsurv.extract.canonical_columns import Rows
from childsurv.extract.columns import UNKNOWN, Labels
from childsurv.extract.dates import BY_DAY, NO_DAY

LinkBy: TypeAlias = "Sequence[str] | Mapping[str, str]"
LinkKey: TypeAlias = bytes | str

SHORTEST_KEY = 16
TOKEN_BYTES = 16
"""Half of a SHA-256: 128 bits, so that two of a billion children share a token with a chance of about 1e-21."""

COLUMN = "link_token"
NO_TOKEN = "unknown"

TRANSLITERATION: dict[str, str] = {
    letter: latin
    for letters, in_latin in (
        ("абвгдеёжзийклмнопрстуф", "a b v g d e e zh z i i k l m n o p r s t u f"),
        ("хцчшщыэюя", "kh ts ch sh shch y e iu ia"),
        ("іїєґўәғқңөұүһҳҷӣӯҗҙҫ", "i i e g u a g k n o u u h h j i u j z s"),
    )
    for letter, latin in zip(letters, in_latin.split(), strict=True)
} | {"ъ": "", "ь": ""}
"""Cyrillic letters of the region in Latin ones, near the passports of the International Civil Aviation Organization."""

LATIN_SPECIAL: dict[str, str] = {
    "ı": "i",
    "ø": "o",
    "ł": "l",
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ə": "a",
    "đ": "d",
}

SOUNDS: tuple[tuple[str, str], ...] = (
    ("yo", "e"), ("yu", "iu"), ("ya", "ia"), ("ye", "e"), ("j", "i"), ("w", "v"), ("x", "ks"), ("q", "k"), ("y", "i"),
)  # fmt: skip
"""Spellings of one sound that transliterations by hand differ in; the longer first."""


def normalised_name(name: str) -> str:
    """Write a name in one way: small Latin letters, no marks, spaces or hyphens, ё as е.

    Cyrillic is transliterated letter by letter. Georgian, Armenian and Mongolian script stay as they are: the
    same script is compared with itself.

    Examples
    --------
    >>> normalised_name("Ёлкина-Петрова"), normalised_name("ELKINA PETROVA")
    ('elkinapetrova', 'elkinapetrova')
    """
    small = unicodedata.normalize("NFC", name).casefold()
    latin = "".join(TRANSLITERATION.get(letter, LATIN_SPECIAL.get(letter, letter)) for letter in small)
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", latin) if letter.isalpha())
    for written, one in SOUNDS:
        plain = plain.replace(written, one)
    return plain


def key_bytes(key: LinkKey | None) -> bytes:
    """Return the key as bytes; raise an `OptionError` where it is missing or weak."""
    if isinstance(key, str):
        key = key.encode("utf-8")
    if not isinstance(key, bytes) or len(key) < SHORTEST_KEY or len(set(key)) < SHORTEST_KEY // 2:
        raise OptionError(
            f"link_key= takes a secret of at least {SHORTEST_KEY} bytes that only the registries "
            "know, for example secrets.token_hex(32); keep it out of scripts and of the data."
        )
    return key


def key_check(key: LinkKey) -> str:
    """Return a short value by which two registries see that they used the same key, without showing it."""
    return hmac.new(key_bytes(key), b"childsurv link key", hashlib.sha256).hexdigest()[:8]


def link_headers(link_by: LinkBy) -> list[str]:
    """Return the headers of the names, in the order in which they are hashed.

    A mapping is ordered by its keys, so that registries with columns in another order get the same tokens.
    """
    if isinstance(link_by, str) or not link_by:
        raise OptionError(
            "link_by= takes the headers of the names, such as ['Surname', 'Given name'], or a mapping of their "
            "meaning to the header, such as {'surname': 'Фамилия', 'given_name': 'Имя'}."
        )
    return [link_by[name] for name in sorted(link_by)] if isinstance(link_by, Mapping) else list(link_by)


def link_tokens(rows: Rows, headers: Sequence[str], key: bytes) -> Labels:
    """Return the token of each row, "unknown" where a name, the day of birth or the sex is missing.

    Parameters
    ----------
    rows
        Everything known of the rows; takes the finding of those without a token.
    headers
        Where the names are.
    key
        The secret of the registries.
    """
    table, sex, placed = rows.reader.table, rows.stated.labels["sex"], rows.timeline.placed
    birth, exact_birth = placed.birth, placed.birth_precision == BY_DAY
    complete = (birth != NO_DAY) & exact_birth & ~sex.equals(UNKNOWN)
    codes = pd.factorize(np.where(complete, birth, 0))[0].astype(np.int64) * len(sex.labels) + sex.codes
    names = []
    for header in headers:
        coded = table.coded(header)
        normal = np.array([*map(normalised_name, coded.texts), ""], dtype=object)
        place, distinct = pd.factorize(normal[coded.codes])
        names.append((place, distinct))
        complete &= np.array([text != "" for text in distinct], dtype=bool)[place]
        codes = pd.factorize(codes * max(len(distinct), 1) + place)[0].astype(np.int64)
    # One hash for each distinct child, however many records it has.
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    tokens = []
    for row in first.tolist():
        if not complete[row]:
            tokens.append(NO_TOKEN)
            continue
        parts = [str(distinct[codes_of[row]]) for codes_of, distinct in names]
        born = str(np.datetime64(int(birth[row]), "D"))
        message = "\x1f".join([*parts, born, sex.labels[sex.codes[row]]])
        tokens.append(hmac.new(key, message.encode("utf-8"), hashlib.sha256).digest()[:TOKEN_BYTES].hex())
    rows.found.add("link-token-missing", ~complete)
    assert place.size == len(table)
    return Labels(place.astype(np.intp), tuple(tokens))


def write_link_tokens(cohort: Cohort, path: str | Path) -> Path:
    """Write the tokens of a cohort, to compare with those of other registries: token and registry, nothing else.

    Parameters
    ----------
    cohort
        Read with ``link_by=`` and ``link_key=``.
    path
        Of a CSV file; an existing one is replaced. Tokens are pseudonyms: send them to the coordinator alone.

    Returns
    -------
    Path
        Of the file: columns ``registry, link_token, key_check``, one row a child, sorted, so that the order
        reveals nothing.

    Raises
    ------
    DataError
        The cohort has no tokens.

    Examples
    --------
    >>> import tempfile, pathlib, pandas as pd, childsurv as cs
    >>> extract = pd.DataFrame({
    ...     "patient_id": ["a"], "Name": ["Simulated"], "sex": ["female"], "birth_date": ["2010-03-01"],
    ...     "diagnosis_date": ["2012-05-01"], "topography": ["C71.6"], "morphology": ["9470/3"],
    ...     "last_contact_date": ["2015-05-01"], "vital_status": ["alive"]})
    >>> cohort = cs.read_extract(extract, layout="childsurv", country="Simulated", closing_date="2015-12-31",
    ...                          link_by=["Name"], link_key="not a real key, 25 bytes")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(pd.read_csv(cs.write_link_tokens(cohort, pathlib.Path(folder) / "tokens.csv")))
    1
    """
    _require_tokens(cohort)
    checks = sorted(
        {str(source["link_key_check"]) for source in cohort.provenance if "link_key_check" in source}
    )
    known = cohort.frame.loc[cohort.frame[COLUMN] != NO_TOKEN, ["country", "registry", COLUMN]].astype(str)
    registry = known["country"].where(
        known["country"] == known["registry"], known["country"] + ", " + known["registry"]
    )
    table = pd.DataFrame({"registry": registry, COLUMN: known[COLUMN], "key_check": "; ".join(checks)})
    table = table.drop_duplicates().sort_values([COLUMN, "registry"])
    table.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
    return Path(path)


def compare_link_tokens(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Find the tokens that several registries have, from the files of `write_link_tokens`.

    Parameters
    ----------
    paths
        Of two files or more.

    Returns
    -------
    DataFrame
        ``link_token`` and ``registries`` (their names, sorted, in one text), one row a token that two registries
        or more have. Give each registry the rows with its name: only that registry can find the child by the token.

    Raises
    ------
    DataError
        A file is no such file, or the registries used different keys.

    Examples
    --------
    >>> import tempfile, pathlib, pandas as pd
    >>> one = pd.DataFrame({"registry": "A", "link_token": ["0f", "1e"], "key_check": "ab"})
    >>> other = pd.DataFrame({"registry": "B", "link_token": ["1e", "2d"], "key_check": "ab"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = [pathlib.Path(folder) / "a.csv", pathlib.Path(folder) / "b.csv"]
    ...     for table, path in zip((one, other), paths, strict=True):
    ...         table.to_csv(path, index=False)
    ...     compare_link_tokens(paths)
      link_token registries
    0         1e       A; B
    """
    tables = []
    for path in paths:
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
        except (OSError, ValueError):
            raise DataError(f"{Path(path).name} cannot be read as a file of write_link_tokens().") from None
        with asking(f"{Path(path).name}"):
            require_columns(table.columns, ["registry", COLUMN, "key_check"])
        tables.append(table)
    if len(tables) < 2:
        raise OptionError("compare_link_tokens() needs the files of at least two registries.")
    together = pd.concat(tables, ignore_index=True).drop_duplicates()
    if together["key_check"].nunique() > 1:
        raise DataError(
            "The files were made with different keys (column key_check), so their tokens cannot be compared. Make them "
            "again with one link_key=."
        )
    names = together.groupby(COLUMN)["registry"].agg(lambda registries: sorted(set(registries)))
    shared = names[names.map(len) > 1]
    return pd.DataFrame({COLUMN: shared.index, "registries": shared.map("; ".join).to_numpy()})


def records_in_several(frame: pd.DataFrame) -> pd.DataFrame:
    """Find the rows whose token another registry has too.

    Returns
    -------
    DataFrame
        ``place`` (row of the frame) and ``first`` (whether it is the record of the earliest diagnosis, the first
        row on one day), sorted by place.
    """
    rows = frame[["country", "registry", COLUMN, "diagnosis_date"]].copy()
    rows["place"] = np.arange(len(rows))
    rows = rows[(rows[COLUMN].astype(object) != NO_TOKEN) & rows[COLUMN].notna()]
    where = rows["country"].astype(str) + "\x1f" + rows["registry"].astype(str)
    registries = where.groupby(rows[COLUMN].astype(str)).transform("nunique")
    shared = rows[(registries > 1).to_numpy()].sort_values([COLUMN, "diagnosis_date", "place"])
    first = ~shared.duplicated(COLUMN)
    return pd.DataFrame({"place": shared["place"], "first": first}).sort_values("place", ignore_index=True)


def _require_tokens(cohort: Cohort) -> None:
    if COLUMN not in cohort.frame:
        raise DataError("The cohort has no link tokens; read its extracts with link_by= and link_key=.")
