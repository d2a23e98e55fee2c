"""Evaluation of a model: on labelled samples, or on a whole scene against truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..core.errors import ChipError, ConfigError, ModelError
from ..core.outputs import ClassOutputs, Outputs, ValueOutputs
from ..core.progress import Progress
from ..io.headers.header import read_header
from ..io.vector.areas import RoiSource
from ..metrics.accuracy import Accuracy
from ..metrics.class_count import ClassCount
from ..metrics.subject import Subject
from ..metrics.value_accuracy import ValueAccuracy
from ..metrics.value_count import ValueCount
from ..models.device import DeviceCount, choose_device, count_devices
from ..models.identity import refuse_swapped
from ..models.opening import load_scorer, model_identity
from ..splits.names import Split
from ..tasks.answers import Scorer, outputs_of
from ..tasks.scoring import Count
from ..tasks.source import TrainingSource, open_labelled, size_of
from .areas import area_on, bounds_of
from .counting import Counted, EvaluationJob, Samples, Scene, count_on
from .truth import ClassTruth, Truth, ValueTruth
from .written import check_free, write_report

_TILE_PX = 512
_HALO_PX = 64


def evaluate(
    model: str | Path | Scorer,
    chips: str | Path | TrainingSource,
    *,
    truth: str | Path | None = None,
    class_field: str | None = None,
    split: Split = "test",
    roi: RoiSource | None = None,
    unit: str | Sequence[str] | None = None,
    batch_size: int = 16,
    device: str = "auto",
    devices: DeviceCount = 1,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Accuracy | ValueAccuracy:
    """Score a model on labelled samples, or on a whole scene against truth.

    Every observed and labelled pixel counts once, all in one matrix. Where chips overlap, the mean of their
    scores counts; chips without a place on the ground are counted one by one. On a scene, scores are those
    that `predict` makes its map of, with the tiles that it takes by default. A model that answers per image
    is scored on images.

    Classes are matched by name, those of a label raster without names by code. Truth of a class that the
    model lacks counts as an error, in a row of the matrix of its own.

    Args:
        model: Model folder, ONNX file (of which someone else's needs its facts in a file beside it, see
            `models.foreign.facts.NetworkFacts`), loaded model, or any predictor.
        chips: Chip store, folder of class folders, or dataset of images; or, with `truth`, a scene.
        truth: For the scene: label raster or vector file; of values, a raster of measurements.
        class_field: Of a vector file: the attribute whose values are the names of the classes.
        split: Which of the samples; those without splits are taken whole, but a folder without splits is
            divided as in training.
        roi: Of a scene: where to count; see `core.roi.RoiLike`, or a vector file.
        unit: What the numbers of the scene or the chips are, instead of what these say; as of `predict`.
        batch_size: Samples at once.
        device: `auto`, `cpu` or `cuda`, where `model` is a folder.
        devices: How many share the samples, or the scene, in one process each; `auto` for all GPUs. The
            counts are those of one.
        out: JSON file to write; the same as text goes beside it, as `.txt`.
        overwrite: Replace these.
        progress: Called with (done, total); on several devices, of the first one's share.

    Returns:
        `Accuracy` of classes, curves included; `ValueAccuracy` of values.

    Raises:
        ModelError: bands or classes do not match the model's.
        DatasetError: the samples have no labels, or no such split.
        ConfigError: several devices, and a model that is no folder, which each process could read.
        WriteError: `out` exists and `overwrite` is False.
    """
    refuse_swapped(model, chips)
    check_free(out, overwrite=overwrite, inputs=(model, chips, truth, roi))
    place = choose_device(device)
    several = count_devices(devices, place)
    identity, scorer = None, model
    if isinstance(model, str | Path):
        loaded = load_scorer(model, device)
        scorer, identity = loaded, model_identity(model, loaded)
    assert not isinstance(scorer, str | Path)  # it is loaded
    if truth is not None:
        if not isinstance(chips, str | Path):
            raise ChipError("truth is for a scene; chips carry their own: leave one of them out")
        header = read_header(chips)
        area = area_on(roi, header.grid)
        known, count = _against(outputs_of(scorer), truth, class_field)
        counted: Counted = Scene(header, known, count, area, unit, _TILE_PX, _HALO_PX)
        subject = Subject("scene", identity, bounds=bounds_of(area))
    else:
        source = open_labelled(chips, size_of(scorer))
        chosen = source.indices(split if source.splits else None)
        counted = Samples(source, chosen, batch_size, unit)
        subject = Subject(
            "chips",
            identity,
            chips=source.path.name,
            split=split if source.splits else None,
            chooses="val" not in source.splits,
        )
    job = None if several == 1 else EvaluationJob(_folder(model), counted, place, several)
    report = count_on(job, counted, scorer, progress).report()
    assert isinstance(report, Accuracy | ValueAccuracy)  # what the counts give
    report = replace(report, subject=subject)
    write_report(report, out)
    return report


def _folder(model: str | Path | Scorer) -> Path:
    if not isinstance(model, str | Path):
        raise ConfigError(
            f"several devices load the model each for itself, and a {type(model).__name__} is loaded; give "
            "its folder, or devices=1"
        )
    return Path(model)


def _against(outputs: Outputs, truth: str | Path, class_field: str | None) -> tuple[Truth, Count]:
    """Truth for a scene, and the count that its labels and the model's answers go into.

    Raises:
        ModelError: truth and model do not match, or the model does not answer per pixel.
    """
    if outputs.gives == "pixels" and isinstance(outputs, ClassOutputs) and not outputs.multilabel:
        classes = ClassTruth.of(truth, outputs.classes, class_field=class_field)
        return classes, ClassCount(outputs.classes, classes.positions, classes.names, str(truth))
    if outputs.gives == "pixels" and isinstance(outputs, ValueOutputs):
        values = ValueTruth.of(truth)
        return values, ValueCount(outputs, values.outputs, str(truth))
    raise ModelError(
        f"the model gives {outputs.short}, and truth for a scene is compared with classes or values per "
        "pixel; evaluate it on labelled samples"
    )
