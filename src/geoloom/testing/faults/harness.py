"""The trials: a job is disturbed, done once more by the same command, and its products compared."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from .children import Child, End, can_trace, run_killed_at_write, traced_writes
from .jobs import JOBS, Job, import_all, make_inputs
from .operations import count_operations
from .trees import differences

KINDS = {
    "kill": "killed before a rename, unlink, fsync, mkdir or open-for-write",
    "write": "killed at a write (strace)",
    "term": "SIGTERM",
    "int": "SIGINT",
    "disk": "a disk too small",
    "two": "two at once",
}
"""What may happen to a job."""

_THERE = ("is there already", "there already, and not made", "holds a model already")
_FULL = ("the disk is full", "of scratch space in")
_ON = ("the same command", "--resume")
_TIMES_OF_TWO = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)


Moment = TypeVar("Moment")


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one disturbed run."""

    job: str
    kind: str
    at: str
    """When it was disturbed."""
    faults: tuple[str, ...]
    """All that is not as it should be; empty: survived."""


def line(trials: Sequence[Trial]) -> str:
    """The trials of one job and kind in a line of a table."""
    survived = sum(not trial.faults for trial in trials)
    first = trials[0]
    return f"| {KINDS[first.kind]} | `{first.job}` | {len(trials)} | {survived} |"


class Harness:
    """Does jobs in copies of one folder.

    Not to be used in a process that has threads, for it forks.

    Args:
        root: An empty folder for all that the trials write.
    """

    def __init__(self, root: Path) -> None:
        import_all()
        self.root = root.absolute()
        self.folder = self.root / "work"
        """Every run has this one folder, so that no path distinguishes two runs."""
        self._inputs = self.root / "inputs"
        self._ends: dict[str, End] = {}
        self._copy(None)
        end = Child(make_inputs, self.folder).wait()
        if end.code:
            raise RuntimeError(f"no inputs: {end.output}")
        self.folder.rename(self._inputs)

    def trials(self, job: Job, kind: str, most: int | None = None) -> Iterator[Trial]:
        """Disturb a job in one way, at `most` moments evenly spaced; None: at all of them."""
        self.undisturbed(job)
        ways: dict[str, Callable[[Job, int | None], Iterator[Trial]]] = {
            "kill": self._kills,
            "write": self._writes,
            "term": partial(self._signals, sent=signal.SIGTERM),
            "int": partial(self._signals, sent=signal.SIGINT),
            "disk": self._small_disks,
            "two": self._twos,
        }
        yield from ways[kind](job, most)

    def undisturbed(self, job: Job) -> End:
        """Do the job once, and keep what it leaves, to be compared with and to go on from."""
        if job.name in self._ends:
            return self._ends[job.name]
        self._fresh(job)
        log = self.root / "operations.log"
        end = Child(job.run, self.folder, before=self._counter(log, None)).wait()
        if end.code:
            raise RuntimeError(f"{job.name} fails undisturbed ({end.code}): {end.output}")
        self.folder.rename(self._left(job))
        self._temporary.rename(self._left(job).with_suffix(".tmp"))
        self._ends[job.name] = end
        return end

    def operations(self, job: Job) -> list[str]:
        """What the undisturbed job does to files, in order."""
        self._fresh(job)
        log = self.root / "operations.log"
        Child(job.run, self.folder, before=self._counter(log, None)).wait()
        return log.read_text().splitlines()

    @property
    def _temporary(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.tmp")

    def _left(self, job: Job) -> Path:
        return self.root / f"{job.name}.left"

    def _start(self, job: Job) -> Path:
        """The folder that a job begins in."""
        return self._left(JOBS[job.after[-1]]) if job.after else self._inputs

    def _fresh(self, job: Job) -> None:
        for name in job.after:
            self.undisturbed(JOBS[name])
        self._copy(self._start(job))

    def _copy(self, source: Path | None) -> None:
        for path in (self.folder, self._temporary):
            shutil.rmtree(path, ignore_errors=True)
        if source is not None:
            shutil.copytree(source, self.folder, symlinks=True)  # times of files too

    def _counter(self, log: Path, kill_at: int | None) -> Callable[[], None]:
        root = os.path.commonpath([self.folder, self._temporary])
        return partial(count_operations, Path(root), log, kill_at)

    def _kills(self, job: Job, most: int | None) -> Iterator[Trial]:
        operations = self.operations(job)
        log = self.root / "operations.log"
        for at in _spaced(range(1, len(operations) + 1), most):
            self._fresh(job)
            end = Child(job.run, self.folder, before=self._counter(log, at)).wait()
            seen = log.read_text().splitlines()[-1:]
            yield self._again(job, "kill", f"{at}: {' '.join(seen)}", self._was_killed(end))

    def _writes(self, job: Job, most: int | None) -> Iterator[Trial]:
        if not can_trace():
            return
        self._fresh(job)
        for at, (call, number) in enumerate(_spaced(traced_writes(job.run, self.folder), most)):
            self._fresh(job)
            end = run_killed_at_write(job.run, self.folder, call, number)
            yield self._again(job, "write", f"{at}: {call} {number}", self._was_killed(end))

    def _signals(self, job: Job, most: int | None, *, sent: signal.Signals) -> Iterator[Trial]:
        kind = "term" if sent is signal.SIGTERM else "int"
        for share in _spaced([n / 10 for n in range(10)], most):
            self._fresh(job)
            child = Child(job.run, self.folder)
            child.wait_until_begun()
            time.sleep(0.05 + share * self._ends[job.name].seconds)
            os.kill(child.pid, sent)
            end = child.wait()
            faults = []
            if end.code not in (0, 128 + sent):
                faults.append(f"exit code {end.code}: {_last(end.output)}")
            elif end.code and not any(word in end.output for word in _ON):
                faults.append(f"does not say how to go on: {_last(end.output)}")
            yield self._again(job, kind, f"{share:.0%}", faults)

    def _twos(self, job: Job, most: int | None) -> Iterator[Trial]:
        for share in _spaced(_TIMES_OF_TWO, most):
            self._fresh(job)
            first = Child(job.run, self.folder)
            first.wait_until_begun()
            time.sleep(share * self._ends[job.name].seconds)
            second = Child(job.run, self.folder)
            ends = [first.wait(), second.wait()]
            faults = [] if any(end.code == 0 for end in ends) else ["neither came to an end"]
            for end, other in zip(ends, reversed(ends), strict=True):
                named = f"process {other.pid} on" in end.output
                if end.code and not named and not any(word in end.output for word in _THERE):
                    faults.append(f"exit code {end.code}: {_last(end.output)}")
            faults += self._differences(job)
            yield Trial(job.name, "two", f"{share:.0%}", tuple(faults))

    def _small_disks(self, job: Job, most: int | None) -> Iterator[Trial]:
        start, end = _size(self._start(job)), _size(self._left(job))
        for tenths in _spaced(range(10), most):
            size = start + (end - start) * tenths // 10 + (1 << 16)
            with _disk(self.folder, size) as grow:
                if grow is None:
                    return
                self._fill(job)
                faults = self._of_a_full_disk(job)
                grow()
                faults += self._again(job, "disk", "", []).faults
            yield Trial(job.name, "disk", f"{size >> 10} KiB", tuple(faults))

    def _fill(self, job: Job) -> None:
        for name in job.after:
            self.undisturbed(JOBS[name])
        shutil.copytree(self._start(job), self.folder, symlinks=True, dirs_exist_ok=True)

    def _of_a_full_disk(self, job: Job) -> list[str]:
        end = Child(job.run, self.folder).wait()
        if end.code == 0 or (end.code == 1 and any(word in end.output for word in _FULL)):
            return []
        return [f"exit code {end.code}: {_last(end.output)}"]

    def _again(self, job: Job, kind: str, at: str, faults: Iterable[str]) -> Trial:
        """Give the same command once more, with `--resume` where it asks for it, and compare."""
        end = Child(job.run, self.folder).wait()
        if end.code and "--resume" in end.output:
            end = Child(partial(job.run, "--resume"), self.folder).wait()
        wrong = [*faults, *self._differences(job)]
        if end.code and not any(word in end.output for word in _THERE):
            wrong.append(f"again: exit code {end.code}: {_last(end.output)}")
        return Trial(job.name, kind, at, tuple(wrong))

    def _differences(self, job: Job) -> list[str]:
        left = self._left(job)
        temporary = differences(left.with_suffix(".tmp"), self._temporary)
        return differences(left, self.folder) + [f"TMPDIR: {text}" for text in temporary]

    @staticmethod
    def _was_killed(end: End) -> list[str]:
        return [] if end.code == -signal.SIGKILL else [f"was not killed but ended with {end.code}"]


def _spaced(all_of_them: Iterable[Moment], most: int | None) -> list[Moment]:
    """`most` of them, evenly spaced, the first and the last included."""
    every = list(all_of_them)
    if most is None or len(every) <= most:
        return every
    if most == 1:
        return every[len(every) // 2 : len(every) // 2 + 1]
    return [every[round(n * (len(every) - 1) / (most - 1))] for n in range(most)]


def _last(output: str) -> str:
    return " / ".join(output.strip().splitlines()[-3:])[-400:]


def _size(folder: Path) -> int:
    """What the files take on a disk with blocks of 4 KiB."""
    return sum(-(-path.lstat().st_size // 4096) * 4096 + 4096 for path in folder.rglob("*"))


@contextmanager
def _disk(folder: Path, size: int) -> Iterator[Callable[[], bool] | None]:
    """A disk of so many bytes at `folder`, and how it grows; None where this user may mount none."""
    for path in (folder, folder.with_name(f"{folder.name}.tmp")):
        shutil.rmtree(path, ignore_errors=True)
    folder.mkdir()

    def mount(options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if not mount(f"size={size}"):
        yield None
        return
    try:
        yield lambda: mount("remount,size=1g")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
