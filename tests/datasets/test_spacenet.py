"""SpaceNet's choices, and what becomes of footprints that are odd."""

from __future__ import annotations

import pickle

import matplotlib.pyplot as plt
import numpy as np
import pytest
import rasterio
from documented import LAYOUTS
from documented.buildings import RIO, SIZE, WORLD, buildings, collection, pixels, ring
from documented.layout import written
from matplotlib.text import Text
from odc.geo.geobox import GeoBox

import geoloom as gl
import geoloom.datasets
from geoloom.core.errors import ConfigError, DatasetError, GeoloomError, ReadError
from geoloom.core.outputs import BoxOutputs, ClassOutputs
from geoloom.datasets import benchmark_class
from geoloom.datasets.loader import loader
from geoloom.models.saved import load_model

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*")


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    return {
        name: written(LAYOUTS[name], tmp_path_factory.mktemp(name))
        for name in ("spacenet1", "spacenet2", "spacenet4", "spacenet7")
    }


@pytest.fixture
def rio(tmp_path):
    return written(LAYOUTS["spacenet1"], tmp_path)


@pytest.mark.parametrize(
    ("name", "image", "bands"),
    [
        ("spacenet1", "3band", 3),
        ("spacenet1", "8band", 8),
        ("spacenet2", "MUL", 8),
        ("spacenet2", "MUL-PanSharpen", 8),
        ("spacenet2", "PAN", 1),
        ("spacenet2", "RGB-PanSharpen", 3),
        ("spacenet4", "MS", 8),
        ("spacenet4", "PAN", 1),
        ("spacenet4", "Pan-Sharpen", 4),
        ("spacenet7", "images_masked", 3),
        ("spacenet7", "images", 3),
    ],
)
def test_every_product_is_read_with_its_labels(roots, name, image, bands):
    dataset = benchmark_class(name)(roots[name], image=image)
    assert len(dataset.bands) == bands
    sample = dataset[1]
    number = int(sample["image"][0, 0, 0]) - 10
    np.testing.assert_array_equal(sample["image"][:, 0, 0], pixels(bands, number))
    assert sample["boxes"].shape[1] == 4
    assert f"/{image}/" in dataset.table["file"][1]


def test_one_area_of_interest_is_looked_for_and_fetched_alone(roots):
    dataset = geoloom.datasets.SpaceNet2(roots["spacenet2"], split=None, aoi=4, image="PAN")
    assert dataset.table["file"].tolist() == [
        "SN2_buildings/test/AOI_4_Shanghai_Test_public/PAN/PAN_AOI_4_Shanghai_img3.tif",
        "SN2_buildings/train/AOI_4_Shanghai_Train/PAN/PAN_AOI_4_Shanghai_img3.tif",
    ]
    known = geoloom.datasets.SpaceNet2.benchmark
    names = [file.name for file in known.chosen({"aoi": 4}).files_for("train")]
    assert names == ["SN2_buildings_train_AOI_4_Shanghai.tar.gz"]
    assert len(known.chosen({"aoi": "all"}).files_for()) == 8
    with pytest.raises(DatasetError, match="SpaceNet2 has no aoi '7'"):
        known.chosen({"aoi": "7"})


def test_what_is_learned_is_chosen(roots):
    root = roots["spacenet1"]
    boxes = geoloom.datasets.SpaceNet1(root, labels="boxes")
    assert isinstance(boxes.outputs, BoxOutputs)
    assert "box_masks" not in boxes[0]
    mask = geoloom.datasets.SpaceNet1(root, labels="mask")
    assert isinstance(mask.outputs, ClassOutputs)
    assert mask.classes.names == ("background", "building")
    assert {"boxes", "box_labels", "box_masks"}.isdisjoint(mask[0])
    np.testing.assert_array_equal(mask[0]["mask"], boxes[0]["mask"])


def test_columns_say_where_from_and_when(roots):
    atlanta = geoloom.datasets.SpaceNet4(roots["spacenet4"]).table
    assert sorted(set(map(int, atlanta["nadir"])))[:3] == [7, 8, 10]
    monthly = geoloom.datasets.SpaceNet7(roots["spacenet7"]).table
    assert monthly[["year", "month"]].to_numpy().tolist() == [["2018", "01"], ["2018", "02"]]
    assert set(monthly["aoi"]) == {"L15-0331E-1257N_1327_3160_13"}


def test_samples_know_their_place(roots):
    sample = geoloom.datasets.SpaceNet1(roots["spacenet1"])[0]
    assert sample["crs"] == "EPSG:4326"
    np.testing.assert_array_equal(sample["transform"], RIO[0][:6])


def test_pictures_without_labels_have_no_valid_pixel_among_others(roots):
    """Of all samples together; of the test split alone nothing is said of labels."""
    whole = geoloom.datasets.SpaceNet1(roots["spacenet1"], split=None)
    sample = whole[int(whole.table.index[whole.table["split"] == "test"][0])]
    assert not bool(sample["valid"].any())
    assert bool(sample["observed"].all())
    assert sample["boxes"].shape == (0, 4)


def test_a_crop_cuts_footprints(roots):
    dataset = geoloom.datasets.SpaceNet1(roots["spacenet1"], size=(8, 8))
    sample = dataset[0]  # rows 4 to 11 and columns 6 to 13 of the picture
    np.testing.assert_allclose(sample["boxes"], [[0, 0, 1, 1], [4, 0, 8, 4]], rtol=0, atol=1e-3)
    masks = np.zeros((2, 8, 8), bool)
    masks[0, 0:1, 0:1] = True
    masks[1, 0:4, 4:8] = True
    np.testing.assert_array_equal(sample["box_masks"], masks)
    np.testing.assert_array_equal(sample["mask"], masks.any(axis=0))


def geojson(root):
    return root / "SN1_buildings/train/geojson/Geo_AOI_1_RIO_img1.geojson"


def polygon(*corners):
    return {"type": "Polygon", "coordinates": [ring(corners, RIO)]}


def test_footprints_that_are_broken_are_repaired_or_named(rio, caplog):
    """A bow tie becomes its two halves; a line, a point and nothing enclose nothing."""
    bow_tie = polygon((2, 2), (6, 6), (6, 2), (2, 6))
    flat = polygon((1, 1), (5, 1), (3, 1))
    point = {"type": "Point", "coordinates": [-43.4999, -22.7501]}
    empty = {"type": "Polygon", "coordinates": []}
    high = {
        "type": "Polygon",
        "coordinates": [[[*xy, 3.5] for xy in ring([(8, 8), (9, 8), (9, 9)], RIO)]],
    }
    collection(geojson(rio), [bow_tie, flat, point, empty, None, high])
    sample = geoloom.datasets.SpaceNet1(rio)[0]
    np.testing.assert_allclose(sample["boxes"], [[2, 2, 6, 6], [8, 8, 9, 9]], rtol=0, atol=1e-3)
    mask = sample["box_masks"][0].numpy()
    assert mask[2:6, 2:6].sum() >= 6
    assert not mask[2:6, 6:].any()
    assert "2 of 4 features enclose nothing" in caplog.text
    assert "repaired 1 invalid geometry" in caplog.text


def test_several_parts_are_one_building(rio):
    parts = [polygon((1, 1), (3, 1), (3, 3), (1, 3)), polygon((6, 5), (8, 5), (8, 7), (6, 7))]
    both = {"type": "MultiPolygon", "coordinates": [part["coordinates"] for part in parts]}
    collection(geojson(rio), [both])
    sample = geoloom.datasets.SpaceNet1(rio)[0]
    np.testing.assert_allclose(sample["boxes"], [[1, 1, 8, 7]], rtol=0, atol=1e-3)
    assert int(sample["box_masks"].sum()) == 8


def test_footprints_beside_the_picture_are_left_out(rio):
    buildings(geojson(rio), [(30, 2, 35, 6), (-3, -3, 2, 2)], RIO)
    sample = geoloom.datasets.SpaceNet1(rio)[0]
    np.testing.assert_allclose(sample["boxes"], [[0, 0, 2, 2]], rtol=0, atol=1e-3)
    assert int(sample["mask"].sum()) == 4


def test_a_crs_that_the_file_names_is_taken(rio):
    grid = GeoBox(SIZE, RIO[0], RIO[1])
    corners = np.array(ring([(2, 3), (7, 3), (7, 5), (2, 5)], RIO))
    x, y = grid.crs.transformer_to_crs("EPSG:3857")(*corners.T)
    path = geojson(rio)
    collection(path, [{"type": "Polygon", "coordinates": [np.stack([x, y], axis=1).tolist()]}])
    named = '{"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}, '
    path.write_text(named + path.read_text(encoding="utf-8")[1:], encoding="utf-8")
    sample = geoloom.datasets.SpaceNet1(rio)[0]
    np.testing.assert_allclose(sample["boxes"], [[2, 3, 7, 5]], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"img1\.geojson is not JSON"),
        ('{"type": "FeatureCollection"}', "a table with the key 'features'"),
        ('{"features": [3]}', "expected a table"),
        (
            '{"features": [], "crs": {"properties": {"name": "EPSG:1"}}}',
            r"img1\.geojson: cannot understand its CRS",
        ),
    ],
)
def test_files_of_footprints_that_are_damaged(rio, text, message):
    geojson(rio).write_text(text, encoding="utf-8")
    with pytest.raises(GeoloomError, match=message):
        _ = geoloom.datasets.SpaceNet1(rio)[0]


def test_footprints_that_vanish_after_the_listing(rio):
    dataset = geoloom.datasets.SpaceNet1(rio)
    geojson(rio).unlink()
    with pytest.raises(
        ReadError, match=r"img1\.geojson is missing; fetch the dataset's archives again"
    ):
        _ = dataset[0]


def test_boxes_are_refused_and_masks_are_learned(roots, tmp_path):
    with pytest.raises(
        ConfigError, match=r"no task learns boxes and masks of 1 class .*Choose other labels"
    ):
        gl.train(geoloom.datasets.SpaceNet1(roots["spacenet1"]), tmp_path / "a", progress=False)
    mask = geoloom.datasets.SpaceNet1(roots["spacenet1"], labels="mask", size=(32, 32))
    model = gl.train(
        mask, tmp_path / "b", epochs=1, batch_size=2, model="unet", width=0.125, recipe="none",
        progress=False, device="cpu",
    )  # fmt: skip
    assert load_model(model).card.classes.names == ("background", "building")


def test_samples_are_read_in_other_processes(roots):
    dataset = geoloom.datasets.SpaceNet1(roots["spacenet1"], split=None)
    copy = pickle.loads(pickle.dumps(dataset))
    loaded = [batch["boxes"][0] for batch in loader(copy, batch_size=1, num_workers=1)]
    for boxes, sample in zip(loaded, (dataset[i] for i in range(len(dataset))), strict=True):
        np.testing.assert_array_equal(boxes, sample["boxes"])


def test_a_batch_holds_a_list_of_boxes(roots):
    dataset = geoloom.datasets.SpaceNet1(roots["spacenet1"], size=(16, 20))
    batch = next(iter(loader(dataset, batch_size=2)))
    assert batch["image"].shape == (2, 3, 16, 20)
    assert [len(boxes) for boxes in batch["boxes"]] == [2, 0]
    assert [tuple(masks.shape) for masks in batch["box_masks"]] == [(2, 16, 20), (0, 16, 20)]


def test_a_picture_without_a_building_is_drawn_without_a_class(roots):
    dataset = geoloom.datasets.SpaceNet1(roots["spacenet1"])
    figure = dataset.plot(dataset[1])
    drawn = {text.get_text() for text in figure.findobj(Text)}
    assert "Mask" in drawn
    assert not any("class" in text for text in drawn)
    plt.close(figure)


def test_what_spacenet7_masks_out_is_not_valid(tmp_path):
    """Its fourth channel, transparency, says where there are clouds."""
    root = written(LAYOUTS["spacenet7"], tmp_path)
    dataset = geoloom.datasets.SpaceNet7(root)
    values = np.full((4, *SIZE), 255, np.uint8)
    values[:, :4] = 0
    with rasterio.open(
        root / dataset.table["file"][0], "w", driver="GTiff", count=4, height=SIZE[0], width=SIZE[1],
        dtype="uint8", crs=WORLD[1], transform=WORLD[0], photometric="RGB", alpha="yes",
    ) as file:  # fmt: skip
        file.write(values)
    sample = dataset[0]
    assert sample["image"].shape == (3, *SIZE)
    np.testing.assert_array_equal(sample["valid"], np.arange(16)[:, None] >= np.full(20, 4))
