"""A network's weights as a safetensors file. Never a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ..core.errors import ModelError
from ..core.files import replacing

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""safetensors' names of torch's types."""

_NAMED = 3
"""How many differences a message lists."""


def save_weights(path: Path, network: nn.Module, *, within: Path | None = None) -> None:
    """Write a network's weights, whole or not at all; `within` as in `core.files.replacing`.

    Raises:
        WriteError: the system refuses.
    """
    weights = {name: w.detach().cpu().contiguous() for name, w in network.state_dict().items()}
    with replacing(path, within=within) as scratch:
        # Not by `save_file`: it writes through a file of a random name, which only its owner may read.
        scratch.write_bytes(save(weights, metadata={"format": "pt"}))


def load_weights(path: Path, expected: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """The weights of a file, which must be a network's: the same names, shapes and types, all finite.

    The file's table of contents is compared first, so that memory is taken only for weights that are there.

    Args:
        path: The file.
        expected: The network's state; may lie on torch's `meta` device, without memory.
        what: The network, for messages.

    Raises:
        ModelError: the file is damaged, holds another network's weights, or NaN.
        FileNotFoundError: there is none.
    """
    try:
        with safe_open(path, framework="pt") as file:
            stored = {name: _entry(file.get_slice(name)) for name in file.keys()}  # noqa: SIM118 - no mapping
        differences = _differences(stored, expected)
        if differences:
            raise ModelError(f"{path} does not hold the weights of {what}: {differences}")
        weights: dict[str, Tensor] = load_file(path)
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path} does not hold the weights of {what}: it is damaged ({error}); copy it again, or train "
            "again"
        ) from error
    check_finite(
        weights, str(path), "its training diverged: train again with a lower learning rate"
    )
    return weights


def check_finite(weights: Mapping[str, Tensor], where: str, fix: str) -> None:
    """Refuse weights that can answer nothing but NaN.

    Raises:
        ModelError: a weight is NaN or infinite; the message names it, and `fix` says what to do.
    """
    wrong = [n for n, w in weights.items() if w.is_floating_point() and not w.isfinite().all()]
    if wrong:
        raise ModelError(f"{where} holds NaN or infinity in {_some(wrong)}; {fix}")


def _entry(entry: object) -> tuple[tuple[int, ...], str]:
    shape, dtype = entry.get_shape(), entry.get_dtype()  # type: ignore[attr-defined]  # safetensors has no types
    return tuple(shape), str(dtype)


def _differences(
    stored: Mapping[str, tuple[tuple[int, ...], str]], expected: Mapping[str, Tensor]
) -> str:
    wanted = {name: (tuple(w.shape), _DTYPES.get(w.dtype, "?")) for name, w in expected.items()}
    lacking = [name for name in wanted if name not in stored]
    strange = [name for name in stored if name not in wanted]
    other = [
        f"{name} is {stored[name]} and not {wanted[name]}"
        for name in wanted
        if name in stored and stored[name] != wanted[name]
    ]
    parts = (("it lacks ", lacking), ("it has ", strange), ("", other))
    return "; ".join(f"{verb}{_some(names)}" for verb, names in parts if names)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
