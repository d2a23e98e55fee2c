"""A map that is planned: which pixels, which tiles, which model. Nothing has been read yet."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from odc.geo.geobox import GeoBox

from ..core.errors import ConfigError
from ..core.grid import crs_name
from ..core.roi import Roi
from ..io.vector.areas import RoiSource
from .plan import Blend, plan_tiles
from .predictor import Device, ModelSource, Precision
from .scores import usual_batch_size
from .sources.grids import within
from .sources.source import Source
from .work import TileWork


@dataclass(frozen=True, slots=True, eq=False)
class MapJob:
    """The work on all tiles of a map, and how many of them go through the model at once."""

    work: TileWork
    batch_size: int

    @classmethod
    def plan(
        cls,
        model: ModelSource,
        source: Source,
        *,
        unit: str | Sequence[str] | None,
        roi: RoiSource | None,
        tile: int,
        halo: int,
        blend: Blend,
        tta: bool,
        batch_size: int | None,
        device: Device,
        precision: Precision,
    ) -> MapJob:
        """See `predict`, which says what the arguments mean and what is refused."""
        found = model.find_input(source, unit)
        grid, area = within(source.grid, roi)
        shape = int(grid.shape[0]), int(grid.shape[1])
        work = TileWork(
            source=source,
            grid=grid,
            input=found,
            plan=plan_tiles(shape, tile, halo, blend),
            model=model,
            device=device,
            precision=precision,
            tta=tta,
            roi=area,
        )
        if batch_size is not None and batch_size < 1:
            raise ConfigError(f"batch_size is {batch_size}; give at least 1")
        return cls(work, batch_size or usual_batch_size(model, device))

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
            "model": work.model.folder or type(work.model.predictor).__name__,
            "model_fingerprint": work.model.fingerprint,
            "outputs": work.model.outputs.to_dict(),
            "tile_px": list(plan.core),
            "halo_px": plan.halo_px,
            "blend": plan.blend,
            "tta": work.tta,
            "batch_size": self.batch_size,
            "device": str(work.model.place(work.device)),
            "precision": work.precision,
        }

    @property
    def can_resume(self) -> bool:
        """Whether it is known what decides the product's bytes."""
        return bool(self.work.model.fingerprint) and self.work.source.identity is not None


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
