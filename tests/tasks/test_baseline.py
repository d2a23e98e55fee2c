"""The forest beside the network: its features, its pixels, its figures, its refusals."""

import json
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from geoloom.core.errors import ConfigError, MissingExtraError, ModelError
from geoloom.metrics.baseline import Baseline
from geoloom.project.steps.evaluate import Evaluate
from geoloom.project.steps.train import Train
from geoloom.tasks.baseline import pixels as drawing
from geoloom.tasks.baseline.features import WINDOWS_PX, pixel_features
from geoloom.tasks.baseline.pixels import draw_pixels
from geoloom.tasks.train import train
from small_chips import write_chips

QUICK = {"width": 0.05, "epochs": 1, "batch_size": 4, "progress": False, "device": "cpu"}


def slowly(image, observed):
    """Features by loops: windows of observed pixels, cut at the edges."""
    bands, height, width = image.shape
    found = [image.astype(float)]
    for side in WINDOWS_PX:
        means, deviations = np.zeros((2, *image.shape))
        for row in range(height):
            for col in range(width):
                near = np.s_[
                    max(row - side // 2, 0) : row + side // 2 + 1,
                    max(col - side // 2, 0) : col + side // 2 + 1,
                ]
                for band in range(bands):
                    seen = image[band][near][observed[near]]
                    if observed[row, col]:
                        means[band, row, col] = seen.mean()
                        deviations[band, row, col] = seen.std()
        found += [means, deviations]
    return np.concatenate(found)


def test_windows_count_observed_pixels_alone():
    rng = np.random.default_rng(3)
    image = rng.normal(20_000, 3, (2, 19, 17)).astype("float32")
    observed = rng.random((19, 17)) < 0.6
    image[:, ~observed] = np.nan
    features = pixel_features(image, observed)
    expected = slowly(np.nan_to_num(image) * observed, observed)
    assert features.shape == (14, 19, 17)
    np.testing.assert_allclose(features, expected, rtol=1e-6, atol=1e-3)


def test_pixels_are_drawn_evenly_and_weigh_as_their_classes_do(chips, monkeypatch):
    monkeypatch.setattr(drawing, "MOST_PIXELS", 200)
    train_chips = chips.indices("train").tolist()
    drawn = draw_pixels(chips, train_chips, 2, seed=1)
    again = draw_pixels(chips, train_chips, 2, seed=1)
    np.testing.assert_array_equal(drawn.features, again.features)
    assert np.bincount(drawn.classes).tolist() == [100, 100]
    labels = [chips.labels(i) for i in train_chips]
    truth = np.concatenate([label["mask"][label["valid"]] for label in labels])
    shares = np.bincount(drawn.classes, weights=drawn.weights) / drawn.weights.sum()
    np.testing.assert_allclose(shares, np.bincount(truth) / len(truth))
    # Each row belongs to a pixel of its class: the second band alone says which.
    assert ((drawn.features[:, 1] > 100) == (drawn.classes == 0)).all()


def test_all_pixels_are_drawn_where_there_are_few(chips):
    train_chips = chips.indices("train").tolist()
    drawn = draw_pixels(chips, train_chips, 2, seed=0)
    assert len(drawn.classes) == sum(chips.valid(i).sum() for i in train_chips)
    np.testing.assert_allclose(drawn.weights, 1)


def test_its_figures_are_those_of_a_forest_on_the_same_pixels(chips, tmp_path):
    folder = train(chips, tmp_path / "m", baseline=True, **QUICK)
    network = json.loads((folder / "validation.json").read_text())
    baseline = Baseline.read(folder)
    assert [(s.samples, s.split) for s in baseline.scores] == [
        ("chips.zarr", "val"),
        ("chips.zarr", "test"),
    ]
    drawn = draw_pixels(chips, chips.indices("train").tolist(), 2, seed=0)
    forest = RandomForestClassifier(100, random_state=0).fit(drawn.features, drawn.classes)
    for score in baseline.scores:
        right = pixels = 0
        for i in chips.indices(score.split):
            labels = chips.labels(i)
            rows = pixel_features(chips.image(i), chips.observed(i))[:, labels["valid"]].T
            right += (forest.predict(rows) == labels["mask"][labels["valid"]]).sum()
            pixels += len(rows)
        assert score.accuracy.pixels == pixels
        assert score.accuracy.overall_accuracy == pytest.approx(right / pixels)
    on_val = baseline.scores[0].accuracy
    assert on_val.support == tuple(map(sum, network["matrix"]))
    assert baseline.beside(on_val) is baseline.scores[0]


def test_a_training_without_one_removes_the_old_figures(chips, tmp_path):
    train(chips, tmp_path / "m", baseline=True, **QUICK)
    folder = train(chips, tmp_path / "m", overwrite=True, **QUICK)
    assert Baseline.read(folder) is None
    (folder / "baseline.json").write_text('{"method": {}, "scores": [{"samples": 3}]}')
    with pytest.raises(ModelError, match="train again with baseline=True"):
        Baseline.read(folder)


def test_what_cannot_be_scored_is_refused_before_anything_is_written(tmp_path, chips, monkeypatch):
    lone = write_chips(tmp_path / "lone.zarr", ["train"] * 3)
    with pytest.raises(ConfigError, match="no split 'val' or 'test'"):
        train(lone, tmp_path / "m", baseline=True, **QUICK)
    with pytest.raises(ConfigError, match="baseline is a forest of classes"):
        train(chips, tmp_path / "m", baseline=True, task="pixel_regression", **QUICK)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'geoloom\[baseline\]'"):
        train(chips, tmp_path / "m", baseline=True, **QUICK)
    assert not (tmp_path / "m").exists()


class Silent:
    """A listener that shows nothing."""

    quiet, interactive = True, False

    def say(self, text):
        raise AssertionError(text)

    @contextmanager
    def track(self, label):
        yield lambda done, total: None


def test_steps_show_it_beside_the_network_on_the_same_pixels_alone(chips, tmp_path):
    settings = {"width": 0.05, "epochs": 1, "batch_size": 4, "device": "cpu", "baseline": True}
    trained = Train(chips=chips.path, out=tmp_path / "m", **settings)
    result = trained.perform(Silent(), overwrite=False, resume=False)
    on_val, on_test = (score.accuracy for score in Baseline.read(tmp_path / "m").scores)
    assert result["forest_accuracy"] == on_val.overall_accuracy
    assert f"accuracy {on_val.overall_accuracy:.3f}" in trained.sentence(result).splitlines()[1]
    tested = Evaluate(model=tmp_path / "m", chips=chips.path)
    result = tested.perform(Silent(), overwrite=False, resume=False)
    assert result["forest_mean_f1"] == on_test.mean_f1
    assert f"forest accuracy {on_test.overall_accuracy:.3f}" in tested.sentence(result)
    other = write_chips(tmp_path / "other.zarr", ["test"] * 3, seed=9)
    elsewhere = Evaluate(model=tmp_path / "m", chips=other.path, out=tmp_path / "other.json")
    assert "forest_accuracy" not in elsewhere.perform(Silent(), overwrite=False, resume=False)
