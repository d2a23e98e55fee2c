"""From a trained model to a file that other programs run."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Unpack

import torch

from ...core.errors import ModelError, WriteError
from ...core.files import may_replace
from ...core.settings.configs import configured
from ..foreign.graph import read_graph
from ..identity import WEIGHTS_FILE
from ..onnx_metadata import OnnxMetadata
from ..saved import LoadedModel, load_model, write_json
from .config import ENDINGS, ExportConfig, ExportSettings, Format
from .deepness import check_deepness, deepness_props
from .mlm import ModelFile, mlm_item
from .onnx_file import make_onnx, onnx_libraries, write_onnx
from .program import GraphShape
from .shapes import check_exportable, first_possible, shapes_to_try
from .torch_file import make_program, read_extra, write_program

log = logging.getLogger(__name__)


def export(
    model: str | Path | LoadedModel,
    out: str | Path,
    config: ExportConfig | None = None,
    *,
    overwrite: bool = False,
    **settings: Unpack[ExportSettings],
) -> Path:
    """Write a trained model as a file that runs without geoloom: ONNX, a program of torch, or a STAC item.

    Guarantee: the file is the whole way from stored numbers to finished answers, the same that `predict`
    goes: normalisation, network, activation, temperature, values in their units. Before it is written it
    answers an example as `predict` does, to 1e-4, or is refused.

    Inputs are named as in a sample: `image` float32 (B, C, H, W), the stored numbers of the model's bands,
    NaN where not observed; of networks over series (B, T, C, H, W), and `times` float64 (B, T), seconds since
    1970 UTC, where the network asks for it. The output is `scores` float32 (B, K, H, W), or (B, K) per image.
    The card of the model travels inside: see `models.onnx_metadata`.

    Args:
        model: A model folder, or a loaded model.
        out: The file: `*.onnx`, `*.pt2` or `*.json`.
        config: What kind of file, and what it shall take; `ExportConfig` explains each setting.
        overwrite: Replace what is there.
        settings: Fields of `ExportConfig` by name, such as `tile_size=256`, in place of those of `config`.

    Returns:
        Path of the file.

    Raises:
        ModelError: the model has no graph, which boxes never have; the message gives the reason.
        ConfigError: a setting cannot be, or does not go with the model or the file's name.
        MissingExtraError: a library of the extra `onnx` is not installed.
        WriteError: the file exists and `overwrite` is not set, or cannot be written.

    Example:
        >>> export("model/", "model.onnx")                            # doctest: +SKIP
        PosixPath('model.onnx')
        >>> export("model/", "plugin.onnx", format="deepness")        # doctest: +SKIP
        PosixPath('plugin.onnx')
    """
    return export_model(model, out, config, overwrite=overwrite, **settings).out


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has made."""

    out: Path
    format: Format
    takes: str
    """Which tiles and series, in words."""
    file: Path | None = None
    """Of an item: the file that it describes."""


def export_model(
    model: str | Path | LoadedModel,
    out: str | Path,
    config: ExportConfig | None = None,
    *,
    overwrite: bool = False,
    **settings: Unpack[ExportSettings],
) -> Exported:
    """As `export`, telling what came of it."""
    chosen = configured(ExportConfig, config, settings)
    path = Path(out)
    kind = chosen.format_of(path)
    may_replace(path, overwrite=overwrite, inputs=[] if isinstance(model, LoadedModel) else [model])
    file = chosen.described(path)
    if ENDINGS[(file or path).suffix.lower()] == "onnx":
        onnx_libraries()  # before minutes of work
    loaded = model if isinstance(model, LoadedModel) else load_model(model)
    check_exportable(loaded.card)
    if kind == "deepness":
        check_deepness(loaded.card)
    if file is not None:
        return _write_item(loaded, path, file, chosen, _trained(model), overwrite)
    shape = _write_file(loaded, path, chosen, kind)
    return Exported(path, kind, shape.text)


def _write_file(model: LoadedModel, out: Path, config: ExportConfig, kind: Format) -> GraphShape:
    """Make and write an ONNX file or a program of torch."""
    shapes = shapes_to_try(model.card, config, kind)
    if kind == "torch":
        program, shape = first_possible(model.card, shapes, lambda s: make_program(model, s))
        write_program(program, out, _metadata(model, shape).to_props())
        return shape
    proto, shape = first_possible(model.card, shapes, lambda s: make_onnx(model, s))
    plugin = deepness_props(model.card, None if shape.any_size else shape.tile_px)
    write_onnx(proto, out, {**plugin, **_metadata(model, shape).to_props()})
    return shape


def _metadata(model: LoadedModel, shape: GraphShape) -> OnnxMetadata:
    tile = model.card.chip_size_px if shape.any_size else shape.tile_px
    return OnnxMetadata(model.card, tile, shape.shapes(model.card), _weights_hash(model))


def _weights_hash(model: LoadedModel) -> str:
    """SHA-256 over names and numbers of the network's weights."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _write_item(
    model: LoadedModel,
    out: Path,
    file: Path,
    config: ExportConfig,
    trained: datetime,
    overwrite: bool,
) -> Exported:
    """Write a STAC item, and the file that it describes where that is not there."""
    kind = ENDINGS[file.suffix.lower()]
    if not _is_of(file, kind, model):
        try:
            may_replace(file, overwrite=overwrite)
        except WriteError as error:
            raise WriteError(f"{file} is not an export of this model: {error}") from error
        _write_file(model, file, config, kind)
    metadata = _read_metadata(file, kind)
    assert metadata is not None  # it is of this model
    described = ModelFile(
        href=_href(file, out),
        kind="torch" if kind == "torch" else "onnx",
        metadata=metadata,
        library=_plain_version(torch.__version__ if kind == "torch" else _onnx_version()),
        parameters=sum(weight.numel() for weight in model.network.parameters()),
        memory_bytes=sum(w.numel() * w.element_size() for w in model.network.state_dict().values()),
        trained=trained,
    )
    write_json(out, mlm_item(out.stem, described))
    return Exported(out, "mlm", _takes(metadata), file)


def _takes(metadata: OnnxMetadata) -> str:
    """Which tiles and series an exported file takes, in words."""
    image = metadata.shapes["image"]
    series = len(image) == 5
    return GraphShape(
        tile_px=image[-1] if isinstance(image[-1], int) else 1,
        dates=(image[1] if isinstance(image[1], int) else 1) if series else None,
        any_size=isinstance(image[-1], str),
        any_dates=series and isinstance(image[1], str),
    ).text


def _is_of(file: Path, kind: Format, model: LoadedModel) -> bool:
    """Whether a file says that it is an export of this very model."""
    try:
        metadata = _read_metadata(file, kind) if file.exists() else None
    except ModelError:  # whatever it is
        return False
    return metadata is not None and metadata.weights_sha256 == _weights_hash(model)


def _read_metadata(file: Path, kind: Format) -> OnnxMetadata | None:
    props = read_extra(file) if kind == "torch" else dict(read_graph(file).metadata)
    return OnnxMetadata.from_props(props, where=str(file))


def _href(file: Path, item: Path) -> str:
    """A file as seen from an item."""
    try:
        href = Path(os.path.relpath(file, item.parent)).as_posix()
    except ValueError:  # another drive
        return file.absolute().as_uri()
    return href if href.startswith("..") else f"./{href}"


def _trained(model: str | Path | LoadedModel) -> datetime:
    """When a model's weights were written; now, of a model in memory."""
    if isinstance(model, LoadedModel):
        return datetime.now(UTC)
    return datetime.fromtimestamp((Path(model) / WEIGHTS_FILE).stat().st_mtime, UTC)


def _onnx_version() -> str:
    return str(onnx_libraries()["onnx"].__version__)


def _plain_version(version: str) -> str:
    """Three numbers, of a version that may say more: `2.14.1+cpu` is 2.14.1."""
    numbers = [part for part in version.partition("+")[0].split(".") if part.isdecimal()]
    return ".".join([*numbers, "0", "0"][:3])
