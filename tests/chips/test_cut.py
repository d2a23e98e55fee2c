"""Chips hold the pixels of the place that they say they are from, and lie where they were ordered."""

from __future__ import annotations

import logging

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from small_scenes import CODES, write_scene

from geoloom.chips.cut import cut_chips
from geoloom.chips.reconstitute import reconstitute
from geoloom.chips.store import ChipStore
from geoloom.core.classes import Classes
from geoloom.core.errors import ChipError, ConfigError, GridError, WriteError
from geoloom.samplers.drawing.windows import sequential_windows
from geoloom.splits import BlockSplit, CellSplit, RandomSplit, SplitReport

CLASSES = Classes.of(list(CODES.values()), list(CODES))


@pytest.fixture
def scene(tmp_path):
    return write_scene(tmp_path)


def _check_against(store, scene):
    """Every chip equals the window of the arrays that its table row names."""
    table = store.table
    height, width = store.size
    for i, row, col in zip(table["index"], table["row"], table["col"], strict=True):
        window = np.s_[row : row + height, col : col + width]
        seen = scene.values[0][window] != -1
        np.testing.assert_array_equal(store.observed(i), seen)
        np.testing.assert_array_equal(store.image(i), np.where(seen, scene.values[:, *window], 0))
        if store.classes is not None:
            codes = scene.codes[window]
            np.testing.assert_array_equal(store.valid(i), seen & (codes != 0))
            np.testing.assert_array_equal(store.mask(i), codes)
        a, _, c, _, e, f = store.transform(i)
        assert (c, f) == (500_000 + 30 * col, 9_000_000 - 30 * row)
        assert (a, e) == (30, -30)


@given(
    shape=st.tuples(st.integers(5, 40), st.integers(5, 40)),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    data=st.data(),
)
def test_sequential_windows_are_whole_and_cover_every_pixel(shape, size, data):
    stride = tuple(data.draw(st.integers(1, n)) for n in size)
    seen = np.zeros(shape, bool)
    windows = sequential_windows(shape, size, stride)
    for row, col in windows:
        assert row + size[0] <= shape[0]
        assert col + size[1] <= shape[1]
        seen[row : row + size[0], col : col + size[1]] = True
    assert seen.all()
    assert len(np.unique(windows, axis=0)) == len(windows)


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "sequential", "split": None, "min_valid": 0},
        {"strategy": "random", "count": 30},
        {"strategy": "random", "count": 24, "balanced": True, "split": None},
        {"strategy": "sequential", "stride": 16, "split": BlockSplit(test=0.2, val=0)},
    ],
)
def test_chips_hold_the_pixels_of_their_place(tmp_path, scene, options):
    store = cut_chips(scene.image, tmp_path / "c.zarr", labels=scene.labels, size=24, **options)
    assert store.band_names == ("row", "col")
    _check_against(store, scene)


def test_random_gives_the_count_and_equal_seeds_the_same(tmp_path, scene):
    def places(name, seed):
        store = cut_chips(scene.image, tmp_path / name, size=20, count=50, seed=seed)
        assert store.splits == {"train": 30, "test": 10, "val": 10}
        return store.table[["row", "col", "split"]].to_numpy().tolist()

    first, again, other = places("a.zarr", 1), places("b.zarr", 1), places("c.zarr", 2)
    assert first == again != other
    assert len({tuple(place[:2]) for place in first}) == 50


def test_class_of_interest_is_in_the_middle(tmp_path, scene):
    store = cut_chips(
        scene.image, tmp_path / "c.zarr", labels=scene.labels, size=9, count=40, split=None,
        classes=CLASSES, class_of_interest="water",
    )  # fmt: skip
    assert [store.mask(i)[4, 4] for i in range(40)] == [5] * 40


def test_balanced_centres_as_many_on_each_class(tmp_path, scene):
    store = cut_chips(
        scene.image, tmp_path / "c.zarr", labels=scene.labels, size=9, count=60, split=None,
        classes=CLASSES, balanced=True,
    )  # fmt: skip
    middle = [int(store.mask(i)[4, 4]) for i in range(60)]
    # Chips at the scene's edge are moved inward, so that their middle may be another class.
    for code in CODES:
        assert abs(middle.count(code) - 20) <= 3


def test_every_centre_of_a_class_is_equally_likely(tmp_path, scene):
    rng = np.random.default_rng(0)
    store = cut_chips(
        scene.image, tmp_path / "c.zarr", labels=scene.labels, size=3, count=900, split=None,
        classes=CLASSES, class_of_interest="water", seed=int(rng.integers(99)),
    )  # fmt: skip
    table = store.table
    # Water lies in rows 40..59 and all columns.
    counts, _ = np.histogram(table["col"], bins=10, range=(0, 170))
    assert counts.min() > 90 - 5 * 9
    assert table["row"].between(39, 58).all()


def test_chips_with_too_much_nodata_are_left_out(tmp_path, scene, caplog):
    with caplog.at_level(logging.WARNING):
        store = cut_chips(
            scene.image,
            tmp_path / "c.zarr",
            size=30,
            strategy="sequential",
            split=None,
            min_valid=0.5,
        )
    assert len(store) == 5 * 6 - 1  # the nodata corner is one chip
    assert "29 of 30" in caplog.text
    assert all(store.observed(i).mean() >= 0.5 for i in range(len(store)))


def test_class_zero_counts_where_it_is_a_class(tmp_path, scene):
    with rasterio.open(scene.labels, "r+") as file:
        file.nodata = None
    store = cut_chips(
        scene.image, tmp_path / "c.zarr", labels=scene.labels, size=30, strategy="sequential",
        split=None, min_valid=0,
    )  # fmt: skip
    assert store.classes.codes == (0, 1, 2, 5)
    assert store.valid(0).all()


def test_labels_in_another_crs_and_resolution_are_read_onto_the_scene(tmp_path, scene):
    # pyproj is the outside truth: the label under each pixel's centre.
    rows, cols = np.mgrid[: scene.codes.shape[0], : scene.codes.shape[1]]
    lon, lat = Transformer.from_crs("EPSG:32722", "EPSG:4326", always_xy=True).transform(
        500_000 + 30 * (cols + 0.5), 9_000_000 - 30 * (rows + 0.5)
    )
    left, top, step = lon.min() - 0.001, lat.max() + 0.001, 0.00023
    shape = int((top - lat.min()) / step) + 2, int((lon.max() - left) / step) + 2
    labels = (np.indices(shape).sum(0) // 7 % 3).astype(np.uint8)
    truth = labels[((top - lat) / step).astype(int), ((lon - left) / step).astype(int)]
    path = tmp_path / "degrees.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=shape[0], width=shape[1], count=1, dtype="uint8",
        crs="EPSG:4326", transform=Affine(step, 0, left, 0, -step, top), nodata=0,
    ) as file:  # fmt: skip
        file.write(labels, 1)
    store = cut_chips(
        scene.image, tmp_path / "c.zarr", labels=path, size=30, strategy="sequential", split=None,
        min_valid=0,
    )  # fmt: skip
    found = np.stack([store.mask(i) for i in range(len(store))])
    places = zip(store.table["row"], store.table["col"], strict=True)
    np.testing.assert_array_equal(found, [truth[r : r + 30, c : c + 30] for r, c in places])


def test_chips_around_points_of_another_crs(tmp_path, scene):
    # One point a known pixel's centre, one near the edge, one outside, one twice.
    x = [500_000 + 30 * (80 + 0.5), 500_000 + 30 * 1.5, 400_000, 500_000 + 30 * (80 + 0.5)]
    y = [9_000_000 - 30 * (70 + 0.5), 9_000_000 - 30 * 2.5, 9_000_000, 9_000_000 - 30 * (70 + 0.5)]
    points = geopandas.GeoDataFrame(geometry=shapely.points(x, y), crs="EPSG:32722")
    points.to_crs("EPSG:4326").to_file(tmp_path / "points.gpkg")
    store = cut_chips(
        scene.image, tmp_path / "c.zarr", size=11, strategy="centroids", split=None,
        points=tmp_path / "points.gpkg",
    )  # fmt: skip
    assert store.table[["row", "col"]].to_numpy().tolist() == [[0, 0], [65, 75]]
    assert store.image(1)[:, 5, 5].tolist() == [71, 81]


def test_several_scenes_in_one_store(tmp_path):
    one = write_scene(tmp_path, "one")
    two = write_scene(tmp_path, "two", shape=(60, 90), origin=(600_000.0, 9_000_000.0))
    store = cut_chips(
        [one.image, two.image], tmp_path / "c.zarr", labels=[one.labels, two.labels], size=20,
        strategy="sequential", split=None, min_valid=0,
    )  # fmt: skip
    assert store.table["source"].value_counts().to_dict() == {"one.tif": 8 * 9, "two.tif": 3 * 5}
    for name, scene in (("one", one), ("two", two)):
        out = reconstitute(
            store, tmp_path / f"{name}_again.tif", content="image", source=f"{name}.tif", nodata=-1
        )
        with rasterio.open(out) as file, rasterio.open(scene.image) as original:
            np.testing.assert_array_equal(file.read(), original.read())
            assert (file.transform, file.crs) == (original.transform, original.crs)


def test_a_gap_that_is_too_small_leaves_no_store(tmp_path, scene):
    """Chips of blocks keep the buffer of 4 pixels of 30 m; UTM's scale is 0.9996 to 1.001."""
    rule = BlockSplit(buffer_px=4)
    options = {"labels": scene.labels, "size": 16, "count": 60, "split": rule}
    store = cut_chips(scene.image, tmp_path / "a.zarr", min_gap_m=118, **options)
    report = SplitReport.of(store)
    assert report.samples == {name: store.splits[name] for name in ("train", "val", "test")}
    assert min(pair.gap_m for pair in report.pairs) >= 118
    assert all(pair.overlap_km2 == 0 for pair in report.pairs)
    with pytest.raises(ConfigError, match=r"m apart, expected at least 9000: .*\(\d+, \d+\) and "):
        cut_chips(scene.image, tmp_path / "b.zarr", min_gap_m=9000, **options)
    assert not list(tmp_path.glob("*b.zarr*"))
    with pytest.raises(ConfigError, match="split=None leaves chips undivided"):
        cut_chips(scene.image, tmp_path / "b.zarr", min_gap_m=1, **{**options, "split": None})


def test_chips_of_cells_lie_in_them(tmp_path, scene):
    store = cut_chips(
        scene.image,
        tmp_path / "a.zarr",
        labels=scene.labels,
        size=16,
        count=60,
        split=CellSplit(1200, test=0.3, val=0.0),
    )
    table = store.table
    for split in ("train", "test"):
        assert (table["split"] == split).any()
    report = SplitReport.of(store, read_masks=True).require(no_overlap=True)
    assert set(report.classes) == set(store.classes.names)
    shown = [set(np.unique(store.mask(i)[store.valid(i)])) for i in range(len(store))]
    for name, code in zip(store.classes.names, store.classes.codes, strict=True):
        of_test = sum(code in shown[i] for i in store.indices("test"))
        assert report.classes[name]["test"] == of_test


@pytest.mark.parametrize("stride", [None, 13, 5])
def test_a_raster_comes_back_from_its_chips(tmp_path, scene, stride):
    store = cut_chips(
        scene.image, tmp_path / "c.zarr", labels=scene.labels, size=20, stride=stride,
        strategy="sequential", split=None, min_valid=0, classes=CLASSES,
    )  # fmt: skip
    image = reconstitute(store, tmp_path / "image.tif", content="image", nodata=-1)
    mask = reconstitute(store, tmp_path / "mask.tif")
    with rasterio.open(image) as file:
        np.testing.assert_array_equal(file.read(), scene.values)
    with rasterio.open(mask) as file:
        expected = np.where(scene.values[0] == -1, 0, scene.codes)
        np.testing.assert_array_equal(file.read(1), expected)
        assert file.colormap(1)[5] == CLASSES.colormap()[5]


def test_overlaps_give_their_middle(tmp_path, scene):
    """A prediction that is wrong along every chip's edge is right where chips overlap enough."""
    store = cut_chips(
        scene.image, tmp_path / "c.zarr", size=20, stride=14, strategy="sequential", split=None,
        min_valid=0,
    )  # fmt: skip

    def predict(i):
        right = np.zeros((20, 20), np.uint8)
        right[2:-2, 2:-2] = 1
        return right

    with rasterio.open(reconstitute(store, tmp_path / "p.tif", content=predict, nodata=9)) as file:
        inner = file.read(1)[2:-2, 2:-2]
    assert set(np.unique(inner)) == {1, 9}


def test_refusals(tmp_path, scene, caplog):
    def cut(**options):
        return cut_chips(scene.image, tmp_path / "c.zarr", **{"size": 20, **options})

    with pytest.raises(ConfigError, match="needs count"):
        cut()
    with pytest.raises(ConfigError, match="takes no count"):
        cut(strategy="sequential", count=3)
    with pytest.raises(ConfigError, match="takes no stride"):
        cut(count=3, stride=10)
    with pytest.raises(ConfigError, match="did you mean 'random'"):
        cut(strategy="randon", count=3)
    with pytest.raises(ChipError, match="holds no chip of 400 x 400"):
        cut(size=400, count=3)
    with pytest.raises(ConfigError, match="no labels"):
        cut(count=3, class_of_interest="water")
    with pytest.raises(ConfigError, match="did you mean 'water'"):
        cut(count=3, labels=scene.labels, classes=CLASSES, class_of_interest="watr")
    with pytest.raises(ChipError, match="no pixel of the classes"):
        cut(count=3, labels=scene.labels, classes=Classes.of(["ice"], [77]))
    with pytest.raises(ChipError, match="pixels are left out"):
        cut(strategy="sequential", stride=21)
    assert not (tmp_path / "c.zarr").exists()
    cut(count=3, split=None)
    with pytest.raises(WriteError, match="overwrite"):
        cut(count=3, split=None)
    with caplog.at_level(logging.WARNING):
        cut(count=40, size=100, split=RandomSplit(), overwrite=True)
    assert "chips overlap a chip of another split" in caplog.text
    assert ChipStore.open(tmp_path / "c.zarr").splits == {"train": 24, "test": 8, "val": 8}


def test_labels_of_another_place_are_refused_though_other_scenes_have_theirs(tmp_path):
    here = write_scene(tmp_path)
    far = write_scene(tmp_path, name="far", origin=(700_000.0, 9_000_000.0))
    with pytest.raises(GridError, match=r"scene_labels\.tif .*does not overlap .*far\.tif"):
        cut_chips(
            [here.image, far.image], tmp_path / "c.zarr",
            labels=[here.labels, here.labels], size=20, count=9,
        )  # fmt: skip
    assert not (tmp_path / "c.zarr").exists()


def test_labels_that_look_like_a_measurement_are_no_256_classes(tmp_path):
    scene = write_scene(tmp_path)
    rng = np.random.default_rng(0)
    with rasterio.open(scene.labels, "r+") as file:
        file.write(rng.integers(0, 256, scene.codes.shape).astype("uint8"), 1)
    with pytest.raises(ChipError, match=r"255 different values without names.* like a measurement"):
        cut_chips(scene.image, tmp_path / "a.zarr", labels=scene.labels, size=16, count=8)
    named = Classes.of([f"level {k}" for k in range(1, 256)], list(range(1, 256)))
    cut_chips(
        scene.image, tmp_path / "a.zarr", labels=scene.labels, size=16, count=8, classes=named
    )


def test_labels_of_one_class_are_reported(tmp_path, caplog):
    scene = write_scene(tmp_path)
    with rasterio.open(scene.labels, "r+") as file:
        file.write(np.where(scene.codes > 0, 1, 0).astype("uint8"), 1)
    cut_chips(scene.image, tmp_path / "a.zarr", labels=scene.labels, size=16, count=8)
    assert "the labels hold one class only" in caplog.text


def test_too_few_labels_are_not_called_too_little_ground(tmp_path):
    scene = write_scene(tmp_path)
    codes = np.zeros_like(scene.codes)
    codes[::13, ::13] = 1
    codes[5::13, ::13] = 2
    with rasterio.open(scene.labels, "r+") as file:
        file.write(codes, 1)
    asked = {"labels": scene.labels, "size": 16, "count": 20}
    with pytest.raises(ChipError, match=r"labelled on at least 10 % .*--min-valid") as refusal:
        cut_chips(scene.image, tmp_path / "a.zarr", **asked)
    assert "ground is too small" not in str(refusal.value)
    with pytest.raises(ChipError, match=r"labelled on at least 10 % .*--min-valid"):
        cut_chips(scene.image, tmp_path / "a.zarr", **asked, split=None)
    assert len(cut_chips(scene.image, tmp_path / "a.zarr", **asked, min_valid=0.001)) == 20


def test_bands_keep_their_scale_and_scenes_of_two_scales_do_not_mix(tmp_path):
    one, two = write_scene(tmp_path, "one"), write_scene(tmp_path, "two", origin=(600_000.0, 9e6))
    for scene, offset in ((one, 0.0), (two, -0.1)):
        with rasterio.open(scene.image, "r+") as file:
            file.scales, file.offsets = (1e-4, 1e-4), (offset, offset)
    with pytest.raises(ChipError, match=r"two.tif stores values of 0.0001 and -0.1.*one.tif"):
        cut_chips(
            [one.image, two.image],
            tmp_path / "b.zarr",
            labels=[one.labels, two.labels],
            size=16,
            count=8,
        )
    store = cut_chips(two.image, tmp_path / "a.zarr", labels=two.labels, size=16, count=8)
    assert [(b.scale, b.offset) for b in store.bands] == [(1e-4, -0.1)] * 2


def test_no_store_replaces_what_its_chips_are_cut_from(tmp_path):
    scene = write_scene(tmp_path)
    store = tmp_path / "a.zarr"
    cut_chips(scene.image, store, labels=scene.labels, size=16, count=8)
    inside = store / "scene.tif"
    inside.write_bytes(scene.image.read_bytes())
    with pytest.raises(OSError, match="holds the input"):
        cut_chips(inside, store, labels=scene.labels, size=16, count=8, overwrite=True)
    assert inside.exists()


def test_an_image_in_the_place_of_the_labels_is_refused(scene, tmp_path):
    with pytest.raises(
        ChipError, match=r"scene\.tif has 2 bands .*expected a label raster.*swapped"
    ):
        cut_chips(scene.labels, tmp_path / "c.zarr", labels=scene.image, size=16, count=2)
