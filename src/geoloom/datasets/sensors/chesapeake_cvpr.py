"""Chesapeake CVPR: tiles of aerial photographs, Landsat and land cover on the same pixels, 1 m."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import DatasetError, ReadError, suggest
from ...core.query import Query, Sample
from ...io.access.paths import path_text
from ..base import Transform
from ..benchmarks.layer_files import bring_parts
from ..intersect import IntersectionDataset
from ..options import require_callable, require_flags
from ..raster import RasterDataset
from ..region import Region
from .chesapeake_cvpr_layers import PRIOR, SPLITS, TILE_LAYERS

if TYPE_CHECKING:
    from torch import Tensor

_INDEX = "spatial_index.geojson"


class _Tiles(RasterDataset):
    """One layer of the tiles, its labels under a name of their own where others come first."""

    key = "mask"

    def _as_sample(
        self,
        query: Query,
        scenes: Sequence[int],
        values: np.ndarray | Tensor,
        valid: np.ndarray | Tensor,
    ) -> Sample:
        sample: Any = super()._as_sample(query, scenes, values, valid)
        if self.key != "mask":
            sample[self.key] = sample.pop("mask")
        return sample  # type: ignore[no-any-return]

    def _identity(self) -> Hashable:
        return super()._identity(), self.key


class ChesapeakeCVPR(IntersectionDataset):
    """Tiles (quarter quads) of six states around the Chesapeake Bay, each with the same layers.

    Layers of measurements (`naip-new`, `naip-old`, `landsat-leaf-on`, `landsat-leaf-off`, and the extension
    `prior_from_...`) follow one another in the image; the first layer of classes (`lc`, `nlcd`,
    `buildings`) is the mask, each further one `mask:NAME`. A pixel is valid where it is in all of them.
    Tiles keep their own pixels, in UTM zone 17 or 18, and have no date: they meet data of any time.

    Args:
        root: The folder of the tiles and of `spatial_index.geojson`.
        splits: Such as `de-train`: state and part. Default: all that are there.
        layers: Those wanted, in order.
        transforms: What is done to each sample.
        download: Fetch what is missing, the extension only where it is wanted, and unpack it.
        checksum: Compare the archives that are there with their checksums.

    Raises:
        DatasetError: files are missing, or a split or layer is unknown.
        ReadError: a file is damaged or another one, or cannot be fetched.

    Example:
        >>> tiles = ChesapeakeCVPR("data/cvpr", ["de-train"], ["naip-new", "lc", "nlcd"])  # doctest: +SKIP
        >>> sorted(tiles[tiles.regions[0].frame[:256, :256]])[:3]                          # doctest: +SKIP
        ['bounds', 'crs', 'image']
    """

    def __init__(
        self,
        root: str | Path = "data",
        splits: Sequence[str] | None = None,
        layers: Sequence[str] = ("naip-new", "lc"),
        transforms: Transform | None = None,
        download: bool = False,
        checksum: bool = False,
    ) -> None:
        require_flags(download=download, checksum=checksum)
        require_callable(transforms)
        _require_names("layer", layers, TILE_LAYERS)
        if splits is not None:
            _require_names("split", splits, SPLITS)
        folder = Path(path_text(root, DatasetError))
        parts = ["base", "prior"] if PRIOR in layers else ["base"]
        bring_parts("chesapeakecvpr", [str(folder)], parts, may_download=download, check=checksum)
        self.splits = None if splits is None else tuple(splits)
        tiles = _tiles(folder, self.splits)
        super().__init__(*_layers(folder, tiles, layers))
        self._transforms = transforms

    @property
    def rgb_bands(self) -> tuple[str, str, str]:
        """Of aerial photographs, for plots."""
        return ("R", "G", "B")

    def _find_regions(self) -> tuple[Region, ...]:
        """The tiles: all layers share their ground, so that they need not be cut to one another."""
        return self.parts[self._lead].regions


def _require_names(what: str, names: Any, known: Sequence[str] | Mapping[str, Any]) -> None:
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        raise DatasetError(f"{what}s is {names!r}; give a list of some of {', '.join(known)}")
    for name in names:
        if name not in known:
            raise DatasetError(f"ChesapeakeCVPR has no {what} {name!r}{suggest(name, known)}")
    if len(set(names)) < len(names):
        raise DatasetError(f"{what}s {list(names)} names one twice; give each once")


def _tiles(folder: Path, splits: Sequence[str] | None) -> list[Mapping[str, Any]]:
    """Rows of the index: the split of each tile, and the path of each of its layers."""
    path = folder / _INDEX
    if not path.is_file():
        raise DatasetError(
            f"ChesapeakeCVPR needs {path}, which is missing; give download=True (geoloom datasets download "
            f"chesapeakecvpr {folder} --part base), or the folder that holds it"
        )
    try:
        rows = [row["properties"] for row in json.loads(path.read_text("utf-8"))["features"]]
        wanted = [row for row in rows if splits is None or row["split"] in splits]
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError(
            f"{path} is not the index of the tiles ({error!r}), expected features with a split and a path of "
            "each layer; delete it, and unpack the archive again"
        ) from error
    if not wanted:
        there = sorted({str(row["split"]) for row in rows})
        raise DatasetError(
            f"{path} lists no tile of {', '.join(splits or ['any split'])}, it has those of "
            f"{', '.join(there) or 'none'}; choose other splits"
        )
    return wanted


def _layers(
    folder: Path, tiles: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> list[RasterDataset]:
    made: list[RasterDataset] = []
    labelled = False
    for name in names:
        known = TILE_LAYERS[name]
        part = _Tiles(_files(folder, tiles, name), all_bands=known.bands, is_image=known.is_image)
        part.class_names = known.class_names
        if not known.is_image:
            part.key = f"mask:{name}" if labelled else "mask"
            labelled = True
        made.append(part)
    return made


def _files(folder: Path, tiles: Sequence[Mapping[str, Any]], name: str) -> list[Path]:
    """The rasters of a layer, all of them there."""
    files = [folder / _path(tile, name, folder) for tile in tiles]
    missing = [file for file in files if not file.is_file()]
    if missing:
        part = "prior" if name == PRIOR else "base"
        raise DatasetError(
            f"{len(missing)} of {len(files)} tiles lack the layer {name}, such as {missing[0]}; give "
            f"download=True (geoloom datasets download chesapeakecvpr {folder} --part {part}), or leave the "
            "layer out"
        )
    return files


def _path(tile: Mapping[str, Any], name: str, folder: Path) -> str:
    """Of a layer of a tile; of the extension, which the index may not list, that beside the land cover."""
    listed = tile.get(name)
    if isinstance(listed, str):
        return listed
    beside = tile.get("lc")
    if name == PRIOR and isinstance(beside, str):
        return beside.replace("_lc.tif", f"_{PRIOR}.tif")
    raise ReadError(
        f"{folder / _INDEX} has no path of layer {name} for a tile; delete it, and unpack the archive again"
    )
