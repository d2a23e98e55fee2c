"""Writing chosen chips into a store, and saying what is missing."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..core.errors import ChipError
from ..core.grid import has_place
from ..core.progress import Progress
from ..samplers.drawing.candidates import Candidates
from ..samplers.drawing.draw import ChipSplit
from ..samplers.statistics import label_layer
from ..samplers.survey import read_masks
from ..splits.features import FeatureSplit
from ..splits.names import SPLITS, Split
from ..splits.rules import RandomSplit, check_splits, counts_by_split, warn_of_overlaps
from .apart import require_apart
from .choose import ChosenChip, choose_chips
from .form import ChipForm, array_of
from .store import ChipStore, ChipWriter
from .zarr.layout import check_target

log = logging.getLogger(__name__)

Refused: TypeAlias = tuple[float, float]
"""Of a chip that was refused: the share that is valid, and that which is observed."""

_PARTLY_WORTH_SAYING = 0.01
"""Share of the labelled pixels above which losing them to one band's nodata is worth a warning."""


def write_candidates(
    candidates: Candidates,
    out: str | Path,
    *,
    split: ChipSplit | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    notes: Mapping[str, Any] | None = None,
    min_gap_m: float | None = None,
) -> ChipStore:
    """Choose among candidates and write those chosen into a store.

    Args:
        candidates: What `draw_candidates` drew.
        out: The store to make.
        split: The rule that they were drawn with; a `RandomSplit` is dealt here, once it is known which
            chips hold enough that is valid.
        overwrite: Replace a chip store of that name.
        progress: Called with (chips so far, chips wanted at most).
        notes: Kept in the store's provenance; JSON values.
        min_gap_m: Least gap between chips of different splits, metres, below which there is no store.

    Raises:
        ConfigError: chips of different splits are nearer than wanted.
        ChipError: no chip, or none of a split, holds enough that is valid.
    """
    check_target(Path(out), overwrite=overwrite)
    refused: list[Refused] = []
    chosen = choose_chips(candidates, progress, refused)
    first = next(chosen, None)
    if first is None:
        _check(candidates, split, [], [], refused)
        raise ChipError(_too_little(candidates, "chip", len(candidates.windows), refused))
    dataset = candidates.sources[first.source].dataset
    form = replace(ChipForm.of(dataset, first.sample), classes=candidates.classes, mask_dtype=None)
    windows: list[tuple[int, int, int]] = []
    codes: list[int] = []
    kinds: list[int] = []
    hidden = _HiddenLabels(candidates)
    present = _PresentClasses(candidates.classes)
    with ChipWriter(
        out,
        channels=form.shape[0],
        size=form.shape[1:],
        dtype=form.dtype,
        bands=form.bands,
        classes=form.classes,
        values=form.values,
        image_outputs=form.image_outputs,
        overwrite=overwrite,
        provenance={**describe(candidates, split), **(notes or {})},
    ) as writer:
        for source in candidates.sources:
            writer.add_source(source.name, _on_earth(source.frame))
        for chip in chain([first], chosen):
            form.add(writer, chip.request, chip.sample, all_codes=True)
            windows.append((chip.source, chip.request.row, chip.request.col))
            codes.append(chip.split)
            kinds.append(chip.kind)
            hidden.count(chip)
            present.count(chip)
        if isinstance(split, RandomSplit):
            codes = split.deal(len(windows)).tolist()
            warn_of_overlaps(candidates.ground, np.array(windows), np.array(codes))
            writer.assign([SPLITS[code] for code in codes])
        _check(candidates, split, codes, kinds, refused)
        if min_gap_m is not None:
            require_apart(candidates, windows, codes, min_gap_m)
    hidden.report()
    if split is not None and not isinstance(split, FeatureSplit):  # which says so of its polygons
        present.report(codes, _wanted(split))
    return ChipStore.open(out)


def _on_earth(grid: GeoBox) -> GeoBox:
    """The grid, without a CRS where that places it nowhere."""
    return grid if has_place(grid.crs) else GeoBox(grid.shape, grid.affine, None)


class _HiddenLabels:
    """Counts labelled pixels that are not observed though their bands do not all hold one nodata value."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._labelled = self._partly = 0

    def count(self, chip: ChosenChip) -> None:
        """Look at one chip; labels are read again where its image has gaps."""
        sample = chip.sample
        if self._candidates.classes is None or "mask" not in sample:
            return
        observed = array_of(sample.get("observed", sample["valid"]))
        labelled = array_of(sample["valid"])
        if not observed.all():
            labels = label_layer(self._candidates.sources[chip.source].dataset)
            [(_, labelled)] = read_masks(labels, [chip.request.query])
            image = array_of(sample["image"])
            image = np.isnan(image) if image.dtype.kind == "f" else image
            partly = labelled & ~observed & (image != image[:1]).any(axis=0)
            self._partly += int(np.count_nonzero(partly))
        self._labelled += int(np.count_nonzero(labelled))

    def report(self) -> None:
        """Warn where they are many."""
        if self._partly <= _PARTLY_WORTH_SAYING * self._labelled:
            return
        log.warning(
            "%d of %d labelled pixels are left out because some of their bands, not all, hold nodata; if "
            "these are measurements (a stretched image whose darkest value is its nodata value), prepare "
            "the scene first with nodata_rule='all' (geoloom prepare --nodata-rule all)",
            self._partly,
            self._labelled,
        )


class _PresentClasses:
    """Notes which classes each chip shows."""

    def __init__(self, classes: Classes | None) -> None:
        self._classes = classes
        self._shown: list[frozenset[int]] = []

    def count(self, chip: ChosenChip) -> None:
        """Look at one chip."""
        if self._classes is not None and "mask" in chip.sample:
            seen = array_of(chip.sample["mask"])[array_of(chip.sample["valid"])]
            self._shown.append(frozenset(np.unique(seen).tolist()))

    def report(self, codes: Sequence[int], wanted: Sequence[str]) -> None:
        """Warn where a split shows none of a class that another shows."""
        if self._classes is None or len(self._shown) != len(codes):
            return
        shown: dict[str, frozenset[int]] = dict.fromkeys(wanted, frozenset())
        for code, classes in zip(codes, self._shown, strict=True):
            if code >= 0:
                shown[SPLITS[code]] |= classes
        everywhere = frozenset().union(*shown.values())
        for name, stored in zip(self._classes.names, self._classes.codes, strict=True):
            lacking = [split for split, classes in shown.items() if stored not in classes]
            if stored in everywhere and lacking:
                log.warning(
                    "no chip for %s shows %s, so that nothing is learned or measured of it there: label "
                    "more of it, choose another seed or smaller blocks, or deal out whole polygons, class "
                    "by class (--split feature --stratify)",
                    " and ".join(lacking),
                    name,
                )


def _wanted(split: ChipSplit) -> list[Split]:
    return [name for name, share in zip(SPLITS, split.shares(), strict=True) if share > 0]


def _check(
    candidates: Candidates,
    split: ChipSplit | None,
    codes: Sequence[int],
    kinds: Sequence[int],
    refused: Sequence[Refused],
) -> None:
    """Say what is missing: a warning for chips, an error for a whole split."""
    if split is not None:
        wanted = _wanted(split)
        _check_observed(candidates, counts_by_split(codes), wanted, refused)
        check_splits(counts_by_split(codes), wanted)
    if not codes:
        raise ChipError(_too_little(candidates, "chip", len(candidates.windows), refused))
    chosen = Counter(kinds)
    short = [
        f"{chosen[k]} of {kind.quota}"
        + (f" on {kind.centre}" if kind.centre else "")
        + (f" for {SPLITS[kind.split]}" if kind.split >= 0 else "")
        for k, kind in enumerate(candidates.kinds)
        if chosen[k] < kind.quota
    ]
    if short:
        log.warning(
            "fewer chips than wanted (%s): the others would %shold less than %g %% that is valid%s",
            "; ".join(short),
            "repeat a place or " if candidates.options.strategy == "random" else "",
            100 * candidates.options.min_valid,
            _enough(refused),
        )


def _check_observed(
    candidates: Candidates,
    counts: Mapping[str, int],
    wanted: Sequence[str],
    refused: Sequence[Refused],
) -> None:
    """Refuse a split that is empty only because its windows hold too little."""
    tried = counts_by_split(candidates.splits)
    for name in wanted:
        if not counts[name] and tried[name]:
            raise ChipError(_too_little(candidates, f"{name} chip", tried[name], refused))


def _too_little(candidates: Candidates, what: str, tried: int, refused: Sequence[Refused]) -> str:
    layers = candidates.sources[0].dataset.layers
    labelled = " and labelled" if layers & {"mask", "value"} else ""
    centred = (
        ", or centre them on what is labelled (class_of_interest, --class-of-interest; balanced, "
        "--balanced)"
    )
    return (
        f"no {what}: none of the {tried} windows tried is observed{labelled} on at least "
        f"{100 * candidates.options.min_valid:g} % of its pixels{_enough(refused)}; lower "
        "min_valid (--min-valid), use smaller "
        f"chips{centred if 'value' not in layers else ''}"
    )


def _enough(refused: Sequence[Refused]) -> str:
    """For messages: why chips were refused, and the share that half of those with anything valid have."""
    holding = np.array([shares for shares in refused if shares[0] > 0]).reshape(-1, 2)
    if not len(holding):
        return ""
    valid = np.sort(holding[:, 0])
    half = float(valid[len(valid) // 2])
    digits = 1 - math.floor(math.log10(half))
    least = math.floor(half * 10**digits) / 10**digits
    seen = bool(np.median(holding[:, 1]) >= 0.5)
    return (
        f" ({'labels are sparse' if seen else 'much is unobserved'}: the fullest that was refused has "
        f"{100 * float(valid[-1]):.2g} %; with min_valid {least:g}, --min-valid {least:g}, half of those "
        "with any would be kept)"
    )


def describe(candidates: Candidates, split: ChipSplit | None) -> dict[str, Any]:
    """How the chips are cut, as JSON values."""
    options = candidates.options
    return {
        "strategy": options.strategy,
        "count": options.count,
        "stride": options.stride,
        "class_of_interest": options.class_of_interest,
        "balanced": options.balanced,
        "min_valid": options.min_valid,
        "seed": options.seed,
        "split": None if split is None else repr(split),
        "dropped_between_splits": candidates.unsplit,
        "planned": sum(kind.quota for kind in candidates.kinds),
    }
