"""Timing, peak memory, and calling R; nothing about any one benchmark."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

R_SCRIPT = Path(__file__).with_name("peers.R")


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of ours and of a peer, each for the same unit of work.

    Attributes
    ----------
    task, peer
        What was done, and against whom.
    ours, theirs
        Seconds; ``theirs`` is None where the peer is absent.
    target
        The smallest ratio that the project asks of itself, or None.
    note
        What a reader should know.
    """

    task: str
    peer: str
    ours: float
    theirs: float | None
    target: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times faster than the peer."""
        return None if self.theirs is None else self.theirs / self.ours


def seconds(work: Callable[[], object], *, repeats: int = 3) -> float:
    """Return the shortest of some runs, which other load on the machine disturbs least."""
    best = float("inf")
    for _ in range(repeats):
        gc.collect()
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def r_seconds(task: str, folder: Path) -> float | None:
    """Return the seconds that ``peers.R`` reports for a task, or None without R or the package."""
    program = shutil.which("Rscript")
    if program is None:
        return None
    done = subprocess.run(
        [program, "--vanilla", str(R_SCRIPT), task, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        return None
    if done.returncode != 0:
        raise RuntimeError(f"peers.R {task} failed:\n{done.stderr}")
    return float(done.stdout.strip().splitlines()[-1])


def peak_megabytes(module: str, *arguments: str) -> float | None:
    """Return the peak resident memory of ``python -m module``, or None where the system does not tell."""
    code = (
        "import json, resource, runpy, sys; sys.argv = sys.argv[1:]; "
        "runpy.run_module(sys.argv[0], run_name='__main__'); "
        "print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
    )
    if os.name != "posix":
        return None
    done = subprocess.run(
        [sys.executable, "-c", code, module, *arguments], capture_output=True, text=True, check=True
    )
    kilobytes = json.loads(done.stdout.strip().splitlines()[-1])
    return kilobytes / (1024 * 1024 if sys.platform == "darwin" else 1024)
