"""Lists of what is built in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

import childsurv

Run = Callable[..., Result]


def test_layouts_and_rules_are_listed(run: Run, tmp_path: Path) -> None:
    listed = run("layouts").output
    assert all(name in listed for name in childsurv.layouts())
    assert "Surv_time" in run("layouts", "encr").output
    own = tmp_path / "own.toml"
    own.write_text(
        '[[rule]]\ncode = "mine"\nseverity = "note"\nmessage = "m"\nwhen = { sex = "male" }\n',
        encoding="utf-8",
    )
    rules = run("rules", "--rules", own).output
    assert all(code in rules for code in ("dco", "possible-same-tumour", "mine"))
