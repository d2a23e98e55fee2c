"""The same work over a Dask cluster: local worker processes, or any scheduler's."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

from ..core.errors import GeoloomError, MissingExtraError
from ..io.headers.gdal_cache import gdal_cache

_AHEAD_PER_WORKER = 3
"""Items under way for each worker: one runs, one waits beside it, one travels back."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_TRIM = "MALLOC_TRIM_THRESHOLD_"


@dataclass(frozen=True, slots=True)
class DaskEngine:
    """Runs items on Dask workers; the caller alone takes the results, in order, and writes.

    A worker that dies takes nothing with it: Dask runs its items again elsewhere, and the results are the
    same. Files must have the same paths on the workers as here. As with any program that starts processes,
    a script that uses local workers keeps its calls under `if __name__ == "__main__":`.

    Raises:
        MissingExtraError: Dask is not installed.
    """

    scheduler: str | None = None
    """Address such as `tcp://host:8786`; None starts workers in this machine."""
    workers: int = 2
    """How many processes to start where there is no scheduler."""

    def __post_init__(self) -> None:
        _distributed()

    def map_ordered(
        self, work: Any, items: Iterable[Any], cache_mb: int
    ) -> Generator[Any, None, None]:
        """Results of `work.run(work.load(item))` in the items' order, a bounded number under way."""
        with ExitStack() as stack:
            client = self._connect(stack)
            # A task rather than scattered data: were its holder killed, Dask makes it again. And a worker
            # keeps it, so that the work (with a model inside, perhaps) travels to each worker once.
            shared = client.submit(_Held(work), pure=False)
            most = _AHEAD_PER_WORKER * max(1, len(client.nthreads()))
            ahead: deque[Any] = deque()
            for item in items:
                ahead.append(client.submit(_do, shared, item, cache_mb, pure=False))
                if len(ahead) >= most:
                    yield _result(ahead.popleft())
            while ahead:
                yield _result(ahead.popleft())

    def _connect(self, stack: ExitStack) -> Any:
        distributed = _distributed()
        if self.scheduler is not None:
            try:
                return stack.enter_context(distributed.Client(self.scheduler, set_as_default=False))
            except OSError as error:
                raise GeoloomError(
                    f"no Dask scheduler answers at {self.scheduler!r} ({error}); start one with `dask "
                    "scheduler`, or leave the address out to use worker processes here"
                ) from error
        import dask

        threads = str(max(1, (os.cpu_count() or 1) // self.workers))
        environment = dict.fromkeys(_THREAD_VARIABLES, threads)
        stack.enter_context(_unchanged_environment())
        stack.enter_context(dask.config.set({"distributed.nanny.pre-spawn-environ": environment}))
        with _interrupts_held_back():
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=self.workers,
                    threads_per_worker=1,
                    processes=True,
                    memory_limit=0,  # the work's memory is bounded by design; no pausing half-way
                    # A worker that dies is replaced, and closing ones lose their scheduler: neither is news
                    # to the reader of a terminal, while what goes wrong in the work itself is raised here.
                    silence_logs=logging.CRITICAL,
                    dashboard_address="127.0.0.1:0",  # any free port: several runs may share a machine
                )
            )
            return stack.enter_context(distributed.Client(cluster, set_as_default=False))


class _Held:
    """A function that returns what it holds, so that a worker can remake it."""

    def __init__(self, work: Any) -> None:
        self.work = work

    def __call__(self) -> Any:
        return self.work


@contextmanager
def _unchanged_environment() -> Iterator[None]:
    """Keep what Dask sets for its workers out of them, and out of this process afterwards.

    Dask's nanny writes variables for its workers into its own process, where they stay. One of them has
    workers give memory back at every chance, which nearly halves the speed of torch. A number of threads
    that was set before is left as it is.
    """
    before = {name: os.environ.get(name) for name in (*_THREAD_VARIABLES, _TRIM)}
    os.environ.pop(_TRIM, None)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait while workers start, and keep the former from the workers altogether.

    A terminal sends Ctrl-C to every process of a command: workers that are still importing would each print a
    traceback. It is for this process to end them.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Were it started in between, it would let interrupts through to the workers again.
    resource_tracker.ensure_running()
    arrived: list[int] = []
    asking = (signal.SIGINT, signal.SIGTERM)
    before = {
        number: signal.signal(number, lambda number, _: arrived.append(number)) for number in asking
    }
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what is started inherits it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for first in arrived[:1]:
            signal.raise_signal(first)


def _do(work: Any, item: Any, cache_mb: int) -> Any:
    with gdal_cache(cache_mb):
        return work.run(work.load(item))


def _result(future: Any) -> Any:
    """A result, with the cluster's copy given up."""
    result = future.result()
    future.release()
    return result


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError("dask", "cluster") from error
    return distributed
