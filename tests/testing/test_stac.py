"""Damaged and hostile STAC documents are read as what they still say, or refused in our own words."""

from __future__ import annotations

import os

from geoloom.testing.stac import open_damaged_stac, warm_up
from geoloom.testing.trials import Tally, run_trials

TRIALS = int(os.environ.get("GEOLOOM_TRIALS", "60"))


def test_no_document_ends_the_process_or_leads_to_pixels_that_no_file_holds():
    cases = run_trials(open_damaged_stac, range(TRIALS), memory_bytes=1 << 29, warm_up=warm_up)
    tally = Tally.of(cases)
    assert not tally.failures, tally.report()
