"""Map where it is like at some places, by embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat

from ..listener import Listener
from .base import Box, Pixels, Step, as_list, known_crs, known_time


def _place(value: Any) -> Any:
    """`-51.2,-3.4` as two numbers; anything else as it is."""
    longitude, _, latitude = value.partition(",") if isinstance(value, str) else ("", "", "")
    try:
        return float(longitude), float(latitude)
    except ValueError:
        return value


class Similar(Step):
    """`geoloom similar`: rasters of embeddings and a place in; a map of how alike each pixel is out."""

    verb = "similar"
    reads = ("embeddings", "like")
    goes_on = True

    embeddings: Annotated[tuple[Path, ...], BeforeValidator(as_list), Field(min_length=1)]
    place: Annotated[tuple[float, float] | Path, BeforeValidator(_place)]
    out: Path
    metric: Literal["cosine", "dot", "euclidean"] = "cosine"
    quantization: str | None = None
    nodata: float | None = None
    when: str | None = None
    roi: Box | Path | None = None
    roi_crs: str | None = None
    crs: str | None = None
    resolution: PositiveFloat | None = None
    like: Path | None = None
    per_scene: bool = False
    tile: Pixels = 256

    def problems(self) -> Iterator[tuple[str, str]]:
        """What does not go together."""
        from ...core.errors import DatasetError
        from ...datasets.embeddings.quantization import quantization_of

        for name in ("crs", "roi_crs"):
            yield from known_crs(name, getattr(self, name))
        if self.roi_crs is not None and not isinstance(self.roi, tuple):
            yield "roi_crs", "goes with a roi of four numbers"
        if self.like is not None and not (self.crs is None and self.resolution is None):
            yield "like", "takes CRS and resolution of a raster; leave crs and resolution out"
        yield from known_time("when", self.when)
        try:
            quantization_of(self.quantization)
        except DatasetError as error:
            yield "quantization", str(error)

    def writes_folder(self) -> bool:
        """Whether there are several maps."""
        return self.per_scene

    def inputs(self) -> tuple[tuple[str, Path], ...]:
        """The rasters, and the files of the places and of the area where these are files."""
        also = (("place", self.place), ("roi", self.roi))
        files = tuple((name, path) for name, path in also if isinstance(path, Path))
        return (*super().inputs(), *files)

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Map it."""
        from ...inference.similarity.similar import similar
        from ...io.headers.header import read_header

        roi = self.roi
        with listener.track("tiles") as advance:
            similar(
                self.embeddings[0] if len(self.embeddings) == 1 else self.embeddings,
                self.place,
                self.out,
                metric=self.metric,
                quantization=self.quantization,
                nodata=self.nodata,
                when=self.when,
                roi=(roi, self.roi_crs) if isinstance(roi, tuple) and self.roi_crs else roi,
                crs=self.crs,
                resolution=self.resolution,
                like=self.like,
                per_scene=self.per_scene,
                tile=self.tile,
                overwrite=overwrite,
                progress=advance,
            )
        if self.per_scene:
            return {"maps": sum(1 for _ in self.out.glob("*.tif"))}
        header = read_header(self.out)
        height, width = header.grid.shape
        return {"width": int(width), "height": int(height), "values": list(header.band_names)}

    def sentence(self, result: dict[str, Any]) -> str:
        """What the map shows."""
        if "maps" in result:
            return f"{self.out}: {result['maps']} maps"
        return f"{self.out}: {result['width']} x {result['height']} px, {result['values'][0]}"
