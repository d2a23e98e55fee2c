"""Whole-scene prediction: an identity model gives the scene back, and nothing is invented."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_validate

from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, GeoloomError, ModelError, WriteError
from geoloom.inference.predict import predict
from geoloom.inference.runners import LocalEngine
from geoloom.testing.predictors import BandPredictor, CodePredictor, CountingPredictor

CLASSES = Classes.of(["forest", "water", "cleared"], codes=[0, 4, 9])
UTM = Affine(30, 0, 500_000, 0, -30, 9_000_000)

settings_of_a_run = st.fixed_dictionaries(
    {
        "tile": st.integers(5, 80),
        "halo": st.integers(0, 40),
        "blend": st.sampled_from(["cosine", "crop"]),
        "batch_size": st.integers(1, 5),
        "engine": st.sampled_from(["local", LocalEngine(readers=1), LocalEngine(readers=3)]),
        "resume": st.booleans(),
    }
)


@given(st.tuples(st.integers(1, 70), st.integers(1, 70)), settings_of_a_run, st.integers(0, 9))
def test_identity_gives_the_classes_back(tmp_path_factory, write_scene, blocky, shape, run, seed):
    folder = tmp_path_factory.mktemp("identity")
    scene = blocky(shape, CLASSES.codes, seed)
    unseen = np.random.default_rng(seed).random(shape) < 0.1
    scene[unseen] = 77
    path = write_scene(folder / "scene.tif", scene[None], nodata=77)
    out = predict(CodePredictor(CLASSES), path, folder / "map.tif", **run)
    with rasterio.open(out) as made:
        assert made.nodata == 255
        np.testing.assert_array_equal(made.read(1), np.where(unseen, 255, scene))


@given(st.tuples(st.integers(1, 60), st.integers(1, 60)), settings_of_a_run, st.integers(0, 9))
def test_identity_gives_the_measurements_back(tmp_path_factory, write_scene, shape, run, seed):
    folder = tmp_path_factory.mktemp("identity")
    rng = np.random.default_rng(seed)
    scene = rng.uniform(0.5, 9000, (3, *shape)).astype("float32")
    unseen = rng.random(shape) < 0.1
    scene[:, unseen] = np.nan
    path = write_scene(folder / "scene.tif", scene, nodata=np.nan)
    predict(BandPredictor(CLASSES), path, folder / "map.tif", probabilities=folder / "p.tif", **run)
    with rasterio.open(folder / "p.tif") as made, rasterio.open(folder / "map.tif") as codes:
        assert made.descriptions == CLASSES.names
        np.testing.assert_allclose(made.read(), scene, rtol=1e-6, equal_nan=True)
        np.testing.assert_array_equal(codes.read(1) == 255, unseen)
        best = np.array(CLASSES.codes)[np.where(unseen, 0, np.nan_to_num(scene)).argmax(axis=0)]
        np.testing.assert_array_equal(codes.read(1)[~unseen], best[~unseen])


@pytest.mark.parametrize(
    ("affine", "crs"),
    [
        (UTM, "EPSG:32722"),
        (Affine(30, 0, 500_000, 0, 30, 9_000_000), "EPSG:32722"),
        (UTM * Affine.rotation(33), "EPSG:32722"),
        (Affine(15, 0, -1_000_000, 0, -45, 2_000_000), "EPSG:3031"),
        (Affine(0.001, 0, 179.98, 0, -0.0007, 10), "EPSG:4326"),
    ],
    ids=["north-up", "south-up", "rotated", "polar, not square", "degrees, antimeridian"],
)
def test_the_map_lies_where_the_scene_lies(tmp_path, write_scene, blocky, affine, crs):
    scene = blocky((41, 67), CLASSES.codes)
    path = write_scene(tmp_path / "scene.tif", scene[None], affine=affine, crs=crs)
    out = predict(
        CodePredictor(CLASSES),
        path,
        tmp_path / "map.tif",
        tile=16,
        halo=5,
        vector=tmp_path / "map.gpkg",
    )
    with rasterio.open(path) as source, rasterio.open(out) as made:
        assert made.transform.almost_equals(source.transform, precision=1e-9)
        assert made.crs == source.crs
        np.testing.assert_array_equal(made.read(1), scene)
    assert cog_validate(out, strict=True)[0]


class Smoothing:
    """A network with a known receptive field: the mean over 7 x 7 pixels of each band."""

    bands = ()
    classes = Classes.of(["a", "b"])
    fingerprint = "smoothing"

    def __call__(self, image, valid):
        image = torch.where(valid[:, None], image, 0.0)
        return torch.nn.functional.avg_pool2d(image, 7, stride=1, padding=3)


@pytest.mark.parametrize("blend", ["cosine", "crop"])
def test_tiles_leave_no_seams_where_the_halo_covers_the_receptive_field(
    tmp_path, write_scene, blend
):
    rng = np.random.default_rng(0)
    scene = rng.random((2, 150, 130)).astype("float32")
    path = write_scene(tmp_path / "scene.tif", scene)
    predict(
        Smoothing(), path, tmp_path / "m.tif", probabilities=tmp_path / "p.tif",
        tile=32, halo=16 if blend == "cosine" else 3, blend=blend,
    )  # fmt: skip
    whole = Smoothing()(torch.from_numpy(scene[None]), torch.ones(1, 150, 130, dtype=torch.bool))
    with rasterio.open(tmp_path / "p.tif") as made:
        # The outermost 3 px of a tile lack up to 3/7 of their context, of values about 0.5, and carry at
        # most 0.5 - 0.5 cos(2.5 pi / 32) = 1.5 % of the weight.
        tolerance = 0.5 * 3 / 7 * 0.015 if blend == "cosine" else 1e-6
        np.testing.assert_allclose(made.read(), whole[0].numpy(), atol=tolerance)


def test_a_pixel_is_nodata_where_any_band_is(tmp_path, write_scene):
    scene = np.full((2, 6, 6), 5, "uint16")
    scene[0, 1, 1] = scene[1, 4, 4] = 0
    path = write_scene(tmp_path / "scene.tif", scene, nodata=0)
    out = predict(BandPredictor(Classes.of(["a", "b"])), path, tmp_path / "map.tif")
    with rasterio.open(out) as made:
        assert np.argwhere(made.read(1) == 255).tolist() == [[1, 1], [4, 4]]


def test_the_nodata_value_can_be_given(tmp_path, write_scene):
    scene = np.array([[[0, 4, 9]]], "uint8")
    path = write_scene(tmp_path / "scene.tif", scene)
    out = predict(CodePredictor(CLASSES), path, tmp_path / "map.tif", nodata=4)
    with rasterio.open(out) as made:
        assert made.read(1).tolist() == [[0, 255, 9]]


def test_tiles_without_an_observation_are_not_run(tmp_path, write_scene):
    scene = np.zeros((2, 128, 128), "uint8")
    scene[:, :30, :30] = 3
    path = write_scene(tmp_path / "scene.tif", scene, nodata=0)
    model = CountingPredictor(Classes.of(["a", "b"]))
    predict(model, path, tmp_path / "map.tif", tile=32, halo=0, batch_size=4)
    assert model.shapes == [(1, 2, 32, 32)]
    with rasterio.open(tmp_path / "map.tif") as made:
        assert (made.read(1) == 255).sum() == 128 * 128 - 30 * 30


def test_bands_are_found_by_name_and_missing_ones_named(tmp_path, write_scene):
    scene = np.stack([np.full((4, 4), v, "uint8") for v in (1, 2, 3)])
    path = write_scene(tmp_path / "scene.tif", scene, names=("red", "nir", "swir1"))
    model = BandPredictor(Classes.of(["a", "b"]), bands=("swir1", "red"))
    predict(model, path, tmp_path / "map.tif", probabilities=tmp_path / "p.tif")
    with rasterio.open(tmp_path / "p.tif") as made:
        assert made.read()[:, 0, 0].tolist() == [3, 1]
    wrong = BandPredictor(Classes.of(["a", "b"]), bands=("blue", "red"))
    with pytest.raises(ModelError, match="blue"):
        predict(wrong, path, tmp_path / "other.tif")
    assert not list(tmp_path.glob(".other*"))


def test_scores_that_are_no_numbers_are_refused(tmp_path, write_scene):
    class Broken(BandPredictor):
        def __call__(self, image_BCHW, valid_BHW):
            scores = image_BCHW.clone()
            scores[:, 1][image_BCHW[:, 1] == 7] = torch.nan
            return scores

    scene = np.full((2, 4, 4), 5, "uint8")
    scene[1, 2, 2] = 7
    model = Broken(Classes.of(["a", "b"]))
    path = write_scene(tmp_path / "scene.tif", scene)
    with pytest.raises(ModelError, match="NaN or infinity at 1 of 16 observed pixels"):
        predict(model, path, tmp_path / "map.tif")
    assert not (tmp_path / "map.tif").exists()
    # What it says of unobserved pixels does not matter.
    predict(model, path, tmp_path / "map.tif", nodata=7)
    with rasterio.open(tmp_path / "map.tif") as made:
        assert np.argwhere(made.read(1) == 255).tolist() == [[2, 2]]


def test_a_model_that_answers_with_another_shape_is_named(tmp_path, write_scene):
    path = write_scene(tmp_path / "scene.tif", np.ones((2, 4, 4), "uint8"))
    with pytest.raises(ModelError, match=r"\(1, 2, .*expected \(1, 3, .*forest, water, cleared"):
        predict(BandPredictor(CLASSES), path, tmp_path / "map.tif")
    assert [p.name for p in tmp_path.iterdir()] == ["scene.tif"]


def test_refusals_come_before_any_work(tmp_path, write_scene):
    path = write_scene(tmp_path / "scene.tif", np.ones((1, 4, 4), "uint8"))
    model = CodePredictor(CLASSES)
    (tmp_path / "old.tif").write_bytes(b"old")
    before = sorted(tmp_path.iterdir())
    refused = [
        ({"out": tmp_path / "old.tif"}, WriteError, "--overwrite"),
        ({"probabilities": tmp_path / "old.tif"}, WriteError, "--overwrite"),
        ({"vector": tmp_path / "map.shp"}, WriteError, r"\.gpkg"),
        ({"probabilities": tmp_path / "map.tif"}, WriteError, "share a path"),
        ({"out": path, "overwrite": True}, WriteError, "is an input of this command"),
        ({"out": tmp_path / "absent" / "map.tif"}, WriteError, "not a folder"),
        ({"batch_size": 0}, ConfigError, "at least 1"),
        ({"engine": "daks"}, ConfigError, "did you mean 'dask'"),
        ({"tile": 0}, GeoloomError, "at least 1 px"),
        ({"device": "gpu"}, ModelError, "'cuda'"),
        ({"model": 5}, ModelError, "model folder"),
        ({"model": tmp_path}, ModelError, "not a model folder"),
    ]
    for change, error, message in refused:
        arguments = {"model": model, "scene": path, "out": tmp_path / "map.tif", **change}
        with pytest.raises(error, match=message):
            predict(**arguments)
    assert sorted(tmp_path.iterdir()) == before


def test_progress_and_the_record_show_what_was_done(tmp_path, write_scene):
    path = write_scene(tmp_path / "scene.tif", np.zeros((1, 50, 50), "uint8"))
    seen = []
    out = predict(
        CodePredictor(CLASSES), path, tmp_path / "map.tif", tile=25, halo=2, batch_size=2,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(2, 4), (4, 4)]
    record = json.loads((tmp_path / "map.tif.run.json").read_text())
    assert record["scene"] == str(path)
    assert record["halo_px"] == 2
    assert record["outputs"]["classes"]["names"] == ["forest", "water", "cleared"]
    assert out == tmp_path / "map.tif"
