"""Regression on real scenes, from the command line, beside persistence and a random forest on the same split.

    python -m benchmarks.regression FOLDER [--target 5] [--epochs 60] [--work OUT]

FOLDER holds rasters of one NDVI layer a date, named in the order of time, stored as int16 of scale 1e-4 (as
Brazil Data Cube delivers them). The NDVI of one date is learned from the four dates before it. Blocks of land
are held out; all three are scored on the same pixels of them, each once:

- persistence: the NDVI of the date before;
- random forest: scikit-learn's, 200 trees on the four dates of each pixel, from 100,000 training pixels;
- U-Net: `geoloom prepare`, `chips`, `train`, `evaluate` and `predict`, as an analyst would call them.

Prints a Markdown table of RMSE, MAE and R2, and the seconds that each took.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from geoloom.chips import ChipStore

BEFORE = 4
SCALE = 1e-4
FOREST_PIXELS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", type=int, default=5, help="Number of the date to map, from 0.")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="Folder to keep all products in.")
    given = parser.parse_args()
    files = sorted(given.folder.glob("*.tif"))
    dates, target = files[given.target - BEFORE : given.target], files[given.target]
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        print(f"{target.name} from {', '.join(date.name for date in dates)}\n")
        scores = compare(dates, target, work, given.epochs, given.seed)
    print("| | RMSE | MAE | R2 | seconds |\n|---|---|---|---|---|")
    for name, (rmse, mae, r2, seconds) in scores.items():
        print(f"| {name} | {rmse:.4f} | {mae:.4f} | {r2:.3f} | {seconds:.0f} |")


def compare(
    dates: list[Path], target: Path, work: Path, epochs: int, seed: int
) -> dict[str, tuple[float, float, float, float]]:
    """RMSE, MAE, R2 and seconds of each."""
    scene, truth, chips, model = (
        work / name for name in ("scene.tif", "ndvi.tif", "chips.zarr", "model")
    )
    tag_as_ndvi(target, truth)
    geoloom("prepare", *dates, scene, "--join", "dates")
    geoloom(
        "chips", scene, truth, chips, "--label-kind", "values", "--size", 64, "--strategy", "sequential",
        "--split", "block", "--test", 0.25, "--val", 0.15, "--block-px", 128, "--seed", seed,
    )  # fmt: skip
    seconds = geoloom(
        "train", chips, model, "--task", "pixel_regression", "--model", "unet", "--width", 0.25,
        "--epochs", epochs, "--seed", seed, "--device", "cpu",
    )  # fmt: skip
    geoloom("evaluate", model, chips, "--out", work / "test.json")
    geoloom("predict", model, scene, work / "map.tif")
    return {
        **baselines(scene, truth, chips, seed),
        "U-Net, chips": (*figures_of(work / "test.json"), seconds),
        "U-Net, map": (*map_figures(work / "map.tif", truth, chips), seconds),
    }


def tag_as_ndvi(source: Path, out: Path) -> None:
    """A copy that says what its counts are worth."""
    shutil.copyfile(source, out)
    with rasterio.open(out, "r+") as file:
        file.scales, file.units, file.descriptions = (SCALE,), ("index",), ("ndvi",)


def geoloom(*words: object) -> float:
    """Run a command as a user would; seconds."""
    started = time.monotonic()
    options = [*map(str, words), "--overwrite"]
    print("$ geoloom", *options)
    command = [sys.executable, "-c", "from geoloom.cli import main; main()", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def pixels_of(chips: Path, split: str, shape: tuple[int, int]) -> np.ndarray:
    """Where the chips of a split are valid, bool (H, W): each pixel of the ground once."""
    store, seen = ChipStore.open(chips), np.zeros(shape, bool)
    for i in store.indices(split):
        row, col = store.table.loc[i, ["row", "col"]]
        seen[row : row + store.size[0], col : col + store.size[1]] |= store.valid(int(i))
    return seen


def baselines(
    scene: Path, truth: Path, chips: Path, seed: int
) -> dict[str, tuple[float, float, float, float]]:
    with rasterio.open(scene) as file:
        images = file.read() * SCALE
    ndvi = read(truth) * SCALE
    train, test = (pixels_of(chips, split, ndvi.shape) for split in ("train", "test"))
    learned = np.random.default_rng(seed).permutation(np.flatnonzero(train))[:FOREST_PIXELS]
    pixels = images.reshape(len(images), -1).T
    started = time.monotonic()
    forest = RandomForestRegressor(200, min_samples_leaf=5, random_state=seed)
    forest.fit(pixels[learned], ndvi.ravel()[learned])
    seconds = time.monotonic() - started
    answers = forest.predict(images[:, test].T)
    return {
        "persistence": (*figures(ndvi[test], images[-1][test]), 0.0),
        "random forest": (*figures(ndvi[test], answers), seconds),
    }


def map_figures(value_map: Path, truth: Path, chips: Path) -> tuple[float, float, float]:
    ndvi, mapped = read(truth) * SCALE, read(value_map)
    test = pixels_of(chips, "test", ndvi.shape)
    return figures(ndvi[test], mapped[test])


def figures_of(report: Path) -> tuple[float, float, float]:
    found = json.loads(report.read_text())
    return found["rmse"][0], found["mae"][0], found["r2"][0]


def figures(truth: np.ndarray, answers: np.ndarray) -> tuple[float, float, float]:
    """By scikit-learn, not by our own count."""
    return (
        float(root_mean_squared_error(truth, answers)),
        float(mean_absolute_error(truth, answers)),
        float(r2_score(truth, answers)),
    )


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.asarray(file.read(1))


if __name__ == "__main__":
    main()
