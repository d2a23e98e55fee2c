"""Boxes and outlines of things, from a file in the form of COCO."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...core.jsonfile import JsonValue
from ..samples.listing import Listing
from .folders import objects, require_files

log = logging.getLogger(__name__)

_MOST_BYTES = 1 << 30
_LEAST = 6
"""Numbers of a ring that encloses something: x and y of three corners."""


_Thing = tuple[tuple[float, float, float, float], int, object]
"""A box, its class's position, and the outline of what is in it."""


@dataclass(frozen=True, slots=True)
class CocoLayout:
    """Pictures that files in the form of COCO name, with boxes, their labels and outlines.

    Names of pictures are looked for below one folder. See `Boxes`, which reads what is found.
    """

    pictures: str
    """The folder of the pictures, below the dataset's own; `{split}` in it is the split's name."""
    annotations: tuple[tuple[str, str], ...]
    """Each split, and its JSON file below the dataset's folder; an empty name: one file for all."""
    categories: tuple[int, ...]
    """The number of each class in the files, in the order of the labels."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have a file; none where there is one for all."""
        return tuple(split for split, _ in self.annotations if split)

    def find(self, root: Path, split: str | None) -> Listing:
        """The samples below a folder: of a split, or of all.

        Raises:
            DatasetError: a file is missing or damaged, or a picture that it names is missing.
        """
        files: list[str] = []
        splits: list[str] = []
        things: list[list[_Thing]] = []
        for name, path in self.annotations:
            if split is not None and name not in ("", split):
                continue
            document = _document(root / path)
            numbers = {}
            for image in document["images"].entries():
                folder = self.pictures.format(split=name)
                numbers[image["id"].whole()] = f"{folder}/{image['file_name'].text()}"
            found = _things(document, self.categories)
            _require_known(found.keys() - numbers.keys(), root / path, "the file itself")
            files += numbers.values()
            splits += [name] * len(numbers)
            things += [found[number] for number in numbers]
        require_files(root, files)
        columns = {"file": objects(files)}
        if self.splits:
            columns["split"] = objects(splits)
        return Listing(root, columns, _answers(things))


def with_coco(
    listing: Listing, path: Path, ids: Sequence[int | None], categories: Sequence[int]
) -> Listing:
    """The same samples, with the boxes, their labels, and the outlines of what is in them.

    Args:
        listing: The samples.
        path: The JSON file.
        ids: The number of each sample in it; None of those that have no boxes.
        categories: The number of each class in it, in the order of the labels.

    Raises:
        DatasetError: the file is missing or damaged, or is about other samples or classes.
    """
    found = _things(_document(path), categories)
    if any(number is not None for number in ids):
        _require_known(found.keys() - set(ids), path, str(listing.root))
    things = [[] if number is None else found[number] for number in ids]
    return replace(listing, answers={**listing.answers, **_answers(things)})


def _document(path: Path) -> JsonValue:
    try:
        return JsonValue.read(path, DatasetError, "fetch it again", most_bytes=_MOST_BYTES)
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing, expected boxes in COCO's form; fetch it") from error


def _require_known(missing: Set[int], path: Path, where: str) -> None:
    if missing:
        raise DatasetError(
            f"{path} has boxes of {len(missing)} pictures that are not in {where}, such as number "
            f"{min(missing)}; the dataset is not whole: fetch its files again"
        )


def _things(document: JsonValue, categories: Sequence[int]) -> dict[int, list[_Thing]]:
    """By the numbers of their pictures.

    Rings of fewer than three corners enclose nothing and are left out; the log says how many.
    """
    positions = {number: position for position, number in enumerate(categories)}
    found: dict[int, list[_Thing]] = defaultdict(list)
    things = document["annotations"].entries()
    for thing in things:
        left, top, width, height = thing["bbox"].numbers(4)
        number = thing["category_id"]
        if number.value not in positions:
            raise number.refusal(f"one of {', '.join(map(str, positions))}")
        box = (left, top, left + width, top + height)
        found[thing["image_id"].whole()].append((box, positions[number.whole()], _outline(thing)))
    lines = sum(map(_lines, things))
    if lines:
        log.warning(
            "%s: %d rings of fewer than three corners enclose nothing", document.file, lines
        )
    return found


def _answers(things: Sequence[Sequence[_Thing]]) -> dict[str, NDArray[Any]]:
    return {
        "boxes": objects(np.array([t[0] for t in of], np.float32).reshape(-1, 4) for of in things),
        "box_labels": objects(np.array([t[1] for t in of], np.int64) for of in things),
        "outlines": objects(objects(t[2] for t in of) for of in things),
    }


def _outline(thing: JsonValue) -> object:
    """All rings of `segmentation`, each x, y, x, y, ..., pixels."""
    import shapely

    rings = [shapely.Polygon(np.reshape(ring.numbers(), (-1, 2))) for ring in _rings(thing)]
    # Where rings of one polygon overlap, there would be a hole.
    return rings[0] if len(rings) == 1 else shapely.union_all(shapely.make_valid(rings))


def _lines(thing: JsonValue) -> int:
    """How many rings enclose nothing."""
    rings = thing["segmentation"].entries()
    return sum(len(ring.value) < _LEAST for ring in rings)


def _rings(thing: JsonValue) -> list[JsonValue]:
    """Those that enclose something."""
    rings = thing["segmentation"].entries()
    for ring in rings:
        count = len(ring.entries())
        if count % 2:
            raise ring.refusal("x and y of each corner", f"{count} numbers")
    return [ring for ring in rings if len(ring.value) >= _LEAST]
