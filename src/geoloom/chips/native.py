"""In which type the files behind a dataset hold what it gives."""

from __future__ import annotations

import numpy as np

from ..core.grid import crs_name
from ..datasets.base import GeoDataset, Layer
from ..datasets.compose import IntersectionDataset, UnionDataset
from ..datasets.raster import RasterDataset
from ..io.header import read_header


def file_dtype(dataset: GeoDataset, layer: Layer) -> np.dtype | None:
    """The dtype of the files whose values a dataset gives as they are; None where it alters or makes them.

    Samples hold uint16 images as float32 and masks as int64, which is two and eight times as much as the
    files need. Judged by the first scene where scenes do not say how they are stored.

    Args:
        dataset: Rasters, or a composition.
        layer: Of which tensor.
    """
    if dataset.transforms is not None:
        return None
    if isinstance(dataset, IntersectionDataset | UnionDataset):
        parts = [file_dtype(part, layer) for part in dataset.parts if layer in part.layers]
        known = [dtype for dtype in parts if dtype is not None]
        return np.result_type(*known) if known and len(known) == len(parts) else None
    if not isinstance(dataset, RasterDataset) or layer not in dataset.layers:
        return None
    if dataset.scaled or dataset.dtype != "native" or dataset.mosaic == "mean":
        return None
    stored = dataset._stored_dtype
    if stored is not None:
        return None if layer == "mask" and stored.kind == "f" else stored
    scene = dataset._to_read(0, None)  # its addresses signed, where they have to be
    crs = crs_name(scene.grid.crs)
    dtypes = [read_header(asset.uri, crs=crs).dtypes[asset.index - 1] for asset in scene.assets]
    return np.result_type(*dtypes)
