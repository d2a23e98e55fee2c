"""How long `--help` takes, against a bare start of Python.

    python -m benchmarks.help [--runs 15]

Prints a Markdown table: the medians of `geoloom --help` and of each verb's `--help`, each in its own process,
and their ratio to the median of `python -c pass`. All take turns, so that a busy machine slows all alike. The
processor time is about what they take on a quiet one. The limit for each is 0.2 s.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from statistics import median

from geoloom.cli.app import app

COMMAND = "from geoloom.cli import main; main()"
LIMIT_S = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    calls = {"python -c pass": ["pass"], "geoloom --help": [COMMAND, "--help"]}
    calls |= {f"geoloom {verb} --help": [COMMAND, verb, "--help"] for verb in app.commands}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(runs + 1):
        for name, words in calls.items():
            taken[name].append(seconds_of([sys.executable, "-c", *words]))
    # The first round fills the caches of files and of compiled modules.
    medians = {
        name: [median(s) for s in zip(*all_runs[1:], strict=True)]
        for name, all_runs in taken.items()
    }
    bare, _ = medians.pop("python -c pass")
    print(f"Limit: {LIMIT_S} s. A bare start of Python: {bare:.3f} s.\n")
    print("| command | seconds | times a bare start | processor seconds | within the limit |")
    print("|---|---|---|---|---|")
    for name, (wall, processor) in medians.items():
        within = "yes" if wall < LIMIT_S else "no"
        print(f"| `{name}` | {wall:.3f} | {wall / bare:.1f} | {processor:.3f} | {within} |")


def seconds_of(command: list[str]) -> tuple[float, float]:
    """How long a command takes, and how much of that on the processor."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    ended, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return ended - began, used


if __name__ == "__main__":
    main()
