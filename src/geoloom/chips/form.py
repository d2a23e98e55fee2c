"""What the chips of a store have in common, and how a sample becomes one of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike

from ..core.bands import Band, as_band
from ..core.classes import MAX_CODE, Classes
from ..core.errors import ChipError
from ..core.grid import crs_name, has_place
from ..core.outputs import ClassOutputs, Outputs, Per, ValueOutputs
from ..core.query import Sample
from ..datasets.base import GeoDataset
from ..datasets.reading.calibration import describe
from .requests import ChipRequest
from .zarr.sample_columns import keepable
from .zarr.writer import ChipWriter

log = logging.getLogger(__name__)

_KEPT = frozenset(
    {
        "image",
        "mask",
        "value",
        "valid",
        "observed",
        "crs",
        "transform",
        "bounds",
        "valid_series",
        "times",
    }
)
"""What a chip holds of a sample, and what a single date has no need of."""


@dataclass(frozen=True, slots=True)
class ChipForm:
    """What the chips of a store have in common."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    bands: tuple[Band, ...]
    """Of the stored numbers."""
    classes: Classes | None
    mask_dtype: np.dtype[Any] | None
    """None where there are no class codes, or their classes are known."""
    values: ValueOutputs | None = None
    """What the labels measure, where they are values per pixel."""
    image_outputs: ClassOutputs | ValueOutputs | None = None
    """What labels per image teach."""
    columns: tuple[str, ...] = ()
    """What samples hold besides, a number, a vector or a text each."""

    @classmethod
    def of(
        cls,
        dataset: GeoDataset,
        sample: Sample,
        *,
        dtype: DTypeLike | None = None,
        mask_dtype: DTypeLike | None = None,
        bands: Sequence[Band | str] | None = None,
        outputs: Outputs | None = None,
    ) -> ChipForm:
        """The form of chips that are samples of a dataset.

        Args:
            dataset: Which gives the samples.
            sample: One of them.
            dtype, mask_dtype, bands, outputs: As `materialize`.

        Raises:
            ChipError: the samples are not chips, or scenes of different scale or offset would be mixed.
        """
        if "image" not in sample:
            raise ChipError(
                f"samples of {dataset!r} hold no image (found {', '.join(sorted(sample))}); join it with "
                "imagery: imagery & labels"
            )
        image, mask = array_of(sample["image"]), sample.get("mask")
        if image.ndim != 3:
            raise ChipError(
                f"images of shape {image.shape} are not chips of (bands, rows, columns); a chip store keeps "
                "one date per chip: ask for the dates one by one"
            )
        if mask is not None and mask.ndim != 2:
            raise ChipError(
                f"masks of shape {tuple(mask.shape)} are {len(mask)} label layers; a chip store keeps one: "
                "make a store for each"
            )
        stored_bands = bands_of(dataset, bands)
        if len(stored_bands) != len(image):
            names = ", ".join(band.name for band in stored_bands)
            raise ChipError(
                f"the images have {len(image)} channels, named are {len(stored_bands)} ({names}); say "
                "bands=[...], one for each channel"
            )
        per_image = "value" in sample and array_of(sample["value"]).ndim == 1
        entries = sample.keys() - _KEPT | ({"value"} if per_image else set())
        columns = tuple(sorted(name for name in entries if keepable(name, entry_of(sample, name))))
        extra = sorted(entries - set(columns))
        if extra:
            log.warning(
                "samples hold %s, which a chip store does not keep: left out", ", ".join(extra)
            )
        values = None if per_image else _values_of(dataset, sample)
        classes = None if mask is None else dataset.classes
        stored: np.dtype[Any] | None = None
        if mask is not None and classes is None:
            stored = _first(mask_dtype, dataset.file_dtype("mask"), array_of(mask).dtype)
        return cls(
            shape=image.shape,
            dtype=_first(dtype, dataset.file_dtype("image"), image.dtype),
            bands=stored_bands,
            classes=classes,
            mask_dtype=stored,
            values=values,
            image_outputs=_of_images(dataset, sample, columns, outputs),
            columns=columns,
        )

    def add(
        self, writer: ChipWriter, chip: ChipRequest, sample: Sample, *, all_codes: bool = False
    ) -> None:
        """Write one sample.

        Args:
            writer: Of the store.
            chip: What was asked.
            sample: What was answered.
            all_codes: Keep the codes of pixels that are not valid too, as the labels hold them.

        Raises:
            ChipError: the sample has another form, or values do not fit the stored type.
        """
        image, valid = array_of(sample["image"]), array_of(sample["valid"])
        if image.shape != self.shape:
            raise ChipError(
                f"query {len(writer)} gives an image of shape {image.shape}, the first one {self.shape}; "
                "ask for chips of one size and the same bands"
            )
        observed = array_of(sample.get("observed", sample["valid"]))
        if image.dtype.kind == "f":
            observed = observed & np.isfinite(image).all(axis=0)
        mask = None
        if "mask" in sample:
            mask = array_of(sample["mask"])
            kept = np.ones(mask.shape, bool) if all_codes else valid
            if self.classes is not None:
                kept = kept & (mask >= 0) & (mask <= MAX_CODE)  # what lies outside is not a class
            mask = np.where(kept, mask, 0)
        lacking = [name for name in self.columns if name not in sample]
        if lacking:
            raise ChipError(
                f"query {len(writer)} gives no {', '.join(lacking)}, and the first one does; give all "
                "samples the same entries"
            )
        grid = chip.query.grid
        writer.add(
            _exactly(image, observed, self.dtype, len(writer)),
            mask,
            observed,
            value=array_of(sample["value"]) if self.values is not None else None,
            labelled=valid,
            crs=crs_name(grid.crs) if has_place(grid.crs) else "",
            transform=grid.affine[:6],
            source=chip.source,
            row=chip.row,
            col=chip.col,
            split=chip.split,
            when=chip.query.when,
            columns={name: entry_of(sample, name) for name in self.columns},
        )


def _of_images(
    dataset: GeoDataset, sample: Sample, columns: Sequence[str], given: Outputs | None
) -> ClassOutputs | ValueOutputs | None:
    """What labels per image teach; None where there are none, or they are only known as numbers."""
    known = dataset.outputs if given is None else given
    if isinstance(known, ClassOutputs | ValueOutputs) and known.gives == "image":
        if known.target.key in columns and not {"mask", "value"} & (sample.keys() - set(columns)):
            return known
        if given is not None:
            raise ChipError(
                f"outputs are {given.short}, which are learned from {known.target}; the samples hold "
                f"{', '.join(sorted(sample))}, and a chip store teaches one kind of labels: give samples "
                "with that one alone"
            )
    elif given is not None:
        raise ChipError(
            f"outputs= says what labels per image teach, and found {given.short}; the dataset itself knows "
            "its labels per pixel"
        )
    if "value" in columns and "mask" not in sample:
        return _unnamed(len(array_of(sample["value"])), "image")
    return None


def _unnamed(count: int, per: Per) -> ValueOutputs:
    names = tuple(f"value {k}" for k in range(1, count + 1))
    return ValueOutputs(names, (None,) * count, per)


def _values_of(dataset: GeoDataset, sample: Sample) -> ValueOutputs | None:
    """What the values of a dataset's samples are; None where they hold none."""
    if "value" not in sample:
        return None
    if "mask" in sample:
        raise ChipError(
            f"samples of {dataset!r} hold classes and values; a chip store keeps one kind of labels: make a "
            "store for each"
        )
    value = array_of(sample["value"])
    if value.ndim != 3:
        raise ChipError(
            f"values of shape {value.shape} are none of pixels; a chip store keeps values of (values, rows, "
            "columns)"
        )
    known = dataset.outputs
    if isinstance(known, ValueOutputs) and known.channels == len(value):
        return known
    # Transforms may have made others.
    return _unnamed(len(value), "pixel")


def bands_of(dataset: GeoDataset, names: Sequence[Band | str] | None = None) -> tuple[Band, ...]:
    """The bands of the numbers that a dataset gives.

    Where scale and offset are known only when a file is read, or transforms may have changed the values,
    unit, scale and offset are not known.

    Args:
        dataset: Which gives images.
        names: Bands, or names, one a channel, where transforms have added some; names that the dataset knows
            mean its bands.

    Raises:
        ChipError: scale or offset differ from scene to scene.
    """
    given = []
    for band, pairs in zip(dataset.bands, dataset._calibrations(), strict=True):
        if pairs is not None and len(pairs) > 1:
            raise ChipError(
                f"band {band.name!r} of {dataset!r} would mix {describe(pairs)}; make the dataset with "
                "scaled=True, so that it gives physical values"
            )
        scale, offset = (1.0, 0.0) if pairs is None else next(iter(pairs))
        unit = None if pairs is None else band.unit
        given.append(replace(band, unit=unit, scale=scale, offset=offset))
    if names is None:
        return tuple(given)
    known = {band.name: band for band in given}
    return tuple(
        known.get(name, as_band(name)) if isinstance(name, str) else name for name in names
    )


def _first(*choices: DTypeLike | None) -> np.dtype[Any]:
    return next(np.dtype(choice) for choice in choices if choice is not None)


def _exactly(
    image: np.ndarray, observed: np.ndarray, dtype: np.dtype[Any], number: int
) -> np.ndarray:
    """The image in another dtype; floats are rounded, integers must be met where they are observed."""
    if image.dtype == dtype:
        return image
    if not observed.all():
        image = np.where(observed, image, 0)
    with np.errstate(invalid="ignore"):  # what cannot be cast is found by comparing
        stored = image.astype(dtype)
    if dtype.kind != "f" and not (stored == image).all():
        lost = image[stored != image]
        raise ChipError(
            f"query {number}: {lost.size} values, such as {lost[0]}, do not fit {dtype} exactly; say "
            f"dtype={str(image.dtype)!r}, or another that holds them"
        )
    return stored


def entry_of(sample: Sample, name: str) -> Any:
    """An entry by any name, also one that a transform made up."""
    return cast(Mapping[str, Any], sample)[name]


def array_of(tensor: Any) -> np.ndarray:
    """A tensor or an array as an array."""
    return tensor if isinstance(tensor, np.ndarray) else tensor.numpy(force=True)
