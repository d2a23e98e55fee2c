"""Put a map and all that is known about it into one HTML file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ..listener import Listener
from .base import ClassColor, CodeName, Step, as_list, chip_store, model_folder


class Report(Step):
    """`geoloom report`: a model and its map in, an HTML file out."""

    verb = "report"
    reads = ("model", "map_", "scene", "truth", "accuracy", "chips")
    may_lie_in_inputs = True

    model: Path
    map_: Path | None = Field(default=None, alias="map")
    out: Path
    scene: Path | None = None
    truth: Path | None = None
    accuracy: Path | None = None
    chips: Path | None = None
    bands: Annotated[tuple[int | str, ...], BeforeValidator(as_list)] = ()
    classes: dict[CodeName, str] = Field(default_factory=dict)
    colors: dict[str, ClassColor] = Field(default_factory=dict)

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is not a model, and neither chip store nor folder of pictures."""
        from ...datasets.layouts.detect import is_class_folder

        yield from model_folder("model", self.model)
        if self.chips is not None and not is_class_folder(str(self.chips)):
            yield from chip_store("chips", self.chips)

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Write it."""
        from ...analysis.report import report

        report(
            self.model,
            self.map_,
            self.out,
            scene=self.scene,
            truth=self.truth,
            accuracy=self.accuracy,
            chips=self.chips,
            bands=self.bands or None,
            classes=self.classes or None,
            colors=self.colors or None,
            overwrite=overwrite,
        )
        return {"bytes": self.out.stat().st_size}

    def sentence(self, result: dict[str, Any]) -> str:
        """Where to look."""
        return f"{self.out} is written; open it in a browser"
