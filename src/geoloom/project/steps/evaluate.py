"""Score a model or a finished map."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..listener import Listener
from .base import (
    BatchSize,
    Box,
    CodeName,
    Devices,
    Step,
    as_list,
    beside_model,
    known_crs,
    known_model,
    known_unit,
    labelled_samples,
)

if TYPE_CHECKING:
    from ...metrics.accuracy import Accuracy
    from ...metrics.value_accuracy import ValueAccuracy

Half = Literal["left", "right", "top", "bottom"]


class Evaluate(Step):
    """`geoloom evaluate`: a model with chips, a model with a scene and truth, or a map with truth."""

    verb = "evaluate"
    reads = ("model", "chips", "map_", "scene", "truth", "probabilities")
    may_lie_in_inputs = True
    incidental: ClassVar = frozenset({"device", "devices", "batch_size"})

    model: Path | None = None
    chips: Path | None = None
    map_: Path | None = Field(default=None, alias="map")
    scene: Path | None = None
    truth: Path | None = None
    out: Path
    split: Literal["train", "val", "test"] = "test"
    class_field: str | None = None
    classes: dict[CodeName, str] = Field(default_factory=dict)
    groups: Annotated[tuple[str | tuple[str, ...], ...], BeforeValidator(as_list)] = ()
    probabilities: Path | None = None
    roi: Half | Box | Path | None = None
    roi_crs: str | None = None
    unit: str | tuple[str, ...] | None = None
    batch_size: BatchSize = 16
    device: str = "auto"
    devices: Devices = 1

    @model_validator(mode="before")
    @classmethod
    def _default_out(cls, values: Any) -> Any:
        """Beside what is scored, where the report looks for it."""
        if not isinstance(values, dict) or values.get("out"):
            return values
        scored = Path(
            str(values.get("map") or values.get("map_") or values.get("model") or "accuracy")
        )
        what = values.get("split", "test") if values.get("chips") else "accuracy"
        return {**values, "out": scored.with_name(f"{scored.name}.{what}.json")}

    def problems(self) -> Iterator[tuple[str, str]]:
        """Which of the three kinds it is."""
        given = {name for name, _ in self.inputs()} - {"probabilities", "roi"}
        kinds = ({"model", "chips"}, {"model", "scene", "truth"}, {"map", "truth"})
        if given not in kinds:
            yield (
                "model",
                (
                    "expected model and chips; or model, scene and truth; or map and truth; found "
                    f"{', '.join(sorted(given)) or 'none of them'}"
                ),
            )
        if self.model is not None:
            yield from known_model("model", self.model)
        if self.chips is not None:
            yield from labelled_samples("chips", self.chips)
        if self.out.suffix != ".json":
            yield "out", f"found {self.out}; expected *.json"
        for name, value in (
            ("classes", self.classes),
            ("groups", self.groups),
            ("probabilities", self.probabilities),
        ):
            if value and self.map_ is None:
                yield name, "goes with map and truth"
        if self.roi is not None and self.truth is None:
            yield "roi", "goes with truth; chips are chosen by their split"
        if self.devices != 1 and self.map_ is not None:
            yield "devices", "goes with a model; a finished map needs none"
        yield from known_unit("unit", self.unit)
        if self.unit is not None and self.map_ is not None:
            yield "unit", "goes with a model; a finished map has none"
        yield from known_crs("roi_crs", self.roi_crs)
        if self.roi_crs is not None and not isinstance(self.roi, tuple):
            yield "roi_crs", "goes with a roi of four numbers"

    def inputs(self) -> tuple[tuple[str, Path], ...]:
        """The files, and that of the area where one is given."""
        area = (("roi", self.roi),) if isinstance(self.roi, Path) else ()
        beside = (("model", path) for path in beside_model(self.model))
        return (*super().inputs(), *beside, *area)

    def also_written(self) -> tuple[Path, ...]:
        """The same figures as text."""
        return (self.out.with_suffix(".txt"),)

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Count."""
        from ...evaluation.evaluate import evaluate
        from ...evaluation.maps import evaluate_map

        pieces = "blocks" if self.map_ else "tiles" if self.scene else "chips"
        with listener.track(pieces) as advance:
            common: dict[str, Any] = {"out": self.out, "overwrite": overwrite, "progress": advance}
            if self.map_ is not None:
                assert self.truth is not None  # `problems` has looked
                accuracy = evaluate_map(
                    self.map_,
                    self.truth,
                    class_field=self.class_field,
                    classes=self.classes or None,
                    groups=self.groups or None,
                    probabilities=self.probabilities,
                    roi=self._roi(self.map_),
                    **common,
                )
            else:
                assert self.model is not None  # `problems` has looked
                scored = self.scene or self.chips
                assert scored is not None
                accuracy = evaluate(
                    self.model,
                    scored,
                    truth=self.truth,
                    class_field=self.class_field,
                    split=self.split,
                    roi=self._roi(scored) if self.scene else None,
                    unit=self.unit,
                    batch_size=self.batch_size,
                    device=self.device,
                    devices=self.devices,
                    **common,
                )
        return {**_summary(accuracy), **self._forest(accuracy)}

    def _forest(self, report: Accuracy | ValueAccuracy) -> dict[str, Any]:
        """Figures of the forest in the model folder, where it was scored on the same pixels."""
        from ...metrics.accuracy import Accuracy
        from ...metrics.baseline import Baseline

        if self.model is None or self.chips is None or not isinstance(report, Accuracy):
            return {}
        known = Baseline.read(self.model)
        score = None if known is None else known.beside(report)
        if score is None:
            return {}
        accuracy = score.accuracy
        return {"forest_accuracy": accuracy.overall_accuracy, "forest_mean_f1": accuracy.mean_f1}

    def _roi(self, raster: Path) -> Any:
        """The part of the raster that counts; a half of it by name as the grid of its whole pixels."""
        if isinstance(self.roi, tuple) and self.roi_crs is not None:
            return self.roi, self.roi_crs
        if not isinstance(self.roi, str):
            return self.roi
        from ...io.headers.header import read_header

        grid = read_header(raster).grid
        height, width = grid.shape
        rows, cols = {
            "left": (slice(None), slice(0, width // 2)),
            "right": (slice(None), slice(-(-width // 2), width)),
            "top": (slice(0, height // 2), slice(None)),
            "bottom": (slice(-(-height // 2), height), slice(None)),
        }[self.roi]
        return grid[rows, cols]

    def sentence(self, result: dict[str, Any]) -> str:
        """All figures, as a table."""
        table = self.out.with_suffix(".txt").read_text(encoding="utf-8").rstrip()
        beside = ""
        if "forest_accuracy" in result:
            beside = (
                f"\n\n{self.split}, same pixels: network accuracy {result['accuracy']:.3f}, mean F1 "
                f"{result['mean_f1']:.3f}; forest accuracy {result['forest_accuracy']:.3f}, mean F1 "
                f"{result['forest_mean_f1']:.3f}"
            )
        return f"{table}{beside}\n\n{self.out} is written"


def _summary(report: Accuracy | ValueAccuracy) -> dict[str, Any]:
    """The few figures that a record keeps; NaN becomes None."""
    from ...metrics.accuracy import Accuracy

    if not isinstance(report, Accuracy):
        values = [{name: _plain(value) for name, value in row.items()} for row in report.rows()]
        return {"values": values, "pixels": report.counted}
    f1 = dict(zip(report.classes, report.f1, strict=True))
    return {
        "accuracy": report.overall_accuracy,
        "mean_f1": report.mean_f1,
        "kappa": report.kappa,
        "pixels": report.pixels,
        "f1": {name: _plain(value) for name, value in f1.items()},
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
