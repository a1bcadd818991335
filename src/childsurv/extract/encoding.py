"""From the bytes of a file to UTF-8: a declared encoding is respected, a wrong one gets its remedy."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence

from childsurv.errors import LayoutError, OptionError

CYRILLIC_ENCODINGS: tuple[str, ...] = ("utf-8", "cp1251", "koi8-r", "cp866")
"""Encodings that are tried to suggest a remedy, never to read."""

BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
RUSSIAN = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")
SAMPLE_BYTES = 1_000_000


def to_utf8(data: bytes, encodings: Sequence[str], *, name: str, given: bool) -> tuple[bytes, str]:
    """Return the bytes as UTF-8 without a byte order mark, and the encoding they had.

    Parameters
    ----------
    data
        The whole file.
    encodings
        Tried in this order; the first that decodes every byte is used.
    name
        Of the file, for messages.
    given
        Whether the user named the encoding, rather than the layout.

    Raises
    ------
    LayoutError
        No encoding fits, or a byte order mark or the bytes themselves show another one.
    OptionError
        There is no encoding of that name.
    """
    wanted = [_known(encoding) for encoding in encodings]
    mark, marked = next(
        ((mark, encoding) for mark, encoding in BYTE_ORDER_MARKS if data.startswith(mark)), (b"", "")
    )
    if marked:
        if not any(encoding.replace("_", "-").startswith(marked) for encoding in wanted):
            raise LayoutError(
                f"{name} begins with the byte order mark of {marked}, but is to be read as "
                f"{_listed(encodings)}. "
                f"Use encoding={marked!r}."
            )
        if marked == "utf-8":
            data = data[len(mark) :]
    failed = []
    for encoding in wanted:
        try:
            converted = _convert(data, encoding)
        except UnicodeDecodeError as error:
            failed.append(f"{encoding} (fails at byte {error.start + 1:,})")
            continue
        if encoding != "utf-8" and not marked and not data.isascii() and _is_utf8(data):
            raise LayoutError(
                f"{name} was to be read as {encoding}, but all of it is valid UTF-8, which text in {encoding} "
                "practically never is; letters would be garbled. Use encoding='utf-8'."
            )
        return converted, encoding
    whose = "the encoding asked for" if given else "the layout's encodings"
    raise LayoutError(
        f"{name} cannot be read with {whose}: {', '.join(failed)}. The bytes look like "
        f"{likely_encoding(data)}: use encoding={likely_encoding(data)!r}."
    ) from None


def likely_encoding(data: bytes, fits: Callable[[str], int] | None = None, *, line: int = 1) -> str:
    """Return the encoding whose reading looks most like Russian or like the headers that a layout expects.

    Parameters
    ----------
    data
        Bytes of the file, in whatever encoding.
    fits
        How many headers of the layout a line holds.
    line
        Which line holds the headers.
    """
    sample = data[:SAMPLE_BYTES]
    best, best_score = "cp1251", (-1, -1.0)
    for encoding in CYRILLIC_ENCODINGS:
        # A sample may end inside a letter; only the end of the whole file must be right.
        text = codecs.getincrementaldecoder(encoding)("strict")
        try:
            decoded = text.decode(sample, final=len(sample) == len(data))
        except UnicodeDecodeError:
            continue
        score = (
            fits("".join(decoded.split("\n", line)[line - 1 : line])) if fits else 0,
            _russian_share(decoded),
        )
        if score > best_score:
            best, best_score = encoding, score
    return best


def _russian_share(text: str) -> float:
    """Share of the letters beyond ASCII that are Russian and small, as most letters of Russian words are."""
    letters = [letter for letter in text if not letter.isascii()]
    return sum(letter in RUSSIAN for letter in letters) / len(letters) if letters else 0.0


def _convert(data: bytes, encoding: str) -> bytes:
    if data.isascii() and not encoding.startswith(("utf-16", "utf-32", "utf-7")):
        return data
    text = data.decode(encoding)
    return data if encoding == "utf-8" else text.encode("utf-8")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise OptionError(
            f"encoding={encoding!r} is not an encoding that Python knows; examples are 'utf-8', 'cp1251', "
            "'koi8-r'."
        ) from None
    return "utf-8" if name == "utf-8-sig" else name


def _listed(encodings: Sequence[str]) -> str:
    return " or ".join(encodings)
