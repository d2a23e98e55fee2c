"""The seam at which tiles are spread: who runs a batch, and how its results come back in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from ..core.registry import Registry

EngineName = Literal["local", "dask"]

Item = TypeVar("Item", contravariant=True)
Loaded = TypeVar("Loaded")
Result = TypeVar("Result", covariant=True)

_MOST_READERS = 4
AHEAD = 2
"""Items under way besides those that are being loaded."""


class Work(Protocol[Item, Loaded, Result]):
    """Something to do with each item, in two steps that can overlap for different items. Picklable."""

    def load(self, item: Item) -> Loaded:
        """The slow, waiting part; several threads may do it at once."""
        ...

    def run(self, loaded: Loaded) -> Result:
        """The computing part; one at a time in each process."""
        ...


class Engine(Protocol):
    """Does work on items somewhere and gives the results back in the items' order."""

    def map_ordered(
        self, work: Work[Any, Any, Result], items: Iterable[Any], cache_mb: int
    ) -> Generator[Result, None, None]:
        """Results in order, with a bounded number of items under way.

        Args:
            work: What to do.
            items: Taken one by one, as results are.
            cache_mb: Bound of GDAL's cache in each process, megabytes.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """This process: threads read ahead, one thread computes, and the caller takes results meanwhile.

    So decoding, the model, and blending and writing overlap; on a processor the three share its cores, on
    a GPU they run side by side.
    """

    readers: int = 0
    """Threads that read; 0 for as many as cores, at most 4."""

    def map_ordered(
        self, work: Work[Any, Any, Result], items: Iterable[Any], cache_mb: int
    ) -> Generator[Result, None, None]:
        """See `Engine.map_ordered`."""
        from ..io.headers.gdal_cache import gdal_cache

        readers = self.readers or reader_threads()
        with gdal_cache(cache_mb), closing(_pipeline(work, items, readers)) as results:
            yield from results


ENGINES: Registry[Callable[[str | None, int], Engine]] = Registry(
    "engine",
    {
        "local": lambda scheduler, workers: LocalEngine(),
        "dask": "geoloom.cluster.dask:DaskEngine",  # by name: the cluster's layer stands on this one
    },
)
"""Made from the address of a scheduler, or None, and a number of workers."""


def reader_threads() -> int:
    """Threads that read ahead in this process."""
    return min(_MOST_READERS, os.cpu_count() or 1)


def engine_named(
    engine: EngineName | Engine, *, scheduler: str | None = None, workers: int = 2
) -> Engine:
    """The engine of a name; an engine is given back as it is.

    Args:
        engine: `local`, `dask`, or any object with `map_ordered`.
        scheduler: Address of a running Dask scheduler; None starts workers here.
        workers: How many processes to start where no scheduler is given.

    Raises:
        ConfigError: there is no engine of that name.
        MissingExtraError: Dask is not installed.
    """
    if not isinstance(engine, str):
        return engine
    return ENGINES.get(engine)(scheduler, workers)


def _pipeline(
    work: Work[Any, Any, Result], items: Iterable[Any], readers: int
) -> Generator[Result, None, None]:
    """Load in `readers` threads, run in one, at most `readers` + `AHEAD` items under way."""
    ahead: deque[Future[Result]] = deque()
    loading = ThreadPoolExecutor(readers, thread_name_prefix="geoloom-read")
    running = ThreadPoolExecutor(1, thread_name_prefix="geoloom-model")
    try:
        for item in items:
            loaded = loading.submit(work.load, item)
            ahead.append(running.submit(_run_when_loaded, work, loaded))
            if len(ahead) >= readers + AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        for pool in (running, loading):
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in (loading, running):
            pool.shutdown(wait=True)


def _run_when_loaded(work: Work[Any, Any, Result], loaded: Future[Any]) -> Result:
    return work.run(loaded.result())
