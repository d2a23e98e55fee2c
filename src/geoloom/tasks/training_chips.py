"""Which chips are learned from, and which choose the weights."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..chips.store import ChipStore
from ..core.classes import Classes
from ..core.errors import ChipError
from ..splits.names import Split

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingChips:
    """The chips of a training."""

    store: ChipStore
    classes: Classes
    train: tuple[int, ...]
    """Positions in `store`."""
    judge: ChipStore | None
    """The store of the validation chips; None where there are none."""
    val: tuple[int, ...]
    """Positions in `judge`."""

    @classmethod
    def of(
        cls, chips: str | Path | ChipStore, val: str | Path | ChipStore | None = None
    ) -> TrainingChips:
        """Choose chips by their splits; `train` explains how.

        Raises:
            ChipError: a store has no labels, or the two differ in bands or classes.
        """
        store = chips if isinstance(chips, ChipStore) else ChipStore.open(chips)
        if store.classes is None:
            raise ChipError(
                f"{store.path} has no labels to learn from; cut the chips with a label raster"
            )
        learned = store.indices("train" if store.splits else None)
        judge = store if val is None else val
        judge = judge if isinstance(judge, ChipStore) else ChipStore.open(judge)
        split = _judging_split(judge)
        if judge is store and split is None:
            logger.warning(
                "%s has no split 'val' or 'test': nothing tells when the network has learned enough, and "
                "the weights of the last epoch are kept",
                store.path,
            )
            return cls(store, store.classes, _positions(learned), None, ())
        if judge is store and split == "test":
            logger.warning(
                "%s has no split 'val': its split 'test' chooses the weights, so that a score on it will "
                "be a little too good",
                store.path,
            )
        _check_alike(store, judge)
        return cls(
            store, store.classes, _positions(learned), judge, _positions(judge.indices(split))
        )

    def to_dict(self) -> dict[str, Any]:
        """Where the chips are and how many, for the record."""
        return {
            "path": str(self.store.path.absolute()),
            "train": len(self.train),
            "validation_path": str(self.judge.path.absolute()) if self.judge else None,
            "validation": len(self.val),
        }

    def check_validation(self) -> None:
        """Refuse validation chips that can tell nothing.

        Raises:
            ChipError: none has a labelled pixel.
        """
        judge = self.judge
        if judge is not None and not any(judge.valid(i).any() for i in self.val):
            raise ChipError(
                f"no validation chip of {judge.path} has a labelled pixel to choose the weights by; cut "
                "others"
            )

    def class_pixels(self) -> np.ndarray:
        """Labelled training pixels of each class, int64 (K,); warns of classes without any.

        Raises:
            ChipError: no training chip has a labelled pixel, or all of them are of one class.
        """
        k = len(self.classes)
        pixels = np.zeros(k, dtype=np.int64)
        for i in self.train:
            positions, known = self.classes.encode(self.store.mask(i))
            pixels += np.bincount(positions[known & self.store.valid(i)], minlength=k)
        if not pixels.any():
            raise ChipError(
                f"no training chip of {self.store.path} has a labelled pixel; check that labels and scene "
                "overlap"
            )
        if np.count_nonzero(pixels) == 1:
            only = self.classes.names[int(pixels.argmax())]
            raise ChipError(
                f"every labelled pixel of the {len(self.train)} training chips of {self.store.path} is "
                f"{only}: there is nothing to tell apart, and any network would score 1.0; cut chips that "
                "hold other classes too, or label what is not one of them as a class of its own"
            )
        absent = [name for name, n in zip(self.classes.names, pixels, strict=True) if not n]
        if absent:
            logger.warning(
                "no training pixel is %s: it cannot be learned, and next to nothing will be mapped so",
                " or ".join(absent),
            )
        return pixels


def _judging_split(store: ChipStore) -> Split | None:
    if "val" in store.splits:
        return "val"
    return "test" if "test" in store.splits else None


def _positions(indices: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in indices)


def _check_alike(store: ChipStore, judge: ChipStore) -> None:
    assert store.classes is not None  # the caller has looked
    mine = (store.bands, store.classes.names, store.classes.codes)
    if judge.classes is None or (judge.bands, judge.classes.names, judge.classes.codes) != mine:
        names = judge.classes.names if judge.classes else ()
        raise ChipError(
            f"{judge.path} has bands {judge.bands} and classes {names}; the training chips {store.path} "
            f"have {store.bands} and {store.classes.names}: cut both alike"
        )
