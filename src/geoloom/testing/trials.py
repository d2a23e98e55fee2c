"""Trials of hostile inputs in child processes that are bounded in memory and in time.

A trial gives one case to one function, in a process set apart: a crash, a hang or a flood of memory ends that
process and becomes a verdict, and the next case goes to a new one. Cases that end well share a process, so
that thousands of them cost no more than their own work.

Example:
    A module of tests tries every damaged project file. The function and its cases must be picklable (defined
    at the top of a module); the function answers, or raises::

        def load(seed: int) -> str:
            path = Path(tempfile.mkdtemp()) / "project.yaml"
            path.write_bytes(mutant_of_a_project(seed))
            project = read_project(path)          # a GeoloomError: refused, as it should be
            require(project.steps, "a project without steps was read")   # differs, where untrue
            return f"{len(project.steps)} steps"  # anything to note beside the verdict

        tally = Tally.of(run_trials(load, range(500), seconds=10, memory_bytes=1 << 29))
        assert not tally.failures, tally.report()
        print(tally.line())

    500 trials: 120 answered, 380 refused; 0 crashes, 0 hangs, 0 out of memory, 0 differing, 0 foreign errors
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from geoloom.core.errors import GeoloomError

Verdict = Literal["answered", "refused", "crash", "hang", "memory", "differs", "foreign"]
"""`answered` and `refused` (with a `GeoloomError`) are as it should be, all others are failures."""

_FAILURES: dict[Verdict, str] = {
    "crash": "crashes",
    "hang": "hangs",
    "memory": "out of memory",
    "differs": "differing",
    "foreign": "foreign errors",
}
_START_S = 900.0
"""How long a process may take to import what it needs and to warm up."""
_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""What makes Linux count the peak of resident memory again (man proc_pid_clear_refs)."""

Case = TypeVar("Case")


class DiffersError(AssertionError):
    """An answer that is not the right one; a trial that raises it gets the verdict `differs`."""


def require(condition: object, message: str) -> None:
    """Raise `DiffersError` where an answer is not what it should be."""
    if not condition:
        raise DiffersError(message)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case."""

    case: Any
    verdict: Verdict
    detail: str
    """What the function returned, or the error, or how the process ended."""
    seconds: float
    """Wall time."""
    peak_bytes: int | None
    """Growth of resident memory over what the process used before; None where unknown (not Linux)."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The outcomes of many trials, counted."""

    outcomes: tuple[Outcome, ...]

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Self:
        """Run to the end and count."""
        return cls(tuple(outcomes))

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """All outcomes but answers and refusals."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict in _FAILURES)

    @property
    def peak_bytes(self) -> int:
        """Largest growth of resident memory in one trial; 0 where it is not known."""
        return max((outcome.peak_bytes or 0 for outcome in self.outcomes), default=0)

    def line(self) -> str:
        """The counts in one line."""
        counts = Counter(outcome.verdict for outcome in self.outcomes)
        failures = ", ".join(f"{counts[verdict]} {name}" for verdict, name in _FAILURES.items())
        return (
            f"{len(self.outcomes)} trials: {counts['answered']} answered, {counts['refused']} refused; "
            f"{failures}"
        )

    def report(self, most: int = 20) -> str:
        """The line, and below it the first failures."""
        lines = [f"{o.verdict}: {o.case!r}: {o.detail}" for o in self.failures[:most]]
        return "\n".join([self.line(), *lines])


def run_trials(
    attempt: Callable[[Case], object],
    cases: Iterable[Case],
    *,
    seconds: float = 10.0,
    memory_bytes: int = 1 << 30,
    warm_up: Callable[[], object] | None = None,
) -> Iterator[Outcome]:
    """Try cases one after the other, each bounded in time and memory; yields as they end.

    Args:
        attempt: Called with one case, in a child process. Its return value is noted as text. A
            `GeoloomError` means that the case was refused, `DiffersError` a wrong answer, `MemoryError` that
            the memory was too little, and every other exception is a foreign error.
        cases: Picklable.
        seconds: Wall time that one case may take; one that takes longer is tried once more.
        memory_bytes: Address space that may be taken beyond what the process holds after warming up, and
            bound of the growth of resident memory of one case. Not bounded on Windows.
        warm_up: Called once in every new process, untimed: imports, compiled loops.
    """
    child: _Child | None = None
    try:
        for case in cases:
            if child is None:
                child = _Child(attempt, memory_bytes, warm_up)
            outcome, alive = child.try_case(case, seconds)
            if outcome.verdict == "hang":  # or others kept the machine busy: once more, on its own
                child = _Child(attempt, memory_bytes, warm_up)
                outcome, alive = child.try_case(case, seconds)
            if not alive:
                child = None
            yield outcome
    finally:
        if child is not None:
            child.end()


class _Child:
    """One process, and the pipe to it."""

    def __init__(
        self,
        attempt: Callable[[Any], object],
        memory_bytes: int,
        warm_up: Callable[[], object] | None,
    ) -> None:
        # Spawned: a fork would bring the parent's threads' locks and memory along.
        context = multiprocessing.get_context("spawn")
        self._pipe, child_end = context.Pipe()
        self._output = tempfile.NamedTemporaryFile(prefix="geoloom-trial-", suffix=".err")  # noqa: SIM115
        arguments = child_end, attempt, memory_bytes, warm_up, self._output.name
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        child_end.close()
        problem = self._pipe.recv() if self._pipe.poll(_START_S) else self._how_it_ended()
        if problem:
            self.end()
            raise RuntimeError(f"the trials' process did not start: {problem}")

    def try_case(self, case: Any, seconds: float) -> tuple[Outcome, bool]:
        """The outcome, and whether the process is fit for another case."""
        began = time.monotonic()
        try:
            self._pipe.send(case)
            answered = self._pipe.poll(seconds)
            took = time.monotonic() - began
            if answered:
                verdict, detail, peak = self._pipe.recv()
                return Outcome(case, verdict, detail, took, peak), True
        except (EOFError, ConnectionError, OSError):
            took = time.monotonic() - began
            outcome = Outcome(case, "crash", self._how_it_ended(), took, None)
        else:
            outcome = Outcome(case, "hang", f"not done after {seconds:g} s", took, None)
        self.end()
        return outcome, False

    def _how_it_ended(self) -> str:
        self._process.join(5)
        code = self._process.exitcode
        name = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        lines = Path(self._output.name).read_text(errors="replace").strip().splitlines()
        return "; ".join([name, *lines[:12]])

    def end(self) -> None:
        """Stop the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._output.close()


def _serve(
    pipe: Connection,
    attempt: Callable[[Any], object],
    memory_bytes: int,
    warm_up: Callable[[], object] | None,
    output: str,
) -> None:
    """The child's work: cases in, outcomes out, until the pipe closes."""
    errors = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(errors, 2)
    faulthandler.enable()
    try:
        if warm_up is not None:
            warm_up()
        _bound_memory(memory_bytes)
    except Exception as error:  # reported to the parent, which raises
        pipe.send(f"{type(error).__name__}: {error}")
        return
    pipe.send("")
    while True:
        try:
            case = pipe.recv()
        except EOFError:
            return
        before = _reset_peak()
        verdict, detail = _judge(attempt, case)
        peak = None if before is None else max((_resident("VmHWM") or 0) - before, 0)
        if peak is not None and peak > memory_bytes and verdict in ("answered", "refused"):
            verdict, detail = "memory", f"{peak >> 20} MiB, {detail}"
        pipe.send((verdict, detail[:2000], peak))


def _judge(attempt: Callable[[Any], object], case: Any) -> tuple[Verdict, str]:
    try:
        return "answered", str(attempt(case))
    except GeoloomError as error:
        return "refused", f"{type(error).__name__}: {error}"
    except DiffersError as error:
        return "differs", str(error)
    except MemoryError as error:
        return "memory", str(error) or "MemoryError"
    except Exception as error:  # every kind counts: what is neither an answer nor a refusal
        return "foreign", f"{type(error).__name__}: {error}"


def _bound_memory(more_bytes: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    used = _resident("VmSize") or 0
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + more_bytes, hard))


def _reset_peak() -> int | None:
    """Resident memory now, bytes, from which on the peak is counted; None where it is not counted."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
    except OSError:
        return None
    return _resident("VmRSS")


def _resident(name: str) -> int | None:
    """One figure of the process's memory, bytes."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:")), None)
