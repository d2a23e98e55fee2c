"""Datasets by name: benchmarks and layers. Loads no torch, and only the declarations that are asked for."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from pathlib import Path
from pkgutil import iter_modules
from typing import Literal

from ...core.errors import DatasetError
from ...core.registry import Registry
from .declaration import Benchmark
from .layer import GeoLayer

Kind = Literal["samples", "layer"]
"""Numbered samples, or a layer of the Earth."""

_PACKAGE = __name__.rpartition(".benchmarks")[0]
_CATALOGUES = {"catalogue": "BENCHMARK", "catalogue.geospatial": "LAYER"}
"""Packages with a declaration in each file, and what it is called there."""


def _shipped() -> Iterator[tuple[str, str]]:
    for package, attribute in _CATALOGUES.items():
        folder = Path(__file__).parents[1].joinpath(*package.split("."))
        for module in iter_modules([str(folder)]):
            if not module.ispkg:
                yield module.name, f"{_PACKAGE}.{package}.{module.name}:{attribute}"


DATASETS: Registry[Benchmark | GeoLayer] = Registry(
    "dataset",
    dict(_shipped()),
    error=DatasetError,
    hint=" (geoloom datasets list shows all)",
)
"""By their names on the command line, which are those of the files in `catalogue`."""


def list_datasets(pattern: str | None = None, *, kind: Kind | None = None) -> tuple[str, ...]:
    """Names of the datasets that are known, as on the command line, sorted.

    Args:
        pattern: Such as `eurosat*`.
        kind: `samples` of benchmarks, or `layer`s of the Earth. Default: both.

    Example:
        >>> list_datasets("euro*")
        ('eurosat', 'eurosat100', 'eurosatspatial')
        >>> list_datasets("landsat5*", kind="layer")
        ('landsat5mss', 'landsat5tm')
    """
    names = fnmatch.filter(DATASETS.list(), "*" if pattern is None else pattern.lower())
    wanted = {"samples": Benchmark, "layer": GeoLayer, None: object}[kind]
    return tuple(name for name in names if kind is None or isinstance(DATASETS.get(name), wanted))


def get_dataset(name: str) -> Benchmark | GeoLayer:
    """What is known of a dataset of either kind.

    Args:
        name: As on the command line or as its class.

    Raises:
        DatasetError: there is none of this name; the nearest is named.

    Example:
        >>> get_dataset("CDL").parts[:2]
        ('2024', '2023')
    """
    return DATASETS.get(name.lower() if isinstance(name, str) else name)


def get_benchmark(name: str) -> Benchmark:
    """What is known of a benchmark dataset.

    Args:
        name: As on the command line or as its class.

    Raises:
        DatasetError: there is none of this name, the nearest is named; or it is a layer of the Earth.

    Example:
        >>> get_benchmark("EuroSAT").samples
        27000
    """
    known = get_dataset(name)
    if isinstance(known, GeoLayer):
        raise DatasetError(
            f"{known.name} is a layer of the Earth, without numbered samples: "
            f"geoloom.datasets.{known.name} opens it, get_layer({name!r}) says what is known of it"
        )
    return known


def get_layer(name: str) -> GeoLayer:
    """What is known of a layer of the Earth.

    Args:
        name: As on the command line or as its class.

    Raises:
        DatasetError: there is none of this name, the nearest is named; or it has numbered samples.

    Example:
        >>> get_layer("cdl").bands[0].role
        'class'
    """
    known = get_dataset(name)
    if isinstance(known, Benchmark):
        raise DatasetError(
            f"{known.name} holds {known.samples:,} numbered samples and is no layer: "
            f"geoloom.datasets.{known.name} opens it, get_benchmark({name!r}) says what is known of it"
        )
    return known


def register_dataset(known: Benchmark | GeoLayer, *, overwrite: bool = False) -> None:
    """Make a dataset of your own known by name, as those of geoloom are.

    Args:
        known: Its declaration.
        overwrite: Replace one of that name.

    Raises:
        DatasetError: the name is taken.
    """
    DATASETS.register(known.command, known, overwrite=overwrite)
