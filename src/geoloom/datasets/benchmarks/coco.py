"""Boxes and outlines of things, from a file in the form of COCO."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...core.errors import DatasetError
from ...core.jsonfile import JsonValue
from ..samples.listing import Listing
from .folders import objects

log = logging.getLogger(__name__)

_MOST_BYTES = 1 << 30
_LEAST = 6
"""Numbers of a ring that encloses something: x and y of three corners."""


def with_coco(
    listing: Listing, path: Path, ids: Sequence[int | None], categories: Sequence[int]
) -> Listing:
    """The same samples, with the boxes, their labels, and the outlines of what is in them.

    Rings of fewer than three corners enclose nothing and are left out; the log says how many.

    Args:
        listing: The samples.
        path: The JSON file.
        ids: The number of each sample in it; None of those that have no boxes.
        categories: The number of each class in it, in the order of the labels.

    Raises:
        DatasetError: the file is damaged, or is about other samples or classes.
    """
    positions = {number: position for position, number in enumerate(categories)}
    found = defaultdict(list)
    file = JsonValue.read(path, DatasetError, "fetch it again", most_bytes=_MOST_BYTES)
    for thing in file["annotations"].entries():
        left, top, width, height = thing["bbox"].numbers(4)
        number = thing["category_id"]
        if number.value not in positions:
            raise number.refusal(f"one of {', '.join(map(str, positions))}")
        box = (left, top, left + width, top + height)
        found[thing["image_id"].whole()].append((box, positions[number.whole()], _outline(thing)))
    missing = found.keys() - set(ids)
    if missing and any(number is not None for number in ids):
        raise DatasetError(
            f"{path} has boxes of {len(missing)} pictures that are not in {listing.root}, such as number "
            f"{min(missing)}; the dataset is not whole: fetch its archives again"
        )
    lines = sum(_lines(thing) for thing in file["annotations"].entries())
    if lines:
        log.warning("%s: %d rings of fewer than three corners enclose nothing", path, lines)
    things = [[] if number is None else found[number] for number in ids]
    answers = {
        "boxes": objects(np.array([t[0] for t in of], np.float32).reshape(-1, 4) for of in things),
        "box_labels": objects(np.array([t[1] for t in of], np.int64) for of in things),
        "outlines": objects(objects(t[2] for t in of) for of in things),
    }
    return replace(listing, answers={**listing.answers, **answers})


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
