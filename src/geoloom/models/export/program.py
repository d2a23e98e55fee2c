"""A model's pipeline as one graph: of torch, for tiles of any height and width or of one size.

Legend: B batch, T dates, C bands, K outputs, H rows, W columns, M auxiliary masks.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...core.errors import ModelError
from ..card import ModelCard
from ..listing import get_spec
from ..onnx_metadata import OUTPUT
from ..per_pixel import PerPixel
from ..pipeline import Pipeline
from ..saved import LoadedModel
from ..specs import InputKey

_ODD_PX = 13
_LARGE_PX = 512
_DAY_S = 86_400.0
_START_S = 1.5e9
_SAME = 1e-4
"""Of a score, or of the largest value where values are larger than 1: what a graph may differ by."""
_MOST_LETTERS = 300
_TRACED_PX = 160
"""Side of the tiles that a graph for any size is made with: so large that networks which halve it five times
have more than one pixel left, for axes of one are added to others by other rules."""


@dataclass(frozen=True, slots=True)
class GraphShape:
    """Which inputs a graph takes.

    Example:
        >>> GraphShape(64, dates=3, any_size=False).text
        'tiles of 64 x 64 px, series of 3 dates'
    """

    tile_px: int
    """Side of the tiles that it takes, or is tried with."""
    dates: int | None = None
    """Likewise, of networks over series; None for those that take one image."""
    any_size: bool = True
    """Whether it takes any height and width."""
    any_dates: bool = False
    """Whether it takes any number of dates."""

    @property
    def text(self) -> str:
        """In words."""
        tile = f"tiles of {self.tile_px} x {self.tile_px} px"
        size = "tiles of any height and width" if self.any_size else tile
        if self.dates is None:
            return size
        dates = "any length" if self.any_dates else f"{self.dates} dates"
        return f"{size}, series of {dates}"

    def shapes(self, card: ModelCard) -> dict[str, tuple[int | str, ...]]:
        """The axes of the graph's inputs and of its output: lengths, and names where any length will do."""
        side = self.tile_px
        size: tuple[int | str, ...] = ("height", "width") if self.any_size else (side, side)
        dates = () if self.dates is None else ("dates" if self.any_dates else self.dates,)
        known = {
            "image": ("batch", *dates, len(card.bands), *size),
            "times": ("batch", *dates),
            "aux": ("batch", masks_of(card), *size),
        }
        answers = ("batch", card.outputs.channels)
        per_pixel = card.outputs.gives == "pixels"
        return {
            **{key: known[key] for key in graph_inputs(card)},
            OUTPUT: (*answers, *size) if per_pixel else answers,
        }


def masks_of(card: ModelCard) -> int:
    """How many auxiliary masks a network takes."""
    options = {**get_spec(card.architecture).options(), **card.options}
    return int(options.get("masks", 1))


def graph_inputs(card: ModelCard) -> tuple[InputKey, ...]:
    """The keys of a sample that a graph takes: what was observed is told by NaN, and needs none."""
    return tuple(
        key for key in get_spec(card.architecture).inputs or ("image",) if key != "valid_series"
    )


def trace(model: LoadedModel, shape: GraphShape) -> torch.export.ExportedProgram:
    """The graph of a model: finished answers to imagery as it is stored, NaN where not observed.

    Raises:
        ModelError: torch cannot make one; the message gives its reason.
    """
    tried = replace(shape, tile_px=_TRACED_PX) if shape.any_size else shape
    inputs, shapes = example(model.card, tried), shape.shapes(model.card)
    module = _ENTRIES[tuple(key for key in inputs if key != "image")](_for_a_graph(model))
    free = {
        key: {
            axis: torch.export.Dim.DYNAMIC
            for axis, length in enumerate(shapes[key])
            if isinstance(length, str)
        }
        for key in inputs
    }
    try:
        with torch.no_grad():
            program = torch.export.export(
                module.eval(), tuple(inputs.values()), dynamic_shapes=free, strict=False
            )
    except Exception as error:  # whatever a network does that a graph cannot
        raise ModelError(reason(error)) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names files of this machine
    return program


def reason(error: Exception) -> str:
    """What a library's message says, in a sentence: the first of its points, or else its first line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    points = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    text = [*points, *lines, type(error).__name__][0].partition(". ")[0]
    if text.startswith("Guard failed"):  # and then a formula of sizes
        return "torch's program of it holds for some sizes alone"
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."


def example(
    card: ModelCard, shape: GraphShape, *, batch: int = 2, more_px: int = 0
) -> dict[str, Tensor]:
    """Inputs of a graph by their names, like those of the training, and partly unobserved.

    Args:
        card: The model's.
        shape: What the graph takes.
        batch: How many images.
        more_px: What the sides are larger by than a tile: rows by once, columns by twice as much.
    """
    draw = torch.Generator().manual_seed(7)
    height, width = shape.tile_px + more_px, shape.tile_px + 2 * more_px
    dates = () if shape.dates is None else (shape.dates,)
    image = torch.randn((batch, *dates, len(card.bands), height, width), generator=draw)
    rule = card.normalization
    if rule is not None and rule["center"]:
        center, scale = (torch.tensor(rule[key])[:, None, None] for key in ("center", "scale"))
        image = image * scale + center
    image[0, ..., 0, : height // 4, : width // 4] = torch.nan  # one band that is missing is enough
    days = torch.randint(1, 40, (batch, shape.dates or 1), generator=draw).double().cumsum(1)
    given = {
        "image": image,
        "times": _START_S + _DAY_S * days,
        "aux": torch.rand((batch, masks_of(card), height, width), generator=draw) > 0.5,
    }
    return {str(key): given[key] for key in graph_inputs(card)}


def trials(card: ModelCard, shape: GraphShape) -> list[dict[str, Tensor]]:
    """Inputs that a graph has to answer as prediction does: one tile, and several, of an odd size if any."""
    more_px = _ODD_PX if shape.any_size else 0
    longer = replace(shape, dates=(shape.dates or 1) + 1) if shape.any_dates else shape
    several = 3 if shape.tile_px <= _LARGE_PX else 2
    return [example(card, shape, batch=1), example(card, longer, batch=several, more_px=more_px)]


def expected(model: LoadedModel, inputs: Mapping[str, Tensor]) -> Tensor:
    """What prediction gives to the inputs of a graph."""
    given = {key: value.to(model.device) for key, value in inputs.items()}
    image = given.pop("image")
    return model.pipeline.predict(image, _observed(image), **given).cpu()


def check_alike(found: Tensor, wanted: Tensor, what: str) -> None:
    """Refuse answers of a graph that are not those of prediction.

    Raises:
        ModelError: they differ by more than 1e-4, or in shape; the message says by how much.
    """
    if found.shape != wanted.shape:
        raise ModelError(f"{what} gives {tuple(found.shape)}, and prediction {tuple(wanted.shape)}")
    size = max(1.0, float(wanted.abs().nan_to_num().max()))
    difference = float((found - wanted).abs().max())
    if not difference <= _SAME * size:
        raise ModelError(
            f"{what} gives answers that differ from those of prediction by {difference:.2g}"
        )


def _observed(image: Tensor) -> Tensor:
    """Where all bands are numbers, (B, ..., H, W)."""
    return torch.isfinite(image).all(dim=-3)


def _for_a_graph(model: LoadedModel) -> Pipeline:
    """The same pipeline on the processor, without loops over pixels; the model itself is left alone."""
    pipeline = model.pipeline
    network = copy.deepcopy(model.network).cpu().requires_grad_(False)
    network = network.to(memory_format=torch.contiguous_format)
    if isinstance(network, PerPixel):
        network = PerPixel(network.network, network.inputs, looped=False)
    return Pipeline(network, pipeline.outputs, pipeline.normalization, pipeline.inputs)


class _Entry(nn.Module):
    """A pipeline whose argument's names are those of a graph's inputs."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        self.pipeline = pipeline

    def answer(self, image: Tensor, **others: Tensor) -> Tensor:
        return self.pipeline(image, _observed(image), **others).contiguous()  # type: ignore[no-any-return]


class _OfImage(_Entry):
    def forward(self, image: Tensor) -> Tensor:
        return self.answer(image)


class _OfDates(_Entry):
    def forward(self, image: Tensor, times: Tensor) -> Tensor:
        return self.answer(image, times=times)


class _OfMasks(_Entry):
    def forward(self, image: Tensor, aux: Tensor) -> Tensor:
        return self.answer(image, aux=aux)


class _OfAll(_Entry):
    def forward(self, image: Tensor, times: Tensor, aux: Tensor) -> Tensor:
        return self.answer(image, times=times, aux=aux)


_ENTRIES: dict[tuple[str, ...], type[_Entry]] = {
    (): _OfImage,
    ("times",): _OfDates,
    ("aux",): _OfMasks,
    ("times", "aux"): _OfAll,
}
"""By what a graph takes besides the image. A graph's inputs are named by the arguments."""
