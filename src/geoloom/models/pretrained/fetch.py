"""Pretrained weights on this machine: fetched once, kept without any program in them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from ...core.errors import ModelError
from ...core.files import replacing
from ...core.progress import Progress
from ...core.publish import remove
from ...io.access.paths import cache_folder
from ...io.download import Origin, download
from .layouts import LAYOUTS
from .table import PretrainedWeights

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
    kept.parent.mkdir(parents=True, exist_ok=True)
    fetched = kept.with_suffix(".pth")
    download(weights.url, fetched, checksum=weights.checksum, most=_MOST_BYTES, progress=progress)
    state = LAYOUTS[weights.layout].state(read_state(fetched), str(fetched))
    save_state(kept, state)
    remove(fetched)
    return kept


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


def origin_of(kept: Path) -> Origin | None:
    """Where weights that are kept came from."""
    return Origin.read(kept.with_suffix(".pth"))


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
        raise ModelError(
            f"{path} holds more than weights, which could be opened by running a program in it alone, and "
            "geoloom never does that; where you trust it, write its tensors with safetensors.torch.save_file "
            "and give that file"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise ModelError(
            f"{path} cannot be read as weights ({error}); it is damaged, or no file of weights: copy or "
            "download it again"
        ) from error
    if not isinstance(stored, Mapping):
        raise ModelError(f"{path} holds a {type(stored).__name__}, and no table of weights")
    return stored
