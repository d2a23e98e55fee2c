"""The recipe for few labels: when it is taken, what of it, and what it says."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.ndimage import label

from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.cli.app import app
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError
from geoloom.evaluation.evaluate import evaluate
from geoloom.models.saved import load_model
from geoloom.tasks.checkpoints import read_checkpoint
from geoloom.tasks.recipes import few_labels
from geoloom.tasks.recipes.chosen import with_recipe
from geoloom.tasks.recipes.few_labels import is_sparse
from geoloom.tasks.recipes.ground import LabelledGround, labelled_ground
from geoloom.tasks.train import train
from geoloom.tasks.training.config import TrainConfig
from geoloom.tasks.training.plan import TrainingPlan

SIDE = 96
SIZE = 24
TAKEN = {
    "epochs": 20,
    "average": 0.25,
    "keep": "last",
    "jitter": 0.3,
    "class_weights": "balanced",
    "recipe": "few_labels",
}
"""For 48 chips in batches of 16: three steps an epoch."""


def land(rng):
    """Image (2, H, W) uint8 and truth: forest and fields, which brightness tells apart but for some noise."""
    rows, cols = np.mgrid[:SIDE, :SIDE]
    fields = np.sin(rows / 11) + np.cos(cols / 9) > 0
    image = rng.normal(100, 12, (2, SIDE, SIDE)) + np.stack([25 * fields, -25 * fields])
    return image.clip(0, 255).astype("uint8"), np.where(fields, 2, 1).astype("uint8")


def squares(rng, count):
    """Labelled ground, bool (H, W): squares of four pixels."""
    labelled = np.zeros((SIDE, SIDE), bool)
    for row, col in rng.integers(0, SIDE - 4, (count, 2)):
        labelled[row : row + 4, col : col + 4] = True
    return labelled


def few(path, *, count=24, chips=48, transparent=(), seed=0):
    """Overlapping chips of one scene with a few labelled squares; those of `test` are labelled throughout."""
    rng = np.random.default_rng(seed)
    image, truth = land(rng)
    labelled = squares(rng, count)
    classes = replace(Classes.of(["forest", "fields"], codes=[1, 2]), transparent=transparent)
    with ChipWriter(
        path, channels=2, size=SIZE, dtype="uint8", bands=["red", "nir"], classes=classes
    ) as writer:
        for i in range(chips + 8):
            row, col = rng.integers(0, SIDE - SIZE, 2)
            split = "train" if i < chips else "val" if i < chips + 2 else "test"
            window = np.s_[row : row + SIZE, col : col + SIZE]
            known = labelled if split == "train" else np.ones_like(labelled)
            writer.add(
                image[:, *window], truth[window], labelled=known[window], crs="EPSG:32622", split=split,
                source="scene.tif", row=int(row), col=int(col),
                transform=(30, 0, 30.0 * col, 0, -30, -30.0 * row),
            )  # fmt: skip
    return ChipStore.open(path)


def test_each_pixel_of_the_ground_counts_once(tmp_path):
    store = few(tmp_path / "chips.zarr")
    train_chips = store.indices("train")
    ground, shown = np.zeros((SIDE, SIDE), int), np.zeros((SIDE, SIDE), bool)
    for row in store.table.iloc[train_chips].itertuples():
        window = np.s_[row.row : row.row + SIZE, row.col : row.col + SIZE]
        shown[window] = True
        known = store.valid(row.Index)
        ground[window][known] = store.mask(row.Index)[known]
    around = np.ones((3, 3))
    places = sum(label(ground == code, around)[1] for code in (1, 2))
    labels = labelled_ground(store, train_chips, 10_000)
    assert (labels.places, labels.pixels) == (places, (ground > 0).sum())
    assert labels.shown == pytest.approx(shown.sum(), rel=0.1)
    assert labelled_ground(store, train_chips, labels.pixels) == labels
    assert labelled_ground(store, train_chips, labels.pixels - 1) is None


@pytest.mark.parametrize(
    ("ground", "expected"),
    [
        (LabelledGround(20, 4_000, 40_000), True),
        (LabelledGround(99, 49_999, 100_000), True),
        (LabelledGround(100, 4_000, 40_000), False),
        (LabelledGround(20, 4_000, 8_000), False),
        (None, False),
    ],
    ids=str,
)
def test_labels_are_few_where_places_and_their_share_are(ground, expected):
    assert is_sparse(ground) is expected


def test_settings_that_are_given_win(tmp_path, caplog):
    plan = TrainingPlan.of(few(tmp_path / "chips.zarr"))
    chosen = with_recipe(TrainConfig(), plan)
    assert chosen == TrainConfig(options={"depth": 1}, **TAKEN)
    assert with_recipe(TrainConfig(recipe="none"), plan) == TrainConfig(recipe="none")
    for name, own in (
        ("epochs", 50), ("average", 0.0), ("keep", "best"), ("jitter", 0.0), ("class_weights", None),
    ):  # fmt: skip
        expected = TrainConfig(options={"depth": 1}, **{**TAKEN, name: own})
        assert with_recipe(TrainConfig(**{name: own}), plan) == expected
    jittered = TrainConfig(augment=["all", "jitter:strength=0.1"])
    assert with_recipe(jittered, plan).jitter == 0
    own = TrainConfig(options={"depth": 3}, width=0.1)
    assert with_recipe(own, plan).network_options == {"depth": 3, "width": 0.1}
    # What is taken once is given: it is not chosen anew.
    assert with_recipe(chosen, plan) == chosen
    first = caplog.records[0].getMessage()
    for part in (
        "few labels: ",
        " places of together ",
        "--option depth=1 (",
        "--keep last (",
        "--recipe none",
    ):
        assert part in first


def test_ordinary_labels_and_other_networks_take_none(tmp_path, chips, caplog):
    labels = few(tmp_path / "few.zarr")
    for given, store in (({}, chips), ({"model": "fcn32s"}, labels)):
        chosen = with_recipe(TrainConfig(**given), TrainingPlan.of(store))
        assert chosen == TrainConfig(**given, recipe="none")
    assert not caplog.records
    asked = with_recipe(TrainConfig(recipe="few_labels"), TrainingPlan.of(chips))
    assert (asked.keep, asked.network_options) == ("last", {"depth": 1})
    with pytest.raises(ConfigError, match="recipe few_labels is for classes of pixels"):
        with_recipe(TrainConfig(recipe="few_labels", model="fcn32s"), TrainingPlan.of(labels))


def test_a_background_takes_it_on_request_alone_and_keeps_its_share(tmp_path):
    plan = TrainingPlan.of(few(tmp_path / "chips.zarr", transparent=("fields",)))
    assert with_recipe(TrainConfig(), plan) == TrainConfig(recipe="none")
    chosen = with_recipe(TrainConfig(recipe="few_labels"), plan)
    assert chosen.keep == "last"
    assert chosen.class_weights is None


def test_a_training_takes_it_by_itself(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(few_labels, "STEPS", 24)
    expected = {**TAKEN, "epochs": 8}
    store = few(tmp_path / "chips.zarr")
    caplog.set_level(logging.WARNING)
    folder = train(store, tmp_path / "model", width=0.1, progress=False, device="cpu")
    assert "few labels" in caplog.text
    record = json.loads((folder / "training.json").read_text())["config"]
    assert {name: record[name] for name in expected} == expected
    assert record["options"]["depth"] == 1
    assert json.loads((folder / "model.json").read_text())["config"]["keep"] == "last"
    assert len(json.loads((folder / "history.json").read_text())) == expected["epochs"]
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["last.ckpt"]
    weights = read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"]
    model = load_model(folder, "cpu")
    for name, value in model.network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), weights[f"mean.{name}"].numpy())
    assert evaluate(folder, store, device="cpu").overall_accuracy > 0.8
    # From the shell the same settings come; resumed, it is left as it is.
    words = [
        "train",
        str(store.path),
        str(folder),
        "--width",
        "0.1",
        "--device",
        "cpu",
        "--resume",
        "-q",
    ]
    assert CliRunner().invoke(app, words).exit_code == 0
    refused = CliRunner().invoke(app, [*words, "--recipe", "none"])
    assert "keep: 'last' -> 'best'" in refused.output
