"""The tutorials run as they are, as scripts and as notebooks, and what they show is right."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.warp import transform

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))

CELL_BY_CELL = """
import json, sys
cells = json.load(open(sys.argv[1]))["cells"]
sys.argv = ["ipykernel_launcher.py", "-f", "kernel.json"]  # as Jupyter starts a notebook's program
space = {"__name__": "__main__"}
for number, cell in enumerate(cells):
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), space)
"""


def as_notebook(script, folder):
    """The notebook of a script, written by jupytext; skips, saying so, where that is not installed."""
    jupytext = pytest.importorskip(
        "jupytext", reason="jupytext is not installed (pip install 'geoloom[dev]'): no notebook"
    )
    path = folder / f"{script.stem}.ipynb"
    jupytext.write(jupytext.read(script), path)
    return path


def run(name, folder):
    """The tutorial's output: of its notebook, cell by cell, where one can be made; else of its script."""
    script = ROOT / "examples" / f"{name}.py"
    try:
        program = ["-c", CELL_BY_CELL, as_notebook(script, folder)]
    except pytest.skip.Exception:
        program = [script]  # the same code: the test of notebooks compares the two, or skips
    made = subprocess.run(
        [sys.executable, *program], cwd=folder, check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


def pages(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("tutorials")


def assert_pictures(script, folder, monkeypatch):
    """All that the page shows were drawn, and show something."""
    names = [name for cell in pages(monkeypatch).cells_of(script) for name in cell.pictures]
    assert len(names) >= 3
    for name in names:
        picture = np.asarray(Image.open(folder / name).convert("L"))
        assert min(picture.shape) > 200, name
        assert picture.std() > 10, name


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_notebook_is_its_script(script, tmp_path):
    """The same statements in the same order, each cell whole, and text between them."""
    cells = json.loads(as_notebook(script, tmp_path).read_text())["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    statements = [statement for code in codes for statement in ast.parse(code).body]
    written = ast.parse(script.read_text()).body
    assert list(map(ast.dump, statements)) == list(map(ast.dump, written))
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert texts[0].startswith("# ")
    assert len(texts) >= 5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_page_shows_all_of_its_script(script, monkeypatch):
    tutorials = pages(monkeypatch)
    cells = tutorials.cells_of(script)
    page = ROOT / "docs" / "tutorials" / f"{script.stem}.md"
    assert tutorials.PLACE.findall(page.read_text()) == [script.stem]
    text = tutorials.on_page_markdown(page.read_text())
    code = "\n".join(cell.source for cell in cells if not cell.is_text)
    assert ast.dump(ast.parse(code)) == ast.dump(ast.parse(script.read_text()))
    for cell in cells:
        assert cell.source in text
    for name in [name for cell in cells for name in cell.pictures]:
        assert f"](../pictures/{script.stem}/{name})" in text


def test_a_page_shows_what_cells_print(monkeypatch):
    tutorials = pages(monkeypatch)
    cells = [tutorials.Cell(True, "# A"), tutorials.Cell(False, "x = 2\nprint(x + 1)")]
    assert tutorials.run([*cells, tutorials.Cell(False, "print(x)")]) == ["", "3\n", "2\n"]


def test_from_files_to_a_regression_map(tmp_path, monkeypatch):
    printed = run("regression_map", tmp_path)
    assert "1 value (ndvi in index) per pixel" in printed
    out = tmp_path / "regression_map-out"
    with rasterio.open(out / "map.tif") as mapped, rasterio.open(out / "ndvi.tif") as ndvi:
        assert mapped.units == ("index",)
        assert mapped.transform == ndvi.transform
        answers, truth = mapped.read(1), ndvi.read(1, masked=True).filled(np.nan)
    both = np.isfinite(answers) & np.isfinite(truth)
    assert both.mean() > 0.5
    errors = np.square(answers - truth)[both].sum()
    assert errors < 0.3 * np.square(truth[both] - truth[both].mean()).sum()  # R2 above 0.7
    assert (out / "report.html").stat().st_size > 100_000
    assert_pictures(ROOT / "examples" / "regression_map.py", out, monkeypatch)


def test_from_a_torchgeo_script(tmp_path, monkeypatch):
    printed = run("from_torchgeo", tmp_path)
    assert (
        "SR_B4: nir" in printed
    )  # Landsat 7's name: its bands and Landsat 8's met by what they measure
    assert "overall accuracy" in printed
    out = tmp_path / "from_torchgeo-out"
    with (
        rasterio.open(out / "map.tif") as mapped,
        rasterio.open(next((out / "data").glob("LC08*_SR_B4.TIF"))) as scene,
        rasterio.open(out / "data" / "2020_30m_cdls.tif") as labels,
    ):
        assert (mapped.crs, mapped.transform) == (scene.crs, scene.transform)
        answers, seen = mapped.read(1), mapped.read_masks(1) > 0
        height, width = mapped.shape
        rows, cols = np.mgrid[:height, :width]
        x, y = mapped.transform @ (cols.ravel() + 0.5, rows.ravel() + 0.5)
        x, y = transform(mapped.crs, labels.crs, x, y)
        truth = np.array(list(labels.sample(zip(x, y, strict=True)))).reshape(height, width)
    assert seen.all()
    assert set(np.unique(answers)) <= {1, 5, 111, 121, 141, 176}
    assert (answers == truth).mean() > 0.85
    assert (out / "report.html").stat().st_size > 100_000
    assert_pictures(ROOT / "examples" / "from_torchgeo.py", out, monkeypatch)


def test_pretrained_weights(tmp_path, monkeypatch):
    printed = run("pretrained_weights", tmp_path)
    for part in (
        "bands SR_B4, SR_B5; not known to the weights (mean): SR_B6, SR_B7; not used of the weights: SR_B2",
        "new: score",
        "ResNet18_Weights.SENTINEL2_ALL_MOCO: timm/resnet18, 13 bands",
    ):
        assert part in printed
    out = tmp_path / "pretrained_weights-out"
    with rasterio.open(out / "place_truth.tif") as labels:
        truth, known = labels.read(1), labels.read_masks(1) > 0
    right = {}
    for name in ("random", "begun"):
        with rasterio.open(out / f"{name}.tif") as mapped:
            seen = known & (mapped.read_masks(1) > 0)
            right[name] = (mapped.read(1) == truth)[seen].mean()
    assert right["begun"] > right["random"]
    assert right["begun"] > 0.9
    assert_pictures(ROOT / "examples" / "pretrained_weights.py", out, monkeypatch)


def test_a_strangers_model(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="not installed: pip install 'geoloom[onnx]'")
    printed = run("strangers_model", tmp_path)
    for part in (
        "is someone else's network, [image: float32 [1, 3, 128, 128]]",
        "scale (--scale)",
        "equal at 100.0 % of the pixels of a tile",
        "3 classes (deforestation, forest, water) per pixel (128, 128)",
    ):
        assert part in printed
    out = tmp_path / "strangers_model-out"
    with rasterio.open(out / "map.tif") as mapped, rasterio.open(out / "labels.tif") as labels:
        answers, truth = mapped.read(1), labels.read(1)
        right = (mapped.read_masks(1) > 0) & (labels.read_masks(1) > 0)
    right[:, :128] = False  # what it has not learned from
    assert right.mean() > 0.3
    assert (answers == truth)[right].mean() > 0.85
    assert_pictures(ROOT / "examples" / "strangers_model.py", out, monkeypatch)


def test_a_dataset_of_ones_own(tmp_path, monkeypatch):
    printed = run("own_dataset", tmp_path)
    assert "Clearings(clearings: " in printed
    assert "train and test: no ground in common" in printed
    accuracy = float(printed.split("overall accuracy ")[1].split()[0])
    assert accuracy > 0.7
    out = tmp_path / "own_dataset-out"
    with (
        rasterio.open(out / "map.tif") as mapped,
        rasterio.open(out / "scene" / "truth.tif") as labels,
    ):
        answers, truth = mapped.read(1), labels.read(1)
        both = (mapped.read_masks(1) > 0) & (labels.read_masks(1) > 0)
    assert both.mean() > 0.5
    codes = np.array(
        [255, 1, 0, 2]
    )  # deforestation, forest and water as the raster of truth has them
    assert (answers == codes[truth])[both].mean() > 0.7
    assert_pictures(ROOT / "examples" / "own_dataset.py", out, monkeypatch)
