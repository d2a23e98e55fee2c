"""A model that answers per image maps a scene: a pixel for each window, as a plain loop gives it."""

from __future__ import annotations

import json

import geopandas
import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, GridError, ModelError
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.inference import products
from geoloom.inference.explain import explain
from geoloom.inference.predict import predict
from geoloom.models.card import ModelCard
from geoloom.models.registry import create_model
from geoloom.models.saved import load_model, save_model
from geoloom.testing.predictors import CodePredictor

BANDS = (Band("red", "red"), Band("nir", "nir"))
CLASSES = ClassOutputs(Classes.of(["a", "b", "c"], codes=[3, 1, 2]), per="image")
VALUES = ValueOutputs(("height",), ("m",), per="image")
UTM = Affine(30, 0, 500_000, 0, -30, 9_000_000)


class Sums:
    """What it saw of a window: an answer to check positions by."""

    bands = ()
    outputs = ValueOutputs(("sum", "seen"), (None, None), per="image")
    fingerprint = "sums"

    def __call__(self, image_BCHW, valid_BHW):
        image = torch.where(valid_BHW[:, None], image_BCHW, 0.0)
        return torch.stack([image.sum(dim=(1, 2, 3)), valid_BHW.sum(dim=(1, 2)).float()], dim=1)


def windows_of(values, valid, size, stride):
    """(row, col, values, valid) of each window, padded as not observed: the loop one would write by hand."""
    rows, cols = (-(-side // stride) for side in valid.shape)
    pad = 2 * size
    values = np.pad(values, ((0, 0), (pad, pad), (pad, pad)))
    valid = np.pad(valid, pad)
    for row in range(rows):
        for col in range(cols):
            # The centre of a window is the centre of its pixel, or half a pixel beyond it.
            top, left = (pad + n * stride - (size - stride) // 2 for n in (row, col))
            at = slice(top, top + size), slice(left, left + size)
            yield row, col, values[:, *at], valid[at]


@pytest.fixture
def scene(tmp_path, write_scene):
    values = np.random.default_rng(0).integers(1, 200, (2, 75, 106)).astype("float32")
    values[:, 20:50, 30:60] = -1
    return write_scene(tmp_path / "scene.tif", values, nodata=-1, names=("red", "nir"))


def model_folder(path, outputs=CLASSES, size=16):
    torch.manual_seed(0)
    network = create_model("timm/resnet10t", 2, outputs=outputs)
    card = ModelCard("timm/resnet10t", {}, BANDS, outputs, chip_size_px=size)
    return save_model(path, network, card)


@pytest.mark.parametrize(("size", "stride"), [(16, None), (16, 8), (9, 4), (11, 11), (7, 1)])
@pytest.mark.parametrize("tile", [24, 512])
def test_each_pixel_is_the_answer_to_the_window_about_its_centre(
    tmp_path, scene, size, stride, tile
):
    out = predict(Sums(), scene, tmp_path / "m.tif", window=size, stride=stride, tile=tile)
    stride = stride or size
    with rasterio.open(scene) as source, rasterio.open(out) as made:
        values, valid = source.read(), source.dataset_mask() > 0
        result, where = made.read(), made.transform
        assert made.shape == (-(-75 // stride), -(-106 // stride))
    for row, col, image, seen in windows_of(values, valid, size, stride):
        if seen.sum() < 0.25 * size**2:
            assert np.isnan(result[:, row, col]).all()
        else:
            np.testing.assert_allclose(
                result[:, row, col], [(image * seen).sum(), seen.sum()], rtol=1e-6
            )
    left = 5 * stride - (size - stride) // 2  # of the window of column 5
    x, y = where * (5.5, 0.5)
    assert (x, y) == UTM * (left + size / 2, -((size - stride) // 2) + size / 2)
    assert (where.a, where.e) == (30 * stride, -30 * stride)


def test_a_network_answers_in_a_map_as_in_a_loop(tmp_path, scene):
    folder = model_folder(tmp_path / "m")
    out = predict(
        folder, scene, tmp_path / "map.tif", stride=8, tile=40, batch_size=5,
        probabilities=tmp_path / "p.tif", vector=tmp_path / "v.gpkg",
    )  # fmt: skip
    network = load_model(folder)
    with rasterio.open(scene) as source:
        values, valid = source.read(), source.dataset_mask() > 0
    with rasterio.open(out) as made, rasterio.open(tmp_path / "p.tif") as scores:
        codes, chances = made.read(1), scores.read()
        assert (made.nodata, made.count) == (255, 1)
        assert made.colormap(1)[3] == (*CLASSES.classes.colormap()[3][:3], 255)
    for row, col, image, seen in windows_of(values, valid, 16, 8):
        if seen.sum() < 64:
            assert codes[row, col] == 255
            continue
        with torch.inference_mode():
            own = network(torch.from_numpy(image)[None], torch.from_numpy(seen)[None])[0].numpy()
        np.testing.assert_allclose(chances[:, row, col], own, atol=1e-5)
        assert codes[row, col] == (3, 1, 2)[own.argmax()] or np.ptp(np.sort(own)[-2:]) < 1e-5
    shapes = geopandas.read_file(tmp_path / "v.gpkg", layer="v")
    assert shapes.geometry.area.sum() == pytest.approx((codes != 255).sum() * 240**2)
    record = json.loads((tmp_path / "map.tif.run.json").read_text())
    assert [record[key] for key in ("window_px", "stride_px", "min_valid")] == [16, 8, 0.25]
    turned = predict(folder, scene, tmp_path / "t.tif", tta=True, probabilities=tmp_path / "tp.tif")
    with rasterio.open(tmp_path / "tp.tif") as made:
        sums = made.read().sum(axis=0)
    assert np.nanmax(abs(sums - 1)) < 1e-5
    assert turned.exists()


def test_values_come_with_their_unit(tmp_path, scene):
    out = predict(model_folder(tmp_path / "m", VALUES), scene, tmp_path / "map.tif")
    with rasterio.open(out) as made:
        assert (made.dtypes, made.units, made.descriptions) == (("float32",), ("m",), ("height",))
        assert made.shape == (5, 7)


def test_a_part_is_that_of_the_whole(tmp_path, scene):
    whole = predict(Sums(), scene, tmp_path / "whole.tif", window=10, stride=5)
    roi = (
        (500_000 + 30 * 22, 9_000_000 - 30 * 61, 500_000 + 30 * 48, 9_000_000 - 30 * 13),
        "EPSG:32722",
    )
    part = predict(Sums(), scene, tmp_path / "part.tif", window=10, stride=5, roi=roi)
    with rasterio.open(whole) as all_of_it, rasterio.open(part) as made:
        col, row = (round(v) for v in ~all_of_it.transform * made.transform * (0, 0))
        theirs = all_of_it.read()[:, row : row + made.height, col : col + made.width]
        ours = made.read()
    inside = ~np.isnan(ours)
    assert inside.any()
    assert np.array_equal(ours[inside], theirs[inside])


def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, scene, monkeypatch):
    monkeypatch.setattr(products, "MARK_EVERY_S", 0.0)
    calls = []

    def stop(done, total):
        calls.append(done)
        if len(calls) == 9:
            raise KeyboardInterrupt

    run = {"window": 8, "stride": 4, "tile": 32}
    with pytest.raises(KeyboardInterrupt):
        predict(Sums(), scene, tmp_path / "a.tif", progress=stop, **run)
    assert not (tmp_path / "a.tif").exists()
    calls.clear()
    predict(Sums(), scene, tmp_path / "a.tif", progress=lambda *now: calls.append(now), **run)
    predict(Sums(), scene, tmp_path / "b.tif", **run)
    assert calls[0][0] > 1, "finished rows must not be made again"
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_a_dry_run_says_what_is_seen(tmp_path, scene):
    planned = explain(model_folder(tmp_path / "m"), scene, stride=8)
    assert planned.grid.shape == (10, 14)
    assert planned.to_dict()["windows"] == {"size_px": 16, "stride_px": 8, "min_valid": 0.25}
    assert "windows 16 x 16 px, a pixel of the map every 8 px" in planned.text()
    assert planned.reads[0].window.height >= 75


def test_what_cannot_be_is_refused(tmp_path, scene, write_scene):
    out, model = tmp_path / "map.tif", Sums()
    for settings, message in (
        ({}, r"does not say the size .* window= \(--window\)"),
        ({"window": 8, "stride": 9}, r"stride is 9 px, and the window 8 px: .* at most 8"),
        ({"window": 8, "stride": 0}, r"stride is 0; .*at least 1 px"),
        ({"window": 8, "stride": -4}, r"stride is -4; .*at least 1 px"),
        ({"window": 8, "halo": 3}, r"halo of models that answer per pixel"),
        ({"window": 8, "min_valid": 2}, r"min_valid is 2; give a share"),
    ):
        with pytest.raises(ConfigError, match=message):
            predict(model, scene, out, **settings)
    with pytest.raises(GridError, match=r"106 x 75 px fills 19.88% of a window of 200 px.*25%"):
        predict(model, scene, out, window=200)
    with pytest.raises(ConfigError, match=r"per pixel, and stride of models that answer per image"):
        predict(CodePredictor(Classes.of(["a"])), scene, out, stride=4)
    with pytest.raises(ConfigError, match=r"to a scene are a map: name it \*\.tif"):
        predict(model, scene, tmp_path / "answers.csv")
    assert not out.exists()

    class Flat(Sums):
        def __call__(self, image_BCHW, valid_BHW):
            return torch.zeros(len(image_BCHW), 3)

    with pytest.raises(ModelError, match=r"shape \(16, 3\), expected \(16, 2\): windows"):
        predict(Flat(), scene, out, window=8)
