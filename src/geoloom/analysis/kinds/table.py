"""The one table of reports: by what a model gives, and for what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...core.errors import ModelError
from ...core.outputs import Gives, Kind
from ..content import Content
from ..evidence.facts import Request
from . import class_map, images, value_map

if TYPE_CHECKING:
    from ...models.card import ModelCard

_REPORTS: dict[tuple[Kind, Gives], Callable[[Request, ModelCard], Content]] = {
    ("classes", "pixels"): class_map.content,
    ("values", "pixels"): value_map.content,
    ("classes", "image"): images.content,
}


def content_of(request: Request, card: ModelCard) -> Content:
    """The page of a report, of the kind that the model's outputs ask for.

    Raises:
        ModelError: there is no report of what the model gives; or as the kinds raise.
        ReadError: a file cannot be read.
    """
    outputs = card.outputs
    make = _REPORTS.get((outputs.kind, outputs.gives))
    if make is None:
        known = ", ".join(f"{kind} per {gives.removesuffix('s')}" for kind, gives in _REPORTS)
        raise ModelError(
            f"{request.model_dir} gives {outputs.short}, of which there is no report; there are reports of "
            f"{known}"
        )
    return make(request, card)
