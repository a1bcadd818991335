"""The words of a report in its languages, read from ``texts_<language>.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from childsurv.errors import require_choice

LANGUAGES = ("en", "ru")


@dataclass(frozen=True, repr=False)
class Texts:
    """Words by key, such as ``flow.read``.

    Attributes
    ----------
    language : str
        "en" or "ru".
    words : Mapping of str to str
        Every text by its full key.
    """

    language: str
    words: Mapping[str, str]

    def __call__(self, key: str, /, **values: Any) -> str:
        """Return a text with ``values`` filled in."""
        return self.words[key].format(**values) if values else self.words[key]

    def optional(self, key: str) -> str | None:
        """Return a text if there is one."""
        return self.words.get(key)

    def mapping(self, prefix: str) -> dict[str, str]:
        """Return the texts whose key begins with a prefix and a dot, by the rest of their key."""
        start = prefix + "."
        return {key[len(start) :]: text for key, text in self.words.items() if key.startswith(start)}


@cache
def texts_of(language: str) -> Texts:
    """Return the texts of a language.

    Raises
    ------
    OptionError
        If there is no such language.
    """
    require_choice(language, LANGUAGES, argument="language")
    folder = resources.files("childsurv.words")
    words: dict[str, str] = {}
    for name in (f"report_{language}.toml", "references.toml"):
        words |= _flat(tomllib.loads((folder / name).read_text(encoding="utf-8")), "")
    return Texts(language, words)


def _flat(table: Mapping[str, Any], prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: str(value)}
    return found
