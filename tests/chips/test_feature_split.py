"""Polygons as wholes in one split each; a chip shows the labels of its own split alone."""

import logging
from types import SimpleNamespace

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.windows import Window
from scipy.ndimage import label
from small_scenes import write_scene

from geoloom.chips.cut import cut_chips
from geoloom.core.errors import ChipError, ConfigError
from geoloom.project.steps.chips import Chips
from geoloom.splits import FeatureSplit

OPTIONS = {"size": 24, "count": 120, "min_valid": 0.001, "seed": 1}
SPLITS = ("train", "test", "val")


@pytest.fixture
def scene(tmp_path):
    """Polygons of 4 x 5 pixels, far fewer than the pixels between them; one alone is water."""
    made = write_scene(tmp_path)
    codes = np.zeros_like(made.codes)
    for number, (row, col) in enumerate(np.ndindex(9, 10)):
        codes[row * 16 + 3 :, col * 17 + 4 :][:4, :5] = 1 if number % 3 else 2
    codes[19:23, 21:26] = 5
    return relabelled(made, codes)


def relabelled(made, codes):
    with rasterio.open(made.labels, "r+") as file:
        file.write(codes, 1)
    return SimpleNamespace(image=made.image, labels=made.labels, values=made.values, codes=codes)


def shown(store, codes):
    """By split, the valid pixels of the scene, bool; the stored codes are compared on the way."""
    found = {split: np.zeros(codes.shape, bool) for split in SPLITS}
    for row in store.table.to_dict("records"):
        i, window = row["index"], np.s_[row["row"] : row["row"] + 24, row["col"] : row["col"] + 24]
        valid = store.valid(i)
        assert valid.any()
        own = valid | ~store.observed(i)
        others = codes[window] * ~own
        np.testing.assert_array_equal(store.mask(i)[valid], codes[window][valid])
        assert not store.mask(i)[others > 0].any()
        found[row["split"]][window] |= valid
    return found


@pytest.mark.parametrize("strategy", ["random", "centred", "sequential"])
def test_no_polygon_is_in_two_splits_and_images_are_whole(scene, tmp_path, strategy):
    options = dict(OPTIONS)
    if strategy == "sequential":
        options |= {"strategy": "sequential", "count": None, "stride": 9}
    if strategy == "centred":
        options |= {"class_of_interest": "class 1"}
    split = FeatureSplit(stratify=True, seed=4)
    store = cut_chips(scene.image, tmp_path / "c.zarr", labels=scene.labels, split=split, **options)
    found = shown(store, scene.codes)
    patches = np.zeros(scene.codes.shape, int)
    for code in (1, 2, 5):
        own = label(scene.codes == code, np.ones((3, 3)))[0]
        patches[own > 0] = own[own > 0] + 1000 * code
    numbers = [set(np.unique(patches[found[name]])) for name in SPLITS]
    assert all(numbers)
    assert not numbers[0] & numbers[1]
    assert not numbers[0] & numbers[2]
    assert not numbers[1] & numbers[2]
    overlapping = 0
    for row in store.table.to_dict("records"):
        window = np.s_[row["row"] : row["row"] + 24, row["col"] : row["col"] + 24]
        seen = scene.values[0][window] != -1
        np.testing.assert_array_equal(store.observed(row["index"]), seen)
        overlapping += (seen & (scene.codes[window] > 0) & ~store.valid(row["index"])).any()
    assert overlapping  # of polygons of other splits, in whose place nothing is labelled


def test_stratified_splits_have_their_share_of_each_class(scene, tmp_path, caplog):
    split = FeatureSplit(stratify=True)
    with caplog.at_level(logging.WARNING):
        store = cut_chips(
            scene.image, tmp_path / "c.zarr", labels=scene.labels, split=split,
            size=24, strategy="sequential", stride=6, min_valid=0,
        )  # fmt: skip
    assert "class 5 has 1 polygon, and none for test and val: label more of it" in caplog.text
    found = shown_or_empty(store, scene.codes)
    for code, share in ((1, 0.2), (2, 0.2)):
        total = sum((scene.codes[found[name]] == code).sum() for name in SPLITS)
        assert (scene.codes[found["test"]] == code).sum() / total == pytest.approx(share, abs=0.06)


def shown_or_empty(store, codes):
    found = {split: np.zeros(codes.shape, bool) for split in SPLITS}
    for row in store.table.to_dict("records"):
        window = np.s_[row["row"] : row["row"] + 24, row["col"] : row["col"] + 24]
        found[row["split"]][window] |= store.valid(row["index"])
    return found


def test_a_polygon_on_two_scenes_is_one(scene, tmp_path):
    """The second scene is a part of the first, of another date."""
    parts = []
    for path in (scene.image, scene.labels):
        with rasterio.open(path) as file:
            window = Window(20, 10, 120, 110)
            profile = file.profile | {"width": 120, "height": 110}
            profile["transform"] = file.window_transform(window)
            parts.append(tmp_path / f"part_{path.name}")
            with rasterio.open(parts[-1], "w", **profile) as part:
                part.write(file.read(window=window))
    images, labels = [scene.image, parts[0]], [scene.labels, parts[1]]
    split = FeatureSplit(seed=2)
    store = cut_chips(images, tmp_path / "c.zarr", labels=labels, split=split, **OPTIONS)
    found = {split: np.zeros(scene.codes.shape, int) for split in SPLITS}
    sources = set()
    for row in store.table.to_dict("records"):
        off = (10, 20) if row["source"].startswith("part") else (0, 0)
        top, left = row["row"] + off[0], row["col"] + off[1]
        found[row["split"]][top : top + 24, left : left + 24] |= store.valid(row["index"])
        sources.add(row["source"])
    assert len(sources) == 2
    assert (sum(found.values()) <= 1).all()


def test_too_large_a_min_valid_names_one_that_works(scene, tmp_path):
    asked = {**OPTIONS, "min_valid": 0.5, "labels": scene.labels, "split": FeatureSplit()}
    with pytest.raises(ChipError, match=r"labels are sparse: .*--min-valid 0\.0") as refusal:
        cut_chips(scene.image, tmp_path / "c.zarr", **asked)
    least = float(str(refusal.value).split("--min-valid ")[1].split(",")[0])
    assert 0 < least < 0.5
    assert len(cut_chips(scene.image, tmp_path / "d.zarr", **asked | {"min_valid": least})) > 40


def test_what_has_no_polygons_is_refused(scene, tmp_path):
    with pytest.raises(ConfigError, match="needs labels of classes"):
        cut_chips(
            scene.image, tmp_path / "c.zarr", labels=scene.labels, label_kind="values",
            split=FeatureSplit(), **OPTIONS,
        )  # fmt: skip
    with pytest.raises(ConfigError, match="sum below 1"):
        FeatureSplit(test=0.6, val=0.4)
    step = Chips(scene=scene.image, labels=scene.labels, out="c.zarr", stratify=True)
    assert ("stratify", "goes with split feature, not block") in list(step.problems())


def test_two_polygons_are_too_few_for_three_splits(scene, tmp_path):
    few = np.zeros_like(scene.codes)
    few[30:34, 30:34] = 1
    few[34:40, 34:40] = 1  # touches the first at a corner: one polygon
    few[80:90, 80:90] = 2
    few = relabelled(scene, few)
    with pytest.raises(ChipError, match=r"polygons found: 2 \(.*\), fewer than the 3 splits"):
        cut_chips(
            few.image, tmp_path / "c.zarr", labels=few.labels, split=FeatureSplit(), **OPTIONS
        )


def test_polygons_of_one_feature_are_in_one_split(scene, tmp_path):
    """Each feature has two polygons, in corners far apart, on labels that are a vector layer."""
    with rasterio.open(scene.image) as file:
        a, _, c, _, e, f = file.transform[:6]
    boxes = [
        shapely.box(c + a * col, f + e * (row + 5), c + a * (col + 4), f + e * row)
        for row in range(10, 140, 30)
        for col in range(40, 160, 20)
    ]
    pairs = list(zip(boxes[:15], boxes[:14:-1], strict=True))
    table = geopandas.GeoDataFrame(
        {"class": ["a", "b", "c"] * 5},
        geometry=[shapely.MultiPolygon(pair) for pair in pairs],
        crs="EPSG:32722",
    )
    labels = tmp_path / "plots.gpkg"
    table.to_file(labels)
    rule = FeatureSplit(test=0.3, val=0.3, seed=3)
    store = cut_chips(scene.image, tmp_path / "c.zarr", labels=labels, split=rule, **OPTIONS)
    splits = [set() for _ in pairs]
    for row in store.table.to_dict("records"):
        valid = store.valid(row["index"])
        x, y = (np.argwhere(valid)[:, ::-1] + (row["col"], row["row"]) + 0.5).T
        for number, pair in enumerate(pairs):
            if shapely.contains_xy(shapely.MultiPolygon(pair), c + a * x, f + e * y).any():
                splits[number].add(row["split"])
    assert all(len(names) <= 1 for names in splits)
    assert set().union(*splits) == set(SPLITS)
