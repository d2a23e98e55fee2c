"""What is known of a layer of the Earth before a file of it is there. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.bands import Band
from ...core.errors import DatasetError, suggest
from ...core.outputs import ClassOutputs, Outputs
from .declaration import Declared, RemoteFile

if TYPE_CHECKING:
    from ..base import GeoDataset


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoLayer(Declared):
    """A layer of the Earth that is known by name: its samples are cut wherever they are asked for."""

    opened_by: str
    """`module:Class` of the dataset."""
    bands: tuple[Band, ...]
    """Of the files, in order."""
    files: tuple[RemoteFile, ...] = ()
    """Empty where scenes are chosen and fetched one by one."""
    outputs: Outputs | None = None
    """What a network for it gives; None of imagery."""
    splits: tuple[str, ...] = ()
    """Into which its authors divide it, which its class takes as `splits=[...]`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes; empty where it has none, or its files alone name them."""
        return self.outputs.classes.names if isinstance(self.outputs, ClassOutputs) else ()

    def dataset_class(self) -> type[GeoDataset]:
        """What opens it."""
        module, _, name = self.opened_by.partition(":")
        made: type[GeoDataset] = getattr(import_module(module), name)
        return made

    def open(self, folder: Path, split: str | None = None) -> GeoDataset:
        """The dataset that lies in a folder.

        Args:
            folder: With its files.
            split: One of `splits` alone.

        Raises:
            DatasetError: there is no such split, or files are missing.
        """
        made: Any = self.dataset_class()
        if split is not None and split not in self.splits:
            raise DatasetError(f"{self.name} has no split {split!r}{suggest(split, self.splits)}")
        opened: GeoDataset = made(folder) if split is None else made(folder, splits=[split])
        return opened

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **Declared.to_dict(self),
            "kind": "layer",
            "bands": [band.to_dict() for band in self.bands],
            "opened_by": self.opened_by,
            "outputs": None if self.outputs is None else self.outputs.to_dict(),
            "splits": list(self.splits),
            "parts": list(self.parts),
        }
