"""From files, folders and datasets to the datasets that chips are cut from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from glob import has_magic
from operator import and_
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from ..core.bands import Band
from ..core.errors import ChipError, ConfigError
from ..core.suffixes import VECTOR_SUFFIXES
from ..datasets.base import GeoDataset
from ..datasets.layouts.image_folder import ImageFolder
from ..datasets.opening import open as open_dataset
from ..datasets.raster import RasterDataset
from ..datasets.stac.detect import are_stac
from ..io.geometry.overlap import share_covered
from ..io.headers.header import Header, read_header
from .form import bands_of

LabelKind = Literal["classes", "values"]
"""What labels are: codes of classes, or measurements."""

Input: TypeAlias = str | Path | GeoDataset
"""A file, a folder, a pattern or a STAC index; or a dataset."""


@dataclass(frozen=True, slots=True, eq=False)
class ChipInput:
    """A dataset of images, with its labels where there are any."""

    dataset: GeoDataset
    name: str | None = None
    """Of the scene, where it is one file; None: scenes bear the dataset's names."""

    @property
    def title(self) -> str:
        """For messages."""
        return self.name or repr(self.dataset)


def open_inputs(
    images: Sequence[Input],
    labels: Sequence[Input] | None = None,
    *,
    bands: Sequence[int | str] | None = None,
    nodata: float | None = None,
    label_nodata: float | None = None,
    label_kind: LabelKind = "classes",
) -> tuple[ChipInput, ...]:
    """Each of the images, with its labels read onto its pixels; of files only headers are read.

    A raster file is one scene on its own; what else `geoloom.open` opens is a dataset of scenes.

    Args:
        images: Each is read alone: one does not fill what another did not observe.
        labels: One for each of the images; None where there are none, or the datasets hold them already.
        bands: Names of the bands, in order; of raster files also numbers, from 1.
        nodata, label_nodata: Unobserved value instead of the files' own.
        label_kind: What labels that are files hold.

    Raises:
        ChipError: the counts differ, the images do not have the same bands, or labels are an image.
        GridError: a label raster does not overlap its image.
        ReadError: a file cannot be read.
    """
    if labels is not None and len(labels) != len(images):
        raise ChipError(
            f"{len(images)} images and {len(labels)} label rasters: give one of each per scene"
        )
    names = _distinct_names(images)
    inputs = []
    for number, image in enumerate(images):
        layer = None if labels is None else labels[number]
        dataset = _image_dataset(image, bands, nodata)
        if layer is not None:
            if names[number] is not None and is_raster_file(layer):
                _check_labels(image, layer, label_kind)
            dataset = dataset & _label_dataset(layer, label_nodata, label_kind)
        inputs.append(ChipInput(dataset, names[number]))
    check_alike(inputs)
    return tuple(inputs)


def join_layers(layers: Sequence[str | Path]) -> GeoDataset:
    """Images over one another on the same ground as one dataset, with the bands of all in order."""
    return reduce(and_, [_image_dataset(layer, None, None) for layer in layers])


def check_alike(inputs: Sequence[ChipInput]) -> None:
    """Refuse images whose chips could not lie in one store.

    Raises:
        ChipError: bands, their scale or offset, or labels differ; the message names the scenes.
    """
    first, *others = inputs
    for other in others:
        if _bands(other) != _bands(first):
            raise ChipError(
                "{} has {} bands of {}, {} has {} of {}: chips of one store must be alike; choose "
                "bands=".format(other.title, *_bands(other), first.title, *_bands(first))
            )
        if _quantities(other) != _quantities(first):
            raise ChipError(
                f"{other.title} stores values of {_described(other)}, {first.title} of {_described(first)} "
                "(scale and offset of each band): one network cannot read both; bring them to one scale "
                "first, such as `gdal_translate -unscale -ot Float32`"
            )
        if other.dataset.layers != first.dataset.layers:
            raise ChipError(
                f"{first.title} and {other.title} have other labels (or only one of them has any); give all "
                "the same kind, or none"
            )
        if "value" in first.dataset.layers and other.dataset.outputs != first.dataset.outputs:
            raise ChipError(
                f"the labels of {first.title} are {_measured(first)}, of {other.title} {_measured(other)}: "
                "chips of one store hold the same values in the same order; name the bands alike"
            )


def _measured(given: ChipInput) -> str:
    outputs = given.dataset.outputs
    return outputs.short if outputs is not None else "values without names"


def _bands(given: ChipInput) -> tuple[int, np.dtype]:
    dataset = given.dataset
    dtype = dataset.file_dtype("image") or dataset.sample_dtype("image") or np.dtype(np.float32)
    return len(dataset.bands), dtype


def _quantities(given: ChipInput) -> list[tuple[str | None, float, float]]:
    return [(band.unit, band.scale, band.offset) for band in bands_of(given.dataset)]


def _described(given: ChipInput) -> str:
    described = (
        f"{scale:g} and {offset:g} in {unit or 'no known unit'}"
        for unit, scale, offset in _quantities(given)
    )
    return ", ".join(described)


def _image_dataset(
    image: Input, bands: Sequence[int | str] | None, nodata: float | None
) -> GeoDataset:
    if isinstance(image, GeoDataset):
        if bands is not None or nodata is not None:
            raise ConfigError(
                f"bands and nodata are of files; {image!r} is a dataset: give them when it is made"
            )
        return image
    if is_raster_file(image):
        return _file_dataset(read_header(image), image, bands, nodata)
    names = None if bands is None else [_name(band, image) for band in bands]
    return _scenes(open_dataset(str(image), bands=names, is_image=True, nodata=nodata))


def _file_dataset(
    header: Header,
    path: str | Path,
    bands: Sequence[int | str] | None,
    nodata: float | None,
    gives: Literal["image", "value"] = "image",
) -> RasterDataset:
    """One file of measurements, all bands but alpha, though some of their names be equal."""
    numbers = header.find(bands)
    names = header.band_names
    if len(set(names)) < len(names):
        apart = [
            f"{name} ({i})" if i > names.index(name) + 1 else name
            for i, name in enumerate(names, 1)
        ]
        declared = [Band.named(name) for name in apart[: max(numbers)]]
        wanted = [apart[n - 1] for n in numbers]
        return RasterDataset(
            str(path), bands=wanted, all_bands=declared, nodata=nodata, gives=gives
        )
    chosen = None if bands is None else [names[n - 1] for n in numbers]
    return RasterDataset(str(path), bands=chosen, nodata=nodata, gives=gives)


def _name(band: int | str, where: object) -> str:
    if isinstance(band, str):
        return band
    raise ConfigError(
        f"band {band} of {where}: numbers are of single raster files; give the bands' names"
    )


def _label_dataset(labels: Input, nodata: float | None, kind: LabelKind) -> GeoDataset:
    if isinstance(labels, GeoDataset):
        if kind == "values" and "value" not in labels.layers:
            raise ConfigError(
                f"label_kind='values' is of files, and {labels!r} gives {', '.join(sorted(labels.layers))}; "
                "make it with gives='value'"
            )
        return labels
    if is_raster_file(labels):
        if kind == "values":
            return _file_dataset(read_header(labels), str(labels), None, nodata, "value")
        first = read_header(labels).band_names[0]
        return RasterDataset(str(labels), bands=[first], nodata=nodata, is_image=False)
    gives: Literal["mask", "value"] = "value" if kind == "values" else "mask"
    return _scenes(open_dataset(str(labels), gives=gives, nodata=nodata))


def _scenes(opened: GeoDataset | ImageFolder) -> GeoDataset:
    assert isinstance(opened, GeoDataset)  # as it is wherever is_image is given
    return opened


def _check_labels(image: Input, labels: Input, kind: LabelKind) -> None:
    """Refuse what is not a label raster, or one of another place."""
    assert not isinstance(image, GeoDataset)
    assert not isinstance(labels, GeoDataset)
    header = read_header(labels)
    if kind == "values" and header.class_names:
        raise ChipError(
            f"{labels} names classes ({', '.join(list(header.class_names.values())[:3])}, ...), expected "
            "measured values; leave label_kind out (--label-kind)"
        )
    if kind == "classes" and len(header.data_bands) > 1 and not header.categorical:
        raise ChipError(
            f"{labels} has {len(header.data_bands)} bands and no class names: expected a label raster, one "
            "band of class codes (were scene and labels swapped?); measured values are label_kind='values' "
            "(--label-kind values)"
        )
    share_covered(
        read_header(image), header, ", which it is to label; check the CRS of both, and the order"
    )


def is_raster_file(given: Input) -> bool:
    """Whether it is one raster; what is not there counts as one, and is refused when it is opened."""
    if isinstance(given, GeoDataset):
        return False
    path, text = Path(given), str(given)
    if (
        path.is_dir()
        or path.suffix.lower() in VECTOR_SUFFIXES
        or (has_magic(text) and not path.exists())
    ):
        return False
    return not are_stac([text])


def _distinct_names(images: Sequence[Input]) -> list[str | None]:
    """File names, or whole paths where two files share one; None for what is not a single file."""
    files = [
        Path(i) if not isinstance(i, GeoDataset) and is_raster_file(i) else None for i in images
    ]
    names = [None if file is None else file.name for file in files]
    return [
        str(file) if file is not None and names.count(name) > 1 else name
        for file, name in zip(files, names, strict=True)
    ]


def input_paths(inputs: Sequence[Input]) -> list[str | Path]:
    """The files and folders among them."""
    return [given for given in inputs if isinstance(given, str | Path)]
