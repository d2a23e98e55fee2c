"""The classes of benchmark datasets, as attributes of `geoloom.datasets`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .declaration import Benchmark
from .listing import DATASETS, get_dataset, list_datasets

if TYPE_CHECKING:
    from .dataset import BenchmarkDataset


def named(name: str) -> type[BenchmarkDataset] | None:
    """The class of a name; None where no dataset has it."""
    known = get_dataset(name) if name.lower() in DATASETS else None
    if not isinstance(known, Benchmark) or known.name != name:
        return None
    from .dataset import benchmark_class

    return benchmark_class(name)


def names() -> list[str]:
    """Of all classes."""
    return [get_dataset(command).name for command in list_datasets(kind="samples")]
