"""Map a whole scene with a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..listener import Listener
from .base import MOST_PX, BatchSize, Pixels, Step, known_crs, known_unit, model_folder


class Predict(Step):
    """`geoloom predict`: a model and a scene in, a map out."""

    verb = "predict"
    reads = ("model", "scene")
    goes_on = True
    incidental: ClassVar = frozenset({"device", "engine", "scheduler", "workers", "batch_size"})

    model: Path
    scene: Path
    out: Path
    probabilities: Path | None = None
    vector: Path | None = None
    tile: Pixels = 512
    halo: Annotated[int, Field(ge=0, le=MOST_PX)] = 64
    blend: Literal["cosine", "crop"] = "cosine"
    tta: bool = False
    batch_size: BatchSize | None = None
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    nodata: float | None = None
    unit: str | tuple[str, ...] | None = None
    crs: str | None = None
    engine: Literal["local", "dask"] = "local"
    scheduler: str | None = None
    workers: Annotated[int, Field(gt=0, le=1024)] = 2

    def problems(self) -> Iterator[tuple[str, str]]:
        """What does not go together."""
        yield from model_folder("model", self.model)
        yield from known_crs("crs", self.crs)
        yield from known_unit("unit", self.unit)
        if self.scheduler and self.engine != "dask":
            yield "scheduler", "goes with engine dask"
        if self.vector is not None and self.vector.suffix.lower() != ".gpkg":
            yield "vector", f"found {self.vector}; expected a GeoPackage, *.gpkg"

    def also_written(self) -> tuple[Path, ...]:
        """The probabilities and the polygons."""
        return tuple(path for path in (self.probabilities, self.vector) if path is not None)

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Map it."""
        from ...inference.predict import predict
        from ...io.headers.header import read_header

        with listener.track("tiles") as advance:
            predict(
                self.model,
                self.scene,
                self.out,
                probabilities=self.probabilities,
                vector=self.vector,
                tile=self.tile,
                halo=self.halo,
                blend=self.blend,
                tta=self.tta,
                batch_size=self.batch_size,
                device=self.device,
                precision=self.precision,
                nodata=self.nodata,
                unit=self.unit,
                crs=self.crs,
                engine=self.engine,
                scheduler=self.scheduler,
                workers=self.workers,
                overwrite=overwrite,
                progress=advance,
            )
        header = read_header(self.out)
        height, width = header.grid.shape
        names = list((header.class_names or {}).values())
        shows = {"classes": names} if names else {"values": list(header.band_names)}
        also = {"vector": self.vector, "probabilities": self.probabilities}
        return {"width": int(width), "height": int(height), **shows} | {
            key: str(path) for key, path in also.items() if path is not None
        }

    def sentence(self, result: dict[str, Any]) -> str:
        """What the map shows."""
        also = "".join(f", and {path}" for path in self.also_written())
        what = "classes" if "classes" in result else "values"
        return (
            f"{self.out}: {result['width']} x {result['height']} px, "
            f"{what} {', '.join(result[what])}{also}"
        )
