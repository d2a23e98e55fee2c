"""Small ONNX files as strangers write them: made node by node with `onnx`, without torch or geoloom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'geoloom[onnx]'")
pytest.importorskip("onnxruntime", reason="not installed: pip install 'geoloom[onnx]'")


def write_network(
    path, weights, *, bias=0.0, end=(), size=(None, None), batch="n", dtype="float32",
    layout="NCHW", per_image=False, metadata=None, weights_in=None, domain="", extra_output=False,
):  # fmt: skip
    """A network that mixes the bands of each pixel: `weights` (K, C), then the operations `end`.

    Args:
        size: Rows and columns, None where free.
        batch: A number, or the name of a free one.
        weights_in: Name of a file beside it for the weights.
        domain: Of the operations `end`.
    """
    weights = np.asarray(weights, "float32")
    outputs, bands = weights.shape
    helper = onnx.helper
    kernel = onnx.numpy_helper.from_array(weights[:, :, None, None], "kernel")
    shift = onnx.numpy_helper.from_array(np.full(outputs, bias, "float32"), "shift")
    nodes, last = [], "image"

    def then(op, *others, **attributes):
        nonlocal last
        made = f"{op}_{len(nodes)}"
        nodes.append(helper.make_node(op, [last, *others], [made], **attributes))
        last = made

    if dtype != "float32":
        then("Cast", to=onnx.TensorProto.FLOAT)
    if layout == "NHWC":
        then("Transpose", perm=[0, 3, 1, 2])
    then("Conv", "kernel", "shift")
    if per_image:
        then("GlobalAveragePool")
        then("Flatten")
    for op in end:
        axis = {} if op in ("Sigmoid", "Mystery") else {"axis": 1}
        keep = {"keepdims": 0} if op == "ArgMax" else {}
        nodes.append(helper.make_node(op, [last], [f"end_{op}"], domain=domain, **axis, **keep))
        last = f"end_{op}"
    if layout == "NHWC" and not per_image:
        then("Transpose", perm=[0, 2, 3, 1])
    if last != "scores":
        nodes.append(helper.make_node("Identity", [last], ["scores"]))
    rows, cols = size
    sides = [batch, bands, rows or "rows", cols or "cols"]
    if layout == "NHWC":
        sides = [batch, rows or "rows", cols or "cols", bands]
    kind = getattr(
        onnx.TensorProto, {"float64": "DOUBLE", "float16": "FLOAT16"}.get(dtype, dtype.upper()), 1
    )
    answers = onnx.TensorProto.INT64 if "ArgMax" in end else onnx.TensorProto.FLOAT
    given = [batch, outputs, rows or "rows", cols or "cols"]
    if layout == "NHWC":
        given = [batch, rows or "rows", cols or "cols", outputs]
    if per_image:
        given = [batch, outputs]
    if "ArgMax" in end:
        given = given[:1] + given[2:]
    outs = [helper.make_tensor_value_info("scores", answers, given)]
    if extra_output:
        outs.append(helper.make_tensor_value_info("aside", onnx.TensorProto.FLOAT, given))
        nodes.append(helper.make_node("Neg", ["scores"], ["aside"]))
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("image", kind, sides)], outs, [kernel, shift]
    )
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="stranger")
    if metadata:
        helper.set_model_props(model, metadata)
    where = {}
    if weights_in:
        where = {"save_as_external_data": True, "location": weights_in, "size_threshold": 0}
    onnx.save_model(model, str(path), **where)
    return Path(path)
