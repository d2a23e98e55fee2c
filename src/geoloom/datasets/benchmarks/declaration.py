"""What is known of a dataset before a file of it is there. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from ...core.bands import Band, names_of
from ...core.errors import DatasetError, suggest
from ...core.hints.torchgeo import OF_SPLITS
from ...core.outputs import Outputs

if TYPE_CHECKING:
    from ...io.pictures.fit import Fit
    from ..samples.listing import Listing
    from ..samples.pixels import ImageSource
    from ..samples.target import TargetSource

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
    """Of an archive, what it unpacks to below the dataset's folder, `*` for any characters of a name; None
    for a file that is used itself."""
    splits: tuple[str, ...] = ()
    """That need it; empty: all."""
    bands: str | None = None
    """The set of bands (`Benchmark.band_sets`) that it holds; None: it is needed whatever bands are."""
    continues: str | None = None
    """Name of the archive's first part, where this is a further one."""
    inside: str | None = None
    """Folder below the dataset's, into which it is unpacked; None: the dataset's own."""
    part: str | None = None
    """Of a layer that is fetched by parts, such as years: which one it belongs to."""

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

    def find(self, root: Path, split: str | None) -> Listing:
        """The samples below a folder: of a split, or of all, with the column `split`.

        Raises:
            DatasetError: files are not as they should be.
        """
        ...


Changes = Mapping[str, Any]
"""Fields of a `Benchmark`, and what they are instead; for a layout, also those of its fields that change."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that users choose of a dataset, such as its version."""

    name: str
    """Of the argument."""
    about: str
    """What is chosen, in a few words."""
    values: Mapping[str, Changes] = field(hash=False)
    """Each value, and what it changes; the first is taken where nobody chooses."""

    @property
    def default(self) -> str:
        """The first."""
        return next(iter(self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is known of any dataset that has a name."""

    name: str
    """Of its class, such as `EuroSAT`; lower case on the command line."""
    about: str
    """What it is, in one line."""
    files: tuple[RemoteFile, ...]
    home: str
    """A page on it."""
    citation: str
    licence: str | None = None
    """None where its authors state none."""
    note: str | None = None
    """What is uncertain, or done otherwise elsewhere."""
    by_hand: str | None = None
    """How to come by files that have no address."""
    band_sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Names for several bands, such as `s1`, and these."""
    choices: tuple[Choice, ...] = ()
    """What users choose of it."""

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
    def parts(self) -> tuple[str, ...]:
        """Those that are fetched one by one; empty where it comes as a whole."""
        return tuple(dict.fromkeys(file.part for file in self.files if file.part is not None))

    def only(self, parts: Sequence[str]) -> Self:
        """The same with the files of some parts alone.

        Args:
            parts: Names; none where it comes as a whole.

        Raises:
            DatasetError: there is no such part, none is chosen of several, or there are no files to fetch.
        """
        if not self.files:
            raise DatasetError(f"{self.name} has no files to fetch here; {self.by_hand}")
        for part in parts:
            if part not in self.parts:
                raise DatasetError(f"{self.name} has no part {part!r}{suggest(part, self.parts)}")
        if self.parts and not parts:
            raise DatasetError(
                f"{self.name} comes in parts of large files: choose some of {', '.join(self.parts)} "
                f"(geoloom datasets download {self.command} FOLDER --part {self.parts[0]})"
            )
        return replace(self, files=tuple(f for f in self.files if f.part in (None, *parts)))

    def chosen(self, values: Mapping[str, Any]) -> Self:
        """The same dataset, with what users choose of it.

        Args:
            values: By the names of `choices`; for the others, the first value is taken.

        Raises:
            DatasetError: there is no such choice or value; the message lists them.
        """
        known = {choice.name: choice for choice in self.choices}
        for name, value in values.items():
            if name not in known:
                raise DatasetError(f"{self.name} has no choice {name!r}{suggest(name, known)}")
            if str(value) not in known[name].values:
                raise DatasetError(
                    f"{self.name} has no {name} {value!r}{suggest(str(value), known[name].values)}"
                )
        changed = self
        for name, choice in known.items():
            changes = choice.values[str(values.get(name, choice.default))]
            changed = replace(changed, **{key: changed._with(key, changes[key]) for key in changes})
        return changed

    def _with(self, name: str, change: Any) -> Any:
        """A field's new value."""
        old: Any = getattr(self, name)
        if isinstance(change, Mapping) and not isinstance(old, Mapping):
            return replace(old, **change)
        return change

    def band_names(self, bands: str | Sequence[str | Band] | None) -> tuple[str, ...] | None:
        """Names of bands; a text is that of a set of them.

        Raises:
            DatasetError: there is no such set.
        """
        if not isinstance(bands, str):
            return None if bands is None else names_of(bands)
        if bands not in self.band_sets:
            raise DatasetError(
                f"{self.name} has no set of bands {bands!r}{suggest(bands, self.band_sets)}; a single band "
                f"is given in a list: bands=[{bands!r}]"
            )
        return self.band_sets[bands]

    def files_for(
        self, split: str | None = None, bands: Sequence[str] | None = None
    ) -> tuple[RemoteFile, ...]:
        """Those that are needed.

        Args:
            split: Of the samples; None: all.
            bands: Names of those wanted; None: all.
        """
        return self.files

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "command": self.command,
            "about": self.about,
            "files": [
                {"name": f.name, "address": f.address, "checksum": f.checksum, "part": f.part}
                for f in self.files
            ],
            "home": self.home,
            "citation": self.citation,
            "licence": self.licence,
            "note": self.note,
            "by_hand": self.by_hand,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark(Declared):
    """A dataset of the literature: samples, numbered."""

    layout: Layout
    image: ImageSource
    """How the pixels of samples are read, and their bands."""
    targets: tuple[TargetSource, ...] = ()
    """How what they teach is read, beyond what the layout knows of each as a whole."""
    outputs: Outputs | None = None
    """What a network for it gives; None where samples teach nothing, to learn from pixels alone."""
    samples: int
    """How many the whole dataset has."""
    size: tuple[int, int] | None = None
    """Rows and columns of every sample, pixels; None where they differ."""
    fit: Fit | None = None
    """How samples of another size are brought to `size`; None where all have it."""
    placed: bool = False
    """Whether files say where on Earth they lie."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Of its layout."""
        return self.layout.splits

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the files, in order."""
        return self.image.bands

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes; empty where it has none."""
        known = getattr(self.outputs, "classes", None)
        return () if known is None else known.names

    def require_split(self, split: str | None) -> None:
        """See that there is such a split; of what nobody divides, all is `train`.

        Raises:
            DatasetError: there is none.
        """
        if split is None or split in (self.splits or ("train",)):
            return
        if not isinstance(split, str):
            raise DatasetError(
                f"{self.name} has no split {split!r}, expected {', '.join(self.splits or ('train',))}, or "
                "None for all samples"
            )
        if self.splits:
            meant = OF_SPLITS.get(split.lower(), split)
            raise DatasetError(f"{self.name} has no split {split!r}{suggest(meant, self.splits)}")
        choice = next((choice.name for choice in self.choices if split in choice.values), None)
        if choice is not None:
            raise DatasetError(
                f"{self.name} has no split {split!r}, but gives it by choice: {choice}={split!r}"
            )
        raise DatasetError(
            f"{self.name} has no split {split!r}, as it comes undivided; take all with split=None, and "
            "divide them by with_splits(ClassSplit(test=0.2, val=0.2, seed=0)) from geoloom.splits"
        )

    def files_for(
        self, split: str | None = None, bands: Sequence[str] | None = None
    ) -> tuple[RemoteFile, ...]:
        """Those that are needed; raises as `require_split`."""
        self.require_split(split)
        return tuple(
            file
            for file in self.files
            if (split is None or not file.splits or split in file.splits)
            and (
                bands is None
                or file.bands is None
                or not set(bands).isdisjoint(self.band_sets[file.bands])
            )
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **Declared.to_dict(self),
            "kind": "samples",
            "outputs": None if self.outputs is None else self.outputs.to_dict(),
            "bands": [band.to_dict() for band in self.bands],
            "samples": self.samples,
            "size": self.size,
            "splits": list(self.splits),
            "placed": self.placed,
            "choices": {choice.name: list(choice.values) for choice in self.choices},
            "band_sets": {name: list(bands) for name, bands in self.band_sets.items()},
        }
