"""Cloud-optimised GeoTIFFs, written window by window in bounded memory."""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
import rasterio.shutil
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError  # what copying raises; it has no public name
from rasterio.drivers import raster_driver_extensions
from rasterio.errors import RasterioError

from ...core.errors import WriteError
from ...core.files import clear_scratch, hold, may_replace, scratch_path, writing
from ...core.publish import ProductWriter, remove
from ..headers.gdal_cache import gdal_cache
from . import sidecar
from .publication import publish_raster
from .raw_file import RawFile, read_journal, require_space, write_journal
from .raw_vrt import check_fits, raw_vrt
from .wholeness import check_whole

log = logging.getLogger(__name__)

Overviews = Literal["mode", "nearest", "average"]

CLASS_NAMES_TAG = "class_names"
"""Band tag inside the TIFF: a JSON object of names by code."""
TRANSPARENT_TAG = "transparent_codes"
"""Band tag inside the TIFF, whose colour table has no alpha: a JSON list of the codes that are not drawn."""

_ENDINGS = {"shp": "ESRI Shapefile", "gpkg": "GeoPackage", "geojson": "GeoJSON", "zarr": "Zarr"}
"""Formats of other things that geoloom writes or reads."""

_REFUSALS = (RasterioError, CPLE_BaseError)
"""How GDAL says that it cannot write."""
_CACHE_MB = 32
_BLOCK_PX = 512
_MOST_THREADS = 4


class CogWriter(ProductWriter):
    """Write a raster in windows; it appears under its name only when it is whole.

    Windows go to a raw file beside the target, which GDAL turns into a COG at the end: memory stays at
    about 200 MB for any size. Pixels that no window covers hold `nodata` (0 where there is none). Leaving
    the `with` block by an error removes what was written, or keeps it where `resume` is set. From its making
    to its end a writer holds the product: no other process writes it.

    Args:
        path: The product. Its folder must exist.
        grid: Shape, affine and CRS.
        count: Bands.
        dtype: Any integer or float type of 8 to 64 bits; bool becomes uint8.
        nodata: Tagged, and left out of overviews.
        descriptions: One name a band.
        scaling: Scale and offset a band, tagged: physical value = stored value * scale + offset.
        units: Of each band's physical values, tagged; None for a band without.
        colormap: Code -> (red, green, blue, alpha), for one uint8 band; kept in the TIFF.
        class_names: Name by code, for one uint8 band. Kept in the TIFF as the band tag `class_names`, and
            beside it in the `.aux.xml` and `.qml` that GDAL and QGIS read.
        tags: Kept in the TIFF.
        overviews: How they are made; `mode` for classes and `average` for the rest unless given.
        inputs: What the product is made from; it never replaces one of these, whatever `overwrite` says.
        overwrite: Replace an existing product.
        resume: Go on where a killed run with the same grid, type and `key` stopped; see `rows_done`.
        key: What else must be equal for a resume, as plain JSON values.

    Raises:
        WriteError: the product exists or is an input, its folder does not exist, another process writes it,
            its name is of another format, or an argument does not fit.

    Example:
        >>> import tempfile
        >>> from affine import Affine
        >>> grid = GeoBox((4, 6), Affine(30, 0, 500_000, 0, -30, 9_000_000), "EPSG:32722")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with CogWriter(Path(folder) / "map.tif", grid, dtype="uint8", nodata=255) as writer:
        ...         writer.write(np.ones((1, 4, 3), dtype="uint8"), row=0, col=0)
        ...     with rasterio.open(Path(folder) / "map.tif") as written:
        ...         written.read(1)[0].tolist()
        [1, 1, 1, 255, 255, 255]
    """

    def __init__(
        self,
        path: str | Path,
        grid: GeoBox,
        *,
        count: int = 1,
        dtype: str | np.dtype[Any] | type = "uint8",
        nodata: float | None = None,
        descriptions: Sequence[str] | None = None,
        scaling: Sequence[tuple[float, float]] | None = None,
        units: Sequence[str | None] | None = None,
        colormap: Mapping[int, sidecar.Rgba] | None = None,
        class_names: Mapping[int, str] | None = None,
        tags: Mapping[str, str] | None = None,
        overviews: Overviews | None = None,
        inputs: Iterable[str | Path] = (),
        overwrite: bool = False,
        resume: bool = False,
        key: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.grid = grid
        self.dtype = np.dtype("uint8") if np.dtype(dtype) == bool else np.dtype(dtype)
        self._classified = colormap is not None or class_names is not None
        self._colormap, self._class_names = dict(colormap or {}), dict(class_names or {})
        self._overviews: Overviews = overviews or ("mode" if self._classified else "average")
        self._resume = resume
        height, width = grid.shape
        self.shape = (count, int(height), int(width))
        check_fits(
            self.path,
            self.shape,
            self.dtype,
            nodata=nodata,
            descriptions=descriptions,
            scaling=scaling,
            units=units,
            classified=self._classified,
        )
        self._vrt = raw_vrt(
            self._scratch("").name,
            self.shape,
            self.dtype,
            grid,
            nodata=nodata,
            descriptions=descriptions,
            scaling=scaling,
            units=units,
            colormap=self._colormap,
            tags=tags or {},
            band_tags=self._band_tags(),
        )
        identity = json.dumps([self._vrt, dict(key or {})], sort_keys=True, default=str)
        self._fingerprint = hashlib.sha256(identity.encode()).hexdigest()
        with ExitStack() as stack, writing(self.path):
            stack.enter_context(hold(self.path))
            may_replace(self.path, overwrite=overwrite, inputs=source_files(inputs))
            _check_suffix(self.path)
            self._raw = self._begin(nodata or 0)
            self._held = stack.pop_all()
        self._ended = False

    def _begin(self, fill: float) -> RawFile:
        self._rows_done = self._rows_to_keep()
        if not self._rows_done:
            clear_scratch(self.path)
        size = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        require_space(self.path.parent, 0 if self._rows_done else size, self.path)
        return RawFile(
            self._scratch(""), self.shape, self.dtype, fill=fill, rows_done=self._rows_done
        )

    @property
    def rows_done(self) -> int:
        """Rows from the top that an earlier run finished and this one need not write; 0 in a new run."""
        return self._rows_done

    def write(self, array: np.ndarray, row: int, col: int) -> None:
        """Put `array` (C, h, w), or (h, w) for one band, with its upper-left pixel at (`row`, `col`).

        Raises:
            WriteError: it reaches outside the grid, has other bands, or its type would lose values.
        """
        window = array[None] if array.ndim == 2 else array
        bands, height, width = window.shape
        count, rows, cols = self.shape
        if bands != count:
            raise WriteError(f"{self.path} has {count} band(s), the window has {bands}")
        if row < 0 or col < 0 or row + height > rows or col + width > cols:
            raise WriteError(
                f"a window of {height} x {width} at row {row}, column {col} reaches outside {self.path} "
                f"of {rows} x {cols}; cut it to the grid"
            )
        if not np.can_cast(window.dtype, self.dtype, "same_kind"):
            raise WriteError(
                f"a window of {window.dtype} would lose values in {self.path}, which is {self.dtype}; "
                f"convert it with .astype({str(self.dtype)!r}) or write another dtype"
            )
        with writing(self.path):
            self._raw.write(window, row, col)

    def mark(self, rows_done: int) -> None:
        """Record that the first `rows_done` rows are final, so that a killed run can go on below them."""
        with writing(self.path):
            self._raw.sync()
            write_journal(self._scratch(".json"), self._fingerprint, rows_done)

    def close(self) -> None:
        """Turn what was written into the finished product.

        Raises:
            WriteError: GDAL cannot write it; the disk is full, for instance.
        """
        try:
            self.finish()
            self.publish()
        except BaseException:
            self.abandon()
            raise

    def finish(self) -> Path:
        """Make the product whole under its scratch name; `publish` is all that is left to do.

        Raises:
            WriteError: as `close`.
        """
        made = self._scratch(".tif")
        with writing(self.path, *_REFUSALS):
            self._raw.finish()
            if self._resume:
                self.mark(self.shape[1])
            self._raw.close()
            vrt = self._scratch(".vrt")
            vrt.write_text(self._vrt, encoding="utf-8")
            self._copy(vrt, made)
        return made

    def publish(self) -> None:
        """Give the finished product its name, and let go of it.

        Raises:
            WriteError: the system refuses.
        """
        with writing(self.path, *_REFUSALS):
            publish_raster(self._scratch(".tif"), self.path, self._class_names, self._colormap)
            clear_scratch(self.path)
        self._ended = True
        self._held.close()

    def abandon(self) -> None:
        """Stop without a product. What was written goes, unless marked rows are kept for a resume.

        Nothing happens after `publish`.
        """
        if self._ended:
            return
        self._ended = True
        with suppress(OSError):  # a full disk refuses the last bytes once more
            self._raw.close()
        kept = (self._scratch(""), self._scratch(".json"))
        for left in self.path.parent.glob(f"{glob.escape(kept[0].name)}*"):
            if not (self._resume and kept[1].exists() and left in kept):
                remove(left)
        self._held.close()

    def _copy(self, vrt: Path, made: Path) -> None:
        options = {
            "BLOCKSIZE": str(_BLOCK_PX),
            "COMPRESS": "DEFLATE",  # every reader knows it
            "PREDICTOR": "NO" if self._classified else "YES",
            "OVERVIEW_RESAMPLING": self._overviews.upper(),
            "BIGTIFF": "IF_SAFER",
            "NUM_THREADS": str(min(_MOST_THREADS, os.cpu_count() or 1)),
        }
        # ONE_BIG_READ: windows of a raw file are read straight, not through a cache of whole lines. PAM
        # off: the names that it would write beside the scratch file are written by `publish_raster`.
        with (
            rasterio.Env(GDAL_ONE_BIG_READ="YES", GDAL_PAM_ENABLED="NO"),
            gdal_cache(_CACHE_MB),
        ):
            rasterio.shutil.copy(str(vrt), str(made), driver="COG", **options)
            check_whole(made, self.path)

    def _band_tags(self) -> dict[str, str]:
        if not self._class_names:
            return {}
        names = {str(code): name for code, name in sorted(self._class_names.items())}
        tags = {CLASS_NAMES_TAG: json.dumps(names, ensure_ascii=False)}
        clear = sorted(code for code, color in self._colormap.items() if color[3] == 0)
        return {**tags, TRANSPARENT_TAG: json.dumps(clear)} if clear else tags

    def _rows_to_keep(self) -> int:
        journal, raw = self._scratch(".json"), self._scratch("")
        if not self._resume or not (journal.exists() and raw.exists()):
            return 0
        rows = read_journal(journal, self._fingerprint)
        if rows:
            log.info("%s: going on after row %d", self.path, rows)
        else:
            log.warning("%s: an unfinished run had other settings; starting over", self.path)
        return rows

    def _scratch(self, end: str) -> Path:
        return scratch_path(self.path, end)


def source_files(inputs: Iterable[str | Path]) -> Iterator[str | Path]:
    """The inputs, and the files that a VRT among them is made of."""
    for given in inputs:
        yield given
        if Path(given).suffix.lower() == ".vrt" and Path(given).is_file():
            with suppress(RasterioError), rasterio.open(given) as vrt:
                yield from vrt.files


def write_raster(
    path: str | Path,
    values: np.ndarray,
    grid: GeoBox,
    *,
    nodata: float | None = None,
    descriptions: Sequence[str] | None = None,
    colormap: Mapping[int, sidecar.Rgba] | None = None,
    class_names: Mapping[int, str] | None = None,
    tags: Mapping[str, str] | None = None,
    overviews: Overviews | None = None,
    inputs: Iterable[str | Path] = (),
    overwrite: bool = False,
) -> Path:
    """Write an array that is at hand as a COG: `CogWriter` in one call.

    Args:
        values: (C, H, W), or (H, W) for one band; its dtype is the product's.
        grid: Where it lies; must have the same H and W.

    Returns:
        The path.

    Raises:
        WriteError: the shapes differ, or as `CogWriter`.
    """
    window = values[None] if values.ndim == 2 else values
    if window.shape[1:] != tuple(grid.shape):
        raise WriteError(
            f"{path}: values of {window.shape[1:]} rows and columns do not fit a grid of "
            f"{tuple(grid.shape)}"
        )
    window = window.astype(np.uint8) if window.dtype == bool else window
    with CogWriter(
        path,
        grid,
        count=window.shape[0],
        dtype=window.dtype,
        nodata=nodata,
        descriptions=descriptions,
        colormap=colormap,
        class_names=class_names,
        tags=tags,
        overviews=overviews,
        inputs=inputs,
        overwrite=overwrite,
    ) as writer:
        writer.write(window, 0, 0)
    return writer.path


def _check_suffix(path: Path) -> None:
    """Refuse a name by which programs would take a GeoTIFF for something else.

    Raises:
        WriteError: its ending is that of another format.
    """
    ending = path.suffix.lstrip(".").lower()
    format_name = _ENDINGS.get(ending) or raster_driver_extensions().get(ending, "GTiff")
    if format_name not in ("GTiff", "COG"):
        raise WriteError(
            f"{path} would be a GeoTIFF with the name of another format ({format_name}); end it in .tif, and "
            f"convert it afterwards if need be: gdal_translate {path.stem}.tif {path.name}"
        )
