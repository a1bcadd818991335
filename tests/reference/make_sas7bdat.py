"""Make tests/extract/files/simulated.sas7bdat: the simulated clean extract of the tests, by R and haven."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from strategies import clean  # noqa: E402


def main() -> None:
    target = TESTS / "extract" / "files" / "simulated.sas7bdat"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        clean(40).to_csv(path, index=False)
        script = TESTS / "reference" / "make_sas7bdat.R"
        subprocess.run(["Rscript", str(script), str(path), str(target)], check=True)


if __name__ == "__main__":
    sys.exit(main())
