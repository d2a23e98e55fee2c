"""One run of a job in a process of its own, forked from this one: what it printed, and how it ended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_WRITES = "write,pwrite64,writev,pwritev,pwritev2"
_HANGS_S = 300.0


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended."""

    code: int
    """The exit code; negative: the signal that ended it."""
    output: str
    """Both output streams."""
    seconds: float
    pid: int


class Child:
    """A forked process that does a job in a folder."""

    def __init__(
        self,
        work: Callable[[], int],
        folder: Path,
        *,
        before: Callable[[], None] | None = None,
        stopped: bool = False,
    ) -> None:
        """Start it.

        Args:
            work: The job; gives the exit code.
            folder: Where it runs. Temporary files go to `<folder>.tmp`, what it says to a file beside.
            before: Called in the child before the work: to set a trap.
            stopped: The child waits for SIGCONT first.
        """
        self._output = folder.with_name(f"{folder.name}.{time.monotonic_ns()}.output")
        self._began = time.monotonic()
        self._begun, begun = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _live(partial(_begin, begun, work), folder, self._output, before, stopped)
        os.close(begun)

    def wait_until_begun(self) -> None:
        """Return when the work begins."""
        os.read(self._begun, 1)

    def wait(self) -> End:
        """Until it ends; one that hangs is killed."""
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - self._began > _HANGS_S:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.005)
        seconds = time.monotonic() - self._began
        os.close(self._begun)
        _end_group(self.pid)
        output = self._output.read_text(errors="replace") if self._output.exists() else ""
        self._output.unlink(missing_ok=True)
        return End(os.waitstatus_to_exitcode(status), output, seconds, self.pid)


def _live(
    work: Callable[[], int],
    folder: Path,
    printed: Path,
    before: Callable[[], None] | None,
    stopped: bool,
) -> None:
    """The whole life of a forked process; it never returns."""
    code = 99
    try:
        os.setsid()
        output = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        # A program that is newly started has these, whatever started this one.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder.with_name(f"{folder.name}.tmp")
        temporary.mkdir(exist_ok=True)
        os.environ["TMPDIR"] = str(temporary)
        tempfile.tempdir = None
        os.chdir(folder)
        if stopped:
            os.kill(os.getpid(), signal.SIGSTOP)
        if before is not None:
            before()
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _begin(begun: int, work: Callable[[], int]) -> int:
    os.write(begun, b"!")
    os.close(begun)
    return work()


def _end_group(pid: int) -> None:
    """End workers that a killed process left behind."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def can_trace() -> bool:
    """Whether strace is installed and may follow a process."""
    strace = shutil.which("strace")
    if strace is None:
        return False
    done = subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True, check=False)
    return done.returncode == 0


def traced_writes(work: Callable[[], int], folder: Path) -> list[tuple[str, int]]:
    """The writes of an undisturbed run in order: the system's call, and the how manieth of its name."""
    log = folder.with_name("strace.log")
    child = Child(work, folder, stopped=True)
    tracer = _trace(child.pid, log, f"trace={_WRITES}")
    child.wait()
    tracer.wait()
    counts: dict[str, int] = {}
    writes = []
    for text in log.read_text(errors="replace").splitlines():
        match = re.match(
            rf"{child.pid}\s+(\w+)\(", text
        )  # of the main thread, where the writing is done
        if match:
            name = match.group(1)
            counts[name] = counts.get(name, 0) + 1
            writes.append((name, counts[name]))
    log.unlink()
    return writes


def run_killed_at_write(work: Callable[[], int], folder: Path, call: str, number: int) -> End:
    """A run that is killed at one of its writes, those of C libraries included."""
    child = Child(work, folder, stopped=True)
    inject = f"inject={call}:signal=SIGKILL:when={number}"
    tracer = _trace(child.pid, Path(os.devnull), f"trace={call}", "-e", inject)
    end = child.wait()
    tracer.wait()
    return end


def _trace(pid: int, log: Path, *expressions: str) -> subprocess.Popen[str]:
    """Follow a process that waits, and let it go on."""
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    command = ["strace", "-f", "-p", str(pid), "-o", str(log), "-e", *expressions]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    while "attached" not in tracer.stderr.readline():
        if tracer.poll() is not None:
            os.kill(pid, signal.SIGKILL)
            raise RuntimeError(f"strace cannot follow process {pid}")
    os.kill(pid, signal.SIGCONT)
    return tracer
