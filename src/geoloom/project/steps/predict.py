"""Map a whole scene with a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PositiveFloat

from ..listener import Listener
from .base import (
    MOST_PX,
    BatchSize,
    Box,
    CodeName,
    Pixels,
    Step,
    as_list,
    beside_model,
    known_crs,
    known_model,
    known_time,
    known_unit,
)

if TYPE_CHECKING:
    from ...inference.config import PredictConfig


class Predict(Step):
    """`geoloom predict`: a model and scenes in, a map out.

    A scene is a raster file, several files, a folder of scenes or a STAC index; a model is a folder, or an
    ONNX file. Of a network of someone else's, the settings say how it is fed.
    """

    verb = "predict"
    reads = ("model", "scene", "like")
    goes_on = True
    incidental: ClassVar = frozenset({"device", "engine", "scheduler", "workers", "batch_size"})

    model: Path
    scene: Annotated[tuple[Path, ...], BeforeValidator(as_list), Field(min_length=1)]
    out: Path
    probabilities: Path | None = None
    vector: Path | None = None
    bands: str | tuple[str | int, ...] | None = None
    scale: float | str | tuple[float, ...] | None = None
    offset: float | str | tuple[float, ...] | None = None
    mean: float | str | tuple[float, ...] | None = None
    std: float | str | tuple[float, ...] | None = None
    model_unit: str | tuple[str, ...] | None = None
    classes: str | tuple[str, ...] | dict[CodeName, str] | None = None
    values: str | tuple[str, ...] | None = None
    activation: Literal["softmax", "sigmoid", "none", "positions"] | None = None
    input_size: Pixels | None = None
    layout: Literal["NCHW", "NHWC"] | None = None
    answer: str | None = None
    output: Literal["map", "features"] = "map"
    join: Literal["mosaic", "bands", "dates"] | None = None
    when: str | None = None
    roi: Box | Path | None = None
    roi_crs: str | None = None
    crs: str | None = None
    resolution: PositiveFloat | None = None
    like: Path | None = None
    per_scene: bool = False
    tile: Pixels = 512
    halo: Annotated[int, Field(ge=0, le=MOST_PX)] = 64
    blend: Literal["cosine", "crop"] = "cosine"
    tta: bool = False
    batch_size: BatchSize | None = None
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    window: Pixels | None = None
    stride: Pixels | None = None
    min_valid: Annotated[float, Field(ge=0, le=1)] = 0.25
    min_area: PositiveFloat | None = None
    smooth: Literal["majority", "bayes"] | None = None
    smooth_window: Annotated[int, Field(ge=1, le=99)] | None = None
    smoothness: PositiveFloat = 10.0
    smooth_fraction: Annotated[float, Field(gt=0, le=1)] = 0.5
    nodata: float | None = None
    unit: str | tuple[str, ...] | None = None
    assume_crs: str | None = None
    engine: Literal["local", "dask"] = "local"
    scheduler: str | None = None
    workers: Annotated[int, Field(gt=0, le=1024)] = 2

    def problems(self) -> Iterator[tuple[str, str]]:
        """What does not go together."""
        yield from known_model("model", self.model)
        yield from self._wrong_facts()
        for name in ("crs", "assume_crs", "roi_crs"):
            yield from known_crs(name, getattr(self, name))
        if self.roi_crs is not None and not isinstance(self.roi, tuple):
            yield "roi_crs", "goes with a roi of four numbers"
        if self.like is not None and not (self.crs is None and self.resolution is None):
            yield "like", "takes CRS and resolution of a raster; leave crs and resolution out"
        yield from known_time("when", self.when)
        yield from known_unit("unit", self.unit)
        if self.per_scene and self.join is not None:
            yield "join", "does not go with per_scene, which makes a map of each scene alone"
        if self.scheduler and self.engine != "dask":
            yield "scheduler", "goes with engine dask"
        for name in ("probabilities", "vector") if self.per_scene else ():
            path = getattr(self, name)
            if path is not None and path.suffix.lower() in (".gpkg", ".tif", ".tiff"):
                yield (
                    name,
                    f"found {path}; expected a folder, as per_scene makes a file of each scene",
                )
        if self.smooth_window is not None and self.smooth_window % 2 == 0:
            yield "smooth_window", f"found {self.smooth_window}; expected an odd number of pixels"
        if self.smooth_window is not None and self.smooth is None:
            yield "smooth_window", "goes with smooth: majority or bayes"
        if self.smooth != "bayes" and (self.smoothness, self.smooth_fraction) != (10.0, 0.5):
            yield "smooth", "smoothness and smooth_fraction go with smooth: bayes"
        if self.min_area is not None and self.vector is None:
            yield "min_area", "is of polygons; name their file as vector"
        if self.vector is not None and not self.per_scene and self.vector.suffix.lower() != ".gpkg":
            yield "vector", f"found {self.vector}; expected a GeoPackage, *.gpkg"

    def writes_folder(self) -> bool:
        """Whether there are several maps."""
        return self.per_scene

    def inputs(self) -> tuple[tuple[str, Path], ...]:
        """The files, and that of the area where one is given."""
        area = (("roi", self.roi),) if isinstance(self.roi, Path) else ()
        beside = (("model", path) for path in beside_model(self.model))
        return (*super().inputs(), *beside, *area)

    def _wrong_facts(self) -> Iterator[tuple[str, str]]:
        """What is stated of a network and cannot be."""
        from ...core.errors import ConfigError
        from ...models.foreign.facts import FACTS, NetworkFacts

        stated = {name: getattr(self, name) for name in FACTS}
        for name, value in stated.items():
            try:
                NetworkFacts(**{name: value})
            except ConfigError as error:
                yield name, str(error)
                return
        if self.classes is not None and self.values is not None:
            yield "values", "a network gives classes or values; state one of them"
        names = [name for name, value in stated.items() if value is not None]
        if names and self.model.is_dir():
            yield names[0], f"is of an ONNX file; {self.model} is a model folder"

    def also_written(self) -> tuple[Path, ...]:
        """The probabilities and the polygons; with per_scene each is locked with its map."""
        if self.per_scene:
            return ()
        return tuple(path for path in (self.probabilities, self.vector) if path is not None)

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Map it."""
        from ...inference.images import count_answers, is_table
        from ...inference.predict import predict
        from ...io.headers.header import read_header

        what = "tiles"
        if is_table(self.out):
            what = "chips" if (self.scene[0] / "zarr.json").is_file() else "pictures"
        with listener.track(what) as advance:
            predict(
                self.model,
                self._scene(),
                self.out,
                self.config(),
                probabilities=self.probabilities,
                vector=self.vector,
                overwrite=overwrite,
                progress=advance,
            )
        if self.per_scene:
            made = self.out.glob("*.tif")
            return {"maps": sum(not path.name.endswith(".probabilities.tif") for path in made)}
        if is_table(self.out):
            return {"answers": count_answers(self.out)}
        header = read_header(self.out)
        height, width = header.grid.shape
        names = list((header.class_names or {}).values())
        bands = list(header.band_names)
        shows: dict[str, Any] = {"classes": names} if names else {"values": bands}
        if self.output == "features":
            shows = {"features": len(bands)}
        also = {"vector": self.vector, "probabilities": self.probabilities}
        return {"width": int(width), "height": int(height), **shows} | {
            key: str(path) for key, path in also.items() if path is not None
        }

    def preview(self) -> tuple[dict[str, Any], str]:
        """The map's pixels, tiles, files, memory and time."""
        from ...inference.explain import explain

        planned = explain(self.model, self._scene(), self.config())
        return planned.to_dict(), planned.text()

    def config(self) -> PredictConfig:
        """The settings of the prediction, the area with its CRS where one is given."""
        from ...inference.config import PredictConfig

        given = {field.name: getattr(self, field.name) for field in fields(PredictConfig)}
        if isinstance(self.roi, tuple) and self.roi_crs is not None:
            given["roi"] = self.roi, self.roi_crs
        return PredictConfig(**given)

    def _scene(self) -> Path | tuple[Path, ...]:
        return self.scene[0] if len(self.scene) == 1 else self.scene

    def sentence(self, result: dict[str, Any]) -> str:
        """What the maps show, or the table holds."""
        if "maps" in result:
            return f"{self.out}: {result['maps']} maps"
        if "answers" in result:
            counts = ", ".join(f"{name} {count}" for name, count in result["answers"].items())
            return f"{self.out}: {counts}"
        also = "".join(f", and {path}" for path in self.also_written())
        if "features" in result:
            shown = f"{result['features']} features"
        else:
            what = "classes" if "classes" in result else "values"
            shown = f"{what} {', '.join(result[what])}"
        return f"{self.out}: {result['width']} x {result['height']} px, {shown}{also}"
