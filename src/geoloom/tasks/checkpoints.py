"""Checkpoints as files: written beside the old one and renamed, read without ever running what they hold."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO

from ..core.errors import ModelError
from ..core.files import replacing

# What torch raises, by its own account or by accident, for a file that is not a plain checkpoint.
DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class FolderCheckpoints(TorchCheckpointIO):
    """Lightning's way to checkpoints, without its detour over the folder for temporary files.

    That folder is often on another disk, so that Lightning copies the new checkpoint over the old one, and a
    kill while it does loses both.

    Args:
        folder: The model's, which is locked while it is written to.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint, whole or not at all.

        Raises:
            WriteError: the system refuses.
        """
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, within=self._folder) as scratch:
            scratch.write_bytes(buffer.getbuffer())

    def load_checkpoint(
        self, path: Any, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """See `read_checkpoint`."""
        return read_checkpoint(Path(path))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's tensors and plain values, on the processor. Nothing in the file is run.

    Raises:
        ModelError: it is damaged, or holds anything else, such as a pickled object.
    """
    try:
        _check_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGE as error:
        raise _refusal(path, type(error).__name__) from None
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise _refusal(path, "no weights in it")
    return content


def _check_archive(path: Path) -> None:
    """Refuse what unpacks to more than it is: torch stores its tensors as they are."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise ValueError("unpacks to more than it is")


def _refusal(path: Path, why: str) -> ModelError:
    # torch's own text would explain how to run what is in the file.
    return ModelError(
        f"{path} is not a checkpoint that can be gone on with ({why}): it is damaged, or holds more than "
        "tensors and plain values, which geoloom never loads; start over with overwrite=True (--overwrite)"
    )
