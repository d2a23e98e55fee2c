"""The identity of a model or a file: its contents, independent of its path and age."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ..core.errors import ModelError, ReadError

CARD_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"

_CHUNK_BYTES = 1 << 20


def folder_hash(folder: str | Path) -> str:
    """SHA-256 over the files that decide a saved model's answers.

    Raises:
        ModelError: one of them is missing.
    """
    digest = hashlib.sha256()
    for name in (CARD_FILE, WEIGHTS_FILE):
        path = Path(folder) / name
        if not path.is_file():
            raise ModelError(f"{folder} is not a whole model folder: it has no {name}; train again")
        _feed(digest, path)
    return digest.hexdigest()


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        ReadError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        _feed(digest, Path(path))
    except OSError as error:
        raise ReadError(f"{path} cannot be read ({error.strerror}); check the path") from error
    return digest.hexdigest()


def refuse_swapped(model: Any, scene: Any) -> None:
    """Refuse a scene in the place of a model, and the model in the place of the scene.

    Raises:
        ModelError: the first is no model, and the second is one: a folder, or an ONNX file.
    """
    if not (isinstance(model, str | Path) and isinstance(scene, str | Path)):
        return
    if _is_model(Path(scene)) and not _is_model(Path(model)):
        kind = "an ONNX file" if is_onnx(scene) else "a model folder"
        raise ModelError(
            f"model and scene are swapped: {scene} is {kind}, {model} is none; the model comes first"
        )


def is_onnx(path: object) -> bool:
    """Whether a path names an ONNX file, by its ending."""
    return isinstance(path, str | Path) and Path(path).suffix.lower() == ".onnx"


def _is_model(path: Path) -> bool:
    return is_onnx(path) or (path / CARD_FILE).is_file()


def _feed(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
