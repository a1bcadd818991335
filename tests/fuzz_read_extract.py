"""Coverage-guided fuzzing of `read_extract` and `suggest_layout` by atheris: python tests/fuzz_read_extract.py.

Anything but a cohort, a proposal or a ChildsurvError is a crash. Options are those of libFuzzer, such as
``-max_total_time=600``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["childsurv"]):
    import childsurv as cs
    from childsurv.errors import ChildsurvError

SUFFIXES = (".csv", ".txt", ".xlsx", ".dta", ".sav", ".parquet", ".gz", ".zip")
FOLDER = Path(tempfile.mkdtemp())
HEADER = (
    b"patient_id,sex,birth_date,diagnosis_date,topography,morphology,last_contact_date,vital_status\n"
    b"1,male,2001-02-03,2005-06-07,C71.6,9470/3,2010-01-01,dead\n"
)


def one(data: bytes) -> None:
    """Read random bytes under a suffix, half of the time behind a sound header."""
    provider = atheris.FuzzedDataProvider(data)
    path = FOLDER / f"extract{SUFFIXES[provider.ConsumeIntInRange(0, len(SUFFIXES) - 1)]}"
    start = HEADER if provider.ConsumeBool() else b""
    path.write_bytes(start + provider.ConsumeBytes(provider.remaining_bytes()))
    for act in (
        lambda: cs.read_extract(path, layout="childsurv", closing_date="2020-12-31"),
        lambda: cs.suggest_layout(path),
    ):
        try:
            act()
        except ChildsurvError:
            continue


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
