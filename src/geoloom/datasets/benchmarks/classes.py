"""The classes of benchmark datasets, as attributes of `geoloom.datasets`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .listing import BENCHMARKS, get_benchmark, list_datasets

if TYPE_CHECKING:
    from .dataset import BenchmarkDataset


def named(name: str) -> type[BenchmarkDataset] | None:
    """The class of a name; None where no dataset has it."""
    if name.lower() not in BENCHMARKS or get_benchmark(name).name != name:
        return None
    from .dataset import benchmark_class

    return benchmark_class(name)


def names() -> list[str]:
    """Of all classes."""
    return [get_benchmark(command).name for command in list_datasets()]
