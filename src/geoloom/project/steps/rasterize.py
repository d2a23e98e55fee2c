"""Burn a vector layer's classes onto a scene's pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PositiveFloat

from ..listener import Listener
from .base import ClassColor, Step, as_list, known_crs, named

Value = str | int


def _groups(value: Any) -> Any:
    """A list of classes as a mapping of each to itself; a group in a list is called by its members."""
    if not isinstance(value, list | tuple):
        return value
    named_groups = {}
    for entry in value:
        members = entry if isinstance(entry, list | tuple) else [entry]
        named_groups[" + ".join(str(member) for member in members)] = members
    return named_groups


class Rasterize(Step):
    """`geoloom rasterize`: a vector layer and a scene in, a label raster out."""

    verb = "rasterize"
    reads = ("labels", "scene", "background_within")

    labels: Path
    scene: Path
    out: Path
    class_field: str | None = None
    classes: Annotated[
        dict[str, Annotated[tuple[Value, ...], BeforeValidator(as_list)]], BeforeValidator(_groups)
    ] = Field(default_factory=dict)
    other: str | None = None
    burn: str | None = None
    background: str | None = None
    background_within: Path | None = None
    radius: PositiveFloat | None = None
    colors: dict[str, ClassColor] = Field(default_factory=dict)
    all_touched: bool = False
    layer: str | None = None
    where: str | None = None
    assume_crs: str | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """A class field that the layer has not, and what does not go together."""
        from ...core.errors import VectorError
        from ...io.vector.layers import list_fields
        from ...preparation.labels import label_problems

        yield from known_crs("assume_crs", self.assume_crs)
        yield from label_problems(
            class_field=self.class_field,
            classes=self.classes,
            other=self.other,
            burn=self.burn,
            background=self.background,
            background_within=self.background_within,
            radius=self.radius,
        )
        if self.labels.exists() and self.burn is None:
            try:
                fields = list_fields(self.labels, self.layer)
            except VectorError as error:
                yield "labels", str(error)
            else:
                for name, problem in named("class_field", self.class_field or "class", fields):
                    yield name, f"{problem}; or make all features one class: --burn NAME"

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Burn them."""
        from ...preparation.labels import rasterize

        made = rasterize(
            self.labels,
            self.scene,
            self.out,
            class_field=self.class_field,
            classes=self.classes or None,
            other=self.other or None,
            burn=self.burn,
            background=self.background,
            background_within=self.background_within,
            radius=self.radius,
            colors=self.colors or None,
            all_touched=self.all_touched,
            layer=self.layer,
            where=self.where,
            assume_crs=self.assume_crs,
            overwrite=overwrite,
        )
        pixels = dict(made.pixels)
        return {
            "features": made.features,
            "pixels": pixels,
            "unlabelled": made.unlabelled,
            "contested": made.contested,
        }

    def sentence(self, result: dict[str, Any]) -> str:
        """How many pixels each class has."""
        pixels = ", ".join(f"{name} {count:,}" for name, count in result["pixels"].items())
        return f"{self.out}: {pixels} px; {result['unlabelled']:,} px without a label"
