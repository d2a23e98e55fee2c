"""Work shared by several devices of one machine: a process for each, this one being the first.

The others run nothing of the user's program, which Lightning's own launchers would repeat up to here, and all
that it writes. They are given the work as a pickle, and end with this process, whatever ends it.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import torch
from lightning.fabric.plugins.environments.lightning import (
    LightningEnvironment,
    find_free_network_port,
)
from torch import distributed

from ..core.errors import ConfigError, ModelError
from ..io.threads import usable_cpus

_READY = b"ready"
_PATIENCE_S = 60
"""How long the other processes may take to end after the work; they have nothing left to do."""
_TO_END_S = 5
"""How long one may take that failed."""


class Ranks(LightningEnvironment):
    """Where the processes find each other; all of them run already.

    Args:
        rank: Of this process, from 0.
        port: On which the first one listens, at this machine's own address alone.
    """

    def __init__(self, rank: int, port: int) -> None:
        super().__init__()
        self._rank = rank
        self._main_port = port

    @property
    def creates_processes_externally(self) -> bool:
        """Lightning is to start none."""
        return True

    @property
    def main_address(self) -> str:
        """This machine."""
        return "127.0.0.1"

    def local_rank(self) -> int:
        """Which process, and so which device, this is."""
        return self._rank

    def node_rank(self) -> int:
        """There is one machine."""
        return 0


class SharedWork(Protocol):
    """What every process does; goes to the others as a pickle."""

    @property
    def verb(self) -> str:
        """What is done on several devices, for messages: `training`."""

    @property
    def device(self) -> str:
        """`cpu` or `cuda`, of each process."""

    @property
    def devices(self) -> int:
        """How many processes share the work."""

    def prepare(self, rank: int) -> Callable[[Ranks], None]:
        """Make what one of the other processes needs; the function does its share of the work."""


@contextmanager
def other_devices(work: SharedWork) -> Iterator[Ranks | None]:
    """The processes of all devices but the first, as long as the work goes on here.

    Gives:
        How the first process finds them; None where there is one device.

    Raises:
        ConfigError: something of the work cannot be given to another process.
        ModelError: one of the processes failed; the message ends with what it said.
    """
    if work.devices == 1:
        yield None
        return
    port = find_free_network_port()
    with TemporaryDirectory() as scratch, _fewer_threads(work), _own_surroundings():
        file = Path(scratch) / "work.pickle"
        file.write_bytes(_pickled(work))
        others = [_Process(rank, port, file) for rank in range(1, work.devices)]
        try:
            for other in others:
                other.wait_until_ready()
            yield Ranks(0, port)
            for other in others:
                other.wait(_PATIENCE_S)
            _refuse_failures(others, None)
        except RuntimeError as error:  # torch's, where a process that it waits for is gone
            _refuse_failures(others, error)
            raise
        finally:
            for other in others:
                other.stop()
            if distributed.is_initialized():
                distributed.destroy_process_group()


class _Process:
    """One of the other processes."""

    def __init__(self, rank: int, port: int, work: Path) -> None:
        self.rank = rank
        self._said = work.with_name(f"rank{rank}.txt")
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        surroundings = {**os.environ, "PYTHONPATH": path, "LOCAL_RANK": str(rank)}
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "geoloom.tasks.ranks", str(rank), str(port), work],
                stdin=subprocess.PIPE,  # written to by nobody: its end says that this process is gone
                stdout=subprocess.PIPE,
                stderr=said,
                env=surroundings,
                start_new_session=True,  # Ctrl-C is for this process, which ends the others
            )

    def wait_until_ready(self) -> None:
        """Until it has all that it needs, so that nobody waits in vain for it later."""
        assert self._process.stdout is not None
        if self._process.stdout.read(len(_READY)) != _READY:
            self._process.wait()
            _refuse_failures([self], None)

    def wait(self, seconds: float) -> int:
        """What it ended with, 0 where it went well; 0 as well where it still runs after these seconds."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return 0

    def last_line(self) -> str:
        """The last that it said."""
        lines = self._said.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no word"

    def stop(self) -> None:
        """End it, where it runs."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.kill()
        self._process.wait()


def _refuse_failures(others: Sequence[_Process], cause: BaseException | None) -> None:
    """Raise where a process failed.

    Raises:
        ModelError: with the last line that it said.
    """
    failed = [(code, other) for other in others if (code := other.wait(_TO_END_S))]
    if failed:
        # Those that were killed have negative codes, and took the others along.
        code, other = min(failed, key=lambda pair: pair[0])
        raise ModelError(
            f"the process of device {other.rank} ended with {code}: {other.last_line()}; networks and losses "
            "of your own must lie in modules that it can import, and each process needs memory of its own. "
            "devices=1 (--devices 1) works without others"
        ) from cause


def _pickled(work: SharedWork) -> bytes:
    try:
        return pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"{work.verb} on several devices gives each process all that it needs, which fails ({error}); "
            "define networks, losses and augmentations of your own in a module, not inside a function"
        ) from error


@contextmanager
def _fewer_threads(work: SharedWork) -> Iterator[None]:
    """The processors shared among the processes, where they are the devices."""
    if work.device != "cpu":
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(before, usable_cpus() // work.devices)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _own_surroundings() -> Iterator[None]:
    """The variables by which Lightning's processes find each other, put back afterwards."""
    names = ("MASTER_ADDR", "MASTER_PORT")
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _run(rank: int, port: int, file: Path) -> None:
    """One of the other processes: the same work, about which the first one informs the user."""
    logging.disable(logging.WARNING)
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    work: SharedWork = pickle.loads(file.read_bytes())
    if work.device == "cpu":
        torch.set_num_threads(max(1, usable_cpus() // work.devices))
    share = work.prepare(rank)
    os.write(1, _READY)
    os.dup2(2, 1)  # nobody reads what may be printed from now on
    share(Ranks(rank, port))
    distributed.destroy_process_group()


def _end_with_the_first() -> None:
    os.read(0, 1)  # nothing comes, until the first process is gone
    os._exit(1)


if __name__ == "__main__":
    _run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
