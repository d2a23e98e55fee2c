"""Smoothed maps: compared with a plain loop over pixels, whatever the tiles and the interruptions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from slow import RUN, SlowPredictor

from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.core.outputs import ValueOutputs
from geoloom.inference import products
from geoloom.inference.predict import predict
from geoloom.inference.smoothing.methods import Bayes, Majority
from geoloom.testing.predictors import BandPredictor

CLASSES = Classes.of(["forest", "water", "cleared"], codes=[0, 4, 9])


def around(row, col, valid, window):
    r = window // 2
    rows, cols = valid.shape
    return [
        (i, j)
        for i in range(max(0, row - r), min(rows, row + r + 1))
        for j in range(max(0, col - r), min(cols, col + r + 1))
        if valid[i, j]
    ]


def by_majority(scores, valid, window):
    own = scores.argmax(axis=0)
    out = own.copy()
    for at in np.ndindex(own.shape):
        seen = [own[n] for n in around(*at, valid, window)]
        most = max((seen.count(k) for k in set(seen)), default=0)
        winners = [k for k in set(seen) if seen.count(k) == most]
        if len(winners) == 1:
            out[at] = winners[0]
    return out


def by_bayes(scores, valid, window, smoothness, fraction):
    logit = lambda p: math.log(p / (1 - p))  # noqa: E731
    out = np.zeros_like(scores, dtype=float)
    for row, col in zip(*np.nonzero(valid), strict=True):
        near = around(row, col, valid, window)
        for k in range(len(scores)):
            best = sorted((logit(float(scores[k][n])) for n in near), reverse=True)
            best = best[: max(1, math.ceil(round(fraction * len(best), 6)))]
            mean = sum(best) / len(best)
            var = np.var(best, ddof=1) if len(best) > 1 else 0.0
            own = logit(float(scores[k, row, col]))
            mu = var / (var + smoothness) * own + smoothness / (var + smoothness) * mean
            out[k, row, col] = 1 / (1 + math.exp(-mu))
    return out / np.where(valid, out.sum(axis=0), 1)


def made_scene(folder, write_scene, shape, seed):
    rng = np.random.default_rng(seed)
    values = rng.dirichlet((0.7, 0.7, 0.7), shape).transpose(2, 0, 1).astype("float32")
    values = values.clip(0.01, 0.98)
    values /= values.sum(axis=0)
    valid = rng.random(shape) > 0.15
    values[:, ~valid] = np.nan
    return write_scene(folder / "scene.tif", values, nodata=np.nan), values, valid


tiles = st.fixed_dictionaries(
    {
        "tile": st.integers(3, 40),
        "halo": st.integers(0, 20),
        "blend": st.sampled_from(["cosine", "crop"]),
        "batch_size": st.integers(1, 3),
    }
)
windows = st.sampled_from([1, 3, 5, 9])


@given(st.tuples(st.integers(1, 40), st.integers(1, 40)), tiles, windows, st.integers(0, 99))
def test_majority_does_not_depend_on_tiles(tmp_path_factory, write_scene, shape, run, window, seed):
    folder = tmp_path_factory.mktemp("majority")
    path, values, valid = made_scene(folder, write_scene, shape, seed)
    predict(
        BandPredictor(CLASSES), path, folder / "map.tif", probabilities=folder / "p.tif",
        smooth="majority", smooth_window=window, **run,
    )  # fmt: skip
    best = by_majority(np.nan_to_num(values), valid, window)
    expected = np.where(valid, np.array(CLASSES.codes)[best], 255)
    with rasterio.open(folder / "map.tif") as made, rasterio.open(folder / "p.tif") as chances:
        np.testing.assert_array_equal(made.read(1), expected)
        np.testing.assert_allclose(chances.read(), values, rtol=1e-5, equal_nan=True)


@given(
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    tiles,
    st.sampled_from([(1, 10.0, 0.5), (3, 2.0, 1.0), (5, 10.0, 0.5), (7, 30.0, 0.3)]),
    st.integers(0, 99),
)
def test_bayes_does_not_depend_on_tiles(tmp_path_factory, write_scene, shape, run, how, seed):
    folder = tmp_path_factory.mktemp("bayes")
    path, values, valid = made_scene(folder, write_scene, shape, seed)
    window, smoothness, fraction = how
    predict(
        BandPredictor(CLASSES), path, folder / "map.tif", probabilities=folder / "p.tif",
        smooth="bayes", smooth_window=window, smoothness=smoothness, smooth_fraction=fraction, **run,
    )  # fmt: skip
    expected = by_bayes(values, valid, *how)
    with rasterio.open(folder / "p.tif") as made, rasterio.open(folder / "map.tif") as codes:
        written = made.read()
        np.testing.assert_allclose(written[:, valid], expected[:, valid], atol=2e-5)
        assert np.isnan(written[:, ~valid]).all()
        best = np.array(CLASSES.codes)[written[:, valid].argmax(axis=0)]
        np.testing.assert_array_equal(codes.read(1)[valid], best)
    if window == 1:
        np.testing.assert_allclose(written[:, valid], values[:, valid], atol=2e-5)


def test_a_speck_goes_and_an_edge_stays():
    scores = np.full((2, 24, 24), 0.2, "float32")
    scores[0, :, :12] = scores[1, :, 12:] = 0.8
    scores[:, 9, 6] = 0.45, 0.55
    valid = np.ones((24, 24), bool)
    for smoother in (Majority(3), Bayes()):
        r = smoother.reach_px
        classes = smoother.smooth(scores, valid)[0].argmax(axis=0)
        wanted = np.repeat([0, 1], [12 - r, 12 - r])
        assert (classes == wanted).all(), smoother


@pytest.mark.parametrize("how", ["majority", "bayes"])
def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path, write_scene, monkeypatch, how):
    monkeypatch.setattr(products, "MARK_EVERY_S", 0.0)
    values = np.random.default_rng(0).random((3, 90, 60)).astype("float32")
    values[:, 20:40, 10:20] = -1
    scene = write_scene(tmp_path / "scene.tif", values, nodata=-1)
    model = SlowPredictor(str(tmp_path), 0)
    smooth = {"smooth": how, "smooth_window": 7, **RUN}

    def stop(done, total):
        if done > 13:
            raise KeyboardInterrupt

    first = {"probabilities": tmp_path / "p.tif", **smooth}
    with pytest.raises(KeyboardInterrupt):
        predict(model, scene, tmp_path / "map.tif", progress=stop, **first)
    assert not (tmp_path / "map.tif").exists()
    seen = []
    predict(model, scene, tmp_path / "map.tif", progress=lambda *at: seen.append(at), **first)
    assert seen[0][0] > 2, "finished rows must not be made again"
    whole = tmp_path / "whole"
    whole.mkdir()
    predict(model, scene, whole / "map.tif", probabilities=whole / "p.tif", **smooth)
    for name in ("map.tif", "p.tif"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()


def test_values_are_refused(tmp_path, write_scene):
    scene = write_scene(tmp_path / "scene.tif", np.zeros((1, 8, 8), "uint8"))

    class Values:
        bands = ()
        outputs = ValueOutputs(("height",), ("m",))

        def __call__(self, image, valid):
            return image

    with pytest.raises(ModelError, match=r"smooth \(majority\) is of one class per pixel"):
        predict(Values(), scene, tmp_path / "v.tif", smooth="majority", tile=8, halo=0)
