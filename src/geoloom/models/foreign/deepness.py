"""Facts that the QGIS plugin Deepness keeps in a network's metadata, each value JSON text.

Source: PUTvision/qgis-plugin-deepness 0.6.5. The plugin divides stored numbers by 255, whatever their type,
and subtracts mean and divides by std where both are given; probabilities are made in the graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.classes import Classes
from ...core.errors import ModelError
from ...core.jsonfile import JsonValue
from .facts import NetworkFacts

KEY = "model_type"
"""Which every network for the plugin has."""
_READ = frozenset(
    [
        "class_names",
        "names",
        "tile_size",
        "tiles_size",
        "resolution",
        "reg_output_scaling",
        "standardization_mean",
        "standardization_std",
        "seg_thresh",
        "seg_small_segment",
    ]
)
_KINDS = ("Segmentor", "Regressor")
_FIX = "correct the file's metadata, or give a network without them and state its facts"


@dataclass(frozen=True, slots=True)
class Deepness:
    """What the metadata say."""

    facts: NetworkFacts
    gsd_m: float | None
    """Ground sample distance that the network was made for, metres."""
    output_scaling: float
    """What values are multiplied with."""
    not_applied: tuple[str, ...]
    """Entries that change the plugin's maps and not ours."""


def deepness_facts(metadata: Mapping[str, str], where: str) -> Deepness | None:
    """The facts of a network for Deepness; None where the file is none.

    Raises:
        ModelError: it is a detector or of another kind without a map, or an entry cannot be.
    """
    if KEY not in metadata:
        return None
    entries = {key: _value(metadata[key], key, where) for key in metadata}
    kind = _text(metadata[KEY]).capitalize()
    if kind not in _KINDS:
        raise ModelError(
            f"{where} is a {kind} for Deepness, expected one of {', '.join(_KINDS)}: a map is of classes or "
            "values per pixel"
        )
    stated: dict[str, Any] = {"scale": 1 / 255, "offset": 0.0, "mean": 0.0, "std": 1.0}
    mean, std = (entries.get(f"standardization_{name}") for name in ("mean", "std"))
    if mean is not None and std is not None:
        stated |= {"mean": mean.numbers(), "std": std.numbers()}
    names = entries.get("class_names") or entries.get("names")
    if kind == "Segmentor":
        stated["activation"] = "none"
        if names is not None:
            stated["classes"] = _classes(names)
    else:
        stated["activation"] = "none"
    size = entries.get("tile_size") or entries.get("tiles_size")
    if size is not None:
        stated["input_size"] = size.whole(1, 65_536)
    ignored = [
        key
        for key, usual in (("seg_thresh", (0, 0.5)), ("seg_small_segment", (0,)))
        if kind == "Segmentor" and key in entries and entries[key].number() not in usual
    ]
    scaling, gsd = entries.get("reg_output_scaling"), entries.get("resolution")
    return Deepness(
        NetworkFacts(**stated),
        None if gsd is None else gsd.number() / 100,  # stated in cm per pixel
        1.0 if scaling is None or kind != "Regressor" else scaling.number(),
        tuple(ignored),
    )


def _value(text: str, key: str, where: str) -> JsonValue:
    if key == KEY:  # some files hold the bare word
        return JsonValue(_text(text), where, ModelError, _FIX, key)
    if key not in _READ:
        return JsonValue(text, where, ModelError, _FIX, key)
    value = JsonValue.parse(text.encode(), Path(f"{key} of {where}"), ModelError, _FIX)
    return JsonValue(value.value, where, ModelError, _FIX, key)


def _text(text: str) -> str:
    return text.strip().strip('"')


def _classes(value: JsonValue) -> Classes:
    """Names by consecutive numbers from 0, also in a list of one-entry tables; one alone has a background."""
    tables = value.entries() if isinstance(value.value, list) else [value]
    pairs = {key: name for table in tables for key, name in table.table().items()}
    if not all(str(key).isdecimal() for key in pairs):
        raise value.refusal("names by numbers from 0")
    named = {int(key): str(name) for key, name in pairs.items()}
    if sorted(named) != list(range(len(named))) or not named:
        raise value.refusal("names by consecutive numbers from 0")
    names = [named[number] for number in range(len(named))]
    if len(names) == 1:
        names = ["background", *names]
    with value.checked():
        return Classes.of(names, list(range(len(names))))
