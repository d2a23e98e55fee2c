"""Chip stores as disks, transfers and attackers damage them, and what reading one may then do.

Example:
    A trial is a number; 500 of them, in bounded processes::

        tally = Tally.of(run_trials(read_damaged_store, range(500), warm_up=warm_up))
        assert not tally.failures, tally.report()
"""

from __future__ import annotations

import json
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from google_crc32c import value as crc32c

from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.chips.zarr import layout
from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.interval import Interval
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.splits.names import SPLITS

from . import damage
from .damage import Damage, one_of, places
from .trials import require

COUNT, SIZE = 11, (6, 5)
BANDS = (
    Band("red", "red", 0.66, 30.0, "surface_reflectance", scale=1e-4, nodata=-999.0),
    Band("nir", "nir", unit="surface_reflectance", scale=1e-4, offset=-0.1, nodata=float("nan")),
)
Labels = Literal["classes", "values", "images"]
_PER_SHARD = 4
_CLASSES = Classes.of(["forest", "water"], codes=[3, 7])
_MEANING: dict[Labels, dict[str, Any]] = {
    "classes": {"classes": _CLASSES},
    "values": {"values": ValueOutputs(("height",), ("m",))},
    "images": {"image_outputs": ClassOutputs(_CLASSES, per="image")},
}
"""What labels teach, as `ChipWriter` takes it."""


def sound_store(folder: Path, compress: layout.Compression, labels: Labels = "classes") -> Path:
    """A small store with all that a store can have: labels, times, two CRSs, gaps, several shards, columns.

    Args:
        folder: Where to make it.
        compress: See `ChipWriter`.
        labels: Classes or values of each pixel; or classes of images.
    """
    rng = np.random.default_rng(0)
    path, per_shard = folder / f"{compress}-{labels}.zarr", layout.MAX_CHIPS_PER_SHARD
    layout.MAX_CHIPS_PER_SHARD = _PER_SHARD
    try:
        with ChipWriter(
            path, channels=2, size=SIZE, dtype="int16", bands=BANDS, compress=compress, **_MEANING[labels]
        ) as writer:  # fmt: skip
            for k in range(COUNT):
                writer.add(
                    rng.integers(-99, 999, (2, *SIZE)).astype("int16"),
                    rng.choice(np.array([0, 3, 7], np.uint8), SIZE)
                    if labels == "classes"
                    else None,
                    rng.random(SIZE) < (0.8 if k % 3 else 1.0),
                    value=rng.normal(size=(1, *SIZE)) if labels == "values" else None,
                    crs=f"EPSG:{32621 + k % 2}",
                    transform=(30, 0, 100 * k, 0, -30, 5000),
                    source=f"scene{k % 3}",
                    row=k,
                    col=2 * k,
                    split=SPLITS[k % 3],
                    when=Interval.of("2019-06-01"),
                    columns=_columns(k, rng) if labels == "images" else None,
                )
    finally:
        layout.MAX_CHIPS_PER_SHARD = per_shard
    return path


def _columns(k: int, rng: np.random.Generator) -> dict[str, Any]:
    return {"label": k % 2, "spectrum": rng.normal(size=3), "station": f"st. {k} \u00e9"}


def everything(path: Path) -> dict[str, Any]:
    """All that a store holds, by every way of asking for it."""
    store = ChipStore.open(path)
    samples = store.dataset().__getitems__(list(range(len(store))))
    return {
        "planes": {
            name: [getattr(store, name)(k).tobytes() for k in range(len(store))]
            for name in (
                "image",
                "valid",
                "observed",
                *([store.label_plane] if store.label_plane else []),
            )
        },
        "samples": [
            {
                name: str(entry) if isinstance(entry, str) else np.asarray(entry).tobytes()
                for name, entry in sample.items()
            }
            for sample in samples
        ],
        "labels": [[v.tobytes() for v in store.labels(k).values()] for k in range(len(store))],
        "table": store.table.to_csv(),
        "grids": [str(store.grid(k)) for k in range(len(store))],
        "times": [str(store.when(k)) for k in range(len(store))],
        "words": str((store.bands, store.outputs, store.sources, store.splits)),
    }


def read_damaged_store(seed: int) -> str:
    """Damage a store in the way of a number, and read all of it.

    Where a store was damaged, not forged, all that is given has to be what was written.

    Raises:
        GeoloomError: the damage was noticed.
        DiffersError: it was not, and something else came out.
    """
    rng = np.random.default_rng(seed)
    sound, truth = _sound(("none", "lz4", "zstd")[seed % 3], get_args(Labels)[seed // 3 % 3])
    with tempfile.TemporaryDirectory(prefix="geoloom-store-") as folder:
        path = Path(folder) / "a.zarr"
        shutil.copytree(sound, path)
        chosen = _DAMAGES[int(rng.integers(len(_DAMAGES)))]
        chosen(path, rng)
        given = everything(path)
        if chosen not in _FORGED:
            for name, values in given.items():
                require(values == truth[name], f"{chosen.__name__}: other {name} than were written")
    return chosen.__name__


def warm_up() -> None:
    """Make the sound stores and load what reading them needs."""
    for compress in layout.CODECS:
        for labels in get_args(Labels):
            _sound(compress, labels)


@lru_cache
def _sound(compress: layout.Compression, labels: Labels) -> tuple[Path, dict[str, Any]]:
    folder = tempfile.TemporaryDirectory(prefix="geoloom-store-")
    _KEPT.append(folder)
    path = sound_store(Path(folder.name), compress, labels)
    return path, everything(path)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Folders of sound stores, which go with the process."""


def _file(path: Path, rng: np.random.Generator, pattern: str = "*") -> Path:
    return one_of(sorted(p for p in path.rglob(pattern) if p.is_file()), rng)


def flip_bit(path: Path, rng: np.random.Generator) -> None:
    """One bit of one file."""
    damage.flip_bits(_file(path, rng), rng, 1)


def overwrite_run(path: Path, rng: np.random.Generator) -> None:
    """A run of bytes, by zeros, ones or noise."""
    damage.overwrite_run(_file(path, rng), rng)


def truncate(path: Path, rng: np.random.Generator) -> None:
    """The end of a file."""
    damage.truncate(_file(path, rng), rng)


def append(path: Path, rng: np.random.Generator) -> None:
    """Bytes behind the end of a file."""
    file = _file(path, rng)
    file.write_bytes(file.read_bytes() + rng.bytes(int(rng.integers(1, 200))))


def lose(path: Path, rng: np.random.Generator) -> None:
    """A file."""
    _file(path, rng).unlink()


def lose_shard(path: Path, rng: np.random.Generator) -> None:
    """A file of pixels."""
    _file(path / one_of(_planes(path), rng), rng, "0").unlink()


def swap(path: Path, rng: np.random.Generator) -> None:
    """Two files of one plane, as a copy that mixes two stores would."""
    plane = path / one_of(_planes(path), rng)
    one, two = _file(plane, rng, "0"), _file(plane, rng, "0")
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


def change_json(path: Path, rng: np.random.Generator) -> None:
    """One value of a `zarr.json`."""
    file = _file(path, rng, "zarr.json")
    file.write_text(_changed(file.read_text(), rng))


def replace_json(path: Path, rng: np.random.Generator) -> None:
    """All of a `zarr.json`."""
    _file(path, rng, "zarr.json").write_text(one_of(_NO_METADATA, rng))


def forge_metadata(path: Path, rng: np.random.Generator) -> None:
    """One value of a `zarr.json`, with checksums that fit, as an attacker would."""
    change_json(path, rng)
    _reseal(path)


def forge_index(path: Path, rng: np.random.Generator) -> None:
    """Entries of a shard's index, with a checksum that fits."""
    file = _file(path / one_of(_planes(path), rng), rng, "0")
    data = bytearray(file.read_bytes())
    size = 16 * _PER_SHARD
    index = np.frombuffer(bytes(data[-size - 4 : -4]), "<u8").copy()
    value = one_of(
        [0, 1, 2**32, 2**62, 2**63, 2**64 - 2, len(data), int(rng.integers(len(data)))], rng
    )
    index[int(rng.integers(index.size))] = value
    data[-size - 4 :] = index.tobytes() + crc32c(index.tobytes()).to_bytes(4, "little")
    file.write_bytes(data)


def _planes(path: Path) -> list[str]:
    """Those that a store holds, in the order of its checksums."""
    return [name for name in layout.PLANES if (path / name).is_dir()]


def forge_chips(path: Path, rng: np.random.Generator) -> None:
    """A run of a shard's bytes, with checksums of the chips that fit: what reaches the decoder."""
    number = int(rng.integers(len(_planes(path))))
    name = _planes(path)[number]
    file = _file(path / name, rng, "0")
    data = bytearray(file.read_bytes())
    start = int(rng.integers(max(1, len(data) - 16 * _PER_SHARD - 4)))
    start = start if rng.random() < 0.5 else int(rng.integers(16))  # blosc's header
    run = rng.bytes(int(rng.integers(1, 5)))
    data[start : start + len(run)] = run
    file.write_bytes(data)
    index = np.frombuffer(bytes(data[-16 * _PER_SHARD - 4 : -4]), "<u8").reshape(-1, 2).tolist()
    column = path / "crc32c" / "c" / "0" / "0"
    crcs = np.frombuffer(column.read_bytes(), "<u4").reshape(COUNT, -1).copy()
    shard = int(file.relative_to(path / name / "c").parts[0])
    for slot, (offset, length) in enumerate(index):
        if offset < len(data):
            crcs[shard * _PER_SHARD + slot, number] = crc32c(
                bytes(data[offset : offset + length - 4])
            )
    column.write_bytes(crcs.tobytes())
    _reseal(path)


_DAMAGES: list[Damage] = [
    flip_bit, overwrite_run, truncate, append, lose, lose_shard, swap, change_json, replace_json,
    forge_metadata, forge_index, forge_chips,
]  # fmt: skip
_FORGED = (forge_metadata, forge_index, forge_chips)

_HOSTILE: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**62, 2**64, 1e308, -0.5, "", "x", "EPSG:99999", "../../etc/passwd", [],
    {}, [1, 2], [[]], {"a": 1}, [2**40] * 4, "object", "float64", "end", "y" * 5000,
]  # fmt: skip
_NO_METADATA = [
    "", "null", "[]", "{", "[" * 100_000, '{"a":' * 50_000, '{"attributes": 7}', "\x00\x01", "1" * 10_000,
    '{"attributes": {"format": "geoloom-chips"}}',
    '{"attributes": {"format": "geoloom-chips", "version": 2}}',
]  # fmt: skip


def _changed(text: str, rng: np.random.Generator) -> str:
    """JSON with one value changed, or one key gone."""
    content = json.loads(text)
    content.pop("consolidated_metadata", None)
    holder, key = one_of(list(places(content)), rng)
    if isinstance(holder, dict) and rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = one_of(_HOSTILE, rng)
    return json.dumps(content)


def _reseal(path: Path) -> None:
    """Note the checksums of what is there now, where the attributes still have a place for them."""
    file = path / "zarr.json"
    content = json.loads(file.read_text())
    attributes = content.get("attributes")
    if not isinstance(attributes, dict):
        return
    noted = attributes.get("files")
    for name, checks in noted.items() if isinstance(noted, dict) else ():
        metadata = path / name / "zarr.json"
        if isinstance(checks, dict) and metadata.is_file():
            checks["metadata"] = crc32c(metadata.read_bytes())
            column = next((path / name).glob("c/0*"), None)
            while column is not None and column.is_dir():
                column = column / "0"
            if "data" in checks and column is not None and column.is_file():
                checks["data"] = crc32c(column.read_bytes())
    attributes["seal"] = layout.seal(attributes)
    file.write_text(json.dumps(content))
