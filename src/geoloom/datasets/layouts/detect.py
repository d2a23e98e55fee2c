"""Telling folders of classes from folders of scenes, without reading a pixel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ...core.errors import DatasetError, ReadError
from ...io.pictures.picture import PictureInfo
from ...io.pictures.read import picture_info
from .class_folders import class_folders

_LOOKED = 16
"""Folders of which pictures are looked at; the first and the last of each."""
_CHIP_PX = 512
"""The longest side of what may be a chip."""
_DATE = re.compile(r"(19|20)\d\d([-_]?\d\d){0,2}")
_NO_CLASSES = frozenset((
    "image", "images", "img", "imgs", "mask", "masks", "label", "labels", "annotation", "annotations", "gt",
    "ground_truth", "groundtruth", "target", "targets", "truth", "a", "b", "pre", "post", "before", "after",
    "vh", "vv",
))  # fmt: skip
"""What folders are called that hold parts of samples, lower case."""


def is_class_folder(root: str) -> bool:
    """Whether a path is that of a folder whose folders are classes of pictures, and not scenes on the ground.

    Pictures without a place cannot be scenes. Those that all have one are scenes where they are large, of
    different sizes, alone in their folders or on one grid with others there, or where folders are dates. Else
    they are chips of classes where their names begin with that of their folder, as in EuroSAT
    (`Forest/Forest_12.tif`), and may be either where they do not.

    Raises:
        DatasetError: they may be either, or are parts of samples; the message names the ways to open them.
    """
    if not Path(root).is_dir():
        return False
    try:
        top, found = class_folders(root)
    except DatasetError:
        return False
    folders = {
        "/".join(filter(None, (split, name))): files
        for split, inner in found.items()
        for name, files in inner.items()
    }
    looked = _looked_at(top, folders)
    if not looked:
        return True  # what is wrong with them, the dataset says
    placed = [info for info in looked if info.grid is not None]
    parts = sorted(name for name in folders if name.rsplit("/")[-1].lower() in _NO_CLASSES)
    if not placed and parts:
        raise DatasetError(
            f"{top} holds {', '.join(parts)}: these sound like parts of samples, not like classes. If they "
            f"are classes, open it by ImageFolder({str(top)!r}) from geoloom.datasets; pictures beside their "
            "masks need a place on Earth to be opened together"
        )
    if not placed:
        return True
    if parts or len(placed) < len(looked) or not _are_like_chips(looked, folders):
        return False
    if all(_is_named_after(info) for info in looked):
        return True
    height, width = looked[0].shape
    raise DatasetError(
        f"{top} may hold chips in folders of their classes, or scenes in folders: {len(folders)} folders, "
        f"such as {next(iter(folders))}, hold georeferenced files of {height} x {width} pixels. If "
        f"the folders are classes, open it by ImageFolder({str(top)!r}) from geoloom.datasets; if the files "
        f"are scenes, by geoloom.open({str(top)!r}, is_image=True)"
    )


def _looked_at(top: Path, folders: Mapping[str, tuple[str, ...]]) -> list[PictureInfo]:
    """What the first and last picture of some folders say; those that cannot be read are left out."""
    step = max(len(folders) // _LOOKED, 1)
    found = []
    for name, files in list(folders.items())[::step]:
        for file in dict.fromkeys((files[0], files[-1])):
            try:
                found.append(picture_info(top / name / file))
            except ReadError:
                continue
    return found


def _is_named_after(info: PictureInfo) -> bool:
    path = Path(info.uri)
    return _letters(path.stem).startswith(_letters(path.parent.name))


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _are_like_chips(looked: list[PictureInfo], folders: Mapping[str, tuple[str, ...]]) -> bool:
    shapes = {info.shape for info in looked}
    if len(shapes) > 1 or max(*shapes.pop()) > _CHIP_PX:
        return False
    if any(len(files) < 2 for files in folders.values()) or all(map(_DATE.fullmatch, folders)):
        return False
    places = {(Path(info.uri).parent, info.grid) for info in looked}
    return len(places) == len(looked)  # bands of one scene lie on one grid
