"""What a dataset's documentation says, and small files that follow it; not what our readers expect."""

from __future__ import annotations

import bz2
import hashlib
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from PIL import Image

from geoloom.datasets.benchmarks.declaration import Benchmark, RemoteFile


@dataclass(frozen=True)
class Layout:
    """What a dataset's documentation says, and a writer of small files that follow it."""

    write: Callable[[Path], None]
    """Writes the unpacked files below a folder."""
    archives: dict[str, Sequence[str]]
    """Name of each archive, and what of the folder is in it."""
    lists: dict[str, list[str]]
    """Name of each list of a split, and its lines."""
    samples: dict[str, list[dict[str, Any]]]
    """Split (empty: undivided) -> what each of its samples holds, in order: keys of a sample, and what they
    are, compared value by value; `pixel`: of the image's first pixel, each channel."""
    bands: int
    size: tuple[int, int] | None
    """None: samples differ in size, and each says its own under `size`."""
    dtype: str
    dates: int | None = None
    choices: dict[str, str] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)
    """Name of an archive, and the folder below the dataset's that it is unpacked into."""
    plain: tuple[str, ...] = ()
    """Files that are given away as they are."""


def chip(path: Path, number: int, bands: int, side: int = 64) -> None:
    """A georeferenced chip of uint16: band b holds 1000 (b + 1) + number."""
    values = np.empty((bands, side, side), np.uint16)
    values[:] = (1000 * np.arange(1, bands + 1) + number)[:, None, None]
    raster(path, values, number)


def raster(
    path: Path, values: np.ndarray, number: int = 0, step_m: float = 10, crs: str = "EPSG:32632"
) -> None:
    """A GeoTIFF of these values, (C, H, W); those of other numbers lie 640 m further east each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, high, wide = values.shape
    place = Affine(step_m, 0, 500_000 + 640 * number, 0, -step_m, 5_000_000)
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=high, width=wide, dtype=values.dtype,
        crs=crs, transform=place,
    ) as file:  # fmt: skip
        file.write(values)


def photograph(path: Path, number: int, height: int = 256, width: int = 256) -> None:
    """A plain picture whose red is its number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), (number, 100, 200), np.uint8)).save(path)


def picture(path: Path, values: Any) -> None:
    """A picture of these values, (H, W) or (H, W, 3), uint8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


def labelled(labels: Sequence[int]) -> list[dict[str, Any]]:
    """Samples with one class each."""
    return [{"label": label} for label in labels]


def written(layout: Layout, root: Path) -> Path:
    """The unpacked files with their lists."""
    layout.write(root)
    for name, lines in layout.lists.items():
        (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def archived(layout: Layout, root: Path, out: Path) -> Path:
    """The files as they are given away: archives and lists, from those that `written` made."""
    out.mkdir(parents=True, exist_ok=True)
    for name, parts in layout.archives.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        files = [file for part in parts for file in _files(root / part)]
        top = root / layout.inside.get(name, "")
        if name.endswith(".zip"):
            with zipfile.ZipFile(out / name, "w") as archive:
                for file in files:
                    archive.write(file, file.relative_to(top))
        elif name.endswith(".txt.bz2"):
            (out / name).write_bytes(bz2.compress(files[0].read_bytes()))
        elif ".tar" in name or name.endswith(".tbz"):
            with tarfile.open(out / name, "w:bz2" if name.endswith("bz") else "w:gz") as tar:
                for file in files:
                    tar.add(file, str(file.relative_to(top)))
        else:
            (out / name).write_bytes(files[0].read_bytes())
    for name in (*layout.lists, *layout.plain):
        (out / name).write_bytes((root / name).read_bytes())
    return out


def _files(part: Path) -> list[Path]:
    return [part] if part.is_file() else sorted(file for file in part.rglob("*") if file.is_file())


def as_given_away(benchmark: Benchmark, folder: Path, address: str = "") -> Benchmark:
    """The same dataset, whose files are those of a folder, at an address of a test."""

    def file(known: RemoteFile) -> RemoteFile:
        if not (folder / known.name).is_file():  # a folder that users copy by hand
            return known
        digest = hashlib.md5((folder / known.name).read_bytes(), usedforsecurity=False).hexdigest()
        at = f"{address}{known.name}" if address else known.address
        return replace(known, address=at, checksum=f"md5:{digest}")

    return replace(benchmark, files=tuple(map(file, benchmark.files)))
