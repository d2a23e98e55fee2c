"""Damaged and forged chip stores are read as they were written, or refused in our own words."""

from __future__ import annotations

import os

from geoloom.testing.stores import read_damaged_store, warm_up
from geoloom.testing.trials import Tally, run_trials

TRIALS = int(os.environ.get("GEOLOOM_TRIALS", "40"))


def test_no_damage_to_a_store_goes_unnoticed_or_ends_the_process():
    cases = run_trials(read_damaged_store, range(TRIALS), memory_bytes=1 << 29, warm_up=warm_up)
    tally = Tally.of(cases)
    assert not tally.failures, tally.report()
    assert tally.peak_bytes < 1 << 27
