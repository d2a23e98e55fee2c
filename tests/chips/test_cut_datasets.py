"""Chips are cut from whatever is opened as a dataset, each scene on its own pixels."""

from __future__ import annotations

import json
from contextlib import contextmanager

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from small_scenes import write_scene

import geoloom as gl
from geoloom.chips.cut import cut_chips
from geoloom.chips.inputs import join_layers
from geoloom.chips.store import ChipStore
from geoloom.core.errors import ChipError, ConfigError
from geoloom.core.outline import footprint
from geoloom.datasets import RasterDataset
from geoloom.project.perform import perform
from geoloom.project.project_file import read_project
from geoloom.splits.rules import BlockSplit

FAR = (600_000.0, 9_000_000.0)
SEQUENTIAL = {"strategy": "sequential", "split": None, "min_valid": 0}


@pytest.fixture
def folders(tmp_path):
    """Two scenes far apart in one folder, their labels in another."""
    made = {}
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for name, shape, origin in (
        ("one", (150, 170), (500_000.0, 9e6)),
        ("two", (90, 110), FAR),
    ):
        scene = write_scene(tmp_path, name, shape=shape, origin=origin)
        scene.image.rename(tmp_path / "images" / scene.image.name)
        scene.labels.rename(tmp_path / "labels" / scene.labels.name)
        made[name] = scene
    return tmp_path / "images", tmp_path / "labels", made


class _Quiet:
    """A listener that ignores everything."""

    quiet, interactive = True, False

    def say(self, text):
        pass

    @contextmanager
    def track(self, label):
        yield lambda done, total: None


def _check(store, scenes):
    """Every chip equals the window of the arrays of the scene that its source names."""
    height, width = store.size
    table = store.table
    for i, source, row, col in zip(
        table["index"], table["source"], table["row"], table["col"], strict=True
    ):
        scene = next(s for name, s in scenes.items() if name in source)
        window = np.s_[row : row + height, col : col + width]
        seen = scene.values[0][window] != -1
        np.testing.assert_array_equal(
            store.image(i)[:2], np.where(seen, scene.values[:, *window], 0)
        )
        if store.has_labels:
            np.testing.assert_array_equal(store.valid(i), seen & (scene.codes[window] != 0))


def test_a_folder_of_scenes_is_cut_scene_by_scene(folders, tmp_path):
    images, labels, scenes = folders
    store = cut_chips(images, tmp_path / "c.zarr", labels=labels, size=20, **SEQUENTIAL)
    assert sorted(store.table["source"].value_counts()) == [5 * 6, 8 * 9]
    assert set(store.sources) == set(store.table["source"])
    _check(store, scenes)


def test_random_chips_of_a_folder_keep_apart(folders, tmp_path):
    images, labels, scenes = folders
    store = cut_chips(
        images, tmp_path / "c.zarr", labels=labels, size=16, count=60, balanced=True,
        split=BlockSplit(buffer_px=4),
    )  # fmt: skip
    assert store.splits == {"train": 36, "test": 12, "val": 12}
    _check(store, scenes)


def test_a_dataset_of_images_and_labels_is_taken_as_it_is(folders, tmp_path):
    images, labels, scenes = folders
    dataset = gl.open(images) & gl.open(labels, is_image=False)
    store = cut_chips(dataset, tmp_path / "c.zarr", size=20, count=30, split=None)
    assert len(store) == 30
    _check(store, scenes)
    with pytest.raises(ConfigError, match="give them when it is made"):
        cut_chips(dataset, tmp_path / "d.zarr", size=20, count=3, bands=["row"])


def test_labels_as_polygons(tmp_path):
    scene = write_scene(tmp_path)
    left = shapely.box(500_000, 9_000_000 - 30 * 150, 500_000 + 30 * 60, 9_000_000)
    geopandas.GeoDataFrame(geometry=[left], crs="EPSG:32722").to_file(tmp_path / "l.gpkg")
    store = cut_chips(
        scene.image, tmp_path / "c.zarr", labels=tmp_path / "l.gpkg", size=20, strategy="sequential",
        split=None, min_valid=0.9,
    )  # fmt: skip
    assert set(store.table["col"]) == {0, 20, 40}
    assert store.mask(0).min() == store.mask(0).max() == 1


def test_a_stac_item(tmp_path):
    scene = write_scene(tmp_path)
    with rasterio.open(scene.image) as file:
        grid = gl.GeoBox(file.shape, file.transform, file.crs.to_string())
    outline = footprint(grid)
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "item", "links": [],
        "geometry": shapely.geometry.mapping(outline), "bbox": list(outline.bounds),
        "properties": {
            "datetime": "2020-05-01T10:00:00Z", "proj:code": "EPSG:32722",
            "proj:shape": list(grid.shape), "proj:transform": list(grid.affine[:6]),
        },
        "assets": {"image": {"href": str(scene.image), "type": "image/tiff; application=geotiff",
                             "roles": ["data"]}},
    }  # fmt: skip
    (tmp_path / "item.json").write_text(json.dumps(item))
    store = cut_chips(
        tmp_path / "item.json", tmp_path / "c.zarr", labels=scene.labels, size=30, **SEQUENTIAL
    )
    assert len(store) == 5 * 6
    assert str(store.when(0).start.date()) == "2020-05-01"
    row, col = store.table[["row", "col"]].iloc[7]
    assert store.image(7)[0, 3, 4] == scene.values[0][row + 3, col + 4]


def test_layers_of_a_project_file_are_put_together(tmp_path):
    scene = write_scene(tmp_path)
    with rasterio.open(scene.image) as file:
        heights, profile = file.read(1) * 2, file.profile
    with rasterio.open(tmp_path / "heights.tif", "w", **{**profile, "count": 1}) as file:
        file.write(heights, 1)
    project = tmp_path / "project.yaml"
    project.write_text(
        "steps:\n  - chips:\n"
        f"      scene: [[{scene.image}, {tmp_path / 'heights.tif'}]]\n"
        f"      labels: {scene.labels}\n"
        f"      out: {tmp_path / 'c.zarr'}\n"
        "      size: 20\n      count: 20\n      split: none\n"
    )
    (step,) = read_project(project).steps
    assert [path.name for _, path in step.inputs()] == [
        "scene.tif", "heights.tif", "scene_labels.tif",
    ]  # fmt: skip
    assert step.settings()["scene"] == [["scene.tif", "heights.tif"]]
    perform(step, _Quiet(), overwrite=False, resume=False)
    store = ChipStore.open(tmp_path / "c.zarr")
    assert store.channels == 3
    assert len(store) == 20
    _check(store, {"scene": scene})
    image = store.image(0)
    np.testing.assert_array_equal(image[2], image[0] * 2)


def test_overlapping_dates_do_not_fill_each_other(tmp_path):
    """Files given one by one are scenes of their own, though they lie on the same ground."""
    one, two = write_scene(tmp_path, "one"), write_scene(tmp_path, "two")
    with rasterio.open(two.image, "r+") as file:
        file.write(np.where(two.values == -1, -1, two.values + 1000).astype(np.int16))
    store = cut_chips(
        [one.image, two.image], tmp_path / "c.zarr", labels=[one.labels, two.labels], size=30, **SEQUENTIAL
    )  # fmt: skip
    seen = {name: [] for name in ("one.tif", "two.tif")}
    for i, source in zip(store.table["index"], store.table["source"], strict=True):
        seen[source].append(store.image(i).max())
    assert max(seen["one.tif"]) <= 1000 < max(seen["two.tif"])


def test_scenes_smaller_than_a_chip_are_left_out_of_a_folder(folders, tmp_path, caplog):
    images, labels, _ = folders
    store = cut_chips(images, tmp_path / "c.zarr", labels=labels, size=100, **SEQUENTIAL)
    assert len(store.sources) == 1
    assert "1 of 2 scenes are smaller than a chip" in caplog.text
    with pytest.raises(ChipError, match="150 x 170 pixels holds no chip"):
        cut_chips(images, tmp_path / "d.zarr", labels=labels, size=500, **SEQUENTIAL)


def test_bands_of_one_name_are_kept_apart(tmp_path):
    scene = write_scene(tmp_path)
    with rasterio.open(scene.image, "r+") as file:
        file.descriptions = ("same", "same")
    store = cut_chips(scene.image, tmp_path / "c.zarr", size=30, **SEQUENTIAL)
    assert store.band_names == ("same (1)", "same (2)")
    np.testing.assert_array_equal(store.image(0), scene.values[:, :30, :30])


def test_layers_are_an_intersection(tmp_path):
    scene = write_scene(tmp_path)
    joined = join_layers([scene.image, scene.labels])
    image = RasterDataset(str(scene.image), is_image=True)
    assert joined == image & RasterDataset(str(scene.labels), is_image=True)
