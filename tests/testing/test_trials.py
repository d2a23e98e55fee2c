"""A trial that crashes, hangs or floods the memory is a verdict, and the next one is tried all the same."""

from __future__ import annotations

import os
import signal
import sys
import time

import numpy as np
import pytest

from geoloom.core.errors import ReadError
from geoloom.testing.trials import Tally, require, run_trials

MIB = 1 << 20


def behave(case: str) -> str:
    match case:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit":
            os._exit(3)
        case "hang":
            time.sleep(60)
        case "refuse":
            raise ReadError("no such luck")
        case "foreign":
            raise KeyError("block")
        case "wrong":
            require(1 + 1 == 3, "2 is not 3")
        case "flood":
            np.ones(3 << 30, np.uint8)
        case "swell":
            np.ones(90 * MIB, np.uint8)
    return f"{case} in {os.getpid()}"


def broken_start() -> None:
    raise ValueError("nothing works")


def verdicts(*cases: str, seconds: float = 20.0, memory_bytes: int = 512 * MIB) -> list[str]:
    trials = run_trials(behave, cases, seconds=seconds, memory_bytes=memory_bytes)
    return [outcome.verdict for outcome in trials]


def test_each_end_of_a_trial_has_its_verdict_and_the_next_one_goes_on():
    cases = ["fine", "crash", "refuse", "exit", "foreign", "wrong", "fine"]
    tally = Tally.of(run_trials(behave, cases, seconds=20))
    assert [outcome.verdict for outcome in tally.outcomes] == [
        "answered", "crash", "refused", "crash", "foreign", "differs", "answered",
    ]  # fmt: skip
    details = [outcome.detail for outcome in tally.outcomes]
    assert details[1].startswith("SIGSEGV")
    assert "behave" in details[1]  # where it happened
    assert details[2] == "ReadError: no such luck"
    assert details[3].startswith("exit code 3")
    assert details[5] == "2 is not 3"
    assert tally.line() == (
        "7 trials: 2 answered, 1 refused; 2 crashes, 0 hangs, 0 out of memory, 1 differing, 1 foreign errors"
    )
    assert [outcome.case for outcome in tally.failures] == ["crash", "exit", "foreign", "wrong"]
    assert "foreign: 'foreign': KeyError: 'block'" in tally.report()


def test_a_trial_that_does_not_end_is_ended():
    assert verdicts("fine", "hang", "fine", seconds=2.0) == ["answered", "hang", "answered"]


@pytest.mark.skipif(
    sys.platform != "linux", reason="memory is bounded and measured by Linux's means"
)
def test_memory_is_bounded_and_measured():
    trials = run_trials(behave, ["fine", "flood", "swell", "fine"], memory_bytes=512 * MIB)
    fine, flood, swell, after = trials
    assert flood.verdict == "memory"
    assert swell.verdict == "answered"
    assert 80 * MIB < swell.peak_bytes < 120 * MIB
    assert max(fine.peak_bytes, after.peak_bytes) < 20 * MIB


def test_cases_that_end_well_share_a_process():
    outcomes = run_trials(behave, ["a", "refuse", "b"])
    first, _, last = (outcome.detail.split()[-1] for outcome in outcomes)
    assert first == last


def test_a_process_that_cannot_start_is_an_error_of_the_trials():
    with pytest.raises(RuntimeError, match="nothing works"):
        list(run_trials(behave, ["fine"], warm_up=broken_start))
