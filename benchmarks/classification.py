"""How well pictures are classified: a network from random weights beside a random forest, on one split.

    python -m benchmarks.classification FOLDER [--seeds 3] [--epochs 40] [--size 96]

FOLDER holds a folder of RGB pictures for each class, such as the UC Merced land-use set (Yang and Newsam
2010). Each seed trains timm's ResNet-18 by `geoloom train` and scores it by `geoloom evaluate`, as a user
would. The forest has 500 trees on histograms of colour and of gradients; it learns from the pictures that
choose the network's weights too. Prints a Markdown table of overall accuracy on the split `test`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from geoloom.tasks.source import TrainingSource, open_labelled

BINS = 16
CELLS = 4
"""Gradients are counted in so many cells along each side."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--size", type=int, default=96)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        scores = [by_network(given, seed, Path(work)) for seed in range(given.seeds)]
    forest = [by_forest(given.folder, seed) for seed in range(given.seeds)]
    print("| | accuracy | by seed |\n|---|---|---|")
    for name, figures in (("timm/resnet18, random weights", scores), ("random forest", forest)):
        each = ", ".join(f"{figure:.3f}" for figure in figures)
        print(f"| {name} | {statistics.mean(figures):.3f} | {each} |")


def by_network(given: argparse.Namespace, seed: int, work: Path) -> float:
    """Accuracy on the test pictures, by the command line."""
    model, out = work / f"model{seed}", work / f"test{seed}.json"
    settings = {"--task": "classification", "--model": "timm/resnet18"}
    settings |= {"--epochs": given.epochs, "--size": given.size, "--seed": seed, "--batch-size": 32}
    settings |= {"--label-smoothing": 0.1, "--learning-rate": 2e-3}
    words = [str(word) for pair in settings.items() for word in pair]
    geoloom("train", str(given.folder), str(model), *words)
    geoloom("evaluate", str(model), str(given.folder), "--out", str(out))
    return float(json.loads(out.read_text())["overall_accuracy"])


def geoloom(*words: str) -> None:
    """Run a command as a shell does."""
    code = "from geoloom.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, *words], check=True, stdout=subprocess.DEVNULL)


def by_forest(folder: Path, seed: int) -> float:
    """Likewise, by a forest."""
    return forest_accuracy(open_labelled(folder), described, seed)


def forest_accuracy(
    pictures: TrainingSource, describe: Callable[[np.ndarray], np.ndarray], seed: int
) -> float:
    """Accuracy of a forest on the split `test`; it learns from all other pictures."""
    splits = np.array(pictures.table["split"], str)
    samples = pictures.samples(range(len(splits)))
    features = np.stack([describe(np.asarray(samples[i]["image"])) for i in range(len(splits))])
    labels = np.array([int(samples[i]["label"]) for i in range(len(splits))])
    forest = RandomForestClassifier(500, random_state=seed, n_jobs=-1)
    forest.fit(features[splits != "test"], labels[splits != "test"])
    return float(forest.score(features[splits == "test"], labels[splits == "test"]))


def described(image_CHW: np.ndarray) -> np.ndarray:
    """Histograms of the colours, and of the directions of gradients in cells, weighted by their strength."""
    colours = [np.histogram(band, BINS, (0, 256), density=True)[0] for band in image_CHW]
    grey = image_CHW.mean(axis=0)
    down, right = np.gradient(grey)
    strength, direction = np.hypot(down, right), np.arctan2(down, right)
    cells = []
    for rows in np.array_split(np.arange(grey.shape[0]), CELLS):
        for cols in np.array_split(np.arange(grey.shape[1]), CELLS):
            cell = np.ix_(rows, cols)
            counts, _ = np.histogram(direction[cell], 9, (-np.pi, np.pi), weights=strength[cell])
            cells.append(counts / max(counts.sum(), 1e-9))
    return np.concatenate([*colours, *cells])


if __name__ == "__main__":
    main()
