"""The trials on the command line."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

# Before any library is loaded: those that have threads must not start them, for the trials fork.
for _name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"

from .harness import KINDS, Harness, line  # noqa: E402
from .jobs import JOBS, Job  # noqa: E402


def main() -> int:
    """Run trials; a line for each job and kind on stdout, what failed on stderr."""
    parser = argparse.ArgumentParser(prog="python -m geoloom.testing.faults", description=__doc__)
    parser.add_argument("--job", action="append", choices=JOBS, help="default: all; repeatable")
    parser.add_argument("--kind", action="append", choices=KINDS, help="default: all; repeatable")
    parser.add_argument("--most", type=int, help="moments of each kind; default: all, 20 for write")
    parser.add_argument("--list", action="store_true", help="list the operations on files instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="geoloom-faults-") as folder:
        harness = Harness(Path(folder))
        if given.list:
            for name in given.job or JOBS:
                _say("\n".join(harness.operations(JOBS[name])))
            return 0
        kinds = given.kind or KINDS
        pairs = [(JOBS[name], kind) for name in given.job or JOBS for kind in kinds]
        survived = [_try(harness, job, kind, given.most) for job, kind in pairs]
        return int(not all(survived))


def _try(harness: Harness, job: Job, kind: str, most: int | None) -> bool:
    """One job and one kind; whether all survived."""
    trials = []
    for trial in harness.trials(job, kind, most or (20 if kind == "write" else None)):
        trials.append(trial)
        if trial.faults:
            faults = "\n    ".join(trial.faults)
            print(f"{job.name}, {kind} at {trial.at}:\n    {faults}", file=sys.stderr, flush=True)
    _say(line(trials) if trials else f"| {KINDS[kind]} | `{job.name}` | not possible here | |")
    return not any(trial.faults for trial in trials)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
