"""What reports of maps have in common: the map's file, its scene, its chips, and where they lie."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odc.geo.geobox import GeoBox

from ...core.errors import ChipError, ModelError, ReadError
from ...core.outputs import Outputs
from ...io.headers.header import Header, read_header
from ...models.identity import file_hash
from .facts import Record, Request, check_made_by, identity_of, record_of, training_of
from .learned import LearnedGround
from .scores import Scored

if TYPE_CHECKING:
    from ...models.card import ModelCard

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A map of the model, and what it was made from."""

    path: Path
    header: Header
    scene: Path | None
    chips: Any
    """A chip store, or None."""
    run: Record
    """The record of the prediction; empty where there is none."""

    @property
    def grid(self) -> GeoBox:
        """The map's own."""
        return self.header.grid

    @classmethod
    def of(
        cls, request: Request, card: ModelCard, check: Callable[[Header, Outputs], None]
    ) -> tuple[Mapped, Scored]:
        """The map of a request, and what figures must have been counted on.

        Args:
            request: What is asked for.
            card: The model's.
            check: Refuses a raster that holds something else than the model's outputs.

        Raises:
            ModelError: no map is given, it is not a map of the model, or another state of it made the map.
            ReadError: it cannot be read.
        """
        if request.map is None:
            raise ModelError(
                f"{request.model_dir} gives {card.outputs.short}, which a report shows on a map; give the "
                "map that `geoloom predict` wrote"
            )
        header = read_header(request.map)
        run = record_of(request.map)
        identity = identity_of(request.model_dir)
        check(header, card.outputs)
        check_made_by(header.uri, run, identity)
        scene = request.scene
        if scene is None:
            scene = _neighbour(run.get("scene"), request.map)
        chips = _store(request.chips, training_of(card).get("path"))
        ground = LearnedGround.of(chips, training_of(card), header.grid)
        scored = Scored(
            request.model_dir, identity, request.map, file_hash(request.map), card, ground
        )
        return cls(request.map, header, scene, chips, run), scored


def _store(given: Any, recorded: Any) -> Any:
    """The chip store given, or that of the training where it still is."""
    from ...chips.store import ChipStore

    if given is not None:
        return ChipStore.open(given) if isinstance(given, str | Path) else given
    if not isinstance(recorded, str) or not Path(recorded).is_dir():
        return None
    try:
        return ChipStore.open(recorded)
    except ChipError as error:
        log.warning("the chips of the training cannot be shown: %s", error)
        return None


def _neighbour(named: Any, product: Path) -> Path | None:
    """The scene that the record names, where it can still be read."""
    if not isinstance(named, str):
        return None
    for path in (Path(named), product.parent / Path(named).name):
        if path.exists():
            try:
                read_header(path)
            except ReadError:
                continue
            return path
    return None
