"""One run in a fresh process, watched from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from . import peer

System = Literal["ours", "peer"]
SYSTEMS: tuple[System, ...] = ("ours", "peer")
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@dataclass(frozen=True, slots=True)
class Run:
    """What one epoch of one system took."""

    rate: float
    """Samples per second, from asking for the first batch to having the last."""
    start_s: float
    """From the start of the process to the first batch: imports, headers, compiled loops."""
    memory_mb: float
    """Peak of the proportional set size of all its processes, file pages apart."""


@dataclass(frozen=True, slots=True)
class Case:
    """What both systems are asked."""

    ours: Path
    """Data as we read it: a folder of files, or a store of chips."""
    theirs: Path
    """The folder of the same data as the peer reads it."""
    queries: Path
    workers: int

    def command(self, system: System) -> list[str]:
        """The epoch's command line."""
        if system == "peer":
            return [str(peer.python()), str(HERE / "theirs.py"), str(self.theirs), *self._how()]
        module = "ours_prepared" if self.ours.suffix == ".zarr" else "ours"
        return [sys.executable, "-m", f"benchmarks.loader.{module}", str(self.ours), *self._how()]

    def _how(self) -> list[str]:
        return [str(self.queries), "--workers", str(self.workers)]


def run(system: System, case: Case, dump: Path | None = None) -> Run:
    """An epoch in a fresh process; without workers on one processor, with them on all."""
    command = case.command(system)
    if dump is not None:
        command += ["--dump", str(dump)]
    # One thread each is the peer's best case, and what workers of a training loop have.
    quiet = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    cpus = sorted(os.sched_getaffinity(0))
    chosen = set(cpus) if case.workers else {cpus[-1]}
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **quiet},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, chosen),
    )
    peak = _Watch(process.pid)
    peak.start()
    output, _ = process.communicate()
    peak.stop()
    if process.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {process.returncode}; run it to see why"
        )
    result = json.loads(output.strip().splitlines()[-1])
    # perf_counter is the machine's, so times of two processes compare.
    return Run(
        result["samples"] / result["seconds"], result["first"] - started, peak.peak_kb / 1024
    )


class _Watch(threading.Thread):
    """Looks at a process and its children five times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak_kb, self._ended = pid, 0, threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.2):
            self.peak_kb = max(self.peak_kb, sum(_held_kb(pid) for pid in _family(self.pid)))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _family(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(grandchild for child in children for grandchild in _family(child))]


def _held_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    return sizes.get("Pss_Anon", 0) + sizes.get("Pss_Shmem", 0)
