"""Cut chips from scenes into one store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from ..listener import Listener
from .base import ClassColor, CodeName, Pixels, Seed, Step, as_list

HALVES = {
    "left": (0.0, 0.0, 0.5, 1.0),
    "right": (0.5, 0.0, 1.0, 1.0),
    "top": (0.0, 0.0, 1.0, 0.5),
    "bottom": (0.0, 0.5, 1.0, 1.0),
}
"""Parts of a scene by name, as fractions (left, top, right, bottom) of its columns and rows."""

DEFAULT_COUNT = 1000

_SPLITS_WITH = {
    "test": ("block", "cell", "scene", "feature", "random"),
    "val": ("block", "cell", "scene", "feature", "random", "regions"),
    "stratify": ("feature",),
    "block_px": ("block",),
    "buffer_px": ("block", "regions"),
    "cell_m": ("cell",),
    "min_gap_m": ("block", "cell", "scene", "regions", "feature", "random"),
}
"""Which splits a setting means something to."""

Share = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Region = (
    Literal["left", "right", "top", "bottom"] | tuple[Fraction, Fraction, Fraction, Fraction] | Path
)


def _several(value: Any) -> Any:
    """One region as a list of one; four fractions are one."""
    one = isinstance(value, str | Path) or (
        isinstance(value, list | tuple) and not any(isinstance(v, list | tuple) for v in value)
        and len(value) == 4 and all(_is_number(v) for v in value)
    )  # fmt: skip
    return [value] if one else value


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


Regions = Annotated[tuple[Region, ...], BeforeValidator(_several), Field(min_length=1)]
"""The ground of a split: parts of every scene, or vector files."""
Files = Annotated[tuple[Path, ...], BeforeValidator(as_list)]
Layers = Annotated[tuple[Path, ...], Field(min_length=1)]
"""What lies over one another on the same ground: bands of all, in order."""
Scenes = Annotated[tuple[Path | Layers, ...], BeforeValidator(as_list)]


class Chips(Step):
    """`geoloom chips`: scenes and their label rasters in, a chip store out.

    A scene is a raster file; or a dataset: a folder of scenes, a sensor's folder, a STAC index; or, in a
    project file, a list of these, whose bands are put together.
    """

    verb = "chips"
    reads = ("scene", "labels", "points")
    makes_folder = True

    scene: Annotated[Scenes, Field(min_length=1)]
    labels: Files
    out: Path
    label_kind: Literal["classes", "values"] = "classes"
    classes: dict[CodeName, str] = Field(default_factory=dict)
    colors: dict[str, ClassColor] = Field(default_factory=dict)
    size: Pixels = 256
    strategy: Literal["random", "sequential", "centroids"] = "random"
    count: Annotated[int, Field(gt=0, le=100_000_000)] | None = None
    stride: Pixels | None = None
    points: Path | None = None
    class_of_interest: Annotated[tuple[str, ...], BeforeValidator(as_list)] = ()
    balanced: bool = False
    min_valid: Fraction = 0.1
    split: Literal["block", "cell", "scene", "regions", "feature", "random", "none"] = "block"
    stratify: bool = False
    test: Share = 0.2
    val: Share = 0.2
    block_px: PositiveInt | None = None
    buffer_px: NonNegativeInt | None = None
    cell_m: PositiveFloat | None = None
    min_gap_m: NonNegativeFloat | None = None
    regions: dict[Literal["train", "val", "test"], Regions] = Field(default_factory=dict)
    bands: Annotated[tuple[int | str, ...], BeforeValidator(as_list)] = ()
    nodata: float | None = None
    label_nodata: float | None = None
    seed: Seed = 0

    def inputs(self) -> tuple[tuple[str, Path], ...]:
        """The files, and those of regions."""
        listed = (region for regions in self.regions.values() for region in regions)
        files = [("regions", region) for region in listed if isinstance(region, Path)]
        return (*super().inputs(), *files)

    @model_validator(mode="before")
    @classmethod
    def _default_count(cls, values: Any) -> Any:
        """Random chips need a number of them: the settings shall say which it was."""
        if isinstance(values, dict) and values.get("strategy", "random") == "random":
            return {"count": DEFAULT_COUNT, **values}
        return values

    def problems(self) -> Iterator[tuple[str, str]]:
        """What does not go together."""
        if len(self.labels) != len(self.scene):
            yield (
                "labels",
                f"found {len(self.labels)} for {len(self.scene)} scenes; give one per scene",
            )
        for name, strategy in (("count", "random"), ("stride", "sequential")):
            if getattr(self, name) is not None and self.strategy != strategy:
                yield name, f"goes with strategy {strategy}, not {self.strategy}"
        if (self.points is None) == (self.strategy == "centroids"):
            yield (
                "points",
                f"strategy {self.strategy} {'takes no' if self.points else 'needs'} points",
            )
        if bool(self.regions) != (self.split == "regions"):
            need = "takes no" if self.regions else "needs"
            yield (
                "regions",
                f"split {self.split} {need} regions, such as train: left and test: right",
            )
        for name, region in ((n, r) for n, listed in self.regions.items() for r in listed):
            if isinstance(region, Path) and not region.suffix:
                yield (
                    "regions",
                    f"{name} is {region}; expected left, right, top, bottom, four fractions left, top, "
                    "right, bottom from 0 to 1, or a vector file",
                )
        if self.colors and not self.classes:
            yield "colors", "goes with classes, names by code; labels that name theirs have colours"
        for name in ("class_of_interest", "balanced", "classes"):
            if getattr(self, name) and self.label_kind == "values":
                yield name, "goes with labels that are classes, not with label_kind values"
        for name, splits in _SPLITS_WITH.items():
            given = name in self.model_fields_set and getattr(self, name) is not None
            if given and self.split not in splits:
                named = " or ".join(filter(None, [", ".join(splits[:-1]), splits[-1]]))
                yield name, f"goes with split {named}, not {self.split}"
        if self.split == "cell" and self.cell_m is None:
            yield "cell_m", "is needed by split cell: the side of a cell, metres"
        if self.split in ("block", "cell", "scene", "feature") and self.test + self.val >= 1:
            yield "test", f"test {self.test} and val {self.val} leave nothing to train on"
        if self.split == "regions" and "val" in self.regions and "val" in self.model_fields_set:
            yield "val", "is given as a region as well; give one of the two"

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Cut them."""
        from ...chips.cut import cut_chips
        from ...chips.inputs import join_layers
        from ...core.legend import named_classes

        classes = named_classes(self.classes, self.colors) if self.classes else None
        with listener.track("chips") as advance:
            store = cut_chips(
                [join_layers(s) if isinstance(s, tuple) else s for s in self.scene],
                self.out,
                labels=self.labels,
                label_kind=self.label_kind,
                classes=classes,
                size=self.size,
                strategy=self.strategy,
                count=self.count,
                stride=self.stride,
                points=self.points,
                class_of_interest=self.class_of_interest or None,
                balanced=self.balanced,
                min_valid=self.min_valid,
                split=self._split_rule(),
                min_gap_m=self.min_gap_m,
                bands=self.bands or None,
                nodata=self.nodata,
                label_nodata=self.label_nodata,
                seed=self.seed,
                overwrite=overwrite,
                progress=advance,
            )
        splits = {str(name): count for name, count in store.splits.items()}
        named = [] if store.outputs is None else list(store.outputs.names)
        return {"chips": len(store), **splits, self.label_kind: named}

    def _split_rule(self) -> Any:
        from ...splits.features import FeatureSplit
        from ...splits.regions import ScenePart
        from ...splits.rois import RoiSplit
        from ...splits.rules import BlockSplit, CellSplit, RandomSplit
        from ...splits.scenes import SceneSplit

        if self.split == "block":
            return BlockSplit(self.test, self.val, self.block_px, self.buffer_px, self.seed)
        if self.split == "cell":
            assert self.cell_m is not None  # as `problems` says
            return CellSplit(self.cell_m, self.test, self.val, seed=self.seed)
        if self.split == "scene":
            return SceneSplit(self.test, self.val, self.seed)
        if self.split == "feature":
            return FeatureSplit(self.test, self.val, self.stratify, self.seed)
        if self.split == "random":
            return RandomSplit(self.test, self.val, self.seed)
        if self.split == "none":
            return None
        regions = {
            name: [
                region
                if isinstance(region, Path)
                else ScenePart(*(HALVES[region] if isinstance(region, str) else region))
                for region in listed
            ]
            for name, listed in self.regions.items()
        }
        val = 0.0 if "val" in regions else self.val
        return RoiSplit(regions, buffer_px=self.buffer_px or 0, val=val, seed=self.seed)

    def sentence(self, result: dict[str, Any]) -> str:
        """How many chips of each split there are."""
        splits = ", ".join(
            f"{result[name]} {name}" for name in ("train", "val", "test") if name in result
        )
        return f"{self.out}: {result['chips']} chips of {self.size} px" + (
            f" ({splits})" if splits else ""
        )
