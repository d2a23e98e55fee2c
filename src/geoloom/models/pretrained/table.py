"""The table of pretrained weights: what each was trained on, what it wants to be fed, where it is."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...core.bands import Role, Unit
from ...core.errors import ModelError, suggest

TABLE = "weights.json"
IMAGENET = "imagenet"
"""The name of the weights that a network is usually started from; see `hub`."""
TIMM = "timm/"
"""What the names of timm's own weights begin with, as those of its networks."""
FILES = ".safetensors", ".pth", ".pt", ".bin", ".ckpt"
"""Endings of files of weights."""


@dataclass(frozen=True, slots=True)
class InputBand:
    """One channel as pretrained weights want it: `(x - center) / scale`, within `low` and `high` if given."""

    name: str
    role: Role
    unit: Unit | None
    """Of `x`; None where the numbers have none, as those of photographs."""
    center: float
    scale: float
    low: float | None = None
    high: float | None = None
    """Bounds that the training put on the channel, after centre and scale."""


@dataclass(frozen=True, slots=True)
class PretrainedWeights:
    """What is known of one file of weights."""

    name: str
    url: str
    """Where its file is: a web address, or a path on this machine."""
    sensor: str | None = None
    level: str | None = None
    """Of processing, as the provider of the images calls it."""
    method: str | None = None
    """How it was trained."""
    dataset: str | None = None
    licence: str | None = None
    citation: str | None = None
    home: str | None = None
    """Where its authors keep it."""
    checksum: str | None = None
    """`algorithm:digits`, perhaps the first digits alone; None: the first download is trusted, and kept in
    mind."""
    refused: str | None = None
    """Why no network here can be started from it; None where one can. All below is unknown then."""
    architecture: str | None = None
    """The network that it is for, as `create_model` takes it."""
    options: Mapping[str, Any] = ()  # type: ignore[assignment]  # set by `_entry`
    """Of that network."""
    layout: str | None = None
    """How its file names the tensors; see `layouts`."""
    bands: tuple[InputBand, ...] = ()
    dtype: str | None = None
    """Of the stored numbers, where they have no unit: numpy's name."""
    size: int | None = None
    """Side of the training images, pixels."""
    gsd_m: float | None = None
    """Their ground sample distance, metres."""
    num_classes: int | None = None
    """Of those that end in classes."""
    note: str | None = None
    """What is uncertain, or done otherwise elsewhere."""
    fitted: str | None = None
    """Kind of normalisation to fit on the samples, where the bands do not say what they are fed as; None
    where they do."""

    @property
    def is_here(self) -> bool:
        """Whether its file is one on this machine."""
        return "://" not in self.url

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "options": dict(self.options)}


def list_weights(
    pattern: str | None = None,
    *,
    sensor: str | None = None,
    bands: Sequence[str] | None = None,
    architecture: str | None = None,
    refused: bool = False,
) -> tuple[str, ...]:
    """Names of the weights that a network can start from, sorted.

    Args:
        pattern: Such as `*MOCO*`, for the names; `timm/resnet18.*` for those that timm knows, which are not
            listed otherwise.
        sensor: Those whose sensor has this text in its name, such as `landsat 8`, `Landsat8` or `sentinel`.
        bands: Those that know all these bands, by name (`B08`) or role (`nir`).
        architecture: Those for this network, such as `timm/resnet50` or `*resnet*`.
        refused: List those that nothing can start from instead; `get_weights` says why.

    Example:
        >>> list_weights(sensor="Sentinel-2", bands=["nir"], architecture="timm/resnet18")
        ('ResNet18_Weights.SENTINEL2_ALL_MOCO',)
    """
    wanted = {name.lower() for name in bands or ()}
    found = [
        entry.name
        for entry in _entries(pattern)
        if (entry.refused is not None) == refused
        and (pattern is None or fnmatch.fnmatch(entry.name.lower(), pattern.lower()))
        and (sensor is None or _plain(sensor) in _plain(entry.sensor or ""))
        and (architecture is None or fnmatch.fnmatch(entry.architecture or "", architecture))
        and wanted <= {word.lower() for band in entry.bands for word in (band.name, band.role)}
    ]
    return tuple(sorted(found))


def _entries(pattern: str | None) -> Iterable[PretrainedWeights]:
    """Those of the table; or of timm, where the pattern is of its names."""
    if pattern is None or not pattern.startswith(TIMM):
        return _table().values()
    from .hub import list_timm, timm_weights

    return map(timm_weights, list_timm(pattern))


def _plain(name: str) -> str:
    """A name without what people write differently: capitals, spaces, hyphens."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def get_weights(name: str) -> PretrainedWeights:
    """What is known of weights.

    Args:
        name: One of `list_weights()`, or timm's name of its own, such as `timm/resnet18.a1_in1k`; without a
            tag, those that timm takes for the network by default.

    Raises:
        ModelError: there are none of this name; the nearest is named.

    Example:
        >>> [band.name for band in get_weights("ResNet18_Weights.SENTINEL2_RGB_MOCO").bands]
        ['B04', 'B03', 'B02']
    """
    table = _table()
    if name.startswith(TIMM):
        from .hub import timm_weights

        return timm_weights(name)
    if name == IMAGENET:
        raise ModelError(
            f"which weights {IMAGENET!r} are depends on the network: name it, such as timm/resnet18 for "
            "those that timm takes for it by default"
        )
    if name not in table:
        near = suggest(name, table).partition(" Known:")[0].rstrip(".;")
        raise ModelError(f"no weights are named {name!r}{near}; list_weights() lists all")
    return table[name]


def is_path(given: str | Path) -> bool:
    """Whether weights are given as a file or folder, not by their name."""
    path = Path(given)
    if isinstance(given, Path):
        return True
    if given == IMAGENET or (given.startswith(TIMM) and not path.exists()):
        return False
    if path.suffix in FILES or path.name != given:
        return True
    return given not in _table() and path.exists()


@lru_cache(maxsize=1)
def _table() -> Mapping[str, PretrainedWeights]:
    stored = json.loads(Path(__file__).with_name(TABLE).read_text(encoding="utf-8"))
    inputs = {
        name: (tuple(InputBand(**band) for band in entry["bands"]), entry["dtype"])
        for name, entry in stored["inputs"].items()
    }
    return {row["name"]: _entry(row, inputs) for row in stored["weights"]}


def _entry(
    row: dict[str, Any], inputs: Mapping[str, tuple[tuple[InputBand, ...], str | None]]
) -> PretrainedWeights:
    known = {f.name: row[f.name] for f in fields(PretrainedWeights) if f.name in row}
    bands, dtype = inputs[row["input"]] if "input" in row else ((), None)
    return PretrainedWeights(**{"options": {}, **known, "bands": bands, "dtype": dtype})
