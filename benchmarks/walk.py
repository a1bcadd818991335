"""Follow one death: which files, functions and lines run between a row of a file and a curve.

``python -m benchmarks.walk`` traces the reading of one simulated extract, Kaplan-Meier and net survival with the
version that is imported, and prints for each how many files of the package, functions and lines ran, and the files in
the order in which the walk meets them.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import childsurv as cs

PACKAGE = str(Path(cs.__file__).parent)


class Walk:
    """The files, functions and lines of the package that a call runs."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self.functions: set[tuple[str, str]] = set()
        self.lines: set[tuple[str, int]] = set()
        self.changes = 0

    def of(self, work: Callable[[], Any]) -> Any:
        """Run the work once unseen, so that what is loaded on first use does not count, and once traced."""
        work()
        sys.settrace(self._enter)
        try:
            return work()
        finally:
            sys.settrace(None)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(PACKAGE):
            return None
        file = name[len(PACKAGE) + 1 :]
        self.files.setdefault(file, len(self.files))
        self.functions.add((file, frame.f_code.co_qualname))
        caller = frame.f_back
        if caller is not None and caller.f_code.co_filename != name:
            self.changes += 1

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            self.lines.add((file, frame.f_lineno))
            return line

        return line


def main() -> None:
    """Print the walks."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        extracts = cs.demo.write_extracts(name, patients=2_000)
        row = next(iter(extracts.manifest.itertuples()))

        def read() -> Any:
            return cs.read_extract(
                Path(name) / row.file, layout=row.layout, country=row.country, closing_date=row.closing_date
            )

        cohort, table = read(), cs.demo.life_table()
        works = {
            "a row of a file to a cohort": read,
            "a cohort to a Kaplan-Meier table": lambda: cs.kaplan_meier(cohort, by="sex").table,
            "a cohort to a net survival table": lambda: cs.net_survival(cohort, table, by="sex").table,
        }
        for what, work in works.items():
            walk = Walk()
            walk.of(work)
            print(
                f"{what}: {len(walk.files)} files, {len(walk.functions)} functions, {len(walk.lines)} lines, "
                f"{walk.changes} calls from file to file"
            )
            print("  " + ", ".join(walk.files))


if __name__ == "__main__":
    main()
