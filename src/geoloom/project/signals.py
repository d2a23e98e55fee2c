"""Signals that ask a command to stop, noted: whatever libraries make of them, the exit code is theirs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ASKING = (signal.SIGINT, signal.SIGTERM)
_received: list[int] = []
_answered: list[int] = []


def listen() -> None:
    """From now on SIGTERM unwinds the command as SIGINT does, so that it cleans up and says how to go on."""
    mine = os.getpid()

    def stop(number: int, frame: Any) -> None:
        if os.getpid() != mine:  # a forked worker ends as its library has it
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        _received.append(number)
        raise KeyboardInterrupt

    for number in _ASKING:
        # One that is ignored stays so: `nohup` and background jobs ask for it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)


def received() -> bool:
    """Whether a signal has asked to stop. Lightning, for one, ends with `SystemExit(1)` then."""
    return bool(_received)


def unanswered() -> bool:
    """Whether a signal has asked to stop, and it has not been reported yet."""
    return received() and not _answered


def exit_code() -> int:
    """128 and the signal's number: 130 for an interrupt, 143 for a request to end. Counts as an answer."""
    number = _received[0] if _received else int(signal.SIGINT)
    _answered.append(number)
    return 128 + number


@contextmanager
def resuming(how: str) -> Iterator[None]:
    """Add to the message of a stop inside the block how the work is resumed, or started over."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and not received():
            raise
        raise KeyboardInterrupt(f"stopped; {how}") from None
