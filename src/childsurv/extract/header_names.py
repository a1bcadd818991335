"""Every name under which a registry may keep a field, and how like a header is to them."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from childsurv.extract.layout import text_key
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
