"""Pictures in folders of their classes, divided by lists of file names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.classes import Classes
from ...core.outputs import ClassOutputs

if TYPE_CHECKING:
    from ..samples.listing import Listing


@dataclass(frozen=True, slots=True)
class ClassFolderLayout:
    """`folder/class/picture`, as `ClassFolders` reads it."""

    folder: str
    """Below the dataset's own."""
    classes: tuple[str, ...]
    """Names of the folders, in the order of the labels."""
    lists: tuple[tuple[str, str], ...] = ()
    """Each split, and the file that lists its pictures, below the dataset's folder."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have a list."""
        return tuple(split for split, _ in self.lists)

    @property
    def outputs(self) -> ClassOutputs:
        """A class per picture."""
        return ClassOutputs(Classes.of(self.classes), per="image")

    def find(self, root: Path, split: str | None) -> Listing:
        """The samples below a dataset's folder; raises as `ClassFolders.find`."""
        from ..layouts.class_folders import ClassFolders  # declarations are listed without it

        listing = ClassFolders(self.classes).find(root / self.folder)
        lists = {split: root / name for split, name in self.lists}
        return listing.with_splits(lists) if lists else listing
