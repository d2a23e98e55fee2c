"""Work that is killed, or done twice at once, leaves what undisturbed work leaves.

A sample of the trials of `python -m geoloom.testing.faults`. For a long run: GEOLOOM_TRIALS=20 tries as
many moments of every kind of fault in every job.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from geoloom.cli.app import app
from geoloom.testing.simulate import simulated_scene

TRIALS = os.environ.get("GEOLOOM_TRIALS")
SAMPLES = {
    "kills, and two at once": (
        *("--job", "prepare", "--job", "chips", "--job", "predict"),
        *("--kind", "kill", "--kind", "two", "--most", "2"),
    ),
    "a full disk": ("--job", "prepare", "--kind", "disk", "--most", "4"),
}
LONG = {f"all, at {TRIALS} moments": ("--most", str(TRIALS))}


@pytest.mark.skipif(sys.platform != "linux", reason="the trials fork")
@pytest.mark.parametrize("trials", SAMPLES if TRIALS is None else LONG)
def test_the_same_command_after_a_failure_makes_the_same_products(trials):
    words = (SAMPLES | LONG)[trials]
    done = subprocess.run(
        [sys.executable, "-m", "geoloom.testing.faults", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=600 if TRIALS is None else None,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    assert done.stdout.count("|\n") >= 1, done.stdout


KILLED = """
import os, signal, sys
from geoloom.cli import main
from geoloom.preparation.band_stack import BandStack

BandStack.save = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
main()
"""


def test_a_kill_between_the_steps_of_prepare_leaves_nothing_to_the_next_run(tmp_path):
    made = simulated_scene(tmp_path / "data", size_px=160)
    out = tmp_path / "work" / "p.tif"
    words = ["prepare", str(made.scene), str(out), "--cloud-mask", str(made.qa)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], check=False, timeout=300)
    assert killed.returncode < 0
    assert len(os.listdir(out.parent)) > 1, "nothing was under way"
    assert CliRunner().invoke(app, words).exit_code == 0
    assert sorted(os.listdir(out.parent)) == ["p.tif", "p.tif.run.json"]
