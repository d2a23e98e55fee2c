"""The card of a trained task's network, from the task and the data that it was trained on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from odc.geo.geobox import GeoBox

from ...chips.form import bands_of
from ...core.errors import ModelError
from ...datasets.base import GeoDataset
from ...models.card import ModelCard
from ...models.listing import get_spec
from ...models.plugin import Plugin
from ...models.registry import built_in
from ...models.specs import unwrapped
from ..source import TrainingSource

if TYPE_CHECKING:
    from ..base import Task


def card_of(task: Task, data: GeoDataset | TrainingSource, size: int | None) -> ModelCard:
    """What a task and its data say about the network.

    Args:
        task: Made with the name of a network.
        data: What it was trained on.
        size: Side of its chips, pixels; None takes that of numbered samples.

    Raises:
        ChipError: scenes of different scale or offset would be mixed.
        ModelError: the network has no name, or reads another number of bands than the data has.
    """
    made = task.hparams
    if "network" not in made:
        raise ModelError(
            f"the network is a {type(task.network).__name__} of your own, which nobody could make again; "
            "register it (geoloom.models.register_model), and give the task its name, in_channels= and "
            "options="
        )
    bands = bands_of(data) if isinstance(data, GeoDataset) else data.bands
    if len(bands) != made["in_channels"]:
        raise ModelError(
            f"the data has {len(bands)} bands ({', '.join(band.name for band in bands)}), the network reads "
            f"{made['in_channels']}; give the data that the task was trained on"
        )
    grid, dtype, side = _sampling(data)
    spec, rule = get_spec(made["network"]), task.normalization
    return ModelCard(
        architecture=made["network"],
        options=dict(made["options"]),
        bands=bands,
        outputs=task.outputs,
        dates=spec.dates_of(made["options"]),
        normalization=None if rule is None else rule.to_dict(),
        dtype=dtype,
        gsd=None if grid is None else math.sqrt(abs(grid.affine.determinant)),
        gsd_unit="metre" if grid is None else str(grid.crs.units[0]),
        chip_size_px=side if size is None else size,
        plugin=None if built_in(made["network"]) else Plugin.of(unwrapped(spec.build)),
    )


def _sampling(data: Any) -> tuple[GeoBox | None, str, int | None]:
    """The pixels that images lie on, the type that they are stored in, and the side of samples."""
    if not isinstance(data, GeoDataset):
        grid = data.grid(int(data.indices()[0]))
        usable = grid if grid is not None and grid.crs is not None else None
        return usable, str(data.dtype), int(data.size[0])
    dtype = data.file_dtype("image") or data.sample_dtype("image")
    return data.regions[0].frame, "float32" if dtype is None else str(dtype), None
