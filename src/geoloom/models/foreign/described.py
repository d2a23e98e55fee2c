"""All that is known of a network in an ONNX file, where each fact comes from, and what has to be stated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import ConfigError, ModelError
from ..onnx_metadata import OnnxMetadata
from .deepness import deepness_facts
from .facts import Activation, NetworkFacts
from .graph import Graph, Side, Tensor, read_graph
from .sidecar import sidecar_of

STATED = "stated"
"""Where facts come from that the caller gives."""


@dataclass(frozen=True, slots=True)
class DescribedNetwork:
    """What is known of a network. Plain values: no session, no weights."""

    graph: Graph
    facts: NetworkFacts
    """Of someone else's network; nothing, of one that geoloom has exported."""
    origins: tuple[tuple[str, str], ...]
    """Where each fact comes from: `stated`, a file beside the network, its metadata, its graph."""
    own: OnnxMetadata | None
    """What geoloom has written into a network that it exported."""
    gsd_m: float | None = None
    """Ground sample distance that it was made for, metres."""
    output_scaling: float = 1.0
    """What values are multiplied with."""
    remarks: tuple[str, ...] = ()
    """What a user should know beside."""

    @property
    def image(self) -> Tensor:
        """The input that takes the image."""
        return next((t for t in self.graph.inputs if t.name == "image"), self.graph.inputs[0])

    @property
    def channels(self) -> Side:
        """How many bands it takes, where the file says it."""
        shape = self.image.shape
        return None if shape is None else shape[3 if self.facts.layout == "NHWC" else -3]

    @property
    def missing(self) -> tuple[str, ...]:
        """What has to be stated, each in words that name the options."""
        if self.own is not None:
            return ()
        facts, bands = self.facts, self.channels
        names = ", ".join(tensor.name for tensor in self.graph.outputs)
        unclear = facts.classes is not None or None in self.graph.ends_in
        wanted = {
            f"bands (--bands): the {bands if isinstance(bands, int) else 'scene bands'} that it reads"
            f"{' of the scene' if isinstance(bands, int) else ''}, in its order": facts.bands
            is None,
            "scale (--scale): what stored numbers are multiplied with, 1 for nothing; or model_unit "
            "(--model-unit), such as surface_reflectance, where the scene says how its numbers become that": (
                facts.scale is None and facts.model_unit is None
            ),
            "mean (--mean): what is subtracted of each band, 0 for nothing": facts.mean is None,
            "std (--std): what that is divided by, 1 for nothing": facts.std is None,
            "classes (--classes): their names, in the order of its answers; or values (--values)": (
                facts.classes is None and facts.values is None
            ),
            f"answer (--answer): which of its outputs, {names}": facts.answer is None,
            "activation (--activation): softmax or sigmoid, where its answers are no probabilities yet, or "
            "none": facts.activation is None and unclear,
        }
        return tuple(words for words, is_missing in wanted.items() if is_missing)

    def check(self) -> None:
        """Refuse a network of which something is not known.

        Raises:
            ModelError: the message names all that has to be stated, and how.
        """
        if not self.missing:
            return
        known = ", ".join(f"{name} ({origin})" for name, origin in self.origins) or "nothing"
        remarks = "".join(f" {remark}." for remark in self.remarks)
        path = Path(self.graph.path)
        raise ModelError(
            f"{path} is someone else's network, [{self.image}] to "
            f"[{'; '.join(map(str, self.graph.outputs))}]; known of it: {known}.{remarks} Nothing "
            f"is guessed: state also {'; '.join(self.missing)}. Or write them once into {path.name}.json "
            "beside it"
        )


def describe_network(path: str | Path, stated: NetworkFacts | None = None) -> DescribedNetwork:
    """What is known of the network in an ONNX file.

    What is stated wins over a file beside it (see `sidecar.sidecar_of`), that over the file's metadata (of
    the QGIS plugin Deepness), and those over what its graph shows.

    Raises:
        ModelError: the file is missing or damaged, or is no network over an image.
        ConfigError: facts are stated of a network that geoloom has exported, which holds them.
        MissingExtraError: onnx is not installed.
    """
    graph, given = read_graph(path), stated or NetworkFacts()
    own = OnnxMetadata.from_props(dict(graph.metadata), where=graph.path)
    beside = sidecar_of(path)
    if own is not None:
        if given.stated:
            refuse_facts(given, graph.path)
        if beside is not None and beside.facts is not None:
            raise ModelError(
                f"{beside.path} states facts of {graph.path}, which geoloom has exported and which holds "
                "them itself; remove that file"
            )
        return DescribedNetwork(graph, given, (), own)
    _check_input(graph)
    sources: list[tuple[str, NetworkFacts]] = [(STATED, given)]
    remarks = []
    if beside is not None and beside.facts is not None:
        sources.append((beside.path.name, beside.facts))
    elif beside is not None:
        remarks.append(f"{beside.path.name} beside it is in another program's format, and not read")
    plugin = deepness_facts(dict(graph.metadata), graph.path)
    if plugin is not None:
        sources.append(("Deepness metadata", plugin.facts))
        if plugin.not_applied:
            remarks.append(f"{' and '.join(plugin.not_applied)} of its metadata are not applied")
    facts, origins = _merged(sources)
    facts, origins = _with_shown(graph, facts, origins)
    return DescribedNetwork(
        graph,
        facts,
        origins,
        None,
        None if plugin is None else plugin.gsd_m,
        1.0 if plugin is None else plugin.output_scaling,
        tuple(remarks),
    )


def refuse_facts(facts: NetworkFacts | None, model: str) -> None:
    """Refuse facts that are stated of a model that knows them itself.

    Raises:
        ConfigError: some are; the message names them.
    """
    if facts is not None and facts.stated:
        raise ConfigError(
            f"{', '.join(facts.stated)} are facts of a network of someone else's in an ONNX file; {model} "
            "knows its own: leave them out"
        )


def _check_input(graph: Graph) -> None:
    if len(graph.inputs) != 1:
        found = "; ".join(map(str, graph.inputs)) or "none"
        raise ModelError(
            f"{graph.path} takes {len(graph.inputs)} inputs ({found}), expected one, the image: export a "
            "network of one input"
        )
    shape = graph.inputs[0].shape
    if shape is not None and len(shape) != 4:
        raise ModelError(
            f"{graph.path} takes [{graph.inputs[0]}], expected four axes: batch, bands, rows, columns; "
            "export a network over images"
        )


Origins = tuple[tuple[str, str], ...]


def _merged(sources: list[tuple[str, NetworkFacts]]) -> tuple[NetworkFacts, Origins]:
    """The facts, earlier sources before later ones, and where each comes from."""
    facts, origins = NetworkFacts(), {}
    for origin, known in sources:
        merged = facts.over(known)
        origins.update(dict.fromkeys(set(merged.stated) - set(facts.stated), origin))
        facts = merged
    return facts, tuple((name, origins[name]) for name in facts.stated)


def _with_shown(
    graph: Graph, facts: NetworkFacts, origins: Origins
) -> tuple[NetworkFacts, Origins]:
    """With what the graph itself shows, where nothing else says it."""
    shown: dict[str, Any] = {"layout": _layout(graph.inputs[0].shape, facts)}
    if len(graph.outputs) == 1:
        shown["answer"] = graph.outputs[0].name
    facts, origins = _adding(facts, origins, shown)
    names = [tensor.name for tensor in graph.outputs]
    if facts.answer is None:
        return facts, origins
    if facts.answer not in names:
        raise ModelError(
            f"{graph.path} has no output {facts.answer!r}; its outputs are {', '.join(names)}"
        )
    return _adding(facts, origins, {"activation": _activation(graph, facts)})


def _adding(
    facts: NetworkFacts, origins: Origins, shown: dict[str, Any]
) -> tuple[NetworkFacts, Origins]:
    new = {name: value for name, value in shown.items() if value is not None}
    new = {name: value for name, value in new.items() if getattr(facts, name) is None}
    return facts.over(NetworkFacts(**new)), (*origins, *((name, "graph") for name in new))


def _layout(shape: tuple[Side, ...] | None, facts: NetworkFacts) -> str:
    """ONNX's own order, bands first, unless the sides of the input say otherwise."""
    if shape is None or facts.bands is None:
        return "NCHW"
    first, last = shape[1], shape[3]
    count = len(facts.bands)
    return "NHWC" if last == count and isinstance(first, int | str) and first != count else "NCHW"


def _activation(graph: Graph, facts: NetworkFacts) -> Activation | None:
    """What makes probabilities of the answers, by the last operation of the graph; None where unknown."""
    assert facts.answer is not None  # the caller has looked
    tensor, end = graph.output(facts.answer)
    if facts.values is not None:
        return "none"
    if end == "positions" or tensor.dtype.startswith(("int", "uint")):
        return "positions"
    if end == "probabilities":
        return "none"
    if end == "logarithms":
        return "softmax"  # exp(log p) / sum of all p, which is 1
    if end == "raw numbers" and facts.classes is not None:
        shape, axis = tensor.shape, 3 if facts.layout == "NHWC" else 1
        alone = shape is not None and (len(shape) == 3 or (len(shape) == 4 and shape[axis] == 1))
        return "sigmoid" if alone else "softmax"
    return None
