"""Raster files as samples: which scene, which band, which pixel, which dtype."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.bands import Band
from geoloom.core.errors import BandError, DatasetError, QueryError, ReadError
from geoloom.core.interval import Interval
from geoloom.core.query import Query
from geoloom.datasets.raster import RasterDataset
from geoloom.io.raster import read

DATED = r".*(?P<date>\d{4})\.tif"


def noise(grid, bands=3, dtype="int16", seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 200, (bands, *grid.shape)).astype(dtype)


def test_a_window_of_a_scene_is_copied_bit_for_bit(raster, utm):
    values = noise(utm)
    dataset = RasterDataset(raster("a.tif", values))
    sample = dataset[utm[10:30, 20:60]]
    np.testing.assert_array_equal(sample["image"], values[:, 10:30, 20:60])
    assert sample["image"].numpy().dtype == np.int16
    assert sample["valid"].all()
    assert sample["crs"] == "EPSG:32633"
    assert sample["transform"].tolist() == [30, 0, 600600, 0, -30, 4499700]
    assert sample["bounds"].tolist() == [600600, 4499100, 601800, 4499700]


def test_another_grid_is_read_in_one_step(raster, utm):
    path = raster("a.tif", noise(utm))
    grid = GeoBox((20, 20), Affine(2e-4, 0, 16.185, 0, -2e-4, 40.64), "EPSG:4326")
    sample, once = RasterDataset(path)[grid], read(path, grid)
    assert once.valid.any()
    np.testing.assert_array_equal(sample["image"], once.values)
    np.testing.assert_array_equal(sample["valid"], once.valid)


def test_pixels_beyond_the_scene_are_not_valid(raster, utm):
    dataset = RasterDataset(raster("a.tif", 7))
    sample = dataset[utm.pad(2)]
    assert sample["valid"].sum() == utm.shape[0] * utm.shape[1]
    assert not sample["valid"][:2].any()


def test_labels_are_codes_and_class_0_is_a_class(raster, utm):
    codes = noise(utm, 1, "uint8")[0] % 4
    dataset = RasterDataset(raster("a.tif", codes), is_image=False)
    sample = dataset[utm]
    assert "image" not in sample
    np.testing.assert_array_equal(sample["mask"], codes)
    assert sample["mask"].numpy().dtype == np.int64
    assert sample["valid"].all()
    grid = GeoBox((30, 40), Affine(37, 0, 600011, 0, -37, 4499990), "EPSG:32633")
    assert set(np.unique(dataset[grid]["mask"])) <= {0, 1, 2, 3}


def test_nodata_by_tag_and_by_override(raster, utm):
    values = noise(utm, 2)
    values[0, 0, 0], values[1, 1, 1] = -9, 5
    tagged = RasterDataset(raster("a.tif", values, nodata=-9))
    assert not tagged[utm]["valid"][0, 0]
    assert tagged[utm]["valid"][1, 1]
    given = RasterDataset(raster("b.tif", values[1:]), nodata=5)
    np.testing.assert_array_equal(given[utm]["valid"], values[1] != 5)


@pytest.mark.parametrize(
    ("stored", "given", "dtype"),
    [
        ("uint8", "native", "uint8"),
        ("int16", "native", "int16"),
        ("uint16", "native", "float32"),
        ("uint32", "native", "int64"),
        ("float32", "native", "float32"),
        ("float64", "native", "float64"),
        ("uint8", "float32", "float32"),
    ],
)
def test_images_keep_their_dtype_where_torch_computes_with_it(raster, utm, stored, given, dtype):
    values = noise(utm, 1, stored)
    sample = RasterDataset(raster("a.tif", values), dtype=given)[utm]
    assert str(sample["image"].dtype) == f"torch.{dtype}"
    np.testing.assert_array_equal(sample["image"], values)


class TestMosaic:
    @pytest.fixture
    def folder(self, raster, utm, tmp_path):
        for year, value in (("2018", 1), ("2019", 2), ("2020", 3)):
            values = np.full((2, *utm.shape), value, "int16")
            if year == "2020":
                values[:, :, 40:] = -1
                values[0, :, 30:40] = 77
            raster(f"s/x_{year}.tif", values, nodata=-1)
        return tmp_path / "s"

    def make(self, folder, **options):
        return RasterDataset(folder, filename_regex=DATED, date_format="%Y", **options)

    def test_the_newest_observation_wins(self, folder, utm):
        image = self.make(folder)[utm]["image"].numpy()
        assert (image[:, :, :30] == 3).all()
        assert (image[:, :, 40:] == 2).all()

    def test_the_first_by_name_wins(self, folder, utm):
        assert (self.make(folder, mosaic="first")[utm]["image"] == 1).all()

    def test_the_mean_of_what_was_observed(self, folder, utm):
        sample = self.make(folder, mosaic="mean")[utm]
        assert str(sample["image"].dtype) == "torch.float32"
        assert (sample["image"][:, :, :30] == 2).all()
        assert (sample["image"][:, :, 40:] == 1.5).all()

    def test_the_time_of_the_query_chooses(self, folder, utm):
        dataset = self.make(folder)
        assert (dataset[Query(utm, Interval.of("2018"))]["image"] == 1).all()
        late = dataset[Query(utm, Interval.of("2020"))]
        assert not late["valid"][:, 40:].any()

    def test_a_pixels_bands_come_from_one_scene(self, folder, utm):
        """Band 1 of 2020 was observed there: band 2 is not borrowed from another year."""
        image = self.make(folder)[utm]["image"].numpy()
        assert (image[0, :, 30:40] == 77).all()
        assert (image[1, :, 30:40] == 3).all()

    def test_a_mean_of_codes_is_refused(self, folder):
        with pytest.raises(DatasetError, match="mosaic='newest'"):
            self.make(folder, mosaic="mean", is_image=False)
        with pytest.raises(DatasetError, match="'newst'; did you mean 'newest'"):
            self.make(folder, mosaic="newst")


class TestBands:
    @pytest.fixture
    def folder(self, raster, utm, tmp_path):
        for position, band in enumerate(("B1", "B2", "QA")):
            raster(f"s/T_{band}.tif", noise(utm, 1, seed=position))
        return tmp_path / "s"

    def make(self, folder, **options):
        declared = (Band("B1", "red", scale=0.5, offset=-1.0), Band("B2", "nir"), Band("QA", "qa"))
        return RasterDataset(
            folder,
            filename_regex=r"(?P<scene>\w)_(?P<band>\w+)\.tif",
            separate_files=True,
            all_bands=declared,
            **options,
        )

    def test_names_and_roles_choose_bands_in_order(self, folder, utm):
        dataset = self.make(folder, bands=["nir", "B1"])
        assert [b.name for b in dataset.bands] == ["B2", "B1"]
        expected = np.concatenate([noise(utm, 1, seed=1), noise(utm, 1, seed=0)])
        np.testing.assert_array_equal(dataset[utm]["image"], expected)
        assert dataset.with_bands(["B1"]) == self.make(folder, bands=["B1"])
        np.testing.assert_array_equal(dataset.with_bands(["B1"])[utm]["image"], expected[1:])

    def test_an_unknown_band_is_answered_with_the_nearest(self, folder):
        with pytest.raises(BandError, match=r"'B3'\. Known: B1, B2, QA"):
            self.make(folder, bands=["B3"])
        with pytest.raises(BandError, match=r"write \['B1'\]"):
            self.make(folder, bands="B1")

    def test_scale_and_offset_on_request(self, folder, utm):
        image = self.make(folder, bands=["B1", "B2"], scaled=True)[utm]["image"]
        np.testing.assert_allclose(image[0], noise(utm, 1, seed=0)[0] * 0.5 - 1)
        np.testing.assert_array_equal(image[1], noise(utm, 1, seed=1)[0])

    def test_quality_bits_are_never_averaged(self, folder, utm):
        grid = GeoBox((30, 40), Affine(37, 0, 600111, 0, -37, 4499890), "EPSG:32633")
        image = self.make(folder, resampling="bilinear")[grid]["image"]
        nearest = read(folder / "T_QA.tif", grid, resampling="nearest").values[0]
        bilinear = read(folder / "T_B2.tif", grid, resampling="bilinear").values[0]
        np.testing.assert_array_equal(image[2], nearest)
        np.testing.assert_array_equal(image[1], bilinear)


def test_bands_of_different_resolution_come_onto_one_grid(raster, utm, tmp_path):
    coarse = GeoBox((30, 40), utm.affine @ Affine.scale(2), utm.crs)
    fine_values, coarse_values = noise(utm, 1), noise(coarse, 1, seed=1)
    raster("T_B1.tif", fine_values)
    raster("T_B2.tif", coarse_values, coarse)
    dataset = RasterDataset(
        tmp_path, filename_regex=r"T_(?P<band>B\d)", separate_files=True, resampling="nearest"
    )
    assert dataset.regions[0].frame == utm
    image = dataset[utm]["image"]
    np.testing.assert_array_equal(image[0], fine_values[0])
    np.testing.assert_array_equal(image[1], coarse_values[0].repeat(2, 0).repeat(2, 1))


def test_classes_come_from_the_palette_of_the_file(raster, utm):
    path = raster("a.tif", np.ones(utm.shape, "uint8"))
    with rasterio.open(path, "r+") as target:
        target.write_colormap(1, {1: (0, 128, 0), 2: (255, 0, 0)})

    class Cover(RasterDataset):
        is_image = False
        class_names = {1: "trees", 2: "fire"}  # noqa: RUF012

    classes = Cover(path).classes
    assert (classes.names, classes.codes) == (("trees", "fire"), (1, 2))
    assert classes.colors == ("#008000", "#ff0000")
    assert RasterDataset(path, is_image=False).classes is None


def test_a_common_grid_is_one_lattice_for_all_scenes(raster, utm, tmp_path):
    zone_34 = GeoBox((60, 80), Affine(30, 0, 100_000, 0, -30, 4_506_000), "EPSG:32634")
    raster("a.tif", 1)
    raster("b.tif", 2, zone_34)
    native = RasterDataset(tmp_path)
    assert {r.crs.epsg for r in native.regions} == {32633, 32634}
    assert (native.crs, native.res) == ("EPSG:32633", (30, 30))
    common = RasterDataset(tmp_path, crs="EPSG:3035", res=25)
    assert common.res == (25, 25)
    for region in common.regions:
        affine = region.frame.affine
        assert (affine.a, affine.c % 25, affine.f % 25) == (25, 0, 0)
        assert region.crs == common.crs == "EPSG:3035"
    halves = RasterDataset(tmp_path / "a.tif", res=(60, 15))
    assert halves.regions[0].frame.shape == (120, 40)


class TestIdentity:
    def test_equal_options_make_equal_datasets(self, raster):
        path = raster("a.tif", 1, bands=2)
        one = RasterDataset(path)
        assert one == RasterDataset([path]) == RasterDataset(root=str(path))
        assert hash(one) == hash(RasterDataset(path))
        assert one != RasterDataset(path, bands=["1"])
        assert one != RasterDataset(path, resampling="cubic")
        assert one != "a.tif"

    def test_transforms_make_another_dataset(self, raster, utm):
        plain = RasterDataset(raster("a.tif", 3))

        def doubled(sample):
            return {**sample, "image": sample["image"] * 2}

        doubling = plain.with_transforms(doubled)
        assert (doubling[utm]["image"] == 6).all()
        assert (plain[utm]["image"] == 3).all()
        assert plain != doubling
        assert doubling == RasterDataset(plain._paths, transforms=doubled)

    def test_it_travels_to_other_processes(self, raster, utm):
        dataset = RasterDataset(raster("a.tif", 3))
        again = pickle.loads(pickle.dumps(dataset))
        assert again == dataset
        assert (again[utm]["image"] == 3).all()


class TestRefusals:
    def test_a_query_elsewhere_says_where_the_data_is(self, raster, utm):
        dataset = RasterDataset(raster("a_2019.tif", 1), filename_regex=DATED, date_format="%Y")
        with pytest.raises(QueryError, match=r"longitude 16\.\d+.*latitude 40"):
            dataset[GeoBox((4, 4), Affine(1, 0, 0, 0, -1, 0), "EPSG:4326")]
        with pytest.raises(QueryError, match=r"during \[2021-01-01"):
            dataset[Query(utm, Interval.of("2021"))]

    def test_an_integer_is_no_query(self, raster):
        with pytest.raises(QueryError, match="Query or a GeoBox, got int"):
            RasterDataset(raster("a.tif", 1))[0]

    def test_paths_are_given_once(self, raster, tmp_path):
        with pytest.raises(DatasetError, match="same argument"):
            RasterDataset(tmp_path, root=tmp_path)

    def test_the_default_folder_is_data(self, tmp_path, monkeypatch, raster):
        raster("data/a.tif", 1)
        monkeypatch.chdir(tmp_path)
        assert len(RasterDataset()) == 1

    def test_a_missing_crs_can_be_given(self, raster, utm, tmp_path):
        path = tmp_path / "bare.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=80, height=60, count=1, dtype="uint8",
            transform=utm.affine,
        ) as target:  # fmt: skip
            target.write(np.full((1, 60, 80), 4, "uint8"))
        with pytest.raises(ReadError, match=r"bare\.tif has a transform but no CRS"):
            RasterDataset(path)
        sample = RasterDataset(path, assume_crs="EPSG:32633")[utm]
        assert (sample["image"] == 4).all()

    def test_a_pixel_size_is_positive(self, raster):
        with pytest.raises(DatasetError, match="positive"):
            RasterDataset(raster("a.tif", 1), res=0).regions  # noqa: B018


def test_a_file_rewritten_on_another_grid_is_refused(raster, utm, tmp_path):
    raster("a_20190101.tif", 5)
    raster("a_20200101.tif", 6)
    index = tmp_path / "index.parquet"
    folder, dated = tmp_path / "*.tif", {"filename_regex": r"a_(?P<date>\d{8})"}
    kept = {**dated, "index": index}
    datasets = [RasterDataset(folder, **options) for options in (dated, kept, kept)]
    pickled = [pickle.loads(pickle.dumps(dataset)) for dataset in datasets]
    moved = GeoBox(utm.shape, Affine.translation(30_000, 0) @ utm.affine, utm.crs)
    raster("a_20200101.tif", 7, moved)
    for dataset in datasets + pickled:
        with pytest.raises(
            ReadError, match=r"a_20200101\.tif was replaced .* \(600000, .* \(630000, .* again"
        ):
            dataset[utm]
    assert (RasterDataset(folder, **dated)[moved]["image"] == 7).all()


def test_a_band_rewritten_on_another_grid_is_refused_among_others(raster, utm, tmp_path):
    """The band is not the finest, whose grid the scene has."""
    options = {
        "separate_files": True,
        "filename_regex": r"(?P<scene>s)_(?P<band>B\d)\.tif",
        "index": tmp_path / "index.parquet",
    }
    coarse = utm.zoom_out(2)
    raster("s_B1.tif", 1)
    raster("s_B2.tif", 2, coarse)
    dataset, kept = (RasterDataset(tmp_path, **options) for _ in range(2))
    raster("s_B2.tif", 2, coarse.pad(1))
    for one in (dataset, kept):
        assert one.with_bands(["B1"])[utm]["valid"].all()
        with pytest.raises(ReadError, match=r"s_B2\.tif was replaced .* 30 x 40 .* 32 x 42 pixels"):
            one[utm]


def test_what_cannot_be_read_in_an_epoch_is_left_out_where_that_is_asked_for(
    raster, utm, tmp_path, caplog
):
    """A file cut off, one that went, one that was replaced by something else."""
    for year in range(2016, 2021):
        raster(f"a_{year}.tif", noise(utm, seed=year))
    options = {"filename_regex": DATED, "date_format": "%Y", "res": 30}
    strict = RasterDataset(tmp_path, **options)
    lenient = RasterDataset(tmp_path, on_error="skip", **options)
    assert strict != lenient
    queries = [Query(utm, Interval.of(str(year))) for year in range(2016, 2021)]
    expected = strict[queries[0]]["image"]
    damaged = (tmp_path / "a_2018.tif").read_bytes()
    (tmp_path / "a_2018.tif").write_bytes(damaged[:-4000])
    (tmp_path / "a_2019.tif").unlink()
    (tmp_path / "a_2020.tif").write_bytes(b"II*\0")
    with pytest.raises(ReadError):
        strict[queries[2]]
    with pytest.raises(ReadError):
        strict.__getitems__(queries)
    for one in (lenient, pickle.loads(pickle.dumps(lenient)), lenient.with_bands(["2", "1", "3"])):
        caplog.clear()
        for _ in range(2):
            samples = one.__getitems__(queries)
        order = [1, 0, 2] if one.bands[0].name == "2" else [0, 1, 2]
        assert (samples[0]["image"] == expected[order]).all()
        assert [bool(s["valid"].all()) for s in samples] == [True, True, False, False, False]
        assert not any(s["valid"].any() for s in samples[2:])
        assert len({s["image"].dtype for s in samples}) == 1
        messages = [r.message for r in caplog.records if "is left out" in r.message]
        assert len(messages) == 3
        assert "3 of 5 so far" in messages[-1]
    newest = lenient[utm]["image"]
    assert (newest == RasterDataset(tmp_path / "a_2017.tif")[utm]["image"]).all()


def test_scenes_whose_pixels_cannot_be_looked_at_are_left_out_where_that_is_asked_for(
    raster, utm, tmp_path, caplog
):
    for year in (2019, 2020):
        raster(f"a_{year}.tif", noise(utm, seed=year), nodata=0)
    damaged = (tmp_path / "a_2020.tif").read_bytes()
    (tmp_path / "a_2020.tif").write_bytes(damaged[:-4000])
    options = {"filename_regex": DATED, "date_format": "%Y", "footprints": "valid"}
    with pytest.raises(ReadError):
        RasterDataset(tmp_path, **options)
    dataset = RasterDataset(tmp_path, on_error="skip", **options)
    assert [scene.name for scene in dataset.scenes] == ["a_2019"]
    assert "1 of 2 scenes cannot be read" in caplog.text


@pytest.mark.parametrize("bands", [None, ["2", "3"]])
def test_a_file_rewritten_with_fewer_bands_is_refused(raster, utm, bands):
    path = raster("a.tif", noise(utm))
    dataset = RasterDataset(path, bands=bands)
    raster("a.tif", noise(utm, bands=2))
    os.utime(path, ns=(1, 1))
    with pytest.raises(ReadError, match=r"a\.tif was replaced .*band 3 is requested, and it has 2"):
        dataset[utm]


def test_a_search_that_found_nothing_is_refused_as_such():
    with pytest.raises(DatasetError, match="paths is empty"):
        RasterDataset([])


def test_a_path_that_does_not_exist_is_reported_once_by_its_error(tmp_path, caplog):
    with pytest.raises(DatasetError, match="does not exist"):
        RasterDataset(tmp_path / "nowhere")
    assert not caplog.records
