"""Importing the package must be quick and must not load what only some users need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "lifelines",
    "matplotlib",
    "formulaic",
    "scipy.stats",
    "scipy.special",
    "jinja2",
    "click",
    "tqdm",
    "narwhals",
)


def test_import_loads_nothing_heavy() -> None:
    code = f"import childsurv, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists_and_is_documented() -> None:
    import childsurv as cs

    for name in cs.__all__:
        value = getattr(cs, name)
        if callable(value):
            assert value.__doc__, name
