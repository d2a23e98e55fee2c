"""Whatever a project file holds: it is read or refused by us, soon and in little memory."""

from __future__ import annotations

import os

from geoloom.testing.projects import (
    SOUND,
    WHOLE,
    damaged_project,
    try_project,
    try_sound_project,
    try_whole,
)
from geoloom.testing.trials import Tally, run_trials

TRIALS = int(os.environ.get("GEOLOOM_TRIALS", "60"))
"""For a long run: GEOLOOM_TRIALS=500 python -m pytest tests/testing/test_projects.py"""

BOUNDS = {"seconds": 10.0, "memory_bytes": 256 << 20, "warm_up": try_sound_project}


def test_damaged_projects_are_read_or_refused(record_property):
    tally = Tally.of(run_trials(try_project, range(TRIALS), **BOUNDS))
    record_property("trials", tally.line())
    assert not tally.failures, tally.report()
    verdicts = {outcome.verdict for outcome in tally.outcomes}
    assert verdicts == {"answered", "refused"}, "trials that all end alike try nothing"


def test_files_that_stand_for_more_than_they_hold_are_refused():
    tally = Tally.of(run_trials(try_whole, range(len(WHOLE)), **BOUNDS))
    assert not tally.failures, tally.report()
    assert tally.peak_bytes < 64 << 20, tally.report()


def test_the_sound_project_is_read():
    assert try_sound_project().startswith("do prepare, do chips, do train")


def test_damage_follows_from_its_seed_and_differs_from_what_is_sound():
    assert len({damaged_project(seed) for seed in range(100)}) > 80
    assert damaged_project(3) == damaged_project(3)
    assert SOUND.encode() not in {damaged_project(seed) for seed in range(20)}
