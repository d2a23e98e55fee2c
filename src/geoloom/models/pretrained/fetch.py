"""Pretrained weights on this machine: fetched once, kept without any program in them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from ...core.errors import ModelError
from ...core.files import replacing, writing
from ...core.progress import Progress
from ...core.publish import remove
from ...io.access.paths import cache_folder
from ...io.download import Origin, download
from .layouts import LAYOUTS
from .table import PretrainedWeights

_HUBS = "https://huggingface.co/", "https://hf.co/"
_MOST_BYTES = 8 << 30
"""Of one file of weights: the largest known has some 2.5e9."""


def download_weights(
    weights: PretrainedWeights, *, folder: Path | None = None, progress: Progress | None = None
) -> Path:
    """Bring weights to this machine, unless they are here.

    What comes is opened without running any program in it, and kept as safetensors.

    Args:
        weights: Which.
        folder: Where to keep them; None: `weights` in the user's cache (`GEOLOOM_CACHE`).
        progress: Called with (bytes that came, bytes of the file).

    Returns:
        The safetensors file: the tensors under the network's names.

    Raises:
        ModelError: nothing here can start from them, or the file holds something else than weights.
        ReadError: they cannot be fetched; see `io.download`.
        WriteError: there is no room or no right to write.
    """
    require_loadable(weights)
    assert weights.layout is not None  # loadable ones have one
    kept = (folder or cache_folder() / "weights") / f"{weights.name}.safetensors"
    if kept.is_file():
        return kept
    with writing(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
    fetched = _fetched(kept, weights.url)
    address = by_endpoint(weights.url)
    download(address, fetched, checksum=weights.checksum, most=_MOST_BYTES, progress=progress)
    try:
        state = LAYOUTS[weights.layout].state(read_state(fetched), str(fetched))
    except _DamagedError:
        remove(fetched)
        remove(Origin.path_of(fetched))
        raise
    save_state(kept, state)
    remove(fetched)
    return kept


def by_endpoint(address: str) -> str:
    """An address of the Hugging Face hub at the mirror that `HF_ENDPOINT` names, as its own client has it.

    Example:
        >>> os.environ["HF_ENDPOINT"] = "https://mirror.example"
        >>> by_endpoint("https://hf.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors")
        'https://mirror.example/timm/resnet18.a1_in1k/resolve/main/model.safetensors'
        >>> del os.environ["HF_ENDPOINT"]
    """
    mirror = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    hub = next((hub for hub in _HUBS if address.startswith(hub)), None)
    return address if hub is None or not mirror else f"{mirror}/{address.removeprefix(hub)}"


def _fetched(kept: Path, address: str) -> Path:
    """Where a file lies, as it came, until it is kept."""
    ending = ".safetensors" if urlsplit(address).path.endswith(".safetensors") else ".pth"
    return kept.with_name(
        f"{kept.stem}.fetched{ending}" if ending == kept.suffix else f"{kept.stem}.pth"
    )


def save_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Keep tensors as safetensors, whole or not at all."""
    with replacing(path) as scratch:
        # Cloned: parts of one tensor would be stored with all of it.
        scratch.write_bytes(save({name: t.clone().contiguous() for name, t in state.items()}))


def require_loadable(weights: PretrainedWeights) -> None:
    """Refuse weights that no network here can start from.

    Raises:
        ModelError: the message says why, and where they are.
    """
    if weights.refused is not None:
        raise ModelError(
            f"{weights.name} cannot be used here: {weights.refused}; see {weights.home or weights.url}, or "
            "choose one of list_weights()"
        )


_NO_WEIGHTS = "it is damaged, or no file of weights; copy or download it again"


class _DamagedError(ModelError):
    """A file that no one can read as weights, and which may come right when it is fetched again."""


def read_state(path: Path) -> Mapping[str, Any]:
    """The tables of tensors in a file of weights, without running any program in it.

    Args:
        path: Safetensors, or what torch writes (`.pth`, `.pt`, `.ckpt`, `.bin`).

    Raises:
        ModelError: it holds more than tensors and plain values, or is damaged.
        FileNotFoundError: there is none.
    """
    try:
        if path.suffix == ".safetensors":
            state: dict[str, Tensor] = load_file(path)
            return state
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except pickle.UnpicklingError as error:
        if not _is_pickle(path):
            raise _DamagedError(f"{path} cannot be read as weights: {_NO_WEIGHTS}") from error
        raise ModelError(
            f"{path} holds more than weights, which could be opened by running a program in it alone, and "
            "geoloom never does that; where you trust it, write its tensors with safetensors.torch.save_file "
            "and give that file"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise _DamagedError(f"{path} cannot be read as weights ({error}): {_NO_WEIGHTS}") from error
    if not isinstance(stored, Mapping):
        raise _DamagedError(f"{path} holds a {type(stored).__name__}, and no table of weights")
    return stored


def _is_pickle(path: Path) -> bool:
    """Whether a file begins as torch's do: as a zip archive, or as a pickle of protocol 2 or later."""
    with path.open("rb") as file:
        return file.read(2)[:1] in (b"P", b"\x80")
