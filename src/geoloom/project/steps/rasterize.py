"""Burn a vector layer's classes onto a scene's pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ..listener import Listener
from .base import Step, as_list, known_crs, named

Value = str | int
Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


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
    reads = ("labels", "scene")

    labels: Path
    scene: Path
    out: Path
    class_field: str = "class"
    classes: Annotated[
        dict[str, Annotated[tuple[Value, ...], BeforeValidator(as_list)]], BeforeValidator(_groups)
    ] = Field(default_factory=dict)
    other: str | None = None
    colors: dict[str, Color] = Field(default_factory=dict)
    all_touched: bool = False
    layer: str | None = None
    where: str | None = None
    crs: str | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """A class field that the layer has not."""
        from ...core.errors import VectorError
        from ...io.vector.layers import list_fields

        yield from known_crs("crs", self.crs)
        if self.labels.exists():
            try:
                fields = list_fields(self.labels, self.layer)
            except VectorError as error:
                yield "labels", str(error)
            else:
                yield from named("class_field", self.class_field, fields)

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Burn them."""
        import numpy as np

        from ...core.classes import Classes
        from ...core.errors import ConfigError, VectorError, suggest
        from ...core.grid import block_windows, window_grid
        from ...io.headers.header import read_header
        from ...io.vector.layers import read_features
        from ...io.write.cog import CogWriter
        from ...toolbox.framing import check_meeting

        features = read_features(
            self.labels,
            layer=self.layer,
            class_field=self.class_field,
            classes=self.classes or None,
            where=self.where,
            crs=self.crs,
        )
        header = read_header(self.scene)
        check_meeting(header, features, self.labels)
        grid = header.grid
        names = list(features.class_names.values()) + ([self.other] if self.other else [])
        for name in self.colors.keys() - set(names):
            raise ConfigError(f"colors: no class is named {name!r}{suggest(name, names)}")
        classes = Classes.of(names, colors=[self.colors.get(name) for name in names])
        counts = np.zeros(256, dtype=np.int64)
        with CogWriter(
            self.out,
            grid,
            dtype="uint8",
            nodata=0,
            descriptions=["class"],
            colormap=classes.colormap(),
            class_names=dict(zip(classes.codes, classes.names, strict=True)),
            inputs=(self.labels, self.scene),
            overwrite=overwrite,
        ) as writer:
            for window in block_windows(grid.shape):
                part = window_grid(grid, window)
                other = len(names) if self.other else None
                codes = features.burn(part, all_touched=self.all_touched, other=other)
                writer.write(codes.astype(np.uint8), window.row, window.col)
                counts += np.bincount(codes.ravel(), minlength=256)
            if not counts[1:].any():
                raise VectorError(
                    f"no pixel of {self.scene} has its centre in a feature of {self.labels}; count all "
                    "pixels that a feature touches (--all-touched), or take a finer scene"
                )
        pixels = {name: int(counts[code]) for name, code, _ in classes}
        return {"features": len(features), "pixels": pixels, "unlabelled": int(counts[0])}

    def sentence(self, result: dict[str, Any]) -> str:
        """How many pixels each class has."""
        pixels = ", ".join(f"{name} {count:,}" for name, count in result["pixels"].items())
        return f"{self.out}: {pixels} px; {result['unlabelled']:,} px without a label"
