"""Which folders are classes of pictures and which are scenes; and which samples a folder holds."""

from __future__ import annotations

import logging

import pytest
from picture_folders import write, write_placed

import geoloom as gl
from geoloom.core.errors import DatasetError, ReadError
from geoloom.datasets import ImageFolder, RasterDataset, Sentinel2
from geoloom.datasets.layouts.class_folders import ClassFolders

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


class TestFind:
    def test_samples_by_class_and_name(self, tmp_path):
        write(tmp_path, {"river": 2, "forest": 1})
        (tmp_path / "LICENSE.txt").write_text("free")
        (tmp_path / ".cache").mkdir()
        (tmp_path / "river" / "._00.png").write_bytes(b"of another system")
        listing = ClassFolders().find(tmp_path)
        assert listing.columns["file"].tolist() == ["forest/00.png", "river/00.png", "river/01.png"]
        assert listing.classes.names == ("forest", "river")
        assert listing.labels.tolist() == [0, 1, 1]
        assert listing.paths[1] == str(tmp_path / "river" / "00.png")
        assert listing.splits == {}

    def test_an_archive_unpacked_into_folders_of_folders(self, tmp_path):
        write(tmp_path / "ds" / "images", {"river": 2, "forest": 1})
        assert ClassFolders().find(tmp_path).root == tmp_path / "ds" / "images"

    def test_folders_of_splits(self, tmp_path):
        for split in ("train", "Validation", "test"):
            write(tmp_path / split, {"river": 2, "forest": 1})
        listing = ClassFolders().find(tmp_path)
        assert listing.splits == {"test": 3, "train": 3, "val": 3}
        assert listing.columns["file"][0] == "Validation/forest/00.png"
        assert listing.labels.tolist() == [0, 1, 1] * 3

    def test_classes_wanted_in_the_order_given(self, tmp_path):
        write(tmp_path, {"a": 1, "b": 2, "c": 1})
        listing = ClassFolders(("c", "b")).find(tmp_path)
        assert listing.classes.names == ("c", "b")
        assert listing.labels.tolist() == [0, 1, 1]
        with pytest.raises(DatasetError, match=r"no folder of class 'd'.*Known: a, b, c"):
            ClassFolders(("a", "d")).find(tmp_path)

    def test_names_of_files_give_columns(self, tmp_path):
        write_placed(tmp_path, {"a": 2, "b": 1}, name="f{number}_{folder}")
        found = ClassFolders(filename_regex=r"f(?P<flight>\d+)_").find(tmp_path)
        assert found.columns["flight"].tolist() == ["0", "1", "0"]
        with pytest.raises(DatasetError, match=r"does not match 'f0_a\.tif'"):
            ClassFolders(filename_regex="g").find(tmp_path)
        with pytest.raises(DatasetError, match="is not a pattern"):
            ClassFolders(filename_regex="(").find(tmp_path)

    def test_what_is_none_says_what_is_there(self, tmp_path, caplog):
        for counts, extra, why in (
            ({}, None, "holds no folder"),
            ({"a": 1, "b": 1}, "top.tif", r"top\.tif lies in .* itself"),
            ({"a": 1, "b": 0}, None, "fewer than two folders"),
            ({"a": 1, "b": 1, "a/deep": 1}, None, "holds pictures and folders, such as deep"),
            ({"train": 1, "val": 1}, None, r"00\.png lies in .*train itself"),
        ):
            root = tmp_path / str(len(list(tmp_path.iterdir())))
            root.mkdir()
            write(root, counts)
            if extra:
                (root / extra).touch()
            with pytest.raises(DatasetError, match=f"{why}.*expected two or more folders"):
                ClassFolders().find(root)
        root = write(tmp_path / "left", {"a": 1, "b": 1, "documents": 0})
        assert ClassFolders().find(root).classes.names == ("a", "b")
        assert "no pictures lie directly in documents" in caplog.text


class TestOpen:
    def test_pictures_without_a_place_are_classes(self, tmp_path, caplog):
        write(tmp_path, {"river": 2, "forest": 1}, ending="jpg")
        with caplog.at_level(logging.INFO):
            dataset = gl.open(tmp_path)
        assert isinstance(dataset, ImageFolder)
        assert "3 files opened as ImageFolder" in caplog.text
        chosen = gl.open(tmp_path, bands=["blue"], classes=["river", "forest"])
        assert chosen.classes.names == ("river", "forest")
        assert [band.name for band in chosen.bands] == ["blue"]

    def test_chips_with_a_place_named_after_their_folder_are_classes(self, tmp_path):
        write_placed(tmp_path, {"SeaLake": 2, "AnnualCrop": 3})
        assert isinstance(gl.open(tmp_path), ImageFolder)

    def test_an_option_of_rasters_asks_for_scenes(self, tmp_path):
        write_placed(tmp_path, {"SeaLake": 2, "AnnualCrop": 3})
        for options in ({"is_image": True}, {"nodata": 0}, {"crs": "EPSG:4326"}, {"scaled": True}):
            assert type(gl.open(tmp_path, **options)) is RasterDataset

    @pytest.mark.parametrize(
        "made",
        [
            {"side": 600},  # large
            {"step": 0},  # bands of one place, named after their scene
            {"counts": {"one": 1, "two": 1}},  # alone in its folder
            {"counts": {"2019": 2, "2020": 2}},
            {"counts": {"2019-06-30": 2, "2019-07-30": 2}},
            {"counts": {"images": 2, "before": 2}},
        ],
        ids=str,
    )
    def test_scenes_in_folders_are_scenes(self, tmp_path, made):
        counts = made.pop("counts", {"one": 2, "two": 2})
        write_placed(tmp_path, counts, bands=1, **made)
        dataset = gl.open(tmp_path)
        assert type(dataset) is RasterDataset
        assert len(dataset.scenes) == sum(counts.values())

    def test_scenes_of_different_sizes_and_of_a_sensor_are_scenes(self, tmp_path):
        write_placed(tmp_path / "a", {"one": 2}, bands=1)
        write_placed(tmp_path / "a", {"two": 2}, bands=1, side=20)
        assert type(gl.open(tmp_path / "a")) is RasterDataset
        name = "T32TPT_2020061{number}T101031_B04_10m"
        write_placed(tmp_path / "b", {"one": 2, "two": 2}, bands=1, name=name)
        assert type(gl.open(tmp_path / "b", bands=["B04"])) is Sentinel2

    def test_what_may_be_either_is_refused_with_both_ways(self, tmp_path):
        write_placed(tmp_path, {"chico": 2, "claremont": 2}, name="{number}")
        with pytest.raises(DatasetError) as refused:
            gl.open(tmp_path)
        said = str(refused.value)
        assert "chips in folders of their classes, or scenes in folders" in said
        assert f"ImageFolder('{tmp_path}')" in said
        assert f"geoloom.open('{tmp_path}', is_image=True)" in said
        assert len(ImageFolder(tmp_path)) == 4
        assert len(gl.open(tmp_path, is_image=True).scenes) == 4

    def test_pictures_beside_their_masks_are_no_classes(self, tmp_path):
        write(tmp_path, {"images": 2, "masks": 2})
        with pytest.raises(DatasetError, match="images, masks: these sound like parts of samples"):
            gl.open(tmp_path)
        assert len(ImageFolder(tmp_path)) == 4

    def test_other_folders_are_opened_as_ever(self, tmp_path):
        write(tmp_path / "flat", {"only": 2})
        with pytest.raises(ReadError, match="no georeference"):
            gl.open(tmp_path / "flat")
        write_placed(tmp_path / "scenes", {".": 2}, bands=1)
        assert type(gl.open(tmp_path / "scenes")) is RasterDataset


@pytest.mark.shared
class TestRealFolders:
    def test_uc_merced(self, shared_data):
        dataset = gl.open(shared_data / "ucmerced_chips")
        assert isinstance(dataset, ImageFolder)
        assert len(dataset) == 840
        assert set(dataset.class_counts().values()) == {40}
        assert dataset.sizes[256, 256] == 825
        assert [band.role for band in dataset.bands] == ["red", "green", "blue"]

    def test_scenes_are_no_classes(self, shared_data):
        for name in (
            "cbers_timeseries",
            "naip_multiyear_northdakota",
            "pucallpa_landsat_multidate",
        ):
            assert isinstance(gl.open(shared_data / name, is_image=None), gl.datasets.GeoDataset)
