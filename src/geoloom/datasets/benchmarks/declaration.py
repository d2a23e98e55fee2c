"""What is known of a benchmark dataset before a file of it is there. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from ...core.bands import Band
from ...core.outputs import ClassOutputs, Outputs

if TYPE_CHECKING:
    from ...io.pictures.fit import Fit
    from ..layouts.listing import Listing

RGB = (Band("red", "red"), Band("green", "green"), Band("blue", "blue"))
"""Of photographs and their like."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a dataset is given away as."""

    name: str
    """Under the dataset's folder."""
    address: str | None
    """Where it is fetched; None where that takes a login or a request."""
    checksum: str | None = None
    """Such as `md5:...`; None where it is not known."""
    gives: str | None = None
    """Of an archive, what it unpacks to below the dataset's folder; None for a file that is used itself."""

    @property
    def needed(self) -> str:
        """What of it has to be there, below the dataset's folder."""
        return self.gives or self.name


@dataclass(frozen=True, slots=True)
class SplitFiles:
    """Text files that list the samples of each split."""

    names: tuple[tuple[str, str], ...]
    """Each split, and the file below the dataset's folder."""
    files: tuple[RemoteFile, ...]

    @classmethod
    def at(cls, address: str, **md5: str) -> Self:
        """Lists that differ in the split's name alone.

        Args:
            address: With `{split}` in place of it.
            md5: Split -> the checksum of its list.

        Example:
            >>> lists = SplitFiles.at("https://a.org/x-{split}.txt", train=32 * "0", test=32 * "1")
            >>> lists.names[0], lists.files[1].address
            (('train', 'x-train.txt'), 'https://a.org/x-test.txt')
        """
        at = {split: address.format(split=split) for split in md5}
        names = {split: place.rpartition("/")[2] for split, place in at.items()}
        files = (RemoteFile(names[split], at[split], f"md5:{md5[split]}") for split in md5)
        return cls(tuple(names.items()), tuple(files))


class Layout(Protocol):
    """How the files of a dataset are laid out."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Into which its authors or its users divide it; empty where nobody does."""
        ...

    def find(self, root: Path) -> Listing:
        """The samples below a folder.

        Raises:
            DatasetError: files are not as they should be.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A dataset of the literature."""

    name: str
    """Of its class, such as `EuroSAT`; lower case on the command line."""
    about: str
    """What it is, in one line."""
    files: tuple[RemoteFile, ...]
    layout: Layout
    bands: tuple[Band, ...]
    """Of the files, in order."""
    outputs: Outputs
    """What a network for it gives."""
    samples: int
    """How many the whole dataset has."""
    size: tuple[int, int] | None = None
    """Rows and columns of every sample, pixels; None where they differ."""
    fit: Fit | None = None
    """How samples of another size are brought to `size`; None where all have it."""
    home: str
    """A page on it."""
    citation: str
    licence: str | None = None
    """None where its authors state none."""
    note: str | None = None
    """What is uncertain, or done otherwise elsewhere."""
    by_hand: str | None = None
    """How to come by files that have no address."""

    @property
    def command(self) -> str:
        """Its name on the command line.

        Example:
            >>> from geoloom.datasets.catalogue.eurosat import BENCHMARK
            >>> BENCHMARK.command
            'eurosat'
        """
        return self.name.lower()

    @property
    def splits(self) -> tuple[str, ...]:
        """Of its layout."""
        return self.layout.splits

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes; empty where it has none."""
        return self.outputs.classes.names if isinstance(self.outputs, ClassOutputs) else ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "command": self.command,
            "about": self.about,
            "outputs": self.outputs.to_dict(),
            "bands": [band.to_dict() for band in self.bands],
            "samples": self.samples,
            "size": self.size,
            "splits": list(self.splits),
            "files": [
                {"name": f.name, "address": f.address, "checksum": f.checksum} for f in self.files
            ],
            "home": self.home,
            "citation": self.citation,
            "licence": self.licence,
            "note": self.note,
            "by_hand": self.by_hand,
        }
