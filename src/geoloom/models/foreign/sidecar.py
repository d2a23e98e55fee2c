"""Facts on a network that someone wrote down in a JSON file beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...core.classes import Classes
from ...core.errors import ConfigError, ModelError, suggest
from ...core.jsonfile import JsonValue
from .facts import FACTS, NetworkFacts

_FIX = "write it again, or remove it"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A file beside a network."""

    path: Path
    facts: NetworkFacts | None
    """None where it says something else: the JSON of another program."""


def sidecar_of(network: str | Path) -> Sidecar | None:
    """What lies beside a network: `m.onnx.json`, or else `m.json`, whose keys are fields of `NetworkFacts`.

    `m.onnx.json` can only be meant for it, and has no other keys. `m.json` may be of another program, and
    counts where all its keys are facts.

    Raises:
        ModelError: `m.onnx.json` has another key, or a value in either cannot be; file and key are named.
    """
    path = Path(network)
    own, of_stem = path.with_name(f"{path.name}.json"), path.with_suffix(".json")
    if own.is_file():
        content = JsonValue.read(own, ModelError, _FIX, most_bytes=_MOST_BYTES)
        for key in content.table():
            if key not in FACTS:
                raise ModelError(f"{own} has the key {key!r}{suggest(key, FACTS)}")
        return Sidecar(own, _facts(content))
    if not of_stem.is_file():
        return None
    try:
        content = JsonValue.read(of_stem, ModelError, _FIX, most_bytes=_MOST_BYTES)
        keys = content.table()
    except ModelError:  # not our business: nothing says that it is on this network
        return Sidecar(of_stem, None)
    if not keys or set(keys) - set(FACTS):
        return Sidecar(of_stem, None)
    return Sidecar(of_stem, _facts(content))


def _facts(content: JsonValue) -> NetworkFacts:
    values, classes = dict(content.table()), content.get("classes")
    if classes is not None and isinstance(classes.value, dict) and "names" in classes.value:
        values["classes"] = Classes.from_json(classes)  # names, codes and colours
    try:
        return NetworkFacts(**values)
    except (ConfigError, TypeError) as error:
        raise ModelError(f"{content.file}: {error}; {_FIX}") from error
