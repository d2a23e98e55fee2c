"""A map that is planned: which pixels, which tiles, which model. Nothing has been read yet."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from odc.geo.geobox import GeoBox

from ..core.errors import ConfigError, ModelError
from ..core.grid import PixelWindow, crs_name, lattice_window, window_grid
from ..core.roi import Roi
from .config import PredictConfig
from .plan import model_plan, plan_tiles
from .predictor import ModelSource
from .scores import usual_batch_size
from .smoothing.methods import Smoother
from .sources.grids import within
from .sources.source import Source
from .windows import Windows, WindowWork, usual_windows
from .work import TileWork


@dataclass(frozen=True, slots=True, eq=False)
class MapJob:
    """The work on all tiles of a map, and how many of them go through the model at once."""

    work: TileWork
    batch_size: int
    smoother: Smoother | None = None
    """What smooths its answers."""

    @classmethod
    def plan(cls, model: ModelSource, source: Source, config: PredictConfig) -> MapJob:
        """The job of a map of a source; `predict` says what is refused."""
        if config.smooth is not None and model.outputs.kind != "classes":
            raise ModelError(
                f"the model gives {model.outputs.short}; smooth ({config.smooth}) is of one class per pixel: "
                "leave it (--smooth) out"
            )
        shared: dict[str, Any] = {
            "source": source,
            "input": model.find_input(source, config.unit),
            "model": model,
            "device": config.device,
            "precision": config.precision,
            "tta": config.tta,
        }
        if model.outputs.gives in ("image", "features"):
            return cls(_window_work(shared, source, model, config), 1, config.smoother)
        if of_images := [n for n in ("window", "stride", "min_valid") if n in config.changed]:
            raise ConfigError(
                f"the model answers per pixel, and {' and '.join(of_images)} of models that answer per "
                "image; leave that out"
            )
        grid, area = within(source.grid, config.roi)
        plan = model_plan(
            _shape(grid),
            model.input_px,
            config.tile,
            config.halo,
            config.blend,
            stated=config.changed,
        )
        work = TileWork(grid=grid, plan=plan, roi=area, **shared)
        at_once = config.batch_size or usual_batch_size(model, config.device)
        return cls(work, at_once, config.smoother)

    def settings(self) -> dict[str, Any]:
        """All that decides the product's bytes, as JSON values: the key of a resume, and the record."""
        work, source, plan = self.work, self.work.source, self.work.plan
        names = dict(zip(source.bands.numbers, source.bands.names, strict=True))
        return {
            **(source.identity or {"scene": source.bands.uri}),
            "grid": _stated_grid(work.grid),
            "roi": None if work.roi is None else _stated_roi(work.roi),
            "bands": [names[number] for number in work.input.numbers],
            "band_numbers": list(work.input.numbers),
            "conversions": [asdict(conversion) for conversion in work.input.conversions],
            "model": work.model.path or type(work.model.predictor).__name__,
            **_stated_network(work.model),
            "model_fingerprint": work.model.fingerprint,
            "outputs": work.model.outputs.to_dict(),
            "tile_px": list(plan.core),
            "halo_px": plan.halo_px,
            "blend": plan.blend,
            "tta": work.tta,
            **({} if self.smoother is None else {"smooth": self.smoother.to_dict()}),
            "batch_size": self.batch_size,
            **({} if not isinstance(work, WindowWork) else _stated_windows(work)),
            "device": str(work.model.place(work.device)),
            "precision": work.precision,
        }

    @property
    def can_resume(self) -> bool:
        """Whether it is known what decides the product's bytes."""
        return bool(self.work.model.fingerprint) and self.work.source.identity is not None


def _stated_network(model: ModelSource) -> dict[str, Any]:
    """What was known of a network in an ONNX file."""
    network = getattr(model.predictor, "network", None)
    facts = getattr(network, "facts", None)
    return {"model_facts": facts} if facts else {}


def _window_work(
    shared: dict[str, Any], source: Source, model: ModelSource, config: PredictConfig
) -> WindowWork:
    """A map whose pixels are windows: its grid is laid over the whole scene, whatever part is mapped."""
    windows = Windows.of(model, config)
    whole = windows.map_of(source.grid)
    grid, area = within(whole, config.roi)
    first = lattice_window(whole, grid)
    assert first is not None  # `within` cuts whole pixels
    stride = windows.stride_px
    rows, cols = (side * stride for side in _shape(grid))
    scene = window_grid(
        source.grid, PixelWindow(first.row * stride, first.col * stride, rows, cols)
    )
    return WindowWork(
        grid=grid,
        plan=plan_tiles(_shape(grid), max(1, config.tile // stride), 0, "crop"),
        roi=area,
        windows=windows,
        scene=scene,
        at_once=config.batch_size or usual_windows(model.place(config.device)),
        **shared,
    )


def _shape(grid: GeoBox) -> tuple[int, int]:
    return int(grid.shape[0]), int(grid.shape[1])


def _stated_windows(work: WindowWork) -> dict[str, Any]:
    return {
        "window_px": work.windows.size_px,
        "stride_px": work.windows.stride_px,
        "min_valid": work.windows.min_valid,
        "batch_size": work.at_once,
    }


def _stated_grid(grid: GeoBox) -> dict[str, Any]:
    return {
        "crs": crs_name(grid.crs),
        "shape": [int(side) for side in grid.shape],
        "transform": list(grid.affine[:6]),
    }


def _stated_roi(roi: Roi) -> dict[str, Any]:
    """Its bounds in the CRS of the grid, and a hash of its outline."""
    return {
        "name": roi.name,
        "bounds": list(roi.geometry.bounds),
        "sha256": hashlib.sha256(roi.geometry.wkb).hexdigest(),
    }
