"""Join, crop, mask clouds, add indices, normalise: a scene made ready."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat

from ..listener import Listener
from .base import Step, as_list, known_crs, named
from .sources import clip, indices_of, join, without_clouds

Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]
BandName = int | str


class Prepare(Step):
    """`geoloom prepare`: one scene or several files in, one raster out."""

    verb = "prepare"
    reads = ("scene", "crop", "cloud_mask", "normalization")

    scene: Annotated[tuple[Path, ...], BeforeValidator(as_list), Field(min_length=1)]
    out: Path
    join: Literal["mosaic", "bands", "dates"] | None = None
    crop: Path | None = None
    crop_to: Literal["extent", "polygons"] = "extent"
    cloud_mask: Path | None = None
    cloud_band: BandName | None = None
    sensor: Literal["landsat_c2", "sentinel2_scl"] = "landsat_c2"
    index: Names = ()
    band: dict[str, BandName] = Field(default_factory=dict)
    factor: PositiveFloat = 1.0
    drop: Annotated[tuple[BandName, ...], BeforeValidator(as_list)] = ()
    normalize: str | None = None
    normalization: Path | None = None
    nodata: float | None = None
    nodata_rule: Literal["any", "all"] = "any"
    crs: str | None = None

    def also_written(self) -> tuple[Path, ...]:
        """The numbers of a normalisation, for other scenes."""
        rule = self.normalize or self.normalization
        return (self.out.with_suffix(".normalization.json"),) if rule else ()

    def problems(self) -> Iterator[tuple[str, str]]:
        """Names that are not known, and what does not go together."""
        from ...transforms.indices import list_indices
        from ...transforms.normalize import list_normalizations

        for index in self.index:
            yield from named("index", index, list_indices())
        if self.normalize is not None:
            yield from named("normalize", self.normalize, list_normalizations())
        yield from known_crs("crs", self.crs)
        if self.normalize and self.normalization:
            yield "normalize", "fits new numbers, and normalization gives those of a file; keep one"
        if (len(self.scene) > 1) != (self.join is not None):
            yield "join", "goes with several scenes: mosaic, bands or dates"
        framed = self.join or self.crop or self.cloud_mask or self.cloud_band is not None
        if self.nodata_rule == "all" and framed:
            yield (
                "nodata_rule",
                "all is applied to a scene as delivered: prepare it alone first, then join, crop or "
                "take clouds out of what that wrote",
            )
        if self.cloud_mask is not None and self.cloud_band is not None:
            yield "cloud_mask", "is a file, and cloud_band a band of the scene; keep one"

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Prepare it, through files beside the product where one step must be done before another."""
        from ...core.files import scratch_folder
        from ...toolbox.preprocessor import Preprocessor

        with scratch_folder(self.out) as folder:
            source = self._source(folder)
            scene = Preprocessor(
                source, no_data=self.nodata, crs=self.crs, nodata_rule=self.nodata_rule
            )
            scene.compute_indices(indices_of(self.index, self.band, scene.header, self.factor))
            if self.drop:
                numbers = scene.header.find(self.drop)
                scene.remove_bands([scene.header.data_bands.index(n) for n in numbers])
            if self.normalize or self.normalization:
                scene.standardize_image(
                    self.normalize or "mean_std", normalization=self.normalization
                )
            with listener.track("blocks") as advance:
                scene.save_stacked_raster(self.out, overwrite=overwrite, progress=advance)
            return {
                "bands": list(scene.bands),
                "type": str(scene.dtype),
                "observed": scene.observed,
            }

    def _source(self, folder: Path) -> Path:
        """The scenes as one file, cropped and without clouds."""
        source = self.scene[0]
        if self.join is not None:
            source = join(self.scene, folder / "joined.tif", self.join, self.nodata)
        if self.crop is not None:
            source = clip(source, self.crop, folder / "cropped.tif", self.crop_to, self.nodata)
        if self.cloud_mask is not None or self.cloud_band is not None:
            quality = self.cloud_mask or source
            target = folder / "clear.tif"
            source = without_clouds(
                source, quality, self.cloud_band or 1, target, self.sensor, self.nodata, self.crs
            )
        return source

    def sentence(self, result: dict[str, Any]) -> str:
        """What the raster holds."""
        return (
            f"{self.out}: bands {', '.join(result['bands'])} ({result['type']}), "
            f"{100 * result['observed']:.1f} % of the pixels observed"
        )
