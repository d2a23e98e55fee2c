"""Damaged and forged model folders are read, or refused in our own words; nothing in them is ever run."""

from __future__ import annotations

import os

from geoloom.testing.models import read_damaged_model, warm_up
from geoloom.testing.trials import Tally, run_trials

TRIALS = int(os.environ.get("GEOLOOM_TRIALS", "40"))


def test_no_damage_to_a_model_ends_the_process_or_runs_code():
    cases = run_trials(read_damaged_model, range(TRIALS), memory_bytes=1 << 29, warm_up=warm_up)
    tally = Tally.of(cases)
    assert not tally.failures, tally.report()
