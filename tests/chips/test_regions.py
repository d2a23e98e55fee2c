"""Ground given to splits by hand, several regions each; classes that a split lacks are named."""

from __future__ import annotations

import geopandas
import pytest
import shapely
from click.testing import CliRunner
from small_scenes import write_scene

from geoloom.chips.cut import cut_chips
from geoloom.chips.store import ChipStore
from geoloom.cli.app import app
from geoloom.core.errors import ConfigError
from geoloom.project.steps.chips import Chips
from geoloom.splits import RoiSplit, ScenePart

OPTIONS = {"size": 10, "strategy": "sequential", "min_valid": 0.5}
LEFT, TOP = 500_000.0, 9_000_000.0  # of pixels of 30 m, 150 rows of 170


def pixels(left, top, right, bottom):
    return shapely.box(LEFT + 30 * left, TOP - 30 * bottom, LEFT + 30 * right, TOP - 30 * top)


def layer(path, *shapes):
    geopandas.GeoDataFrame(geometry=list(shapes), crs="EPSG:32722").to_file(path)
    return path


@pytest.fixture
def scene(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layer("north.gpkg", pixels(0, 0, 60, 40), pixels(100, 0, 170, 40))
    layer("middle.gpkg", pixels(0, 50, 170, 90))
    layer("south.gpkg", pixels(60, 100, 170, 140))
    return write_scene(tmp_path)


def places(store):
    table = store.table
    return {
        (row["row"], row["col"], row["split"]) for row in table.to_dict("records")
    }  # fmt: skip


def test_files_of_several_polygons_and_several_files_are_one_ground(scene):
    split = RoiSplit({"train": ["north.gpkg", "south.gpkg"], "test": "middle.gpkg"})
    store = cut_chips(scene.image, "python.zarr", labels=scene.labels, split=split, **OPTIONS)
    ground = {
        "train": shapely.union_all(
            [pixels(0, 0, 60, 40), pixels(100, 0, 170, 40), pixels(60, 100, 170, 140)]
        ),
        "test": pixels(0, 50, 170, 90),
    }
    for row, col, name in places(store):
        assert ground[name].buffer(1e-3).covers(pixels(col, row, col + 10, row + 10))
    assert {name for *_, name in places(store)} == set(ground)
    names = ["train=north.gpkg", "test=middle.gpkg", "train=south.gpkg"]
    regions = [word for name in names for word in ("--region", name)]
    words = [str(scene.image), str(scene.labels), "shell.zarr", "--split", "regions", "--val", "0"]
    how = ["--size", "10", "--strategy", "sequential", "--min-valid", "0.5"]
    done = CliRunner().invoke(app, ["chips", *words, *how, *regions])
    assert done.exit_code == 0, done.stderr
    assert places(ChipStore.open("shell.zarr")) == places(store)
    regions = {"train": ["north.gpkg", "south.gpkg"], "test": "middle.gpkg"}
    step = Chips(
        scene=scene.image, labels=scene.labels, out="c.zarr", split="regions", regions=regions
    )
    files = [path.name for name, path in step.inputs() if name == "regions"]
    assert sorted(files) == ["middle.gpkg", "north.gpkg", "south.gpkg"]


def test_several_parts_of_every_scene(scene):
    halves = {"train": [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], "test": [0.5, 0, 1, 0.5]}
    named = {"train": ["left"], "test": "right"}
    files = {"scene": scene.image, "labels": scene.labels, "out": "c.zarr", "split": "regions"}
    step = Chips(**files, regions=halves)
    assert step.regions["train"] == ((0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1))
    assert step.regions["test"] == ((0.5, 0, 1, 0.5),)
    assert Chips(**files, regions=named).regions == {"train": ("left",), "test": ("right",)}
    assert [name for name, _ in Chips(**files, regions={"train": "lfet"}).problems()] == ["regions"]
    split = RoiSplit(
        {
            "train": [ScenePart(0, 0, 0.5, 0.5), ScenePart(0.5, 0.5, 1, 1)],
            "test": ScenePart(0.5, 0, 1, 0.5),
        }
    )
    assert split.shares() == pytest.approx((2 / 3, 1 / 3, 0))
    store = cut_chips(scene.image, "c.zarr", labels=scene.labels, split=split, **OPTIONS)
    assert all((name == "train") == ((row < 75) == (col < 85)) for row, col, name in places(store))
    with pytest.raises(ConfigError, match="give all of one kind"):
        RoiSplit({"train": [ScenePart(0, 0, 0.5, 1)], "test": "middle.gpkg"})


def test_a_class_that_a_split_lacks_is_named(scene, caplog):
    split = RoiSplit({"train": ["north.gpkg", "middle.gpkg"], "test": "south.gpkg"})
    cut_chips(scene.image, "c.zarr", labels=scene.labels, split=split, **OPTIONS)
    assert "no chip for test shows class 5" in caplog.text
    assert caplog.text.count("no chip for") == 1
