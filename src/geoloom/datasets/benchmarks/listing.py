"""Benchmark datasets by name. Loads no torch, and only the declarations that are asked for."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from pkgutil import iter_modules

from ...core.errors import DatasetError
from ...core.registry import Registry
from .declaration import Benchmark

_FOLDER = Path(__file__).parents[1] / "catalogue"
_PACKAGE = f"{__name__.rpartition('.benchmarks')[0]}.catalogue"

BENCHMARKS: Registry[Benchmark] = Registry(
    "dataset",
    {module.name: f"{_PACKAGE}.{module.name}:BENCHMARK" for module in iter_modules([str(_FOLDER)])},
    error=DatasetError,
    hint=" (geoloom datasets list shows all)",
)
"""By their names on the command line, which are those of the files in `catalogue`."""


def list_datasets(pattern: str | None = None) -> tuple[str, ...]:
    """Names of the benchmark datasets, as on the command line, sorted.

    Args:
        pattern: Such as `eurosat*`.

    Example:
        >>> list_datasets("euro*")
        ('eurosat', 'eurosat100', 'eurosatspatial')
    """
    return tuple(fnmatch.filter(BENCHMARKS.list(), "*" if pattern is None else pattern.lower()))


def get_benchmark(name: str) -> Benchmark:
    """What is known of a benchmark dataset.

    Args:
        name: As on the command line or as its class.

    Raises:
        DatasetError: there is none of this name; the nearest is named.

    Example:
        >>> get_benchmark("EuroSAT").samples
        27000
    """
    return BENCHMARKS.get(name.lower() if isinstance(name, str) else name)


def register_dataset(benchmark: Benchmark, *, overwrite: bool = False) -> None:
    """Make a dataset of your own known by name, as those of geoloom are.

    Args:
        benchmark: Its declaration.
        overwrite: Replace one of that name.

    Raises:
        DatasetError: the name is taken.
    """
    BENCHMARKS.register(benchmark.command, benchmark, overwrite=overwrite)
