"""Thousands of TIFFs that lie, read in every way in processes bounded in memory and time.

    python -m geoloom.testing.fuzz FOLDER --count 5000 --seed 0

changes the TIFFs of a folder (see `mutants`) and prints one line: how many were read, how many refused, and
what must all be 0: crashes, hangs, floods of memory, values that differ between the engines or from those of
rasterio, errors that are not geoloom's. The files themselves stay as they are.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from geoloom.core.errors import GeoloomError, ReadError
from geoloom.core.resampling import Resampling
from geoloom.io.access.handles import close_handles
from geoloom.io.blocks.cache import CACHE
from geoloom.io.engines import EngineName
from geoloom.io.headers.header import Header, read_header
from geoloom.io.raster import Raster, read

from .mutants import mutant
from .trials import Outcome, Tally, require, run_trials

ENGINES: tuple[EngineName, ...] = ("direct", "gdal", "auto")
LARGEST_BYTES = 4 << 20
"""Of a file that is changed: a trial writes it again."""

_WHOLE_PX = 1 << 22
"""Values of all bands; an image that claims more is read in windows only."""
_WINDOW_PX = 128
_MOST_BANDS = 6


@dataclass(frozen=True, slots=True)
class Mutant:
    """One trial: a file, changed as the seed says."""

    path: str
    seed: int

    def bytes(self) -> tuple[bytes, str]:
        """What is read, and how it differs from the file."""
        return mutant(_original(self.path), self.seed)


@lru_cache(maxsize=8)
def _original(path: str) -> bytes:
    return Path(path).read_bytes()


def mutants(paths: Sequence[Path], count: int, seed: int) -> Iterator[Mutant]:
    """So many trials over all files in turn, in runs, so that a file is read from disk once for some."""
    run = max(min(count // max(len(paths), 1), 25), 1)
    for number in range(count):
        yield Mutant(str(paths[number // run % len(paths)]), seed * 1_000_003 + number)


def try_mutant(case: Mutant) -> str:
    """Read one mutant through all engines, as it is and warped.

    Raises:
        GeoloomError: no engine reads any of it.
        DiffersError: engines that claim to read it differ, or `auto` refuses what rasterio reads whole.
    """
    data, how = case.bytes()
    with tempfile.TemporaryDirectory(prefix="geoloom-fuzz-") as folder:
        path = Path(folder) / f"{case.seed}.tif"
        path.write_bytes(data)
        try:
            header = read_header(path)
            parts = [_compare(header, grid, resampling, how) for grid, resampling in _reads(header)]
            _compare_whole(path, header, how)
        finally:
            close_handles()
            CACHE.clear()
    refusals = [part for part in parts if isinstance(part, GeoloomError)]
    if len(refusals) == len(parts):
        raise refusals[0]
    return f"{len(parts) - len(refusals)} of {len(parts)} reads; {how}"


def _reads(header: Header) -> Iterator[tuple[GeoBox, Resampling]]:
    """Windows at the corner, in the middle and over the edge; warped ones at the first two."""
    height, width = header.grid.shape
    side = _WINDOW_PX
    for top, left in ((0, 0), (height // 2, width // 2), (height - side // 2, width - side // 2)):
        yield (
            header.grid.translate_pix(left, top)[:side, :side]
            if height >= side and width >= side
            else (
                GeoBox(
                    (side, side),
                    header.grid.affine * Affine.translation(left, top),
                    header.grid.crs,
                )
            ),
            "nearest",
        )
    turn = Affine.rotation(3) * Affine.scale(1.3)
    for top, left in ((0, 0), (height // 2, width // 2)):
        affine = header.grid.affine * Affine.translation(left, top) * turn
        yield GeoBox((48, 48), affine, header.grid.crs), "nearest"
        yield GeoBox((48, 48), affine, header.grid.crs), "bilinear"


def _compare(
    header: Header, grid: GeoBox, resampling: Resampling, how: str
) -> Raster | GeoloomError:
    """What `auto` makes of a read, having compared all engines with each other."""
    bands = header.data_bands[:_MOST_BANDS]
    answers: dict[EngineName, Raster | GeoloomError] = {}
    for engine in ENGINES:
        try:
            answers[engine] = read(header, grid, bands=bands, resampling=resampling, engine=engine)
        except GeoloomError as error:
            answers[engine] = error
    direct, gdal, auto = answers["direct"], answers["gdal"], answers["auto"]
    if isinstance(direct, Raster) and isinstance(gdal, Raster):
        same = _share_equal(direct, gdal)
        # Warped pixels whose centre lies on an edge may go to either side.
        enough = 1.0 if grid.affine.almost_equals(header.grid.affine, 1e-9) else 0.97
        require(same >= enough, f"direct and gdal agree on {same:.1%} ({resampling}); {how}")
    if isinstance(auto, GeoloomError):
        refused = "auto refuses what an engine reads"
        require(isinstance(direct, GeoloomError), f"{refused}: direct; {auto}; {how}")
        require(isinstance(gdal, GeoloomError), f"{refused}: gdal; {auto}; {how}")
    return auto


def _share_equal(one: Raster, other: Raster) -> float:
    """The share of pixels whose values and validity are equal, or nearly so after interpolation."""
    if one.values.dtype != other.values.dtype:
        return 0.0
    with np.errstate(all="ignore"):
        a, b = one.values.astype(float), other.values.astype(float)
        near = (a == b) | (
            np.abs(a - b) <= 1.01 * (one.values.dtype.kind != "f") + 1e-4 * np.abs(b)
        )
        near |= np.isnan(a) & np.isnan(b)
    agree = near.all(axis=0) | ~one.valid
    return float((agree & (one.valid == other.valid)).mean())


def _compare_whole(path: Path, header: Header, how: str) -> None:
    """What rasterio reads whole, `auto` reads, and `direct`, if it reads it, with rasterio's values."""
    height, width = header.grid.shape
    if height * width * header.count > _WHOLE_PX:
        return
    try:
        expected, again = _by_rasterio(path), _by_rasterio(path)
    except (RasterioError, ValueError):
        return
    every = range(1, header.count + 1)
    try:
        read(header, bands=every, resampling="nearest")
    except ReadError as error:
        require(False, f"auto refuses what rasterio reads whole: {error}; {how}")
    try:
        direct = read(header, bands=every, resampling="nearest", engine="direct").values
    except ReadError:
        return
    # Where a block ends too early, GDAL hands out memory as it found it.
    unsure = ~_equal(expected, again)
    require((_equal(direct, expected) | unsure).all(), f"direct and rasterio differ; {how}")


def _by_rasterio(path: Path) -> NDArray[Any]:
    with rasterio.Env(), rasterio.open(path, sharing=False) as file:
        file.read_masks()  # what is valid belongs to the answer
        return file.read()  # type: ignore[no-any-return]


def _equal(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (one == other) | ((one != one) & (other != other))
    return same


def _warm_up() -> None:
    """Compile and load what reading needs, on rasters of its own."""
    os.environ.setdefault("GDAL_CACHEMAX", "64")
    with tempfile.TemporaryDirectory(prefix="geoloom-fuzz-") as folder:
        for packing in ("none", "deflate", "lzw", "zstd"):
            _read_made(Path(folder) / f"{packing}.tif", "uint16", packing)


def _warm_up_every_dtype() -> None:
    _warm_up()
    with tempfile.TemporaryDirectory(prefix="geoloom-fuzz-") as folder:
        for dtype in ("uint8", "int8", "int16", "uint32", "int32", "float32", "float64"):
            _read_made(Path(folder) / f"{dtype}.tif", dtype, "lzw")


def _read_made(path: Path, dtype: str, packing: str) -> None:
    profile = {"driver": "GTiff", "height": 64, "width": 64, "count": 2, "dtype": dtype}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, -10, 5e6)}
    predictor = 1 if packing == "none" else 2
    with rasterio.open(
        path, "w", **profile, **place, compress=packing, predictor=predictor
    ) as file:
        file.write(np.ones((2, 64, 64), dtype))
    header = read_header(path)
    for grid, resampling in _reads(header):
        _compare(header, grid, resampling, packing)
    close_handles()


def fuzz(
    paths: Sequence[Path],
    *,
    count: int,
    seed: int = 0,
    seconds: float = 10.0,
    memory_bytes: int = 1 << 30,
    every_dtype: bool = False,
) -> Iterator[Outcome]:
    """Read mutants of TIFFs; see `try_mutant` for what may come of one.

    Args:
        paths: The TIFFs, which stay as they are.
        count: How many mutants over all.
        seed: Equal seeds give equal mutants.
        seconds, memory_bytes: What one may take.
        every_dtype: Compile the loops for all types of values first, which takes minutes where none is kept
            yet; else `seconds` are to allow for it.
    """
    return run_trials(
        try_mutant,
        mutants(paths, count, seed),
        seconds=seconds,
        memory_bytes=memory_bytes,
        warm_up=_warm_up_every_dtype if every_dtype else _warm_up,
    )


def tiffs_in(folder: Path, largest_bytes: int = LARGEST_BYTES) -> list[Path]:
    """The TIFFs below a folder that are small enough to be changed often."""
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in (".tif", ".tiff"))
    return sorted(path for path in paths if path.is_file() and path.stat().st_size <= largest_bytes)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: prints the tally, each failure to stderr; 1 where there was one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0, help="that one mutant may take")
    parser.add_argument("--memory-mb", type=int, default=1024, help="that one mutant may take")
    given = parser.parse_args(arguments)
    paths = tiffs_in(given.folder)
    if not paths:
        parser.error(f"no TIFF of at most {LARGEST_BYTES >> 20} MB below {given.folder}")
    outcomes: list[Outcome] = []
    with suppress(KeyboardInterrupt):  # what was tried until then counts
        for outcome in fuzz(
            paths,
            count=given.count,
            seed=given.seed,
            seconds=given.seconds,
            memory_bytes=given.memory_mb << 20,
            every_dtype=True,
        ):
            outcomes.append(outcome)
            if outcome.verdict not in ("answered", "refused"):
                sys.stderr.write(f"{outcome.verdict}: {outcome.case}: {outcome.detail}\n")
    tally = Tally(tuple(outcomes))
    sys.stdout.write(f"{tally.line()}; largest growth {tally.peak_bytes >> 20} MB\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
