"""The report of a map of measured values: figures, colours and what is left out."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
import rasterio
from PIL import Image
from reported import CLASSES, headline, make_map, report_of, save_card
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from geoloom.analysis.report import report
from geoloom.chips.store import ChipWriter
from geoloom.core.errors import ModelError
from geoloom.core.outputs import BoxOutputs, ValueOutputs
from geoloom.evaluation.maps import evaluate_map
from geoloom.metrics.subject import Subject
from geoloom.models.identity import file_hash
from geoloom.testing.models import plain_card
from geoloom.testing.simulate import simulated_scene

HEIGHT = ValueOutputs(("height",), ("m",))
BOTH = ValueOutputs(("height", "cover"), ("m", None))
SIZE = 160


def write(path, values, grid, names, units):
    """Float32 by rasterio, NaN where not known."""
    with rasterio.open(
        path, "w", driver="GTiff", width=SIZE, height=SIZE, count=len(values), dtype="float32",
        crs=grid.crs.to_wkt(), transform=grid.affine, nodata=np.nan,
    ) as file:  # fmt: skip
        file.write(values.astype(np.float32))
        file.descriptions = names
        file.units = [unit or "" for unit in units]


def fields(seed=0):
    """True height and cover, and predictions that are off by noise and a bias; some of both unknown."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:SIZE, :SIZE] / SIZE
    true = np.stack([5 + 30 * rows * cols, 0.5 + 0.4 * np.sin(6 * cols)])
    noise = rng.normal(0, [[[2.0]], [[0.05]]], true.shape)
    mapped = true + noise - np.array([1.0, 0.0])[:, None, None]
    mapped[:, :10] = np.nan
    true[0, :, 100:] = np.nan
    return true.astype(np.float32), mapped.astype(np.float32)


def save_model(folder, made, outputs, **others):
    card = plain_card("unet", {}, made.bands, CLASSES, **others)
    save_card(folder / "model", replace(card, outputs=outputs))


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    made = simulated_scene(folder, size_px=SIZE, seed=4)
    true, mapped = fields()
    save_model(folder, made, HEIGHT)
    write(folder / "map.tif", mapped[:1], made.grid, ("height",), ("m",))
    write(folder / "truth.tif", true[:1], made.grid, ("chm",), ("m",))
    rows = [
        {"epoch": i, "train_loss": 1 / i, "val_loss": 1 / i, "val_rmse": 3 / i, "val_mae": 2 / i,
         "val_bias": 0.1, "val_r2": 1 - 1 / i} for i in (1, 2, 3)
    ]  # fmt: skip
    (folder / "model" / "history.json").write_text(json.dumps(rows))
    (folder / "map.tif.run.json").write_text(json.dumps({"scene": "scene.tif", "verb": "predict"}))
    return folder, made, true, mapped


@pytest.fixture(scope="module")
def page(case):
    return report_of(case[0], truth=case[0] / "truth.tif")


def pixels(page, key):
    uri = next(layer["src"] for layer in page.data()["layers"] if layer["key"] == key)
    raw = base64.b64decode(uri.split(",")[1])
    return np.array(Image.open(io.BytesIO(raw)).convert("RGBA"))


def pairs(true, mapped):
    both = np.isfinite(true) & np.isfinite(mapped)
    return true[both].astype(np.float64), mapped[both].astype(np.float64)


def test_figures_are_those_of_scikit_learn(page, case):
    t, m = pairs(case[2][0], case[3][0])
    block = page.text[page.text.index("Agreement over the whole map") :]
    plain = block.replace("\u202f", " ")
    assert f"RMSE {root_mean_squared_error(t, m):.3f} m" in plain
    assert f"MAE {mean_absolute_error(t, m):.3f} m" in plain
    assert f"Bias {np.mean(m - t):.4f} m" in plain
    assert f"R² {r2_score(t, m):.4f}" in block
    assert f"{t.size:,} " in block
    assert f"height m {root_mean_squared_error(t, m):.3f} {mean_absolute_error(t, m):.3f}" in block
    assert f"{t.mean():.3f} {t.std():.3f} {t.size:,}" in block


def test_the_map_counts_all_its_pixels(page, case):
    known = case[3][0][np.isfinite(case[3][0])].astype(np.float64)
    block = page.text[page.text.index("Greatest") :]
    numbers = f"height m {known.mean():.2f} {known.std():.3f} {known.min():.3f}"
    assert numbers in block
    assert f"{np.median(known):.2f} {known.max():.2f} {known.size:,}" in block
    assert f"{10 * SIZE:,} carry no value" in block
    # 30 m pixels in UTM, whose scale differs from 1 by less than 0.1 %
    hectares = float(re.search(r"Mapped area ([\d,]+)", page.text)[1].replace(",", ""))
    assert hectares == pytest.approx(known.size * 0.09, rel=2e-3)


def test_colours_are_those_of_the_ramps_at_known_values(page, case):
    true, mapped = case[2][0], case[3][0]
    ramps = page.data()["ramps"]
    low, high = np.percentile(np.concatenate([v[np.isfinite(v)] for v in (true, mapped)]), (2, 98))
    assert (ramps[0]["low"], ramps[0]["high"]) == pytest.approx((low, high), rel=1e-6)
    assert (ramps[0]["title"], ramps[0]["unit"]) == ("height (m)", "m")
    shown = pixels(page, "prediction")
    unit = np.clip((mapped - low) / (high - low), 0, 1)
    viridis = 255 * mpl.colormaps["viridis"](np.nan_to_num(unit))[..., :3]
    seen = np.isfinite(mapped)
    # 255 steps of the ramp: no colour is further off than the next step.
    assert np.abs(shown[seen][:, :3] - viridis[seen]).max() <= 4
    assert (shown[seen][:, 3] == 255).all()
    assert (shown[~seen][:, 3] == 0).all()
    ends = {tuple(shown[seen & (mapped < low)][0, :3]), tuple(shown[seen & (mapped > high)][0, :3])}
    assert ends == {(68, 1, 84), (253, 231, 36)}
    assert (pixels(page, "truth")[..., 3] == 255 * np.isfinite(true)).all()


def test_the_difference_is_blue_where_too_low_white_at_0_and_red_where_too_high(page, case):
    apart = case[3][0] - case[2][0]
    shown, ramp = pixels(page, "difference").astype(int), page.data()["ramps"][1]
    known = np.isfinite(apart)
    assert ramp["high"] == -ramp["low"]
    assert ramp["high"] == pytest.approx(np.percentile(np.abs(apart[known]), 98), rel=1e-6)
    assert (shown[..., 3] == 255 * known).all()
    red, blue = shown[..., 0], shown[..., 2]
    assert (red > blue)[known & (apart > 0.3)].all()
    assert (red < blue)[known & (apart < -0.3)].all()
    assert shown[known & (np.abs(apart) < 0.01)][:, :3].min() >= 240


def test_layers_and_what_the_page_reads_below_the_pointer(page):
    data = page.data()
    layers = {layer["key"]: layer for layer in data["layers"]}
    assert list(layers) == ["scene-false", "scene-true", "prediction", "truth", "difference"]
    assert [layers[key]["says"] for key in ("prediction", "truth", "difference")] == [
        "map", "truth", "difference",
    ]  # fmt: skip
    assert [layers[key]["ramp"] for key in ("prediction", "truth", "difference")] == [0, 0, 1]
    assert data["classes"] == []
    for ramp in data["ramps"]:
        assert len(ramp["colors"]) == 255
        assert all(ramp["low"] <= tick <= ramp["high"] for tick in ramp["ticks"])


def test_what_belongs_to_classes_is_left_out(page):
    said = page.text[: page.text.index("Licence of the map viewer")]
    for word in ("Overall accuracy", "Hectares", "truth ↓", "ROC", "F1", "class"):
        assert word not in said, word
    links = [a["href"] for t, a in page.tags if t == "a"]
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert {link[1:] for link in links} <= ids
    assert "#area" not in links
    (chart,) = (a for _, a in page.tags if "Loss and scores" in (a.get("aria-label") or ""))
    assert chart["style"] == "max-width:980px"  # three panels of 350: loss, RMSE, R2
    assert "Map of height" in page.text


def test_agreement_over_training_ground_is_no_headline(page):
    assert "RMSE" in page.text
    assert "RMSE" not in headline(page)
    assert "is not known" in headline(page)


@pytest.mark.parametrize(("column", "leads"), [(0, False), (100, True)])
def test_figures_of_ground_without_training_chips_lead(case, tmp_path, column, leads):
    """Figures counted over columns 80 to 160, a training chip at columns `column` to `column + 32`."""
    folder, made, true, mapped = case
    save_model(tmp_path, made, HEIGHT)
    write(tmp_path / "map.tif", mapped[:1], made.grid, ("height",), ("m",))
    with ChipWriter(
        tmp_path / "chips.zarr", channels=1, size=32, dtype="uint16", bands=["SR_B2"]
    ) as writer:
        for split, at in (("train", 100 - column), ("val", 0)):
            placed = made.grid[:32, at : at + 32].affine
            writer.add(
                np.ones((1, 32, 32), np.uint16), crs="EPSG:32720", transform=tuple(placed[:6]),
                source="scene.tif", row=0, col=at, split=split,
            )  # fmt: skip
    left, bottom, right, top = made.grid.boundingbox.bbox
    figures = evaluate_map(tmp_path / "map.tif", folder / "truth.tif")
    bounds = ((left + right) / 2, bottom, right, top)
    subject = Subject("map", file_hash(tmp_path / "map.tif"), bounds=bounds)
    page = report_of(
        tmp_path, accuracy=replace(figures, subject=subject), chips=tmp_path / "chips.zarr"
    )
    t, m = pairs(true[0], mapped[0])
    shown = f"RMSE {root_mean_squared_error(t, m):.3f}\u202fm"
    said = f"is off by {mean_absolute_error(t, m):.3f}\u202fm on average"
    assert (shown.replace("\u202f", " ") in headline(page).replace("\u202f", " ")) is leads
    assert (said.replace("\u202f", " ") in page.text.replace("\u202f", " ")) is leads


def test_figures_that_evaluate_left_are_found(case, tmp_path):
    folder, made, true, mapped = case
    save_model(tmp_path, made, HEIGHT)
    write(tmp_path / "map.tif", mapped[:1], made.grid, ("height",), ("m",))
    evaluate_map(tmp_path / "map.tif", folder / "truth.tif", out=tmp_path / "figures.json")
    page = report_of(tmp_path)
    assert "Accuracy of the map" in page.text
    t, m = pairs(true[0], mapped[0])
    assert f"R² {r2_score(t, m):.4f}" in page.text
    again = report_of(tmp_path, truth=folder / "truth.tif")
    assert "Agreement over the whole map" not in again.text  # they are the same pixels


def test_several_values_have_a_layer_and_a_row_each(case, tmp_path):
    _, made, true, mapped = case
    save_model(tmp_path, made, BOTH)
    write(tmp_path / "map.tif", mapped, made.grid, BOTH.names, BOTH.units)
    # Truth in another order: bands are matched by name.
    write(tmp_path / "truth.tif", true[::-1], made.grid, BOTH.names[::-1], BOTH.units[::-1])
    page = report_of(tmp_path, truth=tmp_path / "truth.tif")
    keys = [layer["key"] for layer in page.data()["layers"]]
    assert keys == ["prediction", "truth", "difference", "prediction-1", "truth-1", "difference-1"]
    assert (pixels(page, "truth")[..., 3] == 255 * np.isfinite(true[0])).all()
    assert (pixels(page, "truth-1")[..., 3] == 255 * np.isfinite(true[1])).all()
    for k, name in enumerate(BOTH.names):
        t, m = pairs(true[k], mapped[k])
        assert f"{name} R² {r2_score(t, m):.4f}" in page.text
    assert page.data()["ramps"][2]["title"] == "cover"
    assert len([a for _, a in page.tags if "Truth against" in (a.get("aria-label") or "")]) == 2


def test_a_raster_that_is_no_map_of_the_model_is_refused(case, tmp_path):
    folder, made, _, mapped = case
    save_model(tmp_path, made, HEIGHT)
    write(tmp_path / "map.tif", mapped[:1], made.grid, ("height",), ("ft",))
    with pytest.raises(ModelError, match=r"height in ft.* gives 1 value \(height in m\)"):
        report_of(tmp_path)
    (tmp_path / "map.tif").unlink()
    make_map(made, tmp_path / "map.tif")
    with pytest.raises(ModelError, match="is not a map of this model: it names classes"):
        report_of(tmp_path)
    with pytest.raises(ModelError, match="expected a raster of measurements"):
        report_of(folder, truth=tmp_path / "map.tif")
    with pytest.raises(ModelError, match="give the map"):
        report(folder / "model", None, tmp_path / "r.html")
    save_model(tmp_path, made, BoxOutputs(CLASSES))
    with pytest.raises(ModelError, match="of which there is no report"):
        report_of(tmp_path)


def test_figures_of_classes_are_refused_for_values(case, tmp_path):
    folder, made, *_ = case
    make_map(made, tmp_path / "classes.tif")
    evaluate_map(tmp_path / "classes.tif", made.truth, class_field="class", out=tmp_path / "a.json")
    with pytest.raises(ModelError, match=r"a\.json holds figures of classes"):
        report_of(folder, accuracy=tmp_path / "a.json")


def test_names_and_units_from_files_cannot_become_markup(case, tmp_path):
    evil = "<script>alert(1)</script>"
    made, mapped = case[1], case[3]
    save_model(tmp_path, made, ValueOutputs((evil,), (evil,)))
    write(tmp_path / "map.tif", mapped[:1], made.grid, (evil,), (evil,))
    write(tmp_path / "truth.tif", case[2][:1], made.grid, (evil,), (evil,))
    page = report_of(tmp_path, truth=tmp_path / "truth.tif")
    assert not [s for s in page.scripts if s.strip() == "alert(1)"]
    assert evil in page.text
    assert len([t for t, _ in page.tags if t == "script"]) == 4
