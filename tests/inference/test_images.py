"""Tables of what a model that answers per image says of chips and pictures."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from geoloom.chips.store import ChipStore
from geoloom.cli import main
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, ModelError, WriteError
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.inference.images import predict_images
from geoloom.inference.predict import predict
from geoloom.models.card import ModelCard
from geoloom.models.registry import create_model
from geoloom.models.saved import save_model
from small_chips import write_chips


class Means:
    """The mean of each band."""

    bands = ()
    outputs = ValueOutputs(("red", "nir"), (None, None), per="image")

    def __call__(self, image_BCHW, valid_BHW):
        return image_BCHW.mean(dim=(2, 3))


class Brighter:
    """Which of two bands is brighter."""

    bands = ()
    outputs = ClassOutputs(Classes.of(["first", "second"]), per="image")

    def __call__(self, image_BCHW, valid_BHW):
        return image_BCHW[:, :2].mean(dim=(2, 3)).softmax(dim=1)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(1)
    for name in ("oak", "pine"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path / "pictures"


def test_chips_are_answered_with_their_footprints(tmp_path):
    store = write_chips(tmp_path / "chips.zarr", ["train"] * 3 + ["test"] * 2)
    path = store.path
    table = gpd.read_parquet(predict_images(Means(), path, tmp_path / "t.parquet", batch_size=2))
    means = [store.image(i).astype(np.float32).mean(axis=(1, 2)) for i in range(5)]
    assert table[["red", "nir"]].to_numpy() == pytest.approx(np.array(means), rel=1e-6)
    assert table["split"].tolist() == ["train"] * 3 + ["test"] * 2
    for i, outline in enumerate(table.geometry.to_crs(store.crs(0))):
        left, bottom, right, top = store.grid(i).boundingbox
        assert outline.bounds == pytest.approx((left, bottom, right, top), abs=1)
    layer = gpd.read_file(predict_images(Means(), path, tmp_path / "t.gpkg"))
    assert layer.geometry.iloc[0].equals_exact(table.geometry.iloc[0], 1e-9)
    plain = pd.read_csv(predict(Means(), path, tmp_path / "t.csv"))
    assert plain["west"].tolist() == pytest.approx(table.bounds["minx"].tolist())


@pytest.mark.parametrize("labelled", [True, False])
def test_pictures_are_answered_whether_their_classes_are_known_or_not(tmp_path, pictures, labelled):
    if not labelled:
        for number, file in enumerate(sorted(pictures.rglob("*.png"))):
            file.rename(pictures / f"{number}.png")
        for name in ("oak", "pine"):
            (pictures / name).rmdir()
    table = pd.read_csv(predict_images(Brighter(), pictures, tmp_path / "t.csv"))
    assert len(table) == 8
    for _, row in table.iterrows():
        means = np.asarray(Image.open(pictures / row["file"]), np.float64).mean(axis=(0, 1))[:2]
        assert row["class"] == ("first", "second")[means.argmax()]
        chance = torch.tensor(means).softmax(0).max().item()
        assert row["probability"] == pytest.approx(chance, rel=1e-4)
        assert row["p_first"] + row["p_second"] == pytest.approx(1)
    assert ("truth" in table) == labelled
    with pytest.raises(WriteError, match="no place on Earth"):
        predict_images(Brighter(), pictures, tmp_path / "t.gpkg")


def test_what_cannot_be_a_table_is_refused(tmp_path, pictures):
    with pytest.raises(WriteError, match=r"found .*map\.tif, expected \.csv, \.parquet, \.gpkg"):
        predict(Brighter(), pictures, tmp_path / "map.tif")
    with pytest.raises(ConfigError, match="vector is of maps"):
        predict(Brighter(), pictures, tmp_path / "t.csv", vector=tmp_path / "v.gpkg")
    with pytest.raises(ConfigError, match="expected one chip store or folder of pictures"):
        predict(Brighter(), [pictures, pictures], tmp_path / "t.csv")
    predict_images(Brighter(), pictures, tmp_path / "t.csv")
    with pytest.raises(WriteError, match="overwrite"):
        predict_images(Brighter(), pictures, tmp_path / "t.csv")

    class PerPixel(Brighter):
        outputs = ClassOutputs(Classes.of(["first", "second"]))

    with pytest.raises(ModelError, match="give a scene, and a map to write"):
        predict_images(PerPixel(), pictures, tmp_path / "u.csv")

    class Broken(Brighter):
        def __call__(self, image_BCHW, valid_BHW):
            return torch.full((len(image_BCHW), 2), torch.nan)

    with pytest.raises(ModelError, match="answered NaN or infinity"):
        predict_images(Broken(), pictures, tmp_path / "u.csv")
    assert not (tmp_path / "u.csv").exists()


def test_from_a_folder_of_pictures_to_a_table_on_the_command_line(tmp_path, pictures, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (
        "train pictures m --model timm/resnet10t --epochs 1 --size 32",
        "evaluate m pictures",
        "predict m pictures table.csv",
    ):
        monkeypatch.setattr("sys.argv", ["geoloom", *words.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (0, None), words
    write_chips(tmp_path / "chips.zarr", ["test"] * 3)
    save_model(
        tmp_path / "of-chips",
        create_model("timm/resnet10t", 2, outputs=Means.outputs),
        ModelCard(
            "timm/resnet10t", {}, ChipStore.open("chips.zarr").bands, Means.outputs, dtype="uint8"
        ),
    )
    for end in ("csv", "parquet", "gpkg"):
        monkeypatch.setattr("sys.argv", f"geoloom predict of-chips chips.zarr t.{end}".split())
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (0, None), end
    table = pd.read_csv(tmp_path / "table.csv")
    test = table[table["split"] == "test"]
    figures = json.loads((tmp_path / "m.test.json").read_text())
    assert figures["per"] == "image"
    assert figures["pixels"] == len(test)
    assert figures["overall_accuracy"] == pytest.approx((test["class"] == test["truth"]).mean())
