"""A raster put together again from sequential chips."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..core.bands import Band, unit_of
from ..core.errors import ChipError, suggest
from ..core.outputs import ValueOutputs
from ..io.write.cog import CogWriter
from .store import ChipStore

Content = Literal["image", "mask", "value"]


def reconstitute(
    store: ChipStore | str | Path,
    out: str | Path,
    *,
    content: Content | Callable[[int], np.ndarray] = "mask",
    source: str | None = None,
    nodata: float | None = None,
    colormap: Mapping[int, tuple[int, int, int, int]] | None = None,
    class_names: Mapping[int, str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a scene from its chips, on the lattice that they were cut from.

    Where chips of a complete sequential set overlap, each pixel is taken from the chip in whose middle part
    it lies: at its edges a network sees least. Pixels that no chip covers, and those not valid, are nodata.
    One chip is in memory at a time.

    Args:
        store: Chips, usually sequential ones.
        out: GeoTIFF to write.
        content: `image`, `mask`, `value`, or a function from a chip's position in the store to an array
            (C, H, W) or (H, W), such as a prediction.
        source: Which scene; needed where the store has several.
        nodata: Fills what is not covered; None is 0, and NaN for values.
        colormap, class_names: For classes; None takes those of the store for its mask.
        overwrite: Replace the file.

    Returns:
        The path written.

    Raises:
        ChipError: the scene is unknown, its grid was not kept, or it has no chip.
        WriteError: the file exists.

    Example:
        >>> reconstitute("predicted.zarr", "map.tif")  # doctest: +SKIP
    """
    chips = store if isinstance(store, ChipStore) else ChipStore.open(store)
    name = _one_source(chips, source)
    grid = chips.sources[name]
    if grid is None or grid.crs is None:
        raise ChipError(f"{chips.path} does not say where scene {name!r} lies; cut the chips again")
    table = chips.table
    rows_of_scene = table[table["source"] == name]
    read = content if callable(content) else getattr(chips, content)
    if content == "mask" and chips.classes is not None:
        colormap = chips.classes.colormap() if colormap is None else colormap
        names = {code: label for label, code, _ in chips.classes}
        class_names = names if class_names is None else class_names
    rows = _owned(rows_of_scene["row"].to_numpy(), chips.size[0])
    cols = _owned(rows_of_scene["col"].to_numpy(), chips.size[1])
    if len(rows_of_scene) != len(rows) * len(cols):
        # Some chips were left out: their neighbours give all they have.
        rows, cols = (
            dict.fromkeys(owned, (0, n)) for owned, n in zip((rows, cols), chips.size, strict=True)
        )
    usual = math.nan if content == "value" else 0
    fill = usual if nodata is None else nodata
    bands = chips.bands if content == "image" else _value_bands(chips) if content == "value" else ()
    first = _with_bands(read(int(rows_of_scene["index"].iloc[0])))
    with CogWriter(
        out,
        grid,
        count=first.shape[0],
        dtype=first.dtype,
        nodata=fill,
        descriptions=[band.name for band in bands] or None,
        scaling=[(band.scale, band.offset) for band in bands] or None,
        units=[band.unit for band in bands] or None,
        colormap=colormap,
        class_names=class_names,
        inputs=(chips.path, name),
        overwrite=overwrite,
    ) as writer:
        for i, row, col in zip(
            rows_of_scene["index"], rows_of_scene["row"], rows_of_scene["col"], strict=True
        ):
            seen = chips.valid(i) if content in ("mask", "value") else chips.observed(i)
            values = np.where(seen, _with_bands(read(int(i))), np.asarray(fill, first.dtype))
            (top, bottom), (left, right) = rows[row], cols[col]
            writer.write(values[:, top:bottom, left:right], int(row) + top, int(col) + left)
    return Path(out)


def _value_bands(chips: ChipStore) -> tuple[Band, ...]:
    """The values as bands of a file."""
    outputs = chips.outputs
    if not isinstance(outputs, ValueOutputs):
        return ()  # asking for a chip's values says what is wrong
    named = zip(outputs.names, outputs.units, strict=True)
    return tuple(Band(name, unit=unit_of(unit)) for name, unit in named)


def _one_source(chips: ChipStore, source: str | None) -> str:
    names = list(chips.sources)
    if source is None and len(names) == 1:
        return names[0]
    if source is None:
        raise ChipError(f"{chips.path} has chips of several scenes; choose source= of {names}")
    if source not in names:
        raise ChipError(f"{chips.path} has no scene {source!r}{suggest(source, names)}")
    return source


def _owned(starts: np.ndarray, extent: int) -> dict[int, tuple[int, int]]:
    """For each chip start, which of the chip's own rows (or columns) it gives: up to half of each overlap."""
    edges = np.unique(starts)
    middle = [(int(b) + int(a) + extent) // 2 for a, b in pairwise(edges)]
    owned = {}
    for k, start in enumerate(edges):
        first = max(int(start), middle[k - 1]) if k else int(start)
        last = min(int(start) + extent, middle[k]) if k < len(middle) else int(start) + extent
        owned[int(start)] = first - int(start), last - int(start)
    return owned


def _with_bands(array: Any) -> np.ndarray:
    values = np.asarray(array)
    return values[None] if values.ndim == 2 else values
