"""What the graph of an ONNX file says by itself: inputs, outputs, where it ends, and which files it needs.

The file is read as data. Nothing in it is run, no weights beside it are loaded, and torch is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ...core.errors import MissingExtraError, ModelError

Side = int | str | None
"""Of a tensor: how many; the name of a number that is free; or None, where nothing is said."""

_ENDS_IN = {"Softmax": "probabilities", "Sigmoid": "probabilities", "HardSigmoid": "probabilities"}
_ENDS_IN |= {"LogSoftmax": "logarithms", "ArgMax": "positions"}
_ENDS_IN |= dict.fromkeys(
    ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "BatchNormalization"), "raw numbers"
)
_PASSING = {"Identity", "Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Slice"}
_PASSING |= {"Resize", "GlobalAveragePool", "AveragePool"}
"""Operations that leave what a number means as it is."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output of a graph."""

    name: str
    dtype: str
    """numpy's name."""
    shape: tuple[Side, ...] | None
    """None where nothing is said."""

    def __str__(self) -> str:
        sides = "?" if self.shape is None else ", ".join(str(side or "?") for side in self.shape)
        return f"{self.name}: {self.dtype} [{sides}]"


@dataclass(frozen=True, slots=True)
class Graph:
    """What an ONNX file holds, apart from weights. Plain values."""

    path: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    ends_in: tuple[str | None, ...]
    """Of each output: `raw numbers`, `probabilities`, `logarithms` of these, or `positions` of the largest,
    by its last operation; None where that does not tell."""
    metadata: tuple[tuple[str, str], ...]
    """The entries that the file's maker has put into it."""
    weights: tuple[str, ...]
    """Names of the files beside it that hold weights."""
    opset: int
    producer: str

    def output(self, name: str) -> tuple[Tensor, str | None]:
        """An output, and what it ends in.

        Raises:
            KeyError: there is none of that name.
        """
        for tensor, end in zip(self.outputs, self.ends_in, strict=True):
            if tensor.name == name:
                return tensor, end
        raise KeyError(name)

    @property
    def files(self) -> tuple[Path, ...]:
        """All that decides its answers: the file, then those with weights."""
        file = Path(self.path)
        return (file, *(file.parent / name for name in self.weights))


def read_graph(path: str | Path) -> Graph:
    """What an ONNX file says by itself.

    Raises:
        ModelError: it is missing, empty, damaged or no network, or its weights lie elsewhere than beside it
            or are missing; the message names the file.
        MissingExtraError: onnx is not installed.
    """
    file = Path(path)
    if not file.is_file():
        raise ModelError(f"{file} is no file; give an ONNX file, or a model folder")
    model = _parsed(file)
    graph = model.graph
    if not graph.node or not graph.output:
        raise ModelError(
            f"{file} holds no network{' (it is empty)' if not file.stat().st_size else ''}; copy or export "
            "it again"
        )
    own = {tensor.name for tensor in graph.initializer}  # old files list weights as inputs
    return Graph(
        str(file),
        tuple(_tensor(value, file) for value in graph.input if value.name not in own),
        tuple(_tensor(value, file) for value in graph.output),
        tuple(_end(graph, value.name) for value in graph.output),
        tuple((entry.key, entry.value) for entry in model.metadata_props),
        _weights(model, file),
        max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0),
        f"{model.producer_name} {model.producer_version}".strip(),
    )


def _parsed(file: Path) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx") from error
    try:
        return onnx.load_model(str(file), format="protobuf", load_external_data=False)
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({error.strerror or error})") from error
    except Exception as error:  # protobuf's own, which differ between its versions
        raise ModelError(
            f"{file} is no ONNX file, or a damaged one ({error}); copy or export it again"
        ) from error


def _tensor(value: Any, file: Path) -> Tensor:
    import onnx

    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise ModelError(
            f"{value.name!r} of {file} is a {(kind or 'value of no type').removesuffix('_type')}, expected a "
            "tensor; export a network whose inputs and outputs are tensors"
        )
    tensor = value.type.tensor_type
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    except KeyError as error:
        raise ModelError(
            f"{value.name!r} of {file} has numbers of an unknown type ({tensor.elem_type}); export it again, "
            "or update onnx"
        ) from error
    if not tensor.HasField("shape"):
        return Tensor(value.name, dtype, None)
    return Tensor(value.name, dtype, tuple(map(_side, tensor.shape.dim)))


def _side(dim: Any) -> Side:
    if dim.HasField("dim_value"):
        return int(dim.dim_value) if dim.dim_value > 0 else None  # some exporters write 0 or -1
    return str(dim.dim_param) or None


def _end(graph: Any, output: str) -> str | None:
    """What an output means, by the last operation that gives its numbers their meaning."""
    makers = {name: node for node in graph.node for name in node.output}
    for _ in range(len(graph.node)):
        node = makers.get(output)
        if node is None or node.domain not in ("", "ai.onnx"):
            return None
        if node.op_type not in _PASSING:
            return _ENDS_IN.get(node.op_type)
        output = node.input[0]
    return None


def _weights(model: Any, file: Path) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for tensor in _tensors(model.graph):
        for entry in tensor.external_data:
            if entry.key == "location":
                names[entry.value] = None
    for name in names:
        parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
        if not name or ".." in parts or PurePosixPath(name).root or PureWindowsPath(name).anchor:
            raise ModelError(
                f"{file} wants weights from {name!r}, expected a file beside it; do not use it, or export it "
                "again"
            )
        if not (file.parent / name).is_file():
            raise ModelError(
                f"{file} keeps its weights in {name}, which is not beside it; copy that too"
            )
    return tuple(names)


def _tensors(graph: Any) -> Iterator[Any]:
    """All weights of a graph, those of its branches and loops too."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)
