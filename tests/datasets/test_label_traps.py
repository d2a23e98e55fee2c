"""What goes wrong with the labels of one dataset or another, each trap by itself."""

from __future__ import annotations

import shutil

import matplotlib.pyplot as plt
import numpy as np
import pytest
import rasterio
from documented import LAYOUTS
from documented.detection import FIRST
from documented.layout import photograph, picture, written
from documented.sounds import waves
from PIL import Image

import geoloom as gl
import geoloom.datasets
from geoloom.core.errors import BandError, DatasetError, ReadError
from geoloom.datasets import get_benchmark
from geoloom.datasets.loader import loader
from geoloom.models.adapt import match_known
from geoloom.models.pretrained.inputs import input_rule
from geoloom.models.pretrained.table import get_weights


def test_cowcs_list_begins_with_a_byte_order_mark(tmp_path):
    root = written(LAYOUTS["cowcdetection"], tmp_path)
    assert (root / "COWC_train_list_detection.txt").read_bytes().startswith(b"\xef\xbb\xbfToronto")
    dataset = geoloom.datasets.COWCDetection(root, "train")
    assert dataset.table["file"][0] == "Toronto_ISPRS/train/Toronto_ISPRS.00000.png"
    assert dataset.class_counts() == {"no car": 3, "car": 3}


def test_cars_are_counted_as_numbers_and_not_as_classes(tmp_path):
    dataset = geoloom.datasets.COWCCounting(written(LAYOUTS["cowccounting"], tmp_path), "test")
    assert dataset.classes is None
    counts = np.stack([dataset[i]["value"] for i in range(len(dataset))])
    assert counts.dtype == np.float32
    np.testing.assert_array_equal(counts, [[5], [1], [0], [70], [2], [9]])


def test_winds_are_matched_to_pictures_by_name(tmp_path):
    """The two tables have their rows in different orders."""
    root = written(LAYOUTS["tropicalcyclone"], tmp_path)
    table = geoloom.datasets.TropicalCyclone(root, split=None).table
    assert table["file"].tolist() == ["train/abs_000.jpg", "train/abs_001.jpg", "test/acd_000.jpg"]
    assert table["storm"].tolist() == ["abs", "abs", "acd"]
    assert table["relative_time"].tolist() == [0, 1800, 0]
    assert table["ocean"].tolist() == [2, 2, 2]
    assert table["split"].tolist() == ["train", "train", "test"]


def test_grey_pictures_of_storms_may_have_three_channels(tmp_path):
    root = written(LAYOUTS["tropicalcyclone"], tmp_path)
    picture(root / "train/abs_001.jpg", np.full((366, 366, 3), 80))
    dataset = geoloom.datasets.TropicalCyclone(root)
    assert dataset[1]["image"].shape == (1, 366, 366)
    np.testing.assert_array_equal(dataset[1]["image"], 80)


def test_vhr10_numbers_its_pictures_from_0_in_the_annotations(tmp_path):
    """Picture 001 is image 0; the negative picture 001 is none."""
    root = written(LAYOUTS["vhr10"], tmp_path)
    positive = geoloom.datasets.VHR10(root)
    assert positive.table["number"].tolist() == ["001", "002"]
    assert [positive[i]["box_labels"].tolist() for i in range(2)] == [[0], [9, 2]]
    assert [positive.classes.names[i] for i in (0, 9, 2)] == ["airplane", "vehicle", "storage tank"]
    negative = geoloom.datasets.VHR10(root, images="negative")
    assert negative.table["file"].tolist() == ["NWPU VHR-10 dataset/negative image set/001.jpg"]
    assert negative[0]["boxes"].shape == (0, 4)
    assert negative[0]["box_masks"].shape == (0, 24, 32)


def test_vhr10s_kinds_of_pictures_are_no_splits(tmp_path):
    with pytest.raises(
        DatasetError, match=r"no split 'positive', but gives it by choice: images='positive'"
    ):
        geoloom.datasets.VHR10(tmp_path, "positive")


def test_vhr10s_boxes_are_corners_and_not_sizes(tmp_path):
    sample = geoloom.datasets.VHR10(written(LAYOUTS["vhr10"], tmp_path))[0]
    np.testing.assert_array_equal(sample["boxes"], [[10, 5, 30, 15]])
    np.testing.assert_array_equal(sample["box_masks"], FIRST)


def test_a_picture_of_vhr10_that_is_missing(tmp_path):
    root = written(LAYOUTS["vhr10"], tmp_path)
    (root / "NWPU VHR-10 dataset/positive image set/002.jpg").unlink()
    with pytest.raises(DatasetError, match=r"has boxes of 1 pictures that are not in .* number 1;"):
        geoloom.datasets.VHR10(root)


def test_advances_sounds_belong_to_pictures_of_the_same_name(tmp_path):
    """The order of the sounds' names is another one where one is missing."""
    root = written(LAYOUTS["advance"], tmp_path)
    photograph(root / "vision/beach/1_1.jpg", 200, 512, 512)
    with pytest.raises(
        DatasetError, match=r"1 of 14 samples .* no audio, such as sound/beach/1_1\.wav"
    ):
        geoloom.datasets.ADVANCE(root)
    waves(root / "sound/beach/1_1.wav", [1, 2, 3, 4, 5, 6], 8000)
    dataset = geoloom.datasets.ADVANCE(root)
    assert dataset.table["file"][1] == "vision/beach/1_1.jpg"
    assert (len(dataset[1]["audio"]), int(dataset[1]["audio_hz"])) == (6, 8000)
    assert [len(sample["audio"]) for sample in dataset.__getitems__([0, 1, 2])] == [4, 6, 4]
    batch = next(iter(loader(dataset, batch_size=3)))
    assert [len(audio) for audio in batch["audio"]] == [4, 6, 4]
    assert batch["audio_hz"].tolist() == [22_050, 8000, 22_050]
    figure = dataset.plot(dataset[1])
    assert figure.axes[-1].get_xlim() == (0, 6 / 8000)
    plt.close(figure)


def test_spacenets_masks_are_0_and_1_with_none_added(tmp_path):
    """Elsewhere, 1 is added to make room for padding."""
    dataset = geoloom.datasets.SpaceNet1(written(LAYOUTS["spacenet1"], tmp_path))
    mask = np.zeros((16, 20))
    mask[3:5, 2:7] = mask[0:8, 10:20] = 1
    np.testing.assert_array_equal(dataset[0]["mask"], mask)


def test_spacenets_pictures_without_a_building_are_labelled(tmp_path):
    sample = geoloom.datasets.SpaceNet1(written(LAYOUTS["spacenet1"], tmp_path))[1]
    assert sample["mask"].shape == (16, 20)
    assert not bool(sample["mask"].any())
    assert bool(sample["valid"].all())
    assert (sample["boxes"].shape, sample["box_labels"].shape) == ((0, 4), (0,))
    assert sample["box_masks"].shape == (0, 16, 20)


def test_xview2s_mask_is_the_target_from_after_the_disaster(tmp_path):
    """Its difference from the target before would make 'no damage' background, and shift all grades."""
    dataset = geoloom.datasets.XView2(written(LAYOUTS["xview2"], tmp_path), "train")
    sample = dataset[0]
    assert sample["mask"][0, ::2].tolist() == [0, 1, 2, 3, 4]
    assert dataset.classes.names[1] == "no-damage"
    assert sample["mask:buildings"][0, ::2].tolist() == [0, 1, 1, 1, 1]
    assert dataset.table["after"][0].endswith("00000015_post_disaster.png")


@pytest.mark.parametrize("name", ["Potsdam2D", "Vaihingen2D"])
def test_colours_that_mean_no_class_are_not_labelled(tmp_path, name):
    """Such as those of Potsdam's tile 4_12: clutter is a class of its own, red."""
    root = written(LAYOUTS[name.lower()], tmp_path)
    dataset = getattr(geoloom.datasets, name)(root)
    label = root / dataset.table["mask"][0]
    size = dataset[0]["mask"].shape
    colours = np.zeros((*size, 3), np.uint8)
    colours[:, :2] = [(255, 0, 0), (254, 0, 0)]
    colours[:, 2] = (255, 255, 0)
    colours[:, 3:] = (0, 0, 255)
    picture(label, colours)
    sample = dataset[0]
    names = dataset.classes.names
    assert [names[code] for code in sample["mask"][0, [0, 2, 3]]] == [
        "Clutter/background", "Car", "Building",
    ]  # fmt: skip
    assert sample["valid"][0, :4].tolist() == [True, False, True, True]
    assert bool(sample["observed"].all())


def test_potsdam_and_vaihingen_are_divided_as_the_contest_was():
    potsdam, vaihingen = (
        get_benchmark(name).layout.members for name in ("potsdam2d", "vaihingen2d")
    )
    assert [len(names) for names in potsdam.values()] == [24, 14]
    assert [len(names) for names in vaihingen.values()] == [16, 17]
    for members in (potsdam, vaihingen):
        assert not set(members["train"]) & set(members["test"])


def test_vaihingens_channels_are_infrared_red_and_green(tmp_path):
    dataset = geoloom.datasets.Vaihingen2D(written(LAYOUTS["vaihingen2d"], tmp_path), bands=["red"])
    assert dataset[0]["image"][:, 0, 0].tolist() == [100]
    assert [band.role for band in get_benchmark("vaihingen2d").bands] == ["nir", "red", "green"]


def test_etcis_grey_pictures_of_three_channels_are_one_band_each(tmp_path):
    root = written(LAYOUTS["etci2021"], tmp_path)
    sample = geoloom.datasets.ETCI2021(root, "train", ["VH"])[1]
    assert sample["image"].shape == (1, 256, 256)
    assert int(sample["image"][0, 0, 0]) == 101
    for flood in root.glob("train/*/tiles/flood_label/*.png"):
        picture(flood, np.repeat(np.array(Image.open(flood))[..., None], 3, axis=2))
    again = geoloom.datasets.ETCI2021(root, "train", ["VH"])[1]
    np.testing.assert_array_equal(again["mask"], sample["mask"])


def test_etcis_folder_test_is_the_split_val(tmp_path):
    root = written(LAYOUTS["etci2021"], tmp_path)
    made = geoloom.datasets.ETCI2021
    assert {file.split("/")[0] for file in made(root, "val").table["vv"]} == {"test"}
    assert {file.split("/")[0] for file in made(root, "test").table["vv"]} == {"test_internal"}
    assert "mask" not in made(root, "test")[0]
    whole = made(root, split=None)
    assert whole.splits == {"test": 2, "train": 2, "val": 2}
    without = whole[int(whole.indices("test")[0])]
    assert not bool(without["valid"].any()), "floods of test are not known: no pixel teaches"


def test_sen12mss_codes_begin_at_1(tmp_path):
    dataset = geoloom.datasets.SEN12MS(written(LAYOUTS["sen12ms"], tmp_path), "train")
    sample = dataset[0]
    assert sample["mask"][0, [0, -1]].tolist() == [0, 16]
    names = dataset.classes.names
    assert (names[0], names[16]) == ("Evergreen Needleleaf Forests", "Water Bodies")
    with rasterio.open(dataset.path / dataset.table["mask"][0], "r+") as file:
        cover = file.read(1)
        cover[0, 0], cover[0, 1] = 0, 255
        file.write(cover, 1)
    assert dataset[0]["valid"][0, :3].tolist() == [False, False, True]


@pytest.mark.parametrize(("wanted", "other", "count"), [("s1", "s2", 2), ("s2", "s1", 13)])
def test_sen12ms_opens_files_of_wanted_bands_alone(tmp_path, wanted, other, count):
    root = written(LAYOUTS["sen12ms"], tmp_path)
    whole = geoloom.datasets.SEN12MS(root, "train")[1]
    for file in root.glob(f"*/{other}_*/*.tif"):
        file.unlink()
    for folder in root.glob(f"*/{other}_*"):
        folder.rmdir()
    dataset = geoloom.datasets.SEN12MS(root, "train", bands=wanted)
    band_set = get_benchmark("sen12ms").band_sets[wanted]
    assert tuple(band.name for band in dataset.bands) == band_set
    assert dataset.sizes == {(32, 32): 3}
    sample = dataset[1]
    assert sample["image"].shape == (count, 32, 32)
    part = whole["image"][:2] if wanted == "s1" else whole["image"][2:]
    np.testing.assert_array_equal(sample["image"], part)
    assert sample["crs"] == "EPSG:32632"
    answer = dataset.as_geo()[gl.Query(dataset.grid(1))]
    np.testing.assert_array_equal(answer["image"], part)
    with pytest.raises(DatasetError, match=rf"no ROIs1158_spring/{other}_\* .* archive"):
        geoloom.datasets.SEN12MS(root, "train")


def test_bands_of_sen12ms_come_in_the_order_asked_for(tmp_path):
    root = written(LAYOUTS["sen12ms"], tmp_path)
    dataset = geoloom.datasets.SEN12MS(root, "test", bands=["B8A", "VH", "B02"])
    assert dataset[0]["image"][:, 0, 0].tolist() == [9003, -20.25, 2003]


def test_changes_of_levir_are_stored_as_255(tmp_path):
    root = written(LAYOUTS["levircd"], tmp_path)
    dataset = geoloom.datasets.LEVIRCD(root, "val")
    assert np.unique(dataset[0]["mask"]).tolist() == [0, 1]
    assert dataset.classes.names == ("no change", "change")
    picture(root / "label/val_3.png", np.full((64, 64), 1))
    with pytest.raises(ReadError, match=r"val_3\.png holds the value 1, expected only 0, 255"):
        dataset[0]


def test_oscds_dates_are_those_of_its_text_files(tmp_path):
    root = written(LAYOUTS["oscd"], tmp_path)
    dates = root / "Onera Satellite Change Detection dataset - Images/rennes/dates.txt"
    dates.write_text("date_2: 20180101\r\n\r\ndate_1: 20160101\r\n")
    sample = geoloom.datasets.OSCD(root, "train", ["B04"])[1]
    assert sample["times"].tolist() == [1451606400, 1514764800]
    dates.write_text("date_1: spring\n")
    with pytest.raises(DatasetError, match=r"rennes.* is dated 'spring', expected a day such as"):
        geoloom.datasets.OSCD(root)
    dates.unlink()
    with pytest.raises(DatasetError, match=r"1 of 2 samples .* no dates, such as .*rennes"):
        geoloom.datasets.OSCD(root)


def test_a_place_of_seasonal_contrast_that_lacks_a_date(tmp_path):
    root = written(LAYOUTS["seasonalcontrasts2"], tmp_path)
    dataset = geoloom.datasets.SeasonalContrastS2(root)
    assert (dataset.outputs, dataset.classes, dataset.targets) == (None, None, None)
    assert dataset.table["place"].tolist() == ["000000", "000001"]
    shutil.rmtree(root / dataset.table["date_3"][1])
    with pytest.raises(DatasetError, match=r"000001 holds 4 dates, expected 5"):
        geoloom.datasets.SeasonalContrastS2(root)


def test_versions_of_seasonal_contrast(tmp_path):
    (tmp_path / "seasonal_contrast_1m").mkdir()
    with pytest.raises(DatasetError, match=r"no folder in .*seasonal_contrast_1m holds dates"):
        geoloom.datasets.SeasonalContrastS2(tmp_path, version="1m")
    known = get_benchmark("seasonalcontrasts2")
    assert [known.chosen({"version": v}).samples for v in ("100k", "1m")] == [20_000, 200_000]


@pytest.mark.parametrize(
    ("name", "key", "legends"),
    [
        (
            "XView2",
            "mask:buildings",
            [
                ["background", "no-damage", "minor-damage", "major-damage", "destroyed"],
                ["background", "building"],
            ],
        ),
        ("ETCI2021", "mask:water_body", [["no flood", "flood"], ["land", "water body"]]),
    ],
)
def test_layers_beside_the_mask_are_drawn_with_their_own_classes(tmp_path, name, key, legends):
    dataset = getattr(geoloom.datasets, name)(written(LAYOUTS[name.lower()], tmp_path))
    assert list(dataset.layer_classes) == [key]
    figure = dataset.plot(dataset[0])
    shown = [ax.get_legend() for ax in figure.axes if ax.get_legend() is not None]
    assert [[text.get_text() for text in legend.get_texts()] for legend in shown] == legends
    assert len(dataset.sheet(1).axes) >= 1
    plt.close("all")


def test_kinds_of_corine_that_are_none_of_the_19_are_dropped(tmp_path):
    root = written(LAYOUTS["bigearthnet"], tmp_path)
    few = geoloom.datasets.BigEarthNet(root, "val")
    assert np.flatnonzero(few[0]["multilabel"]).tolist() == [2], "arable land; airports are none"
    many = geoloom.datasets.BigEarthNet(root, "val", num_classes=43)
    assert many[0]["multilabel"].shape == (43,)
    names = [many.classes.names[k] for k in np.flatnonzero(many[0]["multilabel"])]
    assert names == ["Airports", "Non-irrigated arable land"]


def test_bigearthnet_of_one_sensor_needs_no_file_of_the_other(tmp_path):
    root = written(LAYOUTS["bigearthnet"], tmp_path)
    shutil.rmtree(root / "BigEarthNet-v1.0")
    radar = geoloom.datasets.BigEarthNet(root, "train", bands="s1")
    assert [band.name for band in radar.bands] == ["VH", "VV"]
    sample = radar[0]
    assert sample["image"][:, 0, 0].tolist() == [0, -1]
    assert np.flatnonzero(sample["multilabel"]).tolist() == [0, 17]
    assert radar.grid(0).shape == (120, 120)


def test_code_999_is_not_labelled(tmp_path):
    root = written(LAYOUTS["bigearthnetv2"], tmp_path)
    maps = geoloom.datasets.BigEarthNetV2(root, "train", labels="map", bands="s2")
    sample = maps[0]
    assert not bool(sample["valid"][80:].any())
    assert bool(sample["observed"].all())
    kinds = geoloom.datasets.BigEarthNetV2(root, "test")
    assert np.flatnonzero(kinds[0]["multilabel"]).tolist() == [18]


def test_so2sats_reflectance_is_what_weights_of_counts_are_fed(tmp_path):
    optical = geoloom.datasets.So2Sat(written(LAYOUTS["so2sat"], tmp_path), "train", "rgb")
    weights = get_weights("ResNet18_Weights.SENTINEL2_ALL_MOCO")
    found = match_known(optical.bands, weights.bands)
    rule = input_rule(weights, optical.bands, str(optical.dtype), found)
    given = np.array(rule.center) + np.array(rule.scale) * 0.25
    np.testing.assert_allclose(given, 0.25, err_msg="reflectance, and not counts of 10,000")
    radar = geoloom.datasets.So2Sat(tmp_path, "train", "s1")
    with pytest.raises(BandError):
        match_known(radar.bands, weights.bands)


def test_versions_of_so2sat_are_other_files(tmp_path):
    root = written(LAYOUTS["so2sat"], tmp_path)
    (root / "block").mkdir()
    (root / "training.h5").rename(root / "block" / "training.h5")
    (root / "testing.h5").rename(root / "block" / "testing.h5")
    assert len(geoloom.datasets.So2Sat(root, "test", version="3_block")) == 2
    with pytest.raises(DatasetError, match="So2Sat has no split 'val'"):
        geoloom.datasets.So2Sat(root, "val", version="3_block")
    with pytest.raises(DatasetError, match=r"there is no training\.h5"):
        geoloom.datasets.So2Sat(root, "train")


def test_no_crop_of_cv4a_is_no_class(tmp_path):
    stored = np.array([[[0, 1, 7]]], np.uint8)
    known = get_benchmark("cv4akenyacroptype")
    codes, labelled = known.targets[0].coding.classes_of(stored, "label.tif")
    assert (codes.tolist(), labelled.tolist()) == ([[0, 0, 6]], [[False, True, True]])
    with pytest.raises(ReadError, match="holds the value 8"):
        known.targets[0].coding.classes_of(stored + 1, "label.tif")


def test_crops_of_zuericrop_beyond_the_table_are_not_labelled():
    coding = get_benchmark("zuericrop").targets[0].coding
    codes, labelled = coding.classes_of(np.array([[[0.0, 48.0, 60.0]]]), "gt")
    assert (codes.tolist(), labelled.tolist()) == ([[0, 47, 0]], [[False, True, False]])
