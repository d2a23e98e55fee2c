"""How fast augmentations are, against torchvision v2 and Kornia on the same batches in the same run.

    python -m benchmarks.transforms [--size 256] [--batch 16] [--bands 4] [--kornia FOLDER] [--only blur ...]

Prints a Markdown table: milliseconds of processor time per batch on one thread, the median of several
repeats that take turns, for the image alone and with a mask and a validity. Each system draws for each sample
by itself: Kornia does in a batch, torchvision where it is given sample by sample, as in a dataset. A dash: a
system has no such augmentation for so many bands. Kornia is used where it is installed, or in a folder of its
own (`pip install --target FOLDER --no-deps kornia kornia_rs`); the library never imports it.

What the systems do differs: neither peer keeps fill and what was not observed out of what is valid.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from geoloom.transforms import make_augmentation, sample_statistics
from geoloom.transforms.draws import sample_seeds

Batch = dict[str, torch.Tensor]
Run = Callable[[Batch], object]
SYSTEMS = ("ours", "torchvision", "kornia")
OURS = {
    "flip_left_right": "flip_left_right:chance=0.5",
    "rot90": "rot90:chance=1",
    "rotate": "rotate",
    "affine": "affine:degrees=180,zoom=1.25,shear=10,shift=0.1",
    "resized_crop": "resized_crop",
    "elastic": "elastic",
    "jitter": "jitter",
    "gain_offset": "gain_offset",
    "noise": "noise",
    "blur": "blur:chance=1",
    "channel_dropout": "channel_dropout",
    "erase": "erase:chance=1",
    "cutmix": "cutmix:chance=1",
    "mixup": "mixup:alpha=1",
}
_LABELLED = ("cutmix", "mixup")
"""Peers mix images with labels of whole images; these are there for all systems, and no mask."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--bands", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--kornia", type=Path, help="folder that Kornia was installed into")
    parser.add_argument("--only", nargs="+", choices=list(OURS), default=list(OURS))
    given = parser.parse_args()
    if given.kornia is not None:
        sys.path.append(str(given.kornia))
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch = _batch(given.batch, given.bands, given.size)
    peers = {"torchvision": _torchvision(given.size), "kornia": _kornia(given.size)}
    for name, known in peers.items():
        if not known:
            print(f"{name} is not installed: not compared.", flush=True)
    print(f"Batches of {given.batch} x {given.bands} x {given.size} x {given.size} float32.\n")
    print("| augmentation | keys | geoloom | torchvision | kornia | of the fastest peer |")
    print("|---|---|---|---|---|---|")
    for name in given.only:
        sets = (
            [("image", "label")] if name in _LABELLED else [("image",), ("image", "mask", "valid")]
        )
        for keys in sets:
            _row(name, {key: batch[key] for key in keys}, peers, given.repeats)


def _batch(count: int, bands: int, size: int) -> Batch:
    return {
        "image": torch.rand(count, bands, size, size),
        "mask": torch.randint(0, 9, (count, size, size)),
        "valid": torch.ones(count, size, size, dtype=torch.bool),
        "label": torch.randint(0, 9, (count,)),
    }


def _row(name: str, batch: Batch, peers: dict[str, dict[str, Run]], repeats: int) -> None:
    runs = {"ours": _ours(name, batch)} | {
        system: known[name] for system, known in peers.items() if name in known
    }
    times: dict[str, list[float]] = {system: [] for system in runs}
    for system in list(runs):
        try:
            runs[system](batch)
        except (ValueError, TypeError, RuntimeError):  # not for so many bands
            del runs[system]
    for number in range(repeats):
        order = list(runs) if number % 2 else list(runs)[::-1]
        for system in order:
            started = time.process_time()
            runs[system](batch)
            times[system].append(time.process_time() - started)
    medians = {system: 1e3 * statistics.median(times[system]) for system in runs}
    cells = [f"{medians[system]:.1f}" if system in medians else "-" for system in SYSTEMS]
    others = [medians[system] for system in medians if system != "ours"]
    ratio = f"{medians['ours'] / min(others):.2f}" if others else "-"
    print(f"| {name} | {', '.join(batch)} | {' | '.join(cells)} | {ratio} |", flush=True)


def _ours(name: str, batch: Batch) -> Run:
    augmentation: Any = make_augmentation(OURS[name])
    if name == "jitter":
        samples = [{"image": image} for image in batch["image"]]
        augmentation = augmentation.with_statistics(sample_statistics(samples))
    seeds = sample_seeds(0, 0, len(batch["image"]))
    return partial(augmentation, seeds_B=seeds)


def _torchvision(size: int) -> dict[str, Run]:
    try:
        from torchvision import tv_tensors
        from torchvision.transforms import v2
    except ImportError:
        return {}
    smooth = v2.InterpolationMode.BILINEAR

    def each(transform: Any) -> Run:
        def run(batch: Batch) -> object:
            done = []
            for i in range(len(batch["image"])):
                parts: list[Any] = [tv_tensors.Image(batch["image"][i])]
                parts += [
                    tv_tensors.Mask(batch[key][i]) for key in ("mask", "valid") if key in batch
                ]
                done.append(transform(*parts))
            if len(parts) == 1:
                return torch.stack(done)
            return [torch.stack(column) for column in zip(*done, strict=True)]

        return run

    def whole(transform: Any) -> Run:
        return lambda batch: transform(batch["image"], batch["label"])

    return {
        "flip_left_right": each(v2.RandomHorizontalFlip(0.5)),
        "rotate": each(v2.RandomRotation(180, smooth)),
        "affine": each(v2.RandomAffine(180, (0.1, 0.1), (0.8, 1.25), 10, smooth)),
        "resized_crop": each(v2.RandomResizedCrop(size, (0.25, 1.0), (3 / 4, 4 / 3), smooth)),
        "elastic": each(v2.ElasticTransform(50.0, 8.0)),
        "gain_offset": each(v2.ColorJitter(0.1, 0.1)),
        "noise": each(v2.GaussianNoise(0, 0.1, clip=False)),
        "blur": each(v2.GaussianBlur(11, (0.05, 1.5))),
        "erase": each(v2.RandomErasing(1.0)),
        "cutmix": whole(v2.CutMix(num_classes=9)),
        "mixup": whole(v2.MixUp(alpha=1.0, num_classes=9)),
    }


def _kornia(size: int) -> dict[str, Run]:
    try:
        import kornia.augmentation as kornia
    except ImportError:
        return {}
    shape = (size, size)

    def together(*transforms: Any) -> Run:
        made = {
            count: kornia.AugmentationSequential(
                *transforms, data_keys=["input", *["mask"] * count]
            )
            for count in (0, 2)
        }

        def run(batch: Batch) -> object:
            masks = [batch[key][:, None].float() for key in ("mask", "valid") if key in batch]
            return made[len(masks)](batch["image"], *masks)

        return run

    def whole(transform: Any) -> Run:
        mixed = kornia.AugmentationSequential(transform, data_keys=["input", "class"])
        return lambda batch: mixed(batch["image"], batch["label"])

    return {
        "flip_left_right": together(kornia.RandomHorizontalFlip(p=0.5)),
        "rot90": together(kornia.RandomRotation90((1, 1), p=1.0)),
        "rotate": together(kornia.RandomRotation(180.0, p=1.0)),
        "affine": together(kornia.RandomAffine(180.0, (0.1, 0.1), (0.8, 1.25), 10.0, p=1.0)),
        "resized_crop": together(kornia.RandomResizedCrop(shape, (0.25, 1.0), p=1.0)),
        "elastic": together(kornia.RandomElasticTransform((33, 33), (8.0, 8.0), (0.1, 0.1), p=1.0)),
        "gain_offset": together(
            kornia.RandomContrast((0.9, 1.1), clip_output=False, p=1.0),
            kornia.RandomBrightness((0.9, 1.1), clip_output=False, p=1.0),
        ),
        "noise": together(kornia.RandomGaussianNoise(0.0, 0.1, p=1.0)),
        "blur": together(kornia.RandomGaussianBlur((11, 11), (0.05, 1.5), p=1.0)),
        "channel_dropout": together(kornia.RandomChannelDropout(p=1.0)),
        "erase": together(kornia.RandomErasing(p=1.0)),
        "cutmix": whole(kornia.RandomCutMixV2(p=1.0)),
        "mixup": whole(kornia.RandomMixUpV2(p=1.0)),
    }


if __name__ == "__main__":
    main()
