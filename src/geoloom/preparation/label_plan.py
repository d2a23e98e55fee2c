"""The labels that features give to the pixels of a raster, burned block by block when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.classes import MAX_CODE, TRANSPARENT, Classes
from ..core.errors import ConfigError, ModelError, VectorError, suggest
from ..core.files import may_replace
from ..core.grid import block_windows, window_grid, window_slices
from ..core.progress import Progress
from ..io.headers.header import Header
from ..io.raster import read
from ..io.vector.features import Features, OnTop
from ..io.write.cog import CogWriter
from ..transforms.clouds import QualityBand, cloud_mask
from .extents import check_overlap

UNLABELLED = 0


@dataclass(frozen=True, slots=True)
class CloudLabel:
    """What labels become where a quality band of the raster says that the ground is hidden."""

    band: int
    """Number of the quality band, from 1."""
    sensor: QualityBand = "landsat_c2"
    code: int = UNLABELLED


@dataclass(frozen=True, slots=True, eq=False)
class LabelCounts:
    """What a label raster holds."""

    by_code: np.ndarray
    """Pixels of each code, int64 (256,)."""
    contested: int
    """Pixels in features of different classes: each has the class of the last of them."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelPlan:
    """The labels of a raster's pixels, burned from features when they are asked for, block by block.

    Codes are 1, 2, ... in the order of the classes; 0 is unlabelled. Later features lie on top of earlier
    ones, and a background below all.
    """

    header: Header
    """Of the raster."""
    features: Features
    """In any CRS."""
    layer: str | Path
    """The file that they come from."""
    classes: Classes
    other: int | None = None
    """Code of features of none of the classes asked for; None leaves them out."""
    all_touched: bool = False
    """Whether every pixel that a feature touches is burned, not only those whose centre it holds."""
    background: int = UNLABELLED
    """Code of pixels without a feature."""
    background_within: Features | None = None
    """Where these are of the background, in any CRS; None is everywhere. Elsewhere they are unlabelled."""
    clouds: CloudLabel | None = None

    @classmethod
    def of(
        cls,
        header: Header,
        features: Features,
        layer: str | Path,
        *,
        other: str | None = None,
        background: str | None = None,
        background_within: Features | None = None,
        colors: Mapping[str, str] | None = None,
        all_touched: bool = False,
    ) -> LabelPlan:
        """The labels that features give to a raster.

        Args:
            header: Of the raster.
            features: In any CRS.
            layer: The file that they come from.
            other: Name of a class for all features of other classes; None leaves them out.
            background: Name of a class, not drawn, for pixels without a feature; None leaves them unlabelled.
            background_within: Where they are of the background; None is everywhere.
            colors: `#rrggbb`, or `transparent`, of classes by name; the others get fitting ones.
            all_touched: Burn every pixel that a feature touches.

        Raises:
            VectorError: no feature lies on the raster, or no area of the background.
            ConfigError: a colour is given for a class that there is not.
        """
        check_overlap(header, features, layer)
        if background_within is not None:
            check_overlap(header, background_within, background_within.source)
        classes = label_classes(features, other=other, background=background, colors=colors)
        return cls(
            header,
            features,
            layer,
            classes,
            None if other is None else classes.codes[classes.names.index(other)],
            all_touched,
            UNLABELLED if background is None else classes.codes[-1],
            background_within,
        )

    def block(self, grid: GeoBox) -> np.ndarray:
        """Codes on a part of the raster's grid, uint8 (h, w)."""
        labels = self._burned(grid)
        if self.background != UNLABELLED:
            below = labels == UNLABELLED
            if self.background_within is not None:
                below &= self.background_within.burn(grid) > 0
            labels = np.where(below, self.background, labels)
        if self.clouds is not None:
            qa = read(self.header, grid, bands=[self.clouds.band]).values[0]
            hidden = cloud_mask(qa, self.clouds.sensor) & (labels != UNLABELLED)
            labels = np.where(hidden, self.clouds.code, labels)
        return labels.astype(np.uint8)

    def contested(self, grid: GeoBox) -> int:
        """How many pixels of a part of the raster's grid lie in features of different classes."""
        if len(self.features.class_names) + (self.other is not None) == 1:
            return 0
        highest, lowest = (self._burned(grid, on_top) for on_top in ("highest", "lowest"))
        return int(np.count_nonzero(highest != lowest))

    def _burned(self, grid: GeoBox, on_top: OnTop = "last") -> np.ndarray:
        return self.features.burn(
            grid,
            all_touched=self.all_touched,
            fill=UNLABELLED,
            other=self.other,
            on_top=on_top,
        )

    def array(self) -> np.ndarray:
        """All codes in memory, uint8 (H, W)."""
        labels = np.zeros(tuple(self.header.grid.shape), dtype=np.uint8)
        for window in block_windows(labels.shape):
            labels[window_slices(window)] = self.block(window_grid(self.header.grid, window))
        return labels

    def save(
        self,
        out: str | Path,
        *,
        description: str | None = None,
        may_be_empty: bool = False,
        inputs: Iterable[str | Path] = (),
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> LabelCounts:
        """Write the codes to a GeoTIFF: uint8, nodata 0, with colours and class names.

        Args:
            out: File to write.
            description: Name of its band.
            may_be_empty: Whether to write it where no feature gives a pixel its label.
            inputs: Further files that it is made from.
            overwrite: Replace the file.
            progress: Called with (blocks done, blocks in all).

        Returns:
            How many pixels have each code, and for how many features disagree.

        Raises:
            VectorError: no feature gives a pixel its label.
            WriteError: the file exists, or is the raster or the layer itself.
        """
        grid = self.header.grid
        inputs = (self.header.uri, self.layer, *inputs)
        may_replace(Path(out), overwrite=overwrite, inputs=inputs)
        total = sum(1 for _ in block_windows(grid.shape))
        counts, contested = np.zeros(256, dtype=np.int64), 0
        with CogWriter(
            out,
            grid,
            dtype="uint8",
            nodata=UNLABELLED,
            descriptions=None if description is None else [description],
            colormap=self.classes.colormap(),
            class_names={code: name for name, code, _ in self.classes},
            inputs=inputs,
            overwrite=overwrite,
        ) as writer:
            for done, window in enumerate(block_windows(grid.shape), start=1):
                part = window_grid(grid, window)
                codes = self.block(part)
                writer.write(codes, window.row, window.col)
                counts += np.bincount(codes.ravel(), minlength=256)
                contested += self.contested(part)
                if progress is not None:
                    progress(done, total)
            labelled = counts[UNLABELLED + 1 :].sum()
            if self.background != UNLABELLED:
                labelled -= counts[self.background]
            if not (may_be_empty or labelled):
                raise VectorError(
                    f"no pixel of {self.header.uri} has its centre in a feature of {self.layer}; count all "
                    "pixels that a feature touches by all_touched=True (--all-touched), or take a finer scene"
                )
        return LabelCounts(counts, contested)


def label_classes(
    features: Features,
    *,
    other: str | None = None,
    background: str | None = None,
    colors: Mapping[str, str] | None = None,
) -> Classes:
    """Names, codes and colours of the labels that features give.

    Args:
        features: Their class names, by code.
        other: Name of one more class for features of none of these.
        background: Name of the last class, for pixels without a feature; transparent where `colors` gives it
            no colour.
        colors: `#rrggbb`, or `transparent`, by name.

    Raises:
        ConfigError: a colour is given for a class that there is not.
        ModelError: there are more classes than a map can hold, or two of one name.
    """
    names = [features.class_names[code] for code in sorted(features.class_names)]
    names += [name for name in (other, background) if name is not None]
    if len(names) > MAX_CODE:
        raise ModelError(
            f"{features.source} gives {len(names)} classes, and a label raster has codes for {MAX_CODE}: "
            "name those of interest, or make one class of several values, by classes (--class NAME=A,B); is "
            "it a field of classes at all?"
        )
    chosen = {} if background is None else {background: TRANSPARENT}
    chosen |= dict(colors or {})
    for name in chosen.keys() - set(names):
        raise ConfigError(f"colors: no class is named {name!r}{suggest(name, names)}")
    return Classes.of(names, colors=[chosen.get(name) for name in names])
