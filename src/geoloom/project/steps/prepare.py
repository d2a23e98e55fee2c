"""Join, crop, mask clouds, add indices, normalise: a scene made ready."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from glob import has_magic
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat

from ...core.errors import DatasetError
from ..listener import Listener
from .base import Box, Step, as_list, known_crs, known_unit

Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]
BandName = int | str


def _text_keys(value: Any) -> Any:
    """Numbers of bands as texts, so that all keys of a mapping are of one kind."""
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else value


class Prepare(Step):
    """`geoloom prepare`: one scene or several files in, one raster out."""

    verb = "prepare"
    reads = ("scene", "cloud_mask", "normalization")

    scene: Annotated[tuple[Path, ...], BeforeValidator(as_list), Field(min_length=1)]
    out: Path
    join: Literal["mosaic", "bands", "dates"] | None = None
    roi: Box | Path | None = None
    roi_crs: str | None = None
    crop_to: Literal["extent", "polygons"] = "extent"
    cloud_mask: Path | None = None
    cloud_band: BandName | None = None
    sensor: Literal["landsat_c2", "sentinel2_scl"] = "landsat_c2"
    cloud_values: Annotated[tuple[int, ...], BeforeValidator(as_list)] = ()
    speckle: str | None = None
    resolution: PositiveFloat | None = None
    to_unit: Literal["dB", "linear"] | None = None
    name: Annotated[dict[str, str], BeforeValidator(_text_keys)] = Field(default_factory=dict)
    unit: str | tuple[str, ...] | None = None
    index: Names = ()
    band: dict[str, BandName] = Field(default_factory=dict)
    factor: PositiveFloat | None = None
    drop: Annotated[tuple[BandName, ...], BeforeValidator(as_list)] = ()
    normalize: str | None = None
    normalization: Path | None = None
    nodata: float | None = None
    nodata_rule: Literal["any", "all"] = "any"
    assume_crs: str | None = None

    def inputs(self) -> tuple[tuple[str, Path], ...]:
        """The files, and that of the area where one is given."""
        from ...io.access.finding import expanded

        area = (("roi", self.roi),) if isinstance(self.roi, Path) else ()
        files: Sequence[str | Path] = self.scene
        with suppress(DatasetError):  # a pattern without files is missed where files are asked for
            files = expanded(files)
        others = (given for given in super().inputs() if given[0] != "scene")
        return (*(("scene", Path(file)) for file in files), *others, *area)

    def also_written(self) -> tuple[Path, ...]:
        """The numbers of a normalisation, for other scenes."""
        if self.normalize is None and self.normalization is None:
            return ()
        from ...preparation.stack_normalization import normalization_path

        return (normalization_path(self.out),)

    def problems(self) -> Iterator[tuple[str, str]]:
        """Names that are not known, and what does not go together."""
        from ...preparation.options import PrepareOptions

        for name in ("assume_crs", "roi_crs"):
            yield from known_crs(name, getattr(self, name))
        if self.roi_crs is not None and not isinstance(self.roi, tuple):
            yield "roi_crs", "goes with a roi of four numbers"
        yield from known_unit("unit", self.unit)
        # How many files a pattern means may be known only once earlier steps have made them.
        several = any(has_magic(str(path)) for path in self.scene)
        scenes = len(self.scene) + (several and self.join is not None)
        yield from PrepareOptions(scenes=scenes, **self._options()).problems()

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Prepare it."""
        from ...preparation.scene import prepare

        with listener.track("blocks") as advance:
            made = prepare(
                self.scene, self.out, **self._options(), overwrite=overwrite, progress=advance
            )
        return {"bands": list(made.bands), "type": made.dtype, "observed": made.observed}

    def _options(self) -> dict[str, Any]:
        """All settings but the files, as `prepare` takes them."""
        names = type(self).model_fields.keys() - {"scene", "out", "roi_crs"}
        placed = isinstance(self.roi, tuple) and self.roi_crs is not None
        return {name: getattr(self, name) for name in names} | {
            "roi": (self.roi, self.roi_crs) if placed else self.roi,
            "band": self.band or None,
            "name": {int(k) if k.isdecimal() else k: v for k, v in self.name.items()} or None,
        }

    def sentence(self, result: dict[str, Any]) -> str:
        """What the raster holds."""
        return (
            f"{self.out}: bands {', '.join(result['bands'])} ({result['type']}), "
            f"{100 * result['observed']:.1f} % of the pixels observed"
        )
