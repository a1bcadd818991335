"""Make tests/extract/files/simulated.sas7bdat: the simulated clean extract of the tests, by R and haven."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def main() -> None:
    spec = importlib.util.spec_from_file_location("conftest", TESTS / "conftest.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    target = TESTS / "extract" / "files" / "simulated.sas7bdat"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        conftest.clean(40).to_csv(path, index=False)
        script = TESTS / "reference" / "make_sas7bdat.R"
        subprocess.run(["Rscript", str(script), str(path), str(target)], check=True)


if __name__ == "__main__":
    sys.exit(main())
