"""One script in a fresh process on one processor, which prints a line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from .loader import peer

System = Literal["ours", "peer"]
ROOT = Path(__file__).resolve().parents[1]


def run(system: System, where: str, *arguments: str | Path) -> dict[str, Any]:
    """What `benchmarks/<where>/ours.py` or `theirs.py` prints, the latter in the peer's environment."""
    if system == "ours":
        command = [sys.executable, "-m", f"benchmarks.{where}.ours"]
    else:
        command = [str(peer.python()), str(ROOT / "benchmarks" / where / "theirs.py")]
    cpu = sorted(os.sched_getaffinity(0))[-1]
    # One thread each, as where other processes use the other processors.
    quiet = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **quiet},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
    )
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
