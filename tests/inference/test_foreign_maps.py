"""Maps of scenes by networks of others: the same loop, on any tiles, with what was stated of the network."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import rasterio
import torch
from click.testing import CliRunner

import geoloom as gl
from geoloom.cli.app import app
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, GridError, ModelError, WriteError
from geoloom.evaluation.evaluate import evaluate
from geoloom.inference import products
from geoloom.inference.config import PredictConfig
from geoloom.inference.explain import explain
from geoloom.inference.job import MapJob
from geoloom.inference.plan import model_plan
from geoloom.inference.predict import predict
from geoloom.inference.predictor import ModelSource
from geoloom.inference.sources.opening import open_source
from geoloom.models.foreign.predictor import open_onnx
from geoloom.models.onnx_metadata import OnnxMetadata
from geoloom.models.registry import create_model
from geoloom.models.saved import save_model
from geoloom.testing.models import plain_card
from onnx_files import write_network

WEIGHTS = np.array([[2.0, -1.0], [0.5, 1.0], [-1.0, 3.0]])
FACTS = {"bands": "red,nir", "scale": 1e-4, "mean": [0.2, 0.3], "std": [0.1, 0.2]}
CLASSES = {"classes": "0=clear,1=cloud,7=shadow"}
SHAPE = 75, 90


@pytest.fixture(scope="module")
def counts():
    """(2, H, W) uint16, nodata 0 in a part."""
    values = np.random.default_rng(0).integers(1000, 6000, (2, *SHAPE)).astype("uint16")
    values[:, 30:50, 20:40] = 0
    values[1, 5, 5] = 0
    return values


@pytest.fixture
def scene(tmp_path, write_scene, counts):
    return write_scene(tmp_path / "scene.tif", counts, names=("red", "nir"), nodata=0)


@pytest.fixture(scope="module")
def expected(counts):
    """Probabilities (K, H, W) by numpy; NaN where any band was not observed."""
    x = (counts * 1e-4 - np.reshape([0.2, 0.3], (2, 1, 1))) / np.reshape([0.1, 0.2], (2, 1, 1))
    raw = np.exp(np.einsum("kc,chw->khw", WEIGHTS, x))
    return np.where((counts > 0).all(axis=0), raw / raw.sum(axis=0), np.nan)


def codes_of(scores, codes=(0, 1, 7)):
    seen = np.isfinite(scores).all(axis=0)
    return np.where(seen, np.array(codes)[np.nan_to_num(scores).argmax(axis=0)], 255)


@pytest.mark.parametrize("size", [(None, None), (32, 32), (24, 40)], ids=str)
@pytest.mark.parametrize("blend", ["cosine", "crop"])
@pytest.mark.parametrize("batch", ["n", 1])
def test_a_map_is_the_network_at_each_pixel(tmp_path, scene, expected, size, blend, batch):
    net = write_network(tmp_path / "net.onnx", WEIGHTS, size=size, batch=batch)
    made = predict(
        net, scene, tmp_path / "map.tif", blend=blend, probabilities=tmp_path / "p.tif", batch_size=3,
        vector=tmp_path / "map.gpkg", **({} if size[0] else {"tile": 32, "halo": 8}), **FACTS, **CLASSES,
    )  # fmt: skip
    with rasterio.open(tmp_path / "p.tif") as file:
        assert file.descriptions == ("clear", "cloud", "shadow")
        np.testing.assert_allclose(file.read(), expected, atol=1e-5)
    with rasterio.open(made) as file, rasterio.open(scene) as source:
        assert (file.transform, file.crs, file.shape) == (
            source.transform,
            source.crs,
            source.shape,
        )
        assert file.tags(ns="IMAGE_STRUCTURE", bidx=0)["LAYOUT"] == "COG"
        assert file.nodata == 255
        np.testing.assert_array_equal(file.read(1), codes_of(expected))
        assert (
            file.colormap(1)[1] == Classes.of(["clear", "cloud", "shadow"], [0, 1, 7]).colormap()[1]
        )
    assert (tmp_path / "map.gpkg").exists()
    record = json.loads((tmp_path / "map.tif.run.json").read_text())
    assert record["model"] == str(net)
    assert record["model_facts"]["mean"] == [0.2, 0.3]


def test_bands_are_matched_by_name_or_number(tmp_path, write_scene, counts, expected):
    net = write_network(tmp_path / "net.onnx", WEIGHTS)
    turned = counts[::-1]
    for name, names, bands in (
        ("a.tif", ("nir", "red"), "red,nir"),
        ("b.tif", ("nir", "red"), "2,1"),
        ("c.tif", None, [2, 1]),
    ):
        scene = write_scene(tmp_path / name, turned, names=names, nodata=0)
        made = predict(
            net, scene, tmp_path / "map.tif", overwrite=True, **{**FACTS, **CLASSES, "bands": bands}
        )
        with rasterio.open(made) as file:
            np.testing.assert_array_equal(file.read(1), codes_of(expected))
    with pytest.raises(ModelError, match=r"c\.tif has no band number 3; it holds 2 bands: 1, 2"):
        predict(net, scene, tmp_path / "no.tif", **{**FACTS, **CLASSES, "bands": "1,3"})
    named = write_scene(tmp_path / "d.tif", turned, names=("swir", "B8"), nodata=0)
    with pytest.raises(ModelError, match=r"d\.tif lacks band red, nir"):
        predict(net, named, tmp_path / "no.tif", **FACTS, **CLASSES)


def test_the_scene_may_say_how_its_numbers_become_the_unit_wanted(tmp_path, scene, expected):
    net = write_network(tmp_path / "net.onnx", WEIGHTS)
    facts = {**FACTS, **CLASSES, "scale": None, "model_unit": "surface_reflectance"}
    with rasterio.open(scene, "r+") as file:
        file.scales = (1e-4, 1e-4)
    with pytest.raises(
        ModelError, match=r"no unit is declared for band 'red'.*--unit surface_refl"
    ):
        predict(net, scene, tmp_path / "map.tif", **facts)
    made = predict(net, scene, tmp_path / "map.tif", unit="surface_reflectance", **facts)
    with rasterio.open(made) as file:
        np.testing.assert_array_equal(file.read(1), codes_of(expected))
    with rasterio.open(scene, "r+") as file:
        file.units = ("toa_reflectance",) * 2
    with pytest.raises(
        ModelError, match=r"is toa_reflectance, the model was trained on surface_refl"
    ):
        predict(net, scene, tmp_path / "map.tif", overwrite=True, **facts)
    with pytest.raises(
        ModelError, match=r"unit is 'DN', but nothing says which unit .*--model-unit"
    ):
        predict(net, scene, tmp_path / "map.tif", overwrite=True, unit="DN", **FACTS, **CLASSES)


def test_values_become_a_map_of_values(tmp_path, scene, counts):
    net = write_network(tmp_path / "net.onnx", [[3.0, 0.0]])
    made = predict(
        net, scene, tmp_path / "map.tif", bands="red,nir", scale=0.01, offset=-5, mean=0, std=1,
        values="height=m",
    )  # fmt: skip
    truth = np.where((counts > 0).all(axis=0), 3 * (counts[0] * 0.01 - 5), np.nan)
    with rasterio.open(made) as file:
        assert (file.descriptions, file.units) == (("height",), ("m",))
        np.testing.assert_allclose(file.read(1), truth, rtol=1e-5)


def test_a_model_per_image_maps_windows(tmp_path, scene, counts):
    net = write_network(tmp_path / "net.onnx", [[1.0, 0.0]], per_image=True, size=(15, 15))
    facts = {"bands": "red,nir", "scale": 1, "mean": 0, "std": 1, "values": "mean_red"}
    made = predict(net, scene, tmp_path / "map.tif", min_valid=1, **facts)
    with rasterio.open(made) as file:
        assert file.shape == (5, 6)
        values = file.read(1)
    assert values[0, 1] == pytest.approx(counts[0, :15, 15:30].mean(), rel=1e-6)
    assert np.isnan(values[0, 0])  # a pixel of it was not observed
    with pytest.raises(
        ConfigError, match=r"takes images of 15 x 15 px alone.*give window=15 \(--window\)"
    ):
        predict(net, scene, tmp_path / "map.tif", overwrite=True, window=20, **facts)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"tile": 30}, ConfigError, r"takes images of 32 x 32 px alone, .*give tile=16 \(--tile\)"),
        (
            {"halo": 16},
            GridError,
            r"halo of 16 px on both sides leaves nothing.*at most 15 \(--halo\)",
        ),
        ({"tile": 32, "halo": 4}, ConfigError, r"is 40; give tile=24"),
    ],
)
def test_tiles_that_a_network_cannot_take(tmp_path, scene, settings, error, message):
    net = write_network(tmp_path / "net.onnx", WEIGHTS, size=(32, 32))
    with pytest.raises(error, match=message):
        predict(net, scene, tmp_path / "map.tif", **settings, **FACTS, **CLASSES)


def test_tiles_give_the_network_its_size():
    for shape in ((1, 1), (75, 90), (300, 31)):
        for halo in (0, 5, 15):
            plan = model_plan(shape, (32, 40), halo_px=halo, stated=["halo"])
            assert plan.read_shape == (32, 40)
            assert sum(t.emit.height * t.emit.width for t in plan.tiles) == shape[0] * shape[1]
    assert model_plan(SHAPE, (32, 32)).halo_px == 8


def test_facts_are_part_of_what_a_resume_goes_by(tmp_path, scene):
    net = write_network(tmp_path / "net.onnx", WEIGHTS)

    def settings(**facts):
        chosen = PredictConfig(**{**FACTS, **CLASSES, **facts})
        job = MapJob.plan(ModelSource.of(net, chosen.facts), open_source(scene, dates=1), chosen)
        assert job.can_resume
        assert pickle.loads(pickle.dumps(job.work)).model.fingerprint == job.work.model.fingerprint
        return json.loads(json.dumps(job.settings()))

    assert settings() == settings()
    assert settings(scale=2e-4)["conversions"] != settings()["conversions"]
    for other in ({"mean": 0}, {"std": 1}, {"activation": "sigmoid"}, {"classes": "a,b,c"}):
        assert settings(**other)["model_fingerprint"] != settings()["model_fingerprint"]


def test_a_stopped_run_goes_on(tmp_path, scene, expected, monkeypatch):
    monkeypatch.setattr(products, "MARK_EVERY_S", 0)
    net = write_network(tmp_path / "net.onnx", WEIGHTS, size=(32, 32))

    def stop(done, total):
        if done >= 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(net, scene, tmp_path / "map.tif", progress=stop, **FACTS, **CLASSES)
    seen = []
    made = predict(
        net,
        scene,
        tmp_path / "map.tif",
        progress=lambda *now: seen.append(now[0]),
        **FACTS,
        **CLASSES,
    )
    assert seen[0] > 1, "finished rows must not be made again"
    with rasterio.open(made) as file:
        np.testing.assert_array_equal(file.read(1), codes_of(expected))


def test_what_geoloom_exported_needs_no_facts(tmp_path, scene, counts):
    """Its card says the bands and classes; pixels that were not observed come as NaN and stay nodata."""
    card = plain_card(
        "unet", {}, ("nir", "red"), Classes.of(["a", "b", "c"], [4, 5, 6]), dtype="uint16"
    )
    props = OnnxMetadata(card, 32).to_props()
    net = write_network(tmp_path / "net.onnx", WEIGHTS * 1e-4, metadata=props, end=["Softmax"])
    made = predict(net, scene, tmp_path / "map.tif")
    scores = np.einsum("kc,chw->khw", WEIGHTS, counts[::-1].astype(float))
    with rasterio.open(made) as file:
        seen = (counts > 0).all(axis=0)
        np.testing.assert_array_equal(
            file.read(1), np.where(seen, np.array([4, 5, 6])[scores.argmax(axis=0)], 255)
        )
    with pytest.raises(
        ConfigError,
        match=r"mean are facts of a network of someone else's in an ONNX file; .*net\.onnx",
    ):
        predict(net, scene, tmp_path / "no.tif", mean=0)


def test_an_exported_model_makes_the_map_of_its_folder(tmp_path, scene):
    torch.manual_seed(0)
    card = plain_card(
        "unet", {"width": 0.0625, "depth": 1}, ("nir", "red"), Classes.of(["a", "b"]), dtype="uint16",
        normalization={"kind": "mean_std", "center": [3000.0, 3500.0], "scale": [900.0, 800.0], "bands": []},
    )  # fmt: skip
    save_model(tmp_path / "model", create_model("unet", 2, 2, **card.options), card)
    net = gl.export(tmp_path / "model", tmp_path / "net.onnx")
    scores = []
    for number, model in enumerate((tmp_path / "model", net)):
        probabilities = tmp_path / f"p{number}.tif"
        predict(
            model,
            scene,
            tmp_path / f"map{number}.tif",
            probabilities=probabilities,
            tile=32,
            halo=16,
        )
        with rasterio.open(probabilities) as file:
            scores.append(file.read())
    assert np.isnan(scores[0]).any()
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-5)


def test_a_scene_is_scored_by_a_network_with_its_facts_beside_it(
    tmp_path, scene, write_scene, expected
):
    net = write_network(tmp_path / "net.onnx", WEIGHTS, size=(32, 32))
    truth = codes_of(expected).astype("uint8")
    truth[:10][truth[:10] != 255] = 1
    labels = write_scene(tmp_path / "labels.tif", truth[None], nodata=255)
    (tmp_path / "net.onnx.json").write_text(json.dumps({**FACTS, **CLASSES}))
    right = (codes_of(expected) == truth)[truth != 255].mean()
    report = evaluate(net, scene, truth=labels)
    assert report.overall_accuracy == pytest.approx(right)
    model = open_onnx(net)
    assert evaluate(model, scene, truth=labels).overall_accuracy == pytest.approx(right)
    run = CliRunner().invoke(
        app,
        [
            "evaluate",
            str(net),
            str(scene),
            "--truth",
            str(labels),
            "--out",
            str(tmp_path / "a.json"),
        ],
    )
    assert run.exit_code == 0, run.output
    assert json.loads((tmp_path / "a.json").read_text())["overall_accuracy"] == pytest.approx(right)


def test_the_command_line_states_facts_and_info_tells_them(tmp_path, scene, expected):
    net = write_network(tmp_path / "net.onnx", WEIGHTS)

    def geoloom(*words):
        return CliRunner().invoke(app, list(map(str, words)))

    said = geoloom("info", net)
    assert said.exit_code == 0, said.output
    assert "must be stated" in said.output
    assert "scale (--scale)" in said.output
    (tmp_path / "net.onnx.json").write_text(
        '{"classes": {"0": "clear", "1": "cloud", "7": "shadow"}}'
    )
    known = json.loads(geoloom("info", net, "--json").output)
    assert known["facts"]["classes"] == {
        "value": {"0": "clear", "1": "cloud", "7": "shadow"}, "from": "net.onnx.json",
    }  # fmt: skip
    options = ["--bands", "red,nir", "--scale", "0.0001", "--mean", "0.2,0.3", "--std", "0.1,0.2"]
    out = tmp_path / "map.tif"
    said = geoloom("predict", net, scene, out, *options)
    assert said.exit_code == 0, said.output
    with rasterio.open(out) as file:
        np.testing.assert_array_equal(file.read(1), codes_of(expected))
    record = json.loads((tmp_path / "map.tif.run.json").read_text())
    assert "net.onnx.json" in [entry["path"] for entry in record["inputs"]]
    said = geoloom("predict", net, scene, tmp_path / "b.tif", *options, "--std", "0")
    assert said.exit_code != 0
    assert "--std: std is (0.0,); give numbers above 0" in said.output
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text("{}")
    said = geoloom("predict", tmp_path / "model", scene, tmp_path / "b.tif", "--scale", "2")
    assert "--scale: is of an ONNX file" in said.output


def test_a_dry_run_says_the_tiles_of_the_network(tmp_path, scene):
    net = write_network(tmp_path / "net.onnx", WEIGHTS, size=(32, 32))
    planned = explain(net, scene, timed=True, **FACTS, **CLASSES)
    assert planned.tile_px == (32, 32)
    assert planned.model_seconds > 0


def test_a_product_never_replaces_the_network(tmp_path, scene):
    net = write_network(tmp_path / "net.onnx", WEIGHTS, weights_in="weights.tif")
    for out in (net, tmp_path / "weights.tif"):
        before = out.read_bytes()
        with pytest.raises(WriteError, match=r"is an input of this command and would be destroyed"):
            predict(net, scene, out, overwrite=True, **FACTS, **CLASSES)
        assert out.read_bytes() == before
    with pytest.raises(
        ModelError, match=r"model and scene are swapped: .*net\.onnx is an ONNX file"
    ):
        predict(scene, net, tmp_path / "map.tif")
