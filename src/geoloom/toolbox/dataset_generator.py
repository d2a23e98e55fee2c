"""`DatasetGenerator`: chips from scenes and labels, divided and saved."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from ..chips.choose import ChosenChip, choose_chips
from ..chips.form import array_of
from ..chips.inputs import ChipInput, check_alike, open_inputs
from ..chips.write import write_candidates
from ..core.classes import Classes
from ..core.errors import ChipError, ConfigError
from ..core.progress import Progress
from ..datasets.arrays import ArrayDataset
from ..io.headers.header import read_header
from ..io.raster import Raster
from ..samplers.drawing.candidates import Candidates
from ..samplers.drawing.draw import draw_candidates
from ..samplers.drawing.options import STRATEGIES, ChipOptions, Strategy
from ..splits.names import SPLITS
from ..splits.rules import BlockSplit, RandomSplit, RoiSplit, ScenePart, SplitRule
from .chip_params import parse_chip_params
from .params import check_keys

log = logging.getLogger(__name__)

Source = str | Path | Raster | np.ndarray


@dataclass(frozen=True, slots=True)
class SavedDataset:
    """Where a dataset was saved: one chip store, and its parts as names that `ModelBuilder` takes."""

    path: Path
    train: str
    """Such as `dataset.zarr#train`."""
    test: str
    val: str


class DatasetGenerator:
    """Cuts chips from one scene or several, and divides them among training, test and validation.

    Nothing is read before chips are asked for or saved; files are read window by window.

    Args:
        rasters: Image files; or arrays (H, W, B), masked where not observed, as
            `Preprocessor.get_array_stacked_raster` gives them; or what `geoloom.read` gives. One or a list.
        labels: For each image, a label raster of any CRS and resolution; or an array (H, W) for an array.
        strategy: `sequential`, `random` or `centroids`.
        description: Kept with the chips.
        grids: For bare arrays, where they lie; without it their chips have no place on Earth.

    Raises:
        ChipError: the counts differ, or the images do not have the same bands.

    Source:
        The DeepGeo paper, section 2.2. Unlike DeepGeo's code: a class of interest is found by its name, a
        chip is dropped by what is unobserved and not by label 0, and splits do not share ground.

    Example:
        >>> generator = DatasetGenerator("output.tiff", "my_labels.tif", "random")  # doctest: +SKIP
        >>> generator.generate_chips({"win_size": 256, "quantity": 2000})  # doctest: +SKIP
        >>> generator.split_ds(perc_test=20, perc_val=20)  # doctest: +SKIP
        >>> generator.save_to_disk("datasets", "prodes").train  # doctest: +SKIP
        'datasets/prodes.zarr#train'
    """

    def __init__(
        self,
        rasters: Source | Sequence[Source],
        labels: Source | Sequence[Source] | None = None,
        strategy: Strategy = "sequential",
        description: str | Mapping[str, Any] | None = None,
        *,
        grids: Sequence[GeoBox] | None = None,
    ) -> None:
        # The strategy and its options are checked together, in generate_chips; a wrong name right now.
        check_keys({strategy: None}, STRATEGIES, where="strategy")
        self.strategy = strategy
        self.description = description
        self._rasters = _listed(rasters)
        self._labels = None if labels is None else _listed(labels)
        self._grids = grids
        if self._labels is not None and len(self._labels) != len(self._rasters):
            raise ChipError(
                f"{len(self._rasters)} images and {len(self._labels)} label layers; give one each"
            )
        self._options: ChipOptions | None = None
        self._classes: Classes | None = None
        self._no_data: float | None = None
        self._split: SplitRule | None = None
        self._shuffle: int | None = None
        self._inputs: tuple[ChipInput, ...] = ()
        self._candidates: Candidates | None = None

    def generate_chips(self, params: Mapping[str, Any]) -> None:
        """Plan the chips.

        Args:
            params: `win_size`: rows and columns of a chip, or one number. Of `random`: `quantity`;
                `class_of_interest`, a name or list on which chips are centred; `balanced`, as many on each
                class; `remove_no_data`, as the method. Of `sequential`: `overlap`, rows and columns shared
                by neighbours, or `stride`. Of `centroids`: `shp_path`, a file of points. Of all:
                `class_names`, a list for the codes 1, 2, ... (a leading name of code 0 is dropped),
                or `Classes`; `no_data`, the unlabelled code (default: the label file's own, else 0);
                `min_valid`, the least share of a chip that counts, or `perc_discard_nd`, the percentage of
                nodata from which it is dropped; `seed`.

        Raises:
            ConfigError: a key is unknown or missing, or a value cannot be.
            ChipError: a scene is smaller than a chip.
        """
        self._options, self._classes, self._no_data = parse_chip_params(self.strategy, params)
        self._inputs = ()
        self._candidates = None

    def remove_no_data(self, tolerance: float = 0.99) -> None:
        """Leave out chips of which more than this share is nodata, 0..1: unobserved, or unlabelled."""
        if not 0 <= tolerance <= 1:
            raise ConfigError(f"tolerance is {tolerance}; expected a share from 0 to 1")
        self._options = replace(self._need_options(), min_valid=1 - tolerance)
        self._candidates = None

    def shuffle_ds(self, random_seed: int = 0) -> None:
        """Take the chips in random order; they are otherwise in the order in which they lie in the scenes."""
        self._shuffle = random_seed

    def split_ds(
        self,
        perc_test: float = 20,
        perc_val: float = 20,
        random_seed: int | None = None,
        method: Literal["block", "random", "roi"] = "block",
        *,
        block_px: int | None = None,
        buffer_px: int | None = None,
        roi: Mapping[str, Any] | None = None,
    ) -> None:
        """Divide the chips among training, test and validation.

        Args:
            perc_test, perc_val: Percentages, such as 20; the rest is for training.
            random_seed: Of the dealing; None is 0.
            method: `block`: whole blocks of land to each, with a gap between; random chips are drawn inside
                them, so that as many come out as were ordered. `roi`: regions by hand. `random`: each chip
                by chance; a warning names the chips that overlap others of another split.
            block_px, buffer_px: Of `block`: side of a block, and the least gap; None chooses.
            roi: Of `roi`: split -> (left, top, right, bottom) as fractions of the scene; `perc_val` is
                then the percentage of the training region that goes to validation.

        Raises:
            ConfigError: the shares, the method or an option cannot be.
        """
        test, val = (_share(p, n) for p, n in ((perc_test, "perc_test"), (perc_val, "perc_val")))
        seed = 0 if random_seed is None else random_seed
        if (roi is not None) != (method == "roi"):
            raise ConfigError(
                "method 'roi' goes with roi={'train': (0, 0, 0.5, 1), ...}, and no other does"
            )
        if method == "block":
            self._split = BlockSplit(test, val, block_px, buffer_px, seed)
        elif method == "random":
            self._split = RandomSplit(test, val, seed)
        elif method == "roi":
            assert roi is not None
            share = 0.0 if "val" in roi else val
            parts: dict[Any, Any] = {name: ScenePart(*part) for name, part in roi.items()}
            self._split = RoiSplit(parts, buffer_px=buffer_px or 0, val=share, seed=seed)
        else:
            check_keys({method: None}, ("block", "random", "roi"), where="split_ds method")
        self._candidates = None

    def get_samples(self) -> dict[str, Any]:
        """All chips in memory.

        Returns:
            `chips` (N, H, W, B), 0 where not observed; `labels` (N, H, W) uint8, 0 where unlabelled, or None;
            `valid` (N, H, W) bool; `coords`, one dict per chip of upper_row, lower_row (exclusive), left_col,
            right_col (exclusive); `split`, one name or None a chip; `overlap`.
        """
        candidates = self.plan()
        chosen = list(choose_chips(candidates))
        if not chosen:
            raise ChipError("no chip holds enough that is valid")
        codes = [chip.split for chip in chosen]
        if isinstance(self._split, RandomSplit):
            codes = self._split.deal(len(chosen)).tolist()
        height, width = candidates.options.size
        stride = candidates.options.stride or candidates.options.size
        with_labels = candidates.classes is not None
        return {
            "chips": np.stack([_image(chip.sample) for chip in chosen]),
            "labels": np.stack([_labels(chip) for chip in chosen]) if with_labels else None,
            "valid": np.stack([chip.valid for chip in chosen]),
            "coords": [
                {
                    "upper_row": chip.request.row,
                    "lower_row": chip.request.row + height,
                    "left_col": chip.request.col,
                    "right_col": chip.request.col + width,
                }
                for chip in chosen
            ],
            "split": [SPLITS[code] if code >= 0 else None for code in codes],
            "overlap": (height - stride[0], width - stride[1]),
        }

    def save_to_disk(
        self,
        out_path: str | Path,
        filename: str = "dataset",
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> SavedDataset:
        """Cut the chips into one store, `<out_path>/<filename>.zarr`.

        Args:
            out_path: Folder; made where it is missing.
            filename: Of the store; an ending is replaced.
            overwrite: Replace it.
            progress: Called with (chips so far, chips wanted at most).

        Raises:
            ChipError: no chip, or none of a split, holds enough that is valid.
            WriteError: the store exists.
        """
        folder = Path(out_path)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / Path(filename).with_suffix(".zarr").name
        notes = {} if self.description is None else {"description": self.description}
        write_candidates(
            self.plan(),
            path,
            split=self._split,
            overwrite=overwrite,
            progress=progress,
            notes=notes,
        )
        return SavedDataset(path, *(f"{path}#{split}" for split in SPLITS))

    def plan(self) -> Candidates:
        """Where the chips may be cut. Labels are read for it, images are not."""
        options = self._need_options()
        if self._candidates is None:
            self._inputs = self._inputs or self._open()
            self._candidates = draw_candidates(
                [given.dataset for given in self._inputs],
                options,
                classes=self._classes,
                split=self._split,
                names=[given.name for given in self._inputs],
            )
        if self._shuffle is None:
            return self._candidates
        return self._candidates.shuffled(self._shuffle)

    def _need_options(self) -> ChipOptions:
        if self._options is None:
            raise ChipError("no chips are planned yet; call generate_chips(params) first")
        return self._options

    def _label_nodata(self) -> float | None:
        """The unlabelled code as given; else the label files' own, or 0 where one of them has none."""
        if self._no_data is not None or self._labels is None:
            return self._no_data
        headers = [read_header(label) for label in self._labels]  # type: ignore[arg-type]
        return None if all(h.nodata[0] is not None for h in headers) else 0

    def _open(self) -> tuple[ChipInput, ...]:
        files = [isinstance(raster, str | Path) for raster in self._rasters]
        if all(files):
            return open_inputs(
                self._rasters,  # type: ignore[arg-type]
                self._labels,  # type: ignore[arg-type]
                label_nodata=self._label_nodata(),
            )
        if any(files):
            raise ChipError("images are given partly as files, partly as arrays; give one kind")
        inputs = []
        for i, raster in enumerate(self._rasters):
            mask = None if self._labels is None else self._labels[i]
            if isinstance(mask, str | Path):
                raise ChipError("an image in memory needs labels in memory; give an array (H, W)")
            grid = self._grids[i] if self._grids else None
            no_data = 0 if self._no_data is None else self._no_data
            dataset = _array_dataset(raster, mask, f"array{i}", grid, no_data)
            inputs.append(ChipInput(dataset, dataset.name))
        check_alike(inputs)
        return tuple(inputs)


def _array_dataset(
    raster: Any, mask: Any, name: str, grid: GeoBox | None, no_data: float
) -> ArrayDataset:
    """An image and its labels in memory; without a grid they lie nowhere on Earth."""
    bands = None
    if isinstance(raster, Raster):
        image, observed, grid, bands = raster.values, raster.valid, raster.grid, raster.bands
    else:
        masked = np.moveaxis(np.ma.asarray(raster), -1, 0)
        image = np.ma.getdata(masked)
        observed = np.asarray(~np.ma.getmaskarray(masked).any(axis=0))
        if image.dtype.kind == "f":
            observed = observed & np.isfinite(image).all(axis=0)
    place = GeoBox(image.shape[1:], Affine.identity(), None) if grid is None else grid
    if mask is None:
        return ArrayDataset(image, observed, place, bands=bands, name=name)
    codes = mask.values[0] if isinstance(mask, Raster) else mask
    labelled = ~np.ma.getmaskarray(codes) & (np.ma.getdata(codes) != no_data)
    codes = np.ma.getdata(codes)
    if codes.shape != observed.shape:
        raise ChipError(f"{name}: labels are {codes.shape}, the image {observed.shape}")
    return ArrayDataset(
        image, observed, place, mask=codes, labelled=labelled, bands=bands, name=name
    )


def _listed(value: Source | Sequence[Source]) -> list[Source]:
    if isinstance(value, str | Path | Raster | np.ndarray):
        return [value]
    if not value:
        raise ChipError("no image was given")
    return list(value)


def _share(percent: float, key: str) -> float:
    if not 0 <= percent < 100 or 0 < percent < 1:
        raise ConfigError(f"{key} is {percent}; expected a percentage such as 20, below 100")
    return percent / 100


def _image(sample: Any) -> np.ndarray:
    """(H, W, B), 0 where not observed."""
    image, observed = array_of(sample["image"]), array_of(sample.get("observed", sample["valid"]))
    return np.moveaxis(np.where(observed, image, 0), 0, -1)


def _labels(chip: ChosenChip) -> np.ndarray:
    """(H, W) uint8, 0 where not valid."""
    return np.where(chip.valid, array_of(chip.sample["mask"]), 0).astype(np.uint8)
