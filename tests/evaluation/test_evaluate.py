"""Evaluation of models and of maps: every labelled pixel once, in one matrix, wherever the truth lies."""

import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.warp import reproject
from sklearn import metrics as sk

from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.core.classes import Classes
from geoloom.core.errors import ChipError, ModelError, RoiError, VectorError, WriteError
from geoloom.evaluation import evaluate as evaluation
from geoloom.evaluation import maps
from geoloom.evaluation.evaluate import evaluate
from geoloom.evaluation.maps import evaluate_map
from geoloom.inference.config import PredictConfig
from geoloom.inference.predict import predict
from geoloom.metrics.accuracy import Accuracy
from small_chips import write_chips

CLASSES = Classes.of(["forest", "water"], codes=[4, 0])
GRID = GeoBox((90, 120), Affine(30, 0, 600000, 0, -30, 9300000), "EPSG:32622")


@pytest.fixture
def chips(tmp_path):
    return write_chips(tmp_path / "chips.zarr", ["train"] * 8 + ["val"] * 3 + ["test"] * 3)


class Bright:
    """Sees forest where the second band is bright, with a certainty that grows with it."""

    bands = ("red", "nir")
    classes = CLASSES

    def __call__(self, image_BCHW, valid_BHW):
        certain = torch.sigmoid((image_BCHW[:, 1] - 100.0) / 25)
        return torch.stack([certain, 1 - certain], dim=1)


def write(path, values, *, nodata=None, names=None, grid=GRID, descriptions=None):
    values = values if values.ndim == 3 else values[None]
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(values),
        height=grid.shape[0],
        width=grid.shape[1],
        dtype=values.dtype,
        crs=str(grid.crs),
        transform=grid.affine,
        nodata=nodata,
    ) as target:
        target.write(values)
        if descriptions:
            target.descriptions = descriptions
    if names:
        listing = "".join(f"<Category>{names.get(i, '')}</Category>" for i in range(max(names) + 1))
        path.with_name(path.name + ".aux.xml").write_text(
            f"<PAMDataset><PAMRasterBand band='1'><CategoryNames>{listing}</CategoryNames>"
            "</PAMRasterBand></PAMDataset>"
        )
    return path


@pytest.fixture
def scene(tmp_path):
    """Image, predicted codes, true codes with gaps, and the files that hold them."""
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (2, *GRID.shape), dtype=np.uint8)
    image[:, :, :7] = 0  # not observed
    predicted = np.where(image[1] >= 100, 4, 0).astype(np.uint8)
    truth = np.where(rng.random(GRID.shape) < 0.8, predicted, 4 - predicted).astype(np.uint8)
    truth[80:, 100:] = 250  # not known
    return {
        "predicted": predicted,
        "truth": truth,
        "valid": (image != 0).all(axis=0) & (truth != 250),
        "scene": write(tmp_path / "scene.tif", image, nodata=0, descriptions=("red", "nir")),
        "map": write(
            tmp_path / "map.tif",
            np.where((image != 0).all(axis=0), predicted, 255).astype("uint8"),
            nodata=255,
            names={0: "water", 4: "forest"},
        ),
        "labels": write(tmp_path / "labels.tif", truth, nodata=250),
    }


def expected_matrix(scene, part=np.s_[:]):
    valid = scene["valid"][part]
    return sk.confusion_matrix(
        scene["truth"][part][valid], scene["predicted"][part][valid], labels=[4, 0]
    ).tolist()


@pytest.mark.parametrize("block", [1024, 37])
def test_a_map_is_scored_on_pixels_that_have_class_and_truth(scene, monkeypatch, block):
    monkeypatch.setattr(maps, "_BLOCK_PX", block)
    accuracy = evaluate_map(scene["map"], scene["labels"], classes=CLASSES)
    assert accuracy.confusion.tolist() == expected_matrix(scene)
    assert np.isnan(accuracy.log_loss)


def test_a_map_says_itself_what_its_codes_mean(scene):
    accuracy = evaluate_map(scene["map"], scene["labels"])
    assert accuracy.classes == ("water", "forest")
    assert accuracy.confusion[::-1, ::-1].tolist() == expected_matrix(scene)
    with pytest.raises(ModelError, match=r"labels.tif carries no class names.*classes="):
        evaluate_map(scene["labels"], scene["labels"])


@pytest.mark.parametrize("tile", [512, 50])
def test_a_model_on_a_scene_scores_as_its_map_does(scene, monkeypatch, tile):
    monkeypatch.setattr(evaluation, "_TILE_PX", tile)
    accuracy = evaluate(Bright(), scene["scene"], truth=scene["labels"])
    assert accuracy.confusion.tolist() == expected_matrix(scene)
    image = rasterio.open(scene["scene"]).read(2).astype(float)
    valid = scene["valid"]
    forest = 1 / (1 + np.exp(-(image - 100) / 25))
    is_forest = scene["truth"][valid] == 4
    assert accuracy.auc[0] == pytest.approx(sk.roc_auc_score(is_forest, forest[valid]), abs=5e-3)
    assert accuracy.log_loss == pytest.approx(sk.log_loss(is_forest, forest[valid]), rel=1e-4)


class OfTheTile(Bright):
    """Sees forest where it is brighter than the tile's mean: what it says depends on the tile."""

    def __call__(self, image_BCHW, valid_BHW):
        mean = image_BCHW.mean(dim=(2, 3), keepdim=True)
        return super().__call__(image_BCHW - mean + 100, valid_BHW)


def test_a_model_is_scored_by_the_map_that_it_makes(scene, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "_TILE_PX", 40)
    path = predict(OfTheTile(), scene["scene"], tmp_path / "made.tif", tile=40)
    of_the_map = evaluate_map(path, scene["labels"], classes=CLASSES)
    assert evaluate(OfTheTile(), scene["scene"], truth=scene["labels"]).matrix == of_the_map.matrix
    # Part of the truth needs part of the tiles, and the same scores.
    left, bottom, _, top = GRID.boundingbox
    roi = ((left, bottom, left + 20 * 30, top), GRID.crs)
    some = evaluate(OfTheTile(), scene["scene"], truth=scene["labels"], roi=roi)
    assert some.matrix == evaluate_map(path, scene["labels"], classes=CLASSES, roi=roi).matrix


def test_tiles_are_those_of_a_prediction():
    defaults = PredictConfig()
    assert defaults.tile == evaluation._TILE_PX
    assert defaults.halo == evaluation._HALO_PX


@pytest.fixture
def swamp(scene):
    """The truth with a third class, which neither map nor model has: in 600 observed pixels."""
    truth = scene["truth"].copy()
    truth[10:30, 20:50] = 7
    scene["swamp"] = int(scene["valid"][10:30, 20:50].sum())
    scene["rest"] = scene["valid"].copy()
    scene["rest"][10:30, 20:50] = False
    scene["codes"] = truth
    return scene


def check_swamp_counts(accuracy, scene, name):
    """The known classes as they were, and a row of errors behind them."""
    assert accuracy.classes == ("forest", "water", name)
    matrix = accuracy.confusion
    rest = scene["rest"]
    known = sk.confusion_matrix(scene["truth"][rest], scene["predicted"][rest], labels=[4, 0])
    assert matrix[:2, :2].tolist() == known.tolist()
    assert matrix[2, :2].sum() == scene["swamp"] == 600
    assert (matrix[:, 2] == 0).all()
    right = np.trace(known)
    assert accuracy.overall_accuracy == pytest.approx(right / (rest.sum() + 600))
    f1 = sk.f1_score(
        np.where(scene["codes"] == 7, 7, scene["truth"])[scene["valid"]],
        scene["predicted"][scene["valid"]],
        labels=[4, 0, 7],
        average="macro",
    )
    assert accuracy.mean_f1 == pytest.approx(f1)


@pytest.mark.parametrize("named", [True, False])
def test_truth_of_a_class_that_the_map_lacks_counts_as_errors(swamp, tmp_path, caplog, named):
    names = {0: "water", 4: "forest", 7: "swamp"} if named else None
    labels = write(tmp_path / "three.tif", swamp["codes"], nodata=250, names=names)
    name = "swamp" if named else "class 7"
    check_swamp_counts(evaluate_map(swamp["map"], labels, classes=CLASSES), swamp, name)
    assert f"{name} (600 pixels), which the map does not have" in caplog.text
    of_model = evaluate(Bright(), swamp["scene"], truth=labels)
    check_swamp_counts(of_model, swamp, name)
    assert of_model.recall[2] == 0
    # An impossible class has no rank to be found by, and what it hides is charged in full.
    assert of_model.auc[2] == 0.5
    assert of_model.log_loss > 5


def test_polygons_of_a_class_that_the_map_lacks_count_as_errors(scene, tmp_path):
    boxes = [
        shapely.box(600000 + a * 30, 9297300, 600000 + b * 30, 9300000)
        for a, b in ((10, 60), (60, 110))
    ]
    frame = gpd.GeoDataFrame({"k": ["water", "swamp"]}, geometry=boxes, crs="EPSG:32622")
    frame.to_file(tmp_path / "t.gpkg")
    accuracy = evaluate_map(scene["map"], tmp_path / "t.gpkg", class_field="k", classes=CLASSES)
    assert accuracy.classes == ("forest", "water", "swamp")
    assert accuracy.support == (0, 90 * 50, 90 * 50)


def test_chips_of_a_class_that_the_model_lacks_count_as_errors(tmp_path):
    three = Classes.of(["forest", "pond", "water"], codes=[4, 0, 9])
    chips = write_chips(tmp_path / "a.zarr", ["test"] * 3, classes=three)
    accuracy = evaluate(Bright(), chips)
    assert accuracy.classes == ("forest", "water", "pond")
    ponds = sum(int((chips.mask(i)[chips.valid(i)] == 0).sum()) for i in range(3))
    assert accuracy.support[2] == ponds > 0
    assert accuracy.overall_accuracy < 0.9


def test_truth_that_is_no_classes_is_refused(scene, tmp_path):
    heights = np.random.default_rng(3).normal(300, 50, GRID.shape).astype("float32")
    with pytest.raises(ModelError, match="expected whole class codes"):
        evaluate_map(scene["map"], write(tmp_path / "h.tif", heights), classes=CLASSES)
    many = np.arange(90 * 120, dtype="int16").reshape(90, 120)
    with pytest.raises(ModelError, match="more than 256 different codes"):
        evaluate_map(scene["map"], write(tmp_path / "m.tif", many), classes=CLASSES)


def test_probabilities_of_a_map_give_curves_and_cross_entropy(scene, tmp_path):
    image = torch.from_numpy(rasterio.open(scene["scene"]).read().astype("float32"))[None]
    scores = Bright()(image, None)[0].numpy()
    path = write(tmp_path / "p.tif", scores)
    ours = evaluate_map(scene["map"], scene["labels"], classes=CLASSES, probabilities=path)
    whole = evaluate(Bright(), scene["scene"], truth=scene["labels"])
    assert ours.auc == whole.auc
    assert ours.log_loss == pytest.approx(whole.log_loss, rel=1e-6)
    assert ours.matrix == whole.matrix


def test_the_halves_of_a_map_sum_to_the_whole(scene):
    left, bottom, right, top = GRID.boundingbox
    middle = left + 53 * 30
    halves = [
        evaluate_map(
            scene["map"], scene["labels"], classes=CLASSES, roi=((a, bottom, b, top), "EPSG:32622")
        ).confusion
        for a, b in ((left, middle), (middle, right))
    ]
    assert halves[1].tolist() == expected_matrix(scene, np.s_[:, 53:])
    assert np.sum(halves, axis=0).tolist() == expected_matrix(scene)


def test_truth_may_be_polygons_in_another_crs(scene, tmp_path):
    west, east = (
        shapely.box(600000 + a * 30, 9297300, 600000 + b * 30, 9300000)
        for a, b in ((10, 60), (60, 110))
    )
    frame = gpd.GeoDataFrame(
        {"klass": ["WATER", "Forest"]}, geometry=[west, east], crs="EPSG:32622"
    )
    frame.to_crs("EPSG:4326").to_file(tmp_path / "truth.gpkg")
    accuracy = evaluate_map(scene["map"], tmp_path / "truth.gpkg", class_field="klass")
    mapped = scene["predicted"][:, 10:110]
    truth = np.where(np.arange(10, 110) < 60, 0, 4)[None].repeat(90, axis=0)
    assert (
        accuracy.confusion.tolist()
        == sk.confusion_matrix(truth.ravel(), mapped.ravel(), labels=[0, 4]).tolist()
    )
    inside = evaluate_map(
        scene["map"], tmp_path / "truth.gpkg", class_field="klass", roi=tmp_path / "truth.gpkg"
    )
    assert inside.matrix == accuracy.matrix
    grouped = evaluate_map(
        scene["map"],
        tmp_path / "truth.gpkg",
        class_field="klass",
        classes=Classes.of(["wet", "dry"], codes=[0, 4]),
        groups=[["WATER"], "Forest"],
    )
    assert grouped.matrix == accuracy.matrix
    with pytest.raises(VectorError, match=r"class_field.*klass"):
        evaluate_map(scene["map"], tmp_path / "truth.gpkg")


def test_truth_may_lie_on_another_grid(scene, tmp_path):
    # Truth at 20 m, in degrees: nearest pixel, as GDAL would warp it.
    fine = GRID.to_crs("EPSG:4326", resolution=0.0002)
    labels = np.random.default_rng(1).choice([0, 4], tuple(fine.shape)).astype("uint8")
    path = write(tmp_path / "fine.tif", labels, grid=fine, nodata=250)
    onto = np.full(GRID.shape, 250, np.uint8)
    reproject(
        labels,
        onto,
        src_transform=fine.affine,
        src_crs="EPSG:4326",
        dst_transform=GRID.affine,
        dst_crs="EPSG:32622",
        src_nodata=250,
        dst_nodata=250,
        resampling=Resampling.nearest,
        tolerance=0,
    )
    valid = (onto != 250) & (rasterio.open(scene["map"]).read(1) != 255)
    gdal = sk.confusion_matrix(onto[valid], scene["predicted"][valid], labels=[4, 0])
    ours = evaluate_map(scene["map"], path, classes=CLASSES).confusion
    # GDAL's own approximation moves a few pixels by one.
    assert np.abs(ours - gdal).sum() < 0.005 * gdal.sum()


def test_chips_are_scored_on_their_valid_pixels(chips, tmp_path):
    seen = []
    accuracy = evaluate(
        Bright(),
        chips.path,
        batch_size=2,
        out=tmp_path / "a.json",
        progress=lambda *at: seen.append(at),
    )
    truth, guess = [], []
    for i in chips.indices("test"):
        valid = chips.valid(i)
        truth.append(chips.mask(i)[valid])
        guess.append(np.where(chips.image(i)[1][valid] >= 100, 4, 0))
    expected = sk.confusion_matrix(np.concatenate(truth), np.concatenate(guess), labels=[4, 0])
    assert accuracy.confusion.tolist() == expected.tolist()
    assert seen == [(2, 3), (3, 3)]
    assert Accuracy.from_dict(json.loads((tmp_path / "a.json").read_text())) == accuracy
    assert "overall accuracy" in (tmp_path / "a.txt").read_text()
    with pytest.raises(WriteError, match="overwrite"):
        evaluate(Bright(), chips, out=tmp_path / "a.json")
    evaluate(Bright(), chips, out=tmp_path / "a.json", overwrite=True)


def overlapping_chips(path, offsets, *, crs="EPSG:32622", source="scene.tif"):
    """Chips of 16 px cut out of one image at these rows and columns, and the image's own planes."""
    rng = np.random.default_rng(5)
    image = rng.integers(1, 255, (2, 60, 60), dtype=np.uint8)
    mask = rng.choice([4, 0], (60, 60)).astype(np.uint8)
    observed = rng.random((60, 60)) < 0.9
    with ChipWriter(
        path, channels=2, size=16, dtype="uint8", bands=("red", "nir"), classes=CLASSES
    ) as writer:
        for row, col in offsets:
            part = np.s_[row : row + 16, col : col + 16]
            writer.add(
                image[:, part[0], part[1]],
                mask[part],
                observed[part],
                crs=crs,
                transform=(30, 0, 600000 + 30 * col, 0, -30, 9300000 - 30 * row),
                source=source,
                row=row,
                col=col,
                split="test",
            )
    return ChipStore.open(path), mask, observed


class OfTheChip(Bright):
    """Says forest with the chip's mean: each chip says something else about the pixels that it shares."""

    def __call__(self, image_BCHW, valid_BHW):
        mean = image_BCHW.float().mean(dim=(1, 2, 3))
        certain = torch.sigmoid((mean - 127) / 3)[:, None, None].expand(valid_BHW.shape)
        return torch.stack([certain, 1 - certain], dim=1)


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_a_pixel_of_the_ground_counts_once_by_the_mean_of_its_chips(tmp_path, batch_size):
    rng = np.random.default_rng(0)
    offsets = [(int(r), int(c)) for r, c in rng.integers(0, 45, (40, 2))]
    store, mask, observed = overlapping_chips(tmp_path / "c.zarr", offsets)
    total, covers = np.zeros((2, 60, 60)), np.zeros((60, 60))
    for i, (row, col) in enumerate(offsets):
        part = np.s_[row : row + 16, col : col + 16]
        scores = OfTheChip()(torch.from_numpy(store.image(i))[None], torch.ones(1, 16, 16))[0]
        total[:, part[0], part[1]] += scores.numpy()
        covers[part] += 1
    seen = observed & (covers > 0)
    assert covers.max() > 3
    mean = total[:, seen] / covers[seen]
    expected = sk.confusion_matrix(mask[seen], np.where(mean[0] > 0.5, 4, 0), labels=[4, 0])
    accuracy = evaluate(OfTheChip(), store, batch_size=batch_size)
    assert accuracy.confusion.tolist() == expected.tolist()
    assert accuracy.pixels == seen.sum()
    chance = np.where(mask[seen] == 4, mean[0], mean[1])
    assert accuracy.log_loss == pytest.approx(-np.log(chance).mean(), rel=1e-5)


def test_chips_without_a_place_count_one_by_one_and_it_says_so(tmp_path, caplog):
    store, *_ = overlapping_chips(tmp_path / "c.zarr", [(0, 0), (0, 0)], crs="")
    accuracy = evaluate(OfTheChip(), store)
    assert accuracy.pixels == 2 * store.valid(0).sum()
    assert "2 of 2 chips" in caplog.text
    assert "counted chip by chip" in caplog.text


def test_bands_and_classes_of_chips_are_found_by_name(tmp_path, caplog):
    same = write_chips(tmp_path / "a.zarr", ["test"] * 3)
    classes = Classes.of(["cloud", "Water", "FOREST"], codes=[9, 0, 4])
    other = write_chips(tmp_path / "b.zarr", ["test"] * 3, classes=classes)
    assert evaluate(Bright(), other).matrix == evaluate(Bright(), same).matrix
    assert "cloud" not in caplog.text  # no chip holds any
    strange = write_chips(
        tmp_path / "c.zarr", ["test"], classes=Classes.of(["a", "b"], codes=[0, 4])
    )
    with pytest.raises(ModelError, match="has classes a, b, the model forest, water"):
        evaluate(Bright(), strange)
    wrong = write_chips(tmp_path / "d.zarr", ["test"], bands=("red", "blue"))
    with pytest.raises(ModelError, match="lacks band nir"):
        evaluate(Bright(), wrong)


def test_chips_without_such_a_split_and_pixels_without_truth_are_refused(tmp_path, scene):
    chips = write_chips(tmp_path / "a.zarr", ["train"] * 2)
    with pytest.raises(ChipError, match="no chip in split 'test'"):
        evaluate(Bright(), chips)
    with pytest.raises(ModelError, match="no pixel has both"):
        evaluate_map(scene["map"], scene["labels"], classes=CLASSES, roi=(1.0, 1.0, 2.0, 2.0))


def test_four_numbers_are_degrees_and_said_to_be(scene, tmp_path):
    def on(roi):
        return evaluate_map(scene["map"], scene["labels"], classes=CLASSES, roi=roi)

    own = GRID[10:40, 20:70]
    corners = shapely.segmentize(own.extent.geom, 30)
    frame = gpd.GeoSeries([corners], crs="EPSG:32622").to_crs("EPSG:4326")
    frame.to_file(tmp_path / "area.gpkg")
    for roi in (own, frame, frame[0], [own[:15], own[15:]], tmp_path / "area.gpkg"):
        assert on(roi).confusion.tolist() == expected_matrix(scene, np.s_[10:40, 20:70])
    with pytest.raises(ModelError, match=r"lies beside the scene, .* four numbers are west, south"):
        on((-60.0, -10.0, -59.0, -9.0))
    with pytest.raises(RoiError, match=r"reaches around the Earth|is not a box"):
        on(GRID.boundingbox.bbox)
