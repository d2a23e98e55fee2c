"""Work that is killed, or done twice at once, leaves what undisturbed work leaves.

A sample of the trials of `python -m geoloom.testing.faults`; with GEOLOOM_FAULTS=all, all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ALL = os.environ.get("GEOLOOM_FAULTS") == "all"
SAMPLE = (
    *("--job", "prepare", "--job", "chips", "--job", "predict"),
    *("--kind", "kill", "--kind", "two", "--most", "2"),
)


@pytest.mark.skipif(sys.platform != "linux", reason="the trials fork, and read /proc")
def test_the_same_command_after_a_kill_makes_the_same_products():
    done = subprocess.run(
        [sys.executable, "-m", "geoloom.testing.faults", *(() if ALL else SAMPLE)],
        capture_output=True,
        text=True,
        check=False,
        timeout=None if ALL else 600,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    assert done.stdout.count("|\n") == (54 if ALL else 6), done.stdout
