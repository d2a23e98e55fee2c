"""The report's layers of measured values: prediction, truth and their difference, in continuous colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_hex
from odc.geo.geobox import GeoBox

from ..figures.ramps import Ramp
from ..figures.values import titled
from ..figures.views import zoomed_out
from ..io.raster import Raster
from .evidence.value_map import ValueMap, planes
from .layers import DISPLAY_PX, Chosen, Layer, flat_uri, look_at_scene, scene_layers

_PIXELS = 12_000_000
"""Of all layers of values together: what a page can carry that is sent by mail."""


@dataclass(frozen=True, slots=True)
class ValueViews:
    """Scene, prediction and truth on the display grid, read once for all figures and layers."""

    names: tuple[str, ...]
    """K, of the values."""
    units: tuple[str | None, ...]
    prediction: np.ndarray
    """float32 (K, H, W) in the values' units, NaN where not known."""
    truth: np.ndarray | None
    """Likewise."""
    scene: Raster | None
    """The bands that its composites need."""
    grid: GeoBox
    """The display grid."""

    @classmethod
    def of(cls, evidence: ValueMap, bands: Chosen = None) -> ValueViews:
        """Read all three onto the map's grid, zoomed out to what a page can carry."""
        mapped, truth = evidence.mapped, evidence.truth
        count = evidence.outputs.channels * (1 if truth is None else 3)
        grid = zoomed_out(mapped.grid, min(DISPLAY_PX, int(math.sqrt(_PIXELS / count))))
        return cls(
            evidence.outputs.names,
            evidence.outputs.units,
            planes(mapped.header, mapped.header.data_bands, grid, mapped.grid),
            None if truth is None else planes(truth.header, truth.bands, grid, mapped.grid),
            None if mapped.scene is None else look_at_scene(mapped.scene, grid, bands),
            grid,
        )

    @property
    def titles(self) -> tuple[str, ...]:
        """Of the values, with their units."""
        return tuple(titled(*pair) for pair in zip(self.names, self.units, strict=True))


def value_layers(
    views: ValueViews, bands: Chosen = None
) -> tuple[tuple[Layer, ...], tuple[dict[str, Any], ...]]:
    """All layers that the views can give, the lowest first, and the ramps that they name."""
    layers = [] if views.scene is None else list(scene_layers(views.scene, bands))
    ramps: list[dict[str, Any]] = []
    for k, (name, unit) in enumerate(zip(views.names, views.units, strict=True)):
        of = f" of {name}" if len(views.names) > 1 else ""
        word = f" {name}" if len(views.names) > 1 else ""
        key = f"-{k}" if k else ""
        known = {"prediction": views.prediction[k]}
        if views.truth is not None:
            known["truth"] = views.truth[k]
        ramp = Ramp.of(*known.values())
        spoken = {"prediction": "map", "truth": "truth"}
        for part, values in known.items():
            title, says = f"{part.capitalize()}{of}", f"{spoken[part]}{word}"
            layers.append(_layer(f"{part}{key}", title, says, values, ramp, len(ramps)))
        ramps.append(_legend(ramp, titled(name, unit), unit))
        if views.truth is not None:
            apart = views.prediction[k] - views.truth[k]
            ramp = Ramp.around_zero(apart)
            title, says = f"Prediction − truth{of}", f"difference{word}"
            layers.append(_layer(f"difference{key}", title, says, apart, ramp, len(ramps)))
            ramps.append(_legend(ramp, titled(f"Prediction − truth{of}", unit), unit))
    return tuple(layers), tuple(ramps)


def _layer(key: str, title: str, says: str, values: np.ndarray, ramp: Ramp, number: int) -> Layer:
    return Layer(key, title, "values", flat_uri(ramp.paint(values)), says, number)


def _legend(ramp: Ramp, title: str, unit: str | None) -> dict[str, Any]:
    """A ramp as the page's script takes it: colours from the lower limit to the upper one."""
    return {
        "title": title,
        "unit": unit or "",
        "low": ramp.low,
        "high": ramp.high,
        "below": ramp.beyond[0],
        "above": ramp.beyond[1],
        "ticks": list(ramp.ticks(4)),
        "colors": [to_hex(color[:3] / 255) for color in ramp.table()],
    }
