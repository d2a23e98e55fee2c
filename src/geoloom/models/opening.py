"""Models by their path, whatever they lie in: a folder of ours, or an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .identity import folder_hash, is_onnx

if TYPE_CHECKING:
    from .foreign.predictor import OnnxPredictor
    from .saved import LoadedModel


def load_scorer(path: str | Path, device: str) -> LoadedModel | OnnxPredictor:
    """The model of a folder, or of an ONNX file of which all is known without stating it here.

    Args:
        path: Of either.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        ModelError: as `load_model` and `open_onnx`.
    """
    if is_onnx(path):
        from .foreign.predictor import open_onnx

        return open_onnx(path, device=device)
    from .device import choose_device
    from .saved import load_model

    return load_model(path, choose_device(device))


def model_identity(path: str | Path, model: LoadedModel | OnnxPredictor) -> str:
    """What changes with the answers of a model: of its files, apart from where they lie."""
    return model.fingerprint if is_onnx(path) else folder_hash(path)  # type: ignore[union-attr]
