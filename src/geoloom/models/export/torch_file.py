"""A program of torch's own, `.pt2`: what `torch.export.load` reads, without geoloom."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch

from ...core.errors import ModelError
from ...core.files import replacing
from ..onnx_metadata import KEY
from ..saved import LoadedModel
from .program import GraphShape, check_alike, expected, reason, trace, trials

_MOST_BYTES = 16 << 20
"""Of the metadata: a card is some kilobytes."""


def make_program(model: LoadedModel, shape: GraphShape) -> torch.export.ExportedProgram:
    """The graph as a program of torch, checked: it gives the answers of prediction.

    Raises:
        ModelError: the graph cannot be made, or answers otherwise; the message gives the reason.
    """
    program = trace(model, shape)
    run = program.module()
    for inputs in trials(model.card, shape):
        try:
            with torch.inference_mode():
                found = run(*inputs.values())
        except Exception as error:  # a size that the graph was not made for
            raise ModelError(reason(error)) from error
        check_alike(found, expected(model, inputs), "the program")
    return program


def write_program(
    program: torch.export.ExportedProgram, out: Path, props: Mapping[str, str]
) -> None:
    """Write the file with its metadata as extra files, whole or not at all.

    Raises:
        WriteError: the system refuses.
    """
    program.example_inputs = None
    whole = io.BytesIO()  # by path, torch asks for an ending that a scratch file has not
    torch.export.save(program, whole, extra_files=dict(props))
    with replacing(out) as scratch:
        scratch.write_bytes(whole.getbuffer())


def read_extra(file: Path) -> dict[str, str]:
    """The metadata of a program, without loading the program.

    Raises:
        ModelError: the file is none.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [e for e in archive.infolist() if Path(e.filename).name == KEY]
            if not entries or entries[0].file_size > _MOST_BYTES:
                return {}
            return {KEY: archive.read(entries[0]).decode()}
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ModelError(
            f"{file} is not a program of torch ({error}); export it again, or give another name"
        ) from error
