"""A benchmark dataset as torch asks for it: samples by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar

from ...core.bands import Band
from ...core.errors import DatasetError, suggest
from ...core.hints.torchgeo import OF_SAMPLES
from ...io.access.paths import path_text
from ..options import require_flags
from ..samples.dataset import GivenDtype, SampleDataset, Size, Transform
from .declaration import Benchmark
from .files import Track, bring_files
from .listing import DATASETS, get_benchmark


class BenchmarkDataset(SampleDataset):
    """Samples of a dataset of the literature, numbered.

    Made by the name of the dataset: `geoloom.datasets.EuroSAT`, or `benchmark_class("eurosat")`. Samples are
    those of `SampleDataset`.

    Args:
        root: The dataset's folder; made where it is missing and `download` is True.
        split: `train`, `val`, `test`, as far as the dataset has them; None: all samples, each in its split.
            One that nobody divides is all `train`.
        bands: Names of those wanted, in order, or that of a set of them, such as `s1`; None: all.
        transforms: What is done to each sample.
        download: Fetch what is missing, and unpack it.
        checksum: Compare the archives that are there with their checksums. What is downloaded always is.
        size: Another size to which all samples are brought, as of `SampleDataset`; None: the dataset's own.
        dtype: See `SampleDataset`.
        track: Asked for each file that is fetched or unpacked, for a block during which progress is said.
        choices: What this dataset lets choose, such as `version="3_random"`; see `benchmark.choices`.

    Raises:
        DatasetError: files are missing, or there is no such split or option; the message says how to get
            them, or which there are.
        BandError: a band is unknown.
        ReadError: a file is damaged or another one, or cannot be fetched.
    """

    benchmark: ClassVar[Benchmark]
    """What is known of it."""

    def __init__(
        self,
        root: str | Path = "data",
        split: str | None = "train",
        bands: Sequence[str | Band] | str | None = None,
        transforms: Transform | None = None,
        download: bool = False,
        checksum: bool = False,
        *,
        size: Size | None = None,
        dtype: GivenDtype = "native",
        track: Track | None = None,
        **choices: Any,
    ) -> None:
        require_flags(download=download, checksum=checksum)
        _require_options(self.benchmark, choices)
        known = self.benchmark.chosen(choices)
        known.require_split(split)
        names = known.band_names(bands)
        folder = Path(path_text(root, DatasetError)).absolute()
        bring_files(
            known,
            folder,
            split=split,
            bands=names,
            may_download=download,
            check=checksum,
            track=track,
        )
        listing = known.layout.find(folder, split)
        if split is not None and known.splits:
            listing = listing.take(listing.rows_of(split))
        super().__init__(
            listing,
            known.image,
            known.targets,
            outputs=known.outputs,
            placed=known.placed,
            bands=names,
            size=known.size if size is None and known.fit else size,
            fit=known.fit or "crop",
            dtype=dtype,
            transforms=transforms,
        )

    def __reduce__(self) -> Any:
        made = type(self)
        if made is not _made(self.benchmark):
            return super().__reduce__()
        return _again, (self.benchmark.command, self.benchmark, vars(self))


def _require_options(known: Benchmark, given: Mapping[str, Any]) -> None:
    """Refuse options of other libraries, and say what they are here."""
    for name in given:
        choices = {choice.name for choice in known.choices}
        if name not in choices:
            meant = OF_SAMPLES.get(name)
            told = suggest(name, _OPTIONS | choices) if meant is None else f": {meant}"
            raise DatasetError(f"{known.name} has no option {name!r}{told}")


_OPTIONS = {name for name in signature(BenchmarkDataset).parameters if name != "choices"}


def benchmark_class(name: str) -> type[BenchmarkDataset]:
    """The class of a dataset, by its name.

    Args:
        name: As on the command line or as the class.

    Raises:
        DatasetError: there is none; the nearest is named.

    Example:
        >>> benchmark_class("eurosat").__name__
        'EuroSAT'
    """
    return _made(get_benchmark(name))


@lru_cache
def _made(benchmark: Benchmark) -> type[BenchmarkDataset]:
    return type(
        benchmark.name,
        (BenchmarkDataset,),
        {"benchmark": benchmark, "__doc__": _described(benchmark), "__module__": __name__},
    )


def _described(known: Benchmark) -> str:
    splits = ", ".join(known.splits) or "none"
    lines = [
        f"{known.about}\n",
        f"{known.samples:,} samples; bands {', '.join(band.name for band in known.bands)}; splits {splits}.",
        *([known.note] if known.note else []),
        "Arguments and errors are those of `BenchmarkDataset`.\n",
        f"Source:\n    {known.citation}. {known.home}",
    ]
    return "\n".join(lines)


def _again(name: str, benchmark: Benchmark, state: dict[str, Any]) -> BenchmarkDataset:
    """An unpickled one; of a class that a plugin registered in the process that made it, that class."""
    known = get_benchmark(name) if name in DATASETS else benchmark
    made = _made(known)
    dataset = made.__new__(made)
    vars(dataset).update(state)
    return dataset
