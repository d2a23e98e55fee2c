"""An ONNX file of a model: one graph with its weights and all that is known about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from ...core.errors import MissingExtraError, ModelError
from ...core.files import replacing
from ..onnx_metadata import OUTPUT
from ..saved import LoadedModel
from .program import (
    GraphShape,
    check_alike,
    expected,
    graph_inputs,
    reason,
    trace,
    trials,
)

if TYPE_CHECKING:
    import onnx

_FATAL = 4
"""What onnxruntime prints: nothing else, for all else is raised."""
_MOST_BYTES = (1 << 31) - (1 << 24)
"""Of one file: a protocol buffer ends at 2 GB, and some are for the graph."""


def make_onnx(model: LoadedModel, shape: GraphShape) -> onnx.ModelProto:
    """The graph as ONNX, checked: onnxruntime gives the answers of prediction with it.

    Raises:
        MissingExtraError: a library of the extra `onnx` is not installed.
        ModelError: the graph cannot be made, or answers otherwise; the message gives the reason.
    """
    libraries = onnx_libraries()
    _check_size(model)
    program = trace(model, shape)
    names = [str(key) for key in graph_inputs(model.card)]
    try:
        with _quiet():
            made = torch.onnx.export(
                program, (), dynamo=True, input_names=names, output_names=[OUTPUT], verbose=False
            )
        assert made is not None  # only the exporter of old returns nothing
        proto: onnx.ModelProto = made.model_proto
    except (
        Exception
    ) as error:  # an operation that ONNX has not, or that torch cannot put into its words
        raise ModelError(_told(error)) from error
    _tidy(proto, model, shape)
    libraries["onnx"].checker.check_model(proto)
    _check_answers(libraries["onnxruntime"], proto, model, shape)
    return proto


def write_onnx(proto: onnx.ModelProto, out: Path, props: Mapping[str, str]) -> None:
    """Write the file with its metadata, whole or not at all.

    Raises:
        WriteError: the system refuses.
    """
    import onnx

    whole = onnx.ModelProto()
    whole.CopyFrom(proto)
    onnx.helper.set_model_props(whole, dict(props))
    with replacing(out) as scratch:
        scratch.write_bytes(whole.SerializeToString())


def onnx_libraries() -> dict[str, ModuleType]:
    """The libraries of the extra `onnx`, by name.

    Raises:
        MissingExtraError: one is not installed.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx") from error  # one of the three
    return {"onnx": onnx, "onnxruntime": onnxruntime, "onnxscript": onnxscript}


def _check_size(model: LoadedModel) -> None:
    size = sum(
        weight.numel() * weight.element_size() for weight in model.network.state_dict().values()
    )
    if size > _MOST_BYTES:
        raise ModelError(
            f"the weights are {size / 1e9:.1f} GB, and an ONNX file holds 2 GB; export a program of torch "
            "(*.pt2)"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's remarks are for those who write exporters."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _told(error: Exception) -> str:
    """What an error of the exporter says: the innermost cause, whose text is the shortest."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return reason(cause if isinstance(cause, Exception) else error)


def _tidy(proto: onnx.ModelProto, model: LoadedModel, shape: GraphShape) -> None:
    """Name what is free, and take out what the exporter noted of this machine's files."""
    graph = proto.graph
    del graph.value_info[:]  # sizes of intermediate results, in names that are replaced here
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for held in (graph, proto):
        del held.metadata_props[:]
        held.doc_string = ""
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.doc_string = ""
        if hasattr(value, "metadata_props"):
            del value.metadata_props[:]
    shapes = shape.shapes(model.card)
    for value in (*graph.input, *graph.output):
        axes = value.type.tensor_type.shape.dim
        for axis, length in zip(axes, shapes[value.name], strict=True):
            if isinstance(length, str):
                axis.dim_param = length
            else:
                axis.dim_value = length


def _check_answers(
    onnxruntime: ModuleType, proto: onnx.ModelProto, model: LoadedModel, shape: GraphShape
) -> None:
    """Compare the file's answers with prediction's, for the sizes and batches that it says to take."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    for inputs in trials(model.card, shape):
        try:
            (found,) = session.run(None, {key: value.numpy() for key, value in inputs.items()})
        except Exception as error:  # onnxruntime's errors have no class of their own
            raise ModelError(f"onnxruntime: {reason(error)}") from error
        check_alike(torch.from_numpy(found), expected(model, inputs), "onnxruntime")
