"""What a command says and answers when it is asked to stop, whatever the libraries below make of it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# A training whose framework ends with `SystemExit(1)` when it is interrupted, as Lightning does; and one that
# is asked to stop before it has begun.
PROGRAM = """
import os, sys, time
from geoloom.cli import main

when, number = sys.argv[-2:]
del sys.argv[-2:]

def working(*given, **named):
    try:
        os.kill(os.getpid(), int(number))
        time.sleep(30)
    except KeyboardInterrupt:
        if when == "late" and sys.argv[1] == "train":
            sys.exit(1)
        raise

if when == "early":
    import geoloom.cli.app
    geoloom.cli.app.app = working
else:
    import geoloom.project.perform
    geoloom.project.perform.perform = working
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize(
    ("words", "way"),
    [
        (("prepare", "a.tif", "b.tif"), "starts over"),
        (("train", "chips.zarr", "model"), "--resume"),
        (("predict", "model", "a.tif", "b.tif"), "the same command goes on"),
    ],
)
def test_a_command_that_is_asked_to_stop_says_how_to_go_on(number, code, words, way):
    for when, said in (("late", way), ("early", "the same command begins it")):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words, when, str(int(number))],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
